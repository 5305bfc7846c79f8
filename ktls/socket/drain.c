// SPDX-License-Identifier: GPL-2.0
/* Connections whose both halves are closed, by shutdown(), by close() or because the
 * handshake failed: input is discarded until the peer has closed too.
 */

#include <net/sock.h>
#include <net/tcp_states.h>
#include <uapi/linux/ktls.h>

#include "mib.h"
#include "record/tx.h"
#include "socket/base.h"
#include "socket/ctx.h"
#include "socket/drain.h"
#include "socket/fin.h"
#include "socket/graft.h"
#include "socket/linger.h"
#include "socket/ready.h"

/**
 * ktls_drain_input - discard input that arrives when both halves are closed
 * @ctx: the connection
 *
 * Context: process, socket lock held.
 */
void ktls_drain_input(struct ktls_ctx *ctx)
{
	sock_owned_by_me(ctx->rl.sk);
	if (test_bit(KTLS_F_RESET_DUE, &ctx->flags))
		ktls_ready_discard(ctx);
	else if (ktls_ready_sift(ctx))
		set_bit(KTLS_F_RESET_DUE, &ctx->flags);
}

/* Data that nobody will read is answered with a reset, as by TCP, so that the peer stops
 * sending; but not before the peer's TCP has acknowledged everything.
 */
static bool drain_answers(const struct ktls_ctx *ctx)
{
	return test_bit(KTLS_F_RESET_DUE, &ctx->flags) && ktls_tx_idle(&ctx->rl) &&
	       ctx->rl.sk->sk_state == TCP_FIN_WAIT2;
}

/**
 * ktls_drain_answer - what comes after shutdown() of both halves
 * @ctx: in state OPEN; nothing is done unless both halves are shut
 *
 * Context: the context's work, socket lock held.
 */
void ktls_drain_answer(struct ktls_ctx *ctx)
{
	struct sock *sk = ctx->rl.sk;

	sock_owned_by_me(sk);
	if (!test_bit(KTLS_F_SHUT, &ctx->flags))
		return;
	ktls_drain_input(ctx);
	if (!drain_answers(ctx))
		return;
	clear_bit(KTLS_F_SHUT, &ctx->flags);
	ctx->base->prot->disconnect(sk, O_NONBLOCK);
	/* disconnect() has cleared this: the socket was reset, it may not connect again. */
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	ctx->base->state_change(sk);
}

/**
 * ktls_drain_linger - keep a closed connection until its data has arrived
 * @ctx: in state CLOSED; a child that failed is grafted already
 * @ms: at most so long
 *
 * Context: process, socket lock held; the program's socket structure, if there
 * was one, is about to go away.
 * Return: whether it lingers; if not, the caller ends it now.
 */
bool ktls_drain_linger(struct ktls_ctx *ctx, unsigned int ms)
{
	struct sock *sk = ctx->rl.sk;

	sock_owned_by_me(sk);
	ktls_fin_send(ctx);
	ktls_drain_input(ctx);
	/* After the peer's FIN nothing can arrive that TCP would resent. */
	if (sk->sk_state == TCP_CLOSE ||
	    ((sk->sk_shutdown & RCV_SHUTDOWN) && ktls_tx_idle(&ctx->rl) &&
	     sock_flag(sk, SOCK_DONE)))
		return false;
	/* ORDER: another connection may take the place at once, by expiring the deadline. */
	ktls_ctx_arm(ctx, ms);
	if (!ktls_linger_take(ctx, ctx->conn->session.version ? KTLS_LINGER_CLOSED :
								KTLS_LINGER_FAILED))
		return false;
	if (!ctx->attach.graft && ktls_graft(ctx)) {
		ktls_linger_leave(ctx);
		return false;
	}
	set_bit(KTLS_F_LINGERS, &ctx->flags);
	ktls_mib_inc(sock_net(sk), KTLS_MIB_LINGERS);
	ktls_ctx_kick(ctx);
	return true;
}

/**
 * ktls_drain_step - is a lingering connection done?
 * @ctx: in state CLOSED
 *
 * Context: the context's work, socket lock held.
 * Return: true: the caller calls ktls_close_final() after unlocking.
 */
bool ktls_drain_step(struct ktls_ctx *ctx)
{
	struct sock *sk = ctx->rl.sk;

	sock_owned_by_me(sk);
	/* The program is still in close(). */
	if (!ctx->attach.graft)
		return false;
	ktls_fin_send(ctx);
	ktls_drain_input(ctx);
	if (sk->sk_state == TCP_CLOSE ||
	    (sock_flag(sk, SOCK_DONE) && ktls_tx_idle(&ctx->rl)))
		return true;
	if (drain_answers(ctx)) {
		ctx->base->prot->disconnect(sk, O_NONBLOCK);
		return true;
	}
	if (!test_bit(KTLS_F_DEADLINE, &ctx->flags))
		return false;
	if (test_bit(KTLS_F_LINGERS, &ctx->flags))
		ktls_mib_inc(sock_net(sk), KTLS_MIB_LINGERS_EXPIRED);
	return true;
}
