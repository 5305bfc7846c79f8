// SPDX-License-Identifier: GPL-2.0
/* The part of TLS 1.3's key schedule that comes after the handshake: from a
 * traffic secret to the keys of records (RFC 8446 7.1, 7.3), and exporters (7.5);
 * also those of TLS 1.2 (RFC 5705), which use its PRF (RFC 5246 5).
 *
 * No kernel exports HKDF, so HKDF-Expand is written here over hmac(sha256) and
 * hmac(sha384).
 */
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include <crypto/hash.h>
#include <kunit/visibility.h>

#include "record/keysched.h"
#include "suite.h"
#include "wire.h"

enum keysched_sizes {
	/* HkdfLabel: length, label with its prefix, context, each vector with a
	 * length byte; and the counter of HKDF-Expand.
	 */
	KEYSCHED_LABEL_MAX	= 255,
	KEYSCHED_CONTEXT_MAX	= 64,
	KEYSCHED_INFO_MAX	= 2 + 1 + KEYSCHED_LABEL_MAX + 1 + KEYSCHED_CONTEXT_MAX + 1,
};

static const char keysched_prefix[] = "tls13 ";

static struct crypto_shash *keysched_hmac(const char *hash, const u8 *secret,
					  size_t secret_len)
{
	char name[CRYPTO_MAX_ALG_NAME];
	struct crypto_shash *tfm;
	int err;

	snprintf(name, sizeof(name), "hmac(%s)", hash);
	tfm = crypto_alloc_shash(name, 0, 0);
	if (IS_ERR(tfm))
		return tfm;

	err = crypto_shash_setkey(tfm, secret, secret_len);
	if (err) {
		crypto_free_shash(tfm);
		return ERR_PTR(err);
	}
	return tfm;
}

/* HkdfLabel of RFC 8446 7.1, and one byte behind it for the counter. */
static int keysched_info(u8 *info, const char *label, size_t label_len, const u8 *context,
			 size_t context_len, size_t out_len)
{
	const size_t prefix = sizeof(keysched_prefix) - 1;
	u8 *at = info;

	if (prefix + label_len > KEYSCHED_LABEL_MAX || context_len > KEYSCHED_CONTEXT_MAX)
		return -EINVAL;

	put_unaligned_be16(out_len, at);
	at += 2;
	*at++ = prefix + label_len;
	memcpy(at, keysched_prefix, prefix);
	at += prefix;
	memcpy(at, label, label_len);
	at += label_len;
	*at++ = context_len;
	if (context_len)
		memcpy(at, context, context_len);
	at += context_len;
	return at - info;
}

/* HKDF-Expand of RFC 5869 2.3: T(n) = HMAC(secret, T(n-1) | info | n). */
static int keysched_expand(struct crypto_shash *tfm, const char *label, size_t label_len,
			   const u8 *context, size_t context_len,
			   u8 *out, size_t out_len)
{
	const size_t size = crypto_shash_digestsize(tfm);
	u8 info[KEYSCHED_INFO_MAX], block[KTLS_SECRET_MAX];
	SHASH_DESC_ON_STACK(desc, tfm);
	size_t done = 0, step;
	int info_len, err;
	u8 counter = 1;

	if (!out_len || size > sizeof(block) || out_len > 255 * size)
		return -EINVAL;
	info_len = keysched_info(info, label, label_len, context, context_len, out_len);
	if (info_len < 0)
		return info_len;

	desc->tfm = tfm;
	do {
		info[info_len] = counter++;
		err = crypto_shash_init(desc);
		if (!err && done)
			err = crypto_shash_update(desc, block, size);
		if (!err)
			err = crypto_shash_finup(desc, info, info_len + 1, block);
		if (err)
			break;
		step = min(size, out_len - done);
		memcpy(out + done, block, step);
		done += step;
	} while (done < out_len);

	if (err)
		memzero_explicit(out, out_len);
	memzero_explicit(block, sizeof(block));
	shash_desc_zero(desc);
	return err;
}

/**
 * ktls_keysched_expand_label - HKDF-Expand-Label (RFC 8446 7.1)
 * @hash: "sha256" or "sha384"
 * @secret: the pseudorandom key
 * @secret_len: bytes in @secret
 * @label: without the prefix "tls13 "
 * @context: a transcript hash, or NULL
 * @context_len: bytes in @context
 * @out: the result; zeroed on failure
 * @out_len: bytes wanted, 1..255 hash sizes
 *
 * Context: sleeps; lockless, all memory is the caller's.
 * Return: 0, -EINVAL for lengths out of bounds, or what the crypto API says.
 */
int ktls_keysched_expand_label(const char *hash, const u8 *secret, size_t secret_len,
			       const char *label, const u8 *context, size_t context_len,
			       u8 *out, size_t out_len)
{
	struct crypto_shash *tfm;
	int err;

	tfm = keysched_hmac(hash, secret, secret_len);
	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	err = keysched_expand(tfm, label, strlen(label), context, context_len, out, out_len);
	crypto_free_shash(tfm);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_keysched_expand_label);

/**
 * ktls_keysched_update - the traffic secret of the next generation (RFC 8446 7.2)
 * @suite: a suite of TLS 1.3
 * @secret: application_traffic_secret_N, suite->hash_size bytes
 * @next: out: application_traffic_secret_N+1; zeroed on failure
 *
 * Context: sleeps; lockless.
 * Return: 0 or what the crypto API says.
 */
int ktls_keysched_update(const struct ktls_suite *suite, const u8 *secret, u8 *next)
{
	return ktls_keysched_expand_label(suite->hash, secret, suite->hash_size, "traffic upd",
					  NULL, 0, next, suite->hash_size);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_keysched_update);

/**
 * ktls_keysched_traffic - key and IV of records under a traffic secret
 * @suite: a suite of TLS 1.3
 * @secret: traffic secret, suite->hash_size bytes
 * @key: out: suite->cipher->key_size bytes
 * @iv: out: KTLS_NONCE_SIZE bytes
 *
 * RFC 8446 7.3. The caller wipes @key and @iv.
 *
 * Context: sleeps; lockless.
 * Return: 0 or what the crypto API says; then nothing useful is in @key, @iv.
 */
int ktls_keysched_traffic(const struct ktls_suite *suite, const u8 *secret,
			  u8 *key, u8 *iv)
{
	struct crypto_shash *tfm;
	int err;

	tfm = keysched_hmac(suite->hash, secret, suite->hash_size);
	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	err = keysched_expand(tfm, "key", 3, NULL, 0, key, suite->cipher->key_size);
	if (!err)
		err = keysched_expand(tfm, "iv", 2, NULL, 0, iv, KTLS_NONCE_SIZE);
	crypto_free_shash(tfm);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_keysched_traffic);

/* Hash of an empty transcript, or of the exporter context. */
static int keysched_digest(const char *hash, const u8 *data, size_t len, u8 *out)
{
	struct crypto_shash *tfm;
	int err;

	tfm = crypto_alloc_shash(hash, 0, 0);
	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	err = crypto_shash_tfm_digest(tfm, data, len, out);
	crypto_free_shash(tfm);
	return err;
}

static int keysched_derive_exporter(const struct ktls_suite *suite, const u8 *secret,
				    const u8 *label, size_t label_len, u8 *out)
{
	u8 empty[KTLS_SECRET_MAX];
	struct crypto_shash *tfm;
	int err;

	err = keysched_digest(suite->hash, NULL, 0, empty);
	if (err)
		return err;
	tfm = keysched_hmac(suite->hash, secret, suite->hash_size);
	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	err = keysched_expand(tfm, (const char *)label, label_len, empty, suite->hash_size,
			      out, suite->hash_size);
	crypto_free_shash(tfm);
	return err;
}

/**
 * ktls_keysched_export - TLS-Exporter of TLS 1.3 (RFC 8446 7.5)
 * @suite: a suite of TLS 1.3
 * @secret: exporter_secret, suite->hash_size bytes
 * @label: the label, without the prefix "tls13 "
 * @label_len: bytes in @label, at most 249
 * @context: context_value
 * @context_len: bytes in @context
 * @out: the keying material; zeroed on failure of the last step
 * @out_len: bytes wanted, 1..255 hash sizes
 *
 * Context: sleeps; lockless, all memory is the caller's.
 * Return: 0, -EINVAL for lengths out of bounds, or what the crypto API says.
 */
int ktls_keysched_export(const struct ktls_suite *suite, const u8 *secret,
			 const u8 *label, size_t label_len,
			 const u8 *context, size_t context_len, u8 *out, size_t out_len)
{
	u8 derived[KTLS_SECRET_MAX], digest[KTLS_SECRET_MAX];
	int err;

	err = keysched_derive_exporter(suite, secret, label, label_len, derived);
	if (!err)
		err = keysched_digest(suite->hash, context, context_len, digest);
	if (!err)
		err = ktls_keysched_expand_label(suite->hash, derived, suite->hash_size, "exporter",
						 digest, suite->hash_size, out, out_len);
	memzero_explicit(derived, sizeof(derived));
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_keysched_export);

/* P_hash of RFC 5246 5: A(n) = HMAC(secret, A(n-1)), out = HMAC(secret, A(n) | seed) ... */
static int keysched_p_hash(struct crypto_shash *tfm, const u8 *seed, size_t seed_len,
			   u8 *out, size_t out_len)
{
	const size_t size = crypto_shash_digestsize(tfm);
	u8 a[KTLS_SECRET_MAX], block[KTLS_SECRET_MAX];
	SHASH_DESC_ON_STACK(desc, tfm);
	size_t done, step;
	int err;

	desc->tfm = tfm;
	err = crypto_shash_digest(desc, seed, seed_len, a);
	for (done = 0; !err && done < out_len; done += step) {
		step = min(size, out_len - done);
		err = crypto_shash_init(desc);
		if (!err)
			err = crypto_shash_update(desc, a, size);
		if (!err)
			err = crypto_shash_finup(desc, seed, seed_len, block);
		if (!err)
			err = crypto_shash_digest(desc, a, size, a);
		if (!err)
			memcpy(out + done, block, step);
	}

	if (err)
		memzero_explicit(out, out_len);
	memzero_explicit(a, sizeof(a));
	memzero_explicit(block, sizeof(block));
	shash_desc_zero(desc);
	return err;
}

/**
 * ktls_keysched_export12 - keying material of TLS 1.2 (RFC 5705 4)
 * @suite: a suite of TLS 1.2, whose hash the PRF uses
 * @secret: master secret, ClientHello.random, ServerHello.random
 * @label: the label
 * @label_len: bytes in @label
 * @context: the context; NULL: none, which is not an empty one
 * @context_len: bytes in @context, at most 65535
 * @out: the keying material; zeroed on failure of the last step
 * @out_len: bytes wanted
 *
 * Context: sleeps; lockless, all memory is the caller's.
 * Return: 0, -ENOMEM, or what the crypto API says.
 */
int ktls_keysched_export12(const struct ktls_suite *suite, const u8 *secret,
			   const u8 *label, size_t label_len,
			   const u8 *context, size_t context_len, u8 *out, size_t out_len)
{
	const size_t randoms = 2 * KTLS_RANDOM_SIZE;
	struct crypto_shash *tfm;
	size_t len;
	u8 *seed;
	int err;

	seed = kmalloc(label_len + randoms + sizeof(__be16) + context_len, GFP_KERNEL);
	if (!seed)
		return -ENOMEM;
	memcpy(seed, label, label_len);
	memcpy(seed + label_len, secret + KTLS_MASTER_SECRET_SIZE, randoms);
	len = label_len + randoms;
	if (context) {
		put_unaligned_be16(context_len, seed + len);
		memcpy(seed + len + sizeof(__be16), context, context_len);
		len += sizeof(__be16) + context_len;
	}

	tfm = keysched_hmac(suite->hash, secret, KTLS_MASTER_SECRET_SIZE);
	err = PTR_ERR_OR_ZERO(tfm);
	if (!err) {
		err = keysched_p_hash(tfm, seed, len, out, out_len);
		crypto_free_shash(tfm);
	}
	kfree_sensitive(seed);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_keysched_export12);
