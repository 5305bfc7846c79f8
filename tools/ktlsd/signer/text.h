/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the signer signs: only what a TLS handshake signs. Any thread. */
#ifndef KTLSD_SIGNER_TEXT_H
#define KTLSD_SIGNER_TEXT_H

#include <stddef.h>
#include <stdint.h>

/**
 * ktlsd_text_role - which end of a TLS handshake signs such a text?
 * @text: to be signed
 * @len: bytes
 *
 * CertificateVerify of TLS 1.3 (RFC 8446 4.4.3); ServerKeyExchange of TLS 1.2 with ECDHE
 * (RFC 8422 5.4); CertificateVerify of TLS 1.2, which signs all handshake messages so far
 * (RFC 5246 7.4.8). These cannot be taken for each other, nor for a certificate, a CRL, an
 * OCSP response or a token. ServerKeyExchange is the server's; CertificateVerify of TLS 1.2
 * is the client's; that of TLS 1.3 says whose it is.
 *
 * Return: KTLSD_ROLES_SERVER, KTLSD_ROLES_CLIENT, or 0
 */
unsigned int ktlsd_text_role(const uint8_t *text, size_t len);

#endif
