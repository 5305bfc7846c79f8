/* SPDX-License-Identifier: GPL-2.0 */
/* Receiving: recv.c and splice.c. */
#ifndef _KTLS_SOCKET_RECV_H
#define _KTLS_SOCKET_RECV_H

#include <linux/types.h>
#include <net/sock.h>

struct ktls_ctx;
struct msghdr;
struct pipe_inode_info;
struct sock;
struct socket;

/**
 * struct ktls_rx_pace - how much a call has dealt with; on its stack
 * @records: since it looked up
 * @control: of them without application data
 * @since: jiffies, from when time is to be deducted
 */
struct ktls_rx_pace {
	unsigned int	records;
	unsigned int	control;
	unsigned long	since;
};

/* The socket lock is held, and dropped while waiting. */
int ktls_rx_admit(const struct ktls_ctx *ctx);
int ktls_rx_wait(struct ktls_ctx *ctx, long *timeo, bool partial);
int ktls_rx_pace(struct ktls_ctx *ctx, struct ktls_rx_pace *pace, int opened, long *timeo,
		 bool enough);

/* The socket lock is not held unless said otherwise. */
int ktls_rx_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags);
ssize_t ktls_rx_splice_read(struct socket *sock, loff_t *ppos, struct pipe_inode_info *pipe,
			    size_t len, unsigned int flags);
int ktls_rx_read_sock(struct sock *sk, read_descriptor_t *desc, sk_read_actor_t actor); /* locked */

#endif /* _KTLS_SOCKET_RECV_H */
