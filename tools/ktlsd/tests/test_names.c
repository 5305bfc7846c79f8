// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "names.h"
#include "test_pki.h"

static void names_hosts(void **state)
{
	static const char *const good[][2] = {
		{ "a", "a" }, { "Server.Test", "server.test" },
		{ "xn--bcher-kva.example.", "xn--bcher-kva.example" },
		{ "1.2.3.4.example", "1.2.3.4.example" }, { "3com.com", "3com.com" },
		{ "_a.B_c.test", "_a.b_c.test" },
	};
	struct ktlsd_name name;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(ktlsd_names_parse(good[i][0], &name), 0);
		assert_int_equal(name.kind, KTLSD_NAME_HOST);
		assert_string_equal(name.text, good[i][1]);
	}
}

static void names_bad(void **state)
{
	static const char *const bad[] = {
		"", ".", ".test", "a..b", "*.test", "-a.test", "a-.test",
		"a b", "1.2.3", "256.1.1.1", "1.2.3.4.5", "[::1]", "::g", "b\xc3\xbc",
		"a.test..", "fe80::1%lo", "a\n",
	};
	char label[80], name_text[300];
	struct ktlsd_name name;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (!ktlsd_names_parse(bad[i], &name))
			fail_msg("'%s' was accepted", bad[i]);
	}
	memset(label, 'a', 64);
	label[64] = '\0';
	assert_int_equal(ktlsd_names_parse(label, &name), -EINVAL);
	assert_int_equal(ktlsd_names_parse(label + 1, &name), 0);
	for (i = 0; i < 254; i++)
		name_text[i] = i % 2 ? '.' : 'a';
	name_text[254] = '\0';
	name_text[253] = 'a';
	assert_int_equal(ktlsd_names_parse(name_text, &name), -EINVAL);
	name_text[253] = '\0';
	assert_int_equal(ktlsd_names_parse(name_text, &name), 0);
}

static void names_addresses(void **state)
{
	struct ktlsd_name name;

	(void)state;
	assert_int_equal(ktlsd_names_parse("192.0.2.1", &name), 0);
	assert_int_equal(name.kind, KTLSD_NAME_ADDRESS);
	assert_int_equal(name.address_len, 4);
	assert_memory_equal(name.address, "\xc0\x00\x02\x01", 4);
	assert_int_equal(ktlsd_names_parse("2001:DB8::1", &name), 0);
	assert_int_equal(name.address_len, 16);
	assert_string_equal(name.text, "2001:db8::1");
}

static void names_from_sockaddr(void **state)
{
	struct sockaddr_storage addr = { 0 };
	struct sockaddr_in *in = (void *)&addr;
	struct sockaddr_in6 *in6 = (void *)&addr;
	struct ktlsd_name name;

	(void)state;
	in->sin_family = AF_INET;
	inet_pton(AF_INET, "192.0.2.9", &in->sin_addr);
	assert_int_equal(ktlsd_names_from_address(&addr, sizeof(*in), &name), 0);
	assert_string_equal(name.text, "192.0.2.9");
	assert_int_equal(ktlsd_names_from_address(&addr, 4, &name), -EINVAL);

	memset(&addr, 0, sizeof(addr));
	in6->sin6_family = AF_INET6;
	inet_pton(AF_INET6, "::ffff:192.0.2.9", &in6->sin6_addr);
	assert_int_equal(ktlsd_names_from_address(&addr, sizeof(*in6), &name), 0);
	assert_string_equal(name.text, "192.0.2.9");
	assert_int_equal(name.address_len, 4);
	inet_pton(AF_INET6, "2001:db8::2", &in6->sin6_addr);
	assert_int_equal(ktlsd_names_from_address(&addr, sizeof(*in6), &name), 0);
	assert_string_equal(name.text, "2001:db8::2");
	assert_int_equal(ktlsd_names_from_address(&addr, sizeof(*in), &name), -EINVAL);
	addr.ss_family = AF_UNIX;
	assert_int_equal(ktlsd_names_from_address(&addr, sizeof(*in6), &name), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_hosts),
		cmocka_unit_test(names_bad),
		cmocka_unit_test(names_addresses),
		cmocka_unit_test(names_from_sockaddr),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
