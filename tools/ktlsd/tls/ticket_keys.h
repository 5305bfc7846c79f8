/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys that seal the tickets of servers. They are derived from a master secret and the
 * fingerprint of the request, so none is stored. Shared by all threads.
 */
#ifndef KTLSD_TICKET_KEYS_H
#define KTLSD_TICKET_KEYS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/log.h"
#include "tls/fingerprint.h"
#include "tls/ticket_used.h"

enum {
	KTLSD_TICKET_MASTER	= 32,
	KTLSD_TICKET_NAME	= 16,	/* the size that OpenSSL requires */
};

/**
 * struct ktlsd_ticket_keys - the master secrets
 * @lock: protects all of it
 * @lifetime: seconds for which a master secret seals, and after that opens
 * @since: when @master[0] was made, seconds of the monotonic clock
 * @master: the current one and the previous one
 * @count: how many of them there are
 * @used: which tickets were accepted
 * @flushed: how often all of this was dropped on request
 * @limit: of log lines
 */
struct ktlsd_ticket_keys {
	pthread_mutex_t	lock;
	unsigned int	lifetime;
	int64_t		since;
	uint8_t		master[2][KTLSD_TICKET_MASTER];
	unsigned int	count;
	struct ktlsd_ticket_used used;
	uint64_t	flushed;
	struct ktlsd_log_limit limit;
};

/**
 * struct ktlsd_ticket_key - seals tickets with one fingerprint
 * @name: identifies the key; looks random to others
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

/* Replaces all keys: no ticket that was issued before is accepted. */
void ktlsd_ticket_keys_flush(struct ktlsd_ticket_keys *keys);

/* Return: how often that happened. */
uint64_t ktlsd_ticket_keys_flushed(struct ktlsd_ticket_keys *keys);

/* Fills in the key to seal with at @now. Return: 0, or -EIO if OpenSSL fails. */
int ktlsd_ticket_keys_current(struct ktlsd_ticket_keys *keys, int64_t now,
			      const struct ktlsd_fingerprint *fingerprint,
			      struct ktlsd_ticket_key *ret_key);

/**
 * ktlsd_ticket_keys_find - find the key with which a ticket was sealed
 * @keys: the keys
 * @now: seconds of the monotonic clock
 * @name: in the ticket
 * @fingerprint: of the request
 * @ret_key: filled; the caller wipes it
 * @ret_renew: the master secret is the previous one: issue a new ticket
 *
 * Return: 0, -ENOENT if the ticket is too old or has another fingerprint, -EIO
 */
int ktlsd_ticket_keys_find(struct ktlsd_ticket_keys *keys, int64_t now,
			   const uint8_t *name,
			   const struct ktlsd_fingerprint *fingerprint,
			   struct ktlsd_ticket_key *ret_key, bool *ret_renew);

/* Numbers a ticket, see ktlsd_ticket_used_issue(). @uid: owner of the server. */
void ktlsd_ticket_keys_number(struct ktlsd_ticket_keys *keys, int64_t now,
			      const struct ktlsd_fingerprint *fingerprint,
			      uint32_t uid, uint8_t *ret_id);

/* Marks a ticket as used, see ktlsd_ticket_used_mark(). */
bool ktlsd_ticket_keys_mark_used(struct ktlsd_ticket_keys *keys, int64_t now,
				 const struct ktlsd_fingerprint *fingerprint,
				 const uint8_t *id);

/* How often the tickets of a server were forgotten to bound memory: its clients did full
 * handshakes after that.
 */
uint64_t ktlsd_ticket_keys_forgotten(struct ktlsd_ticket_keys *keys);

#endif
