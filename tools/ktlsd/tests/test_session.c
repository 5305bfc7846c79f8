// SPDX-License-Identifier: GPL-2.0-or-later
/* Sessions against a scripted kernel: no netlink, no threads. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "test_capture.h"
#include "test_kernel.h"

static void session_client(void **state)
{
	struct ktlsd_event event;
	struct test_peer peer;
	struct test_kernel kernel;
	size_t len;
	int pass;

	(void)state;
	test_kernel_init(&kernel);
	test_pki_put_cert(&kernel.parts[KTLS_CONFIG_TRUST], pki.ca);
	for (pass = 0; pass < 2; pass++) {
		test_peer_init(&peer, true);
		test_peer_credential(&peer, pki.ec, pki.ec_key);
		test_peer_begin(&peer);
		test_kernel_forget(&kernel);
		test_kernel_start(&kernel, KTLS_CMD_START, 100 + pass, KTLS_ROLE_CLIENT,
				  NULL, 5, NULL);
		/* The second time the context is in the cache. */
		assert_int_equal(test_kernel_serve_piece(&kernel), !pass);
		while (test_kernel_serve_piece(&kernel))
			;
		test_kernel_last(&kernel, KTLS_CMD_DATA);
		if (!pass) {
			struct nlmsghdr *keep = kernel.sent[--kernel.count];

			test_kernel_forget(&kernel);
			kernel.sent[kernel.count++] = keep;
		}
		test_kernel_deliver(&kernel, &peer);
		test_peer_step(&peer);
		test_kernel_send_batch(&kernel, &peer, 100 + pass, 200);
		test_kernel_check_done(&kernel, 0, "");
		event = test_kernel_last(&kernel, KTLS_CMD_DONE);
		assert_int_equal(ktlsd_message_u16(&event, KTLS_A_VERSION, 0), KTLS_TLS_1_3);
		assert_non_null(event.attr[KTLS_A_VERIFIED]);
		assert_non_null(event.attr[KTLS_A_PEER_CERT]);
		assert_non_null(event.attr[KTLS_A_CHAIN_CERT]);
		assert_non_null(event.attr[KTLS_A_TX_SEQ]);
		assert_memory_equal(ktlsd_message_bytes(&event, KTLS_A_PEER_NAME, &len),
				    "server.test", 11);
		assert_memory_equal(ktlsd_message_bytes(&event, KTLS_A_PEER_SUBJECT, &len),
				    "CN=leaf", 7);
		assert_int_equal(len, 7);
		assert_memory_equal(ktlsd_message_bytes(&event, KTLS_A_PEER_NAMES, &len),
				    "DNS:server.test\nDNS:*.wild.test\nIP:192.0.2.1\n", 45);
		assert_int_equal(len, 45);
		ktlsd_message_bytes(&event, KTLS_A_PEER_FINGERPRINT, &len);
		assert_int_equal(len, KTLS_GENL_FINGERPRINT);
		test_kernel_deliver(&kernel, &peer);
		test_peer_step(&peer);
		assert_true(peer.finished);
		assert_memory_equal(ktlsd_message_bytes(&event, KTLS_A_TX_SECRET, &len),
				    peer.client, 32);
		assert_int_equal(kernel.sessions.count, 0);
		test_peer_free(&peer);
	}
	test_kernel_free(&kernel);
}

/* START of a server's handshake that fails at once, for @family's peer number @host. */
static void session_start_from(struct test_kernel *kernel, uint64_t id, int family,
			       const char *host)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(4711) };
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(4711) };
	struct ktlsd_message message;

	inet_pton(family, host, family == AF_INET ? (void *)&sin.sin_addr :
						    (void *)&sin6.sin6_addr);
	test_kernel_begin(&message, KTLS_CMD_START, id);
	ktlsd_message_put_u32(&message, KTLS_A_ROLE, KTLS_ROLE_SERVER);
	ktlsd_message_put_u32(&message, KTLS_A_UID, 1000);
	ktlsd_message_put_u64(&message, KTLS_A_DEADLINE,
			      (uint64_t)ktlsd_clock_ms() + 10000);
	if (family == AF_INET)
		ktlsd_message_put(&message, KTLS_A_PEER_ADDR, &sin, sizeof(sin));
	else
		ktlsd_message_put(&message, KTLS_A_PEER_ADDR, &sin6, sizeof(sin6));
	ktlsd_message_put(&message, KTLS_A_IDENTITY, "none", 5);
	test_kernel_tell(kernel, &message);
	test_kernel_forget(kernel);
}

/* A failure is logged with the peer's address, even if others fail often. */
static void session_log_peer(void **state)
{
	struct test_kernel kernel;
	const char *text;
	uint64_t id;

	(void)state;
	test_kernel_init(&kernel);
	test_capture_begin();
	ktlsd_log_open("test", KTLSD_LOG_STDERR, KTLSD_LOG_INFO);
	for (id = 1; id < 100; id++)
		session_start_from(&kernel, id, AF_INET, "192.0.2.99");
	session_start_from(&kernel, id++, AF_INET6, "2001:db8::5");
	session_start_from(&kernel, id++, AF_INET6, "::ffff:198.51.100.7");
	ktlsd_log_flush(&kernel.sessions.limit, true);
	ktlsd_log_open("test", KTLSD_LOG_STDERR, KTLSD_LOG_ERROR);
	text = test_capture_end();
	assert_non_null(strstr(text, "with 192.0.2.99 port 4711: "));
	assert_non_null(strstr(text, "with 2001:db8::5 port 4711: "));
	assert_non_null(strstr(text, "with 198.51.100.7 port 4711: "));
	assert_non_null(strstr(text, "89 lines about 192.0.2.99 were suppressed."));
	assert_int_equal(kernel.sessions.failed, 101);
	test_kernel_free(&kernel);
}

/* A server whose chain needs more than one message. */
static void session_server_long_chain(void **state)
{
	static char san[12000] = "DNS:server.test";
	const struct test_pki_spec spec = { .cn = "long", .san = san };
	struct ktlsd_event event;
	struct test_peer peer;
	struct test_kernel kernel;
	X509 *cert;
	int i;

	(void)state;
	while (strlen(san) < 11000)
		strcat(san, ",DNS:another-name-to-fill-the-certificate.test");
	test_kernel_init(&kernel);
	cert = test_pki_issue(&spec, pki.ec_key, pki.ca, pki.ca_key);
	for (i = 0; i < 4; i++)
		test_pki_put_cert(&kernel.parts[KTLS_CONFIG_CERTIFICATE], cert);
	test_pki_put_key(&kernel.parts[KTLS_CONFIG_PRIVATE_KEY], pki.ec_key, NULL);
	test_peer_init(&peer, false);
	test_peer_begin(&peer);
	test_peer_step(&peer);
	test_kernel_start(&kernel, KTLS_CMD_START, 9, KTLS_ROLE_SERVER, NULL, 6, NULL);
	for (;;) {
		/* Skips the pieces; the next message is checked. */
		struct nlmsghdr *last = kernel.sent[--kernel.count];

		test_kernel_forget(&kernel);
		kernel.sent[kernel.count++] = last;
		if (!test_kernel_serve_piece(&kernel))
			break;
	}
	/* START had no records: ktlsd asks for more. */
	event = test_kernel_last(&kernel, KTLS_CMD_DATA);
	assert_null(event.attr[KTLS_A_RECORDS]);
	test_kernel_send_batch(&kernel, &peer, 9, 32768);
	assert_int_equal(kernel.count, 2);
	test_kernel_last(&kernel, KTLS_CMD_DATA);
	test_kernel_deliver(&kernel, &peer);
	test_peer_step(&peer);
	assert_true(peer.finished);
	test_kernel_send_batch(&kernel, &peer, 9, 32768);
	test_kernel_check_done(&kernel, 0, "");
	X509_free(cert);
	test_peer_free(&peer);
	test_kernel_free(&kernel);
}

/* START with the ClientHello and an identity, for callers who may or may not use it. */
static void session_server_identity(void **state)
{
	struct ktlsd_message message;
	struct ktlsd_event event;
	struct test_peer peer;
	struct test_kernel kernel;
	char *data;
	size_t len;
	int bad;

	(void)state;
	test_kernel_init(&kernel);
	test_kernel_add_identity(&kernel, "web");
	for (bad = 0; bad < 2; bad++) {
		test_peer_init(&peer, false);
		SSL_CTX_set_max_proto_version(peer.ctx, TLS1_2_VERSION);
		test_peer_begin(&peer);
		SSL_set_tlsext_host_name(peer.ssl, "server.test");
		test_peer_step(&peer);
		len = (size_t)BIO_get_mem_data(SSL_get_wbio(peer.ssl), &data);
		test_kernel_begin(&message, KTLS_CMD_START, 50 + bad);
		ktlsd_message_put_u32(&message, KTLS_A_ROLE, KTLS_ROLE_SERVER);
		ktlsd_message_put_u64(&message, KTLS_A_DEADLINE,
				      (uint64_t)ktlsd_clock_ms() + 10000);
		ktlsd_message_put_u32(&message, KTLS_A_UID, 1000);
		ktlsd_message_put_string(&message, KTLS_A_IDENTITY, "web");
		if (bad)
			ktlsd_message_put_u16(&message, KTLS_A_VERSION_MIN, KTLS_TLS_1_3);
		ktlsd_message_put(&message, KTLS_A_RECORDS, data, len);
		test_kernel_forget(&kernel);
		test_kernel_tell(&kernel, &message);
		BIO_reset(SSL_get_wbio(peer.ssl));
		test_kernel_deliver(&kernel, &peer);
		test_peer_step(&peer);
		if (bad) {
			test_kernel_check_done(&kernel, EPROTO, "KTLS_VERSIONS");
			event = test_kernel_last(&kernel, KTLS_CMD_DONE);
			assert_int_equal(peer.alert, 70);
			assert_int_equal(*(const uint8_t *)ktlsd_message_bytes(&event,
					 KTLS_A_ALERT, &len), 70);
			assert_null(event.attr[KTLS_A_TX_SECRET]);
		} else {
			test_kernel_send_batch(&kernel, &peer, 50, 32768);
			test_kernel_check_done(&kernel, 0, "");
			event = test_kernel_last(&kernel, KTLS_CMD_DONE);
			assert_non_null(event.attr[KTLS_A_TX_IV]);
			assert_non_null(event.attr[KTLS_A_TX_NONCE]);
			assert_int_equal(ktlsd_message_u64(&event, KTLS_A_RX_SEQ, 0), 1);
			ktlsd_message_bytes(&event, KTLS_A_SERVER_NAME, &len);
			assert_int_equal(len, 11);
			test_kernel_deliver(&kernel, &peer);
			test_peer_step(&peer);
			assert_true(peer.finished);
		}
		test_peer_free(&peer);
	}
	test_kernel_free(&kernel);
}

/* Wrong pieces from the kernel fail only that handshake. */
static void session_bad_pieces(void **state)
{
	static const uint32_t bad[][3] = {
		/* attribute, offset, total */
		{ KTLS_CONFIG_TRUST, 1, 100 }, { KTLS_CONFIG_CERTIFICATE, 0, 100 },
		{ KTLS_CONFIG_TRUST, 0, 3 }, { KTLS_CONFIG_TRUST, 0, 0 },
		{ KTLS_CONFIG_TRUST, 0, 2 << 20 }, { 77, 0, 100 },
	};
	struct ktlsd_message message;
	struct test_kernel kernel;
	size_t i;

	(void)state;
	test_kernel_init(&kernel);
	test_pki_put_cert(&kernel.parts[KTLS_CONFIG_TRUST], pki.ca);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		test_kernel_start(&kernel, KTLS_CMD_START, i, KTLS_ROLE_CLIENT, NULL, 5, NULL);
		test_kernel_last(&kernel, KTLS_CMD_CONFIG);
		test_kernel_begin(&message, KTLS_CMD_CONFIG, i);
		ktlsd_message_put_u32(&message, KTLS_A_CONFIG_ATTR, bad[i][0]);
		ktlsd_message_put_u32(&message, KTLS_A_OFFSET, bad[i][1]);
		ktlsd_message_put_u32(&message, KTLS_A_TOTAL, bad[i][2]);
		ktlsd_message_put(&message, KTLS_A_PIECE, "12345678", 8);
		test_kernel_tell(&kernel, &message);
		test_kernel_check_done(&kernel, EINVAL, "could not fetch");
		assert_int_equal(kernel.sessions.held, 0);
	}
	test_kernel_free(&kernel);
}

/* A record that the kernel refused comes as its header, neither more nor less. */
static void session_bad_refusal(void **state)
{
	static const uint8_t header[] = { 22, 3, 3, 0xff, 0xff, 0 };
	struct ktlsd_message message;
	struct test_kernel kernel;
	size_t len;

	(void)state;
	test_kernel_init(&kernel);
	for (len = 0; len <= sizeof(header); len++) {
		test_kernel_start(&kernel, KTLS_CMD_START, len, KTLS_ROLE_CLIENT, NULL, 0, NULL);
		test_kernel_last(&kernel, KTLS_CMD_DATA);
		test_kernel_begin(&message, KTLS_CMD_DATA, len);
		if (len)
			ktlsd_message_put(&message, KTLS_A_RECORDS, header, len);
		ktlsd_message_put(&message, KTLS_A_REASON, "too long", 8);
		test_kernel_tell(&kernel, &message);
		test_kernel_check_done(&kernel, EPROTO, len == 5 ? "too long" : "its header");
		assert_int_equal(kernel.sessions.count, 0);
	}
	test_kernel_free(&kernel);
}

static void session_refused(void **state)
{
	struct test_kernel kernel;

	(void)state;
	test_kernel_init(&kernel);
	test_pki_put_cert(&kernel.parts[KTLS_CONFIG_TRUST], pki.ca);
	test_kernel_start(&kernel, KTLS_CMD_START, 1, KTLS_ROLE_CLIENT, NULL, 5, NULL);
	test_kernel_last(&kernel, KTLS_CMD_CONFIG);
	ktlsd_sessions_refused(&kernel.sessions, kernel.sessions.seq + 1, -EINVAL, "");
	assert_int_equal(kernel.sessions.count, 1);
	ktlsd_sessions_refused(&kernel.sessions, kernel.sessions.seq, -ENODATA, "no such thing");
	test_kernel_check_done(&kernel, EPROTO, "no such thing");
	assert_int_equal(kernel.sessions.count, 0);

	test_kernel_start(&kernel, KTLS_CMD_START, 2, KTLS_ROLE_CLIENT, NULL, 5, NULL);
	test_kernel_forget(&kernel);
	ktlsd_sessions_refused(&kernel.sessions, kernel.sessions.seq, -ENOENT, "");
	assert_int_equal(kernel.sessions.count, 0);
	assert_int_equal(kernel.count, 0);

	kernel.send_error = -ENOMEM;
	test_kernel_start(&kernel, KTLS_CMD_START, 3, KTLS_ROLE_CLIENT, NULL, 0, NULL);
	assert_int_equal(kernel.sessions.count, 0);
	test_kernel_free(&kernel);
}

/* A new configuration applies to the next request. */
static void session_reload(void **state)
{
	struct ktlsd_config *config;
	struct test_kernel kernel;

	(void)state;
	test_kernel_init(&kernel);
	test_kernel_add_identity(&kernel, "web");
	test_kernel_start(&kernel, KTLS_CMD_CHECK, 1, 0, "web", 0, NULL);
	test_kernel_check_done(&kernel, 0, "");
	assert_int_equal(kernel.sessions.contexts.count, 1);
	config = calloc(1, sizeof(*config));
	config->refs = 1;
	config->generation = 2;
	config->path = strdup("/new");
	config->trust = X509_STORE_new();
	ktlsd_sessions_configure(&kernel.sessions, config);
	assert_int_equal(kernel.sessions.contexts.count, 0);
	test_kernel_start(&kernel, KTLS_CMD_CHECK, 2, 0, "web", 0, NULL);
	test_kernel_check_done(&kernel, ENOKEY, "/new");
	ktlsd_config_put(config);
	test_kernel_free(&kernel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(session_client),
		cmocka_unit_test(session_server_long_chain),
		cmocka_unit_test(session_log_peer),
		cmocka_unit_test(session_server_identity),
		cmocka_unit_test(session_bad_pieces),
		cmocka_unit_test(session_bad_refusal),
		cmocka_unit_test(session_refused),
		cmocka_unit_test(session_reload),
	};

	return cmocka_run_group_tests_name("session", tests, test_kernel_setup, test_pki_teardown);
}
