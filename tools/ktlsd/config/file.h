/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading the files that ktlsd.conf names. Any thread. */
#ifndef KTLSD_FILE_H
#define KTLSD_FILE_H

#include <sys/types.h>

#include "lib/buffer.h"
#include "errors.h"

/**
 * ktlsd_file_read - read a whole file
 * @path: of a regular file; anything else is refused without blocking
 * @max: size limit, bytes
 * @buffer: appended to; the caller frees it, after an error too
 * @ret_mode: its permissions, or NULL
 * @fault: on error: "PATH what is wrong with it"
 *
 * Return: 0; the errno of open() or read(); -EINVAL; -ENOMEM
 */
int ktlsd_file_read(const char *path, size_t max, struct ktlsd_buffer *buffer,
		    mode_t *ret_mode, struct ktlsd_fault *fault);

/* Begins a hash of the paths and contents of all files that are read until it ends. */
void ktlsd_file_begin_digest(void);

/* Return: a part of the hash; a random number if it cannot be computed. */
uint64_t ktlsd_file_end_digest(void);

/* Adds what another process has read. */
void ktlsd_file_add_digest(const void *data, size_t len);

typedef int (*ktlsd_file_reader)(const char *path, size_t max, struct ktlsd_buffer *buffer,
				 mode_t *ret_mode, struct ktlsd_fault *fault);

/* Lets @reader do what ktlsd_file_read() does: another process. NULL undoes it. Before threads
 * are started.
 */
void ktlsd_file_set_reader(ktlsd_file_reader reader);

#endif
