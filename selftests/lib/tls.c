// SPDX-License-Identifier: GPL-2.0-or-later
/* Sealing and opening single records. See tls.h. */
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <string.h>

#include "harness.h"
#include "tls.h"

static const struct tls_suite suites[] = {
	{ 0x1301, KTLS_TLS_1_3, "TLS_AES_128_GCM_SHA256", "AES-128-GCM", EVP_sha256,
	  16, 12, 0, 32 },
	{ 0x1302, KTLS_TLS_1_3, "TLS_AES_256_GCM_SHA384", "AES-256-GCM", EVP_sha384,
	  32, 12, 0, 48 },
	{ 0x1303, KTLS_TLS_1_3, "TLS_CHACHA20_POLY1305_SHA256", "ChaCha20-Poly1305", EVP_sha256,
	  32, 12, 0, 32 },
	{ 0xc02b, KTLS_TLS_1_2, "ECDHE-ECDSA-AES128-GCM-SHA256", "AES-128-GCM", EVP_sha256,
	  16, 4, 8, 32 },
	{ 0xc02c, KTLS_TLS_1_2, "ECDHE-ECDSA-AES256-GCM-SHA384", "AES-256-GCM", EVP_sha384,
	  32, 4, 8, 48 },
	{ 0xcca9, KTLS_TLS_1_2, "ECDHE-ECDSA-CHACHA20-POLY1305", "ChaCha20-Poly1305", EVP_sha256,
	  32, 12, 0, 32 },
	{ 0xc02f, KTLS_TLS_1_2, "ECDHE-RSA-AES128-GCM-SHA256", "AES-128-GCM", EVP_sha256,
	  16, 4, 8, 32 },
	{ 0xc030, KTLS_TLS_1_2, "ECDHE-RSA-AES256-GCM-SHA384", "AES-256-GCM", EVP_sha384,
	  32, 4, 8, 48 },
	{ 0xcca8, KTLS_TLS_1_2, "ECDHE-RSA-CHACHA20-POLY1305", "ChaCha20-Poly1305", EVP_sha256,
	  32, 12, 0, 32 },
	{ 0x009c, KTLS_TLS_1_2, "AES128-GCM-SHA256", "AES-128-GCM", EVP_sha256,
	  16, 4, 8, 32 },
	{ 0x009d, KTLS_TLS_1_2, "AES256-GCM-SHA384", "AES-256-GCM", EVP_sha384,
	  32, 4, 8, 48 },
};

const struct tls_suite *tls_suite(uint16_t id)
{
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++)
		if (suites[i].id == id)
			return &suites[i];
	harness_fail(__FILE__, __LINE__, "no such suite: %04x", id);
	harness_end();
}

/* Fetched once and before the tests fork: an implicit fetch for each record
 * would be most of what they do.
 */
static EVP_CIPHER *ciphers[3];
static const char *const cipher_names[3] = { "AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305" };

static void __attribute__((constructor)) fetch_ciphers(void)
{
	uint8_t byte;

	for (int i = 0; i < 3; i++)
		ciphers[i] = EVP_CIPHER_fetch(NULL, cipher_names[i], NULL);
	/* seeds the generator, and loads what it needs */
	RAND_bytes(&byte, 1);
}

static const EVP_CIPHER *cipher_of(const struct tls_suite *suite)
{
	for (int i = 0; i < 3; i++)
		if (!strcmp(cipher_names[i], suite->aead))
			return ciphers[i];
	harness_end();
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static void put64(uint8_t *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		p[i] = v;
}

/* One block of HKDF-Expand is enough: nothing in TLS is longer than its hash. */
void tls_expand_label(const EVP_MD *md, const uint8_t *secret, size_t secret_len,
		      const char *label, uint8_t *out, size_t len)
{
	uint8_t info[64], block[EVP_MAX_MD_SIZE];
	size_t n = strlen(label), p = 0;

	ASSERT_LE(len, (size_t)EVP_MD_size(md));
	put16(info, len);
	p = 2;
	info[p++] = 6 + n;
	memcpy(info + p, "tls13 ", 6);
	p += 6;
	memcpy(info + p, label, n);
	p += n;
	info[p++] = 0;		/* context */
	info[p++] = 1;		/* block counter */
	ASSERT_TRUE(HMAC(md, secret, secret_len, info, p, block, NULL));
	memcpy(out, block, len);
}

static void derive13(struct tls_dir *dir)
{
	const struct tls_suite *s = dir->suite;

	tls_expand_label(s->md(), dir->secret, s->hash, "key", dir->key, s->key);
	tls_expand_label(s->md(), dir->secret, s->hash, "iv", dir->iv, 12);
	dir->keyed = false;
}

void tls_dir_init(struct tls_dir *dir, const struct tls_suite *suite,
		  const uint8_t *secret, const uint8_t *iv, uint64_t seq)
{
	memset(dir, 0, sizeof(*dir));
	dir->suite = suite;
	dir->seq = seq;
	dir->nonce = 0x0123456789abcdefULL;
	dir->ctx = EVP_CIPHER_CTX_new();
	ASSERT_TRUE(dir->ctx);
	if (suite->version == KTLS_TLS_1_3) {
		memcpy(dir->secret, secret, suite->hash);
		derive13(dir);
	} else {
		memcpy(dir->key, secret, suite->key);
		memcpy(dir->iv, iv, suite->salt);
	}
}

void tls_dir_update(struct tls_dir *dir)
{
	uint8_t next[TLS_SECRET_MAX];

	tls_expand_label(dir->suite->md(), dir->secret, dir->suite->hash, "traffic upd",
			 next, dir->suite->hash);
	memcpy(dir->secret, next, sizeof(next));
	derive13(dir);
	dir->seq = 0;
}

void tls_dir_free(struct tls_dir *dir)
{
	EVP_CIPHER_CTX_free(dir->ctx);
	dir->ctx = NULL;
}

static void make_nonce(const struct tls_dir *dir, const uint8_t *explicit, uint8_t *nonce)
{
	uint8_t seq[8];

	memcpy(nonce, dir->iv, 12);
	if (dir->suite->explicit) {
		memcpy(nonce + 4, explicit, 8);
		return;
	}
	put64(seq, dir->seq);
	for (int i = 0; i < 8; i++)
		nonce[4 + i] ^= seq[i];
}

/* RFC 8446 5.2: the header as sent; RFC 5246 6.2.3.3: sequence, header, plain length */
static size_t make_aad(const struct tls_dir *dir, uint8_t type, uint16_t version,
		       size_t plain, size_t cipher, uint8_t *aad)
{
	if (dir->suite->version == KTLS_TLS_1_3) {
		aad[0] = type;
		put16(aad + 1, version);
		put16(aad + 3, cipher);
		return 5;
	}
	put64(aad, dir->seq);
	aad[8] = type;
	put16(aad + 9, version);
	put16(aad + 11, plain);
	return 13;
}

static size_t make_inner(const struct tls_dir *dir, const struct tls_record *r, uint8_t *out)
{
	size_t n = r->len;

	if (n)
		memcpy(out, r->data, n);
	if (dir->suite->version != KTLS_TLS_1_3)
		return n;
	if (!r->no_type)
		out[n++] = r->type;
	memset(out + n, 0, r->pad);
	return n + r->pad;
}

/* A direction seals or opens, never both: the key is set once, the nonce each time. */
static void begin(struct tls_dir *dir, const uint8_t *nonce, int seal)
{
	bool first = !dir->keyed;

	ASSERT_TRUE(EVP_CipherInit_ex(dir->ctx, first ? cipher_of(dir->suite) : NULL, NULL,
				      first ? dir->key : NULL, nonce, seal));
	dir->keyed = true;
}

size_t tls_seal(struct tls_dir *dir, const struct tls_record *r, uint8_t *out)
{
	bool v13 = dir->suite->version == KTLS_TLS_1_3;
	uint8_t type = v13 ? (r->outer ? r->outer : CT_DATA) : r->type;
	uint16_t version = r->version ? r->version : KTLS_TLS_1_2;
	uint8_t nonce[12], aad[13], *p = out + 5 + dir->suite->explicit;
	size_t plain = make_inner(dir, r, p), body, aad_len;
	int n;

	body = dir->suite->explicit + plain + 16;
	if (dir->suite->explicit)
		put64(out + 5, dir->nonce);
	make_nonce(dir, out + 5, nonce);
	aad_len = make_aad(dir, type, version, plain, body, aad);

	begin(dir, nonce, 1);
	ASSERT_TRUE(EVP_EncryptUpdate(dir->ctx, NULL, &n, aad, aad_len));
	ASSERT_TRUE(EVP_EncryptUpdate(dir->ctx, p, &n, p, plain));
	ASSERT_TRUE(EVP_EncryptFinal_ex(dir->ctx, p + plain, &n));
	ASSERT_TRUE(EVP_CIPHER_CTX_ctrl(dir->ctx, EVP_CTRL_AEAD_GET_TAG, 16, p + plain));

	out[0] = type;
	put16(out + 1, version);
	put16(out + 3, body + r->length_lie);
	if (r->flip)
		out[5 + body - r->flip] ^= 0x40;
	dir->seq++;
	dir->nonce++;
	return 5 + body;
}

ssize_t tls_open(struct tls_dir *dir, const uint8_t *rec, size_t len,
		 uint8_t *out, uint8_t *type, size_t *ret_pad)
{
	size_t explicit = dir->suite->explicit, plain, aad_len;
	const uint8_t *p = rec + 5 + explicit;
	uint8_t nonce[12], aad[13];
	int n = 0;

	if (len < 5 + explicit + 16)
		return -1;
	plain = len - 5 - explicit - 16;
	make_nonce(dir, rec + 5, nonce);
	aad_len = make_aad(dir, rec[0], rec[1] << 8 | rec[2], plain, len - 5, aad);
	begin(dir, nonce, 0);
	ASSERT_TRUE(EVP_DecryptUpdate(dir->ctx, NULL, &n, aad, aad_len));
	ASSERT_TRUE(EVP_DecryptUpdate(dir->ctx, out, &n, p, plain));
	ASSERT_TRUE(EVP_CIPHER_CTX_ctrl(dir->ctx, EVP_CTRL_AEAD_SET_TAG, 16,
					(void *)(p + plain)));
	if (EVP_DecryptFinal_ex(dir->ctx, out + n, &n) != 1)
		return -1;
	dir->seq++;
	*ret_pad = 0;
	*type = rec[0];
	if (dir->suite->version != KTLS_TLS_1_3)
		return plain;
	while (plain && !out[plain - 1]) {
		plain--;
		++*ret_pad;
	}
	if (!plain)
		return -1;
	*type = out[plain - 1];
	return plain - 1;
}
