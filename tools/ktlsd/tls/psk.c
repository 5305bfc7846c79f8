// SPDX-License-Identifier: GPL-2.0-or-later
/* An external pre-shared key (RFC 8446 4.2.11), which OpenSSL treats as a session. */
#include <string.h>

#include "tls/psk.h"

/* The session for the key, with SHA-256: the default for a key without a hash. */
static SSL_SESSION *psk_session(SSL *ssl, const struct ktls_psk *psk)
{
	static const unsigned char suite[] = { 0x13, 0x01 };
	const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, suite);
	SSL_SESSION *session = SSL_SESSION_new();

	if (session && cipher &&
	    SSL_SESSION_set1_master_key(session, psk->key, psk->key_len) &&
	    SSL_SESSION_set_cipher(session, cipher) &&
	    SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION))
		return session;
	SSL_SESSION_free(session);
	return NULL;
}

static int psk_offer(SSL *ssl, const EVP_MD *md, const unsigned char **ret_identity,
		     size_t *ret_len, SSL_SESSION **ret_session)
{
	const struct ktlsd_handshake *hs = SSL_get_app_data(ssl);

	*ret_identity = NULL;
	*ret_len = 0;
	*ret_session = NULL;
	/* After HelloRetryRequest the hash is known. Do not offer the key for another one. */
	if (md && EVP_MD_get_type(md) != NID_sha256)
		return 1;
	*ret_session = psk_session(ssl, hs->psk);
	if (!*ret_session)
		return 0;
	*ret_identity = hs->psk->identity;
	*ret_len = hs->psk->identity_len;
	return 1;
}

static int psk_find(SSL *ssl, const unsigned char *identity, size_t len,
		    SSL_SESSION **ret_session)
{
	const struct ktlsd_handshake *hs = SSL_get_app_data(ssl);

	*ret_session = NULL;
	if (len != hs->psk->identity_len ||
	    memcmp(identity, hs->psk->identity, len))
		return 1;
	*ret_session = psk_session(ssl, hs->psk);
	return *ret_session != NULL;
}

void ktlsd_psk_use(struct ktlsd_handshake *hs, const struct ktls_psk *psk)
{
	static const unsigned char context[] = "psk";

	hs->psk = psk;
	/* A server that verifies clients needs a context for every session. */
	if (hs->is_server &&
	    SSL_set_session_id_context(hs->ssl, context, sizeof(context) - 1))
		SSL_set_psk_find_session_callback(hs->ssl, psk_find);
	else if (!hs->is_server)
		SSL_set_psk_use_session_callback(hs->ssl, psk_offer);
}
