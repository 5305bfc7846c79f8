/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One TLS handshake, done by OpenSSL on memory buffers: records in, records out, and
 * keys when it is complete. It knows neither netlink nor sockets. A handshake belongs to
 * the thread of its worker; nothing here is locked.
 */
#ifndef KTLSD_HANDSHAKE_H
#define KTLSD_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "lib/buffer.h"
#include "errors.h"
#include "names.h"
#include "request.h"
#include "tls/cache.h"
#include "tls/fingerprint.h"
#include "tls/keys.h"
#include "tls/pause.h"
#include "tls/peer_cert.h"
#include "tls/status.h"
#include "tls/suites.h"
#include "tls/ticket_keys.h"

enum {
	KTLSD_HANDSHAKE_INPUT_MAX	= 524288,	/* bytes from the peer */
	KTLSD_HANDSHAKE_OUTPUT_MAX	= 262144,	/* bytes to the peer in one batch */
	KTLSD_HANDSHAKE_CERTS_MAX	= 65536,	/* bytes of the peer's certificates */
	KTLSD_HANDSHAKE_EARLY_MAX	= 131072,	/* bytes of 0-RTT data skipped */
};

/* What ktlsd_handshake_run() returns if nothing failed. */
enum ktlsd_handshake_progress {
	KTLSD_HANDSHAKE_READS,		/* more input is needed */
	KTLSD_HANDSHAKE_FINISHED,
	KTLSD_HANDSHAKE_WAITS,		/* for an answer that is not the peer's: run it again */
};

/**
 * struct ktlsd_result - outcome of a complete handshake
 * @version: KTLS_TLS_1_2 or KTLS_TLS_1_3
 * @suite: the cipher suite
 * @group: IANA number, 0 if unknown
 * @sigalg: IANA number of the peer's signature, 0 if it did not sign
 * @tx: keys for what we send
 * @rx: keys for what we receive
 * @tx_nonce: TLS 1.2 with GCM: explicit nonce of the next record
 * @exporter: TLS 1.3: exporter_secret; TLS 1.2: master secret, client random, server random
 * @exporter_len: bytes; 0 for TLS 1.2 without extended master secret (RFC 7627)
 * @max_fragment: largest plaintext we may send, 0 for the usual
 * @verified: the chain, and for a client the name, were verified
 * @resumed: by a ticket or a session id
 * @revocation: enum ktls_revocation, how the peer's certificate was checked
 * @peer_name: the verified name, or ""
 * @peer: the verified certificate; empty if none was
 * @alpn: the selected protocol; points into the handshake
 * @alpn_len: bytes, 0 for none
 * @server_name: server: the name the client asked for, or ""
 *
 * Wipe it with ktlsd_handshake_wipe_result().
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
	uint32_t			revocation;
	char				peer_name[KTLSD_NAME_MAX + 1];
	struct ktlsd_peer_cert		peer;
	const uint8_t			*alpn;
	unsigned int			alpn_len;
	char				server_name[KTLSD_NAME_MAX + 1];
};

enum ktlsd_server_name_fault {
	KTLSD_SERVER_NAME_GOOD,
	KTLSD_SERVER_NAME_UNKNOWN,	/* no identity of the listener has it */
	KTLSD_SERVER_NAME_BROKEN,	/* the identity that has it cannot be used */
};

/**
 * struct ktlsd_handshake - one handshake
 * @ssl: OpenSSL's object; owns the two memory BIOs
 * @is_server: our role
 * @verify: enum ktls_verify
 * @bounds: of the policies that apply
 * @name: client: the name that the server's certificate must have
 * @alpn: protocols we offer or accept, an RFC 7301 list
 * @alpn_len: bytes
 * @finished: the handshake is complete
 * @verified: X509_verify_cert() succeeded
 * @verdict: why it did not
 * @status: whether its certificates were revoked
 * @presented: certificates the peer sent, leaf first; NULL for none
 * @chain: the chain that was verified; NULL for none
 * @alert: last fatal or closing alert, KTLSD_ALERT_NONE for none
 * @alert_received: the peer sent it
 * @sealed: counts records we wrote: a Finished or a ticket may take several
 * @opened: counts records we read
 * @resumable: sessions may be resumed and saved, or tickets issued
 * @fingerprint: which sessions, if @resumable
 * @ticket_keys: server: seal its tickets; not owned
 * @owner: the request, and the uid of its program
 * @job: SSL_do_handshake(), while it waits for something else than the peer
 * @session_age: how long sessions are resumed, seconds after the full handshake; 0 for seven
 *	days
 * @offered: client: the session that was offered; a reference
 * @psk: KTLS_PSK, or NULL; not owned
 * @listener: KTLS_IDENTITY, or NULL; not owned
 * @identity: the one whose certificates are used: for a server perhaps another one that
 *	@listener names in "also"; not owned
 * @default_alpn: @alpn is from @identity
 * @server_name: server: the name in the ClientHello, in lower case, or ""
 * @refused: server: why that name is refused
 * @ticket_id: server: id of the client's ticket if it was accepted, else zeros
 * @ticket_verified: server: when the ticket was issued, the client's certificate had been verified
 * @expires: server: when that ends, seconds since the epoch; INT64_MAX for never
 * @since: server: when the full handshake was, likewise
 * @tickets_issued: server: how many
 * @ticket_accepted: server: one of the client's was good
 * @ticket_refused: server: one was not, or was unknown
 * @tickets_received: client: records passed to OpenSSL after the handshake
 * @input: bytes received so far
 * @batch: bytes of the last batch
 * @consumed: how many of them belong to the handshake
 * @output: records to send; who sends them empties it
 * @scanner: TLS 1.2 only
 * @keys_due: the server's Finished was sent or received: next are the traffic secrets
 * @secrets: TLS 1.3 only
 */
struct ktlsd_handshake {
	SSL				*ssl;
	bool				is_server;
	uint32_t			verify;
	struct ktlsd_bounds		bounds;
	struct ktlsd_name		name;
	uint8_t				alpn[KTLSD_ALPN_MAX];
	size_t				alpn_len;
	bool				finished;
	bool				verified;
	struct ktlsd_verdict		verdict;
	struct ktlsd_status		status;
	STACK_OF(X509)			*presented;
	STACK_OF(X509)			*chain;
	int				alert;
	bool				alert_received;
	struct ktlsd_record_counter	sealed;
	struct ktlsd_record_counter	opened;
	bool				resumable;
	struct ktlsd_fingerprint	fingerprint;
	struct ktlsd_ticket_keys	*ticket_keys;
	struct ktlsd_pause_owner	owner;
	struct ktlsd_pause		*job;
	struct ktlsd_saved_session		*offered;
	unsigned int			session_age;
	const struct ktls_psk		*psk;
	const struct ktlsd_identity	*listener;
	const struct ktlsd_identity	*identity;
	bool				default_alpn;
	char				server_name[KTLSD_NAME_MAX + 1];
	enum ktlsd_server_name_fault	refused;
	uint8_t				ticket_id[KTLSD_TICKET_ID];
	bool				ticket_verified;
	int64_t				expires;
	int64_t				since;
	unsigned int			tickets_issued;
	bool				ticket_accepted;
	bool				ticket_refused;
	uint64_t			tickets_received;
	size_t				input;
	size_t				batch;
	size_t				consumed;
	struct ktlsd_buffer		output;
	struct ktlsd_nonce_scanner	scanner;
	bool				keys_due;
	struct ktlsd_traffic_secrets	secrets;
};

/* Sets options and callbacks that every handshake needs. Return: 0 or -ENOMEM. */
int ktlsd_handshake_prepare(SSL_CTX *ctx);

/**
 * ktlsd_handshake_new - set up a handshake
 * @ctx: prepared; its credential and trust anchors are set; its app data is a struct
 *	ktlsd_suites_choice, empty to begin with, or NULL
 * @request: what the program asks for
 * @suites: mask of what the kernel supports
 * @ca_names: for a server's CertificateRequest, or NULL; copied
 * @ret_handshake: ktlsd_handshake_free() releases it
 * @fault: on error
 *
 * Return: 0, -EINVAL, -EACCES if a policy forbids it, or -ENOMEM
 */
int ktlsd_handshake_new(SSL_CTX *ctx, const struct ktlsd_request *request,
			uint32_t suites, const STACK_OF(X509_NAME) *ca_names,
			struct ktlsd_handshake **ret_handshake,
			struct ktlsd_fault *fault);

/**
 * ktlsd_handshake_run - process a batch of records
 * @hs: neither failed nor finished
 * @input: whole records; none when a client begins, or after KTLSD_HANDSHAKE_WAITS
 * @len: bytes
 * @fault: on error
 *
 * On return @hs->output holds what has to be sent, on error too. What code under it waits
 * for, by ktlsd_pause(), makes the session ready when it is there: see
 * ktlsd_sessions_wake().
 *
 * Return: enum ktlsd_handshake_progress, or a negative errno
 */
int ktlsd_handshake_run(struct ktlsd_handshake *hs, const void *input, size_t len,
			struct ktlsd_fault *fault);

/**
 * ktlsd_handshake_refuse_record - fail because of a record that violates the RFC
 * @hs: neither failed nor finished
 * @header: of the record, SSL3_RT_HEADER_LENGTH bytes
 * @reason: what it violates; not NUL-terminated
 * @reason_len: bytes of it
 * @fault: filled
 *
 * On return @hs->output holds the alert, sealed if keys are in use.
 *
 * Return: a negative errno
 */
int ktlsd_handshake_refuse_record(struct ktlsd_handshake *hs, const void *header,
				  const char *reason, size_t reason_len,
				  struct ktlsd_fault *fault);

/**
 * ktlsd_handshake_finish - collect the result after ktlsd_handshake_run() returned 1
 * @hs: finished
 * @ret_result: filled; points into @hs
 * @fault: on error
 *
 * Return: 0 or a negative errno
 */
int ktlsd_handshake_finish(struct ktlsd_handshake *hs, struct ktlsd_result *ret_result,
			   struct ktlsd_fault *fault);

void ktlsd_handshake_wipe_result(struct ktlsd_result *result);

/* Wipes every secret and the output; ends what it waits for. @hs may be NULL. */
void ktlsd_handshake_free(struct ktlsd_handshake *hs);

#endif
