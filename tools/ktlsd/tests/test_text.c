// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/log.h"
#include "lib/text.h"
#include "test_pki.h"

static void text_plain_is_kept(void **state)
{
	char out[32];

	(void)state;
	assert_int_equal(ktlsd_text_escape(out, sizeof(out), "a b~!", 5), 5);
	assert_string_equal(out, "a b~!");
}

static void text_control_is_escaped(void **state)
{
	char out[64];

	(void)state;
	ktlsd_text_escape(out, sizeof(out), "a\n\0\x1b\xff\\", 6);
	assert_string_equal(out, "a\\x0a\\x00\\x1b\\xff\\x5c");
}

static void text_never_half_an_escape(void **state)
{
	char out[8];
	size_t size;

	(void)state;
	for (size = 1; size <= sizeof(out); size++) {
		memset(out, 'X', sizeof(out));
		assert_true(ktlsd_text_escape(out, size, "\n\n\n", 3) < size);
		assert_int_equal(strlen(out) % 4, 0);
	}
	assert_int_equal(ktlsd_text_escape(out, 0, "a", 1), 0);
}

static void text_log_words(void **state)
{
	enum ktlsd_log_target target;
	enum ktlsd_log_level level;

	(void)state;
	assert_int_equal(ktlsd_log_parse_level("debug", &level), 0);
	assert_int_equal(level, KTLSD_LOG_DEBUG);
	assert_int_equal(ktlsd_log_parse_level("Debug", &level), -EINVAL);
	assert_int_equal(ktlsd_log_parse_target("syslog", &target), 0);
	assert_int_equal(ktlsd_log_parse_target("", &target), -EINVAL);
}

static void text_buffer_is_bounded(void **state)
{
	struct ktlsd_buffer buffer = { 0 };

	(void)state;
	assert_int_equal(ktlsd_buffer_append(&buffer, "12345678", 8, 10), 0);
	assert_int_equal(ktlsd_buffer_append(&buffer, "123", 3, 10), -EMSGSIZE);
	assert_int_equal(ktlsd_buffer_append(&buffer, "90", 2, 10), 0);
	assert_int_equal(buffer.len, 10);
	assert_memory_equal(buffer.data, "1234567890", 10);
	ktlsd_buffer_free(&buffer);
	assert_null(buffer.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_plain_is_kept),
		cmocka_unit_test(text_control_is_escaped),
		cmocka_unit_test(text_never_half_an_escape),
		cmocka_unit_test(text_log_words),
		cmocka_unit_test(text_buffer_is_bounded),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
