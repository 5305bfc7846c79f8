// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "metrics.h"

const uint32_t ktlsd_metrics_bounds[KTLSD_METRICS_BUCKETS] = {
	250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000,
	1000000, 2500000, 5000000, 10000000, 30000000,
};

static const char *const metrics_words[KTLSD_FAILED_COUNT] = {
	[KTLSD_FAILED_CERTIFICATE]	= "certificate",
	[KTLSD_FAILED_ALERT]		= "alert",
	[KTLSD_FAILED_PROTOCOL]		= "protocol",
	[KTLSD_FAILED_TIMEOUT]		= "timeout",
	[KTLSD_FAILED_IDENTITY]		= "identity",
	[KTLSD_FAILED_ACCESS]		= "access",
	[KTLSD_FAILED_OPTIONS]		= "options",
	[KTLSD_FAILED_RESOURCES]	= "resources",
	[KTLSD_FAILED_OTHER]		= "other",
};

/* Only the thread of the worker writes: no locked instruction is needed. */
static void metrics_add(atomic_uint_fast64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

enum ktlsd_metrics_reason ktlsd_metrics_classify(const struct ktlsd_fault *fault)
{
	if (fault->alert_received && fault->alert != KTLSD_ALERT_NONE)
		return KTLSD_FAILED_ALERT;
	switch (fault->error) {
	case -EKEYREJECTED:
		return KTLSD_FAILED_CERTIFICATE;
	case -EPROTO:
	case -EBADMSG:
		return KTLSD_FAILED_PROTOCOL;
	case -ETIMEDOUT:
		return KTLSD_FAILED_TIMEOUT;
	case -ENOKEY:
		return KTLSD_FAILED_IDENTITY;
	case -EACCES:
		return KTLSD_FAILED_ACCESS;
	case -EINVAL:
		return KTLSD_FAILED_OPTIONS;
	case -ENOMEM:
	case -ENOBUFS:
		return KTLSD_FAILED_RESOURCES;
	default:
		return KTLSD_FAILED_OTHER;
	}
}

const char *ktlsd_metrics_reason_word(enum ktlsd_metrics_reason reason)
{
	return metrics_words[reason];
}

void ktlsd_metrics_begin(struct ktlsd_metrics *metrics, struct ktlsd_metrics_span *span,
			 bool is_server)
{
	span->open = true;
	span->settled = false;
	span->is_server = is_server;
	span->begun = ktlsd_clock_us();
	metrics_add(&metrics->roles[is_server].started, 1);
}

/* Return: the slot of @name, or the free one where it belongs. The table is never full. */
static _Atomic(struct ktlsd_metrics_identity *) *metrics_slot(struct ktlsd_metrics *metrics,
							      const char *name)
{
	struct ktlsd_metrics_identity *entry;
	uint32_t hash = 2166136261u;
	const char *at;

	for (at = name; *at; at++)
		hash = (hash ^ (uint8_t)*at) * 16777619u;
	for (;; hash++) {
		entry = metrics->identities[hash & (KTLSD_METRICS_IDENTITIES - 1)];
		if (!entry || !strcmp(entry->name, name))
			return &metrics->identities[hash & (KTLSD_METRICS_IDENTITIES - 1)];
	}
}

void ktlsd_metrics_identify(struct ktlsd_metrics *metrics, struct ktlsd_metrics_span *span,
			    const char *name)
{
	_Atomic(struct ktlsd_metrics_identity *) *slot;
	struct ktlsd_metrics_identity *entry;

	if (!span->open || span->settled)
		return;
	slot = metrics_slot(metrics, name);
	entry = *slot;
	if (!entry) {
		if (metrics->names == KTLSD_METRICS_NAMES)
			return;
		entry = calloc(1, sizeof(*entry) + strlen(name) + 1);
		if (!entry)
			return;
		strcpy(entry->name, name);
		metrics->names++;
		/* Releases what is in it to those who read. */
		*slot = entry;
	}
	span->identity = &entry->roles[span->is_server];
}

void ktlsd_metrics_settle(struct ktlsd_metrics_span *span)
{
	if (span->open && span->identity && !span->settled)
		metrics_add(&span->identity->started, 1);
	span->settled = true;
}

static void metrics_observe(struct ktlsd_metrics_histogram *histogram, int64_t took)
{
	unsigned int i = 0;

	while (i < KTLSD_METRICS_BUCKETS && took > ktlsd_metrics_bounds[i])
		i++;
	metrics_add(&histogram->counts[i], 1);
	metrics_add(&histogram->microseconds, took);
}

void ktlsd_metrics_done(struct ktlsd_metrics *metrics, struct ktlsd_metrics_span *span,
			bool resumed)
{
	if (!span->open)
		return;
	ktlsd_metrics_settle(span);
	span->open = false;
	metrics_add(&metrics->roles[span->is_server].done, 1);
	if (span->identity)
		metrics_add(&span->identity->done, 1);
	metrics_observe(&metrics->durations[span->is_server][resumed],
			ktlsd_clock_us() - span->begun);
}

void ktlsd_metrics_fail(struct ktlsd_metrics *metrics, struct ktlsd_metrics_span *span,
			const struct ktlsd_fault *fault)
{
	enum ktlsd_metrics_reason reason = ktlsd_metrics_classify(fault);

	if (!span->open)
		return;
	ktlsd_metrics_settle(span);
	span->open = false;
	metrics_add(&metrics->roles[span->is_server].failed[reason], 1);
	if (span->identity)
		metrics_add(&span->identity->failed[reason], 1);
}

void ktlsd_metrics_cancel(struct ktlsd_metrics *metrics, struct ktlsd_metrics_span *span)
{
	if (!span->open)
		return;
	ktlsd_metrics_settle(span);
	span->open = false;
	metrics_add(&metrics->roles[span->is_server].cancelled, 1);
	if (span->identity)
		metrics_add(&span->identity->cancelled, 1);
}

void ktlsd_metrics_refuse(struct ktlsd_metrics *metrics, bool is_server,
			  const struct ktlsd_fault *fault)
{
	struct ktlsd_metrics_span span = { 0 };

	ktlsd_metrics_begin(metrics, &span, is_server);
	ktlsd_metrics_fail(metrics, &span, fault);
}

void ktlsd_metrics_use_key(struct ktlsd_metrics *metrics, const char *name, bool decrypt,
			   enum ktlsd_metrics_use use, int64_t begun)
{
	static const char *const names[KTLSD_KEY_COUNT] = {
		[KTLSD_KEY_RSA]		= "RSA",
		[KTLSD_KEY_RSA_PSS]	= "RSA-PSS",
		[KTLSD_KEY_EC]		= "EC",
		[KTLSD_KEY_ED25519]	= "ED25519",
		[KTLSD_KEY_ED448]	= "ED448",
	};
	unsigned int key = KTLSD_KEY_RSA_DECRYPT;

	if (!decrypt) {
		for (key = 0; key < KTLSD_KEY_RSA_DECRYPT && strcmp(names[key], name); key++)
			;
		if (key == KTLSD_KEY_RSA_DECRYPT)
			return;
	}
	metrics_add(&metrics->keys[key].counts[use], 1);
	if (use == KTLSD_USE_DONE)
		metrics_observe(&metrics->keys[key].durations, ktlsd_clock_us() - begun);
}

void ktlsd_metrics_count(struct ktlsd_metrics *metrics, enum ktlsd_metrics_event event,
			 unsigned int times)
{
	metrics_add(&metrics->events[event], times);
}

void ktlsd_metrics_set(struct ktlsd_metrics *metrics, enum ktlsd_metrics_level level,
		       uint64_t value)
{
	atomic_store_explicit(&metrics->levels[level], value, memory_order_relaxed);
}

void ktlsd_metrics_free(struct ktlsd_metrics *metrics)
{
	unsigned int i;

	for (i = 0; i < KTLSD_METRICS_IDENTITIES; i++)
		free(metrics->identities[i]);
}
