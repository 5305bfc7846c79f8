// SPDX-License-Identifier: GPL-2.0-or-later
/* The parser does not guess: what could mean two things is an error. It reports every error
 * with its line.
 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/file.h"
#include "config/parse.h"

#define PARSE_BLANKS	" \t\r"

enum {
	PARSE_FILE_MAX		= 1 << 20,	/* bytes */
	PARSE_LINE_MAX		= 1000,		/* characters */
	PARSE_VALUE_MAX		= 65536,	/* of a list over several lines */
	PARSE_FAULTS_MAX	= 50,		/* logged */
};

enum parse_section {
	PARSE_OUTSIDE,			/* before the first section */
	PARSE_UNKNOWN,			/* in a section that was refused */
	PARSE_DAEMON,
	PARSE_IDENTITY,
};

/**
 * struct parse - state of the parser
 * @config: filled
 * @next: rest of the file
 * @line: number of the current line
 * @section: kind of the current section
 * @identity: index of the identity, in its section
 * @seen: a bit for each entry of parse_keys that the section has
 * @daemon_line: line of [ktlsd], 0 if there was none yet
 * @faults: how many errors were found
 * @fault: the first of them
 */
struct parse {
	struct ktlsd_config	*config;
	char			*next;
	unsigned int		line;
	enum parse_section	section;
	size_t			identity;
	unsigned int		seen;
	unsigned int		daemon_line;
	unsigned int		faults;
	struct ktlsd_fault	*fault;
};

__attribute__((format(printf, 3, 4)))
static void parse_fail(struct parse *parse, unsigned int line,
		       const char *format, ...)
{
	char reason[KTLS_GENL_SENTENCE_MAX + 1];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	if (++parse->faults == 1)
		ktlsd_errors_set(parse->fault, -EINVAL, "%s:%u: %s",
				 parse->config->path, line, reason);
	if (parse->faults <= PARSE_FAULTS_MAX)
		ktlsd_log(KTLSD_LOG_ERROR, "%s:%u: %s", parse->config->path,
			  line, reason);
}

static struct ktlsd_identity *parse_identity(struct parse *parse)
{
	return &parse->config->identities[parse->identity];
}

/* --- values --- */

/**
 * struct parse_key - a key of ktlsd.conf
 * @name: before the "="
 * @section: which has it
 * @is_list: its value can continue in indented lines
 * @offset: of the member that it sets, in struct ktlsd_config or struct ktlsd_identity
 * @set: parses the value and sets the member
 * @min: lowest number
 * @max: highest number
 */
struct parse_key {
	const char		*name;
	enum parse_section	section;
	bool			is_list;
	size_t			offset;
	void			(*set)(struct parse *parse, unsigned int line,
				       const struct parse_key *key,
				       const char *value);
	unsigned int		min;
	unsigned int		max;
};

static void *parse_target(struct parse *parse, const struct parse_key *key)
{
	void *base = key->section == PARSE_DAEMON ? (void *)parse->config :
						    (void *)parse_identity(parse);

	return (char *)base + key->offset;
}

static void parse_set_path(struct parse *parse, unsigned int line,
			   const struct parse_key *key, const char *value)
{
	char **path = parse_target(parse, key);

	if (value[0] != '/') {
		parse_fail(parse, line, "%s must be an absolute path", key->name);
		return;
	}
	*path = strdup(value);
	if (!*path)
		parse_fail(parse, line, "out of memory");
}

static void parse_set_number(struct parse *parse, unsigned int line,
			     const struct parse_key *key, const char *value)
{
	unsigned int *number = parse_target(parse, key);
	unsigned long got;
	char *end;

	errno = 0;
	got = strtoul(value, &end, 10);
	if (errno || *end || value[0] < '0' || value[0] > '9' ||
	    got < key->min || got > key->max)
		parse_fail(parse, line, "%s must be a number from %u to %u",
			   key->name, key->min, key->max);
	else
		*number = (unsigned int)got;
}

static void parse_set_log(struct parse *parse, unsigned int line,
			  const struct parse_key *key, const char *value)
{
	if (ktlsd_log_parse_target(value, parse_target(parse, key)))
		parse_fail(parse, line, "%s must be stderr or syslog", key->name);
}

static void parse_set_level(struct parse *parse, unsigned int line,
			    const struct parse_key *key, const char *value)
{
	if (ktlsd_log_parse_level(value, parse_target(parse, key)))
		parse_fail(parse, line, "%s must be error, warning, info or debug",
			   key->name);
}

static void parse_set_acl(struct parse *parse, unsigned int line,
			  const struct parse_key *key, const char *value)
{
	struct ktlsd_fault fault;

	if (!value[strspn(value, PARSE_BLANKS ",")])
		parse_fail(parse, line,
			   "%s is empty: list users or groups, or remove the line", key->name);
	else if (ktlsd_acl_parse(parse_target(parse, key),
				 !strcmp(key->name, "allow_gids"), value, &fault))
		parse_fail(parse, line, "%s: %s", key->name, fault.reason);
}

static void parse_set_yes_no(struct parse *parse, unsigned int line,
			     const struct parse_key *key, const char *value)
{
	bool *flag = parse_target(parse, key);

	*flag = !strcmp(value, "yes");
	if (!*flag && strcmp(value, "no"))
		parse_fail(parse, line, "%s must be yes or no", key->name);
}

#define PARSE_CONFIG(member)	offsetof(struct ktlsd_config, member)
#define PARSE_OWN(member)	offsetof(struct ktlsd_identity, member)

static const struct parse_key parse_keys[] = {
	{ "workers", PARSE_DAEMON, false, PARSE_CONFIG(workers),
	  parse_set_number, 0, KTLSD_WORKERS_MAX },
	{ "log", PARSE_DAEMON, false, PARSE_CONFIG(log), parse_set_log, 0, 0 },
	{ "log_level", PARSE_DAEMON, false, PARSE_CONFIG(log_level),
	  parse_set_level, 0, 0 },
	{ "trust", PARSE_DAEMON, false, PARSE_CONFIG(trust_path),
	  parse_set_path, 0, 0 },
	{ "max_sessions", PARSE_DAEMON, false, PARSE_CONFIG(max_sessions),
	  parse_set_number, 1, KTLSD_SESSIONS_MAX },
	{ "ticket_lifetime", PARSE_DAEMON, false, PARSE_CONFIG(ticket_lifetime),
	  parse_set_number, KTLSD_TICKET_LIFETIME_MIN, KTLSD_TICKET_LIFETIME_MAX },
	{ "session_cache", PARSE_DAEMON, false, PARSE_CONFIG(session_cache),
	  parse_set_number, 0, KTLSD_CACHE_MAX },
	{ "certificate", PARSE_IDENTITY, false, PARSE_OWN(certificate),
	  parse_set_path, 0, 0 },
	{ "private_key", PARSE_IDENTITY, false, PARSE_OWN(private_key),
	  parse_set_path, 0, 0 },
	{ "allow_uids", PARSE_IDENTITY, true, PARSE_OWN(acl), parse_set_acl, 0, 0 },
	{ "allow_gids", PARSE_IDENTITY, true, PARSE_OWN(acl), parse_set_acl, 0, 0 },
	{ "allow_containers", PARSE_IDENTITY, false, PARSE_OWN(acl.containers),
	  parse_set_yes_no, 0, 0 },
};

enum {
	PARSE_KEYS	= sizeof(parse_keys) / sizeof(*parse_keys),
};

/* --- lines --- */

/* Without blanks at either end. */
static char *parse_trim(char *text)
{
	size_t len;

	text += strspn(text, PARSE_BLANKS);
	len = strlen(text);
	while (len && strchr(PARSE_BLANKS, text[len - 1]))
		text[--len] = '\0';
	return text;
}

static void parse_cut_comment(char *text)
{
	size_t i;

	for (i = 0; text[i]; i++) {
		if ((text[i] == '#' || text[i] == ';') &&
		    (!i || strchr(PARSE_BLANKS, text[i - 1]))) {
			text[i] = '\0';
			return;
		}
	}
}

/* Return: the next line without comment and newline, NULL after the last. */
static char *parse_next_line(struct parse *parse)
{
	char *line = parse->next;

	if (!*line)
		return NULL;
	parse->line++;
	parse->next += strcspn(line, "\n");
	if (*parse->next)
		*parse->next++ = '\0';
	if (strlen(line) > PARSE_LINE_MAX) {
		parse_fail(parse, parse->line,
			   "the line is longer than %d characters: continue in an indented line",
			   PARSE_LINE_MAX);
		*line = '\0';
	}
	parse_cut_comment(line);
	return line;
}

/* Return: whether the next line continues a list: it is indented and neither a section nor a
 * key. Empty lines and comments may come before it.
 */
static bool parse_goes_on(const char *next)
{
	size_t blanks = strspn(next, PARSE_BLANKS);
	char c = next[blanks];

	if (c == '\0' || c == '\n' || c == '#' || c == ';')
		return c != '\0';
	return blanks && c != '[' && next[strcspn(next, "=#;\n")] != '=';
}

static bool parse_is_quoted(const char *text)
{
	return strpbrk(text, "\"'");
}

static void parse_value(struct parse *parse, const struct parse_key *key,
			const char *value)
{
	struct ktlsd_buffer list = { 0 };
	unsigned int line = parse->line;
	const char *more = value;
	int err;

	err = ktlsd_buffer_append(&list, value, strlen(value), PARSE_VALUE_MAX);
	while (key->is_list && parse_goes_on(parse->next)) {
		more = parse_trim(parse_next_line(parse));
		if (!err)
			err = ktlsd_buffer_append(&list, " ", 1, PARSE_VALUE_MAX);
		if (!err)
			err = ktlsd_buffer_append(&list, more, strlen(more),
						  PARSE_VALUE_MAX);
	}
	if (!err)
		err = ktlsd_buffer_append(&list, "", 1, PARSE_VALUE_MAX + 1);
	if (err)
		parse_fail(parse, line, "%s is too long", key->name);
	else if (parse_is_quoted((char *)list.data))
		parse_fail(parse, line, "%s: write the value without quotes", key->name);
	else
		key->set(parse, line, key, (char *)list.data);
	ktlsd_buffer_free(&list);
}

static const char *parse_section_name(struct parse *parse)
{
	return parse->section == PARSE_DAEMON ? "ktlsd" : "identity";
}

static void parse_key_line(struct parse *parse, const char *name,
			   const char *value)
{
	size_t i;

	if (parse->section == PARSE_OUTSIDE)
		parse_fail(parse, parse->line,
			   "'%s' is before the first [section]", name);
	if (parse->section < PARSE_DAEMON)
		return;
	for (i = 0; i < PARSE_KEYS; i++) {
		if (parse_keys[i].section == parse->section &&
		    !strcmp(parse_keys[i].name, name))
			break;
	}
	if (i == PARSE_KEYS) {
		parse_fail(parse, parse->line, "[%s%s%s] has no key '%s'",
			   parse_section_name(parse),
			   parse->section == PARSE_IDENTITY ? " " : "",
			   parse->section == PARSE_IDENTITY ?
			   parse_identity(parse)->name : "", name);
		return;
	}
	if (parse->seen & 1u << i) {
		parse_fail(parse, parse->line, "%s is set twice in this section", name);
		return;
	}
	parse->seen |= 1u << i;
	parse_value(parse, &parse_keys[i], value);
}

/* --- sections --- */

static void parse_begin_identity(struct parse *parse, const char *name)
{
	struct ktlsd_config *config = parse->config;
	struct ktlsd_identity *identity;
	size_t i;

	if (!name[0] || strlen(name) > KTLSD_IDENTITY_MAX) {
		parse_fail(parse, parse->line, "an identity's name has 1 to %d characters",
			   KTLSD_IDENTITY_MAX);
		return;
	}
	for (i = 0; i < config->identity_count; i++) {
		if (!strcmp(config->identities[i].name, name)) {
			parse_fail(parse, parse->line,
				   "[identity %s] was defined in line %u already",
				   name, config->identities[i].line);
			return;
		}
	}
	if (config->identity_count >= KTLSD_IDENTITIES_MAX) {
		parse_fail(parse, parse->line, "there are more than %d identities",
			   KTLSD_IDENTITIES_MAX);
		return;
	}
	identity = reallocarray(config->identities, config->identity_count + 1,
				sizeof(*identity));
	if (!identity) {
		parse_fail(parse, parse->line, "out of memory");
		return;
	}
	config->identities = identity;
	parse->identity = config->identity_count++;
	parse->section = PARSE_IDENTITY;
	identity = parse_identity(parse);
	memset(identity, 0, sizeof(*identity));
	strcpy(identity->name, name);
	identity->line = parse->line;
}

static void parse_begin_daemon(struct parse *parse)
{
	if (parse->daemon_line) {
		parse_fail(parse, parse->line, "[ktlsd] was defined in line %u already",
			   parse->daemon_line);
		return;
	}
	parse->daemon_line = parse->line;
	parse->section = PARSE_DAEMON;
}

/* @text: between the brackets */
static void parse_begin_section(struct parse *parse, char *text)
{
	char *name = parse_trim(text);

	parse->section = PARSE_UNKNOWN;
	parse->seen = 0;
	if (parse_is_quoted(name))
		parse_fail(parse, parse->line, "[%s]: write the name without quotes", name);
	else if (!strcmp(name, "ktlsd"))
		parse_begin_daemon(parse);
	else if (!strncmp(name, "identity", 8) &&
		 (!name[8] || strchr(PARSE_BLANKS, name[8])))
		parse_begin_identity(parse, parse_trim(name + 8));
	else
		parse_fail(parse, parse->line,
			   "there is no section [%s]: use [ktlsd] or [identity NAME]",
			   name);
}

static void parse_check_identities(struct parse *parse)
{
	const struct ktlsd_identity *identity;
	size_t i;

	for (i = 0; i < parse->config->identity_count; i++) {
		identity = &parse->config->identities[i];
		if (!identity->certificate)
			parse_fail(parse, identity->line,
				   "[identity %s] has no certificate", identity->name);
		if (!identity->private_key)
			parse_fail(parse, identity->line,
				   "[identity %s] has no private_key", identity->name);
	}
}

static void parse_file(struct parse *parse)
{
	char *line, *equals;
	size_t len;

	while ((line = parse_next_line(parse))) {
		line = parse_trim(line);
		len = strlen(line);
		equals = strchr(line, '=');
		if (!len) {
			continue;
		} else if (line[0] == '[' && line[len - 1] == ']') {
			line[len - 1] = '\0';
			parse_begin_section(parse, line + 1);
		} else if (line[0] == '[' || !equals || equals == line) {
			if (line[0] == '[')
				parse->section = PARSE_UNKNOWN;
			parse_fail(parse, parse->line,
				   "this is neither a [section] nor 'key = value'");
		} else {
			*equals = '\0';
			parse_key_line(parse, parse_trim(line), parse_trim(equals + 1));
		}
	}
}

/* --- the file --- */

static struct ktlsd_config *parse_new_config(const char *path)
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

static int parse_read(const char *path, struct ktlsd_buffer *text,
		      struct ktlsd_fault *fault)
{
	int err = ktlsd_file_read(path, PARSE_FILE_MAX, text, NULL, fault);

	if (!err && text->len && memchr(text->data, '\0', text->len))
		err = ktlsd_errors_set(fault, -EINVAL, "%s is not a text file", path);
	if (!err && ktlsd_buffer_append(text, "", 1, PARSE_FILE_MAX + 1))
		err = ktlsd_errors_set(fault, -ENOMEM, "out of memory");
	if (err)
		ktlsd_log(KTLSD_LOG_ERROR, "%s.", fault->reason);
	return err;
}

int ktlsd_parse_config(const char *path, struct ktlsd_config **ret_config,
		       struct ktlsd_fault *fault)
{
	static const char bom[] = "\xef\xbb\xbf";
	struct parse parse = { .fault = fault };
	struct ktlsd_buffer text = { 0 };
	int err;

	err = parse_read(path, &text, fault);
	if (err)
		goto free_text;
	parse.config = parse_new_config(path);
	if (!parse.config) {
		err = ktlsd_errors_set(fault, -ENOMEM, "out of memory");
		goto free_text;
	}
	parse.next = (char *)text.data;
	if (!strncmp(parse.next, bom, strlen(bom)))
		parse.next += strlen(bom);
	parse_file(&parse);
	parse_check_identities(&parse);
	if (parse.faults > PARSE_FAULTS_MAX)
		ktlsd_log(KTLSD_LOG_ERROR, "%s: and %u faults more.", path,
			  parse.faults - PARSE_FAULTS_MAX);
	if (parse.faults) {
		ktlsd_config_put(parse.config);
		err = -EINVAL;
	} else {
		parse.config->trust_given = parse.config->trust_path;
		*ret_config = parse.config;
	}
free_text:
	ktlsd_buffer_free(&text);
	return err;
}
