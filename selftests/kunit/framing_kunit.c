// SPDX-License-Identifier: GPL-2.0
/* Finding records in TCP's receive queue: invalid headers, records cut at every byte, and
 * records spread over skbs of any layout.
 */
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/unaligned.h>
#include <net/tcp.h>
#include <uapi/linux/ktls.h>

#include "wire.h"
#include "record/framing.h"
#include "record/rx.h"
#include "socket/ctx.h"
#include "socket/rules.h"

#include "common.h"

static void framing_header(u8 *at, u8 type, u16 version, u16 len)
{
	at[0] = type;
	put_unaligned_be16(version, at + 1);
	put_unaligned_be16(len, at + 3);
}

/* --- headers --- */

#define GCM13	0x1301
#define GCM12	0xc02f
#define CHA12	0xcca8

static const struct framing_head_param {
	const char	*desc;
	u16		suite;
	u8		type;
	u16		version;
	u16		len;
	int		alert;		/* -1: the header is valid */
	int		external;	/* the errno with external keys; 0: valid */
} framing_heads[] = {
	/* RFC 8446 5.2: encrypted records look like application data */
	{ "1.3: data", GCM13, 23, 0x0303, 100, -1, 0 },
	{ "1.3: ChangeCipherSpec", GCM13, 20, 0x0303, 100, KTLS_ALERT_UNEXPECTED_MESSAGE, 0 },
	{ "1.3: plain alert", GCM13, 21, 0x0303, 100, KTLS_ALERT_UNEXPECTED_MESSAGE, 0 },
	{ "1.3: plain handshake", GCM13, 22, 0x0303, 100, KTLS_ALERT_UNEXPECTED_MESSAGE, 0 },
	{ "1.3: type 0", GCM13, 0, 0x0303, 100, KTLS_ALERT_UNEXPECTED_MESSAGE, 0 },
	{ "1.3: type 19", GCM13, 19, 0x0303, 100, KTLS_ALERT_UNEXPECTED_MESSAGE, 0 },
	{ "1.3: heartbeat", GCM13, 24, 0x0303, 100, KTLS_ALERT_UNEXPECTED_MESSAGE, 0 },
	{ "1.3: type 151", GCM13, 151, 0x0303, 100, KTLS_ALERT_UNEXPECTED_MESSAGE, 0 },
	{ "1.3: type 255", GCM13, 255, 0x0303, 100, KTLS_ALERT_UNEXPECTED_MESSAGE, 0 },
	{ "1.3: version 1.3", GCM13, 23, 0x0304, 100, KTLS_ALERT_PROTOCOL_VERSION, EINVAL },
	{ "1.3: version 1.1", GCM13, 23, 0x0302, 100, KTLS_ALERT_PROTOCOL_VERSION, EINVAL },
	{ "1.3: version 1.0", GCM13, 23, 0x0301, 100, KTLS_ALERT_PROTOCOL_VERSION, EINVAL },
	{ "1.3: version 2.3", GCM13, 23, 0x0203, 100, KTLS_ALERT_PROTOCOL_VERSION, EINVAL },
	{ "1.3: version 0", GCM13, 23, 0, 100, KTLS_ALERT_PROTOCOL_VERSION, EINVAL },
	{ "1.3: 0 bytes", GCM13, 23, 0x0303, 0, KTLS_ALERT_BAD_RECORD_MAC, EBADMSG },
	{ "1.3: a tag", GCM13, 23, 0x0303, 16, KTLS_ALERT_BAD_RECORD_MAC, EBADMSG },
	{ "1.3: a type and a tag", GCM13, 23, 0x0303, 17, -1, 0 },
	{ "1.3: 2^14 with a type and a tag", GCM13, 23, 0x0303, 16384 + 17, -1, 0 },
	{ "1.3: 2^14 + 256", GCM13, 23, 0x0303, 16384 + 256, -1, EMSGSIZE },
	{ "1.3: 2^14 + 257", GCM13, 23, 0x0303, 16384 + 257, KTLS_ALERT_RECORD_OVERFLOW,
	  EMSGSIZE },
	{ "1.3: 65535 bytes", GCM13, 23, 0x0303, 65535, KTLS_ALERT_RECORD_OVERFLOW, EMSGSIZE },
	/* RFC 5246 6.2: the type is not encrypted */
	{ "1.2: ChangeCipherSpec", GCM12, 20, 0x0303, 100, -1, 0 },
	{ "1.2: alert", GCM12, 21, 0x0303, 100, -1, 0 },
	{ "1.2: handshake", GCM12, 22, 0x0303, 100, -1, 0 },
	{ "1.2: data", GCM12, 23, 0x0303, 100, -1, 0 },
	{ "1.2: type 19", GCM12, 19, 0x0303, 100, KTLS_ALERT_UNEXPECTED_MESSAGE, 0 },
	{ "1.2: heartbeat", GCM12, 24, 0x0303, 100, KTLS_ALERT_UNEXPECTED_MESSAGE, 0 },
	{ "1.2: type 0", GCM12, 0, 0x0303, 100, KTLS_ALERT_UNEXPECTED_MESSAGE, 0 },
	{ "1.2: type 255", GCM12, 255, 0x0303, 100, KTLS_ALERT_UNEXPECTED_MESSAGE, 0 },
	{ "1.2: version 1.3", GCM12, 23, 0x0304, 100, KTLS_ALERT_PROTOCOL_VERSION, EINVAL },
	{ "1.2: version 1.0", GCM12, 23, 0x0301, 100, KTLS_ALERT_PROTOCOL_VERSION, EINVAL },
	{ "1.2 GCM: a byte less than nonce and tag", GCM12, 23, 0x0303, 23,
	  KTLS_ALERT_BAD_RECORD_MAC, EBADMSG },
	{ "1.2 GCM: nonce and tag", GCM12, 23, 0x0303, 24, -1, 0 },
	{ "1.2 GCM: the largest", GCM12, 23, 0x0303, 16384 + 24, -1, 0 },
	{ "1.2 GCM: a byte more", GCM12, 23, 0x0303, 16384 + 25, KTLS_ALERT_RECORD_OVERFLOW,
	  EMSGSIZE },
	{ "1.2 ChaCha20: a byte less than a tag", CHA12, 23, 0x0303, 15,
	  KTLS_ALERT_BAD_RECORD_MAC, EBADMSG },
	{ "1.2 ChaCha20: a tag", CHA12, 23, 0x0303, 16, -1, 0 },
	{ "1.2 ChaCha20: the largest", CHA12, 23, 0x0303, 16384 + 16, -1, 0 },
	{ "1.2 ChaCha20: a byte more", CHA12, 23, 0x0303, 16384 + 17,
	  KTLS_ALERT_RECORD_OVERFLOW, EMSGSIZE },
};

static void framing_head_desc(const struct framing_head_param *param, char *desc)
{
	strscpy(desc, param->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(framing_head, framing_heads, framing_head_desc);

static int framing_head(struct ktls_ctx *ctx)
{
	struct ktls_framing_fault fault;
	int ret;

	lock_sock(ctx->rl.sk);
	ret = ktls_framing_next(&ctx->rl, &fault);
	release_sock(ctx->rl.sk);
	return ret;
}

/* The peer sends that header. Return: as ktls_rx_open(). */
static int framing_receive_head(struct kunit *test, struct ktls_kunit_conn *conn,
				const struct framing_head_param *param)
{
	struct ktls_ctx *ctx = conn->ctx;
	u8 head[KTLS_HEADER_SIZE];
	int ret;

	framing_header(head, param->type, param->version, param->len);
	ktls_kunit_send(test, conn, head, sizeof(head));
	lock_sock(ctx->rl.sk);
	ret = ktls_rx_open(&ctx->rl, NULL, 0, NULL);
	release_sock(ctx->rl.sk);
	return ret;
}

static void framing_expect_fine(struct kunit *test, const struct ktls_ctx *ctx,
				const struct framing_head_param *param)
{
	KUNIT_EXPECT_EQ(test, ctx->state, KTLS_STATE_OPEN);
	KUNIT_EXPECT_EQ(test, ctx->rl.flow->framing.need, 5 + param->len);
	KUNIT_EXPECT_EQ(test, ctx->rl.flow->framing.hdr.len, 5 + param->len);
	KUNIT_EXPECT_EQ(test, ctx->rl.flow->framing.hdr.crypt_len,
			param->len - (param->suite == GCM12 ? 8 : 0));
	KUNIT_EXPECT_EQ(test, ctx->rl.flow->framing.hdr.type, param->type);
}

/* An invalid header is refused before its record has arrived. */
static void framing_head_test(struct kunit *test)
{
	const struct framing_head_param *param = test->param_value;
	struct ktls_kunit_conn *conn = ktls_kunit_conn(test);
	struct ktls_ctx *ctx = conn->ctx;
	int ret;

	ktls_kunit_open(test, ctx, param->suite);
	ret = framing_receive_head(test, conn, param);

	if (param->alert < 0) {
		KUNIT_EXPECT_EQ(test, ret, 0);
		framing_expect_fine(test, ctx, param);
		return;
	}
	KUNIT_EXPECT_EQ(test, ret, -EPROTO);
	KUNIT_EXPECT_EQ(test, ctx->state, KTLS_STATE_FAILED);
	KUNIT_EXPECT_EQ(test, ctx->rl.alert_sent, param->alert);
	KUNIT_EXPECT_EQ(test, ctx->rl.rx.error, EPROTO);
	KUNIT_EXPECT_EQ(test, ctx->rl.tx.error, EPIPE);
	KUNIT_EXPECT_NOT_NULL(test, ctx->rl.reason);
}

/* With external keys the program checks types and sends alerts. */
static void framing_head_external_test(struct kunit *test)
{
	const struct framing_head_param *param = test->param_value;
	struct ktls_kunit_conn *conn = ktls_kunit_conn(test);
	struct ktls_ctx *ctx = conn->ctx;
	int ret;

	ktls_kunit_open(test, ctx, param->suite);
	ctx->rl.rules = &ktls_rules_external;
	ret = framing_receive_head(test, conn, param);

	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, ctx->rl.alert_sent, KTLS_ALERT_NONE);
	KUNIT_EXPECT_EQ(test, ctx->rl.flow->framing.stopped, param->external != 0);
	KUNIT_EXPECT_EQ(test, ctx->rl.sk->sk_err, param->external);
	if (!param->external)
		framing_expect_fine(test, ctx, param);
	ctx->rl.sk->sk_err = 0;
}

/* --- records cut at every byte --- */

#define FRAMING_BODY	40

static const u16 framing_suites[] = { GCM13, GCM12, CHA12 };

static void framing_suite_desc(const u16 *suite, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "suite %#06x", *suite);
}

KUNIT_ARRAY_PARAM(framing_suite, framing_suites, framing_suite_desc);

/* A record with a body that is not encrypted. Return: its length. */
static u32 framing_record(u8 *record, u8 fill)
{
	u32 i;

	framing_header(record, 23, 0x0303, FRAMING_BODY);
	for (i = 0; i < FRAMING_BODY; i++)
		record[5 + i] = fill + i;
	return 5 + FRAMING_BODY;
}

/* The first record in the queue is @record, read from each offset. Uses no KUNIT_ASSERT, which
 * would return with the socket lock held.
 */
static void framing_expect_record(struct kunit *test, struct ktls_ctx *ctx, const u8 *record,
				  u32 len)
{
	u8 copy[5 + FRAMING_BODY];
	u32 from;

	KUNIT_EXPECT_EQ(test, ctx->rl.flow->framing.hdr.len, len);
	if (ctx->rl.flow->rx.prefix_size > 5)
		KUNIT_EXPECT_MEMEQ(test, ctx->rl.flow->framing.hdr.explicit, record + 5, 8);
	for (from = 0; from < len; from++) {
		memset(copy, 0, sizeof(copy));
		KUNIT_EXPECT_EQ(test, ktls_framing_copy(&ctx->rl, from, copy, len - from), 0);
		KUNIT_EXPECT_MEMEQ_MSG(test, copy, record + from, len - from, "from %u", from);
		KUNIT_EXPECT_EQ(test, ktls_framing_copy(&ctx->rl, from, copy, 1), 0);
		KUNIT_EXPECT_EQ(test, copy[0], record[from]);
	}
}

/* The same as a scatterlist; false if the mapping is refused. */
static bool framing_expect_map(struct kunit *test, struct ktls_ctx *ctx, const u8 *record,
			       u32 len)
{
	struct scatterlist sg[KTLS_RX_PIECES];
	u8 copy[5 + FRAMING_BODY];
	u32 from;
	int n;

	for (from = 0; from < len; from++) {
		sg_init_table(sg, ARRAY_SIZE(sg));
		n = ktls_framing_map(&ctx->rl, from, len - from, sg, ARRAY_SIZE(sg));
		if (n == -EMSGSIZE)
			return false;
		KUNIT_EXPECT_GT(test, n, 0);
		KUNIT_EXPECT_LE(test, n, ARRAY_SIZE(sg));
		if (n <= 0)
			return false;
		KUNIT_EXPECT_EQ(test, sg_copy_to_buffer(sg, n, copy, len - from), len - from);
		KUNIT_EXPECT_MEMEQ_MSG(test, copy, record + from, len - from, "from %u", from);
	}
	return true;
}

static void framing_consume(struct kunit *test, struct ktls_ctx *ctx, u32 left)
{
	ktls_framing_consume(&ctx->rl);
	KUNIT_EXPECT_EQ(test, ktls_framing_avail(&ctx->rl), left);
	ktls_framing_commit(&ctx->rl);
	KUNIT_EXPECT_EQ(test, ktls_framing_avail(&ctx->rl), left);
}

static void framing_cut_test(struct kunit *test)
{
	struct ktls_kunit_conn *conn = ktls_kunit_conn(test);
	struct ktls_ctx *ctx = conn->ctx;
	u8 record[5 + FRAMING_BODY];
	u32 len, cut;

	ktls_kunit_open(test, ctx, *(const u16 *)test->param_value);
	for (cut = 1; cut < sizeof(record); cut++) {
		len = framing_record(record, cut);

		ktls_kunit_send(test, conn, record, cut);
		KUNIT_EXPECT_EQ_MSG(test, framing_head(ctx), 0, "cut at %u", cut);
		KUNIT_EXPECT_EQ(test, ctx->rl.flow->framing.need, cut < 5 ? 5 : len);
		ktls_kunit_send(test, conn, record + cut, len - cut);
		KUNIT_EXPECT_EQ_MSG(test, framing_head(ctx), 1, "cut at %u", cut);

		lock_sock(ctx->rl.sk);
		framing_expect_record(test, ctx, record, len);
		KUNIT_EXPECT_TRUE(test, framing_expect_map(test, ctx, record, len));
		framing_consume(test, ctx, 0);
		release_sock(ctx->rl.sk);
	}
	KUNIT_EXPECT_EQ(test, ctx->rl.flow->framing.need, 5);
}

/* Bytes that the helper did not consume come before those in TCP's queue. */
static void framing_cut_raw_test(struct kunit *test)
{
	struct ktls_kunit_conn *conn = ktls_kunit_conn(test);
	struct ktls_ctx *ctx = conn->ctx;
	u8 record[5 + FRAMING_BODY];
	u32 len, cut;

	ktls_kunit_open(test, ctx, *(const u16 *)test->param_value);
	for (cut = 1; cut <= sizeof(record); cut++) {
		len = framing_record(record, cut);

		lock_sock(ctx->rl.sk);
		KUNIT_EXPECT_EQ(test, ktls_framing_unread(&ctx->rl, record, cut), 0);
		release_sock(ctx->rl.sk);
		KUNIT_EXPECT_EQ(test, framing_head(ctx), cut == len);
		if (cut < len) {
			KUNIT_EXPECT_EQ_MSG(test, ctx->rl.flow->framing.need,
					    (cut < 5 ? 5 : len) - cut, "cut at %u", cut);
			ktls_kunit_send(test, conn, record + cut, len - cut);
		}
		KUNIT_EXPECT_EQ_MSG(test, framing_head(ctx), 1, "cut at %u", cut);

		lock_sock(ctx->rl.sk);
		framing_expect_record(test, ctx, record, len);
		KUNIT_EXPECT_FALSE(test, framing_expect_map(test, ctx, record, len));
		framing_consume(test, ctx, 0);
		release_sock(ctx->rl.sk);
		KUNIT_EXPECT_NULL(test, ctx->rl.flow->framing.pulled);
	}
}

/* --- records spread over skbs --- */

enum framing_make {
	MAKE_LINEAR,		/* bytes in the skb's own buffer */
	MAKE_FRAGS,		/* in pages, a byte a fragment */
	MAKE_MIXED,		/* the first half here, the second there */
	MAKE_LIST,		/* in skbs of a list inside the skb */
};

static const struct framing_spread {
	const char		*desc;
	enum framing_make	make;
	u32			size;		/* of each skb */
	u32			overlap;	/* bytes that the skb before has, too */
	bool			mapped;		/* KTLS_RX_PIECES are enough */
} framing_spreads[] = {
	{ "skbs of 1 byte", MAKE_LINEAR, 1, 0, false },
	{ "skbs of 2 bytes", MAKE_LINEAR, 2, 0, true },
	{ "skbs of 7 bytes", MAKE_LINEAR, 7, 0, true },
	{ "skbs larger than a record", MAKE_LINEAR, 64, 0, true },
	{ "skbs of 3 bytes that overlap", MAKE_LINEAR, 3, 1, true },
	{ "skbs of 10 bytes that nearly repeat", MAKE_LINEAR, 10, 7, true },
	{ "fragments of 1 byte", MAKE_FRAGS, 4, 0, false },
	{ "fragments, few a record", MAKE_FRAGS, 15, 12, false },
	{ "a buffer and fragments", MAKE_MIXED, 12, 0, false },
	{ "a buffer and a fragment that overlap", MAKE_MIXED, 2, 1, false },
	{ "lists of skbs", MAKE_LIST, 9, 0, false },
	{ "lists of skbs that overlap", MAKE_LIST, 9, 4, false },
};

static void framing_spread_desc(const struct framing_spread *param, char *desc)
{
	strscpy(desc, param->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(framing_spread, framing_spreads, framing_spread_desc);

/* Fragments of one byte, each in a page of its own. */
static void framing_add_frags(struct kunit *test, struct sk_buff *skb, const u8 *data, u32 len)
{
	struct page *page;
	u32 i;

	for (i = 0; i < len; i++) {
		page = alloc_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, page);
		*((u8 *)page_address(page) + 100 + i) = data[i];
		skb_add_rx_frag(skb, i, page, 100 + i, 1, PAGE_SIZE);
	}
}

static struct sk_buff *framing_skb(struct kunit *test, enum framing_make make, const u8 *data,
				   u32 len)
{
	struct sk_buff *skb = alloc_skb(len, GFP_KERNEL), **next;
	u32 linear = make == MAKE_LINEAR ? len : make == MAKE_FRAGS ? 0 : len / 2;

	KUNIT_ASSERT_NOT_NULL(test, skb);
	skb_put_data(skb, data, linear);
	if (make == MAKE_FRAGS || make == MAKE_MIXED)
		framing_add_frags(test, skb, data + linear, len - linear);
	next = &skb_shinfo(skb)->frag_list;
	for (; make == MAKE_LIST && linear < len; linear++) {
		*next = framing_skb(test, MAKE_LINEAR, data + linear, 1);
		next = &(*next)->next;
		skb->len++;
		skb->data_len++;
	}
	return skb;
}

/* On a socket that is not connected, so TCP sends no acknowledgments. */
static struct ktls_ctx *framing_ctx(struct kunit *test)
{
	struct socket *sock = ktls_kunit_socket(test);
	struct ktls_ctx *ctx = ktls_kunit_ctx(test, sock);

	/* TCP computes windows with it when bytes are read. */
	inet_csk(sock->sk)->icsk_ack.rcv_mss = TCP_MSS_DEFAULT;
	ktls_kunit_start(test, ctx);
	return ctx;
}

/* Queues an skb as TCP does. */
static void framing_receive(struct ktls_ctx *ctx, struct sk_buff *skb, u32 overlap)
{
	struct tcp_sock *tp = tcp_sk(ctx->rl.sk);

	TCP_SKB_CB(skb)->seq = tp->rcv_nxt - overlap;
	TCP_SKB_CB(skb)->end_seq = TCP_SKB_CB(skb)->seq + skb->len;
	__skb_queue_tail(&ctx->rl.sk->sk_receive_queue, skb);
	WRITE_ONCE(tp->rcv_nxt, TCP_SKB_CB(skb)->end_seq);
}

static void framing_spread_test(struct kunit *test)
{
	const struct framing_spread *param = test->param_value;
	struct ktls_ctx *ctx = framing_ctx(test);
	const u32 len = 5 + FRAMING_BODY, total = 3 * len;
	struct ktls_framing_fault fault;
	u32 at = 0, n, overlap, i;
	u8 *stream;

	stream = kunit_kzalloc(test, total, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, stream);
	for (i = 0; i < 3; i++)
		framing_record(stream + i * len, 50 * i);
	ktls_kunit_open(test, ctx, GCM12);
	lock_sock(ctx->rl.sk);
	while (at < total) {
		overlap = min(at, param->overlap);
		n = min(param->size, total - at + overlap);
		framing_receive(ctx, framing_skb(test, param->make, stream + at - overlap, n),
				overlap);
		at += n - overlap;
	}

	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, ktls_framing_avail(&ctx->rl), total - i * len);
		KUNIT_EXPECT_EQ(test, ktls_framing_next(&ctx->rl, &fault), 1);
		framing_expect_record(test, ctx, stream + i * len, len);
		KUNIT_EXPECT_EQ(test, framing_expect_map(test, ctx, stream + i * len, len),
				param->mapped);
		framing_consume(test, ctx, total - (i + 1) * len);
	}
	KUNIT_EXPECT_EQ(test, ktls_framing_next(&ctx->rl, &fault), 0);
	KUNIT_EXPECT_TRUE(test, skb_queue_empty(&ctx->rl.sk->sk_receive_queue));
	release_sock(ctx->rl.sk);
}

/* Nothing is copied or mapped from behind the end of the queue. */
static void framing_beyond_test(struct kunit *test)
{
	struct ktls_ctx *ctx = framing_ctx(test);
	struct scatterlist sg[2];
	u8 byte;

	lock_sock(ctx->rl.sk);
	framing_receive(ctx, framing_skb(test, MAKE_LINEAR, "abc", 3), 0);
	sg_init_table(sg, ARRAY_SIZE(sg));

	KUNIT_EXPECT_EQ(test, ktls_framing_copy(&ctx->rl, 2, &byte, 1), 0);
	KUNIT_EXPECT_EQ(test, byte, 'c');
	KUNIT_EXPECT_EQ(test, ktls_framing_copy(&ctx->rl, 3, &byte, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, ktls_framing_map(&ctx->rl, 0, 4, sg, ARRAY_SIZE(sg)), -EMSGSIZE);
	ktls_framing_discard(&ctx->rl);
	KUNIT_EXPECT_EQ(test, ktls_framing_avail(&ctx->rl), 0);
	release_sock(ctx->rl.sk);
}

/* Pages that others can write to are not mapped, only copied. */
static void framing_shared_test(struct kunit *test)
{
	struct ktls_ctx *ctx = framing_ctx(test);
	struct sk_buff *skb = framing_skb(test, MAKE_FRAGS, "abcdef", 6);
	struct scatterlist sg[KTLS_RX_PIECES];
	u8 copy[6];

	lock_sock(ctx->rl.sk);
	framing_receive(ctx, skb, 0);
	KUNIT_EXPECT_GT(test, ktls_framing_map(&ctx->rl, 0, 6, sg, ARRAY_SIZE(sg)), 0);

	skb_shinfo(skb)->flags |= SKBFL_SHARED_FRAG;

	KUNIT_EXPECT_EQ(test, ktls_framing_map(&ctx->rl, 0, 6, sg, ARRAY_SIZE(sg)), -EMSGSIZE);
	KUNIT_EXPECT_EQ(test, ktls_framing_copy(&ctx->rl, 0, copy, 6), 0);
	KUNIT_EXPECT_MEMEQ(test, copy, "abcdef", 6);
	ktls_framing_discard(&ctx->rl);
	release_sock(ctx->rl.sk);
}

/* Without window for the rest of a record, ktls_framing_relieve() takes its beginning out of
 * TCP's queue.
 */
static void framing_relieve_test(struct kunit *test)
{
	struct ktls_ctx *ctx = framing_ctx(test);
	u8 record[5 + FRAMING_BODY];
	u32 len = framing_record(record, 1), cut;
	struct ktls_framing_fault fault;

	ktls_kunit_open(test, ctx, GCM13);
	lock_sock(ctx->rl.sk);
	for (cut = 1; cut < len; cut++) {
		framing_receive(ctx, framing_skb(test, MAKE_LINEAR, record, cut), 0);
		KUNIT_EXPECT_EQ(test, ktls_framing_next(&ctx->rl, &fault), 0);

		KUNIT_EXPECT_EQ_MSG(test, ktls_framing_relieve(&ctx->rl), 1, "cut at %u", cut);

		KUNIT_EXPECT_TRUE(test, skb_queue_empty(&ctx->rl.sk->sk_receive_queue));
		KUNIT_EXPECT_EQ(test, ctx->rl.flow->framing.pulled_len, cut);
		KUNIT_EXPECT_EQ(test, ktls_framing_avail(&ctx->rl), cut);
		KUNIT_EXPECT_EQ(test, ktls_framing_relieve(&ctx->rl), 0);
		framing_receive(ctx, framing_skb(test, MAKE_LINEAR, record + cut, len - cut), 0);
		KUNIT_EXPECT_EQ(test, ktls_framing_next(&ctx->rl, &fault), 1);
		framing_expect_record(test, ctx, record, len);
		framing_consume(test, ctx, 0);
	}
	release_sock(ctx->rl.sk);
}

static struct kunit_case framing_cases[] = {
	KUNIT_CASE_PARAM(framing_head_test, framing_head_gen_params),
	KUNIT_CASE_PARAM(framing_head_external_test, framing_head_gen_params),
	KUNIT_CASE_PARAM(framing_cut_test, framing_suite_gen_params),
	KUNIT_CASE_PARAM(framing_cut_raw_test, framing_suite_gen_params),
	KUNIT_CASE_PARAM(framing_spread_test, framing_spread_gen_params),
	KUNIT_CASE(framing_beyond_test),
	KUNIT_CASE(framing_shared_test),
	KUNIT_CASE(framing_relieve_test),
	{}
};

static struct kunit_suite framing_suite = {
	.name		= "ktls_framing",
	.test_cases	= framing_cases,
};

kunit_test_suite(framing_suite);
