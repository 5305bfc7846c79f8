// SPDX-License-Identifier: GPL-2.0-or-later
/* Peers of connections that may fail. See party.h. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "party.h"

#define PATIENCE	4	/* seconds, before scaling */

static void set_patience(int fd)
{
	struct timeval tv = { PATIENCE * harness_scale(), 0 };

	OK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
}

static enum party_end end_of(int err)
{
	switch (err) {
	case 0:
		return PARTY_CUT;
	case EAGAIN:
		return PARTY_STALLED;
	default:
		return PARTY_RESET;
	}
}

/* Reads a flight: they are of one length. */
static bool read_flight(int fd, const struct hs *hs, enum hs_flight which, enum party_end *end)
{
	uint8_t want[HS_FLIGHT_MAX], seen[HS_FLIGHT_MAX];
	size_t len = hs_flight(hs, which, want), got = 0;
	ssize_t n = 1;

	while (got < len && (n = read(fd, seen + got, len - got)) > 0) {
		got += n;
		/* Instead of a flight, an alert in plaintext. */
		if (got >= 5 && seen[0] == CT_ALERT) {
			*end = PARTY_ALERT;
			return false;
		}
	}
	if (got == len && !memcmp(want, seen, len))
		return true;
	*end = end_of(n < 0 ? errno : 0);
	return false;
}

/* Errors are noticed when reading. */
static void send_flight(int fd, const struct hs *hs, enum hs_flight which)
{
	uint8_t flight[HS_FLIGHT_MAX];

	if (send(fd, flight, hs_flight(hs, which, flight), MSG_NOSIGNAL) < 0)
		errno = 0;
}

bool party_handshake(int fd, bool server, const struct hs *hs, enum party_end *end)
{
	set_patience(fd);
	if (server) {
		if (!read_flight(fd, hs, HS_CLIENT_HELLO, end))
			return false;
		send_flight(fd, hs, HS_SERVER_FLIGHT);
		return read_flight(fd, hs, HS_CLIENT_FIN, end);
	}
	send_flight(fd, hs, HS_CLIENT_HELLO);
	if (!read_flight(fd, hs, HS_SERVER_FLIGHT, end))
		return false;
	send_flight(fd, hs, HS_CLIENT_FIN);
	return true;
}

/* --- a sink --- */

static void *sink(void *arg)
{
	struct party_sink *s = arg;
	uint8_t type, record[TLS_PAYLOAD_MAX];
	bool closed = false;

	for (;;) {
		ssize_t n = peer_recv(s->peer, &type, record, sizeof(record));

		if (n < 0) {
			/* No failure may make a record that is not authentic. */
			if (errno == EBADMSG)
				harness_fail(__FILE__, __LINE__, "a record is not authentic");
			s->end = closed && !errno ? PARTY_CLOSED : end_of(errno);
			return NULL;
		}
		if (closed)
			harness_fail(__FILE__, __LINE__, "a record behind close_notify");
		if (type == CT_ALERT && n == 2 && record[1]) {
			s->end = PARTY_ALERT;
			return NULL;
		}
		if (type == CT_ALERT) {
			closed = true;
			continue;
		}
		ASSERT_LE(s->len + n, s->size);
		memcpy(s->data + s->len, record, n);
		s->len += n;
	}
}

void party_sink_start(struct party_sink *s, struct peer *peer, uint8_t *data, size_t size)
{
	s->peer = peer;
	s->data = data;
	s->size = size;
	s->len = 0;
	set_patience(peer->fd);
	job_run(&s->job, sink, s);
}

void party_sink_wait(struct party_sink *s)
{
	job_wait(&s->job, 2000 * PATIENCE);
}

/* --- a server --- */

static bool send_record(struct peer *p, uint8_t type, const void *data, size_t len)
{
	size_t n = peer_seal(p, type, data, len, p->out);

	return send(p->fd, p->out, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static void serve(struct party_server *s, int fd)
{
	uint8_t type, record[TLS_PAYLOAD_MAX];
	enum party_end end;
	struct peer p;
	ssize_t n;

	peer_init(&p, fd, true, s->hs);
	if (party_handshake(fd, true, s->hs, &end)) {
		do {
			n = peer_recv(&p, &type, record, sizeof(record));
		} while (n >= 0 && type == CT_DATA && send_record(&p, CT_DATA, record, n));
		send_record(&p, CT_ALERT, "\1", 2);
	}
	peer_free(&p);
}

static void *server(void *arg)
{
	struct party_server *s = arg;
	struct pollfd p[2] = { { s->fd, POLLIN, 0 }, { s->stop[0], POLLIN, 0 } };

	for (;;) {
		int fd;

		poll(p, 2, -1);
		if (p[1].revents)
			return NULL;
		/* The connection may have been reset meanwhile. */
		fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			serve(s, fd);
	}
}

void party_server_start(struct party_server *s, const struct hs *hs, int family)
{
	s->hs = hs;
	s->fd = net_listen(family, 8, &s->addr);
	net_nonblock(s->fd, true);
	OK(pipe(s->stop));
	job_run(&s->job, server, s);
}

void party_server_stop(struct party_server *s)
{
	OK(write(s->stop[1], "", 1));
	job_wait(&s->job, 4000 * PATIENCE);
	close(s->fd);
	close(s->stop[0]);
	close(s->stop[1]);
}

/* --- data --- */

void party_echo(int fd, size_t len)
{
	uint8_t *out = malloc(len), *in = malloc(len);

	ASSERT_TRUE(out && in);
	net_pattern(out, len, 77);
	net_write(fd, out, len);
	net_read(fd, in, len);
	ASSERT_MEMEQ(out, in, len);
	free(out);
	free(in);
}

void party_exchange(int fd, struct peer *peer, size_t len)
{
	uint8_t *out = malloc(len), *in = malloc(len);

	ASSERT_TRUE(out && in);
	net_pattern(out, len, 78);
	net_write(fd, out, len);
	peer_recv_data(peer, in, len);
	ASSERT_MEMEQ(out, in, len);
	memset(in, 0, len);
	peer_send_data(peer, out, len);
	net_read(fd, in, len);
	ASSERT_MEMEQ(out, in, len);
	free(out);
	free(in);
}
