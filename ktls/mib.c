// SPDX-License-Identifier: GPL-2.0
/* Counters of a network namespace: /proc/net/ktls_stat, a line "name value" for
 * each. Names are an interface: they may be added to, not changed.
 */
#include <linux/percpu.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "mib.h"

struct mib_cpu {
	unsigned long	count[__KTLS_MIB_MAX];
};

/* What net_generic() keeps for a namespace. */
struct mib_net {
	struct mib_cpu __percpu	*cpu;
};

static unsigned int mib_net_id;

static const char *const mib_names[__KTLS_MIB_MAX] = {
	/* Handshakes begun by connect() or KTLS_HANDSHAKE, as client. */
	[KTLS_MIB_HANDSHAKES_CLIENT]	= "KtlsHandshakesClient",
	/* Handshakes begun on accepted connections or by KTLS_HANDSHAKE. */
	[KTLS_MIB_HANDSHAKES_SERVER]	= "KtlsHandshakesServer",
	/* Handshakes of either role that ended in an open connection. */
	[KTLS_MIB_HANDSHAKES_DONE]	= "KtlsHandshakesDone",
	/* Handshakes of either role that failed, for any reason. */
	[KTLS_MIB_HANDSHAKES_FAILED]	= "KtlsHandshakesFailed",
	/* Failed handshakes whose deadline passed. */
	[KTLS_MIB_HANDSHAKES_TIMEOUT]	= "KtlsHandshakesTimeout",
	/* Failed handshakes whose helper died. */
	[KTLS_MIB_HELPER_LOST]		= "KtlsHelperLost",
	/* Connections dropped because a listener, user or the host is at its cap. */
	[KTLS_MIB_CHILDREN_REFUSED]	= "KtlsChildrenRefused",
	/* Connections dropped at a cap for a newer one: silent ones first. */
	[KTLS_MIB_CHILDREN_EVICTED]	= "KtlsChildrenEvicted",
	/* Records sealed, of any type. */
	[KTLS_MIB_TX_RECORDS]		= "KtlsTxRecords",
	/* Records opened, of any type. */
	[KTLS_MIB_RX_RECORDS]		= "KtlsRxRecords",
	/* Application bytes sealed. */
	[KTLS_MIB_TX_BYTES]		= "KtlsTxBytes",
	/* Application bytes opened. */
	[KTLS_MIB_RX_BYTES]		= "KtlsRxBytes",
	/* Records whose authentication failed. */
	[KTLS_MIB_RX_BAD]		= "KtlsRxBad",
	/* Records or messages that the RFCs do not allow where they came. */
	[KTLS_MIB_RX_INVALID]		= "KtlsRxInvalid",
	/* Connections that ended with a FIN, but without close_notify. */
	[KTLS_MIB_TRUNCATED]		= "KtlsTruncated",
	/* Alerts sent, close_notify included. */
	[KTLS_MIB_ALERTS_SENT]		= "KtlsAlertsSent",
	/* Alerts received, close_notify included. */
	[KTLS_MIB_ALERTS_RCVD]		= "KtlsAlertsRcvd",
	/* KeyUpdates sent: asked for by the program or the peer, or due. */
	[KTLS_MIB_KEY_UPDATES_SENT]	= "KtlsKeyUpdatesSent",
	/* KeyUpdates received. */
	[KTLS_MIB_KEY_UPDATES_RCVD]	= "KtlsKeyUpdatesRcvd",
	/* NewSessionTickets that the helper was given, or that wait for their turn. */
	[KTLS_MIB_TICKETS_PASSED]	= "KtlsTicketsPassed",
	/* NewSessionTickets that were not passed on. */
	[KTLS_MIB_TICKETS_DROPPED]	= "KtlsTicketsDropped",
	/* Closed sockets that were kept until the peer had all data. */
	[KTLS_MIB_LINGERS]		= "KtlsLingers",
	/* Those of them that were given up at the bound. */
	[KTLS_MIB_LINGERS_EXPIRED]	= "KtlsLingersExpired",
	/* Messages of a helper that violated the protocol (ktls.yaml), and were refused. */
	[KTLS_MIB_HELPER_BAD]		= "KtlsHelperBad",
};

static struct mib_cpu __percpu *mib_of(const struct net *net)
{
	const struct mib_net *mib = net_generic(net, mib_net_id);

	return mib->cpu;
}

/**
 * ktls_mib_add - add to a counter
 * @net: the namespace
 * @which: the counter
 * @n: how much
 *
 * Context: any.
 */
void ktls_mib_add(const struct net *net, enum ktls_mib which, unsigned int n)
{
	this_cpu_add(mib_of(net)->count[which], n);
}

/**
 * ktls_mib_inc - add one to a counter
 * @net: the namespace
 * @which: the counter
 *
 * Context: any.
 */
void ktls_mib_inc(const struct net *net, enum ktls_mib which)
{
	this_cpu_inc(mib_of(net)->count[which]);
}

/**
 * ktls_mib_record - count a record and its bytes
 * @net: the namespace
 * @records: counter of records
 * @bytes: counter of application data
 * @n: bytes of application data in the record
 *
 * Context: any.
 */
void ktls_mib_record(const struct net *net, enum ktls_mib records, enum ktls_mib bytes,
		     unsigned int n)
{
	struct mib_cpu __percpu *cpu = mib_of(net);

	this_cpu_inc(cpu->count[records]);
	this_cpu_add(cpu->count[bytes], n);
}

/**
 * ktls_mib_name - the name of a counter
 * @which: the counter
 *
 * Context: any.
 * Return: never NULL.
 */
const char *ktls_mib_name(enum ktls_mib which)
{
	return mib_names[which] ? : "?";
}

/**
 * ktls_mib_read - the value of a counter
 * @net: the namespace
 * @which: the counter
 *
 * Context: any.
 * Return: the value, of no exact moment.
 */
unsigned long ktls_mib_read(const struct net *net, enum ktls_mib which)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu_ptr(mib_of(net), cpu)->count[which];
	return sum;
}

static int mib_show(struct seq_file *seq, void *v)
{
	const struct net *net = seq_file_single_net(seq);
	enum ktls_mib which;

	for (which = KTLS_MIB_UNSPEC + 1; which < __KTLS_MIB_MAX; which++)
		seq_printf(seq, "%-32s%lu\n", ktls_mib_name(which), ktls_mib_read(net, which));
	return 0;
}

static int __net_init mib_net_init(struct net *net)
{
	struct mib_net *mib = net_generic(net, mib_net_id);

	mib->cpu = alloc_percpu(struct mib_cpu);
	if (!mib->cpu)
		return -ENOMEM;
	if (!proc_create_net_single("ktls_stat", 0444, net->proc_net, mib_show, NULL)) {
		free_percpu(mib->cpu);
		return -ENOMEM;
	}
	return 0;
}

static void __net_exit mib_net_exit(struct net *net)
{
	remove_proc_entry("ktls_stat", net->proc_net);
	free_percpu(mib_of(net));
}

static struct pernet_operations mib_net_ops = {
	.init	= mib_net_init,
	.exit	= mib_net_exit,
	.id	= &mib_net_id,
	.size	= sizeof(struct mib_net),
};

/**
 * ktls_mib_init - make the counters of all namespaces
 *
 * ORDER: before anything that counts. A namespace that goes away calls the exit
 * functions in reverse order of registration, so its counters go last.
 *
 * Context: module load.
 * Return: 0 or a negative errno.
 */
int ktls_mib_init(void)
{
	return register_pernet_subsys(&mib_net_ops);
}

/**
 * ktls_mib_exit - free the counters of all namespaces
 *
 * Context: module unload; nothing counts any more.
 */
void ktls_mib_exit(void)
{
	unregister_pernet_subsys(&mib_net_ops);
}
