// SPDX-License-Identifier: GPL-2.0-or-later
/* Secrets of tickets: they turn, survive a restart, and are shared. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "test_capture.h"
#include "test_disk.h"
#include "test_pki.h"
#include "tls/ticket_keys.h"

enum {
	RING_ROTATE	= 100,
};

static char ring_path[] = "/tmp/ktlsd-tickets-XXXXXX";

static bool ring_has(const struct ktlsd_ticket_ring *ring, const struct ktlsd_ticket_master *secret)
{
	unsigned int i;

	for (i = 0; i < ring->count; i++) {
		if (!memcmp(ring->at[i].secret, secret->secret, sizeof(secret->secret)))
			return true;
	}
	return false;
}

/* The next secret becomes the current one, and the current one the previous one. */
static void ring_turns(void **state)
{
	struct ktlsd_ticket_ring ring = { 0 }, old;

	(void)state;
	assert_int_equal(ktlsd_ticket_ring_turn(&ring, 1000, RING_ROTATE), 1);
	assert_int_equal(ring.count, 2);
	assert_int_equal(ktlsd_ticket_ring_current(&ring, 1000), 0);
	assert_int_equal(ktlsd_ticket_ring_turn(&ring, 1099, RING_ROTATE), 0);
	/* Without anybody to turn it, the next one seals when it is time. */
	assert_int_equal(ktlsd_ticket_ring_current(&ring, 1100), 1);
	old = ring;
	assert_int_equal(ktlsd_ticket_ring_turn(&ring, 1130, RING_ROTATE), 1);
	assert_int_equal(ring.count, 3);
	assert_int_equal(ktlsd_ticket_ring_current(&ring, 1130), 1);
	assert_memory_equal(&ring.at[1], &old.at[1], sizeof(ring.at[1]));
	assert_int_equal(ring.at[2].begin, 1200);
	assert_int_equal(ktlsd_ticket_ring_turn(&ring, 1200, RING_ROTATE), 1);
	assert_int_equal(ring.count, 3);
	assert_false(ring_has(&ring, &old.at[0]));
	assert_true(ring_has(&ring, &old.at[1]));
}

/* A small jump back changes nothing; large ones replace all. */
static void ring_clock_jumps(void **state)
{
	struct ktlsd_ticket_ring ring = { 0 }, old;

	(void)state;
	ktlsd_ticket_ring_turn(&ring, 1000, RING_ROTATE);
	old = ring;
	assert_int_equal(ktlsd_ticket_ring_turn(&ring, 950, RING_ROTATE), 0);
	assert_int_equal(ktlsd_ticket_ring_current(&ring, 950), 0);
	assert_int_equal(ktlsd_ticket_ring_turn(&ring, 10, RING_ROTATE), 1);
	assert_false(ring_has(&ring, &old.at[0]) || ring_has(&ring, &old.at[1]));
	assert_int_equal(ring.at[0].begin, 10);
	old = ring;
	assert_int_equal(ktlsd_ticket_ring_turn(&ring, 1000000, RING_ROTATE), 1);
	assert_false(ring_has(&ring, &old.at[0]) || ring_has(&ring, &old.at[1]));
	assert_int_equal(ring.at[0].begin, 1000000);
}

static void ring_write_file(const char *text, int mode)
{
	struct ktlsd_buffer buffer = { 0 };
	char path[64];

	snprintf(path, sizeof(path), "%s/keys", ring_path);
	unlink(path);
	ktlsd_buffer_append(&buffer, text, strlen(text), 4096);
	test_pki_write(path, &buffer, mode);
	chmod(path, (mode_t)mode);
}

static void ring_expect(int error, const char *word, unsigned int rotate)
{
	struct ktlsd_ticket_ring ring = { 0 };
	struct ktlsd_fault fault;

	assert_int_equal(ktlsd_ticket_ring_sync(&ring, ring_path, 5000, rotate, false, &fault),
			 error);
	assert_non_null(strstr(fault.reason, word));
	assert_int_equal(ring.count, 0);
}

/* Two processes have the same secrets; one that does not turn them changes nothing. */
static void ring_in_directory(void **state)
{
	struct ktlsd_ticket_ring one = { 0 }, two = { 0 };
	struct ktlsd_fault fault;
	struct stat status;
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/keys", ring_path);
	unlink(path);
	ring_expect(-ENOENT, "cannot be read", 0);
	assert_int_equal(ktlsd_ticket_ring_sync(&one, ring_path, 1000, RING_ROTATE, false, &fault), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(ktlsd_ticket_ring_sync(&two, ring_path, 1001, RING_ROTATE, false, &fault), 0);
	assert_memory_equal(&one, &two, sizeof(one));
	assert_int_equal(ktlsd_ticket_ring_sync(&one, ring_path, 1150, 0, false, &fault), 0);
	assert_memory_equal(&one, &two, sizeof(one));
	assert_int_equal(ktlsd_ticket_ring_sync(&two, ring_path, 1150, RING_ROTATE, false, &fault), 0);
	assert_int_equal(two.count, 3);
	assert_int_equal(ktlsd_ticket_ring_sync(&one, ring_path, 1151, RING_ROTATE, false, &fault), 0);
	assert_memory_equal(&one, &two, sizeof(one));
	assert_int_equal(ktlsd_ticket_ring_sync(&one, ring_path, 1151, RING_ROTATE, true, &fault), 0);
	assert_false(ring_has(&one, &two.at[1]));

	ring_write_file("ktlsd ticket keys 1\n", 0600);
	ring_expect(-EBADMSG, "not a file of ticket keys", RING_ROTATE);
	ring_write_file("ktlsd ticket keys 1\n5 00zz\n6 00\n", 0600);
	ring_expect(-EBADMSG, "not a file of ticket keys", RING_ROTATE);
	ring_write_file("ktlsd ticket keys 1\n"
			"0 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
			"9223372036854775807 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
			0600);
	ring_expect(-EBADMSG, "not a file of ticket keys", RING_ROTATE);
	ring_write_file("ktlsd ticket keys 1\n", 0640);
	ring_expect(-EPERM, "mode 0600", RING_ROTATE);
	unlink(path);
	chmod(ring_path, 0777);
	ring_expect(-EPERM, "others can write", RING_ROTATE);
	chmod(ring_path, 0700);
}

static void ring_begin_keys(struct ktlsd_ticket_keys *keys)
{
	ktlsd_ticket_keys_init(keys, 7200);
	assert_int_equal(ktlsd_ticket_keys_configure(keys, 7200, ring_path, 7200), 0);
	ktlsd_ticket_keys_sync(keys, time(NULL));
}

/* A ticket from before a restart, or of another host, is opened, and accepted once. */
static void keys_are_shared(void **state)
{
	struct ktlsd_fingerprint print = { { 1 } }, other = { { 2 } };
	struct ktlsd_ticket_key sealed, found;
	struct ktlsd_ticket_keys one, two;
	uint8_t ids[3][KTLSD_TICKET_ID];
	struct ktlsd_fault fault;
	uint64_t number;
	bool renew;
	int i;

	(void)state;
	ring_begin_keys(&one);
	assert_int_equal(ktlsd_ticket_keys_current(&one, 5, &print, &sealed), 0);
	for (i = 0; i < 3; i++)
		ktlsd_ticket_keys_number(&one, 5, &print, 1, ids[i]);
	ktlsd_ticket_keys_free(&one);

	ring_begin_keys(&two);
	assert_int_equal(ktlsd_ticket_keys_find(&two, 5, sealed.name, &print, &found, &renew), 0);
	assert_false(renew);
	assert_memory_equal(&sealed, &found, sizeof(sealed));
	assert_int_equal(ktlsd_ticket_keys_find(&two, 5, sealed.name, &other, &found, &renew),
			 -ENOENT);
	for (i = 2; i >= 0; i--) {
		assert_true(ktlsd_ticket_keys_mark_used(&two, 5, &print, 1, ids[i]));
		assert_false(ktlsd_ticket_keys_mark_used(&two, 5, &print, 1, ids[i]));
	}
	/* Far ahead of what was seen: tickets within the window before it can be used. */
	number = 3000000;
	memcpy(ids[0] + 8, &number, sizeof(number));
	assert_true(ktlsd_ticket_keys_mark_used(&two, 5, &print, 1, ids[0]));
	assert_false(ktlsd_ticket_keys_mark_used(&two, 5, &print, 1, ids[0]));
	number -= 1000000;
	memcpy(ids[0] + 8, &number, sizeof(number));
	assert_true(ktlsd_ticket_keys_mark_used(&two, 5, &print, 1, ids[0]));
	assert_false(ktlsd_ticket_keys_mark_used(&two, 5, &print, 1, ids[0]));
	assert_false(ktlsd_ticket_keys_mark_used(&two, 5, &print, 1, ids[1]));
	/* Its own tickets are numbered as ever. */
	ktlsd_ticket_keys_number(&two, 5, &print, 1, ids[1]);
	assert_true(ktlsd_ticket_keys_mark_used(&two, 5, &print, 1, ids[1]));
	assert_false(ktlsd_ticket_keys_mark_used(&two, 5, &print, 1, ids[1]));

	/* A flush replaces those in the directory. */
	assert_int_equal(ktlsd_ticket_keys_flush(&two, &fault), 0);
	assert_int_equal(ktlsd_ticket_keys_find(&two, 5, sealed.name, &print, &found, &renew),
			 -ENOENT);
	ring_begin_keys(&one);
	assert_int_equal(ktlsd_ticket_keys_find(&one, 5, sealed.name, &print, &found, &renew),
			 -ENOENT);
	assert_int_equal(ktlsd_ticket_keys_current(&one, 5, &print, &sealed), 0);
	assert_int_equal(ktlsd_ticket_keys_find(&two, 5, sealed.name, &print, &found, &renew), 0);

	/* Without the directory, its tickets are not accepted any more. */
	assert_int_equal(ktlsd_ticket_keys_configure(&two, 7200, NULL, 0), 0);
	assert_int_equal(ktlsd_ticket_keys_find(&two, 5, sealed.name, &print, &found, &renew),
			 -ENOENT);
	ktlsd_ticket_keys_free(&one);
	ktlsd_ticket_keys_free(&two);
	assert_int_equal(two.used.owners.bytes, 0);
}

/* Another host replaces the secrets: they are those of before until somebody has copied them. */
static void keys_of_another_host(void **state)
{
	struct ktlsd_fingerprint print = { { 1 } };
	struct ktlsd_ticket_key sealed, found;
	struct ktlsd_ticket_ring theirs = { 0 };
	uint8_t id[KTLSD_TICKET_ID];
	struct ktlsd_ticket_keys keys;
	struct ktlsd_fault fault;
	int64_t now = time(NULL);
	bool renew;
	int i;

	(void)state;
	assert_int_equal(ktlsd_ticket_ring_sync(&theirs, ring_path, now, 7200, true, &fault), 0);
	ktlsd_ticket_keys_init(&keys, 7200);
	assert_int_equal(ktlsd_ticket_keys_configure(&keys, 7200, ring_path, 0), 0);
	ktlsd_ticket_keys_sync(&keys, now);
	assert_int_equal(ktlsd_ticket_keys_current(&keys, 5, &print, &sealed), 0);
	ktlsd_ticket_keys_number(&keys, 5, &print, 1, id);
	assert_true(ktlsd_ticket_keys_mark_used(&keys, 5, &print, 1, id));
	/* The same file, and then one that was rotated: some of the old tickets can be opened. */
	for (i = 0; i < 2; i++) {
		assert_int_equal(ktlsd_ticket_keys_flush(&keys, &fault), -EALREADY);
		assert_non_null(strstr(fault.reason, ring_path));
		assert_non_null(strstr(fault.reason, "copy other ticket keys there"));
		assert_int_equal(ktlsd_ticket_keys_flushed(&keys), 0);
		assert_int_equal(ktlsd_ticket_keys_find(&keys, 5, sealed.name, &print, &found,
							&renew), 0);
		assert_false(ktlsd_ticket_keys_mark_used(&keys, 5, &print, 1, id));
		assert_int_equal(ktlsd_ticket_ring_sync(&theirs, ring_path, now + 7200, 7200,
							false, &fault), 0);
	}
	assert_int_equal(theirs.count, 3);

	assert_int_equal(ktlsd_ticket_ring_sync(&theirs, ring_path, now, 7200, true, &fault), 0);
	assert_int_equal(ktlsd_ticket_keys_flush(&keys, &fault), 0);
	assert_int_equal(ktlsd_ticket_keys_flushed(&keys), 1);
	assert_true(ring_has(&keys.ring, &theirs.at[0]));
	assert_int_equal(ktlsd_ticket_keys_find(&keys, 5, sealed.name, &print, &found, &renew),
			 -ENOENT);
	ktlsd_ticket_keys_free(&keys);
}

/* --- accidents --- */

/* Asserts what the next look at the directory logs, "" for nothing. */
static void keys_expect_log(struct ktlsd_ticket_keys *keys, int64_t now, const char *word)
{
	char *text;

	test_capture_begin();
	ktlsd_ticket_keys_sync(keys, now);
	text = test_capture_end();
	if (word[0] ? !strstr(text, word) : text[0])
		fail_msg("expected '%s' in the log: %s", word, text);
}

static bool ring_has_file(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", ring_path, name);
	return !access(path, F_OK);
}

/* The disk is full: secrets that cannot be replaced are used until their time is over. */
static void keys_on_a_full_disk(void **state)
{
	struct ktlsd_fingerprint print = { { 1 } };
	struct ktlsd_ticket_key sealed, found;
	struct ktlsd_ticket_ring old = { 0 };
	struct ktlsd_ticket_keys keys;
	struct ktlsd_fault fault;
	int64_t now = time(NULL);
	bool renew;

	(void)state;
	test_disk_mount(ring_path);
	ktlsd_log_open("test", KTLSD_LOG_STDERR, KTLSD_LOG_INFO);
	ring_begin_keys(&keys);
	assert_int_equal(ktlsd_ticket_keys_current(&keys, 5, &print, &sealed), 0);
	test_disk_fill(ring_path, true);
	keys_expect_log(&keys, now, "");
	keys_expect_log(&keys, now + 7200, "keys cannot be written: No space left on device. The ticket keys stay as they are.");
	keys_expect_log(&keys, now + 7210, "");
	assert_false(ring_has_file("keys.new"));
	assert_int_equal(ktlsd_ticket_ring_sync(&old, ring_path, now, 0, false, &fault), 0);
	assert_int_equal(ktlsd_ticket_keys_find(&keys, 5, sealed.name, &print, &found, &renew), 0);
	keys_expect_log(&keys, now + 2 * 7200 + 10, "only in the memory of this ktlsd until then");
	assert_int_equal(ktlsd_ticket_keys_find(&keys, 5, sealed.name, &print, &found, &renew),
			 -ENOENT);
	test_disk_fill(ring_path, false);
	keys_expect_log(&keys, now, "can be used again");
	assert_int_equal(ktlsd_ticket_keys_find(&keys, 5, sealed.name, &print, &found, &renew), 0);

	/* A flush is not undone by what is still in the directory. */
	test_disk_fill(ring_path, true);
	test_capture_begin();
	assert_int_equal(ktlsd_ticket_keys_flush(&keys, &fault), -ENOSPC);
	assert_non_null(strstr(test_capture_end(), "only in the memory of this ktlsd until then"));
	keys_expect_log(&keys, now, "");
	assert_int_equal(ktlsd_ticket_keys_find(&keys, 5, sealed.name, &print, &found, &renew),
			 -ENOENT);
	test_disk_fill(ring_path, false);
	keys_expect_log(&keys, now, "can be used again");
	assert_int_equal(ktlsd_ticket_keys_find(&keys, 5, sealed.name, &print, &found, &renew),
			 -ENOENT);
	assert_false(ring_has(&keys.ring, &old.at[0]) || ring_has(&keys.ring, &old.at[1]));
	ktlsd_ticket_keys_free(&keys);
	test_disk_unmount(ring_path);
	ktlsd_log_open("test", KTLSD_LOG_STDERR, KTLSD_LOG_ERROR);
}

/* Hosts whose clocks are years apart replace each other's secrets: the log says why. */
static void keys_from_the_future(void **state)
{
	const int64_t years = 10L * 365 * 86400;
	struct ktlsd_fingerprint print = { { 1 } };
	struct ktlsd_ticket_key sealed, found;
	struct ktlsd_ticket_keys keys;
	int64_t now = time(NULL);
	bool renew;

	(void)state;
	ktlsd_log_open("test", KTLSD_LOG_STDERR, KTLSD_LOG_INFO);
	ring_begin_keys(&keys);
	keys_expect_log(&keys, now + years, "");
	assert_int_equal(ktlsd_ticket_keys_current(&keys, 5, &print, &sealed), 0);
	keys_expect_log(&keys, now, "are from the future and are replaced");
	keys_expect_log(&keys, now, "");
	assert_int_equal(ktlsd_ticket_keys_find(&keys, 5, sealed.name, &print, &found, &renew),
			 -ENOENT);
	ktlsd_ticket_keys_free(&keys);
	ktlsd_log_open("test", KTLSD_LOG_STDERR, KTLSD_LOG_ERROR);
}

/* The reason is the right one also if a part could be written. */
static void ring_no_room_for_all(void **state)
{
	struct ktlsd_ticket_ring ring = { 0 };
	struct rlimit limit, small;
	struct ktlsd_fault fault;
	int err;

	(void)state;
	getrlimit(RLIMIT_FSIZE, &limit);
	small = limit;
	small.rlim_cur = 100;
	setrlimit(RLIMIT_FSIZE, &small);
	err = ktlsd_ticket_ring_sync(&ring, ring_path, 1000, RING_ROTATE, true, &fault);
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_int_equal(err, -EFBIG);
	assert_non_null(strstr(fault.reason, "cannot be written: File too large"));
	assert_false(ring_has_file("keys.new"));
}

/* Another process was stopped while it had the lock: nobody waits for it for long. */
static void ring_lock_is_taken(void **state)
{
	struct ktlsd_ticket_ring ring = { 0 };
	int64_t begun = ktlsd_clock_ms();
	struct ktlsd_fault fault;
	char path[64];
	int lock;

	(void)state;
	ktlsd_ticket_ring_sync(&ring, ring_path, 1000, RING_ROTATE, true, &fault);
	snprintf(path, sizeof(path), "%s/lock", ring_path);
	lock = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(lock, LOCK_EX), 0);
	memset(&ring, 0, sizeof(ring));
	assert_int_equal(ktlsd_ticket_ring_sync(&ring, ring_path, 1150, RING_ROTATE, false, &fault), 0);
	assert_int_equal(ring.count, 2);
	ring.count = 0;
	assert_int_equal(ktlsd_ticket_ring_sync(&ring, ring_path, 1250, RING_ROTATE, false, &fault),
			 -EBUSY);
	assert_int_equal(ktlsd_ticket_ring_sync(&ring, ring_path, 1150, RING_ROTATE, true, &fault),
			 -EBUSY);
	assert_non_null(strstr(fault.reason, "locked by another process, which may be stopped"));
	assert_int_equal(ring.count, 0);
	assert_true(ktlsd_clock_ms() - begun < 5000);
	close(lock);
	assert_int_equal(ktlsd_ticket_ring_sync(&ring, ring_path, 1250, RING_ROTATE, false, &fault), 0);
}

static int ring_setup(void **state)
{
	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	ktlsd_log_open("test", KTLSD_LOG_STDERR, KTLSD_LOG_ERROR);
	return mkdtemp(ring_path) ? 0 : -1;
}

static int ring_teardown(void **state)
{
	static const char *const names[] = { "keys", "keys.new", "lock" };
	char path[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", ring_path, names[i]);
		unlink(path);
	}
	return rmdir(ring_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ring_turns),
		cmocka_unit_test(ring_clock_jumps),
		cmocka_unit_test(ring_in_directory),
		cmocka_unit_test(keys_are_shared),
		cmocka_unit_test(keys_of_another_host),
		cmocka_unit_test(keys_on_a_full_disk),
		cmocka_unit_test(keys_from_the_future),
		cmocka_unit_test(ring_no_room_for_all),
		cmocka_unit_test(ring_lock_is_taken),
	};

	return cmocka_run_group_tests_name("ticket_ring", tests, ring_setup, ring_teardown);
}
