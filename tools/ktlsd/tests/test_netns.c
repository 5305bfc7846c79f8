// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of network namespaces, in --netns and in lists. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "config/netns.h"
#include "test_pki.h"

static void netns_lists(void **state)
{
	(void)state;
	assert_string_equal(ktlsd_netns_name(), "init");
	assert_true(ktlsd_netns_listed("init"));
	assert_true(ktlsd_netns_listed("blue,init\tgreen"));
	assert_true(ktlsd_netns_listed(" blue *"));
	assert_false(ktlsd_netns_listed("blue ini inits"));
	assert_false(ktlsd_netns_listed(""));
	assert_false(ktlsd_netns_listed(" , "));
}

static void netns_names(void **state)
{
	static const char *const bad[] = { "", "init", "*", "..", "../1", "a b", "a/b" };
	struct ktlsd_fault fault;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(ktlsd_netns_set(bad[i], &fault), -EINVAL);
		assert_non_null(strstr(fault.reason, "is not the name of a file"));
	}
	assert_int_equal(ktlsd_netns_set("no-such-netns", &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "/run/netns/no-such-netns (No such file"));
	assert_string_equal(ktlsd_netns_name(), "init");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(netns_lists),
		cmocka_unit_test(netns_names),
	};

	return cmocka_run_group_tests_name("netns", tests, NULL, NULL);
}
