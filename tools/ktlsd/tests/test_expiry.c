// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/log.h"
#include "config/expiry.h"
#include "test_capture.h"
#include "test_pki.h"

#define EXPIRY_DAY	INT64_C(86400)

static struct ktlsd_identity identities[3];
static struct ktlsd_config config = { .identities = identities, .identity_count = 3 };
static int64_t start;

static void expiry_add(struct ktlsd_identity *identity, const char *name, long days)
{
	struct test_pki_spec spec = { .cn = name, .from = -100 * 86400, .to = days * 86400 };
	struct ktlsd_credential *credential = &identity->credentials[identity->credential_count++];

	strcpy(identity->name, name);
	credential->leaf = test_pki_issue(&spec, pki.ec_key, pki.ca, pki.ca_key);
	credential->chain = sk_X509_new_null();
}

/* Return: what a step logs. */
static const char *expiry_log(struct ktlsd_expiry *expiry, int64_t days)
{
	test_capture_begin();
	ktlsd_expiry_step(expiry, &config, start + days * EXPIRY_DAY);
	return test_capture_end();
}

static void expiry_nearest(void **state)
{
	const struct ktlsd_identity *first;
	struct ktlsd_config empty = { 0 };

	(void)state;
	/* The second of its certificates. */
	assert_in_range(ktlsd_expiry_find(&identities[0]), start + 40 * EXPIRY_DAY - 5,
			start + 40 * EXPIRY_DAY + 5);
	assert_true(ktlsd_expiry_find(&identities[2]) == KTLSD_EXPIRY_NEVER);
	assert_in_range(ktlsd_expiry_nearest(&config, &first), start + 20 * EXPIRY_DAY - 5,
			start + 20 * EXPIRY_DAY + 5);
	assert_ptr_equal(first, &identities[1]);
	assert_true(ktlsd_expiry_nearest(&empty, &first) == KTLSD_EXPIRY_NEVER);
	assert_null(first);
	assert_in_range(ktlsd_expiry_last_begin(&config, &first), start - 100 * EXPIRY_DAY - 5,
			start - 100 * EXPIRY_DAY + 5);
	assert_non_null(first);
	assert_int_equal(ktlsd_expiry_last_begin(&empty, &first), 0);
	assert_null(first);
	/* A certificate above it counts. */
	sk_X509_push(identities[0].credentials[0].chain, pki.ca);
	assert_true(ktlsd_expiry_find(&identities[0]) < start + 2 * EXPIRY_DAY);
	sk_X509_pop(identities[0].credentials[0].chain);
}

static void expiry_warnings(void **state)
{
	/* days from the start; names logged, and what else */
	static const struct {
		int64_t		days;
		const char	*one;
		const char	*two;
	} table[] = {
		{ 0, NULL, "'early' expires at" },
		{ 1, NULL, NULL },
		{ 11, "'late' expires at", NULL },
		{ 12, NULL, NULL },
		{ 14, NULL, "days: replace it" },
		{ 18, NULL, NULL },
		{ 19, NULL, "hours" },
		{ 21, NULL, "'early' expired at" },
		{ 22, NULL, NULL },
		{ 50, "'late' expired at", NULL },
	};
	struct ktlsd_expiry expiry = { 0 };
	const char *text;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		text = expiry_log(&expiry, table[i].days);
		if ((table[i].one && !strstr(text, table[i].one)) ||
		    (table[i].two && !strstr(text, table[i].two)) ||
		    (!table[i].one && strstr(text, "late")) ||
		    (!table[i].two && strstr(text, "early")))
			fail_msg("%zu: %s", i, text);
	}
	/* A reload does not repeat them; a restart does. */
	config.generation++;
	text = expiry_log(&expiry, 50);
	assert_string_equal(text, "");
	ktlsd_expiry_free(&expiry);
	text = expiry_log(&expiry, 50);
	assert_non_null(strstr(text, "'late' expired"));
	assert_non_null(strstr(text, "'early' expired"));
	ktlsd_expiry_free(&expiry);
}

static int expiry_setup(void **state)
{
	test_pki_setup(state);
	start = time(NULL);
	expiry_add(&identities[0], "late", 60);
	expiry_add(&identities[0], "late", 40);
	expiry_add(&identities[1], "early", 20);
	ktlsd_log_open("test", KTLSD_LOG_STDERR, KTLSD_LOG_INFO);
	return 0;
}

static int expiry_teardown(void **state)
{
	size_t i;

	for (i = 0; i < 3; i++) {
		while (identities[i].credential_count)
			ktlsd_credentials_free(&identities[i].credentials[--identities[i].credential_count]);
	}
	return test_pki_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expiry_nearest),
		cmocka_unit_test(expiry_warnings),
	};

	return cmocka_run_group_tests_name("expiry", tests, expiry_setup, expiry_teardown);
}
