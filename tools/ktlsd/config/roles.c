// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "config/roles.h"

int ktlsd_roles_parse(const char *value, unsigned int *ret_roles)
{
	if (!strcmp(value, "client"))
		*ret_roles = KTLSD_ROLES_CLIENT;
	else if (!strcmp(value, "server"))
		*ret_roles = KTLSD_ROLES_SERVER;
	else if (!strcmp(value, "both"))
		*ret_roles = KTLSD_ROLES_BOTH;
	else
		return -EINVAL;
	return 0;
}

unsigned int ktlsd_roles_of(X509 *cert)
{
	/* All bits without the extension. */
	uint32_t usage = X509_get_extended_key_usage(cert);
	unsigned int roles = 0;

	if (usage & (XKU_SSL_SERVER | XKU_ANYEKU))
		roles |= KTLSD_ROLES_SERVER;
	if (usage & (XKU_SSL_CLIENT | XKU_ANYEKU))
		roles |= KTLSD_ROLES_CLIENT;
	return roles ? roles : KTLSD_ROLES_BOTH;
}

const char *ktlsd_roles_who(unsigned int roles)
{
	if (roles == KTLSD_ROLES_SERVER)
		return "servers";
	return roles == KTLSD_ROLES_CLIENT ? "clients" : "servers and clients";
}
