/* SPDX-License-Identifier: GPL-2.0 */
/* What is still to be sent to the helper. */
#ifndef _KTLS_HELPER_OUTBOX_H
#define _KTLS_HELPER_OUTBOX_H

#include <linux/list.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct sock;

/* Pauses between attempts while a receive buffer is full, milliseconds. */
#define KTLS_OUTBOX_PAUSE_MIN	10
#define KTLS_OUTBOX_PAUSE_MAX	1000

/**
 * struct ktls_outbox - what is to be sent on a netlink socket of the helper
 *
 * @lock: everything below; inside of ktls_net.lock
 * @sk: the socket, a reference is owned; NULL once the socket is closed
 * @out: &ktls_outgoing.node of requests with something to send
 * @cancelled: &ktls_outgoing.node of requests whose credit comes back when the helper
 *	has read their CANCEL
 * @backoff_ms: pause before the next attempt while the receive buffer is full
 * @work: that attempt; not queued any more once @sk is NULL
 */
struct ktls_outbox {
	spinlock_t		lock;	/* what is sent on the socket */
	struct sock		*sk;
	struct list_head	out;
	struct list_head	cancelled;
	unsigned int		backoff_ms;
	struct delayed_work	work;
};

struct ktls_outgoing;

/**
 * struct ktls_outgoing_ops - references to what a struct ktls_outgoing is part of
 * @get: taken when it goes on a list of an outbox
 * @put: dropped when it leaves; called with &ktls_outbox.lock held
 */
struct ktls_outgoing_ops {
	void	(*get)(struct ktls_outgoing *out);
	void	(*put)(struct ktls_outgoing *out);
};

/**
 * struct ktls_outgoing - what a request has to send
 *
 * @ops: constant
 * @id: of the request, constant
 *
 * Under the lock of the outbox; constant while the request has no port:
 * @messages: to be sent, in order
 * @node: on the outbox's out or cancelled
 * @sent: a message was sent: the helper knows the id
 * @closed: the request has ended, nothing may be added to @messages
 * @cancel: CANCEL is to be sent
 * @owed: credit that comes back when the helper has read CANCEL
 * @secret: the last message with a private key, to be wiped when the helper has read
 *	it
 */
struct ktls_outgoing {
	const struct ktls_outgoing_ops *ops;
	u64			id;
	struct sk_buff_head	messages;
	struct list_head	node;
	bool			sent;
	bool			closed;
	bool			cancel;
	unsigned int		owed;
	struct sk_buff		*secret;
};

int ktls_outbox_init(void);
void ktls_outbox_exit(void);

void ktls_outbox_open(struct ktls_outbox *box, struct sock *sk, work_func_t work);
struct sock *ktls_outbox_close(struct ktls_outbox *box);
void ktls_outbox_retry_now(struct ktls_outbox *box);
void ktls_outbox_flush(struct ktls_outbox *box);
bool ktls_outbox_drop_or_send(struct ktls_outbox *box, struct sk_buff *skb);

void ktls_outbox_entry_init(struct ktls_outgoing *out, u64 id,
			    const struct ktls_outgoing_ops *ops);
void ktls_outbox_entry_free(struct ktls_outgoing *out);
void ktls_outbox_send(struct ktls_outbox *box, struct ktls_outgoing *out,
		      struct sk_buff_head *messages);
bool ktls_outbox_was_sent(struct ktls_outbox *box, const struct ktls_outgoing *out);
void ktls_outbox_keep_secret(struct ktls_outbox *box, struct ktls_outgoing *out,
			     struct sk_buff *skb);
unsigned int ktls_outbox_end(struct ktls_outbox *box, struct ktls_outgoing *out, bool cancel,
			     unsigned int cost);
unsigned int ktls_outbox_cancel_read(struct ktls_outbox *box, u64 id);

#endif /* _KTLS_HELPER_OUTBOX_H */
