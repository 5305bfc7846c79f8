/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Peers of connections that may fail at any moment: they do not fail the test when a connection
 * breaks, but report how it ended.
 */
#ifndef _SELFTESTS_PARTY_H
#define _SELFTESTS_PARTY_H

#include "sock.h"

/* How a connection ended, seen from the peer. */
enum party_end {
	PARTY_CLOSED,		/* close_notify, then FIN */
	PARTY_CUT,		/* FIN without it */
	PARTY_ALERT,		/* a fatal alert */
	PARTY_RESET,
	PARTY_STALLED,		/* nothing, until the time limit */
};

/* The handshake of hs.h. Return: false if the connection has ended before. */
bool party_handshake(int fd, bool server, const struct hs *hs, enum party_end *end);

/* A thread that receives all that comes. */
struct party_sink {
	struct job	job;
	struct peer	*peer;
	uint8_t		*data;
	size_t		size, len;
	enum party_end	end;
};

void party_sink_start(struct party_sink *s, struct peer *peer, uint8_t *data, size_t size);
void party_sink_wait(struct party_sink *s);

/* A server that serves one connection after the other: handshake, then echo. */
struct party_server {
	struct job	job;
	const struct hs	*hs;
	int		fd, stop[2];
	struct addr	addr;
};

void party_server_start(struct party_server *s, const struct hs *hs, int family);
void party_server_stop(struct party_server *s);

/* Writes @len bytes to a ktls socket with an echo at its other end, reads them back. */
void party_echo(int fd, size_t len);
/* Sends @len bytes each way between a ktls socket and a scripted peer. */
void party_exchange(int fd, struct peer *peer, size_t len);

#endif /* _SELFTESTS_PARTY_H */
