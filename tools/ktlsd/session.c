// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "lib/clock.h"
#include "lib/genl.h"
#include "lib/log.h"
#include "comply.h"
#include "failure.h"
#include "reply.h"
#include "room.h"
#include "session.h"
#include "sessions.h"
#include "tls/client_ticket.h"
#include "tls/own_cert.h"
#include "tls/psk.h"
#include "tls/server_ticket.h"

void ktlsd_session_begin_message(struct ktlsd_sessions *sessions,
				  struct ktlsd_message *message, uint8_t cmd,
				  uint64_t id)
{
	ktlsd_message_begin(message, sessions->tx, KTLSD_GENL_TX_SIZE,
			    sessions->family, cmd, ++sessions->seq);
	ktlsd_message_put_u64(message, KTLS_A_ID, id);
}

int ktlsd_session_send_message(struct ktlsd_sessions *sessions,
				const struct ktlsd_message *message)
{
	int err = message->overflow ? -EMSGSIZE :
		  sessions->send(sessions->send_arg, message);

	if (err)
		ktlsd_log_limited(&sessions->limit, KTLSD_LOG_WARNING,
				  "ktlsd could not send a message to the kernel: %s.",
				  strerror(-err));
	return err;
}

/* Sends the output of the handshake, except what fits into one more message.
 * Return: 0 and that rest, or a negative errno.
 */
static int session_send_output(struct ktlsd_sessions *sessions,
			       struct ktlsd_session *session,
			       const uint8_t **ret_rest, size_t *ret_len)
{
	const uint8_t *records = session->handshake->output.data;
	size_t len = session->handshake->output.len, part;
	struct ktlsd_message message;
	int err;

	while ((part = ktlsd_reply_cut(records, len)) < len) {
		ktlsd_session_begin_message(sessions, &message, KTLS_CMD_DATA,
				      session->request.id);
		ktlsd_message_put(&message, KTLS_A_RECORDS, records, part);
		ktlsd_message_put_flag(&message, KTLS_A_MORE);
		session->last_seq = sessions->seq;
		err = ktlsd_session_send_message(sessions, &message);
		if (err)
			return err;
		records += part;
		len -= part;
	}
	*ret_rest = records;
	*ret_len = len;
	return 0;
}

static int session_send_data(struct ktlsd_sessions *sessions,
			     struct ktlsd_session *session)
{
	struct ktlsd_message message;
	const uint8_t *rest;
	size_t len;
	int err;

	err = session_send_output(sessions, session, &rest, &len);
	if (err)
		return err;
	ktlsd_session_begin_message(sessions, &message, KTLS_CMD_DATA,
			      session->request.id);
	if (len)
		ktlsd_message_put(&message, KTLS_A_RECORDS, rest, len);
	session->last_seq = sessions->seq;
	err = ktlsd_session_send_message(sessions, &message);
	ktlsd_buffer_free(&session->handshake->output);
	return err;
}

void ktlsd_session_refuse(struct ktlsd_sessions *sessions, uint64_t id,
			   const struct ktlsd_fault *fault)
{
	struct ktlsd_message message;

	ktlsd_session_begin_message(sessions, &message, KTLS_CMD_DONE, id);
	ktlsd_reply_failure(&message, NULL, fault);
	ktlsd_session_send_message(sessions, &message);
}

void ktlsd_session_log_failure(struct ktlsd_sessions *sessions,
			       const struct ktlsd_request *request,
			       const struct ktlsd_fault *fault)
{
	if (!request->check)
		sessions->failed++;
	ktlsd_failure_log(&sessions->limit, request, fault);
}

void ktlsd_session_fail(struct ktlsd_sessions *sessions,
			 struct ktlsd_session *session,
			 const struct ktlsd_fault *fault)
{
	struct ktlsd_message message;
	const uint8_t *rest = NULL;
	size_t len = 0;

	ktlsd_session_log_failure(sessions, &session->request, fault);
	ktlsd_metrics_fail(&sessions->metrics, &session->span, fault);
	if (session->handshake)
		session_send_output(sessions, session, &rest, &len);
	ktlsd_session_begin_message(sessions, &message, KTLS_CMD_DONE,
			      session->request.id);
	if (len)
		ktlsd_message_put(&message, KTLS_A_RECORDS, rest, len);
	ktlsd_reply_failure(&message, session->handshake, fault);
	ktlsd_session_send_message(sessions, &message);
	ktlsd_sessions_end(sessions, session);
}

/* Saves the session of a client for resumption. In TLS 1.2 it exists already; in TLS 1.3
 * sessions come with tickets. Return: how many tickets to await.
 */
static unsigned int session_save(struct ktlsd_sessions *sessions,
				 struct ktlsd_session *session)
{
	struct ktlsd_saved_session *saved;

	if (!sessions->cache || session->handshake->is_server)
		return 0;
	if (SSL_version(session->handshake->ssl) == TLS1_3_VERSION)
		return ktlsd_client_ticket_wanted(session->handshake);
	saved = ktlsd_client_ticket_save(session->handshake, session->config->ticket_lifetime);
	if (saved)
		ktlsd_cache_put(sessions->cache, saved);
	return 0;
}

/* Sends DONE with the keys, after a complete handshake. */
static void session_succeed(struct ktlsd_sessions *sessions,
			    struct ktlsd_session *session)
{
	struct ktlsd_message message;
	struct ktlsd_result result;
	struct ktlsd_fault fault = { .alert = KTLSD_ALERT_NONE };
	unsigned int messages;
	const uint8_t *rest;
	size_t len;
	int err;

	err = ktlsd_handshake_finish(session->handshake, &result, &fault);
	if (err) {
		ktlsd_session_fail(sessions, session, &fault);
		return;
	}
	messages = session_save(sessions, session);
	err = session_send_output(sessions, session, &rest, &len);
	if (!err) {
		ktlsd_session_begin_message(sessions, &message, KTLS_CMD_DONE,
				      session->request.id);
		if (len)
			ktlsd_message_put(&message, KTLS_A_RECORDS, rest, len);
		ktlsd_reply_success(&message, session->handshake, &result, messages);
		err = ktlsd_session_send_message(sessions, &message);
		OPENSSL_cleanse(sessions->tx, message.nlh->nlmsg_len);
	}
	if (err) {
		ktlsd_errors_set(&fault, -ENOMEM,
				 "ktlsd could not send the keys to the kernel.");
		ktlsd_session_refuse(sessions, session->request.id, &fault);
		sessions->failed++;
		ktlsd_metrics_fail(&sessions->metrics, &session->span, &fault);
	} else {
		sessions->done++;
		ktlsd_metrics_done(&sessions->metrics, &session->span, result.resumed);
	}
	ktlsd_log(KTLSD_LOG_DEBUG, "Handshake %" PRIu64 " is complete: %s.",
		  session->request.id, result.suite->name);
	ktlsd_handshake_wipe_result(&result);
	if (!err && messages) {
		ktlsd_ticket_waiters_add(&sessions->ticket_waiters, session->request.id,
					 session->handshake, session->context,
					 &session->hold, session->config->ticket_lifetime,
					 ktlsd_clock_ms());
		session->handshake = NULL;
		session->context = NULL;
	}
	ktlsd_sessions_end(sessions, session);
}

/* Sends DONE without error, for a CHECK. */
static void session_pass_check(struct ktlsd_sessions *sessions,
			       struct ktlsd_session *session)
{
	struct ktlsd_message message;

	ktlsd_session_begin_message(sessions, &message, KTLS_CMD_DONE,
			      session->request.id);
	ktlsd_message_put_u32(&message, KTLS_A_ERRNO, 0);
	ktlsd_session_send_message(sessions, &message);
	ktlsd_sessions_end(sessions, session);
}

/* Continues the handshake with a complete batch, or with what it waited for. */
/* Whose handshake it is: the ClientHello, with the server name, has been read. */
static void session_settle(struct ktlsd_sessions *sessions, struct ktlsd_session *session)
{
	const struct ktlsd_identity *identity = session->handshake->identity;

	if (identity)
		ktlsd_metrics_identify(&sessions->metrics, &session->span, identity->name);
	ktlsd_metrics_settle(&session->span);
}

static void session_run(struct ktlsd_sessions *sessions,
			struct ktlsd_session *session)
{
	struct ktlsd_fault fault = { .alert = KTLSD_ALERT_NONE };
	const size_t len = session->input.len;
	int ret;

	if (!session->handshake || !(session->whole || session->waits))
		return;
	session->whole = false;
	session->waits = false;
	ret = ktlsd_handshake_run(session->handshake, session->input.data,
				  session->input.len, &fault);
	ktlsd_buffer_free(&session->input);
	if (len || !session->request.is_server)
		session_settle(sessions, session);
	if (ret == KTLSD_HANDSHAKE_READS && session_send_data(sessions, session))
		ret = ktlsd_errors_set(&fault, -ENOMEM,
				       "ktlsd could not send its handshake records to the kernel.");
	if (ret < 0)
		ktlsd_session_fail(sessions, session, &fault);
	else if (ret == KTLSD_HANDSHAKE_FINISHED)
		session_succeed(sessions, session);
	else
		session->waits = ret == KTLSD_HANDSHAKE_WAITS;
	if (ret == KTLSD_HANDSHAKE_WAITS)
		ktlsd_metrics_count(&sessions->metrics, KTLSD_EVENT_PAUSE, 1);
}

/* Offers a cached session to a server, if there is one. */
static void session_offer(struct ktlsd_sessions *sessions, struct ktlsd_handshake *hs,
			  const struct ktlsd_fingerprint *fingerprint)
{
	struct ktlsd_saved_session *saved;

	saved = ktlsd_cache_take(sessions->cache, fingerprint, time(NULL));
	ktlsd_metrics_count(&sessions->metrics,
			    saved ? KTLSD_EVENT_CACHE_HIT : KTLSD_EVENT_CACHE_MISS, 1);
	ktlsd_client_ticket_offer(hs, fingerprint, saved);
}

/* Sets up resumption: an external pre-shared key, or sessions. */
static int session_resume(struct ktlsd_sessions *sessions,
			  struct ktlsd_session *session, struct ktlsd_fault *fault)
{
	const struct ktlsd_request *request = &session->request;
	struct ktlsd_handshake *hs = session->handshake;
	struct ktlsd_fingerprint fingerprint;
	int err;

	if (session->context->psk) {
		ktlsd_psk_use(hs, session->context->psk);
		return 0;
	}
	if (!request->tickets || request->check)
		return 0;
	hs->session_age = session->config->session_age;
	err = ktlsd_fingerprint_request(&session->context->fingerprint, request,
					&fingerprint);
	if (!err && request->is_server && sessions->ticket_keys)
		err = ktlsd_server_ticket_enable(hs, &fingerprint, sessions->ticket_keys,
						 request->tickets);
	/* Without verification a session would not prove who the server is. */
	if (!err && !request->is_server && sessions->cache &&
	    session->config->session_cache && request->verify != KTLS_VERIFY_NONE)
		session_offer(sessions, hs, &fingerprint);
	return err ? ktlsd_errors_set(fault, err, "ktlsd is out of memory.") : 0;
}

/* Return: 0 for our clients, which are one source. */
static uint32_t session_hash_network(const struct ktlsd_source *source)
{
	uint64_t hash = source->prefix * UINT64_C(0x9e3779b97f4a7c15);

	return source->kind == KTLSD_SOURCE_PEER ? (uint32_t)(hash >> 32) | 1 : 0;
}

/* Sets up how the peer is checked for revocation. */
static int session_set_status(struct ktlsd_sessions *sessions, struct ktlsd_session *session,
			      struct ktlsd_fault *fault)
{
	struct ktlsd_status *status = &session->handshake->status;
	int64_t now = ktlsd_clock_ms(), wait = (session->request.deadline - now) / 2;
	int err;

	err = ktlsd_status_setup(session->handshake,
				 ktlsd_context_revocation(session->context, session->config,
							  &session->request.bounds,
							  session->identity),
				 session->config->crls);
	status->asker = sessions->asker;
	status->user = (uint64_t)session->request.caller.uid << 32 |
		       session_hash_network(&session->request.source);
	status->own_anchors = session->context->anchors;
	status->deadline = now + (wait < KTLSD_STATUS_WAIT_MS ? wait : KTLSD_STATUS_WAIT_MS);
	return err ? ktlsd_errors_set(fault, err, "ktlsd is out of memory.") : 0;
}

/* Begins the handshake with the context. */
static void session_start(struct ktlsd_sessions *sessions,
			  struct ktlsd_session *session)
{
	struct ktlsd_fault fault = { .alert = KTLSD_ALERT_NONE };
	int err;

	session->step = KTLSD_SESSION_RUN;
	err = ktlsd_comply_keys(session->context->ctx, &session->request.bounds, &fault);
	if (!err)
		err = ktlsd_handshake_new(session->context->ctx, &session->request,
				  sessions->suites, ktlsd_context_ca_names(session->context),
				  &session->handshake, &fault);
	if (!err && session->identity &&
	    ktlsd_own_cert_use(session->handshake, session->identity))
		err = ktlsd_errors_set(&fault, -ENOMEM, "ktlsd is out of memory.");
	if (!err)
		err = session_set_status(sessions, session, &fault);
	if (!err)
		err = session_resume(sessions, session, &fault);
	if (err)
		ktlsd_session_fail(sessions, session, &fault);
	else if (session->request.check)
		session_pass_check(sessions, session);
	else
		session_run(sessions, session);
}

/* Reads some of the trust anchors. Return: as ktlsd_anchors_read(), or -ENOBUFS. */
static int session_read_anchors(struct ktlsd_sessions *sessions,
				struct ktlsd_session *session, struct ktlsd_fault *fault)
{
	struct ktlsd_context_parts parts;
	int err = 0;

	ktlsd_fetch_view(&session->fetch, &parts);
	parts.anchors = session->anchors;
	if (!parts.anchors)
		err = ktlsd_context_open_anchors(&sessions->contexts, &session->request,
						 &session->digest, &parts, fault);
	session->anchors = parts.anchors;
	/* They were not in the cache. */
	if (!err && parts.anchors && !parts.anchors->hold.bytes)
		err = ktlsd_room_take(sessions, &session->request, &parts.anchors->hold,
				      parts.anchors->cost, fault);
	if (err || !parts.anchors)
		return err;
	return ktlsd_anchors_read(&sessions->contexts.anchors, parts.anchors, fault);
}

/* Takes the memory of the context that will be made. Not within a job: it may end others. */
static int session_take_context(struct ktlsd_sessions *sessions,
				struct ktlsd_session *session, struct ktlsd_fault *fault)
{
	struct ktlsd_context_parts parts;

	ktlsd_fetch_view(&session->fetch, &parts);
	return ktlsd_room_take(sessions, &session->request, &session->making,
			       ktlsd_context_cost(&parts), fault);
}

/* A job: a private key of the program is passed to the signer. */
static int session_make_context(void *arg)
{
	struct ktlsd_session *session = arg;
	struct ktlsd_sessions *sessions = session->sessions;
	struct ktlsd_context_parts parts;

	ktlsd_fetch_view(&session->fetch, &parts);
	parts.anchors = session->anchors;
	parts.hold = &session->making;
	return ktlsd_context_make(&sessions->contexts, session->config == sessions->config,
				  session->config, &session->request, session->identity,
				  &parts, &session->context, &session->owner.fault);
}

/* Starts that job, or continues it. Return: 1 it waits, 0, or a negative errno. */
static int session_run_job(struct ktlsd_sessions *sessions, struct ktlsd_session *session)
{
	struct ktlsd_pause_owner *owner = &session->owner;
	int err, ret = 0;

	session->sessions = sessions;
	owner->id = session->request.id;
	owner->uid = session->request.caller.uid;
	/* The signer counts what a CHECK asks of it, as for a client. */
	if (!session->request.check)
		owner->source = session->request.source;
	owner->role = session->request.is_server ? KTLS_ROLE_SERVER : KTLS_ROLE_CLIENT;
	owner->rsa_transport = session->request.bounds.rsa_transport;
	owner->deadline = session->request.deadline;
	owner->fault.alert = KTLSD_ALERT_NONE;
	err = ktlsd_pause_run(&session->job, owner, session_make_context, session, &ret);
	if (err < 0)
		ktlsd_errors_set(&owner->fault, err, "ktlsd is out of memory, or too many handshakes wait for the signer: try again later.");
	return err ? err : ret;
}

/* Makes the context from the complete configuration. */
static void session_make(struct ktlsd_sessions *sessions,
			 struct ktlsd_session *session)
{
	struct ktlsd_fault fault = { .alert = KTLSD_ALERT_NONE };
	int err = 0;

	if (!session->job)
		err = session_read_anchors(sessions, session, &fault);
	if (!err && !session->job)
		err = session_take_context(sessions, session, &fault);
	/* A bundle takes many steps. */
	if (err > 0) {
		ktlsd_shares_ready(&sessions->shares, &session->place);
		return;
	}
	if (err) {
		ktlsd_session_fail(sessions, session, &fault);
		return;
	}
	err = session_run_job(sessions, session);
	session->waits = err == 1;
	if (session->waits)
		return;
	ktlsd_fetch_free(&session->fetch);
	/* A reload may have come while it waited. */
	if (!err && session->config != sessions->config)
		ktlsd_context_forget(session->context);
	if (err)
		ktlsd_session_fail(sessions, session, &session->owner.fault);
	else
		session_start(sessions, session);
}

bool ktlsd_session_fetch_next(struct ktlsd_sessions *sessions, struct ktlsd_session *session)
{
	struct ktlsd_message message;
	struct ktlsd_fault fault = { .alert = KTLSD_ALERT_NONE };
	uint32_t attr, offset;

	session->fetching = ktlsd_fetch_next(&session->fetch, &attr, &offset);
	if (!session->fetching)
		return false;
	ktlsd_session_begin_message(sessions, &message, KTLS_CMD_CONFIG,
				    session->request.id);
	ktlsd_message_put_u32(&message, KTLS_A_CONFIG_ATTR, attr);
	ktlsd_message_put_u32(&message, KTLS_A_OFFSET, offset);
	session->last_seq = sessions->seq;
	if (ktlsd_session_send_message(sessions, &message)) {
		ktlsd_errors_set(&fault, -ENOMEM,
				 "ktlsd could not ask the kernel for the configuration of the socket.");
		ktlsd_session_fail(sessions, session, &fault);
	}
	return true;
}

/* The first step. Policies and access are checked every time, also if the context is cached. */
static void session_begin(struct ktlsd_sessions *sessions,
			  struct ktlsd_session *session)
{
	const struct ktlsd_request *request = &session->request;
	struct ktlsd_fault fault = { .alert = KTLSD_ALERT_NONE };
	int err;

	err = ktlsd_comply_request(session->config, &session->request, &fault);
	if (!err && request->identity[0])
		err = ktlsd_config_find(session->config, request->identity,
					&request->caller, &session->identity,
					&fault);
	if (!err && session->identity)
		err = ktlsd_comply_identity(session->config, &session->request,
					    session->identity, &fault);
	if (err) {
		ktlsd_session_fail(sessions, session, &fault);
		return;
	}
	if (session->identity)
		ktlsd_metrics_identify(&sessions->metrics, &session->span,
				       session->identity->name);
	session->context = ktlsd_context_find(&sessions->contexts, request);
	if (session->context) {
		session_start(sessions, session);
		return;
	}
	session->step = KTLSD_SESSION_MAKE;
	ktlsd_fetch_init(&session->fetch, request->parts, &sessions->held,
			 &(struct ktlsd_quota_hold){ .quota = sessions->quota,
						     .uid = request->caller.uid });
	if (!ktlsd_session_fetch_next(sessions, session))
		session_make(sessions, session);
}

void ktlsd_session_step(struct ktlsd_sessions *sessions,
			struct ktlsd_session *session)
{
	switch (session->step) {
	case KTLSD_SESSION_BEGIN:
		session_begin(sessions, session);
		break;
	case KTLSD_SESSION_MAKE:
		session_make(sessions, session);
		break;
	case KTLSD_SESSION_RUN:
		session_run(sessions, session);
		break;
	}
}
