/* SPDX-License-Identifier: GPL-2.0 */
/* Records from TCP, opened. Socket lock held. */
#ifndef _KTLS_RECORD_RX_H
#define _KTLS_RECORD_RX_H

#include <linux/types.h>

#include "wire.h"

struct iov_iter;
struct ktls_rl;

enum ktls_rx_limits {
	KTLS_RX_PIECES		= 24,	/* fragments a record is opened from */
	KTLS_RX_PAGES		= 8,	/* of the reader, a record is opened into */
	KTLS_RX_BATCH		= 256,	/* records until a call checks for signals */
	/* Up to this size copying is cheaper than scatterlists. */
	KTLS_RX_GATHER_MAX	= 2048,
};

/* What ktls_rx_open() did; negative: an errno. */
enum ktls_rx_opened {
	KTLS_RX_NONE,		/* no complete record, or none is accepted any more */
	KTLS_RX_DATA,		/* a record for the program was put on ktls_opened.list */
	KTLS_RX_CONTROL,	/* a record without data for the program was handled */
	KTLS_RX_DIRECT,		/* application data was put into the reader's memory */
};

/**
 * struct ktls_opening - a record while it is opened (rx.c); under the socket lock
 * @aad: associated data where source and destination differ
 * @type: likewise the type byte of TLS 1.3
 * @rekey: external keys, and a KeyUpdate was opened: what follows is under a key that
 *	the program has yet to set. Read without the lock
 * @rekey_skip: external keys: bytes of a handshake message that are still to come
 */
struct ktls_opening {
	u8			aad[KTLS_AAD_MAX];
	u8			type;
	bool			rekey;
	u32			rekey_skip;
};

/**
 * struct ktls_rx_counts - records since the last application data; under the socket lock
 * @empty: empty application records (rx.c)
 * @warnings: warning alerts (alert.c)
 * @key_updates: KeyUpdates received (key_update.c)
 * @key_updates_asked: KeyUpdates that we have asked for, less those that were received
 *	beyond what anybody may send in a row; application data does not reset it
 */
struct ktls_rx_counts {
	u8			empty;
	u8			warnings;
	u8			key_updates;
	u8			key_updates_asked;
};

void ktls_rx_free(struct ktls_rl *rl);
int ktls_rx_open(struct ktls_rl *rl, struct iov_iter *iter, size_t room, size_t *ret_len);
void ktls_rx_end_call(struct ktls_rl *rl);

#endif /* _KTLS_RECORD_RX_H */
