// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "signer/premaster.h"

/* Return: whether @data is a number below the modulus. Who has encrypted it knows that. */
static bool premaster_in_range(const EVP_PKEY *key, const uint8_t *data, size_t len)
{
	BIGNUM *modulus = NULL, *number = NULL;
	bool good = false;

	if (len == (size_t)EVP_PKEY_get_size(key) &&
	    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus))
		number = BN_bin2bn(data, (int)len, NULL);
	if (number)
		good = BN_ucmp(number, modulus) < 0;
	BN_free(number);
	BN_free(modulus);
	return good;
}

static EVP_PKEY_CTX *premaster_begin(EVP_PKEY *key, unsigned int version)
{
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, &version),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx = NULL;

	if (EVP_PKEY_is_a(key, "RSA"))
		ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	if (ctx && EVP_PKEY_decrypt_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_WITH_TLS_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_params(ctx, params) == 1)
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

const char *ktlsd_premaster_decrypt(EVP_PKEY *key, uint32_t version, const uint8_t *data,
				    size_t len, uint8_t *premaster)
{
	EVP_PKEY_CTX *ctx = premaster_begin(key, version);
	uint8_t plain[KTLSD_PREMASTER_LEN];
	size_t plain_len = sizeof(plain);
	const char *reason = NULL;

	if (!ctx)
		return "The private key cannot decrypt, as RSA key transport needs it.";
	if (RAND_bytes(premaster, KTLSD_PREMASTER_LEN) != 1)
		reason = "OpenSSL has no random numbers.";
	/* With this padding OpenSSL itself returns random bytes if it is wrong, in the same
	 * time. Whatever else goes wrong, as in a provider for tokens, is answered with random
	 * bytes, too: the handshake fails with Finished, and the peer learns nothing.
	 */
	else if (premaster_in_range(key, data, len) &&
		 EVP_PKEY_decrypt(ctx, plain, &plain_len, data, len) == 1 &&
		 plain_len == sizeof(plain))
		memcpy(premaster, plain, sizeof(plain));
	OPENSSL_cleanse(plain, sizeof(plain));
	EVP_PKEY_CTX_free(ctx);
	return reason;
}
