// SPDX-License-Identifier: GPL-2.0
/* NewSessionTickets (RFC 8446 4.6.1) for the helper, which makes sessions of them. It
 * asked for a number of them in DONE.
 *
 * Nobody waits for a ticket: losing one costs a later handshake some time. The helper
 * is sent one ticket of a connection at a time; it counts against the port's credit
 * until the helper answers with MESSAGE. Two more wait for that, others are dropped.
 * Tickets that wait are sent even if the connection is closed meanwhile.
 */
#include <linux/slab.h>
#include <net/net_namespace.h>

#include "config.h"
#include "helper/message.h"
#include "helper/request.h"
#include "helper/ticket.h"
#include "mib.h"
#include "wire.h"

/**
 * struct ktls_tickets - the tickets of a connection
 * @ref: owned by the connection, and by the port's list
 * @id: of the request that made the connection; constant
 * @port: the port that had that request; a reference is owned; constant
 * @left: how many more are wanted; lock of the connection's socket
 *
 * Under ktls_net.lock:
 * @node: on @port's tickets while the helper has one
 * @waiting: messages behind that one
 */
struct ktls_tickets {
	refcount_t		ref;
	u64			id;
	struct ktls_port	*port;
	u32			left;
	struct list_head	node;
	struct sk_buff_head	waiting;
};

static void ticket_put(struct ktls_tickets *tickets)
{
	if (!refcount_dec_and_test(&tickets->ref))
		return;
	ktls_port_put(tickets->port);
	kfree(tickets);
}

/**
 * ktls_ticket_begin - a client's connection is open: tickets may come
 * @req: the request whose DONE was a success
 * @wanted: how many the helper wants
 *
 * Context: process.
 * Return: for ktls_ticket_end(); NULL: none is wanted, or there is no memory and all
 * of them will be dropped.
 */
struct ktls_tickets *ktls_ticket_begin(struct ktls_request *req, u32 wanted)
{
	struct ktls_tickets *tickets;

	if (!wanted)
		return NULL;
	tickets = ktls_config_zalloc(req->params.config, sizeof(*tickets));
	if (!tickets)
		return NULL;
	refcount_set(&tickets->ref, 1);
	tickets->id = req->id;
	/* A request that has ended keeps the port it had. */
	refcount_inc(&req->turn.port->ref);
	tickets->port = req->turn.port;
	tickets->left = wanted;
	INIT_LIST_HEAD(&tickets->node);
	__skb_queue_head_init(&tickets->waiting);
	return tickets;
}

/**
 * ktls_ticket_end - no more tickets will come
 * @tickets: or NULL; those that wait still go to the helper
 *
 * Context: any.
 */
void ktls_ticket_end(struct ktls_tickets *tickets)
{
	if (tickets)
		ticket_put(tickets);
}

/* Half of the credit, and all of the receive buffer, is reserved for handshakes. */
static bool ticket_may_go(const struct ktls_port *port)
{
	lockdep_assert_held(&port->kn->lock);
	return !list_empty(&port->node) && list_empty(&port->stalled) &&
	       !ktls_queue_is_ready(&port->kn->queue) &&
	       port->in_flight < max(port->credit / 2, 1U);
}

/* Consumes the message. Returns whether it was sent, or waits. */
static bool ticket_pass(struct ktls_tickets *tickets, struct sk_buff *skb)
{
	struct ktls_port *port = tickets->port;
	struct ktls_net *kn = port->kn;
	bool passed;

	spin_lock_bh(&kn->lock);
	if (!list_empty(&tickets->node)) {
		passed = skb_queue_len(&tickets->waiting) < KTLS_TICKETS_WAITING;
		if (passed)
			__skb_queue_tail(&tickets->waiting, skb);
		else
			kfree_skb(skb);
	} else if (ticket_may_go(port)) {
		passed = ktls_outbox_drop_or_send(&port->outbox, skb);
		if (passed) {
			refcount_inc(&tickets->ref);
			list_add_tail(&tickets->node, &port->tickets);
			port->in_flight++;
		}
	} else {
		passed = false;
		kfree_skb(skb);
	}
	spin_unlock_bh(&kn->lock);
	return passed;
}

/**
 * ktls_ticket_received - send the helper a NewSessionTicket, or drop it
 * @tickets: of the connection, or NULL
 * @config: of the connection, whose memory cgroup is charged
 * @net: its namespace
 * @body: the message behind its header; well-formed
 * @len: bytes in @body, at most KTLS_CONTROL_MAX
 *
 * Context: process, socket lock held; does not wait.
 * Return: 0, even if the ticket is dropped.
 */
int ktls_ticket_received(struct ktls_tickets *tickets, const struct ktls_config *config,
			 const struct net *net, const u8 *body, size_t len)
{
	struct sk_buff *skb = NULL;

	if (tickets && tickets->left)
		skb = ktls_message_ticket(config, tickets->id, body, len);
	if (skb && ticket_pass(tickets, skb)) {
		tickets->left--;
		ktls_mib_inc(net, KTLS_MIB_TICKETS_PASSED);
	} else {
		ktls_mib_inc(net, KTLS_MIB_TICKETS_DROPPED);
	}
	return 0;
}

static struct ktls_tickets *ticket_find(const struct ktls_port *port, u64 id)
{
	struct ktls_tickets *tickets;

	lockdep_assert_held(&port->kn->lock);
	list_for_each_entry(tickets, &port->tickets, node)
		if (tickets->id == id)
			return tickets;
	return NULL;
}

/**
 * ktls_ticket_answered - the helper has answered a ticket: send the next
 * @port: on which it says so
 * @id: of the request
 *
 * Context: process, none of helper/'s locks held.
 * Return: 0; -ENOENT: there was no ticket to answer.
 */
int ktls_ticket_answered(struct ktls_port *port, u64 id)
{
	struct ktls_net *kn = port->kn;
	struct ktls_tickets *tickets;
	struct sk_buff *skb;
	bool sent = false;

	spin_lock_bh(&kn->lock);
	tickets = ticket_find(port, id);
	while (tickets && !sent && (skb = __skb_dequeue(&tickets->waiting))) {
		sent = ktls_outbox_drop_or_send(&port->outbox, skb);
		if (!sent)
			ktls_mib_inc(kn->net, KTLS_MIB_TICKETS_DROPPED);
	}
	if (tickets && !sent) {
		list_del_init(&tickets->node);
		port->in_flight--;
		ticket_put(tickets);
	}
	spin_unlock_bh(&kn->lock);
	return tickets ? 0 : -ENOENT;
}

/**
 * ktls_ticket_close - the port is closed: drop its tickets
 * @port: the port
 *
 * Context: process or softirq, ktls_net.lock held.
 */
void ktls_ticket_close(struct ktls_port *port)
{
	struct ktls_tickets *tickets, *next;

	lockdep_assert_held(&port->kn->lock);
	list_for_each_entry_safe(tickets, next, &port->tickets, node) {
		list_del_init(&tickets->node);
		ktls_mib_add(port->kn->net, KTLS_MIB_TICKETS_DROPPED,
			     1 + skb_queue_len(&tickets->waiting));
		__skb_queue_purge(&tickets->waiting);
		ticket_put(tickets);
	}
}
