// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include <linux/ktls.h>

#include "names.h"

enum {
	NAMES_ALERT_MAX	= 256,
};

struct names_number {
	uint16_t	number;
	const char	*name;
};

/* The cipher suites that the module has, as OpenSSL names them. */
static const struct names_number names_suites[] = {
	{ 0x009c, "AES128-GCM-SHA256" },
	{ 0x009d, "AES256-GCM-SHA384" },
	{ 0x00c6, "TLS_SM4_GCM_SM3" },
	{ 0x00c7, "TLS_SM4_CCM_SM3" },
	{ 0x1301, "TLS_AES_128_GCM_SHA256" },
	{ 0x1302, "TLS_AES_256_GCM_SHA384" },
	{ 0x1303, "TLS_CHACHA20_POLY1305_SHA256" },
	{ 0x1304, "TLS_AES_128_CCM_SHA256" },
	{ 0xc02b, "ECDHE-ECDSA-AES128-GCM-SHA256" },
	{ 0xc02c, "ECDHE-ECDSA-AES256-GCM-SHA384" },
	{ 0xc02f, "ECDHE-RSA-AES128-GCM-SHA256" },
	{ 0xc030, "ECDHE-RSA-AES256-GCM-SHA384" },
	{ 0xcca8, "ECDHE-RSA-CHACHA20-POLY1305" },
	{ 0xcca9, "ECDHE-ECDSA-CHACHA20-POLY1305" },
	{ 0, NULL },
};

/* IANA's registries "TLS Supported Groups" and "TLS SignatureScheme". */
static const struct names_number names_groups[] = {
	{ 0x0017, "secp256r1" },
	{ 0x0018, "secp384r1" },
	{ 0x0019, "secp521r1" },
	{ 0x001d, "x25519" },
	{ 0x001e, "x448" },
	{ 0x0100, "ffdhe2048" },
	{ 0x0101, "ffdhe3072" },
	{ 0x0102, "ffdhe4096" },
	{ 0x0200, "MLKEM512" },
	{ 0x0201, "MLKEM768" },
	{ 0x0202, "MLKEM1024" },
	{ 0x11eb, "SecP256r1MLKEM768" },
	{ 0x11ec, "X25519MLKEM768" },
	{ 0x11ed, "SecP384r1MLKEM1024" },
	{ 0, NULL },
};

static const struct names_number names_signatures[] = {
	{ 0x0401, "rsa_pkcs1_sha256" },
	{ 0x0403, "ecdsa_secp256r1_sha256" },
	{ 0x0501, "rsa_pkcs1_sha384" },
	{ 0x0503, "ecdsa_secp384r1_sha384" },
	{ 0x0601, "rsa_pkcs1_sha512" },
	{ 0x0603, "ecdsa_secp521r1_sha512" },
	{ 0x0804, "rsa_pss_rsae_sha256" },
	{ 0x0805, "rsa_pss_rsae_sha384" },
	{ 0x0806, "rsa_pss_rsae_sha512" },
	{ 0x0807, "ed25519" },
	{ 0x0808, "ed448" },
	{ 0x0809, "rsa_pss_pss_sha256" },
	{ 0x080a, "rsa_pss_pss_sha384" },
	{ 0x080b, "rsa_pss_pss_sha512" },
	{ 0, NULL },
};

static const char *const names_states[] = {
	[KTLS_STATE_NEW]	= "new",
	[KTLS_STATE_CONNECTING]	= "connecting",
	[KTLS_STATE_LISTENING]	= "listening",
	[KTLS_STATE_HANDSHAKE]	= "handshake",
	[KTLS_STATE_OPEN]	= "open",
	[KTLS_STATE_FAILED]	= "failed",
	[KTLS_STATE_CLOSED]	= "closed",
};

static const char *const names_roles[] = {
	[0]			= "-",
	[KTLS_ROLE_CLIENT]	= "client",
	[KTLS_ROLE_SERVER]	= "server",
};

static const char *const names_revocations[] = {
	[KTLS_REVOCATION_UNCHECKED]	= "unchecked",
	[KTLS_REVOCATION_STAPLE]	= "staple",
	[KTLS_REVOCATION_CRL]		= "crl",
	[KTLS_REVOCATION_OCSP]		= "ocsp",
	[KTLS_REVOCATION_NO_ANSWER]	= "no-answer",
};

static const char *const names_alerts[NAMES_ALERT_MAX] = {
	[0]	= "close_notify",
	[10]	= "unexpected_message",
	[20]	= "bad_record_mac",
	[22]	= "record_overflow",
	[40]	= "handshake_failure",
	[42]	= "bad_certificate",
	[43]	= "unsupported_certificate",
	[44]	= "certificate_revoked",
	[45]	= "certificate_expired",
	[46]	= "certificate_unknown",
	[47]	= "illegal_parameter",
	[48]	= "unknown_ca",
	[49]	= "access_denied",
	[50]	= "decode_error",
	[51]	= "decrypt_error",
	[70]	= "protocol_version",
	[71]	= "insufficient_security",
	[80]	= "internal_error",
	[86]	= "inappropriate_fallback",
	[90]	= "user_canceled",
	[109]	= "missing_extension",
	[110]	= "unsupported_extension",
	[112]	= "unrecognized_name",
	[113]	= "bad_certificate_status_response",
	[115]	= "unknown_psk_identity",
	[116]	= "certificate_required",
	[120]	= "no_application_protocol",
	[255]	= "-",
};

#define NAMES_OF(array, i) \
	((i) < sizeof(array) / sizeof(*(array)) && (array)[i] ? (array)[i] : "?")

static const char *names_find(const struct names_number *names, uint16_t wanted, char *number,
			      size_t size)
{
	if (!wanted)
		return "-";
	for (; names->name; names++) {
		if (names->number == wanted)
			return names->name;
	}
	snprintf(number, size, "0x%04x", wanted);
	return number;
}

const char *ktlsctl_names_suite(uint16_t suite, char *number, size_t size)
{
	return names_find(names_suites, suite, number, size);
}

const char *ktlsctl_names_group(uint16_t group, char *number, size_t size)
{
	return names_find(names_groups, group, number, size);
}

const char *ktlsctl_names_signature(uint16_t sigalg, char *number, size_t size)
{
	return names_find(names_signatures, sigalg, number, size);
}

const char *ktlsctl_names_version(uint16_t version)
{
	return version == 0x0303 ? "1.2" : version == 0x0304 ? "1.3" : version ? "?" : "-";
}

const char *ktlsctl_names_state(uint8_t state)
{
	return NAMES_OF(names_states, state);
}

const char *ktlsctl_names_role(uint8_t role)
{
	return NAMES_OF(names_roles, role);
}

const char *ktlsctl_names_revocation(uint32_t revocation)
{
	return NAMES_OF(names_revocations, revocation);
}

const char *ktlsctl_names_alert(uint8_t alert, char *number, size_t size)
{
	if (names_alerts[alert])
		return names_alerts[alert];
	snprintf(number, size, "%u", alert);
	return number;
}
