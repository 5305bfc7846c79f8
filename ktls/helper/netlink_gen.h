/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	include/netlink/ktls.yaml */
/* YNL-GEN kernel header */
/* To regenerate run: include/netlink/regen */

#ifndef _LINUX_KTLS_GEN_H
#define _LINUX_KTLS_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/ktls_netlink.h>
#include <linux/ktls.h>

extern const struct nla_policy ktls_register_nl_policy[KTLS_A_CREDIT + 1];

extern const struct nla_policy ktls_config_nl_policy[KTLS_A_OFFSET + 1];

extern const struct nla_policy ktls_data_nl_policy[KTLS_A_MORE + 1];

extern const struct nla_policy ktls_done_nl_policy[KTLS_A_REVOCATION + 1];

extern const struct nla_policy ktls_cancel_nl_policy[KTLS_A_ID + 1];

extern const struct nla_policy ktls_message_nl_policy[KTLS_A_ID + 1];

/* Ops table for ktls */
extern const struct genl_ops ktls_nl_ops[8];

int ktls_nl_register_doit(struct sk_buff *skb, struct genl_info *info);
int ktls_nl_config_doit(struct sk_buff *skb, struct genl_info *info);
int ktls_nl_data_doit(struct sk_buff *skb, struct genl_info *info);
int ktls_nl_done_doit(struct sk_buff *skb, struct genl_info *info);
int ktls_nl_cancel_doit(struct sk_buff *skb, struct genl_info *info);
int ktls_nl_message_doit(struct sk_buff *skb, struct genl_info *info);
int ktls_nl_sockets_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int ktls_nl_stats_dumpit(struct sk_buff *skb, struct netlink_callback *cb);

#endif /* _LINUX_KTLS_GEN_H */
