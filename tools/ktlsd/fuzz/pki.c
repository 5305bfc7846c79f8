// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "fuzz/pki.h"

static const char *pki_directory;

EVP_PKEY *fuzz_pki_key(uint8_t number)
{
	/* ECPrivateKey of RFC 5915, without the public key. */
	uint8_t der[51] = { 0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20 };
	static const uint8_t curve[] = {
		0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
	};
	const unsigned char *at = der;
	EVP_PKEY *key;

	memset(der + 7, number, 32);
	memcpy(der + 39, curve, sizeof(curve));
	key = d2i_PrivateKey(EVP_PKEY_EC, NULL, &at, sizeof(der));
	if (!key)
		abort();
	return key;
}

void fuzz_pki_number(X509 *cert, EVP_PKEY *issuer_key, int serial)
{
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
	if (X509_sign(cert, issuer_key, EVP_sha256()) <= 0)
		abort();
}

static X509 *pki_issue(const char *cn, const char *san, const char *eku, EVP_PKEY *key,
		       X509 *issuer, EVP_PKEY *issuer_key, int serial)
{
	const struct test_pki_spec spec = {
		.cn = cn, .san = san, .eku = eku, .from = -3600, .is_ca = !issuer,
	};
	X509 *cert = test_pki_issue(&spec, key, issuer, issuer_key);

	fuzz_pki_number(cert, issuer_key, serial);
	return cert;
}

void fuzz_pki_setup(void)
{
	pki.ca_key = fuzz_pki_key(1);
	pki.other_key = fuzz_pki_key(2);
	pki.ec_key = fuzz_pki_key(3);
	pki.ca = pki_issue("Test CA", NULL, NULL, pki.ca_key, NULL, pki.ca_key, 1);
	pki.other_ca = pki_issue("Other CA", NULL, NULL, pki.other_key, NULL, pki.other_key, 2);
	pki.ec = pki_issue("leaf", "DNS:server.test", "serverAuth", pki.ec_key, pki.ca,
			   pki.ca_key, 3);
	pki.client = pki_issue("client", NULL, "clientAuth", pki.ec_key, pki.ca, pki.ca_key, 4);
}

uint8_t *fuzz_pki_sign_response(const uint8_t *data, size_t len, X509 *signer, EVP_PKEY *key,
				int *ret_len)
{
	OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &data, (long)len), *again = NULL;
	OCSP_BASICRESP *basic = response ? OCSP_response_get1_basic(response) : NULL;
	uint8_t *der = NULL;

	if (basic && OCSP_basic_sign(basic, signer, key, EVP_sha256(), NULL, OCSP_NOTIME) == 1)
		again = OCSP_response_create(OCSP_response_status(response), basic);
	*ret_len = again ? i2d_OCSP_RESPONSE(again, &der) : -1;
	OCSP_RESPONSE_free(again);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
	ERR_clear_error();
	return *ret_len > 0 ? der : NULL;
}

uint8_t *fuzz_pki_sign_crl(const uint8_t *data, size_t len, EVP_PKEY *key, int *ret_len)
{
	X509_CRL *crl = d2i_X509_CRL(NULL, &data, (long)len);
	uint8_t *der = NULL;

	*ret_len = -1;
	if (crl && X509_CRL_sign(crl, key, EVP_sha256()) > 0)
		*ret_len = i2d_X509_CRL(crl, &der);
	X509_CRL_free(crl);
	ERR_clear_error();
	return *ret_len > 0 ? der : NULL;
}

void fuzz_pki_seed(const char *name, const void *head, size_t head_len, const void *data,
		   size_t len)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/seed-%s", pki_directory, name);
	file = fopen(path, "we");
	if (!file || fwrite(head, 1, head_len, file) != head_len ||
	    fwrite(data, 1, len, file) != len || fclose(file)) {
		perror(path);
		exit(1);
	}
}

void fuzz_pki_seeds(int argc, char **argv, void (*write)(void))
{
	if (argc != 3 || strcmp(argv[1], "--seeds"))
		return;
	pki_directory = argv[2];
	write();
	exit(0);
}
