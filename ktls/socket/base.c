// SPDX-License-Identifier: GPL-2.0
/* TCP's own operations and callbacks, as ops.c has found them. */

#include <net/sock.h>

#include "socket/base.h"

enum { BASE_IPV4, BASE_IPV6, BASE_FAMILIES };

static struct ktls_base base_table[BASE_FAMILIES] __ro_after_init;

/**
 * ktls_base_of_family - TCP's own operations of an address family
 * @family: AF_INET or AF_INET6
 *
 * Context: any.
 * Return: never NULL.
 */
struct ktls_base *ktls_base_of_family(int family)
{
	return &base_table[family == AF_INET6 ? BASE_IPV6 : BASE_IPV4];
}

/**
 * ktls_base_of - TCP's own operations for a socket
 * @sk: any TCP socket
 *
 * Context: any.
 * Return: never NULL.
 */
struct ktls_base *ktls_base_of(const struct sock *sk)
{
	return ktls_base_of_family(sk->sk_family);
}

/**
 * ktls_base_hook - replace TCP's callbacks
 * @sk: a socket whose context is in place
 * @base: its base
 *
 * Context: process, socket lock held.
 */
void ktls_base_hook(struct sock *sk, const struct ktls_base *base)
{
	sock_owned_by_me(sk);
	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_data_ready = base->tls_data_ready;
	sk->sk_write_space = base->tls_write_space;
	sk->sk_state_change = base->tls_state_change;
	write_unlock_bh(&sk->sk_callback_lock);
}

/**
 * ktls_base_unhook - restore TCP's callbacks
 * @sk: a socket with a context, or the clone of one
 * @base: its base
 *
 * Context: any. The caller has sk_callback_lock, or is alone with @sk.
 */
void ktls_base_unhook(struct sock *sk, const struct ktls_base *base)
{
	sk->sk_data_ready = base->data_ready;
	sk->sk_write_space = base->write_space;
	sk->sk_state_change = base->state_change;
}
