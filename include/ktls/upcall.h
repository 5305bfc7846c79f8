/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Requests to the helper: request.c keeps them, queue.c says whose turn it is,
 * port.c has the sockets of the helper, outbox.c what is still to be sent to
 * them, message.c writes it, netlink.c hears what the helper says, and answer.c
 * understands it.
 *
 * Locks, outermost first; all of them softirq-safe unless said otherwise:
 *
 *   ktls_port.mutex		what a helper says on one socket is heard in
 *				order; process context
 *   ktls_net.lock		who has which request, and the credit
 *   ktls_port.lock		what goes out on a port's socket
 *   ktls_request.lock		what the helper has answered; not held together
 *				with the others
 *
 * None of them is held while a socket lock is taken, or memory is reclaimed.
 *
 * References to a request: the caller of ktls_request_start() owns one, a
 * request whose outcome is open owns one for being found by its id, and being on
 * a port's list of things to say owns one. Memory goes after an RCU grace
 * period, so dropping a reference is fine under any lock.
 */
#ifndef _KTLS_UPCALL_H
#define _KTLS_UPCALL_H

#include <linux/hashtable.h>
#include <linux/in6.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <uapi/linux/ktls_netlink.h>

#include <ktls/wire.h>

struct cred;
struct genl_family;
struct genl_info;
struct ktls_config;
struct ktls_flow;
struct ktls_peer;
struct ktls_port;
struct ktls_tickets;
struct netlink_ext_ack;
struct pid_namespace;
struct sock;

/**
 * struct ktls_certs - certificates in DER, in the order received
 * @len: bytes in @data
 * @data: for each certificate a u32 length (host order, not aligned) and DER
 */
struct ktls_certs {
	u32	len;
	u8	data[];
};

/**
 * struct ktls_done - a helper's DONE, copied and checked for form only
 *
 * Whoever takes it from the request owns it and frees it with
 * ktls_done_free(), which wipes it. What fields mean is said at enum ktls_attr.
 *
 * @error: 0 or a positive errno
 * @alert: KTLS_ALERT_NONE: none
 * @alert_rcvd: the peer sent @alert
 * @version: of TLS
 * @suite: IANA number
 * @group: IANA number
 * @sigalg: IANA number
 * @consumed: bytes of the last batch
 * @max_fragment: 0: not limited
 * @verified: the peer was
 * @resumed: the session was
 * @tx_secret_len: bytes in @tx_secret
 * @rx_secret_len: bytes in @rx_secret
 * @tx_iv_len: bytes in @tx_iv
 * @rx_iv_len: bytes in @rx_iv
 * @exporter_len: bytes in @exporter
 * @alpn_len: bytes in @alpn
 * @tx_secret: 1.3: traffic secret; 1.2: key
 * @rx_secret: likewise
 * @tx_iv: 1.2
 * @rx_iv: 1.2
 * @exporter: 1.3: exporter secret; 1.2: master secret and randoms
 * @tx_seq: of the next record sealed
 * @rx_seq: of the next record opened
 * @tx_nonce: 1.2 GCM: explicit nonce of the next record sealed
 * @alpn: protocol chosen
 * @server_name: what the client asked for; NUL-terminated
 * @peer: who was verified (peer.c), or NULL; owned
 * @reason: why it failed; NUL-terminated
 * @peer_certs: or NULL; owned
 * @chain_certs: or NULL; owned
 * @messages: how many NewSessionTickets the helper wants
 */
struct ktls_done {
	int			error;
	u8			alert;
	bool			alert_rcvd;
	u16			version;
	u16			suite;
	u16			group;
	u16			sigalg;
	u32			consumed;
	u32			max_fragment;
	bool			verified;
	bool			resumed;
	u8			tx_secret_len;
	u8			rx_secret_len;
	u8			tx_iv_len;
	u8			rx_iv_len;
	u8			exporter_len;
	u8			alpn_len;
	u8			tx_secret[KTLS_GENL_SECRET_MAX];
	u8			rx_secret[KTLS_GENL_SECRET_MAX];
	u8			tx_iv[KTLS_NONCE_SIZE];
	u8			rx_iv[KTLS_NONCE_SIZE];
	u8			exporter[KTLS_GENL_EXPORTER_MAX];
	u64			tx_seq;
	u64			rx_seq;
	u64			tx_nonce;
	u8			alpn[KTLS_PROTOCOL_MAX];
	char			server_name[KTLS_SERVER_NAME_MAX + 1];
	struct ktls_peer	*peer;
	char			reason[KTLS_REASON_MAX];
	struct ktls_certs	*peer_certs;
	struct ktls_certs	*chain_certs;
	u32			messages;
};

/* What ktls_request_take() found. */
enum ktls_answer {
	KTLS_ANSWER_NONE,	/* the helper is still thinking, or not there yet */
	KTLS_ANSWER_DATA,	/* bytes to send (perhaps none), then more input please */
	KTLS_ANSWER_DONE,	/* the end, good or bad: a struct ktls_done */
	KTLS_ANSWER_LOST,	/* the helper died while it had the request */
};

/* How a request ended; settled once, by whoever comes first. */
enum ktls_outcome {
	KTLS_OUTCOME_OPEN,
	KTLS_OUTCOME_DONE,		/* the helper said DONE, or broke the contract */
	KTLS_OUTCOME_LOST,		/* the helper died */
	KTLS_OUTCOME_CANCELLED,	/* the socket went away, or the deadline came */
};

/* Whose turn it is. */
enum ktls_phase {
	KTLS_PHASE_WAITING,	/* for a port with credit; on a flow */
	KTLS_PHASE_STALLED,	/* a batch waits for its port's credit */
	KTLS_PHASE_HELPER,	/* the helper has a batch to answer */
	KTLS_PHASE_KERNEL,	/* the helper has answered and wants more */
	KTLS_PHASE_ENDED,	/* on no list */
};

union ktls_address {
	struct sockaddr		sa;
	struct sockaddr_in	in;
	struct sockaddr_in6	in6;
};

/**
 * struct ktls_net - helpers and waiting requests of a network namespace
 *
 * @net: the namespace
 * @lock: everything below; softirq-safe
 * @ports: &ktls_port.node; whoever was chosen last is at the end
 * @port_count: of @ports; read anywhere with READ_ONCE
 * @helper_uid: of the first port there ever was
 * @uids: flows of the first level, one per uid; the next to be served first
 * @flows: flows of all levels, see queue.c
 * @waiting: requests on flows
 */
struct ktls_net {
	struct net		*net;
	spinlock_t		lock;	/* who has which request, and the credit */
	struct list_head	ports;
	unsigned int		port_count;
	kuid_t			helper_uid;
	struct list_head	uids;
	DECLARE_HASHTABLE(flows, 10);
	unsigned int		waiting;
};

/* Pauses between attempts while a receive buffer is full, milliseconds. */
#define KTLS_OUTBOX_PAUSE_MIN	10
#define KTLS_OUTBOX_PAUSE_MAX	1000

/**
 * struct ktls_port - a socket of the helper that has said REGISTER
 *
 * @ref: references: of the namespace's list, of each request handed to it, and
 *	of whoever works with it
 * @kn: its namespace
 * @cred: of the task that opened the socket; owned
 * @pid_ns: of the task that said REGISTER; a reference is owned
 * @clock_offset: of its CLOCK_MONOTONIC against ours, nanoseconds
 * @portid: of the socket
 * @credit: how many unanswered messages it takes
 * @mutex: held over each message of the helper, from the first look at a
 *	request to the answer's delivery
 *
 * Under @kn->lock:
 * @node: on ktls_net.ports; empty once it is dead
 * @requests: &ktls_request.node of all requests handed to it
 * @stalled: &ktls_request.stall_node of those with a batch that needs credit
 * @tickets: connections with a MESSAGE that it has not answered (ticket.c)
 * @in_flight: messages it has not answered, and those of requests it was sent CANCEL
 *	for and has not said so
 *
 * @lock: everything below
 * @sk: the socket, a reference is owned; NULL once the port is dead
 * @out: &ktls_request.out_node of requests with something to say to it
 * @cancelled: &ktls_request.out_node of requests whose credit comes back when it has
 *	read their CANCEL
 * @backoff_ms: pause before the next attempt while its buffer is full
 * @work: that attempt; not armed any more once @sk is NULL
 */
struct ktls_port {
	refcount_t		ref;
	struct ktls_net		*kn;
	const struct cred	*cred;
	struct pid_namespace	*pid_ns;
	s64			clock_offset;
	u32			portid;
	u32			credit;
	struct mutex		mutex;	/* what a helper says is heard in order */

	struct list_head	node;
	struct list_head	requests;
	struct list_head	stalled;
	struct list_head	tickets;
	unsigned int		in_flight;

	spinlock_t		lock;	/* what goes out on the socket */
	struct sock		*sk;
	struct list_head	out;
	struct list_head	cancelled;
	unsigned int		backoff_ms;
	struct delayed_work	work;
};

struct ktls_waiter;

/**
 * struct ktls_waiter_ops - what the owner of a request is told
 * @wake: ktls_request_take() has something new. Called in any context, with
 *	ktls_request.lock held: it must neither sleep nor call the helper's room
 * @put: the request gives up its reference
 */
struct ktls_waiter_ops {
	void	(*wake)(struct ktls_waiter *waiter);
	void	(*put)(struct ktls_waiter *waiter);
};

/**
 * struct ktls_waiter - the owner of a request, embedded in what it has
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
 * @deadline: by ktime_get(): the handshake is to be over by then. The helper is told;
 *	it is the caller that cancels the request then
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

/**
 * struct ktls_request - one handshake, or one CHECK, as the helper sees it
 *
 * Written before anyone can find it, constant afterwards:
 * @ref: references, see the top of this file
 * @rcu: freed, and found by its id, under RCU
 * @hash: found by @id
 * @id: unique for the life of the module
 * @kn: the namespace of the socket
 * @params: what it is about; a reference to its config is owned, and a copy of its
 *	records
 *
 * @outcome: enum ktls_outcome, settled by one cmpxchg
 *
 * Under @kn->lock:
 * @phase: whose turn it is
 * @port: who has it, or NULL; a reference is owned
 * @flow: while it is waiting
 * @node: on a flow, or on the port's @requests
 * @stall_node: on the port's @stalled
 * @held: the batch that waits for credit
 * @cost: messages of its port's credit it uses up; after its end under
 *	@port->lock
 *
 * Under @port->lock (constant while there is no port):
 * @out: messages to be sent
 * @out_node: on the port's @out or @cancelled
 * @sent: its first message was sent: the helper knows its id
 * @closed: nothing may be added to @out
 * @cancel: CANCEL is to be sent
 * @secret: the last message with a private key, kept to be wiped once it was read
 *
 * Under @port->mutex:
 * @batch: what the helper has said so far of a batch; kvmalloc
 * @batch_len: bytes in @batch
 * @batch_total: bytes the helper has said in all
 *
 * @lock: everything below
 * @waiter: whom to wake; a reference is owned; NULL: nobody any more
 * @answer: what is there to be taken
 * @answer_records: bytes to send; kvmalloc
 * @answer_len: bytes in @answer_records
 * @done: for KTLS_ANSWER_DONE; NULL: @error and @reason tell
 * @error: positive errno when it was us who ended it
 * @reason: why; a constant string
 */
struct ktls_request {
	refcount_t		ref;
	struct rcu_head		rcu;
	struct rhash_head	hash;
	u64			id;
	struct ktls_net		*kn;
	struct ktls_request_params params;

	atomic_t		outcome;

	enum ktls_phase		phase;
	struct ktls_port	*port;
	struct ktls_flow	*flow;
	struct list_head	node;
	struct list_head	stall_node;
	struct sk_buff_head	held;
	unsigned int		cost;

	struct sk_buff_head	out;
	struct list_head	out_node;
	bool			sent;
	bool			closed;
	bool			cancel;
	struct sk_buff		*secret;

	void			*batch;
	size_t			batch_len;
	size_t			batch_total;

	spinlock_t		lock;	/* what was answered, and whom to wake */
	struct ktls_waiter	*waiter;
	enum ktls_answer	answer;
	void			*answer_records;
	size_t			answer_len;
	struct ktls_done	*done;
	int			error;
	const char		*reason;
};

extern unsigned int ktls_net_id;

/**
 * ktls_net - what the module keeps for a network namespace
 * @net: the namespace
 *
 * Context: any, between ktls_netlink_init() and ktls_netlink_exit().
 * Return: never NULL.
 */
static inline struct ktls_net *ktls_net(const struct net *net)
{
	return net_generic(net, ktls_net_id);
}

/* request.c: what the rest of the module calls */
int ktls_request_init(void);
void ktls_request_exit(void);
void ktls_request_addresses(struct ktls_request_params *params, const struct sock *sk);
struct ktls_request *ktls_request_start(const struct ktls_request_params *params,
					struct ktls_waiter *waiter);
int ktls_request_data(struct ktls_request *req, const void *records, size_t len,
		      const char *reason);
enum ktls_answer ktls_request_take(struct ktls_request *req, void **ret_records,
				   size_t *ret_len, struct ktls_done **ret_done);
void ktls_request_cancel(struct ktls_request *req);
void ktls_request_close(struct ktls_request *req);
void ktls_done_free(struct ktls_done *done);

/* check.c */
int ktls_check(struct net *net, struct ktls_config *config, u32 timeout_ms,
	       char reason[KTLS_REASON_MAX]);

/* request.c: what the files below call */

/* Needs <trace/events/ktls.h>. */
#define ktls_request_trace(event, req, error)					\
	trace_ktls_request_##event((req)->id, (req)->params.net, (req)->params.cmd,	\
				   (req)->params.role, error)

extern struct workqueue_struct *ktls_port_wq;
struct ktls_request *ktls_request_find(u64 id);
void ktls_request_put(struct ktls_request *req);
bool ktls_request_end(struct ktls_request *req, enum ktls_outcome outcome, bool cancel);
void ktls_request_publish(struct ktls_request *req, enum ktls_answer answer,
			  struct ktls_done *done, void *records, size_t len);
void ktls_request_lost(struct ktls_request *req);
void ktls_request_fail(struct ktls_request *req, int error, const char *reason);

/* queue.c: waiting requests; ktls_net.lock held */
void ktls_queue_init(struct ktls_net *kn);
int ktls_queue_add(struct ktls_net *kn, struct ktls_request *req);
void ktls_queue_del(struct ktls_net *kn, struct ktls_request *req);
struct ktls_request *ktls_queue_next(struct ktls_net *kn);

/* port.c: the sockets of the helper and their credit */
struct ktls_port *ktls_port_new(struct ktls_net *kn, struct sock *sk, u32 portid,
				u32 credit);
int ktls_port_add(struct ktls_port *port, struct netlink_ext_ack *extack);
bool ktls_port_exists(const struct net *net);
struct ktls_port *ktls_port_find(struct ktls_net *kn, const struct sock *sk);
void ktls_port_enable(struct ktls_port *port);
void ktls_port_discard(struct ktls_port *port);
void ktls_port_put(struct ktls_port *port);
void ktls_port_dispatch(struct ktls_port *port);
void ktls_port_dispatch_any(struct ktls_net *kn);
void ktls_port_credit(struct ktls_port *port, unsigned int freed);
void ktls_port_close(struct ktls_net *kn, u32 portid);
void ktls_port_close_all(struct ktls_net *kn);

/* answer.c: what the helper says about a request; ktls_port.mutex held */
int ktls_answer_allowed(struct ktls_port *port, struct ktls_request *req,
			const struct genl_info *info, bool *ret_turn);
int ktls_answer_data(struct ktls_port *port, struct ktls_request *req,
		     struct genl_info *info);
int ktls_answer_done(struct ktls_port *port, struct ktls_request *req,
		     struct genl_info *info);
void ktls_answer_wipe(const struct genl_info *info);

/* peer.c: who the peer is, in parts */
enum ktls_peer_part {
	KTLS_PEER_PART_NAME,		/* KTLS_PEER_NAME */
	KTLS_PEER_PART_SUBJECT,		/* KTLS_PEER_SUBJECT */
	KTLS_PEER_PART_NAMES,		/* KTLS_PEER_NAMES */
	KTLS_PEER_PART_FINGERPRINT,	/* KTLS_PEER_FINGERPRINT */
	__KTLS_PEER_PARTS
};

int ktls_peer_parse(const struct genl_info *info, struct ktls_peer **ret_peer);
const void *ktls_peer_get(const struct ktls_peer *peer, enum ktls_peer_part part,
			  size_t *ret_len);

/* ticket.c: NewSessionTickets for the helper */
struct ktls_tickets *ktls_ticket_begin(struct ktls_request *req, u32 wanted);
int ktls_ticket_received(struct ktls_tickets *tickets, const struct net *net,
			 const u8 *body, size_t len);
void ktls_ticket_end(struct ktls_tickets *tickets);
int ktls_ticket_answered(struct ktls_port *port, u64 id);
void ktls_ticket_close(struct ktls_port *port);	/* ktls_net.lock held */

/* outbox.c: what is still to be sent to a port */
void ktls_outbox_flush(struct ktls_port *port);
void ktls_outbox_send(struct ktls_port *port, struct ktls_request *req,
		      struct sk_buff_head *messages);
void ktls_outbox_keep_secret(struct ktls_port *port, struct ktls_request *req,
			     struct sk_buff *skb);
bool ktls_outbox_drop_or_send(struct ktls_port *port, struct sk_buff *skb);
void ktls_outbox_end(struct ktls_port *port, struct ktls_request *req, bool cancel);
void ktls_outbox_cancel_read(struct ktls_port *port, u64 id);
struct sock *ktls_outbox_close(struct ktls_port *port);
void ktls_outbox_register(struct ktls_port *port, struct ktls_config *config);
void ktls_outbox_drop_config(struct ktls_config *config);

/* message.c: what goes to the helper */
struct sk_buff *ktls_message_request(const struct ktls_request *req,
				     const struct ktls_port *port);
int ktls_message_data(u64 id, const void *records, size_t len, const char *reason,
		      struct sk_buff_head *messages);
struct sk_buff *ktls_message_number(u8 cmd, int attr, u64 value);
struct sk_buff *ktls_message_piece(const struct ktls_request *req, u32 attr, u32 offset,
				   const struct genl_info *info);
struct sk_buff *ktls_message_ticket(u64 id, const u8 *body, size_t len);
struct sk_buff *ktls_message_suites(const struct genl_info *info);
void ktls_message_wipe(struct sk_buff *skb);

/* netlink.c */
extern struct genl_family ktls_netlink_family;
int ktls_netlink_init(void);
void ktls_netlink_exit(void);

#endif /* _KTLS_UPCALL_H */
