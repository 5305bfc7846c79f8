/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One START or CHECK of the kernel under way: the steps from its credential to DONE.
 * No step waits for anything: what has to wait is continued by a later step. Belongs to the
 * thread of its worker.
 */
#ifndef KTLSD_SESSION_H
#define KTLSD_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buffer.h"
#include "lib/message.h"
#include "config/anchors.h"
#include "config/config.h"
#include "errors.h"
#include "fetch.h"
#include "metrics.h"
#include "quota.h"
#include "request.h"
#include "shares.h"
#include "tls/context.h"
#include "tls/handshake.h"

struct ktlsd_sessions;

enum {
	KTLSD_SESSION_GRACE_MS	= 1000,	/* after the kernel's own deadline */
	KTLSD_SESSION_COST	= 61440,	/* bytes of memory, about */
};

/* What a session does when it is its turn. */
enum ktlsd_session_steps {
	KTLSD_SESSION_BEGIN,	/* find the credential, or fetch the configuration */
	KTLSD_SESSION_MAKE,	/* the configuration is complete: make a context from it */
	KTLSD_SESSION_RUN,	/* a batch of records is complete: continue the handshake */
};

/* Which limit a session counts against. */
enum ktlsd_session_room {
	KTLSD_ROOM_NONE,
	KTLSD_ROOM_OWN,		/* the worker's own */
	KTLSD_ROOM_POOL,	/* the one that all workers share */
};

/**
 * struct ktlsd_session - one START or CHECK under way
 * @next: in its bucket
 * @request: what the program asks for
 * @place: among the sessions that share the worker
 * @room: which limit it counts against
 * @step: the next one
 * @deadline: when it is ended, milliseconds of the monotonic clock: that of its
 *	request and KTLSD_SESSION_GRACE_MS
 * @last_seq: of the last message sent about it
 * @config: the generation it began with; a reference
 * @identity: inside @config, NULL without KTLS_IDENTITY
 * @fetching: @fetch waits for a piece
 * @whole: @input holds a complete batch
 * @waits: a step waits for an answer that is not the kernel's: ktlsd_sessions_wake()
 * @span: what it counts as
 * @hold: its memory
 * @making: that of @context, until it is made
 * @fetch: the configuration, as far as it was fetched
 * @digest: of KTLS_TRUST
 * @anchors: of KTLS_TRUST, while they are read; a reference
 * @sessions: of the worker
 * @job: makes @context, while it waits for the signer
 * @owner: on whose behalf
 * @context: a reference, NULL until it is found or made
 * @handshake: owned, NULL until there is a @context
 * @input: the batch of records, as far as it was received
 */
struct ktlsd_session {
	struct ktlsd_session		*next;
	struct ktlsd_request		request;
	struct ktlsd_place		place;
	enum ktlsd_session_room		room;
	enum ktlsd_session_steps	step;
	int64_t				deadline;
	uint32_t			last_seq;
	struct ktlsd_config		*config;
	const struct ktlsd_identity	*identity;
	bool				fetching;
	bool				whole;
	bool				waits;
	struct ktlsd_metrics_span	span;
	struct ktlsd_quota_hold		hold;
	struct ktlsd_quota_hold		making;
	struct ktlsd_fetch		fetch;
	struct ktlsd_anchors_digest	digest;
	struct ktlsd_anchors		*anchors;
	struct ktlsd_sessions		*sessions;
	struct ktlsd_pause		*job;
	struct ktlsd_pause_owner	owner;
	struct ktlsd_context		*context;
	struct ktlsd_handshake		*handshake;
	struct ktlsd_buffer		input;
};

/* Takes one step. The session may be freed on return. */
void ktlsd_session_step(struct ktlsd_sessions *sessions, struct ktlsd_session *session);

/* Asks the kernel for the next piece of the configuration. Return: false if the
 * configuration is complete; true if the request was sent, or if that failed and the
 * session was freed.
 */
bool ktlsd_session_fetch_next(struct ktlsd_sessions *sessions, struct ktlsd_session *session);

/* Begins a message about request @id in the one transmit buffer of the worker. */
void ktlsd_session_begin_message(struct ktlsd_sessions *sessions,
				 struct ktlsd_message *message, uint8_t cmd,
				 uint64_t id);

/* Return: 0 or a negative errno, which was logged. */
int ktlsd_session_send_message(struct ktlsd_sessions *sessions,
			       const struct ktlsd_message *message);

/* Sends DONE with a failure, for a request that has no session. */
void ktlsd_session_refuse(struct ktlsd_sessions *sessions, uint64_t id,
			  const struct ktlsd_fault *fault);

/* Logs a failure and counts it. */
void ktlsd_session_log_failure(struct ktlsd_sessions *sessions,
			       const struct ktlsd_request *request,
			       const struct ktlsd_fault *fault);

/* Logs a failure, sends DONE, and frees the session. */
void ktlsd_session_fail(struct ktlsd_sessions *sessions, struct ktlsd_session *session,
			const struct ktlsd_fault *fault);

#endif
