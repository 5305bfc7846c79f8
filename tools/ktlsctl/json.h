/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON on a stream. */
#ifndef KTLSCTL_JSON_H
#define KTLSCTL_JSON_H

#include <stdio.h>

/* Prints @text in quotes, with escapes. */
void ktlsctl_json_string(FILE *out, const char *text);

#endif
