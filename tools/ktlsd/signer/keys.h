/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The private keys, by handle. In the signer process only; any of its threads. */
#ifndef KTLSD_SIGNER_KEYS_H
#define KTLSD_SIGNER_KEYS_H

#include <stdint.h>

#include <openssl/evp.h>

enum {
	KTLSD_SIGNER_KEYS_MAX	= 65536,
};

/**
 * ktlsd_signer_keys_add - store a key
 * @key: a reference is taken
 * @roles: whose texts it signs, see config/roles.h
 * @ret_handle: a number that no other key has had
 *
 * Return: 0, -ENOMEM, or -ENOBUFS with KTLSD_SIGNER_KEYS_MAX keys
 */
int ktlsd_signer_keys_add(EVP_PKEY *key, unsigned int roles, uint64_t *ret_handle);

/* Return: a reference, NULL if there is no such key. */
EVP_PKEY *ktlsd_signer_keys_get(uint64_t handle, unsigned int *ret_roles);

void ktlsd_signer_keys_release(uint64_t handle);

#endif
