/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The contract between ktls.ko and ktlsd, over generic netlink.
 *
 * include/netlink/ktls.yaml is the source of truth; selftests compare the
 * numbers here with it. All integers are in host byte order unless an
 * attribute says otherwise; strings carry no trailing NUL on the wire but a
 * receiver accepts one.
 *
 * The conversation about one request (one handshake, or one CHECK):
 *
 *	kernel				helper
 *	START(id, role, ...) ------------>
 *	      <--------------------------- CONFIG(id, config, attr, offset)
 *	CONFIG reply(piece) ------------->		(as often as needed)
 *	      <--------------------------- DATA(id, bytes to send)
 *	DATA(id, whole records) --------->
 *	      <--------------------------- DATA | DONE
 *
 * Lock-step: START, CHECK and each batch of DATA that ends with a message
 * without KTLS_A_MORE is answered by exactly one batch of DATA (perhaps
 * without bytes: more input, please) or by DONE; DONE with ERRNO may come at any
 * time. CANCEL ends it at any time: the helper forgets the id, and sends CANCEL
 * back to say that it has read it, and nothing more about it.
 */
#ifndef _UAPI_LINUX_KTLS_NETLINK_H
#define _UAPI_LINUX_KTLS_NETLINK_H

#define KTLS_GENL_NAME		"ktls"
#define KTLS_GENL_VERSION	2

/* Limits of the contract, in bytes unless said otherwise. */
#define KTLS_GENL_DATA_MAX	32768	/* records in one DATA message */
#define KTLS_GENL_PIECE_MAX	16384	/* one CONFIG piece */
#define KTLS_GENL_CHAINS_MAX	131072	/* all certificates in a DONE */
#define KTLS_GENL_SECRET_MAX	64	/* a traffic secret or key */
#define KTLS_GENL_EXPORTER_MAX	112	/* master secret and both randoms */
#define KTLS_GENL_SENTENCE_MAX	255	/* KTLS_A_SENTENCE */
#define KTLS_GENL_GROUPS_MAX	64	/* supplementary groups sent, count */
#define KTLS_GENL_MESSAGES_MAX	16	/* MESSAGEs that a DONE may want, count */
#define KTLS_GENL_TICKET_MAX	16384	/* KTLS_A_TICKET */
#define KTLS_GENL_PEER_MAX	1024	/* KTLS_A_PEER_SUBJECT, KTLS_A_PEER_NAMES */
#define KTLS_GENL_FINGERPRINT	32	/* KTLS_A_PEER_FINGERPRINT */

/**
 * enum ktls_cmd - generic netlink commands
 * @KTLS_CMD_REGISTER: helper to kernel. Request: CREDIT, PROTOCOL. The socket
 *	it came from is a worker of its network namespace from now on. Needs
 *	CAP_NET_ADMIN over the namespace, and the uid of the first helper.
 *	Reply (same command): SUITES, one u16 each, that this kernel can do.
 * @KTLS_CMD_CHECK: kernel to helper: is this configuration usable by this
 *	caller as a server? Like START without role and addresses. Answered by
 *	DONE with ERRNO 0 or ERRNO and SENTENCE.
 * @KTLS_CMD_START: kernel to helper: carry out a handshake. ID, ROLE,
 *	DEADLINE, UID, GID, GROUPS, FOREIGN, PID, COMM, LOCAL_ADDR, PEER_ADDR, CONFIG,
 *	CONFIG_PARTS, and inline SERVER_NAME, IDENTITY, VERIFY, ALPN, VERSION_MIN,
 *	VERSION_MAX, CIPHERS, TLS_GROUPS, SIGALGS, TICKETS; for a server RECORDS:
 *	the first whole record(s).
 * @KTLS_CMD_CONFIG: helper to kernel: ID, CONFIG_ATTR, OFFSET asks for a
 *	piece of an attribute of the configuration of request ID. Reply (same
 *	command): ID, CONFIG_ATTR, OFFSET, TOTAL, PIECE. Answered only to the
 *	worker that was given the request.
 * @KTLS_CMD_CONFIG_DROP: kernel to helper, a hint: CONFIG is gone.
 * @KTLS_CMD_DATA: both ways: ID, RECORDS (whole TLS records as on the wire),
 *	MORE when another message of the same batch follows. From the kernel, with
 *	SENTENCE: RECORDS is the header of a record that is against the RFC, and
 *	why; it is answered by DONE, with the alert.
 * @KTLS_CMD_DONE: helper to kernel: the handshake, or CHECK, has ended. ERRNO
 *	0: VERSION, SUITE, TX and RX key material, CONSUMED, RECORDS (bytes still
 *	to send, sealed by the helper), and what was negotiated. Else ERRNO,
 *	ALERT, SENTENCE, RECORDS (the alert as it has to go out), CONSUMED, and
 *	the certificates the peer presented.
 * @KTLS_CMD_CANCEL: kernel to helper: ID is over. Back, in any case: it was read.
 * @KTLS_CMD_MESSAGE: kernel to helper: ID, TICKET: a NewSessionTicket that came
 *	on the connection of request ID, which is over. Back, with ID alone: dealt
 *	with, the next one may come.
 * @KTLS_CMD_SOCKETS: dump of sockets (reserved).
 * @KTLS_CMD_STATS: dump of counters (reserved).
 */
enum ktls_cmd {
	KTLS_CMD_UNSPEC,
	KTLS_CMD_REGISTER,
	KTLS_CMD_CHECK,
	KTLS_CMD_START,
	KTLS_CMD_CONFIG,
	KTLS_CMD_CONFIG_DROP,
	KTLS_CMD_DATA,
	KTLS_CMD_DONE,
	KTLS_CMD_CANCEL,
	KTLS_CMD_MESSAGE,
	KTLS_CMD_SOCKETS,
	KTLS_CMD_STATS,

	__KTLS_CMD_MAX,
	KTLS_CMD_MAX = __KTLS_CMD_MAX - 1
};

/**
 * enum ktls_attr - attributes; one flat space for all commands
 * @KTLS_A_PAD: alignment of 64-bit attributes
 * @KTLS_A_PROTOCOL: u32, KTLS_GENL_VERSION the helper speaks
 * @KTLS_A_CREDIT: u32, 1..1024: how many unanswered messages (START, CHECK,
 *	DATA, MESSAGE) the helper is prepared to hold in its receive buffer
 * @KTLS_A_SUITES: binary, array of u16: IANA numbers
 * @KTLS_A_ID: u64, the request; unique for the life of the module
 * @KTLS_A_ROLE: u32, enum ktls_role
 * @KTLS_A_DEADLINE: u64, when the handshake has to be over, milliseconds of
 *	CLOCK_MONOTONIC as the task that said REGISTER sees it
 * @KTLS_A_UID: u32, of the task that chose the credential, in the helper's
 *	user namespace; the overflow uid if it has no name there
 * @KTLS_A_GID: u32, likewise
 * @KTLS_A_GROUPS: binary, array of u32: supplementary groups, at most
 *	KTLS_GENL_GROUPS_MAX
 * @KTLS_A_PID: u32, for logs only
 * @KTLS_A_COMM: string, for logs only
 * @KTLS_A_LOCAL_ADDR: binary, struct sockaddr_in or sockaddr_in6
 * @KTLS_A_PEER_ADDR: binary, likewise: what a client without SERVER_NAME
 *	verifies
 * @KTLS_A_CONFIG: u64, identifies the immutable configuration (the helper may
 *	cache what it made of it); 0: nothing to fetch
 * @KTLS_A_CONFIG_PARTS: u32, bit n set: attribute KTLS_CONFIG_n exists and can
 *	be fetched
 * @KTLS_A_SERVER_NAME: string, KTLS_SERVER_NAME; in DONE of a server: the name
 *	the client asked for
 * @KTLS_A_IDENTITY: string, KTLS_IDENTITY
 * @KTLS_A_VERIFY: u32, enum ktls_verify
 * @KTLS_A_ALPN: binary, RFC 7301 list; in DONE: the protocol chosen, bare
 * @KTLS_A_VERSION_MIN: u16
 * @KTLS_A_VERSION_MAX: u16
 * @KTLS_A_CIPHERS: string, as in KTLS_CIPHERS
 * @KTLS_A_RECORDS: binary, whole TLS records, at most KTLS_GENL_DATA_MAX
 * @KTLS_A_MORE: flag, the batch goes on in the next message
 * @KTLS_A_CONFIG_ATTR: u32, enum ktls_config_attr
 * @KTLS_A_OFFSET: u32, bytes
 * @KTLS_A_TOTAL: u32, size of the whole attribute in bytes
 * @KTLS_A_PIECE: binary, at most KTLS_GENL_PIECE_MAX
 * @KTLS_A_ERRNO: u32, 0 or a positive errno
 * @KTLS_A_ALERT: u8, the alert sent (in RECORDS) or received; absent if none
 * @KTLS_A_ALERT_RCVD: flag, ALERT was received from the peer, not sent
 * @KTLS_A_SENTENCE: string, why it failed, for KTLS_ERROR
 * @KTLS_A_VERSION: u16
 * @KTLS_A_SUITE: u16, IANA number
 * @KTLS_A_GROUP: u16, IANA number of the key exchange group
 * @KTLS_A_SIGALG: u16, IANA number of the peer's signature scheme
 * @KTLS_A_CONSUMED: u32, bytes of the last batch that belong to the handshake;
 *	the rest are records under the new keys
 * @KTLS_A_TX_SECRET: binary; 1.3: traffic secret of generation 0 of the
 *	direction this host sends in; 1.2: the AEAD key
 * @KTLS_A_RX_SECRET: binary, likewise of the direction it receives in
 * @KTLS_A_TX_IV: binary, 1.2 only: the implicit part of the nonce (GCM: 4
 *	bytes, ChaCha20-Poly1305: 12 bytes)
 * @KTLS_A_RX_IV: binary, likewise
 * @KTLS_A_TX_SEQ: u64, sequence number of the next record sealed
 * @KTLS_A_RX_SEQ: u64, sequence number of the next record opened
 * @KTLS_A_TX_NONCE: u64, 1.2 GCM only: explicit nonce of the next record sealed
 * @KTLS_A_EXPORTER: binary, 1.3: exporter_secret; 1.2: master secret (48 bytes),
 *	ClientHello.random, ServerHello.random (32 bytes each), and only with
 *	extended master secret (RFC 7627); absent: KTLS_EXPORTER is EOPNOTSUPP
 * @KTLS_A_MAX_FRAGMENT: u32, largest plaintext we may send in a record
 *	(max_fragment_length, RFC 6066); absent: 16384
 * @KTLS_A_VERIFIED: flag, the peer's chain and name were verified
 * @KTLS_A_RESUMED: flag
 * @KTLS_A_PEER_NAME: string, the name that was verified
 * @KTLS_A_PEER_CERT: binary, DER, once per certificate the peer presented
 * @KTLS_A_CHAIN_CERT: binary, DER, once per certificate of the verified chain
 * @KTLS_A_MESSAGES: u32, how many MESSAGEs are wanted, at most
 *	KTLS_GENL_MESSAGES_MAX; absent: none
 * @KTLS_A_TLS_GROUPS: string, KTLS_GROUPS
 * @KTLS_A_SIGALGS: string, KTLS_SIGALGS
 * @KTLS_A_TICKETS: u32, KTLS_TICKETS
 * @KTLS_A_TICKET: binary, body of a NewSessionTicket (RFC 8446 4.6.1), at most
 *	KTLS_GENL_TICKET_MAX
 * @KTLS_A_PEER_SUBJECT: string, KTLS_PEER_SUBJECT, at most KTLS_GENL_PEER_MAX
 * @KTLS_A_PEER_NAMES: string, KTLS_PEER_NAMES, at most KTLS_GENL_PEER_MAX
 * @KTLS_A_PEER_FINGERPRINT: binary, KTLS_PEER_FINGERPRINT
 * @KTLS_A_FOREIGN: flag, the task of UID lives in another PID namespace than the worker:
 *	it is in a container, and its uid may be another's
 */
enum ktls_attr {
	KTLS_A_UNSPEC,
	KTLS_A_PAD,
	KTLS_A_PROTOCOL,
	KTLS_A_CREDIT,
	KTLS_A_SUITES,
	KTLS_A_ID,
	KTLS_A_ROLE,
	KTLS_A_DEADLINE,
	KTLS_A_UID,
	KTLS_A_GID,
	KTLS_A_GROUPS,
	KTLS_A_PID,
	KTLS_A_COMM,
	KTLS_A_LOCAL_ADDR,
	KTLS_A_PEER_ADDR,
	KTLS_A_CONFIG,
	KTLS_A_CONFIG_PARTS,
	KTLS_A_SERVER_NAME,
	KTLS_A_IDENTITY,
	KTLS_A_VERIFY,
	KTLS_A_ALPN,
	KTLS_A_VERSION_MIN,
	KTLS_A_VERSION_MAX,
	KTLS_A_CIPHERS,
	KTLS_A_RECORDS,
	KTLS_A_MORE,
	KTLS_A_CONFIG_ATTR,
	KTLS_A_OFFSET,
	KTLS_A_TOTAL,
	KTLS_A_PIECE,
	KTLS_A_ERRNO,
	KTLS_A_ALERT,
	KTLS_A_ALERT_RCVD,
	KTLS_A_SENTENCE,
	KTLS_A_VERSION,
	KTLS_A_SUITE,
	KTLS_A_GROUP,
	KTLS_A_SIGALG,
	KTLS_A_CONSUMED,
	KTLS_A_TX_SECRET,
	KTLS_A_RX_SECRET,
	KTLS_A_TX_IV,
	KTLS_A_RX_IV,
	KTLS_A_TX_SEQ,
	KTLS_A_RX_SEQ,
	KTLS_A_TX_NONCE,
	KTLS_A_EXPORTER,
	KTLS_A_MAX_FRAGMENT,
	KTLS_A_VERIFIED,
	KTLS_A_RESUMED,
	KTLS_A_PEER_NAME,
	KTLS_A_PEER_CERT,
	KTLS_A_CHAIN_CERT,
	KTLS_A_MESSAGES,
	KTLS_A_TLS_GROUPS,
	KTLS_A_SIGALGS,
	KTLS_A_TICKETS,
	KTLS_A_TICKET,
	KTLS_A_PEER_SUBJECT,
	KTLS_A_PEER_NAMES,
	KTLS_A_PEER_FINGERPRINT,
	KTLS_A_FOREIGN,

	__KTLS_A_MAX,
	KTLS_A_MAX = __KTLS_A_MAX - 1
};

/**
 * enum ktls_config_attr - what CONFIG can fetch; the bits of CONFIG_PARTS
 * @KTLS_CONFIG_CERTIFICATE: PEM, option KTLS_CERTIFICATE
 * @KTLS_CONFIG_PRIVATE_KEY: PEM, option KTLS_PRIVATE_KEY
 * @KTLS_CONFIG_TRUST: PEM, option KTLS_TRUST
 * @KTLS_CONFIG_PSK: struct ktls_psk, option KTLS_PSK
 */
enum ktls_config_attr {
	KTLS_CONFIG_CERTIFICATE,
	KTLS_CONFIG_PRIVATE_KEY,
	KTLS_CONFIG_TRUST,
	KTLS_CONFIG_PSK,

	__KTLS_CONFIG_MAX,
	KTLS_CONFIG_MAX = __KTLS_CONFIG_MAX - 1
};

#endif /* _UAPI_LINUX_KTLS_NETLINK_H */
