// SPDX-License-Identifier: GPL-2.0
/* The record layer of a connection: init, reset, free. */
#include <linux/string.h>
#include <kunit/visibility.h>
#include <net/sock.h>

#include "record/dir.h"
#include "record/framing.h"
#include "record/key_update.h"
#include "record/reason.h"
#include "record/rl.h"
#include "record/rx.h"
#include "record/tx.h"
#include "wire.h"

static void rl_init(struct ktls_rl *rl)
{
	ktls_rx_init(rl);
	rl->alert_sent = KTLS_ALERT_NONE;
	rl->alert_rcvd = KTLS_ALERT_NONE;
	rl->max_payload = KTLS_PAYLOAD_MAX;
}

/**
 * ktls_rl_init - a record layer without keys
 * @rl: all zeros
 * @sk: its socket; the caller has the reference
 * @rules: its rules
 *
 * Context: any, nobody else knows @rl yet.
 */
void ktls_rl_init(struct ktls_rl *rl, struct sock *sk, const struct ktls_rules *rules)
{
	rl->sk = sk;
	rl->rules = rules;
	rl_init(rl);
}

/**
 * ktls_rl_reset - forget a connection, before the socket is connected anew
 * @rl: the record layer; the padding does not change
 * @rules: its new rules
 *
 * Context: process context, socket lock held.
 */
void ktls_rl_reset(struct ktls_rl *rl, const struct ktls_rules *rules)
{
	sock_owned_by_me(rl->sk);
	ktls_rl_free(rl);
	memset(&rl->tx, 0, sizeof(rl->tx));
	memset(&rl->rx, 0, sizeof(rl->rx));
	rl->role = 0;
	rl->key_update = KTLS_KEY_UPDATE_NONE;
	WRITE_ONCE(rl->rules, rules);
	rl_init(rl);
}

/**
 * ktls_rl_free - wipe and free unsent and unread data, the keys, the reason
 * @rl: the record layer
 *
 * Context: process context, socket lock held, or nobody else knows @rl any longer.
 */
void ktls_rl_free(struct ktls_rl *rl)
{
	ktls_tx_free(rl);
	ktls_rx_free(rl);
	ktls_framing_free(rl);
	ktls_dir_clear(&rl->tx);
	ktls_dir_clear(&rl->rx);
	ktls_reason_clear(rl);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_rl_free);
