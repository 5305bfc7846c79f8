/* SPDX-License-Identifier: GPL-2.0 */
/* Requests that wait for a port with credit, or for their source to be allowed another. */
#ifndef _KTLS_HELPER_QUEUE_H
#define _KTLS_HELPER_QUEUE_H

#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/timerqueue.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "helper/pace.h"

struct ktls_flow;

/* A uid's requests, those of one of its listeners, those from one source there. */
#define KTLS_QUEUE_LEVELS	KTLS_PACE_NAMES

/**
 * struct ktls_queue - requests that wait, in turns
 * @lock: ktls_net.lock; protects all of it
 * @uids: flows of the first level with an entry that may be served, one per uid; the next
 *	to be served first
 * @flows: flows of all levels, see queue.c
 * @asleep: sources whose first entry has to wait for its time, the earliest first
 * @wake: runs when the first of them may be served
 * @pace: how long entries wait; NULL: not at all
 * @waiting: entries
 */
struct ktls_queue {
	spinlock_t		*lock;	/* ktls_net.lock */
	struct list_head	uids;
	DECLARE_HASHTABLE(flows, 10);
	struct timerqueue_head	asleep;
	struct delayed_work	wake;
	struct ktls_pace	*pace;
	unsigned int		waiting;
};

/**
 * struct ktls_queue_entry - a request as the queue sees it
 *
 * @name: its flow on each level; constant
 * @paced: what it asks for is counted and delayed by @pace; constant
 *
 * Under the lock of the queue:
 * @node: on its flow
 * @flow: NULL: it does not wait
 * @due: not to be served before; 0: it never waited
 */
struct ktls_queue_entry {
	u64			name[KTLS_QUEUE_LEVELS];
	struct list_head	node;
	struct ktls_flow	*flow;
	ktime_t			due;
	bool			paced;
};

void ktls_queue_init(struct ktls_queue *queue, spinlock_t *lock, work_func_t wake);
int ktls_queue_add(struct ktls_queue *queue, struct ktls_queue_entry *entry);
void ktls_queue_del(struct ktls_queue *queue, struct ktls_queue_entry *entry);
bool ktls_queue_is_ready(struct ktls_queue *queue);
void ktls_queue_hurry(struct ktls_queue *queue);
struct ktls_queue_entry *ktls_queue_next(struct ktls_queue *queue);

#endif /* _KTLS_HELPER_QUEUE_H */
