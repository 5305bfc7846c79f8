/* SPDX-License-Identifier: GPL-2.0 */
/* What depends on where the keys came from. */
#ifndef _KTLS_SOCKET_RULES_H
#define _KTLS_SOCKET_RULES_H

#include "record/rl.h"
#include "socket/ctx.h"

extern const struct ktls_rules ktls_rules_handshake;
extern const struct ktls_rules ktls_rules_external;

static inline bool ktls_rules_are_external(const struct ktls_ctx *ctx)
{
	return ctx->rl.rules == &ktls_rules_external;
}

#endif /* _KTLS_SOCKET_RULES_H */
