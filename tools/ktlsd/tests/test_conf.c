// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/parse.h"
#include "test_conf.h"
#include "test_pki.h"

int test_conf_try(const char *path, const char *text, struct ktlsd_config **ret_config,
		  struct ktlsd_fault *fault)
{
	struct ktlsd_buffer buffer = { 0 };

	ktlsd_buffer_append(&buffer, text, strlen(text), 1 << 20);
	if (!buffer.len)
		ktlsd_buffer_append(&buffer, "\n", 1, 2);
	test_pki_write(path, &buffer, 0600);
	return ktlsd_parse_config(path, ret_config, fault);
}

void test_conf_refuse(const char *path, const struct test_conf_fault *table, size_t count)
{
	struct ktlsd_config *config;
	struct ktlsd_fault fault;
	char want[64];
	size_t i;

	for (i = 0; i < count; i++) {
		assert_int_equal(test_conf_try(path, table[i].text, &config, &fault), -EINVAL);
		snprintf(want, sizeof(want), "%s:%u: ", path, table[i].line);
		if (strncmp(fault.reason, want, strlen(want)) ||
		    !strstr(fault.reason, table[i].word))
			fail_msg("%zu: %s", i, fault.reason);
	}
}
