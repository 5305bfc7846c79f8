// SPDX-License-Identifier: GPL-2.0-or-later
/* What a handshake costs, inside the VM: both ends, with this module and ktlsd, and with
 * OpenSSL in both programs.
 *
 * handshake ROUNDS CALLS PKI KTLSD: under instruction counting a nanosecond of processor
 * time is an instruction. What all tasks of the machine took is counted: this process (a
 * thread for either end), ktlsd with all its processes, and kernel threads. A connection is
 * opened, the server sends a byte, the client reads it, and both close. Prints a line for
 * each round, for "handshakes" to make a table of.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/ktls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tasks.h"

#define NAME		"server.test"

/**
 * struct row - what is measured
 * @name: in the table
 * @issued: tickets that the server issues
 * @resume: the client resumes sessions
 */
struct row {
	const char	*name;
	int		issued;
	bool		resume;
};

static const struct row rows[] = {
	{ "full, no tickets",	0, false },
	{ "full, two tickets",	2, false },
	{ "resumed",		2, true },
};

/**
 * struct bench - one kind of connection
 * @row: what is measured
 * @ktls: with the module, else with OpenSSL
 * @listener: the server's socket
 * @addr: its address
 * @server: SSL_CTX of the server
 * @client: SSL_CTX of the client
 * @session: the newest of the client
 */
struct bench {
	const struct row	*row;
	bool			ktls;
	int			listener;
	struct sockaddr_in	addr;
	SSL_CTX			*server;
	SSL_CTX			*client;
	SSL_SESSION		*session;
};

/* --- sockets --- */

static void option(int fd, int name, const void *value, socklen_t len)
{
	char why[256] = "";
	socklen_t max = sizeof(why) - 1;

	if (!setsockopt(fd, SOL_TLS, name, value, len))
		return;
	getsockopt(fd, SOL_TLS, KTLS_ERROR, why, &max);
	err(1, "option %d: %s", name, why);
}

static int socket_new(const struct bench *b, bool is_server)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int tickets = is_server ? b->row->issued : b->row->resume ? 2 : 0;

	if (fd < 0)
		err(1, "socket");
	if (!b->ktls)
		return fd;
	if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "ktls", 4))
		err(1, "TCP_ULP");
	if (is_server)
		option(fd, KTLS_IDENTITY, "bench", 5);
	else
		option(fd, KTLS_SERVER_NAME, NAME, strlen(NAME));
	option(fd, KTLS_TICKETS, &tickets, sizeof(tickets));
	return fd;
}

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct bench *b = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	SSL_SESSION_free(b->session);
	b->session = session;
	return 1;
}

static void fail(const char *what)
{
	ERR_print_errors_fp(stderr);
	errx(1, "%s", what);
}

static void prepare_openssl(struct bench *b, const char *pki)
{
	char cert[300], key[300], ca[300];

	snprintf(cert, sizeof(cert), "%s/ecdsa.pem", pki);
	snprintf(key, sizeof(key), "%s/ecdsa.key", pki);
	snprintf(ca, sizeof(ca), "%s/ca.pem", pki);
	b->server = SSL_CTX_new(TLS_server_method());
	b->client = SSL_CTX_new(TLS_client_method());
	if (!b->server || !b->client ||
	    SSL_CTX_use_certificate_chain_file(b->server, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(b->server, key, SSL_FILETYPE_PEM) != 1 ||
	    !SSL_CTX_set_num_tickets(b->server, b->row->issued) ||
	    SSL_CTX_load_verify_locations(b->client, ca, NULL) != 1)
		fail("OpenSSL's contexts");
	SSL_CTX_set_verify(b->client, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_app_data(b->client, b);
	if (!b->row->resume)
		return;
	SSL_CTX_set_session_cache_mode(b->client, SSL_SESS_CACHE_CLIENT |
				       SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(b->client, keep_session);
}

static void prepare(struct bench *b, const struct row *row, bool ktls, const char *pki)
{
	socklen_t len = sizeof(b->addr);

	memset(b, 0, sizeof(*b));
	b->row = row;
	b->ktls = ktls;
	if (!ktls)
		prepare_openssl(b, pki);
	b->addr.sin_family = AF_INET;
	b->addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	b->listener = socket_new(b, true);
	if (bind(b->listener, (void *)&b->addr, len) || listen(b->listener, 16) ||
	    getsockname(b->listener, (void *)&b->addr, &len))
		err(1, "listen");
}

/* --- connections --- */

static void serve(const struct bench *b)
{
	int fd = accept(b->listener, NULL, NULL);
	SSL *ssl;
	char byte;

	if (fd < 0)
		err(1, "accept");
	if (b->ktls) {
		if (write(fd, "x", 1) != 1 || read(fd, &byte, 1))
			err(1, "the server's end");
	} else {
		ssl = SSL_new(b->server);
		if (!ssl || !SSL_set_fd(ssl, fd) || SSL_accept(ssl) != 1 ||
		    SSL_write(ssl, "x", 1) != 1 || SSL_read(ssl, &byte, 1) > 0)
			fail("the server's end");
		SSL_shutdown(ssl);
		SSL_free(ssl);
	}
	close(fd);
}

static void ask_ktls(const struct bench *b, int fd, bool resumed)
{
	struct ktls_info info = { 0 };
	socklen_t len = sizeof(info);
	char byte;

	if (connect(fd, (void *)&b->addr, sizeof(b->addr)) || read(fd, &byte, 1) != 1)
		err(1, "the client's end");
	if (getsockopt(fd, SOL_TLS, KTLS_INFO, &info, &len))
		err(1, "KTLS_INFO");
	if (!(info.flags & KTLS_INFO_RESUMED) == resumed || info.group != 29)
		errx(1, "%s: resumed %d, group %u", b->row->name,
		     info.flags & KTLS_INFO_RESUMED, info.group);
}

static void ask_openssl(struct bench *b, int fd, bool resumed)
{
	SSL *ssl = SSL_new(b->client);
	char byte;

	if (connect(fd, (void *)&b->addr, sizeof(b->addr)))
		err(1, "connect");
	if (!ssl || !SSL_set_tlsext_host_name(ssl, NAME) || !SSL_set1_host(ssl, NAME) ||
	    (resumed && !SSL_set_session(ssl, b->session)) || !SSL_set_fd(ssl, fd) ||
	    SSL_connect(ssl) != 1 || SSL_read(ssl, &byte, 1) != 1)
		fail("the client's end");
	if (!SSL_session_reused(ssl) == resumed || SSL_get_negotiated_group(ssl) != NID_X25519)
		errx(1, "%s: resumed %d", b->row->name, SSL_session_reused(ssl));
	SSL_shutdown(ssl);
	SSL_free(ssl);
}

static void *serve_all(void *arg)
{
	for (;;)
		serve(arg);
	return NULL;
}

static void ask(struct bench *b, bool resumed)
{
	int fd = socket_new(b, false);

	if (b->ktls)
		ask_ktls(b, fd, resumed);
	else
		ask_openssl(b, fd, resumed);
	close(fd);
	/* The tickets of this connection are to be there for the next one. */
	if (b->ktls && b->row->resume)
		usleep(2000);
}

static void measure(struct bench *b, unsigned int calls)
{
	static struct tasks before;
	uint64_t own, others;

	tasks_read(&before);
	own = tasks_own_ns();
	for (unsigned int i = 0; i < calls; i++)
		ask(b, b->row->resume);
	own = tasks_own_ns() - own;
	others = tasks_since(&before, NULL);
	printf("%s\t%s\t%u\t%lu\t%lu\n", b->row->name, b->ktls ? "ktls" : "openssl", calls, own,
	       others);
}

/* --- ktlsd --- */

static pid_t start_ktlsd(const char *path, const char *pki)
{
	char config[] = "/tmp/bench-conf-XXXXXX";
	int fd = mkstemp(config);
	pid_t pid;

	if (fd < 0)
		err(1, "%s", config);
	dprintf(fd, "[ktlsd]\nworkers = 1\ntrust = %s/ca.pem\nlog_level = warning\n"
		"[identity bench]\ncertificate = %s/ecdsa.pem\nprivate_key = %s/ecdsa.key\n",
		pki, pki, pki);
	close(fd);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		execl(path, path, "--foreground", "--config", config, NULL);
		err(1, "%s", path);
	}
	/* ESRCH: nobody serves. */
	for (int i = 0; i < 500; i++) {
		struct sockaddr_in nobody = { .sin_family = AF_INET, .sin_port = htons(1),
					      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), ret;

		if (setsockopt(s, IPPROTO_TCP, TCP_ULP, "ktls", 4))
			err(1, "TCP_ULP");
		ret = connect(s, (void *)&nobody, sizeof(nobody)) ? errno : 0;
		close(s);
		if (ret != ESRCH)
			return pid;
		usleep(20000);
	}
	errx(1, "ktlsd does not serve");
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc == 5 ? atoi(argv[1]) : 0, calls = argc == 5 ? atoi(argv[2]) : 0;
	const size_t n_rows = sizeof(rows) / sizeof(rows[0]);
	static struct bench all[sizeof(rows) / sizeof(rows[0])][2];
	pthread_t thread;
	pid_t ktlsd;

	if (!rounds || !calls)
		errx(2, "usage: handshake ROUNDS CALLS PKI KTLSD");
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	ktlsd = start_ktlsd(argv[4], argv[3]);
	for (size_t i = 0; i < 2 * n_rows; i++) {
		struct bench *b = &all[i / 2][i % 2];

		prepare(b, &rows[i / 2], i % 2, argv[3]);
		if (pthread_create(&thread, NULL, serve_all, b))
			errx(1, "no thread");
		/* The first makes what is cached: contexts, sessions. */
		ask(b, false);
		for (int k = 0; k < 10; k++)
			ask(b, b->row->resume);
	}
	while (rounds--)
		for (size_t i = 0; i < 2 * n_rows; i++)
			measure(&all[i / 2][i % 2], calls);
	kill(ktlsd, SIGTERM);
	waitpid(ktlsd, NULL, 0);
	return 0;
}
