/* SPDX-License-Identifier: GPL-2.0 */
/* Requests to the helper, states of connections, alerts, KeyUpdates, why connections failed. No
 * keys or payload; addresses and ports, no names but those in a reason.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ktls

#if !defined(_TRACE_KTLS_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_KTLS_H

#include <linux/tracepoint.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/sock.h>
#include <uapi/linux/ktls.h>
#include <uapi/linux/ktls_netlink.h>

/* Bytes of a reason with its NUL: KTLS_REASON_MAX. */
#define KTLS_TRACE_REASON 256

TRACE_DEFINE_ENUM(KTLS_STATE_NEW);
TRACE_DEFINE_ENUM(KTLS_STATE_CONNECTING);
TRACE_DEFINE_ENUM(KTLS_STATE_LISTENING);
TRACE_DEFINE_ENUM(KTLS_STATE_HANDSHAKE);
TRACE_DEFINE_ENUM(KTLS_STATE_OPEN);
TRACE_DEFINE_ENUM(KTLS_STATE_FAILED);
TRACE_DEFINE_ENUM(KTLS_STATE_CLOSED);

#define show_ktls_state(state)				\
	__print_symbolic(state,				\
			 { KTLS_STATE_NEW, "NEW" },	\
			 { KTLS_STATE_CONNECTING, "CONNECTING" },	\
			 { KTLS_STATE_LISTENING, "LISTENING" },	\
			 { KTLS_STATE_HANDSHAKE, "HANDSHAKE" },	\
			 { KTLS_STATE_OPEN, "OPEN" },	\
			 { KTLS_STATE_FAILED, "FAILED" },	\
			 { KTLS_STATE_CLOSED, "CLOSED" })

TRACE_DEFINE_ENUM(KTLS_CMD_START);
TRACE_DEFINE_ENUM(KTLS_CMD_CHECK);

#define show_ktls_kind(kind)				\
	__print_symbolic(kind,				\
			 { KTLS_CMD_START, "START" },	\
			 { KTLS_CMD_CHECK, "CHECK" })

TRACE_DEFINE_ENUM(KTLS_ROLE_CLIENT);
TRACE_DEFINE_ENUM(KTLS_ROLE_SERVER);

#define show_ktls_role(role)				\
	__print_symbolic(role,				\
			 { KTLS_ROLE_CLIENT, "client" },	\
			 { KTLS_ROLE_SERVER, "server" })

/* RFC 8446 section 6, RFC 5246 section 7.2. */
#define show_ktls_alert(alert)				\
	__print_symbolic(alert,				\
			 { 0, "close_notify" },			\
			 { 10, "unexpected_message" },		\
			 { 20, "bad_record_mac" },		\
			 { 22, "record_overflow" },		\
			 { 40, "handshake_failure" },		\
			 { 42, "bad_certificate" },		\
			 { 43, "unsupported_certificate" },	\
			 { 44, "certificate_revoked" },		\
			 { 45, "certificate_expired" },		\
			 { 46, "certificate_unknown" },		\
			 { 47, "illegal_parameter" },		\
			 { 48, "unknown_ca" },			\
			 { 49, "access_denied" },		\
			 { 50, "decode_error" },		\
			 { 51, "decrypt_error" },		\
			 { 70, "protocol_version" },		\
			 { 71, "insufficient_security" },	\
			 { 80, "internal_error" },		\
			 { 86, "inappropriate_fallback" },	\
			 { 90, "user_canceled" },		\
			 { 100, "no_renegotiation" },		\
			 { 109, "missing_extension" },		\
			 { 110, "unsupported_extension" },	\
			 { 112, "unrecognized_name" },		\
			 { 113, "bad_certificate_status_response" }, \
			 { 115, "unknown_psk_identity" },	\
			 { 116, "certificate_required" },	\
			 { 120, "no_application_protocol" })

/* A request to the helper; error: a positive errno, 0 if nothing went wrong. */
DECLARE_EVENT_CLASS(ktls_request,
	TP_PROTO(u64 id, const struct net *net, u8 kind, u8 role, int error),
	TP_ARGS(id, net, kind, role, error),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(unsigned int, netns)
		__field(u8, kind)
		__field(u8, role)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->netns = net->ns.inum;
		__entry->kind = kind;
		__entry->role = role;
		__entry->error = error;
	),
	TP_printk("id=%llu netns=%u %s %s errno=%d", __entry->id, __entry->netns,
		  show_ktls_kind(__entry->kind), show_ktls_role(__entry->role),
		  __entry->error)
);

/* A request was made and waits for a port. */
DEFINE_EVENT(ktls_request, ktls_request_start,
	TP_PROTO(u64 id, const struct net *net, u8 kind, u8 role, int error),
	TP_ARGS(id, net, kind, role, error)
);

/* The helper has answered a batch and wants more. */
DEFINE_EVENT(ktls_request, ktls_request_answered,
	TP_PROTO(u64 id, const struct net *net, u8 kind, u8 role, int error),
	TP_ARGS(id, net, kind, role, error)
);

/* The helper sent DONE, or broke the protocol and the kernel ended the request. */
DEFINE_EVENT(ktls_request, ktls_request_done,
	TP_PROTO(u64 id, const struct net *net, u8 kind, u8 role, int error),
	TP_ARGS(id, net, kind, role, error)
);

/* The socket was closed, or the deadline passed. */
DEFINE_EVENT(ktls_request, ktls_request_cancelled,
	TP_PROTO(u64 id, const struct net *net, u8 kind, u8 role, int error),
	TP_ARGS(id, net, kind, role, error)
);

/* The helper closed its socket before it sent DONE. */
DEFINE_EVENT(ktls_request, ktls_request_lost,
	TP_PROTO(u64 id, const struct net *net, u8 kind, u8 role, int error),
	TP_ARGS(id, net, kind, role, error)
);

/* A request was given to the helper, on the netlink socket with this port id. */
TRACE_EVENT(ktls_request_handed,
	TP_PROTO(u64 id, const struct net *net, u32 portid),
	TP_ARGS(id, net, portid),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(unsigned int, netns)
		__field(u32, portid)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->netns = net->ns.inum;
		__entry->portid = portid;
	),
	TP_printk("id=%llu netns=%u portid=%u", __entry->id, __entry->netns,
		  __entry->portid)
);

#ifndef _TRACE_KTLS_SOCK
#define _TRACE_KTLS_SOCK

/* Its addresses as bytes of IPv6, ::ffff:a.b.c.d for IPv4. Context: any; without the socket lock
 * they are those of a moment, as the ports are.
 */
static inline void ktls_trace_addresses(const struct sock *sk, u8 *saddr, u8 *daddr)
{
	struct in6_addr local, peer;

#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		memcpy(saddr, &sk->sk_v6_rcv_saddr, sizeof(local));
		memcpy(daddr, &sk->sk_v6_daddr, sizeof(peer));
		return;
	}
#endif
	ipv6_addr_set_v4mapped(inet_sk(sk)->inet_rcv_saddr, &local);
	ipv6_addr_set_v4mapped(inet_sk(sk)->inet_daddr, &peer);
	memcpy(saddr, &local, sizeof(local));
	memcpy(daddr, &peer, sizeof(peer));
}

/* What each event of a socket has. */
#define KTLS_TRACE_SOCK_FIELDS				\
	__field(const void *, sk)			\
	__field(unsigned int, netns)			\
	__field(u16, sport)				\
	__field(u16, dport)				\
	__array(u8, saddr, 16)				\
	__array(u8, daddr, 16)

#define KTLS_TRACE_SOCK_ASSIGN(socket)			\
	do {						\
		__entry->sk = (socket);			\
		__entry->netns = sock_net(socket)->ns.inum;	\
		__entry->sport = ntohs(inet_sk(socket)->inet_sport);	\
		__entry->dport = ntohs(inet_sk(socket)->inet_dport);	\
		ktls_trace_addresses(socket, __entry->saddr, __entry->daddr);	\
	} while (0)

#define KTLS_TRACE_SOCK_FORMAT	"sk=%p netns=%u sport=%u dport=%u saddr=%pI6c daddr=%pI6c"
#define KTLS_TRACE_SOCK_ARGS				\
	__entry->sk, __entry->netns, __entry->sport, __entry->dport,	\
	__entry->saddr, __entry->daddr

#endif /* _TRACE_KTLS_SOCK */

/* A connection or listener changes its state. */
TRACE_EVENT(ktls_state,
	TP_PROTO(const struct sock *sk, u8 from, u8 to),
	TP_ARGS(sk, from, to),
	TP_STRUCT__entry(
		KTLS_TRACE_SOCK_FIELDS
		__field(u8, from)
		__field(u8, to)
	),
	TP_fast_assign(
		KTLS_TRACE_SOCK_ASSIGN(sk);
		__entry->from = from;
		__entry->to = to;
	),
	TP_printk(KTLS_TRACE_SOCK_FORMAT " %s -> %s", KTLS_TRACE_SOCK_ARGS,
		  show_ktls_state(__entry->from),
		  show_ktls_state(__entry->to))
);

/* An alert was sent, or received. */
TRACE_EVENT(ktls_alert,
	TP_PROTO(const struct sock *sk, bool sent, u8 alert),
	TP_ARGS(sk, sent, alert),
	TP_STRUCT__entry(
		KTLS_TRACE_SOCK_FIELDS
		__field(bool, sent)
		__field(u8, alert)
	),
	TP_fast_assign(
		KTLS_TRACE_SOCK_ASSIGN(sk);
		__entry->sent = sent;
		__entry->alert = alert;
	),
	TP_printk(KTLS_TRACE_SOCK_FORMAT " %s %s(%u)", KTLS_TRACE_SOCK_ARGS,
		  __entry->sent ? "sent" : "received",
		  show_ktls_alert(__entry->alert), __entry->alert)
);

/* A KeyUpdate was sealed, or received; asked: its sender wants one, too. */
TRACE_EVENT(ktls_key_update,
	TP_PROTO(const struct sock *sk, bool sent, bool asked),
	TP_ARGS(sk, sent, asked),
	TP_STRUCT__entry(
		KTLS_TRACE_SOCK_FIELDS
		__field(bool, sent)
		__field(bool, asked)
	),
	TP_fast_assign(
		KTLS_TRACE_SOCK_ASSIGN(sk);
		__entry->sent = sent;
		__entry->asked = asked;
	),
	TP_printk(KTLS_TRACE_SOCK_FORMAT " %s%s", KTLS_TRACE_SOCK_ARGS,
		  __entry->sent ? "sent" : "received",
		  __entry->asked ? " asked" : "")
);

/* What KTLS_ERROR returns from now on: the connection, or a call, has failed. */
TRACE_EVENT(ktls_reason,
	TP_PROTO(const struct sock *sk, const char *reason),
	TP_ARGS(sk, reason),
	TP_STRUCT__entry(
		KTLS_TRACE_SOCK_FIELDS
		__array(char, reason, KTLS_TRACE_REASON)
	),
	TP_fast_assign(
		KTLS_TRACE_SOCK_ASSIGN(sk);
		/* bpftrace compares all of its bytes. */
		strscpy_pad(__entry->reason, reason, KTLS_TRACE_REASON);
	),
	TP_printk(KTLS_TRACE_SOCK_FORMAT " %s", KTLS_TRACE_SOCK_ARGS,
		  __entry->reason)
);

#endif /* _TRACE_KTLS_H */

/* The default TRACE_INCLUDE_PATH, trace/events, is on the include path. */
#include <trace/define_trace.h>
