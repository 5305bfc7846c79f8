/* SPDX-License-Identifier: GPL-2.0-or-later */
/* OCSP responders: that of OpenSSL, and others that are silent, slow and lying. Each has a port
 * of 127.0.0.1, in a namespace of the test's own.
 */
#ifndef _SELFTESTS_REVOCATION_RESPONDER_H
#define _SELFTESTS_REVOCATION_RESPONDER_H

#include <stdatomic.h>

#include "revocation_authority.h"

/**
 * struct responder - an OCSP responder in threads of the test
 * @port: where it listens; 0: nobody does
 * @silent: it accepts connections, and never says anything
 * @slow: it sends a byte a second
 * @answer: what it says otherwise
 * @made: of whose leaf
 * @listener: its socket
 * @thread: accepts
 * @asked: how many connections there were
 */
struct responder {
	uint16_t		port;
	bool			silent;
	bool			slow;
	struct authority_answer	answer;
	const struct chain_made	*made;
	int			listener;
	struct job		thread;
	atomic_uint		asked;
};

/* Begins to listen. All but the last three members are set. */
void responder_start(struct responder *r);

/* "openssl ocsp" for the certificates of ktls test ca, from an index. */
void responder_start_openssl(struct proc *p, uint16_t port, const char *index);

#endif /* _SELFTESTS_REVOCATION_RESPONDER_H */
