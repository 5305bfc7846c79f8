/* SPDX-License-Identifier: GPL-2.0 */
/* One state machine for connect, children and KTLS_HANDSHAKE; lock held. */
#ifndef _KTLS_SOCKET_HANDSHAKE_H
#define _KTLS_SOCKET_HANDSHAKE_H

#include <linux/types.h>

struct ktls_ctx;
struct ktls_exporter;
struct ktls_handshake;
struct ktls_tickets;

/**
 * struct ktls_handshake_ops - whom a handshake is for; called with the lock held
 * @hello: the whole ClientHello has come: may the handshake go on now? If not, somebody
 *	kicks the work later. NULL: always
 * @opened: it is complete, the state is OPEN; the deadline is still armed
 * @failed: it is not, the state is FAILED; connect.result and sk_err say why
 */
struct ktls_handshake_ops {
	bool (*hello)(struct ktls_ctx *ctx);
	void (*opened)(struct ktls_ctx *ctx);
	void (*failed)(struct ktls_ctx *ctx);
};

/**
 * struct ktls_hs - a handshake, and what hangs on one that is complete; socket lock
 * @running: while one runs, else NULL
 * @tickets: the way to the helper that wants tickets (ticket.c), or NULL
 * @exporter: what KTLS_EXPORTER was set to (exporter.c), or NULL; owned
 */
struct ktls_hs {
	struct ktls_handshake	*running;
	struct ktls_tickets	*tickets;
	struct ktls_exporter	*exporter;
};

int ktls_handshake_begin(struct ktls_ctx *ctx, u8 role, const struct ktls_handshake_ops *ops);
void ktls_handshake_step(struct ktls_ctx *ctx);
void ktls_handshake_end(struct ktls_ctx *ctx);
void ktls_handshake_forget(struct ktls_ctx *ctx);
void ktls_handshake_reset(struct ktls_ctx *ctx);

#endif /* _KTLS_SOCKET_HANDSHAKE_H */
