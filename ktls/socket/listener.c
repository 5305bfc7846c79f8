// SPDX-License-Identifier: GPL-2.0
/* Listening sockets: listen(), accept(), and what TCP has accepted.
 *
 * TCP wakes the listener's work, not the program. The work takes connections out of
 * TCP's queue and attaches them as children (child.c), each of which runs its own
 * handshake. accept() and poll() look at the list of those that have finished.
 */

#include <linux/list.h>
#include <linux/net.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <uapi/linux/ktls.h>

#include <compat/proto.h>

#include "config.h"
#include "mib.h"
#include "wire.h"
#include "helper/check.h"
#include "record/reason.h"
#include "socket/attach.h"
#include "socket/base.h"
#include "socket/child.h"
#include "socket/ctx.h"
#include "socket/detach.h"
#include "socket/graft.h"
#include "socket/handshake.h"
#include "socket/listener.h"
#include "socket/places.h"
#include "socket/state.h"

/**
 * ktls_listener_begin - make a context that of a listening socket
 * @ctx: in state NEW
 *
 * Context: process, socket lock held.
 * Return: 0 or -ENOMEM.
 */
int ktls_listener_begin(struct ktls_ctx *ctx)
{
	struct ktls_listener *l;

	sock_owned_by_me(ctx->rl.sk);
	l = kzalloc(sizeof(*l), GFP_KERNEL_ACCOUNT);
	if (!l)
		return -ENOMEM;
	if (ktls_places_begin(&l->places, ctx->config->cred->euid)) {
		kfree(l);
		return -ENOMEM;
	}
	refcount_set(&l->ref, 1);
	l->ctx = ctx;
	spin_lock_init(&l->lock);
	INIT_LIST_HEAD(&l->handshaking);
	INIT_LIST_HEAD(&l->held);
	INIT_LIST_HEAD(&l->ready);

	/* Pairs with ktls_listener_poll(). */
	smp_store_release(&ctx->accept.listener, l);
	ctx->rl.role = KTLS_ROLE_SERVER;
	set_bit(KTLS_F_LISTENED, &ctx->flags);
	ktls_state_set(ctx, KTLS_STATE_LISTENING);
	return 0;
}

/**
 * ktls_listener_end - the socket listens no more
 * @ctx: in state LISTENING
 *
 * Children that nobody accepted are reset by their own works, as TCP does with
 * connections that nobody accepted.
 *
 * Context: process, socket lock held.
 */
void ktls_listener_end(struct ktls_ctx *ctx)
{
	struct ktls_listener *l = ctx->accept.listener;

	sock_owned_by_me(ctx->rl.sk);
	ktls_child_drop_all(l);
	WRITE_ONCE(ctx->accept.listener, NULL);
	ktls_child_put_listener(l);
}

/* Makes a child of a connection that TCP accepted; @sk's reference is ours, and
 * no program knows it. On any failure the connection is closed and nothing is
 * left of it.
 */
static void listener_adopt(struct ktls_listener *l, struct sock *sk,
			   struct ktls_config *config, const struct tcp_ulp_ops *ulp_ops,
			   int rcvlowat)
{
	struct ktls_ctx *child;

	lock_sock(sk);
	if (sk->sk_state == TCP_CLOSE)
		goto gone;
	child = ktls_attach_child(sk, config, ulp_ops);
	if (!child)
		goto close;
	child->attach.rcvlowat = rcvlowat;
	if (ktls_graft(child) || !ktls_child_link(l, child))
		goto detach;
	/* From here the child can be dropped, but only by its work, which waits
	 * for the lock that we hold.
	 */
	if (ktls_handshake_begin(child, KTLS_ROLE_SERVER, &ktls_child_handshake)) {
		set_bit(KTLS_F_DROP, &child->flags);
		ktls_ctx_kick(child);
	}
	release_sock(sk);
	return;

detach:
	ktls_graft_remove(child);
	ktls_detach(child);
close:
	ktls_mib_inc(sock_net(sk), KTLS_MIB_CHILDREN_REFUSED);
	goto release;
gone:
	/* Not worth a child: the peer has reset it. */
	ktls_mib_inc(sock_net(sk), KTLS_MIB_HANDSHAKES_SERVER);
	ktls_mib_inc(sock_net(sk), KTLS_MIB_HANDSHAKES_FAILED);
release:
	release_sock(sk);
	READ_ONCE(sk->sk_prot)->close(sk, 0);
}

/* What TCP's accept() does with a connection of its queue. The request is kept as
 * long as a Fast Open child waits for the end of its TCP handshake.
 *
 * Not by TCP's accept() itself: it would sleep until it has the socket's lock.
 */
static struct sock *listener_dequeue(struct sock *sk)
{
	struct request_sock_queue *queue = &inet_csk(sk)->icsk_accept_queue;
	struct request_sock *req;
	struct sock *newsk;

	sock_owned_by_me(sk);
	if (sk->sk_state != TCP_LISTEN)
		return NULL;
	req = reqsk_queue_remove(queue, sk);
	if (!req)
		return NULL;

	newsk = req->sk;
	if (tcp_rsk(req)->tfo_listener) {
		spin_lock_bh(&queue->fastopenq.lock);
		if (tcp_rsk(req)->tfo_listener) {
			req->sk = NULL;
			req = NULL;
		}
		spin_unlock_bh(&queue->fastopenq.lock);
	}
	/* reqsk_put(), which 7.3 does not have for modules. */
	if (req)
		sock_gen_put(req_to_sk(req));
	inet_init_csk_locks(newsk);
	return newsk;
}

/**
 * ktls_listener_step - take what TCP has accepted
 * @ctx: was in state LISTENING when last seen
 *
 * While a program has the listener's lock, its connections wait in TCP's queue,
 * and nobody waits for the lock: see ktls_ctx_trylock().
 *
 * Context: the context's work, which owns a reference; no lock held.
 */
void ktls_listener_step(struct ktls_ctx *ctx)
{
	const struct tcp_ulp_ops *ulp_ops = NULL;
	struct ktls_config *config = NULL;
	struct ktls_listener *l;
	struct sock *newsk;
	int rcvlowat;

	while (ktls_ctx_trylock(ctx, KTLS_F_AGAIN)) {
		newsk = NULL;
		l = ctx->accept.listener;
		if (l && ktls_child_has_room(l))
			newsk = listener_dequeue(ctx->rl.sk);
		if (newsk) {
			refcount_inc(&l->ref);
			config = ktls_config_get(ktls_config_freeze(ctx->config));
			ulp_ops = inet_csk(ctx->rl.sk)->icsk_ulp_ops;
			rcvlowat = ctx->attach.rcvlowat;
		}
		release_sock(ctx->rl.sk);
		if (!newsk)
			break;

		listener_adopt(l, newsk, config, ulp_ops, rcvlowat);
		ktls_config_put(config);
		ktls_child_put_listener(l);
		cond_resched();
	}
}

/* Sleeps until a child is finished, one sleeper a child. Listener's lock held. */
static int listener_wait(struct sock *sk, struct ktls_ctx *ctx, long timeo)
{
	DEFINE_WAIT(wait);
	int err = 0;

	sock_owned_by_me(sk);
	for (;;) {
		prepare_to_wait_exclusive(sk_sleep(sk), &wait, TASK_INTERRUPTIBLE);
		release_sock(sk);
		if (!ktls_listener_poll(ctx))
			timeo = schedule_timeout(timeo);
		sched_annotate_sleep();
		lock_sock(sk);
		if (ctx->state != KTLS_STATE_LISTENING || sk->sk_state != TCP_LISTEN)
			err = -EINVAL;
		else if (ktls_listener_poll(ctx))
			err = 0;
		else if (signal_pending(current))
			err = sock_intr_errno(timeo);
		else if (!timeo)
			err = -EAGAIN;
		else
			continue;
		break;
	}
	finish_wait(sk_sleep(sk), &wait);
	return err;
}

/**
 * ktls_listener_accept - proto.accept
 * @sk: the listening socket
 * @arg: flags in; err and is_empty out
 *
 * Context: process, lock not held.
 * Return: a connection that has finished its handshake, owned by the caller, or
 * NULL with @arg->err set.
 */
struct sock *ktls_listener_accept(struct sock *sk, struct proto_accept_arg *arg)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sk);
	struct ktls_ctx *child = NULL;
	struct sock *newsk;
	long timeo;
	int err;

	lock_sock(sk);
	timeo = sock_rcvtimeo(sk, arg->flags & O_NONBLOCK);
	for (;;) {
		err = -EINVAL;
		if (ctx->state != KTLS_STATE_LISTENING)
			break;
		child = ktls_child_pop(ctx->accept.listener, &arg->is_empty);
		if (child)
			break;
		/* Somebody may have destroyed TCP's side (ss -K). */
		if (sk->sk_state != TCP_LISTEN)
			break;
		err = -EAGAIN;
		if (!timeo)
			break;
		err = listener_wait(sk, ctx, timeo);
		if (err)
			break;
	}
	release_sock(sk);
	arg->err = err;
	if (!child)
		return NULL;

	newsk = child->rl.sk;
	lock_sock(newsk);
	ktls_child_release(child);
	ktls_graft_remove(child);
	release_sock(newsk);
	ktls_ctx_put(child);
	arg->err = 0;
	return newsk;
}

/**
 * ktls_listener_poll - would accept() return a connection?
 * @ctx: in state LISTENING
 *
 * Context: any that cannot outlive the listener's file; lockless.
 * Return: EPOLLIN | EPOLLRDNORM, or 0.
 */
__poll_t ktls_listener_poll(struct ktls_ctx *ctx)
{
	struct ktls_listener *l;
	__poll_t mask = 0;

	rcu_read_lock();
	l = READ_ONCE(ctx->accept.listener);
	if (l && READ_ONCE(l->n_ready))
		mask = EPOLLIN | EPOLLRDNORM;
	rcu_read_unlock();
	return mask;
}

/* Asks the helper whether a configuration is usable. Without a helper that is not
 * known: connections will wait for one under their deadline. The lock is dropped
 * meanwhile, so the caller looks at the state again.
 */
static int listener_check(struct ktls_ctx *ctx, struct ktls_config *config)
{
	char reason[KTLS_REASON_MAX] = "";
	struct sock *sk = ctx->rl.sk;
	int err;

	ktls_config_get(config);
	release_sock(sk);
	err = ktls_check(sock_net(sk), config, config->timeout_ms, reason);
	lock_sock(sk);
	ktls_config_put(config);
	if (err == -ESRCH || err == -EHOSTDOWN)
		err = 0;
	ktls_reason_set(&ctx->rl, "%s", err ? reason : "");
	return err;
}

/**
 * ktls_listener_reconfigure - another configuration for a socket that listens
 * @ctx: in state LISTENING, with the new configuration
 * @old: the one it had; the reference is taken over
 *
 * The new one is in force once the helper has found it usable, and if it does not
 * the old one stays.
 *
 * Context: process, socket lock held; dropped meanwhile.
 * Return: 0 or what CHECK says, as ktls_listener_listen().
 */
int ktls_listener_reconfigure(struct ktls_ctx *ctx, struct ktls_config *old)
{
	struct ktls_config *fresh = ktls_config_freeze(ctx->config);
	int err;

	sock_owned_by_me(ctx->rl.sk);
	ctx->config = old;
	err = listener_check(ctx, fresh);
	if (!err)
		swap(ctx->config, fresh);
	ctx->rl.padding = ctx->config->padding;
	ktls_config_put(fresh);
	return err;
}

/* TCP listens, perhaps with a larger backlog; or somebody has disconnected the
 * socket while the lock was dropped, then TCP must not listen alone.
 */
static int listener_listening(struct ktls_ctx *ctx)
{
	if (ctx->state != KTLS_STATE_LISTENING) {
		ctx->base->prot->disconnect(ctx->rl.sk, O_NONBLOCK);
		return -EINVAL;
	}
	ktls_child_kick_held(ctx->accept.listener);
	ktls_ctx_kick(ctx);
	return 0;
}

/**
 * ktls_listener_listen - proto_ops.listen
 * @sock: the socket
 * @backlog: bounds the finished connections that wait for accept()
 *
 * ORDER: the state is LISTENING before TCP listens, so that the first
 * connection finds everything in place.
 *
 * Context: process, lock not held.
 * Return: 0, the result of CHECK (-ENOKEY, -EACCES, -EINVAL with a reason), or
 * what TCP's listen() says.
 */
int ktls_listener_listen(struct socket *sock, int backlog)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sock->sk);
	struct sock *sk = sock->sk;
	bool fresh;
	int err;

	if (ctx->external.alias)
		return ctx->base->ops->listen(sock, backlog);

	lock_sock(sk);
	err = -EINVAL;
	if (sock->state != SS_UNCONNECTED ||
	    (ctx->state != KTLS_STATE_NEW && ctx->state != KTLS_STATE_LISTENING))
		goto out;
	err = listener_check(ctx, ktls_config_freeze(ctx->config));
	if (err)
		goto out;
	err = -EINVAL;
	if (ctx->state != KTLS_STATE_NEW && ctx->state != KTLS_STATE_LISTENING)
		goto out;
	fresh = ctx->state == KTLS_STATE_NEW;
	err = fresh ? ktls_listener_begin(ctx) : 0;
	if (err)
		goto out;

	release_sock(sk);
	err = ctx->base->ops->listen(sock, backlog);
	lock_sock(sk);
	/* Another thread's listen() may have been the first one. */
	if (err && fresh && ctx->state == KTLS_STATE_LISTENING && sk->sk_state != TCP_LISTEN) {
		ktls_listener_end(ctx);
		ktls_state_set(ctx, KTLS_STATE_NEW);
	}
	if (!err)
		err = listener_listening(ctx);
out:
	release_sock(sk);
	return err;
}
