// SPDX-License-Identifier: GPL-2.0-or-later
/* Programs base decisions on this text. That a CA signed the bytes does not make them
 * harmless: what is not graphic is escaped, and no name is truncated.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "tls/peer_cert.h"

static const char peer_cert_more[] = "...";

static bool peer_cert_is_graphic(const uint8_t *data, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (data[i] <= ' ' || data[i] > '~')
			return false;
	}
	return len > 0;
}

/* --- the subject --- */

static void peer_cert_print_subject(X509 *cert, char *dst, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long len = -1;

	dst[0] = '\0';
	if (bio && X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0,
				      XN_FLAG_RFC2253) >= 0)
		len = BIO_get_mem_data(bio, &text);
	if (len < 0 || (size_t)len >= size)
		snprintf(dst, size, "%s", peer_cert_more);
	else if (len)
		snprintf(dst, size, "%.*s", (int)len, text);
	BIO_free(bio);
}

/* --- the names --- */

/* Lines of text, and where to cut them to append "...". */
struct peer_cert_lines {
	char	*text;
	size_t	size;
	size_t	used;
	size_t	cut;
	bool	full;
};

static void peer_cert_put(struct peer_cert_lines *lines, char c)
{
	if (lines->used + 1 < lines->size)
		lines->text[lines->used++] = c;
	else
		lines->full = true;
}

static void peer_cert_put_escaped(struct peer_cert_lines *lines, uint8_t c)
{
	static const char hex[] = "0123456789ABCDEF";

	if (c > ' ' && c <= '~' && c != '\\') {
		peer_cert_put(lines, (char)c);
		return;
	}
	peer_cert_put(lines, '\\');
	peer_cert_put(lines, hex[c >> 4]);
	peer_cert_put(lines, hex[c & 15]);
}

static void peer_cert_put_line(struct peer_cert_lines *lines, const char *kind,
			       const uint8_t *data, size_t len)
{
	size_t i;

	for (i = 0; kind[i]; i++)
		peer_cert_put(lines, kind[i]);
	for (i = 0; i < len; i++)
		peer_cert_put_escaped(lines, data[i]);
	peer_cert_put(lines, '\n');
	if (!lines->full && lines->used + sizeof(peer_cert_more) < lines->size)
		lines->cut = lines->used;
}

static void peer_cert_put_address(struct peer_cert_lines *lines, const uint8_t *data, int len)
{
	char text[INET6_ADDRSTRLEN];

	/* No other length is an address. */
	if ((len != 4 && len != 16) ||
	    !inet_ntop(len == 4 ? AF_INET : AF_INET6, data, text, sizeof(text)))
		return;
	peer_cert_put_line(lines, "IP:", (const uint8_t *)text, strlen(text));
}

static const ASN1_STRING *peer_cert_name_string(const GENERAL_NAME *name, const char **ret_kind)
{
	switch (name->type) {
	case GEN_DNS:
		*ret_kind = "DNS:";
		return name->d.dNSName;
	case GEN_EMAIL:
		*ret_kind = "email:";
		return name->d.rfc822Name;
	case GEN_URI:
		*ret_kind = "URI:";
		return name->d.uniformResourceIdentifier;
	case GEN_IPADD:
		*ret_kind = "IP:";
		return name->d.iPAddress;
	default:
		return NULL;
	}
}

static void peer_cert_print_names(const GENERAL_NAMES *names, char *dst, size_t size)
{
	struct peer_cert_lines lines = { .text = dst, .size = size };
	const ASN1_STRING *value;
	const GENERAL_NAME *name;
	const char *kind;
	int i, len;

	for (i = 0; i < sk_GENERAL_NAME_num(names) && !lines.full; i++) {
		name = sk_GENERAL_NAME_value(names, i);
		value = peer_cert_name_string(name, &kind);
		len = value ? ASN1_STRING_length(value) : 0;
		if (!len)
			continue;
		if (name->type == GEN_IPADD)
			peer_cert_put_address(&lines, ASN1_STRING_get0_data(value), len);
		else
			peer_cert_put_line(&lines, kind, ASN1_STRING_get0_data(value),
					   (size_t)len);
	}
	dst[lines.used] = '\0';
	if (lines.full)
		snprintf(dst + lines.cut, size - lines.cut, "%s\n", peer_cert_more);
}

/* --- the one name of a client --- */

/* The three kinds cannot be confused: a host name has neither "@" nor ":", an email address
 * has an "@" and no ":", a URI has a ":".
 */
static bool peer_cert_take_host(const char *text, char *dst, size_t size)
{
	struct ktlsd_name name;

	if (ktlsd_names_parse(text, &name) || name.kind != KTLSD_NAME_HOST)
		return false;
	snprintf(dst, size, "%s", name.text);
	return true;
}

static bool peer_cert_take_email(const char *text, char *dst, size_t size)
{
	const char *at = strchr(text, '@');

	if (!at || at == text || !at[1] || strchr(at + 1, '@') || strpbrk(text, ":\"\\"))
		return false;
	snprintf(dst, size, "%s", text);
	return true;
}

/* RFC 3986 3: a scheme, a colon, and something. */
static bool peer_cert_take_uri(const char *text, char *dst, size_t size)
{
	const char *c = text;

	if (!isalpha((unsigned char)*c))
		return false;
	while (isalnum((unsigned char)*c) || *c == '+' || *c == '-' || *c == '.')
		c++;
	if (*c != ':' || !c[1])
		return false;
	snprintf(dst, size, "%s", text);
	return true;
}

static void peer_cert_choose_name(const GENERAL_NAMES *names, char *dst, size_t size)
{
	static const struct {
		int	type;
		bool	(*take)(const char *text, char *dst, size_t size);
	} kinds[] = {
		{ GEN_DNS, peer_cert_take_host },
		{ GEN_EMAIL, peer_cert_take_email },
		{ GEN_URI, peer_cert_take_uri },
	};
	const ASN1_STRING *value;
	const GENERAL_NAME *name;
	char text[KTLSD_NAME_MAX + 1];
	const char *kind;
	size_t k;
	int i, len;

	dst[0] = '\0';
	for (k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
		for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
			name = sk_GENERAL_NAME_value(names, i);
			if (name->type != kinds[k].type)
				continue;
			value = peer_cert_name_string(name, &kind);
			len = ASN1_STRING_length(value);
			if (len >= (int)sizeof(text) ||
			    !peer_cert_is_graphic(ASN1_STRING_get0_data(value), (size_t)len))
				continue;
			snprintf(text, sizeof(text), "%.*s", len,
				 (const char *)ASN1_STRING_get0_data(value));
			if (kinds[k].take(text, dst, size))
				return;
		}
	}
}

void ktlsd_peer_cert_describe(X509 *cert, struct ktlsd_peer_cert *ret_peer)
{
	GENERAL_NAMES *names;
	unsigned int len = 0;

	memset(ret_peer, 0, sizeof(*ret_peer));
	if (X509_digest(cert, EVP_sha256(), ret_peer->fingerprint, &len))
		ret_peer->fingerprint_len = len;
	peer_cert_print_subject(cert, ret_peer->subject, sizeof(ret_peer->subject));
	names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	peer_cert_print_names(names, ret_peer->names, sizeof(ret_peer->names));
	peer_cert_choose_name(names, ret_peer->name, sizeof(ret_peer->name));
	GENERAL_NAMES_free(names);
}
