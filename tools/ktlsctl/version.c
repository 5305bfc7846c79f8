// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ktlsctl.h"

#ifndef KTLS_TOOLS_VERSION
#define KTLS_TOOLS_VERSION "unknown"
#endif

int ktlsctl_version_run(int argc, char **argv)
{
	char line[128];
	FILE *file;

	if (argc > 1) {
		fprintf(stderr, "ktlsctl: version takes no argument, not '%s'.\n",
			argv[1]);
		return KTLSCTL_USAGE;
	}
	printf("tools %s\n", KTLS_TOOLS_VERSION);
	if (access("/sys/module/ktls", F_OK)) {
		printf("module not loaded\n");
		return KTLSCTL_OK;
	}
	/* The module need not carry a version. */
	file = fopen("/sys/module/ktls/version", "re");
	if (!file || !fgets(line, sizeof(line), file))
		strcpy(line, "loaded");
	line[strcspn(line, "\n")] = '\0';
	if (file)
		fclose(file);
	printf("module %s\n", line);
	return KTLSCTL_OK;
}
