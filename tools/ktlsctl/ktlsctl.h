/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verbs of ktlsctl, a file each. */
#ifndef KTLSCTL_H
#define KTLSCTL_H

/**
 * struct ktlsctl_verb - a verb
 * @name: the word on the command line
 * @usage: its arguments
 * @help: one line
 * @run: executes it; argv[0] is the verb. Return: the exit status
 */
struct ktlsctl_verb {
	const char	*name;
	const char	*usage;
	const char	*help;
	int		(*run)(int argc, char **argv);
};

enum {
	KTLSCTL_OK	= 0,
	KTLSCTL_FAILED	= 1,
	KTLSCTL_USAGE	= 2,
};

#define KTLSCTL_CONTROL_PATH	"/run/ktlsd/control"

/* Asks ktlsd at @path. Return: 0 and text that the caller frees; or a negative errno, and
 * what went wrong was printed.
 */
int ktlsctl_control_request(const char *path, const char *verb, char **ret_text);

int ktlsctl_check_run(int argc, char **argv);
int ktlsctl_version_run(int argc, char **argv);
int ktlsctl_control_run(int argc, char **argv);
int ktlsctl_counters_run(int argc, char **argv);
int ktlsctl_sockets_run(int argc, char **argv);
int ktlsctl_stats_run(int argc, char **argv);

#endif
