/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RSA key transport (RFC 5246 7.4.7.1): the client's secret. In the signer process; any
 * thread.
 */
#ifndef KTLSD_SIGNER_PREMASTER_H
#define KTLSD_SIGNER_PREMASTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

enum {
	KTLSD_PREMASTER_LEN	= 48,
};

/**
 * ktlsd_premaster_decrypt - decrypt what a client has encrypted with our RSA key
 * @key: private
 * @version: of the client, as in its ClientHello
 * @data: encrypted
 * @len: bytes
 * @premaster: KTLSD_PREMASTER_LEN bytes
 *
 * Whatever is wrong with @data, @premaster is random then: neither the result nor the time
 * tells whether its padding or its version was right (Bleichenbacher 1998).
 *
 * Return: NULL, or why @key cannot decrypt; that does not depend on @data
 */
const char *ktlsd_premaster_decrypt(EVP_PKEY *key, uint32_t version, const uint8_t *data,
				    size_t len, uint8_t *premaster);

/* Return: whether the private @key decrypts what is encrypted with its @public half. A token can
 * lack what that needs, RSA decryption without padding, or forbid it.
 */
bool ktlsd_premaster_is_usable(EVP_PKEY *key, EVP_PKEY *public);

#endif
