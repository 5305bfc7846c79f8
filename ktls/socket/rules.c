// SPDX-License-Identifier: GPL-2.0
/* What depends on where the keys of a connection came from: from a handshake, or
 * from TLS_TX and TLS_RX. With the latter a socket behaves as mainline's TLS does.
 */
#include <net/sock.h>
#include <kunit/visibility.h>

#include "wire.h"
#include "helper/ticket.h"
#include "record/rl.h"
#include "socket/ctx.h"
#include "socket/rules.h"
#include "socket/state.h"

static struct ktls_ctx *rules_ctx(struct ktls_rl *rl)
{
	return container_of(rl, struct ktls_ctx, rl);
}

static const struct ktls_config *rules_config(const struct ktls_rl *rl)
{
	return container_of_const(rl, struct ktls_ctx, rl)->config;
}

static int rules_handshake_fail(struct ktls_rl *rl, int err)
{
	ktls_state_fail(rules_ctx(rl), err);
	return -err;
}

static void rules_handshake_kick(struct ktls_rl *rl)
{
	ktls_ctx_kick(rules_ctx(rl));
}

static int rules_handshake_ticket(struct ktls_rl *rl, const u8 *body, size_t len)
{
	return ktls_ticket_received(rules_ctx(rl)->conn->hs.tickets, rules_ctx(rl)->config,
				    sock_net(rl->sk), body, len);
}

const struct ktls_rules ktls_rules_handshake = {
	.pack			= true,
	.strict_types		= true,
	.strict_headers		= true,
	.alerts			= true,
	.key_update		= true,
	.strict_eof		= true,
	.sticky_reset		= true,
	.eor_with_more		= true,
	.linger			= true,
	.ciphertext13_max	= KTLS_CIPHERTEXT13_MAX,
	.config			= rules_config,
	.fail			= rules_handshake_fail,
	.kick			= rules_handshake_kick,
	.ticket			= rules_handshake_ticket,
};

/* Mainline reports the error once from sk_err, and then from each call. */
static int rules_external_fail(struct ktls_rl *rl, int err)
{
	struct sock *sk = rl->sk;

	if (err == EPROTO)
		err = EBADMSG;
	WRITE_ONCE(rl->rx.error, err);
	if (!rl->tx.error)
		WRITE_ONCE(rl->tx.error, err);
	WRITE_ONCE(sk->sk_err, err);
	sk_error_report(sk);
	return -err;
}

const struct ktls_rules ktls_rules_external = {
	.all_types		= true,
	.one_way		= true,
	.error_before_eof	= true,
	.tcp_shut_rd		= true,
	.ciphertext13_max	= KTLS_INNER_MAX + KTLS_TAG_SIZE,
	.config			= rules_config,
	.fail			= rules_external_fail,
};
EXPORT_SYMBOL_IF_KUNIT(ktls_rules_external);
