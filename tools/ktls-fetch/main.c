// SPDX-License-Identifier: GPL-2.0-or-later
/* ktls-fetch fetches OCSP responses and CRLs for ktlsd, which has keys and therefore never
 * connects to the network itself. serve.c takes the requests, http.c does one of them.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "lib/fetching.h"
#include "lib/log.h"
#include "lib/unix.h"
#include "ktls-fetch/address.h"
#include "ktls-fetch/sandbox.h"
#include "ktls-fetch/serve.h"

enum {
	MAIN_LISTEN_FD	= 3,	/* as systemd passes it */
};

static void main_print_help(FILE *file)
{
	fprintf(file,
		"Usage: ktls-fetch [OPTION]...\n"
		"Fetches OCSP responses and CRLs on behalf of ktlsd.\n"
		"\n"
		"  -s, --socket PATH      listen at PATH instead of a socket of systemd\n"
		"  -a, --allow NETWORK    connect also to this private network\n"
		"  -l, --log-level LEVEL  log error, warning, info (default) or debug\n"
		"  -h, --help             print this help and exit\n"
		"  -V, --version          print the version and exit\n"
		"\n"
		"See ktls-fetch(8).\n");
}

/* Return: a listening socket, or a negative errno. */
static int main_listen(const char *path)
{
	struct sockaddr_un address;
	int fd, err;

	err = ktlsd_unix_address(&address, path);
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	unlink(path);
	umask(0177);
	if (!bind(fd, (struct sockaddr *)&address, sizeof(address)) &&
	    !listen(fd, SOMAXCONN))
		return fd;
	close(fd);
	return -errno;
}

/* Return: the socket that systemd has passed, or -ENOENT. */
static int main_inherit(void)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");

	if (!pid || !count || atoi(pid) != getpid() || atoi(count) != 1)
		return -ENOENT;
	return MAIN_LISTEN_FD;
}

static int main_serve(const char *path)
{
	int fd = path ? main_listen(path) : main_inherit(), err;

	if (fd < 0) {
		ktlsd_log(KTLSD_LOG_ERROR, "There is no socket to listen at: %s. Start ktls-fetch.socket, or use --socket.",
			  strerror(-fd));
		return 1;
	}
	/* The filter lets nobody load configuration, locale or providers later. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_ADD_ALL_DIGESTS |
			    OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL);
	err = ktls_fetch_sandbox_enter();
	if (err) {
		ktlsd_log(KTLSD_LOG_ERROR, "Cannot restrict the system calls: %s.", strerror(-err));
		return 1;
	}
	err = ktls_fetch_serve(fd);
	ktlsd_log(KTLSD_LOG_ERROR, "Cannot serve: %s.", strerror(-err));
	return 1;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "allow", required_argument, NULL, 'a' },
		{ "log-level", required_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	enum ktlsd_log_level level = KTLSD_LOG_INFO;
	const char *path = NULL;
	int option, err = 0;

	while (!err && (option = getopt_long(argc, argv, "s:a:l:hV", options, NULL)) != -1) {
		switch (option) {
		case 's':
			path = optarg;
			break;
		case 'a':
			err = ktls_fetch_address_allow(optarg);
			break;
		case 'l':
			err = ktlsd_log_parse_level(optarg, &level);
			break;
		case 'h':
			main_print_help(stdout);
			return 0;
		case 'V':
			printf("ktls-fetch %s\n", KTLS_TOOLS_VERSION);
			return 0;
		default:
			return 2;
		}
		if (err)
			fprintf(stderr, "ktls-fetch: '%s' is no %s\n", optarg, option == 'a' ?
				"network: use ADDRESS/BITS" : "log level");
	}
	if (err || optind < argc) {
		main_print_help(stderr);
		return 2;
	}
	ktlsd_log_open("ktls-fetch", KTLSD_LOG_STDERR, level);
	return main_serve(path);
}
