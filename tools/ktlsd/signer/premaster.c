// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "config/private_key.h"
#include "config/stored_key.h"
#include "signer/keys.h"
#include "signer/premaster.h"

enum {
	PREMASTER_BLOCK_MAX	= KTLSD_RSA_OWN_MAX / 8,
	PREMASTER_PADDING_MIN	= 11,	/* bytes, RFC 8017 7.2.1 */
};

/* Return: 0xff if @a is @b, else 0. The time does not depend on them. */
static uint8_t premaster_equal(uint8_t a, uint8_t b)
{
	return (uint8_t)(((unsigned int)(a ^ b) - 1) >> 8);
}

/* Return: whether OpenSSL itself decrypts, not a token: then it removes the padding, too */
static bool premaster_is_own(const EVP_PKEY *key)
{
	const char *name = OSSL_PROVIDER_get0_name(EVP_PKEY_get0_provider(key));

	return !strcmp(name, "default") || !strcmp(name, "fips");
}

static EVP_PKEY_CTX *premaster_begin(EVP_PKEY *key, unsigned int version)
{
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, &version),
		OSSL_PARAM_construct_end(),
	};
	const bool own = premaster_is_own(key);
	char properties[KTLSD_SIGNER_PROPERTIES_MAX];
	EVP_PKEY_CTX *ctx = NULL;

	ktlsd_signer_keys_properties(key, properties);
	if (EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_size(key) <= PREMASTER_BLOCK_MAX)
		ctx = EVP_PKEY_CTX_new_from_pkey(ktlsd_stored_key_library(key), key, properties);
	if (ctx && EVP_PKEY_decrypt_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, own ? RSA_PKCS1_WITH_TLS_PADDING :
						    RSA_NO_PADDING) == 1 &&
	    (!own || EVP_PKEY_CTX_set_params(ctx, params) == 1))
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

/* Removes the padding of what a token has decrypted: 0, 2, bytes that are not 0, 0 and the
 * secret. With padding of its own, an error would tell which ones are right.
 * Return: 0xff if all is as it must be, else 0; in the same time
 */
static uint8_t premaster_unpad(uint8_t *block, size_t len)
{
	const size_t end = len - KTLSD_PREMASTER_LEN - 1;
	uint8_t good = premaster_equal(block[0], 0) & premaster_equal(block[1], 2);
	size_t i;

	for (i = 2; i < end; i++)
		good &= (uint8_t)~premaster_equal(block[i], 0);
	good &= premaster_equal(block[end], 0);
	memmove(block, block + end + 1, KTLSD_PREMASTER_LEN);
	return good;
}

/* Return: whether @data can be what RSA has encrypted: the peer knows that himself */
static bool premaster_is_encrypted(const EVP_PKEY *key, const uint8_t *data, size_t len)
{
	BIGNUM *modulus = NULL, *number = BN_bin2bn(data, (int)len, NULL);
	bool is_encrypted;

	is_encrypted = number && len == (size_t)EVP_PKEY_get_size(key) &&
		       EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus) &&
		       BN_cmp(number, modulus) < 0;
	BN_free(modulus);
	BN_free(number);
	return is_encrypted;
}

/* @ret_failed: the token did not decrypt; without padding it does that with whatever RSA has
 * encrypted. Return: 0xff if the secret is in @block, 0 if something is wrong with it
 */
static uint8_t premaster_open(EVP_PKEY_CTX *ctx, EVP_PKEY *key, const uint8_t *data, size_t len,
			      uint8_t *block, bool *ret_failed)
{
	size_t block_len = PREMASTER_BLOCK_MAX, size = (size_t)EVP_PKEY_get_size(key);

	if (!premaster_is_encrypted(key, data, len))
		return 0;
	if (EVP_PKEY_decrypt(ctx, block, &block_len, data, len) != 1) {
		*ret_failed = !premaster_is_own(key);
		return 0;
	}
	if (premaster_is_own(key))
		return block_len == KTLSD_PREMASTER_LEN ? 0xff : 0;
	if (block_len != size || size < KTLSD_PREMASTER_LEN + PREMASTER_PADDING_MIN)
		return 0;
	return premaster_unpad(block, size);
}

const char *ktlsd_premaster_decrypt(EVP_PKEY *key, uint32_t version, const uint8_t *data,
				    size_t len, uint8_t *premaster)
{
	EVP_PKEY_CTX *ctx = premaster_begin(key, version);
	uint8_t block[PREMASTER_BLOCK_MAX] = { 0 }, good;
	const char *reason = NULL;
	bool failed = false;
	size_t i;

	if (!ctx)
		return "The private key cannot decrypt, as RSA key transport needs it.";
	if (RAND_bytes(premaster, KTLSD_PREMASTER_LEN) != 1) {
		reason = "OpenSSL has no random numbers.";
	} else {
		/* OpenSSL returns random bytes if the padding is wrong, in the same time. Whatever
		 * else is wrong with what the peer has sent is answered with random bytes, too: the
		 * handshake fails with Finished, and the peer learns nothing.
		 */
		good = premaster_open(ctx, key, data, len, block, &failed);
		good &= premaster_equal(block[0], (uint8_t)(version >> 8));
		good &= premaster_equal(block[1], (uint8_t)version);
		for (i = 0; i < KTLSD_PREMASTER_LEN; i++)
			premaster[i] = (block[i] & good) | (premaster[i] & (uint8_t)~good);
	}
	if (failed)
		reason = "The token did not decrypt with the private key.";
	OPENSSL_cleanse(block, sizeof(block));
	EVP_PKEY_CTX_free(ctx);
	return reason;
}

bool ktlsd_premaster_is_usable(EVP_PKEY *key, EVP_PKEY *public)
{
	static const uint8_t secret[KTLSD_PREMASTER_LEN] = { 3, 3, 1, 4, 1, 5, 9, 2, 6 };
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, public, NULL);
	uint8_t data[PREMASTER_BLOCK_MAX], got[KTLSD_PREMASTER_LEN];
	size_t len = sizeof(data);
	bool usable;

	usable = ctx && EVP_PKEY_encrypt_init(ctx) == 1 &&
		 EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
		 EVP_PKEY_encrypt(ctx, data, &len, secret, sizeof(secret)) == 1 &&
		 !ktlsd_premaster_decrypt(key, 0x0303, data, len, got) &&
		 !memcmp(got, secret, sizeof(secret));
	ERR_clear_error();
	EVP_PKEY_CTX_free(ctx);
	return usable;
}
