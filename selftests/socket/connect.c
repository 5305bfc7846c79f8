// SPDX-License-Identifier: GPL-2.0-or-later
/* connect() does what connect(2) says, although it includes a handshake. */
#include <liburing.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "lib/sock.h"

FIXTURE(family)
{
	struct env e;
	struct addr a;
	int l, fd;
};
FIXTURE_VARIANT(family) { int family; };
FIXTURE_VARIANT_ADD(family, ipv4) { AF_INET };
FIXTURE_VARIANT_ADD(family, ipv6) { AF_INET6 };
FIXTURE_SETUP(family)
{
	env_start(&self->e, S13_AES128);
	self->l = net_listen(variant->family, 8, &self->a);
	self->fd = sock_new(variant->family);
}
FIXTURE_TEARDOWN(family)
{
	close(self->fd);
}

static void answer(struct peer *p, int l, struct env *e)
{
	peer_init(p, net_accept(l), true, &e->hs);
	peer_handshake(p);
}

TEST_F(family, blocking)
{
	struct addr seen = { .len = sizeof(seen.v6) };
	struct ktls_info info;
	struct peer p;
	struct job j;

	job_connect(&j, self->fd, &self->a);
	peer_init(&p, net_accept(self->l), true, &self->e.hs);
	peer_recv_flight(&p, HS_CLIENT_HELLO);
	/* TCP is established, connect() is not done */
	harness_nap(50);
	EXPECT_FALSE(j.done);
	peer_send_flight(&p, HS_SERVER_FLIGHT);
	peer_recv_flight(&p, HS_CLIENT_FIN);
	job_wait(&j, 5000);
	OK(j.ret);
	OK(getpeername(self->fd, &seen.sa, &seen.len));
	EXPECT_EQ(self->a.len, seen.len);
	info = sock_info(self->fd);
	EXPECT_EQ(KTLS_STATE_OPEN, info.state);
	EXPECT_EQ(ROLE_CLIENT, info.role);
	EXPECT_EQ(KTLS_TLS_1_3, info.version);
	EXPECT_EQ(S13_AES128, info.suite);
	EXPECT_TRUE(info.flags & KTLS_INFO_VERIFIED);
	EXPECT_EQ(TLS_PAYLOAD_MAX, info.max_payload);
	EXPECT_STREQ("", sock_error(self->fd));
	conn_expect_works(self->fd, &p);
	FAILS(EISCONN, connect(self->fd, &self->a.sa, self->a.len));
}

TEST_F(family, non_blocking)
{
	struct addr seen = { .len = sizeof(seen.v6) };
	struct peer p;
	char byte;

	net_nonblock(self->fd, true);
	FAILS(EINPROGRESS, connect(self->fd, &self->a.sa, self->a.len));
	peer_init(&p, net_accept(self->l), true, &self->e.hs);
	peer_recv_flight(&p, HS_CLIENT_HELLO);
	FAILS(EALREADY, connect(self->fd, &self->a.sa, self->a.len));
	FAILS(ENOTCONN, getpeername(self->fd, &seen.sa, &seen.len));
	FAILS(EAGAIN, send(self->fd, "x", 1, MSG_NOSIGNAL));
	FAILS(EAGAIN, recv(self->fd, &byte, 1, 0));
	EXPECT_EQ(0, net_poll(self->fd, POLLIN | POLLOUT | POLLRDHUP, 50));
	EXPECT_EQ(0, net_so_error(self->fd));

	peer_send_flight(&p, HS_SERVER_FLIGHT);
	peer_recv_flight(&p, HS_CLIENT_FIN);
	EXPECT_EQ(POLLOUT, net_poll(self->fd, POLLIN | POLLOUT, 5000));
	EXPECT_EQ(0, net_so_error(self->fd));
	OK(connect(self->fd, &self->a.sa, self->a.len));
	FAILS(EISCONN, connect(self->fd, &self->a.sa, self->a.len));
	seen.len = sizeof(seen.v6);
	OK(getpeername(self->fd, &seen.sa, &seen.len));
	net_nonblock(self->fd, false);
	conn_expect_works(self->fd, &p);
}

/* connect() that does not wait has ended, and nobody has asked yet how. */
static void connect_without_waiting(struct family_self *self, struct peer *p)
{
	net_nonblock(self->fd, true);
	FAILS(EINPROGRESS, connect(self->fd, &self->a.sa, self->a.len));
	answer(p, self->l, &self->e);
	EXPECT_EQ(POLLOUT, net_poll(self->fd, POLLIN | POLLOUT, 5000));
}

/* Most programs ask SO_ERROR and never call connect() again. */
TEST_F(family, non_blocking_without_a_second_connect)
{
	struct peer p;

	connect_without_waiting(self, &p);
	EXPECT_EQ(0, net_so_error(self->fd));
	net_nonblock(self->fd, false);
	conn_expect_works(self->fd, &p);
}

/* After shutdown() a second connect() does not report the first, as with TCP. */
TEST_F(family, non_blocking_and_shutdown_before_the_second_connect)
{
	struct peer p;

	connect_without_waiting(self, &p);
	OK(shutdown(self->fd, SHUT_WR));
	FAILS(EISCONN, connect(self->fd, &self->a.sa, self->a.len));
	net_rst(p.fd);
	EXPECT_TRUE(net_poll(self->fd, 0, 5000) & POLLHUP);
	FAILS(EISCONN, connect(self->fd, &self->a.sa, self->a.len));
}

TEST_F(family, non_blocking_and_reset_before_shutdown)
{
	struct peer p;

	connect_without_waiting(self, &p);
	net_rst(p.fd);
	EXPECT_TRUE(net_poll(self->fd, 0, 5000) & POLLHUP);
	FAILS(ENOTCONN, shutdown(self->fd, SHUT_WR));
	FAILS(EINVAL, connect(self->fd, &self->a.sa, self->a.len));
}

/* What has ended meanwhile is reported by the second connect(), as TCP does. */
TEST_F(family, non_blocking_and_reset_before_the_second_connect)
{
	struct peer p;

	connect_without_waiting(self, &p);
	net_rst(p.fd);
	EXPECT_TRUE(net_poll(self->fd, 0, 5000) & POLLHUP);
	FAILS(ECONNRESET, connect(self->fd, &self->a.sa, self->a.len));
	EXPECT_EQ(0, net_so_error(self->fd));
	FAILS(ENOTCONN, send(self->fd, "x", 1, MSG_NOSIGNAL));
	FAILS(EINPROGRESS, connect(self->fd, &self->a.sa, self->a.len));
	answer(&p, self->l, &self->e);
	EXPECT_EQ(POLLOUT, net_poll(self->fd, POLLIN | POLLOUT, 5000));
	OK(connect(self->fd, &self->a.sa, self->a.len));
	net_nonblock(self->fd, false);
	conn_expect_works(self->fd, &p);
}

TEST_F(family, epoll_edge_when_finished)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLET };
	int ep = OK(epoll_create1(0));
	struct peer p;

	net_nonblock(self->fd, true);
	FAILS(EINPROGRESS, connect(self->fd, &self->a.sa, self->a.len));
	OK(epoll_ctl(ep, EPOLL_CTL_ADD, self->fd, &ev));
	peer_init(&p, net_accept(self->l), true, &self->e.hs);
	peer_recv_flight(&p, HS_CLIENT_HELLO);
	/* TCP's own events may wake epoll, but nothing is reported */
	while (epoll_wait(ep, &ev, 1, 50) > 0)
		EXPECT_EQ(0, ev.events & (EPOLLIN | EPOLLOUT));
	peer_send_flight(&p, HS_SERVER_FLIGHT);
	peer_recv_flight(&p, HS_CLIENT_FIN);
	ASSERT_EQ(1, epoll_wait(ep, &ev, 1, 5000 * harness_scale()));
	EXPECT_EQ(EPOLLOUT, ev.events);
}

/* At the first wakeup io_uring calls connect() again, and takes its answer for the result. */
TEST_F(family, io_uring_waits_for_the_handshake)
{
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	struct peer p;

	/* TCP is connected when io_uring waits already. */
	ASSERT_EQ(0, system("tc qdisc add dev lo root netem delay 50ms"));
	ASSERT_EQ(0, io_uring_queue_init(2, &ring, 0));
	io_uring_prep_connect(io_uring_get_sqe(&ring), self->fd, &self->a.sa, self->a.len);
	ASSERT_EQ(1, io_uring_submit(&ring));
	peer_init(&p, net_accept(self->l), true, &self->e.hs);
	peer_recv_flight(&p, HS_CLIENT_HELLO);
	EXPECT_EQ(-EAGAIN, io_uring_peek_cqe(&ring, &cqe));
	peer_send_flight(&p, HS_SERVER_FLIGHT);
	peer_recv_flight(&p, HS_CLIENT_FIN);
	ASSERT_EQ(0, io_uring_wait_cqe(&ring, &cqe));
	EXPECT_EQ(0, cqe->res);
	io_uring_queue_exit(&ring);
	conn_expect_works(self->fd, &p);
}

TEST_F(family, esrch_before_the_syn)
{
	struct capture c;

	fake_die(self->e.fake);
	capture_start(&c);
	FAILS(ESRCH, connect(self->fd, &self->a.sa, self->a.len));
	net_nonblock(self->fd, true);
	FAILS(ESRCH, connect(self->fd, &self->a.sa, self->a.len));
	net_nonblock(self->l, true);
	FAILS(EAGAIN, accept(self->l, NULL, NULL));
	EXPECT_EQ(0, capture_count(&c, "x", 1));
	EXPECT_EQ(0, c.packets);

	/* and with a helper the same socket connects */
	self->e.fake = fake_new(&self->e.hs);
	ASSERT_EQ(0, fake_register(self->e.fake, 8));
	fake_start(self->e.fake, NULL, NULL);
	net_nonblock(self->fd, false);
	net_nonblock(self->l, false);
	struct peer p;
	struct job j;

	job_connect(&j, self->fd, &self->a);
	answer(&p, self->l, &self->e);
	job_wait(&j, 5000);
	OK(j.ret);
}

TEST_F(family, refused_by_tcp)
{
	struct job j;

	net_need_refusal(variant->family);
	close(self->l);
	FAILS(ECONNREFUSED, connect(self->fd, &self->a.sa, self->a.len));
	close(self->fd);
	self->fd = sock_new(variant->family);
	net_nonblock(self->fd, true);
	/* over loopback the RST may be there before connect() returns */
	job_connect(&j, self->fd, &self->a);
	job_wait(&j, 5000);
	EXPECT_EQ(-1, j.ret);
	if (j.err == EINPROGRESS) {
		EXPECT_TRUE(net_poll(self->fd, POLLOUT, 5000) & POLLERR);
		EXPECT_ERRNO(ECONNREFUSED, net_so_error(self->fd));
	} else {
		EXPECT_ERRNO(ECONNREFUSED, j.err);
	}
}

TEST_F(family, data_behind_the_servers_flight)
{
	uint8_t buf[HS_FLIGHT_MAX + 3 * 200], got[300], want[300];
	struct peer p;
	struct job j;
	size_t n;

	net_pattern(want, sizeof(want), 7);
	job_connect(&j, self->fd, &self->a);
	peer_init(&p, net_accept(self->l), true, &self->e.hs);
	peer_recv_flight(&p, HS_CLIENT_HELLO);
	n = hs_flight(&self->e.hs, HS_SERVER_FLIGHT, buf);
	for (int i = 0; i < 3; i++)
		n += peer_seal(&p, CT_DATA, want + i * 100, 100, buf + n);
	peer_send_raw(&p, buf, n);
	peer_recv_flight(&p, HS_CLIENT_FIN);
	job_wait(&j, 5000);
	OK(j.ret);
	net_read(self->fd, got, sizeof(got));
	EXPECT_MEMEQ(want, got, sizeof(got));
}

TEST_F(family, flight_in_one_byte_segments)
{
	uint8_t buf[HS_FLIGHT_MAX];
	struct peer p;
	struct job j;
	int one = 1;
	size_t n;

	job_connect(&j, self->fd, &self->a);
	peer_init(&p, net_accept(self->l), true, &self->e.hs);
	OK(setsockopt(p.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)));
	peer_recv_flight(&p, HS_CLIENT_HELLO);
	n = hs_flight(&self->e.hs, HS_SERVER_FLIGHT, buf);
	for (size_t i = 0; i < n; i++)
		peer_send_raw(&p, buf + i, 1);
	peer_recv_flight(&p, HS_CLIENT_FIN);
	job_wait(&j, 5000);
	OK(j.ret);
	conn_expect_works(self->fd, &p);
}

TEST_F(family, two_threads_connect)
{
	struct job j1, j2;
	struct peer p;

	job_connect(&j1, self->fd, &self->a);
	peer_init(&p, net_accept(self->l), true, &self->e.hs);
	job_connect(&j2, self->fd, &self->a);
	peer_handshake(&p);
	job_wait(&j1, 5000);
	job_wait(&j2, 5000);
	/* one call returns 0, the other 0 or EISCONN */
	EXPECT_TRUE(!j1.ret || !j2.ret);
	if (j1.ret)
		EXPECT_ERRNO(EISCONN, j1.err);
	if (j2.ret)
		EXPECT_ERRNO(EISCONN, j2.err);
	conn_expect_works(self->fd, &p);
}

TEST_F(family, fast_open_is_refused)
{
	struct capture c;
	int one = 1;

	capture_start(&c);
	FAILS(EOPNOTSUPP, sendto(self->fd, MARKER, strlen(MARKER), MSG_FASTOPEN | MSG_NOSIGNAL,
				 &self->a.sa, self->a.len));
	if (!setsockopt(self->fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one)))
		FAILS(EOPNOTSUPP, connect(self->fd, &self->a.sa, self->a.len));
	else
		EXPECT_ERRNO(EOPNOTSUPP, errno);
	EXPECT_EQ(0, capture_count(&c, MARKER, strlen(MARKER)));
	EXPECT_EQ(0, c.packets);
}

static void on_signal(int sig)
{
	(void)sig;
}

static void catch_signal(int flags)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = flags };

	OK(sigaction(SIGUSR1, &sa, NULL));
}

/* connect(2): EINTR, and the connection is established asynchronously. */
TEST_F(family, signal_without_restart)
{
	struct peer p;
	struct job j;

	catch_signal(0);
	job_connect(&j, self->fd, &self->a);
	peer_init(&p, net_accept(self->l), true, &self->e.hs);
	peer_recv_flight(&p, HS_CLIENT_HELLO);
	pthread_kill(j.thread, SIGUSR1);
	job_wait(&j, 5000);
	EXPECT_EQ(-1, j.ret);
	EXPECT_ERRNO(EINTR, j.err);
	peer_send_flight(&p, HS_SERVER_FLIGHT);
	peer_recv_flight(&p, HS_CLIENT_FIN);
	EXPECT_EQ(POLLOUT, net_poll(self->fd, POLLOUT, 5000));
	OK(connect(self->fd, &self->a.sa, self->a.len));
	conn_expect_works(self->fd, &p);
}

TEST_F(family, signal_with_restart)
{
	struct peer p;
	struct job j;

	catch_signal(SA_RESTART);
	job_connect(&j, self->fd, &self->a);
	peer_init(&p, net_accept(self->l), true, &self->e.hs);
	peer_recv_flight(&p, HS_CLIENT_HELLO);
	for (int i = 0; i < 5; i++) {
		pthread_kill(j.thread, SIGUSR1);
		harness_nap(10);
	}
	peer_send_flight(&p, HS_SERVER_FLIGHT);
	peer_recv_flight(&p, HS_CLIENT_FIN);
	job_wait(&j, 5000);
	OK(j.ret);
	conn_expect_works(self->fd, &p);
}

TEST_F(family, send_timeout_ends_the_wait)
{
	struct timeval tv = { 0, 200000 };
	struct peer p;
	struct job j;

	OK(setsockopt(self->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
	job_connect(&j, self->fd, &self->a);
	peer_init(&p, net_accept(self->l), true, &self->e.hs);
	job_wait(&j, 5000);
	EXPECT_EQ(-1, j.ret);
	EXPECT_ERRNO(EINPROGRESS, j.err);
	peer_handshake(&p);
	EXPECT_EQ(POLLOUT, net_poll(self->fd, POLLOUT, 5000));
	conn_expect_works(self->fd, &p);
}

TEST_F(family, kill_during_the_handshake)
{
	struct peer p;
	pid_t pid = OK(fork());
	int status;

	if (!pid) {
		connect(self->fd, &self->a.sa, self->a.len);
		_exit(1);
	}
	close(self->fd);
	self->fd = -1;
	peer_init(&p, net_accept(self->l), true, &self->e.hs);
	peer_recv_flight(&p, HS_CLIENT_HELLO);
	OK(kill(pid, SIGKILL));
	EVENTUALLY(waitpid(pid, &status, WNOHANG) == pid, 2000);
	EXPECT_TRUE(WIFSIGNALED(status));
	EVENTUALLY(self->e.fake->cancels == 1, 2000);
	EXPECT_EQ(self->e.fake->last_id, self->e.fake->last_cancel);
	/* the peer gets an alert or the end */
	EXPECT_TRUE(net_poll(p.fd, POLLIN, 5000));
}

TEST_HARNESS_MAIN
