// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "config/parse.h"
#include "signer/permit.h"

/**
 * permit - what ktlsd.conf permits
 * @path: of the file; NULL for none
 * @stale: it may have changed
 * @decrypt: there is a policy that allows RSA key transport
 */
static struct {
	const char	*path;
	bool		stale;
	atomic_bool	decrypt;
} permit;

void ktlsd_permit_init(const char *path)
{
	permit.path = path;
	permit.stale = path;
}

void ktlsd_permit_note_read(const char *path)
{
	permit.stale |= permit.path && !strcmp(path, permit.path);
}

void ktlsd_permit_refresh(void)
{
	struct ktlsd_config *config;
	struct ktlsd_fault fault;
	bool decrypt = false;
	size_t i;

	if (!permit.stale || ktlsd_parse_config(permit.path, &config, &fault))
		return;
	permit.stale = false;
	for (i = 0; i < config->policy_count; i++)
		decrypt |= config->policies[i].bounds.rsa_transport;
	permit.decrypt = decrypt;
	ktlsd_config_put(config);
}

bool ktlsd_permit_decrypt(void)
{
	return permit.decrypt;
}
