// SPDX-License-Identifier: GPL-2.0
/* The contexts of a network namespace. A list would do to find them, but not to continue
 * where a dump has stopped: what it stopped at may be gone. So each has a number for life,
 * the lowest that is free, in an xarray: nine bytes for a context while they are dense.
 */
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <net/sock.h>

#include "socket/ctx.h"
#include "socket/table.h"

/* What net_generic() keeps for a namespace. */
struct table_net {
	struct xarray	contexts;
};

static unsigned int table_net_id;

static struct xarray *table_of(const struct net *net)
{
	struct table_net *table = net_generic(net, table_net_id);

	return &table->contexts;
}

/**
 * ktls_table_add - from here on ktls_table_next() finds a context
 * @ctx: a new context, complete; ktls_ctx_put() removes it with the last reference
 *
 * Context: process, may sleep.
 * Return: 0 or a negative errno.
 */
int ktls_table_add(struct ktls_ctx *ctx)
{
	return xa_alloc_bh(table_of(sock_net(ctx->rl.sk)), &ctx->life.number, ctx,
			   xa_limit_32b, GFP_KERNEL);
}

/**
 * ktls_table_remove - undo ktls_table_add()
 * @ctx: a context without references
 *
 * Context: any. The context is freed a grace period later.
 */
void ktls_table_remove(struct ktls_ctx *ctx)
{
	xa_erase_bh(table_of(sock_net(ctx->rl.sk)), ctx->life.number);
}

/**
 * ktls_table_next - the next context of a namespace
 * @net: the namespace
 * @index: where to begin: 0, then one more than where the last one was; where it is on return
 *
 * A context that is there all the time is found once. No lock and no reference is
 * held from one call to the next.
 *
 * Context: any.
 * Return: a context with a reference, the caller's; NULL: there is no other.
 */
struct ktls_ctx *ktls_table_next(const struct net *net, unsigned long *index)
{
	struct xarray *contexts = table_of(net);
	struct ktls_ctx *ctx;

	rcu_read_lock();
	for (ctx = xa_find(contexts, index, U32_MAX, XA_PRESENT);
	     ctx && !refcount_inc_not_zero(&ctx->life.ref);
	     ctx = xa_find_after(contexts, index, U32_MAX, XA_PRESENT))
		;
	rcu_read_unlock();
	return ctx;
}

static int __net_init table_net_init(struct net *net)
{
	xa_init_flags(table_of(net), XA_FLAGS_ALLOC | XA_FLAGS_LOCK_BH);
	return 0;
}

/* Each context has a socket, and each socket its namespace. */
static void __net_exit table_net_exit(struct net *net)
{
	WARN_ON_ONCE(!xa_empty(table_of(net)));
	xa_destroy(table_of(net));
}

static struct pernet_operations table_net_ops = {
	.init	= table_net_init,
	.exit	= table_net_exit,
	.id	= &table_net_id,
	.size	= sizeof(struct table_net),
};

/**
 * ktls_table_init - make the tables of all namespaces
 *
 * Context: module load, before there are contexts.
 * Return: 0 or a negative errno.
 */
int __init ktls_table_init(void)
{
	return register_pernet_subsys(&table_net_ops);
}

/** ktls_table_exit - free the tables; no context is left */
void ktls_table_exit(void)
{
	unregister_pernet_subsys(&table_net_ops);
}
