// SPDX-License-Identifier: GPL-2.0-or-later
/* The mistakes that others made with TLS in kernels, one test each; named
 * after what went wrong there. Many of them are races: what fails then is the
 * kernel log, which the runner reads, rather than an assertion here.
 *
 * Those that need external keys are in mistakes_keys.c. Some are with others
 * of their kind:
 *
 *	a short splice drops data		record/splice.c: short_splice
 *	a send interrupted by a signal		record/threads.c: send_interrupted_by_a_signal
 *	sk_err lost after a partial recv	record/end.c: rst_in_the_middle_of_a_waitall
 *	RST taken for EOF			record/end.c: rst_after_data
 *	a KeyUpdate that is not alone		socket/keys_rekey.c: coalesced_and_fragmented
 *	a forged DONE				helper/life.c: an_unprivileged_process_is_no_helper
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "lib/record.h"

static uint8_t big[1 << 20], back[1 << 20];

struct spin {
	struct job	job;
	int		fd;
	_Atomic bool	stop;
	void		(*fn)(int fd);
};

static void *spin_thread(void *arg)
{
	struct spin *s = arg;

	while (!s->stop)
		s->fn(s->fd);
	return NULL;
}

static void spin_start(struct spin *s, int fd, void (*fn)(int fd))
{
	s->fd = fd;
	s->fn = fn;
	s->stop = false;
	job_run(&s->job, spin_thread, s);
}

static void spin_stop(struct spin *s)
{
	s->stop = true;
	job_wait(&s->job, 5000);
}

static void to_nowhere(int fd)
{
	struct sockaddr sa = { .sa_family = AF_UNSPEC };

	connect(fd, &sa, sizeof(sa));
}

/* CVE-2023-0461: a listener's context used by children after it was freed. */
TEST(ulp_on_a_listener)
{
	struct env e;

	env_start(&e, S13_AES128);
	for (int i = 0; i < 20; i++) {
		struct addr a;
		struct peer p;
		int l = sock_listen(AF_INET, 5, &a), fd = -1, half = net_socket(AF_INET);

		peer_init(&p, net_socket(AF_INET), false, &e.hs);
		OK(connect(p.fd, &a.sa, a.len));
		OK(connect(half, &a.sa, a.len));
		if (i % 2) {
			peer_handshake(&p);
			fd = net_accept(l);
		}
		/* the listener's socket becomes something else, or goes */
		if (i % 4 < 2)
			to_nowhere(l);
		close(l);
		if (fd >= 0) {
			net_write(fd, "x", 1);
			peer_recv_data(&p, back, 1);
			close(fd);
		}
		close(half);
		peer_free(&p);
	}
}

static void ask_everything(int fd)
{
	static _Thread_local char buf[4096];

	for (int opt = KTLS_SERVER_NAME; opt <= KTLS_PEER_FINGERPRINT; opt++) {
		socklen_t len = sizeof(buf);

		getsockopt(fd, SOL_TLS, opt, buf, &len);
		len = sizeof(buf);
		getsockopt(fd, SOL_TLS, KTLS_PIECE(opt, 0), buf, &len);
	}
}

/* CVE-2023-28466: getsockopt without the lock. */
TEST(getsockopt_races_with_the_connection)
{
	struct env e;
	struct addr a;
	int l;

	env_start(&e, S13_AES128);
	l = net_listen(AF_INET, 5, &a);
	for (int i = 0; i < 20; i++) {
		int fd = sock_new(AF_INET);
		struct spin s[2];
		struct peer p;
		struct job j;

		spin_start(&s[0], fd, ask_everything);
		spin_start(&s[1], fd, ask_everything);
		job_connect(&j, fd, &a);
		peer_init(&p, net_accept(l), true, &e.hs);
		if (i % 2) {
			peer_handshake(&p);
		} else {
			peer_recv_flight(&p, HS_CLIENT_HELLO);
			net_write(p.fd, "garbage", 7);
		}
		job_wait(&j, 5000);
		spin_stop(&s[0]);
		spin_stop(&s[1]);
		close(fd);
		peer_free(&p);
	}
}

static void fill(int fd)
{
	if (send(fd, big, 100000, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		sched_yield();
}

/* CVE-2024-26585: the work that pushes what is pending, and close. */
TEST_F(both, close_races_with_pending_output)
{
	for (int i = 0; i < 10; i++) {
		int copy = OK(dup(self->r.fd));
		struct spin s;

		spin_start(&s, copy, fill);
		harness_nap(i);
		/* what is pending is pushed by us, by write_space, and by close */
		for (int k = 0; k < i; k++)
			OK(read(self->r.p->fd, back, 50000));
		close(self->r.fd);
		self->r.c.fd = -1;
		spin_stop(&s);
		close(copy);
		record_reopen(&self->r, 0);
	}
}

static void drain(int fd)
{
	static _Thread_local char room[65536];

	if (recv(fd, room, sizeof(room), MSG_DONTWAIT) <= 0)
		sched_yield();
}

/* CVE-2026-23240: room appears, and asks for the work, while close ends it. */
TEST_F(both, write_space_races_with_close)
{
	int size = 5000;

	for (int i = 0; i < 20; i++) {
		struct linger none = { 1, 0 };
		struct spin s;

		OK(setsockopt(self->r.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
		while (send(self->r.fd, big, 20000, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
			;
		spin_start(&s, self->r.p->fd, drain);
		harness_nap(i % 4);
		if (i % 2)
			OK(setsockopt(self->r.fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none)));
		close(self->r.fd);
		self->r.c.fd = -1;
		spin_stop(&s);
		record_reopen(&self->r, 0);
	}
}

/* Likewise under load, many at a time. */
TEST(many_connections_at_once)
{
	enum { N = 16 };
	struct transfer w[N], r[N];
	static uint8_t in[N][60000];
	struct env e;

	env_start(&e, S13_AES128);
	net_pattern(big, 60000, 1);
	for (int i = 0; i < N; i++) {
		int ends[2];

		sock_pair(&e, AF_INET, ends);
		transfer_read(&r[i], ends[1], in[i], 60000);
		transfer_write(&w[i], ends[0], big, 60000);
	}
	for (int i = 0; i < N; i++) {
		transfer_wait(&w[i], 10000);
		transfer_wait(&r[i], 10000);
		EXPECT_MEMEQ(big, in[i], 60000);
	}
}

static void poke(int fd)
{
	char byte;

	send(fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	recv(fd, &byte, 1, MSG_DONTWAIT);
	net_poll(fd, POLLIN | POLLOUT, 0);
	ioctl(fd, FIONREAD, &(int){ 0 });
}

/* TCP_ULP is refused while another thread waits for the socket's lock: not between two calls. */
static bool attached(int fd)
{
	int ret = sock_attach(fd);

	if (ret < 0)
		EXPECT_EQ(EBUSY, errno);
	return !ret;
}

/* CVE-2024-36489: a context that is visible before it is complete. */
TEST(attach_races_with_everything)
{
	net_new();
	for (int i = 0; i < 50; i++) {
		struct spin s[2];
		int ends[2];

		net_pair(AF_INET, ends);
		spin_start(&s[0], ends[0], poke);
		spin_start(&s[1], ends[0], ask_everything);
		net_write(ends[1], "some bytes", 10);
		EVENTUALLY(attached(ends[0]), 5000);
		spin_stop(&s[0]);
		spin_stop(&s[1]);
		close(ends[0]);
		close(ends[1]);
	}
}

static void peek_and_take(int fd)
{
	char buf[100];

	recv(fd, buf, sizeof(buf), MSG_PEEK | MSG_DONTWAIT);
	recv(fd, buf, 13, MSG_DONTWAIT);
}

/* CVE-2025-38471: a queue that changed while the lock was away. */
TEST_F(both, readers_and_peekers)
{
	struct spin s[3];

	for (int i = 0; i < 3; i++)
		spin_start(&s[i], self->r.fd, peek_and_take);
	for (int i = 0; i < 300; i++)
		peer_send_data(self->r.p, big, 50 + i);
	EVENTUALLY(sock_info(self->r.fd).rx_records == 300, 10000);
	for (int i = 0; i < 3; i++)
		spin_stop(&s[i]);
}

static void take_one(int fd)
{
	char byte;

	recv(fd, &byte, 1, MSG_DONTWAIT);
}

/* CVE-2025-38616: bytes that somebody takes from TCP behind the parser's back. */
TEST(data_read_while_the_ulp_is_set)
{
	struct env e;

	env_start(&e, S13_AES128);
	for (int i = 0; i < 20; i++) {
		uint8_t flight[HS_FLIGHT_MAX];
		struct spin s;
		struct job j;
		int ends[2];

		net_pair(AF_INET, ends);
		net_write(ends[1], flight, hs_flight(&e.hs, HS_CLIENT_HELLO, flight));
		spin_start(&s, ends[0], take_one);
		EVENTUALLY(attached(ends[0]), 5000);
		OK(sock_set_u32(ends[0], KTLS_TIMEOUT, 200));
		job_handshake(&j, ends[0], ROLE_SERVER);
		/* it may fail in any way, but it ends */
		job_wait(&j, 5000);
		spin_stop(&s);
		close(ends[0]);
		close(ends[1]);
	}
}

/* CVE-2025-39682: records of no bytes, met by every way of reading. */
TEST_F(both, zero_length_records)
{
	int p[2];

	OK(pipe(p));
	peer_send(self->r.p, CT_DATA, NULL, 0);
	EXPECT_EQ(0, net_poll(self->r.fd, POLLIN, 20));
	FAILS(EAGAIN, recv(self->r.fd, back, 10, MSG_PEEK | MSG_DONTWAIT));
	FAILS(EAGAIN, recv(self->r.fd, back, 10, MSG_DONTWAIT));
	FAILS(EAGAIN, splice(self->r.fd, NULL, p[1], NULL, 10, SPLICE_F_NONBLOCK));
	peer_send_data(self->r.p, "ab", 2);
	peer_send(self->r.p, CT_DATA, NULL, 0);
	peer_send_data(self->r.p, "cd", 2);
	EXPECT_EQ(POLLIN, net_poll(self->r.fd, POLLIN, 2000));
	ASSERT_EQ(1, recv(self->r.fd, back, 1, MSG_PEEK));
	ASSERT_EQ(4, recv(self->r.fd, back, 4, MSG_WAITALL));
	EXPECT_MEMEQ("abcd", back, 4);
	peer_send(self->r.p, CT_DATA, NULL, 0);
	peer_send_close(self->r.p);
	EXPECT_EQ(0, recv(self->r.fd, back, 10, MSG_WAITALL));
}

/* CVE-2025-39946: an invalid header, with urgent data in the middle of it. */
TEST_F(both, bogus_header_and_urgent_data)
{
	uint8_t rec[200];
	size_t n;
	ssize_t r;

	for (int i = 0; i < 6; i++) {
		n = peer_seal(self->r.p, CT_DATA, big, 50, rec);
		peer_send_raw(self->r.p, rec, i + 1);
		OK(send(self->r.p->fd, i % 2 ? "\xff" : "\x17", 1, MSG_OOB));
		peer_send_raw(self->r.p, rec + i + 1, n - i - 1);
		shutdown(self->r.p->fd, SHUT_WR);
		/* a byte too few or too many: an error, and soon */
		do {
			EXPECT_TRUE(net_poll(self->r.fd, POLLIN, 3000));
			r = recv(self->r.fd, back, 1000, MSG_DONTWAIT);
		} while (r > 0);
		EXPECT_NE(0, r);
		EXPECT_NE(EAGAIN, errno);
		record_reopen(&self->r, 0);
	}
}

/* CVE-2026-74611: a send that was cut, and began again at the wrong place. */
TEST_F(both, partial_sends_of_many_iovecs)
{
	size_t sent = 0, got = 0, total = 200000;
	int size = 5000;

	net_pattern(big, total, 2);
	OK(setsockopt(self->r.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
	while (got < total) {
		uint8_t type;
		ssize_t n;

		while (sent < total) {
			struct iovec iov[8];
			struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 8 };
			size_t at = sent;

			for (int i = 0; i < 8; i++) {
				size_t len = total - at < 3001 ? total - at : 3001;

				iov[i] = (struct iovec){ big + at, len };
				at += len;
			}
			n = sendmsg(self->r.fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
			if (n < 0)
				break;
			sent += n;
		}
		if (got == sent) {
			/* the peer has all there is: room comes with its ACK */
			EXPECT_EQ(POLLOUT, net_poll(self->r.fd, POLLOUT, 5000));
			continue;
		}
		n = OK(peer_recv(self->r.p, &type, back + got, sizeof(back) - got));
		got += n;
	}
	EXPECT_MEMEQ(big, back, total);
}

/* Retransmissions that overlap what had arrived. A filter on the receiver
 * loses one segment in eight.
 */
TEST_F(both, overlapping_segments)
{
	struct sock_filter lossy[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_RANDOM),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x20000000, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
	};
	struct sock_fprog prog = { 4, lossy };
	static uint8_t wire[400000];
	size_t n = 0, total = 200000;
	struct transfer r;

	OK(setsockopt(self->r.fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
	net_pattern(big, total, 3);
	for (size_t at = 0, len; at < total; at += len) {
		len = at % 1777 + 1;
		if (len > total - at)
			len = total - at;
		n += peer_seal(self->r.p, CT_DATA, big + at, len, wire + n);
	}
	transfer_read(&r, self->r.fd, back, total);
	for (size_t at = 0; at < n; at += 999)
		peer_send_raw(self->r.p, wire + at, n - at < 999 ? n - at : 999);
	transfer_wait(&r, 25000);
	EXPECT_MEMEQ(big, back, total);
}

/* A control record must not be joined to data, nor peeked at twice. */
TEST_F(tls13_client, control_records_under_peek)
{
	peer_send_data(self->r.p, "ab", 2);
	peer_send_ticket(self->r.p);
	peer_send_data(self->r.p, "cd", 2);
	peer_send_ticket(self->r.p);
	EXPECT_EQ(POLLIN, net_poll(self->r.fd, POLLIN, 2000));
	for (int i = 0; i < 3; i++) {
		ssize_t n = recv(self->r.fd, back, 100, MSG_PEEK);

		EXPECT_TRUE(n == 2 || n == 4);
		EXPECT_MEMEQ("abcd", back, n);
	}
	ASSERT_EQ(4, recv(self->r.fd, back, 4, MSG_WAITALL));
	EXPECT_MEMEQ("abcd", back, 4);
	FAILS(EAGAIN, recv(self->r.fd, back, 4, MSG_PEEK | MSG_DONTWAIT));
	EXPECT_EQ(0, net_poll(self->r.fd, POLLIN, 20));
}

/* Two tickets in one record; one in three records; data only behind a whole one. */
TEST_F(tls13_client, coalesced_and_fragmented_tickets)
{
	static const uint8_t one[] = {
		4, 0, 0, 19, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1, 0, 5, 1, 2, 3, 4, 5, 0, 0,
	};
	uint8_t two[2 * sizeof(one)];

	memcpy(two, one, sizeof(one));
	memcpy(two + sizeof(one), one, sizeof(one));
	peer_send(self->r.p, CT_HANDSHAKE, two, sizeof(two));
	peer_send_data(self->r.p, "a", 1);
	net_read(self->r.fd, back, 1);
	for (size_t cut = 1; cut < sizeof(one) - 1; cut += 3) {
		peer_send(self->r.p, CT_HANDSHAKE, one, cut);
		peer_send(self->r.p, CT_HANDSHAKE, one + cut, 1);
		peer_send(self->r.p, CT_HANDSHAKE, one + cut + 1, sizeof(one) - cut - 1);
		peer_send_data(self->r.p, "b", 1);
		net_read(self->r.fd, back, 1);
		EXPECT_EQ('b', back[0]);
	}
	/* half of one, then data: RFC 8446 5.1 forbids it */
	peer_send(self->r.p, CT_HANDSHAKE, one, 10);
	peer_send_data(self->r.p, "c", 1);
	EXPECT_TRUE(net_poll(self->r.fd, POLLIN, 2000));
	FAILS(EPROTO, recv(self->r.fd, back, 1, 0));
	peer_expect_alert(self->r.p, 10);
}

/* A message that claims 16 MiB ties up no memory, and no reader. */
TEST_F(tls13_client, endless_message)
{
	uint8_t head[16384] = { 4, 0xff, 0xff, 0xff };
	int i;

	for (i = 0; i < 8; i++) {
		struct pollfd p = { self->r.fd, POLLIN, 0 };

		peer_send(self->r.p, CT_HANDSHAKE, head, sizeof(head));
		memset(head, 0, 4);
		if (poll(&p, 1, 50) > 0)
			break;
	}
	EXPECT_LT(i, 8);
	FAILS(EPROTO, recv(self->r.fd, back, 1, MSG_DONTWAIT));
}

TEST_HARNESS_MAIN
