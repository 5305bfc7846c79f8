// SPDX-License-Identifier: GPL-2.0-or-later
/* Connections, and what a program calls to send and to receive. */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pair.h"

#define COPY	65536		/* what a program reads of a file at once, to send it */

const char *const kind_names[] = { "plain", "aead", "mainline", "openssl", "ktls" };

/* --- the kernel's --- */

static void ulp_set(int fd, const struct config *config, const char *ulp)
{
	union {
		struct tls_crypto_info	head;
		uint8_t			bytes[128];
	} info;

	if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, ulp, strlen(ulp)))
		err(1, "TCP_ULP %s", ulp);
	memset(&info, 0x5a, sizeof(info));
	info.head.version = config->tls_version;
	info.head.cipher_type = config->tls_cipher;
	/* The sequence number is last, and far from its end. */
	memset(info.bytes + config->info_len - 8, 0, 8);
	if (setsockopt(fd, SOL_TLS, TLS_TX, &info, config->info_len))
		err(1, "%s: TLS_TX", ulp);
	if (setsockopt(fd, SOL_TLS, TLS_RX, &info, config->info_len))
		err(1, "%s: TLS_RX", ulp);
}

/* --- OpenSSL, in the program --- */

static void openssl_fail(const char *what)
{
	ERR_print_errors_fp(stderr);
	errx(1, "%s", what);
}

/* With a certificate of its own; nobody asks whose it is. */
static void openssl_identify(SSL_CTX *ctx)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();

	if (!key || !cert || !X509_gmtime_adj(X509_getm_notBefore(cert), -3600) ||
	    !X509_gmtime_adj(X509_getm_notAfter(cert), 86400) || !X509_set_pubkey(cert, key) ||
	    !X509_sign(cert, key, EVP_sha256()) || SSL_CTX_use_certificate(ctx, cert) != 1 ||
	    SSL_CTX_use_PrivateKey(ctx, key) != 1)
		openssl_fail("a certificate for OpenSSL");
	X509_free(cert);
	EVP_PKEY_free(key);
}

static SSL_CTX *openssl_context(const struct config *config, bool is_server)
{
	SSL_CTX *ctx = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
	bool tls12 = config->tls_version == TLS_1_2_VERSION;
	int version = tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;

	if (!ctx || !SSL_CTX_set_min_proto_version(ctx, version) ||
	    !SSL_CTX_set_max_proto_version(ctx, version) || !SSL_CTX_set_num_tickets(ctx, 0) ||
	    !(tls12 ? SSL_CTX_set_cipher_list(ctx, config->suite) :
		      SSL_CTX_set_ciphersuites(ctx, config->suite)))
		openssl_fail("OpenSSL's context");
	if (is_server)
		openssl_identify(ctx);
	return ctx;
}

/* The context of the last configuration is kept: 1000 connections share it. */
static SSL *openssl_new(const struct config *config, int fd, bool is_server)
{
	static const struct config *of;
	static SSL_CTX *both[2];
	SSL *ssl;

	if (of != config) {
		for (int i = 0; i < 2; i++) {
			SSL_CTX_free(both[i]);
			both[i] = openssl_context(config, i);
		}
		of = config;
	}
	ssl = SSL_new(both[is_server]);
	if (!ssl || !SSL_set_fd(ssl, fd))
		openssl_fail("SSL_new");
	if (is_server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	return ssl;
}

static void set_blocking(int fd, bool blocks)
{
	if (fcntl(fd, F_SETFL, blocks ? 0 : O_NONBLOCK))
		err(1, "fcntl");
}

static void openssl_handshake(struct pair *p, const struct config *config)
{
	p->tx.ssl = openssl_new(config, p->tx.fd, false);
	p->rx.ssl = openssl_new(config, p->rx.fd, true);
	set_blocking(p->tx.fd, false);
	set_blocking(p->rx.fd, false);
	for (int steps = 0; SSL_in_init(p->tx.ssl) || SSL_in_init(p->rx.ssl); steps++) {
		SSL_do_handshake(p->tx.ssl);
		SSL_do_handshake(p->rx.ssl);
		if (steps > 100)
			openssl_fail("OpenSSL's handshake");
	}
	if (strcmp(SSL_get_cipher(p->tx.ssl), config->suite))
		errx(1, "OpenSSL took %s for %s", SSL_get_cipher(p->tx.ssl), config->suite);
	set_blocking(p->tx.fd, true);
	set_blocking(p->rx.fd, true);
}

/* --- a connection --- */

static void tcp_open(struct pair *p)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p->tx.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || p->tx.fd < 0 || bind(listener, (void *)&sin, sizeof(sin)) ||
	    listen(listener, 1) || getsockname(listener, (void *)&sin, &len) ||
	    connect(p->tx.fd, (void *)&sin, sizeof(sin)))
		err(1, "a connection");
	p->rx.fd = accept(listener, NULL, NULL);
	if (p->rx.fd < 0)
		err(1, "accept");
	close(listener);
}

/** pair_open - connect two ends */
void pair_open(struct pair *p, const struct config *config, enum kind kind)
{
	const char *ulp = kind == MAINLINE ? "tls" : "ktls";

	memset(p, 0, sizeof(*p));
	tcp_open(p);
	if (kind == OPENSSL) {
		openssl_handshake(p, config);
	} else if (kind != PLAIN) {
		ulp_set(p->tx.fd, config, ulp);
		ulp_set(p->rx.fd, config, ulp);
	}
}

/** pair_nodelay - TCP_NODELAY at both ends */
void pair_nodelay(struct pair *p)
{
	int one = 1;

	if (setsockopt(p->tx.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) ||
	    setsockopt(p->rx.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)))
		err(1, "TCP_NODELAY");
}

/** pair_close - close both ends */
void pair_close(struct pair *p)
{
	SSL_free(p->tx.ssl);
	SSL_free(p->rx.ssl);
	close(p->tx.fd);
	close(p->rx.fd);
}

/* --- sending and receiving --- */

/** end_send - send all of it */
void end_send(struct end *e, const void *from, size_t len)
{
	ssize_t n;

	for (size_t done = 0; done < len; done += n) {
		n = e->ssl ? SSL_write(e->ssl, (const char *)from + done, len - done) :
			     send(e->fd, (const char *)from + done, len - done, 0);
		if (n <= 0)
			err(1, "send");
	}
}

/** end_sendv - send pieces in one call; OpenSSL has none for that, so they are put together */
void end_sendv(struct end *e, const struct iovec *iov, int n)
{
	static char whole[COPY];
	size_t len = 0;

	for (int i = 0; i < n; i++) {
		if (e->ssl)
			memcpy(whole + len, iov[i].iov_base, iov[i].iov_len);
		len += iov[i].iov_len;
	}
	if (e->ssl)
		end_send(e, whole, len);
	else if (writev(e->fd, iov, n) != (ssize_t)len)
		err(1, "writev");
}

/** end_sendfile - send the beginning of a file */
void end_sendfile(struct end *e, int file, size_t len)
{
	static char part[COPY];
	off_t off = 0;
	ssize_t n;

	for (size_t done = 0; done < len; done += n) {
		n = e->ssl ? pread(file, part, sizeof(part), done) :
			     sendfile(e->fd, file, &off, len - done);
		if (n <= 0)
			err(1, "sendfile");
		if (e->ssl)
			end_send(e, part, n);
	}
}

/** end_recv - receive what is there; Return: bytes, at least one */
size_t end_recv(struct end *e, void *to, size_t size)
{
	ssize_t n = e->ssl ? SSL_read(e->ssl, to, size) : recv(e->fd, to, size, 0);

	if (n <= 0)
		err(1, "recv");
	return n;
}
