// SPDX-License-Identifier: GPL-2.0-or-later
#include <time.h>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "chain.h"

enum {
	CHAIN_TEXT_MAX	= 512,
};

/* RFC 4514, as printable ASCII. */
static const char *chain_name(const X509_NAME *name, char *text, int size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int len = 0;

	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0)
		len = BIO_read(bio, text, size - 1);
	text[len > 0 ? len : 0] = '\0';
	BIO_free(bio);
	return text;
}

static const char *chain_date(const ASN1_TIME *when, char *text, size_t size)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(when, &tm) || !strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(text, size, "?");
	return text;
}

/* " (expired)", where it is so now. */
static const char *chain_validity(const X509 *cert)
{
	if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0)
		return " (not yet valid)";
	return X509_cmp_current_time(X509_get0_notAfter(cert)) < 0 ? " (expired)" : "";
}

unsigned int ktlsctl_chain_print(FILE *out, const char *key, const char *pem, size_t len)
{
	char subject[CHAIN_TEXT_MAX], issuer[CHAIN_TEXT_MAX], from[32], until[32];
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	unsigned int count = 0;
	X509 *cert;

	while (bio && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		fprintf(out, "%-12s %u subject=%s issuer=%s valid=%s..%s%s\n", key, count++,
			chain_name(X509_get_subject_name(cert), subject, sizeof(subject)),
			chain_name(X509_get_issuer_name(cert), issuer, sizeof(issuer)),
			chain_date(X509_get0_notBefore(cert), from, sizeof(from)),
			chain_date(X509_get0_notAfter(cert), until, sizeof(until)),
			chain_validity(cert));
		X509_free(cert);
	}
	BIO_free(bio);
	return count;
}
