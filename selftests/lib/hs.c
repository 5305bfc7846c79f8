// SPDX-License-Identifier: GPL-2.0-or-later
/* The handshake without cryptography. See hs.h. */
#include <openssl/rand.h>
#include <string.h>

#include "harness.h"
#include "hs.h"

/* A message with the header of Finished. It marks the end of a flight, in plaintext and
 * encrypted.
 */
static const uint8_t fin[] = { 20, 0, 0, 12, 'f', 'l', 'i', 'g', 'h', 't', ' ', 'e', 'n', 'd', 's', '.' };

void hs_init(struct hs *hs, uint16_t suite)
{
	memset(hs, 0, sizeof(*hs));
	hs->suite = tls_suite(suite);
	ASSERT_EQ(1, RAND_bytes(hs->client_secret, sizeof(hs->client_secret)));
	ASSERT_EQ(1, RAND_bytes(hs->server_secret, sizeof(hs->server_secret)));
	ASSERT_EQ(1, RAND_bytes(hs->client_iv, sizeof(hs->client_iv)));
	ASSERT_EQ(1, RAND_bytes(hs->server_iv, sizeof(hs->server_iv)));
	ASSERT_EQ(1, RAND_bytes(hs->exporter, sizeof(hs->exporter)));
	hs->exporter_len = hs->suite->version == KTLS_TLS_1_3 ?
			   hs->suite->hash : sizeof(hs->exporter);
	hs->nonce = 0x0123456789abcdefULL;
	/* In 1.2 the Finished was record 0 of the new keys. */
	if (hs->suite->version == KTLS_TLS_1_2)
		hs->client_seq = hs->server_seq = 1;
}

static size_t put_record(uint8_t *out, uint8_t type, uint8_t minor, const void *data, size_t len)
{
	out[0] = type;
	out[1] = 3;
	out[2] = minor;
	out[3] = len >> 8;
	out[4] = len;
	memcpy(out + 5, data, len);
	return 5 + len;
}

/* A ClientHello or ServerHello: version, random, and zeros. */
static size_t put_hello(uint8_t *out, uint8_t type, uint8_t minor)
{
	uint8_t body[4 + 2 + 32 + 44] = { type, 0, 0, sizeof(body) - 4, 3, 3 };

	memset(body + 6, 0x5a, 32);
	return put_record(out, CT_HANDSHAKE, minor, body, sizeof(body));
}

size_t hs_flight(const struct hs *hs, enum hs_flight which, uint8_t *out)
{
	bool v13 = hs->suite->version == KTLS_TLS_1_3;
	size_t n = 0;

	if (which == HS_CLIENT_HELLO)
		return put_hello(out, 1, 1);
	if (which == HS_SERVER_FLIGHT)
		n = put_hello(out, 2, 3);
	n += put_record(out + n, CT_CCS, 3, "\1", 1);
	n += put_record(out + n, v13 ? CT_DATA : CT_HANDSHAKE, 3, fin, sizeof(fin));
	return n;
}

size_t hs_flight_end(const uint8_t *records, size_t len)
{
	size_t at = 0;

	while (at + 5 <= len) {
		size_t n = records[at + 3] << 8 | records[at + 4];

		if (at + 5 + n > len)
			return 0;
		if (n == sizeof(fin) && !memcmp(records + at + 5, fin, n))
			return at + 5 + n;
		at += 5 + n;
	}
	return 0;
}
