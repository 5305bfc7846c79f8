// SPDX-License-Identifier: GPL-2.0-or-later
/* The peer's records. A real peer shakes hands, and the input says how its bytes are changed
 * on their way: so the changes reach every state of the handshake, not only the first.
 *
 * The input is a byte for role and version, and then changes: how many bytes pass before it,
 * what it is, and its value.
 */
#include <stdbool.h>
#include <stdlib.h>

#include <openssl/err.h>

#include "fuzz.h"
#include "fuzz/fixed.h"
#include "fuzz/pki.h"
#include "tests/test_peer.h"

enum {
	RECORDS_TURNS	= 8,
	RECORDS_BATCH	= 40000,	/* bytes */
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_fixed_setup();
	ktlsd_log_open("fuzz", KTLSD_LOG_STDERR, KTLSD_LOG_ERROR);
	fuzz_pki_setup();
	return 0;
}

/* Changes the bytes behind @at, as the input says. Return: the new length. */
static size_t records_change(struct fuzz *fuzz, uint8_t *data, size_t len)
{
	size_t at = 0, part;
	const uint8_t *more;

	while (fuzz->len) {
		at += fuzz_byte(fuzz);
		if (at >= len)
			return len;
		switch (fuzz_byte(fuzz) % 5) {
		case 0:		/* another value */
			data[at] = fuzz_byte(fuzz);
			break;
		case 1:		/* a bit */
			data[at] ^= 1 << (fuzz_byte(fuzz) & 7);
			break;
		case 2:		/* bytes less */
			part = fuzz_byte(fuzz);
			part = part < len - at ? part : len - at;
			memmove(data + at, data + at + part, len - at - part);
			len -= part;
			break;
		case 3:		/* bytes more */
			more = fuzz_bytes(fuzz, fuzz_byte(fuzz), &part);
			if (len + part > RECORDS_BATCH)
				return len;
			memmove(data + at + part, data + at, len - at);
			memcpy(data + at, more, part);
			len += part;
			break;
		default:	/* this flight is over */
			return len;
		}
	}
	return len;
}

/* Return: whether the handshake goes on. */
static bool records_turn(struct fuzz *fuzz, struct test_side *side, struct test_peer *peer)
{
	BIO *in = SSL_get_rbio(peer->ssl), *out = SSL_get_wbio(peer->ssl);
	uint8_t data[RECORDS_BATCH];
	struct ktlsd_result result;
	size_t len = 0;
	char *from;
	long got;
	int ret;

	test_peer_step(peer);
	got = BIO_get_mem_data(out, &from);
	if (got > 0 && got < RECORDS_BATCH / 2) {
		memcpy(data, from, (size_t)got);
		len = records_change(fuzz, data, (size_t)got);
	}
	(void)BIO_reset(out);
	ret = ktlsd_handshake_run(side->handshake, data, len, &side->fault);
	if (side->handshake->output.len)
		BIO_write(in, side->handshake->output.data, (int)side->handshake->output.len);
	ktlsd_buffer_free(&side->handshake->output);
	if (ret == 1 && !ktlsd_handshake_finish(side->handshake, &result, &side->fault))
		ktlsd_handshake_wipe_result(&result);
	if (ret < 0 && !side->fault.reason[0])
		abort();
	return !ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz fuzz = { data, len };
	struct test_side side;
	struct test_peer peer;
	uint8_t kind = fuzz_byte(&fuzz);
	bool is_server = kind & 1;
	int i;

	fuzz_fixed_reset();
	test_side_init(&side, is_server ? KTLS_ROLE_SERVER : KTLS_ROLE_CLIENT);
	test_side_prepare(&side, is_server || kind & 8 ? pki.ec : NULL,
			  is_server || kind & 8 ? pki.ec_key : NULL, pki.ca);
	if (is_server && kind & 4)
		side.request.verify = KTLS_VERIFY_REQUIRED;
	test_peer_init(&peer, !is_server);
	if (!is_server || kind & 4)
		test_peer_credential(&peer, is_server ? pki.client : pki.ec, pki.ec_key);
	SSL_CTX_set_max_proto_version(peer.ctx, kind & 2 ? TLS1_2_VERSION : TLS1_3_VERSION);
	test_peer_begin(&peer);
	if (!test_side_begin(&side) &&
	    (is_server || records_turn(&fuzz, &side, &peer)))
		for (i = 0; i < RECORDS_TURNS && records_turn(&fuzz, &side, &peer); i++)
			;
	ERR_clear_error();
	test_peer_free(&peer);
	test_side_free(&side);
	return 0;
}
