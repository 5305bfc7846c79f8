// SPDX-License-Identifier: GPL-2.0-or-later
/* key_log: secrets are written only if a file is named, and only to one that nobody else reads. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test_capture.h"
#include "test_peer.h"
#include "tls/keylog.h"

static char directory[] = "/tmp/ktlsd-keylog-XXXXXX";
static char path[64];
static char text[65536];

static const char *keylog_read(void)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[len > 0 ? len : 0] = '\0';
	return text;
}

static void keylog_shake(int role, uint16_t suite, struct test_peer *peer)
{
	bool is_server = role == KTLS_ROLE_SERVER;
	struct test_side side;

	test_side_init(&side, role);
	test_peer_init(peer, !is_server);
	strcpy(side.request.ciphers, ktlsd_suites_find(suite)->name);
	test_side_prepare(&side, is_server ? pki.ec : NULL, pki.ec_key, is_server ? NULL : pki.ca);
	if (is_server)
		test_peer_trust(peer, pki.ca, SSL_VERIFY_PEER);
	else
		test_peer_credential(peer, pki.ec, pki.ec_key);
	assert_int_equal(test_side_begin(&side), 0);
	test_peer_begin(peer);
	test_peer_shake(&side, peer);
	assert_int_equal(side.last, 1);
	test_side_free(&side);
}

/* Return: how many lines begin with @label. */
static unsigned int keylog_count(const char *label)
{
	const size_t len = strlen(label);
	unsigned int count = 0;
	const char *line;

	for (line = keylog_read(); line && *line; line = strchr(line, '\n'), line += line != NULL)
		count += !strncmp(line, label, len) && line[len] == ' ';
	return count;
}

/* What the peer, which is OpenSSL, logs is in the file. */
static void keylog_expect_secret(const uint8_t *secret, size_t len)
{
	char hex[2 * 64 + 1];
	size_t i;

	assert_in_range(len, 32, 64);
	for (i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", secret[i]);
	assert_non_null(strcasestr(keylog_read(), hex));
}

static void keylog_refuse(mode_t mode, const char *reason)
{
	struct ktlsd_fault fault;

	assert_int_equal(chmod(path, mode), 0);
	assert_int_not_equal(ktlsd_keylog_check(path, &fault), 0);
	assert_non_null(strstr(fault.reason, reason));
	test_capture_begin();
	ktlsd_keylog_open(path);
	assert_non_null(strstr(test_capture_end(), reason));
	assert_false(ktlsd_keylog_is_on());
}

static void keylog_refuses(void **state)
{
	struct ktlsd_fault fault;
	struct test_peer peer;

	(void)state;
	assert_int_equal(ktlsd_keylog_check(path, &fault), 0);
	assert_int_equal(close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
	keylog_refuse(0640, "others than its owner can read or write it: chmod 600 it");
	keylog_refuse(0604, "chmod 600");
	keylog_refuse(0620, "chmod 600");
	keylog_shake(KTLS_ROLE_CLIENT, 0x1301, &peer);
	test_peer_free(&peer);
	assert_string_equal(keylog_read(), "");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_not_equal(ktlsd_keylog_check(path, &fault), 0);
	assert_non_null(strstr(fault.reason, "not a regular file"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/tmp/elsewhere", path), 0);
	test_capture_begin();
	ktlsd_keylog_open(path);
	assert_non_null(strstr(test_capture_end(), "cannot be opened"));
	assert_false(ktlsd_keylog_is_on());
	assert_int_equal(unlink(path), 0);
}

static void keylog_writes(void **state)
{
	struct test_peer peer;
	struct stat st;

	(void)state;
	test_capture_begin();
	ktlsd_keylog_open(path);
	assert_non_null(strstr(test_capture_end(), "Who reads it can read these connections"));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	keylog_shake(KTLS_ROLE_CLIENT, 0x1301, &peer);
	assert_int_equal(keylog_count("CLIENT_HANDSHAKE_TRAFFIC_SECRET"), 1);
	assert_int_equal(keylog_count("SERVER_HANDSHAKE_TRAFFIC_SECRET"), 1);
	assert_int_equal(keylog_count("CLIENT_TRAFFIC_SECRET_0"), 1);
	assert_int_equal(keylog_count("SERVER_TRAFFIC_SECRET_0"), 1);
	keylog_expect_secret(peer.client, peer.secret_len);
	keylog_expect_secret(peer.server, peer.secret_len);
	test_peer_free(&peer);
	keylog_shake(KTLS_ROLE_SERVER, 0x1302, &peer);
	assert_int_equal(keylog_count("CLIENT_TRAFFIC_SECRET_0"), 2);
	test_peer_free(&peer);
	keylog_shake(KTLS_ROLE_SERVER, 0xc02b, &peer);
	assert_int_equal(keylog_count("CLIENT_RANDOM"), 1);
	test_peer_free(&peer);
}

/* A reload without it stops; with it again, the same file goes on; another one does not. */
static void keylog_reloads(void **state)
{
	struct test_peer peer;
	char before[sizeof(text)];

	(void)state;
	assert_string_equal(ktlsd_keylog_path(), path);
	strcpy(before, keylog_read());
	test_capture_begin();
	ktlsd_keylog_use(NULL);
	assert_non_null(strstr(test_capture_end(), "not written to"));
	assert_null(ktlsd_keylog_path());
	keylog_shake(KTLS_ROLE_CLIENT, 0x1301, &peer);
	test_peer_free(&peer);
	test_capture_begin();
	ktlsd_keylog_use("/tmp/another");
	assert_non_null(strstr(test_capture_end(), "only when ktlsd is restarted"));
	assert_false(ktlsd_keylog_is_on());
	assert_string_equal(keylog_read(), before);
	ktlsd_keylog_use(path);
	keylog_shake(KTLS_ROLE_CLIENT, 0x1301, &peer);
	test_peer_free(&peer);
	assert_true(strlen(keylog_read()) > strlen(before));
}

static void keylog_is_bounded(void **state)
{
	struct stat st;

	(void)state;
	/* Full as far as it knows: a sparse file. */
	assert_int_equal(truncate(path, KTLSD_KEYLOG_MAX), 0);
	test_capture_begin();
	ktlsd_keylog_open(path);
	test_capture_end();
	test_capture_begin();
	ktlsd_keylog_write("x");
	assert_non_null(strstr(test_capture_end(), "the file has 64 MiB"));
	assert_false(ktlsd_keylog_is_on());
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, KTLSD_KEYLOG_MAX);
}

static int keylog_setup(void **state)
{
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/keys.log", directory);
	return test_pki_setup(state);
}

static int keylog_teardown(void **state)
{
	unlink(path);
	rmdir(directory);
	return test_pki_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keylog_refuses),
		cmocka_unit_test(keylog_writes),
		cmocka_unit_test(keylog_reloads),
		cmocka_unit_test(keylog_is_bounded),
	};

	return cmocka_run_group_tests_name("keylog", tests, keylog_setup, keylog_teardown);
}
