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
 *
 * A request of a source that had many cancelled waits for a time that pace.c sets. Until
 * that has come for its first request a source gets no turns; it sleeps.
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
 * @node: among the flows of its level, in turns; empty if nothing here may be served yet
 * @members: those flows of the next level whose turn can come; of a source: entries
 * @parent: the flow of the level above, or NULL
 * @name: unique among the flows of its parent
 * @waiting: entries, here and below
 * @asleep: of a source: it is on ktls_queue.asleep
 * @sleep: there, with the time of its first entry
 */
struct ktls_flow {
	struct hlist_node	hash;
	struct list_head	node;
	struct list_head	members;
	struct ktls_flow	*parent;
	u64			name;
	unsigned int		waiting;
	bool			asleep;
	struct timerqueue_node	sleep;
};

/**
 * ktls_queue_init - an empty queue
 * @queue: not visible to anyone yet
 * @lock: what will protect it
 * @wake: the work that serves those who have waited for their time
 */
void ktls_queue_init(struct ktls_queue *queue, spinlock_t *lock, work_func_t wake)
{
	queue->lock = lock;
	INIT_LIST_HEAD(&queue->uids);
	hash_init(queue->flows);
	timerqueue_init_head(&queue->asleep);
	INIT_DELAYED_WORK(&queue->wake, wake);
	queue->pace = NULL;
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
	INIT_LIST_HEAD(&flow->node);
	INIT_LIST_HEAD(&flow->members);
	timerqueue_init(&flow->sleep);
	flow->parent = parent;
	flow->name = name;
	hash_add(queue->flows, &flow->hash, key);
	return flow;
}

/* A source gets its turns, and so do those above it. */
static void queue_join(struct ktls_queue *queue, struct ktls_flow *flow)
{
	for (; flow && list_empty(&flow->node); flow = flow->parent)
		list_add_tail(&flow->node, flow->parent ? &flow->parent->members : &queue->uids);
}

/* A source gets no turns any more, nor do those above it that have no other. */
static void queue_quit(struct ktls_flow *flow)
{
	do {
		list_del_init(&flow->node);
		flow = flow->parent;
	} while (flow && list_empty(&flow->members));
}

static void queue_rouse(struct ktls_queue *queue, struct ktls_flow *flow)
{
	if (flow->asleep)
		timerqueue_del(&queue->asleep, &flow->sleep);
	flow->asleep = false;
}

/* Has the work run when the first source that sleeps is to wake up. */
static void queue_arm(struct ktls_queue *queue, ktime_t now)
{
	struct timerqueue_node *next = timerqueue_getnext(&queue->asleep);
	u64 ns;

	lockdep_assert_held(queue->lock);
	if (!next)
		return;
	ns = max_t(s64, ktime_sub(next->expires, now), 0);
	mod_delayed_work(system_unbound_wq, &queue->wake, nsecs_to_jiffies(ns) + 1);
}

/* A source has another first entry: it sleeps until that may be served. */
static void queue_settle(struct ktls_queue *queue, struct ktls_flow *flow, ktime_t now)
{
	const struct ktls_queue_entry *first;

	lockdep_assert_held(queue->lock);
	first = list_first_entry(&flow->members, struct ktls_queue_entry, node);
	queue_rouse(queue, flow);
	if (ktime_compare(first->due, now) <= 0) {
		queue_join(queue, flow);
		return;
	}
	queue_quit(flow);
	flow->asleep = true;
	flow->sleep.expires = first->due;
	if (timerqueue_add(&queue->asleep, &flow->sleep))
		queue_arm(queue, ktime_get());
}

/* Wakes the sources whose time has come by @now. */
static void queue_wake(struct ktls_queue *queue, ktime_t now)
{
	struct timerqueue_node *next;

	lockdep_assert_held(queue->lock);
	while ((next = timerqueue_getnext(&queue->asleep)) &&
	       ktime_compare(next->expires, now) <= 0)
		queue_settle(queue, container_of(next, struct ktls_flow, sleep), now);
}

/* Frees a flow in which nothing waits, and those above it likewise. */
static void queue_trim(struct ktls_queue *queue, struct ktls_flow *flow)
{
	struct ktls_flow *parent;

	while (flow && !flow->waiting) {
		parent = flow->parent;
		queue_rouse(queue, flow);
		queue_quit(flow);
		hash_del(&flow->hash);
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
	ktime_t now;

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
	now = ktime_get();
	if (!entry->due)
		entry->due = ktime_add_ns(now, entry->paced ?
					  ktls_pace_delay(queue->pace, entry->name, now) : 0);
	list_add_tail(&entry->node, &flow->members);
	entry->flow = flow;
	queue_count(queue, flow, 1);
	if (list_is_first(&entry->node, &flow->members))
		queue_settle(queue, flow, now);
	return 0;

trim:
	queue_trim(queue, flow);
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
	struct ktls_flow *flow = entry->flow;
	bool first = list_is_first(&entry->node, &flow->members);

	lockdep_assert_held(queue->lock);
	list_del_init(&entry->node);
	entry->flow = NULL;
	queue_count(queue, flow, -1);
	if (!flow->waiting)
		queue_trim(queue, flow);
	else if (first)
		queue_settle(queue, flow, ktime_get());
}

/**
 * ktls_queue_is_ready - is there an entry for ktls_queue_next()?
 * @queue: the queue
 *
 * If not, but some wait for their time, the queue's work will run when the first may be
 * served.
 *
 * Context: the lock of the queue held.
 * Return: whether there is.
 */
bool ktls_queue_is_ready(struct ktls_queue *queue)
{
	ktime_t now;

	lockdep_assert_held(queue->lock);
	if (timerqueue_getnext(&queue->asleep)) {
		now = ktime_get();
		queue_wake(queue, now);
		if (!delayed_work_pending(&queue->wake))
			queue_arm(queue, now);
	}
	return !list_empty(&queue->uids);
}

/**
 * ktls_queue_hurry - let those who wait for their time be served now
 * @queue: the queue; to be called before each ktls_queue_next()
 *
 * Context: the lock of the queue held.
 */
void ktls_queue_hurry(struct ktls_queue *queue)
{
	lockdep_assert_held(queue->lock);
	queue_wake(queue, KTIME_MAX);
}

/**
 * ktls_queue_next - take the entry whose turn it is
 * @queue: the queue
 *
 * Context: the lock of the queue held.
 * Return: the entry, which does not wait any more, or NULL: none waits, or none may be
 * served yet.
 */
struct ktls_queue_entry *ktls_queue_next(struct ktls_queue *queue)
{
	struct list_head *ring = &queue->uids;
	struct ktls_queue_entry *entry;
	struct ktls_flow *flow;
	unsigned int level;

	lockdep_assert_held(queue->lock);
	if (!ktls_queue_is_ready(queue))
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
