/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verbs of ktlsctl, a file each. */
#ifndef KTLSCTL_H
#define KTLSCTL_H

#include <stdbool.h>
#include <stddef.h>

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

enum {
	KTLSCTL_WHY_MAX	= 2304,	/* bytes: an answer of ktlsd, or a path and a sentence */
};

/* Asks ktlsd at @path. Return: 0 and text that the caller frees; or a negative errno and, in
 * @ret_why, what went wrong.
 */
int ktlsctl_control_ask(const char *path, const char *verb, char **ret_text,
			char *ret_why, size_t size);

/* Reads "[--json] [--control PATH]". Return: false, and the usage was printed. */
bool ktlsctl_control_parse(int argc, char **argv, const char **ret_path, bool *ret_json);

/* Asks ktlsd at @path. Return: 0 and text that the caller frees; or a negative errno, and
 * what went wrong was printed.
 */
int ktlsctl_control_request(const char *path, const char *verb, char **ret_text);

int ktlsctl_check_run(int argc, char **argv);
int ktlsctl_version_run(int argc, char **argv);
int ktlsctl_control_run(int argc, char **argv);
int ktlsctl_counters_run(int argc, char **argv);
int ktlsctl_identities_run(int argc, char **argv);
int ktlsctl_monitor_run(int argc, char **argv);
int ktlsctl_status_run(int argc, char **argv);
int ktlsctl_sockets_run(int argc, char **argv);
int ktlsctl_stats_run(int argc, char **argv);

#endif
