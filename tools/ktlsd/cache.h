/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sessions of clients, to be resumed: bounded in number and bytes, timed, and
 * found by a fingerprint of all that has to be the same. Only sessions with a
 * verified server come here. Shared by all threads.
 */
#ifndef KTLSD_CACHE_H
#define KTLSD_CACHE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "fingerprint.h"

enum {
	KTLSD_CACHE_DEFAULT	= 1024,		/* sessions */
	KTLSD_CACHE_MAX		= 65536,	/* upper limit of session_cache */
	KTLSD_CACHE_BYTES	= 16 << 20,	/* of all that lies in it, about */
	KTLSD_CACHE_PER_KEY	= 4,		/* sessions with one fingerprint */
	KTLSD_CACHE_BUCKETS	= 1024,		/* a power of two */
};

/**
 * struct ktlsd_saved - a session that can be resumed
 * @refs: the last one frees and wipes it
 * @fingerprint: which handshakes may resume it
 * @der: the session as i2d_SSL_SESSION() wrote it: a secret
 * @der_len: bytes
 * @once: TLS 1.3: a ticket is used once
 * @since: when the full handshake was from which it descends, seconds since the epoch
 * @expires: seconds since the epoch
 * @presented: what the server presented at the full handshake
 * @chain: the chain that was verified then
 * @cost: bytes of all this, about
 * @newer: in the cache: added later; NULL for the newest
 * @older: likewise earlier
 * @next: in its bucket
 *
 * Immutable but for what the cache uses.
 */
struct ktlsd_saved {
	atomic_uint			refs;
	struct ktlsd_fingerprint	fingerprint;
	uint8_t				*der;
	size_t				der_len;
	bool				once;
	int64_t				since;
	int64_t				expires;
	STACK_OF(X509)			*presented;
	STACK_OF(X509)			*chain;
	size_t				cost;
	struct ktlsd_saved		*newer;
	struct ktlsd_saved		*older;
	struct ktlsd_saved		*next;
};

/**
 * struct ktlsd_cache - the cache
 * @lock: protects all of it
 * @max: sessions it may hold, 0 for none
 * @count: sessions in it
 * @bytes: sum of their costs
 * @newest: end of the list
 * @oldest: other end
 * @buckets: by fingerprint
 */
struct ktlsd_cache {
	pthread_mutex_t		lock;
	unsigned int		max;
	unsigned int		count;
	size_t			bytes;
	struct ktlsd_saved	*newest;
	struct ktlsd_saved	*oldest;
	struct ktlsd_saved	*buckets[KTLSD_CACHE_BUCKETS];
};

void ktlsd_cache_init(struct ktlsd_cache *cache, unsigned int max);
void ktlsd_cache_free(struct ktlsd_cache *cache);

/* Another bound, and nothing in it: after the configuration has changed. */
void ktlsd_cache_reset(struct ktlsd_cache *cache, unsigned int max);

/* Takes over the caller's reference. What does not fit is forgotten, oldest first. */
void ktlsd_cache_put(struct ktlsd_cache *cache, struct ktlsd_saved *saved);

/**
 * ktlsd_cache_take - a session to resume
 * @cache: the cache
 * @fingerprint: of the handshake that begins
 * @now: seconds since the epoch
 *
 * One that may be used once is out of the cache then.
 *
 * Return: a reference, or NULL
 */
struct ktlsd_saved *ktlsd_cache_take(struct ktlsd_cache *cache,
				     const struct ktlsd_fingerprint *fingerprint,
				     int64_t now);

/**
 * ktlsd_saved_new - a session, with one reference
 * @der: copied
 * @der_len: bytes
 * @presented: references are taken; may be NULL, as @chain
 * @chain: likewise; the session ends with the first of these certificates
 * @expires: seconds since the epoch
 *
 * The caller fills in the rest. Return: NULL if there is no memory, or a
 * certificate has no end.
 */
struct ktlsd_saved *ktlsd_saved_new(const uint8_t *der, size_t der_len,
				    STACK_OF(X509) *presented,
				    STACK_OF(X509) *chain, int64_t expires);
void ktlsd_saved_put(struct ktlsd_saved *saved);

/* When the first of these certificates ends, at most @limit; 0 if it is not clear. */
int64_t ktlsd_saved_chain_end(STACK_OF(X509) *chain, int64_t limit);

#endif
