// SPDX-License-Identifier: GPL-2.0-or-later
/* Data that is opened ahead, for MSG_PEEK or SO_RCVLOWAT: memory, its charge, offsets. */
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "lib/cgroup.h"
#include "lib/record.h"

enum {
	RECORDS		= 16000,	/* of one byte */
	WIRE_MAX	= RECORDS * 32,
};

static uint8_t big[4 << 20], back[4 << 20], wire[WIRE_MAX];

static void large_buffer(int fd)
{
	int size = 4 << 20;

	OK(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)));
}

/* @n records of one byte each. Returns their length on the wire. */
static size_t seal_small(struct peer *p, size_t n)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += peer_seal(p, CT_DATA, big + i, 1, wire + len);
	ASSERT_LE(len, WIRE_MAX);
	return len;
}

/* How much MSG_PEEK returns at most. */
static ssize_t peek_all(int fd)
{
	ssize_t n = 0, before;

	do {
		before = n;
		for (int i = 0; i < 20 && n == before; i++) {
			harness_nap(20);
			n = recv(fd, back, sizeof(back), MSG_PEEK | MSG_DONTWAIT);
		}
	} while (n != before);
	return n;
}

/* Records of one byte share pages: each must not take a page of its own. */
TEST_F(both, peeking_at_small_records_takes_little_memory)
{
	struct transfer t;
	long before, used;

	net_pattern(big, RECORDS, 31);
	before = net_available_kib();
	transfer_write(&t, self->r.p->fd, wire, seal_small(self->r.p, RECORDS));
	EXPECT_GE(peek_all(self->r.fd), 2000);
	used = before - net_available_kib();
	harness_note("%ld KiB", used);
	EXPECT_LE(used, 16 << 10);
	net_read(self->r.fd, back, RECORDS);
	EXPECT_MEMEQ(big, back, RECORDS);
	transfer_wait(&t, 10000);
}

/* Receives everything in one call. Returns how long that took. */
static double receive(struct record *r, int flags)
{
	size_t len = seal_small(r->p, RECORDS);
	double start;
	int queued = 0;

	/* All of it is TCP's before the first record is opened. */
	net_write(r->p->fd, wire, len);
	EVENTUALLY(!ioctl(r->p->fd, TIOCOUTQ, &queued) && !queued, 10000);
	start = harness_now();
	ASSERT_EQ(RECORDS, recv(r->fd, back, RECORDS, flags | MSG_WAITALL));
	start = harness_now() - start;
	EXPECT_MEMEQ(big, back, RECORDS);
	return start;
}

TEST_F_TIMEOUT(both, peeking_takes_no_longer_than_reading, 60)
{
	double read, peek;

	net_pattern(big, RECORDS, 32);
	self->r.e.prepare = large_buffer;
	record_reopen(&self->r, 0);
	read = receive(&self->r, 0);
	peek = receive(&self->r, MSG_PEEK);
	harness_note("%d records: read in %.3f s, peeked at in %.3f s", RECORDS, read, peek);
	/* the harness compares integers */
	EXPECT_LE((long)(peek * 1e6), (long)(3e6 * read) + 100000);
	net_read(self->r.fd, back, RECORDS);
}

/* --- a memory cgroup --- */

/* Data that is opened and not read is charged to the program, also if the work opened it. */
static void opened_in_cgroup(struct record *r)
{
	const size_t len = 3 << 20;
	long before, after;

	net_pattern(big, len, 33);
	memset(back, 1, len);
	cgroup_enter();
	r->e.prepare = large_buffer;
	record_reopen(r, 0);
	before = cgroup_current_kib();
	for (size_t at = 0; at < len; at += 1 << 20) {
		peer_send_data(r->p, big + at, 1 << 20);
		EVENTUALLY(recv(r->fd, back, at + (1 << 20), MSG_PEEK | MSG_DONTWAIT) ==
			   (ssize_t)(at + (1 << 20)), 5000);
		ASSERT_MEMEQ(big, back, at + (1 << 20));
	}
	after = cgroup_current_kib();
	harness_note("%ld KiB before, %ld KiB with 3072 KiB opened", before, after);
	EXPECT_GE(after - before, 2500);
	net_read(r->fd, back, len);
	EXPECT_MEMEQ(big, back, len);
	EXPECT_LE(cgroup_current_kib() - before, 2000);
	conn_close(&r->c);
	cgroup_leave();
	r->c.fd = -1;
	r->p->fd = -1;
}

TEST_F_TIMEOUT(tls13_client, opened_data_is_charged_to_the_cgroup, 60)
{
	opened_in_cgroup(&self->r);
}

TEST_F_TIMEOUT(tls13_server, opened_data_is_charged_to_the_cgroup, 60)
{
	opened_in_cgroup(&self->r);
}

/* What a kworker keeps of connections whose programs sleep: half a ticket of 16 KiB each. */
TEST_F_TIMEOUT(tls13_client, half_messages_are_charged_to_the_cgroup, 60)
{
	enum { N = 100 };
	static const uint8_t ticket[1000] = { 4 /* NewSessionTicket */, 0, 0x40, 0 };
	struct record *r = &self->r;
	static struct conn c[N];
	long before, after;

	cgroup_enter();
	for (int i = 0; i < N; i++)
		conn_open(&c[i], &r->e, r->role, r->family);
	before = cgroup_current_kib();
	for (int i = 0; i < N; i++)
		peer_send(&c[i].peer, CT_HANDSHAKE, ticket, sizeof(ticket));
	for (int i = 0; i < N; i++)
		EVENTUALLY(sock_info(c[i].fd).rx_records == 1, 5000);
	after = cgroup_current_kib();
	harness_note("%ld KiB before, %ld KiB with %d halves", before, after, N);
	EXPECT_GE(after - before, N * 14);
	for (int i = 0; i < N; i++)
		conn_close(&c[i]);
	cgroup_leave();
}

/* --- SO_RCVLOWAT and SO_PEEK_OFF, as TCP --- */

/* Waits until the peer has acknowledged everything. */
static void sent_all(int fd)
{
	int queued = 0;

	EVENTUALLY(!ioctl(fd, TIOCOUTQ, &queued) && !queued, 5000);
}

TEST_F(both, low_water_mark_as_tcp)
{
	static const int marks[] = { 100000, 300000, 1000000 };
	struct record *r = &self->r;
	int tcp[2];

	net_pattern(big, 1000000, 34);
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		const int mark = marks[i];

		net_pair(AF_INET, tcp);
		record_reopen(r, 0);
		OK(setsockopt(tcp[1], SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof(mark)));
		OK(setsockopt(r->fd, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof(mark)));

		net_write(tcp[0], big, mark - 1);
		sent_all(tcp[0]);
		EXPECT_EQ(0, net_poll(tcp[1], POLLIN, 10));
		peer_send_data(r->p, big, mark - 1);
		EXPECT_EQ(0, net_poll(r->fd, POLLIN, 50));
		sent_all(r->p->fd);
		EXPECT_EQ(0, net_poll(r->fd, POLLIN, 50));

		net_write(tcp[0], big + mark - 1, 1);
		EXPECT_EQ(POLLIN, net_poll(tcp[1], POLLIN, 2000));
		peer_send_data(r->p, big + mark - 1, 1);
		EXPECT_EQ(POLLIN, net_poll(r->fd, POLLIN, 2000));
		ASSERT_EQ(mark, recv(r->fd, back, mark, MSG_DONTWAIT | MSG_WAITALL));
		EXPECT_MEMEQ(big, back, mark);
		close(tcp[0]);
		close(tcp[1]);
	}
}

/* A low-water mark larger than the buffer: POLLIN when the buffer is full, and no data is lost.
 */
TEST_F(both, low_water_mark_above_the_buffer)
{
	struct transfer t[2];
	int tcp[2], mark = 1000000, size = 20000;
	static uint8_t sealed[120000];
	size_t n = 0;

	net_pattern(big, 100000, 35);
	net_pair(AF_INET, tcp);
	record_reopen(&self->r, size);
	OK(setsockopt(tcp[1], SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)));
	OK(setsockopt(tcp[1], SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof(mark)));
	OK(setsockopt(self->r.fd, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof(mark)));
	for (size_t at = 0; at < 100000; at += 1000)
		n += peer_seal(self->r.p, CT_DATA, big + at, 1000, sealed + n);
	transfer_write(&t[0], tcp[0], big, 100000);
	transfer_write(&t[1], self->r.p->fd, sealed, n);
	EXPECT_EQ(POLLIN, net_poll(tcp[1], POLLIN, 5000));
	EXPECT_EQ(POLLIN, net_poll(self->r.fd, POLLIN, 5000));
	net_read(tcp[1], back, 100000);
	net_read(self->r.fd, back, 100000);
	EXPECT_MEMEQ(big, back, 100000);
	transfer_wait(&t[0], 5000);
	transfer_wait(&t[1], 5000);
	close(tcp[0]);
	close(tcp[1]);
}

static int set_peek_off(int fd, int off)
{
	return setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &off, sizeof(off));
}

static int get_peek_off(int fd)
{
	int off = -2;
	socklen_t len = sizeof(off);

	OK(getsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &off, &len));
	return off;
}

static void expect_bytes(int fd, int flags, size_t want, size_t at, size_t len)
{
	ASSERT_EQ(len, recv(fd, back, want, flags | MSG_DONTWAIT));
	EXPECT_MEMEQ(big + at, back, len);
}

/* socket(7): each MSG_PEEK continues after the last one, and a read moves the offset back. */
static void peek_off(int fd)
{
	OK(set_peek_off(fd, 0));
	expect_bytes(fd, MSG_PEEK, 30, 0, 30);
	EXPECT_EQ(30, get_peek_off(fd));
	expect_bytes(fd, MSG_PEEK, 30, 30, 30);
	expect_bytes(fd, 0, 10, 0, 10);
	EXPECT_EQ(50, get_peek_off(fd));
	expect_bytes(fd, MSG_PEEK, 1000, 60, 40);
	FAILS(EAGAIN, recv(fd, back, 10, MSG_PEEK | MSG_DONTWAIT));
	OK(set_peek_off(fd, 5));
	expect_bytes(fd, MSG_PEEK, 25, 15, 25);
	expect_bytes(fd, 0, 50, 10, 50);
	EXPECT_EQ(0, get_peek_off(fd));
	expect_bytes(fd, MSG_PEEK, 10, 60, 10);
	OK(set_peek_off(fd, -1));
	expect_bytes(fd, MSG_PEEK, 10, 60, 10);
	expect_bytes(fd, MSG_PEEK, 10, 60, 10);
	expect_bytes(fd, 0, 100, 60, 40);
	EXPECT_EQ(-1, get_peek_off(fd));
}

TEST_F(both, peek_offset_as_tcp)
{
	int tcp[2];

	net_pattern(big, 100, 36);
	net_pair(AF_INET, tcp);
	/* TCP itself has it since 6.9. */
	if (!set_peek_off(tcp[1], 0)) {
		net_write(tcp[0], big, 100);
		EVENTUALLY(recv(tcp[1], back, 100, MSG_PEEK | MSG_DONTWAIT) == 100, 2000);
		peek_off(tcp[1]);
	}
	for (size_t size = 100; size > 5; size /= 5) {
		for (size_t at = 0; at < 100; at += size)
			peer_send(self->r.p, CT_DATA, big + at, size);
		EVENTUALLY(recv(self->r.fd, back, 100, MSG_PEEK | MSG_DONTWAIT) == 100, 2000);
		peek_off(self->r.fd);
	}
	close(tcp[0]);
	close(tcp[1]);
}

/* What a pipe has a part of is a buffer of its own. With the next it is not too much yet. */
TEST_F(both, peeking_behind_what_a_pipe_has)
{
	int pipes[2];

	record_reopen(&self->r, 8192);
	OK(pipe(pipes));
	net_pattern(big, 1100, 5);
	peer_send_data(self->r.p, big, 333);
	peer_send_data(self->r.p, big + 333, 667);
	peer_send_data(self->r.p, big + 1000, 100);
	ASSERT_EQ(100, splice(self->r.fd, NULL, pipes[1], NULL, 100, 0));
	EXPECT_EQ(1000, peek_all(self->r.fd));
	EXPECT_EQ(1000, recv(self->r.fd, back, sizeof(back), MSG_DONTWAIT));
	EXPECT_MEMEQ(big + 100, back, 1000);
	net_read(pipes[0], back, 100);
	EXPECT_MEMEQ(big, back, 100);
	close(pipes[0]);
	close(pipes[1]);
}
