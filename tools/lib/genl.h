/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Generic netlink sockets on libmnl. */
#ifndef KTLS_TOOLS_LIB_GENL_H
#define KTLS_TOOLS_LIB_GENL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "message.h"

enum {
	KTLSD_GENL_RX_SIZE	= 131072,	/* one received datagram */
	KTLSD_GENL_TX_SIZE	= 196608,	/* the largest DONE and some */
	KTLSD_GENL_SKB_SIZE	= 69632,	/* what a full DATA costs a receive buffer */
	KTLSD_GENL_CREDIT_MAX	= 1024,		/* KTLS_A_CREDIT */
};

/**
 * struct ktlsd_genl - a generic netlink socket
 * @nl: libmnl's socket, NULL when closed
 * @fd: its descriptor, not blocking
 * @rcvbuf: the receive buffer that the kernel granted, bytes
 * @family: number of the family `ktls`, 0 when unresolved
 * @seq: sequence number last used
 *
 * Lockless; belongs to one thread.
 */
struct ktlsd_genl {
	struct mnl_socket	*nl;
	int			fd;
	size_t			rcvbuf;
	uint16_t		family;
	uint32_t		seq;
};

/* Decides what to do with a message. Return: 0 to go on, else what
 * ktlsd_genl_receive() is to return.
 */
typedef int (*ktlsd_genl_handler)(const struct nlmsghdr *nlh, void *arg);

/**
 * ktlsd_genl_open - a socket with as large a receive buffer as permitted
 * @genl: filled; ktlsd_genl_close() releases it
 * @rcvbuf: bytes wanted
 *
 * Return: 0 or a negative errno; @genl is closed on error.
 */
int ktlsd_genl_open(struct ktlsd_genl *genl, size_t rcvbuf);
void ktlsd_genl_close(struct ktlsd_genl *genl);

/*
 * Not to be told of lost messages: those of the module are never lost, and what is, an
 * acknowledgement for which there was no room, is not worth anything else that is
 * under way on the socket. Return: 0 or a negative errno.
 */
int ktlsd_genl_allow_loss(struct ktlsd_genl *genl);

/**
 * ktlsd_genl_resolve - find the number of a family
 * @genl: a socket on which nothing else is under way
 * @name: the family
 * @load: true: the kernel may load a module to satisfy the request; false:
 *	only what is there counts (or rmmod would be undone behind its back)
 *
 * Sets @genl->family. Blocks for a bounded time.
 *
 * Return: 0, -ENOENT if there is no such family, or another negative errno.
 */
int ktlsd_genl_resolve(struct ktlsd_genl *genl, const char *name, bool load);

/* Subscribes to news about families coming and going. */
int ktlsd_genl_subscribe(struct ktlsd_genl *genl);

/* Return: true and the command (CTRL_CMD_*) when @nlh is news about @name. */
bool ktlsd_genl_is_family_event(const struct nlmsghdr *nlh, const char *name,
				uint8_t *ret_cmd);

/* How many unanswered messages a receive buffer of @rcvbuf bytes can hold. */
uint32_t ktlsd_genl_credit(size_t rcvbuf);

/* Return: 0 or a negative errno; -EMSGSIZE if the message overflowed. */
int ktlsd_genl_send(struct ktlsd_genl *genl, const struct ktlsd_message *message);

/**
 * ktlsd_genl_receive - take one datagram and hand out its messages
 * @genl: the socket
 * @buffer: KTLSD_GENL_RX_SIZE bytes
 * @handler: called for each message
 * @arg: for @handler
 *
 * Datagrams that do not come from the kernel are dropped.
 *
 * Return: 0, -EAGAIN if nothing is there, -ENOBUFS if messages were lost,
 * another negative errno, or what @handler returned.
 */
int ktlsd_genl_receive(struct ktlsd_genl *genl, void *buffer,
		       ktlsd_genl_handler handler, void *arg);

/**
 * ktlsd_genl_error - read an acknowledgement
 * @nlh: a message of type NLMSG_ERROR
 * @ret_text: the kernel's explanation in @nlh, or ""
 *
 * Return: the negative errno in it, 0 for success.
 */
int ktlsd_genl_error(const struct nlmsghdr *nlh, const char **ret_text);

#endif
