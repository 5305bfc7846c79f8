// SPDX-License-Identifier: GPL-2.0
/* Records sealed and opened: nonces, associated data, known answers, tampering.
 */
#include <linux/scatterlist.h>
#include <linux/unaligned.h>

#include "suite.h"
#include "wire.h"
#include "record/aead.h"
#include "record/framing.h"

#include "common.h"
#include "aead_kunit.h"

enum aead_sizes {
	AEAD_ROOM	= 16,		/* before a payload: header, associated data */
	AEAD_TAIL	= 32,		/* behind it: type byte, tag, and a guard */
	AEAD_LONG	= 1000,		/* from here on only the end of a record is known */
	AEAD_GUARD	= 0xa5,
};

/* A record with the memory before and behind it. */
struct aead_buf {
	u8	*mem;
	u8	*payload;
	size_t	size;
};

static struct aead_buf aead_buf(struct kunit *test, u32 len)
{
	struct aead_buf buf = { .size = AEAD_ROOM + len + AEAD_TAIL };

	buf.mem = kunit_kzalloc(test, buf.size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, buf.mem);
	memset(buf.mem, AEAD_GUARD, buf.size);
	buf.payload = buf.mem + AEAD_ROOM;
	return buf;
}

/* A direction with the keys and the sequence number of a known record. */
static struct ktls_dir *aead_dir(struct kunit *test, const struct aead_known *known)
{
	const struct ktls_suite *suite = ktls_suite_by_id(known->suite);
	u8 secret[KTLS_SECRET_MAX], iv[KTLS_NONCE_SIZE];
	struct ktls_keys keys = {
		.suite = suite, .secret = secret, .iv = iv,
		.seq = known->seq, .nonce = known->nonce,
	};

	keys.secret_len = ktls_kunit_unhex(test, known->secret, secret, sizeof(secret));
	keys.iv_len = ktls_kunit_unhex(test, known->iv, iv, sizeof(iv));
	return ktls_kunit_dir(test, &keys);
}

static void aead_payload(struct kunit *test, const struct aead_known *known, u8 *at)
{
	u32 i;

	if (known->payload) {
		ktls_kunit_unhex(test, known->payload, at, known->len);
		return;
	}
	for (i = 0; i < known->len; i++)
		at[i] = 7 * i + 3;
}

static bool aead_is_13(const struct ktls_dir *dir)
{
	return dir->suite->version == KTLS_TLS_1_3;
}

/* Seals the known record in place. Return: where it begins. */
static u8 *aead_seal(struct kunit *test, struct ktls_dir *dir, const struct aead_known *known,
		     struct aead_buf *buf)
{
	u8 *aad = buf->payload - dir->aad_size, *head = buf->payload - dir->prefix_size;
	struct scatterlist sg;

	aead_payload(test, known, buf->payload);
	if (aead_is_13(dir))
		buf->payload[known->len] = known->type;
	sg_init_one(&sg, aad, dir->aad_size + known->len + dir->tail_size);
	KUNIT_ASSERT_EQ(test, ktls_aead_seal(dir, &sg, &sg, aad, head, known->type, known->len),
			0);
	return head;
}

static void aead_known_desc(const struct aead_known *known, char *desc)
{
	strscpy(desc, known->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(aead_known, aead_knowns, aead_known_desc);

static void aead_seal_test(struct kunit *test)
{
	const struct aead_known *known = test->param_value;
	struct aead_buf buf = aead_buf(test, known->len);
	struct ktls_dir *dir = aead_dir(test, known);
	u8 want[256], *record;
	size_t want_len, len;

	want_len = ktls_kunit_unhex(test, known->record, want, sizeof(want));

	record = aead_seal(test, dir, known, &buf);

	len = dir->prefix_size + known->len + dir->tail_size;
	if (known->len < AEAD_LONG)
		KUNIT_ASSERT_EQ(test, len, want_len);
	KUNIT_EXPECT_MEMEQ(test, record + len - want_len, want, want_len);
	KUNIT_EXPECT_EQ(test, record[0], aead_is_13(dir) ? 23 : known->type);
	KUNIT_EXPECT_EQ(test, get_unaligned_be16(record + 1), 0x0303);
	KUNIT_EXPECT_EQ(test, get_unaligned_be16(record + 3), len - 5);
	KUNIT_EXPECT_EQ_MSG(test, record[len], AEAD_GUARD, "wrote beyond the end");
	KUNIT_EXPECT_EQ(test, dir->seq, known->seq + 1);
	KUNIT_EXPECT_EQ(test, dir->nonce, known->nonce + 1);
	KUNIT_EXPECT_EQ(test, dir->records, 1);
}

/* The known record as it comes from the wire. Return: bytes of ciphertext. */
static u32 aead_receive(struct kunit *test, const struct aead_known *known,
			struct ktls_dir *dir, struct aead_buf *buf, struct ktls_hdr *hdr)
{
	u8 wire[256];

	*hdr = (struct ktls_hdr){};
	if (known->len < AEAD_LONG) {
		hdr->len = ktls_kunit_unhex(test, known->record, wire, sizeof(wire));
		memcpy(buf->payload, wire + dir->prefix_size, hdr->len - dir->prefix_size);
		hdr->type = wire[0];
	} else {
		memcpy(wire, aead_seal(test, aead_dir(test, known), known, buf), dir->prefix_size);
		hdr->len = dir->prefix_size + known->len + dir->tail_size;
		hdr->type = wire[0];
	}
	hdr->crypt_len = hdr->len - dir->prefix_size;
	if (dir->prefix_size > KTLS_HEADER_SIZE)
		memcpy(hdr->explicit, wire + KTLS_HEADER_SIZE, KTLS_EXPLICIT_SIZE);
	return hdr->crypt_len;
}

static int aead_open(struct ktls_dir *dir, struct aead_buf *buf, const struct ktls_hdr *hdr)
{
	u8 *aad = buf->payload - dir->aad_size;
	struct scatterlist sg;

	sg_init_one(&sg, aad, dir->aad_size + hdr->crypt_len);
	return ktls_aead_open(dir, &sg, &sg, aad, hdr);
}

static void aead_open_test(struct kunit *test)
{
	const struct aead_known *known = test->param_value;
	struct aead_buf buf = aead_buf(test, known->len);
	struct aead_buf plain = aead_buf(test, known->len);
	struct ktls_dir *dir = aead_dir(test, known);
	struct ktls_hdr hdr;

	aead_receive(test, known, dir, &buf, &hdr);
	aead_payload(test, known, plain.payload);

	KUNIT_ASSERT_EQ(test, aead_open(dir, &buf, &hdr), 0);

	KUNIT_EXPECT_MEMEQ(test, buf.payload, plain.payload, known->len);
	if (aead_is_13(dir))
		KUNIT_EXPECT_EQ(test, buf.payload[known->len], known->type);
	KUNIT_EXPECT_EQ(test, dir->seq, known->seq + 1);
	KUNIT_EXPECT_EQ(test, dir->records, 1);
	KUNIT_EXPECT_EQ_MSG(test, aead_open(dir, &buf, &hdr), -EBADMSG, "a record twice");
}

/* For each cipher and version a record whose length is no multiple of the block size. */
#define AEAD_PICKED_LEN	50

static const struct aead_known *aead_picked[6], *aead_picked13[3];

static int aead_suite_init(struct kunit_suite *suite)
{
	unsigned int i, n = 0, n13 = 0;

	for (i = 0; i < ARRAY_SIZE(aead_knowns) && n < ARRAY_SIZE(aead_picked); i++)
		if (aead_knowns[i].len == AEAD_PICKED_LEN && !aead_knowns[i].payload)
			aead_picked[n++] = &aead_knowns[i];
	for (i = 0; i < n && n13 < ARRAY_SIZE(aead_picked13); i++)
		if (ktls_suite_by_id(aead_picked[i]->suite)->version == KTLS_TLS_1_3)
			aead_picked13[n13++] = aead_picked[i];
	return n == ARRAY_SIZE(aead_picked) && n13 == ARRAY_SIZE(aead_picked13) ? 0 : -ENOENT;
}

static void aead_picked_desc(const struct aead_known **picked, char *desc)
{
	strscpy(desc, (*picked)->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(aead_picked, aead_picked, aead_picked_desc);
KUNIT_ARRAY_PARAM(aead_picked13, aead_picked13, aead_picked_desc);

static const struct aead_known *aead_param(struct kunit *test)
{
	const struct aead_known *const *picked = test->param_value;

	return *picked;
}

/* RFC 8446 5.3, RFC 7905 2: IV xor sequence number; RFC 5288 3: salt, explicit nonce. */
static void aead_want_nonce(struct kunit *test, const struct aead_known *known,
			    const struct ktls_dir *dir, u8 nonce[KTLS_NONCE_SIZE])
{
	int i, n = KTLS_NONCE_SIZE;

	memcpy(nonce, dir->keys->iv, n);
	if (dir->prefix_size > KTLS_HEADER_SIZE) {
		KUNIT_ASSERT_EQ(test, ktls_kunit_unhex(test, known->iv, nonce, n), 4);
		for (i = 0; i < 8; i++)
			nonce[4 + i] = known->nonce >> (56 - 8 * i);
		return;
	}
	for (i = 0; i < 8; i++)
		nonce[n - 1 - i] ^= known->seq >> (8 * i);
}

/* RFC 8446 5.2; RFC 5246 6.2.3.3 */
static size_t aead_want_aad(const struct aead_known *known, const struct ktls_dir *dir, u8 *aad)
{
	u16 len = known->len + (aead_is_13(dir) ? 1 + 16 : 0);
	u8 *at = aad;
	int i;

	for (i = 0; i < 8 && !aead_is_13(dir); i++)
		*at++ = known->seq >> (56 - 8 * i);
	*at++ = aead_is_13(dir) ? 23 : known->type;
	*at++ = 3;
	*at++ = 3;
	*at++ = len >> 8;
	*at++ = len & 0xff;
	return at - aad;
}

/* As in sendfile(): source and destination differ, and the source must not be written to. */
static void aead_apart_test(struct kunit *test)
{
	const struct aead_known *known = aead_param(test);
	struct aead_buf src = aead_buf(test, known->len), dst = aead_buf(test, known->len);
	u8 want_aad[KTLS_AAD_MAX], nonce[KTLS_NONCE_SIZE], want[256];
	u8 *aad = aead_buf(test, 0).mem;
	struct ktls_dir *dir = aead_dir(test, known);
	struct scatterlist in[4], out[2];
	u32 first = 19;
	size_t len;

	len = ktls_kunit_unhex(test, known->record, want, sizeof(want));
	aead_payload(test, known, src.payload);
	src.payload[known->len] = known->type;
	sg_init_table(in, ARRAY_SIZE(in));
	sg_set_buf(&in[0], aad, dir->aad_size);
	sg_set_buf(&in[1], src.payload, first);
	sg_set_buf(&in[2], src.payload + first, known->len - first);
	sg_set_buf(&in[3], src.payload + known->len, 1);
	if (!aead_is_13(dir))
		sg_mark_end(&in[2]);
	sg_init_table(out, ARRAY_SIZE(out));
	sg_set_buf(&out[0], dst.payload - dir->aad_size, dir->aad_size);
	sg_set_buf(&out[1], dst.payload, known->len + dir->tail_size);

	KUNIT_ASSERT_EQ(test, ktls_aead_seal(dir, in, out, aad, dst.payload - dir->prefix_size,
					     known->type, known->len), 0);

	KUNIT_EXPECT_MEMEQ(test, dst.payload - dir->prefix_size, want, len);
	KUNIT_EXPECT_EQ(test, dir->aad_size, aead_want_aad(known, dir, want_aad));
	KUNIT_EXPECT_MEMEQ(test, aad, want_aad, dir->aad_size);
	KUNIT_EXPECT_EQ(test, aad[dir->aad_size], AEAD_GUARD);
	aead_want_nonce(test, known, dir, nonce);
	KUNIT_EXPECT_MEMEQ(test, dir->keys->npub, nonce, sizeof(nonce));
	aead_payload(test, known, dst.payload);
	KUNIT_EXPECT_MEMEQ_MSG(test, src.payload, dst.payload, known->len,
			       "wrote to its source");
}

/* A record that was tampered with is refused and changes nothing. */
static void aead_expect_refused(struct kunit *test, struct ktls_dir *dir, struct aead_buf *buf,
				const struct ktls_hdr *hdr, const char *what, int which)
{
	struct aead_buf copy = aead_buf(test, buf->size);
	u64 seq = dir->seq;

	memcpy(copy.mem, buf->mem, buf->size);
	KUNIT_EXPECT_EQ_MSG(test, aead_open(dir, &copy, hdr), -EBADMSG, "%s %d", what, which);
	KUNIT_EXPECT_EQ(test, dir->seq, seq);
	KUNIT_EXPECT_EQ(test, dir->records, 0);
	kunit_kfree(test, copy.mem);
}

static void aead_tamper_body_test(struct kunit *test)
{
	const struct aead_known *known = aead_param(test);
	struct aead_buf buf = aead_buf(test, known->len);
	struct ktls_dir *dir = aead_dir(test, known);
	struct ktls_hdr hdr;
	u32 len, bit;

	len = aead_receive(test, known, dir, &buf, &hdr);
	for (bit = 0; bit < 8 * len; bit++) {
		buf.payload[bit / 8] ^= 1 << bit % 8;
		aead_expect_refused(test, dir, &buf, &hdr,
				    bit / 8 < len - 16 ? "bit of the body" : "bit of the tag", bit);
		buf.payload[bit / 8] ^= 1 << bit % 8;
	}
	KUNIT_EXPECT_EQ(test, aead_open(dir, &buf, &hdr), 0);
}

/* In 1.3 framing.c checks the type in the header, so it is not tampered with here. */
static void aead_tamper_head_test(struct kunit *test)
{
	const struct aead_known *known = aead_param(test);
	struct aead_buf buf = aead_buf(test, known->len);
	struct ktls_dir *dir = aead_dir(test, known);
	struct ktls_hdr hdr, bad;
	int i;

	aead_receive(test, known, dir, &buf, &hdr);
	for (i = 0; i <= U8_MAX && !aead_is_13(dir); i++) {
		bad = hdr;
		bad.type = i;
		if (bad.type != hdr.type)
			aead_expect_refused(test, dir, &buf, &bad, "type", i);
	}
	for (i = -AEAD_PICKED_LEN; i <= 8; i++) {
		bad = hdr;
		bad.crypt_len += i;
		if (i)
			aead_expect_refused(test, dir, &buf, &bad, "longer by", i);
	}
	KUNIT_EXPECT_EQ(test, aead_open(dir, &buf, &hdr), 0);
}

static void aead_tamper_nonce_test(struct kunit *test)
{
	const struct aead_known *known = aead_param(test);
	struct aead_buf buf = aead_buf(test, known->len);
	struct ktls_dir *dir = aead_dir(test, known);
	const u32 implicit = dir->suite->version == KTLS_TLS_1_2 ?
			     dir->suite->cipher->salt_size : KTLS_NONCE_SIZE;
	struct ktls_hdr hdr, bad;
	int bit;

	aead_receive(test, known, dir, &buf, &hdr);
	for (bit = 0; bit < 64 && dir->prefix_size > KTLS_HEADER_SIZE; bit++) {
		bad = hdr;
		bad.explicit[bit / 8] ^= 1 << bit % 8;
		aead_expect_refused(test, dir, &buf, &bad, "bit of the explicit nonce", bit);
	}
	for (bit = 0; bit < 8 * implicit; bit++) {
		dir->keys->iv[bit / 8] ^= 1 << bit % 8;
		aead_expect_refused(test, dir, &buf, &hdr, "bit of the iv", bit);
		dir->keys->iv[bit / 8] ^= 1 << bit % 8;
	}
	for (bit = 0; bit < 64; bit++) {
		dir->seq ^= 1ULL << bit;
		aead_expect_refused(test, dir, &buf, &hdr, "bit of the number", bit);
		dir->seq ^= 1ULL << bit;
	}
	KUNIT_EXPECT_EQ(test, aead_open(dir, &buf, &hdr), 0);
}

/* RFC 8446 5.5; alerts can still be sent. */
static void aead_limit_test(struct kunit *test)
{
	struct aead_known known = *aead_param(test);
	struct aead_buf buf = aead_buf(test, known.len);
	const u8 spare = 16;
	struct ktls_hdr hdr;
	struct ktls_dir *dir;
	struct scatterlist sg;
	u64 limit;
	int i;

	limit = strstr(known.desc, "GCM") ? 23726566 : U64_MAX - spare;
	known.seq = limit - 1;
	known.type = KTLS_CT_DATA;
	dir = aead_dir(test, &known);
	aead_receive(test, &known, dir, &buf, &hdr);
	sg_init_one(&sg, buf.payload - dir->aad_size, dir->aad_size + known.len + dir->tail_size);

	aead_seal(test, dir, &known, &buf);
	KUNIT_EXPECT_EQ(test, ktls_aead_seal(dir, &sg, &sg, buf.payload - dir->aad_size,
					     buf.payload - dir->prefix_size, KTLS_CT_DATA,
					     known.len),
			-EKEYEXPIRED);
	known.type = KTLS_CT_ALERT;
	for (i = 0; i < spare; i++)
		aead_seal(test, dir, &known, &buf);
	KUNIT_EXPECT_EQ(test, ktls_aead_seal(dir, &sg, &sg, buf.payload - dir->aad_size,
					     buf.payload - dir->prefix_size, KTLS_CT_ALERT,
					     known.len),
			-EKEYEXPIRED);

	dir->seq = U64_MAX;
	KUNIT_EXPECT_EQ_MSG(test, aead_open(dir, &buf, &hdr), -EBADMSG, "the number wrapped");
}

/* Installing keys of a wrong length fails and leaves the old ones in force. */
static void aead_install_test(struct kunit *test)
{
	const struct aead_known *known = aead_param(test);
	struct ktls_dir *dir = aead_dir(test, known), *before;
	u8 secret[KTLS_SECRET_MAX] = {}, iv[KTLS_NONCE_SIZE] = {};
	struct ktls_keys keys = { .suite = dir->suite, .secret = secret, .iv = iv };
	size_t len, iv_len;

	before = kunit_kzalloc(test, sizeof(*before), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, before);
	memcpy(before, dir, sizeof(*dir));
	for (len = 0; len <= sizeof(secret); len++) {
		for (iv_len = 0; iv_len <= sizeof(iv); iv_len++) {
			keys.secret_len = len;
			keys.iv_len = iv_len;
			if (len == strlen(known->secret) / 2 && iv_len == strlen(known->iv) / 2)
				continue;
			KUNIT_EXPECT_EQ(test, ktls_dir_install(dir, &keys), -EINVAL);
		}
	}
	KUNIT_EXPECT_MEMEQ(test, dir, before, sizeof(*dir));
	keys.suite = NULL;
	KUNIT_EXPECT_EQ(test, ktls_dir_install(dir, &keys), -EINVAL);
	kunit_kfree(test, before);
}

/* ktls_dir_clear() removes the keys. */
static void aead_clear_test(struct kunit *test)
{
	const struct aead_known *known = aead_param(test);
	struct ktls_dir *dir = aead_dir(test, known);

	ktls_dir_clear(dir);

	KUNIT_EXPECT_FALSE(test, dir->keyed);
	KUNIT_EXPECT_NULL(test, dir->req);
	KUNIT_EXPECT_NULL(test, dir->keys);
	KUNIT_EXPECT_EQ(test, dir->seq, 0);
}

/* Give the cipher of a direction back, if it is one of the crypto API. */
static void aead_rest(struct kunit *test, struct ktls_dir *dir)
{
	ktls_dir_rest(dir);
	KUNIT_EXPECT_NULL(test, dir->req);
	KUNIT_EXPECT_EQ(test, ktls_dir_rests(dir), !!dir->suite->cipher->alg);
}

/* The cipher of a direction that was idle is made again, as it was. */
static void aead_rest_test(struct kunit *test)
{
	const struct aead_known *known = aead_param(test);
	struct ktls_dir *tx = aead_dir(test, known), *rx = aead_dir(test, known);
	struct aead_buf buf = aead_buf(test, known->len);
	struct ktls_hdr hdr;
	u8 want[256];
	size_t len;

	aead_rest(test, tx);
	if (ktls_dir_rests(tx))
		KUNIT_ASSERT_EQ(test, ktls_dir_wake(tx), 0);
	len = ktls_kunit_unhex(test, known->record, want, sizeof(want));
	KUNIT_EXPECT_MEMEQ(test, aead_seal(test, tx, known, &buf), want, len);

	aead_rest(test, rx);
	aead_receive(test, known, rx, &buf, &hdr);
	KUNIT_EXPECT_EQ(test, aead_open(rx, &buf, &hdr), 0);
	KUNIT_EXPECT_FALSE(test, ktls_dir_rests(rx));
	KUNIT_EXPECT_EQ(test, rx->seq, known->seq + 1);
}

/* New keys for a direction without its cipher are those that it gets then. */
static void aead_rest_advance_test(struct kunit *test)
{
	const struct aead_known *known = aead_param(test);
	struct ktls_dir *dir = aead_dir(test, known), *other = aead_dir(test, known);
	struct aead_buf buf = aead_buf(test, known->len), buf2 = aead_buf(test, known->len);
	const u8 secret[KTLS_SECRET_MAX] = { 4, 5, 6 };
	struct ktls_keys keys = { .suite = dir->suite, .secret = secret };
	struct ktls_generation next = {};

	keys.secret_len = dir->suite->hash_size;
	memcpy(next.secret, secret, sizeof(next.secret));
	aead_rest(test, dir);
	KUNIT_ASSERT_EQ(test, ktls_dir_install(other, &keys), 0);
	memcpy(next.iv, other->keys->iv, sizeof(next.iv));
	if (!dir->suite->cipher->alg)
		memcpy(next.key, other->keys->chacha_key, sizeof(next.key));
	KUNIT_ASSERT_EQ(test, ktls_dir_advance(dir, &next), 0);
	if (ktls_dir_rests(dir))
		KUNIT_ASSERT_EQ(test, ktls_dir_wake(dir), 0);
	KUNIT_EXPECT_MEMEQ(test, aead_seal(test, dir, known, &buf),
			   aead_seal(test, other, known, &buf2),
			   dir->prefix_size + known->len + dir->tail_size);
}

static struct kunit_case aead_cases[] = {
	KUNIT_CASE_PARAM(aead_seal_test, aead_known_gen_params),
	KUNIT_CASE_PARAM(aead_open_test, aead_known_gen_params),
	KUNIT_CASE_PARAM(aead_apart_test, aead_picked_gen_params),
	KUNIT_CASE_PARAM(aead_tamper_body_test, aead_picked_gen_params),
	KUNIT_CASE_PARAM(aead_tamper_head_test, aead_picked_gen_params),
	KUNIT_CASE_PARAM(aead_tamper_nonce_test, aead_picked_gen_params),
	KUNIT_CASE_PARAM(aead_limit_test, aead_picked_gen_params),
	KUNIT_CASE_PARAM(aead_install_test, aead_picked_gen_params),
	KUNIT_CASE_PARAM(aead_clear_test, aead_picked_gen_params),
	KUNIT_CASE_PARAM(aead_rest_test, aead_picked_gen_params),
	KUNIT_CASE_PARAM(aead_rest_advance_test, aead_picked13_gen_params),
	{}
};

static struct kunit_suite aead_suite = {
	.name		= "ktls_aead",
	.suite_init	= aead_suite_init,
	.test_cases	= aead_cases,
};

kunit_test_suite(aead_suite);
