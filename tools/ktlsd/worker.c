// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/clock.h"
#include "registration.h"
#include "signer/process.h"
#include "worker.h"

static int worker_send(void *arg, const struct ktlsd_message *message)
{
	struct ktlsd_worker *worker = arg;

	return ktlsd_genl_send(&worker->genl, message);
}

/* Return: 0, or a negative errno after which the socket has to be closed. */
static int worker_handle_error(struct ktlsd_worker *worker,
			       const struct nlmsghdr *nlh)
{
	const char *text;
	int err = ktlsd_genl_error(nlh, &text);

	/* An older module does not know what it means to retire. */
	if (!err || (worker->retired_at && nlh->nlmsg_seq == worker->register_seq))
		return 0;
	if (worker->state == KTLSD_WORKER_REGISTERING &&
	    nlh->nlmsg_seq == worker->register_seq) {
		ktlsd_registration_log_failure(worker, err, text);
		return -ECONNREFUSED;
	}
	ktlsd_sessions_refused(&worker->sessions, nlh->nlmsg_seq, err, text);
	return 0;
}

static int worker_handle_event(struct ktlsd_worker *worker,
			       const struct nlmsghdr *nlh)
{
	struct ktlsd_event event;
	int err;

	err = ktlsd_message_parse(nlh, &event);
	if (err) {
		ktlsd_log_limited(&worker->sessions.limit, KTLSD_LOG_WARNING,
				  "Ignored a malformed message of the kernel: do ktlsd and the module ktls have the same version?");
		return 0;
	}
	if (event.cmd == KTLS_CMD_REGISTER) {
		if (worker->state != KTLSD_WORKER_REGISTERING)
			return 0;
		return ktlsd_registration_answered(worker, &event);
	}
	if (worker->state == KTLSD_WORKER_REGISTERING)
		return ktlsd_registration_postpone(worker, nlh);
	ktlsd_sessions_handle(&worker->sessions, &event);
	/* It may contain a private key. */
	if (event.cmd == KTLS_CMD_CONFIG)
		explicit_bzero(mnl_nlmsg_get_payload(nlh),
			       mnl_nlmsg_get_payload_len(nlh));
	return 0;
}

static int worker_handle(const struct nlmsghdr *nlh, void *arg)
{
	struct ktlsd_worker *worker = arg;

	if (nlh->nlmsg_type == NLMSG_ERROR)
		return worker_handle_error(worker, nlh);
	if (nlh->nlmsg_type == worker->genl.family)
		return worker_handle_event(worker, nlh);
	return 0;
}

/* Handles the messages that arrived before the answer to REGISTER. */
static void worker_replay(struct ktlsd_worker *worker)
{
	struct ktlsd_pending *pending;

	while (worker->state == KTLSD_WORKER_SERVING &&
	       (pending = worker->pending)) {
		worker->pending = pending->next;
		if (!worker->pending)
			worker->pending_tail = &worker->pending;
		worker_handle_event(worker, pending->data);
		free(pending);
	}
}

/* Receives all that is queued before any work is done: behind a START there may be its
 * CANCEL. Bounded, so that a flood of messages does not stop the work.
 */
static void worker_receive(struct ktlsd_worker *worker)
{
	int i, err = 0;

	for (i = 0; !err && i < KTLSD_WORKER_BURST; i++) {
		err = ktlsd_genl_receive(&worker->genl, worker->rx,
					 worker_handle, worker);
		worker_replay(worker);
	}
	if (!err || err == -EAGAIN)
		return;
	if (err != -ECONNREFUSED)
		ktlsd_log(KTLSD_LOG_ERROR, "Worker %u cannot receive from the kernel: %s.",
			  worker->index, strerror(-err));
	ktlsd_registration_back_off(worker);
}

/* Half of max_sessions is divided among the workers, so that each has some. The other half
 * is a common pool. The kernel does not send a worker more than about twice as many as
 * another has, so none has used up both while another has some of its own.
 */
static void worker_set_limits(struct ktlsd_worker *worker,
			      const struct ktlsd_config *config)
{
	unsigned int count = worker->shared->worker_count, max = config->max_sessions;
	unsigned int own;
	size_t cached = ktlsd_config_memory(config) / 8 / count;

	/* A reload can ask for less than there are workers for. */
	if (count > ktlsd_worker_most(max))
		max = KTLSD_WORKER_SESSIONS_MIN * count;
	own = (max / 2 + count - 1) / count;
	worker->sessions.max = own ? own : 1;
	worker->sessions.pool_max = max > own * count ? max - own * count : 0;

	/* A user can have half of all memory. What other workers cache for him should not be
	 * that much: this one cannot free it.
	 */
	if (cached < KTLSD_WORKER_CACHED_MIN)
		cached = KTLSD_WORKER_CACHED_MIN;
	worker->sessions.contexts.cached_max = cached;
	worker->sessions.contexts.anchors.max_bytes = cached;
}

/* Takes over the newest configuration, if it changed. */
static void worker_take_config(struct ktlsd_worker *worker)
{
	struct ktlsd_shared *shared = worker->shared;
	struct ktlsd_config *config;

	if (shared->generation == worker->sessions.config->generation)
		return;
	pthread_mutex_lock(&shared->lock);
	config = ktlsd_config_get(shared->config);
	pthread_mutex_unlock(&shared->lock);
	ktlsd_sessions_configure(&worker->sessions, config);
	worker_set_limits(worker, config);
	worker->generation = config->generation;
	ktlsd_registration_notify_main(worker);
	ktlsd_config_put(config);
}

/* Timeout for poll(), ms; -1 for none. */
static int worker_timeout(struct ktlsd_worker *worker)
{
	struct ktlsd_sessions *sessions = &worker->sessions;
	int64_t left;

	if (worker->state == KTLSD_WORKER_SERVING) {
		int wait = ktlsd_sessions_expire(sessions), trim;

		trim = ktlsd_memory_step(&worker->memory, ktlsd_clock_ms(),
					 !sessions->count && !sessions->ticket_waiters.count);
		if (wait < 0 || (trim >= 0 && trim < wait))
			wait = trim;
		if (worker->retired_at && (wait < 0 || wait > KTLSD_WORKER_LATE_MS))
			wait = KTLSD_WORKER_LATE_MS;
		return ktlsd_shares_pending(&sessions->shares) ? 0 : wait;
	}
	left = worker->retry_at - ktlsd_clock_ms();
	return left < 0 ? 0 : (int)left;
}

/* Takes in what came, if anything, and then does at least one step of work: what came
 * meanwhile may be a CANCEL, or come first. Under a flood of messages both get half of
 * the time.
 */
static void worker_serve(struct ktlsd_worker *worker, bool readable)
{
	int64_t begun = ktlsd_clock_us(), work;

	if (readable) {
		worker_receive(worker);
		ktlsd_memory_note_work(&worker->memory, begun / 1000);
	}
	work = ktlsd_clock_us();
	while (worker->state == KTLSD_WORKER_SERVING &&
	       ktlsd_sessions_work(&worker->sessions) &&
	       ktlsd_clock_us() - work < work - begun)
		;
}

int ktlsd_worker_watch(struct ktlsd_worker *worker, int fd, void (*ready)(void *arg),
		       void *arg)
{
	struct ktlsd_source_fd *source;

	if (worker->source_count == KTLSD_WORKER_SOURCES)
		return -ENOSPC;
	source = &worker->sources[worker->source_count++];
	source->fd = fd;
	source->ready = ready;
	source->arg = arg;
	return 0;
}

void ktlsd_worker_unwatch(struct ktlsd_worker *worker, int fd)
{
	unsigned int i;

	for (i = 0; i < worker->source_count; i++) {
		if (worker->sources[i].fd == fd) {
			worker->sources[i] = worker->sources[--worker->source_count];
			return;
		}
	}
}

/* What a worker always waits for; its sources come behind it. */
enum {
	WORKER_WAKE,
	WORKER_NLCTRL,
	WORKER_GENL,
	WORKER_FIXED,
};

/* Waits for anything to happen. Return: false if poll() failed. */
static bool worker_poll(struct ktlsd_worker *worker, struct pollfd *fds)
{
	unsigned int i;

	fds[WORKER_WAKE].fd = worker->wake_fd;
	fds[WORKER_NLCTRL].fd = worker->nlctrl.fd;
	fds[WORKER_GENL].fd = worker->genl.fd;
	for (i = 0; i < worker->source_count; i++)
		fds[WORKER_FIXED + i].fd = worker->sources[i].fd;
	for (i = 0; i < WORKER_FIXED + worker->source_count; i++) {
		fds[i].events = POLLIN;
		fds[i].revents = 0;
	}
	if (poll(fds, WORKER_FIXED + worker->source_count, worker_timeout(worker)) >= 0 ||
	    errno == EINTR)
		return true;
	ktlsd_log(KTLSD_LOG_ERROR, "Worker %u: poll() failed: %s.", worker->index,
		  strerror(errno));
	return false;
}

/* Backwards: a source may end itself while it is called. */
static void worker_serve_sources(struct ktlsd_worker *worker, const struct pollfd *fds)
{
	unsigned int i = worker->source_count;

	while (i--) {
		if (fds[WORKER_FIXED + i].revents)
			worker->sources[i].ready(worker->sources[i].arg);
	}
}

static void worker_wake_session(void *arg, uint64_t id)
{
	struct ktlsd_worker *worker = arg;

	ktlsd_sessions_wake(&worker->sessions, id);
}

static void worker_receive_signer(void *arg)
{
	struct ktlsd_worker *worker = arg;

	ktlsd_signer_channel_receive(&worker->signer);
	if (worker->signer.dead)
		ktlsd_worker_unwatch(worker, worker->signer.fd);
}

static void worker_open_signer(struct ktlsd_worker *worker)
{
	if (worker->signer_fd < 0) {
		ktlsd_signer_channel_adopt(&worker->signer);
		return;
	}
	ktlsd_signer_channel_open(&worker->signer, worker->signer_fd, worker_wake_session,
				  worker);
	worker->signer.metrics = &worker->sessions.metrics;
	ktlsd_worker_watch(worker, worker->signer_fd, worker_receive_signer, worker);
	worker->signer_fd = -1;
}

/* If the signer has ended, those who wait for it learn why they fail. */
static void worker_close_signer(struct ktlsd_worker *worker)
{
	if (worker->signer.wake)
		ktlsd_signer_channel_receive(&worker->signer);
	while (worker->signer.dead && worker->state == KTLSD_WORKER_SERVING &&
	       ktlsd_sessions_work(&worker->sessions))
		;
	ktlsd_registration_end(worker, 0);
	ktlsd_signer_channel_close(&worker->signer);
}

/* Before the exit: handshakes that have begun are finished, and the kernel keeps new ones
 * for the ktlsd that comes next. An older module does not; then they are finished, too.
 * Return: whether something is still to be done.
 */
static bool worker_finishes(struct ktlsd_worker *worker)
{
	int64_t now = ktlsd_clock_ms();

	if (worker->state != KTLSD_WORKER_SERVING || worker->signer.dead)
		return false;
	if (!worker->retired_at) {
		worker->retired_at = now;
		ktlsd_registration_retire(worker);
	}
	return now - worker->retired_at < (worker->sessions.count ? KTLSD_WORKER_FINISH_MS :
					   KTLSD_WORKER_LATE_MS);
}

static void worker_run(void *arg)
{
	struct pollfd fds[WORKER_FIXED + KTLSD_WORKER_SOURCES];
	struct ktlsd_worker *worker = arg;
	uint64_t wakes;

	worker_open_signer(worker);
	while (!worker->shared->stop || worker_finishes(worker)) {
		atomic_fetch_add(&worker->turns, 1);
		ktlsd_log_flush(&worker->sessions.limit, false);
		ktlsd_registration_check_time(worker);
		ktlsd_sessions_measure(&worker->sessions);
		if (worker->memory.idle)
			ktlsd_cache_rest(&worker->shared->cache);
		if (ktlsd_memory_pass(&worker->memory, &worker->relay))
			return;
		if (!worker_poll(worker, fds)) {
			ktlsd_registration_back_off(worker);
			continue;
		}
		if (fds[WORKER_WAKE].revents &&
		    read(worker->wake_fd, &wakes, sizeof(wakes)) < 0)
			continue;
		worker_take_config(worker);
		if (fds[WORKER_NLCTRL].revents)
			ktlsd_registration_receive_nlctrl(worker);
		worker_serve_sources(worker, fds);
		if (worker->state != KTLSD_WORKER_DOWN)
			worker_serve(worker, fds[WORKER_GENL].revents);
	}
	worker_close_signer(worker);
	ktlsd_log_flush(&worker->sessions.limit, true);
	ktlsd_pause_flush();
}

static void worker_take_answers(void *arg)
{
	struct ktlsd_worker *worker = arg;

	if (!ktlsd_responders_deliver(&worker->inbox, worker_wake_session, worker))
		ktlsd_sessions_wake_all(&worker->sessions);
}

/* Lets sessions ask OCSP responders. */
static int worker_open_inbox(struct ktlsd_worker *worker)
{
	int err;

	if (!worker->shared->responders.path)
		return 0;
	err = ktlsd_responders_open_inbox(&worker->shared->responders, &worker->inbox);
	if (err)
		return err;
	worker->sessions.asker = &worker->inbox.asker;
	return ktlsd_worker_watch(worker, worker->inbox.fd, worker_take_answers, worker);
}

static void worker_release(struct ktlsd_worker *worker)
{
	ktlsd_genl_close(&worker->nlctrl);
	if (worker->signer_fd >= 0)
		close(worker->signer_fd);
	if (worker->wake_fd >= 0)
		close(worker->wake_fd);
	if (worker->sessions.buckets)
		ktlsd_sessions_free(&worker->sessions);
	ktlsd_responders_close_inbox(&worker->inbox);
	free(worker->rx);
}

int ktlsd_worker_start(struct ktlsd_worker *worker, unsigned int index,
		       struct ktlsd_shared *shared)
{
	int err;

	memset(worker, 0, sizeof(*worker));
	worker->index = index;
	worker->shared = shared;
	worker->generation = shared->generation;
	worker->genl.fd = -1;
	worker->nlctrl.fd = -1;
	worker->signer_fd = -1;
	worker->backoff = KTLSD_WORKER_BACKOFF_MIN;
	worker->pending_tail = &worker->pending;
	worker->rx = malloc(KTLSD_GENL_RX_SIZE);
	worker->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = !worker->rx ? -ENOMEM : worker->wake_fd < 0 ? -errno : 0;
	if (!err)
		err = ktlsd_sessions_init(&worker->sessions, shared->config,
					  worker_send, worker);
	if (!err) {
		worker->sessions.cache = &shared->cache;
		worker->sessions.ticket_keys = &shared->ticket_keys;
		worker->sessions.pool = &shared->pool;
		worker->sessions.quota = &shared->quota;
		worker_set_limits(worker, shared->config);
		err = ktlsd_genl_open(&worker->nlctrl, 65536);
	}
	if (!err)
		err = worker_open_inbox(worker);
	if (!err)
		err = ktlsd_genl_subscribe(&worker->nlctrl);
	if (!err && ktlsd_signer_fd() >= 0) {
		worker->signer_fd = ktlsd_signer_open_channel();
		err = worker->signer_fd < 0 ? worker->signer_fd : 0;
	}
	if (!err)
		err = ktlsd_relay_start(&worker->relay, worker_run, worker);
	if (err)
		worker_release(worker);
	return err;
}

void ktlsd_worker_wake(struct ktlsd_worker *worker)
{
	uint64_t one = 1;

	/* This fails only if the counter is full: then the worker is awake already. */
	if (write(worker->wake_fd, &one, sizeof(one)) < 0)
		return;
}

void ktlsd_worker_join(struct ktlsd_worker *worker)
{
	ktlsd_relay_join(&worker->relay);
	worker_release(worker);
}
