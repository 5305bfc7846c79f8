/* SPDX-License-Identifier: GPL-2.0 */
/* Sending. Socket lock held unless noted. */
#ifndef _KTLS_SOCKET_SEND_H
#define _KTLS_SOCKET_SEND_H

#include <linux/types.h>

struct ktls_ctx;
struct msghdr;
struct sock;
struct socket;

int ktls_send_msg(struct sock *sk, struct msghdr *msg, size_t size);		/* unlocked */
int ktls_send_msg_locked(struct sock *sk, struct msghdr *msg, size_t size);
int ktls_send_key_update(struct ktls_ctx *ctx, int ask);
void ktls_send_step(struct ktls_ctx *ctx);
void ktls_send_splice_eof(struct socket *sock);				/* unlocked */
void ktls_send_end_open(struct sock *sk);					/* unlocked */
void ktls_send_open_step(struct ktls_ctx *ctx);
unsigned int ktls_send_queued(const struct ktls_ctx *ctx);			/* unlocked */

#endif /* _KTLS_SOCKET_SEND_H */
