// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#include "tls/ticket_keys.h"

void ktlsd_ticket_keys_init(struct ktlsd_ticket_keys *keys, unsigned int lifetime)
{
	memset(keys, 0, sizeof(*keys));
	pthread_mutex_init(&keys->lock, NULL);
	keys->lifetime = lifetime;
}

void ktlsd_ticket_keys_free(struct ktlsd_ticket_keys *keys)
{
	pthread_mutex_destroy(&keys->lock);
	ktlsd_ticket_used_free(&keys->used);
	OPENSSL_cleanse(keys, sizeof(*keys));
}

void ktlsd_ticket_keys_set_lifetime(struct ktlsd_ticket_keys *keys, unsigned int lifetime)
{
	pthread_mutex_lock(&keys->lock);
	keys->lifetime = lifetime;
	pthread_mutex_unlock(&keys->lock);
}

void ktlsd_ticket_keys_flush(struct ktlsd_ticket_keys *keys)
{
	pthread_mutex_lock(&keys->lock);
	OPENSSL_cleanse(keys->master, sizeof(keys->master));
	keys->count = 0;
	/* Their tickets cannot be opened any more. */
	ktlsd_ticket_used_free(&keys->used);
	keys->flushed++;
	pthread_mutex_unlock(&keys->lock);
}

uint64_t ktlsd_ticket_keys_flushed(struct ktlsd_ticket_keys *keys)
{
	uint64_t flushed;

	pthread_mutex_lock(&keys->lock);
	flushed = keys->flushed;
	pthread_mutex_unlock(&keys->lock);
	return flushed;
}

/* Makes a new master secret when the current one has been in use for a lifetime. The
 * previous one is wiped: the last tickets that it sealed have expired.
 */
static int ticket_keys_rotate(struct ktlsd_ticket_keys *keys, int64_t now)
{
	int64_t age = now - keys->since;

	if (keys->count && age < keys->lifetime)
		return 0;
	/* The tickets of these series are sealed with the secret that is wiped now. */
	ktlsd_ticket_used_expire(&keys->used, now - 2 * (int64_t)keys->lifetime);
	if (keys->count && age < 2 * (int64_t)keys->lifetime) {
		memcpy(keys->master[1], keys->master[0], KTLSD_TICKET_MASTER);
		keys->count = 2;
	} else {
		OPENSSL_cleanse(keys->master, sizeof(keys->master));
		keys->count = 1;
	}
	keys->since = now;
	if (RAND_priv_bytes(keys->master[0], KTLSD_TICKET_MASTER) == 1)
		return 0;
	keys->count = 0;
	return -EIO;
}

static int ticket_keys_derive(const uint8_t *master,
			      const struct ktlsd_fingerprint *fingerprint,
			      struct ktlsd_ticket_key *ret_key)
{
	static const char salt[] = "ktlsd ticket keys";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, "SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)master,
						  KTLSD_TICKET_MASTER),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt,
						  sizeof(salt) - 1),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO,
						  (void *)fingerprint->bytes,
						  sizeof(fingerprint->bytes)),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_HKDF, NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	int err = -EIO;

	if (ctx && EVP_KDF_derive(ctx, (uint8_t *)ret_key, sizeof(*ret_key), params) > 0)
		err = 0;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return err;
}

int ktlsd_ticket_keys_current(struct ktlsd_ticket_keys *keys, int64_t now,
			      const struct ktlsd_fingerprint *fingerprint,
			      struct ktlsd_ticket_key *ret_key)
{
	uint8_t master[KTLSD_TICKET_MASTER];
	int err;

	pthread_mutex_lock(&keys->lock);
	err = ticket_keys_rotate(keys, now);
	memcpy(master, keys->master[0], sizeof(master));
	pthread_mutex_unlock(&keys->lock);
	if (!err)
		err = ticket_keys_derive(master, fingerprint, ret_key);
	OPENSSL_cleanse(master, sizeof(master));
	return err;
}

int ktlsd_ticket_keys_find(struct ktlsd_ticket_keys *keys, int64_t now,
			   const uint8_t *name,
			   const struct ktlsd_fingerprint *fingerprint,
			   struct ktlsd_ticket_key *ret_key, bool *ret_renew)
{
	uint8_t masters[2][KTLSD_TICKET_MASTER];
	unsigned int i, count;
	int err;

	pthread_mutex_lock(&keys->lock);
	err = ticket_keys_rotate(keys, now);
	memcpy(masters, keys->master, sizeof(masters));
	count = keys->count;
	pthread_mutex_unlock(&keys->lock);

	for (i = 0; !err && i < count; i++) {
		err = ticket_keys_derive(masters[i], fingerprint, ret_key);
		if (!err && !memcmp(ret_key->name, name, sizeof(ret_key->name)))
			break;
	}
	if (!err && i == count)
		err = -ENOENT;
	if (err)
		OPENSSL_cleanse(ret_key, sizeof(*ret_key));
	*ret_renew = i > 0;
	OPENSSL_cleanse(masters, sizeof(masters));
	return err;
}

/* Logs if a series had to be dropped. @keys->lock is held. */
static void ticket_keys_warn(struct ktlsd_ticket_keys *keys, uint64_t before)
{
	if (keys->used.forgotten != before)
		ktlsd_log_limited(&keys->limit, KTLSD_LOG_WARNING,
				  "Too many tickets were issued to remember which of them were used: the tickets of one server are no longer accepted, and its clients do full handshakes. This has happened %llu times (tickets_forgotten of ktlsctl status).",
				  (unsigned long long)keys->used.forgotten);
}

void ktlsd_ticket_keys_number(struct ktlsd_ticket_keys *keys, int64_t now,
			      const struct ktlsd_fingerprint *fingerprint,
			      uint32_t uid, uint8_t *ret_id)
{
	uint64_t forgotten;

	pthread_mutex_lock(&keys->lock);
	forgotten = keys->used.forgotten;
	ktlsd_ticket_used_issue(&keys->used, fingerprint, uid, now, ret_id);
	ticket_keys_warn(keys, forgotten);
	pthread_mutex_unlock(&keys->lock);
}

bool ktlsd_ticket_keys_mark_used(struct ktlsd_ticket_keys *keys, int64_t now,
				 const struct ktlsd_fingerprint *fingerprint, const uint8_t *id)
{
	uint64_t forgotten;
	bool first;

	pthread_mutex_lock(&keys->lock);
	forgotten = keys->used.forgotten;
	first = ktlsd_ticket_used_mark(&keys->used, fingerprint, now, id);
	ticket_keys_warn(keys, forgotten);
	pthread_mutex_unlock(&keys->lock);
	return first;
}

uint64_t ktlsd_ticket_keys_forgotten(struct ktlsd_ticket_keys *keys)
{
	uint64_t forgotten;

	pthread_mutex_lock(&keys->lock);
	forgotten = keys->used.forgotten;
	pthread_mutex_unlock(&keys->lock);
	return forgotten;
}
