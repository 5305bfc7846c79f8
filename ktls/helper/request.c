// SPDX-License-Identifier: GPL-2.0
/*
 * A request to the helper, from the cradle to the grave.
 *
 *	start, check -> waits (queue.c) -> a port has it (port.c)
 *	             -> helper's turn <-> our turn -> its outcome
 *
 * The outcome of a request is settled exactly once, by one cmpxchg: the helper said
 * DONE (or broke the contract), the helper died, or the socket went away. Whoever
 * wins takes the request off every list and leaves the answer with it; whoever
 * loses does nothing. The socket's work, or the task that waits for a CHECK, then
 * takes the answer. No socket lock is taken here.
 */
#include <linux/mm.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <net/ipv6.h>
#include <net/netlink.h>

#include <ktls/ktls.h>
#include <trace/events/ktls.h>

/* Open requests by id. Ids are numbers that only grow. */
static struct rhashtable request_ids;
static atomic64_t request_last_id = ATOMIC64_INIT(0);

static const struct rhashtable_params request_ids_params = {
	.key_len		= sizeof_field(struct ktls_request, id),
	.key_offset		= offsetof(struct ktls_request, id),
	.head_offset		= offsetof(struct ktls_request, hash),
	.automatic_shrinking	= true,
};

/* Retries and hand-outs that a softirq wants done; of all ports. */
struct workqueue_struct *ktls_port_wq;

/**
 * ktls_request_init - before anything else here is called
 *
 * Return: 0 or -ENOMEM.
 */
int ktls_request_init(void)
{
	int err;

	ktls_port_wq = alloc_workqueue("ktls_request", WQ_UNBOUND, 0);
	if (!ktls_port_wq)
		return -ENOMEM;
	err = rhashtable_init(&request_ids, &request_ids_params);
	if (err)
		destroy_workqueue(ktls_port_wq);
	return err;
}

/**
 * ktls_request_exit - after everything else here was called
 *
 * Context: module unload, after ktls_netlink_exit(): no port is left and, as
 * sockets hold the module, no request is open. Those that only waited for an RCU
 * grace period are waited for here, because they end in ktls_config_put() and
 * ktls_ctx_put().
 */
void ktls_request_exit(void)
{
	rcu_barrier();
	rhashtable_destroy(&request_ids);
	destroy_workqueue(ktls_port_wq);
}

/**
 * ktls_done_free - wipe and free
 * @done: or NULL
 *
 * Context: any.
 */
void ktls_done_free(struct ktls_done *done)
{
	if (!done)
		return;
	kvfree(done->peer_certs);
	kvfree(done->chain_certs);
	kfree(done->peer);
	kfree_sensitive(done);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_done_free);

/* --- references ----------------------------------------------------------- */

static void request_free_rcu(struct rcu_head *rcu)
{
	struct ktls_request *req = container_of(rcu, struct ktls_request, rcu);

	__skb_queue_purge(&req->held);
	__skb_queue_purge(&req->out);
	kfree_skb(req->secret);
	if (req->port)
		ktls_port_put(req->port);
	if (req->waiter)
		req->waiter->ops->put(req->waiter);
	ktls_config_put(req->params.config);
	ktls_done_free(req->done);
	kvfree(req->answer_records);
	kvfree(req->batch);
	kvfree(req->params.records);
	kfree(req);
}

/**
 * ktls_request_put - drop a reference
 * @req: the request
 *
 * Context: any, under any lock of request.h.
 */
void ktls_request_put(struct ktls_request *req)
{
	if (refcount_dec_and_test(&req->ref))
		call_rcu(&req->rcu, request_free_rcu);
}

/**
 * ktls_request_find - the open request with an id
 * @id: what a helper says is one
 *
 * Context: process.
 * Return: the request with a reference, or NULL.
 */
struct ktls_request *ktls_request_find(u64 id)
{
	struct ktls_request *req;

	rcu_read_lock();
	req = rhashtable_lookup(&request_ids, &id, request_ids_params);
	if (req && !refcount_inc_not_zero(&req->ref))
		req = NULL;
	rcu_read_unlock();
	return req;
}

/* --- the end -------------------------------------------------------------- */

/* Takes a request whose outcome the caller has settled off everything. */
static void request_retire(struct ktls_request *req, bool cancel)
{
	struct ktls_net *kn = req->kn;
	struct ktls_port *port;

	rhashtable_remove_fast(&request_ids, &req->hash, request_ids_params);
	spin_lock_bh(&kn->lock);
	if (req->phase == KTLS_PHASE_WAITING) {
		ktls_queue_del(kn, req);
	} else {
		list_del_init(&req->stall_node);
		list_del_init(&req->node);
	}
	req->phase = KTLS_PHASE_ENDED;
	port = req->port;
	spin_unlock_bh(&kn->lock);
	if (port)
		ktls_outbox_end(port, req, cancel);
	ktls_request_put(req);
}

/**
 * ktls_request_end - end a request, if nobody has done so
 * @req: the request
 * @outcome: how it ends
 * @cancel: the helper is to be told, if it has heard of it
 *
 * Context: process or softirq; none of the locks of request.h held but
 * ktls_port.mutex.
 * Return: true: the request is off every list, and what is to be told about it
 * is the caller's to tell. False: somebody was faster.
 */
bool ktls_request_end(struct ktls_request *req, enum ktls_outcome outcome, bool cancel)
{
	if (atomic_cmpxchg(&req->outcome, KTLS_OUTCOME_OPEN, outcome) != KTLS_OUTCOME_OPEN)
		return false;
	request_retire(req, cancel);
	return true;
}

/**
 * ktls_request_publish - leave an answer with the request, wake who waits for it
 * @req: the request
 * @answer: replaces one that was not taken yet: only the end can come that early
 * @done: with DONE: the request's now; NULL if its @error and @reason tell
 * @records: bytes to send, kvmalloc; the request's now
 * @len: bytes in @records
 *
 * Context: process or softirq.
 */
void ktls_request_publish(struct ktls_request *req, enum ktls_answer answer,
			  struct ktls_done *done, void *records, size_t len)
{
	void *stale;

	spin_lock_bh(&req->lock);
	stale = req->answer_records;
	req->answer_records = records;
	req->answer_len = len;
	req->done = done;
	WRITE_ONCE(req->answer, answer);
	if (req->waiter)
		req->waiter->ops->wake(req->waiter);
	spin_unlock_bh(&req->lock);
	kvfree(stale);
}

/**
 * ktls_request_fail - end a request for a reason of ours
 * @req: the request; nothing happens if its outcome is settled
 * @error: positive errno
 * @reason: why, a constant
 *
 * Context: process or softirq.
 */
void ktls_request_fail(struct ktls_request *req, int error, const char *reason)
{
	if (!ktls_request_end(req, KTLS_OUTCOME_DONE, true))
		return;
	ktls_request_trace(done, req, error);
	spin_lock_bh(&req->lock);
	req->error = error;
	req->reason = reason;
	spin_unlock_bh(&req->lock);
	ktls_request_publish(req, KTLS_ANSWER_DONE, NULL, NULL, 0);
}

/**
 * ktls_request_lost - the helper that had a request has died
 * @req: the request; nothing happens if its outcome is settled
 *
 * Context: process or softirq.
 */
void ktls_request_lost(struct ktls_request *req)
{
	if (!ktls_request_end(req, KTLS_OUTCOME_LOST, false))
		return;
	ktls_request_trace(lost, req, EHOSTDOWN);
	ktls_request_publish(req, KTLS_ANSWER_LOST, NULL, NULL, 0);
}

/**
 * ktls_request_cancel - the socket went away, or the deadline came
 * @req: the request; the caller keeps its reference
 *
 * When this returns, the waiter is not woken any more and the request's reference
 * to it is dropped. An answer that was not taken can still be taken. May be called
 * at any time, and more than once.
 *
 * Context: process or softirq; none of the locks of request.h held.
 */
void ktls_request_cancel(struct ktls_request *req)
{
	struct ktls_waiter *waiter;

	if (ktls_request_end(req, KTLS_OUTCOME_CANCELLED, true))
		ktls_request_trace(cancelled, req, 0);
	spin_lock_bh(&req->lock);
	waiter = req->waiter;
	req->waiter = NULL;
	spin_unlock_bh(&req->lock);
	if (waiter)
		waiter->ops->put(waiter);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_request_cancel);

/**
 * ktls_request_close - drop the reference that ktls_request_start() returned
 * @req: the request
 *
 * One that is still open is cancelled, for nobody is left to take its answer.
 *
 * Context: as ktls_request_cancel().
 */
void ktls_request_close(struct ktls_request *req)
{
	ktls_request_cancel(req);
	ktls_request_put(req);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_request_close);

/* --- asking --------------------------------------------------------------- */

static struct ktls_request *request_new(const struct ktls_request_params *params)
{
	struct ktls_request *req;

	req = ktls_config_zalloc(params->config, sizeof(*req));
	if (!req)
		return NULL;
	refcount_set(&req->ref, 1);
	req->id = atomic64_inc_return(&request_last_id);
	req->kn = ktls_net(params->net);
	req->params = *params;
	req->params.records = NULL;
	ktls_config_get(params->config);
	req->phase = KTLS_PHASE_ENDED;
	INIT_LIST_HEAD(&req->node);
	INIT_LIST_HEAD(&req->stall_node);
	__skb_queue_head_init(&req->held);
	__skb_queue_head_init(&req->out);
	INIT_LIST_HEAD(&req->out_node);
	spin_lock_init(&req->lock);
	return req;
}

static int request_copy_records(struct ktls_request *req, const void *records, size_t len)
{
	void *copy;

	if (!len)
		return 0;
	copy = ktls_config_zalloc(req->params.config, len);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, records, len);
	req->params.records = copy;
	return 0;
}

static void request_address4(union ktls_address *address, __be32 addr, __be16 port)
{
	address->in.sin_family = AF_INET;
	address->in.sin_addr.s_addr = addr;
	address->in.sin_port = port;
}

#if IS_ENABLED(CONFIG_IPV6)
static void request_address6(union ktls_address *address, const struct in6_addr *addr,
			     __be16 port, int ifindex)
{
	address->in6.sin6_family = AF_INET6;
	address->in6.sin6_addr = *addr;
	address->in6.sin6_port = port;
	address->in6.sin6_scope_id = ipv6_iface_scope_id(addr, ifindex);
}
#endif

/**
 * ktls_request_addresses - the addresses of a connected socket
 * @params: gets them
 * @sk: the socket
 *
 * IPv4 on an IPv6 socket is IPv4: that is what certificates are checked for.
 *
 * Context: socket lock held.
 */
void ktls_request_addresses(struct ktls_request_params *params, const struct sock *sk)
{
	const struct inet_sock *inet = inet_sk(sk);

#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 && !ipv6_addr_v4mapped(&sk->sk_v6_daddr)) {
		request_address6(&params->local, &sk->sk_v6_rcv_saddr, inet->inet_sport,
				 sk->sk_bound_dev_if);
		request_address6(&params->peer, &sk->sk_v6_daddr, inet->inet_dport,
				 sk->sk_bound_dev_if);
		return;
	}
#endif
	request_address4(&params->local, inet->inet_rcv_saddr, inet->inet_sport);
	request_address4(&params->peer, inet->inet_daddr, inet->inet_dport);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_request_addresses);

/* From here on the request can be found, handed out, answered and lost. */
static int request_submit(struct ktls_request *req)
{
	struct ktls_net *kn = req->kn;
	int err;

	refcount_inc(&req->ref);
	err = rhashtable_insert_fast(&request_ids, &req->hash, request_ids_params);
	if (err) {
		atomic_set(&req->outcome, KTLS_OUTCOME_CANCELLED);
		refcount_dec(&req->ref);
		return err == -ENOMEM ? err : -ENOBUFS;
	}
	ktls_request_trace(start, req, 0);
	spin_lock_bh(&kn->lock);
	err = ktls_queue_add(kn, req);
	spin_unlock_bh(&kn->lock);
	if (err) {
		ktls_request_end(req, KTLS_OUTCOME_CANCELLED, false);
		return err;
	}
	ktls_port_dispatch_any(kn);
	return 0;
}

/**
 * ktls_request_start - send the helper a request
 * @params: what it is about; config and records are copied or referenced
 * @waiter: woken whenever ktls_request_take() has something new. The caller's
 *	reference goes to the request, which gives it up in ktls_request_cancel() or
 *	ktls_request_close(); on failure, too
 *
 * Without a port the request waits for one.
 *
 * Context: process; a socket lock may be held; sleeps for memory only.
 * Return: a request, for ktls_request_close(), or an ERR_PTR: -ENOMEM, -ENOBUFS when
 * too many wait, -EMSGSIZE.
 */
struct ktls_request *ktls_request_start(const struct ktls_request_params *params,
					struct ktls_waiter *waiter)
{
	struct ktls_request *req = NULL;
	int err = -EMSGSIZE;

	if (params->records_len <= KTLS_HS_BATCH_MAX) {
		req = request_new(params);
		err = -ENOMEM;
	}
	if (!req) {
		waiter->ops->put(waiter);
		return ERR_PTR(err);
	}
	req->waiter = waiter;
	err = request_copy_records(req, params->records, params->records_len);
	if (!err)
		err = request_submit(req);
	if (!err)
		return req;
	atomic_set(&req->outcome, KTLS_OUTCOME_CANCELLED);
	ktls_request_close(req);
	return ERR_PTR(err);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_request_start);

/**
 * ktls_request_data - hand the helper the next batch
 * @req: a request whose last ktls_request_take() was KTLS_ANSWER_DATA
 * @records: whole records; copied
 * @len: bytes in @records, 1..KTLS_HS_BATCH_MAX
 * @reason: why @records, a record's header, are against the RFC; else NULL
 *
 * Context: process, socket lock held; sleeps for memory only.
 * Return: 0, also when the request has ended in the meantime: then that is what
 * ktls_request_take() tells. -EBUSY out of turn, -EMSGSIZE, -ENOMEM.
 */
int ktls_request_data(struct ktls_request *req, const void *records, size_t len,
		      const char *reason)
{
	struct ktls_port *port = NULL;
	struct ktls_net *kn = req->kn;
	struct sk_buff_head messages;
	int err;

	if (!len || len > KTLS_HS_BATCH_MAX)
		return -EMSGSIZE;
	__skb_queue_head_init(&messages);
	err = ktls_message_data(req->id, records, len, reason, &messages);
	if (err)
		return err;

	spin_lock_bh(&kn->lock);
	if (req->phase == KTLS_PHASE_KERNEL) {
		skb_queue_splice_tail_init(&messages, &req->held);
		req->phase = KTLS_PHASE_STALLED;
		port = req->port;
		list_add_tail(&req->stall_node, &port->stalled);
	} else if (req->phase != KTLS_PHASE_ENDED) {
		err = -EBUSY;
	}
	spin_unlock_bh(&kn->lock);
	__skb_queue_purge(&messages);
	if (port)
		ktls_port_dispatch(port);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_request_data);

/* --- taking what was answered --------------------------------------------- */

static struct ktls_done *request_done_of_ours(int error, const char *reason)
{
	struct ktls_done *done = kzalloc(sizeof(*done), GFP_KERNEL);

	if (!done)
		return NULL;
	done->error = error;
	done->alert = KTLS_ALERT_NONE;
	strscpy(done->reason, reason, sizeof(done->reason));
	return done;
}

/**
 * ktls_request_take - what has the helper answered?
 * @req: the request
 * @ret_records: with DATA and DONE: bytes to send, for kvfree(), or NULL
 * @ret_len: bytes in @ret_records
 * @ret_done: with DONE: the end, good or bad, for ktls_done_free()
 *
 * Each answer is told once. Everything else is set to nothing.
 *
 * Context: process; the socket lock, or whatever keeps callers apart.
 * Return: enum ktls_answer.
 */
enum ktls_answer ktls_request_take(struct ktls_request *req, void **ret_records,
				   size_t *ret_len, struct ktls_done **ret_done)
{
	enum ktls_answer answer;
	struct ktls_done *done;

	spin_lock_bh(&req->lock);
	answer = req->answer;
	req->answer = KTLS_ANSWER_NONE;
	*ret_records = req->answer_records;
	*ret_len = req->answer_len;
	done = req->done;
	req->answer_records = NULL;
	req->answer_len = 0;
	req->done = NULL;
	spin_unlock_bh(&req->lock);

	if (answer == KTLS_ANSWER_DONE && !done) {
		done = request_done_of_ours(req->error, req->reason);
		if (!done)
			answer = KTLS_ANSWER_LOST;
	}
	*ret_done = done;
	return answer;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_request_take);
