// SPDX-License-Identifier: GPL-2.0
/* Batches of handshake records for the helper: only whole records, and no more than there is
 * room for. KTLS_ERROR says what a peer speaks that does not speak TLS.
 */
#include <uapi/linux/ktls.h>

#include "wire.h"
#include "record/framing.h"
#include "socket/batch.h"
#include "socket/ctx.h"

#include "common.h"

static const struct batch_take {
	const char	*desc;
	const char	*bytes;
	size_t		len;
	int		ret;		/* bytes in the batch, or an errno */
	const char	*reason;	/* part of KTLS_ERROR */
} batch_takes[] = {
	{ "a first ClientHello's version", "\x16\x03\x01\0\1a", 6, 6 },
	{ "an alert", "\x15\x03\x03\0\2\1\0", 7, 7 },
	{ "ChangeCipherSpec", "\x14\x03\x03\0\1\1", 6, 6 },
	{ "what looks like data", "\x17\x03\x03\0\3abc", 8, 8 },
	{ "two records and a half", "\x16\x03\x03\0\1a\x16\x03\x03\0\2bc\x16\x03\x03\0\2d",
	  19, 13 },
	{ "half a header", "\x16\x03\x03", 3, 0 },
	{ "half a record", "\x16\x03\x03\0\2a", 6, 0 },
	{ "a record, then HTTP", "\x16\x03\x03\0\1aGET /", 11, 6, "plain HTTP request" },
	{ "the longest, begun", "\x16\x03\x03\x48\0", 5, 0 },
	{ "a byte longer", "\x16\x03\x03\x48\1", 5, -EPROTO, "too long" },
	{ "an empty record", "\x16\x03\x03\0\0", 5, -EPROTO, "empty record" },
	{ "type 19", "\x13\x03\x03\0\1a", 6, -EPROTO, "unknown type" },
	{ "type 24", "\x18\x03\x03\0\1a", 6, -EPROTO, "unknown type" },
	{ "version 2", "\x16\2\0\0\1a", 6, -EPROTO, "another protocol than TLS" },
	{ "version 4", "\x16\4\0\0\1a", 6, -EPROTO, "another protocol than TLS" },
	{ "an HTTP client", "GET / HTTP/1.0\r\n", 16, -EPROTO, "plain HTTP request" },
	{ "an HTTP/2 client", "PRI * HTTP/2.0\r\n", 16, -EPROTO, "plain HTTP/2 request" },
	{ "an HTTP server", "HTTP/1.1 400 ", 13, -EPROTO, "answered with plain HTTP" },
	{ "an SSH server", "SSH-2.0-x\r\n", 11, -EPROTO, "SSH" },
};

static int batch_take(struct ktls_ctx *ctx, void *buf, u32 size)
{
	u8 alert;
	int ret;

	ret = ktls_batch_find(ctx, size, false, &alert);
	if (ret > 0 && ktls_batch_take(ctx, buf, ret))
		return -EFAULT;
	return ret;
}

static void batch_take_desc(const struct batch_take *param, char *desc)
{
	strscpy(desc, param->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(batch_take, batch_takes, batch_take_desc);

static void batch_take_test(struct kunit *test)
{
	const struct batch_take *param = test->param_value;
	struct ktls_kunit_conn *conn = ktls_kunit_conn(test);
	struct ktls_ctx *ctx = conn->ctx;
	int ret;
	u8 *buf;

	buf = kunit_kzalloc(test, KTLS_RECORD_MAX, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, buf);
	ktls_kunit_send(test, conn, param->bytes, param->len);

	lock_sock(ctx->rl.sk);
	ret = batch_take(ctx, buf, KTLS_RECORD_MAX);

	KUNIT_EXPECT_EQ(test, ret, param->ret);
	if (ret > 0)
		KUNIT_EXPECT_MEMEQ(test, buf, param->bytes, ret);
	KUNIT_EXPECT_EQ(test, ktls_framing_avail(&ctx->rl), param->len - max(ret, 0));
	/* Whole records are passed on before the error is reported. */
	if (param->reason && ret > 0)
		KUNIT_EXPECT_EQ(test, batch_take(ctx, buf, KTLS_RECORD_MAX), -EPROTO);
	if (param->reason)
		KUNIT_EXPECT_NOT_NULL(test, strstr(ctx->rl.reason, param->reason));
	else
		KUNIT_EXPECT_NULL(test, ctx->rl.reason);
	release_sock(ctx->rl.sk);
}

/* Only records that fit into the buffer; the rest is taken the next time. */
static void batch_take_small_test(struct kunit *test)
{
	struct ktls_kunit_conn *conn = ktls_kunit_conn(test);
	static const u8 record[] = "\x16\x03\x03\0\4abc";
	struct ktls_ctx *ctx = conn->ctx;
	u8 buf[2 * sizeof(record) + 1];
	int i;

	for (i = 0; i < 3; i++)
		ktls_kunit_send(test, conn, record, sizeof(record));

	lock_sock(ctx->rl.sk);
	KUNIT_EXPECT_EQ(test, batch_take(ctx, buf, sizeof(buf)), 2 * sizeof(record));
	KUNIT_EXPECT_EQ(test, batch_take(ctx, buf, sizeof(buf)), sizeof(record));
	KUNIT_EXPECT_MEMEQ(test, buf, record, sizeof(record));
	KUNIT_EXPECT_EQ(test, batch_take(ctx, buf, sizeof(buf)), 0);
	release_sock(ctx->rl.sk);
}

static struct kunit_case batch_cases[] = {
	KUNIT_CASE_PARAM(batch_take_test, batch_take_gen_params),
	KUNIT_CASE(batch_take_small_test),
	{}
};

static struct kunit_suite batch_suite = {
	.name		= "ktls_batch",
	.test_cases	= batch_cases,
};

kunit_test_suite(batch_suite);
