/* SPDX-License-Identifier: GPL-2.0 */
/* The record layer of a connection. */
#ifndef _KTLS_RECORD_RL_H
#define _KTLS_RECORD_RL_H

#include <linux/types.h>

#include "record/control.h"
#include "record/dir.h"
#include "record/framing.h"
#include "record/rx.h"
#include "record/rxbuf.h"
#include "record/txq.h"
#include "wire.h"

struct sock;

/**
 * struct ktls_rules - what depends on where the keys of a connection came from
 *
 * There are two constant tables, in socket/rules.c: one for keys of a handshake, one
 * for external keys (TLS_TX, TLS_RX), with which a socket behaves as mainline's TLS.
 *
 * @all_types: records of all types go to the program and come from it, each with its
 *	borders and its type; otherwise only application data do
 * @pack: small records opened ahead may share a buffer
 * @strict_types: the type in a record's header is checked
 * @strict_headers: a bad header is fatal; otherwise it is reported once, and nothing
 *	is received after it
 * @alerts: alerts are sent
 * @key_update: sending keys can be replaced with a KeyUpdate
 * @one_way: one direction may have keys and the other none
 * @strict_eof: a FIN without close_notify is an error, unless KTLS_EOF allows it
 * @error_before_eof: an error of the socket is reported before the end of the stream
 * @sticky_reset: reading reports a reset each time
 * @eor_with_more: MSG_EOR may be combined with MSG_MORE
 * @tcp_shut_rd: SHUT_RD is passed on to TCP
 * @linger: a closed socket is kept until its peer has closed, too
 * @ciphertext13_max: bytes behind the header of a record of TLS 1.3
 * @fail: a fatal error, with ktls_rl.reason set; returns -@err or another negative errno.
 *	Process context, socket lock held
 * @kick: there is something to send; any context. NULL without @key_update
 * @ticket: a valid NewSessionTicket has come; returns 0 or a negative errno. Process
 *	context, socket lock held. NULL with @all_types
 */
struct ktls_rules {
	bool			all_types;
	bool			pack;
	bool			strict_types;
	bool			strict_headers;
	bool			alerts;
	bool			key_update;
	bool			one_way;
	bool			strict_eof;
	bool			error_before_eof;
	bool			sticky_reset;
	bool			eor_with_more;
	bool			tcp_shut_rd;
	bool			linger;
	u16			ciphertext13_max;
	int			(*fail)(struct ktls_rl *rl, int err);
	void			(*kick)(struct ktls_rl *rl);
	int			(*ticket)(struct ktls_rl *rl, const u8 *body, size_t len);
};

/**
 * struct ktls_rl - the record layer of a connection; under the socket lock
 * @sk: the socket; the owner of the struct has the reference
 * @rules: never NULL; also read without the lock
 * @role: enum ktls_role, 0: undecided
 * @tx: keys and counters of the sending direction
 * @rx: likewise of the receiving direction
 * @txq: sealed bytes TCP has not taken, and the open record (tx.c)
 * @framing: received records that are not opened (framing.c)
 * @opening: the record that is being opened (rx.c)
 * @opened: records that were opened and not read (rxbuf.c)
 * @control: an incomplete handshake message (control.c)
 * @counts: what the peer may do only a few times in a row
 * @key_update: enum ktls_key_update: what must be sent before the next record
 * @padding: KTLS_RECORD_PADDING
 * @max_payload: largest plaintext fragment to send, bytes
 * @alert_sent: enum ktls_alert
 * @alert_rcvd: enum ktls_alert
 * @reason: for KTLS_ERROR: why the connection failed (reason.c); NULL: it has not. Replaced
 *	with the spinlock of the socket lock held, too
 */
struct ktls_rl {
	struct sock		*sk;
	const struct ktls_rules	*rules;
	u8			role;
	struct ktls_dir		tx;
	struct ktls_dir		rx;
	struct ktls_txq		txq;
	struct ktls_framing	framing;
	struct ktls_opening	opening;
	struct ktls_opened	opened;
	struct ktls_control	control;
	struct ktls_rx_counts	counts;
	u8			key_update;
	u16			padding;
	u32			max_payload;
	u8			alert_sent;
	u8			alert_rcvd;
	const char		*reason;
};

/* The socket lock is held, or nobody else knows @rl. */
void ktls_rl_init(struct ktls_rl *rl, struct sock *sk, const struct ktls_rules *rules);
void ktls_rl_reset(struct ktls_rl *rl, const struct ktls_rules *rules);
void ktls_rl_free(struct ktls_rl *rl);

#endif /* _KTLS_RECORD_RL_H */
