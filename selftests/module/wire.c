// SPDX-License-Identifier: GPL-2.0-or-later
/* No plaintext byte leaves the machine through a socket that has the ULP.
 *
 * A marker is sent in every way the kernel knows, in every state a socket can
 * be in, while all packets are captured. "control" sends it over plain TCP and
 * expects to find it: a capture that sees nothing proves nothing.
 */
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "lib/sock.h"

#define LEN		50000

/* Anonymous memory: 6.1's io_uring takes no other as a registered buffer. */
static char *text;

/* Each way tries to send the marker; what it returns does not matter. */
typedef void (*way_fn)(int fd);

static int marker_file(void)
{
	FILE *f = tmpfile();

	ASSERT_TRUE(f);
	ASSERT_EQ(LEN, pwrite(fileno(f), text, LEN, 0));
	return fileno(f);
}

static void by_write(int fd)
{
	if (write(fd, text, 1000) < 0)
		return;
}

static void by_send(int fd)
{
	send(fd, text, 1000, MSG_NOSIGNAL | MSG_DONTWAIT);
	send(fd, text, 1000, MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE);
	send(fd, text, 100, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void by_oob(int fd)
{
	send(fd, text, 100, MSG_NOSIGNAL | MSG_OOB);
}

static void by_writev(int fd)
{
	struct iovec iov[3] = { { text, 1000 }, { text, 3 }, { text, 20000 } };

	if (writev(fd, iov, 3) < 0)
		return;
}

static void by_sendmsg(int fd)
{
	struct iovec iov = { text, 1000 };
	struct mmsghdr mm[2] = {
		{ .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } },
	};

	sendmsg(fd, &mm[0].msg_hdr, MSG_NOSIGNAL);
	sendmmsg(fd, mm, 2, MSG_NOSIGNAL);
}

static void by_sendto_fast_open(int fd)
{
	struct addr a = { .len = sizeof(a.v6) };

	if (getpeername(fd, &a.sa, &a.len))
		a = net_loopback(AF_INET, 9);
	sendto(fd, text, 1000, MSG_NOSIGNAL | MSG_FASTOPEN, &a.sa, a.len);
	sendto(fd, text, 1000, MSG_NOSIGNAL, &a.sa, a.len);
}

static void by_zerocopy(int fd)
{
	setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &(int){ 1 }, sizeof(int));
	send(fd, text, 20000, MSG_NOSIGNAL | MSG_ZEROCOPY);
}

/* Through 6.1's sendpage, and MSG_SPLICE_PAGES since. */
static void by_sendfile(int fd)
{
	int in = marker_file();
	off_t at = 0;

	sendfile(fd, in, &at, 100);
	sendfile(fd, in, &at, 20000);
	close(in);
}

static void by_splice_of_a_file(int fd)
{
	int in = marker_file(), p[2];
	loff_t at = 0;
	ssize_t n;

	OK(pipe(p));
	n = splice(in, &at, p[1], NULL, 16384, 0);
	if (n > 0 && splice(p[0], NULL, fd, NULL, n, SPLICE_F_MORE | SPLICE_F_NONBLOCK) < 0)
		n = 0;
	close(in);
	close(p[0]);
	close(p[1]);
}

static void by_splice_of_a_pipe(int fd)
{
	int p[2];

	OK(pipe(p));
	OK(write(p[1], text, 5000));
	if (splice(p[0], NULL, fd, NULL, 5000, SPLICE_F_NONBLOCK) < 0)
		errno = 0;
	close(p[0]);
	close(p[1]);
}

static void by_vmsplice(int fd)
{
	struct iovec iov = { text, 16384 };
	int p[2];

	OK(pipe(p));
	OK(vmsplice(p[1], &iov, 1, 0));
	if (splice(p[0], NULL, fd, NULL, 16384, SPLICE_F_NONBLOCK) < 0)
		errno = 0;
	close(p[0]);
	close(p[1]);
}

/* --- io_uring --- */

enum uring_op { U_SEND, U_SENDMSG, U_WRITE, U_WRITEV, U_SPLICE, U_SEND_ZC, U_WRITE_FIXED };

static void uring_prepare(struct io_uring_sqe *sqe, enum uring_op op, int fd, const int *pipe_fd)
{
	static struct iovec iov;
	static struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	iov = (struct iovec){ text, 3000 };

	switch (op) {
	case U_SEND:
		io_uring_prep_send(sqe, fd, text, 3000, MSG_NOSIGNAL);
		break;
	case U_SENDMSG:
		io_uring_prep_sendmsg(sqe, fd, &msg, MSG_NOSIGNAL);
		break;
	case U_WRITE:
		io_uring_prep_write(sqe, fd, text, 3000, 0);
		break;
	case U_WRITEV:
		io_uring_prep_writev(sqe, fd, &iov, 1, 0);
		break;
	case U_SPLICE:
		io_uring_prep_splice(sqe, pipe_fd[0], -1, fd, -1, 3000, 0);
		break;
	case U_SEND_ZC:
		io_uring_prep_send_zc(sqe, fd, text, 3000, MSG_NOSIGNAL, 0);
		break;
	case U_WRITE_FIXED:
		io_uring_prep_write_fixed(sqe, fd, text, 3000, 0, 0);
		break;
	}
}

static void by_uring_op(int fd, enum uring_op op)
{
	struct __kernel_timespec ts = { .tv_nsec = 200000000LL * harness_scale() };
	struct iovec all = { text, LEN };
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	int p[2];

	ASSERT_EQ(0, io_uring_queue_init(4, &ring, 0));
	OK(pipe(p));
	OK(write(p[1], text, 3000));
	if (op == U_WRITE_FIXED)
		ASSERT_EQ(0, io_uring_register_buffers(&ring, &all, 1));
	uring_prepare(io_uring_get_sqe(&ring), op, fd, p);
	ASSERT_EQ(1, io_uring_submit(&ring));
	if (!io_uring_wait_cqe_timeout(&ring, &cqe, &ts))
		io_uring_cqe_seen(&ring, cqe);
	io_uring_queue_exit(&ring);
	close(p[0]);
	close(p[1]);
}

static void by_uring(int fd)
{
	for (enum uring_op op = U_SEND; op <= U_WRITE_FIXED; op++)
		by_uring_op(fd, op);
}

/* --- ways past the record layer --- */

static void by_second_ulp(int fd)
{
	EXPECT_EQ(-1, setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", 3));
	EXPECT_EQ(-1, setsockopt(fd, IPPROTO_TCP, TCP_ULP, "espintcp", 8));
	by_send(fd);
}

/* TCP_REPAIR lets a program put bytes in the send queue. */
static void by_repair(int fd)
{
	int on = 1, queue = TCP_SEND_QUEUE, off = 0;

	setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue, sizeof(queue));
	send(fd, text, 1000, MSG_NOSIGNAL | MSG_DONTWAIT);
	queue = TCP_NO_QUEUE;
	setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue, sizeof(queue));
	setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &off, sizeof(off));
	by_send(fd);
}

/* Its other direction: pages of ciphertext mapped into the reader. */
static void by_zerocopy_receive(int fd)
{
	struct tcp_zerocopy_receive zc = { 0 };
	socklen_t len = sizeof(zc);
	void *map = mmap(NULL, 65536, PROT_READ, MAP_SHARED, fd, 0);

	if (map != MAP_FAILED)
		zc.address = (uintptr_t)map;
	zc.length = 65536;
	EXPECT_EQ(-1, getsockopt(fd, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &zc, &len));
}

static void by_disconnect(int fd)
{
	struct sockaddr sa = { .sa_family = AF_UNSPEC };

	connect(fd, &sa, sizeof(sa));
	by_send(fd);
	by_sendfile(fd);
}

static void by_shutdown(int fd)
{
	shutdown(fd, SHUT_WR);
	by_send(fd);
	by_sendfile(fd);
}

/* MSG_PROBE, MSG_CONFIRM and every other flag. */
static void by_odd_flags(int fd)
{
	for (int bit = 0; bit < 32; bit++)
		send(fd, text, 300, MSG_NOSIGNAL | MSG_DONTWAIT | 1u << bit);
}

static const struct { const char *name; way_fn fn; } ways[] = {
	{ "write", by_write }, { "send", by_send }, { "oob", by_oob }, { "writev", by_writev },
	{ "sendmsg", by_sendmsg }, { "fast open", by_sendto_fast_open },
	{ "zerocopy", by_zerocopy }, { "sendfile", by_sendfile },
	{ "splice file", by_splice_of_a_file }, { "splice pipe", by_splice_of_a_pipe },
	{ "vmsplice", by_vmsplice }, { "io_uring", by_uring }, { "second ulp", by_second_ulp },
	{ "repair", by_repair }, { "zerocopy receive", by_zerocopy_receive },
	{ "odd flags", by_odd_flags },
	/* these end the connection and come last */
	{ "shutdown", by_shutdown }, { "disconnect", by_disconnect },
};

FIXTURE(wire)
{
	struct env e;
	struct capture c;
	struct addr a;
	int l;
	struct job drain;
	int drain_fd;
};
FIXTURE_SETUP(wire)
{
	env_start_manual(&self->e, S13_AES128, 64);
	text = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, text);
	capture_fill(text, LEN);
	self->l = net_listen(AF_INET, 64, &self->a);
	capture_start(&self->c);
}
FIXTURE_TEARDOWN(wire)
{
}

/* Reads all that comes, so that no way of sending blocks. */
static void *drain(void *arg)
{
	char buf[65536];

	while (read(*(int *)arg, buf, sizeof(buf)) > 0)
		;
	return NULL;
}

static void expect_none(struct capture *c, const char *state, const char *way)
{
	unsigned int n = capture_count(c, MARKER, strlen(MARKER));

	EXPECT_EQ(0, n);
	if (n)
		harness_note("found in state %s by way of %s", state, way);
}

/* The state before any connection. */
TEST_F(wire, new)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		int fd = sock_new(AF_INET);

		ways[i].fn(fd);
		close(fd);
	}
	expect_none(&self->c, "NEW", "any");
}

/* Attached to an established connection, no handshake, no keys. */
TEST_F(wire, established_without_keys)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		int fd = net_socket(AF_INET);

		OK(connect(fd, &self->a.sa, self->a.len));
		OK(sock_attach(fd));
		ways[i].fn(fd);
		self->drain_fd = net_accept(self->l);
		net_nonblock(self->drain_fd, true);
		close(fd);
		drain(&self->drain_fd);
		close(self->drain_fd);
	}
	EXPECT_GT(self->c.fd, 0);
	expect_none(&self->c, "established", "any");
}

TEST_F(wire, listening)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		int fd = sock_new(AF_INET);
		struct addr a = net_loopback(AF_INET, 0);

		OK(bind(fd, &a.sa, a.len));
		net_nonblock(fd, true);
		fake_start(self->e.fake, NULL, NULL);
		OK(listen(fd, 5));
		fake_stop(self->e.fake);
		ways[i].fn(fd);
		close(fd);
	}
	expect_none(&self->c, "LISTENING", "any");
}

/* While the helper is at work, on a blocking and a non-blocking socket. */
TEST_F(wire, handshake)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		int fd = sock_new(AF_INET), peer;
		struct fake_msg *m;

		net_nonblock(fd, true);
		FAILS(EINPROGRESS, connect(fd, &self->a.sa, self->a.len));
		peer = net_accept(self->l);
		do {
			m = fake_next(self->e.fake, 5000);
			ASSERT_TRUE(m);
		} while (m->cmd != KTLS_CMD_START);
		ways[i].fn(fd);
		fake_fail(self->e.fake, m->id, EPROTO, -1, "end of test");
		free(m);
		net_nonblock(peer, true);
		close(fd);
		drain(&peer);
		close(peer);
	}
	expect_none(&self->c, "HANDSHAKE", "any");
}

TEST_F(wire, failed)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		int fd = sock_new(AF_INET);
		struct fake_msg *m;
		struct job j;

		job_connect(&j, fd, &self->a);
		m = fake_expect(self->e.fake, KTLS_CMD_START);
		fake_fail(self->e.fake, m->id, EPROTO, -1, "end of test");
		close(net_accept(self->l));
		job_wait(&j, 5000);
		EXPECT_ERRNO(EPROTO, j.err);
		ways[i].fn(fd);
		close(fd);
	}
	expect_none(&self->c, "FAILED", "any");
}

TEST_F(wire, open)
{
	fake_start(self->e.fake, NULL, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct conn c;
		struct job j;

		conn_open(&c, &self->e, i % 2 ? ROLE_CLIENT : ROLE_SERVER, AF_INET);
		job_run(&j, drain, &c.peer.fd);
		ways[i].fn(c.fd);
		close(c.fd);
		job_wait(&j, 15000);
		peer_free(&c.peer);
	}
	/* more than a megabyte was sent, encrypted */
	expect_none(&self->c, "OPEN", "any");
	EXPECT_GT(self->c.payload, 200000);
}

/* After a fatal alert there are no keys: nothing must be sent as plaintext. */
TEST_F(wire, after_an_error)
{
	fake_start(self->e.fake, NULL, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct conn c;
		struct job j;

		conn_open(&c, &self->e, ROLE_CLIENT, AF_INET);
		peer_send_alert(&c.peer, 2, 40);
		EVENTUALLY(net_poll(c.fd, POLLIN, 0), 2000);
		FAILS(EPROTO, recv(c.fd, &(char){ 0 }, 1, 0));
		job_run(&j, drain, &c.peer.fd);
		ways[i].fn(c.fd);
		close(c.fd);
		job_wait(&j, 15000);
		peer_free(&c.peer);
	}
	expect_none(&self->c, "FAILED", "any");
}

/* Over plain TCP the marker is seen in each way: capture and ways work. */
TEST_F(wire, control)
{
	static const way_fn visible[] = {
		by_write, by_send, by_oob, by_writev, by_sendmsg, by_zerocopy, by_sendfile,
		by_splice_of_a_file, by_splice_of_a_pipe, by_vmsplice, by_uring,
	};

	for (size_t i = 0; i < ARRAY_SIZE(visible); i++) {
		struct capture c;
		struct job j;
		int ends[2];

		capture_start(&c);
		net_pair(AF_INET, ends);
		job_run(&j, drain, &ends[1]);
		visible[i](ends[0]);
		close(ends[0]);
		job_wait(&j, 10000);
		EXPECT_GT(capture_count(&c, MARKER, 20), 0);
		if (harness_failed())
			harness_note("visible way %zu", i);
	}
	capture_count(&self->c, "x", 1);
}

/* io_uring on an open connection returns what the system calls do. */
TEST_F(wire, io_uring_sends_records)
{
	char got[3000];
	struct conn c;

	fake_start(self->e.fake, NULL, NULL);
	conn_open(&c, &self->e, ROLE_CLIENT, AF_INET);
	for (enum uring_op op = U_SEND; op <= U_WRITE_FIXED; op++) {
		by_uring_op(c.fd, op);
		peer_recv_data(&c.peer, got, sizeof(got));
		EXPECT_MEMEQ(text, got, sizeof(got));
	}
	expect_none(&self->c, "OPEN", "io_uring");
}

TEST_HARNESS_MAIN
