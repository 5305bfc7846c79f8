// SPDX-License-Identifier: GPL-2.0
/* SOCKETS: all sockets of a namespace, over netlink (include/netlink/ktls.yaml).
 *
 * Programs hold socket locks as long as they like, so none is waited for: what could be
 * freed meanwhile is read under the spinlock of the socket lock, or RCU.
 *
 * ss shows everybody the addresses of all sockets, and /proc/net/tcp does. Names of
 * peers and identities are more: of others' sockets only CAP_NET_ADMIN sees them, as it can
 * capture the handshake and see most of them there.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/ktime.h>
#include <net/genetlink.h>
#include <net/tcp.h>
#include <uapi/linux/ktls.h>
#include <uapi/linux/ktls_netlink.h>

#include "config.h"
#include "session.h"
#include "wire.h"
#include "helper/netlink.h"
#include "helper/peer.h"
#include "helper/request.h"
#include "socket/ctx.h"
#include "socket/diag.h"
#include "socket/dump.h"
#include "socket/table.h"

/* Sockets that a call looks at, of which it may report none. */
#define DUMP_LOOKS_MAX		4096

/* netlink_callback.args[] */
enum dump_args {
	DUMP_INDEX,		/* where the table is to be continued */
	DUMP_SCOPE,		/* enum dump_scope */
};

enum dump_scope {
	DUMP_SCOPE_UNKNOWN,		/* first call */
	DUMP_SCOPE_ALL,
	DUMP_SCOPE_OWN,
};

/* Longest of each: a byte for the length of SNI, 253 for names, 255 for a reason. */
struct dump_texts {
	u8	name[255];
	u8	peer[255];
	u8	alpn[255];
	char	reason[KTLS_REASON_MAX];
	size_t	name_len, peer_len, alpn_len, reason_len;
};

static size_t dump_copy(void *to, size_t room, const void *from, size_t len)
{
	len = min(len, room);
	memcpy(to, from, len);
	return len;
}

/* The owner of the socket lock replaces these under its spinlock. */
static void dump_read_texts(const struct ktls_ctx *ctx, struct dump_texts *texts)
{
	const struct ktls_session *session = ktls_ctx_session(ctx);
	struct sock *sk = ctx->rl.sk;
	const void *peer;
	size_t len;

	memset(texts, 0, sizeof(*texts));
	spin_lock_bh(&sk->sk_lock.slock);
	len = ktls_session_name_len(session);
	if (len)
		texts->name_len = dump_copy(texts->name, sizeof(texts->name),
					    ktls_session_name(session), len);
	len = ktls_session_alpn_len(session);
	if (len)
		texts->alpn_len = dump_copy(texts->alpn, sizeof(texts->alpn),
					    session->details->data, len);
	peer = ktls_peer_get(session->verified ? session->peer : NULL, KTLS_PEER_PART_NAME,
			     &len);
	if (peer)
		texts->peer_len = dump_copy(texts->peer, sizeof(texts->peer), peer, len);
	if (ctx->rl.reason)
		texts->reason_len = dump_copy(texts->reason, sizeof(texts->reason),
					      ctx->rl.reason, strlen(ctx->rl.reason));
	spin_unlock_bh(&sk->sk_lock.slock);
}

static int dump_put_text(struct sk_buff *skb, int attr, const void *text, size_t len)
{
	return len ? nla_put(skb, attr, len, text) : 0;
}

static int dump_put_blob(struct sk_buff *skb, int attr, const struct ktls_blob *blob)
{
	return blob ? nla_put(skb, attr, blob->len, blob->data) : 0;
}

/* What the program has set. A configuration is immutable once it is used. */
static int dump_put_config(struct sk_buff *skb, const struct ktls_ctx *ctx, bool named)
{
	struct ktls_config *config;
	int err;

	rcu_read_lock();
	config = ktls_config_get_frozen(READ_ONCE(ctx->config));
	rcu_read_unlock();
	if (!config)
		return 0;
	err = dump_put_blob(skb, KTLS_A_IDENTITY, ktls_config_blob(config, KTLS_IDENTITY));
	if (!err && !named)
		err = dump_put_blob(skb, KTLS_A_SERVER_NAME,
				    ktls_config_blob(config, KTLS_SERVER_NAME));
	ktls_config_put(config);
	return err;
}

static int dump_put_names(struct sk_buff *skb, const struct ktls_ctx *ctx)
{
	struct dump_texts texts;

	dump_read_texts(ctx, &texts);
	if (dump_put_text(skb, KTLS_A_SERVER_NAME, texts.name, texts.name_len) ||
	    dump_put_text(skb, KTLS_A_PEER_NAME, texts.peer, texts.peer_len) ||
	    dump_put_text(skb, KTLS_A_ALPN, texts.alpn, texts.alpn_len) ||
	    dump_put_text(skb, KTLS_A_REASON, texts.reason, texts.reason_len))
		return -EMSGSIZE;
	return dump_put_config(skb, ctx, texts.name_len);
}

static int dump_put_address(struct sk_buff *skb, int attr, const union ktls_address *address)
{
	if (address->sa.sa_family == AF_INET6)
		return address->in6.sin6_port ?
		       nla_put(skb, attr, sizeof(address->in6), &address->in6) : 0;
	return address->in.sin_port ? nla_put(skb, attr, sizeof(address->in), &address->in) : 0;
}

static int dump_put_addresses(struct sk_buff *skb, const struct sock *sk)
{
	union ktls_address local = { }, peer = { };

	ktls_request_addresses(sk, &local, &peer);
	return dump_put_address(skb, KTLS_A_LOCAL_ADDR, &local) ? :
	       dump_put_address(skb, KTLS_A_PEER_ADDR, &peer);
}

static int dump_put_times(struct sk_buff *skb, const struct ktls_ctx *ctx)
{
	const struct sock *sk = ctx->rl.sk;
	u32 age = (u32)ktime_get_seconds() - READ_ONCE(ctx->since);

	if (nla_put_u32(skb, KTLS_A_AGE, age))
		return -EMSGSIZE;
	if ((1 << READ_ONCE(sk->sk_state)) & (TCPF_CLOSE | TCPF_LISTEN | TCPF_SYN_SENT))
		return 0;
	return nla_put_u32(skb, KTLS_A_TX_IDLE,
			   jiffies_to_msecs(tcp_jiffies32 - READ_ONCE(tcp_sk(sk)->lsndtime))) ? :
	       nla_put_u32(skb, KTLS_A_RX_IDLE,
			   jiffies_to_msecs(tcp_jiffies32 -
					    READ_ONCE(inet_csk(sk)->icsk_ack.lrcvtime)));
}

static int dump_put_owner(struct sk_buff *skb, const struct ktls_ctx *ctx,
			  const struct netlink_callback *cb)
{
	struct user_namespace *ns = sk_user_ns(NETLINK_CB(cb->skb).sk);
	struct sock *sk = ctx->rl.sk;

	if (nla_put_u32(skb, KTLS_A_UID, from_kuid_munged(ns, READ_ONCE(sk->sk_uid))))
		return -EMSGSIZE;
	/* A connection without a file has a struct socket that no program has. */
	return READ_ONCE(ctx->attach.graft) ? 0 :
	       nla_put_u64_64bit(skb, KTLS_A_INODE, sock_i_ino(sk), KTLS_A_PAD);
}

static int dump_put(struct sk_buff *skb, const struct ktls_ctx *ctx,
		    const struct netlink_callback *cb)
{
	struct ktls_info info;
	void *header;

	header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			     &ktls_netlink_family, NLM_F_MULTI, KTLS_CMD_SOCKETS);
	if (!header)
		return -EMSGSIZE;
	ktls_diag_fill(ctx, &info);
	if (nla_put_64bit(skb, KTLS_A_INFO, sizeof(info), &info, KTLS_A_PAD) ||
	    dump_put_owner(skb, ctx, cb) || dump_put_addresses(skb, ctx->rl.sk) ||
	    dump_put_times(skb, ctx) || dump_put_names(skb, ctx) ||
	    (!ctx->rl.rules->alerts && nla_put_flag(skb, KTLS_A_EXTERNAL))) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return 0;
}

/* Decided once, by the task that has sent the request: another one may receive.
 * Return: 0, or -EPERM for one with the netlink socket of another user.
 */
static int dump_set_scope(const struct sk_buff *skb, struct netlink_callback *cb)
{
	if (cb->args[DUMP_SCOPE] != DUMP_SCOPE_UNKNOWN)
		return 0;
	if (netlink_ns_capable(cb->skb, sock_net(skb->sk)->user_ns, CAP_NET_ADMIN))
		cb->args[DUMP_SCOPE] = DUMP_SCOPE_ALL;
	else if (uid_eq(current_euid(), READ_ONCE(NETLINK_CB(cb->skb).sk->sk_uid)))
		cb->args[DUMP_SCOPE] = DUMP_SCOPE_OWN;
	else
		return -EPERM;
	return 0;
}

static bool dump_shows(const struct ktls_ctx *ctx, const struct netlink_callback *cb)
{
	kuid_t own = READ_ONCE(NETLINK_CB(cb->skb).sk->sk_uid);

	if (test_bit(KTLS_F_GONE, &ctx->flags))
		return false;
	return cb->args[DUMP_SCOPE] == DUMP_SCOPE_ALL ||
	       uid_eq(READ_ONCE(ctx->rl.sk->sk_uid), own);
}

/**
 * ktls_dump_sockets - a part of a dump of sockets
 * @skb: filled
 * @cb: of the dump; nothing is held from one call to the next
 *
 * Context: process, socket lock not held. Each call ends when @skb is
 * full or it has looked at DUMP_LOOKS_MAX sockets, for the namespace may have a million
 * and the caller one. If the program stops reading, no call follows.
 * Return: bytes in @skb; 0: that was all; -EINTR or -EPERM.
 */
int ktls_dump_sockets(struct sk_buff *skb, struct netlink_callback *cb)
{
	unsigned long index = cb->args[DUMP_INDEX];
	struct ktls_ctx *ctx;
	unsigned int looks;
	int err;

	err = dump_set_scope(skb, cb);
	if (err)
		return err;
	for (looks = 0; looks < DUMP_LOOKS_MAX; looks++) {
		ctx = index <= U32_MAX ? ktls_table_next(sock_net(skb->sk), &index) : NULL;
		if (!ctx)
			return skb->len;
		err = dump_shows(ctx, cb) ? dump_put(skb, ctx, cb) : 0;
		ktls_ctx_put(ctx);
		if (err)
			return skb->len ? : err;
		cb->args[DUMP_INDEX] = ++index;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	/* Without a message the program would not be given its turn. */
	if (!skb->len)
		nlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, NLMSG_NOOP, 0,
			  NLM_F_MULTI);
	return skb->len;
}
