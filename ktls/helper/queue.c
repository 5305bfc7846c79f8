// SPDX-License-Identifier: GPL-2.0
/* Fair queueing of requests that wait for a port with credit.
 *
 * There are three levels of round robin: among the uids that have requests waiting,
 * among the listeners of a uid (all its clients together count as one), and among the
 * sources that the peers of a listener come from. Requests of one source are served
 * in the order they came. A flood from one source or on one listener, or a user with
 * many of them, delays the others by at most one request each. A struct ktls_flow is
 * one uid, listener or source. It is found by a hash, made with its first request and
 * freed with its last.
 */
#include <linux/hash.h>
#include <linux/slab.h>

#include "helper/queue.h"

enum queue_limits {
	QUEUE_MAX		= 16384,	/* requests that wait, per namespace */
	QUEUE_PER_UID		= 4096,		/* of those */
	QUEUE_GUARANTEED	= 16,		/* that each uid may have in any case */
};

/**
 * struct ktls_flow - a uid, a listener or a source
 *
 * All under the lock of the queue.
 *
 * @hash: on ktls_queue.flows
 * @node: among the flows of its level
 * @members: the flows of the next level; of a source: entries
 * @parent: the flow of the level above, or NULL
 * @name: unique among the flows of its parent
 * @waiting: entries, here and below
 */
struct ktls_flow {
	struct hlist_node	hash;
	struct list_head	node;
	struct list_head	members;
	struct ktls_flow	*parent;
	u64			name;
	unsigned int		waiting;
};

/**
 * ktls_queue_init - an empty queue
 * @queue: not visible to anyone yet
 * @lock: what will protect it
 */
void ktls_queue_init(struct ktls_queue *queue, spinlock_t *lock)
{
	queue->lock = lock;
	INIT_LIST_HEAD(&queue->uids);
	hash_init(queue->flows);
	queue->waiting = 0;
}

static struct ktls_flow *queue_find(struct ktls_queue *queue, struct ktls_flow *parent,
				    u64 name, u32 key)
{
	struct ktls_flow *flow;

	hash_for_each_possible(queue->flows, flow, hash, key)
		if (flow->parent == parent && flow->name == name)
			return flow;
	return NULL;
}

static struct ktls_flow *queue_flow(struct ktls_queue *queue, struct ktls_flow *parent,
				    u64 name)
{
	u32 key = hash_ptr(parent, 32) ^ hash_64(name, 32);
	struct ktls_flow *flow;

	flow = queue_find(queue, parent, name, key);
	if (flow)
		return flow;
	flow = kzalloc(sizeof(*flow), GFP_ATOMIC | __GFP_ACCOUNT);
	if (!flow)
		return NULL;
	INIT_LIST_HEAD(&flow->members);
	flow->parent = parent;
	flow->name = name;
	hash_add(queue->flows, &flow->hash, key);
	list_add_tail(&flow->node, parent ? &parent->members : &queue->uids);
	return flow;
}

/* Frees a flow that has become empty, and those above it likewise. */
static void queue_trim(struct ktls_flow *flow)
{
	struct ktls_flow *parent;

	while (flow && list_empty(&flow->members)) {
		parent = flow->parent;
		hash_del(&flow->hash);
		list_del(&flow->node);
		kfree(flow);
		flow = parent;
	}
}

static void queue_count(struct ktls_queue *queue, struct ktls_flow *flow, int n)
{
	queue->waiting += n;
	for (; flow; flow = flow->parent)
		flow->waiting += n;
}

/* There is a limit for all uids together, but each uid may always have a few. */
static bool queue_is_full(const struct ktls_queue *queue, const struct ktls_flow *uid)
{
	return uid->waiting >= QUEUE_PER_UID ||
	       (queue->waiting >= QUEUE_MAX &&
		uid->waiting >= QUEUE_GUARANTEED);
}

/**
 * ktls_queue_add - add an entry at the end of its flow
 * @queue: the queue
 * @entry: does not wait
 *
 * Context: the lock of the queue held.
 * Return: 0, -ENOBUFS when too many wait, -ENOMEM.
 */
int ktls_queue_add(struct ktls_queue *queue, struct ktls_queue_entry *entry)
{
	struct ktls_flow *flow = NULL, *below;
	unsigned int level;
	int err = -ENOMEM;

	lockdep_assert_held(queue->lock);
	for (level = 0; level < KTLS_QUEUE_LEVELS; level++) {
		below = queue_flow(queue, flow, entry->name[level]);
		if (!below)
			goto trim;
		flow = below;
		if (!level && queue_is_full(queue, flow)) {
			err = -ENOBUFS;
			goto trim;
		}
	}
	list_add_tail(&entry->node, &flow->members);
	entry->flow = flow;
	queue_count(queue, flow, 1);
	return 0;

trim:
	queue_trim(flow);
	return err;
}

/**
 * ktls_queue_del - remove an entry
 * @queue: the queue
 * @entry: waits
 *
 * Context: the lock of the queue held.
 */
void ktls_queue_del(struct ktls_queue *queue, struct ktls_queue_entry *entry)
{
	lockdep_assert_held(queue->lock);
	list_del_init(&entry->node);
	queue_count(queue, entry->flow, -1);
	queue_trim(entry->flow);
	entry->flow = NULL;
}

/**
 * ktls_queue_next - take the entry whose turn it is
 * @queue: the queue
 *
 * Context: the lock of the queue held.
 * Return: the entry, which does not wait any more, or NULL: none waits.
 */
struct ktls_queue_entry *ktls_queue_next(struct ktls_queue *queue)
{
	struct list_head *ring = &queue->uids;
	struct ktls_queue_entry *entry;
	struct ktls_flow *flow;
	unsigned int level;

	lockdep_assert_held(queue->lock);
	if (list_empty(ring))
		return NULL;
	/* A flow that is served goes to the end. */
	for (level = 0; level < KTLS_QUEUE_LEVELS; level++) {
		flow = list_first_entry(ring, struct ktls_flow, node);
		list_move_tail(&flow->node, ring);
		ring = &flow->members;
	}
	entry = list_first_entry(ring, struct ktls_queue_entry, node);
	ktls_queue_del(queue, entry);
	return entry;
}
