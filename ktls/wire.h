/* SPDX-License-Identifier: GPL-2.0 */
/* Constants of the TLS protocol, and limits of the module. */
#ifndef _KTLS_WIRE_H
#define _KTLS_WIRE_H

#include <uapi/linux/ktls.h>

/* ContentType, RFC 8446 B.1 */
enum ktls_content_type {
	KTLS_CT_CHANGE_CIPHER_SPEC	= 20,
	KTLS_CT_ALERT			= 21,
	KTLS_CT_HANDSHAKE		= 22,
	KTLS_CT_DATA			= 23,
};

/* HandshakeType, RFC 8446 B.3: what may follow the handshake */
enum ktls_handshake_type {
	KTLS_HS_HELLO_REQUEST		= 0,
	KTLS_HS_CLIENT_HELLO		= 1,
	KTLS_HS_NEW_SESSION_TICKET	= 4,
	KTLS_HS_CERTIFICATE_REQUEST	= 13,
	KTLS_HS_KEY_UPDATE		= 24,
};

/* AlertDescription, RFC 8446 6 and RFC 5246 7.2 */
enum ktls_alert {
	KTLS_ALERT_CLOSE_NOTIFY			= 0,
	KTLS_ALERT_UNEXPECTED_MESSAGE		= 10,
	KTLS_ALERT_BAD_RECORD_MAC		= 20,
	KTLS_ALERT_RECORD_OVERFLOW		= 22,
	KTLS_ALERT_HANDSHAKE_FAILURE		= 40,
	KTLS_ALERT_ILLEGAL_PARAMETER		= 47,
	KTLS_ALERT_DECODE_ERROR			= 50,
	KTLS_ALERT_PROTOCOL_VERSION		= 70,
	KTLS_ALERT_INTERNAL_ERROR		= 80,
	KTLS_ALERT_USER_CANCELED		= 90,
	KTLS_ALERT_NO_RENEGOTIATION		= 100,
	KTLS_ALERT_NONE				= 255,	/* not on the wire */
};

enum ktls_alert_level {
	KTLS_ALERT_WARNING	= 1,
	KTLS_ALERT_FATAL	= 2,
};

/* Sizes of the protocol, bytes. RFC 8446 5.1, 5.2; RFC 5246 6.2 */
enum ktls_wire_sizes {
	KTLS_HEADER_SIZE	= 5,
	KTLS_PAYLOAD_MAX	= 16384,	/* TLSPlaintext.fragment */
	KTLS_PAYLOAD_LIMIT_MIN	= 64,		/* of a record_size_limit, RFC 8449 4 */
	KTLS_TAG_SIZE		= 16,
	KTLS_NONCE_SIZE		= 12,
	KTLS_IV_MAX		= 16,		/* CCM's, around the nonce */
	KTLS_EXPLICIT_SIZE	= 8,		/* 1.2 GCM explicit nonce */
	KTLS_AAD12_SIZE		= 13,
	KTLS_AAD_MAX		= KTLS_AAD12_SIZE,
	KTLS_INNER_MAX		= KTLS_PAYLOAD_MAX + 1,	/* with the type byte */
	KTLS_CIPHERTEXT13_MAX	= KTLS_PAYLOAD_MAX + 256,
	KTLS_CIPHERTEXT12_MAX	= KTLS_PAYLOAD_MAX + 2048,
	KTLS_RECORD_MAX		= KTLS_HEADER_SIZE + KTLS_CIPHERTEXT12_MAX,
	KTLS_KEY_MAX		= 32,
	KTLS_SECRET_MAX		= 48,		/* SHA-384 */
	KTLS_MASTER_SECRET_SIZE	= 48,		/* RFC 5246 8.1 */
	KTLS_RANDOM_SIZE	= 32,
};

/* The version in the record header of a first ClientHello; KTLS_TLS_1_2 in all others. */
#define KTLS_VERSION_1_0	0x0301

/* Limits of the module that several files apply. */
enum ktls_limits {
	KTLS_SERVER_NAME_MAX	= 253,
	KTLS_TICKETS_WAITING	= 2,		/* for the helper, of a connection */
	KTLS_REASON_MAX		= 256,		/* KTLS_ERROR with its NUL */
	KTLS_CERTS_MAX		= 128 * 1024,	/* what DONE may carry */
	KTLS_GROUPS_MAX		= 64,
	KTLS_HS_BATCH_MAX	= 32 * 1024,	/* one batch to the helper */
	KTLS_HS_OUT_MAX		= 256 * 1024,	/* a helper's whole output */
	KTLS_DRAIN_MS		= 2 * 1000,	/* after a failed handshake */
	KTLS_CONTROL_MAX	= 16 * 1024,	/* one post-handshake message */
};

#endif /* _KTLS_WIRE_H */
