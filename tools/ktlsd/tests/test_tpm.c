// SPDX-License-Identifier: GPL-2.0-or-later
/* Servers whose keys are in a TPM 2.0, which swtpm emulates. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "test_identity.h"

static pid_t tpm_pid;
static char tpm_file[128];	/* of a key that only the TPM can use */

static void tpm_stop(void)
{
	kill(tpm_pid, SIGKILL);
	waitpid(tpm_pid, NULL, 0);
	tpm_pid = 0;
}

static void tpm_exec(void)
{
	char server[160], control[160], state[160];
	int null = open("/dev/null", O_RDWR);

	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(server, sizeof(server), "type=unixio,path=%s", test_identity_path("tpm"));
	snprintf(control, sizeof(control), "type=unixio,path=%s", test_identity_path("tpm.ctrl"));
	snprintf(state, sizeof(state), "dir=%s", site.directory);
	execlp("swtpm", "swtpm", "socket", "--tpm2", "--server", server, "--ctrl", control,
	       "--tpmstate", state, "--flags", "not-need-init,startup-clear", NULL);
	_exit(1);
}

static void tpm_start(void)
{
	int i;

	unlink(test_identity_path("tpm"));
	tpm_pid = fork();
	if (!tpm_pid)
		tpm_exec();
	for (i = 0; access(test_identity_path("tpm"), F_OK); i++) {
		assert_true(i < 1000);
		usleep(10000);
	}
}

/* Runs a command for the shell in the directory of the test. */
static void tpm_run(const char *command)
{
	char line[512];

	snprintf(line, sizeof(line), "cd %s && { %s; } >log 2>&1 || { cat log; false; }",
		 site.directory, command);
	assert_int_equal(system(line), 0);
}

/* @uri: of the key, as ktlsd.conf has it; the signer has not loaded the provider yet: swtpm has
 * one client at a time
 */
static X509 *tpm_issue(const char *uri)
{
	const struct test_pki_spec spec = { .cn = "leaf", .san = "DNS:server.test" };
	char command[300];
	EVP_PKEY *public;
	X509 *cert;
	FILE *file;

	snprintf(command, sizeof(command),
		 "openssl pkey -provider tpm2 -provider default -passin pass:1234 -in %s -pubout -out public",
		 uri);
	tpm_run(command);
	file = fopen(test_identity_path("public"), "r");
	assert_non_null(file);
	public = PEM_read_PUBKEY(file, NULL, NULL, NULL);
	fclose(file);
	assert_non_null(public);
	cert = test_pki_issue(&spec, public, pki.ca, pki.ca_key);
	EVP_PKEY_free(public);
	return cert;
}

/* Uses a key, which a command makes. A TPM that loses power counts that as a wrong authorization,
 * except for keys without authorization and keys with the attribute noda.
 */
static void tpm_use(const char *make, const char *uri)
{
	X509 *cert;

	if (EVP_default_properties_is_fips_enabled(NULL) ||
	    system("openssl list -providers -provider tpm2 -provider default >/dev/null 2>&1"))
		skip();
	tpm_run(make);
	cert = tpm_issue(uri);
	site.uri = uri;
	site.provider = "tpm2";
	test_identity_load(cert, pki.ec_key, "");
	X509_free(cert);
}

#define TPM_GENERATE(algorithm) \
	"openssl genpkey -provider tpm2 -provider default -propquery '?provider=tpm2' " \
	"-out tss2 -algorithm " algorithm
#define TPM_PERSIST(algorithm, handle) \
	"tpm2_createprimary -Q -C o -c primary -G " algorithm \
	" -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign|decrypt|noda' && " \
	"tpm2_evictcontrol -Q -C o -c primary " handle " && tpm2_flushcontext -t"

static void tpm_check(const char *make, const char *uri)
{
	tpm_use(make, uri);
	test_identity_shake(1, TLS1_3_VERSION, "site", 0);
	test_identity_shake(2, TLS1_2_VERSION, "site", 0);
}

static void tpm_ec_file(void **state)
{
	(void)state;
	tpm_check(TPM_GENERATE("EC -pkeyopt group:P-256"), tpm_file);
}

static void tpm_ec_pin(void **state)
{
	(void)state;
	tpm_run("echo 1234 >pin");
	site.pin = true;
	tpm_check(TPM_GENERATE("EC -pkeyopt group:P-256 -pkeyopt user-auth:1234"), tpm_file);
}

/* A TPM counts wrong PINs, too, but sees them only with signatures. It has counted already how
 * often swtpm was killed.
 */
static void tpm_wrong_pin(void **state)
{
	(void)state;
	tpm_run("echo 4321 >pin");
	site.pin = true;
	tpm_use("tpm2_dictionarylockout -Q -c && "
		TPM_GENERATE("EC -pkeyopt group:P-256 -pkeyopt user-auth:1234"), tpm_file);
	test_identity_fail(1, "The token of the identity 'site' could not use the private key: the TPM refused the PIN");
	test_identity_fail(2, "The token of the identity 'site' refused its PIN");
}

/* The provider of Debian 12 cannot decrypt without padding: the key is refused. */
static void tpm_transport(void)
{
	struct ktlsd_credential credential;
	struct ktlsd_fault fault;

	test_identity_configure("rsa_key_transport = yes\n[policy]\nrsa_key_transport = yes\n");
	if (test_identity_read(&credential, &fault)) {
		assert_non_null(strstr(fault.reason, "does not decrypt as rsa_key_transport = yes"));
		return;
	}
	test_identity_use(&credential);
	test_identity_allow_transport();
	test_identity_check_transport(3);
}

static void tpm_rsa_file(void **state)
{
	(void)state;
	tpm_check(TPM_GENERATE("RSA -pkeyopt bits:2048"), tpm_file);
	tpm_transport();
}

static void tpm_ec_handle(void **state)
{
	(void)state;
	tpm_check(TPM_PERSIST("ecc256", "0x81000001"), "handle:0x81000001");
}

static void tpm_rsa_handle(void **state)
{
	(void)state;
	tpm_check(TPM_PERSIST("rsa2048", "0x81000002"), "handle:0x81000002");
}

static int tpm_setup(void **state)
{
	char path[160];
	int err = test_identity_setup(state);

	if (err)
		return err;
	snprintf(tpm_file, sizeof(tpm_file), "%s", test_identity_path("tss2"));
	/* The signer has the environment of this process. */
	snprintf(path, sizeof(path), "swtpm:path=%s", test_identity_path("tpm"));
	setenv("TPM2OPENSSL_TCTI", path, 1);
	setenv("TPM2TOOLS_TCTI", path, 1);
	return 0;
}

static int tpm_begin(void **state)
{
	tpm_start();
	return test_identity_start(state);
}

static int tpm_end(void **state)
{
	int err = test_identity_end(state);

	tpm_stop();
	return err;
}

#define TPM_TEST(name) cmocka_unit_test_setup_teardown(name, tpm_begin, tpm_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TPM_TEST(tpm_ec_file),
		TPM_TEST(tpm_ec_pin),
		TPM_TEST(tpm_rsa_file),
		TPM_TEST(tpm_ec_handle),
		TPM_TEST(tpm_rsa_handle),
		TPM_TEST(tpm_wrong_pin),
	};

	if (system("command -v swtpm tpm2_evictcontrol >/dev/null")) {
		puts("# SKIP: swtpm or tpm2-tools is not installed");
		return 0;
	}
	return cmocka_run_group_tests_name("tpm", tests, tpm_setup, test_identity_teardown);
}
