/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Are the workers at work? The service manager is told. */
#ifndef KTLSD_WATCH_H
#define KTLSD_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker.h"

enum {
	KTLSD_WATCH_PERIOD	= 5000,		/* ms between two looks at the workers */
	KTLSD_WATCH_STATUS_MAX	= 256,		/* bytes */
};

/**
 * struct ktlsd_watch - the main thread's view of its workers
 * @shared: where they say how they are
 * @workers: them
 * @period: ms between two looks
 * @next: when the next one is due
 * @seen: their turns when the watchdog was last fed
 * @serving: how many served at the last step
 * @is_ready: READY=1 was sent
 * @status: what STATUS= was last
 */
struct ktlsd_watch {
	struct ktlsd_shared	*shared;
	struct ktlsd_worker	*workers;
	int64_t			period;
	int64_t			next;
	unsigned int		seen[KTLSD_WORKERS_MAX];
	unsigned int		serving;
	bool			is_ready;
	char			status[KTLSD_WATCH_STATUS_MAX];
};

void ktlsd_watch_init(struct ktlsd_watch *watch, struct ktlsd_shared *shared,
		      struct ktlsd_worker *workers);

/**
 * ktlsd_watch_step - look at the workers
 * @watch: the view of them
 *
 * Call it when a worker has told something, and when it is due. READY=1 is sent
 * when the first worker serves, the watchdog fed when each has gone round its
 * loop since it was last fed; a worker that is idle is woken to do so.
 *
 * Return: when it is due again, in ms
 */
int ktlsd_watch_step(struct ktlsd_watch *watch);

/* Writes a sentence on how things are, as it is sent with STATUS=. */
void ktlsd_watch_describe(const struct ktlsd_watch *watch, char *ret_text,
			  size_t size);

#endif
