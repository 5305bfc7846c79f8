/* SPDX-License-Identifier: GPL-2.0 */
/* DONE, the last message of the helper about a request. */
#ifndef _KTLS_HELPER_DONE_H
#define _KTLS_HELPER_DONE_H

#include <linux/types.h>
#include <uapi/linux/ktls_netlink.h>

#include "session.h"
#include "wire.h"

/**
 * struct ktls_done_keys - keys of one direction
 * @secret_len: bytes in @secret
 * @iv_len: bytes in @iv
 * @secret: 1.3: traffic secret; 1.2: key
 * @iv: 1.2
 * @seq: of the next record
 * @nonce: 1.2 GCM: explicit nonce of the next record sealed
 */
struct ktls_done_keys {
	u8	secret_len;
	u8	iv_len;
	u8	secret[KTLS_GENL_SECRET_MAX];
	u8	iv[KTLS_NONCE_SIZE];
	u64	seq;
	u64	nonce;
};

/**
 * struct ktls_done - DONE, copied; only its form was checked
 *
 * The caller of ktls_request_take() owns it and frees it with ktls_done_free(), which
 * wipes it. enum ktls_attr documents what its fields mean.
 *
 * @error: 0 or a positive errno
 * @alert: KTLS_ALERT_NONE: none
 * @alert_rcvd: the peer sent @alert
 * @consumed: bytes of the last batch
 * @max_fragment: 0: not limited
 * @messages: how many NewSessionTickets the helper wants
 * @tx: keys to seal with
 * @rx: keys to open with
 * @session: what was established
 * @reason: why it failed; NUL-terminated
 */
struct ktls_done {
	int			error;
	u8			alert;
	bool			alert_rcvd;
	u32			consumed;
	u32			max_fragment;
	u32			messages;
	struct ktls_done_keys	tx;
	struct ktls_done_keys	rx;
	struct ktls_session	session;
	char			reason[KTLS_REASON_MAX];
};

struct ktls_done *ktls_done_new_error(int error, const char *reason);
void ktls_done_free(struct ktls_done *done);

#endif /* _KTLS_HELPER_DONE_H */
