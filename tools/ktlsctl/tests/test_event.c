// SPDX-License-Identifier: GPL-2.0-or-later
/* Unit tests: the events of ktlsctl monitor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "ktlsctl/event.h"
#include "ktlsctl/socket.h"

#define IDS	"sk=000000001234abcd netns=4026531840 sport=443 dport=51234 "
#define SOCKET	IDS "saddr=::ffff:192.0.2.1 daddr=::ffff:198.51.100.7 "
#define SOCKET6	IDS "saddr=2001:db8::1 daddr=2001:db8::ffff:7 "

static void assert_address(const char *expected, const struct sockaddr_in6 *address)
{
	char text[KTLSCTL_ADDRESS_MAX];

	assert_string_equal(expected, ktlsctl_socket_address(address, text, sizeof(text)));
}

static void test_parse(void **state)
{
	static const struct { const char *line, *kind, *what, *detail; } lines[] = {
		{ "ktls_state: " SOCKET "CONNECTING -> HANDSHAKE", "handshake", "begun", "" },
		{ "ktls_state: " SOCKET "HANDSHAKE -> OPEN\n", "handshake", "complete", "" },
		{ "ktls_state: " SOCKET "HANDSHAKE -> FAILED", "handshake", "failed", "" },
		{ "ktls_state: " SOCKET "OPEN -> CLOSED", "connection", "closed", "" },
		{ "ktls_state: " SOCKET "NEW -> OPEN", "connection", "open", "" },
		{ " ktls_alert: " SOCKET "sent unknown_ca(48)", "alert", "sent", "unknown_ca(48)" },
		{ "ktls_key_update: " SOCKET "received", "key-update", "received", "" },
		{ "ktls_key_update: " SOCKET "sent asked", "key-update", "sent", "asked" },
		{ "ktls_reason: " SOCKET "no -> way: it failed", "failure", "no -> way: it failed", "" },
	};
	struct ktlsctl_event event;
	char line[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		strcpy(line, lines[i].line);
		assert_true(ktlsctl_event_parse(line, &event));
		assert_string_equal(lines[i].kind, event.kind);
		assert_string_equal(lines[i].what, event.what);
		assert_string_equal(lines[i].detail, event.detail);
		assert_int_equal(4026531840u, event.netns);
		assert_address("192.0.2.1:443", &event.local);
		assert_address("198.51.100.7:51234", &event.peer);
	}
	strcpy(line, "CPU:1 [LOST 12 EVENTS]");
	assert_true(ktlsctl_event_parse(line, &event));
	assert_string_equal("lost", event.kind);
	assert_string_equal("12", event.what);
}

static void test_ipv6(void **state)
{
	char line[] = "ktls_state: " SOCKET6 "HANDSHAKE -> OPEN";
	struct ktlsctl_event event;

	(void)state;
	assert_true(ktlsctl_event_parse(line, &event));
	assert_string_equal("complete", event.what);
	assert_address("[2001:db8::1]:443", &event.local);
	assert_address("[2001:db8::ffff:7]:51234", &event.peer);
}

static void test_ignored(void **state)
{
	static const char *const lines[] = {
		"", ":", "ktls_state", "ktls_state: ", "ktls_state: " SOCKET, "# tracer: nop",
		"ktls_state: " SOCKET "NEW -> CONNECTING", "ktls_alert: sk=1 netns=2 sent x",
		"ktls_request_done: " SOCKET "x", "other_event: " SOCKET "sent x",
		"ktls_state: " IDS "HANDSHAKE -> OPEN",
		"ktls_state: " IDS "saddr=192.0.2.1 daddr=:: HANDSHAKE -> OPEN",
		"ktls_state: " IDS "saddr=:: daddr=::HANDSHAKE -> OPEN",
		"ktls_reason: sk=1 netns=2 sport=70000 dport=1 saddr=:: daddr=:: it failed",
	};
	struct ktlsctl_event event;
	char line[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		strcpy(line, lines[i]);
		assert_false(ktlsctl_event_parse(line, &event));
	}
}

static void expect_printed(const char *line, bool json, const char *expected)
{
	const struct timespec when = { .tv_sec = 1767225600, .tv_nsec = 7000000 };
	struct ktlsctl_event event;
	char copy[512], *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	strcpy(copy, line);
	assert_true(ktlsctl_event_parse(copy, &event));
	ktlsctl_event_print(out, &event, &when, json);
	fclose(out);
	assert_string_equal(expected, text);
	free(text);
}

static void test_print(void **state)
{
	(void)state;
	expect_printed("ktls_alert: " SOCKET "received close_notify(0)", false,
		       "2026-01-01T00:00:00.007Z alert      192.0.2.1:443          198.51.100.7:51234     received close_notify(0)\n");
	expect_printed("ktls_reason: " SOCKET "it \"failed\"\033[2J", false,
		       "2026-01-01T00:00:00.007Z failure    192.0.2.1:443          198.51.100.7:51234     it \"failed\"?[2J\n");
	expect_printed("CPU:0 [LOST 3 EVENTS]", false,
		       "2026-01-01T00:00:00.007Z lost       -                      -                      3\n");
	expect_printed("ktls_reason: " SOCKET "it \"failed\"", true,
		       "{\"time\": \"2026-01-01T00:00:00.007Z\", \"event\": \"failure\", \"what\": \"it \\\"failed\\\"\", \"detail\": \"\", \"netns\": 4026531840, \"local_port\": 443, \"remote_port\": 51234, \"local\": \"192.0.2.1:443\", \"peer\": \"198.51.100.7:51234\"}\n");
	expect_printed("CPU:0 [LOST 3 EVENTS]", true,
		       "{\"time\": \"2026-01-01T00:00:00.007Z\", \"event\": \"lost\", \"what\": \"3\", \"detail\": \"\"}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_ignored),
		cmocka_unit_test(test_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
