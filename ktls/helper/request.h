/* SPDX-License-Identifier: GPL-2.0 */
/* Requests to the helper. */
#ifndef _KTLS_HELPER_REQUEST_H
#define _KTLS_HELPER_REQUEST_H

#include <linux/in6.h>
#include <linux/ktime.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <uapi/linux/ktls.h>
#include <uapi/linux/ktls_netlink.h>

#include "helper/done.h"
#include "helper/outbox.h"
#include "helper/port.h"
#include "helper/turn.h"

struct ktls_config;
struct net;
struct sock;

union ktls_address {
	struct sockaddr		sa;
	struct sockaddr_in	in;
	struct sockaddr_in6	in6;
};

struct ktls_waiter;

/**
 * struct ktls_waiter_ops - callbacks to the owner of a request
 * @wake: ktls_request_take() has something new. Called in any context, with
 *	&ktls_reply.lock held: it must neither sleep nor call a function of helper/
 * @put: the request drops its reference
 */
struct ktls_waiter_ops {
	void	(*wake)(struct ktls_waiter *waiter);
	void	(*put)(struct ktls_waiter *waiter);
};

/**
 * struct ktls_waiter - the owner of a request; embedded in what owns it
 * @ops: constant
 */
struct ktls_waiter {
	const struct ktls_waiter_ops	*ops;
};

/**
 * struct ktls_request_params - what a request is about
 * @cmd: KTLS_CMD_START or KTLS_CMD_CHECK
 * @role: enum ktls_role
 * @net: namespace whose helper is asked
 * @config: what the program asked for; frozen
 * @owner: the listener that the connection came from, NULL for clients; one key of
 *	the queue, never dereferenced
 * @deadline: by ktime_get(): the handshake must have ended by then. The helper gets it, but
 *	the caller must cancel the request at that time
 * @local: address of the socket; of a START only
 * @peer: address of the peer; of a START only
 * @records: first records of a server's START, or NULL
 * @records_len: bytes in @records, at most KTLS_HS_BATCH_MAX
 */
struct ktls_request_params {
	u8			cmd;
	u8			role;
	struct net		*net;
	struct ktls_config	*config;
	const void		*owner;
	ktime_t			deadline;
	union ktls_address	local;
	union ktls_address	peer;
	const void		*records;
	size_t			records_len;
};

/* How a request ended. */
enum ktls_outcome {
	KTLS_OUTCOME_OPEN,	/* it has not */
	KTLS_OUTCOME_DONE,	/* the helper sent DONE, or broke the protocol */
	KTLS_OUTCOME_LOST,	/* the helper died */
	KTLS_OUTCOME_CANCELLED,	/* the socket was closed, or the deadline passed */
};

/* What ktls_request_take() found. */
enum ktls_answer {
	KTLS_ANSWER_NONE,	/* no answer yet */
	KTLS_ANSWER_DATA,	/* bytes to send (perhaps none); it wants more input */
	KTLS_ANSWER_DONE,	/* the end, good or bad: a struct ktls_done */
	KTLS_ANSWER_LOST,	/* the helper died while it had the request */
};

/**
 * struct ktls_batch - what the helper has sent of a batch; answer.c
 *
 * Under &ktls_port.mutex.
 *
 * @data: kvmalloc
 * @len: bytes in @data
 * @total: bytes of all batches of the request
 */
struct ktls_batch {
	void	*data;
	size_t	len;
	size_t	total;
};

/**
 * struct ktls_reply - what was answered, and whom to wake; request.c
 *
 * @lock: everything below; no other lock of helper/ is taken inside of it
 * @waiter: whom to wake; a reference is owned; NULL: the request was cancelled
 * @answer: what there is to be taken; read anywhere with READ_ONCE
 * @records: bytes to send; kvmalloc
 * @len: bytes in @records
 * @done: with KTLS_ANSWER_DONE; NULL: @error and @reason say how it ended
 * @error: positive errno when the kernel ended it
 * @reason: why; a constant string
 */
struct ktls_reply {
	spinlock_t		lock;	/* what was answered, and whom to wake */
	struct ktls_waiter	*waiter;
	enum ktls_answer	answer;
	void			*records;
	size_t			len;
	struct ktls_done	*done;
	int			error;
	const char		*reason;
};

/**
 * struct ktls_request - one handshake, or one CHECK
 *
 * References: the caller of ktls_request_start() owns one, so does the table of ids
 * while @outcome is open, and so does an outbox that has it on a list. Memory is freed
 * after an RCU grace period, so a reference may be dropped under any lock.
 *
 * @ref: references
 * @rcu: freed, and found by its id, under RCU
 * @hash: found by @id
 *
 * Constant once it can be found:
 * @id: unique for the life of the module
 * @kn: the namespace of the socket
 * @params: what it is about; a reference to its config is owned, and a copy of its
 *	records
 *
 * @outcome: enum ktls_outcome, changed once, by cmpxchg
 * @turn: whose turn it is (port.c); &ktls_net.lock
 * @out: what is to be sent (outbox.c); &ktls_outbox.lock
 * @batch: what the helper has sent so far (answer.c); &ktls_port.mutex
 * @reply: what is to be taken (request.c); its own lock
 */
struct ktls_request {
	refcount_t			ref;
	struct rcu_head			rcu;
	struct rhash_head		hash;
	u64				id;
	struct ktls_net			*kn;
	struct ktls_request_params	params;
	atomic_t			outcome;
	struct ktls_turn		turn;
	struct ktls_outgoing		out;
	struct ktls_batch		batch;
	struct ktls_reply		reply;
};

int ktls_request_init(void);
void ktls_request_exit(void);

/* request_start.c: for the owner of a request */
void ktls_request_addresses(const struct sock *sk, union ktls_address *local,
			    union ktls_address *peer);
struct ktls_request *ktls_request_start(const struct ktls_request_params *params,
					struct ktls_waiter *waiter);
int ktls_request_data(struct ktls_request *req, const void *records, size_t len,
		      const char *reason);

/* request.c: for the owner */
enum ktls_answer ktls_request_take(struct ktls_request *req, void **ret_records,
				   size_t *ret_len, struct ktls_done **ret_done);
bool ktls_request_is_answered(const struct ktls_request *req);
void ktls_request_cancel(struct ktls_request *req);
void ktls_request_close(struct ktls_request *req);

/* request.c: for the other files of helper/ */
struct ktls_request *ktls_request_new(const struct ktls_request_params *params,
				      struct ktls_waiter *waiter);
int ktls_request_insert(struct ktls_request *req);
struct ktls_request *ktls_request_find(u64 id);
void ktls_request_put(struct ktls_request *req);
bool ktls_request_end(struct ktls_request *req, enum ktls_outcome outcome, bool cancel);
void ktls_request_publish(struct ktls_request *req, enum ktls_answer answer,
			  struct ktls_done *done, void *records, size_t len);
void ktls_request_lost(struct ktls_request *req);
void ktls_request_fail(struct ktls_request *req, int error, const char *reason);

/* Needs <trace/events/ktls.h>. */
#define ktls_request_trace(event, req, error)						\
do {											\
	const struct ktls_request *_req = (req);					\
											\
	trace_ktls_request_##event(_req->id, _req->params.net, _req->params.cmd,	\
				   _req->params.role, error);				\
} while (0)

#endif /* _KTLS_HELPER_REQUEST_H */
