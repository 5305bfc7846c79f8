// SPDX-License-Identifier: GPL-2.0-or-later
#include "crl_room.h"
#include "fair.h"

static bool crl_room_is_of(const struct ktlsd_crl_points_item *item, uint64_t user, uint64_t mask)
{
	return !((item->what.user ^ user) & mask);
}

static size_t crl_room_count(const struct ktlsd_crl_points *points, uint64_t user, uint64_t mask)
{
	const struct ktlsd_crl_points_item *item;
	size_t count = 0;

	for (item = points->items; item; item = item->next)
		count += crl_room_is_of(item, user, mask);
	return count;
}

struct ktlsd_crl_points_item *ktlsd_crl_room_choose(struct ktlsd_crl_points *points, uint64_t user,
						    size_t bytes,
						    const struct ktlsd_crl_points_item *except)
{
	struct ktlsd_fair_thing things[KTLSD_CRL_POINTS_MAX];
	struct ktlsd_crl_points_item *item;
	size_t count = 0;

	for (item = points->items; item && count < KTLSD_CRL_POINTS_MAX; item = item->next)
		things[count++] = (struct ktlsd_fair_thing) {
			.what = item,
			.user = item->what.user,
			.weight = bytes ? item->bytes : 1,
			.used = item->used,
			.hold = item->errand.id || item == except || (bytes && !item->bytes) ?
				KTLSD_FAIR_STAYS : KTLSD_FAIR_FREE,
		};
	return ktlsd_fair_choose(things, count, user, bytes ? bytes : 1);
}

static bool crl_room_changes_hands(const struct ktlsd_crl_points *points,
				   const struct ktlsd_crl_points_item *item, uint64_t user)
{
	uint64_t mask = (item->what.user ^ user) & KTLSD_FAIR_UID ? KTLSD_FAIR_UID : UINT64_MAX;

	return item->what.user == KTLSD_CRL_POINTS_NOBODY ||
	       crl_room_count(points, user, mask) < crl_room_count(points, item->what.user, mask);
}

void ktlsd_crl_room_reckon(struct ktlsd_crl_points *points)
{
	struct ktlsd_crl_points_item *item;
	uint64_t user;

	for (item = points->items; item; item = item->next) {
		if (!item->fetched || item->fetched->used <= item->used)
			continue;
		item->used = item->fetched->used;
		user = item->fetched->user;
		if (user != item->what.user && crl_room_changes_hands(points, item, user))
			item->what.user = user;
	}
}

/* The users of what is being fetched have their turn. */
static void crl_room_note_turns(struct ktlsd_crl_points *points)
{
	struct ktlsd_crl_points_item *item, *other;

	for (item = points->items; item; item = item->next) {
		if (!item->errand.id || item->errand.id == item->last_id)
			continue;
		item->last_id = item->errand.id;
		points->turn++;
		for (other = points->items; other; other = other->next) {
			if (crl_room_is_of(other, item->what.user, KTLSD_FAIR_UID))
				other->turn = points->turn;
		}
	}
}

static int64_t crl_room_turn_of(const struct ktlsd_crl_points *points, uint64_t user)
{
	const struct ktlsd_crl_points_item *item;
	int64_t turn = 0;

	for (item = points->items; item; item = item->next) {
		if (crl_room_is_of(item, user, KTLSD_FAIR_UID) && item->turn > turn)
			turn = item->turn;
	}
	return turn;
}

struct ktlsd_crl_points_item *ktlsd_crl_room_next(struct ktlsd_crl_points *points, int64_t now)
{
	struct ktlsd_crl_points_item *item, *best = NULL;

	crl_room_note_turns(points);
	for (item = points->items; item; item = item->next) {
		if (item->errand.id || item->errand.due > now)
			continue;
		item->turn = crl_room_turn_of(points, item->what.user);
		if (!best || item->turn < best->turn ||
		    (item->turn == best->turn && item->errand.due < best->errand.due))
			best = item;
	}
	return best;
}
