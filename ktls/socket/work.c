// SPDX-License-Identifier: GPL-2.0
/* What the one work of a context does in each state. */

#include <net/sock.h>
#include <uapi/linux/ktls.h>

#include "socket/child.h"
#include "socket/close.h"
#include "socket/connect.h"
#include "socket/ctx.h"
#include "socket/drain.h"
#include "socket/fin.h"
#include "socket/handshake.h"
#include "socket/listener.h"
#include "socket/ready.h"
#include "socket/rules.h"
#include "socket/send.h"
#include "socket/work.h"

/* What the work does follows from the state alone, so that a kick can never be
 * for the wrong thing, only superfluous. Socket lock held. Returns whether the
 * context is to end.
 */
static bool work_step(struct ktls_ctx *ctx)
{
	sock_owned_by_me(ctx->rl.sk);
	if (test_bit(KTLS_F_DROP, &ctx->flags) && ktls_child_drop(ctx))
		return true;

	switch (ctx->state) {
	case KTLS_STATE_CONNECTING:
		ktls_connect_step(ctx);
		break;
	case KTLS_STATE_HANDSHAKE:
		ktls_handshake_step(ctx);
		break;
	case KTLS_STATE_OPEN:
		ktls_ready_step(ctx);
		if (ctx->state != KTLS_STATE_OPEN)
			break;
		if (test_bit(KTLS_F_FIN, &ctx->flags))
			ktls_fin_send(ctx);
		else
			ktls_send_step(ctx);
		ktls_send_open_step(ctx);
		ktls_drain_answer(ctx);
		ktls_child_step(ctx);
		break;
	case KTLS_STATE_FAILED:
		ktls_connect_drain(ctx);
		break;
	case KTLS_STATE_CLOSED:
		return ktls_drain_step(ctx);
	}
	return false;
}

static void work_run(struct ktls_ctx *ctx)
{
	bool final;

	if (READ_ONCE(ctx->state) == KTLS_STATE_LISTENING) {
		ktls_listener_step(ctx);
	} else if (ktls_ctx_trylock(ctx, KTLS_F_AGAIN)) {
		final = !test_bit(KTLS_F_GONE, &ctx->flags) && work_step(ctx);
		release_sock(ctx->rl.sk);
		if (final)
			ktls_close_final(ctx);
	}
}

static bool work_is_unread(const struct ktls_ctx *ctx)
{
	return !READ_ONCE(ctx->rl.flow->opened.len) && ktls_ready_worth_waking(ctx);
}

const struct ktls_ctx_ops ktls_work_ops = {
	.work		= work_run,
	.is_unread	= work_is_unread,
	.rules		= &ktls_rules_handshake,
};
