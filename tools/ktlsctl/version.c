// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/ktls_netlink.h>

#include "ktlsctl.h"

#ifndef KTLS_TOOLS_VERSION
#define KTLS_TOOLS_VERSION "unknown"
#endif

/* Return: the attribute @name of the module, or NULL. */
static const char *version_read(const char *name, char *line, size_t size)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/module/ktls/%s", name);
	file = fopen(path, "re");
	if (!file)
		return NULL;
	if (!fgets(line, (int)size, file))
		line[0] = '\0';
	fclose(file);
	line[strcspn(line, "\n")] = '\0';
	return line[0] ? line : NULL;
}

int ktlsctl_version_run(int argc, char **argv)
{
	char line[128];

	if (argc > 1) {
		fprintf(stderr, "ktlsctl: version takes no argument, not '%s'.\n",
			argv[1]);
		return KTLSCTL_USAGE;
	}
	printf("tools %s\nprotocol %d\n", KTLS_TOOLS_VERSION, KTLS_GENL_VERSION);
	if (access("/sys/module/ktls", F_OK)) {
		printf("module not loaded\n");
		return KTLSCTL_OK;
	}
	printf("module %s\n", version_read("version", line, sizeof(line)) ?
	       line : "loaded");
	/* Distinguishes two builds of one version. */
	if (version_read("srcversion", line, sizeof(line)))
		printf("module_source %s\n", line);
	return KTLSCTL_OK;
}
