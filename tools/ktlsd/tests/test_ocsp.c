// SPDX-License-Identifier: GPL-2.0-or-later
/* OCSP responses: which are believed, and what a stapled one does to a handshake. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "test_authority.h"
#include "test_peer.h"
#include "tls/ocsp.h"

/**
 * struct ocsp_pki - signers of responses
 * @key: of all of them
 * @delegate: the CA has issued it for OCSP
 * @plain: the CA has issued it for something else
 * @foreign: another CA has issued it for OCSP
 * @expired: the CA has issued it for OCSP
 * @must: a leaf that must be stapled
 */
static struct ocsp_pki {
	EVP_PKEY	*key;
	X509		*delegate;
	X509		*plain;
	X509		*foreign;
	X509		*expired;
	X509		*must;
} ocsp;

static X509 *ocsp_signer(X509 *issuer, EVP_PKEY *issuer_key, const char *eku, long to)
{
	const struct test_pki_spec spec = {
		.cn = "responder", .eku = eku, .from = -7200, .to = to,
	};

	return test_pki_issue(&spec, ocsp.key, issuer, issuer_key);
}

static int ocsp_setup(void **state)
{
	const struct test_pki_spec leaf = { .cn = "must", .san = "DNS:server.test" };

	test_pki_setup(state);
	ocsp.key = test_pki_key("ec");
	ocsp.delegate = ocsp_signer(pki.ca, pki.ca_key, "OCSPSigning", 3600);
	ocsp.plain = ocsp_signer(pki.ca, pki.ca_key, "serverAuth", 3600);
	ocsp.foreign = ocsp_signer(pki.other_ca, pki.other_key, "OCSPSigning", 3600);
	ocsp.expired = ocsp_signer(pki.ca, pki.ca_key, "OCSPSigning", -3600);
	ocsp.must = test_pki_issue(&leaf, pki.ec_key, pki.ca, pki.ca_key);
	test_authority_extend(ocsp.must, pki.ca_key, NID_tlsfeature, "status_request");
	return 0;
}

static int ocsp_teardown(void **state)
{
	EVP_PKEY_free(ocsp.key);
	X509_free(ocsp.delegate);
	X509_free(ocsp.plain);
	X509_free(ocsp.foreign);
	X509_free(ocsp.expired);
	X509_free(ocsp.must);
	return test_pki_teardown(state);
}

static struct test_authority_response ocsp_good(X509 *cert)
{
	return (struct test_authority_response) {
		.cert = cert, .issuer = pki.ca, .signer = pki.ca, .key = pki.ca_key,
		.status = V_OCSP_CERTSTATUS_GOOD, .from = -60,
	};
}

static void ocsp_expect(const struct test_authority_response *spec, const uint8_t *nonce,
			enum ktlsd_ocsp_status status, const char *why)
{
	const struct ktlsd_ocsp_question question = {
		.cert = pki.ec, .issuer = pki.ca, .nonce = nonce, .now = time(NULL),
	};
	struct ktlsd_ocsp_answer answer;
	uint8_t *der;
	int len;

	der = test_authority_response(spec, &len);
	ktlsd_ocsp_check(der, (size_t)len, &question, &answer);
	if (answer.status != status || !strstr(answer.why, why))
		fail_msg("status %d, expected %d: '%s', expected '%s'", answer.status, status,
			 answer.why, why);
	OPENSSL_free(der);
}

static void ocsp_signers(void **state)
{
	const struct {
		X509			*signer;
		EVP_PKEY		*key;
		enum ktlsd_ocsp_status	status;
		const char		*why;
	} table[] = {
		{ pki.ca, pki.ca_key, KTLSD_OCSP_GOOD, "" },
		{ ocsp.delegate, ocsp.key, KTLSD_OCSP_GOOD, "" },
		{ ocsp.plain, ocsp.key, KTLSD_OCSP_BAD, "not for OCSP" },
		{ ocsp.foreign, ocsp.key, KTLSD_OCSP_BAD, "not authorized" },
		{ pki.other_ca, pki.other_key, KTLSD_OCSP_BAD, "not authorized" },
		{ ocsp.expired, ocsp.key, KTLSD_OCSP_BAD, "signer has expired" },
	};
	struct test_authority_response spec = ocsp_good(pki.ec);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		spec.signer = table[i].signer;
		spec.key = table[i].key;
		ocsp_expect(&spec, NULL, table[i].status, table[i].why);
	}
	spec = ocsp_good(pki.ec);
	spec.spoil = true;
	ocsp_expect(&spec, NULL, KTLSD_OCSP_BAD, "its signature is wrong");
}

/* A response, and the certificate of its signer, need a digest of which nobody makes two alike. */
static void ocsp_digests(void **state)
{
	const struct test_pki_spec signer = { .cn = "responder", .eku = "OCSPSigning" };
	EVP_PKEY *pss_key = test_pki_key("rsa-pss");
	const struct {
		EVP_PKEY	*key;
		const EVP_MD	*certs;
		const EVP_MD	*own;
		const char	*why;
	} table[] = {
		{ ocsp.key, EVP_sha256(), EVP_sha256(), "" },
		{ ocsp.key, EVP_sha384(), EVP_sha512(), "" },
		{ ocsp.key, EVP_sha256(), EVP_sha1(), "it is not signed with SHA-256" },
		{ ocsp.key, EVP_sha256(), EVP_sha224(), "it is not signed with SHA-256" },
		{ ocsp.key, EVP_sha1(), EVP_sha256(), "signer is not signed with SHA-256" },
		{ pss_key, EVP_sha256(), EVP_sha256(), "" },
		{ pss_key, EVP_sha256(), EVP_sha1(), "it is not signed with SHA-256" },
		{ pss_key, EVP_sha1(), EVP_sha256(), "signer is not signed with SHA-256" },
	};
	struct test_authority_response spec = ocsp_good(pki.ec);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		spec.signer = test_pki_issue(&signer, table[i].key, pki.ca, pki.ca_key);
		assert_true(X509_sign(spec.signer, pki.ca_key, table[i].certs) > 0);
		spec.key = table[i].key;
		spec.digest = table[i].own;
		ocsp_expect(&spec, NULL, table[i].why[0] ? KTLSD_OCSP_BAD : KTLSD_OCSP_GOOD,
			    table[i].why);
		X509_free(spec.signer);
	}
	EVP_PKEY_free(pss_key);
	spec = ocsp_good(pki.ec);
	spec.digest = EVP_sha1();
	ocsp_expect(&spec, NULL, KTLSD_OCSP_BAD, "it is not signed with SHA-256");
}

static void ocsp_dates(void **state)
{
	struct test_authority_response spec = ocsp_good(pki.ec);

	(void)state;
	spec.from = -2 * KTLSD_OCSP_AGE_MAX;
	spec.to = -KTLSD_OCSP_TOLERANCE - 60;
	ocsp_expect(&spec, NULL, KTLSD_OCSP_BAD, "out of date");
	spec.to = -KTLSD_OCSP_TOLERANCE + 60;
	ocsp_expect(&spec, NULL, KTLSD_OCSP_GOOD, "");
	spec.from = KTLSD_OCSP_TOLERANCE + 60;
	spec.to = 7200;
	ocsp_expect(&spec, NULL, KTLSD_OCSP_BAD, "from the future");
	/* Without nextUpdate. */
	spec.to = -1;
	spec.from = -60;
	ocsp_expect(&spec, NULL, KTLSD_OCSP_GOOD, "");
	spec.from = -KTLSD_OCSP_AGE_MAX - KTLSD_OCSP_TOLERANCE - 60;
	ocsp_expect(&spec, NULL, KTLSD_OCSP_BAD, "out of date");
}

/* A response holds no longer than the certificate of its signer. */
static void ocsp_signer_expires(void **state)
{
	const struct ktlsd_ocsp_question question = {
		.cert = pki.ec, .issuer = pki.ca, .now = time(NULL),
	};
	struct test_authority_response spec = ocsp_good(pki.ec);
	struct ktlsd_ocsp_answer answer;
	uint8_t *der;
	int i, len;

	(void)state;
	spec.to = 86400;
	for (i = 0; i < 2; i++) {
		der = test_authority_response(&spec, &len);
		ktlsd_ocsp_check(der, (size_t)len, &question, &answer);
		OPENSSL_free(der);
		assert_int_equal(answer.status, KTLSD_OCSP_GOOD);
		assert_in_range(answer.expires, question.now + (i ? 3500 : 86300),
				question.now + (i ? 3600 : 86500));
		spec.signer = ocsp.delegate;
		spec.key = ocsp.key;
	}
}

static void ocsp_contents(void **state)
{
	static const uint8_t nonce[KTLSD_OCSP_NONCE] = { 1, 2, 3 }, other[KTLSD_OCSP_NONCE];
	struct test_authority_response spec = ocsp_good(pki.ec);

	(void)state;
	spec.status = V_OCSP_CERTSTATUS_UNKNOWN;
	ocsp_expect(&spec, NULL, KTLSD_OCSP_UNKNOWN, "");
	spec.status = V_OCSP_CERTSTATUS_REVOKED;
	ocsp_expect(&spec, NULL, KTLSD_OCSP_REVOKED, "");
	spec = ocsp_good(pki.rsa);
	ocsp_expect(&spec, NULL, KTLSD_OCSP_BAD, "about another certificate");
	spec = ocsp_good(pki.ec);
	ocsp_expect(&spec, nonce, KTLSD_OCSP_GOOD, "");
	spec.nonce = nonce;
	ocsp_expect(&spec, nonce, KTLSD_OCSP_GOOD, "");
	ocsp_expect(&spec, other, KTLSD_OCSP_BAD, "its nonce is wrong");
}

/* Every prefix, and every byte changed: none is taken for an answer that it is not. */
static void ocsp_mangled(void **state)
{
	const struct ktlsd_ocsp_question question = {
		.cert = pki.ec, .issuer = pki.ca, .now = time(NULL),
	};
	struct test_authority_response spec = ocsp_good(pki.ec);
	struct ktlsd_ocsp_answer answer;
	int i, len, good = 0;
	uint8_t *der;

	(void)state;
	spec.status = V_OCSP_CERTSTATUS_REVOKED;
	der = test_authority_response(&spec, &len);
	for (i = 0; i < len; i++) {
		ktlsd_ocsp_check(der, (size_t)i, &question, &answer);
		assert_int_equal(answer.status, KTLSD_OCSP_BAD);
		der[i] ^= 4;
		ktlsd_ocsp_check(der, (size_t)len, &question, &answer);
		good += answer.status != KTLSD_OCSP_BAD && answer.status != KTLSD_OCSP_REVOKED;
		der[i] ^= 4;
	}
	assert_int_equal(good, 0);
	ktlsd_ocsp_check(der, (size_t)len, &question, &answer);
	assert_int_equal(answer.status, KTLSD_OCSP_REVOKED);
	assert_int_equal(answer.reason, OCSP_REVOKED_STATUS_KEYCOMPROMISE);
	OPENSSL_free(der);
}

static void ocsp_requests(void **state)
{
	static const uint8_t nonce[KTLSD_OCSP_NONCE] = { 7 };
	uint8_t der[KTLSD_OCSP_REQUEST_MAX];
	const unsigned char *at = der;
	char url[KTLSD_OCSP_URL_MAX];
	OCSP_REQUEST *request;
	X509 *cert;
	int len;

	(void)state;
	len = ktlsd_ocsp_request(pki.ec, pki.ca, nonce, der);
	assert_true(len > 0);
	request = d2i_OCSP_REQUEST(NULL, &at, len);
	assert_non_null(request);
	assert_int_equal(OCSP_request_onereq_count(request), 1);
	OCSP_REQUEST_free(request);

	assert_false(ktlsd_ocsp_url(pki.ec, url));
	cert = X509_dup(pki.ec);
	test_authority_extend(cert, pki.ca_key, NID_info_access,
			      "OCSP;URI:ldap://a.test/x,OCSP;URI:https://b.test/,caIssuers;URI:http://c.test/,OCSP;URI:http://d.test:8080/ocsp");
	assert_true(ktlsd_ocsp_url(cert, url));
	assert_string_equal(url, "http://d.test:8080/ocsp");
	X509_free(cert);
	assert_true(ktlsd_ocsp_must_staple(ocsp.must));
	assert_false(ktlsd_ocsp_must_staple(pki.ec));
}

/* --- staples --- */

static uint8_t *ocsp_staple;
static int ocsp_staple_len;

static int ocsp_give_staple(SSL *ssl, void *arg)
{
	(void)arg;
	if (!ocsp_staple)
		return SSL_TLSEXT_ERR_NOACK;
	SSL_set_tlsext_status_ocsp_resp(ssl, OPENSSL_memdup(ocsp_staple, ocsp_staple_len),
					ocsp_staple_len);
	return SSL_TLSEXT_ERR_OK;
}

/* Our client against a server with @cert that staples what @spec says, if anything. */
static void ocsp_connect(X509 *cert, const struct test_authority_response *spec,
			 uint16_t version, enum ktlsd_revocation_mode mode, int error,
			 int alert, const char *word, uint32_t how)
{
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;

	ocsp_staple = spec ? test_authority_response(spec, &ocsp_staple_len) : NULL;
	test_side_init(&side, KTLS_ROLE_CLIENT);
	side.request.version_min = version;
	side.request.version_max = version;
	side.config.revocation = (struct ktlsd_revocation) { true, mode };
	side.config.revocation_ktls_trust = true;
	test_peer_init(&peer, true);
	test_peer_credential(&peer, cert, pki.ec_key);
	SSL_CTX_set_tlsext_status_cb(peer.ctx, ocsp_give_staple);
	test_side_prepare(&side, NULL, NULL, pki.ca);
	assert_int_equal(test_side_begin(&side), 0);
	test_peer_begin(&peer);
	test_peer_shake(&side, &peer);
	test_peer_step(&peer);
	if (side.last != error || (word && !strstr(side.fault.reason, word)))
		fail_msg("version %x, mode %s: %d, %s", version, ktlsd_revocation_name(mode),
			 side.last, side.fault.reason);
	if (error < 0) {
		assert_int_equal(side.fault.alert, alert);
		assert_int_equal(peer.alert, alert);
	} else {
		assert_int_equal(ktlsd_handshake_finish(side.handshake, &result, &side.fault), 0);
		assert_int_equal(result.revocation, how);
		ktlsd_handshake_wipe_result(&result);
	}
	test_peer_free(&peer);
	test_side_free(&side);
	OPENSSL_free(ocsp_staple);
}

static void ocsp_connect_all(X509 *cert, const struct test_authority_response *spec, int error,
			     int alert, const char *word, uint32_t how)
{
	enum ktlsd_revocation_mode mode;
	uint16_t version;

	for (version = KTLS_TLS_1_2; version <= KTLS_TLS_1_3; version++) {
		ocsp_connect(cert, spec, version, KTLSD_REVOCATION_OFF, 1, 0, NULL,
			     KTLS_REVOCATION_UNCHECKED);
		for (mode = KTLSD_REVOCATION_STAPLE; mode < KTLSD_REVOCATION_HARD; mode++)
			ocsp_connect(cert, spec, version, mode, error, alert, word, how);
	}
}

static void ocsp_staples(void **state)
{
	struct test_authority_response spec = ocsp_good(pki.ec);
	uint16_t version;

	(void)state;
	ocsp_connect_all(pki.ec, &spec, 1, 0, NULL, KTLS_REVOCATION_STAPLE);
	ocsp_connect_all(pki.ec, NULL, 1, 0, NULL, KTLS_REVOCATION_UNCHECKED);
	for (version = KTLS_TLS_1_2; version <= KTLS_TLS_1_3; version++) {
		ocsp_connect(pki.ec, &spec, version, KTLSD_REVOCATION_HARD, 1, 0, NULL,
			     KTLS_REVOCATION_STAPLE);
		ocsp_connect(pki.ec, NULL, version, KTLSD_REVOCATION_HARD, -EKEYREJECTED,
			     46, "which is required here", 0);
	}
	spec.status = V_OCSP_CERTSTATUS_REVOKED;
	ocsp_connect_all(pki.ec, &spec, -EKEYREJECTED, 44, "was revoked on 20", 0);
	ocsp_connect_all(pki.ec, &spec, -EKEYREJECTED, 44,
			 " UTC (keyCompromise), says the OCSP response stapled by the server.", 0);
	spec.status = V_OCSP_CERTSTATUS_UNKNOWN;
	ocsp_connect_all(pki.ec, &spec, -EKEYREJECTED, 46, "is not known to its issuer", 0);
	spec = ocsp_good(pki.rsa);
	ocsp_connect_all(pki.ec, &spec, -EKEYREJECTED, 113,
			 "stapled by server 'server.test' is refused: it is about another", 0);
	spec = ocsp_good(pki.ec);
	spec.from = -7200;
	spec.to = -3600;
	ocsp_connect_all(pki.ec, &spec, -EKEYREJECTED, 113, "is refused: it is out of date", 0);
	spec = ocsp_good(pki.ec);
	spec.signer = ocsp.plain;
	spec.key = ocsp.key;
	ocsp_connect_all(pki.ec, &spec, -EKEYREJECTED, 113, "is not for OCSP", 0);
}

static void ocsp_must_staple(void **state)
{
	struct test_authority_response spec = ocsp_good(ocsp.must);

	(void)state;
	ocsp_connect_all(ocsp.must, &spec, 1, 0, NULL, KTLS_REVOCATION_STAPLE);
	ocsp_connect_all(ocsp.must, NULL, -EKEYREJECTED, 113, "(must-staple)", 0);
	/* One from before it was revoked, again after its next update. */
	spec.from = -7200;
	spec.to = -KTLSD_OCSP_TOLERANCE - 60;
	ocsp_connect_all(ocsp.must, &spec, -EKEYREJECTED, 113, "is refused: it is out of date", 0);
	spec.to = -KTLSD_OCSP_TOLERANCE + 60;
	ocsp_connect_all(ocsp.must, &spec, 1, 0, NULL, KTLS_REVOCATION_STAPLE);
}

/* Two authorities have given the same serial number: a response of either, about its own, says
 * nothing of the other's certificate.
 */
static void ocsp_same_serial(void **state)
{
	struct test_authority_response spec = ocsp_good(pki.ec);
	X509 *other = X509_dup(pki.ec);

	(void)state;
	assert_int_equal(X509_set_issuer_name(other, X509_get_subject_name(pki.other_ca)), 1);
	assert_true(X509_sign(other, pki.other_key, EVP_sha256()) > 0);
	assert_int_equal(ASN1_INTEGER_cmp(X509_get0_serialNumber(other),
					  X509_get0_serialNumber(pki.ec)), 0);
	spec.cert = other;
	spec.issuer = pki.other_ca;
	ocsp_expect(&spec, NULL, KTLSD_OCSP_BAD, "it is about another certificate");
	spec.status = V_OCSP_CERTSTATUS_REVOKED;
	ocsp_expect(&spec, NULL, KTLSD_OCSP_BAD, "it is about another certificate");
	spec.signer = pki.other_ca;
	spec.key = pki.other_key;
	ocsp_expect(&spec, NULL, KTLSD_OCSP_BAD, "it is about another certificate");
	X509_free(other);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ocsp_signers),
		cmocka_unit_test(ocsp_digests),
		cmocka_unit_test(ocsp_dates),
		cmocka_unit_test(ocsp_signer_expires),
		cmocka_unit_test(ocsp_contents),
		cmocka_unit_test(ocsp_mangled),
		cmocka_unit_test(ocsp_requests),
		cmocka_unit_test(ocsp_staples),
		cmocka_unit_test(ocsp_must_staple),
		cmocka_unit_test(ocsp_same_serial),
	};

	return cmocka_run_group_tests_name("ocsp", tests, ocsp_setup, ocsp_teardown);
}
