// SPDX-License-Identifier: GPL-2.0
/* connect(), KTLS_HANDSHAKE, and what becomes of a socket whose handshake failed. */

#include <linux/file.h>
#include <linux/net.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>
#include <net/inet_common.h>
#include <uapi/linux/ktls.h>

#include "config.h"
#include "wire.h"
#include "helper/port.h"
#include "record/reason.h"
#include "record/rx.h"
#include "record/tx.h"
#include "socket/base.h"
#include "socket/connect.h"
#include "socket/ctx.h"
#include "socket/fin.h"
#include "socket/handshake.h"
#include "socket/listener.h"
#include "socket/ready.h"
#include "socket/state.h"

static bool connect_is_running(const struct ktls_ctx *ctx)
{
	return ctx->state == KTLS_STATE_CONNECTING || ctx->state == KTLS_STATE_HANDSHAKE;
}

/* Sleep until the handshake has ended, @timeo has passed or a signal is pending. TCP's
 * own time-outs, then the deadline of the handshake, bound the sleep.
 */
static int connect_wait(struct ktls_ctx *ctx, long timeo)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	struct sock *sk = ctx->rl.sk;
	int err = 0;

	add_wait_queue(sk_sleep(sk), &wait);
	while (connect_is_running(ctx)) {
		if (!timeo) {
			err = -EINPROGRESS;
			break;
		}
		if (signal_pending(current)) {
			err = sock_intr_errno(timeo);
			break;
		}
		sk_wait_event(sk, &timeo, !connect_is_running(ctx), &wait);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
	return err;
}

/* Put TCP back where connect() may be called again. tcp_disconnect() must not overwrite
 * an unread sk_err.
 */
static int connect_tcp_reset(struct ktls_ctx *ctx)
{
	struct sock *sk = ctx->rl.sk;
	int sk_err = READ_ONCE(sk->sk_err);
	int err = 0;

	ktls_tx_free(&ctx->rl);
	ktls_rx_free(&ctx->rl);
	if (sk->sk_state != TCP_CLOSE || sk->sk_shutdown ||
	    (sk->sk_socket && sk->sk_socket->state != SS_UNCONNECTED)) {
		sk->sk_disconnects++;
		err = ctx->base->prot->disconnect(sk, 0);
	}
	if (!err && sk->sk_socket)
		sk->sk_socket->state = SS_UNCONNECTED;
	cmpxchg(&sk->sk_err, ECONNRESET, sk_err);
	return err;
}

/* The result, reported once. */
static int connect_report(struct ktls_ctx *ctx)
{
	struct sock *sk = ctx->rl.sk;
	int err;

	ctx->connect.pending = false;
	switch (ctx->state) {
	case KTLS_STATE_OPEN:
		return 0;
	case KTLS_STATE_FAILED:
		WRITE_ONCE(sk->sk_err, 0);
		if (!ktls_tx_idle(&ctx->rl))
			ktls_ctx_kick(ctx);
		return -ctx->connect.result;
	default:
		err = sock_error(sk) ? : -ECONNABORTED;
		if (ctx->state == KTLS_STATE_NEW)
			connect_tcp_reset(ctx);
		return err;
	}
}

/**
 * ktls_connect_drain - let a failed handshake's alert reach the peer
 * @ctx: in state FAILED
 *
 * A reset would destroy the alert. So send what is queued, then FIN, and discard input
 * until the peer has closed too or KTLS_DRAIN_MS have passed. TCP takes nothing while
 * sk_err is set, and it must stay set until the program has read it: an alert for which
 * TCP had no room at first waits until then.
 * A connection that had been open stays as it is until the program closes it.
 *
 * Context: the context's work or the end of the handshake, socket lock held.
 */
void ktls_connect_drain(struct ktls_ctx *ctx)
{
	struct sock *sk = ctx->rl.sk;

	sock_owned_by_me(sk);
	if (ctx->conn->session.version) {
		if (test_bit(KTLS_F_FIN, &ctx->flags))
			ktls_fin_send(ctx);
		else
			ktls_tx_push(&ctx->rl);
		return;
	}

	if (!READ_ONCE(sk->sk_err))
		ktls_fin_send(ctx);
	ktls_ready_discard(ctx);
	if (sk->sk_state != TCP_CLOSE && !test_bit(KTLS_F_DEADLINE, &ctx->flags))
		return;
	if (connect_tcp_reset(ctx))
		ktls_ctx_arm(ctx, KTLS_DRAIN_MS);
	else
		ktls_ctx_disarm(ctx);
}

static void connect_opened(struct ktls_ctx *ctx)
{
	sock_owned_by_me(ctx->rl.sk);
	ktls_ctx_disarm(ctx);
	ctx->base->state_change(ctx->rl.sk);
	sk_wake_async(ctx->rl.sk, SOCK_WAKE_IO, POLL_OUT);
}

static void connect_failed(struct ktls_ctx *ctx)
{
	sock_owned_by_me(ctx->rl.sk);
	ktls_ctx_arm(ctx, KTLS_DRAIN_MS);
	ktls_connect_drain(ctx);
	ctx->base->state_change(ctx->rl.sk);
	sk_wake_async(ctx->rl.sk, SOCK_WAKE_IO, POLL_OUT);
	sk_error_report(ctx->rl.sk);
}

static const struct ktls_handshake_ops connect_handshake = {
	.opened	= connect_opened,
	.failed	= connect_failed,
};

/**
 * ktls_connect_step - TCP's connect has made progress
 * @ctx: in state CONNECTING
 *
 * Context: the context's work, or connect() itself; socket lock held.
 */
void ktls_connect_step(struct ktls_ctx *ctx)
{
	struct sock *sk = ctx->rl.sk;

	sock_owned_by_me(sk);
	if (ctx->connect.in_base)
		return;

	switch (sk->sk_state) {
	case TCP_ESTABLISHED:
	case TCP_CLOSE_WAIT:
		if (sk->sk_socket)
			sk->sk_socket->state = SS_CONNECTED;
		if (!ktls_handshake_begin(ctx, KTLS_ROLE_CLIENT, &connect_handshake))
			return;
		ktls_reason_set(&ctx->rl, "no memory for the handshake");
		WRITE_ONCE(ctx->connect.result, ENOMEM);
		WRITE_ONCE(sk->sk_err, ENOMEM);
		ktls_state_set(ctx, KTLS_STATE_FAILED);
		connect_tcp_reset(ctx);
		break;
	case TCP_CLOSE:
		/* Refused, reset or timed out: TCP's error, reported as TCP does. */
		ktls_state_set(ctx, KTLS_STATE_NEW);
		break;
	default:
		return;
	}
	ctx->base->state_change(sk);
}

/* Everything that can be refused is refused before the SYN. */
static int connect_prepare(struct ktls_ctx *ctx)
{
	struct sock *sk = ctx->rl.sk;
	int err;

	if (ctx->state == KTLS_STATE_FAILED) {
		err = connect_tcp_reset(ctx);
		if (err)
			return err;
		WRITE_ONCE(sk->sk_err, 0);
	} else if (sk->sk_state != TCP_CLOSE) {
		return -EISCONN;
	}
	if (ctx->state == KTLS_STATE_FAILED || ctx->rl.reason)
		ktls_handshake_reset(ctx);
	if (tcp_sk(sk)->fastopen_connect)
		return -EOPNOTSUPP;
	if (!ktls_port_exists(sock_net(sk))) {
		ktls_reason_set(&ctx->rl,
				"no helper serves this network namespace: is ktlsd running?");
		if (ctx->state == KTLS_STATE_FAILED)
			ktls_state_set(ctx, KTLS_STATE_NEW);
		return -ESRCH;
	}

	ktls_config_freeze(ctx->config);
	ctx->rl.role = KTLS_ROLE_CLIENT;
	ctx->connect.pending = true;
	WRITE_ONCE(ctx->connect.in_base, true);
	ktls_state_set(ctx, KTLS_STATE_CONNECTING);
	return 0;
}

/* TCP's own connect(), which takes the socket lock itself. */
static int connect_tcp(struct socket *sock, struct sockaddr_unsized *uaddr, int addr_len, int flags)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sock->sk);
	struct sock *sk = sock->sk;
	int err;

	release_sock(sk);
	err = ctx->base->ops->connect(sock, uaddr, addr_len, flags);
	lock_sock(sk);
	WRITE_ONCE(ctx->connect.in_base, false);

	switch (err) {
	case 0:
	case -EINPROGRESS:
	case -EALREADY:
	case -EINTR:
	case -ERESTARTSYS:
		/* It may have connected, or failed, while nobody looked. */
		if (ctx->state == KTLS_STATE_CONNECTING)
			ktls_connect_step(ctx);
		return err;
	default:
		ctx->connect.pending = false;
		if (ctx->state == KTLS_STATE_CONNECTING)
			ktls_state_set(ctx, KTLS_STATE_NEW);
		return err;
	}
}

/* The connection was complete, and ended before the program asked for that: as TCP's. */
static int connect_ended(struct socket *sock)
{
	struct sock *sk = sock->sk;
	int err = sock_error(sk) ? : -ECONNABORTED;

	ktls_ctx_get(sk)->connect.pending = false;
	sk->sk_disconnects++;
	sock->state = ktls_connect_disconnect(sk, 0) ? SS_DISCONNECTING : SS_UNCONNECTED;
	return err;
}

static int connect_locked(struct socket *sock, struct sockaddr_unsized *uaddr,
			  int addr_len, int flags)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sock->sk);
	struct sock *sk = sock->sk;
	int err;

	switch (ctx->state) {
	case KTLS_STATE_CONNECTING:
	case KTLS_STATE_HANDSHAKE:
		if (!ctx->connect.pending || ctx->connect.starttls)
			return -EISCONN;
		if (flags & O_NONBLOCK)
			return -EALREADY;
		break;
	case KTLS_STATE_OPEN:
		if (!ctx->connect.pending || ctx->connect.starttls)
			return sock->state == SS_DISCONNECTING ? -EINVAL : -EISCONN;
		if (sk->sk_state == TCP_CLOSE)
			return connect_ended(sock);
		return connect_report(ctx);
	case KTLS_STATE_FAILED:
		if (ctx->conn->session.version || ctx->connect.starttls)
			return -EISCONN;
		/* Unless the program has read it from SO_ERROR already. */
		if (ctx->connect.pending && READ_ONCE(sk->sk_err))
			return connect_report(ctx);
		fallthrough;
	case KTLS_STATE_NEW:
		err = connect_prepare(ctx);
		if (err)
			return err;
		err = connect_tcp(sock, uaddr, addr_len, flags);
		if (err)
			return err;
		if (flags & O_NONBLOCK)
			return -EINPROGRESS;
		break;
	default:
		return -EISCONN;
	}

	err = connect_wait(ctx, sock_sndtimeo(sk, false));
	return err ? : connect_report(ctx);
}

/**
 * ktls_connect - proto_ops.connect
 * @sock: the socket
 * @uaddr: where to; AF_UNSPEC disconnects
 * @addr_len: bytes at @uaddr
 * @flags: O_NONBLOCK
 *
 * Returns 0 only when the handshake is complete and the peer verified. A
 * restarted call goes on where the interrupted one stopped.
 *
 * Context: process, socket lock not held.
 * Return: 0 once; then -EISCONN. -EINPROGRESS and -EALREADY while the handshake runs
 * on a non-blocking socket; -ESRCH before the SYN if there is no helper; what the
 * handshake failed with (ktls(7)), or TCP's own errors.
 */
int ktls_connect(struct socket *sock, struct sockaddr_unsized *uaddr, int addr_len, int flags)
{
	struct sockaddr *addr = (struct sockaddr *)uaddr;
	struct sock *sk = sock->sk;
	int err;

	if (addr_len < (int)sizeof(addr->sa_family))
		return -EINVAL;
	if (ktls_ctx_get(sk)->external.alias)
		return ktls_base_of(sk)->ops->connect(sock, uaddr, addr_len, flags);

	lock_sock(sk);
	if (addr->sa_family == AF_UNSPEC) {
		sk->sk_disconnects++;
		err = ktls_connect_disconnect(sk, flags);
		sock->state = err ? SS_DISCONNECTING : SS_UNCONNECTED;
	} else {
		err = connect_locked(sock, uaddr, addr_len, flags);
	}
	release_sock(sk);
	return err;
}

/**
 * ktls_connect_disconnect - proto.disconnect
 * @sk: a socket with the ULP; or a child without, of a listener with it, which TCP
 *	disconnects through the listener's operations
 * @flags: O_NONBLOCK
 *
 * Context: socket lock held; process context if @sk has the ULP.
 * Return: what TCP's disconnect() says.
 */
int ktls_connect_disconnect(struct sock *sk, int flags)
{
	struct ktls_base *base = ktls_base_of(sk);
	struct ktls_ctx *ctx = ktls_ctx_get(sk);
	int err;

	if (!ctx)
		return base->prot->disconnect(sk, flags);
	sock_owned_by_me(sk);
	/* As on mainline: what is under way would be lost without a word. */
	if (ctx->external.alias)
		return -EOPNOTSUPP;

	if (ctx->state == KTLS_STATE_LISTENING)
		ktls_listener_end(ctx);
	err = base->prot->disconnect(sk, flags);
	if (err)
		return err;
	/* TCP's connect() cleans up through here before it returns its error. */
	if (ctx->state != KTLS_STATE_CONNECTING)
		ktls_handshake_reset(ctx);
	if (ctx->state != KTLS_STATE_NEW)
		ktls_state_set(ctx, KTLS_STATE_NEW);
	return 0;
}

static bool connect_is_nonblocking(const struct sock *sk)
{
	return sk->sk_socket && sk->sk_socket->file &&
	       (sk->sk_socket->file->f_flags & O_NONBLOCK);
}

static int connect_begin_starttls(struct ktls_ctx *ctx, int role)
{
	struct sock *sk = ctx->rl.sk;
	int err;

	if (sk->sk_state != TCP_ESTABLISHED && sk->sk_state != TCP_CLOSE_WAIT)
		return -ENOTCONN;
	/* Since before the socket had the ULP. */
	if (ktls_attach_has_sleepers(sk))
		return -EBUSY;
	if (!ktls_port_exists(sock_net(sk))) {
		ktls_reason_set(&ctx->rl,
				"no helper serves this network namespace: is ktlsd running?");
		return -ESRCH;
	}
	err = ktls_handshake_begin(ctx, role, &connect_handshake);
	if (err)
		return err;
	WRITE_ONCE(ctx->connect.starttls, true);
	ctx->connect.pending = true;
	return 0;
}

/**
 * ktls_connect_starttls - KTLS_HANDSHAKE
 * @sk: the socket
 * @role: enum ktls_role
 *
 * A call that a signal interrupted, or that returned -EINPROGRESS, can be made
 * again, and reports the result once.
 *
 * Context: process, socket lock not held.
 * Return: 0 when the handshake is complete; -EINPROGRESS on a non-blocking
 * socket; -EALREADY, -EISCONN, -ENOTCONN, -ESRCH, or why the handshake failed.
 */
int ktls_connect_starttls(struct sock *sk, int role)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sk);
	bool nonblock;
	int err;

	if (role != KTLS_ROLE_CLIENT && role != KTLS_ROLE_SERVER)
		return -EINVAL;

	lock_sock(sk);
	nonblock = connect_is_nonblocking(sk);
	if (ctx->state == KTLS_STATE_NEW) {
		err = connect_begin_starttls(ctx, role);
		if (!err && nonblock)
			err = -EINPROGRESS;
	} else if (!ctx->connect.starttls || !ctx->connect.pending || role != ctx->rl.role) {
		err = ctx->state == KTLS_STATE_OPEN ? -EISCONN : -ENOTCONN;
	} else {
		err = nonblock && ctx->state == KTLS_STATE_HANDSHAKE ? -EALREADY : 0;
	}
	if (!err)
		err = connect_wait(ctx, sock_sndtimeo(sk, false)) ? : connect_report(ctx);
	release_sock(sk);
	return err;
}
