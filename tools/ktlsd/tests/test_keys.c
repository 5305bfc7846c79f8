// SPDX-License-Identifier: GPL-2.0-or-later
/* The TLS 1.2 key block against a real handshake, and its helpers. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tls/secrets.h"
#include "test_peer.h"

static void keys_scanner(void **state)
{
	static const uint8_t first[] = { 22, 3, 3, 0, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
	static const uint8_t second[] = {
		20, 3, 3, 0, 1, 1,
		22, 3, 3, 0, 9, 0, 1, 2, 3, 4, 5, 6, 7, 99,
		22, 3, 3, 0, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,
	};
	struct ktlsd_nonce_scanner scanner = { 0 };

	(void)state;
	ktlsd_keys_scan(&scanner, first, sizeof(first));
	assert_false(scanner.found);
	ktlsd_keys_scan(&scanner, second, 6);
	assert_true(scanner.after_ccs);
	assert_false(scanner.found);
	ktlsd_keys_scan(&scanner, second + 6, sizeof(second) - 6);
	assert_true(scanner.found);
	/* The nonce is that of the last record. */
	assert_int_equal(scanner.nonce, 0x0909090909090909);
	memset(&scanner, 0, sizeof(scanner));
	ktlsd_keys_scan(&scanner, second, 20);
	assert_int_equal(scanner.nonce, 0x0001020304050607);

	/* Truncated at every byte: nothing is read beyond the end. */
	memset(&scanner, 0, sizeof(scanner));
	for (size_t len = 0; len < sizeof(second); len++) {
		uint8_t *copy = malloc(len ? len : 1);

		memcpy(copy, second, len);
		ktlsd_keys_scan(&scanner, copy, len);
		free(copy);
	}
}

/* Both ends derive the same block, mirrored; with and without EMS. */
static void keys_live_pair(bool ems, const char *suite, size_t key, size_t iv)
{
	struct ktlsd_handshake theirs = { .is_server = true, .scanner.found = true };
	struct ktlsd_result ours, mirror = { .version = KTLS_TLS_1_2 };
	uint8_t random[32];
	struct test_side side;
	struct test_peer peer;

	test_side_init(&side, KTLS_ROLE_CLIENT);
	strcpy(side.request.ciphers, suite);
	test_peer_init(&peer, true);
	if (!ems)
		SSL_CTX_set_options(peer.ctx, SSL_OP_NO_EXTENDED_MASTER_SECRET);
	test_peer_credential(&peer, pki.ec, pki.ec_key);
	test_side_prepare(&side, NULL, NULL, pki.ca);
	assert_int_equal(test_side_begin(&side), 0);
	test_peer_begin(&peer);
	test_peer_shake(&side, &peer);
	assert_int_equal(side.last, 1);
	assert_int_equal(SSL_get_extms_support(peer.ssl), ems);
	assert_int_equal(ktlsd_handshake_finish(side.handshake, &ours, &side.fault), 0);

	theirs.ssl = peer.ssl;
	mirror.suite = ours.suite;
	assert_int_equal(ktlsd_keys_derive(&theirs, &mirror, &side.fault), 0);
	assert_int_equal(ours.tx.secret_len, key);
	assert_int_equal(ours.tx.iv_len, iv);
	assert_memory_equal(ours.tx.secret, mirror.rx.secret, key);
	assert_memory_equal(ours.rx.secret, mirror.tx.secret, key);
	assert_memory_equal(ours.tx.iv, mirror.rx.iv, iv);
	assert_memory_equal(ours.rx.iv, mirror.tx.iv, iv);
	assert_memory_not_equal(ours.tx.secret, ours.rx.secret, key);
	assert_int_equal(ours.exporter_len, ems ? 48 + 2 * 32 : 0);
	assert_int_equal(mirror.exporter_len, ours.exporter_len);
	if (ems) {
		SSL_get_client_random(peer.ssl, random, sizeof(random));
		assert_memory_equal(ours.exporter + 48, random, sizeof(random));
		SSL_get_server_random(peer.ssl, random, sizeof(random));
		assert_memory_equal(ours.exporter + 80, random, sizeof(random));
		assert_memory_equal(ours.exporter, mirror.exporter, ours.exporter_len);
	}
	test_peer_free(&peer);
	test_side_free(&side);
}

static void keys_block(void **state)
{
	bool ems = false;

	(void)state;
	do {
		keys_live_pair(ems, "ECDHE-ECDSA-AES128-GCM-SHA256", 16, 4);
		keys_live_pair(ems, "ECDHE-ECDSA-AES256-GCM-SHA384", 32, 4);
		keys_live_pair(ems, "ECDHE-ECDSA-CHACHA20-POLY1305", 32, 12);
		ems = !ems;
	} while (ems);
}

/* A context without the property query: OpenSSL's own KDF, and its callback. */
static void keys_forget_query(struct test_side *side)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());

	assert_non_null(ctx);
	assert_int_equal(ktlsd_handshake_prepare(ctx), 0);
	assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), pki.ca), 1);
	SSL_CTX_free(side->context->ctx);
	side->context->ctx = ctx;
}

static void keys_live_secrets(const char *suite, bool derived)
{
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;

	test_side_init(&side, KTLS_ROLE_CLIENT);
	strcpy(side.request.ciphers, suite);
	test_peer_init(&peer, true);
	test_peer_credential(&peer, pki.ec, pki.ec_key);
	test_side_prepare(&side, NULL, NULL, pki.ca);
	if (!derived)
		keys_forget_query(&side);
	assert_int_equal(test_side_begin(&side), 0);
	test_peer_begin(&peer);
	test_peer_shake(&side, &peer);
	assert_int_equal(side.last, 1);
	assert_int_equal(ktlsd_handshake_finish(side.handshake, &result, &side.fault), 0);

	assert_int_equal(side.handshake->secrets.are_derived, derived);
	assert_int_equal(result.tx.secret_len, peer.secret_len);
	assert_memory_equal(result.tx.secret, peer.client, peer.secret_len);
	assert_memory_equal(result.rx.secret, peer.server, peer.secret_len);
	assert_int_equal(result.exporter_len, peer.secret_len);
	assert_memory_equal(result.exporter, peer.exporter, peer.secret_len);
	test_peer_free(&peer);
	test_side_free(&side);
}

/* Both ways to the secrets of TLS 1.3: see secrets.h. */
static void keys_secrets(void **state)
{
	static const char *const suites[] = { "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384" };
	size_t i;

	(void)state;
	assert_non_null(ktlsd_secrets_query());
	for (i = 0; i < sizeof(suites) / sizeof(*suites); i++) {
		keys_live_secrets(suites[i], true);
		keys_live_secrets(suites[i], false);
	}
}

/* What OpenSSL's configuration demands is not circumvented. In a process of its own, as the
 * answer is the same for good.
 */
static void keys_properties(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		if (EVP_set_default_properties(NULL, "provider=default") != 1)
			_exit(2);
		_exit(ktlsd_secrets_query() != NULL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void keys_missing_secrets(void **state)
{
	struct ktlsd_handshake hs = { 0 };
	struct ktlsd_result result = {
		.version = KTLS_TLS_1_3, .suite = ktlsd_suites_find(0x1301),
	};
	struct ktlsd_fault fault;

	(void)state;
	assert_int_equal(ktlsd_keys_derive(&hs, &result, &fault), -EPROTO);
	hs.secrets.client_len = 32;
	assert_int_equal(ktlsd_keys_derive(&hs, &result, &fault), -EPROTO);
	hs.secrets.server_len = 48;
	assert_int_equal(ktlsd_keys_derive(&hs, &result, &fault), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* Before any other uses the secrets. */
		cmocka_unit_test(keys_properties),
		cmocka_unit_test(keys_scanner),
		cmocka_unit_test(keys_block),
		cmocka_unit_test(keys_secrets),
		cmocka_unit_test(keys_missing_secrets),
	};

	return cmocka_run_group_tests_name("keys", tests, test_pki_setup, test_pki_teardown);
}
