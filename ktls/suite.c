// SPDX-License-Identifier: GPL-2.0
/* The ciphers and the cipher suites there are, and which of them this kernel can do.
 */
#include <linux/fips.h>
#include <linux/string.h>
#include <linux/tls.h>
#include <crypto/aead.h>
#include <crypto/hash.h>
#include <kunit/visibility.h>

#include "suite.h"
#include "wire.h"

enum suite_cipher {
	CIPHER_AES_128_GCM,
	CIPHER_AES_256_GCM,
	CIPHER_CHACHA20_POLY1305,
	CIPHER_AES_128_CCM,
	CIPHER_SM4_GCM,
	CIPHER_SM4_CCM,
	CIPHER_ARIA_128_GCM,
	CIPHER_ARIA_256_GCM,
	__CIPHER_MAX
};

/* Under one AES-GCM key 2^24.5 records of full size (RFC 8446 5.5); with
 * ChaCha20-Poly1305 the sequence number ends first.
 */
#define CIPHER_GCM_RECORDS_MAX	23726566ULL

/* The parts of struct tls12_crypto_info_*, which has no padding. */
#define CIPHER_INFO(_name, _struct)						\
	.info_type = TLS_CIPHER_##_name,					\
	.info_size = sizeof(struct tls12_crypto_info_##_struct),		\
	.info_iv_size = TLS_CIPHER_##_name##_IV_SIZE,				\
	.info_salt_size = TLS_CIPHER_##_name##_SALT_SIZE

/* RFC 5288, RFC 6655, RFC 6209, RFC 8998: 1.2 has the nonce in two parts. */
#define CIPHER_TWO_PART_NONCE							\
	.salt_size = KTLS_NONCE_SIZE - KTLS_EXPLICIT_SIZE,			\
	.explicit_size = KTLS_EXPLICIT_SIZE

/* Ciphers for external keys only: the module has no limit for them. */
static const struct ktls_cipher suite_ciphers[__CIPHER_MAX] = {
	[CIPHER_AES_128_GCM] = {
		.name		= "AES-128-GCM",
		.alg		= "gcm(aes)",
		.key_size	= 16,
		.records_max	= CIPHER_GCM_RECORDS_MAX,
		CIPHER_TWO_PART_NONCE,
		CIPHER_INFO(AES_GCM_128, aes_gcm_128),
	},
	[CIPHER_AES_256_GCM] = {
		.name		= "AES-256-GCM",
		.alg		= "gcm(aes)",
		.key_size	= 32,
		.records_max	= CIPHER_GCM_RECORDS_MAX,
		CIPHER_TWO_PART_NONCE,
		CIPHER_INFO(AES_GCM_256, aes_gcm_256),
	},
	[CIPHER_CHACHA20_POLY1305] = {
		.name		= "ChaCha20-Poly1305",
		.key_size	= 32,
		.salt_size	= KTLS_NONCE_SIZE,
		.explicit_size	= 0,
		.records_max	= U64_MAX,
		CIPHER_INFO(CHACHA20_POLY1305, chacha20_poly1305),
	},
	[CIPHER_AES_128_CCM] = {
		.name		= "AES-128-CCM",
		.alg		= "ccm(aes)",
		.key_size	= 16,
		.ccm		= true,
		CIPHER_TWO_PART_NONCE,
		CIPHER_INFO(AES_CCM_128, aes_ccm_128),
	},
	[CIPHER_SM4_GCM] = {
		.name		= "SM4-GCM",
		.alg		= "gcm(sm4)",
		.key_size	= 16,
		CIPHER_TWO_PART_NONCE,
		CIPHER_INFO(SM4_GCM, sm4_gcm),
	},
	[CIPHER_SM4_CCM] = {
		.name		= "SM4-CCM",
		.alg		= "ccm(sm4)",
		.key_size	= 16,
		.ccm		= true,
		CIPHER_TWO_PART_NONCE,
		CIPHER_INFO(SM4_CCM, sm4_ccm),
	},
	[CIPHER_ARIA_128_GCM] = {
		.name		= "ARIA-128-GCM",
		.alg		= "gcm(aria)",
		.key_size	= 16,
		CIPHER_TWO_PART_NONCE,
		CIPHER_INFO(ARIA_GCM_128, aria_gcm_128),
	},
	[CIPHER_ARIA_256_GCM] = {
		.name		= "ARIA-256-GCM",
		.alg		= "gcm(aria)",
		.key_size	= 32,
		CIPHER_TWO_PART_NONCE,
		CIPHER_INFO(ARIA_GCM_256, aria_gcm_256),
	},
};

#define SUITE(_id, _version, _name, _cipher, _hash, _size) {		\
	.id = _id, .version = _version, .name = _name,			\
	.cipher = &suite_ciphers[_cipher],				\
	.hash = _hash, .hash_size = _size,				\
}

/* In the order in which this module would choose. */
static const struct ktls_suite suites[] = {
	SUITE(0x1301, KTLS_TLS_1_3, "TLS_AES_128_GCM_SHA256",
	      CIPHER_AES_128_GCM, "sha256", 32),
	SUITE(0x1302, KTLS_TLS_1_3, "TLS_AES_256_GCM_SHA384",
	      CIPHER_AES_256_GCM, "sha384", 48),
	SUITE(0x1303, KTLS_TLS_1_3, "TLS_CHACHA20_POLY1305_SHA256",
	      CIPHER_CHACHA20_POLY1305, "sha256", 32),
	SUITE(0xc02b, KTLS_TLS_1_2, "ECDHE-ECDSA-AES128-GCM-SHA256",
	      CIPHER_AES_128_GCM, "sha256", 32),
	SUITE(0xc02f, KTLS_TLS_1_2, "ECDHE-RSA-AES128-GCM-SHA256",
	      CIPHER_AES_128_GCM, "sha256", 32),
	SUITE(0xc02c, KTLS_TLS_1_2, "ECDHE-ECDSA-AES256-GCM-SHA384",
	      CIPHER_AES_256_GCM, "sha384", 48),
	SUITE(0xc030, KTLS_TLS_1_2, "ECDHE-RSA-AES256-GCM-SHA384",
	      CIPHER_AES_256_GCM, "sha384", 48),
	SUITE(0xcca9, KTLS_TLS_1_2, "ECDHE-ECDSA-CHACHA20-POLY1305",
	      CIPHER_CHACHA20_POLY1305, "sha256", 32),
	SUITE(0xcca8, KTLS_TLS_1_2, "ECDHE-RSA-CHACHA20-POLY1305",
	      CIPHER_CHACHA20_POLY1305, "sha256", 32),
	/* RSA key transport: records as above; the helper's policy decides about it */
	SUITE(0x009c, KTLS_TLS_1_2, "AES128-GCM-SHA256",
	      CIPHER_AES_128_GCM, "sha256", 32),
	SUITE(0x009d, KTLS_TLS_1_2, "AES256-GCM-SHA384",
	      CIPHER_AES_256_GCM, "sha384", 48),
};

/* External keys have a version and a cipher. In TLS 1.2 the suite is not known.
 */
static const struct ktls_suite suite_infos[] = {
	SUITE(0x1301, KTLS_TLS_1_3, "TLS_AES_128_GCM_SHA256",
	      CIPHER_AES_128_GCM, NULL, 0),
	SUITE(0x1302, KTLS_TLS_1_3, "TLS_AES_256_GCM_SHA384",
	      CIPHER_AES_256_GCM, NULL, 0),
	SUITE(0x1303, KTLS_TLS_1_3, "TLS_CHACHA20_POLY1305_SHA256",
	      CIPHER_CHACHA20_POLY1305, NULL, 0),
	SUITE(0x1304, KTLS_TLS_1_3, "TLS_AES_128_CCM_SHA256",
	      CIPHER_AES_128_CCM, NULL, 0),
	SUITE(0x00c6, KTLS_TLS_1_3, "TLS_SM4_GCM_SM3", CIPHER_SM4_GCM, NULL, 0),
	SUITE(0x00c7, KTLS_TLS_1_3, "TLS_SM4_CCM_SM3", CIPHER_SM4_CCM, NULL, 0),
	SUITE(0, KTLS_TLS_1_2, NULL, CIPHER_AES_128_GCM, NULL, 0),
	SUITE(0, KTLS_TLS_1_2, NULL, CIPHER_AES_256_GCM, NULL, 0),
	SUITE(0, KTLS_TLS_1_2, NULL, CIPHER_CHACHA20_POLY1305, NULL, 0),
	SUITE(0, KTLS_TLS_1_2, NULL, CIPHER_AES_128_CCM, NULL, 0),
	SUITE(0, KTLS_TLS_1_2, NULL, CIPHER_SM4_GCM, NULL, 0),
	SUITE(0, KTLS_TLS_1_2, NULL, CIPHER_SM4_CCM, NULL, 0),
	SUITE(0, KTLS_TLS_1_2, NULL, CIPHER_ARIA_128_GCM, NULL, 0),
	SUITE(0, KTLS_TLS_1_2, NULL, CIPHER_ARIA_256_GCM, NULL, 0),
};

/* Written by ktls_suite_init() only. */
static bool suite_usable[ARRAY_SIZE(suites)];

/* Return 1/0, or -ENOMEM if unknown; same for the next two. */
static int suite_aead_exists(const char *alg)
{
	struct crypto_aead *tfm;

	if (!alg)
		return !fips_enabled;
	tfm = crypto_alloc_aead(alg, 0, 0);
	if (IS_ERR(tfm))
		return PTR_ERR(tfm) == -ENOMEM ? -ENOMEM : 0;
	crypto_free_aead(tfm);
	return 1;
}

static int suite_hash_exists(const char *hash)
{
	char name[CRYPTO_MAX_ALG_NAME];
	struct crypto_shash *tfm;

	snprintf(name, sizeof(name), "hmac(%s)", hash);
	tfm = crypto_alloc_shash(name, 0, 0);
	if (IS_ERR(tfm))
		return PTR_ERR(tfm) == -ENOMEM ? -ENOMEM : 0;
	crypto_free_shash(tfm);
	return 1;
}

static int suite_exists(const struct ktls_suite *suite)
{
	int ret = suite_aead_exists(suite->cipher->alg);

	if (ret <= 0 || suite->version == KTLS_TLS_1_2)
		return ret;
	return suite_hash_exists(suite->hash);
}

/**
 * ktls_suite_init - find out which suites this kernel can do
 *
 * Loads the modules of those it can. TLS 1.2 needs no hash of the kernel: its
 * keys come from the helper as they are.
 *
 * Context: module load, before anything else of this file is called; sleeps.
 * Return: 0 or -ENOMEM.
 */
int ktls_suite_init(void)
{
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(suites); i++) {
		ret = suite_exists(&suites[i]);
		if (ret < 0)
			return ret;
		suite_usable[i] = ret;
	}
	return 0;
}

/**
 * ktls_suite_by_id - look a suite up by its IANA number
 * @id: the number
 *
 * Context: any; lockless, the table is constant.
 * Return: the suite, or NULL if it is unknown or this kernel cannot do it.
 */
const struct ktls_suite *ktls_suite_by_id(u16 id)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(suites); i++)
		if (suites[i].id == id)
			return suite_usable[i] ? &suites[i] : NULL;
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_suite_by_id);

/**
 * ktls_suite_by_name - look a suite up by OpenSSL's name for it
 * @name: the name, not NUL-terminated
 * @len: bytes in @name
 *
 * Context: any; lockless.
 * Return: the suite, or NULL if it is unknown or this kernel cannot do it.
 */
const struct ktls_suite *ktls_suite_by_name(const char *name, size_t len)
{
	const struct ktls_suite *suite;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(suites); i++) {
		suite = &suites[i];
		if (strlen(suite->name) == len && !memcmp(suite->name, name, len))
			return suite_usable[i] ? suite : NULL;
	}
	return NULL;
}

/**
 * ktls_suite_by_info - what a struct tls_crypto_info means
 * @version: TLS_1_2_VERSION or TLS_1_3_VERSION
 * @cipher_type: TLS_CIPHER_*
 *
 * Context: any; lockless, the table is constant.
 * Return: for raw keys only (struct ktls_keys), its id is 0 where it is not known;
 * NULL if there is none. Whether this kernel has the cipher is not asked.
 */
const struct ktls_suite *ktls_suite_by_info(u16 version, u16 cipher_type)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(suite_infos); i++)
		if (suite_infos[i].version == version &&
		    suite_infos[i].cipher->info_type == cipher_type)
			return &suite_infos[i];
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_suite_by_info);

/**
 * ktls_suite_list - the suites this kernel can do, in order of preference
 * @ids: out: IANA numbers
 * @max: room in @ids
 *
 * Context: any; lockless.
 * Return: how many were written.
 */
unsigned int ktls_suite_list(u16 *ids, unsigned int max)
{
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(suites) && n < max; i++)
		if (suite_usable[i])
			ids[n++] = suites[i].id;
	return n;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_suite_list);
