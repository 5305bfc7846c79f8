/* SPDX-License-Identifier: GPL-2.0 */
/* close(), shutdown(), and closed sockets until their peers have closed. */
#ifndef _KTLS_SOCKET_CLOSE_H
#define _KTLS_SOCKET_CLOSE_H

#include <linux/types.h>

struct ktls_ctx;
struct sock;
struct socket;

/* Lock not held. */
void ktls_close(struct sock *sk, long timeout);
int ktls_close_shutdown(struct socket *sock, int how);
void ktls_close_final(struct ktls_ctx *ctx);

/* Lock held. */
void ktls_close_tcp(struct sock *sk, int how);
void ktls_close_fin(struct ktls_ctx *ctx);
void ktls_close_answer(struct ktls_ctx *ctx);
bool ktls_close_linger(struct ktls_ctx *ctx, unsigned int ms);
bool ktls_close_step(struct ktls_ctx *ctx);

#endif /* _KTLS_SOCKET_CLOSE_H */
