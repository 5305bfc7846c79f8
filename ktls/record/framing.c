// SPDX-License-Identifier: GPL-2.0
/* Find whole records in TCP's receive queue.
 *
 * Records are read where they are, in TCP's queue. TCP learns which bytes were used
 * (ktls_framing_commit()) at the end of a call, before the lock is dropped, and every
 * quarter of a receive buffer: its bookkeeping costs as much as a small record.
 *
 * The position of a byte in an skb is computed from its sequence number, because
 * segments may overlap after a retransmission. Urgent data are bytes like others; an
 * urgent pointer must not remove one from a record.
 */
#include <linux/mm.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/unaligned.h>
#include <kunit/visibility.h>
#include <net/tcp.h>

#include "record/framing.h"
#include "record/rl.h"
#include "record/rx.h"
#include "record/sg.h"
#include "suite.h"
#include "wire.h"

/* Positions in TCP's queue are valid only as long as nothing else changes it. */
static void framing_forget(struct ktls_framing *f)
{
	f->skb = NULL;
	f->at_len = 0;
}

/**
 * ktls_framing_init - start without received bytes
 * @f: of a connection; owns no bytes
 *
 * Context: the socket lock is held, or nobody else knows @f yet.
 */
void ktls_framing_init(struct ktls_framing *f)
{
	framing_forget(f);
	f->eaten = 0;
	f->stopped = false;
	f->hdr.len = 0;
	WRITE_ONCE(f->need, KTLS_HEADER_SIZE);
}

/**
 * ktls_framing_free - free bytes that were pulled and not used
 * @rl: the connection
 *
 * Context: socket lock held, or nobody else knows @rl any longer.
 */
void ktls_framing_free(struct ktls_rl *rl)
{
	struct ktls_framing *f = &rl->flow->framing;

	kvfree(f->pulled);
	f->pulled = NULL;
	f->pulled_off = 0;
	f->pulled_len = 0;
	f->pulled_size = 0;
	framing_forget(f);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_framing_free);

/* Unused bytes in TCP's queue. A FIN has a sequence number but is no byte. */
static u32 framing_queued(const struct ktls_rl *rl)
{
	const struct tcp_sock *tp = tcp_sk(rl->sk);
	u32 bytes = READ_ONCE(tp->rcv_nxt) - READ_ONCE(tp->copied_seq);

	if (bytes && sock_flag(rl->sk, SOCK_DONE))
		bytes--;
	return bytes - min(bytes, rl->flow->framing.eaten);
}

/**
 * ktls_framing_avail - bytes received and not used
 * @rl: the connection
 *
 * Context: socket lock held.
 * Return: how many.
 */
u32 ktls_framing_avail(const struct ktls_rl *rl)
{
	sock_owned_by_me(rl->sk);
	return rl->flow->framing.pulled_len + framing_queued(rl);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_framing_avail);

/**
 * ktls_framing_stalled - has TCP no room for the rest of a record?
 * @rl: the connection
 *
 * Then the peer waits for room, and the reader for bytes, until ktls_framing_relieve().
 *
 * Context: socket lock held, or softirq in a callback of the socket.
 * Return: whether it is.
 */
bool ktls_framing_stalled(const struct ktls_rl *rl)
{
	const struct tcp_sock *tp = tcp_sk(rl->sk);
	u32 bytes = READ_ONCE(tp->rcv_nxt) - READ_ONCE(tp->copied_seq);
	u32 need = READ_ONCE(rl->flow->framing.need);

	if (!bytes || bytes >= need || READ_ONCE(rl->flow->framing.stopped))
		return false;
	return need - bytes > tcp_receive_window(tp) || tcp_epollin_ready(rl->sk, INT_MAX);
}

/* Find the skb with the byte at offset @from of the unused ones. */
static struct sk_buff *framing_seek(struct ktls_rl *rl, u32 from, u32 *off)
{
	const u32 seq = tcp_sk(rl->sk)->copied_seq + rl->flow->framing.eaten + from;
	struct sk_buff_head *queue = &rl->sk->sk_receive_queue;
	struct sk_buff *skb = rl->flow->framing.skb ?: skb_peek(queue);

	for (; skb; skb = skb_peek_next(skb, queue)) {
		*off = seq - TCP_SKB_CB(skb)->seq;
		if (*off < skb->len)
			return skb;
		/* All bytes of this skb are used. */
		if (!from)
			rl->flow->framing.skb = skb_peek_next(skb, queue);
	}
	return NULL;
}

/* Find the linear part or the fragment with the byte at @off. Returns its length from
 * there, 0 if it cannot be mapped.
 */
static u32 framing_piece(const struct sk_buff *skb, u32 off, const u8 **at)
{
	const struct skb_shared_info *info = skb_shinfo(skb);
	const skb_frag_t *frag = info->frags;

	if (off < skb_headlen(skb)) {
		*at = skb->data + off;
		return skb_headlen(skb) - off;
	}
	off -= skb_headlen(skb);
	for (; frag < &info->frags[info->nr_frags]; frag++) {
		if (off < skb_frag_size(frag)) {
			if (!skb_frag_page(frag) || PageHighMem(skb_frag_page(frag)))
				return 0;
			*at = skb_frag_address(frag) + off;
			return skb_frag_size(frag) - off;
		}
		off -= skb_frag_size(frag);
	}
	return 0;
}

/* Remember where the next bytes are, so that small records need no search each. */
static void framing_look(struct ktls_rl *rl)
{
	struct sk_buff *skb;
	u32 off;

	skb = framing_seek(rl, 0, &off);
	rl->flow->framing.at_len = skb ? framing_piece(skb, off, &rl->flow->framing.at) : 0;
}

/**
 * ktls_framing_copy - copy received bytes without using them
 * @rl: the connection
 * @from: skip so many
 * @to: where to
 * @len: how many; @from + @len are no more than ktls_framing_avail()
 *
 * Context: socket lock held.
 * Return: 0, or -EFAULT if TCP's queue does not have or does not show them.
 */
int ktls_framing_copy(struct ktls_rl *rl, u32 from, void *to, u32 len)
{
	struct ktls_framing *f = &rl->flow->framing;
	struct sk_buff *skb;
	u32 off, n;

	sock_owned_by_me(rl->sk);
	if (likely(from + len <= f->at_len && !f->pulled_len)) {
		memcpy(to, f->at + from, len);
		return 0;
	}
	if (from < f->pulled_len) {
		n = min(len, f->pulled_len - from);
		memcpy(to, f->pulled + f->pulled_off + from, n);
		from += n;
		to += n;
		len -= n;
	}
	from -= min(from, f->pulled_len);
	while (len) {
		skb = framing_seek(rl, from, &off);
		if (unlikely(!skb))
			return -EFAULT;
		n = min(len, skb->len - off);
		if (unlikely(skb_copy_bits(skb, off, to, n)))
			return -EFAULT;
		from += n;
		to += n;
		len -= n;
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_framing_copy);

/* Do these bytes lie behind those of @last, in the same compound page? */
static bool framing_is_behind(struct scatterlist *last, struct page *page, u32 off)
{
	const u32 end = last->offset + last->length;

	return off == offset_in_page(end) && page == sg_page(last) + (end >> PAGE_SHIFT) &&
	       compound_head(page) == compound_head(sg_page(last));
}

/* Add a piece; merge it with the last one if they are adjacent. */
static int framing_map_add(struct scatterlist *sg, unsigned int *n, unsigned int max,
			   struct page *page, u32 off, u32 len)
{
	if (!page)
		return -EMSGSIZE;
	page += off >> PAGE_SHIFT;
	off = offset_in_page(off);
	if (*n && framing_is_behind(&sg[*n - 1], page, off)) {
		sg[*n - 1].length += len;
		return 0;
	}
	if (*n == max)
		return -EMSGSIZE;
	ktls_sg_put(&sg[(*n)++], page, len, off);
	return 0;
}

/* Map the pieces of one skb. A frag_list is not supported. A cipher may read twice, to
 * authenticate and to decrypt, so fragments that others can write to must be copied; over
 * loopback they may be pages of the page cache.
 */
static int framing_map_skb(struct sk_buff *skb, u32 off, u32 len, struct scatterlist *sg,
			   unsigned int *n, unsigned int max)
{
	const struct skb_shared_info *info = skb_shinfo(skb);
	u32 linear = skb_headlen(skb), size, step;
	const skb_frag_t *frag;
	unsigned int i;
	int err;

	if (unlikely(skb_has_shared_frag(skb)))
		return -EMSGSIZE;
	if (off < linear) {
		step = min(len, linear - off);
		err = framing_map_add(sg, n, max, virt_to_page(skb->data + off),
				      offset_in_page(skb->data + off), step);
		if (err)
			return err;
		off += step;
		len -= step;
	}
	off -= linear;
	for (i = 0; len && i < info->nr_frags; i++) {
		frag = &info->frags[i];
		size = skb_frag_size(frag);
		if (off >= size) {
			off -= size;
			continue;
		}
		step = min(len, size - off);
		err = framing_map_add(sg, n, max, skb_frag_page(frag),
				      skb_frag_off(frag) + off, step);
		if (err)
			return err;
		off = 0;
		len -= step;
	}
	return len ? -EMSGSIZE : 0;
}

/**
 * ktls_framing_map - map received bytes in TCP's queue into a scatterlist
 * @rl: the connection
 * @from: skip so many
 * @len: how many; @from + @len are no more than ktls_framing_avail()
 * @sg: a table; entries are written whole, and the last one is not marked
 * @max: room in @sg
 *
 * The memory must not be written to: others may read it.
 *
 * Context: socket lock held; valid until ktls_framing_commit().
 * Return: entries used, or -EMSGSIZE: copy instead.
 */
int ktls_framing_map(struct ktls_rl *rl, u32 from, u32 len, struct scatterlist *sg,
		     unsigned int max)
{
	struct sk_buff *skb;
	unsigned int n = 0;
	u32 off, step;
	int err;

	sock_owned_by_me(rl->sk);
	if (rl->flow->framing.pulled_len)
		return -EMSGSIZE;
	while (len) {
		skb = framing_seek(rl, from, &off);
		if (!skb)
			return -EMSGSIZE;
		step = min(len, skb->len - off);
		err = framing_map_skb(skb, off, step, sg, &n, max);
		if (err)
			return err;
		from += step;
		len -= step;
	}
	return n;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_framing_map);

/**
 * ktls_framing_eat - mark received bytes as used
 * @rl: the connection
 * @len: how many, no more than ktls_framing_avail(); the next record begins behind them
 *
 * Context: process context, socket lock held; ktls_framing_commit() is to follow.
 */
void ktls_framing_eat(struct ktls_rl *rl, u32 len)
{
	struct ktls_framing *f = &rl->flow->framing;
	u32 n = min(len, f->pulled_len);

	sock_owned_by_me(rl->sk);
	f->pulled_off += n;
	f->pulled_len -= n;
	len -= n;
	f->eaten += len;
	f->at += min(len, f->at_len);
	f->at_len -= min(len, f->at_len);
	if (n && !f->pulled_len)
		f->pulled_off = 0;
	WRITE_ONCE(f->need, KTLS_HEADER_SIZE - min_t(u32, f->pulled_len, KTLS_HEADER_SIZE - 1));
}

static int framing_set_fault(struct ktls_framing_fault *fault, u8 alert, int err,
			     const char *reason)
{
	*fault = (struct ktls_framing_fault){ .alert = alert, .err = err, .reason = reason };
	return -EPROTO;
}

/* RFC 8446 5.1, 5.2 and RFC 5246 6.2.3: what can be checked before decryption. */
static int framing_check_header(struct ktls_rl *rl, const u8 *at, struct ktls_framing_fault *fault)
{
	const bool is_13 = rl->flow->rx.suite->version == KTLS_TLS_1_3;
	const u32 len = get_unaligned_be16(at + 3);
	const u32 overhead = rl->flow->rx.prefix_size - KTLS_HEADER_SIZE + rl->flow->rx.tail_size;
	const u32 max = is_13 ? rl->rules->ciphertext13_max : KTLS_PAYLOAD_MAX + overhead;
	/* Among several faults, mainline reports that of the length. */
	const int err = len > max ? EMSGSIZE : len < overhead ? EBADMSG : EINVAL;

	if (rl->rules->strict_types &&
	    (is_13 ? at[0] != KTLS_CT_DATA :
	     at[0] < KTLS_CT_CHANGE_CIPHER_SPEC || at[0] > KTLS_CT_DATA))
		return framing_set_fault(fault, KTLS_ALERT_UNEXPECTED_MESSAGE, err,
					 "the peer sent a record of a type that is not allowed now");
	if (get_unaligned_be16(at + 1) != KTLS_TLS_1_2)
		return framing_set_fault(fault, KTLS_ALERT_PROTOCOL_VERSION, err,
					 "the peer sent a record of another version of TLS");
	if (len > max)
		return framing_set_fault(fault, KTLS_ALERT_RECORD_OVERFLOW, err,
					 "the peer sent a record that is too long");
	if (len < overhead)
		return framing_set_fault(fault, KTLS_ALERT_BAD_RECORD_MAC, err,
					 "the peer sent a record that is too short to be authentic");

	rl->flow->framing.hdr.type = at[0];
	rl->flow->framing.hdr.len = KTLS_HEADER_SIZE + len;
	rl->flow->framing.hdr.crypt_len = KTLS_HEADER_SIZE + len - rl->flow->rx.prefix_size;
	return 0;
}

/* Only the copy is parsed: the memory may change meanwhile. */
static int framing_copy_header(struct ktls_rl *rl, u8 at[KTLS_HEADER_SIZE])
{
	struct ktls_framing *f = &rl->flow->framing;

	if (!f->pulled_len && f->at_len < KTLS_HEADER_SIZE)
		framing_look(rl);
	if (unlikely(f->pulled_len || f->at_len < KTLS_HEADER_SIZE))
		return ktls_framing_copy(rl, 0, at, KTLS_HEADER_SIZE);
	memcpy(at, f->at, KTLS_HEADER_SIZE);
	return 0;
}

/**
 * ktls_framing_next - is the next record complete?
 * @rl: an open connection with receiving keys
 * @fault: out: what is wrong with the header, for -EPROTO
 *
 * The header is checked as soon as it is complete, and ktls_framing.hdr is filled in;
 * until the record is whole, ktls_framing.need is what to wait for.
 *
 * Context: process context, socket lock held.
 * Return: 1 yes, 0 not yet, -EPROTO: the header is invalid, -EFAULT.
 */
int ktls_framing_next(struct ktls_rl *rl, struct ktls_framing_fault *fault)
{
	const u32 avail = ktls_framing_avail(rl);
	struct ktls_framing *f = &rl->flow->framing;
	u8 at[KTLS_HEADER_SIZE];
	int err;

	sock_owned_by_me(rl->sk);
	if (!f->hdr.len) {
		if (avail < KTLS_HEADER_SIZE) {
			WRITE_ONCE(f->need, KTLS_HEADER_SIZE - f->pulled_len);
			return 0;
		}
		err = framing_copy_header(rl, at);
		if (!err)
			err = framing_check_header(rl, at, fault);
		if (unlikely(err))
			return err;
	}
	if (avail < f->hdr.len) {
		WRITE_ONCE(f->need, f->hdr.len - f->pulled_len);
		return 0;
	}
	if (rl->flow->rx.prefix_size > KTLS_HEADER_SIZE)
		return ktls_framing_copy(rl, KTLS_HEADER_SIZE, f->hdr.explicit,
					 KTLS_EXPLICIT_SIZE) ?: 1;
	return 1;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_framing_next);

/**
 * ktls_framing_stop - find no more records
 * @rl: the connection
 *
 * Context: process context, socket lock held.
 */
void ktls_framing_stop(struct ktls_rl *rl)
{
	sock_owned_by_me(rl->sk);
	WRITE_ONCE(rl->flow->framing.stopped, true);
	WRITE_ONCE(rl->flow->framing.need, U32_MAX);
}

/**
 * ktls_framing_commit - remove used bytes from TCP's queue
 * @rl: the connection
 *
 * Must be called before the lock is dropped and before anything that may process
 * TCP's backlog. Positions in TCP's queue are invalid afterwards.
 *
 * Context: process context, socket lock held; may send an ACK.
 */
void ktls_framing_commit(struct ktls_rl *rl)
{
	struct ktls_framing *f = &rl->flow->framing;
	u32 eaten = f->eaten;

	sock_owned_by_me(rl->sk);
	framing_forget(f);
	f->eaten = 0;
	if (eaten)
		tcp_read_done(rl->sk, eaten);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_framing_commit);

/**
 * ktls_framing_consume - mark the next record as used
 * @rl: the connection
 *
 * Context: process context, socket lock held; may process TCP's backlog, so
 * what ktls_framing_map() returned is no longer valid.
 */
void ktls_framing_consume(struct ktls_rl *rl)
{
	struct ktls_framing *f = &rl->flow->framing;
	struct sock *sk = rl->sk;

	sock_owned_by_me(rl->sk);
	ktls_framing_eat(rl, f->hdr.len);
	f->hdr.len = 0;
	if (f->pulled_size && !f->pulled_len)
		ktls_framing_free(rl);
	if (f->eaten > READ_ONCE(sk->sk_rcvbuf) >> 2) {
		ktls_framing_commit(rl);
		sk_flush_backlog(sk);
	}
}
EXPORT_SYMBOL_IF_KUNIT(ktls_framing_consume);

/* Make room behind the pulled bytes for @room more. */
static int framing_make_room(struct ktls_rl *rl, u32 room)
{
	struct ktls_framing *f = &rl->flow->framing;
	u32 size;
	u8 *buf;

	if (f->pulled_off + f->pulled_len + room <= f->pulled_size)
		return 0;
	size = max_t(u32, KTLS_RECORD_MAX, f->pulled_len + room);
	buf = ktls_rl_zalloc(rl, size);
	if (!buf)
		return -ENOMEM;
	if (f->pulled_len)
		memcpy(buf, f->pulled + f->pulled_off, f->pulled_len);
	kvfree(f->pulled);
	f->pulled = buf;
	f->pulled_off = 0;
	f->pulled_size = size;
	return 0;
}

/**
 * ktls_framing_relieve - pull an incomplete record out of a full receive queue
 * @rl: the connection
 *
 * A receive buffer that is smaller than a record, or full of tiny segments, would never
 * have all of it.
 *
 * Context: process context, socket lock held; the next record is incomplete.
 * Return: 1 if bytes were moved, 0 if there was no need, -ENOMEM.
 */
int ktls_framing_relieve(struct ktls_rl *rl)
{
	struct ktls_framing *f = &rl->flow->framing;
	u32 queued;
	int err;

	sock_owned_by_me(rl->sk);
	ktls_framing_commit(rl);
	if (!ktls_framing_stalled(rl))
		return 0;

	queued = framing_queued(rl);
	err = framing_make_room(rl, queued);
	if (err)
		return err;
	if (ktls_framing_copy(rl, f->pulled_len, f->pulled + f->pulled_off + f->pulled_len, queued))
		return 0;
	f->pulled_len += queued;
	WRITE_ONCE(f->need, f->need - min(queued, f->need - 1));
	f->eaten = queued;
	ktls_framing_commit(rl);
	return 1;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_framing_relieve);

/**
 * ktls_framing_unread - put bytes back in front of those received
 * @rl: the connection
 * @records: the bytes; copied
 * @len: bytes
 *
 * Context: process context, socket lock held.
 * Return: 0 or -ENOMEM.
 */
int ktls_framing_unread(struct ktls_rl *rl, const void *records, size_t len)
{
	struct ktls_framing *f = &rl->flow->framing;
	u8 *buf;

	sock_owned_by_me(rl->sk);
	if (!len)
		return 0;
	buf = ktls_rl_zalloc(rl, len + f->pulled_len);
	if (!buf)
		return -ENOMEM;
	memcpy(buf, records, len);
	if (f->pulled_len)
		memcpy(buf + len, f->pulled + f->pulled_off, f->pulled_len);
	kvfree(f->pulled);
	f->pulled = buf;
	f->pulled_off = 0;
	f->pulled_len += len;
	f->pulled_size = f->pulled_len;
	f->hdr.len = 0;
	WRITE_ONCE(f->need, 1);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_framing_unread);

/**
 * ktls_framing_discard - discard all that was received
 * @rl: the connection
 *
 * Context: process context, socket lock held.
 */
void ktls_framing_discard(struct ktls_rl *rl)
{
	struct ktls_framing *f = &rl->flow->framing;

	sock_owned_by_me(rl->sk);
	ktls_framing_free(rl);
	f->hdr.len = 0;
	f->eaten += framing_queued(rl);
	ktls_framing_commit(rl);
	WRITE_ONCE(f->need, 1);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_framing_discard);
