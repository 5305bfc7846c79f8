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
	PORT_MAX		= 256,	/* per namespace */
	/* More messages than a connection has tickets in flight, and a START and a CANCEL. */
	PORT_TICKET_BONUS	= KTLS_TICKETS_WAITING + 4,
	/* Twice as many requests as another port, and so many, are too many. */
	PORT_OPEN_SPREAD	= 16,
};

unsigned int ktls_port_net_id;
EXPORT_SYMBOL_IF_KUNIT(ktls_port_net_id);

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
	if (kn->port_count >= PORT_MAX) {
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
 * Context: process, sleeps for memory.
 * Return: 0; -EALREADY: the socket is a port; -EPERM, -ENOSPC, -ENOMEM.
 */
int ktls_port_add(struct ktls_port *port, struct netlink_ext_ack *extack)
{
	struct ktls_net *kn = port->kn;
	struct ktls_pace *pace;
	int err;

	pace = ktls_pace_new(&kn->lock);
	if (!pace)
		return -ENOMEM;
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
	if (!kn->queue.pace)
		swap(kn->queue.pace, pace);
	port->in_flight = port->credit;
	refcount_inc(&port->ref);
	list_add_tail(&port->node, &kn->ports);
	WRITE_ONCE(kn->port_count, kn->port_count + 1);
out:
	spin_unlock_bh(&kn->lock);
	ktls_pace_free(pace);
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
	if (!kn->port_count) {
		ktls_pace_free(kn->queue.pace);
		kn->queue.pace = NULL;
	}
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

/**
 * ktls_port_retire - give a port no more requests
 * @port: the port; what it has been given it may finish
 *
 * New requests are for other ports. They wait if there is none, also for a helper that
 * comes when this one has gone. For a helper that is about to exit.
 *
 * Context: process; takes and drops ktls_net.lock.
 */
void ktls_port_retire(struct ktls_port *port)
{
	spin_lock_bh(&port->kn->lock);
	port->retired = true;
	spin_unlock_bh(&port->kn->lock);
}

/* A port with a batch that waits for credit has none free. */
static bool port_has_room(const struct ktls_port *port)
{
	lockdep_assert_held(&port->kn->lock);
	return !port->retired && port->in_flight < port->credit && list_empty(&port->stalled);
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
		if (port_has_room(port))
			least = min(least, port->open);
	return 2 * least + PORT_OPEN_SPREAD;
}

/**
 * ktls_port_best - the port that the next waiting request is for
 * @kn: the namespace
 *
 * Of those that have not many more requests than others, it is the one with most free
 * credit; of several, the one not chosen for longest. A ticket in flight makes up for what
 * it costs, and a little more: a handshake that begins behind it on the same port can use
 * it, however soon it comes.
 *
 * Context: process.
 * Return: the port with a reference, or NULL: nothing waits, or no port has credit.
 */
struct ktls_port *ktls_port_best(struct ktls_net *kn)
{
	struct ktls_port *port, *best = NULL;
	unsigned int room, best_room = 0, open_max;

	spin_lock_bh(&kn->lock);
	if (!ktls_queue_is_ready(&kn->queue))
		goto out;
	open_max = port_open_max(kn);
	list_for_each_entry(port, &kn->ports, node) {
		if (!port_has_room(port) || port->open > open_max)
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
 * Return: whether a batch or a new request waits, perhaps for this credit.
 */
bool ktls_port_credit(struct ktls_port *port, unsigned int freed)
{
	bool waits;

	if (!freed)
		return false;
	spin_lock_bh(&port->kn->lock);
	port->in_flight -= freed;
	waits = ktls_queue_is_ready(&port->kn->queue) ||
		!list_empty(&port->stalled);
	spin_unlock_bh(&port->kn->lock);
	return waits;
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
