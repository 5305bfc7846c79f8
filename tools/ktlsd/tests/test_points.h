/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ktlsd that fetches CRLs, handshakes that want them, and a ktls-fetch that the test plays. */
#ifndef KTLSD_TEST_POINTS_H
#define KTLSD_TEST_POINTS_H

#include "crl_points.h"
#include "test_authority.h"
#include "tls/status.h"

#define POINTS_URL	"http://crl.test/ca.crl"

/* A program's user, see struct ktlsd_crl_view. */
#define POINTS_USER(uid)	((uint64_t)(uid) << 32)

enum {
	POINTS_DAY	= 86400,
};

/**
 * struct points_test - what a test works with
 * @cert: a leaf that names POINTS_URL
 * @store: in the directory of test_fetching
 * @points: tested
 * @config: of the handshakes
 * @asker: likewise
 * @own_anchors: the handshakes have the anchors of a program
 * @user: whose handshakes they are
 */
extern struct points_test {
	X509				*cert;
	struct ktlsd_store		store;
	struct ktlsd_crl_points		points;
	struct ktlsd_config		config;
	struct ktlsd_status_asker	asker;
	bool				own_anchors;
	uint64_t			user;
} points;

int test_points_setup(void **state);
int test_points_teardown(void **state);

/* Reads a configuration again, with crl_fetch or without. */
void test_points_configure(bool fetch);

void test_points_open(void);
void test_points_close(void);

/* Return: how many CRLs are in force. */
int test_points_count(void);

/* Return: the id of the request for @url, or POINTS_URL, that is there, 0 for none. */
uint64_t test_points_requested_url(const char *url);
uint64_t test_points_requested(void);

/* A CRL of pki.ca, for a month from a minute ago on. @revoked: in it, or NULL */
struct test_authority_crl test_points_of_ca(X509 *revoked);

/* Answer the request that is due: for POINTS_URL, or for @url. */
void test_points_answer(const struct test_authority_crl *spec);
void test_points_answer_good(X509 *revoked);
void test_points_answer_url(const char *url);

/* Our client against a server with @points.cert. Return: how it was checked, or a negative errno. */
int test_points_connect(enum ktlsd_revocation_mode mode);

/* A leaf whose cRLDistributionPoints are @value, as in openssl.cnf. */
X509 *test_points_leaf(const char *value);

/* Wants the CRL of http://crl@i.test/ for @user. */
void test_points_want_one(int i, uint64_t user);

#endif
