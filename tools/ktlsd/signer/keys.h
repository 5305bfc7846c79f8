/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The private keys, by handle. In the signer process only; any of its threads. */
#ifndef KTLSD_SIGNER_KEYS_H
#define KTLSD_SIGNER_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "config/config.h"

enum {
	KTLSD_SIGNER_KEYS_MAX	= 65536,
	KTLSD_SIGNER_PROPERTIES_MAX = 64,	/* bytes, with NUL */
	KTLSD_SIGNER_FAST_RSA	= 2048,	/* bits; twice as many take 15 times as long */
};

/**
 * struct ktlsd_signer_rights - what is done with a key
 * @roles: it signs what these ends of a handshake sign, see config/roles.h
 * @decrypts: RSA: it decrypts what clients send with RSA key transport
 * @identity: which one it is of; "" for a program's key
 * @file: which of its files
 */
struct ktlsd_signer_rights {
	unsigned int	roles;
	bool		decrypts;
	char		identity[KTLSD_IDENTITY_MAX + 1];
	unsigned int	file;
};

/**
 * ktlsd_signer_keys_add - store a key
 * @key: a reference is taken
 * @rights: copied
 * @uri: where it is in a token, copied; NULL if it is not
 * @ret_handle: a number that no other key has had
 *
 * Return: 0, -ENOMEM, or -ENOBUFS with KTLSD_SIGNER_KEYS_MAX keys
 */
int ktlsd_signer_keys_add(EVP_PKEY *key, const struct ktlsd_signer_rights *rights,
			  const char *uri, uint64_t *ret_handle);

/* Frees the keys in tokens; their handles stay. */
void ktlsd_signer_keys_drop_stored(void);

/* Return: whether such a handle waits for the key of @uri */
bool ktlsd_signer_keys_is_dropped(const char *uri);

/* Gives these handles a reference to @key. */
void ktlsd_signer_keys_restore(EVP_PKEY *key, const char *uri);

/* Has @change correct the rights of each key. It must not call any of these functions. */
void ktlsd_signer_keys_change(void (*change)(struct ktlsd_signer_rights *rights));

/* Return: a reference, or NULL: then @ret_rights->identity says whose key in a token was freed, or
 * it is "", as there is no such key
 */
EVP_PKEY *ktlsd_signer_keys_get(uint64_t handle, struct ktlsd_signer_rights *ret_rights);

/* What to fetch algorithms for @key with: its own provider, whatever OpenSSL's configuration
 * prefers. Another one would get only the public half.
 */
void ktlsd_signer_keys_properties(const EVP_PKEY *key,
				  char ret_properties[KTLSD_SIGNER_PROPERTIES_MAX]);

/* Return: whether a use of the key can take so long that others must not wait for it: with RSA
 * keys of more than KTLSD_SIGNER_FAST_RSA bits, and those in tokens and TPMs. It is found out
 * when the key is added. False if there is no such key.
 */
bool ktlsd_signer_keys_is_slow(uint64_t handle);

void ktlsd_signer_keys_release(uint64_t handle);

#endif
