/* SPDX-License-Identifier: GPL-2.0 */
/* Receiving: recvmsg(), and what splice.c shares with it. */
#ifndef _KTLS_SOCKET_RECV_H
#define _KTLS_SOCKET_RECV_H

#include <linux/types.h>
#include <net/sock.h>

struct ktls_ctx;
struct msghdr;
struct sock;

/**
 * struct ktls_recv_pace - how much a call has dealt with; on its stack
 * @records: since it looked up
 * @control: of them without application data
 * @since: jiffies, from when time is to be deducted
 */
struct ktls_recv_pace {
	unsigned int	records;
	unsigned int	control;
	unsigned long	since;
};

/* The socket lock is held, and dropped while waiting. */
int ktls_recv_wait(struct ktls_ctx *ctx, long *timeo, bool partial);
int ktls_recv_pace(struct ktls_ctx *ctx, struct ktls_recv_pace *pace, int opened, long *timeo,
		   bool enough);

/* The socket lock is not held. */
int ktls_recv_msg(struct sock *sk, struct msghdr *msg, size_t len, int flags);

#endif /* _KTLS_SOCKET_RECV_H */
