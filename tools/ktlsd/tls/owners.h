/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Things in a bounded table by the users whose they are. When the table is full, the user who has
 * the most makes room with his oldest. So nobody pushes out what others have.
 *
 * The caller holds the lock of the table.
 */
#ifndef KTLSD_OWNERS_H
#define KTLSD_OWNERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct ktlsd_owner;

TAILQ_HEAD(ktlsd_owned_list, ktlsd_owned);

/**
 * struct ktlsd_owned - a thing; embedded in it
 * @owner: whose it is
 * @by_age: in @owner->things
 * @age: when it was added or touched, on a scale of struct ktlsd_owners
 * @bytes: that it takes
 */
struct ktlsd_owned {
	struct ktlsd_owner		*owner;
	TAILQ_ENTRY(ktlsd_owned)	by_age;
	uint64_t			age;
	size_t				bytes;
};

/**
 * struct ktlsd_owner - a user who has things
 * @all: in the list of all
 * @uid: of the user
 * @count: how many things
 * @bytes: of all of them
 * @things: oldest first
 */
struct ktlsd_owner {
	LIST_ENTRY(ktlsd_owner)		all;
	uint32_t			uid;
	unsigned int			count;
	size_t				bytes;
	struct ktlsd_owned_list		things;
};

/**
 * struct ktlsd_owners - all things in a table
 * @all: users who have any
 * @count: how many things
 * @bytes: of all of them
 * @age: of the thing that was added or touched last
 *
 * Zeroed to begin with.
 */
struct ktlsd_owners {
	LIST_HEAD(, ktlsd_owner)	all;
	unsigned int			count;
	size_t				bytes;
	uint64_t			age;
};

/* What a table is short of. */
enum ktlsd_owners_need {
	KTLSD_OWNERS_COUNT,
	KTLSD_OWNERS_BYTES,
};

/* Adds a thing, the newest one of @uid. Return: 0 or -ENOMEM. */
int ktlsd_owners_add(struct ktlsd_owners *owners, struct ktlsd_owned *owned, uint32_t uid,
		     size_t bytes);

/* Removes a thing, and its owner with the last one. */
void ktlsd_owners_del(struct ktlsd_owners *owners, struct ktlsd_owned *owned);

/* The thing is the newest one of its owner now. */
void ktlsd_owners_touch(struct ktlsd_owners *owners, struct ktlsd_owned *owned);

/* The thing takes more bytes, or fewer if they are negative. */
void ktlsd_owners_resize(struct ktlsd_owners *owners, struct ktlsd_owned *owned, ptrdiff_t bytes);

/* Return: the oldest thing of the user with the most; of users with as much, that of the one whose
 * oldest thing is the oldest. NULL if there is none.
 */
struct ktlsd_owned *ktlsd_owners_victim(const struct ktlsd_owners *owners,
					enum ktlsd_owners_need need);

#endif
