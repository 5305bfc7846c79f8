// SPDX-License-Identifier: GPL-2.0
/*
 * What is still to be sent to a port.
 *
 * A message goes out at once if the socket's receive buffer has room. If not, its
 * request stays on the port's list, in order, and is tried again whenever the
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
 * gone that means never, and its port is about to be buried.
 *
 * Netlink would look the socket up by its port id, which may be another program's
 * by now: it is free for everybody before the socket counts as dead. So the message
 * goes to the socket that registered as netlink would queue it there, and to nobody
 * if that is closed: it goes with the queue.
 */
static bool outbox_transmit(struct ktls_port *port, struct sk_buff *skb)
{
	struct sock *sk = port->sk;
	struct sk_buff *clone;
	unsigned int queued;

	lockdep_assert_held(&port->lock);
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
static bool outbox_send_request(struct ktls_port *port, struct ktls_request *req)
{
	struct sk_buff *skb;
	bool sent;

	while ((skb = skb_peek(&req->out))) {
		if (!outbox_transmit(port, skb))
			return false;
		__skb_unlink(skb, &req->out);
		consume_skb(skb);
		req->sent = true;
	}
	if (!req->cancel)
		return true;
	skb = ktls_message_number(KTLS_CMD_CANCEL, KTLS_A_ID, req->id);
	if (!skb)
		return false;
	sent = outbox_transmit(port, skb);
	consume_skb(skb);
	if (sent)
		req->cancel = false;
	return sent;
}

/*
 * A request has nothing more to say. If it was cancelled and used up credit, it waits
 * to hear that it was read; those are no more than the credit.
 */
static void outbox_done(struct ktls_port *port, struct ktls_request *req)
{
	lockdep_assert_held(&port->lock);
	if (req->closed && req->cost) {
		list_move_tail(&req->out_node, &port->cancelled);
		return;
	}
	list_del_init(&req->out_node);
	ktls_request_put(req);
}

static void outbox_try_later(struct ktls_port *port)
{
	lockdep_assert_held(&port->lock);
	if (port->sk && queue_delayed_work(ktls_port_wq, &port->work,
					   msecs_to_jiffies(port->backoff_ms)))
		port->backoff_ms = min(port->backoff_ms * 2, KTLS_OUTBOX_PAUSE_MAX);
}

/**
 * ktls_outbox_flush - send what can be sent
 * @port: the port
 *
 * Context: process or softirq; takes and drops @port->lock.
 */
void ktls_outbox_flush(struct ktls_port *port)
{
	struct ktls_request *req;

	spin_lock_bh(&port->lock);
	while (!list_empty(&port->out)) {
		req = list_first_entry(&port->out, struct ktls_request, out_node);
		if (!outbox_send_request(port, req)) {
			outbox_try_later(port);
			break;
		}
		port->backoff_ms = KTLS_OUTBOX_PAUSE_MIN;
		outbox_done(port, req);
	}
	spin_unlock_bh(&port->lock);
}

/**
 * ktls_outbox_cancel_read - the helper has read a CANCEL: its credit comes back
 * @port: whose helper says so
 * @id: of the request; nothing happens if there is no such CANCEL
 *
 * Context: process; takes and drops @port->lock, and ktls_net.lock after it.
 */
void ktls_outbox_cancel_read(struct ktls_port *port, u64 id)
{
	struct ktls_request *req;
	unsigned int freed = 0;

	spin_lock_bh(&port->lock);
	list_for_each_entry(req, &port->cancelled, out_node) {
		if (req->id != id)
			continue;
		freed = req->cost;
		req->cost = 0;
		list_del_init(&req->out_node);
		ktls_request_put(req);
		break;
	}
	spin_unlock_bh(&port->lock);
	ktls_port_credit(port, freed);
}

/**
 * ktls_outbox_send - queue messages of a request, and send what can be sent
 * @port: who has the request
 * @req: the request
 * @messages: emptied; dropped if the port is dead or the request has ended
 *
 * Context: process or softirq; takes and drops @port->lock.
 */
void ktls_outbox_send(struct ktls_port *port, struct ktls_request *req,
		      struct sk_buff_head *messages)
{
	spin_lock_bh(&port->lock);
	if (!port->sk || req->closed) {
		spin_unlock_bh(&port->lock);
		__skb_queue_purge(messages);
		return;
	}
	skb_queue_splice_tail_init(messages, &req->out);
	if (list_empty(&req->out_node)) {
		refcount_inc(&req->ref);
		list_add_tail(&req->out_node, &port->out);
	}
	spin_unlock_bh(&port->lock);
	ktls_outbox_flush(port);
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
 * @port: who has the request
 * @req: the request
 * @skb: the message that is about to be sent, or NULL
 *
 * Netlink frees a message when it has been read, without wiping. What goes to the
 * socket is a clone, so the bytes are still ours afterwards: the helper's next
 * word about the request, or its end, is the time to wipe them. Only a message
 * that was never read is freed as it is.
 *
 * Context: process or softirq; takes and drops @port->lock.
 */
void ktls_outbox_keep_secret(struct ktls_port *port, struct ktls_request *req,
			     struct sk_buff *skb)
{
	spin_lock_bh(&port->lock);
	outbox_wipe_secret(req);
	if (skb)
		req->secret = skb_get(skb);
	spin_unlock_bh(&port->lock);
}

/**
 * ktls_outbox_end - a request has ended
 * @port: who had it
 * @req: the request, its outcome settled
 * @cancel: the helper has not said DONE: it has to be told, if it ever heard of
 *	the request; the credit comes back when it has read that
 *
 * Context: process or softirq; takes and drops @port->lock, and
 * ktls_net.lock after it.
 */
void ktls_outbox_end(struct ktls_port *port, struct ktls_request *req, bool cancel)
{
	unsigned int freed = 0;

	spin_lock_bh(&port->lock);
	req->closed = true;
	__skb_queue_purge(&req->out);
	outbox_wipe_secret(req);
	if (cancel && req->sent && port->sk) {
		req->cancel = true;
		if (list_empty(&req->out_node)) {
			refcount_inc(&req->ref);
			list_add_tail(&req->out_node, &port->out);
		}
	} else {
		freed = req->cost;
		req->cost = 0;
		if (!list_empty(&req->out_node)) {
			list_del_init(&req->out_node);
			ktls_request_put(req);
		}
	}
	spin_unlock_bh(&port->lock);

	ktls_port_credit(port, freed);
	ktls_outbox_flush(port);
	if (!freed)
		return;
	/* Making messages for others sleeps; this context may not. */
	spin_lock_bh(&port->lock);
	if (port->sk)
		mod_delayed_work(ktls_port_wq, &port->work, 0);
	spin_unlock_bh(&port->lock);
}

/**
 * ktls_outbox_close - nothing goes out on this port any more
 * @port: the port
 *
 * Context: process, ktls_net.lock held.
 * Return: its socket, with the port's reference.
 */
struct sock *ktls_outbox_close(struct ktls_port *port)
{
	struct ktls_request *req, *next;
	struct sock *sk;

	lockdep_assert_held(&port->kn->lock);
	spin_lock(&port->lock);
	sk = port->sk;
	port->sk = NULL;
	list_for_each_entry_safe(req, next, &port->out, out_node) {
		list_del_init(&req->out_node);
		__skb_queue_purge(&req->out);
		ktls_request_put(req);
	}
	list_for_each_entry_safe(req, next, &port->cancelled, out_node) {
		list_del_init(&req->out_node);
		ktls_request_put(req);
	}
	spin_unlock(&port->lock);
	return sk;
}

/**
 * ktls_outbox_drop_or_send - a message that is not worth waiting for
 * @port: the port
 * @skb: the message; consumed
 *
 * Context: process or softirq, ktls_net.lock may be held.
 * Return: whether it was sent. If not, something else waits to be sent, the buffer
 * is full, or the port is gone.
 */
bool ktls_outbox_drop_or_send(struct ktls_port *port, struct sk_buff *skb)
{
	bool sent;

	spin_lock_bh(&port->lock);
	sent = list_empty(&port->out) && outbox_transmit(port, skb);
	spin_unlock_bh(&port->lock);
	consume_skb(skb);
	return sent;
}

/**
 * struct ktls_config_user - a port that was given a configuration
 * @node: on ktls_config.known_by
 * @port: a reference is owned
 */
struct ktls_config_user {
	struct list_head	node;
	struct ktls_port	*port;
};

static void outbox_free_user(struct ktls_config_user *user)
{
	list_del(&user->node);
	ktls_port_put(user->port);
	kfree(user);
}

/* Is that port on the list? Those that are dead leave it. */
static bool outbox_is_user(struct ktls_config *config, const struct ktls_port *port)
{
	struct ktls_config_user *user, *next;
	bool known = false;

	lockdep_assert_held(&config->known_lock);
	list_for_each_entry_safe(user, next, &config->known_by, node) {
		if (user->port == port)
			known = true;
		else if (!READ_ONCE(user->port->sk))
			outbox_free_user(user);
	}
	return known;
}

/**
 * ktls_outbox_register - the port is about to learn of a configuration
 * @port: the port
 * @config: frozen
 *
 * Without memory it will not be told when that is gone.
 *
 * Context: process, no spinlock held.
 */
void ktls_outbox_register(struct ktls_port *port, struct ktls_config *config)
{
	struct ktls_config_user *user;
	bool known;

	if (!ktls_config_parts(config))
		return;
	spin_lock_bh(&config->known_lock);
	known = outbox_is_user(config, port);
	spin_unlock_bh(&config->known_lock);
	user = known ? NULL : kmalloc(sizeof(*user), GFP_KERNEL);
	if (!user)
		return;

	refcount_inc(&port->ref);
	user->port = port;
	spin_lock_bh(&config->known_lock);
	list_add_tail(&user->node, &config->known_by);
	spin_unlock_bh(&config->known_lock);
}

static void outbox_hint(struct ktls_port *port, u64 id)
{
	struct sk_buff *skb;

	spin_lock_bh(&port->lock);
	if (list_empty(&port->out)) {
		skb = ktls_message_number(KTLS_CMD_CONFIG_DROP, KTLS_A_CONFIG, id);
		if (skb)
			outbox_transmit(port, skb);
		consume_skb(skb);
	}
	spin_unlock_bh(&port->lock);
}

/**
 * ktls_outbox_drop_config - tell whoever was given a configuration that it is gone
 * @config: nobody has a reference any more
 *
 * A hint that costs nobody anything: lost when something else waits to be sent, or
 * the buffer is full.
 *
 * Context: any, none of the locks of request.h held.
 */
void ktls_outbox_drop_config(struct ktls_config *config)
{
	struct ktls_config_user *user, *next;

	list_for_each_entry_safe(user, next, &config->known_by, node) {
		outbox_hint(user->port, config->id);
		outbox_free_user(user);
	}
}
