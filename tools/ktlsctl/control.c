// SPDX-License-Identifier: GPL-2.0-or-later
/* Verbs that ktlsd executes: one packet with the verb; the answer, of one packet or several,
 * begins with '0' for success or '1' for failure.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/unix.h"
#include "ktlsctl.h"

enum {
	CONTROL_WAIT		= 60,		/* seconds: a reload reads certificates */
	CONTROL_PACKET		= 65536,	/* bytes */
	CONTROL_ANSWER_MAX	= 64 << 20,	/* bytes */
};

/* Return: a connected socket, or a negative errno. */
static int control_connect(const char *path)
{
	const struct timeval wait = { .tv_sec = CONTROL_WAIT };
	struct sockaddr_un address;
	int fd, err;

	err = ktlsd_unix_address(&address, path);
	if (err)
		return err;
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

/* Receives packets until ktlsd closes the connection. Return: bytes, or a negative errno. */
static ssize_t control_receive(int fd, char **ret_answer)
{
	char *answer = NULL, *more;
	size_t used = 0;
	ssize_t len;

	do {
		more = realloc(answer, used + CONTROL_PACKET + 1);
		if (!more) {
			free(answer);
			return -ENOMEM;
		}
		answer = more;
		len = recv(fd, answer + used, CONTROL_PACKET, 0);
		if (len > 0)
			used += len;
	} while (len > 0 && used < CONTROL_ANSWER_MAX);
	answer[used] = '\0';
	if (len < 0 || !used) {
		len = len < 0 ? -errno : -ECONNRESET;
		free(answer);
		return len;
	}
	*ret_answer = answer;
	return (ssize_t)used;
}

/* Return: bytes of the answer, or a negative errno. */
static ssize_t control_ask(const char *path, const char *verb, char **ret_answer)
{
	int fd = control_connect(path);
	ssize_t len;

	if (fd < 0)
		return fd;
	if (send(fd, verb, strlen(verb), MSG_NOSIGNAL) >= 0)
		len = control_receive(fd, ret_answer);
	else
		len = -errno;
	close(fd);
	return len;
}

int ktlsctl_control_request(const char *path, const char *verb, char **ret_text)
{
	const char *why;
	ssize_t len;
	char *answer = NULL;

	len = control_ask(path, verb, &answer);
	if (len < 0) {
		why = len == -EAGAIN ? "ktlsd did not answer in time" :
		      len == -ENOENT || len == -ECONNREFUSED ? "ktlsd is not running, or uses another path: see --control" :
		      len == -ECONNRESET ? "ktlsd refused the request: only root and the user of ktlsd may use this verb" :
		      strerror((int)-len);
		fprintf(stderr, "ktlsctl: %s: %s.\n", path, why);
		return (int)len;
	}
	if (answer[0] != '0') {
		fprintf(stderr, "ktlsctl: %s\n", answer + 1);
		free(answer);
		return -EREMOTEIO;
	}
	memmove(answer, answer + 1, (size_t)len);
	*ret_text = answer;
	return 0;
}

int ktlsctl_control_run(int argc, char **argv)
{
	const char *path = KTLSCTL_CONTROL_PATH;
	char *text;

	if (argc == 3 && !strcmp(argv[1], "--control")) {
		path = argv[2];
	} else if (argc != 1) {
		fprintf(stderr, "ktlsctl: usage: ktlsctl %s [--control PATH]\n", argv[0]);
		return KTLSCTL_USAGE;
	}
	if (ktlsctl_control_request(path, argv[0], &text))
		return KTLSCTL_FAILED;
	printf("%s\n", text);
	free(text);
	return KTLSCTL_OK;
}
