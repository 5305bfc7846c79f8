/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The OCSP response that servers staple to one of our certificates (RFC 6066 8). It is replaced
 * while handshakes use it. Any thread.
 */
#ifndef KTLSD_CONFIG_STAPLE_H
#define KTLSD_CONFIG_STAPLE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

enum {
	KTLSD_STAPLE_KEY	= 32,	/* bytes: SHA-256 */
};

/**
 * struct ktlsd_staple_facts - what a response says
 * @this_update: from when it holds, seconds since the epoch
 * @expires: until when; 0 for no response
 * @revoked: the certificate was revoked
 */
struct ktlsd_staple_facts {
	int64_t	this_update;
	int64_t	expires;
	bool	revoked;
};

/**
 * struct ktlsd_staple - a certificate and its response
 * @refs: the last one frees it
 * @cert: the certificate
 * @issuer: which issued it
 * @key: hash of both
 * @lock: protects what follows
 * @der: the response, or NULL; it was verified
 * @len: bytes
 * @facts: what it says
 */
struct ktlsd_staple {
	atomic_uint			refs;
	X509				*cert;
	X509				*issuer;
	uint8_t				key[KTLSD_STAPLE_KEY];
	pthread_mutex_t			lock;
	uint8_t				*der;
	size_t				len;
	struct ktlsd_staple_facts	facts;
};

/* Return: 0 and the hash of both certificates, or -ENOMEM. */
int ktlsd_staple_hash(X509 *cert, X509 *issuer, uint8_t *ret_key);

/* Return: one without a response, a reference for the caller; or NULL without memory. */
struct ktlsd_staple *ktlsd_staple_new(X509 *cert, X509 *issuer);
struct ktlsd_staple *ktlsd_staple_get(struct ktlsd_staple *staple);
void ktlsd_staple_put(struct ktlsd_staple *staple);

/* Replaces the response by a copy of @der, which was verified. Return: 0 or -ENOMEM. */
int ktlsd_staple_set(struct ktlsd_staple *staple, const void *der, size_t len,
		     const struct ktlsd_staple_facts *facts);

/* What the response says, valid or not. */
struct ktlsd_staple_facts ktlsd_staple_describe(struct ktlsd_staple *staple);

/**
 * ktlsd_staple_copy - get the response to send it
 * @staple: whose
 * @now: seconds since the epoch; a response that has expired then is not returned
 * @ret_len: bytes
 *
 * Return: the response, which OPENSSL_free() frees; or NULL
 */
uint8_t *ktlsd_staple_copy(struct ktlsd_staple *staple, int64_t now, size_t *ret_len);

#endif
