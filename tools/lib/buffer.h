/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A growing array of bytes with an upper bound, which is wiped before it is freed. Not locked. */
#ifndef KTLS_TOOLS_LIB_BUFFER_H
#define KTLS_TOOLS_LIB_BUFFER_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct ktlsd_buffer - bytes
 * @data: owned; NULL while @room is 0
 * @len: bytes in use
 * @room: bytes allocated
 *
 * Zeroed to begin with.
 */
struct ktlsd_buffer {
	uint8_t	*data;
	size_t	len;
	size_t	room;
};

/* Appends a copy. Return: 0, -EMSGSIZE if there would be more than @max bytes, -ENOMEM. */
int ktlsd_buffer_append(struct ktlsd_buffer *buffer, const void *data,
			size_t len, size_t max);

/* Wipes and frees the bytes. The buffer can be used again. */
void ktlsd_buffer_free(struct ktlsd_buffer *buffer);

#endif
