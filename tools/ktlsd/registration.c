// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "registration.h"
#include "tls/suites.h"
#include "worker.h"

void ktlsd_registration_notify_main(struct ktlsd_worker *worker)
{
	uint64_t one = 1;

	if (write(worker->shared->changed_fd, &one, sizeof(one)) < 0)
		ktlsd_log(KTLSD_LOG_WARNING, "Worker %u cannot notify the main thread: %s.",
			  worker->index, strerror(errno));
}

static void registration_report_attempt(struct ktlsd_worker *worker)
{
	if (!worker->tried)
		atomic_fetch_add(&worker->shared->tried, 1);
	worker->tried = true;
	ktlsd_registration_notify_main(worker);
}

static void registration_free_pending(struct ktlsd_worker *worker)
{
	struct ktlsd_pending *pending;

	while ((pending = worker->pending)) {
		worker->pending = pending->next;
		free(pending);
	}
	worker->pending_tail = &worker->pending;
}

void ktlsd_registration_end(struct ktlsd_worker *worker, int wait)
{
	if (worker->state == KTLSD_WORKER_SERVING)
		atomic_fetch_sub(&worker->shared->serving, 1);
	worker->state = KTLSD_WORKER_DOWN;
	worker->retry_at = ktlsd_clock_ms() + wait;
	ktlsd_sessions_clear(&worker->sessions);
	registration_free_pending(worker);
	ktlsd_genl_close(&worker->genl);
	registration_report_attempt(worker);
}

void ktlsd_registration_back_off(struct ktlsd_worker *worker)
{
	ktlsd_registration_end(worker, worker->backoff);
	worker->backoff *= 2;
	if (worker->backoff > KTLSD_WORKER_BACKOFF_MAX)
		worker->backoff = KTLSD_WORKER_BACKOFF_MAX;
}

void ktlsd_registration_log_failure(struct ktlsd_worker *worker, int error,
				    const char *text)
{
	const char *advice = "";

	if (worker->logged_error == error)
		return;
	worker->logged_error = error;
	worker->shared->trouble = error;
	if (error == -ENOENT)
		advice = ": the module ktls is not loaded (modprobe ktls); waiting for it";
	else if (error == -EPERM || error == -EACCES)
		advice = ": ktlsd needs CAP_NET_ADMIN, and the user that served first in this network namespace (helper_uid in ktls(7))";
	ktlsd_log(KTLSD_LOG_WARNING, "Worker %u cannot register: %s%s%s%s.",
		  worker->index, strerror(-error), text[0] ? ": " : "", text,
		  advice);
}

/* Opens the socket and sends REGISTER. Return: 0 or a negative errno. */
static int registration_connect(struct ktlsd_worker *worker)
{
	char buffer[256] __attribute__((aligned(8)));
	struct ktlsd_message message;
	uint32_t credit;
	int err;

	err = ktlsd_genl_open(&worker->genl, KTLSD_WORKER_RCVBUF);
	if (!err)
		err = ktlsd_genl_allow_loss(&worker->genl);
	if (err)
		return err;
	/* Do not load the module: somebody may just have removed it. */
	err = ktlsd_genl_resolve(&worker->genl, KTLS_GENL_NAME, false);
	if (err)
		return err;

	credit = ktlsd_genl_credit(worker->genl.rcvbuf);
	worker->sessions.family = worker->genl.family;
	worker->register_seq = ++worker->sessions.seq;
	ktlsd_message_begin(&message, buffer, sizeof(buffer),
			    worker->genl.family, KTLS_CMD_REGISTER,
			    worker->register_seq);
	ktlsd_message_put_u32(&message, KTLS_A_PROTOCOL, KTLS_GENL_VERSION);
	ktlsd_message_put_u32(&message, KTLS_A_CREDIT, credit);
	ktlsd_log(KTLSD_LOG_DEBUG,
		  "Worker %u registers with a credit of %u (receive buffer %zu bytes).",
		  worker->index, credit, worker->genl.rcvbuf);
	return ktlsd_genl_send(&worker->genl, &message);
}

void ktlsd_registration_retire(struct ktlsd_worker *worker)
{
	char buffer[256] __attribute__((aligned(8)));
	struct ktlsd_message message;

	worker->register_seq = ++worker->sessions.seq;
	ktlsd_message_begin(&message, buffer, sizeof(buffer), worker->genl.family,
			    KTLS_CMD_REGISTER, worker->register_seq);
	ktlsd_message_put_u32(&message, KTLS_A_PROTOCOL, KTLS_GENL_VERSION);
	ktlsd_message_put_u32(&message, KTLS_A_CREDIT, 0);
	if (ktlsd_genl_send(&worker->genl, &message))
		ktlsd_log(KTLSD_LOG_DEBUG, "Worker %u cannot retire.", worker->index);
}

static void registration_try(struct ktlsd_worker *worker)
{
	int err = registration_connect(worker);

	if (err) {
		ktlsd_registration_log_failure(worker, err, "");
		ktlsd_registration_back_off(worker);
		return;
	}
	worker->state = KTLSD_WORKER_REGISTERING;
	worker->retry_at = ktlsd_clock_ms() + KTLSD_WORKER_REGISTER_MS;
}

int ktlsd_registration_postpone(struct ktlsd_worker *worker, const struct nlmsghdr *nlh)
{
	struct ktlsd_pending *pending;

	pending = malloc(sizeof(*pending) + nlh->nlmsg_len);
	if (!pending)
		return -ENOMEM;
	pending->next = NULL;
	memcpy(pending->data, nlh, nlh->nlmsg_len);
	*worker->pending_tail = pending;
	worker->pending_tail = &pending->next;
	return 0;
}

int ktlsd_registration_answered(struct ktlsd_worker *worker, const struct ktlsd_event *event)
{
	uint16_t ids[256];
	const void *bytes;
	size_t len;

	bytes = ktlsd_message_bytes(event, KTLS_A_SUITES, &len);
	if (len > sizeof(ids))
		return -EBADMSG;
	if (len)
		memcpy(ids, bytes, len);
	worker->sessions.suites = ktlsd_suites_mask(ids, len / sizeof(*ids));
	if (!worker->sessions.suites)
		ktlsd_log(KTLSD_LOG_ERROR,
			  "The kernel supports none of the cipher suites that ktlsd knows: check that its AEAD modules (aes, gcm, chacha20poly1305) are installed.");
	worker->state = KTLSD_WORKER_SERVING;
	worker->backoff = KTLSD_WORKER_BACKOFF_MIN;
	worker->logged_error = 0;
	atomic_fetch_add(&worker->shared->serving, 1);
	ktlsd_log(KTLSD_LOG_INFO, "Worker %u serves: %d cipher suites.",
		  worker->index, __builtin_popcount(worker->sessions.suites));
	registration_report_attempt(worker);
	return 0;
}

static int registration_handle_nlctrl(const struct nlmsghdr *nlh, void *arg)
{
	struct ktlsd_worker *worker = arg;
	uint8_t cmd;

	if (!ktlsd_genl_is_family_event(nlh, KTLS_GENL_NAME, &cmd))
		return 0;
	if (cmd == CTRL_CMD_DELFAMILY && worker->state != KTLSD_WORKER_DOWN) {
		ktlsd_log(KTLSD_LOG_INFO,
			  "Worker %u: the module ktls was removed; waiting until it is loaded again.",
			  worker->index);
		worker->shared->trouble = -ENOENT;
		ktlsd_registration_end(worker, KTLSD_WORKER_BACKOFF_MAX);
		worker->logged_error = -ENOENT;
	}
	if (cmd == CTRL_CMD_NEWFAMILY && worker->state == KTLSD_WORKER_DOWN) {
		worker->retry_at = 0;
		worker->backoff = KTLSD_WORKER_BACKOFF_MIN;
	}
	return 0;
}

void ktlsd_registration_receive_nlctrl(struct ktlsd_worker *worker)
{
	int err;

	do {
		err = ktlsd_genl_receive(&worker->nlctrl, worker->rx,
					 registration_handle_nlctrl, worker);
	} while (!err);
	/* The lost message may have been about the module. */
	if (err == -ENOBUFS && worker->state == KTLSD_WORKER_DOWN)
		worker->retry_at = 0;
}

void ktlsd_registration_check_time(struct ktlsd_worker *worker)
{
	if (worker->state == KTLSD_WORKER_SERVING ||
	    ktlsd_clock_ms() < worker->retry_at)
		return;
	if (worker->state == KTLSD_WORKER_DOWN) {
		registration_try(worker);
		return;
	}
	ktlsd_registration_log_failure(worker, -ETIMEDOUT, "the kernel does not answer");
	ktlsd_registration_back_off(worker);
}
