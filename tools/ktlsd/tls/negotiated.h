/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a handshake negotiated, as IANA numbers. Any thread. */
#ifndef KTLSD_NEGOTIATED_H
#define KTLSD_NEGOTIATED_H

#include <stdint.h>

#include <openssl/ssl.h>

/* Return: the key exchange group, 0 if unknown. */
uint16_t ktlsd_negotiated_group(SSL *ssl);

/* Return: the algorithm of the peer's signature, 0 if it did not sign. */
uint16_t ktlsd_negotiated_sigalg(SSL *ssl);

#endif
