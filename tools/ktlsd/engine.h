/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The TLS handshake on memory buffers: records in, records out, keys at the
 * end. Knows neither netlink nor sockets. An engine belongs to one thread.
 */
#ifndef KTLSD_ENGINE_H
#define KTLSD_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "lib/buffer.h"
#include "cache.h"
#include "errors.h"
#include "names.h"
#include "request.h"
#include "suites.h"
#include "ticket_keys.h"

enum {
	KTLSD_ENGINE_INPUT_MAX	= 524288,	/* handshake bytes of one peer */
	KTLSD_ENGINE_OUTPUT_MAX	= 262144,	/* bytes of ours in one batch */
	KTLSD_ENGINE_CERTS_MAX	= 65536,	/* bytes of a peer's certificates */
	KTLSD_ENGINE_EARLY_MAX	= 131072,	/* bytes of 0-RTT data skipped */
};

/**
 * struct ktlsd_direction - keys of one direction
 * @secret: 1.3: traffic secret of generation 0; 1.2: the AEAD key
 * @secret_len: bytes, 0 while unknown
 * @iv: 1.2: the implicit part of the nonce
 * @iv_len: bytes
 * @seq: sequence number of the next record
 */
struct ktlsd_direction {
	uint8_t		secret[KTLS_GENL_SECRET_MAX];
	size_t		secret_len;
	uint8_t		iv[12];
	size_t		iv_len;
	uint64_t	seq;
};

/**
 * struct ktlsd_peer - a certificate as the kernel tells it to programs
 * @name: what KTLS_PEER_NAME says of a client with it, or ""
 * @subject: KTLS_PEER_SUBJECT
 * @names: KTLS_PEER_NAMES
 * @fingerprint: KTLS_PEER_FINGERPRINT
 * @fingerprint_len: bytes, 0 if nobody was verified by a certificate
 */
struct ktlsd_peer {
	char		name[KTLSD_NAME_MAX + 1];
	char		subject[KTLS_GENL_PEER_MAX + 1];
	char		names[KTLS_GENL_PEER_MAX + 1];
	uint8_t		fingerprint[KTLS_GENL_FINGERPRINT];
	size_t		fingerprint_len;
};

/**
 * struct ktlsd_result - what a handshake came to
 * @version: KTLS_TLS_1_2 or KTLS_TLS_1_3
 * @suite: which suite
 * @group: IANA number, 0 if unknown
 * @sigalg: IANA number of the peer's signature, 0 if it did not sign
 * @tx: keys of what we send
 * @rx: keys of what we receive
 * @tx_nonce: 1.2 GCM: explicit nonce of the next record
 * @exporter: 1.3: exporter_secret; 1.2: master secret, and the randoms of client
 *	and server
 * @exporter_len: bytes; 0 for 1.2 without extended master secret (RFC 7627)
 * @max_fragment: largest plaintext we may send, 0 for the usual
 * @verified: chain, and for a client the name, were verified
 * @resumed: by a ticket or a session id
 * @peer_name: what was verified, or ""
 * @peer: the leaf that was verified; empty if none was
 * @alpn: the protocol chosen, inside the engine
 * @alpn_len: bytes, 0 for none
 * @server_name: server: what the client asked for, or ""
 *
 * Wiped with ktlsd_engine_wipe_result().
 */
struct ktlsd_result {
	uint16_t			version;
	const struct ktlsd_suite	*suite;
	uint16_t			group;
	uint16_t			sigalg;
	struct ktlsd_direction		tx;
	struct ktlsd_direction		rx;
	uint64_t			tx_nonce;
	uint8_t				exporter[KTLS_GENL_EXPORTER_MAX];
	size_t				exporter_len;
	uint32_t			max_fragment;
	bool				verified;
	bool				resumed;
	char				peer_name[KTLSD_NAME_MAX + 1];
	struct ktlsd_peer		peer;
	const uint8_t			*alpn;
	unsigned int			alpn_len;
	char				server_name[KTLSD_NAME_MAX + 1];
};

/**
 * struct ktlsd_scanner - reads our own output for the explicit nonce
 * @after_ccs: ChangeCipherSpec went by
 * @found: a handshake record after it went by
 * @nonce: explicit nonce of the last such record
 */
struct ktlsd_scanner {
	bool		after_ccs;
	bool		found;
	uint64_t	nonce;
};

/**
 * struct ktlsd_counter - records of one direction under the keys that the kernel gets
 * @started: those keys are in use
 * @records: sealed, or opened, with them
 */
struct ktlsd_counter {
	bool		started;
	uint64_t	records;
};

/**
 * struct ktlsd_secrets - what the keylog callback heard, TLS 1.3
 * @client: CLIENT_TRAFFIC_SECRET_0
 * @server: SERVER_TRAFFIC_SECRET_0
 * @exporter: EXPORTER_SECRET
 * @client_len: bytes, 0 while unknown; likewise the others
 */
struct ktlsd_secrets {
	uint8_t	client[KTLS_GENL_SECRET_MAX];
	uint8_t	server[KTLS_GENL_SECRET_MAX];
	uint8_t	exporter[KTLS_GENL_SECRET_MAX];
	size_t	client_len;
	size_t	server_len;
	size_t	exporter_len;
};

/**
 * struct ktlsd_engine - one handshake
 * @ssl: OpenSSL's object; owns the two memory BIOs
 * @is_server: our role
 * @verify: enum ktls_verify
 * @name: what the server has to prove to be, if we are a client
 * @alpn: our protocols, RFC 7301 list
 * @alpn_len: bytes
 * @finished: the handshake is complete
 * @verified: X509_verify_cert() was content
 * @verdict: else why not
 * @presented: what the peer sent, leaf first; NULL for nothing
 * @chain: the chain that was verified; NULL for none
 * @alert: last fatal or closing alert, KTLSD_ALERT_NONE for none
 * @alert_received: it came from the peer
 * @sealed: what we wrote: a Finished or a ticket may take several records
 * @opened: what we read
 * @resumable: sessions may be resumed, and kept or issued
 * @fingerprint: if so: which ones
 * @keys: of a server's tickets
 * @uid: whose they are
 * @offered: a client's session that was offered; a reference
 * @psk: KTLS_PSK, or NULL; not owned
 * @asked: the name in a client's hello, lower case, or ""
 * @ticket_id: of the client's ticket, if it was good; else zeros
 * @ticket_verified: the client's ticket says that its certificate was verified
 * @expires: and when that ends, seconds since the epoch; INT64_MAX: never
 * @fed: a client's: records fed after the handshake
 * @input: bytes fed so far
 * @consumed: bytes of the last batch that belong to the handshake
 * @output: records to be sent, until ktlsd_engine_take_output()
 * @scanner: for 1.2
 * @secrets: for 1.3
 */
struct ktlsd_engine {
	SSL				*ssl;
	bool				is_server;
	uint32_t			verify;
	struct ktlsd_name		name;
	uint8_t				alpn[KTLSD_ALPN_MAX];
	size_t				alpn_len;
	bool				finished;
	bool				verified;
	struct ktlsd_verdict		verdict;
	STACK_OF(X509)			*presented;
	STACK_OF(X509)			*chain;
	int				alert;
	bool				alert_received;
	struct ktlsd_counter		sealed;
	struct ktlsd_counter		opened;
	bool				resumable;
	struct ktlsd_fingerprint	fingerprint;
	struct ktlsd_ticket_keys	*keys;
	uint32_t			uid;
	struct ktlsd_saved		*offered;
	const struct ktls_psk		*psk;
	char				asked[KTLSD_NAME_MAX + 1];
	uint8_t				ticket_id[KTLSD_TICKET_ID];
	bool				ticket_verified;
	int64_t				expires;
	uint64_t			fed;
	size_t				input;
	size_t				consumed;
	struct ktlsd_buffer		output;
	struct ktlsd_scanner		scanner;
	struct ktlsd_secrets		secrets;
};

/* What every SSL_CTX of ours needs. Return: 0 or -ENOMEM. */
int ktlsd_engine_prepare(SSL_CTX *ctx);

/**
 * ktlsd_engine_new - begin a handshake, or find out that it cannot begin
 * @ctx: prepared; its credential and trust anchors are set
 * @request: what is wanted
 * @suites: mask of what the kernel can do
 * @ca_names: for a server's CertificateRequest, or NULL; not taken over
 * @ret_engine: ktlsd_engine_free() releases it
 * @fault: on error
 *
 * Return: 0, -EINVAL or -ENOMEM
 */
int ktlsd_engine_new(SSL_CTX *ctx, const struct ktlsd_request *request,
		     uint32_t suites, const STACK_OF(X509_NAME) *ca_names,
		     struct ktlsd_engine **ret_engine,
		     struct ktlsd_fault *fault);

/**
 * ktlsd_engine_run - take a batch of records and go on
 * @engine: not failed and not finished
 * @input: whole records; none for the beginning of a client
 * @len: bytes
 * @fault: on error
 *
 * Afterwards @engine->output holds what has to be sent, on error too.
 *
 * Return: 1 finished, 0 more input is needed, or a negative errno
 */
int ktlsd_engine_run(struct ktlsd_engine *engine, const void *input, size_t len,
		     struct ktlsd_fault *fault);

/**
 * ktlsd_engine_refuse - have the alert made that a record against the RFC deserves
 * @engine: not failed and not finished
 * @header: the record's
 * @len: bytes of it
 * @sentence: why it is against the RFC; not NUL-terminated
 * @sentence_len: bytes of it
 * @fault: filled
 *
 * Afterwards @engine->output holds the alert, sealed as it has to be.
 *
 * Return: a negative errno
 */
int ktlsd_engine_refuse(struct ktlsd_engine *engine, const void *header, size_t len,
			const char *sentence, size_t sentence_len,
			struct ktlsd_fault *fault);

/**
 * ktlsd_engine_finish - keys and all else after ktlsd_engine_run() returned 1
 * @ret_result: filled; points into @engine
 *
 * Return: 0 or a negative errno
 */
int ktlsd_engine_finish(struct ktlsd_engine *engine,
			struct ktlsd_result *ret_result,
			struct ktlsd_fault *fault);

void ktlsd_engine_wipe_result(struct ktlsd_result *result);

/* Wipes every secret and the output. @engine may be NULL. */
void ktlsd_engine_free(struct ktlsd_engine *engine);

/* engine_keys.c */

/* Callback for SSL_CTX_set_keylog_callback(). */
void ktlsd_keys_log(const SSL *ssl, const char *line);

/* Looks at records on their way out. */
void ktlsd_keys_scan(struct ktlsd_scanner *scanner, const uint8_t *records,
		     size_t len);

/**
 * ktlsd_keys_expand - HKDF-Expand-Label of RFC 8446 7.1, without a context
 *
 * Return: 0 or -EPROTO
 */
int ktlsd_keys_expand(const char *digest, const uint8_t *secret, size_t secret_len,
		      const char *label, uint8_t *out, size_t out_len);

/* Fills the two directions, the nonce and the exporter secret. */
int ktlsd_keys_derive(struct ktlsd_engine *engine, struct ktlsd_result *result,
		      struct ktlsd_fault *fault);

/* engine_verify.c */

/* Callback for SSL_CTX_set_cert_verify_callback(). */
int ktlsd_verify_chain(X509_STORE_CTX *store_ctx, void *arg);

/* Tells OpenSSL what to demand of the peer's certificate. */
int ktlsd_verify_setup(struct ktlsd_engine *engine,
		       const STACK_OF(X509_NAME) *ca_names);

/* engine_ticket.c: sessions of a client */

/**
 * ktlsd_ticket_offer - resume a session if there is one, let there be new ones
 * @engine: a client's, not begun
 * @fingerprint: of the request
 * @saved: what the cache had for it, or NULL; the reference is the engine's
 *
 * A server that does not want the session gets a full handshake.
 */
void ktlsd_ticket_offer(struct ktlsd_engine *engine,
			const struct ktlsd_fingerprint *fingerprint,
			struct ktlsd_saved *saved);

/* How many NewSessionTickets the engine wants after its handshake. */
unsigned int ktlsd_ticket_wanted(const struct ktlsd_engine *engine);

/* Nothing but tickets is read any more, and never a byte written. -ENOMEM. */
int ktlsd_ticket_keep(struct ktlsd_engine *engine);

/**
 * ktlsd_ticket_feed - make a session of a ticket that the kernel opened
 * @engine: after ktlsd_ticket_keep()
 * @body: of the NewSessionTicket
 * @len: bytes, at most KTLS_GENL_TICKET_MAX
 * @lifetime: bound, seconds
 * @ret_saved: a reference; NULL if it cannot be resumed
 *
 * Return: 0, or a negative errno: @engine is of no use any more
 */
int ktlsd_ticket_feed(struct ktlsd_engine *engine, const uint8_t *body, size_t len,
		      unsigned int lifetime, struct ktlsd_saved **ret_saved);

/* TLS 1.2: the session of a handshake that is complete, or NULL. */
struct ktlsd_saved *ktlsd_ticket_save(struct ktlsd_engine *engine, unsigned int lifetime);

/* engine_issue.c: tickets of a server */

/* Callbacks for every SSL_CTX of ours. Return: 0 or -ENOMEM. */
int ktlsd_issue_prepare(SSL_CTX *ctx);

/**
 * ktlsd_issue_allow - issue tickets, and accept those of the same fingerprint
 * @engine: a server's, not begun
 * @fingerprint: of the request
 * @keys: shared; outlive the engine
 * @count: how many, more than 0
 *
 * Return: 0 or -ENOMEM
 */
int ktlsd_issue_allow(struct ktlsd_engine *engine,
		      const struct ktlsd_fingerprint *fingerprint,
		      struct ktlsd_ticket_keys *keys, unsigned int count);

/* engine_alert.c */

/**
 * ktlsd_alert_seal - end a TLS 1.2 connection that is just complete
 * @engine: its keys are in use in both directions
 * @description: of the fatal alert, which goes to the output
 * @fault: on error
 *
 * OpenSSL sends an alert when its own handshake fails; here it did not.
 *
 * Return: 0 or a negative errno
 */
int ktlsd_alert_seal(struct ktlsd_engine *engine, uint8_t description,
		     struct ktlsd_fault *fault);

/* engine_psk.c */

/* Offers, or accepts, KTLS_PSK. @psk outlives the engine. */
void ktlsd_psk_use(struct ktlsd_engine *engine, const struct ktls_psk *psk);

/* engine_peer.c */

/* What there is to tell of a certificate; it must have been verified. */
void ktlsd_peer_describe(X509 *cert, struct ktlsd_peer *ret_peer);

/* engine_info.c */

/* IANA numbers of what was negotiated; 0 if unknown. */
uint16_t ktlsd_info_group(SSL *ssl);
uint16_t ktlsd_info_sigalg(SSL *ssl);

#endif
