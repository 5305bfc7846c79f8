// SPDX-License-Identifier: GPL-2.0-or-later
/* Which stapled OCSP response a client gets, and what ours makes of it. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "config/staple.h"
#include "test_authority.h"
#include "test_peer.h"
#include "tls/ocsp.h"
#include "tls/own_cert.h"
#include "tls/server_ticket.h"

enum { STAPLING_EC, STAPLING_RSA, STAPLING_CERTS };

static X509 *certs[STAPLING_CERTS];
static struct ktlsd_identity identity;
static struct ktlsd_ticket_keys ticket_keys;

/* Gives a certificate of the identity a response. */
static void stapling_set(int cert, int status, long from, long to)
{
	const struct test_authority_response spec = {
		.cert = certs[cert], .issuer = pki.ca, .signer = pki.ca, .key = pki.ca_key,
		.status = status, .from = from, .to = to,
	};
	const struct ktlsd_staple_facts facts = {
		time(NULL) + from, time(NULL) + to, status == V_OCSP_CERTSTATUS_REVOKED,
	};
	uint8_t *der;
	int len;

	der = test_authority_response(&spec, &len);
	assert_int_equal(ktlsd_staple_set(identity.staples[cert], der, (size_t)len, &facts), 0);
	OPENSSL_free(der);
}

static int stapling_setup(void **state)
{
	int i;

	test_pki_setup(state);
	certs[STAPLING_EC] = pki.ec;
	certs[STAPLING_RSA] = pki.rsa;
	for (i = 0; i < STAPLING_CERTS; i++) {
		identity.credentials[i].leaf = certs[i];
		identity.credentials[i].key = i == STAPLING_RSA ? pki.rsa_key : pki.ec_key;
		identity.staples[i] = ktlsd_staple_new(certs[i], pki.ca);
		identity.credential_count++;
	}
	return 0;
}

static int stapling_teardown(void **state)
{
	int i;

	for (i = 0; i < STAPLING_CERTS; i++)
		ktlsd_staple_put(identity.staples[i]);
	return test_pki_teardown(state);
}

static void stapling_serve(struct test_side *side, uint16_t version)
{
	struct ktlsd_context_parts parts = { .anchors = NULL };

	test_side_init(side, KTLS_ROLE_SERVER);
	side->request.version_min = version;
	side->request.version_max = version;
	side->request.config_id = 7;
	assert_int_equal(ktlsd_context_make(&side->contexts, true, &side->config, &side->request,
					    &identity, &parts, &side->context,
					    &side->fault), 0);
	assert_int_equal(test_side_begin(side), 0);
	assert_int_equal(ktlsd_own_cert_use(side->handshake, &identity), 0);
}

/* A plain client. Return: which certificate is stapled with a response about it; -1 for none */
static int stapling_connect(uint16_t version, const char *sigalgs, bool asks)
{
	struct ktlsd_ocsp_question question = { .issuer = pki.ca, .now = time(NULL) };
	struct ktlsd_ocsp_answer answer;
	const unsigned char *der = NULL;
	struct test_side side;
	struct test_peer peer;
	int i, found = -1;
	long len;

	stapling_serve(&side, version);
	test_peer_init(&peer, false);
	assert_int_equal(SSL_CTX_set1_sigalgs_list(peer.ctx, sigalgs), 1);
	test_peer_begin(&peer);
	if (asks)
		SSL_set_tlsext_status_type(peer.ssl, TLSEXT_STATUSTYPE_ocsp);
	test_peer_step(&peer);
	test_peer_shake(&side, &peer);
	assert_true(peer.finished);
	len = SSL_get_tlsext_status_ocsp_resp(peer.ssl, &der);
	assert_int_equal(side.handshake->status.stapled, len > 0);
	for (i = 0; len > 0 && i < STAPLING_CERTS; i++) {
		question.cert = certs[i];
		ktlsd_ocsp_check(der, (size_t)len, &question, &answer);
		if (answer.status == KTLSD_OCSP_BAD)
			continue;
		found = i;
		assert_int_equal(X509_cmp(SSL_get0_peer_certificate(peer.ssl), question.cert), 0);
	}
	test_peer_free(&peer);
	test_side_free(&side);
	return found;
}

/* Our client against our server. Return: as ktlsd_handshake_run(). */
static int stapling_connect_own(uint16_t version, uint32_t *ret_how, char *why)
{
	struct test_side server, client, *sides[2] = { &client, &server };
	struct ktlsd_buffer flight = { 0 };
	struct ktlsd_result result;
	int i;

	stapling_serve(&server, version);
	test_side_init(&client, KTLS_ROLE_CLIENT);
	client.config.revocation = (struct ktlsd_revocation) { true, KTLSD_REVOCATION_STAPLE };
	test_side_prepare(&client, NULL, NULL, pki.ca);
	assert_int_equal(test_side_begin(&client), 0);
	for (i = 0; i < 10 && !client.last; i++) {
		test_side_feed(sides[i % 2], flight.data, flight.len, NULL);
		ktlsd_buffer_free(&flight);
		flight = sides[i % 2]->handshake->output;
		memset(&sides[i % 2]->handshake->output, 0, sizeof(flight));
	}
	*ret_how = 0;
	strcpy(why, client.fault.reason);
	if (client.last == 1) {
		assert_int_equal(ktlsd_handshake_finish(client.handshake, &result,
							&client.fault), 0);
		*ret_how = result.revocation;
		ktlsd_handshake_wipe_result(&result);
	}
	i = client.last;
	ktlsd_buffer_free(&flight);
	test_side_free(&client);
	test_side_free(&server);
	return i;
}

/* Each certificate has its own response, and only clients that ask get it. */
static void stapling_sent(void **state)
{
	uint16_t version;
	uint32_t how;
	char why[256];

	(void)state;
	for (version = KTLS_TLS_1_2; version <= KTLS_TLS_1_3; version++)
		assert_int_equal(stapling_connect(version, "ECDSA+SHA256", true), -1);
	stapling_set(STAPLING_EC, V_OCSP_CERTSTATUS_GOOD, -60, 3600);
	stapling_set(STAPLING_RSA, V_OCSP_CERTSTATUS_GOOD, -60, 3600);
	for (version = KTLS_TLS_1_2; version <= KTLS_TLS_1_3; version++) {
		assert_int_equal(stapling_connect(version, "ECDSA+SHA256", true), STAPLING_EC);
		assert_int_equal(stapling_connect(version, "RSA-PSS+SHA256", true), STAPLING_RSA);
		assert_int_equal(stapling_connect(version, "ECDSA+SHA256", false), -1);
		assert_int_equal(stapling_connect_own(version, &how, why), 1);
		assert_int_equal(how, KTLS_REVOCATION_STAPLE);
	}
}

/* Return: whether the handshake was resumed; it must succeed. */
static bool stapling_resume(uint16_t version, SSL_SESSION **session)
{
	static const struct ktlsd_fingerprint fingerprint = { { 1, 2, 3 } };
	struct test_side side;
	struct test_peer peer;
	bool resumed;
	char byte;

	stapling_serve(&side, version);
	assert_int_equal(ktlsd_server_ticket_enable(side.handshake, &fingerprint, &ticket_keys, 1),
			 0);
	test_peer_init(&peer, false);
	test_peer_keep_session(&peer, session);
	test_peer_begin(&peer);
	SSL_set_tlsext_status_type(peer.ssl, TLSEXT_STATUSTYPE_ocsp);
	if (*session)
		SSL_set_session(peer.ssl, *session);
	test_peer_step(&peer);
	test_peer_shake(&side, &peer);
	test_peer_step(&peer);
	assert_true(peer.finished && side.last == 1);
	resumed = SSL_session_reused(peer.ssl);
	assert_int_equal(side.handshake->status.stapled, !resumed);
	/* The first read processes the tickets. */
	SSL_read(peer.ssl, &byte, 1);
	SSL_set_shutdown(peer.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	test_peer_free(&peer);
	test_side_free(&side);
	return resumed;
}

/* A resumed handshake has no certificate, and so no response; the client waits for none. */
static void stapling_resumed(void **state)
{
	SSL_SESSION *session;
	uint16_t version;

	(void)state;
	ktlsd_ticket_keys_init(&ticket_keys, 7200);
	stapling_set(STAPLING_EC, V_OCSP_CERTSTATUS_GOOD, -60, 3600);
	stapling_set(STAPLING_RSA, V_OCSP_CERTSTATUS_GOOD, -60, 3600);
	for (version = KTLS_TLS_1_2; version <= KTLS_TLS_1_3; version++) {
		session = NULL;
		assert_false(stapling_resume(version, &session));
		assert_true(stapling_resume(version, &session));
		SSL_SESSION_free(session);
	}
	ktlsd_ticket_keys_free(&ticket_keys);
}

/* Never one that has expired, not even a moment ago; the other certificate has its own. */
static void stapling_expired(void **state)
{
	(void)state;
	stapling_set(STAPLING_RSA, V_OCSP_CERTSTATUS_GOOD, -60, 3600);
	stapling_set(STAPLING_EC, V_OCSP_CERTSTATUS_GOOD, -7200, 0);
	assert_int_equal(stapling_connect(KTLS_TLS_1_2, "ECDSA+SHA256", true), -1);
	assert_int_equal(stapling_connect(KTLS_TLS_1_3, "ECDSA+SHA256", true), -1);
	assert_int_equal(stapling_connect(KTLS_TLS_1_3, "RSA-PSS+SHA256", true), STAPLING_RSA);
}

/* Clients are told, and refuse. */
static void stapling_revoked(void **state)
{
	uint16_t version;
	uint32_t how;
	char why[256];

	(void)state;
	stapling_set(STAPLING_EC, V_OCSP_CERTSTATUS_REVOKED, -60, 3600);
	for (version = KTLS_TLS_1_2; version <= KTLS_TLS_1_3; version++) {
		assert_int_equal(stapling_connect_own(version, &how, why), -EKEYREJECTED);
		assert_non_null(strstr(why, "was revoked on"));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(stapling_sent),
		cmocka_unit_test(stapling_resumed),
		cmocka_unit_test(stapling_expired),
		cmocka_unit_test(stapling_revoked),
	};

	return cmocka_run_group_tests_name("stapling", tests, stapling_setup, stapling_teardown);
}
