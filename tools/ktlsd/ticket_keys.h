/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keys that a server's tickets are sealed with. Nothing is stored for a
 * ticket: its key is derived from a master secret and the fingerprint of the
 * configuration it belongs to. Shared by all threads.
 */
#ifndef KTLSD_TICKET_KEYS_H
#define KTLSD_TICKET_KEYS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/log.h"
#include "fingerprint.h"
#include "ticket_used.h"

enum {
	KTLSD_TICKET_MASTER	= 32,
	KTLSD_TICKET_NAME	= 16,	/* as OpenSSL wants it */
	KTLSD_TICKET_LIFETIME_DEFAULT	= 7200,		/* seconds */
	KTLSD_TICKET_LIFETIME_MIN	= 60,
	KTLSD_TICKET_LIFETIME_MAX	= 604800,	/* RFC 8446 4.6.1 */
};

/**
 * struct ktlsd_ticket_keys - the master secrets
 * @lock: protects all of it
 * @lifetime: seconds that a master secret is used to seal, and then to open
 * @since: when @master[0] was made, seconds of the monotonic clock
 * @master: the one in use, and the one before it
 * @count: how many of them there are
 * @used: which tickets were used
 * @limit: of log lines
 */
struct ktlsd_ticket_keys {
	pthread_mutex_t	lock;
	unsigned int	lifetime;
	int64_t		since;
	uint8_t		master[2][KTLSD_TICKET_MASTER];
	unsigned int	count;
	struct ktlsd_ticket_used used;
	struct ktlsd_log_limit limit;
};

/**
 * struct ktlsd_ticket_key - what seals one configuration's tickets for a while
 * @name: tells which it is, and nobody else anything
 * @aes: AES-256-CBC
 * @hmac: HMAC-SHA-256
 */
struct ktlsd_ticket_key {
	uint8_t	name[KTLSD_TICKET_NAME];
	uint8_t	aes[32];
	uint8_t	hmac[32];
};

void ktlsd_ticket_keys_init(struct ktlsd_ticket_keys *keys, unsigned int lifetime);
void ktlsd_ticket_keys_free(struct ktlsd_ticket_keys *keys);
void ktlsd_ticket_keys_set_lifetime(struct ktlsd_ticket_keys *keys, unsigned int lifetime);

/* The key to seal with at time @now. Return: 0, or -EIO: OpenSSL cannot. */
int ktlsd_ticket_keys_current(struct ktlsd_ticket_keys *keys, int64_t now,
			      const struct ktlsd_fingerprint *fingerprint,
			      struct ktlsd_ticket_key *ret_key);

/**
 * ktlsd_ticket_keys_find - the key with which a ticket was sealed
 * @keys: the keys
 * @now: seconds of the monotonic clock
 * @name: in the ticket
 * @fingerprint: of the configuration that is presented with it
 * @ret_key: filled; the caller wipes it
 * @ret_renew: the master secret is not the one in use any more
 *
 * Return: 0, -ENOENT: it is too old, or of another configuration; -EIO.
 */
int ktlsd_ticket_keys_find(struct ktlsd_ticket_keys *keys, int64_t now,
			   const uint8_t *name,
			   const struct ktlsd_fingerprint *fingerprint,
			   struct ktlsd_ticket_key *ret_key, bool *ret_renew);

/* Numbers a ticket, see ktlsd_ticket_used_issue(). @uid: whose server issues it. */
void ktlsd_ticket_keys_number(struct ktlsd_ticket_keys *keys, int64_t now,
			      const struct ktlsd_fingerprint *fingerprint,
			      uint32_t uid, uint8_t *ret_id);

/* Is this the first time that a ticket is used? See ktlsd_ticket_used_mark(). */
bool ktlsd_ticket_keys_mark_used(struct ktlsd_ticket_keys *keys, int64_t now,
				 const struct ktlsd_fingerprint *fingerprint,
				 const uint8_t *id);

#endif
