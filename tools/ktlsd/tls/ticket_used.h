/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which TLS 1.3 tickets of servers were used: each is accepted once (RFC 8446 C.4). Tickets
 * with the same fingerprint form a series and are numbered in it; a bitmap covers the newest
 * million of a series. Older tickets lead to a full handshake. Memory is bounded: when it runs
 * out, the user whose series take most of it loses its oldest one. The lock of struct
 * ktlsd_ticket_keys protects all of it, whichever thread calls.
 */
#ifndef KTLSD_TICKET_USED_H
#define KTLSD_TICKET_USED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tls/fingerprint.h"
#include "tls/owners.h"

struct ktlsd_ticket_used_series;

enum {
	KTLSD_TICKET_ID		= 16,		/* bytes, in each ticket */
	KTLSD_TICKET_USED_CHUNK	= 32768,	/* tickets that share an allocation */
	KTLSD_TICKET_USED_CHUNKS	= 32,		/* of a series: the newest million */
	KTLSD_TICKET_USED_BYTES	= 8 << 20,	/* of all series */
	KTLSD_TICKET_USED_BUCKETS	= 1024,		/* a power of two */
};

/**
 * struct ktlsd_ticket_used - all series
 * @buckets: by fingerprint
 * @owners: all of them by user; the oldest were not used for longest
 * @forgotten: series that were dropped for lack of memory, since the start
 *
 * Zeroed to begin with.
 */
struct ktlsd_ticket_used {
	struct ktlsd_ticket_used_series	*buckets[KTLSD_TICKET_USED_BUCKETS];
	struct ktlsd_owners		owners;
	uint64_t			forgotten;
};

/**
 * ktlsd_ticket_used_issue - number a ticket
 * @used: all series
 * @fingerprint: names the series
 * @uid: owner of the server
 * @now: seconds
 * @ret_id: goes into the ticket; zeros without memory: such a ticket is never accepted
 */
void ktlsd_ticket_used_issue(struct ktlsd_ticket_used *used,
			     const struct ktlsd_fingerprint *fingerprint,
			     uint32_t uid, int64_t now, uint8_t *ret_id);

/**
 * ktlsd_ticket_used_mark - mark a ticket as used
 * @used: all series
 * @fingerprint: names the series
 * @now: seconds
 * @id: from an authentic ticket of the series
 *
 * Return: true if it was not used before; false if it was, or if that is not known
 */
bool ktlsd_ticket_used_mark(struct ktlsd_ticket_used *used,
			    const struct ktlsd_fingerprint *fingerprint,
			    int64_t now, const uint8_t *id);

/**
 * ktlsd_ticket_used_mark_shared - the same, for a ticket that another process may have issued
 * @used: all series
 * @fingerprint: of the server
 * @uid: owner of the server
 * @now: seconds
 * @id: from an authentic ticket
 *
 * The first use that this process sees of such a ticket counts as the first. A record that was
 * dropped for lack of memory begins anew.
 *
 * Return: true if it was not used before, as far as this process knows
 */
bool ktlsd_ticket_used_mark_shared(struct ktlsd_ticket_used *used,
				   const struct ktlsd_fingerprint *fingerprint,
				   uint32_t uid, int64_t now, const uint8_t *id);

/* Frees the series from which no ticket was issued or used since @before. */
void ktlsd_ticket_used_expire(struct ktlsd_ticket_used *used, int64_t before);

void ktlsd_ticket_used_free(struct ktlsd_ticket_used *used);

#endif
