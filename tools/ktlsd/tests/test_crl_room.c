// SPDX-License-Identifier: GPL-2.0-or-later
/* Who has room for CRLs that are fetched, when there are more than fit. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "test_fetching.h"
#include "test_points.h"

static void room_want_many(int from, int to, uint64_t user)
{
	for (; from < to; from++) {
		test_points_want_one(from, user);
		test_fetching_step();
	}
}

/* Their number is bounded; those that never come are forgotten. */
static void room_bounds(void **state)
{
	int i;

	(void)state;
	test_points_open();
	close(fetching.listener);
	unlink(fetching.socket);
	room_want_many(0, KTLSD_CRL_POINTS_MAX + 20, 0);
	assert_int_equal(ktlsd_crl_points_count(&points.points).count, KTLSD_CRL_POINTS_MAX);
	assert_int_equal(ktlsd_crl_points_count(&points.points).evicted, 20);
	assert_int_equal(points.points.key_count, KTLSD_CRL_POINTS_MAX);
	for (i = 0; i < KTLSD_CRL_POINTS_FAILURES; i++) {
		test_fetching_step();
		fetching.offset += 2 * KTLSD_ERRANDS_RETRY_MAX;
	}
	test_fetching_step();
	assert_int_equal(ktlsd_crl_points_count(&points.points).count, 0);
	assert_int_equal(points.points.key_count, 0);
	fetching.offset = 0;
	test_fetching_listen();
	test_points_close();
	test_fetching_forget();
}

/* What one user wants at a time leaves room for others. */
static void room_crowd(void **state)
{
	int i;

	(void)state;
	test_points_open();
	for (i = 0; i < KTLSD_CRL_POINTS_WANTED; i++)
		test_points_want_one(i, POINTS_USER(1));
	assert_int_equal(points.points.wanted_count, KTLSD_CRL_POINTS_WANTED_UID);
	for (i = 0; i < KTLSD_CRL_POINTS_WANTED; i++)
		test_points_want_one(100 + i, POINTS_USER(2) + (uint64_t)i);
	assert_int_equal(points.points.wanted_count, 2 * KTLSD_CRL_POINTS_WANTED_UID);
	test_points_close();
}

/* A user who wants more than there is room for does not keep others from having what they need:
 * it is fetched next, and stays.
 */
static void room_fair(void **state)
{
	uint64_t id;

	(void)state;
	test_points_open();
	test_points_want_one(0, POINTS_USER(1));
	id = test_points_requested_url("http://crl0.test/");
	room_want_many(1, KTLSD_CRL_POINTS_MAX + 20, POINTS_USER(1));
	points.user = POINTS_USER(2);
	/* The others are due since then. */
	fetching.offset = 5;
	assert_int_equal(test_points_connect(KTLSD_REVOCATION_CRL), KTLS_REVOCATION_UNCHECKED);
	test_fetching_step();
	assert_int_equal(ktlsd_crl_points_count(&points.points).count, KTLSD_CRL_POINTS_MAX);
	test_fetching_send(id, -EIO, "it is slow", 10, 100);
	test_points_answer_good(NULL);
	assert_int_equal(test_points_connect(KTLSD_REVOCATION_HARD), KTLS_REVOCATION_CRL);
	room_want_many(1000, 1000 + KTLSD_CRL_POINTS_MAX, POINTS_USER(1));
	assert_int_equal(test_points_connect(KTLSD_REVOCATION_HARD), KTLS_REVOCATION_CRL);
	assert_int_equal(ktlsd_crl_points_count(&points.points).valid, 1);
	points.user = 0;
	fetching.offset = 0;
	test_points_close();
	test_fetching_forget();
}

/* What is in use stays. */
static void room_recent(void **state)
{
	int i;

	(void)state;
	test_points_open();
	test_points_connect(KTLSD_REVOCATION_CRL);
	test_points_answer_good(NULL);
	for (i = 0; i < 3; i++) {
		room_want_many(i * 200, i * 200 + 200, 0);
		assert_int_equal(test_points_connect(KTLSD_REVOCATION_HARD), KTLS_REVOCATION_CRL);
	}
	assert_true(ktlsd_crl_points_count(&points.points).evicted > 200);
	test_points_close();
	test_fetching_forget();
}

/* Networks of the peers of one server, likewise; and who wanted a CRL first does not take it with
 * him from others who use it.
 */
static void room_shared(void **state)
{
	const uint64_t server = POINTS_USER(1);
	int i;

	(void)state;
	test_points_open();
	points.user = server + 7;
	test_points_connect(KTLSD_REVOCATION_CRL);
	test_points_answer_good(NULL);
	points.user = server + 8;
	assert_int_equal(test_points_connect(KTLSD_REVOCATION_HARD), KTLS_REVOCATION_CRL);
	for (i = 0; i < 2; i++) {
		room_want_many(i * 1000, i * 1000 + KTLSD_CRL_POINTS_MAX, server + 7);
		assert_int_equal(test_points_connect(KTLSD_REVOCATION_HARD), KTLS_REVOCATION_CRL);
	}
	points.user = 0;
	test_points_close();
	test_fetching_forget();
}

/* The same for their size. The one that is there counts for as much as all may have. */
static void room_large(void **state)
{
	(void)state;
	test_points_open();
	points.user = POINTS_USER(1);
	test_points_connect(KTLSD_REVOCATION_CRL);
	test_points_answer_good(NULL);
	points.points.items->bytes = KTLSD_CRL_POINTS_BYTES;
	points.points.bytes = KTLSD_CRL_POINTS_BYTES;
	test_points_want_one(1, POINTS_USER(2));
	test_points_answer_url("http://crl1.test/");
	assert_int_equal(test_points_count(), 1);
	assert_int_equal(ktlsd_crl_points_count(&points.points).evicted, 1);
	assert_true(points.points.bytes < 4096);
	/* Nobody makes room for one who would have the most. */
	points.points.items->bytes = 1;
	points.points.bytes = KTLSD_CRL_POINTS_BYTES;
	test_points_want_one(2, POINTS_USER(3));
	test_points_answer_url("http://crl2.test/");
	assert_int_equal(test_points_count(), 1);
	assert_int_equal(ktlsd_crl_points_count(&points.points).evicted, 1);
	points.user = 0;
	test_points_close();
	test_fetching_forget();
}

/* While the thread admits what was wanted, more can be wanted: there are keys for so many only. */
static void room_keys(void **state)
{
	const unsigned int max = sizeof(points.points.keys) / sizeof(*points.points.keys);

	(void)state;
	test_points_open();
	memset(points.points.keys, 0, sizeof(points.points.keys));
	points.points.key_count = max;
	test_points_want_one(0, 0);
	assert_int_equal(points.points.key_count, max);
	assert_int_equal(points.points.wanted_count, 0);
	points.points.key_count = max - 1;
	test_points_want_one(0, 0);
	assert_int_equal(points.points.key_count, max);
	assert_int_equal(points.points.wanted_count, 1);
	test_points_close();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(room_bounds),
		cmocka_unit_test(room_keys),
		cmocka_unit_test(room_crowd),
		cmocka_unit_test(room_fair),
		cmocka_unit_test(room_recent),
		cmocka_unit_test(room_shared),
		cmocka_unit_test(room_large),
	};

	return cmocka_run_group_tests_name("crl_room", tests, test_points_setup,
					   test_points_teardown);
}
