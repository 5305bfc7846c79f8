// SPDX-License-Identifier: GPL-2.0-or-later
/* Resumption, external keys, groups and signature algorithms against plain OpenSSL. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/err.h>

#include "ktlsd/client_ticket.h"
#include "ktlsd/psk.h"
#include "ktlsd/server_ticket.h"
#include "ktlsd/ticket_waiters.h"
#include "test_peer.h"

enum {
	TICKETS_LIFETIME	= 3600,
	TICKETS_ROOM		= 20000,
};

static struct test_pki pki;
static const struct ktlsd_fingerprint fingerprint = { { 1, 2, 3 } };

/* --- our client ----------------------------------------------------------- */

/* A server with tickets that a context of its own can read again. */
static void tickets_server(struct test_peer *peer, unsigned int count)
{
	test_peer_init(peer, true);
	test_peer_credential(peer, pki.ec, pki.ec_key);
	SSL_CTX_set_num_tickets(peer->ctx, count);
}

static void tickets_shake(struct test_side *side, struct test_peer *peer,
			  struct ktlsd_result *result)
{
	test_peer_shake(side, peer);
	if (side->last != 1)
		fail_msg("%s", side->fault.reason);
	test_peer_step(peer);
	assert_true(peer->finished);
	if (ktlsd_handshake_finish(side->handshake, result, &side->fault))
		fail_msg("%s", side->fault.reason);
}

static void tickets_client(struct test_side *side, const char *suite,
			   struct ktlsd_saved_session *saved)
{
	test_side_init(side, KTLS_ROLE_CLIENT);
	strcpy(side->request.ciphers, suite);
	test_side_prepare(side, NULL, NULL, pki.ca);
	assert_int_equal(test_side_begin(side), 0);
	ktlsd_client_ticket_offer(side->handshake, &fingerprint, saved);
}

/* What the kernel does: opens the server's records, finds tickets in them. */
static unsigned int tickets_feed(struct test_side *side, struct test_peer *peer,
				 struct ktlsd_result *result,
				 struct ktlsd_saved_session **saved)
{
	static uint8_t plain[TICKETS_ROOM];
	BIO *out = SSL_get_wbio(peer->ssl);
	unsigned int count = 0;
	uint8_t *data, type;
	long len, at, size;
	int got, used, body;

	len = BIO_get_mem_data(out, (char **)&data);
	for (at = 0; at < len; at += size) {
		size = 5 + (data[at + 3] << 8 | data[at + 4]);
		got = test_open(result, &result->rx, data + at, (size_t)size, plain, &type);
		assert_true(got > 0);
		assert_int_equal(type, 22);
		for (used = 0; used < got; used += 4 + body) {
			body = plain[used + 2] << 8 | plain[used + 3];
			assert_int_equal(plain[used], 4);
			assert_int_equal(ktlsd_client_ticket_receive(side->handshake, plain + used + 4,
								     (size_t)body, TICKETS_LIFETIME,
								     &saved[count]), 0);
			assert_non_null(saved[count]);
			count++;
		}
	}
	BIO_reset(out);
	return count;
}

/* Sessions from tickets that the kernel opened, in each suite, resumed in turn. */
static void tickets_client_13(void **state)
{
	static const char *const suites[] = {
		"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
		"TLS_CHACHA20_POLY1305_SHA256",
	};
	struct ktlsd_saved_session *saved[8];
	struct ktlsd_result result, first;
	struct test_side side;
	struct test_peer peer;
	unsigned int i, j, count;

	(void)state;
	for (i = 0; i < 3; i++) {
		tickets_server(&peer, 3);
		test_peer_begin(&peer);
		tickets_client(&side, suites[i], NULL);
		tickets_shake(&side, &peer, &result);
		assert_false(result.resumed);
		assert_string_equal(result.peer.subject, "CN=leaf");
		first = result;
		assert_int_equal(ktlsd_client_ticket_wanted(side.handshake), 2);
		assert_int_equal(ktlsd_client_ticket_await(side.handshake), 0);
		count = tickets_feed(&side, &peer, &result, saved);
		assert_int_equal(count, 3);
		test_side_free(&side);
		for (j = 0; j < count; j++) {
			assert_true(saved[j]->once);
			assert_memory_equal(&saved[j]->fingerprint, &fingerprint,
					    sizeof(fingerprint));
			SSL_free(peer.ssl);
			peer.finished = false;
			test_peer_begin(&peer);
			tickets_client(&side, suites[i], saved[j]);
			tickets_shake(&side, &peer, &result);
			assert_true(result.resumed);
			assert_true(SSL_session_reused(peer.ssl));
			/* Who it is was verified the first time. */
			assert_true(result.verified);
			assert_string_equal(result.peer_name, "server.test");
			assert_memory_equal(&result.peer, &first.peer, sizeof(first.peer));
			assert_int_equal(X509_cmp(sk_X509_value(side.handshake->presented, 0),
						  pki.ec), 0);
			assert_int_equal(sk_X509_num(side.handshake->chain), 2);
			test_side_free(&side);
		}
		test_peer_free(&peer);
	}
}

/* A resumed session has a ticket of its own, and so on. */
static void tickets_client_generations(void **state)
{
	struct ktlsd_saved_session *saved[8] = { NULL };
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;
	int i;

	(void)state;
	tickets_server(&peer, 1);
	for (i = 0; i < 5; i++) {
		if (i)
			SSL_free(peer.ssl);
		peer.finished = false;
		test_peer_begin(&peer);
		tickets_client(&side, "TLS_AES_128_GCM_SHA256", saved[0]);
		tickets_shake(&side, &peer, &result);
		assert_int_equal(result.resumed, i > 0);
		assert_int_equal(sk_X509_num(side.handshake->chain), 2);
		assert_int_equal(ktlsd_client_ticket_await(side.handshake), 0);
		assert_int_equal(tickets_feed(&side, &peer, &result, saved), 1);
		test_side_free(&side);
	}
	ktlsd_saved_session_put(saved[0]);
	test_peer_free(&peer);
}

/* In 1.2 the session is there with the handshake, and good for many more. */
static void tickets_client_12(void **state)
{
	struct ktlsd_saved_session *saved;
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;
	int i;

	(void)state;
	tickets_server(&peer, 2);
	test_peer_begin(&peer);
	tickets_client(&side, "ECDHE-ECDSA-AES128-GCM-SHA256", NULL);
	assert_null(ktlsd_client_ticket_save(side.handshake, TICKETS_LIFETIME));
	tickets_shake(&side, &peer, &result);
	assert_int_equal(ktlsd_client_ticket_wanted(side.handshake), 0);
	saved = ktlsd_client_ticket_save(side.handshake, TICKETS_LIFETIME);
	assert_non_null(saved);
	assert_false(saved->once);
	test_side_free(&side);
	for (i = 0; i < 3; i++) {
		SSL_free(peer.ssl);
		peer.finished = false;
		test_peer_begin(&peer);
		saved->refs++;
		tickets_client(&side, "ECDHE-ECDSA-AES128-GCM-SHA256", saved);
		tickets_shake(&side, &peer, &result);
		assert_true(result.resumed);
		assert_true(result.verified);
		assert_int_equal(result.tx.seq, 1);
		assert_int_equal(sk_X509_num(side.handshake->chain), 2);
		test_side_free(&side);
	}
	ktlsd_saved_session_put(saved);
	test_peer_free(&peer);
}

/* A server that has forgotten the session does the whole handshake. */
static void tickets_client_refused(void **state)
{
	struct ktlsd_saved_session *saved[8];
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;

	(void)state;
	tickets_server(&peer, 1);
	test_peer_begin(&peer);
	tickets_client(&side, "", NULL);
	tickets_shake(&side, &peer, &result);
	ktlsd_client_ticket_await(side.handshake);
	assert_int_equal(tickets_feed(&side, &peer, &result, saved), 1);
	test_side_free(&side);
	test_peer_free(&peer);

	tickets_server(&peer, 1);
	test_peer_begin(&peer);
	tickets_client(&side, "", saved[0]);
	tickets_shake(&side, &peer, &result);
	assert_false(result.resumed);
	assert_true(result.verified);
	test_side_free(&side);
	test_peer_free(&peer);
}

/* Without verification no session is kept. */
static void tickets_client_unverified(void **state)
{
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;
	int version;

	(void)state;
	for (version = KTLS_TLS_1_2; version <= KTLS_TLS_1_3; version++) {
		tickets_server(&peer, 1);
		test_peer_begin(&peer);
		test_side_init(&side, KTLS_ROLE_CLIENT);
		side.request.verify = KTLS_VERIFY_NONE;
		side.request.version_max = (uint16_t)version;
		test_side_prepare(&side, NULL, NULL, NULL);
		assert_int_equal(test_side_begin(&side), 0);
		ktlsd_client_ticket_offer(side.handshake, &fingerprint, NULL);
		tickets_shake(&side, &peer, &result);
		assert_int_equal(result.version, version);
		assert_false(result.verified);
		assert_int_equal(ktlsd_client_ticket_wanted(side.handshake), 0);
		assert_null(ktlsd_client_ticket_save(side.handshake, TICKETS_LIFETIME));
		test_side_free(&side);
		test_peer_free(&peer);
	}
}

/* Whatever a peer sends as a ticket: no byte goes out, and no crash. */
static void tickets_client_malformed(void **state)
{
	static uint8_t body[KTLS_GENL_TICKET_MAX + 1];
	struct ktlsd_saved_session *saved;
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;
	size_t len;

	(void)state;
	for (len = 0; len <= sizeof(body); len = len < 24 ? len + 1 : len * 4 + 1) {
		size_t size = len < sizeof(body) ? len : sizeof(body);

		tickets_server(&peer, 0);
		test_peer_begin(&peer);
		tickets_client(&side, "", NULL);
		tickets_shake(&side, &peer, &result);
		ktlsd_client_ticket_await(side.handshake);
		memset(body, 0xff, sizeof(body));
		assert_true(ktlsd_client_ticket_receive(side.handshake, body, size,
							TICKETS_LIFETIME, &saved) < 0);
		assert_null(saved);
		assert_int_equal(side.handshake->output.len, 0);
		test_side_free(&side);
		test_peer_free(&peer);
	}
}

/* The longest ticket there may be takes two records. */
static void tickets_client_longest(void **state)
{
	static uint8_t body[KTLS_GENL_TICKET_MAX];
	struct ktlsd_saved_session *saved;
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;
	size_t ticket = sizeof(body) - 4 - 4 - 1 - 2 - 2;

	(void)state;
	tickets_server(&peer, 0);
	test_peer_begin(&peer);
	tickets_client(&side, "", NULL);
	tickets_shake(&side, &peer, &result);
	ktlsd_client_ticket_await(side.handshake);
	memset(body, 0, sizeof(body));
	body[2] = 7;
	body[9] = (uint8_t)(ticket >> 8);
	body[10] = (uint8_t)ticket;
	assert_int_equal(ktlsd_client_ticket_receive(side.handshake, body, sizeof(body),
						     TICKETS_LIFETIME, &saved), 0);
	assert_non_null(saved);
	assert_true(saved->expires <= time(NULL) + 7 * 256);
	assert_true(saved->der_len > ticket);
	ktlsd_saved_session_put(saved);
	test_side_free(&side);
	test_peer_free(&peer);
}

/* Handshakes that await tickets are bounded, timed, and freed when all tickets came. */
static void tickets_kept(void **state)
{
	static struct ktlsd_ticket_waiters waiters;
	struct ktlsd_cache cache;
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;
	uint8_t body[] = { 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 'x', 0, 0 };
	uint64_t id;

	(void)state;
	ktlsd_cache_init(&cache, 10);
	for (id = 1; id <= 4; id++) {
		tickets_server(&peer, 0);
		test_peer_begin(&peer);
		tickets_client(&side, "", NULL);
		tickets_shake(&side, &peer, &result);
		ktlsd_ticket_waiters_add(&waiters, id, side.handshake, NULL, TICKETS_LIFETIME,
					 1000 * (int64_t)id);
		side.handshake = NULL;
		test_side_free(&side);
		test_peer_free(&peer);
	}
	ktlsd_ticket_waiters_receive(&waiters, 99, body, sizeof(body), &cache);
	assert_int_equal(cache.count, 0);
	/* All it wants: it goes. The nonce differs, that is all that has to. */
	ktlsd_ticket_waiters_receive(&waiters, 4, body, sizeof(body), &cache);
	assert_int_equal(waiters.count, 4);
	body[9] = 1;
	ktlsd_ticket_waiters_receive(&waiters, 4, body, sizeof(body), &cache);
	assert_int_equal(waiters.count, 3);
	assert_int_equal(cache.count, 2);
	ktlsd_cache_reset(&cache, 10);
	assert_int_equal(ktlsd_ticket_waiters_expire(&waiters, 1000), KTLSD_TICKET_WAITERS_MS);
	assert_int_equal(ktlsd_ticket_waiters_expire(&waiters, 1000 + KTLSD_TICKET_WAITERS_MS), 1000);
	assert_int_equal(waiters.count, 2);
	/* A broken ticket ends it. */
	ktlsd_ticket_waiters_receive(&waiters, 2, body, 3, &cache);
	assert_int_equal(waiters.count, 1);
	assert_int_equal(cache.count, 0);
	ktlsd_ticket_waiters_flush(&waiters);
	assert_int_equal(ktlsd_ticket_waiters_expire(&waiters, 0), -1);
	ktlsd_cache_free(&cache);
}

/* --- our server ----------------------------------------------------------- */

static struct ktlsd_ticket_keys tickets_keys;

static int tickets_new_session(SSL *ssl, SSL_SESSION *session)
{
	SSL_SESSION **kept = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	SSL_SESSION_free(*kept);
	*kept = session;
	return 1;
}

/**
 * struct tickets_case - a second handshake, and what is different in it
 * @version: both are in
 * @other: another fingerprint
 * @sni: another name is asked for
 * @late: the keys are from two lifetimes ago
 * @verify: in both; of the second one if @reverify
 * @cert: the client has one
 * @resumed: what is to come of it
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
	assert_int_equal(ktlsd_server_ticket_enable(side.handshake, &ours, &tickets_keys, 2), 0);

	test_peer_init(&peer, false);
	SSL_CTX_set_app_data(peer.ctx, session);
	SSL_CTX_set_session_cache_mode(peer.ctx, SSL_SESS_CACHE_CLIENT |
				       SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(peer.ctx, tickets_new_session);
	if (what->cert)
		test_peer_credential(&peer, pki.client, pki.ec_key);
	test_peer_begin(&peer);
	assert_int_equal(SSL_set_tlsext_host_name(peer.ssl, second && what->sni ?
						  what->sni : (char *)"Server.Test"), 1);
	if (second)
		SSL_set_session(peer.ssl, *session);
	test_peer_step(&peer);
	tickets_shake(&side, &peer, &result);
	if (result.resumed != (second && what->resumed))
		fail_msg("%s: resumed %d", what->what, result.resumed);
	assert_int_equal(SSL_session_reused(peer.ssl), result.resumed);
	assert_int_equal(result.verified, what->cert && side.request.verify);
	assert_string_equal(result.server_name, second && what->sni ? what->sni : "server.test");
	/* Who it is, a resumed session tells as the first one did. */
	assert_string_equal(result.peer.subject, result.verified ? "CN=client" : "");
	assert_int_equal(result.peer.fingerprint_len, result.verified ? 32 : 0);
	if (result.verified)
		assert_int_equal(X509_cmp(sk_X509_value(side.handshake->presented, 0),
					  pki.client), 0);
	/* What was sealed under the application key is counted. */
	if (result.version == KTLS_TLS_1_3)
		assert_int_equal(result.tx.seq, result.resumed ? 1 : 2);
	/* The tickets are read with the first read. */
	SSL_read(peer.ssl, &byte, 1);
	SSL_set_shutdown(peer.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	test_peer_free(&peer);
	test_side_free(&side);
}

static void tickets_server_cases(void **state)
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
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ktlsd_ticket_keys_init(&tickets_keys, 100);
		session = NULL;
		tickets_accept(&cases[i], false, &session);
		if (!session || !SSL_SESSION_has_ticket(session))
			fail_msg("%s: no ticket", cases[i].what);
		if (cases[i].late)
			tickets_keys.since -= 200;
		tickets_accept(&cases[i], true, &session);
		SSL_SESSION_free(session);
		ktlsd_ticket_keys_free(&tickets_keys);
	}
}

/* Without them: nobody gets a ticket. */
static void tickets_server_none(void **state)
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
		SSL_CTX_set_app_data(peer.ctx, &session);
		SSL_CTX_set_session_cache_mode(peer.ctx, SSL_SESS_CACHE_CLIENT |
				       SSL_SESS_CACHE_NO_INTERNAL);
		SSL_CTX_sess_set_new_cb(peer.ctx, tickets_new_session);
		test_peer_begin(&peer);
		test_peer_step(&peer);
		tickets_shake(&side, &peer, &result);
		assert_int_equal(result.tx.seq, version == KTLS_TLS_1_2);
		SSL_read(peer.ssl, &byte, 1);
		assert_true(!session || !SSL_SESSION_has_ticket(session));
		test_peer_free(&peer);
		test_side_free(&side);
	}
	SSL_SESSION_free(session);
}

/* --- external keys -------------------------------------------------------- */

static const struct ktls_psk tickets_psk = {
	.identity_len = 4, .key_len = 32, .identity = "lamp", .key = "0123456789abcdef0123456789abcdef",
};

static struct ktls_psk tickets_wrong;

/* Two of our handshakes against each other. */
static int tickets_psk_shake(const struct ktls_psk *client_key,
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

static void tickets_external_key(void **state)
{
	struct ktlsd_result results[2];
	int side;

	(void)state;
	assert_int_equal(tickets_psk_shake(&tickets_psk, &tickets_psk, false, results), 0);
	for (side = 0; side < 2; side++) {
		assert_true(results[side].verified);
		assert_false(results[side].resumed);
		assert_string_equal(results[side].peer_name, "lamp");
		assert_int_equal(results[side].version, KTLS_TLS_1_3);
		assert_int_equal(results[side].tx.seq, 0);
	}
	/* The same name and another key: fatal, and the certificate does not help. */
	tickets_wrong = tickets_psk;
	tickets_wrong.key[0] ^= 1;
	assert_int_equal(tickets_psk_shake(&tickets_wrong, &tickets_psk, true, results), -1);
	/* Another name: the server's certificate, if there is one. */
	tickets_wrong.identity[0] ^= 1;
	assert_int_equal(tickets_psk_shake(&tickets_wrong, &tickets_psk, true, results), 0);
	assert_string_equal(results[0].peer_name, "server.test");
	assert_false(results[1].verified);
	assert_int_equal(tickets_psk_shake(&tickets_wrong, &tickets_psk, false, results), -1);
	assert_int_equal(tickets_psk_shake(NULL, &tickets_psk, false, results), -1);
	assert_int_equal(tickets_psk_shake(&tickets_psk, NULL, true, results), 0);
	assert_string_equal(results[0].peer_name, "server.test");
}

/* --- groups and signature algorithms -------------------------------------- */

static int tickets_choose(const char *groups, const char *sigalgs,
			  struct ktlsd_result *result, char *reason)
{
	struct test_side side;
	struct test_peer peer;
	int err;

	tickets_server(&peer, 0);
	test_peer_begin(&peer);
	test_side_init(&side, KTLS_ROLE_CLIENT);
	strcpy(side.request.groups, groups);
	strcpy(side.request.sigalgs, sigalgs);
	test_side_prepare(&side, NULL, NULL, pki.ca);
	err = test_side_begin(&side);
	if (!err) {
		test_peer_shake(&side, &peer);
		err = side.last == 1 ? ktlsd_handshake_finish(side.handshake, result, &side.fault)
				     : -EPROTO;
	}
	strcpy(reason, side.fault.reason);
	test_side_free(&side);
	test_peer_free(&peer);
	return err;
}

static void tickets_algorithms(void **state)
{
	static const char *const bad[] = {
		"", ":", "X25519:", ":X25519", "DEFAULT", "*X25519", "-X25519", "ffdhe2048",
		"X25519:?P-256", "x", "X25519/P-256",
	};
	struct ktlsd_result result;
	char reason[300];
	size_t i;

	(void)state;
	assert_int_equal(tickets_choose("secp384r1:X25519", "", &result, reason), 0);
	assert_int_equal(result.group, 24);
	assert_int_equal(tickets_choose("P-256:secp256r1:X25519", "", &result, reason), 0);
	assert_int_equal(result.group, 23);
	assert_int_equal(tickets_choose("X448", "", &result, reason), 0);
	assert_int_equal(result.group, 30);
	assert_int_equal(tickets_choose("", "ecdsa_secp256r1_sha256", &result, reason), 0);
	assert_int_equal(result.sigalg, 0x0403);
	assert_int_equal(tickets_choose("", "rsa_pss_rsae_sha256", &result, reason), -EPROTO);
	for (i = 1; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(tickets_choose(bad[i], "", &result, reason), -EINVAL);
		assert_non_null(strstr(reason, "KTLS_GROUPS names"));
		assert_int_equal(tickets_choose("", bad[i], &result, reason), -EINVAL);
		assert_non_null(strstr(reason, "KTLS_SIGALGS names"));
	}
	assert_int_equal(tickets_choose("", "RSA+SHA1", &result, reason), -EINVAL);
	assert_int_equal(tickets_choose("", "rsa_pkcs1_sha1", &result, reason), -EINVAL);
}

static int tickets_setup(void **state)
{
	(void)state;
	test_pki_setup(&pki);
	return 0;
}

static int tickets_teardown(void **state)
{
	(void)state;
	test_pki_teardown(&pki);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tickets_client_13),
		cmocka_unit_test(tickets_client_generations),
		cmocka_unit_test(tickets_client_12),
		cmocka_unit_test(tickets_client_refused),
		cmocka_unit_test(tickets_client_unverified),
		cmocka_unit_test(tickets_client_malformed),
		cmocka_unit_test(tickets_client_longest),
		cmocka_unit_test(tickets_kept),
		cmocka_unit_test(tickets_server_cases),
		cmocka_unit_test(tickets_server_none),
		cmocka_unit_test(tickets_external_key),
		cmocka_unit_test(tickets_algorithms),
	};

	return cmocka_run_group_tests_name("tickets", tests, tickets_setup,
					   tickets_teardown);
}
