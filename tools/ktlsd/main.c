// SPDX-License-Identifier: GPL-2.0-or-later
/* ktlsd: does TLS handshakes for the kernel module ktls.
 *
 * The main thread starts what there is (this file), then waits for signals and
 * ktlsctl (daemon.c); a worker (worker.c) talks to the kernel and hands each message to
 * its sessions (sessions.c, session.c), which drive OpenSSL (tls/handshake.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "check.h"
#include "config/acl.h"
#include "config/config.h"
#include "config/netns.h"
#include "daemon.h"
#include "lib/genl.h"
#include "memory.h"
#include "notify.h"
#include "options.h"
#include "signer/process.h"
#include "staples.h"
#include "tls/system.h"

enum {
	/* Exit status, as sysexits.h has them. */
	MAIN_NO_MODULE		= 69,
	MAIN_BAD_CONFIG		= 78,
};

/* Keeps the environment from configuring OpenSSL, and keys out of core dumps. */
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

/* Becomes user @name, if we are root. Return: 0 or a negative errno. */
static int main_set_user(const char *name, bool must_exist)
{
	const struct passwd *user;

	if (geteuid())
		return 0;
	user = getpwnam(name);
	if (!user && !must_exist) {
		ktlsd_log(KTLSD_LOG_WARNING,
			  "There is no user %s: checking with the rights of root instead.", name);
		return 0;
	}
	if (user && !initgroups(name, user->pw_gid) &&
	    !setresgid(user->pw_gid, user->pw_gid, user->pw_gid) &&
	    !setresuid(user->pw_uid, user->pw_uid, user->pw_uid))
		return 0;
	ktlsd_log(KTLSD_LOG_ERROR, "Cannot become user %s: %s.", name,
		  user ? strerror(errno) : "there is no such user");
	return -EINVAL;
}

static int main_check(const struct ktlsd_options *options)
{
	struct ktlsd_config *config;
	struct ktlsd_fault fault;
	bool faults;

	if (main_set_user(options->user, options->user_given))
		return 1;
	/* Every fault is logged to stderr. */
	faults = ktlsd_config_check(options->config_path, &config, &fault);
	if (config && ktlsd_check_paths(config))
		faults = true;
	if (faults) {
		ktlsd_config_put(config);
		return 1;
	}
	ktlsd_staples_check(config);
	if (ktlsd_log_warnings())
		printf("%s can be used, but mind the warnings (%u): %zu identities.\n",
		       options->config_path, ktlsd_log_warnings(), config->identity_count);
	else
		printf("%s is correct: %zu identities.\n", options->config_path,
		       config->identity_count);
	ktlsd_config_put(config);
	return 0;
}

/* Goes into the background. The parent exits when the child writes a byte to the returned
 * descriptor, or exits.
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
		ktlsd_log(KTLSD_LOG_WARNING, "Cannot change to the root directory.");
	return pipes[1];
}

/* Lets the kernel load the module. Return: 0, or a negative errno if it is not there. */
static int main_load_module(void)
{
	struct ktlsd_genl genl;
	int err = ktlsd_genl_open(&genl, 65536);

	if (err)
		return err;
	err = ktlsd_genl_resolve(&genl, KTLS_GENL_NAME, true);
	ktlsd_genl_close(&genl);
	return err;
}

static int main_report_no_module(int err)
{
	struct utsname name;

	uname(&name);
	if (err == -ENOENT)
		ktlsd_log(KTLSD_LOG_ERROR,
			  "The module ktls is not loaded. Try modprobe ktls. If it is not found, build it for this kernel, %s: run make modules modules_install && depmod -a in the source tree of ktls.",
			  name.release);
	else
		ktlsd_log(KTLSD_LOG_ERROR, "Cannot ask the kernel for the module ktls: %s.",
			  strerror(-err));
	return MAIN_NO_MODULE;
}

int main(int argc, char **argv)
{
	int status, err, parent = -1;
	struct ktlsd_options options;
	struct ktlsd_config *config;
	struct ktlsd_fault fault;
	char *absolute;

	main_harden();
	ktlsd_log_open("ktlsd", KTLSD_LOG_STDERR, KTLSD_LOG_INFO);
	status = ktlsd_options_parse(argc, argv, &options);
	if (status >= 0)
		return status;
	ktlsd_acl_init();
	ktlsd_memory_init();
	if (options.netns && ktlsd_netns_set(options.netns, &fault)) {
		ktlsd_log(KTLSD_LOG_ERROR, "--netns: %s.", fault.reason);
		return 1;
	}
	if (ktlsd_system_init()) {
		ktlsd_log(KTLSD_LOG_ERROR, "OpenSSL cannot be used: %s.", ktlsd_errors_openssl_reason());
		return 1;
	}
	if (options.check) {
		status = main_check(&options);
		ktlsd_stored_key_exit(status);
		return status;
	}

	ktlsd_notify_init();
	/* A reload in the background needs an absolute path. */
	absolute = options.foreground ? NULL : realpath(options.config_path, NULL);
	if (absolute)
		options.config_path = absolute;
	err = ktlsd_signer_start(options.config_path);
	if (err) {
		ktlsd_log(KTLSD_LOG_ERROR, "Cannot start the signer process: %s.", strerror(-err));
		return 1;
	}
	if (ktlsd_config_load(options.config_path, false, &config, &fault))
		return MAIN_BAD_CONFIG;
	if (ktlsd_signer_configure(&fault)) {
		ktlsd_log(KTLSD_LOG_ERROR, "%s.", fault.reason);
		return 1;
	}
	err = main_load_module();
	if (err && options.require_module)
		return main_report_no_module(err);
	if (!options.foreground) {
		parent = main_detach();
		if (parent < 0) {
			ktlsd_log(KTLSD_LOG_ERROR, "Cannot go into the background: %s. Try --foreground.",
				  strerror(-parent));
			return 1;
		}
	}
	status = ktlsd_daemon_serve(&options, config, parent);
	free(absolute);
	return status;
}
