// SPDX-License-Identifier: GPL-2.0
/*
 * The part of TLS 1.3's key schedule that comes after the handshake: from a
 * traffic secret to the keys of records (RFC 8446 7.1, 7.3).
 *
 * No kernel exports HKDF, so HKDF-Expand is written here over hmac(sha256) and
 * hmac(sha384).
 */
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include <crypto/hash.h>

#include <ktls/ktls.h>

enum keysched_sizes {
	/* HkdfLabel: length, label with its prefix, context, each vector with a
	 * length byte; and the counter of HKDF-Expand.
	 */
	KEYSCHED_LABEL_MAX	= 32,
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
static int keysched_info(u8 *info, const char *label, const u8 *context,
			 size_t context_len, size_t out_len)
{
	const size_t prefix = sizeof(keysched_prefix) - 1;
	const size_t label_len = strlen(label);
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
static int keysched_expand(struct crypto_shash *tfm, const char *label,
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
	info_len = keysched_info(info, label, context, context_len, out_len);
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
	err = keysched_expand(tfm, label, context, context_len, out, out_len);
	crypto_free_shash(tfm);
	return err;
}

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
	err = keysched_expand(tfm, "key", NULL, 0, key, suite->cipher->key_size);
	if (!err)
		err = keysched_expand(tfm, "iv", NULL, 0, iv, KTLS_NONCE_SIZE);
	crypto_free_shash(tfm);
	return err;
}
