// SPDX-License-Identifier: GPL-2.0
/*
 * What the program receives: recvmsg, readiness, and what others need to know
 * about the bytes that are there. splice.c has the rest.
 */
#include <linux/net.h>
#include <linux/sched/signal.h>
#include <linux/tls.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include <net/sock.h>
#include <net/tcp.h>

#include <compat/proto.h>
#include <ktls/ktls.h>
#include <ktls/rx.h>

/**
 * ktls_rx_admit - may anything be received in this state?
 * @ctx: the connection
 *
 * A connection that failed still delivers what was authentic.
 *
 * Context: socket lock held.
 * Return: 0, -EAGAIN during the handshake, -ENOTCONN.
 */
int ktls_rx_admit(const struct ktls_ctx *ctx)
{
	switch (ctx->state) {
	case KTLS_STATE_OPEN:
	case KTLS_STATE_FAILED:
		return ctx->rx.keyed ? 0 : -ENOTCONN;
	case KTLS_STATE_CONNECTING:
	case KTLS_STATE_HANDSHAKE:
		return -EAGAIN;
	default:
		return -ENOTCONN;
	}
}

/* Is there reason to look at the connection, opened data aside? */
static bool rx_has_news(const struct ktls_ctx *ctx)
{
	const struct sock *sk = ctx->sk;
	const struct tcp_sock *tp = tcp_sk(sk);
	u32 bytes = READ_ONCE(tp->rcv_nxt) - READ_ONCE(tp->copied_seq);

	return bytes >= READ_ONCE(ctx->rxq.need) ||
	       READ_ONCE(sk->sk_err) || (READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN) ||
	       READ_ONCE(ctx->rx.closed) || READ_ONCE(ctx->rx.error) ||
	       READ_ONCE(ctx->rxq.opened_control) ||
	       READ_ONCE(ctx->state) != KTLS_STATE_OPEN ||
	       ktls_framing_stalled(ctx);
}

/**
 * ktls_rx_worth_waking - could a reader get on?
 * @ctx: the connection
 *
 * O(1): bytes that TCP has against bytes that the record at the head needs. A
 * queue that is full counts too: the reader has to make room.
 *
 * Context: softirq in a callback of the socket, or socket lock held, or neither:
 * then the answer may be outdated at once.
 */
bool ktls_rx_worth_waking(const struct ktls_ctx *ctx)
{
	return READ_ONCE(ctx->rxq.opened_len) || rx_has_news(ctx);
}

/*
 * FIN, and no close_notify before it: the stream was cut, perhaps by someone in
 * between (RFC 8446 6.1).
 */
static int rx_truncated(struct ktls_ctx *ctx)
{
	if (!ctx->config->strict_eof || ctx->external)
		return 0;
	WRITE_ONCE(ctx->rx.error, ECONNABORTED);
	strscpy(ctx->session.error, "the peer closed the connection without close_notify",
		sizeof(ctx->session.error));
	ktls_mib_inc(sock_net(ctx->sk), KTLS_MIB_TRUNCATED);
	return -ECONNABORTED;
}

/* Nothing is left to deliver. 1: wait for more; 0: end of file; or the error. */
static int rx_end_of_stream(struct ktls_ctx *ctx)
{
	struct sock *sk = ctx->sk;

	if (ctx->rx.closed)
		return 0;
	if (ctx->rx.error) {
		sock_error(sk);
		return -ctx->rx.error;
	}
	if (sk->sk_err && ctx->external)
		return sock_error(sk);
	if (sock_flag(sk, SOCK_DONE))
		return rx_truncated(ctx);
	if (sk->sk_err)
		return sock_error(sk);
	if (sk->sk_state == TCP_CLOSE && !ctx->external)
		/* A reset whose error somebody else has picked up. */
		return -ECONNRESET;
	if (sk->sk_shutdown & RCV_SHUTDOWN)
		return 0;
	return 1;
}

/**
 * ktls_rx_wait - wait until a reader can get on
 * @ctx: the connection; no whole record is at the head
 * @timeo: how long; 0: not at all
 * @partial: the reader has something to return: no error is used up
 *
 * Context: process context; the socket lock is dropped while waiting.
 * Return: 1: look again; 0: end of file; -EAGAIN, a signal's errno, -EKEYEXPIRED
 * behind a KeyUpdate that the program has to deal with, or what is wrong with the
 * connection.
 */
int ktls_rx_wait(struct ktls_ctx *ctx, long *timeo, bool partial)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	const size_t opened = ctx->rxq.opened_len;
	struct sock *sk = ctx->sk;
	int ret;

	if (ctx->rxq.rekey)
		return partial ? 0 : -EKEYEXPIRED;
	if (partial && (ctx->rx.closed || ctx->rx.error || sk->sk_err ||
			sk->sk_state == TCP_CLOSE || (sk->sk_shutdown & RCV_SHUTDOWN)))
		return 0;
	ret = rx_end_of_stream(ctx);
	if (ret <= 0)
		return ret;
	ret = ktls_framing_relieve(ctx);
	if (ret)
		return ret;
	if (!*timeo)
		return -EAGAIN;
	if (signal_pending(current))
		return sock_intr_errno(*timeo);

	ktls_rx_trim(ctx);
	add_wait_queue(sk_sleep(sk), &wait);
	sk_set_bit(SOCKWQ_ASYNC_WAITDATA, sk);
	ret = sk_wait_event(sk, timeo, rx_has_news(ctx) ||
			    READ_ONCE(ctx->rxq.opened_len) != opened, &wait);
	sk_clear_bit(SOCKWQ_ASYNC_WAITDATA, sk);
	remove_wait_queue(sk_sleep(sk), &wait);
	return ret < 0 ? ret : 1;
}

/* One recvmsg under way. */
struct recv_op {
	struct msghdr	*msg;
	int		flags;
	size_t		len;
	size_t		copied;
	u8		type;	/* keys from elsewhere: of the records so far */
	bool		done;	/* what comes next is for another call */
};

/*
 * Keys from elsewhere: records of one call have one type, which the program is
 * told, and must be able to be told if it is not application data. Whether this
 * one belongs to the call.
 */
static int recv_type(struct recv_op *op, u8 type)
{
	struct msghdr *msg = op->msg;
	int err;

	if (op->type) {
		op->done = op->type != type;
		return 0;
	}
	err = put_cmsg(msg, SOL_TLS, TLS_GET_RECORD_TYPE, sizeof(type), &type);
	if (type != KTLS_CT_DATA && (err || (msg->msg_flags & MSG_CTRUNC)))
		return -EIO;
	op->type = type;
	return 0;
}

/* The same for application data, whole or empty, that went by without being put on
 * ktls_rxq.opened. It is the first of the call, or behind others of its type.
 */
static void recv_record(struct recv_op *op, u8 type)
{
	recv_type(op, type);
	op->msg->msg_flags |= MSG_EOR;
}

/* Copy so much from one opened record. Less: the program's memory ends there. */
static u32 recv_copy(struct ktls_rxbuf *buf, u32 skip, u32 len, struct recv_op *op)
{
	/* As with TCP the bytes are thrown away. */
	if (!len || (op->flags & MSG_TRUNC))
		return len;
	/* As pages: is it in the slab, copy_to_iter() would look each time. */
	return copy_page_to_iter(buf->page, ktls_rx_payload(buf) + skip - (u8 *)buf, len,
				 &op->msg->msg_iter);
}

/* Deliver what is opened. Looking at it only begins behind what was looked at. */
static int recv_opened(struct ktls_ctx *ctx, struct recv_op *op)
{
	size_t skip = op->flags & MSG_PEEK ? op->copied : 0;
	struct ktls_rxbuf *buf, *next;
	u32 n, len;
	int err;

	list_for_each_entry_safe(buf, next, &ctx->rxq.opened, node) {
		if (op->copied == op->len)
			break;
		if (skip && skip >= buf->len) {
			skip -= buf->len;
			continue;
		}
		err = ctx->external ? recv_type(op, buf->type) : 0;
		if (err || op->done)
			return err;
		len = min_t(size_t, buf->len - skip, op->len - op->copied);
		n = recv_copy(buf, skip, len, op);
		op->copied += n;
		if (ctx->external && skip + n == buf->len)
			op->msg->msg_flags |= MSG_EOR;
		if (!(op->flags & MSG_PEEK))
			ktls_rx_advance(ctx, buf, n);
		/* What follows belongs behind the rest, not in its place. */
		if (unlikely(n < len))
			return -EFAULT;
		skip = 0;
		op->done = op->type && op->type != KTLS_CT_DATA;
		if (op->done)
			break;
	}
	return 0;
}

/* Looking ahead keeps all that is opened: there must be an end to it. */
static bool recv_peeked_enough(const struct ktls_ctx *ctx, const struct recv_op *op)
{
	return (op->flags & MSG_PEEK) && op->copied &&
	       ctx->rxq.opened_len >= max_t(size_t, KTLS_RX_PEEK_MAX,
					    READ_ONCE(ctx->sk->sk_rcvbuf));
}

static int recv_data(struct ktls_ctx *ctx, struct recv_op *op)
{
	const bool may_go_direct = !(op->flags & (MSG_PEEK | MSG_TRUNC));
	long timeo = sock_rcvtimeo(ctx->sk, op->flags & MSG_DONTWAIT);
	size_t target, direct;
	int ret;

	target = op->flags & MSG_WAITALL ? op->len :
		 min_t(size_t, READ_ONCE(ctx->rcvlowat), op->len);
	for (;;) {
		ret = ktls_rx_admit(ctx);
		if (!ret && (ctx->rxq.opened_len || ctx->rxq.opened_control))
			ret = recv_opened(ctx, op);
		if (ret || op->done || op->copied == op->len || recv_peeked_enough(ctx, op))
			return ret;

		ret = ktls_rx_open(ctx, may_go_direct ? &op->msg->msg_iter : NULL,
				   op->len - op->copied, &direct);
		if (ret == KTLS_RX_DIRECT)
			op->copied += direct;
		if (ret > KTLS_RX_NONE) {
			if (ctx->external && ret != KTLS_RX_DATA)
				recv_record(op, KTLS_CT_DATA);
			continue;
		}
		/* What failed the connection is reported where its end is. */
		if (ret < 0 && !ctx->rx.error)
			return ret;
		if (op->copied && op->copied >= target)
			return 0;
		ret = ktls_rx_wait(ctx, &timeo, op->copied);
		if (ret <= 0)
			return ret;
	}
}

/**
 * ktls_rx_recvmsg - recvmsg() of a TLS socket
 * @sk: the socket
 * @msg: where to
 * @len: bytes wanted
 * @flags: MSG_*
 *
 * As TCP, with plaintext: one call may return many records; a partial result
 * comes before an error; 0 is a close_notify, or FIN where KTLS_EOF says so.
 * Only application data is ever returned; with keys from elsewhere also records
 * of other types, each alone and with its type, and FIN is 0.
 *
 * Context: process context, takes the socket lock and drops it while waiting.
 * Return: bytes, or a negative errno.
 */
int ktls_rx_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags)
{
	struct recv_op op = { .msg = msg, .flags = flags, .len = len };
	struct ktls_ctx *ctx = ktls_ctx_get(sk);
	int err;

	if (unlikely(flags & MSG_ERRQUEUE))
		return ktls_base_recvmsg(ctx->base->prot, sk, msg, len, flags);
	if (unlikely(flags & MSG_OOB))
		return -EOPNOTSUPP;
	op.len = min_t(size_t, len, INT_MAX);

	lock_sock(sk);
	err = recv_data(ctx, &op);
	ktls_framing_settle(ctx);
	if (ctx->rx.error || !ktls_framing_avail(ctx))
		ktls_rx_trim(ctx);
	release_sock(sk);

	return op.copied ?: err;
}

/*
 * Open what is there until so many bytes of application data are, or no whole
 * record is left, or one of another type is for the program. Returns what
 * ktls_rx_open() returned last.
 */
static int rx_prepare(struct ktls_ctx *ctx, size_t target)
{
	unsigned int control = 0;
	int ret = KTLS_RX_DATA;

	while (ctx->rxq.opened_len < target && !ctx->rxq.opened_control) {
		ret = ktls_rx_open(ctx, NULL, 0, NULL);
		if (ret <= KTLS_RX_NONE)
			break;
		if (ret == KTLS_RX_CONTROL && ++control > KTLS_RX_POLL_RECORDS)
			break;
	}
	if (ret == KTLS_RX_NONE)
		ktls_framing_relieve(ctx);
	ktls_framing_settle(ctx);
	if (ctx->rx.error || !ktls_framing_avail(ctx))
		ktls_rx_trim(ctx);
	return ret;
}

/* Would a reader learn about the end of the stream, or about an error? */
static bool rx_has_ended(const struct ktls_ctx *ctx)
{
	return READ_ONCE(ctx->rx.closed) || READ_ONCE(ctx->rx.error) ||
	       READ_ONCE(ctx->sk->sk_err) || (READ_ONCE(ctx->sk->sk_shutdown) & RCV_SHUTDOWN);
}

/**
 * ktls_rx_readable - would a recv return at once?
 * @ctx: the connection
 *
 * A record at the head may be a ticket, which no reader ever sees. So records are
 * opened until there is application data, and what is not is dealt with. A peer
 * that sends nothing but such records can make this answer yes too early. With
 * keys from elsewhere each record is for the program; without any nothing is.
 *
 * Context: process context, takes the socket lock; from poll().
 */
bool ktls_rx_readable(struct ktls_ctx *ctx)
{
	size_t target = min_t(size_t, READ_ONCE(ctx->rcvlowat), KTLS_RX_PEEK_MAX);
	struct sock *sk = ctx->sk;
	bool readable = true;
	int ret;

	target = max_t(size_t, target, 1);
	if (READ_ONCE(ctx->rxq.opened_len) >= target || rx_has_ended(ctx))
		return true;
	if (READ_ONCE(ctx->external) && !READ_ONCE(ctx->rx.keyed))
		return false;
	if (!rx_has_news(ctx) && !READ_ONCE(ctx->rxq.raw_len))
		return false;

	lock_sock(sk);
	if (!ktls_rx_admit(ctx)) {
		ret = rx_prepare(ctx, target);
		readable = ret != KTLS_RX_NONE || ctx->rxq.opened_len >= target ||
			   ctx->rxq.opened_control || rx_has_ended(ctx);
	}
	release_sock(sk);
	return readable;
}

/**
 * ktls_rx_inq - bytes a recv would return now: FIONREAD
 * @sk: the socket
 *
 * What is opened, and the first record if nothing is. What lies behind it is not
 * known: a record may be padded, or no data.
 *
 * Context: process context, takes the socket lock.
 * Return: bytes, or -EINVAL on a socket that listens.
 */
int ktls_rx_inq(struct sock *sk)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sk);
	int ret;

	lock_sock(sk);
	if (ctx->state == KTLS_STATE_LISTENING) {
		ret = -EINVAL;
	} else {
		if (!ktls_rx_admit(ctx))
			rx_prepare(ctx, 1);
		ret = min_t(size_t, ctx->rxq.opened_len, INT_MAX);
	}
	release_sock(sk);
	return ret;
}

/**
 * ktls_rx_drain_control - deal with control records nobody will read any more
 * @ctx: the connection, about to be closed
 *
 * With keys from elsewhere there are none: as with TCP, all bytes are data.
 *
 * Context: process context, socket lock held.
 * Return: 1 if application data is left that nobody has read, 0 if not.
 */
int ktls_rx_drain_control(struct ktls_ctx *ctx)
{
	sock_owned_by_me(ctx->sk);
	if (ctx->external)
		return ctx->rxq.opened_len || ctx->rxq.opened_control ||
		       ktls_framing_avail(ctx);
	if (!ktls_rx_admit(ctx))
		rx_prepare(ctx, 1);
	return ctx->rxq.opened_len ? 1 : 0;
}

/**
 * ktls_rx_discard - throw away all that was received
 * @ctx: the connection
 *
 * Context: process context, socket lock held.
 */
void ktls_rx_discard(struct ktls_ctx *ctx)
{
	sock_owned_by_me(ctx->sk);
	ktls_rx_free(ctx);
	ktls_framing_discard(ctx);
}
