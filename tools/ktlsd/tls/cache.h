/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sessions that clients can resume, looked up by a fingerprint of everything that must match.
 * The cache is bounded in number and bytes, and sessions expire. When it is full, the user with
 * the most makes room. Only sessions with a verified server are put here. Shared by all threads.
 */
#ifndef KTLSD_CACHE_H
#define KTLSD_CACHE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "tls/fingerprint.h"
#include "tls/owners.h"
#include "tls/saved_session.h"

enum {
	KTLSD_CACHE_BYTES	= 16 << 20,	/* of all sessions, estimated */
	KTLSD_CACHE_PER_KEY	= 4,		/* sessions with one fingerprint */
	KTLSD_CACHE_BUCKETS	= 1024,		/* a power of two */
};

/**
 * struct ktlsd_cache - the cache
 * @lock: protects all of it
 * @max: sessions it may hold, 0 for none
 * @owners: the sessions in it, by user
 * @buckets: by fingerprint
 */
struct ktlsd_cache {
	pthread_mutex_t			lock;
	unsigned int			max;
	struct ktlsd_owners		owners;
	struct ktlsd_saved_session	*buckets[KTLSD_CACHE_BUCKETS];
};

void ktlsd_cache_init(struct ktlsd_cache *cache, unsigned int max);
void ktlsd_cache_free(struct ktlsd_cache *cache);

/* Empties the cache and sets its bound, after the configuration changed. */
void ktlsd_cache_reset(struct ktlsd_cache *cache, unsigned int max);

/* Empties the cache. Return: how many sessions there were. */
unsigned int ktlsd_cache_flush(struct ktlsd_cache *cache);

/* How many sessions there are, and their estimated memory. */
void ktlsd_cache_measure(struct ktlsd_cache *cache, unsigned int *ret_count, size_t *ret_bytes);

/* Lets sessions rest: there has been nothing to do for a while. */
void ktlsd_cache_rest(struct ktlsd_cache *cache);

/* Takes over the caller's reference. If there are too many sessions, or they take too many bytes,
 * the oldest of the user with the most of that are removed.
 */
void ktlsd_cache_put(struct ktlsd_cache *cache, struct ktlsd_saved_session *saved);

/**
 * ktlsd_cache_take - a session to resume
 * @cache: the cache
 * @fingerprint: of the handshake that begins
 * @now: seconds since the epoch
 *
 * A session that can be used only once is removed.
 *
 * Return: a reference, for ktlsd_saved_session_wake(), or NULL
 */
struct ktlsd_saved_session *ktlsd_cache_take(struct ktlsd_cache *cache,
					     const struct ktlsd_fingerprint *fingerprint,
					     int64_t now);

#endif
