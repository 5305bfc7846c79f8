// SPDX-License-Identifier: GPL-2.0-or-later
/* The virtio ports to the host: commands, output, verdict. */
#include <dirent.h>
#include <poll.h>

#include "init.h"

/* Ports show up when the host's side has been announced: wait for that. */
int open_port(const char *want)
{
	double end = now() + 20;

	do {
		DIR *dir = opendir("/sys/class/virtio-ports");
		struct dirent *de;

		while (dir && (de = readdir(dir))) {
			char path[600], name[64] = "";
			int fd;

			snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", de->d_name);
			fd = open(path, O_RDONLY);
			if (fd < 0)
				continue;
			if (read(fd, name, sizeof(name) - 1) < 0)
				name[0] = 0;
			close(fd);
			name[strcspn(name, "\n")] = 0;
			if (strcmp(name, want))
				continue;
			snprintf(path, sizeof(path), "/dev/%s", de->d_name);
			fd = open(path, O_RDWR | O_CLOEXEC);
			if (fd >= 0) {
				closedir(dir);
				return fd;
			}
		}
		if (dir)
			closedir(dir);
		nap(20);
	} while (now() < end);
	die(want);
	return -1;
}

/* A port is writable when the host has taken what was written before. A write
 * returns earlier than that, so wait before and after it: else the last bytes
 * race with the power switch. And wait by asking: the host's taking of data
 * raises no interrupt, so neither poll() nor a blocking write() is woken by it.
 */
static void drain_port(int fd)
{
	struct pollfd p = { fd, POLLOUT, 0 };

	while (!poll(&p, 1, 0))
		nap(1);
}

void write_port(int fd, const char *buf, size_t len)
{
	while (len) {
		ssize_t n;

		drain_port(fd);
		n = write(fd, buf, len);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			die("port");
		if (n > 0) {
			buf += n;
			len -= n;
		}
	}
	drain_port(fd);
}
