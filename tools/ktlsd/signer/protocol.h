/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said over the sockets between the signer and the serving process: a message is a
 * datagram, a header and bytes. Both are the same program, so it has no versions.
 */
#ifndef KTLSD_SIGNER_PROTOCOL_H
#define KTLSD_SIGNER_PROTOCOL_H

#include <limits.h>
#include <stdint.h>

#include "shares.h"

enum {
	KTLSD_SIGNER_TEXT_MAX	= 192 << 10,	/* bytes that are signed */
	KTLSD_SIGNER_PIECE	= 64 << 10,	/* of a file */
	KTLSD_SIGNER_REPLY_MAX	= 1024,		/* a signature, or a public key */
	KTLSD_SIGNER_MESSAGE_MAX = KTLSD_SIGNER_TEXT_MAX + 256,
};

enum ktlsd_signer_op {
	/* Of a worker. */
	KTLSD_SIGNER_SIGN = 1,	/* bytes: the text. Answer: the signature */
	KTLSD_SIGNER_IMPORT,	/* bytes: PEM. Answer: the handle, and the public key in DER */
	KTLSD_SIGNER_DECRYPT,	/* bytes: a premaster secret, encrypted with RSA. Answer: the secret */
	KTLSD_SIGNER_CANCEL,	/* nobody waits for the answer to @seq any more */
	/* Of the main thread. */
	KTLSD_SIGNER_READ,	/* bytes: a path, of ktlsd.conf or in it. Answers: the file in pieces, the last one empty */
	KTLSD_SIGNER_LOAD,	/* bytes: the paths of a certificate, its key and its pass phrase,
				 * each with its NUL; "" for none. Answers: each certificate in DER, the last one empty
				 */
	KTLSD_SIGNER_CHANNEL,	/* with a socket: serve a worker there */
	KTLSD_SIGNER_CONFIG,	/* ktlsd.conf was read */
	KTLSD_SIGNER_LOG,	/* @value: target, @value2: level; without an answer */
	/* Of any thread, on a socket of its own. */
	KTLSD_SIGNER_RELEASE,	/* the key @handle is not used any more; without an answer */
	KTLSD_SIGNER_PING,	/* answered with the same */
};

/**
 * struct ktlsd_signer_head - begins each message
 * @op: enum ktlsd_signer_op
 * @seq: chosen by who asks, repeated in the answer
 * @error: answer: negative errno; then the bytes are the reason
 * @uid: of the program for whom
 * @source: of its sessions, for fair scheduling, see shares.h
 * @handle: of a key
 * @deadline: when nobody waits for the answer any more, ms of the monotonic clock
 * @value: SIGN: NID of the hash, 0 for none. DECRYPT: version of the client.
 *	IMPORT: enum ktls_role, the only one that it is for. READ: largest size; answer: mode of the file
 * @value2: SIGN: RSA: 1 for PSS (RFC 8017 8.1), 0 for PKCS #1 v1.5. IMPORT: 1 if a policy allows
 *	its owner RSA key transport
 */
struct ktlsd_signer_head {
	uint32_t	op;
	uint32_t	seq;
	int32_t		error;
	uint32_t	uid;
	struct ktlsd_source source;
	uint64_t	handle;
	int64_t		deadline;
	uint32_t	value;
	uint32_t	value2;
};

#endif
