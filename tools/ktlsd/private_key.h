/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private keys, the administrator's and programs': read, and checked before they are
 * used once. Whoever chooses a key chooses what a signature with it costs, and every
 * other handshake of that worker waits for it.
 */
#ifndef KTLSD_PRIVATE_KEY_H
#define KTLSD_PRIVATE_KEY_H

#include <stddef.h>

#include <openssl/evp.h>

#include "errors.h"

enum {
	KTLSD_RSA_OWN_MIN	= 2048,	/* bits of a modulus */
	KTLSD_RSA_OWN_MAX	= 4096,
	KTLSD_RSA_FACTOR_SLACK	= 32,	/* bits that a prime may have above half */
};

/**
 * ktlsd_private_key_parse - read a private key
 * @pem: the key is the first in it; not terminated
 * @len: bytes
 * @ret_key: a reference for the caller
 * @fault: on error
 *
 * Accepted are RSA keys of two primes, EC keys on P-256, P-384 and P-521, Ed25519 and
 * Ed448, all numbers of which are in their ranges and belong together. Nothing else
 * is even decoded: OpenSSL computes the public half of a DH or DSA key as it reads it,
 * with numbers of any size. Takes less than two signatures.
 *
 * Return: 0, -EINVAL or -ENOMEM
 */
int ktlsd_private_key_parse(const void *pem, size_t len, EVP_PKEY **ret_key,
			    struct ktlsd_fault *fault);

#endif
