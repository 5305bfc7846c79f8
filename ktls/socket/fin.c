// SPDX-License-Identifier: GPL-2.0
/* The FIN that ends our half of a connection, behind all records that were queued. */

#include <net/tcp.h>
#include <uapi/linux/ktls.h>

#include "record/tx.h"
#include "socket/base.h"
#include "socket/ctx.h"
#include "socket/fin.h"

/* After this time, try again to send a FIN for which TCP had no memory. */
#define FIN_RETRY_MS	200

/**
 * ktls_fin_shutdown - proto.shutdown
 * @sk: the socket
 * @how: RCV_SHUTDOWN, SEND_SHUTDOWN or both
 *
 * TCP tries to send its FIN only once. If it has no memory for it, it waits for the
 * acknowledgment of a FIN that was never sent, and the peer for the end of the
 * stream. Such an attempt takes no sequence number, so it can be undone by restoring
 * the TCP state. The context's work tries again, and finally TCP's close().
 *
 * This is done once the connection is open. Before that, behave as TCP does: nothing
 * would send the FIN again, and a program that has shut down could still write, in
 * the clear.
 *
 * Context: process, socket lock held.
 */
void ktls_fin_shutdown(struct sock *sk, int how)
{
	struct ktls_ctx *ctx = ktls_ctx_get(sk);
	const u32 end = tcp_sk(sk)->write_seq;
	const int state = sk->sk_state;

	sock_owned_by_me(sk);
	ctx->base->prot->shutdown(sk, how);
	if (!(how & SEND_SHUTDOWN) || tcp_sk(sk)->write_seq != end ||
	    ctx->state < KTLS_STATE_OPEN || !((1 << state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)))
		return;

	/* As tcp_set_state(), which not every kernel exports. */
	inet_sk_set_state(sk, state);
	TCP_INC_STATS(sock_net(sk), TCP_MIB_CURRESTAB);
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown & ~SEND_SHUTDOWN);
	set_bit(KTLS_F_FIN, &ctx->flags);
	/* A lingering or draining connection has a deadline already. One that failed
	 * while it was open sends its FIN in close().
	 */
	if (ctx->state == KTLS_STATE_OPEN)
		ktls_ctx_arm(ctx, FIN_RETRY_MS);
}

/**
 * ktls_fin_send - send FIN, once TCP has everything that was queued
 * @ctx: the context
 *
 * TCP's shutdown does nothing if FIN was sent already.
 *
 * Context: process, socket lock held.
 */
void ktls_fin_send(struct ktls_ctx *ctx)
{
	struct sock *sk = ctx->rl.sk;

	sock_owned_by_me(sk);
	ktls_tx_push(&ctx->rl);
	if (!ktls_tx_idle(&ctx->rl) || (sk->sk_shutdown & SEND_SHUTDOWN))
		return;
	if (!((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT | TCPF_SYN_RECV)))
		return;
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | SEND_SHUTDOWN);
	ktls_fin_shutdown(sk, SEND_SHUTDOWN);
}
