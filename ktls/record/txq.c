// SPDX-License-Identifier: GPL-2.0
/* The queue of page fragments between the record layer and TCP. */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "record/txq.h"

/**
 * ktls_txq_grow - make room for entries where ktls_txq_reserve() found none
 * @q: the queue
 * @n: entries that are to be added
 * @gfp: how to allocate
 *
 * Context: socket lock held; may sleep if @gfp allows it.
 * Return: 0, -ENOMEM, or -ENOBUFS: there are too many.
 */
int ktls_txq_grow(struct ktls_txq *q, unsigned int n, gfp_t gfp)
{
	unsigned int used = q->sealed + q->open, size;
	struct bio_vec *vec;

	if (used + n <= q->size) {
		memmove(q->vec, q->vec + q->first, used * sizeof(*vec));
		q->first = 0;
		return 0;
	}

	size = max(roundup_pow_of_two(used + n + 1), KTLS_TXQ_KEEP);
	if (size > U16_MAX)
		return -ENOBUFS;
	vec = kmalloc_array(size, sizeof(*vec), gfp | __GFP_ACCOUNT);
	if (!vec)
		return -ENOMEM;
	if (used)
		memcpy(vec, q->vec + q->first, used * sizeof(*vec));
	kfree(q->vec);
	q->vec = vec;
	q->size = size;
	q->first = 0;
	return 0;
}

/**
 * ktls_txq_free - free the memory of an empty queue
 * @q: the queue; can be used again
 *
 * Context: socket lock held, or nobody else knows @q any longer.
 */
void ktls_txq_free(struct ktls_txq *q)
{
	kfree(q->vec);
	q->vec = NULL;
	q->size = 0;
	q->first = 0;
}

/* What an unusual number of entries has taken is not kept. */
static void txq_shrink(struct ktls_txq *q)
{
	if (q->sealed + q->open)
		return;
	q->first = 0;
	if (q->size > KTLS_TXQ_KEEP)
		ktls_txq_free(q);
}

/**
 * ktls_txq_taken - remove sealed bytes that TCP has taken, or will never take
 * @q: the queue
 * @bytes: how many, from the front; not 0, and no more than q->bytes
 *
 * Context: socket lock held.
 */
void ktls_txq_taken(struct ktls_txq *q, size_t bytes)
{
	struct bio_vec *bv = &q->vec[q->first];
	size_t left = bytes;

	while (left >= bv->bv_len) {
		left -= bv->bv_len;
		put_page(bv->bv_page);
		q->first++;
		q->sealed--;
		bv++;
		if (!left)
			break;
	}
	if (left) {
		bv->bv_offset += left;
		bv->bv_len -= left;
	}
	WRITE_ONCE(q->bytes, q->bytes - bytes);
	if (!(q->sealed + q->open))
		txq_shrink(q);
}

/**
 * ktls_txq_drop_sealed - remove all sealed bytes
 * @q: the queue
 *
 * Context: socket lock held, or nobody else knows @q any longer.
 */
void ktls_txq_drop_sealed(struct ktls_txq *q)
{
	if (q->bytes)
		ktls_txq_taken(q, q->bytes);
}

/**
 * ktls_txq_drop_open - remove the open record
 * @q: the queue
 *
 * It is plaintext, so it is wiped before its pages are freed.
 *
 * Context: socket lock held, or nobody else knows @q any longer.
 */
void ktls_txq_drop_open(struct ktls_txq *q)
{
	struct bio_vec *bv;

	for (; q->open; q->open--) {
		bv = ktls_txq_end(q) - 1;
		memzero_explicit(page_address(bv->bv_page) + bv->bv_offset, bv->bv_len);
		put_page(bv->bv_page);
	}
	q->open_len = 0;
	q->room = 0;
	txq_shrink(q);
}
