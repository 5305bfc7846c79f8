/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of our certificates a peer gets. OpenSSL chooses among keys of different kinds: an
 * SSL_CTX has room for one of each. Among several of one kind this file chooses. Any thread.
 */
#ifndef KTLSD_OWN_CERT_H
#define KTLSD_OWN_CERT_H

#include "config/config.h"
#include "errors.h"
#include "tls/handshake.h"

/**
 * ktlsd_own_cert_set - give the certificates of an identity to an SSL_CTX
 * @ctx: gets the first of each kind of key
 * @identity: has at least one
 * @fault: on error
 *
 * Return: 0 or -EINVAL
 */
int ktlsd_own_cert_set(SSL_CTX *ctx, const struct ktlsd_identity *identity,
		       struct ktlsd_fault *fault);

/**
 * ktlsd_own_cert_use - use an identity
 * @hs: new; its SSL_CTX has the certificates of @identity
 * @identity: KTLS_IDENTITY; lives as long as @hs
 *
 * Among several certificates of one kind, the peer gets the first that it accepts (groups
 * and signature algorithms), if possible one for the server name that it asks for. Without
 * KTLS_ALPN the protocols are those of the identity.
 *
 * Return: 0 or -ENOMEM
 */
int ktlsd_own_cert_use(struct ktlsd_handshake *hs, const struct ktlsd_identity *identity);

/* Replaces the identity, after the server name in the ClientHello. */
void ktlsd_own_cert_choose(struct ktlsd_handshake *hs, const struct ktlsd_identity *identity);

#endif
