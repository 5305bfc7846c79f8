// SPDX-License-Identifier: GPL-2.0-or-later
/* Handshakes that ask OCSP responders, through the real ktls-fetch: a real responder, and
 * ones that are silent, slow, down, or lie.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/x509v3.h>

#include "lib/clock.h"
#include "config/crl_lookup.h"
#include "responders.h"
#include "test_authority.h"
#include "test_clock.h"
#include "test_peer.h"
#include "test_responder.h"

enum {
	RESPONDERS_TEST_WAIT_MS	= 1500,	/* the deadline of handshakes */
};

/**
 * struct responders_test - what is tested
 * @all: the cache
 * @inbox: of the handshakes
 * @crls: likewise; or NULL
 */
static struct responders_test {
	struct ktlsd_responders		all;
	struct ktlsd_responders_inbox	inbox;
	struct ktlsd_crls		*crls;
} test;

static int responders_setup(void **state)
{
	const struct test_pki_spec delegate = { .cn = "responder", .eku = "OCSPSigning" };

	test_pki_setup(state);
	signal(SIGPIPE, SIG_IGN);
	assert_non_null(mkdtemp(responder.dir));
	test_responder_listen_for_fetch();
	responder.fetch = test_responder_spawn_fetch();
	test_responder_listen();
	responder.delegate = test_pki_issue(&delegate, pki.other_key, pki.ca, pki.ca_key);
	return 0;
}

static int responders_teardown(void **state)
{
	test_responder_kill(responder.fetch);
	unlink(test_responder_path("socket"));
	rmdir(responder.dir);
	X509_free(responder.cert);
	X509_free(responder.delegate);
	return test_pki_teardown(state);
}

/* --- handshakes --- */

/* A leaf that names the responder at @port. */
static X509 *responders_leaf(unsigned int port)
{
	char value[64];
	X509 *cert = X509_dup(pki.ec);
	uint64_t serial;

	/* Another one each time: answers are cached. */
	ASN1_INTEGER_get_uint64(&serial, X509_get_serialNumber(cert));
	ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial + responder.asked + 1 +
				(uint64_t)ktlsd_clock_ms() % 1000000);
	snprintf(value, sizeof(value), "OCSP;URI:http://127.0.0.1:%u/", port);
	test_authority_extend(cert, pki.ca_key, NID_info_access, value);
	return cert;
}

/* A certificate that nothing is known of, and the manner of its responder. */
static void responders_renew(enum manner manner)
{
	responder.manner = manner;
	X509_free(responder.cert);
	responder.cert = responders_leaf(responder.port);
}

static void responders_ignore(void *arg, uint64_t id)
{
	(void)arg;
	(void)id;
}

/* Continues while the handshake waits for the responder. */
static void responders_continue(struct test_side *side, struct test_peer *peer)
{
	struct pollfd poller = { .fd = test.inbox.fd, .events = POLLIN };
	struct ktlsd_buffer *output = &side->handshake->output;

	while (side->last == KTLSD_HANDSHAKE_WAITS) {
		assert_int_equal(poll(&poller, 1, 20000), 1);
		ktlsd_responders_deliver(&test.inbox, responders_ignore, NULL);
		side->last = ktlsd_handshake_run(side->handshake, NULL, 0, &side->fault);
	}
	if (output->len)
		BIO_write(SSL_get_rbio(peer->ssl), output->data, (int)output->len);
	ktlsd_buffer_free(output);
}

/* Our client against a server with @cert. Return: milliseconds that it took. */
static int responders_connect(X509 *cert, uint16_t version, enum ktlsd_revocation_mode mode,
			      int error, const char *word, uint32_t how)
{
	int64_t begun = ktlsd_clock_ms();
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;
	int i;

	test_side_init(&side, KTLS_ROLE_CLIENT);
	side.request.version_min = version;
	side.request.version_max = version;
	side.config.revocation = (struct ktlsd_revocation) { true, mode };
	side.config.revocation_ktls_trust = true;
	side.config.crls = test.crls;
	test_peer_init(&peer, true);
	test_peer_credential(&peer, cert, pki.ec_key);
	test_side_prepare(&side, NULL, NULL, pki.ca);
	assert_int_equal(test_side_begin(&side), 0);
	side.handshake->status.asker = &test.inbox.asker;
	side.handshake->status.deadline = begun + RESPONDERS_TEST_WAIT_MS;
	test_peer_begin(&peer);
	test_peer_shake(&side, &peer);
	for (i = 0; i < 10 && side.last == KTLSD_HANDSHAKE_WAITS; i++) {
		responders_continue(&side, &peer);
		test_peer_step(&peer);
		if (!side.last && BIO_ctrl_pending(SSL_get_wbio(peer.ssl)))
			test_peer_pass(&side, &peer, NULL, 0);
	}
	if (side.last != error || (word && !strstr(side.fault.reason, word)))
		fail_msg("version %x, mode %s: %d, %s", version, ktlsd_revocation_name(mode),
			 side.last, side.fault.reason);
	if (error == 1) {
		assert_int_equal(ktlsd_handshake_finish(side.handshake, &result, &side.fault), 0);
		assert_int_equal(result.revocation, how);
		/* A session that nobody vouched for ends soon, if somebody can be asked. */
		if (how == KTLS_REVOCATION_NO_ANSWER && cert != pki.ec)
			assert_true(side.handshake->status.expires <=
				    time(NULL) + KTLSD_STATUS_SILENT);
		ktlsd_handshake_wipe_result(&result);
	}
	test_peer_free(&peer);
	test_side_free(&side);
	return (int)(ktlsd_clock_ms() - begun);
}

static void responders_open(void)
{
	assert_int_equal(ktlsd_responders_start(&test.all, test_responder_path("socket")), 0);
	assert_int_equal(ktlsd_responders_open_inbox(&test.all, &test.inbox), 0);
}

static void responders_close(void)
{
	ktlsd_responders_close_inbox(&test.inbox);
	ktlsd_responders_stop(&test.all);
}

struct manner_row {
	enum manner	manner;
	const char	*name;
	int		soft;
	int		hard;
	const char	*word;
	uint32_t	how;
};

/* What each mode makes of each responder, and how long it takes. */
static void responders_manners(void **state)
{
	static const struct manner_row table[] = {
		{ GOOD, "good", 1, 1, "", KTLS_REVOCATION_OCSP },
		{ SLOW, "slow", 1, 1, "", KTLS_REVOCATION_OCSP },
		{ REVOKED, "revoked", -EKEYREJECTED, -EKEYREJECTED,
		  "(keyCompromise), says its OCSP responder", 0 },
		{ UNKNOWN, "unknown", -EKEYREJECTED, -EKEYREJECTED, "is not known to its issuer", 0 },
		{ WRONG_SIGNER, "wrong signer", 1, -EKEYREJECTED, "not authorized",
		  KTLS_REVOCATION_NO_ANSWER },
		{ WRONG_NONCE, "wrong nonce", 1, -EKEYREJECTED, "its nonce is wrong",
		  KTLS_REVOCATION_NO_ANSWER },
		{ OLD, "old", 1, -EKEYREJECTED, "it is out of date", KTLS_REVOCATION_NO_ANSWER },
		{ GARBLED, "garbled", 1, -EKEYREJECTED, "", KTLS_REVOCATION_NO_ANSWER },
		{ FAILS, "HTTP error", 1, -EKEYREJECTED, "gave no OCSP response",
		  KTLS_REVOCATION_NO_ANSWER },
		{ SILENT, "silent", 1, -EKEYREJECTED, "did not answer in time",
		  KTLS_REVOCATION_NO_ANSWER },
	};
	const struct manner_row *row;
	uint16_t version;
	int soft, hard;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		row = &table[i];
		responder.manner = row->manner;
		for (version = KTLS_TLS_1_2; version <= KTLS_TLS_1_3; version++) {
			responders_open();
			X509_free(responder.cert);
			responder.cert = responders_leaf(responder.port);
			soft = responders_connect(responder.cert, version, KTLSD_REVOCATION_OCSP,
						  row->soft, row->soft < 0 ? row->word : NULL,
						  row->how);
			responders_close();
			responders_open();
			X509_free(responder.cert);
			responder.cert = responders_leaf(responder.port);
			hard = responders_connect(responder.cert, version, KTLSD_REVOCATION_HARD,
						  row->hard, row->word, row->how);
			responders_close();
			print_message("# %-13s TLS 1.%d  ocsp: %-8s %5d ms  hard: %-8s %5d ms\n",
				      row->name, version & 0xff ? (version & 0xff) - 1 : 0,
				      row->soft == 1 ? "accepted" : "refused", soft,
				      row->hard == 1 ? "accepted" : "refused", hard);
			assert_true(soft < RESPONDERS_TEST_WAIT_MS + 1500);
			assert_true(hard < RESPONDERS_TEST_WAIT_MS + 1500);
		}
	}
	/* It still waits for the silent ones. */
	test_responder_kill(responder.fetch);
	responder.fetch = test_responder_spawn_fetch();
}

/* A responder is asked once for an answer, and not at once again if it is silent. */
static void responders_cache(void **state)
{
	unsigned int before;
	X509 *down;

	(void)state;
	responders_open();
	responders_renew(GOOD);
	before = responder.asked;
	responders_connect(responder.cert, KTLS_TLS_1_3, KTLSD_REVOCATION_HARD, 1, NULL,
			   KTLS_REVOCATION_OCSP);
	responders_connect(responder.cert, KTLS_TLS_1_2, KTLSD_REVOCATION_HARD, 1, NULL,
			   KTLS_REVOCATION_OCSP);
	assert_int_equal(responder.asked, before + 1);

	down = responders_leaf(1);
	responders_connect(down, KTLS_TLS_1_3, KTLSD_REVOCATION_HARD, -EKEYREJECTED,
			   "cannot be reached", 0);
	assert_true(responders_connect(down, KTLS_TLS_1_3, KTLSD_REVOCATION_OCSP, 1, NULL,
				       KTLS_REVOCATION_NO_ANSWER) < 500);
	X509_free(down);
	/* No responder, and no asker. */
	responders_connect(pki.ec, KTLS_TLS_1_3, KTLSD_REVOCATION_HARD, -EKEYREJECTED,
			   "the certificate names none", 0);
	responders_connect(pki.ec, KTLS_TLS_1_3, KTLSD_REVOCATION_OCSP, 1, NULL,
			   KTLS_REVOCATION_NO_ANSWER);
	responders_close();
}

/* A CRL that says nothing of the server can say that its responder is no longer to be believed. */
static void responders_delegate(void **state)
{
	const struct test_authority_crl spec = {
		.issuer = pki.ca, .key = pki.ca_key, .revoked = responder.delegate, .reason = -1,
		.from = -60, .number = 1, .scope = "critical,fullname:URI:http://other.test/",
	};
	X509_CRL *made = test_authority_crl(&spec), *crl;
	uint8_t issuer[KTLSD_CRLS_ISSUER], *der = NULL;
	int len = i2d_X509_CRL(made, &der);
	const unsigned char *at = der;
	struct ktlsd_crl_fetched *fetched;
	struct ktlsd_fault fault;
	int i;

	(void)state;
	responders_open();
	responders_renew(DELEGATE);
	responders_connect(responder.cert, KTLS_TLS_1_3, KTLSD_REVOCATION_HARD, 1, NULL,
			   KTLS_REVOCATION_OCSP);
	assert_int_equal(ktlsd_crl_lookup_hash(pki.ca, issuer), 0);
	/* OpenSSL knows the scope only of what it has decoded. */
	crl = d2i_X509_CRL(NULL, &at, len);
	fetched = ktlsd_crls_new_fetched(crl, issuer);
	assert_int_equal(ktlsd_crls_open(NULL, &test.crls, &fault), 0);
	assert_int_equal(ktlsd_crls_set_fetched(test.crls, &fetched, 1), 0);
	for (i = 0; i < 2; i++) {
		responders_renew(DELEGATE);
		responders_connect(responder.cert, KTLS_TLS_1_3, KTLSD_REVOCATION_HARD,
				   -EKEYREJECTED, "the certificate of its signer was revoked", 0);
		/* Nobody has to ask about it then; the CRL is at hand nonetheless. */
		test_authority_extend(responder.delegate, pki.ca_key, NID_id_pkix_OCSP_noCheck, "");
	}
	responders_close();
	ktlsd_crls_put(test.crls);
	test.crls = NULL;
	ktlsd_crls_put_fetched(fetched);
	X509_CRL_free(crl);
	X509_CRL_free(made);
	OPENSSL_free(der);
}

/* Return: how many handshakes wait for answers. */
static unsigned int responders_count_waiters(void)
{
	const struct ktlsd_responders_entry *entry;
	unsigned int count = 0;

	pthread_mutex_lock(&test.all.lock);
	for (entry = test.all.newest; entry; entry = entry->older)
		count += entry->waiter_count;
	pthread_mutex_unlock(&test.all.lock);
	return count;
}

/* A handshake that ends while it waits, as when the program closes the socket, leaves its place to
 * others.
 */
static void responders_leave(void **state)
{
	struct test_side side;
	struct test_peer peer;

	(void)state;
	responders_open();
	responders_renew(SILENT);
	test_side_init(&side, KTLS_ROLE_CLIENT);
	side.config.revocation = (struct ktlsd_revocation) { true, KTLSD_REVOCATION_HARD };
	side.config.revocation_ktls_trust = true;
	test_peer_init(&peer, true);
	test_peer_credential(&peer, responder.cert, pki.ec_key);
	test_side_prepare(&side, NULL, NULL, pki.ca);
	assert_int_equal(test_side_begin(&side), 0);
	side.handshake->status.asker = &test.inbox.asker;
	side.handshake->status.deadline = ktlsd_clock_ms() + 60000;
	test_peer_begin(&peer);
	test_peer_shake(&side, &peer);
	assert_int_equal(side.last, KTLSD_HANDSHAKE_WAITS);
	assert_int_equal(responders_count_waiters(), 1);
	test_peer_free(&peer);
	test_side_free(&side);
	assert_int_equal(responders_count_waiters(), 0);
	responders_close();
}

/* Handshakes that come too late to wait leave nothing that could not make room. */
static void responders_late(void **state)
{
	struct ktlsd_ocsp_question question = { .issuer = pki.ca };
	struct ktlsd_ocsp_answer answer;
	X509 *cert;
	unsigned int i;

	(void)state;
	responders_open();
	responders_renew(GOOD);
	for (i = 0; i < KTLSD_RESPONDERS_MAX; i++) {
		cert = X509_dup(responder.cert);
		ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), i);
		assert_true(X509_sign(cert, pki.ca_key, EVP_sha256()) > 0);
		question.cert = cert;
		assert_int_equal(test.inbox.asker.ask(&test.inbox.asker, &question, &answer),
				 -ETIMEDOUT);
		X509_free(cert);
	}
	responders_connect(responder.cert, KTLS_TLS_1_3, KTLSD_REVOCATION_HARD, 1, NULL,
			   KTLS_REVOCATION_OCSP);
	responders_close();
}

/* An answer counts for an hour, and not for longer because the clock was set back. */
static void responders_clock(void **state)
{
	static const struct {
		time_t		skew;
		unsigned int	asked;
	} table[] = { { 0, 1 }, { 3500, 1 }, { 3700, 2 }, { 3400, 2 }, { 0, 3 }, { 3590, 3 } };
	unsigned int before;
	size_t i;

	(void)state;
	responders_open();
	responders_renew(GOOD);
	before = responder.asked;
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		skew = table[i].skew;
		responders_connect(responder.cert, KTLS_TLS_1_3, KTLSD_REVOCATION_HARD, 1, NULL,
				   KTLS_REVOCATION_OCSP);
		if (responder.asked - before != table[i].asked)
			fail_msg("row %zu: asked %u times", i, responder.asked - before);
	}
	skew = 0;
	responders_close();
}

/* Without ktls-fetch nobody is asked; when it is back, it is used. */
static void responders_without_fetch(void **state)
{
	(void)state;
	responder.manner = GOOD;
	responders_open();
	test_responder_kill(responder.fetch);
	close(responder.socket);
	unlink(test_responder_path("socket"));
	X509_free(responder.cert);
	responder.cert = responders_leaf(responder.port);
	responders_connect(responder.cert, KTLS_TLS_1_3, KTLSD_REVOCATION_HARD, -EKEYREJECTED,
			   "ktls-fetch cannot be reached", 0);
	responders_connect(responder.cert, KTLS_TLS_1_3, KTLSD_REVOCATION_OCSP, 1, NULL,
			   KTLS_REVOCATION_NO_ANSWER);
	test_responder_listen_for_fetch();
	responder.fetch = test_responder_spawn_fetch();
	X509_free(responder.cert);
	responder.cert = responders_leaf(responder.port);
	responders_connect(responder.cert, KTLS_TLS_1_3, KTLSD_REVOCATION_HARD, 1, NULL,
			   KTLS_REVOCATION_OCSP);
	responders_close();
}

/* --- accidents of ktls-fetch --- */

/* Stopped while it asks: handshakes wait until their deadline, and the answer is used when it
 * goes on.
 */
static void responders_fetch_stopped(void **state)
{
	int took;

	(void)state;
	responders_open();
	responders_renew(GOOD);
	assert_int_equal(kill(responder.fetch, SIGSTOP), 0);
	took = responders_connect(responder.cert, KTLS_TLS_1_3, KTLSD_REVOCATION_OCSP, 1, NULL,
				  KTLS_REVOCATION_NO_ANSWER);
	assert_in_range(took, RESPONDERS_TEST_WAIT_MS - 10, RESPONDERS_TEST_WAIT_MS + 1000);
	took = responders_connect(responder.cert, KTLS_TLS_1_3, KTLSD_REVOCATION_HARD, -EKEYREJECTED,
				  "it did not answer in time", 0);
	assert_in_range(took, RESPONDERS_TEST_WAIT_MS - 10, RESPONDERS_TEST_WAIT_MS + 1000);
	assert_int_equal(kill(responder.fetch, SIGCONT), 0);
	responders_connect(responder.cert, KTLS_TLS_1_3, KTLSD_REVOCATION_HARD, 1, NULL,
			   KTLS_REVOCATION_OCSP);
	responders_close();
}

/* How often the responder has been asked each time that ktls-fetch is killed. */
static struct {
	unsigned int	first;
	unsigned int	last;
} responders_kills;

/* Kills ktls-fetch while it waits for an answer, and starts it again. */
static void *responders_kill_thread(void *arg)
{
	unsigned int asked;

	(void)arg;
	for (asked = responders_kills.first; asked <= responders_kills.last; asked++) {
		while (responder.asked < asked)
			usleep(1000);
		kill(responder.fetch, SIGKILL);
		waitpid(responder.fetch, NULL, 0);
		responder.fetch = test_responder_spawn_fetch();
	}
	return NULL;
}

/* Killed while it asks: another one asks again, once. */
static void responders_fetch_killed(void **state)
{
	static const struct {
		int		error;
		const char	*word;
	} table[] = { { 1, NULL }, { -EKEYREJECTED, "ktls-fetch has ended" } };
	pthread_t thread;
	int times;

	(void)state;
	responder.manner = SLOW;
	for (times = 1; times <= 2; times++) {
		responders_open();
		X509_free(responder.cert);
		responder.cert = responders_leaf(responder.port);
		responders_kills.first = responder.asked + 1;
		responders_kills.last = responder.asked + (unsigned int)times;
		assert_int_equal(pthread_create(&thread, NULL, responders_kill_thread, NULL), 0);
		responders_connect(responder.cert, KTLS_TLS_1_3, KTLSD_REVOCATION_HARD,
				   table[times - 1].error, table[times - 1].word,
				   KTLS_REVOCATION_OCSP);
		pthread_join(thread, NULL);
		responders_close();
	}
}

/* --- OpenSSL's responder --- */

static void responders_write_pem(const char *name, X509 *cert, EVP_PKEY *key)
{
	struct ktlsd_buffer buffer = { 0 };

	if (cert)
		test_pki_put_cert(&buffer, cert);
	if (key)
		test_pki_put_key(&buffer, key, NULL);
	test_pki_write(test_responder_path(name), &buffer, 0600);
}

/* @state: V or R. */
static void responders_write_index(X509 *cert, char what)
{
	BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get_serialNumber(cert), NULL);
	char *hex = BN_bn2hex(serial), line[256];
	struct ktlsd_buffer buffer = { 0 };

	snprintf(line, sizeof(line), "%c\t400101000000Z\t%s\t%s\tunknown\t/CN=leaf\n", what,
		 what == 'R' ? "250101000000Z,superseded" : "", hex);
	ktlsd_buffer_append(&buffer, line, strlen(line), sizeof(line));
	test_pki_write(test_responder_path("index"), &buffer, 0600);
	OPENSSL_free(hex);
	BN_free(serial);
}

static void responders_openssl(void **state)
{
	unsigned int port = 20000 + (unsigned int)getpid() % 20000;
	char port_text[8];
	char *argv[] = {
		(char *)"openssl", (char *)"ocsp", (char *)"-port", port_text,
		(char *)"-index", (char *)test_responder_path("index"), (char *)"-CA",
		(char *)test_responder_path("ca.pem"), (char *)"-rsigner", (char *)test_responder_path("ca.pem"),
		(char *)"-rkey", (char *)test_responder_path("ca.key"), (char *)"-nmin", (char *)"5",
		(char *)"-ignore_err", NULL,
	};
	X509 *cert = responders_leaf(port);
	pid_t pid;
	int round;

	(void)state;
	snprintf(port_text, sizeof(port_text), "%u", port);
	responders_write_pem("ca.pem", pki.ca, NULL);
	responders_write_pem("ca.key", NULL, pki.ca_key);
	for (round = 0; round < 2; round++) {
		responders_write_index(cert, round ? 'R' : 'V');
		pid = test_responder_spawn(argv);
		/* A connection that sends nothing would block it. */
		sleep(1);
		responders_open();
		if (round)
			responders_connect(cert, KTLS_TLS_1_3, KTLSD_REVOCATION_OCSP,
					   -EKEYREJECTED,
					   "was revoked on 2025-01-01 00:00:00 UTC (superseded), says its OCSP responder", 0);
		else
			responders_connect(cert, KTLS_TLS_1_3, KTLSD_REVOCATION_HARD, 1, NULL,
					   KTLS_REVOCATION_OCSP);
		responders_close();
		test_responder_kill(pid);
	}
	X509_free(cert);
	unlink(test_responder_path("ca.pem"));
	unlink(test_responder_path("ca.key"));
	unlink(test_responder_path("index"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(responders_manners),
		cmocka_unit_test(responders_cache),
		cmocka_unit_test(responders_delegate),
		cmocka_unit_test(responders_leave),
		cmocka_unit_test(responders_late),
		cmocka_unit_test(responders_clock),
		cmocka_unit_test(responders_without_fetch),
		cmocka_unit_test(responders_fetch_stopped),
		cmocka_unit_test(responders_fetch_killed),
		cmocka_unit_test(responders_openssl),
	};

	return cmocka_run_group_tests_name("responders", tests, responders_setup,
					   responders_teardown);
}
