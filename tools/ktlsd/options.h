/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of ktlsd. Main thread only. */
#ifndef KTLSD_OPTIONS_H
#define KTLSD_OPTIONS_H

#include <stdbool.h>

#include "lib/log.h"

#define KTLSD_USER	"ktlsd"

/**
 * struct ktlsd_options - the command line
 * @config_path: --config
 * @control_path: --control, or NULL
 * @user: --user, as whom --check-config reads files
 * @user_given: --user was given
 * @foreground: --foreground
 * @check: --check-config
 * @require_module: --require-module
 * @netns: --netns, or NULL
 * @workers: --workers, 0 if not given
 * @level: --log-level, if @level_given
 * @level_given: --log-level was given
 */
struct ktlsd_options {
	const char		*config_path;
	const char		*control_path;
	const char		*user;
	bool			user_given;
	bool			foreground;
	bool			check;
	bool			require_module;
	const char		*netns;
	unsigned int		workers;
	enum ktlsd_log_level	level;
	bool			level_given;
};

/* Return: -1 to go on, or the exit status. */
int ktlsd_options_parse(int argc, char **argv, struct ktlsd_options *ret_options);

#endif
