/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PKCS #12 files (RFC 7292): a certificate, its key and the certificates above it. Any thread. */
#ifndef KTLSD_PKCS12_H
#define KTLSD_PKCS12_H

#include <stddef.h>

#include "config/credentials.h"
#include "errors.h"

/**
 * ktlsd_pkcs12_parse - make a credential from a file
 * @data: DER
 * @len: bytes
 * @passphrase: NUL-terminated, or NULL
 * @ret_credential: filled; ktlsd_credentials_free() releases it
 * @fault: on error
 *
 * Return: 0, -EINVAL or -ENOMEM
 */
int ktlsd_pkcs12_parse(const void *data, size_t len, const char *passphrase,
		       struct ktlsd_credential *ret_credential, struct ktlsd_fault *fault);

#endif
