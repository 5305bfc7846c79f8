// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory of users: what each can have, and who makes room. */
#include <errno.h>
#include <string.h>

#include "test_kernel.h"

static struct ktlsd_quota quota;

static void quota_bounds(void **state)
{
	struct ktlsd_quota_hold one = { &quota, 1, 0 }, more = { &quota, 1, 0 };
	struct ktlsd_quota_hold two = { &quota, 2, 0 }, three = { &quota, 257, 0 }, moved;
	struct ktlsd_quota_sum sum;

	(void)state;
	ktlsd_quota_init(&quota, 1000);
	assert_int_equal(ktlsd_quota_take(&one, 300), 0);
	assert_int_equal(ktlsd_quota_take(&more, 201), -EDQUOT);
	assert_int_equal(ktlsd_quota_take(&more, 200), 0);
	assert_int_equal(ktlsd_quota_take(&two, 400), 0);
	/* Uid 257 is in the bucket of uid 1. */
	assert_int_equal(ktlsd_quota_take(&three, 101), -ENOBUFS);
	assert_int_equal(ktlsd_quota_take(&three, 100), 0);
	assert_int_equal(quota.bytes, 1000);
	assert_int_equal(ktlsd_quota_used(&quota, 1), 500);
	assert_int_equal(ktlsd_quota_used(&quota, 257), 100);
	assert_int_equal(ktlsd_quota_used(&quota, 3), 0);
	sum = ktlsd_quota_measure(&quota);
	assert_int_equal(sum.max, 1000);
	assert_int_equal(sum.bytes, 1000);
	assert_int_equal(sum.most, 500);
	assert_int_equal(sum.users, 3);

	ktlsd_quota_move(&one, &moved);
	ktlsd_quota_release(&one);
	assert_int_equal(ktlsd_quota_used(&quota, 1), 500);
	ktlsd_quota_release(&moved);
	ktlsd_quota_release(&moved);
	assert_int_equal(ktlsd_quota_used(&quota, 1), 200);

	/* What is held stays when there is to be less. */
	ktlsd_quota_set_max(&quota, 100);
	assert_int_equal(ktlsd_quota_take(&one, 1), -EDQUOT);
	ktlsd_quota_release(&more);
	assert_int_equal(ktlsd_quota_used(&quota, 1), 0);
	ktlsd_quota_release(&two);
	ktlsd_quota_release(&three);
	assert_int_equal(ktlsd_quota_take(&one, 50), 0);
	ktlsd_quota_release(&one);
	assert_int_equal(quota.bytes, 0);
	assert_int_equal(ktlsd_quota_measure(&quota).users, 0);
	ktlsd_quota_destroy(&quota);
}

static void begin(struct test_kernel *kernel, size_t max)
{
	ktlsd_quota_init(&quota, max);
	test_kernel_init(kernel);
	kernel->sessions.quota = &quota;
	kernel->sessions.max = 60;
}

/* Nothing is left on any account. */
static void end(struct test_kernel *kernel)
{
	unsigned int i;

	test_kernel_free(kernel);
	assert_int_equal(quota.bytes, 0);
	for (i = 0; i < KTLSD_QUOTA_BUCKETS; i++)
		assert_null(quota.buckets[i]);
	ktlsd_quota_destroy(&quota);
}

/* A client of @uid whose server does not answer. @config: with KTLS_TRUST. */
static void stall(struct test_kernel *kernel, uint32_t uid, uint64_t id, uint64_t config)
{
	kernel->uid = uid;
	test_kernel_forget(kernel);
	test_kernel_start(kernel, KTLS_CMD_START, id, KTLS_ROLE_CLIENT, NULL, config, NULL);
	while (test_kernel_serve_piece(kernel))
		;
}

/* Which request has lost its place, by the message before the last. */
static uint64_t victim(struct test_kernel *kernel)
{
	struct ktlsd_event event;

	assert_true(kernel->count >= 2);
	assert_int_equal(ktlsd_message_parse(kernel->sent[kernel->count - 2], &event), 0);
	assert_int_equal(event.cmd, KTLS_CMD_DONE);
	assert_int_equal(ktlsd_message_u32(&event, KTLS_A_ERRNO, 0), ENOBUFS);
	return ktlsd_message_u64(&event, KTLS_A_ID, 0);
}

/* A user can have half; a third one gets room from the one who has most. */
static void quota_sessions(void **state)
{
	struct test_kernel kernel;
	uint64_t id;

	(void)state;
	begin(&kernel, 16 * KTLSD_SESSION_COST + 65536);
	for (id = 1; id <= 8; id++) {
		stall(&kernel, 1000, id, 0);
		test_kernel_last(&kernel, KTLS_CMD_DATA);
	}
	stall(&kernel, 1000, 9, 0);
	test_kernel_check_done(&kernel, ENOBUFS, "half of ktlsd's memory");
	for (id = 11; id <= 17; id++) {
		stall(&kernel, 2000, id, 0);
		test_kernel_last(&kernel, KTLS_CMD_DATA);
	}
	assert_int_equal(kernel.sessions.count, 15);
	stall(&kernel, 3000, 21, 0);
	test_kernel_last(&kernel, KTLS_CMD_DATA);
	stall(&kernel, 3000, 22, 0);
	test_kernel_last(&kernel, KTLS_CMD_DATA);
	assert_int_equal(victim(&kernel), 1);
	assert_int_equal(kernel.sessions.count, 16);
	assert_true(ktlsd_quota_used(&quota, 3000) >= 2 * KTLSD_SESSION_COST);
	end(&kernel);
}

/* A user whose KTLS_TRUST are large is refused at half of the memory, others are not. */
static void quota_trust(void **state)
{
	struct test_kernel kernel;
	uint64_t id;
	int i;

	(void)state;
	begin(&kernel, 2 << 20);
	for (i = 0; i < 10; i++)
		test_pki_put_cert(&kernel.parts[KTLS_CONFIG_TRUST], pki.ca);
	/* Each is another: nothing is found in the cache. */
	for (id = 1; id <= 40; id++) {
		kernel.parts[KTLS_CONFIG_TRUST].data[0] = (uint8_t)(' ' + id);
		stall(&kernel, 1000, id, id);
		assert_true(ktlsd_quota_used(&quota, 1000) <= 1 << 20);
	}
	test_kernel_check_done(&kernel, ENOBUFS, "half of ktlsd's memory");
	assert_in_range(kernel.sessions.count, 4, 20);
	stall(&kernel, 2000, 50, 50);
	test_kernel_last(&kernel, KTLS_CMD_DATA);
	end(&kernel);
}

/* What is only cached goes first: nobody is refused on its account. */
static void quota_cached(void **state)
{
	struct ktlsd_event event;
	struct test_kernel kernel;
	uint64_t id;

	(void)state;
	begin(&kernel, 1 << 20);
	test_kernel_add_identity(&kernel, "web");
	test_pki_put_cert(&kernel.parts[KTLS_CONFIG_TRUST], pki.ca);
	for (id = 1; id <= 30; id++) {
		test_kernel_forget(&kernel);
		test_kernel_start(&kernel, KTLS_CMD_CHECK, id, 0, "web", id, NULL);
		while (test_kernel_serve_piece(&kernel))
			;
		test_kernel_check_done(&kernel, 0, "");
	}
	assert_in_range(kernel.sessions.contexts.count, 5, 16);
	for (id = 31; id <= 36; id++) {
		stall(&kernel, 1000, id, 0);
		event = test_kernel_last(&kernel, KTLS_CMD_DATA);
		assert_int_equal(ktlsd_message_u64(&event, KTLS_A_ID, 0), id);
	}
	end(&kernel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quota_bounds),
		cmocka_unit_test(quota_sessions),
		cmocka_unit_test(quota_trust),
		cmocka_unit_test(quota_cached),
	};

	return cmocka_run_group_tests_name("quota", tests, test_kernel_setup, test_pki_teardown);
}
