/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of ktlsd.conf. Main thread only. */
#ifndef KTLSD_PARSE_H
#define KTLSD_PARSE_H

#include "config/config.h"
#include "config/settings.h"

#define KTLSD_PARSE_BLANKS	" \t\r"

/**
 * struct ktlsd_parse - state of the parser
 * @config: filled
 * @path: of the current file; lives as long as @config
 * @depth: how many files include it
 * @next: rest of the file
 * @line: number of the current line
 * @section: kind of the current section
 * @identity: index of the identity, in its section
 * @policy: index of the policy, in its section
 * @seen: by key of the section: a bit for each number that was set
 * @daemon_path: file of [ktlsd]
 * @daemon_line: line of [ktlsd], 0 if there was none yet
 * @faults: how many errors were found
 * @fault: the first of them
 */
struct ktlsd_parse {
	struct ktlsd_config	*config;
	const char		*path;
	unsigned int		depth;
	char			*next;
	unsigned int		line;
	enum ktlsd_section	section;
	size_t			identity;
	size_t			policy;
	uint16_t		seen[KTLSD_SETTINGS_MAX];
	const char		*daemon_path;
	unsigned int		daemon_line;
	unsigned int		faults;
	struct ktlsd_fault	*fault;
};

/**
 * ktlsd_parse_config - read ktlsd.conf, but none of the files that it names
 * @path: of the file
 * @ret_config: a reference for the caller
 * @fault: on error: the first one, "path:line: what is wrong"; all are logged
 *
 * Return: 0 or a negative errno
 */
int ktlsd_parse_config(const char *path, struct ktlsd_config **ret_config,
		       struct ktlsd_fault *fault);

/* The same, but after errors in the file *@ret_config is what remains of it; it is NULL if the
 * file could not be read.
 */
int ktlsd_parse_all(const char *path, struct ktlsd_config **ret_config,
		    struct ktlsd_fault *fault);

/* Reports an error in a line. The parser goes on, to find more of them. */
__attribute__((format(printf, 3, 4)))
void ktlsd_parse_fail(struct ktlsd_parse *parse, unsigned int line, const char *format, ...);

#endif
