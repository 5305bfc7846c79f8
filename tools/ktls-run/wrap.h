/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes a TCP socket a TLS socket, as a rule wants it. Any thread. */
#ifndef KTLS_RUN_WRAP_H
#define KTLS_RUN_WRAP_H

#include <stdbool.h>

#include "ktls-run/rules.h"

enum {
	KTLS_RUN_REASON_MAX	= 256,	/* bytes of KTLS_ERROR with its NUL */
};

/* Return: whether it is a TCP socket. */
bool ktls_run_wrap_is_tcp(int fd);

/* Return: whether it is a TLS socket already, ours or one that the program has made. */
bool ktls_run_wrap_is_tls(int fd);

/* The state of TCP, TCP_CLOSE if there is none. */
int ktls_run_wrap_tcp_state(int fd);

/**
 * ktls_run_wrap_socket - set the ULP and its options
 * @fd: of a socket without a connection; a listening one is possible
 * @settings: whose "plain" is not set
 * @ret_what: on error: what failed, with a remedy if there is one; a constant string
 *
 * On error the socket is left as it is. Nobody must connect it, or listen on it, then.
 *
 * Return: 0 or a negative errno
 */
int ktls_run_wrap_socket(int fd, const struct ktls_run_settings *settings,
			 const char **ret_what);

/* KTLS_ERROR, or "" */
void ktls_run_wrap_reason(int fd, char reason[static KTLS_RUN_REASON_MAX]);

#endif
