// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/file.h"

static int file_read_all(int fd, const char *path, size_t max,
			 struct ktlsd_buffer *buffer, struct ktlsd_fault *fault)
{
	uint8_t piece[4096];
	ssize_t got = 0;
	int err = 0;

	while (!err && (got = read(fd, piece, sizeof(piece))) > 0)
		err = ktlsd_buffer_append(buffer, piece, (size_t)got, max);
	explicit_bzero(piece, sizeof(piece));
	if (err == -EMSGSIZE)
		return ktlsd_errors_set(fault, -EINVAL,
					"%s is longer than %zu bytes", path, max);
	if (err)
		return ktlsd_errors_set(fault, err, "out of memory while reading %s", path);
	if (got < 0)
		return ktlsd_errors_set(fault, -errno, "%s cannot be read: %s",
					path, strerror(errno));
	return 0;
}

int ktlsd_file_read(const char *path, size_t max, struct ktlsd_buffer *buffer,
		    mode_t *ret_mode, struct ktlsd_fault *fault)
{
	struct stat status;
	int fd, err;

	/* O_NONBLOCK: open() of a FIFO would wait for a writer. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &status))
		err = ktlsd_errors_set(fault, -errno, "%s cannot be read: %s",
				       path, strerror(errno));
	else if (!S_ISREG(status.st_mode))
		err = ktlsd_errors_set(fault, -EINVAL, "%s is not a regular file",
				       path);
	else
		err = file_read_all(fd, path, max, buffer, fault);
	if (!err && ret_mode)
		*ret_mode = status.st_mode;
	if (fd >= 0)
		close(fd);
	return err;
}
