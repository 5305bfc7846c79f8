/* SPDX-License-Identifier: GPL-2.0 */
/* Ciphers of idle connections are given back. */
#ifndef _KTLS_SOCKET_REST_H
#define _KTLS_SOCKET_REST_H

struct net;

int ktls_rest_init(void);
void ktls_rest_exit(void);
void ktls_rest_arm(struct net *net);

#endif /* _KTLS_SOCKET_REST_H */
