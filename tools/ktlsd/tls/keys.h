/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys, nonces and sequence numbers with which the kernel takes over a connection
 * when its handshake is complete. Functions here belong to the thread of their handshake.
 */
#ifndef KTLSD_KEYS_H
#define KTLSD_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "errors.h"

struct ktlsd_handshake;
struct ktlsd_result;

/**
 * struct ktlsd_direction - keys of one direction
 * @secret: TLS 1.3: traffic secret of generation 0; TLS 1.2: the AEAD key
 * @secret_len: bytes, 0 while unknown
 * @iv: TLS 1.2: the implicit part of the nonce
 * @iv_len: bytes
 * @seq: sequence number of the next record
 */
struct ktlsd_direction {
	uint8_t		secret[KTLS_GENL_SECRET_MAX];
	size_t		secret_len;
	uint8_t		iv[12];
	size_t		iv_len;
	uint64_t	seq;
};

/**
 * struct ktlsd_nonce_scanner - finds the explicit nonce in the records we send (TLS 1.2)
 * @after_ccs: ChangeCipherSpec went by
 * @found: a handshake record after it went by
 * @nonce: explicit nonce of the last such record
 */
struct ktlsd_nonce_scanner {
	bool		after_ccs;
	bool		found;
	uint64_t	nonce;
};

/**
 * struct ktlsd_record_counter - records of one direction under the keys that the kernel gets
 * @started: those keys are in use
 * @records: sealed, or opened, with them
 */
struct ktlsd_record_counter {
	bool		started;
	uint64_t	records;
};

/**
 * struct ktlsd_traffic_secrets - TLS 1.3 secrets, as they were derived or OpenSSL's keylog
 * callback passed them
 * @client: CLIENT_TRAFFIC_SECRET_0
 * @server: SERVER_TRAFFIC_SECRET_0
 * @exporter: EXPORTER_SECRET
 * @client_len: bytes, 0 while unknown; likewise the others
 * @are_derived: they come from the derivation: the callback is not needed
 */
struct ktlsd_traffic_secrets {
	uint8_t	client[KTLS_GENL_SECRET_MAX];
	uint8_t	server[KTLS_GENL_SECRET_MAX];
	uint8_t	exporter[KTLS_GENL_SECRET_MAX];
	size_t	client_len;
	size_t	server_len;
	size_t	exporter_len;
	bool	are_derived;
};

/**
 * ktlsd_keys_listen - set the keylog callback of OpenSSL for the next steps of a handshake
 * @hs: the handshake
 *
 * The callback belongs to the SSL_CTX, which handshakes of one thread share: call this before
 * OpenSSL goes on with @hs. For the callback OpenSSL prints each secret in hexadecimal, a
 * twentieth of all that a handshake costs. So it is set only once @hs->keys_due, and not if
 * secrets.c gets the secrets, but for key_log.
 */
void ktlsd_keys_listen(struct ktlsd_handshake *hs);

/**
 * ktlsd_keys_take_derived - called by secrets.c with every secret that OpenSSL derives
 * @hs: the handshake
 * @label: Label of HKDF-Expand-Label (RFC 8446 7.1), without "tls13 "
 * @label_len: bytes
 * @secret: result
 * @len: bytes
 */
void ktlsd_keys_take_derived(struct ktlsd_handshake *hs, const char *label, size_t label_len,
			     const uint8_t *secret, size_t len);

/* Scans whole records that are about to be sent. */
void ktlsd_keys_scan(struct ktlsd_nonce_scanner *scanner, const uint8_t *records,
		     size_t len);

/**
 * ktlsd_keys_expand - HKDF-Expand-Label of RFC 8446 7.1 with an empty Context
 * @digest: OpenSSL's name of the hash
 * @secret: Secret
 * @secret_len: bytes
 * @label: Label, without "tls13 "
 * @out: filled
 * @out_len: Length
 *
 * Return: 0 or -EPROTO
 */
int ktlsd_keys_expand(const char *digest, const uint8_t *secret, size_t secret_len,
		      const char *label, uint8_t *out, size_t out_len);

/**
 * ktlsd_keys_derive - fill in both directions, the nonce and the exporter secret
 * @hs: complete
 * @result: has its version and suite
 * @fault: on error
 *
 * Return: 0 or -EPROTO
 */
int ktlsd_keys_derive(struct ktlsd_handshake *hs, struct ktlsd_result *result,
		      struct ktlsd_fault *fault);

#endif
