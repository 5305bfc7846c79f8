// SPDX-License-Identifier: GPL-2.0-or-later
/* Sending. The peer that opens the records shares no code with the module. */
#include <poll.h>
#include <sys/uio.h>

#include "lib/record.h"

static uint8_t big[1 << 20], back[1 << 20];

static const size_t sizes[] = {
	1, 2, 15, 16, 17, 63, 64, 1000, 1427, 1448, 4075, 4096, 16383, 16384, 16385, 32768, 65536, 70001,
};

TEST_F(record, send_sizes)
{
	net_pattern(big, sizeof(big), 1);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct transfer t;

		transfer_write(&t, self->r.fd, big, sizes[i]);
		peer_recv_data(self->r.p, back, sizes[i]);
		transfer_wait(&t, 5000);
		ASSERT_MEMEQ(big, back, sizes[i]);
	}
	EXPECT_EQ(0, sock_info(self->r.fd).rx_bytes);
}

/* One call up to 16 KiB is one record, and no record is larger. */
TEST_F(record, a_send_is_a_record)
{
	uint8_t type;

	net_pattern(big, 16384 + 100, 2);
	for (size_t n = 1; n <= 16384; n *= 2) {
		ASSERT_EQ(n, send(self->r.fd, big, n, 0));
		ASSERT_EQ(n, peer_recv(self->r.p, &type, back, sizeof(back)));
		EXPECT_EQ(CT_DATA, type);
	}
	ASSERT_EQ(16384 + 100, send(self->r.fd, big, 16384 + 100, 0));
	EXPECT_EQ(16384, peer_recv(self->r.p, &type, back, sizeof(back)));
	EXPECT_EQ(100, peer_recv(self->r.p, &type, back, sizeof(back)));
}

TEST_F(record, counters)
{
	struct ktls_info info;

	net_write(self->r.fd, big, 16384 + 1);
	net_write(self->r.fd, big, 10);
	peer_recv_data(self->r.p, back, 16384 + 11);
	peer_send_data(self->r.p, big, 100);
	peer_send_data(self->r.p, big, 200);
	net_read(self->r.fd, back, 300);
	info = sock_info(self->r.fd);
	EXPECT_EQ(3, info.tx_records);
	EXPECT_EQ(16384 + 11, info.tx_bytes);
	EXPECT_EQ(2, info.rx_records);
	EXPECT_EQ(300, info.rx_bytes);
	EXPECT_EQ(3, net_mib("TxRecords"));
	EXPECT_EQ(2, net_mib("RxRecords"));
	EXPECT_EQ(16384 + 11, net_mib("TxBytes"));
	EXPECT_EQ(300, net_mib("RxBytes"));
}

/* An empty send makes no record. */
/* ss -tie shows the names that mainline uses. */
TEST_F(record, ss_shows_it)
{
	static const struct {
		uint16_t suite;
		const char *text;
	} ciphers[] = {
		{ S13_AES128, "version: 1.3 cipher: aes-gcm-128" },
		{ S13_AES256, "version: 1.3 cipher: aes-gcm-256" },
		/* an old ss does not know the name of this cipher */
		{ S13_CHACHA, "version: 1.3" },
		{ S12_AES128, "version: 1.2 cipher: aes-gcm-128" },
		{ S12_AES256, "version: 1.2 cipher: aes-gcm-256" },
		{ S12_CHACHA, "version: 1.2" },
	};
	const char *line = net_ss("tcp-ulp-ktls");
	size_t i;

	EXPECT_TRUE(strstr(line, "rxconf: sw txconf: sw"));
	for (i = 0; ciphers[i].suite != variant->kind.suite; i++)
		;
	EXPECT_TRUE(strstr(line, ciphers[i].text));
}

TEST_F(both, send_zero)
{
	uint8_t type;

	EXPECT_EQ(0, send(self->r.fd, big, 0, 0));
	EXPECT_EQ(0, write(self->r.fd, big, 0));
	EXPECT_EQ(0, writev(self->r.fd, &(struct iovec){ big, 0 }, 1));
	net_write(self->r.fd, "x", 1);
	EXPECT_EQ(1, peer_recv(self->r.p, &type, back, sizeof(back)));
}

TEST_F(both, write_and_writev)
{
	struct iovec iov[64];
	size_t total = 0;

	net_pattern(big, sizeof(big), 3);
	ASSERT_EQ(1000, write(self->r.fd, big, 1000));
	peer_recv_data(self->r.p, back, 1000);
	ASSERT_MEMEQ(big, back, 1000);
	for (int i = 0; i < 64; i++) {
		/* odd sizes, empty ones among them */
		iov[i] = (struct iovec){ big + total, i % 7 * (i % 5) * 13 };
		total += iov[i].iov_len;
	}
	ASSERT_EQ(total, writev(self->r.fd, iov, 64));
	peer_recv_data(self->r.p, back, total);
	ASSERT_MEMEQ(big, back, total);
}

TEST_F(both, sendmsg_and_sendmmsg)
{
	struct iovec iov[4] = { { big, 10 }, { big + 10, 20 }, { big + 30, 5000 }, { big + 5030, 1 } };
	struct mmsghdr mm[3];

	net_pattern(big, sizeof(big), 4);
	ASSERT_EQ(5031, sendmsg(self->r.fd, &(struct msghdr){ .msg_iov = iov, .msg_iovlen = 4 }, 0));
	peer_recv_data(self->r.p, back, 5031);
	ASSERT_MEMEQ(big, back, 5031);
	memset(mm, 0, sizeof(mm));
	for (int i = 0; i < 3; i++) {
		mm[i].msg_hdr.msg_iov = &iov[i];
		mm[i].msg_hdr.msg_iovlen = 1;
	}
	ASSERT_EQ(3, sendmmsg(self->r.fd, mm, 3, 0));
	EXPECT_EQ(10, mm[0].msg_len);
	EXPECT_EQ(5000, mm[2].msg_len);
	peer_recv_data(self->r.p, back, 5030);
	ASSERT_MEMEQ(big, back, 5030);
}

TEST_F(both, msg_more_makes_one_record)
{
	uint8_t type;

	net_pattern(big, 600, 5);
	for (int i = 0; i < 5; i++)
		ASSERT_EQ(100, send(self->r.fd, big + i * 100, 100, MSG_MORE));
	ASSERT_EQ(100, send(self->r.fd, big + 500, 100, 0));
	ASSERT_EQ(600, peer_recv(self->r.p, &type, back, sizeof(back)));
	EXPECT_MEMEQ(big, back, 600);
}

/* MSG_MORE holds back less than a record, and for a limited time. */
TEST_F(both, msg_more_and_the_end)
{
	uint8_t type;

	net_pattern(big, 20000, 6);
	ASSERT_EQ(20000, send(self->r.fd, big, 20000, MSG_MORE));
	ASSERT_EQ(16384, peer_recv(self->r.p, &type, back, sizeof(back)));
	OK(shutdown(self->r.fd, SHUT_WR));
	ASSERT_EQ(20000 - 16384, peer_recv(self->r.p, &type, back, sizeof(back)));
	EXPECT_MEMEQ(big + 16384, back, 20000 - 16384);
	peer_expect_close(self->r.p);
}

TEST_F(both, msg_more_and_close)
{
	ASSERT_EQ(5, send(self->r.fd, "hello", 5, MSG_MORE));
	close(self->r.fd);
	self->r.c.fd = -1;
	peer_recv_data(self->r.p, back, 5);
	EXPECT_MEMEQ("hello", back, 5);
	peer_expect_close(self->r.p);
}

/* A non-blocking writer fills the buffer; then the peer reads. */
TEST_F(record, dontwait_fills_up)
{
	size_t sent = 0, got = 0;
	struct peer *p = self->r.p;

	net_pattern(big, sizeof(big), 7);
	for (;;) {
		ssize_t n = send(self->r.fd, big + sent % 524288, 524288 - sent % 524288, MSG_DONTWAIT);

		if (n < 0) {
			ASSERT_EQ(EAGAIN, errno);
			break;
		}
		ASSERT_GT(n, 0);
		sent += n;
		ASSERT_LT(sent, 64 << 20);
	}
	EXPECT_EQ(0, net_poll(self->r.fd, POLLOUT, 0));
	ASSERT_GT(sent, 0);
	while (got < sent) {
		uint8_t type;
		ssize_t n = OK(peer_recv(p, &type, back, sizeof(back)));

		ASSERT_EQ(CT_DATA, type);
		for (ssize_t i = 0; i < n; i++)
			if (back[i] != big[(got + i) % 524288])
				ASSERT_EQ(big[(got + i) % 524288], back[i]);
		got += n;
	}
	EXPECT_EQ(sent, got);
	EXPECT_EQ(POLLOUT, net_poll(self->r.fd, POLLOUT, 5000));
	net_write(self->r.fd, "z", 1);
	peer_recv_data(p, back, 1);
	EXPECT_EQ('z', back[0]);
}

/* Pages of sent records are used again, but not while TCP still has them: one connection has
 * unread data while others send megabytes.
 */
TEST_F(both, what_waits_is_not_written_over)
{
	struct conn other;
	size_t sent = 0;

	conn_open(&other, &self->r.e, self->r.role, self->r.family);
	net_pattern(big, sizeof(big), 9);
	sent = sock_fill(self->r.fd, big, sizeof(big) / 2);
	ASSERT_GT(sent, 100000);
	for (int i = 0; i < 64; i++) {
		net_write(other.fd, big + i * 1000, 65536);
		peer_recv_data(&other.peer, back, 65536);
		ASSERT_MEMEQ(big + i * 1000, back, 65536);
	}
	conn_close(&other);
	peer_recv_data(self->r.p, back, sent);
	EXPECT_MEMEQ(big, back, sent);
}

TEST_F(record, blocking_megabyte)
{
	struct transfer t;

	net_pattern(big, sizeof(big), 8);
	transfer_write(&t, self->r.fd, big, sizeof(big));
	peer_recv_data(self->r.p, back, sizeof(big));
	transfer_wait(&t, 10000);
	EXPECT_MEMEQ(big, back, sizeof(big));
}

/* A send with a bad address sends a prefix of the data, or nothing. */
TEST_F(both, bad_address)
{
	struct iovec iov[2] = { { big, 100 }, { (void *)8, 100 } };
	ssize_t n;

	net_pattern(big, 200, 9);
	FAILS(EFAULT, send(self->r.fd, (void *)8, 100, 0));
	n = writev(self->r.fd, iov, 2);
	if (n < 0)
		EXPECT_ERRNO(EFAULT, errno);
	else
		EXPECT_EQ(100, n);
	if (n > 0) {
		peer_recv_data(self->r.p, back, n);
		EXPECT_MEMEQ(big, back, n);
	}
	net_write(self->r.fd, "after", 5);
	peer_recv_data(self->r.p, back, 5);
	EXPECT_MEMEQ("after", back, 5);
}

TEST_F(both, oob_does_not_exist)
{
	FAILS(EOPNOTSUPP, send(self->r.fd, "x", 1, MSG_OOB));
	FAILS(EINVAL, recv(self->r.fd, back, 1, MSG_OOB));
}

TEST_F(both, many_small_sends)
{
	net_pattern(big, 2000, 10);
	for (int i = 0; i < 2000; i++)
		ASSERT_EQ(1, write(self->r.fd, big + i, 1));
	peer_recv_data(self->r.p, back, 2000);
	EXPECT_MEMEQ(big, back, 2000);
	EXPECT_EQ(2000, sock_info(self->r.fd).tx_records);
}

/* EPIPE, and SIGPIPE without MSG_NOSIGNAL, when the peer is gone. */
TEST_F(both, broken_pipe)
{
	net_rst(self->r.p->fd);
	self->r.p->fd = -1;
	EVENTUALLY(net_poll(self->r.fd, POLLIN, 0) & (POLLERR | POLLHUP), 2000);
	ASSERT_EQ(-1, send(self->r.fd, "x", 1, MSG_NOSIGNAL));
	EXPECT_TRUE(errno == ECONNRESET || errno == EPIPE);
	FAILS(EPIPE, send(self->r.fd, "x", 1, MSG_NOSIGNAL));
}

/* TLS 1.2 GCM sends explicit nonces: each is used once, and the helper chose the first. */
TEST(explicit_nonces)
{
	struct conn c;
	struct env e;
	uint8_t type;

	env_start(&e, S12_AES128);
	conn_open(&c, &e, ROLE_CLIENT, AF_INET);
	for (int i = 0; i < 50; i++) {
		uint64_t nonce = 0;

		if (i == 49)
			OK(shutdown(c.fd, SHUT_WR));
		else
			net_write(c.fd, big, 100);
		OK(peer_recv(&c.peer, &type, back, sizeof(back)));
		for (int k = 0; k < 8; k++)
			nonce = nonce << 8 | c.peer.buf[5 + k];
		EXPECT_EQ(e.hs.nonce + i, nonce);
	}
	EXPECT_EQ(CT_ALERT, type);
	conn_close(&c);
}

static void limit_fragment(struct fake *f, struct fake_msg *m)
{
	struct fake_done d;
	uint8_t flight[HS_FLIGHT_MAX];
	size_t end;

	if (m->cmd != KTLS_CMD_DATA) {
		fake_answer(f, m);
		return;
	}
	end = hs_flight_end(fake_data_of(m, KTLS_A_RECORDS), fake_len(m, KTLS_A_RECORDS));
	ASSERT_NE(0, end);
	fake_done_init(&d, f, m->id, fake_role(f, m->id));
	d.consumed = end;
	d.max_fragment = 512;
	if (fake_role(f, m->id) == ROLE_CLIENT) {
		d.records = flight;
		d.records_len = hs_flight(f->hs, HS_CLIENT_FIN, flight);
	}
	EXPECT_EQ(0, fake_done(f, &d));
}

/* max_fragment_length (RFC 6066) binds our sending. */
TEST(max_fragment)
{
	struct transfer t;
	struct conn c;
	struct env e;
	uint8_t type;

	for (int i = 0; i < 2; i++) {
		size_t got = 0;

		env_start_with(&e, i ? S12_AES128 : S13_AES128, limit_fragment, NULL);
		conn_open(&c, &e, i ? ROLE_SERVER : ROLE_CLIENT, AF_INET);
		EXPECT_EQ(512, sock_info(c.fd).max_payload);
		net_pattern(big, 10000, 11);
		transfer_write(&t, c.fd, big, 10000);
		while (got < 10000) {
			ssize_t n = OK(peer_recv(&c.peer, &type, back + got, sizeof(back) - got));

			ASSERT_LE(n, 512);
			got += n;
		}
		transfer_wait(&t, 1000);
		EXPECT_MEMEQ(big, back, 10000);
		conn_close(&c);
	}
}

TEST_HARNESS_MAIN
