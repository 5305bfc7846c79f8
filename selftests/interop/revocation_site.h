/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Servers, in user-space OpenSSL, with certificates whose status the tests choose. They echo. */
#ifndef _SELFTESTS_REVOCATION_SITE_H
#define _SELFTESTS_REVOCATION_SITE_H

#include "revocation_authority.h"

/**
 * struct site - a server that serves connections in threads, until the test ends
 * @made: what it presents
 * @ctx: OpenSSL's
 * @a: where it listens
 * @listener: its socket
 * @thread: accepts
 * @staple: the OCSP response that it staples, or NULL
 * @staple_len: bytes of it
 */
struct site {
	struct chain_made	made;
	SSL_CTX			*ctx;
	struct addr		a;
	int			listener;
	struct job		thread;
	unsigned char		*staple;
	int			staple_len;
};

/* @responder: the port on 127.0.0.1 where the leaf says that its OCSP responder is; 0: it names
 * none.
 */
void site_start(struct site *s, const struct chain *chain, uint16_t responder);
/* From now on it staples such a response; NULL: none. */
void site_staple(struct site *s, const struct authority_answer *answer);

#endif /* _SELFTESTS_REVOCATION_SITE_H */
