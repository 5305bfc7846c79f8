// SPDX-License-Identifier: GPL-2.0-or-later
/* Verbs that ktlsd executes: one packet with the verb; the answer, of one packet or several,
 * begins with '0' for success or '1' for failure.
 */
#include <errno.h>
#include <stdbool.h>
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
	CONTROL_WAIT_LONG	= 60,		/* seconds: a reload reads certificates */
	CONTROL_WAIT		= 10,		/* seconds, for what is only to be told */
	CONTROL_PACKET		= 65536,	/* bytes */
	CONTROL_ANSWER_MAX	= 64 << 20,	/* bytes */
};

/* Return: seconds. */
static int control_wait(const char *verb)
{
	return !strcmp(verb, "reload") || !strcmp(verb, "flush-tickets") ? CONTROL_WAIT_LONG :
	       CONTROL_WAIT;
}

/* Return: a connected socket, or a negative errno. */
static int control_connect(const char *path, int seconds)
{
	const struct timeval wait = { .tv_sec = seconds };
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

/* Return: the process that made the socket, -1 if it is unknown. */
static pid_t control_peer(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) ? -1 : peer.pid;
}

/* Return: bytes of the answer, or a negative errno. @ret_pid: of ktlsd. */
static ssize_t control_ask(const char *path, const char *verb, char **ret_answer, pid_t *ret_pid)
{
	int fd = control_connect(path, control_wait(verb));
	ssize_t len;

	*ret_pid = -1;
	if (fd < 0)
		return fd;
	*ret_pid = control_peer(fd);
	if (send(fd, verb, strlen(verb), MSG_NOSIGNAL) >= 0)
		len = control_receive(fd, ret_answer);
	else
		len = -errno;
	close(fd);
	return len;
}

/* Return: whether a signal, or a debugger, has stopped the process. */
static bool control_is_stopped(pid_t pid)
{
	char path[64], state = '\0';
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = '\0';
	fclose(file);
	return state == 'T' || state == 't';
}

static void control_explain(const char *path, const char *verb, int err, pid_t pid,
			    char *ret_why, size_t size)
{
	if (err == -EAGAIN && control_is_stopped(pid))
		snprintf(ret_why, size, "%s: ktlsd (pid %d) does not answer: a signal has stopped it; kill -CONT %d lets it go on",
			 path, pid, pid);
	else if (err == -EAGAIN)
		snprintf(ret_why, size, "%s: ktlsd (pid %d) did not answer within %d s: it may be reading its configuration",
			 path, pid, control_wait(verb));
	else
		snprintf(ret_why, size, "%s: %s", path,
			 err == -ENOENT || err == -ECONNREFUSED ? "ktlsd is not running, or uses another path: see --control" :
			 err == -ECONNRESET ? "ktlsd refused the request: only root and the user of ktlsd may use this verb" :
			 strerror(-err));
}

int ktlsctl_control_ask(const char *path, const char *verb, char **ret_text,
			char *ret_why, size_t size)
{
	char *answer = NULL;
	ssize_t len;
	pid_t pid;

	len = control_ask(path, verb, &answer, &pid);
	if (len < 0) {
		control_explain(path, verb, (int)len, pid, ret_why, size);
		return (int)len;
	}
	if (answer[0] != '0') {
		snprintf(ret_why, size, "%s", answer + 1);
		free(answer);
		return -EREMOTEIO;
	}
	memmove(answer, answer + 1, (size_t)len);
	*ret_text = answer;
	return 0;
}

int ktlsctl_control_request(const char *path, const char *verb, char **ret_text)
{
	char why[KTLSCTL_WHY_MAX];
	int err = ktlsctl_control_ask(path, verb, ret_text, why, sizeof(why));

	if (err)
		fprintf(stderr, "ktlsctl: %s%s\n", why, err == -EREMOTEIO ? "" : ".");
	return err;
}

bool ktlsctl_control_parse(int argc, char **argv, const char **ret_path, bool *ret_json)
{
	int i;

	*ret_path = KTLSCTL_CONTROL_PATH;
	*ret_json = false;
	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--control") && i + 1 < argc) {
			*ret_path = argv[++i];
		} else if (!strcmp(argv[i], "--json")) {
			*ret_json = true;
		} else {
			fprintf(stderr, "ktlsctl: usage: ktlsctl %s [--json] [--control PATH]\n",
				argv[0]);
			return false;
		}
	}
	return true;
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
