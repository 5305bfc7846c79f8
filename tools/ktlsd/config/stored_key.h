/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private keys in tokens and TPMs, which never leave them: found and used through OpenSSL
 * providers. Main thread only; the keys can be used by any thread.
 */
#ifndef KTLSD_STORED_KEY_H
#define KTLSD_STORED_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/evp.h>

#include "config/words.h"
#include "errors.h"

enum {
	KTLSD_PROVIDERS_MAX	= 8,
};

/* Return: whether @text names a key that is not in a file: pkcs11: (RFC 7512), or handle: of a
 * TPM.
 */
bool ktlsd_stored_key_is_uri(const char *text);

/* Return: whether a PEM file holds a key that only a TPM can use. */
bool ktlsd_stored_key_is_tpm(const void *pem, size_t len);

/* Loads those of @providers that are not loaded yet. What fails is logged. */
void ktlsd_stored_key_use(const struct ktlsd_words *providers);

/* Exits if a provider was loaded, without exit handlers: SoftHSM's crashes when OpenSSL's was
 * called before it.
 */
void ktlsd_stored_key_exit(int status);

/**
 * ktlsd_stored_key_load - find a key
 * @uri: of the key, or path of a PEM file for a TPM
 * @pin: NUL-terminated, or NULL
 * @ret_key: a reference for the caller
 * @fault: on error
 *
 * Return: 0 or -EINVAL
 */
int ktlsd_stored_key_load(const char *uri, const char *pin, EVP_PKEY **ret_key,
			  struct ktlsd_fault *fault);

#endif
