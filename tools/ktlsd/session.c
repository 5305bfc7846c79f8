// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/genl.h"
#include "session.h"

enum {
	SESSION_BUCKETS	= 4096,	/* a power of two */
	SESSION_WAIT_MS	= 3600000,
};

int64_t ktlsd_session_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct ktlsd_session *session_of(struct ktlsd_place *place)
{
	return (struct ktlsd_session *)((char *)place - offsetof(struct ktlsd_session, place));
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

/*
 * Room for one more? A worker has some of its own; the rest is in a pool of all
 * workers. CHECKs wait for nobody but the kernel, which bounds them by the credit.
 */
static bool session_enter(struct ktlsd_sessions *sessions, struct ktlsd_session *session)
{
	if (session->request.check)
		return true;
	if (sessions->own < sessions->max) {
		session->room = KTLSD_ROOM_OWN;
		sessions->own++;
		sessions->count++;
		return true;
	}
	if (!sessions->pool)
		return false;
	if (atomic_fetch_add(sessions->pool, 1) >= sessions->pool_max) {
		atomic_fetch_sub(sessions->pool, 1);
		return false;
	}
	session->room = KTLSD_ROOM_POOL;
	sessions->count++;
	return true;
}

static void session_leave(struct ktlsd_sessions *sessions, struct ktlsd_session *session)
{
	if (session->room == KTLSD_ROOM_NONE)
		return;
	sessions->count--;
	if (session->room == KTLSD_ROOM_OWN)
		sessions->own--;
	else
		atomic_fetch_sub(sessions->pool, 1);
	session->room = KTLSD_ROOM_NONE;
}

void ktlsd_session_end(struct ktlsd_sessions *sessions, struct ktlsd_session *session)
{
	struct ktlsd_session **slot = session_slot(sessions, session->request.id);

	if (*slot == session)
		*slot = session->next;
	session_leave(sessions, session);
	ktlsd_shares_del(&sessions->shares, &session->place);
	ktlsd_handshake_free(session->handshake);
	ktlsd_context_put(session->context);
	ktlsd_anchors_put(session->anchors);
	ktlsd_fetch_free(&session->fetch);
	ktlsd_buffer_free(&session->input);
	ktlsd_config_put(session->config);
	free(session);
}

/* For one more session of this uid and source the one with most gives one up. */
static bool session_make_room(struct ktlsd_sessions *sessions,
			      const struct ktlsd_session *session)
{
	struct ktlsd_session *victim;
	struct ktlsd_place *place;
	struct ktlsd_fault fault;

	place = ktlsd_shares_victim(&sessions->shares, session->request.caller.uid,
				    &session->request.source);
	if (!place)
		return false;
	victim = session_of(place);
	fault.alert = KTLSD_ALERT_NONE;
	ktlsd_errors_set(&fault, -ENOBUFS,
			 "ktlsd needed the room for others: this user has most of all handshakes.");
	ktlsd_session_fail(sessions, victim, &fault);
	return true;
}

/* Return: 0 and a session in its place, or a negative errno. */
static int session_new(struct ktlsd_sessions *sessions,
		       const struct ktlsd_request *request,
		       struct ktlsd_session **ret_session, struct ktlsd_fault *fault)
{
	struct ktlsd_session *session = calloc(1, sizeof(*session));
	struct ktlsd_session **slot;

	if (!session)
		return ktlsd_errors_set(fault, -ENOMEM, "There is no memory.");
	session->request = *request;
	while (!session_enter(sessions, session)) {
		if (session_make_room(sessions, session))
			continue;
		free(session);
		return ktlsd_errors_set(fault, -ENOBUFS,
			"ktlsd carries out as many handshakes as it may: see max_sessions in its configuration.");
	}
	if (ktlsd_shares_add(&sessions->shares, &session->place, request->caller.uid,
			     &request->source)) {
		session_leave(sessions, session);
		free(session);
		return ktlsd_errors_set(fault, -ENOMEM, "There is no memory.");
	}
	session->config = ktlsd_config_get(sessions->config);
	session->deadline = request->deadline + KTLSD_SESSION_GRACE_MS;
	if (session->deadline < sessions->next_deadline)
		sessions->next_deadline = session->deadline;
	slot = session_slot(sessions, request->id);
	session->next = *slot;
	*slot = session;
	*ret_session = session;
	return 0;
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
				  KTLSD_HANDSHAKE_INPUT_MAX);
	if (err)
		return ktlsd_errors_set(fault, err == -ENOMEM ? err : -EPROTO,
			"The peer's handshake messages are too long.");
	session->whole = !event->attr[KTLS_A_MORE];
	return 0;
}

static void session_begin(struct ktlsd_sessions *sessions,
			  const struct ktlsd_event *event)
{
	struct ktlsd_session *session = NULL;
	struct ktlsd_request request;
	struct ktlsd_fault fault;
	int err;

	err = ktlsd_request_parse(event, &request, &fault);
	if (!err)
		err = session_new(sessions, &request, &session, &fault);
	if (err) {
		ktlsd_session_log_failure(sessions, &request, &fault);
		ktlsd_session_refuse(sessions, request.id, &fault);
		return;
	}
	if (session_take_records(session, event, &fault))
		ktlsd_session_fail(sessions, session, &fault);
	else
		ktlsd_shares_ready(&sessions->shares, &session->place);
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
		if (!ktlsd_session_ask(sessions, session))
			ktlsd_shares_ready(&sessions->shares, &session->place);
		return;
	}
	ktlsd_errors_set(&fault, err == -ENOBUFS || err == -ENOMEM ? err : -EINVAL,
			 "The configuration could not be fetched from the kernel: %s.",
			 strerror(-err));
	ktlsd_session_fail(sessions, session, &fault);
}

/* The batch is the header of a record against the RFC; the kernel says why. */
static void session_refuse_record(struct ktlsd_sessions *sessions,
				  struct ktlsd_session *session,
				  const struct ktlsd_event *event)
{
	struct ktlsd_fault fault;
	const void *reason;
	size_t len;

	reason = ktlsd_message_bytes(event, KTLS_A_SENTENCE, &len);
	ktlsd_handshake_refuse_record(session->handshake, session->input.data, session->input.len,
				      reason, len, &fault);
	ktlsd_session_fail(sessions, session, &fault);
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
		if (session->whole && session->handshake && event->attr[KTLS_A_SENTENCE])
			session_refuse_record(sessions, session, event);
		else if (session->whole)
			ktlsd_shares_ready(&sessions->shares, &session->place);
		return;
	}
	ktlsd_session_fail(sessions, session, &fault);
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
		ktlsd_ticket_waiters_receive(&sessions->ticket_waiters, id, body, len,
					     sessions->cache);
	ktlsd_session_begin_message(sessions, &message, KTLS_CMD_MESSAGE, id);
	ktlsd_session_send_message(sessions, &message);
}

/*
 * The credit of a request comes back with the acknowledgement, whether we know of it
 * still or not: until then its messages may lie in our receive buffer.
 */
static void session_cancel(struct ktlsd_sessions *sessions,
			   struct ktlsd_session *session, uint64_t id)
{
	struct ktlsd_message message;

	if (session)
		ktlsd_session_end(sessions, session);
	ktlsd_session_begin_message(sessions, &message, KTLS_CMD_CANCEL, id);
	ktlsd_session_send_message(sessions, &message);
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
		ktlsd_session_refuse(sessions, id, &fault);
		break;
	case KTLS_CMD_CANCEL:
		session_cancel(sessions, session, id);
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
	ktlsd_shares_init(&sessions->shares);
	sessions->send = send;
	sessions->send_arg = send_arg;
	return 0;
}

void ktlsd_sessions_clear(struct ktlsd_sessions *sessions)
{
	unsigned int i;

	for (i = 0; i < SESSION_BUCKETS; i++) {
		while (sessions->buckets[i])
			ktlsd_session_end(sessions, sessions->buckets[i]);
	}
	ktlsd_ticket_waiters_flush(&sessions->ticket_waiters);
	sessions->next_deadline = INT64_MAX;
}

void ktlsd_sessions_free(struct ktlsd_sessions *sessions)
{
	ktlsd_sessions_clear(sessions);
	ktlsd_context_flush(&sessions->contexts);
	ktlsd_anchors_flush(&sessions->contexts.anchors);
	ktlsd_config_put(sessions->config);
	free(sessions->buckets);
	free(sessions->tx);
}

void ktlsd_sessions_configure(struct ktlsd_sessions *sessions,
			      struct ktlsd_config *config)
{
	ktlsd_context_flush(&sessions->contexts);
	ktlsd_config_put(sessions->config);
	sessions->config = ktlsd_config_get(config);
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
			ktlsd_session_end(sessions, session);
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
	ktlsd_session_fail(sessions, session, &fault);
}

/* Milliseconds for poll(); to wake early does no harm. */
static int session_wait(int64_t left)
{
	return left < SESSION_WAIT_MS ? (int)left : SESSION_WAIT_MS;
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
		return session_wait(sessions->next_deadline - now);

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
			ktlsd_session_fail(sessions, session, &fault);
		}
	}
	if (sessions->next_deadline == INT64_MAX)
		return -1;
	return session_wait(sessions->next_deadline - now);
}

bool ktlsd_sessions_work(struct ktlsd_sessions *sessions)
{
	struct ktlsd_place *place = ktlsd_shares_next(&sessions->shares);
	struct ktlsd_session *session;

	if (!place)
		return false;
	session = session_of(place);
	/* Nobody waits for it any more: the kernel is about to say so. */
	if (session->request.deadline > ktlsd_session_clock())
		ktlsd_session_step(sessions, session);
	return true;
}

int ktlsd_sessions_expire(struct ktlsd_sessions *sessions)
{
	int64_t now = ktlsd_session_clock();
	int handshakes = session_expire(sessions, now);
	int tickets = ktlsd_ticket_waiters_expire(&sessions->ticket_waiters, now);

	if (handshakes < 0 || (tickets >= 0 && tickets < handshakes))
		return tickets;
	return handshakes;
}
