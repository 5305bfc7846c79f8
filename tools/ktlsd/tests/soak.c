// SPDX-License-Identifier: GPL-2.0-or-later
/* soak N: N handshakes in a row, in both roles and versions, with failures among them, and the
 * memory that the process has after each tenth of them. Fails if it grows after the first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "test_kernel.h"

enum {
	SOAK_REPORTS	= 10,
	SOAK_GROWTH	= 3,	/* per cent, after the first tenth */
	SOAK_TURNS	= 6,
	SOAK_CONFIG	= 5,
};

static long soak_resident_kib(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%*d %ld", &pages), 1);
	fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Spoils what the peer sends now and then: such a handshake fails. */
static void soak_spoil(struct test_peer *peer, unsigned int number)
{
	char *data;
	long len = BIO_get_mem_data(SSL_get_wbio(peer->ssl), &data);

	if (number % 7 == 0 && len > 60)
		data[len / 2] ^= 0x20;
}

static bool soak_is_over(struct test_kernel *kernel)
{
	struct ktlsd_event event;

	assert_true(kernel->count > 0);
	assert_int_equal(ktlsd_message_parse(kernel->sent[kernel->count - 1], &event), 0);
	return event.cmd == KTLS_CMD_DONE;
}

/* Only the last message is about records: those before it asked for the configuration. */
static void soak_keep_last(struct test_kernel *kernel)
{
	struct nlmsghdr *last = kernel->sent[--kernel->count];

	test_kernel_forget(kernel);
	kernel->sent[kernel->count++] = last;
}

static void soak_one(struct test_kernel *kernel, struct test_peer *peer, unsigned int number)
{
	bool is_server = !peer->is_server;
	int turn;

	kernel->tickets = number % 3;
	test_peer_begin(peer);
	test_kernel_forget(kernel);
	test_kernel_start(kernel, KTLS_CMD_START, number, is_server ? KTLS_ROLE_SERVER :
			  KTLS_ROLE_CLIENT, NULL, SOAK_CONFIG + is_server, NULL);
	do {
		soak_keep_last(kernel);
	} while (test_kernel_serve_piece(kernel));
	for (turn = 0; turn < SOAK_TURNS && !soak_is_over(kernel); turn++) {
		test_kernel_deliver(kernel, peer);
		test_peer_step(peer);
		soak_spoil(peer, number);
		test_kernel_send_batch(kernel, peer, number, 32768);
		if (!kernel->count)
			break;		/* the peer has refused */
	}
	if (number % 7)
		test_kernel_check_done(kernel, 0, "");
	ktlsd_sessions_clear(&kernel->sessions);
}

static void soak_prepare(struct test_kernel *kernel, struct test_peer *peers)
{
	test_kernel_init(kernel);
	test_pki_put_cert(&kernel->parts[KTLS_CONFIG_TRUST], pki.ca);
	test_pki_put_cert(&kernel->parts[KTLS_CONFIG_CERTIFICATE], pki.ec);
	test_pki_put_key(&kernel->parts[KTLS_CONFIG_PRIVATE_KEY], pki.ec_key, NULL);
	for (int i = 0; i < 4; i++) {
		test_peer_init(&peers[i], i & 1);
		if (i & 1)
			test_peer_credential(&peers[i], pki.ec, pki.ec_key);
		SSL_CTX_set_max_proto_version(peers[i].ctx, i & 2 ? TLS1_2_VERSION :
					      TLS1_3_VERSION);
	}
}

int main(int argc, char **argv)
{
	unsigned int i, count = argc > 1 ? (unsigned int)atoi(argv[1]) : 10000;
	struct ktlsd_ticket_keys keys;
	struct ktlsd_cache cache;
	struct test_kernel kernel;
	struct test_peer peers[4];
	long now = 0, first = 0;

	ktlsd_log_open("soak", KTLSD_LOG_SYSLOG, KTLSD_LOG_ERROR);
	test_pki_setup(NULL);
	soak_prepare(&kernel, peers);
	ktlsd_cache_init(&cache, 64);
	ktlsd_ticket_keys_init(&keys, 3600);
	kernel.sessions.cache = &cache;
	kernel.sessions.ticket_keys = &keys;
	for (i = 1; i <= count; i++) {
		soak_one(&kernel, &peers[i % 4], i);
		if (i % (count / SOAK_REPORTS))
			continue;
		now = soak_resident_kib();
		printf("# %8u handshakes: %ld KiB\n", i, now);
		fflush(stdout);
		first = first ? first : now;
	}
	printf("%sok 1 memory after %u handshakes is that after %u\n1..1\n",
	       now > first + first * SOAK_GROWTH / 100 ? "not " : "", count, count / SOAK_REPORTS);
	return now > first + first * SOAK_GROWTH / 100;
}
