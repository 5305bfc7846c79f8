// SPDX-License-Identifier: GPL-2.0
/* What the owner of a request sends to the helper: START or CHECK, then DATA. */
#include <kunit/visibility.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "helper/dispatch.h"
#include "helper/message.h"
#include "helper/request.h"
#include "helper/turn.h"

#include <trace/events/ktls.h>

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
 * ktls_request_addresses - the addresses of a socket
 * @sk: the socket
 * @local: its own
 * @peer: the peer's, zeros if it is not connected
 *
 * IPv4 on an IPv6 socket is IPv4: that is what certificates are checked for.
 *
 * Context: any. Without the socket lock they are those of a moment at which the socket
 * may just have been connected.
 */
void ktls_request_addresses(const struct sock *sk, union ktls_address *local,
			    union ktls_address *peer)
{
	const struct inet_sock *inet = inet_sk(sk);

#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 && !ipv6_addr_v4mapped(&sk->sk_v6_daddr)) {
		request_address6(local, &sk->sk_v6_rcv_saddr, inet->inet_sport,
				 sk->sk_bound_dev_if);
		request_address6(peer, &sk->sk_v6_daddr, inet->inet_dport,
				 sk->sk_bound_dev_if);
		return;
	}
#endif
	request_address4(local, inet->inet_rcv_saddr, inet->inet_sport);
	request_address4(peer, inet->inet_daddr, inet->inet_dport);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_request_addresses);

/* From here on the request can be found, given to a port, answered and lost. */
static int request_submit(struct ktls_request *req)
{
	struct ktls_net *kn = req->kn;
	int err;

	err = ktls_request_insert(req);
	if (err)
		return err;
	ktls_request_trace(start, req, 0);
	spin_lock_bh(&kn->lock);
	err = ktls_turn_wait(kn, &req->turn);
	spin_unlock_bh(&kn->lock);
	if (err) {
		ktls_request_end(req, KTLS_OUTCOME_CANCELLED, false);
		return err;
	}
	ktls_dispatch_any(kn);
	return 0;
}

/**
 * ktls_request_start - send the helper a request
 * @params: what it is about; config and records are referenced or copied
 * @waiter: woken whenever ktls_request_take() has something new. The caller's
 *	reference passes to the request, which drops it in ktls_request_cancel() or
 *	ktls_request_close(); also on failure
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
	struct ktls_request *req;
	int err;

	req = ktls_request_new(params, waiter);
	if (IS_ERR(req))
		return req;
	err = request_submit(req);
	if (!err)
		return req;
	ktls_request_close(req);
	return ERR_PTR(err);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_request_start);

/**
 * ktls_request_data - send the helper the next batch
 * @req: a request whose last ktls_request_take() was KTLS_ANSWER_DATA
 * @records: whole records; copied
 * @len: bytes in @records, 1..KTLS_HS_BATCH_MAX
 * @reason: why @records, a record's header, violate the RFC; else NULL
 *
 * Context: process; a socket lock may be held; sleeps for memory only.
 * Return: 0, also when the request has ended in the meantime: then
 * ktls_request_take() says so. -EBUSY out of turn, -EMSGSIZE, -ENOMEM.
 */
int ktls_request_data(struct ktls_request *req, const void *records, size_t len,
		      const char *reason)
{
	struct sk_buff_head messages;
	struct ktls_port *port;
	int err;

	if (!len || len > KTLS_HS_BATCH_MAX)
		return -EMSGSIZE;
	__skb_queue_head_init(&messages);
	err = ktls_message_data(req, records, len, reason, &messages);
	if (err)
		return err;
	err = ktls_turn_stall(req->kn, &req->turn, &messages, &port);
	__skb_queue_purge(&messages);
	if (port)
		ktls_dispatch_port(port);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_request_data);
