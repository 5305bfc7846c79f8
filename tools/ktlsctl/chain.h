/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A chain of certificates, for people. */
#ifndef KTLSCTL_CHAIN_H
#define KTLSCTL_CHAIN_H

#include <stddef.h>
#include <stdio.h>

/* Prints subject, issuer and validity of each certificate in @pem, in a line with @key and its
 * number. What is not printable is escaped. Return: how many there were.
 */
unsigned int ktlsctl_chain_print(FILE *out, const char *key, const char *pem, size_t len);

#endif
