/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a key is used by servers, by clients or by both: the setting "role". Any thread. */
#ifndef KTLSD_ROLES_H
#define KTLSD_ROLES_H

#include <linux/ktls.h>
#include <openssl/x509.h>

/* A mask; 0: not given. */
enum {
	KTLSD_ROLES_CLIENT	= KTLS_ROLE_CLIENT,
	KTLSD_ROLES_SERVER	= KTLS_ROLE_SERVER,
	KTLSD_ROLES_BOTH	= KTLSD_ROLES_CLIENT | KTLSD_ROLES_SERVER,
};

/* Return: 0 and @ret_roles set, or -EINVAL if @value is not client, server or both. */
int ktlsd_roles_parse(const char *value, unsigned int *ret_roles);

/* Return: what the extended key usage of a certificate allows; all, if it allows nothing. */
unsigned int ktlsd_roles_of(X509 *cert);

/* Return: "servers", "clients" or "servers and clients". */
const char *ktlsd_roles_who(unsigned int roles);

#endif
