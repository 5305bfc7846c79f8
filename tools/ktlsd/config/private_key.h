/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private keys, from ktlsd.conf and from programs: decoded, and validated before their first
 * use. Whoever chooses a key chooses what a signature with it costs, and all handshakes of
 * the worker wait for it. Any thread.
 */
#ifndef KTLSD_PRIVATE_KEY_H
#define KTLSD_PRIVATE_KEY_H

#include <stddef.h>

#include <openssl/evp.h>

#include "errors.h"

enum {
	KTLSD_RSA_OWN_MIN	= 2048,	/* bits of a modulus */
	KTLSD_RSA_OWN_MAX	= 4096,
	KTLSD_RSA_FACTOR_SLACK	= 32,	/* bits of a prime beyond half of the modulus */
};

/**
 * ktlsd_private_key_parse - read a private key
 * @pem: its first key is used; not NUL-terminated
 * @len: bytes
 * @ret_key: a reference for the caller
 * @fault: on error
 *
 * Accepts RSA keys with two primes, EC keys on P-256, P-384 and P-521, Ed25519 and Ed448, if
 * all their numbers are in range and consistent. Does not decode anything else: OpenSSL
 * computes the public half of a DH or DSA key while it decodes it, with numbers of any size.
 * Takes less time than two signatures.
 *
 * Return: 0, -EINVAL or -ENOMEM
 */
int ktlsd_private_key_parse(const void *pem, size_t len, EVP_PKEY **ret_key,
			    struct ktlsd_fault *fault);

/* The same of a key that may be encrypted. @passphrase: NUL-terminated, or NULL */
int ktlsd_private_key_decrypt(const void *pem, size_t len, const char *passphrase,
			      EVP_PKEY **ret_key, struct ktlsd_fault *fault);

/* Validates a key that was decoded elsewhere. Return: 0 or -EINVAL */
int ktlsd_private_key_check(EVP_PKEY *key, struct ktlsd_fault *fault);

typedef int (*ktlsd_private_key_importer)(const void *pem, size_t len, EVP_PKEY **ret_key,
					  struct ktlsd_fault *fault);

/* Lets @importer do what ktlsd_private_key_parse() does: another process, which keeps the
 * private key. NULL undoes it. Before threads are started.
 */
void ktlsd_private_key_set_importer(ktlsd_private_key_importer importer);

#endif
