/* SPDX-License-Identifier: GPL-2.0 */
/* Children: connections of a listener, until accept() returns them. */
#ifndef _KTLS_SOCKET_CHILD_H
#define _KTLS_SOCKET_CHILD_H

#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "socket/handshake.h"
#include "socket/places.h"

struct ktls_ctx;

/**
 * struct ktls_listener - the state of a listening socket
 * @ref: one for the listener, one for each child
 * @rcu: poll() looks at @n_ready under RCU
 * @ctx: the listener's context; valid while !@closed
 * @places: of children in their handshake (places.c)
 * @lock: everything below
 * @closed: the listener has ended; no child becomes ready any more
 * @handshaking: children
 * @held: children whose ClientHello waits for room among the finished ones
 * @ready: finished children
 * @n_ready: length of the list; read anywhere with READ_ONCE
 *
 * All lists have the oldest first.
 */
struct ktls_listener {
	refcount_t		ref;
	struct rcu_head		rcu;
	struct ktls_ctx		*ctx;
	struct ktls_places	places;
	spinlock_t		lock;	/* which list each child is on */
	bool			closed;
	struct list_head	handshaking;
	struct list_head	held;
	struct list_head	ready;
	unsigned int		n_ready;
};

/**
 * struct ktls_accept - a listening socket, or a child until it is accepted
 * @listener: of a socket that listens (listener.c), else NULL; socket lock, and RCU
 * @parent: the listener's state; owns a reference. NULL: no child, or accepted. The
 *	child's socket lock
 * @node: on one of @parent's lists; &ktls_listener.lock
 */
struct ktls_accept {
	struct ktls_listener	*listener;
	struct ktls_listener	*parent;
	struct list_head	node;
};

/* Of the handshake of a child */
extern const struct ktls_handshake_ops ktls_child_handshake;

/* Listener's lock not taken; child's lock held where a child is given */
void ktls_child_put_listener(struct ktls_listener *l);
bool ktls_child_has_room(struct ktls_listener *l);
void ktls_child_kick_held(struct ktls_listener *l);
void ktls_child_drop_all(struct ktls_listener *l);
bool ktls_child_link(struct ktls_listener *l, struct ktls_ctx *child);
struct ktls_ctx *ktls_child_pop(struct ktls_listener *l, int *ret_empty);
bool ktls_child_release(struct ktls_ctx *child);
void ktls_child_step(struct ktls_ctx *child);
bool ktls_child_drop(struct ktls_ctx *child);

#endif /* _KTLS_SOCKET_CHILD_H */
