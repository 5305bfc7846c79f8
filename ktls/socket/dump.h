/* SPDX-License-Identifier: GPL-2.0 */
/* SOCKETS: all sockets of a namespace, over netlink. */
#ifndef _KTLS_SOCKET_DUMP_H
#define _KTLS_SOCKET_DUMP_H

struct netlink_callback;
struct sk_buff;

int ktls_dump_sockets(struct sk_buff *skb, struct netlink_callback *cb);

#endif /* _KTLS_SOCKET_DUMP_H */
