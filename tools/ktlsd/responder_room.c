// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>

#include "lib/fetching.h"
#include "fair.h"
#include "responder_room.h"

/**
 * struct responder_room_load - questions that ktls-fetch has
 * @entries: what they are about
 * @count: how many
 */
struct responder_room_load {
	const struct ktlsd_responders_entry	*entries[KTLSD_RESPONDERS_AT_ONCE];
	unsigned int				count;
};

/* --- room --- */

static enum ktlsd_fair_hold responder_room_hold(const struct ktlsd_responders_entry *entry)
{
	if (entry->state == KTLSD_RESPONDERS_ASKED)
		return KTLSD_FAIR_STAYS;
	return entry->waiter_count ? KTLSD_FAIR_BUSY : KTLSD_FAIR_FREE;
}

struct ktlsd_responders_entry *ktlsd_responder_room_choose(struct ktlsd_responders *all,
							   uint64_t user)
{
	struct ktlsd_fair_thing *things = calloc(all->count, sizeof(*things));
	struct ktlsd_responders_entry *entry;
	size_t count = 0;

	if (!things)
		return NULL;
	for (entry = all->oldest; entry; entry = entry->newer, count++)
		things[count] = (struct ktlsd_fair_thing) {
			.what = entry,
			.user = entry->user,
			.weight = 1,
			.used = (int64_t)count,
			.hold = responder_room_hold(entry),
		};
	entry = ktlsd_fair_choose(things, count, user, 1);
	free(things);
	return entry;
}

struct ktlsd_responders_waiter *
ktlsd_responder_room_choose_waiter(struct ktlsd_responders_entry *entry, uint64_t user)
{
	struct ktlsd_fair_thing things[KTLSD_RESPONDERS_WAITERS];
	unsigned int i;

	for (i = 0; i < entry->waiter_count; i++)
		things[i] = (struct ktlsd_fair_thing) {
			.what = &entry->waiters[i],
			.user = entry->waiters[i].user,
			.weight = 1,
			.used = entry->waiters[i].deadline,
			.hold = KTLSD_FAIR_BUSY,
		};
	return ktlsd_fair_choose(things, i, user, 1);
}

/* --- turns --- */

static void responder_room_weigh(const struct ktlsd_responders *all,
				 struct responder_room_load *ret_load)
{
	const struct ktlsd_responders_entry *entry;

	ret_load->count = 0;
	for (entry = all->newest; entry && ret_load->count < KTLSD_RESPONDERS_AT_ONCE;
	     entry = entry->older) {
		if (entry->state == KTLSD_RESPONDERS_ASKED)
			ret_load->entries[ret_load->count++] = entry;
	}
}

/* Return: how many of @user, by @mask, are under way; @url: at its host only, or NULL. */
static unsigned int responder_room_count(const struct responder_room_load *load, uint64_t user,
					 uint64_t mask, const char *url)
{
	unsigned int i, count = 0;

	for (i = 0; i < load->count; i++) {
		if ((load->entries[i]->user ^ user) & mask)
			continue;
		count += !url || ktlsd_fetching_is_same_host(load->entries[i]->url, url);
	}
	return count;
}

/* Return: whether @user may have one more at the host of @url, where there are too few places to
 * divide those of a uid.
 */
static bool responder_room_may_at(const struct responder_room_load *load, uint64_t user,
				  const char *url)
{
	return responder_room_count(load, 0, 0, url) +
	       responder_room_count(load, user, KTLSD_FAIR_UID, url) < KTLSD_RESPONDERS_PER_HOST;
}

/* Return: how much is under way of the waiter's user who has least, of those who may have one more;
 * UINT64_MAX if none may. @ret_user: that user.
 */
static uint64_t responder_room_rank(const struct responder_room_load *load,
				    const struct ktlsd_responders_entry *entry, uint64_t *ret_user)
{
	uint64_t best = UINT64_MAX, user;
	unsigned int i, uid, network;

	for (i = 0; i < entry->waiter_count; i++) {
		user = entry->waiters[i].user;
		uid = responder_room_count(load, user, KTLSD_FAIR_UID, NULL);
		network = responder_room_count(load, user, UINT64_MAX, NULL);
		if (load->count + uid + network >= KTLSD_RESPONDERS_AT_ONCE ||
		    ((uint64_t)uid << 32 | network) >= best ||
		    !responder_room_may_at(load, user, entry->url))
			continue;
		best = (uint64_t)uid << 32 | network;
		*ret_user = user;
	}
	return best;
}

struct ktlsd_responders_entry *ktlsd_responder_room_next(struct ktlsd_responders *all)
{
	struct ktlsd_responders_entry *entry, *next = NULL;
	uint64_t best = UINT64_MAX, rank, user = 0, whose = 0;
	struct responder_room_load load;

	responder_room_weigh(all, &load);
	if (load.count == KTLSD_RESPONDERS_AT_ONCE)
		return NULL;
	for (entry = all->oldest; entry; entry = entry->newer) {
		if (entry->state != KTLSD_RESPONDERS_NEW || !entry->waiter_count)
			continue;
		rank = responder_room_rank(&load, entry, &user);
		if (rank > best || rank == UINT64_MAX ||
		    (rank == best && entry->waiters[0].deadline >= next->waiters[0].deadline))
			continue;
		best = rank;
		next = entry;
		whose = user;
	}
	if (next)
		next->user = whose;
	return next;
}
