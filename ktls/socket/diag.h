/* SPDX-License-Identifier: GPL-2.0 */
/* What ss shows; lock not held. */
#ifndef _KTLS_SOCKET_DIAG_H
#define _KTLS_SOCKET_DIAG_H

#include <linux/types.h>

struct sk_buff;
struct sock;

int ktls_diag_get_info(struct sock *sk, struct sk_buff *skb, bool net_admin);
size_t ktls_diag_get_info_size(const struct sock *sk, bool net_admin);

#endif /* _KTLS_SOCKET_DIAG_H */
