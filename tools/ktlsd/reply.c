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

/* Adds all of @certs, or none if they exceed what is left of KTLS_GENL_CHAINS_MAX. */
static void reply_put_certificates(struct ktlsd_message *message, uint16_t attr,
				   const STACK_OF(X509) *certs, size_t *left)
{
	unsigned char *der;
	size_t total = 0;
	int i, len;

	for (i = 0; i < sk_X509_num(certs); i++) {
		len = i2d_X509(sk_X509_value(certs, i), NULL);
		if (len <= 0 || (size_t)len > UINT16_MAX - MNL_ATTR_HDRLEN)
			return;
		total += (size_t)len;
	}
	if (total > *left)
		return;
	*left -= total;

	for (i = 0; i < sk_X509_num(certs); i++) {
		der = NULL;
		len = i2d_X509(sk_X509_value(certs, i), &der);
		if (len > 0)
			ktlsd_message_put(message, attr, der, (size_t)len);
		OPENSSL_free(der);
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
	size_t left = KTLS_GENL_CHAINS_MAX;

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
	reply_put_certificates(message, KTLS_A_PEER_CERT, hs->presented, &left);
	if (result->verified)
		reply_put_certificates(message, KTLS_A_CHAIN_CERT, hs->chain,
				       &left);
}

void ktlsd_reply_failure(struct ktlsd_message *message,
			 const struct ktlsd_handshake *hs,
			 const struct ktlsd_fault *fault)
{
	size_t left = KTLS_GENL_CHAINS_MAX;

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
	reply_put_certificates(message, KTLS_A_PEER_CERT, hs->presented, &left);
}
