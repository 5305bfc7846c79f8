/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bounds on deriving keys from passphrases (RFC 8018, RFC 7914): a file says how often its
 * function is to be iterated, and it can say a thousand million times. Any thread.
 */
#ifndef KTLSD_KDF_H
#define KTLSD_KDF_H

#include <stdint.h>

#include <openssl/x509.h>

#include "errors.h"

enum {
	KTLSD_KDF_ITERATIONS_MAX	= 5000000,	/* of a file: a few seconds */
	KTLSD_KDF_SCRYPT_MAX		= 1 << 22,	/* N times r times p */
};

/**
 * ktlsd_kdf_spend - check what a decryption would cost
 * @algorithm: with which something is encrypted
 * @spent: iterations of the file so far; added to
 * @fault: on error
 *
 * Return: 0 or -EINVAL
 */
int ktlsd_kdf_spend(const X509_ALGOR *algorithm, uint64_t *spent, struct ktlsd_fault *fault);

/* The same for a number of iterations. */
int ktlsd_kdf_spend_iterations(const ASN1_INTEGER *iterations, uint64_t *spent,
			       struct ktlsd_fault *fault);

#endif
