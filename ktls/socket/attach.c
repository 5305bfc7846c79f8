// SPDX-License-Identifier: GPL-2.0
/* Attach a context to a TCP socket. */

#include <linux/module.h>
#include <net/tcp.h>

#include "config.h"
#include "socket/attach.h"
#include "socket/base.h"
#include "socket/ctx.h"

/**
 * ktls_attach_rx - what is received is records
 * @ctx: the context, its state not OPEN or without receiving keys until now
 *
 * Context: process, socket lock held.
 */
void ktls_attach_rx(struct ktls_ctx *ctx)
{
	struct sock *sk = ctx->rl.sk;

	sock_owned_by_me(sk);
	ctx->attach.rcvlowat = READ_ONCE(sk->sk_rcvlowat);
	WRITE_ONCE(sk->sk_rcvlowat, 1);
	/* Otherwise TCP takes an urgent byte out of the stream by itself. */
	sock_set_flag(sk, SOCK_URGINLINE);
}

/**
 * ktls_attach - replace TCP's operations and callbacks
 * @sk: the socket
 * @ctx: its context, whose reference goes to icsk_ulp_data
 * @ulp_ops: the ULP, under one of its names
 *
 * ORDER: the context, then the ULP, then the operations. Connections are cloned
 * from a listener without its lock: one that has our operations must have our
 * clone() called on it.
 *
 * Context: process, socket lock held.
 */
void ktls_attach(struct sock *sk, struct ktls_ctx *ctx, const struct tcp_ulp_ops *ulp_ops)
{
	sock_owned_by_me(sk);
	rcu_assign_pointer(inet_csk(sk)->icsk_ulp_data, ctx);
	inet_csk(sk)->icsk_ulp_ops = ulp_ops;
	if (!ctx->rl.rx.plain)
		ktls_attach_rx(ctx);

	ktls_base_hook(sk, ctx->base);

	/* Pairs with the loads of sk_prot in the socket calls and in cloning. */
	smp_wmb();
	WRITE_ONCE(sk->sk_prot, &ctx->base->tls_prot);
	if (sk->sk_socket)
		WRITE_ONCE(sk->sk_socket->ops, &ctx->base->tls_ops);
}

/**
 * ktls_attach_is_plain - does a socket have TCP's own operations and callbacks?
 * @sk: the socket
 * @base: TCP's own
 *
 * MPTCP subflows, sockmap's psock and kernel users replace some of them.
 *
 * Context: socket lock held.
 * Return: whether it has.
 */
bool ktls_attach_is_plain(struct sock *sk, const struct ktls_base *base)
{
	sock_owned_by_me(sk);
	return base->prot && READ_ONCE(sk->sk_prot) == base->prot && !sk->sk_user_data &&
	       sk->sk_data_ready == base->data_ready &&
	       sk->sk_write_space == base->write_space &&
	       sk->sk_state_change == base->state_change &&
	       (!sk->sk_socket || sk->sk_socket->ops == base->ops);
}

/* How many tasks sleep on the socket with this function. */
static int attach_count_sleepers(struct sock *sk, wait_queue_func_t func)
{
	struct wait_queue_head *wq = sk_sleep(sk);
	struct wait_queue_entry *entry;
	int n = 0;

	if (!wq)
		return 0;
	spin_lock_irq(&wq->lock);
	list_for_each_entry(entry, &wq->head, entry)
		n += entry->func == func;
	spin_unlock_irq(&wq->lock);
	return n;
}

/**
 * ktls_attach_has_readers - does a task sleep in a call that receives?
 * @sk: the socket, connected
 *
 * In one of TCP's own it would go on there when it wakes, and get records as they are. Who sends
 * sleeps in the same way, and is counted by TCP, and by us. Pollers sleep with other functions.
 *
 * Context: process, socket lock held.
 * Return: whether one does.
 */
bool ktls_attach_has_readers(struct sock *sk)
{
	sock_owned_by_me(sk);
	return attach_count_sleepers(sk, woken_wake_function) > sk->sk_write_pending;
}

/**
 * ktls_attach_has_sleepers - does a task sleep in a call of TCP's own?
 * @sk: the socket
 *
 * As ktls_attach_has_readers(); and accept() would go on with connections without TLS, sendmsg() in
 * the clear.
 *
 * Context: process, socket lock held.
 * Return: whether one does.
 */
bool ktls_attach_has_sleepers(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (sk->sk_state == TCP_LISTEN)
		return attach_count_sleepers(sk, autoremove_wake_function);
	return sk->sk_write_pending || ktls_attach_has_readers(sk);
}

/**
 * ktls_attach_child - attach the ULP to a connection that TCP accepted
 * @sk: the connection, as the base accept() returned it
 * @config: the listener's template, frozen; a reference is taken
 * @ulp_ops: the listener's ULP
 *
 * Takes the module reference that tcp_set_ulp() would take. The listener has one,
 * so the module cannot be removed meanwhile.
 *
 * Context: process, socket lock held.
 * Return: the context, owned by @sk, or NULL: no memory, or somebody else has
 * taken the connection on its way (a BPF program's sockmap).
 */
struct ktls_ctx *ktls_attach_child(struct sock *sk, struct ktls_config *config,
				   const struct tcp_ulp_ops *ulp_ops)
{
	struct ktls_ctx *ctx;

	sock_owned_by_me(sk);
	if (inet_csk(sk)->icsk_ulp_ops || !ktls_attach_is_plain(sk, ktls_base_of(sk)))
		return NULL;
	ctx = ktls_ctx_new(sk, config);
	if (!ctx)
		return NULL;
	ktls_config_get(config);
	__module_get(THIS_MODULE);
	ktls_attach(sk, ctx, ulp_ops);
	return ctx;
}
