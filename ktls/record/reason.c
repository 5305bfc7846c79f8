// SPDX-License-Identifier: GPL-2.0
/* Why a connection failed, for KTLS_ERROR. */
#include <linux/stdarg.h>
#include <net/sock.h>

#include "record/reason.h"
#include "record/rl.h"

/**
 * ktls_reason_set - set what KTLS_ERROR returns
 * @rl: the connection
 * @fmt: printf-like; never secrets, and nothing unescaped from the peer
 *
 * Context: socket lock held.
 */
void ktls_reason_set(struct ktls_rl *rl, const char *fmt, ...)
{
	va_list args;

	sock_owned_by_me(rl->sk);
	va_start(args, fmt);
	vscnprintf(rl->reason, sizeof(rl->reason), fmt, args);
	va_end(args);
}
