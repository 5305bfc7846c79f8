// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ktlsd: carries out TLS handshakes for the kernel module ktls.
 *
 * The main thread reads the configuration, starts the workers and waits for
 * signals; a worker (worker.c) talks to the kernel and hands each message to
 * its sessions (session.c), which drive OpenSSL (engine_openssl.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include "acl.h"
#include "config.h"
#include "notify.h"
#include "worker.h"

#ifndef KTLS_TOOLS_VERSION
#define KTLS_TOOLS_VERSION "unknown"
#endif

/**
 * struct main_options - the command line
 * @config_path: --config
 * @foreground: --foreground
 * @check: --check-config
 * @workers: --workers, 0 if not given
 * @level: --log-level, if @level_given
 * @level_given: it was
 */
struct main_options {
	const char		*config_path;
	bool			foreground;
	bool			check;
	unsigned int		workers;
	enum ktlsd_log_level	level;
	bool			level_given;
};

static void main_print_help(FILE *file)
{
	fprintf(file,
		"Usage: ktlsd [OPTION]...\n"
		"Carries out TLS handshakes for the kernel module ktls.\n"
		"\n"
		"  -f, --foreground       stay in the foreground\n"
		"  -c, --config FILE      read FILE instead of %s\n"
		"  -t, --check-config     read the configuration, tell what is wrong, and end\n"
		"  -l, --log-level LEVEL  error, warning, info or debug\n"
		"  -w, --workers N        threads; 0 means one for each core\n"
		"  -h, --help             print this and end\n"
		"  -V, --version          print the version and end\n"
		"\n"
		"See ktlsd(8) and ktlsd.conf(5).\n", KTLSD_CONFIG_PATH);
}

static int main_parse_workers(const char *word, unsigned int *ret_workers)
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

/* Return: -1 to go on, or the exit status. */
static int main_parse_options(int argc, char **argv, struct main_options *options)
{
	static const struct option longs[] = {
		{ "foreground", no_argument, NULL, 'f' },
		{ "config", required_argument, NULL, 'c' },
		{ "check-config", no_argument, NULL, 't' },
		{ "log-level", required_argument, NULL, 'l' },
		{ "workers", required_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int option, err = 0;

	options->config_path = KTLSD_CONFIG_PATH;
	while (!err && (option = getopt_long(argc, argv, "fc:tl:w:hV", longs, NULL)) != -1) {
		switch (option) {
		case 'f':
			options->foreground = true;
			break;
		case 'c':
			options->config_path = optarg;
			break;
		case 't':
			options->check = true;
			break;
		case 'l':
			err = ktlsd_log_parse_level(optarg, &options->level);
			options->level_given = true;
			break;
		case 'w':
			err = main_parse_workers(optarg, &options->workers);
			break;
		case 'h':
			main_print_help(stdout);
			return 0;
		case 'V':
			printf("ktlsd %s, %s\n", KTLS_TOOLS_VERSION,
			       OpenSSL_version(OPENSSL_VERSION));
			return 0;
		default:
			return 2;
		}
	}
	if (err)
		fprintf(stderr, "ktlsd: '%s' is no valid value.\n", optarg);
	else if (optind < argc)
		fprintf(stderr, "ktlsd: '%s' is not an option.\n", argv[optind]);
	else
		return -1;
	return 2;
}

/* Nobody's environment tells OpenSSL what to do, and no key reaches a core. */
static void main_harden(void)
{
	static const char *const variables[] = {
		"OPENSSL_CONF", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE",
	};
	const struct rlimit none = { 0, 0 };
	size_t i;

	for (i = 0; i < sizeof(variables) / sizeof(*variables); i++)
		unsetenv(variables[i]);
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	signal(SIGPIPE, SIG_IGN);
}

static void main_open_log(const struct main_options *options,
			  const struct ktlsd_config *config)
{
	ktlsd_log_open("ktlsd", config->log,
		       options->level_given ? options->level : config->log_level);
}

static int main_check(const struct main_options *options)
{
	struct ktlsd_config *config;
	struct ktlsd_fault fault;

	/* Every fault has been logged, to stderr. */
	if (ktlsd_config_load(options->config_path, true, &config, &fault))
		return 1;
	printf("%s is in order: %zu identities.\n", options->config_path,
	       config->identity_count);
	ktlsd_config_put(config);
	return 0;
}

/*
 * Goes into the background. The parent ends when the child writes a byte to
 * the descriptor returned, or ends itself.
 */
static int main_detach(void)
{
	int pipes[2], null, status = 1;
	char byte;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid) {
		close(pipes[1]);
		if (read(pipes[0], &byte, 1) == 1)
			status = 0;
		_exit(status);
	}
	close(pipes[0]);
	setsid();
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		close(null);
	}
	if (chdir("/"))
		ktlsd_log(KTLSD_LOG_WARNING, "The root directory is not accessible.");
	return pipes[1];
}

static unsigned int main_count_cores(void)
{
	cpu_set_t set;
	int count;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	count = CPU_COUNT(&set);
	if (count < 1)
		return 1;
	return count > KTLSD_WORKERS_MAX ? KTLSD_WORKERS_MAX : (unsigned int)count;
}

/* Once, before the workers: lets the kernel load the module for us. */
static void main_load_module(void)
{
	struct ktlsd_genl genl;

	if (ktlsd_genl_open(&genl, 65536))
		return;
	ktlsd_genl_resolve(&genl, KTLS_GENL_NAME, true);
	ktlsd_genl_close(&genl);
}

static int main_open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	/* Before any thread is started: they all inherit the mask. */
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* A file that is wrong changes nothing; what it names stays where that is wrong. */
static void main_reload(const struct main_options *options,
			struct ktlsd_shared *shared,
			struct ktlsd_worker *workers)
{
	struct ktlsd_config *config, *old;
	struct ktlsd_fault fault;
	unsigned int i;

	if (ktlsd_config_reload(options->config_path, shared->config, &config, &fault)) {
		ktlsd_log(KTLSD_LOG_ERROR,
			  "The configuration was not reloaded, the old one stays.");
		return;
	}
	config->generation = shared->generation + 1;
	pthread_mutex_lock(&shared->lock);
	old = shared->config;
	shared->config = config;
	shared->generation = config->generation;
	pthread_mutex_unlock(&shared->lock);
	/* What was made with the old one fits nowhere any more. */
	ktlsd_cache_reset(&shared->cache, config->session_cache);
	ktlsd_ticket_keys_set_lifetime(&shared->ticket_keys, config->ticket_lifetime);
	if (old->workers != config->workers)
		ktlsd_log(KTLSD_LOG_WARNING,
			  "The number of workers changes when ktlsd is restarted.");
	ktlsd_config_put(old);
	for (i = 0; i < shared->worker_count; i++)
		ktlsd_worker_wake(&workers[i]);
	/* In the background there is no stderr any more. */
	if (!options->foreground)
		config->log = KTLSD_LOG_SYSLOG;
	main_open_log(options, config);
	ktlsd_log(KTLSD_LOG_INFO, "The configuration was reloaded: %zu identities.",
		  config->identity_count);
}

static void main_report_ready(struct ktlsd_shared *shared, int parent)
{
	char status[128];

	snprintf(status, sizeof(status), "READY=1\nSTATUS=%u of %u workers serve.",
		 (unsigned int)shared->serving, shared->worker_count);
	ktlsd_notify_send(status);
	if (parent >= 0) {
		if (write(parent, "", 1) != 1)
			ktlsd_log(KTLSD_LOG_WARNING, "The parent is gone.");
		close(parent);
	}
	ktlsd_log(KTLSD_LOG_INFO, "Ready: %u of %u workers serve.",
		  (unsigned int)shared->serving, shared->worker_count);
}

/* Waits for signals until one says to end. */
static void main_wait(const struct main_options *options,
		      struct ktlsd_shared *shared,
		      struct ktlsd_worker *workers, int signal_fd, int parent)
{
	struct pollfd fds[] = {
		{ .fd = signal_fd, .events = POLLIN },
		{ .fd = shared->tried_fd, .events = POLLIN },
	};
	struct signalfd_siginfo info;
	unsigned int tried = 0;
	uint64_t more;

	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		if (fds[1].revents &&
		    read(shared->tried_fd, &more, sizeof(more)) == sizeof(more)) {
			tried += (unsigned int)more;
			if (tried == shared->worker_count)
				main_report_ready(shared, parent);
		}
		if (!fds[0].revents ||
		    read(signal_fd, &info, sizeof(info)) != sizeof(info))
			continue;
		if (info.ssi_signo != SIGHUP) {
			ktlsd_log(KTLSD_LOG_INFO, "Ending: signal %u.",
				  info.ssi_signo);
			return;
		}
		main_reload(options, shared, workers);
	}
}

static int main_start_workers(struct ktlsd_shared *shared,
			      struct ktlsd_worker *workers,
			      unsigned int *ret_started)
{
	int err;

	for (*ret_started = 0; *ret_started < shared->worker_count; ++*ret_started) {
		err = ktlsd_worker_start(&workers[*ret_started], *ret_started,
					 shared);
		if (err) {
			ktlsd_log(KTLSD_LOG_ERROR,
				  "Worker %u cannot be started: %s.",
				  *ret_started, strerror(-err));
			return err;
		}
	}
	return 0;
}

static int main_serve(const struct main_options *options,
		      struct ktlsd_config *config, int signal_fd, int parent)
{
	struct ktlsd_shared shared = { .lock = PTHREAD_MUTEX_INITIALIZER };
	unsigned int started = 0, i;
	struct ktlsd_worker *workers;
	int err = -ENOMEM;

	config->generation = 1;
	shared.config = config;
	shared.generation = 1;
	ktlsd_cache_init(&shared.cache, config->session_cache);
	ktlsd_ticket_keys_init(&shared.ticket_keys, config->ticket_lifetime);
	shared.worker_count = options->workers ? options->workers :
			      config->workers ? config->workers :
			      main_count_cores();
	shared.tried_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	workers = calloc(shared.worker_count, sizeof(*workers));
	if (shared.tried_fd >= 0 && workers)
		err = main_start_workers(&shared, workers, &started);
	if (!err)
		main_wait(options, &shared, workers, signal_fd, parent);

	ktlsd_notify_send("STOPPING=1");
	shared.stop = true;
	for (i = 0; i < started; i++)
		ktlsd_worker_wake(&workers[i]);
	for (i = 0; i < started; i++)
		ktlsd_worker_join(&workers[i]);
	free(workers);
	ktlsd_cache_free(&shared.cache);
	ktlsd_ticket_keys_free(&shared.ticket_keys);
	if (shared.tried_fd >= 0)
		close(shared.tried_fd);
	ktlsd_config_put(shared.config);
	return err ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct main_options options = { 0 };
	struct ktlsd_config *config;
	struct ktlsd_fault fault;
	int status, signal_fd, parent = -1;
	char *absolute;

	main_harden();
	ktlsd_log_open("ktlsd", KTLSD_LOG_STDERR, KTLSD_LOG_INFO);
	status = main_parse_options(argc, argv, &options);
	if (status >= 0)
		return status;
	ktlsd_acl_init();
	if (options.check)
		return main_check(&options);

	ktlsd_notify_init();
	/* The background works in another directory, and reloads. */
	absolute = options.foreground ? NULL : realpath(options.config_path, NULL);
	if (absolute)
		options.config_path = absolute;
	if (ktlsd_config_load(options.config_path, false, &config, &fault))
		return 1;
	if (!options.foreground) {
		parent = main_detach();
		if (parent < 0) {
			ktlsd_log(KTLSD_LOG_ERROR, "No background: %s.",
				  strerror(-parent));
			return 1;
		}
		config->log = KTLSD_LOG_SYSLOG;
	}
	main_open_log(&options, config);
	signal_fd = main_open_signals();
	if (signal_fd < 0) {
		ktlsd_log(KTLSD_LOG_ERROR, "Signals cannot be waited for.");
		return 1;
	}
	main_load_module();
	status = main_serve(&options, config, signal_fd, parent);
	close(signal_fd);
	free(absolute);
	return status;
}
