// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config/expiry.h"
#include "stats.h"

#ifndef KTLS_TOOLS_VERSION
#define KTLS_TOOLS_VERSION "unknown"
#endif

#define STATS_MODULE_PATH	"/proc/net/ktls_stat"

/* Labels of the arrays in struct ktlsd_metrics. */
static const char *const stats_roles[2] = { "client", "server" };
static const char *const stats_kinds[2] = { "full", "resumed" };
static const char *const stats_keys[KTLSD_KEY_COUNT] = {
	[KTLSD_KEY_RSA]		= "key=\"RSA\",operation=\"sign\"",
	[KTLSD_KEY_RSA_PSS]	= "key=\"RSA-PSS\",operation=\"sign\"",
	[KTLSD_KEY_EC]		= "key=\"EC\",operation=\"sign\"",
	[KTLSD_KEY_ED25519]	= "key=\"ED25519\",operation=\"sign\"",
	[KTLSD_KEY_ED448]	= "key=\"ED448\",operation=\"sign\"",
	[KTLSD_KEY_RSA_DECRYPT]	= "key=\"RSA\",operation=\"decrypt\"",
};
static const char *const stats_uses[KTLSD_USE_COUNT] = {
	[KTLSD_USE_DONE]	= "done",
	[KTLSD_USE_REFUSED]	= "refused",
	[KTLSD_USE_FAILED]	= "failed",
};

static const struct stats_family {
	const char	*name;
	const char	*help;
} stats_events[KTLSD_EVENT_COUNT] = {
	[KTLSD_EVENT_CACHE_HIT] = { "ktlsd_session_cache_hits_total",
		"Client handshakes that had a session to offer." },
	[KTLSD_EVENT_CACHE_MISS] = { "ktlsd_session_cache_misses_total",
		"Client handshakes that had no session to offer." },
	[KTLSD_EVENT_TICKET_ISSUED] = { "ktlsd_tickets_issued_total",
		"Tickets issued by servers." },
	[KTLSD_EVENT_TICKET_ACCEPTED] = { "ktlsd_tickets_accepted_total",
		"Server handshakes that accepted a ticket." },
	[KTLSD_EVENT_TICKET_REFUSED] = { "ktlsd_tickets_refused_total",
		"Server handshakes that refused a ticket: unknown, too old, used before, or of another server." },
	[KTLSD_EVENT_PAUSE] = { "ktlsd_handshake_pauses_total",
		"How often a handshake waited for something else than its peer." },
	[KTLSD_EVENT_STAPLE] = { "ktlsd_staples_sent_total",
		"Server handshakes that sent an OCSP response for their own certificate." },
	[KTLSD_EVENT_LOG_SUPPRESSED] = { "ktlsd_log_lines_suppressed_total",
		"Lines that were left out of the log, because their source had caused too many." },
}, stats_levels[KTLSD_LEVEL_COUNT] = {
	[KTLSD_LEVEL_CONTEXTS] = { "ktlsd_contexts",
		"Cached SSL_CTX objects, one for each configuration of sockets." },
	[KTLSD_LEVEL_CONTEXT_BYTES] = { "ktlsd_context_bytes",
		"Estimated memory of all SSL_CTX objects." },
	[KTLSD_LEVEL_FETCH_BYTES] = { "ktlsd_fetch_bytes",
		"Memory of configurations that are being fetched from the kernel." },
	[KTLSD_LEVEL_TICKET_WAITERS] = { "ktlsd_ticket_waiters",
		"Complete client handshakes that wait for tickets." },
};

static const char *const stats_results[KTLSD_RELOAD_COUNT] = {
	[KTLSD_RELOAD_COMPLETE]	= "complete",
	[KTLSD_RELOAD_PARTIAL]	= "partial",
	[KTLSD_RELOAD_FAILED]	= "failed",
};

void ktlsd_stats_init(struct ktlsd_stats *stats, struct ktlsd_shared *shared,
		      struct ktlsd_worker *workers)
{
	memset(stats, 0, sizeof(*stats));
	stats->shared = shared;
	stats->workers = workers;
	stats->begun = time(NULL);
	stats->reloaded = stats->begun;
}

void ktlsd_stats_reload(struct ktlsd_stats *stats, enum ktlsd_stats_reload result)
{
	atomic_fetch_add(&stats->reloads[result], 1);
	stats->last_reload = time(NULL);
	stats->last_result = stats_results[result];
	if (result != KTLSD_RELOAD_FAILED)
		stats->reloaded = stats->last_reload;
}

static void stats_head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void stats_one(FILE *out, const char *name, const char *type, const char *help,
		      int64_t value)
{
	stats_head(out, name, type, help);
	fprintf(out, "%s %" PRId64 "\n", name, value);
}

/* The value of a label, within its quotes. */
static void stats_escape(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", out);
		else if (*text == '\\' || *text == '"')
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	}
}

/* What one counter of the same place in every worker adds up to. */
#define STATS_SUM(stats, member) ({						\
	uint64_t _sum = 0;							\
	unsigned int _i;							\
										\
	for (_i = 0; _i < (stats)->shared->worker_count; _i++)			\
		_sum += atomic_load_explicit(					\
			&(stats)->workers[_i].sessions.metrics.member,		\
			memory_order_relaxed);					\
	_sum;									\
})

static void stats_write_process(const struct ktlsd_stats *stats, FILE *out)
{
	unsigned long long pages = 0, resident = 0;
	uint64_t active = 0;
	unsigned int i;
	FILE *file;

	for (i = 0; i < stats->shared->worker_count; i++)
		active += stats->workers[i].sessions.count;
	stats_head(out, "ktlsd_info", "gauge", "Version of ktlsd.");
	fprintf(out, "ktlsd_info{version=\"");
	stats_escape(out, KTLS_TOOLS_VERSION);
	fprintf(out, "\"} 1\n");
	stats_one(out, "ktlsd_start_time_seconds", "gauge", "When ktlsd was started.",
		  stats->begun);
	stats_one(out, "ktlsd_workers", "gauge", "Worker threads.",
		  stats->shared->worker_count);
	stats_one(out, "ktlsd_workers_serving", "gauge",
		  "Worker threads that are registered with the module.", stats->shared->serving);
	stats_one(out, "ktlsd_handshakes_active", "gauge", "Handshakes under way.", active);
	file = fopen("/proc/self/statm", "re");
	if (file && fscanf(file, "%llu %llu", &pages, &resident) == 2)
		stats_one(out, "ktlsd_resident_memory_bytes", "gauge",
			  "Resident memory of ktlsd.", resident * sysconf(_SC_PAGESIZE));
	if (file)
		fclose(file);
}

static void stats_write_failed(const struct ktlsd_stats *stats, FILE *out)
{
	int role, i;

	stats_head(out, "ktlsd_handshakes_failed_total", "counter",
		   "Handshakes that failed, by the class of the reason.");
	for (role = 0; role < 2; role++) {
		for (i = 0; i < KTLSD_FAILED_COUNT; i++)
			fprintf(out, "ktlsd_handshakes_failed_total{role=\"%s\",reason=\"%s\"} %" PRIu64 "\n",
				stats_roles[role], ktlsd_metrics_reason_word(i),
				STATS_SUM(stats, roles[role].failed[i]));
	}
}

static void stats_write_handshakes(const struct ktlsd_stats *stats, FILE *out)
{
	int role;

	stats_head(out, "ktlsd_handshakes_started_total", "counter",
		   "Handshakes begun; each is complete, failed, cancelled or active.");
	for (role = 0; role < 2; role++)
		fprintf(out, "ktlsd_handshakes_started_total{role=\"%s\"} %" PRIu64 "\n",
			stats_roles[role], STATS_SUM(stats, roles[role].started));
	stats_head(out, "ktlsd_handshakes_completed_total", "counter",
		   "Handshakes that succeeded.");
	for (role = 0; role < 2; role++)
		fprintf(out, "ktlsd_handshakes_completed_total{role=\"%s\"} %" PRIu64 "\n",
			stats_roles[role], STATS_SUM(stats, roles[role].done));
	stats_head(out, "ktlsd_handshakes_cancelled_total", "counter",
		   "Handshakes that the program, the peer or the kernel ended early.");
	for (role = 0; role < 2; role++)
		fprintf(out, "ktlsd_handshakes_cancelled_total{role=\"%s\"} %" PRIu64 "\n",
			stats_roles[role], STATS_SUM(stats, roles[role].cancelled));
	stats_write_failed(stats, out);
}

/* @labels: without braces; @at: offset of the histogram in struct ktlsd_metrics */
static void stats_write_histogram(const struct ktlsd_stats *stats, FILE *out, const char *name,
				  const char *labels, size_t at)
{
	const struct ktlsd_metrics_histogram *histogram;
	uint64_t counts[KTLSD_METRICS_BUCKETS + 1] = { 0 }, count = 0, sum = 0;
	unsigned int i, worker;

	for (worker = 0; worker < stats->shared->worker_count; worker++) {
		histogram = (const void *)((const char *)&stats->workers[worker].sessions.metrics +
					   at);
		sum += atomic_load_explicit(&histogram->microseconds, memory_order_relaxed);
		for (i = 0; i <= KTLSD_METRICS_BUCKETS; i++)
			counts[i] += atomic_load_explicit(&histogram->counts[i],
							  memory_order_relaxed);
	}
	for (i = 0; i <= KTLSD_METRICS_BUCKETS; i++) {
		count += counts[i];
		fprintf(out, "%s_bucket{%s,le=\"", name, labels);
		if (i < KTLSD_METRICS_BUCKETS)
			fprintf(out, "%g", ktlsd_metrics_bounds[i] / 1e6);
		else
			fprintf(out, "+Inf");
		fprintf(out, "\"} %" PRIu64 "\n", count);
	}
	fprintf(out, "%s_sum{%s} %" PRIu64 ".%06u\n", name, labels, sum / 1000000,
		(unsigned int)(sum % 1000000));
	fprintf(out, "%s_count{%s} %" PRIu64 "\n", name, labels, count);
}

static void stats_write_durations(const struct ktlsd_stats *stats, FILE *out)
{
	const char *name = "ktlsd_handshake_duration_seconds";
	char labels[64];
	int role, kind;

	stats_head(out, name, "histogram",
		   "Time from the kernel's request to the keys, round trips to the peer included.");
	for (role = 0; role < 2; role++) {
		for (kind = 0; kind < 2; kind++) {
			snprintf(labels, sizeof(labels), "role=\"%s\",kind=\"%s\"",
				 stats_roles[role], stats_kinds[kind]);
			stats_write_histogram(stats, out, name, labels,
					      offsetof(struct ktlsd_metrics, durations) +
					      (2 * role + kind) *
					      sizeof(struct ktlsd_metrics_histogram));
		}
	}
}

static void stats_write_keys(const struct ktlsd_stats *stats, FILE *out)
{
	const char *name = "ktlsd_key_use_duration_seconds";
	int key, use;

	stats_head(out, "ktlsd_key_uses_total", "counter",
		   "Uses of private keys by the signer: done, refused by it, or failed otherwise.");
	for (key = 0; key < KTLSD_KEY_COUNT; key++) {
		for (use = 0; use < KTLSD_USE_COUNT; use++)
			fprintf(out, "ktlsd_key_uses_total{%s,result=\"%s\"} %" PRIu64 "\n",
				stats_keys[key], stats_uses[use],
				STATS_SUM(stats, keys[key].counts[use]));
	}
	stats_head(out, name, "histogram",
		   "Time that a handshake waited for the signer, its queue included.");
	for (key = 0; key < KTLSD_KEY_COUNT; key++)
		stats_write_histogram(stats, out, name, stats_keys[key],
				      offsetof(struct ktlsd_metrics, keys[0].durations) +
				      key * sizeof(struct ktlsd_metrics_uses));
}

/* The caches and keys that workers share. */
static void stats_write_shared(const struct ktlsd_stats *stats, FILE *out)
{
	struct ktlsd_shared *shared = stats->shared;
	unsigned int count, i;
	size_t bytes;

	for (i = 0; i < KTLSD_EVENT_COUNT; i++)
		stats_one(out, stats_events[i].name, "counter", stats_events[i].help,
			  STATS_SUM(stats, events[i]));
	for (i = 0; i < KTLSD_LEVEL_COUNT; i++)
		stats_one(out, stats_levels[i].name, "gauge", stats_levels[i].help,
			  STATS_SUM(stats, levels[i]));
	ktlsd_cache_measure(&shared->cache, &count, &bytes);
	stats_one(out, "ktlsd_session_cache_entries", "gauge",
		  "Sessions that clients can resume.", count);
	stats_one(out, "ktlsd_session_cache_bytes", "gauge", "Estimated memory of these.", bytes);
	stats_one(out, "ktlsd_tickets_forgotten_total", "counter",
		  "How often the record of a server's used tickets was dropped to bound memory.",
		  ktlsd_ticket_keys_forgotten(&shared->ticket_keys));
}

/* The memory that requests take, see quota.h. */
static void stats_write_quota(const struct ktlsd_stats *stats, FILE *out)
{
	struct ktlsd_quota_sum sum = ktlsd_quota_measure(&stats->shared->quota);

	stats_one(out, "ktlsd_memory_account_bytes", "gauge",
		  "Memory that the requests of programs take, as max_memory counts it.",
		  (int64_t)sum.bytes);
	stats_one(out, "ktlsd_memory_account_limit_bytes", "gauge",
		  "What they can take: max_memory.", (int64_t)sum.max);
	stats_one(out, "ktlsd_memory_account_largest_user_bytes", "gauge",
		  "What the user takes who takes the most; half of the limit at most.",
		  (int64_t)sum.most);
	stats_one(out, "ktlsd_memory_account_users", "gauge",
		  "Users whose requests take memory.", sum.users);
}

static void stats_write_reloads(const struct ktlsd_stats *stats,
				const struct ktlsd_config *config, FILE *out)
{
	int i;

	stats_head(out, "ktlsd_reloads_total", "counter", "Times the configuration was read again.");
	for (i = 0; i < KTLSD_RELOAD_COUNT; i++)
		fprintf(out, "ktlsd_reloads_total{result=\"%s\"} %" PRIuFAST64 "\n",
			stats_results[i], stats->reloads[i]);
	stats_one(out, "ktlsd_config_read_time_seconds", "gauge",
		  "When the configuration in force was read.", stats->reloaded);
	stats_one(out, "ktlsd_config_troubles", "gauge",
		  "Files of the configuration that could not be loaded.", config->troubles);
	stats_one(out, "ktlsd_identities", "gauge", "Identities in the configuration.",
		  (int64_t)config->identity_count);
}

static void stats_write_expiry(const struct ktlsd_config *config, FILE *out)
{
	const char *name = "ktlsd_certificate_expiry_time_seconds";
	int64_t end;
	size_t i;

	stats_head(out, name, "gauge",
		   "When the first certificate of an identity expires, of those above it too.");
	for (i = 0; i < config->identity_count; i++) {
		end = ktlsd_expiry_find(&config->identities[i]);
		if (end == KTLSD_EXPIRY_NEVER)
			continue;
		fprintf(out, "%s{identity=\"", name);
		stats_escape(out, config->identities[i].name);
		fprintf(out, "\"} %" PRId64 "\n", end);
	}
}

static void stats_write_staples(const struct ktlsd_stats *stats,
				const struct ktlsd_config *config, FILE *out)
{
	struct ktlsd_staples_sum sum = ktlsd_staples_count(&stats->shared->staples);
	const char *name = "ktlsd_staple_expiry_time_seconds";
	int64_t expires;
	size_t i;

	stats_one(out, "ktlsd_staples", "gauge",
		  "Certificates of identities for which OCSP responses are fetched.", sum.count);
	stats_one(out, "ktlsd_staples_valid", "gauge",
		  "Those that have a response that is stapled.", sum.valid);
	stats_one(out, "ktlsd_staples_revoked", "gauge",
		  "Those that were revoked, says the response.", sum.revoked);
	stats_one(out, "ktlsd_refreshes_total", "counter",
		  "Useful answers to requests for staples and CRLs.",
		  (int64_t)stats->shared->errands.done);
	stats_one(out, "ktlsd_refreshes_failed_total", "counter",
		  "Requests for staples and CRLs without a useful answer.",
		  (int64_t)stats->shared->errands.failed);
	stats_head(out, name, "gauge",
		   "When the first stapled response of an identity expires; 0 if one is missing.");
	for (i = 0; i < config->identity_count; i++) {
		expires = ktlsd_staples_expiry(&config->identities[i]);
		if (expires < 0)
			continue;
		fprintf(out, "%s{identity=\"", name);
		stats_escape(out, config->identities[i].name);
		fprintf(out, "\"} %" PRId64 "\n", expires);
	}
}

static void stats_write_crls(const struct ktlsd_stats *stats, FILE *out)
{
	struct ktlsd_crl_points_sum sum = ktlsd_crl_points_count(&stats->shared->crl_points);

	stats_one(out, "ktlsd_crl_points", "gauge",
		  "CRLs to be fetched, as certificates of peers name them.", sum.count);
	stats_one(out, "ktlsd_crl_points_valid", "gauge",
		  "Those that are there, and not stale.", sum.valid);
	stats_one(out, "ktlsd_crl_points_evicted_total", "counter",
		  "CRLs that had to make room for others.", (int64_t)sum.evicted);
	stats_one(out, "ktlsd_crl_points_expiry_time_seconds", "gauge",
		  "When the first of them is stale; 0 without one.", sum.expires);
}

/* One sum over all workers of the numbers of an identity. */
struct stats_identity {
	const char	*name;
	uint64_t	started[2];
	uint64_t	done[2];
	uint64_t	cancelled[2];
	uint64_t	failed[2][KTLSD_FAILED_COUNT];
};

static void stats_add_identity(struct stats_identity *sum, struct ktlsd_metrics_identity *entry)
{
	int role, i;

	sum->name = entry->name;
	for (role = 0; role < 2; role++) {
		sum->started[role] += entry->roles[role].started;
		sum->done[role] += entry->roles[role].done;
		sum->cancelled[role] += entry->roles[role].cancelled;
		for (i = 0; i < KTLSD_FAILED_COUNT; i++)
			sum->failed[role][i] += entry->roles[role].failed[i];
	}
}

static int stats_compare(const void *a, const void *b)
{
	const struct ktlsd_metrics_identity *const *left = a, *const *right = b;

	return strcmp((*left)->name, (*right)->name);
}

/* Return: all entries of all workers, those of one name together; or NULL. */
static struct ktlsd_metrics_identity **stats_list_identities(const struct ktlsd_stats *stats,
							     size_t *ret_count)
{
	struct ktlsd_metrics_identity **list, *entry;
	unsigned int worker, i;

	*ret_count = 0;
	list = calloc((size_t)stats->shared->worker_count * KTLSD_METRICS_NAMES, sizeof(*list));
	for (worker = 0; list && worker < stats->shared->worker_count; worker++) {
		for (i = 0; i < KTLSD_METRICS_IDENTITIES; i++) {
			entry = stats->workers[worker].sessions.metrics.identities[i];
			if (entry)
				list[(*ret_count)++] = entry;
		}
	}
	if (*ret_count)
		qsort(list, *ret_count, sizeof(*list), stats_compare);
	return list;
}

/* Return: the sums, one for each name; or NULL. */
static struct stats_identity *stats_sum_identities(const struct ktlsd_stats *stats,
						   size_t *ret_count)
{
	struct ktlsd_metrics_identity **list;
	struct stats_identity *sums = NULL;
	size_t entries, i, count = 0;

	list = stats_list_identities(stats, &entries);
	if (list)
		sums = calloc(entries + 1, sizeof(*sums));
	for (i = 0; sums && i < entries; i++) {
		if (!i || strcmp(list[i]->name, list[i - 1]->name))
			count++;
		stats_add_identity(&sums[count - 1], list[i]);
	}
	free(list);
	*ret_count = count;
	return sums;
}

static void stats_write_sample(FILE *out, const struct stats_identity *sum, const char *what,
			       int role, const char *reason, uint64_t value)
{
	fprintf(out, "ktlsd_identity_handshakes_%s_total{identity=\"", what);
	stats_escape(out, sum->name);
	fprintf(out, "\",role=\"%s\"", stats_roles[role]);
	if (reason)
		fprintf(out, ",reason=\"%s\"", reason);
	fprintf(out, "} %" PRIu64 "\n", value);
}

/* A reason that never occurred with an identity has no line, as most never do. */
static void stats_write_identities(const struct stats_identity *sums, size_t count, FILE *out)
{
	int role, i;
	size_t n;

	stats_head(out, "ktlsd_identity_handshakes_started_total", "counter",
		   "Handshakes begun with an identity of the configuration.");
	for (n = 0; n < 2 * count; n++)
		stats_write_sample(out, &sums[n / 2], "started", n % 2, NULL,
				   sums[n / 2].started[n % 2]);
	stats_head(out, "ktlsd_identity_handshakes_completed_total", "counter",
		   "Those that succeeded.");
	for (n = 0; n < 2 * count; n++)
		stats_write_sample(out, &sums[n / 2], "completed", n % 2, NULL,
				   sums[n / 2].done[n % 2]);
	stats_head(out, "ktlsd_identity_handshakes_cancelled_total", "counter",
		   "Those that were ended early.");
	for (n = 0; n < 2 * count; n++)
		stats_write_sample(out, &sums[n / 2], "cancelled", n % 2, NULL,
				   sums[n / 2].cancelled[n % 2]);
	stats_head(out, "ktlsd_identity_handshakes_failed_total", "counter",
		   "Those that failed, by the class of the reason.");
	for (n = 0; n < count; n++) {
		for (role = 0; role < 2; role++) {
			for (i = 0; i < KTLSD_FAILED_COUNT; i++) {
				if (sums[n].failed[role][i])
					stats_write_sample(out, &sums[n], "failed", role,
							   ktlsd_metrics_reason_word(i),
							   sums[n].failed[role][i]);
			}
		}
	}
}

/* The name of a counter of the module, as Prometheus spells names: KtlsTxBytes becomes
 * ktls_tx_bytes_total.
 */
static void stats_spell(char *dst, size_t size, const char *name)
{
	size_t used = 0;

	for (; *name && used + 8 < size; name++) {
		if (isupper((unsigned char)*name) && used)
			dst[used++] = '_';
		dst[used++] = (char)tolower((unsigned char)*name);
	}
	strcpy(dst + used, "_total");
}

/* The module's counters in the network namespace of ktlsd; nothing without the module. */
static void stats_write_module(FILE *out)
{
	char name[64], spelled[128], help[128];
	unsigned long long value;
	FILE *file;

	file = fopen(STATS_MODULE_PATH, "re");
	if (!file)
		return;
	while (fscanf(file, "%63[A-Za-z0-9] %llu\n", name, &value) == 2) {
		stats_spell(spelled, sizeof(spelled), name);
		snprintf(help, sizeof(help), "%s in " STATS_MODULE_PATH ".", name);
		stats_head(out, spelled, "counter", help);
		fprintf(out, "%s %llu\n", spelled, value);
	}
	fclose(file);
}

int ktlsd_stats_write(const struct ktlsd_stats *stats, char **ret_text, size_t *ret_len)
{
	struct ktlsd_shared *shared = stats->shared;
	FILE *out = open_memstream(ret_text, ret_len);
	struct stats_identity *sums;
	struct ktlsd_config *config;
	bool failed;
	size_t count;

	if (!out)
		return -ENOMEM;
	pthread_mutex_lock(&shared->lock);
	config = ktlsd_config_get(shared->config);
	pthread_mutex_unlock(&shared->lock);
	stats_write_process(stats, out);
	stats_write_handshakes(stats, out);
	stats_write_durations(stats, out);
	stats_write_keys(stats, out);
	sums = stats_sum_identities(stats, &count);
	if (sums)
		stats_write_identities(sums, count, out);
	stats_write_shared(stats, out);
	stats_write_quota(stats, out);
	stats_write_reloads(stats, config, out);
	stats_write_expiry(config, out);
	stats_write_staples(stats, config, out);
	stats_write_crls(stats, out);
	stats_write_module(out);
	fputs(KTLSD_STATS_END, out);
	free(sums);
	ktlsd_config_put(config);
	failed = !sums || ferror(out);
	if (!fclose(out) && !failed)
		return 0;
	free(*ret_text);
	return -ENOMEM;
}

void ktlsd_stats_answer(const struct ktlsd_stats *stats, struct ktlsd_control *control)
{
	size_t len;
	char *text;

	if (ktlsd_stats_write(stats, &text, &len)) {
		ktlsd_control_answer(control, false, "ktlsd is out of memory.");
		return;
	}
	ktlsd_control_answer_text(control, text, len);
	free(text);
}
