/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The server name in a ClientHello (RFC 6066 3), and which identity of the listener has it.
 * Any thread.
 */
#ifndef KTLSD_SERVER_NAME_H
#define KTLSD_SERVER_NAME_H

#include "tls/handshake.h"

/* Sets the callbacks of a server. */
void ktlsd_server_name_prepare(SSL_CTX *ctx);

/**
 * ktlsd_server_name_explain - why a ClientHello was refused
 * @hs: failed
 * @fault: filled
 *
 * Return: a negative errno, or 0 if it was not refused for its server name
 */
int ktlsd_server_name_explain(const struct ktlsd_handshake *hs, struct ktlsd_fault *fault);

#endif
