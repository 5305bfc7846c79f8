// SPDX-License-Identifier: GPL-2.0
/*
 * What is still to be sent to a worker.
 *
 * A message goes out at once if the socket's receive buffer has room. If not, its
 * request stays on the worker's list, in order, and is tried again whenever the
 * helper says something on that socket, and by a delayed work with a pause that
 * doubles up to a second.
 *
 * Credit of a cancelled request comes back when the helper says that it has read
 * CANCEL, or at once if it was never told. What it has not read counts: so a program
 * that connects and closes in a loop cannot pile up work for it.
 */
#include <linux/slab.h>
#include <net/genetlink.h>

#include <ktls/ktls.h>

/*
 * Hands a copy of a message to the socket. False: not now. On a socket that is
 * gone that means never, and its worker is about to be buried.
 *
 * Netlink would look the socket up by its port id, which may be another program's
 * by now: it is free for everybody before the socket counts as dead. So the message
 * goes to the socket that registered as netlink would queue it there, and to nobody
 * if that is closed: it goes with the queue.
 */
static bool outbox_transmit(struct ktls_worker *worker, struct sk_buff *skb)
{
	struct sock *sk = worker->sk;
	struct sk_buff *clone;
	unsigned int queued;

	lockdep_assert_held(&worker->lock);
	if (!sk || sock_flag(sk, SOCK_DEAD))
		return false;
	queued = atomic_read(&sk->sk_rmem_alloc);
	if (queued && queued + skb->truesize > READ_ONCE(sk->sk_rcvbuf))
		return false;
	clone = skb_clone(skb, GFP_ATOMIC);
	if (!clone)
		return false;
	skb_set_owner_r(clone, sk);
	skb_queue_tail(&sk->sk_receive_queue, clone);
	sk->sk_data_ready(sk);
	return true;
}

/* Sends what a request has to say. False: the rest has to wait. */
static bool outbox_speak(struct ktls_worker *worker, struct ktls_request *req)
{
	struct sk_buff *skb;
	bool sent;

	while ((skb = skb_peek(&req->out))) {
		if (!outbox_transmit(worker, skb))
			return false;
		__skb_unlink(skb, &req->out);
		consume_skb(skb);
		req->told = true;
	}
	if (!req->cancel)
		return true;
	skb = ktls_message_number(KTLS_CMD_CANCEL, KTLS_A_ID, req->id);
	if (!skb)
		return false;
	sent = outbox_transmit(worker, skb);
	consume_skb(skb);
	if (sent)
		req->cancel = false;
	return sent;
}

/*
 * A request has nothing more to say. If it was cancelled and used up credit, it waits
 * to hear that it was read; those are no more than the credit.
 */
static void outbox_done(struct ktls_worker *worker, struct ktls_request *req)
{
	lockdep_assert_held(&worker->lock);
	if (req->closed && req->cost) {
		list_move_tail(&req->out_node, &worker->cancelled);
		return;
	}
	list_del_init(&req->out_node);
	ktls_upcall_drop(req);
}

static void outbox_try_later(struct ktls_worker *worker)
{
	lockdep_assert_held(&worker->lock);
	if (worker->sk && queue_delayed_work(ktls_upcall_wq, &worker->work,
					     msecs_to_jiffies(worker->backoff_ms)))
		worker->backoff_ms = min(worker->backoff_ms * 2, KTLS_OUTBOX_PAUSE_MAX);
}

/**
 * ktls_outbox_flush - send what can be sent
 * @worker: the worker
 *
 * Context: process or softirq; takes and drops @worker->lock.
 */
void ktls_outbox_flush(struct ktls_worker *worker)
{
	struct ktls_request *req;

	spin_lock_bh(&worker->lock);
	while (!list_empty(&worker->out)) {
		req = list_first_entry(&worker->out, struct ktls_request, out_node);
		if (!outbox_speak(worker, req)) {
			outbox_try_later(worker);
			break;
		}
		worker->backoff_ms = KTLS_OUTBOX_PAUSE_MIN;
		outbox_done(worker, req);
	}
	spin_unlock_bh(&worker->lock);
}

/**
 * ktls_outbox_acknowledged - the helper has read a CANCEL: its credit comes back
 * @worker: whose helper says so
 * @id: of the request; nothing happens if there is no such CANCEL
 *
 * Context: process; takes and drops @worker->lock, and ktls_net.lock after it.
 */
void ktls_outbox_acknowledged(struct ktls_worker *worker, u64 id)
{
	struct ktls_request *req;
	unsigned int freed = 0;

	spin_lock_bh(&worker->lock);
	list_for_each_entry(req, &worker->cancelled, out_node) {
		if (req->id != id)
			continue;
		freed = req->cost;
		req->cost = 0;
		list_del_init(&req->out_node);
		ktls_upcall_drop(req);
		break;
	}
	spin_unlock_bh(&worker->lock);
	ktls_worker_credit(worker, freed);
}

/**
 * ktls_outbox_send - queue messages of a request, and send what can be sent
 * @worker: who has the request
 * @req: the request
 * @messages: emptied; dropped if the worker is dead or the request has ended
 *
 * Context: process or softirq; takes and drops @worker->lock.
 */
void ktls_outbox_send(struct ktls_worker *worker, struct ktls_request *req,
		      struct sk_buff_head *messages)
{
	spin_lock_bh(&worker->lock);
	if (!worker->sk || req->closed) {
		spin_unlock_bh(&worker->lock);
		__skb_queue_purge(messages);
		return;
	}
	skb_queue_splice_tail_init(messages, &req->out);
	if (list_empty(&req->out_node)) {
		refcount_inc(&req->ref);
		list_add_tail(&req->out_node, &worker->out);
	}
	spin_unlock_bh(&worker->lock);
	ktls_outbox_flush(worker);
}

/* Wiping what the helper has not read yet would corrupt what it reads. */
static void outbox_wipe_secret(struct ktls_request *req)
{
	struct sk_buff *skb = req->secret;

	req->secret = NULL;
	if (skb && !skb_shared(skb) && !skb_cloned(skb))
		ktls_message_wipe(skb);
	kfree_skb(skb);
}

/**
 * ktls_outbox_keep_secret - wipe the last secret message, remember this one
 * @worker: who has the request
 * @req: the request
 * @skb: the message that is about to be sent, or NULL
 *
 * Netlink frees a message when it has been read, without wiping. What goes to the
 * socket is a clone, so the bytes are still ours afterwards: the helper's next
 * word about the request, or its end, is the time to wipe them. Only a message
 * that was never read is freed as it is.
 *
 * Context: process or softirq; takes and drops @worker->lock.
 */
void ktls_outbox_keep_secret(struct ktls_worker *worker, struct ktls_request *req,
			     struct sk_buff *skb)
{
	spin_lock_bh(&worker->lock);
	outbox_wipe_secret(req);
	if (skb)
		req->secret = skb_get(skb);
	spin_unlock_bh(&worker->lock);
}

/**
 * ktls_outbox_forget - a request has ended
 * @worker: who had it
 * @req: the request, its fate settled
 * @cancel: the helper has not said DONE: it has to be told, if it ever heard of
 *	the request; the credit comes back when it has read that
 *
 * Context: process or softirq; takes and drops @worker->lock, and
 * ktls_net.lock after it.
 */
void ktls_outbox_forget(struct ktls_worker *worker, struct ktls_request *req, bool cancel)
{
	unsigned int freed = 0;

	spin_lock_bh(&worker->lock);
	req->closed = true;
	__skb_queue_purge(&req->out);
	outbox_wipe_secret(req);
	if (cancel && req->told && worker->sk) {
		req->cancel = true;
		if (list_empty(&req->out_node)) {
			refcount_inc(&req->ref);
			list_add_tail(&req->out_node, &worker->out);
		}
	} else {
		freed = req->cost;
		req->cost = 0;
		if (!list_empty(&req->out_node)) {
			list_del_init(&req->out_node);
			ktls_upcall_drop(req);
		}
	}
	spin_unlock_bh(&worker->lock);

	ktls_worker_credit(worker, freed);
	ktls_outbox_flush(worker);
	if (!freed)
		return;
	/* Making messages for others sleeps; this context may not. */
	spin_lock_bh(&worker->lock);
	if (worker->sk)
		mod_delayed_work(ktls_upcall_wq, &worker->work, 0);
	spin_unlock_bh(&worker->lock);
}

/**
 * ktls_outbox_close - nothing goes out on this worker any more
 * @worker: the worker
 *
 * Context: process, ktls_net.lock held.
 * Return: its socket, with the worker's reference.
 */
struct sock *ktls_outbox_close(struct ktls_worker *worker)
{
	struct ktls_request *req, *next;
	struct sock *sk;

	lockdep_assert_held(&worker->kn->lock);
	spin_lock(&worker->lock);
	sk = worker->sk;
	worker->sk = NULL;
	list_for_each_entry_safe(req, next, &worker->out, out_node) {
		list_del_init(&req->out_node);
		__skb_queue_purge(&req->out);
		ktls_upcall_drop(req);
	}
	list_for_each_entry_safe(req, next, &worker->cancelled, out_node) {
		list_del_init(&req->out_node);
		ktls_upcall_drop(req);
	}
	spin_unlock(&worker->lock);
	return sk;
}

/**
 * ktls_outbox_drop_or_send - a message that is not worth waiting for
 * @worker: the worker
 * @skb: the message; consumed
 *
 * Context: process or softirq, ktls_net.lock may be held.
 * Return: whether it was sent. If not, something else waits to be sent, the buffer
 * is full, or the worker is gone.
 */
bool ktls_outbox_drop_or_send(struct ktls_worker *worker, struct sk_buff *skb)
{
	bool sent;

	spin_lock_bh(&worker->lock);
	sent = list_empty(&worker->out) && outbox_transmit(worker, skb);
	spin_unlock_bh(&worker->lock);
	consume_skb(skb);
	return sent;
}

/**
 * struct ktls_knower - a worker that was given a configuration
 * @node: on ktls_config.known_by
 * @worker: a reference is owned
 */
struct ktls_knower {
	struct list_head	node;
	struct ktls_worker	*worker;
};

static void outbox_forget_knower(struct ktls_knower *knower)
{
	list_del(&knower->node);
	ktls_worker_put(knower->worker);
	kfree(knower);
}

/* Is that worker on the list? Those that are dead leave it. */
static bool outbox_knows(struct ktls_config *config, const struct ktls_worker *worker)
{
	struct ktls_knower *knower, *next;
	bool known = false;

	lockdep_assert_held(&config->known_lock);
	list_for_each_entry_safe(knower, next, &config->known_by, node) {
		if (knower->worker == worker)
			known = true;
		else if (!READ_ONCE(knower->worker->sk))
			outbox_forget_knower(knower);
	}
	return known;
}

/**
 * ktls_outbox_know - the worker is about to learn of a configuration
 * @worker: the worker
 * @config: frozen
 *
 * Without memory it will not be told when that is gone.
 *
 * Context: process, no spinlock held.
 */
void ktls_outbox_know(struct ktls_worker *worker, struct ktls_config *config)
{
	struct ktls_knower *knower;
	bool known;

	if (!ktls_message_parts(config))
		return;
	spin_lock_bh(&config->known_lock);
	known = outbox_knows(config, worker);
	spin_unlock_bh(&config->known_lock);
	knower = known ? NULL : kmalloc(sizeof(*knower), GFP_KERNEL);
	if (!knower)
		return;

	refcount_inc(&worker->ref);
	knower->worker = worker;
	spin_lock_bh(&config->known_lock);
	list_add_tail(&knower->node, &config->known_by);
	spin_unlock_bh(&config->known_lock);
}

static void outbox_hint(struct ktls_worker *worker, u64 id)
{
	struct sk_buff *skb;

	spin_lock_bh(&worker->lock);
	if (list_empty(&worker->out)) {
		skb = ktls_message_number(KTLS_CMD_CONFIG_DROP, KTLS_A_CONFIG, id);
		if (skb)
			outbox_transmit(worker, skb);
		consume_skb(skb);
	}
	spin_unlock_bh(&worker->lock);
}

/**
 * ktls_outbox_drop_config - tell whoever was given a configuration that it is gone
 * @config: nobody has a reference any more
 *
 * A hint that costs nobody anything: lost when something else waits to be sent, or
 * the buffer is full.
 *
 * Context: any, none of the locks of upcall.h held.
 */
void ktls_outbox_drop_config(struct ktls_config *config)
{
	struct ktls_knower *knower, *next;

	list_for_each_entry_safe(knower, next, &config->known_by, node) {
		outbox_hint(knower->worker, config->id);
		outbox_forget_knower(knower);
	}
}
