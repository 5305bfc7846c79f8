// SPDX-License-Identifier: GPL-2.0
/* Reuse the pages in which records are sealed, and those in which they are opened.
 *
 * With init_on_alloc, which distributions enable, the allocator wipes each page, although
 * all of it is about to be written: a fortieth of the cost of sending a file of 1 MiB. So
 * each CPU keeps the last pages that were filled there, with a reference to each. A page
 * with no other reference can be used again. While the oldest page is still being sent,
 * more pages are kept, up to a limit.
 *
 * A record that is read piece by piece is opened into a buffer, which nobody needs any more
 * when the last piece was read. Each CPU keeps one: the next record has the same size, mostly.
 *
 * All that goes back to the allocator when it has not been used for a second or two, and when
 * memory is short.
 */
#include <kunit/visibility.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/shrinker.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <net/sock.h>

#include "record/pages.h"

enum pages_sizes {
	/* 8 MiB where pages have 4 KiB: about what one connection has under way where TCP's limits
	 * are the usual ones, 4 MiB to send (tcp_wmem) and 6 MiB received (tcp_rmem).
	 */
	PAGES_RING	= 256,
	/* Pages are freed when a ring was not used for so many milliseconds. */
	PAGES_IDLE_MS	= 1000,
};

/* What skb_page_frag_refill() allocates if possible. */
#define PAGES_SIZE	(PAGE_SIZE << SKB_FRAG_PAGE_ORDER)

/**
 * struct pages_ring - pages that a CPU keeps
 *
 * @lock: protects all other fields; the trimmer, and who looks for memory, may run on another
 *	CPU. The latter may hold anything, so nothing is allocated under it
 * @first: the oldest one
 * @n: how many there are
 * @busy: pages were kept since the trimmer ran; then it is going to run
 * @page: compound pages of PAGES_SIZE, with a reference to each
 * @buffer: of alloc_pages_exact(), or NULL
 * @buffer_size: its bytes
 * @buffer_busy: a buffer was kept since the trimmer ran; likewise
 */
struct pages_ring {
	spinlock_t	lock;	/* protects all below */
	unsigned int	first;
	unsigned int	n;
	bool		busy;
	struct page	*page[PAGES_RING];
	void		*buffer;
	size_t		buffer_size;
	bool		buffer_busy;
};

/* Too large for the memory that modules share for variables of each CPU. */
static struct pages_ring __percpu *pages_rings;
static struct shrinker *pages_shrinker;

static void pages_trim(struct work_struct *work);
static DECLARE_DELAYED_WORK(pages_trimmer, pages_trim);

static void pages_start_trimmer(void)
{
	schedule_delayed_work(&pages_trimmer, msecs_to_jiffies(PAGES_IDLE_MS));
}

static struct page *pages_pop(struct pages_ring *ring)
{
	struct page *page = ring->page[ring->first];

	ring->first = (ring->first + 1) % PAGES_RING;
	ring->n--;
	return page;
}

static void *pages_pop_buffer(struct pages_ring *ring, size_t *ret_size)
{
	void *buffer = ring->buffer;

	*ret_size = ring->buffer_size;
	ring->buffer = NULL;
	return buffer;
}

static unsigned long pages_count_ring(const struct pages_ring *ring)
{
	return READ_ONCE(ring->n) * (PAGES_SIZE / PAGE_SIZE) +
	       (READ_ONCE(ring->buffer) ? READ_ONCE(ring->buffer_size) / PAGE_SIZE : 0);
}

/* Returns how many pages are free now. */
static unsigned long pages_drop_buffer(struct pages_ring *ring)
{
	void *buffer;
	size_t size;

	spin_lock(&ring->lock);
	buffer = pages_pop_buffer(ring, &size);
	spin_unlock(&ring->lock);
	if (!buffer)
		return 0;
	free_pages_exact(buffer, size);
	return size / PAGE_SIZE;
}

/* The same for the oldest compound pages, at most @max of them. Those that are being sent are free
 * when TCP is done with them.
 */
static unsigned long pages_drop(struct pages_ring *ring, unsigned int max)
{
	unsigned long freed = 0;
	struct page *page;

	while (max--) {
		spin_lock(&ring->lock);
		page = ring->n ? pages_pop(ring) : NULL;
		spin_unlock(&ring->lock);
		if (!page)
			break;
		if (page_ref_count(page) == 1)
			freed += PAGES_SIZE / PAGE_SIZE;
		put_page(page);
	}
	return freed;
}

/* Returns whether there is something to look at again. */
static bool pages_trim_ring(struct pages_ring *ring)
{
	bool busy, buffer_busy;

	spin_lock(&ring->lock);
	busy = ring->busy;
	buffer_busy = ring->buffer_busy;
	ring->busy = false;
	ring->buffer_busy = false;
	spin_unlock(&ring->lock);
	if (!busy)
		pages_drop(ring, PAGES_RING);
	if (!buffer_busy)
		pages_drop_buffer(ring);
	return busy || buffer_busy;
}

/* Offline CPUs may have pages, too. */
static void pages_trim(struct work_struct *work)
{
	bool again = false;
	int cpu;

	for_each_possible_cpu(cpu) {
		again |= pages_trim_ring(per_cpu_ptr(pages_rings, cpu));
		cond_resched();
	}
	if (again)
		pages_start_trimmer();
}

static unsigned long pages_count(struct shrinker *shrinker, struct shrink_control *sc)
{
	unsigned long n = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		n += pages_count_ring(per_cpu_ptr(pages_rings, cpu));
	return n ?: SHRINK_EMPTY;
}

/**
 * ktls_pages_shrink - give pages back because memory is short
 * @max: how many are wanted; those that are being sent do not count
 *
 * Context: process context; may be called in the middle of any allocation. Does not sleep.
 * Return: how many pages are free now; others are when TCP has sent them.
 */
unsigned long ktls_pages_shrink(unsigned long max)
{
	const unsigned int compound = clamp_t(unsigned long, max / (PAGES_SIZE / PAGE_SIZE), 1,
					      PAGES_RING);
	unsigned long freed = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		if (freed >= max)
			break;
		freed += pages_drop_buffer(per_cpu_ptr(pages_rings, cpu));
		freed += pages_drop(per_cpu_ptr(pages_rings, cpu), compound);
	}
	return freed;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_pages_shrink);

static unsigned long pages_scan(struct shrinker *shrinker, struct shrink_control *sc)
{
	return ktls_pages_shrink(sc->nr_to_scan);
}

/* Put a page into the ring. Returns the oldest one if it has no other reference or the
 * ring was full, otherwise NULL.
 */
static struct page *pages_exchange(struct page *page)
{
	struct pages_ring *ring = raw_cpu_ptr(pages_rings);
	struct page *old = NULL;
	bool start;

	spin_lock(&ring->lock);
	start = !ring->busy;
	if (ring->n == PAGES_RING)
		old = pages_pop(ring);
	ring->page[(ring->first + ring->n) % PAGES_RING] = page;
	ring->n++;
	if (!old && page_ref_count(ring->page[ring->first]) == 1)
		old = pages_pop(ring);
	ring->busy = true;
	spin_unlock(&ring->lock);
	if (unlikely(start))
		pages_start_trimmer();
	return old;
}

static bool pages_may_keep(const struct page *page)
{
	return !page_is_pfmemalloc(page) && page_to_nid(page) == numa_mem_id();
}

/**
 * ktls_pages_refill - skb_page_frag_refill(), with pages that were used before
 * @size: contiguous bytes needed, if memory is not too fragmented
 * @pfrag: the fragment being filled; its page is replaced if it has no room
 * @gfp: how to allocate
 *
 * A reused page has old contents: sealed records, or data of a socket without TLS. It is
 * overwritten before it is sent.
 *
 * Context: process context; sleeps as @gfp allows.
 * Return: whether there is memory.
 */
bool ktls_pages_refill(unsigned int size, struct page_frag *pfrag, gfp_t gfp)
{
	struct page *old;

	if (likely(!pfrag->page || pfrag->offset + size <= pfrag->size ||
		   page_ref_count(pfrag->page) == 1 || pfrag->size != PAGES_SIZE ||
		   !pages_may_keep(pfrag->page)))
		return skb_page_frag_refill(size, pfrag, gfp);

	old = pages_exchange(pfrag->page);
	if (old && page_ref_count(old) == 1) {
		pfrag->page = old;
		pfrag->offset = 0;
		return true;
	}
	if (old)
		put_page(old);
	pfrag->page = NULL;
	return skb_page_frag_refill(size, pfrag, gfp);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_pages_refill);

/**
 * ktls_pages_take - a buffer that was used before
 * @size: bytes, whole pages
 *
 * It has old contents: what was opened in it, of another connection maybe. If the buffer of this
 * CPU has another size it is freed, so that one of this size may be kept.
 *
 * Context: process context. Does not sleep.
 * Return: the buffer, as from alloc_pages_exact(); or NULL.
 */
void *ktls_pages_take(size_t size)
{
	struct pages_ring *ring = raw_cpu_ptr(pages_rings);
	size_t old_size;
	void *buffer;

	spin_lock(&ring->lock);
	buffer = pages_pop_buffer(ring, &old_size);
	spin_unlock(&ring->lock);
	if (!buffer || likely(old_size == size))
		return buffer;
	free_pages_exact(buffer, old_size);
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_pages_take);

/**
 * ktls_pages_keep - done with a buffer
 * @buffer: of alloc_pages_exact() or ktls_pages_take(); nobody else refers to its pages, and no
 *	memory cgroup was charged for them
 * @size: bytes
 *
 * It is freed, if this CPU has one already, or when nobody has used it for a second or two; at
 * once where freed memory is to be wiped (init_on_free), because what was opened is in it.
 *
 * Context: process context. Does not sleep.
 */
void ktls_pages_keep(void *buffer, size_t size)
{
	struct pages_ring *ring = raw_cpu_ptr(pages_rings);
	const bool may_keep = pages_may_keep(virt_to_page(buffer)) && !want_init_on_free();
	bool keep, start = false;

	spin_lock(&ring->lock);
	keep = may_keep && !ring->buffer;
	if (keep) {
		ring->buffer = buffer;
		ring->buffer_size = size;
		start = !ring->buffer_busy;
		ring->buffer_busy = true;
	}
	spin_unlock(&ring->lock);
	if (!keep)
		free_pages_exact(buffer, size);
	else if (unlikely(start))
		pages_start_trimmer();
}
EXPORT_SYMBOL_IF_KUNIT(ktls_pages_keep);

/**
 * ktls_pages_init - empty rings
 *
 * Return: 0 or -ENOMEM.
 */
int __init ktls_pages_init(void)
{
	int cpu;

	pages_rings = alloc_percpu(struct pages_ring);
	if (!pages_rings)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		spin_lock_init(&per_cpu_ptr(pages_rings, cpu)->lock);

	pages_shrinker = shrinker_alloc(0, "ktls");
	if (!pages_shrinker) {
		free_percpu(pages_rings);
		return -ENOMEM;
	}
	pages_shrinker->count_objects = pages_count;
	pages_shrinker->scan_objects = pages_scan;
	shrinker_register(pages_shrinker);
	return 0;
}

/** ktls_pages_exit - free all pages; no socket is left that could send or receive */
void ktls_pages_exit(void)
{
	shrinker_free(pages_shrinker);
	cancel_delayed_work_sync(&pages_trimmer);
	ktls_pages_shrink(ULONG_MAX);
	free_percpu(pages_rings);
}
