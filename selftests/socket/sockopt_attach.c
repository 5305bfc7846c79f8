// SPDX-License-Identifier: GPL-2.0-or-later
/* Sockets that TCP_ULP refuses. */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "lib/sock.h"

/* A thread that sleeps in accept() would return a connection without TLS. */
TEST(somebody_sleeps_in_accept)
{
	struct addr a;
	struct job j;
	int l, fd;

	net_new();
	l = net_listen(AF_INET, 4, &a);
	job_accept(&j, l);
	harness_nap(200);
	FAILS(EBUSY, sock_attach(l));
	fd = net_socket(AF_INET);
	OK(connect(fd, &a.sa, a.len));
	job_wait(&j, 5000);
	close(OK(j.ret));
	close(fd);
	OK(sock_attach(l));
	EXPECT_EQ(KTLS_STATE_LISTENING, sock_state(l));
	close(l);
}

TEST(somebody_sleeps_in_send)
{
	static uint8_t big[1 << 20];
	struct transfer t;
	int ends[2];

	net_new();
	net_pair(AF_INET, ends);
	OK(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &(int){ 4096 }, sizeof(int)));
	transfer_write(&t, ends[0], big, sizeof(big));
	harness_nap(200);
	EXPECT_FALSE(t.job.done);
	FAILS(EBUSY, sock_attach(ends[0]));
	net_read(ends[1], big, sizeof(big));
	transfer_wait(&t, 10000);
	OK(sock_attach(ends[0]));
	close(ends[0]);
	close(ends[1]);
}

/* A thread that sleeps in read() would return what comes as it is: records, or what somebody on
 * the way puts there.
 */
TEST(somebody_sleeps_in_recv)
{
	struct transfer t;
	int ends[2];
	char buf[5];

	net_new();
	net_pair(AF_INET, ends);
	transfer_read(&t, ends[0], buf, sizeof(buf));
	harness_nap(200);
	EXPECT_FALSE(t.job.done);
	FAILS(EBUSY, sock_attach(ends[0]));
	net_write(ends[1], "plain", 5);
	transfer_wait(&t, 5000);
	EXPECT_MEMEQ("plain", buf, 5);
	OK(sock_attach(ends[0]));
	close(ends[0]);
	close(ends[1]);
}

/* --- calls that wait for the socket lock --- */

struct waiting {
	struct job	holder, attach, call;
	void		*page;
	int		fd, result;
	ssize_t		(*fn)(int fd);
};

static ssize_t wait_accept(int fd)
{
	return accept(fd, NULL, NULL);
}

static ssize_t wait_listen(int fd)
{
	return listen(fd, 4);
}

static ssize_t wait_send(int fd)
{
	return send(fd, "plain", 5, 0);
}

/* Copies from the page with the socket lock held. */
static void *hold_lock(void *arg)
{
	struct waiting *w = arg;

	setsockopt(w->fd, IPPROTO_IP, IP_OPTIONS, w->page, 4);
	return NULL;
}

static void *attach_waiting(void *arg)
{
	struct waiting *w = arg;

	w->result = sock_attach(w->fd) ? errno : 0;
	return NULL;
}

static void *call_waiting(void *arg)
{
	struct waiting *w = arg;
	ssize_t ret = w->fn(w->fd);

	if (w->fn == wait_accept && ret >= 0)
		close((int)ret);
	return NULL;
}

/* While the lock is held, the ULP is asked for, and then something that TCP has begun to do by
 * then: it would do it without TLS.
 */
static void attach_before(int fd, ssize_t (*fn)(int fd), struct waiting *w)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_zeropage zero;
	struct uffd_msg msg;
	int uffd = OK(syscall(SYS_userfaultfd, O_CLOEXEC));

	*w = (struct waiting){ .fd = fd, .fn = fn, .result = -1 };
	OK(ioctl(uffd, UFFDIO_API, &api));
	w->page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(w->page != MAP_FAILED);
	reg.range = (struct uffdio_range){ (uintptr_t)w->page, 4096 };
	OK(ioctl(uffd, UFFDIO_REGISTER, &reg));
	job_run(&w->holder, hold_lock, w);
	ASSERT_EQ(sizeof(msg), read(uffd, &msg, sizeof(msg)));

	job_run(&w->attach, attach_waiting, w);
	harness_nap(200);
	job_run(&w->call, call_waiting, w);
	harness_nap(200);
	EXPECT_FALSE(w->attach.done);
	EXPECT_FALSE(w->call.done);
	zero = (struct uffdio_zeropage){ .range = { (uintptr_t)w->page, 4096 } };
	OK(ioctl(uffd, UFFDIO_ZEROPAGE, &zero));
	job_wait(&w->holder, 5000);
	job_wait(&w->attach, 5000);
	EXPECT_ERRNO(EBUSY, w->result);
	close(uffd);
	OK(munmap(w->page, 4096));
}

TEST(somebody_is_about_to_accept)
{
	struct waiting w;
	struct addr a;
	int l, fd;

	net_new();
	l = net_listen(AF_INET, 4, &a);
	attach_before(l, wait_accept, &w);
	fd = net_socket(AF_INET);
	OK(connect(fd, &a.sa, a.len));
	job_wait(&w.call, 5000);
	close(fd);
	close(l);
}

TEST(somebody_is_about_to_listen)
{
	struct addr a = net_loopback(AF_INET, 0);
	struct waiting w;
	int fd;

	net_new();
	fd = net_socket(AF_INET);
	OK(bind(fd, &a.sa, a.len));
	attach_before(fd, wait_listen, &w);
	job_wait(&w.call, 5000);
	OK(sock_attach(fd));
	EXPECT_EQ(KTLS_STATE_LISTENING, sock_state(fd));
	close(fd);
}

TEST(somebody_is_about_to_send)
{
	struct waiting w;
	int ends[2];
	char buf[5];

	net_new();
	net_pair(AF_INET, ends);
	attach_before(ends[0], wait_send, &w);
	job_wait(&w.call, 5000);
	net_read(ends[1], buf, 5);
	EXPECT_MEMEQ("plain", buf, 5);
	OK(sock_attach(ends[0]));
	close(ends[0]);
	close(ends[1]);
}

/* Sockets on which TCP would do things without calling us. */
TEST(what_cannot_be_tls)
{
	int fd;

	net_new();
	fd = net_socket(AF_INET);
	OK(setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &(int){ 1 }, sizeof(int)));
	FAILS(EOPNOTSUPP, sock_attach(fd));
	close(fd);
	fd = net_socket(AF_INET6);
	OK(setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &(int){ 1 }, sizeof(int)));
	FAILS(EOPNOTSUPP, sock_attach(fd));
	close(fd);
	/* MPTCP refuses it, with an error that depends on the kernel. */
	fd = OK(socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP));
	EXPECT_EQ(-1, sock_attach(fd));
	close(fd);
}
