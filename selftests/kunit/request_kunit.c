// SPDX-License-Identifier: GPL-2.0
/* Requests to the helper end exactly once, however the possible ends race, and release
 * everything.
 */
#include <linux/delay.h>
#include <linux/random.h>
#include <uapi/linux/ktls.h>
#include <uapi/linux/ktls_netlink.h>

#include "config.h"
#include "wire.h"
#include "helper/dispatch.h"
#include "helper/done.h"
#include "helper/port.h"
#include "helper/request.h"
#include "socket/ctx.h"

#include "request_helper.h"

enum request_sizes {
	REQUEST_ASKERS		= 8,
	REQUEST_ROUNDS		= 100,		/* of a race */
};

/* --- who asks --- */

/**
 * struct request_asker - a context with a request
 * @ctx: its work is request_work(), which only counts
 * @req: the request; NULL: there is none any more
 * @kicks: how often the work was queued
 * @answers: how often ktls_request_take() had each enum ktls_answer for it
 * @error: of the last DONE
 */
struct request_asker {
	struct ktls_ctx		*ctx;
	struct ktls_request	*req;
	atomic_t		kicks;
	unsigned int		answers[KTLS_ANSWER_LOST + 1];
	int			error;
};

/* asker_work() finds its asker here. */
static struct request_asker request_askers[REQUEST_ASKERS];

static void asker_work(struct work_struct *work)
{
	struct ktls_ctx *ctx = container_of(work, struct ktls_ctx, life.work);
	unsigned int i;

	for (i = 0; i < REQUEST_ASKERS; i++)
		if (request_askers[i].ctx == ctx)
			atomic_inc(&request_askers[i].kicks);
	ktls_ctx_put(ctx);
}

static void asker_put(void *data)
{
	struct request_asker *asker = data;

	if (asker->req)
		ktls_request_close(asker->req);
	asker->req = NULL;
	flush_work(&asker->ctx->life.work);
}

static struct request_asker *asker_new(struct kunit *test, unsigned int index)
{
	struct request_asker *asker = &request_askers[index];
	struct ktls_ctx *ctx = ktls_kunit_ctx(test, ktls_kunit_socket(test));

	memset(asker, 0, sizeof(*asker));
	asker->ctx = ctx;
	ctx->rl.role = KTLS_ROLE_CLIENT;
	INIT_WORK(&ctx->life.work, asker_work);
	lock_sock(ctx->rl.sk);
	ktls_config_freeze(ctx->config);
	release_sock(ctx->rl.sk);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, asker_put, asker), 0);
	return asker;
}

static void asker_ask(struct kunit *test, struct request_asker *asker)
{
	struct ktls_request_params params = {
		.cmd		= KTLS_CMD_START,
		.role		= KTLS_ROLE_CLIENT,
		.net		= &init_net,
		.config		= asker->ctx->config,
		.deadline	= ktime_add_ms(ktime_get(), 60000),
	};
	struct ktls_request *req;

	lock_sock(asker->ctx->rl.sk);
	ktls_request_addresses(asker->ctx->rl.sk, &params.local, &params.peer);
	refcount_inc(&asker->ctx->life.ref);
	req = ktls_request_start(&params, &asker->ctx->life.waiter);
	release_sock(asker->ctx->rl.sk);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, req);
	asker->req = req;
}

/* Takes all answers. */
static void asker_take(struct request_asker *asker)
{
	enum ktls_answer answer;
	struct ktls_done *done;
	void *records;
	size_t len;

	flush_work(&asker->ctx->life.work);
	do {
		answer = ktls_request_take(asker->req, &records, &len, &done);
		asker->answers[answer]++;
		if (done)
			asker->error = done->error;
		ktls_done_free(done);
		kvfree(records);
	} while (answer != KTLS_ANSWER_NONE);
}

/* The request has ended and has released everything, at the latest when the helper has
 * acknowledged CANCEL.
 */
static void asker_expect_gone(struct kunit *test, struct request_asker *asker,
			      struct ktls_kunit_helper *helper)
{
	asker_put(asker);
	ktls_kunit_helper_wait_for(helper, KTLS_CMD_CANCEL);
	rcu_barrier();
	KUNIT_EXPECT_EQ(test, refcount_read(&asker->ctx->life.ref), 1);
	KUNIT_EXPECT_EQ(test, refcount_read(&asker->ctx->config->ref), 1);
}

/* --- every end in every order, at every stage --- */

enum request_event {
	EVENT_DONE,		/* the helper says DONE */
	EVENT_CANCEL,		/* the socket goes away, or its deadline comes */
	EVENT_DIE,		/* the helper goes away */
	__EVENT_MAX
};

enum request_stage {
	STAGE_WAITING,		/* the only port has no credit */
	STAGE_STARTED,		/* the helper was sent START */
	STAGE_OURS,		/* it has answered: our turn */
	STAGE_STALLED,		/* we have answered, but the port has no credit */
	STAGE_HELPER,		/* it was sent our answer */
	__STAGE_MAX
};

#define EVENTS	3

struct request_order {
	enum request_stage	stage;
	enum request_event	event[EVENTS];
};

static struct request_order request_orders[__STAGE_MAX * __EVENT_MAX * __EVENT_MAX * __EVENT_MAX];

static int request_suite_init(struct kunit_suite *suite)
{
	unsigned int i, n, at;

	for (i = 0; i < ARRAY_SIZE(request_orders); i++) {
		n = i;
		for (at = 0; at < EVENTS; at++, n /= __EVENT_MAX)
			request_orders[i].event[at] = n % __EVENT_MAX;
		request_orders[i].stage = n;
	}
	return 0;
}

static void request_order_desc(struct request_order *order, char *desc)
{
	static const char *const stages[] = {
		"waiting", "sent", "our turn", "stalled", "helper's turn",
	};
	static const char *const events[] = { "done", "cancelled", "helper dies" };

	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s: %s, %s, %s", stages[order->stage],
		 events[order->event[0]], events[order->event[1]], events[order->event[2]]);
}

KUNIT_ARRAY_PARAM(request_order, request_orders, request_order_desc);

/* Brings the request to @stage. A second request uses up the credit of one where the stage
 * needs that.
 */
static void request_reach(struct kunit *test, struct ktls_kunit_helper *helper,
			  enum request_stage stage, struct request_asker *asker,
			  struct request_asker *other)
{
	u64 id;

	if (stage == STAGE_WAITING)
		asker_ask(test, other);
	asker_ask(test, asker);
	ktls_kunit_helper_wait_for(helper, KTLS_CMD_START);
	id = helper->id;
	if (stage == STAGE_WAITING || stage == STAGE_STARTED)
		return;
	KUNIT_ASSERT_EQ(test, ktls_kunit_helper_data(helper, id, "x", 1, false), 0);
	asker_take(asker);
	if (stage == STAGE_OURS)
		return;
	if (stage == STAGE_STALLED)
		asker_ask(test, other);
	KUNIT_ASSERT_EQ(test, ktls_request_data(asker->req, "y", 1, NULL), 0);
	KUNIT_ASSERT_EQ(test, ktls_kunit_helper_wait_for(helper, KTLS_CMD_DATA),
			stage == STAGE_HELPER);
}

/**
 * struct request_want - the outcome that a request must have
 * @answer: what ktls_request_take() returns, once
 * @error: with KTLS_ANSWER_DONE
 * @open: it has not ended
 * @cancels: how often the helper is sent CANCEL
 * @dead: the helper has closed its socket
 */
struct request_want {
	enum ktls_answer	answer;
	int			error;
	bool			open;
	unsigned int		cancels;
	bool			dead;
};

/* The first end counts. Return: what the kernel acknowledges DONE with. */
static int request_predict(struct request_want *want, enum request_stage stage,
			   enum request_event event)
{
	const bool sent = stage != STAGE_WAITING;
	const bool open = want->open;

	switch (event) {
	case EVENT_DONE:
		if (!open)
			return -ENOENT;
		if (!sent)
			return -EPERM;
		want->open = false;
		want->answer = KTLS_ANSWER_DONE;
		want->error = ECONNREFUSED;
		return 0;
	case EVENT_CANCEL:
		want->open = false;
		want->cancels += open && sent && !want->dead;
		return 0;
	default:
		want->dead = true;
		if (open && sent) {
			want->open = false;
			want->answer = KTLS_ANSWER_LOST;
		}
		return 0;
	}
}

static void request_order_test(struct kunit *test)
{
	const struct request_order *order = test->param_value;
	struct request_asker *asker = asker_new(test, 0), *other = asker_new(test, 1);
	struct ktls_kunit_helper *helper = ktls_kunit_helper(test, 1);
	struct request_want want = { .open = true };
	unsigned int i, before;
	int err, kicks;
	u64 id;

	request_reach(test, helper, order->stage, asker, other);
	id = asker->req->id;
	kicks = atomic_read(&asker->kicks);
	before = asker->answers[KTLS_ANSWER_DATA];
	for (i = 0; i < EVENTS; i++) {
		if (order->event[i] == EVENT_DONE && want.dead)
			continue;
		ktls_kunit_helper_wait_for(helper, KTLS_CMD_CANCEL);
		err = request_predict(&want, order->stage, order->event[i]);
		if (order->event[i] == EVENT_DONE)
			KUNIT_EXPECT_EQ(test, ktls_kunit_helper_done(helper, id, ECONNREFUSED),
					err);
		else if (order->event[i] == EVENT_CANCEL)
			ktls_request_cancel(asker->req);
		else
			ktls_kunit_helper_die(helper);
		ktls_kunit_helper_wait_for(helper, KTLS_CMD_CANCEL);
	}

	asker_take(asker);
	KUNIT_EXPECT_EQ(test, asker->answers[KTLS_ANSWER_DONE], want.answer == KTLS_ANSWER_DONE);
	KUNIT_EXPECT_EQ(test, asker->answers[KTLS_ANSWER_LOST], want.answer == KTLS_ANSWER_LOST);
	KUNIT_EXPECT_EQ(test, asker->answers[KTLS_ANSWER_DATA], before);
	KUNIT_EXPECT_EQ(test, asker->error, want.error);
	KUNIT_EXPECT_EQ(test, atomic_read(&asker->kicks) - kicks, want.answer != KTLS_ANSWER_NONE);
	KUNIT_EXPECT_EQ(test, helper->received[KTLS_CMD_CANCEL], want.cancels);
	KUNIT_EXPECT_EQ(test, atomic_read(&asker->req->outcome) == KTLS_OUTCOME_OPEN, want.open);

	asker_expect_gone(test, asker, helper);
	asker_expect_gone(test, other, helper);
	ktls_kunit_expect_idle(test, !want.dead);
}

/* --- all ends at the same time --- */

/* A thread that ends a request; all start at the same moment. */
struct request_racer {
	struct work_struct		work;
	struct ktls_kunit_helper	*helper;
	struct ktls_request		*req;
	atomic_t			*waiting;
	enum request_event		event;
	u64				id;
};

static void racer_work(struct work_struct *work)
{
	struct request_racer *racer = container_of(work, struct request_racer, work);
	unsigned long end = jiffies + msecs_to_jiffies(KTLS_KUNIT_WAIT_MS);

	atomic_dec(racer->waiting);
	while (atomic_read(racer->waiting) > 0 && time_before(jiffies, end))
		cond_resched();
	udelay(get_random_u32_below(30));
	switch (racer->event) {
	case EVENT_DONE:
		ktls_kunit_helper_done(racer->helper, racer->id, ECONNREFUSED);
		break;
	case EVENT_CANCEL:
		ktls_request_cancel(racer->req);
		break;
	default:
		ktls_dispatch_close_all(ktls_net(&init_net));
	}
}

static void request_race(struct kunit *test, struct request_asker *asker)
{
	struct ktls_kunit_helper *helper = ktls_kunit_helper(test, 4);
	struct request_racer racers[__EVENT_MAX];
	atomic_t waiting = ATOMIC_INIT(ARRAY_SIZE(racers));
	unsigned int i, ends;

	asker_ask(test, asker);
	ktls_kunit_helper_wait_for(helper, KTLS_CMD_START);
	for (i = 0; i < ARRAY_SIZE(racers); i++) {
		racers[i] = (struct request_racer){
			.helper = helper, .req = asker->req, .waiting = &waiting,
			.event = i, .id = helper->id,
		};
		INIT_WORK_ONSTACK(&racers[i].work, racer_work);
		queue_work(system_unbound_wq, &racers[i].work);
	}
	for (i = 0; i < ARRAY_SIZE(racers); i++) {
		flush_work(&racers[i].work);
		destroy_work_on_stack(&racers[i].work);
	}

	memset(asker->answers, 0, sizeof(asker->answers));
	asker_take(asker);
	ends = asker->answers[KTLS_ANSWER_DONE] + asker->answers[KTLS_ANSWER_LOST];
	switch (atomic_read(&asker->req->outcome)) {
	case KTLS_OUTCOME_DONE:
		KUNIT_EXPECT_EQ(test, asker->answers[KTLS_ANSWER_DONE], 1);
		KUNIT_EXPECT_EQ(test, ends, 1);
		break;
	case KTLS_OUTCOME_LOST:
		KUNIT_EXPECT_EQ(test, asker->answers[KTLS_ANSWER_LOST], 1);
		KUNIT_EXPECT_EQ(test, ends, 1);
		break;
	case KTLS_OUTCOME_CANCELLED:
		KUNIT_EXPECT_EQ(test, ends, 0);
		break;
	default:
		KUNIT_FAIL(test, "its outcome is open");
	}
	KUNIT_EXPECT_LE(test, atomic_xchg(&asker->kicks, 0), ends);
	asker_expect_gone(test, asker, helper);
	ktls_kunit_helper_die(helper);
	ktls_kunit_expect_idle(test, 0);
}

static void request_race_test(struct kunit *test)
{
	struct request_asker *asker = asker_new(test, 0);
	unsigned int i;

	for (i = 0; i < REQUEST_ROUNDS; i++)
		request_race(test, asker);
}

/* --- credit and turns --- */

/* With more requests than credit, the next one is sent when another ends. */
static void request_credit_test(struct kunit *test)
{
	struct ktls_kunit_helper *helper = ktls_kunit_helper(test, 2);
	unsigned int i, want;

	for (i = 0; i < REQUEST_ASKERS; i++)
		asker_ask(test, asker_new(test, i));
	KUNIT_EXPECT_EQ(test, ktls_kunit_helper_waits(helper, KTLS_CMD_START, 2), 2);

	for (i = 0; i < REQUEST_ASKERS; i++) {
		KUNIT_EXPECT_EQ(test, ktls_kunit_helper_done(helper, request_askers[i].req->id,
							     ECONNREFUSED), 0);
		want = min_t(unsigned int, i + 3, REQUEST_ASKERS);
		KUNIT_EXPECT_EQ(test, ktls_kunit_helper_waits(helper, KTLS_CMD_START, want), want);
	}
	for (i = 0; i < REQUEST_ASKERS; i++) {
		asker_take(&request_askers[i]);
		KUNIT_EXPECT_EQ(test, request_askers[i].answers[KTLS_ANSWER_DONE], 1);
		KUNIT_EXPECT_EQ(test, request_askers[i].error, ECONNREFUSED);
		KUNIT_EXPECT_EQ(test, atomic_read(&request_askers[i].kicks), 1);
		asker_expect_gone(test, &request_askers[i], helper);
	}
	ktls_kunit_expect_idle(test, 1);
}

/* A request without a helper is sent when one registers, and can be cancelled before. */
static void request_early_test(struct kunit *test)
{
	struct ktls_kunit_helper *helper = ktls_kunit_helper(test, 0);
	struct ktls_net *kn = ktls_net(&init_net);
	unsigned int i;

	for (i = 0; i < 3; i++)
		asker_ask(test, asker_new(test, i));
	KUNIT_EXPECT_EQ(test, kn->queue.waiting, 3);
	KUNIT_EXPECT_FALSE(test, ktls_port_exists(&init_net));
	ktls_request_cancel(request_askers[1].req);
	KUNIT_EXPECT_EQ(test, kn->queue.waiting, 2);

	KUNIT_ASSERT_EQ(test, ktls_kunit_helper_register(helper, 8), 0);

	KUNIT_EXPECT_TRUE(test, ktls_port_exists(&init_net));
	KUNIT_EXPECT_EQ(test, ktls_kunit_helper_wait_for(helper, KTLS_CMD_START), 2);
	KUNIT_EXPECT_EQ(test, kn->queue.waiting, 0);
	KUNIT_EXPECT_EQ(test, ktls_kunit_helper_register(helper, 8), -EALREADY);
	for (i = 0; i < 3; i++)
		asker_expect_gone(test, &request_askers[i], helper);
	KUNIT_EXPECT_EQ(test, ktls_kunit_helper_wait_for(helper, KTLS_CMD_CANCEL), 2);
	ktls_kunit_expect_idle(test, 1);
}

/* A batch of several messages is delivered as one, at the end of the turn. */
static void request_turn_test(struct kunit *test)
{
	struct ktls_kunit_helper *helper = ktls_kunit_helper(test, 4);
	struct request_asker *asker = asker_new(test, 0);
	struct ktls_done *done;
	void *records;
	size_t len;

	asker_ask(test, asker);
	ktls_kunit_helper_wait_for(helper, KTLS_CMD_START);
	KUNIT_EXPECT_EQ(test, ktls_request_data(asker->req, "x", 1, NULL), -EBUSY);
	KUNIT_EXPECT_EQ(test, ktls_request_data(asker->req, "x", 0, NULL), -EMSGSIZE);
	KUNIT_EXPECT_EQ(test, ktls_kunit_helper_data(helper, helper->id, "one ", 4, true), 0);
	KUNIT_EXPECT_EQ(test, ktls_kunit_helper_data(helper, helper->id, "two ", 4, true), 0);
	KUNIT_EXPECT_EQ(test, ktls_request_take(asker->req, &records, &len, &done),
			KTLS_ANSWER_NONE);

	KUNIT_EXPECT_EQ(test, ktls_kunit_helper_data(helper, helper->id, "three", 5, false), 0);

	KUNIT_EXPECT_EQ(test, ktls_request_take(asker->req, &records, &len, &done),
			KTLS_ANSWER_DATA);
	KUNIT_EXPECT_NULL(test, done);
	KUNIT_ASSERT_EQ(test, len, 13);
	KUNIT_EXPECT_MEMEQ(test, records, "one two three", len);
	kvfree(records);
	KUNIT_EXPECT_EQ(test, ktls_request_data(asker->req, "x", 1, NULL), 0);
	KUNIT_EXPECT_EQ(test, ktls_request_data(asker->req, "x", 1, NULL), -EBUSY);
	KUNIT_EXPECT_EQ(test, ktls_kunit_helper_wait_for(helper, KTLS_CMD_DATA), 1);
	flush_work(&asker->ctx->life.work);
	KUNIT_EXPECT_EQ(test, atomic_read(&asker->kicks), 1);

	/* DONE without keys is refused, and the request fails. */
	KUNIT_EXPECT_EQ(test, ktls_kunit_helper_done(helper, helper->id, 0), -EPROTO);
	KUNIT_EXPECT_EQ(test, ktls_request_data(asker->req, "x", 1, NULL), 0);
	asker_take(asker);
	KUNIT_EXPECT_EQ(test, asker->error, EPROTO);
	asker_expect_gone(test, asker, helper);
	ktls_kunit_expect_idle(test, 1);
}

/* A helper can send no more than KTLS_HS_OUT_MAX bytes. */
static void request_flood_test(struct kunit *test)
{
	struct ktls_kunit_helper *helper = ktls_kunit_helper(test, 4);
	struct request_asker *asker = asker_new(test, 0);
	const size_t piece = KTLS_GENL_DATA_MAX;
	unsigned int i;
	char *bytes;

	bytes = kunit_kzalloc(test, piece, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, bytes);
	asker_ask(test, asker);
	ktls_kunit_helper_wait_for(helper, KTLS_CMD_START);

	for (i = 0; i < KTLS_HS_OUT_MAX / piece; i++)
		KUNIT_EXPECT_EQ(test, ktls_kunit_helper_data(helper, helper->id, bytes, piece,
							     true), 0);
	KUNIT_EXPECT_EQ(test, ktls_kunit_helper_data(helper, helper->id, bytes, 1, false), -EPROTO);

	asker_take(asker);
	KUNIT_EXPECT_EQ(test, asker->answers[KTLS_ANSWER_DONE], 1);
	KUNIT_EXPECT_EQ(test, asker->error, EPROTO);
	asker_expect_gone(test, asker, helper);
	ktls_kunit_expect_idle(test, 1);
}

/* Only the helper that has a request may answer it. */
static void request_other_test(struct kunit *test)
{
	struct ktls_kunit_helper *helper = ktls_kunit_helper(test, 1);
	struct ktls_kunit_helper *other = ktls_kunit_helper(test, 0);
	struct request_asker *asker = asker_new(test, 0);

	asker_ask(test, asker);
	ktls_kunit_helper_wait_for(helper, KTLS_CMD_START);

	KUNIT_EXPECT_EQ(test, ktls_kunit_helper_done(other, helper->id, ECONNREFUSED), -EPERM);
	KUNIT_ASSERT_EQ(test, ktls_kunit_helper_register(other, 1), 0);
	KUNIT_EXPECT_EQ(test, ktls_kunit_helper_done(other, helper->id, ECONNREFUSED), -EPERM);
	KUNIT_EXPECT_EQ(test, ktls_kunit_helper_data(other, helper->id, "x", 1, false), -EPERM);
	KUNIT_EXPECT_EQ(test, ktls_kunit_helper_done(other, helper->id + 1, ECONNREFUSED),
			-ENOENT);

	asker_take(asker);
	KUNIT_EXPECT_EQ(test, asker->answers[KTLS_ANSWER_DONE], 0);
	KUNIT_EXPECT_EQ(test, ktls_kunit_helper_done(helper, helper->id, ECONNREFUSED), 0);
	asker_expect_gone(test, asker, helper);
	ktls_kunit_expect_idle(test, 2);
}

static struct kunit_case request_cases[] = {
	KUNIT_CASE_PARAM(request_order_test, request_order_gen_params),
	KUNIT_CASE_SLOW(request_race_test),
	KUNIT_CASE(request_credit_test),
	KUNIT_CASE(request_early_test),
	KUNIT_CASE(request_turn_test),
	KUNIT_CASE(request_flood_test),
	KUNIT_CASE(request_other_test),
	{}
};

static struct kunit_suite request_suite = {
	.name		= "ktls_request",
	.suite_init	= request_suite_init,
	.test_cases	= request_cases,
};

kunit_test_suite(request_suite);
