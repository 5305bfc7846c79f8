// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "lib/clock.h"
#include "lib/fetching.h"
#include "lib/log.h"
#include "responder_room.h"
#include "responders.h"
#include "tls/pause.h"

/* --- the cache; all with the lock --- */

static struct ktlsd_responders_entry **responders_slot(struct ktlsd_responders *all,
						       const uint8_t *key)
{
	struct ktlsd_responders_entry **slot;

	slot = &all->buckets[(key[0] | key[1] << 8) & (KTLSD_RESPONDERS_BUCKETS - 1)];
	while (*slot && memcmp((*slot)->key, key, KTLSD_STAPLE_KEY))
		slot = &(*slot)->next;
	return slot;
}

static void responders_unlink(struct ktlsd_responders *all, struct ktlsd_responders_entry *entry)
{
	if (entry->newer)
		entry->newer->older = entry->older;
	else
		all->newest = entry->older;
	if (entry->older)
		entry->older->newer = entry->newer;
	else
		all->oldest = entry->newer;
}

static void responders_link(struct ktlsd_responders *all, struct ktlsd_responders_entry *entry)
{
	entry->newer = NULL;
	entry->older = all->newest;
	if (all->newest)
		all->newest->newer = entry;
	else
		all->oldest = entry;
	all->newest = entry;
}

/* The newest that a handshake has; @crls may be NULL. */
static void responders_hold_crls(struct ktlsd_responders_entry *entry,
				 struct ktlsd_crl_set *crls)
{
	if (crls)
		atomic_fetch_add(&crls->refs, 1);
	ktlsd_crls_put_set(entry->crls);
	entry->crls = crls;
}

static void responders_free(struct ktlsd_responders *all, struct ktlsd_responders_entry *entry)
{
	struct ktlsd_responders_entry **slot = responders_slot(all, entry->key);

	*slot = entry->next;
	responders_unlink(all, entry);
	all->count--;
	X509_free(entry->cert);
	X509_free(entry->issuer);
	responders_hold_crls(entry, NULL);
	free(entry);
}

/* --- waiters; all with the lock --- */

static void responders_deliver_to(const struct ktlsd_responders_waiter *waiter)
{
	struct ktlsd_responders_inbox *inbox = waiter->inbox;
	uint64_t one = 1;

	pthread_mutex_lock(&inbox->lock);
	if (inbox->count < sizeof(inbox->ids) / sizeof(*inbox->ids))
		inbox->ids[inbox->count++] = waiter->id;
	else
		inbox->is_over = true;
	pthread_mutex_unlock(&inbox->lock);
	if (write(inbox->fd, &one, sizeof(one)) < 0)
		return;
}

static void responders_wake_waiters(struct ktlsd_responders_entry *entry)
{
	unsigned int i;

	for (i = 0; i < entry->waiter_count; i++)
		responders_deliver_to(&entry->waiters[i]);
	entry->waiter_count = 0;
}

/* Return: false if too many wait already. */
static bool responders_add_waiter(struct ktlsd_responders_entry *entry,
				  const struct ktlsd_responders_waiter *waiter)
{
	struct ktlsd_responders_waiter *place;
	unsigned int i;

	for (i = 0; i < entry->waiter_count; i++) {
		if (entry->waiters[i].inbox == waiter->inbox && entry->waiters[i].id == waiter->id)
			return true;
	}
	place = &entry->waiters[i];
	if (i == KTLSD_RESPONDERS_WAITERS) {
		place = ktlsd_responder_room_choose_waiter(entry, waiter->user);
		if (!place)
			return false;
		responders_deliver_to(place);
	} else {
		entry->waiter_count++;
	}
	*place = *waiter;
	return true;
}

static void responders_set_silent(struct ktlsd_responders_entry *entry, const char *why)
{
	entry->state = KTLSD_RESPONDERS_SILENT;
	entry->lost = false;
	responders_hold_crls(entry, NULL);
	entry->answer.status = KTLSD_OCSP_BAD;
	if (why != entry->answer.why)
		snprintf(entry->answer.why, sizeof(entry->answer.why), "%s", why);
	entry->until = ktlsd_clock_ms() + KTLSD_RESPONDERS_QUIET_MS;
	ktlsd_log(KTLSD_LOG_INFO, "The OCSP responder %s gave no valid answer: %s.", entry->url,
		  entry->answer.why);
	responders_wake_waiters(entry);
}

/* --- asking, by handshakes; with the lock --- */

/* The handshakes that waited for it try again, and find no room. Return: false if @user has to do
 * without.
 */
static bool responders_make_room(struct ktlsd_responders *all, uint64_t user)
{
	struct ktlsd_responders_entry *entry;

	if (all->count < KTLSD_RESPONDERS_MAX)
		return true;
	entry = ktlsd_responder_room_choose(all, user);
	if (!entry)
		return false;
	responders_wake_waiters(entry);
	responders_free(all, entry);
	return true;
}

static struct ktlsd_responders_entry *responders_new(struct ktlsd_responders *all,
						     const struct ktlsd_ocsp_question *question,
						     const uint8_t *key, const char *url)
{
	struct ktlsd_responders_entry *entry, **slot;

	if (!responders_make_room(all, question->user))
		return NULL;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	memcpy(entry->key, key, KTLSD_STAPLE_KEY);
	entry->user = question->user;
	snprintf(entry->url, sizeof(entry->url), "%s", url);
	X509_up_ref(question->cert);
	X509_up_ref(question->issuer);
	entry->cert = question->cert;
	entry->issuer = question->issuer;
	slot = responders_slot(all, key);
	*slot = entry;
	responders_link(all, entry);
	all->count++;
	return entry;
}

/* What the entry has to say now. Return: as @ask of struct ktlsd_status_asker. */
static int responders_read(struct ktlsd_responders_entry *entry,
			   struct ktlsd_responders_inbox *inbox,
			   const struct ktlsd_ocsp_question *question,
			   struct ktlsd_ocsp_answer *ret_answer)
{
	const struct ktlsd_pause_owner *owner = ktlsd_pause_get_owner();
	uint64_t one = 1;

	if ((entry->state == KTLSD_RESPONDERS_ANSWERED &&
	     !ktlsd_clock_holds(entry->since, entry->until, time(NULL))) ||
	    (entry->state == KTLSD_RESPONDERS_SILENT && entry->until <= ktlsd_clock_ms()))
		entry->state = KTLSD_RESPONDERS_NEW;
	*ret_answer = entry->answer;
	if (entry->state == KTLSD_RESPONDERS_ANSWERED)
		return 1;
	if (entry->state == KTLSD_RESPONDERS_SILENT)
		return -ENODATA;
	snprintf(ret_answer->why, sizeof(ret_answer->why), "it did not answer in time");
	if (ktlsd_clock_ms() >= question->deadline)
		return -ETIMEDOUT;
	if (!owner || !responders_add_waiter(entry, &(struct ktlsd_responders_waiter) {
			inbox, owner->id, question->deadline, question->user })) {
		snprintf(ret_answer->why, sizeof(ret_answer->why),
			 "too many handshakes wait for it");
		return -EBUSY;
	}
	responders_hold_crls(entry, question->crls);
	if (write(inbox->all->wake_fd, &one, sizeof(one)) < 0)
		return 0;
	return 0;
}

static int responders_ask(struct ktlsd_status_asker *asker,
			  const struct ktlsd_ocsp_question *question,
			  struct ktlsd_ocsp_answer *ret_answer)
{
	struct ktlsd_responders_inbox *inbox = (void *)((char *)asker -
				offsetof(struct ktlsd_responders_inbox, asker));
	struct ktlsd_responders *all = inbox->all;
	struct ktlsd_responders_entry *entry;
	char url[KTLSD_OCSP_URL_MAX];
	uint8_t key[KTLSD_STAPLE_KEY];
	int ret = -ENOMEM;

	memset(ret_answer, 0, sizeof(*ret_answer));
	ret_answer->status = KTLSD_OCSP_BAD;
	snprintf(ret_answer->why, sizeof(ret_answer->why), "the certificate names none");
	if (!ktlsd_ocsp_url(question->cert, url))
		return -ENOENT;
	snprintf(ret_answer->why, sizeof(ret_answer->why), "ktlsd has no room for more");
	if (ktlsd_staple_hash(question->cert, question->issuer, key))
		return ret;
	pthread_mutex_lock(&all->lock);
	entry = *responders_slot(all, key);
	if (entry) {
		responders_unlink(all, entry);
		responders_link(all, entry);
		if (entry->state != KTLSD_RESPONDERS_ASKED && !entry->waiter_count)
			entry->user = question->user;
	} else {
		entry = responders_new(all, question, key, url);
	}
	if (entry)
		ret = responders_read(entry, inbox, question, ret_answer);
	pthread_mutex_unlock(&all->lock);
	return ret;
}

static int responders_wait(struct ktlsd_status_asker *asker)
{
	(void)asker;
	return ktlsd_pause();
}

static void responders_leave(struct ktlsd_status_asker *asker,
			     const struct ktlsd_ocsp_question *question)
{
	const struct ktlsd_pause_owner *owner = ktlsd_pause_get_owner();
	struct ktlsd_responders_inbox *inbox = (void *)((char *)asker -
				offsetof(struct ktlsd_responders_inbox, asker));
	struct ktlsd_responders_entry *entry;
	uint8_t key[KTLSD_STAPLE_KEY];
	unsigned int i;

	if (!owner || ktlsd_staple_hash(question->cert, question->issuer, key))
		return;
	pthread_mutex_lock(&inbox->all->lock);
	entry = *responders_slot(inbox->all, key);
	for (i = 0; entry && i < entry->waiter_count; i++) {
		if (entry->waiters[i].inbox == inbox && entry->waiters[i].id == owner->id)
			entry->waiters[i--] = entry->waiters[--entry->waiter_count];
	}
	pthread_mutex_unlock(&inbox->all->lock);
}

static void responders_want_crl(struct ktlsd_status_asker *asker, X509 *cert, X509 *issuer,
				uint64_t user)
{
	struct ktlsd_responders_inbox *inbox = (void *)((char *)asker -
				offsetof(struct ktlsd_responders_inbox, asker));

	if (inbox->all->crl_points)
		ktlsd_crl_points_want(inbox->all->crl_points, cert, issuer, user);
}

/* --- the thread --- */

/* Sends the request for an entry. Return: 0 or a negative errno. */
static int responders_send(struct ktlsd_responders *all, struct ktlsd_responders_entry *entry)
{
	struct ktls_fetch_request request = { .timeout_ms = KTLSD_RESPONDERS_FETCH_MS };
	uint8_t body[KTLSD_OCSP_REQUEST_MAX];
	int len, err;

	if (RAND_bytes(entry->nonce, sizeof(entry->nonce)) != 1)
		return -EIO;
	len = ktlsd_ocsp_request(entry->cert, entry->issuer, entry->nonce, body);
	if (len < 0)
		return len;
	if (all->fd < 0)
		all->fd = ktlsd_fetching_connect(all->path);
	if (all->fd < 0)
		return all->fd;
	request.id = ++all->last_id;
	request.body_len = (uint16_t)len;
	err = ktlsd_fetching_send(all->fd, &request, entry->url, body);
	if (err)
		return err;
	entry->state = KTLSD_RESPONDERS_ASKED;
	entry->id = request.id;
	entry->deadline = ktlsd_clock_ms() + KTLSD_RESPONDERS_FETCH_MS + 1000;
	return 0;
}

/* ktls-fetch has ended. The service manager starts it again for the next request. */
static void responders_lose(struct ktlsd_responders *all)
{
	struct ktlsd_responders_entry *entry;

	close(all->fd);
	all->fd = -1;
	for (entry = all->newest; entry; entry = entry->older) {
		if (entry->state != KTLSD_RESPONDERS_ASKED)
			continue;
		/* Once: it may be the answer that ends it. */
		if (entry->waiter_count && !entry->lost) {
			entry->state = KTLSD_RESPONDERS_NEW;
			entry->lost = true;
		} else {
			responders_set_silent(entry, "ktls-fetch has ended");
		}
	}
}

/* Asks for one. Return: false if others have to be asked anew. */
static bool responders_begin(struct ktlsd_responders *all, struct ktlsd_responders_entry *entry)
{
	int err = responders_send(all, entry);
	bool lost = err == -EPIPE || err == -ECONNRESET;
	char why[KTLS_FETCH_TEXT_MAX];

	if (lost) {
		responders_lose(all);
		err = responders_send(all, entry);
	}
	snprintf(why, sizeof(why), "ktls-fetch cannot be reached: %s", strerror(-err));
	if (err)
		responders_set_silent(entry, why);
	return !lost;
}

/* Wakes the handshakes that have waited too long. Return: when the next one has, or @next if that
 * is earlier.
 */
static int64_t responders_expire(struct ktlsd_responders_entry *entry, int64_t now, int64_t next)
{
	unsigned int i;

	for (i = 0; i < entry->waiter_count; i++) {
		if (entry->waiters[i].deadline > now) {
			if (entry->waiters[i].deadline < next)
				next = entry->waiters[i].deadline;
			continue;
		}
		responders_deliver_to(&entry->waiters[i]);
		entry->waiters[i--] = entry->waiters[--entry->waiter_count];
	}
	return next;
}

/* Asks for what is new, as far as it has its turn. Return: when the next call is due, or @next if
 * that is earlier.
 */
static int64_t responders_begin_all(struct ktlsd_responders *all, int64_t now, int64_t next)
{
	struct ktlsd_responders_entry *entry;

	if (all->busy_until > now)
		return all->busy_until < next ? all->busy_until : next;
	while ((entry = ktlsd_responder_room_next(all))) {
		if (!responders_begin(all, entry))
			next = now;
		else if (entry->state == KTLSD_RESPONDERS_ASKED && entry->deadline < next)
			next = entry->deadline;
	}
	return next;
}

/* Return: milliseconds until the next call is due, -1 for never. */
static int responders_step(struct ktlsd_responders *all)
{
	int64_t now = ktlsd_clock_ms(), next = INT64_MAX;
	struct ktlsd_responders_entry *entry;

	for (entry = all->newest; entry; entry = entry->older) {
		if (entry->state == KTLSD_RESPONDERS_ASKED && entry->deadline <= now)
			responders_set_silent(entry, "ktls-fetch does not answer");
		next = responders_expire(entry, now, next);
		if (entry->state == KTLSD_RESPONDERS_ASKED && entry->deadline < next)
			next = entry->deadline;
	}
	next = responders_begin_all(all, now, next);
	return next == INT64_MAX ? -1 : (int)(next - now);
}

static void responders_take(struct ktlsd_responders_entry *entry, const uint8_t *der, size_t len)
{
	const struct ktlsd_ocsp_question question = {
		.cert = entry->cert, .issuer = entry->issuer, .nonce = entry->nonce,
		.now = time(NULL), .crls = entry->crls,
	};
	int64_t keep = question.now + KTLSD_RESPONDERS_KEEP;

	ktlsd_ocsp_check(der, len, &question, &entry->answer);
	if (entry->answer.status == KTLSD_OCSP_BAD) {
		responders_set_silent(entry, entry->answer.why);
		return;
	}
	entry->state = KTLSD_RESPONDERS_ANSWERED;
	entry->lost = false;
	responders_hold_crls(entry, NULL);
	entry->since = question.now;
	entry->until = entry->answer.expires < keep ? entry->answer.expires : keep;
	/* Within the tolerance; without a limit it would be asked again at once. */
	if (entry->until <= question.now)
		entry->until = question.now + 1;
	responders_wake_waiters(entry);
}

static void responders_receive(struct ktlsd_responders *all, uint8_t *buffer)
{
	const uint8_t *data = buffer + sizeof(struct ktls_fetch_answer);
	struct ktlsd_responders_entry *entry;
	struct ktls_fetch_answer header;
	char why[KTLS_FETCH_TEXT_MAX];
	int ret;

	ret = ktlsd_fetching_receive(all->fd, buffer, &header);
	if (ret < 0)
		responders_lose(all);
	if (ret <= 0)
		return;
	for (entry = all->newest; entry; entry = entry->older) {
		if (entry->state == KTLSD_RESPONDERS_ASKED && entry->id == header.id)
			break;
	}
	if (!entry)
		return;
	snprintf(why, sizeof(why), "%.*s", (int)(header.len < sizeof(why) ? header.len :
						 sizeof(why)), (const char *)data);
	if (header.error == -EBUSY && entry->waiter_count) {
		entry->state = KTLSD_RESPONDERS_NEW;
		all->busy_until = ktlsd_clock_ms() + KTLSD_RESPONDERS_BUSY_MS;
	} else if (header.error) {
		responders_set_silent(entry, why);
	} else {
		responders_take(entry, data, header.len);
	}
}

static void *responders_main(void *arg)
{
	struct ktlsd_responders *all = arg;
	uint8_t *buffer = malloc(KTLS_FETCH_MESSAGE_MAX);
	uint64_t wakes;
	int wait;

	while (buffer && !all->stop) {
		struct pollfd fds[] = {
			{ .fd = all->wake_fd, .events = POLLIN },
			{ .events = POLLIN },
		};

		pthread_mutex_lock(&all->lock);
		wait = responders_step(all);
		pthread_mutex_unlock(&all->lock);
		fds[1].fd = all->fd;
		if (poll(fds, 2, wait) < 0 && errno != EINTR)
			break;
		if (fds[0].revents && read(all->wake_fd, &wakes, sizeof(wakes)) < 0)
			continue;
		pthread_mutex_lock(&all->lock);
		if (fds[1].revents)
			responders_receive(all, buffer);
		pthread_mutex_unlock(&all->lock);
	}
	free(buffer);
	return NULL;
}

/* --- for the other threads --- */

int ktlsd_responders_start(struct ktlsd_responders *all, const char *path)
{
	int err;

	memset(all, 0, sizeof(*all));
	all->fd = -1;
	pthread_mutex_init(&all->lock, NULL);
	all->path = strdup(path);
	all->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = !all->path ? -ENOMEM : all->wake_fd < 0 ? -errno :
	      -pthread_create(&all->thread, NULL, responders_main, all);
	if (!err)
		return 0;
	if (all->wake_fd >= 0)
		close(all->wake_fd);
	free(all->path);
	all->path = NULL;
	return err;
}

void ktlsd_responders_stop(struct ktlsd_responders *all)
{
	uint64_t one = 1;

	if (!all->path)
		return;
	all->stop = true;
	if (write(all->wake_fd, &one, sizeof(one)) == sizeof(one))
		pthread_join(all->thread, NULL);
	while (all->oldest)
		responders_free(all, all->oldest);
	if (all->fd >= 0)
		close(all->fd);
	close(all->wake_fd);
	free(all->path);
	pthread_mutex_destroy(&all->lock);
}

int ktlsd_responders_open_inbox(struct ktlsd_responders *all,
				struct ktlsd_responders_inbox *inbox)
{
	memset(inbox, 0, sizeof(*inbox));
	inbox->asker.ask = responders_ask;
	inbox->asker.wait = responders_wait;
	inbox->asker.leave = responders_leave;
	inbox->asker.want_crl = responders_want_crl;
	inbox->all = all;
	pthread_mutex_init(&inbox->lock, NULL);
	inbox->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return inbox->fd < 0 ? -errno : 0;
}

void ktlsd_responders_close_inbox(struct ktlsd_responders_inbox *inbox)
{
	struct ktlsd_responders *all = inbox->all;
	struct ktlsd_responders_entry *entry;
	unsigned int i;

	if (!all)
		return;
	pthread_mutex_lock(&all->lock);
	for (entry = all->newest; entry; entry = entry->older) {
		for (i = 0; i < entry->waiter_count; i++) {
			if (entry->waiters[i].inbox == inbox)
				entry->waiters[i--] = entry->waiters[--entry->waiter_count];
		}
	}
	pthread_mutex_unlock(&all->lock);
	close(inbox->fd);
	pthread_mutex_destroy(&inbox->lock);
	inbox->all = NULL;
}

bool ktlsd_responders_deliver(struct ktlsd_responders_inbox *inbox,
			      void (*wake)(void *arg, uint64_t id), void *arg)
{
	bool more, is_over = false;
	uint64_t wakes, id = 0;

	if (read(inbox->fd, &wakes, sizeof(wakes)) < 0)
		return true;
	do {
		pthread_mutex_lock(&inbox->lock);
		is_over = is_over || inbox->is_over;
		inbox->is_over = false;
		more = inbox->count;
		if (more)
			id = inbox->ids[--inbox->count];
		pthread_mutex_unlock(&inbox->lock);
		if (more)
			wake(arg, id);
	} while (more);
	return !is_over;
}
