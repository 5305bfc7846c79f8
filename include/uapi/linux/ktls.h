/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* ktls: TLS as a property of a Linux socket.
 *
 * A TCP socket becomes a TLS socket with
 *
 *	setsockopt(fd, IPPROTO_TCP, TCP_ULP, "ktls", 4);
 *
 * The level of all options below is SOL_TLS (282). Options 1..63 of that level
 * are those of mainline's <linux/tls.h>, with the same meaning. Options from 64
 * on belong to ktls.
 *
 * Conventions that hold for every option:
 *  - A string is optlen bytes long; one final NUL is optional when setting
 *    and is never counted when getting.
 *  - If the buffer of a get is too small, the call fails with ERANGE and stores
 *    the size needed in *optlen; nothing is written to the buffer.
 *  - Long values can be read in pieces, see KTLS_PIECE().
 *  - Structures contain no pointers and have one layout for 32 and 64 bits.
 *  - 64..79 can be set before the handshake begins; later the call fails with
 *    EBUSY. On a listening socket they are the template of every connection
 *    accepted later; existing connections keep their options. If the listening
 *    socket has a credential, ktlsd checks a new string, PEM or structure, a new
 *    KTLS_VERIFY and new KTLS_VERSIONS as it does for listen(): the call can fail
 *    with ENOKEY, EACCES or EINVAL, with the reason in KTLS_ERROR, and the old
 *    value stays in force. A certificate or key that replaces another one is not
 *    checked against its counterpart.
 *  - A value out of range fails with EINVAL, one that is too long with EMSGSIZE.
 */
#ifndef _UAPI_LINUX_KTLS_H
#define _UAPI_LINUX_KTLS_H

#include <linux/types.h>

#ifndef SOL_TLS
#define SOL_TLS			282
#endif

/**
 * KTLS_PIECE - an option number that reads a piece of an option; get only
 * @option: an option of ktls that can be read
 * @n: 0, 1, 2, ...
 *
 * The piece is the part of the value of @option that begins at byte @n *
 * KTLS_PIECE_SIZE, at most KTLS_PIECE_SIZE bytes; beyond the end its length is 0. A
 * piece shorter than KTLS_PIECE_SIZE is the last one. The kernel keeps no state between
 * the calls, so the value must not change between them (certificates of an open
 * connection never do). For languages that limit the buffer of getsockopt(), such as
 * Python:
 *
 *	sock.getsockopt(SOL_TLS, KTLS_PEER_CHAIN | (n + 1) << 16, 1024)
 *
 * Errors are those of @option; ERANGE if the buffer is smaller than the piece.
 */
#define KTLS_PIECE(option, n)	((option) | ((n) + 1) << 16)

#define KTLS_PIECE_SIZE		1024

/**
 * KTLS_SERVER_NAME - the name of the server; set and get, 1..253 bytes
 *
 * Client: sent as SNI (RFC 6066) and verified against the certificate's
 * subjectAltName (RFC 9525). A host name in LDH form (A-labels; underscores are
 * allowed too), or an IPv4 or IPv6 literal, which is verified against IP SANs and
 * not sent. A dot at the beginning or the end, a wildcard, a NUL, an empty name or
 * one whose last label is a number fails with EINVAL. Without a name the address passed
 * to connect() is verified instead.
 * Server, on an accepted connection: the name the client asked for; empty
 * when it asked for none.
 */
#define KTLS_SERVER_NAME	64

/**
 * KTLS_IDENTITY - a certificate and key of ktlsd; set and get, 1..64 bytes
 *
 * The name of an identity in ktlsd.conf(5). Whether the caller may use it is
 * decided with the credentials of the task that sets this option. Cannot be
 * combined with KTLS_CERTIFICATE (EINVAL). It can have several certificates, and on
 * a server stand for other identities, chosen by the client's server name.
 */
#define KTLS_IDENTITY		65

/**
 * KTLS_CERTIFICATE - the program's own certificate chain; set only, PEM
 *
 * At most 64 KiB, leaf first. Cannot be read.
 */
#define KTLS_CERTIFICATE	66

/**
 * KTLS_PRIVATE_KEY - the key of KTLS_CERTIFICATE; set only, PEM, unencrypted
 *
 * At most 16 KiB. Cannot be read.
 */
#define KTLS_PRIVATE_KEY	67

/**
 * KTLS_TRUST - trust anchors in place of the system's; set only, PEM
 *
 * At most 1 MiB and 512 certificates, 16 with the same subject.
 */
#define KTLS_TRUST		68

/**
 * KTLS_VERIFY - whether the peer is authenticated; set and get, int
 *
 * One of enum ktls_verify. The default of a client is KTLS_VERIFY_REQUIRED, and
 * KTLS_VERIFY_OPTIONAL means the same there; the default of a server is
 * KTLS_VERIFY_NONE. With KTLS_VERIFY_OPTIONAL a server asks for a certificate: a
 * client may have none, but one that it sends must verify.
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
 * in order of preference, at most 1024 bytes in total. If both sides have a list
 * and no protocol in common, the handshake fails with no_application_protocol.
 * Without a list, KTLS_IDENTITY can have one in ktlsd.conf(5).
 * Get: the selected protocol, without a length byte; length 0 for none.
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
 * OpenSSL's names separated by colons, in order of preference, for instance
 * "TLS_AES_128_GCM_SHA256:ECDHE-RSA-AES128-GCM-SHA256". There are no keywords. A
 * suite that this kernel does not support, or ktlsd does not know, fails with EINVAL.
 */
#define KTLS_CIPHERS		72

/**
 * KTLS_PSK - external pre-shared key; set only, struct ktls_psk
 *
 * TLS 1.3 only (RFC 8446 4.2.11), with an ECDHE exchange (psk_dhe_ke) and a suite
 * with SHA-256. The key authenticates the peer, regardless of KTLS_VERIFY, and
 * KTLS_PEER_NAME is the identity of the key. A client offers the key; if the server
 * does not accept it, the server's certificate is verified as usual. A server with a
 * key needs no certificate; without one it refuses clients that do not have the key.
 * With KTLS_PSK there are no session tickets. Cannot be read. connect() and listen()
 * fail with EINVAL if KTLS_VERSIONS excludes TLS 1.3.
 */
#define KTLS_PSK		73

#define KTLS_PSK_IDENTITY_MAX	128
#define KTLS_PSK_KEY_MIN	16
#define KTLS_PSK_KEY_MAX	64

/**
 * struct ktls_psk - value of KTLS_PSK
 * @identity_len: bytes in @identity, 1..KTLS_PSK_IDENTITY_MAX
 * @key_len: bytes in @key, KTLS_PSK_KEY_MIN..KTLS_PSK_KEY_MAX
 * @identity: names the key, is sent in the clear; printable ASCII without space
 * @key: the secret; must be random, not a password
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
 * 10000. Counted from the time when the TCP connection was established.
 */
#define KTLS_TIMEOUT		74

/**
 * KTLS_EOF - what a FIN without close_notify means; set and get, int
 *
 * 1 (default): the stream was truncated; reading fails with ECONNABORTED after the
 * data received before. 0: it is an ordinary end of file.
 */
#define KTLS_EOF		75

/**
 * KTLS_RECORD_PADDING - hide how long records are (RFC 8446 5.4); set and get, __u16
 *
 * TLS 1.3: each record that is sent is padded with zeros to a multiple of this number
 * of bytes, or to the maximum of a record. At most 16384; 0, the default: no padding.
 * The option has no effect in TLS 1.2, which has no padding. EINVAL: out of range;
 * EBUSY: the handshake has begun.
 */
#define KTLS_RECORD_PADDING	76

/**
 * KTLS_GROUPS - key exchange groups; set and get, string of at most 1024 bytes
 *
 * Names separated by colons, in order of preference: X25519MLKEM768 (if ktlsd's
 * OpenSSL has it), X25519, secp256r1 (or P-256), X448, secp384r1 (P-384),
 * secp521r1 (P-521). setsockopt() checks only the characters of a name. With a name
 * that ktlsd does not know connect() and listen() fail with EINVAL, and KTLS_ERROR
 * contains the name.
 */
#define KTLS_GROUPS		77

/**
 * KTLS_SIGALGS - signature algorithms; set and get, string of at most 1024 bytes
 *
 * IANA's names separated by colons, in order of preference, for instance
 * "ed25519:ecdsa_secp256r1_sha256:rsa_pss_rsae_sha256". They apply to the signatures
 * of the peer and of this side. There is none with SHA-1. Checked like KTLS_GROUPS.
 */
#define KTLS_SIGALGS		78

/**
 * KTLS_TICKETS - session tickets; set and get, int, 0..16, 2 by default
 *
 * Server: how many are issued to a client after a full TLS 1.3 handshake (one
 * after a resumption, and one in TLS 1.2); 0: none is issued or accepted.
 * Client: 0: tickets are neither saved nor offered. Otherwise ktlsd saves sessions
 * with verified servers, and sockets of the same user with the same options resume
 * them. KTLS_INFO_RESUMED is set then.
 */
#define KTLS_TICKETS		79

/**
 * KTLS_HANDSHAKE - begin the handshake now; set only, int: enum ktls_role
 *
 * On an established connection (STARTTLS). Bytes that were received but not read
 * before are the first bytes of TLS. Waits until the handshake has ended and returns
 * what connect() would have returned. On a non-blocking socket it fails with
 * EINPROGRESS, and poll() reports the socket writable, or an error, when the handshake
 * has ended. EBUSY: another thread has slept in a call on the socket since before it had
 * the ULP.
 */
#define KTLS_HANDSHAKE		80

enum ktls_role {
	KTLS_ROLE_CLIENT	= 1,
	KTLS_ROLE_SERVER	= 2,
};

/**
 * KTLS_KEY_UPDATE - replace the sending keys now (RFC 8446 4.6.3); set only, int
 *
 * 1 asks the peer to do the same, 0 does not. For open TLS 1.3 connections. The call
 * does not block: if TCP has no room, the message is sent with the next data, or when
 * there is room. Keys are also replaced before the limit of the AEAD (RFC 8446 5.5),
 * and when the peer asks. Peers may end a connection that replaces its keys too often.
 *
 * EINVAL: another value; EOPNOTSUPP: TLS 1.2, or keys set by TLS_TX; ENOTCONN,
 * EAGAIN and EPIPE as from send(); ENOMEM: try again.
 */
#define KTLS_KEY_UPDATE		81

/**
 * KTLS_INFO - state of the connection; get only, struct ktls_info
 *
 * The structure grows at its end, like tcp_info: the kernel writes as much as it
 * knows and the buffer has room for, and returns the length in *optlen.
 */
#define KTLS_INFO		82

/* enum ktls_info_state - values of ktls_info.state */
enum ktls_info_state {
	KTLS_STATE_NEW		= 0,	/* no handshake and no keys yet */
	KTLS_STATE_CONNECTING	= 1,	/* TCP is connecting */
	KTLS_STATE_LISTENING	= 2,	/* a listening socket */
	KTLS_STATE_HANDSHAKE	= 3,	/* the handshake is under way */
	KTLS_STATE_OPEN		= 4,	/* data can be sent and received */
	KTLS_STATE_FAILED	= 5,	/* the handshake or a record failed */
	KTLS_STATE_CLOSED	= 6,	/* closed by the program */
};

/* Bits of ktls_info.flags */
#define KTLS_INFO_RESUMED	(1 << 0)	/* the session was resumed */
#define KTLS_INFO_VERIFIED	(1 << 1)	/* the peer was verified: certificate or PSK */
#define KTLS_INFO_PEER_CERT	(1 << 2)	/* the peer presented a certificate */
#define KTLS_INFO_CLOSE_SENT	(1 << 3)	/* close_notify was sent */
#define KTLS_INFO_CLOSE_RCVD	(1 << 4)	/* close_notify was received */

/* enum ktls_revocation - values of ktls_info.revocation */
enum ktls_revocation {
	KTLS_REVOCATION_UNCHECKED = 0,	/* not checked */
	KTLS_REVOCATION_STAPLE	= 1,	/* by the OCSP response that the server stapled */
	KTLS_REVOCATION_CRL	= 2,	/* by a CRL of its issuer */
	KTLS_REVOCATION_OCSP	= 3,	/* by its OCSP responder */
	KTLS_REVOCATION_NO_ANSWER = 4,	/* its OCSP responder did not answer, which is accepted */
};

/**
 * struct ktls_info - value of KTLS_INFO, host byte order
 * @state: enum ktls_info_state
 * @role: enum ktls_role, 0 before it is known
 * @version: KTLS_TLS_1_2 or KTLS_TLS_1_3, 0 before the handshake has ended
 * @suite: IANA number of the cipher suite
 * @group: IANA number of the key exchange group, 0 if unknown
 * @sigalg: IANA number of the peer's signature scheme, 0 if it did not sign
 * @alert_sent: description of the last alert sent, 255 if none
 * @alert_rcvd: description of the last alert received, 255 if none
 * @flags: KTLS_INFO_* bits
 * @handshake_ms: how long the handshake took, milliseconds
 * @max_payload: largest plaintext of a record that is sent, bytes
 * @tx_records: records sealed under application keys
 * @rx_records: records opened under application keys
 * @tx_bytes: application bytes sealed
 * @rx_bytes: application bytes opened
 * @tx_key_updates: how often the sending keys of this side were replaced
 * @rx_key_updates: how often the peer replaced its sending keys
 * @revocation: enum ktls_revocation: how the peer's own certificate was checked for
 *	revocation, see "revocation" in ktlsd.conf(5); KTLS_REVOCATION_UNCHECKED after a
 *	resumption, and from a kernel without this field
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
 * The reason in English, at most 255 bytes; length 0 if nothing failed. It contains
 * no secrets. Names and certificate fields from the peer are escaped.
 */
#define KTLS_ERROR		83

/**
 * KTLS_PEER_CERTIFICATES - the certificates the peer presented; get only, PEM
 *
 * Leaf first. They may be unverified: they can be read after a failed handshake too.
 * ENODATA if the peer presented none. Often longer than 1 KiB: see KTLS_PIECE().
 */
#define KTLS_PEER_CERTIFICATES	84

/**
 * KTLS_PEER_NAME - the verified name; get only, string
 *
 * Client: the name, or the address, that the server's certificate was verified
 * against, in lower case. Server: the first DNS name of the client's certificate (in
 * lower case), else its first email address, else its first URI, as in
 * KTLS_PEER_NAMES but without "DNS:" and the like. Wildcards, names of more than 253
 * bytes, and invalid names are skipped. The common name, which can be any text, is
 * never used; without another name the length is 0. With KTLS_PSK: the identity of the
 * key.
 *
 * ENODATA if nothing was verified.
 */
#define KTLS_PEER_NAME		85

/**
 * KTLS_EXPORTER - keying material that only the two ends can compute
 * (RFC 8446 7.5, RFC 5705); set and get, struct ktls_exporter
 *
 * Get has input and output: the program fills in the structure, followed by the label
 * and the context; the kernel writes the keying material after these. *optlen is
 * sizeof(struct ktls_exporter) + label_len + context_len + output_len, in and out.
 *
 * In languages whose getsockopt() passes no input, such as Python, use two calls: set
 * takes the structure, the label and the context (optlen without output_len) and
 * computes nothing; KTLS_PIECE(KTLS_EXPORTER, n) then reads the n-th KiB of the keying
 * material, without a structure before it. It uses the last values that any thread has
 * set since the socket was connected; ENODATA if there are none.
 *
 * The channel binding "tls-exporter" (RFC 9266) has the label
 * "EXPORTER-Channel-Binding", an empty context and 32 bytes of output.
 *
 * EINVAL: a length out of range, a label that is not printable ASCII or that TLS
 * itself uses, unknown flags; EOPNOTSUPP: TLS 1.2 without extended master secret
 * (RFC 7627), whose exporters are not bound to the connection, or keys set by TLS_TX;
 * ENOTCONN: no handshake is complete; EFAULT; ENOMEM.
 */
#define KTLS_EXPORTER		86

#define KTLS_EXPORTER_LABEL_MAX		249
#define KTLS_EXPORTER_CONTEXT_MAX	4096
#define KTLS_EXPORTER_OUTPUT_MAX	4096

/**
 * struct ktls_exporter - input and output of KTLS_EXPORTER
 * @label_len: bytes of label without a NUL, 1..KTLS_EXPORTER_LABEL_MAX; not empty because
 *	of RFC 8446 7.1 (HkdfLabel.label<7..255>, which begins with "tls13 ")
 * @context_len: bytes of context, at most KTLS_EXPORTER_CONTEXT_MAX
 * @output_len: bytes of keying material, 1..KTLS_EXPORTER_OUTPUT_MAX
 * @flags: KTLS_EXPORTER_CONTEXT or 0
 * @data: label, context, output, one after the other
 */
struct ktls_exporter {
	__u16		label_len;
	__u16		context_len;
	__u16		output_len;
	__u16		flags;
#ifndef __cplusplus	/* has no flexible arrays; there it is what follows the structure */
	__u8		data[];
#endif
};

/* There is a context, which may be empty. In TLS 1.2 an empty context differs from
 * none (RFC 5705 4); in TLS 1.3 it does not.
 */
#define KTLS_EXPORTER_CONTEXT	1

/**
 * KTLS_PEER_CHAIN - the verified chain; get only, PEM
 *
 * Leaf first, trust anchor last. After a resumption: the chain of the full handshake on
 * a client, only the leaf on a server. ENODATA if no certificate was verified. Often
 * longer than 1 KiB: see KTLS_PIECE().
 */
#define KTLS_PEER_CHAIN		87

/* The three options below describe the leaf of KTLS_PEER_CHAIN, also after a
 * resumption. Length 0 if no certificate was verified: with KTLS_VERIFY_NONE, after a
 * failed handshake, or with KTLS_PSK. Each fits into a buffer of 1 KiB.
 */

#define KTLS_PEER_TEXT_MAX	1024

/**
 * KTLS_PEER_SUBJECT - the verified subject; get only, string
 *
 * In the form of RFC 4514, the last part first, for instance "CN=anna,O=Example,C=SE".
 * Printable ASCII: other bytes, and those that RFC 4514 requires to be escaped, are
 * escaped with "\" and two hex digits, or "\" and themselves. Length 0 also if the
 * subject is empty. A subject longer than KTLS_PEER_TEXT_MAX bytes is replaced by "...".
 */
#define KTLS_PEER_SUBJECT	88

/**
 * KTLS_PEER_NAMES - the verified names; get only, string
 *
 * The subjectAltName in its order, one name per line, with a newline at the end of each:
 * "DNS:" and a host name, "IP:" and an address, "URI:" and a URI, "email:" and an
 * address; other kinds are left out. Graphic ASCII: all other bytes, and "\" itself,
 * are escaped with "\" and two hex digits, so that a name is always one line. If not all
 * names fit into KTLS_PEER_TEXT_MAX bytes, the last line is "..." in place of the rest.
 * No name is truncated; KTLS_PEER_CHAIN has all of them.
 */
#define KTLS_PEER_NAMES		89

/**
 * KTLS_PEER_FINGERPRINT - SHA-256 of the verified certificate; get only
 *
 * KTLS_PEER_FINGERPRINT_SIZE bytes, of the whole certificate in DER.
 */
#define KTLS_PEER_FINGERPRINT	90

#define KTLS_PEER_FINGERPRINT_SIZE	32

#endif /* _UAPI_LINUX_KTLS_H */
