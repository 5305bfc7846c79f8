// SPDX-License-Identifier: GPL-2.0-or-later
#include "crl_room.h"

/* Parts of a user, see struct ktlsd_crl_view. */
#define CRL_ROOM_UID	UINT64_C(0xffffffff00000000)
#define CRL_ROOM_ALL	UINT64_MAX

static bool crl_room_is_of(const struct ktlsd_crl_points_item *item, uint64_t user, uint64_t mask)
{
	return !((item->what.user ^ user) & mask);
}

static size_t crl_room_weigh(const struct ktlsd_crl_points *points, uint64_t user, uint64_t mask,
			     bool by_bytes)
{
	const struct ktlsd_crl_points_item *item;
	size_t weight = 0;

	for (item = points->items; item; item = item->next) {
		if (crl_room_is_of(item, user, mask))
			weight += by_bytes ? item->bytes : 1;
	}
	return weight;
}

/* Return: who has most by @mask, of those who are like @within by @outer; @user with @most if none
 * has more.
 */
static uint64_t crl_room_largest(const struct ktlsd_crl_points *points, uint64_t user, size_t most,
				 uint64_t mask, uint64_t within, uint64_t outer, bool by_bytes)
{
	const struct ktlsd_crl_points_item *item;
	size_t weight;

	for (item = points->items; item; item = item->next) {
		if (!crl_room_is_of(item, within, outer))
			continue;
		weight = crl_room_weigh(points, item->what.user, mask, by_bytes);
		if (weight <= most)
			continue;
		most = weight;
		user = item->what.user;
	}
	return user;
}

struct ktlsd_crl_points_item *ktlsd_crl_room_choose(struct ktlsd_crl_points *points, uint64_t user,
						    size_t bytes,
						    const struct ktlsd_crl_points_item *except)
{
	struct ktlsd_crl_points_item *item, *oldest = NULL;
	size_t need = bytes ? bytes : 1, own;
	bool by_bytes = bytes;
	uint64_t from;

	own = crl_room_weigh(points, user, CRL_ROOM_UID, by_bytes) + need;
	from = crl_room_largest(points, user, own, CRL_ROOM_UID, 0, 0, by_bytes);
	own = (from ^ user) & CRL_ROOM_UID ? 0 :
	      crl_room_weigh(points, user, CRL_ROOM_ALL, by_bytes) + need;
	from = crl_room_largest(points, from, own, CRL_ROOM_ALL, from, CRL_ROOM_UID, by_bytes);
	for (item = points->items; item; item = item->next) {
		if (!crl_room_is_of(item, from, CRL_ROOM_ALL) || item->errand.id ||
		    item == except || (by_bytes && !item->bytes))
			continue;
		if (!oldest || item->used < oldest->used)
			oldest = item;
	}
	return oldest;
}

static bool crl_room_changes_hands(const struct ktlsd_crl_points *points,
				   const struct ktlsd_crl_points_item *item, uint64_t user)
{
	uint64_t mask = (item->what.user ^ user) & CRL_ROOM_UID ? CRL_ROOM_UID : CRL_ROOM_ALL;

	return item->what.user == KTLSD_CRL_POINTS_NOBODY ||
	       crl_room_weigh(points, user, mask, false) <
	       crl_room_weigh(points, item->what.user, mask, false);
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
			if (crl_room_is_of(other, item->what.user, CRL_ROOM_UID))
				other->turn = points->turn;
		}
	}
}

static int64_t crl_room_turn_of(const struct ktlsd_crl_points *points, uint64_t user)
{
	const struct ktlsd_crl_points_item *item;
	int64_t turn = 0;

	for (item = points->items; item; item = item->next) {
		if (crl_room_is_of(item, user, CRL_ROOM_UID) && item->turn > turn)
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
