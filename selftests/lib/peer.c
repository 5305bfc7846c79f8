// SPDX-License-Identifier: GPL-2.0-or-later
/* The scripted peer. See peer.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "net.h"
#include "peer.h"

void peer_init(struct peer *p, int fd, bool server, const struct hs *hs)
{
	const uint8_t *c = hs->client_secret, *s = hs->server_secret;

	memset(p, 0, sizeof(*p));
	p->fd = fd;
	p->server = server;
	p->hs = hs;
	p->buf = malloc(128 * 1024);
	p->out = malloc(128 * 1024);
	ASSERT_TRUE(p->buf && p->out);
	if (server) {
		tls_dir_init(&p->tx, hs->suite, s, hs->server_iv, hs->server_seq);
		tls_dir_init(&p->rx, hs->suite, c, hs->client_iv, hs->client_seq);
	} else {
		tls_dir_init(&p->tx, hs->suite, c, hs->client_iv, hs->client_seq);
		tls_dir_init(&p->rx, hs->suite, s, hs->server_iv, hs->server_seq);
	}
}

void peer_free(struct peer *p)
{
	tls_dir_free(&p->tx);
	tls_dir_free(&p->rx);
	free(p->buf);
	free(p->out);
	p->buf = p->out = NULL;
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

/* Returns @len, fewer bytes before a FIN, or -1. */
static ssize_t read_all(int fd, uint8_t *buf, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = read(fd, buf + got, len - got);

		if (n < 0)
			return -1;
		if (!n)
			break;
		got += n;
	}
	return got;
}

/* A record as it is on the wire. Its length, 0 for FIN, -1. */
static ssize_t recv_wire(struct peer *p)
{
	ssize_t n = read_all(p->fd, p->buf, 5);
	size_t len;

	if (n <= 0)
		return n;
	if (n < 5)
		return 0;
	len = p->buf[3] << 8 | p->buf[4];
	n = read_all(p->fd, p->buf + 5, len);
	if (n < 0)
		return -1;
	return (size_t)n == len ? 5 + n : 0;
}

void peer_send_raw(struct peer *p, const void *buf, size_t len)
{
	net_write(p->fd, buf, len);
}

void peer_send_flight(struct peer *p, enum hs_flight which)
{
	uint8_t flight[HS_FLIGHT_MAX];

	peer_send_raw(p, flight, hs_flight(p->hs, which, flight));
}

void peer_recv_flight(struct peer *p, enum hs_flight which)
{
	ssize_t n;

	do {
		n = recv_wire(p);
		if (n <= 0) {
			harness_fail(__FILE__, __LINE__, "the flight ended early: %s",
				     n ? strerrorname_np(errno) : "FIN");
			harness_end();
		}
		ASSERT_NE(CT_ALERT, p->buf[0]);
	} while (which != HS_CLIENT_HELLO && !hs_flight_end(p->buf, n));
}

void peer_handshake(struct peer *p)
{
	if (p->server) {
		peer_recv_flight(p, HS_CLIENT_HELLO);
		peer_send_flight(p, HS_SERVER_FLIGHT);
		peer_recv_flight(p, HS_CLIENT_FIN);
	} else {
		peer_send_flight(p, HS_CLIENT_HELLO);
		peer_recv_flight(p, HS_SERVER_FLIGHT);
		peer_send_flight(p, HS_CLIENT_FIN);
	}
}

size_t peer_seal(struct peer *p, uint8_t type, const void *data, size_t len, uint8_t *out)
{
	struct tls_record r = { .type = type, .data = data, .len = len };

	return tls_seal(&p->tx, &r, out);
}

void peer_send_record(struct peer *p, const struct tls_record *r)
{
	peer_send_raw(p, p->out, tls_seal(&p->tx, r, p->out));
}

void peer_send(struct peer *p, uint8_t type, const void *data, size_t len)
{
	struct tls_record r = { .type = type, .data = data, .len = len };

	peer_send_record(p, &r);
}

void peer_send_data(struct peer *p, const void *data, size_t len)
{
	while (len) {
		size_t n = len < TLS_PAYLOAD_MAX ? len : TLS_PAYLOAD_MAX;

		peer_send(p, CT_DATA, data, n);
		data = (const char *)data + n;
		len -= n;
	}
}

void peer_send_alert(struct peer *p, uint8_t level, uint8_t description)
{
	uint8_t alert[2] = { level, description };

	peer_send(p, CT_ALERT, alert, 2);
}

void peer_send_update(struct peer *p, uint8_t request)
{
	const uint8_t message[] = { 24, 0, 0, 1, request };

	peer_send(p, CT_HANDSHAKE, message, sizeof(message));
	tls_dir_update(&p->tx);
}

void peer_send_close(struct peer *p)
{
	peer_send_alert(p, 1, 0);
}

void peer_send_ticket(struct peer *p)
{
	/* lifetime 7200, age_add, nonce of 1 byte, ticket of 32, no extensions */
	uint8_t ticket[4 + 4 + 4 + 2 + 2 + 32 + 2] = {
		4, 0, 0, sizeof(ticket) - 4, 0, 0, 0x1c, 0x20, 1, 2, 3, 4, 1, 7, 0, 32,
	};

	ASSERT_EQ(KTLS_TLS_1_3, p->hs->suite->version);
	peer_send(p, CT_HANDSHAKE, ticket, sizeof(ticket));
}

ssize_t peer_recv(struct peer *p, uint8_t *type, void *buf, size_t size)
{
	uint8_t plain[TLS_RECORD_MAX];
	ssize_t n = recv_wire(p);

	if (n <= 0) {
		errno = n ? errno : 0;
		return -1;
	}
	ASSERT_LE(n, TLS_RECORD_MAX);
	n = tls_open(&p->rx, p->buf, n, plain, type, &p->pad);
	if (n < 0) {
		errno = EBADMSG;
		return -1;
	}
	ASSERT_LE(n, TLS_PAYLOAD_MAX);
	ASSERT_LE((size_t)n, size);
	memcpy(buf, plain, n);
	return n;
}

static void recv_failed(const char *what, uint8_t type, ssize_t n)
{
	if (n < 0)
		harness_fail(__FILE__, __LINE__, "expected %s, got %s", what,
			     errno ? strerrorname_np(errno) : "FIN");
	else
		harness_fail(__FILE__, __LINE__, "expected %s, got %zd bytes of type %u", what, n, type);
	harness_end();
}

void peer_recv_data(struct peer *p, void *buf, size_t len)
{
	uint8_t record[TLS_PAYLOAD_MAX], type = 0;
	size_t got = 0;

	while (got < len) {
		ssize_t n = peer_recv(p, &type, record, sizeof(record));

		if (n < 0 || type != CT_DATA)
			recv_failed("data", type, n);
		ASSERT_LE(got + n, len);
		memcpy((char *)buf + got, record, n);
		got += n;
	}
}

void peer_expect_alert(struct peer *p, uint8_t description)
{
	uint8_t record[TLS_PAYLOAD_MAX], type = 0;
	ssize_t n = peer_recv(p, &type, record, sizeof(record));

	if (n != 2 || type != CT_ALERT)
		recv_failed("an alert", type, n);
	ASSERT_EQ(description, record[1]);
	/* RFC 8446 6: all but close_notify and user_canceled are fatal */
	if (description)
		EXPECT_EQ(2, record[0]);
}

bool peer_drain_to_fin(struct peer *p)
{
	ssize_t n;

	do {
		n = read(p->fd, p->buf, 65536);
	} while (n > 0);
	return n == 0;
}

void peer_expect_close(struct peer *p)
{
	uint8_t byte;
	ssize_t n;

	peer_expect_alert(p, 0);
	n = read(p->fd, &byte, 1);
	if (n)
		recv_failed("FIN", 0, n);
}
