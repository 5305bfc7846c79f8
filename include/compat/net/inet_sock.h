/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _KTLS_COMPAT_NET_INET_SOCK_H
#define _KTLS_COMPAT_NET_INET_SOCK_H

#include_next <net/inet_sock.h>

/* Bits of inet_sock that were bitfields once; only those the module asks for. */
#ifndef inet_test_bit
#define KTLS_INET_BIT_DEFER_CONNECT	defer_connect
#define inet_test_bit(nr, sk)	(inet_sk(sk)->KTLS_INET_BIT_##nr)
#endif

#endif /* _KTLS_COMPAT_NET_INET_SOCK_H */
