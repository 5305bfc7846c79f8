/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests of a worker that wait in the signer, in the order of shares.h. One thread adds and
 * cancels them, another or the same one takes them: a request has left the queue before its
 * work begins.
 */
#ifndef KTLSD_SIGNER_QUEUE_H
#define KTLSD_SIGNER_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shares.h"
#include "signer/protocol.h"

enum {
	KTLSD_SIGNER_QUEUE_BYTES	= 8 << 20,	/* of the requests that wait */
	KTLSD_SIGNER_QUEUE_MAX		= 8192,		/* such requests */
};

/**
 * struct ktlsd_signer_request - a request that waits, or is worked on
 * @next: in the list of all that wait
 * @place: whose turn it is
 * @head: of the message
 * @len: bytes after it
 * @data: those bytes
 */
struct ktlsd_signer_request {
	TAILQ_ENTRY(ktlsd_signer_request)	next;
	struct ktlsd_place			place;
	struct ktlsd_signer_head		head;
	size_t					len;
	uint8_t					data[];
};

TAILQ_HEAD(ktlsd_signer_requests, ktlsd_signer_request);

/**
 * struct ktlsd_signer_queue - those that wait for one thread
 * @lock: protects the rest
 * @more: there is one, or there will be none
 * @shares: whose turn it is
 * @all: in the order in which they came
 * @count: how many
 * @bytes: their size
 * @closed: nobody waits for answers any more
 */
struct ktlsd_signer_queue {
	pthread_mutex_t			lock;
	pthread_cond_t			more;
	struct ktlsd_shares		shares;
	struct ktlsd_signer_requests	all;
	unsigned int			count;
	size_t				bytes;
	bool				closed;
};

void ktlsd_signer_queue_init(struct ktlsd_signer_queue *queue);

/* Frees what waits. No other thread uses the queue any more. */
void ktlsd_signer_queue_free(struct ktlsd_signer_queue *queue);

/**
 * ktlsd_signer_queue_add - let a request wait for its turn
 * @queue: for one thread
 * @head: copied
 * @data: bytes after it, copied
 * @len: how many
 * @ret_victim: set if another request has to make room: the caller answers and frees it, and
 *	tries again
 *
 * Return: 0, -EAGAIN with *@ret_victim, or -ENOBUFS: the user has to make room himself
 */
int ktlsd_signer_queue_add(struct ktlsd_signer_queue *queue,
			   const struct ktlsd_signer_head *head, const uint8_t *data, size_t len,
			   struct ktlsd_signer_request **ret_victim);

/* Drops the request @seq, unless its work has begun. */
void ktlsd_signer_queue_cancel(struct ktlsd_signer_queue *queue, uint32_t seq);

/* Return: the request whose turn it is, taken off the queue; the caller frees it. NULL for
 * none, with @wait only when the queue was closed.
 */
struct ktlsd_signer_request *ktlsd_signer_queue_take(struct ktlsd_signer_queue *queue, bool wait);

/* Charges the user of the request taken last with the processor time it took. */
void ktlsd_signer_queue_charge(struct ktlsd_signer_queue *queue, int64_t us);

/* Return: whether any request waits. */
bool ktlsd_signer_queue_pending(struct ktlsd_signer_queue *queue);

/* Whoever waits in ktlsd_signer_queue_take() gets NULL. */
void ktlsd_signer_queue_close(struct ktlsd_signer_queue *queue);

void ktlsd_signer_request_free(struct ktlsd_signer_request *request);

#endif
