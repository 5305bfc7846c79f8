// SPDX-License-Identifier: GPL-2.0-or-later
/* Certificates, keys and trust anchors of programs, as they come from KTLS_CERTIFICATE,
 * KTLS_PRIVATE_KEY and KTLS_TRUST. And files of ktlsd.conf, which the signer reads for the
 * serving process, without the private keys.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "config/anchors.h"
#include "config/credentials.h"
#include "config/private_key.h"
#include "fuzz.h"
#include "fuzz/fixed.h"
#include "fuzz/pki.h"
#include "lib/log.h"
#include "signer/broker.h"

/* --- seeds: nobody's keys, and the same in each run --- */

static EVP_PKEY *pem_ed25519_key(void)
{
	uint8_t seed[32];

	memset(seed, 5, sizeof(seed));
	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
}

/* Return: the prime 2^@exponent - 1 */
static BIGNUM *pem_mersenne(int exponent)
{
	BIGNUM *prime = BN_new();

	if (!prime || !BN_lshift(prime, BN_value_one(), exponent) || !BN_sub_word(prime, 1))
		abort();
	return prime;
}

static BIGNUM *pem_modulo(const BIGNUM *number, const BIGNUM *prime, BN_CTX *ctx)
{
	BIGNUM *phi = BN_dup(prime), *rest = BN_new();

	if (!BN_sub_word(phi, 1) || !BN_mod(rest, number, phi, ctx))
		abort();
	BN_free(phi);
	return rest;
}

/* @numbers: n, e, d, p, q, then what the Chinese remainder theorem needs. */
static void pem_rsa_numbers(BIGNUM **numbers)
{
	BIGNUM *p = pem_mersenne(2203), *q = pem_mersenne(1279), *phi = BN_new();
	BN_CTX *ctx = BN_CTX_new();

	numbers[0] = BN_new();
	numbers[1] = BN_new();
	numbers[3] = p;
	numbers[4] = q;
	/* (p - 1)(q - 1) = pq - p - q + 1 */
	if (!BN_mul(numbers[0], p, q, ctx) || !BN_sub(phi, numbers[0], p) || !BN_sub(phi, phi, q) ||
	    !BN_add_word(phi, 1) || !BN_set_word(numbers[1], 65537))
		abort();
	numbers[2] = BN_mod_inverse(NULL, numbers[1], phi, ctx);
	numbers[5] = pem_modulo(numbers[2], p, ctx);
	numbers[6] = pem_modulo(numbers[2], q, ctx);
	numbers[7] = BN_mod_inverse(NULL, q, p, ctx);
	BN_free(phi);
	BN_CTX_free(ctx);
}

/* RSA with 3482 bits. */
static EVP_PKEY *pem_rsa_key(void)
{
	static const char *const names[] = {
		OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E, OSSL_PKEY_PARAM_RSA_D,
		OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2,
		OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2,
		OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BIGNUM *numbers[8];
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params;
	int i;

	pem_rsa_numbers(numbers);
	for (i = 0; i < 8; i++)
		OSSL_PARAM_BLD_push_BN(builder, names[i], numbers[i]);
	params = OSSL_PARAM_BLD_to_param(builder);
	if (EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1)
		abort();
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	EVP_PKEY_CTX_free(ctx);
	for (i = 0; i < 8; i++)
		BN_free(numbers[i]);
	return key;
}

static void pem_write_one(const char *name, EVP_PKEY *key)
{
	const struct test_pki_spec spec = { .cn = "seed", .from = -3600 };
	X509 *cert = test_pki_issue(&spec, key, NULL, key);
	struct ktlsd_buffer text = { 0 };

	test_pki_put_key(&text, key, NULL);
	test_pki_put_cert(&text, cert);
	fuzz_pki_seed(name, text.data, text.len, NULL, 0);
	ktlsd_buffer_free(&text);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void pem_write(void)
{
	pem_write_one("ec", fuzz_pki_key(3));
	pem_write_one("ed25519", pem_ed25519_key());
	pem_write_one("rsa", pem_rsa_key());
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_fixed_setup();
	ktlsd_log_open("fuzz", KTLSD_LOG_STDERR, KTLSD_LOG_ERROR);
	fuzz_pki_seeds(*argc, *argv, pem_write);
	return 0;
}

/* Both halves in one input: PEM does not care what stands around it. */
static void pem_credential(const uint8_t *data, size_t len)
{
	struct ktlsd_credential credential = { 0 };
	struct ktlsd_fault fault = { 0 };

	if (!ktlsd_credentials_parse(data, len, data, len, &credential, &fault)) {
		ktlsd_credentials_find_problem(&credential, &fault);
		ktlsd_credentials_free(&credential);
	} else if (!fault.reason[0]) {
		abort();
	}
}

static void pem_anchors(const uint8_t *data, size_t len)
{
	struct ktlsd_anchors_cache cache = { 0 };
	struct ktlsd_anchors_digest digest = { 0 };
	struct ktlsd_fault fault = { 0 };
	struct ktlsd_anchors *anchors;
	int ret;

	do {
		ret = ktlsd_anchors_digest_step(&digest, data, len, &fault);
	} while (ret > 0);
	if (ret || ktlsd_anchors_open(&cache, &digest, data, len, 1000, &anchors, &fault)) {
		ktlsd_anchors_digest_free(&digest);
		return;
	}
	do {
		ret = ktlsd_anchors_read(&cache, anchors, &fault);
	} while (ret > 0);
	if (ret < 0 && !fault.reason[0])
		abort();
	ktlsd_anchors_put(anchors);
	ktlsd_anchors_flush(&cache);
}

/* Nobody can load a key from what the signer leaves of a file. */
static void pem_hide(const uint8_t *data, size_t len)
{
	struct ktlsd_buffer file = { 0 };
	struct ktlsd_fault fault;
	EVP_PKEY *key;

	if (ktlsd_buffer_append(&file, data, len, SIZE_MAX))
		abort();
	if (!ktlsd_broker_hide_keys(&file) &&
	    !ktlsd_private_key_parse(file.data, file.len, &key, &fault))
		abort();
	ktlsd_buffer_free(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	fuzz_fixed_reset();
	pem_hide(data, len);
	pem_credential(data, len);
	pem_anchors(data, len);
	return 0;
}
