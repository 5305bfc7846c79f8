// SPDX-License-Identifier: GPL-2.0
/* The records of a handshake, on their way from TCP's queue to the helper.
 *
 * They stay with TCP, where their memory is bounded, until there is something to
 * hand over: whole records, and of a client's first message all of it.
 */
#include <linux/unaligned.h>
#include <kunit/visibility.h>

#include "mib.h"
#include "wire.h"
#include "record/framing.h"
#include "record/reason.h"
#include "record/rx.h"
#include "socket/batch.h"
#include "socket/ctx.h"

/* What speaks to a TLS port without TLS begins like this. */
static const struct {
	char		start[KTLS_HEADER_SIZE];
	const char	*reason;
} batch_others[] = {
	{ "GET /",	"the peer sent a plain HTTP request" },
	{ "POST ",	"the peer sent a plain HTTP request" },
	{ "HEAD ",	"the peer sent a plain HTTP request" },
	{ "PUT /",	"the peer sent a plain HTTP request" },
	{ "OPTIO",	"the peer sent a plain HTTP request" },
	{ "CONNE",	"the peer sent a plain HTTP request" },
	{ "DELET",	"the peer sent a plain HTTP request" },
	{ "PATCH",	"the peer sent a plain HTTP request" },
	{ "PRI *",	"the peer sent a plain HTTP/2 request" },
	{ "HTTP/",	"the peer answered with plain HTTP" },
	{ "SSH-2",	"the peer speaks SSH, not TLS" },
};

/* What is against the RFC in a header of the handshake; KTLS_ALERT_NONE: nothing.
 * The minor version is to be ignored (RFC 8446 5.1).
 */
static u8 batch_objection(const u8 *at, const char **ret_reason)
{
	const u32 len = get_unaligned_be16(at + 3);
	unsigned int i;

	if (at[0] < KTLS_CT_CHANGE_CIPHER_SPEC || at[0] > KTLS_CT_DATA) {
		*ret_reason = "the peer sent a record of an unknown type";
		for (i = 0; i < ARRAY_SIZE(batch_others); i++)
			if (!memcmp(at, batch_others[i].start, KTLS_HEADER_SIZE))
				*ret_reason = batch_others[i].reason;
		return KTLS_ALERT_UNEXPECTED_MESSAGE;
	}
	if (at[1] != KTLS_TLS_1_2 >> 8) {
		*ret_reason = "the peer sent a record of another protocol than TLS";
		return KTLS_ALERT_PROTOCOL_VERSION;
	}
	if (!len) {
		*ret_reason = "the peer sent an empty record during the handshake";
		return KTLS_ALERT_UNEXPECTED_MESSAGE;
	}
	if (len > KTLS_CIPHERTEXT12_MAX) {
		*ret_reason = "the peer sent a record that is too long";
		return KTLS_ALERT_RECORD_OVERFLOW;
	}
	return KTLS_ALERT_NONE;
}

/**
 * struct batch_hello - a client's first message, as far as its records were seen
 * @head: the message's type and length
 * @have: bytes of it so far
 */
struct batch_hello {
	u8	head[4];
	u32	have;
};

static bool batch_hello_is_whole(const struct batch_hello *hello)
{
	return hello->have >= sizeof(hello->head) &&
	       hello->have - sizeof(hello->head) >= get_unaligned_be24(hello->head + 1);
}

/* Another record of it. */
static int batch_hello_add(struct ktls_ctx *ctx, struct batch_hello *hello, const u8 *at,
			   u32 from)
{
	const u32 len = get_unaligned_be16(at + 3), have = hello->have;
	int err = 0;

	if (have < sizeof(hello->head))
		err = ktls_framing_copy(&ctx->rl, from + KTLS_HEADER_SIZE, hello->head + have,
					min_t(u32, len, sizeof(hello->head) - have));
	if (err)
		return err;
	hello->have += len;
	if (at[0] == KTLS_CT_HANDSHAKE && hello->head[0] == KTLS_HS_CLIENT_HELLO)
		return 0;
	ktls_reason_set(&ctx->rl, "the peer did not begin with ClientHello");
	return -EPROTO;
}

/**
 * ktls_batch_find - how much is there for the helper?
 * @ctx: a connection whose handshake is under way
 * @max: no more than so much, at least KTLS_RECORD_MAX
 * @first: it is to begin with a ClientHello: nothing counts before that is whole,
 *	unless it is larger than @max
 * @alert: of what comes next, if that is against the RFC
 *
 * Encrypted handshake records of TLS 1.3 look like application data (RFC 8446 5.2),
 * so all types count. What is there stays where it is.
 *
 * Context: process context, socket lock held; never waits.
 * Return: bytes of whole records for ktls_batch_take(); 0 if there is nothing yet;
 * -EPROTO if the next record is against the RFC, with a reason in session.error;
 * -ENOMEM, -EFAULT.
 */
int ktls_batch_find(struct ktls_ctx *ctx, u32 max, bool first, u8 *alert)
{
	struct batch_hello hello = { .head[0] = KTLS_HS_CLIENT_HELLO };
	struct ktls_framing *f = &ctx->rl.flow->framing;
	u32 done = 0, need, len;
	u8 at[KTLS_HEADER_SIZE];
	const char *reason;
	int err;

	sock_owned_by_me(ctx->rl.sk);
	ktls_framing_commit(&ctx->rl);
	*alert = KTLS_ALERT_NONE;
	for (;;) {
		need = done + KTLS_HEADER_SIZE;
		if (ktls_framing_avail(&ctx->rl) < need)
			break;
		err = ktls_framing_copy(&ctx->rl, done, at, sizeof(at));
		if (err)
			return err;
		*alert = batch_objection(at, &reason);
		if (*alert != KTLS_ALERT_NONE)
			break;
		len = KTLS_HEADER_SIZE + get_unaligned_be16(at + 3);
		if (done + len > max)
			return done;
		need = done + len;
		if (ktls_framing_avail(&ctx->rl) < need)
			break;
		if (first && !batch_hello_is_whole(&hello)) {
			err = batch_hello_add(ctx, &hello, at, done);
			if (err) {
				*alert = KTLS_ALERT_UNEXPECTED_MESSAGE;
				return err;
			}
		}
		done = need;
	}
	/* Whole records are handed over even if the one behind them is bad. */
	if (done && (!first || batch_hello_is_whole(&hello)))
		return done;
	if (*alert != KTLS_ALERT_NONE) {
		ktls_mib_inc(sock_net(ctx->rl.sk), KTLS_MIB_RX_INVALID);
		ktls_reason_set(&ctx->rl, "%s", reason);
		return -EPROTO;
	}
	WRITE_ONCE(f->need, need - f->pulled_len);
	return min(ktls_framing_relieve(&ctx->rl), 0);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_batch_find);

/**
 * ktls_batch_take - hand out what ktls_batch_find() has found
 * @ctx: the connection
 * @buf: where to copy it
 * @len: how much
 *
 * Context: process context, socket lock held and not dropped in between.
 * Return: 0 or -EFAULT.
 */
int ktls_batch_take(struct ktls_ctx *ctx, void *buf, u32 len)
{
	int err;

	sock_owned_by_me(ctx->rl.sk);
	err = ktls_framing_copy(&ctx->rl, 0, buf, len);
	if (err)
		return err;
	ktls_framing_eat(&ctx->rl, len);
	ktls_framing_commit(&ctx->rl);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_batch_take);
