/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The handshakes of one worker. Messages of the kernel are taken in, which costs
 * little (session.c), and what they ask for is done step by step, the session whose
 * turn it is first (session_step.c): so whatever has been cancelled meanwhile is
 * never begun. Nothing here waits for anything. All of it belongs to one thread.
 */
#ifndef KTLSD_SESSION_H
#define KTLSD_SESSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/log.h"
#include "config.h"
#include "context.h"
#include "fetch.h"
#include "handshake.h"
#include "shares.h"
#include "ticket_waiters.h"

enum {
	KTLSD_SESSION_GRACE_MS	= 1000,	/* the kernel's deadline comes first */
};

/* What a session does when it is its turn. */
enum ktlsd_session_steps {
	KTLSD_SESSION_BEGIN,	/* find the credential, or ask for the configuration */
	KTLSD_SESSION_MAKE,	/* the configuration is there: make a context of it */
	KTLSD_SESSION_RUN,	/* a batch is there: shake hands */
};

/* Which room it takes up. */
enum ktlsd_session_room {
	KTLSD_ROOM_NONE,
	KTLSD_ROOM_OWN,		/* the worker's */
	KTLSD_ROOM_POOL,	/* of all workers */
};

/**
 * struct ktlsd_session - one START or CHECK that is under way
 * @next: in its bucket
 * @request: what is wanted
 * @place: among the others
 * @room: which it takes up
 * @step: the next one
 * @deadline: when it is ended, milliseconds of the monotonic clock; its request's,
 *	and some grace
 * @last_seq: of the last message sent about it
 * @config: the generation it began with
 * @identity: inside @config, NULL without KTLS_IDENTITY
 * @fetching: @fetch waits for a piece
 * @whole: @input holds a whole batch
 * @fetch: of the configuration
 * @anchors: of KTLS_TRUST, while they are read; a reference
 * @context: a reference, NULL until it is there
 * @handshake: NULL until @context is there
 * @input: the batch as far as it came
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
	struct ktlsd_fetch		fetch;
	struct ktlsd_anchors		*anchors;
	struct ktlsd_context		*context;
	struct ktlsd_handshake		*handshake;
	struct ktlsd_buffer		input;
};

/* Sends a message to the kernel. Return: 0 or a negative errno. */
typedef int (*ktlsd_session_send)(void *arg, const struct ktlsd_message *message);

/**
 * struct ktlsd_sessions - all handshakes of a worker
 * @buckets: by id
 * @shares: who has how many of them, and whose turn it is
 * @count: how many there are, without CHECKs; read by the main thread, as the next two
 * @done: handshakes that have succeeded
 * @failed: and those that have not
 * @own: of @count, those in the worker's own room
 * @max: how many that may be
 * @pool: those of all workers beyond that, shared; NULL: there is no pool
 * @pool_max: how many that may be
 * @config: a reference to the newest configuration
 * @suites: mask of what the kernel can do
 * @cache: of clients' sessions, shared; NULL: none are saved
 * @ticket_keys: of servers' tickets, shared; NULL: none are issued
 * @ticket_waiters: complete handshakes of clients that wait for tickets
 * @contexts: cache
 * @held: bytes in fetches
 * @next_deadline: not later than the earliest; INT64_MAX for none
 * @send: where messages go
 * @send_arg: for @send
 * @family: number of the genl family
 * @seq: sequence number last used
 * @tx: room for one message
 * @limit: of log lines
 */
struct ktlsd_sessions {
	struct ktlsd_session	**buckets;
	struct ktlsd_shares	shares;
	atomic_uint		count;
	atomic_ulong		done;
	atomic_ulong		failed;
	unsigned int		own;
	unsigned int		max;
	atomic_uint		*pool;
	unsigned int		pool_max;
	struct ktlsd_config	*config;
	uint32_t		suites;
	struct ktlsd_cache	*cache;
	struct ktlsd_ticket_keys *ticket_keys;
	struct ktlsd_ticket_waiters ticket_waiters;
	struct ktlsd_contexts	contexts;
	size_t			held;
	int64_t			next_deadline;
	ktlsd_session_send	send;
	void			*send_arg;
	uint16_t		family;
	uint32_t		seq;
	uint8_t			*tx;
	struct ktlsd_log_limit	limit;
};

/**
 * ktlsd_sessions_init - an empty set
 * @sessions: filled; ktlsd_sessions_free() releases it
 * @config: a reference is taken
 * @send: where messages go
 * @send_arg: for @send
 *
 * Return: 0 or -ENOMEM
 */
int ktlsd_sessions_init(struct ktlsd_sessions *sessions,
			struct ktlsd_config *config, ktlsd_session_send send,
			void *send_arg);
void ktlsd_sessions_free(struct ktlsd_sessions *sessions);

/* Ends all handshakes without a word: the kernel knows already. */
void ktlsd_sessions_clear(struct ktlsd_sessions *sessions);

/* A new generation, for requests from now on; takes a reference. */
void ktlsd_sessions_configure(struct ktlsd_sessions *sessions,
			      struct ktlsd_config *config);

/* Takes in START, CHECK, CONFIG, CONFIG_DROP, DATA, CANCEL or MESSAGE. */
void ktlsd_sessions_handle(struct ktlsd_sessions *sessions,
			   const struct ktlsd_event *event);

/*
 * Does a step of the session whose turn it is. To be called when all messages that
 * are there have been taken in. Return: false: there is nothing to do.
 */
bool ktlsd_sessions_work(struct ktlsd_sessions *sessions);

/* The kernel refused the message with number @seq. */
void ktlsd_sessions_refused(struct ktlsd_sessions *sessions, uint32_t seq,
			    int error, const char *text);

/**
 * ktlsd_sessions_expire - end what is overdue
 *
 * Return: milliseconds until the next call is due, -1 for never.
 */
int ktlsd_sessions_expire(struct ktlsd_sessions *sessions);

/* Milliseconds of the monotonic clock. */
int64_t ktlsd_session_clock(void);

/* session.c: forgets a session, with all secrets. */
void ktlsd_session_end(struct ktlsd_sessions *sessions, struct ktlsd_session *session);

/* session_step.c: one step; the session may be gone afterwards. */
void ktlsd_session_step(struct ktlsd_sessions *sessions, struct ktlsd_session *session);

/*
 * Asks for the next piece of the configuration. Return: false: all are there; true:
 * it was asked, or could not be, and the session is gone.
 */
bool ktlsd_session_ask(struct ktlsd_sessions *sessions, struct ktlsd_session *session);

/* Begins a message about @id in the one buffer there is. */
void ktlsd_session_begin_message(struct ktlsd_sessions *sessions,
				 struct ktlsd_message *message, uint8_t cmd,
				 uint64_t id);

/* Return: 0 or a negative errno, which was logged. */
int ktlsd_session_send_message(struct ktlsd_sessions *sessions,
			       const struct ktlsd_message *message);

/* Answers a request for which there is no session. */
void ktlsd_session_refuse(struct ktlsd_sessions *sessions, uint64_t id,
			  const struct ktlsd_fault *fault);

void ktlsd_session_log_failure(struct ktlsd_sessions *sessions,
			       const struct ktlsd_request *request,
			       const struct ktlsd_fault *fault);

/* DONE with a failure; the session is gone afterwards. */
void ktlsd_session_fail(struct ktlsd_sessions *sessions, struct ktlsd_session *session,
			const struct ktlsd_fault *fault);

#endif
