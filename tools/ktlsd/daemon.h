/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the main thread does while workers serve: it starts them, waits for signals, answers
 * ktlsctl, and does what is due at times. Main thread only.
 */
#ifndef KTLSD_DAEMON_H
#define KTLSD_DAEMON_H

#include "config/config.h"
#include "options.h"

/* Serves until a signal says to exit. Takes over @config. @parent: a pipe to the process that
 * waits for the daemon to start, -1 for none. Return: the exit status.
 */
int ktlsd_daemon_serve(const struct ktlsd_options *options, struct ktlsd_config *config,
		       int parent);

#endif
