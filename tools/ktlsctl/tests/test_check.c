// SPDX-License-Identifier: GPL-2.0-or-later
/* Unit tests: the target of ktlsctl check, and how a chain is printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "ktlsctl/chain.h"
#include "ktlsctl/check.h"

static void test_split(void **state)
{
	static const struct { const char *text, *host, *port; } targets[] = {
		{ "www.example.org:443", "www.example.org", "443" },
		{ "192.0.2.1:https", "192.0.2.1", "https" },
		{ "[2001:db8::1]:443", "2001:db8::1", "443" },
		{ "[::1]:1", "::1", "1" },
	};
	char host[KTLSCTL_HOST_MAX];
	const char *port;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
		assert_null(ktlsctl_check_split(targets[i].text, host, sizeof(host), &port));
		assert_string_equal(targets[i].host, host);
		assert_string_equal(targets[i].port, port);
	}
}

static void test_split_refuses(void **state)
{
	static const char *const wrong[] = {
		"", ":", "host", "host:", ":443", "2001:db8::1:443", "[::1:443", "[]:443", "[:443",
	};
	char host[KTLSCTL_HOST_MAX], longest[KTLSCTL_HOST_MAX + 8];
	const char *port;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_non_null(ktlsctl_check_split(wrong[i], host, sizeof(host), &port));
	memset(longest, 'a', sizeof(longest));
	strcpy(longest + KTLSCTL_HOST_MAX, ":443");
	assert_non_null(ktlsctl_check_split(longest, host, sizeof(host), &port));
}

/* PEM of a certificate that was valid from @begin to @end, seconds from now. */
static char *make_pem(const char *name, long begin, long end, size_t *ret_len)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	BIO *bio = BIO_new(BIO_s_mem());
	X509 *cert = X509_new();
	char *bytes, *pem;
	long len;

	assert_non_null(key);
	assert_true(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
					       (const unsigned char *)name, -1, -1, 0));
	assert_true(X509_set_issuer_name(cert, X509_get_subject_name(cert)));
	X509_gmtime_adj(X509_getm_notBefore(cert), begin);
	X509_gmtime_adj(X509_getm_notAfter(cert), end);
	assert_true(X509_set_pubkey(cert, key));
	assert_true(X509_sign(cert, key, NULL));
	assert_true(PEM_write_bio_X509(bio, cert));
	len = BIO_get_mem_data(bio, &bytes);
	pem = malloc((size_t)len);
	assert_non_null(pem);
	memcpy(pem, bytes, (size_t)len);
	*ret_len = (size_t)len;
	X509_free(cert);
	EVP_PKEY_free(key);
	BIO_free(bio);
	return pem;
}

static char *print_chain(const char *pem, size_t len, unsigned int expected)
{
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(expected, ktlsctl_chain_print(out, "chain", pem, len));
	fclose(out);
	return text;
}

static void expect_printed(const char *name, long begin, long end, const char *subject,
			   const char *tail)
{
	size_t len;
	char *pem = make_pem(name, begin, end, &len), *text = print_chain(pem, len, 1);

	assert_memory_equal(subject, text, strlen(subject));
	assert_string_equal(tail, text + strlen(text) - strlen(tail));
	free(text);
	free(pem);
}

static void test_chain(void **state)
{
	(void)state;
	expect_printed("a.test", -60, 3600, "chain        0 subject=CN=a.test issuer=CN=a.test valid=", "Z\n");
	expect_printed("a.test", -3600, -60, "chain        0 subject=CN=a.test ", "Z (expired)\n");
	expect_printed("a.test", 3600, 7200, "chain        0 subject=CN=a.test ",
		       "Z (not yet valid)\n");
	/* nothing that moves the cursor */
	expect_printed("a\033[2J\n\xc3\xa4", -60, 3600,
		       "chain        0 subject=CN=a\\1B[2J\\0A\\C3\\A4 ", "Z\n");
}

static void test_chain_of_rubbish(void **state)
{
	char *text;

	(void)state;
	text = print_chain("", 0, 0);
	assert_string_equal("", text);
	free(text);
	text = print_chain("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 60, 0);
	assert_string_equal("", text);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_split_refuses),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_chain_of_rubbish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
