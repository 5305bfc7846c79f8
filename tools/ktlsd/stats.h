/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All numbers of ktlsd as text, in the format that Prometheus reads (version 0.0.4): those of
 * the workers (metrics.h) added up, what they share, and the counters of the module. Names and
 * labels are an interface: they may be added to, not changed.
 */
#ifndef KTLSD_STATS_H
#define KTLSD_STATS_H

#include <stdatomic.h>
#include <stdint.h>

#include "control.h"
#include "worker.h"

#define KTLSD_STATS_END		"# EOF\n"	/* the last line: nothing is missing */

enum ktlsd_stats_reload {
	KTLSD_RELOAD_COMPLETE,
	KTLSD_RELOAD_PARTIAL,	/* some files could not be loaded, or a worker is late */
	KTLSD_RELOAD_FAILED,	/* the old configuration stayed in force */
	KTLSD_RELOAD_COUNT,
};

/**
 * struct ktlsd_stats - where the numbers are
 * @shared: of the workers; outlives this
 * @workers: array of @shared->worker_count
 * @begun: when ktlsd was started, seconds since the epoch
 * @reloads: how often, by enum ktlsd_stats_reload
 * @reloaded: when the configuration in force was read, seconds since the epoch
 * @last_reload: when that was last tried, likewise; main thread
 * @last_result: a word for what came of it, NULL if there was none; main thread
 *
 * Written by the main thread, read by any.
 */
struct ktlsd_stats {
	struct ktlsd_shared	*shared;
	struct ktlsd_worker	*workers;
	int64_t			begun;
	atomic_uint_fast64_t	reloads[KTLSD_RELOAD_COUNT];
	atomic_int_fast64_t	reloaded;
	int64_t			last_reload;
	const char		*last_result;
};

void ktlsd_stats_init(struct ktlsd_stats *stats, struct ktlsd_shared *shared,
		      struct ktlsd_worker *workers);

/* Counts a reload. */
void ktlsd_stats_reload(struct ktlsd_stats *stats, enum ktlsd_stats_reload result);

/**
 * ktlsd_stats_write - all numbers as text
 * @stats: where they are
 * @ret_text: the caller frees it
 * @ret_len: bytes, without the NUL behind it
 *
 * Return: 0 or -ENOMEM
 */
int ktlsd_stats_write(const struct ktlsd_stats *stats, char **ret_text, size_t *ret_len);

/* Answers the verb stats. */
void ktlsd_stats_answer(const struct ktlsd_stats *stats, struct ktlsd_control *control);

#endif
