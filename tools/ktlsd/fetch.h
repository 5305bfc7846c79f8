/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fetching a configuration from the kernel, piece by piece, without waiting. */
#ifndef KTLSD_FETCH_H
#define KTLSD_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buffer.h"
#include "context.h"

enum {
	KTLSD_FETCH_HELD_MAX	= 32 << 20,	/* bytes in all fetches of a worker */
};

/**
 * struct ktlsd_fetch - one fetch
 * @held: the worker's account of bytes in fetches
 * @missing: bits of enum ktls_config_attr still to come
 * @current: the attribute being fetched, the lowest bit of @missing
 * @total: its size; 0 while unknown
 * @reserved: what this fetch has put on the account
 * @parts: what came in
 */
struct ktlsd_fetch {
	size_t			*held;
	uint32_t		missing;
	uint32_t		current;
	uint32_t		total;
	size_t			reserved;
	struct ktlsd_buffer	parts[KTLS_CONFIG_MAX + 1];
};

void ktlsd_fetch_init(struct ktlsd_fetch *fetch, uint32_t parts, size_t *held);

/* Return: true and what to ask for next, false when all is there. */
bool ktlsd_fetch_next(struct ktlsd_fetch *fetch, uint32_t *ret_attr,
		      uint32_t *ret_offset);

/**
 * ktlsd_fetch_take - a piece came in
 *
 * Return: 0, -EBADMSG if it is not what was asked for, -EMSGSIZE if it is too
 * long, -ENOBUFS if too much is held, -ENOMEM
 */
int ktlsd_fetch_take(struct ktlsd_fetch *fetch, const struct ktlsd_event *event);

/* Points into @fetch. */
void ktlsd_fetch_view(const struct ktlsd_fetch *fetch,
		      struct ktlsd_context_parts *ret_parts);

/* Wipes and frees; harmless when repeated. */
void ktlsd_fetch_free(struct ktlsd_fetch *fetch);

#endif
