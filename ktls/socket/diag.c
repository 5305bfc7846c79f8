// SPDX-License-Identifier: GPL-2.0
/* What KTLS_INFO tells of a socket; and what `ss -tie` shows: in mainline's attributes,
 * because that is what it knows, whichever name the ULP has. Nothing here is secret.
 */
#include <linux/inet_diag.h>
#include <linux/tls.h>
#include <linux/string.h>
#include <net/netlink.h>
#include <uapi/linux/ktls.h>

#include "suite.h"
#include "record/aead.h"
#include "socket/ctx.h"
#include "socket/diag.h"

/**
 * ktls_diag_fill - what KTLS_INFO tells of a socket
 * @ctx: its context
 * @info: all of it is written
 *
 * Context: any. Without the socket lock the values may be of different moments.
 */
void ktls_diag_fill(const struct ktls_ctx *ctx, struct ktls_info *info)
{
	const struct ktls_session *session = ktls_ctx_session(ctx);
	const struct ktls_flow *flow = READ_ONCE(ctx->rl.flow);

	memset(info, 0, sizeof(*info));
	info->state = ctx->state;
	info->role = ctx->rl.role;
	info->version = session->version;
	info->suite = session->suite;
	info->group = session->group;
	info->sigalg = session->sigalg;
	info->alert_sent = ctx->rl.alert_sent;
	info->alert_rcvd = ctx->rl.alert_rcvd;
	info->handshake_ms = session->handshake_ms;
	info->max_payload = session->version ? ctx->rl.max_payload : 0;
	info->tx_records = flow->tx.records;
	info->rx_records = flow->rx.records;
	info->tx_bytes = flow->tx.bytes;
	info->rx_bytes = flow->rx.bytes;
	info->tx_key_updates = flow->tx.key_updates;
	info->rx_key_updates = flow->rx.key_updates;
	info->revocation = session->revocation;
	if (session->resumed)
		info->flags |= KTLS_INFO_RESUMED;
	if (session->verified)
		info->flags |= KTLS_INFO_VERIFIED;
	if (session->peer_certs)
		info->flags |= KTLS_INFO_PEER_CERT;
	if (ctx->rl.tx.closed && ctx->rl.rules->alerts)
		info->flags |= KTLS_INFO_CLOSE_SENT;
	if (ctx->rl.rx.closed)
		info->flags |= KTLS_INFO_CLOSE_RCVD;
}

/* TLS_CONF_* */
static u16 diag_conf(const struct ktls_dir *dir)
{
	return READ_ONCE(dir->keyed) ? TLS_CONF_SW : TLS_CONF_BASE;
}

/* The cipher of the direction that has a key. It may go meanwhile: the table of
 * suites is constant, and so is the pointer once it is set.
 */
static u16 diag_cipher(const struct ktls_flow *flow)
{
	const struct ktls_dir *dir = READ_ONCE(flow->tx.keyed) ? &flow->tx : &flow->rx;
	const struct ktls_suite *suite = READ_ONCE(dir->suite);

	return suite ? suite->cipher->info_type : 0;
}

static int diag_put(const struct ktls_ctx *ctx, struct sk_buff *skb)
{
	u16 version = READ_ONCE(ktls_ctx_session(ctx)->version);
	const struct ktls_flow *flow = READ_ONCE(ctx->rl.flow);
	u16 cipher = diag_cipher(flow);

	if ((version && nla_put_u16(skb, TLS_INFO_VERSION, version)) ||
	    (cipher && nla_put_u16(skb, TLS_INFO_CIPHER, cipher)) ||
	    nla_put_u16(skb, TLS_INFO_TXCONF, diag_conf(&flow->tx)) ||
	    nla_put_u16(skb, TLS_INFO_RXCONF, diag_conf(&flow->rx)) ||
	    (READ_ONCE(ctx->external.no_pad) && nla_put_flag(skb, TLS_INFO_RX_NO_PAD)) ||
	    nla_put_u16(skb, TLS_INFO_TX_MAX_PAYLOAD_LEN,
			READ_ONCE(ctx->rl.max_payload)))
		return -EMSGSIZE;
	return 0;
}

/**
 * ktls_diag_get_info - tcp_ulp_ops.get_info
 * @sk: the socket
 * @skb: the answer
 * @net_admin: whether the caller has CAP_NET_ADMIN; it gets no more than others
 *
 * Context: any, lockless: the context is found under RCU.
 * Return: 0, or -EMSGSIZE if the answer has no room.
 */
int ktls_diag_get_info(struct sock *sk, struct sk_buff *skb, bool net_admin)
{
	struct nlattr *nest = nla_nest_start_noflag(skb, INET_ULP_INFO_TLS);
	const struct ktls_ctx *ctx;
	int err = 0;

	if (!nest)
		return -EMSGSIZE;
	rcu_read_lock();
	ctx = ktls_ctx_get(sk);
	if (ctx)
		err = diag_put(ctx, skb);
	rcu_read_unlock();
	if (err || !ctx)
		nla_nest_cancel(skb, nest);
	else
		nla_nest_end(skb, nest);
	return err;
}

/**
 * ktls_diag_get_info_size - tcp_ulp_ops.get_info_size
 * @sk: the socket
 * @net_admin: as for ktls_diag_get_info()
 *
 * Context: any.
 * Return: the most that ktls_diag_get_info() may need.
 */
size_t ktls_diag_get_info_size(const struct sock *sk, bool net_admin)
{
	return nla_total_size(0) +		/* the nest */
	       5 * nla_total_size(sizeof(u16)) +
	       nla_total_size(0);		/* a flag */
}
