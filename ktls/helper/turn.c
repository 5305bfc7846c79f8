// SPDX-License-Identifier: GPL-2.0
/* Requests as ports see them: which of them is to send next, and on which port. */
#include <linux/list.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>

#include "helper/outbox.h"
#include "helper/port.h"
#include "helper/queue.h"
#include "helper/turn.h"

/**
 * ktls_turn_init - a request that is on no list
 * @turn: all zeros, but for the names of its entry
 */
void ktls_turn_init(struct ktls_turn *turn)
{
	turn->phase = KTLS_PHASE_ENDED;
	INIT_LIST_HEAD(&turn->entry.node);
	INIT_LIST_HEAD(&turn->node);
	INIT_LIST_HEAD(&turn->stall_node);
	__skb_queue_head_init(&turn->held);
}

/**
 * ktls_turn_free - free what a request that has ended still has
 * @turn: nobody else has a reference
 */
void ktls_turn_free(struct ktls_turn *turn)
{
	__skb_queue_purge(&turn->held);
	if (turn->port)
		ktls_port_put(turn->port);
}

/**
 * ktls_turn_wait - put a request into the queue
 * @kn: the namespace
 * @turn: on no list
 *
 * Context: ktls_net.lock held.
 * Return: as ktls_queue_add().
 */
int ktls_turn_wait(struct ktls_net *kn, struct ktls_turn *turn)
{
	int err;

	lockdep_assert_held(&kn->lock);
	err = ktls_queue_add(&kn->queue, &turn->entry);
	if (!err)
		turn->phase = KTLS_PHASE_WAITING;
	return err;
}

/**
 * ktls_turn_next_waiting - take the request whose turn it is out of the queue
 * @kn: the namespace
 *
 * Context: ktls_net.lock held.
 * Return: a request that is on no list, or NULL: none waits, or none may be served yet.
 */
struct ktls_turn *ktls_turn_next_waiting(struct ktls_net *kn)
{
	struct ktls_queue_entry *entry;
	struct ktls_turn *turn;

	lockdep_assert_held(&kn->lock);
	entry = ktls_queue_next(&kn->queue);
	if (!entry)
		return NULL;
	turn = container_of(entry, struct ktls_turn, entry);
	turn->phase = KTLS_PHASE_ENDED;
	return turn;
}

/* A batch that is larger than the whole credit is sent when nothing is in flight. */
static bool turn_has_room(const struct ktls_port *port, unsigned int cost)
{
	lockdep_assert_held(&port->kn->lock);
	return !port->in_flight || port->in_flight + cost <= port->credit;
}

static void turn_charge(struct ktls_turn *turn, struct ktls_port *port, unsigned int cost)
{
	lockdep_assert_held(&port->kn->lock);
	turn->phase = KTLS_PHASE_HELPER;
	turn->cost = cost;
	port->in_flight += cost;
}

/**
 * ktls_turn_next - the request whose message is to be sent next on a port
 * @port: the port
 * @messages: gets the batch that was held; stays empty for a request that is new
 *
 * Requests with a batch come before new ones, which a port that retires does not get.
 *
 * Context: ktls_net.lock held.
 * Return: the request, its credit charged, or NULL: nothing to do, or no credit.
 */
struct ktls_turn *ktls_turn_next(struct ktls_port *port, struct sk_buff_head *messages)
{
	struct ktls_turn *turn;
	unsigned int cost;

	lockdep_assert_held(&port->kn->lock);
	if (list_empty(&port->node))
		return NULL;
	turn = list_first_entry_or_null(&port->stalled, struct ktls_turn, stall_node);
	cost = turn ? skb_queue_len(&turn->held) : 1;
	if (!turn_has_room(port, cost) || (!turn && port->retired))
		return NULL;
	if (turn) {
		list_del_init(&turn->stall_node);
		skb_queue_splice_tail_init(&turn->held, messages);
	} else {
		turn = ktls_turn_next_waiting(port->kn);
		if (!turn)
			return NULL;
		refcount_inc(&port->ref);
		turn->port = port;
		list_add_tail(&turn->node, &port->requests);
		port->open++;
	}
	turn_charge(turn, port, cost);
	return turn;
}

/**
 * ktls_turn_leave - a request that its port was never sent loses that port
 * @kn: the namespace
 * @turn: on no list
 *
 * Context: ktls_net.lock held.
 */
void ktls_turn_leave(struct ktls_net *kn, struct ktls_turn *turn)
{
	lockdep_assert_held(&kn->lock);
	ktls_port_put(turn->port);
	turn->port = NULL;
	turn->cost = 0;
}

/**
 * ktls_turn_stall - a request has a batch for the helper
 * @kn: the namespace
 * @turn: the request
 * @messages: the batch; emptied on success, unless the request has ended
 * @ret_port: the port that can send it when it has credit; NULL: none
 *
 * Context: process or softirq; takes and drops ktls_net.lock.
 * Return: 0, also if the request has ended; -EBUSY: it is not the kernel's turn.
 */
int ktls_turn_stall(struct ktls_net *kn, struct ktls_turn *turn, struct sk_buff_head *messages,
		    struct ktls_port **ret_port)
{
	int err = 0;

	*ret_port = NULL;
	spin_lock_bh(&kn->lock);
	if (turn->phase == KTLS_PHASE_KERNEL) {
		skb_queue_splice_tail_init(messages, &turn->held);
		turn->phase = KTLS_PHASE_STALLED;
		*ret_port = turn->port;
		list_add_tail(&turn->stall_node, &turn->port->stalled);
	} else if (turn->phase != KTLS_PHASE_ENDED) {
		err = -EBUSY;
	}
	spin_unlock_bh(&kn->lock);
	return err;
}

/**
 * ktls_turn_over - the helper has answered a batch: its credit comes back
 * @kn: the namespace
 * @turn: the request
 *
 * Context: process; takes and drops ktls_net.lock.
 * Return: 0; -ENOENT: it was not the helper's turn, the request has ended.
 */
int ktls_turn_over(struct ktls_net *kn, struct ktls_turn *turn)
{
	int err = -ENOENT;

	spin_lock_bh(&kn->lock);
	if (turn->phase == KTLS_PHASE_HELPER) {
		turn->port->in_flight -= turn->cost;
		turn->cost = 0;
		turn->phase = KTLS_PHASE_KERNEL;
		err = 0;
	}
	spin_unlock_bh(&kn->lock);
	return err;
}

/**
 * ktls_turn_success - the handshake of a request has succeeded
 * @kn: the namespace
 * @turn: the request
 *
 * Context: process; takes and drops ktls_net.lock.
 */
void ktls_turn_success(struct ktls_net *kn, struct ktls_turn *turn)
{
	spin_lock_bh(&kn->lock);
	ktls_pace_success(kn->queue.pace, turn->entry.name);
	spin_unlock_bh(&kn->lock);
}

/* Its credit may come back now; sending to others what that allows may sleep. */
static void turn_end_outgoing(struct ktls_port *port, struct ktls_outgoing *out, bool cancel,
			      unsigned int cost)
{
	unsigned int freed = ktls_outbox_end(&port->outbox, out, cancel, cost);
	bool waits = ktls_port_credit(port, freed);

	ktls_outbox_flush(&port->outbox);
	if (waits)
		ktls_outbox_retry_now(&port->outbox);
}

/**
 * ktls_turn_end - a request has ended: take it off all lists
 * @kn: the namespace
 * @turn: the request
 * @out: the same
 * @cancel: the helper is to be sent CANCEL if it was sent the request
 * @vain: if so, that was in vain
 *
 * Context: process or softirq; takes and drops ktls_net.lock, and the outbox's lock.
 */
void ktls_turn_end(struct ktls_net *kn, struct ktls_turn *turn, struct ktls_outgoing *out,
		   bool cancel, bool vain)
{
	struct ktls_port *port;
	unsigned int cost;

	spin_lock_bh(&kn->lock);
	if (turn->phase == KTLS_PHASE_WAITING) {
		ktls_queue_del(&kn->queue, &turn->entry);
	} else {
		list_del_init(&turn->stall_node);
		if (!list_empty(&turn->node))
			turn->port->open--;
		list_del_init(&turn->node);
	}
	turn->phase = KTLS_PHASE_ENDED;
	port = turn->port;
	cost = turn->cost;
	turn->cost = 0;
	if (port && vain && turn->entry.paced)
		ktls_pace_vain(kn->queue.pace, turn->entry.name, ktime_get());
	spin_unlock_bh(&kn->lock);
	if (port)
		turn_end_outgoing(port, out, cancel, cost);
}
