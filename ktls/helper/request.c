// SPDX-License-Identifier: GPL-2.0
/* The life of a request to the helper:
 *
 *	start, check -> waits (queue.c) -> is given to a port (dispatch.c)
 *	             -> helper's turn <-> kernel's turn -> its outcome
 *
 * The outcome is decided exactly once, by one cmpxchg: the helper sent DONE (or broke
 * the protocol), the helper died, or the socket was closed. The winner takes the
 * request off every list and leaves the answer with it; the others do nothing. The
 * socket's work, or the task that waits for a CHECK, then takes the answer. No socket
 * lock is taken here.
 */
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/unaligned.h>
#include <kunit/visibility.h>

#include "config.h"
#include "helper/request.h"
#include "helper/turn.h"

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

/**
 * ktls_request_init - before anything else here is called
 *
 * Context: module load.
 * Return: 0 or -ENOMEM.
 */
int ktls_request_init(void)
{
	int err;

	err = ktls_outbox_init();
	if (err)
		return err;
	err = rhashtable_init(&request_ids, &request_ids_params);
	if (err)
		ktls_outbox_exit();
	return err;
}

/**
 * ktls_request_exit - after everything else here was called
 *
 * Waits for requests whose RCU grace period has not passed: freeing them calls
 * ktls_config_put() and the waiter.
 *
 * Context: module unload, after ktls_netlink_exit(): no port is left and, as sockets
 * hold the module, no request is open.
 */
void ktls_request_exit(void)
{
	rcu_barrier();
	rhashtable_destroy(&request_ids);
	ktls_outbox_exit();
}

/* --- references --- */

static void request_free_rcu(struct rcu_head *rcu)
{
	struct ktls_request *req = container_of(rcu, struct ktls_request, rcu);
	struct ktls_waiter *waiter = req->reply.waiter;

	ktls_turn_free(&req->turn);
	ktls_outbox_entry_free(&req->out);
	if (waiter)
		waiter->ops->put(waiter);
	ktls_config_put(req->params.config);
	ktls_done_free(req->reply.done);
	kvfree(req->reply.records);
	kvfree(req->batch.data);
	kvfree(req->params.records);
	kfree(req);
}

/**
 * ktls_request_put - drop a reference
 * @req: the request
 *
 * Context: any, any lock may be held.
 */
void ktls_request_put(struct ktls_request *req)
{
	if (refcount_dec_and_test(&req->ref))
		call_rcu(&req->rcu, request_free_rcu);
}

static void request_get_outgoing(struct ktls_outgoing *out)
{
	refcount_inc(&container_of(out, struct ktls_request, out)->ref);
}

static void request_put_outgoing(struct ktls_outgoing *out)
{
	ktls_request_put(container_of(out, struct ktls_request, out));
}

static const struct ktls_outgoing_ops request_outgoing_ops = {
	.get	= request_get_outgoing,
	.put	= request_put_outgoing,
};

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

/* The source of a server's peer; clients are one source, and what is asked about a
 * configuration is another.
 */
static u64 request_source(const struct ktls_request_params *params)
{
	if (params->cmd != KTLS_CMD_START)
		return U64_MAX;
	if (params->role != KTLS_ROLE_SERVER)
		return 0;
	/* A peer with IPv6 has all addresses of a prefix of 64 bits. */
	if (params->peer.sa.sa_family == AF_INET6)
		return get_unaligned((u64 *)&params->peer.in6.sin6_addr);
	return (u64)0xffff << 32 | (__force u32)params->peer.in.sin_addr.s_addr;
}

/**
 * ktls_request_new - a request that nobody can find yet
 * @params: what it is about
 * @waiter: whom to wake; the request drops the caller's reference, also on failure
 *
 * Context: process; sleeps for memory only.
 * Return: a request, for ktls_request_insert(), or an ERR_PTR: -ENOMEM, -EMSGSIZE.
 */
struct ktls_request *ktls_request_new(const struct ktls_request_params *params,
				      struct ktls_waiter *waiter)
{
	struct ktls_request *req = NULL;
	int err = -EMSGSIZE;

	if (params->records_len <= KTLS_HS_BATCH_MAX) {
		req = ktls_config_zalloc(params->config, sizeof(*req));
		err = -ENOMEM;
	}
	if (!req) {
		waiter->ops->put(waiter);
		return ERR_PTR(err);
	}
	refcount_set(&req->ref, 1);
	req->id = atomic64_inc_return(&request_last_id);
	req->kn = ktls_net(params->net);
	req->params = *params;
	req->params.records = NULL;
	ktls_config_get(params->config);
	req->turn.entry.name[0] = __kuid_val(params->config->cred->euid);
	req->turn.entry.name[1] = (uintptr_t)params->owner;
	req->turn.entry.name[2] = request_source(params);
	req->turn.entry.paced = params->cmd == KTLS_CMD_START;
	ktls_turn_init(&req->turn);
	ktls_outbox_entry_init(&req->out, req->id, &request_outgoing_ops);
	spin_lock_init(&req->reply.lock);
	req->reply.waiter = waiter;
	err = request_copy_records(req, params->records, params->records_len);
	if (!err)
		return req;
	atomic_set(&req->outcome, KTLS_OUTCOME_CANCELLED);
	ktls_request_close(req);
	return ERR_PTR(err);
}

/**
 * ktls_request_insert - from here on the request can be found by its id
 * @req: a new request; its outcome is open until ktls_request_end()
 *
 * Context: process.
 * Return: 0, -ENOMEM, -ENOBUFS; on failure the request has ended.
 */
int ktls_request_insert(struct ktls_request *req)
{
	int err;

	refcount_inc(&req->ref);
	err = rhashtable_insert_fast(&request_ids, &req->hash, request_ids_params);
	if (!err)
		return 0;
	atomic_set(&req->outcome, KTLS_OUTCOME_CANCELLED);
	refcount_dec(&req->ref);
	return err == -ENOMEM ? err : -ENOBUFS;
}

/**
 * ktls_request_find - the open request with an id
 * @id: from a message of the helper
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

/* --- the end --- */

/**
 * ktls_request_end - end a request, if it has not ended
 * @req: the request
 * @outcome: how it ends
 * @cancel: the helper is to be sent CANCEL if it was sent the request
 *
 * Context: process or softirq; none of helper/'s locks held but &ktls_port.mutex.
 * Return: true: the request is off every list, and the caller is to publish the
 * answer. False: it had ended.
 */
bool ktls_request_end(struct ktls_request *req, enum ktls_outcome outcome, bool cancel)
{
	if (atomic_cmpxchg(&req->outcome, KTLS_OUTCOME_OPEN, outcome) != KTLS_OUTCOME_OPEN)
		return false;
	rhashtable_remove_fast(&request_ids, &req->hash, request_ids_params);
	ktls_turn_end(req->kn, &req->turn, &req->out, cancel,
		      outcome == KTLS_OUTCOME_CANCELLED);
	ktls_request_put(req);
	return true;
}

/**
 * ktls_request_publish - leave an answer with the request and wake its owner
 * @req: the request
 * @answer: replaces one that was not taken yet: only the end can come that early
 * @done: with DONE: passes to the request; NULL: its error and reason say how it ended
 * @records: bytes to send, kvmalloc; passes to the request
 * @len: bytes in @records
 *
 * Context: process or softirq.
 */
void ktls_request_publish(struct ktls_request *req, enum ktls_answer answer,
			  struct ktls_done *done, void *records, size_t len)
{
	struct ktls_reply *reply = &req->reply;
	void *stale;

	spin_lock_bh(&reply->lock);
	stale = reply->records;
	reply->records = records;
	reply->len = len;
	reply->done = done;
	WRITE_ONCE(reply->answer, answer);
	if (reply->waiter)
		reply->waiter->ops->wake(reply->waiter);
	spin_unlock_bh(&reply->lock);
	kvfree(stale);
}

/**
 * ktls_request_fail - the kernel ends a request
 * @req: the request; nothing happens if it has ended
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
	spin_lock_bh(&req->reply.lock);
	req->reply.error = error;
	req->reply.reason = reason;
	spin_unlock_bh(&req->reply.lock);
	ktls_request_publish(req, KTLS_ANSWER_DONE, NULL, NULL, 0);
}

/**
 * ktls_request_lost - the helper that had a request has died
 * @req: the request; nothing happens if it has ended
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
 * ktls_request_cancel - the socket was closed, or the deadline passed
 * @req: the request; the caller keeps its reference
 *
 * When this returns, the waiter is not woken any more and the request's reference
 * to it is dropped. An answer that was not taken can still be taken. May be called
 * at any time, and more than once.
 *
 * Context: process or softirq; none of helper/'s locks held.
 */
void ktls_request_cancel(struct ktls_request *req)
{
	struct ktls_waiter *waiter;

	if (ktls_request_end(req, KTLS_OUTCOME_CANCELLED, true))
		ktls_request_trace(cancelled, req, 0);
	spin_lock_bh(&req->reply.lock);
	waiter = req->reply.waiter;
	req->reply.waiter = NULL;
	spin_unlock_bh(&req->reply.lock);
	if (waiter)
		waiter->ops->put(waiter);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_request_cancel);

/**
 * ktls_request_close - cancel, and drop the reference of ktls_request_start()
 * @req: the request
 *
 * Context: as ktls_request_cancel().
 */
void ktls_request_close(struct ktls_request *req)
{
	ktls_request_cancel(req);
	ktls_request_put(req);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_request_close);

/* --- taking what was answered --- */

/**
 * ktls_request_take - take the helper's answer
 * @req: the request
 * @ret_records: with DATA and DONE: bytes to send, for kvfree(), or NULL
 * @ret_len: bytes in @ret_records
 * @ret_done: with DONE: the end, good or bad, for ktls_done_free(); or NULL
 *
 * Each answer is returned once.
 *
 * Context: process; the caller sees to it that one task calls it at a time.
 * Return: enum ktls_answer.
 */
enum ktls_answer ktls_request_take(struct ktls_request *req, void **ret_records,
				   size_t *ret_len, struct ktls_done **ret_done)
{
	struct ktls_reply *reply = &req->reply;
	enum ktls_answer answer;
	struct ktls_done *done;

	spin_lock_bh(&reply->lock);
	answer = reply->answer;
	WRITE_ONCE(reply->answer, KTLS_ANSWER_NONE);
	*ret_records = reply->records;
	*ret_len = reply->len;
	done = reply->done;
	reply->records = NULL;
	reply->len = 0;
	reply->done = NULL;
	spin_unlock_bh(&reply->lock);

	if (answer == KTLS_ANSWER_DONE && !done) {
		done = ktls_done_new_error(reply->error, reply->reason);
		if (!done)
			answer = KTLS_ANSWER_LOST;
	}
	*ret_done = done;
	return answer;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_request_take);

/**
 * ktls_request_is_answered - is there an answer that was not taken?
 * @req: the request
 *
 * Context: any, lockless.
 * Return: whether there is.
 */
bool ktls_request_is_answered(const struct ktls_request *req)
{
	return READ_ONCE(req->reply.answer) != KTLS_ANSWER_NONE;
}
