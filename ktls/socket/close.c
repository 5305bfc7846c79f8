// SPDX-License-Identifier: GPL-2.0
/* shutdown(), close(), and what outlives close.
 *
 * TCP answers data that arrives after close(), or that was never read, with a
 * reset, and a reset destroys what the peer has not read yet. In TLS 1.3 such
 * data are usually tickets, which no program reads. So a closed connection
 * lingers (drain.c): it gets a struct socket of its own (graft.c) and discards input
 * until the peer has closed too or linger_ms have passed. Then TCP closes it.
 */

#include <linux/module.h>
#include <linux/net.h>
#include <linux/sched/signal.h>
#include <net/tcp.h>
#include <uapi/linux/ktls.h>

#include "wire.h"
#include "record/alert.h"
#include "record/tx.h"
#include "socket/base.h"
#include "socket/close.h"
#include "socket/ctx.h"
#include "socket/detach.h"
#include "socket/drain.h"
#include "socket/fin.h"
#include "socket/graft.h"
#include "socket/handshake.h"
#include "socket/linger.h"
#include "socket/listener.h"
#include "socket/ready.h"
#include "socket/state.h"

static unsigned int close_linger_ms = 5000;
module_param_named(linger_ms, close_linger_ms, uint, 0644);
MODULE_PARM_DESC(linger_ms, "How long a closed socket is kept so that its data arrives, milliseconds (5000)");

/* Send the open MSG_MORE record, then close_notify (RFC 8446 6.1). With external keys
 * the program sends close_notify itself; here, too, nothing is sent afterwards. An
 * expired key may still seal the alert.
 *
 * TCP is corked so that FIN goes out in the same segment: the peer acknowledges both at
 * once, and a peer that has gone sends one reset instead of two.
 */
static void close_notify(struct ktls_ctx *ctx)
{
	struct tcp_sock *tp = tcp_sk(ctx->rl.sk);
	const u8 nonagle = tp->nonagle;

	if (ctx->rl.tx.closed || !ctx->rl.flow->tx.keyed ||
	    (ctx->rl.tx.error && ctx->rl.tx.error != EKEYEXPIRED))
		return;
	tp->nonagle |= TCP_NAGLE_CORK;
	ktls_tx_flush(&ctx->rl);
	if (ctx->rl.rules->alerts)
		ktls_alert_send(&ctx->rl, KTLS_ALERT_CLOSE_NOTIFY);
	else
		WRITE_ONCE(ctx->rl.tx.closed, true);
	tp->nonagle = nonagle;
}

/* The receiving half. SHUT_RD is passed on to TCP only with external keys: otherwise
 * TCP would answer control records with a reset.
 */
static void close_shut_rd(struct ktls_ctx *ctx)
{
	struct sock *sk = ctx->rl.sk;

	if (ctx->rl.rules->tcp_shut_rd)
		WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | RCV_SHUTDOWN);
	else
		WRITE_ONCE(ctx->rl.rx.shut, true);
}

/* The sending half: close_notify, then FIN. If TCP has no room for close_notify now, the
 * context's work sends FIN later.
 */
static void close_shut_wr(struct ktls_ctx *ctx)
{
	close_notify(ctx);
	if (!ktls_tx_idle(&ctx->rl))
		set_bit(KTLS_F_FIN, &ctx->flags);
	ktls_fin_send(ctx);
}

/* As with TCP, a later connect() does not report how one that did not wait has ended. */
static void close_end_connect(struct socket *sock)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sock->sk);

	if (!ctx->connect.pending || ctx->connect.starttls)
		return;
	ctx->connect.pending = false;
	if (sock->sk->sk_state == TCP_CLOSE)
		sock->state = SS_DISCONNECTING;
}

/**
 * ktls_close_shutdown - proto_ops.shutdown
 * @sock: the socket
 * @how: SHUT_RD, SHUT_WR or SHUT_RDWR
 *
 * As with TCP: 0 if there was a connection when it was called, even if the peer resets
 * it when it gets close_notify.
 *
 * Context: process, lock not held.
 * Return: 0, -ENOTCONN, -EINVAL.
 */
int ktls_close_shutdown(struct socket *sock, int how)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sock->sk);
	struct sock *sk = sock->sk;
	int err;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;

	lock_sock(sk);
	if (ctx->state != KTLS_STATE_OPEN && !ctx->conn->session.version) {
		release_sock(sk);
		return ctx->base->ops->shutdown(sock, how);
	}

	err = sk->sk_state == TCP_CLOSE ? -ENOTCONN : 0;
	close_end_connect(sock);
	if (how != SHUT_WR)
		close_shut_rd(ctx);
	if (how != SHUT_RD)
		close_shut_wr(ctx);
	/* Data received before shutdown() can still be read. Once there is none, all input
	 * is discarded.
	 */
	if (ctx->rl.rx.shut && ctx->rl.tx.closed && !ktls_ready_drain_control(ctx))
		set_bit(KTLS_F_SHUT, &ctx->flags);
	/* Wake readers and writers: they will get neither data nor room. */
	ctx->base->state_change(sk);
	release_sock(sk);
	return err;
}

/* Whether a signal killed the program: then its data must look truncated to the peer,
 * without a close_notify. The low bits of an exiting task's exit code are the signal.
 * SIGKILL is pending in the threads of a process that exits normally, too. A kernel
 * thread closes the files of a task that is gone, unless the socket is the kernel's own.
 */
static bool close_is_killed(const struct sock *sk)
{
	if (current->flags & PF_KTHREAD)
		return !sk->sk_kern_sock;
	if (current->flags & PF_EXITING)
		return current->exit_code & 0x7f;
	return fatal_signal_pending(current) &&
	       (current->signal->flags & SIGNAL_GROUP_EXIT) &&
	       (current->signal->group_exit_code & 0x7f);
}

/* Whether the peer has acknowledged everything, FIN included. */
static bool close_is_acknowledged(const struct sock *sk)
{
	return !((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT | TCPF_FIN_WAIT1 |
					TCPF_CLOSING | TCPF_LAST_ACK));
}

/* SO_LINGER: close() itself waits, on the program's socket. Socket lock held. Returns
 * the remaining time.
 */
static long close_wait(struct ktls_ctx *ctx, long timeout)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	struct sock *sk = ctx->rl.sk;

	sock_owned_by_me(sk);
	add_wait_queue(sk_sleep(sk), &wait);
	while (timeout && !signal_pending(current)) {
		ktls_fin_send(ctx);
		ktls_drain_input(ctx);
		if (close_is_acknowledged(sk))
			break;
		sk_wait_event(sk, &timeout, close_is_acknowledged(sk), &wait);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
	return timeout;
}

static void close_final(struct ktls_ctx *ctx, long timeout)
{
	struct ktls_base *base = ctx->base;
	struct sock *sk = ctx->rl.sk;

	lock_sock(sk);
	if (test_bit(KTLS_F_GONE, &ctx->flags)) {
		release_sock(sk);
		return;
	}
	ktls_linger_leave(ctx);
	ktls_graft_remove(ctx);
	ktls_detach(ctx);
	release_sock(sk);
	base->prot->close(sk, timeout);
}

/**
 * ktls_close_final - give the connection back to TCP and let TCP close it
 * @ctx: in state CLOSED; the caller has a reference, which keeps the sock too
 *
 * Context: the context's work, lock not held. The workqueue is drained before the module
 * goes, so the code stays although the module reference is dropped here.
 */
void ktls_close_final(struct ktls_ctx *ctx)
{
	close_final(ctx, 0);
}

static bool close_is_abortive(const struct sock *sk)
{
	return sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime;
}

/* close() of an open connection. Returns whether it lingers. */
static bool close_open(struct ktls_ctx *ctx, long *timeout)
{
	struct sock *sk = ctx->rl.sk;
	bool unread;

	/* Unread tickets are opened and dropped. Unread application data means a reset, as
	 * in TCP, and then no close_notify goes before it.
	 */
	unread = ktls_ready_drain_control(ctx) > 0;
	if (unread || close_is_abortive(sk)) {
		ktls_state_set(ctx, KTLS_STATE_CLOSED);
		if (unread)
			ctx->base->prot->disconnect(sk, O_NONBLOCK);
		return false;
	}
	if (!close_is_killed(sk))
		close_notify(ctx);
	ktls_state_set(ctx, KTLS_STATE_CLOSED);
	/* TCP sends what it has after its close(). */
	if (!ctx->rl.rules->linger && !ktls_tx_push(&ctx->rl) && ktls_tx_idle(&ctx->rl))
		return false;
	if (*timeout)
		*timeout = close_wait(ctx, *timeout);
	return ktls_drain_linger(ctx, READ_ONCE(close_linger_ms));
}

/* A listen() that began before the socket had the ULP has made TCP listen without us. */
static void close_stop_listening(struct ktls_ctx *ctx)
{
	struct sock *sk = ctx->rl.sk;

	sock_owned_by_me(sk);
	if (likely(sk->sk_state != TCP_LISTEN))
		return;
	set_bit(KTLS_F_LISTENED, &ctx->flags);
	/* ORDER: TCP stops listening before the socket is detached. */
	ctx->base->prot->disconnect(sk, O_NONBLOCK);
}

/**
 * ktls_close - proto.close
 * @sk: the socket; the caller's reference is given up, now or by the linger
 * @timeout: SO_LINGER, jiffies
 *
 * Context: process, lock not held. A module reference is kept until the very
 * end, because the one of the ULP goes with ktls_detach().
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
		ktls_listener_end(ctx);
		ktls_state_set(ctx, KTLS_STATE_CLOSED);
		/* ORDER: TCP stops listening before the socket is detached. */
		ctx->base->prot->disconnect(sk, O_NONBLOCK);
		break;
	case KTLS_STATE_OPEN:
		lingers = close_open(ctx, &timeout);
		break;
	case KTLS_STATE_FAILED:
		/* A fatal alert may not have been acknowledged yet. */
		ktls_state_set(ctx, KTLS_STATE_CLOSED);
		lingers = !close_is_abortive(sk) && !close_is_killed(sk) &&
			  ktls_drain_linger(ctx, READ_ONCE(close_linger_ms));
		break;
	default:
		ktls_handshake_end(ctx);
		ktls_state_set(ctx, KTLS_STATE_CLOSED);
		close_stop_listening(ctx);
	}
	release_sock(sk);

	/* Softirqs may still clone connections from it or call it back. A clone with our
	 * operations must have called our clone() before they are removed.
	 */
	if (test_bit(KTLS_F_LISTENED, &ctx->flags))
		synchronize_rcu();
	if (!lingers)
		close_final(ctx, timeout);
	ktls_ctx_put(ctx);
	module_put(THIS_MODULE);
}
