// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/log.h"
#include "notify.h"

static struct sockaddr_un notify_address;
static socklen_t notify_address_len;
static uint64_t notify_watchdog;

static void notify_read_watchdog(void)
{
	const char *word = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");

	if (word && (!pid || strtol(pid, NULL, 10) == getpid()))
		notify_watchdog = strtoull(word, NULL, 10);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void ktlsd_notify_init(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;

	notify_address_len = 0;
	notify_watchdog = 0;
	if (len && len < sizeof(notify_address.sun_path) &&
	    (path[0] == '/' || path[0] == '@')) {
		notify_address.sun_family = AF_UNIX;
		memcpy(notify_address.sun_path, path, len);
		if (path[0] == '@')
			notify_address.sun_path[0] = '\0';
		notify_address_len = offsetof(struct sockaddr_un, sun_path) + len;
		notify_read_watchdog();
	}
	unsetenv("NOTIFY_SOCKET");
}

uint64_t ktlsd_notify_watchdog(void)
{
	return notify_watchdog;
}

void ktlsd_notify_send(const char *format, ...)
{
	char state[512];
	va_list args;
	int fd;

	if (!notify_address_len)
		return;
	va_start(args, format);
	vsnprintf(state, sizeof(state), format, args);
	va_end(args);
	/* Do not block: the watchdog would expire. */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || sendto(fd, state, strlen(state), MSG_NOSIGNAL,
			     (struct sockaddr *)&notify_address,
			     notify_address_len) < 0)
		ktlsd_log(KTLSD_LOG_WARNING,
			  "Cannot notify the service manager: %s.",
			  strerror(errno));
	if (fd >= 0)
		close(fd);
}
