// SPDX-License-Identifier: GPL-2.0
/*
 * The sockets of the helper: which of them gets a request, and how much each has
 * been told and not answered (credit).
 *
 * A port dies with its socket (NETLINK_URELEASE). Port ids are reused at once,
 * so a port is recognised by its struct sock, of which it holds a reference.
 */
#include <linux/cred.h>
#include <linux/pid_namespace.h>
#include <linux/moduleparam.h>
#include <linux/time_namespace.h>
#include <net/genetlink.h>

#include <ktls/ktls.h>
#include <trace/events/ktls.h>

enum port_limits {
	/* More messages than a connection has tickets in flight, and a START and a CANCEL. */
	PORT_TICKET_BONUS	= KTLS_TICKETS_WAITING + 4,
};

static int port_helper_uid = -1;
module_param_named(helper_uid, port_helper_uid, int, 0644);
MODULE_PARM_DESC(helper_uid, "uid that may serve as helper, outside of user namespaces (-1: that of the first helper, for good)");

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

/**
 * ktls_port_credit - messages count no longer
 * @port: the port
 * @freed: how many
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

/* --- handing out ---------------------------------------------------------- */

/* A batch that is larger than the whole credit goes when nothing else is out. */
static bool port_has_room(const struct ktls_port *port, unsigned int cost)
{
	lockdep_assert_held(&port->kn->lock);
	return !port->in_flight || port->in_flight + cost <= port->credit;
}

/*
 * Takes the request whose message is to go out next on this port: those that
 * are under way come before new ones. Return: the request with a reference, its
 * credit charged, or NULL: nothing to do, or no credit.
 */
static struct ktls_request *port_next(struct ktls_port *port,
				      struct sk_buff_head *messages)
{
	struct ktls_net *kn = port->kn;
	struct ktls_request *req = NULL;
	unsigned int cost = 1;

	spin_lock_bh(&kn->lock);
	if (list_empty(&port->node))
		goto nothing;
	if (!list_empty(&port->stalled)) {
		req = list_first_entry(&port->stalled, struct ktls_request, stall_node);
		cost = skb_queue_len(&req->held);
	}
	if (!port_has_room(port, cost)) {
		req = NULL;
		goto nothing;
	}
	if (req) {
		list_del_init(&req->stall_node);
		skb_queue_splice_tail_init(&req->held, messages);
	} else {
		req = ktls_queue_next(kn);
		if (!req)
			goto nothing;
		refcount_inc(&port->ref);
		req->port = port;
		list_add_tail(&req->node, &port->requests);
	}
	req->phase = KTLS_PHASE_HELPER;
	req->cost = cost;
	port->in_flight += cost;
	refcount_inc(&req->ref);
nothing:
	spin_unlock_bh(&kn->lock);
	return req;
}

/**
 * ktls_port_dispatch - give a port all it can take
 * @port: the port
 *
 * To be called when something may have become possible: room in the buffer,
 * credit, a new request, a new batch.
 *
 * Context: process, no spinlock held; a socket lock may be.
 */
void ktls_port_dispatch(struct ktls_port *port)
{
	struct sk_buff_head messages;
	struct ktls_request *req;
	struct sk_buff *skb;

	ktls_outbox_flush(port);
	__skb_queue_head_init(&messages);
	while ((req = port_next(port, &messages))) {
		if (skb_queue_empty(&messages)) {
			skb = ktls_message_request(req, port);
			if (skb)
				__skb_queue_tail(&messages, skb);
			ktls_outbox_register(port, req->params.config);
			trace_ktls_request_handed(req->id, port->kn->net, port->portid);
		}
		if (skb_queue_empty(&messages))
			ktls_request_fail(req, ENOMEM, "out of memory");
		else
			ktls_outbox_send(port, req, &messages);
		ktls_request_put(req);
		cond_resched();
	}
}

/*
 * The one with most free credit; of several, the one not chosen for longest. One
 * with a batch that waits for credit has none to give away. A ticket in flight makes up
 * for what it costs, and a little more: a handshake that begins behind it on the same
 * port can use it, however soon it comes.
 */
static struct ktls_port *port_best(struct ktls_net *kn)
{
	struct ktls_port *port, *best = NULL;
	unsigned int room, best_room = 0;

	lockdep_assert_held(&kn->lock);
	list_for_each_entry(port, &kn->ports, node) {
		if (port->in_flight >= port->credit || !list_empty(&port->stalled))
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
	return best;
}

/**
 * ktls_port_dispatch_any - find ports for the requests that wait
 * @kn: the namespace
 *
 * Context: process, no spinlock held; a socket lock may be.
 */
void ktls_port_dispatch_any(struct ktls_net *kn)
{
	struct ktls_port *port;

	do {
		spin_lock_bh(&kn->lock);
		port = kn->waiting ? port_best(kn) : NULL;
		spin_unlock_bh(&kn->lock);
		if (port) {
			ktls_port_dispatch(port);
			ktls_port_put(port);
		}
	} while (port);
}

static void port_work(struct work_struct *work)
{
	ktls_port_dispatch(container_of(to_delayed_work(work), struct ktls_port, work));
}

/* --- birth and death ------------------------------------------------------ */

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
 *
 * Context: process; the task is the helper's.
 * Return: a port nobody knows yet, for ktls_port_add() or
 * ktls_port_discard(); NULL for want of memory.
 */
struct ktls_port *ktls_port_new(struct ktls_net *kn, struct sock *sk, u32 portid,
				u32 credit)
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
	spin_lock_init(&port->lock);
	sock_hold(sk);
	port->sk = sk;
	INIT_LIST_HEAD(&port->out);
	INIT_LIST_HEAD(&port->cancelled);
	port->backoff_ms = KTLS_OUTBOX_PAUSE_MIN;
	INIT_DELAYED_WORK(&port->work, port_work);
	return port;
}

/*
 * The uid of a namespace's first helper is remembered for good: while none is there,
 * after a crash say, nobody else with CAP_NET_ADMIN is to take its place. Namespaces of
 * a user namespace have uids of their own, which helper_uid says nothing about.
 */
static int port_may_serve(const struct ktls_port *port,
			  struct netlink_ext_ack *extack)
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

/**
 * ktls_port_add - let a port serve its namespace
 * @port: a new one; on success the namespace's list has a reference as well
 * @extack: why not
 *
 * It is as if its credit were used up, until ktls_port_enable().
 *
 * Context: process.
 * Return: 0; -EALREADY: the socket is a port; -EPERM, -ENOSPC.
 */
int ktls_port_add(struct ktls_port *port, struct netlink_ext_ack *extack)
{
	struct ktls_net *kn = port->kn;
	const struct ktls_port *other;
	int err;

	spin_lock_bh(&kn->lock);
	list_for_each_entry(other, &kn->ports, node) {
		if (other->sk == port->sk) {
			NL_SET_ERR_MSG(extack, "this socket is registered already");
			err = -EALREADY;
			goto refused;
		}
	}
	err = port_may_serve(port, extack);
	if (err)
		goto refused;
	kn->helper_uid = port->cred->euid;
	port->in_flight = port->credit;
	refcount_inc(&port->ref);
	list_add_tail(&port->node, &kn->ports);
	WRITE_ONCE(kn->port_count, kn->port_count + 1);
	spin_unlock_bh(&kn->lock);
	return 0;

refused:
	spin_unlock_bh(&kn->lock);
	return err;
}

/**
 * ktls_port_enable - a port that was added may be given requests
 * @port: the port
 *
 * Context: process, no spinlock held.
 */
void ktls_port_enable(struct ktls_port *port)
{
	ktls_port_credit(port, port->credit);
	ktls_port_dispatch_any(port->kn);
}

/**
 * ktls_port_exists - is there a helper?
 * @net: the namespace
 *
 * Context: any, lockless.
 * Return: whether there is; it may have changed when it is looked at.
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
	list_for_each_entry(port, &kn->ports, node) {
		if (port->sk == sk) {
			refcount_inc(&port->ref);
			goto found;
		}
	}
	port = NULL;
found:
	spin_unlock_bh(&kn->lock);
	return port;
}

/*
 * Takes one request off a dead port. One that the port never heard of waits
 * again, for another; told and cost do not change any more, the port being
 * silent. Return: a request that is lost, with a reference; NULL: no more.
 */
static struct ktls_request *port_next_lost(struct ktls_port *port)
{
	struct ktls_request *req;

	lockdep_assert_held(&port->kn->lock);
	while (!list_empty(&port->requests)) {
		req = list_first_entry(&port->requests, struct ktls_request, node);
		list_del_init(&req->node);
		list_del_init(&req->stall_node);
		if (req->sent || ktls_queue_add(port->kn, req)) {
			refcount_inc(&req->ref);
			return req;
		}
		req->port = NULL;
		req->cost = 0;
		ktls_port_put(port);
	}
	return NULL;
}

/*
 * A port is gone. The caller has a reference to it. Whoever finds the port
 * through a request afterwards finds it without a socket, and does nothing.
 */
static void port_close(struct ktls_port *port)
{
	struct ktls_net *kn = port->kn;
	struct ktls_request *req;
	struct sock *sk;

	spin_lock_bh(&kn->lock);
	if (list_empty(&port->node)) {
		spin_unlock_bh(&kn->lock);
		return;
	}
	list_del_init(&port->node);
	WRITE_ONCE(kn->port_count, kn->port_count - 1);
	sk = ktls_outbox_close(port);
	ktls_ticket_close(port);
	while ((req = port_next_lost(port))) {
		spin_unlock_bh(&kn->lock);
		ktls_request_lost(req);
		ktls_request_put(req);
		spin_lock_bh(&kn->lock);
	}
	spin_unlock_bh(&kn->lock);

	cancel_delayed_work_sync(&port->work);
	sock_put(sk);
	ktls_port_put(port);
}

/**
 * ktls_port_discard - give up a port that never came to serve
 * @port: added or not; the caller's reference is dropped
 *
 * Context: process, may sleep.
 */
void ktls_port_discard(struct ktls_port *port)
{
	port_close(port);
	if (port->sk)
		sock_put(port->sk);
	port->sk = NULL;
	ktls_port_put(port);
}

static struct ktls_port *port_find_dead(struct ktls_net *kn, u32 portid, bool any)
{
	struct ktls_port *port;

	spin_lock_bh(&kn->lock);
	list_for_each_entry(port, &kn->ports, node) {
		if (any || (port->portid == portid && sock_flag(port->sk, SOCK_DEAD))) {
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
 * ktls_port_close - a netlink socket was closed
 * @kn: its namespace
 * @portid: what it was known by; another socket may have that id already
 *
 * What the helper had been told is lost; what only waited goes to others, or
 * waits on under its deadline.
 *
 * Context: process, may sleep.
 */
void ktls_port_close(struct ktls_net *kn, u32 portid)
{
	struct ktls_port *port;

	while ((port = port_find_dead(kn, portid, false))) {
		port_close(port);
		ktls_port_put(port);
		ktls_port_dispatch_any(kn);
	}
}

/**
 * ktls_port_close_all - the namespace, or the module, goes away
 * @kn: the namespace
 *
 * Context: process, may sleep. No port can be added any more.
 */
void ktls_port_close_all(struct ktls_net *kn)
{
	struct ktls_port *port;
	struct ktls_request *req;

	while ((port = port_find_dead(kn, 0, true))) {
		port_close(port);
		ktls_port_put(port);
	}
	do {
		spin_lock_bh(&kn->lock);
		req = ktls_queue_next(kn);
		if (req) {
			req->phase = KTLS_PHASE_ENDED;
			refcount_inc(&req->ref);
		}
		spin_unlock_bh(&kn->lock);
		if (req) {
			ktls_request_lost(req);
			ktls_request_put(req);
		}
	} while (req);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_port_close_all);
