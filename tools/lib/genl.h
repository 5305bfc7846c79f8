/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Generic netlink sockets on libmnl. A socket belongs to one thread; nothing is locked. */
#ifndef KTLS_TOOLS_LIB_GENL_H
#define KTLS_TOOLS_LIB_GENL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "message.h"

enum {
	KTLSD_GENL_RX_SIZE	= 131072,	/* one received datagram */
	KTLSD_GENL_TX_SIZE	= 196608,	/* the largest DONE and some */
	KTLSD_GENL_SKB_SIZE	= 69632,	/* what a full DATA takes of a receive buffer */
	KTLSD_GENL_CREDIT_MAX	= 1024,		/* KTLS_A_CREDIT */
};

/**
 * struct ktlsd_genl - a generic netlink socket
 * @nl: libmnl's socket, NULL when closed
 * @fd: its descriptor, not blocking
 * @rcvbuf: the receive buffer that the kernel granted, bytes
 * @family: number of the family `ktls`, 0 when unresolved
 * @seq: sequence number last used
 */
struct ktlsd_genl {
	struct mnl_socket	*nl;
	int			fd;
	size_t			rcvbuf;
	uint16_t		family;
	uint32_t		seq;
};

/* Handles a message. Return: 0 to continue, else the return value of ktlsd_genl_receive(). */
typedef int (*ktlsd_genl_handler)(const struct nlmsghdr *nlh, void *arg);

/**
 * ktlsd_genl_open - open a socket
 * @genl: filled; ktlsd_genl_close() releases it
 * @rcvbuf: size of the receive buffer to ask for, bytes
 *
 * Return: 0 or a negative errno; @genl is closed on error.
 */
int ktlsd_genl_open(struct ktlsd_genl *genl, size_t rcvbuf);
void ktlsd_genl_close(struct ktlsd_genl *genl);

/* Turns off ENOBUFS for lost messages. The credit keeps messages of the module from being
 * lost; a lost acknowledgement is no reason to close the socket. Return: 0 or a negative errno.
 */
int ktlsd_genl_allow_loss(struct ktlsd_genl *genl);

/**
 * ktlsd_genl_resolve - find the number of a family
 * @genl: a socket that waits for no other answer
 * @name: the family
 * @load: true: the kernel may load a module for it; false: it must be loaded already (else
 *	ktlsd would undo rmmod)
 *
 * Sets @genl->family. Blocks for a bounded time.
 *
 * Return: 0, -ENOENT if there is no such family, or another negative errno.
 */
int ktlsd_genl_resolve(struct ktlsd_genl *genl, const char *name, bool load);

/* Subscribes to notifications about families. Return: 0 or a negative errno. */
int ktlsd_genl_subscribe(struct ktlsd_genl *genl);

/* Return: whether @nlh says that family @name came or went; *@ret_cmd is CTRL_CMD_*. */
bool ktlsd_genl_is_family_event(const struct nlmsghdr *nlh, const char *name,
				uint8_t *ret_cmd);

/* Return: how many unanswered messages a receive buffer of @rcvbuf bytes can hold. */
uint32_t ktlsd_genl_credit(size_t rcvbuf);

/* Sends a message. Return: 0 or a negative errno; -EMSGSIZE if the message overflowed. */
int ktlsd_genl_send(struct ktlsd_genl *genl, const struct ktlsd_message *message);

/**
 * ktlsd_genl_receive - receive one datagram and handle its messages
 * @genl: the socket
 * @buffer: KTLSD_GENL_RX_SIZE bytes
 * @handler: called for each message
 * @arg: for @handler
 *
 * Datagrams that do not come from the kernel are dropped.
 *
 * Return: 0, -EAGAIN if there is none, -ENOBUFS if messages were lost,
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
