// SPDX-License-Identifier: GPL-2.0
/* What is still to be sent to the helper.
 *
 * A message is sent at once if the socket's receive buffer has room. If not, its
 * request stays on the outbox's list, in order. The outbox tries again whenever the
 * helper sends something on that socket, and from a delayed work with a pause that
 * doubles up to a second.
 *
 * Credit of a cancelled request comes back when the helper says that it has read
 * CANCEL, or at once if it was never sent the request. Until then it counts, so that
 * a program that connects and closes in a loop cannot pile up work for the helper.
 */
#include <linux/slab.h>
#include <net/genetlink.h>
#include <net/sock.h>
#include <uapi/linux/ktls_netlink.h>

#include "helper/message.h"
#include "helper/outbox.h"

/* Attempts to send, of all outboxes. */
static struct workqueue_struct *outbox_wq;

/**
 * ktls_outbox_init - before anything else here is called
 *
 * Context: module load.
 * Return: 0 or -ENOMEM.
 */
int ktls_outbox_init(void)
{
	outbox_wq = alloc_workqueue("ktls_helper", WQ_UNBOUND, 0);
	return outbox_wq ? 0 : -ENOMEM;
}

/**
 * ktls_outbox_exit - after everything else here was called
 *
 * Context: module unload.
 */
void ktls_outbox_exit(void)
{
	destroy_workqueue(outbox_wq);
}

/**
 * ktls_outbox_open - an empty outbox
 * @box: not visible to anyone yet
 * @sk: the socket; a reference is taken
 * @work: called when it is time to try again; is to call ktls_outbox_flush()
 */
void ktls_outbox_open(struct ktls_outbox *box, struct sock *sk, work_func_t work)
{
	spin_lock_init(&box->lock);
	sock_hold(sk);
	box->sk = sk;
	INIT_LIST_HEAD(&box->out);
	INIT_LIST_HEAD(&box->cancelled);
	box->backoff_ms = KTLS_OUTBOX_PAUSE_MIN;
	INIT_DELAYED_WORK(&box->work, work);
}

/**
 * ktls_outbox_close - send nothing on this socket any more
 * @box: the outbox
 *
 * Context: process or softirq; ktls_net.lock may be held.
 * Return: the socket, with the outbox's reference; NULL: closed before. The caller
 * then has the work cancelled.
 */
struct sock *ktls_outbox_close(struct ktls_outbox *box)
{
	struct ktls_outgoing *out, *next;
	struct sock *sk;

	spin_lock_bh(&box->lock);
	sk = box->sk;
	WRITE_ONCE(box->sk, NULL);
	list_for_each_entry_safe(out, next, &box->out, node) {
		list_del_init(&out->node);
		__skb_queue_purge(&out->messages);
		out->ops->put(out);
	}
	list_for_each_entry_safe(out, next, &box->cancelled, node) {
		list_del_init(&out->node);
		out->ops->put(out);
	}
	spin_unlock_bh(&box->lock);
	return sk;
}

/* Puts a copy of a message on the socket's receive queue. False: not now. If the
 * socket is closed that means never: its port is about to be closed.
 *
 * Netlink would look the socket up by its port id, which may be another program's by
 * now: ids are free for reuse before a socket counts as dead. So the message goes to
 * the socket that registered, the way netlink would queue it. If that is closed the
 * message is freed with its queue.
 */
static bool outbox_transmit(struct ktls_outbox *box, struct sk_buff *skb)
{
	struct sock *sk = box->sk;
	struct sk_buff *clone;
	unsigned int queued;

	lockdep_assert_held(&box->lock);
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

/* Sends what a request has to send. False: the rest has to wait. */
static bool outbox_send_request(struct ktls_outbox *box, struct ktls_outgoing *out)
{
	struct sk_buff *skb;
	bool sent;

	lockdep_assert_held(&box->lock);
	while ((skb = skb_peek(&out->messages))) {
		if (!outbox_transmit(box, skb))
			return false;
		__skb_unlink(skb, &out->messages);
		consume_skb(skb);
		out->sent = true;
	}
	if (!out->cancel)
		return true;
	skb = ktls_message_number(KTLS_CMD_CANCEL, KTLS_A_ID, out->id);
	if (!skb)
		return false;
	sent = outbox_transmit(box, skb);
	consume_skb(skb);
	if (sent)
		out->cancel = false;
	return sent;
}

/* A request has nothing left to send. If it was cancelled and used up credit, it waits
 * until the helper has read CANCEL. There are no more of those than there is credit.
 */
static void outbox_done(struct ktls_outbox *box, struct ktls_outgoing *out)
{
	lockdep_assert_held(&box->lock);
	if (out->owed) {
		list_move_tail(&out->node, &box->cancelled);
		return;
	}
	list_del_init(&out->node);
	out->ops->put(out);
}

static void outbox_retry_later(struct ktls_outbox *box)
{
	lockdep_assert_held(&box->lock);
	if (box->sk && queue_delayed_work(outbox_wq, &box->work,
					  msecs_to_jiffies(box->backoff_ms)))
		box->backoff_ms = min(box->backoff_ms * 2, KTLS_OUTBOX_PAUSE_MAX);
}

/**
 * ktls_outbox_retry_now - have the work run as soon as possible
 * @box: the outbox
 *
 * Context: process or softirq; takes and drops @box->lock.
 */
void ktls_outbox_retry_now(struct ktls_outbox *box)
{
	spin_lock_bh(&box->lock);
	if (box->sk)
		mod_delayed_work(outbox_wq, &box->work, 0);
	spin_unlock_bh(&box->lock);
}

/**
 * ktls_outbox_flush - send what can be sent
 * @box: the outbox
 *
 * Context: process or softirq; takes and drops @box->lock.
 */
void ktls_outbox_flush(struct ktls_outbox *box)
{
	struct ktls_outgoing *out;

	spin_lock_bh(&box->lock);
	while (!list_empty(&box->out)) {
		out = list_first_entry(&box->out, struct ktls_outgoing, node);
		if (!outbox_send_request(box, out)) {
			outbox_retry_later(box);
			break;
		}
		box->backoff_ms = KTLS_OUTBOX_PAUSE_MIN;
		outbox_done(box, out);
	}
	spin_unlock_bh(&box->lock);
}

/**
 * ktls_outbox_drop_or_send - send a message if that is possible at once
 * @box: the outbox
 * @skb: the message, or NULL; consumed
 *
 * Context: process or softirq, ktls_net.lock may be held; takes and drops @box->lock.
 * Return: whether it was sent. If not, something else waits to be sent, the buffer
 * is full, or the socket is closed.
 */
bool ktls_outbox_drop_or_send(struct ktls_outbox *box, struct sk_buff *skb)
{
	bool sent;

	if (!skb)
		return false;
	spin_lock_bh(&box->lock);
	sent = list_empty(&box->out) && outbox_transmit(box, skb);
	spin_unlock_bh(&box->lock);
	consume_skb(skb);
	return sent;
}

/* --- of a request --- */

/**
 * ktls_outbox_entry_init - nothing to send yet
 * @out: all zeros
 * @id: of the request
 * @ops: its references
 */
void ktls_outbox_entry_init(struct ktls_outgoing *out, u64 id,
			    const struct ktls_outgoing_ops *ops)
{
	out->id = id;
	out->ops = ops;
	__skb_queue_head_init(&out->messages);
	INIT_LIST_HEAD(&out->node);
}

/**
 * ktls_outbox_entry_free - free what was never sent
 * @out: on no list; nobody else has a reference
 */
void ktls_outbox_entry_free(struct ktls_outgoing *out)
{
	__skb_queue_purge(&out->messages);
	kfree_skb(out->secret);
}

/**
 * ktls_outbox_send - queue messages of a request, and send what can be sent
 * @box: of the port that has the request
 * @out: the request
 * @messages: emptied; dropped if the socket is closed or the request has ended
 *
 * Context: process or softirq; takes and drops @box->lock.
 */
void ktls_outbox_send(struct ktls_outbox *box, struct ktls_outgoing *out,
		      struct sk_buff_head *messages)
{
	spin_lock_bh(&box->lock);
	if (!box->sk || out->closed) {
		spin_unlock_bh(&box->lock);
		__skb_queue_purge(messages);
		return;
	}
	skb_queue_splice_tail_init(messages, &out->messages);
	if (list_empty(&out->node)) {
		out->ops->get(out);
		list_add_tail(&out->node, &box->out);
	}
	spin_unlock_bh(&box->lock);
	ktls_outbox_flush(box);
}

/**
 * ktls_outbox_was_sent - has the helper been sent anything about a request?
 * @box: of the port that has the request
 * @out: the request
 *
 * Context: process or softirq; takes and drops @box->lock.
 * Return: whether it has.
 */
bool ktls_outbox_was_sent(struct ktls_outbox *box, const struct ktls_outgoing *out)
{
	bool sent;

	spin_lock_bh(&box->lock);
	sent = out->sent;
	spin_unlock_bh(&box->lock);
	return sent;
}

/* Wiping a message that the helper has not read yet would corrupt what it reads. */
static void outbox_wipe_secret(struct ktls_outbox *box, struct ktls_outgoing *out)
{
	struct sk_buff *skb = out->secret;

	lockdep_assert_held(&box->lock);
	out->secret = NULL;
	if (skb && !skb_shared(skb) && !skb_cloned(skb))
		ktls_message_wipe(skb);
	kfree_skb(skb);
}

/**
 * ktls_outbox_keep_secret - wipe the last message with a secret, keep this one
 * @box: of the port that has the request
 * @out: the request
 * @skb: the message that is about to be sent, or NULL
 *
 * Netlink frees a message when it was read, without wiping. The socket gets a clone,
 * so the bytes are still here afterwards, and are wiped when the helper next says
 * something about the request, or at its end. Only a message that was never read is
 * freed as it is.
 *
 * Context: process or softirq; takes and drops @box->lock.
 */
void ktls_outbox_keep_secret(struct ktls_outbox *box, struct ktls_outgoing *out,
			     struct sk_buff *skb)
{
	spin_lock_bh(&box->lock);
	outbox_wipe_secret(box, out);
	if (skb)
		out->secret = skb_get(skb);
	spin_unlock_bh(&box->lock);
}

/**
 * ktls_outbox_end - a request has ended
 * @box: of the port that had it
 * @out: the request, its outcome decided
 * @cancel: the helper has not sent DONE: send CANCEL if it was sent the request
 * @cost: credit that the request uses up
 *
 * Context: process or softirq; takes and drops @box->lock.
 * Return: how much of @cost comes back now. The rest comes back with
 * ktls_outbox_cancel_read().
 */
unsigned int ktls_outbox_end(struct ktls_outbox *box, struct ktls_outgoing *out, bool cancel,
			     unsigned int cost)
{
	spin_lock_bh(&box->lock);
	out->closed = true;
	__skb_queue_purge(&out->messages);
	outbox_wipe_secret(box, out);
	if (cancel && out->sent && box->sk) {
		out->cancel = true;
		out->owed = cost;
		cost = 0;
		if (list_empty(&out->node)) {
			out->ops->get(out);
			list_add_tail(&out->node, &box->out);
		}
	} else if (!list_empty(&out->node)) {
		list_del_init(&out->node);
		out->ops->put(out);
	}
	spin_unlock_bh(&box->lock);
	return cost;
}

/**
 * ktls_outbox_cancel_read - the helper has read a CANCEL
 * @box: of the port on which it says so
 * @id: of the request; nothing happens if there is no such CANCEL
 *
 * Context: process; takes and drops @box->lock.
 * Return: how much credit comes back.
 */
unsigned int ktls_outbox_cancel_read(struct ktls_outbox *box, u64 id)
{
	struct ktls_outgoing *out;
	unsigned int freed = 0;

	spin_lock_bh(&box->lock);
	list_for_each_entry(out, &box->cancelled, node) {
		if (out->id != id)
			continue;
		freed = out->owed;
		out->owed = 0;
		list_del_init(&out->node);
		out->ops->put(out);
		break;
	}
	spin_unlock_bh(&box->lock);
	return freed;
}
