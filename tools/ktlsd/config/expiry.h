/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When our certificates expire, and warnings before that. Main thread only. */
#ifndef KTLSD_EXPIRY_H
#define KTLSD_EXPIRY_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

#define KTLSD_EXPIRY_NEVER	INT64_MAX

enum {
	KTLSD_EXPIRY_PERIOD	= 600,	/* seconds between two checks */
};

/**
 * struct ktlsd_expiry_note - how far the warnings about an identity have got
 * @name: of the identity
 * @end: when its first certificate expires
 * @stage: how many of the limits were passed
 */
struct ktlsd_expiry_note {
	char		name[KTLSD_IDENTITY_MAX + 1];
	int64_t		end;
	unsigned int	stage;
};

/**
 * struct ktlsd_expiry - state of the warnings
 * @next: when the next check is due, seconds since the epoch
 * @generation: of the configuration at the last check
 * @notes: owned array
 * @count: how many
 *
 * Zeroed to begin with.
 */
struct ktlsd_expiry {
	int64_t				next;
	uint64_t			generation;
	struct ktlsd_expiry_note	*notes;
	size_t				count;
};

/* Return: when the first certificate of an identity expires, of those above it too; seconds
 * since the epoch; KTLSD_EXPIRY_NEVER if it has none.
 */
int64_t ktlsd_expiry_find(const struct ktlsd_identity *identity);

/* The same of all identities; *@ret_identity, which can be NULL, is the first to expire. */
int64_t ktlsd_expiry_nearest(const struct ktlsd_config *config,
			     const struct ktlsd_identity **ret_identity);

/* Return: when the last certificate of all identities begins to be valid, 0 without one;
 * *@ret_identity, which can be NULL, has it.
 */
int64_t ktlsd_expiry_last_begin(const struct ktlsd_config *config,
				const struct ktlsd_identity **ret_identity);

/**
 * ktlsd_expiry_step - log a warning for each certificate that is about to expire
 * @expiry: state; the same for all generations of the configuration
 * @config: in force
 * @now: seconds since the epoch
 *
 * Logs one line when 30, 7 and 1 days are left, and one when it has expired. It can be called
 * at any time and does nothing until the next check is due.
 */
void ktlsd_expiry_step(struct ktlsd_expiry *expiry, const struct ktlsd_config *config,
		       int64_t now);

void ktlsd_expiry_free(struct ktlsd_expiry *expiry);

#endif
