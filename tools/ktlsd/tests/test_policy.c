// SPDX-License-Identifier: GPL-2.0-or-later
/* Sections [policy]: what they may contain, whom they select, how they add up. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "config/parse.h"
#include "test_capture.h"
#include "test_conf.h"
#include "test_pki.h"
#include "tls/algorithms.h"
#include "tls/suites.h"

static char policy_path[] = "/tmp/ktlsd-policy-XXXXXX";

static int policy_try(const char *text, struct ktlsd_config **ret_config,
		      struct ktlsd_fault *fault)
{
	return test_conf_try(policy_path, text, ret_config, fault);
}

static struct ktlsd_config *policy_parse(const char *text)
{
	struct ktlsd_config *config = NULL;
	struct ktlsd_fault fault;

	if (policy_try(text, &config, &fault))
		fail_msg("%s", fault.reason);
	return config;
}

static void policy_everything(void **state)
{
	const struct ktlsd_bounds *bounds;
	struct ktlsd_config *config;

	(void)state;
	config = policy_parse("[policy]\nmin_version = 1.2\nmax_version = 1.3\n"
		"cipher_suites = TLS_AES_256_GCM_SHA384,\n"
		"  ECDHE-RSA-AES256-GCM-SHA384\n"
		"groups = P-256 x25519\nsignature_algorithms = ed25519\n"
		"min_rsa_bits = 3072\ncurves = P-384 Ed25519\nverify = required\n"
		"verify_clients = required\nown_keys = no\nown_anchors = no\n"
		"alpn = h2 http/1.1\ntickets = 1\n"
		"revocation = hard\nrevocation_ktls_trust = yes\n"
		"[policy web]\nuids = root\ngids = 7 8\ncontainers = yes\nown_keys = yes\n");
	assert_int_equal(config->policy_count, 2);
	bounds = &config->policies[0].bounds;
	assert_int_equal(bounds->version_min, KTLS_TLS_1_2);
	assert_int_equal(bounds->version_max, KTLS_TLS_1_3);
	assert_int_equal(ktlsd_suites_all() & ~bounds->no_suites,
			 ktlsd_suites_bit("TLS_AES_256_GCM_SHA384", 22) |
			 ktlsd_suites_bit("ECDHE-RSA-AES256-GCM-SHA384", 27));
	assert_int_equal(ktlsd_algorithms_all(KTLSD_ALGORITHMS_GROUPS) & ~bounds->no_groups,
			 ktlsd_algorithms_bit(KTLSD_ALGORITHMS_GROUPS, 23) |
			 ktlsd_algorithms_bit(KTLSD_ALGORITHMS_GROUPS, 29));
	assert_int_equal(ktlsd_algorithms_all(KTLSD_ALGORITHMS_SIGALGS) & ~bounds->no_sigalgs,
			 ktlsd_algorithms_bit(KTLSD_ALGORITHMS_SIGALGS, 0x0807));
	assert_int_equal(bounds->rsa_min, 3072);
	assert_true(bounds->verify && bounds->verify_clients);
	assert_true(bounds->no_own_keys && bounds->no_own_anchors);
	assert_true(bounds->tickets_bound);
	assert_int_equal(bounds->tickets_max, 1);
	assert_int_equal(bounds->revocation, KTLSD_REVOCATION_HARD);
	assert_true(bounds->revocation_ktls_trust);
	assert_int_equal(config->policies[0].alpn_len, 12);
	assert_memory_equal(config->policies[0].alpn, "\2h2\10http/1.1", 12);
	assert_int_equal(config->policies[0].lines[KTLSD_POLICY_ALPN], 14);
	assert_string_equal(config->policies[1].name, "web");
	assert_int_equal(config->policies[1].selects.gids.count, 2);
	assert_true(config->policies[1].containers_given && config->policies[1].containers);
	assert_false(config->policies[1].bounds.no_own_keys);
	ktlsd_config_put(config);
}

static void policy_faults(void **state)
{
	static const struct test_conf_fault table[] = {
		{ "[policy]\n[policy]\n", 2, "defined in line 1 already" },
		{ "[policy a]\n[policy a]\n", 2, "defined in line 1 already" },
		{ "[policy a]\nmin_versions = 1.2\n", 2, "[policy a] has no key" },
		{ "[policy]\nworkers = 1\n", 2, "[policy] has no key" },
		{ "[ktlsd]\nmin_version = 1.2\n", 2, "[ktlsd] has no key" },
		{ "[policy]\nmin_version = 1.1\n", 2, "min_version: use 1.2 or 1.3" },
		{ "[policy]\nmin_version =\n", 2, "use 1.2 or 1.3" },
		{ "[policy]\nverify = 1.3\n", 2, "use required" },
		{ "[policy]\ncipher_suites = TLS_AES_128_GCM_SHA256 ALL\n", 2, "'ALL'" },
		{ "[policy]\ncipher_suites =\n", 2, "empty" },
		{ "[policy]\ngroups = ffdhe2048\n", 2, "'ffdhe2048'" },
		{ "[policy]\nsignature_algorithms = rsa_pkcs1_sha1\n", 2, "not known" },
		{ "[policy]\nmin_rsa_bits = 1024\n", 2, "from 2048 to 8192" },
		{ "[policy]\ncurves = brainpoolP256r1\n", 2, "not one of P-256" },
		{ "[policy]\nown_keys = maybe\n", 2, "use yes or no" },
		{ "[policy]\nown_anchors =\n", 2, "use yes or no" },
		{ "[policy]\nalpn = ,\n", 2, "empty" },
		{ "[policy]\ntickets = 17\n", 2, "from 0 to 16" },
		{ "[policy]\nrevocation = soft\n", 2, "revocation: use staple, crl, ocsp or hard" },
		{ "[policy]\nrevocation = off\n", 2, "a policy only makes the check stricter" },
		{ "[policy]\nrevocation_ktls_trust = 1\n", 2, "use yes or no" },
		{ "[policy]\nuids =\n", 2, "empty" },
		{ "[policy]\nuids = no-such-user-x\n", 2, "no user" },
		{ "[policy]\ngids = no-such-group-x\n", 2, "no group" },
		{ "[policy]\nnetns =\n", 2, "netns must list names" },
		{ "[policy]\nnetns = /run/netns/a\n", 2, "netns must list names" },
		{ "[policy]\ntickets = 1\ntickets = 2\n", 3, "twice" },
	};
	(void)state;
	test_conf_refuse(policy_path, table, sizeof(table) / sizeof(*table));
}

static void policy_selectors(void **state)
{
	struct ktlsd_caller caller = { .uid = 1000, .gid = 50, .groups = { 60 },
				       .group_count = 1 };
	struct ktlsd_config *config;
	const struct ktlsd_policy *p;

	(void)state;
	config = policy_parse("[policy]\n[policy u]\nuids = 1000\n[policy g]\ngids = 60\n"
			      "[policy o]\nuids = 1001\ngids = 61\n"
			      "[policy c]\ncontainers = yes\n[policy n]\ncontainers = no\n"
			      "[policy cu]\ncontainers = yes\nuids = 1000\n"
			      "[policy other]\nnetns = blue\n[policy here]\nnetns = blue init\n");
	p = config->policies;
	assert_true(ktlsd_policy_selects(&p[0], &caller));
	assert_true(ktlsd_policy_selects(&p[1], &caller));
	assert_true(ktlsd_policy_selects(&p[2], &caller));
	assert_false(ktlsd_policy_selects(&p[3], &caller));
	assert_false(ktlsd_policy_selects(&p[4], &caller));
	assert_true(ktlsd_policy_selects(&p[5], &caller));
	assert_false(ktlsd_policy_selects(&p[6], &caller));
	assert_false(ktlsd_policy_selects(&p[7], &caller));
	assert_true(ktlsd_policy_selects(&p[8], &caller));
	caller.in_container = true;
	assert_true(ktlsd_policy_selects(&p[4], &caller));
	assert_false(ktlsd_policy_selects(&p[5], &caller));
	assert_true(ktlsd_policy_selects(&p[6], &caller));
	/* An id that stands for many may be the one: restrict it. */
	ktlsd_acl_set_overflow(true, 65534, 65534);
	caller.uid = 65534;
	assert_true(ktlsd_policy_selects(&p[3], &caller));
	ktlsd_acl_set_overflow(false, 65534, 65534);
	assert_false(ktlsd_policy_selects(&p[3], &caller));
	ktlsd_config_put(config);
}

/* Strictest wins, in either order. */
static void policy_merges(void **state)
{
	struct ktlsd_bounds bounds;
	struct ktlsd_config *config;
	int first;

	(void)state;
	config = policy_parse("[policy a]\nmin_version = 1.2\nmax_version = 1.2\n"
			      "groups = X25519 P-256\nmin_rsa_bits = 4096\ntickets = 0\n"
			      "own_keys = yes\ncurves = P-256 P-384\n"
			      "revocation = ocsp\nrevocation_ktls_trust = no\n"
			      "[policy b]\nmin_version = 1.3\nmax_version = 1.3\n"
			      "groups = P-256 P-384\nmin_rsa_bits = 3072\ntickets = 4\n"
			      "own_keys = no\ncurves = P-384 P-521\n"
			      "revocation = crl\nrevocation_ktls_trust = yes\n");
	for (first = 0; first < 2; first++) {
		memset(&bounds, 0, sizeof(bounds));
		ktlsd_policy_merge(&bounds, &config->policies[first]);
		ktlsd_policy_merge(&bounds, &config->policies[!first]);
		assert_int_equal(bounds.version_min, KTLS_TLS_1_3);
		assert_int_equal(bounds.version_max, KTLS_TLS_1_2);
		assert_int_equal(ktlsd_algorithms_all(KTLSD_ALGORITHMS_GROUPS) &
				 ~bounds.no_groups,
				 ktlsd_algorithms_bit(KTLSD_ALGORITHMS_GROUPS, 23));
		assert_int_equal(bounds.rsa_min, 4096);
		assert_ptr_equal(bounds.by[KTLSD_POLICY_RSA_BITS], &config->policies[0]);
		assert_true(bounds.tickets_bound);
		assert_int_equal(bounds.tickets_max, 0);
		assert_true(bounds.no_own_keys);
		assert_int_equal(bounds.revocation, KTLSD_REVOCATION_OCSP);
		assert_true(bounds.revocation_ktls_trust);
		assert_false(bounds.no_own_anchors);
		assert_ptr_equal(bounds.by[KTLSD_POLICY_MIN_VERSION],
				 &config->policies[first]);
	}
	ktlsd_config_put(config);
}

static void policy_rsa_transport(void **state)
{
	struct ktlsd_bounds bounds = { 0 };
	struct ktlsd_config *config;

	(void)state;
	config = policy_parse("[policy a]\nverify = required\n"
			      "[policy b]\nrsa_key_transport = yes\n"
			      "[policy c]\nrsa_key_transport = no\n");
	ktlsd_policy_merge(&bounds, &config->policies[0]);
	assert_false(bounds.rsa_transport);
	ktlsd_policy_merge(&bounds, &config->policies[1]);
	ktlsd_policy_merge(&bounds, &config->policies[0]);
	assert_true(bounds.rsa_transport);
	ktlsd_policy_merge(&bounds, &config->policies[2]);
	ktlsd_policy_merge(&bounds, &config->policies[1]);
	assert_false(bounds.rsa_transport);
	ktlsd_config_put(config);
}

/* Return: what the log says about a configuration */
static const char *policy_load(const char *text)
{
	struct ktlsd_buffer conf = { 0 };
	struct ktlsd_config *config;
	struct ktlsd_fault fault;
	const char *log;

	ktlsd_buffer_append(&conf, text, strlen(text), 1000);
	test_pki_write(policy_path, &conf, 0600);
	ktlsd_buffer_free(&conf);
	test_capture_begin();
	ktlsd_log_open("test", KTLSD_LOG_STDERR, KTLSD_LOG_WARNING);
	assert_int_equal(ktlsd_config_reload(policy_path, NULL, &config, &fault), 0);
	ktlsd_log_open("test", KTLSD_LOG_SYSLOG, KTLSD_LOG_ERROR);
	log = test_capture_end();
	ktlsd_config_put(config);
	return log;
}

/* RSA key transport takes two lines. */
static void policy_rsa_warnings(void **state)
{
	static const char identity[] = "[identity a]\ncertificate = /none\nprivate_key = /none\n"
				       "allow_uids = 0\nrsa_key_transport = yes\n";
	static const char effect[] = ":1: the identity 'a' has rsa_key_transport = yes, which has no effect";
	char both[256];
	const char *log;

	(void)state;
	assert_non_null(strstr(policy_load(identity), effect));
	snprintf(both, sizeof(both), "%s[policy]\nrsa_key_transport = yes\n", identity);
	log = policy_load(both);
	assert_null(strstr(log, effect));
	assert_non_null(strstr(log, ":7: rsa_key_transport = yes: whoever gets a server's private"));
}

static void policy_keys(void **state)
{
	EVP_PKEY *ed = test_pki_key("ed25519");
	struct ktlsd_bounds bounds = { 0 };
	char why[KTLSD_POLICY_WHY_MAX];
	struct ktlsd_config *config;

	(void)state;
	assert_true(ktlsd_policy_allows_key(&bounds, pki.rsa_key, why));
	assert_true(ktlsd_policy_allows_key(&bounds, pki.ec_key, why));
	config = policy_parse("[policy keys]\nmin_rsa_bits = 3072\ncurves = P-384 Ed25519\n");
	ktlsd_policy_merge(&bounds, &config->policies[0]);
	assert_false(ktlsd_policy_allows_key(&bounds, pki.rsa_key, why));
	assert_non_null(strstr(why, "an RSA key of 2048 bits"));
	assert_non_null(strstr(why, ":2) requires 3072"));
	assert_non_null(strstr(why, "policy 'keys' (min_rsa_bits, "));
	assert_false(ktlsd_policy_allows_key(&bounds, pki.ec_key, why));
	assert_non_null(strstr(why, "policy 'keys' (curves, "));
	assert_true(ktlsd_policy_allows_key(&bounds, ed, why));
	ktlsd_config_put(config);
	EVP_PKEY_free(ed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policy_everything),
		cmocka_unit_test(policy_faults),
		cmocka_unit_test(policy_selectors),
		cmocka_unit_test(policy_merges),
		cmocka_unit_test(policy_rsa_transport),
		cmocka_unit_test(policy_rsa_warnings),
		cmocka_unit_test(policy_keys),
	};
	int fd = mkstemp(policy_path), failed;

	close(fd);
	ktlsd_acl_set_overflow(false, 65534, 65534);
	ktlsd_log_open("test", KTLSD_LOG_SYSLOG, KTLSD_LOG_ERROR);
	failed = cmocka_run_group_tests_name("policy", tests, test_pki_setup, test_pki_teardown);
	unlink(policy_path);
	return failed;
}
