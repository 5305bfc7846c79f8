// SPDX-License-Identifier: GPL-2.0-or-later
/* Our client resumes sessions of plain OpenSSL. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "test_peer.h"
#include "tls/client_ticket.h"
#include "tls/ticket_waiters.h"

enum {
	TICKETS_LIFETIME	= 3600,
	TICKETS_ROOM		= 20000,
};

static const struct ktlsd_fingerprint fingerprint = { { 1, 2, 3 } };

/* A server whose own context can decrypt its tickets. */
static void tickets_server(struct test_peer *peer, unsigned int count)
{
	test_peer_init(peer, true);
	test_peer_credential(peer, pki.ec, pki.ec_key);
	SSL_CTX_set_num_tickets(peer->ctx, count);
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
static unsigned int tickets_receive(struct test_side *side, struct test_peer *peer,
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
			assert_int_equal(ktlsd_client_ticket_receive(side->handshake,
								     plain + used + 4,
								     (size_t)body,
								     TICKETS_LIFETIME,
								     &saved[count]), 0);
			assert_non_null(saved[count]);
			count++;
		}
	}
	BIO_reset(out);
	return count;
}

/* The OCSP response of the full handshake bounds every session that goes back to it. */
static void tickets_with_a_response(void **state)
{
	struct ktlsd_saved_session *saved[8], *more[8];
	int64_t until = time(NULL) + 100;
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;

	(void)state;
	tickets_server(&peer, 1);
	test_peer_begin(&peer);
	tickets_client(&side, "TLS_AES_128_GCM_SHA256", NULL);
	test_peer_finish(&side, &peer, &result);
	side.handshake->status.expires = until;
	assert_int_equal(ktlsd_client_ticket_await(side.handshake), 0);
	assert_int_equal(tickets_receive(&side, &peer, &result, saved), 1);
	assert_int_equal(saved[0]->expires, until);
	test_side_free(&side);

	test_peer_begin(&peer);
	tickets_client(&side, "TLS_AES_128_GCM_SHA256", saved[0]);
	test_peer_finish(&side, &peer, &result);
	assert_true(result.resumed);
	assert_int_equal(ktlsd_client_ticket_await(side.handshake), 0);
	assert_int_equal(tickets_receive(&side, &peer, &result, more), 1);
	assert_int_equal(more[0]->expires, until);
	ktlsd_saved_session_put(more[0]);
	test_side_free(&side);
	test_peer_free(&peer);
}

/* For each suite: a session from a ticket that the kernel decrypted is resumed. */
static void tickets_13(void **state)
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
		test_peer_finish(&side, &peer, &result);
		assert_false(result.resumed);
		assert_string_equal(result.peer.subject, "CN=leaf");
		first = result;
		assert_int_equal(ktlsd_client_ticket_wanted(side.handshake), 2);
		assert_int_equal(ktlsd_client_ticket_await(side.handshake), 0);
		count = tickets_receive(&side, &peer, &result, saved);
		assert_int_equal(count, 3);
		test_side_free(&side);
		for (j = 0; j < count; j++) {
			assert_true(saved[j]->once);
			assert_memory_equal(&saved[j]->fingerprint, &fingerprint,
					    sizeof(fingerprint));
			/* The first one waited for long. */
			assert_int_equal(!j && ktlsd_saved_session_rest(saved[j]), !j);
			test_peer_begin(&peer);
			tickets_client(&side, suites[i], saved[j]);
			test_peer_finish(&side, &peer, &result);
			assert_true(result.resumed);
			assert_true(SSL_session_reused(peer.ssl));
			/* The full handshake verified the server. */
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

/* A resumed session has a ticket of its own. */
static void tickets_generations(void **state)
{
	struct ktlsd_saved_session *saved[8] = { NULL };
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;
	int i;

	(void)state;
	tickets_server(&peer, 1);
	for (i = 0; i < 5; i++) {
		if (i % 2)
			assert_true(ktlsd_saved_session_rest(saved[0]));
		test_peer_begin(&peer);
		tickets_client(&side, "TLS_AES_128_GCM_SHA256", saved[0]);
		test_peer_finish(&side, &peer, &result);
		assert_int_equal(result.resumed, i > 0);
		assert_int_equal(sk_X509_num(side.handshake->chain), 2);
		assert_int_equal(ktlsd_client_ticket_await(side.handshake), 0);
		assert_int_equal(tickets_receive(&side, &peer, &result, saved), 1);
		test_side_free(&side);
	}
	ktlsd_saved_session_put(saved[0]);
	test_peer_free(&peer);
}

/* In TLS 1.2 the session exists after the handshake and can be resumed many times. */
static void tickets_12(void **state)
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
	test_peer_finish(&side, &peer, &result);
	assert_int_equal(ktlsd_client_ticket_wanted(side.handshake), 0);
	side.handshake->owner.uid = 77;
	saved = ktlsd_client_ticket_save(side.handshake, TICKETS_LIFETIME);
	assert_non_null(saved);
	assert_int_equal(saved->uid, 77);
	assert_false(saved->once);
	assert_false(ktlsd_saved_session_rest(saved));
	test_side_free(&side);
	for (i = 0; i < 3; i++) {
		test_peer_begin(&peer);
		saved->refs++;
		tickets_client(&side, "ECDHE-ECDSA-AES128-GCM-SHA256", saved);
		test_peer_finish(&side, &peer, &result);
		assert_true(result.resumed);
		assert_true(result.verified);
		assert_int_equal(result.tx.seq, 1);
		assert_int_equal(sk_X509_num(side.handshake->chain), 2);
		test_side_free(&side);
	}
	ktlsd_saved_session_put(saved);
	test_peer_free(&peer);
}

/* A server that does not know the session does a full handshake. */
static void tickets_refused(void **state)
{
	struct ktlsd_saved_session *saved[8];
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;

	(void)state;
	tickets_server(&peer, 1);
	test_peer_begin(&peer);
	tickets_client(&side, "", NULL);
	test_peer_finish(&side, &peer, &result);
	ktlsd_client_ticket_await(side.handshake);
	assert_int_equal(tickets_receive(&side, &peer, &result, saved), 1);
	test_side_free(&side);
	test_peer_free(&peer);

	tickets_server(&peer, 1);
	test_peer_begin(&peer);
	tickets_client(&side, "", saved[0]);
	test_peer_finish(&side, &peer, &result);
	assert_false(result.resumed);
	assert_true(result.verified);
	test_side_free(&side);
	test_peer_free(&peer);
}

/* Without verification no session is saved. */
static void tickets_unverified(void **state)
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
		test_peer_finish(&side, &peer, &result);
		assert_int_equal(result.version, version);
		assert_false(result.verified);
		assert_int_equal(ktlsd_client_ticket_wanted(side.handshake), 0);
		assert_null(ktlsd_client_ticket_save(side.handshake, TICKETS_LIFETIME));
		test_side_free(&side);
		test_peer_free(&peer);
	}
}

/* Malformed tickets neither send a byte nor crash ktlsd. */
static void tickets_malformed(void **state)
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
		test_peer_finish(&side, &peer, &result);
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

/* The longest ticket takes two records. */
static void tickets_longest(void **state)
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
	test_peer_finish(&side, &peer, &result);
	ktlsd_client_ticket_await(side.handshake);
	memset(body, 0, sizeof(body));
	body[2] = 7;
	body[9] = (uint8_t)(ticket >> 8);
	body[10] = (uint8_t)ticket;
	assert_int_equal(ktlsd_client_ticket_receive(side.handshake, body, sizeof(body),
						     TICKETS_LIFETIME, &saved), 0);
	assert_non_null(saved);
	assert_true(saved->expires <= time(NULL) + 7 * 256);
	assert_true(saved->cost > ticket);
	ktlsd_saved_session_put(saved);
	test_side_free(&side);
	test_peer_free(&peer);
}

/* Handshakes that await tickets are bounded, timed, and freed when all tickets came. */
static void tickets_kept(void **state)
{
	static struct ktlsd_ticket_waiters waiters;
	struct ktlsd_quota_hold hold = { NULL };
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
		test_peer_finish(&side, &peer, &result);
		ktlsd_ticket_waiters_add(&waiters, id, side.handshake, NULL, &hold,
					 TICKETS_LIFETIME, 1000 * (int64_t)id);
		side.handshake = NULL;
		test_side_free(&side);
		test_peer_free(&peer);
	}
	ktlsd_ticket_waiters_receive(&waiters, 99, body, sizeof(body), &cache);
	assert_int_equal(cache.owners.count, 0);
	/* The last ticket it waits for: it is freed. Only the nonce has to differ. */
	ktlsd_ticket_waiters_receive(&waiters, 4, body, sizeof(body), &cache);
	assert_int_equal(waiters.count, 4);
	body[9] = 1;
	ktlsd_ticket_waiters_receive(&waiters, 4, body, sizeof(body), &cache);
	assert_int_equal(waiters.count, 3);
	assert_int_equal(cache.owners.count, 2);
	ktlsd_cache_reset(&cache, 10);
	assert_int_equal(ktlsd_ticket_waiters_expire(&waiters, 1000), KTLSD_TICKET_WAITERS_MS);
	assert_int_equal(ktlsd_ticket_waiters_expire(&waiters,
						     1000 + KTLSD_TICKET_WAITERS_MS), 1000);
	assert_int_equal(waiters.count, 2);
	/* A malformed ticket frees it. */
	ktlsd_ticket_waiters_receive(&waiters, 2, body, 3, &cache);
	assert_int_equal(waiters.count, 1);
	assert_int_equal(cache.owners.count, 0);
	ktlsd_ticket_waiters_flush(&waiters);
	assert_int_equal(ktlsd_ticket_waiters_expire(&waiters, 0), -1);
	ktlsd_cache_free(&cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tickets_13),
		cmocka_unit_test(tickets_with_a_response),
		cmocka_unit_test(tickets_generations),
		cmocka_unit_test(tickets_12),
		cmocka_unit_test(tickets_refused),
		cmocka_unit_test(tickets_unverified),
		cmocka_unit_test(tickets_malformed),
		cmocka_unit_test(tickets_longest),
		cmocka_unit_test(tickets_kept),
	};

	return cmocka_run_group_tests_name("client_tickets", tests, test_pki_setup, test_pki_teardown);
}
