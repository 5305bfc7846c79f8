/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The peer's certificate as text for KTLS_PEER_NAME, KTLS_PEER_SUBJECT and KTLS_PEER_NAMES.
 * Any thread.
 */
#ifndef KTLSD_PEER_CERT_H
#define KTLSD_PEER_CERT_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "lib/message.h"
#include "names.h"

/**
 * struct ktlsd_peer_cert - what programs can read about a verified certificate
 * @name: KTLS_PEER_NAME of a client with this certificate, or ""
 * @subject: KTLS_PEER_SUBJECT
 * @names: KTLS_PEER_NAMES
 * @fingerprint: KTLS_PEER_FINGERPRINT
 * @fingerprint_len: bytes, 0 if no certificate was verified
 */
struct ktlsd_peer_cert {
	char		name[KTLSD_NAME_MAX + 1];
	char		subject[KTLS_GENL_PEER_MAX + 1];
	char		names[KTLS_GENL_PEER_MAX + 1];
	uint8_t		fingerprint[KTLS_GENL_FINGERPRINT];
	size_t		fingerprint_len;
};

/* Fills @ret_peer from @cert, which must have been verified. */
void ktlsd_peer_cert_describe(X509 *cert, struct ktlsd_peer_cert *ret_peer);

#endif
