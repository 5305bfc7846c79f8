// SPDX-License-Identifier: GPL-2.0-or-later
/* ktls-run without privileges: what Yama, no_new_privs and user namespaces leave of it. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/interop.h"
#include "run_shell.h"

#define YAMA	"/proc/sys/kernel/yama/ptrace_scope"
#define USER	"setpriv --reuid 4242 --regid 4242 --clear-groups"
#define SERVER	"python3 -m http.server --bind 127.0.0.1 --directory /tmp/run 8443"

FIXTURE(run_users) { struct proc d; };
FIXTURE_VARIANT(run_users) { int unused; };
FIXTURE_VARIANT_ADD(run_users, any) { 0 };
FIXTURE_SETUP(run_users)
{
	char line[300];

	net_new();
	real_start_with(&self->d, real_restricted());
	/* Where any user gets at it */
	snprintf(line, sizeof(line), "rm -rf /tmp/run; mkdir -m 755 /tmp/run; "
		 "echo " MARKER " >/tmp/run/data; cp %s /tmp/run/ktls-run", real_ktls_run());
	run_shell(line);
}
FIXTURE_TEARDOWN(run_users)
{
	if (!access(YAMA, W_OK))
		run_shell("echo 1 >" YAMA);
}

/* Return: whether there is Yama, with @scope from now on. */
static bool yama(int scope)
{
	char line[100];

	if (access(YAMA, W_OK))
		return false;
	snprintf(line, sizeof(line), "echo %d >" YAMA, scope);
	run_shell(line);
	return true;
}

static void start(struct proc *p, const char *become, const char *rules, const char *program)
{
	char line[1000];

	snprintf(line, sizeof(line), "exec %s /tmp/run/ktls-run %s -- %s", become, rules, program);
	proc_start(p, "sh", "-c", line, NULL);
}

/* @program serves TLS, whoever it is. @leaves: a process of its own does, which it leaves. */
static void expect_served(const char *become, const char *rules, const char *program, bool leaves)
{
	char line[600];
	struct proc s;

	start(&s, become, rules, program);
	real_wait_port(PORT);
	snprintf(line, sizeof(line), "curl -sS --cacert %s https://127.0.0.1:%u/data | grep " MARKER,
		 real_pki("ca.pem"), PORT);
	run_shell(line);
	if (leaves) {
		OK(kill(s.pid, SIGTERM));
		EVENTUALLY(proc_printed(&s, "has left processes"), 10000);
	}
	proc_kill(&s, SIGTERM);
}

/* ktls-run does not begin, and says why. */
static void expect_refused(const char *become, const char *why)
{
	struct proc p;

	start(&p, become, "--identity private", SERVER);
	EXPECT_EQ(125, proc_wait(&p, 20000 * harness_scale()));
	EXPECT_TRUE(proc_printed(&p, why));
	EXPECT_FALSE(proc_printed(&p, "Serving HTTP"));
}

/* Yama lets a process at its descendants only: also at those that have left their parent. */
TEST_F_TIMEOUT(run_users, descendants, 60)
{
	if (!yama(1))
		harness_skip("this kernel has no Yama");
	expect_served(USER, "--identity private", SERVER, false);
	expect_served(USER " --no-new-privs", "--identity private",
		      "sh -c '(setsid " SERVER " &) ; exec sleep 30'", true);
}

/* Without CAP_SYS_PTRACE Yama lets nobody at anything. */
TEST_F_TIMEOUT(run_users, restricted, 60)
{
	if (!yama(2))
		harness_skip("this kernel has no Yama");
	expect_refused(USER, "kernel.yama.ptrace_scope");
	expect_served("", "--identity rsa", SERVER, false);
}

/* The owner of a user namespace: capabilities there, none here. */
TEST_F_TIMEOUT(run_users, user_namespace, 60)
{
	expect_served(USER " unshare --user --map-current-user", "--identity private", SERVER,
		      false);
	expect_served(USER " unshare --user --map-root-user", "--identity private", SERVER,
		      false);
}

/* A user may not use another's identity, whatever he runs. */
TEST_F(run_users, other_identity)
{
	struct proc p;

	start(&p, USER, "--identity rsa", SERVER);
	EXPECT_EQ(1, proc_wait(&p, 20000 * harness_scale()));
	EXPECT_TRUE(proc_printed(&p, "ermission denied"));
	EXPECT_TRUE(proc_printed(&p, "rsa"));
}

/* A program that becomes another user: ktls-run needs CAP_SYS_PTRACE, or its calls fail. */
TEST_F_TIMEOUT(run_users, becomes_another, 60)
{
	struct proc p;

	expect_served("", "--identity rsa", USER " " SERVER, false);
	start(&p, "setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace", "--identity rsa",
	      USER " " SERVER);
	EXPECT_EQ(1, proc_wait(&p, 20000 * harness_scale()));
	EXPECT_TRUE(proc_printed(&p, "CAP_SYS_PTRACE"));
}
