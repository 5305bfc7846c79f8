// SPDX-License-Identifier: GPL-2.0
/* Sending: the program's bytes are copied once, into page fragments that are laid out
 * as a record. They are sealed there, and the fragments are given to TCP.
 *
 *	| header, explicit nonce | payload ... | type | tag |
 *
 * Only sealed bytes are ever given to TCP: ktls_txq keeps the pieces of the open
 * record behind the sealed ones, and tx_give() never looks behind them.
 *
 * A record that lies in one page follows the one before it without a gap, so that
 * TCP makes one fragment of them. The payload of any other begins on a multiple of
 * the ciphers' block, so that page boundaries within it are block boundaries;
 * anywhere else the ciphers of some kernels allocate memory for each.
 */
#include <linux/compiler.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/tls.h>
#include <linux/uio.h>
#include <kunit/visibility.h>
#include <net/sock.h>
#include <net/tcp.h>

#include <compat/tcp_frags.h>
#include <compat/user_pages.h>

#include "record/aead.h"
#include "record/framing.h"
#include "record/pages.h"
#include "record/rl.h"
#include "record/sg.h"
#include "record/tx.h"
#include "record/txq.h"
#include "mib.h"
#include "wire.h"

enum tx_sizes {
	TX_ALIGN	= 64,	/* ChaCha20's block, and four of AES */
	/* The smallest piece of a record that has several. */
	TX_PIECE_MIN	= 2048,
	/* A payload from here on begins where a page does, as what it is made from
	 * mostly does: the ciphers stop wherever a page ends on either side.
	 */
	TX_PAGED_MIN	= 4 * PAGE_SIZE,
};

/* Where the bytes of a piece begin that has @front bytes before them. */
static u32 tx_place(const struct page_frag *pfrag, u32 front, u32 len, u32 align)
{
	u32 start = pfrag->offset + front;

	if (offset_in_page(start) + len <= PAGE_SIZE)
		return start;
	/* Not where memory is so short that there are only single pages. */
	if (unlikely(ALIGN(start, align) + TX_PIECE_MIN > pfrag->size))
		align = TX_ALIGN;
	return ALIGN(start, align);
}

/**
 * ktls_tx_claim - reserve bytes for the open record
 * @rl: the connection
 * @want: payload bytes that are to come, 0: only the tail is missing
 *
 * The first piece has room in front for what precedes the payload. A piece ends
 * behind the tail, or where its page ends; then the record goes on in another.
 *
 * Context: process context, socket lock held; may sleep.
 * Return: 0; then q->room bytes lie behind the last piece. -ENOMEM, -ENOBUFS.
 */
int ktls_tx_claim(struct ktls_rl *rl, u32 want)
{
	/* Associated data end where the payload begins; so does the header. */
	const u32 front = rl->flow->txq.open ? 0 : rl->flow->tx.aad_size;
	const u32 tail = rl->flow->tx.tail_size;
	const u32 align = front && want >= TX_PAGED_MIN ? PAGE_SIZE : TX_ALIGN;
	struct ktls_txq *q = &rl->flow->txq;
	struct sock *sk = rl->sk;
	struct page_frag *pfrag;
	u32 start, take;
	int err;

	sock_owned_by_me(sk);
	if (unlikely(q->open >= KTLS_TX_PIECES))
		return -ENOBUFS;
	if (front && unlikely(ktls_dir_rests(&rl->flow->tx))) {
		err = ktls_dir_wake(&rl->flow->tx);
		if (err)
			return err;
	}
	err = ktls_txq_reserve(q, 1, sk->sk_allocation);
	if (unlikely(err))
		return err;

	pfrag = sk_page_frag(sk);
	start = front + align + min_t(u32, want, TX_PIECE_MIN) + tail;
	if (unlikely(!ktls_pages_refill(start, pfrag, sk->sk_allocation)))
		return -ENOMEM;

	start = tx_place(pfrag, front, want + tail, align);
	take = min_t(u32, want + tail, pfrag->size - start);
	get_page(pfrag->page);
	pfrag->offset = start + take;

	if (front) {
		bvec_set_page(ktls_txq_end(q), pfrag->page, rl->flow->tx.prefix_size,
			      start - rl->flow->tx.prefix_size);
		q->since = jiffies;
	} else {
		bvec_set_page(ktls_txq_end(q), pfrag->page, 0, start);
	}
	q->open++;
	q->room = take;
	return 0;
}

/* Return unused room to the page fragment, unless more was claimed behind it. */
static void tx_unclaim(struct ktls_rl *rl)
{
	struct page_frag *pfrag = sk_page_frag(rl->sk);
	struct ktls_txq *q = &rl->flow->txq;
	struct bio_vec *bv = ktls_txq_end(q) - 1;
	u32 end = bv->bv_offset + bv->bv_len;

	if (q->room && pfrag->page == bv->bv_page && pfrag->offset == end + q->room)
		pfrag->offset = end;
	q->room = 0;
}

/**
 * ktls_tx_reserve - an open record whose payload is written by the cipher
 * @rl: the connection; no record is open
 * @len: bytes of payload
 *
 * Context: process context, socket lock held; may sleep.
 * Return: 0, -ENOMEM, -ENOBUFS; then no record is open.
 */
int ktls_tx_reserve(struct ktls_rl *rl, u32 len)
{
	struct ktls_txq *q = &rl->flow->txq;
	u32 n;
	int err;

	sock_owned_by_me(rl->sk);
	while (q->open_len < len) {
		if (!q->room) {
			err = ktls_tx_claim(rl, len - q->open_len);
			if (unlikely(err)) {
				ktls_txq_drop_open(q);
				return err;
			}
		}
		n = min(len - q->open_len, q->room);
		ktls_txq_extend(q, n);
		q->open_len += n;
	}
	return 0;
}

/* RFC 8446 5.4: zeros behind the type byte. The record stays as long as one can be. */
static u32 tx_padding(const struct ktls_rl *rl)
{
	const u32 multiple = rl->padding, len = rl->flow->txq.open_len;
	const u32 max = rl->max_payload;

	if (likely(!multiple) || rl->flow->tx.tail_size == KTLS_TAG_SIZE || len >= max)
		return 0;
	return min(max_t(u32, DIV_ROUND_UP(len, multiple), 1) * multiple, max) - len;
}

/* Append bytes of the kernel, or zeros, to the open record; does not count them as
 * payload.
 */
static int tx_append(struct ktls_rl *rl, const u8 *data, u32 len)
{
	struct ktls_txq *q = &rl->flow->txq;
	u8 *to;
	u32 n;
	int err;

	while (len) {
		if (!q->room) {
			err = ktls_tx_claim(rl, len);
			if (err)
				return err;
		}
		n = min(len, q->room);
		to = ktls_txq_extend(q, n);
		if (data) {
			memcpy(to, data, n);
			data += n;
		} else {
			memset(to, 0, n);
		}
		len -= n;
	}
	return 0;
}

/**
 * ktls_tx_add_tail - put type byte, padding and room for the tag behind the open record
 * @rl: the connection
 * @type: content type
 *
 * Context: process context, socket lock held; may sleep.
 * Return: bytes of padding, -ENOMEM, -ENOBUFS.
 */
int ktls_tx_add_tail(struct ktls_rl *rl, u8 type)
{
	const u32 padding = tx_padding(rl);
	struct ktls_txq *q = &rl->flow->txq;
	int err;

	sock_owned_by_me(rl->sk);
	if (unlikely(padding)) {
		err = tx_append(rl, &type, sizeof(type));
		/* The tag's room is some more zeros. */
		if (!err)
			err = tx_append(rl, NULL, padding + KTLS_TAG_SIZE);
		if (err)
			return err;
		tx_unclaim(rl);
		return padding;
	}

	if (unlikely(q->room < rl->flow->tx.tail_size)) {
		q->room = 0;
		err = ktls_tx_claim(rl, 0);
		if (err)
			return err;
	}
	*ktls_txq_extend(q, rl->flow->tx.tail_size) = type;	/* in 1.2 the tag's first byte */
	tx_unclaim(rl);
	return 0;
}

/**
 * ktls_tx_map - the open record as a scatterlist, associated data included
 * @rl: the connection
 * @sg: at least KTLS_TX_PIECES entries
 *
 * Context: socket lock held; ktls_tx_add_tail() has been called.
 * Return: where the record begins on the wire.
 */
u8 *ktls_tx_map(struct ktls_rl *rl, struct scatterlist *sg)
{
	const u32 before = rl->flow->tx.aad_size - rl->flow->tx.prefix_size;
	struct ktls_txq *q = &rl->flow->txq;
	struct bio_vec *bv = ktls_txq_end(q) - q->open;
	u8 *head = page_address(bv->bv_page) + bv->bv_offset;
	unsigned int i;

	sock_owned_by_me(rl->sk);
	if (likely(q->open == 1)) {
		ktls_sg_one(sg, head - before, bv->bv_len + before);
		return head;
	}
	ktls_sg_put(sg, bv->bv_page, bv->bv_len + before, bv->bv_offset - before);
	for (i = 1; i < q->open; i++)
		ktls_sg_put(&sg[i], bv[i].bv_page, bv[i].bv_len, bv[i].bv_offset);
	sg_mark_end(&sg[i - 1]);
	return head;
}

/**
 * ktls_tx_sealed - move the open record, which was sealed, to the sealed ones
 * @rl: the connection
 * @data: it carried application data
 *
 * Context: socket lock held.
 */
void ktls_tx_sealed(struct ktls_rl *rl, bool data)
{
	struct ktls_txq *q = &rl->flow->txq;
	struct bio_vec *bv;
	size_t bytes = 0;

	sock_owned_by_me(rl->sk);
	for (bv = ktls_txq_end(q) - q->open; bv < ktls_txq_end(q); bv++)
		bytes += bv->bv_len;
	if (data)
		rl->flow->tx.bytes += q->open_len;
	ktls_mib_record(sock_net(rl->sk), KTLS_MIB_TX_RECORDS, KTLS_MIB_TX_BYTES,
			data ? q->open_len : 0);
	q->sealed += q->open;
	q->open = 0;
	q->open_len = 0;
	WRITE_ONCE(q->bytes, q->bytes + bytes);
}

/* May this direction still seal? An expired key may still seal alerts. */
static int tx_may_seal(const struct ktls_rl *rl, u8 type)
{
	if (!rl->flow->tx.keyed)
		return -ENOTCONN;
	if (rl->tx.error && (rl->tx.error != EKEYEXPIRED || type == KTLS_CT_DATA))
		return -rl->tx.error;
	return 0;
}

/**
 * ktls_tx_seal - close the open record
 * @rl: the connection
 * @type: content type
 *
 * If this fails, the direction is dead and the record is dropped: its bytes may have
 * been counted as sent, so nothing may follow it.
 *
 * Context: process context, socket lock held; may sleep.
 * Return: 0 or what ktls_aead_seal() says, -ENOMEM, -ENOBUFS.
 */
int ktls_tx_seal(struct ktls_rl *rl, u8 type)
{
	struct scatterlist sg[KTLS_TX_PIECES] __uninitialized;
	struct ktls_dir *dir = &rl->flow->tx;
	int err, padding;
	u8 *head;

	sock_owned_by_me(rl->sk);
	err = tx_may_seal(rl, type);
	if (!err) {
		padding = ktls_tx_add_tail(rl, type);
		err = min(padding, 0);
	}
	if (!err) {
		head = ktls_tx_map(rl, sg);
		err = ktls_aead_seal(dir, sg, sg, head + dir->prefix_size - dir->aad_size, head,
				     type, rl->flow->txq.open_len + padding);
	}
	if (unlikely(err)) {
		ktls_tx_poison(rl, err);
		return err;
	}
	ktls_tx_sealed(rl, type == KTLS_CT_DATA);
	return 0;
}

/**
 * ktls_tx_poison - sealing failed: seal no more in this direction
 * @rl: the connection
 * @err: negative errno
 *
 * Sealed records stay queued.
 *
 * Context: socket lock held.
 */
void ktls_tx_poison(struct ktls_rl *rl, int err)
{
	sock_owned_by_me(rl->sk);
	if (!rl->tx.error)
		rl->tx.error = -err;
	ktls_txq_drop_open(&rl->flow->txq);
}

/* TCP takes no more. Nothing can be sent after a gap between records. */
static int tx_abandon(struct ktls_rl *rl)
{
	if (rl->flow->txq.bytes && !rl->tx.error)
		rl->tx.error = EPIPE;
	ktls_txq_drop_sealed(&rl->flow->txq);
	return -EPIPE;
}

/* Give TCP the sealed records. 0: it took all or a part; otherwise it takes no more. */
static int tx_give(struct ktls_rl *rl, int flags)
{
	struct ktls_txq *q = &rl->flow->txq;
	struct sock *sk = rl->sk;
	int ret, sk_err;

	if (unlikely((sk->sk_shutdown & SEND_SHUTDOWN) || sk->sk_state == TCP_CLOSE))
		return tx_abandon(rl);

	/* With a pending error (IP_RECVERR) TCP takes nothing until the program has
	 * fetched it. Hide it, because the records must be sent without a gap.
	 */
	sk_err = unlikely(sk->sk_err) ? xchg(&sk->sk_err, 0) : 0;

	/* TCP may look at its backlog in there. */
	ktls_framing_commit(rl);
	ret = ktls_tcp_send_frags(sk, &q->vec[q->first], q->sealed, q->bytes, flags);
	if (unlikely(sk_err) && !sk->sk_err)
		WRITE_ONCE(sk->sk_err, sk_err);
	if (likely(ret > 0)) {
		ktls_txq_taken(q, ret);
		return 0;
	}
	if (ret == -EAGAIN)
		return 0;

	if (ret != -EPIPE && !sk->sk_err)
		WRITE_ONCE(sk->sk_err, -ret);
	return tx_abandon(rl);
}

/**
 * ktls_tx_push - give TCP the sealed records
 * @rl: the connection
 *
 * Never waits. What is left is pushed by the next call; TCP calls write_space
 * when there is room. See ktls_tx_idle().
 *
 * Context: process context, socket lock held.
 * Return: 0, or -EPIPE: TCP takes no more, the queue was dropped, and sk_err
 * says why if there is a reason.
 */
int ktls_tx_push(struct ktls_rl *rl)
{
	sock_owned_by_me(rl->sk);
	return rl->flow->txq.bytes ? tx_give(rl, 0) : 0;
}

/**
 * ktls_tx_idle - has TCP taken all sealed records?
 * @rl: the connection
 *
 * Context: any, lockless.
 * Return: whether it has.
 */
bool ktls_tx_idle(const struct ktls_rl *rl)
{
	return !READ_ONCE(rl->flow->txq.bytes);
}

/**
 * ktls_tx_flush - close the open record and push
 * @rl: the connection
 *
 * Context: process context, socket lock held; never waits for TCP.
 * Return: 0 or a negative errno as of ktls_tx_seal(), ktls_tx_push().
 */
int ktls_tx_flush(struct ktls_rl *rl)
{
	int err = 0;

	sock_owned_by_me(rl->sk);
	if (rl->flow->txq.open)
		err = ktls_tx_seal(rl, KTLS_CT_DATA);
	return ktls_tx_push(rl) ?: err;
}

/**
 * ktls_tx_record - seal one record of a type other than application data
 * @rl: the connection
 * @type: content type
 * @data: its payload; stays the caller's
 * @len: bytes, 1..KTLS_PAYLOAD_MAX
 *
 * The open record is closed before, so the order is that of the calls. It is
 * admitted however full the socket is: callers bound how often they call.
 *
 * Context: process context, socket lock held; never waits for TCP.
 * Return: 0: sealed, and given to TCP or queued; -ENOTCONN without keys; as
 * ktls_tx_seal() and ktls_tx_push().
 */
int ktls_tx_record(struct ktls_rl *rl, u8 type, const void *data, size_t len)
{
	int err;

	sock_owned_by_me(rl->sk);
	err = tx_may_seal(rl, type);
	if (err)
		return err;

	if (rl->flow->txq.open) {
		err = ktls_tx_seal(rl, KTLS_CT_DATA);
		if (err)
			return err;
	}
	err = tx_append(rl, data, len);
	if (err) {
		ktls_txq_drop_open(&rl->flow->txq);
		return err;
	}
	rl->flow->txq.open_len = len;
	err = ktls_tx_seal(rl, type);
	return ktls_tx_push(rl) ?: err;
}

/**
 * ktls_tx_queue_records - queue sealed records, and push
 * @rl: the connection
 * @records: handshake records of the helper; copied
 * @len: bytes, at most KTLS_HS_OUT_MAX
 *
 * Context: process context, socket lock held; never waits for TCP.
 * Return: 0, -ENOMEM or -ENOBUFS (nothing was queued), -EPIPE.
 */
int ktls_tx_queue_records(struct ktls_rl *rl, const void *records, size_t len)
{
	struct ktls_txq *q = &rl->flow->txq;
	struct sock *sk = rl->sk;
	struct page_frag *pfrag;
	const u8 *at = records;
	size_t left = len, n;

	sock_owned_by_me(sk);
	if (WARN_ON_ONCE(q->open))
		return -EINVAL;

	/* Enough entries even if all pages are single ones. */
	if (ktls_txq_reserve(q, DIV_ROUND_UP(len, PAGE_SIZE) + 2, sk->sk_allocation))
		return -ENOMEM;

	while (left) {
		pfrag = sk_page_frag(sk);
		if (!ktls_pages_refill(1, pfrag, sk->sk_allocation))
			goto drop;
		n = min_t(size_t, left, pfrag->size - pfrag->offset);
		memcpy(page_address(pfrag->page) + pfrag->offset, at, n);
		get_page(pfrag->page);
		bvec_set_page(ktls_txq_end(q), pfrag->page, n, pfrag->offset);
		pfrag->offset += n;
		q->open++;
		at += n;
		left -= n;
	}
	q->sealed += q->open;
	q->open = 0;
	WRITE_ONCE(q->bytes, q->bytes + len);
	return ktls_tx_push(rl);

drop:
	ktls_txq_drop_open(q);
	return -ENOMEM;
}

/**
 * ktls_tx_give - give TCP the sealed records, with a hint whether there are more
 * @rl: the connection
 * @more: the program has more to come at once
 *
 * Context: process context, socket lock held.
 * Return: 0 or -EPIPE, as ktls_tx_push().
 */
int ktls_tx_give(struct ktls_rl *rl, bool more)
{
	sock_owned_by_me(rl->sk);
	return rl->flow->txq.bytes ? tx_give(rl, more ? MSG_MORE : 0) : 0;
}

/**
 * ktls_tx_free - drop what TCP has not taken, wipe what is not sealed
 * @rl: the connection; may be used again
 *
 * Context: socket lock held, or nobody else knows @rl any longer. Does not sleep.
 */
void ktls_tx_free(struct ktls_rl *rl)
{
	if (!rl->flow->txq.vec)
		return;
	ktls_txq_drop_open(&rl->flow->txq);
	ktls_txq_drop_sealed(&rl->flow->txq);
	ktls_txq_free(&rl->flow->txq);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_tx_free);
