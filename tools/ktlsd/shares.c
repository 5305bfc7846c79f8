// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>

#include "lib/clock.h"
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

/* Return: the first share of @ring->turns that has paid its debt; NULL for none. The loop does
 * not go round more often than quanta of processor time were used before.
 */
static struct ktlsd_share *shares_ring_pay(struct ktlsd_ring *ring)
{
	struct ktlsd_share *share;

	while ((share = TAILQ_FIRST(&ring->turns)) && share->debt > KTLSD_SHARE_QUANTUM_US) {
		share->debt -= KTLSD_SHARE_QUANTUM_US;
		shares_ring_add(&ring->turns, share);
	}
	if (share)
		share->debt = 0;
	return share;
}

/* Return: the share whose turn it is, moved to the end of the ring; NULL for none. */
static struct ktlsd_share *shares_ring_next(struct ktlsd_ring *ring)
{
	struct ktlsd_share *share = TAILQ_FIRST(&ring->fresh);

	if (!share || (ring->streak >= KTLSD_SHARE_FRESH_MAX && !TAILQ_EMPTY(&ring->turns))) {
		share = shares_ring_pay(ring);
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
		share->idle_at = ktlsd_clock_us();
	}
}

/* What a share owes, after the time in which it had no work to do. */
static int64_t shares_debt(const struct ktlsd_share *share, int64_t now)
{
	int64_t left = share->debt;

	if (!share->on)
		left -= (now - share->idle_at) / KTLSD_SHARE_FORGIVE;
	return left > 0 ? left : 0;
}

static bool shares_is_unused(const struct ktlsd_shares *shares,
			     const struct ktlsd_share *share)
{
	return TAILQ_EMPTY(&share->all) && TAILQ_EMPTY(&share->sources) &&
	       share != shares->running;
}

/* Frees a share without sessions, and then its uid. */
static void shares_drop(struct ktlsd_shares *shares, struct ktlsd_share *share)
{
	struct ktlsd_share *parent;

	while (share && shares_is_unused(shares, share)) {
		parent = share->parent;
		if (share->lingers) {
			TAILQ_REMOVE(&shares->lingering, share, linger);
			shares->linger_count--;
		}
		*shares_slot(shares, parent, share->uid, &share->source) = share->next;
		TAILQ_REMOVE(parent ? &parent->sources : &shares->uids, share, sibling);
		free(share);
		share = parent;
	}
}

static bool shares_owes(const struct ktlsd_share *share, int64_t now)
{
	return shares_debt(share, now) || (share->parent && shares_debt(share->parent, now));
}

/* Forgets those that owe nothing any more, and those that are too many. */
static void shares_expire(struct ktlsd_shares *shares, int64_t now)
{
	struct ktlsd_share *share;

	while ((share = TAILQ_FIRST(&shares->lingering)) &&
	       (shares->linger_count > KTLSD_SHARE_LINGER_MAX || !shares_owes(share, now)))
		shares_drop(shares, share);
}

/* A source without sessions lingers while it or its uid has a debt, else it is freed. */
static void shares_trim(struct ktlsd_shares *shares, struct ktlsd_share *share)
{
	int64_t now;

	if (!shares_is_unused(shares, share) || share->lingers)
		return;
	now = ktlsd_clock_us();
	if (!share->parent || !shares_owes(share, now)) {
		shares_drop(shares, share);
	} else {
		share->lingers = true;
		TAILQ_INSERT_TAIL(&shares->lingering, share, linger);
		shares->linger_count++;
	}
	shares_expire(shares, now);
}

void ktlsd_shares_init(struct ktlsd_shares *shares)
{
	TAILQ_INIT(&shares->uids);
	TAILQ_INIT(&shares->lingering);
	shares_ring_init(&shares->ring);
}

void ktlsd_shares_free(struct ktlsd_shares *shares)
{
	struct ktlsd_share *share;

	ktlsd_shares_charge(shares, 0);
	while ((share = TAILQ_FIRST(&shares->lingering)))
		shares_drop(shares, share);
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
	if (share->lingers) {
		TAILQ_REMOVE(&shares->lingering, share, linger);
		shares->linger_count--;
		share->lingers = false;
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

/* Puts a share that has work to do on its ring: one that owes less than the next comes first,
 * but not the one whose step runs, which is not charged for it yet.
 */
static void shares_wake(struct ktlsd_shares *shares, struct ktlsd_share *share, int64_t now)
{
	struct ktlsd_ring *ring = share->parent ? &share->parent->ring : &shares->ring;
	const struct ktlsd_share *next = TAILQ_FIRST(&ring->turns), *run = shares->running;
	bool first;

	share->debt = shares_debt(share, now);
	first = share->debt <= KTLSD_SHARE_QUANTUM_US || (next && share->debt <= next->debt);
	if (run && (share == run || share == run->parent))
		first = false;
	shares_ring_add(first ? &ring->fresh : &ring->turns, share);
}

void ktlsd_shares_ready(struct ktlsd_shares *shares, struct ktlsd_place *place)
{
	struct ktlsd_share *share = place->share;
	int64_t now;

	if (place->ready)
		return;
	TAILQ_INSERT_TAIL(&share->waiting, place, turn);
	place->ready = true;
	if (share->on)
		return;
	now = ktlsd_clock_us();
	for (; share && !share->on; share = share->parent)
		shares_wake(shares, share, now);
}

bool ktlsd_shares_pending(const struct ktlsd_shares *shares)
{
	return !shares_ring_is_empty(&shares->ring);
}

struct ktlsd_place *ktlsd_shares_next(struct ktlsd_shares *shares)
{
	struct ktlsd_share *share;
	struct ktlsd_place *place;

	ktlsd_shares_charge(shares, 0);
	share = shares_ring_next(&shares->ring);
	if (!share)
		return NULL;
	share = shares_ring_next(&share->ring);
	place = TAILQ_FIRST(&share->waiting);
	shares->running = share;
	shares_unready(place);
	return place;
}

static void shares_owe(struct ktlsd_share *share, int64_t us, int64_t now)
{
	share->debt += us;
	if (share->debt > KTLSD_SHARE_DEBT_MAX)
		share->debt = KTLSD_SHARE_DEBT_MAX;
	share->idle_at = now;
}

void ktlsd_shares_charge(struct ktlsd_shares *shares, int64_t us)
{
	struct ktlsd_share *share = shares->running;
	int64_t now;

	if (!share)
		return;
	shares->running = NULL;
	if (us > 0) {
		now = ktlsd_clock_us();
		shares_owe(share, us, now);
		shares_owe(share->parent, us, now);
	}
	shares_trim(shares, share);
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

struct ktlsd_place *ktlsd_shares_victim_of(struct ktlsd_shares *shares, uint32_t of,
					   uint32_t uid, const struct ktlsd_source *source)
{
	struct ktlsd_share *user = *shares_slot(shares, NULL, of, &shares_no_source);
	struct ktlsd_share *share = user ? shares_largest(&user->sources) : NULL;

	/* Only CHECKs. They end soon: no peer is involved. */
	if (!share || !share->count)
		return NULL;
	if (of == uid && shares_count(shares, user, uid, source) >= share->count)
		return NULL;
	return TAILQ_FIRST(&share->all);
}

struct ktlsd_place *ktlsd_shares_victim(struct ktlsd_shares *shares, uint32_t uid,
					const struct ktlsd_source *source)
{
	const struct ktlsd_share *user = shares_largest(&shares->uids);

	if (!user || shares_count(shares, NULL, uid, &shares_no_source) + 1 >= user->count)
		return ktlsd_shares_victim_of(shares, uid, uid, source);
	return ktlsd_shares_victim_of(shares, user->uid, uid, source);
}
