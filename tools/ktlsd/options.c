// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "config/config.h"
#include "options.h"

#ifndef KTLS_TOOLS_VERSION
#define KTLS_TOOLS_VERSION "unknown"
#endif

static void options_print_help(FILE *file)
{
	fprintf(file,
		"Usage: ktlsd [OPTION]...\n"
		"Does TLS handshakes for the kernel module ktls.\n"
		"\n"
		"  -f, --foreground       stay in the foreground\n"
		"  -c, --config FILE      read FILE instead of %s\n"
		"  -t, --check-config     check the configuration, report every error, and exit\n"
		"  -u, --user USER        check as USER instead of %s, when run by root\n"
		"  -C, --control PATH     create the socket for ktlsctl at PATH\n"
		"  -l, --log-level LEVEL  log error, warning, info (default) or debug\n"
		"  -m, --require-module   exit if the module ktls is not loaded\n"
		"  -w, --workers N        start N threads instead of the configured number\n"
		"  -n, --netns NAME       serve the network namespace /run/netns/NAME, in which ktlsd\n"
		"                         is started: NAME is that of netns in the configuration\n"
		"  -h, --help             print this help and exit\n"
		"  -V, --version          print the version and exit\n"
		"\n"
		"See ktlsd(8) and ktlsd.conf(5).\n", KTLSD_CONFIG_PATH, KTLSD_USER);
}

static int options_parse_workers(const char *word, unsigned int *ret_workers)
{
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(word, &end, 10);
	if (errno || *end || end == word || word[0] == '-' ||
	    number > KTLSD_WORKERS_MAX)
		return -EINVAL;
	*ret_workers = (unsigned int)number;
	return 0;
}

/* Return: 0, -EINVAL for a value that is wrong, -ENOENT for an unknown option. */
static int options_take(struct ktlsd_options *options, int option)
{
	switch (option) {
	case 'f':
		options->foreground = true;
		return 0;
	case 'c':
		options->config_path = optarg;
		return 0;
	case 'C':
		options->control_path = optarg;
		return 0;
	case 't':
		options->check = true;
		return 0;
	case 'u':
		options->user = optarg;
		options->user_given = true;
		return 0;
	case 'm':
		options->require_module = true;
		return 0;
	case 'l':
		options->level_given = true;
		return ktlsd_log_parse_level(optarg, &options->level);
	case 'n':
		options->netns = optarg;
		return 0;
	case 'w':
		return options_parse_workers(optarg, &options->workers);
	default:
		return -ENOENT;
	}
}

int ktlsd_options_parse(int argc, char **argv, struct ktlsd_options *ret_options)
{
	static const struct option longs[] = {
		{ "foreground", no_argument, NULL, 'f' },
		{ "config", required_argument, NULL, 'c' },
		{ "control", required_argument, NULL, 'C' },
		{ "check-config", no_argument, NULL, 't' },
		{ "user", required_argument, NULL, 'u' },
		{ "log-level", required_argument, NULL, 'l' },
		{ "require-module", no_argument, NULL, 'm' },
		{ "netns", required_argument, NULL, 'n' },
		{ "workers", required_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int option, err = 0;

	memset(ret_options, 0, sizeof(*ret_options));
	ret_options->config_path = KTLSD_CONFIG_PATH;
	ret_options->user = KTLSD_USER;
	while (!err && (option = getopt_long(argc, argv, "fc:C:tu:l:mn:w:hV", longs,
					     NULL)) != -1) {
		if (option == 'h') {
			options_print_help(stdout);
			return 0;
		}
		if (option == 'V') {
			printf("ktlsd %s, %s\n", KTLS_TOOLS_VERSION,
			       OpenSSL_version(OPENSSL_VERSION));
			return 0;
		}
		err = options_take(ret_options, option);
	}
	if (err == -EINVAL)
		fprintf(stderr, "ktlsd: '%s' is not a valid value; see ktlsd --help.\n", optarg);
	else if (!err && optind < argc)
		fprintf(stderr, "ktlsd: '%s' is not an option; see ktlsd --help.\n", argv[optind]);
	else if (!err)
		return -1;
	return 2;
}
