/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of numbers in struct ktls_info. */
#ifndef KTLSCTL_NAMES_H
#define KTLSCTL_NAMES_H

#include <stddef.h>
#include <stdint.h>

/* Each returns a name, or the number in hexadecimal in @number; "-" for 0. */
const char *ktlsctl_names_suite(uint16_t suite, char *number, size_t size);
const char *ktlsctl_names_group(uint16_t group, char *number, size_t size);
const char *ktlsctl_names_signature(uint16_t sigalg, char *number, size_t size);

/* "1.2", "1.3", "-" or "?". */
const char *ktlsctl_names_version(uint16_t version);

/* Of enum ktls_info_state, ktls_role and ktls_revocation; "?" of others. */
const char *ktlsctl_names_state(uint8_t state);
const char *ktlsctl_names_role(uint8_t role);
const char *ktlsctl_names_revocation(uint32_t revocation);

/* Of an alert (RFC 8446 section 6), or its number. */
const char *ktlsctl_names_alert(uint8_t alert, char *number, size_t size);

#endif
