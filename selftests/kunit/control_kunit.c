// SPDX-License-Identifier: GPL-2.0
/* Alerts and post-handshake messages: cut, joined, too long, or not allowed. KeyUpdate is in
 * key_update_kunit.c.
 */
#include <linux/unaligned.h>
#include <uapi/linux/ktls.h>

#include "wire.h"
#include "record/alert.h"
#include "record/control.h"
#include "socket/ctx.h"

#include "common.h"

#define SUITE_13	0x1301
#define SUITE_12	0xc02f

#define TICKET_HEAD	"\4\0\0\x13"
/* RFC 8446 4.6.1: lifetime, age_add, a nonce of 2, a ticket of 3, no extensions */
#define TICKET_BODY	"\0\0\x0e\x10" "abcd" "\2nn" "\0\3ttt" "\0\1x"
#define TICKET		TICKET_HEAD TICKET_BODY
#define TICKET_LEN	(sizeof(TICKET) - 1)
#define TICKET_BODY_LEN	(sizeof(TICKET_BODY) - 1)

static int control_record(struct ktls_ctx *ctx, u8 type, const void *data, size_t len)
{
	int ret;

	lock_sock(ctx->rl.sk);
	ret = ktls_control_record(&ctx->rl, type, data, len);
	release_sock(ctx->rl.sk);
	return ret;
}

static struct ktls_ctx *control_ctx(struct kunit *test, u16 suite, u8 role)
{
	struct ktls_ctx *ctx = ktls_kunit_conn(test)->ctx;

	ctx->rl.role = role;
	ktls_kunit_open(test, ctx, suite);
	return ctx;
}

static void control_expect_refused(struct kunit *test, struct ktls_ctx *ctx, int ret, u8 alert)
{
	KUNIT_EXPECT_EQ(test, ret, -EPROTO);
	KUNIT_EXPECT_EQ(test, ctx->state, KTLS_STATE_FAILED);
	KUNIT_EXPECT_EQ(test, ctx->rl.alert_sent, alert);
	KUNIT_EXPECT_EQ(test, ctx->rl.rx.error, EPROTO);
}

static void control_expect_fine(struct kunit *test, struct ktls_ctx *ctx, int ret)
{
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, ctx->state, KTLS_STATE_OPEN);
	KUNIT_EXPECT_EQ(test, ctx->rl.alert_sent, KTLS_ALERT_NONE);
	KUNIT_EXPECT_FALSE(test, ktls_kunit_pending(ctx));
}

/* --- tickets, cut and joined --- */

static void control_ticket_test(struct kunit *test)
{
	struct ktls_ctx *ctx = control_ctx(test, SUITE_13, KTLS_ROLE_CLIENT);

	control_expect_fine(test, ctx, control_record(ctx, KTLS_CT_HANDSHAKE, TICKET,
						      TICKET_LEN));
}

/* The length in the message header is right, but the body is too short for its fields. */
static void control_ticket_truncated_test(struct kunit *test)
{
	struct ktls_ctx *ctx;
	u8 message[TICKET_LEN];
	size_t len;

	for (len = 0; len < TICKET_BODY_LEN; len++) {
		ctx = control_ctx(test, SUITE_13, KTLS_ROLE_CLIENT);
		memcpy(message, TICKET, sizeof(message));
		put_unaligned_be24(len, message + 1);
		kunit_info(test, "a body of %zu bytes\n", len);
		control_expect_refused(test, ctx, control_record(ctx, KTLS_CT_HANDSHAKE,
								 message, 4 + len),
				       KTLS_ALERT_DECODE_ERROR);
	}
}

/* One message in two records. */
static void control_ticket_cut_test(struct kunit *test)
{
	struct ktls_ctx *ctx = control_ctx(test, SUITE_13, KTLS_ROLE_CLIENT);
	size_t cut;

	for (cut = 1; cut < TICKET_LEN; cut++) {
		KUNIT_EXPECT_EQ(test, control_record(ctx, KTLS_CT_HANDSHAKE, TICKET, cut), 0);
		KUNIT_EXPECT_TRUE_MSG(test, ktls_kunit_pending(ctx), "cut at %zu", cut);
		control_expect_fine(test, ctx, control_record(ctx, KTLS_CT_HANDSHAKE,
							      &TICKET[cut], TICKET_LEN - cut));
	}
}

/* Three messages, each byte in a record of its own. */
static void control_ticket_bytes_test(struct kunit *test)
{
	struct ktls_ctx *ctx = control_ctx(test, SUITE_13, KTLS_ROLE_CLIENT);
	const char *messages = TICKET TICKET TICKET;
	size_t i;

	for (i = 0; i < 3 * TICKET_LEN; i++) {
		KUNIT_EXPECT_EQ(test, control_record(ctx, KTLS_CT_HANDSHAKE, messages + i, 1), 0);
		KUNIT_EXPECT_EQ(test, ktls_kunit_pending(ctx), (i + 1) % TICKET_LEN != 0);
	}
	KUNIT_EXPECT_EQ(test, ctx->state, KTLS_STATE_OPEN);
}

/* Three messages in two records, cut at every byte. */
static void control_ticket_joined_test(struct kunit *test)
{
	struct ktls_ctx *ctx = control_ctx(test, SUITE_13, KTLS_ROLE_CLIENT);
	const char *messages = TICKET TICKET TICKET;
	const size_t total = 3 * TICKET_LEN;
	size_t cut;

	control_expect_fine(test, ctx, control_record(ctx, KTLS_CT_HANDSHAKE, messages, total));
	for (cut = 1; cut < total; cut++) {
		KUNIT_EXPECT_EQ(test, control_record(ctx, KTLS_CT_HANDSHAKE, messages, cut), 0);
		KUNIT_EXPECT_EQ_MSG(test, ktls_kunit_pending(ctx), cut % TICKET_LEN != 0,
				    "cut at %zu", cut);
		control_expect_fine(test, ctx, control_record(ctx, KTLS_CT_HANDSHAKE,
							      messages + cut, total - cut));
	}
}

/* --- messages that are refused --- */

static const struct control_refusal {
	const char	*desc;
	u16		suite;
	u8		role;
	u8		type;
	const char	*data;
	size_t		len;
	u8		alert;
} control_refusals[] = {
	{ "an empty fragment", SUITE_13, KTLS_ROLE_CLIENT, KTLS_CT_HANDSHAKE, "", 0,
	  KTLS_ALERT_UNEXPECTED_MESSAGE },
	{ "ChangeCipherSpec in 1.3", SUITE_13, KTLS_ROLE_CLIENT, KTLS_CT_CHANGE_CIPHER_SPEC,
	  "\1", 1, KTLS_ALERT_UNEXPECTED_MESSAGE },
	{ "ChangeCipherSpec in 1.2", SUITE_12, KTLS_ROLE_CLIENT, KTLS_CT_CHANGE_CIPHER_SPEC,
	  "\1", 1, KTLS_ALERT_UNEXPECTED_MESSAGE },
	{ "type 0", SUITE_13, KTLS_ROLE_CLIENT, 0, "a", 1, KTLS_ALERT_UNEXPECTED_MESSAGE },
	{ "a heartbeat", SUITE_13, KTLS_ROLE_CLIENT, 24, "a", 1, KTLS_ALERT_UNEXPECTED_MESSAGE },
	{ "a ticket for a server", SUITE_13, KTLS_ROLE_SERVER, KTLS_CT_HANDSHAKE, TICKET,
	  TICKET_LEN, KTLS_ALERT_UNEXPECTED_MESSAGE },
	{ "a ticket in 1.2", SUITE_12, KTLS_ROLE_CLIENT, KTLS_CT_HANDSHAKE, TICKET, TICKET_LEN,
	  KTLS_ALERT_UNEXPECTED_MESSAGE },
	{ "HelloRequest in 1.3", SUITE_13, KTLS_ROLE_CLIENT, KTLS_CT_HANDSHAKE, "\0\0\0\0", 4,
	  KTLS_ALERT_UNEXPECTED_MESSAGE },
	{ "ClientHello in 1.3", SUITE_13, KTLS_ROLE_SERVER, KTLS_CT_HANDSHAKE, "\1\0\0\1a", 5,
	  KTLS_ALERT_UNEXPECTED_MESSAGE },
	{ "Finished", SUITE_13, KTLS_ROLE_CLIENT, KTLS_CT_HANDSHAKE, "\x14\0\0\1a", 5,
	  KTLS_ALERT_UNEXPECTED_MESSAGE },
	{ "CertificateRequest", SUITE_13, KTLS_ROLE_CLIENT, KTLS_CT_HANDSHAKE, "\x0d\0\0\1a", 5,
	  KTLS_ALERT_UNEXPECTED_MESSAGE },
	{ "a message of 2^14 + 1", SUITE_13, KTLS_ROLE_CLIENT, KTLS_CT_HANDSHAKE, "\4\0\x40\1",
	  4, KTLS_ALERT_DECODE_ERROR },
	{ "a message of 2^24 - 1", SUITE_13, KTLS_ROLE_CLIENT, KTLS_CT_HANDSHAKE,
	  "\4\xff\xff\xff", 4, KTLS_ALERT_DECODE_ERROR },
	{ "a ticket, then Finished", SUITE_13, KTLS_ROLE_CLIENT, KTLS_CT_HANDSHAKE,
	  TICKET "\x14\0\0\1a", TICKET_LEN + 5, KTLS_ALERT_UNEXPECTED_MESSAGE },
	{ "a ticket of no bytes", SUITE_13, KTLS_ROLE_CLIENT, KTLS_CT_HANDSHAKE,
	  "\4\0\0\x0e" "\0\0\x0e\x10" "abcd" "\1n" "\0\0" "\0\0", 18, KTLS_ALERT_DECODE_ERROR },
	{ "a ticket and a byte", SUITE_13, KTLS_ROLE_CLIENT, KTLS_CT_HANDSHAKE,
	  "\4\0\0\x14" TICKET_BODY "z", TICKET_LEN + 1, KTLS_ALERT_DECODE_ERROR },
	{ "an empty alert", SUITE_13, KTLS_ROLE_CLIENT, KTLS_CT_ALERT, "", 0,
	  KTLS_ALERT_UNEXPECTED_MESSAGE },
	{ "half an alert", SUITE_13, KTLS_ROLE_CLIENT, KTLS_CT_ALERT, "\1", 1,
	  KTLS_ALERT_DECODE_ERROR },
	{ "an alert and a byte", SUITE_13, KTLS_ROLE_CLIENT, KTLS_CT_ALERT, "\1\0\0", 3,
	  KTLS_ALERT_DECODE_ERROR },
	{ "two alerts", SUITE_12, KTLS_ROLE_CLIENT, KTLS_CT_ALERT, "\1\0\1\0", 4,
	  KTLS_ALERT_DECODE_ERROR },
	{ "an alert of level 0", SUITE_13, KTLS_ROLE_CLIENT, KTLS_CT_ALERT, "\0\0", 2,
	  KTLS_ALERT_ILLEGAL_PARAMETER },
	{ "an alert of level 3", SUITE_12, KTLS_ROLE_CLIENT, KTLS_CT_ALERT, "\3\0", 2,
	  KTLS_ALERT_ILLEGAL_PARAMETER },
	/* The peer has ended the connection: no alert is sent. */
	{ "a fatal alert", SUITE_13, KTLS_ROLE_CLIENT, KTLS_CT_ALERT, "\2\x28", 2,
	  KTLS_ALERT_NONE },
	{ "a warning in 1.3", SUITE_13, KTLS_ROLE_CLIENT, KTLS_CT_ALERT, "\1\x28", 2,
	  KTLS_ALERT_NONE },
	{ "a fatal alert in 1.2", SUITE_12, KTLS_ROLE_SERVER, KTLS_CT_ALERT, "\2\x28", 2,
	  KTLS_ALERT_NONE },
	{ "a fatal alert nobody knows", SUITE_12, KTLS_ROLE_SERVER, KTLS_CT_ALERT, "\2\xc8", 2,
	  KTLS_ALERT_NONE },
};

static void control_refusal_desc(const struct control_refusal *param, char *desc)
{
	strscpy(desc, param->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(control_refusal, control_refusals, control_refusal_desc);

static void control_refusal_test(struct kunit *test)
{
	const struct control_refusal *param = test->param_value;
	struct ktls_ctx *ctx = control_ctx(test, param->suite, param->role);
	u8 *data = kunit_kzalloc(test, param->len + 1, GFP_KERNEL);

	/* A copy of exact size, so that KASAN reports an access behind it. */
	KUNIT_ASSERT_NOT_NULL(test, data);
	memcpy(data, param->data, param->len);

	control_expect_refused(test, ctx, control_record(ctx, param->type, data, param->len),
			       param->alert);
}

/* --- alerts that do not end the connection --- */

static void control_close_notify_test(struct kunit *test)
{
	struct ktls_ctx *ctx = control_ctx(test, SUITE_13, KTLS_ROLE_CLIENT);

	control_expect_fine(test, ctx, control_record(ctx, KTLS_CT_ALERT, "\1\0", 2));

	KUNIT_EXPECT_TRUE(test, ctx->rl.rx.closed);
	KUNIT_EXPECT_EQ(test, ctx->rl.alert_rcvd, KTLS_ALERT_CLOSE_NOTIFY);
}

/* A limited number of warnings in a row is ignored. */
static void control_warnings_test(struct kunit *test)
{
	struct ktls_ctx *ctx = control_ctx(test, SUITE_12, KTLS_ROLE_CLIENT);
	unsigned int i;

	for (i = 0; i < KTLS_WARNINGS_MAX; i++)
		control_expect_fine(test, ctx, control_record(ctx, KTLS_CT_ALERT, "\1\x5a", 2));
	control_expect_refused(test, ctx, control_record(ctx, KTLS_CT_ALERT, "\1\x5a", 2),
			       KTLS_ALERT_UNEXPECTED_MESSAGE);
}

/* RFC 5246 7.4.1.1: a HelloRequest is ignored, a ClientHello refused with a warning,
 * each up to a bound.
 */
static void control_hello_request_test(struct kunit *test)
{
	struct ktls_ctx *ctx = control_ctx(test, SUITE_12, KTLS_ROLE_CLIENT);
	unsigned int i;

	for (i = 0; i < KTLS_RENEGOTIATIONS_MAX; i++)
		control_expect_fine(test, ctx,
				    control_record(ctx, KTLS_CT_HANDSHAKE, "\0\0\0\0", 4));
	KUNIT_EXPECT_EQ(test, ctx->rl.alert_sent, KTLS_ALERT_NONE);
	control_expect_refused(test, ctx, control_record(ctx, KTLS_CT_HANDSHAKE, "\0\0\0\0", 4),
			       KTLS_ALERT_UNEXPECTED_MESSAGE);
}

static void control_renegotiation_test(struct kunit *test)
{
	struct ktls_ctx *ctx = control_ctx(test, SUITE_12, KTLS_ROLE_SERVER);
	unsigned int i;

	for (i = 0; i < KTLS_RENEGOTIATIONS_MAX; i++) {
		KUNIT_EXPECT_EQ(test, control_record(ctx, KTLS_CT_HANDSHAKE, "\1\0\0\0", 4), 0);
		KUNIT_EXPECT_EQ(test, ctx->state, KTLS_STATE_OPEN);
		KUNIT_EXPECT_EQ(test, ctx->rl.alert_sent, KTLS_ALERT_NO_RENEGOTIATION);
	}
	control_expect_refused(test, ctx, control_record(ctx, KTLS_CT_HANDSHAKE, "\1\0\0\0", 4),
			       KTLS_ALERT_UNEXPECTED_MESSAGE);
}

static struct kunit_case control_cases[] = {
	KUNIT_CASE(control_ticket_test),
	KUNIT_CASE(control_ticket_truncated_test),
	KUNIT_CASE(control_ticket_cut_test),
	KUNIT_CASE(control_ticket_bytes_test),
	KUNIT_CASE(control_ticket_joined_test),
	KUNIT_CASE_PARAM(control_refusal_test, control_refusal_gen_params),
	KUNIT_CASE(control_close_notify_test),
	KUNIT_CASE(control_warnings_test),
	KUNIT_CASE(control_hello_request_test),
	KUNIT_CASE(control_renegotiation_test),
	{}
};

static struct kunit_suite control_suite = {
	.name		= "ktls_control",
	.test_cases	= control_cases,
};

kunit_test_suite(control_suite);
