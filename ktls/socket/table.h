/* SPDX-License-Identifier: GPL-2.0 */
/* The contexts of a network namespace, for those who want to see all of them. */
#ifndef _KTLS_SOCKET_TABLE_H
#define _KTLS_SOCKET_TABLE_H

#include <linux/types.h>

struct ktls_ctx;
struct net;

int ktls_table_init(void);
void ktls_table_exit(void);
int ktls_table_add(struct ktls_ctx *ctx);
void ktls_table_remove(struct ktls_ctx *ctx);
struct ktls_ctx *ktls_table_next(const struct net *net, unsigned long *index);

#endif /* _KTLS_SOCKET_TABLE_H */
