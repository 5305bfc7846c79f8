/* SPDX-License-Identifier: GPL-2.0 */
/* NewSessionTickets for the helper. */
#ifndef _KTLS_HELPER_TICKET_H
#define _KTLS_HELPER_TICKET_H

#include <linux/types.h>

struct ktls_config;
struct ktls_port;
struct ktls_request;
struct ktls_tickets;
struct net;

/* of a connection */
struct ktls_tickets *ktls_ticket_begin(struct ktls_request *req, u32 wanted);
int ktls_ticket_received(struct ktls_tickets *tickets, const struct ktls_config *config,
			 const struct net *net, const u8 *body, size_t len);
void ktls_ticket_end(struct ktls_tickets *tickets);

/* of a port */
int ktls_ticket_answered(struct ktls_port *port, u64 id);
void ktls_ticket_close(struct ktls_port *port);

#endif /* _KTLS_HELPER_TICKET_H */
