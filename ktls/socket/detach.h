/* SPDX-License-Identifier: GPL-2.0 */
/* Detach a context from its socket; lock held. */
#ifndef _KTLS_SOCKET_DETACH_H
#define _KTLS_SOCKET_DETACH_H

struct ktls_ctx;

void ktls_detach(struct ktls_ctx *ctx);

#endif /* _KTLS_SOCKET_DETACH_H */
