// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/parse.h"
#include "test_capture.h"
#include "test_conf.h"
#include "test_pki.h"

static char config_path[] = "/tmp/ktlsd-config-XXXXXX";

static int config_try(const char *text, struct ktlsd_config **ret_config,
		      struct ktlsd_fault *fault)
{
	return test_conf_try(config_path, text, ret_config, fault);
}

static void config_defaults(void **state)
{
	struct ktlsd_config *config;
	struct ktlsd_fault fault;

	(void)state;
	assert_int_equal(config_try("", &config, &fault), 0);
	assert_int_equal(config->workers, 0);
	assert_int_equal(config->max_sessions, KTLSD_SESSIONS_DEFAULT);
	assert_int_equal(ktlsd_config_memory(config), 512 << 20);
	config->max_sessions = 8192;
	assert_int_equal(ktlsd_config_memory(config), 1 << 30);
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
		"trust = /etc/trust.pem ; here\nmax_sessions=77\nmax_memory = 16\n"
		"session_age = 3600\nticket_keys = /var/lib/tickets\nticket_rotate = 0\n\n"
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
	assert_int_equal(ktlsd_config_memory(config), 16 << 20);
	assert_int_equal(config->session_age, 3600);
	assert_string_equal(config->ticket_keys, "/var/lib/tickets");
	assert_int_equal(config->ticket_rotate, 0);
	assert_int_equal(config->identity_count, 2);
	assert_string_equal(config->identities[0].name, "web site");
	assert_int_equal(config->identities[0].acl.uids.count, 3);
	assert_string_equal(config->identities[1].files[0].certificate, "/c");

	/* Parsed but not loaded: it exists and is allowed, but cannot be used. */
	assert_int_equal(ktlsd_config_find(config, "web site", &caller, &identity,
					   &fault), -ENOKEY);
	assert_int_equal(ktlsd_config_find(config, "mail", &caller, &identity,
					   &fault), -EACCES);
	assert_non_null(strstr(fault.reason, "Uid 44"));
	assert_int_equal(ktlsd_config_find(config, "Mail", &caller, &identity,
					   &fault), -ENOKEY);
	assert_non_null(strstr(fault.reason, config_path));
	ktlsd_config_put(config);
}

static void config_faults(void **state)
{
	static const struct test_conf_fault table[] = {
		{ "[ktlsd]\nworker = 3\n", 2, "[ktlsd] has no key 'worker'" },
		{ "[ktlsd]\nworkers = 65\n", 2, "number from 0 to 64" },
		{ "[ktlsd]\nworkers = -1\n", 2, "number" },
		{ "[ktlsd]\nworkers = 3x\n", 2, "number" },
		{ "[ktlsd]\nworkers =\n", 2, "number" },
		{ "[ktlsd]\nmax_sessions = 0\n", 2, "number from 1" },
		{ "[ktlsd]\nmax_memory = 15\n", 2, "number from 16" },
		{ "[ktlsd]\nsession_age = 604801\n", 2, "number from 60 to 604800" },
		{ "[ktlsd]\nticket_rotate = 604801\n", 2, "number from 0 to 604800" },
		{ "[ktlsd]\nticket_keys = tickets\n", 2, "absolute path" },
		{ "[ktlsd]\n\nlog = file\n", 3, "stderr, syslog or journal" },
		{ "[ktlsd]\nlog_level = loud\n", 2, "log_level" },
		{ "[ktlsd]\nlog = stderr\nlog = syslog\n", 3, "twice" },
		{ "[ktlsd]\ntrust = ca.pem\n", 2, "absolute" },
		{ "workers = 3\n", 1, "before the first" },
		{ "[ktlsd2]\na = b\n", 1, "there is no section" },
		{ "[ktlsd]\nnonsense\n", 2, "neither" },
		{ "[ktlsd\nworkers = 1\n", 1, "neither" },
		{ "[identity a]\ncertificate = /a\n", 1, "has no private_key" },
		{ "[identity a]\nprivate_key = /a\n", 1, "has no certificate" },
		{ "[identity a]\ncertificate = /a\ncertificate = /b\n", 3, "twice" },
		{ "[identity a]\ncertificate.2 = /a\ncertificate.2 = /b\n", 3, "twice" },
		{ "[identity a]\ncertificate.1 = /a\n", 2, "no key 'certificate.1'" },
		{ "[identity a]\ncertificate.02 = /a\n", 2, "no key 'certificate.02'" },
		{ "[identity a]\ncertificate.9 = /a\n", 2, "no key 'certificate.9'" },
		{ "[identity a]\ncertificate.2x = /a\n", 2, "no key 'certificate.2x'" },
		{ "[identity a]\nallow_uids.2 = 0\n", 2, "no key 'allow_uids.2'" },
		{ "[ktlsd]\nworkers.2 = 3\n", 2, "no key 'workers.2'" },
		{ "[identity a]\ncertificate.2 = /a\nprivate_key.2 = /b\n", 1,
		  "has no certificate" },
		{ "[identity a]\ncertificate = /a\nprivate_key = /b\ncertificate.3 = /c\n", 1,
		  "has no private_key.3" },
		{ "[identity a]\ncertificate = /a\nprivate_key = /b\nprivate_key.2 = /c\n", 1,
		  "has no certificate.2" },
		{ "[identity a]\nkey = /a\n", 2, "[identity a] has no key 'key'" },
		{ "[identity a]\nallow_uids = no-such-user-x\n", 2, "no user" },
		{ "[identity a]\nallow_gids = no-such-group-x\n", 2, "no group" },
		{ "[identity ]\ncertificate = /a\n", 1, "name" },
		{ "[identity a]\nallow_containers = 1\n", 2, "yes or no" },
		{ "[identity a]\nallow_containers =\n", 2, "yes or no" },
	};
	struct ktlsd_config *config;
	struct ktlsd_fault fault;

	(void)state;
	test_conf_refuse(config_path, table, sizeof(table) / sizeof(*table));
	assert_int_equal(ktlsd_parse_config("/nonexistent", &config, &fault), -ENOENT);
}

/* Uids in a container are accepted only with allow_containers. */
static void config_containers(void **state)
{
	struct ktlsd_caller caller = { .uid = 33, .in_container = true };
	const struct ktlsd_identity *identity;
	struct ktlsd_config *config;
	struct ktlsd_fault fault;

	(void)state;
	assert_int_equal(config_try(
		"[identity root]\ncertificate = /a\nprivate_key = /b\n"
		"[identity no]\ncertificate = /a\nprivate_key = /b\n"
		"allow_uids = *\nallow_containers = no\n"
		"[identity yes]\ncertificate = /a\nprivate_key = /b\n"
		"allow_uids = 33\nallow_containers = yes\n", &config, &fault), 0);
	/* -ENOKEY: allowed, but parsed only, not loaded */
	assert_int_equal(ktlsd_config_find(config, "yes", &caller, &identity, &fault), -ENOKEY);
	assert_int_equal(ktlsd_config_find(config, "no", &caller, &identity, &fault), -EACCES);
	assert_non_null(strstr(fault.reason, "allow_containers"));
	caller.uid = 0;
	assert_int_equal(ktlsd_config_find(config, "yes", &caller, &identity, &fault), -EACCES);
	assert_non_null(strstr(fault.reason, "allow_uids"));
	assert_int_equal(ktlsd_config_find(config, "root", &caller, &identity, &fault), -EACCES);
	assert_non_null(strstr(fault.reason, "allow_containers"));
	caller.in_container = false;
	assert_int_equal(ktlsd_config_find(config, "root", &caller, &identity, &fault), -ENOKEY);
	assert_int_equal(ktlsd_config_find(config, "no", &caller, &identity, &fault), -ENOKEY);
	ktlsd_config_put(config);
}

/* The limit on the length of names, and a name that equals another one if truncated. */
static void config_names(void **state)
{
	char text[300], name[66];
	struct ktlsd_config *config;
	struct ktlsd_fault fault;
	size_t len;

	(void)state;
	memset(name, 'n', sizeof(name));
	for (len = 1; len <= 65; len++) {
		name[len] = '\0';
		snprintf(text, sizeof(text),
			 "[identity %s]\ncertificate = /a\nprivate_key = /b\n", name);
		if (len == 65) {
			assert_int_equal(config_try(text, &config, &fault), -EINVAL);
			assert_non_null(strstr(fault.reason, ":1: "));
			assert_non_null(strstr(fault.reason, "1 to 64"));
			break;
		}
		assert_int_equal(config_try(text, &config, &fault), 0);
		assert_string_equal(config->identities[0].name, name);
		ktlsd_config_put(config);
		name[len] = 'n';
	}
}

/* Ambiguous text is refused. */
static void config_ambiguous(void **state)
{
	static const struct test_conf_fault table[] = {
		{ "[identity a]\ncertificate = /a\nprivate_key = /b\n"
		  "allow_uids = 33\nallow_uids = *\n", 5, "allow_uids is set twice in this section" },
		{ "[identity a]\ncertificate = /a\nprivate_key = /b\n"
		  "[identity a]\nallow_uids = *\n", 4, "[identity a] was defined in line 1 already" },
		{ "[ktlsd]\n\n[ktlsd]\n", 3, "[ktlsd] was defined in line 1 already" },
		{ "[identity a]\ncertificate = /a\n private_key = /b\n"
		  "\tprivate_key = /c\n", 4, "private_key is set twice in this section" },
		{ "[identity a]\ncertificate = /a\n\t/b\nprivate_key = /b\n", 3, "neither" },
		{ "[identity a]\ncertificate = /a\nprivate_key = /b\n"
		  "allow_uids =\n", 4, "allow_uids is empty" },
		{ "[identity a]\ncertificate = /a\nprivate_key = /b\n"
		  "allow_gids = , \n", 4, "allow_gids is empty" },
		{ "[identity a]\n", 1, "has no certificate" },
		{ "[identity]\n", 1, "name has 1 to 64" },
		{ "[nonsense]\n", 1, "there is no section" },
		{ "[ktlsd] x\n", 1, "neither" },
		{ "[ktlsd]\nworkers: 3\n", 2, "neither" },
		{ "[ktlsd]\ntrust = \"/a b\"\n", 2, "without quotes" },
		{ "[identity \"a\"]\n", 1, "without quotes" },
		{ "[identity a]\ncertificate = /a\nprivate_key = /b\n"
		  "allow_uids = 'root'\n", 4, "without quotes" },
		{ "[ktlsd]\nworkers = +3\n", 2, "number" },
	};
	(void)state;
	test_conf_refuse(config_path, table, sizeof(table) / sizeof(*table));
}

static void config_layout(void **state)
{
	struct ktlsd_config *config;
	struct ktlsd_fault fault;

	(void)state;
	assert_int_equal(config_try("\xef\xbb\xbf[ktlsd]\r\n  workers = 3 # cores\r\n"
		"\ttrust = /etc/trust#1.pem ; here\r\n\r\n"
		"  [identity a] # mine\r\n"
		"    certificate = /a=b\r\n    private_key = /b\r\n"
		"    allow_uids =\r\n\troot, # the first\r\n\r\n# between\r\n\t33 44\r\n"
		"    allow_gids = 7", &config, &fault), 0);
	assert_int_equal(config->workers, 3);
	assert_string_equal(config->trust_path, "/etc/trust#1.pem");
	assert_string_equal(config->identities[0].name, "a");
	assert_string_equal(config->identities[0].files[0].certificate, "/a=b");
	assert_int_equal(config->identities[0].acl.uids.count, 3);
	assert_int_equal(config->identities[0].acl.uids.ids[2], 44);
	assert_int_equal(config->identities[0].acl.gids.count, 1);
	ktlsd_config_put(config);
}

/* Return: what was logged while @text was parsed, or loaded. */
static char *config_lines(const char *text, bool load, int *ret_err)
{
	struct ktlsd_config *config;
	struct ktlsd_fault fault;
	char *lines;

	test_capture_begin();
	*ret_err = config_try(text, &config, &fault);
	if (load) {
		if (!*ret_err)
			ktlsd_config_put(config);
		*ret_err = ktlsd_config_load(config_path, true, &config, &fault);
	}
	lines = test_capture_end();
	if (!*ret_err)
		ktlsd_config_put(config);
	return lines;
}

static void config_every_fault(void **state)
{
	static const char *const parsed[] = { ":2: ", ":3: ", ":4: ", ":7: ", ":8: ", ":9: " };
	static const char *const loaded[] = { ":1: ", ":4: ", "/nonexistent/trust" };
	static const char *const both[] = {
		":2: ", "cannot be used: /nonexistent/a", ":7: ", "/nonexistent/trust",
	};
	const char *lines;
	size_t i;
	int err;

	(void)state;
	lines = config_lines("[ktlsd]\nworkers = x\nnonsense\n[other]\nignored = 1\n"
			     "[identity a]\nkey = /a\nallow_uids = no-such-user-x\n"
			     "[identity b]\ncertificate = /a\n", false, &err);
	assert_int_equal(err, -EINVAL);
	for (i = 0; i < sizeof(parsed) / sizeof(*parsed); i++) {
		if (!strstr(lines, parsed[i]))
			fail_msg("no '%s' in: %s", parsed[i], lines);
	}
	assert_null(strstr(lines, ":5: "));
	lines = config_lines("[identity a]\ncertificate = /nonexistent/a\nprivate_key = /k\n"
			     "[identity b]\ncertificate = /nonexistent/b\nprivate_key = /k\n"
			     "[ktlsd]\ntrust = /nonexistent/trust\n", true, &err);
	assert_int_not_equal(err, 0);
	for (i = 0; i < sizeof(loaded) / sizeof(*loaded); i++) {
		if (!strstr(lines, loaded[i]))
			fail_msg("no '%s' in: %s", loaded[i], lines);
	}
	/* A check goes on after errors in the file itself. */
	lines = config_lines("[ktlsd]\nworkers = x\ntrust = /nonexistent/trust\n[identity a]\n"
			     "certificate = /nonexistent/a\nprivate_key = /k\n"
			     "[identity b]\ncertificate = /nonexistent/b\n", true, &err);
	assert_int_equal(err, -EINVAL);
	for (i = 0; i < sizeof(both) / sizeof(*both); i++) {
		if (!strstr(lines, both[i]))
			fail_msg("no '%s' in: %s", both[i], lines);
	}
	assert_null(strstr(lines, "/nonexistent/b"));
}

/* A FIFO in place of the file, or a file without end, does not block ktlsd. */
static void config_no_file(void **state)
{
	char dir[] = "/tmp/ktlsd-test-XXXXXX", fifo[64];
	struct ktlsd_config *config;
	struct ktlsd_fault fault;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	alarm(10);
	assert_int_equal(ktlsd_parse_config(fifo, &config, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "not a regular file"));
	assert_int_equal(ktlsd_parse_config("/dev/zero", &config, &fault), -EINVAL);
	assert_int_equal(ktlsd_parse_config(dir, &config, &fault), -EINVAL);
	alarm(0);
	unlink(fifo);
	rmdir(dir);
}

static void config_long_line(void **state)
{
	struct ktlsd_config *config;
	struct ktlsd_fault fault;
	char text[1200] = "[ktlsd]\ntrust = /";

	(void)state;
	memset(text + strlen(text), 'a', 1100);
	assert_int_equal(config_try(text, &config, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, ":2: the line is longer"));
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
	assert_non_null(strstr(fault.reason, ":1: the identity 'a'"));
	assert_int_equal(ktlsd_config_load(config_path, false, &config, &fault), 0);
	assert_int_equal(ktlsd_config_find(config, "a", &caller, &identity, &fault),
			 -ENOKEY);
	assert_non_null(strstr(fault.reason, "/nonexistent"));
	ktlsd_config_put(config);
	assert_int_equal(config_try("[ktlsd]\ntrust = /nonexistent\n", &config, &fault), 0);
	ktlsd_config_put(config);
	assert_int_equal(ktlsd_config_load(config_path, false, &config, &fault), -ENOENT);
}

/* Anchors and two identities whose files are in @dir; root may use one of them. */
static int config_reload_try(const char *dir, char roots,
			     const struct ktlsd_config *old,
			     struct ktlsd_config **ret_config)
{
	struct ktlsd_config *config;
	struct ktlsd_fault fault;
	char text[1024];

	snprintf(text, sizeof(text),
		 "[identity a]\ncertificate = %s/a\nprivate_key = %s/key\nallow_uids = %d\n"
		 "[identity b]\ncertificate = %s/b\nprivate_key = %s/key\nallow_uids = %d\n"
		 "[ktlsd]\ntrust = %s/ca\n",
		 dir, dir, roots == 'a' ? 0 : 33, dir, dir, roots == 'b' ? 0 : 33, dir);
	if (!config_try(text, &config, &fault))
		ktlsd_config_put(config);
	return ktlsd_config_reload(config_path, old, ret_config, &fault);
}

/* An identity with two certificates: both are loaded, or none. */
static void config_several(void **state)
{
	static const char text[] = "[identity a]\nprivate_key.3 = %s\ncertificate = %s\n"
				   "private_key = %s\ncertificate.3 = %s\n";
	char cert[] = "/tmp/ktlsd-cert-XXXXXX", key[] = "/tmp/ktlsd-key-XXXXXX", conf[512];
	struct ktlsd_config *config, *second;
	struct ktlsd_buffer pem = { 0 };
	struct ktlsd_fault fault;

	(void)state;
	test_pki_setup(state);
	close(mkstemp(cert));
	close(mkstemp(key));
	test_pki_put_cert(&pem, pki.rsa);
	test_pki_write(cert, &pem, 0644);
	test_pki_put_key(&pem, pki.rsa_key, NULL);
	test_pki_write(key, &pem, 0600);
	snprintf(conf, sizeof(conf), text, key, cert, key, cert);
	ktlsd_buffer_append(&pem, conf, strlen(conf), 1 << 20);
	test_pki_write(config_path, &pem, 0600);
	assert_int_equal(ktlsd_config_load(config_path, true, &config, &fault), 0);
	assert_int_equal(config->identities[0].credential_count, 2);
	assert_null(config->identities[0].files[1].certificate);
	assert_string_equal(config->identities[0].files[2].private_key, key);

	/* The second key does not fit. */
	snprintf(conf, sizeof(conf), text, "/nonexistent", cert, key, cert);
	ktlsd_buffer_append(&pem, conf, strlen(conf), 1 << 20);
	test_pki_write(config_path, &pem, 0600);
	assert_int_not_equal(ktlsd_config_load(config_path, true, &second, &fault), 0);
	assert_int_equal(ktlsd_config_load(config_path, false, &second, &fault), 0);
	assert_int_equal(second->identities[0].credential_count, 0);
	ktlsd_config_put(second);
	assert_int_equal(ktlsd_config_reload(config_path, config, &second, &fault), 0);
	assert_non_null(strstr(second->first_trouble.reason, "keeps its old credentials"));
	assert_int_equal(second->identities[0].credential_count, 2);
	assert_ptr_equal(second->identities[0].credentials[1].leaf,
			 config->identities[0].credentials[1].leaf);
	ktlsd_config_put(second);
	ktlsd_config_put(config);
	unlink(cert);
	unlink(key);
	test_pki_teardown(state);
}

/* If one file cannot be loaded, everything else is in force. */
static void config_reload(void **state)
{
	char dir[] = "/tmp/ktlsd-test-XXXXXX", path[4][64];
	static const char *const names[] = { "a", "b", "key", "ca" };
	struct ktlsd_config *first, *second, *third;
	const struct ktlsd_identity *identity;
	struct ktlsd_caller caller = { .uid = 0 };
	struct ktlsd_buffer pem = { 0 };
	struct ktlsd_fault fault;
	size_t i;

	(void)state;
	test_pki_setup(state);
	assert_non_null(mkdtemp(dir));
	for (i = 0; i < 4; i++)
		snprintf(path[i], sizeof(path[i]), "%s/%s", dir, names[i]);
	test_pki_put_cert(&pem, pki.ec);
	test_pki_write(path[0], &pem, 0644);
	test_pki_put_cert(&pem, pki.ec);
	test_pki_write(path[1], &pem, 0644);
	test_pki_put_key(&pem, pki.ec_key, NULL);
	test_pki_write(path[2], &pem, 0600);
	test_pki_put_cert(&pem, pki.ca);
	test_pki_write(path[3], &pem, 0644);
	assert_int_equal(config_reload_try(dir, 'b', NULL, &first), 0);
	assert_int_equal(first->troubles, 0);

	/* One certificate and the anchors cannot be loaded; others may use b now. */
	ktlsd_buffer_append(&pem, "\n", 1, 10);
	test_pki_write(path[1], &pem, 0644);
	ktlsd_buffer_append(&pem, "# none\n", 7, 10);
	test_pki_write(path[3], &pem, 0644);
	assert_int_equal(config_reload_try(dir, 'a', first, &second), 0);
	assert_int_equal(second->troubles, 2);
	assert_non_null(strstr(second->first_trouble.reason, "'b' keeps its old credential"));
	assert_ptr_equal(second->trust, first->trust);
	assert_int_equal(ktlsd_config_find(second, "a", &caller, &identity, &fault), 0);
	assert_int_equal(ktlsd_config_find(second, "b", &caller, &identity, &fault), -EACCES);
	caller.uid = 33;
	assert_int_equal(ktlsd_config_find(second, "b", &caller, &identity, &fault), 0);
	assert_ptr_equal(identity->credentials[0].leaf, first->identities[1].credentials[0].leaf);
	ktlsd_config_put(first);

	/* It keeps the old credential at every reload. Without an old one it cannot be used. */
	assert_int_equal(config_reload_try(dir, 'b', second, &third), 0);
	ktlsd_config_put(second);
	assert_non_null(third->identities[1].credentials[0].leaf);
	assert_int_equal(X509_check_private_key(third->identities[1].credentials[0].leaf,
						third->identities[1].credentials[0].key), 1);
	ktlsd_config_put(third);
	assert_int_not_equal(config_reload_try(dir, 'b', NULL, &third), 0);
	for (i = 0; i < 4; i++)
		unlink(path[i]);
	rmdir(dir);
	test_pki_teardown(state);
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

static void config_revocation(void **state)
{
	struct ktlsd_config *config;
	struct ktlsd_fault fault;

	(void)state;
	assert_int_equal(config_try("[ktlsd]\nrevocation = hard\nrevocation_ktls_trust = yes\n"
		"crl = /var/crl\nproviders = pkcs11, tpm2\n"
		"[identity a]\ncertificate = /a\nprivate_key = pkcs11:token=t\n"
		"revocation = off\nrole = client\nrsa_key_transport = yes\n[identity b]\ncertificate = /a\nprivate_key = /b\n",
		&config, &fault), 0);
	assert_int_equal(config->revocation.mode, KTLSD_REVOCATION_HARD);
	assert_true(config->revocation_ktls_trust);
	assert_string_equal(config->crl_path, "/var/crl");
	assert_true(config->identities[0].revocation.given);
	assert_int_equal(config->identities[0].revocation.mode, KTLSD_REVOCATION_OFF);
	assert_false(config->identities[1].revocation.given);
	assert_int_equal(config->identities[0].roles, KTLSD_ROLES_CLIENT);
	assert_int_equal(config->identities[1].roles, 0);
	assert_true(config->identities[0].rsa_transport && !config->identities[1].rsa_transport);
	assert_int_equal(config->providers.count, 2);
	assert_string_equal(config->identities[0].files[0].private_key, "pkcs11:token=t");
	ktlsd_config_put(config);

	assert_int_equal(config_try("[ktlsd]\nrevocation = soft\n", &config, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, ":2: revocation must be off, staple, crl, ocsp or hard"));
	assert_int_equal(config_try("[ktlsd]\ncrl = crls\n", &config, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "crl must be an absolute path"));
	assert_int_equal(config_try("[identity a]\nrole = peer\n", &config, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, ":2: role must be server, client or both"));
	assert_int_equal(config_try("[identity a]\nprivate_key = pkcs12:b\n", &config, &fault),
			 -EINVAL);
	assert_non_null(strstr(fault.reason, ":2: private_key must be an absolute path"));

	assert_int_equal(config_try("[ktlsd]\nrevocation = crl\n", &config, &fault), 0);
	ktlsd_config_put(config);
	assert_int_equal(ktlsd_config_load(config_path, false, &config, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "there are no CRLs: set crl"));
	assert_int_equal(config_try("[policy]\nrevocation = crl\n", &config, &fault), 0);
	ktlsd_config_put(config);
	assert_int_equal(ktlsd_config_load(config_path, false, &config, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "there are no CRLs: set crl"));
	assert_int_equal(config_try("[ktlsd]\ncrl = /nonexistent/crl\n", &config, &fault), 0);
	ktlsd_config_put(config);
	assert_int_equal(ktlsd_config_load(config_path, false, &config, &fault), -ENOENT);
	assert_non_null(strstr(fault.reason, "the CRL /nonexistent/crl cannot be read"));
}

static void config_staple(void **state)
{
	static const struct test_conf_fault table[] = {
		{ "[identity a]\ncertificate = /a\nprivate_key = /b\nstaple = maybe\n", 4,
		  "staple must be yes or no" },
		{ "[ktlsd]\nstaple = yes\n", 2, "staple" },
	};
	char path[] = "/tmp/ktlsd-config-staple-XXXXXX";
	struct ktlsd_config *config;
	struct ktlsd_fault fault;

	(void)state;
	close(mkstemp(path));
	test_conf_refuse(path, table, sizeof(table) / sizeof(*table));
	assert_int_equal(test_conf_try(path,
				       "[identity a]\ncertificate = /a\nprivate_key = /b\n"
				       "[identity b]\ncertificate = /a\nprivate_key = /b\n"
				       "staple = yes\n", &config, &fault), 0);
	assert_false(config->identities[0].staple);
	assert_true(config->identities[1].staple);
	ktlsd_config_put(config);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_defaults),
		cmocka_unit_test(config_everything),
		cmocka_unit_test(config_revocation),
		cmocka_unit_test(config_faults),
		cmocka_unit_test(config_containers),
		cmocka_unit_test(config_names),
		cmocka_unit_test(config_ambiguous),
		cmocka_unit_test(config_layout),
		cmocka_unit_test(config_every_fault),
		cmocka_unit_test(config_no_file),
		cmocka_unit_test(config_long_line),
		cmocka_unit_test(config_load),
		cmocka_unit_test(config_several),
		cmocka_unit_test(config_reload),
		cmocka_unit_test(config_staple),
	};

	return cmocka_run_group_tests_name("config", tests, config_setup, config_teardown);
}
