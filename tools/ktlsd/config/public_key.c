// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>

#include "config/public_key.h"

bool ktlsd_public_key_is_cheap_exponent(const EVP_PKEY *key)
{
	BIGNUM *e = NULL;
	bool good;

	good = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) &&
	       BN_is_odd(e) && !BN_is_one(e) &&
	       BN_num_bits(e) <= KTLSD_RSA_EXPONENT_MAX;
	BN_free(e);
	return good;
}

bool ktlsd_public_key_is_explicit(const EVP_PKEY *key)
{
	int is_explicit = 0;

	return EVP_PKEY_get_int_param(key,
				      OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
				      &is_explicit) &&
	       is_explicit;
}

static enum ktlsd_public_key_fault public_key_check_rsa(const EVP_PKEY *key)
{
	if (EVP_PKEY_get_bits(key) > KTLSD_RSA_PEER_MAX)
		return KTLSD_PUBLIC_KEY_TOO_BIG;
	return ktlsd_public_key_is_cheap_exponent(key) ?
	       KTLSD_PUBLIC_KEY_GOOD : KTLSD_PUBLIC_KEY_EXPONENT;
}

/* Binary curves are slow, and not used for signatures. */
static enum ktlsd_public_key_fault public_key_check_ec(const EVP_PKEY *key)
{
	char field[32] = "";

	if (ktlsd_public_key_is_explicit(key) ||
	    !EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_EC_FIELD_TYPE,
					    field, sizeof(field), NULL) ||
	    strcmp(field, SN_X9_62_prime_field))
		return KTLSD_PUBLIC_KEY_CURVE;
	return KTLSD_PUBLIC_KEY_GOOD;
}

enum ktlsd_public_key_fault ktlsd_public_key_check(const X509 *cert)
{
	const EVP_PKEY *key = X509_get0_pubkey(cert);

	if (!key)
		return KTLSD_PUBLIC_KEY_UNREADABLE;
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
	case EVP_PKEY_RSA_PSS:
		return public_key_check_rsa(key);
	case EVP_PKEY_EC:
		return public_key_check_ec(key);
	case EVP_PKEY_ED25519:
	case EVP_PKEY_ED448:
		return KTLSD_PUBLIC_KEY_GOOD;
	default:
		return KTLSD_PUBLIC_KEY_KIND;
	}
}

const char *ktlsd_public_key_explain(int fault)
{
	switch (fault) {
	case KTLSD_PUBLIC_KEY_TOO_BIG:
		return "an RSA key of more than 8192 bits";
	case KTLSD_PUBLIC_KEY_EXPONENT:
		return "an RSA key whose public exponent is even, 1, or longer than 64 bits";
	case KTLSD_PUBLIC_KEY_CURVE:
		return "an EC key that is not on a named curve over a prime field";
	case KTLSD_PUBLIC_KEY_KIND:
		return "a key that is neither RSA, ECDSA, Ed25519 nor Ed448";
	case KTLSD_PUBLIC_KEY_UNREADABLE:
		return "a key that OpenSSL cannot read";
	default:
		return NULL;
	}
}
