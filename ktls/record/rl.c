// SPDX-License-Identifier: GPL-2.0
/* The record layer of a connection: init, start, reset, free. */
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
	rl->flow = &ktls_flow_none;
	rl_init(rl);
}

/**
 * ktls_rl_start - records are going to be sent or received
 * @rl: the record layer, without a flow
 * @flow: all zeros; stays the caller's, who frees it with @rl
 *
 * Context: process context, socket lock held. Others may follow ktls_rl.flow meanwhile.
 */
void ktls_rl_start(struct ktls_rl *rl, struct ktls_flow *flow)
{
	sock_owned_by_me(rl->sk);
	ktls_framing_init(&flow->framing);
	ktls_rxbuf_init(&flow->opened);
	/* Pairs with READ_ONCE() of those without the lock. */
	smp_store_release(&rl->flow, flow);
}

static void rl_reset_flow(struct ktls_flow *flow)
{
	memset(&flow->tx, 0, sizeof(flow->tx));
	memset(&flow->rx, 0, sizeof(flow->rx));
	ktls_framing_init(&flow->framing);
	ktls_rxbuf_init(&flow->opened);
	flow->opening.rekey = false;
	flow->opening.rekey_skip = 0;
	flow->key_update = KTLS_KEY_UPDATE_NONE;
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
	if (ktls_rl_has_flow(rl))
		rl_reset_flow(rl->flow);
	memset(&rl->tx, 0, sizeof(rl->tx));
	memset(&rl->rx, 0, sizeof(rl->rx));
	rl->role = 0;
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
	ktls_reason_clear(rl);
	if (!ktls_rl_has_flow(rl))
		return;
	ktls_tx_free(rl);
	ktls_rx_free(rl);
	ktls_framing_free(rl);
	ktls_dir_clear(&rl->flow->tx);
	ktls_dir_clear(&rl->flow->rx);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_rl_free);
