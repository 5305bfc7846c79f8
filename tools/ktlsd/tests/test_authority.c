// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "test_authority.h"

void test_authority_extend(X509 *cert, EVP_PKEY *issuer_key, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(cert, extension, -1), 1);
	X509_EXTENSION_free(extension);
	assert_true(X509_sign(cert, issuer_key, EVP_sha256()) > 0);
}

static void authority_number(X509_CRL *crl, int nid, int number, int critical)
{
	ASN1_INTEGER *value = ASN1_INTEGER_new();

	ASN1_INTEGER_set(value, number);
	assert_int_equal(X509_CRL_add1_ext_i2d(crl, nid, value, critical, 0), 1);
	ASN1_INTEGER_free(value);
}

static void authority_revoke(X509_CRL *crl, X509 *cert, int reason, ASN1_TIME *when)
{
	ASN1_ENUMERATED *value = ASN1_ENUMERATED_new();
	X509_REVOKED *entry = X509_REVOKED_new();

	X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(cert));
	X509_REVOKED_set_revocationDate(entry, when);
	ASN1_ENUMERATED_set(value, reason);
	if (reason >= 0)
		assert_int_equal(X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, value, 0, 0), 1);
	ASN1_ENUMERATED_free(value);
	assert_int_equal(X509_CRL_add0_revoked(crl, entry), 1);
}

static void authority_extend_crl(X509_CRL *crl, X509V3_CTX *ctx, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, ctx, nid, value);

	assert_non_null(extension);
	assert_int_equal(X509_CRL_add_ext(crl, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

X509_CRL *test_authority_crl(const struct test_authority_crl *spec)
{
	ASN1_TIME *from = X509_gmtime_adj(NULL, spec->from);
	ASN1_TIME *to = X509_gmtime_adj(NULL, spec->to ? spec->to : 86400);
	X509_CRL *crl = X509_CRL_new();
	X509V3_CTX ctx;

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(spec->issuer));
	X509_CRL_set1_lastUpdate(crl, from);
	X509_CRL_set1_nextUpdate(crl, to);
	X509V3_set_ctx(&ctx, spec->issuer, NULL, NULL, crl, 0);
	if (!spec->no_key_id)
		authority_extend_crl(crl, &ctx, NID_authority_key_identifier, "keyid");
	if (!spec->base)
		authority_extend_crl(crl, &ctx, NID_freshest_crl, "URI:http://crl.test/delta");
	authority_number(crl, NID_crl_number, spec->number, 0);
	if (spec->base)
		authority_number(crl, NID_delta_crl, spec->base, 1);
	if (spec->scope)
		authority_extend_crl(crl, &ctx, NID_issuing_distribution_point, spec->scope);
	if (spec->revoked)
		authority_revoke(crl, spec->revoked, spec->reason, from);
	X509_CRL_sort(crl);
	assert_true(X509_CRL_sign(crl, spec->key, spec->digest ? spec->digest : EVP_sha256()) > 0);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	return crl;
}

void test_authority_put_crl(struct ktlsd_buffer *buffer, X509_CRL *crl, bool der)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	long len;

	assert_int_equal(der ? i2d_X509_CRL_bio(bio, crl) : PEM_write_bio_X509_CRL(bio, crl), 1);
	len = BIO_get_mem_data(bio, &data);
	assert_int_equal(ktlsd_buffer_append(buffer, data, (size_t)len, 4 << 20), 0);
	BIO_free(bio);
}

static void authority_nonce(OCSP_BASICRESP *basic, const uint8_t *nonce)
{
	uint8_t copy[16];

	if (!nonce)
		return;
	memcpy(copy, nonce, sizeof(copy));
	assert_int_equal(OCSP_basic_add1_nonce(basic, copy, sizeof(copy)), 1);
}

uint8_t *test_authority_response(const struct test_authority_response *spec, int *ret_len)
{
	ASN1_TIME *from = X509_gmtime_adj(NULL, spec->from);
	ASN1_TIME *to = spec->to == -1 ? NULL : X509_gmtime_adj(NULL, spec->to ? spec->to : 3600);
	OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), spec->cert, spec->issuer);
	bool revoked = spec->status == V_OCSP_CERTSTATUS_REVOKED;
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	OCSP_RESPONSE *response;
	uint8_t *der = NULL;
	ASN1_OCTET_STRING *signature;

	assert_non_null(OCSP_basic_add1_status(basic, id, spec->status,
					       revoked ? OCSP_REVOKED_STATUS_KEYCOMPROMISE : 0,
					       revoked ? from : NULL, from, to));
	authority_nonce(basic, spec->nonce);
	assert_int_equal(OCSP_basic_sign(basic, spec->signer, spec->key,
					 spec->digest ? spec->digest : EVP_sha256(), NULL, 0), 1);
	if (spec->spoil) {
		signature = (ASN1_OCTET_STRING *)OCSP_resp_get0_signature(basic);
		signature->data[signature->length - 1] ^= 1;
	}
	response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	*ret_len = i2d_OCSP_RESPONSE(response, &der);
	assert_true(*ret_len > 0);
	OCSP_RESPONSE_free(response);
	OCSP_BASICRESP_free(basic);
	OCSP_CERTID_free(id);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	return der;
}
