// SPDX-License-Identifier: GPL-2.0-or-later
/* ktls sockets and their connections. See sock.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sock.h"

#ifndef TCP_ULP
#define TCP_ULP		31
#endif

void env_start_bare(struct env *e, uint16_t suite)
{
	net_new();
	hs_init(&e->hs, suite);
	e->fake = NULL;
	e->prepare = NULL;
}

void env_start_with(struct env *e, uint16_t suite, fake_handler handler, void *arg)
{
	env_start_bare(e, suite);
	e->fake = fake_new(&e->hs);
	ASSERT_EQ(0, fake_register(e->fake, 64));
	fake_start(e->fake, handler, arg);
}

void env_start_manual(struct env *e, uint16_t suite, uint32_t credits)
{
	env_start_bare(e, suite);
	e->fake = fake_new(&e->hs);
	ASSERT_EQ(0, fake_register(e->fake, credits));
}

void env_start(struct env *e, uint16_t suite)
{
	env_start_with(e, suite, NULL, NULL);
}

int sock_attach(int fd)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_ULP, "ktls", 4);
}

int sock_new(int family)
{
	int fd = net_socket(family);

	OK(sock_attach(fd));
	return fd;
}

int sock_listen(int family, int backlog, struct addr *ret)
{
	struct addr a = net_loopback(family, 0);
	int fd = sock_new(family);

	OK(bind(fd, &a.sa, a.len));
	OK(sock_set_str(fd, KTLS_IDENTITY, "server"));
	OK(listen(fd, backlog));
	OK(getsockname(fd, &a.sa, &a.len));
	*ret = a;
	return fd;
}

struct ktls_info sock_info(int fd)
{
	struct ktls_info info;
	socklen_t len = sizeof(info);

	memset(&info, 0, sizeof(info));
	OK(getsockopt(fd, SOL_TLS, KTLS_INFO, &info, &len));
	ASSERT_EQ(sizeof(info), len);
	return info;
}

int sock_state(int fd)
{
	return sock_info(fd).state;
}

const char *sock_error(int fd)
{
	static char text[300];
	socklen_t len = sizeof(text) - 1;

	OK(getsockopt(fd, SOL_TLS, KTLS_ERROR, text, &len));
	text[len] = 0;
	return text;
}

const char *sock_get_str(int fd, int opt)
{
	static char text[65536];
	socklen_t len = sizeof(text) - 1;

	OK(getsockopt(fd, SOL_TLS, opt, text, &len));
	text[len] = 0;
	return text;
}

int sock_get_int(int fd, int opt)
{
	socklen_t len = sizeof(int);
	int v = -1;

	OK(getsockopt(fd, SOL_TLS, opt, &v, &len));
	EXPECT_EQ(sizeof(int), len);
	return v;
}

int sock_set_int(int fd, int opt, int value)
{
	return setsockopt(fd, SOL_TLS, opt, &value, sizeof(value));
}

int sock_set_u32(int fd, int opt, uint32_t value)
{
	return setsockopt(fd, SOL_TLS, opt, &value, sizeof(value));
}

int sock_set_str(int fd, int opt, const char *value)
{
	return setsockopt(fd, SOL_TLS, opt, value, strlen(value));
}

/* --- jobs --- */

static void *job_thread(void *arg)
{
	struct job *j = arg;
	double start = harness_now();

	if (j->fn)
		j->fn(j->arg);
	else if (j->opt)
		j->ret = sock_set_int(j->fd, KTLS_HANDSHAKE, j->opt);
	else if (j->addr.len)
		j->ret = connect(j->fd, &j->addr.sa, j->addr.len);
	else
		j->ret = accept(j->fd, NULL, NULL);
	j->err = errno;
	j->seconds = harness_now() - start;
	j->done = true;
	return NULL;
}

static void job_start(struct job *j)
{
	j->done = false;
	ASSERT_EQ(0, pthread_create(&j->thread, NULL, job_thread, j));
}

void job_connect(struct job *j, int fd, const struct addr *a)
{
	*j = (struct job) { .fd = fd, .addr = *a };
	job_start(j);
}

void job_accept(struct job *j, int fd)
{
	*j = (struct job) { .fd = fd };
	job_start(j);
}

void job_handshake(struct job *j, int fd, int role)
{
	*j = (struct job) { .fd = fd, .opt = role };
	job_start(j);
}

struct visit {
	int	fd;
	void	(*fn)(int fd, void *arg);
	void	*arg;
};

static void *visit_main(void *arg)
{
	struct visit visit = *(struct visit *)arg;

	free(arg);
	visit.fn(visit.fd, visit.arg);
	return NULL;
}

static void *serve_main(void *arg)
{
	struct visit *next = arg, *visit;
	pthread_t thread;
	int fd;

	while ((fd = accept(next->fd, NULL, NULL)) >= 0) {
		visit = malloc(sizeof(*visit));
		ASSERT_TRUE(visit);
		*visit = (struct visit){ fd, next->fn, next->arg };
		ASSERT_EQ(0, pthread_create(&thread, NULL, visit_main, visit));
		pthread_detach(thread);
	}
	free(next);
	return NULL;
}

void job_run(struct job *j, void *(*fn)(void *arg), void *arg)
{
	*j = (struct job) { .fn = fn, .arg = arg };
	job_start(j);
}

void job_serve(struct job *j, int listener, void (*fn)(int fd, void *arg), void *arg)
{
	struct visit *next = malloc(sizeof(*next));

	ASSERT_TRUE(next);
	*next = (struct visit){ listener, fn, arg };
	job_run(j, serve_main, next);
}

void job_wait(struct job *j, int ms)
{
	double end = harness_now() + ms / 1e3 * harness_scale();

	while (!j->done) {
		if (harness_now() > end) {
			harness_fail(__FILE__, __LINE__, "a thread is not done within %u ms",
				     ms * harness_scale());
			harness_stacks();
			harness_end();
		}
		harness_nap(2);
	}
	pthread_join(j->thread, NULL);
	errno = j->err;
}

static void *write_all(void *arg)
{
	struct transfer *t = arg;

	net_write(t->fd, t->buf, t->len);
	return NULL;
}

static void *read_all(void *arg)
{
	struct transfer *t = arg;

	net_read(t->fd, t->buf, t->len);
	return NULL;
}

void transfer_write(struct transfer *t, int fd, const void *buf, size_t len)
{
	t->fd = fd;
	t->buf = (void *)buf;
	t->len = len;
	job_run(&t->job, write_all, t);
}

void transfer_read(struct transfer *t, int fd, void *buf, size_t len)
{
	t->fd = fd;
	t->buf = buf;
	t->len = len;
	job_run(&t->job, read_all, t);
}

void transfer_wait(struct transfer *t, int ms)
{
	job_wait(&t->job, ms);
}

/* --- connections --- */

static void set_rcvbuf(int fd, int rcvbuf)
{
	if (rcvbuf)
		OK(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf)));
}

static void open_client(struct conn *c, struct env *e, int family, int rcvbuf)
{
	struct addr a;
	struct job j;
	int l = net_listen(family, 1, &a);

	c->fd = sock_new(family);
	set_rcvbuf(c->fd, rcvbuf);
	if (e->prepare)
		e->prepare(c->fd);
	job_connect(&j, c->fd, &a);
	peer_init(&c->peer, net_accept(l), true, &e->hs);
	close(l);
	peer_handshake(&c->peer);
	job_wait(&j, 10000);
	OK(j.ret);
}

static void open_server(struct conn *c, struct env *e, int family, int rcvbuf)
{
	struct addr a = net_loopback(family, 0);
	int l = sock_new(family), fd = net_socket(family);

	set_rcvbuf(l, rcvbuf);
	if (e->prepare)
		e->prepare(l);
	OK(bind(l, &a.sa, a.len));
	OK(sock_set_str(l, KTLS_IDENTITY, "server"));
	OK(listen(l, 1));
	OK(getsockname(l, &a.sa, &a.len));
	OK(connect(fd, &a.sa, a.len));
	peer_init(&c->peer, fd, false, &e->hs);
	peer_handshake(&c->peer);
	c->fd = net_accept(l);
	close(l);
}

void conn_open_rcvbuf(struct conn *c, struct env *e, int role, int family, int rcvbuf)
{
	int one = 1;

	if (role == ROLE_CLIENT)
		open_client(c, e, family, rcvbuf);
	else
		open_server(c, e, family, rcvbuf);
	/* What a test writes in pieces arrives in pieces. */
	OK(setsockopt(c->peer.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)));
}

void conn_open(struct conn *c, struct env *e, int role, int family)
{
	conn_open_rcvbuf(c, e, role, family, 0);
}

void conn_close(struct conn *c)
{
	close(c->fd);
	peer_free(&c->peer);
}

void conn_expect_works(int fd, struct peer *p)
{
	char buf[8] = "";

	net_write(fd, "request", 7);
	peer_recv_data(p, buf, 7);
	EXPECT_MEMEQ("request", buf, 7);
	peer_send_data(p, "answer", 6);
	net_read(fd, buf, 6);
	EXPECT_MEMEQ("answer", buf, 6);
}

void conn_expect_failed(int fd, struct job *handshake)
{
	job_wait(handshake, 5000);
	EXPECT_EQ(-1, handshake->ret);
	EXPECT_ERRNO(EPROTO, handshake->err);
	EXPECT_EQ(KTLS_STATE_FAILED, sock_state(fd));
	FAILS(EPIPE, send(fd, MARKER, 5, MSG_NOSIGNAL));
	FAILS(ENOTCONN, recv(fd, &(char){ 0 }, 1, 0));
}

size_t sock_fill(int fd, const void *buf, size_t len)
{
	size_t sent = 0;
	ssize_t n;

	while (sent < len && (n = send(fd, buf + sent, len - sent, MSG_DONTWAIT)) > 0)
		sent += n;
	if (sent < len)
		ASSERT_EQ(EAGAIN, errno);
	return sent;
}

void sock_pair(struct env *e, int family, int ends[2])
{
	struct addr a;
	struct job j;
	int l = sock_listen(family, 4, &a);

	(void)e;
	ends[0] = sock_new(family);
	job_connect(&j, ends[0], &a);
	ends[1] = net_accept(l);
	job_wait(&j, 10000);
	OK(j.ret);
	close(l);
}
