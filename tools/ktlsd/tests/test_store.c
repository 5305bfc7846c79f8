// SPDX-License-Identifier: GPL-2.0-or-later
/* The cache directory. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/log.h"
#include "store.h"
#include "test_capture.h"
#include "test_disk.h"
#include "test_pki.h"

static char store_dir[] = "/tmp/ktlsd-store-XXXXXX";

static const char *store_path(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", store_dir, name);
	return path;
}

static void store_touch(const char *name, time_t age)
{
	const struct timespec times[2] = { { time(NULL) - age, 0 }, { time(NULL) - age, 0 } };
	int fd = open(store_path(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

static bool store_exists(const char *name)
{
	return !access(store_path(name), F_OK);
}

static void store_files(void **state)
{
	uint8_t hash[KTLSD_STORE_HASH] = { 0xab, 0xcd };
	struct ktlsd_buffer buffer = { 0 };
	char name[KTLSD_STORE_NAME];
	struct ktlsd_store store;
	struct stat status;

	(void)state;
	ktlsd_store_open(&store, store_dir);
	ktlsd_store_name(name, "ocsp", hash);
	assert_string_equal(name, "ktlsd-ocsp-abcd000000000000000000000000000000000000000000000000000000000000");
	assert_int_equal(ktlsd_store_read(&store, name, 100, &buffer), -ENOENT);
	ktlsd_store_write(&store, name, "hello", 5);
	ktlsd_store_write(&store, name, "world!", 6);
	assert_int_equal(ktlsd_store_read(&store, name, 100, &buffer), 0);
	assert_int_equal(buffer.len, 6);
	assert_memory_equal(buffer.data, "world!", 6);
	assert_int_equal(stat(store_path(name), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	ktlsd_buffer_free(&buffer);
	assert_int_equal(ktlsd_store_read(&store, name, 5, &buffer), -EMSGSIZE);
	ktlsd_buffer_free(&buffer);
	/* Neither links nor FIFOs. */
	ktlsd_store_remove(&store, name);
	assert_int_equal(symlink("/etc/passwd", store_path(name)), 0);
	assert_int_equal(ktlsd_store_read(&store, name, 1 << 20, &buffer), -ELOOP);
	unlink(store_path(name));
	assert_int_equal(mkfifo(store_path(name), 0600), 0);
	assert_int_equal(ktlsd_store_read(&store, name, 1 << 20, &buffer), -EINVAL);
	ktlsd_store_write(&store, name, "hello", 5);
	assert_int_equal(ktlsd_store_read(&store, name, 100, &buffer), 0);
	ktlsd_buffer_free(&buffer);
	ktlsd_store_remove(&store, name);
	ktlsd_store_close(&store);
	assert_int_equal(ktlsd_store_read(&store, name, 100, &buffer), -ENOENT);
	ktlsd_store_write(&store, name, "hello", 5);
	assert_int_equal(store.failed, 0);
}

/* Files that nobody has renewed are removed, and not those of others. */
static void store_old(void **state)
{
	struct ktlsd_store store;

	(void)state;
	store_touch("ktlsd-ocsp-1", KTLSD_STORE_AGE + 100);
	store_touch("new-1-ktlsd-ocsp-2", KTLSD_STORE_AGE + 100);
	store_touch("ktlsd-ocsp-3", KTLSD_STORE_AGE - 100);
	store_touch("precious", KTLSD_STORE_AGE + 100);
	ktlsd_store_open(&store, store_dir);
	/* The clock may be ahead, until a response comes whose dates say that it is not. */
	assert_true(store_exists("ktlsd-ocsp-1"));
	ktlsd_store_write(&store, "ktlsd-ocsp-3", "new", 3);
	assert_false(store_exists("ktlsd-ocsp-1"));
	assert_false(store_exists("new-1-ktlsd-ocsp-2"));
	assert_true(store_exists("ktlsd-ocsp-3"));
	assert_true(store_exists("precious"));
	ktlsd_store_close(&store);
	unlink(store_path("ktlsd-ocsp-3"));
	unlink(store_path("precious"));
	ktlsd_store_open(&store, "/nonexistent");
	assert_int_equal(store.fd, -1);
}

/* The number of files is bounded: the oldest makes room. */
static void store_many(void **state)
{
	struct ktlsd_store store;
	char name[32];
	int i;

	(void)state;
	for (i = 0; i < KTLSD_STORE_FILES; i++) {
		snprintf(name, sizeof(name), "ktlsd-crl-%d", i);
		store_touch(name, i == 77 ? 2000 : 1000);
	}
	ktlsd_store_open(&store, store_dir);
	store.swept = true;
	ktlsd_store_write(&store, "ktlsd-crl-7", "known", 5);
	assert_true(store_exists("ktlsd-crl-77"));
	ktlsd_store_write(&store, "ktlsd-crl-x", "new", 3);
	assert_false(store_exists("ktlsd-crl-77"));
	assert_true(store_exists("ktlsd-crl-x"));
	ktlsd_store_remove(&store, "ktlsd-crl-x");
	for (i = 0; i < KTLSD_STORE_FILES; i++) {
		snprintf(name, sizeof(name), "ktlsd-crl-%d", i);
		ktlsd_store_remove(&store, name);
	}
	ktlsd_store_close(&store);
}

/* Asserts what a write logs, "" for nothing. */
static void store_expect_log(struct ktlsd_store *store, const void *data, size_t len,
			     const char *word)
{
	const char *text;

	test_capture_begin();
	ktlsd_store_write(store, "ktlsd-crl-a", data, len);
	text = test_capture_end();
	if (word[0] ? !strstr(text, word) : text[0])
		fail_msg("expected '%s' in the log: %s", word, text);
}

static unsigned int store_count_files(void)
{
	DIR *dir = opendir(store_dir);
	unsigned int count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 2;
}

/* On a full disk the old file stays, nothing is left of the new one, and one line says so. */
static void store_full(void **state)
{
	struct ktlsd_buffer buffer = { 0 };
	uint8_t *big = calloc(1, 100000);
	struct ktlsd_store store;

	(void)state;
	test_disk_mount(store_dir);
	ktlsd_log_open("test", KTLSD_LOG_STDERR, KTLSD_LOG_INFO);
	ktlsd_store_open(&store, store_dir);
	store_expect_log(&store, "old", 3, "");
	/* A part of it can be written. */
	store_expect_log(&store, big, 100000, "Cannot write ktlsd-crl-a to the cache directory: No space left on device");
	assert_int_equal(store_count_files(), 1);
	test_disk_fill(store_dir, true);
	store_expect_log(&store, "new", 3, "");
	assert_int_equal(store_count_files(), 2);
	assert_int_equal(ktlsd_store_read(&store, "ktlsd-crl-a", 100, &buffer), 0);
	assert_int_equal(buffer.len, 3);
	assert_memory_equal(buffer.data, "old", 3);
	test_disk_fill(store_dir, false);
	store_expect_log(&store, "new", 3, "The cache directory can be written again.");
	store_expect_log(&store, "new", 3, "");
	ktlsd_buffer_free(&buffer);
	assert_int_equal(ktlsd_store_read(&store, "ktlsd-crl-a", 100, &buffer), 0);
	assert_memory_equal(buffer.data, "new", 3);
	ktlsd_buffer_free(&buffer);
	ktlsd_store_close(&store);
	test_disk_unmount(store_dir);
	ktlsd_log_open("test", KTLSD_LOG_STDERR, KTLSD_LOG_ERROR);
	free(big);
}

/* A directory that cannot be opened at the start is used as soon as it can. */
static void store_unreadable(void **state)
{
	struct ktlsd_store store;

	(void)state;
	if (geteuid())
		skip();
	ktlsd_log_open("test", KTLSD_LOG_STDERR, KTLSD_LOG_INFO);
	assert_int_equal(seteuid(65534), 0);
	test_capture_begin();
	ktlsd_store_open(&store, store_dir);
	assert_non_null(strstr(test_capture_end(), "cannot be used: Permission denied"));
	store_expect_log(&store, "new", 3, "");
	assert_int_equal(seteuid(0), 0);
	store_expect_log(&store, "new", 3, "The cache directory can be written again.");
	assert_true(store_exists("ktlsd-crl-a"));
	/* It can be read, but not written. */
	ktlsd_store_remove(&store, "ktlsd-crl-a");
	assert_int_equal(seteuid(65534), 0);
	store_expect_log(&store, "new", 3, "Cannot write ktlsd-crl-a to the cache directory: Permission denied");
	store_expect_log(&store, "new", 3, "");
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(store_count_files(), 0);
	ktlsd_store_close(&store);
	ktlsd_log_open("test", KTLSD_LOG_STDERR, KTLSD_LOG_ERROR);
}

static int store_setup(void **state)
{
	(void)state;
	ktlsd_log_open("test", KTLSD_LOG_STDERR, KTLSD_LOG_ERROR);
	return mkdtemp(store_dir) ? 0 : -1;
}

static int store_teardown(void **state)
{
	(void)state;
	return rmdir(store_dir);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(store_files),
		cmocka_unit_test(store_old),
		cmocka_unit_test(store_many),
		cmocka_unit_test(store_full),
		cmocka_unit_test(store_unreadable),
	};

	return cmocka_run_group_tests_name("store", tests, store_setup, store_teardown);
}
