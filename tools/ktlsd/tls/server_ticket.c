// SPDX-License-Identifier: GPL-2.0-or-later
/* All state of a session is in its ticket. What must be the same for the full handshake and
 * the resumed one is in the fingerprint, from which the ticket keys are derived, and which
 * is OpenSSL's session id context too. What differs between clients (how long the session
 * can be resumed, whether the client was verified) is in the application data of the ticket.
 * A ticket that does not match leads to a full handshake.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "lib/clock.h"
#include "tls/server_ticket.h"

enum {
	ISSUE_IV	= 16,	/* of AES-CBC */
	/* What a ticket may have of authorities, bytes: a ticket has at most 64 KiB. */
	ISSUE_AUTHORITIES	= 16384,
};

/**
 * struct server_ticket_data - application data of a ticket
 * @expires: when the client's chain expires, or session_age after the full handshake, at
 *	most seven days (RFC 8446 4.6.1), whichever is first; seconds since the epoch. Tickets issued after a
 *	resumption inherit it.
 * @since: when the full handshake was, likewise inherited
 * @id: from ktlsd_ticket_keys_number(): a TLS 1.3 ticket is accepted once
 * @verified: the client's certificate was verified
 *
 * Behind it, if CRLs are looked at, are the certificates above the client's, each in DER: OpenSSL
 * has only the client's in a session. Whoever has not the ticket keys cannot read or change it. The
 * server name is in the session.
 */
struct server_ticket_data {
	int64_t	expires;
	int64_t	since;
	uint8_t	id[KTLSD_TICKET_ID];
	uint8_t	verified;
} __attribute__((packed));

/* Sets the ciphers up for a ticket. Return: 1, 0 for an unknown key, -1. */
static int server_ticket_use_key(const struct ktlsd_ticket_key *key, const unsigned char *iv,
				 EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seal)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)key->hmac,
						  sizeof(key->hmac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, "SHA256", 0),
		OSSL_PARAM_construct_end(),
	};

	if (!EVP_MAC_CTX_set_params(mac, params) ||
	    !EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->aes, iv, seal))
		return -1;
	return 1;
}

static int server_ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv,
			     EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seal)
{
	struct ktlsd_handshake *hs = SSL_get_app_data(ssl);
	struct ktlsd_ticket_key key;
	bool renew = false;
	int ret;

	if (!hs->resumable || !hs->ticket_keys)
		return seal ? -1 : 0;
	if (seal) {
		ret = ktlsd_ticket_keys_current(hs->ticket_keys, ktlsd_clock_seconds(),
						&hs->fingerprint, &key);
		if (ret || RAND_bytes(iv, ISSUE_IV) != 1)
			return -1;
		memcpy(name, key.name, sizeof(key.name));
	} else {
		ret = ktlsd_ticket_keys_find(hs->ticket_keys, ktlsd_clock_seconds(), name,
					     &hs->fingerprint, &key, &renew);
		if (ret)
			return ret == -ENOENT ? 0 : -1;
	}
	ret = server_ticket_use_key(&key, iv, cipher, mac, seal);
	OPENSSL_cleanse(&key, sizeof(key));
	return ret == 1 && renew ? 2 : ret;
}

/* Those of a resumed session; else all above the client's but the last one, the trust anchor.
 * Return: 0, -EMSGSIZE or -ENOMEM. Then there are none.
 */
static int server_ticket_authorities(SSL *ssl, struct ktlsd_buffer *ret_der)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	uint8_t *data, *at;
	size_t len;
	int i, one, err = 0;

	if (SSL_session_reused(ssl)) {
		if (!SSL_SESSION_get0_ticket_appdata(SSL_get_session(ssl), (void **)&data, &len) ||
		    len < sizeof(struct server_ticket_data))
			return -EMSGSIZE;
		return ktlsd_buffer_append(ret_der, data + sizeof(struct server_ticket_data),
					   len - sizeof(struct server_ticket_data),
					   ISSUE_AUTHORITIES);
	}
	for (i = 1; !err && i < sk_X509_num(chain) - 1; i++) {
		at = NULL;
		one = i2d_X509(sk_X509_value(chain, i), &at);
		err = one < 0 ? -ENOMEM : ktlsd_buffer_append(ret_der, at, (size_t)one,
							      ISSUE_AUTHORITIES);
		OPENSSL_free(at);
	}
	if (err)
		ktlsd_buffer_free(ret_der);
	return err;
}

/* Return: 1, or 0 without memory. */
static int server_ticket_set_data(SSL *ssl, struct server_ticket_data *data, int64_t now)
{
	struct ktlsd_handshake *hs = SSL_get_app_data(ssl);
	SSL_SESSION *session = SSL_get_session(ssl);
	struct ktlsd_buffer der = { 0 };
	uint8_t *text;
	int ret = 0;

	/* A session of which CRLs could not be asked about all is not resumed. */
	if (data->verified && hs->status.mode >= KTLSD_REVOCATION_CRL &&
	    server_ticket_authorities(ssl, &der))
		data->expires = now;
	text = malloc(sizeof(*data) + der.len);
	if (text) {
		memcpy(text, data, sizeof(*data));
		if (der.len)
			memcpy(text + sizeof(*data), der.data, der.len);
		ret = SSL_SESSION_set1_ticket_appdata(session, text, sizeof(*data) + der.len);
	}
	/* The lifetime hint in the ticket. */
	if (data->expires - now < SSL_SESSION_get_timeout(session))
		SSL_SESSION_set_timeout(session, data->expires > now ?
					(long)(data->expires - now) : 0);
	free(text);
	ktlsd_buffer_free(&der);
	return ret;
}

/* Before a ticket is made: bounds it by the client's certificate. */
static int server_ticket_write_data(SSL *ssl, void *arg)
{
	struct ktlsd_handshake *hs = SSL_get_app_data(ssl);
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	int64_t now = time(NULL);
	struct server_ticket_data data;

	(void)arg;
	if (SSL_session_reused(ssl)) {
		data.verified = hs->ticket_verified;
		data.expires = hs->expires;
		data.since = hs->since;
	} else {
		data.verified = hs->verified;
		data.since = now;
		data.expires = now + (hs->session_age ? hs->session_age :
				      KTLSD_TICKET_LIFETIME_MAX);
		if (hs->verified)
			data.expires = ktlsd_saved_session_chain_end(chain, data.expires);
		if (hs->status.expires < data.expires)
			data.expires = hs->status.expires;
	}
	ktlsd_ticket_keys_number(hs->ticket_keys, ktlsd_clock_seconds(), &hs->fingerprint,
				 hs->owner.uid, data.id);
	hs->tickets_issued++;
	return server_ticket_set_data(ssl, &data, now);
}

/* @leaf: the client's, or NULL; @der: those above it. Return: whether one is in a CRL now. */
static bool server_ticket_is_revoked(struct ktlsd_handshake *hs, X509 *leaf, const uint8_t *der,
				     size_t len)
{
	const uint8_t *end = der + len;
	X509 *cert = leaf, *issuer;
	bool revoked = false;

	if (!leaf)
		return false;
	if (!X509_up_ref(leaf))
		return true;
	for (; cert && !revoked; cert = issuer) {
		issuer = der < end ? d2i_X509(NULL, &der, end - der) : NULL;
		if (!issuer && der < end)
			revoked = true;		/* no memory: the full handshake is to decide */
		else
			revoked = ktlsd_status_is_revoked(hs, cert, issuer);
		X509_free(cert);
	}
	X509_free(cert);
	return revoked;
}

/* A ticket that is used twice links connections (RFC 8446 C.4). After HelloRetryRequest the
 * client presents the same ticket again.
 */
static bool server_ticket_is_first_use(struct ktlsd_handshake *hs, const uint8_t *id)
{
	if (!memcmp(hs->ticket_id, id, KTLSD_TICKET_ID))
		return true;
	if (!ktlsd_ticket_keys_mark_used(hs->ticket_keys, ktlsd_clock_seconds(),
					 &hs->fingerprint, hs->owner.uid, id))
		return false;
	memcpy(hs->ticket_id, id, KTLSD_TICKET_ID);
	return true;
}

/* Return: whether the session can be resumed by this handshake. */
static bool server_ticket_fits(struct ktlsd_handshake *hs, SSL_SESSION *session)
{
	const char *asked = SSL_SESSION_get0_hostname(session);
	X509 *leaf = SSL_SESSION_get0_peer(session);
	struct server_ticket_data *data;
	size_t len;

	if (!SSL_SESSION_get0_ticket_appdata(session, (void **)&data, &len) ||
	    len < sizeof(*data))
		return false;
	if (strcasecmp(asked ? asked : "", hs->server_name) ||
	    !ktlsd_clock_holds(data->since, data->expires, time(NULL)))
		return false;
	if (hs->verify == KTLS_VERIFY_REQUIRED && !data->verified)
		return false;
	if (server_ticket_is_revoked(hs, leaf, (const uint8_t *)(data + 1), len - sizeof(*data)))
		return false;
	if (SSL_SESSION_get_protocol_version(session) == TLS1_3_VERSION &&
	    !server_ticket_is_first_use(hs, data->id))
		return false;
	hs->ticket_verified = data->verified;
	hs->expires = data->expires;
	hs->since = data->since;
	return true;
}

static SSL_TICKET_RETURN server_ticket_read_data(SSL *ssl, SSL_SESSION *session,
						 const unsigned char *name, size_t name_len,
						 SSL_TICKET_STATUS status, void *arg)
{
	struct ktlsd_handshake *hs = SSL_get_app_data(ssl);

	(void)name;
	(void)name_len;
	(void)arg;
	switch (status) {
	case SSL_TICKET_SUCCESS:
	case SSL_TICKET_SUCCESS_RENEW:
		if (!server_ticket_fits(hs, session)) {
			hs->ticket_refused = true;
			return SSL_TICKET_RETURN_IGNORE_RENEW;
		}
		hs->ticket_accepted = true;
		/* A TLS 1.3 client uses a ticket once and needs a new one. */
		if (SSL_SESSION_get_protocol_version(session) == TLS1_3_VERSION)
			return SSL_TICKET_RETURN_USE_RENEW;
		return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE :
						      SSL_TICKET_RETURN_USE_RENEW;
	case SSL_TICKET_NO_DECRYPT:
		hs->ticket_refused = true;
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	default:
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	}
}

int ktlsd_server_ticket_prepare(SSL_CTX *ctx)
{
	if (!SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, server_ticket_key) ||
	    !SSL_CTX_set_session_ticket_cb(ctx, server_ticket_write_data,
					   server_ticket_read_data, NULL))
		return -ENOMEM;
	return 0;
}

int ktlsd_server_ticket_enable(struct ktlsd_handshake *hs,
			       const struct ktlsd_fingerprint *fingerprint,
			       struct ktlsd_ticket_keys *keys, unsigned int count)
{
	hs->resumable = true;
	hs->fingerprint = *fingerprint;
	hs->ticket_keys = keys;
	SSL_clear_options(hs->ssl, SSL_OP_NO_TICKET);
	if (!SSL_set_num_tickets(hs->ssl, count) ||
	    !SSL_set_session_id_context(hs->ssl, fingerprint->bytes,
					sizeof(fingerprint->bytes)))
		return -ENOMEM;
	return 0;
}
