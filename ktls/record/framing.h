/* SPDX-License-Identifier: GPL-2.0 */
/* Find whole records in TCP's receive queue. Socket lock held unless noted. */
#ifndef _KTLS_RECORD_FRAMING_H
#define _KTLS_RECORD_FRAMING_H

#include <linux/types.h>

#include "wire.h"

struct ktls_rl;
struct scatterlist;
struct sk_buff;

/**
 * struct ktls_hdr - the header of the next record
 * @len: bytes on the wire, header included; 0: no header seen yet
 * @crypt_len: bytes of ciphertext with the tag
 * @type: of the header; in 1.3 always 23
 * @explicit: 1.2 GCM: explicit nonce
 */
struct ktls_hdr {
	u32			len;
	u32			crypt_len;
	u8			type;
	u8			explicit[KTLS_EXPLICIT_SIZE];
};

/**
 * struct ktls_framing - received bytes that are not opened; under the socket lock
 *
 * Bytes of the peer come in this order: @pulled, TCP's receive queue from
 * copied_seq + @eaten on.
 *
 * @skb: where to begin to look in TCP's queue; only valid until ktls_framing_commit(),
 *	which comes before any lock drop
 * @at: the next byte of TCP's queue, valid as long as @skb
 * @at_len: bytes in one piece there; 0: not known
 * @eaten: bytes used in TCP's queue, of which TCP does not know yet
 * @need: bytes TCP's queue must have before readers are woken; read without the lock
 * @pulled: bytes that were taken out of TCP's queue, kvmalloc'ed
 * @pulled_off: offset of the first unused one
 * @pulled_len: unused bytes
 * @pulled_size: bytes allocated
 * @stopped: no more records: external keys, after a bad header (ktls_rx_open()), or
 *	data was received that nobody can read (socket/ready.c). Read without the lock
 * @hdr: header of the next record
 */
struct ktls_framing {
	struct sk_buff		*skb;
	const u8		*at;
	u32			at_len;
	u32			eaten;
	u32			need;
	u8			*pulled;
	u32			pulled_off;
	u32			pulled_len;
	u32			pulled_size;
	bool			stopped;
	struct ktls_hdr		hdr;
};

/**
 * struct ktls_framing_fault - what is wrong with a record's header
 * @alert: the alert to send
 * @err: positive errno, for ktls_alert_report()
 * @reason: for KTLS_ERROR
 */
struct ktls_framing_fault {
	u8			alert;
	int			err;
	const char		*reason;
};

void ktls_framing_init(struct ktls_framing *f);
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
