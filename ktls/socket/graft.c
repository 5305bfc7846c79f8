// SPDX-License-Identifier: GPL-2.0
/* A struct socket for connections without a file: children, and closed sockets. */

#include <linux/module.h>
#include <linux/net.h>
#include <net/sock.h>

#include "socket/base.h"
#include "socket/ctx.h"
#include "socket/graft.h"

/**
 * ktls_graft - put a struct socket under a connection
 * @ctx: a connection that no file has
 *
 * TCP looks at sk_socket and sk_wq when it sends and waits; a connection
 * without them cannot send. The struct socket has the operations of ktls, because BPF can
 * call them, and the uid of the connection, because routing looks at it.
 *
 * Context: process, socket lock held.
 * Return: 0 or -ENOMEM.
 */
int ktls_graft(struct ktls_ctx *ctx)
{
	struct sock *sk = ctx->rl.sk;
	int err;

	sock_owned_by_me(sk);
	err = sock_create_lite(sk->sk_family, SOCK_STREAM, IPPROTO_TCP, &ctx->attach.graft);
	if (err)
		return err;
	ctx->attach.graft->state = SS_CONNECTED;
	ctx->attach.graft->ops = &ctx->base->tls_ops;
	__module_get(ctx->attach.graft->ops->owner);
	SOCK_INODE(ctx->attach.graft)->i_uid = sk->sk_uid;
	sock_graft(sk, ctx->attach.graft);
	return 0;
}

/**
 * ktls_graft_remove - remove the struct socket under a connection
 * @ctx: the context
 *
 * Not with sock_orphan(): that would mark the sock dead.
 *
 * Context: process, socket lock held.
 */
void ktls_graft_remove(struct ktls_ctx *ctx)
{
	struct socket *graft = ctx->attach.graft;
	struct sock *sk = ctx->rl.sk;

	sock_owned_by_me(sk);
	if (!graft)
		return;

	write_lock_bh(&sk->sk_callback_lock);
	sk_set_socket(sk, NULL);
	RCU_INIT_POINTER(sk->sk_wq, NULL);
	graft->sk = NULL;
	write_unlock_bh(&sk->sk_callback_lock);

	ctx->attach.graft = NULL;
	sock_release(graft);
}
