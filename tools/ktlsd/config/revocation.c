// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "config/revocation.h"

static const char *const revocation_names[] = {
	[KTLSD_REVOCATION_OFF]		= "off",
	[KTLSD_REVOCATION_STAPLE]	= "staple",
	[KTLSD_REVOCATION_CRL]		= "crl",
	[KTLSD_REVOCATION_OCSP]		= "ocsp",
	[KTLSD_REVOCATION_HARD]		= "hard",
};

int ktlsd_revocation_parse(const char *value, struct ktlsd_revocation *ret_revocation)
{
	size_t i;

	for (i = 0; i < sizeof(revocation_names) / sizeof(*revocation_names); i++) {
		if (strcmp(revocation_names[i], value))
			continue;
		ret_revocation->given = true;
		ret_revocation->mode = (enum ktlsd_revocation_mode)i;
		return 0;
	}
	return -EINVAL;
}

const char *ktlsd_revocation_name(enum ktlsd_revocation_mode mode)
{
	return revocation_names[mode];
}

enum ktlsd_revocation_mode ktlsd_revocation_choose(enum ktlsd_revocation_mode floor,
						   const struct ktlsd_revocation *identity,
						   const struct ktlsd_revocation *global,
						   bool own_anchors, bool all_anchors)
{
	enum ktlsd_revocation_mode mode = global->given ? global->mode :
					  KTLSD_REVOCATION_DEFAULT;

	if (identity && identity->given)
		mode = identity->mode;
	if (mode < floor)
		mode = floor;
	if (own_anchors && !all_anchors && mode > KTLSD_REVOCATION_STAPLE)
		mode = KTLSD_REVOCATION_STAPLE;
	return mode;
}
