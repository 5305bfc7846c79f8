// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/err.h>

#include "tls/algorithms.h"

enum {
	ALGORITHMS_LIST_MAX	= 512,	/* all names of a kind, joined */
};

/**
 * struct algorithm - a group or signature algorithm
 * @name: as in KTLS_GROUPS or KTLS_SIGALGS
 * @openssl: OpenSSL's name
 */
struct algorithm {
	const char	*name;
	const char	*openssl;
};

/* No finite-field groups: a peer could make us compute with 8192 bits. */
static const struct algorithm algorithms_groups[] = {
	{ "X25519MLKEM768", "X25519MLKEM768" },
	{ "X25519", "X25519" },
	{ "x25519", "X25519" },
	{ "secp256r1", "P-256" },
	{ "P-256", "P-256" },
	{ "X448", "X448" },
	{ "x448", "X448" },
	{ "secp384r1", "P-384" },
	{ "P-384", "P-384" },
	{ "secp521r1", "P-521" },
	{ "P-521", "P-521" },
	{ NULL, NULL },
};

static const struct algorithm algorithms_sigalgs[] = {
	{ "ecdsa_secp256r1_sha256", "ecdsa_secp256r1_sha256" },
	{ "ecdsa_secp384r1_sha384", "ecdsa_secp384r1_sha384" },
	{ "ecdsa_secp521r1_sha512", "ecdsa_secp521r1_sha512" },
	{ "ed25519", "ed25519" },
	{ "ed448", "ed448" },
	{ "rsa_pss_rsae_sha256", "rsa_pss_rsae_sha256" },
	{ "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha384" },
	{ "rsa_pss_rsae_sha512", "rsa_pss_rsae_sha512" },
	{ "rsa_pss_pss_sha256", "rsa_pss_pss_sha256" },
	{ "rsa_pss_pss_sha384", "rsa_pss_pss_sha384" },
	{ "rsa_pss_pss_sha512", "rsa_pss_pss_sha512" },
	{ "rsa_pkcs1_sha256", "rsa_pkcs1_sha256" },
	{ "rsa_pkcs1_sha384", "rsa_pkcs1_sha384" },
	{ "rsa_pkcs1_sha512", "rsa_pkcs1_sha512" },
	{ NULL, NULL },
};

/**
 * struct algorithms_kind - one of the two options
 * @option: its name
 * @what: what its values are, for messages
 * @table: the values
 * @set: passes a list to OpenSSL; fails for names that OpenSSL does not know
 */
struct algorithms_kind {
	const char			*option;
	const char			*what;
	const struct algorithm		*table;
	int				(*set)(SSL *ssl, const char *list);
};

static int algorithms_set_group_list(SSL *ssl, const char *list)
{
	return (int)SSL_set1_groups_list(ssl, list);
}

static int algorithms_set_sigalg_list(SSL *ssl, const char *list)
{
	return (int)SSL_set1_sigalgs_list(ssl, list);
}

static const struct algorithm *algorithms_find(const struct algorithms_kind *kind,
					       const char *name, size_t len)
{
	const struct algorithm *entry;

	for (entry = kind->table; entry->name; entry++) {
		if (strlen(entry->name) == len && !memcmp(entry->name, name, len))
			return entry;
	}
	return NULL;
}

/* Return: whether @list contains @name: OpenSSL refuses duplicates. */
static bool algorithms_listed(const char *list, const char *name)
{
	size_t len = strlen(name), part;

	for (;; list += part + 1) {
		part = strcspn(list, ":");
		if (part == len && !memcmp(list, name, len))
			return true;
		if (!list[part])
			return false;
	}
}

/* OpenSSL's lists have a syntax of their own: pass only names of the table. */
static int algorithms_set(SSL *ssl, const struct algorithms_kind *kind,
			  const char *names, struct ktlsd_fault *fault)
{
	char list[ALGORITHMS_LIST_MAX] = "";
	const struct algorithm *entry;
	size_t len;

	for (;; names += len + 1) {
		len = strcspn(names, ":");
		entry = algorithms_find(kind, names, len);
		if (!entry)
			return ktlsd_errors_set(fault, -EINVAL,
				"%s names '%.*s', which is not a %s known here.",
				kind->option, len > 64 ? 64 : (int)len, names, kind->what);
		if (!kind->set(ssl, entry->openssl))
			return ktlsd_errors_set(fault, -EINVAL,
				"%s names '%s', a %s that the OpenSSL of ktlsd does not have.",
				kind->option, entry->name, kind->what);
		/* All names together fit by the size of the tables. */
		if (!algorithms_listed(list, entry->openssl)) {
			if (list[0])
				strcat(list, ":");
			strcat(list, entry->openssl);
		}
		if (!names[len])
			break;
	}
	if (kind->set(ssl, list))
		return 0;
	return ktlsd_errors_set(fault, -EINVAL, "OpenSSL refuses what %s names: %s.",
				kind->option, ktlsd_errors_openssl_reason());
}

int ktlsd_algorithms_set_groups(SSL *ssl, const char *names, struct ktlsd_fault *fault)
{
	static const struct algorithms_kind kind = {
		"KTLS_GROUPS", "key exchange group", algorithms_groups,
		algorithms_set_group_list,
	};

	return names[0] ? algorithms_set(ssl, &kind, names, fault) : 0;
}

int ktlsd_algorithms_set_sigalgs(SSL *ssl, const char *names, struct ktlsd_fault *fault)
{
	static const struct algorithms_kind kind = {
		"KTLS_SIGALGS", "signature algorithm", algorithms_sigalgs,
		algorithms_set_sigalg_list,
	};

	return names[0] ? algorithms_set(ssl, &kind, names, fault) : 0;
}
