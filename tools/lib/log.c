// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "text.h"

enum {
	LOG_LINE_MAX	= 1024,	/* bytes before escaping */
	LOG_WINDOW_MS	= 5000,	/* interval of the rate limit */
	LOG_PER_WINDOW	= 10,	/* lines of each source in it */
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
static atomic_bool log_is_journal;
static atomic_uint log_warnings;
static atomic_uint log_lost;
static _Atomic(const char *) log_name = "ktls";

/* Return: whether stderr is the journal, where a line can begin with its priority. */
static bool log_find_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat status;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       !fstat(STDERR_FILENO, &status) && status.st_dev == device &&
	       status.st_ino == inode;
}

void ktlsd_log_open(const char *name, enum ktlsd_log_target target,
		    enum ktlsd_log_level level)
{
	log_name = name;
	log_level = level;
	log_target = target;
	log_is_journal = log_find_journal();
	ktlsd_journal_open(name, KTLSD_JOURNAL_PATH);
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
	else if (!strcmp(word, "journal"))
		*ret_target = KTLSD_LOG_JOURNAL;
	else
		return -EINVAL;
	return 0;
}

bool ktlsd_log_enabled(enum ktlsd_log_level level)
{
	return (int)level <= log_level;
}

/* Lines that the journal had no room for are told of when it has. */
static void log_tell_lost(void)
{
	unsigned int lost = atomic_exchange(&log_lost, 0);
	char line[100];

	if (!lost)
		return;
	snprintf(line, sizeof(line),
		 "%u lines before the last one were lost: the journal did not keep up.", lost);
	if (ktlsd_journal_send(log_syslog_priority[KTLSD_LOG_WARNING], line, NULL, 0))
		atomic_fetch_add(&log_lost, lost);
}

/* Return: whether the journal has the line, or is there but has no room. Then stderr, which it
 * reads as well, has none either, and who writes there waits.
 */
static bool log_send(enum ktlsd_log_level level, const char *line,
		     const struct ktlsd_field *fields, size_t count)
{
	int err;

	if (log_target == KTLSD_LOG_SYSLOG || (log_target == KTLSD_LOG_STDERR && !log_is_journal))
		return false;
	err = ktlsd_journal_send(log_syslog_priority[level], line, fields, count);
	if (err == -EAGAIN || err == -ENOBUFS) {
		atomic_fetch_add(&log_lost, 1);
		return true;
	}
	if (!err)
		log_tell_lost();
	return !err;
}

__attribute__((format(printf, 4, 0)))
static void log_write(enum ktlsd_log_level level, const struct ktlsd_field *fields,
		      size_t count, const char *format, va_list args)
{
	char raw[LOG_LINE_MAX], line[LOG_LINE_MAX + 256];
	int len;

	len = vsnprintf(raw, sizeof(raw), format, args);
	if (len < 0)
		return;
	if ((size_t)len >= sizeof(raw))
		len = sizeof(raw) - 1;
	ktlsd_text_escape(line, sizeof(line), raw, len);

	if (log_send(level, line, fields, count))
		return;
	if (log_target == KTLSD_LOG_SYSLOG)
		syslog(log_syslog_priority[level], "%s: %s",
		       log_level_words[level], line);
	else if (log_is_journal)
		dprintf(STDERR_FILENO, "<%d>%s: %s: %s\n", log_syslog_priority[level],
			log_name, log_level_words[level], line);
	else
		dprintf(STDERR_FILENO, "%s: %s: %s\n", log_name,
			log_level_words[level], line);
}

unsigned int ktlsd_log_warnings(void)
{
	return log_warnings;
}

void ktlsd_log(enum ktlsd_log_level level, const char *format, ...)
{
	va_list args;

	if (level <= KTLSD_LOG_WARNING)
		atomic_fetch_add(&log_warnings, 1);
	if (!ktlsd_log_enabled(level))
		return;
	va_start(args, format);
	log_write(level, NULL, 0, format, args);
	va_end(args);
}

static void log_sum_up(struct ktlsd_log_source *source)
{
	if (source->dropped)
		ktlsd_log(source->level, "%u lines about %s were suppressed.",
			  source->dropped, source->name);
	source->count = 0;
	source->dropped = 0;
}

/* Return: the entry of @name: its own, or one whose interval is over, or that of the others. */
static struct ktlsd_log_source *log_place(struct ktlsd_log_limit *limit,
					  const char *name, int64_t now)
{
	struct ktlsd_log_source *source, *place = NULL;
	size_t i;

	for (i = 0; i < KTLSD_LOG_SOURCES; i++) {
		source = &limit->sources[i];
		if (!strcmp(source->name, name))
			return source;
		if (!place && (!source->name[0] || now - source->begin >= LOG_WINDOW_MS))
			place = source;
	}
	if (!place) {
		place = &limit->others;
		name = "many others";
	} else {
		log_sum_up(place);
		place->begin = now;
	}
	snprintf(place->name, sizeof(place->name), "%s", name);
	return place;
}

/* Return: whether a line of @name is to be logged; if not, it was counted. */
static bool log_admit(struct ktlsd_log_limit *limit, const char *name,
		      enum ktlsd_log_level level)
{
	struct ktlsd_log_source *source;
	int64_t now = ktlsd_clock_ms();

	if (!ktlsd_log_enabled(level))
		return false;
	source = log_place(limit, name, now);
	if (now - source->begin >= LOG_WINDOW_MS) {
		log_sum_up(source);
		source->begin = now;
	}
	if (source->count >= LOG_PER_WINDOW) {
		source->level = level;
		source->dropped++;
		limit->suppressed++;
		return false;
	}
	source->count++;
	return true;
}

void ktlsd_log_limited_from(struct ktlsd_log_limit *limit, const char *name,
			    enum ktlsd_log_level level, const char *format, ...)
{
	va_list args;

	if (!log_admit(limit, name, level))
		return;
	va_start(args, format);
	log_write(level, NULL, 0, format, args);
	va_end(args);
}

void ktlsd_log_limited_fields(struct ktlsd_log_limit *limit, const char *name,
			      enum ktlsd_log_level level, const struct ktlsd_field *fields,
			      size_t count, const char *format, ...)
{
	va_list args;

	if (!log_admit(limit, name, level))
		return;
	va_start(args, format);
	log_write(level, fields, count, format, args);
	va_end(args);
}

void ktlsd_log_flush(struct ktlsd_log_limit *limit, bool all)
{
	int64_t now = ktlsd_clock_ms();
	size_t i;

	for (i = 0; i <= KTLSD_LOG_SOURCES; i++) {
		struct ktlsd_log_source *source = i < KTLSD_LOG_SOURCES ?
						  &limit->sources[i] : &limit->others;

		if (source->dropped && (all || now - source->begin >= LOG_WINDOW_MS))
			log_sum_up(source);
	}
}
