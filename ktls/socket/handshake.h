/* SPDX-License-Identifier: GPL-2.0 */
/* One state machine for connect, children and KTLS_HANDSHAKE; lock held. */
#ifndef _KTLS_SOCKET_HANDSHAKE_H
#define _KTLS_SOCKET_HANDSHAKE_H

#include <linux/types.h>

struct ktls_ctx;

int ktls_handshake_begin(struct ktls_ctx *ctx, u8 role);
void ktls_handshake_step(struct ktls_ctx *ctx);
void ktls_handshake_end(struct ktls_ctx *ctx);
void ktls_handshake_reset(struct ktls_ctx *ctx);

#endif /* _KTLS_SOCKET_HANDSHAKE_H */
