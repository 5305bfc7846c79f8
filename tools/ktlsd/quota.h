/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bounds on the memory that requests make ktlsd use: of all users together, and of each. One
 * user can have half of it. What is counted: sessions, what they fetch from the kernel, SSL_CTX
 * objects and trust anchors, also those that are only cached. The numbers are estimates.
 *
 * Shared by all workers; any thread.
 */
#ifndef KTLSD_QUOTA_H
#define KTLSD_QUOTA_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

enum {
	KTLSD_QUOTA_BUCKETS	= 256,	/* a power of two */
};

/**
 * struct ktlsd_quota_user - a user who has memory
 * @next: in its bucket
 * @uid: key
 * @bytes: how much
 */
struct ktlsd_quota_user {
	struct ktlsd_quota_user	*next;
	uint32_t		uid;
	size_t			bytes;
};

/**
 * struct ktlsd_quota - the account of all users
 * @lock: protects the rest
 * @max: what all can have together
 * @bytes: what they have
 * @buckets: users, by uid
 */
struct ktlsd_quota {
	pthread_mutex_t		lock;
	size_t			max;
	size_t			bytes;
	struct ktlsd_quota_user	*buckets[KTLSD_QUOTA_BUCKETS];
};

/**
 * struct ktlsd_quota_hold - memory that something has
 * @quota: where it is counted; NULL: nowhere
 * @uid: on whose account
 * @bytes: how much
 *
 * Embedded in what has the memory. Zeroed to begin with.
 */
struct ktlsd_quota_hold {
	struct ktlsd_quota	*quota;
	uint32_t		uid;
	size_t			bytes;
};

void ktlsd_quota_init(struct ktlsd_quota *quota, size_t max);

/* After all holds are released. */
void ktlsd_quota_destroy(struct ktlsd_quota *quota);

/* What is held stays, even if it is more. */
void ktlsd_quota_set_max(struct ktlsd_quota *quota, size_t max);

/**
 * ktlsd_quota_take - count more memory
 * @hold: gets it
 * @bytes: how much
 *
 * Return: 0, -EDQUOT if the user would have more than half of all, -ENOBUFS if all users
 * together would have too much, -ENOMEM
 */
int ktlsd_quota_take(struct ktlsd_quota_hold *hold, size_t bytes);

/* Releases all of it. Can be called again. */
void ktlsd_quota_release(struct ktlsd_quota_hold *hold);

/* Moves all of it to @to, which holds nothing. */
void ktlsd_quota_move(struct ktlsd_quota_hold *from, struct ktlsd_quota_hold *to);

/* Return: what a user has. */
size_t ktlsd_quota_used(struct ktlsd_quota *quota, uint32_t uid);

/**
 * struct ktlsd_quota_sum - the account at a glance
 * @max: what all users can have together
 * @bytes: what they have
 * @most: what the user has who has the most
 * @users: how many have any
 */
struct ktlsd_quota_sum {
	size_t		max;
	size_t		bytes;
	size_t		most;
	unsigned int	users;
};

struct ktlsd_quota_sum ktlsd_quota_measure(struct ktlsd_quota *quota);

#endif
