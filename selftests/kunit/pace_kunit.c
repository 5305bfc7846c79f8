// SPDX-License-Identifier: GPL-2.0
/* How long requests of a source wait that had many cancelled: never longer than 200 ms, and
 * nobody else waits.
 */
#include <kunit/test.h>
#include <linux/ktime.h>

#include "helper/pace.h"

#define PACE_NOW	(1000 * (u64)NSEC_PER_SEC)
#define PACE_MAX	(200 * (u64)NSEC_PER_MSEC)

static const u64 pace_one[KTLS_PACE_NAMES] = { 1000, 0xffff888000000000, 1 };
static const u64 pace_other[KTLS_PACE_NAMES] = { 1000, 0xffff888000000000, 2 };

static DEFINE_SPINLOCK(pace_lock);

static void pace_free(void *pace)
{
	ktls_pace_free(pace);
}

static struct ktls_pace *pace_new(struct kunit *test)
{
	struct ktls_pace *pace = ktls_pace_new(&pace_lock);

	KUNIT_ASSERT_NOT_NULL(test, pace);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pace_free, pace), 0);
	return pace;
}

static void pace_vain(struct ktls_pace *pace, const u64 *name, unsigned int count)
{
	spin_lock(&pace_lock);
	while (count--)
		ktls_pace_vain(pace, name, PACE_NOW);
	spin_unlock(&pace_lock);
}

static void pace_success(struct ktls_pace *pace, const u64 *name, unsigned int count)
{
	spin_lock(&pace_lock);
	while (count--)
		ktls_pace_success(pace, name);
	spin_unlock(&pace_lock);
}

/* @ms later */
static u64 pace_delay(struct ktls_pace *pace, const u64 *name, unsigned int ms)
{
	u64 delay;

	spin_lock(&pace_lock);
	delay = ktls_pace_delay(pace, name, PACE_NOW + ms * (u64)NSEC_PER_MSEC);
	spin_unlock(&pace_lock);
	return delay;
}

/* A few in vain cost nothing, then each adds to the delay, up to the bound. */
static void pace_delay_test(struct kunit *test)
{
	struct ktls_pace *pace = pace_new(test);
	u64 last = 0, delay;
	unsigned int i;

	pace_vain(pace, pace_one, 16);
	KUNIT_EXPECT_EQ(test, pace_delay(pace, pace_one, 0), 0);
	for (i = 0; i < 16; i++) {
		pace_vain(pace, pace_one, 1);
		delay = pace_delay(pace, pace_one, 0);
		KUNIT_EXPECT_GT(test, delay, last);
		last = delay;
	}
	KUNIT_EXPECT_EQ(test, last, PACE_MAX);
	pace_vain(pace, pace_one, 10000);
	KUNIT_EXPECT_EQ(test, pace_delay(pace, pace_one, 0), PACE_MAX);
	KUNIT_EXPECT_EQ(test, pace_delay(pace, pace_other, 0), 0);
}

/* Time and success pay the debt off. */
static void pace_forgive_test(struct kunit *test)
{
	struct ktls_pace *pace = pace_new(test);

	pace_vain(pace, pace_one, 10000);
	KUNIT_EXPECT_GT(test, pace_delay(pace, pace_one, 500), 0);
	KUNIT_EXPECT_EQ(test, pace_delay(pace, pace_one, 1000), 0);

	pace_success(pace, pace_one, 15);
	KUNIT_EXPECT_GT(test, pace_delay(pace, pace_one, 0), 0);
	pace_success(pace, pace_one, 1);
	KUNIT_EXPECT_EQ(test, pace_delay(pace, pace_one, 0), 0);
	pace_success(pace, pace_one, 100);
	/* Success is no credit for later. */
	pace_vain(pace, pace_one, 17);
	KUNIT_EXPECT_GT(test, pace_delay(pace, pace_one, 0), 0);
}

/* Thousands of sources with one request each do not make anybody forget who owes much. */
static void pace_full_test(struct kunit *test)
{
	struct ktls_pace *pace = pace_new(test);
	u64 name[KTLS_PACE_NAMES] = { 2000 };

	pace_vain(pace, pace_one, 10000);
	for (name[2] = 0; name[2] < 10000; name[2]++)
		pace_vain(pace, name, 1);
	KUNIT_EXPECT_EQ(test, pace_delay(pace, pace_one, 0), PACE_MAX);
	KUNIT_EXPECT_EQ(test, pace_delay(pace, pace_other, 0), 0);
}

/* Before there is a helper there is no table. */
static void pace_none_test(struct kunit *test)
{
	pace_vain(NULL, pace_one, 100);
	pace_success(NULL, pace_one, 1);
	KUNIT_EXPECT_EQ(test, pace_delay(NULL, pace_one, 0), 0);
}

static struct kunit_case pace_cases[] = {
	KUNIT_CASE(pace_delay_test),
	KUNIT_CASE(pace_forgive_test),
	KUNIT_CASE(pace_full_test),
	KUNIT_CASE(pace_none_test),
	{}
};

static struct kunit_suite pace_suite = {
	.name		= "ktls_pace",
	.test_cases	= pace_cases,
};

kunit_test_suite(pace_suite);
