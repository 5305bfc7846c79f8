// SPDX-License-Identifier: GPL-2.0-or-later
/* ktlsd or its signer is stopped, and the clock is set: who waits for how long, and what works
 * again afterwards.
 */
#include <poll.h>
#include <signal.h>

#include "lib/resume.h"
#include "lib/wall.h"

#define YEARS	(10 * 365 * 86400L)

/* @ahead: of CLOCK_MONOTONIC, when the test began */
FIXTURE(accident) { struct proc d; struct s_server s; struct timespec ahead; };

FIXTURE_SETUP(accident)
{
	self->ahead = wall_ahead();
	net_new();
	real_start(&self->d);
}
FIXTURE_TEARDOWN(accident)
{
	wall_set(&self->ahead, 0);
}

static pid_t find_signer(const struct proc *d)
{
	char path[64];
	FILE *file;
	int pid;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", d->pid, d->pid);
	file = fopen(path, "re");
	ASSERT_TRUE(file);
	ASSERT_EQ(1, fscanf(file, "%d", &pid));
	fclose(file);
	return pid;
}

/* connect() fails after @ms, and KTLS_ERROR says why. */
static void expect_timeout(const struct addr *a, unsigned int ms)
{
	double start = harness_now(), seconds;
	int fd = interop_socket("server.test");

	OK(sock_set_u32(fd, KTLS_TIMEOUT, ms));
	FAILS(ETIMEDOUT, connect(fd, &a->sa, a->len));
	seconds = harness_now() - start;
	harness_note("after %.1f s: %s", seconds, sock_error(fd));
	EXPECT_NE(0, strlen(sock_error(fd)));
	EXPECT_TRUE(seconds > ms / 1e3 - 0.1 && seconds < ms / 1e3 + harness_scale());
	close(fd);
}

/* Handshakes wait until their deadline, connections go on, and who still waits is served. */
TEST_F_TIMEOUT(accident, ktlsd_is_stopped, 30)
{
	int l, fd, open_fd = interop_socket("server.test");
	struct s_server other;
	struct addr a;
	struct proc c;
	struct job j;

	s_server_start(&self->s, "rsa", "-rev", NULL);
	s_server_start(&other, "rsa", "-rev", NULL);
	OK(connect(open_fd, &self->s.a.sa, self->s.a.len));
	l = interop_listen("ecdsa", NULL, &a);
	OK(kill(self->d.pid, SIGSTOP));
	expect_timeout(&other.a, 1000);
	interop_expect_reversed(open_fd);
	fd = interop_socket("server.test");
	job_connect(&j, fd, &other.a);
	s_client_start(&c, &a, NULL);
	EXPECT_EQ(0, net_poll(l, POLLIN, 500));
	EXPECT_FALSE(j.done);
	OK(kill(self->d.pid, SIGCONT));
	job_wait(&j, 10000);
	OK(j.ret);
	interop_expect_reversed(fd);
	fd = interop_accept(l, &c);
	interop_expect_dialogue(&c, fd);
	close(fd);
}

/* Who needs a private key waits; others do not notice. */
TEST_F_TIMEOUT(accident, the_signer_is_stopped, 30)
{
	uint64_t timeouts = net_mib("HandshakesTimeout");
	pid_t signer = find_signer(&self->d);
	struct addr a, soon;
	int l, fd, short_l;
	struct proc c;

	s_server_start(&self->s, "rsa", "-rev", NULL);
	l = interop_listen("ecdsa", NULL, &a);
	short_l = interop_listen("rsa", NULL, &soon);
	OK(sock_set_u32(short_l, KTLS_TIMEOUT, 500));
	OK(kill(signer, SIGSTOP));
	EXPECT_FALSE(visit(&self->s.a, &only13, "server.test"));
	expect_timeout(&a, 1000);
	/* the listener's deadline */
	s_client_start(&c, &soon, NULL);
	EVENTUALLY(net_mib("HandshakesTimeout") >= timeouts + 2, 10000);
	EXPECT_NE(0, proc_wait(&c, 5000));
	s_client_start(&c, &a, NULL);
	EXPECT_EQ(0, net_poll(l, POLLIN, 500));
	OK(kill(signer, SIGCONT));
	fd = interop_accept(l, &c);
	interop_expect_dialogue(&c, fd);
	close(fd);
	close(l);
	close(short_l);
}

/* Its listen() asks the signer to take over a key. */
static int with_a_key(void)
{
	struct addr a = net_loopback(AF_INET, 0);
	int fd = interop_socket(NULL);

	OK(sock_set_u32(fd, KTLS_TIMEOUT, 60000));
	interop_set_file(fd, KTLS_CERTIFICATE, "rsa.pem");
	interop_set_file(fd, KTLS_PRIVATE_KEY, "rsa.key");
	OK(bind(fd, &a.sa, a.len));
	return fd;
}

static void *call_listen(void *arg)
{
	OK(listen(*(int *)arg, 5));
	return NULL;
}

/* After 10 s without a handshake a worker goes on in a new thread, but not in the middle of a
 * listen() that waits for the signer: that and all behind it would fail.
 */
TEST_F_TIMEOUT(accident, a_check_is_under_way_when_the_worker_is_idle, 60)
{
	pid_t signer = find_signer(&self->d);
	int fd[4], i, more;
	struct job j[4];

	OK(kill(signer, SIGSTOP));
	/* some for each worker */
	for (i = 0; i < 4; i++) {
		fd[i] = with_a_key();
		job_run(&j[i], call_listen, &fd[i]);
	}
	harness_nap(12000);
	OK(kill(signer, SIGCONT));
	for (i = 0; i < 4; i++) {
		job_wait(&j[i], 20000);
		close(fd[i]);
	}
	for (i = 0; i < 8; i++) {
		more = with_a_key();
		OK(listen(more, 5));
		close(more);
	}
}

/* The deadline is that of a clock that nobody sets. */
TEST_F_TIMEOUT(accident, the_clock_is_set_during_a_handshake, 30)
{
	static const long jumps[] = { 3600, -3600, YEARS, -YEARS };
	struct job jobs[ARRAY_SIZE(jumps)];
	double start = harness_now();
	struct addr silent;

	net_listen(AF_INET, 8, &silent);
	for (size_t i = 0; i < ARRAY_SIZE(jumps); i++) {
		int fd = interop_socket("server.test");

		OK(sock_set_u32(fd, KTLS_TIMEOUT, 2000));
		job_connect(&jobs[i], fd, &silent);
	}
	for (size_t i = 0; i < ARRAY_SIZE(jumps); i++) {
		harness_nap(200);
		wall_set(&self->ahead, jumps[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(jumps); i++) {
		job_wait(&jobs[i], 5000);
		EXPECT_EQ(-1, jobs[i].ret);
		EXPECT_ERRNO(ETIMEDOUT, jobs[i].err);
		EXPECT_TRUE(jobs[i].seconds > 1.9);
	}
	EXPECT_TRUE(harness_now() - start < 2 + 2 * harness_scale());
}

static void expect_refused(const struct addr *a, const char *text)
{
	int fd = interop_socket("server.test");

	FAILS(EKEYREJECTED, connect(fd, &a->sa, a->len));
	EXPECT_TRUE(strstr(sock_error(fd), text));
	close(fd);
}

/* Not before all tickets are stored. */
static void set_idle(const struct proc *d, const struct timespec *ahead, long seconds)
{
	EVENTUALLY(real_is_idle(d), 5000);
	wall_set(ahead, seconds);
}

/* Sessions are resumed while they are valid; set back, the clock makes none older. */
TEST_F_TIMEOUT(accident, the_clock_is_set_between_handshakes, 40)
{
	const struct ktls_versions *versions[] = { &only13, &only12 };

	s_server_start(&self->s, "rsa", "-rev", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		set_idle(&self->d, &self->ahead, 7000);
		EXPECT_RESUMES(&self->s.a, versions[i]);
		/* from the future */
		set_idle(&self->d, &self->ahead, 0);
		EXPECT_FALSE(visit(&self->s.a, versions[i], "server.test"));
		EXPECT_RESUMES(&self->s.a, versions[i]);
		/* ticket_lifetime */
		set_idle(&self->d, &self->ahead, 7300);
		EXPECT_FALSE(visit(&self->s.a, versions[i], "server.test"));
		set_idle(&self->d, &self->ahead, YEARS);
		expect_refused(&self->s.a, "expired");
		set_idle(&self->d, &self->ahead, -YEARS);
		expect_refused(&self->s.a, "is not valid before");
		set_idle(&self->d, &self->ahead, 0);
		EXPECT_FALSE(visit(&self->s.a, versions[i], "server.test"));
		EXPECT_RESUMES(&self->s.a, versions[i]);
	}
}
