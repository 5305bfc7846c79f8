// SPDX-License-Identifier: GPL-2.0-or-later
/* The identities of ktlsd: as it describes them, or as JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "ktlsctl.h"
#include "lines.h"

enum {
	IDENTITIES_LINES_MAX	= 128,	/* of an identity, in JSON */
};

/**
 * struct identities_lines - what ktlsd says of an identity
 * @words: of each line
 * @values: of each line
 * @count: how many lines
 */
struct identities_lines {
	const char	*words[IDENTITIES_LINES_MAX];
	char		*values[IDENTITIES_LINES_MAX];
	unsigned int	count;
};

/* Reads a paragraph. Return: false at the end of the text. */
static bool identities_read(char **at, struct identities_lines *lines)
{
	const char *word, *value;

	lines->count = 0;
	while (ktlsctl_lines_next(at, &word, &value) && *word) {
		if (lines->count == IDENTITIES_LINES_MAX)
			continue;
		lines->words[lines->count] = word;
		lines->values[lines->count++] = (char *)value;
	}
	return lines->count > 0;
}

/* Return: the value, or NULL. */
static char *identities_find(const struct identities_lines *lines, const char *word)
{
	unsigned int i;

	for (i = 0; i < lines->count; i++) {
		if (!strcmp(lines->words[i], word))
			return lines->values[i];
	}
	return NULL;
}

/* Prints words as the elements of an array. */
static void identities_print_words(FILE *out, char *words)
{
	char *word, *save, *at = words;

	for (; (word = strtok_r(at, " ", &save)); at = NULL) {
		fputs(at ? "" : ", ", out);
		ktlsctl_json_string(out, word);
	}
}

static void identities_print_string(struct ktlsctl_members *members, const char *name,
				    const char *value)
{
	if (value) {
		ktlsctl_members_string(members, name, value);
		return;
	}
	ktlsctl_members_name(members, name);
	fputs("null", members->out);
}

/* Prints a list, empty if there is none. */
static void identities_print_list(struct ktlsctl_members *members, const char *name, char *words)
{
	ktlsctl_members_name(members, name);
	fputc('[', members->out);
	if (words)
		identities_print_words(members->out, words);
	fputc(']', members->out);
}

/* An object for each certificate's file, with that of its key, if it is another. */
static void identities_print_files(struct ktlsctl_members *members,
				   const struct identities_lines *lines)
{
	FILE *out = members->out;
	unsigned int i, count = 0;

	ktlsctl_members_name(members, "certificates");
	fputc('[', out);
	for (i = 0; i < lines->count; i++) {
		if (strcmp(lines->words[i], "certificate") != 0)
			continue;
		fputs(count++ ? ", {\"certificate\": " : "{\"certificate\": ", out);
		ktlsctl_json_string(out, lines->values[i]);
		fputs(", \"private_key\": ", out);
		if (i + 1 < lines->count && !strcmp(lines->words[i + 1], "private_key"))
			ktlsctl_json_string(out, lines->values[i + 1]);
		else
			fputs("null", out);
		fputc('}', out);
	}
	fputc(']', out);
}

/* A list for each certificate. */
static void identities_print_names(struct ktlsctl_members *members,
				   const struct identities_lines *lines)
{
	unsigned int i, count = 0;

	ktlsctl_members_name(members, "names");
	fputc('[', members->out);
	for (i = 0; i < lines->count; i++) {
		if (strcmp(lines->words[i], "names") != 0)
			continue;
		fputs(count++ ? ", [" : "[", members->out);
		identities_print_words(members->out, lines->values[i]);
		fputc(']', members->out);
	}
	fputc(']', members->out);
}

/* Prints an object: each has the same members, in the same order. */
static void identities_print(FILE *out, const struct identities_lines *lines)
{
	struct ktlsctl_members members = { .out = out, .indent = "    " };
	const char *usable = identities_find(lines, "usable");
	char *expires = identities_find(lines, "expires");
	bool expired = expires && ktlsctl_lines_cut(expires, "expired");

	fputc('{', out);
	identities_print_string(&members, "name", identities_find(lines, "identity"));
	identities_print_string(&members, "defined", identities_find(lines, "defined"));
	ktlsctl_members_bool(&members, "usable", usable && !strcmp(usable, "yes"));
	identities_print_string(&members, "trouble", identities_find(lines, "trouble"));
	identities_print_string(&members, "expires", expires);
	ktlsctl_members_bool(&members, "expired", expired);
	identities_print_files(&members, lines);
	identities_print_names(&members, lines);
	identities_print_string(&members, "role", identities_find(lines, "role"));
	identities_print_list(&members, "server_names", identities_find(lines, "server_names"));
	identities_print_list(&members, "also", identities_find(lines, "also"));
	identities_print_string(&members, "netns", identities_find(lines, "netns"));
	identities_print_list(&members, "allow_uids", identities_find(lines, "allow_uids"));
	identities_print_list(&members, "allow_gids", identities_find(lines, "allow_gids"));
	ktlsctl_members_bool(&members, "allow_containers",
			     identities_find(lines, "allow_containers") != NULL);
	fputs("\n  }", out);
}

int ktlsctl_identities_run(int argc, char **argv)
{
	struct identities_lines lines;
	unsigned int count = 0;
	const char *path;
	char *text, *at;
	bool json;

	if (!ktlsctl_control_parse(argc, argv, &path, &json))
		return KTLSCTL_USAGE;
	if (ktlsctl_control_request(path, argv[0], &text))
		return KTLSCTL_FAILED;
	if (json) {
		fputc('[', stdout);
		for (at = text; identities_read(&at, &lines); ) {
			fputs(count++ ? ",\n  " : "\n  ", stdout);
			identities_print(stdout, &lines);
		}
		fputs("\n]\n", stdout);
	} else {
		printf("%s\n", text);
	}
	free(text);
	return fflush(stdout) ? KTLSCTL_FAILED : KTLSCTL_OK;
}
