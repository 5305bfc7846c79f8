// SPDX-License-Identifier: GPL-2.0-or-later
/* Names in a certificate are returned in full or not at all. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "test_pki.h"
#include "tls/peer_cert.h"

static EVP_PKEY *key;
static struct ktlsd_peer_cert described;

static X509 *peer_issue(const char *cn, const char *san)
{
	const struct test_pki_spec spec = { .cn = cn, .san = san };

	return test_pki_issue(&spec, key, NULL, key);
}

static void peer_tell(const char *cn, const char *san)
{
	X509 *cert = peer_issue(cn, san);

	ktlsd_peer_cert_describe(cert, &described);
	X509_free(cert);
}

/* A certificate with a name of arbitrary bytes and a host name. */
static void peer_tell_raw(int type, const void *data, int len)
{
	X509 *cert = peer_issue("raw", NULL);
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	ASN1_STRING *value;
	GENERAL_NAME *name;
	int i;

	for (i = 0; i < 2; i++) {
		value = ASN1_STRING_type_new(type == GEN_IPADD && !i ? V_ASN1_OCTET_STRING :
					     V_ASN1_IA5STRING);
		assert_int_equal(ASN1_STRING_set(value, i ? "end.test" : data, i ? -1 : len), 1);
		name = GENERAL_NAME_new();
		GENERAL_NAME_set0_value(name, i ? GEN_DNS : type, value);
		sk_GENERAL_NAME_push(names, name);
	}
	assert_int_equal(X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0), 1);
	ktlsd_peer_cert_describe(cert, &described);
	GENERAL_NAMES_free(names);
	X509_free(cert);
}

static void peer_all_kinds(void **state)
{
	(void)state;
	peer_tell("all", "DNS:a.test,IP:192.0.2.1,email:anna@a.test,URI:spiffe://a.test/x,"
		  "IP:2001:db8::1,RID:1.2.3.4,DNS:*.b.test");
	assert_string_equal(described.subject, "CN=all");
	assert_string_equal(described.names, "DNS:a.test\nIP:192.0.2.1\nemail:anna@a.test\n"
			    "URI:spiffe://a.test/x\nIP:2001:db8::1\nDNS:*.b.test\n");
	assert_int_equal(described.fingerprint_len, 32);

	peer_tell("none", NULL);
	assert_string_equal(described.subject, "CN=none");
	assert_string_equal(described.names, "");
	assert_string_equal(described.name, "");
}

static void peer_fingerprint(void **state)
{
	X509 *cert = peer_issue("x", NULL);
	unsigned char *der = NULL, digest[32];
	int len = i2d_X509(cert, &der);

	(void)state;
	assert_int_equal(EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL), 1);
	ktlsd_peer_cert_describe(cert, &described);
	assert_memory_equal(described.fingerprint, digest, 32);
	OPENSSL_free(der);
	X509_free(cert);
}

/* A client's one name: DNS before email before URI, and never the common name. */
static void peer_one_name(void **state)
{
	static const struct {
		const char	*san;
		const char	*name;
	} cases[] = {
		{ "URI:spiffe://a.test/x,email:anna@a.test,DNS:B.test,DNS:a.test", "b.test" },
		{ "URI:spiffe://a.test/x,email:anna@a.test,IP:192.0.2.1", "anna@a.test" },
		{ "IP:192.0.2.1,URI:spiffe://a.test/x", "spiffe://a.test/x" },
		{ "IP:192.0.2.1", "" },
		{ "DNS:*.a.test,DNS:a.test", "a.test" },
		{ "DNS:*.a.test", "" },
		{ "DNS:192.0.2.1", "" },
		{ "DNS:anna@a.test", "" },
		{ "DNS:spiffe://a.test/x", "" },
		{ "email:a.test,email:@a.test,email:anna@", "" },
		{ "email:urn:anna@a.test", "" },
		{ "email:a@b@a.test", "" },
		{ "URI:a.test", "" },
		{ "URI:anna@a.test", "" },
		{ "URI:1a:x", "" },
		{ "URI:a:", "" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		peer_tell("admin.test", cases[i].san);
		assert_string_equal(described.name, cases[i].name);
	}
}

/* A name that is too long for KTLS_PEER_NAME is skipped, not truncated. */
static void peer_long_name(void **state)
{
	char san[300] = "URI:", expect[254];

	(void)state;
	memset(san + 4, 'u', 253);
	san[5] = ':';
	snprintf(expect, sizeof(expect), "%s", san + 4);
	peer_tell("x", san);
	assert_string_equal(described.name, expect);
	san[4 + 253] = 'u';
	peer_tell("x", san);
	assert_string_equal(described.name, "");
	assert_int_equal(strlen(described.names), 4 + 254 + 1);
}

/* A name is one line, whatever bytes it has. */
static void peer_odd_bytes(void **state)
{
	(void)state;
	peer_tell_raw(GEN_DNS, "a\nDNS:admin.test", 16);
	assert_string_equal(described.names, "DNS:a\\0ADNS:admin.test\nDNS:end.test\n");
	assert_string_equal(described.name, "end.test");
	peer_tell_raw(GEN_DNS, "admin.test\0.evil.test", 21);
	assert_string_equal(described.names, "DNS:admin.test\\00.evil.test\nDNS:end.test\n");
	assert_string_equal(described.name, "end.test");
	peer_tell_raw(GEN_EMAIL, "\\0A \x7f\xc3\xa9", 7);
	assert_string_equal(described.names, "email:\\5C0A\\20\\7F\\C3\\A9\nDNS:end.test\n");
	peer_tell_raw(GEN_URI, "", 0);
	assert_string_equal(described.names, "DNS:end.test\n");
	peer_tell_raw(GEN_IPADD, "12345", 5);
	assert_string_equal(described.names, "DNS:end.test\n");
}

static void peer_subjects(void **state)
{
	X509 *cert = peer_issue("x", NULL);
	X509_NAME *name = X509_NAME_new();

	(void)state;
	X509_NAME_add_entry_by_txt(name, "C", MBSTRING_ASC, (const uint8_t *)"SE", -1, -1, 0);
	X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
				   (const uint8_t *)"Caf\xc3\xa9, Ltd", -1, -1, 0);
	X509_NAME_add_entry_by_txt(name, "CN", V_ASN1_UTF8STRING,
				   (const uint8_t *)"a\nCN=admin\0x", 12, -1, 0);
	X509_set_subject_name(cert, name);
	ktlsd_peer_cert_describe(cert, &described);
	assert_string_equal(described.subject, "CN=a\\0ACN=admin\\00x,O=Caf\\C3\\A9\\, Ltd,C=SE");
	X509_NAME_free(name);

	/* empty */
	name = X509_NAME_new();
	X509_set_subject_name(cert, name);
	ktlsd_peer_cert_describe(cert, &described);
	assert_string_equal(described.subject, "");
	X509_NAME_free(name);
	X509_free(cert);
}

/* A subject of 1024 bytes is returned; a longer one becomes "...". */
static void peer_long_subject(void **state)
{
	char value[70], expect[KTLS_GENL_PEER_MAX + 1] = "";
	X509 *cert = peer_issue("x", NULL);
	X509_NAME *name = X509_NAME_new();
	size_t left = KTLS_GENL_PEER_MAX;
	int len;

	(void)state;
	while (left) {
		/* "OU=", the value, and a comma but behind the last */
		len = left > 60 + 3 + 1 + 10 ? 60 : (int)(left > 64 ? 40 : left - 3);
		memset(value, 'v', sizeof(value));
		X509_NAME_add_entry_by_txt(name, "OU", MBSTRING_ASC, (uint8_t *)value, len, -1, 0);
		left -= (size_t)len + 3 + ((size_t)len + 3 < left);
	}
	X509_set_subject_name(cert, name);
	ktlsd_peer_cert_describe(cert, &described);
	assert_int_equal(strlen(described.subject), KTLS_GENL_PEER_MAX);
	memcpy(expect, described.subject, 3);
	assert_string_equal(expect, "OU=");
	X509_NAME_add_entry_by_txt(name, "OU", MBSTRING_ASC, (uint8_t *)value, 1, -1, 0);
	X509_set_subject_name(cert, name);
	ktlsd_peer_cert_describe(cert, &described);
	assert_string_equal(described.subject, "...");
	X509_NAME_free(name);
	X509_free(cert);
}

/* Only whole lines are returned; the last line says if there are more. */
static void peer_many_names(void **state)
{
	static char san[4096], expect[2048];
	size_t used = 0, lines = 0;
	int i;

	(void)state;
	/* 64 lines of 16 bytes fill it exactly */
	for (i = 0; i < 64; i++) {
		used += (size_t)snprintf(san + used, sizeof(san) - used, "%sDNS:name-%02d.tst",
					 i ? "," : "", i);
		lines += (size_t)snprintf(expect + lines, sizeof(expect) - lines,
					  "DNS:name-%02d.tst\n", i);
	}
	assert_int_equal(lines, KTLS_GENL_PEER_MAX);
	peer_tell("x", san);
	assert_string_equal(described.names, expect);

	snprintf(san + used, sizeof(san) - used, ",DNS:x");
	peer_tell("x", san);
	/* the last whole line makes room for the dots */
	snprintf(expect + lines - 16, 17, "...\n");
	assert_string_equal(described.names, expect);
}

static int peer_setup(void **state)
{
	(void)state;
	key = test_pki_key("ec");
	return 0;
}

static int peer_teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(key);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(peer_all_kinds),
		cmocka_unit_test(peer_fingerprint),
		cmocka_unit_test(peer_one_name),
		cmocka_unit_test(peer_long_name),
		cmocka_unit_test(peer_odd_bytes),
		cmocka_unit_test(peer_subjects),
		cmocka_unit_test(peer_long_subject),
		cmocka_unit_test(peer_many_names),
	};

	return cmocka_run_group_tests_name("peer_cert", tests, peer_setup, peer_teardown);
}
