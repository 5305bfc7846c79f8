/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which signatures of authorities are believed: a digest must be one of which nobody makes two
 * alike, else what an authority signed for somebody vouches for something else. Any thread.
 */
#ifndef KTLSD_SIGNATURE_H
#define KTLSD_SIGNATURE_H

#include <stdbool.h>

#include <openssl/x509.h>

enum {
	KTLSD_SIGNATURE_DIGEST_MIN	= 32,	/* bytes: those of SHA-256 */
};

/* Return: whether the digest of a signature with @algorithm is as strong as SHA-256; false too if
 * the algorithm is unknown. The signature itself is not checked.
 */
bool ktlsd_signature_is_strong(const X509_ALGOR *algorithm);

#endif
