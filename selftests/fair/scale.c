// SPDX-License-Identifier: GPL-2.0-or-later
/* A handshake costs no more beside thousands of others that wait. In a VM that counts
 * instructions (vm/run --icount-idle): there a nanosecond of processor time is an instruction,
 * however busy the machine is.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <poll.h>
#include <sys/resource.h>
#include <time.h>

#include "lib/sock.h"

enum {
	CROWD	= 4000,		/* silent connections */
	ALL	= 2 * CROWD,
	PER_IP	= 1000,	/* of them from one address */
	LONG_MS	= 3600000,
	ROUNDS	= 5,
	CALLS	= 20,		/* of a round */
};

/* --- instructions --- */

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	OK(clock_gettime(clock, &ts));
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* The text of /proc/PID/NAME, or an empty one if the task has gone. */
static void proc_read(const char *pid, const char *name, char *to, size_t size)
{
	char path[64];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.20s/%s", pid, name);
	f = fopen(path, "re");
	if (f) {
		n = fread(to, 1, size - 1, f);
		fclose(f);
	}
	to[n] = '\0';
}

/* Kernel threads are the children of kthreadd. */
static bool proc_is_kthread(const char *pid)
{
	char text[256], *at;

	proc_read(pid, "stat", text, sizeof(text));
	at = strrchr(text, ')');
	return at && strlen(at) > 4 && atoi(at + 4) == 2;
}

static uint64_t kthreads_ns(void)
{
	struct dirent *e;
	uint64_t ns = 0;
	char text[128];
	DIR *dir = opendir("/proc");

	ASSERT_TRUE(dir);
	while ((e = readdir(dir))) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9' || !proc_is_kthread(e->d_name))
			continue;
		proc_read(e->d_name, "schedstat", text, sizeof(text));
		ns += strtoull(text, NULL, 10);
	}
	closedir(dir);
	return ns;
}

/* A round of calls: what this process, the fake helper in it and the kernel's threads
 * execute, per call. The least of some rounds: in others a timer came or a page was read.
 */
static uint64_t cost(void (*call)(void *arg), void *arg)
{
	uint64_t least = UINT64_MAX, kernel, ns;

	for (int round = 0; round < ROUNDS; round++) {
		kernel = kthreads_ns();
		ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
		for (int i = 0; i < CALLS; i++)
			call(arg);
		ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - ns;
		ns += kthreads_ns() - kernel;
		least = ns < least ? ns : least;
	}
	return least / CALLS;
}

/* --- connections --- */

/* A long KTLS_TIMEOUT, as the machine may be busy. */
static int patient_listen(struct addr *ret)
{
	int fd = sock_new(AF_INET);

	*ret = net_loopback(AF_INET, 0);
	OK(bind(fd, &ret->sa, ret->len));
	OK(sock_set_str(fd, KTLS_IDENTITY, "server"));
	OK(sock_set_u32(fd, KTLS_TIMEOUT, LONG_MS));
	OK(listen(fd, CROWD));
	OK(getsockname(fd, &ret->sa, &ret->len));
	return fd;
}

FIXTURE(crowd)
{
	struct env e;
	struct addr a;
	int l, source;
	int fd[CROWD];
};
FIXTURE_SETUP(crowd)
{
	struct rlimit files = { ALL, ALL };
	uint64_t ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

	for (volatile int i = 0; i < 1000000; i++)
		;
	ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - ns;
	ASSERT_GE(ns, 2000000);
	ASSERT_LE(ns, 8000000);		/* this VM counts instructions */

	OK(setrlimit(RLIMIT_NOFILE, &files));
	env_start(&self->e, S13_AES128);
	net_set_parameter("max_timeout_ms", LONG_MS);
	net_set_parameter("children_max", ALL);
	net_set_parameter("children_per_uid", ALL);
	self->source = 100;
}
FIXTURE_TEARDOWN(crowd)
{
	net_set_parameter("max_timeout_ms", 60000);
	net_set_parameter("children_max", 8192);
	net_set_parameter("children_per_uid", 4096);
	net_set_parameter("children_per_listener", 1024);
}

/* A client connects, is accepted, and closes. */
static void one_handshake(void *arg)
{
	struct crowd_self *self = arg;
	struct peer p;

	peer_init(&p, net_dial_from(&self->a, 50), false, &self->e.hs);
	peer_handshake(&p);
	ASSERT_EQ(POLLIN, net_poll(self->l, POLLIN, LONG_MS));
	close(net_accept(self->l));
	net_rst(p.fd);
	peer_free(&p);
	harness_nap(2);
}

/* Another silent client: the oldest makes room for it. */
static void one_silent(void *arg)
{
	struct crowd_self *self = arg;

	net_dial_from(&self->a, 50 + self->source++ % 4);
	harness_nap(2);
}

/* What a call costs beside a crowd, when a listener may have @cap children. */
static uint64_t cost_beside(struct crowd_self *self, const struct addr *crowd,
			    void (*call)(void *arg), int cap)
{
	uint64_t ns;

	net_set_parameter("children_per_listener", ALL);
	for (int i = 0; i < CROWD; i++)
		self->fd[i] = net_dial_from(crowd, i / PER_IP);
	harness_nap(100);
	net_set_parameter("children_per_listener", cap);
	for (int i = 0; i < CALLS; i++)
		call(self);
	ns = cost(call, self);
	EXPECT_EQ(0, net_poll(self->fd[0], POLLIN, 0));
	EXPECT_EQ(0, net_poll(self->fd[CROWD - 1], POLLIN, 0));
	for (int i = 0; i < CROWD; i++)
		close(self->fd[i]);
	harness_nap(1000);
	return ns;
}

/* The cost must be that beside as many plain TCP connections. */
static void expect_same(struct crowd_self *self, const struct addr *crowd,
			void (*call)(void *arg), int cap)
{
	uint64_t plain, silent;
	struct addr a;

	net_listen(AF_INET, CROWD, &a);
	plain = cost_beside(self, &a, call, cap);
	silent = cost_beside(self, crowd, call, cap);
	harness_note("%llu instructions beside %d connections of TCP, %llu beside silent ones",
		     (unsigned long long)plain, CROWD, (unsigned long long)silent);
	EXPECT_LE(silent, plain + CROWD);
}

/* The children of a listener are not walked when one of them is finished. */
TEST_F_TIMEOUT(crowd, a_handshake_on_the_same_listener, 300)
{
	self->l = patient_listen(&self->a);
	expect_same(self, &self->a, one_handshake, ALL);
}

/* At its cap, a listener does not look through the children of others. */
TEST_F_TIMEOUT(crowd, one_more_at_the_cap_of_another_listener, 300)
{
	struct addr crowd;

	patient_listen(&crowd);
	self->l = patient_listen(&self->a);
	expect_same(self, &crowd, one_silent, CALLS / 2);
}

TEST_HARNESS_MAIN
