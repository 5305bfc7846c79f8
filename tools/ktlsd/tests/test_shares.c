// SPDX-License-Identifier: GPL-2.0-or-later
/* The scheduler of sessions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shares.h"

static struct ktlsd_shares shares;
static struct ktlsd_place places[64];

static int setup(void **state)
{
	(void)state;
	memset(&shares, 0, sizeof(shares));
	memset(places, 0, sizeof(places));
	ktlsd_shares_init(&shares);
	return 0;
}

static int teardown(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < 64; i++)
		ktlsd_shares_del(&shares, &places[i]);
	ktlsd_shares_free(&shares);
	for (i = 0; i < KTLSD_SHARE_BUCKETS; i++)
		assert_null(shares.buckets[i]);
	assert_true(TAILQ_EMPTY(&shares.uids));
	assert_false(ktlsd_shares_pending(&shares));
	return 0;
}

static struct ktlsd_source from(uint64_t prefix)
{
	return (struct ktlsd_source){ .kind = KTLSD_SOURCE_PEER, .prefix = prefix };
}

static void add(unsigned int i, uint32_t uid, uint64_t prefix)
{
	struct ktlsd_source source = from(prefix);

	assert_int_equal(ktlsd_shares_add(&shares, &places[i], uid, &source), 0);
}

static int next(void)
{
	struct ktlsd_place *place = ktlsd_shares_next(&shares);

	return place ? (int)(place - places) : -1;
}

static int victim(uint32_t uid, uint64_t prefix)
{
	struct ktlsd_source source = from(prefix);
	struct ktlsd_place *place = ktlsd_shares_victim(&shares, uid, &source);

	return place ? (int)(place - places) : -1;
}

/* Round robin over uids, within a uid over sources; within a source in order of arrival. */
static void shares_turns(void **state)
{
	static const int order[] = { 0, 6, 5, 7, 1, 2, 3, 4, -1 };
	unsigned int i;

	(void)state;
	for (i = 0; i < 5; i++)
		add(i, 1, 1);
	add(5, 1, 2);
	add(6, 2, 1);
	add(7, 2, 1);
	for (i = 0; i < 8; i++)
		ktlsd_shares_ready(&shares, &places[i]);
	ktlsd_shares_ready(&shares, &places[0]);	/* has no effect */
	for (i = 0; i < sizeof(order) / sizeof(*order); i++)
		assert_int_equal(next(), order[i]);
}

/* A share without work before comes first, but others get their turns. */
static void shares_fresh(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 16; i++) {
		add(i, 1, 1);
		ktlsd_shares_ready(&shares, &places[i]);
	}
	for (i = 16; i < 32; i++) {
		add(i, 2, 1);
		ktlsd_shares_ready(&shares, &places[i]);
	}
	assert_int_equal(next(), 0);
	assert_int_equal(next(), 16);
	assert_int_equal(next(), 1);

	/* another uid; another source of the uid whose turn it is not */
	add(32, 3, 1);
	ktlsd_shares_ready(&shares, &places[32]);
	assert_int_equal(next(), 32);
	add(33, 1, 2);
	ktlsd_shares_ready(&shares, &places[33]);
	assert_int_equal(next(), 17);
	assert_int_equal(next(), 33);

	/* many uids, one after the other */
	for (i = 34; i < 44; i++) {
		add(i, i, 1);
		ktlsd_shares_ready(&shares, &places[i]);
	}
	for (i = 0; i < 4; i++) {
		if (next() < 34)
			break;
	}
	assert_int_equal(i, KTLSD_SHARE_FRESH_MAX);
}

/* A session that ends while it waits gets no turn. */
static void shares_end_while_ready(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		add(i, i / 2, 1);
		ktlsd_shares_ready(&shares, &places[i]);
	}
	ktlsd_shares_del(&shares, &places[0]);
	ktlsd_shares_del(&shares, &places[2]);
	ktlsd_shares_del(&shares, &places[3]);
	ktlsd_shares_del(&shares, &places[3]);
	assert_int_equal(next(), 1);
	assert_int_equal(next(), -1);
	ktlsd_shares_ready(&shares, &places[1]);
	assert_int_equal(next(), 1);
}

static void shares_victims(void **state)
{
	unsigned int i;

	(void)state;
	assert_int_equal(victim(1, 1), -1);
	for (i = 0; i < 6; i++)
		add(i, 1, i < 4 ? 7 : 8);
	/* its own uid: the oldest of the largest source, unless its own source is the largest */
	assert_int_equal(victim(1, 8), 0);
	assert_int_equal(victim(1, 7), -1);
	assert_int_equal(victim(1, 9), 0);
	/* another uid's */
	assert_int_equal(victim(2, 7), 0);
	for (i = 6; i < 10; i++)
		add(i, 2, 7);
	assert_int_equal(victim(2, 7), 0);
	add(10, 2, 7);
	/* it would become as large as the largest: only sessions of its own uid */
	assert_int_equal(victim(2, 7), -1);
	assert_int_equal(victim(2, 8), 6);
	assert_int_equal(victim(3, 7), 0);
}

/* CHECKs get turns, and do not count. */
static void shares_checks(void **state)
{
	struct ktlsd_source source = { .kind = KTLSD_SOURCE_CHECK };
	unsigned int i;

	(void)state;
	for (i = 0; i < 5; i++)
		assert_int_equal(ktlsd_shares_add(&shares, &places[i], 1, &source), 0);
	assert_int_equal(victim(2, 1), -1);
	assert_int_equal(victim(1, 1), -1);
	/* A listen() of another user does not fail because somebody needs memory. */
	source.kind = KTLSD_SOURCE_CLIENT;
	assert_null(ktlsd_shares_victim_of(&shares, 1, 2, &source));
	add(5, 1, 1);
	assert_ptr_equal(ktlsd_shares_victim_of(&shares, 1, 2, &source), &places[5]);
	assert_int_equal(victim(2, 1), -1);
	ktlsd_shares_ready(&shares, &places[3]);
	assert_int_equal(next(), 3);
}

/* --- processor time --- */

/* Takes the next turn, which costs @cost, and has more to do. */
static int turn(int64_t cost)
{
	int i = next();

	assert_in_range(i, 0, 63);
	ktlsd_shares_ready(&shares, &places[i & 63]);
	ktlsd_shares_charge(&shares, cost);
	return i;
}

/* Who takes ten times as long has a tenth of the turns: of uids, and of sources. */
static void shares_by_time(void **state)
{
	unsigned int turns[2] = { 0 }, i;
	int level, which;

	(void)state;
	for (level = 0; level < 2; level++) {
		add(0, 1, 1);
		add(1, level ? 1 : 2, 2);
		ktlsd_shares_ready(&shares, &places[0]);
		ktlsd_shares_ready(&shares, &places[1]);
		memset(turns, 0, sizeof(turns));
		for (i = 0; i < 1100; i++) {
			which = next();
			assert_in_range(which, 0, 1);
			ktlsd_shares_ready(&shares, &places[which & 1]);
			ktlsd_shares_charge(&shares, which ? 20000 : 2000);
			turns[which & 1]++;
		}
		assert_in_range(turns[1], 80, 130);
		ktlsd_shares_del(&shares, &places[0]);
		ktlsd_shares_del(&shares, &places[1]);
	}
}

/* One session after the other is no way round: the debt stays. */
static void shares_remember(void **state)
{
	unsigned int expensive = 0, i;

	(void)state;
	add(0, 1, 1);
	ktlsd_shares_ready(&shares, &places[0]);
	for (i = 0; i < 200; i++) {
		if (!places[1].share) {
			add(1, 2, 1);
			ktlsd_shares_ready(&shares, &places[1]);
		}
		if (next() == 1) {
			ktlsd_shares_del(&shares, &places[1]);
			ktlsd_shares_charge(&shares, 100000);
			expensive++;
		} else {
			ktlsd_shares_ready(&shares, &places[0]);
			ktlsd_shares_charge(&shares, 2000);
		}
	}
	assert_in_range(expensive, 3, 8);
	ktlsd_shares_del(&shares, &places[0]);
	ktlsd_shares_del(&shares, &places[1]);
	/* What owes nothing is forgotten at once. */
	ktlsd_shares_free(&shares);
	add(2, 3, 1);
	ktlsd_shares_del(&shares, &places[2]);
	assert_true(TAILQ_EMPTY(&shares.uids));
	assert_int_equal(shares.linger_count, 0);
}

/* Those that are remembered are bounded. */
static void shares_linger_bound(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 2 * KTLSD_SHARE_LINGER_MAX; i++) {
		add(0, 1, i);
		ktlsd_shares_ready(&shares, &places[0]);
		assert_int_equal(next(), 0);
		ktlsd_shares_del(&shares, &places[0]);
		ktlsd_shares_charge(&shares, KTLSD_SHARE_DEBT_MAX);
	}
	assert_in_range(shares.linger_count, 1, KTLSD_SHARE_LINGER_MAX);
}

/* A share that comes back, and owes less than the one that is busy, has the next turn. */
static void shares_small_debt_first(void **state)
{
	(void)state;
	add(0, 1, 1);
	add(1, 2, 1);
	ktlsd_shares_ready(&shares, &places[0]);
	assert_int_equal(turn(100000), 0);
	ktlsd_shares_ready(&shares, &places[1]);
	assert_int_equal(next(), 1);
	ktlsd_shares_charge(&shares, 20000);
	assert_int_equal(turn(100000), 0);
	ktlsd_shares_ready(&shares, &places[1]);
	assert_int_equal(next(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(shares_turns, setup, teardown),
		cmocka_unit_test_setup_teardown(shares_fresh, setup, teardown),
		cmocka_unit_test_setup_teardown(shares_end_while_ready, setup, teardown),
		cmocka_unit_test_setup_teardown(shares_victims, setup, teardown),
		cmocka_unit_test_setup_teardown(shares_checks, setup, teardown),
		cmocka_unit_test_setup_teardown(shares_by_time, setup, teardown),
		cmocka_unit_test_setup_teardown(shares_remember, setup, teardown),
		cmocka_unit_test_setup_teardown(shares_linger_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(shares_small_debt_first, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
