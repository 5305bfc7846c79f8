// SPDX-License-Identifier: GPL-2.0-or-later
/* listen() and accept(): accept() returns finished TLS connections only. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/time.h>

#include "lib/sock.h"

FIXTURE(server)
{
	struct env e;
	struct addr a;
	int l;
};
FIXTURE_VARIANT(server) { int family; };
FIXTURE_VARIANT_ADD(server, ipv4) { AF_INET };
FIXTURE_VARIANT_ADD(server, ipv6) { AF_INET6 };
FIXTURE_SETUP(server)
{
	env_start(&self->e, S13_AES128);
	self->l = sock_listen(variant->family, 5, &self->a);
}
FIXTURE_TEARDOWN(server)
{
	close(self->l);
}

static int dial(const struct addr *a)
{
	int fd = net_socket(a->sa.sa_family);

	OK(connect(fd, &a->sa, a->len));
	return fd;
}

static void good_client(struct peer *p, struct env *e, const struct addr *a)
{
	peer_init(p, dial(a), false, &e->hs);
	peer_handshake(p);
}

/* A byte each way shows that these are the ends of one connection. */
static void expect_joined(int fd, struct peer *p, char c)
{
	char got = 0;

	peer_send_data(p, &c, 1);
	net_read(fd, &got, 1);
	EXPECT_EQ(c, got);
	net_write(fd, &c, 1);
	peer_recv_data(p, &got, 1);
	EXPECT_EQ(c, got);
}

TEST_F(server, accept_returns_a_finished_connection)
{
	struct addr seen = { .len = sizeof(seen.v6) }, mine = { .len = sizeof(mine.v6) };
	struct ktls_info info;
	struct peer p;
	int fd;

	good_client(&p, &self->e, &self->a);
	fd = OK(accept4(self->l, &seen.sa, &seen.len, SOCK_CLOEXEC));
	OK(getsockname(p.fd, &mine.sa, &mine.len));
	EXPECT_EQ(mine.len, seen.len);
	EXPECT_MEMEQ(&mine.v4, &seen.v4, 4);
	info = sock_info(fd);
	EXPECT_EQ(KTLS_STATE_OPEN, info.state);
	EXPECT_EQ(ROLE_SERVER, info.role);
	EXPECT_EQ(S13_AES128, info.suite);
	expect_joined(fd, &p, 'a');
	EXPECT_EQ(1, self->e.fake->checks);
	EXPECT_EQ(1, self->e.fake->starts);
}

TEST_F(server, accept_blocks_until_the_handshake_is_done)
{
	struct peer p;
	struct job j;

	job_accept(&j, self->l);
	peer_init(&p, dial(&self->a), false, &self->e.hs);
	harness_nap(50);
	EXPECT_FALSE(j.done);
	peer_send_flight(&p, HS_CLIENT_HELLO);
	peer_recv_flight(&p, HS_SERVER_FLIGHT);
	harness_nap(50);
	EXPECT_FALSE(j.done);
	peer_send_flight(&p, HS_CLIENT_FIN);
	job_wait(&j, 5000);
	OK(j.ret);
	expect_joined(j.ret, &p, 'b');
}

TEST_F(server, non_blocking)
{
	struct peer p;
	int fd;

	net_nonblock(self->l, true);
	FAILS(EAGAIN, accept(self->l, NULL, NULL));
	peer_init(&p, dial(&self->a), false, &self->e.hs);
	EXPECT_EQ(0, net_poll(self->l, POLLIN, 50));
	FAILS(EAGAIN, accept(self->l, NULL, NULL));
	peer_send_flight(&p, HS_CLIENT_HELLO);
	peer_recv_flight(&p, HS_SERVER_FLIGHT);
	EXPECT_EQ(0, net_poll(self->l, POLLIN, 50));
	FAILS(EAGAIN, accept(self->l, NULL, NULL));
	peer_send_flight(&p, HS_CLIENT_FIN);
	EXPECT_EQ(POLLIN, net_poll(self->l, POLLIN, 5000));
	fd = OK(accept4(self->l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
	EXPECT_TRUE(fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_TRUE(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	FAILS(EAGAIN, read(fd, &(char){ 0 }, 1));
	EXPECT_EQ(0, net_poll(self->l, POLLIN, 0));
	FAILS(EAGAIN, accept(self->l, NULL, NULL));
}

TEST_F(server, epoll_tells_once_per_connection)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int ep = OK(epoll_create1(0));
	struct peer p[3];

	net_nonblock(self->l, true);
	OK(epoll_ctl(ep, EPOLL_CTL_ADD, self->l, &ev));
	EXPECT_EQ(0, epoll_wait(ep, &ev, 1, 20));
	for (int i = 0; i < 3; i++) {
		good_client(&p[i], &self->e, &self->a);
		ASSERT_EQ(1, epoll_wait(ep, &ev, 1, 5000 * harness_scale()));
		EXPECT_EQ(EPOLLIN, ev.events);
		OK(accept(self->l, NULL, NULL));
	}
	FAILS(EAGAIN, accept(self->l, NULL, NULL));
}

TEST_F(server, data_behind_the_clients_flight)
{
	uint8_t buf[HS_FLIGHT_MAX + 600], want[200], got[200];
	struct peer p;
	size_t n;
	int fd;

	net_pattern(want, sizeof(want), 3);
	peer_init(&p, dial(&self->a), false, &self->e.hs);
	peer_send_flight(&p, HS_CLIENT_HELLO);
	peer_recv_flight(&p, HS_SERVER_FLIGHT);
	n = hs_flight(&self->e.hs, HS_CLIENT_FIN, buf);
	n += peer_seal(&p, CT_DATA, want, 100, buf + n);
	n += peer_seal(&p, CT_DATA, want + 100, 100, buf + n);
	/* the last record arrives in two parts */
	peer_send_raw(&p, buf, n - 50);
	fd = net_accept(self->l);
	peer_send_raw(&p, buf + n - 50, 50);
	net_read(fd, got, sizeof(got));
	EXPECT_MEMEQ(want, got, sizeof(got));
}

/* Waits until the client gets an alert or FIN, after anything else. */
static void expect_dropped(int fd)
{
	char buf[4096];
	ssize_t n;

	for (;;) {
		EXPECT_TRUE(net_poll(fd, POLLIN, 15000));
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n > 0)
			continue;
		EXPECT_TRUE(!n || errno == ECONNRESET);
		return;
	}
}

/* Twenty silent clients, twenty that do not send TLS (one sends HTTP), a slow one, and a
 * backlog of five: each good client is served at once.
 */
TEST_F(server, bad_clients_disturb_nobody)
{
	static const char http[] = "GET / HTTP/1.1\r\nHost: server.test\r\n\r\n";
	uint8_t hello[HS_FLIGHT_MAX];
	int silent[20], garbage[20], slow;
	struct peer p;
	double start;

	OK(sock_set_u32(self->l, KTLS_TIMEOUT, 8000));
	for (int i = 0; i < 20; i++) {
		silent[i] = dial(&self->a);
		garbage[i] = dial(&self->a);
		if (!i)
			net_write(garbage[i], http, sizeof(http) - 1);
		else
			net_write(garbage[i], "\200\201garbage garbage garbage", 25);
	}
	slow = dial(&self->a);
	hs_flight(&self->e.hs, HS_CLIENT_HELLO, hello);
	for (int i = 0; i < 10; i++) {
		int fd;

		net_write(slow, hello + i, 1);
		start = harness_now();
		good_client(&p, &self->e, &self->a);
		fd = net_accept(self->l);
		EXPECT_LE((harness_now() - start) * 1000, 2000 * harness_scale());
		expect_joined(fd, &p, 'c' + i);
		close(fd);
		peer_free(&p);
	}
	/* the helper was asked for clients that sent a ClientHello only */
	EXPECT_EQ(10, self->e.fake->starts);
	for (int i = 0; i < 20; i++)
		expect_dropped(garbage[i]);
	net_nonblock(self->l, true);
	FAILS(EAGAIN, accept(self->l, NULL, NULL));
	for (int i = 0; i < 20; i++)
		close(silent[i]);
}

TEST_F(server, silent_clients_meet_the_deadline)
{
	int fd, later;

	OK(sock_set_u32(self->l, KTLS_TIMEOUT, 300));
	fd = dial(&self->a);
	later = dial(&self->a);
	net_write(later, "\26\3\1", 3);
	expect_dropped(fd);
	expect_dropped(later);
	EXPECT_EQ(0, self->e.fake->starts);
	EXPECT_EQ(2, net_mib("HandshakesTimeout"));
}

/* More clients than the backlog holds, and nobody accepts: a connection is complete, waits or
 * is refused, and none is lost half-way.
 */
TEST_F(server, more_clients_than_the_backlog)
{
	int got = 0, fd;

	net_nonblock(self->l, true);
	for (int i = 0; i < 24; i++) {
		struct peer p;

		fd = OK(socket(variant->family, SOCK_STREAM | SOCK_NONBLOCK, 0));
		if (connect(fd, &self->a.sa, self->a.len))
			ASSERT_EQ(EINPROGRESS, errno);
		if (!(net_poll(fd, POLLOUT, 50) & POLLOUT))
			continue;
		net_nonblock(fd, false);
		peer_init(&p, fd, false, &self->e.hs);
		peer_send_flight(&p, HS_CLIENT_HELLO);
		/* beyond the backlog the server may stay silent */
		if (!net_poll(fd, POLLIN, 100))
			continue;
		peer_recv_flight(&p, HS_SERVER_FLIGHT);
		peer_send_flight(&p, HS_CLIENT_FIN);
		peer_send_data(&p, "x", 1);
	}
	while (net_poll(self->l, POLLIN, 300)) {
		char byte = 0;

		fd = OK(accept(self->l, NULL, NULL));
		net_read(fd, &byte, 1);
		EXPECT_EQ('x', byte);
		got++;
	}
	EXPECT_GE(got, 5);
}

TEST_F(server, closing_the_listener_drops_who_waits)
{
	struct peer finished, p;
	int parked, half;

	good_client(&finished, &self->e, &self->a);
	EXPECT_EQ(POLLIN, net_poll(self->l, POLLIN, 5000));
	parked = dial(&self->a);
	half = dial(&self->a);
	peer_init(&p, half, false, &self->e.hs);
	peer_send_flight(&p, HS_CLIENT_HELLO);
	peer_recv_flight(&p, HS_SERVER_FLIGHT);
	close(self->l);
	self->l = -1;
	expect_dropped(parked);
	expect_dropped(half);
	expect_dropped(finished.fd);
	EVENTUALLY(self->e.fake->cancels == 1, 2000);
}

TEST_F(server, shutdown_wakes_accept)
{
	struct addr a = self->a;
	struct peer p;
	struct job j;
	int fd;

	net_need_refusal(variant->family);
	job_accept(&j, self->l);
	harness_nap(50);
	OK(shutdown(self->l, SHUT_RDWR));
	job_wait(&j, 2000);
	EXPECT_EQ(-1, j.ret);
	EXPECT_ERRNO(EINVAL, j.err);
	fd = net_socket(variant->family);
	FAILS(ECONNREFUSED, connect(fd, &a.sa, a.len));
	/* and it listens again */
	OK(listen(self->l, 5));
	OK(getsockname(self->l, &a.sa, &a.len));
	good_client(&p, &self->e, &a);
	fd = net_accept(self->l);
	expect_joined(fd, &p, 's');
}

/* accept() with SO_RCVTIMEO and with a signal; connections accepted before still work. */
TEST_F(server, accept_gives_up)
{
	struct timeval tv = { 0, 300000 };
	double start;

	OK(setsockopt(self->l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	start = harness_now();
	FAILS(EAGAIN, accept(self->l, NULL, NULL));
	EXPECT_GE((harness_now() - start) * 1000, 290);
}

static void on_signal(int signo)
{
	(void)signo;
}

TEST_F(server, a_signal_wakes_accept)
{
	struct itimerval again = { { 0, 50000 }, { 0, 50000 } }, never = { 0 };
	struct sigaction sa = { .sa_handler = on_signal };
	struct peer p;
	int fd;

	OK(sigaction(SIGALRM, &sa, NULL));
	OK(setitimer(ITIMER_REAL, &again, NULL));
	FAILS(EINTR, accept(self->l, NULL, NULL));
	OK(setitimer(ITIMER_REAL, &never, NULL));

	good_client(&p, &self->e, &self->a);
	fd = OK(accept(self->l, NULL, NULL));
	expect_joined(fd, &p, 's');
	close(fd);
	peer_free(&p);
}

/* listen() fails where listen(2) says so, and the socket can be used afterwards. */
TEST_F(server, listen_in_vain)
{
	struct addr a = self->a;
	int fd = sock_new(variant->family);
	struct conn c;

	/* another socket listens on the address */
	OK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)));
	if (!bind(fd, &a.sa, a.len)) {
		OK(sock_set_str(fd, KTLS_IDENTITY, "server"));
		FAILS(EADDRINUSE, listen(fd, 5));
	} else {
		EXPECT_ERRNO(EADDRINUSE, errno);
	}
	EXPECT_EQ(KTLS_STATE_NEW, sock_state(fd));
	close(fd);

	conn_open(&c, &self->e, ROLE_CLIENT, variant->family);
	FAILS(EINVAL, listen(c.fd, 5));
	EXPECT_EQ(KTLS_STATE_OPEN, sock_state(c.fd));
	conn_close(&c);
}

TEST_F(server, listen_again_changes_the_backlog)
{
	struct peer p;
	int fd;

	OK(listen(self->l, 1));
	OK(listen(self->l, 50));
	good_client(&p, &self->e, &self->a);
	fd = net_accept(self->l);
	expect_joined(fd, &p, 'l');
}

TEST_F(server, many_threads_accept)
{
	struct job j[8];
	struct peer p[8];

	for (int i = 0; i < 8; i++)
		job_accept(&j[i], self->l);
	for (int i = 0; i < 8; i++)
		good_client(&p[i], &self->e, &self->a);
	for (int i = 0; i < 8; i++) {
		job_wait(&j[i], 5000);
		OK(j[i].ret);
		for (int k = 0; k < i; k++)
			EXPECT_NE(j[k].ret, j[i].ret);
	}
}

TEST_F(server, the_client_leaves_after_its_handshake)
{
	struct peer p;
	char buf[4];
	int fd;

	good_client(&p, &self->e, &self->a);
	EXPECT_EQ(POLLIN, net_poll(self->l, POLLIN, 5000));
	peer_send_data(&p, "bye", 3);
	peer_send_close(&p);
	peer_free(&p);
	fd = net_accept(self->l);
	net_read(fd, buf, 3);
	EXPECT_MEMEQ("bye", buf, 3);
	EXPECT_EQ(0, read(fd, buf, 1));
}

TEST_HARNESS_MAIN
