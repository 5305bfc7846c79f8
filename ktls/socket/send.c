// SPDX-License-Identifier: GPL-2.0
/* sendmsg(), and with it sendfile() and splice().
 *
 * Sealed records can't be withdrawn: seal only what TCP can take now.
 */
#include <linux/compiler.h>
#include <linux/net.h>
#include <linux/scatterlist.h>
#include <linux/tls.h>
#include <linux/uio.h>
#include <net/sock.h>
#include <net/tcp.h>
#include <uapi/linux/ktls.h>

#include <compat/user_pages.h>

#include "suite.h"
#include "wire.h"
#include "record/aead.h"
#include "record/framing.h"
#include "record/key_update.h"
#include "record/rl.h"
#include "record/sg.h"
#include "record/tx.h"
#include "record/txq.h"
#include "socket/base.h"
#include "socket/ctx.h"
#include "socket/send.h"

enum send_limits {
	SEND_PAGES	= 20,	/* pieces of page cache in one record */
	/* Less than this is copied: two scatterlists cost more. */
	SEND_SPLICE_MIN	= 2048,
	/* An open record waits for more as long as in TCP. */
	SEND_MORE_MS	= 200,
};

/* One call of sendmsg under way. */
struct send_op {
	struct msghdr	*msg;
	bool		more;	/* MSG_MORE, but no MSG_EOR: the last record stays open */
	bool		typed;	/* external keys: the program gave @type, so a new record begins */
	u8		type;	/* content type */
	size_t		copied;	/* bytes taken from the program */
};

/* May application data be sent? Not before there are keys, nor after close_notify
 * (RFC 8446 6.1). Socket lock held. Returns 0; -EAGAIN during the handshake; -ENOTCONN;
 * -EPIPE; or the error that ended sending.
 */
static int send_admit(const struct ktls_ctx *ctx)
{
	sock_owned_by_me(ctx->rl.sk);
	switch (ctx->state) {
	case KTLS_STATE_OPEN:
		break;
	case KTLS_STATE_CONNECTING:
	case KTLS_STATE_HANDSHAKE:
		return -EAGAIN;
	case KTLS_STATE_FAILED:
	case KTLS_STATE_CLOSED:
		return -EPIPE;
	default:
		return -ENOTCONN;
	}
	if (ctx->rl.sk->sk_err || (ctx->rl.sk->sk_shutdown & SEND_SHUTDOWN) || ctx->rl.tx.closed)
		return -EPIPE;
	if (ctx->rl.tx.error)
		return -ctx->rl.tx.error;
	return ctx->rl.flow->tx.keyed ? 0 : -ENOTCONN;
}

/* External keys: TLS_SET_RECORD_TYPE, and no other control message, as on mainline. */
static int send_check_cmsgs(const struct ktls_ctx *ctx, struct send_op *op)
{
	struct msghdr *msg = op->msg;
	struct cmsghdr *cmsg;

	for_each_cmsghdr(cmsg, msg) {
		if (!CMSG_OK(msg, cmsg))
			return -EINVAL;
		if (cmsg->cmsg_level != SOL_TLS)
			continue;
		if (!ctx->rl.rules->all_types || cmsg->cmsg_type != TLS_SET_RECORD_TYPE ||
		    op->more || cmsg->cmsg_len < CMSG_LEN(sizeof(op->type)))
			return -EINVAL;
		op->type = *(u8 *)CMSG_DATA(cmsg);
		op->typed = true;
	}
	return ctx->rl.rules->all_types && !op->typed ? -EINVAL : 0;
}

static int send_check_msg(struct sock *sk, struct send_op *op)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sk);
	struct msghdr *msg = op->msg;
	const int flags = msg->msg_flags;

	if (flags & (MSG_OOB | MSG_FASTOPEN))
		return -EOPNOTSUPP;
	/* As with TCP the flag alone means nothing. A completion in the error queue cannot be
	 * given. io_uring gives its own, and that at once if nobody takes a reference to its
	 * msg_ubuf: the bytes have been copied.
	 */
	if ((flags & MSG_ZEROCOPY) && !msg->msg_ubuf && sock_flag(sk, SOCK_ZEROCOPY))
		return -EOPNOTSUPP;
	if (!ctx->rl.rules->eor_with_more && (flags & MSG_MORE) && (flags & MSG_EOR))
		return -EINVAL;
	return msg->msg_controllen ? send_check_cmsgs(ctx, op) : 0;
}

/* How many bytes to seal before TCP gets them: what it has room for. */
static size_t send_budget(const struct sock *sk)
{
	int space = READ_ONCE(sk->sk_sndbuf) - READ_ONCE(sk->sk_wmem_queued);

	return clamp_t(int, space, 1, KTLS_TX_CHUNK);
}

/* Copy from the program into the open record; len bytes fit in it, and so many as
 * expected may follow by later calls. Less than len: the program's memory ends.
 */
static int send_copy(struct ktls_ctx *ctx, struct iov_iter *iter, u32 len, u32 expect)
{
	struct ktls_txq *q = &ctx->rl.flow->txq;
	u32 done = 0, n, got;
	struct bio_vec *bv;
	int err;

	while (done < len) {
		if (!q->room) {
			err = ktls_tx_claim(&ctx->rl, len - done + expect);
			if (unlikely(err))
				return done ?: err;
		}
		n = min(len - done, q->room);
		bv = ktls_txq_end(q) - 1;
		/* Copy by page: for plain addresses hardened usercopy looks up the slab
		 * each time.
		 */
		got = copy_page_from_iter(bv->bv_page, bv->bv_offset + bv->bv_len, n, iter);
		ktls_txq_extend(q, got);
		q->open_len += got;
		done += got;
		if (unlikely(got != n))
			return done ?: -EFAULT;
	}
	return done;
}

/* The pieces a record is sealed from; the iterator advances. Returns the bytes in them. */
static u32 send_map_pages(struct ktls_ctx *ctx, struct iov_iter *iter, u32 len,
			  struct scatterlist *sg)
{
	struct ktls_txq *q = &ctx->rl.flow->txq;
	unsigned int n = 1;
	struct bio_vec bv;
	u32 done = 0;

	ktls_sg_put_buf(&sg[0], q->aad, ctx->rl.flow->tx.aad_size);
	while (done < len && n <= SEND_PAGES) {
		ktls_iter_take_frag(iter, len - done, &bv);
		ktls_sg_put(&sg[n++], bv.bv_page + (bv.bv_offset >> PAGE_SHIFT), bv.bv_len,
			    offset_in_page(bv.bv_offset));
		done += bv.bv_len;
	}
	if (ctx->rl.flow->tx.tail_size > KTLS_TAG_SIZE)
		ktls_sg_put_buf(&sg[n++], &q->type, sizeof(q->type));
	sg_mark_end(&sg[n - 1]);
	return done;
}

/* Seal one record straight from the page cache into the queue's fragments. The cipher
 * reads each byte once, so a file that changes meanwhile changes the data, but the record
 * stays authentic. CCM reads twice and gets a copy.
 */
static int send_splice_record(struct ktls_ctx *ctx, struct send_op *op, u32 len)
{
	struct scatterlist src[SEND_PAGES + 2] __uninitialized;
	struct scatterlist dst[KTLS_TX_PIECES] __uninitialized;
	struct iov_iter iter = op->msg->msg_iter;
	struct ktls_txq *q = &ctx->rl.flow->txq;
	u8 *head;
	int err;

	q->type = op->type;
	len = send_map_pages(ctx, &iter, len, src);
	err = ktls_tx_reserve(&ctx->rl, len);
	if (err)
		return err;

	err = ktls_tx_add_tail(&ctx->rl, op->type);
	if (!err) {
		head = ktls_tx_map(&ctx->rl, dst);
		err = ktls_aead_seal(&ctx->rl.flow->tx, src, dst, q->aad, head, op->type, len);
	}
	if (unlikely(err)) {
		ktls_tx_poison(&ctx->rl, err);
		return err;
	}
	ktls_tx_sealed(&ctx->rl, op->type == KTLS_CT_DATA);
	op->msg->msg_iter = iter;
	op->copied += len;
	return 0;
}

/* Are the next bytes a record of their own, worth sealing where they lie? */
static bool send_may_splice(const struct ktls_ctx *ctx, const struct send_op *op, u32 len)
{
	if (!ktls_msg_splices(op->msg) || ctx->rl.flow->txq.open || len < SEND_SPLICE_MIN ||
	    ctx->rl.padding || ctx->rl.flow->tx.suite->cipher->ccm)
		return false;
	return len == ctx->rl.max_payload || !op->more;
}

/* A record of a given type begins with this call's bytes. */
static int send_close_open(struct ktls_ctx *ctx, const struct send_op *op)
{
	return op->typed && ctx->rl.flow->txq.open_len ? ktls_tx_seal(&ctx->rl, KTLS_CT_DATA) : 0;
}

/* Fill the open record, and close it when it is full or the program wants it out.
 * Bytes of this call in a record that could not be sealed were not sent.
 */
static int send_record(struct ktls_ctx *ctx, struct send_op *op)
{
	struct msghdr *msg = op->msg;
	struct ktls_txq *q = &ctx->rl.flow->txq;
	int got, err = send_close_open(ctx, op);
	u32 room, len;

	if (unlikely(!err && !q->open && ktls_key_update_due(&ctx->rl)))
		err = ktls_key_update_send(&ctx->rl);
	if (unlikely(err))
		return err;
	room = ctx->rl.max_payload - q->open_len;
	len = min_t(size_t, msg_data_left(msg), room);
	if (send_may_splice(ctx, op, len))
		return send_splice_record(ctx, op, len);

	got = send_copy(ctx, &msg->msg_iter, len, op->more ? room - len : 0);
	if (unlikely(got < 0)) {
		err = got;
		got = 0;
		/* Or whatever ends records would seal one with nothing in it. */
		if (!q->open_len)
			ktls_txq_drop_open(q);
	} else if (unlikely(got < len)) {
		err = -EFAULT;
	}
	op->copied += got;

	if (q->open_len == ctx->rl.max_payload ||
	    (!op->more && q->open_len && (err || !msg_data_left(msg)))) {
		int sealed = ktls_tx_seal(&ctx->rl, op->type);

		if (unlikely(sealed)) {
			op->copied -= got;
			return sealed;
		}
	}
	return err;
}

static bool send_has_room(const struct ktls_ctx *ctx)
{
	return ktls_tx_idle(&ctx->rl) && sk_stream_memory_free(ctx->rl.sk);
}

/* Whether a sleeping sender has to look again. */
static bool send_has_news(const struct ktls_ctx *ctx)
{
	const struct sock *sk = ctx->rl.sk;

	return send_has_room(ctx) || READ_ONCE(sk->sk_err) || READ_ONCE(ctx->rl.tx.closed) ||
	       (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN) ||
	       READ_ONCE(ctx->state) != KTLS_STATE_OPEN;
}

/* Let TCP have what is sealed, and wait until it has room for more. The lock is
 * dropped meanwhile, so everything has to be looked at again. Not with
 * sk_stream_wait_memory(), which does not know of a close_notify that another
 * thread has sent. A machine short of memory does not say when there is some, so
 * with room in the socket the wait is a pause.
 */
static int send_wait(struct ktls_ctx *ctx, long *timeo)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	struct sock *sk = ctx->rl.sk;
	long left, pause;
	int err;

	err = ktls_tx_push(&ctx->rl);
	if (err || send_has_room(ctx))
		return err;
	ktls_framing_commit(&ctx->rl);
	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	if (!*timeo)
		return -EAGAIN;
	if (signal_pending(current))
		return sock_intr_errno(*timeo);

	pause = sk_stream_memory_free(sk) ? min_t(long, *timeo, HZ / 20) : *timeo;
	left = pause;
	add_wait_queue(sk_sleep(sk), &wait);
	sk->sk_write_pending++;
	err = sk_wait_event(sk, &left, send_has_news(ctx), &wait);
	sk->sk_write_pending--;
	remove_wait_queue(sk_sleep(sk), &wait);
	if (*timeo != MAX_SCHEDULE_TIMEOUT)
		*timeo -= pause - left;
	return err < 0 ? -EPIPE : 0;
}

static int send_records(struct ktls_ctx *ctx, struct send_op *op, long *timeo)
{
	size_t until;
	int err;

	while (msg_data_left(op->msg)) {
		err = send_admit(ctx);
		if (err)
			return err;
		if (ctx->rl.flow->txq.bytes || !sk_stream_memory_free(ctx->rl.sk)) {
			err = send_wait(ctx, timeo);
			if (err)
				return err;
			continue;
		}
		until = op->copied + send_budget(ctx->rl.sk);
		do {
			err = send_record(ctx, op);
		} while (!err && msg_data_left(op->msg) && op->copied < until);

		err = ktls_tx_give(&ctx->rl, op->more || msg_data_left(op->msg)) ?: err;
		if (err)
			return err;
	}
	return 0;
}

/**
 * ktls_send_msg_locked - sendmsg() of a TLS socket, lock held
 * @sk: the socket
 * @msg: the message
 * @size: bytes in it
 *
 * As TCP: a partial count before an error, SO_SNDTIMEO, signals, SIGPIPE. Bytes
 * counted are sealed or in the open record; TCP gets them in order.
 * With MSG_MORE the last record stays open for what comes next, but not for long.
 * With external keys TLS_SET_RECORD_TYPE closes it, and is the type of the new records.
 *
 * Context: process context, socket lock held and dropped while waiting.
 * Return: bytes taken or a negative errno.
 */
int ktls_send_msg_locked(struct sock *sk, struct msghdr *msg, size_t size)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sk);
	struct send_op op = {
		.msg	= msg,
		.more	= (msg->msg_flags & (MSG_MORE | MSG_EOR)) == MSG_MORE,
		.type	= KTLS_CT_DATA,
	};
	long timeo;
	int err;

	sock_owned_by_me(sk);
	err = send_check_msg(sk, &op);
	if (err)
		return err;

	sk_clear_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	if (likely(msg_data_left(msg))) {
		err = send_records(ctx, &op, &timeo);
	} else {
		err = send_admit(ctx);
		if (!err && !op.more && ctx->rl.flow->txq.open)
			err = ktls_tx_flush(&ctx->rl);
	}

	if (ctx->rl.flow->txq.open_len && !hrtimer_is_queued(&ctx->life.deadline))
		ktls_ctx_arm(ctx, SEND_MORE_MS);
	if (op.copied)
		return op.copied;
	return err ? sk_stream_error(sk, msg->msg_flags, err) : 0;
}

/**
 * ktls_send_msg - sendmsg() of a TLS socket
 * @sk: the socket
 * @msg: the message
 * @size: bytes in it
 *
 * Context: process context, takes the socket lock.
 * Return: as ktls_send_msg_locked().
 */
int ktls_send_msg(struct sock *sk, struct msghdr *msg, size_t size)
{
	int ret;

	lock_sock(sk);
	ret = ktls_send_msg_locked(sk, msg, size);
	release_sock(sk);
	return ret;
}

/**
 * ktls_send_step - push what is queued, and send a KeyUpdate that is due
 * @ctx: an open connection
 *
 * While TCP is full nothing is sealed: a peer that asks and does not read gets
 * no queue for it. When there is room, write_space leads here.
 *
 * Context: the context's work, socket lock held.
 */
void ktls_send_step(struct ktls_ctx *ctx)
{
	struct ktls_rl *rl = &ctx->rl;

	sock_owned_by_me(ctx->rl.sk);
	ktls_tx_push(rl);
	if (rl->flow->key_update && ktls_tx_idle(rl) && !send_admit(ctx))
		ktls_key_update_send(rl);
}

/**
 * ktls_send_key_update - KTLS_KEY_UPDATE
 * @ctx: the connection
 * @ask: 1: the peer is to do the same; 0: it is not
 *
 * Context: process context, socket lock held; never waits for TCP.
 * Return: 0 or a negative errno, see include/uapi/linux/ktls.h.
 */
int ktls_send_key_update(struct ktls_ctx *ctx, int ask)
{
	int err;

	sock_owned_by_me(ctx->rl.sk);
	if (ask != 0 && ask != 1)
		return -EINVAL;
	err = send_admit(ctx);
	if (err)
		return err;
	if (!ctx->rl.rules->key_update || ctx->rl.flow->tx.suite->version != KTLS_TLS_1_3)
		return -EOPNOTSUPP;
	return ktls_key_update_start(&ctx->rl, ask);
}

/**
 * ktls_send_open_step - a record that waits for more does not wait longer
 * @ctx: in state OPEN; the timer is nobody else's while a record is open
 *
 * Context: the context's work, socket lock held.
 */
void ktls_send_open_step(struct ktls_ctx *ctx)
{
	const unsigned long end = ctx->rl.flow->txq.since + msecs_to_jiffies(SEND_MORE_MS);

	sock_owned_by_me(ctx->rl.sk);
	if (!ctx->rl.flow->txq.open_len || !test_bit(KTLS_F_DEADLINE, &ctx->flags))
		return;
	if (time_before(jiffies, end))
		ktls_ctx_arm(ctx, jiffies_to_msecs(end - jiffies));
	else
		ktls_tx_flush(&ctx->rl);
}

static void send_end_open(struct ktls_ctx *ctx)
{
	if (ctx->rl.flow->txq.open && !send_admit(ctx))
		ktls_tx_flush(&ctx->rl);
}

/**
 * ktls_send_end_open - what waits for more is to wait no longer
 * @sk: the socket
 *
 * Context: process context, takes the socket lock; never waits for TCP.
 */
void ktls_send_end_open(struct sock *sk)
{
	lock_sock(sk);
	send_end_open(ktls_ctx_get(sk));
	release_sock(sk);
}

/**
 * ktls_send_queued - bytes on their way to TCP, as they will be on the wire
 * @ctx: the connection
 *
 * Context: any, lockless: as TCP's own answer, it may be outdated at once.
 * Return: how many.
 */
unsigned int ktls_send_queued(const struct ktls_ctx *ctx)
{
	const struct ktls_rl *rl = &ctx->rl;
	const u32 open = READ_ONCE(rl->flow->txq.open_len);

	return READ_ONCE(rl->flow->txq.bytes) +
	       (open ? rl->flow->tx.prefix_size + open + rl->flow->tx.tail_size : 0);
}

/**
 * ktls_send_splice_eof - what came by splice() with more to come is at its end
 * @sock: the socket
 *
 * Context: process context, takes the socket lock; never waits for TCP.
 */
void ktls_send_splice_eof(struct socket *sock)
{
	struct sock *sk = sock->sk;
	struct ktls_ctx *ctx = ktls_ctx_get(sk);

	ktls_send_end_open(sk);

	/* TCP may hold the last segment back for the same reason. */
	if (ctx->base->prot->splice_eof)
		ctx->base->prot->splice_eof(sock);
}
