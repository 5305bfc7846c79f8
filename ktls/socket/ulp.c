// SPDX-License-Identifier: GPL-2.0
/*
 * Attach to a TCP socket, give it back to TCP.
 *
 * Why a context can be freed safely: icsk_ulp_data is the only pointer to it
 * that is followed without a reference, by callbacks in softirq under RCU and
 * by operations that hold the socket's file open. ktls_ulp_give_back() runs
 * when the last file is gone, restores the callbacks, clears the pointer and
 * gives up its reference; the memory goes after a grace period. Works, timers
 * and requests own references and find KTLS_F_GONE set.
 */

#include <linux/module.h>
#include <linux/net.h>

#include <compat/proto.h>

#include "config.h"
#include "session.h"
#include "helper/ticket.h"
#include "record/rl.h"
#include "socket/base.h"
#include "socket/ctx.h"
#include "socket/diag.h"
#include "socket/handshake.h"
#include "socket/listener.h"
#include "socket/ops.h"
#include "socket/ulp.h"

#include <trace/events/ktls.h>

static bool ulp_alias_tls;
module_param_named(alias_tls, ulp_alias_tls, bool, 0444);
MODULE_PARM_DESC(alias_tls, "Stand in for the kernel's own module tls: serve the ULP name tls, too (N)");

static struct tcp_ulp_ops ulp_ops, ulp_alias_ops;

/* Attach ------------------------------------------------------------------ */

/**
 * ktls_ulp_own_rx - what is received is records
 * @ctx: the context, its state not OPEN or without receiving keys until now
 *
 * Context: process, socket lock held.
 */
void ktls_ulp_own_rx(struct ktls_ctx *ctx)
{
	struct sock *sk = ctx->sk;

	sock_owned_by_me(sk);
	ctx->rcvlowat = READ_ONCE(sk->sk_rcvlowat);
	WRITE_ONCE(sk->sk_rcvlowat, 1);
	/* Otherwise TCP takes an urgent byte out of the stream by itself. */
	sock_set_flag(sk, SOCK_URGINLINE);
}

/* From here on every byte in or out passes through us.
 *
 * ORDER: the context, then the ULP, then the operations. Connections are cloned
 * from a listener without its lock: one that has our operations must have our
 * clone() called on it.
 */
static void ulp_take(struct sock *sk, struct ktls_ctx *ctx)
{
	rcu_assign_pointer(inet_csk(sk)->icsk_ulp_data, ctx);
	inet_csk(sk)->icsk_ulp_ops = ctx->external.alias ? &ulp_alias_ops : &ulp_ops;
	if (!ctx->rl.rx.plain)
		ktls_ulp_own_rx(ctx);

	ktls_ops_hook(sk);

	/* Pairs with the loads of sk_prot in the socket calls and in cloning. */
	smp_wmb();
	WRITE_ONCE(sk->sk_prot, &ctx->base->tls_prot);
	if (sk->sk_socket)
		WRITE_ONCE(sk->sk_socket->ops, &ctx->base->tls_ops);
}

/* Only a socket that is TCP's alone: MPTCP subflows, sockmap's psock and
 * kernel users that replaced a callback are somebody else's.
 */
static bool ulp_is_plain(struct sock *sk, const struct ktls_base *base)
{
	return base->prot && READ_ONCE(sk->sk_prot) == base->prot && !sk->sk_user_data &&
	       sk->sk_data_ready == base->data_ready &&
	       sk->sk_write_space == base->write_space &&
	       sk->sk_state_change == base->state_change &&
	       (!sk->sk_socket || sk->sk_socket->ops == base->ops);
}

/* Whether a task sleeps inside TCP's own accept() or sendmsg(): it would go on
 * there in the clear when it wakes. Pollers sleep with other functions.
 */
static bool ulp_has_sleepers(struct sock *sk)
{
	struct wait_queue_head *wq = sk_sleep(sk);
	struct wait_queue_entry *entry;
	bool found = false;

	if (sk->sk_write_pending)
		return true;
	if (sk->sk_state != TCP_LISTEN)
		return false;
	spin_lock_irq(&wq->lock);
	list_for_each_entry(entry, &wq->head, entry)
		found |= entry->func == autoremove_wake_function;
	spin_unlock_irq(&wq->lock);
	return found;
}

/* A context with a configuration of its own. */
static struct ktls_ctx *ulp_ctx_new(struct sock *sk)
{
	struct ktls_config *config = ktls_config_new();
	struct ktls_ctx *ctx;

	if (!config)
		return NULL;
	ctx = ktls_ctx_new(sk, config);
	if (!ctx)
		ktls_config_put(config);
	return ctx;
}

/* The ULP `tls`: nothing changes before there are keys. */
static int ulp_alias_init(struct sock *sk)
{
	struct ktls_ctx *ctx;

	if (sk->sk_state != TCP_ESTABLISHED)
		return -ENOTCONN;
	if (!ulp_is_plain(sk, ktls_base_of(sk)))
		return -EBUSY;
	if (tcp_sk(sk)->repair)
		return -EOPNOTSUPP;

	ctx = ulp_ctx_new(sk);
	if (!ctx)
		return -ENOMEM;
	ctx->external.alias = true;
	ctx->rl.tx.plain = true;
	ctx->rl.rx.plain = true;
	ulp_take(sk, ctx);
	return 0;
}

/* tcp_ulp_ops.init: socket lock held, process context. The ULP core has taken
 * a module reference, which it keeps on success.
 */
static int ulp_init(struct sock *sk)
{
	struct ktls_ctx *ctx;
	int err;

	if (!ulp_is_plain(sk, ktls_base_of(sk)) || ulp_has_sleepers(sk))
		return -EBUSY;
	if (!((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN | TCPF_ESTABLISHED |
				     TCPF_CLOSE_WAIT)))
		return -ENOTCONN;
	if (tcp_sk(sk)->repair || inet_test_bit(DEFER_CONNECT, sk) ||
	    tcp_sk(sk)->fastopen_connect)
		return -EOPNOTSUPP;

	ctx = ulp_ctx_new(sk);
	if (!ctx)
		return -ENOMEM;

	if (sk->sk_state == TCP_LISTEN) {
		err = ktls_listener_begin(ctx);
		if (err)
			goto err_ctx;
	}
	ulp_take(sk, ctx);
	/* What TCP had queued before is ours as well. */
	if (sk->sk_state == TCP_LISTEN)
		ktls_ctx_kick(ctx);
	return 0;

err_ctx:
	ktls_config_put(ctx->config);
	ktls_ctx_put(ctx);
	return err;
}

/**
 * ktls_ulp_attach_child - make a connection that TCP accepted one of ours
 * @sk: the connection, as the base accept() returned it
 * @config: the listener's template, frozen; a reference is taken
 *
 * Takes the module reference that tcp_set_ulp() takes elsewhere: the listener
 * has one, so the module cannot go away meanwhile.
 *
 * Context: process, socket lock held.
 * Return: the context, owned by @sk, or NULL: no memory, or somebody else has
 * taken the connection on its way (a BPF program's sockmap).
 */
struct ktls_ctx *ktls_ulp_attach_child(struct sock *sk, struct ktls_config *config)
{
	struct ktls_ctx *ctx;

	sock_owned_by_me(sk);
	if (inet_csk(sk)->icsk_ulp_ops || !ulp_is_plain(sk, ktls_base_of(sk)))
		return NULL;
	ctx = ktls_ctx_new(sk, config);
	if (!ctx)
		return NULL;
	ktls_config_get(config);
	__module_get(THIS_MODULE);
	ulp_take(sk, ctx);
	return ctx;
}

/**
 * ktls_ulp_give_back - the socket is TCP's again
 * @ctx: the context; the reference of icsk_ulp_data is given up
 *
 * Wipes keys and queues, restores operations and callbacks, and returns the
 * module reference of the ULP: the caller must have one of its own until it
 * has left the module.
 *
 * Context: process, socket lock held; no program can reach the socket any more.
 */
void ktls_ulp_give_back(struct ktls_ctx *ctx)
{
	struct sock *sk = ctx->sk;

	sock_owned_by_me(sk);
	set_bit(KTLS_F_GONE, &ctx->flags);
	ktls_ctx_disarm(ctx);
	ktls_ctx_unwatch(ctx);
	ktls_handshake_end(ctx);
	ktls_rl_free(&ctx->rl);
	ktls_ticket_end(ctx->tickets);
	ctx->tickets = NULL;
	ktls_session_wipe(&ctx->session);
	kfree_sensitive(ctx->exporter);
	ctx->exporter = NULL;
	ktls_config_put(ctx->config);
	ctx->config = NULL;

	WRITE_ONCE(sk->sk_prot, ctx->base->prot);
	/* Pairs with smp_wmb() in ulp_take(), in reverse. */
	smp_wmb();
	if (sk->sk_socket)
		WRITE_ONCE(sk->sk_socket->ops, ctx->base->ops);
	write_lock_bh(&sk->sk_callback_lock);
	ktls_base_unhook(sk, ctx->base);
	write_unlock_bh(&sk->sk_callback_lock);

	inet_csk(sk)->icsk_ulp_ops = NULL;
	rcu_assign_pointer(inet_csk(sk)->icsk_ulp_data, NULL);
	module_put(THIS_MODULE);
	ktls_ctx_put(ctx);
}

/**
 * ktls_ulp_carry - put a socket structure of ours under a connection
 * @ctx: a connection that no file has
 *
 * TCP looks at sk_socket and sk_wq when it sends and waits; a connection
 * without them cannot send. The structure has our operations, because BPF can
 * call them, and the uid of the connection, because routing looks at it.
 *
 * Context: process, socket lock held.
 * Return: 0 or -ENOMEM.
 */
int ktls_ulp_carry(struct ktls_ctx *ctx)
{
	struct sock *sk = ctx->sk;
	int err;

	sock_owned_by_me(sk);
	err = sock_create_lite(sk->sk_family, SOCK_STREAM, IPPROTO_TCP, &ctx->carrier);
	if (err)
		return err;
	ctx->carrier->state = SS_CONNECTED;
	ctx->carrier->ops = &ctx->base->tls_ops;
	__module_get(ctx->carrier->ops->owner);
	SOCK_INODE(ctx->carrier)->i_uid = sk->sk_uid;
	sock_graft(sk, ctx->carrier);
	return 0;
}

/**
 * ktls_ulp_uncarry - take it away again
 * @ctx: the context
 *
 * Not with sock_orphan(): that would mark the sock dead.
 *
 * Context: process, socket lock held.
 */
void ktls_ulp_uncarry(struct ktls_ctx *ctx)
{
	struct socket *carrier = ctx->carrier;
	struct sock *sk = ctx->sk;

	sock_owned_by_me(sk);
	if (!carrier)
		return;

	write_lock_bh(&sk->sk_callback_lock);
	sk_set_socket(sk, NULL);
	RCU_INIT_POINTER(sk->sk_wq, NULL);
	carrier->sk = NULL;
	write_unlock_bh(&sk->sk_callback_lock);

	ctx->carrier = NULL;
	sock_release(carrier);
}

/* tcp_ulp_ops.clone: a connection of a listener is born. Softirq, under RCU,
 * the listener not locked. The child goes back to plain TCP at once; the
 * listener's work attaches it in process context. Until then nobody can get
 * at it, because only that work accepts from TCP's queue.
 */
static void ulp_clone(const struct request_sock *req, struct sock *newsk, const gfp_t priority)
{
	struct ktls_base *base = ktls_base_of(newsk);

	inet_csk(newsk)->icsk_ulp_ops = NULL;
	RCU_INIT_POINTER(inet_csk(newsk)->icsk_ulp_data, NULL);
	newsk->sk_prot_creator = base->prot;
	ktls_base_unhook(newsk, base);
	WRITE_ONCE(newsk->sk_prot, base->prot);
}

/* tcp_ulp_ops.release: TCP destroys a socket that is still ours. close() has
 * always been there before and has given it back; nothing is left to do.
 */
static void ulp_release(struct sock *sk)
{
	WARN_ON_ONCE(rcu_access_pointer(inet_csk(sk)->icsk_ulp_data));
}

KTLS_ADAPT_ULP_GET_INFO(ktls_diag_get_info);
KTLS_ADAPT_ULP_GET_INFO_SIZE(ktls_diag_get_info_size);

static struct tcp_ulp_ops ulp_ops = {
	.name		= "ktls",
	.owner		= THIS_MODULE,
	.init		= ulp_init,
	.clone		= ulp_clone,
	.release	= ulp_release,
	.get_info	= KTLS_ULP_GET_INFO(ktls_diag_get_info),
	.get_info_size	= KTLS_ULP_GET_INFO_SIZE(ktls_diag_get_info_size),
};

/* Without clone(): TCP refuses to listen. */
static struct tcp_ulp_ops ulp_alias_ops = {
	.name		= "tls",
	.owner		= THIS_MODULE,
	.init		= ulp_alias_init,
	.release	= ulp_release,
	.get_info	= KTLS_ULP_GET_INFO(ktls_diag_get_info),
	.get_info_size	= KTLS_ULP_GET_INFO_SIZE(ktls_diag_get_info_size),
};

static int __init ulp_register_alias(void)
{
	int err = tcp_register_ulp(&ulp_alias_ops);

	if (err == -EEXIST)
		pr_err("ktls: alias_tls=1 is not possible while the kernel's own module tls has that name: stop what uses it, rmmod tls, and keep it from coming back (see ktls(7))\n");
	return err;
}

/**
 * ktls_ulp_init - learn from TCP and register the ULP, under both names if asked to
 *
 * Return: 0; -EEXIST if somebody else has a name; another negative errno.
 */
int __init ktls_ulp_init(void)
{
	int err = ktls_ops_init();

	if (!err && ulp_alias_tls)
		err = ulp_register_alias();
	if (err)
		return err;
	err = tcp_register_ulp(&ulp_ops);
	if (err && ulp_alias_tls)
		tcp_unregister_ulp(&ulp_alias_ops);
	return err;
}

/** ktls_ulp_exit - unregister the ULP; no socket has it any more */
void ktls_ulp_exit(void)
{
	tcp_unregister_ulp(&ulp_ops);
	if (ulp_alias_tls)
		tcp_unregister_ulp(&ulp_alias_ops);
}
