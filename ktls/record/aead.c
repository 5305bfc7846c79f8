// SPDX-License-Identifier: GPL-2.0
/* Sealing and opening one record.
 *
 * Everything here runs in process context and completes before it returns. Ciphers
 * are those of the crypto API, except for ChaCha20-Poly1305 (chacha.c). The SIMD
 * wrappers of older kernels are flagged asynchronous, although they complete at once
 * in process context. An AEAD allocated with mask 0 may be one of them;
 * crypto_wait_req() handles the rare case that it completes later.
 */
#include <linux/string.h>
#include <linux/unaligned.h>
#include <kunit/visibility.h>

#include "record/aead.h"
#include "record/chacha.h"
#include "record/framing.h"
#include "suite.h"
#include "wire.h"

/* RFC 8446 5.3, RFC 7905 2: IV xor sequence number. RFC 5288 3: salt, explicit.
 * RFC 3610 2.3: CCM has the size of its block counter, less one, in front, and the
 * counter behind.
 */
static void aead_set_nonce(struct ktls_dir *dir, const u8 *explicit)
{
	const unsigned int salt = KTLS_NONCE_SIZE - sizeof(u64);
	struct ktls_dir_keys *keys = dir->keys;
	u8 *nonce = keys->npub;

	if (dir->suite->cipher->ccm) {
		memset(keys->npub, 0, sizeof(keys->npub));
		*nonce++ = KTLS_IV_MAX - 1 - KTLS_NONCE_SIZE - 1;
	}
	memcpy(nonce, keys->iv, KTLS_NONCE_SIZE);
	if (explicit)
		memcpy(nonce + salt, explicit, KTLS_EXPLICIT_SIZE);
	else
		put_unaligned_be64(get_unaligned_be64(keys->iv + salt) ^ dir->seq,
				   nonce + salt);
}

static void aead_put_header(u8 *at, u8 type, u16 len)
{
	at[0] = type;
	put_unaligned_be16(KTLS_TLS_1_2, at + 1);
	put_unaligned_be16(len, at + 3);
}

/* RFC 8446 5.2: the header. RFC 5246 6.2.3.3: number, type, version, length. */
static void aead_put_aad(const struct ktls_dir *dir, u8 *at, u8 type,
			 u32 payload_len, u32 wire_len)
{
	if (ktls_dir_is_13(dir)) {
		aead_put_header(at, KTLS_CT_DATA, wire_len);
		return;
	}
	put_unaligned_be64(dir->seq, at);
	aead_put_header(at + sizeof(u64), type, payload_len);
}

/* With the crypto API. The SIMD wrappers of kernels before 7.3 may complete later. */
static __always_inline int aead_run(const struct ktls_dir *dir, struct scatterlist *src,
				    struct scatterlist *dst, u32 len,
				    int (*crypt)(struct aead_request *req))
{
	DECLARE_CRYPTO_WAIT(wait);

	aead_request_set_callback(dir->req, CRYPTO_TFM_REQ_MAY_BACKLOG | CRYPTO_TFM_REQ_MAY_SLEEP,
				  crypto_req_done, &wait);
	aead_request_set_ad(dir->req, dir->aad_size);
	aead_request_set_crypt(dir->req, src, dst, len, dir->keys->npub);
	return crypto_wait_req(crypt(dir->req), &wait);
}

/* text_len bytes and, behind them, room for the tag */
static int aead_encrypt(struct ktls_dir *dir, struct scatterlist *src,
			struct scatterlist *dst, const u8 *aad, u32 text_len)
{
	if (dir->req)
		return aead_run(dir, src, dst, text_len, crypto_aead_encrypt);
	/* Whoever opens a record has the direction woken (tx.c). */
	if (WARN_ON_ONCE(ktls_dir_rests(dir)))
		return -ENOKEY;
	ktls_chacha_seal(dir, src, dst, aad, text_len);
	return 0;
}

/* text_len bytes and, behind them, the tag */
static int aead_decrypt(struct ktls_dir *dir, struct scatterlist *src,
			struct scatterlist *dst, const u8 *aad, u32 text_len)
{
	int err;

	if (unlikely(ktls_dir_rests(dir))) {
		err = ktls_dir_wake(dir);
		if (err)
			return err;
	}
	if (dir->req)
		return aead_run(dir, src, dst, text_len + KTLS_TAG_SIZE, crypto_aead_decrypt);
	return ktls_chacha_open(dir, src, dst, aad, text_len);
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
 * Each call uses up a sequence number, unless they are used up. When sealing has failed the
 * direction is dead: the caller calls ktls_tx_poison().
 *
 * Context: process context; socket lock held. May sleep.
 * Return: 0; -EKEYEXPIRED at the limit of the key (RFC 8446 5.5), which is a little
 * higher for a KeyUpdate or an alert than for data; with external keys -EBADMSG
 * instead, as in mainline; or the error of the cipher.
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
		limit += KTLS_DIR_RESERVED;
	/* With external keys the sequence number is exhausted. */
	if (unlikely(dir->seq >= limit))
		return dir->suite->hash ? -EKEYEXPIRED : -EBADMSG;

	if (explicit_size)
		put_unaligned_be64(dir->nonce, explicit);
	aead_set_nonce(dir, explicit_size ? explicit : NULL);
	aead_put_aad(dir, aad, type, len, wire_len);

	err = aead_encrypt(dir, src, dst, aad, len + dir->tail_size - KTLS_TAG_SIZE);
	dir->seq++;
	dir->nonce++;
	if (unlikely(err))
		return err;

	aead_put_header(head, ktls_dir_is_13(dir) ? KTLS_CT_DATA : type, wire_len);
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
