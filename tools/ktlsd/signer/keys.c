// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/provider.h>

#include "signer/keys.h"

enum {
	KEYS_BUCKETS	= 1024,	/* a power of two */
};

/**
 * struct keys_entry - a key
 * @next: in its bucket
 * @handle: its number
 * @rights: what is done with it
 * @uri: where it is in a token, or NULL
 * @slow: a use of it can take long
 * @key: a reference; NULL while the token is away
 */
struct keys_entry {
	struct keys_entry		*next;
	uint64_t			handle;
	struct ktlsd_signer_rights	rights;
	char				*uri;
	bool				slow;
	EVP_PKEY			*key;
};

/**
 * keys - all of them
 * @lock: protects the rest
 * @buckets: by handle
 * @last: handle given last
 * @count: number of keys
 */
static struct {
	pthread_mutex_t		lock;
	struct keys_entry	*buckets[KEYS_BUCKETS];
	uint64_t		last;
	unsigned int		count;
} keys = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct keys_entry **keys_slot(uint64_t handle)
{
	struct keys_entry **slot = &keys.buckets[handle & (KEYS_BUCKETS - 1)];

	while (*slot && (*slot)->handle != handle)
		slot = &(*slot)->next;
	return slot;
}

static void keys_free(struct keys_entry *entry)
{
	EVP_PKEY_free(entry->key);
	free(entry->uri);
	free(entry);
}

/* A token takes its time. */
static bool keys_find_slow(const EVP_PKEY *key, const char *uri)
{
	return uri || ((EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS")) &&
		       EVP_PKEY_get_bits(key) > KTLSD_SIGNER_FAST_RSA);
}

int ktlsd_signer_keys_add(EVP_PKEY *key, const struct ktlsd_signer_rights *rights,
			  const char *uri, uint64_t *ret_handle)
{
	struct keys_entry *entry = calloc(1, sizeof(*entry));
	int err = 0;

	if (!entry)
		return -ENOMEM;
	if (uri) {
		entry->uri = strdup(uri);
		if (!entry->uri) {
			free(entry);
			return -ENOMEM;
		}
	}
	entry->slow = keys_find_slow(key, uri);
	pthread_mutex_lock(&keys.lock);
	if (keys.count >= KTLSD_SIGNER_KEYS_MAX) {
		err = -ENOBUFS;
	} else {
		EVP_PKEY_up_ref(key);
		entry->key = key;
		entry->rights = *rights;
		entry->handle = ++keys.last;
		*ret_handle = entry->handle;
		*keys_slot(entry->handle) = entry;
		keys.count++;
	}
	pthread_mutex_unlock(&keys.lock);
	if (err)
		keys_free(entry);
	return err;
}

void ktlsd_signer_keys_drop_stored(void)
{
	struct keys_entry *entry;
	size_t i;

	pthread_mutex_lock(&keys.lock);
	for (i = 0; i < KEYS_BUCKETS; i++) {
		for (entry = keys.buckets[i]; entry; entry = entry->next) {
			if (!entry->uri)
				continue;
			EVP_PKEY_free(entry->key);
			entry->key = NULL;
		}
	}
	pthread_mutex_unlock(&keys.lock);
}

bool ktlsd_signer_keys_is_dropped(const char *uri)
{
	struct keys_entry *entry = NULL;
	size_t i;

	pthread_mutex_lock(&keys.lock);
	for (i = 0; !entry && i < KEYS_BUCKETS; i++) {
		entry = keys.buckets[i];
		while (entry && (entry->key || strcmp(entry->uri, uri)))
			entry = entry->next;
	}
	pthread_mutex_unlock(&keys.lock);
	return entry;
}

void ktlsd_signer_keys_restore(EVP_PKEY *key, const char *uri)
{
	struct keys_entry *entry;
	size_t i;

	pthread_mutex_lock(&keys.lock);
	for (i = 0; i < KEYS_BUCKETS; i++) {
		for (entry = keys.buckets[i]; entry; entry = entry->next) {
			if (!entry->key && !strcmp(entry->uri, uri) && EVP_PKEY_up_ref(key))
				entry->key = key;
		}
	}
	pthread_mutex_unlock(&keys.lock);
}

void ktlsd_signer_keys_change(void (*change)(struct ktlsd_signer_rights *rights))
{
	struct keys_entry *entry;
	size_t i;

	pthread_mutex_lock(&keys.lock);
	for (i = 0; i < KEYS_BUCKETS; i++) {
		for (entry = keys.buckets[i]; entry; entry = entry->next)
			change(&entry->rights);
	}
	pthread_mutex_unlock(&keys.lock);
}

EVP_PKEY *ktlsd_signer_keys_get(uint64_t handle, struct ktlsd_signer_rights *ret_rights)
{
	struct keys_entry *entry;
	EVP_PKEY *key = NULL;

	memset(ret_rights, 0, sizeof(*ret_rights));
	pthread_mutex_lock(&keys.lock);
	entry = *keys_slot(handle);
	if (entry) {
		*ret_rights = entry->rights;
		key = entry->key;
	}
	if (key)
		EVP_PKEY_up_ref(key);
	pthread_mutex_unlock(&keys.lock);
	return key;
}

void ktlsd_signer_keys_properties(const EVP_PKEY *key,
				  char ret_properties[KTLSD_SIGNER_PROPERTIES_MAX])
{
	snprintf(ret_properties, KTLSD_SIGNER_PROPERTIES_MAX, "?provider=%s",
		 OSSL_PROVIDER_get0_name(EVP_PKEY_get0_provider(key)));
}

bool ktlsd_signer_keys_is_slow(uint64_t handle)
{
	struct keys_entry *entry;
	bool slow;

	pthread_mutex_lock(&keys.lock);
	entry = *keys_slot(handle);
	slow = entry && entry->slow;
	pthread_mutex_unlock(&keys.lock);
	return slow;
}

void ktlsd_signer_keys_release(uint64_t handle)
{
	struct keys_entry **slot, *entry;

	pthread_mutex_lock(&keys.lock);
	slot = keys_slot(handle);
	entry = *slot;
	if (entry) {
		*slot = entry->next;
		keys.count--;
	}
	pthread_mutex_unlock(&keys.lock);
	if (entry)
		keys_free(entry);
}
