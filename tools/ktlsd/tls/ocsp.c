// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/tls1.h>
#include <openssl/x509v3.h>

#include "config/crl_lookup.h"
#include "config/date.h"
#include "config/public_key.h"
#include "config/signature.h"
#include "tls/ocsp.h"

static void ocsp_set_bad(struct ktlsd_ocsp_answer *answer, const char *why)
{
	answer->status = KTLSD_OCSP_BAD;
	snprintf(answer->why, sizeof(answer->why), "%s", why);
}

static bool ocsp_time(const ASN1_TIME *when, int64_t *ret_seconds)
{
	*ret_seconds = ktlsd_date_seconds(when);
	return *ret_seconds;
}

/* --- the signature --- */

static bool ocsp_is_same_authority(X509 *signer, X509 *issuer)
{
	return !X509_NAME_cmp(X509_get_subject_name(signer), X509_get_subject_name(issuer)) &&
	       EVP_PKEY_eq(X509_get0_pubkey(signer), X509_get0_pubkey(issuer)) == 1;
}

/* RFC 6960 4.2.2.2: issued by the issuer itself, for this purpose. */
static const char *ocsp_check_delegate(X509 *signer, const struct ktlsd_ocsp_question *question,
				       int64_t *ret_end)
{
	X509_CRL *crl;
	time_t now = (time_t)question->now;

	if (X509_check_issued(question->issuer, signer) != X509_V_OK ||
	    X509_verify(signer, X509_get0_pubkey(question->issuer)) != 1)
		return "it is signed by somebody whom the issuer has not authorized";
	if (!ktlsd_signature_is_strong(X509_get0_tbs_sigalg(signer)))
		return "the certificate of its signer is not signed with SHA-256 or a digest as strong";
	if (!(X509_get_extension_flags(signer) & EXFLAG_XKUSAGE) ||
	    !(X509_get_extended_key_usage(signer) & XKU_OCSP_SIGN))
		return "it is signed with a certificate that is not for OCSP";
	if (X509_get_extension_flags(signer) & EXFLAG_KUSAGE &&
	    !(X509_get_key_usage(signer) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)))
		return "it is signed with a certificate that is not for signatures";
	if (X509_cmp_time(X509_get0_notAfter(signer), &now) < 0 ||
	    X509_cmp_time(X509_get0_notBefore(signer), &now) > 0)
		return "the certificate of its signer has expired or is not valid yet";
	/* id-pkix-ocsp-nocheck says that nobody needs to ask, not that a CRL at hand is wrong. */
	if (ktlsd_crl_lookup_revoked(question->crls, signer, question->issuer, &crl))
		return "the certificate of its signer was revoked";
	if (!ocsp_time(X509_get0_notAfter(signer), ret_end))
		return "the certificate of its signer has dates that cannot be read";
	return NULL;
}

/* Return: NULL, or why the response is not believed. @ret_end: when that of its signer expires,
 * unless it is the issuer itself; seconds since the epoch
 */
static const char *ocsp_check_signature(OCSP_BASICRESP *basic,
					const struct ktlsd_ocsp_question *question,
					int64_t *ret_end)
{
	STACK_OF(X509) *own = sk_X509_new_null();
	const char *why = NULL;
	X509 *signer = NULL;

	if (!own || !sk_X509_push(own, question->issuer))
		why = "there was no memory to check it";
	else if (!ktlsd_signature_is_strong(OCSP_resp_get0_tbs_sigalg(basic)))
		why = "it is not signed with SHA-256 or a digest as strong";
	else if (!OCSP_resp_get0_signer(basic, &signer, own))
		why = "it is signed by somebody whom the issuer has not authorized";
	else if (ktlsd_public_key_check(signer) != KTLSD_PUBLIC_KEY_GOOD)
		why = "its signer has a key of a kind or size that is not accepted";
	else if (!ocsp_is_same_authority(signer, question->issuer))
		why = ocsp_check_delegate(signer, question, ret_end);
	if (!why && OCSP_basic_verify(basic, own, NULL, OCSP_NOVERIFY) != 1)
		why = "its signature is wrong";
	sk_X509_free(own);
	return why;
}

static const char *ocsp_check_nonce(OCSP_BASICRESP *basic, const uint8_t *nonce)
{
	int index = OCSP_BASICRESP_get_ext_by_NID(basic, NID_id_pkix_OCSP_Nonce, -1);
	const ASN1_OCTET_STRING *value;
	const uint8_t *bytes;
	int len;

	if (!nonce || index < 0)
		return NULL;
	value = X509_EXTENSION_get_data(OCSP_BASICRESP_get_ext(basic, index));
	bytes = ASN1_STRING_get0_data(value);
	len = ASN1_STRING_length(value);
	/* An OCTET STRING in it; some responders omit its header. */
	if (len == KTLSD_OCSP_NONCE + 2 && bytes[0] == V_ASN1_OCTET_STRING) {
		bytes += 2;
		len -= 2;
	}
	if (len == KTLSD_OCSP_NONCE && !memcmp(bytes, nonce, KTLSD_OCSP_NONCE))
		return NULL;
	return "it answers another request: its nonce is wrong";
}

/* --- the answer --- */

static bool ocsp_is_about(const OCSP_SINGLERESP *single,
			  const struct ktlsd_ocsp_question *question)
{
	OCSP_CERTID *id = (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(single), *wanted;
	ASN1_OBJECT *digest = NULL;
	const EVP_MD *md;
	bool same;

	if (!OCSP_id_get0_info(NULL, &digest, NULL, NULL, id))
		return false;
	md = EVP_get_digestbyobj(digest);
	wanted = md ? OCSP_cert_to_id(md, question->cert, question->issuer) : NULL;
	same = wanted && !OCSP_id_cmp(id, wanted);
	OCSP_CERTID_free(wanted);
	return same;
}

static void ocsp_read_single(OCSP_SINGLERESP *single,
			     const struct ktlsd_ocsp_question *question,
			     struct ktlsd_ocsp_answer *answer)
{
	ASN1_GENERALIZEDTIME *revoked = NULL, *from = NULL, *to = NULL;
	int status;

	status = OCSP_single_get0_status(single, &answer->reason, &revoked, &from, &to);
	if (!ocsp_time(from, &answer->this_update) ||
	    (to && !ocsp_time(to, &answer->expires))) {
		ocsp_set_bad(answer, "its dates cannot be read");
		return;
	}
	if (!to)
		answer->expires = answer->this_update + KTLSD_OCSP_AGE_MAX;
	if (answer->this_update > question->now + KTLSD_OCSP_TOLERANCE)
		ocsp_set_bad(answer, "it is from the future: check this machine's clock");
	else if (answer->expires + KTLSD_OCSP_TOLERANCE < question->now)
		ocsp_set_bad(answer, "it is out of date");
	else if (status == V_OCSP_CERTSTATUS_GOOD)
		answer->status = KTLSD_OCSP_GOOD;
	else if (status == V_OCSP_CERTSTATUS_REVOKED &&
		 ocsp_time(revoked, &answer->revoked_at))
		answer->status = KTLSD_OCSP_REVOKED;
	else if (status == V_OCSP_CERTSTATUS_UNKNOWN)
		answer->status = KTLSD_OCSP_UNKNOWN;
	else
		ocsp_set_bad(answer, "it has no status");
}

static void ocsp_check_basic(OCSP_BASICRESP *basic, const struct ktlsd_ocsp_question *question,
			     struct ktlsd_ocsp_answer *answer)
{
	int i, count = OCSP_resp_count(basic);
	OCSP_SINGLERESP *single = NULL;
	int64_t end = INT64_MAX;
	const char *why;

	for (i = 0; i < count && i < KTLSD_OCSP_SINGLES_MAX && !single; i++) {
		if (ocsp_is_about(OCSP_resp_get0(basic, i), question))
			single = OCSP_resp_get0(basic, i);
	}
	if (!single) {
		ocsp_set_bad(answer, "it is about another certificate");
		return;
	}
	why = ocsp_check_nonce(basic, question->nonce);
	if (!why)
		why = ocsp_check_signature(basic, question, &end);
	if (why)
		ocsp_set_bad(answer, why);
	else
		ocsp_read_single(single, question, answer);
	if (answer->expires > end)
		answer->expires = end;
}

void ktlsd_ocsp_check(const uint8_t *der, size_t len,
		      const struct ktlsd_ocsp_question *question,
		      struct ktlsd_ocsp_answer *ret_answer)
{
	OCSP_BASICRESP *basic = NULL;
	const unsigned char *end = der;
	OCSP_RESPONSE *response = NULL;

	memset(ret_answer, 0, sizeof(*ret_answer));
	ret_answer->reason = -1;
	ERR_clear_error();
	if (len <= KTLSD_OCSP_RESPONSE_MAX)
		response = d2i_OCSP_RESPONSE(NULL, &end, (long)len);
	if (response && OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL)
		basic = OCSP_response_get1_basic(response);
	if (!response || end != der + len) {
		ocsp_set_bad(ret_answer, "it cannot be decoded");
	} else if (!basic) {
		ocsp_set_bad(ret_answer, "");
		snprintf(ret_answer->why, sizeof(ret_answer->why),
			 "it is not an answer, but the error '%s'",
			 OCSP_response_status_str(OCSP_response_status(response)));
	} else {
		ocsp_check_basic(basic, question, ret_answer);
	}
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
	ERR_clear_error();
}

/* --- requests --- */

int ktlsd_ocsp_request(X509 *cert, X509 *issuer, const uint8_t *nonce, uint8_t *dst)
{
	OCSP_REQUEST *request = OCSP_REQUEST_new();
	OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), cert, issuer);
	uint8_t copy[KTLSD_OCSP_NONCE];
	int len = -ENOMEM;

	if (!request || !id || !OCSP_request_add0_id(request, id)) {
		OCSP_CERTID_free(id);
		goto free_request;
	}
	if (nonce) {
		memcpy(copy, nonce, sizeof(copy));
		if (!OCSP_request_add1_nonce(request, copy, sizeof(copy)))
			goto free_request;
	}
	len = i2d_OCSP_REQUEST(request, NULL);
	if (len <= 0 || len > KTLSD_OCSP_REQUEST_MAX)
		len = -EMSGSIZE;
	else
		len = i2d_OCSP_REQUEST(request, &dst);
free_request:
	OCSP_REQUEST_free(request);
	ERR_clear_error();
	return len;
}

bool ktlsd_ocsp_url(X509 *cert, char *dst)
{
	STACK_OF(OPENSSL_STRING) *urls = X509_get1_ocsp(cert);
	const char *url;
	bool found = false;
	int i;

	for (i = 0; i < sk_OPENSSL_STRING_num(urls) && !found; i++) {
		url = sk_OPENSSL_STRING_value(urls, i);
		if (strncasecmp(url, "http://", 7) || strlen(url) >= KTLSD_OCSP_URL_MAX ||
		    strpbrk(url, " \t\r\n"))
			continue;
		strcpy(dst, url);
		found = true;
	}
	X509_email_free(urls);
	return found;
}

bool ktlsd_ocsp_must_staple(X509 *cert)
{
	TLS_FEATURE *features = X509_get_ext_d2i(cert, NID_tlsfeature, NULL, NULL);
	bool found = false;
	int i;

	for (i = 0; i < sk_ASN1_INTEGER_num(features) && !found; i++)
		found = ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) ==
			TLSEXT_TYPE_status_request;
	TLS_FEATURE_free(features);
	return found;
}
