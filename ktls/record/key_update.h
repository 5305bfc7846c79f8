/* SPDX-License-Identifier: GPL-2.0 */
/* KeyUpdate, RFC 8446 4.6.3. Socket lock held. */
#ifndef _KTLS_RECORD_KEY_UPDATE_H
#define _KTLS_RECORD_KEY_UPDATE_H

#include <linux/types.h>

struct ktls_rl;

/* The KeyUpdate that must be sent before the next record. */
enum ktls_key_update {
	KTLS_KEY_UPDATE_NONE,
	KTLS_KEY_UPDATE_DUE,	/* one that asks for nothing */
	KTLS_KEY_UPDATE_ASK,	/* one that asks the peer for the same */
};

enum ktls_key_update_limits {
	KTLS_KEY_UPDATES_MAX	= 32,	/* without application data between them */
};

bool ktls_key_update_due(const struct ktls_rl *rl);
int ktls_key_update_send(struct ktls_rl *rl);
int ktls_key_update_received(struct ktls_rl *rl, const u8 *data, size_t len);
int ktls_key_update_start(struct ktls_rl *rl, bool ask);

#endif /* _KTLS_RECORD_KEY_UPDATE_H */
