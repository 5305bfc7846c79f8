/* SPDX-License-Identifier: GPL-2.0 */
/* The operations and callbacks that replace TCP's. */
#ifndef _KTLS_SOCKET_OPS_H
#define _KTLS_SOCKET_OPS_H

int ktls_ops_init(void);

#endif /* _KTLS_SOCKET_OPS_H */
