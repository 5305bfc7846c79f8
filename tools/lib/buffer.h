/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A growing array of bytes with an upper bound, wiped when it goes. */
#ifndef KTLS_TOOLS_LIB_BUFFER_H
#define KTLS_TOOLS_LIB_BUFFER_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct ktlsd_buffer - bytes
 * @data: them; NULL while there is no room
 * @len: how many are there
 * @room: how many fit without growing
 *
 * Zeroed to begin with. Whoever holds it owns @data.
 */
struct ktlsd_buffer {
	uint8_t	*data;
	size_t	len;
	size_t	room;
};

/* Return: 0, -EMSGSIZE if it would hold more than @max bytes, -ENOMEM. */
int ktlsd_buffer_append(struct ktlsd_buffer *buffer, const void *data,
			size_t len, size_t max);

/* Wipes and frees; may be used again afterwards. */
void ktlsd_buffer_free(struct ktlsd_buffer *buffer);

#endif
