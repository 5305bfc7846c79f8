// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>

#include "shares.h"

static void shares_ring_init(struct ktlsd_ring *ring)
{
	TAILQ_INIT(&ring->fresh);
	TAILQ_INIT(&ring->turns);
	ring->streak = 0;
}

static bool shares_ring_is_empty(const struct ktlsd_ring *ring)
{
	return TAILQ_EMPTY(&ring->fresh) && TAILQ_EMPTY(&ring->turns);
}

static void shares_ring_add(struct ktlsd_share_list *list, struct ktlsd_share *share)
{
	if (share->on)
		TAILQ_REMOVE(share->on, share, turn);
	TAILQ_INSERT_TAIL(list, share, turn);
	share->on = list;
}

/* Return: the share whose turn it is, moved to the end of the ring; NULL for none. */
static struct ktlsd_share *shares_ring_next(struct ktlsd_ring *ring)
{
	struct ktlsd_share *share = TAILQ_FIRST(&ring->fresh);

	if (!share || (ring->streak >= KTLSD_SHARE_FRESH_MAX && !TAILQ_EMPTY(&ring->turns))) {
		share = TAILQ_FIRST(&ring->turns);
		ring->streak = 0;
	} else {
		ring->streak++;
	}
	if (share)
		shares_ring_add(&ring->turns, share);
	return share;
}

static struct ktlsd_share **shares_slot(struct ktlsd_shares *shares,
					const struct ktlsd_share *parent, uint32_t uid,
					const struct ktlsd_source *source)
{
	uint64_t hash = uid * 0x9e3779b97f4a7c15 ^ source->prefix * 0xc2b2ae3d27d4eb4f ^
			(uint64_t)source->kind << 40 ^ (parent ? 1ULL << 50 : 0);
	struct ktlsd_share **slot, *share;

	hash ^= hash >> 32;
	slot = &shares->buckets[(hash ^ hash >> 16) % KTLSD_SHARE_BUCKETS];
	for (; (share = *slot); slot = &share->next) {
		if (share->parent == parent && share->uid == uid &&
		    share->source.kind == source->kind &&
		    share->source.prefix == source->prefix)
			break;
	}
	return slot;
}

/* The source in the key of a uid's share. */
static const struct ktlsd_source shares_no_source;

static struct ktlsd_share *shares_get(struct ktlsd_shares *shares,
				      struct ktlsd_share *parent, uint32_t uid,
				      const struct ktlsd_source *source)
{
	struct ktlsd_share **slot = shares_slot(shares, parent, uid, source);
	struct ktlsd_share *share = *slot;

	if (share)
		return share;
	share = calloc(1, sizeof(*share));
	if (!share)
		return NULL;
	share->parent = parent;
	share->uid = uid;
	share->source = *source;
	TAILQ_INIT(&share->all);
	TAILQ_INIT(&share->waiting);
	TAILQ_INIT(&share->sources);
	shares_ring_init(&share->ring);
	TAILQ_INSERT_TAIL(parent ? &parent->sources : &shares->uids, share, sibling);
	*slot = share;
	return share;
}

/* Takes a share without work off its ring, and then its uid. */
static void shares_idle(struct ktlsd_share *share)
{
	for (; share && share->on && TAILQ_EMPTY(&share->waiting) &&
	       shares_ring_is_empty(&share->ring); share = share->parent) {
		TAILQ_REMOVE(share->on, share, turn);
		share->on = NULL;
	}
}

/* Frees a share without sessions, and then its uid. */
static void shares_trim(struct ktlsd_shares *shares, struct ktlsd_share *share)
{
	struct ktlsd_share *parent;

	while (share && TAILQ_EMPTY(&share->all) && TAILQ_EMPTY(&share->sources)) {
		parent = share->parent;
		*shares_slot(shares, parent, share->uid, &share->source) = share->next;
		TAILQ_REMOVE(parent ? &parent->sources : &shares->uids, share, sibling);
		free(share);
		share = parent;
	}
}

void ktlsd_shares_init(struct ktlsd_shares *shares)
{
	TAILQ_INIT(&shares->uids);
	shares_ring_init(&shares->ring);
}

int ktlsd_shares_add(struct ktlsd_shares *shares, struct ktlsd_place *place,
		     uint32_t uid, const struct ktlsd_source *source)
{
	struct ktlsd_share *user, *share;

	user = shares_get(shares, NULL, uid, &shares_no_source);
	if (!user)
		return -ENOMEM;
	share = shares_get(shares, user, uid, source);
	if (!share) {
		shares_trim(shares, user);
		return -ENOMEM;
	}
	TAILQ_INSERT_TAIL(&share->all, place, age);
	place->share = share;
	if (source->kind != KTLSD_SOURCE_CHECK) {
		share->count++;
		user->count++;
	}
	return 0;
}

static void shares_unready(struct ktlsd_place *place)
{
	if (!place->ready)
		return;
	TAILQ_REMOVE(&place->share->waiting, place, turn);
	place->ready = false;
	shares_idle(place->share);
}

void ktlsd_shares_del(struct ktlsd_shares *shares, struct ktlsd_place *place)
{
	struct ktlsd_share *share = place->share;

	if (!share)
		return;
	shares_unready(place);
	TAILQ_REMOVE(&share->all, place, age);
	if (share->source.kind != KTLSD_SOURCE_CHECK) {
		share->count--;
		share->parent->count--;
	}
	place->share = NULL;
	shares_trim(shares, share);
}

void ktlsd_shares_ready(struct ktlsd_shares *shares, struct ktlsd_place *place)
{
	struct ktlsd_share *share = place->share;

	if (place->ready)
		return;
	TAILQ_INSERT_TAIL(&share->waiting, place, turn);
	place->ready = true;
	for (; share && !share->on; share = share->parent)
		shares_ring_add(share->parent ? &share->parent->ring.fresh : &shares->ring.fresh,
				share);
}

bool ktlsd_shares_pending(const struct ktlsd_shares *shares)
{
	return !shares_ring_is_empty(&shares->ring);
}

struct ktlsd_place *ktlsd_shares_next(struct ktlsd_shares *shares)
{
	struct ktlsd_share *share = shares_ring_next(&shares->ring);
	struct ktlsd_place *place;

	if (!share)
		return NULL;
	share = shares_ring_next(&share->ring);
	place = TAILQ_FIRST(&share->waiting);
	shares_unready(place);
	return place;
}

static struct ktlsd_share *shares_largest(const struct ktlsd_share_list *list)
{
	struct ktlsd_share *share, *largest = NULL;

	TAILQ_FOREACH(share, list, sibling) {
		if (!largest || share->count > largest->count)
			largest = share;
	}
	return largest;
}

static unsigned int shares_count(struct ktlsd_shares *shares,
				 const struct ktlsd_share *parent, uint32_t uid,
				 const struct ktlsd_source *source)
{
	const struct ktlsd_share *share = *shares_slot(shares, parent, uid, source);

	return share ? share->count : 0;
}

struct ktlsd_place *ktlsd_shares_victim(struct ktlsd_shares *shares, uint32_t uid,
					const struct ktlsd_source *source)
{
	struct ktlsd_share *user = shares_largest(&shares->uids), *share;

	if (user && user->uid != uid &&
	    shares_count(shares, NULL, uid, &shares_no_source) + 1 >= user->count)
		user = *shares_slot(shares, NULL, uid, &shares_no_source);
	share = user ? shares_largest(&user->sources) : NULL;
	if (!share || (user->uid == uid &&
		       shares_count(shares, user, uid, source) >= share->count))
		return NULL;
	return TAILQ_FIRST(&share->all);
}
