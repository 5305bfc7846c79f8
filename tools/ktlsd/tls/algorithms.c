// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
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
 * @id: IANA number
 */
struct algorithm {
	const char	*name;
	const char	*openssl;
	uint16_t	id;
};

/* No finite-field groups: a peer could make us compute with 8192 bits. In order of
 * preference, post-quantum first.
 */
static const struct algorithm algorithms_groups[] = {
	{ "X25519MLKEM768", "X25519MLKEM768", 0x11ec },
	{ "X25519", "X25519", 29 },
	{ "x25519", "X25519", 29 },
	{ "secp256r1", "P-256", 23 },
	{ "P-256", "P-256", 23 },
	{ "X448", "X448", 30 },
	{ "x448", "X448", 30 },
	{ "secp384r1", "P-384", 24 },
	{ "P-384", "P-384", 24 },
	{ "secp521r1", "P-521", 25 },
	{ "P-521", "P-521", 25 },
	{ NULL, NULL, 0 },
};

static const struct algorithm algorithms_sigalgs[] = {
	{ "ecdsa_secp256r1_sha256", "ecdsa_secp256r1_sha256", 0x0403 },
	{ "ecdsa_secp384r1_sha384", "ecdsa_secp384r1_sha384", 0x0503 },
	{ "ecdsa_secp521r1_sha512", "ecdsa_secp521r1_sha512", 0x0603 },
	{ "ed25519", "ed25519", 0x0807 },
	{ "ed448", "ed448", 0x0808 },
	{ "rsa_pss_rsae_sha256", "rsa_pss_rsae_sha256", 0x0804 },
	{ "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha384", 0x0805 },
	{ "rsa_pss_rsae_sha512", "rsa_pss_rsae_sha512", 0x0806 },
	{ "rsa_pss_pss_sha256", "rsa_pss_pss_sha256", 0x0809 },
	{ "rsa_pss_pss_sha384", "rsa_pss_pss_sha384", 0x080a },
	{ "rsa_pss_pss_sha512", "rsa_pss_pss_sha512", 0x080b },
	{ "rsa_pkcs1_sha256", "rsa_pkcs1_sha256", 0x0401 },
	{ "rsa_pkcs1_sha384", "rsa_pkcs1_sha384", 0x0501 },
	{ "rsa_pkcs1_sha512", "rsa_pkcs1_sha512", 0x0601 },
	{ NULL, NULL, 0 },
};

/**
 * struct algorithms_kind - groups or signature algorithms
 * @option: the socket option that names them
 * @what: what its values are, for messages
 * @table: the values; several names can have one number
 * @set: passes a list to OpenSSL; fails for names that OpenSSL does not know
 */
struct algorithms_kind {
	const char			*option;
	const char			*what;
	const struct algorithm		*table;
	int				(*set)(SSL *ssl, const char *list);
};

/* Behind a post-quantum group the client sends a key share of the next group, too (*): most servers
 * have no post-quantum ones, and would ask for another share, which takes a round trip (RFC 8446
 * 4.1.4). A server prefers the first (/). Only an OpenSSL that has this group knows that syntax.
 */
static int algorithms_set_group_list(SSL *ssl, const char *list)
{
	static const char first[] = "X25519MLKEM768:";
	const size_t len = sizeof(first) - 1;
	char marked[ALGORITHMS_LIST_MAX + 2];

	if (!strncmp(list, first, len)) {
		snprintf(marked, sizeof(marked), "*%.*s/*%s", (int)len - 1, list, list + len);
		list = marked;
	}
	return (int)SSL_set1_groups_list(ssl, list);
}

static int algorithms_set_sigalg_list(SSL *ssl, const char *list)
{
	return (int)SSL_set1_sigalgs_list(ssl, list);
}

static const struct algorithms_kind algorithms_kinds[] = {
	[KTLSD_ALGORITHMS_GROUPS] = {
		"KTLS_GROUPS", "key exchange group", algorithms_groups,
		algorithms_set_group_list,
	},
	[KTLSD_ALGORITHMS_SIGALGS] = {
		"KTLS_SIGALGS", "signature algorithm", algorithms_sigalgs,
		algorithms_set_sigalg_list,
	},
};

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

/* The bit is that of the first name with this number. */
uint32_t ktlsd_algorithms_bit(enum ktlsd_algorithms kind, uint16_t id)
{
	const struct algorithm *table = algorithms_kinds[kind].table;
	unsigned int i;

	for (i = 0; table[i].name; i++) {
		if (table[i].id == id)
			return UINT32_C(1) << i;
	}
	return 0;
}

uint32_t ktlsd_algorithms_bit_by_name(enum ktlsd_algorithms kind, const char *name,
				      size_t len)
{
	const struct algorithm *entry = algorithms_find(&algorithms_kinds[kind], name, len);

	return entry ? ktlsd_algorithms_bit(kind, entry->id) : 0;
}

uint32_t ktlsd_algorithms_all(enum ktlsd_algorithms kind)
{
	const struct algorithm *entry;
	uint32_t all = 0;

	for (entry = algorithms_kinds[kind].table; entry->name; entry++)
		all |= ktlsd_algorithms_bit(kind, entry->id);
	return all;
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

/* All names of a table together fit into @list. */
static void algorithms_add(char *list, const char *name)
{
	if (algorithms_listed(list, name))
		return;
	if (list[0])
		strcat(list, ":");
	strcat(list, name);
}

/* Return: mask of those that OpenSSL has; 0 without memory. It is found out once. */
static uint32_t algorithms_known(SSL *ssl, enum ktlsd_algorithms which)
{
	static atomic_uint found[] = {
		[KTLSD_ALGORITHMS_GROUPS] = 0, [KTLSD_ALGORITHMS_SIGALGS] = 0,
	};
	const struct algorithms_kind *kind = &algorithms_kinds[which];
	const struct algorithm *entry;
	uint32_t mask = found[which];
	SSL *scratch;

	if (mask)
		return mask;
	scratch = SSL_new(SSL_get_SSL_CTX(ssl));
	for (entry = kind->table; scratch && entry->name; entry++) {
		if (kind->set(scratch, entry->openssl))
			mask |= ktlsd_algorithms_bit(which, entry->id);
	}
	SSL_free(scratch);
	ERR_clear_error();
	found[which] = mask;
	return mask;
}

/* All that OpenSSL has, without the forbidden ones. The list of the context is left as it is if it
 * has none of them: setting one takes OpenSSL a hundredth of a handshake.
 */
static int algorithms_set_default(SSL *ssl, enum ktlsd_algorithms which,
				  uint32_t forbidden, struct ktlsd_fault *fault)
{
	const struct algorithms_kind *kind = &algorithms_kinds[which];
	const uint32_t known = forbidden ? algorithms_known(ssl, which) : 0;
	char list[ALGORITHMS_LIST_MAX] = "";
	const struct algorithm *entry;

	if (forbidden && !known)
		return ktlsd_errors_set(fault, -ENOMEM, "ktlsd is out of memory.");
	if (!(known & forbidden))
		return 0;
	for (entry = kind->table; entry->name; entry++) {
		if (ktlsd_algorithms_bit(which, entry->id) & known & ~forbidden)
			algorithms_add(list, entry->openssl);
	}
	if (list[0] && kind->set(ssl, list))
		return 0;
	return ktlsd_errors_set(fault, -EACCES,
		"The policies for this caller leave no %s that the OpenSSL of ktlsd has.",
		kind->what);
}

/* OpenSSL's lists have a syntax of their own: pass only names of the table. */
int ktlsd_algorithms_set(SSL *ssl, enum ktlsd_algorithms which, const char *names,
			 uint32_t forbidden, struct ktlsd_fault *fault)
{
	const struct algorithms_kind *kind = &algorithms_kinds[which];
	char list[ALGORITHMS_LIST_MAX] = "";
	const struct algorithm *entry;
	size_t len;

	if (!names[0])
		return algorithms_set_default(ssl, which, forbidden, fault);
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
		if (ktlsd_algorithms_bit(which, entry->id) & forbidden)
			return ktlsd_errors_set(fault, -EACCES,
				"%s names '%s', a %s that a policy forbids.",
				kind->option, entry->name, kind->what);
		algorithms_add(list, entry->openssl);
		if (!names[len])
			break;
	}
	if (kind->set(ssl, list))
		return 0;
	return ktlsd_errors_set(fault, -EINVAL, "OpenSSL refuses what %s names: %s.",
				kind->option, ktlsd_errors_openssl_reason());
}
