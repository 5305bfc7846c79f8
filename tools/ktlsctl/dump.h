/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dumps of the module, over netlink. */
#ifndef KTLSCTL_DUMP_H
#define KTLSCTL_DUMP_H

#include "lib/message.h"

/**
 * ktlsctl_dump - ask for a dump
 * @cmd: KTLS_CMD_SOCKETS or KTLS_CMD_STATS
 * @each: called for each message; anything but 0 ends the dump
 * @arg: for @each
 *
 * Return: 0; what @each returned; -ENOENT without the module; -EOPNOTSUPP from an older
 * module; -ETIMEDOUT; another negative errno
 */
int ktlsctl_dump(uint8_t cmd, int (*each)(const struct ktlsd_event *event, void *arg),
		 void *arg);

#endif
