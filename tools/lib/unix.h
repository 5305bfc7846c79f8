/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of Unix sockets. Any thread. */
#ifndef KTLS_TOOLS_LIB_UNIX_H
#define KTLS_TOOLS_LIB_UNIX_H

#include <sys/socket.h>
#include <sys/un.h>

/* Makes the address of a socket in the file system. Return: 0 or -ENAMETOOLONG */
int ktlsd_unix_address(struct sockaddr_un *ret_address, const char *path);

#endif
