/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private keys in tokens and TPMs, which never leave them: found and used through OpenSSL
 * providers. Main thread only, except for the functions at the end, which take a key.
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

/* A reload begins: PINs that were refused are tried again. Loads @providers, if there are none
 * yet, and logs what fails; others are loaded by ktlsd_stored_key_renew().
 */
void ktlsd_stored_key_use(const struct ktlsd_words *providers);

/* Return: whether a token has failed, or other providers are wanted, so that
 * ktlsd_stored_key_renew() is due; not twice in a reload. Many PKCS #11 libraries do not find a
 * token again, once it was away, before they are finalized.
 */
bool ktlsd_stored_key_is_stale(void);

/* Unloads the providers and loads them again. The caller has released its keys. Waits up to 5
 * seconds until other threads have released theirs. If one does not return from its token,
 * nothing is loaded, and ktlsd_stored_key_load() says so.
 */
void ktlsd_stored_key_renew(void);

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
 * A token counts wrong PINs: if none of its keys was found with @pin, that is not tried again
 * before the next reload.
 *
 * Return: 0, -EKEYREJECTED if the token has seen this PIN before, -EINVAL or -ENOMEM
 */
int ktlsd_stored_key_load(const char *uri, const char *pin, EVP_PKEY **ret_key,
			  struct ktlsd_fault *fault);

/* Return: whether ktlsd_stored_key_load() has found @key with one of the providers. Any thread. */
bool ktlsd_stored_key_is_stored(const EVP_PKEY *key);

/* Return: the library context of such a key, valid while the caller has a reference to @key; NULL,
 * OpenSSL's default, for all others. Any thread.
 */
OSSL_LIB_CTX *ktlsd_stored_key_library(const EVP_PKEY *key);

/* Return: whether its token has refused a PIN: then the caller does not use the key before the
 * next reload. Any thread.
 */
bool ktlsd_stored_key_is_refused(const EVP_PKEY *key);

/* An operation with @key has failed: the next reload loads the providers again. Empties the error
 * queue of this thread. Any thread. Return: the reason in it, valid as long as @key
 */
const char *ktlsd_stored_key_fail(const EVP_PKEY *key);

#endif
