// SPDX-License-Identifier: GPL-2.0-or-later
/* Receiving data: every call and flag, and records cut and joined in every way. */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "lib/record.h"

static uint8_t big[1 << 20], back[1 << 20];

TEST_F(record, recv_sizes)
{
	static const size_t sizes[] = { 1, 2, 16, 17, 1000, 4096, 16383, 16384, 16385, 65536, 70001 };

	net_pattern(big, sizeof(big), 1);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct transfer t;

		transfer_read(&t, self->r.fd, back, sizes[i]);
		peer_send_data(self->r.p, big, sizes[i]);
		transfer_wait(&t, 5000);
		ASSERT_MEMEQ(big, back, sizes[i]);
	}
}

TEST_F(record, small_reads_of_a_large_record)
{
	net_pattern(big, 16384, 2);
	peer_send_data(self->r.p, big, 16384);
	for (size_t at = 0, n = 1; at < 16384; at += n, n = n * 2 % 1021 + 1) {
		if (n > 16384 - at)
			n = 16384 - at;
		net_read(self->r.fd, back + at, n);
	}
	EXPECT_MEMEQ(big, back, 16384);
}

/* One call may return many records, and returns at once what there is. */
TEST_F(record, one_read_of_many_records)
{
	ssize_t n;

	net_pattern(big, 5000, 3);
	for (int i = 0; i < 50; i++)
		peer_send(self->r.p, CT_DATA, big + i * 100, 100);
	net_read(self->r.fd, back, 1);
	n = OK(read(self->r.fd, back + 1, sizeof(back) - 1));
	/* all of it has arrived, but a call may return less */
	ASSERT_GE(n, 99);
	if (n < 4999)
		net_read(self->r.fd, back + 1 + n, 4999 - n);
	EXPECT_MEMEQ(big, back, 5000);
	FAILS(EAGAIN, recv(self->r.fd, back, 1, MSG_DONTWAIT));
}

TEST_F(both, readv_recvmsg_recvmmsg)
{
	struct iovec iov[3] = { { back, 7 }, { back + 7, 0 }, { back + 7, 93 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 3 };
	struct mmsghdr mm[2] = { { .msg_hdr = msg }, { .msg_hdr = msg } };

	net_pattern(big, 100, 4);
	peer_send_data(self->r.p, big, 100);
	ASSERT_EQ(100, readv(self->r.fd, iov, 3));
	EXPECT_MEMEQ(big, back, 100);
	memset(back, 0, 100);
	peer_send_data(self->r.p, big, 100);
	ASSERT_EQ(100, recvmsg(self->r.fd, &msg, 0));
	EXPECT_MEMEQ(big, back, 100);
	EXPECT_EQ(0, msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC));
	EXPECT_EQ(0, msg.msg_controllen);
	peer_send_data(self->r.p, big, 100);
	ASSERT_EQ(1, recvmmsg(self->r.fd, mm, 2, MSG_WAITFORONE, NULL));
	EXPECT_EQ(100, mm[0].msg_len);
}

TEST_F(record, peek)
{
	net_pattern(big, 300, 5);
	peer_send_data(self->r.p, big, 100);
	for (int i = 0; i < 3; i++) {
		memset(back, 0, 100);
		ASSERT_EQ(50, recv(self->r.fd, back, 50, MSG_PEEK));
		EXPECT_MEMEQ(big, back, 50);
	}
	ASSERT_EQ(100, recv(self->r.fd, back, 1000, MSG_PEEK));
	ASSERT_EQ(30, recv(self->r.fd, back, 30, 0));
	ASSERT_EQ(70, recv(self->r.fd, back + 30, 1000, MSG_PEEK));
	EXPECT_MEMEQ(big, back, 100);
	/* across the end of a record: at least the rest of the first one */
	peer_send_data(self->r.p, big + 100, 200);
	EVENTUALLY(recv(self->r.fd, back, 270, MSG_PEEK | MSG_WAITALL) >= 70, 1000);
	EXPECT_MEMEQ(big + 30, back, 70);
	net_read(self->r.fd, back, 270);
	EXPECT_MEMEQ(big + 30, back, 270);
	FAILS(EAGAIN, recv(self->r.fd, back, 1, MSG_PEEK | MSG_DONTWAIT));
}

TEST_F(both, waitall)
{
	struct transfer t;

	net_pattern(big, 40000, 6);
	for (int i = 0; i < 4; i++)
		peer_send(self->r.p, CT_DATA, big + i * 1000, 1000);
	ASSERT_EQ(4000, recv(self->r.fd, back, 4000, MSG_WAITALL));
	EXPECT_MEMEQ(big, back, 4000);
	/* a blocked one goes on waiting while records come in */
	t.fd = self->r.fd;
	transfer_read(&t, self->r.fd, back, 40000);
	for (int i = 0; i < 40; i++) {
		peer_send(self->r.p, CT_DATA, big + i * 1000, 1000);
		if (i % 8 == 0)
			harness_nap(5);
	}
	transfer_wait(&t, 5000);
	EXPECT_MEMEQ(big, back, 40000);
	/* cut short by the end, it returns what there was */
	peer_send_data(self->r.p, big, 10);
	peer_send_close(self->r.p);
	EXPECT_EQ(10, recv(self->r.fd, back, 1000, MSG_WAITALL));
	EXPECT_EQ(0, recv(self->r.fd, back, 1000, MSG_WAITALL));
}

TEST_F(both, dontwait)
{
	FAILS(EAGAIN, recv(self->r.fd, back, 1, MSG_DONTWAIT));
	peer_send_data(self->r.p, "x", 1);
	EXPECT_EQ(POLLIN, net_poll(self->r.fd, POLLIN, 2000));
	EXPECT_EQ(1, recv(self->r.fd, back, 100, MSG_DONTWAIT));
	FAILS(EAGAIN, recv(self->r.fd, back, 1, MSG_DONTWAIT));
	EXPECT_EQ(0, net_poll(self->r.fd, POLLIN, 0));
	FAILS(EAGAIN, recv(self->r.fd, back, 0, MSG_DONTWAIT));
}

TEST_F(both, receive_timeout)
{
	struct timeval tv = { 0, 100000 };
	double start = harness_now();

	OK(setsockopt(self->r.fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	FAILS(EAGAIN, read(self->r.fd, back, 1));
	EXPECT_GE((harness_now() - start) * 1000, 80);
	peer_send_data(self->r.p, "x", 1);
	EXPECT_EQ(1, read(self->r.fd, back, 1));
}

static int inq(int fd)
{
	int n = -1;

	OK(ioctl(fd, FIONREAD, &n));
	return n;
}

TEST_F(both, fionread_counts_plaintext)
{
	EXPECT_EQ(0, inq(self->r.fd));
	peer_send_data(self->r.p, big, 100);
	EVENTUALLY(inq(self->r.fd) == 100, 2000);
	peer_send_data(self->r.p, big, 200);
	net_read(self->r.fd, back, 30);
	EXPECT_GE(inq(self->r.fd), 70);
	EXPECT_LE(inq(self->r.fd), 270);
	net_read(self->r.fd, back, 270);
	EXPECT_EQ(0, inq(self->r.fd));
}

/* select(2) and poll(2) respect the low-water mark; so does what follows. */
TEST_F(both, low_water_mark)
{
	int mark = 1000;

	OK(setsockopt(self->r.fd, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof(mark)));
	peer_send_data(self->r.p, big, 10);
	EXPECT_EQ(0, net_poll(self->r.fd, POLLIN, 50));
	peer_send_data(self->r.p, big, 990);
	EXPECT_EQ(POLLIN, net_poll(self->r.fd, POLLIN, 2000));
	net_read(self->r.fd, back, 1000);
	/* the end is readable whatever the mark */
	peer_send_data(self->r.p, big, 10);
	peer_send_close(self->r.p);
	EXPECT_TRUE(net_poll(self->r.fd, POLLIN, 2000) & POLLIN);
	net_read(self->r.fd, back, 10);
	EXPECT_EQ(0, read(self->r.fd, back, 1));
}

/* With EPOLLET there is an event when the mark is reached, and when it is lowered to what is
 * there; not for data below it.
 */
TEST_F(both, low_water_mark_is_an_edge)
{
	struct epoll_event ev = { EPOLLIN | EPOLLOUT | EPOLLET, { 0 } };
	int epoll = OK(epoll_create1(EPOLL_CLOEXEC)), mark = 1000;

	OK(epoll_ctl(epoll, EPOLL_CTL_ADD, self->r.fd, &ev));
	EXPECT_EQ(1, epoll_wait(epoll, &ev, 1, 2000));
	OK(setsockopt(self->r.fd, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof(mark)));
	peer_send_data(self->r.p, big, 10);
	EXPECT_EQ(0, epoll_wait(epoll, &ev, 1, 50));
	peer_send_data(self->r.p, big, 990);
	EXPECT_EQ(1, epoll_wait(epoll, &ev, 1, 2000));
	EXPECT_EQ(EPOLLIN | EPOLLOUT, ev.events);
	net_read(self->r.fd, back, 500);
	mark = 400;
	OK(setsockopt(self->r.fd, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof(mark)));
	EXPECT_EQ(1, epoll_wait(epoll, &ev, 1, 2000));
	mark = 600;
	OK(setsockopt(self->r.fd, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof(mark)));
	EXPECT_EQ(0, epoll_wait(epoll, &ev, 1, 50));
}

/* A mark of more than one record must not stall, even with a small buffer. */
TEST_F(both, low_water_mark_over_many_records)
{
	int mark = 50000;

	OK(setsockopt(self->r.fd, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof(mark)));
	net_pattern(big, 60000, 7);
	peer_send_data(self->r.p, big, 60000);
	EXPECT_EQ(POLLIN, net_poll(self->r.fd, POLLIN, 5000));
	net_read(self->r.fd, back, 60000);
	EXPECT_MEMEQ(big, back, 60000);
}

/* After SHUT_RD, too, a record larger than the buffer comes in. The nap is longer than records
 * lie unread: the first one is opened, and nothing but recv() looks at the rest.
 */
TEST_F(both, a_large_record_after_shut_rd)
{
	enum { FIRST = 1000, ALL = FIRST + 16384 };
	static uint8_t sealed[20000];
	struct transfer t;
	size_t got = 0, n;

	net_pattern(big, ALL, 9);
	record_reopen(&self->r, 4000);
	OK(shutdown(self->r.fd, SHUT_RD));
	n = peer_seal(self->r.p, CT_DATA, big, FIRST, sealed);
	n += peer_seal(self->r.p, CT_DATA, big + FIRST, ALL - FIRST, sealed + n);
	transfer_write(&t, self->r.p->fd, sealed, n);
	harness_nap(200);
	EVENTUALLY((got += OK(recv(self->r.fd, back + got, ALL - got, MSG_DONTWAIT))) == ALL,
		   5000);
	EXPECT_MEMEQ(big, back, ALL);
	transfer_wait(&t, 5000);
}

TEST_F(record, one_byte_segments)
{
	uint8_t rec[2000];
	size_t n;

	net_pattern(big, 200, 8);
	n = peer_seal(self->r.p, CT_DATA, big, 100, rec);
	n += peer_seal(self->r.p, CT_DATA, big + 100, 100, rec + n);
	for (size_t i = 0; i < n; i++)
		peer_send_raw(self->r.p, rec + i, 1);
	net_read(self->r.fd, back, 200);
	EXPECT_MEMEQ(big, back, 200);
}

/* Readable only when a whole record is there, and then reading does not block. */
TEST_F(both, half_a_record_is_not_readable)
{
	uint8_t rec[2000];
	size_t n = peer_seal(self->r.p, CT_DATA, big, 1000, rec);

	for (size_t at = 0; at < n - 1; at += 300) {
		peer_send_raw(self->r.p, rec + at, at + 300 < n - 1 ? 300 : n - 1 - at);
		EXPECT_EQ(0, net_poll(self->r.fd, POLLIN, 10));
	}
	FAILS(EAGAIN, recv(self->r.fd, back, 1, MSG_DONTWAIT));
	EXPECT_EQ(0, inq(self->r.fd));
	peer_send_raw(self->r.p, rec + n - 1, 1);
	EXPECT_EQ(POLLIN, net_poll(self->r.fd, POLLIN, 2000));
	EXPECT_EQ(1000, recv(self->r.fd, back, 2000, MSG_DONTWAIT));
}

/* Records cut at every offset around their ends. */
TEST_F(record, every_cut)
{
	uint8_t rec[500];

	for (size_t cut = 1; cut < 60; cut++) {
		size_t n = peer_seal(self->r.p, CT_DATA, big, 20, rec);

		n += peer_seal(self->r.p, CT_DATA, big + 20, 20, rec + n);
		peer_send_raw(self->r.p, rec, cut);
		if (cut % 8 == 0)
			harness_nap(1);
		peer_send_raw(self->r.p, rec + cut, n - cut);
		net_read(self->r.fd, back, 40);
		ASSERT_MEMEQ(big, back, 40);
	}
}

/* Data that arrives just before or after poll(): no wakeup is lost. */
TEST_F(both, poll_and_read_take_turns)
{
	struct transfer t;
	size_t got = 0;

	net_pattern(big, 200000, 9);
	/* the peer is used by the sending thread only */
	static uint8_t wire[300000];
	size_t n = 0;

	for (size_t at = 0; at < 200000; at += 700)
		n += peer_seal(self->r.p, CT_DATA, big + at, at + 700 <= 200000 ? 700 : 200000 - at,
			       wire + n);
	transfer_write(&t, self->r.p->fd, wire, n);
	net_nonblock(self->r.fd, true);
	while (got < 200000) {
		ssize_t r;

		ASSERT_EQ(POLLIN, net_poll(self->r.fd, POLLIN, 5000));
		r = OK(read(self->r.fd, back + got, 999));
		ASSERT_GT(r, 0);
		got += r;
	}
	transfer_wait(&t, 1000);
	EXPECT_MEMEQ(big, back, 200000);
}

/* After EFAULT no byte is lost and none is delivered twice. */
TEST_F(both, bad_address)
{
	net_pattern(big, 100, 10);
	peer_send_data(self->r.p, big, 100);
	EXPECT_EQ(POLLIN, net_poll(self->r.fd, POLLIN, 2000));
	FAILS(EFAULT, read(self->r.fd, net_bad_address(), 50));
	net_read(self->r.fd, back, 100);
	EXPECT_MEMEQ(big, back, 100);
}

/* Buffers at page boundaries, so that pinning one page too many fails. */
/* An iovec with more pieces than a record has pages. */
TEST_F(record, one_record_into_many_pieces)
{
	struct iovec iov[32];
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 32 };

	net_pattern(big, 16384, 12);
	for (size_t size = 512; size <= 4096; size += 512) {
		memset(back, 0, sizeof(back));
		for (int i = 0; i < 32; i++)
			iov[i] = (struct iovec){ back + i * 4300, size };
		peer_send_data(self->r.p, big, 16384);
		ASSERT_EQ(16384, recvmsg(self->r.fd, &msg, 0));
		for (size_t i = 0, at = 0; at < 16384; i++, at += size)
			EXPECT_MEMEQ(big + at, back + i * 4300,
				     16384 - at < size ? 16384 - at : size);
	}
}

TEST_F(record, odd_buffers)
{
	net_pattern(big, 16384, 11);
	for (size_t off = 4090; off < 4102; off += 3) {
		peer_send_data(self->r.p, big, 16384);
		memset(back, 0x5a, 40000);
		ASSERT_EQ(16384, recv(self->r.fd, back + off, 16384, MSG_WAITALL));
		EXPECT_MEMEQ(big, back + off, 16384);
		EXPECT_EQ(0x5a, back[off - 1]);
		EXPECT_EQ(0x5a, back[off + 16384]);
	}
}

/* Records in pages of a file: they are opened correctly, and the file does not change. */
TEST_F(record, records_sent_from_a_file)
{
	static uint8_t wire[3 * TLS_RECORD_MAX], after[sizeof(wire)];
	int file = OK(memfd_create("records", MFD_CLOEXEC));
	size_t len = 0;

	net_pattern(big, 36000, 13);
	for (size_t at = 0; at < 36000; at += 12000)
		len += peer_seal(self->r.p, CT_DATA, big + at, 12000, wire + len);
	ASSERT_EQ(len, write(file, wire, len));

	ASSERT_EQ(len, sendfile(self->r.p->fd, file, &(off_t){ 0 }, len));
	net_read(self->r.fd, back, 36000);
	EXPECT_MEMEQ(big, back, 36000);
	ASSERT_EQ(len, pread(file, after, sizeof(after), 0));
	EXPECT_MEMEQ(wire, after, len);
	close(file);
}
