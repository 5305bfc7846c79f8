// SPDX-License-Identifier: GPL-2.0
/* CHECK, with which listen() asks the helper whether a configuration is usable: each answer, no
 * answer, and what is left afterwards. request_kunit.c tests the other requests.
 */
#include <linux/delay.h>
#include <uapi/linux/ktls_netlink.h>

#include "config.h"
#include "wire.h"
#include "helper/check.h"
#include "socket/ctx.h"

#include "request_helper.h"

enum check_reply {
	REPLY_NONE,
	REPLY_GOOD,
	REPLY_BAD,
	REPLY_DATA,
	REPLY_DIE,
};

static const struct check_param {
	const char		*desc;
	enum check_reply	reply;
	u32			timeout_ms;
	int			err;
	const char		*reason;
} check_params[] = {
	{ "fit", REPLY_GOOD, KTLS_KUNIT_WAIT_MS, 0, "" },
	{ "not fit", REPLY_BAD, KTLS_KUNIT_WAIT_MS, -ENOKEY, "because" },
	{ "answered by DATA", REPLY_DATA, KTLS_KUNIT_WAIT_MS, -EPROTO, "contract" },
	{ "the helper dies", REPLY_DIE, KTLS_KUNIT_WAIT_MS, -EHOSTDOWN, "went away" },
	{ "no answer", REPLY_NONE, 100, -ETIMEDOUT, "did not answer" },
};

static void check_desc(const struct check_param *param, char *desc)
{
	strscpy(desc, param->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(check, check_params, check_desc);

/* A context whose configuration is checked. */
static struct ktls_ctx *check_ctx(struct kunit *test)
{
	struct ktls_ctx *ctx = ktls_kunit_ctx(test, ktls_kunit_socket(test));

	lock_sock(ctx->rl.sk);
	ktls_config_freeze(ctx->config);
	release_sock(ctx->rl.sk);
	return ctx;
}

/* The request has ended and has released everything. */
static void check_expect_gone(struct kunit *test, struct ktls_ctx *ctx)
{
	rcu_barrier();
	KUNIT_EXPECT_EQ(test, refcount_read(&ctx->life.ref), 1);
	KUNIT_EXPECT_EQ(test, refcount_read(&ctx->config->ref), 1);
}

/* A thread that waits for the answer. */
struct check_waiter {
	struct work_struct	work;
	struct ktls_config	*config;
	u32			timeout_ms;
	int			err;
	char			reason[KTLS_REASON_MAX];
};

static void check_waiter_work(struct work_struct *work)
{
	struct check_waiter *waiter = container_of(work, struct check_waiter, work);

	waiter->err = ktls_check(&init_net, waiter->config, waiter->timeout_ms,
				 waiter->reason);
}

static void check_reply(struct kunit *test, struct ktls_kunit_helper *helper,
			enum check_reply reply)
{
	switch (reply) {
	case REPLY_GOOD:
		/* A reason that comes with success is ignored. */
		KUNIT_EXPECT_EQ(test, ktls_kunit_helper_done(helper, helper->id, 0), 0);
		break;
	case REPLY_BAD:
		KUNIT_EXPECT_EQ(test, ktls_kunit_helper_done(helper, helper->id, ENOKEY), 0);
		break;
	case REPLY_DATA:
		KUNIT_EXPECT_EQ(test, ktls_kunit_helper_data(helper, helper->id, "x", 1, false),
				-EPROTO);
		break;
	case REPLY_DIE:
		ktls_kunit_helper_die(helper);
		break;
	default:
		break;
	}
}

static void check_reply_test(struct kunit *test)
{
	const struct check_param *param = test->param_value;
	unsigned long end = jiffies + msecs_to_jiffies(KTLS_KUNIT_WAIT_MS);
	struct ktls_ctx *ctx = check_ctx(test);
	struct ktls_kunit_helper *helper = ktls_kunit_helper(test, 1);
	struct check_waiter *waiter;

	waiter = kunit_kzalloc(test, sizeof(*waiter), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, waiter);
	waiter->config = ctx->config;
	waiter->timeout_ms = param->timeout_ms;
	INIT_WORK(&waiter->work, check_waiter_work);

	queue_work(system_unbound_wq, &waiter->work);
	while (!ktls_kunit_helper_wait_for(helper, KTLS_CMD_CHECK) && time_before(jiffies, end))
		usleep_range(100, 200);
	check_reply(test, helper, param->reply);
	flush_work(&waiter->work);

	KUNIT_EXPECT_EQ(test, waiter->err, param->err);
	KUNIT_EXPECT_NOT_NULL(test, strstr(waiter->reason, param->reason));
	if (param->reply == REPLY_NONE) {
		KUNIT_EXPECT_EQ(test, ktls_kunit_helper_wait_for(helper, KTLS_CMD_CANCEL), 1);
		KUNIT_EXPECT_EQ_MSG(test, ktls_kunit_helper_done(helper, helper->id, 0), -ENOENT,
				    "a late answer");
	}
	check_expect_gone(test, ctx);
	ktls_kunit_expect_idle(test, param->reply != REPLY_DIE);
}

static void check_unserved_test(struct kunit *test)
{
	struct ktls_ctx *ctx = check_ctx(test);
	char reason[KTLS_REASON_MAX];

	KUNIT_EXPECT_EQ(test, ktls_check(&init_net, ctx->config, 1000, reason), -ESRCH);
	KUNIT_EXPECT_NOT_NULL(test, strstr(reason, "ktlsd"));
	check_expect_gone(test, ctx);
}

static struct kunit_case check_cases[] = {
	KUNIT_CASE_PARAM(check_reply_test, check_gen_params),
	KUNIT_CASE(check_unserved_test),
	{}
};

static struct kunit_suite check_suite = {
	.name		= "ktls_check",
	.test_cases	= check_cases,
};

kunit_test_suite(check_suite);
