/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _KTLS_COMPAT_NET_INET_CONNECTION_SOCK_H
#define _KTLS_COMPAT_NET_INET_CONNECTION_SOCK_H

#include_next <net/inet_connection_sock.h>

/* An accepted connection's own locks; older kernels' accept() left them alone. */
#ifndef KTLS_HAVE_INIT_CSK_LOCKS
static inline void inet_init_csk_locks(struct sock *sk)
{
}
#endif

#endif /* _KTLS_COMPAT_NET_INET_CONNECTION_SOCK_H */
