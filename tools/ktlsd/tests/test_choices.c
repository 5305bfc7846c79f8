// SPDX-License-Identifier: GPL-2.0-or-later
/* External pre-shared keys, groups and signature algorithms of the program are used. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "test_peer.h"
#include "tls/algorithms.h"
#include "tls/psk.h"

/* --- external pre-shared keys --- */

static const struct ktls_psk choices_psk = {
	.identity_len = 4, .key_len = 32, .identity = "lamp", .key = "0123456789abcdef0123456789abcdef",
};

static struct ktls_psk choices_wrong;

/* Two of our handshakes against each other. */
static int choices_psk_shake(const struct ktls_psk *client_key,
			     const struct ktls_psk *server_key, bool cert,
			     struct ktlsd_result *results)
{
	struct test_side sides[2];
	struct ktlsd_buffer *out;
	int i, side;

	test_side_init(&sides[0], KTLS_ROLE_CLIENT);
	test_side_init(&sides[1], KTLS_ROLE_SERVER);
	sides[1].request.verify = cert ? KTLS_VERIFY_NONE : KTLS_VERIFY_REQUIRED;
	test_side_prepare(&sides[0], NULL, NULL, pki.ca);
	test_side_prepare(&sides[1], cert ? pki.ec : NULL, pki.ec_key, pki.ca);
	for (side = 0; side < 2; side++)
		assert_int_equal(test_side_begin(&sides[side]), 0);
	if (client_key)
		ktlsd_psk_use(sides[0].handshake, client_key);
	if (server_key)
		ktlsd_psk_use(sides[1].handshake, server_key);

	test_side_feed(&sides[0], NULL, 0, NULL);
	for (i = 1; i < 10 && sides[0].last >= 0 && sides[1].last >= 0; i++) {
		side = i % 2;
		out = &sides[!side].handshake->output;
		if (!out->len)
			break;
		test_side_feed(&sides[side], out->data, out->len, NULL);
		ktlsd_buffer_free(out);
	}
	i = sides[0].last == 1 && sides[1].last == 1 ? 0 : -1;
	for (side = 0; side < 2; side++) {
		if (!i)
			assert_int_equal(ktlsd_handshake_finish(sides[side].handshake,
								&results[side],
								&sides[side].fault), 0);
		test_side_free(&sides[side]);
	}
	return i;
}

static void choices_external_key(void **state)
{
	struct ktlsd_result results[2];
	int side;

	(void)state;
	assert_int_equal(choices_psk_shake(&choices_psk, &choices_psk, false, results), 0);
	for (side = 0; side < 2; side++) {
		assert_true(results[side].verified);
		assert_false(results[side].resumed);
		assert_string_equal(results[side].peer_name, "lamp");
		assert_int_equal(results[side].version, KTLS_TLS_1_3);
		assert_int_equal(results[side].tx.seq, 0);
	}
	/* The same identity with another key: fatal, even if there is a certificate. */
	choices_wrong = choices_psk;
	choices_wrong.key[0] ^= 1;
	assert_int_equal(choices_psk_shake(&choices_wrong, &choices_psk, true, results), -1);
	/* Another identity: the server's certificate, if there is one. */
	choices_wrong.identity[0] ^= 1;
	assert_int_equal(choices_psk_shake(&choices_wrong, &choices_psk, true, results), 0);
	assert_string_equal(results[0].peer_name, "server.test");
	assert_false(results[1].verified);
	assert_int_equal(choices_psk_shake(&choices_wrong, &choices_psk, false, results), -1);
	assert_int_equal(choices_psk_shake(NULL, &choices_psk, false, results), -1);
	assert_int_equal(choices_psk_shake(&choices_psk, NULL, true, results), 0);
	assert_string_equal(results[0].peer_name, "server.test");
}

/* --- groups and signature algorithms --- */

/* How many the server has got: two after a HelloRetryRequest. */
static unsigned int choices_hellos;

/* Mask of groups that a policy forbids. */
static uint32_t choices_forbidden;

static void choices_note_hello(int written, int version, int type, const void *data, size_t len,
			       SSL *ssl, void *arg)
{
	(void)version;
	(void)ssl;
	(void)arg;
	if (!written && type == SSL3_RT_HANDSHAKE && len &&
	    *(const uint8_t *)data == SSL3_MT_CLIENT_HELLO)
		choices_hellos++;
}

static int choices_choose(const char *groups, const char *sigalgs,
			  struct ktlsd_result *result, char *reason)
{
	struct test_side side;
	struct test_peer peer;
	int err;

	test_peer_init(&peer, true);
	/* Without preferences of its own, of which the list of OpenSSL 3.5 has some. */
	SSL_CTX_set1_groups_list(peer.ctx, "X25519:P-256:X448:P-384");
	SSL_CTX_set_msg_callback(peer.ctx, choices_note_hello);
	choices_hellos = 0;
	test_peer_credential(&peer, pki.ec, pki.ec_key);
	test_peer_begin(&peer);
	test_side_init(&side, KTLS_ROLE_CLIENT);
	strcpy(side.request.groups, groups);
	side.request.bounds.no_groups = choices_forbidden;
	strcpy(side.request.sigalgs, sigalgs);
	test_side_prepare(&side, NULL, NULL, pki.ca);
	err = test_side_begin(&side);
	if (!err) {
		test_peer_shake(&side, &peer);
		err = side.last == 1 ? ktlsd_handshake_finish(side.handshake, result,
							      &side.fault)
				     : -EPROTO;
	}
	strcpy(reason, side.fault.reason);
	test_side_free(&side);
	test_peer_free(&peer);
	return err;
}

static void choices_algorithms(void **state)
{
	static const char *const bad[] = {
		"", ":", "X25519:", ":X25519", "DEFAULT", "*X25519", "-X25519", "ffdhe2048",
		"X25519:?P-256", "x", "X25519/P-256",
	};
	struct ktlsd_result result;
	char reason[300];
	size_t i;

	(void)state;
	assert_int_equal(choices_choose("secp384r1:X25519", "", &result, reason), 0);
	assert_int_equal(result.group, 24);
	assert_int_equal(choices_choose("P-256:secp256r1:X25519", "", &result, reason), 0);
	assert_int_equal(result.group, 23);
	assert_int_equal(choices_choose("X448", "", &result, reason), 0);
	assert_int_equal(result.group, 30);
	assert_int_equal(choices_hellos, 1);
	assert_int_equal(choices_choose("P-256:X25519MLKEM768", "", &result, reason),
			 test_peer_default_group() == 29 ? -EINVAL : 0);
	assert_int_equal(choices_choose("", "ecdsa_secp256r1_sha256", &result, reason), 0);
	assert_int_equal(result.sigalg, 0x0403);
	assert_int_equal(choices_choose("", "rsa_pss_rsae_sha256", &result, reason), -EPROTO);
	for (i = 1; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(choices_choose(bad[i], "", &result, reason), -EINVAL);
		assert_non_null(strstr(reason, "KTLS_GROUPS names"));
		assert_int_equal(choices_choose("", bad[i], &result, reason), -EINVAL);
		assert_non_null(strstr(reason, "KTLS_SIGALGS names"));
	}
	assert_int_equal(choices_choose("", "RSA+SHA1", &result, reason), -EINVAL);
	assert_int_equal(choices_choose("", "rsa_pkcs1_sha1", &result, reason), -EINVAL);
}

/* A server without post-quantum groups, as most, does not ask for another key share. */
static void choices_post_quantum(void **state)
{
	struct ktlsd_result result;
	char reason[300];

	(void)state;
	if (test_peer_default_group() == 29)
		skip();
	assert_int_equal(choices_choose("", "", &result, reason), 0);
	assert_int_equal(result.group, 29);
	assert_int_equal(choices_hellos, 1);
	assert_int_equal(choices_choose("X25519MLKEM768:secp384r1:X25519", "", &result, reason), 0);
	assert_int_equal(result.group, 24);
	assert_int_equal(choices_hellos, 1);
	choices_forbidden = ktlsd_algorithms_bit(KTLSD_ALGORITHMS_GROUPS, 29);
	assert_int_equal(choices_choose("", "", &result, reason), 0);
	choices_forbidden = 0;
	assert_int_equal(result.group, 23);
	assert_int_equal(choices_hellos, 1);
	assert_int_equal(choices_choose("X25519MLKEM768", "", &result, reason), -EPROTO);
}

/* Return: the length of a ClientHello with P-256 only, unless @forbidden sets other groups. */
static size_t choices_hello_len(uint32_t forbidden)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	struct ktlsd_fault fault;
	size_t len;

	assert_int_equal(SSL_set1_groups_list(ssl, "P-256"), 1);
	assert_int_equal(ktlsd_algorithms_set(ssl, KTLSD_ALGORITHMS_GROUPS, "", forbidden,
					      &fault), 0);
	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	assert_int_equal(SSL_connect(ssl), -1);
	len = BIO_ctrl_pending(SSL_get_wbio(ssl));
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return len;
}

/* What OpenSSL does not have anyway costs no handshake the time to set a list. */
static void choices_not_there(void **state)
{
	const uint32_t bit = ktlsd_algorithms_bit(KTLSD_ALGORITHMS_GROUPS, 0x11ec);

	(void)state;
	if (test_peer_default_group() != 29)
		skip();
	assert_int_equal(choices_hello_len(bit), choices_hello_len(0));
	assert_int_not_equal(choices_hello_len(bit | ktlsd_algorithms_bit(KTLSD_ALGORITHMS_GROUPS,
									  23)),
			     choices_hello_len(0));
}

/* The suites of the first handshake with a context are not those of the others. */
static void choices_suites_differ(void **state)
{
	static const struct {
		const char	*ciphers;
		const char	*suite;
	} table[] = {
		{ "TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256" },
		{ "", "TLS_AES_128_GCM_SHA256" },
		{ "TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256" },
		{ "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384" },
		{ "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256" },
		{ "", "TLS_AES_128_GCM_SHA256" },
	};
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;
	size_t i;

	(void)state;
	test_peer_init(&peer, true);
	test_peer_credential(&peer, pki.ec, pki.ec_key);
	test_side_init(&side, KTLS_ROLE_CLIENT);
	test_side_prepare(&side, NULL, NULL, pki.ca);
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		strcpy(side.request.ciphers, table[i].ciphers);
		test_peer_begin(&peer);
		assert_int_equal(test_side_begin(&side), 0);
		test_peer_finish(&side, &peer, &result);
		assert_string_equal(result.suite->name, table[i].suite);
		ktlsd_handshake_free(side.handshake);
		side.handshake = NULL;
	}
	test_side_free(&side);
	test_peer_free(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(choices_suites_differ),
		cmocka_unit_test(choices_external_key),
		cmocka_unit_test(choices_algorithms),
		cmocka_unit_test(choices_post_quantum),
		cmocka_unit_test(choices_not_there),
	};

	return cmocka_run_group_tests_name("choices", tests, test_pki_setup, test_pki_teardown);
}
