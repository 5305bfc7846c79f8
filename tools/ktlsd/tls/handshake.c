// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "config/public_key.h"
#include "tls/alert.h"
#include "tls/algorithms.h"
#include "tls/handshake.h"
#include "tls/negotiated.h"
#include "tls/server_name.h"
#include "tls/server_ticket.h"
#include "tls/verify.h"

/* Post-quantum first, if OpenSSL supports it. No finite-field groups: a peer could make us
 * compute with 8192 bits.
 */
static const char *const handshake_groups[] = {
	"*X25519MLKEM768/*X25519:P-256:X448:P-384:P-521",
	"X25519:P-256:X448:P-384:P-521",
};

static int handshake_select_alpn(SSL *ssl, const unsigned char **ret_protocol,
				 unsigned char *ret_len, const unsigned char *offered,
				 unsigned int offered_len, void *arg)
{
	const struct ktlsd_handshake *hs = SSL_get_app_data(ssl);
	const unsigned char *ours;
	unsigned int at, i;

	(void)arg;
	if (!hs->alpn_len)
		return SSL_TLSEXT_ERR_NOACK;
	/* By our order of preference. Our list was validated, the peer's may be truncated. */
	for (at = 0; at < hs->alpn_len; at += 1 + hs->alpn[at]) {
		ours = hs->alpn + at;
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

static void handshake_note_alert(const SSL *ssl, int where, int value)
{
	struct ktlsd_handshake *hs = SSL_get_app_data(ssl);
	int level = value >> 8, description = value & 0xff;

	if (!(where & SSL_CB_ALERT))
		return;
	/* No warning ends the connection, except close_notify. */
	if (level != SSL3_AL_FATAL && description != SSL3_AD_CLOSE_NOTIFY)
		return;
	hs->alert = description;
	hs->alert_received = where & SSL_CB_READ;
}

/* Counts records from where the keys that the kernel gets come into use: in TLS 1.2 after
 * ChangeCipherSpec; in TLS 1.3 keys.c starts the count when the secrets come, which is after
 * a Finished.
 */
static void handshake_note_message(int written, int version, int type,
				   const void *data, size_t len, SSL *ssl, void *arg)
{
	struct ktlsd_handshake *hs = arg;
	struct ktlsd_record_counter *counter = written ? &hs->sealed : &hs->opened;

	(void)version;
	if (!len)
		return;
	if (type == SSL3_RT_HANDSHAKE && *(const uint8_t *)data == SSL3_MT_FINISHED) {
		hs->keys_due = true;
		ktlsd_keys_listen(hs);
	}
	if (type != SSL3_RT_HEADER)
		return;
	if (*(const uint8_t *)data != SSL3_RT_CHANGE_CIPHER_SPEC) {
		counter->records += counter->started;
	} else if (SSL_version(ssl) == TLS1_2_VERSION) {
		counter->started = true;
		counter->records = 0;
	}
}

int ktlsd_handshake_prepare(SSL_CTX *ctx)
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
	SSL_CTX_set_max_cert_list(ctx, KTLSD_HANDSHAKE_CERTS_MAX);
	if (SSL_CTX_get_security_level(ctx) < KTLSD_SECURITY_LEVEL)
		SSL_CTX_set_security_level(ctx, KTLSD_SECURITY_LEVEL);
	if (!SSL_CTX_set_num_tickets(ctx, 0) ||
	    !SSL_CTX_set_max_early_data(ctx, 0) ||
	    !SSL_CTX_set_recv_max_early_data(ctx, KTLSD_HANDSHAKE_EARLY_MAX))
		return -ENOMEM;

	for (i = 0; i < sizeof(handshake_groups) / sizeof(*handshake_groups); i++) {
		if (SSL_CTX_set1_groups_list(ctx, handshake_groups[i]))
			break;
	}
	ERR_clear_error();

	SSL_CTX_set_info_callback(ctx, handshake_note_alert);
	SSL_CTX_set_alpn_select_cb(ctx, handshake_select_alpn, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, ktlsd_verify_chain, NULL);
	if (ktlsd_status_prepare(ctx))
		return -ENOMEM;
	ktlsd_server_name_prepare(ctx);
	return ktlsd_server_ticket_prepare(ctx);
}

/* Setting the lists takes OpenSSL longer than SSL_new(). Those of the first handshake with a
 * context become the context's, and others are set only where they differ.
 */
static int handshake_set_suites(SSL *ssl, const struct ktlsd_suites_choice *choice)
{
	SSL_CTX *ctx = SSL_get_SSL_CTX(ssl);
	struct ktlsd_suites_choice *preset = SSL_CTX_get_app_data(ctx);

	if (preset && !strcmp(preset->tls13, choice->tls13) &&
	    !strcmp(preset->tls12, choice->tls12))
		return 0;
	if (!SSL_set_ciphersuites(ssl, choice->tls13) ||
	    (choice->tls12[0] && !SSL_set_cipher_list(ssl, choice->tls12)))
		return -EINVAL;
	if (preset && !preset->tls13[0] && !preset->tls12[0] &&
	    SSL_CTX_set_ciphersuites(ctx, choice->tls13) &&
	    (!choice->tls12[0] || SSL_CTX_set_cipher_list(ctx, choice->tls12)))
		*preset = *choice;
	return 0;
}

/* A version without a suite must not be offered. */
static int handshake_setup_suites(struct ktlsd_handshake *hs,
				  const struct ktlsd_request *request,
				  uint32_t suites, struct ktlsd_fault *fault)
{
	uint16_t min = request->version_min, max = request->version_max;
	struct ktlsd_suites_choice choice;
	int err;

	suites &= ~request->bounds.no_suites;
	err = ktlsd_suites_choose(request->ciphers, suites, &choice, fault);
	if (err)
		return err;
	if (!choice.tls13[0] && max == KTLS_TLS_1_3)
		max = KTLS_TLS_1_2;
	if (!choice.tls12[0] && min == KTLS_TLS_1_2)
		min = KTLS_TLS_1_3;
	if (min > max)
		return ktlsd_errors_set(fault, -EINVAL,
			"None of the cipher suites in KTLS_CIPHERS is for a TLS version in KTLS_VERSIONS.");

	if (!SSL_set_min_proto_version(hs->ssl, min) ||
	    !SSL_set_max_proto_version(hs->ssl, max) ||
	    handshake_set_suites(hs->ssl, &choice))
		return ktlsd_errors_set(fault, -EINVAL,
			"OpenSSL refuses the TLS versions or cipher suites: %s.",
			ktlsd_errors_openssl_reason());
	return 0;
}

static int handshake_setup(struct ktlsd_handshake *hs,
			   const struct ktlsd_request *request, uint32_t suites,
			   const STACK_OF(X509_NAME) *ca_names,
			   struct ktlsd_fault *fault)
{
	BIO *rbio = BIO_new(BIO_s_mem()), *wbio = BIO_new(BIO_s_mem());
	int err;

	if (!rbio || !wbio) {
		BIO_free(rbio);
		BIO_free(wbio);
		return ktlsd_errors_set(fault, -ENOMEM, "ktlsd is out of memory.");
	}
	SSL_set_bio(hs->ssl, rbio, wbio);
	SSL_set_app_data(hs->ssl, hs);
	SSL_set_msg_callback(hs->ssl, handshake_note_message);
	SSL_set_msg_callback_arg(hs->ssl, hs);
	err = handshake_setup_suites(hs, request, suites, fault);
	if (!err)
		err = ktlsd_algorithms_set(hs->ssl, KTLSD_ALGORITHMS_GROUPS, request->groups,
					   request->bounds.no_groups, fault);
	if (!err)
		err = ktlsd_algorithms_set(hs->ssl, KTLSD_ALGORITHMS_SIGALGS, request->sigalgs,
					   request->bounds.no_sigalgs, fault);
	if (err)
		return err;
	err = ktlsd_verify_setup(hs, ca_names);
	/* SSL_set_alpn_protos() returns 0 for success. */
	if (!err && !hs->is_server && hs->alpn_len &&
	    SSL_set_alpn_protos(hs->ssl, hs->alpn, hs->alpn_len))
		err = -ENOMEM;
	if (err)
		return ktlsd_errors_set(fault, err,
			"OpenSSL refuses the server name (KTLS_SERVER_NAME) or the protocols (KTLS_ALPN).");
	if (hs->is_server)
		SSL_set_accept_state(hs->ssl);
	else
		SSL_set_connect_state(hs->ssl);
	return 0;
}

int ktlsd_handshake_new(SSL_CTX *ctx, const struct ktlsd_request *request,
			uint32_t suites, const STACK_OF(X509_NAME) *ca_names,
			struct ktlsd_handshake **ret_handshake,
			struct ktlsd_fault *fault)
{
	struct ktlsd_handshake *hs;
	int err = -ENOMEM;

	ERR_clear_error();
	fault->alert = KTLSD_ALERT_NONE;
	fault->alert_received = false;
	hs = calloc(1, sizeof(*hs));
	if (hs)
		hs->ssl = SSL_new(ctx);
	if (!hs || !hs->ssl) {
		ktlsd_errors_set(fault, err, "ktlsd is out of memory.");
		goto free_handshake;
	}
	hs->is_server = request->is_server;
	hs->verify = request->verify;
	hs->owner.id = request->id;
	hs->owner.uid = request->caller.uid;
	hs->owner.source = request->source;
	hs->owner.role = request->is_server ? KTLS_ROLE_SERVER : KTLS_ROLE_CLIENT;
	hs->bounds = request->bounds;
	hs->owner.deadline = request->deadline;
	hs->owner.handshake = hs;
	hs->name = request->name;
	memcpy(hs->alpn, request->alpn, request->alpn_len);
	hs->alpn_len = request->alpn_len;
	hs->alert = KTLSD_ALERT_NONE;

	err = handshake_setup(hs, request, suites, ca_names, fault);
	if (err)
		goto free_handshake;
	*ret_handshake = hs;
	return 0;

free_handshake:
	ERR_clear_error();
	ktlsd_handshake_free(hs);
	return err;
}

/* Moves what OpenSSL wrote to the output. */
static int handshake_collect(struct ktlsd_handshake *hs)
{
	BIO *wbio = SSL_get_wbio(hs->ssl);
	char *data;
	long len;
	int err;

	len = BIO_get_mem_data(wbio, &data);
	if (len <= 0)
		return 0;
	ktlsd_keys_scan(&hs->scanner, (const uint8_t *)data, (size_t)len);
	err = ktlsd_buffer_append(&hs->output, data, (size_t)len,
				  KTLSD_HANDSHAKE_OUTPUT_MAX);
	BIO_reset(wbio);
	return err;
}

static int handshake_fail(struct ktlsd_handshake *hs, struct ktlsd_fault *fault)
{
	const char *whose = hs->is_server ? NULL : hs->name.text;
	char why[KTLSD_POLICY_WHY_MAX];
	const char *key;

	ktlsd_status_fix_alert(hs);
	fault->alert = hs->alert;
	fault->alert_received = hs->alert_received;
	if (!hs->alert_received && hs->status.reason[0])
		return ktlsd_errors_set(fault, -EKEYREJECTED, "%s", hs->status.reason);
	if (!hs->alert_received && ktlsd_server_name_explain(hs, fault))
		return fault->error;
	if (hs->owner.fault.error)
		return ktlsd_errors_set(fault, hs->owner.fault.error, "%s",
					hs->owner.fault.reason);
	if (hs->alert_received || !hs->verdict.error)
		return ktlsd_errors_from_ssl(fault, hs->is_server);
	key = ktlsd_public_key_explain(hs->verdict.error);
	if (hs->verdict.error == KTLSD_PUBLIC_KEY_POLICY &&
	    !ktlsd_policy_allows_key(&hs->bounds, X509_get0_pubkey(hs->verdict.cert), why))
		key = why;
	if (key)
		return ktlsd_errors_set(fault, -EKEYREJECTED,
			"A certificate of the peer has %s.", key);
	return ktlsd_errors_from_verdict(fault, &hs->verdict, whose);
}

/* If the record of Finished holds another message, that plaintext is in OpenSSL and cannot
 * reach the kernel. OpenSSL refuses such records only in TLS 1.3 (RFC 8446 5.1).
 */
static int handshake_refuse_leftover(struct ktlsd_handshake *hs,
				     struct ktlsd_fault *fault)
{
	int err = ktlsd_alert_seal(hs, SSL_AD_UNEXPECTED_MESSAGE, fault);

	if (err)
		return err;
	fault->alert = SSL_AD_UNEXPECTED_MESSAGE;
	return ktlsd_errors_set(fault, -EPROTO,
		"The peer sent another message in the same record as its Finished.");
}

static int handshake_call(void *arg)
{
	return SSL_do_handshake(arg);
}

/* Passes a batch to OpenSSL. */
static int handshake_feed(struct ktlsd_handshake *hs, const void *input, size_t len,
			  struct ktlsd_fault *fault)
{
	hs->batch = len;
	hs->consumed = 0;
	if (len > KTLSD_HANDSHAKE_INPUT_MAX - hs->input)
		return ktlsd_errors_set(fault, -EPROTO,
			"The peer sent more than %d bytes and did not finish the handshake.",
			KTLSD_HANDSHAKE_INPUT_MAX);
	hs->input += len;
	if (len && BIO_write(SSL_get_rbio(hs->ssl), input, (int)len) != (int)len)
		return ktlsd_errors_set(fault, -ENOMEM, "ktlsd is out of memory.");
	return 0;
}

int ktlsd_handshake_run(struct ktlsd_handshake *hs, const void *input, size_t len,
			struct ktlsd_fault *fault)
{
	int err, ret = 0;

	fault->alert = KTLSD_ALERT_NONE;
	fault->alert_received = false;
	err = hs->job ? 0 : handshake_feed(hs, input, len, fault);
	if (err)
		return err;

	/* Other handshakes of this thread may have left errors while this one was paused. */
	ERR_clear_error();
	ktlsd_keys_listen(hs);
	err = ktlsd_pause_run(&hs->job, &hs->owner, handshake_call, hs->ssl, &ret);
	if (err == 1)
		return KTLSD_HANDSHAKE_WAITS;
	if (err)
		return ktlsd_errors_set(fault, err, err == -ENOBUFS ?
			"ktlsd has too many handshakes that wait for a signature or a verdict: try again later." :
			"ktlsd is out of memory.");
	err = ret == 1 ? SSL_ERROR_NONE : SSL_get_error(hs->ssl, ret);
	hs->consumed = hs->batch - BIO_ctrl_pending(SSL_get_rbio(hs->ssl));
	if (handshake_collect(hs))
		return ktlsd_errors_set(fault, -ENOMEM,
			"The handshake messages of this side are longer than %d bytes: use a shorter certificate chain.",
			KTLSD_HANDSHAKE_OUTPUT_MAX);
	if (err == SSL_ERROR_WANT_READ)
		return KTLSD_HANDSHAKE_READS;
	if (err != SSL_ERROR_NONE)
		return handshake_fail(hs, fault);
	if (SSL_has_pending(hs->ssl))
		return handshake_refuse_leftover(hs, fault);
	hs->finished = true;
	return KTLSD_HANDSHAKE_FINISHED;
}

int ktlsd_handshake_refuse_record(struct ktlsd_handshake *hs, const void *header,
				  const char *reason, size_t reason_len,
				  struct ktlsd_fault *fault)
{
	/* A record that OpenSSL refuses in every state. */
	static const uint8_t unknown[] = { 0xff, 3, 3, 0, 1, 0 };
	/* The payload that the header announces: OpenSSL looks at the type after it. */
	static const uint8_t body[UINT16_MAX];
	static const uint8_t no_tls[] = {
		SSL3_RT_ALERT, 3, 3, 0, 2, SSL3_AL_FATAL, SSL_AD_PROTOCOL_VERSION,
	};
	const bool is_first = SSL_get_state(hs->ssl) == TLS_ST_CW_CLNT_HELLO;
	uint8_t head[SSL3_RT_HEADER_LENGTH];
	size_t size;
	int ret;

	memcpy(head, header, sizeof(head));
	size = (size_t)(head[3] << 8 | head[4]);
	/* OpenSSL would complain about the type first. */
	if (size > SSL3_RT_MAX_ENCRYPTED_LENGTH)
		head[0] = SSL3_RT_APPLICATION_DATA;
	ret = ktlsd_handshake_run(hs, head, sizeof(head), fault);
	if (!ret)
		ret = ktlsd_handshake_run(hs, body, size, fault);
	if (!ret)
		ret = ktlsd_handshake_run(hs, unknown, sizeof(unknown), fault);
	/* OpenSSL sends no alert if the first record is not TLS. No keys are in use then. */
	if (is_first && fault->alert == KTLSD_ALERT_NONE &&
	    !ktlsd_buffer_append(&hs->output, no_tls, sizeof(no_tls),
				 KTLSD_HANDSHAKE_OUTPUT_MAX))
		fault->alert = SSL_AD_PROTOCOL_VERSION;
	return ktlsd_errors_set(fault, ret < 0 ? ret : -EPROTO, "%.*s",
				(int)reason_len, reason);
}

static void handshake_fill_names(struct ktlsd_handshake *hs,
				 struct ktlsd_result *result)
{
	struct ktlsd_name name;

	SSL_get0_alpn_selected(hs->ssl, &result->alpn, &result->alpn_len);
	/* Pass on only valid host names. */
	if (hs->is_server && !ktlsd_names_parse(hs->server_name, &name) &&
	    name.kind == KTLSD_NAME_HOST)
		snprintf(result->server_name, sizeof(result->server_name), "%s",
			 name.text);
	if (!result->verified)
		return;
	if (sk_X509_num(hs->chain) > 0)
		ktlsd_peer_cert_describe(sk_X509_value(hs->chain, 0), &result->peer);
	if (hs->psk && SSL_session_reused(hs->ssl))
		snprintf(result->peer_name, sizeof(result->peer_name), "%.*s",
			 (int)hs->psk->identity_len,
			 (const char *)hs->psk->identity);
	else if (!hs->is_server)
		snprintf(result->peer_name, sizeof(result->peer_name), "%s",
			 hs->name.text);
	else
		snprintf(result->peer_name, sizeof(result->peer_name), "%s",
			 result->peer.name);
}

/* After a resumption: takes over what the full handshake verified. */
static int handshake_resume_peer(struct ktlsd_handshake *hs)
{
	X509 *leaf;

	/* An external pre-shared key authenticates the peer. */
	if (hs->psk) {
		hs->verified = true;
		return 0;
	}
	if (!hs->is_server) {
		/* Only sessions with a verified peer are saved. */
		if (!hs->offered)
			return -EPROTO;
		hs->verified = true;
		sk_X509_pop_free(hs->presented, X509_free);
		hs->presented = hs->offered->presented ?
			X509_chain_up_ref(hs->offered->presented) : NULL;
		hs->chain = hs->offered->chain ?
			X509_chain_up_ref(hs->offered->chain) : NULL;
		return 0;
	}
	leaf = SSL_get0_peer_certificate(hs->ssl);
	hs->verified = hs->ticket_verified && leaf;
	if (!leaf)
		return 0;
	hs->presented = sk_X509_new_null();
	if (!hs->presented || !X509_up_ref(leaf))
		return -ENOMEM;
	if (!sk_X509_push(hs->presented, leaf)) {
		X509_free(leaf);
		return -ENOMEM;
	}
	if (hs->verified)
		hs->chain = X509_chain_up_ref(hs->presented);
	return 0;
}

/* Stores who the peer is, if that was verified. */
static int handshake_identify_peer(struct ktlsd_handshake *hs)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(hs->ssl);

	if (SSL_session_reused(hs->ssl))
		return handshake_resume_peer(hs);
	if (hs->verified && chain)
		hs->chain = X509_chain_up_ref(chain);
	return 0;
}

/* The certificate can have been chosen by the server name, after ktlsd_comply_keys(). */
static int handshake_check_own_key(struct ktlsd_handshake *hs, struct ktlsd_fault *fault)
{
	X509 *cert = SSL_get_certificate(hs->ssl);
	char why[KTLSD_POLICY_WHY_MAX];

	if (!cert || ktlsd_policy_allows_key(&hs->bounds, X509_get0_pubkey(cert), why))
		return 0;
	return ktlsd_errors_set(fault, -EACCES, "The certificate of this side has %s.", why);
}

int ktlsd_handshake_finish(struct ktlsd_handshake *hs,
			   struct ktlsd_result *ret_result,
			   struct ktlsd_fault *fault)
{
	struct ktlsd_result *result = ret_result;
	const SSL_CIPHER *cipher = SSL_get_current_cipher(hs->ssl);
	uint8_t fragment;
	int err;

	memset(result, 0, sizeof(*result));
	result->version = (uint16_t)SSL_version(hs->ssl);
	if (cipher)
		result->suite = ktlsd_suites_find(SSL_CIPHER_get_protocol_id(cipher));
	if (!hs->finished || !result->suite ||
	    result->suite->version != result->version)
		return ktlsd_errors_set(fault, -EPROTO,
			"OpenSSL negotiated a cipher suite or TLS version that was not offered.");
	err = handshake_check_own_key(hs, fault);
	if (err)
		return err;
	err = handshake_identify_peer(hs);
	if (err)
		return ktlsd_errors_set(fault, err,
			"OpenSSL resumed a session that ktlsd did not offer.");
	/* OpenSSL has checked this; do not depend on it. */
	if (hs->verify == KTLS_VERIFY_REQUIRED && !hs->verified)
		return ktlsd_errors_set(fault, -EKEYREJECTED,
			"The peer's certificate was not verified.");
	err = ktlsd_keys_derive(hs, result, fault);
	if (err) {
		ktlsd_handshake_wipe_result(result);
		return err;
	}
	result->group = ktlsd_negotiated_group(hs->ssl);
	result->sigalg = ktlsd_negotiated_sigalg(hs->ssl);
	result->verified = hs->verified;
	result->revocation = hs->status.how;
	result->resumed = SSL_session_reused(hs->ssl) && !hs->psk;
	fragment = SSL_SESSION_get_max_fragment_length(SSL_get0_session(hs->ssl));
	if (fragment != TLSEXT_max_fragment_length_DISABLED)
		result->max_fragment = UINT32_C(256) << fragment;
	handshake_fill_names(hs, result);
	return 0;
}

void ktlsd_handshake_wipe_result(struct ktlsd_result *result)
{
	OPENSSL_cleanse(result, sizeof(*result));
}

void ktlsd_handshake_free(struct ktlsd_handshake *hs)
{
	if (!hs)
		return;
	/* Its callbacks still use the handshake. */
	ktlsd_pause_cancel(&hs->job);
	SSL_free(hs->ssl);
	X509_free(hs->verdict.cert);
	sk_X509_pop_free(hs->presented, X509_free);
	sk_X509_pop_free(hs->chain, X509_free);
	ktlsd_saved_session_put(hs->offered);
	ktlsd_buffer_free(&hs->output);
	OPENSSL_cleanse(hs, sizeof(*hs));
	free(hs);
}
