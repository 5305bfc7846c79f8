/* SPDX-License-Identifier: GPL-2.0 */
/* What a handshake has established. */
#ifndef _KTLS_SESSION_H
#define _KTLS_SESSION_H

#include <linux/types.h>
#include <uapi/linux/ktls_netlink.h>

#include "wire.h"

struct ktls_peer;

/* The longest ALPN protocol, RFC 7301 3.1. */
#define KTLS_PROTOCOL_MAX	255

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
 * @alpn_len: bytes in @alpn
 * @exporter_len: bytes in @exporter, 0: there is none
 * @alpn: the protocol chosen
 * @exporter: 1.3: exporter_secret (RFC 8446 7.1); 1.2: master secret, and the
 *	randoms of client and server; wiped with the session
 * @server_name: what a server's client asked for; NUL-terminated
 * @peer: identity of the peer (helper/peer.c), or NULL; owned. Valid if @verified
 * @peer_certs: what the peer presented, or NULL; owned
 * @chain_certs: the chain that was verified, or NULL; owned
 * @handshake_ms: how long the handshake took
 */
struct ktls_session {
	u16			version;
	u16			suite;
	u16			group;
	u16			sigalg;
	u32			revocation;
	bool			verified;
	bool			resumed;
	u8			alpn_len;
	u8			exporter_len;
	u8			alpn[KTLS_PROTOCOL_MAX];
	u8			exporter[KTLS_GENL_EXPORTER_MAX];
	char			server_name[KTLS_SERVER_NAME_MAX + 1];
	struct ktls_peer	*peer;
	struct ktls_certs	*peer_certs;
	struct ktls_certs	*chain_certs;
	u32			handshake_ms;
};

void ktls_session_wipe(struct ktls_session *session);
void ktls_session_take_certs(struct ktls_session *to, struct ktls_session *from);

#endif /* _KTLS_SESSION_H */
