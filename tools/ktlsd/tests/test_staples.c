// SPDX-License-Identifier: GPL-2.0-or-later
/* OCSP responses that servers staple. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "staples.h"
#include "test_authority.h"
#include "test_capture.h"
#include "test_disk.h"
#include "test_fetching.h"

enum {
	STAPLES_DAY	= 86400,
	STAPLES_LIFE	= 7 * STAPLES_DAY,	/* of the responses */
};

enum { STAPLES_EC, STAPLES_RSA, STAPLES_MUST, STAPLES_CERTS };

/**
 * struct staples_test - what a test works with
 * @certs: leaves that name a responder
 */
static struct staples_test {
	X509			*certs[STAPLES_CERTS];
	EVP_PKEY		*keys[STAPLES_CERTS];
	struct ktlsd_store	store;
	struct ktlsd_staples	staples;
	struct ktlsd_identity	identity;
	struct ktlsd_config	config;
} test;

/* Ends a capture. Asserts that @word is in it, or that it is empty. */
static void staples_log_end(const char *word)
{
	const char *text = test_capture_end();

	if (word ? !strstr(text, word) : text[0])
		fail_msg("expected '%s' in the log: %s", word ? word : "nothing", text);
}

/* --- ktls-fetch --- */

/* Return: the id of the request that is there, for @cert; 0 for none. */
static uint64_t staples_requested(X509 *cert)
{
	uint8_t body[KTLS_FETCH_BODY_MAX];
	const unsigned char *at = body;
	OCSP_REQUEST *request;
	OCSP_CERTID *id;
	uint64_t number;
	size_t len;

	number = test_fetching_receive("http://ocsp.test/", body, &len);
	if (!number)
		return 0;
	request = d2i_OCSP_REQUEST(NULL, &at, (long)len);
	assert_non_null(request);
	id = OCSP_cert_to_id(EVP_sha1(), cert, pki.ca);
	assert_int_equal(OCSP_id_cmp(id, OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, 0))),
			 0);
	OCSP_CERTID_free(id);
	OCSP_REQUEST_free(request);
	return number;
}

static void staples_send(uint64_t id, int error, const void *data, size_t len)
{
	test_fetching_send(id, error, data, len, 1000);
}

/* The response of an honest responder, at the time of the false clock. */
static struct test_authority_response staples_good(X509 *cert)
{
	return (struct test_authority_response) {
		.cert = cert, .issuer = pki.ca, .signer = pki.ca, .key = pki.ca_key,
		.status = V_OCSP_CERTSTATUS_GOOD, .from = fetching.offset - 60,
		.to = fetching.offset - 60 + STAPLES_LIFE,
	};
}

/* Answers the request that is due. */
static void staples_answer(const struct test_authority_response *spec)
{
	uint64_t id;
	uint8_t *der;
	int len;

	test_fetching_step();
	id = staples_requested(spec->cert);
	assert_true(id);
	der = test_authority_response(spec, &len);
	staples_send(id, 0, der, (size_t)len);
	OPENSSL_free(der);
}

static void staples_answer_good(X509 *cert)
{
	const struct test_authority_response spec = staples_good(cert);

	staples_answer(&spec);
}

/* --- ktlsd --- */

static void staples_open(void)
{
	test_fetching_open();
	ktlsd_store_open(&test.store, fetching.dir);
	ktlsd_staples_init(&test.staples, &fetching.errands, &test.store);
}

/* Makes the configuration: one identity with the certificates in @list, which ends with -1. */
static void staples_configure(const int *list)
{
	struct ktlsd_identity *identity = &test.identity;
	unsigned int i;

	for (i = 0; i < KTLSD_IDENTITY_CERTIFICATES; i++) {
		ktlsd_staple_put(identity->staples[i]);
		identity->staples[i] = NULL;
	}
	identity->credential_count = 0;
	identity->staple = true;
	strcpy(identity->name, "web");
	for (; *list >= 0; list++) {
		i = identity->credential_count++;
		identity->credentials[i].leaf = test.certs[*list];
		identity->credentials[i].key = test.keys[*list];
	}
	test.config.identities = identity;
	test.config.identity_count = 1;
	ktlsd_staples_adopt(&test.staples, &test.config);
}

static void staples_configure_one(int cert)
{
	const int list[] = { cert, -1 };

	staples_configure(list);
}

/* ktlsd ends. */
static void staples_close(void)
{
	static const int none[] = { -1 };

	staples_configure(none);
	ktlsd_staples_free(&test.staples);
	test_fetching_close();
	ktlsd_store_close(&test.store);
}

/* The file in the cache directory of an identity's first certificate. */
static const char *staples_file(void)
{
	static char path[160];
	char name[KTLSD_STORE_NAME];

	ktlsd_store_name(name, "ocsp", test.identity.staples[0]->key);
	snprintf(path, sizeof(path), "%s/%s", fetching.dir, name);
	return path;
}

static bool staples_has(unsigned int number)
{
	size_t len;
	uint8_t *der = ktlsd_staple_copy(test.identity.staples[number], test_fetching_now(), &len);

	OPENSSL_free(der);
	return der;
}

static int staples_setup(void **state)
{
	struct test_pki_spec leaf = { .cn = "leaf", .san = "DNS:server.test", .from = -86400,
				      .to = 100 * STAPLES_DAY };
	int i;

	test_pki_setup(state);
	test_fetching_setup();
	for (i = 0; i < STAPLES_CERTS; i++) {
		test.keys[i] = i == STAPLES_RSA ? pki.rsa_key : pki.ec_key;
		test.certs[i] = test_pki_issue(&leaf, test.keys[i], pki.ca, pki.ca_key);
		test_authority_extend(test.certs[i], pki.ca_key, NID_info_access,
				      "OCSP;URI:http://ocsp.test/");
	}
	test_authority_extend(test.certs[STAPLES_MUST], pki.ca_key, NID_tlsfeature,
			      "status_request");
	test.config.trust = X509_STORE_new();
	X509_STORE_add_cert(test.config.trust, pki.ca);
	ktlsd_log_open("test", KTLSD_LOG_STDERR, KTLSD_LOG_ERROR);
	return 0;
}

static int staples_teardown(void **state)
{
	int i;

	test_fetching_teardown();
	for (i = 0; i < STAPLES_CERTS; i++)
		X509_free(test.certs[i]);
	X509_STORE_free(test.config.trust);
	return test_pki_teardown(state);
}

/* --- time --- */

/* What the response says is passed on, and reported. */
static void staples_revoked(void **state)
{
	struct test_authority_response spec = staples_good(test.certs[STAPLES_EC]);

	(void)state;
	staples_open();
	staples_configure_one(STAPLES_EC);
	staples_answer_good(test.certs[STAPLES_EC]);
	assert_int_equal(ktlsd_staples_count(&test.staples).revoked, 0);
	fetching.offset = 4 * STAPLES_DAY;
	spec.status = V_OCSP_CERTSTATUS_REVOKED;
	spec.from = 0;
	test_capture_begin();
	staples_answer(&spec);
	staples_log_end("identity 'web' WAS REVOKED on 20");
	fetching.offset = 0;
	assert_true(staples_has(0));
	assert_int_equal(ktlsd_staples_count(&test.staples).revoked, 1);
	staples_close();
	test_fetching_forget();
}

/* Each certificate has its own. */
static void staples_several(void **state)
{
	static const int both[] = { STAPLES_EC, STAPLES_RSA, -1 };

	(void)state;
	staples_open();
	staples_configure(both);
	/* Two at a time of one host; the newest first. */
	test_fetching_step();
	staples_answer_good(test.certs[STAPLES_RSA]);
	assert_true(!staples_has(0) && staples_has(1));
	assert_int_equal(ktlsd_staples_expiry(&test.identity), 0);
	staples_answer_good(test.certs[STAPLES_EC]);
	assert_true(staples_has(0) && staples_has(1));
	assert_true(ktlsd_staples_expiry(&test.identity) > 0);
	staples_close();
	test_fetching_forget();
}

/* Asserts that the next request comes between these times after now, and moves the clock. */
static void staples_expect_due(int64_t from, int64_t to)
{
	int64_t begun = fetching.offset;

	fetching.offset = begun + from - 1;
	test_fetching_step();
	assert_int_equal(staples_requested(test.certs[STAPLES_EC]), 0);
	fetching.offset = begun + to + 1;
}

static void staples_refresh(void **state)
{
	int64_t delay, least = KTLSD_ERRANDS_RETRY;
	struct test_authority_response spec;
	int64_t expires;
	int i;

	(void)state;
	staples_open();
	staples_configure_one(STAPLES_EC);
	staples_answer_good(test.certs[STAPLES_EC]);
	assert_true(staples_has(0));
	/* Once a day at most, however long it lives: the certificate may be revoked. */
	staples_expect_due(KTLSD_ERRANDS_MAX * 7 / 8, KTLSD_ERRANDS_MAX);
	spec = staples_good(test.certs[STAPLES_EC]);
	spec.to = spec.from + 3600;
	staples_answer(&spec);
	expires = test_fetching_now() + 3600 - 60;
	assert_in_range(ktlsd_staples_expiry(&test.identity), expires - 5, expires + 5);
	staples_expect_due(1740 * 7 / 8, 1740 * 9 / 8);
	/* Failures: less and less often; the old one is used until it expires. */
	for (i = 0; i < 12; i++) {
		test_fetching_step();
		staples_send(staples_requested(test.certs[STAPLES_EC]), -EIO, "it is down", 10);
		assert_int_equal(staples_has(0), test_fetching_now() < expires);
		delay = least < KTLSD_ERRANDS_RETRY_MAX ? least : KTLSD_ERRANDS_RETRY_MAX;
		staples_expect_due(delay * 7 / 8, delay * 9 / 8 + 1);
		least *= 2;
	}
	assert_true(test_fetching_now() > expires);
	assert_false(staples_has(0));
	assert_int_equal(fetching.errands.failed, 12);
	assert_int_equal(ktlsd_staples_count(&test.staples).valid, 0);
	staples_answer_good(test.certs[STAPLES_EC]);
	assert_true(staples_has(0));
	assert_int_equal(fetching.errands.done, 3);
	/* The clock is set back, by hours or by years: it is asked again, not then. */
	for (i = 0; i < 2; i++) {
		fetching.offset -= i ? 1000 * STAPLES_DAY : 7200;
		test_fetching_step();
		staples_send(staples_requested(test.certs[STAPLES_EC]), -EIO, "it is down", 10);
		assert_int_equal(fetching.errands.failed, 13 + i);
	}
	staples_expect_due(KTLSD_ERRANDS_RETRY * 2 * 7 / 8, KTLSD_ERRANDS_RETRY * 2 * 9 / 8 + 1);
	staples_close();
	test_fetching_forget();
	fetching.offset = 0;
}

/* --- the disk --- */

/* @how: 0 a bit, 1 a part, 2 all, 3 too long */
static void staples_spoil(const char *path, int how)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	char byte;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, 200), 1);
	byte ^= 1;
	if (!how)
		assert_int_equal(pwrite(fd, &byte, 1, 200), 1);
	else
		assert_int_equal(ftruncate(fd, how == 1 ? 100 : how == 2 ? 0 : 1 << 20), 0);
	close(fd);
}

/* After a restart the file is used; one that is damaged is removed, and fetched again. */
static void staples_restart(void **state)
{
	struct test_authority_response spec;
	const char *path;
	uint8_t *der;
	uint64_t id;
	int how, len;

	(void)state;
	staples_open();
	staples_configure_one(STAPLES_EC);
	path = staples_file();
	staples_answer_good(test.certs[STAPLES_EC]);
	staples_close();
	for (how = -1; how < 4; how++) {
		if (how >= 0)
			staples_spoil(path, how);
		staples_open();
		staples_configure_one(STAPLES_EC);
		assert_int_equal(staples_has(0), how < 0);
		assert_int_equal(access(path, F_OK), how < 0 ? 0 : -1);
		test_fetching_step();
		id = staples_requested(test.certs[STAPLES_EC]);
		assert_int_equal(id != 0, how >= 0);
		if (id) {
			spec = staples_good(test.certs[STAPLES_EC]);
			der = test_authority_response(&spec, &len);
			staples_send(id, 0, der, (size_t)len);
			OPENSSL_free(der);
		}
		staples_close();
	}
	/* By a clock that is wrong at the start, it has expired, or is from the future. */
	for (how = 0; how < 3; how++) {
		fetching.offset = how == 2 ? 0 : how ? -STAPLES_DAY : 365 * STAPLES_DAY;
		staples_open();
		staples_configure_one(STAPLES_EC);
		assert_int_equal(staples_has(0), how == 2);
		assert_int_equal(access(path, F_OK), 0);
		staples_close();
	}
	test_fetching_forget();
}

/* A disk that is full, or is not there, is no reason not to staple. */
static void staples_disk(void **state)
{
	(void)state;
	test_disk_mount(fetching.dir);
	test_disk_fill(fetching.dir, true);
	staples_open();
	staples_configure_one(STAPLES_EC);
	staples_answer_good(test.certs[STAPLES_EC]);
	assert_true(staples_has(0));
	assert_int_equal(test.store.failed, -ENOSPC);
	assert_int_equal(access(staples_file(), F_OK), -1);
	/* A minute later there is room. */
	test_disk_fill(fetching.dir, false);
	fetching.errands.save_after = 0;
	test_fetching_step();
	assert_int_equal(access(staples_file(), F_OK), 0);
	staples_close();
	test_disk_unmount(fetching.dir);
	assert_int_equal(rmdir(fetching.dir), 0);
	staples_open();
	staples_configure_one(STAPLES_EC);
	staples_answer_good(test.certs[STAPLES_EC]);
	assert_true(staples_has(0));
	staples_close();
	assert_int_equal(mkdir(fetching.dir, 0700), 0);
}

/* --- answers --- */

/* Responders that lie or fail: what is at hand stays, and is not replaced. */
static void staples_lies(void **state)
{
	X509 *cert = test.certs[STAPLES_EC];
	struct test_authority_response table[] = {
		staples_good(cert), staples_good(cert), staples_good(cert), staples_good(cert),
		staples_good(cert), staples_good(cert), staples_good(cert),
	};
	int64_t expires;
	size_t i;

	(void)state;
	table[0].signer = pki.other_ca;
	table[0].key = pki.other_key;
	table[1].spoil = true;
	table[2].status = V_OCSP_CERTSTATUS_UNKNOWN;
	table[3].from = -2 * STAPLES_DAY;
	table[3].to = -STAPLES_DAY;
	table[4].from = STAPLES_DAY;
	/* Expired by less than clocks may differ. */
	table[5].to = -60;
	/* Good and valid, but older than the one at hand. */
	table[6].from = -STAPLES_DAY;
	table[6].to = STAPLES_DAY;
	staples_open();
	staples_configure_one(STAPLES_EC);
	for (i = 0; i < sizeof(table) / sizeof(*table) - 1; i++) {
		staples_answer(&table[i]);
		assert_false(staples_has(0));
		assert_int_equal(access(staples_file(), F_OK), -1);
		assert_int_equal(fetching.errands.failed, i + 1);
		fetching.errands.first->due = 0;
	}
	staples_answer_good(cert);
	expires = ktlsd_staples_expiry(&test.identity);
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		fetching.errands.first->due = 0;
		staples_answer(&table[i]);
		assert_true(staples_has(0));
		assert_int_equal(ktlsd_staples_expiry(&test.identity), expires);
	}
	staples_close();
	test_fetching_forget();
}

/* ktls-fetch that says no, lies about lengths, or ends. */
static void staples_fetch_faults(void **state)
{
	uint64_t id;

	(void)state;
	staples_open();
	staples_configure_one(STAPLES_EC);
	test_fetching_step();
	id = staples_requested(test.certs[STAPLES_EC]);
	staples_send(id + 1, 0, "x", 1);
	assert_int_equal(fetching.errands.failed, 0);
	close(fetching.peer);
	fetching.peer = -1;
	pthread_mutex_lock(&fetching.errands.lock);
	ktlsd_errands_receive(&fetching.errands);
	pthread_mutex_unlock(&fetching.errands.lock);
	assert_int_equal(fetching.errands.failed, 1);
	assert_int_equal(fetching.errands.fd, -1);
	close(fetching.listener);
	fetching.errands.first->due = 0;
	test_fetching_step();
	assert_int_equal(fetching.errands.failed, 2);
	test_fetching_listen();
	fetching.errands.first->due = 0;
	staples_answer_good(test.certs[STAPLES_EC]);
	assert_true(staples_has(0));
	/* It is silent. */
	fetching.errands.first->due = 0;
	test_fetching_step();
	assert_true(staples_requested(test.certs[STAPLES_EC]));
	fetching.errands.first->deadline = 0;
	test_fetching_step();
	assert_int_equal(fetching.errands.failed, 3);
	staples_close();
	test_fetching_forget();
}

/* --- the configuration --- */

static void staples_must(void **state)
{
	(void)state;
	ktlsd_log_open("test", KTLSD_LOG_STDERR, KTLSD_LOG_WARNING);
	staples_open();
	test_capture_begin();
	staples_configure_one(STAPLES_MUST);
	test_fetching_step();
	staples_send(staples_requested(test.certs[STAPLES_MUST]), -EIO, "it is down", 10);
	staples_log_end("must be stapled (must-staple), and there is no OCSP response: clients refuse the server. The responder http://ocsp.test/ gave none: it is down. Next attempt in ");
	fetching.errands.first->due = 0;
	staples_answer_good(test.certs[STAPLES_MUST]);
	/* With one at hand it is no worse than others. */
	fetching.errands.first->due = 0;
	test_fetching_step();
	test_capture_begin();
	staples_send(staples_requested(test.certs[STAPLES_MUST]), -EIO, "it is down", 10);
	staples_log_end("The old one is valid until 20");
	test.identity.staple = false;
	test_capture_begin();
	ktlsd_staples_adopt(&test.staples, &test.config);
	staples_log_end("but staple is not yes");
	staples_close();
	test_fetching_forget();
	ktlsd_log_open("test", KTLSD_LOG_STDERR, KTLSD_LOG_ERROR);
}

/* A reload keeps what is there, and forgets what is not wanted any more. */
static void staples_reload(void **state)
{
	static const int both[] = { STAPLES_EC, STAPLES_MUST, -1 };
	struct ktlsd_staple *old;

	(void)state;
	staples_open();
	staples_configure_one(STAPLES_EC);
	staples_answer_good(test.certs[STAPLES_EC]);
	old = ktlsd_staple_get(test.identity.staples[0]);
	staples_configure(both);
	assert_ptr_equal(test.identity.staples[0], old);
	assert_true(staples_has(0));
	assert_false(staples_has(1));
	assert_int_equal(ktlsd_staples_count(&test.staples).count, 2);
	assert_int_equal(ktlsd_staples_count(&test.staples).valid, 1);
	/* It is under way when it is removed. */
	test_fetching_step();
	staples_configure_one(STAPLES_EC);
	staples_send(staples_requested(test.certs[STAPLES_MUST]), 0, "x", 1);
	assert_int_equal(ktlsd_staples_count(&test.staples).count, 1);
	assert_int_equal(fetching.errands.failed, 0);
	ktlsd_staple_put(old);
	staples_close();
	test_fetching_forget();
}

static void staples_cannot(void **state)
{
	X509_STORE *trust = test.config.trust;
	X509 *cert = test.certs[STAPLES_EC];

	(void)state;
	ktlsd_log_open("test", KTLSD_LOG_STDERR, KTLSD_LOG_WARNING);
	staples_open();
	test_capture_begin();
	test.config.trust = X509_STORE_new();
	staples_configure_one(STAPLES_EC);
	staples_log_end("neither in its file nor among the trust anchors");
	/* In its file. */
	test.identity.credentials[0].chain = sk_X509_new_null();
	sk_X509_push(test.identity.credentials[0].chain, pki.ca);
	staples_configure_one(STAPLES_EC);
	assert_non_null(test.identity.staples[0]);
	sk_X509_free(test.identity.credentials[0].chain);
	test.identity.credentials[0].chain = NULL;
	X509_STORE_free(test.config.trust);
	test.config.trust = trust;
	test_capture_begin();
	test.certs[STAPLES_EC] = pki.ec;
	staples_configure_one(STAPLES_EC);
	test.certs[STAPLES_EC] = cert;
	staples_log_end("it names no OCSP responder");
	assert_null(test.identity.staples[0]);
	assert_int_equal(ktlsd_staples_expiry(&test.identity), -1);
	staples_close();
	ktlsd_log_open("test", KTLSD_LOG_STDERR, KTLSD_LOG_ERROR);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(staples_several),
		cmocka_unit_test(staples_revoked),
		cmocka_unit_test(staples_refresh),
		cmocka_unit_test(staples_restart),
		cmocka_unit_test(staples_disk),
		cmocka_unit_test(staples_lies),
		cmocka_unit_test(staples_fetch_faults),
		cmocka_unit_test(staples_must),
		cmocka_unit_test(staples_reload),
		cmocka_unit_test(staples_cannot),
	};

	return cmocka_run_group_tests_name("staples", tests, staples_setup, staples_teardown);
}
