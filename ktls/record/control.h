/* SPDX-License-Identifier: GPL-2.0 */
/* Handshake messages after the handshake. Socket lock held. */
#ifndef _KTLS_RECORD_CONTROL_H
#define _KTLS_RECORD_CONTROL_H

#include <linux/types.h>

struct ktls_rl;

enum ktls_control_limits {
	KTLS_RENEGOTIATIONS_MAX	= 8,	/* 1.2: requests refused before it is fatal */
};

/**
 * struct ktls_control - an incomplete handshake message; under the socket lock
 * @msg: its body, or NULL
 * @hdr: its header
 * @have: bytes of both so far
 * @renegotiations: TLS 1.2: requests refused so far
 */
struct ktls_control {
	u8			*msg;
	u8			hdr[4];
	u32			have;
	u8			renegotiations;
};

int ktls_control_record(struct ktls_rl *rl, u8 type, const u8 *data, size_t len);
bool ktls_control_pending(const struct ktls_rl *rl);
void ktls_control_free(struct ktls_rl *rl);

#endif /* _KTLS_RECORD_CONTROL_H */
