// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "tls/cache.h"

enum {
	CACHE_REST_AT_ONCE	= 64,	/* sessions, while others wait for the lock */
};

static struct ktlsd_saved_session *cache_session(struct ktlsd_owned *owned)
{
	return (void *)((char *)owned - offsetof(struct ktlsd_saved_session, owned));
}

static struct ktlsd_saved_session **cache_bucket(struct ktlsd_cache *cache,
						 const struct ktlsd_fingerprint *fingerprint)
{
	uint32_t hash;

	memcpy(&hash, fingerprint->bytes, sizeof(hash));
	return &cache->buckets[hash & (KTLSD_CACHE_BUCKETS - 1)];
}

static bool cache_is(const struct ktlsd_saved_session *saved,
		     const struct ktlsd_fingerprint *fingerprint)
{
	return !memcmp(&saved->fingerprint, fingerprint, sizeof(*fingerprint));
}

/* Takes it out; the cache's reference is the caller's then. */
static void cache_remove(struct ktlsd_cache *cache, struct ktlsd_saved_session *saved)
{
	struct ktlsd_saved_session **slot = cache_bucket(cache, &saved->fingerprint);

	while (*slot != saved)
		slot = &(*slot)->next;
	*slot = saved->next;
	saved->next = NULL;
	ktlsd_owners_del(&cache->owners, &saved->owned);
}

static void cache_forget(struct ktlsd_cache *cache, struct ktlsd_saved_session *saved)
{
	cache_remove(cache, saved);
	ktlsd_saved_session_put(saved);
}

static void cache_forget_victim(struct ktlsd_cache *cache, enum ktlsd_owners_need need)
{
	cache_forget(cache, cache_session(ktlsd_owners_victim(&cache->owners, need)));
}

static void cache_forget_all(struct ktlsd_cache *cache)
{
	struct ktlsd_owner *owner;

	while ((owner = LIST_FIRST(&cache->owners.all)))
		cache_forget(cache, cache_session(TAILQ_FIRST(&owner->things)));
}

/* The bucket has the newest first, so what is too much comes last. */
static void cache_trim(struct ktlsd_cache *cache,
		       const struct ktlsd_fingerprint *fingerprint)
{
	struct ktlsd_saved_session *saved, *next;
	unsigned int same = 0;

	for (saved = *cache_bucket(cache, fingerprint); saved; saved = next) {
		next = saved->next;
		if (cache_is(saved, fingerprint) && ++same > KTLSD_CACHE_PER_KEY)
			cache_forget(cache, saved);
	}
	while (cache->owners.count > cache->max)
		cache_forget_victim(cache, KTLSD_OWNERS_COUNT);
	while (cache->owners.bytes > KTLSD_CACHE_BYTES)
		cache_forget_victim(cache, KTLSD_OWNERS_BYTES);
}

void ktlsd_cache_put(struct ktlsd_cache *cache, struct ktlsd_saved_session *saved)
{
	struct ktlsd_saved_session **slot;

	pthread_mutex_lock(&cache->lock);
	if (ktlsd_owners_add(&cache->owners, &saved->owned, saved->uid, saved->cost)) {
		ktlsd_saved_session_put(saved);
	} else {
		slot = cache_bucket(cache, &saved->fingerprint);
		saved->next = *slot;
		*slot = saved;
		cache_trim(cache, &saved->fingerprint);
	}
	pthread_mutex_unlock(&cache->lock);
}

struct ktlsd_saved_session *ktlsd_cache_take(struct ktlsd_cache *cache,
					     const struct ktlsd_fingerprint *fingerprint,
					     int64_t now)
{
	struct ktlsd_saved_session *saved, *next;

	pthread_mutex_lock(&cache->lock);
	for (saved = *cache_bucket(cache, fingerprint); saved; saved = next) {
		next = saved->next;
		if (!cache_is(saved, fingerprint))
			continue;
		if (ktlsd_clock_holds(saved->since, saved->expires, now))
			break;
		cache_forget(cache, saved);
	}
	if (saved && saved->once)
		cache_remove(cache, saved);
	else if (saved)
		atomic_fetch_add(&saved->refs, 1);
	pthread_mutex_unlock(&cache->lock);
	return saved;
}

/* Return: how many rest now and did not before, at most CACHE_REST_AT_ONCE. */
static unsigned int cache_rest_some(struct ktlsd_cache *cache)
{
	const struct ktlsd_owner *owner;
	struct ktlsd_owned *owned;
	unsigned int n = 0;

	pthread_mutex_lock(&cache->lock);
	LIST_FOREACH(owner, &cache->owners.all, all) {
		TAILQ_FOREACH_REVERSE(owned, &owner->things, ktlsd_owned_list, by_age) {
			if (n < CACHE_REST_AT_ONCE)
				n += ktlsd_saved_session_rest(cache_session(owned));
		}
	}
	pthread_mutex_unlock(&cache->lock);
	return n;
}

void ktlsd_cache_rest(struct ktlsd_cache *cache)
{
	while (cache_rest_some(cache) == CACHE_REST_AT_ONCE)
		;
}

void ktlsd_cache_measure(struct ktlsd_cache *cache, unsigned int *ret_count, size_t *ret_bytes)
{
	pthread_mutex_lock(&cache->lock);
	*ret_count = cache->owners.count;
	*ret_bytes = cache->owners.bytes;
	pthread_mutex_unlock(&cache->lock);
}

void ktlsd_cache_reset(struct ktlsd_cache *cache, unsigned int max)
{
	pthread_mutex_lock(&cache->lock);
	cache->max = max;
	cache_forget_all(cache);
	pthread_mutex_unlock(&cache->lock);
}

unsigned int ktlsd_cache_flush(struct ktlsd_cache *cache)
{
	unsigned int count;

	pthread_mutex_lock(&cache->lock);
	count = cache->owners.count;
	cache_forget_all(cache);
	pthread_mutex_unlock(&cache->lock);
	return count;
}

void ktlsd_cache_init(struct ktlsd_cache *cache, unsigned int max)
{
	memset(cache, 0, sizeof(*cache));
	pthread_mutex_init(&cache->lock, NULL);
	cache->max = max;
}

void ktlsd_cache_free(struct ktlsd_cache *cache)
{
	ktlsd_cache_reset(cache, 0);
	pthread_mutex_destroy(&cache->lock);
}
