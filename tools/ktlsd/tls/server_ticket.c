// SPDX-License-Identifier: GPL-2.0-or-later
/* All state of a session is in its ticket. What must be the same for the full handshake and
 * the resumed one is in the fingerprint, from which the ticket keys are derived, and which
 * is OpenSSL's session id context too. What differs between clients (how long the session
 * can be resumed, whether the client was verified) is in the application data of the ticket.
 * A ticket that does not match leads to a full handshake.
 */
#include <errno.h>
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
 * Only this process has the keys to read it. The server name is in the session.
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

/* Before a ticket is made: bounds it by the client's certificate. */
static int server_ticket_write_data(SSL *ssl, void *arg)
{
	struct ktlsd_handshake *hs = SSL_get_app_data(ssl);
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	SSL_SESSION *session = SSL_get_session(ssl);
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
	/* The lifetime hint in the ticket. */
	if (data.expires - now < SSL_SESSION_get_timeout(session))
		SSL_SESSION_set_timeout(session, data.expires > now ?
					(long)(data.expires - now) : 0);
	ktlsd_ticket_keys_number(hs->ticket_keys, ktlsd_clock_seconds(), &hs->fingerprint,
				 hs->owner.uid, data.id);
	hs->tickets_issued++;
	return SSL_SESSION_set1_ticket_appdata(session, &data, sizeof(data));
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
	    len != sizeof(*data))
		return false;
	if (strcasecmp(asked ? asked : "", hs->server_name) ||
	    !ktlsd_clock_holds(data->since, data->expires, time(NULL)))
		return false;
	if (hs->verify == KTLS_VERIFY_REQUIRED && !data->verified)
		return false;
	if (leaf && ktlsd_status_is_revoked(hs, leaf, NULL))
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
