// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/unix.h"
#include "exporter.h"

/* Waits until @fd is ready for @events. Return: whether it is before @end. */
static bool exporter_wait(int fd, short events, int64_t end)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };
	int64_t left = end - ktlsd_clock_ms();

	return left > 0 && poll(&poll_fd, 1, (int)left) == 1;
}

/* Reads a request up to the empty line. Return: whether it came in time, and fits. */
static bool exporter_read(int fd, char *request, size_t size, int64_t end)
{
	size_t used = 0;
	ssize_t len;

	while (used + 1 < size && exporter_wait(fd, POLLIN, end)) {
		len = recv(fd, request + used, size - 1 - used, MSG_DONTWAIT);
		if (len <= 0)
			return false;
		used += (size_t)len;
		request[used] = '\0';
		if (strstr(request, "\r\n\r\n"))
			return true;
	}
	return false;
}

static bool exporter_send(int fd, const char *text, size_t len, int64_t end)
{
	ssize_t sent;

	while (len) {
		sent = send(fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno != EAGAIN)
			return false;
		if (sent < 0 && !exporter_wait(fd, POLLOUT, end))
			return false;
		if (sent > 0) {
			text += sent;
			len -= (size_t)sent;
		}
	}
	return true;
}

static void exporter_answer(int fd, const char *status, const char *text, size_t len, int64_t end)
{
	char head[256];
	int head_len;

	head_len = snprintf(head, sizeof(head),
			    "HTTP/1.1 %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
			    "Content-Length: %zu\r\nConnection: close\r\n\r\n", status, len);
	if (exporter_send(fd, head, (size_t)head_len, end))
		exporter_send(fd, text, len, end);
}

static void exporter_serve(const struct ktlsd_exporter *exporter, int fd)
{
	int64_t end = ktlsd_clock_ms() + KTLSD_EXPORTER_CLIENT_MS;
	char request[KTLSD_EXPORTER_REQUEST_MAX] = "";
	char *text;
	size_t len;

	if (!exporter_read(fd, request, sizeof(request), end)) {
		exporter_answer(fd, "400 Bad Request", "", 0, end);
	} else if (strncmp(request, "GET ", 4)) {
		exporter_answer(fd, "405 Method Not Allowed", "", 0, end);
	} else if (strncmp(request, "GET /metrics ", 13) && strncmp(request, "GET /metrics?", 13)) {
		exporter_answer(fd, "404 Not Found", "", 0, end);
	} else if (ktlsd_stats_write(exporter->stats, &text, &len)) {
		exporter_answer(fd, "503 Service Unavailable", "", 0, end);
	} else {
		/* Content-Length shows when something is missing. */
		exporter_answer(fd, "200 OK", text, len - strlen(KTLSD_STATS_END), end);
		free(text);
	}
}

static void *exporter_main(void *arg)
{
	struct ktlsd_exporter *exporter = arg;
	int fd;

	while (!exporter->stop) {
		fd = accept4(exporter->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0) {
			exporter_serve(exporter, fd);
			close(fd);
		} else if (errno != EINTR && errno != ECONNABORTED && !exporter->stop) {
			/* Too many open files: others need them more. */
			poll(NULL, 0, 100);
		}
	}
	return NULL;
}

/* Return: 0 and @exporter->fd, or a negative errno. */
static int exporter_listen(struct ktlsd_exporter *exporter)
{
	const char *path = exporter->address.sun_path;
	struct stat status;
	int err;

	if (!lstat(path, &status) && !S_ISSOCK(status.st_mode))
		return -ENOTSOCK;
	exporter->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (exporter->fd < 0)
		return -errno;
	/* A ktlsd that was killed left its socket behind. */
	unlink(path);
	if (!bind(exporter->fd, (struct sockaddr *)&exporter->address,
		  sizeof(exporter->address)) &&
	    !chmod(path, 0666) && !listen(exporter->fd, 8))
		return 0;
	err = -errno;
	close(exporter->fd);
	return err;
}

static int exporter_start(struct ktlsd_exporter *exporter, const char *path)
{
	int err;

	err = ktlsd_unix_address(&exporter->address, path);
	if (!err)
		err = exporter_listen(exporter);
	if (err)
		return err;
	exporter->stop = false;
	err = -pthread_create(&exporter->thread, NULL, exporter_main, exporter);
	if (err) {
		unlink(path);
		close(exporter->fd);
	}
	exporter->running = !err;
	return err;
}

void ktlsd_exporter_use(struct ktlsd_exporter *exporter, const char *path,
			const struct ktlsd_stats *stats)
{
	int err;

	if (exporter->running && path && !strcmp(path, exporter->address.sun_path))
		return;
	ktlsd_exporter_stop(exporter);
	if (!path)
		return;
	exporter->stats = stats;
	err = exporter_start(exporter, path);
	if (err)
		ktlsd_log(KTLSD_LOG_WARNING, "Cannot open metrics_socket %s: %s: it must be in a directory where ktlsd can write, such as /run/ktlsd.",
			  path, strerror(-err));
}

void ktlsd_exporter_stop(struct ktlsd_exporter *exporter)
{
	if (!exporter->running)
		return;
	exporter->running = false;
	exporter->stop = true;
	/* Wakes accept4(). */
	shutdown(exporter->fd, SHUT_RDWR);
	pthread_join(exporter->thread, NULL);
	unlink(exporter->address.sun_path);
	close(exporter->fd);
}
