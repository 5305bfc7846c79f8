// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include <strings.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "lib/fetching.h"
#include "config/date.h"
#include "config/signature.h"
#include "crl_check.h"

enum {
	CRL_CHECK_AGE	= 86400,	/* seconds, of a CRL without nextUpdate */
};

static bool crl_check_uri(const GENERAL_NAME *name, char *dst)
{
	const ASN1_IA5STRING *uri;
	const char *text;
	size_t len;
	int type;

	uri = GENERAL_NAME_get0_value(name, &type);
	if (type != GEN_URI)
		return false;
	text = (const char *)ASN1_STRING_get0_data(uri);
	len = (size_t)ASN1_STRING_length(uri);
	if (len >= KTLS_FETCH_URL_MAX || len < 8 || strlen(text) != len ||
	    strncasecmp(text, "http://", 7) || strpbrk(text, " \t\r\n"))
		return false;
	memcpy(dst, text, len + 1);
	return true;
}

bool ktlsd_crl_check_url(X509 *cert, char *dst)
{
	CRL_DIST_POINTS *list = X509_get_ext_d2i(cert, NID_crl_distribution_points, NULL, NULL);
	const DIST_POINT *point;
	bool found = false;
	int i, k;

	for (i = 0; i < sk_DIST_POINT_num(list) && !found; i++) {
		point = sk_DIST_POINT_value(list, i);
		/* Not one for some reasons only, or of another authority. */
		if (point->reasons || point->CRLissuer || !point->distpoint ||
		    point->distpoint->type)
			continue;
		for (k = 0; k < sk_GENERAL_NAME_num(point->distpoint->name.fullname) && !found; k++)
			found = crl_check_uri(sk_GENERAL_NAME_value(point->distpoint->name.fullname,
								      k), dst);
	}
	CRL_DIST_POINTS_free(list);
	ERR_clear_error();
	return found;
}

/* --- scope (RFC 5280 5.2.5) --- */

/* Return: whether @point names @url. */
static bool crl_check_is_point(const DIST_POINT_NAME *point, const char *url)
{
	const ASN1_IA5STRING *uri;
	int i, type;

	for (i = 0; !point->type && i < sk_GENERAL_NAME_num(point->name.fullname); i++) {
		uri = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(point->name.fullname, i),
					      &type);
		if (type == GEN_URI && (size_t)ASN1_STRING_length(uri) == strlen(url) &&
		    !memcmp(ASN1_STRING_get0_data(uri), url, strlen(url)))
			return true;
	}
	return false;
}

static const char *crl_check_point(const ISSUING_DIST_POINT *point,
				   const struct ktlsd_crl_check *check)
{
	if (point->indirectCRL > 0)
		return "it is indirect: other authorities' certificates are in it";
	if (point->onlysomereasons)
		return "it is for some reasons of revocation only";
	if (point->onlyattr > 0 || (check->is_ca ? point->onlyuser : point->onlyCA) > 0)
		return "it is for certificates of another kind";
	if (point->distpoint && !crl_check_is_point(point->distpoint, check->url))
		return "it belongs to another URL";
	return NULL;
}

/* Whoever is on the way could else replace a CRL with another one of the same issuer, in which
 * the certificate cannot be.
 */
static const char *crl_check_scope(X509_CRL *crl, const struct ktlsd_crl_check *check)
{
	ISSUING_DIST_POINT *point;
	const char *why = NULL;
	int critical;

	if (X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0)
		return "it is a delta, not a complete CRL";
	point = X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, &critical, NULL);
	if (point)
		why = crl_check_point(point, check);
	else if (critical != -1)
		why = "its scope cannot be decoded";
	ISSUING_DIST_POINT_free(point);
	ERR_clear_error();
	return why;
}

/* OpenSSL would refuse each certificate of the issuer because of them. */
static bool crl_check_has_unknown(X509_CRL *crl)
{
	X509_EXTENSION *extension;
	int i, nid;

	for (i = 0; i < X509_CRL_get_ext_count(crl); i++) {
		extension = X509_CRL_get_ext(crl, i);
		nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
		if (X509_EXTENSION_get_critical(extension) &&
		    nid != NID_issuing_distribution_point && nid != NID_authority_key_identifier)
			return true;
	}
	return false;
}

int64_t ktlsd_crl_check_expires(const X509_CRL *crl)
{
	if (X509_CRL_get0_nextUpdate(crl))
		return ktlsd_date_seconds(X509_CRL_get0_nextUpdate(crl));
	return ktlsd_date_seconds(X509_CRL_get0_lastUpdate(crl)) + CRL_CHECK_AGE;
}

static const char *crl_check_signature(X509_CRL *crl, X509 *issuer)
{
	const X509_ALGOR *algorithm;

	if (X509_get_extension_flags(issuer) & EXFLAG_KUSAGE &&
	    !(X509_get_key_usage(issuer) & KU_CRL_SIGN))
		return "the certificate of its issuer is not for CRLs";
	X509_CRL_get0_signature(crl, NULL, &algorithm);
	if (!ktlsd_signature_is_strong(algorithm))
		return "it is not signed with SHA-256 or a digest as strong";
	if (X509_CRL_verify(crl, X509_get0_pubkey(issuer)) != 1)
		return "its signature is wrong";
	return NULL;
}

const char *ktlsd_crl_check(X509_CRL *crl, const struct ktlsd_crl_check *check)
{
	int64_t from = ktlsd_date_seconds(X509_CRL_get0_lastUpdate(crl));
	const char *why;

	if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(check->issuer)))
		return "it is of another issuer";
	why = crl_check_scope(crl, check);
	if (why)
		return why;
	if (crl_check_has_unknown(crl))
		return "it has extensions that ktlsd does not know";
	why = crl_check_signature(crl, check->issuer);
	if (why)
		return why;
	if (!from || (from > check->now && !check->any_time))
		return "it is from the future: check this machine's clock";
	if (check->old && from < ktlsd_date_seconds(X509_CRL_get0_lastUpdate(check->old)))
		return "it is older than the one at hand";
	if (ktlsd_crl_check_expires(crl) <= check->now && !check->any_time)
		return "it is out of date";
	return NULL;
}
