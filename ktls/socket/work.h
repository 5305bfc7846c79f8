/* SPDX-License-Identifier: GPL-2.0 */
/* What the one work of a context does in each state. */
#ifndef _KTLS_SOCKET_WORK_H
#define _KTLS_SOCKET_WORK_H

struct ktls_ctx_ops;

extern const struct ktls_ctx_ops ktls_work_ops;

#endif /* _KTLS_SOCKET_WORK_H */
