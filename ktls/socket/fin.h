/* SPDX-License-Identifier: GPL-2.0 */
/* The FIN that ends our half of a connection; lock held. */
#ifndef _KTLS_SOCKET_FIN_H
#define _KTLS_SOCKET_FIN_H

struct ktls_ctx;
struct sock;

void ktls_fin_shutdown(struct sock *sk, int how);
void ktls_fin_send(struct ktls_ctx *ctx);

#endif /* _KTLS_SOCKET_FIN_H */
