/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which addresses are connected to: certificates of strangers name the hosts. */
#ifndef KTLS_FETCH_ADDRESS_H
#define KTLS_FETCH_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

enum {
	KTLS_FETCH_ALLOWED_MAX	= 32,	/* networks */
};

/* Allows the private network @text, "ADDRESS/BITS" or one address. Before any thread is
 * started. Return: 0, or -EINVAL.
 */
int ktls_fetch_address_allow(const char *text);

/* Return: whether @address is public, or in a network that is allowed. */
bool ktls_fetch_address_is_allowed(const struct sockaddr *address);

#endif
