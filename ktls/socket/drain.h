/* SPDX-License-Identifier: GPL-2.0 */
/* Connections whose both halves are closed, until their peers have closed; lock held. */
#ifndef _KTLS_SOCKET_DRAIN_H
#define _KTLS_SOCKET_DRAIN_H

#include <linux/types.h>

struct ktls_ctx;

void ktls_drain_input(struct ktls_ctx *ctx);
void ktls_drain_answer(struct ktls_ctx *ctx);
bool ktls_drain_linger(struct ktls_ctx *ctx, unsigned int ms);
bool ktls_drain_step(struct ktls_ctx *ctx);

#endif /* _KTLS_SOCKET_DRAIN_H */
