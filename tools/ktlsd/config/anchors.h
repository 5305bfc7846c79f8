/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Trust anchors of programs (KTLS_TRUST): digested and read in steps no longer than those of a
 * handshake, so that a large bundle does not delay others, and cached for the next socket with
 * the same bundle. Belongs to one worker; nothing here is locked.
 */
#ifndef KTLSD_ANCHORS_H
#define KTLSD_ANCHORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "errors.h"
#include "quota.h"

enum {
	KTLSD_ANCHORS_PEM_MAX		= 1048576,	/* bytes, as KTLS_TRUST */
	KTLSD_ANCHORS_MAX		= 512,		/* certificates */
	KTLSD_ANCHORS_SAME		= 16,		/* of one subject: each is tried */
	KTLSD_ANCHORS_NAMES_MAX		= 16384,	/* bytes of CA names sent to clients */
	KTLSD_ANCHORS_CERT_MAX		= 32768,	/* bytes of PEM up to the end of one */
	KTLSD_ANCHORS_SLICE		= 32768,	/* bytes of the digest per step */
	KTLSD_ANCHORS_CACHED_BYTES	= 20 << 20,	/* memory of the sets in the cache */
	KTLSD_ANCHORS_EXPANSION		= 5,		/* memory of a certificate, times its PEM */
	KTLSD_ANCHORS_SETS		= 64,		/* sets in the cache */
};

/**
 * struct ktlsd_anchors_digest - the key of the cache: SHA-256 of the PEM
 * @hash: NULL before it begins, and when it is complete
 * @done: bytes that are in it
 * @value: the digest, when it is complete
 *
 * Zeroed to begin with.
 */
struct ktlsd_anchors_digest {
	EVP_MD_CTX	*hash;
	size_t		done;
	uint8_t		value[32];
};

/**
 * struct ktlsd_anchors - the anchors of one KTLS_TRUST
 * @newer: in the cache: used later
 * @older: in the cache: used earlier
 * @refs: the last one frees it
 * @digest: of the PEM
 * @uid: who used it first
 * @cost: memory, estimated
 * @hold: that memory, in the quota of @uid, once the caller of ktlsd_anchors_open() has
 *	taken it
 * @store: each of its certificates is an anchor, self-signed or not
 * @names: the subjects, for a server's CertificateRequest; NULL when they are too long
 * @names_len: bytes
 * @rest: of the PEM; NULL when it was read completely
 * @rest_len: bytes
 * @count: certificates so far
 * @subjects: hashes of their subjects
 */
struct ktlsd_anchors {
	struct ktlsd_anchors	*newer;
	struct ktlsd_anchors	*older;
	unsigned int		refs;
	uint8_t			digest[32];
	uint32_t		uid;
	size_t			cost;
	struct ktlsd_quota_hold	hold;
	X509_STORE		*store;
	STACK_OF(X509_NAME)	*names;
	size_t			names_len;
	const char		*rest;
	size_t			rest_len;
	unsigned int		count;
	unsigned long		subjects[KTLSD_ANCHORS_MAX];
};

/**
 * struct ktlsd_anchors_cache - sets that were read completely
 * @newest: list
 * @oldest: other end
 * @count: how many
 * @bytes: sum of their costs
 * @max_bytes: limit of it; 0: KTLSD_ANCHORS_CACHED_BYTES
 *
 * Zeroed to begin with.
 */
struct ktlsd_anchors_cache {
	struct ktlsd_anchors	*newest;
	struct ktlsd_anchors	*oldest;
	unsigned int		count;
	size_t			bytes;
	size_t			max_bytes;
};

/**
 * ktlsd_anchors_digest_step - digest some more of the PEM
 * @digest: zeroed before the first step
 * @pem: the same in each step
 * @len: bytes
 * @fault: on error
 *
 * Return: 1 there is more, 0 complete, -EINVAL or -ENOMEM
 */
int ktlsd_anchors_digest_step(struct ktlsd_anchors_digest *digest, const void *pem, size_t len,
			      struct ktlsd_fault *fault);

/* Of a digest that may be incomplete. */
void ktlsd_anchors_digest_free(struct ktlsd_anchors_digest *digest);

/**
 * ktlsd_anchors_open - find anchors in the cache, or begin to read them
 * @cache: of the worker
 * @digest: of @pem, complete
 * @pem: must stay valid until ktlsd_anchors_read() returns 0; not NUL-terminated
 * @len: bytes
 * @uid: who uses it
 * @ret_anchors: a reference
 * @fault: on error
 *
 * Return: 0, -EINVAL or -ENOMEM
 */
int ktlsd_anchors_open(struct ktlsd_anchors_cache *cache,
		       const struct ktlsd_anchors_digest *digest, const void *pem, size_t len,
		       uint32_t uid, struct ktlsd_anchors **ret_anchors,
		       struct ktlsd_fault *fault);

/**
 * ktlsd_anchors_read - read one more of them
 * @cache: gets them when they are complete
 * @anchors: from ktlsd_anchors_open()
 * @fault: on error
 *
 * Return: 1 there are more, 0 complete, -EINVAL or -ENOMEM
 */
int ktlsd_anchors_read(struct ktlsd_anchors_cache *cache, struct ktlsd_anchors *anchors,
		       struct ktlsd_fault *fault);

struct ktlsd_anchors *ktlsd_anchors_get(struct ktlsd_anchors *anchors);
void ktlsd_anchors_put(struct ktlsd_anchors *anchors);
void ktlsd_anchors_flush(struct ktlsd_anchors_cache *cache);

/* Frees the oldest set of a user that nobody uses. Return: false if there is none. */
bool ktlsd_anchors_reclaim(struct ktlsd_anchors_cache *cache, uint32_t uid);

#endif
