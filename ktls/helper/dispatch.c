// SPDX-License-Identifier: GPL-2.0
/* Which port gets which request, and what becomes of its requests when a port closes:
 * those that the helper was sent are lost, the others are given to other ports, or
 * wait for one until their deadline.
 */
#include <linux/sched.h>
#include <kunit/visibility.h>
#include <net/sock.h>

#include "helper/cache.h"
#include "helper/dispatch.h"
#include "helper/message.h"
#include "helper/request.h"
#include "helper/ticket.h"
#include "helper/turn.h"

#include <trace/events/ktls.h>

static struct ktls_request *dispatch_request(struct ktls_turn *turn)
{
	return container_of(turn, struct ktls_request, turn);
}

/* The request whose message is to be sent next, with a reference; NULL: none. */
static struct ktls_request *dispatch_next(struct ktls_port *port, struct sk_buff_head *messages)
{
	struct ktls_request *req = NULL;
	struct ktls_turn *turn;

	spin_lock_bh(&port->kn->lock);
	turn = ktls_turn_next(port, messages);
	if (turn) {
		req = dispatch_request(turn);
		refcount_inc(&req->ref);
	}
	spin_unlock_bh(&port->kn->lock);
	return req;
}

/* START or CHECK, for a request that was given to the port just now. */
static void dispatch_first(struct ktls_port *port, struct ktls_request *req,
			   struct sk_buff_head *messages)
{
	struct sk_buff *skb;

	skb = ktls_message_request(req, port);
	if (skb)
		__skb_queue_tail(messages, skb);
	ktls_cache_add(port, req->params.config);
	trace_ktls_request_handed(req->id, req->params.net, port->portid);
}

/**
 * ktls_dispatch_port - send a port all it can take
 * @port: the port
 *
 * To be called when something may have become possible: there is room in the receive
 * buffer, credit, a new request, a new batch.
 *
 * Context: process, no spinlock held; a socket lock may be.
 */
void ktls_dispatch_port(struct ktls_port *port)
{
	struct sk_buff_head messages;
	struct ktls_request *req;

	ktls_outbox_flush(&port->outbox);
	__skb_queue_head_init(&messages);
	while ((req = dispatch_next(port, &messages))) {
		if (skb_queue_empty(&messages))
			dispatch_first(port, req, &messages);
		if (skb_queue_empty(&messages))
			ktls_request_fail(req, ENOMEM, "out of memory");
		else
			ktls_outbox_send(&port->outbox, &req->out, &messages);
		ktls_request_put(req);
		cond_resched();
	}
}

/**
 * ktls_dispatch_any - find ports for the requests that wait
 * @kn: the namespace
 *
 * Context: process, no spinlock held; a socket lock may be.
 */
void ktls_dispatch_any(struct ktls_net *kn)
{
	struct ktls_port *port;

	while ((port = ktls_port_best(kn))) {
		ktls_dispatch_port(port);
		ktls_port_put(port);
	}
}

/**
 * ktls_dispatch_work - the work of a port's outbox
 * @work: its work
 */
void ktls_dispatch_work(struct work_struct *work)
{
	ktls_dispatch_port(container_of(to_delayed_work(work), struct ktls_port, outbox.work));
}

/**
 * ktls_dispatch_wake - the work of a queue: requests have waited for their time
 * @work: its work
 */
void ktls_dispatch_wake(struct work_struct *work)
{
	ktls_dispatch_any(container_of(to_delayed_work(work), struct ktls_net, queue.wake));
}

/* --- the end of a port --- */

/* Takes one request off a closed port. One that the helper was not sent waits again,
 * for another port; what was sent and what it costs is constant once the port is
 * closed. Return: a request that is lost, with a reference; NULL: no more.
 */
static struct ktls_request *dispatch_next_lost(struct ktls_port *port)
{
	struct ktls_request *req;
	struct ktls_turn *turn;

	lockdep_assert_held(&port->kn->lock);
	while (!list_empty(&port->requests)) {
		turn = list_first_entry(&port->requests, struct ktls_turn, node);
		list_del_init(&turn->node);
		port->open--;
		list_del_init(&turn->stall_node);
		req = dispatch_request(turn);
		if (req->out.sent || ktls_turn_wait(port->kn, turn)) {
			refcount_inc(&req->ref);
			return req;
		}
		ktls_turn_leave(port->kn, turn);
	}
	return NULL;
}

/* The caller has a reference to the port. Those who find the port through a request
 * afterwards find its outbox closed, and send nothing.
 */
static void dispatch_close(struct ktls_port *port)
{
	struct ktls_net *kn = port->kn;
	struct ktls_request *req;
	struct sock *sk;

	spin_lock_bh(&kn->lock);
	sk = ktls_port_close(port);
	if (!sk) {
		spin_unlock_bh(&kn->lock);
		return;
	}
	ktls_ticket_close(port);
	while ((req = dispatch_next_lost(port))) {
		spin_unlock_bh(&kn->lock);
		ktls_request_lost(req);
		ktls_request_put(req);
		spin_lock_bh(&kn->lock);
	}
	spin_unlock_bh(&kn->lock);

	cancel_delayed_work_sync(&port->outbox.work);
	sock_put(sk);
	ktls_port_put(port);
}

/**
 * ktls_dispatch_discard - give up a port that was never given credit
 * @port: added or not; the caller's reference is dropped
 *
 * Context: process, may sleep.
 */
void ktls_dispatch_discard(struct ktls_port *port)
{
	struct sock *sk;

	dispatch_close(port);
	sk = ktls_outbox_close(&port->outbox);
	if (sk)
		sock_put(sk);
	ktls_port_put(port);
}

/* A port with a reference: the one whose socket was released, or @any. */
static struct ktls_port *dispatch_find_closed(struct ktls_net *kn, u32 portid, bool any)
{
	struct ktls_port *port;

	spin_lock_bh(&kn->lock);
	list_for_each_entry(port, &kn->ports, node) {
		if (any || (port->portid == portid && sock_flag(port->outbox.sk, SOCK_DEAD))) {
			refcount_inc(&port->ref);
			goto found;
		}
	}
	port = NULL;
found:
	spin_unlock_bh(&kn->lock);
	return port;
}

/**
 * ktls_dispatch_close - a netlink socket was released
 * @kn: its namespace
 * @portid: its port id; another socket may have that id already
 *
 * Context: process, may sleep.
 */
void ktls_dispatch_close(struct ktls_net *kn, u32 portid)
{
	struct ktls_port *port;

	while ((port = dispatch_find_closed(kn, portid, false))) {
		dispatch_close(port);
		ktls_port_put(port);
		ktls_dispatch_any(kn);
	}
}

/**
 * ktls_dispatch_close_all - the namespace, or the module, goes away
 * @kn: the namespace
 *
 * Context: process, may sleep. No port can be added any more.
 */
void ktls_dispatch_close_all(struct ktls_net *kn)
{
	struct ktls_port *port;
	struct ktls_request *req;
	struct ktls_turn *turn;

	while ((port = dispatch_find_closed(kn, 0, true))) {
		dispatch_close(port);
		ktls_port_put(port);
	}
	do {
		spin_lock_bh(&kn->lock);
		ktls_queue_hurry(&kn->queue);
		turn = ktls_turn_next_waiting(kn);
		req = turn ? dispatch_request(turn) : NULL;
		if (req)
			refcount_inc(&req->ref);
		spin_unlock_bh(&kn->lock);
		if (req) {
			ktls_request_lost(req);
			ktls_request_put(req);
		}
	} while (req);
	cancel_delayed_work_sync(&kn->queue.wake);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_dispatch_close_all);
