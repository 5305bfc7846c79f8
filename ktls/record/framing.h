/* SPDX-License-Identifier: GPL-2.0 */
/* Whole records in TCP's bytes. Socket lock held unless said otherwise. */
#ifndef _KTLS_RECORD_FRAMING_H
#define _KTLS_RECORD_FRAMING_H

#include <linux/types.h>

#include "wire.h"

struct ktls_rl;
struct scatterlist;

/**
 * struct ktls_head - the record at the head of what was received
 * @len: bytes on the wire, header included; 0: no header seen yet
 * @crypt_len: bytes of ciphertext with the tag
 * @type: of the header; in 1.3 always 23
 * @explicit: 1.2 GCM: explicit nonce
 */
struct ktls_head {
	u32			len;
	u32			crypt_len;
	u8			type;
	u8			explicit[KTLS_EXPLICIT_SIZE];
};

/**
 * struct ktls_framing_fault - what is wrong with a record's header
 * @alert: what the peer is to be told
 * @err: positive errno, where no alert is sent
 * @reason: for KTLS_ERROR
 */
struct ktls_framing_fault {
	u8			alert;
	int			err;
	const char		*reason;
};

void ktls_framing_init(struct ktls_rl *rl);
int ktls_framing_unread(struct ktls_rl *rl, const void *records, size_t len);
void ktls_framing_free(struct ktls_rl *rl);
u32 ktls_framing_avail(const struct ktls_rl *rl);
bool ktls_framing_stalled(const struct ktls_rl *rl);	/* or softirq */
int ktls_framing_next(struct ktls_rl *rl, struct ktls_framing_fault *fault);
int ktls_framing_copy(struct ktls_rl *rl, u32 from, void *to, u32 len);
int ktls_framing_map(struct ktls_rl *rl, u32 from, u32 len, struct scatterlist *sg,
		     unsigned int max);
void ktls_framing_eat(struct ktls_rl *rl, u32 len);
void ktls_framing_consume(struct ktls_rl *rl);
void ktls_framing_stop(struct ktls_rl *rl);
void ktls_framing_commit(struct ktls_rl *rl);
int ktls_framing_relieve(struct ktls_rl *rl);
void ktls_framing_discard(struct ktls_rl *rl);

#endif /* _KTLS_RECORD_FRAMING_H */
