// SPDX-License-Identifier: GPL-2.0
/*
 * Requests that wait for a port with credit: whose turn is it?
 *
 * Three rings. The outermost goes round the uids that have requests waiting, the
 * next round the listeners of a uid (all its clients together count as one), the
 * innermost round the sources that a listener's peers come from; a source's requests
 * are served in the order they came. So neither a flood from one source or on one
 * listener nor a user with many of them delays the others by more than one request
 * each. All ring members are a struct ktls_flow, found by a hash of what they stand
 * for, made with their first request and freed with their last.
 */
#include <linux/cred.h>
#include <linux/hash.h>
#include <linux/slab.h>
#include <linux/unaligned.h>

#include <ktls/ktls.h>

enum queue_level {
	QUEUE_UID,
	QUEUE_LISTENER,		/* named by an address that is only compared; 0: clients */
	QUEUE_SOURCE,		/* named by the prefix of its addresses */
	QUEUE_LEVELS
};

/**
 * struct ktls_flow - a member of a ring
 *
 * All under ktls_net.lock.
 *
 * @hash: on ktls_net.flows
 * @node: on the ring of its level
 * @members: the ring of the next level; of a source: requests
 * @parent: the one of the level above, or NULL
 * @name: which of its parent's it is
 * @waiting: requests, here and below
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
 * @kn: the namespace, not visible to anyone yet
 */
void ktls_queue_init(struct ktls_net *kn)
{
	INIT_LIST_HEAD(&kn->uids);
	hash_init(kn->flows);
	kn->waiting = 0;
}

/* What a request's flow of a level is called. */
static u64 queue_name(const struct ktls_request *req, enum queue_level level)
{
	switch (level) {
	case QUEUE_UID:
		return __kuid_val(req->params.config->cred->euid);
	case QUEUE_LISTENER:
		return (uintptr_t)req->params.owner;
	default:
		break;
	}
	if (req->params.role != KTLS_ROLE_SERVER)
		return 0;
	/* A peer with IPv6 has all addresses of a prefix of 64 bits. */
	if (req->params.peer.sa.sa_family == AF_INET6)
		return get_unaligned((u64 *)&req->params.peer.in6.sin6_addr);
	return (u64)0xffff << 32 | (__force u32)req->params.peer.in.sin_addr.s_addr;
}

static struct ktls_flow *queue_find(struct ktls_net *kn, struct ktls_flow *parent, u64 name,
				    u32 key)
{
	struct ktls_flow *flow;

	hash_for_each_possible(kn->flows, flow, hash, key)
		if (flow->parent == parent && flow->name == name)
			return flow;
	return NULL;
}

static struct ktls_flow *queue_flow(struct ktls_net *kn, struct ktls_flow *parent, u64 name)
{
	u32 key = hash_ptr(parent, 32) ^ hash_64(name, 32);
	struct ktls_flow *flow;

	flow = queue_find(kn, parent, name, key);
	if (flow)
		return flow;
	flow = kzalloc(sizeof(*flow), GFP_ATOMIC | __GFP_ACCOUNT);
	if (!flow)
		return NULL;
	INIT_LIST_HEAD(&flow->members);
	flow->parent = parent;
	flow->name = name;
	hash_add(kn->flows, &flow->hash, key);
	list_add_tail(&flow->node, parent ? &parent->members : &kn->uids);
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

static void queue_count(struct ktls_net *kn, struct ktls_flow *flow, int n)
{
	kn->waiting += n;
	for (; flow; flow = flow->parent)
		flow->waiting += n;
}

/* All uids together have so much room; but each has a little for itself. */
static bool queue_is_full(const struct ktls_net *kn, const struct ktls_flow *uid)
{
	return uid->waiting >= KTLS_REQUESTS_PER_UID ||
	       (kn->waiting >= KTLS_REQUESTS_WAITING &&
		uid->waiting >= KTLS_REQUESTS_GUARANTEED);
}

/**
 * ktls_queue_add - let a request wait for its turn
 * @kn: the namespace
 * @req: on no list
 *
 * Context: @kn->lock held.
 * Return: 0, -ENOBUFS when too many wait, -ENOMEM.
 */
int ktls_queue_add(struct ktls_net *kn, struct ktls_request *req)
{
	struct ktls_flow *flow = NULL, *below;
	enum queue_level level;
	int err = -ENOMEM;

	lockdep_assert_held(&kn->lock);
	for (level = QUEUE_UID; level < QUEUE_LEVELS; level++) {
		below = queue_flow(kn, flow, queue_name(req, level));
		if (!below)
			goto trim;
		flow = below;
		if (level == QUEUE_UID && queue_is_full(kn, flow)) {
			err = -ENOBUFS;
			goto trim;
		}
	}
	list_add_tail(&req->node, &flow->members);
	req->flow = flow;
	req->phase = KTLS_PHASE_WAITING;
	queue_count(kn, flow, 1);
	return 0;

trim:
	queue_trim(flow);
	return err;
}

/**
 * ktls_queue_del - a request waits no longer
 * @kn: the namespace
 * @req: in KTLS_PHASE_WAITING; what it becomes is the caller's to say
 *
 * Context: @kn->lock held.
 */
void ktls_queue_del(struct ktls_net *kn, struct ktls_request *req)
{
	lockdep_assert_held(&kn->lock);
	list_del_init(&req->node);
	queue_count(kn, req->flow, -1);
	queue_trim(req->flow);
	req->flow = NULL;
}

/**
 * ktls_queue_next - take the request whose turn it is
 * @kn: the namespace
 *
 * Context: @kn->lock held.
 * Return: a request that is on no list any more, or NULL: none waits.
 */
struct ktls_request *ktls_queue_next(struct ktls_net *kn)
{
	struct list_head *ring = &kn->uids;
	enum queue_level level;
	struct ktls_request *req;
	struct ktls_flow *flow;

	lockdep_assert_held(&kn->lock);
	if (list_empty(ring))
		return NULL;
	/* Whoever is served goes to the end of its ring. */
	for (level = QUEUE_UID; level < QUEUE_LEVELS; level++) {
		flow = list_first_entry(ring, struct ktls_flow, node);
		list_move_tail(&flow->node, ring);
		ring = &flow->members;
	}
	req = list_first_entry(ring, struct ktls_request, node);
	ktls_queue_del(kn, req);
	return req;
}
