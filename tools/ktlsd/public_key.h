/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Public keys that others chose: what one signature check may cost. A peer picks the
 * keys of its certificates, a program those of its anchors.
 */
#ifndef KTLSD_PUBLIC_KEY_H
#define KTLSD_PUBLIC_KEY_H

#include <stdbool.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

enum {
	KTLSD_RSA_PEER_MAX	= 8192,	/* bits of a modulus */
	KTLSD_RSA_EXPONENT_MAX	= 64,	/* bits of a public exponent, as OpenSSL's own
					 * bound for moduli above 3072 bits
					 */
};

/* Why a key is refused. Apart from X509_V_ERR_*, with which they share a field. */
enum ktlsd_public_key_fault {
	KTLSD_PUBLIC_KEY_GOOD,
	KTLSD_PUBLIC_KEY_TOO_BIG	= 100000,
	KTLSD_PUBLIC_KEY_EXPONENT,
	KTLSD_PUBLIC_KEY_CURVE,
	KTLSD_PUBLIC_KEY_KIND,
	KTLSD_PUBLIC_KEY_UNREADABLE,
};

/**
 * ktlsd_public_key_check - may signatures be checked with that certificate's key?
 * @cert: from a peer, or from KTLS_TRUST
 *
 * Takes microseconds whatever the key is.
 *
 * Return: KTLSD_PUBLIC_KEY_GOOD, or why not
 */
enum ktlsd_public_key_fault ktlsd_public_key_check(const X509 *cert);

/* "a key that ...": what is wrong, to end a sentence; NULL if that is no such fault. */
const char *ktlsd_public_key_explain(int fault);

/* Return: the exponent is odd, above 1 and not too long. @key: RSA. */
bool ktlsd_public_key_is_cheap_exponent(const EVP_PKEY *key);

/* Return: the curve is spelled out instead of named. @key: EC. */
bool ktlsd_public_key_is_explicit(const EVP_PKEY *key);

#endif
