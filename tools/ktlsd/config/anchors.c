// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "config/anchors.h"
#include "config/credentials.h"
#include "config/crl_lookup.h"
#include "config/public_key.h"

/* --- the cache --- */

static void anchors_unlink(struct ktlsd_anchors_cache *cache, struct ktlsd_anchors *anchors)
{
	if (anchors->newer)
		anchors->newer->older = anchors->older;
	else
		cache->newest = anchors->older;
	if (anchors->older)
		anchors->older->newer = anchors->newer;
	else
		cache->oldest = anchors->newer;
}

static void anchors_link(struct ktlsd_anchors_cache *cache, struct ktlsd_anchors *anchors)
{
	anchors->newer = NULL;
	anchors->older = cache->newest;
	if (cache->newest)
		cache->newest->newer = anchors;
	else
		cache->oldest = anchors;
	cache->newest = anchors;
}

static void anchors_forget(struct ktlsd_anchors_cache *cache, struct ktlsd_anchors *anchors)
{
	anchors_unlink(cache, anchors);
	cache->count--;
	cache->bytes -= anchors->cost;
	ktlsd_anchors_put(anchors);
}

static size_t anchors_max_bytes(const struct ktlsd_anchors_cache *cache)
{
	return cache->max_bytes ? cache->max_bytes : KTLSD_ANCHORS_CACHED_BYTES;
}

/* Return: the share of a user in the cache, by bytes or by number, whichever is larger. */
static size_t anchors_share(const struct ktlsd_anchors_cache *cache, uint32_t uid)
{
	const size_t set = anchors_max_bytes(cache) / KTLSD_ANCHORS_SETS;
	const struct ktlsd_anchors *anchors;
	size_t bytes = 0, count = 0;

	for (anchors = cache->newest; anchors; anchors = anchors->older) {
		if (anchors->uid != uid)
			continue;
		bytes += anchors->cost;
		count++;
	}
	return bytes > count * set ? bytes : count * set;
}

/* Return: the oldest set of the user with the largest share. */
static struct ktlsd_anchors *anchors_victim(const struct ktlsd_anchors_cache *cache)
{
	struct ktlsd_anchors *anchors, *victim = NULL;
	size_t share, most = 0;

	for (anchors = cache->oldest; anchors; anchors = anchors->newer) {
		share = anchors_share(cache, anchors->uid);
		if (share > most) {
			most = share;
			victim = anchors;
		}
	}
	return victim;
}

/* Takes a reference. */
static void anchors_cache_add(struct ktlsd_anchors_cache *cache, struct ktlsd_anchors *anchors)
{
	anchors_link(cache, ktlsd_anchors_get(anchors));
	cache->count++;
	cache->bytes += anchors->cost;
	while (cache->count > KTLSD_ANCHORS_SETS ||
	       (cache->count > 1 && cache->bytes > anchors_max_bytes(cache)))
		anchors_forget(cache, anchors_victim(cache));
}

/* Return: a reference, or NULL */
static struct ktlsd_anchors *anchors_find(struct ktlsd_anchors_cache *cache,
					  const uint8_t *digest)
{
	struct ktlsd_anchors *anchors;

	for (anchors = cache->newest; anchors; anchors = anchors->older) {
		if (memcmp(anchors->digest, digest, sizeof(anchors->digest)))
			continue;
		anchors_unlink(cache, anchors);
		anchors_link(cache, anchors);
		return ktlsd_anchors_get(anchors);
	}
	return NULL;
}

void ktlsd_anchors_flush(struct ktlsd_anchors_cache *cache)
{
	while (cache->oldest)
		anchors_forget(cache, cache->oldest);
}

bool ktlsd_anchors_reclaim(struct ktlsd_anchors_cache *cache, uint32_t uid)
{
	struct ktlsd_anchors *anchors;

	for (anchors = cache->oldest; anchors; anchors = anchors->newer) {
		if (anchors->uid == uid && anchors->refs == 1) {
			anchors_forget(cache, anchors);
			return true;
		}
	}
	return false;
}

/* --- one set --- */

struct ktlsd_anchors *ktlsd_anchors_get(struct ktlsd_anchors *anchors)
{
	anchors->refs++;
	return anchors;
}

void ktlsd_anchors_put(struct ktlsd_anchors *anchors)
{
	if (!anchors || --anchors->refs)
		return;
	X509_STORE_free(anchors->store);
	sk_X509_NAME_pop_free(anchors->names, X509_NAME_free);
	BIO_free(anchors->bio);
	ktlsd_quota_release(&anchors->hold);
	free(anchors);
}

int ktlsd_anchors_open(struct ktlsd_anchors_cache *cache, const void *pem, size_t len,
		       uint32_t uid, struct ktlsd_anchors **ret_anchors,
		       struct ktlsd_fault *fault)
{
	struct ktlsd_anchors *anchors;
	uint8_t digest[32];

	if (len > KTLSD_ANCHORS_PEM_MAX)
		return ktlsd_errors_set(fault, -EINVAL,
			"KTLS_TRUST is longer than %d bytes.", KTLSD_ANCHORS_PEM_MAX);
	if (EVP_Digest(len ? pem : "", len, digest, NULL, EVP_sha256(), NULL) != 1)
		return ktlsd_errors_set(fault, -ENOMEM, "ktlsd is out of memory.");
	*ret_anchors = anchors_find(cache, digest);
	if (*ret_anchors)
		return 0;
	anchors = calloc(1, sizeof(*anchors));
	if (!anchors)
		return ktlsd_errors_set(fault, -ENOMEM, "ktlsd is out of memory.");
	anchors->refs = 1;
	anchors->uid = uid;
	anchors->cost = sizeof(*anchors) + len * KTLSD_ANCHORS_EXPANSION;
	memcpy(anchors->digest, digest, sizeof(digest));
	anchors->store = X509_STORE_new();
	anchors->names = sk_X509_NAME_new_null();
	anchors->bio = BIO_new_mem_buf(len ? pem : "", (int)len);
	if (!anchors->store || !anchors->names || !anchors->bio) {
		ktlsd_anchors_put(anchors);
		return ktlsd_errors_set(fault, -ENOMEM, "ktlsd is out of memory.");
	}
	X509_STORE_set_flags(anchors->store, X509_V_FLAG_PARTIAL_CHAIN);
	ktlsd_crl_lookup_attach(anchors->store);
	*ret_anchors = anchors;
	return 0;
}

/* Adds a CA name. If the list becomes too long, there is none. */
static int anchors_add_name(struct ktlsd_anchors *anchors, const X509 *cert)
{
	const unsigned char *der;
	X509_NAME *copy;
	size_t len = 0;

	if (!anchors->names)
		return 0;
	if (!X509_NAME_get0_der(X509_get_subject_name(cert), &der, &len))
		return -ENOMEM;
	anchors->names_len += len + 2;
	if (anchors->names_len > KTLSD_ANCHORS_NAMES_MAX) {
		sk_X509_NAME_pop_free(anchors->names, X509_NAME_free);
		anchors->names = NULL;
		return 0;
	}
	copy = X509_NAME_dup(X509_get_subject_name(cert));
	if (!copy || !sk_X509_NAME_push(anchors->names, copy)) {
		X509_NAME_free(copy);
		return -ENOMEM;
	}
	return 0;
}

/* Return: why a certificate is refused, or NULL. */
static const char *anchors_refuse(struct ktlsd_anchors *anchors, X509 *cert,
				  struct ktlsd_fault *fault)
{
	unsigned long subject = X509_subject_name_hash(cert);
	unsigned int i, same = 0;
	const char *why;

	if (anchors->count == KTLSD_ANCHORS_MAX) {
		ktlsd_errors_set(fault, -EINVAL,
			"There are more than %d certificates in KTLS_TRUST.",
			KTLSD_ANCHORS_MAX);
		return fault->reason;
	}
	for (i = 0; i < anchors->count; i++)
		same += anchors->subjects[i] == subject;
	anchors->subjects[anchors->count++] = subject;
	why = ktlsd_public_key_explain(ktlsd_public_key_check(cert));
	if (why)
		ktlsd_errors_set(fault, -EINVAL,
			"A certificate in KTLS_TRUST (number %u) has %s.",
			anchors->count, why);
	else if (same == KTLSD_ANCHORS_SAME)
		ktlsd_errors_set(fault, -EINVAL,
			"More than %d certificates in KTLS_TRUST have the same subject (number %u).",
			KTLSD_ANCHORS_SAME, anchors->count);
	else
		return NULL;
	return fault->reason;
}

static int anchors_add(struct ktlsd_anchors *anchors, X509 *cert, struct ktlsd_fault *fault)
{
	if (anchors_refuse(anchors, cert, fault))
		return -EINVAL;
	if (!X509_STORE_add_cert(anchors->store, cert) || anchors_add_name(anchors, cert))
		return ktlsd_errors_set(fault, -ENOMEM, "ktlsd is out of memory.");
	return 0;
}

/* After the last certificate: is this the end of the PEM, or an error? */
static int anchors_end(struct ktlsd_anchors *anchors, struct ktlsd_fault *fault)
{
	unsigned long code = ERR_peek_last_error();

	if (ERR_GET_LIB(code) != ERR_LIB_PEM ||
	    ERR_GET_REASON(code) != PEM_R_NO_START_LINE)
		return ktlsd_errors_set(fault, -EINVAL,
			"A certificate in KTLS_TRUST (number %u) cannot be decoded: %s.",
			anchors->count + 1, ktlsd_errors_openssl_reason());
	if (!anchors->count)
		return ktlsd_errors_set(fault, -EINVAL,
			"There is no PEM certificate in KTLS_TRUST.");
	BIO_free(anchors->bio);
	anchors->bio = NULL;
	return 0;
}

int ktlsd_anchors_read(struct ktlsd_anchors_cache *cache, struct ktlsd_anchors *anchors,
		       struct ktlsd_fault *fault)
{
	int i, err = 0;
	X509 *cert;

	if (!anchors->bio)
		return 0;
	ERR_clear_error();
	for (i = 0; !err && i < KTLSD_ANCHORS_SLICE; i++) {
		cert = PEM_read_bio_X509(anchors->bio, NULL,
					 ktlsd_credentials_no_passphrase, NULL);
		if (!cert) {
			err = anchors_end(anchors, fault);
			break;
		}
		err = anchors_add(anchors, cert, fault);
		X509_free(cert);
	}
	ERR_clear_error();
	if (err)
		return err;
	if (anchors->bio)
		return 1;
	anchors_cache_add(cache, anchors);
	return 0;
}
