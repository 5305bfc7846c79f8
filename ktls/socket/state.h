/* SPDX-License-Identifier: GPL-2.0 */
/* The only writer of the state of a context; lock held. */
#ifndef _KTLS_SOCKET_STATE_H
#define _KTLS_SOCKET_STATE_H

#include <linux/types.h>

struct ktls_ctx;

bool ktls_state_legal(u8 from, u8 to);
void ktls_state_set(struct ktls_ctx *ctx, u8 to);
void ktls_state_fail(struct ktls_ctx *ctx, int err);

#endif /* _KTLS_SOCKET_STATE_H */
