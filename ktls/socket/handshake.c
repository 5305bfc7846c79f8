// SPDX-License-Identifier: GPL-2.0
/* The handshake: one state machine for connect(), for children before accept() and
 * for KTLS_HANDSHAKE.
 *
 * It passes batches of records between TCP and the helper, in turns. The context's
 * work moves it on when TCP has bytes or room, the helper has answered, or the deadline
 * has passed. Nothing here waits.
 */

#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/unaligned.h>
#include <uapi/linux/ktls.h>
#include <uapi/linux/ktls_netlink.h>

#include "config.h"
#include "mib.h"
#include "session.h"
#include "wire.h"
#include "helper/done.h"
#include "helper/request.h"
#include "helper/ticket.h"
#include "record/aead.h"
#include "record/framing.h"
#include "record/reason.h"
#include "record/rl.h"
#include "record/tx.h"
#include "socket/base.h"
#include "socket/batch.h"
#include "socket/ctx.h"
#include "socket/fin.h"
#include "socket/handshake.h"
#include "socket/negotiated.h"
#include "socket/places.h"
#include "socket/ready.h"
#include "socket/rules.h"
#include "socket/state.h"

/* A peer's whole handshake, bytes. */
#define HANDSHAKE_BYTES_MAX	(256 * 1024U)

/**
 * struct ktls_handshake - a handshake under way; socket lock
 * @ops: whom the handshake is for
 * @req: the request to the helper; NULL until there is something to tell it
 * @batch: the records handed over last
 * @batch_len: bytes in @batch
 * @bytes_in: bytes of handshake the peer has sent so far
 * @wants: the helper has answered and wants more records
 * @broken: the peer's next record is against the RFC; the helper is to refuse it
 * @sent_data: the helper got records after the first message: perhaps an alert
 * @started: jiffies
 */
struct ktls_handshake {
	const struct ktls_handshake_ops *ops;
	struct ktls_request	*req;
	u8			*batch;
	u32			batch_len;
	u32			bytes_in;
	bool			wants;
	bool			broken;
	bool			sent_data;
	unsigned long		started;
};

/**
 * ktls_handshake_end - free the handshake; an open request is cancelled
 * @ctx: the context
 *
 * Context: process, socket lock held. Harmless if none is under way.
 */
void ktls_handshake_end(struct ktls_ctx *ctx)
{
	struct ktls_handshake *hs = ctx->conn->hs.running;

	sock_owned_by_me(ctx->rl.sk);
	if (!hs)
		return;
	ctx->conn->hs.running = NULL;
	if (hs->req)
		ktls_request_close(hs->req);
	kvfree(hs->batch);
	kfree(hs);
}

/**
 * ktls_handshake_forget - forget what a handshake has established, and what hangs on it
 * @ctx: the context
 *
 * Context: process, socket lock held.
 */
void ktls_handshake_forget(struct ktls_ctx *ctx)
{
	struct ktls_hs *hs = &ctx->conn->hs;

	sock_owned_by_me(ctx->rl.sk);
	if (!ktls_rl_has_flow(&ctx->rl))
		return;
	ktls_ticket_end(hs->tickets);
	hs->tickets = NULL;
	ktls_ctx_set_session(ctx, NULL);
	kfree_sensitive(hs->exporter);
	hs->exporter = NULL;
}

/**
 * ktls_handshake_reset - forget everything about a connection
 * @ctx: the context
 *
 * Before the socket is connected anew. The configuration stays.
 *
 * Context: process, socket lock held.
 */
void ktls_handshake_reset(struct ktls_ctx *ctx)
{
	sock_owned_by_me(ctx->rl.sk);
	ktls_ctx_disarm(ctx);
	ktls_ctx_unwatch(ctx);
	ktls_handshake_end(ctx);
	ktls_rl_reset(&ctx->rl, &ktls_rules_handshake);
	ktls_handshake_forget(ctx);
	WRITE_ONCE(ctx->connect.starttls, false);
	ctx->connect.pending = false;
	WRITE_ONCE(ctx->connect.result, 0);
	clear_bit(KTLS_F_FIN, &ctx->flags);
	clear_bit(KTLS_F_SHUT, &ctx->flags);
	clear_bit(KTLS_F_RESET_DUE, &ctx->flags);
}

/**
 * ktls_handshake_begin - start the handshake on an established connection
 * @ctx: in state NEW or CONNECTING
 * @role: enum ktls_role
 * @ops: whom it is for
 *
 * Context: process, socket lock held.
 * Return: 0, then the context's work does the rest; or -ENOMEM, and the state has not
 * changed.
 */
int ktls_handshake_begin(struct ktls_ctx *ctx, u8 role, const struct ktls_handshake_ops *ops)
{
	const struct ktls_config *config = ktls_config_freeze(ctx->config);
	struct ktls_handshake *hs;

	sock_owned_by_me(ctx->rl.sk);
	if (ktls_ctx_start(ctx))
		return -ENOMEM;
	hs = ktls_config_zalloc(config, sizeof(*hs));
	if (!hs)
		return -ENOMEM;
	hs->ops = ops;
	hs->started = jiffies;

	ctx->conn->hs.running = hs;
	ctx->rl.role = role;
	ctx->rl.padding = config->padding;
	ktls_state_set(ctx, KTLS_STATE_HANDSHAKE);
	ktls_ctx_arm(ctx, config->timeout_ms);
	ktls_mib_inc(sock_net(ctx->rl.sk), role == KTLS_ROLE_CLIENT ?
		     KTLS_MIB_HANDSHAKES_CLIENT : KTLS_MIB_HANDSHAKES_SERVER);
	ktls_ctx_kick(ctx);
	return 0;
}

/* The end, without success; the reason is set. @records are the helper's
 * last words, sealed as they have to be; only it has the handshake keys.
 */
static void handshake_fail(struct ktls_ctx *ctx, int err, const void *records, size_t len)
{
	const struct ktls_handshake_ops *ops = ctx->conn->hs.running->ops;
	struct sock *sk = ctx->rl.sk;

	ktls_handshake_end(ctx);
	ktls_dir_clear(&ctx->rl.flow->tx);
	ktls_dir_clear(&ctx->rl.flow->rx);
	ktls_mib_inc(sock_net(sk), KTLS_MIB_HANDSHAKES_FAILED);
	if (err == ETIMEDOUT)
		ktls_mib_inc(sock_net(sk), KTLS_MIB_HANDSHAKES_TIMEOUT);
	if (err == EHOSTDOWN)
		ktls_mib_inc(sock_net(sk), KTLS_MIB_HELPER_LOST);

	/* Before the error is the program's to fetch: with one, TCP takes nothing. */
	if (len)
		ktls_tx_queue_records(&ctx->rl, records, len);
	if (!ctx->accept.parent)
		ktls_fin_send(ctx);
	WRITE_ONCE(ctx->rl.rx.error, ENOTCONN);
	WRITE_ONCE(ctx->rl.tx.error, EPIPE);
	WRITE_ONCE(ctx->connect.result, err);
	WRITE_ONCE(sk->sk_err, err);
	ktls_state_set(ctx, KTLS_STATE_FAILED);
	ops->failed(ctx);
}

/* A failure that the kernel finds itself. Before the helper was asked nothing
 * is sealed yet, and an alert can be sent in the clear (RFC 8446 6).
 */
static void handshake_refuse(struct ktls_ctx *ctx, int err, u8 alert)
{
	u8 record[] = {
		KTLS_CT_ALERT, KTLS_TLS_1_2 >> 8, KTLS_TLS_1_2 & 0xff, 0, 2,
		KTLS_ALERT_FATAL, alert,
	};
	bool clear = alert != KTLS_ALERT_NONE && !ctx->conn->hs.running->req;

	if (clear)
		ctx->rl.alert_sent = alert;
	handshake_fail(ctx, err, record, clear ? sizeof(record) : 0);
}

/* Both directions have their keys before a byte of the last flight goes out:
 * the peer's answer to it may be application data.
 *
 * ORDER: the helper's last records go in front of all we shall ever seal, and
 * what it did not consume goes in front of TCP's queue, before the state says
 * that programs may send and receive.
 */
static int handshake_open(struct ktls_ctx *ctx, struct ktls_done *done,
			  const void *records, size_t len)
{
	struct ktls_handshake *hs = ctx->conn->hs.running;
	struct sock *sk = ctx->rl.sk;
	int err;

	err = ktls_negotiated_install(&ctx->rl, ctx->config, done);
	if (err)
		return err;
	err = ktls_framing_unread(&ctx->rl, hs->batch + done->consumed,
				  hs->batch_len - done->consumed);
	if (err)
		return err;
	if (len) {
		err = ktls_tx_queue_records(&ctx->rl, records, len);
		if (err < 0 && err != -EAGAIN)
			return err;
	}

	ktls_ctx_set_session(ctx, &done->session);
	if (done->max_fragment)
		ctx->rl.max_payload = done->max_fragment;
	if (ctx->rl.role == KTLS_ROLE_CLIENT)
		ctx->conn->hs.tickets = ktls_ticket_begin(hs->req, done->messages);

	ktls_handshake_end(ctx);
	ktls_state_set(ctx, KTLS_STATE_OPEN);
	/* Tickets may have come with the last of the handshake. */
	if (ktls_ready_worth_waking(ctx))
		ktls_ready_watch(ctx);
	ktls_mib_inc(sock_net(sk), KTLS_MIB_HANDSHAKES_DONE);
	return 0;
}

/* Which of a helper's errnos reach the program. Others would have another meaning as
 * the result of connect(), such as "call again" or "bad address".
 */
static int handshake_errno(int error)
{
	switch (error) {
	case EACCES:
	case EHOSTDOWN:
	case EINVAL:
	case EKEYREJECTED:
	case ENOBUFS:
	case ENOKEY:
	case ENOMEM:
	case EOPNOTSUPP:
	case EPROTO:
	case ETIMEDOUT:
		return error;
	default:
		return EPROTO;
	}
}

static void handshake_done(struct ktls_ctx *ctx, struct ktls_done *done,
			   const void *records, size_t len)
{
	const struct ktls_handshake_ops *ops = ctx->conn->hs.running->ops;
	struct ktls_handshake *hs = ctx->conn->hs.running;
	const char *objection;
	int err;

	if (done->alert_rcvd)
		ctx->rl.alert_rcvd = done->alert;
	else
		ctx->rl.alert_sent = done->alert;
	done->session.handshake_ms = jiffies_to_msecs(jiffies - hs->started);
	if (done->error) {
		ktls_ctx_keep_session(ctx, &done->session);
		ktls_reason_set(&ctx->rl, "%s", done->reason);
		handshake_fail(ctx, handshake_errno(done->error), records, len);
		return;
	}

	objection = hs->broken ? "success after a record against the RFC" :
		    ktls_negotiated_objection(ctx, done, hs->batch, hs->batch_len);
	if (objection) {
		ktls_ctx_keep_session(ctx, &done->session);
		ktls_mib_inc(sock_net(ctx->rl.sk), KTLS_MIB_HELPER_BAD);
		ktls_reason_set(&ctx->rl, "the helper returned %s", objection);
		handshake_fail(ctx, EPROTO, NULL, 0);
		return;
	}

	err = handshake_open(ctx, done, records, len);
	if (err) {
		ktls_ctx_keep_session(ctx, &done->session);
		ktls_reason_set(&ctx->rl, "the keys could not be installed (errno %d)", -err);
		handshake_fail(ctx, err == -ENOMEM ? ENOMEM : EPROTO, NULL, 0);
		return;
	}

	ops->opened(ctx);
}

/* TCP's end of the connection, if it has come: a positive errno, or 0. */
static int handshake_peer_gone(struct ktls_ctx *ctx)
{
	struct sock *sk = ctx->rl.sk;
	int err = READ_ONCE(sk->sk_err);

	if (sk->sk_state == TCP_CLOSE) {
		ktls_reason_set(&ctx->rl, "the connection was reset during the handshake");
		return err ? : ECONNRESET;
	}
	if (sk->sk_shutdown & RCV_SHUTDOWN) {
		ktls_reason_set(&ctx->rl, "the peer closed the connection during the handshake");
		return EPROTO;
	}
	return 0;
}

/* Whether a record has come that nobody has looked at: perhaps an alert, before a reset. */
static bool handshake_unread(const struct ktls_ctx *ctx)
{
	return ktls_framing_avail(&ctx->rl) >= KTLS_HEADER_SIZE;
}

/* The next record is against the RFC; why is the reason of KTLS_ERROR. Once the
 * helper was asked, only it can seal the alert: it gets the header, and refuses it.
 */
static void handshake_object(struct ktls_ctx *ctx, u8 alert)
{
	struct ktls_handshake *hs = ctx->conn->hs.running;
	u8 header[KTLS_HEADER_SIZE];
	int err;

	if (!hs->req) {
		handshake_refuse(ctx, EPROTO, alert);
		return;
	}
	hs->wants = false;
	hs->broken = true;
	err = ktls_framing_copy(&ctx->rl, 0, header, sizeof(header));
	if (!err)
		err = ktls_request_data(hs->req, header, sizeof(header),
					ktls_reason_get(&ctx->rl));
	if (err)
		handshake_refuse(ctx, EPROTO, KTLS_ALERT_NONE);
}

/* How much there is for the helper: bytes, 0: nothing yet, negative: failed, and
 * all is done. A server's first batch is to have a ClientHello.
 */
static int handshake_find(struct ktls_ctx *ctx, bool first)
{
	int err, len;
	u8 alert;

	len = ktls_batch_find(ctx, KTLS_HS_BATCH_MAX, first, &alert);
	if (len == -EPROTO) {
		handshake_object(ctx, alert);
		return len;
	}
	if (len < 0) {
		ktls_reason_set(&ctx->rl, "no memory for the handshake");
		handshake_refuse(ctx, -len, KTLS_ALERT_INTERNAL_ERROR);
		return len;
	}
	if (!len) {
		err = handshake_peer_gone(ctx);
		if (err)
			handshake_fail(ctx, err, NULL, 0);
		return -err;
	}
	if (ctx->conn->hs.running->bytes_in + len > HANDSHAKE_BYTES_MAX) {
		ktls_reason_set(&ctx->rl, "the peer's handshake is larger than %u bytes",
				HANDSHAKE_BYTES_MAX);
		handshake_refuse(ctx, EPROTO, KTLS_ALERT_NONE);
		return -EPROTO;
	}
	return len;
}

/* Takes that from TCP. 0, or negative: failed, and all is done. */
static int handshake_take(struct ktls_ctx *ctx, u32 len)
{
	struct ktls_handshake *hs = ctx->conn->hs.running;
	int err = -ENOMEM;

	kvfree(hs->batch);
	hs->batch = ktls_config_zalloc(ctx->config, len);
	if (hs->batch)
		err = ktls_batch_take(ctx, hs->batch, len);
	if (err) {
		ktls_reason_set(&ctx->rl, "no memory for the handshake");
		handshake_refuse(ctx, -err, KTLS_ALERT_INTERNAL_ERROR);
		return err;
	}
	hs->batch_len = len;
	hs->bytes_in += len;
	return 0;
}

static struct ktls_request *handshake_start(struct ktls_ctx *ctx)
{
	struct ktls_request_params params = {
		.cmd		= KTLS_CMD_START,
		.role		= ctx->rl.role,
		.net		= sock_net(ctx->rl.sk),
		.config		= ctx->config,
		.owner		= ctx->accept.parent,
		.deadline	= hrtimer_get_expires(&ctx->life.deadline),
		.records	= ctx->conn->hs.running->batch,
		.records_len	= ctx->conn->hs.running->batch_len,
	};

	ktls_request_addresses(ctx->rl.sk, &params.local, &params.peer);
	ktls_ctx_hold(ctx);
	return ktls_request_start(&params, &ctx->life.waiter);
}

/* The first message to the helper. A client's has no records; a server's waits
 * for the ClientHello, so that silent peers cost nothing.
 */
static void handshake_ask(struct ktls_ctx *ctx)
{
	struct ktls_handshake *hs = ctx->conn->hs.running;
	struct ktls_request *req;
	int len;

	if (ctx->rl.role == KTLS_ROLE_SERVER) {
		len = handshake_find(ctx, true);
		if (len <= 0)
			return;
		if (ctx->rl.sk->sk_state == TCP_CLOSE) {
			handshake_fail(ctx, handshake_peer_gone(ctx), NULL, 0);
			return;
		}
		if (hs->ops->hello && !hs->ops->hello(ctx)) {
			if (ctx->rl.sk->sk_state == TCP_CLOSE)
				handshake_fail(ctx, handshake_peer_gone(ctx), NULL, 0);
			return;
		}
		if (handshake_take(ctx, len))
			return;
	}

	req = handshake_start(ctx);
	if (IS_ERR(req)) {
		ktls_reason_set(&ctx->rl, PTR_ERR(req) == -ESRCH ?
				"no helper serves this network namespace: is ktlsd running?" :
				"the handshake could not be handed to the helper");
		handshake_refuse(ctx, -PTR_ERR(req), KTLS_ALERT_INTERNAL_ERROR);
		return;
	}
	hs->req = req;
}

/* Hands the next records to the helper, which has asked for them. */
static void handshake_feed(struct ktls_ctx *ctx)
{
	struct ktls_handshake *hs = ctx->conn->hs.running;
	int err, len;

	len = handshake_find(ctx, false);
	if (len <= 0 || handshake_take(ctx, len))
		return;
	hs->wants = false;
	hs->sent_data = true;
	err = ktls_request_data(hs->req, hs->batch, hs->batch_len, NULL);
	if (err) {
		ktls_reason_set(&ctx->rl, "the handshake could not be handed to the helper");
		handshake_refuse(ctx, -err, KTLS_ALERT_NONE);
	}
}

/* What the helper has answered. Returns whether there is more to do now. */
static bool handshake_answer(struct ktls_ctx *ctx)
{
	struct ktls_handshake *hs = ctx->conn->hs.running;
	struct ktls_done *done = NULL;
	enum ktls_answer answer;
	void *records = NULL;
	size_t len = 0;
	int err = 0;

	answer = ktls_request_take(hs->req, &records, &len, &done);
	switch (answer) {
	case KTLS_ANSWER_NONE:
		return false;
	case KTLS_ANSWER_DATA:
		if (len)
			err = ktls_tx_queue_records(&ctx->rl, records, len);
		if (len && ctx->accept.parent)
			ktls_places_answered(ctx);
		if (hs->broken) {
			handshake_fail(ctx, EPROTO, NULL, 0);
		} else if (err < 0 && err != -EAGAIN && !handshake_unread(ctx)) {
			ktls_reason_set(&ctx->rl, "the handshake could not be sent (errno %d)",
					-err);
			handshake_fail(ctx, -err, NULL, 0);
		} else {
			hs->wants = true;
		}
		break;
	case KTLS_ANSWER_DONE:
		handshake_done(ctx, done, records, len);
		break;
	case KTLS_ANSWER_LOST:
		ktls_reason_set(&ctx->rl, "the helper ktlsd went away during the handshake");
		handshake_fail(ctx, EHOSTDOWN, NULL, 0);
		break;
	}
	ktls_done_free(done);
	kvfree(records);
	return ctx->state == KTLS_STATE_HANDSHAKE;
}

/* Whose fault it is that the deadline passes: without a request, or when more is
 * wanted, the peer is the one who is waited for.
 */
static const char *handshake_late(const struct ktls_handshake *hs)
{
	if (!hs->req || hs->wants || ktls_request_is_answered(hs->req))
		return "handshake did not finish";
	return "helper ktlsd did not answer";
}

/**
 * ktls_handshake_step - move the handshake as far as it goes now
 * @ctx: in state HANDSHAKE
 *
 * On return either something will kick the work again (TCP, the helper, the
 * deadline), or the state is another one.
 *
 * Context: the context's work, socket lock held.
 */
void ktls_handshake_step(struct ktls_ctx *ctx)
{
	struct ktls_handshake *hs = ctx->conn->hs.running;
	int err;

	sock_owned_by_me(ctx->rl.sk);
	if (test_bit(KTLS_F_DEADLINE, &ctx->flags)) {
		ktls_reason_set(&ctx->rl, "the %s within %u ms", handshake_late(hs),
				ctx->config->timeout_ms);
		handshake_refuse(ctx, ETIMEDOUT, KTLS_ALERT_NONE);
		return;
	}

	ktls_tx_push(&ctx->rl);
	if (!hs->req) {
		handshake_ask(ctx);
		return;
	}
	while (handshake_answer(ctx))
		;
	/* hs is gone if the handshake has ended. */
	if (ctx->state != KTLS_STATE_HANDSHAKE)
		return;
	if (hs->wants) {
		handshake_feed(ctx);
		return;
	}
	/* While the helper thinks, a reset ends the handshake, unless something came
	 * before it; a FIN does not. What came before may be an alert, and the helper
	 * may have it by now. A server's ClientHello is none.
	 */
	if (ctx->rl.sk->sk_state == TCP_CLOSE && !hs->sent_data && !handshake_unread(ctx)) {
		err = handshake_peer_gone(ctx);
		handshake_fail(ctx, err, NULL, 0);
	}
}
