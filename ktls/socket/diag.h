/* SPDX-License-Identifier: GPL-2.0 */
/* What KTLS_INFO and ss show. */
#ifndef _KTLS_SOCKET_DIAG_H
#define _KTLS_SOCKET_DIAG_H

#include <linux/types.h>

struct ktls_ctx;
struct ktls_info;
struct sk_buff;
struct sock;

void ktls_diag_fill(const struct ktls_ctx *ctx, struct ktls_info *info);

/* Lock not held */
int ktls_diag_get_info(struct sock *sk, struct sk_buff *skb, bool net_admin);
size_t ktls_diag_get_info_size(const struct sock *sk, bool net_admin);

#endif /* _KTLS_SOCKET_DIAG_H */
