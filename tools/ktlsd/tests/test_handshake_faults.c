// SPDX-License-Identifier: GPL-2.0-or-later
/* Handshakes that must fail: with which errno, alert, bytes and reason. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "test_peer.h"

/* Asserts that the peer received the alert that @side reports. */
static void faults_check(const struct test_side *side, const struct test_peer *peer,
			 int error, int alert, const char *word)
{
	if (side->last != error || !strstr(side->fault.reason, word))
		fail_msg("%d, alert %d: %s", side->last, side->fault.alert,
			 side->fault.reason);
	assert_int_equal(side->fault.error, error);
	assert_int_equal(side->fault.alert, alert);
	assert_false(side->fault.alert_received);
	assert_true(strlen(side->fault.reason) > 20);
	assert_int_equal(peer->alert, alert);
}

/* Our client, which trusts @trust, against a server with @cert. @verify: KTLS_VERIFY */
static void faults_client_verifies(uint32_t verify, X509 *cert, EVP_PKEY *key, X509 *trust,
				   uint16_t version, int error, int alert, const char *word)
{
	struct test_side side;
	struct test_peer peer;

	test_side_init(&side, KTLS_ROLE_CLIENT);
	side.request.verify = verify;
	side.request.version_min = version;
	side.request.version_max = version;
	test_peer_init(&peer, true);
	SSL_CTX_set_security_level(peer.ctx, 0);
	test_peer_credential(&peer, cert, key);
	test_side_prepare(&side, NULL, NULL, trust);
	assert_int_equal(test_side_begin(&side), 0);
	test_peer_begin(&peer);
	test_peer_shake(&side, &peer);
	test_peer_step(&peer);
	faults_check(&side, &peer, error, alert, word);
	assert_true(sk_X509_num(side.handshake->presented) >= 1);
	test_peer_free(&peer);
	test_side_free(&side);
}

static void faults_client(X509 *cert, EVP_PKEY *key, X509 *trust, uint16_t version,
			  int error, int alert, const char *word)
{
	faults_client_verifies(KTLS_VERIFY_REQUIRED, cert, key, trust, version, error, alert,
			       word);
}

struct faults_certificate {
	struct test_pki_spec	spec;
	bool			self_signed;
	bool			wrong_trust;
	int			alert;
	const char		*word;
};

static void faults_bad_certificates(void **state)
{
	static const struct faults_certificate table[] = {
		{ .spec = { .cn = "a", .san = "DNS:server.test" }, .wrong_trust = true,
		  .alert = 48, .word = "'Test CA', which is not trusted" },
		{ .spec = { .cn = "b", .san = "DNS:server.test" }, .self_signed = true,
		  .alert = 48, .word = "self-signed" },
		{ .spec = { .cn = "c", .san = "DNS:server.test", .from = -7200, .to = -3600 },
		  .alert = 45, .word = "expired on 20" },
		{ .spec = { .cn = "d", .san = "DNS:server.test", .from = 3600 },
		  .alert = 42, .word = "not valid before 20" },
		{ .spec = { .cn = "e", .san = "DNS:elsewhere.test,IP:192.0.2.7" },
		  .alert = 42, .word = "elsewhere.test, 192.0.2.7" },
		{ .spec = { .cn = "server.test" }, .alert = 42, .word = "no name" },
		{ .spec = { .cn = "f", .san = "DNS:server.test", .eku = "clientAuth" },
		  .alert = 43, .word = "not made for a TLS server" },
		{ .spec = { .cn = "g", .san = "DNS:.test" }, .alert = 42, .word = "not for that name" },
		{ .spec = { .cn = "h", .san = "DNS:s*.test" }, .alert = 42, .word = "not for that name" },
	};
	uint16_t version;
	X509 *cert;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		cert = table[i].self_signed ?
		       test_pki_issue(&table[i].spec, pki.ec_key, NULL, pki.ec_key) :
		       test_pki_issue(&table[i].spec, pki.ec_key, pki.ca, pki.ca_key);
		for (version = KTLS_TLS_1_2; version <= KTLS_TLS_1_3; version++)
			faults_client(cert, pki.ec_key,
				      table[i].wrong_trust ? pki.other_ca : pki.ca,
				      version, -EKEYREJECTED, table[i].alert,
				      table[i].word);
		X509_free(cert);
	}
}

/* What is not printable in the names of certificates is replaced. */
static void faults_hostile_names(void **state)
{
	const struct test_pki_spec ca = {
		.cn = "evil\n\x1b[31mCA and so on and so on and so on and so on",
		.is_ca = true,
	};
	const struct test_pki_spec leaf = { .cn = "x", .san = "DNS:server.test" };
	X509 *issuer = test_pki_issue(&ca, pki.other_key, NULL, pki.other_key);
	X509 *cert = test_pki_issue(&leaf, pki.ec_key, issuer, pki.other_key);

	(void)state;
	faults_client(cert, pki.ec_key, pki.ca, KTLS_TLS_1_3, -EKEYREJECTED, 48,
		      "'evil??[31mCA and so on and so on");
	X509_free(cert);
	X509_free(issuer);
}

static void faults_weak_peer_keys(void **state)
{
	const struct test_pki_spec spec = { .cn = "weak", .san = "DNS:server.test" };
	EVP_PKEY *small = test_pki_key("rsa1024");
	X509 *cert;

	(void)state;
	cert = test_pki_issue(&spec, small, pki.ca, pki.ca_key);
	faults_client(cert, small, pki.ca, KTLS_TLS_1_2, -EKEYREJECTED, 42, "");
	X509_free(cert);
	EVP_PKEY_free(small);
}

/* A bad key is refused before a signature is checked with it, anywhere in the chain. */
static void faults_costly_peer_keys(void **state)
{
	static const struct {
		const char	*kind;
		const char	*word;
	} table[] = {
		{ "rsa-swapped", "public exponent" }, { "binary", "named curve" },
		{ "ec-explicit", "named curve" },
	};
	const struct test_pki_spec spec = { .cn = "costly", .san = "DNS:server.test" };
	struct test_side side;
	struct test_peer peer;
	EVP_PKEY *key;
	X509 *cert;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		key = test_pki_key(table[i].kind);
		cert = test_pki_issue(&spec, key, pki.ca, pki.ca_key);
		test_side_init(&side, KTLS_ROLE_CLIENT);
		test_peer_init(&peer, true);
		test_peer_credential(&peer, pki.ec, pki.ec_key);
		assert_int_equal(SSL_CTX_add1_chain_cert(peer.ctx, cert), 1);
		test_side_prepare(&side, NULL, NULL, pki.ca);
		assert_int_equal(test_side_begin(&side), 0);
		test_peer_begin(&peer);
		test_peer_shake(&side, &peer);
		test_peer_step(&peer);
		faults_check(&side, &peer, -EKEYREJECTED, 42, table[i].word);
		test_peer_free(&peer);
		test_side_free(&side);
		X509_free(cert);
		EVP_PKEY_free(key);
	}
	/* As a leaf, also without verification: the handshake itself uses the key. */
	key = test_pki_key("rsa-swapped");
	cert = test_pki_issue(&spec, key, pki.ca, pki.ca_key);
	for (i = 0; i < 2; i++) {
		uint32_t verify = i ? KTLS_VERIFY_NONE : KTLS_VERIFY_REQUIRED;

		faults_client_verifies(verify, cert, key, pki.ca, KTLS_TLS_1_2, -EKEYREJECTED, 42,
				       "public exponent");
		faults_client_verifies(verify, cert, key, pki.ca, KTLS_TLS_1_3, -EKEYREJECTED, 42,
				       "public exponent");
	}
	X509_free(cert);
	EVP_PKEY_free(key);
}

/* Without a name, no certificate is accepted. */
static void faults_client_without_name(void **state)
{
	struct test_side side;

	(void)state;
	test_side_init(&side, KTLS_ROLE_CLIENT);
	memset(&side.request.name, 0, sizeof(side.request.name));
	test_side_prepare(&side, NULL, NULL, pki.ca);
	assert_int_equal(test_side_begin(&side), -EINVAL);
	test_side_free(&side);
}

/* The peer refuses us: EPROTO, and the reason names its alert. */
static void faults_client_refused(void **state)
{
	struct test_side side;
	struct test_peer peer;

	(void)state;
	/* TLS 1.2, a client certificate of an unknown CA. */
	test_side_init(&side, KTLS_ROLE_CLIENT);
	side.request.version_max = KTLS_TLS_1_2;
	test_peer_init(&peer, true);
	test_peer_credential(&peer, pki.ec, pki.ec_key);
	test_peer_trust(&peer, pki.other_ca, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
	test_side_prepare(&side, pki.client, pki.ec_key, pki.ca);
	assert_int_equal(test_side_begin(&side), 0);
	test_peer_begin(&peer);
	test_peer_shake(&side, &peer);
	test_peer_pass(&side, &peer, NULL, 0);
	assert_int_equal(side.last, -EPROTO);
	assert_int_equal(side.fault.alert, 48);
	assert_true(side.fault.alert_received);
	assert_non_null(strstr(side.fault.reason, "refused our certificate"));
	assert_non_null(strstr(side.fault.reason, "unknown_ca"));
	test_peer_free(&peer);
	test_side_free(&side);
}

struct faults_server {
	const char	*ciphers;
	uint16_t	min;
	const char	*alpn;
	size_t		alpn_len;
	uint32_t	verify;
	int		error;
	int		alert;
	const char	*word;
};

/* Our server; the peer is a TLS 1.2 client without a certificate. */
static void faults_server_refuses(void **state)
{
	static const struct faults_server table[] = {
		{ .min = KTLS_TLS_1_3, .error = -EPROTO, .alert = 70, .word = "TLS version" },
		{ .min = KTLS_TLS_1_2, .ciphers = "ECDHE-RSA-AES128-GCM-SHA256",
		  .error = -EPROTO, .alert = 40, .word = "KTLS_CIPHERS" },
		{ .min = KTLS_TLS_1_2, .alpn = "\x03zzz", .alpn_len = 4,
		  .error = -EPROTO, .alert = 120, .word = "KTLS_ALPN" },
		{ .min = KTLS_TLS_1_2, .verify = KTLS_VERIFY_REQUIRED,
		  .error = -EKEYREJECTED, .alert = 40, .word = "no certificate" },
	};
	struct test_side side;
	struct test_peer peer;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		test_side_init(&side, KTLS_ROLE_SERVER);
		side.request.version_min = table[i].min;
		side.request.verify = table[i].verify;
		if (table[i].ciphers)
			strcpy(side.request.ciphers, table[i].ciphers);
		if (table[i].alpn)
			memcpy(side.request.alpn, table[i].alpn, table[i].alpn_len);
		side.request.alpn_len = table[i].alpn_len;
		test_peer_init(&peer, false);
		SSL_CTX_set_max_proto_version(peer.ctx, TLS1_2_VERSION);
		SSL_CTX_set_alpn_protos(peer.ctx, (const unsigned char *)"\x02h2", 3);
		test_side_prepare(&side, pki.ec, pki.ec_key, pki.ca);
		assert_int_equal(test_side_begin(&side), 0);
		test_peer_begin(&peer);
		test_peer_shake(&side, &peer);
		test_peer_step(&peer);
		faults_check(&side, &peer, table[i].error, table[i].alert,
			     table[i].word);
		test_peer_free(&peer);
		test_side_free(&side);
	}
}

/* Mutual TLS 1.3: the client's certificate is unknown, expired, or for another purpose. */
static void faults_server_bad_client(void **state)
{
	const struct test_pki_spec spec = { .cn = "c", .from = -7200, .to = -3600 };
	X509 *expired = test_pki_issue(&spec, pki.ec_key, pki.ca, pki.ca_key);
	X509 *const certs[] = { pki.client, expired, pki.ec };
	X509 *const trusts[] = { pki.other_ca, pki.ca, pki.ca };
	static const int alerts[] = { 48, 45, 43 };
	struct test_side side;
	struct test_peer peer;
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		test_side_init(&side, KTLS_ROLE_SERVER);
		side.request.verify = KTLS_VERIFY_OPTIONAL;
		test_peer_init(&peer, false);
		test_peer_credential(&peer, certs[i], pki.ec_key);
		test_side_prepare(&side, pki.ec, pki.ec_key, trusts[i]);
		assert_int_equal(test_side_begin(&side), 0);
		test_peer_begin(&peer);
		test_peer_shake(&side, &peer);
		SSL_read(peer.ssl, &(char){ 0 }, 1);
		faults_check(&side, &peer, -EKEYREJECTED, alerts[i],
			     "client's certificate");
		test_peer_free(&peer);
		test_side_free(&side);
	}
	X509_free(expired);
}

struct faults_garbage {
	const char	*bytes;
	size_t		len;
	const char	*word;
};

static void faults_garbage(void **state)
{
	static const struct faults_garbage table[] = {
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27, "plain HTTP" },
		{ "CONNECT a:443 HTTP/1.1\r\n\r\n", 26, "HTTP proxy" },
		{ "SSH-2.0-OpenSSH_9.2\r\n", 21, "" },
		{ "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10, "" },
		{ "\x16\x03\x01\x00\x06\x63\x00\x00\x02\x00\x00", 11, "" },
		{ "\x17\x03\x03\x00\x05hello", 10, "" },
		{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12, "" },
	};
	struct test_side side;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		test_side_init(&side, KTLS_ROLE_SERVER);
		test_side_prepare(&side, pki.ec, pki.ec_key, NULL);
		assert_int_equal(test_side_begin(&side), 0);
		test_side_feed(&side, table[i].bytes, table[i].len, NULL);
		if (side.last != -EPROTO ||
		    !strstr(side.fault.reason, table[i].word))
			fail_msg("%zu: %d: %s", i, side.last, side.fault.reason);
		test_side_free(&side);
	}
}

/* Our client gets an answer in plaintext. */
static void faults_client_garbage(void **state)
{
	struct test_side side;

	(void)state;
	test_side_init(&side, KTLS_ROLE_CLIENT);
	test_side_prepare(&side, NULL, NULL, pki.ca);
	assert_int_equal(test_side_begin(&side), 0);
	test_side_feed(&side, NULL, 0, NULL);
	assert_int_equal(side.last, 0);
	ktlsd_buffer_free(&side.handshake->output);
	test_side_feed(&side, "HTTP/1.1 400 Bad Request\r\n\r\n", 28, NULL);
	assert_int_equal(side.last, -EPROTO);
	assert_non_null(strstr(side.fault.reason, "did not speak TLS"));
	test_side_free(&side);
}

/* RFC 8446 5.1: legacy_record_version is ignored, and nothing protects it in records that are
 * not sealed. The length of a flight varies with its signature.
 */
static bool faults_is_ignored(const uint8_t *flight, size_t len, size_t at)
{
	size_t record = 0;

	while (record + 5 <= len &&
	       record + 5 + (flight[record + 3] << 8 | flight[record + 4]) <= at)
		record += 5 + (flight[record + 3] << 8 | flight[record + 4]);
	return flight[record] != 23 && (at == record + 1 || at == record + 2);
}

/* A server's flight with any other byte changed fails the handshake. */
static void faults_client_tampered(void **state)
{
	struct test_side side;
	struct test_peer peer;
	uint8_t flight[8192];
	char *data;
	size_t i;
	long len;

	(void)state;
	for (i = 0; i < 2000; i += 61) {
		test_side_init(&side, KTLS_ROLE_CLIENT);
		side.request.version_max = i & 1 ? KTLS_TLS_1_2 : KTLS_TLS_1_3;
		test_peer_init(&peer, true);
		test_peer_credential(&peer, pki.ec, pki.ec_key);
		test_side_prepare(&side, NULL, NULL, pki.ca);
		assert_int_equal(test_side_begin(&side), 0);
		test_peer_begin(&peer);
		test_side_feed(&side, NULL, 0, &peer);
		test_peer_step(&peer);
		len = BIO_get_mem_data(SSL_get_wbio(peer.ssl), &data);
		assert_true(len > 0 && len < (long)sizeof(flight));
		memcpy(flight, data, len);
		if (!faults_is_ignored(flight, len, i % len))
			flight[i % len] ^= 0x55;
		else
			flight[0] ^= 0x55;
		test_side_feed(&side, flight, len, &peer);
		BIO_reset(SSL_get_wbio(peer.ssl));
		if (!side.last) {
			test_peer_step(&peer);
			test_peer_pass(&side, &peer, NULL, 0);
		}
		assert_true(side.last <= 0);
		test_peer_free(&peer);
		test_side_free(&side);
	}
}

/* TLS 1.2: another message in the record of Finished is refused with a sealed alert. */
static void faults_server_leftover(void **state)
{
	struct ktlsd_handshake client = { .scanner.found = true };
	struct ktlsd_result theirs = { .version = KTLS_TLS_1_2 };
	uint8_t record[256], plain[64], flight[1024], type;
	size_t len, at, last = 0;
	struct test_side side;
	struct test_peer peer;
	char *data;
	int got;

	(void)state;
	test_side_init(&side, KTLS_ROLE_SERVER);
	test_peer_init(&peer, false);
	SSL_CTX_set_max_proto_version(peer.ctx, TLS1_2_VERSION);
	test_side_prepare(&side, pki.ec, pki.ec_key, NULL);
	assert_int_equal(test_side_begin(&side), 0);
	test_peer_begin(&peer);
	test_peer_step(&peer);
	test_peer_pass(&side, &peer, NULL, 0);
	test_peer_step(&peer);

	client.ssl = peer.ssl;
	theirs.suite = ktlsd_suites_find(SSL_CIPHER_get_protocol_id(
				SSL_get_current_cipher(peer.ssl)));
	assert_int_equal(ktlsd_keys_derive(&client, &theirs, &side.fault), 0);
	theirs.tx.seq = 0;
	len = BIO_get_mem_data(SSL_get_wbio(peer.ssl), &data);
	assert_true(len < sizeof(flight));
	memcpy(flight, data, len);
	for (at = 0; at < len; at += 5 + (flight[at + 3] << 8 | flight[at + 4]))
		last = at;
	got = test_open(&theirs, &theirs.tx, flight + last, len - last, plain, &type);
	assert_int_equal(got, 16);
	memset(plain + got, 0, 4);
	theirs.tx.seq = 0;
	at = test_seal(&theirs, &theirs.tx, 99, 22, plain, got + 4, record);
	memcpy(flight + last, record, at);
	test_side_feed(&side, flight, last + at, &peer);
	assert_int_equal(side.last, -EPROTO);
	assert_non_null(strstr(side.fault.reason, "Finished"));
	test_peer_step(&peer);
	SSL_read(peer.ssl, record, 1);
	assert_int_equal(peer.alert, 10);
	assert_int_equal(side.fault.alert, 10);
	test_peer_free(&peer);
	test_side_free(&side);
}

/* @alert: expected; @or_alert: as right, if the record should be encrypted */
static const struct faults_record {
	uint8_t		header[5];
	uint8_t		alert;
	uint8_t		or_alert;
} faults_records[] = {
	{ { 22, 3, 3, 0x48, 1 },	22, 0 },	/* longer than any record */
	{ { 23, 3, 3, 0xff, 0xff },	22, 0 },
	{ { 24, 3, 3, 0, 1 },		10, 0 },	/* heartbeat */
	{ { 99, 3, 3, 0x40, 0 },	10, 0 },
	{ { 22, 3, 3, 0, 0 },		10, 0 },	/* an empty fragment of a handshake */
	/* Another version of the record layer. Of two mistakes OpenSSL 3.5 finds the type first. */
	{ { 22, 4, 0, 0, 1 },		70, 10 },
};

/* The kernel finds a record that violates the RFC, and OpenSSL seals the alert. */
static void faults_record(const struct faults_record *record, int role, uint16_t version)
{
	static const char reason[] = "the peer sent a record that it should not";
	struct test_side side;
	struct test_peer peer;
	bool is_right;
	uint8_t byte;

	test_side_init(&side, role);
	side.request.version_max = version;
	test_peer_init(&peer, role == KTLS_ROLE_CLIENT);
	test_peer_credential(&peer, pki.ec, pki.ec_key);
	if (role == KTLS_ROLE_SERVER)
		test_side_prepare(&side, pki.ec, pki.ec_key, NULL);
	else
		test_side_prepare(&side, NULL, NULL, pki.ca);
	assert_int_equal(test_side_begin(&side), 0);
	test_peer_begin(&peer);
	if (role == KTLS_ROLE_CLIENT)
		test_side_feed(&side, NULL, 0, &peer);
	test_peer_step(&peer);
	if (role == KTLS_ROLE_SERVER)
		test_peer_pass(&side, &peer, NULL, 0);
	assert_int_equal(side.last, 0);

	assert_int_equal(ktlsd_handshake_refuse_record(side.handshake, record->header,
						       reason, sizeof(reason) - 1,
						       &side.fault), -EPROTO);
	assert_string_equal(side.fault.reason, reason);
	if (role == KTLS_ROLE_CLIENT) {
		/* The alert is not sealed yet, even if the peer already expects that. */
		peer.alert = side.handshake->output.len == 7 &&
		side.handshake->output.data[0] == 21 ?
			     side.handshake->output.data[6] : -1;
	} else {
		BIO_write(SSL_get_rbio(peer.ssl), side.handshake->output.data,
			  (int)side.handshake->output.len);
		test_peer_step(&peer);
		SSL_read(peer.ssl, &byte, 1);
	}
	is_right = side.fault.alert == record->alert ||
		   (role == KTLS_ROLE_SERVER && version == KTLS_TLS_1_3 &&
		    record->or_alert && side.fault.alert == record->or_alert);
	if (!is_right || peer.alert != side.fault.alert)
		fail_msg("%u %02x %02x%02x to %d of %x: alert %d, the peer saw %d",
			 record->header[0], record->header[1], record->header[3],
			 record->header[4], role, version, side.fault.alert, peer.alert);
	test_peer_free(&peer);
	test_side_free(&side);
}

static void faults_records_against_the_rfc(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(faults_records) / sizeof(*faults_records); i++) {
		faults_record(&faults_records[i], KTLS_ROLE_SERVER, KTLS_TLS_1_3);
		faults_record(&faults_records[i], KTLS_ROLE_SERVER, KTLS_TLS_1_2);
		faults_record(&faults_records[i], KTLS_ROLE_CLIENT, KTLS_TLS_1_3);
		faults_record(&faults_records[i], KTLS_ROLE_CLIENT, KTLS_TLS_1_2);
	}
}

/* A peer that never finishes is refused. */
static void faults_endless_input(void **state)
{
	uint8_t record[5 + 16384] = { 22, 3, 1, 0x40, 0 };
	struct test_side side;
	int i;

	(void)state;
	test_side_init(&side, KTLS_ROLE_SERVER);
	test_side_prepare(&side, pki.ec, pki.ec_key, NULL);
	assert_int_equal(test_side_begin(&side), 0);
	/* A ClientHello that claims 16 MiB. */
	memcpy(record + 5, "\x01\xff\xff\xff\x03\x03", 6);
	for (i = 0; i < 40; i++) {
		test_side_feed(&side, record, sizeof(record), NULL);
		if (side.last)
			break;
	}
	assert_int_equal(side.last, -EPROTO);
	test_side_free(&side);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_bad_certificates),
		cmocka_unit_test(faults_hostile_names),
		cmocka_unit_test(faults_weak_peer_keys),
		cmocka_unit_test(faults_costly_peer_keys),
		cmocka_unit_test(faults_client_without_name),
		cmocka_unit_test(faults_client_refused),
		cmocka_unit_test(faults_server_refuses),
		cmocka_unit_test(faults_server_bad_client),
		cmocka_unit_test(faults_garbage),
		cmocka_unit_test(faults_client_garbage),
		cmocka_unit_test(faults_client_tampered),
		cmocka_unit_test(faults_server_leftover),
		cmocka_unit_test(faults_records_against_the_rfc),
		cmocka_unit_test(faults_endless_input),
	};

	return cmocka_run_group_tests_name("handshake_faults", tests, test_pki_setup, test_pki_teardown);
}
