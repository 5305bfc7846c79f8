// SPDX-License-Identifier: GPL-2.0-or-later
/* CRLs: which are read, and when; which certificates they make the handshake refuse. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/x509v3.h>

#include "config/crl_lookup.h"
#include "config/file.h"
#include "test_authority.h"
#include "test_peer.h"
#include "tls/server_ticket.h"

static char crls_dir[] = "/tmp/ktlsd-crls-XXXXXX";

static const char *crls_path(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", crls_dir, name);
	return path;
}

static void crls_write(const char *name, const struct test_authority_crl *spec, bool der)
{
	X509_CRL *crl = test_authority_crl(spec);
	struct ktlsd_buffer buffer = { 0 };

	test_authority_put_crl(&buffer, crl, der);
	test_pki_write(crls_path(name), &buffer, 0600);
	X509_CRL_free(crl);
}

static int crls_setup(void **state)
{
	assert_non_null(mkdtemp(crls_dir));
	return test_pki_setup(state);
}

static int crls_teardown(void **state)
{
	assert_int_equal(rmdir(crls_dir), 0);
	return test_pki_teardown(state);
}

static struct test_authority_crl crls_of_ca(X509 *revoked)
{
	return (struct test_authority_crl) {
		.issuer = pki.ca, .key = pki.ca_key, .revoked = revoked, .number = 1,
		.reason = CRL_REASON_KEY_COMPROMISE, .from = -60,
	};
}

static void crls_formats(void **state)
{
	struct test_authority_crl spec = crls_of_ca(pki.ec);
	struct ktlsd_crls *crls;
	struct ktlsd_fault fault;
	struct ktlsd_buffer buffer = { 0 };
	X509_CRL *crl = test_authority_crl(&spec);

	(void)state;
	crls_write("a.der", &spec, true);
	test_authority_put_crl(&buffer, crl, false);
	test_authority_put_crl(&buffer, crl, false);
	test_pki_write(crls_path("two.pem"), &buffer, 0600);
	X509_CRL_free(crl);
	test_authority_put_crl(&buffer, crl = test_authority_crl(&spec), false);
	buffer.len /= 2;
	test_pki_write(crls_path(".hidden"), &buffer, 0600);
	X509_CRL_free(crl);

	assert_int_equal(ktlsd_crls_open(crls_dir, &crls, &fault), 0);
	assert_int_equal(sk_X509_CRL_num(crls->set->list), 3);
	ktlsd_crls_put(crls);
	assert_int_equal(ktlsd_crls_open(crls_path("a.der"), &crls, &fault), 0);
	assert_int_equal(sk_X509_CRL_num(crls->set->list), 1);
	ktlsd_crls_put(crls);

	assert_int_equal(ktlsd_crls_open(crls_path(".hidden"), &crls, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "/.hidden cannot be used: a CRL in it cannot be decoded"));
	ktlsd_buffer_append(&buffer, "hello\n", 6, 6);
	test_pki_write(crls_path("text"), &buffer, 0600);
	assert_int_equal(ktlsd_crls_open(crls_dir, &crls, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "/text cannot be used: there is no CRL in it"));
	assert_int_equal(ktlsd_crls_open(crls_path("none"), &crls, &fault), -ENOENT);
	unlink(crls_path("a.der"));
	unlink(crls_path("two.pem"));
	unlink(crls_path(".hidden"));
	unlink(crls_path("text"));
}

static unsigned int crls_reads;

static int crls_read_nothing(const char *path, size_t max, struct ktlsd_buffer *buffer,
			     mode_t *ret_mode, struct ktlsd_fault *fault)
{
	(void)max;
	(void)buffer;
	(void)ret_mode;
	crls_reads++;
	return ktlsd_errors_set(fault, -EPIPE, "%s: the signer process of ktlsd does not answer",
				path);
}

/* Who reads the files may be stopped: they are read again, though they are the same. */
static void crls_retry(void **state)
{
	struct test_authority_crl spec = crls_of_ca(NULL);
	struct ktlsd_crls *crls;
	struct ktlsd_fault fault;
	X509_CRL *crl;

	(void)state;
	crls_write("ca.crl", &spec, true);
	assert_int_equal(ktlsd_crls_open(crls_dir, &crls, &fault), 0);
	spec.revoked = pki.ec;
	crls_write("more.crl", &spec, true);
	ktlsd_file_set_reader(crls_read_nothing);
	assert_false(ktlsd_crls_refresh(crls));
	assert_false(ktlsd_crls_refresh(crls));
	assert_int_equal(crls_reads, 1);
	crls->retry = 1;
	assert_false(ktlsd_crls_refresh(crls));
	assert_int_equal(crls_reads, 2);
	ktlsd_file_set_reader(NULL);
	assert_false(ktlsd_crls_refresh(crls));
	crls->retry = 1;
	assert_true(ktlsd_crls_refresh(crls));
	assert_non_null(ktlsd_crl_lookup_revoked(crls->set, pki.ec, pki.ca, &crl));
	assert_false(ktlsd_crls_refresh(crls));
	unlink(crls_path("ca.crl"));
	unlink(crls_path("more.crl"));
	ktlsd_crls_put(crls);
}

/* A file that changes is read again; a broken one leaves the old set in force. */
static void crls_refresh(void **state)
{
	struct test_authority_crl spec = crls_of_ca(NULL);
	struct ktlsd_buffer buffer = { 0 };
	struct ktlsd_crl_set *old;
	struct ktlsd_crls *crls;
	struct ktlsd_fault fault;
	X509_CRL *crl;

	(void)state;
	crls_write("ca.crl", &spec, true);
	assert_int_equal(ktlsd_crls_open(crls_dir, &crls, &fault), 0);
	assert_false(ktlsd_crls_refresh(crls));
	old = ktlsd_crls_get_set(crls);
	assert_null(ktlsd_crl_lookup_revoked(old, pki.ec, pki.ca, &crl));

	spec.revoked = pki.ec;
	crls_write("new", &spec, true);
	assert_int_equal(rename(crls_path("new"), "/tmp/ktlsd-crls-new"), 0);
	assert_int_equal(rename("/tmp/ktlsd-crls-new", crls_path("ca.crl")), 0);
	assert_true(ktlsd_crls_refresh(crls));
	assert_false(ktlsd_crls_refresh(crls));
	assert_non_null(ktlsd_crl_lookup_revoked(crls->set, pki.ec, pki.ca, &crl));
	assert_null(ktlsd_crl_lookup_revoked(crls->set, pki.rsa, pki.ca, &crl));
	assert_null(ktlsd_crl_lookup_revoked(old, pki.ec, pki.ca, &crl));
	ktlsd_crls_put_set(old);

	ktlsd_buffer_append(&buffer, "0", 1, 1);
	test_pki_write(crls_path("ca.crl"), &buffer, 0600);
	assert_false(ktlsd_crls_refresh(crls));
	assert_non_null(ktlsd_crl_lookup_revoked(crls->set, pki.ec, pki.ca, &crl));
	unlink(crls_path("ca.crl"));
	assert_true(ktlsd_crls_refresh(crls));
	assert_null(ktlsd_crl_lookup_revoked(crls->set, pki.ec, pki.ca, &crl));
	ktlsd_crls_put(crls);
}

/* Our client against a server with @cert. Return: as ktlsd_handshake_run() at last. */
static int crls_connect(struct test_side *side, X509 *cert, uint16_t version,
			enum ktlsd_revocation_mode mode, int *ret_alert)
{
	struct ktlsd_fault fault;
	struct test_peer peer;
	int last;

	test_side_init(side, KTLS_ROLE_CLIENT);
	side->request.version_min = version;
	side->request.version_max = version;
	side->config.revocation.given = true;
	side->config.revocation.mode = mode;
	side->config.revocation_ktls_trust = true;
	assert_int_equal(ktlsd_crls_open(crls_dir, &side->config.crls, &fault), 0);
	test_peer_init(&peer, true);
	test_peer_credential(&peer, cert, pki.ec_key);
	test_side_prepare(side, NULL, NULL, pki.ca);
	assert_int_equal(test_side_begin(side), 0);
	test_peer_begin(&peer);
	test_peer_shake(side, &peer);
	test_peer_step(&peer);
	last = side->last;
	*ret_alert = peer.alert;
	test_peer_free(&peer);
	return last;
}

static void crls_expect(uint16_t version, enum ktlsd_revocation_mode mode, int error,
			int alert, const char *word)
{
	struct test_side side;
	int got, received;

	got = crls_connect(&side, pki.ec, version, mode, &received);
	if (got != error || (word && !strstr(side.fault.reason, word)))
		fail_msg("version %x, mode %s: %d, %s", version, ktlsd_revocation_name(mode),
			 got, side.fault.reason);
	if (error < 0) {
		assert_int_equal(side.fault.error, error);
		assert_int_equal(received, alert);
		assert_int_equal(side.fault.alert, alert);
	}
	ktlsd_crls_put(side.config.crls);
	test_side_free(&side);
}

static void crls_expect_all(const struct test_authority_crl *spec, int error, int alert,
			    const char *word)
{
	uint16_t version;

	crls_write("ca.crl", spec, true);
	for (version = KTLS_TLS_1_2; version <= KTLS_TLS_1_3; version++) {
		crls_expect(version, KTLSD_REVOCATION_CRL, error, alert, word);
		crls_expect(version, KTLSD_REVOCATION_HARD, error, alert, word);
		crls_expect(version, KTLSD_REVOCATION_STAPLE, 1, 0, NULL);
		crls_expect(version, KTLSD_REVOCATION_OFF, 1, 0, NULL);
	}
	unlink(crls_path("ca.crl"));
}

static void crls_handshakes(void **state)
{
	struct test_authority_crl spec = crls_of_ca(pki.ec);

	(void)state;
	crls_expect_all(&spec, -EKEYREJECTED, 44, "'server.test' was revoked on 20");
	crls_expect_all(&spec, -EKEYREJECTED, 44, "(keyCompromise), says the CRL of 'Test CA'.");
	spec.reason = -1;
	crls_expect_all(&spec, -EKEYREJECTED, 44, " UTC, says the CRL of 'Test CA'.");
	spec.revoked = pki.rsa;
	crls_expect_all(&spec, 1, 0, NULL);
	spec.to = -30;
	crls_expect_all(&spec, -EKEYREJECTED, 46, "the CRL of 'Test CA' is stale, its next update was due on 20");
	spec.to = 0;
	spec.from = 3600;
	crls_expect_all(&spec, -EKEYREJECTED, 46, "cannot be used: CRL is not yet valid");
	spec.from = -60;
	spec.key = pki.rsa_key;
	crls_expect_all(&spec, -EKEYREJECTED, 46, "cannot be used: CRL signature failure");
}

/* Another authority's CRL says nothing: accepted, unless every certificate has to be proven. */
static void crls_missing(void **state)
{
	struct test_authority_crl spec = {
		.issuer = pki.other_ca, .key = pki.other_key, .number = 1, .from = -60,
	};

	(void)state;
	crls_write("other.crl", &spec, false);
	crls_expect(KTLS_TLS_1_3, KTLSD_REVOCATION_CRL, 1, 0, NULL);
	crls_expect(KTLS_TLS_1_2, KTLSD_REVOCATION_CRL, 1, 0, NULL);
	crls_expect(KTLS_TLS_1_3, KTLSD_REVOCATION_OCSP, 1, 0, NULL);
	crls_expect(KTLS_TLS_1_3, KTLSD_REVOCATION_HARD, -EKEYREJECTED, 46, "which is required here");
	crls_expect(KTLS_TLS_1_2, KTLSD_REVOCATION_HARD, -EKEYREJECTED, 46, "which is required here");
	unlink(crls_path("other.crl"));
}

/* A delta CRL revokes what the complete one does not. */
static void crls_delta(void **state)
{
	struct test_authority_crl base = crls_of_ca(NULL), delta = crls_of_ca(pki.ec);

	(void)state;
	delta.number = 2;
	delta.base = 1;
	crls_write("base.crl", &base, true);
	crls_expect(KTLS_TLS_1_3, KTLSD_REVOCATION_CRL, 1, 0, NULL);
	crls_write("delta.crl", &delta, true);
	crls_expect(KTLS_TLS_1_3, KTLSD_REVOCATION_CRL, -EKEYREJECTED, 44, "was revoked on 20");
	crls_expect(KTLS_TLS_1_2, KTLSD_REVOCATION_CRL, -EKEYREJECTED, 44, "was revoked on 20");
	unlink(crls_path("base.crl"));
	unlink(crls_path("delta.crl"));
}

/* A program's own anchors: only staples are checked, unless ktlsd.conf says otherwise. */
static void crls_whose_anchors(void **state)
{
	struct ktlsd_revocation hard = { true, KTLSD_REVOCATION_HARD };
	struct ktlsd_revocation off = { true, KTLSD_REVOCATION_OFF }, none = { 0 };

	(void)state;
	assert_int_equal(ktlsd_revocation_choose(0, NULL, &none, false, false),
			 KTLSD_REVOCATION_STAPLE);
	assert_int_equal(ktlsd_revocation_choose(0, NULL, &hard, false, false),
			 KTLSD_REVOCATION_HARD);
	assert_int_equal(ktlsd_revocation_choose(0, NULL, &hard, true, false),
			 KTLSD_REVOCATION_STAPLE);
	assert_int_equal(ktlsd_revocation_choose(0, NULL, &hard, true, true),
			 KTLSD_REVOCATION_HARD);
	assert_int_equal(ktlsd_revocation_choose(0, &off, &hard, false, false),
			 KTLSD_REVOCATION_OFF);
	assert_int_equal(ktlsd_revocation_choose(0, &off, &hard, true, false),
			 KTLSD_REVOCATION_OFF);
	/* A policy lifts what an identity lowers, and lowers nothing. */
	assert_int_equal(ktlsd_revocation_choose(KTLSD_REVOCATION_CRL, &off, &none, false, false),
			 KTLSD_REVOCATION_CRL);
	assert_int_equal(ktlsd_revocation_choose(KTLSD_REVOCATION_CRL, &hard, &none, false, false),
			 KTLSD_REVOCATION_HARD);
	assert_int_equal(ktlsd_revocation_choose(KTLSD_REVOCATION_HARD, NULL, &none, true, false),
			 KTLSD_REVOCATION_STAPLE);
}

/* A policy has the CRLs looked up for its callers, and with their own anchors if it says so. */
static void crls_policy(void **state)
{
	struct test_authority_crl spec = crls_of_ca(pki.ec);
	struct ktlsd_fault fault;
	struct test_side side;
	struct test_peer peer;
	int own;

	(void)state;
	crls_write("ca.crl", &spec, true);
	for (own = 0; own < 2; own++) {
		test_side_init(&side, KTLS_ROLE_CLIENT);
		side.config.revocation = (struct ktlsd_revocation) { true, KTLSD_REVOCATION_OFF };
		side.request.bounds.revocation = KTLSD_REVOCATION_CRL;
		side.request.bounds.revocation_ktls_trust = own;
		assert_int_equal(ktlsd_crls_open(crls_dir, &side.config.crls, &fault), 0);
		test_peer_init(&peer, true);
		test_peer_credential(&peer, pki.ec, pki.ec_key);
		test_side_prepare(&side, NULL, NULL, pki.ca);
		assert_int_equal(test_side_begin(&side), 0);
		test_peer_begin(&peer);
		test_peer_shake(&side, &peer);
		assert_int_equal(side.last, own ? -EKEYREJECTED : 1);
		if (own)
			assert_non_null(strstr(side.fault.reason, "was revoked on 20"));
		test_peer_free(&peer);
		ktlsd_crls_put(side.config.crls);
		test_side_free(&side);
	}
	unlink(crls_path("ca.crl"));
}

/* Our server refuses a revoked client; TLS 1.3 clients learn of it after their handshake. */
static void crls_client(void **state)
{
	struct test_authority_crl spec = crls_of_ca(pki.client);
	struct ktlsd_fault fault;
	struct test_side side;
	struct test_peer peer;
	uint16_t version;

	(void)state;
	crls_write("ca.crl", &spec, true);
	for (version = KTLS_TLS_1_2; version <= KTLS_TLS_1_3; version++) {
		test_side_init(&side, KTLS_ROLE_SERVER);
		side.request.verify = KTLS_VERIFY_REQUIRED;
		side.request.version_min = version;
		side.request.version_max = version;
		side.config.revocation = (struct ktlsd_revocation) { true, KTLSD_REVOCATION_CRL };
		side.config.revocation_ktls_trust = true;
		assert_int_equal(ktlsd_crls_open(crls_dir, &side.config.crls, &fault), 0);
		test_peer_init(&peer, false);
		test_peer_credential(&peer, pki.client, pki.ec_key);
		test_side_prepare(&side, pki.ec, pki.ec_key, pki.ca);
		assert_int_equal(test_side_begin(&side), 0);
		test_peer_begin(&peer);
		test_peer_shake(&side, &peer);
		assert_int_equal(side.last, -EKEYREJECTED);
		assert_non_null(strstr(side.fault.reason, "The client's certificate was revoked on 20"));
		assert_int_equal(side.fault.alert, 44);
		test_peer_free(&peer);
		ktlsd_crls_put(side.config.crls);
		test_side_free(&side);
	}
	unlink(crls_path("ca.crl"));
}

/* A client's certificate, and who has issued it. */
struct crls_chain {
	X509		*leaf, *issuer;
	EVP_PKEY	*key;
};

/* One handshake of our server with a client of a chain of three, which offers @session. */
static void crls_resume(const struct crls_chain *chain, struct ktlsd_crls *crls,
			struct ktlsd_ticket_keys *keys, uint16_t version,
			SSL_SESSION **session, bool resumed)
{
	const struct ktlsd_fingerprint fingerprint = { { 1 } };
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;
	char byte;

	test_side_init(&side, KTLS_ROLE_SERVER);
	side.request.verify = KTLS_VERIFY_REQUIRED;
	side.request.version_max = version;
	side.config.revocation = (struct ktlsd_revocation) { true, KTLSD_REVOCATION_CRL };
	side.config.revocation_ktls_trust = true;
	side.config.crls = crls;
	test_side_prepare(&side, pki.ec, pki.ec_key, pki.ca);
	assert_int_equal(test_side_begin(&side), 0);
	assert_int_equal(ktlsd_server_ticket_enable(side.handshake, &fingerprint, keys, 1), 0);
	test_peer_init(&peer, false);
	test_peer_keep_session(&peer, session);
	test_peer_credential(&peer, chain->leaf, chain->key);
	assert_int_equal(SSL_CTX_add1_chain_cert(peer.ctx, chain->issuer), 1);
	test_peer_begin(&peer);
	if (*session)
		SSL_set_session(peer.ssl, *session);
	test_peer_step(&peer);
	if (resumed || !*session) {
		test_peer_finish(&side, &peer, &result);
		assert_int_equal(result.resumed, resumed);
		assert_true(result.verified);
		SSL_read(peer.ssl, &byte, 1);
		SSL_set_shutdown(peer.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	} else {
		test_peer_shake(&side, &peer);
		assert_int_equal(side.last, -EKEYREJECTED);
		assert_int_equal(side.fault.alert, 44);
	}
	test_peer_free(&peer);
	test_side_free(&side);
}

/* A client whose authority was revoked after the full handshake does not resume, nor one of whose
 * tickets the last came with a resumption.
 */
static void crls_revoked_authority(void **state)
{
	const struct test_pki_spec ca = { .cn = "Sub CA", .is_ca = true };
	const struct test_pki_spec leaf = { .cn = "client", .eku = "clientAuth" };
	struct crls_chain chain = { .key = pki.ec_key };
	struct ktlsd_ticket_keys keys;
	struct test_authority_crl spec;
	SSL_SESSION *session;
	struct ktlsd_fault fault;
	struct ktlsd_crls *crls;
	uint16_t version;

	(void)state;
	chain.issuer = test_pki_issue(&ca, pki.other_key, pki.ca, pki.ca_key);
	chain.leaf = test_pki_issue(&leaf, pki.ec_key, chain.issuer, pki.other_key);
	for (version = KTLS_TLS_1_2; version <= KTLS_TLS_1_3; version++) {
		spec = crls_of_ca(NULL);
		crls_write("ca.crl", &spec, true);
		spec = (struct test_authority_crl){ .issuer = chain.issuer, .key = pki.other_key,
						    .number = 1, .from = -60 };
		crls_write("sub.crl", &spec, true);
		assert_int_equal(ktlsd_crls_open(crls_dir, &crls, &fault), 0);
		ktlsd_ticket_keys_init(&keys, 100);
		session = NULL;
		crls_resume(&chain, crls, &keys, version, &session, false);
		crls_resume(&chain, crls, &keys, version, &session, true);
		ktlsd_crls_put(crls);
		spec = crls_of_ca(chain.issuer);
		crls_write("ca.crl", &spec, true);
		assert_int_equal(ktlsd_crls_open(crls_dir, &crls, &fault), 0);
		crls_resume(&chain, crls, &keys, version, &session, false);
		ktlsd_crls_put(crls);
		SSL_SESSION_free(session);
		ktlsd_ticket_keys_free(&keys);
	}
	unlink(crls_path("ca.crl"));
	unlink(crls_path("sub.crl"));
	X509_free(chain.leaf);
	X509_free(chain.issuer);
}

/* An authority that gives itself the name of another, and sends that one's certificate too:
 * OpenSSL looks for a path to the issuer of the CRL among what the peer sent.
 */
static void crls_false_name(void **state)
{
	const struct test_pki_spec ca = { .cn = "Test CA", .is_ca = true };
	const struct test_pki_spec leaf = { .cn = "leaf", .san = "DNS:server.test" };
	struct test_authority_crl spec = crls_of_ca(NULL);
	EVP_PKEY *key = test_pki_key("ec");
	struct ktlsd_fault fault;
	struct test_side side;
	struct test_peer peer;
	X509 *issuer, *cert;

	(void)state;
	issuer = test_pki_issue(&ca, key, pki.other_ca, pki.other_key);
	cert = test_pki_issue(&leaf, key, issuer, key);
	crls_write("ca.crl", &spec, true);
	test_side_init(&side, KTLS_ROLE_CLIENT);
	side.config.revocation = (struct ktlsd_revocation) { true, KTLSD_REVOCATION_CRL };
	side.config.revocation_ktls_trust = true;
	assert_int_equal(ktlsd_crls_open(crls_dir, &side.config.crls, &fault), 0);
	test_peer_init(&peer, true);
	test_peer_credential(&peer, cert, key);
	assert_int_equal(SSL_CTX_add1_chain_cert(peer.ctx, issuer), 1);
	assert_int_equal(SSL_CTX_add1_chain_cert(peer.ctx, pki.ca), 1);
	test_side_prepare(&side, NULL, NULL, pki.other_ca);
	assert_int_equal(test_side_begin(&side), 0);
	test_peer_begin(&peer);
	test_peer_shake(&side, &peer);
	assert_int_equal(side.last, -EKEYREJECTED);
	assert_non_null(strstr(side.fault.reason, "the CRL of 'Test CA' cannot be used"));
	test_peer_free(&peer);
	ktlsd_crls_put(side.config.crls);
	test_side_free(&side);
	unlink(crls_path("ca.crl"));
	X509_free(cert);
	X509_free(issuer);
	EVP_PKEY_free(key);
}

/* A CRL of another authority, which all peers know, has the serial number of the server. */
static void crls_same_serial(void **state)
{
	struct test_authority_crl spec = crls_of_ca(pki.ec);
	struct ktlsd_fault fault;
	struct ktlsd_crls *crls;
	X509_CRL *crl;

	(void)state;
	spec.issuer = pki.other_ca;
	spec.key = pki.other_key;
	crls_write("other.crl", &spec, true);
	assert_int_equal(ktlsd_crls_open(crls_dir, &crls, &fault), 0);
	assert_int_equal(sk_X509_CRL_num(crls->set->list), 1);
	assert_null(ktlsd_crl_lookup_revoked(crls->set, pki.ec, pki.ca, &crl));
	assert_null(ktlsd_crl_lookup_revoked(crls->set, pki.ec, NULL, &crl));
	ktlsd_crls_put(crls);
	spec = crls_of_ca(pki.rsa);
	crls_expect_all(&spec, 1, 0, NULL);
	spec = crls_of_ca(pki.ec);
	crls_expect_all(&spec, -EKEYREJECTED, 44, "says the CRL of 'Test CA'.");
	unlink(crls_path("other.crl"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(crls_formats),
		cmocka_unit_test(crls_retry),
		cmocka_unit_test(crls_refresh),
		cmocka_unit_test(crls_handshakes),
		cmocka_unit_test(crls_same_serial),
		cmocka_unit_test(crls_missing),
		cmocka_unit_test(crls_delta),
		cmocka_unit_test(crls_whose_anchors),
		cmocka_unit_test(crls_policy),
		cmocka_unit_test(crls_client),
		cmocka_unit_test(crls_revoked_authority),
		cmocka_unit_test(crls_false_name),
	};

	return cmocka_run_group_tests_name("crls", tests, crls_setup, crls_teardown);
}
