/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * ktls: TLS as a property of a Linux socket.
 *
 * A TCP socket becomes a TLS socket with
 *
 *	setsockopt(fd, IPPROTO_TCP, TCP_ULP, "ktls", 4);
 *
 * All options below live on level SOL_TLS (282). The numbers 1..63 of that
 * level belong to mainline's <linux/tls.h> and mean here what they mean
 * there; the numbers from 64 on are ours.
 *
 * Conventions that hold for every option:
 *  - A string is optlen bytes long; one final NUL is optional when setting
 *    and is never counted when getting.
 *  - A get buffer that is too small yields ERANGE with the size needed in
 *    *optlen; nothing is written to the buffer.
 *  - What is long can be read in pieces, see KTLS_PIECE().
 *  - Structures contain no pointers and have one layout for 32 and 64 bits.
 *  - 64..79 are set before the handshake begins, EBUSY afterwards. On a
 *    listening socket they are the template of every connection accepted
 *    later on; connections that exist already keep what they had. There ktlsd
 *    is asked about what is set with 64..78 by bytes, once there is a credential,
 *    as listen() does: ENOKEY, EACCES, EINVAL, with a sentence in KTLS_ERROR,
 *    and what was in force stays. Of a certificate and a key that are there
 *    already each can be replaced without the other being looked at.
 *  - A value out of bounds is EINVAL, one that is too long EMSGSIZE.
 */
#ifndef _UAPI_LINUX_KTLS_H
#define _UAPI_LINUX_KTLS_H

#include <linux/types.h>

#ifndef SOL_TLS
#define SOL_TLS			282
#endif

/**
 * KTLS_PIECE - an option number that reads a piece of an option; get only
 * @option: an option of ours that can be read
 * @n: 0, 1, 2, ...
 *
 * The piece is the bytes from @n * KTLS_PIECE_SIZE on of what @option would tell, at
 * most KTLS_PIECE_SIZE of them; behind the end it has length 0. Whoever reads pieces
 * until one is shorter than KTLS_PIECE_SIZE has read all. Nothing is remembered from
 * one call to the next: what does not change between the calls (certificates of an
 * open connection never do) comes out whole. For languages whose getsockopt() has
 * small buffers, as Python's has:
 *
 *	sock.getsockopt(SOL_TLS, KTLS_PEER_CHAIN | (n + 1) << 16, 1024)
 *
 * Errors are those of @option; ERANGE: the buffer is smaller than the piece.
 */
#define KTLS_PIECE(option, n)	((option) | ((n) + 1) << 16)

#define KTLS_PIECE_SIZE		1024

/**
 * KTLS_SERVER_NAME - the name of the server; set and get, 1..253 bytes
 *
 * Client: sent as SNI (RFC 6066) and verified against the certificate's
 * subjectAltName (RFC 9525). A host name in LDH form (A-labels), or an IPv4
 * or IPv6 literal, which is verified against IP SANs and not sent. A leading
 * dot, a wildcard, a NUL or an empty name: EINVAL. Without a name the address
 * connected to is verified instead.
 * Server, on an accepted connection: the name the client asked for; empty
 * when it asked for none.
 */
#define KTLS_SERVER_NAME	64

/**
 * KTLS_IDENTITY - a credential kept by ktlsd; set and get, 1..64 bytes
 *
 * The name under which the administrator gave a certificate and key to ktlsd.
 * Whether the caller may use it is decided with the credentials of the task
 * that sets this option. Together with KTLS_CERTIFICATE: EINVAL.
 */
#define KTLS_IDENTITY		65

/**
 * KTLS_CERTIFICATE - the program's own certificate chain; set only, PEM
 *
 * At most 64 KiB, leaf first. Never readable back.
 */
#define KTLS_CERTIFICATE	66

/**
 * KTLS_PRIVATE_KEY - the key of KTLS_CERTIFICATE; set only, PEM, unencrypted
 *
 * At most 16 KiB. Never readable back.
 */
#define KTLS_PRIVATE_KEY	67

/**
 * KTLS_TRUST - trust anchors in place of the system's; set only, PEM
 *
 * At most 1 MiB; ktlsd takes up to 512 certificates, 16 of one subject.
 */
#define KTLS_TRUST		68

/**
 * KTLS_VERIFY - whether the peer must prove who it is; set and get, int
 *
 * One of enum ktls_verify. A client's default is KTLS_VERIFY_REQUIRED and its
 * KTLS_VERIFY_OPTIONAL means the same; a server's is KTLS_VERIFY_NONE.
 */
#define KTLS_VERIFY		69

enum ktls_verify {
	KTLS_VERIFY_NONE	= 0,
	KTLS_VERIFY_OPTIONAL	= 1,
	KTLS_VERIFY_REQUIRED	= 2,
};

/**
 * KTLS_ALPN - application protocols (RFC 7301); set and get
 *
 * Set: the list as on the wire, each protocol a length byte and 1..255 bytes,
 * in preference order, at most 1024 bytes in all. No overlap with the peer's
 * list ends the handshake with no_application_protocol.
 * Get: the protocol chosen, without a length byte; length 0 if there is none.
 */
#define KTLS_ALPN		70

/**
 * KTLS_VERSIONS - the range of TLS versions; set and get, struct ktls_versions
 *
 * KTLS_TLS_1_2 and KTLS_TLS_1_3; both by default.
 */
#define KTLS_VERSIONS		71

#define KTLS_TLS_1_2		0x0303
#define KTLS_TLS_1_3		0x0304

/**
 * struct ktls_versions - value of KTLS_VERSIONS, host byte order
 * @min: lowest version offered or accepted
 * @max: highest version offered or accepted
 */
struct ktls_versions {
	__u16	min;
	__u16	max;
};

/**
 * KTLS_CIPHERS - cipher suites; set and get, string of at most 1024 bytes
 *
 * Exact OpenSSL names separated by colons, in preference order, for instance
 * "TLS_AES_128_GCM_SHA256:ECDHE-RSA-AES128-GCM-SHA256". No keywords; a suite
 * that this kernel cannot do, or that ktlsd does not know, is EINVAL.
 */
#define KTLS_CIPHERS		72

/**
 * KTLS_PSK - external pre-shared key; set only, struct ktls_psk
 *
 * TLS 1.3 only (RFC 8446 4.2.11), with an ECDHE exchange (psk_dhe_ke) and a suite
 * with SHA-256. The peer that knows the key is verified by that, whatever
 * KTLS_VERIFY says, and KTLS_PEER_NAME is the identity of the key. A client offers
 * the key beside the usual; if the server does not take it, its certificate is
 * verified as ever. A server with a key needs no certificate, and then serves
 * nobody without the key. With KTLS_PSK there are no session tickets. Never
 * readable back. EINVAL from connect() or listen() if KTLS_VERSIONS leaves out
 * TLS 1.3.
 */
#define KTLS_PSK		73

#define KTLS_PSK_IDENTITY_MAX	128
#define KTLS_PSK_KEY_MIN	16
#define KTLS_PSK_KEY_MAX	64

/**
 * struct ktls_psk - value of KTLS_PSK
 * @identity_len: bytes in @identity, 1..KTLS_PSK_IDENTITY_MAX
 * @key_len: bytes in @key, KTLS_PSK_KEY_MIN..KTLS_PSK_KEY_MAX
 * @identity: names the key to the peer, in the clear; printable ASCII without space
 * @key: the secret; as random as a key, not a password
 */
struct ktls_psk {
	__u16	identity_len;
	__u16	key_len;
	__u8	identity[KTLS_PSK_IDENTITY_MAX];
	__u8	key[KTLS_PSK_KEY_MAX];
};

/**
 * KTLS_TIMEOUT - deadline of the whole handshake; set and get, __u32
 *
 * In milliseconds, 1..the module parameter max_timeout_ms (60000). Default
 * 10000. Counted from the moment the TCP connection exists.
 */
#define KTLS_TIMEOUT		74

/**
 * KTLS_EOF - what a FIN without close_notify means; set and get, int
 *
 * 1 (default): the stream was cut, reading reports ECONNABORTED after the data
 * that came before it. 0: it is an end of file like any other.
 */
#define KTLS_EOF		75

/**
 * KTLS_RECORD_PADDING - hide how long records are (RFC 8446 5.4); set and get, __u16
 *
 * TLS 1.3: each record sent is filled up with zeros, so that it carries a multiple
 * of so many bytes, or as many as a record can. 0, the default: none; at most
 * 16384. TLS 1.2 has no padding, and the option no effect there. EINVAL: out of
 * bounds; EBUSY: after the handshake has begun.
 */
#define KTLS_RECORD_PADDING	76

/**
 * KTLS_GROUPS - key exchange groups; set and get, string of at most 1024 bytes
 *
 * Names separated by colons, in preference order: X25519MLKEM768 (if ktlsd's
 * OpenSSL has it), X25519, secp256r1 (or P-256), X448, secp384r1 (P-384),
 * secp521r1 (P-521). Only what a name is made of is checked here; one that ktlsd
 * does not know is EINVAL from connect() or listen(), and KTLS_ERROR names it.
 */
#define KTLS_GROUPS		77

/**
 * KTLS_SIGALGS - signature algorithms; set and get, string of at most 1024 bytes
 *
 * IANA's names separated by colons, in preference order, for instance
 * "ed25519:ecdsa_secp256r1_sha256:rsa_pss_rsae_sha256": what is accepted from the
 * peer, and what this side signs with. None with SHA-1. Checked as KTLS_GROUPS.
 */
#define KTLS_SIGALGS		78

/**
 * KTLS_TICKETS - session tickets; set and get, int, 0..16, 2 by default
 *
 * Server: how many are issued to a client after a full TLS 1.3 handshake (one
 * after a resumed one, and one in TLS 1.2); 0: none, and none is accepted.
 * Client: 0: tickets are neither kept nor offered; else sessions with verified
 * servers are kept by ktlsd and resumed, by sockets of the same user with the
 * same options only. KTLS_INFO_RESUMED tells whether that happened.
 */
#define KTLS_TICKETS		79

/**
 * KTLS_HANDSHAKE - begin the handshake now; set only, int: enum ktls_role
 *
 * On an established connection (STARTTLS). Bytes that were not read before are
 * the first bytes of TLS. Waits until the handshake has ended and returns what
 * connect() would have returned; on a non-blocking socket EINPROGRESS, and
 * poll() reports the socket writable, or in error, when it has ended.
 */
#define KTLS_HANDSHAKE		80

enum ktls_role {
	KTLS_ROLE_CLIENT	= 1,
	KTLS_ROLE_SERVER	= 2,
};

/**
 * KTLS_KEY_UPDATE - new sending keys now (RFC 8446 4.6.3); set only, int
 *
 * 1 asks the peer for the same, 0 does not. On an open TLS 1.3 connection; the
 * call does not wait: if TCP has no room, the message goes out with the next
 * data, or as soon as there is some. Without it keys are replaced before the
 * AEAD's limit (RFC 8446 5.5), and when the peer asks. Peers end a connection
 * that does little else than replacing keys.
 *
 * EINVAL: another value; EOPNOTSUPP: TLS 1.2, or keys set by TLS_TX; ENOTCONN,
 * EAGAIN, EPIPE as send() would; ENOMEM: may be tried again.
 */
#define KTLS_KEY_UPDATE		81

/**
 * KTLS_INFO - all about the connection; get only, struct ktls_info
 *
 * The structure grows at its end, like tcp_info: the kernel writes as much as
 * it has and the caller has room for, and returns the length in *optlen.
 */
#define KTLS_INFO		82

/* enum ktls_info_state - what ktls_info.state tells */
enum ktls_info_state {
	KTLS_STATE_NEW		= 0,	/* no handshake and no keys yet */
	KTLS_STATE_CONNECTING	= 1,	/* TCP is connecting */
	KTLS_STATE_LISTENING	= 2,	/* a listening socket */
	KTLS_STATE_HANDSHAKE	= 3,	/* the helper is at work */
	KTLS_STATE_OPEN		= 4,	/* records flow */
	KTLS_STATE_FAILED	= 5,	/* the handshake or a record failed */
	KTLS_STATE_CLOSED	= 6,	/* closed by the program */
};

/* Bits of ktls_info.flags */
#define KTLS_INFO_RESUMED	(1 << 0)	/* the session was resumed */
#define KTLS_INFO_VERIFIED	(1 << 1)	/* the peer's certificate was verified */
#define KTLS_INFO_PEER_CERT	(1 << 2)	/* the peer presented a certificate */
#define KTLS_INFO_CLOSE_SENT	(1 << 3)	/* close_notify was sent */
#define KTLS_INFO_CLOSE_RCVD	(1 << 4)	/* close_notify was received */

/* enum ktls_revocation - what ktls_info.revocation tells */
enum ktls_revocation {
	KTLS_REVOCATION_UNCHECKED = 0,	/* nobody asked whether it was revoked */
};

/**
 * struct ktls_info - value of KTLS_INFO, host byte order
 * @state: enum ktls_info_state
 * @role: enum ktls_role, 0 while undecided
 * @version: KTLS_TLS_1_2 or KTLS_TLS_1_3, 0 before the handshake has ended
 * @suite: IANA number of the cipher suite
 * @group: IANA number of the key exchange group, 0 if unknown
 * @sigalg: IANA number of the peer's signature scheme, 0 if it did not sign
 * @alert_sent: description of the last alert sent, 255 if none
 * @alert_rcvd: description of the last alert received, 255 if none
 * @flags: KTLS_INFO_* bits
 * @handshake_ms: how long the handshake took, milliseconds
 * @max_payload: largest plaintext fragment of a record we send, bytes
 * @tx_records: records sealed under application keys
 * @rx_records: records opened under application keys
 * @tx_bytes: application bytes sealed
 * @rx_bytes: application bytes opened
 * @tx_key_updates: how often our sending keys were replaced
 * @rx_key_updates: how often the peer replaced its sending keys
 * @revocation: enum ktls_revocation: how it was made sure that the peer's
 *	certificate is not revoked; always KTLS_REVOCATION_UNCHECKED so far, and 0 from
 *	a kernel that does not have this field
 * @reserved: 0
 */
struct ktls_info {
	__u8		state;
	__u8		role;
	__u16		version;
	__u16		suite;
	__u16		group;
	__u16		sigalg;
	__u8		alert_sent;
	__u8		alert_rcvd;
	__u32		flags;
	__u32		handshake_ms;
	__u32		max_payload;
	__aligned_u64	tx_records;
	__aligned_u64	rx_records;
	__aligned_u64	tx_bytes;
	__aligned_u64	rx_bytes;
	__u32		tx_key_updates;
	__u32		rx_key_updates;
	__u32		revocation;
	__u32		reserved;
};

/**
 * KTLS_ERROR - why the last handshake, listen or record failed; get only
 *
 * A sentence in English, at most 255 bytes; length 0 if nothing failed. Never
 * contains secrets; names and certificate fields in it come from the peer and
 * are escaped.
 */
#define KTLS_ERROR		83

/**
 * KTLS_PEER_CERTIFICATES - what the peer presented; get only, PEM
 *
 * Leaf first. Unverified input: present after a failed handshake too. ENODATA
 * if the peer presented nothing. Often longer than 1 KiB: see KTLS_PIECE().
 */
#define KTLS_PEER_CERTIFICATES	84

/**
 * KTLS_PEER_NAME - the name that was verified; get only, string
 *
 * Client: the name, or the address, that the server's certificate was verified
 * against, in lower case. Server: a name that the client's certificate is good for:
 * its first DNS name (in lower case), if it has none its first email address, if it
 * has none its first URI, as in KTLS_PEER_NAMES but without "DNS:" and the like.
 * Wildcards, what is longer than 253 bytes, and what is no host name, address or URI
 * is passed over. The common name, which is any text, is never taken: a certificate
 * without such a name has length 0. With KTLS_PSK: the identity of the key.
 *
 * ENODATA when nothing was verified.
 */
#define KTLS_PEER_NAME		85

/**
 * KTLS_EXPORTER - keying material that both ends can compute and nobody else
 * (RFC 8446 7.5, RFC 5705); set and get, struct ktls_exporter
 *
 * Get is in and out: the program fills in the structure, and the label and the context
 * behind it; the keying material is written behind these. *optlen is
 * sizeof(struct ktls_exporter) + label_len + context_len + output_len, in and out.
 *
 * Where getsockopt() takes no input, in Python for instance, it is two calls: set
 * takes the structure, the label and the context (optlen without output_len) and
 * computes nothing yet; then KTLS_PIECE(KTLS_EXPORTER, n) reads the n-th KiB of the
 * keying material, without a structure in front of it. What was set last counts, for
 * all threads, until the socket is connected anew; ENODATA before.
 *
 * The channel binding "tls-exporter" (RFC 9266) has the label
 * "EXPORTER-Channel-Binding", an empty context and 32 bytes of output.
 *
 * EINVAL: a length out of bounds, a label that is not printable ASCII or that TLS
 * itself uses, unknown flags; EOPNOTSUPP: TLS 1.2 without extended master secret
 * (RFC 7627), whose exporters bind nothing, or keys set by TLS_TX; ENOTCONN: no
 * handshake is complete; EFAULT; ENOMEM.
 */
#define KTLS_EXPORTER		86

#define KTLS_EXPORTER_LABEL_MAX		249
#define KTLS_EXPORTER_CONTEXT_MAX	4096
#define KTLS_EXPORTER_OUTPUT_MAX	4096

/**
 * struct ktls_exporter - what KTLS_EXPORTER is to compute
 * @label_len: bytes of label, 1..KTLS_EXPORTER_LABEL_MAX, no NUL counted; RFC 8446 7.1
 *	has no empty ones (HkdfLabel.label<7..255>, with "tls13 " before it)
 * @context_len: bytes of context, at most KTLS_EXPORTER_CONTEXT_MAX
 * @output_len: bytes wanted, 1..KTLS_EXPORTER_OUTPUT_MAX
 * @flags: KTLS_EXPORTER_CONTEXT or 0
 * @data: label, context, output, one behind the other
 */
struct ktls_exporter {
	__u16		label_len;
	__u16		context_len;
	__u16		output_len;
	__u16		flags;
	__u8		data[];
};

/* There is a context, though it may be empty. In TLS 1.2 that is not the same as
 * none (RFC 5705 4); in TLS 1.3 it is.
 */
#define KTLS_EXPORTER_CONTEXT	1

/**
 * KTLS_PEER_CHAIN - the chain that was verified; get only, PEM
 *
 * Leaf first, trust anchor last. In a resumed session the chain of the first
 * handshake; on a server then the leaf alone. ENODATA when no certificate was
 * verified. Often longer than 1 KiB: see KTLS_PIECE().
 */
#define KTLS_PEER_CHAIN		87

/*
 * The three options below tell of the leaf of KTLS_PEER_CHAIN, and the same in a
 * resumed session. Length 0 if no certificate was verified: with KTLS_VERIFY_NONE,
 * after a failed handshake, with KTLS_PSK. Each fits a buffer of 1 KiB.
 */

#define KTLS_PEER_TEXT_MAX	1024

/**
 * KTLS_PEER_SUBJECT - the subject that was verified; get only, string
 *
 * As RFC 4514 writes it, the last part first, for instance "CN=anna,O=Example,C=SE".
 * Printable ASCII: what is not, and what RFC 4514 wants escaped, is escaped by "\" and
 * two hex digits, or "\" and itself. Length 0 also if the subject is empty. One that is
 * longer than KTLS_PEER_TEXT_MAX bytes is told as "...", never in part.
 */
#define KTLS_PEER_SUBJECT	88

/**
 * KTLS_PEER_NAMES - the names that were verified; get only, string
 *
 * The subjectAltName, in its order, one a line, each line ended by a newline:
 * "DNS:" and a host name, "IP:" and an address, "URI:" and a URI, "email:" and an
 * address; other kinds are left out. Graphic ASCII: all other bytes, and "\" itself,
 * are escaped by "\" and two hex digits, so that a name is never more than one line.
 * Names that do not fit into KTLS_PEER_TEXT_MAX bytes are left out from the first one
 * on that does not, and the last line is "..." then: names are never told in part, and
 * KTLS_PEER_CHAIN has all of them.
 */
#define KTLS_PEER_NAMES		89

/**
 * KTLS_PEER_FINGERPRINT - SHA-256 of the certificate that was verified; get only
 *
 * KTLS_PEER_FINGERPRINT_SIZE bytes, of the whole certificate in DER.
 */
#define KTLS_PEER_FINGERPRINT	90

#define KTLS_PEER_FINGERPRINT_SIZE	32

#endif /* _UAPI_LINUX_KTLS_H */
