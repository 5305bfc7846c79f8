// SPDX-License-Identifier: GPL-2.0
/* The operations and callbacks that replace TCP's on a socket that is ours. */

#include <linux/net.h>
#include <linux/poll.h>
#include <linux/sockios.h>
#include <asm/ioctls.h>
#include <net/inet_common.h>
#include <net/transp_v6.h>
#include <uapi/linux/ktls.h>

#include <compat/proto.h>

#include "record/aead.h"
#include "record/tx.h"
#include "socket/base.h"
#include "socket/close.h"
#include "socket/connect.h"
#include "socket/ctx.h"
#include "socket/fin.h"
#include "socket/listener.h"
#include "socket/ops.h"
#include "socket/ready.h"
#include "socket/recv.h"
#include "socket/send.h"
#include "socket/sockopt.h"
#include "socket/splice.h"

/* The state, for callers without the socket lock. */
static u8 ops_state(const struct ktls_ctx *ctx)
{
	/* Pairs with ktls_state_set(): what the state promises is there. */
	return smp_load_acquire(&ctx->state);
}

/* Whether a direction is still TCP's. Lockless: who sets the first key while another
 * thread is in a system call that moves bytes cannot know which came first.
 */
static bool ops_is_plain(const struct ktls_half *half)
{
	return unlikely(READ_ONCE(half->plain));
}

/* --- Callbacks from TCP --- */

/* Softirq, or process context with the socket lock held. Under RCU, because
 * the context may be given back at any moment.
 */
static void ops_data_ready(struct sock *sk)
{
	struct ktls_ctx *ctx;
	u8 state;

	rcu_read_lock();
	ctx = ktls_ctx_get(sk);
	state = ctx ? ops_state(ctx) : KTLS_STATE_CLOSED;
	if (!ctx || ops_is_plain(&ctx->rl.rx)) {
		ktls_base_of(sk)->data_ready(sk);
	} else if (state == KTLS_STATE_OPEN && ktls_ready_worth_waking(ctx)) {
		if (ktls_ready_reaches_mark(ctx))
			ktls_base_of(sk)->data_ready(sk);
		ktls_ready_watch(ctx);
	} else if (state != KTLS_STATE_OPEN && state != KTLS_STATE_NEW) {
		ktls_ctx_kick(ctx);
	}
	/* Readers have got the end of the stream: the work looks at the rest. */
	if (ctx && test_bit(KTLS_F_SHUT, &ctx->flags))
		ktls_ctx_kick(ctx);
	rcu_read_unlock();
}

/* As ops_data_ready(). Records that TCP had no memory for are pushed by the
 * work; the program is woken only when there is room behind them.
 */
static void ops_write_space(struct sock *sk)
{
	struct ktls_ctx *ctx;

	rcu_read_lock();
	ctx = ktls_ctx_get(sk);
	if (ctx && !ktls_tx_idle(&ctx->rl))
		ktls_ctx_kick(ctx);
	if (!ctx || ops_state(ctx) != KTLS_STATE_HANDSHAKE)
		ktls_base_of(sk)->write_space(sk);
	rcu_read_unlock();
}

/* As ops_data_ready(). TCP connected, was reset, or got a FIN. */
static void ops_state_change(struct sock *sk)
{
	struct ktls_ctx *ctx;
	u8 state;

	rcu_read_lock();
	ctx = ktls_ctx_get(sk);
	state = ctx ? ops_state(ctx) : KTLS_STATE_NEW;
	if ((state != KTLS_STATE_NEW && state != KTLS_STATE_OPEN) ||
	    (ctx && test_bit(KTLS_F_SHUT, &ctx->flags)))
		ktls_ctx_kick(ctx);
	/* Why the handshake failed is what the program is to fetch, not how TCP
	 * went on from there.
	 */
	if (state == KTLS_STATE_FAILED && !READ_ONCE(ktls_ctx_session(ctx)->version) &&
	    READ_ONCE(sk->sk_err))
		WRITE_ONCE(sk->sk_err, READ_ONCE(ctx->connect.result));
	/* A program in connect() is woken by the work, when there is a result;
	 * the base's connect() waits for TCP and must be woken now. Nobody else is:
	 * io_uring takes the first wakeup for the end of connect().
	 */
	if (state != KTLS_STATE_HANDSHAKE &&
	    (state != KTLS_STATE_CONNECTING || READ_ONCE(ctx->connect.in_base)))
		ktls_base_of(sk)->state_change(sk);
	rcu_read_unlock();
}

/* --- Operations --- */

static int ops_ioctl(struct sock *sk, int cmd, int *karg)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sk);
	unsigned int queued;
	int err;

	if (!ops_is_plain(&ctx->rl.rx)) {
		switch (cmd) {
		case SIOCINQ:
			*karg = ktls_ready_inq(sk);
			return *karg < 0 ? *karg : 0;
		case SIOCATMARK:
			return -EOPNOTSUPP;
		}
	}
	/* In this order, or what TCP takes meanwhile would not be counted at all. */
	queued = ktls_send_queued(ctx);
	err = ktls_base_ioctl(ctx->base->prot, sk, cmd, karg);
	if (!err && (cmd == SIOCOUTQ || cmd == SIOCOUTQNSD))
		*karg += queued;
	return err;
}

/* proto_ops.getname: while a handshake runs there is no peer yet. */
static int ops_getname(struct socket *sock, struct sockaddr *uaddr, int peer)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sock->sk);
	u8 state = READ_ONCE(ctx->state);

	if (peer && !READ_ONCE(ctx->connect.starttls) &&
	    (state == KTLS_STATE_CONNECTING || state == KTLS_STATE_HANDSHAKE ||
	     (state == KTLS_STATE_FAILED && !READ_ONCE(ktls_ctx_session(ctx)->version))))
		return -ENOTCONN;
	return ctx->base->ops->getname(sock, uaddr, peer);
}

/* What TCP says of halves that are shut, of those that it does not know to be. */
static __poll_t ops_poll_shut(const struct ktls_ctx *ctx)
{
	const u8 shutdown = READ_ONCE(ctx->rl.sk->sk_shutdown);
	const bool rx = READ_ONCE(ctx->rl.rx.shut) || READ_ONCE(ctx->rl.rx.closed);
	const bool tx = READ_ONCE(ctx->rl.tx.closed);
	__poll_t mask = 0;

	if (rx)
		mask |= EPOLLRDHUP;
	if (tx)
		mask |= EPOLLOUT | EPOLLWRNORM;
	if ((rx || (shutdown & RCV_SHUTDOWN)) && (tx || (shutdown & SEND_SHUTDOWN)))
		mask |= EPOLLHUP;
	return mask;
}

/* proto_ops.poll: process context, lock not held. TCP's answer, less what it
 * cannot know: readable means that a recv would return.
 */
static __poll_t ops_poll(struct file *file, struct socket *sock, poll_table *wait)
{
	const __poll_t in = EPOLLIN | EPOLLRDNORM;
	struct ktls_ctx *ctx = ktls_ctx_get(sock->sk);
	__poll_t mask = ctx->base->ops->poll(file, sock, wait);

	if (ops_is_plain(&ctx->rl.rx))
		return mask;

	switch (ops_state(ctx)) {
	case KTLS_STATE_LISTENING:
		return ktls_listener_poll(ctx) | (mask & (EPOLLERR | EPOLLHUP));
	case KTLS_STATE_CONNECTING:
	case KTLS_STATE_HANDSHAKE:
		return 0;
	case KTLS_STATE_OPEN:
		mask &= ~(in | EPOLLPRI);
		if (ktls_ready_is_readable(ctx))
			mask |= in;
		return mask | ops_poll_shut(ctx);
	case KTLS_STATE_FAILED:
		/* TCP was asked before: perhaps before there was an error. */
		if (READ_ONCE(sock->sk->sk_err))
			mask |= EPOLLERR;
		mask &= ~EPOLLPRI;
		return mask | in | EPOLLHUP | EPOLLRDHUP | EPOLLOUT | EPOLLWRNORM;
	default:
		return mask & ~(in | EPOLLPRI);
	}
}

/* Data, or an orderly end: as with TCP, a reset alone is no reason for another event. */
static bool ops_has_input(const struct ktls_ctx *ctx)
{
	const struct tcp_sock *tp = tcp_sk(ctx->rl.sk);

	return ctx->rl.flow->opened.len || ctx->rl.rx.closed || sock_flag(ctx->rl.sk, SOCK_DONE) ||
	       tp->rcv_nxt != tp->copied_seq;
}

/* proto_ops.set_rcvlowat: socket lock held. TCP bounds it and makes room for so much,
 * but its own mark stays at 1: it would hold back wake-ups by counting ciphertext, and
 * only what lies in its queue. What is there may reach the new mark.
 */
static int ops_set_rcvlowat(struct sock *sk, int val)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sk);
	int err = ctx->base->ops->set_rcvlowat(sk, val);

	sock_owned_by_me(sk);
	if (err || ops_is_plain(&ctx->rl.rx))
		return err;
	WRITE_ONCE(ctx->attach.rcvlowat, sk->sk_rcvlowat);
	WRITE_ONCE(sk->sk_rcvlowat, 1);
	if (ctx->state == KTLS_STATE_OPEN && ops_has_input(ctx))
		ops_data_ready(sk);
	return 0;
}

/* proto_ops.set_peek_off: any context. TCP has it since 6.9. */
static int ops_set_peek_off(struct sock *sk, int val)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sk);

	if (ops_is_plain(&ctx->rl.rx) && !ctx->base->ops->set_peek_off)
		return -EOPNOTSUPP;
	return sk_set_peek_off(sk, val);
}

/* proto.release_cb: the socket's spinlock held, softirqs off */
static void ops_release_cb(struct sock *sk)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sk);

	ktls_base_of(sk)->prot->release_cb(sk);
	if (!ctx)
		return;
	if (test_and_clear_bit(KTLS_F_AGAIN, &ctx->flags))
		ktls_ctx_kick(ctx);
	if (test_and_clear_bit(KTLS_F_WAKE, &ctx->flags))
		sk->sk_data_ready(sk);
}

/* proto_ops.read_skb: the raw bytes are nobody's business */
static int ops_read_skb(struct sock *sk, skb_read_actor_t recv_actor)
{
	return -EOPNOTSUPP;
}

static int ops_sendmsg(struct sock *sk, struct msghdr *msg, size_t size)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sk);

	if (ops_is_plain(&ctx->rl.tx))
		return ctx->base->prot->sendmsg(sk, msg, size);
	return ktls_send_msg(sk, msg, size);
}

static int ops_sendmsg_socket(struct socket *sock, struct msghdr *msg, size_t size)
{
	return ops_sendmsg(sock->sk, msg, size);
}

static int ops_sendmsg_locked(struct sock *sk, struct msghdr *msg, size_t size)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sk);

	if (ops_is_plain(&ctx->rl.tx))
		return ctx->base->ops->sendmsg_locked(sk, msg, size);
	return ktls_send_msg_locked(sk, msg, size);
}

static int ops_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sk);

	if (ops_is_plain(&ctx->rl.rx))
		return ktls_base_recvmsg(ctx->base->prot, sk, msg, len, flags);
	return ktls_recv_msg(sk, msg, len, flags);
}

static ssize_t ops_splice_read(struct socket *sock, loff_t *ppos, struct pipe_inode_info *pipe,
			       size_t len, unsigned int flags)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sock->sk);

	if (ops_is_plain(&ctx->rl.rx))
		return ctx->base->ops->splice_read(sock, ppos, pipe, len, flags);
	return ktls_splice_read(sock, ppos, pipe, len, flags);
}

static int ops_read_sock(struct sock *sk, read_descriptor_t *desc, sk_read_actor_t actor)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sk);

	if (ops_is_plain(&ctx->rl.rx))
		return ctx->base->ops->read_sock(sk, desc, actor);
	/* A strparser (KCM) calls this in softirq, where no record can be opened. After
	 * -ENOMEM it calls again in its work.
	 */
	if (in_softirq()) {
		desc->error = -ENOMEM;
		return -ENOMEM;
	}
	return ktls_splice_read_sock(sk, desc, actor);
}

/* proto_ops.peek_len: any context. A strparser asks whether it is worth reading, and
 * how much plaintext there is, is not known before it is opened.
 */
static int ops_peek_len(struct socket *sock)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sock->sk);

	return ops_is_plain(&ctx->rl.rx) ? ctx->base->ops->peek_len(sock) : INT_MAX;
}

KTLS_ADAPT_PROTO_ACCEPT(ktls_listener_accept);
KTLS_ADAPT_PROTO_RECVMSG(ops_recvmsg);
KTLS_ADAPT_PROTO_IOCTL(ops_ioctl);
KTLS_ADAPT_PROTO_SENDPAGE(ops_sendmsg);
KTLS_ADAPT_OPS_SENDPAGE(ops_sendmsg_socket);
KTLS_ADAPT_OPS_SENDPAGE_LOCKED(ops_sendmsg_locked);

/* Every way to move bytes is replaced, also those that mainline's net/tls
 * leaves to TCP: each of them would be a way round the record layer. Only with the
 * ULP `tls` does a direction without a key go to TCP's own.
 */
static void ops_build(struct ktls_base *base)
{
	struct proto_ops *ops = &base->tls_ops;
	struct proto *prot = &base->tls_prot;

	base->tls_data_ready = ops_data_ready;
	base->tls_write_space = ops_write_space;
	base->tls_state_change = ops_state_change;

	*prot = *base->prot;
	prot->close = ktls_close;
	prot->disconnect = ktls_connect_disconnect;
	prot->shutdown = ktls_fin_shutdown;
	prot->setsockopt = ktls_sockopt_set;
	prot->getsockopt = ktls_sockopt_get;
	prot->accept = KTLS_PROTO_ACCEPT(ktls_listener_accept);
	prot->recvmsg = KTLS_PROTO_RECVMSG(ops_recvmsg);
	prot->sendmsg = ops_sendmsg;
	prot->splice_eof = ktls_send_splice_eof;
	prot->ioctl = KTLS_PROTO_IOCTL(ops_ioctl);
	prot->release_cb = ops_release_cb;
#ifdef CONFIG_BPF_SYSCALL
	prot->psock_update_sk_prot = NULL;
#endif
	KTLS_SET_PROTO_SENDPAGE(prot, ops_sendmsg);

	*ops = *base->ops;
	ops->connect = ktls_connect;
	ops->listen = ktls_listener_listen;
	ops->getname = ops_getname;
	ops->poll = ops_poll;
	ops->shutdown = ktls_close_shutdown;
	ops->sendmsg = ops_sendmsg_socket;
	ops->sendmsg_locked = ops_sendmsg_locked;
	ops->splice_read = ops_splice_read;
	ops->read_sock = ops_read_sock;
	ops->read_skb = ops_read_skb;
	ops->peek_len = ops_peek_len;
	ops->set_peek_off = ops_set_peek_off;
	ops->set_rcvlowat = ops_set_rcvlowat;
	ops->mmap = sock_no_mmap;
	KTLS_SET_OPS_SENDPAGE(ops, ops_sendmsg_socket);
	KTLS_SET_OPS_SENDPAGE_LOCKED(ops, ops_sendmsg_locked);
}

/* A fresh kernel socket shows what TCP's operations and callbacks are: most of
 * them are exported by no kernel.
 */
static int __init ops_learn(struct ktls_base *base, int family)
{
	struct socket *sock;
	int err;

	err = sock_create_kern(&init_net, family, SOCK_STREAM, IPPROTO_TCP, &sock);
	if (err)
		return err;

	base->prot = sock->sk->sk_prot;
	base->ops = sock->ops;
	base->data_ready = sock->sk->sk_data_ready;
	base->write_space = sock->sk->sk_write_space;
	base->state_change = sock->sk->sk_state_change;
	ops_build(base);
	sock_release(sock);
	return 0;
}

/**
 * ktls_ops_init - learn TCP's operations and build ours from them
 *
 * A machine without IPv6 has no IPv6 sockets to attach to, which is no error.
 *
 * Return: 0 or a negative errno.
 */
int __init ktls_ops_init(void)
{
	int err;

	err = ops_learn(ktls_base_of_family(AF_INET), AF_INET);
	if (err)
		return err;
	err = ops_learn(ktls_base_of_family(AF_INET6), AF_INET6);
	return err == -EAFNOSUPPORT ? 0 : err;
}
