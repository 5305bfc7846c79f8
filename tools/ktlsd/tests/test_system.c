// SPDX-License-Identifier: GPL-2.0-or-later
/* OpenSSL's configuration is a floor. It is read once a process: a process each. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "comply.h"
#include "test_peer.h"
#include "tls/algorithms.h"
#include "tls/suites.h"
#include "tls/system.h"

static char system_path[] = "/tmp/ktlsd-system-XXXXXX";

static void system_begin(struct ktlsd_request *request)
{
	memset(request, 0, sizeof(*request));
	request->verify = KTLS_VERIFY_REQUIRED;
	request->version_min = KTLS_TLS_1_2;
	request->version_max = KTLS_TLS_1_3;
}

/* Our client against a server that does everything. */
static void system_shake(struct ktlsd_result *result)
{
	struct test_side side;
	struct test_peer peer;

	test_peer_init(&peer, true);
	assert_int_equal(SSL_CTX_set1_groups_list(peer.ctx, "X25519:P-384:P-256"), 1);
	assert_int_equal(SSL_CTX_set_ciphersuites(peer.ctx, "TLS_AES_128_GCM_SHA256:"
						  "TLS_AES_256_GCM_SHA384"), 1);
	test_peer_credential(&peer, pki.ec, pki.ec_key);
	test_peer_begin(&peer);
	test_side_init(&side, KTLS_ROLE_CLIENT);
	assert_int_equal(ktlsd_comply_request(&side.config, &side.request, &side.fault), 0);
	test_side_prepare(&side, NULL, NULL, pki.ca);
	assert_int_equal(test_side_begin(&side), 0);
	test_peer_finish(&side, &peer, result);
	test_side_free(&side);
	test_peer_free(&peer);
}

/* --- lists --- */

static const char system_lists_conf[] =
	"CipherString = ECDHE+AESGCM\nCiphersuites = TLS_AES_256_GCM_SHA384\n"
	"Groups = P-256:P-384\nSignatureAlgorithms = ECDSA+SHA256:rsa_pss_rsae_sha256\n";

static void system_lists(void **state)
{
	const struct ktlsd_bounds *bounds = &ktlsd_system_policy()->bounds;
	struct ktlsd_config config = { 0 };
	struct ktlsd_request request;
	struct ktlsd_result result;
	struct ktlsd_fault fault;

	(void)state;
	assert_int_equal(ktlsd_algorithms_all(KTLSD_ALGORITHMS_GROUPS) & ~bounds->no_groups,
			 ktlsd_algorithms_bit(KTLSD_ALGORITHMS_GROUPS, 23) |
			 ktlsd_algorithms_bit(KTLSD_ALGORITHMS_GROUPS, 24));
	assert_int_equal(ktlsd_algorithms_all(KTLSD_ALGORITHMS_SIGALGS) & ~bounds->no_sigalgs,
			 ktlsd_algorithms_bit(KTLSD_ALGORITHMS_SIGALGS, 0x0403) |
			 ktlsd_algorithms_bit(KTLSD_ALGORITHMS_SIGALGS, 0x0804));
	assert_int_equal(ktlsd_suites_all() & ~bounds->no_suites,
			 ktlsd_suites_bit("TLS_AES_256_GCM_SHA384", 22) |
			 ktlsd_suites_bit("ECDHE-ECDSA-AES128-GCM-SHA256", 29) |
			 ktlsd_suites_bit("ECDHE-RSA-AES128-GCM-SHA256", 27) |
			 ktlsd_suites_bit("ECDHE-ECDSA-AES256-GCM-SHA384", 29) |
			 ktlsd_suites_bit("ECDHE-RSA-AES256-GCM-SHA384", 27));
	system_begin(&request);
	strcpy(request.ciphers, "TLS_AES_128_GCM_SHA256");
	assert_int_equal(ktlsd_comply_request(&config, &request, &fault), -EACCES);
	if (!strstr(fault.reason, "OpenSSL's configuration (/tmp/ktlsd-system-"))
		fail_msg("%s", fault.reason);
	system_begin(&request);
	strcpy(request.groups, "X25519");
	assert_int_equal(ktlsd_comply_request(&config, &request, &fault), -EACCES);
	system_shake(&result);
	assert_int_equal(result.suite->id, 0x1302);
	assert_int_equal(result.group, 23);
	assert_int_equal(result.sigalg, 0x0403);
}

/* --- versions --- */

static void system_versions(void **state)
{
	struct ktlsd_config config = { 0 };
	struct ktlsd_request request;
	struct ktlsd_fault fault;

	(void)state;
	system_begin(&request);
	assert_int_equal(ktlsd_comply_request(&config, &request, &fault), 0);
	assert_int_equal(request.version_min, KTLS_TLS_1_3);
	system_begin(&request);
	request.version_max = KTLS_TLS_1_2;
	assert_int_equal(ktlsd_comply_request(&config, &request, &fault), -EACCES);
	assert_non_null(strstr(fault.reason, "allow TLS 1.3"));
}

/* --- a configuration that allows more than ktlsd does --- */

static void system_weak(void **state)
{
	const struct ktlsd_bounds *bounds = &ktlsd_system_policy()->bounds;
	struct ktlsd_result result;
	SSL_CTX *ctx;

	(void)state;
	assert_int_equal(bounds->version_min, 0);
	assert_int_equal(bounds->version_max, 0);
	assert_int_equal(bounds->no_suites, 0);
	assert_int_equal(bounds->no_sigalgs, 0);
	system_shake(&result);
	assert_int_equal(result.version, KTLS_TLS_1_3);
	ctx = SSL_CTX_new(TLS_method());
	assert_int_equal(SSL_CTX_get_security_level(ctx), 0);
	assert_int_equal(ktlsd_handshake_prepare(ctx), 0);
	assert_int_equal(SSL_CTX_get_security_level(ctx), KTLSD_SECURITY_LEVEL);
	SSL_CTX_free(ctx);
}

static int system_setup(void **state)
{
	ktlsd_log_open("test", KTLSD_LOG_STDERR, KTLSD_LOG_ERROR);
	return ktlsd_system_init() ? -1 : test_pki_setup(state);
}

/* Runs one test in a process with this configuration. */
static int system_run(const struct CMUnitTest *test, const char *conf)
{
	const struct CMUnitTest tests[] = { *test };
	int status = 0;
	FILE *file;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		file = fopen(system_path, "w");
		fprintf(file, "openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\n"
			"system_default = all\n[all]\n%s", conf);
		fclose(file);
		setenv("OPENSSL_CONF", system_path, 1);
		exit(cmocka_run_group_tests_name(test->name, tests, system_setup,
						 test_pki_teardown));
	}
	return pid < 0 || waitpid(pid, &status, 0) != pid || status;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(system_lists),
		cmocka_unit_test(system_versions),
		cmocka_unit_test(system_weak),
	};
	int fd = mkstemp(system_path), failed;

	close(fd);
	failed = system_run(&tests[0], system_lists_conf);
	failed += system_run(&tests[1], "MinProtocol = TLSv1.3\n");
	failed += system_run(&tests[2], "MinProtocol = TLSv1\nCipherString = ALL:@SECLEVEL=0\n");
	unlink(system_path);
	return failed;
}
