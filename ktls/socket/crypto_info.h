/* SPDX-License-Identifier: GPL-2.0 */
/* TLS_TX and TLS_RX: external keys; lock not held. */
#ifndef _KTLS_SOCKET_CRYPTO_INFO_H
#define _KTLS_SOCKET_CRYPTO_INFO_H

#include <linux/sockptr.h>
#include <linux/types.h>

struct sock;

/**
 * struct ktls_external - options of sockets with external keys; socket lock
 * @alias: attached under the name `tls`, for good: established sockets and external keys
 *	only; a direction without a key is TCP's, see ktls_dir.plain. Constant
 * @zerocopy_ro: TLS_TX_ZEROCOPY_RO, which only reads back: pages that may change
 *	while they are sent do no harm here, see send.c
 * @no_pad: TLS_RX_EXPECT_NO_PAD, likewise: no record is opened twice. Also read without
 *	the lock
 */
struct ktls_external {
	bool	alias;
	bool	zerocopy_ro;
	bool	no_pad;
};

int ktls_crypto_info_set(struct sock *sk, int optname, sockptr_t optval, unsigned int optlen);
int ktls_crypto_info_get(struct sock *sk, int optname, char __user *optval,
			 int __user *optlen);

int ktls_crypto_info_set_option(struct sock *sk, int optname, sockptr_t optval,
				unsigned int optlen);
int ktls_crypto_info_get_option(struct sock *sk, int optname, char __user *optval,
				int __user *optlen);

#endif /* _KTLS_SOCKET_CRYPTO_INFO_H */
