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

#define SOCKET	"sk=000000001234abcd netns=4026531840 sport=443 dport=51234 "

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
	char line[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		strcpy(line, lines[i].line);
		assert_true(ktlsctl_event_parse(line, &event));
		assert_string_equal(lines[i].kind, event.kind);
		assert_string_equal(lines[i].what, event.what);
		assert_string_equal(lines[i].detail, event.detail);
		assert_int_equal(4026531840u, event.netns);
		assert_int_equal(443, event.local);
		assert_int_equal(51234, event.remote);
	}
	strcpy(line, "CPU:1 [LOST 12 EVENTS]");
	assert_true(ktlsctl_event_parse(line, &event));
	assert_string_equal("lost", event.kind);
	assert_string_equal("12", event.what);
}

static void test_ignored(void **state)
{
	static const char *const lines[] = {
		"", ":", "ktls_state", "ktls_state: ", "ktls_state: " SOCKET, "# tracer: nop",
		"ktls_state: " SOCKET "NEW -> CONNECTING", "ktls_alert: sk=1 netns=2 sent x",
		"ktls_request_done: " SOCKET "x", "other_event: " SOCKET "sent x",
	};
	struct ktlsctl_event event;
	char line[256];
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
	char copy[256], *text;
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
		       "2026-01-01T00:00:00.007Z alert        443 51234 received close_notify(0)\n");
	expect_printed("ktls_reason: " SOCKET "it \"failed\"\033[2J", false,
		       "2026-01-01T00:00:00.007Z failure      443 51234 it \"failed\"?[2J\n");
	expect_printed("CPU:0 [LOST 3 EVENTS]", false,
		       "2026-01-01T00:00:00.007Z lost           -     - 3\n");
	expect_printed("ktls_reason: " SOCKET "it \"failed\"", true,
		       "{\"time\": \"2026-01-01T00:00:00.007Z\", \"event\": \"failure\", \"what\": \"it \\\"failed\\\"\", \"detail\": \"\", \"netns\": 4026531840, \"local_port\": 443, \"remote_port\": 51234}\n");
	expect_printed("CPU:0 [LOST 3 EVENTS]", true,
		       "{\"time\": \"2026-01-01T00:00:00.007Z\", \"event\": \"lost\", \"what\": \"3\", \"detail\": \"\"}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_ignored),
		cmocka_unit_test(test_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
