// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel continues with the sequence numbers of the handshake. So ktlsd must count the
 * records under the final keys, however the messages are divided into records.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "test_peer.h"
#include "tls/server_ticket.h"

static const struct ktlsd_fingerprint fingerprint = { { 1, 2, 3 } };

/* --- TLS 1.3: a server's tickets --- */

/* The peer opens our record with the next sequence number. */
static void records_exchange(struct test_peer *peer, struct ktlsd_result *result)
{
	uint8_t record[200], data[200], type;
	char *out;
	size_t len;
	long got;

	len = test_seal(result, &result->tx, result->tx_nonce, 23, "from us", 7, record);
	BIO_write(SSL_get_rbio(peer->ssl), record, (int)len);
	assert_int_equal(SSL_read(peer->ssl, data, sizeof(data)), 7);
	assert_memory_equal(data, "from us", 7);
	BIO_reset(SSL_get_wbio(peer->ssl));
	assert_int_equal(SSL_write(peer->ssl, "from the peer", 13), 13);
	got = BIO_get_mem_data(SSL_get_wbio(peer->ssl), &out);
	assert_int_equal(test_open(result, &result->rx, (uint8_t *)out, (size_t)got,
				   data, &type), 13);
}

/* With a client certificate, a ticket takes more than one record of 512 bytes. */
static void records_of_tickets(uint8_t fragment, bool mutual, unsigned int count)
{
	struct ktlsd_ticket_keys keys;
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;

	ktlsd_ticket_keys_init(&keys, 3600);
	test_side_init(&side, KTLS_ROLE_SERVER);
	side.request.version_min = KTLS_TLS_1_3;
	if (mutual)
		side.request.verify = KTLS_VERIFY_REQUIRED;
	test_peer_init(&peer, false);
	SSL_CTX_set_tlsext_max_fragment_length(peer.ctx, fragment);
	if (mutual)
		test_peer_credential(&peer, pki.client, pki.ec_key);
	test_side_prepare(&side, pki.ec, pki.ec_key, pki.ca);
	assert_int_equal(test_side_begin(&side), 0);
	assert_int_equal(ktlsd_server_ticket_enable(side.handshake, &fingerprint, &keys,
						    count), 0);
	test_peer_begin(&peer);
	SSL_set_tlsext_host_name(peer.ssl, "server.test");
	test_peer_shake(&side, &peer);
	if (side.last != 1)
		fail_msg("%s", side.fault.reason);
	test_peer_step(&peer);
	assert_true(peer.finished);
	assert_int_equal(ktlsd_handshake_finish(side.handshake, &result, &side.fault), 0);
	assert_true(result.tx.seq >= count);
	records_exchange(&peer, &result);
	test_peer_free(&peer);
	test_side_free(&side);
	ktlsd_ticket_keys_free(&keys);
}

static void records_of_long_tickets(void **state)
{
	static const uint8_t fragments[] = {
		TLSEXT_max_fragment_length_DISABLED, TLSEXT_max_fragment_length_512,
		TLSEXT_max_fragment_length_1024, TLSEXT_max_fragment_length_4096,
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(fragments); i++) {
		records_of_tickets(fragments[i], false, 1);
		records_of_tickets(fragments[i], false, 2);
		records_of_tickets(fragments[i], true, 2);
		records_of_tickets(fragments[i], true, 16);
	}
}

/* Without a client certificate, a ticket fits into one record of 512 bytes. */
static void records_of_short_tickets(void **state)
{
	struct ktlsd_ticket_keys keys;
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;

	(void)state;
	ktlsd_ticket_keys_init(&keys, 3600);
	test_side_init(&side, KTLS_ROLE_SERVER);
	test_peer_init(&peer, false);
	SSL_CTX_set_tlsext_max_fragment_length(peer.ctx, TLSEXT_max_fragment_length_512);
	test_side_prepare(&side, pki.ec, pki.ec_key, NULL);
	assert_int_equal(test_side_begin(&side), 0);
	assert_int_equal(ktlsd_server_ticket_enable(side.handshake, &fingerprint, &keys, 2), 0);
	test_peer_begin(&peer);
	SSL_set_tlsext_host_name(peer.ssl, "server.test");
	test_peer_shake(&side, &peer);
	assert_int_equal(side.last, 1);
	/* The last output contains only tickets. */
	assert_in_range(BIO_ctrl_pending(SSL_get_rbio(peer.ssl)), 1, 2 * (5 + 384 + 17));
	assert_int_equal(ktlsd_handshake_finish(side.handshake, &result, &side.fault), 0);
	assert_int_equal(result.tx.seq, 2);
	test_peer_free(&peer);
	test_side_free(&side);
	ktlsd_ticket_keys_free(&keys);
}

/* --- TLS 1.2: in and after the record of Finished --- */

/**
 * struct records_flight - a peer's last flight, taken apart
 * @bytes: all before Finished
 * @len: bytes of that
 * @finished: the message
 * @theirs: the peer's keys; what it seals next is record 0
 */
struct records_flight {
	uint8_t			bytes[2048];
	size_t			len;
	uint8_t			finished[16];
	struct ktlsd_result	theirs;
};

/* Runs the handshake until the peer has written its Finished, and does not pass it on. */
static void records_take_flight(struct test_side *side, struct test_peer *peer,
				struct records_flight *flight)
{
	struct ktlsd_handshake other = { .is_server = peer->is_server, .scanner.found = true };
	size_t len, at, last = 0;
	uint8_t type;
	char *data;

	if (!peer->is_server) {
		test_peer_step(peer);
		test_peer_pass(side, peer, NULL, 0);
	} else {
		test_side_feed(side, NULL, 0, peer);
		test_peer_step(peer);
		test_peer_pass(side, peer, NULL, 0);
	}
	test_peer_step(peer);
	assert_int_equal(side->last, 0);
	other.ssl = peer->ssl;
	memset(&flight->theirs, 0, sizeof(flight->theirs));
	flight->theirs.version = KTLS_TLS_1_2;
	flight->theirs.suite = ktlsd_suites_find(SSL_CIPHER_get_protocol_id(
					SSL_get_current_cipher(peer->ssl)));
	assert_int_equal(ktlsd_keys_derive(&other, &flight->theirs, &side->fault), 0);
	len = (size_t)BIO_get_mem_data(SSL_get_wbio(peer->ssl), &data);
	assert_true(len < sizeof(flight->bytes));
	memcpy(flight->bytes, data, len);
	BIO_reset(SSL_get_wbio(peer->ssl));
	for (at = 0; at < len; at += 5 + (flight->bytes[at + 3] << 8 | flight->bytes[at + 4]))
		last = at;
	flight->len = last;
	flight->theirs.tx.seq = 0;
	assert_int_equal(test_open(&flight->theirs, &flight->theirs.tx, flight->bytes + last,
				   len - last, flight->finished, &type), 16);
	flight->theirs.tx.seq = 0;
}

static void records_add(struct records_flight *flight, const void *data, size_t len)
{
	flight->len += test_seal(&flight->theirs, &flight->theirs.tx,
				 1000 + flight->theirs.tx.seq, 22, data, len,
				 flight->bytes + flight->len);
}

static void records_begin(struct test_side *side, struct test_peer *peer, int role,
			  const char *suite)
{
	bool is_server = role == KTLS_ROLE_SERVER;

	test_side_init(side, role);
	strcpy(side->request.ciphers, suite);
	test_peer_init(peer, !is_server);
	test_side_prepare(side, is_server ? pki.ec : NULL, pki.ec_key,
			  is_server ? NULL : pki.ca);
	if (!is_server)
		test_peer_credential(peer, pki.ec, pki.ec_key);
	assert_int_equal(test_side_begin(side), 0);
	test_peer_begin(peer);
}

static const char *const records_suites[] = {
	"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
	"ECDHE-ECDSA-CHACHA20-POLY1305",
};

/* RFC 5246 6.2.1: a message can be fragmented over several records. */
static void records_split_finished(int role, const char *suite, size_t piece)
{
	struct records_flight flight;
	uint8_t record[200], data[200], type;
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;
	size_t at, part, len, count = 0;

	records_begin(&side, &peer, role, suite);
	records_take_flight(&side, &peer, &flight);
	for (at = 0; at < sizeof(flight.finished); at += part, count++) {
		part = sizeof(flight.finished) - at < piece ? sizeof(flight.finished) - at : piece;
		records_add(&flight, flight.finished + at, part);
	}
	test_side_feed(&side, flight.bytes, flight.len, &peer);
	if (side.last != 1)
		fail_msg("%s: %s", suite, side.fault.reason);
	assert_int_equal(side.handshake->consumed, flight.len);
	test_peer_step(&peer);
	assert_true(peer.finished);
	assert_int_equal(ktlsd_handshake_finish(side.handshake, &result, &side.fault), 0);
	assert_int_equal(result.rx.seq, count);
	assert_int_equal(result.tx.seq, 1);

	len = test_seal(&result, &result.tx, result.tx_nonce, 23, "from us", 7, record);
	BIO_write(SSL_get_rbio(peer.ssl), record, (int)len);
	assert_int_equal(SSL_read(peer.ssl, data, sizeof(data)), 7);
	len = test_seal(&flight.theirs, &flight.theirs.tx, 5000, 23, "from the peer", 13, record);
	assert_int_equal(test_open(&result, &result.rx, record, len, data, &type), 13);
	ktlsd_handshake_wipe_result(&result);
	test_peer_free(&peer);
	test_side_free(&side);
}

static void records_finished_in_pieces(void **state)
{
	static const size_t pieces[] = { 16, 15, 8, 4, 1 };
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(records_suites) / sizeof(*records_suites); i++) {
		for (j = 0; j < sizeof(pieces) / sizeof(*pieces); j++) {
			records_split_finished(KTLS_ROLE_SERVER, records_suites[i], pieces[j]);
			records_split_finished(KTLS_ROLE_CLIENT, records_suites[i], pieces[j]);
		}
	}
}

/* Another message in the record of Finished: the peer receives an alert. */
static void records_behind_finished(int role, const char *suite, uint8_t message)
{
	struct records_flight flight;
	struct test_side side;
	struct test_peer peer;
	uint8_t plain[64], byte;

	records_begin(&side, &peer, role, suite);
	records_take_flight(&side, &peer, &flight);
	memcpy(plain, flight.finished, 16);
	memset(plain + 16, 0, 24);
	plain[16] = message;
	records_add(&flight, plain, 20);
	test_side_feed(&side, flight.bytes, flight.len, &peer);
	assert_int_equal(side.last, -EPROTO);
	assert_non_null(strstr(side.fault.reason, "Finished"));
	test_peer_step(&peer);
	SSL_read(peer.ssl, &byte, 1);
	if (peer.alert != SSL_AD_UNEXPECTED_MESSAGE)
		fail_msg("%s, message %u behind Finished: alert %d", suite, message, peer.alert);
	assert_int_equal(side.fault.alert, SSL_AD_UNEXPECTED_MESSAGE);
	assert_false(side.fault.alert_received);
	test_peer_free(&peer);
	test_side_free(&side);
}

static void records_message_behind_finished(void **state)
{
	static const uint8_t messages[] = { 0, 1, 2, 4, 11, 20, 24, 99 };
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(records_suites) / sizeof(*records_suites); i++) {
		for (j = 0; j < sizeof(messages); j++) {
			records_behind_finished(KTLS_ROLE_SERVER, records_suites[i],
						messages[j]);
			records_behind_finished(KTLS_ROLE_CLIENT, records_suites[i],
						messages[j]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_of_long_tickets),
		cmocka_unit_test(records_of_short_tickets),
		cmocka_unit_test(records_finished_in_pieces),
		cmocka_unit_test(records_message_behind_finished),
	};

	return cmocka_run_group_tests_name("handshake_records", tests, test_pki_setup, test_pki_teardown);
}
