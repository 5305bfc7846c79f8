// SPDX-License-Identifier: GPL-2.0
/* Detach a context from its socket, which is plain TCP then.
 *
 * Why a context can be freed safely: icsk_ulp_data is the only pointer to it
 * that is followed without a reference, by callbacks in softirq under RCU and
 * by operations that hold the socket's file open. ktls_detach() runs
 * when the last file is gone, restores the callbacks, clears the pointer and
 * gives up its reference; the memory goes after a grace period. Works, timers
 * and requests own references and find KTLS_F_GONE set.
 */

#include <linux/module.h>
#include <net/tcp.h>

#include "config.h"
#include "record/rl.h"
#include "socket/base.h"
#include "socket/ctx.h"
#include "socket/detach.h"
#include "socket/handshake.h"

/**
 * ktls_detach - the socket is TCP's again
 * @ctx: the context, without a handshake; the reference of icsk_ulp_data is given up
 *
 * Wipes keys and queues, restores operations and callbacks, and returns the
 * module reference of the ULP: the caller must have one of its own until it
 * has left the module.
 *
 * Context: process, socket lock held; no program can reach the socket any more.
 */
void ktls_detach(struct ktls_ctx *ctx)
{
	struct sock *sk = ctx->rl.sk;

	sock_owned_by_me(sk);
	WARN_ON_ONCE(ctx->conn->hs.running);
	set_bit(KTLS_F_GONE, &ctx->flags);
	ktls_ctx_disarm(ctx);
	ktls_ctx_unwatch(ctx);
	ktls_rl_free(&ctx->rl);
	ktls_handshake_forget(ctx);
	ktls_config_drop(&ctx->config);

	WRITE_ONCE(sk->sk_prot, ctx->base->prot);
	/* Pairs with smp_wmb() in ktls_attach(), in reverse. */
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
