/* SPDX-License-Identifier: GPL-2.0 */
/* Places for closed connections, shared among users; lock held. */
#ifndef _KTLS_SOCKET_LINGER_H
#define _KTLS_SOCKET_LINGER_H

#include <linux/list.h>
#include <linux/types.h>

struct ktls_ctx;
struct ktls_linger_share;

enum ktls_linger_kind {
	KTLS_LINGER_CLOSED,	/* a program has closed it: its data is to arrive */
	KTLS_LINGER_FAILED,	/* its handshake has failed: an alert is */
	KTLS_LINGER_KINDS
};

/**
 * struct ktls_linger - the place of a closed socket; a lock of linger.c
 * @share: whose place it is, NULL: it has none
 * @node: on @share's list, while there is one
 */
struct ktls_linger {
	struct ktls_linger_share	*share;
	struct list_head		node;
};

bool ktls_linger_take(struct ktls_ctx *ctx, enum ktls_linger_kind kind);
void ktls_linger_leave(struct ktls_ctx *ctx);

#endif /* _KTLS_SOCKET_LINGER_H */
