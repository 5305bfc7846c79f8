/* SPDX-License-Identifier: GPL-2.0 */
/* listen(), accept(), and the connections of a listener until they are accepted. */
#ifndef _KTLS_SOCKET_LISTENER_H
#define _KTLS_SOCKET_LISTENER_H

#include <linux/poll.h>
#include <linux/types.h>

#include <compat/proto.h>

struct ktls_config;
struct ktls_ctx;
struct sock;
struct socket;

/* Lock not held. */
int ktls_listener_listen(struct socket *sock, int backlog);
struct sock *ktls_listener_accept(struct sock *sk, struct proto_accept_arg *arg);
__poll_t ktls_listener_poll(struct ktls_ctx *ctx);
void ktls_listener_step(struct ktls_ctx *ctx);

/* The listener's lock held. */
int ktls_listener_reconfigure(struct ktls_ctx *ctx, struct ktls_config *old);
int ktls_listener_begin(struct ktls_ctx *ctx);
void ktls_listener_end(struct ktls_ctx *ctx);

#endif /* _KTLS_SOCKET_LISTENER_H */
