// SPDX-License-Identifier: GPL-2.0-or-later
/* Data, tickets, close, and helpers that exit, with OpenSSL at the other end. */
#include <poll.h>
#include <signal.h>

#include "lib/interop.h"

#define MEG	(1 << 20)

static uint8_t big[MEG], back[MEG];

FIXTURE(openssl) { struct proc d; struct s_server s; };
FIXTURE_VARIANT(openssl) { const char *flag; bool v13; };
FIXTURE_VARIANT_ADD(openssl, tls13) { "-tls1_3", true };
FIXTURE_VARIANT_ADD(openssl, tls12) { "-tls1_2", false };
FIXTURE_SETUP(openssl)
{
	net_new();
	real_start(&self->d);
}
FIXTURE_TEARDOWN(openssl)
{
}

/* connect, write 1 MiB, close at once: s_server sends its tickets meanwhile. */
TEST_F(openssl, write_a_megabyte_and_close)
{
	size_t len;
	char *out;
	int fd;

	/* printable, and no line begins like a command */
	for (int i = 0; i < MEG; i++)
		big[i] = i % 1024 == 1023 ? '\n' : 'a' + i / 1024 % 26;
	s_server_start(&self->s, "rsa", variant->flag, "-quiet", "-naccept", "1", NULL);
	fd = interop_socket("server.test");
	OK(connect(fd, &self->s.a.sa, self->s.a.len));
	net_write(fd, big, MEG);
	close(fd);
	EXPECT_EQ(0, proc_wait(&self->s.p, 15000));
	out = proc_output(&self->s.p, &len);
	ASSERT_EQ(MEG, len);
	EXPECT_MEMEQ(big, out, MEG);
	free(out);
}

/* The same as server, towards s_client. */
TEST_F(openssl, server_writes_a_megabyte_and_closes)
{
	struct proc c;
	struct addr a;
	size_t len;
	char *out;
	int l, fd;

	for (int i = 0; i < MEG; i++)
		big[i] = i % 64 == 63 ? '\n' : 'A' + i / 64 % 26;
	l = interop_listen("ecdsa", NULL, &a);
	s_client_start(&c, &a, variant->flag, "-quiet", NULL);
	fd = interop_accept(l, &c);
	net_write(fd, big, MEG);
	close(fd);
	EXPECT_EQ(0, proc_wait(&c, 15000));
	out = proc_output(&c, &len);
	/* a few lines about the certificates come before */
	ASSERT_GE(len, MEG);
	EXPECT_MEMEQ(big, out + len - MEG, MEG);
	free(out);
}

static void *write_lines(void *arg)
{
	net_write(*(int *)arg, big, MEG);
	return NULL;
}

/* Both directions at once through "s_server -rev": a megabyte there and back, in lines. */
TEST_F(openssl, echo_a_megabyte)
{
	struct job j;
	int fd;

	for (int i = 0; i < MEG; i++)
		big[i] = i % 1024 == 1023 ? '\n' : 'a' + i / 1024 % 26;
	s_server_start(&self->s, "rsa", variant->flag, "-rev", NULL);
	fd = interop_socket("server.test");
	OK(connect(fd, &self->s.a.sa, self->s.a.len));
	job_run(&j, write_lines, &fd);
	net_read(fd, back, MEG);
	job_wait(&j, 1000);
	/* lines of one letter are their own reverse */
	EXPECT_MEMEQ(big, back, MEG);
	close(fd);
}

/* In 1.3 two tickets follow the handshake at once. poll() does not report them,
 * and a blocking read after poll() does not hang on them.
 */
TEST_F(openssl, tickets_right_behind_the_handshake)
{
	int fd;

	s_server_start(&self->s, "rsa", variant->flag, "-rev", NULL);
	fd = interop_socket("server.test");
	OK(connect(fd, &self->s.a.sa, self->s.a.len));
	EXPECT_EQ(0, net_poll(fd, POLLIN, 300));
	FAILS(EAGAIN, recv(fd, back, 1, MSG_DONTWAIT));
	if (variant->v13)
		EVENTUALLY(sock_info(fd).rx_records >= 1, 2000);
	net_write(fd, "abcdef\n", 7);
	EXPECT_EQ(POLLIN, net_poll(fd, POLLIN, 5000));
	EXPECT_EQ(7, recv(fd, back, 7, MSG_WAITALL));
	EXPECT_MEMEQ("fedcba\n", back, 7);
	EXPECT_EQ(0, sock_info(fd).rx_bytes - 7);
	close(fd);
}

/* s_client's K replaces its keys and asks for ours, k only replaces. In 1.2 R asks
 * for renegotiation: OpenSSL gives up when it is refused, a peer that goes
 * on is in record/.
 */
TEST_F(openssl, client_updates_its_keys)
{
	struct proc c;
	struct addr a;
	int l, fd;

	l = interop_listen("rsa", NULL, &a);
	s_client_start(&c, &a, variant->flag, NULL);
	fd = interop_accept(l, &c);
	EVENTUALLY(proc_printed(&c, "Verify return code"), 5000);
	if (!variant->v13) {
		OK(write(c.in, "R\n", 2));
		EVENTUALLY(proc_printed(&c, "no renegotiation") ||
			   net_poll(fd, POLLIN, 0) & POLLHUP, 10000);
		EXPECT_EQ(100, sock_info(fd).alert_sent);
		close(fd);
		return;
	}
	for (int i = 1; i <= 3; i++) {
		OK(write(c.in, "K\n", 2));
		EVENTUALLY(net_poll(fd, POLLIN, 0) == 0 &&
			   (int)sock_info(fd).tx_key_updates == i, 10000);
		OK(write(c.in, "after\n", 6));
		net_read(fd, back, 6);
		EXPECT_MEMEQ("after\n", back, 6);
		OK(write(c.in, "k\n", 2));
		harness_nap(20);
		OK(write(c.in, "again\n", 6));
		net_read(fd, back, 6);
		EXPECT_MEMEQ("again\n", back, 6);
		EXPECT_EQ(2 * i, sock_info(fd).rx_key_updates);
		EXPECT_EQ(i, sock_info(fd).tx_key_updates);
		net_write(fd, i == 1 ? "one\n" : i == 2 ? "two\n" : "six\n", 4);
		EVENTUALLY(proc_printed(&c, i == 1 ? "one" : i == 2 ? "two" : "six"), 5000);
	}
	close(fd);
	EXPECT_EQ(0, proc_wait(&c, 10000));
}

/* As client: ours, and what s_server answers to it. */
TEST_F(openssl, we_update_our_keys)
{
	int fd;

	s_server_start(&self->s, "ecdsa", variant->flag, "-rev", NULL);
	fd = interop_socket("server.test");
	OK(connect(fd, &self->s.a.sa, self->s.a.len));
	if (!variant->v13) {
		FAILS(EOPNOTSUPP, sock_set_int(fd, KTLS_KEY_UPDATE, 1));
		interop_expect_reversed(fd);
		close(fd);
		return;
	}
	for (int i = 1; i <= 5; i++) {
		OK(sock_set_int(fd, KTLS_KEY_UPDATE, i % 2));
		interop_expect_reversed(fd);
		EXPECT_EQ(i, sock_info(fd).tx_key_updates);
		EXPECT_EQ((i + 1) / 2, sock_info(fd).rx_key_updates);
	}
	close(fd);
}

/* s_server -rev answers CLOSE with close_notify: EOF, and not before. */
TEST_F(openssl, close_notify_from_openssl)
{
	int fd;

	s_server_start(&self->s, "rsa", variant->flag, "-rev", NULL);
	fd = interop_socket("server.test");
	OK(connect(fd, &self->s.a.sa, self->s.a.len));
	net_write(fd, "CLOSE\n", 6);
	EXPECT_EQ(0, read(fd, back, 10));
	close(fd);
}

TEST_F(openssl, a_killed_server_is_no_eof)
{
	int fd;

	s_server_start(&self->s, "rsa", variant->flag, "-rev", NULL);
	fd = interop_socket("server.test");
	OK(connect(fd, &self->s.a.sa, self->s.a.len));
	interop_expect_reversed(fd);
	proc_kill(&self->s.p, SIGKILL);
	EXPECT_TRUE(net_poll(fd, POLLIN, 5000));
	EXPECT_EQ(-1, read(fd, back, 10));
	EXPECT_TRUE(errno == ECONNABORTED || errno == ECONNRESET);
	close(fd);
}

/* Two ktls sockets with the real helper between them. */
TEST_F(openssl, ours_to_ours)
{
	const uint16_t version = variant->v13 ? KTLS_TLS_1_3 : KTLS_TLS_1_2;
	struct ktls_versions v = { version, version };
	struct job c, w;
	struct addr a;
	int l, fd, s;

	l = interop_listen("ecdsa", NULL, &a);
	fd = interop_socket("server.test");
	OK(setsockopt(fd, SOL_TLS, KTLS_VERSIONS, &v, sizeof(v)));
	job_connect(&c, fd, &a);
	s = net_accept(l);
	job_wait(&c, 10000);
	OK(c.ret);
	EXPECT_EQ(v.max, sock_info(s).version);
	EXPECT_EQ(sock_info(fd).suite, sock_info(s).suite);
	net_pattern(big, MEG, 1);
	job_run(&w, write_lines, &s);
	net_read(fd, back, MEG);
	job_wait(&w, 1000);
	EXPECT_MEMEQ(big, back, MEG);
	close(s);
	EXPECT_EQ(0, read(fd, back, 1));
	close(fd);
}

/* --- ktlsd exits and is started again --- */

FIXTURE(daemon) { struct proc d; struct s_server s; };
FIXTURE_SETUP(daemon)
{
	net_new();
}
FIXTURE_TEARDOWN(daemon)
{
}

TEST_F(daemon, kill_9_during_a_handshake)
{
	struct addr silent, a;
	struct s_server other;
	struct proc c;
	struct job j;
	double start;
	int l, fd, open_fd, p;
	char line[8];

	real_start(&self->d);
	s_server_start(&self->s, "rsa", "-rev", NULL);
	open_fd = interop_socket("server.test");
	OK(connect(open_fd, &self->s.a.sa, self->s.a.len));
	l = interop_listen("rsa", NULL, &a);

	/* a server that takes ClientHello and says nothing */
	p = net_listen(AF_INET, 1, &silent);
	fd = interop_socket("server.test");
	job_connect(&j, fd, &silent);
	p = net_accept(p);
	EXPECT_TRUE(net_poll(p, POLLIN, 5000));
	start = harness_now();
	proc_kill(&self->d, SIGKILL);
	job_wait(&j, 1000);
	EXPECT_EQ(-1, j.ret);
	EXPECT_ERRNO(EHOSTDOWN, j.err);
	EXPECT_LE((harness_now() - start) * 1000, 1000 * harness_scale());

	/* open connections go on */
	interop_expect_reversed(open_fd);
	FAILS(ESRCH, connect(fd, &self->s.a.sa, self->s.a.len));

	/* after a restart the same socket and the old listener work */
	real_start(&self->d);
	/* s_server takes one connection at a time */
	s_server_start(&other, "rsa", "-rev", NULL);
	OK(connect(fd, &other.a.sa, other.a.len));
	interop_expect_reversed(fd);
	s_client_start(&c, &a, NULL);
	p = interop_accept(l, &c);
	OK(write(c.in, "hello\n", 6));
	net_read(p, line, 6);
	close(p);
	EXPECT_EQ(0, proc_wait(&c, 5000));
	interop_expect_reversed(open_fd);
}

/* The deadline is the kernel's, also with the real helper. */
TEST_F(daemon, a_silent_server)
{
	struct addr a;
	int fd;

	real_start(&self->d);
	net_listen(AF_INET, 8, &a);
	for (int i = 0; i < 3; i++) {
		fd = interop_socket("server.test");
		OK(sock_set_u32(fd, KTLS_TIMEOUT, 300 + 700 * i));
		FAILS(ETIMEDOUT, connect(fd, &a.sa, a.len));
		EXPECT_NE(0, strlen(sock_error(fd)));
		close(fd);
	}
}

TEST_F(daemon, a_client_waits_while_ktlsd_restarts)
{
	struct addr a;
	struct proc c;
	int l;

	real_start(&self->d);
	l = interop_listen("rsa", NULL, &a);
	proc_kill(&self->d, SIGTERM);
	s_client_start(&c, &a, NULL);
	harness_nap(200);
	real_start(&self->d);
	close(interop_accept(l, &c));
	EXPECT_EQ(0, proc_wait(&c, 5000));
}

/* One handshake has begun before SIGTERM, and its peer answers later; another begins after. */
TEST_F(daemon, a_restart_loses_no_handshake)
{
	struct job j[2];
	int fd[2];

	real_start(&self->d);
	s_server_start(&self->s, "rsa", "-rev", NULL);
	OK(kill(self->s.p.pid, SIGSTOP));
	for (int i = 0; i < 2; i++) {
		fd[i] = interop_socket("server.test");
		job_connect(&j[i], fd[i], &self->s.a);
		harness_nap(200);
		if (i)
			break;
		OK(kill(self->d.pid, SIGTERM));
		harness_nap(200);
	}
	OK(kill(self->s.p.pid, SIGCONT));
	EXPECT_EQ(0, proc_wait(&self->d, 5000));
	job_wait(&j[0], 5000);
	EXPECT_EQ(0, j[0].ret);
	interop_expect_reversed(fd[0]);
	close(fd[0]);
	real_start(&self->d);
	job_wait(&j[1], 5000);
	EXPECT_EQ(0, j[1].ret);
	interop_expect_reversed(fd[1]);
	close(fd[1]);
}

/* An ordinary user with CAP_NET_ADMIN and nothing else. */
TEST_F(daemon, unprivileged)
{
	struct addr a;
	struct proc c;
	int l, fd;

	real_start_unprivileged(&self->d, 4711);
	l = interop_listen("rsa", NULL, &a);
	s_client_start(&c, &a, NULL);
	close(interop_accept(l, &c));
	EXPECT_EQ(0, proc_wait(&c, 5000));
	s_server_start(&self->s, "rsa", "-rev", NULL);
	fd = interop_socket("server.test");
	OK(connect(fd, &self->s.a.sa, self->s.a.len));
	interop_expect_reversed(fd);
	close(fd);
}

TEST_F(daemon, stops_when_told)
{
	real_start(&self->d);
	kill(self->d.pid, SIGTERM);
	EXPECT_EQ(0, proc_wait(&self->d, 5000));
}

/* Twenty clients at once, half of them ours, through both workers. */
TEST_F_TIMEOUT(daemon, many_at_once, 60)
{
	enum { N = 10 };
	struct job j[N];
	struct proc c[N];
	struct addr a;
	int l, fd[N];

	real_start(&self->d);
	l = interop_listen("ecdsa", NULL, &a);
	for (int i = 0; i < N; i++) {
		s_client_start(&c[i], &a, NULL);
		fd[i] = interop_socket("server.test");
		job_connect(&j[i], fd[i], &a);
	}
	for (int i = 0; i < 2 * N; i++) {
		int s = interop_accept(l, &c[0]);

		net_write(s, "served\n", 7);
		close(s);
	}
	for (int i = 0; i < N; i++) {
		job_wait(&j[i], 10000);
		OK(j[i].ret);
		net_read(fd[i], back, 7);
		EXPECT_EQ(0, read(fd[i], back, 1));
		EXPECT_EQ(0, proc_wait(&c[i], 10000));
		EXPECT_TRUE(proc_printed(&c[i], "served\n"));
	}
}
