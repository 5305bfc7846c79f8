/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fixtures of the record tests: a ktls socket and a scripted peer.
 *
 * "record" has six variants in which each version meets each cipher, and each
 * family and role meets both versions: all 24 would take four times as long
 * and find no more. "both" has one variant a version, for what does not depend
 * on the cipher; "tls13" is for what only 1.3 has, "tls13_client" for what only
 * a client of 1.3 is sent.
 */
#ifndef _SELFTESTS_RECORD_H
#define _SELFTESTS_RECORD_H

#include "sock.h"

struct record {
	struct env	e;
	struct conn	c;
	int		fd;
	struct peer	*p;
	int		role, family;
};

struct record_kind {
	uint16_t	suite;
	int		role, family;
};

static inline void record_open(struct record *r, const struct record_kind *kind)
{
	r->role = kind->role;
	r->family = kind->family;
	env_start(&r->e, kind->suite);
	conn_open(&r->c, &r->e, kind->role, kind->family);
	r->fd = r->c.fd;
	r->p = &r->c.peer;
}

/* Another connection like it, with a receive buffer of @rcvbuf if that is not 0. */
static inline void record_reopen(struct record *r, int rcvbuf)
{
	conn_close(&r->c);
	conn_open_rcvbuf(&r->c, &r->e, r->role, r->family, rcvbuf);
	r->fd = r->c.fd;
}

static inline bool is_tls13(const struct peer *p)
{
	return p->hs->suite->version == KTLS_TLS_1_3;
}

#define RECORD_FIXTURE(f)						\
	FIXTURE(f) { struct record r; };				\
	FIXTURE_VARIANT(f) { struct record_kind kind; };		\
	FIXTURE_SETUP(f) { record_open(&self->r, &variant->kind); }	\
	FIXTURE_TEARDOWN(f) { conn_close(&self->r.c); }

RECORD_FIXTURE(record)
FIXTURE_VARIANT_ADD(record, tls13_aes128) { { S13_AES128, ROLE_CLIENT, AF_INET } };
FIXTURE_VARIANT_ADD(record, tls13_aes256) { { S13_AES256, ROLE_SERVER, AF_INET6 } };
FIXTURE_VARIANT_ADD(record, tls13_chacha) { { S13_CHACHA, ROLE_CLIENT, AF_INET6 } };
FIXTURE_VARIANT_ADD(record, tls12_aes128) { { S12_AES128, ROLE_SERVER, AF_INET } };
FIXTURE_VARIANT_ADD(record, tls12_aes256) { { S12_AES256, ROLE_CLIENT, AF_INET6 } };
FIXTURE_VARIANT_ADD(record, tls12_chacha) { { S12_CHACHA, ROLE_SERVER, AF_INET } };

RECORD_FIXTURE(both)
FIXTURE_VARIANT_ADD(both, tls13) { { S13_AES128, ROLE_CLIENT, AF_INET } };
FIXTURE_VARIANT_ADD(both, tls12) { { S12_AES256, ROLE_SERVER, AF_INET6 } };

RECORD_FIXTURE(tls13)
FIXTURE_VARIANT_ADD(tls13, aes128) { { S13_AES128, ROLE_CLIENT, AF_INET } };
FIXTURE_VARIANT_ADD(tls13, aes256) { { S13_AES256, ROLE_SERVER, AF_INET6 } };
FIXTURE_VARIANT_ADD(tls13, chacha) { { S13_CHACHA, ROLE_CLIENT, AF_INET6 } };

RECORD_FIXTURE(tls13_client)
FIXTURE_VARIANT_ADD(tls13_client, aes128) { { S13_AES128, ROLE_CLIENT, AF_INET } };
FIXTURE_VARIANT_ADD(tls13_client, chacha) { { S13_CHACHA, ROLE_CLIENT, AF_INET6 } };

RECORD_FIXTURE(tls13_server)
FIXTURE_VARIANT_ADD(tls13_server, aes256) { { S13_AES256, ROLE_SERVER, AF_INET6 } };

#endif /* _SELFTESTS_RECORD_H */
