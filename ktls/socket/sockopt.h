/* SPDX-License-Identifier: GPL-2.0 */
/* proto.setsockopt (sockopt.c) and proto.getsockopt (sockopt_get.c); lock not held. */
#ifndef _KTLS_SOCKET_SOCKOPT_H
#define _KTLS_SOCKET_SOCKOPT_H

#include <linux/sockptr.h>

struct sock;

int ktls_sockopt_set(struct sock *sk, int level, int optname,
		     sockptr_t optval, unsigned int optlen);
int ktls_sockopt_get(struct sock *sk, int level, int optname,
		     char __user *optval, int __user *optlen);

#endif /* _KTLS_SOCKET_SOCKOPT_H */
