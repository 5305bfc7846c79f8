// SPDX-License-Identifier: GPL-2.0-or-later
/* In TLS 1.2 the session exists when the handshake is complete. In TLS 1.3 it comes with a
 * NewSessionTicket later, in a record that the kernel decrypts. OpenSSL accepts tickets only
 * in records: the message is sealed again, with the first traffic secret and the sequence
 * number that OpenSSL expects, as if the connection had carried nothing but tickets.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "tls/client_ticket.h"
#include "tls/keys.h"

enum {
	TICKET_WANTED		= 2,	/* as many as servers with OpenSSL send */
	TICKET_HEADER		= 4,	/* of a handshake message */
	TICKET_RECORD_HEADER	= 5,
	TICKET_PAYLOAD		= 16384,
	TICKET_TAG		= 16,
	TICKET_NONCE		= 12,
};

void ktlsd_client_ticket_offer(struct ktlsd_handshake *hs,
			       const struct ktlsd_fingerprint *fingerprint,
			       struct ktlsd_saved_session *saved)
{
	SSL_SESSION *session;

	hs->resumable = true;
	hs->fingerprint = *fingerprint;
	SSL_clear_options(hs->ssl, SSL_OP_NO_TICKET);
	if (!saved)
		return;
	if (ktlsd_saved_session_wake(saved) || !ktlsd_status_may_resume(hs, saved->chain)) {
		ktlsd_saved_session_put(saved);
		return;
	}
	session = ktlsd_saved_session_open(saved);
	if (session && SSL_set_session(hs->ssl, session))
		hs->offered = saved;
	else
		ktlsd_saved_session_put(saved);
	SSL_SESSION_free(session);
	ERR_clear_error();
}

unsigned int ktlsd_client_ticket_wanted(const struct ktlsd_handshake *hs)
{
	return hs->resumable && !hs->is_server && hs->verified &&
	       SSL_version(hs->ssl) == TLS1_3_VERSION ? TICKET_WANTED : 0;
}

int ktlsd_client_ticket_await(struct ktlsd_handshake *hs)
{
	BIO *null = BIO_new(BIO_s_null());

	if (!null)
		return -ENOMEM;
	/* An alert would use a sequence number that the kernel uses. */
	SSL_set0_wbio(hs->ssl, null);
	BIO_reset(SSL_get_rbio(hs->ssl));
	ktlsd_buffer_free(&hs->output);
	return 0;
}

static const EVP_CIPHER *client_ticket_cipher(const SSL *ssl)
{
	switch (SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(ssl))) {
	case 0x1301:
		return EVP_aes_128_gcm();
	case 0x1302:
		return EVP_aes_256_gcm();
	case 0x1303:
		return EVP_chacha20_poly1305();
	default:
		return NULL;
	}
}

static int client_ticket_encrypt(const EVP_CIPHER *cipher, const uint8_t *key,
				 const uint8_t *nonce, const uint8_t *header,
				 uint8_t *data, int len)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int got, err = -EIO;

	if (ctx && EVP_EncryptInit_ex(ctx, cipher, NULL, key, nonce) &&
	    EVP_EncryptUpdate(ctx, NULL, &got, header, TICKET_RECORD_HEADER) &&
	    EVP_EncryptUpdate(ctx, data, &got, data, len) &&
	    EVP_EncryptFinal_ex(ctx, data + len, &got) &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TICKET_TAG, data + len))
		err = 0;
	EVP_CIPHER_CTX_free(ctx);
	return err;
}

/* Seals one record as the server would, and passes it to OpenSSL. */
static int client_ticket_seal(struct ktlsd_handshake *hs, const void *data, size_t len)
{
	uint8_t record[TICKET_RECORD_HEADER + TICKET_PAYLOAD + 1 + TICKET_TAG];
	const EVP_CIPHER *cipher = client_ticket_cipher(hs->ssl);
	size_t secret_len = hs->secrets.server_len, body = len + 1 + TICKET_TAG;
	const char *digest = secret_len == 48 ? "SHA384" : "SHA256";
	uint8_t key[EVP_MAX_KEY_LENGTH], nonce[TICKET_NONCE];
	int i, err;

	if (!cipher)
		return -EPROTO;
	err = ktlsd_keys_expand(digest, hs->secrets.server, secret_len, "key", key,
				(size_t)EVP_CIPHER_get_key_length(cipher));
	if (!err)
		err = ktlsd_keys_expand(digest, hs->secrets.server, secret_len,
					"iv", nonce, sizeof(nonce));
	for (i = 0; i < 8; i++)
		nonce[TICKET_NONCE - 1 - i] ^= (uint8_t)(hs->tickets_received >> 8 * i);

	record[0] = SSL3_RT_APPLICATION_DATA;
	record[1] = 3;
	record[2] = 3;
	record[3] = (uint8_t)(body >> 8);
	record[4] = (uint8_t)body;
	memcpy(record + TICKET_RECORD_HEADER, data, len);
	record[TICKET_RECORD_HEADER + len] = SSL3_RT_HANDSHAKE;
	if (!err)
		err = client_ticket_encrypt(cipher, key, nonce, record,
					    record + TICKET_RECORD_HEADER, (int)len + 1);
	OPENSSL_cleanse(key, sizeof(key));
	body += TICKET_RECORD_HEADER;
	if (!err && BIO_write(SSL_get_rbio(hs->ssl), record, (int)body) != (int)body)
		err = -ENOMEM;
	hs->tickets_received++;
	return err;
}

/* Return: when the session expires, seconds since the epoch; at most @age seconds, or
 * seven days, after the full handshake, however often it was resumed (RFC 8446 4.6.1).
 */
static int64_t client_ticket_expiry(const SSL_SESSION *session, unsigned int lifetime,
				    unsigned int age, int64_t since)
{
	unsigned long hint = SSL_SESSION_get_ticket_lifetime_hint(session);
	int64_t end = since + (age ? age : KTLSD_TICKET_LIFETIME_MAX), now = time(NULL);

	if (SSL_SESSION_get_protocol_version(session) == TLS1_3_VERSION || hint) {
		if (hint < lifetime)
			lifetime = (unsigned int)hint;
	}
	return now + lifetime < end ? now + lifetime : end;
}

struct ktlsd_saved_session *ktlsd_client_ticket_save(struct ktlsd_handshake *hs,
						     unsigned int lifetime)
{
	SSL_SESSION *session = SSL_get0_session(hs->ssl);
	int64_t since = time(NULL), holds = hs->status.expires, expires;
	struct ktlsd_saved_session *saved;

	if (!hs->resumable || hs->is_server || !hs->verified ||
	    !session || !SSL_SESSION_is_resumable(session))
		return NULL;
	if (SSL_session_reused(hs->ssl) && hs->offered) {
		since = hs->offered->since;
		holds = hs->offered->holds;
	}
	expires = client_ticket_expiry(session, lifetime, hs->session_age, since);
	/* The next handshake looks for a newer OCSP response. */
	if (holds < expires)
		expires = holds;
	saved = ktlsd_saved_session_new(session, hs->presented, hs->chain, expires);
	if (saved) {
		saved->uid = hs->owner.uid;
		saved->fingerprint = hs->fingerprint;
		saved->since = since;
		saved->holds = holds;
		saved->once = SSL_SESSION_get_protocol_version(session) == TLS1_3_VERSION;
	}
	ERR_clear_error();
	return saved;
}

int ktlsd_client_ticket_receive(struct ktlsd_handshake *hs, const uint8_t *body, size_t len,
				unsigned int lifetime, struct ktlsd_saved_session **ret_saved)
{
	uint8_t message[TICKET_HEADER + KTLS_GENL_TICKET_MAX];
	size_t at, part;
	char byte;
	int ret, err = 0;

	*ret_saved = NULL;
	if (len > KTLS_GENL_TICKET_MAX)
		return -EMSGSIZE;
	message[0] = SSL3_MT_NEWSESSION_TICKET;
	message[1] = 0;
	message[2] = (uint8_t)(len >> 8);
	message[3] = (uint8_t)len;
	memcpy(message + TICKET_HEADER, body, len);
	len += TICKET_HEADER;
	for (at = 0; !err && at < len; at += part) {
		part = len - at < TICKET_PAYLOAD ? len - at : TICKET_PAYLOAD;
		err = client_ticket_seal(hs, message + at, part);
	}
	if (err)
		return err;

	ERR_clear_error();
	ret = SSL_read(hs->ssl, &byte, sizeof(byte));
	ret = SSL_get_error(hs->ssl, ret);
	ERR_clear_error();
	if (ret != SSL_ERROR_WANT_READ || BIO_ctrl_pending(SSL_get_rbio(hs->ssl)))
		return -EBADMSG;
	*ret_saved = ktlsd_client_ticket_save(hs, lifetime);
	return 0;
}
