// SPDX-License-Identifier: GPL-2.0-or-later
/* The threads of the signer that serve a worker: who waits for whom. */
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/clock.h"
#include "config/roles.h"
#include "memory.h"
#include "signer/keys.h"
#include "signer/protocol.h"
#include "signer/queue.h"
#include "signer/serve.h"
#include "test_pki.h"

enum {
	TURNS_SLOW	= 40,	/* signatures, a millisecond or more each */
	TURNS_BURST	= 4000,	/* requests that wait at once */
	TURNS_WAIT_MS	= 30000,
	TURNS_LATER_MS	= 30000,	/* for a busy machine */
	TURNS_UID	= 1000,
};

/**
 * turns - a worker's end of its socket, and keys
 * @fd: the socket
 * @quick: handle of an EC key
 * @slow: handle of an RSA key with 3072 bits
 */
static struct {
	int		fd;
	uint64_t	quick;
	uint64_t	slow;
} turns;

static uint64_t turns_add_key(EVP_PKEY *key)
{
	const struct ktlsd_signer_rights rights = { .roles = KTLSD_ROLES_SERVER };
	uint64_t handle;

	assert_non_null(key);
	assert_int_equal(ktlsd_signer_keys_add(key, &rights, NULL, &handle), 0);
	EVP_PKEY_free(key);
	return handle;
}

static int turns_setup(void **state)
{
	(void)state;
	turns.quick = turns_add_key(test_pki_key("ec"));
	turns.slow = turns_add_key(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)3072));
	return 0;
}

static int turns_teardown(void **state)
{
	(void)state;
	ktlsd_signer_keys_release(turns.quick);
	ktlsd_signer_keys_release(turns.slow);
	return 0;
}

static int turns_start(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(ktlsd_signer_serve_start(pair[1]), 0);
	turns.fd = pair[0];
	return 0;
}

/* The signer's threads have ended when its end is closed. */
static int turns_end(void **state)
{
	struct pollfd fd = { .fd = turns.fd };

	(void)state;
	shutdown(turns.fd, SHUT_WR);
	while (!(fd.revents & POLLHUP))
		assert_int_equal(poll(&fd, 1, TURNS_WAIT_MS), 1);
	close(turns.fd);
	return 0;
}

static void turns_send(uint32_t op, uint32_t seq, uint64_t handle)
{
	struct ktlsd_signer_head head = {
		.op = op, .seq = seq, .uid = TURNS_UID, .handle = handle,
		.deadline = ktlsd_clock_ms() + TURNS_WAIT_MS,
		.value = NID_sha256, .value2 = handle == turns.slow,
	};
	/* What a server signs with TLS 1.3 (RFC 8446 4.4.3). */
	char text[64 + 34 + 32] = "";
	struct iovec parts[] = {
		{ .iov_base = &head, .iov_len = sizeof(head) },
		{ .iov_base = text, .iov_len = op == KTLSD_SIGNER_CANCEL ? 0 : sizeof(text) },
	};

	memset(text, ' ', 64);
	strcpy(text + 64, "TLS 1.3, server CertificateVerify");
	assert_true(writev(turns.fd, parts, 2) > 0);
}

/* Return: the number of the request that was answered */
static uint32_t turns_receive(int error)
{
	uint8_t answer[sizeof(struct ktlsd_signer_head) + KTLSD_SIGNER_REPLY_MAX];
	struct pollfd fd = { .fd = turns.fd, .events = POLLIN };
	struct ktlsd_signer_head head;

	assert_int_equal(poll(&fd, 1, TURNS_WAIT_MS), 1);
	assert_true(read(turns.fd, answer, sizeof(answer)) > (ssize_t)sizeof(head));
	memcpy(&head, answer, sizeof(head));
	assert_int_equal(head.error, error);
	return head.seq;
}

static void turns_send_slow(void)
{
	uint32_t i;

	for (i = 1; i <= TURNS_SLOW; i++)
		turns_send(KTLSD_SIGNER_SIGN, i, turns.slow);
}

/* Return: memory of this process that is in no file, KiB */
static long turns_anonymous(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[100];
	long kib = -1;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) && sscanf(line, "RssAnon: %ld", &kib) != 1)
		;
	fclose(file);
	assert_true(kib > 0);
	return kib;
}

/* Not even if the same user asked for both. */
static void turns_quick_before_slow(void **state)
{
	uint32_t before = 0, after = 0;

	(void)state;
	turns_send_slow();
	turns_send(KTLSD_SIGNER_SIGN, TURNS_SLOW + 1, turns.quick);
	while (turns_receive(0) != TURNS_SLOW + 1)
		before++;
	assert_true(before < TURNS_SLOW / 2);
	for (after = before; after < TURNS_SLOW; after++)
		assert_true(turns_receive(0) <= TURNS_SLOW);
}

/* Also of what waits behind a slow signature. */
static void turns_cancel(void **state)
{
	uint32_t answers = 0, i;

	(void)state;
	turns_send_slow();
	for (i = 2; i <= TURNS_SLOW; i++)
		turns_send(KTLSD_SIGNER_CANCEL, i, 0);
	turns_send(KTLSD_SIGNER_SIGN, TURNS_SLOW + 1, turns.slow);
	while (turns_receive(0) != TURNS_SLOW + 1)
		answers++;
	assert_in_range(answers, 1, TURNS_SLOW / 2);
}

/* What thousands of requests took is given back some seconds after the last of them. */
static void turns_memory(void **state)
{
	const int64_t end = ktlsd_clock_ms() + KTLSD_MEMORY_IDLE_MS + TURNS_LATER_MS;
	long before, after;
	uint32_t i;

	(void)state;
	ktlsd_memory_init();
	/* sanitizers and valgrind have a malloc() of their own */
	if (!mallinfo2().arena)
		skip();
	turns_send(KTLSD_SIGNER_SIGN, 1, turns.slow);
	turns_receive(0);
	malloc_trim(0);
	before = turns_anonymous();
	for (i = 2; i <= TURNS_BURST; i++)
		turns_send(KTLSD_SIGNER_SIGN, i, turns.slow);
	for (i = 2; i <= TURNS_BURST; i++)
		turns_send(KTLSD_SIGNER_CANCEL, i, 0);
	usleep(KTLSD_MEMORY_IDLE_MS * 1000);
	do {
		usleep(100000);
		after = turns_anonymous();
	} while (after * 10 > before * 11 && ktlsd_clock_ms() < end);
	printf("# before %ld KiB, after %ld KiB\n", before, after);
	assert_true(after * 10 <= before * 11);
}

/* The worker goes while its signatures are made. */
static void turns_leave(void **state)
{
	(void)state;
	turns_send_slow();
	turns_send(KTLSD_SIGNER_SIGN, TURNS_SLOW + 1, turns.quick);
}

/* A server's peers wait for each other no more than users do. */
static void turns_sources(void **state)
{
	static const uint32_t order[] = { 1, 4, 2, 3 };
	struct ktlsd_signer_head head = { .uid = 1, .source.kind = KTLSD_SOURCE_PEER };
	struct ktlsd_signer_request *request;
	struct ktlsd_signer_queue queue;
	const uint8_t data = 0;
	size_t i;

	(void)state;
	ktlsd_signer_queue_init(&queue);
	for (head.seq = 1; head.seq <= 4; head.seq++) {
		head.source.prefix = head.seq == 4;
		assert_int_equal(ktlsd_signer_queue_add(&queue, &head, &data, 1, &request), 0);
	}
	for (i = 0; i < 4; i++) {
		request = ktlsd_signer_queue_take(&queue, false);
		assert_int_equal(request->head.seq, order[i]);
		ktlsd_signer_request_free(request);
		ktlsd_signer_queue_charge(&queue, 10);
	}
	ktlsd_signer_queue_free(&queue);
}

/* Those that wait are bounded; who has most makes room. */
static void turns_room(void **state)
{
	struct ktlsd_signer_head head = { .uid = 1 };
	struct ktlsd_signer_request *request;
	struct ktlsd_signer_queue queue;
	const uint8_t data = 0;

	(void)state;
	ktlsd_signer_queue_init(&queue);
	for (; head.seq < KTLSD_SIGNER_QUEUE_MAX; head.seq++)
		assert_int_equal(ktlsd_signer_queue_add(&queue, &head, &data, 1, &request), 0);
	assert_int_equal(ktlsd_signer_queue_add(&queue, &head, &data, 1, &request), -ENOBUFS);
	head.uid = 2;
	assert_int_equal(ktlsd_signer_queue_add(&queue, &head, &data, 1, &request), -EAGAIN);
	assert_int_equal(request->head.uid, 1);
	assert_int_equal(request->head.seq, 0);
	ktlsd_signer_request_free(request);
	assert_int_equal(ktlsd_signer_queue_add(&queue, &head, &data, 1, &request), 0);
	/* The first one of uid 1, then that of uid 2. */
	request = ktlsd_signer_queue_take(&queue, true);
	assert_int_equal(request->head.seq, 1);
	ktlsd_signer_request_free(request);
	ktlsd_signer_queue_charge(&queue, 1000);
	request = ktlsd_signer_queue_take(&queue, true);
	assert_int_equal(request->head.uid, 2);
	ktlsd_signer_request_free(request);
	ktlsd_signer_queue_charge(&queue, 1000);
	ktlsd_signer_queue_close(&queue);
	assert_null(ktlsd_signer_queue_take(&queue, true));
	ktlsd_signer_queue_free(&queue);
}

#define TURNS_TEST(name) cmocka_unit_test_setup_teardown(name, turns_start, turns_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TURNS_TEST(turns_quick_before_slow), TURNS_TEST(turns_cancel),
		TURNS_TEST(turns_leave), cmocka_unit_test(turns_sources),
		cmocka_unit_test(turns_room), TURNS_TEST(turns_memory),
	};

	return cmocka_run_group_tests_name("signer_turns", tests, turns_setup, turns_teardown);
}
