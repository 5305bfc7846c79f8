// SPDX-License-Identifier: GPL-2.0
/* Children: connections of a listener, until accept() returns them.
 *
 * A child is on one list of its listener: of those in their handshake (or held until
 * there is room), or of those that are ready; or on none, when it was accepted, has
 * failed or was dropped. It moves from one to another under the listener's lock, so
 * accept(), a failure and the end of the listener cannot all have it. In its handshake
 * a child has a place (places.c); it becomes ready only if no other has taken it.
 */
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <uapi/linux/ktls.h>

#include "wire.h"
#include "record/tx.h"
#include "socket/base.h"
#include "socket/child.h"
#include "socket/ctx.h"
#include "socket/drain.h"
#include "socket/handshake.h"
#include "socket/places.h"
#include "socket/state.h"

/**
 * ktls_child_put_listener - drop a reference to a listener's state
 * @l: the listener
 *
 * Context: process.
 */
void ktls_child_put_listener(struct ktls_listener *l)
{
	if (!refcount_dec_and_test(&l->ref))
		return;
	ktls_places_end(&l->places);
	kfree_rcu(l, rcu);
}

/**
 * ktls_child_has_room - may another handshake begin?
 * @l: the listener
 *
 * The backlog bounds the children that have finished, as it bounds TCP's own queue,
 * which fills when this says no. Handshakes under way are not counted: a few peers
 * that stall after their ClientHello would delay all others. places.c bounds them.
 *
 * Context: process.
 * Return: whether there is room.
 */
bool ktls_child_has_room(struct ktls_listener *l)
{
	return READ_ONCE(l->n_ready) <= READ_ONCE(l->ctx->rl.sk->sk_max_ack_backlog);
}

/* Lets the next child that waits for room begin its handshake. When it is ready,
 * fails or is dropped, the next one follows.
 */
static void child_kick_held(struct ktls_listener *l)
{
	struct ktls_ctx *child;

	lockdep_assert_held(&l->lock);
	if (l->closed || !ktls_child_has_room(l))
		return;
	child = list_first_entry_or_null(&l->held, struct ktls_ctx, accept.node);
	if (!child)
		return;
	list_move_tail(&child->accept.node, &l->handshaking);
	ktls_ctx_kick(child);
}

/* Takes a child off its list. */
static void child_unlink(struct ktls_listener *l, struct ktls_ctx *child)
{
	lockdep_assert_held(&l->lock);
	if (list_empty(&child->accept.node))
		return;
	list_del_init(&child->accept.node);
	if (test_bit(KTLS_F_READY, &child->flags))
		WRITE_ONCE(l->n_ready, l->n_ready - 1);
	child_kick_held(l);
}

/* Has the works of a list's children reset them. */
static void child_drop_list(struct ktls_listener *l, struct list_head *list)
{
	struct ktls_ctx *child, *next;

	lockdep_assert_held(&l->lock);
	list_for_each_entry_safe(child, next, list, accept.node) {
		child_unlink(l, child);
		set_bit(KTLS_F_DROP, &child->flags);
		ktls_ctx_kick(child);
	}
}

/**
 * ktls_child_kick_held - the backlog may have grown
 * @l: the listener
 *
 * Context: process.
 */
void ktls_child_kick_held(struct ktls_listener *l)
{
	spin_lock(&l->lock);
	child_kick_held(l);
	spin_unlock(&l->lock);
}

/**
 * ktls_child_drop_all - the listener ends: no child becomes ready any more
 * @l: the listener
 *
 * Each child is reset by its own work.
 *
 * Context: process.
 */
void ktls_child_drop_all(struct ktls_listener *l)
{
	spin_lock(&l->lock);
	l->closed = true;
	child_drop_list(l, &l->handshaking);
	child_drop_list(l, &l->held);
	child_drop_list(l, &l->ready);
	spin_unlock(&l->lock);
}

/**
 * ktls_child_link - make a connection a child of its listener
 * @l: the listener; the child takes a reference
 * @child: its context
 *
 * Context: process, child's lock held.
 * Return: true; false if there is no place for it, or the listener has ended.
 */
bool ktls_child_link(struct ktls_listener *l, struct ktls_ctx *child)
{
	bool closed;

	sock_owned_by_me(child->rl.sk);
	if (ktls_places_take(&l->places, child))
		return false;
	spin_lock(&l->lock);
	closed = l->closed;
	if (!closed) {
		refcount_inc(&l->ref);
		child->accept.parent = l;
		list_add_tail(&child->accept.node, &l->handshaking);
	}
	spin_unlock(&l->lock);
	if (closed)
		ktls_places_leave(child);
	return !closed;
}

/* Its handshake is complete: accept() may have it, unless it has just been dropped. */
static void child_set_ready(struct ktls_ctx *child)
{
	struct ktls_listener *l = child->accept.parent;
	struct ktls_ctx *parent = NULL;

	ktls_ctx_disarm(child);
	spin_lock(&l->lock);
	if (!list_empty(&child->accept.node) && ktls_places_leave(child)) {
		set_bit(KTLS_F_READY, &child->flags);
		list_move_tail(&child->accept.node, &l->ready);
		WRITE_ONCE(l->n_ready, l->n_ready + 1);
		parent = l->ctx;
		ktls_ctx_hold(parent);
		child_kick_held(l);
	}
	spin_unlock(&l->lock);
	if (!parent)
		return;

	parent->base->data_ready(parent->rl.sk);
	ktls_ctx_put(parent);
}

/**
 * ktls_child_step - a child's last flight may have gone out
 * @child: in state OPEN; nothing is done unless it waits to become ready
 *
 * Only when TCP has all of the last flight: the room TCP announces later would
 * be announced to the socket structure that accept() is about to replace.
 *
 * Context: process, child's lock held.
 */
void ktls_child_step(struct ktls_ctx *child)
{
	sock_owned_by_me(child->rl.sk);
	if (!child->accept.parent || test_bit(KTLS_F_READY, &child->flags))
		return;
	if (ktls_tx_idle(&child->rl)) {
		child_set_ready(child);
	} else if (test_bit(KTLS_F_DEADLINE, &child->flags)) {
		set_bit(KTLS_F_DROP, &child->flags);
		ktls_ctx_kick(child);
	}
}

/**
 * ktls_child_release - a connection is no child any more: accepted, failed or dropped
 * @child: its context
 *
 * Context: process, child's lock held.
 * Return: whether it was a child until now.
 */
bool ktls_child_release(struct ktls_ctx *child)
{
	struct ktls_listener *l = child->accept.parent;

	sock_owned_by_me(child->rl.sk);
	if (!l)
		return false;
	ktls_places_leave(child);
	spin_lock(&l->lock);
	child_unlink(l, child);
	spin_unlock(&l->lock);
	child->accept.parent = NULL;
	ktls_child_put_listener(l);
	return true;
}

/* A child's ClientHello has come. If its handshake may not go on now, accept() kicks it. */
static bool child_hello(struct ktls_ctx *child)
{
	struct ktls_listener *l = child->accept.parent;
	bool go;

	sock_owned_by_me(child->rl.sk);
	spin_lock(&l->lock);
	go = !l->closed && ktls_child_has_room(l);
	if (!list_empty(&child->accept.node))
		list_move_tail(&child->accept.node, go ? &l->handshaking : &l->held);
	spin_unlock(&l->lock);
	return go;
}

/* A child's handshake has failed. The program does not learn of it. The connection
 * lingers until the alert has reached the peer, as if a program had closed it.
 */
static void child_failed(struct ktls_ctx *child)
{
	if (!ktls_child_release(child))
		return;
	ktls_state_set(child, KTLS_STATE_CLOSED);
	if (ktls_drain_linger(child, KTLS_DRAIN_MS))
		return;
	/* Its work ends it, not we: the caller has the lock. */
	ktls_ctx_arm(child, 0);
}

const struct ktls_handshake_ops ktls_child_handshake = {
	.hello	= child_hello,
	.opened	= ktls_child_step,
	.failed	= child_failed,
};

/**
 * ktls_child_drop - reset a child that nobody will accept
 * @child: its flag KTLS_F_DROP is set
 *
 * Context: the child's work, child's lock held.
 * Return: true: the caller calls ktls_close_final() after unlocking; false: it
 * has an owner by now.
 */
bool ktls_child_drop(struct ktls_ctx *child)
{
	sock_owned_by_me(child->rl.sk);
	if (!ktls_child_release(child))
		return false;
	ktls_handshake_end(child);
	ktls_state_set(child, KTLS_STATE_CLOSED);
	child->base->prot->disconnect(child->rl.sk, O_NONBLOCK);
	return true;
}

/**
 * ktls_child_pop - take the oldest child that is ready off the list
 * @l: the listener
 * @ret_empty: out: none is left
 *
 * Context: process, listener's lock held.
 * Return: its context with a reference, or NULL.
 */
struct ktls_ctx *ktls_child_pop(struct ktls_listener *l, int *ret_empty)
{
	struct ktls_ctx *child;

	sock_owned_by_me(l->ctx->rl.sk);
	spin_lock(&l->lock);
	child = list_first_entry_or_null(&l->ready, struct ktls_ctx, accept.node);
	if (child) {
		ktls_ctx_hold(child);
		child_unlink(l, child);
		/* Those that TCP accepts from now on wake the work themselves. */
		if (!reqsk_queue_empty(&inet_csk(l->ctx->rl.sk)->icsk_accept_queue))
			ktls_ctx_kick(l->ctx);
	}
	*ret_empty = list_empty(&l->ready);
	spin_unlock(&l->lock);
	return child;
}
