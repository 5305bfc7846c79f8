// SPDX-License-Identifier: GPL-2.0
/* Received KeyUpdates (RFC 8446 4.6.3): cut, joined, too short, too long, too many. The keys
 * that follow are compared with the known answers of keysched_kunit.c; a KeyUpdate that is
 * refused changes no key.
 */
#include <linux/workqueue.h>
#include <uapi/linux/ktls.h>

#include "suite.h"
#include "wire.h"
#include "record/control.h"
#include "record/key_update.h"
#include "record/keysched.h"
#include "socket/ctx.h"

#include "common.h"

#define SUITE_13	0x1301
#define SUITE_13_384	0x1302
#define SUITE_12	0xc02f

#define UPDATE		"\x18\0\0\1\0"
#define UPDATE_ASKED	"\x18\0\0\1\1"
#define UPDATE_LEN	5
#define TICKET		"\4\0\0\x13" "\0\0\x0e\x10" "abcd" "\2nn" "\0\3ttt" "\0\1x"
#define TICKET_LEN	(sizeof(TICKET) - 1)

static struct ktls_ctx *key_update_ctx(struct kunit *test, u16 suite, u8 role)
{
	struct ktls_ctx *ctx = ktls_kunit_conn(test)->ctx;

	ctx->rl.role = role;
	ktls_kunit_open(test, ctx, suite);
	ctx->rl.flow->rx.seq = 7;
	return ctx;
}

static int key_update_record(struct ktls_ctx *ctx, const void *data, size_t len)
{
	int ret;

	lock_sock(ctx->rl.sk);
	ret = ktls_control_record(&ctx->rl, KTLS_CT_HANDSHAKE, data, len);
	release_sock(ctx->rl.sk);
	return ret;
}

/* The reader's keys are @times generations from what ktls_kunit_open() installed. */
static void key_update_expect(struct kunit *test, struct ktls_ctx *ctx, unsigned int times)
{
	u8 secret[KTLS_SECRET_MAX] = { 1, 2, 3 }, next[KTLS_SECRET_MAX];
	u8 key[KTLS_KEY_MAX], iv[KTLS_NONCE_SIZE];
	const struct ktls_suite *suite = ctx->rl.flow->rx.suite;
	unsigned int i;

	for (i = 0; i < times; i++) {
		KUNIT_ASSERT_EQ(test, ktls_keysched_update(suite, secret, next), 0);
		memcpy(secret, next, sizeof(secret));
	}
	KUNIT_ASSERT_EQ(test, ktls_keysched_traffic(suite, secret, key, iv), 0);

	KUNIT_EXPECT_EQ(test, ctx->state, KTLS_STATE_OPEN);
	KUNIT_EXPECT_EQ(test, ctx->rl.flow->rx.key_updates, times);
	KUNIT_EXPECT_EQ(test, ctx->rl.flow->rx.seq, times ? 0 : 7);
	KUNIT_EXPECT_MEMEQ(test, ctx->rl.flow->rx.keys->secret, secret, suite->hash_size);
	KUNIT_EXPECT_MEMEQ(test, ctx->rl.flow->rx.keys->iv, iv, sizeof(iv));
}

static void key_update_expect_refused(struct kunit *test, struct ktls_ctx *ctx, int ret, u8 alert)
{
	KUNIT_EXPECT_EQ(test, ret, -EPROTO);
	KUNIT_EXPECT_EQ(test, ctx->state, KTLS_STATE_FAILED);
	KUNIT_EXPECT_EQ(test, ctx->rl.alert_sent, alert);
	KUNIT_EXPECT_EQ(test, ctx->rl.rx.error, EPROTO);
	KUNIT_EXPECT_EQ(test, ctx->rl.flow->rx.key_updates, 0);
	KUNIT_EXPECT_FALSE(test, ktls_kunit_pending(ctx));
}

/* What is received, and the alert with which it is refused, if it is. */
struct key_update_param {
	const char	*desc;
	u16		suite;
	u8		role;
	const char	*data;
	size_t		len;
	u8		alert;
};

static void key_update_desc(const struct key_update_param *param, char *desc)
{
	strscpy(desc, param->desc, KUNIT_PARAM_DESC_SIZE);
}

/* --- KeyUpdate, in one piece and in several --- */

static const struct key_update_param key_update_wholes[] = {
	{ "to a client", SUITE_13, KTLS_ROLE_CLIENT, UPDATE, UPDATE_LEN },
	{ "to a server", SUITE_13, KTLS_ROLE_SERVER, UPDATE, UPDATE_LEN },
	{ "with SHA-384", SUITE_13_384, KTLS_ROLE_CLIENT, UPDATE, UPDATE_LEN },
	{ "behind a ticket", SUITE_13, KTLS_ROLE_CLIENT, TICKET UPDATE,
	  TICKET_LEN + UPDATE_LEN },
	{ "behind two tickets", SUITE_13, KTLS_ROLE_CLIENT, TICKET TICKET UPDATE,
	  2 * TICKET_LEN + UPDATE_LEN },
};

KUNIT_ARRAY_PARAM(key_update_whole, key_update_wholes, key_update_desc);

static void key_update_whole_test(struct kunit *test)
{
	const struct key_update_param *param = test->param_value;
	struct ktls_ctx *ctx = key_update_ctx(test, param->suite, param->role);

	KUNIT_EXPECT_EQ(test, key_update_record(ctx, param->data, param->len), 0);

	key_update_expect(test, ctx, 1);
	KUNIT_EXPECT_EQ(test, ctx->rl.flow->key_update, KTLS_KEY_UPDATE_NONE);
}

/* Cut at every byte: the old keys stay in use until the last one has arrived. */
static void key_update_cut_test(struct kunit *test)
{
	const struct key_update_param *param = test->param_value;
	struct ktls_ctx *ctx;
	size_t cut;

	for (cut = 1; cut < param->len; cut++) {
		ctx = key_update_ctx(test, param->suite, param->role);
		KUNIT_EXPECT_EQ_MSG(test, key_update_record(ctx, param->data, cut), 0,
				    "cut at %zu", cut);
		key_update_expect(test, ctx, 0);
		KUNIT_EXPECT_EQ(test, key_update_record(ctx, param->data + cut,
							param->len - cut), 0);
		key_update_expect(test, ctx, 1);
		KUNIT_EXPECT_FALSE(test, ktls_kunit_pending(ctx));
	}
}

static void key_update_bytes_test(struct kunit *test)
{
	const struct key_update_param *param = test->param_value;
	struct ktls_ctx *ctx = key_update_ctx(test, param->suite, param->role);
	size_t i;

	for (i = 0; i < param->len; i++) {
		key_update_expect(test, ctx, 0);
		KUNIT_EXPECT_EQ(test, key_update_record(ctx, param->data + i, 1), 0);
	}
	key_update_expect(test, ctx, 1);
}

/* Several requests before we send get one answer. */
static void key_update_asked_test(struct kunit *test)
{
	struct ktls_ctx *ctx = key_update_ctx(test, SUITE_13, KTLS_ROLE_CLIENT);
	unsigned int i;

	lock_sock(ctx->rl.sk);	/* keeps the work from answering */
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, ktls_control_record(&ctx->rl, KTLS_CT_HANDSHAKE, UPDATE_ASKED,
							  UPDATE_LEN), 0);
		KUNIT_EXPECT_EQ(test, ctx->rl.flow->key_update, KTLS_KEY_UPDATE_DUE);
		KUNIT_EXPECT_EQ(test, ctx->rl.flow->tx.key_updates, 0);
	}
	key_update_expect(test, ctx, 3);
	clear_bit(KTLS_F_AGAIN, &ctx->flags);
	release_sock(ctx->rl.sk);

	ktls_ctx_kick(ctx);
	flush_work(&ctx->life.work);

	KUNIT_EXPECT_EQ(test, ctx->rl.flow->key_update, KTLS_KEY_UPDATE_NONE);
	KUNIT_EXPECT_EQ(test, ctx->rl.flow->tx.key_updates, 1);
	KUNIT_EXPECT_EQ(test, ctx->rl.flow->tx.seq, 0);
}

/* --- refused --- */

static const struct key_update_param key_update_refusals[] = {
	{ "without a body", SUITE_13, KTLS_ROLE_CLIENT, "\x18\0\0\0", 4,
	  KTLS_ALERT_DECODE_ERROR },
	{ "with a byte too many", SUITE_13, KTLS_ROLE_SERVER, "\x18\0\0\2\0\0", 6,
	  KTLS_ALERT_DECODE_ERROR },
	{ "with a body of 2^8", SUITE_13, KTLS_ROLE_SERVER, "\x18\0\1\0", 4,
	  KTLS_ALERT_DECODE_ERROR },
	{ "with a body of 2^14 + 1", SUITE_13, KTLS_ROLE_SERVER, "\x18\0\x40\1", 4,
	  KTLS_ALERT_DECODE_ERROR },
	{ "with a body of 2^24 - 1", SUITE_13, KTLS_ROLE_SERVER, "\x18\xff\xff\xff", 4,
	  KTLS_ALERT_DECODE_ERROR },
	{ "that asks for 2", SUITE_13, KTLS_ROLE_CLIENT, "\x18\0\0\1\2", 5,
	  KTLS_ALERT_ILLEGAL_PARAMETER },
	{ "that asks for 255", SUITE_13, KTLS_ROLE_SERVER, "\x18\0\0\1\xff", 5,
	  KTLS_ALERT_ILLEGAL_PARAMETER },
	{ "and a byte", SUITE_13, KTLS_ROLE_CLIENT, UPDATE "\4", 6,
	  KTLS_ALERT_UNEXPECTED_MESSAGE },
	{ "and another", SUITE_13, KTLS_ROLE_SERVER, UPDATE UPDATE, 2 * UPDATE_LEN,
	  KTLS_ALERT_UNEXPECTED_MESSAGE },
	{ "and a ticket", SUITE_13, KTLS_ROLE_CLIENT, UPDATE TICKET, UPDATE_LEN + TICKET_LEN,
	  KTLS_ALERT_UNEXPECTED_MESSAGE },
	{ "in 1.2, to a client", SUITE_12, KTLS_ROLE_CLIENT, UPDATE, UPDATE_LEN,
	  KTLS_ALERT_UNEXPECTED_MESSAGE },
	{ "in 1.2, to a server", SUITE_12, KTLS_ROLE_SERVER, UPDATE, UPDATE_LEN,
	  KTLS_ALERT_UNEXPECTED_MESSAGE },
};

KUNIT_ARRAY_PARAM(key_update_refusal, key_update_refusals, key_update_desc);

static void key_update_refusal_test(struct kunit *test)
{
	const struct key_update_param *param = test->param_value;
	struct ktls_ctx *ctx = key_update_ctx(test, param->suite, param->role);
	u8 *data = kunit_kzalloc(test, param->len, GFP_KERNEL);
	int ret;

	/* A copy, so that KASAN sees who looks behind it. */
	KUNIT_ASSERT_NOT_NULL(test, data);
	memcpy(data, param->data, param->len);
	ret = key_update_record(ctx, data, param->len);
	if (!ret && ktls_kunit_pending(ctx)) {
		/* a message of 2^8 bytes is refused only when it is complete */
		u8 rest[256] = {};

		ret = key_update_record(ctx, rest, sizeof(rest));
	}
	key_update_expect_refused(test, ctx, ret, param->alert);
}

/* The same in two records, cut at every byte: refused at the latest with the last byte. If
 * something follows the message in its record, only cuts within the message are tried.
 */
static void key_update_refusal_cut_test(struct kunit *test)
{
	const struct key_update_param *param = test->param_value;
	size_t cut, end = min_t(size_t, param->len, UPDATE_LEN);
	struct ktls_ctx *ctx;
	int ret;

	for (cut = 1; cut < end; cut++) {
		u8 rest[256] = {};

		ctx = key_update_ctx(test, param->suite, param->role);
		ret = key_update_record(ctx, param->data, cut);
		if (!ret)
			ret = key_update_record(ctx, param->data + cut, param->len - cut);
		if (!ret)
			ret = key_update_record(ctx, rest, sizeof(rest));
		kunit_info(test, "cut at %zu\n", cut);
		key_update_expect_refused(test, ctx, ret, param->alert);
	}
}

/* KTLS_KEY_UPDATES_MAX KeyUpdates in a row are accepted, and no more. */
static void key_update_flood_test(struct kunit *test)
{
	struct ktls_ctx *ctx = key_update_ctx(test, SUITE_13, KTLS_ROLE_SERVER);
	unsigned int i;

	for (i = 1; i <= KTLS_KEY_UPDATES_MAX; i++)
		KUNIT_EXPECT_EQ(test, key_update_record(ctx, UPDATE, UPDATE_LEN), 0);
	key_update_expect(test, ctx, KTLS_KEY_UPDATES_MAX);

	KUNIT_EXPECT_EQ(test, key_update_record(ctx, UPDATE, UPDATE_LEN), -EPROTO);
	KUNIT_EXPECT_EQ(test, ctx->rl.alert_sent, KTLS_ALERT_UNEXPECTED_MESSAGE);
	KUNIT_EXPECT_EQ(test, ctx->rl.flow->rx.key_updates, KTLS_KEY_UPDATES_MAX);
}

static struct kunit_case key_update_cases[] = {
	KUNIT_CASE_PARAM(key_update_whole_test, key_update_whole_gen_params),
	KUNIT_CASE_PARAM(key_update_cut_test, key_update_whole_gen_params),
	KUNIT_CASE_PARAM(key_update_bytes_test, key_update_whole_gen_params),
	KUNIT_CASE(key_update_asked_test),
	KUNIT_CASE_PARAM(key_update_refusal_test, key_update_refusal_gen_params),
	KUNIT_CASE_PARAM(key_update_refusal_cut_test, key_update_refusal_gen_params),
	KUNIT_CASE(key_update_flood_test),
	{}
};

static struct kunit_suite key_update_suite = {
	.name		= "ktls_key_update",
	.test_cases	= key_update_cases,
};

kunit_test_suite(key_update_suite);
