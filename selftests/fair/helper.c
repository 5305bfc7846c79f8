// SPDX-License-Identifier: GPL-2.0-or-later
/* Attacks on the helper: on its workers' time, and on the room it has for handshakes. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "lib/honest.h"

enum {
	ATTACKERS	= 2,
};

FIXTURE(attacked)
{
	struct proc d;
	struct honest h;
	_Atomic unsigned int *done;	/* rounds of all attackers; shared */
};
FIXTURE_SETUP(attacked)
{
	net_new();
	real_start(&self->d);
	self->done = mmap(NULL, sizeof(*self->done), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(self->done != MAP_FAILED);
}
FIXTURE_TEARDOWN(attacked)
{
}

static void attack_end(struct attacked_self *self)
{
	honest_attack_end(&self->h);
	harness_note("%u attempts", *self->done);
}

/* A user whose clients wait for a silent server: 5000, more than max_sessions. */
enum { STALLED = 2500 };	/* of each attacker */

static void stall(void *arg)
{
	struct attacked_self *self = arg;
	const struct rlimit files = { 4 * STALLED, 4 * STALLED };
	struct addr a;
	int l;

	OK(setrlimit(RLIMIT_NOFILE, &files));
	OK(setresuid(4242, 4242, 4242));
	l = net_listen(AF_INET, STALLED + 1, &a);
	for (int i = 0; i < STALLED; i++) {
		int fd = sock_new(AF_INET);

		OK(sock_set_u32(fd, KTLS_TIMEOUT, 60000));
		net_nonblock(fd, true);
		FAILS(EINPROGRESS, connect(fd, &a.sa, a.len));
		++*self->done;
		net_accept(l);
	}
	for (;;)
		pause();
}

TEST_F_TIMEOUT(attacked, stalled_clients, 180)
{
	honest_start(&self->h, ATTACKERS);
	honest_attack(&self->h, stall, self);
	EVENTUALLY(*self->done >= ATTACKERS * STALLED, 60000);
	honest_expect(&self->h, "beside 5000 stalled ones of another user");
	attack_end(self);
	harness_nap(1000);
	honest_expect(&self->h, "a second after them");
}

/* A user whose clients connect all the time. */
enum { BUSY = 16 };	/* at a time, of each attacker */

static void *busy_client(void *arg)
{
	struct sockaddr_in from = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f090909),
	};
	struct attacked_self *self = arg;

	for (;; ++*self->done) {
		int fd = interop_socket("server.test");

		OK(sock_set_u32(fd, KTLS_TICKETS, 0));
		OK(bind(fd, (struct sockaddr *)&from, sizeof(from)));
		connect(fd, &self->h.addr.sa, self->h.addr.len);
		close(fd);
	}
	return NULL;
}

static void be_busy(void *arg)
{
	struct attacked_self *self = arg;
	struct job jobs[BUSY];

	OK(setresuid(4242, 4242, 4242));
	for (int i = 0; i < BUSY; i++)
		job_run(&jobs[i], busy_client, self);
	for (;;)
		pause();
}

TEST_F_TIMEOUT(attacked, busy_clients, 180)
{
	honest_start(&self->h, ATTACKERS);
	honest_attack(&self->h, be_busy, self);
	harness_nap(500);
	honest_expect(&self->h, "beside busy clients");
	attack_end(self);
	harness_nap(1000);
	honest_expect(&self->h, "a second after them");
}

/* A user with handshakes that do not end, where there is room for few. */
FIXTURE(few)
{
	struct proc d;
	struct honest h;
	_Atomic unsigned int *done;	/* handshakes of all attackers; shared */
};
FIXTURE_SETUP(few)
{
	net_new();
	real_start_configured(&self->d, "max_sessions = 4\n", "");
	self->done = mmap(NULL, sizeof(*self->done), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(self->done != MAP_FAILED);
}
FIXTURE_TEARDOWN(few)
{
}

enum { FEW = 8 };	/* stalled at a time, of each attacker */

static void stall_some(void *arg)
{
	struct few_self *self = arg;
	int fds[FEW], accepted[FEW];
	struct addr a;
	int l;

	OK(setresuid(4242, 4242, 4242));
	l = net_listen(AF_INET, FEW, &a);
	memset(fds, -1, sizeof(fds));
	for (unsigned int i = 0;; i = (i + 1) % FEW) {
		if (fds[i] >= 0) {
			harness_nap(10);
			close(fds[i]);
			close(accepted[i]);
		}
		fds[i] = sock_new(AF_INET);
		net_nonblock(fds[i], true);
		FAILS(EINPROGRESS, connect(fds[i], &a.sa, a.len));
		accepted[i] = net_accept(l);
		++*self->done;
	}
}

TEST_F_TIMEOUT(few, sessions_are_shared, 60)
{
	honest_start(&self->h, ATTACKERS);
	honest_attack(&self->h, stall_some, self);
	EVENTUALLY(*self->done >= 2 * ATTACKERS * FEW, 10000);
	honest_expect(&self->h, "where another user stalls more than max_sessions");
	honest_attack_end(&self->h);
	harness_nap(1000);
	honest_expect(&self->h, "a second later");
}
