/* SPDX-License-Identifier: GPL-2.0 */
/* The operations and callbacks that replace TCP's. */
#ifndef _KTLS_SOCKET_OPS_H
#define _KTLS_SOCKET_OPS_H

struct sock;

int ktls_ops_init(void);
void ktls_ops_hook(struct sock *sk);

#endif /* _KTLS_SOCKET_OPS_H */
