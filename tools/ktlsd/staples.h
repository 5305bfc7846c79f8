/* SPDX-License-Identifier: GPL-2.0-or-later */
/* OCSP responses for our own certificates, which servers staple: fetched ahead of need, verified
 * as clients verify them, kept on disk, and fetched again before they expire.
 */
#ifndef KTLSD_STAPLES_H
#define KTLSD_STAPLES_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "config/staple.h"
#include "errands.h"
#include "store.h"
#include "tls/ocsp.h"

enum {
	KTLSD_STAPLES_FETCH_MS	= 10000,	/* how long ktls-fetch tries */
};

struct ktlsd_staples_item;

/**
 * struct ktlsd_staples - all of them
 * @errands: fetches them; its lock protects @items
 * @store: where they are kept
 * @items: list
 */
struct ktlsd_staples {
	struct ktlsd_errands		*errands;
	struct ktlsd_store		*store;
	struct ktlsd_staples_item	*items;
};

/**
 * struct ktlsd_staples_sum - how they are
 * @count: certificates for which responses are fetched
 * @valid: those that have a response that can be sent
 * @revoked: of @valid: the response says so
 */
struct ktlsd_staples_sum {
	unsigned int	count;
	unsigned int	valid;
	unsigned int	revoked;
};

void ktlsd_staples_init(struct ktlsd_staples *staples, struct ktlsd_errands *errands,
			struct ktlsd_store *store);

/**
 * ktlsd_staples_adopt - fetch for the identities of a configuration, and no others
 * @staples: what was fetched before is used again, or read from the disk
 * @config: not yet shared between threads; gets the staples of its identities
 *
 * Logs which certificates cannot be stapled, and which have to be and are not.
 */
void ktlsd_staples_adopt(struct ktlsd_staples *staples, struct ktlsd_config *config);

/* Logs what ktlsd_staples_adopt() would, without fetching anything. */
void ktlsd_staples_check(const struct ktlsd_config *config);

/* Forgets all. The thread of the errands has ended. */
void ktlsd_staples_free(struct ktlsd_staples *staples);

struct ktlsd_staples_sum ktlsd_staples_count(struct ktlsd_staples *staples);

/* Return: when the first response of an identity expires, seconds since the epoch; 0 if a
 * certificate has none, -1 if nothing is stapled.
 */
int64_t ktlsd_staples_expiry(const struct ktlsd_identity *identity);

#endif
