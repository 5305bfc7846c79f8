// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>
#include <string.h>

#include <openssl/ssl3.h>

#include "config/roles.h"
#include "signer/text.h"

enum {
	TEXT_PADDING		= 64,	/* spaces, RFC 8446 4.4.3 */
	TEXT_RANDOM		= 32,
	TEXT_NAMED_CURVE	= 3,	/* RFC 8422 5.4 */
	TEXT_VERSION		= 0x0303,
};

/* RFC 8446 4.4.3: padding, context with its NUL, hash of the transcript. */
static unsigned int text_role_tls13(const uint8_t *text, size_t len)
{
	static const struct {
		const char	*text;
		unsigned int	role;
	} contexts[] = {
		{ "TLS 1.3, server CertificateVerify", KTLSD_ROLES_SERVER },
		{ "TLS 1.3, client CertificateVerify", KTLSD_ROLES_CLIENT },
	};
	size_t i, head, context;

	for (i = 0; i < TEXT_PADDING; i++) {
		if (i >= len || text[i] != ' ')
			return 0;
	}
	for (i = 0; i < sizeof(contexts) / sizeof(*contexts); i++) {
		context = strlen(contexts[i].text) + 1;
		head = TEXT_PADDING + context;
		if (len != head + 32 && len != head + 48)
			continue;
		if (!memcmp(text + TEXT_PADDING, contexts[i].text, context))
			return contexts[i].role;
	}
	return 0;
}

/* RFC 8422 5.4: both randoms, curve type, group, public value with its length. */
static bool text_is_server_params(const uint8_t *text, size_t len)
{
	static const struct {
		uint16_t	group;
		uint8_t		len;
	} groups[] = {
		{ 0x0017, 65 }, { 0x0018, 97 }, { 0x0019, 133 },	/* P-256, P-384, P-521 */
		{ 0x001d, 32 }, { 0x001e, 56 },				/* X25519, X448 */
	};
	const uint8_t *params = text + 2 * TEXT_RANDOM;
	size_t i, rest;

	if (len < 2 * TEXT_RANDOM + 4 || params[0] != TEXT_NAMED_CURVE)
		return false;
	rest = len - 2 * TEXT_RANDOM - 4;
	for (i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
		if ((params[1] << 8 | params[2]) == groups[i].group)
			return params[3] == groups[i].len && rest == groups[i].len;
	}
	return false;
}

/* RFC 5246 7.4.8: ClientHello, ServerHello, ..., ClientKeyExchange, without gaps. */
static bool text_is_transcript(const uint8_t *text, size_t len)
{
	size_t at = 0, body, count = 0;
	uint8_t type = 0;

	while (at < len) {
		if (len - at < SSL3_HM_HEADER_LENGTH)
			return false;
		type = text[at];
		body = (size_t)text[at + 1] << 16 | (size_t)text[at + 2] << 8 | text[at + 3];
		at += SSL3_HM_HEADER_LENGTH;
		if (body > len - at)
			return false;
		/* Both hellos begin with the version. */
		if (count < 2 && (type != (count ? SSL3_MT_SERVER_HELLO : SSL3_MT_CLIENT_HELLO) ||
				  body < 2 + TEXT_RANDOM ||
				  (text[at] << 8 | text[at + 1]) != TEXT_VERSION))
			return false;
		at += body;
		count++;
	}
	return count > 2 && type == SSL3_MT_CLIENT_KEY_EXCHANGE;
}

unsigned int ktlsd_text_role(const uint8_t *text, size_t len)
{
	if (text_is_server_params(text, len))
		return KTLSD_ROLES_SERVER;
	return text_is_transcript(text, len) ? KTLSD_ROLES_CLIENT : text_role_tls13(text, len);
}
