// SPDX-License-Identifier: GPL-2.0-or-later
/* External keys: one direction only, the end of the stream, and bad records. */
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "lib/keys.h"

static uint8_t big[1 << 16], back[1 << 17];

/* FIN, and before it no alert. */
static void expect_fin(struct peer *p)
{
	uint8_t type = 0;
	ssize_t n = peer_recv(p, &type, back, sizeof(back));

	EXPECT_EQ(-1, n);
	EXPECT_ERRNO(0, n < 0 ? errno : EEXIST);
}

static void expect_rst(struct peer *p)
{
	EVENTUALLY(net_poll(p->fd, POLLIN, 0) & POLLHUP, 3000);
	FAILS(ECONNRESET, read(p->fd, back, 1));
}

static void close_fd(struct keys *k)
{
	OK(close(k->fd));
	k->fd = -1;
}

/* Calls that need the key for receiving. */
static void poke_receiving(struct keys *k)
{
	int pipes[2], inq = -1;

	OK(pipe(pipes));
	FAILS(ENOTCONN, recv(k->fd, back, 10, 0));
	FAILS(ENOTCONN, recv(k->fd, back, 10, MSG_PEEK | MSG_DONTWAIT));
	FAILS(ENOTCONN, splice(k->fd, NULL, pipes[1], NULL, 10, 0));
	OK(ioctl(k->fd, FIONREAD, &inq));
	EXPECT_EQ(0, inq);
	EXPECT_EQ(POLLOUT, net_poll(k->fd, POLLIN | POLLOUT, 0));
	close(pipes[0]);
	close(pipes[1]);
}

TEST_F(keys, only_sending)
{
	struct peer *p = &self->k.peer;

	OK(keys_set(&self->k, TLS_TX));
	poke_receiving(&self->k);
	peer_send_data(p, big, 3);
	peer_send_raw(p, "rubbish that nobody can know", 28);
	harness_nap(20);
	poke_receiving(&self->k);
	net_write(self->k.fd, "data", 4);
	peer_recv_data(p, back, 4);
	OK(shutdown(p->fd, SHUT_WR));
	EVENTUALLY(net_tcp_state(self->k.fd) == TCP_CLOSE_WAIT, 2000);
	FAILS(ENOTCONN, recv(self->k.fd, back, 10, 0));
	net_write(self->k.fd, "data", 4);
	peer_recv_data(p, back, 4);
	OK(shutdown(self->k.fd, SHUT_WR));
	expect_fin(p);
}

/* Bytes of an incomplete record count as unread. */
TEST_F(keys, only_sending_and_unread_bytes)
{
	OK(keys_set(&self->k, TLS_TX));
	peer_send_data(&self->k.peer, "unread", 6);
	harness_nap(20);
	close_fd(&self->k);
	expect_rst(&self->k.peer);
}

TEST_F(keys, only_receiving)
{
	struct peer *p = &self->k.peer;

	OK(keys_set(&self->k, TLS_RX));
	FAILS(ENOTCONN, send(self->k.fd, "x", 1, 0));
	FAILS(ENOTCONN, send(self->k.fd, "x", 1, MSG_MORE));
	peer_send_data(p, "data", 4);
	net_read(self->k.fd, back, 4);
	EXPECT_MEMEQ("data", back, 4);
	OK(shutdown(self->k.fd, SHUT_WR));
	expect_fin(p);
	FAILS(EPIPE, send(self->k.fd, "x", 1, MSG_NOSIGNAL));
	peer_send_data(p, "more", 4);
	net_read(self->k.fd, back, 4);
	close_fd(&self->k);
}

TEST_F(keys, nothing_is_plain)
{
	struct capture c;

	capture_start(&c);
	capture_fill(big, 10000);
	FAILS(ENOTCONN, send(self->k.fd, big, 10000, 0));
	OK(keys_set(&self->k, TLS_RX));
	FAILS(ENOTCONN, send(self->k.fd, big, 10000, 0));
	OK(keys_set(&self->k, TLS_TX));
	net_write(self->k.fd, big, 10000);
	peer_recv_data(&self->k.peer, back, 10000);
	EXPECT_EQ(0, capture_count(&c, MARKER, strlen(MARKER)));
}

/* FIN ends the stream, with or without close_notify, and we send no close_notify. */
TEST_F(keys, fin_is_the_end)
{
	struct peer *p = &self->k.peer;

	keys_both(&self->k);
	peer_send_data(p, "last", 4);
	OK(shutdown(p->fd, SHUT_WR));
	net_read(self->k.fd, back, 4);
	EXPECT_EQ(0, OK(read(self->k.fd, back, 10)));
	EXPECT_EQ(0, OK(read(self->k.fd, back, 10)));
	EXPECT_TRUE(net_poll(self->k.fd, POLLIN | POLLRDHUP, 0) & POLLIN);
	net_write(self->k.fd, "bye", 3);
	OK(shutdown(self->k.fd, SHUT_WR));
	FAILS(EPIPE, send(self->k.fd, "x", 1, MSG_NOSIGNAL));
	peer_recv_data(p, back, 3);
	expect_fin(p);
	EXPECT_EQ(0, net_mib("AlertsSent"));
	EXPECT_EQ(0, net_mib("Truncated"));
}

/* FIN in the middle of a record: only complete records are delivered. */
TEST_F(keys, fin_within_a_record)
{
	struct peer *p = &self->k.peer;
	size_t n;

	keys_both(&self->k);
	peer_send_data(p, "whole", 5);
	n = peer_seal(p, CT_DATA, big, 1000, back);
	peer_send_raw(p, back, n - 1);
	OK(shutdown(p->fd, SHUT_WR));
	net_read(self->k.fd, back, 5);
	EXPECT_EQ(0, OK(read(self->k.fd, back, 10)));
}

TEST_F(keys, close_flushes_and_says_nothing)
{
	struct peer *p = &self->k.peer;

	keys_both(&self->k);
	ASSERT_EQ(4, send(self->k.fd, "open", 4, MSG_MORE));
	close_fd(&self->k);
	peer_recv_data(p, back, 4);
	expect_fin(p);
	EXPECT_EQ(0, net_mib("Lingers"));
}

TEST_F(keys, close_with_unread_data)
{
	keys_both(&self->k);
	net_write(self->k.fd, "data", 4);
	peer_recv_data(&self->k.peer, back, 4);
	peer_send_data(&self->k.peer, "unread", 6);
	EXPECT_EQ(POLLIN, net_poll(self->k.fd, POLLIN, 2000));
	close_fd(&self->k);
	expect_rst(&self->k.peer);
}

/* close() with a record that was opened by MSG_PEEK, or that is a control record: RST. */
TEST_F(keys, close_with_opened_data)
{
	keys_both(&self->k);
	if (is_tls13(&self->k.peer))
		peer_send(&self->k.peer, CT_HANDSHAKE, "ticket", 6);
	else
		peer_send_data(&self->k.peer, "unread", 6);
	EVENTUALLY(recv(self->k.fd, back, 3, MSG_PEEK | MSG_DONTWAIT) == 3 || errno == EIO, 2000);
	close_fd(&self->k);
	expect_rst(&self->k.peer);
}

/* A peer that does not read gets what was sealed after close. */
TEST_F_TIMEOUT(keys, close_with_pending_data, 60)
{
	size_t sent = 0, got = 0;
	uint8_t type;
	ssize_t n;

	keys_both(&self->k);
	net_pattern(big, sizeof(big), 1);
	for (;;) {
		n = send(self->k.fd, big + sent % 32768, 32768 - sent % 32768, MSG_DONTWAIT);
		if (n < 0)
			break;
		sent += n;
		ASSERT_LT(sent, 64 << 20);
	}
	ASSERT_EQ(EAGAIN, errno);
	close_fd(&self->k);
	while (got < sent) {
		n = OK(peer_recv(&self->k.peer, &type, back, sizeof(back)));
		ASSERT_EQ(CT_DATA, type);
		ASSERT_LE(got + n, sent);
		for (ssize_t i = 0; i < n; i++)
			if (back[i] != big[(got + i) % 32768])
				ASSERT_EQ(big[(got + i) % 32768], back[i]);
		got += n;
	}
	expect_fin(&self->k.peer);
}

/* After a bad record all reads and writes fail with EBADMSG; the peer gets no alert. */
TEST_F(keys, bad_record)
{
	struct tls_record bad = { .type = CT_DATA, .data = "wrong", .len = 5, .flip = 1 };
	struct peer *p = &self->k.peer;
	int pipes[2];

	OK(pipe(pipes));
	keys_both(&self->k);
	peer_send_data(p, "right", 5);
	peer_send_record(p, &bad);
	peer_send_data(p, "after", 5);
	net_read(self->k.fd, back, 5);
	EXPECT_MEMEQ("right", back, 5);
	for (int i = 0; i < 3; i++) {
		FAILS(EBADMSG, recv(self->k.fd, back, 10, 0));
		FAILS(EBADMSG, recv(self->k.fd, back, 10, MSG_PEEK | MSG_DONTWAIT));
		FAILS(EBADMSG, splice(self->k.fd, NULL, pipes[1], NULL, 10, 0));
		FAILS(EBADMSG, send(self->k.fd, "x", 1, MSG_NOSIGNAL));
	}
	EXPECT_EQ(1, net_mib("RxBad"));
	EXPECT_EQ(0, net_mib("AlertsSent"));
	EXPECT_TRUE(strlen(sock_error(self->k.fd)) > 0);
	EXPECT_EQ(0, net_poll(p->fd, POLLIN, 50));
	close_fd(&self->k);
}

TEST_F(keys, bad_record_and_poll)
{
	struct tls_record bad = { .type = CT_ALERT, .data = "wrong", .len = 5, .flip = 20 };

	keys_both(&self->k);
	peer_send_record(&self->k.peer, &bad);
	EXPECT_EQ(POLLIN | POLLERR, net_poll(self->k.fd, POLLIN, 2000) | POLLERR);
	EXPECT_TRUE(net_poll(self->k.fd, POLLIN, 0) & POLLERR);
	EXPECT_EQ(EBADMSG, net_so_error(self->k.fd));
	FAILS(EBADMSG, recv(self->k.fd, back, 10, 0));
}

/* As in mainline: an invalid header is reported once, and nothing after it is read. */
TEST_F(keys, bad_header)
{
	static const struct {
		uint8_t	bytes[5];
		int	error;
	} heads[] = {
		{ { 0x55, 0x55, 0x55, 0x55, 0x55 }, EMSGSIZE },
		{ { 23, 3, 3, 0xff, 0xff }, EMSGSIZE },
		{ { 23, 3, 3, 0, 3 }, EBADMSG },
		{ { 23, 3, 1, 1, 0 }, EINVAL },
	};
	const uint16_t suite = self->k.hs.suite->id;

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		memset(big, 0x55, 4096);
		memcpy(big, heads[i].bytes, 5);
		keys_both(&self->k);
		peer_send_data(&self->k.peer, "data", 4);
		peer_send_raw(&self->k.peer, big, 4096);
		net_read(self->k.fd, back, 4);
		FAILS(heads[i].error, recv(self->k.fd, back, 10, 0));
		FAILS(EAGAIN, recv(self->k.fd, back, 10, MSG_DONTWAIT));
		EXPECT_EQ(0, net_poll(self->k.fd, POLLIN, 20));
		EXPECT_EQ(0, net_poll(self->k.peer.fd, POLLIN, 0));
		keys_close(&self->k);
		keys_open(&self->k, suite, AF_INET);
	}
}

/* Inner plaintext of TLS 1.3 without a type. */
TEST_F(keys, no_inner_type)
{
	struct tls_record r = { .type = 0, .no_type = true, .data = "\0\0\0", .len = 3, .pad = 5 };

	keys_both(&self->k);
	peer_send_record(&self->k.peer, &r);
	FAILS(EBADMSG, recv(self->k.fd, back, 10, 0));
	FAILS(EBADMSG, recv(self->k.fd, back, 10, 0));
}

TEST_F(keys, reset_by_the_peer)
{
	keys_both(&self->k);
	net_rst(self->k.peer.fd);
	self->k.peer.fd = -1;
	EVENTUALLY(net_poll(self->k.fd, POLLIN, 0) & POLLERR, 2000);
	FAILS(ECONNRESET, recv(self->k.fd, back, 10, 0));
	EXPECT_EQ(0, OK(recv(self->k.fd, back, 10, 0)));
	FAILS(EPIPE, send(self->k.fd, "x", 1, MSG_NOSIGNAL));
}
