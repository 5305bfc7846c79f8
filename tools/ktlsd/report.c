// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "config/expiry.h"
#include "config/netns.h"
#include "signer/sandbox.h"
#include "report.h"
#include "tls/keylog.h"

#ifndef KTLS_TOOLS_VERSION
#define KTLS_TOOLS_VERSION "unknown"
#endif

/* "WORD DATE", in UTC, and what follows it. */
static void report_write_date(FILE *out, const char *word, int64_t seconds, const char *more)
{
	const time_t when = (time_t)seconds;
	char date[32];
	struct tm tm;

	if (gmtime_r(&when, &tm) && strftime(date, sizeof(date), "%FT%TZ", &tm))
		fprintf(out, "%s %s%s%s\n", word, date, more[0] ? " " : "", more);
}

static void report_write_workers(FILE *out, const struct ktlsd_watch *watch)
{
	const struct ktlsd_shared *shared = watch->shared;
	unsigned long done = 0, failed = 0, active = 0;
	char text[KTLSD_WATCH_STATUS_MAX];
	unsigned int i;

	for (i = 0; i < shared->worker_count; i++) {
		active += watch->workers[i].sessions.count;
		done += watch->workers[i].sessions.done;
		failed += watch->workers[i].sessions.failed;
	}
	ktlsd_watch_describe(watch, text, sizeof(text));
	fprintf(out, "status %s\nworkers %u\nworkers_serving %u\n", text, shared->worker_count,
		(unsigned int)shared->serving);
	fprintf(out, "handshakes_active %lu\nhandshakes_completed %lu\nhandshakes_failed %lu\n",
		active, done, failed);
}

static void report_write_process(FILE *out, const struct ktlsd_stats *stats)
{
	char sandbox[64];
	struct stat own;

	ktlsd_sandbox_describe(sandbox, sizeof(sandbox));
	fprintf(out, "version %s\n", KTLS_TOOLS_VERSION);
	report_write_date(out, "started", stats->begun, "");
	/* Whether dates are right can only be said by whoever reads this. */
	report_write_date(out, "clock", time(NULL), "");
	fprintf(out, "netns %s\n", ktlsd_netns_name());
	if (!stat("/proc/self/ns/net", &own))
		fprintf(out, "netns_inode %ju\n", (uintmax_t)own.st_ino);
	fprintf(out, "sandbox %s\n", sandbox);
}

/* Whether what is to outlive ktlsd can be written. */
static void report_write_files(FILE *out, struct ktlsd_shared *shared)
{
	fprintf(out, "tickets_forgotten %" PRIu64 "\ntickets_flushed %" PRIu64 "\n",
		ktlsd_ticket_keys_forgotten(&shared->ticket_keys),
		ktlsd_ticket_keys_flushed(&shared->ticket_keys));
	if (ktlsd_keylog_path())
		fprintf(out, "key_log %s\n", ktlsd_keylog_path());
	if (shared->ticket_keys.trouble[0])
		fprintf(out, "tickets_trouble %s\n", shared->ticket_keys.trouble);
	if (shared->store.failed)
		fprintf(out, "cache_trouble %s cannot be written: %s\n", shared->store.path,
			strerror(-shared->store.failed));
}

static void report_write_certificates(FILE *out, const struct ktlsd_config *config)
{
	const struct ktlsd_identity *first;
	char more[KTLSD_IDENTITY_MAX + 32];
	const int64_t now = time(NULL);
	int64_t when;

	when = ktlsd_expiry_nearest(config, &first);
	if (first) {
		snprintf(more, sizeof(more), "%s%s", first->name, when <= now ? " expired" : "");
		report_write_date(out, "certificate_expires", when, more);
	}
	when = ktlsd_expiry_last_begin(config, &first);
	if (first && when > now) {
		snprintf(more, sizeof(more), "%s not yet valid", first->name);
		report_write_date(out, "certificate_begins", when, more);
	}
}

static void report_write_config(FILE *out, const struct ktlsd_stats *stats)
{
	const struct ktlsd_config *config = stats->shared->config;

	fprintf(out, "configuration %s\n", config->path);
	report_write_date(out, "configuration_read", stats->reloaded, "");
	if (stats->last_result)
		report_write_date(out, "last_reload", stats->last_reload, stats->last_result);
	else
		fputs("last_reload never\n", out);
	fprintf(out, "identities %zu\n", config->identity_count);
	report_write_certificates(out, config);
	fprintf(out, "troubles %u", config->troubles);
	if (config->troubles)
		fprintf(out, "\nfirst_trouble %s", config->first_trouble.reason);
}

int ktlsd_report_write(const struct ktlsd_watch *watch, const struct ktlsd_stats *stats,
		       char **ret_text, size_t *ret_len)
{
	FILE *out = open_memstream(ret_text, ret_len);
	bool failed;

	if (!out)
		return -ENOMEM;
	report_write_workers(out, watch);
	report_write_process(out, stats);
	report_write_files(out, stats->shared);
	report_write_config(out, stats);
	failed = ferror(out);
	if (!fclose(out) && !failed)
		return 0;
	free(*ret_text);
	return -ENOMEM;
}

void ktlsd_report_answer(const struct ktlsd_watch *watch, const struct ktlsd_stats *stats,
			 struct ktlsd_control *control)
{
	size_t len;
	char *text;

	if (ktlsd_report_write(watch, stats, &text, &len)) {
		ktlsd_control_answer(control, false, "ktlsd is out of memory.");
		return;
	}
	ktlsd_control_answer_text(control, text, len);
	free(text);
}
