// SPDX-License-Identifier: GPL-2.0-or-later
/* A handshake against plain OpenSSL: every suite, both roles, both versions. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "test_peer.h"


static const char glued[] = "application data behind Finished";

/* The peer opens our record, and we open the peer's. */
static void handshake_exchange(struct test_side *side, struct test_peer *peer,
			       struct ktlsd_result *result)
{
	const char *messages[] = { "from the kernel", "again" };
	uint8_t record[4200], data[4200], type;
	char *out;
	size_t len, i;
	long got;

	(void)side;
	for (i = 0; i < 2; i++) {
		len = test_seal(result, &result->tx, result->tx_nonce++, 23,
				messages[i], strlen(messages[i]), record);
		BIO_write(SSL_get_rbio(peer->ssl), record, (int)len);
		got = SSL_read(peer->ssl, data, sizeof(data));
		assert_int_equal(got, strlen(messages[i]));
		assert_memory_equal(data, messages[i], got);
	}
	BIO_reset(SSL_get_wbio(peer->ssl));
	assert_int_equal(SSL_write(peer->ssl, "from the peer", 13), 13);
	got = BIO_get_mem_data(SSL_get_wbio(peer->ssl), &out);
	assert_int_equal(test_open(result, &result->rx, (uint8_t *)out, got,
				   data, &type), 13);
	assert_int_equal(type, 23);
	assert_memory_equal(data, "from the peer", 13);
}

static void handshake_check_secrets(const struct test_side *side,
				    const struct test_peer *peer,
				    const struct ktlsd_result *result)
{
	const uint8_t *ours = side->request.is_server ? peer->server : peer->client;
	const uint8_t *theirs = side->request.is_server ? peer->client : peer->server;

	if (result->version != KTLS_TLS_1_3)
		return;
	assert_int_equal(result->tx.secret_len, peer->secret_len);
	assert_memory_equal(result->tx.secret, ours, peer->secret_len);
	assert_memory_equal(result->rx.secret, theirs, peer->secret_len);
	assert_int_equal(result->exporter_len, peer->secret_len);
	assert_memory_equal(result->exporter, peer->exporter, peer->secret_len);
	assert_int_equal(result->tx.seq, 0);
	assert_int_equal(result->rx.seq, 0);
}

/* A record behind the peer's Finished is not consumed, and can be opened. */
static void handshake_check_glue(struct test_side *side, struct test_peer *peer,
				 struct ktlsd_result *result)
{
	uint8_t data[4200], type;
	size_t rest = side->batch.len - side->handshake->consumed;

	if (!peer->glue) {
		assert_int_equal(rest, 0);
		return;
	}
	assert_true(rest > 0);
	assert_int_equal(test_open(result, &result->rx,
				   side->batch.data + side->handshake->consumed,
				   rest, data, &type), strlen(peer->glue));
	assert_int_equal(type, 23);
	assert_memory_equal(data, peer->glue, strlen(peer->glue));
}

static void handshake_run_suite(const struct ktlsd_suite *suite, int role,
				const char *glue)
{
	bool is_server = role == KTLS_ROLE_SERVER;
	bool is_rsa = strstr(suite->name, "RSA") != NULL;
	X509 *cert = is_rsa ? pki.rsa : pki.ec;
	EVP_PKEY *key = is_rsa ? pki.rsa_key : pki.ec_key;
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;

	test_side_init(&side, role);
	test_peer_init(&peer, !is_server);
	strcpy(side.request.ciphers, suite->name);
	/* In TLS 1.2 the server sends last: see handshake_server_false_start(). */
	if (is_server && suite->version == KTLS_TLS_1_2)
		glue = NULL;
	peer.glue = glue;
	peer.early = glue && !is_server && suite->version == KTLS_TLS_1_3;
	test_side_prepare(&side, is_server ? cert : NULL, key, is_server ? NULL : pki.ca);
	if (is_server)
		test_peer_trust(&peer, pki.ca, SSL_VERIFY_PEER);
	else
		test_peer_credential(&peer, cert, key);
	assert_int_equal(test_side_begin(&side), 0);
	test_peer_begin(&peer);

	test_peer_shake(&side, &peer);
	if (side.last != 1)
		fail_msg("%s: %s", suite->name, side.fault.reason);
	test_peer_step(&peer);
	assert_true(peer.finished);
	assert_int_equal(ktlsd_handshake_finish(side.handshake, &result, &side.fault), 0);
	assert_int_equal(result.version, suite->version);
	assert_ptr_equal(result.suite, suite);
	assert_int_equal(result.group, suite->version == KTLS_TLS_1_3 ? test_peer_default_group() : 29);
	assert_int_equal(result.max_fragment, 0);
	assert_int_equal(result.verified, !is_server);
	handshake_check_secrets(&side, &peer, &result);
	if (suite->version == KTLS_TLS_1_2)
		assert_int_equal(result.tx.seq, 1);
	handshake_check_glue(&side, &peer, &result);
	handshake_exchange(&side, &peer, &result);
	ktlsd_handshake_wipe_result(&result);
	test_peer_free(&peer);
	test_side_free(&side);
}

static void handshake_every_suite(int role, const char *glue)
{
	static const uint16_t ids[] = {
		0x1301, 0x1302, 0x1303, 0xc02b, 0xc02c, 0xc02f, 0xc030, 0xcca8,
		0xcca9,
	};
	size_t i;

	for (i = 0; i < sizeof(ids) / sizeof(*ids); i++)
		handshake_run_suite(ktlsd_suites_find(ids[i]), role, glue);
}

static void handshake_client_every_suite(void **state)
{
	(void)state;
	handshake_every_suite(KTLS_ROLE_CLIENT, NULL);
}

static void handshake_server_every_suite(void **state)
{
	(void)state;
	handshake_every_suite(KTLS_ROLE_SERVER, NULL);
}

static void handshake_client_glued_data(void **state)
{
	(void)state;
	handshake_every_suite(KTLS_ROLE_CLIENT, glued);
}

static void handshake_server_glued_data(void **state)
{
	(void)state;
	handshake_every_suite(KTLS_ROLE_SERVER, glued);
}

/* A TLS 1.2 client may send data before it has received our Finished (RFC 7918). */
static void handshake_server_false_start(void **state)
{
	static const char *const suites[] = {
		"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305",
	};
	struct ktlsd_handshake client = { .scanner.found = true, .sealed.records = 1 };
	struct ktlsd_result result, theirs;
	uint8_t record[4200];
	struct test_side side;
	struct test_peer peer;
	size_t i, len;

	(void)state;
	for (i = 0; i < 2; i++) {
		test_side_init(&side, KTLS_ROLE_SERVER);
		test_peer_init(&peer, false);
		strcpy(side.request.ciphers, suites[i]);
		test_side_prepare(&side, pki.ec, pki.ec_key, NULL);
		assert_int_equal(test_side_begin(&side), 0);
		test_peer_begin(&peer);
		test_peer_step(&peer);
		test_peer_pass(&side, &peer, NULL, 0);
		assert_int_equal(side.last, 0);
		test_peer_step(&peer);

		client.ssl = peer.ssl;
		memset(&theirs, 0, sizeof(theirs));
		theirs.version = KTLS_TLS_1_2;
		theirs.suite = ktlsd_suites_find(SSL_CIPHER_get_protocol_id(
				SSL_get_current_cipher(peer.ssl)));
		assert_int_equal(ktlsd_keys_derive(&client, &theirs, &side.fault), 0);
		len = test_seal(&theirs, &theirs.tx, 4711, 23, glued,
				strlen(glued), record);
		test_peer_pass(&side, &peer, record, len);
		assert_int_equal(side.last, 1);
		assert_int_equal(side.batch.len - side.handshake->consumed, len);
		test_peer_step(&peer);
		assert_true(peer.finished);
		assert_int_equal(ktlsd_handshake_finish(side.handshake, &result,
							&side.fault), 0);
		peer.glue = glued;
		handshake_check_glue(&side, &peer, &result);
		test_peer_free(&peer);
		test_side_free(&side);
	}
}

/* A peer that supports another group only: HelloRetryRequest. */
static void handshake_client_hello_retry(void **state)
{
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;

	(void)state;
	test_side_init(&side, KTLS_ROLE_CLIENT);
	test_peer_init(&peer, true);
	SSL_CTX_set1_groups_list(peer.ctx, "P-384");
	test_peer_credential(&peer, pki.ec, pki.ec_key);
	test_side_prepare(&side, NULL, NULL, pki.ca);
	assert_int_equal(test_side_begin(&side), 0);
	test_peer_begin(&peer);
	test_peer_shake(&side, &peer);
	assert_int_equal(side.last, 1);
	test_peer_step(&peer);
	assert_int_equal(ktlsd_handshake_finish(side.handshake, &result, &side.fault), 0);
	assert_int_equal(result.group, 24);
	assert_int_equal(result.sigalg, 0x0403);
	handshake_check_secrets(&side, &peer, &result);
	handshake_exchange(&side, &peer, &result);
	test_peer_free(&peer);
	test_side_free(&side);
}

/* Tickets behind the server's Finished are left to the kernel. */
static void handshake_client_tickets_left(void **state)
{
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;
	uint8_t data[4200], type;
	char *out;
	long len, at, record;
	int count = 0;

	(void)state;
	test_side_init(&side, KTLS_ROLE_CLIENT);
	test_peer_init(&peer, true);
	SSL_CTX_set_num_tickets(peer.ctx, 2);
	test_peer_credential(&peer, pki.rsa, pki.rsa_key);
	test_side_prepare(&side, NULL, NULL, pki.ca);
	assert_int_equal(test_side_begin(&side), 0);
	test_peer_begin(&peer);
	test_peer_shake(&side, &peer);
	assert_int_equal(side.last, 1);
	assert_int_equal(ktlsd_handshake_finish(side.handshake, &result, &side.fault), 0);
	assert_int_equal(result.sigalg, 0x0804);
	test_peer_step(&peer);
	len = BIO_get_mem_data(SSL_get_wbio(peer.ssl), &out);
	for (at = 0; at < len; at += record, count++) {
		record = 5 + ((uint8_t)out[at + 3] << 8 | (uint8_t)out[at + 4]);
		assert_true(test_open(&result, &result.rx, (uint8_t *)out + at,
				      record, data, &type) > 0);
		assert_int_equal(type, 22);
		assert_int_equal(data[0], 4);
	}
	assert_int_equal(count, 2);
	handshake_exchange(&side, &peer, &result);
	test_peer_free(&peer);
	test_side_free(&side);
}

static int handshake_pick_alpn(SSL *ssl, const unsigned char **out,
			       unsigned char *outlen, const unsigned char *in,
			       unsigned int inlen, void *arg)
{
	(void)ssl;
	(void)inlen;
	(void)arg;
	*out = in + 1;
	*outlen = in[0];
	return SSL_TLSEXT_ERR_OK;
}

static void handshake_client_alpn(void **state)
{
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;

	(void)state;
	test_side_init(&side, KTLS_ROLE_CLIENT);
	memcpy(side.request.alpn, "\x02h2\x08http/1.1", 12);
	side.request.alpn_len = 12;
	test_peer_init(&peer, true);
	SSL_CTX_set_alpn_select_cb(peer.ctx, handshake_pick_alpn, NULL);
	test_peer_credential(&peer, pki.ec, pki.ec_key);
	test_side_prepare(&side, NULL, NULL, pki.ca);
	assert_int_equal(test_side_begin(&side), 0);
	test_peer_begin(&peer);
	test_peer_shake(&side, &peer);
	assert_int_equal(side.last, 1);
	assert_int_equal(ktlsd_handshake_finish(side.handshake, &result, &side.fault), 0);
	assert_int_equal(result.alpn_len, 2);
	assert_memory_equal(result.alpn, "h2", 2);
	test_peer_free(&peer);
	test_side_free(&side);
}

/* ALPN in our order, the server name, max_fragment_length. */
static void handshake_server_extensions(void **state)
{
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;

	(void)state;
	test_side_init(&side, KTLS_ROLE_SERVER);
	memcpy(side.request.alpn, "\x02h2\x08http/1.1", 12);
	side.request.alpn_len = 12;
	test_peer_init(&peer, false);
	SSL_CTX_set_alpn_protos(peer.ctx, (const unsigned char *)"\x08http/1.1\x02h2", 12);
	SSL_CTX_set_tlsext_max_fragment_length(peer.ctx, TLSEXT_max_fragment_length_1024);
	test_side_prepare(&side, pki.ec, pki.ec_key, NULL);
	assert_int_equal(test_side_begin(&side), 0);
	test_peer_begin(&peer);
	SSL_set_tlsext_host_name(peer.ssl, "WWW.server.test");
	test_peer_shake(&side, &peer);
	assert_int_equal(side.last, 1);
	assert_int_equal(ktlsd_handshake_finish(side.handshake, &result, &side.fault), 0);
	assert_int_equal(result.alpn_len, 2);
	assert_memory_equal(result.alpn, "h2", 2);
	assert_string_equal(result.server_name, "www.server.test");
	/* The server name is acknowledged, so the client stores it in its session. */
	test_peer_step(&peer);
	assert_non_null(SSL_SESSION_get0_hostname(SSL_get0_session(peer.ssl)));
	assert_string_equal(SSL_SESSION_get0_hostname(SSL_get0_session(peer.ssl)),
			    "WWW.server.test");
	assert_int_equal(result.max_fragment, 1024);
	test_peer_free(&peer);
	test_side_free(&side);
}

/* Which names a certificate matches. */
static int handshake_try_name(const char *name, uint16_t version)
{
	struct test_side side;
	struct test_peer peer;
	int last;

	test_side_init(&side, KTLS_ROLE_CLIENT);
	assert_int_equal(ktlsd_names_parse(name, &side.request.name), 0);
	side.request.version_min = version;
	side.request.version_max = version;
	test_peer_init(&peer, true);
	test_peer_credential(&peer, pki.ec, pki.ec_key);
	test_side_prepare(&side, NULL, NULL, pki.ca);
	assert_int_equal(test_side_begin(&side), 0);
	test_peer_begin(&peer);
	test_peer_shake(&side, &peer);
	last = side.last;
	if (last < 0)
		assert_int_equal(last, -EKEYREJECTED);
	test_peer_free(&peer);
	test_side_free(&side);
	return last;
}

static void handshake_client_names(void **state)
{
	uint16_t version;

	(void)state;
	for (version = KTLS_TLS_1_2; version <= KTLS_TLS_1_3; version++) {
		assert_int_equal(handshake_try_name("server.test", version), 1);
		assert_int_equal(handshake_try_name("SERVER.test.", version), 1);
		assert_int_equal(handshake_try_name("a.wild.test", version), 1);
		assert_int_equal(handshake_try_name("192.0.2.1", version), 1);
		assert_int_equal(handshake_try_name("wild.test", version), -EKEYREJECTED);
		assert_int_equal(handshake_try_name("a.b.wild.test", version), -EKEYREJECTED);
		assert_int_equal(handshake_try_name("192.0.2.2", version), -EKEYREJECTED);
		assert_int_equal(handshake_try_name("::1", version), -EKEYREJECTED);
		/* The common name is ignored. */
		assert_int_equal(handshake_try_name("leaf", version), -EKEYREJECTED);
	}
}

/* Mutual TLS, both roles. */
static void handshake_mutual(int role, uint16_t version)
{
	bool is_server = role == KTLS_ROLE_SERVER;
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;

	test_side_init(&side, role);
	side.request.verify = KTLS_VERIFY_REQUIRED;
	side.request.version_min = version;
	side.request.version_max = version;
	test_peer_init(&peer, !is_server);
	test_side_prepare(&side, is_server ? pki.ec : pki.client, pki.ec_key, pki.ca);
	test_peer_credential(&peer, is_server ? pki.client : pki.ec, pki.ec_key);
	test_peer_trust(&peer, pki.ca, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
	peer.glue = is_server == (version == KTLS_TLS_1_3) ? glued : NULL;
	assert_int_equal(test_side_begin(&side), 0);
	test_peer_begin(&peer);
	test_peer_shake(&side, &peer);
	if (side.last != 1)
		fail_msg("%s", side.fault.reason);
	test_peer_step(&peer);
	assert_true(peer.finished);
	assert_int_equal(ktlsd_handshake_finish(side.handshake, &result, &side.fault), 0);
	assert_true(result.verified);
	assert_true(sk_X509_num(side.handshake->presented) >= 1);
	assert_int_equal(result.sigalg, 0x0403);
	handshake_check_glue(&side, &peer, &result);
	BIO_reset(SSL_get_wbio(peer.ssl));
	handshake_exchange(&side, &peer, &result);
	test_peer_free(&peer);
	test_side_free(&side);
}

static void handshake_mutual_tls(void **state)
{
	(void)state;
	handshake_mutual(KTLS_ROLE_CLIENT, KTLS_TLS_1_2);
	handshake_mutual(KTLS_ROLE_CLIENT, KTLS_TLS_1_3);
	handshake_mutual(KTLS_ROLE_SERVER, KTLS_TLS_1_2);
	handshake_mutual(KTLS_ROLE_SERVER, KTLS_TLS_1_3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handshake_client_every_suite),
		cmocka_unit_test(handshake_server_every_suite),
		cmocka_unit_test(handshake_client_glued_data),
		cmocka_unit_test(handshake_server_glued_data),
		cmocka_unit_test(handshake_server_false_start),
		cmocka_unit_test(handshake_client_hello_retry),
		cmocka_unit_test(handshake_client_tickets_left),
		cmocka_unit_test(handshake_client_alpn),
		cmocka_unit_test(handshake_server_extensions),
		cmocka_unit_test(handshake_client_names),
		cmocka_unit_test(handshake_mutual_tls),
	};

	return cmocka_run_group_tests_name("handshake", tests, test_pki_setup, test_pki_teardown);
}
