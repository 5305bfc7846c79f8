// SPDX-License-Identifier: GPL-2.0-or-later
/* What a process in the sandbox can still do: a process each, because it is for ever. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <net/if.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"
#include "signer/sandbox.h"
#include "test_pki.h"

static char sandbox_inside[] = "/tmp/ktlsd-inside-XXXXXX";
static char sandbox_outside[] = "/tmp/ktlsd-outside-XXXXXX";

static bool sandbox_has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

/* Return: 0, or the errno of open(). */
static int sandbox_try(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int sandbox_try_file(const char *directory, const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return sandbox_try(path, flags);
}

/* Return: 0, or the number of what was not as it has to be. */
static int sandbox_run_files(void)
{
	const int denied = sandbox_has_landlock() ? EACCES : 0;

	if (sandbox_try_file(sandbox_inside, "key", O_RDWR) ||
	    sandbox_try_file(sandbox_inside, "new", O_WRONLY | O_CREAT | O_EXCL))
		return 10;
	if (sandbox_try_file(sandbox_outside, "key", O_RDONLY) != denied)
		return 11;
	if (sandbox_try_file(sandbox_outside, "key", O_WRONLY) != denied)
		return 12;
	if (sandbox_try_file(sandbox_outside, "new", O_WRONLY | O_CREAT) != denied)
		return 13;
	if (sandbox_try("/dev/urandom", O_RDONLY) || sandbox_try("/proc/self/statm", O_RDONLY) ||
	    sandbox_try("/proc/net/netlink", O_RDONLY))
		return 14;
	if (sandbox_try("/proc/self/environ", O_RDONLY) != denied ||
	    sandbox_try("/proc/cpuinfo", O_RDONLY) != denied)
		return 15;
	if (sandbox_try("/dev/zero", O_RDONLY) != denied)
		return 16;
	return sandbox_try("/sys/kernel/uevent_seqnum", O_RDONLY) == denied ? 0 : 17;
}

static int sandbox_try_exec(void)
{
	execl("/bin/true", "true", (char *)NULL);
	return errno;
}

/* Makes a user namespace, in which a process would have all capabilities. @call: SYS_clone or
 * SYS_clone3. Return: 0 or an errno
 */
static int sandbox_try_namespace(long call)
{
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	long pid;

	if (call == SYS_clone3)
		pid = syscall(call, &args, sizeof(args));
	else
		pid = syscall(call, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid < 0)
		return errno;
	if (!pid)
		_exit(0);
	waitpid((pid_t)pid, NULL, 0);
	return 0;
}

static void *sandbox_thread(void *arg)
{
	return arg;
}

/* Return: whether processes and threads are made as before, but no namespaces. */
static bool sandbox_is_confined(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, sandbox_thread, NULL) || pthread_join(thread, NULL))
		return false;
	return sandbox_try_namespace(SYS_clone) == EPERM &&
	       sandbox_try_namespace(SYS_clone3) == ENOSYS;
}

static int sandbox_try_protocol(int family, int protocol)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int sandbox_try_socket(int family)
{
	return sandbox_try_protocol(family, 0);
}

/* Return: whether the network's configuration is out of reach, with any capability. */
static bool sandbox_leaves_network(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = "lo" };
	bool good;

	good = fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &request) == -1 && errno == EPERM &&
	       ioctl(fd, SIOCSIFFLAGS, &request) == -1 && errno == EPERM &&
	       ioctl(fd, 1UL << 32 | SIOCSIFFLAGS, &request) == -1 && errno == EPERM;
	close(fd);
	return good && sandbox_try_protocol(AF_NETLINK, NETLINK_ROUTE) == EPROTONOSUPPORT &&
	       sandbox_try_protocol(AF_NETLINK, NETLINK_NETFILTER) == EPROTONOSUPPORT &&
	       sandbox_try_protocol(AF_NETLINK, NETLINK_XFRM) == EPROTONOSUPPORT &&
	       !sandbox_try_protocol(AF_NETLINK, NETLINK_GENERIC);
}

/* Return: 0, or the number of what was not as it has to be. */
static int sandbox_run_server(void)
{
	char text[64];

	ktlsd_sandbox_server(sandbox_inside);
	ktlsd_sandbox_describe(text, sizeof(text));
	if (!strstr(text, ", seccomp") || !strstr(text, "no Landlock") != sandbox_has_landlock())
		return 1;
	if (sandbox_try_socket(AF_INET) != EAFNOSUPPORT || sandbox_try_socket(AF_UNIX) ||
	    sandbox_try_socket(AF_PACKET) != EAFNOSUPPORT)
		return 2;
	if (!sandbox_leaves_network())
		return 3;
	if (sandbox_try_exec() != EPERM)
		return 4;
	if (ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) != -1 || errno != EPERM)
		return 5;
	if (!sandbox_is_confined())
		return 6;
	return sandbox_run_files();
}

static int sandbox_run_signer(void)
{
	ktlsd_sandbox_signer();
	if (sandbox_try_exec() != EPERM)
		return 1;
	if (sandbox_try_socket(AF_UNIX))
		return 2;
	if (sandbox_try_socket(AF_INET) != EAFNOSUPPORT)
		return 3;
	if (!sandbox_is_confined())
		return 6;
	return sandbox_try_socket(AF_NETLINK) == EAFNOSUPPORT ? 0 : 4;
}

static void sandbox_check(int (*run)(void))
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(run());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void sandbox_server(void **state)
{
	(void)state;
	sandbox_check(sandbox_run_server);
}

static void sandbox_signer(void **state)
{
	(void)state;
	sandbox_check(sandbox_run_signer);
}

static void sandbox_make(char *directory, bool make)
{
	char path[64];
	int fd;

	if (make)
		assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/key", directory);
	if (make) {
		fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		assert_true(fd >= 0);
		close(fd);
		return;
	}
	unlink(path);
	snprintf(path, sizeof(path), "%s/new", directory);
	unlink(path);
	rmdir(directory);
}

static int sandbox_setup(void **state)
{
	(void)state;
	sandbox_make(sandbox_inside, true);
	sandbox_make(sandbox_outside, true);
	return 0;
}

static int sandbox_teardown(void **state)
{
	(void)state;
	sandbox_make(sandbox_inside, false);
	sandbox_make(sandbox_outside, false);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(sandbox_server),
		cmocka_unit_test(sandbox_signer),
	};

	ktlsd_log_open("test", KTLSD_LOG_STDERR, KTLSD_LOG_ERROR);
	return cmocka_run_group_tests_name("sandbox", tests, sandbox_setup, sandbox_teardown);
}
