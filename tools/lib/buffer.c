// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"

static int buffer_grow(struct ktlsd_buffer *buffer, size_t need, size_t max)
{
	size_t room = buffer->room ? buffer->room : 512;
	uint8_t *data;

	while (room < need)
		room *= 2;
	if (room > max)
		room = max;

	/* realloc() would free the old bytes without wiping them. */
	data = malloc(room);
	if (!data)
		return -ENOMEM;
	if (buffer->len)
		memcpy(data, buffer->data, buffer->len);
	if (buffer->data)
		explicit_bzero(buffer->data, buffer->room);
	free(buffer->data);
	buffer->data = data;
	buffer->room = room;
	return 0;
}

int ktlsd_buffer_append(struct ktlsd_buffer *buffer, const void *data,
			size_t len, size_t max)
{
	int err;

	if (len > max || buffer->len > max - len)
		return -EMSGSIZE;
	if (!len)
		return 0;
	if (buffer->len + len > buffer->room) {
		err = buffer_grow(buffer, buffer->len + len, max);
		if (err)
			return err;
	}
	memcpy(buffer->data + buffer->len, data, len);
	buffer->len += len;
	return 0;
}

void ktlsd_buffer_free(struct ktlsd_buffer *buffer)
{
	if (buffer->data)
		explicit_bzero(buffer->data, buffer->room);
	free(buffer->data);
	memset(buffer, 0, sizeof(*buffer));
}
