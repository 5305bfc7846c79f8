// SPDX-License-Identifier: GPL-2.0-or-later
/* Modes of checking. See revocation_mode.h. */
#include "lib/interop.h"
#include "revocation_mode.h"

const char *const mode_names[MODES] = { "off", "staple", "crl", "ocsp", "hard" };

void mode_policies(char *text, size_t size)
{
	int len = 0;

	for (int mode = STAPLE; mode < MODES; mode++)
		len += snprintf(text + len, size - len,
				"[policy %s]\nuids = %d\nrevocation = %s\n", mode_names[mode],
				MODE_UID(mode), mode_names[mode]);
	snprintf(text + len, size - len, "[policy own]\nuids = %d\n"
		 "revocation = hard\nrevocation_ktls_trust = yes\n", MODE_UID(HARD_OWN_ANCHORS));
}

int mode_socket(int mode, const char *server_name)
{
	int fd;

	harness_seteuid(MODE_UID(mode));
	fd = interop_socket(server_name);
	harness_seteuid(0);
	return fd;
}
