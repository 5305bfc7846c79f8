// SPDX-License-Identifier: GPL-2.0-or-later
/* Unit tests: which sockets are printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "ktlsctl/filter.h"

static struct ktlsctl_socket one;

static int set_up(void **state)
{
	struct sockaddr_in *local = (struct sockaddr_in *)&one.local;

	(void)state;
	memset(&one, 0, sizeof(one));
	one.info.state = KTLS_STATE_OPEN;
	one.info.role = KTLS_ROLE_SERVER;
	one.info.version = 0x0303;
	one.uid = 0;
	local->sin_family = AF_INET;
	local->sin_port = htons(443);
	inet_pton(AF_INET, "192.0.2.1", &local->sin_addr);
	one.peer.sin6_family = AF_INET6;
	one.peer.sin6_port = htons(50000);
	inet_pton(AF_INET6, "2001:db8::1", &one.peer.sin6_addr);
	strcpy(one.identity, "www");
	strcpy(one.server_name, "www.example.org");
	return 0;
}

static bool matches(const char *condition)
{
	struct ktlsctl_filter filter = { .count = 0 };

	assert_null(ktlsctl_filter_add(&filter, condition));
	return ktlsctl_filter_matches(&filter, &one);
}

static void test_matches(void **state)
{
	static const char *const yes[] = {
		"state=open", "state=OPEN", "role=server", "version=1.2", "uid=0", "uid=root",
		"port=443", "port=50000", "local=192.0.2.1", "local=192.0.2.1:443",
		"peer=2001:db8::1", "peer=[2001:db8::1]", "peer=[2001:db8::1]:50000",
		"name=WWW.example.org", "identity=www", "verified=no",
	};
	static const char *const no[] = {
		"state=failed", "role=client", "version=1.3", "uid=1", "port=44", "port=4433",
		"local=192.0.2.2", "local=192.0.2.1:44", "peer=192.0.2.1", "name=example.org",
		"identity=ww", "verified=yes",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		assert_true(matches(yes[i]));
	for (i = 0; i < sizeof(no) / sizeof(*no); i++)
		assert_false(matches(no[i]));
}

static void test_all_of_them(void **state)
{
	struct ktlsctl_filter filter = { .count = 0 };

	(void)state;
	assert_true(ktlsctl_filter_matches(&filter, &one));
	assert_null(ktlsctl_filter_add(&filter, "state=open"));
	assert_null(ktlsctl_filter_add(&filter, "port=443"));
	assert_true(ktlsctl_filter_matches(&filter, &one));
	assert_null(ktlsctl_filter_add(&filter, "role=client"));
	assert_false(ktlsctl_filter_matches(&filter, &one));
}

static void test_unconnected_has_no_port(void **state)
{
	(void)state;
	memset(&one.local, 0, sizeof(one.local));
	memset(&one.peer, 0, sizeof(one.peer));
	assert_false(matches("port=0"));
	assert_false(matches("local=0.0.0.0"));
}

static void test_refuses(void **state)
{
	static const char *const wrong[] = {
		"", "open", "states=open", "state=", "state=opened", "role=peer", "version=1.1",
		"uid=nobody-has-this-name", "port=65536", "port=http", "verified=maybe",
	};
	struct ktlsctl_filter filter = { .count = 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_non_null(ktlsctl_filter_add(&filter, wrong[i]));
	assert_int_equal(0, filter.count);
	for (i = 0; i < KTLSCTL_FILTERS_MAX; i++)
		assert_null(ktlsctl_filter_add(&filter, "port=443"));
	assert_non_null(ktlsctl_filter_add(&filter, "port=443"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_matches, set_up),
		cmocka_unit_test_setup(test_all_of_them, set_up),
		cmocka_unit_test_setup(test_unconnected_has_no_port, set_up),
		cmocka_unit_test_setup(test_refuses, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
