// SPDX-License-Identifier: GPL-2.0
/* Why a connection failed, for KTLS_ERROR. Few fail, so the text has memory of its own. */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/stdarg.h>
#include <linux/string.h>
#include <net/sock.h>

#include "record/reason.h"
#include "record/rl.h"
#include <trace/events/ktls.h>

/* What there is to say without memory for anything else. */
static const char reason_lost[] = "it failed, and there was no memory to say why";

static_assert(KTLS_TRACE_REASON == KTLS_REASON_MAX);

/* Whoever reads the reason without owning the socket lock has the spinlock of it. */
static void reason_replace(struct ktls_rl *rl, const char *reason)
{
	const char *old;

	spin_lock_bh(&rl->sk->sk_lock.slock);
	old = rl->reason;
	rl->reason = reason;
	spin_unlock_bh(&rl->sk->sk_lock.slock);
	if (old != reason_lost)
		kfree(old);
}

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

	if (text[0])
		trace_ktls_reason(rl->sk, text);
	reason_replace(rl, kstrdup(text, GFP_KERNEL_ACCOUNT) ?: reason_lost);
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
	if (rl->reason)
		reason_replace(rl, NULL);
}
