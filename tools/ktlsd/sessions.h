/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All sessions of one worker. Receiving a message of the kernel is cheap; the work that it
 * asks for is done later, step by step, in the order of shares.h. So a request that was
 * cancelled meanwhile costs no work. Belongs to the thread of the worker; the counters can
 * be read by the main thread.
 */
#ifndef KTLSD_SESSIONS_H
#define KTLSD_SESSIONS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/log.h"
#include "lib/message.h"
#include "config/config.h"
#include "metrics.h"
#include "quota.h"
#include "session.h"
#include "shares.h"
#include "tls/cache.h"
#include "tls/context.h"
#include "tls/ticket_keys.h"
#include "tls/ticket_waiters.h"

/* Sends a message to the kernel. Return: 0 or a negative errno. */
typedef int (*ktlsd_sessions_send)(void *arg, const struct ktlsd_message *message);

/**
 * struct ktlsd_sessions - all sessions of a worker
 * @buckets: by id
 * @shares: whose turn it is, and who has how many
 * @count: sessions under way, without CHECKs; the main thread reads it, as the next two
 * @done: handshakes that succeeded
 * @failed: handshakes that failed
 * @own: sessions that count against the worker's own limit
 * @max: that limit
 * @pool: sessions of all workers beyond their own limits, shared; NULL: none are allowed
 * @pool_max: limit of @pool
 * @config: the newest configuration; a reference
 * @suites: mask of what the kernel supports
 * @cache: sessions of clients that can be resumed, shared; NULL: none are saved
 * @ticket_keys: of servers, shared; NULL: no tickets are issued
 * @asker: asks OCSP responders; NULL: none are asked
 * @ticket_waiters: complete handshakes of clients that wait for tickets
 * @contexts: cache of SSL_CTX objects
 * @quota: of all users, shared; NULL: memory is not bounded
 * @held: bytes in fetches
 * @next_deadline: not later than the earliest deadline; INT64_MAX for none
 * @send: sends a message
 * @send_arg: for @send
 * @family: number of the generic netlink family
 * @seq: sequence number last used
 * @tx: buffer for one message
 * @limit: of log lines
 * @metrics: other threads can read them
 */
struct ktlsd_sessions {
	struct ktlsd_session		**buckets;
	struct ktlsd_shares		shares;
	atomic_uint			count;
	atomic_ulong			done;
	atomic_ulong			failed;
	unsigned int			own;
	unsigned int			max;
	atomic_uint			*pool;
	unsigned int			pool_max;
	struct ktlsd_config		*config;
	uint32_t			suites;
	struct ktlsd_cache		*cache;
	struct ktlsd_ticket_keys	*ticket_keys;
	struct ktlsd_status_asker	*asker;
	struct ktlsd_ticket_waiters	ticket_waiters;
	struct ktlsd_contexts		contexts;
	struct ktlsd_quota		*quota;
	size_t				held;
	int64_t				next_deadline;
	ktlsd_sessions_send		send;
	void				*send_arg;
	uint16_t			family;
	uint32_t			seq;
	uint8_t				*tx;
	struct ktlsd_log_limit		limit;
	struct ktlsd_metrics		metrics;
};

/**
 * ktlsd_sessions_init - an empty set
 * @sessions: filled; ktlsd_sessions_free() releases it
 * @config: a reference is taken
 * @send: sends a message
 * @send_arg: for @send
 *
 * Return: 0 or -ENOMEM
 */
int ktlsd_sessions_init(struct ktlsd_sessions *sessions,
			struct ktlsd_config *config, ktlsd_sessions_send send,
			void *send_arg);
void ktlsd_sessions_free(struct ktlsd_sessions *sessions);

/* Frees all sessions without a message: the kernel has ended their requests. */
void ktlsd_sessions_clear(struct ktlsd_sessions *sessions);

/* Uses @config for requests from now on; takes a reference. */
void ktlsd_sessions_configure(struct ktlsd_sessions *sessions,
			      struct ktlsd_config *config);

/* Receives START, CHECK, CONFIG, CONFIG_DROP, DATA, CANCEL or MESSAGE. */
void ktlsd_sessions_handle(struct ktlsd_sessions *sessions,
			   const struct ktlsd_event *event);

/* The answer that request @id waits for is there: its session takes its turn. Does nothing if
 * it does not wait, or has ended.
 */
void ktlsd_sessions_wake(struct ktlsd_sessions *sessions, uint64_t id);

/* The same for every request: those without their answer wait again. */
void ktlsd_sessions_wake_all(struct ktlsd_sessions *sessions);

/* Takes a step of the session whose turn it is. Call it when no more messages are there
 * to be received. Return: false if no session has work to do.
 */
bool ktlsd_sessions_work(struct ktlsd_sessions *sessions);

/* Ends the session about which message @seq was, as the kernel refused that message. */
void ktlsd_sessions_refused(struct ktlsd_sessions *sessions, uint32_t seq,
			    int error, const char *text);

/* Ends what is overdue. Return: milliseconds until the next call is due, -1 for never. */
int ktlsd_sessions_expire(struct ktlsd_sessions *sessions);

/* Tells others what the worker has just now. Call it regularly. */
void ktlsd_sessions_measure(struct ktlsd_sessions *sessions);

/* Ends a session, if @place is not NULL, to make room for others; @why continues the sentence
 * about it. Return: false if @place is NULL.
 */
bool ktlsd_sessions_evict(struct ktlsd_sessions *sessions, struct ktlsd_place *place,
			  const char *why);

/* Frees a session and wipes its secrets. */
void ktlsd_sessions_end(struct ktlsd_sessions *sessions, struct ktlsd_session *session);

#endif
