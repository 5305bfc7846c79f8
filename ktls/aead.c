// SPDX-License-Identifier: GPL-2.0
/*
 * The ciphers: which there are, the keys of a direction, and one record sealed
 * or opened.
 *
 * Everything here runs in process context and to its end before it returns. The
 * simd wrappers of older kernels are flagged asynchronous, though they complete
 * at once in process context: an AEAD that is allocated with mask 0 may be one of
 * them, and crypto_wait_req() covers the case that it is not as quick.
 */
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/tls.h>
#include <linux/unaligned.h>
#include <crypto/hash.h>

#include <ktls/ktls.h>

enum aead_index {
	AEAD_AES_128_GCM,
	AEAD_AES_256_GCM,
	AEAD_CHACHA20_POLY1305,
	AEAD_AES_128_CCM,
	AEAD_SM4_GCM,
	AEAD_SM4_CCM,
	AEAD_ARIA_128_GCM,
	AEAD_ARIA_256_GCM,
	__AEAD_MAX
};

/* Under one AES-GCM key 2^24.5 records of full size (RFC 8446 5.5); with
 * ChaCha20-Poly1305 the sequence number ends first.
 */
#define AEAD_GCM_RECORDS_MAX	23726566ULL

/* A direction that may seal no more data can still say why. */
#define AEAD_ALERTS_RESERVED	16

/* Where nothing else ends it, the sequence number does: it must not wrap. */
#define AEAD_SEQ_RECORDS_MAX	(U64_MAX - AEAD_ALERTS_RESERVED)

/* The parts of struct tls12_crypto_info_*, which has no padding. */
#define AEAD_INFO(_name, _struct)						\
	.info_type = TLS_CIPHER_##_name,					\
	.info_size = sizeof(struct tls12_crypto_info_##_struct),		\
	.info_iv_size = TLS_CIPHER_##_name##_IV_SIZE,				\
	.info_salt_size = TLS_CIPHER_##_name##_SALT_SIZE

/* RFC 5288, RFC 6655, RFC 6209, RFC 8998: 1.2 has the nonce in two parts. */
#define AEAD_TWO_PART_NONCE							\
	.salt_size = KTLS_NONCE_SIZE - KTLS_EXPLICIT_SIZE,			\
	.explicit_size = KTLS_EXPLICIT_SIZE

/* Those that are only for keys from elsewhere have no limit of ours. */
static const struct ktls_cipher aead_ciphers[__AEAD_MAX] = {
	[AEAD_AES_128_GCM] = {
		.name		= "AES-128-GCM",
		.alg		= "gcm(aes)",
		.key_size	= 16,
		.salt_size	= KTLS_NONCE_SIZE - KTLS_EXPLICIT_SIZE,
		.explicit_size	= KTLS_EXPLICIT_SIZE,
		.records_max	= AEAD_GCM_RECORDS_MAX,
		AEAD_INFO(AES_GCM_128, aes_gcm_128),
	},
	[AEAD_AES_256_GCM] = {
		.name		= "AES-256-GCM",
		.alg		= "gcm(aes)",
		.key_size	= 32,
		.salt_size	= KTLS_NONCE_SIZE - KTLS_EXPLICIT_SIZE,
		.explicit_size	= KTLS_EXPLICIT_SIZE,
		.records_max	= AEAD_GCM_RECORDS_MAX,
		AEAD_INFO(AES_GCM_256, aes_gcm_256),
	},
	[AEAD_CHACHA20_POLY1305] = {
		.name		= "ChaCha20-Poly1305",
		.alg		= "rfc7539(chacha20,poly1305)",
		.key_size	= 32,
		.salt_size	= KTLS_NONCE_SIZE,
		.explicit_size	= 0,
		.records_max	= AEAD_SEQ_RECORDS_MAX,
		AEAD_INFO(CHACHA20_POLY1305, chacha20_poly1305),
	},
	[AEAD_AES_128_CCM] = {
		.name		= "AES-128-CCM",
		.alg		= "ccm(aes)",
		.key_size	= 16,
		.ccm		= true,
		AEAD_TWO_PART_NONCE,
		AEAD_INFO(AES_CCM_128, aes_ccm_128),
	},
	[AEAD_SM4_GCM] = {
		.name		= "SM4-GCM",
		.alg		= "gcm(sm4)",
		.key_size	= 16,
		AEAD_TWO_PART_NONCE,
		AEAD_INFO(SM4_GCM, sm4_gcm),
	},
	[AEAD_SM4_CCM] = {
		.name		= "SM4-CCM",
		.alg		= "ccm(sm4)",
		.key_size	= 16,
		.ccm		= true,
		AEAD_TWO_PART_NONCE,
		AEAD_INFO(SM4_CCM, sm4_ccm),
	},
	[AEAD_ARIA_128_GCM] = {
		.name		= "ARIA-128-GCM",
		.alg		= "gcm(aria)",
		.key_size	= 16,
		AEAD_TWO_PART_NONCE,
		AEAD_INFO(ARIA_GCM_128, aria_gcm_128),
	},
	[AEAD_ARIA_256_GCM] = {
		.name		= "ARIA-256-GCM",
		.alg		= "gcm(aria)",
		.key_size	= 32,
		AEAD_TWO_PART_NONCE,
		AEAD_INFO(ARIA_GCM_256, aria_gcm_256),
	},
};

#define AEAD_SUITE(_id, _version, _name, _cipher, _hash, _size) {	\
	.id = _id, .version = _version, .name = _name,			\
	.cipher = &aead_ciphers[_cipher],				\
	.hash = _hash, .hash_size = _size,				\
}

/* In the order in which this module would choose. */
static const struct ktls_suite aead_suites[] = {
	AEAD_SUITE(0x1301, KTLS_VERSION_1_3, "TLS_AES_128_GCM_SHA256",
		   AEAD_AES_128_GCM, "sha256", 32),
	AEAD_SUITE(0x1302, KTLS_VERSION_1_3, "TLS_AES_256_GCM_SHA384",
		   AEAD_AES_256_GCM, "sha384", 48),
	AEAD_SUITE(0x1303, KTLS_VERSION_1_3, "TLS_CHACHA20_POLY1305_SHA256",
		   AEAD_CHACHA20_POLY1305, "sha256", 32),
	AEAD_SUITE(0xc02b, KTLS_VERSION_1_2, "ECDHE-ECDSA-AES128-GCM-SHA256",
		   AEAD_AES_128_GCM, "sha256", 32),
	AEAD_SUITE(0xc02f, KTLS_VERSION_1_2, "ECDHE-RSA-AES128-GCM-SHA256",
		   AEAD_AES_128_GCM, "sha256", 32),
	AEAD_SUITE(0xc02c, KTLS_VERSION_1_2, "ECDHE-ECDSA-AES256-GCM-SHA384",
		   AEAD_AES_256_GCM, "sha384", 48),
	AEAD_SUITE(0xc030, KTLS_VERSION_1_2, "ECDHE-RSA-AES256-GCM-SHA384",
		   AEAD_AES_256_GCM, "sha384", 48),
	AEAD_SUITE(0xcca9, KTLS_VERSION_1_2, "ECDHE-ECDSA-CHACHA20-POLY1305",
		   AEAD_CHACHA20_POLY1305, "sha256", 32),
	AEAD_SUITE(0xcca8, KTLS_VERSION_1_2, "ECDHE-RSA-CHACHA20-POLY1305",
		   AEAD_CHACHA20_POLY1305, "sha256", 32),
};

/*
 * What keys from elsewhere can be for: a version and a cipher. In 1.2 nothing
 * tells by which suite they were agreed on.
 */
static const struct ktls_suite aead_info_suites[] = {
	AEAD_SUITE(0x1301, KTLS_VERSION_1_3, "TLS_AES_128_GCM_SHA256",
		   AEAD_AES_128_GCM, NULL, 0),
	AEAD_SUITE(0x1302, KTLS_VERSION_1_3, "TLS_AES_256_GCM_SHA384",
		   AEAD_AES_256_GCM, NULL, 0),
	AEAD_SUITE(0x1303, KTLS_VERSION_1_3, "TLS_CHACHA20_POLY1305_SHA256",
		   AEAD_CHACHA20_POLY1305, NULL, 0),
	AEAD_SUITE(0x1304, KTLS_VERSION_1_3, "TLS_AES_128_CCM_SHA256",
		   AEAD_AES_128_CCM, NULL, 0),
	AEAD_SUITE(0x00c6, KTLS_VERSION_1_3, "TLS_SM4_GCM_SM3", AEAD_SM4_GCM, NULL, 0),
	AEAD_SUITE(0x00c7, KTLS_VERSION_1_3, "TLS_SM4_CCM_SM3", AEAD_SM4_CCM, NULL, 0),
	AEAD_SUITE(0, KTLS_VERSION_1_2, NULL, AEAD_AES_128_GCM, NULL, 0),
	AEAD_SUITE(0, KTLS_VERSION_1_2, NULL, AEAD_AES_256_GCM, NULL, 0),
	AEAD_SUITE(0, KTLS_VERSION_1_2, NULL, AEAD_CHACHA20_POLY1305, NULL, 0),
	AEAD_SUITE(0, KTLS_VERSION_1_2, NULL, AEAD_AES_128_CCM, NULL, 0),
	AEAD_SUITE(0, KTLS_VERSION_1_2, NULL, AEAD_SM4_GCM, NULL, 0),
	AEAD_SUITE(0, KTLS_VERSION_1_2, NULL, AEAD_SM4_CCM, NULL, 0),
	AEAD_SUITE(0, KTLS_VERSION_1_2, NULL, AEAD_ARIA_128_GCM, NULL, 0),
	AEAD_SUITE(0, KTLS_VERSION_1_2, NULL, AEAD_ARIA_256_GCM, NULL, 0),
};

/* Written by ktls_aead_init() only. */
static bool aead_usable[ARRAY_SIZE(aead_suites)];

/* 1: it exists, 0: it does not; -ENOMEM: nobody knows. So the next two. */
static int aead_exists(const char *alg)
{
	struct crypto_aead *tfm = crypto_alloc_aead(alg, 0, 0);

	if (IS_ERR(tfm))
		return PTR_ERR(tfm) == -ENOMEM ? -ENOMEM : 0;
	crypto_free_aead(tfm);
	return 1;
}

static int aead_hash_exists(const char *hash)
{
	char name[CRYPTO_MAX_ALG_NAME];
	struct crypto_shash *tfm;

	snprintf(name, sizeof(name), "hmac(%s)", hash);
	tfm = crypto_alloc_shash(name, 0, 0);
	if (IS_ERR(tfm))
		return PTR_ERR(tfm) == -ENOMEM ? -ENOMEM : 0;
	crypto_free_shash(tfm);
	return 1;
}

static int aead_suite_exists(const struct ktls_suite *suite)
{
	int ret = aead_exists(suite->cipher->alg);

	if (ret <= 0 || suite->version == KTLS_VERSION_1_2)
		return ret;
	return aead_hash_exists(suite->hash);
}

/**
 * ktls_aead_init - find out which suites this kernel can do
 *
 * Loads the modules of those it can. TLS 1.2 needs no hash of the kernel: its
 * keys come from the helper as they are.
 *
 * Context: module load, before anything else of this file is called; sleeps.
 * Return: 0, -ENOENT if the kernel has none of the ciphers, or -ENOMEM.
 */
int ktls_aead_init(void)
{
	bool any = false;
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(aead_suites); i++) {
		ret = aead_suite_exists(&aead_suites[i]);
		if (ret < 0)
			return ret;
		aead_usable[i] = ret;
		any |= ret;
	}
	return any ? 0 : -ENOENT;
}

/**
 * ktls_aead_exit - the counterpart of ktls_aead_init()
 *
 * Context: module unload, when no direction has a key any longer.
 */
void ktls_aead_exit(void)
{
}

/**
 * ktls_suite_by_id - look a suite up by its IANA number
 * @id: the number
 *
 * Context: any; lockless, the table is constant.
 * Return: the suite, or NULL if it is unknown or this kernel cannot do it.
 */
const struct ktls_suite *ktls_suite_by_id(u16 id)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(aead_suites); i++)
		if (aead_suites[i].id == id)
			return aead_usable[i] ? &aead_suites[i] : NULL;
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_suite_by_id);

/**
 * ktls_suite_by_name - look a suite up by OpenSSL's name for it
 * @name: the name, not NUL-terminated
 * @len: bytes in @name
 *
 * Context: any; lockless.
 * Return: the suite, or NULL if it is unknown or this kernel cannot do it.
 */
const struct ktls_suite *ktls_suite_by_name(const char *name, size_t len)
{
	const struct ktls_suite *suite;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(aead_suites); i++) {
		suite = &aead_suites[i];
		if (strlen(suite->name) == len && !memcmp(suite->name, name, len))
			return aead_usable[i] ? suite : NULL;
	}
	return NULL;
}

/**
 * ktls_suite_by_info - what a struct tls_crypto_info means
 * @version: TLS_1_2_VERSION or TLS_1_3_VERSION
 * @cipher_type: TLS_CIPHER_*
 *
 * Context: any; lockless, the table is constant.
 * Return: for raw keys only (struct ktls_keys), its id is 0 where it is not known;
 * NULL if there is none. Whether this kernel has the cipher is not asked.
 */
const struct ktls_suite *ktls_suite_by_info(u16 version, u16 cipher_type)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(aead_info_suites); i++)
		if (aead_info_suites[i].version == version &&
		    aead_info_suites[i].cipher->info_type == cipher_type)
			return &aead_info_suites[i];
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_suite_by_info);

/**
 * ktls_suite_list - the suites this kernel can do, in order of preference
 * @ids: out: IANA numbers
 * @max: room in @ids
 *
 * Context: any; lockless.
 * Return: how many were written.
 */
unsigned int ktls_suite_list(u16 *ids, unsigned int max)
{
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(aead_suites) && n < max; i++)
		if (aead_usable[i])
			ids[n++] = aead_suites[i].id;
	return n;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_suite_list);

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
	if (suite->version == KTLS_VERSION_1_3 && !keys->raw)
		return keys->secret_len == suite->hash_size && !keys->iv_len ? 0 : -EINVAL;
	iv_len = suite->version == KTLS_VERSION_1_3 ? KTLS_NONCE_SIZE :
						      suite->cipher->salt_size;
	if (keys->secret_len != suite->cipher->key_size || keys->iv_len != iv_len || !keys->iv)
		return -EINVAL;
	return 0;
}

static struct crypto_aead *dir_alloc_aead(const struct ktls_cipher *cipher, const u8 *key)
{
	struct crypto_aead *tfm;
	int err;

	tfm = crypto_alloc_aead(cipher->alg, 0, 0);
	if (IS_ERR(tfm))
		return tfm;

	err = crypto_aead_setkey(tfm, key, cipher->key_size);
	if (!err)
		err = crypto_aead_setauthsize(tfm, KTLS_TAG_SIZE);
	if (!err && crypto_aead_ivsize(tfm) != (cipher->ccm ? KTLS_IV_MAX : KTLS_NONCE_SIZE))
		err = -EINVAL;
	if (err) {
		crypto_free_aead(tfm);
		return ERR_PTR(err);
	}
	return tfm;
}

/* Who has keys from elsewhere answers for the AEAD's limit, too. */
static u64 dir_records_max(const struct ktls_keys *keys)
{
	const u64 max = keys->suite->cipher->records_max;
	const unsigned int fewer = READ_ONCE(ktls_key_records);

	if (keys->raw)
		return AEAD_SEQ_RECORDS_MAX;
	return fewer ? min_t(u64, fewer, max) : max;
}

static void dir_set_layout(struct ktls_dir *dir)
{
	if (dir_is_13(dir)) {
		dir->head = KTLS_HEADER_SIZE;
		dir->aad = KTLS_HEADER_SIZE;
		dir->tail = 1 + KTLS_TAG_SIZE;
	} else {
		dir->head = KTLS_HEADER_SIZE + dir->suite->cipher->explicit_size;
		dir->aad = KTLS_AAD12_SIZE;
		dir->tail = KTLS_TAG_SIZE;
	}
}

/**
 * ktls_dir_install - give a direction its keys
 * @dir: the direction; what it had is replaced only if all goes well
 * @keys: suite and secrets; stay the caller's, who wipes them
 *
 * For TLS 1.3 the key and the IV are derived from the traffic secret (RFC 8446
 * 7.3), which is kept for the next generation; for TLS 1.2, and from elsewhere,
 * they are given.
 * Counters and a sticky error of the direction stay as they are.
 *
 * Context: process context, sleeps; socket lock held by the caller, who owns @dir.
 * Return: 0, -EINVAL for a length that does not fit the suite, -ENOMEM, or what
 * the crypto API says.
 */
int ktls_dir_install(struct ktls_dir *dir, const struct ktls_keys *keys)
{
	u8 key[KTLS_KEY_MAX], iv[KTLS_NONCE_SIZE] = {};
	const struct ktls_suite *suite = keys->suite;
	struct aead_request *req;
	struct crypto_aead *tfm;
	int err;

	err = dir_check_keys(keys);
	if (err)
		return err;

	if (suite->version == KTLS_VERSION_1_3 && !keys->raw) {
		err = ktls_keysched_traffic(suite, keys->secret, key, iv);
		if (err)
			goto wipe_keys;
	} else {
		memcpy(key, keys->secret, keys->secret_len);
		memcpy(iv, keys->iv, keys->iv_len);
	}

	tfm = dir_alloc_aead(suite->cipher, key);
	if (IS_ERR(tfm)) {
		err = PTR_ERR(tfm);
		goto wipe_keys;
	}
	req = aead_request_alloc(tfm, GFP_KERNEL);
	if (!req) {
		err = -ENOMEM;
		crypto_free_aead(tfm);
		goto wipe_keys;
	}

	ktls_dir_clear(dir);
	crypto_init_wait(&dir->wait);
	aead_request_set_callback(req, CRYPTO_TFM_REQ_MAY_BACKLOG | CRYPTO_TFM_REQ_MAY_SLEEP,
				  crypto_req_done, &dir->wait);
	dir->suite = suite;
	dir->tfm = tfm;
	dir->req = req;
	dir->seq = keys->seq;
	dir->nonce = keys->nonce;
	memcpy(dir->iv, iv, sizeof(dir->iv));
	dir->records_max = dir_records_max(keys);
	if (suite->version == KTLS_VERSION_1_3 || keys->raw)
		memcpy(dir->secret, keys->secret, keys->secret_len);
	dir_set_layout(dir);
	aead_request_set_ad(req, dir->aad);
wipe_keys:
	memzero_explicit(key, sizeof(key));
	memzero_explicit(iv, sizeof(iv));
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_dir_install);

/**
 * ktls_dir_next - derive what follows the keys of a direction
 * @dir: a direction of TLS 1.3 with the keys of a handshake of ours
 * @next: out; wiped on failure
 *
 * Context: process context, sleeps; socket lock held.
 * Return: 0 or what the crypto API says; nothing has changed.
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
 * ktls_dir_advance - the next record is sealed, or opened, under new keys
 * @dir: the direction
 * @next: from ktls_dir_next(); stays the caller's
 *
 * The sequence number begins at 0 again (RFC 8446 5.3).
 *
 * Context: process context, sleeps; socket lock held.
 * Return: 0 or what the cipher says; then the direction is of no use any more.
 */
int ktls_dir_advance(struct ktls_dir *dir, const struct ktls_generation *next)
{
	int err = crypto_aead_setkey(dir->tfm, next->key, dir->suite->cipher->key_size);

	if (err)
		return err;
	memcpy(dir->secret, next->secret, dir->suite->hash_size);
	memcpy(dir->iv, next->iv, sizeof(dir->iv));
	dir->seq = 0;
	dir->key_updates++;
	return 0;
}

/**
 * ktls_dir_clear - take a direction's keys away and wipe them
 * @dir: the direction; may have none. Counters, error and closed stay.
 *
 * Context: any in which kfree() is allowed; the caller owns @dir.
 */
void ktls_dir_clear(struct ktls_dir *dir)
{
	if (dir->req)
		aead_request_free(dir->req);
	if (dir->tfm)
		crypto_free_aead(dir->tfm);
	dir->req = NULL;
	dir->tfm = NULL;
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

/**
 * ktls_aead_seal - make a record of its parts
 * @dir: sending direction, with keys
 * @src: associated data, payload, in 1.3 the type byte; may be @dst
 * @dst: associated data, payload, in 1.3 the type byte, the tag
 * @aad: where the associated data of @src is; written here, dir->aad bytes
 * @head: where the record begins on the wire; dir->head bytes are written after
 *	sealing, because in 1.2 they lie on the associated data
 * @type: content type
 * @len: bytes of payload
 *
 * The sequence number is taken here and never given back. A direction in which
 * sealing failed is dead: its next nonce is not known to be unused.
 *
 * Context: process context; socket lock held. May sleep.
 * Return: 0; -EKEYEXPIRED at the limit of the key (RFC 8446 5.5), for data a little
 * earlier than for what is said about it, a KeyUpdate or an alert, and with keys
 * from elsewhere -EBADMSG, as on mainline; what @dir->error says; or what the
 * cipher said. In each case dir->error is set.
 */
int ktls_aead_seal(struct ktls_dir *dir, struct scatterlist *src, struct scatterlist *dst,
		   u8 *aad, u8 *head, u8 type, u32 len)
{
	const u8 explicit_size = dir->head - KTLS_HEADER_SIZE;
	const u32 wire_len = explicit_size + len + dir->tail;
	u8 explicit[KTLS_EXPLICIT_SIZE];
	u64 limit;
	int err;

	limit = dir->records_max;
	if (type != KTLS_CT_DATA)
		limit += AEAD_ALERTS_RESERVED;
	if (unlikely(dir->seq >= limit)) {
		/* With keys from elsewhere it is the sequence number that ends. */
		dir->error = dir->suite->hash ? EKEYEXPIRED : EBADMSG;
		return -dir->error;
	}

	if (explicit_size)
		put_unaligned_be64(dir->nonce, explicit);
	aead_set_nonce(dir, explicit_size ? explicit : NULL);
	aead_put_aad(dir, aad, type, len, wire_len);
	aead_request_set_crypt(dir->req, src, dst, len + dir->tail - KTLS_TAG_SIZE, dir->npub);

	err = crypto_wait_req(crypto_aead_encrypt(dir->req), &dir->wait);
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
 * @aad: where the associated data of @src is; written here, dir->aad bytes
 * @head: the record's header, validated
 *
 * On failure the caller wipes what is in @dst: it is not authentic.
 *
 * Context: process context; socket lock held. May sleep.
 * Return: 0; -EBADMSG if the record is not the peer's next one; another errno for
 * a lack of memory, after which the same record may be tried again.
 */
int ktls_aead_open(struct ktls_dir *dir, struct scatterlist *src, struct scatterlist *dst,
		   u8 *aad, const struct ktls_head *head)
{
	const u8 explicit_size = dir->head - KTLS_HEADER_SIZE;
	int err;

	/* RFC 8446 5.3: it must not wrap; the peer has no next record. */
	if (unlikely(dir->seq == U64_MAX))
		return -EBADMSG;
	aead_set_nonce(dir, explicit_size ? head->explicit : NULL);
	aead_put_aad(dir, aad, head->type, head->crypt_len - KTLS_TAG_SIZE, head->crypt_len);
	aead_request_set_crypt(dir->req, src, dst, head->crypt_len, dir->npub);

	err = crypto_wait_req(crypto_aead_decrypt(dir->req), &dir->wait);
	if (unlikely(err))
		return err;
	dir->seq++;
	dir->nonce++;
	dir->records++;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_aead_open);
