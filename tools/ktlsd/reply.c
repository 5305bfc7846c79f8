// SPDX-License-Identifier: GPL-2.0-or-later
#include <openssl/crypto.h>

#include "reply.h"

enum {
	REPLY_RECORD_HEADER	= 5,
};

size_t ktlsd_reply_cut(const uint8_t *records, size_t len)
{
	size_t at = 0, record;

	if (len <= KTLS_GENL_DATA_MAX)
		return len;
	while (len - at >= REPLY_RECORD_HEADER) {
		record = REPLY_RECORD_HEADER +
			 ((size_t)records[at + 3] << 8 | records[at + 4]);
		if (at + record > KTLS_GENL_DATA_MAX)
			break;
		at += record;
	}
	/* OpenSSL writes whole records, and every record fits. */
	return at ? at : KTLS_GENL_DATA_MAX;
}

/**
 * struct reply_certificates - certificates in a reply
 * @message: the reply
 * @left: of KTLS_GENL_CHAINS_MAX, bytes
 * @cert: the first of the first chain, which often begins the second chain too
 * @der: it, encoded; NULL for none
 * @len: bytes
 */
struct reply_certificates {
	struct ktlsd_message	*message;
	size_t			left;
	const X509		*cert;
	unsigned char		*der;
	int			len;
};

/* Return: whether it was encoded and there is room for it. */
static bool reply_put_certificate(struct reply_certificates *all, uint16_t attr, const X509 *cert)
{
	unsigned char *der = all->cert == cert ? all->der : NULL;
	int len = der ? all->len : i2d_X509(cert, &der);
	bool fits;

	fits = len > 0 && (size_t)len <= UINT16_MAX - MNL_ATTR_HDRLEN && (size_t)len <= all->left;
	if (fits) {
		ktlsd_message_put(all->message, attr, der, (size_t)len);
		all->left -= (size_t)len;
	}
	if (!all->der && len > 0) {
		all->cert = cert;
		all->der = der;
		all->len = len;
	} else if (der != all->der) {
		OPENSSL_free(der);
	}
	return fits;
}

/* Adds all of @certs, or none if they exceed what is left of KTLS_GENL_CHAINS_MAX. */
static void reply_put_certificates(struct reply_certificates *all, uint16_t attr,
				   const STACK_OF(X509) *certs)
{
	const uint32_t begin = all->message->nlh->nlmsg_len;
	const size_t left = all->left;
	int i;

	for (i = 0; i < sk_X509_num(certs); i++) {
		if (reply_put_certificate(all, attr, sk_X509_value(certs, i)))
			continue;
		all->message->nlh->nlmsg_len = begin;
		all->left = left;
		return;
	}
}

/* The kernel refuses empty strings. */
static void reply_put_peer(struct ktlsd_message *message,
			   const struct ktlsd_result *result)
{
	const struct ktlsd_peer_cert *peer = &result->peer;

	if (result->peer_name[0])
		ktlsd_message_put_string(message, KTLS_A_PEER_NAME, result->peer_name);
	if (peer->subject[0])
		ktlsd_message_put_string(message, KTLS_A_PEER_SUBJECT, peer->subject);
	if (peer->names[0])
		ktlsd_message_put_string(message, KTLS_A_PEER_NAMES, peer->names);
	if (peer->fingerprint_len)
		ktlsd_message_put(message, KTLS_A_PEER_FINGERPRINT, peer->fingerprint,
				  peer->fingerprint_len);
}

static void reply_put_direction(struct ktlsd_message *message,
				const struct ktlsd_direction *direction,
				uint16_t secret, uint16_t iv, uint16_t seq)
{
	ktlsd_message_put(message, secret, direction->secret,
			  direction->secret_len);
	if (direction->iv_len)
		ktlsd_message_put(message, iv, direction->iv, direction->iv_len);
	ktlsd_message_put_u64(message, seq, direction->seq);
}

void ktlsd_reply_success(struct ktlsd_message *message,
			 struct ktlsd_handshake *hs,
			 const struct ktlsd_result *result, unsigned int messages)
{
	struct reply_certificates certs = { .message = message, .left = KTLS_GENL_CHAINS_MAX };

	ktlsd_message_put_u32(message, KTLS_A_ERRNO, 0);
	ktlsd_message_put_u16(message, KTLS_A_VERSION, result->version);
	ktlsd_message_put_u16(message, KTLS_A_SUITE, result->suite->id);
	if (result->group)
		ktlsd_message_put_u16(message, KTLS_A_GROUP, result->group);
	if (result->sigalg)
		ktlsd_message_put_u16(message, KTLS_A_SIGALG, result->sigalg);
	ktlsd_message_put_u32(message, KTLS_A_CONSUMED, (uint32_t)hs->consumed);
	reply_put_direction(message, &result->tx, KTLS_A_TX_SECRET,
			    KTLS_A_TX_IV, KTLS_A_TX_SEQ);
	reply_put_direction(message, &result->rx, KTLS_A_RX_SECRET,
			    KTLS_A_RX_IV, KTLS_A_RX_SEQ);
	if (result->version == KTLS_TLS_1_2 && result->suite->explicit_nonce)
		ktlsd_message_put_u64(message, KTLS_A_TX_NONCE, result->tx_nonce);
	if (result->exporter_len)
		ktlsd_message_put(message, KTLS_A_EXPORTER, result->exporter,
				  result->exporter_len);
	if (result->max_fragment)
		ktlsd_message_put_u32(message, KTLS_A_MAX_FRAGMENT,
				      result->max_fragment);
	if (result->alpn_len)
		ktlsd_message_put(message, KTLS_A_ALPN, result->alpn,
				  result->alpn_len);
	if (result->server_name[0])
		ktlsd_message_put_string(message, KTLS_A_SERVER_NAME,
					 result->server_name);
	if (result->revocation)
		ktlsd_message_put_u32(message, KTLS_A_REVOCATION, result->revocation);
	if (result->verified)
		ktlsd_message_put_flag(message, KTLS_A_VERIFIED);
	if (result->resumed)
		ktlsd_message_put_flag(message, KTLS_A_RESUMED);
	reply_put_peer(message, result);
	if (messages)
		ktlsd_message_put_u32(message, KTLS_A_MESSAGES, messages);
	reply_put_certificates(&certs, KTLS_A_PEER_CERT, hs->presented);
	if (result->verified)
		reply_put_certificates(&certs, KTLS_A_CHAIN_CERT, hs->chain);
	OPENSSL_free(certs.der);
}

void ktlsd_reply_failure(struct ktlsd_message *message,
			 const struct ktlsd_handshake *hs,
			 const struct ktlsd_fault *fault)
{
	struct reply_certificates certs = { .message = message, .left = KTLS_GENL_CHAINS_MAX };

	ktlsd_message_put_u32(message, KTLS_A_ERRNO, (uint32_t)-fault->error);
	ktlsd_message_put_string(message, KTLS_A_REASON, fault->reason);
	if (!hs)
		return;
	if (fault->alert != KTLSD_ALERT_NONE) {
		ktlsd_message_put_u8(message, KTLS_A_ALERT, (uint8_t)fault->alert);
		if (fault->alert_received)
			ktlsd_message_put_flag(message, KTLS_A_ALERT_RCVD);
	}
	ktlsd_message_put_u32(message, KTLS_A_CONSUMED, (uint32_t)hs->consumed);
	reply_put_certificates(&certs, KTLS_A_PEER_CERT, hs->presented);
	OPENSSL_free(certs.der);
}
