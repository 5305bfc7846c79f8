// SPDX-License-Identifier: GPL-2.0
/*
 * The generic netlink family "ktls": who may speak, and what a message may look
 * like. include/netlink/ktls.yaml is the source of truth for the tables here;
 * selftests/netlink_spec.py compares them.
 *
 * A handler holds no lock that a socket waits for, and the family's operations
 * run in parallel: what one helper socket says is put in order by its port's
 * mutex.
 */
#include <linux/module.h>
#include <net/genetlink.h>
#include <net/netns/generic.h>
#include <net/sock.h>
#include <kunit/visibility.h>

#include <ktls/wire.h>

#include "config.h"
#include "helper/answer.h"
#include "helper/dispatch.h"
#include "helper/message.h"
#include "helper/netlink.h"
#include "helper/request.h"
#include "helper/ticket.h"
#include "mib.h"

/* Replies to CONFIG that wait for room in a helper's receive buffer, a request. */
#define NETLINK_PIECES_MAX	8

/* --- what a message may look like ----------------------------------------- */

static const struct nla_policy netlink_register_policy[KTLS_A_CREDIT + 1] = {
	[KTLS_A_PROTOCOL]	= { .type = NLA_U32 },
	[KTLS_A_CREDIT]		= NLA_POLICY_RANGE(NLA_U32, 1, KTLS_CREDIT_MAX),
};

static const struct nla_policy netlink_config_policy[KTLS_A_OFFSET + 1] = {
	[KTLS_A_ID]		= { .type = NLA_U64 },
	[KTLS_A_CONFIG_ATTR]	= NLA_POLICY_MAX(NLA_U32, KTLS_CONFIG_MAX),
	[KTLS_A_OFFSET]		= { .type = NLA_U32 },
};

static const struct nla_policy netlink_data_policy[KTLS_A_MORE + 1] = {
	[KTLS_A_ID]		= { .type = NLA_U64 },
	[KTLS_A_RECORDS]	= { .type = NLA_BINARY, .len = KTLS_GENL_DATA_MAX },
	[KTLS_A_MORE]		= { .type = NLA_FLAG },
};

static const struct nla_policy netlink_done_policy[KTLS_A_PEER_FINGERPRINT + 1] = {
	[KTLS_A_ID]		= { .type = NLA_U64 },
	[KTLS_A_SERVER_NAME]	= { .type = NLA_STRING, .len = KTLS_SERVER_NAME_MAX },
	[KTLS_A_ALPN]		= { .type = NLA_BINARY, .len = KTLS_PROTOCOL_MAX },
	[KTLS_A_RECORDS]	= { .type = NLA_BINARY, .len = KTLS_GENL_DATA_MAX },
	[KTLS_A_ERRNO]		= NLA_POLICY_MAX(NLA_U32, MAX_ERRNO),
	[KTLS_A_ALERT]		= { .type = NLA_U8 },
	[KTLS_A_ALERT_RCVD]	= { .type = NLA_FLAG },
	[KTLS_A_SENTENCE]	= { .type = NLA_STRING, .len = KTLS_GENL_SENTENCE_MAX },
	[KTLS_A_VERSION]	= { .type = NLA_U16 },
	[KTLS_A_SUITE]		= { .type = NLA_U16 },
	[KTLS_A_GROUP]		= { .type = NLA_U16 },
	[KTLS_A_SIGALG]		= { .type = NLA_U16 },
	[KTLS_A_CONSUMED]	= { .type = NLA_U32 },
	[KTLS_A_TX_SECRET]	= { .type = NLA_BINARY, .len = KTLS_GENL_SECRET_MAX },
	[KTLS_A_RX_SECRET]	= { .type = NLA_BINARY, .len = KTLS_GENL_SECRET_MAX },
	[KTLS_A_TX_IV]		= { .type = NLA_BINARY, .len = KTLS_NONCE_SIZE },
	[KTLS_A_RX_IV]		= { .type = NLA_BINARY, .len = KTLS_NONCE_SIZE },
	[KTLS_A_TX_SEQ]		= { .type = NLA_U64 },
	[KTLS_A_RX_SEQ]		= { .type = NLA_U64 },
	[KTLS_A_TX_NONCE]	= { .type = NLA_U64 },
	[KTLS_A_EXPORTER]	= { .type = NLA_BINARY, .len = KTLS_GENL_EXPORTER_MAX },
	[KTLS_A_MAX_FRAGMENT]	= { .type = NLA_U32 },
	[KTLS_A_VERIFIED]	= { .type = NLA_FLAG },
	[KTLS_A_RESUMED]	= { .type = NLA_FLAG },
	[KTLS_A_PEER_NAME]	= { .type = NLA_STRING, .len = KTLS_SERVER_NAME_MAX },
	[KTLS_A_PEER_CERT]	= { .type = NLA_BINARY },
	[KTLS_A_CHAIN_CERT]	= { .type = NLA_BINARY },
	[KTLS_A_MESSAGES]	= NLA_POLICY_MAX(NLA_U32, KTLS_GENL_MESSAGES_MAX),
	[KTLS_A_PEER_SUBJECT]	= { .type = NLA_STRING, .len = KTLS_GENL_PEER_MAX },
	[KTLS_A_PEER_NAMES]	= { .type = NLA_STRING, .len = KTLS_GENL_PEER_MAX },
	[KTLS_A_PEER_FINGERPRINT] = { .type = NLA_BINARY, .len = KTLS_GENL_FINGERPRINT },
};

static const struct nla_policy netlink_cancel_policy[KTLS_A_ID + 1] = {
	[KTLS_A_ID]		= { .type = NLA_U64 },
};

static const struct nla_policy netlink_message_policy[KTLS_A_ID + 1] = {
	[KTLS_A_ID]		= { .type = NLA_U64 },
};

static_assert(KTLS_GENL_SENTENCE_MAX + 1 == KTLS_REASON_MAX);
static_assert(KTLS_GENL_CHAINS_MAX == KTLS_CERTS_MAX);
static_assert(KTLS_GENL_GROUPS_MAX == KTLS_GROUPS_MAX);
static_assert(KTLS_GENL_TICKET_MAX == KTLS_CONTROL_MAX);
static_assert(KTLS_GENL_PEER_MAX == KTLS_PEER_TEXT_MAX);
static_assert(KTLS_GENL_FINGERPRINT == KTLS_PEER_FINGERPRINT_SIZE);

/* --- REGISTER ------------------------------------------------------------- */

static int netlink_check_register(struct genl_info *info)
{
	if (GENL_REQ_ATTR_CHECK(info, KTLS_A_PROTOCOL) ||
	    GENL_REQ_ATTR_CHECK(info, KTLS_A_CREDIT)) {
		NL_SET_ERR_MSG(info->extack, "REGISTER needs PROTOCOL and CREDIT");
		return -EINVAL;
	}
	if (nla_get_u32(info->attrs[KTLS_A_PROTOCOL]) != KTLS_GENL_VERSION) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[KTLS_A_PROTOCOL],
				    "this kernel speaks version "
				    __stringify(KTLS_GENL_VERSION) " of the contract");
		return -EPROTONOSUPPORT;
	}
	return 0;
}

/* Permission over the namespace was checked by GENL_UNS_ADMIN_PERM. */
static int netlink_register_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ktls_net *kn = ktls_net(genl_info_net(info));
	struct sock *sk = NETLINK_CB(skb).sk;
	struct ktls_port *port;
	struct sk_buff *reply;
	int err;

	err = netlink_check_register(info);
	if (err)
		return err;
	if (!sk->sk_socket || !sk->sk_socket->file) {
		NL_SET_ERR_MSG(info->extack, "only the socket of a program may register");
		return -EPERM;
	}
	reply = ktls_message_suites(info);
	if (!reply)
		return -ENOMEM;
	port = ktls_port_new(kn, sk, info->snd_portid,
			     nla_get_u32(info->attrs[KTLS_A_CREDIT]), ktls_dispatch_work);
	if (!port) {
		nlmsg_free(reply);
		return -ENOMEM;
	}
	err = ktls_port_add(port, info->extack);
	if (err) {
		ktls_mib_inc(kn->net, KTLS_MIB_UPCALL_BAD);
		nlmsg_free(reply);
		ktls_dispatch_discard(port);
		return err;
	}

	/* ORDER: nothing goes to the port before it knows that it is one. */
	err = genlmsg_reply(reply, info);
	if (err) {
		ktls_dispatch_discard(port);
		return err;
	}
	ktls_port_credit(port, port->credit);
	ktls_dispatch_any(kn);
	ktls_port_put(port);
	return 0;
}

/* --- CONFIG, DATA, DONE, CANCEL, MESSAGE ------------------------------------------ */

static int netlink_config(struct ktls_port *port, struct ktls_request *req,
			  struct genl_info *info)
{
	struct sk_buff_head messages;
	const struct ktls_blob *blob;
	u32 attr, offset;
	struct sk_buff *skb;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, KTLS_A_CONFIG_ATTR) ||
	    GENL_REQ_ATTR_CHECK(info, KTLS_A_OFFSET)) {
		NL_SET_ERR_MSG(info->extack, "CONFIG needs CONFIG_ATTR and OFFSET");
		return -EINVAL;
	}
	err = ktls_answer_allowed(port, req, info, NULL);
	if (err)
		return err;
	if (skb_queue_len_lockless(&req->out.messages) >= NETLINK_PIECES_MAX) {
		NL_SET_ERR_MSG(info->extack, "read the pieces you were sent first");
		return -EBUSY;
	}
	attr = nla_get_u32(info->attrs[KTLS_A_CONFIG_ATTR]);
	offset = nla_get_u32(info->attrs[KTLS_A_OFFSET]);
	blob = ktls_config_part(req->params.config, attr);
	if (!blob) {
		NL_SET_ERR_MSG(info->extack, "this configuration has no such attribute");
		return -ENODATA;
	}
	if (offset >= blob->len) {
		NL_SET_ERR_MSG(info->extack, "offset beyond the end");
		return -ERANGE;
	}
	skb = ktls_message_piece(req, attr, offset, info);
	if (!skb)
		return -ENOMEM;
	ktls_outbox_keep_secret(&port->outbox, &req->out, attr == KTLS_CONFIG_PRIVATE_KEY ||
				attr == KTLS_CONFIG_PSK ? skb : NULL);
	__skb_queue_head_init(&messages);
	__skb_queue_tail(&messages, skb);
	ktls_outbox_send(&port->outbox, &req->out, &messages);
	return 0;
}

/* Who speaks? Some port, about some request. */
static int netlink_speaker(struct sk_buff *skb, struct genl_info *info,
			   struct ktls_port **ret_port)
{
	struct ktls_net *kn = ktls_net(genl_info_net(info));

	if (GENL_REQ_ATTR_CHECK(info, KTLS_A_ID)) {
		NL_SET_ERR_MSG(info->extack, "which request? ID is missing");
		return -EINVAL;
	}
	*ret_port = ktls_port_find(kn, NETLINK_CB(skb).sk);
	if (!*ret_port) {
		ktls_mib_inc(kn->net, KTLS_MIB_UPCALL_BAD);
		NL_SET_ERR_MSG(info->extack, "this socket is not registered: REGISTER first");
		return -EPERM;
	}
	return 0;
}

/* What the three have in common: a port speaks about a request of its own. */
static int netlink_receive(struct sk_buff *skb, struct genl_info *info,
			   int (*handler)(struct ktls_port *port, struct ktls_request *req,
					  struct genl_info *info))
{
	struct ktls_port *port;
	struct ktls_request *req;
	int err;

	err = netlink_speaker(skb, info, &port);
	if (err)
		return err;
	err = -ENOENT;
	mutex_lock(&port->mutex);
	req = ktls_request_find(nla_get_u64(info->attrs[KTLS_A_ID]));
	if (req) {
		err = handler(port, req, info);
		ktls_request_put(req);
	} else {
		NL_SET_ERR_MSG(info->extack, "there is no such request, or it has ended");
	}
	mutex_unlock(&port->mutex);
	ktls_dispatch_port(port);
	ktls_port_put(port);
	return err;
}

static int netlink_config_doit(struct sk_buff *skb, struct genl_info *info)
{
	return netlink_receive(skb, info, netlink_config);
}

static int netlink_data_doit(struct sk_buff *skb, struct genl_info *info)
{
	return netlink_receive(skb, info, ktls_answer_data);
}

static int netlink_done_doit(struct sk_buff *skb, struct genl_info *info)
{
	int err = -EINVAL;

	if (GENL_REQ_ATTR_CHECK(info, KTLS_A_ERRNO))
		NL_SET_ERR_MSG(info->extack, "how did it end? ERRNO is missing");
	else
		err = netlink_receive(skb, info, ktls_answer_done);
	ktls_answer_wipe(info);
	return err;
}

/* The next two are about requests that have ended, so there is none to be found. */
static int netlink_cancel_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ktls_port *port;
	int err;

	err = netlink_speaker(skb, info, &port);
	if (err)
		return err;
	ktls_port_cancel_read(port, nla_get_u64(info->attrs[KTLS_A_ID]));
	ktls_dispatch_port(port);
	ktls_port_put(port);
	return 0;
}

static int netlink_message_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ktls_port *port;
	int err;

	err = netlink_speaker(skb, info, &port);
	if (err)
		return err;
	err = ktls_ticket_answered(port, nla_get_u64(info->attrs[KTLS_A_ID]));
	if (err)
		NL_SET_ERR_MSG(info->extack, "there is no ticket of this request to answer");
	ktls_dispatch_port(port);
	ktls_port_put(port);
	return err;
}

/* --- the family ----------------------------------------------------------- */

/* CAP_NET_ADMIN is asked for once, at REGISTER: a port may drop it then. */
static const struct genl_ops netlink_ops[] = {
	{
		.cmd		= KTLS_CMD_REGISTER,
		.doit		= netlink_register_doit,
		.policy		= netlink_register_policy,
		.maxattr	= ARRAY_SIZE(netlink_register_policy) - 1,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= KTLS_CMD_CONFIG,
		.doit		= netlink_config_doit,
		.policy		= netlink_config_policy,
		.maxattr	= ARRAY_SIZE(netlink_config_policy) - 1,
	},
	{
		.cmd		= KTLS_CMD_DATA,
		.doit		= netlink_data_doit,
		.policy		= netlink_data_policy,
		.maxattr	= ARRAY_SIZE(netlink_data_policy) - 1,
	},
	{
		.cmd		= KTLS_CMD_DONE,
		.doit		= netlink_done_doit,
		.policy		= netlink_done_policy,
		.maxattr	= ARRAY_SIZE(netlink_done_policy) - 1,
	},
	{
		.cmd		= KTLS_CMD_CANCEL,
		.doit		= netlink_cancel_doit,
		.policy		= netlink_cancel_policy,
		.maxattr	= ARRAY_SIZE(netlink_cancel_policy) - 1,
	},
	{
		.cmd		= KTLS_CMD_MESSAGE,
		.doit		= netlink_message_doit,
		.policy		= netlink_message_policy,
		.maxattr	= ARRAY_SIZE(netlink_message_policy) - 1,
	},
};

struct genl_family ktls_netlink_family __ro_after_init = {
	.name		= KTLS_GENL_NAME,
	.version	= KTLS_GENL_VERSION,
	.module		= THIS_MODULE,
	.netnsok	= true,
	.parallel_ops	= true,
	.ops		= netlink_ops,
	.n_ops		= ARRAY_SIZE(netlink_ops),
};
EXPORT_SYMBOL_IF_KUNIT(ktls_netlink_family);

/* A netlink socket was closed; perhaps it was a port. */
static int netlink_notify(struct notifier_block *nb, unsigned long state, void *data)
{
	const struct netlink_notify *notify = data;

	if (state == NETLINK_URELEASE && notify->protocol == NETLINK_GENERIC)
		ktls_dispatch_close(ktls_net(notify->net), notify->portid);
	return NOTIFY_DONE;
}

static struct notifier_block netlink_notifier = {
	.notifier_call = netlink_notify,
};

static int __net_init netlink_net_init(struct net *net)
{
	struct ktls_net *kn = ktls_net(net);

	kn->net = net;
	spin_lock_init(&kn->lock);
	INIT_LIST_HEAD(&kn->ports);
	kn->helper_uid = INVALID_UID;
	ktls_queue_init(&kn->queue, &kn->lock);
	return 0;
}

/*
 * Sockets hold their namespace, so when that goes there is neither a port nor a
 * request. They hold the module as well, but an unloading module may have ports.
 */
static void __net_exit netlink_net_exit(struct net *net)
{
	ktls_dispatch_close_all(ktls_net(net));
}

static struct pernet_operations netlink_net_ops = {
	.init	= netlink_net_init,
	.exit	= netlink_net_exit,
	.id	= &ktls_net_id,
	.size	= sizeof(struct ktls_net),
};

/**
 * ktls_netlink_init - from here on helpers can register
 *
 * ORDER: the namespaces first, for the notifier and the family look into them;
 * the family last, so that no port can be made that nobody buries.
 *
 * Context: module load, after ktls_request_init().
 * Return: 0 or a negative errno.
 */
int ktls_netlink_init(void)
{
	int err;

	ktls_message_init(&ktls_netlink_family);
	err = register_pernet_subsys(&netlink_net_ops);
	if (err)
		return err;
	err = netlink_register_notifier(&netlink_notifier);
	if (err)
		goto no_notifier;
	err = genl_register_family(&ktls_netlink_family);
	if (err)
		goto no_family;
	return 0;

no_family:
	netlink_unregister_notifier(&netlink_notifier);
no_notifier:
	unregister_pernet_subsys(&netlink_net_ops);
	return err;
}

/**
 * ktls_netlink_exit - helpers are left alone
 *
 * ORDER: no handler runs once the family is gone, so no port is added; then
 * nobody is told of closed sockets any more; then the namespaces bury the ports
 * that are left. Each of the three waits for those who are inside.
 *
 * Context: module unload; no socket is left, and nothing calls ktls_request_*()
 * any more.
 */
void ktls_netlink_exit(void)
{
	genl_unregister_family(&ktls_netlink_family);
	netlink_unregister_notifier(&netlink_notifier);
	unregister_pernet_subsys(&netlink_net_ops);
}
