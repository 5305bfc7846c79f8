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
	ktlsd_quota_release(&anchors->hold);
	free(anchors);
}

int ktlsd_anchors_digest_step(struct ktlsd_anchors_digest *digest, const void *pem, size_t len,
			      struct ktlsd_fault *fault)
{
	size_t part = len - digest->done;

	if (len > KTLSD_ANCHORS_PEM_MAX)
		return ktlsd_errors_set(fault, -EINVAL,
			"KTLS_TRUST is longer than %d bytes.", KTLSD_ANCHORS_PEM_MAX);
	if (part > KTLSD_ANCHORS_SLICE)
		part = KTLSD_ANCHORS_SLICE;
	if (!digest->hash) {
		digest->hash = EVP_MD_CTX_new();
		if (!digest->hash || EVP_DigestInit_ex(digest->hash, EVP_sha256(), NULL) != 1)
			return ktlsd_errors_set(fault, -ENOMEM, "ktlsd is out of memory.");
	}
	/* Without a byte there is no buffer. */
	if (part && EVP_DigestUpdate(digest->hash, (const uint8_t *)pem + digest->done, part) != 1)
		return ktlsd_errors_set(fault, -ENOMEM, "ktlsd is out of memory.");
	digest->done += part;
	if (digest->done < len)
		return 1;
	if (EVP_DigestFinal_ex(digest->hash, digest->value, NULL) != 1)
		return ktlsd_errors_set(fault, -ENOMEM, "ktlsd is out of memory.");
	ktlsd_anchors_digest_free(digest);
	return 0;
}

void ktlsd_anchors_digest_free(struct ktlsd_anchors_digest *digest)
{
	EVP_MD_CTX_free(digest->hash);
	digest->hash = NULL;
}

int ktlsd_anchors_open(struct ktlsd_anchors_cache *cache,
		       const struct ktlsd_anchors_digest *digest, const void *pem, size_t len,
		       uint32_t uid, struct ktlsd_anchors **ret_anchors,
		       struct ktlsd_fault *fault)
{
	struct ktlsd_anchors *anchors;

	*ret_anchors = anchors_find(cache, digest->value);
	if (*ret_anchors)
		return 0;
	anchors = calloc(1, sizeof(*anchors));
	if (!anchors)
		return ktlsd_errors_set(fault, -ENOMEM, "ktlsd is out of memory.");
	anchors->refs = 1;
	anchors->uid = uid;
	anchors->cost = sizeof(*anchors) + len * KTLSD_ANCHORS_EXPANSION;
	memcpy(anchors->digest, digest->value, sizeof(anchors->digest));
	anchors->store = X509_STORE_new();
	anchors->names = sk_X509_NAME_new_null();
	anchors->rest = len ? pem : "";
	anchors->rest_len = len;
	if (!anchors->store || !anchors->names) {
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

/* Return: bytes of the rest up to the end of its first block of PEM; all, if none ends there;
 * more than KTLSD_ANCHORS_CERT_MAX if the end is not within that.
 */
static size_t anchors_block(const struct ktlsd_anchors *anchors)
{
	static const char mark[] = "-----END";
	const char *rest = anchors->rest, *end;
	size_t len = anchors->rest_len;

	if (len > KTLSD_ANCHORS_CERT_MAX)
		len = KTLSD_ANCHORS_CERT_MAX + 1;
	end = memmem(rest, len, mark, sizeof(mark) - 1);
	if (end)
		end = memchr(end, '\n', len - (size_t)(end - rest));
	return end ? (size_t)(end + 1 - rest) : len;
}

/* Without a certificate in a block: is that an error? A block of another kind is none. */
static int anchors_skip(const struct ktlsd_anchors *anchors, struct ktlsd_fault *fault)
{
	unsigned long code = ERR_peek_last_error();

	if (ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE)
		return 0;
	return ktlsd_errors_set(fault, -EINVAL,
		"A certificate in KTLS_TRUST (number %u) cannot be decoded: %s.",
		anchors->count + 1, ktlsd_errors_openssl_reason());
}

/* Reads the first block of the rest. Return: 0, -EINVAL or -ENOMEM */
static int anchors_read_block(struct ktlsd_anchors *anchors, size_t len,
			      struct ktlsd_fault *fault)
{
	BIO *bio = BIO_new_mem_buf(anchors->rest, (int)len);
	X509 *cert;
	int err;

	if (!bio)
		return ktlsd_errors_set(fault, -ENOMEM, "ktlsd is out of memory.");
	ERR_clear_error();
	cert = PEM_read_bio_X509(bio, NULL, ktlsd_credentials_no_passphrase, NULL);
	err = cert ? anchors_add(anchors, cert, fault) : anchors_skip(anchors, fault);
	X509_free(cert);
	BIO_free(bio);
	ERR_clear_error();
	return err;
}

int ktlsd_anchors_read(struct ktlsd_anchors_cache *cache, struct ktlsd_anchors *anchors,
		       struct ktlsd_fault *fault)
{
	size_t len;
	int err;

	if (!anchors->rest)
		return 0;
	len = anchors_block(anchors);
	if (len > KTLSD_ANCHORS_CERT_MAX)
		return ktlsd_errors_set(fault, -EINVAL,
			"A certificate in KTLS_TRUST (number %u), with the text before it, has more than %d bytes.",
			anchors->count + 1, KTLSD_ANCHORS_CERT_MAX);
	err = len ? anchors_read_block(anchors, len, fault) : 0;
	if (err)
		return err;
	anchors->rest += len;
	anchors->rest_len -= len;
	if (anchors->rest_len)
		return 1;
	if (!anchors->count)
		return ktlsd_errors_set(fault, -EINVAL,
			"There is no PEM certificate in KTLS_TRUST.");
	anchors->rest = NULL;
	anchors_cache_add(cache, anchors);
	return 0;
}
