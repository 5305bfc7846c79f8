/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which tickets of a server were used: one of TLS 1.3 is good for one resumption (RFC
 * 8446 C.4). Tickets of one configuration are numbered in a series, and a bit is kept
 * for each of the newest; older ones lead to a full handshake. Memory is bounded, and
 * whose series take most of it loses one first: nobody uses up another's. Not locked.
 */
#ifndef KTLSD_TICKET_USED_H
#define KTLSD_TICKET_USED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fingerprint.h"

enum {
	KTLSD_TICKET_ID		= 16,		/* bytes, in each ticket */
	KTLSD_TICKET_USED_CHUNK	= 32768,	/* tickets that share an allocation */
	KTLSD_TICKET_USED_CHUNKS	= 32,		/* of a series: the newest million */
	KTLSD_TICKET_USED_BYTES	= 8 << 20,	/* of all series */
	KTLSD_TICKET_USED_BUCKETS	= 1024,		/* a power of two */
};

/**
 * struct ktlsd_ticket_used_owner - a user with servers
 * @next: another one
 * @uid: who it is
 * @bytes: of all its series
 * @newest: its series, the one used last first
 * @oldest: other end
 */
struct ktlsd_ticket_used_owner {
	struct ktlsd_ticket_used_owner		*next;
	uint32_t			uid;
	size_t				bytes;
	struct ktlsd_ticket_used_series	*newest;
	struct ktlsd_ticket_used_series	*oldest;
};

/**
 * struct ktlsd_ticket_used - all series
 * @buckets: by fingerprint
 * @owners: list
 * @bytes: of all
 * @forgotten: series that had to make room, since the beginning
 *
 * Zeroed to begin with.
 */
struct ktlsd_ticket_used {
	struct ktlsd_ticket_used_series	*buckets[KTLSD_TICKET_USED_BUCKETS];
	struct ktlsd_ticket_used_owner		*owners;
	size_t				bytes;
	uint64_t			forgotten;
};

/**
 * ktlsd_ticket_used_issue - number a ticket
 * @used: all series
 * @fingerprint: names the series
 * @uid: whose it is
 * @now: seconds
 * @ret_id: zeros if there is no memory: such a ticket is never good
 */
void ktlsd_ticket_used_issue(struct ktlsd_ticket_used *used,
			     const struct ktlsd_fingerprint *fingerprint,
			     uint32_t uid, int64_t now, uint8_t *ret_id);

/**
 * ktlsd_ticket_used_mark - is this the first time that a ticket is used?
 * @id: from a ticket of the series, which is authentic
 *
 * Return: false if it was used before, or cannot be told
 */
bool ktlsd_ticket_used_mark(struct ktlsd_ticket_used *used,
			    const struct ktlsd_fingerprint *fingerprint,
			    int64_t now, const uint8_t *id);

/* Forgets the series that had neither ticket nor use since @before. */
void ktlsd_ticket_used_expire(struct ktlsd_ticket_used *used, int64_t before);

void ktlsd_ticket_used_free(struct ktlsd_ticket_used *used);

#endif
