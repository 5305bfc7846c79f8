/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fair shares of a bounded table. Users are as in struct ktlsd_crl_view: a uid, and for a server's
 * clients the network that they come from.
 *
 * When the table is full, the uid with the most makes room; within it, the network with the most:
 * what was not used for longest goes first. A user who would have the most himself replaces only
 * what none of his handshakes waits for. So nobody pushes out others by wanting many things, and
 * two users never push out each other in turns.
 *
 * Pure computation: the caller holds the lock of the table.
 */
#ifndef KTLSD_FAIR_H
#define KTLSD_FAIR_H

#include <stddef.h>
#include <stdint.h>

#define KTLSD_FAIR_UID		UINT64_C(0xffffffff00000000)	/* the part of a user */

/* What may be taken from its user. */
enum ktlsd_fair_hold {
	KTLSD_FAIR_FREE,	/* by anybody who has less, and by the user himself */
	KTLSD_FAIR_BUSY,	/* a handshake waits for it: only by somebody who has less */
	KTLSD_FAIR_STAYS,	/* by nobody */
};

/**
 * struct ktlsd_fair_thing - something that takes room
 * @what: the caller's
 * @user: whose it is
 * @weight: how much room it takes
 * @used: when it was used last; any scale
 * @hold: see there
 */
struct ktlsd_fair_thing {
	void			*what;
	uint64_t		user;
	size_t			weight;
	int64_t			used;
	enum ktlsd_fair_hold	hold;
};

/**
 * ktlsd_fair_choose - who makes room
 * @things: all that there are; sorted by this function
 * @count: how many
 * @user: who needs room
 * @need: how much
 *
 * Return: @what of the thing that has to go; NULL if @user has to do without
 */
void *ktlsd_fair_choose(struct ktlsd_fair_thing *things, size_t count, uint64_t user, size_t need);

#endif
