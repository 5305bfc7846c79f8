// SPDX-License-Identifier: GPL-2.0-or-later
/* OCSP responses, and what certificates say of OCSP.
 *
 * The input is a byte that says what is asked, and the response, or a certificate. A change
 * spoils the signature: so the byte can say that the response is signed again, and by whom.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "fuzz.h"
#include "fuzz/fixed.h"
#include "fuzz/pki.h"
#include "lib/log.h"
#include "tests/test_authority.h"
#include "tls/ocsp.h"

enum ocsp_kind {
	OCSP_SIGNER	= 3,		/* mask: who signs again: */
	OCSP_UNCHANGED	= 0,		/* nobody */
	OCSP_CA		= 1,
	OCSP_DELEGATE	= 2,
	OCSP_STRANGER	= 3,		/* another authority */
	OCSP_NONCE	= 4,		/* the request had a nonce */
	OCSP_CRLS	= 8,		/* there is a CRL */
	OCSP_WHEN	= 16,		/* unit: when it is checked */
};

static const uint8_t ocsp_nonce[KTLSD_OCSP_NONCE] = "0123456789abcdef";
static struct ktlsd_crl_set ocsp_crls;
static EVP_PKEY *ocsp_key;
static X509 *ocsp_delegate;

/* --- seeds --- */

static void ocsp_write_response(const char *name, uint8_t kind,
				const struct test_authority_response *spec)
{
	uint8_t *der;
	int len;

	der = test_authority_response(spec, &len);
	fuzz_pki_seed(name, &kind, 1, der, (size_t)len);
	OPENSSL_free(der);
}

static void ocsp_write_certificate(void)
{
	X509 *cert = X509_dup(pki.ec);
	const uint8_t kind = 0;
	uint8_t *der = NULL;
	int len;

	test_authority_extend(cert, pki.ca_key, NID_info_access,
			      "OCSP;URI:http://ocsp.test/a,OCSP;URI:ldap://x");
	test_authority_extend(cert, pki.ca_key, NID_tlsfeature, "status_request,17");
	len = i2d_X509(cert, &der);
	fuzz_pki_seed("certificate", &kind, 1, der, (size_t)len);
	OPENSSL_free(der);
	X509_free(cert);
}

static void ocsp_write(void)
{
	struct test_authority_response spec = {
		.cert = pki.ec, .issuer = pki.ca, .signer = pki.ca, .key = pki.ca_key,
		.status = V_OCSP_CERTSTATUS_GOOD, .from = -60,
	};

	ocsp_write_response("good", OCSP_UNCHANGED, &spec);
	ocsp_write_response("again", OCSP_CA, &spec);
	spec.nonce = ocsp_nonce;
	ocsp_write_response("nonce", OCSP_CA | OCSP_NONCE, &spec);
	spec.status = V_OCSP_CERTSTATUS_REVOKED;
	ocsp_write_response("revoked", OCSP_STRANGER, &spec);
	spec.signer = ocsp_delegate;
	spec.key = ocsp_key;
	spec.to = -1;
	ocsp_write_response("delegate", OCSP_DELEGATE | OCSP_CRLS, &spec);
	ocsp_write_certificate();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct test_pki_spec spec = {
		.cn = "responder", .eku = "OCSPSigning", .from = -3600,
	};
	struct test_authority_crl crl = { .from = -60, .number = 1 };

	fuzz_fixed_setup();
	ktlsd_log_open("fuzz", KTLSD_LOG_STDERR, KTLSD_LOG_ERROR);
	fuzz_pki_setup();
	ocsp_key = fuzz_pki_key(4);
	ocsp_delegate = test_pki_issue(&spec, ocsp_key, pki.ca, pki.ca_key);
	fuzz_pki_number(ocsp_delegate, pki.ca_key, 5);
	crl.issuer = pki.ca;
	crl.key = pki.ca_key;
	crl.revoked = ocsp_delegate;
	ocsp_crls.list = sk_X509_CRL_new_null();
	sk_X509_CRL_push(ocsp_crls.list, test_authority_crl(&crl));
	fuzz_pki_seeds(*argc, *argv, ocsp_write);
	return 0;
}

/* --- the response --- */

static void ocsp_check(const uint8_t *der, size_t len, uint8_t kind)
{
	static const int64_t offsets[] = { 0, -3600, 3000, 864000 };
	const struct ktlsd_ocsp_question question = {
		.cert = pki.ec, .issuer = pki.ca,
		.nonce = kind & OCSP_NONCE ? ocsp_nonce : NULL,
		.crls = kind & OCSP_CRLS ? &ocsp_crls : NULL,
		.now = time(NULL) + offsets[kind / OCSP_WHEN & 3],
	};
	struct ktlsd_ocsp_answer answer;
	const char *c;

	ktlsd_ocsp_check(der, len, &question, &answer);
	/* Nobody believes a stranger, what is revoked, or what is out of date. */
	if (answer.status != KTLSD_OCSP_BAD &&
	    ((kind & OCSP_SIGNER) == OCSP_STRANGER ||
	     ((kind & OCSP_SIGNER) == OCSP_DELEGATE && kind & OCSP_CRLS) ||
	     answer.expires + KTLSD_OCSP_TOLERANCE < question.now ||
	     answer.this_update > question.now + KTLSD_OCSP_TOLERANCE))
		abort();
	if (answer.status == KTLSD_OCSP_BAD && !answer.why[0])
		abort();
	for (c = answer.why; *c; c++) {
		if (*c < ' ' || *c > '~')
			abort();
	}
}

static void ocsp_certificate(const uint8_t *data, size_t len)
{
	X509 *cert = d2i_X509(NULL, &data, (long)len);
	uint8_t request[KTLSD_OCSP_REQUEST_MAX];
	char url[KTLSD_OCSP_URL_MAX];

	if (cert) {
		ktlsd_ocsp_must_staple(cert);
		ktlsd_ocsp_request(cert, pki.ca, ocsp_nonce, request);
		if (ktlsd_ocsp_url(cert, url) && strlen(url) < strlen("http://"))
			abort();
	}
	X509_free(cert);
	ERR_clear_error();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz fuzz = { data, len };
	X509 *const signers[] = { NULL, pki.ca, ocsp_delegate, pki.other_ca };
	EVP_PKEY *const keys[] = { NULL, pki.ca_key, ocsp_key, pki.other_key };
	uint8_t kind = fuzz_byte(&fuzz), *again;
	unsigned int who = kind & OCSP_SIGNER;
	int again_len;

	fuzz_fixed_reset();
	if (who == OCSP_UNCHANGED) {
		ocsp_check(fuzz.data, fuzz.len, kind);
		ocsp_certificate(fuzz.data, fuzz.len);
		return 0;
	}
	again = fuzz_pki_sign_response(fuzz.data, fuzz.len, signers[who], keys[who], &again_len);
	if (again)
		ocsp_check(again, (size_t)again_len, kind);
	OPENSSL_free(again);
	return 0;
}
