// SPDX-License-Identifier: GPL-2.0-or-later
/* One socket used by threads, by processes, and passed between processes. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "lib/record.h"

static uint8_t big[1 << 20], back[1 << 20];

#define WRITERS		4
#define MESSAGES	100
#define MESSAGE		1000

struct writer {
	struct job	job;
	int		fd, id;
};

static void *write_messages(void *arg)
{
	struct writer *w = arg;
	uint8_t msg[MESSAGE];

	for (int i = 0; i < MESSAGES; i++) {
		memset(msg, w->id * 50 + i % 50, sizeof(msg));
		ASSERT_EQ(MESSAGE, send(w->fd, msg, MESSAGE, MSG_NOSIGNAL));
	}
	return NULL;
}

/* Each message is whole and in its writer's order. */
TEST_F(both, many_writers)
{
	struct writer w[WRITERS];
	int next[WRITERS] = { 0 };

	for (int i = 0; i < WRITERS; i++) {
		w[i].fd = self->r.fd;
		w[i].id = i;
		job_run(&w[i].job, write_messages, &w[i]);
	}
	for (int i = 0; i < WRITERS * MESSAGES; i++) {
		uint8_t type;
		int id;

		ASSERT_EQ(MESSAGE, peer_recv(self->r.p, &type, back, sizeof(back)));
		id = back[0] / 50;
		ASSERT_LT(id, WRITERS);
		ASSERT_EQ(next[id]++ % 50, back[0] % 50);
		for (int k = 1; k < MESSAGE; k++)
			ASSERT_EQ(back[0], back[k]);
	}
	for (int i = 0; i < WRITERS; i++)
		job_wait(&w[i].job, 1000);
	/* each record is counted once */
	EXPECT_EQ(WRITERS * MESSAGES, net_mib("TxRecords"));
	EXPECT_EQ(WRITERS * MESSAGES * MESSAGE, net_mib("TxBytes"));
}

struct reader {
	struct job	job;
	int		fd;
	size_t		bytes;
	uint64_t	sum;
};

static void *read_to_eof(void *arg)
{
	struct reader *r = arg;
	uint8_t buf[3000];
	ssize_t n;

	while ((n = OK(read(r->fd, buf, sizeof(buf)))) > 0) {
		r->bytes += n;
		for (ssize_t i = 0; i < n; i++)
			r->sum += buf[i];
	}
	return NULL;
}

/* Each byte is read once, and all readers see the end. */
TEST_F(both, many_readers)
{
	struct reader r[4] = { 0 };
	uint64_t sum = 0, want = 0;
	size_t bytes = 0;

	net_pattern(big, 400000, 1);
	for (int i = 0; i < 4; i++) {
		r[i].fd = self->r.fd;
		job_run(&r[i].job, read_to_eof, &r[i]);
	}
	peer_send_data(self->r.p, big, 400000);
	peer_send_close(self->r.p);
	for (int i = 0; i < 4; i++) {
		job_wait(&r[i].job, 10000);
		bytes += r[i].bytes;
		sum += r[i].sum;
	}
	for (size_t i = 0; i < 400000; i++)
		want += big[i];
	EXPECT_EQ(400000, bytes);
	EXPECT_EQ(want, sum);
	/* each record is counted once; the last is close_notify */
	EXPECT_EQ(400000, net_mib("RxBytes"));
	EXPECT_EQ(sock_info(self->r.fd).rx_records, net_mib("RxRecords"));
}

/* Two ktls sockets, both directions at once. */
TEST(full_duplex)
{
	static const uint16_t suites[] = { S13_AES128, S12_CHACHA };
	static uint8_t back2[1 << 20];

	for (int s = 0; s < 2; s++) {
		struct transfer w0, w1, r0, r1;
		struct env e;
		int ends[2];

		env_start(&e, suites[s]);
		sock_pair(&e, s ? AF_INET6 : AF_INET, ends);
		net_pattern(big, sizeof(big), s);
		transfer_read(&r0, ends[0], back, sizeof(big));
		transfer_read(&r1, ends[1], back2, sizeof(big));
		transfer_write(&w0, ends[0], big, sizeof(big));
		transfer_write(&w1, ends[1], big, sizeof(big));
		transfer_wait(&w0, 15000);
		transfer_wait(&w1, 15000);
		transfer_wait(&r0, 15000);
		transfer_wait(&r1, 15000);
		EXPECT_MEMEQ(big, back, sizeof(big));
		EXPECT_MEMEQ(big, back2, sizeof(big));
		close(ends[0]);
		close(ends[1]);
	}
}

/* After fork() both processes use the connection, and it ends when both have closed it. */
TEST_F(both, fork)
{
	char buf[16];
	int status;
	pid_t pid = OK(fork());

	if (!pid) {
		net_write(self->r.fd, "child", 5);
		net_read(self->r.fd, buf, 5);
		_exit(memcmp(buf, "hello", 5) ? 1 : 0);
	}
	peer_recv_data(self->r.p, buf, 5);
	peer_send_data(self->r.p, "hello", 5);
	OK(waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	/* the child's exit does not end the connection */
	net_write(self->r.fd, "parent", 6);
	peer_recv_data(self->r.p, buf, 6);
	EXPECT_MEMEQ("parent", buf, 6);
	close(self->r.fd);
	self->r.c.fd = -1;
	peer_expect_close(self->r.p);
}

/* exec: a program that knows nothing of TLS, on descriptors 0 and 1. */
TEST_F(both, exec)
{
	char buf[32];
	int status;
	pid_t pid = OK(fork());

	if (!pid) {
		dup2(self->r.fd, 0);
		dup2(self->r.fd, 1);
		execlp("tr", "tr", "a-z", "A-Z", NULL);
		_exit(127);
	}
	close(self->r.fd);
	self->r.c.fd = -1;
	peer_send_data(self->r.p, "shout this", 10);
	peer_send_close(self->r.p);
	peer_recv_data(self->r.p, buf, 10);
	EXPECT_MEMEQ("SHOUT THIS", buf, 10);
	peer_expect_close(self->r.p);
	OK(waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

static int pass_descriptor(int fd)
{
	union { char buf[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } u;
	struct iovec iov = { "x", 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = u.buf,
			      .msg_controllen = sizeof(u.buf) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	char byte;
	int s[2], got;

	OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	OK(sendmsg(s[0], &msg, 0));
	close(fd);
	iov.iov_base = &byte;
	OK(recvmsg(s[1], &msg, 0));
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	close(s[0]);
	close(s[1]);
	return got;
}

TEST_F(both, dup_and_scm_rights)
{
	char buf[4];
	int copy = OK(dup(self->r.fd));

	close(self->r.fd);
	self->r.c.fd = pass_descriptor(copy);
	net_write(self->r.c.fd, "sent", 4);
	peer_recv_data(self->r.p, buf, 4);
	EXPECT_MEMEQ("sent", buf, 4);
	EXPECT_EQ(KTLS_STATE_OPEN, sock_state(self->r.c.fd));
}

static void *read_until_something(void *arg)
{
	ssize_t n = read(*(int *)arg, back, 100);

	EXPECT_LE(n, 0);
	return NULL;
}

/* shutdown() in one thread ends the wait of another. */
TEST_F(both, shutdown_wakes_a_reader)
{
	struct job j;

	job_run(&j, read_until_something, &self->r.fd);
	harness_nap(30);
	EXPECT_FALSE(j.done);
	OK(shutdown(self->r.fd, SHUT_RDWR));
	job_wait(&j, 3000);
}

static void *write_until_error(void *arg)
{
	while (send(*(int *)arg, big, 65536, MSG_NOSIGNAL) > 0)
		;
	return NULL;
}

TEST_F(both, shutdown_wakes_a_writer)
{
	struct job j;

	job_run(&j, write_until_error, &self->r.fd);
	EVENTUALLY(!net_poll(self->r.fd, POLLOUT, 0), 5000);
	OK(shutdown(self->r.fd, SHUT_RDWR));
	job_wait(&j, 3000);
}

static void on_signal(int sig)
{
	(void)sig;
}

/* A send that a signal cuts short returns what it took, and sends no byte twice. */
TEST_F(both, send_interrupted_by_a_signal)
{
	struct sigaction sa = { .sa_handler = on_signal };
	size_t sent = 0, got = 0;
	int status;
	pid_t pid;

	OK(sigaction(SIGALRM, &sa, NULL));
	net_pattern(big, sizeof(big), 5);
	pid = OK(fork());
	if (!pid) {
		/* a slow reader, so that the writer sleeps again and again */
		while (got < sizeof(big)) {
			uint8_t type;
			ssize_t n = OK(peer_recv(self->r.p, &type, back + got, sizeof(back) - got));

			got += n;
			if (got % (8 * 16384) < 16384)
				harness_nap(3);
		}
		EXPECT_MEMEQ(big, back, sizeof(big));
		_exit(harness_failed());
	}
	while (sent < sizeof(big)) {
		ssize_t n;

		ualarm(1000, 0);
		n = send(self->r.fd, big + sent, sizeof(big) - sent, 0);
		ualarm(0, 0);
		if (n < 0)
			ASSERT_EQ(EINTR, errno);
		else
			sent += n;
	}
	OK(waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(both, recv_interrupted_by_a_signal)
{
	struct sigaction sa = { .sa_handler = on_signal };

	OK(sigaction(SIGALRM, &sa, NULL));
	/* repeatedly: the first may come before recv() sleeps */
	ualarm(20000, 20000);
	FAILS(EINTR, recv(self->r.fd, back, 10, 0));
	ualarm(0, 0);
	peer_send_data(self->r.p, "abc", 3);
	EXPECT_EQ(POLLIN, net_poll(self->r.fd, POLLIN, 2000));
	ualarm(20000, 20000);
	/* what was received is returned, not lost to EINTR */
	EXPECT_EQ(3, recv(self->r.fd, back, 10, MSG_WAITALL));
	EXPECT_MEMEQ("abc", back, 3);
}
