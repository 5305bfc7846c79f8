/* SPDX-License-Identifier: GPL-2.0 */
/* TLS_TX and TLS_RX: external keys; lock not held. */
#ifndef _KTLS_SOCKET_CRYPTO_INFO_H
#define _KTLS_SOCKET_CRYPTO_INFO_H

#include <linux/sockptr.h>

struct sock;

int ktls_crypto_info_set(struct sock *sk, int optname, sockptr_t optval, unsigned int optlen);
int ktls_crypto_info_get(struct sock *sk, int optname, char __user *optval,
			 int __user *optlen);

int ktls_crypto_info_set_option(struct sock *sk, int optname, sockptr_t optval,
				unsigned int optlen);
int ktls_crypto_info_get_option(struct sock *sk, int optname, char __user *optval,
				int __user *optlen);

#endif /* _KTLS_SOCKET_CRYPTO_INFO_H */
