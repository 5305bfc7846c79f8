/* SPDX-License-Identifier: GPL-2.0 */
/* The record layer of a connection. */
#ifndef _KTLS_RECORD_RL_H
#define _KTLS_RECORD_RL_H

#include <linux/compiler.h>
#include <linux/types.h>
#include <net/sock.h>

#include "config.h"
#include "record/control.h"
#include "record/dir.h"
#include "record/framing.h"
#include "record/rx.h"
#include "record/rxbuf.h"
#include "record/txq.h"
#include "wire.h"

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
 * @config: the configuration of the socket, whose memory cgroup is charged. Process context,
 *	socket lock held
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
	const struct ktls_config *(*config)(const struct ktls_rl *rl);
	int			(*fail)(struct ktls_rl *rl, int err);
	void			(*kick)(struct ktls_rl *rl);
	int			(*ticket)(struct ktls_rl *rl, const u8 *body, size_t len);
};

/**
 * struct ktls_flow - what the record layer needs for records; under the socket lock
 * @tx: keys and counters of the sending direction
 * @rx: likewise of the receiving direction
 * @txq: sealed bytes TCP has not taken, and the open record (tx.c)
 * @framing: received records that are not opened (framing.c)
 * @opening: the record that is being opened (rx.c)
 * @opened: records that were opened and not read (rxbuf.c)
 * @control: an incomplete handshake message (control.c)
 * @counts: what the peer may do only a few times in a row
 * @key_update: enum ktls_key_update: what must be sent before the next record
 *
 * Nothing in it is secret: keys and records are behind pointers.
 */
struct ktls_flow {
	struct ktls_dir		tx;
	struct ktls_dir		rx;
	struct ktls_txq		txq;
	struct ktls_framing	framing;
	struct ktls_opening	opening;
	struct ktls_opened	opened;
	struct ktls_control	control;
	struct ktls_rx_counts	counts;
	u8			key_update;
};

/**
 * struct ktls_rl - the record layer of a connection; under the socket lock
 * @sk: the socket; the owner of the struct has the reference
 * @rules: never NULL; also read without the lock
 * @flow: what records need; never NULL, and also followed without the lock. Before there are
 *	records, &ktls_flow_none: read-only, so that whoever only reads need not know.
 *	ktls_rl_start() replaces it, and it stays until the owner of the struct frees both
 * @tx: the sending direction, with or without keys
 * @rx: likewise the receiving direction
 * @role: enum ktls_role, 0: undecided
 * @alert_sent: enum ktls_alert
 * @alert_rcvd: enum ktls_alert
 * @padding: KTLS_RECORD_PADDING
 * @max_payload: largest plaintext fragment to send, bytes
 * @reason: for KTLS_ERROR: why the connection failed (reason.c); NULL: it has not. Replaced
 *	with the spinlock of the socket lock held, too
 */
struct ktls_rl {
	struct sock		*sk;
	const struct ktls_rules	*rules;
	struct ktls_flow	*flow;
	struct ktls_half	tx;
	struct ktls_half	rx;
	u8			role;
	u8			alert_sent;
	u8			alert_rcvd;
	u16			padding;
	u16			max_payload;
	const char		*reason;
};

extern struct ktls_flow ktls_flow_none;

/* Has ktls_rl_start() been called? Any context */
static inline bool ktls_rl_has_flow(const struct ktls_rl *rl)
{
	return READ_ONCE(rl->flow) != &ktls_flow_none;
}

/**
 * ktls_rl_zalloc - memory for bytes of the peer
 * @rl: the record layer
 * @size: bytes, all zeros
 *
 * Charged to the program, also if it is a kworker that opens records, or does the handshake.
 *
 * Context: process context, socket lock held; may sleep.
 * Return: memory for kvfree(); NULL.
 */
static inline void *ktls_rl_zalloc(const struct ktls_rl *rl, size_t size)
{
	sock_owned_by_me(rl->sk);
	return ktls_config_zalloc(rl->rules->config(rl), size);
}

/* The socket lock is held, or nobody else knows @rl. */
void ktls_rl_init(struct ktls_rl *rl, struct sock *sk, const struct ktls_rules *rules);
void ktls_rl_start(struct ktls_rl *rl, struct ktls_flow *flow);
void ktls_rl_reset(struct ktls_rl *rl, const struct ktls_rules *rules);
void ktls_rl_free(struct ktls_rl *rl);

#endif /* _KTLS_RECORD_RL_H */
