/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ktls-fetch, and a responder in a thread that is right or wrong. */
#ifndef KTLSD_TEST_RESPONDER_H
#define KTLSD_TEST_RESPONDER_H

#include <stdatomic.h>
#include <sys/types.h>

#include <openssl/x509.h>

#include "test_pki.h"

/* How the responder behaves. */
enum manner {
	GOOD, REVOKED, UNKNOWN, SILENT, SLOW, DELEGATE, WRONG_SIGNER, WRONG_NONCE, OLD, GARBLED, FAILS,
};

/**
 * struct test_responder - the processes, and the responder
 * @dir: of all files
 * @fetch: ktls-fetch
 * @socket: it listens there
 * @listener: of the responder
 * @port: likewise
 * @manner: likewise
 * @asked: how often it was
 * @cert: about which; a reference, or NULL
 * @delegate: whom the authority lets sign, with pki.other_key
 */
extern struct test_responder {
	char			dir[32];
	pid_t			fetch;
	int			socket;
	int			listener;
	unsigned int		port;
	_Atomic enum manner	manner;
	atomic_uint		asked;
	X509			*cert;
	X509			*delegate;
} responder;

/* Return: the path of a file in the directory, one of eight buffers. */
const char *test_responder_path(const char *name);

pid_t test_responder_spawn(char *const *argv);
void test_responder_kill(pid_t pid);

/* The socket at the path "socket". */
void test_responder_listen_for_fetch(void);

/* Starts ktls-fetch as systemd does: it gets that socket, which is there whether it runs or not. */
pid_t test_responder_spawn_fetch(void);

/* Starts the responder, on a free port. */
void test_responder_listen(void);

#endif
