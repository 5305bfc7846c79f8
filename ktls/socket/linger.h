/* SPDX-License-Identifier: GPL-2.0 */
/* Places for closed connections, shared among users; lock held. */
#ifndef _KTLS_SOCKET_LINGER_H
#define _KTLS_SOCKET_LINGER_H

#include <linux/types.h>

struct ktls_ctx;

enum ktls_linger_kind {
	KTLS_LINGER_CLOSED,	/* a program has closed it: its data is to arrive */
	KTLS_LINGER_FAILED,	/* its handshake has failed: an alert is */
	KTLS_LINGER_KINDS
};

bool ktls_linger_take(struct ktls_ctx *ctx, enum ktls_linger_kind kind);
void ktls_linger_leave(struct ktls_ctx *ctx);

#endif /* _KTLS_SOCKET_LINGER_H */
