/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fetches the configuration of a socket from the kernel, piece by piece and without blocking.
 * Belongs to the thread of the worker.
 */
#ifndef KTLSD_FETCH_H
#define KTLSD_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buffer.h"
#include "quota.h"
#include "tls/context.h"

/**
 * struct ktlsd_fetch - one fetch
 * @hold: memory of the parts whose size is known
 * @held: sum of @reserved of all fetches of the worker
 * @missing: bits of enum ktls_config_attr that are still to be fetched
 * @current: the attribute that is being fetched, the lowest bit of @missing
 * @total: its size; 0 while unknown
 * @reserved: bytes of the parts whose size is known
 * @parts: the parts, as far as they were received
 */
struct ktlsd_fetch {
	struct ktlsd_quota_hold	hold;
	size_t			*held;
	uint32_t		missing;
	uint32_t		current;
	uint32_t		total;
	size_t			reserved;
	struct ktlsd_buffer	parts[KTLS_CONFIG_MAX + 1];
};

/* @hold: where to count its memory; holds none itself */
void ktlsd_fetch_init(struct ktlsd_fetch *fetch, uint32_t parts, size_t *held,
		      const struct ktlsd_quota_hold *hold);

/* Return: true and what to ask for next, false when the configuration is complete. */
bool ktlsd_fetch_next(struct ktlsd_fetch *fetch, uint32_t *ret_attr,
		      uint32_t *ret_offset);

/**
 * ktlsd_fetch_take - receive a piece
 *
 * Return: 0, -EBADMSG if it is not the piece that was asked for, -EMSGSIZE if the part is too
 * long, or as ktlsd_quota_take(): then try again when somebody has made room
 */
int ktlsd_fetch_take(struct ktlsd_fetch *fetch, const struct ktlsd_event *event);

/* Fills @ret_parts, which point into @fetch. */
void ktlsd_fetch_view(const struct ktlsd_fetch *fetch,
		      struct ktlsd_context_parts *ret_parts);

/* Wipes and frees the parts. Can be called again. */
void ktlsd_fetch_free(struct ktlsd_fetch *fetch);

#endif
