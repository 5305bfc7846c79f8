/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an authority publishes of its certificates: CRLs, the index of "openssl ocsp", and OCSP
 * responses, right and wrong ones.
 */
#ifndef _SELFTESTS_REVOCATION_AUTHORITY_H
#define _SELFTESTS_REVOCATION_AUTHORITY_H

#include <openssl/ocsp.h>

#include "lib/chain.h"

/* Writes the CRL of an issuer, whole at once. @revoked: certificates, then NULL; @days: until
 * its next update, negative for a stale one.
 */
void authority_write_crl(const char *path, X509 *issuer, EVP_PKEY *key, X509 *const *revoked,
			 int days);

/* A line for the index of "openssl ocsp". @status: 'V' or 'R', for valid and revoked. */
void authority_add_to_index(const char *path, const X509 *cert, char status);

/**
 * struct authority_answer - contents of an OCSP response
 * @status: V_OCSP_CERTSTATUS_*
 * @from: thisUpdate, seconds from now
 * @to: nextUpdate, seconds from now
 * @other_signer: signed by an authority that nobody trusts
 * @other_serial: about another certificate
 * @other_nonce: with a nonce that nobody sent
 */
struct authority_answer {
	int	status;
	long	from;
	long	to;
	bool	other_signer;
	bool	other_serial;
	bool	other_nonce;
};

/* A response about the leaf, signed by its issuer. @request: whose nonce it repeats, or NULL.
 * Return: its length; *@ret_der is for OPENSSL_free().
 */
int authority_respond(const struct chain_made *made, const struct authority_answer *answer,
		      OCSP_REQUEST *request, unsigned char **ret_der);

#endif /* _SELFTESTS_REVOCATION_AUTHORITY_H */
