/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets that are there before the program: of inetd, or of systemd. Main thread only. */
#ifndef KTLS_RUN_INHERIT_H
#define KTLS_RUN_INHERIT_H

#include "ktls-run/rules.h"

/* Makes all listening sockets TLS that a rule names. An error, also that a rule names a socket
 * that is connected already, is logged. @wrapped: one that is TLS, or -1.
 * Return: 0 or a negative errno
 */
int ktls_run_inherit_sockets(const struct ktls_run_rules *rules, int wrapped);

/* Does the server's handshake on @fd, which is connected. An error is logged.
 * Return: 0 or a negative errno
 */
int ktls_run_inherit_wrap(int fd, const struct ktls_run_settings *settings);

/* Return: whether the standard error stream is a socket of the Internet, where nothing may be
 * written that is not for the peer.
 */
bool ktls_run_inherit_is_stderr_socket(void);

/* Closes all that ktls-run has inherited and does not need, but stderr and @keep. */
void ktls_run_inherit_close(int keep);

#endif
