// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "notify.h"
#include "signer/process.h"
#include "watch.h"

void ktlsd_watch_init(struct ktlsd_watch *watch, struct ktlsd_shared *shared,
		      struct ktlsd_worker *workers)
{
	/* Four checks in the interval of the watchdog: two may be late. */
	int64_t quarter = (int64_t)(ktlsd_notify_watchdog() / 1000 / 4);

	memset(watch, 0, sizeof(*watch));
	watch->shared = shared;
	watch->workers = workers;
	watch->period = KTLSD_WATCH_PERIOD;
	if (ktlsd_notify_watchdog() && quarter < watch->period)
		watch->period = quarter ? quarter : 1;
}

static const char *watch_reason(const struct ktlsd_shared *shared)
{
	int trouble = shared->trouble;

	switch (trouble) {
	case 0:
		return "they are registering";
	case -ENOENT:
		return "the module ktls is not loaded";
	case -EPERM:
	case -EACCES:
		return "ktlsd lacks CAP_NET_ADMIN here, or runs as another user than the first helper";
	default:
		return strerror(-trouble);
	}
}

void ktlsd_watch_describe(const struct ktlsd_watch *watch, char *ret_text,
			  size_t size)
{
	const struct ktlsd_shared *shared = watch->shared;
	unsigned long done = 0, failed = 0, active = 0;
	unsigned int i;

	if (!shared->serving) {
		snprintf(ret_text, size, "No worker serves: %s.", watch_reason(shared));
		return;
	}
	for (i = 0; i < shared->worker_count; i++) {
		active += watch->workers[i].sessions.count;
		done += watch->workers[i].sessions.done;
		failed += watch->workers[i].sessions.failed;
	}
	snprintf(ret_text, size,
		 "%u of %u workers serve; handshakes: %lu under way, %lu complete, %lu failed.",
		 (unsigned int)shared->serving, shared->worker_count, active, done,
		 failed);
}

static void watch_report(struct ktlsd_watch *watch)
{
	char text[KTLSD_WATCH_STATUS_MAX];

	ktlsd_watch_describe(watch, text, sizeof(text));
	if (!watch->is_ready && watch->shared->serving) {
		watch->is_ready = true;
		ktlsd_notify_send("READY=1\nSTATUS=%s", text);
		ktlsd_log(KTLSD_LOG_INFO, "Ready: %u of %u workers serve.",
			  (unsigned int)watch->shared->serving,
			  watch->shared->worker_count);
	} else if (strcmp(text, watch->status)) {
		ktlsd_notify_send("STATUS=%s", text);
	}
	memcpy(watch->status, text, sizeof(text));
}

/* Return: whether the signer has answered since the last check. */
static bool watch_signer(struct ktlsd_watch *watch)
{
	if (ktlsd_signer_is_alive()) {
		if (watch->signer_silent > 1)
			ktlsd_log(KTLSD_LOG_INFO, "The signer process answers again.");
		watch->signer_silent = 0;
		return true;
	}
	if (++watch->signer_silent == 2)
		ktlsd_log(KTLSD_LOG_ERROR, "The signer process, which has the private keys, does not answer: handshakes that need them wait until their deadline.");
	return false;
}

static void watch_feed_watchdog(struct ktlsd_watch *watch)
{
	unsigned int turns[KTLSD_WORKERS_MAX], i;
	bool all = watch_signer(watch);

	for (i = 0; i < watch->shared->worker_count; i++) {
		turns[i] = watch->workers[i].turns;
		all = all && turns[i] != watch->seen[i];
	}
	if (all) {
		memcpy(watch->seen, turns, i * sizeof(*turns));
		if (ktlsd_notify_watchdog())
			ktlsd_notify_send("WATCHDOG=1");
	}
	for (i = 0; i < watch->shared->worker_count; i++)
		ktlsd_worker_wake(&watch->workers[i]);
}

int ktlsd_watch_step(struct ktlsd_watch *watch)
{
	int64_t now = ktlsd_clock_ms();
	unsigned int serving = watch->shared->serving;

	/* Report at once who serves; the numbers of handshakes can wait. */
	if (serving != watch->serving || !serving || now >= watch->next)
		watch_report(watch);
	watch->serving = serving;
	if (now >= watch->next) {
		watch_feed_watchdog(watch);
		watch->next = now + watch->period;
	}
	return (int)(watch->next - now);
}
