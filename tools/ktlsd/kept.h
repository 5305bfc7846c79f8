/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Engines of clients that are done, kept a while for the tickets that the kernel
 * passes on. Each holds the first traffic secrets of an open connection, so they
 * are few and go soon. Belongs to one worker.
 */
#ifndef KTLSD_KEPT_H
#define KTLSD_KEPT_H

#include <stddef.h>
#include <stdint.h>

#include "context.h"
#include "handshake.h"

enum {
	KTLSD_KEPT_MAX	= 1024,		/* engines of a worker */
	KTLSD_KEPT_MS	= 30000,	/* how long one waits */
};

/**
 * struct ktlsd_kept_engine - one of them
 * @newer: NULL for the newest
 * @older: NULL for the oldest
 * @next: in its bucket
 * @id: the request's
 * @deadline: milliseconds of the monotonic clock
 * @left: how many tickets are wanted still
 * @lifetime: bound of the sessions
 * @handshake: owned
 * @context: a reference
 */
struct ktlsd_kept_engine {
	struct ktlsd_kept_engine	*newer;
	struct ktlsd_kept_engine	*older;
	struct ktlsd_kept_engine	*next;
	uint64_t			id;
	int64_t				deadline;
	unsigned int			left;
	unsigned int			lifetime;
	struct ktlsd_handshake		*handshake;
	struct ktlsd_context		*context;
};

/**
 * struct ktlsd_kept - all of a worker
 * @newest: end of the list
 * @oldest: other end
 * @count: how many there are
 * @buckets: by id
 *
 * Zeroed to begin with.
 */
struct ktlsd_kept {
	struct ktlsd_kept_engine	*newest;
	struct ktlsd_kept_engine	*oldest;
	unsigned int			count;
	struct ktlsd_kept_engine	*buckets[256];
};

/**
 * ktlsd_kept_add - keep an engine
 * @kept: the worker's
 * @id: of its request
 * @hs: taken over, on failure too
 * @context: likewise the reference
 * @lifetime: of sessions, seconds
 * @now: milliseconds of the monotonic clock
 *
 * Too many: the oldest goes.
 */
void ktlsd_kept_add(struct ktlsd_kept *kept, uint64_t id, struct ktlsd_handshake *hs,
		    struct ktlsd_context *context, unsigned int lifetime, int64_t now);

/* A ticket came: makes a session of it in @cache, unless the engine is gone. */
void ktlsd_kept_ticket(struct ktlsd_kept *kept, uint64_t id, const uint8_t *body,
		       size_t len, struct ktlsd_cache *cache);

/* Forgets what is overdue. Return: milliseconds until the next, -1 for never. */
int ktlsd_kept_expire(struct ktlsd_kept *kept, int64_t now);

void ktlsd_kept_flush(struct ktlsd_kept *kept);

#endif
