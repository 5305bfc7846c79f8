/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of ktlsd.conf. Main thread only. */
#ifndef KTLSD_PARSE_H
#define KTLSD_PARSE_H

#include "config/config.h"

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

#endif
