/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The secrets of handshakes in a file, for Wireshark (key_log in ktlsd.conf). Off unless the
 * administrator names a file.
 */
#ifndef KTLSD_KEYLOG_H
#define KTLSD_KEYLOG_H

#include <stdbool.h>

#include "errors.h"

enum {
	KTLSD_KEYLOG_MAX	= 64 << 20,	/* bytes of the file */
};

/**
 * ktlsd_keylog_check - may secrets be written to this file
 * @path: absolute; it need not exist
 * @fault: on error
 *
 * Return: 0 or a negative errno: it is no regular file, or others than its owner, who must be the
 * user of this process or root, may read or write it
 */
int ktlsd_keylog_check(const char *path, struct ktlsd_fault *fault);

/* Opens @path, NULL for none. Before the sandbox, and before any thread. What fails is logged, and
 * nothing is written then.
 */
void ktlsd_keylog_open(const char *path);

/* After a reload: goes on with the file that was opened if @path is the same, else stops; another
 * file needs a restart. Main thread.
 */
void ktlsd_keylog_use(const char *path);

/* Return: the path if secrets are being written, else NULL. Main thread. */
const char *ktlsd_keylog_path(void);

/* Any thread. */
bool ktlsd_keylog_is_on(void);

/* Appends a line of NSS's key log format. Any thread. */
void ktlsd_keylog_write(const char *line);

#endif
