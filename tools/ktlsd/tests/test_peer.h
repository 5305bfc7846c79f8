/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The peer of a handshake, which is plain OpenSSL, and the work of the kernel: sealing and
 * opening records with the keys.
 */
#ifndef KTLSD_TEST_PEER_H
#define KTLSD_TEST_PEER_H

#include "test_pki.h"
#include "tls/context.h"
#include "tls/handshake.h"

/**
 * struct test_peer - the other end
 * @ctx: set it up before test_peer_begin()
 * @ssl: OpenSSL's object
 * @client: from its keylog: CLIENT_TRAFFIC_SECRET_0
 * @server: SERVER_TRAFFIC_SECRET_0
 * @exporter: EXPORTER_SECRET
 * @secret_len: of each
 * @error: of SSL_do_handshake(), SSL_ERROR_*
 * @alert: received by it, -1 for none
 * @finished: its handshake is complete
 * @glue: application data that it sends with its last flight, or NULL
 * @early: a server sends @glue after its Finished, before the client's
 */
struct test_peer {
	SSL_CTX		*ctx;
	SSL		*ssl;
	bool		is_server;
	uint8_t		client[64];
	uint8_t		server[64];
	uint8_t		exporter[64];
	size_t		secret_len;
	int		error;
	int		alert;
	bool		finished;
	bool		early_read;
	bool		early_done;
	const char	*glue;
	bool		early;
};

/**
 * struct test_side - our end
 * @contexts: cache
 * @config: the system's trust
 * @context: in use
 * @request: set up by the test
 * @handshake: once begun
 * @fault: why it failed
 * @last: last return value of ktlsd_handshake_run()
 * @batch: the last batch of input
 */
struct test_side {
	struct ktlsd_contexts	contexts;
	struct ktlsd_config	config;
	struct ktlsd_context	*context;
	struct ktlsd_request	request;
	struct ktlsd_handshake	*handshake;
	struct ktlsd_fault	fault;
	int			last;
	struct ktlsd_buffer	batch;
};

/* @kind: our KTLS_ROLE_*. */
void test_side_init(struct test_side *side, int role);
void test_side_free(struct test_side *side);

/* Makes the context of our side from PEM, each of which can be NULL. Asserts success. */
void test_side_prepare(struct test_side *side, X509 *cert, EVP_PKEY *key,
		       X509 *trust);

/* Begins the handshake. Return: as ktlsd_handshake_new(). */
int test_side_begin(struct test_side *side);

/* Return: the group of a handshake for which nobody chooses any: OpenSSL 3.5 has a post-quantum one. */
uint16_t test_peer_default_group(void);

void test_peer_init(struct test_peer *peer, bool is_server);
void test_peer_credential(struct test_peer *peer, X509 *cert, EVP_PKEY *key);
/* Stores the newest session of a client in *@session. */
void test_peer_keep_session(struct test_peer *peer, SSL_SESSION **session);
void test_peer_trust(struct test_peer *peer, X509 *ca, int mode);
/* Begins a handshake; after the first, another one with the same context. */
void test_peer_begin(struct test_peer *peer);
void test_peer_free(struct test_peer *peer);

/* Runs one step of the peer's handshake. */
void test_peer_step(struct test_peer *peer);

/* Passes bytes between both sides until none sends any more. */
void test_peer_shake(struct test_side *side, struct test_peer *peer);

/* The same, and asserts that both sides complete the handshake. */
void test_peer_finish(struct test_side *side, struct test_peer *peer,
		      struct ktlsd_result *result);

/* Passes the peer's output, and some bytes after it, to our side. */
void test_peer_pass(struct test_side *side, struct test_peer *peer,
		    const void *extra, size_t extra_len);

/* Passes bytes to our side, and its output to the peer. */
void test_side_feed(struct test_side *side, const void *data, size_t len,
		    struct test_peer *peer);

/* Seals a record as the kernel does, and increments @seq. Return: its length. */
size_t test_seal(const struct ktlsd_result *result,
		 struct ktlsd_direction *direction, uint64_t nonce, uint8_t type,
		 const void *data, size_t len, uint8_t *record);

/* Return: plaintext length, -1 if authentication fails; *ret_type is its type. */
int test_open(const struct ktlsd_result *result, struct ktlsd_direction *direction,
	      const uint8_t *record, size_t len, uint8_t *data, uint8_t *ret_type);

#endif
