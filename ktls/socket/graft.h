/* SPDX-License-Identifier: GPL-2.0 */
/* A struct socket for connections without a file; lock held. */
#ifndef _KTLS_SOCKET_GRAFT_H
#define _KTLS_SOCKET_GRAFT_H

struct ktls_ctx;

int ktls_graft(struct ktls_ctx *ctx);
void ktls_graft_remove(struct ktls_ctx *ctx);

#endif /* _KTLS_SOCKET_GRAFT_H */
