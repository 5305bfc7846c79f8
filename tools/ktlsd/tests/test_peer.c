// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/core_names.h>
#include <openssl/params.h>

#include "config/trust.h"
#include "test_peer.h"

static void peer_hex(const char *hex, uint8_t *dst, size_t *ret_len)
{
	unsigned int byte;
	size_t i;

	for (i = 0; hex[2 * i] && i < 64; i++) {
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		dst[i] = (uint8_t)byte;
	}
	*ret_len = i;
}

static void peer_keylog(const SSL *ssl, const char *line)
{
	struct test_peer *peer = SSL_get_app_data(ssl);
	const char *secret = strrchr(line, ' ') + 1;

	if (!strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24))
		peer_hex(secret, peer->client, &peer->secret_len);
	else if (!strncmp(line, "SERVER_TRAFFIC_SECRET_0 ", 24))
		peer_hex(secret, peer->server, &peer->secret_len);
	else if (!strncmp(line, "EXPORTER_SECRET ", 16))
		peer_hex(secret, peer->exporter, &peer->secret_len);
}

static void peer_info(const SSL *ssl, int where, int value)
{
	struct test_peer *peer = SSL_get_app_data(ssl);

	if ((where & SSL_CB_ALERT) && (where & SSL_CB_READ))
		peer->alert = value & 0xff;
}

uint16_t test_peer_default_group(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	bool has = SSL_CTX_set1_groups_list(ctx, "X25519MLKEM768");

	ERR_clear_error();
	SSL_CTX_free(ctx);
	return has ? 0x11ec : 29;
}

void test_peer_init(struct test_peer *peer, bool is_server)
{
	memset(peer, 0, sizeof(*peer));
	peer->is_server = is_server;
	peer->alert = -1;
	peer->ctx = SSL_CTX_new(TLS_method());
	assert_non_null(peer->ctx);
	SSL_CTX_set_num_tickets(peer->ctx, 0);
	SSL_CTX_set_keylog_callback(peer->ctx, peer_keylog);
	SSL_CTX_set_info_callback(peer->ctx, peer_info);
}

void test_peer_credential(struct test_peer *peer, X509 *cert, EVP_PKEY *key)
{
	assert_int_equal(SSL_CTX_use_certificate(peer->ctx, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(peer->ctx, key), 1);
}

void test_peer_trust(struct test_peer *peer, X509 *ca, int mode)
{
	assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(peer->ctx), ca), 1);
	SSL_CTX_set_verify(peer->ctx, mode, NULL);
}

static int peer_new_session(SSL *ssl, SSL_SESSION *session)
{
	SSL_SESSION **kept = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	SSL_SESSION_free(*kept);
	*kept = session;
	return 1;
}

void test_peer_keep_session(struct test_peer *peer, SSL_SESSION **session)
{
	SSL_CTX_set_app_data(peer->ctx, session);
	SSL_CTX_set_session_cache_mode(peer->ctx, SSL_SESS_CACHE_CLIENT |
				       SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(peer->ctx, peer_new_session);
}

void test_peer_begin(struct test_peer *peer)
{
	SSL_free(peer->ssl);
	peer->finished = false;
	peer->ssl = SSL_new(peer->ctx);
	SSL_set_app_data(peer->ssl, peer);
	SSL_set_bio(peer->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	if (peer->is_server)
		SSL_set_accept_state(peer->ssl);
	else
		SSL_set_connect_state(peer->ssl);
}

void test_peer_free(struct test_peer *peer)
{
	SSL_free(peer->ssl);
	SSL_CTX_free(peer->ctx);
}

/* A server's application data behind its Finished, before the client's. */
static void peer_step_early(struct test_peer *peer)
{
	size_t done;
	char byte;

	if (!peer->early_read) {
		if (SSL_read_early_data(peer->ssl, &byte, 1, &done) ==
		    SSL_READ_EARLY_DATA_ERROR)
			return;
		peer->early_read = true;
	}
	if (!peer->early_done) {
		assert_int_equal(SSL_write_early_data(peer->ssl, peer->glue,
						      strlen(peer->glue), &done), 1);
		peer->early_done = true;
	}
}

void test_peer_step(struct test_peer *peer)
{
	int ret;

	if (peer->finished)
		return;
	ERR_clear_error();
	if (peer->early) {
		peer_step_early(peer);
		if (!peer->early_done)
			return;
	}
	ret = SSL_do_handshake(peer->ssl);
	peer->error = ret == 1 ? SSL_ERROR_NONE : SSL_get_error(peer->ssl, ret);
	peer->finished = ret == 1;
	if (peer->finished && peer->glue && !peer->early)
		assert_true(SSL_write(peer->ssl, peer->glue,
				      (int)strlen(peer->glue)) > 0);
	ERR_clear_error();
}

void test_side_init(struct test_side *side, int role)
{
	memset(side, 0, sizeof(*side));
	side->request.id = 1;
	side->request.is_server = role == KTLS_ROLE_SERVER;
	side->request.verify = side->request.is_server ? KTLS_VERIFY_NONE
						       : KTLS_VERIFY_REQUIRED;
	side->request.version_min = KTLS_TLS_1_2;
	side->request.version_max = KTLS_TLS_1_3;
	if (!side->request.is_server)
		assert_int_equal(ktlsd_names_parse("server.test",
						   &side->request.name), 0);
	side->config.trust = X509_STORE_new();
}

void test_side_prepare(struct test_side *side, X509 *cert, EVP_PKEY *key,
		       X509 *trust)
{
	struct ktlsd_buffer pem[KTLS_CONFIG_MAX + 1] = { 0 };
	struct ktlsd_context_parts parts = { .anchors = NULL };
	struct ktlsd_anchors_digest digest = { 0 };
	int i, ret;

	if (cert) {
		test_pki_put_cert(&pem[KTLS_CONFIG_CERTIFICATE], cert);
		test_pki_put_key(&pem[KTLS_CONFIG_PRIVATE_KEY], key, NULL);
	}
	if (trust)
		test_pki_put_cert(&pem[KTLS_CONFIG_TRUST], trust);
	for (i = 0; i <= KTLS_CONFIG_MAX; i++) {
		parts.data[i] = pem[i].data;
		parts.len[i] = pem[i].len;
	}
	side->request.config_id = 7;
	do {
		ret = ktlsd_context_open_anchors(&side->contexts, &side->request, &digest,
						 &parts, &side->fault);
	} while (ret > 0);
	if (!ret && parts.anchors) {
		do {
			ret = ktlsd_anchors_read(&side->contexts.anchors, parts.anchors,
						 &side->fault);
		} while (ret > 0);
	}
	if (ret)
		fail_msg("%s", side->fault.reason);
	if (ktlsd_context_make(&side->contexts, true, &side->config,
			       &side->request, NULL, &parts, &side->context,
			       &side->fault))
		fail_msg("%s", side->fault.reason);
	ktlsd_anchors_put(parts.anchors);
	for (i = 0; i <= KTLS_CONFIG_MAX; i++)
		ktlsd_buffer_free(&pem[i]);
}

int test_side_begin(struct test_side *side)
{
	int err;

	err = ktlsd_handshake_new(side->context->ctx, &side->request,
				  ktlsd_suites_all(), ktlsd_context_ca_names(side->context),
				  &side->handshake, &side->fault);
	if (err)
		return err;
	assert_int_equal(ktlsd_status_setup(side->handshake,
					    ktlsd_context_revocation(side->context,
								     &side->config,
								     &side->request.bounds, NULL),
					    side->config.crls), 0);
	return 0;
}

void test_side_free(struct test_side *side)
{
	ktlsd_handshake_free(side->handshake);
	ktlsd_context_put(side->context);
	ktlsd_context_flush(&side->contexts);
	ktlsd_anchors_flush(&side->contexts.anchors);
	assert_int_equal(side->contexts.live_bytes, 0);
	X509_STORE_free(side->config.trust);
	ktlsd_buffer_free(&side->batch);
}

void test_side_feed(struct test_side *side, const void *data, size_t len,
		    struct test_peer *peer)
{
	struct ktlsd_buffer *output = &side->handshake->output;

	ktlsd_buffer_free(&side->batch);
	ktlsd_buffer_append(&side->batch, data, len, 4 << 20);
	side->last = ktlsd_handshake_run(side->handshake, data, len, &side->fault);
	if (peer && output->len)
		BIO_write(SSL_get_rbio(peer->ssl), output->data, (int)output->len);
	if (peer)
		ktlsd_buffer_free(output);
}

void test_peer_pass(struct test_side *side, struct test_peer *peer,
		    const void *extra, size_t extra_len)
{
	BIO *out = SSL_get_wbio(peer->ssl);
	char *data;
	long len;

	if (extra_len)
		BIO_write(out, extra, (int)extra_len);
	len = BIO_get_mem_data(out, &data);
	test_side_feed(side, data, (size_t)len, peer);
	BIO_reset(out);
}

void test_peer_shake(struct test_side *side, struct test_peer *peer)
{
	bool is_first = !side->request.is_server;
	int i;

	side->last = 0;
	for (i = 0; i < 20; i++) {
		if (is_first)
			test_side_feed(side, NULL, 0, peer);
		is_first = false;
		test_peer_step(peer);
		if (side->last || !BIO_ctrl_pending(SSL_get_wbio(peer->ssl)))
			return;
		test_peer_pass(side, peer, NULL, 0);
	}
	fail_msg("the handshake never ends");
}

void test_peer_finish(struct test_side *side, struct test_peer *peer,
		      struct ktlsd_result *result)
{
	test_peer_shake(side, peer);
	if (side->last != 1)
		fail_msg("%s", side->fault.reason);
	test_peer_step(peer);
	assert_true(peer->finished);
	if (ktlsd_handshake_finish(side->handshake, result, &side->fault))
		fail_msg("%s", side->fault.reason);
}

static void peer_expand_label(const struct ktlsd_result *result,
			      const uint8_t *secret, size_t secret_len,
			      const char *label, uint8_t *out, size_t len)
{
	uint8_t info[64];
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	size_t label_len = strlen(label);
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
						 (char *)result->suite->digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY,
						  (void *)secret, secret_len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info,
						  4 + 6 + label_len),
		OSSL_PARAM_construct_end(),
	};

	info[0] = 0;
	info[1] = (uint8_t)len;
	info[2] = (uint8_t)(6 + label_len);
	memcpy(info + 3, "tls13 ", 6);
	memcpy(info + 9, label, label_len);
	info[9 + label_len] = 0;
	assert_int_equal(EVP_KDF_derive(ctx, out, len, params), 1);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

static void peer_key_and_nonce(const struct ktlsd_result *result,
			       const struct ktlsd_direction *direction,
			       const uint8_t *explicit_nonce,
			       uint8_t *key, uint8_t *nonce)
{
	int i;

	if (result->version == KTLS_TLS_1_3) {
		peer_expand_label(result, direction->secret, direction->secret_len,
				  "key", key, result->suite->key_len);
		peer_expand_label(result, direction->secret, direction->secret_len,
				  "iv", nonce, 12);
	} else {
		memcpy(key, direction->secret, direction->secret_len);
		memcpy(nonce, direction->iv, direction->iv_len);
	}
	if (explicit_nonce) {
		memcpy(nonce + 4, explicit_nonce, 8);
		return;
	}
	for (i = 0; i < 8; i++)
		nonce[4 + i] ^= (uint8_t)(direction->seq >> (56 - 8 * i));
}

static const EVP_CIPHER *peer_cipher(const struct ktlsd_suite *suite)
{
	if (strstr(suite->name, "CHACHA20"))
		return EVP_chacha20_poly1305();
	return suite->key_len == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
}

static size_t peer_aad(const struct ktlsd_result *result, uint64_t seq,
		       uint8_t type, size_t plain_len, const uint8_t *header,
		       uint8_t *aad)
{
	int i;

	if (result->version == KTLS_TLS_1_3) {
		memcpy(aad, header, 5);
		return 5;
	}
	for (i = 0; i < 8; i++)
		aad[i] = (uint8_t)(seq >> (56 - 8 * i));
	aad[8] = type;
	aad[9] = 3;
	aad[10] = 3;
	aad[11] = (uint8_t)(plain_len >> 8);
	aad[12] = (uint8_t)plain_len;
	return 13;
}

/* Both ways in one: only EVP_CipherFinal and the tag differ. */
static bool peer_aead(const struct ktlsd_result *result, bool seal,
		      const uint8_t *key, const uint8_t *nonce,
		      const uint8_t *aad, size_t aad_len, const uint8_t *in,
		      size_t len, uint8_t *out, uint8_t *tag)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int got, ok;

	assert_int_equal(EVP_CipherInit_ex(ctx, peer_cipher(result->suite), NULL,
					   key, nonce, seal), 1);
	if (!seal)
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, tag);
	EVP_CipherUpdate(ctx, NULL, &got, aad, (int)aad_len);
	EVP_CipherUpdate(ctx, out, &got, in, (int)len);
	ok = EVP_CipherFinal_ex(ctx, out + got, &got);
	if (seal)
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag);
	EVP_CIPHER_CTX_free(ctx);
	return ok == 1;
}

size_t test_seal(const struct ktlsd_result *result,
		 struct ktlsd_direction *direction, uint64_t nonce, uint8_t type,
		 const void *data, size_t len, uint8_t *record)
{
	bool is_13 = result->version == KTLS_TLS_1_3;
	size_t skip = result->suite->explicit_nonce ? 8 : 0, aad_len, body;
	uint8_t key[32], iv[12], aad[13], plain[4096];
	int i;

	memcpy(plain, data, len);
	if (is_13)
		plain[len++] = type;
	body = skip + len + 16;
	record[0] = is_13 ? 23 : type;
	record[1] = 3;
	record[2] = 3;
	record[3] = (uint8_t)(body >> 8);
	record[4] = (uint8_t)body;
	for (i = 0; i < (int)skip; i++)
		record[5 + i] = (uint8_t)(nonce >> (56 - 8 * i));
	peer_key_and_nonce(result, direction, skip ? record + 5 : NULL, key, iv);
	aad_len = peer_aad(result, direction->seq, type, len, record, aad);
	assert_true(peer_aead(result, true, key, iv, aad, aad_len, plain, len,
			      record + 5 + skip, record + 5 + skip + len));
	direction->seq++;
	return 5 + body;
}

int test_open(const struct ktlsd_result *result, struct ktlsd_direction *direction,
	      const uint8_t *record, size_t len, uint8_t *data, uint8_t *ret_type)
{
	size_t skip = result->suite->explicit_nonce ? 8 : 0, aad_len, plain;
	uint8_t key[32], iv[12], aad[13], tag[16];

	assert_true(len >= 5 + skip + 16);
	plain = len - 5 - skip - 16;
	peer_key_and_nonce(result, direction, skip ? record + 5 : NULL, key, iv);
	aad_len = peer_aad(result, direction->seq, record[0], plain, record, aad);
	memcpy(tag, record + len - 16, 16);
	if (!peer_aead(result, false, key, iv, aad, aad_len, record + 5 + skip,
		       plain, data, tag))
		return -1;
	direction->seq++;
	*ret_type = record[0];
	if (result->version == KTLS_TLS_1_3) {
		while (plain && !data[plain - 1])
			plain--;
		assert_true(plain > 0);
		*ret_type = data[--plain];
	}
	return (int)plain;
}
