/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file that is replaced as a whole: who reads it sees the old bytes or the new ones, also if the
 * disk is full or the writer is killed.
 */
#ifndef KTLS_TOOLS_LIB_REPLACE_H
#define KTLS_TOOLS_LIB_REPLACE_H

#include <stdbool.h>
#include <stddef.h>

/**
 * ktlsd_replace_file - replace a file
 * @dir: its directory, a descriptor
 * @name: in it
 * @temporary: name of another file there, which is written, and then takes the place of the first.
 *	What an earlier writer has left there is removed.
 * @data: all that is to be in the file, which only its owner can read
 * @len: bytes
 * @durable: it must outlive a crash of the machine; otherwise it may be damaged then
 *
 * Return: 0; or a negative errno, and the file is as it was
 */
int ktlsd_replace_file(int dir, const char *name, const char *temporary, const void *data,
		       size_t len, bool durable);

#endif
