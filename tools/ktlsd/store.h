/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was fetched, in files, for the next start: in the directory of the service manager
 * (CACHE_DIRECTORY). Nothing in a file is believed: the caller verifies it as if it had just
 * been fetched. What goes wrong only causes a warning. Any thread.
 */
#ifndef KTLSD_STORE_H
#define KTLSD_STORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buffer.h"

enum {
	KTLSD_STORE_FILES	= 4096,		/* at most; the oldest are removed */
	KTLSD_STORE_AGE		= 30 * 86400,	/* seconds after which a file is removed */
	KTLSD_STORE_HASH	= 32,		/* bytes of the hash that is a file's name */
	KTLSD_STORE_NAME	= 96,		/* bytes of a file's name, with the NUL */
};

/**
 * struct ktlsd_store - the directory
 * @path: of it, NULL for none
 * @fd: -1 if it could not be opened yet
 * @failed: why the last write failed, a negative errno, and that was logged; 0 if it did not
 * @swept: old files were removed
 */
struct ktlsd_store {
	const char	*path;
	int		fd;
	atomic_int	failed;
	bool		swept;
};

/* Opens @path, NULL for none, which must stay. What fails is logged, and tried again when something
 * is to be written.
 */
void ktlsd_store_open(struct ktlsd_store *store, const char *path);
void ktlsd_store_close(struct ktlsd_store *store);

/* Makes the name of a file: @kind, a word in small letters, and a hash. */
void ktlsd_store_name(char *dst, const char *kind, const uint8_t *hash);

/* Appends the file @name to @buffer. Return: 0; -ENOENT without one; another negative errno. */
int ktlsd_store_read(const struct ktlsd_store *store, const char *name, size_t max,
		     struct ktlsd_buffer *buffer);

/* Replaces the file @name as a whole; removes files that are too old, or too many.
 * Return: 0, also without a directory; or a negative errno
 */
int ktlsd_store_write(struct ktlsd_store *store, const char *name, const void *data,
		      size_t len);

/* Calls @visit with the name of each file of a kind. */
void ktlsd_store_each(const struct ktlsd_store *store, const char *kind,
		      void (*visit)(void *arg, const char *name), void *arg);

void ktlsd_store_remove(const struct ktlsd_store *store, const char *name);

#endif
