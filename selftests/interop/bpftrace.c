// SPDX-License-Identifier: GPL-2.0-or-later
/* The scripts in tools/bpftrace run, and see what happens. */
#include <libgen.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>

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

/* Runs it, and prints what it says. */
static void run(struct bpftrace_self *self, const char *name)
{
	char *said;

	proc_start(&self->b, "stdbuf", "-oL", "bpftrace", script(name), NULL);
	EVENTUALLY(proc_printed(&self->b, "Attaching ") || proc_printed(&self->b, "rror"), 60000);
	ASSERT_TRUE(proc_printed(&self->b, "Attaching "));
	/* The probes are there a moment after that line. */
	harness_nap(2000);
	make_events();
	OK(kill(self->b.pid, SIGINT));
	EXPECT_EQ(0, proc_wait(&self->b, 30000));
	said = proc_output(&self->b, NULL);
	harness_note("%s", said);
	free(said);
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
