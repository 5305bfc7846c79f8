/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Resumption by a client: offers a session, and makes new ones from the server's tickets.
 * Thread of the handshake.
 */
#ifndef KTLSD_CLIENT_TICKET_H
#define KTLSD_CLIENT_TICKET_H

#include "tls/handshake.h"

/**
 * ktlsd_client_ticket_offer - offer a session, and allow new ones
 * @hs: a client's, not begun
 * @fingerprint: of the request
 * @saved: from the cache, or NULL; the handshake takes over the reference
 *
 * A server that declines the session does a full handshake.
 */
void ktlsd_client_ticket_offer(struct ktlsd_handshake *hs,
			       const struct ktlsd_fingerprint *fingerprint,
			       struct ktlsd_saved_session *saved);

/* Return: how many NewSessionTickets to await after the handshake. */
unsigned int ktlsd_client_ticket_wanted(const struct ktlsd_handshake *hs);

/* Prepares a complete handshake for ktlsd_client_ticket_receive(): from now on it
 * writes nothing. Return: 0 or -ENOMEM
 */
int ktlsd_client_ticket_await(struct ktlsd_handshake *hs);

/**
 * ktlsd_client_ticket_receive - make a session from a ticket that the kernel decrypted
 * @hs: after ktlsd_client_ticket_await()
 * @body: of the NewSessionTicket
 * @len: bytes, at most KTLS_GENL_TICKET_MAX
 * @lifetime: upper limit, seconds
 * @ret_saved: a reference; NULL if the session cannot be resumed
 *
 * Return: 0, or a negative errno, after which @hs can receive no more tickets
 */
int ktlsd_client_ticket_receive(struct ktlsd_handshake *hs, const uint8_t *body, size_t len,
				unsigned int lifetime, struct ktlsd_saved_session **ret_saved);

/* TLS 1.2: the session of a complete handshake, or NULL. */
struct ktlsd_saved_session *ktlsd_client_ticket_save(struct ktlsd_handshake *hs,
						     unsigned int lifetime);

#endif
