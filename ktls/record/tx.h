/* SPDX-License-Identifier: GPL-2.0 */
/* Records from plaintext to TCP. Socket lock held unless noted. */
#ifndef _KTLS_RECORD_TX_H
#define _KTLS_RECORD_TX_H

#include <linux/bvec.h>
#include <linux/mm.h>
#include <linux/types.h>

#include "wire.h"

struct ktls_rl;
struct scatterlist;

enum ktls_tx_limits {
	KTLS_TXQ_FIXED		= 16,	/* pieces a queue holds without memory of its own */
	KTLS_TX_PIECES		= 12,	/* of one record; page fragments */
	KTLS_TX_CHUNK		= 65536, /* sealed before TCP gets it */
};

/**
 * struct ktls_txq - records to send; under the socket lock
 *
 * A FIFO of page fragments. In front are sealed bytes that TCP has not taken. Behind
 * them are the pieces of the open record: plaintext, which TCP never gets before it is
 * sealed.
 *
 * @vec: the fragments, each with a page reference; @fixed or allocated
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
 * @fixed: enough for the common case
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
	struct bio_vec		fixed[KTLS_TXQ_FIXED];
};

/* The entry behind the last one in use; socket lock held. */
static inline struct bio_vec *ktls_txq_end(struct ktls_txq *q)
{
	return &q->vec[q->first + q->sealed + q->open];
}

/**
 * ktls_tx_extend - add claimed bytes to the last piece
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

void ktls_tx_init(struct ktls_rl *rl);
int ktls_tx_queue_records(struct ktls_rl *rl, const void *records, size_t len);
int ktls_tx_record(struct ktls_rl *rl, u8 type, const void *data, size_t len);
int ktls_tx_flush(struct ktls_rl *rl);
int ktls_tx_push(struct ktls_rl *rl);
bool ktls_tx_idle(const struct ktls_rl *rl);
void ktls_tx_free(struct ktls_rl *rl);
int ktls_tx_claim(struct ktls_rl *rl, u32 want);
int ktls_tx_reserve(struct ktls_rl *rl, u32 len);
int ktls_tx_add_tail(struct ktls_rl *rl, u8 type);
u8 *ktls_tx_map(struct ktls_rl *rl, struct scatterlist *sg);
void ktls_tx_sealed(struct ktls_rl *rl, bool data);
int ktls_tx_seal(struct ktls_rl *rl, u8 type);
void ktls_tx_poison(struct ktls_rl *rl, int err);
int ktls_tx_give(struct ktls_rl *rl, bool more);

#endif /* _KTLS_RECORD_TX_H */
