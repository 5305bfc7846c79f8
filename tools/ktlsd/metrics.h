/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a worker counts. Only its thread writes; other threads read at any time, without a
 * lock, and see numbers that may be a moment apart.
 */
#ifndef KTLSD_METRICS_H
#define KTLSD_METRICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "errors.h"

enum {
	KTLSD_METRICS_BUCKETS		= 16,	/* upper bounds of a histogram, besides infinity */
	KTLSD_METRICS_IDENTITIES	= 2048,	/* slots for names; a power of two */
	KTLSD_METRICS_NAMES		= 1536,	/* of them in use at most */
};

/* Why handshakes fail, for those who watch many of them. */
enum ktlsd_metrics_reason {
	KTLSD_FAILED_CERTIFICATE,	/* the peer's certificate was refused */
	KTLSD_FAILED_ALERT,		/* the peer sent an alert */
	KTLSD_FAILED_PROTOCOL,		/* the peer broke the protocol, or has nothing in common */
	KTLSD_FAILED_TIMEOUT,
	KTLSD_FAILED_IDENTITY,		/* it does not exist, or could not be loaded */
	KTLSD_FAILED_ACCESS,		/* ktlsd.conf forbids it to the program */
	KTLSD_FAILED_OPTIONS,		/* the program's options cannot be used */
	KTLSD_FAILED_RESOURCES,		/* memory, or max_sessions */
	KTLSD_FAILED_OTHER,
	KTLSD_FAILED_COUNT,
};

/* Events beside the handshakes themselves. */
enum ktlsd_metrics_event {
	KTLSD_EVENT_CACHE_HIT,
	KTLSD_EVENT_CACHE_MISS,
	KTLSD_EVENT_TICKET_ISSUED,
	KTLSD_EVENT_TICKET_ACCEPTED,
	KTLSD_EVENT_TICKET_REFUSED,
	KTLSD_EVENT_PAUSE,
	KTLSD_EVENT_STAPLE,
	KTLSD_EVENT_LOG_SUPPRESSED,
	KTLSD_EVENT_COUNT,
};

/* What private keys are used for, by kind of key. */
enum ktlsd_metrics_key {
	KTLSD_KEY_RSA,
	KTLSD_KEY_RSA_PSS,
	KTLSD_KEY_EC,
	KTLSD_KEY_ED25519,
	KTLSD_KEY_ED448,
	KTLSD_KEY_RSA_DECRYPT,		/* RSA key transport */
	KTLSD_KEY_COUNT,
};

/* How that ended. */
enum ktlsd_metrics_use {
	KTLSD_USE_DONE,
	KTLSD_USE_REFUSED,		/* by the signer: the key is gone, or the text is none of TLS */
	KTLSD_USE_FAILED,		/* too many at a time, the handshake ended, or the signer did */
	KTLSD_USE_COUNT,
};

/* What a worker has just now. */
enum ktlsd_metrics_level {
	KTLSD_LEVEL_CONTEXTS,
	KTLSD_LEVEL_CONTEXT_BYTES,
	KTLSD_LEVEL_FETCH_BYTES,
	KTLSD_LEVEL_TICKET_WAITERS,
	KTLSD_LEVEL_COUNT,
};

/**
 * struct ktlsd_metrics_handshakes - handshakes of one role
 * @started: each ends in one of the others
 * @done: succeeded
 * @cancelled: ended by the program or the kernel
 * @failed: by reason
 */
struct ktlsd_metrics_handshakes {
	atomic_uint_fast64_t	started;
	atomic_uint_fast64_t	done;
	atomic_uint_fast64_t	cancelled;
	atomic_uint_fast64_t	failed[KTLSD_FAILED_COUNT];
};

/**
 * struct ktlsd_metrics_histogram - how long something took
 * @counts: how often, by upper bound; the last is for longer
 * @microseconds: sum
 */
struct ktlsd_metrics_histogram {
	atomic_uint_fast64_t	counts[KTLSD_METRICS_BUCKETS + 1];
	atomic_uint_fast64_t	microseconds;
};

/**
 * struct ktlsd_metrics_uses - uses of private keys of one kind
 * @durations: of those that succeeded
 * @counts: by enum ktlsd_metrics_use
 */
struct ktlsd_metrics_uses {
	struct ktlsd_metrics_histogram	durations;
	atomic_uint_fast64_t		counts[KTLSD_USE_COUNT];
};

/**
 * struct ktlsd_metrics_identity - handshakes with one identity
 * @roles: client, server
 * @name: of the identity
 */
struct ktlsd_metrics_identity {
	struct ktlsd_metrics_handshakes roles[2];
	char				name[];
};

/**
 * struct ktlsd_metrics - the numbers of a worker
 * @roles: client, server
 * @durations: of complete handshakes, by role, full or resumed
 * @keys: by enum ktlsd_metrics_key
 * @events: by enum ktlsd_metrics_event
 * @levels: by enum ktlsd_metrics_level
 * @identities: hash table; an entry stays until ktlsd_metrics_free()
 * @names: entries in it
 *
 * Zeroed to begin with.
 */
struct ktlsd_metrics {
	struct ktlsd_metrics_handshakes		roles[2];
	struct ktlsd_metrics_histogram		durations[2][2];
	struct ktlsd_metrics_uses		keys[KTLSD_KEY_COUNT];
	atomic_uint_fast64_t			events[KTLSD_EVENT_COUNT];
	atomic_uint_fast64_t			levels[KTLSD_LEVEL_COUNT];
	_Atomic(struct ktlsd_metrics_identity *) identities[KTLSD_METRICS_IDENTITIES];
	unsigned int				names;
};

/**
 * struct ktlsd_metrics_span - one handshake, from its beginning to its end
 * @open: it has begun, and not ended
 * @is_server: role
 * @begun: microseconds of the monotonic clock
 * @identity: numbers of its identity, or NULL
 * @settled: counted there as started
 *
 * Zeroed to begin with; without ktlsd_metrics_begin() nothing is counted.
 */
struct ktlsd_metrics_span {
	bool				open;
	bool				is_server;
	int64_t				begun;
	struct ktlsd_metrics_handshakes	*identity;
	bool				settled;
};

/* Upper bounds of the histograms' buckets, in microseconds. */
extern const uint32_t ktlsd_metrics_bounds[KTLSD_METRICS_BUCKETS];

void ktlsd_metrics_free(struct ktlsd_metrics *metrics);

void ktlsd_metrics_begin(struct ktlsd_metrics *metrics, struct ktlsd_metrics_span *span,
			 bool is_server);

/* The handshake uses an identity of ktlsd.conf; the last one before it is settled counts, or
 * ends. Names that programs make up do not belong here: each takes memory.
 */
void ktlsd_metrics_identify(struct ktlsd_metrics *metrics, struct ktlsd_metrics_span *span,
			    const char *name);

/* The identity is final: the server name is known. */
void ktlsd_metrics_settle(struct ktlsd_metrics_span *span);

/* The handshake ends. Does nothing if it has ended. */
void ktlsd_metrics_done(struct ktlsd_metrics *metrics, struct ktlsd_metrics_span *span,
			bool resumed);
void ktlsd_metrics_fail(struct ktlsd_metrics *metrics, struct ktlsd_metrics_span *span,
			const struct ktlsd_fault *fault);
void ktlsd_metrics_cancel(struct ktlsd_metrics *metrics, struct ktlsd_metrics_span *span);

/* A handshake that was refused before it had begun. */
void ktlsd_metrics_refuse(struct ktlsd_metrics *metrics, bool is_server,
			  const struct ktlsd_fault *fault);

/* A private key of kind @name (as OpenSSL names it) was used, from @begun, microseconds of the
 * monotonic clock, until now.
 */
void ktlsd_metrics_use_key(struct ktlsd_metrics *metrics, const char *name, bool decrypt,
			   enum ktlsd_metrics_use use, int64_t begun);

void ktlsd_metrics_count(struct ktlsd_metrics *metrics, enum ktlsd_metrics_event event,
			 unsigned int times);
void ktlsd_metrics_set(struct ktlsd_metrics *metrics, enum ktlsd_metrics_level level,
		       uint64_t value);

/* Return: the class of a failure. */
enum ktlsd_metrics_reason ktlsd_metrics_classify(const struct ktlsd_fault *fault);

/* Return: its word, for a label. */
const char *ktlsd_metrics_reason_word(enum ktlsd_metrics_reason reason);

#endif
