// SPDX-License-Identifier: GPL-2.0-or-later
/* Renewed sessions expire seven days after the full handshake: RFC 8446 4.6.1. */
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "test_clock.h"
#include "test_peer.h"
#include "tls/client_ticket.h"
#include "tls/server_ticket.h"

enum {
	LIFETIME_DAY	= 86400,
	LIFETIME_TOTAL	= 7 * LIFETIME_DAY,
};

static const struct ktlsd_fingerprint fingerprint = { { 1, 2, 3 } };
static struct ktlsd_ticket_keys keys;
/* Our server and an OpenSSL client; stores the newest session in *@session. */
static bool lifetime_accept(uint16_t version, SSL_SESSION **session)
{
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;
	char byte;

	test_side_init(&side, KTLS_ROLE_SERVER);
	side.request.version_max = version;
	side.config.ticket_lifetime = LIFETIME_TOTAL;
	test_side_prepare(&side, pki.ec, pki.ec_key, NULL);
	assert_int_equal(test_side_begin(&side), 0);
	assert_int_equal(ktlsd_server_ticket_enable(side.handshake, &fingerprint, &keys, 1), 0);
	test_peer_init(&peer, false);
	test_peer_keep_session(&peer, session);
	test_peer_begin(&peer);
	if (*session)
		SSL_set_session(peer.ssl, *session);
	test_peer_step(&peer);
	test_peer_finish(&side, &peer, &result);
	SSL_read(peer.ssl, &byte, 1);
	SSL_set_shutdown(peer.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	test_peer_free(&peer);
	test_side_free(&side);
	return result.resumed;
}

/* Each ticket is valid for days, each resumption issues another: seven days in total. */
static void lifetime_of_a_server(void **state)
{
	SSL_SESSION *session = NULL;
	int version, day;

	(void)state;
	for (version = KTLS_TLS_1_2; version <= KTLS_TLS_1_3; version++) {
		ktlsd_ticket_keys_init(&keys, LIFETIME_TOTAL);
		skew = 0;
		assert_false(lifetime_accept((uint16_t)version, &session));
		for (day = 1; day < 7; day++) {
			skew = day * LIFETIME_DAY;
			if (!lifetime_accept((uint16_t)version, &session))
				fail_msg("%x: not resumed on day %d", version, day);
			if (version == KTLS_TLS_1_3)
				assert_true(SSL_SESSION_get_ticket_lifetime_hint(session) <=
					    (7u - day) * LIFETIME_DAY);
		}
		skew = LIFETIME_TOTAL + 60;
		if (lifetime_accept((uint16_t)version, &session))
			fail_msg("%x: resumed after seven days", version);
		/* That was a full handshake: seven days more. */
		skew += LIFETIME_DAY;
		assert_true(lifetime_accept((uint16_t)version, &session));
		SSL_SESSION_free(session);
		session = NULL;
		ktlsd_ticket_keys_free(&keys);
	}
	skew = 0;
}

/* Resumes a session at each of these times, by a clock that is set. */
static void lifetime_by_a_clock_that_is_set(void **state)
{
	static const struct {
		time_t	skew;
		bool	resumed;
	} table[] = {
		{ 0, false }, { 0, true },
		/* From the future. The full handshake makes a session of the new time. */
		{ -3600, false }, { -3600, true },
		{ 0, true },
		{ 3650 * LIFETIME_DAY, false },
		{ 3650 * LIFETIME_DAY + 60, true },
		{ 0, false }, { -3650 * LIFETIME_DAY, false }, { 0, false },
	};
	SSL_SESSION *session;
	int version;
	size_t i;

	(void)state;
	for (version = KTLS_TLS_1_2; version <= KTLS_TLS_1_3; version++) {
		ktlsd_ticket_keys_init(&keys, LIFETIME_TOTAL);
		session = NULL;
		for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
			skew = table[i].skew;
			if (lifetime_accept((uint16_t)version, &session) != table[i].resumed)
				fail_msg("%x: row %zu: resumed %d", version, i, !table[i].resumed);
		}
		SSL_SESSION_free(session);
		ktlsd_ticket_keys_free(&keys);
	}
	skew = 0;
}

/* Passes on the peer's ticket as the kernel does. */
static struct ktlsd_saved_session *lifetime_take_ticket(struct test_side *side,
							struct test_peer *peer,
							struct ktlsd_result *result)
{
	struct ktlsd_saved_session *saved = NULL;
	uint8_t plain[4096], type;
	uint8_t *data;
	long len;

	if (result->version == KTLS_TLS_1_2)
		return ktlsd_client_ticket_save(side->handshake, LIFETIME_TOTAL);
	assert_int_equal(ktlsd_client_ticket_await(side->handshake), 0);
	len = BIO_get_mem_data(SSL_get_wbio(peer->ssl), (char **)&data);
	assert_true(test_open(result, &result->rx, data, (size_t)len, plain, &type) > 4);
	assert_int_equal(ktlsd_client_ticket_receive(side->handshake, plain + 4,
						     (size_t)(plain[2] << 8 | plain[3]),
						     LIFETIME_TOTAL, &saved), 0);
	BIO_reset(SSL_get_wbio(peer->ssl));
	return saved;
}

/* Our client: a session from a resumption does not outlive the full handshake's limit. */
static void lifetime_of_a_client(void **state)
{
	struct ktlsd_saved_session *saved = NULL;
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;
	int64_t end;
	int version, day;

	(void)state;
	for (version = KTLS_TLS_1_2; version <= KTLS_TLS_1_3; version++) {
		test_peer_init(&peer, true);
		test_peer_credential(&peer, pki.ec, pki.ec_key);
		SSL_CTX_set_num_tickets(peer.ctx, 1);
		SSL_CTX_set_timeout(peer.ctx, LIFETIME_TOTAL);
		end = time(NULL) + LIFETIME_TOTAL;
		for (day = 0; day < 7; day++) {
			skew = day * LIFETIME_DAY;
			test_peer_begin(&peer);
			test_side_init(&side, KTLS_ROLE_CLIENT);
			side.request.version_max = (uint16_t)version;
			test_side_prepare(&side, NULL, NULL, pki.ca);
			assert_int_equal(test_side_begin(&side), 0);
			ktlsd_client_ticket_offer(side.handshake, &fingerprint, saved);
			test_peer_finish(&side, &peer, &result);
			assert_int_equal(result.resumed, day > 0);
			saved = lifetime_take_ticket(&side, &peer, &result);
			assert_non_null(saved);
			if (saved->expires > end + 60)
				fail_msg("%x: on day %d it ends %lld s too late", version, day,
					 (long long)(saved->expires - end));
			test_side_free(&side);
		}
		ktlsd_saved_session_put(saved);
		saved = NULL;
		test_peer_free(&peer);
		skew = 0;
	}
}

/* The certificates are valid for longer than a day. */
static int lifetime_setup(void **state)
{
	const struct test_pki_spec ca = { .cn = "CA", .is_ca = true, .to = 90L * LIFETIME_DAY };
	const struct test_pki_spec leaf = {
		.cn = "leaf", .san = "DNS:server.test", .to = 90L * LIFETIME_DAY,
	};

	(void)state;
	test_pki_setup(state);
	X509_free(pki.ca);
	X509_free(pki.ec);
	pki.ca = test_pki_issue(&ca, pki.ca_key, NULL, pki.ca_key);
	pki.ec = test_pki_issue(&leaf, pki.ec_key, pki.ca, pki.ca_key);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lifetime_of_a_server),
		cmocka_unit_test(lifetime_of_a_client),
		cmocka_unit_test(lifetime_by_a_clock_that_is_set),
	};

	return cmocka_run_group_tests_name("ticket_lifetime", tests, lifetime_setup, test_pki_teardown);
}
