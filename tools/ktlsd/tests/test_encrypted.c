// SPDX-License-Identifier: GPL-2.0-or-later
/* Encrypted private keys, and PKCS #12 files. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include "config/config.h"
#include "config/credentials.h"
#include "config/kdf.h"
#include "config/parse.h"
#include "config/passphrase.h"
#include "test_pki.h"

#define ENCRYPTED_PASS	"correct horse"

static char dir[] = "/tmp/ktlsd-encrypted-XXXXXX";
static char cert_path[64], key_path[64], pass_path[64], p12_path[64], conf_path[64];

static void encrypted_write_text(const char *path, const char *text, size_t len)
{
	struct ktlsd_buffer buffer = { 0 };

	ktlsd_buffer_append(&buffer, text, len, 1 << 20);
	test_pki_write(path, &buffer, 0600);
}

static void encrypted_write_pass(const char *text)
{
	encrypted_write_text(pass_path, text, strlen(text));
}

static void encrypted_write_bio(const char *path, BIO *bio)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);

	assert_true(len > 0);
	encrypted_write_text(path, data, (size_t)len);
	BIO_free(bio);
}

/* PKCS #8 with PBES2 and PBKDF2. */
static void encrypted_write_pkcs8(int iterations)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pki.ec_key);
	X509_ALGOR *algorithm = PKCS5_pbe2_set_iv(EVP_aes_256_cbc(), iterations, NULL, 0, NULL,
						  NID_hmacWithSHA256);
	BIO *bio = BIO_new(BIO_s_mem());
	X509_SIG *encrypted;

	assert_non_null(algorithm);
	encrypted = PKCS8_set0_pbe(ENCRYPTED_PASS, -1, info, algorithm);
	assert_non_null(encrypted);
	assert_int_equal(PEM_write_bio_PKCS8(bio, encrypted), 1);
	encrypted_write_bio(key_path, bio);
	X509_SIG_free(encrypted);
	PKCS8_PRIV_KEY_INFO_free(info);
}

static int encrypted_load(const char *certificate, const char *key, const char *pass,
			  struct ktlsd_fault *fault)
{
	struct ktlsd_credential credential;
	int err;

	memset(fault, 0, sizeof(*fault));
	err = ktlsd_credentials_load(certificate, key, pass, &credential, fault);
	if (!err) {
		assert_int_equal(X509_cmp(credential.leaf, pki.ec), 0);
		assert_int_equal(EVP_PKEY_eq(credential.key, pki.ec_key), 1);
	}
	ktlsd_credentials_free(&credential);
	return err;
}

static void encrypted_pkcs8(void **state)
{
	struct ktlsd_fault fault;

	(void)state;
	encrypted_write_pkcs8(2048);
	encrypted_write_pass(ENCRYPTED_PASS "\n");
	assert_int_equal(encrypted_load(cert_path, key_path, pass_path, &fault), 0);
	/* Only the first line, and no line end, is the passphrase. */
	encrypted_write_pass(ENCRYPTED_PASS "\r\nsecond line\n");
	assert_int_equal(encrypted_load(cert_path, key_path, pass_path, &fault), 0);
	encrypted_write_pass(ENCRYPTED_PASS);
	assert_int_equal(encrypted_load(cert_path, key_path, pass_path, &fault), 0);

	encrypted_write_pass(ENCRYPTED_PASS " \n");
	assert_int_equal(encrypted_load(cert_path, key_path, pass_path, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "passphrase is wrong"));
	assert_null(strstr(fault.reason, "horse"));
	assert_int_equal(encrypted_load(cert_path, key_path, NULL, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "passphrase_file"));
	encrypted_write_pass("\n" ENCRYPTED_PASS "\n");
	assert_int_equal(encrypted_load(cert_path, key_path, pass_path, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "first line"));
	assert_int_equal(encrypted_load(cert_path, key_path, "/nonexistent", &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "/nonexistent"));
}

/* The time of a decryption is bounded. */
static void encrypted_is_bounded(void **state)
{
	struct ktlsd_fault fault;

	(void)state;
	encrypted_write_pass(ENCRYPTED_PASS);
	encrypted_write_pkcs8(100000);
	assert_int_equal(encrypted_load(cert_path, key_path, pass_path, &fault), 0);
	encrypted_write_pkcs8(KTLSD_KDF_ITERATIONS_MAX + 1);
	assert_int_equal(encrypted_load(cert_path, key_path, pass_path, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "iterations"));
}

static void encrypted_scrypt(void **state)
{
	static const struct {
		uint64_t	n;
		uint64_t	p;
		const char	*word;
	} table[] = {
		{ 1024, 1, NULL },
		{ 1024, 65536, "scrypt" },
		{ 1 << 30, 1, "scrypt" },
	};
	struct ktlsd_fault fault;
	X509_ALGOR *algorithm;
	uint64_t spent;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		spent = 0;
		/* OpenSSL itself does not make one that needs too much memory. */
		algorithm = PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), NULL, 0, NULL, table[i].n,
						  table[i].n > 1 << 20 ? 1 : 8, table[i].p);
		if (!algorithm)
			continue;
		assert_int_equal(ktlsd_kdf_spend(algorithm, &spent, &fault),
				 table[i].word ? -EINVAL : 0);
		if (table[i].word)
			assert_non_null(strstr(fault.reason, table[i].word));
		X509_ALGOR_free(algorithm);
	}
}

/* The format before PKCS #8. */
static void encrypted_traditional(void **state)
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct ktlsd_fault fault;

	(void)state;
	assert_int_equal(PEM_write_bio_PrivateKey_traditional(bio, pki.ec_key,
			EVP_aes_128_cbc(), (const unsigned char *)ENCRYPTED_PASS,
			sizeof(ENCRYPTED_PASS) - 1, NULL, NULL), 1);
	encrypted_write_bio(key_path, bio);
	encrypted_write_pass(ENCRYPTED_PASS);
	assert_int_equal(encrypted_load(cert_path, key_path, pass_path, &fault), 0);
	encrypted_write_pass("wrong");
	assert_int_equal(encrypted_load(cert_path, key_path, pass_path, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "passphrase is wrong"));
	assert_int_equal(encrypted_load(cert_path, key_path, NULL, &fault), -EINVAL);
}

/* @iterations: of keys; @mac: of the MAC, 0 for none */
static void encrypted_write_p12(EVP_PKEY *key, X509 *leaf, const char *pass, int iterations,
				int mac)
{
	STACK_OF(X509) *others = sk_X509_new_null();
	BIO *bio = BIO_new(BIO_s_mem());
	PKCS12 *file;

	/* An unrelated certificate, too. */
	sk_X509_push(others, pki.other_ca);
	sk_X509_push(others, pki.ca);
	file = PKCS12_create(pass, "name", key, leaf, others, 0, 0, iterations, mac ? mac : -1, 0);
	assert_non_null(file);
	assert_int_equal(i2d_PKCS12_bio(bio, file), 1);
	encrypted_write_bio(p12_path, bio);
	PKCS12_free(file);
	sk_X509_free(others);
}

static void encrypted_pkcs12(void **state)
{
	struct ktlsd_credential credential;
	struct ktlsd_fault fault;

	(void)state;
	encrypted_write_pass(ENCRYPTED_PASS);
	encrypted_write_p12(pki.ec_key, pki.ec, ENCRYPTED_PASS, 2048, 2048);
	assert_int_equal(ktlsd_credentials_load(p12_path, NULL, pass_path, &credential, &fault), 0);
	assert_int_equal(X509_cmp(credential.leaf, pki.ec), 0);
	assert_int_equal(EVP_PKEY_eq(credential.key, pki.ec_key), 1);
	assert_int_equal(sk_X509_num(credential.chain), 1);
	assert_int_equal(X509_cmp(sk_X509_value(credential.chain, 0), pki.ca), 0);
	ktlsd_credentials_free(&credential);

	assert_int_equal(encrypted_load(p12_path, NULL, NULL, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "passphrase_file"));
	encrypted_write_pass("wrong");
	assert_int_equal(encrypted_load(p12_path, NULL, pass_path, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "is wrong"));

	/* Without a passphrase. */
	encrypted_write_p12(pki.ec_key, pki.ec, "", 2048, 2048);
	assert_int_equal(encrypted_load(p12_path, NULL, NULL, &fault), 0);

	encrypted_write_text(p12_path, "nonsense", 8);
	assert_int_equal(encrypted_load(p12_path, NULL, NULL, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "PKCS #12"));
	encrypted_write_text(p12_path, "\x30\x80\x30", 3);
	assert_int_equal(encrypted_load(p12_path, NULL, NULL, &fault), -EINVAL);
}

static void encrypted_pkcs12_is_refused(void **state)
{
	EVP_PKEY *weak = test_pki_key("rsa1024");
	struct ktlsd_fault fault;
	X509 *leaf;

	(void)state;
	encrypted_write_pass(ENCRYPTED_PASS);
	encrypted_write_p12(pki.ec_key, pki.ec, ENCRYPTED_PASS, KTLSD_KDF_ITERATIONS_MAX / 2 + 1, 1);
	assert_int_equal(encrypted_load(p12_path, NULL, pass_path, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "iterations"));
	encrypted_write_p12(pki.ec_key, pki.ec, ENCRYPTED_PASS, 1, KTLSD_KDF_ITERATIONS_MAX + 1);
	assert_int_equal(encrypted_load(p12_path, NULL, pass_path, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "iterations"));
	encrypted_write_p12(pki.ec_key, pki.ec, ENCRYPTED_PASS, 1, 0);
	assert_int_equal(encrypted_load(p12_path, NULL, pass_path, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "no MAC"));
	encrypted_write_p12(NULL, pki.ec, ENCRYPTED_PASS, 1, 1);
	assert_int_equal(encrypted_load(p12_path, NULL, pass_path, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "no private key"));
	/* Keys are validated as those in PEM. */
	leaf = test_pki_issue(&(struct test_pki_spec){ .cn = "weak" }, weak, pki.ca, pki.ca_key);
	encrypted_write_p12(weak, leaf, ENCRYPTED_PASS, 1, 1);
	assert_int_equal(encrypted_load(p12_path, NULL, pass_path, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "1024 bits"));
	X509_free(leaf);
	EVP_PKEY_free(weak);
}

static int encrypted_parse(const char *lines, struct ktlsd_config **ret_config,
			   struct ktlsd_fault *fault)
{
	char text[512];

	snprintf(text, sizeof(text), "[identity a]\n%s", lines);
	encrypted_write_text(conf_path, text, strlen(text));
	return ktlsd_parse_config(conf_path, ret_config, fault);
}

static void encrypted_config(void **state)
{
	static const char *const faults[][2] = {
		{ "certificate = /a.p12\npassphrase_file = x\n", "absolute" },
		{ "certificate = /a.p12\npassphrase_credential = a/b\n", "without a directory" },
		{ "certificate = /a.p12\npassphrase_credential = ..\n", "without a directory" },
		{ "certificate = /a.p12\npassphrase_credential =\n", "without a directory" },
		{ "certificate = /a.p12\npassphrase_file = /x\npassphrase_credential = b\n",
		  "exclude each other" },
		{ "certificate = /a.pem\npassphrase_file = /x\n", "no private_key" },
		{ "certificate = /a.p12\npassphrase_file.2 = /x\n", "no certificate.2" },
	};
	struct ktlsd_config *config;
	struct ktlsd_fault fault;
	size_t i;

	(void)state;
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_int_equal(encrypted_parse("certificate = /a.p12\npassphrase_file = /pass\n"
		"certificate.2 = /b.PFX\npassphrase_credential.2 = secret\n", &config, &fault), 0);
	assert_string_equal(config->identities[0].files[0].passphrase, "/pass");
	assert_null(config->identities[0].files[0].private_key);
	assert_string_equal(config->identities[0].files[1].passphrase,
			    "/run/credentials/ktlsd.service/secret");
	ktlsd_config_put(config);
	setenv("CREDENTIALS_DIRECTORY", "/run/elsewhere", 1);
	assert_int_equal(encrypted_parse("certificate = /a.p12\npassphrase_credential = b\n",
					 &config, &fault), 0);
	assert_string_equal(config->identities[0].files[0].passphrase, "/run/elsewhere/b");
	ktlsd_config_put(config);
	for (i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		assert_int_equal(encrypted_parse(faults[i][0], &config, &fault), -EINVAL);
		if (!strstr(fault.reason, faults[i][1]))
			fail_msg("%zu: %s", i, fault.reason);
	}
}

static int encrypted_setup(void **state)
{
	struct ktlsd_buffer pem = { 0 };

	test_pki_setup(state);
	assert_non_null(mkdtemp(dir));
	snprintf(cert_path, sizeof(cert_path), "%s/cert", dir);
	snprintf(key_path, sizeof(key_path), "%s/key", dir);
	snprintf(pass_path, sizeof(pass_path), "%s/pass", dir);
	snprintf(p12_path, sizeof(p12_path), "%s/file.p12", dir);
	snprintf(conf_path, sizeof(conf_path), "%s/conf", dir);
	test_pki_put_cert(&pem, pki.ec);
	test_pki_write(cert_path, &pem, 0644);
	return 0;
}

static int encrypted_teardown(void **state)
{
	unlink(cert_path);
	unlink(key_path);
	unlink(pass_path);
	unlink(p12_path);
	unlink(conf_path);
	rmdir(dir);
	return test_pki_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encrypted_pkcs8),
		cmocka_unit_test(encrypted_is_bounded),
		cmocka_unit_test(encrypted_scrypt),
		cmocka_unit_test(encrypted_traditional),
		cmocka_unit_test(encrypted_pkcs12),
		cmocka_unit_test(encrypted_pkcs12_is_refused),
		cmocka_unit_test(encrypted_config),
	};

	return cmocka_run_group_tests_name("encrypted", tests, encrypted_setup,
					   encrypted_teardown);
}
