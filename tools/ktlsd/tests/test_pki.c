// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "test_pki.h"

static EVP_PKEY *pki_explicit_key(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 5),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, "explicit", 8),
		OSSL_PARAM_END,
	};
	EVP_PKEY *key = NULL;

	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_params(ctx, params), 1);
	assert_int_equal(EVP_PKEY_generate(ctx, &key), 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* Swaps the exponents: signing is fast, checking a signature is slow. */
static EVP_PKEY *pki_swapped_key(void)
{
	static const char *const names[] = {
		OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_E,
	};
	static const char *const swapped[] = {
		OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E, OSSL_PKEY_PARAM_RSA_D,
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	EVP_PKEY *good = EVP_RSA_gen(2048), *key = NULL;
	BIGNUM *numbers[3] = { NULL };
	OSSL_PARAM *params;
	int i;

	for (i = 0; i < 3; i++) {
		assert_int_equal(EVP_PKEY_get_bn_param(good, names[i], &numbers[i]), 1);
		OSSL_PARAM_BLD_push_BN(builder, swapped[i], numbers[i]);
	}
	params = OSSL_PARAM_BLD_to_param(builder);
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	for (i = 0; i < 3; i++)
		BN_free(numbers[i]);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(good);
	return key;
}

static EVP_PKEY *pki_pss_key(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
	EVP_PKEY *key = NULL;

	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_generate(ctx, &key), 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

EVP_PKEY *test_pki_key(const char *kind)
{
	EVP_PKEY *key;

	if (!strcmp(kind, "rsa2048"))
		key = EVP_RSA_gen(2048);
	else if (!strcmp(kind, "rsa1024"))
		key = EVP_RSA_gen(1024);
	else if (!strcmp(kind, "rsa-pss"))
		key = pki_pss_key();
	else if (!strcmp(kind, "rsa-swapped"))
		key = pki_swapped_key();
	else if (!strcmp(kind, "ec384"))
		key = EVP_EC_gen("P-384");
	else if (!strcmp(kind, "binary"))
		key = EVP_EC_gen("sect571r1");
	else if (!strcmp(kind, "ed25519"))
		key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	else if (!strcmp(kind, "ec-explicit"))
		key = pki_explicit_key();
	else
		key = EVP_EC_gen("P-256");
	assert_non_null(key);
	return key;
}

static void pki_extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX ctx;

	if (!value)
		return;
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(cert, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

X509 *test_pki_issue(const struct test_pki_spec *spec, EVP_PKEY *key,
		     X509 *issuer, EVP_PKEY *issuer_key)
{
	X509 *cert = X509_new();
	X509_NAME *name;
	uint64_t serial;

	assert_non_null(cert);
	assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
	assert_int_equal(RAND_bytes((unsigned char *)&serial, sizeof(serial)), 1);
	ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), spec->from);
	X509_gmtime_adj(X509_getm_notAfter(cert), spec->to ? spec->to : 86400);
	name = X509_get_subject_name(cert);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
				   (const unsigned char *)spec->cn, -1, -1, 0);
	X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : name);
	X509_set_pubkey(cert, key);
	pki_extend(cert, issuer ? issuer : cert, NID_basic_constraints,
		   spec->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	pki_extend(cert, issuer ? issuer : cert, NID_subject_key_identifier, "hash");
	if (issuer)
		pki_extend(cert, issuer, NID_authority_key_identifier, "keyid");
	pki_extend(cert, issuer ? issuer : cert, NID_subject_alt_name, spec->san);
	pki_extend(cert, issuer ? issuer : cert, NID_ext_key_usage, spec->eku);
	assert_true(X509_sign(cert, issuer_key,
			      EVP_PKEY_get_base_id(issuer_key) == EVP_PKEY_ED25519 ?
			      NULL : EVP_sha256()) > 0);
	return cert;
}

static void pki_take_bio(struct ktlsd_buffer *buffer, BIO *bio)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);

	assert_int_equal(ktlsd_buffer_append(buffer, data, (size_t)len, 4 << 20), 0);
	BIO_free(bio);
}

void test_pki_put_cert(struct ktlsd_buffer *buffer, X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_equal(PEM_write_bio_X509(bio, cert), 1);
	pki_take_bio(buffer, bio);
}

void test_pki_put_key(struct ktlsd_buffer *buffer, EVP_PKEY *key,
		      const char *passphrase)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_equal(PEM_write_bio_PrivateKey(bio, key,
		passphrase ? EVP_aes_128_cbc() : NULL,
		(const unsigned char *)passphrase,
		passphrase ? (int)strlen(passphrase) : 0, NULL, NULL), 1);
	pki_take_bio(buffer, bio);
}

void test_pki_write(const char *path, struct ktlsd_buffer *buffer, int mode)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, mode);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, buffer->data, buffer->len), buffer->len);
	close(fd);
	ktlsd_buffer_free(buffer);
}

struct test_pki pki;

int test_pki_setup(void **state)
{
	const struct test_pki_spec ca = { .cn = "Test CA", .is_ca = true };
	const struct test_pki_spec other = { .cn = "Other CA", .is_ca = true };
	const struct test_pki_spec leaf = {
		.cn = "leaf", .san = "DNS:server.test,DNS:*.wild.test,IP:192.0.2.1",
		.eku = "serverAuth",
	};
	const struct test_pki_spec client = { .cn = "client", .eku = "clientAuth" };

	(void)state;
	pki.ca_key = test_pki_key("ec");
	pki.other_key = test_pki_key("ec");
	pki.ca = test_pki_issue(&ca, pki.ca_key, NULL, pki.ca_key);
	pki.other_ca = test_pki_issue(&other, pki.other_key, NULL, pki.other_key);
	pki.ec_key = test_pki_key("ec");
	pki.rsa_key = test_pki_key("rsa2048");
	pki.ec = test_pki_issue(&leaf, pki.ec_key, pki.ca, pki.ca_key);
	pki.rsa = test_pki_issue(&leaf, pki.rsa_key, pki.ca, pki.ca_key);
	pki.client = test_pki_issue(&client, pki.ec_key, pki.ca, pki.ca_key);
	return 0;
}

int test_pki_teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(pki.ca_key);
	EVP_PKEY_free(pki.other_key);
	X509_free(pki.ca);
	X509_free(pki.other_ca);
	EVP_PKEY_free(pki.ec_key);
	EVP_PKEY_free(pki.rsa_key);
	X509_free(pki.ec);
	X509_free(pki.rsa);
	X509_free(pki.client);
	return 0;
}
