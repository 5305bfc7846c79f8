// SPDX-License-Identifier: GPL-2.0-or-later
/* Files in the cache directory, which an earlier run has left, or somebody else.
 *
 * The input is a byte that says what it is, and the file, or a part of it.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "crl_points.h"
#include "fuzz.h"
#include "fuzz/fixed.h"
#include "fuzz/pki.h"
#include "lib/log.h"
#include "staples.h"
#include "tests/test_authority.h"

#define STORE_HEAD	"ktlsd crl 2\nehttp://crl.test/ca.crl\n"

enum store_kind {
	STORE_CRL	= 0,		/* the file of a CRL */
	STORE_CRL_HEAD	= 1,		/* what is before the CRL */
	STORE_CRL_AGAIN	= 2,		/* a CRL that is signed again */
	STORE_CRL_OTHER	= 3,		/* the same by another authority */
	STORE_OCSP	= 4,		/* a response */
	STORE_OCSP_AGAIN = 5,
	STORE_OCSP_OTHER = 6,
	STORE_KINDS	= 7,
};

static struct ktlsd_errands store_errands;
static struct ktlsd_store store_store;
static X509 *store_cert;		/* names a responder */
static uint8_t *store_issuer, *store_crl;
static int store_issuer_len, store_crl_len;

/* --- seeds --- */

static void store_write_crl(void)
{
	const struct test_authority_crl spec = {
		.issuer = pki.ca, .key = pki.ca_key, .revoked = pki.client, .reason = -1,
		.from = -60, .number = 1,
	};
	X509_CRL *crl = test_authority_crl(&spec);

	store_crl_len = i2d_X509_CRL(crl, &store_crl);
	X509_CRL_free(crl);
}

static void store_write(void)
{
	const struct test_authority_response spec = {
		.cert = store_cert, .issuer = pki.ca, .signer = pki.ca, .key = pki.ca_key,
		.status = V_OCSP_CERTSTATUS_GOOD, .from = -60,
	};
	uint8_t head[1024] = { STORE_CRL }, kind, *der;
	size_t head_len = 1 + strlen(STORE_HEAD) + (size_t)store_issuer_len;
	int len;

	memcpy(head + 1, STORE_HEAD, strlen(STORE_HEAD));
	memcpy(head + 1 + strlen(STORE_HEAD), store_issuer, (size_t)store_issuer_len);
	fuzz_pki_seed("crl", head, head_len, store_crl, (size_t)store_crl_len);
	head[0] = STORE_CRL_HEAD;
	fuzz_pki_seed("crl-head", head, head_len, NULL, 0);
	kind = STORE_CRL_AGAIN;
	fuzz_pki_seed("crl-again", &kind, 1, store_crl, (size_t)store_crl_len);
	kind = STORE_CRL_OTHER;
	fuzz_pki_seed("crl-other", &kind, 1, store_crl, (size_t)store_crl_len);
	der = test_authority_response(&spec, &len);
	for (kind = STORE_OCSP; kind < STORE_KINDS; kind++)
		fuzz_pki_seed(kind == STORE_OCSP ? "ocsp" : kind == STORE_OCSP_AGAIN ?
			      "ocsp-again" : "ocsp-other", &kind, 1, der, (size_t)len);
	OPENSSL_free(der);
}

/* --- setting up --- */

static int64_t store_now(void)
{
	return time(NULL);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_fixed_setup();
	/* Each file that is refused is logged. */
	ktlsd_log_open("fuzz", KTLSD_LOG_SYSLOG, KTLSD_LOG_ERROR);
	fuzz_pki_setup();
	store_cert = X509_dup(pki.ec);
	test_authority_extend(store_cert, pki.ca_key, NID_info_access,
			      "OCSP;URI:http://ocsp.test/");
	store_issuer_len = i2d_X509(pki.ca, &store_issuer);
	store_write_crl();
	fuzz_pki_seeds(*argc, *argv, store_write);
	fuzz_fixed_directory();
	if (ktlsd_errands_init(&store_errands, "/nonexistent"))
		abort();
	store_errands.now = store_now;
	return 0;
}

/* --- the file --- */

static void store_put(const char *name, const struct ktlsd_buffer *file)
{
	int fd = openat(store_store.fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, file->data, file->len) != (ssize_t)file->len)
		abort();
	close(fd);
}

static void store_append(struct ktlsd_buffer *file, const void *data, size_t len)
{
	if (len && ktlsd_buffer_append(file, data, len, SIZE_MAX))
		abort();
}

/* Return: whether there is something to test. */
static bool store_make_crl(struct fuzz *fuzz, enum store_kind kind, struct ktlsd_buffer *file)
{
	uint8_t *again;
	int len;

	if (kind == STORE_CRL || kind == STORE_CRL_HEAD) {
		store_append(file, fuzz->data, fuzz->len);
		if (kind == STORE_CRL_HEAD)
			store_append(file, store_crl, (size_t)store_crl_len);
		return true;
	}
	again = fuzz_pki_sign_crl(fuzz->data, fuzz->len, kind == STORE_CRL_AGAIN ? pki.ca_key :
				  pki.other_key, &len);
	if (!again)
		return false;
	store_append(file, STORE_HEAD, strlen(STORE_HEAD));
	store_append(file, store_issuer, (size_t)store_issuer_len);
	store_append(file, again, (size_t)len);
	OPENSSL_free(again);
	return true;
}

/* It is used, or it is gone. */
static void store_restore_crl(enum store_kind kind, const struct ktlsd_buffer *file)
{
	static struct ktlsd_crl_points points;
	struct ktlsd_config config = { .crl_fetch = true };
	uint8_t hash[KTLSD_STORE_HASH] = { 0 };
	struct ktlsd_crl_points_sum sum;
	char name[KTLSD_STORE_NAME];
	struct ktlsd_fault fault;

	ktlsd_store_name(name, "crl", hash);
	store_put(name, file);
	if (ktlsd_crls_open(NULL, &config.crls, &fault))
		abort();
	config.crls->fetch = true;
	ktlsd_crl_points_init(&points, &store_errands, &store_store);
	ktlsd_crl_points_adopt(&points, &config);
	sum = ktlsd_crl_points_count(&points);
	if (sum.count != config.crls->set->fetched_count || sum.valid > sum.count ||
	    sum.count == (faccessat(store_store.fd, name, F_OK, 0) != 0) ||
	    (sum.count && kind == STORE_CRL_OTHER))
		abort();
	ktlsd_crl_points_free(&points);
	ktlsd_crls_put(config.crls);
	ktlsd_store_remove(&store_store, name);
}

static void store_restore_response(enum store_kind kind, const struct ktlsd_buffer *file)
{
	struct ktlsd_identity identity = {
		.name = "www", .staple = true, .credential_count = 1,
		.credentials = { { .leaf = store_cert, .key = pki.ec_key } },
	};
	struct ktlsd_config config = {
		.identities = &identity, .identity_count = 1, .trust = X509_STORE_new(),
	};
	struct ktlsd_staples staples;
	uint8_t key[KTLSD_STAPLE_KEY], *der;
	char name[KTLSD_STORE_NAME];
	size_t len;

	X509_STORE_add_cert(config.trust, pki.ca);
	if (ktlsd_staple_hash(store_cert, pki.ca, key))
		abort();
	ktlsd_store_name(name, "ocsp", key);
	store_put(name, file);
	ktlsd_staples_init(&staples, &store_errands, &store_store);
	ktlsd_staples_adopt(&staples, &config);
	if (!identity.staples[0])
		abort();
	/* What is stapled is the file, and signed by the authority. */
	der = ktlsd_staple_copy(identity.staples[0], time(NULL), &len);
	if (ktlsd_staples_count(&staples).valid != !!der ||
	    (der && (kind == STORE_OCSP_OTHER || len != file->len ||
		     memcmp(der, file->data, len))))
		abort();
	OPENSSL_free(der);
	ktlsd_staples_free(&staples);
	ktlsd_staple_put(identity.staples[0]);
	X509_STORE_free(config.trust);
	ktlsd_store_remove(&store_store, name);
}

static bool store_make_response(struct fuzz *fuzz, enum store_kind kind,
				struct ktlsd_buffer *file)
{
	bool other = kind == STORE_OCSP_OTHER;
	uint8_t *again;
	int len;

	if (kind == STORE_OCSP) {
		store_append(file, fuzz->data, fuzz->len);
		return true;
	}
	again = fuzz_pki_sign_response(fuzz->data, fuzz->len, other ? pki.other_ca : pki.ca,
				       other ? pki.other_key : pki.ca_key, &len);
	if (again)
		store_append(file, again, (size_t)len);
	OPENSSL_free(again);
	return again;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz fuzz = { data, len };
	enum store_kind kind = fuzz_byte(&fuzz) % STORE_KINDS;
	struct ktlsd_buffer file = { 0 };

	fuzz_fixed_reset();
	ktlsd_store_open(&store_store, ".");
	if (store_store.fd < 0)
		abort();
	if (kind < STORE_OCSP && store_make_crl(&fuzz, kind, &file))
		store_restore_crl(kind, &file);
	else if (kind >= STORE_OCSP && store_make_response(&fuzz, kind, &file))
		store_restore_response(kind, &file);
	ktlsd_buffer_free(&file);
	ktlsd_store_close(&store_store);
	return 0;
}
