/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ktlsd fetches ahead of need and keeps fresh, through ktls-fetch: when each is due, and
 * what comes after a failure. A thread does it; what an errand is about is for its kind.
 */
#ifndef KTLSD_ERRANDS_H
#define KTLSD_ERRANDS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buffer.h"
#include "lib/fetching.h"

enum {
	KTLSD_ERRANDS_AT_ONCE	= 16,		/* under way at a time */
	KTLSD_ERRANDS_PER_HOST	= 2,		/* of them at one host */
	KTLSD_ERRANDS_CRLS	= 1,		/* of them for CRLs */
	KTLSD_ERRANDS_PART_MS	= 5000,		/* for the next part of an answer */
	KTLSD_ERRANDS_MIN	= 30,		/* seconds between two of the same */
	KTLSD_ERRANDS_MAX	= 86400,	/* the same, at most */
	KTLSD_ERRANDS_RETRY	= 10,		/* seconds after the first failure; doubles */
	KTLSD_ERRANDS_RETRY_MAX	= 3600,
	KTLSD_ERRANDS_LOOK_MS	= 60000,	/* the wall clock may be set meanwhile */
	KTLSD_ERRANDS_BACK	= 10,		/* seconds by which it may be set back unnoticed */
};

struct ktlsd_errand;

/**
 * struct ktlsd_errand_kind - what an errand is about
 * @timeout_ms: that ktls-fetch gets
 * @max: bytes of an answer
 * @request: writes KTLS_FETCH_BODY_MAX bytes at most. Return: bytes, or a negative errno; NULL
 *	for a CRL
 * @take: an answer is there. Return: seconds until it is due again, or a negative errno, and
 *	@why says why the answer is of no use: "it ..."
 * @save: writes what was taken to the disk. Return: 0; or a negative errno, and it is called again
 * @fail: nothing came, or nothing of use, for the reason @why; tried again in @delay seconds
 *
 * Called with the lock, by the thread of the errands.
 */
struct ktlsd_errand_kind {
	unsigned int	timeout_ms;
	size_t		max;
	int		(*request)(struct ktlsd_errand *errand, uint8_t *body);
	int64_t		(*take)(struct ktlsd_errand *errand, const uint8_t *data, size_t len,
				int64_t now, char why[KTLS_FETCH_TEXT_MAX]);
	int		(*save)(struct ktlsd_errand *errand);
	void		(*fail)(struct ktlsd_errand *errand, const char *why, int64_t now,
				int64_t delay);
};

/**
 * struct ktlsd_errand - something to be fetched again and again
 * @next: in the list
 * @kind: what it is about
 * @url: where; lives as long as the errand
 * @id: of the request under way, 0 for none
 * @deadline: when it is given up, milliseconds of the monotonic clock
 * @due: when the next request is due, seconds since the epoch
 * @failures: in a row
 * @answer: what has come of the answer
 * @unsaved: what was taken could not be written yet
 *
 * A member of what the errand is about. With the lock.
 */
struct ktlsd_errand {
	struct ktlsd_errand		*next;
	const struct ktlsd_errand_kind	*kind;
	const char			*url;
	uint64_t			id;
	int64_t				deadline;
	int64_t				due;
	unsigned int			failures;
	struct ktlsd_buffer		answer;
	bool				unsaved;
};

/**
 * struct ktlsd_errands - all of them, and the thread
 * @thread: does them
 * @running: there is a thread
 * @path: of the socket of ktls-fetch
 * @now: the wall clock, seconds since the epoch
 * @wake_fd: eventfd: an errand was added
 * @stop: the thread shall exit
 * @done: how many answers were of use
 * @failed: how many requests were in vain
 * @lock: protects what follows
 * @first: list
 * @active: those under way
 * @active_count: how many
 * @prepare: called before each look at the list, with the lock; or NULL. Return: whether to call
 *	it again at once
 * @prepare_arg: for it
 * @last_id: of a request
 * @looked: at the list, seconds since the epoch
 * @save_after: when the disk is tried again, milliseconds of the monotonic clock
 * @fd: connection to ktls-fetch, -1 for none
 */
struct ktlsd_errands {
	pthread_t		thread;
	bool			running;
	char			*path;
	int64_t			(*now)(void);
	int			wake_fd;
	atomic_bool		stop;
	atomic_uint_fast64_t	done;
	atomic_uint_fast64_t	failed;
	pthread_mutex_t		lock;
	struct ktlsd_errand	*first;
	struct ktlsd_errand	*active[KTLSD_ERRANDS_AT_ONCE];
	unsigned int		active_count;
	bool			(*prepare)(void *arg);
	void			*prepare_arg;
	uint64_t		last_id;
	int64_t			looked;
	int64_t			save_after;
	int			fd;
};

/* Without a thread yet. @path: of the socket of ktls-fetch. Return: 0 or a negative errno. */
int ktlsd_errands_init(struct ktlsd_errands *errands, const char *path);

/* Starts the thread. Return: 0 or a negative errno. */
int ktlsd_errands_start(struct ktlsd_errands *errands);

/* Ends it. The list stays. */
void ktlsd_errands_stop(struct ktlsd_errands *errands);

/* After ktlsd_errands_stop(), when the list is empty. */
void ktlsd_errands_free(struct ktlsd_errands *errands);

/* Adds an errand with its @kind, @url and @due; with the lock. */
void ktlsd_errands_add(struct ktlsd_errands *errands, struct ktlsd_errand *errand);

/* Removes one; with the lock. */
void ktlsd_errands_del(struct ktlsd_errands *errands, struct ktlsd_errand *errand);

/* Lets the thread look at the list. Any thread. */
void ktlsd_errands_wake(struct ktlsd_errands *errands);

/**
 * ktlsd_errands_refresh_after - when something that expires is to be fetched again
 * @from: since when it holds, seconds since the epoch
 * @expires: until when
 * @now: likewise
 *
 * Return: seconds: half of its life or, after that, half of what is left, give or take an
 * eighth; between KTLSD_ERRANDS_MIN and KTLSD_ERRANDS_MAX
 */
int64_t ktlsd_errands_refresh_after(int64_t from, int64_t expires, int64_t now);

/* What the thread does, for tests too: begins what is due, and gives up what is late. With the
 * lock. Return: milliseconds until the next call, -1 for none.
 */
int ktlsd_errands_step(struct ktlsd_errands *errands);

/* Likewise: receives one message of ktls-fetch. With the lock. */
void ktlsd_errands_receive(struct ktlsd_errands *errands);

#endif
