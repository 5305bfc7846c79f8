/* SPDX-License-Identifier: GPL-2.0 */
/* poll, FIONREAD, and records that nobody reads. Socket lock held unless noted. */
#ifndef _KTLS_SOCKET_READY_H
#define _KTLS_SOCKET_READY_H

#include <linux/types.h>

struct ktls_ctx;
struct sock;

enum ktls_ready_limits {
	KTLS_RX_IDLE_MS		= 20,	/* records lie unread, before they are looked at */
};

int ktls_ready_inq(struct sock *sk);			/* takes the lock */
bool ktls_ready_is_readable(struct ktls_ctx *ctx);		/* likewise */
bool ktls_ready_worth_waking(const struct ktls_ctx *ctx);	/* softirq or lock held */
bool ktls_ready_reaches_mark(const struct ktls_ctx *ctx);
void ktls_ready_watch(struct ktls_ctx *ctx);		/* softirq or lock held */
bool ktls_ready_has_news(const struct ktls_ctx *ctx);	/* or softirq, or not held */
bool ktls_ready_has_ended(const struct ktls_ctx *ctx);	/* or not held */
int ktls_ready_admit(const struct ktls_ctx *ctx);
bool ktls_ready_is_shut(const struct ktls_ctx *ctx);
int ktls_ready_prepare(struct ktls_ctx *ctx, size_t target);
int ktls_ready_count(struct ktls_ctx *ctx);
int ktls_ready_tell(struct ktls_ctx *ctx);
void ktls_ready_was_read(struct ktls_ctx *ctx, size_t len, bool all);
void ktls_ready_step(struct ktls_ctx *ctx);
int ktls_ready_drain_control(struct ktls_ctx *ctx);
void ktls_ready_discard(struct ktls_ctx *ctx);
bool ktls_ready_sift(struct ktls_ctx *ctx);

#endif /* _KTLS_SOCKET_READY_H */
