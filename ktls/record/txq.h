/* SPDX-License-Identifier: GPL-2.0 */
/* The queue of page fragments between the record layer and TCP. */
#ifndef _KTLS_RECORD_TXQ_H
#define _KTLS_RECORD_TXQ_H

#include <linux/bvec.h>
#include <linux/mm.h>
#include <linux/types.h>

#include "wire.h"

/* Entries of a queue that is kept when it is empty: enough for the common case. */
#define KTLS_TXQ_KEEP	16

/**
 * struct ktls_txq - records to send; under the socket lock
 *
 * A FIFO of page fragments. In front are sealed bytes that TCP has not taken. Behind
 * them are the pieces of the open record: plaintext, which TCP never gets before it is
 * sealed.
 *
 * @vec: the fragments, each with a page reference; allocated with the first, or NULL
 * @size: entries @vec has room for
 * @first: the first entry in use
 * @sealed: sealed entries from there
 * @open: entries of the open record behind them
 * @bytes: sealed bytes; read without the lock by ktls_tx_idle()
 * @open_len: payload bytes in the open record
 * @since: jiffies when it was opened
 * @room: bytes claimed and unused behind the last piece of the open record
 * @aad: associated data where source and destination differ
 * @type: 1.3's type byte where source and destination differ
 */
struct ktls_txq {
	struct bio_vec		*vec;
	u16			size;
	u16			first;
	u16			sealed;
	u16			open;
	size_t			bytes;
	u32			open_len;
	u32			room;
	unsigned long		since;
	u8			aad[KTLS_AAD_MAX];
	u8			type;
};

int ktls_txq_grow(struct ktls_txq *q, unsigned int n, gfp_t gfp);
void ktls_txq_taken(struct ktls_txq *q, size_t bytes);
void ktls_txq_drop_sealed(struct ktls_txq *q);
void ktls_txq_drop_open(struct ktls_txq *q);
void ktls_txq_free(struct ktls_txq *q);

/**
 * ktls_txq_reserve - make room for entries
 * @q: the queue
 * @n: entries that are to be added
 * @gfp: how to allocate
 *
 * Context: socket lock held; may sleep if @gfp allows it.
 * Return: as ktls_txq_grow().
 */
static inline int ktls_txq_reserve(struct ktls_txq *q, unsigned int n, gfp_t gfp)
{
	if (likely(q->first + q->sealed + q->open + n <= q->size))
		return 0;
	return ktls_txq_grow(q, n, gfp);
}

/* The entry behind the last one in use; socket lock held. */
static inline struct bio_vec *ktls_txq_end(struct ktls_txq *q)
{
	return &q->vec[q->first + q->sealed + q->open];
}

/**
 * ktls_txq_extend - add claimed bytes to the last piece
 * @q: the queue, with a record open
 * @n: how many, at most q->room
 *
 * Context: socket lock held.
 * Return: where they are.
 */
static inline u8 *ktls_txq_extend(struct ktls_txq *q, u32 n)
{
	struct bio_vec *bv = ktls_txq_end(q) - 1;
	u8 *at = page_address(bv->bv_page) + bv->bv_offset + bv->bv_len;

	bv->bv_len += n;
	q->room -= n;
	return at;
}

#endif /* _KTLS_RECORD_TXQ_H */
