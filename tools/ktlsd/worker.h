/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thread with a netlink socket that serves handshakes to the kernel. */
#ifndef KTLSD_WORKER_H
#define KTLSD_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/genl.h"
#include "config.h"
#include "sessions.h"

enum {
	KTLSD_WORKER_RCVBUF	= 4 << 20,	/* bytes asked for; the kernel doubles it */
	KTLSD_WORKER_BACKOFF_MIN = 100,		/* ms */
	KTLSD_WORKER_BACKOFF_MAX = 30000,	/* ms */
	KTLSD_WORKER_REGISTER_MS = 5000,	/* how long the kernel may take */
	KTLSD_WORKER_BURST	= 512,		/* messages before work is done; more than the credit */
};

/**
 * struct ktlsd_shared - what the main thread gives to the workers
 * @lock: protects @config
 * @config: the newest configuration, a reference
 * @cache: sessions of clients; has a lock of its own
 * @ticket_keys: of servers; likewise
 * @generation: its generation, readable without @lock
 * @stop: the workers are to end
 * @changed_fd: eventfd, one up whenever a worker has changed something below
 * @worker_count: how many there are; constant
 * @tried: how many of them have tried to register
 * @serving: how many of them are registered
 * @trouble: why one could not, a negative errno
 * @pool: sessions beyond what each worker has room for
 */
struct ktlsd_shared {
	pthread_mutex_t		lock;
	struct ktlsd_config	*config;
	struct ktlsd_cache	cache;
	struct ktlsd_ticket_keys ticket_keys;
	atomic_uint_fast64_t	generation;
	atomic_bool		stop;
	int			changed_fd;
	unsigned int		worker_count;
	atomic_uint		tried;
	atomic_uint		serving;
	atomic_int		trouble;
	atomic_uint		pool;
};

enum ktlsd_worker_state {
	KTLSD_WORKER_DOWN,		/* no socket; tries again at @retry_at */
	KTLSD_WORKER_REGISTERING,	/* waits for the reply until @retry_at */
	KTLSD_WORKER_SERVING,
};

/**
 * struct ktlsd_pending - a message that came before REGISTER was answered
 * @next: the one after it
 * @data: a copy
 */
struct ktlsd_pending {
	struct ktlsd_pending	*next;
	struct nlmsghdr		data[];
};

/**
 * struct ktlsd_worker - one worker
 * @thread: runs it
 * @index: its number, for logs
 * @shared: the main thread's; outlives it
 * @wake_fd: eventfd: look at @shared
 * @turns: of its loop; the main thread wakes it and sees whether it goes round
 * @generation: of the configuration that it uses
 * @state: where it is; this and the rest belong to the thread
 * @genl: the socket that registers
 * @nlctrl: another socket, on which families are seen to come and go
 * @sessions: its handshakes
 * @register_seq: sequence number of REGISTER
 * @retry_at: milliseconds of the monotonic clock
 * @backoff: the next wait, ms
 * @tried: counted in @shared->tried
 * @logged_error: errno of the last failure logged, so that it is logged once
 * @pending: first of the messages that wait for the reply
 * @pending_tail: where the next one goes
 * @rx: room for one datagram
 */
struct ktlsd_worker {
	pthread_t		thread;
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
	int			backoff;
	bool			tried;
	int			logged_error;
	struct ktlsd_pending	*pending;
	struct ktlsd_pending	**pending_tail;
	void			*rx;
};

/* Return: 0 and a running thread, or a negative errno. */
int ktlsd_worker_start(struct ktlsd_worker *worker, unsigned int index,
		       struct ktlsd_shared *shared);

/* Makes it look at @shared. */
void ktlsd_worker_wake(struct ktlsd_worker *worker);

/* Waits for its end, which @shared->stop and a wake bring about. */
void ktlsd_worker_join(struct ktlsd_worker *worker);

#endif
