/* SPDX-License-Identifier: GPL-2.0 */
/* The netlink sockets of the helper, and what each has been sent and not answered. */
#ifndef _KTLS_HELPER_PORT_H
#define _KTLS_HELPER_PORT_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "helper/outbox.h"
#include "helper/queue.h"

struct cred;
struct netlink_ext_ack;
struct pid_namespace;
struct sock;

/**
 * struct ktls_net - helpers and waiting requests of a network namespace
 *
 * @net: the namespace
 * @lock: everything below, and what other structs say is under it; softirq-safe
 * @ports: &ktls_port.node; the one chosen last is at the end
 * @port_count: of @ports; read anywhere with READ_ONCE
 * @helper_uid: of the first port there ever was
 * @queue: requests that wait
 */
struct ktls_net {
	struct net		*net;
	spinlock_t		lock;	/* which port has which request, and the credit */
	struct list_head	ports;
	unsigned int		port_count;
	kuid_t			helper_uid;
	struct ktls_queue	queue;
};

/**
 * struct ktls_port - a socket of the helper that has sent REGISTER
 *
 * @ref: references: of the namespace's list, of each request given to it, of tickets,
 *	and of callers
 * @kn: its namespace
 * @cred: of the task that opened the socket; owned
 * @pid_ns: of the task that sent REGISTER; a reference is owned
 * @clock_offset: of its CLOCK_MONOTONIC against the kernel's, nanoseconds
 * @portid: of the socket
 * @credit: how many unanswered messages it takes
 * @mutex: held while a message of the helper is handled, so that the messages of one
 *	socket are handled in order; outside of @kn->lock; process context
 *
 * Under @kn->lock:
 * @node: on ktls_net.ports; empty once it is closed
 * @requests: &ktls_turn.node of all requests given to it
 * @open: length of the list
 * @stalled: &ktls_turn.stall_node of those with a batch that needs credit
 * @tickets: connections with a MESSAGE that it has not answered (ticket.c)
 * @in_flight: messages it has not answered, and those of requests it was sent CANCEL
 *	for and has not acknowledged
 * @retired: it is given no more requests
 *
 * @outbox: what is to be sent on its socket; has its own lock
 */
struct ktls_port {
	refcount_t		ref;
	struct ktls_net		*kn;
	const struct cred	*cred;
	struct pid_namespace	*pid_ns;
	s64			clock_offset;
	u32			portid;
	u32			credit;
	struct mutex		mutex;	/* the order of messages from the helper */

	struct list_head	node;
	struct list_head	requests;
	unsigned int		open;
	struct list_head	stalled;
	struct list_head	tickets;
	unsigned int		in_flight;
	bool			retired;

	struct ktls_outbox	outbox;
};

extern unsigned int ktls_port_net_id;

/**
 * ktls_net - what the module keeps for a network namespace
 * @net: the namespace
 *
 * Context: any, between ktls_netlink_init() and ktls_netlink_exit().
 * Return: never NULL.
 */
static inline struct ktls_net *ktls_net(const struct net *net)
{
	return net_generic(net, ktls_port_net_id);
}

struct ktls_port *ktls_port_new(struct ktls_net *kn, struct sock *sk, u32 portid,
				u32 credit, work_func_t work);
int ktls_port_add(struct ktls_port *port, struct netlink_ext_ack *extack);
struct sock *ktls_port_close(struct ktls_port *port);
bool ktls_port_exists(const struct net *net);
struct ktls_port *ktls_port_find(struct ktls_net *kn, const struct sock *sk);
void ktls_port_retire(struct ktls_port *port);
struct ktls_port *ktls_port_best(struct ktls_net *kn);
void ktls_port_put(struct ktls_port *port);
bool ktls_port_credit(struct ktls_port *port, unsigned int freed);
void ktls_port_cancel_read(struct ktls_port *port, u64 id);

#endif /* _KTLS_HELPER_PORT_H */
