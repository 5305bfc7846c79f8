// SPDX-License-Identifier: GPL-2.0
/* The generic netlink family "ktls": who may send, and which handler gets what.
 * netlink_gen.c has the policies and operations, generated from
 * include/netlink/ktls.yaml; it was not written by hand.
 *
 * A handler holds no lock that a socket waits for, and the family's operations run in
 * parallel. A port's mutex has the messages of one helper socket handled in order.
 */
#include <linux/module.h>
#include <net/genetlink.h>
#include <net/netns/generic.h>
#include <net/sock.h>
#include <kunit/visibility.h>

#include "config.h"
#include "helper/answer.h"
#include "helper/dispatch.h"
#include "helper/message.h"
#include "helper/netlink.h"
#include "helper/netlink_gen.h"
#include "helper/request.h"
#include "helper/ticket.h"
#include "mib.h"
#include "wire.h"

/* Replies to CONFIG of a request that may wait for room in the receive buffer. */
#define NETLINK_PIECES_MAX	8

static_assert(KTLS_GENL_REASON_MAX + 1 == KTLS_REASON_MAX);
static_assert(KTLS_GENL_CHAINS_MAX == KTLS_CERTS_MAX);
static_assert(KTLS_GENL_GROUPS_MAX == KTLS_GROUPS_MAX);
static_assert(KTLS_GENL_TICKET_MAX == KTLS_CONTROL_MAX);
static_assert(KTLS_GENL_PEER_MAX == KTLS_PEER_TEXT_MAX);
static_assert(KTLS_GENL_FINGERPRINT == KTLS_PEER_FINGERPRINT_SIZE);

/* --- REGISTER --- */

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
				    __stringify(KTLS_GENL_VERSION) " of the protocol");
		return -EPROTONOSUPPORT;
	}
	return 0;
}

/* REGISTER with a credit of 0: a port's last one. */
static int netlink_retire(struct ktls_net *kn, const struct sock *sk, struct genl_info *info)
{
	struct ktls_port *port = ktls_port_find(kn, sk);

	if (!port) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[KTLS_A_CREDIT],
				    "only a port that is to retire has no credit");
		return -ERANGE;
	}
	ktls_port_retire(port);
	ktls_port_put(port);
	return 0;
}

/* Permission over the namespace was checked by GENL_UNS_ADMIN_PERM. */
int ktls_nl_register_doit(struct sk_buff *skb, struct genl_info *info)
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
	if (!nla_get_u32(info->attrs[KTLS_A_CREDIT]))
		return netlink_retire(kn, sk, info);
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
		ktls_mib_inc(kn->net, KTLS_MIB_HELPER_BAD);
		nlmsg_free(reply);
		ktls_dispatch_discard(port);
		return err;
	}

	/* ORDER: the reply is the first message on the port. */
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

/* --- CONFIG, DATA, DONE, CANCEL, MESSAGE --- */

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

/* The port that a message came on. The message must have an ID. */
static int netlink_port(struct sk_buff *skb, struct genl_info *info,
			struct ktls_port **ret_port)
{
	struct ktls_net *kn = ktls_net(genl_info_net(info));

	if (GENL_REQ_ATTR_CHECK(info, KTLS_A_ID)) {
		NL_SET_ERR_MSG(info->extack, "ID is missing");
		return -EINVAL;
	}
	*ret_port = ktls_port_find(kn, NETLINK_CB(skb).sk);
	if (!*ret_port) {
		ktls_mib_inc(kn->net, KTLS_MIB_HELPER_BAD);
		NL_SET_ERR_MSG(info->extack, "this socket is not registered: REGISTER first");
		return -EPERM;
	}
	return 0;
}

/* Calls the handler of a message about a request. */
static int netlink_receive(struct sk_buff *skb, struct genl_info *info,
			   int (*handler)(struct ktls_port *port, struct ktls_request *req,
					  struct genl_info *info))
{
	struct ktls_port *port;
	struct ktls_request *req;
	int err;

	err = netlink_port(skb, info, &port);
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

int ktls_nl_config_doit(struct sk_buff *skb, struct genl_info *info)
{
	return netlink_receive(skb, info, netlink_config);
}

/* A policy cannot have a bound above 32767. */
static int netlink_check_records(const struct genl_info *info)
{
	const struct nlattr *nla = info->attrs[KTLS_A_RECORDS];

	if (!nla || nla_len(nla) <= KTLS_GENL_DATA_MAX)
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, nla, "more bytes of records than a message may have");
	return -ERANGE;
}

int ktls_nl_data_doit(struct sk_buff *skb, struct genl_info *info)
{
	int err = netlink_check_records(info);

	return err ? : netlink_receive(skb, info, ktls_answer_data);
}

int ktls_nl_done_doit(struct sk_buff *skb, struct genl_info *info)
{
	int err = netlink_check_records(info);

	if (!err && GENL_REQ_ATTR_CHECK(info, KTLS_A_ERRNO)) {
		NL_SET_ERR_MSG(info->extack, "ERRNO is missing");
		err = -EINVAL;
	}
	if (!err)
		err = netlink_receive(skb, info, ktls_answer_done);
	ktls_answer_wipe(info);
	return err;
}

/* The next two are about requests that have ended and cannot be found any more. */
int ktls_nl_cancel_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ktls_port *port;
	int err;

	err = netlink_port(skb, info, &port);
	if (err)
		return err;
	ktls_port_cancel_read(port, nla_get_u64(info->attrs[KTLS_A_ID]));
	ktls_dispatch_port(port);
	ktls_port_put(port);
	return 0;
}

int ktls_nl_message_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ktls_port *port;
	int err;

	err = netlink_port(skb, info, &port);
	if (err)
		return err;
	err = ktls_ticket_answered(port, nla_get_u64(info->attrs[KTLS_A_ID]));
	if (err)
		NL_SET_ERR_MSG(info->extack, "there is no ticket of this request to answer");
	ktls_dispatch_port(port);
	ktls_port_put(port);
	return err;
}

/* --- SOCKETS, STATS --- */

static int (*netlink_dump_sockets)(struct sk_buff *skb, struct netlink_callback *cb)
	__ro_after_init;

/* What there is of a socket is not known here. */
int ktls_nl_sockets_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return netlink_dump_sockets(skb, cb);
}

static int netlink_put_counter(struct sk_buff *skb, struct netlink_callback *cb,
			       enum ktls_mib which)
{
	void *header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				   &ktls_netlink_family, NLM_F_MULTI, KTLS_CMD_STATS);

	if (!header)
		return -EMSGSIZE;
	if (nla_put_string(skb, KTLS_A_COUNTER, ktls_mib_name(which)) ||
	    nla_put_u64_64bit(skb, KTLS_A_VALUE, ktls_mib_read(sock_net(cb->skb->sk), which),
			      KTLS_A_PAD)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return 0;
}

/* cb->args[0]: how many counters there were until now. For everybody, as is
 * /proc/net/ktls_stat.
 */
int ktls_nl_stats_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	unsigned long which;

	for (which = cb->args[0] + 1; which < __KTLS_MIB_MAX; which++) {
		if (netlink_put_counter(skb, cb, which))
			break;
		cb->args[0] = which;
	}
	return skb->len;
}

/* --- the family --- */

/* CAP_NET_ADMIN is needed for REGISTER only: a helper may drop it then. */
struct genl_family ktls_netlink_family __ro_after_init = {
	.name		= KTLS_GENL_NAME,
	.version	= KTLS_GENL_VERSION,
	.module		= THIS_MODULE,
	.netnsok	= true,
	.parallel_ops	= true,
	.ops		= ktls_nl_ops,
	.n_ops		= ARRAY_SIZE(ktls_nl_ops),
};
EXPORT_SYMBOL_IF_KUNIT(ktls_netlink_family);

/* A netlink socket was released; it may have been a port. */
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
	ktls_queue_init(&kn->queue, &kn->lock, ktls_dispatch_wake);
	return 0;
}

/* Sockets hold their namespace, so when that goes there is neither a port nor a
 * request. They hold the module as well, but an unloading module may have ports.
 */
static void __net_exit netlink_net_exit(struct net *net)
{
	ktls_dispatch_close_all(ktls_net(net));
}

static struct pernet_operations netlink_net_ops = {
	.init	= netlink_net_init,
	.exit	= netlink_net_exit,
	.id	= &ktls_port_net_id,
	.size	= sizeof(struct ktls_net),
};

/**
 * ktls_netlink_init - from here on helpers can register
 * @dump_sockets: answers SOCKETS, as genl_ops.dumpit
 *
 * ORDER: the namespaces first, for the notifier and the family look into them;
 * the family last, so that no port is made that would not be closed.
 *
 * Context: module load, after ktls_request_init().
 * Return: 0 or a negative errno.
 */
int ktls_netlink_init(int (*dump_sockets)(struct sk_buff *skb, struct netlink_callback *cb))
{
	int err;

	netlink_dump_sockets = dump_sockets;
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
 * ktls_netlink_exit - no helper can register or is served any more
 *
 * ORDER: no handler runs once the family is gone, so no port is added; then
 * the notifier is gone; then the namespaces close the ports that are left. Each of
 * the three waits for callbacks that are running.
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
