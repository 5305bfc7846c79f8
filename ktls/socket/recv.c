// SPDX-License-Identifier: GPL-2.0
/* recvmsg(), and how it waits. splice.c has splice() and read_sock(), ready.c poll(). */
#include <linux/net.h>
#include <linux/sched/signal.h>
#include <linux/tls.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include <net/sock.h>
#include <net/tcp.h>
#include <uapi/linux/ktls.h>

#include <compat/proto.h>

#include "config.h"
#include "mib.h"
#include "wire.h"
#include "record/framing.h"
#include "record/reason.h"
#include "record/rx.h"
#include "record/rxbuf.h"
#include "socket/base.h"
#include "socket/ctx.h"
#include "socket/ready.h"
#include "socket/recv.h"

/* FIN, and no close_notify before it: the stream was cut, perhaps by someone in
 * between (RFC 8446 6.1).
 */
static int recv_truncated(struct ktls_ctx *ctx)
{
	if (!ctx->config->strict_eof || !ctx->rl.rules->strict_eof)
		return 0;
	WRITE_ONCE(ctx->rl.rx.error, ECONNABORTED);
	ktls_reason_set(&ctx->rl, "the peer closed the connection without close_notify");
	ktls_mib_inc(sock_net(ctx->rl.sk), KTLS_MIB_TRUNCATED);
	return -ECONNABORTED;
}

/* Nothing is left to deliver. 1: wait for more; 0: end of file; or the error. */
static int recv_end_of_stream(struct ktls_ctx *ctx)
{
	struct sock *sk = ctx->rl.sk;

	if (ctx->rl.rx.closed)
		return 0;
	if (ctx->rl.rx.error) {
		sock_error(sk);
		return -ctx->rl.rx.error;
	}
	if (sk->sk_err && ctx->rl.rules->error_before_eof)
		return sock_error(sk);
	if (sock_flag(sk, SOCK_DONE))
		return ctx->rl.rx.shut ? 0 : recv_truncated(ctx);
	if (sk->sk_err)
		return sock_error(sk);
	if (ctx->rl.rx.shut)
		return 0;
	if (sk->sk_state == TCP_CLOSE && ctx->rl.rules->sticky_reset)
		/* A reset whose error somebody else has picked up. */
		return -ECONNRESET;
	if (sk->sk_shutdown & RCV_SHUTDOWN)
		return 0;
	return 1;
}

/**
 * ktls_recv_wait - wait until a reader can get on
 * @ctx: the connection; no whole record is at the head
 * @timeo: how long; 0: not at all
 * @partial: the reader has something to return: no error is used up
 *
 * Context: process context; the socket lock is dropped while waiting.
 * Return: 1: look again; 0: end of file; -EAGAIN, a signal's errno, -EKEYEXPIRED
 * behind a KeyUpdate that the program has to deal with, or what is wrong with the
 * connection.
 */
int ktls_recv_wait(struct ktls_ctx *ctx, long *timeo, bool partial)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	const size_t opened = ctx->rl.flow->opened.len;
	struct sock *sk = ctx->rl.sk;
	int ret;

	sock_owned_by_me(sk);
	if (ctx->rl.flow->opening.rekey)
		return partial ? 0 : -EKEYEXPIRED;
	if (partial && (ctx->rl.rx.closed || ctx->rl.rx.error || sk->sk_err ||
			sk->sk_state == TCP_CLOSE || ktls_ready_is_shut(ctx)))
		return 0;
	ret = recv_end_of_stream(ctx);
	/* After SHUT_RD there may be more to come, once there is room for it. */
	if (!ret && ctx->rl.rx.shut)
		ktls_framing_relieve(&ctx->rl);
	if (ret <= 0)
		return ret;
	ret = ktls_framing_relieve(&ctx->rl);
	if (ret)
		return ret;
	if (!*timeo)
		return -EAGAIN;
	if (signal_pending(current))
		return sock_intr_errno(*timeo);

	ktls_rxbuf_trim(&ctx->rl);
	add_wait_queue(sk_sleep(sk), &wait);
	sk_set_bit(SOCKWQ_ASYNC_WAITDATA, sk);
	ret = sk_wait_event(sk, timeo, ktls_ready_has_news(ctx) ||
			    READ_ONCE(ctx->rl.flow->opened.len) != opened, &wait);
	sk_clear_bit(SOCKWQ_ASYNC_WAITDATA, sk);
	remove_wait_queue(sk_sleep(sk), &wait);
	return ret < 0 ? ret : 1;
}

/**
 * ktls_recv_pace - a record was dealt with: may the call go on?
 * @ctx: the connection
 * @pace: of the call, zeroed at first but for @since
 * @opened: what ktls_rx_open() returned
 * @timeo: what is left of the time; 0: the call does not wait
 * @enough: the caller has something to return
 *
 * A peer can send control records as fast as they are opened. No call deals with
 * more than KTLS_RX_BATCH of them if it may not wait; one that may looks up that
 * often, for signals and the time, and lets others have the lock.
 *
 * Context: process context; the socket lock may be dropped, if only control records
 * have come.
 * Return: 0: go on; -EAGAIN: return what there is; a signal's errno.
 */
int ktls_recv_pace(struct ktls_ctx *ctx, struct ktls_recv_pace *pace, int opened, long *timeo,
		   bool enough)
{
	struct sock *sk = ctx->rl.sk;
	unsigned long now = jiffies;

	sock_owned_by_me(sk);
	pace->control += opened == KTLS_RX_CONTROL;
	if (++pace->records < KTLS_RX_BATCH)
		return 0;
	pace->records = 0;
	cond_resched();
	if (signal_pending(current))
		return sock_intr_errno(*timeo);
	if (pace->control < KTLS_RX_BATCH)
		return 0;

	if (*timeo && *timeo != MAX_SCHEDULE_TIMEOUT)
		*timeo -= min_t(unsigned long, *timeo, now - pace->since);
	if (!*timeo || enough)
		return -EAGAIN;
	pace->control = 0;
	pace->since = now;
	ktls_framing_commit(&ctx->rl);
	ktls_rxbuf_trim(&ctx->rl);
	release_sock(sk);
	cond_resched();
	lock_sock(sk);
	return 0;
}

/* One recvmsg under way. */
struct recv_op {
	struct msghdr	*msg;
	int		flags;
	size_t		len;
	size_t		copied;
	u8		type;	/* external keys: of the records so far */
	bool		done;	/* what comes next is for another call */
	size_t		from;	/* MSG_PEEK: SO_PEEK_OFF */
	/* Of ktls_opened.list, where to go on: NULL, the first; so far into it. Only with
	 * MSG_PEEK, and not beyond a drop of the lock.
	 */
	struct ktls_rxbuf *at;
	size_t		skip;
};

/* Forget what others may have taken meanwhile. */
static void recv_rewind(struct recv_op *op)
{
	op->at = NULL;
	op->skip = op->flags & MSG_PEEK ? op->from + op->copied : 0;
}

/* External keys: all records of a call have one type. The program gets it in a control
 * message, for which it must have room if it is not application data. Returns whether
 * this record belongs to the call.
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
 * ktls_opened.list. It is the first of the call, or behind others of its type.
 */
static void recv_record(struct recv_op *op, u8 type)
{
	recv_type(op, type);
	op->msg->msg_flags |= MSG_EOR;
}

/* Copy so much of what is opened: all of it, or nothing if the memory ends before. */
static bool recv_copy(struct ktls_rxbuf *buf, u32 skip, u32 len, struct recv_op *op)
{
	/* As with TCP the bytes are thrown away. */
	return op->flags & MSG_TRUNC ||
	       ktls_rxbuf_copy(ktls_rxbuf_payload(buf) + skip, len, &op->msg->msg_iter);
}

/* Deliver of one buffer what has not been looked at. */
static int recv_one(struct ktls_ctx *ctx, struct ktls_rxbuf *buf, struct recv_op *op)
{
	const bool all_types = ctx->rl.rules->all_types;
	int err = all_types ? recv_type(op, buf->type) : 0;
	u32 len;

	if (err || op->done)
		return err;
	len = min_t(size_t, buf->len - op->skip, op->len - op->copied);
	if (unlikely(!recv_copy(buf, op->skip, len, op))) {
		/* A poll() while ktls_rx_open() tried the same copy has seen no data. */
		set_bit(KTLS_F_WAKE, &ctx->flags);
		return -EFAULT;
	}
	op->copied += len;
	if (all_types && op->skip + len == buf->len)
		op->msg->msg_flags |= MSG_EOR;
	op->done = op->type && op->type != KTLS_CT_DATA;
	if (op->flags & MSG_PEEK)
		op->skip += len;
	else
		ktls_rxbuf_advance(&ctx->rl, buf, len);
	return 0;
}

/* Copy opened records to the program. */
static int recv_opened(struct ktls_ctx *ctx, struct recv_op *op)
{
	struct list_head *opened = &ctx->rl.flow->opened.list;
	const bool peek = op->flags & MSG_PEEK;
	struct ktls_rxbuf *buf, *next;
	int err;

	buf = op->at ?: list_first_entry(opened, struct ktls_rxbuf, node);
	list_for_each_entry_safe_from(buf, next, opened, node) {
		if (op->copied == op->len || op->done)
			break;
		if (!op->skip || op->skip < buf->len) {
			err = recv_one(ctx, buf, op);
			if (err)
				return err;
		}
		if (!peek)
			continue;
		op->at = buf;
		/* More may be put behind the last one. */
		if (op->skip >= buf->len && !list_is_last(&buf->node, opened))
			op->skip -= buf->len;
	}
	return 0;
}

/* With no bytes wanted, a call waits until there are some, as with TCP. Looking ahead
 * keeps all that is opened: there must be an end to it.
 */
static bool recv_is_done(const struct ktls_ctx *ctx, const struct recv_op *op)
{
	if (op->done)
		return true;
	if (op->copied == op->len)
		return op->len || ctx->rl.flow->opened.len || ctx->rl.flow->opened.control;
	return (op->flags & MSG_PEEK) && op->copied && ktls_rxbuf_is_full(&ctx->rl);
}

/* Open one more record for the call. Returns as ktls_rx_open(). */
static int recv_open(struct ktls_ctx *ctx, struct recv_op *op)
{
	const bool may_go_direct = !(op->flags & (MSG_PEEK | MSG_TRUNC));
	size_t direct;
	int ret;

	/* What SO_PEEK_OFF points at will never be there. */
	if (ktls_rxbuf_is_full(&ctx->rl))
		return -ENOBUFS;
	ret = ktls_rx_open(&ctx->rl, may_go_direct ? &op->msg->msg_iter : NULL,
			   op->len - op->copied, &direct);
	if (ret == KTLS_RX_DIRECT)
		op->copied += direct;
	if (ret > KTLS_RX_NONE && ctx->rl.rules->all_types && ret != KTLS_RX_DATA)
		recv_record(op, KTLS_CT_DATA);
	return ret;
}

/* What sock_intr_errno() gives. */
static bool recv_is_interrupted(int err)
{
	return err == -EINTR || err == -ERESTARTSYS;
}

static int recv_data(struct ktls_ctx *ctx, struct recv_op *op)
{
	long timeo = sock_rcvtimeo(ctx->rl.sk, op->flags & MSG_DONTWAIT);
	struct ktls_recv_pace pace = { .since = jiffies };
	const bool waits = timeo;
	bool waited = false;
	size_t target;
	int ret;

	target = op->flags & MSG_WAITALL ? op->len :
		 min_t(size_t, READ_ONCE(ctx->attach.rcvlowat), op->len);
	recv_rewind(op);
	for (;;) {
		ret = ktls_ready_admit(ctx);
		if (!ret && (ctx->rl.flow->opened.len || ctx->rl.flow->opened.control))
			ret = recv_opened(ctx, op);
		if (ret || recv_is_done(ctx, op))
			return ret;

		ret = recv_open(ctx, op);
		if (ret > KTLS_RX_NONE) {
			ret = ktls_recv_pace(ctx, &pace, ret, &timeo,
					     op->copied && op->copied >= target);
			if (ret)
				return ret;
			if (!pace.records)
				recv_rewind(op);
			continue;
		}
		/* What failed the connection is reported where its end is. */
		if (ret < 0 && !ctx->rl.rx.error)
			return ret;
		if (op->copied && op->copied >= target)
			return 0;
		ret = ktls_recv_wait(ctx, &timeo, op->copied);
		/* Who wanted no bytes and has waited is done, TCP says, whatever ended that. */
		if (!op->len && ((ret == -EAGAIN && waits) || (recv_is_interrupted(ret) && waited)))
			return 0;
		if (ret <= 0)
			return ret;
		waited = true;
		pace.since = jiffies;
		recv_rewind(op);
	}
}

/*
 * For TCP_INQ, as FIONREAD, and for io_uring, which keeps the number to itself; and the end
 * of the stream is worth another call. Who hears of nothing waits for the next event: it
 * comes at once if there were more control records than one call opens.
 *
 * Context: process context, socket lock held; never waits.
 */
static int recv_inq(struct ktls_ctx *ctx, bool to_program)
{
	int inq;

	sock_owned_by_me(ctx->rl.sk);
	if (ktls_ready_admit(ctx))
		return 0;
	inq = to_program ? ktls_ready_tell(ctx) : ktls_ready_count(ctx);
	if (inq)
		return inq;
	/* As TCP: not what this end has shut, and not a reset. */
	if (READ_ONCE(ctx->rl.rx.closed) || sock_flag(ctx->rl.sk, SOCK_DONE))
		return 1;
	if (!ktls_ready_has_ended(ctx) && ktls_ready_worth_waking(ctx))
		set_bit(KTLS_F_WAKE, &ctx->flags);
	return 0;
}

/*
 * To io_uring, which says IORING_CQE_F_SOCK_NONEMPTY for more than 0; and, if the program
 * wants it, to that.
 *
 * Context: process context, without the socket lock: the control buffer may fault.
 */
static void recv_tell_inq(struct msghdr *msg, int inq, bool to_program)
{
	msg->msg_inq = inq;
	if (to_program)
		put_cmsg(msg, SOL_TCP, TCP_CM_INQ, sizeof(inq), &inq);
}

/**
 * ktls_recv_msg - recvmsg() of a TLS socket
 * @sk: the socket
 * @msg: where to
 * @len: bytes wanted
 * @flags: MSG_*
 *
 * As TCP, with plaintext: one call may return many records; a partial result
 * comes before an error; 0 is a close_notify, or FIN where KTLS_EOF says so.
 * Only application data is returned; with external keys also records of other types,
 * each alone and with its type, and FIN is 0.
 *
 * Context: process context, takes the socket lock and drops it while waiting.
 * Return: bytes, or a negative errno.
 */
int ktls_recv_msg(struct sock *sk, struct msghdr *msg, size_t len, int flags)
{
	struct recv_op op = { .msg = msg, .flags = flags };
	struct ktls_ctx *ctx = ktls_ctx_get(sk);
	int err, inq = -1;
	bool tells;

	if (unlikely(flags & MSG_ERRQUEUE))
		return ktls_base_recvmsg(ctx->base->prot, sk, msg, len, flags);
	/* As TCP where no urgent byte has come: none ever comes. */
	if (unlikely(flags & MSG_OOB))
		return READ_ONCE(ctx->state) == KTLS_STATE_LISTENING ? -ENOTCONN : -EINVAL;
	op.len = min_t(size_t, len, INT_MAX);

	lock_sock(sk);
	op.from = max(sk_peek_offset(sk, flags), 0);
	err = recv_data(ctx, &op);
	if (flags & MSG_PEEK)
		sk_peek_offset_fwd(sk, op.copied);
	else
		sk_peek_offset_bwd(sk, op.copied);
	if (op.copied && !(flags & MSG_PEEK))
		ktls_ready_was_read(ctx, op.copied, op.copied == op.len);
	tells = tcp_sk(sk)->recvmsg_inq;
	if ((tells || msg->msg_get_inq) && (op.copied || !err))
		inq = recv_inq(ctx, tells);
	ktls_rx_end_call(&ctx->rl);
	release_sock(sk);

	if (inq >= 0)
		recv_tell_inq(msg, inq, tells);
	return op.copied ?: err;
}
