// SPDX-License-Identifier: GPL-2.0
/*
 * shutdown(), close(), and what outlives close.
 *
 * TCP answers data that arrives after close, or that was never read, with a
 * reset, and a reset destroys what the peer has not read yet. In TLS 1.3 such
 * data are usually tickets, which no program reads. So a closed connection
 * lingers on a socket structure of ours, discarding input, until the peer has
 * closed too or ktls_linger_ms are over; then TCP gets it back.
 */

#include <linux/module.h>
#include <linux/net.h>
#include <linux/sched/signal.h>
#include <net/tcp_states.h>

#include <ktls/ktls.h>

/* A closed file no longer counts against its owner's limits. */
static atomic_t close_lingers = ATOMIC_INIT(0);

/**
 * ktls_close_fin - send FIN, once everything queued is TCP's
 * @ctx: the context
 *
 * TCP's shutdown does nothing if FIN was sent already.
 *
 * Context: process, socket lock held.
 */
void ktls_close_fin(struct ktls_ctx *ctx)
{
	struct sock *sk = ctx->sk;

	sock_owned_by_me(sk);
	ktls_tx_push(ctx);
	if (!ktls_tx_idle(ctx) || (sk->sk_shutdown & SEND_SHUTDOWN))
		return;
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | SEND_SHUTDOWN);
	ctx->base->prot->shutdown(sk, SEND_SHUTDOWN);
}

/* Data behind an open MSG_MORE record, then close_notify (RFC 8446 6.1). */
static void close_notify(struct ktls_ctx *ctx)
{
	if (ctx->tx.closed || ctx->tx.error || !ctx->tx.tfm)
		return;
	ktls_tx_flush(ctx);
	ktls_alert_send(ctx, KTLS_ALERT_CLOSE_NOTIFY);
}

/**
 * ktls_close_shutdown - proto_ops.shutdown
 * @sock: the socket
 * @how: SHUT_RD, SHUT_WR or SHUT_RDWR
 *
 * close_notify goes out before TCP learns of the shutdown, because afterwards
 * it takes nothing more. If TCP has no memory for it now, FIN follows it later
 * from the context's work.
 *
 * Context: process, lock not held.
 */
int ktls_close_shutdown(struct socket *sock, int how)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sock->sk);
	struct sock *sk = sock->sk;
	bool later = false;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;

	lock_sock(sk);
	if (how != SHUT_RD && ctx->state == KTLS_STATE_OPEN) {
		close_notify(ctx);
		later = !ktls_tx_idle(ctx);
		if (later)
			set_bit(KTLS_F_FIN, &ctx->flags);
	}
	release_sock(sk);

	if (!later)
		return ctx->base->ops->shutdown(sock, how);
	return how == SHUT_RDWR ? ctx->base->ops->shutdown(sock, SHUT_RD) : 0;
}

/* A program that a signal killed has not finished what it was saying: what it
 * wrote must look truncated to the peer. On its way out a task has its exit
 * code, whose low bits are the signal.
 */
static bool close_is_killed(void)
{
	return fatal_signal_pending(current) ||
	       ((current->flags & PF_EXITING) && (current->exit_code & 0x7f));
}

/* Whether bytes of ours can still be on their way. */
static bool close_is_acknowledged(const struct sock *sk)
{
	return !((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT | TCPF_FIN_WAIT1 |
					TCPF_CLOSING | TCPF_LAST_ACK));
}

/* SO_LINGER: close() itself waits, on the program's socket. Socket lock held. */
static void close_wait(struct ktls_ctx *ctx, long timeout)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	struct sock *sk = ctx->sk;

	add_wait_queue(sk_sleep(sk), &wait);
	while (timeout && !signal_pending(current)) {
		ktls_close_fin(ctx);
		ktls_rx_discard(ctx);
		if (close_is_acknowledged(sk))
			break;
		sk_wait_event(sk, &timeout, close_is_acknowledged(sk), &wait);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
}

/**
 * ktls_close_linger - keep a closed connection until its data has arrived
 * @ctx: in state CLOSED
 *
 * Context: process, socket lock held; the program's socket structure is about
 * to go away.
 * Return: whether it lingers; if not, the caller ends it now.
 */
bool ktls_close_linger(struct ktls_ctx *ctx)
{
	struct sock *sk = ctx->sk;

	sock_owned_by_me(sk);
	ktls_close_fin(ctx);
	ktls_rx_discard(ctx);
	/* After the peer's FIN nothing can arrive that TCP would resent. */
	if (sk->sk_state == TCP_CLOSE ||
	    ((sk->sk_shutdown & RCV_SHUTDOWN) && ktls_tx_idle(ctx) && sock_flag(sk, SOCK_DONE)))
		return false;
	if (atomic_inc_return(&close_lingers) > KTLS_LINGERS_MAX || ktls_ulp_carry(ctx)) {
		atomic_dec(&close_lingers);
		return false;
	}
	set_bit(KTLS_F_LINGERS, &ctx->flags);
	ktls_mib_inc(sock_net(sk), KTLS_MIB_LINGERS);
	ktls_ctx_arm(ctx, READ_ONCE(ktls_linger_ms));
	ktls_ctx_kick(ctx);
	return true;
}

/**
 * ktls_close_step - is a lingering connection done?
 * @ctx: in state CLOSED
 *
 * Context: ctx->work, socket lock held.
 * Return: true: the caller calls ktls_close_final() after unlocking.
 */
bool ktls_close_step(struct ktls_ctx *ctx)
{
	struct sock *sk = ctx->sk;

	sock_owned_by_me(sk);
	/* The program is still in close(). */
	if (!ctx->carrier)
		return false;
	ktls_close_fin(ctx);
	ktls_rx_discard(ctx);
	if (sk->sk_state == TCP_CLOSE ||
	    (sock_flag(sk, SOCK_DONE) && ktls_tx_idle(ctx)))
		return true;
	if (!test_bit(KTLS_F_DEADLINE, &ctx->flags))
		return false;
	ktls_mib_inc(sock_net(sk), KTLS_MIB_LINGERS_EXPIRED);
	return true;
}

static void close_final(struct ktls_ctx *ctx, long timeout)
{
	struct ktls_base *base = ctx->base;
	struct sock *sk = ctx->sk;

	lock_sock(sk);
	if (test_bit(KTLS_F_GONE, &ctx->flags)) {
		release_sock(sk);
		return;
	}
	if (test_and_clear_bit(KTLS_F_LINGERS, &ctx->flags))
		atomic_dec(&close_lingers);
	ktls_ulp_uncarry(ctx);
	ktls_ulp_give_back(ctx);
	release_sock(sk);
	base->prot->close(sk, timeout);
}

/**
 * ktls_close_final - give the connection back to TCP and let TCP close it
 * @ctx: in state CLOSED; the caller has a reference, which keeps the sock too
 *
 * Context: ctx->work, lock not held. The workqueue is drained before the module
 * goes, so the module reference that is given up here is not the last thing
 * that keeps the code.
 */
void ktls_close_final(struct ktls_ctx *ctx)
{
	close_final(ctx, 0);
}

/* TCP stops listening while the socket is still ours, and connections that are
 * being cloned from it in softirq are waited for: one of them could otherwise
 * inherit half of us.
 */
static void close_listener(struct ktls_ctx *ctx)
{
	ktls_listener_end(ctx);
	ktls_state_set(ctx, KTLS_STATE_CLOSED);
	ctx->base->prot->disconnect(ctx->sk, O_NONBLOCK);
	synchronize_rcu();
}

/* The program's last words. Returns whether the connection lingers. */
static bool close_open(struct ktls_ctx *ctx, long timeout)
{
	struct sock *sk = ctx->sk;
	bool linger0 = sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime;
	bool unread;

	/* Queued tickets are opened and forgotten; unread application data means
	 * that the program did not want to hear the rest: reset, as in TCP.
	 */
	unread = ktls_rx_drain_control(ctx) > 0;
	if (!close_is_killed())
		close_notify(ctx);
	ktls_state_set(ctx, KTLS_STATE_CLOSED);
	if (unread || linger0) {
		ktls_tx_push(ctx);
		if (unread)
			ctx->base->prot->disconnect(sk, O_NONBLOCK);
		return false;
	}
	if (timeout)
		close_wait(ctx, timeout);
	return ktls_close_linger(ctx);
}

/**
 * ktls_close - proto.close
 * @sk: the socket; the caller's reference is given up, now or by the linger
 * @timeout: SO_LINGER, jiffies
 *
 * Context: process, lock not held. A module reference is kept until the very
 * end, because the one of the ULP goes with ktls_ulp_give_back().
 */
void ktls_close(struct sock *sk, long timeout)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sk);
	bool lingers = false;

	__module_get(THIS_MODULE);
	lock_sock(sk);
	ktls_ctx_hold(ctx);
	switch (ctx->state) {
	case KTLS_STATE_LISTENING:
		close_listener(ctx);
		break;
	case KTLS_STATE_OPEN:
		lingers = close_open(ctx, timeout);
		break;
	case KTLS_STATE_FAILED:
		/* A fatal alert of ours may be on its way. */
		ktls_state_set(ctx, KTLS_STATE_CLOSED);
		lingers = !close_is_killed() && ktls_close_linger(ctx);
		break;
	default:
		ktls_handshake_end(ctx);
		ktls_state_set(ctx, KTLS_STATE_CLOSED);
	}
	release_sock(sk);

	if (!lingers)
		close_final(ctx, timeout);
	ktls_ctx_put(ctx);
	module_put(THIS_MODULE);
}
