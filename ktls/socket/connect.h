/* SPDX-License-Identifier: GPL-2.0 */
/* connect(), KTLS_HANDSHAKE, and connect() with AF_UNSPEC. */
#ifndef _KTLS_SOCKET_CONNECT_H
#define _KTLS_SOCKET_CONNECT_H

#include <linux/types.h>

#include <compat/proto.h>

struct ktls_ctx;
struct sock;
struct socket;

/* Lock not held. */
int ktls_connect(struct socket *sock, struct sockaddr_unsized *uaddr, int addr_len, int flags);

/* Lock held. */
int ktls_connect_starttls(struct sock *sk, int role);
int ktls_connect_disconnect(struct sock *sk, int flags);
void ktls_connect_step(struct ktls_ctx *ctx);
void ktls_connect_drain(struct ktls_ctx *ctx);

#endif /* _KTLS_SOCKET_CONNECT_H */
