/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks OCSP responders, through ktls-fetch, for handshakes. A thread of its own talks to
 * ktls-fetch. Answers are cached, and so is silence; the cache is shared by the workers and
 * bounded. responder_room.h shares it among users.
 */
#ifndef KTLSD_RESPONDERS_H
#define KTLSD_RESPONDERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/staple.h"
#include "crl_points.h"
#include "tls/pause.h"
#include "tls/status.h"

enum {
	KTLSD_RESPONDERS_MAX		= 4096,		/* certificates known */
	KTLSD_RESPONDERS_BUCKETS	= 1024,		/* a power of two */
	KTLSD_RESPONDERS_WAITERS	= 64,		/* handshakes that wait for one answer */
	KTLSD_RESPONDERS_AT_ONCE	= 24,		/* questions that ktls-fetch has */
	KTLSD_RESPONDERS_PER_HOST	= 3,		/* of them for one host */
	KTLSD_RESPONDERS_BUSY_MS	= 100,		/* before ktls-fetch is asked again, if it has too much to do */
	KTLSD_RESPONDERS_FETCH_MS	= 10000,	/* how long ktls-fetch tries */
	KTLSD_RESPONDERS_KEEP		= 3600,		/* seconds that a good answer counts */
	KTLSD_RESPONDERS_QUIET_MS	= 30000,	/* before a silent one is asked again */
};

struct ktlsd_responders_inbox;

enum ktlsd_responders_state {
	KTLSD_RESPONDERS_NEW,		/* to be asked when a handshake waits, in its turn */
	KTLSD_RESPONDERS_ASKED,
	KTLSD_RESPONDERS_ANSWERED,
	KTLSD_RESPONDERS_SILENT,
};

/**
 * struct ktlsd_responders_waiter - a handshake that waits
 * @inbox: of its worker
 * @id: of its request
 * @deadline: milliseconds of the monotonic clock
 * @user: whose handshake it is, see struct ktlsd_crl_view
 */
struct ktlsd_responders_waiter {
	struct ktlsd_responders_inbox	*inbox;
	uint64_t			id;
	int64_t				deadline;
	uint64_t			user;
};

/**
 * struct ktlsd_responders_entry - a certificate, and what its responder says
 * @next: in its bucket
 * @newer: used later; NULL for the newest
 * @older: used earlier
 * @key: hash of the certificate and its issuer
 * @user: who used it last; while handshakes wait, who asked first; while ktls-fetch asks, whose
 *	turn it was
 * @state: see there
 * @cert: a reference
 * @issuer: a reference
 * @url: of the responder
 * @crls: to look up who signs the answer; a reference while there is none, or NULL
 * @nonce: of the last request
 * @id: likewise
 * @deadline: when it is given up, milliseconds of the monotonic clock
 * @lost: ktls-fetch ended while it asked; it asks only once more
 * @answer: if answered; its @why if silent
 * @since: when it answered, seconds since the epoch
 * @until: until when that counts: seconds since the epoch, or milliseconds if silent
 * @waiters: handshakes that wait for it
 * @waiter_count: how many
 */
struct ktlsd_responders_entry {
	struct ktlsd_responders_entry	*next;
	struct ktlsd_responders_entry	*newer;
	struct ktlsd_responders_entry	*older;
	uint8_t				key[KTLSD_STAPLE_KEY];
	uint64_t			user;
	enum ktlsd_responders_state	state;
	X509				*cert;
	X509				*issuer;
	char				url[KTLSD_OCSP_URL_MAX];
	struct ktlsd_crl_set		*crls;
	uint8_t				nonce[KTLSD_OCSP_NONCE];
	uint64_t			id;
	int64_t				deadline;
	bool				lost;
	struct ktlsd_ocsp_answer	answer;
	int64_t				since;
	int64_t				until;
	struct ktlsd_responders_waiter	waiters[KTLSD_RESPONDERS_WAITERS];
	unsigned int			waiter_count;
};

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
 * @busy_until: ktls-fetch had too much to do: it is asked again then, milliseconds of the
 *	monotonic clock
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
	int64_t				busy_until;
	int				fd;
};

/**
 * struct ktlsd_responders_inbox - handshakes of a worker whose answer is there
 * @asker: what the handshakes call
 * @all: those that it asks
 * @lock: protects the next three
 * @ids: of requests
 * @count: how many
 * @is_over: there were more
 * @fd: eventfd, readable while there are any
 */
struct ktlsd_responders_inbox {
	struct ktlsd_status_asker	asker;
	struct ktlsd_responders		*all;
	pthread_mutex_t			lock;
	uint64_t			ids[KTLSD_PAUSE_MAX];
	unsigned int			count;
	bool				is_over;
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

/* Calls @wake for each handshake whose answer is there. Thread of the worker.
 * Return: false if there were more than fit into the inbox: all that wait have to be woken.
 */
bool ktlsd_responders_deliver(struct ktlsd_responders_inbox *inbox,
			      void (*wake)(void *arg, uint64_t id), void *arg);

#endif
