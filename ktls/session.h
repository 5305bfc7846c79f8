/* SPDX-License-Identifier: GPL-2.0 */
/* What a handshake has established. */
#ifndef _KTLS_SESSION_H
#define _KTLS_SESSION_H

#include <linux/types.h>

struct ktls_peer;

/**
 * struct ktls_details - what was established that differs in length
 * @alpn_len: bytes of the ALPN protocol, 0: none was chosen
 * @exporter_len: bytes of the exporter's secret, 0: there is none
 * @name_len: bytes of the server name, 0: none was asked for
 * @data: the three, in this order, without a NUL at their ends
 *
 * The secret: in 1.3 exporter_secret (RFC 8446 7.1); in 1.2 the master secret, and the
 * randoms of client and server.
 */
struct ktls_details {
	u8	alpn_len;
	u8	exporter_len;
	u8	name_len;
	u8	data[];
};

/**
 * struct ktls_certs - certificates in DER, in the order received
 * @len: bytes in @data
 * @data: for each certificate a u32 length (host order, not aligned) and DER
 */
struct ktls_certs {
	u32	len;
	u8	data[];
};

/**
 * struct ktls_session - what a handshake has established
 *
 * The helper's answer has one, and so has a connection; no lock of its own.
 *
 * @version: KTLS_TLS_1_2, KTLS_TLS_1_3, or 0: none yet
 * @suite: IANA number of the cipher suite
 * @group: IANA number of the group
 * @sigalg: IANA number of the peer's signature scheme
 * @revocation: enum ktls_revocation, as the helper reports it
 * @verified: the peer's chain and name were verified
 * @resumed: by a ticket or a session id
 * @handshake_ms: how long the handshake took
 * @details: protocol, exporter and server name, or NULL: nothing of them; owned, and
 *	wiped with the session
 * @peer: identity of the peer (helper/peer.c), or NULL; owned. Valid if @verified
 * @peer_certs: what the peer presented, or NULL; owned
 * @chain_certs: the chain that was verified, or NULL; owned
 */
struct ktls_session {
	u16			version;
	u16			suite;
	u16			group;
	u16			sigalg;
	u32			revocation;
	bool			verified;
	bool			resumed;
	u32			handshake_ms;
	struct ktls_details	*details;
	struct ktls_peer	*peer;
	struct ktls_certs	*peer_certs;
	struct ktls_certs	*chain_certs;
};

static inline size_t ktls_session_alpn_len(const struct ktls_session *session)
{
	return session->details ? session->details->alpn_len : 0;
}

static inline size_t ktls_session_exporter_len(const struct ktls_session *session)
{
	return session->details ? session->details->exporter_len : 0;
}

static inline size_t ktls_session_name_len(const struct ktls_session *session)
{
	return session->details ? session->details->name_len : 0;
}

/* These two only if there are details; the length may be 0. */
static inline const u8 *ktls_session_exporter(const struct ktls_session *session)
{
	return session->details->data + session->details->alpn_len;
}

static inline const u8 *ktls_session_name(const struct ktls_session *session)
{
	return ktls_session_exporter(session) + session->details->exporter_len;
}

void ktls_session_wipe(struct ktls_session *session);
void ktls_session_take_certs(struct ktls_session *to, struct ktls_session *from);

#endif /* _KTLS_SESSION_H */
