/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _KTLS_COMPAT_NETLINK_H
#define _KTLS_COMPAT_NETLINK_H

#include_next <net/netlink.h>

/* As the kernel had it before; the generated policies use the name. */
#ifndef NLA_POLICY_MAX_LEN
#define NLA_POLICY_MAX_LEN(size)	{ .type = NLA_BINARY, .len = size }
#endif

#endif /* _KTLS_COMPAT_NETLINK_H */
