// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "signer/queue.h"

static struct ktlsd_signer_request *queue_from_place(struct ktlsd_place *place)
{
	return (struct ktlsd_signer_request *)((char *)place -
					       offsetof(struct ktlsd_signer_request, place));
}

void ktlsd_signer_request_free(struct ktlsd_signer_request *request)
{
	/* It may be a private key. */
	explicit_bzero(request->data, request->len);
	free(request);
}

void ktlsd_signer_queue_init(struct ktlsd_signer_queue *queue)
{
	memset(queue, 0, sizeof(*queue));
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->more, NULL);
	ktlsd_shares_init(&queue->shares);
	TAILQ_INIT(&queue->all);
}

static void queue_remove(struct ktlsd_signer_queue *queue, struct ktlsd_signer_request *request)
{
	ktlsd_shares_del(&queue->shares, &request->place);
	TAILQ_REMOVE(&queue->all, request, next);
	queue->count--;
	queue->bytes -= sizeof(*request) + request->len;
}

void ktlsd_signer_queue_free(struct ktlsd_signer_queue *queue)
{
	struct ktlsd_signer_request *request;

	while ((request = TAILQ_FIRST(&queue->all))) {
		queue_remove(queue, request);
		ktlsd_signer_request_free(request);
	}
	ktlsd_shares_free(&queue->shares);
	pthread_cond_destroy(&queue->more);
	pthread_mutex_destroy(&queue->lock);
}

static struct ktlsd_signer_request *queue_new_request(const struct ktlsd_signer_head *head,
						      const uint8_t *data, size_t len)
{
	struct ktlsd_signer_request *request = calloc(1, sizeof(*request) + len);

	if (!request)
		return NULL;
	request->head = *head;
	request->len = len;
	memcpy(request->data, data, len);
	return request;
}

static int queue_insert(struct ktlsd_signer_queue *queue, struct ktlsd_signer_request *request)
{
	if (ktlsd_shares_add(&queue->shares, &request->place, request->head.uid,
			     &request->head.source))
		return -ENOBUFS;
	TAILQ_INSERT_TAIL(&queue->all, request, next);
	queue->count++;
	queue->bytes += sizeof(*request) + request->len;
	ktlsd_shares_ready(&queue->shares, &request->place);
	pthread_cond_signal(&queue->more);
	return 0;
}

/* Return: 0; -EAGAIN with the request, taken off the queue, that makes room for that of @head; or
 * -ENOBUFS.
 */
static int queue_make_room(struct ktlsd_signer_queue *queue, size_t len,
			   const struct ktlsd_signer_head *head,
			   struct ktlsd_signer_request **ret_victim)
{
	struct ktlsd_place *place;

	if (queue->count < KTLSD_SIGNER_QUEUE_MAX &&
	    queue->bytes + sizeof(**ret_victim) + len <= KTLSD_SIGNER_QUEUE_BYTES)
		return 0;
	place = ktlsd_shares_victim(&queue->shares, head->uid, &head->source);
	if (!place)
		return -ENOBUFS;
	*ret_victim = queue_from_place(place);
	queue_remove(queue, *ret_victim);
	return -EAGAIN;
}

int ktlsd_signer_queue_add(struct ktlsd_signer_queue *queue,
			   const struct ktlsd_signer_head *head, const uint8_t *data, size_t len,
			   struct ktlsd_signer_request **ret_victim)
{
	struct ktlsd_signer_request *request = NULL;
	int err;

	pthread_mutex_lock(&queue->lock);
	err = queue_make_room(queue, len, head, ret_victim);
	if (!err) {
		request = queue_new_request(head, data, len);
		err = request ? queue_insert(queue, request) : -ENOBUFS;
	}
	pthread_mutex_unlock(&queue->lock);
	if (err && request)
		ktlsd_signer_request_free(request);
	return err;
}

void ktlsd_signer_queue_cancel(struct ktlsd_signer_queue *queue, uint32_t seq)
{
	struct ktlsd_signer_request *request;

	pthread_mutex_lock(&queue->lock);
	TAILQ_FOREACH(request, &queue->all, next) {
		if (request->head.seq == seq)
			break;
	}
	if (request)
		queue_remove(queue, request);
	pthread_mutex_unlock(&queue->lock);
	if (request)
		ktlsd_signer_request_free(request);
}

struct ktlsd_signer_request *ktlsd_signer_queue_take(struct ktlsd_signer_queue *queue, bool wait)
{
	struct ktlsd_signer_request *request = NULL;
	struct ktlsd_place *place;

	pthread_mutex_lock(&queue->lock);
	while (wait && !queue->closed && TAILQ_EMPTY(&queue->all))
		pthread_cond_wait(&queue->more, &queue->lock);
	place = queue->closed ? NULL : ktlsd_shares_next(&queue->shares);
	if (place) {
		request = queue_from_place(place);
		queue_remove(queue, request);
	}
	pthread_mutex_unlock(&queue->lock);
	return request;
}

void ktlsd_signer_queue_charge(struct ktlsd_signer_queue *queue, int64_t us)
{
	pthread_mutex_lock(&queue->lock);
	ktlsd_shares_charge(&queue->shares, us);
	pthread_mutex_unlock(&queue->lock);
}

bool ktlsd_signer_queue_pending(struct ktlsd_signer_queue *queue)
{
	bool pending;

	pthread_mutex_lock(&queue->lock);
	pending = ktlsd_shares_pending(&queue->shares);
	pthread_mutex_unlock(&queue->lock);
	return pending;
}

void ktlsd_signer_queue_close(struct ktlsd_signer_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->closed = true;
	pthread_cond_signal(&queue->more);
	pthread_mutex_unlock(&queue->lock);
}
