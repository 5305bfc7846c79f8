// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/anchors.h"
#include "config/credentials.h"
#include "config/trust.h"
#include "test_pki.h"


static int credentials_try(struct ktlsd_buffer *certs, struct ktlsd_buffer *key,
			   const char *word)
{
	struct ktlsd_credential credential;
	struct ktlsd_fault fault = { 0 };
	int err;

	err = ktlsd_credentials_parse(certs->data, certs->len, key->data,
				      key->len, &credential, &fault);
	if (err && !strstr(fault.reason, word))
		fail_msg("%s", fault.reason);
	if (!err)
		ktlsd_credentials_free(&credential);
	assert_null(credential.leaf);
	ktlsd_buffer_free(certs);
	ktlsd_buffer_free(key);
	return err;
}

/* A self-signed leaf with a key of @kind. */
static int credentials_try_kind(const char *kind, const char *word)
{
	const struct test_pki_spec spec = { .cn = "a" };
	struct ktlsd_buffer certs = { 0 }, pem = { 0 };
	EVP_PKEY *key = test_pki_key(kind);
	X509 *cert = test_pki_issue(&spec, key, NULL, key);
	int err;

	test_pki_put_cert(&certs, cert);
	test_pki_put_key(&pem, key, NULL);
	err = credentials_try(&certs, &pem, word);
	X509_free(cert);
	EVP_PKEY_free(key);
	return err;
}

static void credentials_kinds(void **state)
{
	(void)state;
	assert_int_equal(credentials_try_kind("ec", ""), 0);
	assert_int_equal(credentials_try_kind("ed25519", ""), 0);
	assert_int_equal(credentials_try_kind("rsa2048", ""), 0);
	assert_int_equal(credentials_try_kind("rsa1024", "1024 bits"), -EINVAL);
	assert_int_equal(credentials_try_kind("ec-explicit", "named curve"), -EINVAL);
}

static void credentials_chain(void **state)
{
	struct ktlsd_buffer certs = { 0 }, key = { 0 };
	int i;

	(void)state;
	test_pki_put_cert(&certs, pki.ec);
	test_pki_put_cert(&certs, pki.ca);
	test_pki_put_key(&key, pki.ec_key, NULL);
	assert_int_equal(credentials_try(&certs, &key, ""), 0);

	for (i = 0; i < 12; i++)
		test_pki_put_cert(&certs, pki.ec);
	test_pki_put_key(&key, pki.ec_key, NULL);
	assert_int_equal(credentials_try(&certs, &key, "more than 10 certificates"), -EINVAL);
}

static void credentials_do_not_match(void **state)
{
	struct ktlsd_buffer certs = { 0 }, key = { 0 };

	(void)state;
	test_pki_put_cert(&certs, pki.ec);
	test_pki_put_key(&key, pki.ca_key, NULL);
	assert_int_equal(credentials_try(&certs, &key, "does not belong"), -EINVAL);
	/* The order matters: leaf first. */
	test_pki_put_cert(&certs, pki.ca);
	test_pki_put_cert(&certs, pki.ec);
	test_pki_put_key(&key, pki.ec_key, NULL);
	assert_int_equal(credentials_try(&certs, &key, "does not belong"), -EINVAL);
}

static void credentials_encrypted(void **state)
{
	struct ktlsd_buffer certs = { 0 }, key = { 0 };

	(void)state;
	test_pki_put_cert(&certs, pki.ec);
	test_pki_put_key(&key, pki.ec_key, "secret");
	assert_int_equal(credentials_try(&certs, &key, "encrypted"), -EINVAL);
}

static void credentials_garbage(void **state)
{
	static const char broken[] = "-----BEGIN CERTIFICATE-----\nAAAA\n"
				     "-----END CERTIFICATE-----\n";
	struct ktlsd_buffer certs = { 0 }, key = { 0 };

	(void)state;
	ktlsd_buffer_append(&certs, "hello", 5, 100);
	assert_int_equal(credentials_try(&certs, &key, "no PEM certificate"), -EINVAL);
	test_pki_put_cert(&certs, pki.ec);
	ktlsd_buffer_append(&certs, broken, strlen(broken), 1 << 20);
	test_pki_put_key(&key, pki.ec_key, NULL);
	assert_int_equal(credentials_try(&certs, &key, "cannot be decoded"), -EINVAL);
	test_pki_put_cert(&certs, pki.ec);
	ktlsd_buffer_append(&key, "hello", 5, 100);
	assert_int_equal(credentials_try(&certs, &key, "no readable PEM"), -EINVAL);
}

static void credentials_files(void **state)
{
	char dir[] = "/tmp/ktlsd-test-XXXXXX", cert[64], key[64], fifo[64];
	struct ktlsd_buffer pem = { 0 };
	struct ktlsd_credential credential;
	struct ktlsd_fault fault;
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(cert, sizeof(cert), "%s/cert", dir);
	snprintf(key, sizeof(key), "%s/key", dir);
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	test_pki_put_cert(&pem, pki.ec);
	test_pki_write(cert, &pem, 0644);
	test_pki_put_key(&pem, pki.ec_key, NULL);
	test_pki_write(key, &pem, 0600);
	assert_int_equal(mkfifo(fifo, 0600), 0);

	assert_int_equal(ktlsd_credentials_load(cert, key, NULL, &credential, &fault), 0);
	assert_non_null(credential.leaf);
	ktlsd_credentials_free(&credential);
	assert_int_equal(ktlsd_credentials_load(cert, "/nonexistent", NULL, &credential,
						&fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "/nonexistent"));
	assert_int_equal(ktlsd_credentials_load(fifo, key, NULL, &credential, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "not a regular file"));
	assert_int_equal(ktlsd_credentials_load(dir, key, NULL, &credential, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "not a regular file"));
	test_pki_write(cert, &pem, 0644);
	assert_int_equal(ktlsd_credentials_load(cert, key, NULL, &credential, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "no PEM certificate"));
	for (i = 0; i < 20000; i++)
		ktlsd_buffer_append(&pem, "xxxx", 4, 1 << 20);
	test_pki_write(cert, &pem, 0644);
	assert_int_equal(ktlsd_credentials_load(cert, key, NULL, &credential, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "longer than"));
	unlink(cert);
	unlink(key);
	unlink(fifo);
	rmdir(dir);
}

/* Loads a leaf from files, and looks for a problem with it. */
static int credentials_load_leaf(const struct test_pki_spec *spec, const EVP_MD *md,
				 bool *ret_doubt, struct ktlsd_fault *fault)
{
	char dir[] = "/tmp/ktlsd-test-XXXXXX", cert_path[64], key_path[64];
	X509 *cert = test_pki_issue(spec, pki.ec_key, pki.ca, pki.ca_key);
	struct ktlsd_credential credential;
	struct ktlsd_buffer pem = { 0 };
	int err;

	assert_true(X509_sign(cert, pki.ca_key, md) > 0);
	assert_non_null(mkdtemp(dir));
	snprintf(cert_path, sizeof(cert_path), "%s/cert", dir);
	snprintf(key_path, sizeof(key_path), "%s/key", dir);
	test_pki_put_cert(&pem, cert);
	test_pki_write(cert_path, &pem, 0644);
	test_pki_put_key(&pem, pki.ec_key, NULL);
	test_pki_write(key_path, &pem, 0600);
	err = ktlsd_credentials_load(cert_path, key_path, NULL, &credential, fault);
	if (!err) {
		*ret_doubt = ktlsd_credentials_find_problem(&credential, fault);
		ktlsd_credentials_free(&credential);
	}
	unlink(cert_path);
	unlink(key_path);
	rmdir(dir);
	X509_free(cert);
	return err;
}

/* A leaf as programs bring it. */
static int credentials_parse_leaf(const EVP_MD *md, struct ktlsd_fault *fault)
{
	const struct test_pki_spec spec = { .cn = "a" };
	X509 *cert = test_pki_issue(&spec, pki.ec_key, pki.ca, pki.ca_key);
	struct ktlsd_buffer pem = { 0 }, key = { 0 };
	struct ktlsd_credential credential;
	int err;

	assert_true(X509_sign(cert, pki.ca_key, md) > 0);
	test_pki_put_cert(&pem, cert);
	test_pki_put_key(&key, pki.ec_key, NULL);
	err = ktlsd_credentials_parse(pem.data, pem.len, key.data, key.len, &credential, fault);
	if (!err)
		ktlsd_credentials_free(&credential);
	ktlsd_buffer_free(&pem);
	ktlsd_buffer_free(&key);
	X509_free(cert);
	return err;
}

/* A credential that OpenSSL refuses is an error; one that peers will refuse is a warning. */
static void credentials_no_peer_wants(void **state)
{
	static const struct {
		struct test_pki_spec	spec;
		const char		*word;
	} table[] = {
		{ { .cn = "a", .eku = "serverAuth" }, NULL },
		{ { .cn = "a", .eku = "clientAuth" }, NULL },
		{ { .cn = "a" }, NULL },
		{ { .cn = "a", .from = -7200, .to = -3600 }, "has expired" },
		{ { .cn = "a", .from = 3600, .to = 7200 }, "not valid yet" },
		{ { .cn = "a", .eku = "codeSigning" }, "neither a TLS server" },
	};
	struct ktlsd_fault fault;
	bool doubt;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		assert_int_equal(credentials_load_leaf(&table[i].spec, EVP_sha256(), &doubt,
						       &fault), 0);
		assert_int_equal(doubt, table[i].word != NULL);
		if (doubt)
			assert_non_null(strstr(fault.reason, table[i].word));
	}
	assert_int_equal(credentials_load_leaf(&table[0].spec, EVP_sha1(), &doubt, &fault),
			 -EINVAL);
	assert_non_null(strstr(fault.reason, "certificate number 1 is too weak: ecdsa-with-SHA1"));
	assert_int_equal(credentials_parse_leaf(EVP_sha1(), &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "certificate number 1 is too weak: ecdsa-with-SHA1"));
	assert_int_equal(credentials_parse_leaf(EVP_sha256(), &fault), 0);
}

/* A certificate on a curve that is too small. */
static void credentials_small_curve(void **state)
{
	EVP_PKEY *small = EVP_EC_gen("prime192v1");
	struct test_pki_spec spec = { .cn = "small" };
	struct ktlsd_buffer cert = { 0 }, key = { 0 };
	struct ktlsd_credential credential;
	struct ktlsd_fault fault;
	X509 *leaf;

	(void)state;
	assert_non_null(small);
	leaf = test_pki_issue(&spec, small, pki.ca, pki.ca_key);
	test_pki_put_cert(&cert, leaf);
	test_pki_put_key(&key, small, NULL);
	assert_int_equal(ktlsd_credentials_parse(cert.data, cert.len, key.data, key.len,
						 &credential, &fault), -EINVAL);
	assert_non_null(strstr(fault.reason, "P-256, P-384 or P-521"));
	ktlsd_buffer_free(&cert);
	ktlsd_buffer_free(&key);
	X509_free(leaf);
	EVP_PKEY_free(small);
}

static struct ktlsd_anchors_cache credentials_cache;

/* Return: how many steps it takes to digest it; *@ret_anchors is a reference. */
static int credentials_open(const struct ktlsd_buffer *pem, uint32_t uid,
			    struct ktlsd_anchors **ret_anchors)
{
	struct ktlsd_anchors_digest digest = { 0 };
	struct ktlsd_fault fault = { 0 };
	int steps = 1, ret;

	while ((ret = ktlsd_anchors_digest_step(&digest, pem->data, pem->len, &fault)) > 0)
		steps++;
	assert_int_equal(ret, 0);
	assert_int_equal(ktlsd_anchors_open(&credentials_cache, &digest, pem->data, pem->len, uid,
					    ret_anchors, &fault), 0);
	return steps;
}

/* KTLS_TRUST, read to its end. Return: 0 and a reference, or a negative errno. */
static int credentials_anchors(const struct ktlsd_buffer *pem, uint32_t uid,
			       struct ktlsd_anchors **ret_anchors, const char *word)
{
	struct ktlsd_fault fault = { 0 };
	int err;

	credentials_open(pem, uid, ret_anchors);
	while ((err = ktlsd_anchors_read(&credentials_cache, *ret_anchors, &fault)) > 0)
		;
	if (err)
		ktlsd_anchors_put(*ret_anchors);
	if (err && !strstr(fault.reason, word))
		fail_msg("%s", fault.reason);
	return err;
}

/* @count anchors named after @prefix, or all of one name. */
static void credentials_put_anchors(struct ktlsd_buffer *pem, const char *prefix, int count,
				    bool same)
{
	struct test_pki_spec spec = { .is_ca = true };
	char name[64];
	X509 *cert;
	int i;

	spec.cn = name;
	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s %d", prefix, same ? 0 : i);
		cert = test_pki_issue(&spec, pki.ca_key, NULL, pki.ca_key);
		test_pki_put_cert(pem, cert);
		X509_free(cert);
	}
}

static void credentials_trust(void **state)
{
	struct ktlsd_buffer pem = { 0 }, none = { 0 }, junk = { 0 };
	struct ktlsd_anchors *anchors;
	struct ktlsd_fault fault;
	X509_STORE *store;

	(void)state;
	test_pki_put_cert(&pem, pki.ca);
	test_pki_put_cert(&pem, pki.other_ca);
	assert_int_equal(credentials_anchors(&pem, 0, &anchors, ""), 0);
	assert_int_equal(sk_X509_NAME_num(anchors->names), 2);
	ktlsd_anchors_put(anchors);

	/* Too many CA names for a CertificateRequest are left out. */
	credentials_put_anchors(&pem, "an authority with quite a long name, number", 400, false);
	assert_int_equal(credentials_anchors(&pem, 0, &anchors, ""), 0);
	assert_null(anchors->names);
	ktlsd_anchors_put(anchors);
	ktlsd_buffer_free(&pem);
	assert_int_equal(credentials_anchors(&none, 0, &anchors, "no PEM"), -EINVAL);
	ktlsd_buffer_append(&junk, "junk", 4, 10);
	assert_int_equal(credentials_anchors(&junk, 0, &anchors, "no PEM"), -EINVAL);
	ktlsd_buffer_free(&junk);
	assert_int_equal(ktlsd_trust_load("/nonexistent", &store, &fault), -ENOENT);
	assert_int_equal(ktlsd_trust_load("/dev/null", &store, &fault), -EINVAL);
	ktlsd_anchors_flush(&credentials_cache);
}

/* Limits on anchors: in total, and with one subject. */
static void credentials_trust_is_bounded(void **state)
{
	struct ktlsd_buffer pem = { 0 };
	struct ktlsd_anchors *anchors;

	(void)state;
	credentials_put_anchors(&pem, "a", KTLSD_ANCHORS_SAME, true);
	credentials_put_anchors(&pem, "b", KTLSD_ANCHORS_MAX - KTLSD_ANCHORS_SAME, false);
	assert_int_equal(credentials_anchors(&pem, 0, &anchors, ""), 0);
	ktlsd_anchors_put(anchors);
	credentials_put_anchors(&pem, "c", 1, false);
	assert_int_equal(credentials_anchors(&pem, 0, &anchors, "more than 512"), -EINVAL);
	ktlsd_buffer_free(&pem);
	credentials_put_anchors(&pem, "a", KTLSD_ANCHORS_SAME + 1, true);
	assert_int_equal(credentials_anchors(&pem, 0, &anchors, "the same subject"), -EINVAL);
	ktlsd_buffer_free(&pem);
	ktlsd_anchors_flush(&credentials_cache);
}

/* Text before a certificate, and blocks of other kinds, are skipped; but never much in one step. */
static void credentials_trust_has_other_text(void **state)
{
	static const char block[] = "-----BEGIN NOTE-----\nbm90ZQ==\n-----END NOTE-----\n";
	static const char half[] = "-----BEGIN CERTIFICATE-----\nMIIB\n";
	const size_t max = KTLSD_ANCHORS_CERT_MAX, room = 4 * max;
	static char text[KTLSD_ANCHORS_CERT_MAX];
	struct ktlsd_buffer pem = { 0 };
	struct ktlsd_anchors *anchors;

	(void)state;
	memset(text, 'x', max);
	text[max / 2 - 1] = '\n';
	ktlsd_buffer_append(&pem, text, max / 2, room);
	test_pki_put_cert(&pem, pki.ca);
	ktlsd_buffer_append(&pem, block, sizeof(block) - 1, room);
	test_pki_put_cert(&pem, pki.other_ca);
	ktlsd_buffer_append(&pem, text, max / 2, room);
	assert_int_equal(credentials_anchors(&pem, 0, &anchors, ""), 0);
	assert_int_equal(anchors->count, 2);
	ktlsd_anchors_put(anchors);
	ktlsd_anchors_flush(&credentials_cache);

	ktlsd_buffer_append(&pem, half, sizeof(half) - 1, room);
	assert_int_equal(credentials_anchors(&pem, 0, &anchors, "(number 3) cannot be"), -EINVAL);
	ktlsd_buffer_append(&pem, text, max, room);
	assert_int_equal(credentials_anchors(&pem, 0, &anchors, "more than 32768 bytes"), -EINVAL);
	ktlsd_buffer_free(&pem);
}

/* Anchors are read one by one and cached; no user displaces the anchors of others. */
static void credentials_trust_is_kept(void **state)
{
	struct ktlsd_buffer pem = { 0 }, other = { 0 };
	struct ktlsd_anchors *anchors, *again;
	struct ktlsd_fault fault;
	int i, steps = 0;

	(void)state;
	credentials_put_anchors(&pem, "a", 200, false);
	assert_int_equal(credentials_open(&pem, 1, &anchors),
			 (pem.len + KTLSD_ANCHORS_SLICE - 1) / KTLSD_ANCHORS_SLICE);
	do {
		assert_int_equal(credentials_cache.count, 0);
		assert_int_equal(anchors->count, steps++);
	} while (ktlsd_anchors_read(&credentials_cache, anchors, &fault) > 0);
	assert_int_equal(steps, 200);
	credentials_open(&pem, 2, &again);
	assert_ptr_equal(again, anchors);
	assert_int_equal(ktlsd_anchors_read(&credentials_cache, again, &fault), 0);
	ktlsd_anchors_put(again);
	ktlsd_anchors_put(anchors);

	for (i = 0; i < 2 * KTLSD_ANCHORS_SETS; i++) {
		ktlsd_buffer_free(&other);
		credentials_put_anchors(&other, "b", 1, true);
		assert_int_equal(credentials_anchors(&other, 4242, &again, ""), 0);
		ktlsd_anchors_put(again);
	}
	ktlsd_buffer_free(&other);
	assert_true(credentials_cache.count <= KTLSD_ANCHORS_SETS);
	credentials_open(&pem, 1, &anchors);
	assert_null(anchors->rest);
	ktlsd_anchors_put(anchors);
	ktlsd_buffer_free(&pem);
	ktlsd_anchors_flush(&credentials_cache);
	assert_int_equal(credentials_cache.bytes, 0);
}

/* A bundle with a malformed certificate is refused as a whole. */
static void credentials_trust_file(void **state)
{
	static const char *const texts[] = {
		"", "# nothing\n", "-----BEGIN CERTIFICATE-----\nMIIB\n",
	};
	char dir[] = "/tmp/ktlsd-test-XXXXXX", path[64];
	struct ktlsd_buffer pem = { 0 };
	struct ktlsd_fault fault;
	X509_STORE *store;
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/ca", dir);
	for (i = 0; i < 3; i++) {
		ktlsd_buffer_append(&pem, texts[i], strlen(texts[i]) + 1, 100);
		pem.len--;
		test_pki_write(path, &pem, 0644);
		assert_int_equal(ktlsd_trust_load(path, &store, &fault), -EINVAL);
		assert_non_null(strstr(fault.reason, path));
	}
	test_pki_put_cert(&pem, pki.ca);
	ktlsd_buffer_append(&pem, texts[2], strlen(texts[2]), 1 << 20);
	test_pki_write(path, &pem, 0644);
	assert_int_equal(ktlsd_trust_load(path, &store, &fault), -EINVAL);
	test_pki_put_cert(&pem, pki.ca);
	test_pki_put_cert(&pem, pki.ca);
	test_pki_write(path, &pem, 0644);
	assert_int_equal(ktlsd_trust_load(path, &store, &fault), 0);
	X509_STORE_free(store);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	alarm(10);
	assert_int_equal(ktlsd_trust_load(path, &store, &fault), -EINVAL);
	alarm(0);
	unlink(path);
	rmdir(dir);
}

/* Anchors whose keys make a signature check slow. */
static void credentials_trust_keys(void **state)
{
	static const char *const kinds[] = { "rsa-swapped", "binary", "ec-explicit" };
	const struct test_pki_spec spec = { .cn = "a", .is_ca = true };
	struct ktlsd_buffer pem = { 0 };
	struct ktlsd_anchors *anchors;
	EVP_PKEY *key;
	X509 *cert;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		key = test_pki_key(kinds[i]);
		cert = test_pki_issue(&spec, key, NULL, key);
		test_pki_put_cert(&pem, pki.ca);
		test_pki_put_cert(&pem, cert);
		assert_int_equal(credentials_anchors(&pem, 0, &anchors, "(number 2) has a"),
				 -EINVAL);
		ktlsd_buffer_free(&pem);
		X509_free(cert);
		EVP_PKEY_free(key);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(credentials_kinds),
		cmocka_unit_test(credentials_chain),
		cmocka_unit_test(credentials_do_not_match),
		cmocka_unit_test(credentials_encrypted),
		cmocka_unit_test(credentials_garbage),
		cmocka_unit_test(credentials_files),
		cmocka_unit_test(credentials_no_peer_wants),
		cmocka_unit_test(credentials_small_curve),
		cmocka_unit_test(credentials_trust),
		cmocka_unit_test(credentials_trust_is_bounded),
		cmocka_unit_test(credentials_trust_has_other_text),
		cmocka_unit_test(credentials_trust_is_kept),
		cmocka_unit_test(credentials_trust_file),
		cmocka_unit_test(credentials_trust_keys),
	};

	return cmocka_run_group_tests_name("credentials", tests,
					   test_pki_setup, test_pki_teardown);
}
