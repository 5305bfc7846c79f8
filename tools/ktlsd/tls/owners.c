// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>

#include "tls/owners.h"

static struct ktlsd_owner *owners_get(struct ktlsd_owners *owners, uint32_t uid)
{
	struct ktlsd_owner *owner;

	LIST_FOREACH(owner, &owners->all, all) {
		if (owner->uid == uid)
			return owner;
	}
	owner = calloc(1, sizeof(*owner));
	if (!owner)
		return NULL;
	owner->uid = uid;
	TAILQ_INIT(&owner->things);
	LIST_INSERT_HEAD(&owners->all, owner, all);
	return owner;
}

int ktlsd_owners_add(struct ktlsd_owners *owners, struct ktlsd_owned *owned, uint32_t uid,
		     size_t bytes)
{
	struct ktlsd_owner *owner = owners_get(owners, uid);

	if (!owner)
		return -ENOMEM;
	owned->owner = owner;
	owned->age = ++owners->age;
	owned->bytes = 0;
	TAILQ_INSERT_TAIL(&owner->things, owned, by_age);
	owner->count++;
	owners->count++;
	ktlsd_owners_resize(owners, owned, (ptrdiff_t)bytes);
	return 0;
}

void ktlsd_owners_del(struct ktlsd_owners *owners, struct ktlsd_owned *owned)
{
	struct ktlsd_owner *owner = owned->owner;

	ktlsd_owners_resize(owners, owned, -(ptrdiff_t)owned->bytes);
	TAILQ_REMOVE(&owner->things, owned, by_age);
	owned->owner = NULL;
	owners->count--;
	if (--owner->count)
		return;
	LIST_REMOVE(owner, all);
	free(owner);
}

void ktlsd_owners_touch(struct ktlsd_owners *owners, struct ktlsd_owned *owned)
{
	owned->age = ++owners->age;
	TAILQ_REMOVE(&owned->owner->things, owned, by_age);
	TAILQ_INSERT_TAIL(&owned->owner->things, owned, by_age);
}

void ktlsd_owners_resize(struct ktlsd_owners *owners, struct ktlsd_owned *owned, ptrdiff_t bytes)
{
	owned->bytes += (size_t)bytes;
	owned->owner->bytes += (size_t)bytes;
	owners->bytes += (size_t)bytes;
}

struct ktlsd_owned *ktlsd_owners_victim(const struct ktlsd_owners *owners,
					enum ktlsd_owners_need need)
{
	const struct ktlsd_owner *owner;
	struct ktlsd_owned *victim = NULL, *oldest;
	size_t has, most = 0;

	LIST_FOREACH(owner, &owners->all, all) {
		has = need == KTLSD_OWNERS_COUNT ? owner->count : owner->bytes;
		oldest = TAILQ_FIRST(&owner->things);
		if (victim && (has < most || (has == most && oldest->age > victim->age)))
			continue;
		most = has;
		victim = oldest;
	}
	return victim;
}
