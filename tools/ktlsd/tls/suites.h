/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cipher suites that ktlsd knows, and which of them a handshake may use. Any thread. */
#ifndef KTLSD_SUITES_H
#define KTLSD_SUITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "errors.h"

enum {
	KTLSD_SUITES_LIST_MAX	= 512,	/* all names of one version, joined */
};

/**
 * struct ktlsd_suite - a cipher suite
 * @id: IANA number
 * @version: the TLS version it belongs to
 * @key_len: of the AEAD key, bytes
 * @iv_len: of the implicit part of the 1.2 nonce, bytes
 * @explicit_nonce: 1.2 records carry eight bytes of nonce
 * @digest: OpenSSL's name of the hash of the key schedule
 * @secret_len: of a 1.3 traffic secret, bytes
 * @name: OpenSSL's name
 */
struct ktlsd_suite {
	uint16_t	id;
	uint16_t	version;
	uint8_t		key_len;
	uint8_t		iv_len;
	bool		explicit_nonce;
	uint8_t		secret_len;
	const char	*digest;
	const char	*name;
};

/**
 * struct ktlsd_suites_choice - lists for OpenSSL
 * @tls13: for SSL_set_ciphersuites(), "" for none
 * @tls12: for SSL_set_cipher_list(), "" for none
 */
struct ktlsd_suites_choice {
	char	tls13[KTLSD_SUITES_LIST_MAX];
	char	tls12[KTLSD_SUITES_LIST_MAX];
};

/* Return: the suite, or NULL if ktlsd does not know it. */
const struct ktlsd_suite *ktlsd_suites_find(uint16_t id);

/* Return: mask of the suites in @ids, the list of the kernel, that ktlsd knows. */
uint32_t ktlsd_suites_mask(const uint16_t *ids, size_t count);

/* Return: mask of all suites that ktlsd knows. */
uint32_t ktlsd_suites_all(void);

/* Return: mask of those that transport the key with RSA (RFC 5246 7.4.7.1): whoever gets the
 * server's private key can read what was recorded before.
 */
uint32_t ktlsd_suites_rsa(void);

/* Return: mask of those of a TLS version. */
uint32_t ktlsd_suites_of(uint16_t version);

/* Return: the bit that stands for a suite in masks, 0 if its name, which is not
 * NUL-terminated, is unknown.
 */
uint32_t ktlsd_suites_bit(const char *name, size_t len);

/**
 * ktlsd_suites_choose - turn KTLS_CIPHERS into lists for OpenSSL
 * @names: colon-separated exact names, or "" for all
 * @mask: of suites that the kernel supports
 * @ret_choice: filled
 * @fault: on error
 *
 * Return: 0, -EINVAL for a suite that ktlsd does not know or the kernel does not support
 */
int ktlsd_suites_choose(const char *names, uint32_t mask,
			struct ktlsd_suites_choice *ret_choice,
			struct ktlsd_fault *fault);

#endif
