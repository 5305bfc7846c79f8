// SPDX-License-Identifier: GPL-2.0-or-later
/* TLS 1.3: the traffic secrets come from secrets.c, else from OpenSSL's keylog callback. TLS
 * 1.2: the key block is derived here from the master secret (RFC 5246 6.3); the explicit nonce
 * of GCM, which starts at random, is read from the record of our own Finished.
 */
#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>

#include "tls/keylog.h"
#include "tls/handshake.h"
#include "tls/keys.h"

enum {
	KEYS_RECORD_HEADER	= 5,
	KEYS_CCS		= 20,	/* content type */
	KEYS_HANDSHAKE		= 22,	/* content type */
	KEYS_RANDOM		= 32,	/* client_random, server_random */
	KEYS_MASTER		= 48,	/* TLS 1.2 master secret */
	KEYS_BLOCK_MAX		= 2 * 32 + 2 * 12,
};

static int keys_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Return: bytes decoded, 0 if it is not hexadecimal or too long. */
static size_t keys_decode_hex(const char *hex, uint8_t *dst, size_t max)
{
	size_t i;
	int high, low;

	for (i = 0; hex[2 * i]; i++) {
		high = keys_hex_digit(hex[2 * i]);
		low = high < 0 ? -1 : keys_hex_digit(hex[2 * i + 1]);
		if (low < 0 || i >= max)
			return 0;
		dst[i] = (uint8_t)(high << 4 | low);
	}
	return i;
}

static void keys_begin_count(struct ktlsd_record_counter *counter)
{
	counter->started = true;
	counter->records = 0;
}

static bool keys_is(const char *text, size_t len, const char *label)
{
	return len == strlen(label) && !memcmp(text, label, len);
}

/* OpenSSL logs a traffic secret when its key comes into use. */
static void keys_log(const SSL *ssl, const char *line)
{
	struct ktlsd_handshake *hs = SSL_get_app_data(ssl);
	struct ktlsd_traffic_secrets *secrets = &hs->secrets;
	const char *random, *secret;
	size_t label;

	random = strchr(line, ' ');
	secret = random ? strchr(random + 1, ' ') : NULL;
	if (!secret)
		return;
	label = random - line;
	secret++;

	/* Neither the label nor the random comes from the peer. */
	if (keys_is(line, label, "CLIENT_TRAFFIC_SECRET_0")) {
		secrets->client_len = keys_decode_hex(secret, secrets->client,
						      sizeof(secrets->client));
		keys_begin_count(hs->is_server ? &hs->opened : &hs->sealed);
	} else if (keys_is(line, label, "SERVER_TRAFFIC_SECRET_0")) {
		secrets->server_len = keys_decode_hex(secret, secrets->server,
						      sizeof(secrets->server));
		keys_begin_count(hs->is_server ? &hs->sealed : &hs->opened);
	} else if (keys_is(line, label, "EXPORTER_SECRET")) {
		secrets->exporter_len = keys_decode_hex(secret, secrets->exporter,
							sizeof(secrets->exporter));
	}
}

/* Return: bytes copied, 0 if it is too long. */
static size_t keys_copy(uint8_t *dst, const uint8_t *secret, size_t len)
{
	if (len > KTLS_GENL_SECRET_MAX)
		return 0;
	memcpy(dst, secret, len);
	return len;
}

void ktlsd_keys_take_derived(struct ktlsd_handshake *hs, const char *label, size_t label_len,
			     const uint8_t *secret, size_t len)
{
	struct ktlsd_traffic_secrets *secrets = &hs->secrets;

	/* Those of the handshake came first. */
	secrets->are_derived = true;
	/* OpenSSL derives a traffic secret when its key comes into use. */
	if (keys_is(label, label_len, "c ap traffic")) {
		secrets->client_len = keys_copy(secrets->client, secret, len);
		keys_begin_count(hs->is_server ? &hs->opened : &hs->sealed);
	} else if (keys_is(label, label_len, "s ap traffic")) {
		secrets->server_len = keys_copy(secrets->server, secret, len);
		keys_begin_count(hs->is_server ? &hs->sealed : &hs->opened);
	} else if (keys_is(label, label_len, "exp master")) {
		secrets->exporter_len = keys_copy(secrets->exporter, secret, len);
	}
}

/* With key_log: all secrets, those of the handshake too. */
static void keys_log_all(const SSL *ssl, const char *line)
{
	const struct ktlsd_handshake *hs = SSL_get_app_data(ssl);

	if (hs->keys_due && !hs->secrets.are_derived)
		keys_log(ssl, line);
	ktlsd_keylog_write(line);
}

void ktlsd_keys_listen(struct ktlsd_handshake *hs)
{
	SSL_CTX_set_keylog_callback(SSL_get_SSL_CTX(hs->ssl),
				    ktlsd_keylog_is_on() ? keys_log_all :
				    hs->keys_due && !hs->secrets.are_derived ? keys_log : NULL);
}

void ktlsd_keys_scan(struct ktlsd_nonce_scanner *scanner, const uint8_t *records,
		     size_t len)
{
	size_t body, i;

	while (len >= KEYS_RECORD_HEADER) {
		body = (size_t)records[3] << 8 | records[4];
		if (body > len - KEYS_RECORD_HEADER)
			return;
		if (records[0] == KEYS_CCS) {
			scanner->after_ccs = true;
		} else if (records[0] == KEYS_HANDSHAKE && scanner->after_ccs &&
			   body >= sizeof(scanner->nonce)) {
			for (i = 0; i < sizeof(scanner->nonce); i++)
				scanner->nonce = scanner->nonce << 8 |
						 records[KEYS_RECORD_HEADER + i];
			scanner->found = true;
		}
		records += KEYS_RECORD_HEADER + body;
		len -= KEYS_RECORD_HEADER + body;
	}
}

static int keys_fail(struct ktlsd_fault *fault, const char *what)
{
	return ktlsd_errors_set(fault, -EPROTO,
				"ktlsd cannot derive the keys: %s.", what);
}

static int keys_derive_13(struct ktlsd_handshake *hs,
			  struct ktlsd_result *result, struct ktlsd_fault *fault)
{
	const struct ktlsd_traffic_secrets *secrets = &hs->secrets;
	size_t want = result->suite->secret_len;

	if (secrets->client_len != want || secrets->server_len != want)
		return keys_fail(fault, "OpenSSL did not provide the traffic secrets");
	memcpy(result->tx.secret,
	       hs->is_server ? secrets->server : secrets->client, want);
	memcpy(result->rx.secret,
	       hs->is_server ? secrets->client : secrets->server, want);
	result->tx.secret_len = want;
	result->rx.secret_len = want;
	memcpy(result->exporter, secrets->exporter, secrets->exporter_len);
	result->exporter_len = secrets->exporter_len;
	return 0;
}

int ktlsd_keys_expand(const char *digest, const uint8_t *secret, size_t secret_len,
		      const char *label, uint8_t *out, size_t out_len)
{
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	uint8_t info[64] = { (uint8_t)(out_len >> 8), (uint8_t)out_len };
	size_t len = strlen(label);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
						 (char *)digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY,
						  (void *)secret, secret_len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info,
						  2 + 1 + 6 + len + 1),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_HKDF, NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	int err = -EPROTO;

	info[2] = (uint8_t)(6 + len);
	memcpy(info + 3, "tls13 ", 6);
	memcpy(info + 9, label, len);
	if (ctx && EVP_KDF_derive(ctx, out, out_len, params) > 0)
		err = 0;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return err;
}

/* The TLS 1.2 PRF. Return: 0 or -EPROTO. */
static int keys_prf(const char *digest, const uint8_t *master, size_t master_len,
		    const uint8_t *seed, size_t seed_len,
		    uint8_t *out, size_t out_len)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
						 (char *)digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET,
						  (void *)master, master_len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED,
						  (void *)seed, seed_len),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_PRF, NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	int err = -EPROTO;

	if (ctx && EVP_KDF_derive(ctx, out, out_len, params) > 0)
		err = 0;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return err;
}

/* Splits the key block (RFC 5246 6.3; an AEAD has no MAC keys). */
static void keys_cut_block(const struct ktlsd_handshake *hs,
			   struct ktlsd_result *result, const uint8_t *block)
{
	struct ktlsd_direction *client, *server;
	const struct ktlsd_suite *suite = result->suite;

	client = hs->is_server ? &result->rx : &result->tx;
	server = hs->is_server ? &result->tx : &result->rx;
	client->secret_len = suite->key_len;
	server->secret_len = suite->key_len;
	client->iv_len = suite->iv_len;
	server->iv_len = suite->iv_len;
	memcpy(client->secret, block, suite->key_len);
	block += suite->key_len;
	memcpy(server->secret, block, suite->key_len);
	block += suite->key_len;
	memcpy(client->iv, block, suite->iv_len);
	block += suite->iv_len;
	memcpy(server->iv, block, suite->iv_len);
}

/* The kernel computes exporters from these (RFC 5705 4). Without extended master secret an
 * exporter would not be bound to the connection (RFC 7627 1), so there is none.
 */
static void keys_take_exporter_12(const struct ktlsd_handshake *hs,
				  struct ktlsd_result *result, const uint8_t *master)
{
	uint8_t *at = result->exporter;

	if (SSL_get_extms_support(hs->ssl) != 1)
		return;
	memcpy(at, master, KEYS_MASTER);
	at += KEYS_MASTER;
	at += SSL_get_client_random(hs->ssl, at, KEYS_RANDOM);
	at += SSL_get_server_random(hs->ssl, at, KEYS_RANDOM);
	result->exporter_len = at - result->exporter;
}

static int keys_derive_12(struct ktlsd_handshake *hs,
			  struct ktlsd_result *result, struct ktlsd_fault *fault)
{
	static const char label[] = "key expansion";
	uint8_t seed[sizeof(label) - 1 + 2 * KEYS_RANDOM];
	uint8_t master[KEYS_MASTER], block[KEYS_BLOCK_MAX];
	const struct ktlsd_suite *suite = result->suite;
	size_t at = sizeof(label) - 1;
	int err;

	memcpy(seed, label, at);
	at += SSL_get_server_random(hs->ssl, seed + at, KEYS_RANDOM);
	at += SSL_get_client_random(hs->ssl, seed + at, KEYS_RANDOM);
	if (at != sizeof(seed) ||
	    SSL_SESSION_get_master_key(SSL_get0_session(hs->ssl), master,
				       sizeof(master)) != sizeof(master)) {
		err = keys_fail(fault, "OpenSSL did not provide the master secret");
		goto wipe;
	}
	err = keys_prf(suite->digest, master, sizeof(master), seed, sizeof(seed),
		       block, 2 * (suite->key_len + suite->iv_len));
	if (err) {
		err = keys_fail(fault, "the TLS 1.2 PRF of OpenSSL failed");
		goto wipe;
	}
	keys_cut_block(hs, result, block);
	keys_take_exporter_12(hs, result, master);

	if (suite->explicit_nonce && !hs->scanner.found)
		err = keys_fail(fault, "no Finished of this side was sent");
	result->tx_nonce = hs->scanner.nonce + 1;
wipe:
	OPENSSL_cleanse(master, sizeof(master));
	OPENSSL_cleanse(block, sizeof(block));
	return err;
}

int ktlsd_keys_derive(struct ktlsd_handshake *hs, struct ktlsd_result *result,
		      struct ktlsd_fault *fault)
{
	result->tx.seq = hs->sealed.records;
	result->rx.seq = hs->opened.records;
	return result->version == KTLS_TLS_1_3 ?
		keys_derive_13(hs, result, fault) :
		keys_derive_12(hs, result, fault);
}
