// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "../lib/genl.h"
#include "reply.h"
#include "session.h"

enum {
	SESSION_BUCKETS	= 4096,	/* a power of two */
};

int64_t ktlsd_session_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct ktlsd_session **session_slot(struct ktlsd_sessions *sessions,
					   uint64_t id)
{
	struct ktlsd_session **slot;

	slot = &sessions->buckets[id & (SESSION_BUCKETS - 1)];
	while (*slot && (*slot)->request.id != id)
		slot = &(*slot)->next;
	return slot;
}

/* Forgets a session, with all secrets. */
static void session_end(struct ktlsd_sessions *sessions,
			struct ktlsd_session *session)
{
	struct ktlsd_session **slot = session_slot(sessions, session->request.id);

	if (*slot == session) {
		*slot = session->next;
		sessions->count--;
	}
	ktlsd_engine_free(session->engine);
	ktlsd_context_put(session->context);
	ktlsd_fetch_free(&session->fetch);
	ktlsd_buffer_free(&session->input);
	ktlsd_config_put(session->config);
	free(session);
}

/* Begins a message about @id in the one buffer there is. */
static void session_begin_message(struct ktlsd_sessions *sessions,
				  struct ktlsd_message *message, uint8_t cmd,
				  uint64_t id)
{
	ktlsd_message_begin(message, sessions->tx, KTLSD_GENL_TX_SIZE,
			    sessions->family, cmd, ++sessions->seq);
	ktlsd_message_put_u64(message, KTLS_A_ID, id);
}

static int session_send_message(struct ktlsd_sessions *sessions,
				const struct ktlsd_message *message)
{
	int err = message->overflow ? -EMSGSIZE :
		  sessions->send(sessions->send_arg, message);

	if (err)
		ktlsd_log_limited(&sessions->limit, KTLSD_LOG_WARNING,
				  "A message to the kernel could not be sent: %s.",
				  strerror(-err));
	return err;
}

/*
 * Sends what the engine wrote, except the last message's worth.
 * Return: 0 and the rest, or a negative errno.
 */
static int session_send_output(struct ktlsd_sessions *sessions,
			       struct ktlsd_session *session,
			       const uint8_t **ret_rest, size_t *ret_len)
{
	const uint8_t *records = session->engine->output.data;
	size_t len = session->engine->output.len, part;
	struct ktlsd_message message;
	int err;

	while ((part = ktlsd_reply_cut(records, len)) < len) {
		session_begin_message(sessions, &message, KTLS_CMD_DATA,
				      session->request.id);
		ktlsd_message_put(&message, KTLS_A_RECORDS, records, part);
		ktlsd_message_put_flag(&message, KTLS_A_MORE);
		session->last_seq = sessions->seq;
		err = session_send_message(sessions, &message);
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
	session_begin_message(sessions, &message, KTLS_CMD_DATA,
			      session->request.id);
	if (len)
		ktlsd_message_put(&message, KTLS_A_RECORDS, rest, len);
	session->last_seq = sessions->seq;
	err = session_send_message(sessions, &message);
	ktlsd_buffer_free(&session->engine->output);
	return err;
}

/* Answers a request for which there is no session, or no engine. */
static void session_refuse(struct ktlsd_sessions *sessions, uint64_t id,
			   const struct ktlsd_fault *fault)
{
	struct ktlsd_message message;

	session_begin_message(sessions, &message, KTLS_CMD_DONE, id);
	ktlsd_reply_failure(&message, NULL, fault);
	session_send_message(sessions, &message);
}

static void session_log_failure(struct ktlsd_sessions *sessions,
				const struct ktlsd_request *request,
				const struct ktlsd_fault *fault)
{
	if (!request->check)
		sessions->failed++;
	ktlsd_log_limited(&sessions->limit, KTLSD_LOG_INFO,
			  "%s %" PRIu64 " of %s (pid %u, uid %u)%s%s: %s: %s",
			  request->check ? "Check" : request->is_server ?
			  "Server handshake" : "Client handshake",
			  request->id, request->caller.comm, request->caller.pid,
			  request->caller.uid, request->name.text[0] ? " with " : "",
			  request->name.text, strerror(-fault->error),
			  fault->sentence);
}

/* DONE with a failure; the session is gone afterwards. */
static void session_fail(struct ktlsd_sessions *sessions,
			 struct ktlsd_session *session,
			 const struct ktlsd_fault *fault)
{
	struct ktlsd_message message;
	const uint8_t *rest = NULL;
	size_t len = 0;

	session_log_failure(sessions, &session->request, fault);
	if (session->engine)
		session_send_output(sessions, session, &rest, &len);
	session_begin_message(sessions, &message, KTLS_CMD_DONE,
			      session->request.id);
	if (len)
		ktlsd_message_put(&message, KTLS_A_RECORDS, rest, len);
	ktlsd_reply_failure(&message, session->engine, fault);
	session_send_message(sessions, &message);
	session_end(sessions, session);
}

/*
 * Whether the engine is worth more than its handshake. A session of TLS 1.2 is
 * there already; those of TLS 1.3 come with tickets. Return: how many are wanted.
 */
static unsigned int session_save(struct ktlsd_sessions *sessions,
				 struct ktlsd_session *session)
{
	struct ktlsd_saved *saved;

	if (!sessions->cache || session->engine->is_server)
		return 0;
	if (SSL_version(session->engine->ssl) == TLS1_3_VERSION)
		return ktlsd_ticket_wanted(session->engine);
	saved = ktlsd_ticket_save(session->engine, session->config->ticket_lifetime);
	if (saved)
		ktlsd_cache_put(sessions->cache, saved);
	return 0;
}

/* DONE with keys, after a handshake. */
static void session_succeed(struct ktlsd_sessions *sessions,
			    struct ktlsd_session *session)
{
	struct ktlsd_message message;
	struct ktlsd_result result;
	struct ktlsd_fault fault;
	unsigned int messages;
	const uint8_t *rest;
	size_t len;
	int err;

	fault.alert = KTLSD_ALERT_NONE;
	err = ktlsd_engine_finish(session->engine, &result, &fault);
	if (err) {
		session_fail(sessions, session, &fault);
		return;
	}
	messages = session_save(sessions, session);
	err = session_send_output(sessions, session, &rest, &len);
	if (!err) {
		session_begin_message(sessions, &message, KTLS_CMD_DONE,
				      session->request.id);
		if (len)
			ktlsd_message_put(&message, KTLS_A_RECORDS, rest, len);
		ktlsd_reply_success(&message, session->engine, &result, messages);
		err = session_send_message(sessions, &message);
		OPENSSL_cleanse(sessions->tx, message.nlh->nlmsg_len);
	}
	if (err) {
		ktlsd_errors_set(&fault, -ENOMEM,
				 "ktlsd could not hand the keys to the kernel.");
		session_refuse(sessions, session->request.id, &fault);
		sessions->failed++;
	} else {
		sessions->done++;
	}
	ktlsd_log(KTLSD_LOG_DEBUG, "Handshake %" PRIu64 " is complete: %s.",
		  session->request.id, result.suite->name);
	ktlsd_engine_wipe_result(&result);
	if (!err && messages) {
		ktlsd_kept_add(&sessions->kept, session->request.id, session->engine,
			       session->context, session->config->ticket_lifetime,
			       ktlsd_session_clock());
		session->engine = NULL;
		session->context = NULL;
	}
	session_end(sessions, session);
}

/* CHECK found nothing wrong. */
static void session_approve(struct ktlsd_sessions *sessions,
			    struct ktlsd_session *session)
{
	struct ktlsd_message message;

	session_begin_message(sessions, &message, KTLS_CMD_DONE,
			      session->request.id);
	ktlsd_message_put_u32(&message, KTLS_A_ERRNO, 0);
	session_send_message(sessions, &message);
	session_end(sessions, session);
}

/* Goes on as far as the whole batch leads. */
static void session_run(struct ktlsd_sessions *sessions,
			struct ktlsd_session *session)
{
	struct ktlsd_fault fault;
	int ret;

	if (!session->engine || !session->whole)
		return;
	session->whole = false;
	ret = ktlsd_engine_run(session->engine, session->input.data,
			       session->input.len, &fault);
	ktlsd_buffer_free(&session->input);
	if (!ret)
		ret = session_send_data(sessions, session) ?
		      ktlsd_errors_set(&fault, -ENOMEM,
				       "ktlsd could not hand its answer to the kernel.") : 0;
	if (ret < 0)
		session_fail(sessions, session, &fault);
	else if (ret > 0)
		session_succeed(sessions, session);
}

/* What was agreed upon before: an external key, or sessions. */
static int session_resume(struct ktlsd_sessions *sessions,
			  struct ktlsd_session *session, struct ktlsd_fault *fault)
{
	const struct ktlsd_request *request = &session->request;
	struct ktlsd_engine *engine = session->engine;
	struct ktlsd_fingerprint fingerprint;
	int err;

	if (session->context->psk) {
		ktlsd_psk_use(engine, session->context->psk);
		return 0;
	}
	if (!request->tickets || request->check)
		return 0;
	err = ktlsd_fingerprint_request(&session->context->fingerprint, request,
					&fingerprint);
	if (!err && request->is_server && sessions->ticket_keys)
		err = ktlsd_issue_allow(engine, &fingerprint, sessions->ticket_keys,
					request->tickets);
	/* Without verification a session proves nothing. */
	if (!err && !request->is_server && sessions->cache &&
	    session->config->session_cache && request->verify != KTLS_VERIFY_NONE)
		ktlsd_ticket_offer(engine, &fingerprint,
				   ktlsd_cache_take(sessions->cache, &fingerprint,
						    time(NULL)));
	return err ? ktlsd_errors_set(fault, err, "There is no memory.") : 0;
}

/* The context is there: begin. */
static void session_start(struct ktlsd_sessions *sessions,
			  struct ktlsd_session *session)
{
	struct ktlsd_fault fault;
	int err;

	err = ktlsd_engine_new(session->context->ctx, &session->request,
			       sessions->suites, session->context->ca_names,
			       &session->engine, &fault);
	if (!err)
		err = session_resume(sessions, session, &fault);
	if (err)
		session_fail(sessions, session, &fault);
	else if (session->request.check)
		session_approve(sessions, session);
	else
		session_run(sessions, session);
}

/* Asks for the next piece, or makes the context when all are there. */
static void session_fetch(struct ktlsd_sessions *sessions,
			  struct ktlsd_session *session)
{
	struct ktlsd_context_parts parts;
	struct ktlsd_message message;
	struct ktlsd_fault fault;
	uint32_t attr, offset;
	int err;

	session->fetching = ktlsd_fetch_next(&session->fetch, &attr, &offset);
	if (session->fetching) {
		session_begin_message(sessions, &message, KTLS_CMD_CONFIG,
				      session->request.id);
		ktlsd_message_put_u32(&message, KTLS_A_CONFIG_ATTR, attr);
		ktlsd_message_put_u32(&message, KTLS_A_OFFSET, offset);
		session->last_seq = sessions->seq;
		if (!session_send_message(sessions, &message))
			return;
		ktlsd_errors_set(&fault, -ENOMEM,
				 "ktlsd could not ask the kernel for the configuration.");
		session_fail(sessions, session, &fault);
		return;
	}

	ktlsd_fetch_view(&session->fetch, &parts);
	/* What only waits for tickets makes room for what is wanted now. */
	if (sessions->contexts.alive > KTLSD_CONTEXTS_ALIVE / 2)
		ktlsd_kept_flush(&sessions->kept);
	err = ktlsd_context_make(&sessions->contexts,
				 session->config == sessions->config,
				 session->config, &session->request,
				 session->identity, &parts, &session->context,
				 &fault);
	ktlsd_fetch_free(&session->fetch);
	if (err)
		session_fail(sessions, session, &fault);
	else
		session_start(sessions, session);
}

static struct ktlsd_session *session_new(struct ktlsd_sessions *sessions,
					 const struct ktlsd_request *request)
{
	struct ktlsd_session *session = calloc(1, sizeof(*session));
	struct ktlsd_session **slot;

	if (!session)
		return NULL;
	session->request = *request;
	session->config = ktlsd_config_get(sessions->config);
	session->deadline = ktlsd_session_clock() + request->deadline_ms +
			    KTLSD_SESSION_GRACE_MS;
	if (session->deadline < sessions->next_deadline)
		sessions->next_deadline = session->deadline;
	slot = session_slot(sessions, request->id);
	session->next = *slot;
	*slot = session;
	sessions->count++;
	return session;
}

/* Adds a message's records to the batch. Return: 0 or a negative errno. */
static int session_take_records(struct ktlsd_session *session,
				const struct ktlsd_event *event,
				struct ktlsd_fault *fault)
{
	const void *records;
	size_t len;
	int err;

	fault->alert = KTLSD_ALERT_NONE;
	records = ktlsd_message_bytes(event, KTLS_A_RECORDS, &len);
	err = ktlsd_buffer_append(&session->input, records, len,
				  KTLSD_ENGINE_INPUT_MAX);
	if (err)
		return ktlsd_errors_set(fault, err == -ENOMEM ? err : -EPROTO,
			"The peer's handshake messages are too long.");
	session->whole = !event->attr[KTLS_A_MORE];
	return 0;
}

static void session_begin(struct ktlsd_sessions *sessions,
			  const struct ktlsd_event *event)
{
	struct ktlsd_session *session;
	struct ktlsd_request request;
	struct ktlsd_fault fault;
	int err;

	err = ktlsd_request_parse(event, &request, &fault);
	if (!err && sessions->count >= sessions->max)
		err = ktlsd_errors_set(&fault, -ENOBUFS,
			"ktlsd carries out as many handshakes as it may: see max_sessions in its configuration.");
	session = err ? NULL : session_new(sessions, &request);
	if (!err && !session)
		err = ktlsd_errors_set(&fault, -ENOMEM, "There is no memory.");
	if (err) {
		session_log_failure(sessions, &request, &fault);
		session_refuse(sessions, request.id, &fault);
		return;
	}

	/* Who may is asked every time, whatever is in the cache. */
	if (request.identity[0])
		err = ktlsd_config_find(session->config, request.identity,
					&request.caller, &session->identity,
					&fault);
	if (!err)
		err = session_take_records(session, event, &fault);
	if (err) {
		session_fail(sessions, session, &fault);
		return;
	}
	session->context = ktlsd_context_find(&sessions->contexts, &request);
	if (session->context) {
		session_start(sessions, session);
		return;
	}
	ktlsd_fetch_init(&session->fetch, request.parts, &sessions->held);
	session_fetch(sessions, session);
}

static void session_take_piece(struct ktlsd_sessions *sessions,
			       struct ktlsd_session *session,
			       const struct ktlsd_event *event)
{
	struct ktlsd_fault fault;
	int err;

	if (!session->fetching)
		return;
	err = ktlsd_fetch_take(&session->fetch, event);
	if (!err) {
		session_fetch(sessions, session);
		return;
	}
	ktlsd_errors_set(&fault, err == -ENOBUFS || err == -ENOMEM ? err : -EINVAL,
			 "The configuration could not be fetched from the kernel: %s.",
			 strerror(-err));
	session_fail(sessions, session, &fault);
}

static void session_take_data(struct ktlsd_sessions *sessions,
			      struct ktlsd_session *session,
			      const struct ktlsd_event *event)
{
	struct ktlsd_fault fault;

	fault.alert = KTLSD_ALERT_NONE;
	if (session->whole || session->request.check) {
		ktlsd_errors_set(&fault, -EPROTO,
				 "The kernel sent a batch before the last one was answered.");
	} else if (!session_take_records(session, event, &fault)) {
		session_run(sessions, session);
		return;
	}
	session_fail(sessions, session, &fault);
}

/* A NewSessionTicket. It is answered in any case, or the next one never comes. */
static void session_take_ticket(struct ktlsd_sessions *sessions,
				const struct ktlsd_event *event, uint64_t id)
{
	struct ktlsd_message message;
	const void *body;
	size_t len;

	body = ktlsd_message_bytes(event, KTLS_A_TICKET, &len);
	if (len && sessions->cache)
		ktlsd_kept_ticket(&sessions->kept, id, body, len, sessions->cache);
	session_begin_message(sessions, &message, KTLS_CMD_MESSAGE, id);
	session_send_message(sessions, &message);
}

void ktlsd_sessions_handle(struct ktlsd_sessions *sessions,
			   const struct ktlsd_event *event)
{
	uint64_t id = ktlsd_message_u64(event, KTLS_A_ID, 0);
	struct ktlsd_session *session;
	struct ktlsd_fault fault;

	if (event->cmd == KTLS_CMD_CONFIG_DROP) {
		if (event->attr[KTLS_A_CONFIG])
			ktlsd_context_drop(&sessions->contexts,
					   ktlsd_message_u64(event, KTLS_A_CONFIG, 0));
		return;
	}
	if (!event->attr[KTLS_A_ID])
		return;
	session = *session_slot(sessions, id);

	switch (event->cmd) {
	case KTLS_CMD_START:
	case KTLS_CMD_CHECK:
		if (!session)
			session_begin(sessions, event);
		break;
	case KTLS_CMD_CONFIG:
		if (session)
			session_take_piece(sessions, session, event);
		break;
	case KTLS_CMD_DATA:
		if (session) {
			session_take_data(sessions, session, event);
			break;
		}
		/* Unanswered it would cost a credit for ever. */
		ktlsd_errors_set(&fault, -EPROTO,
				 "ktlsd knows nothing of this handshake.");
		session_refuse(sessions, id, &fault);
		break;
	case KTLS_CMD_CANCEL:
		if (session)
			session_end(sessions, session);
		break;
	case KTLS_CMD_MESSAGE:
		session_take_ticket(sessions, event, id);
		break;
	default:
		break;
	}
}

int ktlsd_sessions_init(struct ktlsd_sessions *sessions,
			struct ktlsd_config *config, ktlsd_session_send send,
			void *send_arg)
{
	memset(sessions, 0, sizeof(*sessions));
	sessions->buckets = calloc(SESSION_BUCKETS, sizeof(*sessions->buckets));
	sessions->tx = malloc(KTLSD_GENL_TX_SIZE);
	if (!sessions->buckets || !sessions->tx) {
		free(sessions->buckets);
		free(sessions->tx);
		return -ENOMEM;
	}
	sessions->config = ktlsd_config_get(config);
	sessions->max = config->max_sessions;
	sessions->next_deadline = INT64_MAX;
	sessions->send = send;
	sessions->send_arg = send_arg;
	return 0;
}

void ktlsd_sessions_clear(struct ktlsd_sessions *sessions)
{
	unsigned int i;

	for (i = 0; i < SESSION_BUCKETS; i++) {
		while (sessions->buckets[i])
			session_end(sessions, sessions->buckets[i]);
	}
	ktlsd_kept_flush(&sessions->kept);
	sessions->next_deadline = INT64_MAX;
}

void ktlsd_sessions_free(struct ktlsd_sessions *sessions)
{
	ktlsd_sessions_clear(sessions);
	ktlsd_context_flush(&sessions->contexts);
	ktlsd_config_put(sessions->config);
	free(sessions->buckets);
	free(sessions->tx);
}

void ktlsd_sessions_configure(struct ktlsd_sessions *sessions,
			      struct ktlsd_config *config, unsigned int max)
{
	ktlsd_context_flush(&sessions->contexts);
	ktlsd_config_put(sessions->config);
	sessions->config = ktlsd_config_get(config);
	sessions->max = max;
}

/* The session about which message @seq was the last, or NULL. */
static struct ktlsd_session *session_by_seq(struct ktlsd_sessions *sessions,
					    uint32_t seq)
{
	struct ktlsd_session *session;
	unsigned int i;

	for (i = 0; i < SESSION_BUCKETS; i++) {
		for (session = sessions->buckets[i]; session; session = session->next) {
			if (session->last_seq == seq)
				return session;
		}
	}
	return NULL;
}

void ktlsd_sessions_refused(struct ktlsd_sessions *sessions, uint32_t seq,
			    int error, const char *text)
{
	struct ktlsd_session *session = session_by_seq(sessions, seq);
	struct ktlsd_fault fault;

	/* It went away while our message was under way: nothing to tell. */
	if (error == -ENOENT) {
		if (session)
			session_end(sessions, session);
		return;
	}
	ktlsd_log_limited(&sessions->limit, KTLSD_LOG_WARNING,
			  "The kernel refused a message: %s%s%s.",
			  strerror(-error), text[0] ? ": " : "", text);
	if (!session)
		return;
	fault.alert = KTLSD_ALERT_NONE;
	ktlsd_errors_set(&fault, -EPROTO, "The kernel refused what ktlsd sent: %s.",
			 text[0] ? text : strerror(-error));
	session_fail(sessions, session, &fault);
}

/* The handshakes. Return: as ktlsd_sessions_expire(). */
static int session_expire(struct ktlsd_sessions *sessions, int64_t now)
{
	struct ktlsd_session *session, *next;
	struct ktlsd_fault fault;
	unsigned int i;

	if (sessions->next_deadline == INT64_MAX)
		return -1;
	if (sessions->next_deadline > now)
		return (int)(sessions->next_deadline - now);

	sessions->next_deadline = INT64_MAX;
	for (i = 0; i < SESSION_BUCKETS; i++) {
		for (session = sessions->buckets[i]; session; session = next) {
			next = session->next;
			if (session->deadline > now) {
				if (session->deadline < sessions->next_deadline)
					sessions->next_deadline = session->deadline;
				continue;
			}
			fault.alert = KTLSD_ALERT_NONE;
			ktlsd_errors_set(&fault, -ETIMEDOUT,
					 "The handshake did not end in time.");
			session_fail(sessions, session, &fault);
		}
	}
	if (sessions->next_deadline == INT64_MAX)
		return -1;
	return (int)(sessions->next_deadline - now);
}

int ktlsd_sessions_expire(struct ktlsd_sessions *sessions)
{
	int64_t now = ktlsd_session_clock();
	int handshakes = session_expire(sessions, now);
	int kept = ktlsd_kept_expire(&sessions->kept, now);

	if (handshakes < 0 || (kept >= 0 && kept < handshakes))
		return kept;
	return handshakes;
}
