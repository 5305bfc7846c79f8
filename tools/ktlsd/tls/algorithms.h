/* SPDX-License-Identifier: GPL-2.0-or-later */
/* KTLS_GROUPS and KTLS_SIGALGS: the key exchange groups and signature algorithms that ktlsd
 * knows, and which of them a handshake may use. Any thread.
 */
#ifndef KTLSD_ALGORITHMS_H
#define KTLSD_ALGORITHMS_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "errors.h"

enum ktlsd_algorithms {
	KTLSD_ALGORITHMS_GROUPS,
	KTLSD_ALGORITHMS_SIGALGS,
};

/* Return: the bit that stands for IANA number @id in masks, 0 if it is unknown. */
uint32_t ktlsd_algorithms_bit(enum ktlsd_algorithms kind, uint16_t id);

/* The same for a name, which is not NUL-terminated. */
uint32_t ktlsd_algorithms_bit_by_name(enum ktlsd_algorithms kind, const char *name,
				      size_t len);

/* Return: mask of all. */
uint32_t ktlsd_algorithms_all(enum ktlsd_algorithms kind);

/**
 * ktlsd_algorithms_set - apply KTLS_GROUPS or KTLS_SIGALGS to a handshake
 * @ssl: of the handshake
 * @kind: which of them
 * @names: colon-separated, or "" for the default
 * @forbidden: mask of those that must not be used
 * @fault: on error
 *
 * Return: 0, -EINVAL for a name that ktlsd or OpenSSL does not know, -EACCES for one that is
 *	forbidden, or if nothing is left
 */
int ktlsd_algorithms_set(SSL *ssl, enum ktlsd_algorithms kind, const char *names,
			 uint32_t forbidden, struct ktlsd_fault *fault);

#endif
