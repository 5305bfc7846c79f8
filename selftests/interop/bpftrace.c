// SPDX-License-Identifier: GPL-2.0-or-later
/* The scripts in tools/bpftrace run, and see what happens. */
#include <libgen.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "lib/interop.h"

FIXTURE(bpftrace) { struct proc d, b; };

FIXTURE_SETUP(bpftrace)
{
	if (access("/sys/kernel/btf/vmlinux", F_OK))
		SKIP_TEST("this kernel has no BTF");
	OK(access("/usr/bin/bpftrace", X_OK));
	if (access("/sys/kernel/tracing/events", F_OK))
		OK(mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL));
	if (access("/sys/kernel/debug/tracing", F_OK))
		OK(mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL));
	/* It has the types from BTF. Of headers it would want /lib/modules/RELEASE/source too. */
	OK(setenv("BPFTRACE_KERNEL_SOURCE", "", 1));
	net_new();
	real_start(&self->d);
}

FIXTURE_TEARDOWN(bpftrace)
{
}

/* The script in the sources, which are above this program, wherever it was built. */
static const char *script(const char *name)
{
	static char path[400];
	char self[200];
	ssize_t n = OK(readlink("/proc/self/exe", self, sizeof(self) - 1));

	self[n] = 0;
	do {
		dirname(self);
		snprintf(path, sizeof(path), "%s/tools/bpftrace/%s", self, name);
	} while (self[1] && access(path, R_OK));
	return path;
}

/* A connection that ends in order, and one that fails. */
static void make_events(void)
{
	struct s_server good, wrong;
	int c;

	s_server_start(&good, "ecdsa", "-rev", NULL);
	c = interop_socket("server.test");
	OK(connect(c, &good.a.sa, good.a.len));
	OK(sock_set_int(c, KTLS_KEY_UPDATE, 0));
	interop_expect_reversed(c);
	OK(shutdown(c, SHUT_WR));
	close(c);
	s_server_start(&wrong, "expired", NULL);
	c = interop_socket("server.test");
	FAILS(EKEYREJECTED, connect(c, &wrong.a.sa, wrong.a.len));
	close(c);
}

static void begin(struct bpftrace_self *self, const char *name)
{
	proc_start(&self->b, "stdbuf", "-oL", "bpftrace", script(name), NULL);
	EVENTUALLY(proc_printed(&self->b, "Attaching ") || proc_printed(&self->b, "rror"), 60000);
	ASSERT_TRUE(proc_printed(&self->b, "Attaching "));
	/* The probes are there a moment after that line. */
	harness_nap(2000);
}

static bool has_ended(struct proc *p)
{
	siginfo_t info = { 0 };

	OK(waitid(P_PID, p->pid, &info, WEXITED | WNOHANG | WNOWAIT));
	return info.si_pid;
}

/* bpftrace overlooks a signal that comes while it does not wait for events. */
static void end(struct bpftrace_self *self)
{
	double next = 0;
	char *said;

	for (int n = 0; n < 6 && !has_ended(&self->b); harness_nap(5)) {
		if (harness_now() < next)
			continue;
		OK(kill(self->b.pid, SIGINT));
		next = harness_now() + 5.0 * harness_scale();
		n++;
	}
	EXPECT_EQ(0, proc_wait(&self->b, 30000));
	said = proc_output(&self->b, NULL);
	harness_note("%s", said);
	free(said);
}

/* Runs it, and prints what it says. */
static void run(struct bpftrace_self *self, const char *name)
{
	begin(self, name);
	make_events();
	end(self);
}

#define PRINTED(text)	EXPECT_TRUE(proc_printed(&self->b, text))

TEST_F_TIMEOUT(bpftrace, handshakes, 240)
{
	run(self, "ktls-handshakes.bt");
	PRINTED("@us[1]");
	PRINTED("@ended[1, 0]: 1");
	PRINTED("@ended[1, 129]: 1");	/* EKEYREJECTED */
}

TEST_F_TIMEOUT(bpftrace, alerts, 240)
{
	run(self, "ktls-alerts.bt");
	PRINTED("@alerts_sent[0, ");
	PRINTED("@alerts_received[0, ");
	PRINTED("@key_updates[sent, ");
}

TEST_F_TIMEOUT(bpftrace, wait, 240)
{
	run(self, "ktls-wait.bt");
	PRINTED("@us:");
	PRINTED("@workers[");
}

/* The peer closes in the handshake. */
static void be_left(struct addr *a, int listener)
{
	int s, c = interop_socket("server.test");
	struct job j;

	job_connect(&j, c, a);
	s = net_accept(listener);
	OK(shutdown(s, SHUT_WR));
	job_wait(&j, 10000);
	EXPECT_EQ(EPROTO, j.err);
	close(s);
	close(c);
}

#define EXPIRED	" The certificate of server 'server.test' expired on "
#define LEFT	"the peer closed the connection during the handshake"

/* What a longer reason has left in the buffer makes no other reason of the same text. */
TEST_F_TIMEOUT(bpftrace, failures, 240)
{
	struct addr a;
	int l = net_listen(AF_INET, 8, &a);
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	OK(sched_setaffinity(0, sizeof(one), &one));
	begin(self, "ktls-failures.bt");
	be_left(&a, l);
	make_events();
	be_left(&a, l);
	EVENTUALLY(proc_printed(&self->b, " 4441" EXPIRED), 10000);
	end(self);
	PRINTED(" or check this machine's clock.]: 1\n");
	PRINTED("@reasons[" LEFT "]: 2\n");
}

TEST_HARNESS_MAIN
