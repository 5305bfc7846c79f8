// SPDX-License-Identifier: GPL-2.0
/* The netlink sockets of the helper: which of them is to get a request, and how much
 * each was sent that it has not answered (credit).
 *
 * A port is closed when its socket is released (NETLINK_URELEASE). Port ids are reused
 * at once, so a port is identified by its struct sock, of which it holds a reference.
 */
#include <linux/cred.h>
#include <linux/moduleparam.h>
#include <linux/netlink.h>
#include <linux/pid_namespace.h>
#include <linux/slab.h>
#include <linux/time_namespace.h>
#include <linux/user_namespace.h>
#include <kunit/visibility.h>
#include <net/sock.h>

#include "helper/port.h"
#include "wire.h"

enum port_limits {
	/* More messages than a connection has tickets in flight, and a START and a CANCEL. */
	PORT_TICKET_BONUS	= KTLS_TICKETS_WAITING + 4,
	/* Twice as many requests as another port, and so many, are too many. */
	PORT_OPEN_SPREAD	= 16,
};

unsigned int ktls_net_id;
EXPORT_SYMBOL_IF_KUNIT(ktls_net_id);

static int port_helper_uid = -1;
module_param_named(helper_uid, port_helper_uid, int, 0644);
MODULE_PARM_DESC(helper_uid, "uid that may serve as helper, outside of user namespaces (-1: that of the first helper, for good)");

/* How far ahead the caller's CLOCK_MONOTONIC is: it may be in a time namespace. */
static s64 port_clock_offset(void)
{
	struct timespec64 offset = {};

	timens_add_monotonic(&offset);
	return timespec64_to_ns(&offset);
}

/**
 * ktls_port_new - make a port of a socket
 * @kn: its namespace
 * @sk: the socket; the system call that keeps it open is running
 * @portid: of the socket
 * @credit: unanswered messages it takes
 * @work: runs when it is time to send again; see ktls_outbox_open()
 *
 * Context: process; the task is the helper's.
 * Return: a port that is not visible to anyone, for ktls_port_add() or
 * ktls_dispatch_discard(); NULL: no memory.
 */
struct ktls_port *ktls_port_new(struct ktls_net *kn, struct sock *sk, u32 portid,
				u32 credit, work_func_t work)
{
	struct ktls_port *port;

	port = kzalloc(sizeof(*port), GFP_KERNEL_ACCOUNT);
	if (!port)
		return NULL;
	refcount_set(&port->ref, 1);
	port->kn = kn;
	port->cred = get_cred(sk->sk_socket->file->f_cred);
	port->pid_ns = get_pid_ns(task_active_pid_ns(current));
	port->clock_offset = port_clock_offset();
	port->portid = portid;
	port->credit = credit;
	mutex_init(&port->mutex);
	INIT_LIST_HEAD(&port->node);
	INIT_LIST_HEAD(&port->requests);
	INIT_LIST_HEAD(&port->stalled);
	INIT_LIST_HEAD(&port->tickets);
	ktls_outbox_open(&port->outbox, sk, work);
	return port;
}

/**
 * ktls_port_put - drop a reference
 * @port: the port
 *
 * Context: any.
 */
void ktls_port_put(struct ktls_port *port)
{
	if (!refcount_dec_and_test(&port->ref))
		return;
	put_cred(port->cred);
	put_pid_ns(port->pid_ns);
	kfree(port);
}

/* The uid of a namespace's first helper is kept for good: while no helper runs, after
 * a crash for example, no other process with CAP_NET_ADMIN may take its place.
 * Namespaces of a user namespace have uids of their own, to which helper_uid does not
 * apply.
 */
static int port_may_serve(const struct ktls_port *port, struct netlink_ext_ack *extack)
{
	int helper_uid = READ_ONCE(port_helper_uid);
	struct ktls_net *kn = port->kn;
	kuid_t uid = kn->helper_uid;

	lockdep_assert_held(&kn->lock);
	if (helper_uid >= 0 && kn->net->user_ns == &init_user_ns)
		uid = make_kuid(&init_user_ns, helper_uid);
	else if (!uid_valid(uid))
		uid = port->cred->euid;
	if (!uid_eq(uid, port->cred->euid)) {
		NL_SET_ERR_MSG(extack,
			       "only one uid may serve a namespace (module parameter helper_uid)");
		return -EPERM;
	}
	if (kn->port_count >= KTLS_PORTS_MAX) {
		NL_SET_ERR_MSG(extack, "this namespace has all the helper sockets it may have");
		return -ENOSPC;
	}
	return 0;
}

static struct ktls_port *port_lookup(struct ktls_net *kn, const struct sock *sk)
{
	struct ktls_port *port;

	lockdep_assert_held(&kn->lock);
	list_for_each_entry(port, &kn->ports, node)
		if (port->outbox.sk == sk)
			return port;
	return NULL;
}

/**
 * ktls_port_add - let a port serve its namespace
 * @port: a new one; on success the namespace's list has a reference as well
 * @extack: why not
 *
 * It has no credit until the caller gives it all back with ktls_port_credit().
 *
 * Context: process.
 * Return: 0; -EALREADY: the socket is a port; -EPERM, -ENOSPC.
 */
int ktls_port_add(struct ktls_port *port, struct netlink_ext_ack *extack)
{
	struct ktls_net *kn = port->kn;
	int err;

	spin_lock_bh(&kn->lock);
	if (port_lookup(kn, port->outbox.sk)) {
		NL_SET_ERR_MSG(extack, "this socket is registered already");
		err = -EALREADY;
		goto out;
	}
	err = port_may_serve(port, extack);
	if (err)
		goto out;
	kn->helper_uid = port->cred->euid;
	port->in_flight = port->credit;
	refcount_inc(&port->ref);
	list_add_tail(&port->node, &kn->ports);
	WRITE_ONCE(kn->port_count, kn->port_count + 1);
out:
	spin_unlock_bh(&kn->lock);
	return err;
}

/**
 * ktls_port_close - a port serves no longer
 * @port: the port
 *
 * Context: ktls_net.lock held.
 * Return: its socket, with a reference, and the reference to @port of the namespace's
 * list is the caller's, too; NULL: it was closed before.
 */
struct sock *ktls_port_close(struct ktls_port *port)
{
	struct ktls_net *kn = port->kn;

	lockdep_assert_held(&kn->lock);
	if (list_empty(&port->node))
		return NULL;
	list_del_init(&port->node);
	WRITE_ONCE(kn->port_count, kn->port_count - 1);
	return ktls_outbox_close(&port->outbox);
}

/**
 * ktls_port_exists - is there a helper?
 * @net: the namespace
 *
 * Context: any, lockless.
 * Return: whether there is; it may have changed when the caller looks at it.
 */
bool ktls_port_exists(const struct net *net)
{
	return READ_ONCE(ktls_net(net)->port_count);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_port_exists);

/**
 * ktls_port_find - the port that a socket is
 * @kn: the namespace
 * @sk: the socket; only compared
 *
 * Context: process.
 * Return: the port with a reference, or NULL.
 */
struct ktls_port *ktls_port_find(struct ktls_net *kn, const struct sock *sk)
{
	struct ktls_port *port;

	spin_lock_bh(&kn->lock);
	port = port_lookup(kn, sk);
	if (port)
		refcount_inc(&port->ref);
	spin_unlock_bh(&kn->lock);
	return port;
}

/* How many requests a port may have to get one more: none is full while another, which
 * has credit as well, has room. See worker_set_limits() of ktlsd.
 */
static unsigned int port_open_max(const struct ktls_net *kn)
{
	unsigned int least = UINT_MAX / 4;
	struct ktls_port *port;

	lockdep_assert_held(&kn->lock);
	list_for_each_entry(port, &kn->ports, node)
		if (port->in_flight < port->credit && list_empty(&port->stalled))
			least = min(least, port->open);
	return 2 * least + PORT_OPEN_SPREAD;
}

/**
 * ktls_port_best - the port that the next waiting request is for
 * @kn: the namespace
 *
 * Of those that have not many more requests than others, it is the one with most free
 * credit; of several, the one not chosen for longest. A port with a batch that waits for
 * credit has none free. A ticket in flight makes up for what it costs, and a little more:
 * a handshake that begins behind it on the same port can use it, however soon it comes.
 *
 * Context: process.
 * Return: the port with a reference, or NULL: nothing waits, or no port has credit.
 */
struct ktls_port *ktls_port_best(struct ktls_net *kn)
{
	struct ktls_port *port, *best = NULL;
	unsigned int room, best_room = 0, open_max;

	spin_lock_bh(&kn->lock);
	if (!kn->queue.waiting)
		goto out;
	open_max = port_open_max(kn);
	list_for_each_entry(port, &kn->ports, node) {
		if (port->in_flight >= port->credit || !list_empty(&port->stalled) ||
		    port->open > open_max)
			continue;
		room = port->credit - port->in_flight;
		if (!list_empty(&port->tickets))
			room += PORT_TICKET_BONUS;
		if (room > best_room) {
			best = port;
			best_room = room;
		}
	}
	if (best) {
		list_move_tail(&best->node, &kn->ports);
		refcount_inc(&best->ref);
	}
out:
	spin_unlock_bh(&kn->lock);
	return best;
}

/**
 * ktls_port_credit - give back credit
 * @port: the port
 * @freed: how much
 *
 * Context: process or softirq; takes and drops ktls_net.lock.
 */
void ktls_port_credit(struct ktls_port *port, unsigned int freed)
{
	if (!freed)
		return;
	spin_lock_bh(&port->kn->lock);
	port->in_flight -= freed;
	spin_unlock_bh(&port->kn->lock);
}

/**
 * ktls_port_cancel_read - the helper has read a CANCEL: its credit comes back
 * @port: on which it says so
 * @id: of the request; nothing happens if there is no such CANCEL
 *
 * Context: process; takes and drops the outbox's lock, and ktls_net.lock after it.
 */
void ktls_port_cancel_read(struct ktls_port *port, u64 id)
{
	ktls_port_credit(port, ktls_outbox_cancel_read(&port->outbox, id));
}

/* --- requests, as ports see them --- */

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
 * Return: a request that is on no list, or NULL: none waits.
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
static bool port_has_room(const struct ktls_port *port, unsigned int cost)
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
 * Requests with a batch come before new ones.
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
	if (!port_has_room(port, cost))
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

/* Its credit may come back now; sending to others what that allows may sleep. */
static void turn_end_outgoing(struct ktls_port *port, struct ktls_outgoing *out, bool cancel,
			      unsigned int cost)
{
	unsigned int freed = ktls_outbox_end(&port->outbox, out, cancel, cost);

	ktls_port_credit(port, freed);
	ktls_outbox_flush(&port->outbox);
	if (freed)
		ktls_outbox_retry_now(&port->outbox);
}

/**
 * ktls_turn_end - a request has ended: take it off all lists
 * @kn: the namespace
 * @turn: the request
 * @out: the same
 * @cancel: the helper is to be sent CANCEL if it was sent the request
 *
 * Context: process or softirq; takes and drops ktls_net.lock, and the outbox's lock.
 */
void ktls_turn_end(struct ktls_net *kn, struct ktls_turn *turn, struct ktls_outgoing *out,
		   bool cancel)
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
	spin_unlock_bh(&kn->lock);
	if (port)
		turn_end_outgoing(port, out, cancel, cost);
}
