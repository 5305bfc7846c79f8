// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>

#include "tls/client_ticket.h"
#include "tls/ticket_waiters.h"

static struct ktlsd_ticket_waiter **ticket_waiters_slot(struct ktlsd_ticket_waiters *waiters,
							uint64_t id)
{
	const size_t count = sizeof(waiters->buckets) / sizeof(*waiters->buckets);
	struct ktlsd_ticket_waiter **slot = &waiters->buckets[id % count];

	while (*slot && (*slot)->id != id)
		slot = &(*slot)->next;
	return slot;
}

static void ticket_waiters_free(struct ktlsd_ticket_waiters *waiters,
				struct ktlsd_ticket_waiter *waiter)
{
	*ticket_waiters_slot(waiters, waiter->id) = waiter->next;
	if (waiter->newer)
		waiter->newer->older = waiter->older;
	else
		waiters->newest = waiter->older;
	if (waiter->older)
		waiter->older->newer = waiter->newer;
	else
		waiters->oldest = waiter->newer;
	waiters->count--;
	ktlsd_handshake_free(waiter->handshake);
	ktlsd_context_put(waiter->context);
	ktlsd_quota_release(&waiter->hold);
	free(waiter);
}

void ktlsd_ticket_waiters_add(struct ktlsd_ticket_waiters *waiters, uint64_t id,
			      struct ktlsd_handshake *hs, struct ktlsd_context *context,
			      struct ktlsd_quota_hold *hold, unsigned int lifetime,
			      int64_t now)
{
	struct ktlsd_ticket_waiter *waiter = calloc(1, sizeof(*waiter)), **slot;

	if (!waiter || ktlsd_client_ticket_await(hs)) {
		free(waiter);
		ktlsd_handshake_free(hs);
		ktlsd_context_put(context);
		ktlsd_quota_release(hold);
		return;
	}
	waiter->id = id;
	waiter->deadline = now + KTLSD_TICKET_WAITERS_MS;
	waiter->left = ktlsd_client_ticket_wanted(hs);
	waiter->lifetime = lifetime;
	waiter->handshake = hs;
	waiter->context = context;
	ktlsd_quota_move(hold, &waiter->hold);

	slot = ticket_waiters_slot(waiters, id);
	*slot = waiter;
	waiter->older = waiters->newest;
	if (waiters->newest)
		waiters->newest->newer = waiter;
	else
		waiters->oldest = waiter;
	waiters->newest = waiter;
	if (++waiters->count > KTLSD_TICKET_WAITERS_MAX)
		ticket_waiters_free(waiters, waiters->oldest);
}

void ktlsd_ticket_waiters_receive(struct ktlsd_ticket_waiters *waiters, uint64_t id,
				  const uint8_t *body, size_t len, struct ktlsd_cache *cache)
{
	struct ktlsd_ticket_waiter *waiter = *ticket_waiters_slot(waiters, id);
	struct ktlsd_saved_session *saved;
	int err;

	if (!waiter)
		return;
	err = ktlsd_client_ticket_receive(waiter->handshake, body, len, waiter->lifetime,
					  &saved);
	if (saved)
		ktlsd_cache_put(cache, saved);
	if (err || !--waiter->left)
		ticket_waiters_free(waiters, waiter);
}

int ktlsd_ticket_waiters_expire(struct ktlsd_ticket_waiters *waiters, int64_t now)
{
	while (waiters->oldest && waiters->oldest->deadline <= now)
		ticket_waiters_free(waiters, waiters->oldest);
	return waiters->oldest ? (int)(waiters->oldest->deadline - now) : -1;
}

void ktlsd_ticket_waiters_flush(struct ktlsd_ticket_waiters *waiters)
{
	while (waiters->oldest)
		ticket_waiters_free(waiters, waiters->oldest);
}

bool ktlsd_ticket_waiters_reclaim(struct ktlsd_ticket_waiters *waiters, uint32_t uid)
{
	struct ktlsd_ticket_waiter *waiter;

	for (waiter = waiters->oldest; waiter; waiter = waiter->newer) {
		if (waiter->hold.uid == uid) {
			ticket_waiters_free(waiters, waiter);
			return true;
		}
	}
	return false;
}
