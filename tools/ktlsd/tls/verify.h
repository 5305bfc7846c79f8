/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verification of the peer's certificate chain and name. Thread of the handshake. */
#ifndef KTLSD_VERIFY_H
#define KTLSD_VERIFY_H

#include "tls/handshake.h"

/* Callback for SSL_CTX_set_cert_verify_callback(): verifies the chain, and stores it and
 * the verdict in the handshake.
 */
int ktlsd_verify_chain(X509_STORE_CTX *store_ctx, void *arg);

/**
 * ktlsd_verify_setup - set how OpenSSL verifies the peer's certificate
 * @hs: not begun
 * @ca_names: for a server's CertificateRequest, or NULL; copied
 *
 * Return: 0, -EINVAL for a client that has no name to verify, or -ENOMEM
 */
int ktlsd_verify_setup(struct ktlsd_handshake *hs,
		       const STACK_OF(X509_NAME) *ca_names);

#endif
