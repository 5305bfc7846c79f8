// SPDX-License-Identifier: GPL-2.0-or-later
/* Unit tests: the rules of the command line, and which sockets they name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "ktls-run/rules.h"

static struct ktls_run_rules rules;
static struct ktls_run_settings settings;

/* Each test begins with no rules. */
static int set_up(void **state)
{
	(void)state;
	memset(&rules, 0, sizeof(rules));
	settings = (struct ktls_run_settings){ .identity = "www", .verify = -1 };
	return 0;
}

static void add(enum ktls_run_role role, const char *text)
{
	assert_null(ktls_run_rules_add(&rules, role, text, &settings));
}

/* Return: the number of the rule for @text, with @port; -1 if there is none. */
static int find(enum ktls_run_role role, const char *text, uint16_t port)
{
	union {
		struct sockaddr		any;
		struct sockaddr_in	v4;
		struct sockaddr_in6	v6;
	} address = { .v6 = { .sin6_port = htons(port) } };
	const struct ktls_run_rule *rule;
	socklen_t len = sizeof(address.v6);

	if (inet_pton(AF_INET, text, &address.v4.sin_addr) == 1) {
		address.any.sa_family = AF_INET;
		len = sizeof(address.v4);
	} else {
		address.any.sa_family = AF_INET6;
		assert_int_equal(1, inet_pton(AF_INET6, text, &address.v6.sin6_addr));
	}
	rule = ktls_run_rules_find(&rules, role, &address.any, len);
	return rule ? (int)(rule - rules.rule) : -1;
}

static void ports(void **state)
{
	(void)state;
	add(KTLS_RUN_LISTEN, "443");
	add(KTLS_RUN_LISTEN, "8000-8010");
	assert_int_equal(0, find(KTLS_RUN_LISTEN, "127.0.0.1", 443));
	assert_int_equal(1, find(KTLS_RUN_LISTEN, "127.0.0.1", 8000));
	assert_int_equal(1, find(KTLS_RUN_LISTEN, "::1", 8010));
	assert_int_equal(-1, find(KTLS_RUN_LISTEN, "127.0.0.1", 7999));
	assert_int_equal(-1, find(KTLS_RUN_LISTEN, "127.0.0.1", 8011));
	assert_int_equal(-1, find(KTLS_RUN_CONNECT, "127.0.0.1", 443));
	add(KTLS_RUN_CONNECT, "any");
	assert_int_equal(2, find(KTLS_RUN_CONNECT, "127.0.0.1", 1));
	assert_int_equal(2, find(KTLS_RUN_CONNECT, "2001:db8::1", 65535));
}

static void addresses(void **state)
{
	(void)state;
	add(KTLS_RUN_CONNECT, "10.0.0.5:5432");
	add(KTLS_RUN_CONNECT, "10.1.0.0/18:5432");
	add(KTLS_RUN_CONNECT, "[2001:db8::5]:5432");
	add(KTLS_RUN_CONNECT, "[2001:db8:1::/47]:5432");
	assert_int_equal(0, find(KTLS_RUN_CONNECT, "10.0.0.5", 5432));
	assert_int_equal(0, find(KTLS_RUN_CONNECT, "::ffff:10.0.0.5", 5432));
	assert_int_equal(-1, find(KTLS_RUN_CONNECT, "10.0.0.5", 5433));
	assert_int_equal(-1, find(KTLS_RUN_CONNECT, "10.0.0.4", 5432));
	assert_int_equal(1, find(KTLS_RUN_CONNECT, "10.1.63.255", 5432));
	assert_int_equal(-1, find(KTLS_RUN_CONNECT, "10.1.64.0", 5432));
	assert_int_equal(2, find(KTLS_RUN_CONNECT, "2001:db8::5", 5432));
	assert_int_equal(3, find(KTLS_RUN_CONNECT, "2001:db8:1:ffff::", 5432));
	assert_int_equal(3, find(KTLS_RUN_CONNECT, "2001:db8::6", 5432));
	assert_int_equal(-1, find(KTLS_RUN_CONNECT, "2001:db8:2::", 5432));
}

static void the_first_counts(void **state)
{
	(void)state;
	add(KTLS_RUN_CONNECT, "127.0.0.0/8:any");
	rules.rule[0].settings.plain = true;
	add(KTLS_RUN_CONNECT, "any");
	assert_int_equal(0, find(KTLS_RUN_CONNECT, "127.9.9.9", 80));
	assert_int_equal(1, find(KTLS_RUN_CONNECT, "128.0.0.1", 80));
}

/* A socket at all addresses is at that of a rule, too; but it must not become plain for it. */
static void wildcards(void **state)
{
	(void)state;
	add(KTLS_RUN_LISTEN, "127.0.0.1:80");
	rules.rule[0].settings.plain = true;
	add(KTLS_RUN_LISTEN, "192.0.2.1:80");
	assert_int_equal(0, find(KTLS_RUN_LISTEN, "127.0.0.1", 80));
	assert_int_equal(1, find(KTLS_RUN_LISTEN, "0.0.0.0", 80));
	assert_int_equal(1, find(KTLS_RUN_LISTEN, "::", 80));
	assert_int_equal(1, find(KTLS_RUN_LISTEN, "::ffff:0.0.0.0", 80));
	assert_int_equal(-1, find(KTLS_RUN_LISTEN, "192.0.2.2", 80));
}

/* To connect to the wildcard address is to connect to this machine. */
static void connects_to_a_wildcard(void **state)
{
	(void)state;
	add(KTLS_RUN_CONNECT, "127.0.0.1:80");
	add(KTLS_RUN_CONNECT, "[::1]:80");
	assert_int_equal(0, find(KTLS_RUN_CONNECT, "0.0.0.0", 80));
	assert_int_equal(0, find(KTLS_RUN_CONNECT, "::ffff:0.0.0.0", 80));
	assert_int_equal(1, find(KTLS_RUN_CONNECT, "::", 80));
}

static void refuses_what_is_no_rule(void **state)
{
	static const char *const wrong[] = {
		"", "0", "65536", "80-", "-80", "90-80", "80-65536", "+80", " 80", "80 ", "http",
		":80", "localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1/33:80",
		"127.0.0.1/:80", "127.0.0.1/x:80", "127.0.1:80", "::1:80", "[::1]", "[::1:80",
		"[::1/129]:80", "[]:80", "any:80", "127.0.0.1:0",
	};
	char text[300];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		if (!ktls_run_rules_add(&rules, KTLS_RUN_LISTEN, wrong[i], &settings))
			fail_msg("\"%s\" is taken for a rule", wrong[i]);
		assert_int_equal(0, rules.count);
	}
	memset(text, '1', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_non_null(ktls_run_rules_add(&rules, KTLS_RUN_LISTEN, text, &settings));
}

static void has_room_for_64(void **state)
{
	(void)state;
	for (int i = 0; i < KTLS_RUN_RULES_MAX; i++)
		add(KTLS_RUN_LISTEN, "80");
	assert_non_null(ktls_run_rules_add(&rules, KTLS_RUN_LISTEN, "80", &settings));
	assert_int_equal(KTLS_RUN_RULES_MAX, rules.count);
}

/* What the kernel would take as an address, and what it would not. */
static void lengths(void **state)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(80) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(80) };
	socklen_t shortest = offsetof(struct sockaddr_in6, sin6_scope_id);

	(void)state;
	add(KTLS_RUN_CONNECT, "80");
	assert_non_null(ktls_run_rules_find(&rules, KTLS_RUN_CONNECT, (struct sockaddr *)&v6,
					    shortest));
	assert_null(ktls_run_rules_find(&rules, KTLS_RUN_CONNECT, (struct sockaddr *)&v6,
					shortest - 1));
	assert_null(ktls_run_rules_find(&rules, KTLS_RUN_CONNECT, (struct sockaddr *)&v4,
					sizeof(v4) - 1));
	v4.sin_family = AF_UNIX;
	assert_null(ktls_run_rules_find(&rules, KTLS_RUN_CONNECT, (struct sockaddr *)&v4,
					sizeof(v4)));
}

static void prints_addresses(void **state)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(443) };
	char text[KTLS_RUN_ADDRESS_TEXT];

	(void)state;
	v6.sin6_addr.s6_addr[15] = 1;
	ktls_run_rules_print(text, (struct sockaddr *)&v6, sizeof(v6));
	assert_string_equal("[::1]:443", text);
	inet_pton(AF_INET6, "::ffff:192.0.2.7", &v6.sin6_addr);
	ktls_run_rules_print(text, (struct sockaddr *)&v6, sizeof(v6));
	assert_string_equal("192.0.2.7:443", text);
	ktls_run_rules_print(text, (struct sockaddr *)&v6, 2);
	assert_string_equal("an address of another family", text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(ports, set_up),
		cmocka_unit_test_setup(addresses, set_up),
		cmocka_unit_test_setup(the_first_counts, set_up),
		cmocka_unit_test_setup(wildcards, set_up),
		cmocka_unit_test_setup(connects_to_a_wildcard, set_up),
		cmocka_unit_test_setup(refuses_what_is_no_rule, set_up),
		cmocka_unit_test_setup(has_room_for_64, set_up),
		cmocka_unit_test_setup(lengths, set_up),
		cmocka_unit_test_setup(prints_addresses, set_up),
	};

	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
