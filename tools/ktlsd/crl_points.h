/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CRLs from the distribution points that certificates name (RFC 5280 4.2.1.13). A handshake that
 * lacks one says so and does not wait; it is fetched, verified, kept on disk, fetched again
 * before its next update is due, and used by the handshakes that follow.
 */
#ifndef KTLSD_CRL_POINTS_H
#define KTLSD_CRL_POINTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "config/config.h"
#include "errands.h"
#include "store.h"

enum {
	KTLSD_CRL_POINTS_MAX		= 256,
	KTLSD_CRL_POINTS_BYTES		= 32 << 20,	/* of all; in memory seven times that */
	KTLSD_CRL_POINTS_WANTED		= 16,	/* that the thread has not seen yet */
	KTLSD_CRL_POINTS_WANTED_UID	= 4,	/* of them by one uid */
	KTLSD_CRL_POINTS_KEY		= 32,	/* bytes: SHA-256 */
	KTLSD_CRL_POINTS_FETCH_MS	= 60000,
	KTLSD_CRL_POINTS_FAILURES	= 8,	/* in a row, before one without a CRL is forgotten */
	KTLSD_CRL_POINTS_READ_FILES	= 32,	/* at a time, of the cache directory */
	KTLSD_CRL_POINTS_READ_BYTES	= 1 << 20,	/* likewise; one file may be longer */
};

#define KTLSD_CRL_POINTS_NOBODY		UINT64_MAX	/* user of a CRL that none has used yet */
#define KTLSD_CRL_POINTS_FOR_CA		'a'
#define KTLSD_CRL_POINTS_FOR_END	'e'

struct ktlsd_crl_points;

/**
 * struct ktlsd_crl_points_wanted - what a handshake has asked for
 * @key: hash of what follows
 * @tag: of the issuer, see ktlsd_crl_lookup_hash()
 * @issuer: a reference
 * @is_ca: for certificates of authorities, not of servers and clients
 * @user: for whom, see struct ktlsd_crl_view; not in @key
 * @url: of the CRL
 */
struct ktlsd_crl_points_wanted {
	uint8_t	key[KTLSD_CRL_POINTS_KEY];
	uint8_t	tag[KTLSD_CRLS_ISSUER];
	X509	*issuer;
	bool	is_ca;
	uint64_t user;
	char	url[KTLS_FETCH_URL_MAX];
};

/**
 * struct ktlsd_crl_points_item - a distribution point
 * @next: in the list
 * @errand: when it is to be fetched
 * @all: those that it belongs to
 * @what: issuer, URL and user
 * @name: of the issuer, for the log
 * @file: in the store
 * @fetched: the newest CRL; a reference, or NULL
 * @bytes: of it
 * @used: when it was wanted or used last, milliseconds of the monotonic clock
 * @turn: when its uid had its last turn to fetch: a number that grows
 * @last_id: of the request in that turn
 */
struct ktlsd_crl_points_item {
	struct ktlsd_crl_points_item	*next;
	struct ktlsd_errand		errand;
	struct ktlsd_crl_points		*all;
	struct ktlsd_crl_points_wanted	what;
	char				name[72];
	char				file[KTLSD_STORE_NAME];
	struct ktlsd_crl_fetched	*fetched;
	size_t				bytes;
	int64_t				used;
	int64_t				turn;
	uint64_t			last_id;
};

/**
 * struct ktlsd_crl_points - all of them
 * @errands: fetches them; its lock protects what follows up to @lock
 * @store: where they are kept
 * @items: list
 * @crls: who uses them; a reference, or NULL
 * @fetch: the configuration says so
 * @count: of items
 * @bytes: of all CRLs
 * @turn: the last one to fetch
 * @files: names of files that are not read yet
 * @file_count: how many
 * @evicted: how many had to make room
 * @full: that some had to make room was logged
 * @lock: protects what follows; may be taken under that of @errands
 * @keys: of all items, and of @wanted
 * @key_count: how many
 * @wanted: for the thread of the errands
 * @wanted_count: how many
 */
struct ktlsd_crl_points {
	struct ktlsd_errands		*errands;
	struct ktlsd_store		*store;
	struct ktlsd_crl_points_item	*items;
	struct ktlsd_crls		*crls;
	bool				fetch;
	unsigned int			count;
	size_t				bytes;
	int64_t				turn;
	char				(*files)[KTLSD_STORE_NAME];
	unsigned int			file_count;
	uint64_t			evicted;
	bool				full;
	pthread_mutex_t			lock;
	uint8_t				keys[KTLSD_CRL_POINTS_MAX + KTLSD_CRL_POINTS_WANTED]
					    [KTLSD_CRL_POINTS_KEY];
	unsigned int			key_count;
	struct ktlsd_crl_points_wanted	wanted[KTLSD_CRL_POINTS_WANTED];
	unsigned int			wanted_count;
};

/**
 * struct ktlsd_crl_points_sum - how they are
 * @count: distribution points known
 * @valid: those whose CRL is there, and not stale
 * @evicted: those that had to make room for others since the start
 * @expires: when the first CRL is stale, seconds since the epoch; 0 if there is none
 */
struct ktlsd_crl_points_sum {
	unsigned int	count;
	unsigned int	valid;
	uint64_t	evicted;
	int64_t		expires;
};

/* Before the thread of @errands is started, whose @prepare this takes. */
void ktlsd_crl_points_init(struct ktlsd_crl_points *points, struct ktlsd_errands *errands,
			   struct ktlsd_store *store);

/* Gives what is there to the CRLs of a configuration that is not yet shared between threads. At
 * first that is what is on disk, as much as is read fast; the thread reads the rest.
 */
void ktlsd_crl_points_adopt(struct ktlsd_crl_points *points,
			    const struct ktlsd_config *config);

/* A handshake of @user, see struct ktlsd_crl_view, has no CRL for @cert, whose issuer is trusted.
 * Returns at once. Any thread.
 */
void ktlsd_crl_points_want(struct ktlsd_crl_points *points, X509 *cert, X509 *issuer,
			   uint64_t user);

/* Computes @what->tag and @what->key from the rest. Return: 0 or -ENOMEM. */
int ktlsd_crl_points_hash(struct ktlsd_crl_points_wanted *what);

/* Forgets all. The thread of the errands has ended. */
void ktlsd_crl_points_free(struct ktlsd_crl_points *points);

struct ktlsd_crl_points_sum ktlsd_crl_points_count(struct ktlsd_crl_points *points);

#endif
