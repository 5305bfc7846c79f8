/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The handshakes of one worker: each message of the kernel is taken in, and
 * answered as the contract wants. Nothing here waits for anything. All of it
 * belongs to one thread.
 */
#ifndef KTLSD_SESSION_H
#define KTLSD_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "../lib/log.h"
#include "config.h"
#include "context.h"
#include "engine.h"
#include "fetch.h"
#include "kept.h"

enum {
	KTLSD_SESSION_GRACE_MS	= 1000,	/* the kernel's deadline comes first */
};

/**
 * struct ktlsd_session - one START or CHECK that is under way
 * @next: in its bucket
 * @request: what is wanted
 * @deadline: milliseconds of the monotonic clock
 * @last_seq: of the last message sent about it
 * @config: the generation it began with
 * @identity: inside @config, NULL without KTLS_IDENTITY
 * @fetching: @fetch waits for a piece
 * @whole: @input holds a whole batch
 * @fetch: of the configuration
 * @context: a reference, NULL until it is there
 * @engine: NULL until @context is there
 * @input: the batch as far as it came
 */
struct ktlsd_session {
	struct ktlsd_session		*next;
	struct ktlsd_request		request;
	int64_t				deadline;
	uint32_t			last_seq;
	struct ktlsd_config		*config;
	const struct ktlsd_identity	*identity;
	bool				fetching;
	bool				whole;
	struct ktlsd_fetch		fetch;
	struct ktlsd_context		*context;
	struct ktlsd_engine		*engine;
	struct ktlsd_buffer		input;
};

/* Sends a message to the kernel. Return: 0 or a negative errno. */
typedef int (*ktlsd_session_send)(void *arg, const struct ktlsd_message *message);

/**
 * struct ktlsd_sessions - all handshakes of a worker
 * @buckets: by id
 * @count: how many there are
 * @max: how many there may be
 * @done: handshakes that have succeeded; these counts are read by the main thread
 * @failed: and those that have not
 * @config: a reference to the newest configuration
 * @suites: mask of what the kernel can do
 * @cache: of clients' sessions, shared; NULL: none are kept
 * @ticket_keys: of servers' tickets, shared; NULL: none are issued
 * @kept: engines of clients that wait for tickets
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
	atomic_uint		count;
	unsigned int		max;
	atomic_ulong		done;
	atomic_ulong		failed;
	struct ktlsd_config	*config;
	uint32_t		suites;
	struct ktlsd_cache	*cache;
	struct ktlsd_ticket_keys *ticket_keys;
	struct ktlsd_kept	kept;
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
			      struct ktlsd_config *config, unsigned int max);

/* Takes in START, CHECK, CONFIG, CONFIG_DROP, DATA, CANCEL or MESSAGE. */
void ktlsd_sessions_handle(struct ktlsd_sessions *sessions,
			   const struct ktlsd_event *event);

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

#endif
