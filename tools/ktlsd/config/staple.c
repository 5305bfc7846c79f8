// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "config/staple.h"

int ktlsd_staple_hash(X509 *cert, X509 *issuer, uint8_t *ret_key)
{
	uint8_t both[2 * EVP_MAX_MD_SIZE];
	unsigned int first, second;

	if (!X509_digest(cert, EVP_sha256(), both, &first) ||
	    !X509_digest(issuer, EVP_sha256(), both + first, &second) ||
	    !EVP_Digest(both, first + second, ret_key, NULL, EVP_sha256(), NULL))
		return -ENOMEM;
	return 0;
}

struct ktlsd_staple *ktlsd_staple_new(X509 *cert, X509 *issuer)
{
	struct ktlsd_staple *staple = calloc(1, sizeof(*staple));

	if (!staple || ktlsd_staple_hash(cert, issuer, staple->key)) {
		free(staple);
		return NULL;
	}
	staple->refs = 1;
	pthread_mutex_init(&staple->lock, NULL);
	X509_up_ref(cert);
	X509_up_ref(issuer);
	staple->cert = cert;
	staple->issuer = issuer;
	return staple;
}

struct ktlsd_staple *ktlsd_staple_get(struct ktlsd_staple *staple)
{
	atomic_fetch_add(&staple->refs, 1);
	return staple;
}

void ktlsd_staple_put(struct ktlsd_staple *staple)
{
	if (!staple || atomic_fetch_sub(&staple->refs, 1) != 1)
		return;
	X509_free(staple->cert);
	X509_free(staple->issuer);
	OPENSSL_free(staple->der);
	pthread_mutex_destroy(&staple->lock);
	free(staple);
}

int ktlsd_staple_set(struct ktlsd_staple *staple, const void *der, size_t len,
		     const struct ktlsd_staple_facts *facts)
{
	uint8_t *copy = OPENSSL_memdup(der, len), *old;

	if (!copy)
		return -ENOMEM;
	pthread_mutex_lock(&staple->lock);
	old = staple->der;
	staple->der = copy;
	staple->len = len;
	staple->facts = *facts;
	pthread_mutex_unlock(&staple->lock);
	OPENSSL_free(old);
	return 0;
}

struct ktlsd_staple_facts ktlsd_staple_describe(struct ktlsd_staple *staple)
{
	struct ktlsd_staple_facts facts;

	pthread_mutex_lock(&staple->lock);
	facts = staple->facts;
	pthread_mutex_unlock(&staple->lock);
	return facts;
}

uint8_t *ktlsd_staple_copy(struct ktlsd_staple *staple, int64_t now, size_t *ret_len)
{
	uint8_t *copy = NULL;

	pthread_mutex_lock(&staple->lock);
	if (staple->der && now < staple->facts.expires) {
		copy = OPENSSL_memdup(staple->der, staple->len);
		*ret_len = staple->len;
	}
	pthread_mutex_unlock(&staple->lock);
	return copy;
}
