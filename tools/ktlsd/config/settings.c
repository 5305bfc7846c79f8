// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "config/netns.h"
#include "config/parse.h"
#include "config/passphrase.h"
#include "config/settings.h"

static void settings_set_path(struct ktlsd_parse *parse, unsigned int line,
			      const struct ktlsd_setting *setting, void *target,
			      const char *value)
{
	char **path = target;

	if (value[0] != '/') {
		ktlsd_parse_fail(parse, line, "%s must be an absolute path", setting->name);
		return;
	}
	*path = strdup(value);
	if (!*path)
		ktlsd_parse_fail(parse, line, "out of memory");
}

/* A path, or the URI of a key in a token. */
static void settings_set_key(struct ktlsd_parse *parse, unsigned int line,
			     const struct ktlsd_setting *setting, void *target,
			     const char *value)
{
	char **key = target;

	if (value[0] == '/' || !ktlsd_stored_key_is_uri(value))
		settings_set_path(parse, line, setting, target, value);
	else if (!(*key = strdup(value)))
		ktlsd_parse_fail(parse, line, "out of memory");
}

static void settings_set_number(struct ktlsd_parse *parse, unsigned int line,
				const struct ktlsd_setting *setting, void *target,
				const char *value)
{
	unsigned int *number = target;
	unsigned long got;
	char *end;

	errno = 0;
	got = strtoul(value, &end, 10);
	if (errno || *end || value[0] < '0' || value[0] > '9' ||
	    got < setting->min || got > setting->max)
		ktlsd_parse_fail(parse, line, "%s must be a number from %u to %u",
				 setting->name, setting->min, setting->max);
	else
		*number = (unsigned int)got;
}

static void settings_set_log(struct ktlsd_parse *parse, unsigned int line,
			     const struct ktlsd_setting *setting, void *target,
			     const char *value)
{
	if (ktlsd_log_parse_target(value, target))
		ktlsd_parse_fail(parse, line, "%s must be stderr, syslog or journal", setting->name);
}

static void settings_set_level(struct ktlsd_parse *parse, unsigned int line,
			       const struct ktlsd_setting *setting, void *target,
			       const char *value)
{
	if (ktlsd_log_parse_level(value, target))
		ktlsd_parse_fail(parse, line, "%s must be error, warning, info or debug",
				 setting->name);
}

static void settings_set_acl(struct ktlsd_parse *parse, unsigned int line,
			     const struct ktlsd_setting *setting, void *target,
			     const char *value)
{
	struct ktlsd_fault fault;

	if (!value[strspn(value, KTLSD_PARSE_BLANKS ",")])
		ktlsd_parse_fail(parse, line,
				 "%s is empty: list users or groups, or remove the line",
				 setting->name);
	else if (ktlsd_acl_parse(target, !strcmp(setting->name, "allow_gids"), value, &fault))
		ktlsd_parse_fail(parse, line, "%s: %s", setting->name, fault.reason);
}

static void settings_set_yes_no(struct ktlsd_parse *parse, unsigned int line,
				const struct ktlsd_setting *setting, void *target,
				const char *value)
{
	bool *flag = target;

	*flag = !strcmp(value, "yes");
	if (!*flag && strcmp(value, "no"))
		ktlsd_parse_fail(parse, line, "%s must be yes or no", setting->name);
}

static void settings_set_netns(struct ktlsd_parse *parse, unsigned int line,
			       const struct ktlsd_setting *setting, void *target,
			       const char *value)
{
	char **list = target;

	if (!value[strspn(value, KTLSD_PARSE_BLANKS ",")] || strchr(value, '/'))
		ktlsd_parse_fail(parse, line,
				 "%s must list names of files in /run/netns, or %s", setting->name,
				 KTLSD_NETNS_INIT);
	else if (!(*list = strdup(value)))
		ktlsd_parse_fail(parse, line, "out of memory");
}

static void settings_set_policy(struct ktlsd_parse *parse, unsigned int line,
				const struct ktlsd_setting *setting, void *target,
				const char *value)
{
	struct ktlsd_fault fault;

	if (ktlsd_policy_set(target, setting->name, line, value, &fault))
		ktlsd_parse_fail(parse, line, "%s: %s", setting->name, fault.reason);
}

static void settings_set_revocation(struct ktlsd_parse *parse, unsigned int line,
				    const struct ktlsd_setting *setting, void *target,
				    const char *value)
{
	if (ktlsd_revocation_parse(value, target))
		ktlsd_parse_fail(parse, line, "%s must be " KTLSD_REVOCATION_NAMES,
				 setting->name);
}

static void settings_set_roles(struct ktlsd_parse *parse, unsigned int line,
			       const struct ktlsd_setting *setting, void *target,
			       const char *value)
{
	if (ktlsd_roles_parse(value, target))
		ktlsd_parse_fail(parse, line, "%s must be server, client or both", setting->name);
}

static void settings_set_words(struct ktlsd_parse *parse, unsigned int line,
			       const struct ktlsd_setting *setting, void *target,
			       const char *value)
{
	struct ktlsd_words *words = target;
	int err = ktlsd_words_split(words, value, setting->max);

	if (err == -E2BIG)
		ktlsd_parse_fail(parse, line, "%s has more than %u words", setting->name,
				 setting->max);
	else if (err)
		ktlsd_parse_fail(parse, line, "out of memory");
	else if (!words->count)
		ktlsd_parse_fail(parse, line, "%s is empty: name something, or remove the line",
				 setting->name);
}

static void settings_set_sni(struct ktlsd_parse *parse, unsigned int line,
			     const struct ktlsd_setting *setting, void *target,
			     const char *value)
{
	struct ktlsd_words *words = target;
	const char *why;
	size_t i;

	settings_set_words(parse, line, setting, target, value);
	for (i = 0; i < words->count; i++) {
		why = ktlsd_sni_parse_pattern(words->items[i]);
		if (why)
			ktlsd_parse_fail(parse, line, "%s: '%s': %s", setting->name,
					 words->items[i], why);
	}
}

static void settings_set_alpn(struct ktlsd_parse *parse, unsigned int line,
			      const struct ktlsd_setting *setting, void *target,
			      const char *value)
{
	struct ktlsd_identity *identity = &parse->config->identities[parse->identity];
	const char *why = ktlsd_alpn_parse(value, target, &identity->alpn_len);

	if (why)
		ktlsd_parse_fail(parse, line, "%s: %s", setting->name, why);
}

/* passphrase_file and passphrase_credential set the same member. */
static void settings_set_passphrase(struct ktlsd_parse *parse, unsigned int line,
				    const struct ktlsd_setting *setting, void *target,
				    const char *value)
{
	const char *why = NULL;
	char **path = target;

	if (*path)
		ktlsd_parse_fail(parse, line,
				 "passphrase_file and passphrase_credential exclude each other");
	else if (!strcmp(setting->name, "passphrase_file"))
		settings_set_path(parse, line, setting, target, value);
	else
		why = ktlsd_passphrase_locate(value, path);
	if (why)
		ktlsd_parse_fail(parse, line, "%s: %s", setting->name, why);
}

#define SETTINGS_DAEMON(key, parser, member)					\
	.name = (key), .section = KTLSD_SECTION_DAEMON,				\
	.set = settings_set_##parser, .offset = offsetof(struct ktlsd_config, member)

#define SETTINGS_IDENTITY(key, parser, member)					\
	.name = (key), .section = KTLSD_SECTION_IDENTITY,			\
	.set = settings_set_##parser, .offset = offsetof(struct ktlsd_identity, member)

/* policy.c knows the values. */
#define SETTINGS_POLICY(key)							\
	.name = (key), .section = KTLSD_SECTION_POLICY, .set = settings_set_policy

static const struct ktlsd_setting settings[] = {
	{ SETTINGS_DAEMON("workers", number, workers), .max = KTLSD_WORKERS_MAX },
	{ SETTINGS_DAEMON("log", log, log) },
	{ SETTINGS_DAEMON("log_level", level, log_level) },
	{ SETTINGS_DAEMON("trust", path, trust_path),
	  .place = offsetof(struct ktlsd_config, trust_place) },
	{ SETTINGS_DAEMON("max_sessions", number, max_sessions),
	  .min = 1, .max = KTLSD_SESSIONS_MAX },
	{ SETTINGS_DAEMON("max_memory", number, max_memory),
	  .min = KTLSD_MEMORY_MIN, .max = KTLSD_MEMORY_MAX },
	{ SETTINGS_DAEMON("ticket_lifetime", number, ticket_lifetime),
	  .min = KTLSD_TICKET_LIFETIME_MIN, .max = KTLSD_TICKET_LIFETIME_MAX },
	{ SETTINGS_DAEMON("session_age", number, session_age),
	  .min = KTLSD_TICKET_LIFETIME_MIN, .max = KTLSD_TICKET_LIFETIME_MAX },
	{ SETTINGS_DAEMON("ticket_keys", path, ticket_keys),
	  .place = offsetof(struct ktlsd_config, ticket_keys_place) },
	{ SETTINGS_DAEMON("ticket_rotate", number, ticket_rotate),
	  .max = KTLSD_TICKET_LIFETIME_MAX },
	{ SETTINGS_DAEMON("session_cache", number, session_cache),
	  .max = KTLSD_CACHE_MAX },
	{ SETTINGS_DAEMON("revocation", revocation, revocation) },
	{ SETTINGS_DAEMON("revocation_ktls_trust", yes_no, revocation_ktls_trust) },
	{ SETTINGS_DAEMON("crl", path, crl_path),
	  .place = offsetof(struct ktlsd_config, crl_place) },
	{ SETTINGS_DAEMON("crl_fetch", yes_no, crl_fetch) },
	{ SETTINGS_DAEMON("metrics_socket", path, metrics_socket),
	  .place = offsetof(struct ktlsd_config, metrics_place) },
	{ SETTINGS_DAEMON("key_log", path, key_log),
	  .place = offsetof(struct ktlsd_config, key_log_place) },
	{ SETTINGS_DAEMON("fetch_socket", path, fetch_socket),
	  .place = offsetof(struct ktlsd_config, fetch_place) },
	{ SETTINGS_DAEMON("providers", words, providers), .is_list = true,
	  .max = KTLSD_PROVIDERS_MAX },

	{ SETTINGS_IDENTITY("certificate", path, files[0].certificate),
	  .size = sizeof(struct ktlsd_identity_files) },
	{ SETTINGS_IDENTITY("private_key", key, files[0].private_key),
	  .size = sizeof(struct ktlsd_identity_files) },
	{ SETTINGS_IDENTITY("passphrase_file", passphrase, files[0].passphrase),
	  .size = sizeof(struct ktlsd_identity_files) },
	{ SETTINGS_IDENTITY("passphrase_credential", passphrase, files[0].passphrase),
	  .size = sizeof(struct ktlsd_identity_files) },
	{ SETTINGS_IDENTITY("sni", sni, sni), .is_list = true,
	  .max = KTLSD_SNI_PATTERNS_MAX },
	{ SETTINGS_IDENTITY("sni_strict", yes_no, sni_strict) },
	{ SETTINGS_IDENTITY("also", words, also), .is_list = true,
	  .max = KTLSD_SNI_ALSO_MAX },
	{ SETTINGS_IDENTITY("alpn", alpn, alpn), .is_list = true },
	{ SETTINGS_IDENTITY("allow_uids", acl, acl), .is_list = true },
	{ SETTINGS_IDENTITY("allow_gids", acl, acl), .is_list = true },
	{ SETTINGS_IDENTITY("allow_containers", yes_no, acl.containers) },
	{ SETTINGS_IDENTITY("role", roles, roles) },
	{ SETTINGS_IDENTITY("rsa_key_transport", yes_no, rsa_transport) },
	{ SETTINGS_IDENTITY("revocation", revocation, revocation) },
	{ SETTINGS_IDENTITY("staple", yes_no, staple) },
	{ SETTINGS_IDENTITY("netns", netns, netns), .is_list = true },

	{ .name = "netns", .section = KTLSD_SECTION_POLICY, .set = settings_set_netns,
	  .offset = offsetof(struct ktlsd_policy, netns), .is_list = true },
	{ SETTINGS_POLICY("uids"), .is_list = true },
	{ SETTINGS_POLICY("gids"), .is_list = true },
	{ SETTINGS_POLICY("containers") },
	{ SETTINGS_POLICY("min_version") },
	{ SETTINGS_POLICY("max_version") },
	{ SETTINGS_POLICY("cipher_suites"), .is_list = true },
	{ SETTINGS_POLICY("groups"), .is_list = true },
	{ SETTINGS_POLICY("signature_algorithms"), .is_list = true },
	{ SETTINGS_POLICY("min_rsa_bits") },
	{ SETTINGS_POLICY("curves"), .is_list = true },
	{ SETTINGS_POLICY("verify") },
	{ SETTINGS_POLICY("verify_clients") },
	{ SETTINGS_POLICY("own_keys") },
	{ SETTINGS_POLICY("own_anchors") },
	{ SETTINGS_POLICY("alpn"), .is_list = true },
	{ SETTINGS_POLICY("tickets") },
	{ SETTINGS_POLICY("revocation") },
	{ SETTINGS_POLICY("revocation_ktls_trust") },
	{ SETTINGS_POLICY("rsa_key_transport") },
};

enum {
	SETTINGS_COUNT	= sizeof(settings) / sizeof(*settings),
};

_Static_assert(sizeof(settings) / sizeof(*settings) <= KTLSD_SETTINGS_MAX,
	       "struct ktlsd_parse has room for them");

/* Return: the number minus one that follows a name, 0 without one, -1 if it is none. */
static int settings_number(const char *suffix)
{
	char *end;
	long number;

	if (!*suffix)
		return 0;
	/* "name.02" would be another spelling of "name.2". */
	if (suffix[0] != '.' || suffix[1] < '1' || suffix[1] > '9')
		return -1;
	number = strtol(suffix + 1, &end, 10);
	return *end || number < 2 || number > KTLSD_IDENTITY_CERTIFICATES ? -1 :
	       (int)number - 1;
}

const struct ktlsd_setting *ktlsd_settings_find(enum ktlsd_section section, const char *name,
						size_t *ret_index, unsigned int *ret_number)
{
	const struct ktlsd_setting *setting;
	size_t i, len;
	int number;

	for (i = 0; i < SETTINGS_COUNT; i++) {
		setting = &settings[i];
		len = strlen(setting->name);
		if (setting->section != section || strncmp(setting->name, name, len))
			continue;
		number = settings_number(name + len);
		if (number < 0 || (number && !setting->size))
			continue;
		*ret_index = i;
		*ret_number = (unsigned int)number;
		return setting;
	}
	return NULL;
}

void ktlsd_settings_set(struct ktlsd_parse *parse, unsigned int line,
			const struct ktlsd_setting *setting, unsigned int number,
			const char *value)
{
	const struct ktlsd_config_place place = { .path = parse->path, .line = line };
	struct ktlsd_config *config = parse->config;
	char *base = (char *)config;

	if (setting->place)
		memcpy(base + setting->place, &place, sizeof(place));
	if (setting->section == KTLSD_SECTION_IDENTITY)
		base = (char *)&config->identities[parse->identity];
	if (setting->section == KTLSD_SECTION_POLICY)
		base = (char *)&config->policies[parse->policy];
	setting->set(parse, line, setting, base + setting->offset + number * setting->size,
		     value);
}
