/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Watches the workers and the signer, and reports their health to the service manager. Main
 * thread only.
 */
#ifndef KTLSD_WATCH_H
#define KTLSD_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker.h"

enum {
	KTLSD_WATCH_PERIOD	= 5000,		/* ms between two checks */
	KTLSD_WATCH_STATUS_MAX	= 256,		/* bytes */
};

/**
 * struct ktlsd_watch - the main thread's view of its workers
 * @shared: state of the workers
 * @workers: array of @shared->worker_count
 * @period: ms between two checks
 * @next: when the next check is due
 * @seen: @turns of each worker when WATCHDOG=1 was last sent
 * @serving: how many workers served at the last check
 * @signer_silent: checks in a row at which the signer had not answered
 * @is_ready: READY=1 was sent
 * @status: the last STATUS=
 */
struct ktlsd_watch {
	struct ktlsd_shared	*shared;
	struct ktlsd_worker	*workers;
	int64_t			period;
	int64_t			next;
	unsigned int		seen[KTLSD_WORKERS_MAX];
	unsigned int		serving;
	unsigned int		signer_silent;
	bool			is_ready;
	char			status[KTLSD_WATCH_STATUS_MAX];
};

void ktlsd_watch_init(struct ktlsd_watch *watch, struct ktlsd_shared *shared,
		      struct ktlsd_worker *workers);

/**
 * ktlsd_watch_step - check the workers
 * @watch: of the main thread
 *
 * Call it after a worker changed struct ktlsd_shared, and when the next check is due. Sends
 * READY=1 when the first worker serves, and WATCHDOG=1 when every worker has gone round its
 * loop since the last time, and the signer has answered. Wakes idle workers so that they do.
 *
 * Return: milliseconds until the next check is due
 */
int ktlsd_watch_step(struct ktlsd_watch *watch);

/* Describes the health of the workers in one sentence, for STATUS= and ktlsctl status. */
void ktlsd_watch_describe(const struct ktlsd_watch *watch, char *ret_text,
			  size_t size);

#endif
