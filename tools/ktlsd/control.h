/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The socket for ktlsctl, a SOCK_SEQPACKET socket in the file system. A request is one
 * packet, the verb. The answer is '0' for success or '1' for failure, and text: one packet, or
 * several if it is long.
 * Main thread only.
 */
#ifndef KTLSD_CONTROL_H
#define KTLSD_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/un.h>

enum {
	KTLSD_CONTROL_VERB_MAX	= 32,		/* bytes */
	KTLSD_CONTROL_PACKET	= 32768,	/* bytes of a packet of an answer */
	KTLSD_CONTROL_SEND_MS	= 2000,		/* for a long answer */
};

/**
 * struct ktlsd_control - the socket
 * @fd: listening socket, -1 for none
 * @client: connection that waits for an answer, -1 for none
 * @address: its path
 */
struct ktlsd_control {
	int			fd;
	int			client;
	struct sockaddr_un	address;
};

/* @path: of the socket, or NULL for none. Return: 0 or a negative errno */
int ktlsd_control_open(struct ktlsd_control *control, const char *path);
void ktlsd_control_close(struct ktlsd_control *control);

/* Accepts the next request, which must come from root or our own user. Only one client waits
 * for an answer at a time. Return: whether there is a request
 */
bool ktlsd_control_accept(struct ktlsd_control *control,
			  char ret_verb[KTLSD_CONTROL_VERB_MAX]);

/* Answers the client and closes the connection. Does nothing without a client. */
void ktlsd_control_answer(struct ktlsd_control *control, bool success,
			  const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same, successful, with a text of any length. */
void ktlsd_control_answer_text(struct ktlsd_control *control, const char *text, size_t len);

#endif
