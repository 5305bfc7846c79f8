/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which CRLs say something of a certificate. OpenSSL would take any with the name of its issuer.
 * Any thread.
 */
#ifndef KTLSD_CRL_LOOKUP_H
#define KTLSD_CRL_LOOKUP_H

#include "config/crls.h"

/**
 * struct ktlsd_crl_view - the CRLs of a verification
 * @set: not owned
 * @user: uid of the program in the upper half, and for a server's client a hash of the network
 *	that it comes from in the lower
 * @failed: ktlsd ran out of memory: not all CRLs were looked at
 */
struct ktlsd_crl_view {
	const struct ktlsd_crl_set	*set;
	uint64_t			user;
	bool				failed;
};

/* Hashes the name and the key of an issuer: certificates of both can be several. Return: 0 or
 * -ENOMEM.
 */
int ktlsd_crl_lookup_hash(X509 *issuer, uint8_t *ret_hash);

/* Lets verifications with the store find the CRLs that ktlsd_crl_lookup_use() names. */
void ktlsd_crl_lookup_attach(X509_STORE *store);

/* Names the CRLs of one verification; @view lives until it has ended. */
void ktlsd_crl_lookup_use(X509_STORE_CTX *ctx, struct ktlsd_crl_view *view);

/**
 * ktlsd_crl_lookup_revoked - look up a certificate
 * @set: may be NULL; the signatures of CRLs in files are not checked: good enough to refuse, not
 *	to accept
 * @cert: the certificate
 * @issuer: its issuer's certificate; NULL if it is not at hand: the name of the issuer decides
 * @ret_crl: which CRL has it
 *
 * Return: its entry, or NULL
 */
X509_REVOKED *ktlsd_crl_lookup_revoked(const struct ktlsd_crl_set *set, X509 *cert, X509 *issuer,
				      X509_CRL **ret_crl);

#endif
