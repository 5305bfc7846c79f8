// SPDX-License-Identifier: GPL-2.0
/* Is there anything to receive? For poll(), FIONREAD and sleeping readers; and what is
 * done with control records that nobody reads.
 */
#include <net/sock.h>
#include <net/tcp.h>
#include <uapi/linux/ktls.h>

#include "record/framing.h"
#include "record/rx.h"
#include "record/rxbuf.h"
#include "socket/ctx.h"
#include "socket/ready.h"

/**
 * ktls_ready_admit - may anything be received in this state?
 * @ctx: the connection
 *
 * A connection that failed still delivers what was authentic.
 *
 * Context: socket lock held.
 * Return: 0, -EAGAIN during the handshake, -ENOTCONN.
 */
int ktls_ready_admit(const struct ktls_ctx *ctx)
{
	sock_owned_by_me(ctx->rl.sk);
	switch (ctx->state) {
	case KTLS_STATE_OPEN:
	case KTLS_STATE_FAILED:
		return ctx->rl.flow->rx.keyed ? 0 : -ENOTCONN;
	case KTLS_STATE_CONNECTING:
	case KTLS_STATE_HANDSHAKE:
		return -EAGAIN;
	default:
		return -ENOTCONN;
	}
}

/**
 * ktls_ready_is_shut - does nothing follow what has come?
 * @ctx: the connection
 *
 * TCP knows of FIN and resets, we of SHUT_RD.
 *
 * Context: any; without the socket lock the answer may be outdated at once.
 * Return: whether it does not.
 */
bool ktls_ready_is_shut(const struct ktls_ctx *ctx)
{
	return READ_ONCE(ctx->rl.rx.shut) || (READ_ONCE(ctx->rl.sk->sk_shutdown) & RCV_SHUTDOWN);
}

/**
 * ktls_ready_has_news - is there reason to look at the connection, opened data aside?
 * @ctx: the connection
 *
 * Context: as ktls_ready_worth_waking().
 * Return: whether there is.
 */
bool ktls_ready_has_news(const struct ktls_ctx *ctx)
{
	const struct sock *sk = ctx->rl.sk;
	const struct tcp_sock *tp = tcp_sk(sk);
	u32 bytes = READ_ONCE(tp->rcv_nxt) - READ_ONCE(tp->copied_seq);

	return bytes >= READ_ONCE(ctx->rl.flow->framing.need) ||
	       READ_ONCE(sk->sk_err) || ktls_ready_is_shut(ctx) ||
	       READ_ONCE(ctx->rl.rx.closed) || READ_ONCE(ctx->rl.rx.error) ||
	       READ_ONCE(ctx->rl.flow->opened.control) ||
	       READ_ONCE(ctx->state) != KTLS_STATE_OPEN ||
	       ktls_framing_stalled(&ctx->rl);
}

/**
 * ktls_ready_worth_waking - could a reader get on?
 * @ctx: the connection
 *
 * O(1): bytes that TCP has against bytes that the record at the head needs. A
 * queue that is full counts too: the reader has to make room.
 *
 * Context: softirq in a callback of the socket, or socket lock held, or neither:
 * then the answer may be outdated at once.
 * Return: whether it could.
 */
bool ktls_ready_worth_waking(const struct ktls_ctx *ctx)
{
	return READ_ONCE(ctx->rl.flow->opened.len) || ktls_ready_has_news(ctx);
}

/**
 * ktls_ready_reaches_mark - may there be as much data as SO_RCVLOWAT asks for?
 * @ctx: an open connection
 *
 * As TCP counts: a full buffer is enough, and so is what ends the stream. Ciphertext
 * counts as data, so this can answer yes too early, but never no where poll() says yes.
 *
 * Context: as ktls_ready_worth_waking().
 * Return: whether there may be.
 */
bool ktls_ready_reaches_mark(const struct ktls_ctx *ctx)
{
	const struct ktls_opened *opened = &READ_ONCE(ctx->rl.flow)->opened;
	int missing = READ_ONCE(ctx->attach.rcvlowat) - (int)READ_ONCE(opened->len);

	return missing <= 1 || ktls_ready_has_ended(ctx) || READ_ONCE(opened->control) ||
	       ktls_rxbuf_is_full(&ctx->rl) || ktls_framing_stalled(&ctx->rl) ||
	       tcp_epollin_ready(ctx->rl.sk, missing);
}

/**
 * ktls_ready_has_ended - would a reader learn about the end of the stream, or an error?
 * @ctx: the connection
 *
 * Context: any; without the socket lock the answer may be outdated at once.
 * Return: whether it would.
 */
bool ktls_ready_has_ended(const struct ktls_ctx *ctx)
{
	return READ_ONCE(ctx->rl.rx.closed) || READ_ONCE(ctx->rl.rx.error) ||
	       READ_ONCE(ctx->rl.sk->sk_err) || ktls_ready_is_shut(ctx);
}

/**
 * ktls_ready_prepare - open what is there until so many bytes of application data are
 * @ctx: the connection
 * @target: so many
 *
 * Or no whole record is left, or one of another type is for the program, or enough
 * memory is used, or KTLS_RX_BATCH records were none of those.
 *
 * Context: process context, socket lock held; never waits.
 * Return: what ktls_rx_open() returned last.
 */
int ktls_ready_prepare(struct ktls_ctx *ctx, size_t target)
{
	unsigned int control = 0;
	int ret = KTLS_RX_DATA;

	sock_owned_by_me(ctx->rl.sk);
	while (ctx->rl.flow->opened.len < target && !ctx->rl.flow->opened.control &&
	       !ktls_rxbuf_is_full(&ctx->rl)) {
		ret = ktls_rx_open(&ctx->rl, NULL, 0, NULL);
		if (ret <= KTLS_RX_NONE)
			break;
		if (ret == KTLS_RX_CONTROL && ++control == KTLS_RX_BATCH)
			break;
	}
	if (ret == KTLS_RX_NONE)
		ktls_framing_relieve(&ctx->rl);
	ktls_rx_end_call(&ctx->rl);
	return ret;
}

/**
 * ktls_ready_is_readable - would a recv return at once?
 * @ctx: the connection
 *
 * The next record may be a ticket, which no reader gets. So records are opened, and
 * control records processed, until there is application data. A peer that sends only
 * control records can make this answer yes too early. With external keys each record is
 * for the program.
 *
 * A reader may hold the lock as long as it takes to fault in its buffer, while the caller
 * has other sockets to serve. So this does not wait for the lock: if it is taken the
 * answer is no, and ops.c's release_cb wakes the sleepers.
 *
 * Context: process context, socket lock not held; from poll().
 * Return: whether it would.
 */
bool ktls_ready_is_readable(struct ktls_ctx *ctx)
{
	const size_t target = max(READ_ONCE(ctx->attach.rcvlowat), 1);
	struct sock *sk = ctx->rl.sk;
	bool readable = true;
	int ret;

	if (READ_ONCE(ctx->rl.flow->opened.len) >= target || ktls_rxbuf_is_full(&ctx->rl) ||
	    ktls_ready_has_ended(ctx))
		return true;
	if (READ_ONCE(ctx->rl.rules)->one_way && !READ_ONCE(ctx->rl.flow->rx.keyed))
		return false;
	if (!ktls_ready_has_news(ctx) && !READ_ONCE(ctx->rl.flow->framing.pulled_len))
		return false;

	if (!ktls_ctx_trylock(ctx, KTLS_F_WAKE))
		return false;
	if (!ktls_ready_admit(ctx)) {
		ret = ktls_ready_prepare(ctx, target);
		readable = ret != KTLS_RX_NONE || ctx->rl.flow->opened.len >= target ||
			   ctx->rl.flow->opened.control || ktls_rxbuf_is_full(&ctx->rl) ||
			   ktls_ready_has_ended(ctx);
	}
	release_sock(sk);
	return readable;
}

/**
 * ktls_ready_count - how many bytes would a recv return now, at least?
 * @ctx: the connection
 *
 * What is opened, and the first record if nothing is. What lies behind it is not
 * known: a record may be padded, or no data.
 *
 * Context: process context, socket lock held; never waits.
 * Return: so many
 */
int ktls_ready_count(struct ktls_ctx *ctx)
{
	sock_owned_by_me(ctx->rl.sk);
	if (!ktls_ready_admit(ctx))
		ktls_ready_prepare(ctx, 1);
	return min_t(size_t, ctx->rl.flow->opened.len, INT_MAX);
}

/**
 * ktls_ready_tell - the same, for a program, which may then read so many bytes
 * @ctx: the connection
 *
 * Context: process context, socket lock held; never waits.
 * Return: so many
 */
int ktls_ready_tell(struct ktls_ctx *ctx)
{
	sock_owned_by_me(ctx->rl.sk);
	ctx->attach.told = ktls_ready_count(ctx);
	return ctx->attach.told;
}

/**
 * ktls_ready_was_read - a program has got data: is it to be told of more?
 * @ctx: the connection
 * @len: so many bytes
 * @all: no fewer than it wanted
 *
 * A program with edge-triggered epoll may take a read that was short, or one of all that
 * FIONREAD has told, for the end of what is there, and wait for the event that comes with
 * more. TCP has one for each byte behind. We may have had it already, with a record that
 * nobody had opened. A FIN is an event of its own.
 *
 * Context: socket lock held; the event comes when it is dropped.
 */
void ktls_ready_was_read(struct ktls_ctx *ctx, size_t len, bool all)
{
	bool may_wait = !all && !ktls_ready_is_shut(ctx);

	sock_owned_by_me(ctx->rl.sk);
	if (ctx->attach.told) {
		may_wait |= len >= ctx->attach.told;
		ctx->attach.told -= min_t(size_t, len, ctx->attach.told);
	}
	if (may_wait && ktls_ready_worth_waking(ctx))
		set_bit(KTLS_F_WAKE, &ctx->flags);
}

/**
 * ktls_ready_inq - bytes a recv would return now: FIONREAD
 * @sk: the socket
 *
 * Context: process context, takes the socket lock.
 * Return: bytes, or -EINVAL on a socket that listens.
 */
int ktls_ready_inq(struct sock *sk)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sk);
	int ret;

	lock_sock(sk);
	ret = ctx->state == KTLS_STATE_LISTENING ? -EINVAL : ktls_ready_tell(ctx);
	release_sock(sk);
	return ret;
}

/**
 * ktls_ready_watch - see to it that control records do not lie unread
 * @ctx: the connection
 *
 * A program that neither reads nor polls leaves them in TCP's queue: a ticket would be
 * of no use, a KeyUpdate not answered, an alert not known. What is still there after
 * KTLS_RX_IDLE_MS is looked at by ktls_ready_step().
 *
 * Context: socket lock held, or its spinlock, in a callback from TCP.
 */
void ktls_ready_watch(struct ktls_ctx *ctx)
{
	if (READ_ONCE(ctx->rl.rules)->all_types || timer_pending(&ctx->conn->unread) ||
	    READ_ONCE(ctx->rl.flow->opened.len))
		return;
	if (test_bit(KTLS_F_GONE, &ctx->flags) || !refcount_inc_not_zero(&ctx->life.ref))
		return;
	if (mod_timer(&ctx->conn->unread, jiffies + msecs_to_jiffies(KTLS_RX_IDLE_MS)))
		ktls_ctx_put(ctx);
}

/**
 * ktls_ready_step - deal with control records that lie unread
 * @ctx: an open connection
 *
 * To know what a record is, it has to be opened: at most one with application data is,
 * and after so many others somebody else has a turn.
 *
 * Context: the context's work, socket lock held.
 */
void ktls_ready_step(struct ktls_ctx *ctx)
{
	sock_owned_by_me(ctx->rl.sk);
	/* A child is the listener's until it is accepted. */
	if (!test_and_clear_bit(KTLS_F_IDLE, &ctx->flags) || ctx->rl.rules->all_types ||
	    ctx->accept.parent || ctx->rl.flow->opened.len || ktls_ready_admit(ctx))
		return;
	if (ktls_ready_prepare(ctx, 1) != KTLS_RX_CONTROL)
		return;
	set_bit(KTLS_F_IDLE, &ctx->flags);
	ktls_ctx_kick(ctx);
}

/**
 * ktls_ready_drain_control - process control records before close()
 * @ctx: the connection, about to be closed
 *
 * With external keys there are none: as with TCP, all bytes are data.
 *
 * Context: process context, socket lock held.
 * Return: 1 if application data is left that nobody has read, 0 if not.
 */
int ktls_ready_drain_control(struct ktls_ctx *ctx)
{
	sock_owned_by_me(ctx->rl.sk);
	if (ctx->rl.rules->all_types)
		return ctx->rl.flow->opened.len || ctx->rl.flow->opened.control ||
		       ktls_framing_avail(&ctx->rl);
	if (!ktls_ready_admit(ctx))
		ktls_ready_prepare(ctx, 1);
	return ctx->rl.flow->opened.len ? 1 : 0;
}

/**
 * ktls_ready_discard - throw away all that was received
 * @ctx: the connection
 *
 * Context: process context, socket lock held.
 */
void ktls_ready_discard(struct ktls_ctx *ctx)
{
	sock_owned_by_me(ctx->rl.sk);
	if (!ktls_rl_has_flow(&ctx->rl))
		return;
	ktls_rx_free(&ctx->rl);
	ktls_framing_discard(&ctx->rl);
}

/**
 * ktls_ready_sift - throw away what comes when nobody reads any more, but control records
 * @ctx: the connection
 *
 * Control records are processed as usual, KTLS_RX_BATCH in a call; the work comes back for
 * more. After the first data, or a record that is not authentic, no record is opened any
 * more.
 *
 * Context: process context, socket lock held.
 * Return: whether the peer has sent data, or a record that may be data.
 */
bool ktls_ready_sift(struct ktls_ctx *ctx)
{
	int ret;

	sock_owned_by_me(ctx->rl.sk);
	if (!ctx->rl.flow->rx.keyed || ctx->rl.rules->all_types || ctx->rl.rx.closed ||
	    ctx->rl.rx.error) {
		ktls_ready_discard(ctx);
		return false;
	}
	ret = ktls_ready_prepare(ctx, 1);
	if (ret == KTLS_RX_CONTROL)
		ktls_ctx_kick(ctx);
	if (!ctx->rl.flow->opened.len && (ret >= KTLS_RX_NONE || ret == -ENOMEM))
		return false;
	WRITE_ONCE(ctx->rl.flow->framing.stopped, true);
	ktls_ready_discard(ctx);
	return true;
}
