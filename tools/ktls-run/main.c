// SPDX-License-Identifier: GPL-2.0-or-later
/* ktls-run runs an unmodified program whose TCP sockets it makes TLS sockets, from outside. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/ktls.h>

#include "lib/log.h"
#include "ktlsd/config/alpn.h"
#include "ktls-run/inherit.h"
#include "ktls-run/launch.h"
#include "ktls-run/rules.h"
#include "ktls-run/serve.h"

enum {
	MAIN_FAILED	= 125,	/* as env(1) and timeout(1): the program was not run */
	MAIN_PEM_MAX	= 1 << 20,
};

/**
 * struct main_setup - what the command line says
 * @rules: rules
 * @common: settings before the first rule, which all rules begin with
 * @wrap_fd: of --wrap-fd, or -1
 * @allow_io_uring: of --allow-io-uring
 * @log_level: of --verbose
 */
struct main_setup {
	struct ktls_run_rules		rules;
	struct ktls_run_settings	common;
	int				wrap_fd;
	bool				allow_io_uring;
	enum ktlsd_log_level		log_level;
};

static struct main_setup main_setup = {
	.common = { .verify = -1 },
	.wrap_fd = -1,
	.log_level = KTLSD_LOG_INFO,
};

static void main_print_help(FILE *file)
{
	fprintf(file,
		"Usage: ktls-run [OPTION]... [--] PROGRAM [ARGUMENT]...\n"
		"Runs PROGRAM with TLS sockets in place of TCP sockets.\n"
		"\n"
		"  -l, --listen [ADDRESS:]PORT   where the program listens, use TLS\n"
		"  -c, --connect [ADDRESS:]PORT  where the program connects to, use TLS\n"
		"  -w, --wrap-fd FD              do the server's handshake on FD first (inetd)\n"
		"\n"
		"For the --listen or --connect before them, or, if there is none yet, for all:\n"
		"  -i, --identity NAME           certificate and key of ktlsd.conf\n"
		"      --certificate FILE        the program's own certificates, PEM\n"
		"      --key FILE                and their key\n"
		"  -t, --trust FILE              trust anchors instead of the system's, PEM\n"
		"  -n, --server-name NAME        connect: the name of the server\n"
		"      --alpn NAME,...           application protocols\n"
		"      --verify none|optional|required\n"
		"                                listen: do clients need a certificate\n"
		"      --allow-truncation        accept an end without close_notify\n"
		"      --plain                   no TLS after all\n"
		"\n"
		"      --allow-io-uring          though it connects without being asked about\n"
		"  -v, --verbose                 print what becomes of each socket\n"
		"  -h, --help                    print this help and exit\n"
		"  -V, --version                 print the version and exit\n"
		"\n"
		"See ktls-run(1).\n");
}

static const char *main_read_file(const char *path, struct ktls_run_blob *blob)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	ssize_t len;

	if (fd < 0)
		return strerror(errno);
	if (fstat(fd, &status) || !S_ISREG(status.st_mode) || !status.st_size ||
	    status.st_size > MAIN_PEM_MAX) {
		close(fd);
		return "not a file of 1 byte to 1 MiB";
	}
	blob->len = (size_t)status.st_size;
	blob->data = malloc(blob->len);
	len = blob->data ? read(fd, blob->data, blob->len) : -1;
	close(fd);
	return len == (ssize_t)blob->len ? NULL : "cannot be read";
}

static const char *main_parse_verify(const char *word, int *ret)
{
	static const char *const words[] = {
		[KTLS_VERIFY_NONE] = "none",
		[KTLS_VERIFY_OPTIONAL] = "optional",
		[KTLS_VERIFY_REQUIRED] = "required",
	};

	for (*ret = 0; *ret < (int)(sizeof(words) / sizeof(*words)); ++*ret)
		if (!strcmp(word, words[*ret]))
			return NULL;
	return "use none, optional or required";
}

static const char *main_parse_fd(const char *text, int *ret)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (end == text || *end || number < 0 || number > 65535)
		return "not a descriptor";
	*ret = (int)number;
	return NULL;
}

static const char *main_check_name(const char *name, size_t max)
{
	return *name && strlen(name) <= max ? NULL : "empty or too long";
}

/* What belongs to the rule before it. Return: NULL, or what is wrong. */
static const char *main_set(struct ktls_run_settings *settings, int option, const char *value)
{
	switch (option) {
	case 'i':
		settings->identity = value;
		settings->certificate.len = 0;
		settings->key.len = 0;
		return main_check_name(value, 64);
	case 'n':
		settings->server_name = value;
		return main_check_name(value, 253);
	case 'C':
		settings->identity = NULL;
		return main_read_file(value, &settings->certificate);
	case 'K':
		settings->identity = NULL;
		return main_read_file(value, &settings->key);
	case 't':
		return main_read_file(value, &settings->trust);
	case 'A':
		return ktlsd_alpn_parse(value, settings->alpn, &settings->alpn_len);
	case 'Y':
		return main_parse_verify(value, &settings->verify);
	case 'T':
		settings->allow_truncation = true;
		return NULL;
	case 'P':
		settings->plain = true;
		return NULL;
	}
	return "unknown";
}

static const char *main_option(struct main_setup *setup, int option, const char *value)
{
	struct ktls_run_rules *rules = &setup->rules;

	switch (option) {
	case 'l':
		return ktls_run_rules_add(rules, KTLS_RUN_LISTEN, value, &setup->common);
	case 'c':
		return ktls_run_rules_add(rules, KTLS_RUN_CONNECT, value, &setup->common);
	case 'w':
		return main_parse_fd(value, &setup->wrap_fd);
	case 'U':
		setup->allow_io_uring = true;
		return NULL;
	case 'v':
		setup->log_level = KTLSD_LOG_DEBUG;
		return NULL;
	}
	if (option == 'P' && !rules->count)
		return "it belongs after --listen or --connect";
	return main_set(rules->count ? &rules->rule[rules->count - 1].settings : &setup->common,
			option, value);
}

static bool main_has_credential(const struct ktls_run_settings *settings)
{
	return settings->identity || (settings->certificate.len && settings->key.len);
}

/* Return: NULL, or what is wrong with all of it together. */
static const char *main_complete(struct main_setup *setup)
{
	const struct ktls_run_rule *rule;

	if (!setup->rules.count && setup->wrap_fd < 0) {
		if (!main_has_credential(&setup->common))
			return "name a port with --listen or --connect";
		ktls_run_rules_add(&setup->rules, KTLS_RUN_LISTEN, "any", &setup->common);
	}
	if (setup->wrap_fd >= 0 && !main_has_credential(&setup->common))
		return "--wrap-fd needs --identity, or --certificate and --key, before any --listen and --connect";
	for (rule = setup->rules.rule; rule < setup->rules.rule + setup->rules.count; rule++) {
		if (!rule->settings.certificate.len != !rule->settings.key.len)
			return "--certificate and --key need each other";
		if (rule->role == KTLS_RUN_LISTEN && !rule->settings.plain &&
		    !main_has_credential(&rule->settings))
			return "--listen needs --identity, or --certificate and --key";
	}
	return NULL;
}

/* Return: the exit status */
static int main_run(struct main_setup *setup, char **argv)
{
	sigset_t signals;
	int notify;
	pid_t pid;

	if (setup->wrap_fd >= 0 && ktls_run_inherit_wrap(setup->wrap_fd, &setup->common))
		return MAIN_FAILED;
	if (!setup->rules.count)
		return ktls_run_launch_exec(argv);
	if (ktls_run_inherit_sockets(&setup->rules, setup->wrap_fd))
		return MAIN_FAILED;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	ktls_run_serve_block_signals(&signals);
	pid = ktls_run_launch_program(argv, setup->allow_io_uring, &signals, &notify);
	if (pid < 0)
		return MAIN_FAILED;
	/* It may have a private key in its memory. */
	prctl(PR_SET_DUMPABLE, 0);
	ktls_run_inherit_close(notify);
	ktls_run_serve_exit(ktls_run_serve(&setup->rules, pid, notify));
}

static const struct option main_options[] = {
	{ "listen", required_argument, NULL, 'l' },
	{ "connect", required_argument, NULL, 'c' },
	{ "wrap-fd", required_argument, NULL, 'w' },
	{ "identity", required_argument, NULL, 'i' },
	{ "certificate", required_argument, NULL, 'C' },
	{ "key", required_argument, NULL, 'K' },
	{ "trust", required_argument, NULL, 't' },
	{ "server-name", required_argument, NULL, 'n' },
	{ "alpn", required_argument, NULL, 'A' },
	{ "verify", required_argument, NULL, 'Y' },
	{ "allow-truncation", no_argument, NULL, 'T' },
	{ "plain", no_argument, NULL, 'P' },
	{ "allow-io-uring", no_argument, NULL, 'U' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

int main(int argc, char **argv)
{
	const char *fault;
	int option, at = 0;

	/* "+": what follows the program is its own. */
	while ((option = getopt_long(argc, argv, "+l:c:w:i:t:n:vhV", main_options, &at)) != -1) {
		if (option == 'h') {
			main_print_help(stdout);
			return 0;
		}
		if (option == 'V') {
			printf("ktls-run %s\n", KTLS_TOOLS_VERSION);
			return 0;
		}
		if (option == '?')
			return MAIN_FAILED;
		fault = main_option(&main_setup, option, optarg);
		if (fault) {
			fprintf(stderr, "ktls-run: %s: %s\n", optarg ? optarg : argv[optind - 1],
				fault);
			return MAIN_FAILED;
		}
	}
	fault = optind < argc ? main_complete(&main_setup) : "there is no program to run";
	if (fault) {
		fprintf(stderr, "ktls-run: %s; see ktls-run --help\n", fault);
		return MAIN_FAILED;
	}
	ktlsd_log_open("ktls-run", ktls_run_inherit_is_stderr_socket() ? KTLSD_LOG_SYSLOG :
		       KTLSD_LOG_STDERR, main_setup.log_level);
	return main_run(&main_setup, argv + optind);
}
