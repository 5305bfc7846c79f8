/* SPDX-License-Identifier: GPL-2.0-or-later */
/* OCSP responders: that of OpenSSL, and others that are silent, slow and lying; a server of CRLs,
 * and ktls-fetch, which asks them. Each has a port of 127.0.0.1, in a namespace of the test's own.
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

/* ktls-fetch, with its socket "fetch" in @dir. */
void fetch_start(struct proc *p, const char *dir);

/**
 * struct crl_server - a server with one CRL, in threads of the test
 * @port: where it listens, on 127.0.0.1
 * @path: of the CRL, in PEM; sent in DER
 * @thread: accepts
 * @asked: how often it was
 */
struct crl_server {
	uint16_t	port;
	char		path[64];
	struct job	thread;
	atomic_uint	asked;
};

/* Begins to listen. */
void crl_server_start(struct crl_server *server);

#endif /* _SELFTESTS_REVOCATION_RESPONDER_H */
