// SPDX-License-Identifier: GPL-2.0
/*
 * Counters of a network namespace: /proc/net/ktls_stat, a line "name value" for
 * each. Names are an interface: they may be added to, not changed.
 */
#include <linux/percpu.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <net/net_namespace.h>

#include <ktls/ktls.h>

struct ktls_mib_cpu {
	unsigned long	count[__KTLS_MIB_MAX];
};

static const char *const mib_names[__KTLS_MIB_MAX] = {
	/* Handshakes begun by connect() or KTLS_HANDSHAKE, as client. */
	[KTLS_MIB_HANDSHAKES_CLIENT]	= "KtlsHandshakesClient",
	/* Handshakes begun on accepted connections or by KTLS_HANDSHAKE. */
	[KTLS_MIB_HANDSHAKES_SERVER]	= "KtlsHandshakesServer",
	/* Handshakes of either role that ended in an open connection. */
	[KTLS_MIB_HANDSHAKES_DONE]	= "KtlsHandshakesDone",
	/* Handshakes of either role that failed, for whatever reason. */
	[KTLS_MIB_HANDSHAKES_FAILED]	= "KtlsHandshakesFailed",
	/* Failed handshakes whose deadline passed. */
	[KTLS_MIB_HANDSHAKES_TIMEOUT]	= "KtlsHandshakesTimeout",
	/* Failed handshakes whose helper died. */
	[KTLS_MIB_HELPER_LOST]		= "KtlsHelperLost",
	/* Connections dropped because a listener, user or the host is at its cap. */
	[KTLS_MIB_CHILDREN_REFUSED]	= "KtlsChildrenRefused",
	/* Connections that had said nothing, dropped at a cap for a newer one. */
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
	/* Messages of a helper that were refused as against the contract. */
	[KTLS_MIB_UPCALL_BAD]		= "KtlsUpcallBad",
};

/**
 * ktls_mib_add - count
 * @net: the namespace
 * @which: what
 * @n: how many
 *
 * Context: any.
 */
void ktls_mib_add(const struct net *net, enum ktls_mib which, unsigned int n)
{
	this_cpu_add(ktls_net(net)->mib->count[which], n);
}

/**
 * ktls_mib_inc - count one
 * @net: the namespace
 * @which: what
 *
 * Context: any.
 */
void ktls_mib_inc(const struct net *net, enum ktls_mib which)
{
	this_cpu_inc(ktls_net(net)->mib->count[which]);
}

/**
 * ktls_mib_record - count a record, in one go
 * @net: the namespace
 * @records: how many there are is counted there
 * @bytes: and how much application data is in them there
 * @n: bytes of it in this one
 *
 * Context: any.
 */
void ktls_mib_record(const struct net *net, enum ktls_mib records, enum ktls_mib bytes,
		     unsigned int n)
{
	struct ktls_mib_cpu __percpu *mib = ktls_net(net)->mib;

	this_cpu_inc(mib->count[records]);
	this_cpu_add(mib->count[bytes], n);
}

static unsigned long mib_sum(const struct ktls_net *kn, enum ktls_mib which)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu_ptr(kn->mib, cpu)->count[which];
	return sum;
}

static int mib_show(struct seq_file *seq, void *v)
{
	struct ktls_net *kn = ktls_net(seq_file_single_net(seq));
	enum ktls_mib which;

	for (which = KTLS_MIB_UNSPEC + 1; which < __KTLS_MIB_MAX; which++)
		seq_printf(seq, "%-32s%lu\n", mib_names[which] ? : "?", mib_sum(kn, which));
	return 0;
}

/**
 * ktls_mib_init_net - counters of a new namespace
 * @net: the namespace
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int ktls_mib_init_net(struct net *net)
{
	struct ktls_net *kn = ktls_net(net);

	kn->mib = alloc_percpu(struct ktls_mib_cpu);
	if (!kn->mib)
		return -ENOMEM;
	if (!proc_create_net_single("ktls_stat", 0444, net->proc_net, mib_show, NULL)) {
		free_percpu(kn->mib);
		return -ENOMEM;
	}
	return 0;
}

/**
 * ktls_mib_exit_net - the counters of a namespace go
 * @net: the namespace; nobody counts any more
 *
 * Context: process.
 */
void ktls_mib_exit_net(struct net *net)
{
	remove_proc_entry("ktls_stat", net->proc_net);
	free_percpu(ktls_net(net)->mib);
}
