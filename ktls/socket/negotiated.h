/* SPDX-License-Identifier: GPL-2.0 */
/* What a handshake has negotiated. */
#ifndef _KTLS_SOCKET_NEGOTIATED_H
#define _KTLS_SOCKET_NEGOTIATED_H

#include <linux/types.h>

struct ktls_config;
struct ktls_ctx;
struct ktls_done;
struct ktls_rl;

const char *ktls_negotiated_objection(const struct ktls_ctx *ctx, const struct ktls_done *done,
				      const u8 *batch, u32 batch_len);
int ktls_negotiated_install(struct ktls_rl *rl, const struct ktls_config *config,
			    const struct ktls_done *done);

#endif /* _KTLS_SOCKET_NEGOTIATED_H */
