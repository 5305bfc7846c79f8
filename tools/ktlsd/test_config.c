// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "test_pki.h"

static char config_path[] = "/tmp/ktlsd-config-XXXXXX";

static int config_try(const char *text, struct ktlsd_config **ret_config,
		      struct ktlsd_fault *fault)
{
	struct ktlsd_buffer buffer = { 0 };

	ktlsd_buffer_append(&buffer, text, strlen(text), 1 << 20);
	if (!buffer.len)
		ktlsd_buffer_append(&buffer, "\n", 1, 2);
	test_pki_write(config_path, &buffer, 0600);
	return ktlsd_config_parse(config_path, ret_config, fault);
}

static void config_defaults(void **state)
{
	struct ktlsd_config *config;
	struct ktlsd_fault fault;

	(void)state;
	assert_int_equal(config_try("", &config, &fault), 0);
	assert_int_equal(config->workers, 0);
	assert_int_equal(config->max_sessions, KTLSD_SESSIONS_DEFAULT);
	assert_int_equal(config->log, KTLSD_LOG_STDERR);
	assert_false(config->trust_given);
	ktlsd_config_put(config);
}

static void config_everything(void **state)
{
	const struct ktlsd_identity *identity;
	struct ktlsd_config *config;
	struct ktlsd_fault fault;
	struct ktlsd_caller caller = { .uid = 44 };

	(void)state;
	assert_int_equal(config_try("; a comment\n# another\n"
		"[ktlsd]\nworkers = 3\nlog=syslog\nlog_level = debug\n"
		"trust = /etc/trust.pem ; here\nmax_sessions=77\n\n"
		"[identity web site]\ncertificate = /a/cert.pem\n"
		"private_key = /a/key.pem\nallow_uids = root,\n  33 44\n"
		"allow_gids = 7\n"
		"[identity mail]\nprivate_key=/b\ncertificate=/c\n",
		&config, &fault), 0);
	assert_int_equal(config->workers, 3);
	assert_int_equal(config->log, KTLSD_LOG_SYSLOG);
	assert_int_equal(config->log_level, KTLSD_LOG_DEBUG);
	assert_string_equal(config->trust_path, "/etc/trust.pem");
	assert_int_equal(config->max_sessions, 77);
	assert_int_equal(config->identity_count, 2);
	assert_string_equal(config->identities[0].name, "web site");
	assert_int_equal(config->identities[0].acl.uids.count, 3);
	assert_string_equal(config->identities[1].certificate, "/c");

	/* Parsed but not loaded: exists, allowed, of no use. */
	assert_int_equal(ktlsd_config_find(config, "web site", &caller, &identity,
					   &fault), -ENOKEY);
	assert_int_equal(ktlsd_config_find(config, "mail", &caller, &identity,
					   &fault), -EACCES);
	assert_non_null(strstr(fault.sentence, "Uid 44"));
	assert_int_equal(ktlsd_config_find(config, "Mail", &caller, &identity,
					   &fault), -ENOKEY);
	assert_non_null(strstr(fault.sentence, config_path));
	ktlsd_config_put(config);
}

struct config_fault {
	const char	*text;
	unsigned int	line;
	const char	*word;
};

static void config_faults(void **state)
{
	static const struct config_fault table[] = {
		{ "[ktlsd]\nworker = 3\n", 2, "'worker' is no key" },
		{ "[ktlsd]\nworkers = 65\n", 2, "number from 0 to 64" },
		{ "[ktlsd]\nworkers = -1\n", 2, "number" },
		{ "[ktlsd]\nworkers = 3x\n", 2, "number" },
		{ "[ktlsd]\nworkers =\n", 2, "number" },
		{ "[ktlsd]\nmax_sessions = 0\n", 2, "number from 1" },
		{ "[ktlsd]\n\nlog = file\n", 3, "stderr or syslog" },
		{ "[ktlsd]\nlog_level = loud\n", 2, "log_level" },
		{ "[ktlsd]\nlog = stderr\nlog = syslog\n", 3, "twice" },
		{ "[ktlsd]\ntrust = ca.pem\n", 2, "absolute" },
		{ "workers = 3\n", 1, "before the first" },
		{ "[ktlsd2]\na = b\n", 2, "is no section" },
		{ "[ktlsd]\nnonsense\n", 2, "neither" },
		{ "[ktlsd\nworkers = 1\n", 1, "neither" },
		{ "[identity a]\ncertificate = /a\n", 2, "has no private_key" },
		{ "[identity a]\nprivate_key = /a\n", 2, "has no certificate" },
		{ "[identity a]\ncertificate = /a\ncertificate = /b\n", 3, "twice" },
		{ "[identity a]\nkey = /a\n", 2, "'key' is no key" },
		{ "[identity a]\nallow_uids = no-such-user-x\n", 2, "no user" },
		{ "[identity a]\nallow_gids = no-such-group-x\n", 2, "no group" },
		{ "[identity ]\ncertificate = /a\n", 2, "" },
	};
	struct ktlsd_config *config;
	struct ktlsd_fault fault;
	char want[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		assert_int_equal(config_try(table[i].text, &config, &fault), -EINVAL);
		snprintf(want, sizeof(want), "%s:%u: ", config_path, table[i].line);
		if (strncmp(fault.sentence, want, strlen(want)) ||
		    !strstr(fault.sentence, table[i].word))
			fail_msg("%zu: %s", i, fault.sentence);
	}
	assert_int_equal(ktlsd_config_parse("/nonexistent", &config, &fault), -ENOENT);
}

static void config_long_line(void **state)
{
	struct ktlsd_config *config;
	struct ktlsd_fault fault;
	char text[1200] = "[ktlsd]\ntrust = /";

	(void)state;
	memset(text + strlen(text), 'a', 1100);
	assert_int_equal(config_try(text, &config, &fault), -EINVAL);
	assert_non_null(strstr(fault.sentence, ":2: the line is longer"));
}

static void config_load(void **state)
{
	const struct ktlsd_identity *identity;
	struct ktlsd_caller caller = { .uid = 0 };
	struct ktlsd_config *config;
	struct ktlsd_fault fault;

	(void)state;
	assert_int_equal(config_try("[identity a]\ncertificate = /nonexistent\n"
		"private_key = /nonexistent\n", &config, &fault), 0);
	ktlsd_config_put(config);
	assert_int_equal(ktlsd_config_load(config_path, true, &config, &fault), -EINVAL);
	assert_non_null(strstr(fault.sentence, ":2: the identity 'a'"));
	assert_int_equal(ktlsd_config_load(config_path, false, &config, &fault), 0);
	assert_int_equal(ktlsd_config_find(config, "a", &caller, &identity, &fault),
			 -ENOKEY);
	assert_non_null(strstr(fault.sentence, "/nonexistent"));
	ktlsd_config_put(config);
	assert_int_equal(config_try("[ktlsd]\ntrust = /nonexistent\n", &config, &fault), 0);
	ktlsd_config_put(config);
	assert_int_equal(ktlsd_config_load(config_path, false, &config, &fault), -ENOENT);
}

static int config_setup(void **state)
{
	(void)state;
	close(mkstemp(config_path));
	ktlsd_log_open("test", KTLSD_LOG_STDERR, KTLSD_LOG_ERROR);
	return 0;
}

static int config_teardown(void **state)
{
	(void)state;
	unlink(config_path);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_defaults),
		cmocka_unit_test(config_everything),
		cmocka_unit_test(config_faults),
		cmocka_unit_test(config_long_line),
		cmocka_unit_test(config_load),
	};

	return cmocka_run_group_tests_name("config", tests, config_setup,
					   config_teardown);
}
