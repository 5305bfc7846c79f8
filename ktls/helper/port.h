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

	struct ktls_outbox	outbox;
};

/* Where a request is, and who is to send next. */
enum ktls_phase {
	KTLS_PHASE_WAITING,	/* in the queue, for a port with credit */
	KTLS_PHASE_STALLED,	/* has a batch that waits for credit of its port */
	KTLS_PHASE_HELPER,	/* the helper has a batch to answer */
	KTLS_PHASE_KERNEL,	/* the helper has answered and wants more */
	KTLS_PHASE_ENDED,	/* on no list */
};

/**
 * struct ktls_turn - a request as ports see it; all under ktls_net.lock
 *
 * @phase: where it is
 * @entry: in the queue
 * @port: the port it was given to, or NULL; a reference is owned. Constant once the
 *	request has ended
 * @node: on the port's requests
 * @stall_node: on the port's stalled
 * @held: the batch that waits for credit
 * @cost: credit of its port that it uses up
 */
struct ktls_turn {
	enum ktls_phase		phase;
	struct ktls_queue_entry	entry;
	struct ktls_port	*port;
	struct list_head	node;
	struct list_head	stall_node;
	struct sk_buff_head	held;
	unsigned int		cost;
};

extern unsigned int ktls_net_id;

/**
 * ktls_net - what the module keeps for a network namespace
 * @net: the namespace
 *
 * Context: any, between ktls_netlink_init() and ktls_netlink_exit().
 * Return: never NULL.
 */
static inline struct ktls_net *ktls_net(const struct net *net)
{
	return net_generic(net, ktls_net_id);
}

/* ports */
struct ktls_port *ktls_port_new(struct ktls_net *kn, struct sock *sk, u32 portid,
				u32 credit, work_func_t work);
int ktls_port_add(struct ktls_port *port, struct netlink_ext_ack *extack);
struct sock *ktls_port_close(struct ktls_port *port);
bool ktls_port_exists(const struct net *net);
struct ktls_port *ktls_port_find(struct ktls_net *kn, const struct sock *sk);
struct ktls_port *ktls_port_best(struct ktls_net *kn);
void ktls_port_put(struct ktls_port *port);
void ktls_port_credit(struct ktls_port *port, unsigned int freed);
void ktls_port_cancel_read(struct ktls_port *port, u64 id);

/* requests, as ports see them */
void ktls_turn_init(struct ktls_turn *turn);
void ktls_turn_free(struct ktls_turn *turn);
int ktls_turn_wait(struct ktls_net *kn, struct ktls_turn *turn);
struct ktls_turn *ktls_turn_next_waiting(struct ktls_net *kn);
struct ktls_turn *ktls_turn_next(struct ktls_port *port, struct sk_buff_head *messages);
void ktls_turn_leave(struct ktls_net *kn, struct ktls_turn *turn);
int ktls_turn_stall(struct ktls_net *kn, struct ktls_turn *turn, struct sk_buff_head *messages,
		    struct ktls_port **ret_port);
int ktls_turn_over(struct ktls_net *kn, struct ktls_turn *turn);
void ktls_turn_end(struct ktls_net *kn, struct ktls_turn *turn, struct ktls_outgoing *out,
		   bool cancel);

#endif /* _KTLS_HELPER_PORT_H */
