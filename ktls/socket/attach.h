/* SPDX-License-Identifier: GPL-2.0 */
/* Attach a context to a TCP socket; lock held. */
#ifndef _KTLS_SOCKET_ATTACH_H
#define _KTLS_SOCKET_ATTACH_H

#include <linux/types.h>

struct ktls_base;
struct ktls_config;
struct ktls_ctx;
struct sock;
struct socket;
struct tcp_ulp_ops;

/**
 * struct ktls_attach - what stands in for what a TCP socket has; socket lock
 * @graft: the struct socket under a connection without a file (graft.c): a child
 *	before accept, a closed socket that lingers
 * @rcvlowat: SO_RCVLOWAT as the program wants it; TCP's own stays 1. Also read without
 *	the lock
 * @told: how much of what FIONREAD or TCP_INQ has told is still to be read
 */
struct ktls_attach {
	struct socket	*graft;
	int		rcvlowat;
	u32		told;
};

bool ktls_attach_is_plain(struct sock *sk, const struct ktls_base *base);
bool ktls_attach_has_readers(struct sock *sk);
bool ktls_attach_has_sleepers(struct sock *sk);
void ktls_attach(struct sock *sk, struct ktls_ctx *ctx, const struct tcp_ulp_ops *ulp_ops);
struct ktls_ctx *ktls_attach_child(struct sock *sk, struct ktls_config *config,
				   const struct tcp_ulp_ops *ulp_ops);
void ktls_attach_rx(struct ktls_ctx *ctx);

#endif /* _KTLS_SOCKET_ATTACH_H */
