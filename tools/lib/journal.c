// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "journal.h"

enum {
	JOURNAL_LINE_MAX	= 8192,	/* bytes of a datagram */
};

static _Atomic(const char *) journal_name = "ktls";
static _Atomic(const char *) journal_path = KTLSD_JOURNAL_PATH;
static atomic_int journal_fd = -1;

void ktlsd_journal_open(const char *name, const char *path)
{
	journal_name = name;
	journal_path = path;
	if (journal_fd < 0)
		journal_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

/* Appends a line to a datagram, if there is room. A second line would be another field, so
 * there is none. Return: bytes in it.
 */
static size_t journal_append(char *datagram, size_t used, const char *name, const char *value)
{
	int len = snprintf(datagram + used, JOURNAL_LINE_MAX - used, "%s=%.*s\n", name,
			   (int)strcspn(value, "\n"), value);

	return len < 0 || (size_t)len >= JOURNAL_LINE_MAX - used ? used : used + (size_t)len;
}

int ktlsd_journal_send(int priority, const char *message, const struct ktlsd_field *fields,
		       size_t count)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char digit[] = { (char)('0' + priority), '\0' };
	char datagram[JOURNAL_LINE_MAX];
	size_t used, i;

	if (journal_fd < 0)
		return -EBADF;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", journal_path);
	used = journal_append(datagram, 0, "PRIORITY", digit);
	used = journal_append(datagram, used, "SYSLOG_IDENTIFIER", journal_name);
	used = journal_append(datagram, used, "MESSAGE", message);
	for (i = 0; i < count; i++) {
		if (fields[i].value[0])
			used = journal_append(datagram, used, fields[i].name, fields[i].value);
	}
	/* A journal that does not keep up must not stop handshakes. */
	if (sendto(journal_fd, datagram, used, MSG_NOSIGNAL | MSG_DONTWAIT,
		   (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return 0;
}
