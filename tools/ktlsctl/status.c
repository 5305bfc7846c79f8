// SPDX-License-Identifier: GPL-2.0-or-later
/* The state of the module, of ktlsd, and of its instances for other network namespaces. What is
 * missing is said, and does not hide the rest.
 */
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ktlsctl.h"
#include "lines.h"
#include "module.h"

/* Words of ktlsd whose value is a number. */
static const char *const status_numbers[] = {
	"workers", "workers_serving", "handshakes_active", "handshakes_completed",
	"handshakes_failed", "netns_inode", "tickets_forgotten", "tickets_flushed", "identities",
	"troubles",
};

/**
 * struct status_printer - the output
 * @json: its format
 * @members: of the object that is open, in JSON
 * @failed: the module or a ktlsd is missing
 */
struct status_printer {
	bool			json;
	struct ktlsctl_members	members;
	bool			failed;
};

static void status_begin(struct status_printer *printer, const char *name)
{
	if (printer->json)
		printf("\n  \"%s\": {", name);
	printer->members = (struct ktlsctl_members) { .out = stdout, .indent = "    " };
}

static void status_print_parameter(void *arg, const char *name, const char *value)
{
	struct status_printer *printer = arg;

	if (printer->json)
		ktlsctl_members_string(&printer->members, name, value);
	else
		printf("parameter %s %s\n", name, value);
}

static void status_print_attribute(struct status_printer *printer, const char *word,
				   const char *name, const char *value)
{
	if (printer->json)
		ktlsctl_members_string(&printer->members, name, value);
	else
		printf("%s %s\n", word, value);
}

static void status_print_parameters(struct status_printer *printer)
{
	struct ktlsctl_members module = printer->members;

	if (printer->json) {
		ktlsctl_members_name(&module, "parameters");
		putchar('{');
		printer->members = (struct ktlsctl_members) { .out = stdout, .indent = "      " };
	}
	ktlsctl_module_parameters(status_print_parameter, printer);
	if (printer->json)
		printf("\n    }");
}

static void status_print_module(struct status_printer *printer)
{
	bool loaded = ktlsctl_module_is_loaded();
	char line[256];

	status_begin(printer, "module");
	if (printer->json)
		ktlsctl_members_bool(&printer->members, "loaded", loaded);
	if (loaded) {
		status_print_attribute(printer, "module", "version",
				       ktlsctl_module_read("version", line, sizeof(line)) ?
				       line : "loaded");
		if (ktlsctl_module_read("srcversion", line, sizeof(line)))
			status_print_attribute(printer, "module_source", "source", line);
		status_print_parameters(printer);
	} else {
		printer->failed = true;
		ktlsctl_module_missing(line, sizeof(line));
		status_print_attribute(printer, "module", "trouble", line);
	}
	if (printer->json)
		printf("\n  },");
}

static bool status_is_number(const char *word)
{
	size_t i;

	for (i = 0; i < sizeof(status_numbers) / sizeof(*status_numbers); i++) {
		if (!strcmp(word, status_numbers[i]))
			return true;
	}
	return false;
}

/* "DATE IDENTITY", and @tail if it is true: three members. */
static void status_print_certificate(struct ktlsctl_members *members, const char *word,
				     char *value, const char *identity, const char *flag,
				     const char *tail)
{
	bool flagged = ktlsctl_lines_cut(value, tail);
	char *name = value + strcspn(value, " ");

	if (*name)
		*name++ = '\0';
	ktlsctl_members_string(members, word, value);
	ktlsctl_members_string(members, identity, name);
	ktlsctl_members_bool(members, flag, flagged);
}

/* "DATE RESULT", or "never". */
static void status_print_reload(struct ktlsctl_members *members, char *value)
{
	char *result = value + strcspn(value, " ");

	if (!*result) {
		ktlsctl_members_name(members, "last_reload");
		fputs("null", members->out);
		return;
	}
	*result++ = '\0';
	ktlsctl_members_string(members, "last_reload", value);
	ktlsctl_members_string(members, "last_reload_result", result);
}

static void status_print_line(struct ktlsctl_members *members, const char *word, char *value)
{
	if (status_is_number(word))
		ktlsctl_members_number(members, word, value);
	else if (!strcmp(word, "certificate_expires"))
		status_print_certificate(members, word, value, "certificate_identity",
					 "certificate_expired", "expired");
	else if (!strcmp(word, "certificate_begins"))
		status_print_certificate(members, word, value, "certificate_begins_identity",
					 "certificate_not_yet_valid", "not yet valid");
	else if (!strcmp(word, "last_reload"))
		status_print_reload(members, value);
	else
		ktlsctl_members_string(members, word, value);
}

static void status_print_ktlsd(struct status_printer *printer, const char *path)
{
	const char *word, *value;
	char why[KTLSCTL_WHY_MAX], *text, *at;

	status_begin(printer, "ktlsd");
	if (ktlsctl_control_ask(path, "status", &text, why, sizeof(why))) {
		printer->failed = true;
		status_print_attribute(printer, "ktlsd", "trouble", why);
	} else {
		if (!printer->json)
			printf("%s\n", text);
		for (at = text; printer->json && ktlsctl_lines_next(&at, &word, &value); )
			status_print_line(&printer->members, word, (char *)value);
		free(text);
	}
	if (printer->json)
		printf("\n  },");
}

/* What an instance says in its first line, "status SENTENCE". */
static void status_print_instance(struct status_printer *printer, const char *name,
				  const char *path)
{
	char why[KTLSCTL_WHY_MAX], *text = NULL, *at;
	const char *word, *says = "";

	if (ktlsctl_control_ask(path, "status", &text, why, sizeof(why))) {
		printer->failed = true;
		says = why;
	} else {
		at = text;
		ktlsctl_lines_next(&at, &word, &says);
	}
	if (printer->json)
		ktlsctl_members_string(&printer->members, name, says);
	else
		printf("namespace %s %s\n", name, says);
	free(text);
}

/* Return: the length of the path up to the last component but one, "/run/ktlsd". */
static size_t status_find_directory(const char *path)
{
	const char *end = strrchr(path, '/');

	return end ? (size_t)(end - path) : 0;
}

/* Instances for other namespaces have their sockets beside: /run/ktlsd-NAME/control. */
static void status_print_instances(struct status_printer *printer, const char *path)
{
	size_t len = status_find_directory(path), i;
	char pattern[256], *name;
	glob_t found;

	status_begin(printer, "namespaces");
	if (len && snprintf(pattern, sizeof(pattern), "%.*s-*%s", (int)len, path, path + len) <
	    (int)sizeof(pattern) && !glob(pattern, 0, NULL, &found)) {
		for (i = 0; i < found.gl_pathc; i++) {
			name = strdup(found.gl_pathv[i] + len + 1);
			if (!name)
				break;
			*strrchr(name, '/') = '\0';
			status_print_instance(printer, name, found.gl_pathv[i]);
			free(name);
		}
		globfree(&found);
	}
	if (printer->json)
		printf("\n  }");
}

int ktlsctl_status_run(int argc, char **argv)
{
	struct status_printer printer = { .failed = false };
	const char *path;

	if (!ktlsctl_control_parse(argc, argv, &path, &printer.json))
		return KTLSCTL_USAGE;
	if (printer.json)
		putchar('{');
	status_print_module(&printer);
	status_print_ktlsd(&printer, path);
	status_print_instances(&printer, path);
	if (printer.json)
		printf("\n}\n");
	return fflush(stdout) || printer.failed ? KTLSCTL_FAILED : KTLSCTL_OK;
}
