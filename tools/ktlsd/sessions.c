// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/genl.h"
#include "room.h"
#include "sessions.h"

enum {
	SESSIONS_BUCKETS	= 4096,	/* a power of two */
	SESSIONS_WAIT_MS	= 3600000,
};

static struct ktlsd_session *sessions_from_place(struct ktlsd_place *place)
{
	return (struct ktlsd_session *)((char *)place - offsetof(struct ktlsd_session, place));
}

static struct ktlsd_session **sessions_slot(struct ktlsd_sessions *sessions,
					    uint64_t id)
{
	struct ktlsd_session **slot;

	slot = &sessions->buckets[id & (SESSIONS_BUCKETS - 1)];
	while (*slot && (*slot)->request.id != id)
		slot = &(*slot)->next;
	return slot;
}

/* Counts a new session against the worker's own limit, or else against the pool. CHECKs are
 * not counted: they wait for no peer, only for the kernel, which bounds them by the credit, and the
 * signer. So none may be counted although a job is paused. Return: false if both limits are reached.
 */
static bool sessions_reserve(struct ktlsd_sessions *sessions, struct ktlsd_session *session)
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

static void sessions_release(struct ktlsd_sessions *sessions, struct ktlsd_session *session)
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

/* Counts what has not been counted before, at its end. */
static void sessions_count(struct ktlsd_sessions *sessions, struct ktlsd_session *session)
{
	struct ktlsd_metrics *metrics = &sessions->metrics;

	ktlsd_metrics_cancel(metrics, &session->span);
	if (!session->handshake)
		return;
	ktlsd_metrics_count(metrics, KTLSD_EVENT_TICKET_ISSUED,
			    session->handshake->tickets_issued);
	ktlsd_metrics_count(metrics, KTLSD_EVENT_TICKET_ACCEPTED,
			    session->handshake->ticket_accepted);
	ktlsd_metrics_count(metrics, KTLSD_EVENT_TICKET_REFUSED,
			    session->handshake->ticket_refused);
	ktlsd_metrics_count(metrics, KTLSD_EVENT_STAPLE, session->handshake->status.stapled);
}

void ktlsd_sessions_end(struct ktlsd_sessions *sessions, struct ktlsd_session *session)
{
	struct ktlsd_session **slot = sessions_slot(sessions, session->request.id);

	if (*slot == session)
		*slot = session->next;
	sessions_release(sessions, session);
	sessions_count(sessions, session);
	ktlsd_shares_del(&sessions->shares, &session->place);
	ktlsd_pause_cancel(&session->job);
	ktlsd_handshake_free(session->handshake);
	ktlsd_context_put(session->context);
	ktlsd_anchors_digest_free(&session->digest);
	ktlsd_anchors_put(session->anchors);
	ktlsd_fetch_free(&session->fetch);
	ktlsd_buffer_free(&session->input);
	ktlsd_config_put(session->config);
	ktlsd_quota_release(&session->making);
	ktlsd_quota_release(&session->hold);
	free(session);
}

bool ktlsd_sessions_evict(struct ktlsd_sessions *sessions, struct ktlsd_place *place,
			  const char *why)
{
	struct ktlsd_fault fault = { .alert = KTLSD_ALERT_NONE };

	if (!place)
		return false;
	ktlsd_errors_set(&fault, -ENOBUFS,
			 "ktlsd ended this handshake to make room for those of others: %s.", why);
	ktlsd_session_fail(sessions, sessions_from_place(place), &fault);
	return true;
}

/* Ends a session to make room for a new one, see shares.h. Return: false if none has to. */
static bool sessions_make_room(struct ktlsd_sessions *sessions,
			       const struct ktlsd_session *session)
{
	return ktlsd_sessions_evict(sessions,
				    ktlsd_shares_victim(&sessions->shares,
							session->request.caller.uid,
							&session->request.source),
				    "max_sessions is reached, and this user has the most handshakes");
}

/* Return: 0 and a session without work to do, or a negative errno. */
static int sessions_new(struct ktlsd_sessions *sessions,
			const struct ktlsd_request *request,
			struct ktlsd_session **ret_session, struct ktlsd_fault *fault)
{
	struct ktlsd_session *session = calloc(1, sizeof(*session));
	struct ktlsd_session **slot;
	int err;

	if (!session)
		return ktlsd_errors_set(fault, -ENOMEM, "ktlsd is out of memory.");
	session->request = *request;
	while (!sessions_reserve(sessions, session)) {
		if (sessions_make_room(sessions, session))
			continue;
		free(session);
		return ktlsd_errors_set(fault, -ENOBUFS,
			"ktlsd has max_sessions handshakes under way already: try again later, or raise max_sessions in ktlsd.conf.");
	}
	err = ktlsd_room_take(sessions, request, &session->hold, KTLSD_SESSION_COST, fault);
	if (!err && ktlsd_shares_add(&sessions->shares, &session->place, request->caller.uid,
				     &request->source))
		err = ktlsd_errors_set(fault, -ENOMEM, "ktlsd is out of memory.");
	if (err) {
		ktlsd_quota_release(&session->hold);
		sessions_release(sessions, session);
		free(session);
		return err;
	}
	session->config = ktlsd_config_get(sessions->config);
	session->deadline = request->deadline + KTLSD_SESSION_GRACE_MS;
	if (session->deadline < sessions->next_deadline)
		sessions->next_deadline = session->deadline;
	slot = sessions_slot(sessions, request->id);
	session->next = *slot;
	*slot = session;
	if (!request->check)
		ktlsd_metrics_begin(&sessions->metrics, &session->span, request->is_server);
	*ret_session = session;
	return 0;
}

/* Appends the records of a message to the batch. Return: 0 or a negative errno. */
static int sessions_append_records(struct ktlsd_session *session,
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
			"The peer sent a batch of handshake records of more than %d bytes.",
			KTLSD_HANDSHAKE_INPUT_MAX);
	session->whole = !event->attr[KTLS_A_MORE];
	return 0;
}

static void sessions_begin(struct ktlsd_sessions *sessions,
			   const struct ktlsd_event *event)
{
	struct ktlsd_session *session = NULL;
	struct ktlsd_request request;
	struct ktlsd_fault fault = { .alert = KTLSD_ALERT_NONE };
	int err;

	err = ktlsd_request_parse(event, &request, &fault);
	if (!err)
		err = sessions_new(sessions, &request, &session, &fault);
	if (err) {
		ktlsd_session_log_failure(sessions, &request, &fault);
		if (!request.check)
			ktlsd_metrics_refuse(&sessions->metrics, request.is_server, &fault);
		ktlsd_session_refuse(sessions, request.id, &fault);
		return;
	}
	if (sessions_append_records(session, event, &fault))
		ktlsd_session_fail(sessions, session, &fault);
	else
		ktlsd_shares_ready(&sessions->shares, &session->place);
}

static void sessions_receive_piece(struct ktlsd_sessions *sessions,
				   struct ktlsd_session *session,
				   const struct ktlsd_event *event)
{
	struct ktlsd_fault fault = { .alert = KTLSD_ALERT_NONE };
	int err;

	if (!session->fetching)
		return;
	do {
		err = ktlsd_fetch_take(&session->fetch, event);
	} while (ktlsd_room_make(sessions, &session->request, err));
	if (!err) {
		if (!ktlsd_session_fetch_next(sessions, session))
			ktlsd_shares_ready(&sessions->shares, &session->place);
		return;
	}
	if (err == -EDQUOT || err == -ENOBUFS || err == -ENOMEM)
		ktlsd_room_explain(&fault, err);
	else
		ktlsd_errors_set(&fault, -EINVAL,
				 "ktlsd could not fetch the configuration of the socket from the kernel: %s.",
				 strerror(-err));
	ktlsd_session_fail(sessions, session, &fault);
}

/* The batch is the header of a record that violates the RFC; the kernel gives the reason. */
static void sessions_refuse_record(struct ktlsd_sessions *sessions,
				   struct ktlsd_session *session,
				   const struct ktlsd_event *event)
{
	struct ktlsd_fault fault = { .alert = KTLSD_ALERT_NONE };
	const void *reason;
	size_t len;

	reason = ktlsd_message_bytes(event, KTLS_A_REASON, &len);
	if (session->input.len == SSL3_RT_HEADER_LENGTH)
		ktlsd_handshake_refuse_record(session->handshake, session->input.data,
					      reason, len, &fault);
	else
		ktlsd_errors_set(&fault, -EPROTO,
				 "The kernel refused a record, but sent %zu bytes instead of its header.",
				 session->input.len);
	ktlsd_session_fail(sessions, session, &fault);
}

static void sessions_receive_data(struct ktlsd_sessions *sessions,
				  struct ktlsd_session *session,
				  const struct ktlsd_event *event)
{
	struct ktlsd_fault fault = { .alert = KTLSD_ALERT_NONE };

	if (session->whole || session->waits || session->request.check) {
		ktlsd_errors_set(&fault, -EPROTO,
				 "The kernel sent records before ktlsd answered the last ones.");
	} else if (!sessions_append_records(session, event, &fault)) {
		if (session->whole && session->handshake && event->attr[KTLS_A_REASON])
			sessions_refuse_record(sessions, session, event);
		else if (session->whole)
			ktlsd_shares_ready(&sessions->shares, &session->place);
		return;
	}
	ktlsd_session_fail(sessions, session, &fault);
}

/* A NewSessionTicket. The kernel sends the next one only after an answer to this. */
static void sessions_receive_ticket(struct ktlsd_sessions *sessions,
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

/* Acknowledges CANCEL, even for a request that ended meanwhile: only then does the kernel
 * return the credit of its messages, which were in our receive buffer until now.
 */
static void sessions_cancel(struct ktlsd_sessions *sessions,
			    struct ktlsd_session *session, uint64_t id)
{
	struct ktlsd_message message;

	if (session)
		ktlsd_sessions_end(sessions, session);
	ktlsd_session_begin_message(sessions, &message, KTLS_CMD_CANCEL, id);
	ktlsd_session_send_message(sessions, &message);
}

void ktlsd_sessions_handle(struct ktlsd_sessions *sessions,
			   const struct ktlsd_event *event)
{
	uint64_t id = ktlsd_message_u64(event, KTLS_A_ID, 0);
	struct ktlsd_session *session;
	struct ktlsd_fault fault = { .alert = KTLSD_ALERT_NONE };

	if (event->cmd == KTLS_CMD_CONFIG_DROP) {
		if (event->attr[KTLS_A_CONFIG])
			ktlsd_context_drop(&sessions->contexts,
					   ktlsd_message_u64(event, KTLS_A_CONFIG, 0));
		return;
	}
	if (!event->attr[KTLS_A_ID])
		return;
	session = *sessions_slot(sessions, id);

	switch (event->cmd) {
	case KTLS_CMD_START:
	case KTLS_CMD_CHECK:
		if (!session)
			sessions_begin(sessions, event);
		break;
	case KTLS_CMD_CONFIG:
		if (session)
			sessions_receive_piece(sessions, session, event);
		break;
	case KTLS_CMD_DATA:
		if (session) {
			sessions_receive_data(sessions, session, event);
			break;
		}
		/* Without an answer the credit of this message would be lost. */
		ktlsd_errors_set(&fault, -EPROTO,
				 "ktlsd does not know this handshake: it has ended, or ktlsd was restarted.");
		ktlsd_session_refuse(sessions, id, &fault);
		break;
	case KTLS_CMD_CANCEL:
		sessions_cancel(sessions, session, id);
		break;
	case KTLS_CMD_MESSAGE:
		sessions_receive_ticket(sessions, event, id);
		break;
	default:
		break;
	}
}

void ktlsd_sessions_wake(struct ktlsd_sessions *sessions, uint64_t id)
{
	struct ktlsd_session *session = *sessions_slot(sessions, id);

	if (session && session->waits)
		ktlsd_shares_ready(&sessions->shares, &session->place);
}

void ktlsd_sessions_wake_all(struct ktlsd_sessions *sessions)
{
	struct ktlsd_session *session;
	unsigned int i;

	for (i = 0; i < SESSIONS_BUCKETS; i++) {
		for (session = sessions->buckets[i]; session; session = session->next)
			ktlsd_sessions_wake(sessions, session->request.id);
	}
}

int ktlsd_sessions_init(struct ktlsd_sessions *sessions,
			struct ktlsd_config *config, ktlsd_sessions_send send,
			void *send_arg)
{
	memset(sessions, 0, sizeof(*sessions));
	sessions->buckets = calloc(SESSIONS_BUCKETS, sizeof(*sessions->buckets));
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

	for (i = 0; i < SESSIONS_BUCKETS; i++) {
		while (sessions->buckets[i])
			ktlsd_sessions_end(sessions, sessions->buckets[i]);
	}
	ktlsd_ticket_waiters_flush(&sessions->ticket_waiters);
	sessions->next_deadline = INT64_MAX;
}

void ktlsd_sessions_free(struct ktlsd_sessions *sessions)
{
	ktlsd_sessions_clear(sessions);
	ktlsd_context_flush(&sessions->contexts);
	ktlsd_anchors_flush(&sessions->contexts.anchors);
	ktlsd_shares_free(&sessions->shares);
	ktlsd_config_put(sessions->config);
	ktlsd_metrics_free(&sessions->metrics);
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

/* Return: the session about which @seq was the last message, or NULL. */
static struct ktlsd_session *sessions_by_seq(struct ktlsd_sessions *sessions,
					     uint32_t seq)
{
	struct ktlsd_session *session;
	unsigned int i;

	for (i = 0; i < SESSIONS_BUCKETS; i++) {
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
	struct ktlsd_session *session = sessions_by_seq(sessions, seq);
	struct ktlsd_fault fault = { .alert = KTLSD_ALERT_NONE };

	/* The request ended while our message was on its way. */
	if (error == -ENOENT) {
		if (session)
			ktlsd_sessions_end(sessions, session);
		return;
	}
	ktlsd_log_limited(&sessions->limit, KTLSD_LOG_WARNING,
			  "The kernel refused a message of ktlsd: %s%s%s.",
			  strerror(-error), text[0] ? ": " : "", text);
	if (!session)
		return;
	ktlsd_errors_set(&fault, -EPROTO, "The kernel refused a message of ktlsd: %s.",
			 text[0] ? text : strerror(-error));
	ktlsd_session_fail(sessions, session, &fault);
}

/* Milliseconds for poll(); waking early is harmless. */
static int sessions_bound_wait(int64_t left)
{
	return left < SESSIONS_WAIT_MS ? (int)left : SESSIONS_WAIT_MS;
}

/* Ends overdue sessions. Return: as ktlsd_sessions_expire(). */
static int sessions_expire(struct ktlsd_sessions *sessions, int64_t now)
{
	struct ktlsd_session *session, *next;
	struct ktlsd_fault fault = { .alert = KTLSD_ALERT_NONE };
	unsigned int i;

	if (sessions->next_deadline == INT64_MAX)
		return -1;
	if (sessions->next_deadline > now)
		return sessions_bound_wait(sessions->next_deadline - now);

	sessions->next_deadline = INT64_MAX;
	for (i = 0; i < SESSIONS_BUCKETS; i++) {
		for (session = sessions->buckets[i]; session; session = next) {
			next = session->next;
			if (session->deadline > now) {
				if (session->deadline < sessions->next_deadline)
					sessions->next_deadline = session->deadline;
				continue;
			}
			ktlsd_errors_set(&fault, -ETIMEDOUT,
					 "The handshake was not complete in time (KTLS_TIMEOUT).");
			ktlsd_session_fail(sessions, session, &fault);
		}
	}
	if (sessions->next_deadline == INT64_MAX)
		return -1;
	return sessions_bound_wait(sessions->next_deadline - now);
}

void ktlsd_sessions_measure(struct ktlsd_sessions *sessions)
{
	struct ktlsd_metrics *metrics = &sessions->metrics;

	ktlsd_metrics_set(metrics, KTLSD_LEVEL_CONTEXTS, sessions->contexts.count);
	ktlsd_metrics_set(metrics, KTLSD_LEVEL_CONTEXT_BYTES, sessions->contexts.live_bytes);
	ktlsd_metrics_set(metrics, KTLSD_LEVEL_FETCH_BYTES, sessions->held);
	ktlsd_metrics_set(metrics, KTLSD_LEVEL_TICKET_WAITERS, sessions->ticket_waiters.count);
	ktlsd_metrics_count(metrics, KTLSD_EVENT_LOG_SUPPRESSED, sessions->limit.suppressed);
	sessions->limit.suppressed = 0;
}

bool ktlsd_sessions_work(struct ktlsd_sessions *sessions)
{
	struct ktlsd_place *place = ktlsd_shares_next(&sessions->shares);
	struct ktlsd_session *session;
	int64_t start;

	if (!place)
		return false;
	session = sessions_from_place(place);
	start = ktlsd_clock_cpu_us();
	/* After the deadline no work is worth doing: CANCEL is on its way. */
	if (session->request.deadline > ktlsd_clock_ms())
		ktlsd_session_step(sessions, session);
	ktlsd_shares_charge(&sessions->shares, ktlsd_clock_cpu_us() - start);
	return true;
}

int ktlsd_sessions_expire(struct ktlsd_sessions *sessions)
{
	int64_t now = ktlsd_clock_ms();
	int handshakes = sessions_expire(sessions, now);
	int tickets = ktlsd_ticket_waiters_expire(&sessions->ticket_waiters, now);

	if (handshakes < 0 || (tickets >= 0 && tickets < handshakes))
		return tickets;
	return handshakes;
}
