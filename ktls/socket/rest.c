// SPDX-License-Identifier: GPL-2.0
/* Ciphers of idle connections are given back.
 *
 * Of what an idle connection takes, more than half is two objects of the crypto API. They
 * can be made again from the secrets (ktls_dir_wake()), so a work for each network namespace
 * looks at its connections from time to time. A direction without a record since the last
 * look rests. Records do not have to say when they came: the count of them does.
 */
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <net/sock.h>

#include "record/dir.h"
#include "record/rl.h"
#include "socket/ctx.h"
#include "socket/rest.h"
#include "socket/table.h"

enum rest_times {
	REST_NEVER_S	= 60,		/* whether that has changed */
	REST_MAX_S	= 24 * 3600,
};

static unsigned int rest_idle_s = 30;
module_param_named(cipher_idle_s, rest_idle_s, uint, 0644);
MODULE_PARM_DESC(cipher_idle_s, "Seconds without a record, or twice as many, after which a direction gives its cipher back (30; 0: never)");

/* What net_generic() keeps for a namespace. */
struct rest_net {
	struct net		*net;
	struct delayed_work	look;
};

static unsigned int rest_net_id;

static unsigned long rest_delay(void)
{
	return min(READ_ONCE(rest_idle_s) ? : REST_NEVER_S, (unsigned int)REST_MAX_S) * HZ;
}

/* Has it had no record since the last look? Without the lock that is a guess. */
static bool rest_is_idle(const struct ktls_dir *dir)
{
	return READ_ONCE(dir->seen) == (u32)READ_ONCE(dir->records);
}

/* Only the work of the namespace writes @seen while there are keys. */
static bool rest_look_at(struct ktls_dir *dir)
{
	const bool idle = rest_is_idle(dir) && READ_ONCE(dir->req);

	WRITE_ONCE(dir->seen, (u32)READ_ONCE(dir->records));
	return idle;
}

/* Between records only: the cipher of an open one is needed soon, and what begins a record
 * makes it again where it may still fail. Whoever has the lock is not waited for, nor idle.
 */
static void rest_give_back(struct ktls_ctx *ctx, bool tx, bool rx)
{
	struct ktls_flow *flow = ctx->rl.flow;

	if (!ktls_ctx_trylock(ctx, KTLS_F_AGAIN))
		return;
	if (ctx->state == KTLS_STATE_OPEN) {
		if (tx && !flow->txq.open && rest_is_idle(&flow->tx))
			ktls_dir_rest(&flow->tx);
		if (rx && rest_is_idle(&flow->rx))
			ktls_dir_rest(&flow->rx);
	}
	release_sock(ctx->rl.sk);
}

/* Return: whether there is a reason to look again. A failed or closed connection does not last. */
static bool rest_look(struct ktls_ctx *ctx)
{
	/* Pairs with ktls_state_set(): an open connection has a flow, and keeps it. */
	const u8 state = smp_load_acquire(&ctx->state);
	struct ktls_flow *flow;
	bool tx, rx;

	/* One in its handshake may just have got the keys that the work was armed for. */
	if (state != KTLS_STATE_OPEN)
		return state == KTLS_STATE_HANDSHAKE;
	flow = READ_ONCE(ctx->rl.flow);
	tx = rest_look_at(&flow->tx);
	rx = rest_look_at(&flow->rx);
	if ((tx || rx) && READ_ONCE(rest_idle_s))
		rest_give_back(ctx, tx, rx);
	return true;
}

/* Process context, no lock */
static void rest_run(struct work_struct *work)
{
	struct rest_net *rest = container_of(to_delayed_work(work), struct rest_net, look);
	unsigned long index = 0;
	struct ktls_ctx *ctx;
	bool again = false;

	while (index <= U32_MAX) {
		ctx = ktls_table_next(rest->net, &index);
		if (!ctx)
			break;
		again |= rest_look(ctx);
		ktls_ctx_put(ctx);
		index++;
		cond_resched();
	}
	if (again)
		ktls_ctx_schedule(&rest->look, rest_delay());
}

/**
 * ktls_rest_arm - a connection of a namespace has keys
 * @net: the namespace
 *
 * Context: any; the caller has a socket of @net.
 */
void ktls_rest_arm(struct net *net)
{
	struct rest_net *rest = net_generic(net, rest_net_id);

	ktls_ctx_schedule(&rest->look, rest_delay());
}

static int __net_init rest_net_init(struct net *net)
{
	struct rest_net *rest = net_generic(net, rest_net_id);

	rest->net = net;
	INIT_DEFERRABLE_WORK(&rest->look, rest_run);
	return 0;
}

/* No socket is left that could arm it. */
static void __net_exit rest_net_exit(struct net *net)
{
	struct rest_net *rest = net_generic(net, rest_net_id);

	cancel_delayed_work_sync(&rest->look);
}

static struct pernet_operations rest_net_ops = {
	.init	= rest_net_init,
	.exit	= rest_net_exit,
	.id	= &rest_net_id,
	.size	= sizeof(struct rest_net),
};

/**
 * ktls_rest_init - make the work of each namespace
 *
 * Context: module load, after ktls_table_init() and ktls_ctx_init().
 * Return: 0 or a negative errno.
 */
int __init ktls_rest_init(void)
{
	return register_pernet_subsys(&rest_net_ops);
}

/** ktls_rest_exit - end these works, before ktls_ctx_drain(); no socket is left */
void ktls_rest_exit(void)
{
	unregister_pernet_subsys(&rest_net_ops);
}
