/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the signer signs: only what a TLS handshake signs. Any thread. */
#ifndef KTLSD_SIGNER_TEXT_H
#define KTLSD_SIGNER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * ktlsd_text_is_tls - is this a text that an end of a TLS handshake signs?
 * @text: to be signed
 * @len: bytes
 *
 * CertificateVerify of TLS 1.3 (RFC 8446 4.4.3); ServerKeyExchange of TLS 1.2 with ECDHE
 * (RFC 8422 5.4); CertificateVerify of TLS 1.2, which signs all handshake messages so far
 * (RFC 5246 7.4.8). These cannot be taken for each other, nor for a certificate, a CRL, an
 * OCSP response or a token.
 */
bool ktlsd_text_is_tls(const uint8_t *text, size_t len);

#endif
