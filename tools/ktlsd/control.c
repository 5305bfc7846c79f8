// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/unix.h"
#include "control.h"

enum {
	CONTROL_ANSWER_MAX	= 2048,	/* bytes */
};

int ktlsd_control_open(struct ktlsd_control *control, const char *path)
{
	mode_t mask;
	int err = 0;

	memset(control, 0, sizeof(*control));
	control->fd = -1;
	control->client = -1;
	if (!path)
		return 0;
	err = ktlsd_unix_address(&control->address, path);
	if (err)
		return err;
	control->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control->fd < 0)
		return -errno;
	/* A ktlsd that was killed left its socket behind. */
	unlink(path);
	mask = umask(0177);
	if (bind(control->fd, (struct sockaddr *)&control->address,
		 sizeof(control->address)) || listen(control->fd, 8))
		err = -errno;
	umask(mask);
	if (err) {
		close(control->fd);
		control->fd = -1;
	}
	return err;
}

static void control_close_client(struct ktlsd_control *control)
{
	if (control->client >= 0)
		close(control->client);
	control->client = -1;
}

void ktlsd_control_close(struct ktlsd_control *control)
{
	control_close_client(control);
	if (control->fd < 0)
		return;
	unlink(control->address.sun_path);
	close(control->fd);
	control->fd = -1;
}

static bool control_permits(int client)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return !getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &len) &&
	       (!peer.uid || peer.uid == geteuid());
}

bool ktlsd_control_accept(struct ktlsd_control *control,
			  char ret_verb[KTLSD_CONTROL_VERB_MAX])
{
	/* The packet follows at once. A client that delays us has the rights to stop us too. */
	const struct timeval second = { .tv_sec = 1 };
	ssize_t len = -1;

	if (control->fd < 0 || control->client >= 0)
		return false;
	control->client = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC);
	if (control->client < 0)
		return false;
	if (control_permits(control->client) &&
	    !setsockopt(control->client, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second)))
		len = recv(control->client, ret_verb, KTLSD_CONTROL_VERB_MAX - 1, 0);
	if (len <= 0) {
		control_close_client(control);
		return false;
	}
	ret_verb[len] = '\0';
	return true;
}

void ktlsd_control_answer(struct ktlsd_control *control, bool success,
			  const char *format, ...)
{
	char text[CONTROL_ANSWER_MAX];
	va_list args;

	if (control->client < 0)
		return;
	text[0] = success ? '0' : '1';
	va_start(args, format);
	vsnprintf(text + 1, sizeof(text) - 1, format, args);
	va_end(args);
	/* If the client has gone, nobody needs the answer. */
	(void)!send(control->client, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
	control_close_client(control);
}

/* Sends a packet, or waits until @end for the client to make room. Return: whether it was sent. */
static bool control_send(int client, const void *packet, size_t len, int64_t end)
{
	struct pollfd fd = { .fd = client, .events = POLLOUT };
	int64_t left;

	while (send(client, packet, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
		left = end - ktlsd_clock_ms();
		if (errno != EAGAIN || left <= 0 || poll(&fd, 1, (int)left) <= 0)
			return false;
	}
	return true;
}

void ktlsd_control_answer_text(struct ktlsd_control *control, const char *text, size_t len)
{
	int64_t end = ktlsd_clock_ms() + KTLSD_CONTROL_SEND_MS;
	size_t part, sent;

	if (control->client < 0)
		return;
	if (control_send(control->client, "0", 1, end)) {
		for (sent = 0; sent < len; sent += part) {
			part = len - sent < KTLSD_CONTROL_PACKET ? len - sent :
			       KTLSD_CONTROL_PACKET;
			if (!control_send(control->client, text + sent, part, end))
				break;
		}
	}
	control_close_client(control);
}
