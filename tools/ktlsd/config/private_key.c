// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "config/kdf.h"
#include "config/private_key.h"
#include "config/public_key.h"

/**
 * struct private_key_rsa - the numbers of an RSA key (RFC 8017 3.2)
 * @n: modulus
 * @e: public exponent
 * @d: private exponent
 * @p: first prime
 * @q: second prime
 * @dp: d mod p - 1
 * @dq: d mod q - 1
 * @qinv: 1/q mod p
 */
struct private_key_rsa {
	BIGNUM	*n;
	BIGNUM	*e;
	BIGNUM	*d;
	BIGNUM	*p;
	BIGNUM	*q;
	BIGNUM	*dp;
	BIGNUM	*dq;
	BIGNUM	*qinv;
};

static bool private_key_read_rsa(const EVP_PKEY *key, struct private_key_rsa *rsa)
{
	return EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &rsa->n) &&
	       EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &rsa->e) &&
	       EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_D, &rsa->d) &&
	       EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_FACTOR1, &rsa->p) &&
	       EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_FACTOR2, &rsa->q) &&
	       EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_EXPONENT1, &rsa->dp) &&
	       EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_EXPONENT2, &rsa->dq) &&
	       EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, &rsa->qinv);
}

static void private_key_free_rsa(struct private_key_rsa *rsa)
{
	BN_free(rsa->n);
	BN_free(rsa->e);
	BN_clear_free(rsa->d);
	BN_clear_free(rsa->p);
	BN_clear_free(rsa->q);
	BN_clear_free(rsa->dp);
	BN_clear_free(rsa->dq);
	BN_clear_free(rsa->qinv);
}

/* Bounds the numbers before any arithmetic with them. */
static bool private_key_is_bounded(const struct private_key_rsa *rsa)
{
	int half = (BN_num_bits(rsa->n) + 1) / 2 + KTLSD_RSA_FACTOR_SLACK;

	return BN_num_bits(rsa->p) <= half && BN_num_bits(rsa->q) <= half &&
	       BN_is_odd(rsa->p) && BN_is_odd(rsa->q) &&
	       !BN_is_one(rsa->p) && !BN_is_one(rsa->q) &&
	       BN_cmp(rsa->d, rsa->n) < 0 && BN_cmp(rsa->dp, rsa->p) < 0 &&
	       BN_cmp(rsa->dq, rsa->q) < 0 && BN_cmp(rsa->qinv, rsa->p) < 0;
}

/* d = @exponent and e * @exponent = 1, both mod @prime - 1. */
static bool private_key_fits_prime(const struct private_key_rsa *rsa,
				   const BIGNUM *prime, const BIGNUM *exponent, BN_CTX *ctx)
{
	BIGNUM *order, *value;
	bool fits;

	BN_CTX_start(ctx);
	order = BN_CTX_get(ctx);
	value = BN_CTX_get(ctx);
	fits = value && BN_sub(order, prime, BN_value_one()) &&
	       BN_mod(value, rsa->d, order, ctx) && !BN_cmp(value, exponent) &&
	       BN_mod_mul(value, rsa->e, exponent, order, ctx) && BN_is_one(value);
	if (value)
		BN_clear(value);
	if (order)
		BN_clear(order);
	BN_CTX_end(ctx);
	return fits;
}

/* Return: whether the numbers are consistent. A test of primality would cost too much. */
static bool private_key_is_consistent(const struct private_key_rsa *rsa)
{
	BN_CTX *ctx = BN_CTX_secure_new();
	BIGNUM *value = BN_secure_new();
	bool good;

	good = ctx && value &&
	       BN_mul(value, rsa->p, rsa->q, ctx) && !BN_cmp(value, rsa->n) &&
	       private_key_fits_prime(rsa, rsa->p, rsa->dp, ctx) &&
	       private_key_fits_prime(rsa, rsa->q, rsa->dq, ctx) &&
	       BN_mod_mul(value, rsa->q, rsa->qinv, rsa->p, ctx) && BN_is_one(value);
	BN_clear_free(value);
	BN_CTX_free(ctx);
	return good;
}

static int private_key_check_rsa(const EVP_PKEY *key, struct ktlsd_fault *fault)
{
	struct private_key_rsa rsa = { 0 };
	int bits = EVP_PKEY_get_bits(key), err = 0;
	BIGNUM *third = NULL;

	if (bits < KTLSD_RSA_OWN_MIN || bits > KTLSD_RSA_OWN_MAX)
		return ktlsd_errors_set(fault, -EINVAL,
			"the RSA key has %d bits: it must have %d to %d",
			bits, KTLSD_RSA_OWN_MIN, KTLSD_RSA_OWN_MAX);
	if (!ktlsd_public_key_is_cheap_exponent(key))
		return ktlsd_errors_set(fault, -EINVAL,
			"the RSA key's public exponent is even, 1, or longer than %d bits",
			KTLSD_RSA_EXPONENT_MAX);
	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_FACTOR3, &third))
		err = ktlsd_errors_set(fault, -EINVAL,
			"the RSA key has more than two primes");
	else if (!private_key_read_rsa(key, &rsa))
		err = ktlsd_errors_set(fault, -EINVAL,
			"the RSA key is incomplete: it needs its primes and what follows from them");
	else if (!private_key_is_bounded(&rsa))
		err = ktlsd_errors_set(fault, -EINVAL,
			"a number of the RSA key is too big for its modulus");
	else if (!private_key_is_consistent(&rsa))
		err = ktlsd_errors_set(fault, -EINVAL,
			"the numbers of the RSA key do not belong together");
	BN_clear_free(third);
	private_key_free_rsa(&rsa);
	return err;
}

/* Checks the range first: the pairwise check multiplies by the private number. */
static int private_key_check_ec(EVP_PKEY *key, struct ktlsd_fault *fault)
{
	static const char *const curves[] = {
		SN_X9_62_prime256v1, SN_secp384r1, SN_secp521r1,
	};
	EVP_PKEY_CTX *ctx;
	char name[64] = "";
	bool good;
	size_t i;

	if (!ktlsd_public_key_is_explicit(key))
		EVP_PKEY_get_group_name(key, name, sizeof(name), NULL);
	for (i = 0; i < sizeof(curves) / sizeof(*curves); i++) {
		if (!strcmp(name, curves[i]))
			break;
	}
	if (i == sizeof(curves) / sizeof(*curves))
		return ktlsd_errors_set(fault, -EINVAL,
			"the EC key is not on a named curve P-256, P-384 or P-521");
	ctx = EVP_PKEY_CTX_new(key, NULL);
	good = ctx && EVP_PKEY_private_check(ctx) == 1 &&
	       EVP_PKEY_pairwise_check(ctx) == 1;
	EVP_PKEY_CTX_free(ctx);
	return good ? 0 : ktlsd_errors_set(fault, -EINVAL,
		"the numbers of the EC key are out of range or do not belong together");
}

static bool private_key_is_known(int kind)
{
	switch (kind) {
	case EVP_PKEY_RSA:
	case EVP_PKEY_RSA_PSS:
	case EVP_PKEY_EC:
	case EVP_PKEY_ED25519:
	case EVP_PKEY_ED448:
		return true;
	default:
		return false;
	}
}

static int private_key_refuse_kind(struct ktlsd_fault *fault)
{
	return ktlsd_errors_set(fault, -EINVAL,
		"ktlsd does not use keys of this kind: use RSA, ECDSA or Ed25519");
}

int ktlsd_private_key_check(EVP_PKEY *key, struct ktlsd_fault *fault)
{
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
	case EVP_PKEY_RSA_PSS:
		return private_key_check_rsa(key, fault);
	case EVP_PKEY_EC:
		return private_key_check_ec(key, fault);
	case EVP_PKEY_ED25519:
	case EVP_PKEY_ED448:
		/* The public half is computed from the private one. */
		return 0;
	default:
		return private_key_refuse_kind(fault);
	}
}

/* Return: the key, or NULL; *@ret_kind is its kind if it has one. Frees @info. */
static EVP_PKEY *private_key_from_pkcs8(PKCS8_PRIV_KEY_INFO *info, int *ret_kind)
{
	const ASN1_OBJECT *algorithm;
	EVP_PKEY *key = NULL;

	if (info && PKCS8_pkey_get0(&algorithm, NULL, NULL, NULL, info)) {
		*ret_kind = OBJ_obj2nid(algorithm);
		if (private_key_is_known(*ret_kind))
			key = EVP_PKCS82PKEY(info);
	}
	PKCS8_PRIV_KEY_INFO_free(info);
	return key;
}

static EVP_PKEY *private_key_decode(const char *name, const unsigned char *der,
				    long len, int *ret_kind)
{
	*ret_kind = EVP_PKEY_NONE;
	if (!strcmp(name, PEM_STRING_PKCS8INF))
		return private_key_from_pkcs8(d2i_PKCS8_PRIV_KEY_INFO(NULL, &der, len),
					      ret_kind);
	if (!strcmp(name, PEM_STRING_RSA))
		*ret_kind = EVP_PKEY_RSA;
	else if (!strcmp(name, PEM_STRING_ECPRIVATEKEY))
		*ret_kind = EVP_PKEY_EC;
	else
		*ret_kind = EVP_PKEY_DSA;	/* or DH, or any other */
	return private_key_is_known(*ret_kind) ?
	       d2i_PrivateKey(*ret_kind, NULL, &der, len) : NULL;
}

static bool private_key_is_name(const char *name)
{
	size_t len = strlen(name), tail = strlen(PEM_STRING_PKCS8INF);

	return len >= tail && !strcmp(name + len - tail, PEM_STRING_PKCS8INF);
}

/* --- encrypted keys --- */

static int private_key_give_passphrase(char *buffer, int size, int writing, void *arg)
{
	size_t len = strlen(arg);

	(void)writing;
	if (size < 0 || len > (size_t)size)
		return -1;
	memcpy(buffer, arg, len);
	return (int)len;
}

static int private_key_refuse_passphrase(struct ktlsd_fault *fault)
{
	return ktlsd_errors_set(fault, -EINVAL,
		"the private key cannot be decrypted: the passphrase is wrong, or OpenSSL does not know the cipher");
}

static int private_key_decrypt_pkcs8(const unsigned char *der, long len, const char *passphrase,
				     EVP_PKEY **ret_key, int *ret_kind,
				     struct ktlsd_fault *fault)
{
	X509_SIG *encrypted = d2i_X509_SIG(NULL, &der, len);
	PKCS8_PRIV_KEY_INFO *info;
	const X509_ALGOR *algorithm;
	uint64_t spent = 0;
	int err;

	if (!encrypted)
		return 0;
	X509_SIG_get0(encrypted, &algorithm, NULL);
	err = ktlsd_kdf_spend(algorithm, &spent, fault);
	if (!err) {
		info = PKCS8_decrypt(encrypted, passphrase, (int)strlen(passphrase));
		if (info)
			*ret_key = private_key_from_pkcs8(info, ret_kind);
		else
			err = private_key_refuse_passphrase(fault);
	}
	X509_SIG_free(encrypted);
	return err;
}

/* The format before PKCS #8 (RFC 1421), whose key derivation is one MD5. */
static int private_key_decrypt_pem(const char *name, char *header, unsigned char *der, long len,
				   const char *passphrase, EVP_PKEY **ret_key, int *ret_kind,
				   struct ktlsd_fault *fault)
{
	EVP_CIPHER_INFO cipher;

	if (!PEM_get_EVP_CIPHER_INFO(header, &cipher) ||
	    !PEM_do_header(&cipher, der, &len, private_key_give_passphrase, (void *)passphrase))
		return private_key_refuse_passphrase(fault);
	*ret_key = private_key_decode(name, der, len, ret_kind);
	return 0;
}

/* One PEM block. Return: 0 and a key, 0 without a key if it is none, or a negative errno. */
static int private_key_take(const char *name, char *header, unsigned char *der, long len,
			    const char *passphrase, EVP_PKEY **ret_key,
			    struct ktlsd_fault *fault)
{
	const bool is_pkcs8 = !strcmp(name, PEM_STRING_PKCS8);
	int kind = EVP_PKEY_NONE, err = 0;

	if (!private_key_is_name(name))
		return 0;
	if ((is_pkcs8 || header[0]) && !passphrase)
		return ktlsd_errors_set(fault, -EINVAL,
			"the private key is encrypted: ktlsd cannot ask for a pass phrase; an identity can name its passphrase_file");
	if (is_pkcs8)
		err = private_key_decrypt_pkcs8(der, len, passphrase, ret_key, &kind, fault);
	else if (header[0])
		err = private_key_decrypt_pem(name, header, der, len, passphrase, ret_key, &kind,
					      fault);
	else
		*ret_key = private_key_decode(name, der, len, &kind);
	if (err)
		return err;
	if (kind != EVP_PKEY_NONE && !private_key_is_known(kind))
		return private_key_refuse_kind(fault);
	if (!*ret_key)
		return ktlsd_errors_set(fault, -EINVAL,
			"there is no readable PEM private key in it");
	err = ktlsd_private_key_check(*ret_key, fault);
	if (err) {
		EVP_PKEY_free(*ret_key);
		*ret_key = NULL;
	}
	return err;
}

int ktlsd_private_key_decrypt(const void *pem, size_t len, const char *passphrase,
			      EVP_PKEY **ret_key, struct ktlsd_fault *fault)
{
	char *name, *header;
	unsigned char *der;
	BIO *bio = BIO_new_mem_buf(len ? pem : "", (int)len);
	long der_len;
	int err = 0;

	if (!bio)
		return ktlsd_errors_set(fault, -ENOMEM, "out of memory");
	*ret_key = NULL;
	while (!err && !*ret_key && PEM_read_bio(bio, &name, &header, &der, &der_len)) {
		err = private_key_take(name, header, der, der_len, passphrase, ret_key,
				       fault);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(der, (size_t)der_len);
	}
	BIO_free(bio);
	ERR_clear_error();
	if (!err && !*ret_key)
		err = ktlsd_errors_set(fault, -EINVAL,
			"there is no readable PEM private key in it");
	return err;
}

static ktlsd_private_key_importer private_key_importer;

void ktlsd_private_key_set_importer(ktlsd_private_key_importer importer)
{
	private_key_importer = importer;
}

int ktlsd_private_key_parse(const void *pem, size_t len, EVP_PKEY **ret_key,
			    struct ktlsd_fault *fault)
{
	if (private_key_importer)
		return private_key_importer(pem, len, ret_key, fault);
	return ktlsd_private_key_decrypt(pem, len, NULL, ret_key, fault);
}
