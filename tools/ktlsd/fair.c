// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>
#include <stdlib.h>

#include "fair.h"

/**
 * struct fair_run - neighbours in the sorted table that belong together
 * @first: of them
 * @end: behind the last
 * @weight: of all
 */
struct fair_run {
	size_t	first;
	size_t	end;
	size_t	weight;
};

static int fair_compare(const void *a, const void *b)
{
	uint64_t one = ((const struct ktlsd_fair_thing *)a)->user;
	uint64_t other = ((const struct ktlsd_fair_thing *)b)->user;

	return (one > other) - (one < other);
}

static struct fair_run fair_run_from(const struct ktlsd_fair_thing *things, size_t first, size_t end,
				     uint64_t mask)
{
	struct fair_run run = { .first = first, .end = first };

	while (run.end < end && !((things[run.end].user ^ things[first].user) & mask))
		run.weight += things[run.end++].weight;
	return run;
}

/* Return: the heaviest run within @within, by @mask. That of @user counts @need more, and is
 * preferred among equals; it is empty if he has nothing and would be the heaviest.
 */
static struct fair_run fair_heaviest(const struct ktlsd_fair_thing *things, struct fair_run within,
				     uint64_t mask, uint64_t user, size_t need)
{
	struct fair_run best = { .weight = need }, run;
	size_t at;

	for (at = within.first; at < within.end; at = run.end) {
		run = fair_run_from(things, at, within.end, mask);
		if ((things[at].user ^ user) & mask)
			continue;
		run.weight += need;
		best = run;
	}
	for (at = within.first; at < within.end; at = run.end) {
		run = fair_run_from(things, at, within.end, mask);
		if (run.weight > best.weight)
			best = run;
	}
	return best;
}

static void *fair_oldest(const struct ktlsd_fair_thing *things, struct fair_run run, uint64_t user)
{
	const struct ktlsd_fair_thing *best = NULL, *thing;
	size_t i;

	for (i = run.first; i < run.end; i++) {
		thing = &things[i];
		if (thing->hold == KTLSD_FAIR_STAYS ||
		    (thing->hold == KTLSD_FAIR_BUSY && thing->user == user))
			continue;
		if (!best || thing->hold < best->hold ||
		    (thing->hold == best->hold && thing->used < best->used))
			best = thing;
	}
	return best ? best->what : NULL;
}

void *ktlsd_fair_choose(struct ktlsd_fair_thing *things, size_t count, uint64_t user, size_t need)
{
	struct fair_run run = { .end = count };
	bool own;

	qsort(things, count, sizeof(*things), fair_compare);
	run = fair_heaviest(things, run, KTLSD_FAIR_UID, user, need);
	own = run.first < run.end && !((things[run.first].user ^ user) & KTLSD_FAIR_UID);
	run = fair_heaviest(things, run, UINT64_MAX, user, own ? need : 0);
	return fair_oldest(things, run, user);
}
