/* SPDX-License-Identifier: GPL-2.0 */
/* The context of a TLS socket. ktls/README has the order of locks.
 *
 * References:
 *
 *   A context owns a reference to its sock from attach until its own last
 *   reference is dropped. icsk_ulp_data owns one reference to the context
 *   (given up by ktls_detach()), each queued work, each armed timer and
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

#include "session.h"
#include "helper/request.h"
#include "record/rl.h"
#include "socket/attach.h"
#include "socket/child.h"
#include "socket/connect.h"
#include "socket/crypto_info.h"
#include "socket/handshake.h"
#include "socket/linger.h"
#include "socket/places.h"

struct ktls_base;
struct ktls_config;

/* Bits of ktls_ctx.flags, set and tested atomically, no lock needed. */
enum ktls_ctx_flags {
	KTLS_F_DEADLINE,	/* ctx->life.deadline has fired */
	KTLS_F_GONE,		/* given back; the work has nothing left to do */
	KTLS_F_ANSWERED,	/* child: the helper has answered it with bytes */
	KTLS_F_READY,		/* child: finished, waits for accept */
	KTLS_F_DROP,		/* child: its work is to reset and free it */
	KTLS_F_LINGERS,		/* closed, and counted as lingering */
	KTLS_F_LISTENED,	/* has been a listener: clones may still be under way */
	KTLS_F_AGAIN,		/* the work found the lock taken; release_cb kicks it */
	KTLS_F_FIN,		/* shutdown: FIN is still to go out */
	KTLS_F_WAKE,		/* a reader is to look again; release_cb wakes */
	KTLS_F_IDLE,		/* ctx->conn->unread has fired: records lie unread */
	KTLS_F_SHUT,		/* both halves are shut, and all data that came was read */
	KTLS_F_RESET_DUE,		/* then data came all the same: a reset is to answer it */
};

/**
 * struct ktls_life - the life of a context (ctx.c); any context
 * @ref: references, see the top of this file
 * @number: in the table of its namespace (table.c); constant
 * @rcu: callbacks find the context under RCU
 * @work: the work of the context (work.c); owns a reference while queued
 * @deadline: of the state that the context is in; owns a reference while armed; socket lock
 * @waiter: has the work run when the helper has answered
 */
struct ktls_life {
	refcount_t			ref;
	u32				number;
	struct rcu_head			rcu;
	struct work_struct		work;
	struct hrtimer			deadline;
	struct ktls_waiter		waiter;
};

/**
 * struct ktls_conn - what only a connection needs: it comes with the handshake or the first
 *	external key, and goes with the context
 *
 * @ctx: the context
 * @flow: ktls_rl.flow
 * @session: what was established; what it points to is replaced with the spinlock of the
 *	socket lock held, too (ktls_ctx_set_session())
 * @hs: a handshake, and what hangs on one that is complete (handshake.c)
 * @unread: records may lie unread (ready.c); owns a reference to the context while armed
 * @linger: the place of a closed socket (linger.c); linger.c's lock
 */
struct ktls_conn {
	struct ktls_ctx			*ctx;
	struct ktls_flow		flow;
	struct ktls_session		session;
	struct ktls_hs			hs;
	struct timer_list		unread;
	struct ktls_linger		linger;
};

/**
 * struct ktls_ctx - the TLS side of a socket; icsk_ulp_data
 *
 * Written under the socket lock; exceptions are named. Each struct in it is in the header
 * of the file that owns it.
 *
 * @life: references, the work and the timers (ctx.c)
 * @base: what TCP had before us: proto, proto_ops, callbacks
 * @state: enum ktls_info_state, written by state.c only; read anywhere with
 *	READ_ONCE
 * @external: options of sockets with external keys (crypto_info.c)
 * @since: when it got that state, seconds of CLOCK_MONOTONIC; read anywhere
 * @flags: enum ktls_ctx_flags, atomic
 * @config: what the program asked for; replaced under the lock, never NULL before it is
 *	detached. dump.c reads it without the lock, under RCU
 * @conn: what only a connection needs; never NULL, and also followed without the lock.
 *	At first a read-only one that all share (ktls_ctx_start())
 * @rl: the record layer, and the sock, to which a reference is owned
 * @connect: the result of connect() or KTLS_HANDSHAKE (connect.c)
 * @accept: of a listening socket, or of a connection that was not accepted yet (child.c)
 * @place: of one in its handshake (places.c); places.c's lock
 * @attach: what stands in for what a TCP socket has (attach.c)
 */
struct ktls_ctx {
	struct ktls_life		life;
	struct ktls_base		*base;
	u8				state;
	struct ktls_external		external;
	u32				since;
	unsigned long			flags;
	struct ktls_config		*config;
	struct ktls_conn		*conn;
	struct ktls_rl			rl;
	struct ktls_connect		connect;
	struct ktls_accept		accept;
	struct ktls_place		place;
	struct ktls_attach		attach;
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

/* What was established, or all zeros. Read without the lock it may be of different moments. */
static inline const struct ktls_session *ktls_ctx_session(const struct ktls_ctx *ctx)
{
	return &READ_ONCE(ctx->conn)->session;
}

int ktls_ctx_init(const struct ktls_ctx_ops *ops);
void ktls_ctx_drain(void);
void ktls_ctx_exit(void);
struct ktls_ctx *ktls_ctx_new(struct sock *sk, struct ktls_config *config);
int ktls_ctx_start(struct ktls_ctx *ctx);
void ktls_ctx_hold(struct ktls_ctx *ctx);
void ktls_ctx_put(struct ktls_ctx *ctx);
void ktls_ctx_kick(struct ktls_ctx *ctx);
void ktls_ctx_schedule(struct delayed_work *work, unsigned long delay);
bool ktls_ctx_trylock(struct ktls_ctx *ctx, unsigned int flag);
void ktls_ctx_arm(struct ktls_ctx *ctx, unsigned int ms);
void ktls_ctx_disarm(struct ktls_ctx *ctx);
void ktls_ctx_unwatch(struct ktls_ctx *ctx);
void ktls_ctx_set_session(struct ktls_ctx *ctx, struct ktls_session *session);
void ktls_ctx_keep_session(struct ktls_ctx *ctx, struct ktls_session *session);

#endif /* _KTLS_SOCKET_CTX_H */
