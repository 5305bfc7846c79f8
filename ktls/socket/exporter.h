/* SPDX-License-Identifier: GPL-2.0 */
/* KTLS_EXPORTER. Socket lock not held unless noted. */
#ifndef _KTLS_SOCKET_EXPORTER_H
#define _KTLS_SOCKET_EXPORTER_H

#include <linux/sockptr.h>
#include <linux/types.h>

struct ktls_blob;
struct ktls_ctx;
struct sock;

int ktls_exporter_get(struct sock *sk, char __user *optval, int __user *optlen);
int ktls_exporter_set(struct sock *sk, sockptr_t optval, unsigned int optlen);
struct ktls_blob *ktls_exporter_output(const struct ktls_ctx *ctx);	/* lock held */

#endif /* _KTLS_SOCKET_EXPORTER_H */
