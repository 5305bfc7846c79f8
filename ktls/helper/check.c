// SPDX-License-Identifier: GPL-2.0
/* CHECK: before a socket listens, the helper says whether it can serve with its options. */
#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <kunit/visibility.h>

#include "helper/check.h"
#include "helper/request.h"

/* A task that waits; it lies on the task's stack, so there is no reference to drop. */
struct check_waiter {
	struct ktls_waiter	waiter;
	struct completion	answered;
};

static void check_wake(struct ktls_waiter *waiter)
{
	complete(&container_of(waiter, struct check_waiter, waiter)->answered);
}

static void check_put(struct ktls_waiter *waiter)
{
}

static const struct ktls_waiter_ops check_waiter_ops = {
	.wake	= check_wake,
	.put	= check_put,
};

static int check_result(struct ktls_request *req, char *reason)
{
	struct ktls_done *done;
	int err = -EHOSTDOWN;
	void *records;
	size_t len;

	if (ktls_request_take(req, &records, &len, &done) == KTLS_ANSWER_DONE) {
		err = -done->error;
		strscpy(reason, done->reason, KTLS_REASON_MAX);
	} else {
		strscpy(reason, "the helper ktlsd went away during the check",
			KTLS_REASON_MAX);
	}
	ktls_done_free(done);
	kvfree(records);
	return err;
}

/**
 * ktls_check - can the helper serve with this configuration?
 * @net: whose helper is asked
 * @config: frozen
 * @timeout_ms: how long to wait
 * @reason: on failure: why
 *
 * Context: process, no socket lock held; waits, killable.
 * Return: 0; the errno the helper returned; -ESRCH without a helper, -EHOSTDOWN if it
 * died, -ETIMEDOUT, -EINTR when killed, -ENOMEM, -ENOBUFS.
 */
int ktls_check(struct net *net, struct ktls_config *config, u32 timeout_ms,
	       char reason[KTLS_REASON_MAX])
{
	const struct ktls_request_params params = {
		.cmd		= KTLS_CMD_CHECK,
		.role		= KTLS_ROLE_SERVER,
		.net		= net,
		.config		= config,
		.deadline	= ktime_add_ms(ktime_get(), timeout_ms),
	};
	struct check_waiter check = { .waiter.ops = &check_waiter_ops };
	struct ktls_request *req;
	long left;
	int err;

	reason[0] = '\0';
	if (!ktls_port_exists(net)) {
		strscpy(reason, "no helper serves this network namespace: is ktlsd running?",
			KTLS_REASON_MAX);
		return -ESRCH;
	}
	init_completion(&check.answered);
	req = ktls_request_start(&params, &check.waiter);
	if (IS_ERR(req))
		return PTR_ERR(req);
	left = wait_for_completion_killable_timeout(&check.answered,
						    msecs_to_jiffies(timeout_ms));
	if (left > 0) {
		err = check_result(req, reason);
	} else if (!left) {
		err = -ETIMEDOUT;
		snprintf(reason, KTLS_REASON_MAX,
			 "the helper ktlsd did not answer within %u ms", timeout_ms);
	} else {
		err = -EINTR;
	}
	ktls_request_close(req);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_check);
