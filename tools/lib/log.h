/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log lines: one sentence each, to stderr or syslog. Everything is escaped on
 * its way out, so a peer cannot forge a line. Never pass a secret.
 */
#ifndef KTLS_TOOLS_LIB_LOG_H
#define KTLS_TOOLS_LIB_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum ktlsd_log_level {
	KTLSD_LOG_ERROR,
	KTLSD_LOG_WARNING,
	KTLSD_LOG_INFO,
	KTLSD_LOG_DEBUG,
};

enum ktlsd_log_target {
	KTLSD_LOG_STDERR,
	KTLSD_LOG_SYSLOG,
};

/**
 * struct ktlsd_log_limit - how often something a peer can provoke is logged
 * @window: start of the current window, seconds of the monotonic clock
 * @count: lines in this window
 * @dropped: lines left out since the last one written
 *
 * Zeroed to begin with; belongs to one thread.
 */
struct ktlsd_log_limit {
	int64_t		window;
	unsigned int	count;
	unsigned int	dropped;
};

/* May be called again at any time, by any thread. @name must stay valid. */
void ktlsd_log_open(const char *name, enum ktlsd_log_target target,
		    enum ktlsd_log_level level);

/* Return: 0, or -EINVAL for an unknown word; the words are those of the manual. */
int ktlsd_log_parse_level(const char *word, enum ktlsd_log_level *ret_level);
int ktlsd_log_parse_target(const char *word, enum ktlsd_log_target *ret_target);

bool ktlsd_log_enabled(enum ktlsd_log_level level);

void ktlsd_log(enum ktlsd_log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* At most ten lines a second and limit; what was left out is told later. */
void ktlsd_log_limited(struct ktlsd_log_limit *limit,
		       enum ktlsd_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
