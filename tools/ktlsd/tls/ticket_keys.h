/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys that seal the tickets of servers. They are derived from a secret (ticket_ring.h) and the
 * fingerprint of the request. Shared by all threads.
 */
#ifndef KTLSD_TICKET_KEYS_H
#define KTLSD_TICKET_KEYS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/log.h"
#include "tls/fingerprint.h"
#include "tls/ticket_ring.h"
#include "tls/ticket_used.h"

enum {
	KTLSD_TICKET_NAME	= 16,	/* the size that OpenSSL requires */
	KTLSD_TICKET_DERIVED	= 16,	/* a power of two */
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

/**
 * struct ktlsd_ticket_derived - a key that was derived
 * @begin: of the secret it comes from; 0 for none
 * @fingerprint: which servers it is for
 * @key: the key
 */
struct ktlsd_ticket_derived {
	int64_t				begin;
	struct ktlsd_fingerprint	fingerprint;
	struct ktlsd_ticket_key		key;
};

/**
 * struct ktlsd_ticket_keys - all keys
 * @lock: protects all of it, but for what is the main thread's
 * @lifetime: of tickets, seconds
 * @rotate: for how long a secret seals, seconds; 0: another host turns those in @directory
 * @directory: of the secrets, NULL if they are only here; main thread
 * @renew: those in it are to be replaced, as soon as that can be done; main thread
 * @trouble: why they could not be read or turned, "" if they could; main thread
 * @is_shared: there is a @directory, and the secrets are those in it
 * @ring: the secrets
 * @derived: keys that were used lately, by fingerprint
 * @used: which tickets were accepted
 * @flushed: how often the secrets were replaced on request
 * @limit: of log lines
 */
struct ktlsd_ticket_keys {
	pthread_mutex_t			lock;
	unsigned int			lifetime;
	unsigned int			rotate;
	char				*directory;
	bool				renew;
	char				trouble[KTLS_GENL_REASON_MAX + 1];
	bool				is_shared;
	struct ktlsd_ticket_ring	ring;
	struct ktlsd_ticket_derived	derived[KTLSD_TICKET_DERIVED];
	struct ktlsd_ticket_used	used;
	uint64_t			flushed;
	struct ktlsd_log_limit limit;
};

void ktlsd_ticket_keys_init(struct ktlsd_ticket_keys *keys, unsigned int lifetime);
void ktlsd_ticket_keys_free(struct ktlsd_ticket_keys *keys);

/**
 * ktlsd_ticket_keys_configure - take over a configuration; main thread
 * @keys: the keys
 * @lifetime: of tickets, seconds
 * @directory: of the secrets, or NULL; copied
 * @rotate: for how long each seals, seconds; 0: another host turns those in @directory
 *
 * ktlsd_ticket_keys_sync() has to follow.
 *
 * Return: 0 or -ENOMEM
 */
int ktlsd_ticket_keys_configure(struct ktlsd_ticket_keys *keys, unsigned int lifetime,
				const char *directory, unsigned int rotate);

/**
 * ktlsd_ticket_keys_sync - read and turn the secrets in the directory; main thread
 * @keys: the keys
 * @now: seconds since the epoch
 *
 * What fails is logged, once in a row; the secrets that are here stay in use, but not after their
 * time: then new ones are made, and not shared.
 */
void ktlsd_ticket_keys_sync(struct ktlsd_ticket_keys *keys, int64_t now);

/**
 * ktlsd_ticket_keys_flush - replace all keys; main thread
 * @keys: the keys
 * @fault: on error
 *
 * No ticket that was issued before is accepted. If the secrets in the directory cannot be
 * replaced, ktlsd_ticket_keys_sync() tries it again, and until then new ones are used that are not
 * shared. If another host turns them, they are read again, and the records of used tickets stay.
 *
 * Return: 0, -EALREADY if a secret that was read was in use before (tickets that were sealed with
 * it are accepted, but for those that were used), or another negative errno
 */
int ktlsd_ticket_keys_flush(struct ktlsd_ticket_keys *keys, struct ktlsd_fault *fault);

/* Return: how often that happened. */
uint64_t ktlsd_ticket_keys_flushed(struct ktlsd_ticket_keys *keys);

/* Fills in the key to seal with at @now. Return: 0, or -EIO if OpenSSL fails. */
int ktlsd_ticket_keys_current(struct ktlsd_ticket_keys *keys, int64_t now,
			      const struct ktlsd_fingerprint *fingerprint,
			      struct ktlsd_ticket_key *ret_key);

/**
 * ktlsd_ticket_keys_find - find the key with which a ticket was sealed
 * @keys: the keys
 * @now: seconds of the monotonic clock; secrets in a directory go by the time of day
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

/* Marks a ticket as used, see ktlsd_ticket_used_mark(); if keys are shared,
 * ktlsd_ticket_used_mark_shared(). @uid: owner of the server.
 */
bool ktlsd_ticket_keys_mark_used(struct ktlsd_ticket_keys *keys, int64_t now,
				 const struct ktlsd_fingerprint *fingerprint,
				 uint32_t uid, const uint8_t *id);

/* How often the tickets of a server were forgotten to bound memory: its clients did full
 * handshakes after that.
 */
uint64_t ktlsd_ticket_keys_forgotten(struct ktlsd_ticket_keys *keys);

#endif
