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

#define PAGES_SMALL	PAGE_SIZE
#define PAGES_LARGE	(5 * PAGE_SIZE)

static void *pages_new(struct kunit *test, size_t size)
{
	void *buffer = alloc_pages_exact(size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buffer);
	return buffer;
}

/* What others left on this CPU. A size that nobody has: whatever is there is freed. */
static void pages_empty(struct kunit *test)
{
	KUNIT_ASSERT_NULL(test, ktls_pages_take(100 * PAGE_SIZE));
}

static void pages_once_test(struct kunit *test)
{
	void *first = pages_new(test, PAGES_LARGE), *second = pages_new(test, PAGES_LARGE);

	migrate_disable();
	pages_empty(test);
	ktls_pages_keep(first, PAGES_LARGE);
	/* There is one: this one is freed. */
	ktls_pages_keep(second, PAGES_LARGE);
	KUNIT_EXPECT_PTR_EQ(test, ktls_pages_take(PAGES_LARGE), first);
	KUNIT_EXPECT_NULL(test, ktls_pages_take(PAGES_LARGE));
	migrate_enable();
	/* Is it the caller's? */
	memset(first, 1, PAGES_LARGE);
	free_pages_exact(first, PAGES_LARGE);
}

static void pages_size_test(struct kunit *test)
{
	void *large = pages_new(test, PAGES_LARGE), *small = pages_new(test, PAGES_SMALL);

	migrate_disable();
	pages_empty(test);
	ktls_pages_keep(large, PAGES_LARGE);
	KUNIT_EXPECT_NULL(test, ktls_pages_take(PAGES_SMALL));
	/* There is room for this one then. */
	ktls_pages_keep(small, PAGES_SMALL);
	KUNIT_EXPECT_NULL(test, ktls_pages_take(PAGES_LARGE));
	KUNIT_EXPECT_NULL(test, ktls_pages_take(PAGES_SMALL));
	migrate_enable();
}

/* The trimmer may be late where a CPU has nothing else to do. */
static void pages_idle_test(struct kunit *test)
{
	unsigned int tries = 10;
	void *buffer;

	do {
		buffer = pages_new(test, PAGES_LARGE);
		migrate_disable();
		pages_empty(test);
		ktls_pages_keep(buffer, PAGES_LARGE);
		msleep(3000);
		buffer = ktls_pages_take(PAGES_LARGE);
		migrate_enable();
		if (buffer)
			free_pages_exact(buffer, PAGES_LARGE);
	} while (buffer && --tries);
	KUNIT_EXPECT_NULL(test, buffer);
}

/* Fill the page of @pfrag, which somebody else then has to send; it is returned. */
static struct page *pages_fill(struct kunit *test, struct page_frag *pfrag)
{
	KUNIT_ASSERT_TRUE(test, ktls_pages_refill(PAGE_SIZE, pfrag, GFP_KERNEL));
	KUNIT_ASSERT_EQ(test, pfrag->offset, 0);
	pfrag->offset = pfrag->size;
	get_page(pfrag->page);
	return pfrag->page;
}

static void pages_ring_test(struct kunit *test)
{
	struct page_frag pfrag = {};
	struct page *page[4];
	unsigned int i;

	migrate_disable();
	ktls_pages_shrink(ULONG_MAX);
	for (i = 0; i < ARRAY_SIZE(page); i++) {
		page[i] = pages_fill(test, &pfrag);
		KUNIT_ASSERT_EQ(test, pfrag.size, PAGE_SIZE << SKB_FRAG_PAGE_ORDER);
	}
	/* The first one is still being sent when the second is filled, but not any longer. */
	put_page(page[0]);
	KUNIT_ASSERT_TRUE(test, ktls_pages_refill(PAGE_SIZE, &pfrag, GFP_KERNEL));
	KUNIT_EXPECT_PTR_EQ(test, pfrag.page, page[0]);
	migrate_enable();

	/* Those in the ring, which are being sent: not free before that has ended. */
	KUNIT_EXPECT_EQ(test, ktls_pages_shrink(ULONG_MAX), 3 << SKB_FRAG_PAGE_ORDER);
	KUNIT_EXPECT_EQ(test, ktls_pages_shrink(ULONG_MAX), 0);
	for (i = 1; i < ARRAY_SIZE(page); i++) {
		KUNIT_EXPECT_EQ(test, page_ref_count(page[i]), 1);
		put_page(page[i]);
	}
	put_page(pfrag.page);
}

static void pages_shrink_test(struct kunit *test)
{
	void *buffer = pages_new(test, PAGES_LARGE);

	migrate_disable();
	ktls_pages_shrink(ULONG_MAX);
	ktls_pages_keep(buffer, PAGES_LARGE);
	KUNIT_EXPECT_EQ(test, ktls_pages_shrink(1), PAGES_LARGE / PAGE_SIZE);
	KUNIT_EXPECT_NULL(test, ktls_pages_take(PAGES_LARGE));
	migrate_enable();
}

static struct kunit_case pages_cases[] = {
	KUNIT_CASE(pages_once_test),
	KUNIT_CASE(pages_size_test),
	KUNIT_CASE(pages_ring_test),
	KUNIT_CASE(pages_shrink_test),
	KUNIT_CASE_SLOW(pages_idle_test),
	{}
};

static struct kunit_suite pages_suite = {
	.name = "ktls_pages",
	.test_cases = pages_cases,
};

kunit_test_suite(pages_suite);
