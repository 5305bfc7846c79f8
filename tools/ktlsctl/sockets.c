// SPDX-License-Identifier: GPL-2.0-or-later
/* The TLS sockets of this network namespace. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dump.h"
#include "filter.h"
#include "ktlsctl.h"
#include "socket.h"

#define SOCKETS_USAGE	"usage: ktlsctl sockets [--json] [--no-header] [KEY=VALUE]..."

/**
 * struct sockets_options - the command line
 * @filter: which sockets
 * @json: not in columns
 * @no_header: without titles
 * @colour: standard output is a terminal that shows them
 * @printed: how many until now
 */
struct sockets_options {
	struct ktlsctl_filter	filter;
	bool			json;
	bool			no_header;
	bool			colour;
	unsigned long		printed;
};

static int sockets_print(const struct ktlsd_event *event, void *arg)
{
	struct sockets_options *options = arg;
	struct ktlsctl_socket socket;
	int err = ktlsctl_socket_read(event, &socket);

	if (err || !ktlsctl_filter_matches(&options->filter, &socket))
		return err;
	if (options->json) {
		fprintf(stdout, "%s\n  ", options->printed ? "," : "");
		ktlsctl_socket_print_json(stdout, &socket);
	} else {
		if (!options->printed && !options->no_header)
			ktlsctl_socket_print_titles(stdout);
		ktlsctl_socket_print(stdout, &socket, options->colour);
	}
	options->printed++;
	return 0;
}

static int sockets_parse(int argc, char **argv, struct sockets_options *options)
{
	const char *objection;
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--json")) {
			options->json = true;
		} else if (!strcmp(argv[i], "--no-header")) {
			options->no_header = true;
		} else if (argv[i][0] == '-') {
			fprintf(stderr, "ktlsctl: " SOCKETS_USAGE "\n");
			return -EINVAL;
		} else {
			objection = ktlsctl_filter_add(&options->filter, argv[i]);
			if (objection) {
				fprintf(stderr, "ktlsctl: '%s': %s.\n", argv[i], objection);
				return -EINVAL;
			}
		}
	}
	return 0;
}

static const char *sockets_why(int err)
{
	switch (err) {
	case -ENOENT:
		return "the module ktls is not loaded";
	case -EOPNOTSUPP:
		return "the module that is loaded is older than ktlsctl, and has no list of sockets";
	case -ETIMEDOUT:
		return "the kernel did not answer in time";
	default:
		return strerror(-err);
	}
}

int ktlsctl_sockets_run(int argc, char **argv)
{
	const char *no_color = getenv("NO_COLOR");
	struct sockets_options options = {
		.colour = isatty(STDOUT_FILENO) && !(no_color && *no_color),
	};
	int err;

	if (sockets_parse(argc, argv, &options))
		return KTLSCTL_USAGE;
	if (options.json)
		printf("[");
	err = ktlsctl_dump(KTLS_CMD_SOCKETS, sockets_print, &options);
	if (options.json)
		printf("%s]\n", options.printed ? "\n" : "");
	if (!err && (ferror(stdout) || fflush(stdout)))
		err = errno ? -errno : -EIO;
	if (err) {
		fprintf(stderr, "ktlsctl: %s.\n", sockets_why(err));
		return KTLSCTL_FAILED;
	}
	return KTLSCTL_OK;
}
