// SPDX-License-Identifier: GPL-2.0-or-later
/* Files with CRLs, and chains that are checked with them.
 *
 * The input is a byte that says whether the CRLs are signed again, and the file.
 */
#include <stdbool.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "config/crl_lookup.h"
#include "fuzz.h"
#include "fuzz/fixed.h"
#include "fuzz/pki.h"
#include "lib/log.h"
#include "tests/test_authority.h"

enum {
	CRL_AGAIN_MAX	= 4,	/* CRLs of an input that are signed again */
};

static X509_STORE *crl_trust;

static void crl_write_one(const char *name, uint8_t kind, const struct test_authority_crl *spec,
			  bool der)
{
	X509_CRL *crl = test_authority_crl(spec);
	struct ktlsd_buffer buffer = { 0 };

	test_authority_put_crl(&buffer, crl, der);
	if (!der)
		test_authority_put_crl(&buffer, crl, der);
	fuzz_pki_seed(name, &kind, 1, buffer.data, buffer.len);
	ktlsd_buffer_free(&buffer);
	X509_CRL_free(crl);
}

static void crl_write(void)
{
	struct test_authority_crl spec = {
		.issuer = pki.ca, .key = pki.ca_key, .from = -60, .number = 1, .reason = -1,
	};

	crl_write_one("empty", 0, &spec, true);
	spec.revoked = pki.client;
	crl_write_one("pem", 0, &spec, false);
	spec.revoked = pki.ec;
	spec.reason = CRL_REASON_KEY_COMPROMISE;
	crl_write_one("again", 1, &spec, true);
	spec.base = 1;
	spec.number = 2;
	spec.reason = CRL_REASON_REMOVE_FROM_CRL;
	crl_write_one("delta", 1, &spec, true);
	crl_write_one("delta-pem", 1, &spec, false);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_fixed_setup();
	ktlsd_log_open("fuzz", KTLSD_LOG_STDERR, KTLSD_LOG_ERROR);
	fuzz_pki_setup();
	crl_trust = X509_STORE_new();
	ktlsd_crl_lookup_attach(crl_trust);
	X509_STORE_add_cert(crl_trust, pki.ca);
	fuzz_pki_seeds(*argc, *argv, crl_write);
	return 0;
}

/* As tls/status.c does it. */
static void crl_verify(const struct ktlsd_crl_set *set, X509 *cert)
{
	struct ktlsd_crl_view view = { .set = set };
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_CRL *crl = NULL;
	bool good;

	if (!ctx || X509_STORE_CTX_init(ctx, crl_trust, cert, NULL) != 1)
		abort();
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL |
				 X509_V_FLAG_EXTENDED_CRL_SUPPORT | X509_V_FLAG_USE_DELTAS);
	ktlsd_crl_lookup_use(ctx, &view);
	good = X509_verify_cert(ctx) == 1;
	/* With one CRL the entry is in that which OpenSSL has used. */
	if (ktlsd_crl_lookup_revoked(set, cert, pki.ca, &crl) &&
	    (!crl || (good && sk_X509_CRL_num(set->list) == 1)))
		abort();
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz fuzz = { data, len };
	struct ktlsd_crl_set set = { .list = sk_X509_CRL_new_null() };
	struct ktlsd_fault fault = { 0 };
	uint8_t kind = fuzz_byte(&fuzz);
	int i;

	fuzz_fixed_reset();
	if (ktlsd_crls_parse(fuzz.data, fuzz.len, set.list, &fault) && !fault.reason[0])
		abort();
	for (i = 0; kind & 1 && i < sk_X509_CRL_num(set.list) && i < CRL_AGAIN_MAX; i++)
		X509_CRL_sign(sk_X509_CRL_value(set.list, i), pki.ca_key, EVP_sha256());
	if (sk_X509_CRL_num(set.list)) {
		crl_verify(&set, pki.ec);
		crl_verify(&set, pki.client);
	}
	sk_X509_CRL_pop_free(set.list, X509_CRL_free);
	ERR_clear_error();
	return 0;
}
