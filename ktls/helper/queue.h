/* SPDX-License-Identifier: GPL-2.0 */
/* Requests that wait for a port with credit. */
#ifndef _KTLS_HELPER_QUEUE_H
#define _KTLS_HELPER_QUEUE_H

#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct ktls_flow;

/* A uid's requests, those of one of its listeners, those from one source there. */
#define KTLS_QUEUE_LEVELS	3

/**
 * struct ktls_queue - requests that wait, in turns
 * @lock: ktls_net.lock; protects all of it
 * @uids: flows of the first level, one per uid; the next to be served first
 * @flows: flows of all levels, see queue.c
 * @waiting: entries
 */
struct ktls_queue {
	spinlock_t		*lock;	/* ktls_net.lock */
	struct list_head	uids;
	DECLARE_HASHTABLE(flows, 10);
	unsigned int		waiting;
};

/**
 * struct ktls_queue_entry - a request as the queue sees it
 *
 * @name: its flow on each level; constant
 *
 * Under the lock of the queue:
 * @node: on its flow
 * @flow: NULL: it does not wait
 */
struct ktls_queue_entry {
	u64			name[KTLS_QUEUE_LEVELS];
	struct list_head	node;
	struct ktls_flow	*flow;
};

void ktls_queue_init(struct ktls_queue *queue, spinlock_t *lock);
int ktls_queue_add(struct ktls_queue *queue, struct ktls_queue_entry *entry);
void ktls_queue_del(struct ktls_queue *queue, struct ktls_queue_entry *entry);
struct ktls_queue_entry *ktls_queue_next(struct ktls_queue *queue);

#endif /* _KTLS_HELPER_QUEUE_H */
