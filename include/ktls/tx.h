/* SPDX-License-Identifier: GPL-2.0 */
/* Between tx.c, which makes records, and send.c, which fills them. */
#ifndef _KTLS_TX_H
#define _KTLS_TX_H

#include <linux/types.h>

struct ktls_ctx;
struct ktls_txq;
struct scatterlist;

/* tx.c; socket lock held */
int ktls_tx_claim(struct ktls_ctx *ctx, u32 want);
u8 *ktls_tx_extend(struct ktls_txq *q, u32 n);
int ktls_tx_reserve(struct ktls_ctx *ctx, u32 len);
int ktls_tx_add_tail(struct ktls_ctx *ctx, u8 type);
u8 *ktls_tx_map(struct ktls_ctx *ctx, struct scatterlist *sg);
void ktls_tx_sealed(struct ktls_ctx *ctx, bool data);
int ktls_tx_seal(struct ktls_ctx *ctx, u8 type);
void ktls_tx_poison(struct ktls_ctx *ctx, int err);
int ktls_tx_give(struct ktls_ctx *ctx, bool more);

#endif /* _KTLS_TX_H */
