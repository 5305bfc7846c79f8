/* SPDX-License-Identifier: GPL-2.0 */
/* Whole handshake records, for ktlsd. Socket lock held. */
#ifndef _KTLS_SOCKET_BATCH_H
#define _KTLS_SOCKET_BATCH_H

#include <linux/types.h>

struct ktls_ctx;

int ktls_batch_find(struct ktls_ctx *ctx, u32 max, bool first, u8 *alert);
int ktls_batch_take(struct ktls_ctx *ctx, void *buf, u32 len);

#endif /* _KTLS_SOCKET_BATCH_H */
