/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A user of each mode, by policies. */
#ifndef _SELFTESTS_REVOCATION_MODE_H
#define _SELFTESTS_REVOCATION_MODE_H

#include <stddef.h>

enum mode { OFF, STAPLE, CRL, OCSP, HARD, MODES, HARD_OWN_ANCHORS = MODES };

#define MODE_UID(mode)		(6000 + (mode))

extern const char *const mode_names[MODES];

/* Writes the policies for ktlsd.conf. */
void mode_policies(char *text, size_t size);

/* A ktls socket of that user, for @server_name or NULL. */
int mode_socket(int mode, const char *server_name);

#endif /* _SELFTESTS_REVOCATION_MODE_H */
