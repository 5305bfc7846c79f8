// SPDX-License-Identifier: GPL-2.0-or-later
/* The counters of a network namespace, which the module shows in /proc/net/ktls_stat, a name
 * and a number per line.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ktlsctl.h"

#define COUNTERS_PATH	"/proc/net/ktls_stat"

/* Splits a line into name and number. Return: 0, or -EINVAL if it is not a counter. */
static int counters_parse_line(char *line, const char **ret_name,
			       uint64_t *ret_value)
{
	const char *number;
	char *end;
	size_t len;

	line += strspn(line, " \t");
	len = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			   "abcdefghijklmnopqrstuvwxyz0123456789_");
	if (!len || !line[len] || !strchr(" \t:", line[len]))
		return -EINVAL;
	number = line + len + strspn(line + len, " \t:");
	line[len] = '\0';
	errno = 0;
	*ret_value = strtoull(number, &end, 10);
	if (errno || end == number || end[strspn(end, " \t\r\n")])
		return -EINVAL;
	*ret_name = line;
	return 0;
}

static int counters_print(FILE *file, const char *path, bool json)
{
	const char *name, *separator = "";
	char line[256];
	uint64_t value;

	if (json)
		printf("{");
	while (fgets(line, sizeof(line), file)) {
		if (!line[strspn(line, " \t\r\n")])
			continue;
		if (counters_parse_line(line, &name, &value)) {
			fprintf(stderr, "ktlsctl: %s: a line is not a counter.\n",
				path);
			return KTLSCTL_FAILED;
		}
		if (json)
			printf("%s\n  \"%s\": %" PRIu64, separator, name, value);
		else
			printf("%-32s %" PRIu64 "\n", name, value);
		separator = ",";
	}
	if (json)
		printf("\n}\n");
	if (ferror(file) || fflush(stdout)) {
		fprintf(stderr, "ktlsctl: %s: %s.\n", path, strerror(errno));
		return KTLSCTL_FAILED;
	}
	return KTLSCTL_OK;
}

int ktlsctl_counters_run(int argc, char **argv)
{
	const char *path = COUNTERS_PATH;
	bool json = false, given = false;
	FILE *file;
	int i, status;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--json")) {
			json = true;
		} else if (argv[i][0] != '-' && !given) {
			path = argv[i];
			given = true;
		} else {
			fprintf(stderr, "ktlsctl: usage: ktlsctl counters [--json] [FILE]\n");
			return KTLSCTL_USAGE;
		}
	}
	file = fopen(path, "re");
	if (!file) {
		fprintf(stderr, "ktlsctl: %s: %s%s.\n", path, strerror(errno),
			!given && errno == ENOENT ?
			" (is the module ktls loaded?)" : "");
		return KTLSCTL_FAILED;
	}
	status = counters_print(file, path, json);
	fclose(file);
	return status;
}
