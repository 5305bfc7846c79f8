// SPDX-License-Identifier: GPL-2.0
/* The buffers in which records are opened. Between calls they have records that were
 * opened ahead, for MSG_PEEK, SO_RCVLOWAT or poll(). The peer chooses the size of its
 * records, so buffers are charged to the socket and its memory cgroup, small records share
 * a buffer, and SO_RCVBUF bounds their sum.
 */
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/uio.h>
#include <linux/vmalloc.h>
#include <kunit/visibility.h>
#include <net/sock.h>

#include "record/pages.h"
#include "record/rl.h"
#include "record/rx.h"
#include "record/rxbuf.h"
#include "record/sg.h"
#include "wire.h"

enum rxbuf_sizes {
	/* struct ktls_rxbuf, and associated data in front of the payload; the
	 * payload begins on a multiple of the ciphers' block.
	 */
	RXBUF_FRONT	= 64,
	RXBUF_BLOCK	= 16,
	/* For small records behind one that nobody has read yet. */
	RXBUF_PACK	= 4 * PAGE_SIZE - RXBUF_FRONT,
};

static_assert(sizeof(struct ktls_rxbuf) + KTLS_AAD_MAX <= RXBUF_FRONT);
static_assert(RXBUF_FRONT + KTLS_RX_GATHER_MAX <= PAGE_SIZE);

/**
 * ktls_rxbuf_init - start without opened records
 * @q: of a connection; has none
 *
 * Context: the socket lock is held, or nobody else knows @q yet.
 */
void ktls_rxbuf_init(struct ktls_opened *q)
{
	INIT_LIST_HEAD(&q->list);
}

/**
 * ktls_rxbuf_payload - where the unread bytes of an opened record are
 * @buf: the record
 *
 * Context: socket lock held.
 * Return: the first of them.
 */
u8 *ktls_rxbuf_payload(struct ktls_rxbuf *buf)
{
	return (u8 *)buf + RXBUF_FRONT + buf->off;
}

/**
 * ktls_rxbuf_page - the page of a byte of a buffer
 * @at: the byte
 *
 * Return: the page, which has a reference count of its own.
 */
struct page *ktls_rxbuf_page(const u8 *at)
{
	return is_vmalloc_addr(at) ? vmalloc_to_page(at) : virt_to_page(at);
}

/**
 * ktls_rxbuf_map - bytes of a buffer as a scatterlist
 * @at: the first byte
 * @len: how many
 * @sg: room for KTLS_RXBUF_PIECES entries; the last one is marked
 */
void ktls_rxbuf_map(const u8 *at, u32 len, struct scatterlist *sg)
{
	u32 step;

	if (likely(!is_vmalloc_addr(at))) {
		ktls_sg_one(sg, at, len);
		return;
	}
	for (;; sg++, at += step, len -= step) {
		step = min_t(u32, len, PAGE_SIZE - offset_in_page(at));
		ktls_sg_put(sg, vmalloc_to_page(at), step, offset_in_page(at));
		if (step == len)
			break;
	}
	sg_mark_end(sg);
}

/**
 * ktls_rxbuf_copy - copy bytes of a buffer to a reader
 * @at: the first byte
 * @len: how many
 * @iter: the reader's memory; advances if all of it is there
 *
 * Context: process context; may fault.
 * Return: whether it was; or nothing counts as copied.
 */
bool ktls_rxbuf_copy(const u8 *at, u32 len, struct iov_iter *iter)
{
	/* copy_to_iter() would look up each time whether it is an object of the slab. */
	const size_t n = _copy_to_iter(at, len, iter);

	if (likely(n == len))
		return true;
	iov_iter_revert(iter, n);
	return false;
}

static size_t rxbuf_truesize(const struct ktls_rxbuf *buf)
{
	return RXBUF_FRONT + buf->size;
}

/* Some kernels charge an accepted connection to the task that calls TCP's accept(). That is
 * a kworker, so the connection has no memory cgroup: charge the task that reads or polls, if it
 * has one.
 */
static gfp_t rxbuf_gfp(const struct sock *sk)
{
	gfp_t gfp = sk->sk_allocation;

#ifdef CONFIG_MEMCG
	if (!sk->sk_memcg) {
		const struct mem_cgroup *memcg;

		rcu_read_lock();
		memcg = mem_cgroup_from_task(current);
		if (memcg && memcg->css.parent)	/* all but the root */
			gfp |= __GFP_ACCOUNT;
		rcu_read_unlock();
	}
#endif
	return gfp;
}

/* As TCP charges what it receives. */
static bool rxbuf_charge(struct sock *sk, int size)
{
	const int missing = size - sk->sk_forward_alloc;

	if (missing > 0 && !__sk_mem_schedule(sk, missing, SK_MEM_RECV))
		return false;
	sk_mem_charge(sk, size);
	return true;
}

/* Do not try hard to get contiguous pages: memory may be fragmented. */
static void *rxbuf_alloc(size_t size, gfp_t gfp)
{
	void *at = gfp & __GFP_ACCOUNT ? NULL : ktls_pages_take(size);

	if (at)
		return at;
	if (size == PAGE_SIZE)
		return (void *)__get_free_page(gfp);
	at = alloc_pages_exact(size, gfp | __GFP_NOWARN | __GFP_NORETRY);
	return at ?: __vmalloc(size, gfp | __GFP_NOWARN);
}

static void rxbuf_free(struct ktls_rl *rl, struct ktls_rxbuf *buf)
{
	const size_t size = rxbuf_truesize(buf);

	if (buf->charged)
		sk_mem_uncharge(rl->sk, size);
	if (is_vmalloc_addr(buf))
		vfree(buf);
	else
		free_pages_exact(buf, size);
}

/* The same, but keep the pages, if any, for the next record of whomever. */
static void rxbuf_pass(struct ktls_rl *rl, struct ktls_rxbuf *buf)
{
	const size_t size = rxbuf_truesize(buf);

	if (buf->shared || buf->accounted || is_vmalloc_addr(buf)) {
		rxbuf_free(rl, buf);
		return;
	}
	if (buf->charged)
		sk_mem_uncharge(rl->sk, size);
	ktls_pages_keep(buf, size);
}

/**
 * ktls_rxbuf_get - a buffer for a record
 * @rl: the connection
 * @size: bytes of ciphertext with the tag
 *
 * A reader must make progress when memory is short, because reading frees memory. So the
 * first buffer is allocated even if it cannot be charged; one for a record that is opened
 * ahead is not.
 *
 * Context: process context, socket lock held; may sleep.
 * Return: the buffer, for ktls_rxbuf_queue() or ktls_rxbuf_put(); NULL.
 */
struct ktls_rxbuf *ktls_rxbuf_get(struct ktls_rl *rl, u32 size)
{
	struct ktls_opened *q = &rl->flow->opened;
	struct ktls_rxbuf *buf = q->spare;
	const bool ahead = q->size;
	struct sock *sk = rl->sk;
	size_t bytes;
	bool charged;
	gfp_t gfp;

	sock_owned_by_me(rl->sk);
	if (buf && likely(buf->size >= size)) {
		q->spare = NULL;
		buf->off = 0;
		return buf;
	}
	ktls_rxbuf_trim(rl);

	/* Room for more, unless that alone would reach the limit: ktls_rxbuf_is_full(). */
	if (ahead && rl->rules->pack && size <= KTLS_RX_GATHER_MAX &&
	    q->size + RXBUF_FRONT + RXBUF_PACK < READ_ONCE(sk->sk_rcvbuf))
		size = RXBUF_PACK;
	bytes = PAGE_ALIGN(RXBUF_FRONT + size);
	charged = rxbuf_charge(sk, bytes);
	if (!charged && ahead)
		return NULL;
	gfp = rxbuf_gfp(sk);
	buf = rxbuf_alloc(bytes, gfp);
	if (!buf) {
		if (charged)
			sk_mem_uncharge(sk, bytes);
		return NULL;
	}
	*buf = (struct ktls_rxbuf){
		.size = bytes - RXBUF_FRONT,
		.charged = charged,
		.accounted = gfp & __GFP_ACCOUNT,
	};
	return buf;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_rxbuf_get);

/**
 * ktls_rxbuf_put - release a buffer that is on no list
 * @rl: the connection
 * @buf: the buffer
 *
 * Context: process context, socket lock held.
 */
void ktls_rxbuf_put(struct ktls_rl *rl, struct ktls_rxbuf *buf)
{
	sock_owned_by_me(rl->sk);
	if (buf->shared || rl->flow->opened.spare)
		rxbuf_pass(rl, buf);
	else
		rl->flow->opened.spare = buf;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_rxbuf_put);

/* A processor's page that is borrowed again and again; NULL: somebody has it, or nobody has
 * needed one yet.
 */
static DEFINE_PER_CPU(struct ktls_rxbuf *, rxbuf_page);

/**
 * ktls_rxbuf_borrow - a buffer for a record that goes to the reader at once
 * @rl: the connection
 *
 * It has room for KTLS_RX_GATHER_MAX bytes. No memory cgroup is charged, because a thread has
 * at most one, and only as long as it takes to open the record and to copy it.
 *
 * Context: process context, socket lock held; may sleep.
 * Return: the buffer, for ktls_rxbuf_return(), or for ktls_rxbuf_queue() if there is no other;
 * NULL.
 */
struct ktls_rxbuf *ktls_rxbuf_borrow(struct ktls_rl *rl)
{
	struct ktls_rxbuf *buf;

	sock_owned_by_me(rl->sk);
	buf = this_cpu_xchg(rxbuf_page, NULL);
	if (likely(buf))
		return buf;
	buf = (void *)__get_free_page(rl->sk->sk_allocation);
	if (buf)
		*buf = (struct ktls_rxbuf){ .size = PAGE_SIZE - RXBUF_FRONT };
	return buf;
}

/**
 * ktls_rxbuf_return - give back what was borrowed
 * @buf: the buffer, on no list
 * @len: bytes of it that were written to; they are wiped
 *
 * Context: process context.
 */
void ktls_rxbuf_return(struct ktls_rxbuf *buf, u32 len)
{
	memzero_explicit(ktls_rxbuf_payload(buf), len);
	if (unlikely(this_cpu_cmpxchg(rxbuf_page, NULL, buf)))
		free_page((unsigned long)buf);
}

/** ktls_rxbuf_exit - free the pages of processors; no socket is left that could receive */
void ktls_rxbuf_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		free_page((unsigned long)per_cpu(rxbuf_page, cpu));
}

/**
 * ktls_rxbuf_find_room - is there room for a small record behind the last one opened?
 * @rl: the connection
 * @size: bytes of ciphertext with the tag
 * @ret_at: out: where; associated data fit in front
 *
 * There is none with ktls_rules.all_types, nor where a pipe may still read.
 *
 * Context: socket lock held.
 * Return: the buffer with the last one, for ktls_rxbuf_append(); or NULL.
 */
struct ktls_rxbuf *ktls_rxbuf_find_room(struct ktls_rl *rl, u32 size, u8 **ret_at)
{
	struct ktls_opened *q = &rl->flow->opened;
	struct ktls_rxbuf *buf;
	u32 at;

	sock_owned_by_me(rl->sk);
	if (likely(!q->len) || !rl->rules->pack)
		return NULL;
	buf = list_last_entry(&q->list, struct ktls_rxbuf, node);
	at = ALIGN(buf->off + buf->len + rl->flow->rx.aad_size, RXBUF_BLOCK);
	if (buf->shared || at + size > buf->size)
		return NULL;
	*ret_at = (u8 *)buf + RXBUF_FRONT + at;
	return buf;
}

/**
 * ktls_rxbuf_append - add a record that was opened in room of ktls_rxbuf_find_room()
 * @rl: the connection
 * @buf: the buffer
 * @at: where its application data are
 * @len: bytes, not 0
 *
 * Context: socket lock held.
 */
void ktls_rxbuf_append(struct ktls_rl *rl, struct ktls_rxbuf *buf, const u8 *at, u32 len)
{
	struct ktls_opened *q = &rl->flow->opened;

	sock_owned_by_me(rl->sk);
	memmove(ktls_rxbuf_payload(buf) + buf->len, at, len);
	buf->len += len;
	WRITE_ONCE(q->len, q->len + len);
}

/**
 * ktls_rxbuf_queue - queue an opened record for the program
 * @rl: the connection
 * @buf: the buffer it is alone in
 * @type: content type
 * @len: bytes
 *
 * Context: socket lock held.
 */
void ktls_rxbuf_queue(struct ktls_rl *rl, struct ktls_rxbuf *buf, u8 type, u32 len)
{
	struct ktls_opened *q = &rl->flow->opened;

	sock_owned_by_me(rl->sk);
	buf->len = len;
	buf->type = type;
	list_add_tail(&buf->node, &q->list);
	WRITE_ONCE(q->len, q->len + len);
	WRITE_ONCE(q->size, q->size + rxbuf_truesize(buf));
	if (type != KTLS_CT_DATA)
		WRITE_ONCE(q->control, q->control + 1);
}

/* Take it off the list. */
static void rxbuf_unqueue(struct ktls_opened *q, struct ktls_rxbuf *buf)
{
	list_del(&buf->node);
	WRITE_ONCE(q->size, q->size - rxbuf_truesize(buf));
	if (buf->type != KTLS_CT_DATA)
		WRITE_ONCE(q->control, q->control - 1);
}

/**
 * ktls_rxbuf_advance - remove bytes of an opened record
 * @rl: the connection
 * @buf: the record, on ktls_opened.list; freed when all of it was read
 * @len: how many
 *
 * Context: process context, socket lock held.
 */
void ktls_rxbuf_advance(struct ktls_rl *rl, struct ktls_rxbuf *buf, u32 len)
{
	sock_owned_by_me(rl->sk);
	buf->off += len;
	buf->len -= len;
	WRITE_ONCE(rl->flow->opened.len, rl->flow->opened.len - len);
	if (buf->len)
		return;
	rxbuf_unqueue(&rl->flow->opened, buf);
	ktls_rxbuf_put(rl, buf);
}

/**
 * ktls_rxbuf_is_full - is the limit of records opened ahead reached?
 * @rl: the connection
 *
 * One record is always allowed.
 *
 * Context: socket lock held, or not: then the answer may be outdated at once.
 * Return: whether it is.
 */
bool ktls_rxbuf_is_full(const struct ktls_rl *rl)
{
	return READ_ONCE(rl->flow->opened.size) >= READ_ONCE(rl->sk->sk_rcvbuf);
}

/**
 * ktls_rxbuf_trim - give the spare buffer away
 * @rl: the connection
 *
 * Context: process context, socket lock held; at the end of a call and before any wait.
 */
void ktls_rxbuf_trim(struct ktls_rl *rl)
{
	struct ktls_opened *q = &rl->flow->opened;

	sock_owned_by_me(rl->sk);
	if (!q->spare)
		return;
	rxbuf_pass(rl, q->spare);
	q->spare = NULL;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_rxbuf_trim);

/**
 * ktls_rxbuf_free - wipe and free opened records
 * @rl: the connection; may be used again
 *
 * Context: socket lock held, or nobody else knows @rl any longer. Does not sleep.
 */
void ktls_rxbuf_free(struct ktls_rl *rl)
{
	struct ktls_opened *q = &rl->flow->opened;
	struct ktls_rxbuf *buf, *next;

	list_for_each_entry_safe(buf, next, &q->list, node) {
		rxbuf_unqueue(q, buf);
		if (!buf->shared)
			memzero_explicit(ktls_rxbuf_payload(buf), buf->size - buf->off);
		rxbuf_free(rl, buf);
	}
	WRITE_ONCE(q->len, 0);
	if (q->spare)
		rxbuf_free(rl, q->spare);
	q->spare = NULL;
}
