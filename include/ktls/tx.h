/* SPDX-License-Identifier: GPL-2.0 */
/* Between tx.c, which makes records, and send.c, which fills them. */
#ifndef _KTLS_TX_H
#define _KTLS_TX_H

#include <linux/mm.h>

#include <ktls/record.h>

struct ktls_ctx;
struct ktls_rl;
struct scatterlist;

/* The entry behind the last one in use; socket lock held. */
static inline struct bio_vec *ktls_txq_end(struct ktls_txq *q)
{
	return &q->vec[q->first + q->sealed + q->open];
}

/**
 * ktls_tx_extend - claimed bytes behind the last piece become part of it
 * @q: the queue, with a record open
 * @n: how many, at most q->room
 *
 * Context: socket lock held.
 * Return: where they are.
 */
static inline u8 *ktls_tx_extend(struct ktls_txq *q, u32 n)
{
	struct bio_vec *bv = ktls_txq_end(q) - 1;
	u8 *at = page_address(bv->bv_page) + bv->bv_offset + bv->bv_len;

	bv->bv_len += n;
	q->room -= n;
	return at;
}

/* tx.c; socket lock held */
int ktls_tx_claim(struct ktls_rl *rl, u32 want);
int ktls_tx_reserve(struct ktls_rl *rl, u32 len);
int ktls_tx_add_tail(struct ktls_rl *rl, u8 type);
u8 *ktls_tx_map(struct ktls_rl *rl, struct scatterlist *sg);
void ktls_tx_sealed(struct ktls_rl *rl, bool data);
int ktls_tx_seal(struct ktls_rl *rl, u8 type);
void ktls_tx_poison(struct ktls_rl *rl, int err);
int ktls_tx_give(struct ktls_rl *rl, bool more);

#endif /* _KTLS_TX_H */
