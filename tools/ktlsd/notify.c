// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../lib/log.h"
#include "notify.h"

static struct sockaddr_un notify_address;
static socklen_t notify_address_len;

void ktlsd_notify_init(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;

	if (len && len < sizeof(notify_address.sun_path) &&
	    (path[0] == '/' || path[0] == '@')) {
		notify_address.sun_family = AF_UNIX;
		memcpy(notify_address.sun_path, path, len);
		if (path[0] == '@')
			notify_address.sun_path[0] = '\0';
		notify_address_len = offsetof(struct sockaddr_un, sun_path) + len;
	}
	unsetenv("NOTIFY_SOCKET");
}

void ktlsd_notify_send(const char *state)
{
	int fd;

	if (!notify_address_len)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, state, strlen(state), MSG_NOSIGNAL,
			     (struct sockaddr *)&notify_address,
			     notify_address_len) < 0)
		ktlsd_log(KTLSD_LOG_WARNING,
			  "The service manager cannot be notified: %s.",
			  strerror(errno));
	if (fd >= 0)
		close(fd);
}
