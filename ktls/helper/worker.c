// SPDX-License-Identifier: GPL-2.0
/*
 * The sockets of the helper: which of them gets a request, and how much each has
 * been told and not answered (credit).
 *
 * A worker dies with its socket (NETLINK_URELEASE). Port ids are reused at once,
 * so a worker is recognised by its struct sock, of which it holds a reference.
 */
#include <linux/cred.h>
#include <linux/pid_namespace.h>
#include <linux/moduleparam.h>
#include <linux/time_namespace.h>
#include <net/genetlink.h>

#include <ktls/ktls.h>
#include <trace/events/ktls.h>

enum worker_limits {
	/* More messages than a connection has tickets in flight, and a START and a CANCEL. */
	WORKER_TICKET_BONUS	= KTLS_TICKETS_WAITING + 4,
};

static int worker_helper_uid = -1;
module_param_named(helper_uid, worker_helper_uid, int, 0644);
MODULE_PARM_DESC(helper_uid, "uid that may serve as helper, outside of user namespaces (-1: that of the first helper, for good)");

/**
 * ktls_worker_put - drop a reference
 * @worker: the worker
 *
 * Context: any.
 */
void ktls_worker_put(struct ktls_worker *worker)
{
	if (!refcount_dec_and_test(&worker->ref))
		return;
	put_cred(worker->cred);
	put_pid_ns(worker->pid_ns);
	kfree(worker);
}

/**
 * ktls_worker_credit - messages count no longer
 * @worker: the worker
 * @freed: how many
 *
 * Context: process or softirq; takes and drops ktls_net.lock.
 */
void ktls_worker_credit(struct ktls_worker *worker, unsigned int freed)
{
	if (!freed)
		return;
	spin_lock_bh(&worker->kn->lock);
	worker->in_flight -= freed;
	spin_unlock_bh(&worker->kn->lock);
}

/* --- handing out ---------------------------------------------------------- */

/* A batch that is larger than the whole credit goes when nothing else is out. */
static bool worker_has_room(const struct ktls_worker *worker, unsigned int cost)
{
	lockdep_assert_held(&worker->kn->lock);
	return !worker->in_flight || worker->in_flight + cost <= worker->credit;
}

/*
 * Takes the request whose message is to go out next on this worker: those that
 * are under way come before new ones. Return: the request with a reference, its
 * credit charged, or NULL: nothing to do, or no credit.
 */
static struct ktls_request *worker_next(struct ktls_worker *worker,
					struct sk_buff_head *messages)
{
	struct ktls_net *kn = worker->kn;
	struct ktls_request *req = NULL;
	unsigned int cost = 1;

	spin_lock_bh(&kn->lock);
	if (list_empty(&worker->node))
		goto nothing;
	if (!list_empty(&worker->stalled)) {
		req = list_first_entry(&worker->stalled, struct ktls_request, stall_node);
		cost = skb_queue_len(&req->held);
	}
	if (!worker_has_room(worker, cost)) {
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
		refcount_inc(&worker->ref);
		req->worker = worker;
		list_add_tail(&req->node, &worker->requests);
	}
	req->phase = KTLS_PHASE_HELPER;
	req->cost = cost;
	worker->in_flight += cost;
	refcount_inc(&req->ref);
nothing:
	spin_unlock_bh(&kn->lock);
	return req;
}

/**
 * ktls_worker_feed - give a worker all it can take
 * @worker: the worker
 *
 * To be called when something may have become possible: room in the buffer,
 * credit, a new request, a new batch.
 *
 * Context: process, no spinlock held; a socket lock may be.
 */
void ktls_worker_feed(struct ktls_worker *worker)
{
	struct sk_buff_head messages;
	struct ktls_request *req;
	struct sk_buff *skb;

	ktls_outbox_flush(worker);
	__skb_queue_head_init(&messages);
	while ((req = worker_next(worker, &messages))) {
		if (skb_queue_empty(&messages)) {
			skb = ktls_message_request(req, worker);
			if (skb)
				__skb_queue_tail(&messages, skb);
			ktls_outbox_know(worker, req->config);
			trace_ktls_request_handed(req, worker->portid);
		}
		if (skb_queue_empty(&messages))
			ktls_upcall_fail(req, ENOMEM, "out of memory");
		else
			ktls_outbox_send(worker, req, &messages);
		ktls_upcall_drop(req);
		cond_resched();
	}
}

/*
 * The one with most free credit; of several, the one not chosen for longest. One
 * with a batch that waits for credit has none to give away. A ticket in flight makes up
 * for what it costs, and a little more: a handshake that begins behind it on the same
 * worker can use it, however soon it comes.
 */
static struct ktls_worker *worker_best(struct ktls_net *kn)
{
	struct ktls_worker *worker, *best = NULL;
	unsigned int room, best_room = 0;

	lockdep_assert_held(&kn->lock);
	list_for_each_entry(worker, &kn->workers, node) {
		if (worker->in_flight >= worker->credit || !list_empty(&worker->stalled))
			continue;
		room = worker->credit - worker->in_flight;
		if (!list_empty(&worker->tickets))
			room += WORKER_TICKET_BONUS;
		if (room > best_room) {
			best = worker;
			best_room = room;
		}
	}
	if (best) {
		list_move_tail(&best->node, &kn->workers);
		refcount_inc(&best->ref);
	}
	return best;
}

/**
 * ktls_worker_feed_any - find workers for the requests that wait
 * @kn: the namespace
 *
 * Context: process, no spinlock held; a socket lock may be.
 */
void ktls_worker_feed_any(struct ktls_net *kn)
{
	struct ktls_worker *worker;

	do {
		spin_lock_bh(&kn->lock);
		worker = kn->waiting ? worker_best(kn) : NULL;
		spin_unlock_bh(&kn->lock);
		if (worker) {
			ktls_worker_feed(worker);
			ktls_worker_put(worker);
		}
	} while (worker);
}

static void worker_work(struct work_struct *work)
{
	ktls_worker_feed(container_of(to_delayed_work(work), struct ktls_worker, work));
}

/* --- birth and death ------------------------------------------------------ */

/* How far ahead the caller's CLOCK_MONOTONIC is: it may be in a time namespace. */
static s64 worker_clock_offset(void)
{
	struct timespec64 offset = {};

	timens_add_monotonic(&offset);
	return timespec64_to_ns(&offset);
}

/**
 * ktls_worker_new - make a worker of a socket
 * @kn: its namespace
 * @sk: the socket; the system call that keeps it open is running
 * @portid: of the socket
 * @credit: unanswered messages it takes
 *
 * Context: process; the task is the helper's.
 * Return: a worker nobody knows yet, for ktls_worker_add() or
 * ktls_worker_discard(); NULL for want of memory.
 */
struct ktls_worker *ktls_worker_new(struct ktls_net *kn, struct sock *sk, u32 portid,
				    u32 credit)
{
	struct ktls_worker *worker;

	worker = kzalloc(sizeof(*worker), GFP_KERNEL_ACCOUNT);
	if (!worker)
		return NULL;
	refcount_set(&worker->ref, 1);
	worker->kn = kn;
	worker->cred = get_cred(sk->sk_socket->file->f_cred);
	worker->pid_ns = get_pid_ns(task_active_pid_ns(current));
	worker->clock_offset = worker_clock_offset();
	worker->portid = portid;
	worker->credit = credit;
	mutex_init(&worker->mutex);
	INIT_LIST_HEAD(&worker->node);
	INIT_LIST_HEAD(&worker->requests);
	INIT_LIST_HEAD(&worker->stalled);
	INIT_LIST_HEAD(&worker->tickets);
	spin_lock_init(&worker->lock);
	sock_hold(sk);
	worker->sk = sk;
	INIT_LIST_HEAD(&worker->out);
	INIT_LIST_HEAD(&worker->cancelled);
	worker->backoff_ms = KTLS_OUTBOX_PAUSE_MIN;
	INIT_DELAYED_WORK(&worker->work, worker_work);
	return worker;
}

/*
 * The uid of a namespace's first helper is remembered for good: while none is there,
 * after a crash say, nobody else with CAP_NET_ADMIN is to take its place. Namespaces of
 * a user namespace have uids of their own, which helper_uid says nothing about.
 */
static int worker_may_serve(const struct ktls_worker *worker,
			    struct netlink_ext_ack *extack)
{
	int helper_uid = READ_ONCE(worker_helper_uid);
	struct ktls_net *kn = worker->kn;
	kuid_t uid = kn->helper_uid;

	lockdep_assert_held(&kn->lock);
	if (helper_uid >= 0 && kn->net->user_ns == &init_user_ns)
		uid = make_kuid(&init_user_ns, helper_uid);
	else if (!uid_valid(uid))
		uid = worker->cred->euid;
	if (!uid_eq(uid, worker->cred->euid)) {
		NL_SET_ERR_MSG(extack,
			       "only one uid may serve a namespace (module parameter helper_uid)");
		return -EPERM;
	}
	if (kn->worker_count >= KTLS_WORKERS_MAX) {
		NL_SET_ERR_MSG(extack, "this namespace has all the workers it may have");
		return -ENOSPC;
	}
	return 0;
}

/**
 * ktls_worker_add - let a worker serve its namespace
 * @worker: a new one; on success the namespace's list has a reference as well
 * @extack: why not
 *
 * It is as if its credit were used up, until ktls_worker_begin().
 *
 * Context: process.
 * Return: 0; -EALREADY: the socket is a worker; -EPERM, -ENOSPC.
 */
int ktls_worker_add(struct ktls_worker *worker, struct netlink_ext_ack *extack)
{
	struct ktls_net *kn = worker->kn;
	const struct ktls_worker *other;
	int err;

	spin_lock_bh(&kn->lock);
	list_for_each_entry(other, &kn->workers, node) {
		if (other->sk == worker->sk) {
			NL_SET_ERR_MSG(extack, "this socket is a worker already");
			err = -EALREADY;
			goto refused;
		}
	}
	err = worker_may_serve(worker, extack);
	if (err)
		goto refused;
	kn->helper_uid = worker->cred->euid;
	worker->in_flight = worker->credit;
	refcount_inc(&worker->ref);
	list_add_tail(&worker->node, &kn->workers);
	WRITE_ONCE(kn->worker_count, kn->worker_count + 1);
	spin_unlock_bh(&kn->lock);
	return 0;

refused:
	spin_unlock_bh(&kn->lock);
	return err;
}

/**
 * ktls_worker_begin - a worker that was added may be given requests
 * @worker: the worker
 *
 * Context: process, no spinlock held.
 */
void ktls_worker_begin(struct ktls_worker *worker)
{
	ktls_worker_credit(worker, worker->credit);
	ktls_worker_feed_any(worker->kn);
}

/**
 * ktls_worker_find - the worker that a socket is
 * @kn: the namespace
 * @sk: the socket; only compared
 *
 * Context: process.
 * Return: the worker with a reference, or NULL.
 */
struct ktls_worker *ktls_worker_find(struct ktls_net *kn, const struct sock *sk)
{
	struct ktls_worker *worker;

	spin_lock_bh(&kn->lock);
	list_for_each_entry(worker, &kn->workers, node) {
		if (worker->sk == sk) {
			refcount_inc(&worker->ref);
			goto found;
		}
	}
	worker = NULL;
found:
	spin_unlock_bh(&kn->lock);
	return worker;
}

/*
 * Takes one request off a dead worker. One that the worker never heard of waits
 * again, for another; told and cost do not change any more, the worker being
 * silent. Return: a request that is lost, with a reference; NULL: no more.
 */
static struct ktls_request *worker_next_lost(struct ktls_worker *worker)
{
	struct ktls_request *req;

	lockdep_assert_held(&worker->kn->lock);
	while (!list_empty(&worker->requests)) {
		req = list_first_entry(&worker->requests, struct ktls_request, node);
		list_del_init(&req->node);
		list_del_init(&req->stall_node);
		if (req->told || ktls_queue_add(worker->kn, req)) {
			refcount_inc(&req->ref);
			return req;
		}
		req->worker = NULL;
		req->cost = 0;
		ktls_worker_put(worker);
	}
	return NULL;
}

/*
 * A worker is gone. The caller has a reference to it. Whoever finds the worker
 * through a request afterwards finds it without a socket, and does nothing.
 */
static void worker_bury(struct ktls_worker *worker)
{
	struct ktls_net *kn = worker->kn;
	struct ktls_request *req;
	struct sock *sk;

	spin_lock_bh(&kn->lock);
	if (list_empty(&worker->node)) {
		spin_unlock_bh(&kn->lock);
		return;
	}
	list_del_init(&worker->node);
	WRITE_ONCE(kn->worker_count, kn->worker_count - 1);
	sk = ktls_outbox_close(worker);
	ktls_ticket_bury(worker);
	while ((req = worker_next_lost(worker))) {
		spin_unlock_bh(&kn->lock);
		ktls_upcall_lost(req);
		ktls_upcall_drop(req);
		spin_lock_bh(&kn->lock);
	}
	spin_unlock_bh(&kn->lock);

	cancel_delayed_work_sync(&worker->work);
	sock_put(sk);
	ktls_worker_put(worker);
}

/**
 * ktls_worker_discard - give up a worker that never came to serve
 * @worker: added or not; the caller's reference is dropped
 *
 * Context: process, may sleep.
 */
void ktls_worker_discard(struct ktls_worker *worker)
{
	worker_bury(worker);
	if (worker->sk)
		sock_put(worker->sk);
	worker->sk = NULL;
	ktls_worker_put(worker);
}

static struct ktls_worker *worker_find_dead(struct ktls_net *kn, u32 portid, bool any)
{
	struct ktls_worker *worker;

	spin_lock_bh(&kn->lock);
	list_for_each_entry(worker, &kn->workers, node) {
		if (any || (worker->portid == portid && sock_flag(worker->sk, SOCK_DEAD))) {
			refcount_inc(&worker->ref);
			goto found;
		}
	}
	worker = NULL;
found:
	spin_unlock_bh(&kn->lock);
	return worker;
}

/**
 * ktls_worker_bury - a netlink socket was closed
 * @kn: its namespace
 * @portid: what it was known by; another socket may have that id already
 *
 * What the helper had been told is lost; what only waited goes to others, or
 * waits on under its deadline.
 *
 * Context: process, may sleep.
 */
void ktls_worker_bury(struct ktls_net *kn, u32 portid)
{
	struct ktls_worker *worker;

	while ((worker = worker_find_dead(kn, portid, false))) {
		worker_bury(worker);
		ktls_worker_put(worker);
		ktls_worker_feed_any(kn);
	}
}

/**
 * ktls_worker_bury_all - the namespace, or the module, goes away
 * @kn: the namespace
 *
 * Context: process, may sleep. No worker can be added any more.
 */
void ktls_worker_bury_all(struct ktls_net *kn)
{
	struct ktls_worker *worker;
	struct ktls_request *req;

	while ((worker = worker_find_dead(kn, 0, true))) {
		worker_bury(worker);
		ktls_worker_put(worker);
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
			ktls_upcall_lost(req);
			ktls_upcall_drop(req);
		}
	} while (req);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_worker_bury_all);
