// SPDX-License-Identifier: GPL-2.0-or-later
/* bench_handshake full|resumed N: handshakes between two sets of sessions, without kernel and
 * network, for a profiler:
 *
 *	valgrind --tool=callgrind --toggle-collect=bench_round \
 *		.build/tools/bench_handshake resumed 50
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test_kernel.h"

/**
 * struct bench - both ends
 * @server: sessions of servers
 * @client: sessions of clients
 * @cache: of clients
 * @keys: of servers
 * @id: of the last request
 */
struct bench {
	struct test_kernel		server;
	struct test_kernel		client;
	struct ktlsd_cache		cache;
	struct ktlsd_ticket_keys	keys;
	uint64_t			id;
};

/* Passes on the records of the only message of @from, which must be a @cmd. */
static struct ktlsd_event bench_pass(struct test_kernel *from, struct test_kernel *to,
				     uint8_t cmd, uint64_t id)
{
	struct ktlsd_event event = test_kernel_last(from, cmd);
	struct ktlsd_message message;
	const void *records;
	size_t len;

	assert_int_equal(from->count, 1);
	records = ktlsd_message_bytes(&event, KTLS_A_RECORDS, &len);
	if (!to)
		return event;
	test_kernel_forget(to);
	test_kernel_begin(&message, KTLS_CMD_DATA, id);
	ktlsd_message_put(&message, KTLS_A_RECORDS, records, len);
	test_kernel_tell(to, &message);
	return event;
}

/* What the kernel does with the records after the server's Finished. */
static void bench_pass_tickets(struct bench *bench, const struct ktlsd_event *server,
			       const struct ktlsd_event *client)
{
	struct ktlsd_result result = { .version = KTLS_TLS_1_3 };
	struct ktlsd_direction direction = { 0 };
	const uint8_t *records, *secret;
	struct ktlsd_message message;
	uint8_t body[4096], type;
	size_t len, size;
	int plain;

	result.suite = ktlsd_suites_find(ktlsd_message_u16(client, KTLS_A_SUITE, 0));
	secret = ktlsd_message_bytes(client, KTLS_A_RX_SECRET, &direction.secret_len);
	memcpy(direction.secret, secret, direction.secret_len);
	records = ktlsd_message_bytes(server, KTLS_A_RECORDS, &len);
	for (; len; records += size, len -= size) {
		size = 5 + ((size_t)records[3] << 8 | records[4]);
		plain = test_open(&result, &direction, records, size, body, &type);
		assert_true(plain > 4 && type == SSL3_RT_HANDSHAKE);
		test_kernel_forget(&bench->client);
		test_kernel_begin(&message, KTLS_CMD_MESSAGE, bench->id);
		ktlsd_message_put(&message, KTLS_A_TICKET, body + 4, (size_t)plain - 4);
		test_kernel_tell(&bench->client, &message);
	}
}

void bench_round(struct bench *bench, bool resumed);

/* One handshake at both ends. Not static: a profiler finds it by its name. */
void bench_round(struct bench *bench, bool resumed)
{
	struct ktlsd_event server, client;
	uint64_t id = ++bench->id;

	test_kernel_forget(&bench->server);
	test_kernel_forget(&bench->client);
	test_kernel_start(&bench->server, KTLS_CMD_START, id, KTLS_ROLE_SERVER, "bench", 0, NULL);
	test_kernel_start(&bench->client, KTLS_CMD_START, id, KTLS_ROLE_CLIENT, NULL, 0, NULL);
	bench_pass(&bench->client, &bench->server, KTLS_CMD_DATA, id);
	bench_pass(&bench->server, &bench->client, KTLS_CMD_DATA, id);
	bench_pass(&bench->client, &bench->server, KTLS_CMD_DONE, id);
	server = bench_pass(&bench->server, NULL, KTLS_CMD_DONE, id);
	client = test_kernel_last(&bench->client, KTLS_CMD_DONE);
	assert_int_equal(!client.attr[KTLS_A_RESUMED], !resumed);
	if (bench->client.tickets)
		bench_pass_tickets(bench, &server, &client);
}

static void bench_init(struct bench *bench, bool resume)
{
	memset(bench, 0, sizeof(*bench));
	test_kernel_init(&bench->server);
	test_kernel_init(&bench->client);
	test_kernel_add_identity(&bench->server, "bench");
	assert_int_equal(X509_STORE_add_cert(bench->client.config->trust, pki.ca), 1);
	ktlsd_cache_init(&bench->cache, 100);
	ktlsd_ticket_keys_init(&bench->keys, 7200);
	bench->client.config->session_cache = 100;
	bench->client.config->ticket_lifetime = 7200;
	bench->client.sessions.cache = &bench->cache;
	bench->server.sessions.ticket_keys = &bench->keys;
	bench->server.tickets = resume ? 2 : 0;
	bench->client.tickets = resume ? 2 : 0;
}

int main(int argc, char **argv)
{
	bool resume = argc == 3 && !strcmp(argv[1], "resumed");
	unsigned int rounds = argc == 3 ? (unsigned int)atoi(argv[2]) : 0;
	static struct bench bench;
	void *state = NULL;

	if (!rounds || (!resume && strcmp(argv[1], "full"))) {
		fprintf(stderr, "usage: bench_handshake full|resumed N\n");
		return 2;
	}
	test_kernel_setup(&state);
	bench_init(&bench, resume);
	bench_round(&bench, false);
	while (rounds--)
		bench_round(&bench, resume);
	test_kernel_free(&bench.server);
	test_kernel_free(&bench.client);
	ktlsd_cache_free(&bench.cache);
	ktlsd_ticket_keys_free(&bench.keys);
	test_pki_teardown(&state);
	return 0;
}
