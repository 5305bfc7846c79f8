// SPDX-License-Identifier: GPL-2.0
/* chacha.c on scatterlists of any shape, compared with the crypto API. Known answers are in
 * aead_kunit.c.
 */
#include <linux/scatterlist.h>
#include <linux/unaligned.h>
#include <crypto/aead.h>

#include "suite.h"
#include "wire.h"
#include "record/aead.h"
#include "record/framing.h"

#include "common.h"

enum chacha_test_sizes {
	AAD		= KTLS_AAD12_SIZE,
	GUARD_SIZE	= 64,
	GUARD		= 0xa5,
	UNTOUCHED	= 0x5a,
};

#define SUITE_12	0xcca8

static const u8 chacha_key[KTLS_KEY_MAX] = "32 bytes that nobody should know";
static const u8 chacha_iv[KTLS_NONCE_SIZE] = "12 of an iv";

/* Length of the text, and of the pieces it is in. */
struct chacha_case {
	u32	len;
	u32	src_piece;	/* 0: in one piece; so in dst_piece */
	u32	dst_piece;
	bool	in_place;
};

static const struct chacha_case chacha_params[] = {
	{ 0, 0, 0 }, { 0, 0, 0, true },
	{ 1, 0, 0 }, { 1, 0, 0, true },
	{ 15, 1, 7 }, { 16, 0, 0, true }, { 17, 4, 0 },
	{ 63, 0, 1 }, { 64, 0, 0, true }, { 65, 64, 1 }, { 65, 0, 0, true },
	{ 127, 5, 128 }, { 128, 128, 5 }, { 129, 0, 0, true },
	{ 191, 1, 1 }, { 192, 0, 0, true }, { 192, 100, 100 },
	{ 193, 0, 0 }, { 193, 0, 0, true }, { 193, 1, 1 }, { 193, 192, 64 },
	{ 255, 0, 63 }, { 256, 63, 0 }, { 256, 0, 0, true }, { 257, 65, 65, true },
	{ 1000, 7, 13 }, { 1024, 64, 64 }, { 1024, 64, 100 }, { 1024, 0, 0, true },
	{ 1448, 1000, 1 }, { 4095, 0, 0 }, { 4096, 0, 0, true }, { 4096, 1448, 4096 },
	{ 4097, 1448, 4000 }, { 8192, 4096, 4096, true }, { 16384, 0, 0, true },
	{ 16384, 1448, 4096 }, { 16384, 1447, 4095 }, { 16384, 4096, 0 },
	{ 16384, 0, 333 }, { 16384, 100, 100, true },
	/* around the chunks of eight blocks */
	{ 511, 0, 510 }, { 512, 256, 0 }, { 513, 512, 511 }, { 1025, 512, 513 },
	{ 4608, 0, 0, true }, { 4609, 4096, 0 }, { 16384, 512, 4096 }, { 16384, 513, 513, true },
	/* a chunk, and behind it about a block */
	{ 575, 0, 0, true }, { 576, 512, 512 }, { 576, 0, 0, true }, { 577, 0, 0 },
	{ 577, 512, 512, true }, { 16385, 16384, 16384 }, { 16385, 16384, 16384, true },
	{ 16385, 4096, 0 }, { 16448, 0, 4096 }, { 16448, 16447, 16385, true },
	/* the same in one piece: the first block is done with the key */
	{ 513, 0, 0 }, { 513, 0, 0, true }, { 575, 0, 0 }, { 576, 0, 0 }, { 577, 0, 0, true },
	{ 1025, 0, 0 }, { 1025, 0, 1024 }, { 8193, 0, 0 }, { 8193, 0, 0, true }, { 16385, 0, 0 },
	{ 16385, 0, 0, true }, { 16448, 0, 0 }, { 16448, 0, 0, true }, { 16449, 0, 0, true },
};

/* Memory for one side: associated data, the text, the tag, and a guard. */
static u8 *chacha_memory(struct kunit *test, u32 len)
{
	u8 *at = kunit_kzalloc(test, AAD + len + KTLS_TAG_SIZE + GUARD_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, at);
	memset(at, UNTOUCHED, AAD + len + KTLS_TAG_SIZE);
	memset(at + AAD + len + KTLS_TAG_SIZE, GUARD, GUARD_SIZE);
	return at;
}

static void chacha_text(u8 *at, u32 len)
{
	u32 i;

	for (i = 0; i < len; i++)
		at[i] = 11 * i + (i >> 8);
}

/* Sets an entry that begins @off bytes behind @at: its page is @at's, its offset larger than a
 * page.
 */
static void chacha_set_piece(struct scatterlist *sg, u8 *at, u32 off, u32 len)
{
	sg_set_page(sg, virt_to_page(at), len, offset_in_page(at) + off);
}

/* Source or destination as a scatterlist, with @all bytes behind the associated data, which
 * share an entry with the text only if that is in one piece.
 */
static struct scatterlist *chacha_pieces(struct kunit *test, u8 *at, u32 all, u32 piece)
{
	const u32 n = piece ? 1 + DIV_ROUND_UP(all, piece) : 1;
	struct scatterlist *sg = kunit_kcalloc(test, n, sizeof(*sg), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, sg);
	sg_init_table(sg, n);
	chacha_set_piece(sg, at, 0, piece ? AAD : AAD + all);
	for (i = 1; i < n; i++)
		chacha_set_piece(&sg[i], at, AAD + (i - 1) * piece,
				 min(piece, all - (i - 1) * piece));
	return sg;
}

static struct ktls_dir *chacha_dir(struct kunit *test)
{
	struct ktls_keys keys = {
		.suite = ktls_suite_by_id(SUITE_12),
		.secret = chacha_key, .secret_len = sizeof(chacha_key),
		.iv = chacha_iv, .iv_len = sizeof(chacha_iv),
	};

	return ktls_kunit_dir(test, &keys);
}

/* The result of the crypto API: text and tag, in one piece. */
static u8 *chacha_wanted(struct kunit *test, u32 len)
{
	struct crypto_aead *tfm = crypto_alloc_aead("rfc7539(chacha20,poly1305)", 0, 0);
	u8 *at = chacha_memory(test, len), *iv = kunit_kzalloc(test, 16, GFP_KERNEL);
	DECLARE_CRYPTO_WAIT(wait);
	struct aead_request *req;
	struct scatterlist sg;

	KUNIT_ASSERT_FALSE(test, IS_ERR(tfm));
	KUNIT_ASSERT_EQ(test, crypto_aead_setkey(tfm, chacha_key, sizeof(chacha_key)), 0);
	KUNIT_ASSERT_EQ(test, crypto_aead_setauthsize(tfm, KTLS_TAG_SIZE), 0);
	req = aead_request_alloc(tfm, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, req);
	KUNIT_ASSERT_NOT_NULL(test, iv);

	memcpy(iv, chacha_iv, sizeof(chacha_iv));	/* record 0 */
	put_unaligned_be64(0, at);
	at[8] = KTLS_CT_DATA;
	put_unaligned_be16(KTLS_TLS_1_2, at + 9);
	put_unaligned_be16(len, at + 11);
	chacha_text(at + AAD, len);
	sg_init_one(&sg, at, AAD + len + KTLS_TAG_SIZE);
	aead_request_set_callback(req, CRYPTO_TFM_REQ_MAY_SLEEP, crypto_req_done, &wait);
	aead_request_set_ad(req, AAD);
	aead_request_set_crypt(req, &sg, &sg, len, iv);
	KUNIT_EXPECT_EQ(test, crypto_wait_req(crypto_aead_encrypt(req), &wait), 0);
	aead_request_free(req);
	crypto_free_aead(tfm);
	return at + AAD;
}

static void chacha_expect_guard(struct kunit *test, const u8 *at, u32 len)
{
	KUNIT_EXPECT_NULL_MSG(test, memchr_inv(at + AAD + len + KTLS_TAG_SIZE, GUARD, GUARD_SIZE),
			      "wrote beyond the end");
}

static void chacha_seal_test(struct kunit *test)
{
	const struct chacha_case *c = test->param_value;
	u8 *src = chacha_memory(test, c->len);
	u8 *dst = c->in_place ? src : chacha_memory(test, c->len);
	struct scatterlist *in = chacha_pieces(test, src, c->len + KTLS_TAG_SIZE, c->src_piece);
	struct scatterlist *out = in;
	u8 aad[AAD], head[KTLS_HEADER_SIZE];
	u8 *want = chacha_wanted(test, c->len);
	struct ktls_dir *dir = chacha_dir(test);

	if (!c->in_place)
		out = chacha_pieces(test, dst, c->len + KTLS_TAG_SIZE, c->dst_piece);
	chacha_text(src + AAD, c->len);

	KUNIT_ASSERT_EQ(test, ktls_aead_seal(dir, in, out, aad, head, KTLS_CT_DATA, c->len), 0);

	KUNIT_EXPECT_MEMEQ(test, dst + AAD, want, c->len + KTLS_TAG_SIZE);
	chacha_expect_guard(test, dst, c->len);
	if (!c->in_place) {
		chacha_text(dst + AAD, c->len);
		KUNIT_EXPECT_MEMEQ_MSG(test, src + AAD, dst + AAD, c->len, "wrote to its source");
	}
}

static void chacha_open_test(struct kunit *test)
{
	const struct chacha_case *c = test->param_value;
	u8 *src = chacha_memory(test, c->len);
	u8 *dst = c->in_place ? src : chacha_memory(test, c->len);
	struct scatterlist *in = chacha_pieces(test, src, c->len + KTLS_TAG_SIZE, c->src_piece);
	struct scatterlist *out = in;
	const struct ktls_hdr hdr = {
		.type = KTLS_CT_DATA, .crypt_len = c->len + KTLS_TAG_SIZE,
		.len = KTLS_HEADER_SIZE + c->len + KTLS_TAG_SIZE,
	};
	u8 *want = chacha_wanted(test, c->len);
	struct ktls_dir *dir = chacha_dir(test);
	u8 aad[AAD];

	if (!c->in_place)
		out = chacha_pieces(test, dst, c->len, c->dst_piece);
	memcpy(src + AAD, want, c->len + KTLS_TAG_SIZE);

	KUNIT_ASSERT_EQ(test, ktls_aead_open(dir, in, out, aad, &hdr), 0);

	if (!c->in_place)
		KUNIT_EXPECT_MEMEQ_MSG(test, src + AAD, want, c->len + KTLS_TAG_SIZE,
				       "wrote to its source");
	chacha_text(want, c->len);
	KUNIT_EXPECT_MEMEQ(test, dst + AAD, want, c->len);
	if (!c->in_place)
		KUNIT_EXPECT_NULL_MSG(test, memchr_inv(dst + AAD + c->len, UNTOUCHED,
						       KTLS_TAG_SIZE), "wrote the tag");
	chacha_expect_guard(test, dst, c->len);
}

/* Flips a bit in bytes of text and tag: in all of them if the text is short. */
static void chacha_tamper_test(struct kunit *test)
{
	const struct chacha_case *c = test->param_value;
	const u32 all = c->len + KTLS_TAG_SIZE, step = c->len / 40 + 1;
	u8 *src = chacha_memory(test, c->len), *dst = chacha_memory(test, c->len);
	struct scatterlist *in = chacha_pieces(test, src, c->len + KTLS_TAG_SIZE, c->src_piece);
	struct scatterlist *out = chacha_pieces(test, dst, c->len, c->dst_piece);
	const struct ktls_hdr hdr = {
		.type = KTLS_CT_DATA, .crypt_len = all, .len = KTLS_HEADER_SIZE + all,
	};
	u8 *want = chacha_wanted(test, c->len);
	struct ktls_dir *dir = chacha_dir(test);
	u8 aad[AAD];
	u32 i;

	memcpy(src + AAD, want, all);
	for (i = 0; i < all; i += step) {
		src[AAD + i] ^= 1 << i % 8;
		KUNIT_EXPECT_EQ_MSG(test, ktls_aead_open(dir, in, out, aad, &hdr), -EBADMSG,
				    "byte %u", i);
		src[AAD + i] ^= 1 << i % 8;
	}
	KUNIT_EXPECT_EQ(test, dir->seq, 0);
	chacha_expect_guard(test, dst, c->len);
	if (c->len <= 192)
		KUNIT_EXPECT_NULL_MSG(test, memchr_inv(dst + AAD, UNTOUCHED, all),
				      "a short record was written before it was authentic");
	KUNIT_EXPECT_EQ(test, ktls_aead_open(dir, in, out, aad, &hdr), 0);
}

/* After ktls_dir_advance() the new key is used. */
static void chacha_advance_test(struct kunit *test)
{
	struct ktls_generation next = { .key = "another key of 32 bytes, as long" };
	struct ktls_dir *dir = chacha_dir(test);
	u8 *first = chacha_memory(test, 100), *second = chacha_memory(test, 100);
	struct scatterlist *a = chacha_pieces(test, first, 100 + KTLS_TAG_SIZE, 0);
	struct scatterlist *b = chacha_pieces(test, second, 100 + KTLS_TAG_SIZE, 0);
	u8 aad[AAD], head[KTLS_HEADER_SIZE];

	memcpy(next.iv, chacha_iv, sizeof(next.iv));
	chacha_text(first + AAD, 100);
	chacha_text(second + AAD, 100);
	KUNIT_ASSERT_EQ(test, ktls_aead_seal(dir, a, a, aad, head, KTLS_CT_DATA, 100), 0);
	KUNIT_ASSERT_EQ(test, ktls_dir_advance(dir, &next), 0);
	KUNIT_ASSERT_EQ(test, ktls_aead_seal(dir, b, b, aad, head, KTLS_CT_DATA, 100), 0);
	KUNIT_EXPECT_NE(test, memcmp(first + AAD, second + AAD, 100), 0);
	KUNIT_EXPECT_EQ(test, dir->key_updates, 1);
}

static void chacha_desc(const struct chacha_case *c, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u bytes from pieces of %u to %u%s", c->len,
		 c->src_piece, c->dst_piece, c->in_place ? ", in place" : "");
}

KUNIT_ARRAY_PARAM(chacha, chacha_params, chacha_desc);

static struct kunit_case chacha_cases[] = {
	KUNIT_CASE_PARAM(chacha_seal_test, chacha_gen_params),
	KUNIT_CASE_PARAM(chacha_open_test, chacha_gen_params),
	KUNIT_CASE_PARAM(chacha_tamper_test, chacha_gen_params),
	KUNIT_CASE(chacha_advance_test),
	{}
};

static struct kunit_suite chacha_suite = {
	.name		= "ktls_chacha",
	.test_cases	= chacha_cases,
};

kunit_test_suite(chacha_suite);
