// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
	keys->rotate = lifetime;
}

void ktlsd_ticket_keys_free(struct ktlsd_ticket_keys *keys)
{
	pthread_mutex_destroy(&keys->lock);
	ktlsd_ticket_used_free(&keys->used);
	free(keys->directory);
	OPENSSL_cleanse(keys, sizeof(*keys));
}

/* Those that are made next are not shared: they go by another clock. @keys->lock is held. */
static void ticket_keys_drop(struct ktlsd_ticket_keys *keys)
{
	keys->is_shared = false;
	OPENSSL_cleanse(&keys->ring, sizeof(keys->ring));
	OPENSSL_cleanse(keys->derived, sizeof(keys->derived));
}

int ktlsd_ticket_keys_configure(struct ktlsd_ticket_keys *keys, unsigned int lifetime,
				const char *directory, unsigned int rotate)
{
	char *copy = directory ? strdup(directory) : NULL;

	if (directory && !copy)
		return -ENOMEM;
	if (!copy || !keys->directory || strcmp(copy, keys->directory)) {
		keys->renew = false;
		keys->trouble[0] = '\0';
	}
	free(keys->directory);
	keys->directory = copy;
	pthread_mutex_lock(&keys->lock);
	keys->lifetime = lifetime;
	keys->rotate = rotate || directory ? rotate : lifetime;
	if (keys->is_shared && !directory)
		ticket_keys_drop(keys);
	pthread_mutex_unlock(&keys->lock);
	return 0;
}

/* Nobody can turn the secrets: they are not used after their time. Return: whether shared ones are
 * in use.
 */
static bool ticket_keys_keep(struct ktlsd_ticket_keys *keys, int64_t now)
{
	bool shared;

	pthread_mutex_lock(&keys->lock);
	if (keys->is_shared && keys->rotate &&
	    !ktlsd_ticket_ring_is_usable(&keys->ring, now, keys->rotate))
		ticket_keys_drop(keys);
	shared = keys->is_shared;
	pthread_mutex_unlock(&keys->lock);
	return shared;
}

/* Logs what has changed. @reason: NULL if all is well. */
static void ticket_keys_report(struct ktlsd_ticket_keys *keys, const char *reason, int64_t now)
{
	char trouble[sizeof(keys->trouble)] = "";
	bool kept = false;

	if (reason) {
		kept = ticket_keys_keep(keys, now);
		snprintf(trouble, sizeof(trouble), "%.*s%s", (int)sizeof(trouble) - 80, reason,
			 kept ? ". The ticket keys stay as they are" :
			 ". The ticket keys are only in the memory of this ktlsd until then");
	}
	if (!strcmp(trouble, keys->trouble))
		return;
	if (reason)
		ktlsd_log(KTLSD_LOG_ERROR, "%s.", trouble);
	else
		ktlsd_log(KTLSD_LOG_INFO, "The ticket keys in %s can be used again.",
			  keys->directory);
	strcpy(keys->trouble, trouble);
}

static int ticket_keys_read(struct ktlsd_ticket_keys *keys, int64_t now,
			    struct ktlsd_fault *fault)
{
	struct ktlsd_ticket_ring ring = { 0 };
	int err;

	err = ktlsd_ticket_ring_sync(&ring, keys->directory, now, keys->rotate, keys->renew, fault);
	ticket_keys_report(keys, err ? fault->reason : NULL, now);
	if (err)
		return err;
	keys->renew = false;
	pthread_mutex_lock(&keys->lock);
	if (memcmp(&keys->ring, &ring, sizeof(ring))) {
		OPENSSL_cleanse(keys->derived, sizeof(keys->derived));
		keys->ring = ring;
	}
	keys->is_shared = true;
	pthread_mutex_unlock(&keys->lock);
	OPENSSL_cleanse(&ring, sizeof(ring));
	return 0;
}

void ktlsd_ticket_keys_sync(struct ktlsd_ticket_keys *keys, int64_t now)
{
	struct ktlsd_fault fault;

	if (keys->directory)
		ticket_keys_read(keys, now, &fault);
}

/* Return: whether a secret of @old is in use. @keys->lock is held. */
static bool ticket_keys_have_any(const struct ktlsd_ticket_keys *keys,
				 const struct ktlsd_ticket_ring *old)
{
	unsigned int i, k;

	for (i = 0; i < old->count; i++) {
		for (k = 0; k < keys->ring.count; k++) {
			if (!memcmp(old->at[i].secret, keys->ring.at[k].secret, KTLSD_TICKET_MASTER))
				return true;
		}
	}
	return false;
}

int ktlsd_ticket_keys_flush(struct ktlsd_ticket_keys *keys, struct ktlsd_fault *fault)
{
	const bool only_read = keys->directory && !keys->rotate;
	struct ktlsd_ticket_ring old;
	int err = 0;

	pthread_mutex_lock(&keys->lock);
	old = keys->ring;
	ticket_keys_drop(keys);
	/* Their tickets cannot be opened any more, unless the old secrets are copied back. */
	if (!only_read)
		ktlsd_ticket_used_free(&keys->used);
	pthread_mutex_unlock(&keys->lock);
	/* Else the next look would bring the old ones back. */
	keys->renew = keys->directory && keys->rotate;
	if (keys->directory)
		err = ticket_keys_read(keys, time(NULL), fault);
	pthread_mutex_lock(&keys->lock);
	if (!err && only_read && ticket_keys_have_any(keys, &old))
		err = ktlsd_errors_set(fault, -EALREADY,
				       "%s/keys has secrets that ktlsd had already; with ticket_rotate = 0 it does not replace them: copy other ticket keys there first, and flush again",
				       keys->directory);
	if (err != -EALREADY)
		keys->flushed++;
	pthread_mutex_unlock(&keys->lock);
	OPENSSL_cleanse(&old, sizeof(old));
	return err;
}

uint64_t ktlsd_ticket_keys_flushed(struct ktlsd_ticket_keys *keys)
{
	uint64_t flushed;

	pthread_mutex_lock(&keys->lock);
	flushed = keys->flushed;
	pthread_mutex_unlock(&keys->lock);
	return flushed;
}

/* Makes sure that there are secrets. Those in a directory the main thread turns. @keys->lock is
 * held. Return: 0 or -EIO.
 */
static int ticket_keys_turn(struct ktlsd_ticket_keys *keys, int64_t now)
{
	int ret;

	if (keys->is_shared)
		return 0;
	ret = ktlsd_ticket_ring_turn(&keys->ring, now, keys->rotate ? keys->rotate : keys->lifetime);
	if (ret <= 0)
		return ret;
	OPENSSL_cleanse(keys->derived, sizeof(keys->derived));
	/* The tickets of these series were sealed with the secret that was dropped. */
	ktlsd_ticket_used_expire(&keys->used, now - 2 * (int64_t)keys->lifetime);
	return 0;
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

/* The key of a secret for a fingerprint. @keys->lock is held. */
static int ticket_keys_get(struct ktlsd_ticket_keys *keys, unsigned int index,
			   const struct ktlsd_fingerprint *fingerprint,
			   struct ktlsd_ticket_key *ret_key)
{
	const struct ktlsd_ticket_master *master = &keys->ring.at[index];
	struct ktlsd_ticket_derived *derived;
	int err = 0;

	derived = &keys->derived[fingerprint->bytes[0] & (KTLSD_TICKET_DERIVED - 1)];
	if (derived->begin != master->begin || !derived->begin ||
	    memcmp(&derived->fingerprint, fingerprint, sizeof(*fingerprint))) {
		derived->begin = master->begin;
		derived->fingerprint = *fingerprint;
		err = ticket_keys_derive(master->secret, fingerprint, &derived->key);
	}
	if (err)
		derived->begin = 0;
	*ret_key = derived->key;
	return err;
}

static int64_t ticket_keys_time(const struct ktlsd_ticket_keys *keys, int64_t now)
{
	return keys->is_shared ? time(NULL) : now;
}

int ktlsd_ticket_keys_current(struct ktlsd_ticket_keys *keys, int64_t now,
			      const struct ktlsd_fingerprint *fingerprint,
			      struct ktlsd_ticket_key *ret_key)
{
	unsigned int current;
	int err;

	pthread_mutex_lock(&keys->lock);
	err = ticket_keys_turn(keys, now);
	if (!err) {
		current = ktlsd_ticket_ring_current(&keys->ring, ticket_keys_time(keys, now));
		err = ticket_keys_get(keys, current, fingerprint, ret_key);
	}
	pthread_mutex_unlock(&keys->lock);
	return err;
}

int ktlsd_ticket_keys_find(struct ktlsd_ticket_keys *keys, int64_t now,
			   const uint8_t *name,
			   const struct ktlsd_fingerprint *fingerprint,
			   struct ktlsd_ticket_key *ret_key, bool *ret_renew)
{
	unsigned int i, index, current = 0;
	int err;

	pthread_mutex_lock(&keys->lock);
	err = ticket_keys_turn(keys, now);
	if (!err)
		current = ktlsd_ticket_ring_current(&keys->ring, ticket_keys_time(keys, now));
	/* The current one first; the next one too: the clock of another host may be ahead. */
	for (i = 0; !err && i < keys->ring.count; i++) {
		index = i == 0 ? current : i <= current ? i - 1 : i;
		err = ticket_keys_get(keys, index, fingerprint, ret_key);
		*ret_renew = index < current;
		if (!err && !memcmp(ret_key->name, name, sizeof(ret_key->name)))
			break;
	}
	if (!err && i == keys->ring.count)
		err = -ENOENT;
	pthread_mutex_unlock(&keys->lock);
	if (err)
		OPENSSL_cleanse(ret_key, sizeof(*ret_key));
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
				 const struct ktlsd_fingerprint *fingerprint,
				 uint32_t uid, const uint8_t *id)
{
	uint64_t forgotten;
	bool first;

	pthread_mutex_lock(&keys->lock);
	forgotten = keys->used.forgotten;
	first = keys->is_shared ?
		ktlsd_ticket_used_mark_shared(&keys->used, fingerprint, uid, now, id) :
		ktlsd_ticket_used_mark(&keys->used, fingerprint, now, id);
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
