/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines with fields for the journal, in its native protocol: a datagram of lines NAME=VALUE to a
 * socket of systemd-journald (systemd.io/JOURNAL_NATIVE_PROTOCOL). libsystemd would bring its
 * compression libraries into the process that parses what peers send. Any thread.
 */
#ifndef KTLS_TOOLS_LIB_JOURNAL_H
#define KTLS_TOOLS_LIB_JOURNAL_H

#include <stddef.h>

#define KTLSD_JOURNAL_PATH	"/run/systemd/journal/socket"

/**
 * struct ktlsd_field - a field of a line
 * @name: capital letters, digits and underscores
 * @value: printable ASCII; a field with "" is left out
 */
struct ktlsd_field {
	const char	*name;
	const char	*value;
};

/* Prepares for lines of program @name to the socket @path. Can be called again, before threads
 * are started. @name and @path must stay valid.
 */
void ktlsd_journal_open(const char *name, const char *path);

/**
 * ktlsd_journal_send - send a line
 * @priority: of syslog(3)
 * @message: printable ASCII
 * @fields: further ones, may be NULL
 * @count: of them
 *
 * Return: 0 or a negative errno
 */
int ktlsd_journal_send(int priority, const char *message, const struct ktlsd_field *fields,
		       size_t count);

#endif
