// SPDX-License-Identifier: GPL-2.0
/* DONE, the last message of the helper about a request. */
#include <linux/slab.h>
#include <linux/string.h>
#include <kunit/visibility.h>

#include "helper/done.h"

/**
 * ktls_done_new_error - the kernel itself has ended a request
 * @error: positive errno
 * @reason: why
 *
 * Context: process.
 * Return: for ktls_done_free(), or NULL: no memory.
 */
struct ktls_done *ktls_done_new_error(int error, const char *reason)
{
	struct ktls_done *done = kzalloc(sizeof(*done), GFP_KERNEL);

	if (!done)
		return NULL;
	done->error = error;
	done->alert = KTLS_ALERT_NONE;
	strscpy(done->reason, reason, sizeof(done->reason));
	return done;
}

/**
 * ktls_done_free - wipe and free
 * @done: or NULL
 *
 * Context: any.
 */
void ktls_done_free(struct ktls_done *done)
{
	if (!done)
		return;
	ktls_session_wipe(&done->session);
	kfree_sensitive(done);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_done_free);
