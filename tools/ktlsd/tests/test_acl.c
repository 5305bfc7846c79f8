// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>

#include "config/acl.h"
#include "test_pki.h"

static bool acl_try(const char *uids, const char *gids, uint32_t uid,
		    uint32_t gid, uint32_t group)
{
	struct ktlsd_caller caller = {
		.uid = uid, .gid = gid, .groups = { group }, .group_count = 1,
	};
	struct ktlsd_fault fault;
	struct ktlsd_acl acl = { 0 };
	bool allowed;

	if (uids)
		assert_int_equal(ktlsd_acl_parse(&acl, false, uids, &fault), 0);
	if (gids)
		assert_int_equal(ktlsd_acl_parse(&acl, true, gids, &fault), 0);
	allowed = ktlsd_acl_allows(&acl, &caller);
	ktlsd_acl_free(&acl);
	return allowed;
}

static void acl_without_lists(void **state)
{
	(void)state;
	assert_true(acl_try(NULL, NULL, 0, 0, 0));
	assert_false(acl_try(NULL, NULL, 1000, 0, 0));
}

static void acl_users(void **state)
{
	(void)state;
	assert_true(acl_try("33, 1000", NULL, 1000, 5, 6));
	assert_true(acl_try("root", NULL, 0, 5, 6));
	assert_false(acl_try("33 1000", NULL, 1001, 33, 1000));
	assert_false(acl_try("33", NULL, 0, 0, 0));
	assert_true(acl_try("*", NULL, 12345, 5, 6));
	assert_false(acl_try("", NULL, 0, 0, 0));
}

static void acl_groups(void **state)
{
	(void)state;
	assert_true(acl_try(NULL, "50", 1000, 50, 6));
	assert_true(acl_try(NULL, "50", 1000, 5, 50));
	assert_false(acl_try(NULL, "50", 50, 5, 6));
	assert_true(acl_try("7", "50", 7, 5, 6));
	assert_false(acl_try(NULL, "0", 0xffffffff, 0xffffffff, 0xffffffff));
}

static void acl_overflow_is_nobody(void **state)
{
	(void)state;
	ktlsd_acl_set_overflow(true, 65534, 65534);
	assert_false(acl_try("65534", "65534", 65534, 65534, 65534));
	assert_true(acl_try("*", NULL, 65534, 5, 6));
	ktlsd_acl_set_overflow(false, 65534, 65534);
	assert_true(acl_try("65534", NULL, 65534, 5, 6));
	ktlsd_acl_set_overflow(true, 65534, 65534);
}

static void acl_bad_words(void **state)
{
	static const char *const words[] = {
		"no-such-user-here", "12x", "99999999999999999999", "4294967295", "-1",
	};
	struct ktlsd_acl acl = { 0 };
	struct ktlsd_fault fault;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(words) / sizeof(*words); i++) {
		assert_int_equal(ktlsd_acl_parse(&acl, false, words[i], &fault), -EINVAL);
		ktlsd_acl_free(&acl);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(acl_without_lists),
		cmocka_unit_test(acl_users),
		cmocka_unit_test(acl_groups),
		cmocka_unit_test(acl_overflow_is_nobody),
		cmocka_unit_test(acl_bad_words),
	};

	return cmocka_run_group_tests_name("acl", tests, NULL, NULL);
}
