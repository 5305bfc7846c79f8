// SPDX-License-Identifier: GPL-2.0
/* The keys of a direction: install, replace, wipe; its cipher: give back, and make again. */
#include <linux/fips.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <kunit/visibility.h>

#include "config.h"
#include "record/chacha.h"
#include "record/dir.h"
#include "record/keysched.h"
#include "suite.h"
#include "wire.h"

/* The limit where there is no other: the sequence number must not wrap. */
#define DIR_SEQ_RECORDS_MAX	(U64_MAX - KTLS_DIR_RESERVED)

static unsigned int dir_key_records;
module_param_named(key_records, dir_key_records, uint, 0644);
MODULE_PARM_DESC(key_records, "Records sealed under one key, if fewer than RFC 8446 5.5 allows (0: what it allows)");

/* Is its key derived from a traffic secret (RFC 8446 7.3)? Suites of external keys have no hash. */
static bool dir_derives(const struct ktls_suite *suite)
{
	return suite->version == KTLS_TLS_1_3 && suite->hash;
}

static int dir_check_keys(const struct ktls_keys *keys)
{
	const struct ktls_suite *suite = keys->suite;
	size_t iv_len;

	if (!suite || !keys->secret)
		return -EINVAL;
	if (suite->version == KTLS_TLS_1_3 && !keys->external)
		return keys->secret_len == suite->hash_size && !keys->iv_len ? 0 : -EINVAL;
	iv_len = suite->version == KTLS_TLS_1_3 ? KTLS_NONCE_SIZE :
						      suite->cipher->salt_size;
	if (keys->secret_len != suite->cipher->key_size || keys->iv_len != iv_len || !keys->iv)
		return -EINVAL;
	return 0;
}

/* All zeros; at most a page. @config: whose memory cgroup is charged; NULL: the caller's */
static void *dir_zalloc(const struct ktls_config *config, size_t size)
{
	return config ? ktls_config_zalloc(config, size) : kzalloc(size, GFP_KERNEL_ACCOUNT);
}

/* For a direction that has been charged before, and whose next record may be the last alert: a
 * memory cgroup at its limit is not in the way.
 */
static void *dir_zalloc_again(size_t size)
{
	return kzalloc(size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN) ? : kzalloc(size, GFP_KERNEL);
}

/* An AEAD of the crypto API with its key, and the one request that all records use. @again: for
 * a direction that had one before.
 * NULL: the cipher is not of the crypto API.
 *
 * In FIPS mode refuse ciphers implemented outside the crypto API. The API itself refuses
 * the others that are not approved.
 */
static struct aead_request *dir_alloc_request(const struct ktls_cipher *cipher, const u8 *key,
					      const struct ktls_config *config, bool again)
{
	struct aead_request *req;
	struct crypto_aead *tfm;
	unsigned int size;
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
	/* Not aead_request_alloc(), which charges nobody. */
	size = sizeof(*req) + crypto_aead_reqsize(tfm);
	req = again ? dir_zalloc_again(size) : dir_zalloc(config, size);
	if (!req)
		goto free_tfm;
	aead_request_set_tfm(req, tfm);
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
	kfree_sensitive(req);
	crypto_free_aead(tfm);
}

/* With external keys, the program must observe the AEAD's limit. */
static u64 dir_records_max(const struct ktls_keys *keys)
{
	const u64 max = keys->suite->cipher->records_max;
	const unsigned int fewer = READ_ONCE(dir_key_records);

	if (keys->external)
		return DIR_SEQ_RECORDS_MAX;
	return min3(max, fewer ?: U64_MAX, (u64)DIR_SEQ_RECORDS_MAX);
}

static void dir_set_layout(struct ktls_dir *dir)
{
	if (ktls_dir_is_13(dir)) {
		dir->prefix_size = KTLS_HEADER_SIZE;
		dir->aad_size = KTLS_HEADER_SIZE;
		dir->tail_size = 1 + KTLS_TAG_SIZE;
	} else {
		dir->prefix_size = KTLS_HEADER_SIZE + dir->suite->cipher->explicit_size;
		dir->aad_size = KTLS_AAD12_SIZE;
		dir->tail_size = KTLS_TAG_SIZE;
	}
}

/**
 * ktls_dir_install - give a direction its keys
 * @dir: the direction; its old keys are replaced on success only
 * @keys: suite and secrets; the caller keeps and wipes them
 *
 * For TLS 1.3 the key and the IV are derived from the traffic secret (RFC 8446
 * 7.3), which is kept for the next generation. In TLS 1.2, and with external keys,
 * @keys has the key and the IV themselves. Either is kept for ktls_dir_wake().
 * Counters and a sticky error of the direction do not change.
 *
 * Context: process context, sleeps; socket lock held.
 * Return: 0, -EINVAL for a length that does not fit the suite, -ENOMEM, or what
 * the error of the crypto API.
 */
int ktls_dir_install(struct ktls_dir *dir, const struct ktls_keys *keys)
{
	const struct ktls_suite *suite = keys->suite;
	struct ktls_dir_keys *secrets;
	struct aead_request *req;
	u8 key[KTLS_KEY_MAX];
	int err;

	err = dir_check_keys(keys);
	if (err)
		return err;
	secrets = dir_zalloc(keys->config, sizeof(*secrets));
	if (!secrets)
		return -ENOMEM;

	if (suite->version == KTLS_TLS_1_3 && !keys->external) {
		err = ktls_keysched_traffic(suite, keys->secret, key, secrets->iv);
		if (err)
			goto wipe_keys;
	} else {
		memcpy(key, keys->secret, keys->secret_len);
		memcpy(secrets->iv, keys->iv, keys->iv_len);
	}
	memcpy(secrets->secret, keys->secret, keys->secret_len);

	req = dir_alloc_request(suite->cipher, key, keys->config, false);
	if (IS_ERR(req)) {
		err = PTR_ERR(req);
		goto wipe_keys;
	}

	ktls_dir_clear(dir);
	WRITE_ONCE(dir->suite, suite);
	dir->seq = keys->seq;
	dir->nonce = keys->nonce;
	/* At the first look it is new, not idle. */
	WRITE_ONCE(dir->seen, (u32)dir->records - 1);
	dir->records_max = dir_records_max(keys);
	swap(dir->keys, secrets);
	dir_set_layout(dir);
	WRITE_ONCE(dir->req, req);
	if (!req)
		ktls_chacha_set_key(dir, key);
	WRITE_ONCE(dir->keyed, true);
wipe_keys:
	memzero_explicit(key, sizeof(key));
	kfree_sensitive(secrets);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_dir_install);

/**
 * ktls_dir_rest - give the cipher of a direction back
 * @dir: a direction, with or without keys; between two records
 *
 * An object of the crypto API takes more than a kilobyte. What it was made from stays.
 *
 * Context: process context; socket lock held.
 */
void ktls_dir_rest(struct ktls_dir *dir)
{
	dir_free_request(dir->req);
	WRITE_ONCE(dir->req, NULL);
}
EXPORT_SYMBOL_IF_KUNIT(ktls_dir_rest);

/**
 * ktls_dir_wake - make the cipher of a direction again
 * @dir: a direction that rests (ktls_dir_rests())
 *
 * Context: process context, sleeps; socket lock held.
 * Return: 0; -ENOMEM, whatever the crypto API lacks: it rests on, and the caller may try again.
 */
int ktls_dir_wake(struct ktls_dir *dir)
{
	const struct ktls_suite *suite = dir->suite;
	struct aead_request *req;
	u8 iv[KTLS_NONCE_SIZE];
	u8 key[KTLS_KEY_MAX];
	int err = -ENOMEM;

	if (!dir_derives(suite))
		memcpy(key, dir->keys->secret, suite->cipher->key_size);
	else if (ktls_keysched_traffic(suite, dir->keys->secret, key, iv))
		goto wipe;
	req = dir_alloc_request(suite->cipher, key, NULL, true);
	if (IS_ERR(req))
		goto wipe;
	WRITE_ONCE(dir->req, req);
	err = 0;
wipe:
	memzero_explicit(iv, sizeof(iv));
	memzero_explicit(key, sizeof(key));
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_dir_wake);

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

	err = ktls_keysched_update(dir->suite, dir->keys->secret, next->secret);
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
	else if (!ktls_dir_rests(dir))
		ktls_chacha_set_key(dir, next->key);
	if (err)
		return err;
	memcpy(dir->keys->secret, next->secret, dir->suite->hash_size);
	memcpy(dir->keys->iv, next->iv, sizeof(next->iv));
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
	ktls_dir_rest(dir);
	kfree_sensitive(dir->keys);
	dir->keys = NULL;
	dir->seq = 0;
	dir->nonce = 0;
}
EXPORT_SYMBOL_IF_KUNIT(ktls_dir_clear);
