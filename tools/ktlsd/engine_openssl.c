// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "algorithms.h"
#include "engine.h"
#include "public_key.h"

/* Post-quantum first where OpenSSL knows it; no finite fields: a peer could
 * make us calculate in 8192 bits.
 */
static const char *const engine_groups[] = {
	"*X25519MLKEM768/*X25519:P-256:X448:P-384:P-521",
	"X25519:P-256:X448:P-384:P-521",
};

static int engine_select_alpn(SSL *ssl, const unsigned char **ret_protocol,
			      unsigned char *ret_len, const unsigned char *offered,
			      unsigned int offered_len, void *arg)
{
	const struct ktlsd_engine *engine = SSL_get_app_data(ssl);
	const unsigned char *ours;
	unsigned int at, i;

	(void)arg;
	if (!engine->alpn_len)
		return SSL_TLSEXT_ERR_NOACK;
	/* Our order counts. Ours was checked; theirs may be cut short. */
	for (at = 0; at < engine->alpn_len; at += 1 + engine->alpn[at]) {
		ours = engine->alpn + at;
		for (i = 0; i < offered_len; i += 1 + offered[i]) {
			if (offered[i] >= offered_len - i)
				break;
			if (offered[i] != ours[0] ||
			    memcmp(offered + i + 1, ours + 1, ours[0]))
				continue;
			*ret_protocol = ours + 1;
			*ret_len = ours[0];
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void engine_note_alert(const SSL *ssl, int where, int value)
{
	struct ktlsd_engine *engine = SSL_get_app_data(ssl);
	int level = value >> 8, description = value & 0xff;

	if (!(where & SSL_CB_ALERT))
		return;
	/* A warning ends nothing, unless it says that the peer is leaving. */
	if (level != SSL3_AL_FATAL && description != SSL3_AD_CLOSE_NOTIFY)
		return;
	engine->alert = description;
	engine->alert_received = where & SSL_CB_READ;
}

/* Counts records from where their keys come into use: in TLS 1.2 that is behind
 * ChangeCipherSpec; in TLS 1.3, where it is without meaning, ktlsd_keys_log() begins.
 */
static void engine_note_record(int written, int version, int type,
			       const void *header, size_t len, SSL *ssl, void *arg)
{
	struct ktlsd_engine *engine = arg;
	struct ktlsd_counter *counter = written ? &engine->sealed : &engine->opened;

	(void)version;
	if (type != SSL3_RT_HEADER || !len)
		return;
	if (*(const uint8_t *)header != SSL3_RT_CHANGE_CIPHER_SPEC) {
		counter->records += counter->started;
	} else if (SSL_version(ssl) == TLS1_2_VERSION) {
		counter->started = true;
		counter->records = 0;
	}
}

int ktlsd_engine_prepare(SSL_CTX *ctx)
{
	uint64_t options = SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
			   SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE;
	size_t i;

#ifdef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION
	options |= SSL_OP_NO_RX_CERTIFICATE_COMPRESSION |
		   SSL_OP_NO_TX_CERTIFICATE_COMPRESSION;
#endif
	SSL_CTX_set_options(ctx, options);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_quiet_shutdown(ctx, 1);
	SSL_CTX_set_read_ahead(ctx, 0);
	SSL_CTX_set_max_cert_list(ctx, KTLSD_ENGINE_CERTS_MAX);
	if (SSL_CTX_get_security_level(ctx) < KTLSD_SECURITY_LEVEL)
		SSL_CTX_set_security_level(ctx, KTLSD_SECURITY_LEVEL);
	if (!SSL_CTX_set_num_tickets(ctx, 0) ||
	    !SSL_CTX_set_max_early_data(ctx, 0) ||
	    !SSL_CTX_set_recv_max_early_data(ctx, KTLSD_ENGINE_EARLY_MAX))
		return -ENOMEM;

	for (i = 0; i < sizeof(engine_groups) / sizeof(*engine_groups); i++) {
		if (SSL_CTX_set1_groups_list(ctx, engine_groups[i]))
			break;
	}
	ERR_clear_error();

	SSL_CTX_set_keylog_callback(ctx, ktlsd_keys_log);
	SSL_CTX_set_info_callback(ctx, engine_note_alert);
	SSL_CTX_set_alpn_select_cb(ctx, engine_select_alpn, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, ktlsd_verify_chain, NULL);
	return ktlsd_issue_prepare(ctx);
}

/* Versions and suites have to agree: a version without a suite is not offered. */
static int engine_setup_suites(struct ktlsd_engine *engine,
			       const struct ktlsd_request *request,
			       uint32_t suites, struct ktlsd_fault *fault)
{
	uint16_t min = request->version_min, max = request->version_max;
	struct ktlsd_suites_choice choice;
	int err;

	err = ktlsd_suites_choose(request->ciphers, suites, &choice, fault);
	if (err)
		return err;
	if (!choice.tls13[0] && max == KTLS_TLS_1_3)
		max = KTLS_TLS_1_2;
	if (!choice.tls12[0] && min == KTLS_TLS_1_2)
		min = KTLS_TLS_1_3;
	if (min > max)
		return ktlsd_errors_set(fault, -EINVAL,
			"No cipher suite is left for the TLS versions that are allowed: KTLS_CIPHERS and KTLS_VERSIONS contradict each other.");

	if (!SSL_set_min_proto_version(engine->ssl, min) ||
	    !SSL_set_max_proto_version(engine->ssl, max) ||
	    !SSL_set_ciphersuites(engine->ssl, choice.tls13) ||
	    (choice.tls12[0] && !SSL_set_cipher_list(engine->ssl, choice.tls12)))
		return ktlsd_errors_set(fault, -EINVAL,
			"OpenSSL refuses the TLS versions or cipher suites: %s.",
			ktlsd_errors_openssl_reason());
	return 0;
}

static int engine_setup(struct ktlsd_engine *engine,
			const struct ktlsd_request *request, uint32_t suites,
			const STACK_OF(X509_NAME) *ca_names,
			struct ktlsd_fault *fault)
{
	BIO *rbio = BIO_new(BIO_s_mem()), *wbio = BIO_new(BIO_s_mem());
	int err;

	if (!rbio || !wbio) {
		BIO_free(rbio);
		BIO_free(wbio);
		return ktlsd_errors_set(fault, -ENOMEM, "There is no memory.");
	}
	SSL_set_bio(engine->ssl, rbio, wbio);
	SSL_set_app_data(engine->ssl, engine);
	SSL_set_msg_callback(engine->ssl, engine_note_record);
	SSL_set_msg_callback_arg(engine->ssl, engine);
	err = engine_setup_suites(engine, request, suites, fault);
	if (!err)
		err = ktlsd_algorithms_set_groups(engine->ssl, request->groups, fault);
	if (!err)
		err = ktlsd_algorithms_set_sigalgs(engine->ssl, request->sigalgs, fault);
	if (err)
		return err;
	err = ktlsd_verify_setup(engine, ca_names);
	/* It returns 0 for success, unlike its siblings. */
	if (!err && !engine->is_server && engine->alpn_len &&
	    SSL_set_alpn_protos(engine->ssl, engine->alpn, engine->alpn_len))
		err = -ENOMEM;
	if (err)
		return ktlsd_errors_set(fault, err,
			"OpenSSL refuses the name or the protocols to ask for.");
	if (engine->is_server)
		SSL_set_accept_state(engine->ssl);
	else
		SSL_set_connect_state(engine->ssl);
	return 0;
}

int ktlsd_engine_new(SSL_CTX *ctx, const struct ktlsd_request *request,
		     uint32_t suites, const STACK_OF(X509_NAME) *ca_names,
		     struct ktlsd_engine **ret_engine,
		     struct ktlsd_fault *fault)
{
	struct ktlsd_engine *engine;
	int err = -ENOMEM;

	ERR_clear_error();
	fault->alert = KTLSD_ALERT_NONE;
	fault->alert_received = false;
	engine = calloc(1, sizeof(*engine));
	if (engine)
		engine->ssl = SSL_new(ctx);
	if (!engine || !engine->ssl) {
		ktlsd_errors_set(fault, err, "There is no memory.");
		goto free_engine;
	}
	engine->is_server = request->is_server;
	engine->verify = request->verify;
	engine->uid = request->caller.uid;
	engine->name = request->name;
	memcpy(engine->alpn, request->alpn, request->alpn_len);
	engine->alpn_len = request->alpn_len;
	engine->alert = KTLSD_ALERT_NONE;

	err = engine_setup(engine, request, suites, ca_names, fault);
	if (err)
		goto free_engine;
	*ret_engine = engine;
	return 0;

free_engine:
	ERR_clear_error();
	ktlsd_engine_free(engine);
	return err;
}

/* Moves what OpenSSL wrote into the engine's output. */
static int engine_collect(struct ktlsd_engine *engine)
{
	BIO *wbio = SSL_get_wbio(engine->ssl);
	char *data;
	long len;
	int err;

	len = BIO_get_mem_data(wbio, &data);
	if (len <= 0)
		return 0;
	ktlsd_keys_scan(&engine->scanner, (const uint8_t *)data, (size_t)len);
	err = ktlsd_buffer_append(&engine->output, data, (size_t)len,
				  KTLSD_ENGINE_OUTPUT_MAX);
	BIO_reset(wbio);
	return err;
}

static int engine_fail(struct ktlsd_engine *engine, struct ktlsd_fault *fault)
{
	const char *whose = engine->is_server ? NULL : engine->name.text;
	const char *key;

	fault->alert = engine->alert;
	fault->alert_received = engine->alert_received;
	if (engine->alert_received || !engine->verdict.error)
		return ktlsd_errors_from_ssl(fault, engine->is_server);
	key = ktlsd_public_key_explain(engine->verdict.error);
	if (key)
		return ktlsd_errors_set(fault, -EKEYREJECTED,
			"A certificate of the peer has %s.", key);
	return ktlsd_errors_from_verdict(fault, &engine->verdict, whose);
}

/*
 * A record that holds more than Finished leaves plaintext in OpenSSL which the kernel
 * could never have. OpenSSL itself refuses that in TLS 1.3 only (RFC 8446 5.1).
 */
static int engine_refuse_leftover(struct ktlsd_engine *engine,
				  struct ktlsd_fault *fault)
{
	int err = ktlsd_alert_seal(engine, SSL_AD_UNEXPECTED_MESSAGE, fault);

	if (err)
		return err;
	fault->alert = SSL_AD_UNEXPECTED_MESSAGE;
	return ktlsd_errors_set(fault, -EPROTO,
		"The peer put another message into the record of its Finished.");
}

int ktlsd_engine_run(struct ktlsd_engine *engine, const void *input, size_t len,
		     struct ktlsd_fault *fault)
{
	BIO *rbio = SSL_get_rbio(engine->ssl);
	int ret, err;

	fault->alert = KTLSD_ALERT_NONE;
	fault->alert_received = false;
	engine->consumed = 0;
	if (len > KTLSD_ENGINE_INPUT_MAX - engine->input)
		return ktlsd_errors_set(fault, -EPROTO,
			"The peer sent more than %d bytes and did not finish the handshake.",
			KTLSD_ENGINE_INPUT_MAX);
	engine->input += len;
	if (len && BIO_write(rbio, input, (int)len) != (int)len)
		return ktlsd_errors_set(fault, -ENOMEM, "There is no memory.");

	ERR_clear_error();
	ret = SSL_do_handshake(engine->ssl);
	err = ret == 1 ? SSL_ERROR_NONE : SSL_get_error(engine->ssl, ret);
	engine->consumed = len - BIO_ctrl_pending(rbio);
	if (engine_collect(engine))
		return ktlsd_errors_set(fault, -ENOMEM,
			"Our own handshake messages are too long.");
	if (err == SSL_ERROR_WANT_READ)
		return 0;
	if (err != SSL_ERROR_NONE)
		return engine_fail(engine, fault);
	if (SSL_has_pending(engine->ssl))
		return engine_refuse_leftover(engine, fault);
	engine->finished = true;
	return 1;
}

int ktlsd_engine_refuse(struct ktlsd_engine *engine, const void *header, size_t len,
			const char *sentence, size_t sentence_len,
			struct ktlsd_fault *fault)
{
	/* What OpenSSL tolerates in no state. */
	static const uint8_t unknown[] = { 0xff, 3, 3, 0, 1, 0 };
	/* As long as the header says, so that it goes on to look at its type. */
	static const uint8_t body[UINT16_MAX];
	static const uint8_t no_tls[] = {
		SSL3_RT_ALERT, 3, 3, 0, 2, SSL3_AL_FATAL, SSL_AD_PROTOCOL_VERSION,
	};
	const bool is_first = SSL_get_state(engine->ssl) == TLS_ST_CW_CLNT_HELLO;
	uint8_t head[SSL3_RT_HEADER_LENGTH] = { 0 };
	size_t size;
	int ret;

	memcpy(head, header, len < sizeof(head) ? len : sizeof(head));
	size = (size_t)(head[3] << 8 | head[4]);
	/* It would complain of a type first. */
	if (size > SSL3_RT_MAX_ENCRYPTED_LENGTH)
		head[0] = SSL3_RT_APPLICATION_DATA;
	ret = ktlsd_engine_run(engine, head, sizeof(head), fault);
	if (!ret)
		ret = ktlsd_engine_run(engine, body, size, fault);
	if (!ret)
		ret = ktlsd_engine_run(engine, unknown, sizeof(unknown), fault);
	/* To what does not look like TLS at all it says nothing. Nothing is sealed then. */
	if (is_first && fault->alert == KTLSD_ALERT_NONE &&
	    !ktlsd_buffer_append(&engine->output, no_tls, sizeof(no_tls),
				 KTLSD_ENGINE_OUTPUT_MAX))
		fault->alert = SSL_AD_PROTOCOL_VERSION;
	return ktlsd_errors_set(fault, ret < 0 ? ret : -EPROTO, "%.*s",
				(int)sentence_len, sentence);
}

static void engine_fill_names(struct ktlsd_engine *engine,
			      struct ktlsd_result *result)
{
	struct ktlsd_name name;

	SSL_get0_alpn_selected(engine->ssl, &result->alpn, &result->alpn_len);
	/* A name that no host can have is not passed on. */
	if (engine->is_server && !ktlsd_names_parse(engine->asked, &name) &&
	    name.kind == KTLSD_NAME_HOST)
		snprintf(result->server_name, sizeof(result->server_name), "%s",
			 name.text);
	if (!result->verified)
		return;
	if (sk_X509_num(engine->chain) > 0)
		ktlsd_peer_describe(sk_X509_value(engine->chain, 0), &result->peer);
	if (engine->psk && SSL_session_reused(engine->ssl))
		snprintf(result->peer_name, sizeof(result->peer_name), "%.*s",
			 (int)engine->psk->identity_len,
			 (const char *)engine->psk->identity);
	else if (!engine->is_server)
		snprintf(result->peer_name, sizeof(result->peer_name), "%s",
			 engine->name.text);
	else
		snprintf(result->peer_name, sizeof(result->peer_name), "%s",
			 result->peer.name);
}

/* What the verification of another handshake has to say about this one. */
static int engine_adopt(struct ktlsd_engine *engine)
{
	X509 *leaf;

	/* An external key: whoever knows it is the peer. */
	if (engine->psk) {
		engine->verified = true;
		return 0;
	}
	if (!engine->is_server) {
		/* Only sessions with a verified peer are kept. */
		if (!engine->offered)
			return -EPROTO;
		engine->verified = true;
		sk_X509_pop_free(engine->presented, X509_free);
		engine->presented = engine->offered->presented ?
			X509_chain_up_ref(engine->offered->presented) : NULL;
		engine->chain = engine->offered->chain ?
			X509_chain_up_ref(engine->offered->chain) : NULL;
		return 0;
	}
	leaf = SSL_get0_peer_certificate(engine->ssl);
	engine->verified = engine->ticket_verified && leaf;
	if (!leaf)
		return 0;
	engine->presented = sk_X509_new_null();
	if (!engine->presented || !X509_up_ref(leaf))
		return -ENOMEM;
	if (!sk_X509_push(engine->presented, leaf)) {
		X509_free(leaf);
		return -ENOMEM;
	}
	if (engine->verified)
		engine->chain = X509_chain_up_ref(engine->presented);
	return 0;
}

/* Who is the peer, as far as it was verified? */
static int engine_settle_peer(struct ktlsd_engine *engine)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(engine->ssl);

	if (SSL_session_reused(engine->ssl))
		return engine_adopt(engine);
	if (engine->verified && chain)
		engine->chain = X509_chain_up_ref(chain);
	return 0;
}

int ktlsd_engine_finish(struct ktlsd_engine *engine,
			struct ktlsd_result *ret_result,
			struct ktlsd_fault *fault)
{
	struct ktlsd_result *result = ret_result;
	const SSL_CIPHER *cipher = SSL_get_current_cipher(engine->ssl);
	uint8_t fragment;
	int err;

	memset(result, 0, sizeof(*result));
	result->version = (uint16_t)SSL_version(engine->ssl);
	if (cipher)
		result->suite = ktlsd_suites_find(SSL_CIPHER_get_protocol_id(cipher));
	if (!engine->finished || !result->suite ||
	    result->suite->version != result->version)
		return ktlsd_errors_set(fault, -EPROTO,
			"The handshake came to a suite that was not asked for.");
	err = engine_settle_peer(engine);
	if (err)
		return ktlsd_errors_set(fault, err,
			"The handshake resumed a session that is not known.");
	/* OpenSSL saw to it; but nothing else may depend on that. */
	if (engine->verify == KTLS_VERIFY_REQUIRED && !engine->verified)
		return ktlsd_errors_set(fault, -EKEYREJECTED,
			"The peer's certificate was not verified.");
	err = ktlsd_keys_derive(engine, result, fault);
	if (err) {
		ktlsd_engine_wipe_result(result);
		return err;
	}
	result->group = ktlsd_info_group(engine->ssl);
	result->sigalg = ktlsd_info_sigalg(engine->ssl);
	result->verified = engine->verified;
	result->resumed = SSL_session_reused(engine->ssl) && !engine->psk;
	fragment = SSL_SESSION_get_max_fragment_length(SSL_get0_session(engine->ssl));
	if (fragment != TLSEXT_max_fragment_length_DISABLED)
		result->max_fragment = UINT32_C(256) << fragment;
	engine_fill_names(engine, result);
	return 0;
}

void ktlsd_engine_wipe_result(struct ktlsd_result *result)
{
	OPENSSL_cleanse(result, sizeof(*result));
}

void ktlsd_engine_free(struct ktlsd_engine *engine)
{
	if (!engine)
		return;
	SSL_free(engine->ssl);
	X509_free(engine->verdict.cert);
	sk_X509_pop_free(engine->presented, X509_free);
	sk_X509_pop_free(engine->chain, X509_free);
	ktlsd_saved_put(engine->offered);
	ktlsd_buffer_free(&engine->output);
	OPENSSL_cleanse(engine, sizeof(*engine));
	free(engine);
}
