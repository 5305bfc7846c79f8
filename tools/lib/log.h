/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Log lines, to stderr, syslog or the journal; to the journal also if stderr is it. Everything is
 * escaped, so a peer cannot forge a line. Never log a secret. Any thread.
 */
#ifndef KTLS_TOOLS_LIB_LOG_H
#define KTLS_TOOLS_LIB_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "journal.h"

enum ktlsd_log_level {
	KTLSD_LOG_ERROR,
	KTLSD_LOG_WARNING,
	KTLSD_LOG_INFO,
	KTLSD_LOG_DEBUG,
};

enum ktlsd_log_target {
	KTLSD_LOG_STDERR,
	KTLSD_LOG_SYSLOG,
	KTLSD_LOG_JOURNAL,
};

enum {
	KTLSD_LOG_SOURCES	= 64,	/* counted separately at the same time */
	KTLSD_LOG_SOURCE_MAX	= 64,	/* bytes of a name */
};

/**
 * struct ktlsd_log_source - lines caused by one source
 * @name: of the source
 * @begin: start of its interval, ms of the monotonic clock
 * @level: of the last suppressed line
 * @count: lines logged in this interval
 * @dropped: lines suppressed in this interval
 */
struct ktlsd_log_source {
	char			name[KTLSD_LOG_SOURCE_MAX];
	int64_t			begin;
	enum ktlsd_log_level	level;
	unsigned int		count;
	unsigned int		dropped;
};

/**
 * struct ktlsd_log_limit - rate limit for lines that a peer can cause
 * @sources: recent sources
 * @others: all further sources together
 * @suppressed: lines of all sources that were suppressed; the user of the limit takes it
 *
 * Zeroed to begin with. Belongs to one thread.
 */
struct ktlsd_log_limit {
	struct ktlsd_log_source	sources[KTLSD_LOG_SOURCES];
	struct ktlsd_log_source	others;
	unsigned int		suppressed;
};

/* Sets target and level. Can be called again at any time. @name must stay valid. */
void ktlsd_log_open(const char *name, enum ktlsd_log_target target,
		    enum ktlsd_log_level level);

/* Return: 0, or -EINVAL for a word that is not in ktlsd.conf(5). */
int ktlsd_log_parse_level(const char *word, enum ktlsd_log_level *ret_level);
int ktlsd_log_parse_target(const char *word, enum ktlsd_log_target *ret_target);

bool ktlsd_log_enabled(enum ktlsd_log_level level);

/* Return: how many errors and warnings ktlsd_log() has logged. */
unsigned int ktlsd_log_warnings(void);

void ktlsd_log(enum ktlsd_log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Logs at most ten lines in five seconds for each @source, so that the lines of one source do
 * not suppress those of others. After that time the number of suppressed lines is logged.
 */
void ktlsd_log_limited_from(struct ktlsd_log_limit *limit, const char *source,
			    enum ktlsd_log_level level, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The same, with fields for the journal. Others see only the text. */
void ktlsd_log_limited_fields(struct ktlsd_log_limit *limit, const char *source,
			      enum ktlsd_log_level level, const struct ktlsd_field *fields,
			      size_t count, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

/* The same for lines without a source. */
#define ktlsd_log_limited(limit, level, ...) \
	ktlsd_log_limited_from(limit, "ktlsd itself", level, __VA_ARGS__)

/* Logs how many lines were suppressed. Call it regularly. @all: also for intervals that are not
 * over.
 */
void ktlsd_log_flush(struct ktlsd_log_limit *limit, bool all);

#endif
