/* SPDX-License-Identifier: GPL-2.0 */
/* close() and shutdown(). */
#ifndef _KTLS_SOCKET_CLOSE_H
#define _KTLS_SOCKET_CLOSE_H

struct ktls_ctx;
struct sock;
struct socket;

/* Lock not held. */
void ktls_close(struct sock *sk, long timeout);
int ktls_close_shutdown(struct socket *sock, int how);
void ktls_close_final(struct ktls_ctx *ctx);

#endif /* _KTLS_SOCKET_CLOSE_H */
