// SPDX-License-Identifier: GPL-2.0-or-later
/* Servers whose keys are in a PKCS #11 token. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/file.h"
#include "test_identity.h"

static bool stored_key_has_provider;

/* Runs a command for the shell in the directory of the test. */
static bool stored_key_run(const char *command)
{
	char line[640];

	snprintf(line, sizeof(line), "cd %s && { %s; }", site.directory, command);
	return !system(line);
}

/* Puts the key of test_identity_write() into SoftHSM. Return: false without SoftHSM. */
static bool stored_key_fill_token(const char *label)
{
	char command[512];

	snprintf(command, sizeof(command),
		 "command -v softhsm2-util >/dev/null && mkdir -p tokens && echo 1234 >pin && "
		 "echo directories.tokendir = $PWD/tokens >softhsm.conf && "
		 "{ ls tokens/* >/dev/null 2>&1 || softhsm2-util --init-token --free --label t --pin 1234 --so-pin 5678 >/dev/null; } && "
		 "openssl pkcs8 -topk8 -nocrypt -in key -out key8 && "
		 "softhsm2-util --import key8 --token t --label %s --id %02x --pin 1234 >/dev/null",
		 label, label[0]);
	return stored_key_run(command);
}

static void stored_key_begin(void)
{
	test_identity_write(pki.ec, pki.ec_key);
	stored_key_run("rm -rf tokens away epoch refuse logins signatures");
	if (EVP_default_properties_is_fips_enabled(NULL) ||
	    !stored_key_has_provider || !stored_key_fill_token("ec")) {
		print_message("softhsm2 or pkcs11-provider is not installed, or FIPS forbids it\n");
		skip();
	}
	site.uri = "pkcs11:token=t;object=ec;type=private";
	site.provider = "pkcs11";
	site.pin = true;
}

static void stored_key_pkcs11(void **state)
{
	struct ktlsd_credential credential;
	struct ktlsd_buffer pin = { 0 };
	struct ktlsd_fault fault;

	(void)state;
	stored_key_begin();
	test_identity_load(pki.ec, pki.ec_key, "");
	test_identity_shake(1, TLS1_3_VERSION, "site", 0);
	test_identity_shake(2, TLS1_2_VERSION, "site", 0);
	/* Another certificate's key; a key that is not there. */
	test_identity_write(pki.rsa, pki.rsa_key);
	assert_int_equal(test_identity_read(&credential, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "does not belong to the first certificate"));
	/* A token counts wrong PINs: none but that of ktlsd.conf is tried, and nobody reads it. */
	assert_int_equal(ktlsd_credentials_load(test_identity_path("cert"), site.uri,
						test_identity_path("cert"), &credential, &fault),
			 -EACCES);
	assert_int_equal(ktlsd_file_read(test_identity_path("pin"), 100, &pin, NULL, &fault),
			 -EACCES);
	assert_non_null(strstr(fault.reason, "holds a passphrase"));
	site.uri = "pkcs11:token=t;object=none;type=private";
	test_identity_configure("");
	assert_int_equal(test_identity_read(&credential, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "the private key was not found"));
	site.uri = "pkcs11:token=t;object=rsa;type=private";
	assert_true(stored_key_fill_token("rsa"));
	test_identity_load(pki.rsa, pki.rsa_key,
			   "rsa_key_transport = yes\n[policy]\nrsa_key_transport = yes\n");
	test_identity_shake(3, TLS1_3_VERSION, "site", 0);
	test_identity_shake(4, TLS1_2_VERSION, "site", 0);
	test_identity_allow_transport();
	test_identity_check_transport(5);
}

/* Return: how often the token was asked for something, see token.c */
static long stored_key_count(const char *name)
{
	struct stat file;

	return stat(test_identity_path(name), &file) ? 0 : (long)file.st_size;
}

/* The same as ktlsd does when it is reloaded. Return: 0 or a negative errno */
static int stored_key_reload(struct ktlsd_fault *fault)
{
	struct ktlsd_credential credential;
	int err;

	test_identity_configure("");
	err = test_identity_read(&credential, fault);
	if (!err)
		test_identity_use(&credential);
	return err;
}

static void stored_key_away(void **state)
{
	struct ktlsd_fault fault;

	(void)state;
	stored_key_begin();
	test_identity_load(pki.ec, pki.ec_key, "");
	test_identity_shake(1, TLS1_3_VERSION, "site", 0);
	assert_true(stored_key_run(">away; echo >>epoch"));
	test_identity_fail(2, "The token of the identity 'site' could not use the private key: ");
	assert_int_equal(stored_key_reload(&fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "the private key was not found"));
	assert_null(strstr(fault.reason, "unregistered scheme"));
	test_identity_fail(3, "The private key of the identity 'site' was not found in its token");
	assert_true(stored_key_run("rm away"));
	assert_int_equal(stored_key_reload(&fault), 0);
	test_identity_shake(4, TLS1_3_VERSION, "site", 0);
}

/* The same with a server that decrypts; what peers send does not look like that. */
static void stored_key_transport_away(void **state)
{
	struct ktlsd_fault fault;
	struct test_peer peer;

	(void)state;
	stored_key_begin();
	test_identity_write(pki.rsa, pki.rsa_key);
	assert_true(stored_key_fill_token("rsa"));
	site.uri = "pkcs11:token=t;object=rsa;type=private";
	test_identity_load(pki.rsa, pki.rsa_key,
			   "rsa_key_transport = yes\n[policy]\nrsa_key_transport = yes\n");
	test_identity_allow_transport();
	test_identity_check_transport(1);
	assert_true(stored_key_run(">away; echo >>epoch"));
	test_identity_transport(2, &peer);
	test_kernel_check_done(&site.kernel, EKEYREJECTED,
			       "The token of the identity 'site' could not use the private key: ");
	test_peer_free(&peer);
	/* From now on the token is known to be away. */
	assert_int_equal(stored_key_reload(&fault), -EINVAL);
	test_identity_transport(3, &peer);
	test_kernel_check_done(&site.kernel, EKEYREJECTED,
			       "The private key of the identity 'site' was not found in its token");
	test_peer_free(&peer);
}

/* Nobody has used the token while it was away. A handshake can have begun before the reload. */
static void stored_key_back(void **state)
{
	struct ktlsd_credential credential;
	struct ktlsd_fault fault;

	(void)state;
	stored_key_begin();
	test_identity_load(pki.ec, pki.ec_key, "");
	assert_true(stored_key_run("echo >>epoch"));
	test_identity_configure("");
	assert_int_equal(test_identity_read(&credential, &fault), 0);
	test_identity_shake(1, TLS1_3_VERSION, "site", 0);
	test_identity_use(&credential);
	test_identity_shake(2, TLS1_3_VERSION, "site", 0);
	/* Once more: nothing is left of what was before. */
	assert_true(stored_key_run("echo >>epoch"));
	assert_int_equal(stored_key_reload(&fault), 0);
	test_identity_shake(3, TLS1_3_VERSION, "site", 0);
}

static void stored_key_wrong_pin(void **state)
{
	struct ktlsd_credential credential;
	struct ktlsd_fault fault;

	(void)state;
	stored_key_begin();
	assert_true(stored_key_run("echo 4321 >pin"));
	test_identity_configure("");
	assert_int_equal(test_identity_read(&credential, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "is its PIN in passphrase_file"));
	assert_int_equal(test_identity_read(&credential, &fault), -EKEYREJECTED);
	assert_non_null(strstr(fault.reason, "seems to refuse the PIN in passphrase_file"));
	assert_int_equal(stored_key_count("logins"), 1);
	assert_int_equal(stored_key_reload(&fault), -EINVAL);
	assert_int_equal(stored_key_count("logins"), 2);
	assert_true(stored_key_run("echo 1234 >pin"));
	assert_int_equal(stored_key_reload(&fault), 0);
	test_identity_shake(1, TLS1_3_VERSION, "site", 0);
}

/* A token that logs in for each signature, and has another PIN now, would be locked. */
static void stored_key_changed_pin(void **state)
{
	struct ktlsd_fault fault;

	(void)state;
	stored_key_begin();
	test_identity_load(pki.ec, pki.ec_key, "");
	assert_true(stored_key_run(">refuse"));
	test_identity_fail(1, "could not use the private key: The specified PIN is incorrect");
	test_identity_fail(2, "The token of the identity 'site' refused its PIN");
	assert_int_equal(stored_key_count("signatures"), 1);
	assert_true(stored_key_run("rm refuse"));
	assert_int_equal(stored_key_reload(&fault), 0);
	test_identity_shake(3, TLS1_3_VERSION, "site", 0);
}

/* Debian 12 has no package of it: selftests/vm/setup unpacks that of bookworm-backports. The
 * signer, which loads it, has the environment of this process.
 */
static void stored_key_find_provider(void)
{
	static const char system[] = "/usr/lib/x86_64-linux-gnu/ossl-modules/pkcs11.so";
	const char *cache = getenv("KTLS_CACHE"), *home = getenv("HOME");
	char path[512], file[600];

	snprintf(path, sizeof(path), "%s%s/pkcs11-provider/usr/lib/x86_64-linux-gnu/ossl-modules",
		 cache ? cache : home ? home : "", cache ? "" : "/.cache/ktls");
	snprintf(file, sizeof(file), "%s/pkcs11.so", path);
	stored_key_has_provider = !access(file, R_OK) || !access(system, R_OK);
	if (!access(file, R_OK))
		setenv("OPENSSL_MODULES", path, 1);
}

static int stored_key_setup(void **state)
{
	int err = test_identity_setup(state);

	if (err)
		return err;
	setenv("SOFTHSM2_CONF", test_identity_path("softhsm.conf"), 1);
	setenv("TEST_TOKEN", site.directory, 1);
	setenv("PKCS11_PROVIDER_MODULE", TEST_TOKEN, 1);
	stored_key_find_provider();
	return 0;
}

#define STORED_KEY_TEST(name) \
	cmocka_unit_test_setup_teardown(name, test_identity_start, test_identity_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORED_KEY_TEST(stored_key_pkcs11),
		STORED_KEY_TEST(stored_key_away),
		STORED_KEY_TEST(stored_key_transport_away),
		STORED_KEY_TEST(stored_key_back),
		STORED_KEY_TEST(stored_key_wrong_pin),
		STORED_KEY_TEST(stored_key_changed_pin),
	};

	return cmocka_run_group_tests_name("stored_key", tests, stored_key_setup,
					   test_identity_teardown);
}
