/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks OCSP responders, through ktls-fetch, for handshakes. A thread of its own talks to
 * ktls-fetch. Answers are cached, and so is silence; the cache is
 * shared by the workers and bounded.
 */
#ifndef KTLSD_RESPONDERS_H
#define KTLSD_RESPONDERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crl_points.h"
#include "tls/pause.h"
#include "tls/status.h"

enum {
	KTLSD_RESPONDERS_MAX		= 4096,		/* certificates known */
	KTLSD_RESPONDERS_BUCKETS	= 1024,		/* a power of two */
	KTLSD_RESPONDERS_WAITERS	= 64,		/* handshakes that wait for one answer */
	KTLSD_RESPONDERS_FETCH_MS	= 10000,	/* how long ktls-fetch tries */
	KTLSD_RESPONDERS_KEEP		= 3600,		/* seconds that a good answer counts */
	KTLSD_RESPONDERS_QUIET_MS	= 30000,	/* before a silent one is asked again */
};

struct ktlsd_responders_entry;

/**
 * struct ktlsd_responders - all that is known, and the thread that asks
 * @thread: talks to ktls-fetch
 * @path: of the socket of ktls-fetch
 * @crl_points: where handshakes say which CRLs they need, or NULL
 * @wake_fd: eventfd: the thread has something to do
 * @stop: it shall exit
 * @lock: protects what follows
 * @buckets: entries by certificate and issuer
 * @newest: the same in order of their last use
 * @oldest: other end
 * @count: of entries
 * @last_id: of a request to ktls-fetch
 * @fd: connection to ktls-fetch, -1 for none; the thread's
 */
struct ktlsd_responders {
	pthread_t			thread;
	char				*path;
	struct ktlsd_crl_points		*crl_points;
	int				wake_fd;
	atomic_bool			stop;
	pthread_mutex_t			lock;
	struct ktlsd_responders_entry	*buckets[KTLSD_RESPONDERS_BUCKETS];
	struct ktlsd_responders_entry	*newest;
	struct ktlsd_responders_entry	*oldest;
	unsigned int			count;
	uint64_t			last_id;
	int				fd;
};

/**
 * struct ktlsd_responders_inbox - handshakes of a worker whose answer is there
 * @asker: what the handshakes call
 * @all: those that it asks
 * @lock: protects @ids and @count
 * @ids: of requests
 * @count: how many
 * @fd: eventfd, readable while there are any
 */
struct ktlsd_responders_inbox {
	struct ktlsd_status_asker	asker;
	struct ktlsd_responders		*all;
	pthread_mutex_t			lock;
	uint64_t			ids[KTLSD_PAUSE_MAX];
	unsigned int			count;
	int				fd;
};

/**
 * ktlsd_responders_start - begin to ask
 * @all: filled
 * @path: of the socket of ktls-fetch, which need not exist yet
 *
 * Return: 0 and a running thread, or a negative errno
 */
int ktlsd_responders_start(struct ktlsd_responders *all, const char *path);

/* Ends the thread; no handshake may ask any more. */
void ktlsd_responders_stop(struct ktlsd_responders *all);

/* Makes the inbox of a worker. Return: 0 or a negative errno. */
int ktlsd_responders_open_inbox(struct ktlsd_responders *all,
				struct ktlsd_responders_inbox *inbox);

/* Nothing is delivered to it any more. */
void ktlsd_responders_close_inbox(struct ktlsd_responders_inbox *inbox);

/* Calls @wake for each handshake whose answer is there. Thread of the worker. */
void ktlsd_responders_deliver(struct ktlsd_responders_inbox *inbox,
			      void (*wake)(void *arg, uint64_t id), void *arg);

#endif
