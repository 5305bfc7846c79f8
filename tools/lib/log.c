// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "text.h"

enum {
	LOG_LINE_MAX	= 1024,	/* a sentence before escaping */
	LOG_PER_SECOND	= 10,	/* of lines a peer can provoke */
};

static const char *const log_level_words[] = {
	[KTLSD_LOG_ERROR]	= "error",
	[KTLSD_LOG_WARNING]	= "warning",
	[KTLSD_LOG_INFO]	= "info",
	[KTLSD_LOG_DEBUG]	= "debug",
};

static const int log_syslog_priority[] = {
	[KTLSD_LOG_ERROR]	= LOG_ERR,
	[KTLSD_LOG_WARNING]	= LOG_WARNING,
	[KTLSD_LOG_INFO]	= LOG_INFO,
	[KTLSD_LOG_DEBUG]	= LOG_DEBUG,
};

static atomic_int log_level = KTLSD_LOG_INFO;
static atomic_int log_target = KTLSD_LOG_STDERR;
static _Atomic(const char *) log_name = "ktls";

void ktlsd_log_open(const char *name, enum ktlsd_log_target target,
		    enum ktlsd_log_level level)
{
	log_name = name;
	log_level = level;
	log_target = target;
	if (target == KTLSD_LOG_SYSLOG)
		openlog(name, LOG_PID, LOG_DAEMON);
}

int ktlsd_log_parse_level(const char *word, enum ktlsd_log_level *ret_level)
{
	size_t i;

	for (i = 0; i < sizeof(log_level_words) / sizeof(*log_level_words); i++) {
		if (!strcmp(word, log_level_words[i])) {
			*ret_level = i;
			return 0;
		}
	}
	return -EINVAL;
}

int ktlsd_log_parse_target(const char *word, enum ktlsd_log_target *ret_target)
{
	if (!strcmp(word, "stderr"))
		*ret_target = KTLSD_LOG_STDERR;
	else if (!strcmp(word, "syslog"))
		*ret_target = KTLSD_LOG_SYSLOG;
	else
		return -EINVAL;
	return 0;
}

bool ktlsd_log_enabled(enum ktlsd_log_level level)
{
	return (int)level <= log_level;
}

__attribute__((format(printf, 2, 0)))
static void log_write(enum ktlsd_log_level level, const char *format,
		      va_list args)
{
	char raw[LOG_LINE_MAX], line[LOG_LINE_MAX + 256];
	int len;

	len = vsnprintf(raw, sizeof(raw), format, args);
	if (len < 0)
		return;
	if ((size_t)len >= sizeof(raw))
		len = sizeof(raw) - 1;
	ktlsd_text_escape(line, sizeof(line), raw, len);

	if (log_target == KTLSD_LOG_SYSLOG)
		syslog(log_syslog_priority[level], "%s: %s",
		       log_level_words[level], line);
	else
		dprintf(STDERR_FILENO, "%s: %s: %s\n", log_name,
			log_level_words[level], line);
}

void ktlsd_log(enum ktlsd_log_level level, const char *format, ...)
{
	va_list args;

	if (!ktlsd_log_enabled(level))
		return;
	va_start(args, format);
	log_write(level, format, args);
	va_end(args);
}

void ktlsd_log_limited(struct ktlsd_log_limit *limit,
		       enum ktlsd_log_level level, const char *format, ...)
{
	struct timespec now;
	va_list args;

	if (!ktlsd_log_enabled(level))
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (limit->window != now.tv_sec) {
		limit->window = now.tv_sec;
		limit->count = 0;
	}
	if (limit->count >= LOG_PER_SECOND) {
		limit->dropped++;
		return;
	}
	if (limit->dropped) {
		ktlsd_log(level, "%u similar lines were left out.",
			  limit->dropped);
		limit->dropped = 0;
	}
	limit->count++;
	va_start(args, format);
	log_write(level, format, args);
	va_end(args);
}
