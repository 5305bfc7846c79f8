/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _KTLS_COMPAT_NET_SOCK_H
#define _KTLS_COMPAT_NET_SOCK_H

#include_next <net/sock.h>

/* Arguments and results of accept. Kernels without it pass flags, error and kern
 * one by one and have nobody who reads is_empty; <compat/proto.h> translates.
 */
#ifndef KTLS_HAVE_PROTO_ACCEPT_ARG
struct proto_accept_arg {
	int flags;
	int err;
	int is_empty;
	bool kern;
};
#endif

#endif /* _KTLS_COMPAT_NET_SOCK_H */
