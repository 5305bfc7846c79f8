// SPDX-License-Identifier: GPL-2.0
/* ChaCha20-Poly1305 (RFC 8439 2.8) with the kernel's crypto library.
 *
 * The crypto API's template for this AEAD ends in the same functions, but makes requests
 * to other ciphers before, each with its own scatterlists: on 6.12 more than half of the
 * cost of a record of 64 bytes. The library's chacha20poly1305_encrypt() has nonces of 64
 * bits, and TLS has 96, so the two primitives are combined here.
 *
 * All of it runs in process context. Nothing sleeps, allocates or fails, except for a
 * record that is not authentic. The library disables preemption for 4 KiB at a time.
 */
#include <linux/compiler.h>
#include <linux/highmem.h>
#include <linux/scatterlist.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include <crypto/algapi.h>
#include <crypto/chacha.h>
#include <crypto/poly1305.h>

#include "record/chacha.h"
#include "record/dir.h"
#include "wire.h"

enum chacha_sizes {
	CHACHA_BLOCK	= CHACHA_BLOCK_SIZE,
	/* The library does a block by itself without SIMD, which takes twice as long as two. */
	CHACHA_SIMD	= 2 * CHACHA_BLOCK,
	/* Up to here the text is copied, and one call makes the key of Poly1305 and
	 * all of the text.
	 */
	CHACHA_SHORT	= 3 * CHACHA_BLOCK,
	/* Eight blocks, which most implementations of the library do at a time. For less they
	 * take as long, or do without SIMD.
	 */
	CHACHA_CHUNK	= 8 * CHACHA_BLOCK,
	/* Encrypted, then authenticated, while it is in the nearest cache. */
	CHACHA_STEP	= 16 * CHACHA_CHUNK,
	/* Padding, and the two lengths: what Poly1305 gets last. */
	CHACHA_TAIL	= 2 * POLY1305_BLOCK_SIZE,
};

static_assert(POLY1305_DIGEST_SIZE == KTLS_TAG_SIZE);

/* The next byte of a scatterlist; sg is NULL at the end. */
struct chacha_at {
	struct scatterlist	*sg;
	u32			off;
};

static void chacha_at_skip(struct chacha_at *at, u32 len)
{
	at->off += len;
	while (at->sg && at->off >= at->sg->length) {
		at->off -= at->sg->length;
		at->sg = sg_next(at->sg);
	}
}

/* At most *len bytes that lie in one piece; the caller unmaps. */
static u8 *chacha_at_map(const struct chacha_at *at, u32 *len)
{
	const u32 off = at->sg->offset + at->off;

	*len = min(*len, at->sg->length - at->off);
	if (IS_ENABLED(CONFIG_KMAP_LOCAL))
		*len = min_t(u32, *len, PAGE_SIZE - offset_in_page(off));
	return kmap_local_page(sg_page(at->sg) + (off >> PAGE_SHIFT)) + offset_in_page(off);
}

/* len bytes from there to buf, or from buf to there; then behind them. */
static void chacha_at_copy(struct chacha_at *at, u8 *buf, u32 len, bool out)
{
	u32 n;
	u8 *p;

	for (; len; len -= n, buf += n) {
		n = len;
		p = chacha_at_map(at, &n);
		if (out)
			memcpy(p, buf, n);
		else
			memcpy(buf, p, n);
		kunmap_local(p);
		chacha_at_skip(at, n);
	}
}

/**
 * struct chacha_op - a record under way; on the stack, and wiped
 * @state: key, block counter, nonce
 * @poly: what of the record is authenticated
 * @src: the next byte to take
 * @dst: where it goes
 * @aad: associated data
 * @aad_len: bytes of them, at most a block of Poly1305
 * @len: bytes of text, without the tag
 * @seal: or open
 * @end: the ciphertext's last bytes, which do not fill a block of Poly1305, and the tail
 * @tag: as computed
 */
struct chacha_op {
	struct chacha_state		state;
	struct poly1305_desc_ctx	poly;
	struct chacha_at		src;
	struct chacha_at		dst;
	const u8			*aad;
	u32				aad_len;
	u32				len;
	bool				seal;
	u8				end[POLY1305_BLOCK_SIZE + CHACHA_TAIL];
	u8				tag[POLY1305_DIGEST_SIZE];
};

static void chacha_begin(struct chacha_op *op, const struct ktls_dir *dir)
{
	u8 iv[CHACHA_IV_SIZE] = {};	/* the counter begins at 0 */

	memcpy(iv + CHACHA_IV_SIZE - KTLS_NONCE_SIZE, dir->keys->npub, KTLS_NONCE_SIZE);
	chacha_init(&op->state, dir->keys->chacha_key, iv);
	chacha_at_skip(&op->src, dir->aad_size);
	chacha_at_skip(&op->dst, dir->aad_size);
}

static void chacha_auth_aad(struct chacha_op *op, const u8 key[POLY1305_KEY_SIZE])
{
	u8 block[POLY1305_BLOCK_SIZE] = {};

	poly1305_init(&op->poly, key);
	memcpy(block, op->aad, op->aad_len);
	poly1305_update(&op->poly, block, sizeof(block));
}

/* Padding to a block of Poly1305, and both lengths. Return: how many bytes. */
static u32 chacha_put_tail(const struct chacha_op *op, u8 *at)
{
	const u32 pad = -op->len % POLY1305_BLOCK_SIZE;

	memset(at, 0, pad);
	put_unaligned_le64(op->aad_len, at + pad);
	put_unaligned_le64(op->len, at + pad + sizeof(u64));
	return pad + 2 * sizeof(u64);
}

/* Ciphertext: whole blocks of Poly1305, unless it is the last. What does not fill a block is kept
 * for chacha_auth_end().
 */
static void chacha_auth(struct chacha_op *op, const u8 *text, u32 len)
{
	const u32 rest = len % POLY1305_BLOCK_SIZE;

	if (likely(len > rest))
		poly1305_update(&op->poly, text, len - rest);
	if (rest)
		memcpy(op->end, text + len - rest, rest);
}

/* One call for both, because each that the library does with SIMD has a cost of its own. */
static void chacha_auth_end(struct chacha_op *op)
{
	const u32 rest = op->len % POLY1305_BLOCK_SIZE;

	poly1305_update(&op->poly, op->end, rest + chacha_put_tail(op, op->end + rest));
}

/* All of the text has been seen. Return: -EBADMSG if the tag behind it is another. */
static int chacha_finish(struct chacha_op *op)
{
	u8 tag[POLY1305_DIGEST_SIZE];

	poly1305_final(&op->poly, op->tag);
	if (op->seal)
		return 0;
	chacha_at_copy(&op->src, tag, sizeof(tag), false);
	return crypto_memneq(tag, op->tag, sizeof(tag)) ? -EBADMSG : 0;
}

/* Nothing is written to dst before the record has proved authentic. */
static int chacha_short(struct chacha_op *op)
{
	u8 in[CHACHA_BLOCK + CHACHA_SHORT + CHACHA_TAIL] __uninitialized;
	u8 out[sizeof(in)] __uninitialized;
	u8 *text = op->seal ? out : in;
	const u32 end = CHACHA_BLOCK + op->len;
	int err;

	memset(in, 0, CHACHA_BLOCK);
	chacha_at_copy(&op->src, in + CHACHA_BLOCK, op->len, false);
	chacha20_crypt(&op->state, out, in, end);

	chacha_auth_aad(op, out);
	poly1305_update(&op->poly, text + CHACHA_BLOCK,
			op->len + chacha_put_tail(op, text + end));
	err = chacha_finish(op);
	if (likely(!err))
		chacha_at_copy(&op->dst, out + CHACHA_BLOCK, op->len, true);
	memzero_explicit(in, end);
	memzero_explicit(out, end);
	return err;
}

/* Text that does not lie in one piece, or the end of it: that of TLS 1.3 is often a single
 * byte, the content type, and is done with SIMD as part of two blocks.
 */
static void chacha_gather(struct chacha_op *op, u32 len)
{
	u8 text[CHACHA_CHUNK] __uninitialized;
	const u32 size = max_t(u32, len, CHACHA_SIMD);

	chacha_at_copy(&op->src, text, len, false);
	memset(text + len, 0, size - len);
	if (!op->seal)
		chacha_auth(op, text, len);
	chacha20_crypt(&op->state, text, text, size);
	if (op->seal)
		chacha_auth(op, text, len);
	chacha_at_copy(&op->dst, text, len, true);
	memzero_explicit(text, size);
}

/* What comes next of the text and lies in one piece on both sides: whole chunks, because the
 * rest of the key stream of a block would be lost. Return: how many of len bytes.
 */
static u32 chacha_piece(struct chacha_op *op, u32 len)
{
	u32 n = min_t(u32, len, CHACHA_STEP);
	u8 *in, *out;

	if (len <= CHACHA_BLOCK)	/* as part of two, in chacha_gather() */
		return 0;
	in = chacha_at_map(&op->src, &n);
	out = chacha_at_map(&op->dst, &n);
	if (n < len)
		n = round_down(n, CHACHA_CHUNK);
	if (likely(n)) {
		if (!op->seal)
			chacha_auth(op, in, n);
		chacha20_crypt(&op->state, out, in, n);
		if (op->seal)
			chacha_auth(op, out, n);
	}
	kunmap_local(out);
	kunmap_local(in);
	chacha_at_skip(&op->src, n);
	chacha_at_skip(&op->dst, n);
	return n;
}

/* Is the first block of text better done with the key of Poly1305? Behind it, an end of at most
 * a block is part of the last chunk, and needs no call of its own. But text of several pieces
 * had better begin where the first one does.
 */
static bool chacha_joins_key(const struct chacha_op *op)
{
	const u32 end = op->len % CHACHA_CHUNK;

	return end && end <= CHACHA_BLOCK && !IS_ENABLED(CONFIG_KMAP_LOCAL) &&
	       op->src.sg->length - op->src.off >= op->len &&
	       op->dst.sg->length - op->dst.off >= op->len;
}

/* The key of Poly1305 is the first block of the key stream. Return: bytes of text done with it. */
static u32 chacha_begin_long(struct chacha_op *op)
{
	const u32 len = chacha_joins_key(op) ? CHACHA_BLOCK : 0;
	u8 in[CHACHA_SIMD] = {};
	u8 out[CHACHA_SIMD] __uninitialized;

	if (len)
		chacha_at_copy(&op->src, in + CHACHA_BLOCK, len, false);
	chacha20_crypt(&op->state, out, in, sizeof(in));
	chacha_auth_aad(op, out);
	if (len) {
		chacha_auth(op, (op->seal ? out : in) + CHACHA_BLOCK, len);
		chacha_at_copy(&op->dst, out + CHACHA_BLOCK, len, true);
		memzero_explicit(in, sizeof(in));
	} else {
		op->state.x[12] = 1;	/* the counter; the text begins at the second block */
	}
	memzero_explicit(out, sizeof(out));
	return len;
}

static int chacha_long(struct chacha_op *op)
{
	u32 n, left = op->len - chacha_begin_long(op);

	for (; left; left -= n) {
		n = chacha_piece(op, left);
		if (!n) {
			n = min_t(u32, left, CHACHA_CHUNK);
			chacha_gather(op, n);
		}
	}
	chacha_auth_end(op);
	return chacha_finish(op);
}

static int chacha_run(const struct ktls_dir *dir, struct scatterlist *src,
		      struct scatterlist *dst, const u8 *aad, u32 len, bool seal)
{
	struct chacha_op op __uninitialized;
	int err;

	op.src = (struct chacha_at){ .sg = src };
	op.dst = (struct chacha_at){ .sg = dst };
	op.aad = aad;
	op.aad_len = dir->aad_size;
	op.len = len;
	op.seal = seal;
	chacha_begin(&op, dir);

	err = len <= CHACHA_SHORT ? chacha_short(&op) : chacha_long(&op);
	if (seal)
		chacha_at_copy(&op.dst, op.tag, sizeof(op.tag), true);
	memzero_explicit(&op.state, sizeof(op.state));
	memzero_explicit(op.tag, sizeof(op.tag));
	return err;
}

/**
 * ktls_chacha_set_key - give a direction its key
 * @dir: the direction
 * @key: 32 bytes; stay the caller's
 *
 * Context: socket lock held, or nobody else knows @dir.
 */
void ktls_chacha_set_key(struct ktls_dir *dir, const u8 *key)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dir->keys->chacha_key); i++)
		dir->keys->chacha_key[i] = get_unaligned_le32(key + i * sizeof(u32));
}

/**
 * ktls_chacha_seal - encrypt and authenticate
 * @dir: key, nonce (@dir->keys) and size of the associated data
 * @src: associated data, @len bytes of text; may be @dst
 * @dst: room for associated data, which are not written, the text and the tag
 * @aad: associated data
 * @len: bytes of text
 *
 * Context: process context; socket lock held. Does not sleep.
 */
void ktls_chacha_seal(const struct ktls_dir *dir, struct scatterlist *src,
		      struct scatterlist *dst, const u8 *aad, u32 len)
{
	chacha_run(dir, src, dst, aad, len, true);
}

/**
 * ktls_chacha_open - authenticate and decrypt
 * @dir: as for ktls_chacha_seal()
 * @src: associated data, @len bytes of ciphertext, the tag; may be @dst
 * @dst: room for associated data, which are not written, and the text
 * @aad: associated data
 * @len: bytes of text, without the tag
 *
 * Context: process context; socket lock held. Does not sleep.
 * Return: 0, or -EBADMSG: what is in @dst then is not authentic.
 */
int ktls_chacha_open(const struct ktls_dir *dir, struct scatterlist *src,
		     struct scatterlist *dst, const u8 *aad, u32 len)
{
	return chacha_run(dir, src, dst, aad, len, false);
}
