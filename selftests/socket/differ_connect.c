// SPDX-License-Identifier: GPL-2.0-or-later
/* Connections, made in the ways there are. */
#include <fcntl.h>
#include <sys/epoll.h>

#include "differ_scene.h"

enum { CONNECT_MS = 20000, ACCEPT_DATA = 4711 };

/* Before connect() or listen(). */
static int prepared(const struct differ_program *p, bool tls)
{
	const int family = p->ipv6 ? AF_INET6 : AF_INET;
	int fd = tls ? sock_new(family) : net_socket(family);

	if (p->small) {
		OK(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){ 1 }, 4));
		OK(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){ 8192 }, 4));
	}
	return fd;
}

static int listener(const struct differ_program *p, bool tls, struct addr *ret)
{
	struct addr a = net_loopback(p->ipv6 ? AF_INET6 : AF_INET, 0);
	int fd = prepared(p, tls);

	OK(bind(fd, &a.sa, a.len));
	if (tls)
		OK(sock_set_str(fd, KTLS_IDENTITY, "server"));
	OK(listen(fd, 4));
	OK(getsockname(fd, &a.sa, &a.len));
	*ret = a;
	return fd;
}

struct connecting {
	struct job	job;
	struct addr	to;
	int		fd;
	unsigned int	way;
};

static void connect_ring(struct connecting *c)
{
	struct io_uring_cqe *cqe;
	struct io_uring ring;

	OK(io_uring_queue_init(2, &ring, 0));
	io_uring_prep_connect(io_uring_get_sqe(&ring), c->fd, &c->to.sa, c->to.len);
	OK(io_uring_submit(&ring));
	OK(io_uring_wait_cqe(&ring, &cqe));
	ASSERT_EQ(0, cqe->res);
	io_uring_queue_exit(&ring);
}

static void connect_epoll(struct connecting *c)
{
	struct epoll_event ev = { EPOLLOUT | EPOLLET, { .u64 = 0 } };
	int epoll = OK(epoll_create1(EPOLL_CLOEXEC));

	net_nonblock(c->fd, true);
	MUST_FAIL(EINPROGRESS, connect(c->fd, &c->to.sa, c->to.len));
	OK(epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &ev));
	ASSERT_EQ(1, epoll_wait(epoll, &ev, 1, CONNECT_MS));
	ASSERT_EQ(EPOLLOUT, ev.events);
	close(epoll);
	net_nonblock(c->fd, false);
}

static void *connect_way(void *arg)
{
	struct connecting *c = arg;

	switch (c->way) {
	case 0: connect_ring(c); break;
	case 1: connect_epoll(c); break;
	case 2:
		net_nonblock(c->fd, true);
		MUST_FAIL(EINPROGRESS, connect(c->fd, &c->to.sa, c->to.len));
		ASSERT_EQ(POLLOUT, net_poll(c->fd, POLLOUT, CONNECT_MS));
		ASSERT_EQ(0, net_so_error(c->fd));
		net_nonblock(c->fd, false);
		break;
	default: OK(connect(c->fd, &c->to.sa, c->to.len));
	}
	c->job.ret = 0;
	return NULL;
}

/* The request has more to accept. */
static void accept_another(const struct differ_program *p, bool tls, const struct addr *to)
{
	struct io_uring_cqe cqe;
	int fd = prepared(p, tls);
	char back;

	OK(connect(fd, &to->sa, to->len));
	cqe = differ_ring_next();
	ASSERT_EQ(ACCEPT_DATA, cqe.user_data);
	ASSERT_TRUE(cqe.flags & IORING_CQE_F_MORE);
	net_write(OK(cqe.res), "a", 1);
	net_read(fd, &back, 1);
	ASSERT_EQ('a', back);
	close(cqe.res);
	close(fd);
}

/* Multishot or not; it is ended after the connections that it has got. */
static int accept_ring(const struct differ_program *p, bool tls, int fd, const struct addr *to)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&shared.ring);
	const bool many = p->accepts == 1;
	struct io_uring_cqe cqe;
	int ret;

	if (many)
		io_uring_prep_multishot_accept(sqe, fd, NULL, NULL, SOCK_CLOEXEC);
	else
		io_uring_prep_accept(sqe, fd, NULL, NULL, SOCK_CLOEXEC);
	io_uring_sqe_set_data64(sqe, ACCEPT_DATA);
	ret = OK(differ_ring_wait());
	if (!many)
		return ret;

	for (int i = 0; i < 2; i++)
		accept_another(p, tls, to);
	/* One answer for each of the two requests, in any order. */
	sqe = io_uring_get_sqe(&shared.ring);
	io_uring_prep_cancel64(sqe, ACCEPT_DATA, 0);
	io_uring_sqe_set_data64(sqe, 0);
	OK(io_uring_submit(&shared.ring));
	for (int i = 0; i < 2; i++) {
		cqe = differ_ring_next();
		ASSERT_EQ(cqe.user_data ? -ECANCELED : 0, cqe.res);
	}
	return ret;
}

static int accept_way(const struct differ_program *p, bool tls, int fd, const struct addr *to)
{
	switch (p->accepts) {
	case 0:
	case 1: return accept_ring(p, tls, fd, to);
	case 2:
		net_nonblock(fd, true);
		ASSERT_EQ(POLLIN, net_poll(fd, POLLIN, CONNECT_MS));
		return net_accept(fd);
	default: return net_accept(fd);
	}
}

void differ_connect(const struct differ_program *p, bool tls, int ends[2])
{
	struct connecting c = { .way = p->connects };
	int l = listener(p, tls, &c.to);

	c.fd = prepared(p, tls);
	job_run(&c.job, connect_way, &c);
	ends[0] = c.fd;
	ends[1] = accept_way(p, tls, l, &c.to);
	job_wait(&c.job, CONNECT_MS);
	close(l);
}
