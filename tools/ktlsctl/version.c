// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include <linux/ktls_netlink.h>

#include "ktlsctl.h"
#include "module.h"

#ifndef KTLS_TOOLS_VERSION
#define KTLS_TOOLS_VERSION "unknown"
#endif

int ktlsctl_version_run(int argc, char **argv)
{
	char line[128];

	if (argc > 1) {
		fprintf(stderr, "ktlsctl: version takes no argument, not '%s'.\n",
			argv[1]);
		return KTLSCTL_USAGE;
	}
	printf("tools %s\nprotocol %d\n", KTLS_TOOLS_VERSION, KTLS_GENL_VERSION);
	if (!ktlsctl_module_is_loaded()) {
		printf("module not loaded\n");
		return KTLSCTL_OK;
	}
	printf("module %s\n", ktlsctl_module_read("version", line, sizeof(line)) ?
	       line : "loaded");
	/* Distinguishes two builds of one version. */
	if (ktlsctl_module_read("srcversion", line, sizeof(line)))
		printf("module_source %s\n", line);
	return KTLSCTL_OK;
}
