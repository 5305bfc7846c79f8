// SPDX-License-Identifier: GPL-2.0-or-later
/* A thread that goes on as another: never two at a time, and the last is joined. */
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "memory.h"
#include "test_pki.h"

enum {
	RELAY_TURNS	= 50,
	RELAY_BLOCKS	= 7,		/* that malloc() keeps of a size, for a thread */
};

/**
 * struct relay_test - what the threads count
 * @relay: of them
 * @running: of them; more than one is a mistake
 * @turns: how many there have been
 * @left: those that went on although they were to return
 * @stop: they have to end
 * @overlap: there was a mistake
 */
struct relay_test {
	struct ktlsd_relay	relay;
	atomic_int		running;
	atomic_int		turns;
	atomic_int		left;
	atomic_bool		stop;
	atomic_bool		overlap;
};

static _Thread_local int relay_mine;

static void relay_count(void *arg)
{
	struct relay_test *test = arg;

	if (atomic_fetch_add(&test->running, 1) || relay_mine++)
		test->overlap = true;
	test->turns++;
	while (!test->stop) {
		atomic_fetch_sub(&test->running, 1);
		if (ktlsd_relay_pass(&test->relay))
			return;
		/* ktlsd_relay_join() has begun. */
		atomic_fetch_add(&test->running, 1);
		test->left++;
		usleep(1000);
	}
	atomic_fetch_sub(&test->running, 1);
}

static void relay_is_passed(void **state)
{
	struct relay_test test = { 0 };

	(void)state;
	assert_int_equal(ktlsd_relay_start(&test.relay, relay_count, &test), 0);
	while (test.turns < RELAY_TURNS)
		usleep(100);
	test.stop = true;
	ktlsd_relay_join(&test.relay);
	assert_false(test.overlap);
	assert_int_equal(test.running, 0);
}

static void *relay_stop(void *arg)
{
	struct relay_test *test = arg;

	while (!test->left)
		usleep(100);
	test->stop = true;
	return NULL;
}

/* Who waits for the last gets the last: none follows it. */
static void relay_is_joined_meanwhile(void **state)
{
	struct relay_test test = { 0 };
	pthread_t thread;
	int turns;

	(void)state;
	assert_int_equal(ktlsd_relay_start(&test.relay, relay_count, &test), 0);
	assert_int_equal(pthread_create(&thread, NULL, relay_stop, &test), 0);
	ktlsd_relay_join(&test.relay);
	turns = test.turns;
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(test.left > 0);
	assert_false(test.overlap);
	assert_int_equal(test.turns, turns);
	assert_int_equal(test.running, 0);
}

/**
 * struct relay_blocks - for a thread that leaves blocks behind
 * @relay: of it and its successor
 * @memory: of both
 * @before: bytes in use when there was none
 * @kept: bytes in use when the first had freed all
 * @after: bytes in use in the second
 * @passed: whether each had to return
 * @done: by the second
 */
struct relay_blocks {
	struct ktlsd_relay	relay;
	struct ktlsd_memory	memory;
	size_t			before;
	size_t			kept;
	size_t			after;
	bool			passed[2];
	atomic_bool		done;
};

static size_t relay_in_use(void)
{
	return mallinfo2().uordblks;
}

static void relay_leave_blocks(void *arg)
{
	struct relay_blocks *blocks = arg;
	void *block[64][RELAY_BLOCKS];
	size_t i;

	if (blocks->memory.idle) {
		blocks->passed[1] = ktlsd_memory_pass(&blocks->memory, &blocks->relay);
		blocks->after = relay_in_use();
		blocks->done = true;
		return;
	}
	for (i = 0; i < 64 * RELAY_BLOCKS; i++)
		block[i % 64][i / 64] = malloc(16 * (i % 64) + 8);
	for (i = 0; i < 64 * RELAY_BLOCKS; i++)
		free(block[i % 64][i / 64]);
	blocks->kept = relay_in_use();
	ktlsd_memory_note_work(&blocks->memory, 1000);
	ktlsd_memory_step(&blocks->memory, 1000 + KTLSD_MEMORY_IDLE_MS, true);
	blocks->passed[0] = ktlsd_memory_pass(&blocks->memory, &blocks->relay);
}

/* What malloc() keeps for a thread counts as in use. */
static void relay_gives_blocks_back(void **state)
{
	struct relay_blocks blocks = { .before = relay_in_use() };

	(void)state;
	/* valgrind and the sanitizers have a malloc() of their own. */
	if (!blocks.before)
		skip();
	assert_int_equal(ktlsd_relay_start(&blocks.relay, relay_leave_blocks, &blocks), 0);
	while (!blocks.done)
		usleep(1000);
	ktlsd_relay_join(&blocks.relay);
	printf("# %zu bytes before, %zu kept, %zu after\n", blocks.before, blocks.kept,
	       blocks.after);
	assert_true(blocks.passed[0]);
	assert_false(blocks.passed[1]);
	assert_false(blocks.memory.idle);
	assert_true(blocks.kept > blocks.before + 200000);
	assert_true(blocks.after < blocks.before + 20000);
}

static void relay_run_nothing(void *arg)
{
	atomic_int *runs = arg;

	++*runs;
}

/* Work that came when the thread was about to let another go on: it may have begun handshakes, and
 * these stay with their thread.
 */
static void relay_is_not_passed_with_work(void **state)
{
	struct ktlsd_memory memory = { 0 };
	struct ktlsd_relay relay;
	atomic_int runs = 0;

	(void)state;
	assert_int_equal(ktlsd_relay_start(&relay, relay_run_nothing, &runs), 0);
	ktlsd_memory_note_work(&memory, 1000);
	assert_int_equal(ktlsd_memory_step(&memory, 1000 + KTLSD_MEMORY_IDLE_MS, true), 0);
	ktlsd_memory_note_work(&memory, 1000 + KTLSD_MEMORY_IDLE_MS);
	assert_false(ktlsd_memory_pass(&memory, &relay));
	ktlsd_relay_join(&relay);
	assert_int_equal(runs, 1);
	assert_int_equal(ktlsd_memory_step(&memory, 1000 + KTLSD_MEMORY_IDLE_MS, true),
			 KTLSD_MEMORY_IDLE_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(relay_is_passed),
		cmocka_unit_test(relay_is_joined_meanwhile),
		cmocka_unit_test(relay_gives_blocks_back),
		cmocka_unit_test(relay_is_not_passed_with_work),
	};

	return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
