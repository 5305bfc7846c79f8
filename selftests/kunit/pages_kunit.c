// SPDX-License-Identifier: GPL-2.0
/* What a CPU keeps for the next records. The buffer: given out once, for its own size, and freed
 * when nobody wants it. The pages: used again when nobody else refers to them. Both: freed when
 * memory is short.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <net/sock.h>

#include "record/pages.h"
#include "record/rl.h"
#include "record/rxbuf.h"

#include "common.h"

#define PAGES_SMALL	PAGE_SIZE
#define PAGES_LARGE	(5 * PAGE_SIZE)	/* of a record of 16 KiB, or 16 KiB and 256 bytes */
#define PAGES_RING	256		/* compound pages, at most */

/* Keep a buffer on this CPU, to which the caller is bound. Returns whether it was freed at once. */
static bool pages_keep(struct kunit *test, size_t size)
{
	void *buffer = alloc_pages_exact(size, GFP_KERNEL);
	struct page *page;
	bool freed;

	KUNIT_EXPECT_NOT_NULL(test, buffer);
	if (!buffer)
		return true;
	page = virt_to_page(buffer);
	get_page(page);
	ktls_pages_keep(buffer, size);
	freed = page_ref_count(page) == 1;
	put_page(page);
	return freed;
}

/* It is given out once. Whatever comes is the caller's, to free. */
static bool pages_is_there(struct kunit *test, size_t size)
{
	void *buffer = ktls_pages_take(size);

	KUNIT_EXPECT_NULL(test, ktls_pages_take(size));
	if (!buffer)
		return false;
	memset(buffer, 1, size);
	free_pages_exact(buffer, size);
	return true;
}

static void pages_begin(void)
{
	migrate_disable();
	ktls_pages_shrink(ULONG_MAX);
}

static void pages_once_test(struct kunit *test)
{
	pages_begin();
	KUNIT_EXPECT_FALSE(test, pages_keep(test, PAGES_LARGE));
	KUNIT_EXPECT_TRUE(test, pages_keep(test, PAGES_LARGE));
	KUNIT_EXPECT_TRUE(test, pages_is_there(test, PAGES_LARGE));
	KUNIT_EXPECT_FALSE(test, pages_is_there(test, PAGES_LARGE));
	migrate_enable();
}

static void pages_size_test(struct kunit *test)
{
	pages_begin();
	KUNIT_EXPECT_FALSE(test, pages_keep(test, PAGES_LARGE));
	KUNIT_EXPECT_FALSE(test, pages_is_there(test, PAGES_SMALL));
	/* There is room for this one then. */
	KUNIT_EXPECT_FALSE(test, pages_keep(test, PAGES_SMALL));
	KUNIT_EXPECT_TRUE(test, pages_is_there(test, PAGES_SMALL));
	migrate_enable();
}

/* A second or two later it is gone; the trimmer may be late on a busy machine. */
static void pages_idle_test(struct kunit *test)
{
	unsigned int tries = 10;
	bool there;

	do {
		pages_begin();
		pages_keep(test, PAGES_LARGE);
		msleep(4000);
		there = pages_is_there(test, PAGES_LARGE);
		migrate_enable();
	} while (there && --tries);
	KUNIT_EXPECT_FALSE(test, there);
}

/* Fill the page of @pfrag, which then is being sent; it is returned. */
static struct page *pages_fill(struct kunit *test, struct page_frag *pfrag)
{
	KUNIT_EXPECT_TRUE(test, ktls_pages_refill(PAGE_SIZE, pfrag, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, pfrag->offset, 0);
	KUNIT_EXPECT_EQ(test, pfrag->size, PAGE_SIZE << SKB_FRAG_PAGE_ORDER);
	pfrag->offset = pfrag->size;
	get_page(pfrag->page);
	return pfrag->page;
}

static void pages_ring_test(struct kunit *test)
{
	struct page_frag pfrag = {};
	struct page *page[4];
	unsigned int i;

	pages_begin();
	for (i = 0; i < ARRAY_SIZE(page); i++)
		page[i] = pages_fill(test, &pfrag);
	/* The first one was still being sent when the others were filled, but not any longer. */
	put_page(page[0]);
	KUNIT_EXPECT_TRUE(test, ktls_pages_refill(PAGE_SIZE, &pfrag, GFP_KERNEL));
	KUNIT_EXPECT_PTR_EQ(test, pfrag.page, page[0]);
	put_page(pfrag.page);
	/* One of three in the ring is not being sent. */
	put_page(page[2]);
	KUNIT_EXPECT_EQ(test, ktls_pages_shrink(ULONG_MAX), 1 << SKB_FRAG_PAGE_ORDER);
	KUNIT_EXPECT_EQ(test, ktls_pages_shrink(ULONG_MAX), 0);
	KUNIT_EXPECT_EQ(test, page_ref_count(page[1]), 1);
	KUNIT_EXPECT_EQ(test, page_ref_count(page[3]), 1);
	put_page(page[1]);
	put_page(page[3]);
	migrate_enable();
}

/* More pages are under way than the ring has room for: the oldest ones are given up. */
static void pages_full_test(struct kunit *test)
{
	const unsigned int more = PAGES_RING + 44;
	struct page_frag pfrag = {};
	struct page **page;
	unsigned int i, kept = 0;

	page = kunit_kcalloc(test, more, sizeof(*page), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, page);
	pages_begin();
	for (i = 0; i < more; i++)
		page[i] = pages_fill(test, &pfrag);
	put_page(pfrag.page);
	for (i = 0; i < more; i++) {
		kept += page_ref_count(page[i]) == 2;
		/* The last was not given to the ring, and of the others it has the newest. */
		KUNIT_EXPECT_EQ(test, page_ref_count(page[i]),
				i >= more - 1 - PAGES_RING && i < more - 1 ? 2 : 1);
		put_page(page[i]);
	}
	KUNIT_EXPECT_EQ(test, kept, PAGES_RING);
	KUNIT_EXPECT_EQ(test, ktls_pages_shrink(ULONG_MAX), PAGES_RING << SKB_FRAG_PAGE_ORDER);
	migrate_enable();
}

/* Whoever receives does not keep the pages of who has sent, nor the other way round. */
static void pages_apart_test(struct kunit *test)
{
	unsigned int i, tries = 10;
	struct page_frag pfrag;
	struct page *page[2];
	unsigned long left;

	do {
		pages_begin();
		pfrag = (struct page_frag){};
		for (i = 0; i < ARRAY_SIZE(page); i++)
			page[i] = pages_fill(test, &pfrag);
		put_page(page[1]);
		put_page(pfrag.page);
		put_page(page[0]);
		for (i = 0; i < 40; i++) {
			pages_is_there(test, PAGES_LARGE);
			pages_keep(test, PAGES_LARGE);
			msleep(100);
		}
		left = ktls_pages_shrink(ULONG_MAX);
		migrate_enable();
	} while (left != PAGES_LARGE / PAGE_SIZE && --tries);
	KUNIT_EXPECT_EQ(test, left, PAGES_LARGE / PAGE_SIZE);
}

static void pages_shrink_test(struct kunit *test)
{
	pages_begin();
	pages_keep(test, PAGES_LARGE);
	KUNIT_EXPECT_EQ(test, ktls_pages_shrink(1), PAGES_LARGE / PAGE_SIZE);
	KUNIT_EXPECT_FALSE(test, pages_is_there(test, PAGES_LARGE));
	migrate_enable();
}

/* Have a buffer for a record of 16 KiB; the connection keeps it. */
static void pages_open(struct kunit *test, struct ktls_rl *rl)
{
	struct ktls_rxbuf *buf = ktls_rxbuf_get(rl, KTLS_CIPHERTEXT13_MAX);

	KUNIT_EXPECT_NOT_NULL(test, buf);
	if (buf)
		ktls_rxbuf_put(rl, buf);
}

/* Open a record of 16 KiB, and be done with it. Returns whether its buffer is kept. */
static bool pages_after_record(struct kunit *test, struct ktls_rl *rl)
{
	pages_begin();
	lock_sock(rl->sk);
	pages_open(test, rl);
	ktls_rxbuf_trim(rl);
	release_sock(rl->sk);
	migrate_enable();
	return ktls_pages_shrink(ULONG_MAX);
}

/* Pages that a memory cgroup was charged for would be so for as long as anybody uses them. */
static void pages_charged_test(struct kunit *test)
{
	struct ktls_rl *rl = &ktls_kunit_conn(test)->ctx->rl;

	KUNIT_EXPECT_TRUE(test, pages_after_record(test, rl));
	rl->sk->sk_allocation |= __GFP_ACCOUNT;
	KUNIT_EXPECT_FALSE(test, pages_after_record(test, rl));
	/* Nor is a buffer of others taken without being charged. */
	pages_begin();
	pages_keep(test, PAGES_LARGE);
	lock_sock(rl->sk);
	pages_open(test, rl);
	KUNIT_EXPECT_TRUE(test, pages_is_there(test, PAGES_LARGE));
	ktls_rxbuf_trim(rl);
	release_sock(rl->sk);
	migrate_enable();
}

static struct kunit_case pages_cases[] = {
	KUNIT_CASE(pages_once_test),
	KUNIT_CASE(pages_size_test),
	KUNIT_CASE(pages_ring_test),
	KUNIT_CASE(pages_full_test),
	KUNIT_CASE(pages_shrink_test),
	KUNIT_CASE(pages_charged_test),
	KUNIT_CASE_SLOW(pages_apart_test),
	KUNIT_CASE_SLOW(pages_idle_test),
	{}
};

static struct kunit_suite pages_suite = {
	.name = "ktls_pages",
	.test_cases = pages_cases,
};

kunit_test_suite(pages_suite);
