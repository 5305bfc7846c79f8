// SPDX-License-Identifier: GPL-2.0-or-later
/* How requests are distributed to ports: credit, turns, deadlines; and who may register later.
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/sock.h"

FIXTURE(port)
{
	struct env e;
	struct addr a;		/* of a plain listener */
	struct addr server;	/* of one of ktls */
};
FIXTURE_SETUP(port)
{
	env_start_bare(&self->e, S13_AES128);
	/* no helper is there to check it yet */
	sock_listen(AF_INET, 64, &self->server);
	self->e.fake = fake_new(&self->e.hs);
	ASSERT_EQ(0, fake_register(self->e.fake, 1));
	net_listen(AF_INET, 64, &self->a);
}
FIXTURE_TEARDOWN(port)
{
}

static int connect_within(const struct addr *a, unsigned int ms)
{
	int fd = sock_new(AF_INET);

	OK(sock_set_u32(fd, KTLS_TIMEOUT, ms));
	net_nonblock(fd, true);
	FAILS(EINPROGRESS, connect(fd, &a->sa, a->len));
	return fd;
}

static int connect_soon(const struct addr *a)
{
	return connect_within(a, 10000);
}

static uint64_t expect_start(struct port_self *self)
{
	struct fake_msg *m = fake_expect(self->e.fake, KTLS_CMD_START);
	uint64_t id = m->id;

	free(m);
	return id;
}

/* CANCEL holds credit until the helper has read it. */
TEST_F(port, credit_comes_back_when_cancel_was_read)
{
	struct fake_msg *m;
	uint64_t id;
	int fd;

	fd = connect_soon(&self->a);
	id = expect_start(self);
	close(fd);
	m = fake_expect(self->e.fake, KTLS_CMD_CANCEL);
	EXPECT_EQ(id, m->id);
	fd = connect_soon(&self->a);
	EXPECT_FALSE(fake_next(self->e.fake, 200));
	EXPECT_EQ(0, fake_cancelled(self->e.fake, id + 1000));
	EXPECT_FALSE(fake_next(self->e.fake, 100));
	EXPECT_EQ(0, fake_cancelled(self->e.fake, id));
	EXPECT_EQ(id + 1, expect_start(self));
	/* acknowledging it again gives no credit */
	EXPECT_EQ(0, fake_cancelled(self->e.fake, id));
	connect_soon(&self->a);
	EXPECT_FALSE(fake_next(self->e.fake, 100));
	close(fd);
}

/* A request that waits for the peer costs no credit. */
TEST_F(port, cancel_between_turns_costs_nothing)
{
	uint8_t flight[HS_FLIGHT_MAX];
	int fd;

	fd = connect_soon(&self->a);
	EXPECT_EQ(0, fake_data(self->e.fake, expect_start(self), flight,
			       hs_flight(&self->e.hs, HS_CLIENT_HELLO, flight), false));
	close(fd);
	free(fake_expect(self->e.fake, KTLS_CMD_CANCEL));
	connect_soon(&self->a);
	expect_start(self);
}

/* A peer of a server, from 127.0.0.@host. */
static int hello_from(struct port_self *self, unsigned int host)
{
	struct sockaddr_in from = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000000 | host),
	};
	uint8_t flight[HS_FLIGHT_MAX];
	int fd = net_socket(AF_INET);

	OK(bind(fd, (struct sockaddr *)&from, sizeof(from)));
	OK(connect(fd, &self->server.sa, self->server.len));
	net_write(fd, flight, hs_flight(&self->e.hs, HS_CLIENT_HELLO, flight));
	return fd;
}

static unsigned int host_of(const struct fake_msg *m)
{
	const struct sockaddr_in *peer = (const void *)fake_data_of(m, KTLS_A_PEER_ADDR);

	return ntohl(peer->sin_addr.s_addr) & 0xff;
}

/* One source's requests do not all come before another's. */
TEST_F(port, sources_take_turns)
{
	unsigned int turn = 0;
	struct fake_msg *m;

	hello_from(self, 1);
	m = fake_expect(self->e.fake, KTLS_CMD_START);
	for (int i = 0; i < 8; i++)
		hello_from(self, 1);
	harness_nap(200);
	hello_from(self, 9);
	harness_nap(200);
	for (int i = 0; i < 9; i++) {
		EXPECT_EQ(0, fake_fail(self->e.fake, m->id, EPROTO, -1, "No."));
		m = fake_expect(self->e.fake, KTLS_CMD_START);
		if (host_of(m) == 9)
			turn = i;
	}
	EXPECT_LE(turn, 1);
}

enum {
	VAIN		= 64,	/* requests that are cancelled */
	QUICK_MS	= 100,	/* half of the delay of such a source */
	TRIES		= 10,	/* until the machine was quick enough to tell */
};

FIXTURE(pace)
{
	struct port_self port;
};
FIXTURE_SETUP(pace)
{
	env_start_bare(&self->port.e, S13_AES128);
	sock_listen(AF_INET, VAIN, &self->port.server);
	self->port.e.fake = fake_new(&self->port.e.hs);
	ASSERT_EQ(0, fake_register(self->port.e.fake, 2 * VAIN));
}
FIXTURE_TEARDOWN(pace)
{
}

/* Peers from one address go away after their ClientHello. */
static void leave_in_vain(struct port_self *port)
{
	int fds[VAIN];

	for (int i = 0; i < VAIN; i++) {
		fds[i] = hello_from(port, 1);
		expect_start(port);
	}
	for (int i = 0; i < VAIN; i++)
		net_rst(fds[i]);
}

/* The next START, or NULL. What is cancelled before it is acknowledged. */
static struct fake_msg *next_start(struct port_self *port)
{
	struct fake_msg *m;

	while ((m = fake_next(port->e.fake, 1000)) && m->cmd == KTLS_CMD_CANCEL) {
		EXPECT_EQ(0, fake_cancelled(port->e.fake, m->id));
		free(m);
	}
	return m;
}

static bool quick(double start)
{
	return harness_now() - start < QUICK_MS / 1e3;
}

/* A source with many requests in vain waits a moment, and no other does. */
TEST_F_TIMEOUT(pace, a_source_that_goes_away_waits, 120)
{
	static const unsigned int order[] = { 9, 1 };
	bool in_time = false;
	struct fake_msg *m;
	double start;
	int fds[2];

	for (int i = 0; i < TRIES && !in_time; i++) {
		leave_in_vain(&self->port);
		start = harness_now();
		fds[0] = hello_from(&self->port, 1);
		fds[1] = hello_from(&self->port, 9);
		in_time = quick(start);
		for (size_t j = 0; j < ARRAY_SIZE(order); j++) {
			m = next_start(&self->port);
			ASSERT_TRUE(m);
			EXPECT_TRUE(!in_time || host_of(m) == order[j]);
			free(m);
		}
		net_rst(fds[0]);
		net_rst(fds[1]);
		EXPECT_FALSE(next_start(&self->port));
	}
	EXPECT_TRUE(in_time);
}

/* What is cancelled meanwhile is nothing to the helper. */
TEST_F_TIMEOUT(pace, a_peer_that_has_gone_is_not_announced, 120)
{
	bool in_time = false;
	struct fake_msg *m;
	double start;

	for (int i = 0; i < TRIES && !in_time; i++) {
		leave_in_vain(&self->port);
		start = harness_now();
		net_rst(hello_from(&self->port, 1));
		in_time = quick(start);
		m = next_start(&self->port);
		EXPECT_FALSE(in_time && m);
		if (m)
			EXPECT_FALSE(next_start(&self->port));
		free(m);
	}
	EXPECT_TRUE(in_time);
}

enum {
	PER_UID		= 4096,		/* how many requests of one uid may wait */
	PATIENT_MS	= 600000,	/* none gives up before all have asked */
};

static unsigned int count_failed(const int *fds, unsigned int n)
{
	unsigned int failed = 0;

	for (unsigned int i = 0; i < n; i++)
		failed += sock_state(fds[i]) == KTLS_STATE_FAILED;
	return failed;
}

TEST_F_TIMEOUT(port, a_user_cannot_fill_the_queue, 120)
{
	const struct rlimit files = { 3 * PER_UID, 3 * PER_UID };
	static int fds[PER_UID + 100];
	struct addr a[2];
	int status;
	pid_t pid;

	OK(setrlimit(RLIMIT_NOFILE, &files));
	net_set_parameter("max_timeout_ms", PATIENT_MS);
	/* a backlog has no more than somaxconn */
	net_listen(AF_INET, PER_UID, &a[0]);
	net_listen(AF_INET, PER_UID, &a[1]);
	pid = OK(fork());
	if (!pid) {
		OK(setresuid(4242, 4242, 4242));
		for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
			fds[i] = connect_within(&a[i % 2], PATIENT_MS);
		/* the first request has the credit */
		EVENTUALLY(count_failed(fds, ARRAY_SIZE(fds)) >= 99, 10000);
		EXPECT_EQ(99, count_failed(fds, ARRAY_SIZE(fds)));
		_exit(harness_failed());
	}
	OK(waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	net_set_parameter("max_timeout_ms", 60000);
}

static void write_file(const char *path, const char *text)
{
	int fd = OK(open(path, O_WRONLY | O_CLOEXEC));

	OK(write(fd, text, strlen(text)));
	close(fd);
}

/* A helper in a time namespace gets the deadline by its own clock. */
TEST(a_clock_of_its_own)
{
	struct env e;
	struct addr a;
	int status;
	pid_t pid;

	env_start_bare(&e, S13_AES128);
	OK(unshare(CLONE_NEWTIME));
	write_file("/proc/self/timens_offsets", "monotonic 100000 0\n");
	net_listen(AF_INET, 8, &a);
	pid = OK(fork());
	if (!pid) {
		struct fake *f = fake_new(&e.hs);
		double left;
		int fd;

		ASSERT_EQ(0, fake_register(f, 1));
		fd = connect_soon(&a);
		left = fake_u64(fake_expect(f, KTLS_CMD_START), KTLS_A_DEADLINE) / 1e3 -
		       harness_now();
		close(fd);
		harness_note("%.3f s are left of ten", left);
		EXPECT_LE(left * 1e3, 10000);
		EXPECT_GE(left * 1e3, 0);
		_exit(harness_failed());
	}
	OK(waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* Another user cannot become the helper, even while there is none. */
TEST_F(port, the_uid_of_the_first_helper_counts_for_good)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = 1 << CAP_NET_ADMIN, .permitted = 1 << CAP_NET_ADMIN },
	};
	int status;
	pid_t pid;

	fake_die(self->e.fake);
	pid = OK(fork());
	if (!pid) {
		OK(prctl(PR_SET_KEEPCAPS, 1));
		OK(setresuid(4711, 4711, 4711));
		OK(syscall(SYS_capset, &head, data));
		EXPECT_EQ(-EPERM, fake_register(fake_new(&self->e.hs), 8));
		_exit(harness_failed());
	}
	OK(waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, fake_register(fake_new(&self->e.hs), 8));
}

/* Handshakes that wait for their peers hold no credit, but they count: a port with many of
 * them, whose worker may be full, gets no more while another port has few.
 */
TEST(a_port_with_few_handshakes_gets_the_next_ones)
{
	enum { MANY = 40, NEXT = 5 };
	struct fake_msg *m;
	struct fake *other;
	struct addr a;
	struct env e;

	env_start_manual(&e, S13_AES128, 64);
	net_listen(AF_INET, MANY + NEXT, &a);
	for (int i = 0; i < MANY; i++) {
		connect_soon(&a);
		m = fake_expect(e.fake, KTLS_CMD_START);
		EXPECT_EQ(0, fake_data(e.fake, m->id, NULL, 0, false));
		free(m);
	}
	other = fake_new(&e.hs);
	ASSERT_EQ(0, fake_register(other, 8));
	for (int i = 0; i < NEXT; i++) {
		connect_soon(&a);
		free(fake_expect(other, KTLS_CMD_START));
	}
	EXPECT_FALSE(fake_next(e.fake, 0));
}
