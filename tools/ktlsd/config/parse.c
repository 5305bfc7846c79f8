// SPDX-License-Identifier: GPL-2.0-or-later
/* The parser does not guess: what could mean two things is an error. It reports every error
 * with its line.
 *
 * libinih has none of this: it cuts sections and names at 50 bytes without an error, reports
 * one line only, joins a repeated key and an indented line to the value before, and tells the
 * handler neither where a section begins nor which file a line is from.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/file.h"
#include "config/include.h"
#include "config/parse.h"

enum {
	PARSE_FILE_MAX		= 1 << 20,	/* bytes */
	PARSE_LINE_MAX		= 1000,		/* characters */
	PARSE_VALUE_MAX		= 65536,	/* of a list over several lines */
	PARSE_FAULTS_MAX	= 50,		/* logged */
};

void ktlsd_parse_fail(struct ktlsd_parse *parse, unsigned int line, const char *format, ...)
{
	char reason[KTLS_GENL_REASON_MAX + 1];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	if (++parse->faults == 1)
		ktlsd_errors_set(parse->fault, -EINVAL, "%s:%u: %s",
				 parse->path, line, reason);
	if (parse->faults <= PARSE_FAULTS_MAX)
		ktlsd_log(KTLSD_LOG_ERROR, "%s:%u: %s", parse->path, line, reason);
}

/* @what was defined before, in @line of the file @path. */
__attribute__((format(printf, 4, 5)))
static void parse_fail_twice(struct ktlsd_parse *parse, const char *path, unsigned int line,
			     const char *format, ...)
{
	char what[KTLSD_IDENTITY_MAX + 32];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	if (strcmp(path, parse->path))
		ktlsd_parse_fail(parse, parse->line, "%s was defined in %s:%u already", what, path,
				 line);
	else
		ktlsd_parse_fail(parse, parse->line, "%s was defined in line %u already", what,
				 line);
}

static struct ktlsd_identity *parse_identity(struct ktlsd_parse *parse)
{
	return &parse->config->identities[parse->identity];
}

/* --- lines --- */

/* Without blanks at either end. */
static char *parse_trim(char *text)
{
	size_t len;

	text += strspn(text, KTLSD_PARSE_BLANKS);
	len = strlen(text);
	while (len && strchr(KTLSD_PARSE_BLANKS, text[len - 1]))
		text[--len] = '\0';
	return text;
}

static void parse_cut_comment(char *text)
{
	size_t i;

	for (i = 0; text[i]; i++) {
		if ((text[i] == '#' || text[i] == ';') &&
		    (!i || strchr(KTLSD_PARSE_BLANKS, text[i - 1]))) {
			text[i] = '\0';
			return;
		}
	}
}

/* Return: the next line without comment and newline, NULL after the last. */
static char *parse_next_line(struct ktlsd_parse *parse)
{
	char *line = parse->next;

	if (!*line)
		return NULL;
	parse->line++;
	parse->next += strcspn(line, "\n");
	if (*parse->next)
		*parse->next++ = '\0';
	if (strlen(line) > PARSE_LINE_MAX) {
		ktlsd_parse_fail(parse, parse->line,
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
	size_t blanks = strspn(next, KTLSD_PARSE_BLANKS);
	char c = next[blanks];

	if (c == '\0' || c == '\n' || c == '#' || c == ';')
		return c != '\0';
	return blanks && c != '[' && next[strcspn(next, "=#;\n")] != '=';
}

static bool parse_is_quoted(const char *text)
{
	return strpbrk(text, "\"'");
}

/* @name: as it was written, for messages */
static void parse_value(struct ktlsd_parse *parse, const struct ktlsd_setting *setting,
			unsigned int number, const char *name, const char *value)
{
	struct ktlsd_buffer list = { 0 };
	unsigned int line = parse->line;
	const char *more = value;
	int err;

	err = ktlsd_buffer_append(&list, value, strlen(value), PARSE_VALUE_MAX);
	while (setting->is_list && parse_goes_on(parse->next)) {
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
		ktlsd_parse_fail(parse, line, "%s is too long", name);
	else if (parse_is_quoted((char *)list.data))
		ktlsd_parse_fail(parse, line, "%s: write the value without quotes", name);
	else
		ktlsd_settings_set(parse, line, setting, number, (char *)list.data);
	ktlsd_buffer_free(&list);
}

/* "[ktlsd]", "[identity NAME]" */
static void parse_print_section(struct ktlsd_parse *parse, char *text, size_t size)
{
	const char *kind = "ktlsd", *name = "";

	if (parse->section == KTLSD_SECTION_IDENTITY) {
		kind = "identity";
		name = parse_identity(parse)->name;
	} else if (parse->section == KTLSD_SECTION_POLICY) {
		kind = "policy";
		name = parse->config->policies[parse->policy].name;
	}
	snprintf(text, size, "[%s%s%s]", kind, name[0] ? " " : "", name);
}

static void parse_include(struct ktlsd_parse *parse, const char *pattern);

static void parse_key_line(struct ktlsd_parse *parse, const char *name, const char *value)
{
	const struct ktlsd_setting *setting;
	char section[KTLSD_IDENTITY_MAX + 16];
	unsigned int number;
	size_t i;

	if (parse->section == KTLSD_SECTION_OUTSIDE && !strcmp(name, "include")) {
		parse_include(parse, value);
		return;
	}
	if (!strcmp(name, "include")) {
		ktlsd_parse_fail(parse, parse->line,
				 "include must be before the first [section] of the file");
		return;
	}
	if (parse->section == KTLSD_SECTION_OUTSIDE)
		ktlsd_parse_fail(parse, parse->line,
				 "'%s' is before the first [section]", name);
	if (parse->section < KTLSD_SECTION_DAEMON)
		return;
	setting = ktlsd_settings_find(parse->section, name, &i, &number);
	if (!setting) {
		parse_print_section(parse, section, sizeof(section));
		ktlsd_parse_fail(parse, parse->line, "%s has no key '%s'", section, name);
		return;
	}
	if (parse->seen[i] & 1u << number) {
		ktlsd_parse_fail(parse, parse->line, "%s is set twice in this section", name);
		return;
	}
	parse->seen[i] |= 1u << number;
	parse_value(parse, setting, number, name, value);
}

/* --- sections --- */

static void parse_begin_identity(struct ktlsd_parse *parse, const char *name)
{
	struct ktlsd_config *config = parse->config;
	struct ktlsd_identity *identity;
	size_t i;

	if (!name[0] || strlen(name) > KTLSD_IDENTITY_MAX) {
		ktlsd_parse_fail(parse, parse->line, "an identity's name has 1 to %d characters",
				 KTLSD_IDENTITY_MAX);
		return;
	}
	for (i = 0; i < config->identity_count; i++) {
		if (!strcmp(config->identities[i].name, name)) {
			parse_fail_twice(parse, config->identities[i].path,
					 config->identities[i].line, "[identity %s]", name);
			return;
		}
	}
	if (config->identity_count >= KTLSD_IDENTITIES_MAX) {
		ktlsd_parse_fail(parse, parse->line, "there are more than %d identities",
				 KTLSD_IDENTITIES_MAX);
		return;
	}
	identity = reallocarray(config->identities, config->identity_count + 1,
				sizeof(*identity));
	if (!identity) {
		ktlsd_parse_fail(parse, parse->line, "out of memory");
		return;
	}
	config->identities = identity;
	parse->identity = config->identity_count++;
	parse->section = KTLSD_SECTION_IDENTITY;
	identity = parse_identity(parse);
	memset(identity, 0, sizeof(*identity));
	strcpy(identity->name, name);
	identity->line = parse->line;
	identity->path = parse->path;
}

static void parse_begin_daemon(struct ktlsd_parse *parse)
{
	if (parse->daemon_line) {
		parse_fail_twice(parse, parse->daemon_path, parse->daemon_line, "[ktlsd]");
		return;
	}
	parse->daemon_line = parse->line;
	parse->daemon_path = parse->path;
	parse->section = KTLSD_SECTION_DAEMON;
}

static void parse_begin_policy(struct ktlsd_parse *parse, const char *name)
{
	struct ktlsd_config *config = parse->config;
	struct ktlsd_policy *policies;
	size_t i;

	if (strlen(name) > KTLSD_POLICY_NAME_MAX ||
	    config->policy_count >= KTLSD_POLICIES_MAX) {
		ktlsd_parse_fail(parse, parse->line,
				 "there can be %d policies, with names of at most %d characters",
				 KTLSD_POLICIES_MAX, KTLSD_POLICY_NAME_MAX);
		return;
	}
	for (i = 0; i < config->policy_count; i++) {
		if (!strcmp(config->policies[i].name, name)) {
			parse_fail_twice(parse, config->policies[i].path,
					 config->policies[i].line, "this policy");
			return;
		}
	}
	policies = reallocarray(config->policies, config->policy_count + 1,
				sizeof(*policies));
	if (policies)
		config->policies = policies;
	if (!policies || ktlsd_policy_init(&policies[config->policy_count], name,
					   parse->path, parse->line)) {
		ktlsd_parse_fail(parse, parse->line, "out of memory");
		return;
	}
	parse->policy = config->policy_count++;
	parse->section = KTLSD_SECTION_POLICY;
}

/* Return: whether @text is @kind, alone or with a name behind it. */
static bool parse_is_section(const char *text, const char *kind)
{
	size_t len = strlen(kind);

	return !strncmp(text, kind, len) &&
	       (!text[len] || strchr(KTLSD_PARSE_BLANKS, text[len]));
}

/* @text: between the brackets */
static void parse_begin_section(struct ktlsd_parse *parse, char *text)
{
	char *name = parse_trim(text);

	parse->section = KTLSD_SECTION_UNKNOWN;
	memset(parse->seen, 0, sizeof(parse->seen));
	if (parse_is_quoted(name))
		ktlsd_parse_fail(parse, parse->line, "[%s]: write the name without quotes", name);
	else if (!strcmp(name, "ktlsd"))
		parse_begin_daemon(parse);
	else if (parse_is_section(name, "identity"))
		parse_begin_identity(parse, parse_trim(name + strlen("identity")));
	else if (parse_is_section(name, "policy"))
		parse_begin_policy(parse, parse_trim(name + strlen("policy")));
	else
		ktlsd_parse_fail(parse, parse->line,
				 "there is no section [%s]: use [ktlsd], [identity NAME], [policy] or [policy NAME]",
				 name);
}

/* By its name: no other file has both certificate and key. */
static bool parse_is_pkcs12(const char *path)
{
	const char *suffix = path ? strrchr(path, '.') : NULL;

	return suffix && (!strcasecmp(suffix, ".p12") || !strcasecmp(suffix, ".pfx"));
}

/* Each certificate has a key, and each key a certificate. Without a number it is the first.
 * What is incomplete is removed, so that a check can load the rest.
 */
static void parse_check_files(struct ktlsd_parse *parse, struct ktlsd_identity *identity,
			      unsigned int number)
{
	struct ktlsd_identity_files *files = &identity->files[number];
	const unsigned int faults = parse->faults;
	char suffix[16] = "";

	if (number && !files->certificate && !files->private_key && !files->passphrase)
		return;
	if (number)
		snprintf(suffix, sizeof(suffix), ".%u", number + 1);
	if (!files->certificate)
		ktlsd_parse_fail(parse, identity->line, "[identity %s] has no certificate%s",
				 identity->name, suffix);
	if (!files->private_key && !parse_is_pkcs12(files->certificate))
		ktlsd_parse_fail(parse, identity->line, "[identity %s] has no private_key%s",
				 identity->name, suffix);
	if (parse->faults == faults)
		return;
	free(files->certificate);
	files->certificate = NULL;
}

static void parse_check_identities(struct ktlsd_parse *parse)
{
	unsigned int number;
	size_t i;

	for (i = 0; i < parse->config->identity_count; i++) {
		parse->path = parse->config->identities[i].path;
		for (number = 0; number < KTLSD_IDENTITY_CERTIFICATES; number++)
			parse_check_files(parse, &parse->config->identities[i], number);
	}
}

static void parse_file(struct ktlsd_parse *parse)
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
				parse->section = KTLSD_SECTION_UNKNOWN;
			ktlsd_parse_fail(parse, parse->line,
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
	config->session_age = KTLSD_TICKET_LIFETIME_MAX;
	config->ticket_rotate = (unsigned int)KTLSD_TICKET_ROTATE_LIFETIME;
	config->path = strdup(path);
	if (config->path && !ktlsd_words_add(&config->files, path, KTLSD_INCLUDE_FILES_MAX))
		return config;
	ktlsd_config_put(config);
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
	return err;
}

/* @text: of the file @path, NUL-terminated; changed */
static void parse_text(struct ktlsd_parse *parse, const char *path, char *text)
{
	static const char bom[] = "\xef\xbb\xbf";

	parse->path = path;
	parse->line = 0;
	parse->section = KTLSD_SECTION_OUTSIDE;
	parse->next = text;
	if (!strncmp(parse->next, bom, strlen(bom)))
		parse->next += strlen(bom);
	parse_file(parse);
}

/* Reads an included file. Its path lives as long as the configuration. */
static void parse_included(struct ktlsd_parse *parse, const char *path)
{
	struct ktlsd_words *files = &parse->config->files;
	struct ktlsd_buffer text = { 0 };
	struct ktlsd_fault fault;
	size_t i;

	for (i = 0; i < files->count; i++) {
		if (!strcmp(files->items[i], path)) {
			ktlsd_parse_fail(parse, parse->line,
					 "include: %s was read before: name it once", path);
			return;
		}
	}
	if (ktlsd_words_add(files, path, KTLSD_INCLUDE_FILES_MAX))
		ktlsd_parse_fail(parse, parse->line, "include: there are more than %d files",
				 KTLSD_INCLUDE_FILES_MAX);
	else if (parse_read(path, &text, &fault))
		ktlsd_parse_fail(parse, parse->line, "include: %s", fault.reason);
	else
		parse_text(parse, files->items[files->count - 1], (char *)text.data);
	ktlsd_buffer_free(&text);
}

static void parse_include(struct ktlsd_parse *parse, const char *pattern)
{
	const struct ktlsd_parse outer = *parse;
	struct ktlsd_words files;
	struct ktlsd_fault fault;
	size_t i;

	if (parse_is_quoted(pattern)) {
		ktlsd_parse_fail(parse, parse->line, "include: write the value without quotes");
		return;
	}
	if (parse->depth >= KTLSD_INCLUDE_DEPTH_MAX - 1) {
		ktlsd_parse_fail(parse, parse->line,
				 "include: more than %d files include each other",
				 KTLSD_INCLUDE_DEPTH_MAX);
		return;
	}
	if (!pattern[0])
		ktlsd_parse_fail(parse, parse->line, "include is empty: name a file");
	else if (ktlsd_include_find(parse->path, pattern, &files, &fault))
		ktlsd_parse_fail(parse, parse->line, "%s", fault.reason);
	else {
		parse->depth++;
		for (i = 0; i < files.count; i++) {
			parse->path = outer.path;
			parse->line = outer.line;
			parse_included(parse, files.items[i]);
		}
		ktlsd_words_free(&files);
		parse->depth--;
	}
	parse->path = outer.path;
	parse->line = outer.line;
	parse->next = outer.next;
	parse->section = outer.section;
}

int ktlsd_parse_all(const char *path, struct ktlsd_config **ret_config,
		    struct ktlsd_fault *fault)
{
	struct ktlsd_parse parse = { .fault = fault };
	struct ktlsd_buffer text = { 0 };
	int err;

	*ret_config = NULL;
	err = parse_read(path, &text, fault);
	if (err) {
		ktlsd_log(KTLSD_LOG_ERROR, "%s.", fault->reason);
		goto free_text;
	}
	parse.config = parse_new_config(path);
	if (!parse.config) {
		err = ktlsd_errors_set(fault, -ENOMEM, "out of memory");
		goto free_text;
	}
	parse_text(&parse, parse.config->files.items[0], (char *)text.data);
	parse_check_identities(&parse);
	ktlsd_sni_resolve(&parse);
	if (parse.faults > PARSE_FAULTS_MAX)
		ktlsd_log(KTLSD_LOG_ERROR, "%s: and %u faults more.", path,
			  parse.faults - PARSE_FAULTS_MAX);
	if (parse.faults)
		err = -EINVAL;
	parse.config->trust_given = parse.config->trust_path;
	*ret_config = parse.config;
free_text:
	ktlsd_buffer_free(&text);
	return err;
}

int ktlsd_parse_config(const char *path, struct ktlsd_config **ret_config,
		       struct ktlsd_fault *fault)
{
	int err = ktlsd_parse_all(path, ret_config, fault);

	if (err) {
		ktlsd_config_put(*ret_config);
		*ret_config = NULL;
	}
	return err;
}
