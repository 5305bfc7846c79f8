// SPDX-License-Identifier: GPL-2.0-or-later
/* Unit tests: the lines of ktlsd's answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "ktlsctl/lines.h"

static void test_next(void **state)
{
	char text[] = "one 1\ntwo a b  c\n\nthree\nfour ";
	static const char *const expected[][2] = {
		{ "one", "1" }, { "two", "a b  c" }, { "", "" }, { "three", "" }, { "four", "" },
	};
	const char *word, *value;
	char *at = text;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		assert_true(ktlsctl_lines_next(&at, &word, &value));
		assert_string_equal(expected[i][0], word);
		assert_string_equal(expected[i][1], value);
	}
	assert_false(ktlsctl_lines_next(&at, &word, &value));
}

static void test_cut(void **state)
{
	char with[] = "2026-01-01 www expired", without[] = "2026-01-01 wwwexpired";
	char only[] = "expired";

	(void)state;
	assert_true(ktlsctl_lines_cut(with, "expired"));
	assert_string_equal("2026-01-01 www", with);
	assert_false(ktlsctl_lines_cut(with, "expired"));
	assert_false(ktlsctl_lines_cut(without, "expired"));
	assert_false(ktlsctl_lines_cut(only, "expired"));
}

static void test_members(void **state)
{
	struct ktlsctl_members members = { .indent = " " };
	size_t size;
	char *text;

	(void)state;
	members.out = open_memstream(&text, &size);
	ktlsctl_members_string(&members, "a", "x\"y");
	ktlsctl_members_bool(&members, "b", true);
	ktlsctl_members_number(&members, "c", "12");
	ktlsctl_members_number(&members, "d", "-");
	ktlsctl_members_number(&members, "e", "");
	fclose(members.out);
	assert_string_equal("\n \"a\": \"x\\\"y\",\n \"b\": true,\n \"c\": 12,\n \"d\": null,\n \"e\": null",
			    text);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
