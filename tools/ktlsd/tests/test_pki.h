/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys and certificates for tests, generated when needed. */
#ifndef KTLSD_TEST_PKI_H
#define KTLSD_TEST_PKI_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "lib/buffer.h"

/**
 * struct test_pki_spec - contents of a certificate
 * @cn: common name of the subject
 * @san: subjectAltName as openssl-x509v3_config(5) has it, or NULL
 * @eku: extendedKeyUsage, or NULL
 * @from: start, seconds from now
 * @to: end, seconds from now; 0 for a day
 * @is_ca: basicConstraints
 */
struct test_pki_spec {
	const char	*cn;
	const char	*san;
	const char	*eku;
	long		from;
	long		to;
	bool		is_ca;
};

/* "rsa2048", "rsa1024", "rsa-pss" (any digest), "rsa-swapped" (a huge public exponent), "ec",
 * "ec384", "ed25519", "ec-explicit", "binary" (EC on a binary curve); the caller frees it. */
EVP_PKEY *test_pki_key(const char *kind);

/* @issuer: NULL for a self-signed certificate; then @issuer_key is @key. */
X509 *test_pki_issue(const struct test_pki_spec *spec, EVP_PKEY *key,
		     X509 *issuer, EVP_PKEY *issuer_key);

/* Append PEM to @buffer. */
void test_pki_put_cert(struct ktlsd_buffer *buffer, X509 *cert);
void test_pki_put_key(struct ktlsd_buffer *buffer, EVP_PKEY *key,
		      const char *passphrase);

/* Writes @buffer to a file and frees it. */
void test_pki_write(const char *path, struct ktlsd_buffer *buffer, int mode);

/**
 * struct test_pki - what most tests need
 * @ca_key: EC
 * @ca: self-signed
 * @other_ca: of the same key, another name
 * @ec_key: of leaves
 * @rsa_key: of leaves
 * @ec: leaf for server.test and 192.0.2.1
 * @rsa: likewise
 * @client: leaf for a client
 */
struct test_pki {
	EVP_PKEY	*ca_key;
	EVP_PKEY	*other_key;
	X509		*ca;
	X509		*other_ca;
	EVP_PKEY	*ec_key;
	EVP_PKEY	*rsa_key;
	X509		*ec;
	X509		*rsa;
	X509		*client;
};

extern struct test_pki pki;

/* Fixtures of a group of tests: make and free the keys and certificates. */
int test_pki_setup(void **state);
int test_pki_teardown(void **state);

#endif
