// SPDX-License-Identifier: GPL-2.0-or-later
/* The end of a stream; tickets and other handshake messages; small buffers; padding. */
#include <fcntl.h>
#include <poll.h>

#include "lib/record.h"

static uint8_t big[1 << 18], back[1 << 18];

TEST_F(record, close_notify_is_eof)
{
	peer_send_data(self->r.p, "bye", 3);
	peer_send_close(self->r.p);
	net_read(self->r.fd, back, 3);
	EXPECT_TRUE(net_poll(self->r.fd, POLLIN | POLLRDHUP, 2000) & POLLIN);
	EXPECT_EQ(0, read(self->r.fd, back, 1));
	EXPECT_EQ(0, read(self->r.fd, back, 1));
	EXPECT_EQ(0, sock_info(self->r.fd).alert_rcvd);
	EXPECT_TRUE(sock_info(self->r.fd).flags & KTLS_INFO_CLOSE_RCVD);
	/* half closed: this direction goes on (RFC 8446 6.1) */
	if (is_tls13(self->r.p)) {
		net_write(self->r.fd, "still here", 10);
		peer_recv_data(self->r.p, back, 10);
	}
}

/* Records after close_notify are ignored, even authentic ones. */
TEST_F(both, data_behind_close_notify)
{
	peer_send_close(self->r.p);
	peer_send_data(self->r.p, "more", 4);
	EXPECT_TRUE(net_poll(self->r.fd, POLLIN, 2000) & POLLIN);
	EXPECT_EQ(0, read(self->r.fd, back, 10));
	EXPECT_EQ(0, read(self->r.fd, back, 10));
}

TEST_F(both, fin_without_close_notify)
{
	peer_send_data(self->r.p, "cut", 3);
	shutdown(self->r.p->fd, SHUT_WR);
	EXPECT_TRUE(net_poll(self->r.fd, POLLIN, 2000) & POLLIN);
	net_read(self->r.fd, back, 3);
	EXPECT_TRUE(net_poll(self->r.fd, POLLIN, 2000) & POLLIN);
	FAILS(ECONNABORTED, read(self->r.fd, back, 1));
	/* an error, and not end of file, afterwards */
	EXPECT_EQ(-1, read(self->r.fd, back, 1));
	EXPECT_EQ(1, net_mib("Truncated"));
}

TEST_F(both, fin_within_a_record)
{
	uint8_t rec[500];
	size_t n;

	peer_send_data(self->r.p, "cut", 3);
	n = peer_seal(self->r.p, CT_DATA, big, 100, rec);
	peer_send_raw(self->r.p, rec, n - 1);
	shutdown(self->r.p->fd, SHUT_WR);
	net_read(self->r.fd, back, 3);
	FAILS(ECONNABORTED, read(self->r.fd, back, 100));
}

static void *read_cut(void *arg)
{
	FAILS(ECONNABORTED, read(*(int *)arg, back, 1));
	return NULL;
}

TEST_F(both, a_sleeping_reader_is_woken_by_fin)
{
	struct job j;

	job_run(&j, read_cut, &self->r.fd);
	harness_nap(20);
	EXPECT_FALSE(j.done);
	shutdown(self->r.p->fd, SHUT_WR);
	job_wait(&j, 2000);
}

TEST_F(both, rst_after_data)
{
	peer_send_data(self->r.p, "data", 4);
	EXPECT_EQ(POLLIN, net_poll(self->r.fd, POLLIN, 2000));
	net_rst(self->r.p->fd);
	self->r.p->fd = -1;
	EVENTUALLY(net_poll(self->r.fd, 0, 0) & POLLHUP, 2000);
	/* Linux keeps what had arrived: recv() returns it first, then the error */
	EXPECT_EQ(4, recv(self->r.fd, back, 4, 0));
	FAILS(ECONNRESET, read(self->r.fd, back, 1));
	/* and for every later call: 0 would mean that the peer has ended the stream */
	FAILS(ECONNRESET, read(self->r.fd, back, 1));
}

/* The RST is reported by the next call if a call found data and RST. */
TEST_F(both, rst_in_the_middle_of_a_waitall)
{
	peer_send_data(self->r.p, "data", 4);
	EXPECT_EQ(POLLIN, net_poll(self->r.fd, POLLIN, 2000));
	net_rst(self->r.p->fd);
	self->r.p->fd = -1;
	EVENTUALLY(net_poll(self->r.fd, 0, 0) & POLLHUP, 2000);
	EXPECT_EQ(4, recv(self->r.fd, back, 100, MSG_WAITALL));
	FAILS(ECONNRESET, recv(self->r.fd, back, 100, MSG_WAITALL));
}

static void lenient_eof(int fd)
{
	OK(sock_set_int(fd, KTLS_EOF, 0));
}

TEST(ktls_eof_0_takes_fin_for_eof)
{
	struct conn c;
	struct env e;

	for (int i = 0; i < 2; i++) {
		env_start(&e, i ? S12_AES128 : S13_AES128);
		e.prepare = lenient_eof;
		conn_open(&c, &e, i ? ROLE_SERVER : ROLE_CLIENT, AF_INET);
		peer_send_data(&c.peer, "cut", 3);
		shutdown(c.peer.fd, SHUT_WR);
		net_read(c.fd, back, 3);
		EXPECT_EQ(0, read(c.fd, back, 1));
		EXPECT_EQ(0, read(c.fd, back, 1));
		conn_close(&c);
	}
}

/* --- tickets --- */

TEST_F(tls13_client, a_ticket_is_not_readable)
{
	peer_send_ticket(self->r.p);
	peer_send_ticket(self->r.p);
	EXPECT_EQ(0, net_poll(self->r.fd, POLLIN, 100));
	FAILS(EAGAIN, recv(self->r.fd, back, 1, MSG_DONTWAIT));
	FAILS(EAGAIN, recv(self->r.fd, back, 1, MSG_DONTWAIT | MSG_PEEK));
	peer_send_data(self->r.p, "x", 1);
	EXPECT_EQ(POLLIN, net_poll(self->r.fd, POLLIN, 2000));
	EXPECT_EQ(1, recv(self->r.fd, back, 100, 0));
	EXPECT_EQ('x', back[0]);
}

static void *read_one(void *arg)
{
	char c = 0;

	EXPECT_EQ(1, read(*(int *)arg, &c, 1));
	EXPECT_EQ('x', c);
	return NULL;
}

/* A sleeping reader is not woken by a ticket, but by the data after it. */
TEST_F(tls13_client, a_reader_sleeps_through_tickets)
{
	struct job j;

	job_run(&j, read_one, &self->r.fd);
	for (int i = 0; i < 5; i++) {
		peer_send_ticket(self->r.p);
		harness_nap(10);
	}
	EXPECT_FALSE(j.done);
	peer_send_data(self->r.p, "x", 1);
	job_wait(&j, 2000);
}

/* Data, ticket, data in one segment: both data are delivered once, in order. */
TEST_F(tls13_client, tickets_among_data)
{
	uint8_t wire[20000], ticket[39] = { 4, 0, 0, 35, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1, 0, 21 };
	size_t n = 0;

	net_pattern(big, 1000, 1);
	for (int i = 0; i < 10; i++) {
		n += peer_seal(self->r.p, CT_DATA, big + i * 100, 50, wire + n);
		n += peer_seal(self->r.p, CT_HANDSHAKE, ticket, sizeof(ticket), wire + n);
		n += peer_seal(self->r.p, CT_DATA, big + i * 100 + 50, 50, wire + n);
	}
	peer_send_raw(self->r.p, wire, n);
	for (size_t got = 0; got < 1000;) {
		ssize_t r;

		ASSERT_EQ(POLLIN, net_poll(self->r.fd, POLLIN, 2000));
		r = OK(recv(self->r.fd, back + got, 37, MSG_DONTWAIT));
		ASSERT_GT(r, 0);
		got += r;
	}
	EXPECT_MEMEQ(big, back, 1000);
	EXPECT_EQ(0, net_poll(self->r.fd, POLLIN, 50));
}

/* A server refuses a ticket. */
TEST_F(tls13_server, a_ticket_to_a_server)
{
	peer_send_ticket(self->r.p);
	EXPECT_TRUE(net_poll(self->r.fd, POLLIN, 2000));
	FAILS(EPROTO, recv(self->r.fd, back, 1, 0));
	peer_expect_alert(self->r.p, 10);
}

/* Messages that are not allowed after the handshake: no call hangs, and no data is lost without
 * an error.
 */
TEST_F(both, late_handshake_messages)
{
	static const uint8_t types[] = { 0, 1, 2, 8, 11, 13, 15, 20, 24, 254 };

	for (size_t i = 0; i < sizeof(types); i++) {
		uint8_t msg[8] = { types[i], 0, 0, 1, 0 };
		ssize_t n;

		/* KeyUpdate is allowed in 1.3: key_update.c */
		if (types[i] == 24 && is_tls13(self->r.p))
			continue;
		if (i)
			record_reopen(&self->r, 0);
		peer_send(self->r.p, CT_HANDSHAKE, msg, 5);
		peer_send_data(self->r.p, "x", 1);
		EXPECT_TRUE(net_poll(self->r.fd, POLLIN, 2000));
		n = recv(self->r.fd, back, 100, 0);
		/* 1.2 may ignore HelloRequest and refuse ClientHello with a warning */
		if (n < 0)
			EXPECT_ERRNO(EPROTO, errno);
		else
			EXPECT_TRUE(n == 1 && !is_tls13(self->r.p) && types[i] < 2);
		if (harness_failed())
			harness_note("message type %u", types[i]);
	}
}

/* --- small buffers --- */

/* The first @len bytes of big in the largest records. Returns their length. */
static size_t seal_full(struct peer *p, size_t len, uint8_t *wire)
{
	size_t n = 0;

	for (size_t at = 0; at < len; at += 16384)
		n += peer_seal(p, CT_DATA, big + at, 16384, wire + n);
	return n;
}

/* Records larger than the receive buffer, and windows of a few bytes: nothing stalls. */
TEST_F(record, receive_buffer_of_4k)
{
	struct transfer t;
	static uint8_t wire[12 * 17000];
	size_t n, len = 10 * 16384;

	record_reopen(&self->r, 2048);
	net_pattern(big, len, 2);
	n = seal_full(self->r.p, len, wire);
	transfer_write(&t, self->r.p->fd, wire, n);
	for (size_t got = 0; got < len;) {
		ssize_t r;

		ASSERT_EQ(POLLIN, net_poll(self->r.fd, POLLIN, 10000));
		r = OK(recv(self->r.fd, back + got, 10000, MSG_DONTWAIT));
		got += r;
	}
	transfer_wait(&t, 1000);
	EXPECT_MEMEQ(big, back, len);
}

/* The same with a reader who blocks and never polls. */
TEST_F(both, receive_buffer_of_4k_blocking)
{
	struct transfer t;
	static uint8_t wire[6 * 17000];
	size_t n, len = 5 * 16384;

	record_reopen(&self->r, 2048);
	net_pattern(big, len, 3);
	n = seal_full(self->r.p, len, wire);
	transfer_read(&t, self->r.fd, back, len);
	/* in segments of one byte at first: each costs the buffer a whole skb */
	for (size_t i = 0; i < 3000; i++)
		peer_send_raw(self->r.p, wire + i, 1);
	net_write(self->r.p->fd, wire + 3000, n - 3000);
	transfer_wait(&t, 15000);
	EXPECT_MEMEQ(big, back, len);
}

/* The receive buffer is full with half a record, and the program waits in poll(). */
TEST_F(both, poll_on_a_full_buffer)
{
	struct transfer t;
	uint8_t wire[17000];
	size_t n;

	record_reopen(&self->r, 2048);
	n = peer_seal(self->r.p, CT_DATA, big, 16384, wire);
	transfer_write(&t, self->r.p->fd, wire, n);
	/* poll() alone must make room for the rest */
	EXPECT_EQ(POLLIN, net_poll(self->r.fd, POLLIN, 10000));
	transfer_wait(&t, 5000);
	net_read(self->r.fd, back, 16384);
}

/* --- padding --- */

TEST_F(tls13, padded_records)
{
	static const size_t pads[] = { 1, 15, 16, 255, 4096, 10000 };

	net_pattern(big, 200, 4);
	for (size_t i = 0; i < ARRAY_SIZE(pads); i++) {
		struct tls_record r = { .type = CT_DATA, .data = big, .len = 200, .pad = pads[i] };
		struct tls_record empty = { .type = CT_DATA, .pad = pads[i] };

		peer_send_record(self->r.p, &empty);
		peer_send_record(self->r.p, &r);
		net_read(self->r.fd, back, 200);
		EXPECT_MEMEQ(big, back, 200);
	}
	FAILS(EAGAIN, recv(self->r.fd, back, 1, MSG_DONTWAIT));
}

static void pad_to_1000(int fd)
{
	OK(setsockopt(fd, SOL_TLS, KTLS_RECORD_PADDING, &(uint16_t){ 1000 }, 2));
}

/* KTLS_RECORD_PADDING: every record carries a multiple of 1000 bytes, or is full. */
TEST_F(both, padding_sent)
{
	static const size_t lens[] = { 1, 999, 1000, 1001, 15999, 16001, 16384 };
	const size_t multiple = is_tls13(self->r.p) ? 1000 : 1;
	struct peer *p;
	int pipefd[2];
	uint8_t type;

	conn_close(&self->r.c);
	self->r.e.prepare = pad_to_1000;
	conn_open(&self->r.c, &self->r.e, self->r.role, self->r.family);
	p = self->r.p = &self->r.c.peer;
	net_pattern(big, sizeof(big), 6);
	OK(pipe(pipefd));
	for (size_t i = 0; i < 2 * ARRAY_SIZE(lens); i++) {
		const size_t len = lens[i / 2];

		if (i % 2 && len <= 4096) {
			ASSERT_EQ((ssize_t)len, write(pipefd[1], big, len));
			ASSERT_EQ((ssize_t)len,
				  splice(pipefd[0], NULL, self->r.c.fd, NULL, len, 0));
		} else {
			net_write(self->r.c.fd, big, len);
		}
		ASSERT_EQ((ssize_t)len, peer_recv(p, &type, back, sizeof(back)));
		EXPECT_EQ(CT_DATA, type);
		EXPECT_MEMEQ(big, back, len);
		EXPECT_TRUE((len + p->pad) % multiple == 0 || len + p->pad == 16384);
		if (multiple == 1)
			EXPECT_EQ(0, p->pad);
	}
	OK(shutdown(self->r.c.fd, SHUT_WR));
	peer_expect_alert(p, 0);
	EXPECT_EQ(multiple == 1 ? 0 : 998, p->pad);
}

/* Data that ends in zeros is not padding. */
TEST_F(record, data_of_zeros)
{
	/* One goes through a buffer, the other is opened in the reader's pages first. */
	static const size_t lens[] = { 5000, 9000 };

	memset(big, 0, 9000);
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		struct tls_record r = { .type = CT_DATA, .data = big, .len = lens[i] };

		memset(back, 0x5a, 9600);
		if (is_tls13(self->r.p))
			r.pad = 500;
		peer_send_record(self->r.p, &r);
		ASSERT_EQ(lens[i], recv(self->r.fd, back, 9600, 0));
		EXPECT_MEMEQ(big, back, lens[i]);
		/* What was opened behind the data, in the reader's pages, was wiped. */
		EXPECT_EQ(i && r.pad ? 0 : 0x5a, back[lens[i]]);
		FAILS(EAGAIN, recv(self->r.fd, back, 1, MSG_DONTWAIT));
		net_write(self->r.fd, big, lens[i]);
		peer_recv_data(self->r.p, back, lens[i]);
		EXPECT_EQ(0, self->r.p->pad);
	}
}
