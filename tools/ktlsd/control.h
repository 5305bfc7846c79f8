/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where ktlsctl asks: a socket of sequenced packets in the file system. One
 * packet is a verb, its answer one packet too: '0' or '1' for whether it went
 * well, and text.
 */
#ifndef KTLSD_CONTROL_H
#define KTLSD_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/un.h>

enum {
	KTLSD_CONTROL_VERB_MAX	= 32,	/* bytes */
};

/**
 * struct ktlsd_control - the socket
 * @fd: listens, -1 if there is none
 * @client: waits for its answer, -1 if nobody does
 * @address: where it is
 */
struct ktlsd_control {
	int			fd;
	int			client;
	struct sockaddr_un	address;
};

/* @path: of the socket, or NULL for none. Return: 0 or a negative errno */
int ktlsd_control_open(struct ktlsd_control *control, const char *path);
void ktlsd_control_close(struct ktlsd_control *control);

/*
 * Takes the next question, of root or of our own user, while nobody waits for an
 * answer. Return: whether there is one
 */
bool ktlsd_control_accept(struct ktlsd_control *control,
			  char ret_verb[KTLSD_CONTROL_VERB_MAX]);

/* Answers it, if somebody waits. */
void ktlsd_control_answer(struct ktlsd_control *control, bool success,
			  const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
