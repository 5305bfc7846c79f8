/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The secrets from which ticket keys are derived: the previous, the current and the next one.
 * A timer rotates them. Kept in a directory they survive a restart of ktlsd, and hosts can share
 * them: each host has the next secret before any host seals tickets with it. Nothing here is
 * locked: struct ktlsd_ticket_keys has the lock of the ring that is in use.
 */
#ifndef KTLSD_TICKET_RING_H
#define KTLSD_TICKET_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "errors.h"

enum {
	KTLSD_TICKET_MASTER	= 32,	/* bytes */
	KTLSD_TICKET_RING_MAX	= 3,
};

/**
 * struct ktlsd_ticket_master - a secret
 * @begin: since when it seals, seconds
 * @secret: random
 */
struct ktlsd_ticket_master {
	int64_t	begin;
	uint8_t	secret[KTLSD_TICKET_MASTER];
};

/**
 * struct ktlsd_ticket_ring - all of them
 * @count: how many, 0 to begin with
 * @at: in the order in which they seal; the last one is the next
 */
struct ktlsd_ticket_ring {
	unsigned int			count;
	struct ktlsd_ticket_master	at[KTLSD_TICKET_RING_MAX];
};

/**
 * ktlsd_ticket_ring_turn - generate missing secrets, and drop expired ones
 * @ring: the secrets
 * @now: seconds
 * @rotate: for how long each one seals, seconds
 *
 * If the clock has jumped by more than @rotate, all are replaced.
 *
 * Return: 1 if there is a new secret, 0, or -EIO
 */
int ktlsd_ticket_ring_turn(struct ktlsd_ticket_ring *ring, int64_t now, unsigned int rotate);

/* Return: whether a secret is valid at @now. If none is, the ring has not been rotated for too
 * long, or the clock has jumped.
 */
bool ktlsd_ticket_ring_is_usable(const struct ktlsd_ticket_ring *ring, int64_t now,
				 unsigned int rotate);

/* Return: index of the secret that seals at @now. There must be one. */
unsigned int ktlsd_ticket_ring_current(const struct ktlsd_ticket_ring *ring, int64_t now);

/**
 * ktlsd_ticket_ring_sync - read the secrets in a directory, and turn them if it is time
 * @ring: replaced by what is in the directory; unchanged on error
 * @directory: others must not be able to write to it
 * @now: seconds since the epoch
 * @rotate: as above; 0: only read, another host turns them
 * @renew: replace all
 * @fault: on error
 *
 * Processes take turns by a lock, and wait for it for less than half a second; without it, secrets
 * that need not be turned yet are only read. The file is replaced as a whole.
 *
 * Return: 0 or a negative errno
 */
int ktlsd_ticket_ring_sync(struct ktlsd_ticket_ring *ring, const char *directory, int64_t now,
			   unsigned int rotate, bool renew, struct ktlsd_fault *fault);

/* Whether this user could do so with @directory, which is not changed. Return: 0, -ENOENT if it has
 * to be made, or another negative errno.
 */
int ktlsd_ticket_ring_check(const char *directory, unsigned int rotate, struct ktlsd_fault *fault);

#endif
