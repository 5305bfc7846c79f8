/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Resumption by a server: issues tickets, and accepts its own. Thread of the handshake. */
#ifndef KTLSD_SERVER_TICKET_H
#define KTLSD_SERVER_TICKET_H

#include "tls/handshake.h"

/* Sets the callbacks of an SSL_CTX. Return: 0 or -ENOMEM. */
int ktlsd_server_ticket_prepare(SSL_CTX *ctx);

/**
 * ktlsd_server_ticket_enable - issue tickets, and accept those with the same fingerprint
 * @hs: a server's, not begun
 * @fingerprint: of the request
 * @keys: shared between threads; must outlive @hs
 * @count: tickets to issue after the handshake, at least 1
 *
 * Return: 0 or -ENOMEM
 */
int ktlsd_server_ticket_enable(struct ktlsd_handshake *hs,
			       const struct ktlsd_fingerprint *fingerprint,
			       struct ktlsd_ticket_keys *keys, unsigned int count);

#endif
