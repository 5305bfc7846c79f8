// SPDX-License-Identifier: GPL-2.0-or-later
/* Sessions that are cancelled, refused, overdue, or wait for their turn. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "test_kernel.h"

static void session_cancel_and_drop(void **state)
{
	struct ktlsd_message message;
	struct test_kernel kernel;

	(void)state;
	test_kernel_init(&kernel);
	test_pki_put_cert(&kernel.parts[KTLS_CONFIG_TRUST], pki.ca);
	test_kernel_start(&kernel, KTLS_CMD_START, 1, KTLS_ROLE_CLIENT, NULL, 5, NULL);
	test_kernel_serve_piece(&kernel);
	assert_true(kernel.sessions.held > 0);
	assert_int_equal(kernel.sessions.count, 1);
	test_kernel_forget(&kernel);
	test_kernel_begin(&message, KTLS_CMD_CANCEL, 1);
	test_kernel_tell(&kernel, &message);
	assert_int_equal(kernel.sessions.count, 0);
	assert_int_equal(kernel.sessions.held, 0);
	/* CANCEL is acknowledged. */
	assert_int_equal(kernel.count, 1);
	test_kernel_last(&kernel, KTLS_CMD_CANCEL);

	test_kernel_start(&kernel, KTLS_CMD_START, 2, KTLS_ROLE_CLIENT, NULL, 5, NULL);
	while (test_kernel_serve_piece(&kernel))
		;
	test_kernel_last(&kernel, KTLS_CMD_DATA);
	assert_int_equal(kernel.sessions.contexts.count, 1);
	test_kernel_drop(&kernel, 5);
	assert_int_equal(kernel.sessions.contexts.count, 0);
	assert_true(kernel.sessions.contexts.live_bytes > 0);
	test_kernel_free(&kernel);
}

static void session_limits(void **state)
{
	struct ktlsd_message message;
	struct test_kernel kernel;
	uint64_t id;

	(void)state;
	test_kernel_init(&kernel);
	for (id = 1; id <= 10; id++)
		test_kernel_start(&kernel, KTLS_CMD_START, id, KTLS_ROLE_CLIENT, NULL, 0, NULL);
	test_kernel_last(&kernel, KTLS_CMD_DATA);
	test_kernel_start(&kernel, KTLS_CMD_START, 11, KTLS_ROLE_CLIENT, NULL, 0, NULL);
	test_kernel_check_done(&kernel, ENOBUFS, "max_sessions");

	/* An unknown request is answered. */
	test_kernel_begin(&message, KTLS_CMD_DATA, 4711);
	test_kernel_tell(&kernel, &message);
	test_kernel_check_done(&kernel, EPROTO, "does not know");

	/* Only overdue sessions end. */
	assert_true(ktlsd_sessions_expire(&kernel.sessions) > 9000);
	assert_int_equal(kernel.sessions.count, 10);
	for (id = 1; id <= 9; id++)
		kernel.sessions.buckets[id]->deadline = 0;
	kernel.sessions.next_deadline = 0;
	test_kernel_forget(&kernel);
	assert_true(ktlsd_sessions_expire(&kernel.sessions) > 9000);
	assert_int_equal(kernel.sessions.count, 1);
	assert_int_equal(kernel.count, 9);
	test_kernel_check_done(&kernel, ETIMEDOUT, "in time");
	test_kernel_free(&kernel);
}

static void tell_cancel(struct test_kernel *kernel, uint64_t id)
{
	struct ktlsd_message message;

	test_kernel_begin(&message, KTLS_CMD_CANCEL, id);
	test_kernel_tell(kernel, &message);
}

/* No work is done for requests that were cancelled before, or are overdue. */
static void session_dead_work(void **state)
{
	struct test_kernel kernel;

	(void)state;
	test_kernel_init(&kernel);
	kernel.only_tell = true;
	test_kernel_start(&kernel, KTLS_CMD_START, 1, KTLS_ROLE_CLIENT, NULL, 0, NULL);
	tell_cancel(&kernel, 1);
	assert_false(ktlsd_sessions_work(&kernel.sessions));
	assert_int_equal(kernel.sessions.count, 0);
	assert_int_equal(kernel.count, 1);
	test_kernel_last(&kernel, KTLS_CMD_CANCEL);

	/* A CANCEL of an unknown request is acknowledged too. */
	tell_cancel(&kernel, 4711);
	assert_int_equal(kernel.count, 2);

	test_kernel_start(&kernel, KTLS_CMD_START, 2, KTLS_ROLE_CLIENT, NULL, 0, NULL);
	kernel.sessions.buckets[2]->request.deadline = ktlsd_clock_ms();
	test_kernel_forget(&kernel);
	assert_true(ktlsd_sessions_work(&kernel.sessions));
	assert_int_equal(kernel.count, 0);
	assert_false(ktlsd_sessions_work(&kernel.sessions));
	test_kernel_free(&kernel);
}

/* A hundred requests of one user do not delay a request of another. */
static void session_turns(void **state)
{
	struct test_kernel kernel;
	struct ktlsd_event event;
	uint64_t id;

	(void)state;
	test_kernel_init(&kernel);
	kernel.sessions.max = 100;
	kernel.only_tell = true;
	for (id = 1; id <= 50; id++)
		test_kernel_start(&kernel, KTLS_CMD_START, id, KTLS_ROLE_CLIENT, NULL, 0, NULL);
	kernel.uid = 0;
	test_kernel_start(&kernel, KTLS_CMD_START, 51, KTLS_ROLE_CLIENT, NULL, 0, NULL);
	assert_true(ktlsd_sessions_work(&kernel.sessions));
	assert_true(ktlsd_sessions_work(&kernel.sessions));
	event = test_kernel_last(&kernel, KTLS_CMD_DATA);
	assert_int_equal(ktlsd_message_u64(&event, KTLS_A_ID, 0), 51);
	test_kernel_free(&kernel);
}

/* The user with the most sessions makes room for other users only. */
static void session_room(void **state)
{
	struct test_kernel kernel;
	struct ktlsd_event event;
	atomic_uint pool = 0;
	uint64_t id;

	(void)state;
	test_kernel_init(&kernel);
	kernel.sessions.max = 5;
	kernel.sessions.pool = &pool;
	kernel.sessions.pool_max = 5;
	for (id = 1; id <= 10; id++)
		test_kernel_start(&kernel, KTLS_CMD_START, id, KTLS_ROLE_CLIENT, NULL, 0, NULL);
	assert_int_equal(pool, 5);
	test_kernel_start(&kernel, KTLS_CMD_START, 11, KTLS_ROLE_CLIENT, NULL, 0, NULL);
	test_kernel_check_done(&kernel, ENOBUFS, "max_sessions");

	kernel.uid = 0;
	test_kernel_forget(&kernel);
	test_kernel_start(&kernel, KTLS_CMD_START, 12, KTLS_ROLE_CLIENT, NULL, 0, NULL);
	assert_int_equal(kernel.count, 2);
	event = test_kernel_last(&kernel, KTLS_CMD_DATA);
	assert_int_equal(ktlsd_message_u64(&event, KTLS_A_ID, 0), 12);
	kernel.count--;
	free(kernel.sent[kernel.count]);
	test_kernel_check_done(&kernel, ENOBUFS, "those of others");
	event = test_kernel_last(&kernel, KTLS_CMD_DONE);
	assert_int_equal(ktlsd_message_u64(&event, KTLS_A_ID, 0), 1);

	/* A CHECK is not counted. */
	test_kernel_add_identity(&kernel, "web");
	kernel.uid = 1000;
	test_kernel_start(&kernel, KTLS_CMD_CHECK, 13, 0, "web", 0, NULL);
	test_kernel_check_done(&kernel, 0, "");
	test_kernel_free(&kernel);
	assert_int_equal(pool, 0);
}

/* The cache of contexts stays within its limits. */
static void session_cache_is_bounded(void **state)
{
	struct test_kernel kernel;
	uint64_t id;

	(void)state;
	test_kernel_init(&kernel);
	test_kernel_add_identity(&kernel, "web");
	test_pki_put_cert(&kernel.parts[KTLS_CONFIG_TRUST], pki.ca);
	for (id = 1; id <= KTLSD_CONTEXTS_MAX + 20; id++) {
		test_kernel_forget(&kernel);
		test_kernel_start(&kernel, KTLS_CMD_CHECK, id, 0, "web", id, NULL);
		while (test_kernel_serve_piece(&kernel))
			;
		test_kernel_check_done(&kernel, 0, "");
	}
	assert_int_equal(kernel.sessions.contexts.count, KTLSD_CONTEXTS_MAX);
	assert_int_equal(kernel.sessions.contexts.cached_bytes,
			 kernel.sessions.contexts.live_bytes);
	test_kernel_free(&kernel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(session_cancel_and_drop),
		cmocka_unit_test(session_limits),
		cmocka_unit_test(session_dead_work),
		cmocka_unit_test(session_turns),
		cmocka_unit_test(session_room),
		cmocka_unit_test(session_cache_is_bounded),
	};

	return cmocka_run_group_tests_name("session_limits", tests, test_kernel_setup, test_pki_teardown);
}
