/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A worker: a thread with a netlink socket of its own, through which it serves the
 * kernel's requests. It registers with the module, receives messages, and lets its
 * sessions do their work. Only struct ktlsd_shared is shared between threads.
 */
#ifndef KTLSD_WORKER_H
#define KTLSD_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/genl.h"
#include "memory.h"
#include "config/config.h"
#include "crl_points.h"
#include "responders.h"
#include "sessions.h"
#include "signer/channel.h"
#include "staples.h"

enum {
	KTLSD_WORKER_CACHED_MIN	= 8 << 20,	/* bytes of a cache: 256 contexts */
	KTLSD_WORKER_RCVBUF	= 4 << 20,	/* bytes; the kernel doubles it */
	KTLSD_WORKER_BACKOFF_MIN = 100,		/* ms */
	KTLSD_WORKER_BACKOFF_MAX = 30000,	/* ms */
	KTLSD_WORKER_REGISTER_MS = 5000,	/* how long to wait for the answer */
	KTLSD_WORKER_FINISH_MS	= 3000,		/* for handshakes under way, before the exit */
	KTLSD_WORKER_LATE_MS	= 20,		/* for a START that was on its way then */
	KTLSD_WORKER_BURST	= 512,		/* messages received before the next step of work */
	KTLSD_WORKER_SOURCES	= 4,
	KTLSD_WORKER_SESSIONS_MIN = 16,	/* of max_sessions, for each worker */
};

/**
 * struct ktlsd_source_fd - something else that the loop of a worker waits for
 * @fd: -1 for none
 * @ready: called by the thread of the worker when @fd can be read, or has been closed at the
 *	other end
 * @arg: for @ready
 */
struct ktlsd_source_fd {
	int	fd;
	void	(*ready)(void *arg);
	void	*arg;
};

/**
 * struct ktlsd_shared - what the main thread and the workers share
 * @lock: protects @config
 * @config: the newest configuration, a reference
 * @cache: sessions that clients can resume; has a lock of its own
 * @ticket_keys: of servers; have a lock of their own
 * @responders: asks OCSP responders; has a lock of its own
 * @errands: fetches what is kept ahead of need; has a lock of its own
 * @store: keeps it on disk
 * @staples: OCSP responses for our own certificates; @errands->lock
 * @crl_points: CRLs that handshakes need; have a lock of their own
 * @generation: generation of @config, readable without @lock
 * @stop: the workers have to exit
 * @changed_fd: eventfd that wakes the main thread after a worker changed something below
 * @worker_count: how many there are; constant
 * @tried: how many of them have tried to register at least once
 * @serving: how many of them are registered
 * @trouble: why the last attempt to register failed, a negative errno
 * @pool: sessions beyond the workers' own limits
 * @quota: memory for handshakes; has a lock of its own
 */
struct ktlsd_shared {
	pthread_mutex_t		lock;
	struct ktlsd_config	*config;
	struct ktlsd_cache	cache;
	struct ktlsd_ticket_keys ticket_keys;
	struct ktlsd_responders	responders;
	struct ktlsd_errands	errands;
	struct ktlsd_store	store;
	struct ktlsd_staples	staples;
	struct ktlsd_crl_points	crl_points;
	atomic_uint_fast64_t	generation;
	atomic_bool		stop;
	int			changed_fd;
	unsigned int		worker_count;
	atomic_uint		tried;
	atomic_uint		serving;
	atomic_int		trouble;
	atomic_uint		pool;
	struct ktlsd_quota	quota;
};

enum ktlsd_worker_state {
	KTLSD_WORKER_DOWN,		/* no socket; next attempt at @retry_at */
	KTLSD_WORKER_REGISTERING,	/* waits for the answer until @retry_at */
	KTLSD_WORKER_SERVING,
};

/**
 * struct ktlsd_pending - a message that arrived before the answer to REGISTER
 * @next: the one after it
 * @data: a copy
 */
struct ktlsd_pending {
	struct ktlsd_pending	*next;
	struct nlmsghdr		data[];
};

/**
 * struct ktlsd_worker - one worker
 * @relay: the thread that runs it
 * @index: its number, for logs
 * @shared: the main thread's; outlives it
 * @wake_fd: eventfd: @shared has changed
 * @turns: iterations of its loop: the main thread wakes it and checks that it still runs
 * @generation: of the configuration that it uses
 * @state: of the registration; this and the rest belong to the thread
 * @genl: the socket that registers
 * @nlctrl: another socket, which receives notifications about generic netlink families
 * @sessions: the requests it serves
 * @register_seq: sequence number of REGISTER
 * @retry_at: milliseconds of the monotonic clock
 * @backoff: how long to wait after the next failure, ms
 * @tried: counted in @shared->tried
 * @logged_error: the last error logged, to log each only once in a row
 * @pending: messages that arrived before the answer to REGISTER
 * @pending_tail: where the next one goes
 * @rx: buffer for one datagram
 * @signer_fd: socket to the signer, until @signer takes it; -1 for none
 * @signer: asks for signatures
 * @inbox: what OCSP responders have answered
 * @sources: what else it waits for
 * @source_count: how many
 * @memory: to give back
 */
struct ktlsd_worker {
	struct ktlsd_relay	relay;
	unsigned int		index;
	struct ktlsd_shared	*shared;
	int			wake_fd;
	atomic_uint		turns;
	atomic_uint_fast64_t	generation;
	enum ktlsd_worker_state	state;
	struct ktlsd_genl	genl;
	struct ktlsd_genl	nlctrl;
	struct ktlsd_sessions	sessions;
	uint32_t		register_seq;
	int64_t			retry_at;
	int64_t			retired_at;	/* 0: not yet */
	int			backoff;
	bool			tried;
	int			logged_error;
	struct ktlsd_pending	*pending;
	struct ktlsd_pending	**pending_tail;
	void			*rx;
	int			signer_fd;
	struct ktlsd_signer_channel signer;
	struct ktlsd_responders_inbox inbox;
	struct ktlsd_source_fd	sources[KTLSD_WORKER_SOURCES];
	unsigned int		source_count;
	struct ktlsd_memory	memory;
};

/* A worker that can have few sessions is full with one each of a few users, and refuses those of
 * another while other workers have room. An only worker has all sessions, however few.
 * Return: for how many workers @max_sessions is enough, at least 1.
 */
static inline unsigned int ktlsd_worker_most(unsigned int max_sessions)
{
	unsigned int most = max_sessions / KTLSD_WORKER_SESSIONS_MIN;

	return most ? most : 1;
}

/* Return: 0 and a running thread, or a negative errno. */
int ktlsd_worker_start(struct ktlsd_worker *worker, unsigned int index,
		       struct ktlsd_shared *shared);

/* Lets the loop wait for @fd too. By the thread of the worker, or before it is started.
 * Return: 0 or -ENOSPC.
 */
int ktlsd_worker_watch(struct ktlsd_worker *worker, int fd, void (*ready)(void *arg),
		       void *arg);

/* Ends that; the caller closes @fd. */
void ktlsd_worker_unwatch(struct ktlsd_worker *worker, int fd);

/* Makes the worker check @shared. Any thread. */
void ktlsd_worker_wake(struct ktlsd_worker *worker);

/* Waits until the thread has exited: set @shared->stop and wake it first. */
void ktlsd_worker_join(struct ktlsd_worker *worker);

#endif
