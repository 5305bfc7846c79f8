/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an authority publishes about its certificates: CRLs and OCSP responses, right and
 * wrong ones.
 */
#ifndef KTLSD_TEST_AUTHORITY_H
#define KTLSD_TEST_AUTHORITY_H

#include "test_pki.h"

/* Adds an extension to a certificate, and signs it again. */
void test_authority_extend(X509 *cert, EVP_PKEY *issuer_key, int nid, const char *value);

/**
 * struct test_authority_crl - contents of a CRL
 * @issuer: its certificate
 * @key: which signs
 * @revoked: the certificate in it, or NULL
 * @reason: CRL_REASON_*, or -1 for none
 * @from: thisUpdate, seconds from now
 * @to: nextUpdate, seconds from now; 0 for a day
 * @number: cRLNumber
 * @base: a delta to the CRL with this number; 0 for a complete CRL
 * @no_key_id: it does not say which key of the issuer has signed it
 * @scope: its issuingDistributionPoint (RFC 5280 5.2.5) as in openssl.cnf, or NULL
 * @digest: that signs; NULL for SHA-256
 */
struct test_authority_crl {
	X509		*issuer;
	EVP_PKEY	*key;
	X509		*revoked;
	int		reason;
	long		from;
	long		to;
	int		number;
	int		base;
	bool		no_key_id;
	const char	*scope;
	const EVP_MD	*digest;
};

X509_CRL *test_authority_crl(const struct test_authority_crl *spec);

/* Append a CRL. */
void test_authority_put_crl(struct ktlsd_buffer *buffer, X509_CRL *crl, bool der);

/**
 * struct test_authority_response - contents of an OCSP response
 * @cert: about which certificate
 * @issuer: which issued it
 * @signer: certificate of who signs
 * @key: its key
 * @status: V_OCSP_CERTSTATUS_*
 * @from: thisUpdate, seconds from now
 * @to: nextUpdate, seconds from now; 0 for an hour, -1 for none
 * @nonce: of 16 bytes, or NULL
 * @spoil: flip a bit of the signature
 * @digest: that signs; NULL for SHA-256
 */
struct test_authority_response {
	X509		*cert;
	X509		*issuer;
	X509		*signer;
	EVP_PKEY	*key;
	int		status;
	long		from;
	long		to;
	const uint8_t	*nonce;
	bool		spoil;
	const EVP_MD	*digest;
};

/* Return: the response in DER; the caller frees it with OPENSSL_free(). */
uint8_t *test_authority_response(const struct test_authority_response *spec, int *ret_len);

#endif
