// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "lib/text.h"
#include "errors.h"

enum {
	ERRORS_NAME_MAX	= 72,	/* of a name that the peer chose, in a reason */
};

int ktlsd_errors_set(struct ktlsd_fault *fault, int error,
		     const char *format, ...)
{
	char raw[2 * sizeof(fault->reason)];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(raw, sizeof(raw), format, args);
	va_end(args);
	if (len < 0)
		len = 0;
	if ((size_t)len >= sizeof(raw))
		len = sizeof(raw) - 1;
	fault->error = error;
	ktlsd_text_escape(fault->reason, sizeof(fault->reason), raw, len);
	return error;
}

static const struct {
	int		alert;
	const char	*name;
} errors_alerts[] = {
	{ 0, "close_notify" },
	{ 10, "unexpected_message" },
	{ 20, "bad_record_mac" },
	{ 22, "record_overflow" },
	{ 40, "handshake_failure" },
	{ 42, "bad_certificate" },
	{ 43, "unsupported_certificate" },
	{ 44, "certificate_revoked" },
	{ 45, "certificate_expired" },
	{ 46, "certificate_unknown" },
	{ 47, "illegal_parameter" },
	{ 48, "unknown_ca" },
	{ 49, "access_denied" },
	{ 50, "decode_error" },
	{ 51, "decrypt_error" },
	{ 70, "protocol_version" },
	{ 71, "insufficient_security" },
	{ 80, "internal_error" },
	{ 86, "inappropriate_fallback" },
	{ 90, "user_canceled" },
	{ 100, "no_renegotiation" },
	{ 109, "missing_extension" },
	{ 110, "unsupported_extension" },
	{ 112, "unrecognized_name" },
	{ 113, "bad_certificate_status_response" },
	{ 115, "unknown_psk_identity" },
	{ 116, "certificate_required" },
	{ 120, "no_application_protocol" },
};

const char *ktlsd_errors_alert_name(int alert)
{
	size_t i;

	for (i = 0; i < sizeof(errors_alerts) / sizeof(*errors_alerts); i++) {
		if (errors_alerts[i].alert == alert)
			return errors_alerts[i].name;
	}
	return "unknown";
}

const char *ktlsd_errors_openssl_reason(void)
{
	unsigned long code = ERR_peek_error();
	const char *reason;

	reason = code ? ERR_reason_error_string(code) : NULL;
	return reason ? reason : "unknown reason";
}

/* Copies text of the peer. What ktlsd_errors_set() would escape becomes a question mark. */
static void errors_copy(char *dst, size_t size, const void *src, int len)
{
	const char *from = src;
	size_t i;

	for (i = 0; i < (size_t)len && i + 1 < size; i++)
		dst[i] = from[i] >= ' ' && from[i] <= '~' && from[i] != '\\' ? from[i] : '?';
	dst[i] = '\0';
}

void ktlsd_errors_print_name(char *dst, size_t size, const X509_NAME *name)
{
	const ASN1_STRING *value;
	char line[256];
	int index;

	index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	if (index >= 0) {
		value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index));
		errors_copy(dst, size, ASN1_STRING_get0_data(value),
			    ASN1_STRING_length(value));
		return;
	}
	line[0] = '\0';
	X509_NAME_oneline(name, line, sizeof(line));
	errors_copy(dst, size, line, (int)strlen(line));
}

static void errors_print_time(char *dst, size_t size, const ASN1_TIME *when)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(when, &tm) ||
	    !strftime(dst, size, "%Y-%m-%d %H:%M:%S UTC", &tm))
		snprintf(dst, size, "an unreadable date");
}

/* One subjectAltName as text. Return: false if it is of another kind. */
static bool errors_print_san(char *dst, size_t size, const GENERAL_NAME *name)
{
	const ASN1_STRING *value;
	const uint8_t *ip;

	if (name->type == GEN_DNS) {
		value = name->d.dNSName;
		errors_copy(dst, size, ASN1_STRING_get0_data(value),
			    ASN1_STRING_length(value));
		return true;
	}
	if (name->type != GEN_IPADD)
		return false;
	value = name->d.iPAddress;
	if (ASN1_STRING_length(value) != 4) {
		snprintf(dst, size, "an IPv6 address");
		return true;
	}
	ip = ASN1_STRING_get0_data(value);
	snprintf(dst, size, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
	return true;
}

/* The first three names of a certificate. */
static void errors_print_sans(char *dst, size_t size, const X509 *cert)
{
	GENERAL_NAMES *names;
	size_t used = 0;
	char one[48];
	int i, count = 0;

	dst[0] = '\0';
	names = cert ? X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL)
		     : NULL;
	for (i = 0; i < sk_GENERAL_NAME_num(names) && count < 3; i++) {
		if (!errors_print_san(one, sizeof(one),
				      sk_GENERAL_NAME_value(names, i)))
			continue;
		used += snprintf(dst + used, size - used, "%s%s",
				 count ? ", " : "", one);
		if (used >= size)
			break;
		count++;
	}
	if (!count)
		snprintf(dst, size, "no name");
	GENERAL_NAMES_free(names);
}

static int errors_date(struct ktlsd_fault *fault, const char *subject,
		       const struct ktlsd_verdict *verdict)
{
	bool expired = verdict->error == X509_V_ERR_CERT_HAS_EXPIRED;
	char when[48] = "an unknown date";

	if (verdict->cert)
		errors_print_time(when, sizeof(when), expired ?
				  X509_get0_notAfter(verdict->cert) :
				  X509_get0_notBefore(verdict->cert));
	return ktlsd_errors_set(fault, -EKEYREJECTED, expired ?
		"%s expired on %s: renew it, or check this machine's clock." :
		"%s is not valid before %s: check this machine's clock.",
		subject, when);
}

static int errors_mismatch(struct ktlsd_fault *fault, const char *subject,
			   const char *whose, const struct ktlsd_verdict *verdict)
{
	char sans[128];

	errors_print_sans(sans, sizeof(sans), verdict->cert);
	return ktlsd_errors_set(fault, -EKEYREJECTED,
		"%s is not for that name: it is for %s. Connect by one of its names, or give the server a certificate for '%.40s'.",
		subject, sans, whose ? whose : "");
}

static int errors_no_issuer(struct ktlsd_fault *fault, const char *subject,
			    const char *issuer, const struct ktlsd_verdict *verdict)
{
	/* Such a certificate has no issuer for OpenSSL, be it there or not. */
	if (verdict->cert && X509_get_extension_flags(verdict->cert) & EXFLAG_INVALID)
		return ktlsd_errors_set(fault, -EKEYREJECTED,
			"%s has extensions that are invalid: malformed, or there twice (issuer '%s').",
			subject, issuer);
	return ktlsd_errors_set(fault, -EKEYREJECTED,
		"%s was issued by '%s', which is not trusted here: give that CA's certificate in KTLS_TRUST, or add it to the system's.",
		subject, issuer);
}

static int errors_weak(struct ktlsd_fault *fault, const char *subject,
		       const char *issuer, const char *what)
{
	return ktlsd_errors_set(fault, -EKEYREJECTED,
		"%s %s: it needs a new one (issuer '%s').", subject, what, issuer);
}

void ktlsd_errors_subject(char *dst, size_t size, int depth, const char *whose)
{
	if (depth > 0)
		snprintf(dst, size, "A CA certificate (number %d) in the peer's chain", depth);
	else if (whose)
		snprintf(dst, size, "The certificate of server '%.72s'", whose);
	else
		snprintf(dst, size, "The client's certificate");
}

int ktlsd_errors_from_verdict(struct ktlsd_fault *fault,
			      const struct ktlsd_verdict *verdict,
			      const char *whose)
{
	char issuer[ERRORS_NAME_MAX] = "?", subject[128];

	ktlsd_errors_subject(subject, sizeof(subject), verdict->depth, whose);
	if (verdict->cert)
		ktlsd_errors_print_name(issuer, sizeof(issuer),
				  X509_get_issuer_name(verdict->cert));

	switch (verdict->error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return errors_date(fault, subject, verdict);
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return errors_mismatch(fault, subject, whose, verdict);
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_UNTRUSTED:
		return errors_no_issuer(fault, subject, issuer, verdict);
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
		return errors_weak(fault, subject, issuer, "has a key that is too small");
	case X509_V_ERR_CA_MD_TOO_WEAK:
		return errors_weak(fault, subject, issuer,
				   "is signed with a digest that is too weak");
	case X509_V_ERR_INVALID_CA:
	case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
		return ktlsd_errors_set(fault, -EKEYREJECTED,
			"%s must not issue certificates: its basicConstraints or keyUsage forbid it (issuer '%s').",
			subject, issuer);
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		return ktlsd_errors_set(fault, -EKEYREJECTED,
			"%s is self-signed and not trusted here: give it in KTLS_TRUST if it is the right one.",
			subject);
	case X509_V_ERR_INVALID_PURPOSE:
		return ktlsd_errors_set(fault, -EKEYREJECTED,
			"%s is not made for a TLS %s: its key usage extensions forbid it.",
			subject, whose ? "server" : "client");
	default:
		return ktlsd_errors_set(fault, -EKEYREJECTED,
			"%s was refused: %s (issuer '%s').", subject,
			X509_verify_cert_error_string(verdict->error), issuer);
	}
}

/* Return: the first error that libssl reported; errors of libcrypto only led to it. */
static int errors_ssl_reason(void)
{
	unsigned long code;
	int reason = 0;

	while ((code = ERR_get_error())) {
		if (!reason && ERR_GET_LIB(code) == ERR_LIB_SSL)
			reason = ERR_GET_REASON(code);
	}
	return reason;
}

struct errors_explanation {
	int		openssl;		/* SSL_R_* */
	int		error;
	const char	*reason;
};

static const struct errors_explanation errors_explanations[] = {
	{ SSL_R_HTTP_REQUEST, -EPROTO,
	  "The client sent plain HTTP to a TLS server: use https." },
	{ SSL_R_HTTPS_PROXY_REQUEST, -EPROTO,
	  "The client sent an HTTP proxy request to a TLS server." },
	{ SSL_R_WRONG_VERSION_NUMBER, -EPROTO,
	  "The peer did not speak TLS: is this the right port?" },
	{ SSL_R_UNSUPPORTED_PROTOCOL, -EPROTO,
	  "The peer offers none of the TLS versions allowed here: see KTLS_VERSIONS." },
	{ SSL_R_VERSION_TOO_LOW, -EPROTO,
	  "The peer's TLS version is below the lowest allowed here: see KTLS_VERSIONS." },
	{ SSL_R_NO_SHARED_CIPHER, -EPROTO,
	  "The client offers no cipher suite that this server allows and has a certificate for: see KTLS_CIPHERS." },
	{ SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, -EPROTO,
	  "The client accepts no signature that this server's key can make." },
	{ SSL_R_NO_SUITABLE_KEY_SHARE, -EPROTO,
	  "The peer offers no key exchange group that is allowed here: see KTLS_GROUPS." },
	{ SSL_R_NO_SHARED_GROUPS, -EPROTO,
	  "The peer offers no key exchange group that is allowed here: see KTLS_GROUPS." },
	{ SSL_R_NO_APPLICATION_PROTOCOL, -EPROTO,
	  "The client offers no application protocol that KTLS_ALPN lists." },
	{ SSL_R_BAD_EXTENSION, -EPROTO,
	  "The peer sent an extension that is malformed or was not asked for." },
	{ SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, -EKEYREJECTED,
	  "The client presented no certificate, and KTLS_VERIFY requires one." },
	{ SSL_R_EE_KEY_TOO_SMALL, -EKEYREJECTED,
	  "The key in the peer's certificate is too small." },
	{ SSL_R_CA_KEY_TOO_SMALL, -EKEYREJECTED,
	  "The key in a CA certificate of the peer is too small." },
	{ SSL_R_CA_MD_TOO_WEAK, -EKEYREJECTED,
	  "A certificate of the peer is signed with a digest that is too weak." },
	{ SSL_R_BAD_SIGNATURE, -EPROTO,
	  "The peer's handshake signature is wrong: it does not have the private key of its certificate." },
	{ SSL_R_DIGEST_CHECK_FAILED, -EPROTO,
	  "The peer's Finished message is wrong: the handshake was tampered with." },
	{ SSL_R_BAD_DIGEST_LENGTH, -EPROTO,
	  "The peer's Finished message is wrong: the handshake was tampered with." },
	{ SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, -EPROTO,
	  "A handshake record of the peer failed authentication." },
	{ SSL_R_UNEXPECTED_MESSAGE, -EPROTO,
	  "The peer sent a handshake message out of order." },
	{ SSL_R_EXCESSIVE_MESSAGE_SIZE, -EPROTO,
	  "The peer sent a handshake message, perhaps its certificates, that is too long." },
};

static int errors_received(struct ktlsd_fault *fault, bool is_server)
{
	const char *peer = is_server ? "client" : "server";

	switch (fault->alert) {
	case 0:
		return ktlsd_errors_set(fault, -EPROTO,
			"The %s closed the connection during the handshake.", peer);
	case 42: case 43: case 44: case 45: case 46: case 48:
		return ktlsd_errors_set(fault, -EPROTO,
			"The %s refused our certificate with the alert %s (%d).",
			peer, ktlsd_errors_alert_name(fault->alert), fault->alert);
	case 116:
		return ktlsd_errors_set(fault, -EPROTO,
			"The %s requires a certificate: its alert was %s (%d). Set KTLS_IDENTITY or KTLS_CERTIFICATE.",
			peer, ktlsd_errors_alert_name(fault->alert), fault->alert);
	default:
		return ktlsd_errors_set(fault, -EPROTO,
			"The %s ended the handshake with the alert %s (%d).",
			peer, ktlsd_errors_alert_name(fault->alert), fault->alert);
	}
}

int ktlsd_errors_from_ssl(struct ktlsd_fault *fault, bool is_server)
{
	const char *text = NULL;
	int reason;
	size_t i;

	reason = errors_ssl_reason();
	if (fault->alert_received)
		return errors_received(fault, is_server);

	for (i = 0; i < sizeof(errors_explanations) / sizeof(*errors_explanations); i++) {
		if (reason && errors_explanations[i].openssl == reason)
			return ktlsd_errors_set(fault, errors_explanations[i].error,
						"%s", errors_explanations[i].reason);
	}
	if (reason)
		text = ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, reason));
	if (fault->alert == KTLSD_ALERT_NONE)
		return ktlsd_errors_set(fault, -EPROTO, "The handshake failed: %s.",
					text ? text : "unknown reason");
	return ktlsd_errors_set(fault, -EPROTO,
		"The handshake failed: %s; the alert %s (%d) was sent to the peer.",
		text ? text : "unknown reason",
		ktlsd_errors_alert_name(fault->alert), fault->alert);
}
