/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which identity of a listener has the server name in a ClientHello (RFC 6066 3). */
#ifndef KTLSD_SNI_H
#define KTLSD_SNI_H

#include <stddef.h>

struct ktlsd_identity;
struct ktlsd_parse;

enum {
	KTLSD_SNI_PATTERNS_MAX	= 1024,	/* of an identity */
	KTLSD_SNI_NAMES_MAX	= 16384,	/* of a listener */
	KTLSD_SNI_ALSO_MAX	= 1023,	/* other identities of a listener */
};

/**
 * struct ktlsd_sni_name - one pattern
 * @pattern: in lower case: "www.example.org" or "*.example.org"; not owned
 * @identity: whose it is; not owned
 */
struct ktlsd_sni_name {
	const char			*pattern;
	const struct ktlsd_identity	*identity;
};

/**
 * struct ktlsd_sni - the patterns of a listener: of its identity, and of those in "also"
 * @names: sorted by pattern; owned
 * @count: how many
 * @others: the identities in "also"; owned array
 * @other_count: how many
 */
struct ktlsd_sni {
	struct ktlsd_sni_name		*names;
	size_t				count;
	const struct ktlsd_identity	**others;
	size_t				other_count;
};

/**
 * ktlsd_sni_parse_pattern - validate a pattern and convert it to lower case
 * @text: changed
 *
 * A pattern is a host name, or "*." before a host name. Main thread only.
 *
 * Return: NULL, or what is wrong with it
 */
const char *ktlsd_sni_parse_pattern(char *text);

/**
 * ktlsd_sni_resolve - collect the patterns of each identity and of those in its "also"
 * @parse: all sections were read; errors are reported to it
 *
 * Main thread only.
 */
void ktlsd_sni_resolve(struct ktlsd_parse *parse);

/**
 * ktlsd_sni_find - find the identity that has a name
 * @sni: of a listener
 * @name: in lower case
 *
 * An exact name goes before a wildcard, which stands for exactly one label (RFC 9525 6.3).
 * Any thread.
 *
 * Return: the identity, or NULL
 */
const struct ktlsd_identity *ktlsd_sni_find(const struct ktlsd_sni *sni, const char *name);

void ktlsd_sni_free(struct ktlsd_sni *sni);

#endif
