// SPDX-License-Identifier: GPL-2.0
/* Keys of a direction; sealing and opening one record.
 *
 * Everything here runs in process context and completes before it returns. Ciphers
 * are those of the crypto API, except for ChaCha20-Poly1305 (chacha.c). The SIMD
 * wrappers of older kernels are flagged asynchronous, although they complete at once
 * in process context. An AEAD allocated with mask 0 may be one of them;
 * crypto_wait_req() handles the rare case that it completes later.
 */
#include <linux/fips.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include <kunit/visibility.h>

#include "record/aead.h"
#include "record/chacha.h"
#include "record/framing.h"
#include "record/keysched.h"
#include "suite.h"
#include "wire.h"

/* Records beyond the limit of a key: a KeyUpdate, alerts. */
#define AEAD_ALERTS_RESERVED	16

/* The limit where there is no other: the sequence number must not wrap. */
#define AEAD_SEQ_RECORDS_MAX	(U64_MAX - AEAD_ALERTS_RESERVED)

static unsigned int aead_key_records;
module_param_named(key_records, aead_key_records, uint, 0644);
MODULE_PARM_DESC(key_records, "Records sealed under one key, if fewer than RFC 8446 5.5 allows (0: what it allows)");

static bool dir_is_13(const struct ktls_dir *dir)
{
	return dir->suite->version == KTLS_VERSION_1_3;
}

static int dir_check_keys(const struct ktls_keys *keys)
{
	const struct ktls_suite *suite = keys->suite;
	size_t iv_len;

	if (!suite || !keys->secret)
		return -EINVAL;
	if (suite->version == KTLS_VERSION_1_3 && !keys->external)
		return keys->secret_len == suite->hash_size && !keys->iv_len ? 0 : -EINVAL;
	iv_len = suite->version == KTLS_VERSION_1_3 ? KTLS_NONCE_SIZE :
						      suite->cipher->salt_size;
	if (keys->secret_len != suite->cipher->key_size || keys->iv_len != iv_len || !keys->iv)
		return -EINVAL;
	return 0;
}

/* An AEAD of the crypto API with its key, and the one request that all records use.
 * NULL: the cipher is not of the crypto API.
 *
 * In FIPS mode refuse ciphers implemented outside the crypto API. The API itself refuses
 * the others that are not approved.
 */
static struct aead_request *dir_alloc_request(const struct ktls_cipher *cipher, const u8 *key)
{
	struct aead_request *req;
	struct crypto_aead *tfm;
	int err;

	if (!cipher->alg)
		return fips_enabled ? ERR_PTR(-ENOENT) : NULL;
	tfm = crypto_alloc_aead(cipher->alg, 0, 0);
	if (IS_ERR(tfm))
		return ERR_CAST(tfm);

	err = crypto_aead_setkey(tfm, key, cipher->key_size);
	if (!err)
		err = crypto_aead_setauthsize(tfm, KTLS_TAG_SIZE);
	if (!err && crypto_aead_ivsize(tfm) != (cipher->ccm ? KTLS_IV_MAX : KTLS_NONCE_SIZE))
		err = -EINVAL;
	if (err)
		goto free_tfm;
	err = -ENOMEM;
	req = aead_request_alloc(tfm, GFP_KERNEL);
	if (!req)
		goto free_tfm;
	return req;

free_tfm:
	crypto_free_aead(tfm);
	return ERR_PTR(err);
}

/* Free what dir_alloc_request() returned. */
static void dir_free_request(struct aead_request *req)
{
	struct crypto_aead *tfm;

	if (!req)
		return;
	tfm = crypto_aead_reqtfm(req);
	aead_request_free(req);
	crypto_free_aead(tfm);
}

/* With external keys, the program must observe the AEAD's limit. */
static u64 dir_records_max(const struct ktls_keys *keys)
{
	const u64 max = keys->suite->cipher->records_max;
	const unsigned int fewer = READ_ONCE(aead_key_records);

	if (keys->external)
		return AEAD_SEQ_RECORDS_MAX;
	return min3(max, fewer ?: U64_MAX, (u64)AEAD_SEQ_RECORDS_MAX);
}

static void dir_set_layout(struct ktls_dir *dir)
{
	if (dir_is_13(dir)) {
		dir->prefix_size = KTLS_HEADER_SIZE;
		dir->aad_size = KTLS_HEADER_SIZE;
		dir->tail_size = 1 + KTLS_TAG_SIZE;
	} else {
		dir->prefix_size = KTLS_HEADER_SIZE + dir->suite->cipher->explicit_size;
		dir->aad_size = KTLS_AAD12_SIZE;
		dir->tail_size = KTLS_TAG_SIZE;
	}
}

static void dir_set_request(struct ktls_dir *dir, struct aead_request *req)
{
	crypto_init_wait(&dir->wait);
	aead_request_set_callback(req, CRYPTO_TFM_REQ_MAY_BACKLOG | CRYPTO_TFM_REQ_MAY_SLEEP,
				  crypto_req_done, &dir->wait);
	aead_request_set_ad(req, dir->aad_size);
	dir->req = req;
}

/**
 * ktls_dir_install - give a direction its keys
 * @dir: the direction; its old keys are replaced on success only
 * @keys: suite and secrets; the caller keeps and wipes them
 *
 * For TLS 1.3 the key and the IV are derived from the traffic secret (RFC 8446
 * 7.3), which is kept for the next generation. In TLS 1.2, and with external keys,
 * @keys has the key and the IV themselves.
 * Counters and a sticky error of the direction do not change.
 *
 * Context: process context, sleeps; socket lock held.
 * Return: 0, -EINVAL for a length that does not fit the suite, -ENOMEM, or what
 * the error of the crypto API.
 */
int ktls_dir_install(struct ktls_dir *dir, const struct ktls_keys *keys)
{
	u8 key[KTLS_KEY_MAX], iv[KTLS_NONCE_SIZE] = {};
	const struct ktls_suite *suite = keys->suite;
	struct aead_request *req;
	int err;

	err = dir_check_keys(keys);
	if (err)
		return err;

	if (suite->version == KTLS_VERSION_1_3 && !keys->external) {
		err = ktls_keysched_traffic(suite, keys->secret, key, iv);
		if (err)
			goto wipe_keys;
	} else {
		memcpy(key, keys->secret, keys->secret_len);
		memcpy(iv, keys->iv, keys->iv_len);
	}

	req = dir_alloc_request(suite->cipher, key);
	if (IS_ERR(req)) {
		err = PTR_ERR(req);
		goto wipe_keys;
	}

	ktls_dir_clear(dir);
	WRITE_ONCE(dir->suite, suite);
	dir->seq = keys->seq;
	dir->nonce = keys->nonce;
	memcpy(dir->iv, iv, sizeof(dir->iv));
	dir->records_max = dir_records_max(keys);
	if (suite->version == KTLS_VERSION_1_3 || keys->external)
		memcpy(dir->secret, keys->secret, keys->secret_len);
	dir_set_layout(dir);
	if (req)
		dir_set_request(dir, req);
	else
		ktls_chacha_set_key(dir, key);
	WRITE_ONCE(dir->keyed, true);
wipe_keys:
	memzero_explicit(key, sizeof(key));
	memzero_explicit(iv, sizeof(iv));
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_dir_install);

/**
 * ktls_dir_next - derive the next generation of keys
 * @dir: a direction of TLS 1.3 with keys of a handshake
 * @next: out; wiped on failure
 *
 * Context: process context, sleeps; socket lock held.
 * Return: 0 or the error of the crypto API. @dir does not change.
 */
int ktls_dir_next(const struct ktls_dir *dir, struct ktls_generation *next)
{
	int err;

	err = ktls_keysched_update(dir->suite, dir->secret, next->secret);
	if (!err)
		err = ktls_keysched_traffic(dir->suite, next->secret, next->key, next->iv);
	if (err)
		memzero_explicit(next, sizeof(*next));
	return err;
}

/**
 * ktls_dir_advance - install the next generation of keys
 * @dir: the direction
 * @next: from ktls_dir_next(); the caller keeps and wipes it
 *
 * The sequence number begins at 0 again (RFC 8446 5.3).
 *
 * Context: process context, sleeps; socket lock held.
 * Return: 0, or the error of the cipher; then the direction cannot be used any more.
 */
int ktls_dir_advance(struct ktls_dir *dir, const struct ktls_generation *next)
{
	const u8 key_size = dir->suite->cipher->key_size;
	int err = 0;

	if (dir->req)
		err = crypto_aead_setkey(crypto_aead_reqtfm(dir->req), next->key, key_size);
	else
		ktls_chacha_set_key(dir, next->key);
	if (err)
		return err;
	memcpy(dir->secret, next->secret, dir->suite->hash_size);
	memcpy(dir->iv, next->iv, sizeof(dir->iv));
	dir->seq = 0;
	dir->key_updates++;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_dir_advance);

/**
 * ktls_dir_clear - remove and wipe the keys of a direction
 * @dir: the direction, with or without keys. Counters, error and closed do not change.
 *
 * Context: any in which kfree() is allowed; the caller owns @dir.
 */
void ktls_dir_clear(struct ktls_dir *dir)
{
	WRITE_ONCE(dir->keyed, false);
	dir_free_request(dir->req);
	dir->req = NULL;
	memzero_explicit(dir->chacha_key, sizeof(dir->chacha_key));
	dir->seq = 0;
	dir->nonce = 0;
	memzero_explicit(dir->iv, sizeof(dir->iv));
	memzero_explicit(dir->npub, sizeof(dir->npub));
	memzero_explicit(dir->secret, sizeof(dir->secret));
}
EXPORT_SYMBOL_IF_KUNIT(ktls_dir_clear);

/* RFC 8446 5.3, RFC 7905 2: IV xor sequence number. RFC 5288 3: salt, explicit.
 * RFC 3610 2.3: CCM has the size of its block counter, less one, in front, and the
 * counter behind.
 */
static void aead_set_nonce(struct ktls_dir *dir, const u8 *explicit)
{
	const unsigned int salt = KTLS_NONCE_SIZE - sizeof(u64);
	u8 *nonce = dir->npub;

	if (dir->suite->cipher->ccm) {
		memset(dir->npub, 0, sizeof(dir->npub));
		*nonce++ = KTLS_IV_MAX - 1 - KTLS_NONCE_SIZE - 1;
	}
	memcpy(nonce, dir->iv, KTLS_NONCE_SIZE);
	if (explicit)
		memcpy(nonce + salt, explicit, KTLS_EXPLICIT_SIZE);
	else
		put_unaligned_be64(get_unaligned_be64(dir->iv + salt) ^ dir->seq,
				   nonce + salt);
}

static void aead_put_header(u8 *at, u8 type, u16 len)
{
	at[0] = type;
	put_unaligned_be16(KTLS_VERSION_1_2, at + 1);
	put_unaligned_be16(len, at + 3);
}

/* RFC 8446 5.2: the header. RFC 5246 6.2.3.3: number, type, version, length. */
static void aead_put_aad(const struct ktls_dir *dir, u8 *at, u8 type,
			 u32 payload_len, u32 wire_len)
{
	if (dir_is_13(dir)) {
		aead_put_header(at, KTLS_CT_DATA, wire_len);
		return;
	}
	put_unaligned_be64(dir->seq, at);
	aead_put_header(at + sizeof(u64), type, payload_len);
}

/* text_len bytes and, behind them, room for the tag */
static int aead_encrypt(struct ktls_dir *dir, struct scatterlist *src,
			struct scatterlist *dst, const u8 *aad, u32 text_len)
{
	if (!dir->req) {
		ktls_chacha_seal(dir, src, dst, aad, text_len);
		return 0;
	}
	aead_request_set_crypt(dir->req, src, dst, text_len, dir->npub);
	return crypto_wait_req(crypto_aead_encrypt(dir->req), &dir->wait);
}

/* text_len bytes and, behind them, the tag */
static int aead_decrypt(struct ktls_dir *dir, struct scatterlist *src,
			struct scatterlist *dst, const u8 *aad, u32 text_len)
{
	if (!dir->req)
		return ktls_chacha_open(dir, src, dst, aad, text_len);
	aead_request_set_crypt(dir->req, src, dst, text_len + KTLS_TAG_SIZE, dir->npub);
	return crypto_wait_req(crypto_aead_decrypt(dir->req), &dir->wait);
}

/**
 * ktls_aead_seal - seal a record
 * @dir: sending direction, with keys
 * @src: associated data, payload, in 1.3 the type byte; may be @dst
 * @dst: associated data, payload, in 1.3 the type byte, the tag
 * @aad: where the associated data of @src is; written here, dir->aad_size bytes
 * @head: where the record begins on the wire; dir->prefix_size bytes are written after
 *	sealing, because in 1.2 they lie on the associated data
 * @type: content type
 * @len: bytes of payload
 *
 * Each call uses up a sequence number. When sealing has failed the direction is dead,
 * because its next nonce may have been used.
 *
 * Context: process context; socket lock held. May sleep.
 * Return: 0; -EKEYEXPIRED at the limit of the key (RFC 8446 5.5), which is a little
 * higher for a KeyUpdate or an alert than for data; with external keys -EBADMSG
 * instead, as in mainline; or the error of the cipher. On failure dir->error is set.
 */
int ktls_aead_seal(struct ktls_dir *dir, struct scatterlist *src, struct scatterlist *dst,
		   u8 *aad, u8 *head, u8 type, u32 len)
{
	const u8 explicit_size = dir->prefix_size - KTLS_HEADER_SIZE;
	const u32 wire_len = explicit_size + len + dir->tail_size;
	u8 explicit[KTLS_EXPLICIT_SIZE];
	u64 limit;
	int err;

	limit = dir->records_max;
	if (type != KTLS_CT_DATA)
		limit += AEAD_ALERTS_RESERVED;
	if (unlikely(dir->seq >= limit)) {
		/* With external keys the sequence number is exhausted. */
		dir->error = dir->suite->hash ? EKEYEXPIRED : EBADMSG;
		return -dir->error;
	}

	if (explicit_size)
		put_unaligned_be64(dir->nonce, explicit);
	aead_set_nonce(dir, explicit_size ? explicit : NULL);
	aead_put_aad(dir, aad, type, len, wire_len);

	err = aead_encrypt(dir, src, dst, aad, len + dir->tail_size - KTLS_TAG_SIZE);
	dir->seq++;
	dir->nonce++;
	if (unlikely(err)) {
		dir->error = -err;
		return err;
	}

	aead_put_header(head, dir_is_13(dir) ? KTLS_CT_DATA : type, wire_len);
	if (explicit_size)
		memcpy(head + KTLS_HEADER_SIZE, explicit, KTLS_EXPLICIT_SIZE);
	dir->records++;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_aead_seal);

/**
 * ktls_aead_open - authenticate and decrypt a record
 * @dir: receiving direction, with keys
 * @src: associated data, ciphertext, tag; may be @dst
 * @dst: associated data, and room for the plaintext; in 1.3 with the type byte
 *	and the padding
 * @aad: where the associated data of @src is; written here, dir->aad_size bytes
 * @hdr: the record's header, validated
 *
 * On failure the contents of @dst are not authentic. The caller wipes them where a
 * program can see them.
 *
 * Context: process context; socket lock held. May sleep.
 * Return: 0; -EBADMSG if the record is not the peer's next one; another errno for
 * a lack of memory, after which the same record may be tried again.
 */
int ktls_aead_open(struct ktls_dir *dir, struct scatterlist *src, struct scatterlist *dst,
		   u8 *aad, const struct ktls_hdr *hdr)
{
	const u8 explicit_size = dir->prefix_size - KTLS_HEADER_SIZE;
	int err;

	/* RFC 8446 5.3: it must not wrap; the peer has no next record. */
	if (unlikely(dir->seq == U64_MAX) || WARN_ON_ONCE(hdr->crypt_len < KTLS_TAG_SIZE))
		return -EBADMSG;
	aead_set_nonce(dir, explicit_size ? hdr->explicit : NULL);
	aead_put_aad(dir, aad, hdr->type, hdr->crypt_len - KTLS_TAG_SIZE, hdr->crypt_len);

	err = aead_decrypt(dir, src, dst, aad, hdr->crypt_len - KTLS_TAG_SIZE);
	if (unlikely(err))
		return err;
	dir->seq++;
	dir->nonce++;
	dir->records++;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_aead_open);
