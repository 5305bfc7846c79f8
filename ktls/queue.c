// SPDX-License-Identifier: GPL-2.0
/*
 * Requests that wait for a worker with credit: whose turn is it?
 *
 * Two rings. The outer one goes round the uids that have requests waiting, the
 * inner one round the listeners of a uid (all its clients together count as
 * one); a listener's requests are served in the order they came. So neither a
 * flood on one listener nor a user with many of them delays the others by more
 * than one request each. Both kinds of ring member are a struct ktls_flow, found
 * by a hash of what they stand for, made with their first request and freed with
 * their last.
 */
#include <linux/hash.h>
#include <linux/slab.h>

#include <ktls/ktls.h>

/**
 * struct ktls_flow - a uid, or a listener of a uid, with requests waiting
 *
 * All under ktls_net.lock.
 *
 * @hash: on ktls_net.flows
 * @node: on the ring of its level
 * @members: of a uid: flows; of a listener: requests
 * @parent: the flow of the uid; NULL: this is one
 * @uid: half of what it stands for
 * @owner: the other half, an address that is only compared; NULL for clients
 */
struct ktls_flow {
	struct hlist_node	hash;
	struct list_head	node;
	struct list_head	members;
	struct ktls_flow	*parent;
	kuid_t			uid;
	const void		*owner;
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

static u32 queue_hash(const struct ktls_flow *parent, kuid_t uid, const void *owner)
{
	return hash_ptr(owner, 32) ^ hash_32(__kuid_val(uid), 32) ^ !parent;
}

static struct ktls_flow *queue_flow(struct ktls_net *kn, struct ktls_flow *parent,
				    kuid_t uid, const void *owner)
{
	u32 key = queue_hash(parent, uid, owner);
	struct ktls_flow *flow;

	hash_for_each_possible(kn->flows, flow, hash, key)
		if (flow->parent == parent && uid_eq(flow->uid, uid) &&
		    flow->owner == owner)
			return flow;

	flow = kzalloc(sizeof(*flow), GFP_ATOMIC | __GFP_ACCOUNT);
	if (!flow)
		return NULL;
	INIT_LIST_HEAD(&flow->members);
	flow->parent = parent;
	flow->uid = uid;
	flow->owner = owner;
	hash_add(kn->flows, &flow->hash, key);
	list_add_tail(&flow->node, parent ? &parent->members : &kn->uids);
	return flow;
}

/* Frees a flow that has become empty, and its uid's when that has. */
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
	struct ktls_flow *uid, *flow;

	lockdep_assert_held(&kn->lock);
	if (kn->waiting >= KTLS_REQUESTS_WAITING)
		return -ENOBUFS;
	uid = queue_flow(kn, NULL, req->uid, NULL);
	if (!uid)
		return -ENOMEM;
	flow = queue_flow(kn, uid, req->uid, req->owner);
	if (!flow) {
		queue_trim(uid);
		return -ENOMEM;
	}
	list_add_tail(&req->node, &flow->members);
	req->flow = flow;
	req->phase = KTLS_PHASE_WAITING;
	kn->waiting++;
	return 0;
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
	queue_trim(req->flow);
	req->flow = NULL;
	kn->waiting--;
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
	struct ktls_flow *uid, *flow;
	struct ktls_request *req;

	lockdep_assert_held(&kn->lock);
	if (list_empty(&kn->uids))
		return NULL;
	uid = list_first_entry(&kn->uids, struct ktls_flow, node);
	flow = list_first_entry(&uid->members, struct ktls_flow, node);
	req = list_first_entry(&flow->members, struct ktls_request, node);

	/* Whoever was served goes to the end of both rings. */
	list_move_tail(&flow->node, &uid->members);
	list_move_tail(&uid->node, &kn->uids);
	ktls_queue_del(kn, req);
	return req;
}
