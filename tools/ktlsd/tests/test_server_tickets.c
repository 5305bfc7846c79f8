// SPDX-License-Identifier: GPL-2.0-or-later
/* Our server resumes sessions of plain OpenSSL, or does not. */
#include <stdbool.h>

#include "test_peer.h"
#include "tls/server_ticket.h"

static const struct ktlsd_fingerprint fingerprint = { { 1, 2, 3 } };
static struct ktlsd_ticket_keys server_keys;

/**
 * struct tickets_case - what differs in a second handshake
 * @version: of both
 * @other: another fingerprint
 * @sni: another server name
 * @late: two lifetimes of the ticket keys later
 * @verify: in both, or only in the second one if @reverify
 * @cert: the client has a certificate
 * @resumed: the session is expected to be resumed
 */
struct tickets_case {
	const char	*what;
	uint16_t	version;
	bool		other;
	char		*sni;
	bool		late;
	uint32_t	verify;
	bool		reverify;
	bool		cert;
	bool		resumed;
};

static void tickets_accept(const struct tickets_case *what, bool second,
			   SSL_SESSION **session)
{
	struct ktlsd_fingerprint ours = fingerprint;
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;
	char byte;

	test_side_init(&side, KTLS_ROLE_SERVER);
	side.request.version_max = what->version;
	if (!what->reverify || second)
		side.request.verify = what->verify;
	test_side_prepare(&side, pki.ec, pki.ec_key, pki.ca);
	assert_int_equal(test_side_begin(&side), 0);
	ours.bytes[9] = second && what->other;
	assert_int_equal(ktlsd_server_ticket_enable(side.handshake, &ours, &server_keys, 2), 0);

	test_peer_init(&peer, false);
	test_peer_keep_session(&peer, session);
	if (what->cert)
		test_peer_credential(&peer, pki.client, pki.ec_key);
	test_peer_begin(&peer);
	assert_int_equal(SSL_set_tlsext_host_name(peer.ssl, second && what->sni ?
						  what->sni : (char *)"Server.Test"), 1);
	if (second)
		SSL_set_session(peer.ssl, *session);
	test_peer_step(&peer);
	test_peer_finish(&side, &peer, &result);
	if (result.resumed != (second && what->resumed))
		fail_msg("%s: resumed %d", what->what, result.resumed);
	assert_int_equal(SSL_session_reused(peer.ssl), result.resumed);
	assert_int_equal(result.verified, what->cert && side.request.verify);
	assert_string_equal(result.server_name, second && what->sni ? what->sni : "server.test");
	/* A resumed session reports the same peer as the full handshake. */
	assert_string_equal(result.peer.subject, result.verified ? "CN=client" : "");
	assert_int_equal(result.peer.fingerprint_len, result.verified ? 32 : 0);
	if (result.verified)
		assert_int_equal(X509_cmp(sk_X509_value(side.handshake->presented, 0),
					  pki.client), 0);
	/* Records sealed under the application key are counted. */
	if (result.version == KTLS_TLS_1_3)
		assert_int_equal(result.tx.seq, result.resumed ? 1 : 2);
	/* What the metrics of the worker are told. */
	assert_int_equal(side.handshake->ticket_accepted, result.resumed);
	assert_int_equal(side.handshake->ticket_refused, second && !result.resumed);
	assert_int_equal(side.handshake->tickets_issued, result.version == KTLS_TLS_1_3 ?
			 result.tx.seq : !result.resumed);
	/* The first read processes the tickets. */
	SSL_read(peer.ssl, &byte, 1);
	SSL_set_shutdown(peer.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	test_peer_free(&peer);
	test_side_free(&side);
}

static void tickets_cases(void **state)
{
	static const struct tickets_case cases[] = {
		{ "1.3", KTLS_TLS_1_3, .resumed = true },
		{ "1.2", KTLS_TLS_1_2, .resumed = true },
		{ "other fingerprint", KTLS_TLS_1_3, .other = true },
		{ "other fingerprint, 1.2", KTLS_TLS_1_2, .other = true },
		{ "other name", KTLS_TLS_1_3, .sni = "other.test" },
		{ "other name, 1.2", KTLS_TLS_1_2, .sni = "other.test" },
		{ "old keys", KTLS_TLS_1_3, .late = true },
		{ "old keys, 1.2", KTLS_TLS_1_2, .late = true },
		{ "client certificate", KTLS_TLS_1_3, .verify = 2, .cert = true,
		  .resumed = true },
		{ "client certificate, 1.2", KTLS_TLS_1_2, .verify = 2, .cert = true,
		  .resumed = true },
		{ "optional and none", KTLS_TLS_1_3, .verify = 1, .resumed = true },
		{ "verified only now", KTLS_TLS_1_3, .verify = 2, .reverify = true,
		  .cert = true },
		{ "verified only now, 1.2", KTLS_TLS_1_2, .verify = 2, .reverify = true,
		  .cert = true },
	};
	SSL_SESSION *session;
	unsigned int k;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ktlsd_ticket_keys_init(&server_keys, 100);
		session = NULL;
		tickets_accept(&cases[i], false, &session);
		if (!session || !SSL_SESSION_has_ticket(session))
			fail_msg("%s: no ticket", cases[i].what);
		for (k = 0; cases[i].late && k < server_keys.ring.count; k++)
			server_keys.ring.at[k].begin -= 200;
		tickets_accept(&cases[i], true, &session);
		SSL_SESSION_free(session);
		ktlsd_ticket_keys_free(&server_keys);
	}
}

/* Without ticket keys no ticket is issued. */
static void tickets_none(void **state)
{
	SSL_SESSION *session = NULL;
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;
	int version;
	char byte;

	(void)state;
	for (version = KTLS_TLS_1_2; version <= KTLS_TLS_1_3; version++) {
		test_side_init(&side, KTLS_ROLE_SERVER);
		side.request.version_max = (uint16_t)version;
		test_side_prepare(&side, pki.ec, pki.ec_key, NULL);
		assert_int_equal(test_side_begin(&side), 0);
		test_peer_init(&peer, false);
		test_peer_keep_session(&peer, &session);
		test_peer_begin(&peer);
		test_peer_step(&peer);
		test_peer_finish(&side, &peer, &result);
		assert_int_equal(result.tx.seq, version == KTLS_TLS_1_2);
		SSL_read(peer.ssl, &byte, 1);
		assert_true(!session || !SSL_SESSION_has_ticket(session));
		test_peer_free(&peer);
		test_side_free(&side);
	}
	SSL_SESSION_free(session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tickets_cases),
		cmocka_unit_test(tickets_none),
	};

	return cmocka_run_group_tests_name("server_tickets", tests, test_pki_setup, test_pki_teardown);
}
