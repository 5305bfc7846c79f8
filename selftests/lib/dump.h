/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks the module for its sockets or counters, as ktlsctl does. */
#ifndef _SELFTESTS_DUMP_H
#define _SELFTESTS_DUMP_H

#include "fake.h"

enum {
	DUMP_MAX	= 4096,		/* messages */
};

struct dump {
	struct mnl_socket	*nl;
	uint16_t		family;
	uint32_t		seq;
	struct fake_msg		*msg[DUMP_MAX];
	int			n, datagrams, noops;
};

void dump_open(struct dump *d);
/* Asks for SOCKETS or STATS. @attr: an attribute that does not belong there, 0 for none. */
void dump_send(struct dump *d, uint8_t cmd, int attr);
/* One datagram. Return: 1 if more follow, 0, or a negative errno. */
int dump_next(struct dump *d);
/* Asks, and receives all. Return: 0 or a negative errno. */
int dump_all(struct dump *d, uint8_t cmd);
void dump_close(struct dump *d);

#endif
