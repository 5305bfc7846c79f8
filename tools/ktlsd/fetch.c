// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "config/anchors.h"
#include "config/credentials.h"
#include "fetch.h"

static const uint32_t fetch_max[KTLS_CONFIG_MAX + 1] = {
	[KTLS_CONFIG_CERTIFICATE]	= KTLSD_CERTIFICATE_MAX,
	[KTLS_CONFIG_PRIVATE_KEY]	= KTLSD_PRIVATE_KEY_MAX,
	[KTLS_CONFIG_TRUST]		= KTLSD_ANCHORS_PEM_MAX,
	[KTLS_CONFIG_PSK]		= sizeof(struct ktls_psk),
};

void ktlsd_fetch_init(struct ktlsd_fetch *fetch, uint32_t parts, size_t *held,
		      const struct ktlsd_quota_hold *hold)
{
	memset(fetch, 0, sizeof(*fetch));
	fetch->hold = *hold;
	fetch->held = held;
	fetch->missing = parts;
}

bool ktlsd_fetch_next(struct ktlsd_fetch *fetch, uint32_t *ret_attr,
		      uint32_t *ret_offset)
{
	if (!fetch->missing)
		return false;
	fetch->current = (uint32_t)__builtin_ctz(fetch->missing);
	*ret_attr = fetch->current;
	*ret_offset = (uint32_t)fetch->parts[fetch->current].len;
	return true;
}

/* The first piece has the size of the part: checks it and reserves it. */
static int fetch_begin_part(struct ktlsd_fetch *fetch, uint32_t total)
{
	int err;

	if (!total)
		return -EBADMSG;
	if (total > fetch_max[fetch->current])
		return -EMSGSIZE;
	err = ktlsd_quota_take(&fetch->hold, total);
	if (err)
		return err;
	*fetch->held += total;
	fetch->reserved += total;
	fetch->total = total;
	return 0;
}

int ktlsd_fetch_take(struct ktlsd_fetch *fetch, const struct ktlsd_event *event)
{
	struct ktlsd_buffer *part = &fetch->parts[fetch->current];
	uint32_t total = ktlsd_message_u32(event, KTLS_A_TOTAL, 0);
	const void *piece;
	size_t len;
	int err;

	piece = ktlsd_message_bytes(event, KTLS_A_PIECE, &len);
	if (!fetch->missing || !len ||
	    ktlsd_message_u32(event, KTLS_A_CONFIG_ATTR, UINT32_MAX) != fetch->current ||
	    ktlsd_message_u32(event, KTLS_A_OFFSET, UINT32_MAX) != part->len)
		return -EBADMSG;
	if (!fetch->total) {
		err = fetch_begin_part(fetch, total);
		if (err)
			return err;
	}
	if (total != fetch->total || len > total - part->len)
		return -EBADMSG;
	err = ktlsd_buffer_append(part, piece, len, total);
	if (err)
		return err;
	if (part->len == total) {
		fetch->missing &= ~(UINT32_C(1) << fetch->current);
		fetch->total = 0;
	}
	return 0;
}

void ktlsd_fetch_view(const struct ktlsd_fetch *fetch,
		      struct ktlsd_context_parts *ret_parts)
{
	int i;

	for (i = 0; i <= KTLS_CONFIG_MAX; i++) {
		ret_parts->data[i] = fetch->parts[i].data;
		ret_parts->len[i] = fetch->parts[i].len;
	}
	ret_parts->anchors = NULL;
	ret_parts->hold = NULL;
}

void ktlsd_fetch_free(struct ktlsd_fetch *fetch)
{
	int i;

	for (i = 0; i <= KTLS_CONFIG_MAX; i++)
		ktlsd_buffer_free(&fetch->parts[i]);
	if (fetch->held)
		*fetch->held -= fetch->reserved;
	fetch->reserved = 0;
	fetch->missing = 0;
	ktlsd_quota_release(&fetch->hold);
}
