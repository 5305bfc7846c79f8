/* SPDX-License-Identifier: GPL-2.0 */
/* splice() and read_sock(): what was received, without a copy. */
#ifndef _KTLS_SOCKET_SPLICE_H
#define _KTLS_SOCKET_SPLICE_H

#include <linux/types.h>
#include <net/sock.h>
#include <net/tcp.h>

struct pipe_inode_info;
struct socket;

/* The socket lock is not held. */
ssize_t ktls_splice_read(struct socket *sock, loff_t *ppos, struct pipe_inode_info *pipe,
			 size_t len, unsigned int flags);

/* The socket lock is held. */
int ktls_splice_read_sock(struct sock *sk, read_descriptor_t *desc, sk_read_actor_t actor);

#endif /* _KTLS_SOCKET_SPLICE_H */
