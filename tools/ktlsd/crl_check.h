/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which URL has the CRL of a certificate, and whether what comes from there may be used. Any
 * thread.
 */
#ifndef KTLSD_CRL_CHECK_H
#define KTLSD_CRL_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/x509.h>

/**
 * struct ktlsd_crl_check - what a CRL is checked against
 * @issuer: must have signed it
 * @url: where it was fetched
 * @is_ca: it was fetched for certificates of authorities, not of servers and clients
 * @any_time: it may be stale, or from the future
 * @old: which it replaces, or NULL
 * @now: seconds since the epoch
 */
struct ktlsd_crl_check {
	X509		*issuer;
	const char	*url;
	bool		is_ca;
	bool		any_time;
	const X509_CRL	*old;
	int64_t		now;
};

/* Copies the first http URL of a complete CRL of the issuer itself that the certificate names to
 * @dst, of KTLS_FETCH_URL_MAX bytes. Return: whether there is one.
 */
bool ktlsd_crl_check_url(X509 *cert, char *dst);

/* Return: NULL, or why the CRL is of no use: "it ...". */
const char *ktlsd_crl_check(X509_CRL *crl, const struct ktlsd_crl_check *check);

/* Return: when it is stale, seconds since the epoch. */
int64_t ktlsd_crl_check_expires(const X509_CRL *crl);

#endif
