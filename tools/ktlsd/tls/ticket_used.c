// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "tls/ticket_used.h"

/**
 * struct ktlsd_ticket_used_series - tickets with one fingerprint
 * @next: in its bucket
 * @owned: what it counts for, with its chunks
 * @fingerprint: key
 * @serial: random, not 0: tells it from an earlier series with the same fingerprint
 * @issued: number of the next ticket
 * @touched: when a ticket was last issued or used
 * @chunks: a bit for each of the newest tickets, by number; NULL: none of them was used
 */
struct ktlsd_ticket_used_series {
	struct ktlsd_ticket_used_series	*next;
	struct ktlsd_owned		owned;
	struct ktlsd_fingerprint	fingerprint;
	uint64_t			serial;
	uint64_t			issued;
	int64_t				touched;
	uint8_t				*chunks[KTLSD_TICKET_USED_CHUNKS];
};

/* The id in a ticket, which only this process can read. */
struct ticket_used_id {
	uint64_t	serial;
	uint64_t	number;
};

_Static_assert(sizeof(struct ticket_used_id) == KTLSD_TICKET_ID, "a ticket's id");

static struct ktlsd_ticket_used_series *ticket_used_series(struct ktlsd_owned *owned)
{
	return (void *)((char *)owned - offsetof(struct ktlsd_ticket_used_series, owned));
}

static struct ktlsd_ticket_used_series **ticket_used_slot(struct ktlsd_ticket_used *used,
							  const struct ktlsd_fingerprint *fingerprint)
{
	struct ktlsd_ticket_used_series **slot;
	uint32_t hash;

	memcpy(&hash, fingerprint->bytes, sizeof(hash));
	slot = &used->buckets[hash & (KTLSD_TICKET_USED_BUCKETS - 1)];
	while (*slot && memcmp(&(*slot)->fingerprint, fingerprint, sizeof(*fingerprint)))
		slot = &(*slot)->next;
	return slot;
}

static void ticket_used_touch(struct ktlsd_ticket_used *used,
			      struct ktlsd_ticket_used_series *series, int64_t now)
{
	series->touched = now;
	ktlsd_owners_touch(&used->owners, &series->owned);
}

static void ticket_used_forget(struct ktlsd_ticket_used *used,
			       struct ktlsd_ticket_used_series *series)
{
	int i;

	*ticket_used_slot(used, &series->fingerprint) = series->next;
	ktlsd_owners_del(&used->owners, &series->owned);
	for (i = 0; i < KTLSD_TICKET_USED_CHUNKS; i++)
		free(series->chunks[i]);
	free(series);
}

/* Drops series of the user with the largest share, except @wanted. */
static void ticket_used_make_room(struct ktlsd_ticket_used *used,
				  const struct ktlsd_ticket_used_series *wanted)
{
	struct ktlsd_owned *victim;

	while (used->owners.bytes > KTLSD_TICKET_USED_BYTES) {
		victim = ktlsd_owners_victim(&used->owners, KTLSD_OWNERS_BYTES);
		if (victim == &wanted->owned)
			victim = TAILQ_NEXT(victim, by_age);
		if (!victim)
			return;
		ticket_used_forget(used, ticket_used_series(victim));
		used->forgotten++;
	}
}

static struct ktlsd_ticket_used_series *ticket_used_new(struct ktlsd_ticket_used *used,
							const struct ktlsd_fingerprint *fingerprint,
							uint32_t uid)
{
	struct ktlsd_ticket_used_series *series = calloc(1, sizeof(*series));

	if (!series || RAND_bytes((unsigned char *)&series->serial,
				  sizeof(series->serial)) != 1)
		goto free_series;
	series->serial |= 1;
	if (ktlsd_owners_add(&used->owners, &series->owned, uid,
			     sizeof(*series) + sizeof(*series->owned.owner)))
		goto free_series;
	series->fingerprint = *fingerprint;
	*ticket_used_slot(used, fingerprint) = series;
	ticket_used_make_room(used, series);
	return series;

free_series:
	free(series);
	return NULL;
}

/* Frees a chunk before its bits are used for new tickets. */
static void ticket_used_recycle(struct ktlsd_ticket_used *used,
				struct ktlsd_ticket_used_series *series)
{
	uint8_t **chunk;

	if (series->issued % KTLSD_TICKET_USED_CHUNK)
		return;
	chunk = &series->chunks[series->issued / KTLSD_TICKET_USED_CHUNK % KTLSD_TICKET_USED_CHUNKS];
	if (!*chunk)
		return;
	free(*chunk);
	*chunk = NULL;
	ktlsd_owners_resize(&used->owners, &series->owned, -(KTLSD_TICKET_USED_CHUNK / 8));
}

void ktlsd_ticket_used_issue(struct ktlsd_ticket_used *used,
			     const struct ktlsd_fingerprint *fingerprint,
			     uint32_t uid, int64_t now, uint8_t *ret_id)
{
	struct ktlsd_ticket_used_series *series = *ticket_used_slot(used, fingerprint);
	struct ticket_used_id id = { 0 };

	if (!series)
		series = ticket_used_new(used, fingerprint, uid);
	if (series) {
		ticket_used_touch(used, series, now);
		ticket_used_recycle(used, series);
		id.serial = series->serial;
		id.number = series->issued++;
	}
	memcpy(ret_id, &id, sizeof(id));
}

bool ktlsd_ticket_used_mark(struct ktlsd_ticket_used *used,
			    const struct ktlsd_fingerprint *fingerprint,
			    int64_t now, const uint8_t *id)
{
	struct ktlsd_ticket_used_series *series = *ticket_used_slot(used, fingerprint);
	uint64_t first, newest;
	struct ticket_used_id what;
	uint8_t **chunk, bit;

	memcpy(&what, id, sizeof(what));
	if (!series || what.serial != series->serial || what.number >= series->issued)
		return false;
	newest = (series->issued - 1) / KTLSD_TICKET_USED_CHUNK;
	first = newest < KTLSD_TICKET_USED_CHUNKS ? 0 : newest - KTLSD_TICKET_USED_CHUNKS + 1;
	if (what.number / KTLSD_TICKET_USED_CHUNK < first)
		return false;
	ticket_used_touch(used, series, now);
	chunk = &series->chunks[what.number / KTLSD_TICKET_USED_CHUNK % KTLSD_TICKET_USED_CHUNKS];
	if (!*chunk) {
		*chunk = calloc(1, KTLSD_TICKET_USED_CHUNK / 8);
		if (!*chunk)
			return false;
		ktlsd_owners_resize(&used->owners, &series->owned, KTLSD_TICKET_USED_CHUNK / 8);
		ticket_used_make_room(used, series);
	}
	bit = (uint8_t)(1 << what.number % 8);
	what.number = what.number % KTLSD_TICKET_USED_CHUNK / 8;
	if ((*chunk)[what.number] & bit)
		return false;
	(*chunk)[what.number] |= bit;
	return true;
}

/* Makes room for the bits up to @number. */
static void ticket_used_advance(struct ktlsd_ticket_used *used,
				struct ktlsd_ticket_used_series *series, uint64_t number)
{
	const uint64_t window = (uint64_t)KTLSD_TICKET_USED_CHUNK * KTLSD_TICKET_USED_CHUNKS;
	uint64_t chunk = KTLSD_TICKET_USED_CHUNK;

	/* Further back all chunks are used again. */
	if (number - series->issued > window)
		series->issued = (number - window) / chunk * chunk;
	while (series->issued <= number) {
		ticket_used_recycle(used, series);
		series->issued = (series->issued / chunk + 1) * chunk;
	}
	series->issued = number + 1;
}

bool ktlsd_ticket_used_mark_shared(struct ktlsd_ticket_used *used,
				   const struct ktlsd_fingerprint *fingerprint,
				   uint32_t uid, int64_t now, const uint8_t *id)
{
	struct ktlsd_ticket_used_series *series = *ticket_used_slot(used, fingerprint);
	struct ktlsd_fingerprint theirs = *fingerprint;
	struct ticket_used_id what;
	size_t i;

	memcpy(&what, id, sizeof(what));
	if (!what.serial || what.number >= UINT64_MAX / 2)
		return false;
	if (series && series->serial == what.serial)
		return ktlsd_ticket_used_mark(used, fingerprint, now, id);
	/* A series of its own, for each of theirs. */
	for (i = 0; i < sizeof(what.serial); i++)
		theirs.bytes[i] ^= id[i];
	series = *ticket_used_slot(used, &theirs);
	if (!series)
		series = ticket_used_new(used, &theirs, uid);
	if (!series)
		return false;
	series->serial = what.serial;
	if (what.number >= series->issued)
		ticket_used_advance(used, series, what.number);
	return ktlsd_ticket_used_mark(used, &theirs, now, id);
}

void ktlsd_ticket_used_expire(struct ktlsd_ticket_used *used, int64_t before)
{
	struct ktlsd_ticket_used_series *series, *next;
	unsigned int i;

	for (i = 0; i < KTLSD_TICKET_USED_BUCKETS; i++) {
		for (series = used->buckets[i]; series; series = next) {
			next = series->next;
			if (series->touched < before)
				ticket_used_forget(used, series);
		}
	}
}

void ktlsd_ticket_used_free(struct ktlsd_ticket_used *used)
{
	ktlsd_ticket_used_expire(used, INT64_MAX);
}
