// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"
#include "ktls-run/filter.h"
#include "ktls-run/launch.h"

int ktls_run_launch_exec(char **argv)
{
	execvp(argv[0], argv);
	ktlsd_log(KTLSD_LOG_ERROR, "Cannot run %s: %s.", argv[0], strerror(errno));
	return errno == ENOENT ? 127 : 126;
}

/* Sockets that systemd passes are for the process with this ID. */
static void launch_adopt_sockets(pid_t parent)
{
	const char *pid = getenv("LISTEN_PID");
	char text[16];

	if (!pid || atoi(pid) != parent)
		return;
	snprintf(text, sizeof(text), "%d", getpid());
	setenv("LISTEN_PID", text, 1);
}

/* @up: tells the parent the filter's descriptor; @down: ends when the parent has it. */
static void launch_child(char **argv, bool allow_io_uring, const sigset_t *signals, pid_t parent,
			 int up, int down)
{
	int notify = ktls_run_filter_install(allow_io_uring);
	char go;

	if (write(up, &notify, sizeof(notify)) != sizeof(notify) || notify < 0 ||
	    read(down, &go, 1) != 1)
		_exit(125);
	close(notify);
	launch_adopt_sockets(parent);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, signals, NULL);
	_exit(ktls_run_launch_exec(argv));
}

/* Return: our own descriptor of the child's filter, or a negative errno. */
static int launch_get_notify(pid_t child, int up)
{
	int pidfd, theirs, notify;

	if (read(up, &theirs, sizeof(theirs)) != sizeof(theirs))
		return -ECHILD;
	if (theirs < 0) {
		ktlsd_log(KTLSD_LOG_ERROR, "Cannot filter system calls: %s. %s", strerror(-theirs),
			  theirs == -EBUSY ?
			  "Another program does so already, perhaps a second ktls-run." :
			  "ktls-run needs seccomp user notifications of Linux 5.19.");
		return theirs;
	}
	pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	notify = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, theirs, 0);
	if (notify < 0) {
		notify = -errno;
		ktlsd_log(KTLSD_LOG_ERROR, "Cannot reach the sockets of the program: %s. Does kernel.yama.ptrace_scope, a container or another security module forbid ptrace?",
			  strerror(-notify));
	}
	if (pidfd >= 0)
		close(pidfd);
	return notify;
}

pid_t ktls_run_launch_program(char **argv, bool allow_io_uring, const sigset_t *signals,
			      int *ret_notify)
{
	int up[2], down[2], notify;
	pid_t parent = getpid(), child;

	if (pipe2(up, O_CLOEXEC) || pipe2(down, O_CLOEXEC))
		return -errno;
	child = fork();
	if (child < 0)
		return -errno;
	if (!child) {
		close(up[0]);
		close(down[1]);
		launch_child(argv, allow_io_uring, signals, parent, up[1], down[0]);
	}
	close(up[1]);
	close(down[0]);
	notify = launch_get_notify(child, up[0]);
	if (notify >= 0 && write(down[1], "", 1) != 1)
		notify = -errno;
	close(up[0]);
	close(down[1]);
	if (notify < 0) {
		waitpid(child, NULL, 0);
		return notify;
	}
	*ret_notify = notify;
	return child;
}
