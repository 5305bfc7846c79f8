/* SPDX-License-Identifier: GPL-2.0 */
/* Attach to a socket, and detach. */
#ifndef _KTLS_SOCKET_ULP_H
#define _KTLS_SOCKET_ULP_H

struct ktls_config;
struct ktls_ctx;
struct sock;

int ktls_ulp_init(void);
void ktls_ulp_exit(void);
struct ktls_ctx *ktls_ulp_attach_child(struct sock *sk, struct ktls_config *config);
void ktls_ulp_own_rx(struct ktls_ctx *ctx);			/* lock held */
void ktls_ulp_give_back(struct ktls_ctx *ctx);
int ktls_ulp_carry(struct ktls_ctx *ctx);
void ktls_ulp_uncarry(struct ktls_ctx *ctx);

#endif /* _KTLS_SOCKET_ULP_H */
