/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A handshake without cryptography: records of the right form, and secrets that both ends
 * have from the beginning. The fake helper does it for a ktls socket, the scripted peer for
 * itself.
 *
 *	client				server
 *	hello ------------------------>
 *	      <------------------------ hello, CCS, fin
 *	CCS, fin --------------------->
 */
#ifndef _SELFTESTS_HS_H
#define _SELFTESTS_HS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tls.h"

#define HS_FLIGHT_MAX	512

struct hs {
	const struct tls_suite	*suite;
	uint8_t			client_secret[TLS_SECRET_MAX], server_secret[TLS_SECRET_MAX];
	uint8_t			client_iv[12], server_iv[12];
	uint64_t		client_seq, server_seq;	/* of the first records after it */
	uint64_t		nonce;			/* 1.2 GCM: first explicit nonce */
	uint8_t			exporter[112];	/* 1.2: master secret, both randoms */
	size_t			exporter_len;	/* 0: the helper passes none */
};

enum hs_flight { HS_CLIENT_HELLO, HS_SERVER_FLIGHT, HS_CLIENT_FIN };

void hs_init(struct hs *hs, uint16_t suite);
/* Writes a flight, whole records, to @out; returns its length. */
size_t hs_flight(const struct hs *hs, enum hs_flight which, uint8_t *out);
/* Return: bytes up to the end of a flight; 0: it is not complete. */
size_t hs_flight_end(const uint8_t *records, size_t len);

#endif /* _SELFTESTS_HS_H */
