// SPDX-License-Identifier: GPL-2.0-or-later
/* Verbs that ktlsd executes: one packet with the verb, one packet with the answer, which begins
 * with '0' for success or '1' for failure.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "ktlsctl.h"

#define CONTROL_PATH	"/run/ktlsd/control"

enum {
	CONTROL_WAIT	= 60,	/* seconds: a reload reads certificates */
};

/* Return: a connected socket, or a negative errno. */
static int control_connect(const char *path)
{
	const struct timeval wait = { .tv_sec = CONTROL_WAIT };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, err;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) &&
	    !setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) &&
	    !connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* Return: bytes of the answer, or a negative errno. */
static int control_ask(const char *path, const char *verb, char *answer, size_t size)
{
	int fd = control_connect(path);
	ssize_t len = -1;
	int err;

	if (fd < 0)
		return fd;
	if (send(fd, verb, strlen(verb), MSG_NOSIGNAL) >= 0)
		len = recv(fd, answer, size, 0);
	err = len < 0 ? -errno : len ? (int)len : -ECONNRESET;
	close(fd);
	return err;
}

int ktlsctl_control_run(int argc, char **argv)
{
	const char *path = CONTROL_PATH, *why;
	char answer[4096];
	int len;

	if (argc == 3 && !strcmp(argv[1], "--control")) {
		path = argv[2];
	} else if (argc != 1) {
		fprintf(stderr, "ktlsctl: usage: ktlsctl %s [--control PATH]\n", argv[0]);
		return KTLSCTL_USAGE;
	}
	len = control_ask(path, argv[0], answer, sizeof(answer) - 1);
	if (len < 0) {
		why = len == -EAGAIN ? "ktlsd did not answer in time" :
		      len == -ENOENT || len == -ECONNREFUSED ? "ktlsd is not running, or uses another path: see --control" :
		      len == -ECONNRESET ? "ktlsd refused the request: only root and the user of ktlsd may use this verb" :
		      strerror(-len);
		fprintf(stderr, "ktlsctl: %s: %s.\n", path, why);
		return KTLSCTL_FAILED;
	}
	answer[len] = '\0';
	if (answer[0] != '0') {
		fprintf(stderr, "ktlsctl: %s\n", answer + 1);
		return KTLSCTL_FAILED;
	}
	printf("%s\n", answer + 1);
	return KTLSCTL_OK;
}
