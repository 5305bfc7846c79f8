// SPDX-License-Identifier: GPL-2.0
/* Alerts, sent and received: RFC 8446 6, RFC 5246 7.2. */
#include <net/sock.h>

#include "record/alert.h"
#include "record/framing.h"
#include "record/reason.h"
#include "record/rl.h"
#include "record/tx.h"
#include "mib.h"
#include "suite.h"
#include "wire.h"

#include <trace/events/ktls.h>

/* Indexed by description; a hole is a number no RFC has given a meaning. */
static const struct alert_entry {
	const char	*name;
	const char	*meaning;
} alert_table[] = {
	[0]	= { "close_notify", "it has nothing more to send" },
	[10]	= { "unexpected_message", "it got a message it did not expect" },
	[20]	= { "bad_record_mac", "it got a record that is not authentic" },
	[21]	= { "decryption_failed", "it could not decrypt a record" },
	[22]	= { "record_overflow", "it got a record that is too long" },
	[30]	= { "decompression_failure", "it could not decompress a record" },
	[40]	= { "handshake_failure", "there is nothing both sides can agree on" },
	[41]	= { "no_certificate", "it has no certificate" },
	[42]	= { "bad_certificate", "our certificate is damaged" },
	[43]	= { "unsupported_certificate", "our certificate is of a kind it does not know" },
	[44]	= { "certificate_revoked", "our certificate is revoked" },
	[45]	= { "certificate_expired", "our certificate is not valid now" },
	[46]	= { "certificate_unknown", "our certificate is not acceptable" },
	[47]	= { "illegal_parameter", "a field of the handshake is wrong" },
	[48]	= { "unknown_ca", "it does not know who issued our certificate" },
	[49]	= { "access_denied", "our certificate is valid, but we may not connect" },
	[50]	= { "decode_error", "it could not parse a message" },
	[51]	= { "decrypt_error", "a signature or a Finished message is wrong" },
	[60]	= { "export_restriction", "export rules forbid it" },
	[70]	= { "protocol_version", "it does not support our version of TLS" },
	[71]	= { "insufficient_security", "it wants stronger ciphers" },
	[80]	= { "internal_error", "something went wrong on its side" },
	[86]	= { "inappropriate_fallback", "we connected with a version lower than need be" },
	[90]	= { "user_canceled", "its user broke off" },
	[100]	= { "no_renegotiation", "it does not renegotiate" },
	[109]	= { "missing_extension", "an extension is missing in the handshake" },
	[110]	= { "unsupported_extension", "it got an extension it did not ask for" },
	[111]	= { "certificate_unobtainable", "it could not fetch our certificate" },
	[112]	= { "unrecognized_name", "it does not have the server name we asked for" },
	[113]	= { "bad_certificate_status_response", "our OCSP answer is not acceptable" },
	[114]	= { "bad_certificate_hash_value", "our certificate's hash is wrong" },
	[115]	= { "unknown_psk_identity", "it does not know our pre-shared key" },
	[116]	= { "certificate_required", "it demands a certificate of us" },
	[117]	= { "general_error", "it gives no reason" },
	[120]	= { "no_application_protocol", "it speaks none of our application protocols" },
	[121]	= { "ech_required", "it demands Encrypted Client Hello" },
};

static const struct alert_entry *alert_find(u8 alert)
{
	if (alert >= ARRAY_SIZE(alert_table) || !alert_table[alert].name)
		return NULL;
	return &alert_table[alert];
}

static u8 alert_level(u8 alert)
{
	switch (alert) {
	case KTLS_ALERT_CLOSE_NOTIFY:
	case KTLS_ALERT_USER_CANCELED:
	case KTLS_ALERT_NO_RENEGOTIATION:
		return KTLS_ALERT_WARNING;
	default:
		return KTLS_ALERT_FATAL;
	}
}

/**
 * ktls_alert_send - seal an alert and queue it behind what was sent before
 * @rl: the connection
 * @alert: enum ktls_alert
 *
 * Nothing can be sent after a close_notify (RFC 8446 6.1): then this does
 * nothing. The open record goes first.
 *
 * Context: process context, socket lock held; never waits for TCP.
 * Return: 0; -ENOTCONN if there are no keys to seal under; -ENOMEM; -EPIPE if TCP
 * takes no more. Only after 0 the alert counts as sent.
 */
int ktls_alert_send(struct ktls_rl *rl, u8 alert)
{
	const u8 data[] = { alert_level(alert), alert };
	int err;

	sock_owned_by_me(rl->sk);
	if (rl->tx.closed)
		return 0;
	if (!rl->flow->tx.keyed)
		return -ENOTCONN;

	err = ktls_tx_record(rl, KTLS_CT_ALERT, data, sizeof(data));
	if (err)
		return err;

	rl->alert_sent = alert;
	trace_ktls_alert(rl->sk, true, alert);
	if (alert == KTLS_ALERT_CLOSE_NOTIFY)
		rl->tx.closed = true;
	ktls_mib_inc(sock_net(rl->sk), KTLS_MIB_ALERTS_SENT);
	return 0;
}

/**
 * ktls_alert_report - report an error to the program; send no alert
 * @rl: an open connection
 * @err: positive errno, reported once
 * @reason: for KTLS_ERROR
 *
 * Context: process context, socket lock held. Calls ktls_framing_commit().
 */
void ktls_alert_report(struct ktls_rl *rl, int err, const char *reason)
{
	sock_owned_by_me(rl->sk);
	ktls_framing_commit(rl);
	ktls_reason_set(rl, "%s", reason);
	WRITE_ONCE(rl->sk->sk_err, err);
	sk_error_report(rl->sk);
}

/**
 * ktls_alert_fatal - end the connection because of what the peer did
 * @rl: an open connection
 * @alert: the alert to send
 * @err: positive errno that reading reports
 * @reason: for KTLS_ERROR
 *
 * Context: process context, socket lock held; never waits for TCP. Calls
 * ktls_framing_commit().
 * Return: what ktls_rules.fail() returns.
 */
int ktls_alert_fatal(struct ktls_rl *rl, u8 alert, int err, const char *reason)
{
	sock_owned_by_me(rl->sk);
	if (rl->rules->alerts)
		ktls_alert_send(rl, alert);
	ktls_framing_commit(rl);
	ktls_reason_set(rl, "%s", reason);
	return rl->rules->fail(rl, err);
}

/**
 * ktls_alert_refuse - end the connection because the peer broke the protocol
 * @rl: an open connection
 * @alert: the alert to send
 * @reason: for KTLS_ERROR
 *
 * ktls_alert_fatal() with EPROTO, counted as KtlsRxInvalid.
 *
 * Context: as ktls_alert_fatal().
 * Return: as ktls_alert_fatal().
 */
int ktls_alert_refuse(struct ktls_rl *rl, u8 alert, const char *reason)
{
	ktls_mib_inc(sock_net(rl->sk), KTLS_MIB_RX_INVALID);
	return ktls_alert_fatal(rl, alert, EPROTO, reason);
}

static int alert_close(struct ktls_rl *rl)
{
	/* Reading reports end of file from now on; the caller wakes readers. */
	WRITE_ONCE(rl->rx.closed, true);
	return 0;
}

static int alert_end(struct ktls_rl *rl, u8 alert)
{
	const struct alert_entry *entry = alert_find(alert);

	/* RFC 8446 6.2: no answer, the connection is over at once. */
	ktls_framing_commit(rl);
	if (entry)
		ktls_reason_set(rl, "the peer ended the connection: %s (%s)",
				entry->name, entry->meaning);
	else
		ktls_reason_set(rl, "the peer ended the connection: alert %u", alert);
	return rl->rules->fail(rl, EPROTO);
}

/**
 * ktls_alert_received - handle an authentic alert record of the peer
 * @rl: an open connection
 * @data: the record's payload
 * @len: bytes in it
 *
 * TLS 1.3: the level means nothing, all but close_notify and user_canceled end
 * the connection (RFC 8446 6). TLS 1.2: a warning is not the end, many are.
 *
 * Context: process context, socket lock held.
 * Return: 0: go on (rl->rx.closed may be set now); -EPROTO: it is over.
 */
int ktls_alert_received(struct ktls_rl *rl, const u8 *data, size_t len)
{
	const bool is_13 = rl->flow->rx.suite->version == KTLS_TLS_1_3;
	u8 level, alert;

	sock_owned_by_me(rl->sk);
	if (len != 2)
		return ktls_alert_refuse(rl, len ? KTLS_ALERT_DECODE_ERROR :
					 KTLS_ALERT_UNEXPECTED_MESSAGE,
					 "the peer sent an alert that is not two bytes long");
	level = data[0];
	alert = data[1];
	rl->alert_rcvd = alert;
	trace_ktls_alert(rl->sk, false, alert);
	ktls_mib_inc(sock_net(rl->sk), KTLS_MIB_ALERTS_RCVD);

	if (level != KTLS_ALERT_WARNING && level != KTLS_ALERT_FATAL)
		return ktls_alert_refuse(rl, KTLS_ALERT_ILLEGAL_PARAMETER,
					 "the peer sent an alert of an unknown level");
	if (alert == KTLS_ALERT_CLOSE_NOTIFY)
		return alert_close(rl);
	if (alert != KTLS_ALERT_USER_CANCELED && (is_13 || level == KTLS_ALERT_FATAL))
		return alert_end(rl, alert);

	if (++rl->flow->counts.warnings > KTLS_WARNINGS_MAX)
		return ktls_alert_refuse(rl, KTLS_ALERT_UNEXPECTED_MESSAGE,
					 "the peer sent too many warning alerts");
	return 0;
}
