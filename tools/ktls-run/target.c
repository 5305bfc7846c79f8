// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/text.h"
#include "ktls-run/target.h"

enum {
	TARGET_PIDFD_THREAD	= O_EXCL,	/* PIDFD_THREAD of Linux 6.9 */
	TARGET_ERESTARTSYS	= 512,		/* of the kernel; programs never see it */
	TARGET_STATUS_MAX	= 8192,
};

int ktls_run_target_read(pid_t tid, uint64_t address, void *buffer, size_t len)
{
	ssize_t done;
	char path[64];
	int fd;

	if (!len)
		return 0;
	/* Not process_vm_readv(), which kernels may lack. */
	snprintf(path, sizeof(path), "/proc/%d/mem", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES ? -EPERM : -errno;
	done = pread(fd, buffer, len, (off_t)address);
	close(fd);
	return done == (ssize_t)len ? 0 : -EFAULT;
}

/* /proc/TID/status. Return: whether it could be read. */
static bool target_read_status(pid_t tid, char text[static TARGET_STATUS_MAX])
{
	ssize_t len = -1;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, text, TARGET_STATUS_MAX - 1);
		close(fd);
	}
	text[len < 0 ? 0 : len] = '\0';
	return len > 0;
}

static uint64_t target_field(const char *status, const char *name, int base)
{
	const char *at = strstr(status, name);

	return at ? strtoull(at + strlen(name), NULL, base) : 0;
}

static int target_pidfd_open(pid_t pid, unsigned int flags)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, flags);

	return fd < 0 ? -errno : fd;
}

/* A pidfd whose descriptors are those of the thread. Before Linux 6.9 there are only pidfds of
 * processes, and a thread can have descriptors of its own.
 */
static int target_open(pid_t tid)
{
	int pidfd = target_pidfd_open(tid, TARGET_PIDFD_THREAD);
	char status[TARGET_STATUS_MAX];
	pid_t pid;

	if (pidfd != -EINVAL)
		return pidfd;
	if (!target_read_status(tid, status))
		return -ESRCH;
	pid = (pid_t)target_field(status, "\nTgid:", 10);
	if (pid != tid && syscall(SYS_kcmp, tid, pid, KCMP_FILES, 0, 0))
		return -EPERM;
	return target_pidfd_open(pid, 0);
}

int ktls_run_target_get_fd(pid_t tid, int fd)
{
	int pidfd = target_open(tid), own;

	if (pidfd < 0)
		return pidfd;
	own = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	if (own < 0)
		own = -errno;
	close(pidfd);
	return own;
}

bool ktls_run_target_has_fd(pid_t tid, int fd, int own)
{
	return !syscall(SYS_kcmp, getpid(), tid, KCMP_FILE, own, fd);
}

int ktls_run_target_interrupted(pid_t tid)
{
	uint64_t handled, own, shared;
	char status[TARGET_STATUS_MAX];

	if (!target_read_status(tid, status))
		return 0;
	handled = target_field(status, "\nSigCgt:", 16) & ~target_field(status, "\nSigBlk:", 16);
	own = target_field(status, "\nSigPnd:", 16);
	shared = target_field(status, "\nShdPnd:", 16);
	if (own & handled)
		return -TARGET_ERESTARTSYS;
	if (!(shared & handled))
		return 0;
	/* Another thread may take the signal. Then nobody would translate -ERESTARTSYS. */
	return target_field(status, "\nThreads:", 10) == 1 ? -TARGET_ERESTARTSYS : -EINTR;
}

void ktls_run_target_name(pid_t tid, char name[static KTLS_RUN_NAME_MAX])
{
	char path[64], raw[32] = "?";
	ssize_t len = 1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/comm", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, raw, sizeof(raw));
		close(fd);
	}
	if (len > 0 && raw[len - 1] == '\n')
		len--;
	ktlsd_text_escape(name, KTLS_RUN_NAME_MAX, raw, len > 0 ? (size_t)len : 0);
}
