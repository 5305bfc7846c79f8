// SPDX-License-Identifier: GPL-2.0-or-later
/* Files that ktlsd.conf includes. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/parse.h"
#include "test_pki.h"

/* Writes a file of the directory @dir. */
static void include_put_file(const char *dir, const char *name, const char *text)
{
	struct ktlsd_buffer buffer = { 0 };
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	ktlsd_buffer_append(&buffer, text, strlen(text), 1 << 20);
	test_pki_write(path, &buffer, 0600);
}

#define INCLUDE_FILES	"certificate = /a\nprivate_key = /b\n"

/* Includes: sorted, relative to the file, with the file in each error. */
static void include_files(void **state)
{
	static const struct {
		const char	*main;
		const char	*other;		/* conf.d/b.conf */
		const char	*at;		/* of the error, behind the directory */
		const char	*word;
	} faults[] = {
		{ "include = gone.conf\n", "", "main:1", "there is no file" },
		{ "include = none.d/*.conf\n", "", "main:1", "cannot be read" },
		{ "include =\n", "", "main:1", "empty" },
		{ "include = 'a'\n", "", "main:1", "without quotes" },
		{ "\n[ktlsd]\ninclude = conf.d/*\n", "", "main:3", "before the first" },
		{ "include = conf.d\n", "", "main:1", "not a regular file" },
		{ "include = conf.d/*\ninclude = conf.d/b.conf\n", "", "main:2", "read before" },
		{ "include = main\n", "", "main:1", "read before" },
		{ "include = conf.d/b*\n", "\nworkers = 1\n", "conf.d/b.conf:2", "first [section]" },
		{ "include = conf.d/b*\n", "include = ../conf.d/b.conf\n", "conf.d/b.conf:1",
		  "include each other" },
		{ "include = conf.d/b*\nworkers = 1\n", "[ktlsd]\n", "main:2", "first [section]" },
		{ "include = conf.d/b*\n[ktlsd]\nworkers = 1\n", "[ktlsd]\nworkers = 2\n", "main:2",
		  "[ktlsd] was defined in " },
		{ "include = conf.d/*\n[identity a]\n" INCLUDE_FILES, "", "main:2",
		  "conf.d/a.conf:1 already" },
		{ "include = conf.d/*\n", "\n[identity a]\n" INCLUDE_FILES, "conf.d/b.conf:2",
		  "conf.d/a.conf:1 already" },
		{ "include = conf.d/*\n", "\n\n[identity b]\n" "certificate = /a\n",
		  "conf.d/b.conf:3", "no private_key" },
		{ "include = conf.d/*\n", "[identity b]\n" INCLUDE_FILES "also = x\n",
		  "conf.d/b.conf:1", "no such identity" },
	};
	char dir[] = "/tmp/ktlsd-conf-XXXXXX", path[64], sub[64], want[128];
	struct ktlsd_config *config;
	struct ktlsd_fault fault;
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/main", dir);
	snprintf(sub, sizeof(sub), "%s/conf.d", dir);
	assert_int_equal(mkdir(sub, 0700), 0);
	include_put_file(sub, "b.conf", "[identity b]\n" INCLUDE_FILES);
	include_put_file(sub, "a.conf", "[identity a]\n" INCLUDE_FILES);
	include_put_file(sub, ".hidden.conf", "nonsense\n");
	include_put_file(dir, "main", "include = conf.d/*.conf\ninclude = conf.d/*.none\n"
			"[ktlsd]\nworkers = 3\n[identity c]\n" INCLUDE_FILES);
	assert_int_equal(ktlsd_parse_config(path, &config, &fault), 0);
	assert_int_equal(config->workers, 3);
	assert_int_equal(config->identity_count, 3);
	assert_string_equal(config->identities[0].name, "a");
	assert_string_equal(config->identities[1].name, "b");
	assert_string_equal(config->identities[2].name, "c");
	assert_string_equal(config->identities[2].path, path);
	assert_non_null(strstr(config->identities[1].path, "conf.d/b.conf"));
	ktlsd_config_put(config);

	for (i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		include_put_file(dir, "main", faults[i].main);
		include_put_file(sub, "b.conf", faults[i].other[0] ? faults[i].other : "\n");
		assert_int_equal(ktlsd_parse_config(path, &config, &fault), -EINVAL);
		snprintf(want, sizeof(want), "%s: ", faults[i].at);
		if (!strstr(fault.reason, want) || !strstr(fault.reason, faults[i].word))
			fail_msg("%zu: %s", i, fault.reason);
	}
	for (i = 0; i < 3; i++) {
		static const char *const names[] = { "a.conf", "b.conf", ".hidden.conf" };

		snprintf(want, sizeof(want), "%s/%s", sub, names[i]);
		unlink(want);
	}
	unlink(path);
	rmdir(sub);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(include_files),
	};

	return cmocka_run_group_tests_name("include", tests, NULL, NULL);
}
