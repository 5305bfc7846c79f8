// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>

#include "client_ticket.h"
#include "kept.h"

static struct ktlsd_kept_engine **kept_slot(struct ktlsd_kept *kept, uint64_t id)
{
	const size_t count = sizeof(kept->buckets) / sizeof(*kept->buckets);
	struct ktlsd_kept_engine **slot = &kept->buckets[id % count];

	while (*slot && (*slot)->id != id)
		slot = &(*slot)->next;
	return slot;
}

static void kept_forget(struct ktlsd_kept *kept, struct ktlsd_kept_engine *entry)
{
	*kept_slot(kept, entry->id) = entry->next;
	if (entry->newer)
		entry->newer->older = entry->older;
	else
		kept->newest = entry->older;
	if (entry->older)
		entry->older->newer = entry->newer;
	else
		kept->oldest = entry->newer;
	kept->count--;
	ktlsd_handshake_free(entry->handshake);
	ktlsd_context_put(entry->context);
	free(entry);
}

void ktlsd_kept_add(struct ktlsd_kept *kept, uint64_t id, struct ktlsd_handshake *hs,
		    struct ktlsd_context *context, unsigned int lifetime, int64_t now)
{
	struct ktlsd_kept_engine *entry = calloc(1, sizeof(*entry)), **slot;

	if (!entry || ktlsd_client_ticket_await(hs)) {
		free(entry);
		ktlsd_handshake_free(hs);
		ktlsd_context_put(context);
		return;
	}
	entry->id = id;
	entry->deadline = now + KTLSD_KEPT_MS;
	entry->left = ktlsd_client_ticket_wanted(hs);
	entry->lifetime = lifetime;
	entry->handshake = hs;
	entry->context = context;

	slot = kept_slot(kept, id);
	*slot = entry;
	entry->older = kept->newest;
	if (kept->newest)
		kept->newest->newer = entry;
	else
		kept->oldest = entry;
	kept->newest = entry;
	if (++kept->count > KTLSD_KEPT_MAX)
		kept_forget(kept, kept->oldest);
}

void ktlsd_kept_ticket(struct ktlsd_kept *kept, uint64_t id, const uint8_t *body,
		       size_t len, struct ktlsd_cache *cache)
{
	struct ktlsd_kept_engine *entry = *kept_slot(kept, id);
	struct ktlsd_saved *saved;
	int err;

	if (!entry)
		return;
	err = ktlsd_client_ticket_receive(entry->handshake, body, len, entry->lifetime, &saved);
	if (saved)
		ktlsd_cache_put(cache, saved);
	if (err || !--entry->left)
		kept_forget(kept, entry);
}

int ktlsd_kept_expire(struct ktlsd_kept *kept, int64_t now)
{
	while (kept->oldest && kept->oldest->deadline <= now)
		kept_forget(kept, kept->oldest);
	return kept->oldest ? (int)(kept->oldest->deadline - now) : -1;
}

void ktlsd_kept_flush(struct ktlsd_kept *kept)
{
	while (kept->oldest)
		kept_forget(kept, kept->oldest);
}
