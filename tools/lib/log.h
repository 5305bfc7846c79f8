/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log lines: one sentence each, to stderr or syslog; with their priority, where
 * stderr is the journal. Everything is escaped on
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

enum {
	KTLSD_LOG_SOURCES	= 64,	/* told apart at a time */
	KTLSD_LOG_SOURCE_MAX	= 64,	/* bytes of a name */
};

/**
 * struct ktlsd_log_source - lines that one source has caused
 * @name: of the source
 * @begin: start of its window, ms of the monotonic clock
 * @level: of the last line left out
 * @count: lines in this window
 * @dropped: lines left out in it
 */
struct ktlsd_log_source {
	char			name[KTLSD_LOG_SOURCE_MAX];
	int64_t			begin;
	enum ktlsd_log_level	level;
	unsigned int		count;
	unsigned int		dropped;
};

/**
 * struct ktlsd_log_limit - how often something a peer can provoke is logged
 * @sources: who has caused lines lately
 * @others: all for whom there was no place
 *
 * Zeroed to begin with; belongs to one thread.
 */
struct ktlsd_log_limit {
	struct ktlsd_log_source	sources[KTLSD_LOG_SOURCES];
	struct ktlsd_log_source	others;
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

/*
 * At most ten lines in five seconds, for each @source: nobody's lines keep those
 * of others out. How many were suppressed is told when the time is over.
 */
void ktlsd_log_limited_from(struct ktlsd_log_limit *limit, const char *source,
			    enum ktlsd_log_level level, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Likewise, for what has no source. */
#define ktlsd_log_limited(limit, level, ...) \
	ktlsd_log_limited_from(limit, "ktlsd itself", level, __VA_ARGS__)

/* Tells of what was suppressed. Call it now and then; @all: windows that last, too. */
void ktlsd_log_flush(struct ktlsd_log_limit *limit, bool all);

#endif
