// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/log.h"
#include "tls/keylog.h"

/**
 * keylog - the file
 * @path: of it, NULL for none; main thread
 * @fd: never closed while threads run, one of which could be about to write; -1 for none
 * @on: lines are written
 * @bytes: of the file, as far as this process knows
 */
static struct {
	char		*path;
	int		fd;
	atomic_bool	on;
	atomic_llong	bytes;
} keylog = { .fd = -1 };

static int keylog_judge(const char *path, const struct stat *st, struct ktlsd_fault *fault)
{
	if (!S_ISREG(st->st_mode))
		return ktlsd_errors_set(fault, -EINVAL, "key_log = %s: it is not a regular file", path);
	if (st->st_mode & 077)
		return ktlsd_errors_set(fault, -EPERM,
			"key_log = %s: others than its owner can read or write it: chmod 600 it", path);
	if (st->st_uid != geteuid() && st->st_uid)
		return ktlsd_errors_set(fault, -EPERM,
			"key_log = %s: it belongs to another user: chown ktlsd: it", path);
	return 0;
}

int ktlsd_keylog_check(const char *path, struct ktlsd_fault *fault)
{
	struct stat st;

	if (!lstat(path, &st))
		return keylog_judge(path, &st, fault);
	return errno == ENOENT ? 0 :
	       ktlsd_errors_set(fault, -errno, "key_log = %s: %s", path, strerror(errno));
}

/* Return: a file descriptor or a negative errno. */
static int keylog_try(const char *path, struct stat *st, struct ktlsd_fault *fault)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		      0600);
	int err;

	if (fd < 0)
		return ktlsd_errors_set(fault, -errno, "key_log = %s: it cannot be opened: %s", path,
					strerror(errno));
	err = fstat(fd, st) ? -errno : keylog_judge(path, st, fault);
	if (!err)
		return fd;
	close(fd);
	return err;
}

void ktlsd_keylog_open(const char *path)
{
	struct ktlsd_fault fault;
	struct stat st;

	if (!path)
		return;
	keylog.fd = keylog_try(path, &st, &fault);
	if (keylog.fd < 0) {
		ktlsd_log(KTLSD_LOG_ERROR, "%s. Secrets are not written.", fault.reason);
		return;
	}
	keylog.path = strdup(path);
	keylog.bytes = st.st_size;
	keylog.on = keylog.path != NULL;
	ktlsd_log(KTLSD_LOG_WARNING,
		  "key_log = %s: the secrets of all handshakes are written to it. Who reads it can read these connections.",
		  path);
}

void ktlsd_keylog_use(const char *path)
{
	const bool same = path && keylog.path && !strcmp(path, keylog.path);

	if (keylog.on && !same)
		ktlsd_log(KTLSD_LOG_INFO, "Secrets are not written to %s any more.", keylog.path);
	if (path && !same)
		ktlsd_log(KTLSD_LOG_WARNING, "key_log = %s takes effect only when ktlsd is restarted.",
			  path);
	keylog.on = same;
}

const char *ktlsd_keylog_path(void)
{
	return keylog.on ? keylog.path : NULL;
}

bool ktlsd_keylog_is_on(void)
{
	return keylog.on;
}

/* Once: whoever sets it to false says why. */
static void keylog_stop(const char *why)
{
	if (atomic_exchange(&keylog.on, false))
		ktlsd_log(KTLSD_LOG_WARNING, "Secrets are not written to key_log any more: %s.", why);
}

void ktlsd_keylog_write(const char *line)
{
	/* One call, so that lines of threads do not mix. */
	const struct iovec parts[] = {
		{ .iov_base = (void *)line, .iov_len = strlen(line) },
		{ .iov_base = "\n", .iov_len = 1 },
	};
	const long long len = (long long)parts[0].iov_len + 1;

	if (!keylog.on)
		return;
	if (atomic_fetch_add(&keylog.bytes, len) + len > KTLSD_KEYLOG_MAX)
		keylog_stop("the file has 64 MiB");
	else if (writev(keylog.fd, parts, 2) != len)
		keylog_stop(strerror(errno));
}
