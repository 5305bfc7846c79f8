// SPDX-License-Identifier: GPL-2.0
/* The only writer of a context's state, and the table of what is legal. */

#include <linux/bits.h>
#include <linux/ktime.h>
#include <kunit/visibility.h>
#include <uapi/linux/ktls.h>

#include "socket/base.h"
#include "socket/ctx.h"
#include "socket/state.h"

#include <trace/events/ktls.h>

/* Per state: the states that may follow. A state may not follow itself. */
static const u8 state_next[] = {
	[KTLS_STATE_NEW]	= BIT(KTLS_STATE_CONNECTING) | BIT(KTLS_STATE_LISTENING) |
				  BIT(KTLS_STATE_HANDSHAKE) | BIT(KTLS_STATE_OPEN) |
				  BIT(KTLS_STATE_CLOSED),
	[KTLS_STATE_CONNECTING]	= BIT(KTLS_STATE_NEW) | BIT(KTLS_STATE_HANDSHAKE) |
				  BIT(KTLS_STATE_FAILED) | BIT(KTLS_STATE_CLOSED),
	[KTLS_STATE_LISTENING]	= BIT(KTLS_STATE_NEW) | BIT(KTLS_STATE_CLOSED),
	[KTLS_STATE_HANDSHAKE]	= BIT(KTLS_STATE_NEW) | BIT(KTLS_STATE_OPEN) |
				  BIT(KTLS_STATE_FAILED) | BIT(KTLS_STATE_CLOSED),
	[KTLS_STATE_OPEN]	= BIT(KTLS_STATE_NEW) | BIT(KTLS_STATE_FAILED) |
				  BIT(KTLS_STATE_CLOSED),
	[KTLS_STATE_FAILED]	= BIT(KTLS_STATE_NEW) | BIT(KTLS_STATE_CONNECTING) |
				  BIT(KTLS_STATE_CLOSED),
	[KTLS_STATE_CLOSED]	= 0,
};

/**
 * ktls_state_legal - may one state follow another?
 * @from: enum ktls_info_state
 * @to: enum ktls_info_state
 *
 * Context: any, a pure function.
 * Return: whether it may.
 */
bool ktls_state_legal(u8 from, u8 to)
{
	return from < ARRAY_SIZE(state_next) && to < ARRAY_SIZE(state_next) &&
	       (state_next[from] & BIT(to));
}
EXPORT_SYMBOL_IF_KUNIT(ktls_state_legal);

/**
 * ktls_state_set - move a context to another state
 * @ctx: the context
 * @to: enum ktls_info_state
 *
 * Context: socket lock held. The store is a release: a reader of the new state without
 * the lock sees everything stored before.
 */
void ktls_state_set(struct ktls_ctx *ctx, u8 to)
{
	u8 from = ctx->state;

	sock_owned_by_me(ctx->rl.sk);
	if (WARN_ONCE(!ktls_state_legal(from, to), "ktls: state %u -> %u\n", from, to))
		return;

	trace_ktls_state(ctx->rl.sk, from, to);
	WRITE_ONCE(ctx->since, ktime_get_seconds());
	/* Pairs with readers of the state that do not hold the lock. */
	smp_store_release(&ctx->state, to);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_state_set);

/**
 * ktls_state_fail - end an open connection for both directions
 * @ctx: a context in state OPEN; in any other nothing changes
 * @err: positive errno that reading reports for ever
 *
 * Sending reports EPIPE from now on, as TCP does. Authenticated data that is
 * queued already is still delivered before @err. Sleepers are woken.
 *
 * Context: socket lock held.
 */
void ktls_state_fail(struct ktls_ctx *ctx, int err)
{
	sock_owned_by_me(ctx->rl.sk);
	if (ctx->state != KTLS_STATE_OPEN)
		return;

	if (!ctx->rl.rx.error)
		WRITE_ONCE(ctx->rl.rx.error, err);
	if (!ctx->rl.tx.error)
		WRITE_ONCE(ctx->rl.tx.error, EPIPE);
	ktls_state_set(ctx, KTLS_STATE_FAILED);
	ctx->base->state_change(ctx->rl.sk);
}
