// SPDX-License-Identifier: GPL-2.0
/* Why a connection failed, for KTLS_ERROR. Few fail, so the text has memory of its own. */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/stdarg.h>
#include <linux/string.h>
#include <net/sock.h>

#include "record/reason.h"
#include "record/rl.h"

/* What there is to say without memory for anything else. */
static const char reason_lost[] = "it failed, and there was no memory to say why";

/**
 * ktls_reason_set - set what KTLS_ERROR returns
 * @rl: the connection
 * @fmt: printf-like; never secrets, and nothing unescaped from the peer
 *
 * Context: process, socket lock held; may sleep.
 */
void ktls_reason_set(struct ktls_rl *rl, const char *fmt, ...)
{
	char text[KTLS_REASON_MAX];
	va_list args;

	sock_owned_by_me(rl->sk);
	va_start(args, fmt);
	vscnprintf(text, sizeof(text), fmt, args);
	va_end(args);

	ktls_reason_clear(rl);
	rl->reason = kstrdup(text, GFP_KERNEL_ACCOUNT) ?: reason_lost;
}

/**
 * ktls_reason_get - what KTLS_ERROR returns
 * @rl: the connection
 *
 * Context: socket lock held.
 * Return: the text, valid under the lock; an empty one: the connection has not failed.
 */
const char *ktls_reason_get(const struct ktls_rl *rl)
{
	sock_owned_by_me(rl->sk);
	return rl->reason ?: "";
}

/**
 * ktls_reason_clear - the connection has not failed
 * @rl: the connection
 *
 * Context: socket lock held, or nobody else knows @rl any longer.
 */
void ktls_reason_clear(struct ktls_rl *rl)
{
	if (rl->reason != reason_lost)
		kfree(rl->reason);
	rl->reason = NULL;
}
