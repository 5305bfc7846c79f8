// SPDX-License-Identifier: GPL-2.0-or-later
/* CRLs that are fetched because certificates name them. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/x509v3.h>

#include "lib/log.h"
#include "crl_check.h"
#include "crl_points.h"
#include "test_authority.h"
#include "test_conf.h"
#include "test_fetching.h"
#include "test_peer.h"

#define POINTS_URL	"http://crl.test/ca.crl"

/* A program's user, see struct ktlsd_crl_view. */
#define POINTS_USER(uid)	((uint64_t)(uid) << 32)

enum {
	POINTS_DAY	= 86400,
};

/**
 * struct points_test - what a test works with
 * @cert: a leaf that names POINTS_URL
 * @asker: of the handshakes
 * @own_anchors: the handshakes have the anchors of a program
 * @user: whose handshakes they are
 */
static struct points_test {
	X509				*cert;
	struct ktlsd_store		store;
	struct ktlsd_crl_points		points;
	struct ktlsd_config		config;
	struct ktlsd_status_asker	asker;
	bool				own_anchors;
	uint64_t			user;
} test;

/* --- ktlsd --- */

static void points_want(struct ktlsd_status_asker *asker, X509 *cert, X509 *issuer,
			uint64_t user)
{
	(void)asker;
	ktlsd_crl_points_want(&test.points, cert, issuer, user);
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

static void points_configure(bool fetch)
{
	struct ktlsd_fault fault;

	ktlsd_crls_put(test.config.crls);
	assert_int_equal(ktlsd_crls_open(NULL, &test.config.crls, &fault), 0);
	test.config.crl_fetch = fetch;
	test.config.crls->fetch = fetch;
	ktlsd_crl_points_adopt(&test.points, &test.config);
}

static void points_open(void)
{
	test_fetching_open();
	ktlsd_store_open(&test.store, fetching.dir);
	ktlsd_crl_points_init(&test.points, &fetching.errands, &test.store);
	points_configure(true);
}

static void points_close(void)
{
	ktlsd_crl_points_free(&test.points);
	ktlsd_crls_put(test.config.crls);
	test.config.crls = NULL;
	test_fetching_close();
	ktlsd_store_close(&test.store);
}

/* Return: how many CRLs are in force. */
static int points_count(void)
{
	return (int)test.config.crls->set->fetched_count;
}

/* Return: the id of the request for @url that is there, 0 for none. */
static uint64_t points_requested_url(const char *url)
{
	uint8_t body[KTLS_FETCH_BODY_MAX];
	size_t len = 0;
	uint64_t id;

	test_fetching_step();
	id = test_fetching_receive(url, body, &len);
	assert_int_equal(len, 0);
	return id;
}

static uint64_t points_requested(void)
{
	return points_requested_url(POINTS_URL);
}

static struct test_authority_crl points_of_ca(X509 *revoked)
{
	return (struct test_authority_crl) {
		.issuer = pki.ca, .key = pki.ca_key, .revoked = revoked, .reason = -1,
		.from = fetching.offset - 60, .to = fetching.offset - 60 + 30 * POINTS_DAY,
		.number = 1,
	};
}

/* Answers the request that is due. */
static void points_answer(const struct test_authority_crl *spec)
{
	X509_CRL *crl = test_authority_crl(spec);
	struct ktlsd_buffer der = { 0 };
	uint64_t id = points_requested();

	assert_true(id);
	test_authority_put_crl(&der, crl, true);
	test_fetching_send(id, 0, der.data, der.len, 100);
	ktlsd_buffer_free(&der);
	X509_CRL_free(crl);
}

/* Answers the request with @url, which is due. */
static void points_answer_url(const char *url)
{
	const struct test_authority_crl spec = points_of_ca(NULL);
	X509_CRL *crl = test_authority_crl(&spec);
	struct ktlsd_buffer der = { 0 };
	uint64_t id = points_requested_url(url);

	assert_true(id);
	test_authority_put_crl(&der, crl, true);
	test_fetching_send(id, 0, der.data, der.len, der.len);
	ktlsd_buffer_free(&der);
	X509_CRL_free(crl);
}

/* Return: milliseconds until the next step is due. */
static int points_step(void)
{
	int wait;

	pthread_mutex_lock(&fetching.errands.lock);
	wait = ktlsd_errands_step(&fetching.errands);
	pthread_mutex_unlock(&fetching.errands.lock);
	return wait;
}

static void points_answer_good(X509 *revoked)
{
	const struct test_authority_crl spec = points_of_ca(revoked);

	points_answer(&spec);
}

/* Our client against a server with @cert. Return: how it was checked, or a negative errno. */
static int points_connect(enum ktlsd_revocation_mode mode)
{
	struct ktlsd_result result;
	struct test_side side;
	struct test_peer peer;
	int ret;

	test_side_init(&side, KTLS_ROLE_CLIENT);
	side.config.revocation = (struct ktlsd_revocation) { true, mode };
	side.config.revocation_ktls_trust = true;
	side.config.crls = test.config.crls;
	test_peer_init(&peer, true);
	test_peer_credential(&peer, test.cert, pki.ec_key);
	test_side_prepare(&side, NULL, NULL, pki.ca);
	assert_int_equal(test_side_begin(&side), 0);
	side.handshake->status.asker = &test.asker;
	side.handshake->status.own_anchors = test.own_anchors;
	side.handshake->status.user = test.user;
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

static X509 *points_leaf(const char *value)
{
	X509 *cert = X509_dup(pki.ec);

	test_authority_extend(cert, pki.ca_key, NID_crl_distribution_points, value);
	return cert;
}

static int points_setup(void **state)
{
	test_pki_setup(state);
	test_fetching_setup();
	test.cert = points_leaf("URI:" POINTS_URL);
	test.asker.want_crl = points_want;
	test.asker.ask = points_ask;
	ktlsd_log_open("test", KTLSD_LOG_STDERR, KTLSD_LOG_ERROR);
	return 0;
}

static int points_teardown(void **state)
{
	test_fetching_teardown();
	X509_free(test.cert);
	return test_pki_teardown(state);
}

/* --- the tests --- */

/* The first handshake finds it missing, the next ones have it. */
static void points_learned(void **state)
{
	struct test_authority_crl spec;

	(void)state;
	points_open();
	assert_int_equal(points_connect(KTLSD_REVOCATION_STAPLE), KTLS_REVOCATION_UNCHECKED);
	assert_int_equal(points_requested(), 0);
	assert_int_equal(points_connect(KTLSD_REVOCATION_CRL), KTLS_REVOCATION_UNCHECKED);
	assert_int_equal(points_connect(KTLSD_REVOCATION_HARD), -EKEYREJECTED);
	points_answer_good(NULL);
	/* It is wanted once. */
	assert_int_equal(points_requested(), 0);
	assert_int_equal(points_connect(KTLSD_REVOCATION_CRL), KTLS_REVOCATION_CRL);
	assert_int_equal(points_connect(KTLSD_REVOCATION_HARD), KTLS_REVOCATION_CRL);
	assert_int_equal(ktlsd_crl_points_count(&test.points).valid, 1);
	/* Half of its life is more than a day. */
	fetching.offset = POINTS_DAY * 7 / 8 - 1;
	assert_int_equal(points_requested(), 0);
	/* Revoked meanwhile; valid by OpenSSL's clock too. */
	spec = points_of_ca(test.cert);
	fetching.offset = POINTS_DAY * 9 / 8 + 1;
	points_answer(&spec);
	fetching.offset = 0;
	assert_int_equal(points_connect(KTLSD_REVOCATION_CRL), -EKEYREJECTED);
	assert_int_equal(points_connect(KTLSD_REVOCATION_STAPLE), KTLS_REVOCATION_UNCHECKED);
	points_close();
	test_fetching_forget();
}

/* What is not a CRL that may be used leaves all as it is. */
static void points_lies(void **state)
{
	struct test_authority_crl table[] = {
		points_of_ca(NULL), points_of_ca(NULL), points_of_ca(NULL), points_of_ca(NULL),
		points_of_ca(NULL), points_of_ca(NULL),
	};
	size_t i;
	int round;

	(void)state;
	table[0].key = pki.other_key;
	table[1].issuer = pki.other_ca;
	table[1].key = pki.other_key;
	table[2].base = 1;
	table[2].number = 2;
	table[3].from = -2 * POINTS_DAY;
	table[3].to = -POINTS_DAY;
	table[4].from = POINTS_DAY;
	/* Valid, but older than the one at hand. */
	table[5].from = -POINTS_DAY;
	points_open();
	points_connect(KTLSD_REVOCATION_CRL);
	for (round = 0; round < 2; round++) {
		for (i = 0; i < sizeof(table) / sizeof(*table) - !round; i++) {
			points_answer(&table[i]);
			assert_int_equal(points_count(), round);
			fetching.errands.first->due = 0;
		}
		test_fetching_send(points_requested(), 0, "garbage", 7, 3);
		assert_int_equal(points_count(), round);
		assert_int_equal(fetching.errands.first->failures, i + 1);
		fetching.errands.first->due = 0;
		if (!round)
			points_answer_good(test.cert);
		fetching.errands.first->due = 0;
		assert_int_equal(points_connect(KTLSD_REVOCATION_CRL), -EKEYREJECTED);
	}
	points_close();
	test_fetching_forget();
}

/* A CRL that nobody replaces stays in force when it is stale. */
static void points_stale(void **state)
{
	struct test_authority_crl spec;

	(void)state;
	fetching.offset = -2 * POINTS_DAY;
	points_open();
	points_connect(KTLSD_REVOCATION_CRL);
	spec = points_of_ca(NULL);
	spec.to = -POINTS_DAY;
	points_answer(&spec);
	fetching.offset = 0;
	assert_int_equal(points_connect(KTLSD_REVOCATION_CRL), -EKEYREJECTED);
	test_fetching_send(points_requested(), -EIO, "it is down", 10, 100);
	assert_int_equal(points_count(), 1);
	assert_int_equal(ktlsd_crl_points_count(&test.points).valid, 0);
	points_close();
	/* After a restart too. */
	points_open();
	assert_int_equal(points_connect(KTLSD_REVOCATION_CRL), -EKEYREJECTED);
	points_answer_good(NULL);
	assert_int_equal(points_connect(KTLSD_REVOCATION_CRL), KTLS_REVOCATION_CRL);
	points_close();
	test_fetching_forget();
}

/* The file of an earlier run is in force at once; one that is damaged is not used. */
static void points_restart(void **state)
{
	char name[KTLSD_STORE_NAME], path[160], byte;
	int how, fd;

	(void)state;
	points_open();
	points_connect(KTLSD_REVOCATION_CRL);
	points_answer_good(NULL);
	ktlsd_store_name(name, "crl", test.points.keys[0]);
	snprintf(path, sizeof(path), "%s/%s", fetching.dir, name);
	points_close();
	for (how = -1; how < 5; how++) {
		fd = open(path, O_RDWR | O_CLOEXEC);
		assert_true(fd >= 0);
		/* In the magic, the issuer, the CRL's signature; a part; nothing. */
		if (how == 3 || how == 4)
			assert_int_equal(ftruncate(fd, how == 3 ? 300 : 0), 0);
		if (how >= 0 && how < 3) {
			off_t at = how == 0 ? 3 : how == 1 ? 60 : lseek(fd, 0, SEEK_END) - 5;

			assert_int_equal(pread(fd, &byte, 1, at), 1);
			byte ^= 1;
			assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		}
		close(fd);
		points_open();
		assert_int_equal(points_count(), how < 0);
		assert_int_equal(access(path, F_OK), how < 0 ? 0 : -1);
		assert_int_equal(points_connect(KTLSD_REVOCATION_CRL),
				 how < 0 ? KTLS_REVOCATION_CRL : KTLS_REVOCATION_UNCHECKED);
		if (how >= 0)
			points_answer_good(NULL);
		else
			assert_int_equal(points_requested(), 0);
		points_close();
	}
	test_fetching_forget();
}

/* A machine may know the time only when it has a network: what it has is not lost then. */
static void points_wrong_clock(void **state)
{
	static const int64_t days[] = { -1, -3650, 3650, 0 };
	size_t i;

	(void)state;
	points_open();
	points_connect(KTLSD_REVOCATION_CRL);
	points_answer_good(test.cert);
	points_close();
	for (i = 0; i < sizeof(days) / sizeof(*days); i++) {
		fetching.offset = days[i] * POINTS_DAY;
		points_open();
		assert_int_equal(points_count(), 1);
		assert_int_equal(points_connect(KTLSD_REVOCATION_CRL), -EKEYREJECTED);
		/* Until the clock is right it is fetched. */
		assert_int_equal(!points_requested(), !days[i]);
		points_close();
	}
	test_fetching_forget();
}

/* A reload keeps them; one without crl_fetch does not. */
static void points_reload(void **state)
{
	(void)state;
	points_open();
	points_connect(KTLSD_REVOCATION_CRL);
	points_answer_good(NULL);
	points_configure(true);
	assert_int_equal(points_count(), 1);
	points_configure(false);
	assert_int_equal(points_count(), 0);
	assert_int_equal(points_connect(KTLSD_REVOCATION_CRL), KTLS_REVOCATION_UNCHECKED);
	ktlsd_crl_points_want(&test.points, test.cert, pki.ca, 0);
	assert_int_equal(points_requested(), 0);
	assert_int_equal(test.points.key_count, 0);
	points_configure(true);
	assert_int_equal(points_count(), 1);
	points_close();
	test_fetching_forget();
}

/* Wants the CRL of http://crl@i.test/ for @user. */
static void points_want_one(int i, uint64_t user)
{
	char url[64];
	X509 *cert;

	snprintf(url, sizeof(url), "URI:http://crl%d.test/", i);
	cert = points_leaf(url);
	ktlsd_crl_points_want(&test.points, cert, pki.ca, user);
	ktlsd_crl_points_want(&test.points, cert, pki.ca, user);
	X509_free(cert);
}

static void points_want_many(int from, int to, uint64_t user)
{
	for (; from < to; from++) {
		points_want_one(from, user);
		test_fetching_step();
	}
}

/* Their number is bounded; those that never come are forgotten. */
static void points_bounds(void **state)
{
	int i;

	(void)state;
	points_open();
	close(fetching.listener);
	unlink(fetching.socket);
	points_want_many(0, KTLSD_CRL_POINTS_MAX + 20, 0);
	assert_int_equal(ktlsd_crl_points_count(&test.points).count, KTLSD_CRL_POINTS_MAX);
	assert_int_equal(ktlsd_crl_points_count(&test.points).evicted, 20);
	assert_int_equal(test.points.key_count, KTLSD_CRL_POINTS_MAX);
	for (i = 0; i < KTLSD_CRL_POINTS_FAILURES; i++) {
		test_fetching_step();
		fetching.offset += 2 * KTLSD_ERRANDS_RETRY_MAX;
	}
	test_fetching_step();
	assert_int_equal(ktlsd_crl_points_count(&test.points).count, 0);
	assert_int_equal(test.points.key_count, 0);
	fetching.offset = 0;
	test_fetching_listen();
	points_close();
	test_fetching_forget();
}

/* What one user wants at a time leaves room for others. */
static void points_crowd(void **state)
{
	int i;

	(void)state;
	points_open();
	for (i = 0; i < KTLSD_CRL_POINTS_WANTED; i++)
		points_want_one(i, POINTS_USER(1));
	assert_int_equal(test.points.wanted_count, KTLSD_CRL_POINTS_WANTED_UID);
	for (i = 0; i < KTLSD_CRL_POINTS_WANTED; i++)
		points_want_one(100 + i, POINTS_USER(2) + (uint64_t)i);
	assert_int_equal(test.points.wanted_count, 2 * KTLSD_CRL_POINTS_WANTED_UID);
	points_close();
}

/* A user who wants more than there is room for does not keep others from having what they need:
 * it is fetched next, and stays.
 */
static void points_fair(void **state)
{
	uint64_t id;

	(void)state;
	points_open();
	points_want_one(0, POINTS_USER(1));
	id = points_requested_url("http://crl0.test/");
	points_want_many(1, KTLSD_CRL_POINTS_MAX + 20, POINTS_USER(1));
	test.user = POINTS_USER(2);
	/* The others are due since then. */
	fetching.offset = 5;
	assert_int_equal(points_connect(KTLSD_REVOCATION_CRL), KTLS_REVOCATION_UNCHECKED);
	test_fetching_step();
	assert_int_equal(ktlsd_crl_points_count(&test.points).count, KTLSD_CRL_POINTS_MAX);
	test_fetching_send(id, -EIO, "it is slow", 10, 100);
	points_answer_good(NULL);
	assert_int_equal(points_connect(KTLSD_REVOCATION_HARD), KTLS_REVOCATION_CRL);
	points_want_many(1000, 1000 + KTLSD_CRL_POINTS_MAX, POINTS_USER(1));
	assert_int_equal(points_connect(KTLSD_REVOCATION_HARD), KTLS_REVOCATION_CRL);
	assert_int_equal(ktlsd_crl_points_count(&test.points).valid, 1);
	test.user = 0;
	fetching.offset = 0;
	points_close();
	test_fetching_forget();
}

/* What is in use stays. */
static void points_recent(void **state)
{
	int i;

	(void)state;
	points_open();
	points_connect(KTLSD_REVOCATION_CRL);
	points_answer_good(NULL);
	for (i = 0; i < 3; i++) {
		points_want_many(i * 200, i * 200 + 200, 0);
		assert_int_equal(points_connect(KTLSD_REVOCATION_HARD), KTLS_REVOCATION_CRL);
	}
	assert_true(ktlsd_crl_points_count(&test.points).evicted > 200);
	points_close();
	test_fetching_forget();
}

/* Networks of the peers of one server, likewise; and who wanted a CRL first does not take it with
 * him from others who use it.
 */
static void points_shared(void **state)
{
	const uint64_t server = POINTS_USER(1);
	int i;

	(void)state;
	points_open();
	test.user = server + 7;
	points_connect(KTLSD_REVOCATION_CRL);
	points_answer_good(NULL);
	test.user = server + 8;
	assert_int_equal(points_connect(KTLSD_REVOCATION_HARD), KTLS_REVOCATION_CRL);
	for (i = 0; i < 2; i++) {
		points_want_many(i * 1000, i * 1000 + KTLSD_CRL_POINTS_MAX, server + 7);
		assert_int_equal(points_connect(KTLSD_REVOCATION_HARD), KTLS_REVOCATION_CRL);
	}
	test.user = 0;
	points_close();
	test_fetching_forget();
}

/* The same for their size. The one that is there counts for as much as all may have. */
static void points_large(void **state)
{
	(void)state;
	points_open();
	test.user = POINTS_USER(1);
	points_connect(KTLSD_REVOCATION_CRL);
	points_answer_good(NULL);
	test.points.items->bytes = KTLSD_CRL_POINTS_BYTES;
	test.points.bytes = KTLSD_CRL_POINTS_BYTES;
	points_want_one(1, POINTS_USER(2));
	points_answer_url("http://crl1.test/");
	assert_int_equal(points_count(), 1);
	assert_int_equal(ktlsd_crl_points_count(&test.points).evicted, 1);
	assert_true(test.points.bytes < 4096);
	/* Nobody makes room for one who would have the most. */
	test.points.items->bytes = 1;
	test.points.bytes = KTLSD_CRL_POINTS_BYTES;
	points_want_one(2, POINTS_USER(3));
	points_answer_url("http://crl2.test/");
	assert_int_equal(points_count(), 1);
	assert_int_equal(ktlsd_crl_points_count(&test.points).evicted, 1);
	test.user = 0;
	points_close();
	test_fetching_forget();
}

/* Many files do not delay the start: it reads some of them, the thread the rest. */
static void points_many_files(void **state)
{
	const int many = KTLSD_CRL_POINTS_READ_FILES * 2 + 6;
	char url[64];
	int i;

	(void)state;
	points_open();
	for (i = 0; i < many; i++) {
		points_want_one(i, 0);
		snprintf(url, sizeof(url), "http://crl%d.test/", i);
		points_answer_url(url);
	}
	assert_int_equal(points_count(), many);
	points_close();
	points_open();
	assert_int_equal(points_count(), KTLSD_CRL_POINTS_READ_FILES);
	assert_int_equal(points_step(), 0);
	assert_int_equal(points_count(), 2 * KTLSD_CRL_POINTS_READ_FILES);
	/* Wanted meanwhile, before it is read or after. */
	for (i = 0; i < KTLSD_CRL_POINTS_WANTED_UID; i++)
		points_want_one(i, 0);
	assert_true(points_step() > 0);
	test_fetching_step();
	assert_int_equal(ktlsd_crl_points_count(&test.points).count, many);
	assert_int_equal(test.points.key_count, many);
	points_close();
	test_fetching_forget();
}

static void points_urls(void **state)
{
	static const struct {
		const char	*value;
		const char	*url;
	} table[] = {
		{ "URI:http://a.test/x", "http://a.test/x" },
		{ "URI:ldap://a.test/x,URI:https://b.test/,URI:http://c.test/", "http://c.test/" },
		{ "URI:ldap://a.test/x", NULL },
		{ "DNS:a.test", NULL },
		{ "URI:http://a.test/x y", NULL },
		{ "URI:http://", NULL },
	};
	char url[KTLS_FETCH_URL_MAX];
	X509 *cert;
	size_t i;

	(void)state;
	assert_false(ktlsd_crl_check_url(pki.ec, url));
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		cert = points_leaf(table[i].value);
		assert_int_equal(ktlsd_crl_check_url(cert, url), table[i].url != NULL);
		if (table[i].url)
			assert_string_equal(url, table[i].url);
		X509_free(cert);
	}
}

/* A CRL for other certificates of the issuer does not replace the one at hand. */
static void points_scope(void **state)
{
	static const char *const others[] = {
		"critical,fullname:URI:http://crl.test/other.crl", "critical,onlyCA:TRUE",
		"critical,onlyAA:TRUE", "critical,onlysomereasons:keyCompromise",
		"critical,indirectCRL:TRUE",
	};
	struct test_authority_crl spec;
	size_t i;

	(void)state;
	points_open();
	points_connect(KTLSD_REVOCATION_CRL);
	spec = points_of_ca(test.cert);
	spec.scope = "critical,fullname:URI:" POINTS_URL;
	points_answer(&spec);
	assert_int_equal(points_connect(KTLSD_REVOCATION_CRL), -EKEYREJECTED);
	spec.revoked = NULL;
	for (i = 0; i < sizeof(others) / sizeof(*others); i++) {
		spec.scope = others[i];
		fetching.errands.first->due = 0;
		points_answer(&spec);
		assert_int_equal(fetching.errands.first->failures, i + 1);
		assert_int_equal(points_connect(KTLSD_REVOCATION_CRL), -EKEYREJECTED);
	}
	spec.scope = "critical,onlyuser:TRUE";
	fetching.errands.first->due = 0;
	points_answer(&spec);
	assert_int_equal(points_connect(KTLSD_REVOCATION_HARD), KTLS_REVOCATION_CRL);
	points_close();
	test_fetching_forget();
}

/* An authority that gives itself the name of another cannot revoke that one's certificates, or
 * make its CRL unusable.
 */
static void points_false_name(void **state)
{
	const struct test_pki_spec name = { .cn = "Test CA", .is_ca = true };
	struct test_authority_crl spec = points_of_ca(test.cert);
	X509 *issuer;

	(void)state;
	issuer = test_pki_issue(&name, pki.other_key, pki.other_ca, pki.other_key);
	spec.issuer = issuer;
	spec.key = pki.other_key;
	spec.no_key_id = true;
	points_open();
	ktlsd_crl_points_want(&test.points, test.cert, issuer, 0);
	points_answer(&spec);
	/* Also after a restart. */
	points_close();
	points_open();
	assert_int_equal(points_count(), 1);
	assert_int_equal(points_connect(KTLSD_REVOCATION_HARD), -EKEYREJECTED);
	assert_int_equal(points_connect(KTLSD_REVOCATION_CRL), KTLS_REVOCATION_UNCHECKED);
	points_answer_good(NULL);
	assert_int_equal(points_count(), 2);
	assert_int_equal(points_connect(KTLSD_REVOCATION_HARD), KTLS_REVOCATION_CRL);
	fetching.errands.first->due = 0;
	points_answer_good(test.cert);
	assert_int_equal(points_connect(KTLSD_REVOCATION_CRL), -EKEYREJECTED);
	points_close();
	X509_free(issuer);
	test_fetching_forget();
}

/* Two certificates of the same authority have the same CRL. */
static void points_cross_signed(void **state)
{
	const struct test_pki_spec name = { .cn = "Test CA", .is_ca = true };
	X509 *cross;

	(void)state;
	cross = test_pki_issue(&name, pki.ca_key, pki.other_ca, pki.other_key);
	points_open();
	ktlsd_crl_points_want(&test.points, test.cert, cross, 0);
	points_answer_good(NULL);
	assert_int_equal(points_connect(KTLSD_REVOCATION_HARD), KTLS_REVOCATION_CRL);
	ktlsd_crl_points_want(&test.points, test.cert, pki.ca, 0);
	assert_int_equal(points_requested(), 0);
	points_close();
	X509_free(cross);
	test_fetching_forget();
}

/* They can have the name of any authority, and all users share what is fetched. */
static void points_own_anchors(void **state)
{
	(void)state;
	points_open();
	test.own_anchors = true;
	assert_int_equal(points_connect(KTLSD_REVOCATION_CRL), KTLS_REVOCATION_UNCHECKED);
	assert_int_equal(points_requested(), 0);
	test.own_anchors = false;
	assert_int_equal(points_connect(KTLSD_REVOCATION_CRL), KTLS_REVOCATION_UNCHECKED);
	assert_int_equal(points_requested(), 1);
	points_close();
	test_fetching_forget();
}

static void points_setting(void **state)
{
	static const struct test_conf_fault table[] = {
		{ "[ktlsd]\ncrl_fetch = maybe\n", 2, "crl_fetch must be yes or no" },
		{ "[identity a]\ncertificate = /a\nprivate_key = /b\ncrl_fetch = yes\n", 4,
		  "crl_fetch" },
	};
	char path[] = "/tmp/ktlsd-points-XXXXXX";
	struct ktlsd_config *config;
	struct ktlsd_fault fault;

	(void)state;
	close(mkstemp(path));
	test_conf_refuse(path, table, sizeof(table) / sizeof(*table));
	/* With it, the mode crl needs no files. */
	assert_int_equal(test_conf_try(path, "[ktlsd]\nrevocation = crl\n", &config, &fault), 0);
	ktlsd_config_put(config);
	assert_int_equal(ktlsd_config_load(path, false, &config, &fault), -EINVAL);
	assert_int_equal(test_conf_try(path, "[ktlsd]\nrevocation = crl\ncrl_fetch = yes\n",
				       &config, &fault), 0);
	ktlsd_config_put(config);
	assert_int_equal(ktlsd_config_load(path, false, &config, &fault), 0);
	assert_true(config->crl_fetch && config->crls->fetch);
	ktlsd_config_put(config);
	unlink(path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(points_learned),
		cmocka_unit_test(points_lies),
		cmocka_unit_test(points_stale),
		cmocka_unit_test(points_restart),
		cmocka_unit_test(points_wrong_clock),
		cmocka_unit_test(points_reload),
		cmocka_unit_test(points_bounds),
		cmocka_unit_test(points_crowd),
		cmocka_unit_test(points_fair),
		cmocka_unit_test(points_recent),
		cmocka_unit_test(points_shared),
		cmocka_unit_test(points_large),
		cmocka_unit_test(points_many_files),
		cmocka_unit_test(points_urls),
		cmocka_unit_test(points_scope),
		cmocka_unit_test(points_false_name),
		cmocka_unit_test(points_cross_signed),
		cmocka_unit_test(points_own_anchors),
		cmocka_unit_test(points_setting),
	};

	return cmocka_run_group_tests_name("crl_points", tests, points_setup, points_teardown);
}
