// SPDX-License-Identifier: GPL-2.0-or-later
/* The client of "proxies", inside the VM: the same one for whatever ends TLS at the other end.
 *
 * load cost PORT PROTOCOL CA CONNECTIONS ROUNDS: opens the connections; in a round a request
 * goes out on each, and then the answers are read. Prints what a request took of the
 * processor: this client ("client"), each of the others by its name, and the time that passed.
 *
 * load memory PORT PROTOCOL CA CONNECTIONS: what an idle connection takes of the machine's
 * memory, without that of this process: bytes.
 *
 * PROTOCOL is http or redis; an answer ends with "END". CA is a file with trust anchors; with "-"
 * there is no TLS. With it, it is TLS 1.3 with AES-128-GCM and X25519.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tasks.h"

enum {
	CONNECTIONS_MAX	= 4096,
	WARM		= 16,	/* connections, or rounds, that are not counted */
	SETTLE		= 3,	/* seconds without a change */
	SETTLE_MAX	= 30,
};

struct conn {
	int	fd;
	SSL	*ssl;
};

static struct conn conns[CONNECTIONS_MAX];
static struct sockaddr_in addr;
static const char *request;
static SSL_CTX *ctx;

static const char http_request[] = "GET /page HTTP/1.1\r\nHost: server.test\r\n\r\n";
static const char redis_request[] = "*2\r\n$3\r\nGET\r\n$4\r\npage\r\n";

static void fail(const char *what)
{
	ERR_print_errors_fp(stderr);
	err(1, "%s", what);
}

static void prepare(const char *port, const char *protocol, const char *ca)
{
	struct rlimit files = { CONNECTIONS_MAX + 100, CONNECTIONS_MAX + 100 };

	addr.sin_family = AF_INET;
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	addr.sin_port = htons(atoi(port));
	request = strcmp(protocol, "http") ? redis_request : http_request;
	if (setrlimit(RLIMIT_NOFILE, &files))
		err(1, "setrlimit");
	if (!strcmp(ca, "-"))
		return;
	ctx = SSL_CTX_new(TLS_client_method());
	if (!ctx || SSL_CTX_load_verify_locations(ctx, ca, NULL) != 1 ||
	    SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") != 1 ||
	    SSL_CTX_set1_groups_list(ctx, "X25519") != 1)
		fail("OpenSSL's context");
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
}

static void conn_write(struct conn *c)
{
	int len = strlen(request);
	int n = c->ssl ? SSL_write(c->ssl, request, len) : write(c->fd, request, len);

	if (n != len)
		fail("write");
}

/* All of an answer. */
static void conn_read(struct conn *c)
{
	static char answer[16384];
	size_t got = 0;
	int n;

	do {
		n = c->ssl ? SSL_read(c->ssl, answer + got, sizeof(answer) - got - 1) :
			     read(c->fd, answer + got, sizeof(answer) - got - 1);
		if (n <= 0)
			fail("read");
		got += n;
		answer[got] = '\0';
	} while (got < 5 || !strstr(answer + got - 5, "END"));
}

static void conn_open(struct conn *c)
{
	const int on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ||
	    connect(c->fd, (void *)&addr, sizeof(addr)))
		err(1, "connect");
	if (ctx) {
		c->ssl = SSL_new(ctx);
		if (!c->ssl || !SSL_set1_host(c->ssl, "server.test") ||
		    !SSL_set_tlsext_host_name(c->ssl, "server.test") ||
		    !SSL_set_fd(c->ssl, c->fd) || SSL_connect(c->ssl) != 1)
			fail("the handshake");
	}
	/* What comes with the first answer, as tickets do. */
	conn_write(c);
	conn_read(c);
}

static void conn_close(struct conn *c)
{
	SSL_free(c->ssl);
	c->ssl = NULL;
	close(c->fd);
}

static void rounds(int n_conns, int n)
{
	while (n--) {
		for (int i = 0; i < n_conns; i++)
			conn_write(conns + i);
		for (int i = 0; i < n_conns; i++)
			conn_read(conns + i);
	}
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* To perf record --control, if that runs beside. */
static void profiler(const char *what)
{
	const char *path = getenv("KTLS_BENCH_PROFILER");
	FILE *fifo = path ? fopen(path, "we") : NULL;

	if (!fifo)
		return;
	fprintf(fifo, "%s\n", what);
	fclose(fifo);
	usleep(300000);
}

static void cost(int n_conns, int n)
{
	static struct tasks before, by;
	uint64_t start, own, others;
	double requests = (double)n_conns * n;

	for (int i = 0; i < n_conns; i++)
		conn_open(conns + i);
	rounds(n_conns, WARM);
	profiler("enable");
	tasks_read(&before);
	own = tasks_own_ns();
	start = now_ns();
	rounds(n_conns, n);
	start = now_ns() - start;
	own = tasks_own_ns() - own;
	others = tasks_since(&before, &by);
	profiler("disable");
	printf("passed\t%.0f\nclient\t%.0f\nothers\t%.0f\n", start / requests, own / requests,
	       others / requests);
	for (unsigned int i = 0; i < by.n; i++)
		printf("- %s\t%.0f\n", by.at[i].name, by.at[i].ns / requests);
	for (int i = 0; i < n_conns; i++)
		conn_close(conns + i);
}

/* A number of kilobytes in such a file, as bytes. */
static long kilobytes(const char *path, const char *name)
{
	FILE *file = fopen(path, "re");
	char line[200];
	long n = -1;

	if (!file)
		err(1, "%s", path);
	while (n < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			n = atol(line + strlen(name) + 1) * 1024;
	fclose(file);
	if (n < 0)
		errx(1, "%s has no %s", path, name);
	return n;
}

/* What all processes but this one and the kernel have, except of files. */
static long used_now(void)
{
	static const char *const kinds[] = {
		"AnonPages", "Slab", "KernelStack", "PageTables", "Percpu",
	};
	long bytes = -kilobytes("/proc/self/status", "VmPTE") -
		     kilobytes("/proc/self/smaps_rollup", "Anonymous");

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		bytes += kilobytes("/proc/meminfo", kinds[i]);
	return bytes;
}

/* The same when nothing moves it any more: what is freed by RCU is still there for a while, and
 * so is what ktlsd has had for handshakes.
 */
static long used(void)
{
	long before, now = used_now();
	int still = 0;

	for (int i = 0; i < SETTLE_MAX && still < SETTLE; i++) {
		before = now;
		sleep(1);
		now = used_now();
		still = labs(now - before) < 16384 ? still + 1 : 0;
	}
	return now;
}

static void memory(int n_conns)
{
	long before;

	for (int i = 0; i < WARM; i++)
		conn_open(conns + i);
	before = used();
	for (int i = WARM; i < WARM + n_conns; i++)
		conn_open(conns + i);
	printf("memory\t%ld\n", (used() - before) / n_conns);
	for (int i = 0; i < WARM + n_conns; i++)
		conn_close(conns + i);
}

int main(int argc, char **argv)
{
	int n_conns = argc > 5 ? atoi(argv[5]) : 0, n = argc > 6 ? atoi(argv[6]) : 0;

	if (n_conns < 1 || n_conns > CONNECTIONS_MAX - WARM)
		errx(2, "usage: load cost|memory PORT PROTOCOL CA CONNECTIONS [ROUNDS]");
	prepare(argv[2], argv[3], argv[4]);
	if (!strcmp(argv[1], "cost"))
		cost(n_conns, n);
	else
		memory(n_conns);
	return 0;
}
