// SPDX-License-Identifier: GPL-2.0
/* The legal transitions between states. This table was written from the documentation of the
 * states in <linux/ktls.h>, independently of the one in state.c.
 */
#include <uapi/linux/ktls.h>

#include "socket/ctx.h"
#include "socket/state.h"

#include "common.h"

#define STATES	7

/* Rows: from; columns: to; x: legal. Nothing follows CLOSED, no state follows itself, and every
 * other state can be closed. NEW follows when the program disconnects the socket to use it
 * again.
 */
static const char *const state_table[STATES] = {
	/*			  NEW CON LIS HAN OPE FAI CLO */
	[KTLS_STATE_NEW]	= "-   x   x   x   x   -   x",
	[KTLS_STATE_CONNECTING]	= "x   -   -   x   -   x   x",
	[KTLS_STATE_LISTENING]	= "x   -   -   -   -   -   x",
	[KTLS_STATE_HANDSHAKE]	= "x   -   -   -   x   x   x",
	[KTLS_STATE_OPEN]	= "x   -   -   -   -   x   x",
	[KTLS_STATE_FAILED]	= "x   x   -   -   -   -   x",
	[KTLS_STATE_CLOSED]	= "-   -   -   -   -   -   -",
};

static const char *const state_names[STATES] = {
	[KTLS_STATE_NEW]	= "NEW",
	[KTLS_STATE_CONNECTING]	= "CONNECTING",
	[KTLS_STATE_LISTENING]	= "LISTENING",
	[KTLS_STATE_HANDSHAKE]	= "HANDSHAKE",
	[KTLS_STATE_OPEN]	= "OPEN",
	[KTLS_STATE_FAILED]	= "FAILED",
	[KTLS_STATE_CLOSED]	= "CLOSED",
};

struct state_pair {
	u8	from;
	u8	to;
	bool	legal;
};

/* All pairs. */
static struct state_pair state_pairs[STATES * STATES];

static int state_suite_init(struct kunit_suite *suite)
{
	struct state_pair *pair;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(state_pairs); i++) {
		pair = &state_pairs[i];
		pair->from = i / STATES;
		pair->to = i % STATES;
		pair->legal = state_table[pair->from][4 * pair->to] == 'x';
	}
	return 0;
}

static void state_pair_desc(struct state_pair *pair, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s to %s is %s", state_names[pair->from],
		 state_names[pair->to], pair->legal ? "legal" : "illegal");
}

KUNIT_ARRAY_PARAM(state_pair, state_pairs, state_pair_desc);

static void state_legal_test(struct kunit *test)
{
	const struct state_pair *pair = test->param_value;

	KUNIT_EXPECT_EQ(test, ktls_state_legal(pair->from, pair->to), pair->legal);
}

/* Legal ones only: state.c warns of others, and a warning fails the run. */
static void state_set_test(struct kunit *test)
{
	struct ktls_ctx *ctx = ktls_kunit_ctx(test, ktls_kunit_socket(test));
	u8 from, to;

	for (from = 0; from < STATES; from++) {
		for (to = 0; to < STATES; to++) {
			if (state_table[from][4 * to] != 'x')
				continue;
			ctx->state = from;
			lock_sock(ctx->rl.sk);
			ktls_state_set(ctx, to);
			release_sock(ctx->rl.sk);
			KUNIT_EXPECT_EQ(test, ctx->state, to);
		}
	}
}

/* No transition from or to a number that is no state is legal. */
static void state_unknown_test(struct kunit *test)
{
	unsigned int known, unknown;

	for (known = 0; known < STATES; known++) {
		for (unknown = STATES; unknown <= U8_MAX; unknown++) {
			KUNIT_EXPECT_FALSE(test, ktls_state_legal(known, unknown));
			KUNIT_EXPECT_FALSE(test, ktls_state_legal(unknown, known));
		}
	}
}

static struct kunit_case state_cases[] = {
	KUNIT_CASE_PARAM(state_legal_test, state_pair_gen_params),
	KUNIT_CASE(state_set_test),
	KUNIT_CASE(state_unknown_test),
	{}
};

static struct kunit_suite state_suite = {
	.name		= "ktls_state",
	.suite_init	= state_suite_init,
	.test_cases	= state_cases,
};

kunit_test_suite(state_suite);
