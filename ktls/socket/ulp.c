// SPDX-License-Identifier: GPL-2.0
/* The ULP: which TCP sockets it can be attached to. */

#include <linux/module.h>
#include <linux/net.h>

#include <compat/proto.h>

#include "config.h"
#include "socket/attach.h"
#include "socket/base.h"
#include "socket/ctx.h"
#include "socket/diag.h"
#include "socket/listener.h"
#include "socket/ops.h"
#include "socket/ulp.h"

#include <trace/events/ktls.h>

static bool ulp_alias_tls;
module_param_named(alias_tls, ulp_alias_tls, bool, 0444);
MODULE_PARM_DESC(alias_tls, "Stand in for the kernel's own module tls: serve the ULP name tls, too (N)");

static struct tcp_ulp_ops ulp_ops, ulp_alias_ops;

/* Is a task in a call of TCP's own, or about to go on in one when it gets the socket lock? */
static bool ulp_is_busy(struct sock *sk)
{
	/* Who waits for the lock joins and leaves the queue under the spinlock in it; who comes
	 * just now is as late as who comes just after.
	 */
	return waitqueue_active(&sk->sk_lock.wq) || ktls_attach_has_sleepers(sk);
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
	if (!ktls_attach_is_plain(sk, ktls_base_of(sk)))
		return -EBUSY;
	if (tcp_sk(sk)->repair)
		return -EOPNOTSUPP;

	ctx = ulp_ctx_new(sk);
	if (!ctx)
		return -ENOMEM;
	ctx->external.alias = true;
	ctx->rl.tx.plain = true;
	ctx->rl.rx.plain = true;
	ktls_attach(sk, ctx, &ulp_alias_ops);
	return 0;
}

/* tcp_ulp_ops.init: socket lock held, process context. The ULP core has taken
 * a module reference, which it keeps on success.
 */
static int ulp_init(struct sock *sk)
{
	struct ktls_ctx *ctx;
	int err;

	sock_owned_by_me(sk);
	if (!ktls_attach_is_plain(sk, ktls_base_of(sk)) || ulp_is_busy(sk))
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
	ktls_attach(sk, ctx, &ulp_ops);
	/* TCP takes it from sockets with a ULP. io_uring's zero-copy sends copy here. */
	if (sk->sk_socket)
		set_bit(SOCK_SUPPORT_ZC, &sk->sk_socket->flags);
	/* What TCP had queued before is ours as well. */
	if (sk->sk_state == TCP_LISTEN)
		ktls_ctx_kick(ctx);
	return 0;

err_ctx:
	ktls_config_drop(&ctx->config);
	ktls_ctx_put(ctx);
	return err;
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
