/* SPDX-License-Identifier: GPL-2.0 */
/* The context of a TLS socket. ktls/README has the order of locks.
 *
 * References:
 *
 *   A context owns a reference to its sock from attach until its own last
 *   reference is dropped. icsk_ulp_data owns one reference to the context
 *   (given up by ktls_ulp_give_back()), each queued work, each armed timer and
 *   each request owns one.
 */
#ifndef _KTLS_SOCKET_CTX_H
#define _KTLS_SOCKET_CTX_H

#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/timer.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <net/inet_connection_sock.h>
#include <net/sock.h>
#include <uapi/linux/ktls.h>

#include "helper/request.h"
#include "record/rl.h"
#include "session.h"

struct ktls_base;
struct ktls_config;
struct ktls_exporter;
struct ktls_handshake;
struct ktls_linger_share;
struct ktls_listener;
struct ktls_tickets;
struct places_source;

/* Bits of ktls_ctx.flags, set and tested atomically, no lock needed. */
enum ktls_ctx_flags {
	KTLS_F_DEADLINE,	/* ctx->timer has fired */
	KTLS_F_GONE,		/* given back; the work has nothing left to do */
	KTLS_F_ANSWERED,	/* child: the helper has answered it with bytes */
	KTLS_F_READY,		/* child: finished, waits for accept */
	KTLS_F_DROP,		/* child: its work is to reset and free it */
	KTLS_F_LINGERS,		/* closed, and counted as lingering */
	KTLS_F_LISTENED,	/* has been a listener: clones may still be under way */
	KTLS_F_AGAIN,		/* the work found the lock taken; release_cb kicks it */
	KTLS_F_FIN,		/* shutdown: FIN is still to go out */
	KTLS_F_WAKE,		/* poll() found the lock taken; release_cb wakes */
	KTLS_F_IDLE,		/* ctx->rx_timer has fired: records lie unread */
	KTLS_F_SHUT,		/* both halves are shut, and all data that came was read */
	KTLS_F_UNHEARD,		/* then data came all the same: a reset is to answer it */
};

/**
 * struct ktls_ctx - the TLS side of a socket; icsk_ulp_data
 *
 * Written under the socket lock; exceptions are named.
 *
 * @ref: references, see the top of this file
 * @rcu: callbacks find the context under RCU
 * @sk: the socket; a reference is owned
 * @waiter: has the context's work run when the helper has answered (ctx.c)
 * @base: what TCP had before us: proto, proto_ops, callbacks
 * @state: enum ktls_info_state, written by state.c only; read anywhere with
 *	READ_ONCE
 * @flags: enum ktls_ctx_flags, atomic
 * @config: what the program asked for; replaced under the lock, never NULL
 * @session: what was established
 * @exporter: what KTLS_EXPORTER was set to, or NULL; owned
 * @rl: the record layer
 * @handshake: while one runs (handshake.c), else NULL
 * @tickets: the way to the helper that wants tickets (ticket.c), or NULL
 * @listener: of a listening socket (listener.c), else NULL
 * @parent: of a child not accepted yet: the listener's state; owns a reference
 * @linger: its place while it lingers (linger.c), or NULL; linger.c's lock
 * @linger_node: likewise, valid with @linger
 * @child_node: on one of @parent's lists; its lock
 * @place: of a child that shakes hands: where it comes from; places.c's lock
 * @place_node: among those from there; likewise
 * @work: handshake steps, pending output, lingering; owns a reference while queued
 * @timer: the deadline of whatever state we are in; owns a reference while armed
 * @rx_timer: records may lie unread (ready.c); owns a reference while armed
 * @connect_result: what connect() has to report once, 0: success
 * @connect_pending: connect() has not reported yet
 * @connect_in_base: a program sleeps in TCP's own connect()
 * @starttls: begun by KTLS_HANDSHAKE, which reports the result
 * @carrier: the socket structure under a connection that no file has: a child
 *	before accept, a closed socket that lingers
 * @rcvlowat: SO_RCVLOWAT as the program wants it; TCP's own stays 1
 * @alias: attached under the name `tls`, for good: established sockets and keys from
 *	elsewhere only; a direction without a key is TCP's, see ktls_dir.plain
 * @zerocopy_ro: TLS_TX_ZEROCOPY_RO, which only reads back: pages that may change
 *	while they are sent do no harm here, see send.c
 * @no_pad: TLS_RX_EXPECT_NO_PAD, likewise: no record is opened twice
 */
struct ktls_ctx {
	refcount_t			ref;
	struct rcu_head			rcu;
	struct sock			*sk;
	struct ktls_waiter		waiter;
	struct ktls_base		*base;
	u8				state;
	unsigned long			flags;
	struct ktls_config		*config;
	struct ktls_session		session;
	struct ktls_exporter		*exporter;
	struct ktls_rl			rl;
	struct ktls_handshake		*handshake;
	struct ktls_tickets		*tickets;
	struct ktls_listener		*listener;
	struct ktls_listener		*parent;
	struct list_head		child_node;
	struct ktls_linger_share	*linger;
	struct list_head		linger_node;
	struct places_source		*place;
	struct list_head		place_node;
	struct work_struct		work;
	struct hrtimer			timer;
	struct timer_list		rx_timer;
	int				connect_result;
	bool				connect_pending;
	bool				connect_in_base;
	bool				starttls;
	struct socket			*carrier;
	int				rcvlowat;
	bool				alias;
	bool				zerocopy_ro;
	bool				no_pad;
};

/**
 * struct ktls_ctx_ops - what contexts call; the only ones are in work.c
 * @work: the work; process context, lock not held
 * @is_unread: have records come that nobody has opened? Softirq
 * @rules: of new contexts
 */
struct ktls_ctx_ops {
	void				(*work)(struct ktls_ctx *ctx);
	bool				(*is_unread)(const struct ktls_ctx *ctx);
	const struct ktls_rules		*rules;
};

/**
 * ktls_ctx_get - the context of a socket that is known to be ours
 * @sk: the socket
 *
 * Context: any; the caller holds the socket lock, or runs in an operation that
 * cannot outlive the socket's file (then fields need READ_ONCE).
 * Return: the context; NULL once it has been given back.
 */
static inline struct ktls_ctx *ktls_ctx_get(const struct sock *sk)
{
	return rcu_dereference_raw(inet_csk(sk)->icsk_ulp_data);
}

int ktls_ctx_init(const struct ktls_ctx_ops *ops);
void ktls_ctx_drain(void);
void ktls_ctx_exit(void);
struct ktls_ctx *ktls_ctx_new(struct sock *sk, struct ktls_config *config);
void ktls_ctx_hold(struct ktls_ctx *ctx);
void ktls_ctx_put(struct ktls_ctx *ctx);
void ktls_ctx_kick(struct ktls_ctx *ctx);
bool ktls_ctx_trylock(struct ktls_ctx *ctx, unsigned int flag);
void ktls_ctx_arm(struct ktls_ctx *ctx, unsigned int ms);
void ktls_ctx_disarm(struct ktls_ctx *ctx);
void ktls_ctx_unwatch(struct ktls_ctx *ctx);

#endif /* _KTLS_SOCKET_CTX_H */
