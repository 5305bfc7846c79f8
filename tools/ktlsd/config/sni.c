// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/parse.h"
#include "config/sni.h"
#include "names.h"

#define SNI_WILDCARD	"*."

const char *ktlsd_sni_parse_pattern(char *text)
{
	char *host = text;
	struct ktlsd_name name;
	const char *c;

	for (c = text; *c; c++) {
		if (*c & 0x80)
			return "it is not ASCII: write an internationalized name in its A-label form (xn--...)";
	}
	if (!strncmp(text, SNI_WILDCARD, strlen(SNI_WILDCARD)))
		host += strlen(SNI_WILDCARD);
	if (strchr(host, '*'))
		return "a wildcard can only be the whole first label, as in *.example.org";
	if (ktlsd_names_parse(host, &name))
		return "it is not a host name";
	if (name.kind != KTLSD_NAME_HOST)
		return "it is an address: clients never send one as a server name (RFC 6066 3)";
	/* Not longer: at most a final dot is missing now. */
	strcpy(host, name.text);
	return NULL;
}

static int sni_compare(const void *one, const void *other)
{
	const struct ktlsd_sni_name *a = one, *b = other;

	return strcmp(a->pattern, b->pattern);
}

/* Adds the patterns of @identity to a listener's. */
static int sni_add(struct ktlsd_sni *sni, const struct ktlsd_identity *identity)
{
	struct ktlsd_sni_name *names;
	size_t i;

	if (!identity->sni.count)
		return 0;
	if (identity->sni.count > KTLSD_SNI_NAMES_MAX - sni->count)
		return -E2BIG;
	names = reallocarray(sni->names, sni->count + identity->sni.count, sizeof(*names));
	if (!names)
		return -ENOMEM;
	sni->names = names;
	for (i = 0; i < identity->sni.count; i++) {
		names[sni->count].pattern = identity->sni.items[i];
		names[sni->count++].identity = identity;
	}
	return 0;
}

/* Return: the identity that "also" names, or NULL after an error. */
static const struct ktlsd_identity *sni_find_other(struct ktlsd_parse *parse,
						   const struct ktlsd_identity *identity,
						   const char *name)
{
	const struct ktlsd_identity *other = ktlsd_config_lookup(parse->config, name);

	if (!other)
		ktlsd_parse_fail(parse, identity->line,
				 "[identity %s] names '%s' in also, but there is no such identity",
				 identity->name, name);
	else if (other == identity)
		ktlsd_parse_fail(parse, identity->line,
				 "[identity %s] names itself in also", identity->name);
	else if (!other->sni.count)
		ktlsd_parse_fail(parse, identity->line,
				 "[identity %s] names '%s' in also, which has no sni: no client would get it",
				 identity->name, name);
	else
		return other;
	return NULL;
}

/* Two identities of a listener with the same pattern, or one that has it twice. */
static void sni_check_unique(struct ktlsd_parse *parse, const struct ktlsd_identity *identity)
{
	const struct ktlsd_sni_name *names = identity->names.names;
	size_t i;

	for (i = 1; i < identity->names.count; i++) {
		if (strcmp(names[i - 1].pattern, names[i].pattern))
			continue;
		if (names[i - 1].identity == names[i].identity)
			ktlsd_parse_fail(parse, identity->line,
					 "[identity %s] has '%s' twice in sni or also",
					 identity->name, names[i].pattern);
		else
			ktlsd_parse_fail(parse, identity->line,
					 "[identity %s] cannot choose: both '%s' and '%s' have the sni '%s'",
					 identity->name, names[i - 1].identity->name,
					 names[i].identity->name, names[i].pattern);
	}
}

static int sni_add_others(struct ktlsd_parse *parse, struct ktlsd_identity *identity)
{
	struct ktlsd_sni *sni = &identity->names;
	const struct ktlsd_identity *other;
	size_t i;
	int err = 0;

	sni->others = calloc(identity->also.count, sizeof(*sni->others));
	if (!sni->others)
		return -ENOMEM;
	for (i = 0; !err && i < identity->also.count; i++) {
		other = sni_find_other(parse, identity, identity->also.items[i]);
		if (!other)
			continue;
		sni->others[sni->other_count++] = other;
		err = sni_add(sni, other);
	}
	return err;
}

static void sni_resolve_identity(struct ktlsd_parse *parse, struct ktlsd_identity *identity)
{
	int err;

	if (identity->sni_strict && !identity->sni.count && !identity->also.count)
		ktlsd_parse_fail(parse, identity->line,
				 "[identity %s] has sni_strict without sni: every client would be refused",
				 identity->name);
	err = sni_add(&identity->names, identity);
	if (!err && identity->also.count)
		err = sni_add_others(parse, identity);
	if (err == -E2BIG)
		ktlsd_parse_fail(parse, identity->line,
				 "[identity %s] and those in its also have more than %d names in sni",
				 identity->name, KTLSD_SNI_NAMES_MAX);
	else if (err)
		ktlsd_parse_fail(parse, identity->line, "out of memory");
	if (identity->names.count)
		qsort(identity->names.names, identity->names.count,
		      sizeof(*identity->names.names), sni_compare);
	sni_check_unique(parse, identity);
}

void ktlsd_sni_resolve(struct ktlsd_parse *parse)
{
	size_t i;

	for (i = 0; i < parse->config->identity_count; i++) {
		parse->path = parse->config->identities[i].path;
		sni_resolve_identity(parse, &parse->config->identities[i]);
	}
}

const struct ktlsd_identity *ktlsd_sni_find(const struct ktlsd_sni *sni, const char *name)
{
	char wildcard[KTLSD_NAME_MAX + sizeof(SNI_WILDCARD)];
	const struct ktlsd_sni_name *found;
	struct ktlsd_sni_name key = { .pattern = name };
	const char *dot = strchr(name, '.');

	/* The name is the peer's: "*.example.org" must not match itself. */
	if (!sni->count || strchr(name, '*'))
		return NULL;
	found = bsearch(&key, sni->names, sni->count, sizeof(key), sni_compare);
	if (!found && dot && dot != name &&
	    snprintf(wildcard, sizeof(wildcard), SNI_WILDCARD "%s", dot + 1) <
	    (int)sizeof(wildcard)) {
		key.pattern = wildcard;
		found = bsearch(&key, sni->names, sni->count, sizeof(key), sni_compare);
	}
	return found ? found->identity : NULL;
}

void ktlsd_sni_free(struct ktlsd_sni *sni)
{
	free(sni->names);
	free(sni->others);
	memset(sni, 0, sizeof(*sni));
}
