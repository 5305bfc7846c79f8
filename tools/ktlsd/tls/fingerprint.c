// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "request.h"
#include "tls/context.h"
#include "tls/fingerprint.h"

/**
 * struct fingerprint_hash - a hash under construction
 * @ctx: OpenSSL's
 * @failed: OpenSSL failed
 * @len: bytes in @bytes
 * @bytes: to be hashed: a call of OpenSSL for each would take longer than the hash
 */
struct fingerprint_hash {
	EVP_MD_CTX	*ctx;
	bool		failed;
	size_t		len;
	uint8_t		bytes[512];
};

static void fingerprint_begin(struct fingerprint_hash *hash)
{
	hash->ctx = EVP_MD_CTX_new();
	hash->failed = !hash->ctx || !EVP_DigestInit_ex(hash->ctx, EVP_sha256(), NULL);
	hash->len = 0;
}

static void fingerprint_flush(struct fingerprint_hash *hash)
{
	if (hash->len && !EVP_DigestUpdate(hash->ctx, hash->bytes, hash->len))
		hash->failed = true;
	hash->len = 0;
}

static void fingerprint_add_bytes(struct fingerprint_hash *hash, const void *data, size_t len)
{
	if (hash->failed || !len)
		return;
	if (len > sizeof(hash->bytes) - hash->len)
		fingerprint_flush(hash);
	if (len > sizeof(hash->bytes)) {
		if (!EVP_DigestUpdate(hash->ctx, data, len))
			hash->failed = true;
		return;
	}
	memcpy(hash->bytes + hash->len, data, len);
	hash->len += len;
}

/* With its length first, so that no two lists of values are hashed from the same bytes. */
static void fingerprint_add(struct fingerprint_hash *hash, const void *data, size_t len)
{
	uint64_t length = len;

	fingerprint_add_bytes(hash, &length, sizeof(length));
	fingerprint_add_bytes(hash, data, len);
}

static void fingerprint_add_string(struct fingerprint_hash *hash, const char *string)
{
	fingerprint_add(hash, string, strlen(string));
}

static void fingerprint_add_number(struct fingerprint_hash *hash, uint64_t number)
{
	fingerprint_add(hash, &number, sizeof(number));
}

static int fingerprint_end(struct fingerprint_hash *hash,
			   struct ktlsd_fingerprint *ret_fingerprint)
{
	if (!hash->failed)
		fingerprint_flush(hash);
	/* Parts are secrets, too. */
	OPENSSL_cleanse(hash->bytes, sizeof(hash->bytes));
	if (!hash->failed &&
	    !EVP_DigestFinal_ex(hash->ctx, ret_fingerprint->bytes, NULL))
		hash->failed = true;
	EVP_MD_CTX_free(hash->ctx);
	return hash->failed ? -ENOMEM : 0;
}

int ktlsd_fingerprint_parts(const struct ktlsd_context_parts *parts,
			    const char *identity, uint64_t generation,
			    struct ktlsd_fingerprint *ret_fingerprint)
{
	struct fingerprint_hash hash;
	int i;

	fingerprint_begin(&hash);
	fingerprint_add_number(&hash, generation);
	fingerprint_add_string(&hash, identity);
	for (i = 0; i <= KTLS_CONFIG_MAX; i++)
		fingerprint_add(&hash, parts->data[i], parts->len[i]);
	return fingerprint_end(&hash, ret_fingerprint);
}

/* A session that another policy allowed is not resumed. */
static void fingerprint_add_bounds(struct fingerprint_hash *hash,
				   const struct ktlsd_bounds *bounds)
{
	fingerprint_add_number(hash, bounds->no_suites);
	fingerprint_add_number(hash, bounds->no_groups);
	fingerprint_add_number(hash, bounds->no_sigalgs);
	fingerprint_add_number(hash, bounds->rsa_min);
	fingerprint_add_number(hash, bounds->no_curves);
	fingerprint_add_number(hash, bounds->revocation);
	fingerprint_add_number(hash, bounds->revocation_ktls_trust);
}

int ktlsd_fingerprint_request(const struct ktlsd_fingerprint *parts,
			      const struct ktlsd_request *request,
			      struct ktlsd_fingerprint *ret_fingerprint)
{
	struct fingerprint_hash hash;

	fingerprint_begin(&hash);
	fingerprint_add(&hash, parts->bytes, sizeof(parts->bytes));
	fingerprint_add_number(&hash, request->is_server);
	fingerprint_add_number(&hash, request->caller.uid);
	fingerprint_add_number(&hash, request->caller.in_container);
	fingerprint_add_number(&hash, request->verify);
	fingerprint_add_number(&hash, request->version_min);
	fingerprint_add_number(&hash, request->version_max);
	fingerprint_add_string(&hash, request->ciphers);
	fingerprint_add_string(&hash, request->groups);
	fingerprint_add_string(&hash, request->sigalgs);
	fingerprint_add(&hash, request->alpn, request->alpn_len);
	fingerprint_add_bounds(&hash, &request->bounds);
	if (!request->is_server) {
		fingerprint_add_number(&hash, request->name.kind);
		fingerprint_add_string(&hash, request->name.text);
		fingerprint_add_number(&hash, request->port);
	}
	return fingerprint_end(&hash, ret_fingerprint);
}
