/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The context of a TLS socket, and what the files of the module offer each other, in
 * the order in which data flows. ktls/README has the order of locks.
 *
 * References:
 *
 *   A context owns a reference to its sock from attach until its own last
 *   reference is dropped. icsk_ulp_data owns one reference to the context
 *   (given up by ktls_ulp_give_back()), each queued work, each armed timer and
 *   each request owns one.
 */
#ifndef _KTLS_KTLS_H
#define _KTLS_KTLS_H

#include <linux/hrtimer.h>
#include <linux/refcount.h>
#include <linux/skbuff.h>
#include <linux/timer.h>
#include <linux/workqueue.h>
#include <kunit/visibility.h>
#include <net/inet_connection_sock.h>
#include <net/sock.h>
#include <net/tcp.h>
#include <uapi/linux/ktls.h>
#include <uapi/linux/ktls_netlink.h>

#include "config.h"
#include "mib.h"
#include "session.h"
#include "suite.h"
#include "wire.h"

#include "helper/check.h"
#include "helper/netlink.h"
#include "helper/peer.h"
#include "helper/request.h"
#include "helper/ticket.h"

#include "record/aead.h"
#include "record/alert.h"
#include "record/chacha.h"
#include "record/control.h"
#include "record/framing.h"
#include "record/key_update.h"
#include "record/keysched.h"
#include "record/pages.h"
#include "record/reason.h"
#include "record/rl.h"
#include "record/rx.h"
#include "record/rxbuf.h"
#include "record/sg.h"
#include "record/tx.h"

#include "socket/batch.h"
#include "socket/exporter.h"
#include "socket/ready.h"
#include "socket/recv.h"
#include "socket/send.h"

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
 * struct ktls_base - TCP as it was before we replaced it, one per address family
 * @prot: &tcp_prot or &tcpv6_prot
 * @ops: &inet_stream_ops or &inet6_stream_ops
 * @data_ready: sk_data_ready of a fresh socket
 * @write_space: sk_write_space likewise
 * @state_change: sk_state_change likewise
 * @tls_prot: our copy of @prot with our operations
 * @tls_ops: our copy of @ops with our operations
 *
 * Filled in once at module load, read only afterwards.
 */
struct ktls_base {
	struct proto			*prot;
	const struct proto_ops		*ops;
	void				(*data_ready)(struct sock *sk);
	void				(*write_space)(struct sock *sk);
	void				(*state_change)(struct sock *sk);
	struct proto			tls_prot;
	struct proto_ops		tls_ops;
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

/* ctx.c: the one workqueue, which main.c makes */
extern struct workqueue_struct *ktls_wq;

/* ops.c: the operations and callbacks that replace TCP's */
int ktls_ops_init(void);
struct ktls_base *ktls_ops_base(const struct sock *sk);
void ktls_ops_hook(struct sock *sk);
void ktls_ops_unhook(struct sock *sk, const struct ktls_base *base);

/* ulp.c: attach, give back */
int ktls_ulp_init(void);
void ktls_ulp_exit(void);
struct ktls_ctx *ktls_ulp_attach_child(struct sock *sk, struct ktls_config *config);
void ktls_ulp_own_rx(struct ktls_ctx *ctx);			/* lock held */
void ktls_ulp_give_back(struct ktls_ctx *ctx);
int ktls_ulp_carry(struct ktls_ctx *ctx);
void ktls_ulp_uncarry(struct ktls_ctx *ctx);

/* ctx.c: references, the one work, the one timer */
struct ktls_ctx *ktls_ctx_new(struct sock *sk, struct ktls_config *config);
void ktls_ctx_hold(struct ktls_ctx *ctx);
void ktls_ctx_put(struct ktls_ctx *ctx);
void ktls_ctx_kick(struct ktls_ctx *ctx);
bool ktls_ctx_trylock(struct ktls_ctx *ctx, unsigned int flag);
void ktls_ctx_arm(struct ktls_ctx *ctx, unsigned int ms);
void ktls_ctx_disarm(struct ktls_ctx *ctx);
void ktls_ctx_unwatch(struct ktls_ctx *ctx);

/* sockopt.c, sockopt_get.c: proto.setsockopt and proto.getsockopt; lock not held */
int ktls_sockopt_set(struct sock *sk, int level, int optname,
		     sockptr_t optval, unsigned int optlen);
int ktls_sockopt_get(struct sock *sk, int level, int optname,
		     char __user *optval, int __user *optlen);

/* crypto_info.c: TLS_TX and TLS_RX, keys from elsewhere; lock not held */
int ktls_crypto_info_set(struct sock *sk, int optname, sockptr_t optval, unsigned int optlen);
int ktls_crypto_info_get(struct sock *sk, int optname, char __user *optval,
			 int __user *optlen);

int ktls_crypto_info_set_option(struct sock *sk, int optname, sockptr_t optval,
				unsigned int optlen);
int ktls_crypto_info_get_option(struct sock *sk, int optname, char __user *optval,
				int __user *optlen);

/* state.c: the only writer of ctx->state; lock held */
bool ktls_state_legal(u8 from, u8 to);
void ktls_state_set(struct ktls_ctx *ctx, u8 to);
void ktls_state_fail(struct ktls_ctx *ctx, int err);

/* rules.c: what depends on where the keys came from */
extern const struct ktls_rules ktls_rules_handshake;
extern const struct ktls_rules ktls_rules_external;

static inline bool ktls_rules_are_external(const struct ktls_ctx *ctx)
{
	return ctx->rl.rules == &ktls_rules_external;
}

/* connect.c */
int ktls_connect(struct socket *sock, struct sockaddr_unsized *uaddr, int addr_len, int flags);
int ktls_connect_starttls(struct sock *sk, int role);
int ktls_connect_disconnect(struct sock *sk, int flags);
void ktls_connect_step(struct ktls_ctx *ctx);
void ktls_connect_drain(struct ktls_ctx *ctx);

/* listener.c; lock not held unless said otherwise */
int ktls_listener_listen(struct socket *sock, int backlog);
struct sock *ktls_listener_accept(struct sock *sk, struct proto_accept_arg *arg);
__poll_t ktls_listener_poll(struct ktls_ctx *ctx);
int ktls_listener_reconfigure(struct ktls_ctx *ctx, struct ktls_config *old);	/* lock held */
int ktls_listener_begin(struct ktls_ctx *ctx);		/* lock held */
void ktls_listener_end(struct ktls_ctx *ctx);		/* lock held */
void ktls_listener_step(struct ktls_ctx *ctx);

/* handshake.c: one engine for connect, children and KTLS_HANDSHAKE; lock held */
int ktls_handshake_begin(struct ktls_ctx *ctx, u8 role);
void ktls_handshake_step(struct ktls_ctx *ctx);
void ktls_handshake_end(struct ktls_ctx *ctx);
void ktls_handshake_reset(struct ktls_ctx *ctx);

/* close.c */
void ktls_close(struct sock *sk, long timeout);
int ktls_close_shutdown(struct socket *sock, int how);
void ktls_close_tcp(struct sock *sk, int how);		/* lock held */
void ktls_close_fin(struct ktls_ctx *ctx);		/* lock held */
void ktls_close_answer(struct ktls_ctx *ctx);		/* lock held */
bool ktls_close_linger(struct ktls_ctx *ctx, unsigned int ms);	/* lock held */
bool ktls_close_step(struct ktls_ctx *ctx);		/* lock held */
void ktls_close_final(struct ktls_ctx *ctx);		/* lock not held */

/* linger.c: places for those that outlive close; lock held */
enum ktls_linger_kind {
	KTLS_LINGER_CLOSED,	/* a program has closed it: its data is to arrive */
	KTLS_LINGER_FAILED,	/* its handshake has failed: an alert is */
	KTLS_LINGER_KINDS
};

bool ktls_linger_take(struct ktls_ctx *ctx, enum ktls_linger_kind kind);
void ktls_linger_leave(struct ktls_ctx *ctx);

/* diag.c: what `ss` shows; lock not held */
int ktls_diag_get_info(struct sock *sk, struct sk_buff *skb, bool net_admin);
size_t ktls_diag_get_info_size(const struct sock *sk, bool net_admin);

#endif /* _KTLS_KTLS_H */
