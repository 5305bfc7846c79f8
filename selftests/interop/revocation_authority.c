// SPDX-License-Identifier: GPL-2.0-or-later
/* CRLs and OCSP responses. See revocation_authority.h. */
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "revocation_authority.h"

#define DAY	86400L

/* --- CRLs --- */

static void add_revoked(X509_CRL *crl, X509 *cert)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_TIME *when = X509_gmtime_adj(NULL, -3600);

	X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(cert));
	X509_REVOKED_set_revocationDate(entry, when);
	ASSERT_EQ(1, X509_CRL_add0_revoked(crl, entry));
	ASN1_TIME_free(when);
}

void authority_write_crl(const char *path, X509 *issuer, EVP_PKEY *key, X509 *const *revoked,
			 int days)
{
	ASN1_TIME *from = X509_gmtime_adj(NULL, -10 * DAY), *to = X509_gmtime_adj(NULL, days * DAY);
	X509_CRL *crl = X509_CRL_new();
	char hidden[128];
	BIO *file;

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer));
	X509_CRL_set1_lastUpdate(crl, from);
	X509_CRL_set1_nextUpdate(crl, to);
	for (; *revoked; revoked++)
		add_revoked(crl, *revoked);
	X509_CRL_sort(crl);
	ASSERT_LT(0, X509_CRL_sign(crl, key, EVP_sha256()));
	/* ktlsd does not read files whose names begin with a dot */
	snprintf(hidden, sizeof(hidden), "%.*s/.new", (int)(strrchr(path, '/') - path), path);
	file = BIO_new_file(hidden, "w");
	ASSERT_TRUE(file);
	ASSERT_EQ(1, PEM_write_bio_X509_CRL(file, crl));
	BIO_free(file);
	OK(rename(hidden, path));
	X509_CRL_free(crl);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
}

void authority_add_to_index(const char *path, const X509 *cert, char status)
{
	BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	char *hex = BN_bn2hex(serial);
	FILE *file = fopen(path, "ae");

	ASSERT_TRUE(file);
	fprintf(file, "%c\t491231235959Z\t%s\t%s\tunknown\t/CN=%s\n", status,
		status == 'R' ? "260101000000Z,keyCompromise" : "", hex, hex);
	fclose(file);
	OPENSSL_free(hex);
	BN_free(serial);
}

/* --- OCSP --- */

static OCSP_CERTID *certificate_id(const struct chain_made *made, bool other)
{
	ASN1_INTEGER *serial = ASN1_INTEGER_dup(X509_get0_serialNumber(made->certs[0]));
	OCSP_CERTID *id;

	if (other)
		ASN1_INTEGER_set(serial, 4711);
	id = OCSP_cert_id_new(EVP_sha1(), X509_get_subject_name(made->issuer),
			      X509_get0_pubkey_bitstr(made->issuer), serial);
	ASN1_INTEGER_free(serial);
	ASSERT_TRUE(id);
	return id;
}

static OCSP_BASICRESP *basic_response(const struct chain_made *made,
				      const struct authority_answer *answer)
{
	ASN1_TIME *from = X509_gmtime_adj(NULL, answer->from);
	ASN1_TIME *to = X509_gmtime_adj(NULL, answer->to);
	ASN1_TIME *revoked = X509_gmtime_adj(NULL, -3600);
	OCSP_CERTID *id = certificate_id(made, answer->other_serial);
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	bool is_revoked = answer->status == V_OCSP_CERTSTATUS_REVOKED;

	ASSERT_TRUE(OCSP_basic_add1_status(basic, id, answer->status,
					   is_revoked ? OCSP_REVOKED_STATUS_KEYCOMPROMISE : 0,
					   is_revoked ? revoked : NULL, from, to));
	OCSP_CERTID_free(id);
	ASN1_TIME_free(revoked);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	return basic;
}

static void sign_response(OCSP_BASICRESP *basic, const struct chain_made *made, bool other)
{
	EVP_PKEY *key = made->issuer_key;
	X509 *signer = made->issuer;

	if (other)
		chain_read_ca("untrusted-ca", &signer, &key);
	ASSERT_EQ(1, OCSP_basic_sign(basic, signer, key, EVP_sha256(), NULL, 0));
	if (other) {
		X509_free(signer);
		EVP_PKEY_free(key);
	}
}

int authority_respond(const struct chain_made *made, const struct authority_answer *answer,
		      OCSP_REQUEST *request, unsigned char **ret_der)
{
	OCSP_BASICRESP *basic = basic_response(made, answer);
	OCSP_RESPONSE *response;
	int len;

	if (answer->other_nonce)
		OCSP_basic_add1_nonce(basic, (unsigned char *)"not yours: 12345", 16);
	else if (request)
		OCSP_copy_nonce(basic, request);
	sign_response(basic, made, answer->other_signer);
	response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	*ret_der = NULL;
	len = i2d_OCSP_RESPONSE(response, ret_der);
	ASSERT_LT(0, len);
	OCSP_RESPONSE_free(response);
	OCSP_BASICRESP_free(basic);
	return len;
}
