/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls that can pause: OpenSSL asks for a signature or for a verdict in the middle of
 * SSL_do_handshake(), and the thread of the worker must not wait for it. So the call runs on
 * a stack of its own. ktlsd_pause() leaves it there and returns to the caller of
 * ktlsd_pause_run(), who continues it later.
 *
 * OpenSSL's own ASYNC_start_job() has stacks of 32 KiB without a guard page, which is not
 * enough to verify what any peer sends; and a job that is not needed any more cannot be ended.
 *
 * A job belongs to the thread that began it.
 */
#ifndef KTLSD_PAUSE_H
#define KTLSD_PAUSE_H

#include <stdbool.h>
#include <stdint.h>

#include "errors.h"
#include "shares.h"

enum {
	KTLSD_PAUSE_STACK	= 256 << 10,	/* bytes; only what is used takes memory */
	KTLSD_PAUSE_IDLE_MAX	= 8,		/* stacks a thread keeps for the next job */
	KTLSD_PAUSE_MAX		= 4096,		/* jobs of a thread */
};

struct ktlsd_handshake;
struct ktlsd_pause;

/**
 * struct ktlsd_pause_owner - on whose behalf a job runs
 * @id: of the request, for ktlsd_sessions_wake()
 * @uid: of the program
 * @source: for fair scheduling, see shares.h
 * @role: ours, enum ktls_role
 * @rsa_transport: a policy allows the program RSA key transport
 * @deadline: after it the result is of no use, ms of the monotonic clock
 * @fault: what failed within the job, if OpenSSL has no words for it; its @error is 0 until then
 * @handshake: which one the job does, or NULL
 */
struct ktlsd_pause_owner {
	uint64_t	id;
	uint32_t	uid;
	struct ktlsd_source source;
	uint32_t	role;
	bool		rsa_transport;
	int64_t		deadline;
	struct ktlsd_fault fault;
	struct ktlsd_handshake *handshake;
};

/**
 * ktlsd_pause_run - call a function that may pause, or continue it
 * @job: *@job is NULL to begin; the job while it is paused, NULL after it has returned
 * @owner: for ktlsd_pause_get_owner(); must live as long as the job
 * @call: the function, to begin
 * @arg: for @call
 * @ret_value: what @call returned
 *
 * Return: 0 if @call returned, 1 if it is paused, -ENOMEM, or -ENOBUFS with
 * KTLSD_PAUSE_MAX jobs
 */
int ktlsd_pause_run(struct ktlsd_pause **job, struct ktlsd_pause_owner *owner,
		    int (*call)(void *arg), void *arg, int *ret_value);

/**
 * ktlsd_pause - within a job: return to the caller of ktlsd_pause_run()
 *
 * It may be continued early: call it in a loop until the answer is there.
 *
 * Return: 0 when continued; -ECANCELED if the answer is not needed any more: return at once;
 * -EDEADLK outside of a job
 */
int ktlsd_pause(void);

/* Return: on whose behalf the current job runs; NULL outside of a job. */
struct ktlsd_pause_owner *ktlsd_pause_get_owner(void);

/* Ends a paused job: lets its function run to its end, with errors where it would pause.
 * Does nothing if *@job is NULL.
 */
void ktlsd_pause_cancel(struct ktlsd_pause **job);

/* Return: whether a job of this thread is paused. No other thread may continue it. */
bool ktlsd_pause_pending(void);

/* Frees the stacks that the thread keeps. Call it before a thread ends, too. */
void ktlsd_pause_flush(void);

#endif
