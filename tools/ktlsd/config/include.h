/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that ktlsd.conf includes. Main thread only. */
#ifndef KTLSD_INCLUDE_H
#define KTLSD_INCLUDE_H

#include "config/words.h"
#include "errors.h"

enum {
	KTLSD_INCLUDE_DEPTH_MAX	= 4,	/* files that are read at the same time */
	KTLSD_INCLUDE_FILES_MAX	= 256,	/* of a configuration */
};

/**
 * ktlsd_include_find - find the files that an "include" names
 * @from: path of the file that has it
 * @pattern: as in glob(7); relative to the directory of @from
 * @ret_files: paths, sorted by byte value; ktlsd_words_free() releases it
 * @fault: on error
 *
 * A pattern can match no file; a name without wildcards must exist.
 *
 * Return: 0, -EINVAL or -ENOMEM
 */
int ktlsd_include_find(const char *from, const char *pattern, struct ktlsd_words *ret_files,
		       struct ktlsd_fault *fault);

#endif
