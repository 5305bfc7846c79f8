// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "quota.h"

void ktlsd_quota_init(struct ktlsd_quota *quota, size_t max)
{
	memset(quota, 0, sizeof(*quota));
	pthread_mutex_init(&quota->lock, NULL);
	quota->max = max;
}

void ktlsd_quota_destroy(struct ktlsd_quota *quota)
{
	pthread_mutex_destroy(&quota->lock);
}

void ktlsd_quota_set_max(struct ktlsd_quota *quota, size_t max)
{
	pthread_mutex_lock(&quota->lock);
	quota->max = max;
	pthread_mutex_unlock(&quota->lock);
}

static struct ktlsd_quota_user **quota_slot(struct ktlsd_quota *quota, uint32_t uid)
{
	struct ktlsd_quota_user **slot;

	slot = &quota->buckets[uid & (KTLSD_QUOTA_BUCKETS - 1)];
	while (*slot && (*slot)->uid != uid)
		slot = &(*slot)->next;
	return slot;
}

/* quota->lock is held. */
static int quota_add(struct ktlsd_quota *quota, uint32_t uid, size_t bytes)
{
	struct ktlsd_quota_user **slot = quota_slot(quota, uid), *user = *slot;

	if ((user ? user->bytes : 0) + bytes > quota->max / 2)
		return -EDQUOT;
	if (quota->bytes + bytes > quota->max)
		return -ENOBUFS;
	if (!user) {
		user = calloc(1, sizeof(*user));
		if (!user)
			return -ENOMEM;
		user->uid = uid;
		*slot = user;
	}
	user->bytes += bytes;
	quota->bytes += bytes;
	return 0;
}

int ktlsd_quota_take(struct ktlsd_quota_hold *hold, size_t bytes)
{
	int err;

	if (!hold->quota || !bytes)
		return 0;
	pthread_mutex_lock(&hold->quota->lock);
	err = quota_add(hold->quota, hold->uid, bytes);
	pthread_mutex_unlock(&hold->quota->lock);
	if (!err)
		hold->bytes += bytes;
	return err;
}

void ktlsd_quota_release(struct ktlsd_quota_hold *hold)
{
	struct ktlsd_quota *quota = hold->quota;
	struct ktlsd_quota_user **slot, *user;

	if (!hold->bytes)
		return;
	pthread_mutex_lock(&quota->lock);
	slot = quota_slot(quota, hold->uid);
	user = *slot;
	user->bytes -= hold->bytes;
	quota->bytes -= hold->bytes;
	hold->bytes = 0;
	if (!user->bytes) {
		*slot = user->next;
		free(user);
	}
	pthread_mutex_unlock(&quota->lock);
}

void ktlsd_quota_move(struct ktlsd_quota_hold *from, struct ktlsd_quota_hold *to)
{
	*to = *from;
	from->bytes = 0;
}

size_t ktlsd_quota_used(struct ktlsd_quota *quota, uint32_t uid)
{
	const struct ktlsd_quota_user *user;
	size_t bytes;

	pthread_mutex_lock(&quota->lock);
	user = *quota_slot(quota, uid);
	bytes = user ? user->bytes : 0;
	pthread_mutex_unlock(&quota->lock);
	return bytes;
}

struct ktlsd_quota_sum ktlsd_quota_measure(struct ktlsd_quota *quota)
{
	const struct ktlsd_quota_user *user;
	struct ktlsd_quota_sum sum = { 0 };
	unsigned int i;

	pthread_mutex_lock(&quota->lock);
	sum.max = quota->max;
	sum.bytes = quota->bytes;
	for (i = 0; i < KTLSD_QUOTA_BUCKETS; i++) {
		for (user = quota->buckets[i]; user; user = user->next) {
			sum.users++;
			if (user->bytes > sum.most)
				sum.most = user->bytes;
		}
	}
	pthread_mutex_unlock(&quota->lock);
	return sum;
}
