/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Certificate chains with their private keys. Any thread. */
#ifndef KTLSD_CREDENTIALS_H
#define KTLSD_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "errors.h"

enum {
	KTLSD_CERTIFICATE_MAX	= 65536,	/* bytes of PEM, as KTLS_CERTIFICATE */
	KTLSD_PRIVATE_KEY_MAX	= 16384,	/* bytes of PEM, as KTLS_PRIVATE_KEY */
	KTLSD_SECURITY_LEVEL	= 2,		/* see SSL_CTX_set_security_level(3) */
	KTLSD_CHAIN_DEPTH_MAX	= 10,		/* certificates above the leaf */
};

/**
 * struct ktlsd_credential - a certificate chain and its key
 * @leaf: our certificate, NULL if there is none
 * @chain: the certificates above it, may be NULL
 * @key: the leaf's private key
 *
 * Owns a reference to each. Threads can share it once it is complete.
 */
struct ktlsd_credential {
	X509		*leaf;
	STACK_OF(X509)	*chain;
	EVP_PKEY	*key;
};

/**
 * ktlsd_credentials_parse - make a credential from PEM
 * @certificates: leaf first; not NUL-terminated
 * @certificates_len: bytes
 * @key: not encrypted; not NUL-terminated
 * @key_len: bytes
 * @ret_credential: filled; ktlsd_credentials_free() releases it
 * @fault: on error
 *
 * Return: 0, -EINVAL or -ENOMEM
 */
int ktlsd_credentials_parse(const void *certificates, size_t certificates_len,
			    const void *key, size_t key_len,
			    struct ktlsd_credential *ret_credential,
			    struct ktlsd_fault *fault);

/**
 * ktlsd_credentials_load - make a credential from regular files
 * @certificate_path: PEM; or PKCS #12 if @key_path is NULL
 * @key_path: PEM, perhaps encrypted; or a URI, see stored_key.h; or NULL
 * @passphrase_path: or NULL
 * @ret_credential: filled; ktlsd_credentials_free() releases it
 * @fault: on error
 *
 * Return: 0, -EINVAL or -ENOMEM
 */
int ktlsd_credentials_load(const char *certificate_path, const char *key_path,
			   const char *passphrase_path,
			   struct ktlsd_credential *ret_credential,
			   struct ktlsd_fault *fault);

typedef int (*ktlsd_credentials_loader)(const char *certificate_path, const char *key_path,
					const char *passphrase_path,
					struct ktlsd_credential *ret_credential,
					struct ktlsd_fault *fault);

/* Lets @loader do what ktlsd_credentials_load() does: another process, which keeps the private
 * key. NULL undoes it. Before threads are started.
 */
void ktlsd_credentials_set_loader(ktlsd_credentials_loader loader);

/* Copies a credential, with references to the same certificates and key. Return: 0 or -ENOMEM */
int ktlsd_credentials_share(struct ktlsd_credential *ret_credential,
			    const struct ktlsd_credential *credential);
void ktlsd_credentials_free(struct ktlsd_credential *credential);

/**
 * ktlsd_credentials_find_problem - look for a reason for peers to refuse a credential
 * @credential: has a leaf
 * @fault: the reason
 *
 * Such a credential is used nonetheless: clocks differ, and it may be intended.
 *
 * Return: whether there is one
 */
bool ktlsd_credentials_find_problem(const struct ktlsd_credential *credential,
				    struct ktlsd_fault *fault);

/* Callback of PEM functions that never asks for a pass phrase. */
int ktlsd_credentials_no_passphrase(char *buffer, int size, int writing, void *arg);

#endif
