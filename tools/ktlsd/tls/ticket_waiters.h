/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Client handshakes that are complete and wait for NewSessionTicket messages. The kernel decrypts
 * the tickets and passes them on; each becomes a session in the cache. If the server sends none, a
 * waiter is freed at its deadline. It holds the first traffic secrets of an open connection, so
 * waiters are few and short-lived. Belongs to one worker; nothing here is locked.
 */
#ifndef KTLSD_TICKET_WAITERS_H
#define KTLSD_TICKET_WAITERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "quota.h"
#include "tls/cache.h"
#include "tls/context.h"
#include "tls/handshake.h"

enum {
	KTLSD_TICKET_WAITERS_MAX	= 1024,		/* of one worker */
	KTLSD_TICKET_WAITERS_MS		= 30000,	/* how long one waits */
};

/**
 * struct ktlsd_ticket_waiter - one of them
 * @newer: NULL for the newest
 * @older: NULL for the oldest
 * @next: in its bucket
 * @id: of the request
 * @deadline: milliseconds of the monotonic clock
 * @left: how many tickets it still waits for
 * @lifetime: upper limit for the sessions, seconds
 * @handshake: owned
 * @context: a reference
 * @hold: its memory
 */
struct ktlsd_ticket_waiter {
	struct ktlsd_ticket_waiter	*newer;
	struct ktlsd_ticket_waiter	*older;
	struct ktlsd_ticket_waiter	*next;
	uint64_t			id;
	int64_t				deadline;
	unsigned int			left;
	unsigned int			lifetime;
	struct ktlsd_handshake		*handshake;
	struct ktlsd_context		*context;
	struct ktlsd_quota_hold		hold;
};

/**
 * struct ktlsd_ticket_waiters - all of a worker
 * @newest: end of the list
 * @oldest: other end
 * @count: how many there are
 * @buckets: by id
 *
 * Zeroed to begin with.
 */
struct ktlsd_ticket_waiters {
	struct ktlsd_ticket_waiter	*newest;
	struct ktlsd_ticket_waiter	*oldest;
	unsigned int			count;
	struct ktlsd_ticket_waiter	*buckets[256];
};

/**
 * ktlsd_ticket_waiters_add - let a handshake wait for tickets
 * @waiters: of the worker
 * @id: of the request
 * @hs: complete; taken over, on failure too
 * @context: likewise the reference
 * @hold: likewise its memory
 * @lifetime: upper limit for the sessions, seconds
 * @now: milliseconds of the monotonic clock
 *
 * If there are too many, the oldest is freed.
 */
void ktlsd_ticket_waiters_add(struct ktlsd_ticket_waiters *waiters, uint64_t id,
			      struct ktlsd_handshake *hs, struct ktlsd_context *context,
			      struct ktlsd_quota_hold *hold, unsigned int lifetime,
			      int64_t now);

/* Makes a session in @cache from a ticket. Ignores it if no handshake @id is waiting. */
void ktlsd_ticket_waiters_receive(struct ktlsd_ticket_waiters *waiters, uint64_t id,
				  const uint8_t *body, size_t len, struct ktlsd_cache *cache);

/* Frees what is overdue. Return: milliseconds until the next is due, -1 for never. */
int ktlsd_ticket_waiters_expire(struct ktlsd_ticket_waiters *waiters, int64_t now);

void ktlsd_ticket_waiters_flush(struct ktlsd_ticket_waiters *waiters);

/* Frees the oldest of a user. Return: false if there is none. */
bool ktlsd_ticket_waiters_reclaim(struct ktlsd_ticket_waiters *waiters, uint32_t uid);

#endif
