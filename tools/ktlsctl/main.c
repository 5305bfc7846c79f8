// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "ktlsctl.h"

static const struct ktlsctl_verb main_verbs[] = {
	{ "check", "[OPTION]... HOST:PORT", "connect to a server, print what it negotiates and its chain",
	  ktlsctl_check_run },
	{ "counters", "[--json] [FILE]", "print the module's counters",
	  ktlsctl_counters_run },
	{ "flush-tickets", "[--control PATH]", "end the resumption of all sessions",
	  ktlsctl_control_run },
	{ "identities", "[--json] [--control PATH]", "print the identities of ktlsd.conf, and when they expire",
	  ktlsctl_identities_run },
	{ "monitor", "[--json] [--all-namespaces]", "print handshakes, alerts and failures as they happen",
	  ktlsctl_monitor_run },
	{ "reload", "[--control PATH]", "make ktlsd read its configuration, and wait for it",
	  ktlsctl_control_run },
	{ "sockets", "[OPTION]... [FILTER]...", "print the TLS sockets of this network namespace",
	  ktlsctl_sockets_run },
	{ "stats", "[OPTION]...", "print all numbers of ktlsd",
	  ktlsctl_stats_run },
	{ "status", "[--json] [--control PATH]", "print the state of the module and of ktlsd",
	  ktlsctl_status_run },
	{ "version", "", "print the version of the tools and of the module",
	  ktlsctl_version_run },
};

enum {
	MAIN_VERBS	= sizeof(main_verbs) / sizeof(*main_verbs),
};

static void main_print_help(FILE *file)
{
	size_t i;

	fprintf(file, "Usage: ktlsctl VERB [ARGUMENT]...\n\n");
	for (i = 0; i < MAIN_VERBS; i++)
		fprintf(file, "  %-13s %-24s %s\n", main_verbs[i].name,
			main_verbs[i].usage, main_verbs[i].help);
	fprintf(file, "\nSee ktlsctl(8).\n");
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc < 2) {
		main_print_help(stderr);
		return KTLSCTL_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    !strcmp(argv[1], "help")) {
		main_print_help(stdout);
		return KTLSCTL_OK;
	}
	if (!strcmp(argv[1], "--version"))
		return ktlsctl_version_run(1, argv + 1);
	for (i = 0; i < MAIN_VERBS; i++) {
		if (!strcmp(argv[1], main_verbs[i].name))
			return main_verbs[i].run(argc - 1, argv + 1);
	}
	fprintf(stderr, "ktlsctl: there is no verb '%s'; see ktlsctl --help.\n",
		argv[1]);
	return KTLSCTL_USAGE;
}
