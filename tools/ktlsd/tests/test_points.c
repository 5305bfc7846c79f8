// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "lib/log.h"
#include "test_fetching.h"
#include "test_peer.h"
#include "test_points.h"

struct points_test points;

/* --- ktlsd --- */

static void points_want(struct ktlsd_status_asker *asker, X509 *cert, X509 *issuer,
			uint64_t user)
{
	(void)asker;
	ktlsd_crl_points_want(&points.points, cert, issuer, user);
}

static int points_ask(struct ktlsd_status_asker *asker,
		      const struct ktlsd_ocsp_question *question,
		      struct ktlsd_ocsp_answer *ret_answer)
{
	(void)asker;
	(void)question;
	memset(ret_answer, 0, sizeof(*ret_answer));
	strcpy(ret_answer->why, "it is not there");
	return -ENOENT;
}

void test_points_configure(bool fetch)
{
	struct ktlsd_fault fault;

	ktlsd_crls_put(points.config.crls);
	assert_int_equal(ktlsd_crls_open(NULL, &points.config.crls, &fault), 0);
	points.config.crl_fetch = fetch;
	points.config.crls->fetch = fetch;
	ktlsd_crl_points_adopt(&points.points, &points.config);
}

void test_points_open(void)
{
	test_fetching_open();
	ktlsd_store_open(&points.store, fetching.dir);
	ktlsd_crl_points_init(&points.points, &fetching.errands, &points.store);
	test_points_configure(true);
}

void test_points_close(void)
{
	ktlsd_crl_points_free(&points.points);
	ktlsd_crls_put(points.config.crls);
	points.config.crls = NULL;
	test_fetching_close();
	ktlsd_store_close(&points.store);
}

/* Return: how many CRLs are in force. */
int test_points_count(void)
{
	return (int)points.config.crls->set->fetched_count;
}

/* Return: the id of the request for @url that is there, 0 for none. */
uint64_t test_points_requested_url(const char *url)
{
	uint8_t body[KTLS_FETCH_BODY_MAX];
	size_t len = 0;
	uint64_t id;

	test_fetching_step();
	id = test_fetching_receive(url, body, &len);
	assert_int_equal(len, 0);
	return id;
}

uint64_t test_points_requested(void)
{
	return test_points_requested_url(POINTS_URL);
}

struct test_authority_crl test_points_of_ca(X509 *revoked)
{
	return (struct test_authority_crl) {
		.issuer = pki.ca, .key = pki.ca_key, .revoked = revoked, .reason = -1,
		.from = fetching.offset - 60, .to = fetching.offset - 60 + 30 * POINTS_DAY,
		.number = 1,
	};
}

/* Answers the request that is due. */
void test_points_answer(const struct test_authority_crl *spec)
{
	X509_CRL *crl = test_authority_crl(spec);
	struct ktlsd_buffer der = { 0 };
	uint64_t id = test_points_requested();

	assert_true(id);
	test_authority_put_crl(&der, crl, true);
	test_fetching_send(id, 0, der.data, der.len, 100);
	ktlsd_buffer_free(&der);
	X509_CRL_free(crl);
}

/* Answers the request with @url, which is due. */
void test_points_answer_url(const char *url)
{
	const struct test_authority_crl spec = test_points_of_ca(NULL);
	X509_CRL *crl = test_authority_crl(&spec);
	struct ktlsd_buffer der = { 0 };
	uint64_t id = test_points_requested_url(url);

	assert_true(id);
	test_authority_put_crl(&der, crl, true);
	test_fetching_send(id, 0, der.data, der.len, der.len);
	ktlsd_buffer_free(&der);
	X509_CRL_free(crl);
}

void test_points_answer_good(X509 *revoked)
{
	const struct test_authority_crl spec = test_points_of_ca(revoked);

	test_points_answer(&spec);
}

/* Our client against a server with @cert. Return: how it was checked, or a negative errno. */
int test_points_connect(enum ktlsd_revocation_mode mode)
{
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;
	int ret;

	test_side_init(&side, KTLS_ROLE_CLIENT);
	side.config.revocation = (struct ktlsd_revocation) { true, mode };
	side.config.revocation_ktls_trust = true;
	side.config.crls = points.config.crls;
	test_peer_init(&peer, true);
	test_peer_credential(&peer, points.cert, pki.ec_key);
	test_side_prepare(&side, NULL, NULL, pki.ca);
	assert_int_equal(test_side_begin(&side), 0);
	side.handshake->status.asker = &points.asker;
	side.handshake->status.own_anchors = points.own_anchors;
	side.handshake->status.user = points.user;
	test_peer_begin(&peer);
	test_peer_shake(&side, &peer);
	ret = side.last;
	if (ret == 1) {
		assert_int_equal(ktlsd_handshake_finish(side.handshake, &result, &side.fault), 0);
		ret = (int)result.revocation;
		ktlsd_handshake_wipe_result(&result);
	}
	test_peer_free(&peer);
	test_side_free(&side);
	return ret;
}

X509 *test_points_leaf(const char *value)
{
	X509 *cert = X509_dup(pki.ec);

	test_authority_extend(cert, pki.ca_key, NID_crl_distribution_points, value);
	return cert;
}

int test_points_setup(void **state)
{
	test_pki_setup(state);
	test_fetching_setup();
	points.cert = test_points_leaf("URI:" POINTS_URL);
	points.asker.want_crl = points_want;
	points.asker.ask = points_ask;
	ktlsd_log_open("test", KTLSD_LOG_STDERR, KTLSD_LOG_ERROR);
	return 0;
}

int test_points_teardown(void **state)
{
	test_fetching_teardown();
	X509_free(points.cert);
	return test_pki_teardown(state);
}

/* Wants the CRL of http://crl@i.test/ for @user. */
void test_points_want_one(int i, uint64_t user)
{
	char url[64];
	X509 *cert;

	snprintf(url, sizeof(url), "URI:http://crl%d.test/", i);
	cert = test_points_leaf(url);
	ktlsd_crl_points_want(&points.points, cert, pki.ca, user);
	ktlsd_crl_points_want(&points.points, cert, pki.ca, user);
	X509_free(cert);
}
