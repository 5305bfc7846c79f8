/* SPDX-License-Identifier: GPL-2.0 */
/* The generic netlink family "ktls". */
#ifndef _KTLS_HELPER_NETLINK_H
#define _KTLS_HELPER_NETLINK_H

struct genl_family;
struct netlink_callback;
struct sk_buff;

extern struct genl_family ktls_netlink_family;

int ktls_netlink_init(int (*dump_sockets)(struct sk_buff *skb, struct netlink_callback *cb));
void ktls_netlink_exit(void);

#endif /* _KTLS_HELPER_NETLINK_H */
