// SPDX-License-Identifier: GPL-2.0-or-later
/* Attacks with listeners: socket locks held by the program, places taken by few peers. */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <netinet/ip.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "lib/honest.h"

static void many_files(void)
{
	struct rlimit limit = { 16384, 16384 };

	OK(setrlimit(RLIMIT_NOFILE, &limit));
}

/* A non-blocking TCP connection, from 127.0.x.y or any address. */
static int dial_from(const struct addr *to, unsigned int source)
{
	struct addr from = net_loopback(AF_INET, 0);
	int fd = OK(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));

	if (source) {
		from.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK + source);
		OK(bind(fd, &from.sa, from.len));
	}
	if (connect(fd, &to->sa, to->len))
		ASSERT_EQ(EINPROGRESS, errno);
	return fd;
}

/* --- Held locks --- */

enum {
	HELD		= 520,	/* more than a workqueue runs at once */
};

/* A page that faults until somebody fills it in: setsockopt copies from it with the
 * socket lock held.
 */
struct trap {
	int	uffd;
	void	*page;
};

struct holder {
	pthread_t	thread;
	struct trap	*trap;
	struct addr	addr;
	int		listener, client;
};

static void trap_set(struct trap *t)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	t->uffd = OK(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
	OK(ioctl(t->uffd, UFFDIO_API, &api));
	t->page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, t->page);
	reg.range.start = (uintptr_t)t->page;
	reg.range.len = 4096;
	OK(ioctl(t->uffd, UFFDIO_REGISTER, &reg));
}

static void trap_wait(struct trap *t, unsigned int n)
{
	struct uffd_msg msg;

	while (n) {
		ASSERT_EQ(POLLIN, net_poll(t->uffd, POLLIN, 20000));
		if (read(t->uffd, &msg, sizeof(msg)) == sizeof(msg))
			n--;
	}
}

static void trap_release(struct trap *t)
{
	struct uffdio_zeropage zero = { .range = { (uintptr_t)t->page, 4096 } };

	OK(ioctl(t->uffd, UFFDIO_ZEROPAGE, &zero));
}

static void *hold(void *arg)
{
	struct holder *h = arg;

	setsockopt(h->listener, IPPROTO_IP, IP_OPTIONS, h->trap->page, 4);
	return NULL;
}

FIXTURE(held) { struct proc d; struct honest h; };
FIXTURE_SETUP(held)
{
	net_new();
	many_files();
	real_start(&self->d);
	honest_start(&self->h, 0);
}
FIXTURE_TEARDOWN(held)
{
}

/* No work of the module waits for a socket lock that a program holds. */
TEST_F_TIMEOUT(held, listeners_whose_locks_are_held_stop_nobody, 120)
{
	static struct holder holders[HELD];
	struct trap trap;

	trap_set(&trap);
	for (int i = 0; i < HELD; i++) {
		holders[i].trap = &trap;
		holders[i].listener = sock_new(AF_INET);
		holders[i].addr = net_loopback(AF_INET, 0);
		OK(bind(holders[i].listener, &holders[i].addr.sa, holders[i].addr.len));
		OK(sock_set_str(holders[i].listener, KTLS_IDENTITY, "ecdsa"));
		OK(listen(holders[i].listener, 5));
		OK(getsockname(holders[i].listener, &holders[i].addr.sa, &holders[i].addr.len));
		ASSERT_EQ(0, pthread_create(&holders[i].thread, NULL, hold, &holders[i]));
	}
	trap_wait(&trap, HELD);
	for (int i = 0; i < HELD; i++)
		holders[i].client = dial_from(&holders[i].addr, 0);

	honest_expect(&self->h, "while 520 listeners' locks are held");
	trap_release(&trap);
	for (int i = 0; i < HELD; i++) {
		pthread_join(holders[i].thread, NULL);
		close(holders[i].client);
		close(holders[i].listener);
	}
	harness_nap(1000);
	honest_expect(&self->h, "a second later");
}

/* --- Places --- */

enum {
	PLACES		= 64,	/* of a listener; few, so that all are taken at once */
	CROWD		= 80,
	CROWD_SOURCE	= 0x100,	/* 127.0.1.1 */
};

FIXTURE(places)
{
	struct proc d;
	struct honest h;
	uint8_t hello[4096];
	size_t hello_len;
	int fd[CROWD];
};
FIXTURE_SETUP(places)
{
	net_new();
	real_start(&self->d);
	honest_start(&self->h, 0);
	net_set_parameter("children_per_listener", PLACES);
}
FIXTURE_TEARDOWN(places)
{
	net_set_parameter("children_per_listener", 1024);
}

/* Receives a ClientHello of ktlsd. */
static size_t take_hello(uint8_t *buf, size_t size)
{
	struct addr a;
	int l = net_listen(AF_INET, 1, &a);
	int client = interop_socket("server.test"), fd;
	size_t len;

	net_nonblock(client, true);
	FAILS(EINPROGRESS, connect(client, &a.sa, a.len));
	fd = net_accept(l);
	net_read(fd, buf, 5);
	len = 5 + (buf[3] << 8 | buf[4]);
	ASSERT_LE(len, size);
	net_read(fd, buf + 5, len - 5);
	close(fd);
	close(client);
	close(l);
	return len;
}

/* Clients that send @say, and nothing else. */
static void crowd(struct places_self *self, const void *say, size_t len)
{
	for (int i = 0; i < CROWD; i++) {
		self->fd[i] = dial_from(&self->h.addr, CROWD_SOURCE);
		ASSERT_EQ(POLLOUT, net_poll(self->fd[i], POLLOUT, 5000));
		net_write(self->fd[i], say, len);
	}
}

TEST_F_TIMEOUT(places, half_a_hello_keeps_nobody_out, 60)
{
	crowd(self, "\x16\3\1\0\1\1", 6);
	honest_expect(&self->h, "while half ClientHellos have all places");
	for (int i = 0; i < CROWD; i++)
		close(self->fd[i]);
	harness_nap(1000);
	honest_expect(&self->h, "a second later");
}

/* Children that the helper has answered wait until their deadline. */
TEST_F_TIMEOUT(places, a_crowd_of_one_source_keeps_nobody_out, 60)
{
	uint8_t answer;

	self->hello_len = take_hello(self->hello, sizeof(self->hello));
	crowd(self, self->hello, self->hello_len);
	for (int i = 0; i < PLACES; i++)
		if (net_poll(self->fd[i], POLLIN, 5000))
			(void)!recv(self->fd[i], &answer, 1, MSG_DONTWAIT);
	honest_expect(&self->h, "while one source has all places");
	for (int i = 0; i < CROWD; i++)
		close(self->fd[i]);
	harness_nap(1000);
	honest_expect(&self->h, "a second later");
}
