// SPDX-License-Identifier: GPL-2.0
/* The life of a context: its references, its one work and its one timer. */

#include <linux/hrtimer.h>
#include <linux/slab.h>
#include <linux/ktime.h>
#include <linux/timer.h>
#include <linux/workqueue.h>
#include <kunit/visibility.h>
#include <uapi/linux/ktls.h>

#include <compat/sock_trylock.h>

#include "config.h"
#include "helper/request.h"
#include "record/rl.h"
#include "socket/base.h"
#include "socket/ctx.h"
#include "socket/table.h"

static struct workqueue_struct *ctx_wq;
static struct kmem_cache *ctx_cache, *ctx_conn_cache;
static const struct ktls_ctx_ops *ctx_ops __ro_after_init;

/* Of all contexts that are no connection yet. Their ktls_rl.flow is ktls_flow_none. */
static struct ktls_conn ctx_no_conn __ro_after_init;

static bool ctx_has_conn(const struct ktls_ctx *ctx)
{
	return ctx->conn != &ctx_no_conn;
}

/**
 * ktls_ctx_hold - take a reference
 * @ctx: a context to which the caller has a reference, or that it found under
 *	RCU or the socket lock
 */
void ktls_ctx_hold(struct ktls_ctx *ctx)
{
	refcount_inc(&ctx->life.ref);
}

static void ctx_free(struct rcu_head *rcu)
{
	struct ktls_ctx *ctx = container_of(rcu, struct ktls_ctx, life.rcu);

	if (ctx_has_conn(ctx))
		kmem_cache_free(ctx_conn_cache, ctx->conn);
	kmem_cache_free(ctx_cache, ctx);
}

/**
 * ktls_ctx_put - give up a reference
 * @ctx: the context
 *
 * All that needs process context went in ktls_detach(); what is left is
 * the memory and the reference to the sock.
 *
 * Context: any.
 */
void ktls_ctx_put(struct ktls_ctx *ctx)
{
	if (!refcount_dec_and_test(&ctx->life.ref))
		return;
	/* The table belongs to the namespace, which the sock holds. */
	ktls_table_remove(ctx);
	sock_put(ctx->rl.sk);
	/* Not kfree_rcu(): rcu_barrier() is to wait for it. */
	call_rcu(&ctx->life.rcu, ctx_free);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_ctx_put);

/**
 * ktls_ctx_trylock - lock_sock(), unless somebody has the lock
 * @ctx: the context
 * @flag: of enum ktls_ctx_flags: what ops.c's release_cb is to do then
 *
 * A program may hold the lock as long as it takes to fault in its buffer, and enough
 * such programs would keep every worker thread waiting.
 *
 * Context: process, lock not held.
 * Return: whether the caller has it now, and is to release it.
 */
bool ktls_ctx_trylock(struct ktls_ctx *ctx, unsigned int flag)
{
	return ktls_sock_trylock(ctx->rl.sk, flag, &ctx->flags);
}

/* The one work of a context. */
static void ctx_work(struct work_struct *work)
{
	struct ktls_ctx *ctx = container_of(work, struct ktls_ctx, life.work);

	ctx_ops->work(ctx);
	ktls_ctx_put(ctx);
}

/**
 * ktls_ctx_kick - have the context's work run soon
 * @ctx: the context; the queued work owns a reference
 *
 * Context: any, under RCU or with a reference. A context that is about to be
 * freed has nothing left to do.
 */
void ktls_ctx_kick(struct ktls_ctx *ctx)
{
	if (!refcount_inc_not_zero(&ctx->life.ref))
		return;
	if (!queue_work(ctx_wq, &ctx->life.work))
		ktls_ctx_put(ctx);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_ctx_kick);

/**
 * ktls_ctx_schedule - queue a work that is for many contexts, unless it is queued
 * @work: the work
 * @delay: jiffies
 *
 * Context: any. Whoever owns @work cancels it before ktls_ctx_drain().
 */
void ktls_ctx_schedule(struct delayed_work *work, unsigned long delay)
{
	queue_delayed_work(ctx_wq, work, delay);
}

static void ctx_wake(struct ktls_waiter *waiter)
{
	ktls_ctx_kick(container_of(waiter, struct ktls_ctx, life.waiter));
}

static void ctx_put_waiter(struct ktls_waiter *waiter)
{
	ktls_ctx_put(container_of(waiter, struct ktls_ctx, life.waiter));
}

/* A request owns a reference to the context that waits for it. */
static const struct ktls_waiter_ops ctx_waiter_ops = {
	.wake	= ctx_wake,
	.put	= ctx_put_waiter,
};

static enum hrtimer_restart ctx_timer(struct hrtimer *timer)
{
	struct ktls_ctx *ctx = container_of(timer, struct ktls_ctx, life.deadline);

	set_bit(KTLS_F_DEADLINE, &ctx->flags);
	ktls_ctx_kick(ctx);
	ktls_ctx_put(ctx);
	return HRTIMER_NORESTART;
}

/* Softirq. Only for what is there still. */
static void ctx_rx_timer(struct timer_list *timer)
{
	struct ktls_conn *conn = timer_container_of(conn, timer, unread);
	struct ktls_ctx *ctx = conn->ctx;

	if (ctx_ops->is_unread(ctx)) {
		set_bit(KTLS_F_IDLE, &ctx->flags);
		ktls_ctx_kick(ctx);
	}
	ktls_ctx_put(ctx);
}

/**
 * ktls_ctx_disarm - the state has no deadline any more
 * @ctx: the context
 *
 * A timer that fires just now is waited for, so that the next deadline has not passed when it
 * begins. It needs no lock.
 *
 * Context: process, socket lock held.
 */
void ktls_ctx_disarm(struct ktls_ctx *ctx)
{
	sock_owned_by_me(ctx->rl.sk);
	if (hrtimer_cancel(&ctx->life.deadline))
		ktls_ctx_put(ctx);
	clear_bit(KTLS_F_DEADLINE, &ctx->flags);
}

/**
 * ktls_ctx_arm - bound the time a context stays in its state
 * @ctx: the context; the armed timer owns a reference
 * @ms: from now, milliseconds
 *
 * An hrtimer: the helper has the same deadline by the same clock, and a timer of the
 * wheel, up to an eighth late, would expire after the helper had given up.
 *
 * Context: process, socket lock held. Replaces an earlier deadline.
 */
void ktls_ctx_arm(struct ktls_ctx *ctx, unsigned int ms)
{
	sock_owned_by_me(ctx->rl.sk);
	ktls_ctx_disarm(ctx);
	ktls_ctx_hold(ctx);
	hrtimer_start(&ctx->life.deadline, ms_to_ktime(ms), HRTIMER_MODE_REL_SOFT);
}

/**
 * ktls_ctx_unwatch - nothing is received any more: undo ktls_ready_watch()
 * @ctx: the context
 *
 * Context: socket lock held. A timer that fires just now is harmless.
 */
void ktls_ctx_unwatch(struct ktls_ctx *ctx)
{
	sock_owned_by_me(ctx->rl.sk);
	if (ctx_has_conn(ctx) && timer_delete(&ctx->conn->unread))
		ktls_ctx_put(ctx);
	clear_bit(KTLS_F_IDLE, &ctx->flags);
}

/**
 * ktls_ctx_set_session - replace what was established
 * @ctx: the context; what its session had is wiped
 * @session: gives up what it has and is all zeros afterwards; NULL: nothing is established.
 *	Else ktls_ctx_start() has been called
 *
 * Whoever reads the session's pointers without owning the socket lock has the
 * spinlock of it.
 *
 * Context: process, socket lock held.
 */
void ktls_ctx_set_session(struct ktls_ctx *ctx, struct ktls_session *session)
{
	struct ktls_session fresh = { }, old;

	sock_owned_by_me(ctx->rl.sk);
	if (!ctx_has_conn(ctx))
		return;
	if (session)
		swap(fresh, *session);
	spin_lock_bh(&ctx->rl.sk->sk_lock.slock);
	old = ctx->conn->session;
	ctx->conn->session = fresh;
	spin_unlock_bh(&ctx->rl.sk->sk_lock.slock);
	ktls_session_wipe(&old);
}

/**
 * ktls_ctx_keep_session - keep what a program may ask for after a handshake that failed
 * @ctx: the context, after ktls_ctx_start()
 * @session: loses what is kept
 *
 * Context: process, socket lock held.
 */
void ktls_ctx_keep_session(struct ktls_ctx *ctx, struct ktls_session *session)
{
	sock_owned_by_me(ctx->rl.sk);
	spin_lock_bh(&ctx->rl.sk->sk_lock.slock);
	ktls_session_take_certs(&ctx->conn->session, session);
	ctx->conn->session.handshake_ms = session->handshake_ms;
	spin_unlock_bh(&ctx->rl.sk->sk_lock.slock);
}

/**
 * ktls_ctx_new - a context for a socket
 * @sk: the socket; the context takes a reference
 * @config: snapshot of the options; its reference goes to the context
 *
 * Context: process, may sleep.
 * Return: the context with one reference, the caller's; NULL: no memory, and
 * @config is still the caller's.
 */
struct ktls_ctx *ktls_ctx_new(struct sock *sk, struct ktls_config *config)
{
	struct ktls_ctx *ctx = ktls_config_zalloc_from(config, ctx_cache);

	if (!ctx)
		return NULL;

	refcount_set(&ctx->life.ref, 1);
	sock_hold(sk);
	ctx->life.waiter.ops = &ctx_waiter_ops;
	ctx->base = ktls_base_of(sk);
	ctx->config = config;
	ctx->conn = &ctx_no_conn;
	ktls_rl_init(&ctx->rl, sk, ctx_ops->rules);
	ctx->rl.padding = config->padding;
	INIT_LIST_HEAD(&ctx->accept.node);
	INIT_LIST_HEAD(&ctx->place.node);
	INIT_WORK(&ctx->life.work, ctx_work);
	hrtimer_setup(&ctx->life.deadline, ctx_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_SOFT);
	ctx->since = ktime_get_seconds();
	/* ORDER: last, for dump.c finds it from here on. */
	if (ktls_table_add(ctx)) {
		sock_put(sk);
		kmem_cache_free(ctx_cache, ctx);
		return NULL;
	}
	return ctx;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_ctx_new);

/**
 * ktls_ctx_start - the socket becomes a connection: allocate what only that needs
 * @ctx: the context
 *
 * It stays until the context is freed, also if the connection fails or ends, because diag.c
 * and callbacks follow the pointer without the lock. Another connection uses it again.
 *
 * Context: process, may sleep, socket lock held.
 * Return: 0, also if it is there already; -ENOMEM, and nothing has changed.
 */
int ktls_ctx_start(struct ktls_ctx *ctx)
{
	struct ktls_conn *conn;

	sock_owned_by_me(ctx->rl.sk);
	if (ctx_has_conn(ctx))
		return 0;
	conn = ktls_config_zalloc_from(ctx->config, ctx_conn_cache);
	if (!conn)
		return -ENOMEM;
	conn->ctx = ctx;
	timer_setup(&conn->unread, ctx_rx_timer, 0);
	ktls_rl_start(&ctx->rl, &conn->flow);
	/* Pairs with READ_ONCE() of those without the lock. */
	smp_store_release(&ctx->conn, conn);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_ctx_start);

static void ctx_destroy_caches(void)
{
	kmem_cache_destroy(ctx_conn_cache);
	kmem_cache_destroy(ctx_cache);
}

/**
 * ktls_ctx_init - make the caches and the workqueue of all contexts
 * @ops: what contexts call
 *
 * Unbound, because a step seals and opens records and may sleep for memory. None of
 * them waits for a program.
 *
 * Return: 0 or -ENOMEM.
 */
int __init ktls_ctx_init(const struct ktls_ctx_ops *ops)
{
	ctx_ops = ops;
	ctx_cache = KMEM_CACHE(ktls_ctx, SLAB_ACCOUNT);
	ctx_conn_cache = KMEM_CACHE(ktls_conn, SLAB_ACCOUNT);
	if (ctx_cache && ctx_conn_cache)
		ctx_wq = alloc_workqueue("ktls", WQ_UNBOUND | WQ_MEM_RECLAIM, WQ_MAX_ACTIVE);
	if (!ctx_wq) {
		ctx_destroy_caches();
		return -ENOMEM;
	}
	return 0;
}

/** ktls_ctx_drain - wait for works; no socket has a context any more */
void ktls_ctx_drain(void)
{
	drain_workqueue(ctx_wq);
}

/**
 * ktls_ctx_exit - free the workqueue and the caches
 *
 * No request is left that could queue a work, and no reference to a context.
 */
void ktls_ctx_exit(void)
{
	destroy_workqueue(ctx_wq);
	/* Contexts are freed after a grace period. */
	rcu_barrier();
	ctx_destroy_caches();
}
