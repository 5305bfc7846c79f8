// SPDX-License-Identifier: GPL-2.0-or-later
/* Private keys with numbers that are malicious or wrong. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>

#include "config/credentials.h"
#include "test_pki.h"

enum {
	KEY_VERSION, KEY_N, KEY_E, KEY_D, KEY_P, KEY_Q, KEY_DP, KEY_DQ, KEY_QINV,
	KEY_NUMBERS,
	KEY_HUGE	= 43200,	/* bits that fit into 16 KiB of PEM, thrice */
};

static EVP_PKEY *rsa, *ec, *ec_other;
static X509 *rsa_cert, *ec_cert;
static BN_CTX *bn;

/* The numbers of the good key, in the order of RSAPrivateKey (RFC 8017 A.1.2). */
static void key_read(BIGNUM **numbers)
{
	static const char *const names[] = {
		[KEY_N] = OSSL_PKEY_PARAM_RSA_N, [KEY_E] = OSSL_PKEY_PARAM_RSA_E,
		[KEY_D] = OSSL_PKEY_PARAM_RSA_D, [KEY_P] = OSSL_PKEY_PARAM_RSA_FACTOR1,
		[KEY_Q] = OSSL_PKEY_PARAM_RSA_FACTOR2,
		[KEY_DP] = OSSL_PKEY_PARAM_RSA_EXPONENT1,
		[KEY_DQ] = OSSL_PKEY_PARAM_RSA_EXPONENT2,
		[KEY_QINV] = OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
	};
	int i;

	numbers[KEY_VERSION] = BN_new();
	for (i = KEY_N; i < KEY_NUMBERS; i++) {
		numbers[i] = NULL;
		assert_int_equal(EVP_PKEY_get_bn_param(rsa, names[i], &numbers[i]), 1);
	}
}

static void key_put_pem(struct ktlsd_buffer *pem, const char *name,
			const unsigned char *der, long len)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	long size;

	assert_true(PEM_write_bio(bio, name, "", der, len) > 0);
	size = BIO_get_mem_data(bio, &data);
	assert_int_equal(ktlsd_buffer_append(pem, data, (size_t)size, 1 << 20), 0);
	BIO_free(bio);
}

/* A SEQUENCE of INTEGERs. Consumes the numbers. */
static void key_put_numbers(struct ktlsd_buffer *pem, const char *name,
			    BIGNUM **numbers, int count)
{
	static unsigned char body[1 << 16], der[1 << 16];
	unsigned char *at = body, *start = der;
	ASN1_INTEGER *integer;
	long len;
	int i;

	for (i = 0; i < count; i++) {
		integer = BN_to_ASN1_INTEGER(numbers[i], NULL);
		assert_true(i2d_ASN1_INTEGER(integer, &at) > 0);
		ASN1_INTEGER_free(integer);
		BN_free(numbers[i]);
	}
	len = at - body;
	ASN1_put_object(&start, 1, (int)len, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	memcpy(start, body, (size_t)len);
	key_put_pem(pem, name, der, start - der + len);
}

/* Every key is accepted or refused quickly. */
static int key_try(struct ktlsd_buffer *pem, X509 *cert, const char *word)
{
	struct ktlsd_buffer certs = { 0 };
	struct ktlsd_credential credential;
	struct ktlsd_fault fault = { 0 };
	clock_t start = clock();
	int err;

	assert_true(pem->len <= KTLSD_PRIVATE_KEY_MAX);
	test_pki_put_cert(&certs, cert);
	err = ktlsd_credentials_parse(certs.data, certs.len, pem->data, pem->len,
				      &credential, &fault);
	if (clock() - start > CLOCKS_PER_SEC / 2)
		fail_msg("it took %.1f s", (double)(clock() - start) / CLOCKS_PER_SEC);
	if (err && !strstr(fault.reason, word))
		fail_msg("%s", fault.reason);
	if (!err)
		ktlsd_credentials_free(&credential);
	ktlsd_buffer_free(&certs);
	ktlsd_buffer_free(pem);
	return err;
}

static int key_try_rsa(BIGNUM **numbers, const char *word)
{
	struct ktlsd_buffer pem = { 0 };

	key_put_numbers(&pem, "RSA PRIVATE KEY", numbers, KEY_NUMBERS);
	return key_try(&pem, rsa_cert, word);
}

/* Adds a multiple of @order to @number, so that it has KEY_HUGE bits. */
static void key_inflate(BIGNUM *number, const BIGNUM *prime)
{
	BIGNUM *order = BN_dup(prime);

	BN_sub_word(order, 1);
	BN_lshift(order, order, KEY_HUGE - BN_num_bits(order));
	BN_add(number, number, order);
	BN_free(order);
}

/* Exponents that are congruent to the right ones: a signature would take minutes. */
static void key_huge_exponents(void **state)
{
	static const int which[][2] = { { KEY_DP, KEY_P }, { KEY_DQ, KEY_Q } };
	BIGNUM *numbers[KEY_NUMBERS], *order;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		key_read(numbers);
		key_inflate(numbers[which[i][0]], numbers[which[i][1]]);
		assert_int_equal(key_try_rsa(numbers, "too big"), -EINVAL);
	}
	key_read(numbers);
	order = BN_dup(numbers[KEY_P]);
	BN_sub_word(order, 1);
	BN_sub_word(numbers[KEY_Q], 1);
	BN_mul(order, order, numbers[KEY_Q], bn);
	BN_add_word(numbers[KEY_Q], 1);
	BN_lshift(order, order, KEY_HUGE - BN_num_bits(order));
	BN_add(numbers[KEY_D], numbers[KEY_D], order);
	BN_free(order);
	assert_int_equal(key_try_rsa(numbers, "too big"), -EINVAL);

	key_read(numbers);
	BN_lshift(numbers[KEY_P], numbers[KEY_P], KEY_HUGE);
	assert_int_equal(key_try_rsa(numbers, "too big"), -EINVAL);
	key_read(numbers);
	BN_lshift(numbers[KEY_QINV], numbers[KEY_QINV], KEY_HUGE);
	assert_int_equal(key_try_rsa(numbers, "too big"), -EINVAL);
}

/* Numbers that are in range, but of another key. */
static void key_inconsistent(void **state)
{
	static const int which[] = { KEY_D, KEY_P, KEY_Q, KEY_DP, KEY_DQ, KEY_QINV };
	BIGNUM *numbers[KEY_NUMBERS];
	size_t i;

	(void)state;
	key_read(numbers);
	assert_int_equal(key_try_rsa(numbers, ""), 0);
	for (i = 0; i < sizeof(which) / sizeof(*which); i++) {
		key_read(numbers);
		BN_sub_word(numbers[which[i]], 2);
		assert_int_equal(key_try_rsa(numbers, "do not belong together"), -EINVAL);
		key_read(numbers);
		BN_zero(numbers[which[i]]);
		assert_int_equal(key_try_rsa(numbers, ""), -EINVAL);
	}
	/* One prime is 1, the other is the modulus. */
	key_read(numbers);
	BN_one(numbers[KEY_Q]);
	BN_copy(numbers[KEY_P], numbers[KEY_N]);
	assert_int_equal(key_try_rsa(numbers, "too big"), -EINVAL);
}

static void key_bad_exponent(void **state)
{
	BIGNUM *numbers[KEY_NUMBERS];

	(void)state;
	key_read(numbers);
	BN_set_word(numbers[KEY_E], 65536);
	assert_int_equal(key_try_rsa(numbers, "public exponent"), -EINVAL);
	key_read(numbers);
	BN_one(numbers[KEY_E]);
	assert_int_equal(key_try_rsa(numbers, "public exponent"), -EINVAL);
	key_read(numbers);
	BN_set_bit(numbers[KEY_E], 64);
	assert_int_equal(key_try_rsa(numbers, "public exponent"), -EINVAL);
	/* Without primes a signature takes four times as long. */
	key_read(numbers);
	for (int i = KEY_P; i < KEY_NUMBERS; i++)
		BN_zero(numbers[i]);
	assert_int_equal(key_try_rsa(numbers, ""), -EINVAL);
}

static void key_many_primes(void **state)
{
	struct ktlsd_buffer pem = { 0 };
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	const struct test_pki_spec spec = { .cn = "a" };
	EVP_PKEY *key = NULL;
	X509 *cert;

	(void)state;
	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048);
	EVP_PKEY_CTX_set_rsa_keygen_primes(ctx, 3);
	assert_int_equal(EVP_PKEY_generate(ctx, &key), 1);
	cert = test_pki_issue(&spec, key, NULL, key);
	test_pki_put_key(&pem, key, NULL);
	assert_int_equal(key_try(&pem, cert, "more than two primes"), -EINVAL);
	X509_free(cert);
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(ctx);
}

/* SEC1: an arbitrary scalar with the public point of the certificate. */
static int key_try_ec(const unsigned char *scalar, size_t len, const char *word)
{
	unsigned char *der = NULL, out[256 + 65536], *at = out;
	struct ktlsd_buffer pem = { 0 };
	long size = i2d_PrivateKey(ec, &der), rest;

	assert_true(size > 39 && der[5] == 4 && der[6] == 32);
	rest = size - 39;
	ASN1_put_object(&at, 1, ASN1_object_size(0, (int)len,
						 V_ASN1_OCTET_STRING) + 3 + (int)rest,
			V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	memcpy(at, der + 2, 3);
	at += 3;
	ASN1_put_object(&at, 0, (int)len, V_ASN1_OCTET_STRING, V_ASN1_UNIVERSAL);
	memcpy(at, scalar, len);
	at += len;
	memcpy(at, der + 39, (size_t)rest);
	key_put_pem(&pem, "EC PRIVATE KEY", out, at + rest - out);
	OPENSSL_free(der);
	return key_try(&pem, ec_cert, word);
}

static void key_ec_scalar(void **state)
{
	static unsigned char huge[8000];
	unsigned char *der = NULL, scalar[33] = { 0 };

	(void)state;
	assert_true(i2d_PrivateKey(ec, &der) > 39);
	memcpy(scalar + 1, der + 7, 32);
	assert_int_equal(key_try_ec(scalar + 1, 32, ""), 0);
	OPENSSL_free(der);
	der = NULL;
	assert_true(i2d_PrivateKey(ec_other, &der) > 39);
	assert_int_equal(key_try_ec(der + 7, 32, "do not belong together"), -EINVAL);
	OPENSSL_free(der);
	memset(scalar, 0, sizeof(scalar));
	assert_int_equal(key_try_ec(scalar, 32, "out of range"), -EINVAL);
	memset(scalar, 0xff, sizeof(scalar));
	assert_int_equal(key_try_ec(scalar, 32, "out of range"), -EINVAL);
	memset(huge, 0xff, sizeof(huge));
	assert_int_equal(key_try_ec(huge, sizeof(huge), ""), -EINVAL);
}

static void key_ec_curve(void **state)
{
	static const char *const slow[] = { "secp224r1", "secp256k1", "sect571r1", "brainpoolP512r1" };
	const struct test_pki_spec spec = { .cn = "a" };
	struct ktlsd_buffer pem = { 0 };
	EVP_PKEY *key;
	X509 *cert;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(slow) / sizeof(*slow); i++) {
		key = EVP_EC_gen(slow[i]);
		assert_non_null(key);
		cert = test_pki_issue(&spec, key, NULL, key);
		test_pki_put_key(&pem, key, NULL);
		assert_int_equal(key_try(&pem, cert, "named curve"), -EINVAL);
		X509_free(cert);
		EVP_PKEY_free(key);
	}
}

/* PKCS #8 has no public half of a DSA key: decoding it computes g^x mod p, with numbers of any
 * size.
 */
static void key_dsa_is_not_decoded(void **state)
{
	PKCS8_PRIV_KEY_INFO *info = PKCS8_PRIV_KEY_INFO_new();
	unsigned char params[16384], *at = params, *der = NULL, *x = NULL;
	struct ktlsd_buffer pem = { 0 };
	ASN1_STRING *sequence = ASN1_STRING_new();
	ASN1_INTEGER *integer;
	BIGNUM *p = BN_new();
	int i, len, content = 0;

	(void)state;
	BN_set_bit(p, 30000);
	BN_sub_word(p, 1);
	integer = BN_to_ASN1_INTEGER(p, NULL);
	content = 2 * i2d_ASN1_INTEGER(integer, NULL) + 3;
	ASN1_put_object(&at, 1, content, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	i2d_ASN1_INTEGER(integer, &at);
	i2d_ASN1_INTEGER(integer, &at);
	memcpy(at, "\x02\x01\x05", 3);
	at += 3;
	ASN1_STRING_set(sequence, params, (int)(at - params));
	len = i2d_ASN1_INTEGER(integer, &x);
	for (i = 8; i < len; i++)
		x[i] = 0xff;
	assert_int_equal(PKCS8_pkey_set0(info, OBJ_nid2obj(NID_dsa), 0,
					 V_ASN1_SEQUENCE, sequence, x, len), 1);
	len = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
	assert_true(len > 0);
	key_put_pem(&pem, "PRIVATE KEY", der, len);
	assert_true(pem.len > 15000);
	assert_int_equal(key_try(&pem, ec_cert, "keys of this kind"), -EINVAL);
	OPENSSL_free(der);
	PKCS8_PRIV_KEY_INFO_free(info);
	ASN1_INTEGER_free(integer);
	BN_free(p);
}

/* Common file formats. */
static void key_formats(void **state)
{
	static const unsigned char curve[] = { 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };
	struct ktlsd_buffer pem = { 0 };
	unsigned char *der = NULL;
	int len;

	(void)state;
	/* "openssl ecparam -genkey" puts the parameters first. */
	key_put_pem(&pem, "EC PARAMETERS", curve, sizeof(curve));
	len = i2d_PrivateKey(ec, &der);
	key_put_pem(&pem, "EC PRIVATE KEY", der, len);
	OPENSSL_free(der);
	assert_int_equal(key_try(&pem, ec_cert, ""), 0);
	/* The certificate may be in the same file. */
	test_pki_put_cert(&pem, rsa_cert);
	test_pki_put_key(&pem, rsa, NULL);
	assert_int_equal(key_try(&pem, rsa_cert, ""), 0);
	/* The traditional format, encrypted. */
	ktlsd_buffer_append(&pem, "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
			    "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n"
			    "AAAA\n-----END RSA PRIVATE KEY-----\n", 145, 1000);
	assert_int_equal(key_try(&pem, rsa_cert, "encrypted"), -EINVAL);
}

static int key_setup(void **state)
{
	const struct test_pki_spec spec = { .cn = "a" };

	(void)state;
	bn = BN_CTX_new();
	rsa = test_pki_key("rsa2048");
	ec = test_pki_key("ec");
	ec_other = test_pki_key("ec");
	rsa_cert = test_pki_issue(&spec, rsa, NULL, rsa);
	ec_cert = test_pki_issue(&spec, ec, NULL, ec);
	return 0;
}

static int key_teardown(void **state)
{
	(void)state;
	BN_CTX_free(bn);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(ec_other);
	X509_free(rsa_cert);
	X509_free(ec_cert);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_huge_exponents),
		cmocka_unit_test(key_inconsistent),
		cmocka_unit_test(key_bad_exponent),
		cmocka_unit_test(key_many_primes),
		cmocka_unit_test(key_ec_scalar),
		cmocka_unit_test(key_ec_curve),
		cmocka_unit_test(key_dsa_is_not_decoded),
		cmocka_unit_test(key_formats),
	};

	return cmocka_run_group_tests_name("private_key", tests, key_setup, key_teardown);
}
