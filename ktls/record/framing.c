// SPDX-License-Identifier: GPL-2.0
/*
 * From TCP's receive queue to whole records.
 *
 * Records are looked at where they lie, in TCP's queue, and TCP is told that
 * bytes were used at the end of a call, before the lock is dropped, and every
 * quarter of a receive buffer: its bookkeeping costs as much as a small record.
 *
 * Where a byte is, is computed from its sequence number for each skb: segments
 * may overlap after a retransmission. Urgent data are bytes like others; a
 * pointer to them must not take one out of a record.
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

/* What is known about TCP's queue was true while nobody else could change it. */
static void framing_forget(struct ktls_framing *f)
{
	f->skb = NULL;
	f->at_len = 0;
}

/**
 * ktls_framing_init - nothing was received yet
 * @rl: the connection
 *
 * Context: the socket lock is held, or nobody else knows @rl yet.
 */
void ktls_framing_init(struct ktls_rl *rl)
{
	struct ktls_framing *f = &rl->framing;

	framing_forget(f);
	f->eaten = 0;
	f->stopped = false;
	f->hdr.len = 0;
	WRITE_ONCE(f->need, KTLS_HEADER_SIZE);
}

/**
 * ktls_framing_free - drop and wipe what was taken from TCP and not used
 * @rl: the connection
 *
 * Context: socket lock held, or nobody else knows @rl any longer.
 */
void ktls_framing_free(struct ktls_rl *rl)
{
	struct ktls_framing *f = &rl->framing;

	kvfree(f->pulled);
	f->pulled = NULL;
	f->pulled_off = 0;
	f->pulled_len = 0;
	f->pulled_size = 0;
	framing_forget(f);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_framing_free);

/* Bytes in TCP's queue that were not used; a FIN has a number but is no byte. */
static u32 framing_queued(const struct ktls_rl *rl)
{
	const struct tcp_sock *tp = tcp_sk(rl->sk);
	u32 bytes = READ_ONCE(tp->rcv_nxt) - READ_ONCE(tp->copied_seq);

	if (bytes && sock_flag(rl->sk, SOCK_DONE))
		bytes--;
	return bytes - min(bytes, rl->framing.eaten);
}

/**
 * ktls_framing_avail - bytes received and not used
 * @rl: the connection
 *
 * Context: socket lock held.
 * Return: so many.
 */
u32 ktls_framing_avail(const struct ktls_rl *rl)
{
	return rl->framing.pulled_len + framing_queued(rl);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_framing_avail);

/**
 * ktls_framing_stalled - is the rest of a record more than TCP will take?
 * @rl: the connection
 *
 * Then the peer waits for room and we for its bytes: ktls_framing_relieve().
 *
 * Context: socket lock held, or softirq in a callback of the socket.
 * Return: whether it is.
 */
bool ktls_framing_stalled(const struct ktls_rl *rl)
{
	const struct tcp_sock *tp = tcp_sk(rl->sk);
	u32 bytes = READ_ONCE(tp->rcv_nxt) - READ_ONCE(tp->copied_seq);
	u32 need = READ_ONCE(rl->framing.need);

	if (!bytes || bytes >= need || READ_ONCE(rl->framing.stopped))
		return false;
	return need - bytes > tcp_receive_window(tp) || tcp_epollin_ready(rl->sk, INT_MAX);
}

/* The skb with the byte that is from bytes behind those used. */
static struct sk_buff *framing_seek(struct ktls_rl *rl, u32 from, u32 *off)
{
	const u32 seq = tcp_sk(rl->sk)->copied_seq + rl->framing.eaten + from;
	struct sk_buff_head *queue = &rl->sk->sk_receive_queue;
	struct sk_buff *skb = rl->framing.skb ?: skb_peek(queue);

	for (; skb; skb = skb_peek_next(skb, queue)) {
		*off = seq - TCP_SKB_CB(skb)->seq;
		if (*off < skb->len)
			return skb;
		/* Without a look ahead this skb is used up. */
		if (!from)
			rl->framing.skb = skb_peek_next(skb, queue);
	}
	return NULL;
}

/* The piece of one skb with the byte at off in it. Returns its length from there. */
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

/* Find where the next bytes are, so that small records cost no search each. */
static void framing_look(struct ktls_rl *rl)
{
	struct sk_buff *skb;
	u32 off;

	skb = framing_seek(rl, 0, &off);
	rl->framing.at_len = skb ? framing_piece(skb, off, &rl->framing.at) : 0;
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
	struct ktls_framing *f = &rl->framing;
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

/* Add a piece; one that goes on where the last one ended becomes part of it. */
static int framing_map_add(struct scatterlist *sg, unsigned int *n, unsigned int max,
			   struct page *page, u32 off, u32 len)
{
	struct scatterlist *last = *n ? &sg[*n - 1] : NULL;

	if (!page)
		return -EMSGSIZE;
	page += off >> PAGE_SHIFT;
	off = offset_in_page(off);
	if (last && compound_head(sg_page(last)) == compound_head(page) &&
	    page_to_phys(sg_page(last)) + last->offset + last->length ==
	    page_to_phys(page) + off) {
		last->length += len;
		return 0;
	}
	if (*n == max)
		return -EMSGSIZE;
	ktls_sg_put(&sg[(*n)++], page, len, off);
	return 0;
}

/*
 * Pieces of one skb. A list of skbs inside it is not worth the trouble. And a cipher may
 * read twice, to authenticate and to decrypt: what somebody can write to meanwhile,
 * which over loopback may be the page cache, is to be copied.
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
 * ktls_framing_map - received bytes as a scatterlist, where TCP has them
 * @rl: the connection
 * @from: skip so many
 * @len: how many; @from + @len are no more than ktls_framing_avail()
 * @sg: a table; entries are written whole, and the last one is not marked
 * @max: room in @sg
 *
 * The memory is only read: others may do so, too.
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
	if (rl->framing.pulled_len)
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
 * ktls_framing_eat - use received bytes
 * @rl: the connection
 * @len: how many, no more than ktls_framing_avail(); a record begins behind them
 *
 * Context: process context, socket lock held; ktls_framing_commit() is to follow.
 */
void ktls_framing_eat(struct ktls_rl *rl, u32 len)
{
	struct ktls_framing *f = &rl->framing;
	u32 n = min(len, f->pulled_len);

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

/* RFC 8446 5.1, 5.2 and RFC 5246 6.2.3, as far as it shows before decryption. */
static int framing_check_header(struct ktls_rl *rl, const u8 *at, struct ktls_framing_fault *fault)
{
	const bool is_13 = rl->rx.suite->version == KTLS_VERSION_1_3;
	const u32 len = get_unaligned_be16(at + 3);
	const u32 overhead = rl->rx.prefix_size - KTLS_HEADER_SIZE + rl->rx.tail_size;
	const u32 max = is_13 ? rl->rules->ciphertext13_max : KTLS_PAYLOAD_MAX + overhead;
	/* Of several faults, mainline reports the one of the length. */
	const int err = len > max ? EMSGSIZE : len < overhead ? EBADMSG : EINVAL;

	if (rl->rules->strict_types &&
	    (is_13 ? at[0] != KTLS_CT_DATA :
	     at[0] < KTLS_CT_CHANGE_CIPHER_SPEC || at[0] > KTLS_CT_DATA))
		return framing_set_fault(fault, KTLS_ALERT_UNEXPECTED_MESSAGE, err,
					 "the peer sent a record of a type that is not allowed now");
	if (get_unaligned_be16(at + 1) != KTLS_VERSION_1_2)
		return framing_set_fault(fault, KTLS_ALERT_PROTOCOL_VERSION, err,
					 "the peer sent a record of another version of TLS");
	if (len > max)
		return framing_set_fault(fault, KTLS_ALERT_RECORD_OVERFLOW, err,
					 "the peer sent a record that is too long");
	if (len < overhead)
		return framing_set_fault(fault, KTLS_ALERT_BAD_RECORD_MAC, err,
					 "the peer sent a record that is too short to be authentic");

	rl->framing.hdr.type = at[0];
	rl->framing.hdr.len = KTLS_HEADER_SIZE + len;
	rl->framing.hdr.crypt_len = KTLS_HEADER_SIZE + len - rl->rx.prefix_size;
	return 0;
}

/* Once, and then only the copy is looked at: the memory may change meanwhile. */
static int framing_copy_header(struct ktls_rl *rl, u8 at[KTLS_HEADER_SIZE])
{
	struct ktls_framing *f = &rl->framing;

	if (!f->pulled_len && f->at_len < KTLS_HEADER_SIZE)
		framing_look(rl);
	if (unlikely(f->pulled_len || f->at_len < KTLS_HEADER_SIZE))
		return ktls_framing_copy(rl, 0, at, KTLS_HEADER_SIZE);
	memcpy(at, f->at, KTLS_HEADER_SIZE);
	return 0;
}

/**
 * ktls_framing_next - is a whole record at the head of what was received?
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
	struct ktls_framing *f = &rl->framing;
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
	if (rl->rx.prefix_size > KTLS_HEADER_SIZE)
		return ktls_framing_copy(rl, KTLS_HEADER_SIZE, f->hdr.explicit,
					 KTLS_EXPLICIT_SIZE) ?: 1;
	return 1;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_framing_next);

/**
 * ktls_framing_stop - no record is to be found any more
 * @rl: the connection
 *
 * Context: process context, socket lock held.
 */
void ktls_framing_stop(struct ktls_rl *rl)
{
	sock_owned_by_me(rl->sk);
	WRITE_ONCE(rl->framing.stopped, true);
	WRITE_ONCE(rl->framing.need, U32_MAX);
}

/**
 * ktls_framing_commit - tell TCP what was used
 * @rl: the connection
 *
 * Comes before any drop of the lock and before anything that may process TCP's
 * backlog: afterwards nothing is remembered about its queue.
 *
 * Context: process context, socket lock held; may send an ACK.
 */
void ktls_framing_commit(struct ktls_rl *rl)
{
	struct ktls_framing *f = &rl->framing;
	u32 eaten = f->eaten;

	framing_forget(f);
	f->eaten = 0;
	if (eaten)
		tcp_read_done(rl->sk, eaten);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_framing_commit);

/**
 * ktls_framing_consume - the record at the head was opened
 * @rl: the connection
 *
 * Context: process context, socket lock held; may process TCP's backlog, so
 * what ktls_framing_map() gave is no longer valid.
 */
void ktls_framing_consume(struct ktls_rl *rl)
{
	struct ktls_framing *f = &rl->framing;
	struct sock *sk = rl->sk;

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
	struct ktls_framing *f = &rl->framing;
	u32 size;
	u8 *buf;

	if (f->pulled_off + f->pulled_len + room <= f->pulled_size)
		return 0;
	size = max_t(u32, KTLS_RECORD_MAX, f->pulled_len + room);
	buf = kvmalloc(size, GFP_KERNEL_ACCOUNT);
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
 * ktls_framing_relieve - take an incomplete record out of a queue that is full
 * @rl: the connection
 *
 * A receive buffer smaller than a record, or full of tiny segments, would never
 * hold the whole of it.
 *
 * Context: process context, socket lock held; nothing complete is at the head.
 * Return: 1 if bytes were moved, 0 if there was no need, -ENOMEM.
 */
int ktls_framing_relieve(struct ktls_rl *rl)
{
	struct ktls_framing *f = &rl->framing;
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
 * ktls_framing_unread - bytes that were taken too much are the next ones again
 * @rl: the connection
 * @records: what the helper did not consume of the last batch; copied
 * @len: bytes
 *
 * Context: process context, socket lock held.
 * Return: 0 or -ENOMEM.
 */
int ktls_framing_unread(struct ktls_rl *rl, const void *records, size_t len)
{
	struct ktls_framing *f = &rl->framing;
	u8 *buf;

	sock_owned_by_me(rl->sk);
	if (!len)
		return 0;
	buf = kvmalloc(len + f->pulled_len, GFP_KERNEL_ACCOUNT);
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
 * ktls_framing_discard - throw away all that was received
 * @rl: the connection
 *
 * Context: process context, socket lock held.
 */
void ktls_framing_discard(struct ktls_rl *rl)
{
	struct ktls_framing *f = &rl->framing;

	sock_owned_by_me(rl->sk);
	ktls_framing_free(rl);
	f->hdr.len = 0;
	f->eaten += framing_queued(rl);
	ktls_framing_commit(rl);
	WRITE_ONCE(f->need, 1);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_framing_discard);
