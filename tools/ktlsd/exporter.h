/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The socket for Prometheus (metrics_socket in ktlsd.conf): a stream socket in the file system on
 * which each GET /metrics of HTTP/1.1 is answered with the numbers of stats.h. A thread of its
 * own serves one client at a time and gives each two seconds, so no client delays handshakes or
 * the main thread.
 */
#ifndef KTLSD_EXPORTER_H
#define KTLSD_EXPORTER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/un.h>

#include "stats.h"

enum {
	KTLSD_EXPORTER_REQUEST_MAX	= 4096,	/* bytes */
	KTLSD_EXPORTER_CLIENT_MS	= 2000,
};

/**
 * struct ktlsd_exporter - the socket and its thread
 * @running: there is a socket
 * @fd: listening socket
 * @stop: the thread has to exit
 * @thread: serves it
 * @stats: the numbers
 * @address: the socket's path
 *
 * Zeroed to begin with. Main thread only, but for @fd, @stop and @stats.
 */
struct ktlsd_exporter {
	bool			running;
	int			fd;
	atomic_bool		stop;
	pthread_t		thread;
	const struct ktlsd_stats *stats;
	struct sockaddr_un	address;
};

/* Opens the socket @path, and closes the one that was open, if it is another; NULL for none.
 * Logs why it cannot.
 */
void ktlsd_exporter_use(struct ktlsd_exporter *exporter, const char *path,
			const struct ktlsd_stats *stats);

/* Ends it; waits for the client that is being served. */
void ktlsd_exporter_stop(struct ktlsd_exporter *exporter);

#endif
