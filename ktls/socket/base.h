/* SPDX-License-Identifier: GPL-2.0 */
/* TCP's own operations and callbacks. */
#ifndef _KTLS_SOCKET_BASE_H
#define _KTLS_SOCKET_BASE_H

#include <linux/net.h>
#include <net/sock.h>

/**
 * struct ktls_base - TCP as it was before we replaced it, one per address family
 * @prot: &tcp_prot or &tcpv6_prot
 * @ops: &inet_stream_ops or &inet6_stream_ops
 * @data_ready: sk_data_ready of a fresh socket
 * @write_space: sk_write_space likewise
 * @state_change: sk_state_change likewise
 * @tls_data_ready: what replaces @data_ready
 * @tls_write_space: what replaces @write_space
 * @tls_state_change: what replaces @state_change
 * @tls_prot: our copy of @prot with our operations
 * @tls_ops: our copy of @ops with our operations
 *
 * Filled in once at module load, read only afterwards.
 */
struct ktls_base {
	struct proto			*prot;
	const struct proto_ops		*ops;
	void				(*data_ready)(struct sock *sk);
	void				(*write_space)(struct sock *sk);
	void				(*state_change)(struct sock *sk);
	void				(*tls_data_ready)(struct sock *sk);
	void				(*tls_write_space)(struct sock *sk);
	void				(*tls_state_change)(struct sock *sk);
	struct proto			tls_prot;
	struct proto_ops		tls_ops;
};

struct ktls_base *ktls_base_of_family(int family);
struct ktls_base *ktls_base_of(const struct sock *sk);
void ktls_base_hook(struct sock *sk, const struct ktls_base *base);
void ktls_base_unhook(struct sock *sk, const struct ktls_base *base);

#endif /* _KTLS_SOCKET_BASE_H */
