// SPDX-License-Identifier: GPL-2.0
/*
 * The life of requests to the helper: however their ends come together, there is
 * one completion, and nothing is left.
 *
 * The helper is a netlink socket of ours: what it says goes the way that ktlsd's
 * words go. A time-out is what handshake.c makes of it: a cancellation.
 */
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/random.h>
#include <net/genetlink.h>

#include "common.h"

enum request_sizes {
	REQUEST_BUFFER		= 128 * 1024,	/* one message, and one that quotes it */
	REQUEST_ASKERS		= 8,
	REQUEST_ROUNDS		= 100,		/* of a race */
};

/* --- the helper ----------------------------------------------------------- */

/**
 * struct request_helper - a helper that does nothing by itself
 * @test: whose it is
 * @sock: its netlink socket
 * @file: of @sock; NULL: it has died
 * @seq: of its last message
 * @heard: how many messages of each command it was sent
 * @id: of the last START or CHECK
 * @buffer: for one message
 */
struct request_helper {
	struct kunit	*test;
	struct socket	*sock;
	struct file	*file;
	u32		seq;
	unsigned int	heard[KTLS_CMD_CANCEL + 1];
	u64		id;
	void		*buffer;
};

static void helper_die(void *data)
{
	struct request_helper *helper = data;
	struct file *file = helper->file;

	helper->file = NULL;
	if (file)
		__fput_sync(file);
}

/* One message to the helper. Return: true, and *ret_err, if it answers its own. */
static bool helper_note(struct request_helper *helper, int *ret_err)
{
	const struct nlmsghdr *nlh = helper->buffer;
	const struct genlmsghdr *genl = nlmsg_data(nlh);
	const struct nlattr *id;

	if (nlh->nlmsg_type == NLMSG_ERROR) {
		*ret_err = ((struct nlmsgerr *)nlmsg_data(nlh))->error;
		return nlh->nlmsg_seq == helper->seq;
	}
	if (genl->cmd < ARRAY_SIZE(helper->heard))
		helper->heard[genl->cmd]++;
	id = nlmsg_find_attr(nlh, GENL_HDRLEN, KTLS_A_ID);
	if (id && (genl->cmd == KTLS_CMD_START || genl->cmd == KTLS_CMD_CHECK))
		helper->id = nla_get_u64(id);
	return false;
}

/* Reads what was sent. Return: true if the answer to its last message was there. */
static bool helper_hear(struct request_helper *helper, int *ret_err)
{
	struct kvec vec = { .iov_base = helper->buffer, .iov_len = REQUEST_BUFFER };
	struct msghdr msg = {};

	while (kernel_recvmsg(helper->sock, &msg, &vec, 1, REQUEST_BUFFER, MSG_DONTWAIT) > 0)
		if (helper_note(helper, ret_err))
			return true;
	return false;
}

static unsigned int helper_heard(struct request_helper *helper, u8 cmd)
{
	int err;

	if (helper->file)
		helper_hear(helper, &err);
	return helper->heard[cmd];
}

/* What finds the helper's buffer full goes a little later, by the worker's work. */
static unsigned int helper_waits(struct request_helper *helper, u8 cmd, unsigned int want)
{
	unsigned int i;

	for (i = 0; i < 500 && helper_heard(helper, cmd) < want; i++)
		msleep(10);
	return helper_heard(helper, cmd);
}

static struct sk_buff *helper_message(struct request_helper *helper, u8 cmd)
{
	struct sk_buff *skb = nlmsg_new(REQUEST_BUFFER / 2, GFP_KERNEL);

	if (skb && !genlmsg_put(skb, 0, ++helper->seq, &ktls_netlink_family,
				NLM_F_REQUEST | NLM_F_ACK, cmd)) {
		nlmsg_free(skb);
		return NULL;
	}
	return skb;
}

/* Says it, and waits for what the kernel thinks of it. Any context that sleeps. */
static int helper_say(struct request_helper *helper, struct sk_buff *skb)
{
	struct sockaddr_nl nladdr = { .nl_family = AF_NETLINK };
	struct msghdr msg = { .msg_name = &nladdr, .msg_namelen = sizeof(nladdr) };
	struct kvec vec;
	int ret, err;

	nlmsg_hdr(skb)->nlmsg_len = skb->len;
	vec.iov_base = skb->data;
	vec.iov_len = skb->len;
	ret = kernel_sendmsg(helper->sock, &msg, &vec, 1, skb->len);
	nlmsg_free(skb);
	if (ret < 0)
		return ret;
	return helper_hear(helper, &err) ? err : -ENOMSG;
}

static int helper_say_register(struct request_helper *helper, u32 credit)
{
	struct sk_buff *skb = helper_message(helper, KTLS_CMD_REGISTER);

	if (!skb || nla_put_u32(skb, KTLS_A_PROTOCOL, KTLS_GENL_VERSION) ||
	    nla_put_u32(skb, KTLS_A_CREDIT, credit))
		return -ENOMEM;
	return helper_say(helper, skb);
}

static int helper_say_data(struct request_helper *helper, u64 id, const char *records,
			   size_t len, bool more)
{
	struct sk_buff *skb = helper_message(helper, KTLS_CMD_DATA);

	if (!skb || nla_put(skb, KTLS_A_ID, sizeof(id), &id) ||
	    nla_put(skb, KTLS_A_RECORDS, len, records) ||
	    (more && nla_put_flag(skb, KTLS_A_MORE)))
		return -ENOMEM;
	return helper_say(helper, skb);
}

static int helper_say_done(struct request_helper *helper, u64 id, u32 error)
{
	struct sk_buff *skb = helper_message(helper, KTLS_CMD_DONE);

	if (!skb || nla_put(skb, KTLS_A_ID, sizeof(id), &id) ||
	    nla_put_u32(skb, KTLS_A_ERRNO, error) ||
	    nla_put_string(skb, KTLS_A_SENTENCE, "because"))
		return -ENOMEM;
	return helper_say(helper, skb);
}

/* A helper that has registered; credit 0: not yet. */
static struct request_helper *helper_new(struct kunit *test, u32 credit)
{
	struct sockaddr_nl nladdr = { .nl_family = AF_NETLINK };
	struct request_helper *helper;

	helper = kunit_kzalloc(test, sizeof(*helper), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, helper);
	helper->test = test;
	helper->buffer = kunit_kzalloc(test, REQUEST_BUFFER, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, helper->buffer);
	KUNIT_ASSERT_EQ(test, sock_create_kern(&init_net, AF_NETLINK, SOCK_RAW, NETLINK_GENERIC,
					       &helper->sock), 0);
	/* A worker is a socket of a program: it has a file. */
	helper->file = sock_alloc_file(helper->sock, 0, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, helper->file);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, helper_die, helper), 0);
	KUNIT_ASSERT_EQ(test, kernel_bind(helper->sock, (struct sockaddr_unsized *)&nladdr,
					  sizeof(nladdr)), 0);
	if (credit)
		KUNIT_ASSERT_EQ(test, helper_say_register(helper, credit), 0);
	return helper;
}

/* --- who asks ------------------------------------------------------------- */

/**
 * struct request_asker - a socket with a request
 * @ctx: its context, whose work only counts
 * @req: the request; NULL: put
 * @kicks: how often the work was queued
 * @answers: how often ktls_upcall_take() had each enum ktls_answer for it
 * @error: of the last DONE
 */
struct request_asker {
	struct ktls_ctx		*ctx;
	struct ktls_request	*req;
	atomic_t		kicks;
	unsigned int		answers[KTLS_ANSWER_LOST + 1];
	int			error;
};

/* Found by their work. */
static struct request_asker request_askers[REQUEST_ASKERS];

static void asker_work(struct work_struct *work)
{
	struct ktls_ctx *ctx = container_of(work, struct ktls_ctx, work);
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
		ktls_upcall_put(asker->req);
	asker->req = NULL;
	flush_work(&asker->ctx->work);
}

static struct request_asker *asker_new(struct kunit *test, unsigned int index)
{
	struct request_asker *asker = &request_askers[index];
	struct ktls_ctx *ctx = ktls_kunit_ctx(test, ktls_kunit_socket(test));

	memset(asker, 0, sizeof(*asker));
	asker->ctx = ctx;
	ctx->role = KTLS_ROLE_CLIENT;
	INIT_WORK(&ctx->work, asker_work);
	lock_sock(ctx->sk);
	ktls_config_freeze(ctx);
	release_sock(ctx->sk);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, asker_put, asker), 0);
	return asker;
}

static void asker_ask(struct kunit *test, struct request_asker *asker)
{
	struct ktls_request *req;

	lock_sock(asker->ctx->sk);
	req = ktls_upcall_start(asker->ctx, 60000, NULL, 0);
	release_sock(asker->ctx->sk);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, req);
	asker->req = req;
}

/* Takes all there is to take. */
static void asker_take(struct request_asker *asker)
{
	enum ktls_answer answer;
	struct ktls_done *done;
	void *records;
	size_t len;

	flush_work(&asker->ctx->work);
	do {
		answer = ktls_upcall_take(asker->req, &records, &len, &done);
		asker->answers[answer]++;
		if (done)
			asker->error = done->error;
		ktls_done_free(done);
		kvfree(records);
	} while (answer != KTLS_ANSWER_NONE);
}

/* The request is over: whatever it had is given back. */
static void asker_expect_gone(struct kunit *test, struct request_asker *asker)
{
	asker_put(asker);
	rcu_barrier();
	KUNIT_EXPECT_EQ(test, refcount_read(&asker->ctx->ref), 1);
	KUNIT_EXPECT_EQ(test, refcount_read(&asker->ctx->config->ref), 1);
}

/* All workers' credit is back, and nothing waits. Nobody else is here now: no lock. */
static void request_expect_idle(struct kunit *test, unsigned int workers)
{
	struct ktls_net *kn = ktls_net(&init_net);
	struct ktls_worker *worker;

	KUNIT_EXPECT_EQ(test, kn->waiting, 0);
	KUNIT_EXPECT_EQ(test, kn->worker_count, workers);
	KUNIT_EXPECT_TRUE(test, list_empty(&kn->uids));
	KUNIT_EXPECT_TRUE(test, hash_empty(kn->flows));
	list_for_each_entry(worker, &kn->workers, node) {
		KUNIT_EXPECT_EQ(test, worker->in_flight, 0);
		KUNIT_EXPECT_TRUE(test, list_empty(&worker->requests));
		KUNIT_EXPECT_TRUE(test, list_empty(&worker->stalled));
		KUNIT_EXPECT_TRUE(test, list_empty(&worker->out));
	}
}

/* --- every end in every order, at every stage ----------------------------- */

enum request_event {
	EVENT_DONE,		/* the helper says DONE */
	EVENT_CANCEL,		/* the socket goes away, or its deadline comes */
	EVENT_DIE,		/* the helper goes away */
	__EVENT_MAX
};

enum request_stage {
	STAGE_WAITING,		/* the only worker has no credit */
	STAGE_TOLD,		/* the helper was sent START */
	STAGE_OURS,		/* it has answered, and waits for us */
	STAGE_STALLED,		/* we have answered, but it has no credit */
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
		"waiting", "told", "our turn", "stalled", "helper's turn",
	};
	static const char *const events[] = { "done", "cancelled", "helper dies" };

	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s: %s, %s, %s", stages[order->stage],
		 events[order->event[0]], events[order->event[1]], events[order->event[2]]);
}

KUNIT_ARRAY_PARAM(request_order, request_orders, request_order_desc);

/* With a credit of one: another request uses it up where the stage wants that. */
static void request_reach(struct kunit *test, struct request_helper *helper,
			  enum request_stage stage, struct request_asker *asker,
			  struct request_asker *other)
{
	u64 id;

	if (stage == STAGE_WAITING)
		asker_ask(test, other);
	asker_ask(test, asker);
	helper_heard(helper, KTLS_CMD_START);
	id = helper->id;
	if (stage == STAGE_WAITING || stage == STAGE_TOLD)
		return;
	KUNIT_ASSERT_EQ(test, helper_say_data(helper, id, "x", 1, false), 0);
	asker_take(asker);
	if (stage == STAGE_OURS)
		return;
	if (stage == STAGE_STALLED)
		asker_ask(test, other);
	KUNIT_ASSERT_EQ(test, ktls_upcall_data(asker->req, "y", 1), 0);
	KUNIT_ASSERT_EQ(test, helper_heard(helper, KTLS_CMD_DATA), stage == STAGE_HELPER);
}

/**
 * struct request_want - what has to come of a request
 * @answer: what can be taken, once
 * @error: with KTLS_ANSWER_DONE
 * @open: its fate is open still
 * @cancels: how often the helper is sent CANCEL
 * @dead: the helper is
 */
struct request_want {
	enum ktls_answer	answer;
	int			error;
	bool			open;
	unsigned int		cancels;
	bool			dead;
};

/* The first end counts. Return: what DONE gets. */
static int request_predict(struct request_want *want, enum request_stage stage,
			   enum request_event event)
{
	const bool told = stage != STAGE_WAITING;
	const bool turn = stage == STAGE_TOLD || stage == STAGE_HELPER;
	const bool open = want->open;

	switch (event) {
	case EVENT_DONE:
		if (!open)
			return -ENOENT;
		if (!told)
			return -EPERM;
		want->open = false;
		want->answer = KTLS_ANSWER_DONE;
		want->error = turn ? ECONNREFUSED : EPROTO;
		want->cancels = !turn;
		return turn ? 0 : -EPROTO;
	case EVENT_CANCEL:
		want->open = false;
		want->cancels += open && told && !want->dead;
		return 0;
	default:
		want->dead = true;
		if (open && told) {
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
	struct request_helper *helper = helper_new(test, 1);
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
		helper_heard(helper, KTLS_CMD_CANCEL);
		err = request_predict(&want, order->stage, order->event[i]);
		if (order->event[i] == EVENT_DONE)
			KUNIT_EXPECT_EQ(test, helper_say_done(helper, id, ECONNREFUSED), err);
		else if (order->event[i] == EVENT_CANCEL)
			ktls_upcall_cancel(asker->req);
		else
			helper_die(helper);
		helper_heard(helper, KTLS_CMD_CANCEL);
	}

	asker_take(asker);
	KUNIT_EXPECT_EQ(test, asker->answers[KTLS_ANSWER_DONE], want.answer == KTLS_ANSWER_DONE);
	KUNIT_EXPECT_EQ(test, asker->answers[KTLS_ANSWER_LOST], want.answer == KTLS_ANSWER_LOST);
	KUNIT_EXPECT_EQ(test, asker->answers[KTLS_ANSWER_DATA], before);
	KUNIT_EXPECT_EQ(test, asker->error, want.error);
	KUNIT_EXPECT_EQ(test, atomic_read(&asker->kicks) - kicks, want.answer != KTLS_ANSWER_NONE);
	KUNIT_EXPECT_EQ(test, helper->heard[KTLS_CMD_CANCEL], want.cancels);
	KUNIT_EXPECT_EQ(test, atomic_read(&asker->req->fate) == KTLS_FATE_OPEN, want.open);

	asker_expect_gone(test, asker);
	asker_expect_gone(test, other);
	request_expect_idle(test, !want.dead);
}

/* --- all ends at the same time -------------------------------------------- */

/* One of those who end a request; all wait for the same moment. */
struct request_racer {
	struct work_struct	work;
	struct request_helper	*helper;
	struct ktls_request	*req;
	atomic_t		*waiting;
	enum request_event	event;
	u64			id;
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
		helper_say_done(racer->helper, racer->id, ECONNREFUSED);
		break;
	case EVENT_CANCEL:
		ktls_upcall_cancel(racer->req);
		break;
	default:
		ktls_worker_bury_all(ktls_net(&init_net));
	}
}

static void request_race(struct kunit *test, struct request_asker *asker)
{
	struct request_helper *helper = helper_new(test, 4);
	struct request_racer racers[__EVENT_MAX];
	atomic_t waiting = ATOMIC_INIT(ARRAY_SIZE(racers));
	unsigned int i, ends;

	asker_ask(test, asker);
	helper_heard(helper, KTLS_CMD_START);
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
	switch (atomic_read(&asker->req->fate)) {
	case KTLS_FATE_DONE:
		KUNIT_EXPECT_EQ(test, asker->answers[KTLS_ANSWER_DONE], 1);
		KUNIT_EXPECT_EQ(test, ends, 1);
		break;
	case KTLS_FATE_LOST:
		KUNIT_EXPECT_EQ(test, asker->answers[KTLS_ANSWER_LOST], 1);
		KUNIT_EXPECT_EQ(test, ends, 1);
		break;
	case KTLS_FATE_CANCELLED:
		KUNIT_EXPECT_EQ(test, ends, 0);
		break;
	default:
		KUNIT_FAIL(test, "its fate is open");
	}
	KUNIT_EXPECT_LE(test, atomic_xchg(&asker->kicks, 0), ends);
	asker_expect_gone(test, asker);
	helper_die(helper);
	request_expect_idle(test, 0);
}

static void request_race_test(struct kunit *test)
{
	struct request_asker *asker = asker_new(test, 0);
	unsigned int i;

	for (i = 0; i < REQUEST_ROUNDS; i++)
		request_race(test, asker);
}

/* --- credit and turns ----------------------------------------------------- */

/* More requests than credit: as one ends, another is handed out. */
static void request_credit_test(struct kunit *test)
{
	struct request_helper *helper = helper_new(test, 2);
	unsigned int i, want;

	for (i = 0; i < REQUEST_ASKERS; i++)
		asker_ask(test, asker_new(test, i));
	KUNIT_EXPECT_EQ(test, helper_waits(helper, KTLS_CMD_START, 2), 2);

	for (i = 0; i < REQUEST_ASKERS; i++) {
		KUNIT_EXPECT_EQ(test, helper_say_done(helper, request_askers[i].req->id,
						      ECONNREFUSED), 0);
		want = min_t(unsigned int, i + 3, REQUEST_ASKERS);
		KUNIT_EXPECT_EQ(test, helper_waits(helper, KTLS_CMD_START, want), want);
	}
	for (i = 0; i < REQUEST_ASKERS; i++) {
		asker_take(&request_askers[i]);
		KUNIT_EXPECT_EQ(test, request_askers[i].answers[KTLS_ANSWER_DONE], 1);
		KUNIT_EXPECT_EQ(test, request_askers[i].error, ECONNREFUSED);
		KUNIT_EXPECT_EQ(test, atomic_read(&request_askers[i].kicks), 1);
		asker_expect_gone(test, &request_askers[i]);
	}
	request_expect_idle(test, 1);
}

/* Who asks while no helper is there, is heard when one comes, or can go. */
static void request_early_test(struct kunit *test)
{
	struct request_helper *helper = helper_new(test, 0);
	struct ktls_net *kn = ktls_net(&init_net);
	unsigned int i;

	for (i = 0; i < 3; i++)
		asker_ask(test, asker_new(test, i));
	KUNIT_EXPECT_EQ(test, kn->waiting, 3);
	KUNIT_EXPECT_FALSE(test, ktls_upcall_served(&init_net));
	ktls_upcall_cancel(request_askers[1].req);
	KUNIT_EXPECT_EQ(test, kn->waiting, 2);

	KUNIT_ASSERT_EQ(test, helper_say_register(helper, 8), 0);

	KUNIT_EXPECT_TRUE(test, ktls_upcall_served(&init_net));
	KUNIT_EXPECT_EQ(test, helper_heard(helper, KTLS_CMD_START), 2);
	KUNIT_EXPECT_EQ(test, kn->waiting, 0);
	KUNIT_EXPECT_EQ(test, helper_say_register(helper, 8), -EALREADY);
	for (i = 0; i < 3; i++)
		asker_expect_gone(test, &request_askers[i]);
	KUNIT_EXPECT_EQ(test, helper_heard(helper, KTLS_CMD_CANCEL), 2);
	request_expect_idle(test, 1);
}

/* What the helper says in pieces is told as one, and when its turn is over. */
static void request_turn_test(struct kunit *test)
{
	struct request_helper *helper = helper_new(test, 4);
	struct request_asker *asker = asker_new(test, 0);
	struct ktls_done *done;
	void *records;
	size_t len;

	asker_ask(test, asker);
	helper_heard(helper, KTLS_CMD_START);
	KUNIT_EXPECT_EQ(test, ktls_upcall_data(asker->req, "x", 1), -EBUSY);
	KUNIT_EXPECT_EQ(test, ktls_upcall_data(asker->req, "x", 0), -EMSGSIZE);
	KUNIT_EXPECT_EQ(test, helper_say_data(helper, helper->id, "one ", 4, true), 0);
	KUNIT_EXPECT_EQ(test, helper_say_data(helper, helper->id, "two ", 4, true), 0);
	KUNIT_EXPECT_EQ(test, ktls_upcall_take(asker->req, &records, &len, &done),
			KTLS_ANSWER_NONE);

	KUNIT_EXPECT_EQ(test, helper_say_data(helper, helper->id, "three", 5, false), 0);

	KUNIT_EXPECT_EQ(test, ktls_upcall_take(asker->req, &records, &len, &done),
			KTLS_ANSWER_DATA);
	KUNIT_EXPECT_NULL(test, done);
	KUNIT_ASSERT_EQ(test, len, 13);
	KUNIT_EXPECT_MEMEQ(test, records, "one two three", len);
	kvfree(records);
	KUNIT_EXPECT_EQ(test, ktls_upcall_data(asker->req, "x", 1), 0);
	KUNIT_EXPECT_EQ(test, ktls_upcall_data(asker->req, "x", 1), -EBUSY);
	KUNIT_EXPECT_EQ(test, helper_heard(helper, KTLS_CMD_DATA), 1);
	flush_work(&asker->ctx->work);
	KUNIT_EXPECT_EQ(test, atomic_read(&asker->kicks), 1);

	/* Keys are missing: that is no success, and the end. */
	KUNIT_EXPECT_EQ(test, helper_say_done(helper, helper->id, 0), -EPROTO);
	KUNIT_EXPECT_EQ(test, ktls_upcall_data(asker->req, "x", 1), 0);
	asker_take(asker);
	KUNIT_EXPECT_EQ(test, asker->error, EPROTO);
	asker_expect_gone(test, asker);
	request_expect_idle(test, 1);
}

/* A helper that floods is stopped at the bound. */
static void request_flood_test(struct kunit *test)
{
	struct request_helper *helper = helper_new(test, 4);
	struct request_asker *asker = asker_new(test, 0);
	const size_t piece = KTLS_GENL_DATA_MAX;
	unsigned int i;
	char *bytes;

	bytes = kunit_kzalloc(test, piece, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, bytes);
	asker_ask(test, asker);
	helper_heard(helper, KTLS_CMD_START);

	for (i = 0; i < KTLS_HS_OUT_MAX / piece; i++)
		KUNIT_EXPECT_EQ(test, helper_say_data(helper, helper->id, bytes, piece, true), 0);
	KUNIT_EXPECT_EQ(test, helper_say_data(helper, helper->id, bytes, 1, false), -EPROTO);

	asker_take(asker);
	KUNIT_EXPECT_EQ(test, asker->answers[KTLS_ANSWER_DONE], 1);
	KUNIT_EXPECT_EQ(test, asker->error, EPROTO);
	asker_expect_gone(test, asker);
	request_expect_idle(test, 1);
}

/* Only who was given a request may speak about it. */
static void request_stranger_test(struct kunit *test)
{
	struct request_helper *helper = helper_new(test, 1), *stranger = helper_new(test, 0);
	struct request_asker *asker = asker_new(test, 0);

	asker_ask(test, asker);
	helper_heard(helper, KTLS_CMD_START);

	KUNIT_EXPECT_EQ(test, helper_say_done(stranger, helper->id, ECONNREFUSED), -EPERM);
	KUNIT_ASSERT_EQ(test, helper_say_register(stranger, 1), 0);
	KUNIT_EXPECT_EQ(test, helper_say_done(stranger, helper->id, ECONNREFUSED), -EPERM);
	KUNIT_EXPECT_EQ(test, helper_say_data(stranger, helper->id, "x", 1, false), -EPERM);
	KUNIT_EXPECT_EQ(test, helper_say_done(stranger, helper->id + 1, ECONNREFUSED), -ENOENT);

	asker_take(asker);
	KUNIT_EXPECT_EQ(test, asker->answers[KTLS_ANSWER_DONE], 0);
	KUNIT_EXPECT_EQ(test, helper_say_done(helper, helper->id, ECONNREFUSED), 0);
	asker_expect_gone(test, asker);
	request_expect_idle(test, 2);
}

/* --- CHECK ---------------------------------------------------------------- */

enum request_reply {
	REPLY_NONE,
	REPLY_GOOD,
	REPLY_BAD,
	REPLY_DATA,
	REPLY_DIE,
};

static const struct request_check {
	const char		*desc;
	enum request_reply	reply;
	u32			timeout_ms;
	int			err;
	const char		*sentence;
} request_checks[] = {
	{ "fit", REPLY_GOOD, KTLS_KUNIT_WAIT_MS, 0, "" },
	{ "not fit", REPLY_BAD, KTLS_KUNIT_WAIT_MS, -ENOKEY, "because" },
	{ "answered by DATA", REPLY_DATA, KTLS_KUNIT_WAIT_MS, -EPROTO, "contract" },
	{ "the helper dies", REPLY_DIE, KTLS_KUNIT_WAIT_MS, -EHOSTDOWN, "went away" },
	{ "no answer", REPLY_NONE, 100, -ETIMEDOUT, "did not answer" },
};

static void request_check_desc(const struct request_check *check, char *desc)
{
	strscpy(desc, check->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(request_check, request_checks, request_check_desc);

/* Somebody who waits for a CHECK. */
struct request_checker {
	struct work_struct	work;
	struct ktls_config	*config;
	u32			timeout_ms;
	int			err;
	char			sentence[KTLS_SENTENCE_MAX];
};

static void checker_work(struct work_struct *work)
{
	struct request_checker *checker = container_of(work, struct request_checker, work);

	checker->err = ktls_upcall_check(&init_net, checker->config, checker->timeout_ms,
					 checker->sentence);
}

static void request_reply(struct kunit *test, struct request_helper *helper,
			  enum request_reply reply)
{
	switch (reply) {
	case REPLY_GOOD:
		/* Sentences are for failures; nobody reads this one. */
		KUNIT_EXPECT_EQ(test, helper_say_done(helper, helper->id, 0), 0);
		break;
	case REPLY_BAD:
		KUNIT_EXPECT_EQ(test, helper_say_done(helper, helper->id, ENOKEY), 0);
		break;
	case REPLY_DATA:
		KUNIT_EXPECT_EQ(test, helper_say_data(helper, helper->id, "x", 1, false),
				-EPROTO);
		break;
	case REPLY_DIE:
		helper_die(helper);
		break;
	default:
		break;
	}
}

static void request_check_test(struct kunit *test)
{
	const struct request_check *param = test->param_value;
	unsigned long end = jiffies + msecs_to_jiffies(KTLS_KUNIT_WAIT_MS);
	struct request_asker *asker = asker_new(test, 0);
	struct request_helper *helper = helper_new(test, 1);
	struct request_checker *checker;

	checker = kunit_kzalloc(test, sizeof(*checker), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, checker);
	checker->config = asker->ctx->config;
	checker->timeout_ms = param->timeout_ms;
	INIT_WORK(&checker->work, checker_work);

	queue_work(system_unbound_wq, &checker->work);
	while (!helper_heard(helper, KTLS_CMD_CHECK) && time_before(jiffies, end))
		usleep_range(100, 200);
	request_reply(test, helper, param->reply);
	flush_work(&checker->work);

	KUNIT_EXPECT_EQ(test, checker->err, param->err);
	KUNIT_EXPECT_NOT_NULL(test, strstr(checker->sentence, param->sentence));
	if (param->reply == REPLY_NONE) {
		KUNIT_EXPECT_EQ(test, helper_heard(helper, KTLS_CMD_CANCEL), 1);
		KUNIT_EXPECT_EQ_MSG(test, helper_say_done(helper, helper->id, 0), -ENOENT,
				    "a late answer");
	}
	asker_expect_gone(test, asker);
	request_expect_idle(test, param->reply != REPLY_DIE);
}

static void request_check_unserved_test(struct kunit *test)
{
	struct request_asker *asker = asker_new(test, 0);
	char sentence[KTLS_SENTENCE_MAX];

	KUNIT_EXPECT_EQ(test, ktls_upcall_check(&init_net, asker->ctx->config, 1000, sentence),
			-ESRCH);
	KUNIT_EXPECT_NOT_NULL(test, strstr(sentence, "ktlsd"));
	asker_expect_gone(test, asker);
}

static struct kunit_case request_cases[] = {
	KUNIT_CASE_PARAM(request_order_test, request_order_gen_params),
	KUNIT_CASE_SLOW(request_race_test),
	KUNIT_CASE(request_credit_test),
	KUNIT_CASE(request_early_test),
	KUNIT_CASE(request_turn_test),
	KUNIT_CASE(request_flood_test),
	KUNIT_CASE(request_stranger_test),
	KUNIT_CASE_PARAM(request_check_test, request_check_gen_params),
	KUNIT_CASE(request_check_unserved_test),
	{}
};

static struct kunit_suite request_suite = {
	.name		= "ktls_request",
	.suite_init	= request_suite_init,
	.test_cases	= request_cases,
};
kunit_test_suite(request_suite);
