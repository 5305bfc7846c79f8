// SPDX-License-Identifier: GPL-2.0-or-later
/* Connects to a server through ktls, and prints what was negotiated, the chain, and whether,
 * or why not, the server was verified. No data is sent.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/ktls.h>

#include "chain.h"
#include "check.h"
#include "config/alpn.h"
#include "ktlsctl.h"
#include "names.h"

#ifndef TCP_ULP
#define TCP_ULP	31
#endif

enum {
	CHECK_TEXT_MAX		= 1025,		/* bytes: names of a peer, and a NUL */
	CHECK_CHAIN_MAX		= 256 << 10,	/* bytes: PEM of KTLS_GENL_CHAINS_MAX */
	CHECK_TRUST_MAX		= 1 << 20,	/* bytes: KTLS_TRUST */
};

#define CHECK_USAGE \
	"usage: ktlsctl check [--server-name NAME] [--trust FILE] [--alpn LIST] [--version 1.2|1.3] HOST:PORT"

const char *ktlsctl_check_split(const char *text, char *host, size_t size, const char **ret_port)
{
	const char *end = strrchr(text, ':');
	size_t len;

	if (!end || !end[1] || end == text)
		return "it is not HOST:PORT";
	len = (size_t)(end - text);
	if (*text == '[') {
		if (text[len - 1] != ']')
			return "a bracket is missing";
		text++;
		len -= 2;
	} else if (memchr(text, ':', len)) {
		return "an IPv6 address needs brackets";
	}
	if (!len || len >= size)
		return "the host is empty or too long";
	memcpy(host, text, len);
	host[len] = '\0';
	*ret_port = end + 1;
	return NULL;
}

/* Return: false, and what is wrong was printed. */
static bool check_read_trust(const char *path, char **ret_pem, size_t *ret_len)
{
	FILE *file = fopen(path, "re");
	char *pem = malloc(CHECK_TRUST_MAX + 1);
	bool whole = false;

	if (file && pem) {
		*ret_len = fread(pem, 1, CHECK_TRUST_MAX + 1, file);
		whole = !ferror(file) && *ret_len && *ret_len <= CHECK_TRUST_MAX;
	}
	if (!whole) {
		fprintf(stderr, "ktlsctl: %s: %s.\n", path,
			file ? "it cannot be read, is empty or has more than 1 MiB" :
			strerror(errno));
		free(pem);
	} else {
		*ret_pem = pem;
	}
	if (file)
		fclose(file);
	return whole;
}

static bool check_parse_version(const char *text, struct ktls_versions *versions)
{
	if (strcmp(text, "1.2") && strcmp(text, "1.3"))
		return false;
	versions->min = versions->max = text[2] == '2' ? 0x0303 : 0x0304;
	return true;
}

/* Return: the exit status; KTLSCTL_OK: go on. */
static int check_parse(int argc, char **argv, struct ktlsctl_check *check)
{
	const char *objection, *target = NULL;
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--server-name") && i + 1 < argc) {
			check->server_name = argv[++i];
		} else if (!strcmp(argv[i], "--trust") && i + 1 < argc) {
			if (check->trust || !check_read_trust(argv[++i], &check->trust,
							      &check->trust_len))
				return KTLSCTL_USAGE;
		} else if (!strcmp(argv[i], "--alpn") && i + 1 < argc) {
			objection = ktlsd_alpn_parse(argv[++i], check->alpn, &check->alpn_len);
			if (objection) {
				fprintf(stderr, "ktlsctl: --alpn: %s.\n", objection);
				return KTLSCTL_USAGE;
			}
		} else if (!strcmp(argv[i], "--version") && i + 1 < argc &&
			   check_parse_version(argv[i + 1], &check->versions)) {
			i++;
		} else if (argv[i][0] != '-' && !target) {
			target = argv[i];
		} else {
			target = NULL;
			break;
		}
	}
	if (!target || i < argc) {
		fprintf(stderr, "ktlsctl: " CHECK_USAGE "\n");
		return KTLSCTL_USAGE;
	}
	objection = ktlsctl_check_split(target, check->host, sizeof(check->host), &check->port);
	if (objection)
		fprintf(stderr, "ktlsctl: '%s': %s.\n", target, objection);
	return objection ? KTLSCTL_USAGE : KTLSCTL_OK;
}

/* Return: what setsockopt() failed for, or NULL. Without tickets, so that the server shows its
 * chain.
 */
static const char *check_configure(int fd, const struct ktlsctl_check *check, bool literal)
{
	const char *name = check->server_name ? check->server_name :
			   literal ? NULL : check->host;
	const int none = 0;

	if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "ktls", 4))
		return errno == ENOENT ? "TCP_ULP (is the module ktls loaded?)" : "TCP_ULP";
	if (name && setsockopt(fd, SOL_TLS, KTLS_SERVER_NAME, name, (socklen_t)strlen(name)))
		return "the server's name";
	if (check->trust &&
	    setsockopt(fd, SOL_TLS, KTLS_TRUST, check->trust, (socklen_t)check->trust_len))
		return "--trust";
	if (check->alpn_len &&
	    setsockopt(fd, SOL_TLS, KTLS_ALPN, check->alpn, (socklen_t)check->alpn_len))
		return "--alpn";
	if (check->versions.max &&
	    setsockopt(fd, SOL_TLS, KTLS_VERSIONS, &check->versions, sizeof(check->versions)))
		return "--version";
	return setsockopt(fd, SOL_TLS, KTLS_TICKETS, &none, sizeof(none)) ? "KTLS_TICKETS" : NULL;
}

/* An option that is text, printable; "" if there is none. */
static const char *check_get(int fd, int option, char *text, size_t size)
{
	socklen_t len = (socklen_t)size - 1, i;

	if (getsockopt(fd, SOL_TLS, option, text, &len))
		len = 0;
	for (i = 0; i < len; i++) {
		if (text[i] != '\n' && ((unsigned char)text[i] < 0x20 ||
					(unsigned char)text[i] > 0x7e))
			text[i] = '?';
	}
	text[len] = '\0';
	return text;
}

static void check_print(const char *key, const char *value)
{
	if (*value && strcmp(value, "-"))
		printf("%-12s %s\n", key, value);
}

static void check_print_names(int fd)
{
	char text[CHECK_TEXT_MAX], *line, *save;

	check_print("peer_name", check_get(fd, KTLS_PEER_NAME, text, sizeof(text)));
	check_print("peer_subject", check_get(fd, KTLS_PEER_SUBJECT, text, sizeof(text)));
	check_get(fd, KTLS_PEER_NAMES, text, sizeof(text));
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		check_print("peer_names", line);
}

static void check_print_negotiated(int fd)
{
	char text[CHECK_TEXT_MAX];
	struct ktls_info info;
	socklen_t len = sizeof(info);

	memset(&info, 0, sizeof(info));
	info.alert_sent = info.alert_rcvd = 255;
	if (getsockopt(fd, SOL_TLS, KTLS_INFO, &info, &len))
		return;
	check_print("version", ktlsctl_names_version(info.version));
	check_print("suite", ktlsctl_names_suite(info.suite, text, sizeof(text)));
	check_print("group", ktlsctl_names_group(info.group, text, sizeof(text)));
	check_print("signature", ktlsctl_names_signature(info.sigalg, text, sizeof(text)));
	check_print("alert_sent", ktlsctl_names_alert(info.alert_sent, text, sizeof(text)));
	check_print("alert_rcvd", ktlsctl_names_alert(info.alert_rcvd, text, sizeof(text)));
	if (info.version) {
		check_print("alpn", check_get(fd, KTLS_ALPN, text, sizeof(text)));
		check_print("revocation", ktlsctl_names_revocation(info.revocation));
	}
	printf("%-12s %u\n", "handshake_ms", info.handshake_ms);
}

static void check_print_chain(int fd, int option, const char *key)
{
	char *pem = malloc(CHECK_CHAIN_MAX);
	socklen_t len = CHECK_CHAIN_MAX;

	if (pem && !getsockopt(fd, SOL_TLS, option, pem, &len))
		ktlsctl_chain_print(stdout, key, pem, len);
	free(pem);
}

/* Return: whether the server was verified. */
static bool check_connect(const struct ktlsctl_check *check, const struct addrinfo *a)
{
	char host[NI_MAXHOST], reason[CHECK_TEXT_MAX];
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST }, *literal = NULL;
	const char *failed;
	int fd, err;

	fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
	if (fd < 0) {
		fprintf(stderr, "ktlsctl: socket: %s.\n", strerror(errno));
		return false;
	}
	failed = check_configure(fd, check, !getaddrinfo(check->host, NULL, &hints, &literal));
	if (literal)
		freeaddrinfo(literal);
	if (failed) {
		fprintf(stderr, "ktlsctl: %s: %s.\n", failed, strerror(errno));
		close(fd);
		return false;
	}
	if (!getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof(host), NULL, 0, NI_NUMERICHOST))
		check_print("address", host);
	err = connect(fd, a->ai_addr, a->ai_addrlen) ? errno : 0;
	check_print("result", err ? "failed" : "verified");
	if (err) {
		check_print("reason", check_get(fd, KTLS_ERROR, reason, sizeof(reason)));
		check_print("error", strerror(err));
	}
	check_print_negotiated(fd);
	check_print_names(fd);
	check_print_chain(fd, KTLS_PEER_CERTIFICATES, "presented");
	check_print_chain(fd, KTLS_PEER_CHAIN, "chain");
	close(fd);
	return !err;
}

int ktlsctl_check_run(int argc, char **argv)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list, *a;
	struct ktlsctl_check check = { .trust = NULL };
	int err, status = check_parse(argc, argv, &check);

	if (!status) {
		err = getaddrinfo(check.host, check.port, &hints, &list);
		if (err) {
			fprintf(stderr, "ktlsctl: %s, port %s: %s.\n", check.host, check.port,
				err == EAI_SYSTEM ? strerror(errno) : gai_strerror(err));
			status = KTLSCTL_FAILED;
		} else {
			/* Each address may be another server. */
			for (a = list; a; a = a->ai_next) {
				if (a != list)
					printf("\n");
				if (!check_connect(&check, a))
					status = KTLSCTL_FAILED;
			}
			freeaddrinfo(list);
		}
	}
	free(check.trust);
	return status;
}
