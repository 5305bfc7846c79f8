/* SPDX-License-Identifier: GPL-2.0 */
/* Records from plaintext to TCP. Socket lock held unless noted. */
#ifndef _KTLS_RECORD_TX_H
#define _KTLS_RECORD_TX_H

#include <linux/types.h>

struct ktls_rl;
struct scatterlist;

enum ktls_tx_limits {
	KTLS_TX_PIECES		= 12,	/* of one record; page fragments */
	KTLS_TX_CHUNK		= 65536, /* sealed before TCP gets it */
};

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
