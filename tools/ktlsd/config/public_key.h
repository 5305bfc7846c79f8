/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits on public keys in certificates of peers and in KTLS_TRUST: whoever chooses a key
 * chooses what a signature check with it costs us. Any thread.
 */
#ifndef KTLSD_PUBLIC_KEY_H
#define KTLSD_PUBLIC_KEY_H

#include <stdbool.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

enum {
	KTLSD_RSA_PEER_MAX	= 8192,	/* bits of a modulus */
	KTLSD_RSA_EXPONENT_MAX	= 64,	/* bits of a public exponent, the limit of OpenSSL
					 * for moduli above 3072 bits
					 */
};

/* Why a key is refused. The values do not overlap X509_V_ERR_*: see struct ktlsd_verdict. */
enum ktlsd_public_key_fault {
	KTLSD_PUBLIC_KEY_GOOD,
	KTLSD_PUBLIC_KEY_TOO_BIG	= 100000,
	KTLSD_PUBLIC_KEY_EXPONENT,
	KTLSD_PUBLIC_KEY_CURVE,
	KTLSD_PUBLIC_KEY_KIND,
	KTLSD_PUBLIC_KEY_UNREADABLE,
	KTLSD_PUBLIC_KEY_POLICY,	/* see ktlsd_policy_allows_key() */
};

/**
 * ktlsd_public_key_check - decide whether to check signatures with a certificate's key
 * @cert: from a peer, or from KTLS_TRUST
 *
 * Takes microseconds for any key.
 *
 * Return: KTLSD_PUBLIC_KEY_GOOD, or why not
 */
enum ktlsd_public_key_fault ktlsd_public_key_check(const X509 *cert);

/* Return: a description such as "a key that ...", or NULL if @fault is of another kind. */
const char *ktlsd_public_key_explain(int fault);

/* Return: whether the exponent of the RSA @key is odd, above 1 and not too long. */
bool ktlsd_public_key_is_cheap_exponent(const EVP_PKEY *key);

/* Return: whether the EC @key has explicit curve parameters instead of a named curve. */
bool ktlsd_public_key_is_explicit(const EVP_PKEY *key);

#endif
