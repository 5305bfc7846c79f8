// SPDX-License-Identifier: GPL-2.0
/* KeyUpdate: replace the keys of a connection, RFC 8446 4.6.3.
 *
 * The sender of a direction replaces its keys, at a record boundary: the message is the
 * last record under the old keys. A reader never sends. It sets a flag, and the next
 * record of a sender, or the work of the context, sends the answer. If the peer asks
 * several times before that, it gets one answer.
 */
#include <linux/string.h>
#include <net/sock.h>

#include "record/dir.h"
#include "record/alert.h"
#include "record/key_update.h"
#include "record/rl.h"
#include "record/tx.h"
#include "mib.h"
#include "suite.h"
#include "wire.h"
#include <trace/events/ktls.h>

/* KeyUpdateRequest, RFC 8446 4.6.3 */
enum key_update_request {
	KEY_UPDATE_NOT_REQUESTED	= 0,
	KEY_UPDATE_REQUESTED		= 1,
};

/**
 * ktls_key_update_due - must sending keys be replaced before the next record?
 * @rl: an open connection
 *
 * Either the program or the peer has asked for it, or the AEAD's limit is reached (RFC
 * 8446 5.5). In TLS 1.2, and with external keys, that limit ends the connection.
 *
 * Context: socket lock held.
 * Return: whether one is due.
 */
bool ktls_key_update_due(const struct ktls_rl *rl)
{
	const struct ktls_dir *dir = &rl->flow->tx;

	sock_owned_by_me(rl->sk);
	if (likely(!rl->flow->key_update && dir->seq < dir->records_max))
		return false;
	return dir->keyed && dir->suite->version == KTLS_TLS_1_3 &&
	       rl->rules->key_update;
}

/**
 * ktls_key_update_send - send a KeyUpdate and replace the sending keys
 * @rl: a connection for which ktls_key_update_due() holds
 *
 * The open record is sealed before. New keys are derived first, so that nothing has
 * changed if there is no memory for them.
 *
 * Context: process context, socket lock held; never waits for TCP.
 * Return: 0; -ENOMEM, -ENOBUFS: nothing was sent, it is still due; -EPIPE: TCP takes
 * no more; another errno: the direction is dead.
 */
int ktls_key_update_send(struct ktls_rl *rl)
{
	const u8 message[] = {
		KTLS_HS_KEY_UPDATE, 0, 0, 1,
		rl->flow->key_update == KTLS_KEY_UPDATE_ASK ? KEY_UPDATE_REQUESTED :
							 KEY_UPDATE_NOT_REQUESTED,
	};
	struct ktls_rx_counts *counts = &rl->flow->counts;
	struct ktls_generation next;
	int err, err_advance;
	u64 seq;

	sock_owned_by_me(rl->sk);
	err = ktls_dir_next(&rl->flow->tx, &next);
	if (err)
		return err;

	err = ktls_tx_flush(rl);
	seq = rl->flow->tx.seq;
	if (!err)
		err = ktls_tx_record(rl, KTLS_CT_HANDSHAKE, message, sizeof(message));
	if (rl->flow->tx.seq != seq) {
		/* The record was sealed: the peer may receive it even after an error. */
		err_advance = ktls_dir_advance(&rl->flow->tx, &next);
		if (err_advance)
			ktls_tx_poison(rl, err_advance);
		err = err ?: err_advance;
		if (rl->flow->key_update == KTLS_KEY_UPDATE_ASK &&
		    counts->key_updates_asked < U8_MAX)
			counts->key_updates_asked++;
		trace_ktls_key_update(rl->sk, true, rl->flow->key_update == KTLS_KEY_UPDATE_ASK);
		rl->flow->key_update = KTLS_KEY_UPDATE_NONE;
		ktls_mib_inc(sock_net(rl->sk), KTLS_MIB_KEY_UPDATES_SENT);
	}
	memzero_explicit(&next, sizeof(next));
	return err;
}

/**
 * ktls_key_update_received - replace the receiving keys
 * @rl: an open connection of TLS 1.3
 * @data: the body of a KeyUpdate, which was the last message in its record
 * @len: bytes in it
 *
 * Too many in a row are refused, but for as many as we have asked for: a peer whose data
 * waits for room in its send buffer may have many answers to send. An answer looks like
 * an update of the peer's own: only those beyond the limit are taken for answers.
 *
 * Context: process context, socket lock held; sends only if it ends the connection.
 * Return: 0; -EPROTO, or for a lack of memory -ENOMEM: the connection has failed.
 */
int ktls_key_update_received(struct ktls_rl *rl, const u8 *data, size_t len)
{
	struct ktls_generation next;
	int err;

	sock_owned_by_me(rl->sk);
	if (len != 1)
		return ktls_alert_refuse(rl, KTLS_ALERT_DECODE_ERROR,
					 "the peer sent a malformed KeyUpdate");
	if (data[0] != KEY_UPDATE_REQUESTED && data[0] != KEY_UPDATE_NOT_REQUESTED)
		return ktls_alert_refuse(rl, KTLS_ALERT_ILLEGAL_PARAMETER,
					 "the peer sent a KeyUpdate that asks for something unknown");
	if (rl->flow->counts.key_updates < KTLS_KEY_UPDATES_MAX)
		rl->flow->counts.key_updates++;
	else if (rl->flow->counts.key_updates_asked)
		rl->flow->counts.key_updates_asked--;
	else
		return ktls_alert_refuse(rl, KTLS_ALERT_UNEXPECTED_MESSAGE,
					 "the peer does nothing but update its keys");

	err = ktls_dir_next(&rl->flow->rx, &next);
	if (!err)
		err = ktls_dir_advance(&rl->flow->rx, &next);
	memzero_explicit(&next, sizeof(next));
	if (err)
		return ktls_alert_fatal(rl, KTLS_ALERT_INTERNAL_ERROR, -err,
					"the peer's new keys could not be installed");
	trace_ktls_key_update(rl->sk, false, data[0] == KEY_UPDATE_REQUESTED);
	ktls_mib_inc(sock_net(rl->sk), KTLS_MIB_KEY_UPDATES_RCVD);

	if (data[0] == KEY_UPDATE_REQUESTED && !rl->flow->key_update) {
		rl->flow->key_update = KTLS_KEY_UPDATE_DUE;
		rl->rules->kick(rl);
	}
	return 0;
}

/**
 * ktls_key_update_start - replace the sending keys
 * @rl: an open connection of TLS 1.3 that may send
 * @ask: ask the peer to replace its keys, too
 *
 * Context: process context, socket lock held; never waits for TCP.
 * Return: 0, also if it will be sent once TCP has room; or as ktls_tx_push() and
 * ktls_key_update_send().
 */
int ktls_key_update_start(struct ktls_rl *rl, bool ask)
{
	int err;

	sock_owned_by_me(rl->sk);
	rl->flow->key_update = ask || rl->flow->key_update == KTLS_KEY_UPDATE_ASK ?
			 KTLS_KEY_UPDATE_ASK : KTLS_KEY_UPDATE_DUE;
	err = ktls_tx_push(rl);
	if (err)
		return err;
	return ktls_tx_idle(rl) ? ktls_key_update_send(rl) : 0;
}
