// SPDX-License-Identifier: GPL-2.0
/* Delays for sources whose requests are cancelled after the helper was sent them.
 *
 * Such a request was in vain: it has cost the helper a START, a CANCEL and whatever it
 * did in between. Each one puts its source into debt. Time pays debt off, and so does
 * each handshake that succeeds. A source with more debt than anybody may have waits
 * before its next START, the longer the more it owes. A request that is cancelled while
 * it waits costs the helper nothing, and no debt: so a peer that connects and is gone
 * again has PACE_VAIN_MS of the helper's attention for each of them, and one that stays
 * for longer than the delay is served in turns, like everybody.
 *
 * The delay is bounded, because others may share the source's address, behind a
 * translator. The table is made with a namespace's first port, charged to the helper, and
 * freed with the last one. It has room for some sources: one that comes into a full set
 * replaces the one that owes least, if that owes no more than one request, and is not
 * noted otherwise.
 */
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <kunit/visibility.h>

#include "helper/pace.h"

enum pace_limits {
	PACE_SETS	= 64,
	PACE_WAYS	= 8,		/* sources of a set */
	PACE_VAIN_MS	= 50,		/* of debt for a request in vain */
	PACE_FREE_MS	= 800,		/* of debt without a delay: 16 requests */
	PACE_DEBT_MAX_MS = 1600,
	PACE_DEBT_OF_DELAY = 4,		/* ms of debt for a ms of delay: 200 ms at most */
};

/**
 * struct pace_source - a source, and what it owes
 * @name: which it is
 * @until: when it will owe nothing, nanoseconds of CLOCK_MONOTONIC; 0: no source
 */
struct pace_source {
	u64	name[KTLS_PACE_NAMES];
	u64	until;
};

/**
 * struct ktls_pace - sources of a namespace that owe something
 * @lock: ktls_net.lock; protects @sets
 * @secret: so that nobody can choose who is in a set with him
 * @sets: by the hash of the name
 */
struct ktls_pace {
	spinlock_t		*lock;	/* ktls_net.lock */
	siphash_key_t		secret;
	struct pace_source	sets[PACE_SETS][PACE_WAYS];
};

/**
 * ktls_pace_new - a table in which nobody owes anything
 * @lock: what will protect it
 *
 * Context: process, sleeps for memory.
 * Return: the table, for ktls_pace_free(); NULL: no memory.
 */
struct ktls_pace *ktls_pace_new(spinlock_t *lock)
{
	struct ktls_pace *pace = kzalloc(sizeof(*pace), GFP_KERNEL_ACCOUNT);

	if (!pace)
		return NULL;
	pace->lock = lock;
	get_random_bytes(&pace->secret, sizeof(pace->secret));
	return pace;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_pace_new);

/**
 * ktls_pace_free - forget all debts
 * @pace: the table, or NULL
 *
 * Context: any; ktls_net.lock may be held.
 */
void ktls_pace_free(struct ktls_pace *pace)
{
	kfree(pace);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_pace_free);

static struct pace_source *pace_set(struct ktls_pace *pace, const u64 *name)
{
	return pace->sets[siphash_3u64(name[0], name[1], name[2], &pace->secret) % PACE_SETS];
}

/* The source of that name in its set, or NULL. */
static struct pace_source *pace_find(struct pace_source *set, const u64 *name)
{
	unsigned int i;

	for (i = 0; i < PACE_WAYS; i++)
		if (set[i].until && !memcmp(set[i].name, name, sizeof(set[i].name)))
			return &set[i];
	return NULL;
}

/* The entry of the set that owes least: it can be another's. */
static struct pace_source *pace_least(struct pace_source *set)
{
	struct pace_source *least = set;
	unsigned int i;

	for (i = 1; i < PACE_WAYS; i++)
		if (set[i].until < least->until)
			least = &set[i];
	return least;
}

static u64 pace_debt(const struct pace_source *source, u64 now)
{
	return source->until > now ? source->until - now : 0;
}

/**
 * ktls_pace_delay - how long is a new request of a source to wait?
 * @pace: the table, or NULL
 * @name: of the source
 * @now: nanoseconds of CLOCK_MONOTONIC
 *
 * Context: ktls_net.lock held.
 * Return: nanoseconds, 200 ms at most.
 */
u64 ktls_pace_delay(struct ktls_pace *pace, const u64 *name, u64 now)
{
	const struct pace_source *source;
	u64 debt;

	if (!pace)
		return 0;
	lockdep_assert_held(pace->lock);
	source = pace_find(pace_set(pace, name), name);
	debt = source ? pace_debt(source, now) : 0;
	if (debt <= PACE_FREE_MS * NSEC_PER_MSEC)
		return 0;
	return (debt - PACE_FREE_MS * NSEC_PER_MSEC) / PACE_DEBT_OF_DELAY;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_pace_delay);

/**
 * ktls_pace_vain - a request was cancelled after the helper was sent it
 * @pace: the table, or NULL
 * @name: of its source
 * @now: nanoseconds of CLOCK_MONOTONIC
 *
 * Context: ktls_net.lock held.
 */
void ktls_pace_vain(struct ktls_pace *pace, const u64 *name, u64 now)
{
	struct pace_source *source, *set;
	u64 debt;

	if (!pace)
		return;
	lockdep_assert_held(pace->lock);
	set = pace_set(pace, name);
	source = pace_find(set, name);
	if (!source) {
		source = pace_least(set);
		if (pace_debt(source, now) > PACE_VAIN_MS * NSEC_PER_MSEC)
			return;
		memcpy(source->name, name, sizeof(source->name));
		source->until = now;
	}
	debt = pace_debt(source, now) + PACE_VAIN_MS * NSEC_PER_MSEC;
	source->until = now + min_t(u64, debt, PACE_DEBT_MAX_MS * NSEC_PER_MSEC);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_pace_vain);

/**
 * ktls_pace_success - a handshake of a source has succeeded
 * @pace: the table, or NULL
 * @name: of the source
 *
 * It pays for one that was in vain.
 *
 * Context: ktls_net.lock held.
 */
void ktls_pace_success(struct ktls_pace *pace, const u64 *name)
{
	struct pace_source *source;

	if (!pace)
		return;
	lockdep_assert_held(pace->lock);
	source = pace_find(pace_set(pace, name), name);
	if (source)
		source->until -= min_t(u64, source->until, PACE_VAIN_MS * NSEC_PER_MSEC);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_pace_success);
