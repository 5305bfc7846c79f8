/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The private keys, by handle. In the signer process only; any of its threads. */
#ifndef KTLSD_SIGNER_KEYS_H
#define KTLSD_SIGNER_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/evp.h>

enum {
	KTLSD_SIGNER_KEYS_MAX	= 65536,
	KTLSD_SIGNER_PROPERTIES_MAX = 64,	/* bytes, with NUL */
};

/**
 * struct ktlsd_signer_rights - what is done with a key
 * @roles: it signs what these ends of a handshake sign, see config/roles.h
 * @decrypts: RSA: it decrypts what clients send with RSA key transport
 */
struct ktlsd_signer_rights {
	unsigned int	roles;
	bool		decrypts;
};

/**
 * ktlsd_signer_keys_add - store a key
 * @key: a reference is taken
 * @rights: copied
 * @ret_handle: a number that no other key has had
 *
 * Return: 0, -ENOMEM, or -ENOBUFS with KTLSD_SIGNER_KEYS_MAX keys
 */
int ktlsd_signer_keys_add(EVP_PKEY *key, const struct ktlsd_signer_rights *rights,
			  uint64_t *ret_handle);

/* Return: a reference, NULL if there is no such key. */
EVP_PKEY *ktlsd_signer_keys_get(uint64_t handle, struct ktlsd_signer_rights *ret_rights);

/* What to fetch algorithms for @key with: its own provider, whatever OpenSSL's configuration
 * prefers. Another one would get only the public half.
 */
void ktlsd_signer_keys_properties(const EVP_PKEY *key,
				  char ret_properties[KTLSD_SIGNER_PROPERTIES_MAX]);

void ktlsd_signer_keys_release(uint64_t handle);

#endif
