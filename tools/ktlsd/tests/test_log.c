// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/log.h"
#include "test_pki.h"

static FILE *log_file;
static int log_saved = -1;

/* Redirects stderr to a file; @is_journal: sets JOURNAL_STREAM for it. */
static void log_begin(bool is_journal)
{
	char stream[64];
	struct stat status;

	log_file = tmpfile();
	assert_non_null(log_file);
	log_saved = dup(STDERR_FILENO);
	dup2(fileno(log_file), STDERR_FILENO);
	assert_int_equal(fstat(STDERR_FILENO, &status), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu",
		 (unsigned long long)status.st_dev,
		 (unsigned long long)status.st_ino + !is_journal);
	setenv("JOURNAL_STREAM", stream, 1);
	ktlsd_log_open("test", KTLSD_LOG_STDERR, KTLSD_LOG_DEBUG);
	ktlsd_journal_open("test", "/nonexistent");
}

/* Return: what was logged. */
static const char *log_end(void)
{
	static char text[1 << 20];

	dup2(log_saved, STDERR_FILENO);
	close(log_saved);
	rewind(log_file);
	text[fread(text, 1, sizeof(text) - 1, log_file)] = '\0';
	fclose(log_file);
	unsetenv("JOURNAL_STREAM");
	ktlsd_log_open("test", KTLSD_LOG_STDERR, KTLSD_LOG_ERROR);
	return text;
}

static size_t log_count(const char *text, const char *word)
{
	size_t count = 0;

	while ((text = strstr(text, word))) {
		text += strlen(word);
		count++;
	}
	return count;
}

/* Without the journal's own socket, lines on stderr have their priority. */
static void log_to_journal(void **state)
{
	(void)state;
	log_begin(true);
	ktlsd_log(KTLSD_LOG_ERROR, "one");
	ktlsd_log(KTLSD_LOG_WARNING, "two");
	ktlsd_log(KTLSD_LOG_INFO, "three\n<0>forged");
	ktlsd_log(KTLSD_LOG_DEBUG, "four");
	assert_string_equal(log_end(),
			    "<3>test: error: one\n<4>test: warning: two\n"
			    "<6>test: info: three\\x0a<0>forged\n<7>test: debug: four\n");
	log_begin(false);
	ktlsd_log(KTLSD_LOG_ERROR, "one");
	assert_string_equal(log_end(), "test: error: one\n");
}

/* A source that floods the log suppresses only its own lines, which are counted. */
static void log_flood(void **state)
{
	struct ktlsd_log_limit limit = { 0 };
	const char *text;
	int i;

	(void)state;
	log_begin(false);
	for (i = 0; i < 1000; i++) {
		ktlsd_log_limited_from(&limit, "192.0.2.0/24", KTLSD_LOG_INFO, "flood %d", i);
		if (i % 100 == 50)
			ktlsd_log_limited_from(&limit, "uid 7", KTLSD_LOG_INFO, "honest %d", i);
	}
	ktlsd_log_limited(&limit, KTLSD_LOG_WARNING, "general");
	assert_int_equal(limit.suppressed, 990);
	ktlsd_log_flush(&limit, true);
	ktlsd_log_flush(&limit, true);
	text = log_end();
	assert_int_equal(log_count(text, "honest "), 10);
	assert_int_equal(log_count(text, "general"), 1);
	assert_int_equal(log_count(text, "flood "), 10);
	assert_int_equal(log_count(text, "990 lines about 192.0.2.0/24 were suppressed."), 1);
	assert_int_equal(log_count(text, "suppressed"), 1);
}

/* With too many sources the log stays bounded, and suppressed lines are counted. */
static void log_many_sources(void **state)
{
	struct ktlsd_log_limit limit = { 0 };
	const char *text, *at;
	char source[32];
	size_t lines, suppressed = 0;
	int i;

	(void)state;
	log_begin(false);
	for (i = 0; i < 20000; i++) {
		snprintf(source, sizeof(source), "2001:db8:%x::/48", i % 5000);
		ktlsd_log_limited_from(&limit, source, KTLSD_LOG_INFO, "flood %d", i);
	}
	ktlsd_log_flush(&limit, true);
	text = log_end();
	lines = log_count(text, "flood ");
	assert_in_range(lines, 64, 2000);
	for (at = text; (at = strstr(at, "info: ")); at++) {
		if (at[6] >= '0' && at[6] <= '9')
			suppressed += strtoul(at + 6, NULL, 10);
	}
	assert_int_equal(lines + suppressed, 20000);
}

/* Return: how many lines the journal has got; *@ret_last: the last one */
static unsigned int log_receive(int fd, char *ret_last, size_t size)
{
	unsigned int count = 0;
	ssize_t len;

	while ((len = recv(fd, ret_last, size - 1, MSG_DONTWAIT)) >= 0) {
		ret_last[len] = '\0';
		count++;
	}
	return count;
}

/* A journal that does not keep up loses lines. They do not go to stderr, which it reads as well:
 * there ktlsd would wait for it.
 */
static void log_journal_is_full(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char directory[] = "/tmp/ktlsd-log-XXXXXX", last[8192], want[100];
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	unsigned int i, got;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", directory);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	log_begin(true);
	ktlsd_journal_open("test", address.sun_path);
	for (i = 0; i < 10000; i++)
		ktlsd_log(KTLSD_LOG_INFO, "line %u", i);
	got = log_receive(fd, last, sizeof(last));
	assert_in_range(got, 1, 9999);
	ktlsd_log(KTLSD_LOG_INFO, "later");
	assert_int_equal(log_receive(fd, last, sizeof(last)), 2);
	snprintf(want, sizeof(want), "MESSAGE=%u lines before the last one were lost", 10000 - got);
	assert_non_null(strstr(last, want));
	ktlsd_log(KTLSD_LOG_INFO, "later");
	assert_int_equal(log_receive(fd, last, sizeof(last)), 1);
	assert_string_equal(log_end(), "");
	close(fd);
	unlink(address.sun_path);
	rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(log_to_journal),
		cmocka_unit_test(log_flood),
		cmocka_unit_test(log_many_sources),
		cmocka_unit_test(log_journal_is_full),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
