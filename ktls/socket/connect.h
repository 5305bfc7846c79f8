/* SPDX-License-Identifier: GPL-2.0 */
/* connect(), KTLS_HANDSHAKE, and connect() with AF_UNSPEC. */
#ifndef _KTLS_SOCKET_CONNECT_H
#define _KTLS_SOCKET_CONNECT_H

#include <linux/types.h>

#include <compat/proto.h>

struct ktls_ctx;
struct sock;
struct socket;

/**
 * struct ktls_connect - what connect() or KTLS_HANDSHAKE has to report; socket lock
 * @result: of the handshake, reported once: positive errno, 0: success; also read
 *	without the lock
 * @pending: it was not reported yet
 * @in_base: a program sleeps in TCP's own connect(); also read without the lock
 * @starttls: begun by KTLS_HANDSHAKE, which reports the result; also read without the
 *	lock
 */
struct ktls_connect {
	int	result;
	bool	pending;
	bool	in_base;
	bool	starttls;
};

/* Lock not held. */
int ktls_connect(struct socket *sock, struct sockaddr_unsized *uaddr, int addr_len, int flags);

/* Lock held. */
int ktls_connect_starttls(struct sock *sk, int role);
int ktls_connect_disconnect(struct sock *sk, int flags);
void ktls_connect_step(struct ktls_ctx *ctx);
void ktls_connect_drain(struct ktls_ctx *ctx);

#endif /* _KTLS_SOCKET_CONNECT_H */
