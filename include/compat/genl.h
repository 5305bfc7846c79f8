/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Generic netlink. struct genl_ops, with a policy per operation, is the same in
 * all kernels and is what the family uses; genl_split_ops and everything that
 * mentions it (pre_doit, post_doit, dumpit_info->op) is left alone.
 */
#ifndef _KTLS_COMPAT_GENL_H
#define _KTLS_COMPAT_GENL_H

#include <net/genetlink.h>

/**
 * ktls_genl_dump_attrs - the attributes a dump was asked with
 * @cb: the dump
 *
 * Context: the start, dumpit and done callbacks.
 * Return: the array indexed by attribute type, as info->attrs in a doit.
 */
static inline struct nlattr **ktls_genl_dump_attrs(struct netlink_callback *cb)
{
#ifdef KTLS_HAVE_GENL_INFO_DUMP
	return genl_info_dump(cb)->attrs;
#else
	return genl_dumpit_info(cb)->attrs;
#endif
}

#endif /* _KTLS_COMPAT_GENL_H */
