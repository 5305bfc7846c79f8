/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _KTLS_COMPAT_LINUX_SOCKET_H
#define _KTLS_COMPAT_LINUX_SOCKET_H

#include_next <linux/socket.h>

/* Callbacks that are given an address of unknown length say so since 6.19; before,
 * the same bytes came as a plain struct sockaddr.
 */
#ifndef KTLS_HAVE_SOCKADDR_UNSIZED
#define sockaddr_unsized	sockaddr
#endif

#endif /* _KTLS_COMPAT_LINUX_SOCKET_H */
