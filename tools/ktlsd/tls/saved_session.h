/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A TLS session that a client can resume. Threads share it by reference; it does not
 * change, but for the links that the lock of the cache protects.
 *
 * OpenSSL's objects, up to a hundred for one certificate, lie between those of the handshakes that
 * were under way together, and when these are over each keeps a page of the heap. So a session
 * that waits for long is made into one block: it rests.
 */
#ifndef KTLSD_SAVED_SESSION_H
#define KTLSD_SAVED_SESSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "tls/fingerprint.h"
#include "tls/owners.h"

struct ktlsd_saved_session_rest;

/**
 * struct ktlsd_saved_session - a session that can be resumed
 * @refs: the last one frees and wipes it
 * @uid: of the program whose handshake it was
 * @fingerprint: which handshakes may resume it
 * @session: a copy of OpenSSL's, which no SSL object used yet
 * @once: TLS 1.3: a ticket is used once
 * @since: when the full handshake was that it goes back to, seconds since the epoch
 * @holds: until when the OCSP responses hold that it relied on, likewise
 * @expires: likewise
 * @presented: what the server presented at the full handshake
 * @chain: the chain that was verified then
 * @rest: the three of them as DER, while it rests; then they are NULL
 * @cost: bytes of all this, estimated
 * @owned: in the cache: what it counts for
 * @next: likewise in its bucket
 */
struct ktlsd_saved_session {
	atomic_uint			refs;
	uint32_t			uid;
	struct ktlsd_fingerprint	fingerprint;
	SSL_SESSION			*session;
	bool				once;
	int64_t				since;
	int64_t				holds;
	int64_t				expires;
	STACK_OF(X509)			*presented;
	STACK_OF(X509)			*chain;
	struct ktlsd_saved_session_rest	*rest;
	size_t				cost;
	struct ktlsd_owned		owned;
	struct ktlsd_saved_session	*next;
};

/**
 * ktlsd_saved_session_new - a session, with one reference
 * @session: copied; the certificates in it are shared
 * @presented: references are taken; may be NULL, as @chain
 * @chain: likewise; the session ends with the first of these certificates
 * @expires: seconds since the epoch
 *
 * The caller fills in the rest.
 *
 * Return: NULL if there is no memory, or the date of a certificate cannot be read
 */
struct ktlsd_saved_session *ktlsd_saved_session_new(const SSL_SESSION *session,
						    STACK_OF(X509) *presented,
						    STACK_OF(X509) *chain, int64_t expires);
void ktlsd_saved_session_put(struct ktlsd_saved_session *saved);

/* Return: a reference to a session that does not rest, for SSL_set_session(). OpenSSL writes to
 * it, so one that is used more than once is copied. NULL if there is no memory.
 */
SSL_SESSION *ktlsd_saved_session_open(struct ktlsd_saved_session *saved);

/**
 * ktlsd_saved_session_rest - let a session rest
 * @saved: the session
 *
 * One that is used more than once does not, for each of its handshakes would take longer, nor one
 * that somebody else has a reference to.
 *
 * Return: whether it rests now and did not before
 */
bool ktlsd_saved_session_rest(struct ktlsd_saved_session *saved);

/* The caller has the only reference if it rests. Return: 0; -ENOMEM: it cannot be used. */
int ktlsd_saved_session_wake(struct ktlsd_saved_session *saved);

/* Return: when the first certificate of @chain expires, at most @limit, in seconds since the
 * epoch; 0 if a date cannot be read.
 */
int64_t ktlsd_saved_session_chain_end(STACK_OF(X509) *chain, int64_t limit);

#endif
