// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "errands.h"

static int64_t errands_now(void)
{
	return time(NULL);
}

/* Return: @seconds, give or take an eighth: many that began together do not stay so. */
static int64_t errands_spread(int64_t seconds)
{
	uint32_t random = 0;

	if (seconds < 8 || RAND_bytes((unsigned char *)&random, sizeof(random)) != 1)
		return seconds;
	return seconds - seconds / 8 + (int64_t)random % (seconds / 4 + 1);
}

int64_t ktlsd_errands_refresh_after(int64_t from, int64_t expires, int64_t now)
{
	int64_t half = from + (expires - from) / 2, after;

	after = errands_spread(half > now ? half - now : (expires - now) / 2);
	if (after < KTLSD_ERRANDS_MIN)
		return KTLSD_ERRANDS_MIN;
	return after < KTLSD_ERRANDS_MAX ? after : KTLSD_ERRANDS_MAX;
}

/* --- the list; with the lock --- */

void ktlsd_errands_add(struct ktlsd_errands *errands, struct ktlsd_errand *errand)
{
	errand->next = errands->first;
	errands->first = errand;
}

/* It is not under way any more. */
static void errands_rest(struct ktlsd_errands *errands, struct ktlsd_errand *errand)
{
	unsigned int i;

	for (i = 0; i < errands->active_count; i++) {
		if (errands->active[i] == errand)
			errands->active[i--] = errands->active[--errands->active_count];
	}
	errand->id = 0;
	ktlsd_buffer_free(&errand->answer);
}

void ktlsd_errands_del(struct ktlsd_errands *errands, struct ktlsd_errand *errand)
{
	struct ktlsd_errand **slot = &errands->first;

	while (*slot && *slot != errand)
		slot = &(*slot)->next;
	if (*slot)
		*slot = errand->next;
	errands_rest(errands, errand);
}

static void errands_fail(struct ktlsd_errands *errands, struct ktlsd_errand *errand,
			 const char *why)
{
	int64_t now = errands->now(), delay = KTLSD_ERRANDS_RETRY;
	unsigned int i;

	for (i = 0; i < errand->failures && delay < KTLSD_ERRANDS_RETRY_MAX; i++)
		delay *= 2;
	if (delay > KTLSD_ERRANDS_RETRY_MAX)
		delay = KTLSD_ERRANDS_RETRY_MAX;
	delay = errands_spread(delay);
	errand->failures++;
	errand->due = now + delay;
	errands_rest(errands, errand);
	atomic_fetch_add(&errands->failed, 1);
	errand->kind->fail(errand, why, now, delay);
}

/* If the disk is full now, there may be room in a minute. */
static void errands_save(struct ktlsd_errands *errands, struct ktlsd_errand *errand)
{
	errand->unsaved = errand->kind->save(errand);
	if (errand->unsaved)
		errands->save_after = ktlsd_clock_ms() + KTLSD_ERRANDS_LOOK_MS;
}

static void errands_take(struct ktlsd_errands *errands, struct ktlsd_errand *errand)
{
	char why[KTLS_FETCH_TEXT_MAX] = "";
	int64_t now = errands->now(), after;

	after = errand->kind->take(errand, errand->answer.data, errand->answer.len, now, why);
	if (after < 0) {
		errands_fail(errands, errand, why);
		return;
	}
	errands_rest(errands, errand);
	errands_save(errands, errand);
	errand->failures = 0;
	errand->due = now + after;
	atomic_fetch_add(&errands->done, 1);
}

/* --- ktls-fetch; with the lock --- */

static int errands_connect(struct ktlsd_errands *errands)
{
	if (errands->fd < 0)
		errands->fd = ktlsd_fetching_connect(errands->path);
	return errands->fd < 0 ? errands->fd : 0;
}

static int errands_send(struct ktlsd_errands *errands, struct ktlsd_errand *errand)
{
	struct ktls_fetch_request request = { .timeout_ms = errand->kind->timeout_ms };
	uint8_t body[KTLS_FETCH_BODY_MAX];
	int len, err;

	len = errand->kind->request ? errand->kind->request(errand, body) : 0;
	if (len < 0)
		return len;
	request.id = ++errands->last_id;
	request.body_len = (uint16_t)len;
	err = errands_connect(errands);
	if (!err)
		err = ktlsd_fetching_send(errands->fd, &request, errand->url, body);
	if (err)
		return err;
	errand->id = request.id;
	errands->active[errands->active_count++] = errand;
	errand->deadline = ktlsd_clock_ms() + errand->kind->timeout_ms + 1000;
	return 0;
}

static void errands_lose(struct ktlsd_errands *errands)
{
	close(errands->fd);
	errands->fd = -1;
	while (errands->active_count)
		errands_fail(errands, errands->active[0], "ktls-fetch has ended");
}

/* Return: whether as many are under way as there may be. */
static bool errands_must_wait(const struct ktlsd_errands *errands,
			      const struct ktlsd_errand *errand)
{
	unsigned int i, same = 0, crls = 0;
	const struct ktlsd_errand *other;

	if (errands->active_count == KTLSD_ERRANDS_AT_ONCE)
		return true;
	for (i = 0; i < errands->active_count; i++) {
		other = errands->active[i];
		crls += !other->kind->request;
		same += ktlsd_fetching_is_same_host(other->url, errand->url);
	}
	return same >= KTLSD_ERRANDS_PER_HOST ||
	       (!errand->kind->request && crls >= KTLSD_ERRANDS_CRLS);
}

static void errands_begin(struct ktlsd_errands *errands, struct ktlsd_errand *errand)
{
	char why[KTLS_FETCH_TEXT_MAX];
	int err;

	err = errands_send(errands, errand);
	if (err == -EPIPE) {
		/* It was started again. */
		errands_lose(errands);
		err = errands_send(errands, errand);
	}
	/* With -EAGAIN it stays due, until one that is under way is done. */
	if (!err || err == -EAGAIN)
		return;
	snprintf(why, sizeof(why), "ktls-fetch cannot be reached: %s", strerror(-err));
	errands_fail(errands, errand, why);
}

/* Return: milliseconds until something has to be done for @errand. */
static int64_t errands_look_at(struct ktlsd_errands *errands, struct ktlsd_errand *errand)
{
	int64_t now = errands->now(), clock = ktlsd_clock_ms();

	if (errand->id && errand->deadline <= clock)
		errands_fail(errands, errand, "ktls-fetch does not answer");
	if (errand->unsaved && errands->save_after <= clock)
		errands_save(errands, errand);
	if (!errand->id && errand->due <= now && !errands_must_wait(errands, errand))
		errands_begin(errands, errand);
	if (errand->id)
		return errand->deadline - clock;
	/* One that has to wait for others is looked at when these are done. */
	return errand->due > now ? (errand->due - now) * 1000 : KTLSD_ERRANDS_LOOK_MS;
}

/* If the clock was set back, "due" is too late for all: nothing may wait for hours, or years. */
static void errands_watch_clock(struct ktlsd_errands *errands)
{
	int64_t now = errands->now(), back = errands->looked - now;
	struct ktlsd_errand *errand;

	errands->looked = now;
	if (back <= KTLSD_ERRANDS_BACK || !errands->first)
		return;
	ktlsd_log(KTLSD_LOG_INFO,
		  "The clock was set back by %lld s: CRLs and responses to be stapled are fetched again.",
		  (long long)back);
	for (errand = errands->first; errand; errand = errand->next)
		errand->due = now;
}

int ktlsd_errands_step(struct ktlsd_errands *errands)
{
	int64_t next = KTLSD_ERRANDS_LOOK_MS, wait;
	struct ktlsd_errand *errand;

	errands_watch_clock(errands);
	if (errands->prepare && errands->prepare(errands->prepare_arg))
		next = 0;
	for (errand = errands->first; errand; errand = errand->next) {
		wait = errands_look_at(errands, errand);
		if (wait < next)
			next = wait;
	}
	return !errands->first && next ? -1 : next < 0 ? 0 : (int)next;
}

static void errands_deliver(struct ktlsd_errands *errands,
			    const struct ktls_fetch_answer *header, const uint8_t *data)
{
	struct ktlsd_errand *errand = NULL;
	char why[KTLS_FETCH_TEXT_MAX];
	unsigned int i;

	for (i = 0; i < errands->active_count && !errand; i++) {
		if (errands->active[i]->id == header->id)
			errand = errands->active[i];
	}
	if (!errand)
		return;
	snprintf(why, sizeof(why), "%.*s", (int)(header->len < sizeof(why) ? header->len :
						 sizeof(why)), (const char *)data);
	if (header->error)
		errands_fail(errands, errand, why);
	else if (ktlsd_buffer_append(&errand->answer, data, header->len, errand->kind->max))
		errands_fail(errands, errand, "it is too long");
	else if (header->left)
		errand->deadline = ktlsd_clock_ms() + KTLSD_ERRANDS_PART_MS;
	else
		errands_take(errands, errand);
}

void ktlsd_errands_receive(struct ktlsd_errands *errands)
{
	static uint8_t buffer[KTLS_FETCH_MESSAGE_MAX];
	struct ktls_fetch_answer answer = { 0 };
	int ret = ktlsd_fetching_receive(errands->fd, buffer, &answer);

	if (ret < 0 || (ret && !answer.id))
		errands_lose(errands);
	else if (ret)
		errands_deliver(errands, &answer, buffer + sizeof(answer));
}

/* --- the thread --- */

static void *errands_main(void *arg)
{
	struct ktlsd_errands *errands = arg;
	uint64_t wakes;
	int wait;

	while (!errands->stop) {
		struct pollfd fds[] = {
			{ .fd = errands->wake_fd, .events = POLLIN },
			{ .events = POLLIN },
		};

		pthread_mutex_lock(&errands->lock);
		wait = ktlsd_errands_step(errands);
		fds[1].fd = errands->fd;
		pthread_mutex_unlock(&errands->lock);
		if (poll(fds, 2, wait) < 0 && errno != EINTR)
			break;
		if (fds[0].revents && read(errands->wake_fd, &wakes, sizeof(wakes)) < 0)
			continue;
		pthread_mutex_lock(&errands->lock);
		if (fds[1].revents)
			ktlsd_errands_receive(errands);
		pthread_mutex_unlock(&errands->lock);
	}
	return NULL;
}

int ktlsd_errands_init(struct ktlsd_errands *errands, const char *path)
{
	memset(errands, 0, sizeof(*errands));
	errands->now = errands_now;
	errands->fd = -1;
	errands->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (errands->wake_fd < 0)
		return -errno;
	errands->path = strdup(path);
	if (!errands->path) {
		close(errands->wake_fd);
		return -ENOMEM;
	}
	pthread_mutex_init(&errands->lock, NULL);
	return 0;
}

int ktlsd_errands_start(struct ktlsd_errands *errands)
{
	int err = -pthread_create(&errands->thread, NULL, errands_main, errands);

	errands->running = !err;
	return err;
}

void ktlsd_errands_stop(struct ktlsd_errands *errands)
{
	if (!errands->running)
		return;
	errands->stop = true;
	ktlsd_errands_wake(errands);
	pthread_join(errands->thread, NULL);
	errands->running = false;
}

void ktlsd_errands_free(struct ktlsd_errands *errands)
{
	if (!errands->path)
		return;
	if (errands->fd >= 0)
		close(errands->fd);
	close(errands->wake_fd);
	free(errands->path);
	pthread_mutex_destroy(&errands->lock);
	memset(errands, 0, sizeof(*errands));
}

void ktlsd_errands_wake(struct ktlsd_errands *errands)
{
	uint64_t one = 1;

	/* A full counter wakes too. */
	if (write(errands->wake_fd, &one, sizeof(one)) < 0)
		return;
}
