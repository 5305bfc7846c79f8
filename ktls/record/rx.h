/* SPDX-License-Identifier: GPL-2.0 */
/* Records from TCP, opened. Socket lock held. */
#ifndef _KTLS_RECORD_RX_H
#define _KTLS_RECORD_RX_H

#include <linux/types.h>

#include "record/framing.h"
#include "record/rxbuf.h"
#include "wire.h"

struct iov_iter;
struct ktls_rl;
struct sk_buff;

enum ktls_rx_limits {
	KTLS_RX_PIECES		= 24,	/* fragments a record is opened from */
	KTLS_RX_PAGES		= 8,	/* of the reader, a record is opened into */
	KTLS_RX_BATCH		= 256,	/* records until a call looks up */
	/* Up to here copying is cheaper than scatterlists. */
	KTLS_RX_GATHER_MAX	= 2048,
};

/* What ktls_rx_open() did; negative: an errno. */
enum ktls_rx_opened {
	KTLS_RX_NONE,		/* no whole record is there, or no more are wanted */
	KTLS_RX_DATA,		/* a record for the program was put on ktls_rxq.opened */
	KTLS_RX_CONTROL,	/* a record that carries none was dealt with */
	KTLS_RX_DIRECT,		/* application data was put into the reader's memory */
};

/**
 * struct ktls_rxq - what lies between TCP and the program; under the socket lock
 *
 * Bytes of the peer come in this order: @opened, @raw, TCP's receive queue from
 * copied_seq + @eaten on.
 *
 * @skb: framing.c: where to begin to look in TCP's queue; only valid until
 *	ktls_framing_commit(), which comes before any lock drop
 * @at: framing.c: the next byte of TCP's queue, valid as long as @skb
 * @at_len: framing.c: bytes that lie in one piece there; 0: not known
 * @eaten: framing.c: bytes of TCP's queue that TCP has not been told about
 * @need: framing.c: bytes TCP's queue must hold before it is worth waking
 *	anyone; read without the lock
 * @raw: framing.c: bytes in front of TCP's queue, kvmalloc'ed
 * @raw_off: first byte in use
 * @raw_len: bytes in use
 * @raw_size: bytes allocated
 * @stopped: no record can be found any more: with keys from elsewhere after a bad
 *	header (framing.c); after data that nobody was to read (ready.c); likewise
 * @rekey: rx.c: keys from elsewhere, and a KeyUpdate was opened: what follows is
 *	under a key that the program has yet to set
 * @rekey_skip: rx.c: bytes of a handshake message that are still to come
 * @head: framing.c: the record at the head
 * @opened: rxbuf.c: opened application data, struct ktls_rxbuf; with keys from
 *	elsewhere records of other types, too
 * @opened_len: rxbuf.c: bytes in it; read without the lock
 * @opened_size: rxbuf.c: bytes of memory it takes; likewise
 * @opened_control: rxbuf.c: records of other types in it; likewise
 * @spare: rxbuf.c: a buffer for the next record, or NULL
 * @aad: rx.c: associated data where source and destination differ
 * @type: rx.c: likewise 1.3's type byte
 * @empty: rx.c: empty application records in a row
 * @warnings: alert.c: warning alerts in a row
 * @renegotiations: control.c: refused so far
 * @key_updates: key_update.c: received since the last application data, but for those
 *	that we have asked for
 * @key_updates_asked: key_update.c: how many we have asked for and not received
 * @msg: control.c: a handshake message that is not complete, behind its header
 * @msg_head: control.c: that header
 * @msg_have: control.c: bytes of it so far, header included
 */
struct ktls_rxq {
	struct sk_buff		*skb;
	const u8		*at;
	u32			at_len;
	u32			eaten;
	u32			need;
	u8			*raw;
	u32			raw_off;
	u32			raw_len;
	u32			raw_size;
	bool			stopped;
	bool			rekey;
	u32			rekey_skip;
	struct ktls_head	head;
	struct list_head	opened;
	size_t			opened_len;
	size_t			opened_size;
	u32			opened_control;
	struct ktls_rxbuf	*spare;
	u8			aad[KTLS_AAD_MAX];
	u8			type;
	u8			empty;
	u8			warnings;
	u8			renegotiations;
	u8			key_updates;
	u8			key_updates_asked;
	u8			*msg;
	u8			msg_head[4];
	u32			msg_have;
};

void ktls_rx_init(struct ktls_rl *rl);
void ktls_rx_free(struct ktls_rl *rl);
int ktls_rx_open(struct ktls_rl *rl, struct iov_iter *iter, size_t room, size_t *ret_len);
void ktls_rx_end_call(struct ktls_rl *rl);

#endif /* _KTLS_RECORD_RX_H */
