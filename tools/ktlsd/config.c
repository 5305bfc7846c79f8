// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ini.h>

#include "config.h"
#include "trust.h"

/**
 * struct config_parser - where the parser is
 * @config: what is being filled
 * @file: the file
 * @line: the line libinih was given last
 * @seen: a bit for each key of [ktlsd] that was there
 * @fault_line: line of the first thing that was wrong, 0 if nothing was
 * @fault: what it was
 */
struct config_parser {
	struct ktlsd_config	*config;
	FILE			*file;
	unsigned int		line;
	unsigned int		seen;
	unsigned int		fault_line;
	char			fault[KTLS_GENL_SENTENCE_MAX + 1];
};

/* Notes the first fault. Return: 0, which tells libinih of an error. */
__attribute__((format(printf, 2, 3)))
static int config_fail(struct config_parser *parser, const char *format, ...)
{
	va_list args;

	if (parser->fault_line)
		return 0;
	parser->fault_line = parser->line;
	va_start(args, format);
	vsnprintf(parser->fault, sizeof(parser->fault), format, args);
	va_end(args);
	return 0;
}

static int config_set_path(struct config_parser *parser, char **path,
			   const char *key, const char *value)
{
	if (*path)
		return config_fail(parser, "%s is given twice", key);
	if (value[0] != '/')
		return config_fail(parser, "%s must be an absolute path", key);
	*path = strdup(value);
	return *path ? 1 : config_fail(parser, "there is no memory");
}

static int config_set_number(struct config_parser *parser, unsigned int *number,
			     unsigned int min, unsigned int max,
			     const char *key, const char *value)
{
	unsigned long got;
	char *end;

	errno = 0;
	got = strtoul(value, &end, 10);
	if (errno || *end || end == value || value[0] == '-' ||
	    got < min || got > max)
		return config_fail(parser, "%s must be a number from %u to %u",
				   key, min, max);
	*number = (unsigned int)got;
	return 1;
}

static int config_set_daemon(struct config_parser *parser, const char *key,
			     const char *value)
{
	static const char *const keys[] = {
		"workers", "log", "log_level", "trust", "max_sessions",
		"ticket_lifetime", "session_cache",
	};
	struct ktlsd_config *config = parser->config;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		if (!strcmp(key, keys[i]))
			break;
	}
	if (i == sizeof(keys) / sizeof(*keys))
		return config_fail(parser, "'%s' is no key of [ktlsd]", key);
	if (parser->seen & (1u << i))
		return config_fail(parser, "%s is given twice", key);
	parser->seen |= 1u << i;

	switch (i) {
	case 0:
		return config_set_number(parser, &config->workers, 0,
					 KTLSD_WORKERS_MAX, key, value);
	case 1:
		return !ktlsd_log_parse_target(value, &config->log) ? 1 :
			config_fail(parser, "log must be stderr or syslog");
	case 2:
		return !ktlsd_log_parse_level(value, &config->log_level) ? 1 :
			config_fail(parser, "log_level must be error, warning, info or debug");
	case 3:
		config->trust_given = true;
		return config_set_path(parser, &config->trust_path, key, value);
	case 4:
		return config_set_number(parser, &config->max_sessions, 1,
					 KTLSD_SESSIONS_MAX, key, value);
	case 5:
		return config_set_number(parser, &config->ticket_lifetime,
					 KTLSD_TICKET_LIFETIME_MIN,
					 KTLSD_TICKET_LIFETIME_MAX, key, value);
	default:
		return config_set_number(parser, &config->session_cache, 0,
					 KTLSD_CACHE_MAX, key, value);
	}
}

/* The identity of a section, made when its first key is met. */
static struct ktlsd_identity *config_identity(struct config_parser *parser,
					      const char *name)
{
	struct ktlsd_config *config = parser->config;
	struct ktlsd_identity *identity;
	size_t i;

	for (i = 0; i < config->identity_count; i++) {
		if (!strcmp(config->identities[i].name, name))
			return &config->identities[i];
	}
	if (config->identity_count >= KTLSD_IDENTITIES_MAX) {
		config_fail(parser, "there are more than %d identities",
			    KTLSD_IDENTITIES_MAX);
		return NULL;
	}
	identity = reallocarray(config->identities, config->identity_count + 1,
				sizeof(*identity));
	if (!identity) {
		config_fail(parser, "there is no memory");
		return NULL;
	}
	config->identities = identity;
	identity += config->identity_count++;
	memset(identity, 0, sizeof(*identity));
	snprintf(identity->name, sizeof(identity->name), "%s", name);
	identity->line = parser->line;
	return identity;
}

static int config_set_identity(struct config_parser *parser, const char *name,
			       const char *key, const char *value)
{
	struct ktlsd_identity *identity;
	struct ktlsd_fault fault;
	bool groups;

	name += strspn(name, " \t");
	if (!name[0] || strlen(name) > KTLSD_IDENTITY_MAX)
		return config_fail(parser, "an identity's name has 1 to %d characters",
				   KTLSD_IDENTITY_MAX);
	identity = config_identity(parser, name);
	if (!identity)
		return 0;
	if (!strcmp(key, "certificate"))
		return config_set_path(parser, &identity->certificate, key, value);
	if (!strcmp(key, "private_key"))
		return config_set_path(parser, &identity->private_key, key, value);

	groups = !strcmp(key, "allow_gids");
	if (!groups && strcmp(key, "allow_uids"))
		return config_fail(parser, "'%s' is no key of [identity %s]",
				   key, name);
	if (ktlsd_acl_parse(&identity->acl, groups, value, &fault))
		return config_fail(parser, "%s: %s", key, fault.sentence);
	return 1;
}

static int config_handle(void *arg, const char *section, const char *key,
			 const char *value)
{
	struct config_parser *parser = arg;

	if (!strcmp(section, "ktlsd"))
		return config_set_daemon(parser, key, value);
	if (!strncmp(section, "identity ", 9))
		return config_set_identity(parser, section + 9, key, value);
	if (!section[0])
		return config_fail(parser, "'%s' stands before the first [section]",
				   key);
	return config_fail(parser, "[%s] is no section: there are [ktlsd] and [identity NAME]",
			   section);
}

/* Like fgets(), but it counts lines, and a line too long is an error. */
static char *config_read_line(char *line, int size, void *arg)
{
	struct config_parser *parser = arg;
	size_t len;

	if (!fgets(line, size, parser->file))
		return NULL;
	parser->line++;
	len = strlen(line);
	if (len && line[len - 1] != '\n' && len + 1 >= (size_t)size) {
		config_fail(parser, "the line is longer than %d characters: go on in an indented line",
			    size - 2);
		return NULL;
	}
	return line;
}

static void config_check_identities(struct config_parser *parser)
{
	const struct ktlsd_identity *identity;
	size_t i;

	for (i = 0; i < parser->config->identity_count; i++) {
		identity = &parser->config->identities[i];
		parser->line = identity->line;
		if (!identity->certificate)
			config_fail(parser, "[identity %s] has no certificate",
				    identity->name);
		else if (!identity->private_key)
			config_fail(parser, "[identity %s] has no private_key",
				    identity->name);
	}
}

static struct ktlsd_config *config_new(const char *path)
{
	struct ktlsd_config *config = calloc(1, sizeof(*config));

	if (!config)
		return NULL;
	config->refs = 1;
	config->log = KTLSD_LOG_STDERR;
	config->log_level = KTLSD_LOG_INFO;
	config->max_sessions = KTLSD_SESSIONS_DEFAULT;
	config->ticket_lifetime = KTLSD_TICKET_LIFETIME_DEFAULT;
	config->session_cache = KTLSD_CACHE_DEFAULT;
	config->path = strdup(path);
	if (config->path)
		return config;
	free(config);
	return NULL;
}

int ktlsd_config_parse(const char *path, struct ktlsd_config **ret_config,
		       struct ktlsd_fault *fault)
{
	struct config_parser parser = { 0 };
	int err, line;

	parser.file = fopen(path, "re");
	if (!parser.file)
		return ktlsd_errors_set(fault, -errno, "%s cannot be read: %s",
					path, strerror(errno));
	parser.config = config_new(path);
	if (!parser.config) {
		err = ktlsd_errors_set(fault, -ENOMEM, "there is no memory");
		goto close_file;
	}
	line = ini_parse_stream(config_read_line, &parser, config_handle, &parser);
	if (line > 0 && (!parser.fault_line || (unsigned int)line < parser.fault_line)) {
		parser.fault_line = line;
		snprintf(parser.fault, sizeof(parser.fault),
			 "this is neither a [section] nor 'key = value'");
	}
	if (line < 0 || ferror(parser.file)) {
		err = ktlsd_errors_set(fault, -EIO, "%s cannot be read", path);
		goto put_config;
	}
	if (!parser.fault_line)
		config_check_identities(&parser);
	if (parser.fault_line) {
		err = ktlsd_errors_set(fault, -EINVAL, "%s:%u: %s", path,
				       parser.fault_line, parser.fault);
		goto put_config;
	}
	fclose(parser.file);
	*ret_config = parser.config;
	return 0;

put_config:
	ktlsd_config_put(parser.config);
close_file:
	fclose(parser.file);
	return err;
}

static int config_load_identities(struct ktlsd_config *config, bool strict,
				  struct ktlsd_fault *fault)
{
	struct ktlsd_identity *identity;
	struct ktlsd_fault why;
	size_t i;
	int err;

	for (i = 0; i < config->identity_count; i++) {
		identity = &config->identities[i];
		err = ktlsd_credentials_load(identity->certificate,
					     identity->private_key,
					     &identity->credential, &why);
		if (!err)
			continue;
		if (strict)
			return ktlsd_errors_set(fault, err,
				"%s:%u: the identity '%s' is of no use: %s",
				config->path, identity->line, identity->name,
				why.sentence);
		snprintf(identity->trouble, sizeof(identity->trouble), "%s",
			 why.sentence);
		ktlsd_log(KTLSD_LOG_ERROR, "The identity '%s' is of no use: %s.",
			  identity->name, why.sentence);
	}
	return 0;
}

static int config_load_trust(struct ktlsd_config *config,
			     struct ktlsd_fault *fault)
{
	const char *path = config->trust_given ? config->trust_path
					       : KTLSD_TRUST_SYSTEM;
	int err;

	err = ktlsd_trust_load(path, &config->trust, fault);
	if (!err || config->trust_given)
		return err;
	ktlsd_log(KTLSD_LOG_WARNING,
		  "%s: no certificate is trusted unless a program sets KTLS_TRUST.",
		  fault->sentence);
	config->trust = X509_STORE_new();
	return config->trust ? 0 : ktlsd_errors_set(fault, -ENOMEM,
						    "there is no memory");
}

int ktlsd_config_load(const char *path, bool strict,
		      struct ktlsd_config **ret_config,
		      struct ktlsd_fault *fault)
{
	struct ktlsd_config *config;
	int err;

	err = ktlsd_config_parse(path, &config, fault);
	if (err)
		return err;
	err = config_load_trust(config, fault);
	if (!err)
		err = config_load_identities(config, strict, fault);
	if (err) {
		ktlsd_config_put(config);
		return err;
	}
	*ret_config = config;
	return 0;
}

struct ktlsd_config *ktlsd_config_get(struct ktlsd_config *config)
{
	atomic_fetch_add(&config->refs, 1);
	return config;
}

void ktlsd_config_put(struct ktlsd_config *config)
{
	size_t i;

	if (!config || atomic_fetch_sub(&config->refs, 1) != 1)
		return;
	for (i = 0; i < config->identity_count; i++) {
		free(config->identities[i].certificate);
		free(config->identities[i].private_key);
		ktlsd_acl_free(&config->identities[i].acl);
		ktlsd_credentials_free(&config->identities[i].credential);
	}
	free(config->identities);
	X509_STORE_free(config->trust);
	free(config->trust_path);
	free(config->path);
	free(config);
}

int ktlsd_config_find(const struct ktlsd_config *config, const char *name,
		      const struct ktlsd_caller *caller,
		      const struct ktlsd_identity **ret_identity,
		      struct ktlsd_fault *fault)
{
	const struct ktlsd_identity *identity = NULL;
	size_t i;

	for (i = 0; i < config->identity_count; i++) {
		if (!strcmp(config->identities[i].name, name))
			identity = &config->identities[i];
	}
	if (!identity)
		return ktlsd_errors_set(fault, -ENOKEY,
			"There is no identity '%s' in %s.", name, config->path);
	if (!ktlsd_acl_allows(&identity->acl, caller))
		return ktlsd_errors_set(fault, -EACCES,
			"Uid %u may not use the identity '%s': see allow_uids and allow_gids in %s.",
			caller->uid, name, config->path);
	if (!identity->credential.leaf)
		return ktlsd_errors_set(fault, -ENOKEY,
			"The identity '%s' is of no use: %s.", name,
			identity->trouble);
	*ret_identity = identity;
	return 0;
}
