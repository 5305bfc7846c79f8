// SPDX-License-Identifier: GPL-2.0-or-later
/* Servers whose keys are in a PKCS #11 token. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/provider.h>

#include "config/file.h"
#include "test_identity.h"

/* Puts the key of test_identity_write() into SoftHSM. Return: false without SoftHSM. */
static bool stored_key_fill_token(const char *label)
{
	char command[640];

	snprintf(command, sizeof(command),
		 "command -v softhsm2-util >/dev/null && cd %s && mkdir -p tokens && echo 1234 >pin && "
		 "echo directories.tokendir = $PWD/tokens >softhsm.conf && "
		 "{ ls tokens/* >/dev/null 2>&1 || softhsm2-util --init-token --free --label t --pin 1234 --so-pin 5678 >/dev/null; } && "
		 "openssl pkcs8 -topk8 -nocrypt -in key -out key8 && "
		 "softhsm2-util --import key8 --token t --label %s --id %02x --pin 1234 >/dev/null",
		 site.directory, label, label[0]);
	return !system(command);
}

static void stored_key_begin(void)
{
	test_identity_write(pki.ec, pki.ec_key);
	if (EVP_default_properties_is_fips_enabled(NULL) ||
	    !OSSL_PROVIDER_try_load(NULL, "pkcs11", 1) || !stored_key_fill_token("ec")) {
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

/* Debian 12 has no package of it: selftests/vm/setup unpacks that of bookworm-backports. */
static void stored_key_find_provider(void)
{
	const char *cache = getenv("KTLS_CACHE"), *home = getenv("HOME");
	char path[512];

	snprintf(path, sizeof(path), "%s%s/pkcs11-provider/usr/lib/x86_64-linux-gnu/ossl-modules",
		 cache ? cache : home ? home : "", cache ? "" : "/.cache/ktls");
	if (!access(path, R_OK))
		OSSL_PROVIDER_set_default_search_path(NULL, path);
}

static int stored_key_setup(void **state)
{
	int err = test_identity_setup(state);

	if (err)
		return err;
	/* The signer has the environment of this process. */
	setenv("SOFTHSM2_CONF", test_identity_path("softhsm.conf"), 1);
	setenv("PKCS11_PROVIDER_MODULE", "/usr/lib/softhsm/libsofthsm2.so", 1);
	stored_key_find_provider();
	return 0;
}

#define STORED_KEY_TEST(name) \
	cmocka_unit_test_setup_teardown(name, test_identity_start, test_identity_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORED_KEY_TEST(stored_key_pkcs11),
	};

	return cmocka_run_group_tests_name("stored_key", tests, stored_key_setup,
					   test_identity_teardown);
}
