// SPDX-License-Identifier: GPL-2.0-or-later
/* Tickets that the kernel passes on after a handshake. */
#include <stdbool.h>

#include "test_kernel.h"

/* A client's handshake up to DONE. */
static struct ktlsd_event session_connect(struct test_kernel *kernel, struct test_peer *peer,
					  uint64_t id)
{
	test_peer_begin(peer);
	test_kernel_forget(kernel);
	test_kernel_start(kernel, KTLS_CMD_START, id, KTLS_ROLE_CLIENT, NULL, 5, NULL);
	while (test_kernel_serve_piece(kernel)) {
		struct nlmsghdr *last = kernel->sent[--kernel->count];

		test_kernel_forget(kernel);
		kernel->sent[kernel->count++] = last;
	}
	test_kernel_deliver(kernel, peer);
	test_peer_step(peer);
	test_kernel_send_batch(kernel, peer, id, 32768);
	test_kernel_check_done(kernel, 0, "");
	return test_kernel_last(kernel, KTLS_CMD_DONE);
}

static void session_tell_ticket(struct test_kernel *kernel, uint64_t id,
				const uint8_t *body, size_t len)
{
	struct ktlsd_message message;
	struct ktlsd_event event;

	test_kernel_forget(kernel);
	test_kernel_begin(&message, KTLS_CMD_MESSAGE, id);
	ktlsd_message_put(&message, KTLS_A_TICKET, body, len);
	test_kernel_tell(kernel, &message);
	/* It is acknowledged in any case. */
	assert_int_equal(kernel->count, 1);
	event = test_kernel_last(kernel, KTLS_CMD_MESSAGE);
	assert_int_equal(ktlsd_message_u64(&event, KTLS_A_ID, 0), id);
	assert_null(event.attr[KTLS_A_TICKET]);
}

/* Tickets are asked for where they can be used, always acknowledged, and saved. */
static void session_tickets(void **state)
{
	static const uint8_t body[] = { 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 'x', 0, 0 };
	struct ktlsd_cache cache;
	struct ktlsd_event event;
	struct test_peer peer;
	struct test_kernel kernel;

	(void)state;
	test_kernel_init(&kernel);
	kernel.config->ticket_lifetime = 7200;
	kernel.config->session_cache = 10;
	ktlsd_cache_init(&cache, 10);
	test_pki_put_cert(&kernel.parts[KTLS_CONFIG_TRUST], pki.ca);
	test_peer_init(&peer, true);
	test_peer_credential(&peer, pki.ec, pki.ec_key);

	/* No tickets are asked for without KTLS_TICKETS, or without a cache. */
	kernel.sessions.cache = &cache;
	event = session_connect(&kernel, &peer, 1);
	assert_null(event.attr[KTLS_A_MESSAGES]);
	kernel.sessions.cache = NULL;
	kernel.tickets = 2;
	event = session_connect(&kernel, &peer, 2);
	assert_null(event.attr[KTLS_A_MESSAGES]);
	assert_int_equal(kernel.sessions.ticket_waiters.count, 0);

	kernel.sessions.cache = &cache;
	kernel.config->session_cache = 0;
	event = session_connect(&kernel, &peer, 2);
	assert_null(event.attr[KTLS_A_MESSAGES]);

	kernel.config->session_cache = 10;
	event = session_connect(&kernel, &peer, 3);
	assert_int_equal(ktlsd_message_u32(&event, KTLS_A_MESSAGES, 0), 2);
	assert_int_equal(kernel.sessions.ticket_waiters.count, 1);
	assert_int_equal(kernel.sessions.count, 0);
	kernel.sessions.next_deadline = INT64_MAX;
	assert_in_range(ktlsd_sessions_expire(&kernel.sessions),
			KTLSD_TICKET_WAITERS_MS - 5000, KTLSD_TICKET_WAITERS_MS);
	session_tell_ticket(&kernel, 4, body, sizeof(body));
	assert_int_equal(cache.owners.count, 0);
	session_tell_ticket(&kernel, 3, body, sizeof(body));
	assert_int_equal(cache.owners.count, 1);
	session_tell_ticket(&kernel, 3, body, 3);
	assert_int_equal(kernel.sessions.ticket_waiters.count, 0);

	/* The next handshake offers the session; a server that does not know it does a full one. */
	event = session_connect(&kernel, &peer, 5);
	assert_int_equal(cache.owners.count, 0);
	assert_null(event.attr[KTLS_A_RESUMED]);
	assert_int_equal(kernel.sessions.ticket_waiters.count, 1);
	ktlsd_sessions_clear(&kernel.sessions);
	assert_int_equal(kernel.sessions.ticket_waiters.count, 0);
	test_peer_free(&peer);
	ktlsd_cache_free(&cache);
	test_kernel_free(&kernel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(session_tickets),
	};

	return cmocka_run_group_tests_name("session_tickets", tests, test_kernel_setup, test_pki_teardown);
}
