// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fetching.h"
#include "lib/log.h"
#include "ktls-fetch/http.h"
#include "ktls-fetch/serve.h"

/**
 * struct serve_client - a connection of ktlsd
 * @fd: its socket, -1 for none
 * @refs: fetches under way, and the main thread unless it is @gone
 * @gone: nothing more is received
 */
struct serve_client {
	int		fd;
	unsigned int	refs;
	bool		gone;
};

/**
 * struct serve_job - a fetch
 * @client: who asked; a reference
 * @header: of the request
 * @is_over: the host is not asked any more, only the answer is on its way; serve_lock
 * @url: NUL-terminated
 * @body: the request
 */
struct serve_job {
	struct serve_client		*client;
	bool				is_over;
	struct ktls_fetch_request	header;
	char				url[KTLS_FETCH_URL_MAX + 1];
	uint8_t				body[KTLS_FETCH_BODY_MAX];
};

static pthread_mutex_t serve_lock = PTHREAD_MUTEX_INITIALIZER;
static struct serve_client serve_clients[KTLS_FETCH_CLIENTS];	/* serve_lock */
static struct serve_job *serve_jobs[KTLS_FETCH_THREADS];	/* serve_lock */

/* The last one closes the socket: no other may get its number before. */
static void serve_put_client(struct serve_client *client)
{
	if (--client->refs)
		return;
	close(client->fd);
	client->fd = -1;
}

/* Sends one message, or several. */
static void serve_answer(const struct serve_client *client, uint64_t id, int error,
			 const void *data, size_t len)
{
	struct ktls_fetch_answer answer = { .id = id, .error = error };
	struct iovec parts[] = { { &answer, sizeof(answer) }, { (void *)data, 0 } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

	do {
		parts[1].iov_len = len < KTLS_FETCH_ANSWER_MAX ? len : KTLS_FETCH_ANSWER_MAX;
		len -= parts[1].iov_len;
		answer.len = (uint32_t)parts[1].iov_len;
		answer.left = (uint32_t)len;
		if (sendmsg(client->fd, &message, MSG_NOSIGNAL) < 0) {
			/* EPIPE: it does not wait for the answer any more. */
			if (errno != EPIPE)
				ktlsd_log(KTLSD_LOG_WARNING, "Cannot answer ktlsd: %s.",
					  strerror(errno));
			return;
		}
		parts[1].iov_base = (uint8_t *)parts[1].iov_base + parts[1].iov_len;
	} while (len);
}

/* Takes a place for the job. Return: NULL, or why there is none. */
static const char *serve_take_place(struct serve_job *job)
{
	unsigned int i, place = KTLS_FETCH_THREADS, same = 0, crls = 0;

	for (i = 0; i < KTLS_FETCH_THREADS; i++) {
		if (!serve_jobs[i]) {
			place = i;
			continue;
		}
		crls += !serve_jobs[i]->header.body_len;
		same += !serve_jobs[i]->is_over &&
			ktlsd_fetching_is_same_host(serve_jobs[i]->url, job->url);
	}
	if (place == KTLS_FETCH_THREADS ||
	    (!job->header.body_len && crls >= KTLS_FETCH_CRLS))
		return "ktls-fetch has too much to do";
	if (same >= KTLS_FETCH_PER_HOST)
		return "ktls-fetch has asked this host too often already, and waits for it";
	serve_jobs[place] = job;
	job->client->refs++;
	return NULL;
}

static void serve_give_place(struct serve_job *job)
{
	unsigned int i;

	pthread_mutex_lock(&serve_lock);
	for (i = 0; i < KTLS_FETCH_THREADS; i++) {
		if (serve_jobs[i] == job)
			serve_jobs[i] = NULL;
	}
	serve_put_client(job->client);
	pthread_mutex_unlock(&serve_lock);
}

/* Before the answer: who has that may ask the same host again at once. */
static void serve_leave_host(struct serve_job *job)
{
	pthread_mutex_lock(&serve_lock);
	job->is_over = true;
	pthread_mutex_unlock(&serve_lock);
}

static void *serve_fetch(void *arg)
{
	struct serve_job *job = arg;
	struct ktlsd_buffer answer = { 0 };
	int err;

	err = ktls_fetch_http(job->url, job->body, job->header.body_len,
			      job->header.timeout_ms, &answer);
	ktlsd_log(KTLSD_LOG_DEBUG, "%s: %s%.*s", job->url, err ? "" : "answered",
		  err ? (int)answer.len : 0, err ? (char *)answer.data : "");
	serve_leave_host(job);
	serve_answer(job->client, job->header.id, err, answer.data, answer.len);
	serve_give_place(job);
	ktlsd_buffer_free(&answer);
	free(job);
	return NULL;
}

static void serve_start(struct serve_client *client, struct serve_job *job)
{
	const char *why;
	pthread_attr_t attr;
	pthread_t thread;

	pthread_mutex_lock(&serve_lock);
	job->client = client;
	why = serve_take_place(job);
	pthread_mutex_unlock(&serve_lock);
	if (why) {
		serve_answer(client, job->header.id, -EBUSY, why, strlen(why));
		free(job);
		return;
	}
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attr, serve_fetch, job)) {
		why = "ktls-fetch cannot start a thread";
		serve_answer(client, job->header.id, -EAGAIN, why, strlen(why));
		serve_give_place(job);
		free(job);
	}
	pthread_attr_destroy(&attr);
}

/* Return: the request in a message, or NULL if it is malformed. */
static struct serve_job *serve_parse(const uint8_t *message, size_t len)
{
	struct serve_job *job = calloc(1, sizeof(*job));
	struct ktls_fetch_request *header;

	if (!job)
		return NULL;
	header = &job->header;
	if (len >= sizeof(*header))
		memcpy(header, message, sizeof(*header));
	if (len < sizeof(*header) || header->url_len > KTLS_FETCH_URL_MAX ||
	    header->body_len > KTLS_FETCH_BODY_MAX ||
	    len != sizeof(*header) + header->url_len + header->body_len) {
		free(job);
		return NULL;
	}
	if (header->timeout_ms > KTLS_FETCH_TIMEOUT_MAX)
		header->timeout_ms = KTLS_FETCH_TIMEOUT_MAX;
	memcpy(job->url, message + sizeof(*header), header->url_len);
	memcpy(job->body, message + sizeof(*header) + header->url_len, header->body_len);
	return job;
}

static void serve_receive(struct serve_client *client)
{
	uint8_t message[sizeof(struct ktls_fetch_request) + KTLS_FETCH_URL_MAX +
			KTLS_FETCH_BODY_MAX];
	struct serve_job *job = NULL;
	ssize_t len;

	len = recv(client->fd, message, sizeof(message), MSG_TRUNC);
	if (len > 0 && (size_t)len <= sizeof(message))
		job = serve_parse(message, (size_t)len);
	if (job) {
		serve_start(client, job);
		return;
	}
	/* Fetches under way may still answer; then it is closed. */
	pthread_mutex_lock(&serve_lock);
	shutdown(client->fd, SHUT_RDWR);
	client->gone = true;
	serve_put_client(client);
	pthread_mutex_unlock(&serve_lock);
}

static void serve_accept(int fd)
{
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	unsigned int i;

	if (peer < 0)
		return;
	pthread_mutex_lock(&serve_lock);
	for (i = 0; i < KTLS_FETCH_CLIENTS && serve_clients[i].refs; i++)
		;
	if (i < KTLS_FETCH_CLIENTS) {
		serve_clients[i].fd = peer;
		serve_clients[i].refs = 1;
		serve_clients[i].gone = false;
	}
	pthread_mutex_unlock(&serve_lock);
	if (i == KTLS_FETCH_CLIENTS)
		close(peer);
}

/* Fills @fds: the listening socket, and those of the clients. */
static void serve_prepare_poll(struct pollfd *fds, int fd)
{
	unsigned int i;

	fds[0] = (struct pollfd) { .fd = fd, .events = POLLIN };
	pthread_mutex_lock(&serve_lock);
	for (i = 0; i < KTLS_FETCH_CLIENTS; i++)
		fds[i + 1] = (struct pollfd) {
			.fd = serve_clients[i].refs && !serve_clients[i].gone ?
			      serve_clients[i].fd : -1,
			.events = POLLIN,
		};
	pthread_mutex_unlock(&serve_lock);
}

int ktls_fetch_serve(int fd)
{
	struct pollfd fds[KTLS_FETCH_CLIENTS + 1];
	unsigned int i;

	for (;;) {
		serve_prepare_poll(fds, fd);
		if (poll(fds, KTLS_FETCH_CLIENTS + 1, -1) < 0 && errno != EINTR)
			return -errno;
		for (i = 0; i < KTLS_FETCH_CLIENTS; i++) {
			if (fds[i + 1].fd >= 0 && fds[i + 1].revents)
				serve_receive(&serve_clients[i]);
		}
		if (fds[0].revents)
			serve_accept(fd);
	}
}
