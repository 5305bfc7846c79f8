// SPDX-License-Identifier: GPL-2.0-or-later
/* CRLs that are fetched because certificates name them. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/x509v3.h>

#include "crl_check.h"
#include "test_conf.h"
#include "test_fetching.h"
#include "test_points.h"

/* Return: milliseconds until the next step is due. */
static int points_step(void)
{
	int wait;

	pthread_mutex_lock(&fetching.errands.lock);
	wait = ktlsd_errands_step(&fetching.errands);
	pthread_mutex_unlock(&fetching.errands.lock);
	return wait;
}

/* --- the tests --- */

/* The first handshake finds it missing, the next ones have it. */
static void points_learned(void **state)
{
	struct test_authority_crl spec;

	(void)state;
	test_points_open();
	assert_int_equal(test_points_connect(KTLSD_REVOCATION_STAPLE), KTLS_REVOCATION_UNCHECKED);
	assert_int_equal(test_points_requested(), 0);
	assert_int_equal(test_points_connect(KTLSD_REVOCATION_CRL), KTLS_REVOCATION_UNCHECKED);
	assert_int_equal(test_points_connect(KTLSD_REVOCATION_HARD), -EKEYREJECTED);
	test_points_answer_good(NULL);
	/* It is wanted once. */
	assert_int_equal(test_points_requested(), 0);
	assert_int_equal(test_points_connect(KTLSD_REVOCATION_CRL), KTLS_REVOCATION_CRL);
	assert_int_equal(test_points_connect(KTLSD_REVOCATION_HARD), KTLS_REVOCATION_CRL);
	assert_int_equal(ktlsd_crl_points_count(&points.points).valid, 1);
	/* Half of its life is more than a day. */
	fetching.offset = POINTS_DAY * 7 / 8 - 1;
	assert_int_equal(test_points_requested(), 0);
	/* Revoked meanwhile; valid by OpenSSL's clock too. */
	spec = test_points_of_ca(points.cert);
	fetching.offset = POINTS_DAY * 9 / 8 + 1;
	test_points_answer(&spec);
	fetching.offset = 0;
	assert_int_equal(test_points_connect(KTLSD_REVOCATION_CRL), -EKEYREJECTED);
	assert_int_equal(test_points_connect(KTLSD_REVOCATION_STAPLE), KTLS_REVOCATION_UNCHECKED);
	test_points_close();
	test_fetching_forget();
}

/* What is not a CRL that may be used leaves all as it is. */
static void points_lies(void **state)
{
	struct test_authority_crl table[] = {
		test_points_of_ca(NULL), test_points_of_ca(NULL), test_points_of_ca(NULL), test_points_of_ca(NULL),
		test_points_of_ca(NULL), test_points_of_ca(NULL), test_points_of_ca(NULL),
	};
	size_t i;
	int round;

	(void)state;
	table[0].key = pki.other_key;
	table[1].issuer = pki.other_ca;
	table[1].key = pki.other_key;
	table[2].base = 1;
	table[2].number = 2;
	table[3].from = -2 * POINTS_DAY;
	table[3].to = -POINTS_DAY;
	table[4].from = POINTS_DAY;
	table[5].digest = EVP_sha1();
	/* Valid, but older than the one at hand. */
	table[6].from = -POINTS_DAY;
	test_points_open();
	test_points_connect(KTLSD_REVOCATION_CRL);
	for (round = 0; round < 2; round++) {
		for (i = 0; i < sizeof(table) / sizeof(*table) - !round; i++) {
			test_points_answer(&table[i]);
			assert_int_equal(test_points_count(), round);
			fetching.errands.first->due = 0;
		}
		test_fetching_send(test_points_requested(), 0, "garbage", 7, 3);
		assert_int_equal(test_points_count(), round);
		assert_int_equal(fetching.errands.first->failures, i + 1);
		fetching.errands.first->due = 0;
		if (!round)
			test_points_answer_good(points.cert);
		fetching.errands.first->due = 0;
		assert_int_equal(test_points_connect(KTLSD_REVOCATION_CRL), -EKEYREJECTED);
	}
	test_points_close();
	test_fetching_forget();
}

/* A CRL that nobody replaces stays in force when it is stale. */
static void points_stale(void **state)
{
	struct test_authority_crl spec;

	(void)state;
	fetching.offset = -2 * POINTS_DAY;
	test_points_open();
	test_points_connect(KTLSD_REVOCATION_CRL);
	spec = test_points_of_ca(NULL);
	spec.to = -POINTS_DAY;
	test_points_answer(&spec);
	fetching.offset = 0;
	assert_int_equal(test_points_connect(KTLSD_REVOCATION_CRL), -EKEYREJECTED);
	test_fetching_send(test_points_requested(), -EIO, "it is down", 10, 100);
	assert_int_equal(test_points_count(), 1);
	assert_int_equal(ktlsd_crl_points_count(&points.points).valid, 0);
	test_points_close();
	/* After a restart too. */
	test_points_open();
	assert_int_equal(test_points_connect(KTLSD_REVOCATION_CRL), -EKEYREJECTED);
	test_points_answer_good(NULL);
	assert_int_equal(test_points_connect(KTLSD_REVOCATION_CRL), KTLS_REVOCATION_CRL);
	test_points_close();
	test_fetching_forget();
}

/* The file of an earlier run is in force at once; one that is damaged is not used. */
static void points_restart(void **state)
{
	char name[KTLSD_STORE_NAME], path[160], byte;
	int how, fd;

	(void)state;
	test_points_open();
	test_points_connect(KTLSD_REVOCATION_CRL);
	test_points_answer_good(NULL);
	ktlsd_store_name(name, "crl", points.points.keys[0]);
	snprintf(path, sizeof(path), "%s/%s", fetching.dir, name);
	test_points_close();
	for (how = -1; how < 5; how++) {
		fd = open(path, O_RDWR | O_CLOEXEC);
		assert_true(fd >= 0);
		/* In the magic, the issuer, the CRL's signature; a part; nothing. */
		if (how == 3 || how == 4)
			assert_int_equal(ftruncate(fd, how == 3 ? 300 : 0), 0);
		if (how >= 0 && how < 3) {
			off_t at = how == 0 ? 3 : how == 1 ? 60 : lseek(fd, 0, SEEK_END) - 5;

			assert_int_equal(pread(fd, &byte, 1, at), 1);
			byte ^= 1;
			assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		}
		close(fd);
		test_points_open();
		assert_int_equal(test_points_count(), how < 0);
		assert_int_equal(access(path, F_OK), how < 0 ? 0 : -1);
		assert_int_equal(test_points_connect(KTLSD_REVOCATION_CRL),
				 how < 0 ? KTLS_REVOCATION_CRL : KTLS_REVOCATION_UNCHECKED);
		if (how >= 0)
			test_points_answer_good(NULL);
		else
			assert_int_equal(test_points_requested(), 0);
		test_points_close();
	}
	test_fetching_forget();
}

/* A machine may know the time only when it has a network: what it has is not lost then. */
static void points_wrong_clock(void **state)
{
	static const int64_t days[] = { -1, -3650, 3650, 0 };
	size_t i;

	(void)state;
	test_points_open();
	test_points_connect(KTLSD_REVOCATION_CRL);
	test_points_answer_good(points.cert);
	test_points_close();
	for (i = 0; i < sizeof(days) / sizeof(*days); i++) {
		fetching.offset = days[i] * POINTS_DAY;
		test_points_open();
		assert_int_equal(test_points_count(), 1);
		assert_int_equal(test_points_connect(KTLSD_REVOCATION_CRL), -EKEYREJECTED);
		/* Until the clock is right it is fetched. */
		assert_int_equal(!test_points_requested(), !days[i]);
		test_points_close();
	}
	test_fetching_forget();
}

/* A reload keeps them; one without crl_fetch does not. */
static void points_reload(void **state)
{
	(void)state;
	test_points_open();
	test_points_connect(KTLSD_REVOCATION_CRL);
	test_points_answer_good(NULL);
	test_points_configure(true);
	assert_int_equal(test_points_count(), 1);
	test_points_configure(false);
	assert_int_equal(test_points_count(), 0);
	assert_int_equal(test_points_connect(KTLSD_REVOCATION_CRL), KTLS_REVOCATION_UNCHECKED);
	ktlsd_crl_points_want(&points.points, points.cert, pki.ca, 0);
	assert_int_equal(test_points_requested(), 0);
	assert_int_equal(points.points.key_count, 0);
	test_points_configure(true);
	assert_int_equal(test_points_count(), 1);
	test_points_close();
	test_fetching_forget();
}

/* Many files do not delay the start: it reads some of them, the thread the rest. */
static void points_many_files(void **state)
{
	const int many = KTLSD_CRL_POINTS_READ_FILES * 2 + 6;
	char url[64];
	int i;

	(void)state;
	test_points_open();
	for (i = 0; i < many; i++) {
		test_points_want_one(i, 0);
		snprintf(url, sizeof(url), "http://crl%d.test/", i);
		test_points_answer_url(url);
	}
	assert_int_equal(test_points_count(), many);
	test_points_close();
	test_points_open();
	assert_int_equal(test_points_count(), KTLSD_CRL_POINTS_READ_FILES);
	assert_int_equal(points_step(), 0);
	assert_int_equal(test_points_count(), 2 * KTLSD_CRL_POINTS_READ_FILES);
	/* Wanted meanwhile, before it is read or after. */
	for (i = 0; i < KTLSD_CRL_POINTS_WANTED_UID; i++)
		test_points_want_one(i, 0);
	assert_true(points_step() > 0);
	test_fetching_step();
	assert_int_equal(ktlsd_crl_points_count(&points.points).count, many);
	assert_int_equal(points.points.key_count, many);
	test_points_close();
	test_fetching_forget();
}

static void points_urls(void **state)
{
	static const struct {
		const char	*value;
		const char	*url;
	} table[] = {
		{ "URI:http://a.test/x", "http://a.test/x" },
		{ "URI:ldap://a.test/x,URI:https://b.test/,URI:http://c.test/", "http://c.test/" },
		{ "URI:ldap://a.test/x", NULL },
		{ "DNS:a.test", NULL },
		{ "URI:http://a.test/x y", NULL },
		{ "URI:http://", NULL },
	};
	char url[KTLS_FETCH_URL_MAX];
	X509 *cert;
	size_t i;

	(void)state;
	assert_false(ktlsd_crl_check_url(pki.ec, url));
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		cert = test_points_leaf(table[i].value);
		assert_int_equal(ktlsd_crl_check_url(cert, url), table[i].url != NULL);
		if (table[i].url)
			assert_string_equal(url, table[i].url);
		X509_free(cert);
	}
}

/* A CRL for other certificates of the issuer does not replace the one at hand. */
static void points_scope(void **state)
{
	static const char *const others[] = {
		"critical,fullname:URI:http://crl.test/other.crl", "critical,onlyCA:TRUE",
		"critical,onlyAA:TRUE", "critical,onlysomereasons:keyCompromise",
		"critical,indirectCRL:TRUE",
	};
	struct test_authority_crl spec;
	size_t i;

	(void)state;
	test_points_open();
	test_points_connect(KTLSD_REVOCATION_CRL);
	spec = test_points_of_ca(points.cert);
	spec.scope = "critical,fullname:URI:" POINTS_URL;
	test_points_answer(&spec);
	assert_int_equal(test_points_connect(KTLSD_REVOCATION_CRL), -EKEYREJECTED);
	spec.revoked = NULL;
	for (i = 0; i < sizeof(others) / sizeof(*others); i++) {
		spec.scope = others[i];
		fetching.errands.first->due = 0;
		test_points_answer(&spec);
		assert_int_equal(fetching.errands.first->failures, i + 1);
		assert_int_equal(test_points_connect(KTLSD_REVOCATION_CRL), -EKEYREJECTED);
	}
	spec.scope = "critical,onlyuser:TRUE";
	fetching.errands.first->due = 0;
	test_points_answer(&spec);
	assert_int_equal(test_points_connect(KTLSD_REVOCATION_HARD), KTLS_REVOCATION_CRL);
	test_points_close();
	test_fetching_forget();
}

/* An authority that gives itself the name of another cannot revoke that one's certificates, or
 * make its CRL unusable.
 */
static void points_false_name(void **state)
{
	const struct test_pki_spec name = { .cn = "Test CA", .is_ca = true };
	struct test_authority_crl spec = test_points_of_ca(points.cert);
	X509 *issuer;

	(void)state;
	issuer = test_pki_issue(&name, pki.other_key, pki.other_ca, pki.other_key);
	spec.issuer = issuer;
	spec.key = pki.other_key;
	spec.no_key_id = true;
	test_points_open();
	ktlsd_crl_points_want(&points.points, points.cert, issuer, 0);
	test_points_answer(&spec);
	/* Also after a restart. */
	test_points_close();
	test_points_open();
	assert_int_equal(test_points_count(), 1);
	assert_int_equal(test_points_connect(KTLSD_REVOCATION_HARD), -EKEYREJECTED);
	assert_int_equal(test_points_connect(KTLSD_REVOCATION_CRL), KTLS_REVOCATION_UNCHECKED);
	test_points_answer_good(NULL);
	assert_int_equal(test_points_count(), 2);
	assert_int_equal(test_points_connect(KTLSD_REVOCATION_HARD), KTLS_REVOCATION_CRL);
	fetching.errands.first->due = 0;
	test_points_answer_good(points.cert);
	assert_int_equal(test_points_connect(KTLSD_REVOCATION_CRL), -EKEYREJECTED);
	test_points_close();
	X509_free(issuer);
	test_fetching_forget();
}

/* Two certificates of the same authority have the same CRL. */
static void points_cross_signed(void **state)
{
	const struct test_pki_spec name = { .cn = "Test CA", .is_ca = true };
	X509 *cross;

	(void)state;
	cross = test_pki_issue(&name, pki.ca_key, pki.other_ca, pki.other_key);
	test_points_open();
	ktlsd_crl_points_want(&points.points, points.cert, cross, 0);
	test_points_answer_good(NULL);
	assert_int_equal(test_points_connect(KTLSD_REVOCATION_HARD), KTLS_REVOCATION_CRL);
	ktlsd_crl_points_want(&points.points, points.cert, pki.ca, 0);
	assert_int_equal(test_points_requested(), 0);
	test_points_close();
	X509_free(cross);
	test_fetching_forget();
}

/* They can have the name of any authority, and all users share what is fetched. */
static void points_own_anchors(void **state)
{
	(void)state;
	test_points_open();
	points.own_anchors = true;
	assert_int_equal(test_points_connect(KTLSD_REVOCATION_CRL), KTLS_REVOCATION_UNCHECKED);
	assert_int_equal(test_points_requested(), 0);
	points.own_anchors = false;
	assert_int_equal(test_points_connect(KTLSD_REVOCATION_CRL), KTLS_REVOCATION_UNCHECKED);
	assert_int_equal(test_points_requested(), 1);
	test_points_close();
	test_fetching_forget();
}

static void points_setting(void **state)
{
	static const struct test_conf_fault table[] = {
		{ "[ktlsd]\ncrl_fetch = maybe\n", 2, "crl_fetch must be yes or no" },
		{ "[identity a]\ncertificate = /a\nprivate_key = /b\ncrl_fetch = yes\n", 4,
		  "crl_fetch" },
	};
	char path[] = "/tmp/ktlsd-points-XXXXXX";
	struct ktlsd_config *config;
	struct ktlsd_fault fault;

	(void)state;
	close(mkstemp(path));
	test_conf_refuse(path, table, sizeof(table) / sizeof(*table));
	/* With it, the mode crl needs no files. */
	assert_int_equal(test_conf_try(path, "[ktlsd]\nrevocation = crl\n", &config, &fault), 0);
	ktlsd_config_put(config);
	assert_int_equal(ktlsd_config_load(path, false, &config, &fault), -EINVAL);
	assert_int_equal(test_conf_try(path, "[ktlsd]\nrevocation = crl\ncrl_fetch = yes\n",
				       &config, &fault), 0);
	ktlsd_config_put(config);
	assert_int_equal(ktlsd_config_load(path, false, &config, &fault), 0);
	assert_true(config->crl_fetch && config->crls->fetch);
	ktlsd_config_put(config);
	unlink(path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(points_learned),
		cmocka_unit_test(points_lies),
		cmocka_unit_test(points_stale),
		cmocka_unit_test(points_restart),
		cmocka_unit_test(points_wrong_clock),
		cmocka_unit_test(points_reload),
		cmocka_unit_test(points_many_files),
		cmocka_unit_test(points_urls),
		cmocka_unit_test(points_scope),
		cmocka_unit_test(points_false_name),
		cmocka_unit_test(points_cross_signed),
		cmocka_unit_test(points_own_anchors),
		cmocka_unit_test(points_setting),
	};

	return cmocka_run_group_tests_name("crl_points", tests, test_points_setup, test_points_teardown);
}
