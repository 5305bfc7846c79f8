// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "tls/alert.h"
#include "tls/keys.h"

enum {
	ALERT_HEADER	= 5,	/* of a record */
	ALERT_NONCE	= 8,	/* the explicit part, if there is one */
	ALERT_BODY	= 2,
	ALERT_TAG	= 16,
	ALERT_AAD	= 13,	/* RFC 5246 6.2.3.3 */
};

static void alert_put_u64(uint8_t *dst, uint64_t value)
{
	int i;

	for (i = 0; i < 8; i++)
		dst[i] = (uint8_t)(value >> (56 - 8 * i));
}

static const EVP_CIPHER *alert_cipher(const struct ktlsd_suite *suite)
{
	if (!suite->explicit_nonce)
		return EVP_chacha20_poly1305();
	return suite->key_len == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
}

/* Seals @body in place; the tag goes behind it. */
static int alert_encrypt(const struct ktlsd_result *keys, const uint8_t *nonce,
			 const uint8_t *aad, uint8_t *body)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int got, err = -ENOMEM;

	if (ctx && EVP_EncryptInit_ex(ctx, alert_cipher(keys->suite), NULL,
				      keys->tx.secret, nonce) &&
	    EVP_EncryptUpdate(ctx, NULL, &got, aad, ALERT_AAD) &&
	    EVP_EncryptUpdate(ctx, body, &got, body, ALERT_BODY) &&
	    EVP_EncryptFinal_ex(ctx, body + ALERT_BODY, &got) &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, ALERT_TAG, body + ALERT_BODY))
		err = 0;
	EVP_CIPHER_CTX_free(ctx);
	return err;
}

/* Return: bytes of the record, or a negative errno. */
static int alert_build(const struct ktlsd_result *keys, uint8_t description, uint8_t *record)
{
	int skip = keys->suite->explicit_nonce ? ALERT_NONCE : 0, i, err;
	uint8_t nonce[12] = { 0 }, aad[ALERT_AAD];
	uint8_t *body = record + ALERT_HEADER + skip;

	memcpy(nonce, keys->tx.iv, keys->tx.iv_len);
	if (skip) {
		alert_put_u64(nonce + keys->tx.iv_len, keys->tx_nonce);
		memcpy(record + ALERT_HEADER, nonce + keys->tx.iv_len, ALERT_NONCE);
	} else {
		for (i = 0; i < 8; i++)
			nonce[11 - i] ^= (uint8_t)(keys->tx.seq >> 8 * i);
	}
	record[0] = SSL3_RT_ALERT;
	record[1] = 3;
	record[2] = 3;
	record[3] = 0;
	record[4] = (uint8_t)(skip + ALERT_BODY + ALERT_TAG);
	alert_put_u64(aad, keys->tx.seq);
	memcpy(aad + 8, record, 3);
	aad[11] = 0;
	aad[12] = ALERT_BODY;
	body[0] = SSL3_AL_FATAL;
	body[1] = description;
	err = alert_encrypt(keys, nonce, aad, body);
	return err ? err : ALERT_HEADER + record[4];
}

int ktlsd_alert_seal(struct ktlsd_handshake *hs, uint8_t description,
		     struct ktlsd_fault *fault)
{
	uint8_t record[ALERT_HEADER + ALERT_NONCE + ALERT_BODY + ALERT_TAG];
	const SSL_CIPHER *cipher = SSL_get_current_cipher(hs->ssl);
	struct ktlsd_result keys;
	int len, err;

	memset(&keys, 0, sizeof(keys));
	keys.version = KTLS_TLS_1_2;
	keys.suite = ktlsd_suites_find(SSL_CIPHER_get_protocol_id(cipher));
	if (!keys.suite || SSL_version(hs->ssl) != TLS1_2_VERSION)
		return ktlsd_errors_set(fault, -EPROTO,
			"OpenSSL negotiated a cipher suite or TLS version that was not offered.");
	err = ktlsd_keys_derive(hs, &keys, fault);
	if (!err) {
		len = alert_build(&keys, description, record);
		err = len < 0 ? len : ktlsd_buffer_append(&hs->output, record, (size_t)len,
							  KTLSD_HANDSHAKE_OUTPUT_MAX);
		if (err)
			ktlsd_errors_set(fault, err, "ktlsd is out of memory.");
	}
	ktlsd_handshake_wipe_result(&keys);
	return err;
}
