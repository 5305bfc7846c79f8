/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An OpenSSL provider whose keys are in the signer process: an EVP_PKEY of it has the public
 * half and a handle, and signs by asking. To be used from jobs of pause.h.
 */
#ifndef KTLSD_SIGNER_PROVIDER_H
#define KTLSD_SIGNER_PROVIDER_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

/* Loads the provider. Return: 0 or -ENOMEM. */
int ktlsd_provider_init(void);

/**
 * ktlsd_provider_new_key - a key that is in the signer
 * @handle: of it; released with the last reference to the result
 * @public: SubjectPublicKeyInfo in DER
 * @len: bytes
 *
 * Return: a reference, or NULL; then the handle is not released
 */
EVP_PKEY *ktlsd_provider_new_key(uint64_t handle, const uint8_t *public, size_t len);

#endif
