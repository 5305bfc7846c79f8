// SPDX-License-Identifier: GPL-2.0-or-later
/* OCSP responders. See revocation_responder.h. */
#include <sys/stat.h>

#include <openssl/pem.h>

#include "revocation_responder.h"

/* The request in an HTTP POST; the test's own client has no other form. */
static OCSP_REQUEST *read_request(int fd)
{
	char buf[8192], *body = NULL, *length;
	const unsigned char *der;
	size_t len = 0, wanted = 0;
	ssize_t n;

	while (!body || len < (size_t)(body - buf) + wanted) {
		n = read(fd, buf + len, sizeof(buf) - 1 - len);
		if (n <= 0)
			return NULL;
		len += n;
		buf[len] = 0;
		body = body ? : strstr(buf, "\r\n\r\n");
		length = strcasestr(buf, "\r\nContent-Length:");
		if (!body || wanted || !length)
			continue;
		body += 4;
		wanted = strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
	}
	der = (const unsigned char *)body;
	return d2i_OCSP_REQUEST(NULL, &der, wanted);
}

/* Until the other end has had enough. */
static void send_slowly(int fd, const char *text, size_t len)
{
	for (size_t i = 0; i < len && send(fd, text + i, 1, MSG_NOSIGNAL) == 1; i++)
		harness_nap(1000);
}

static void answer_request(struct responder *r, int fd, OCSP_REQUEST *request)
{
	unsigned char *der;
	char text[8192];
	int len, head;

	len = authority_respond(r->made, &r->answer, request, &der);
	head = snprintf(text, sizeof(text), "HTTP/1.0 200 OK\r\n"
			"Content-Type: application/ocsp-response\r\nContent-Length: %d\r\n\r\n", len);
	ASSERT_LT(len, (int)sizeof(text) - head);
	memcpy(text + head, der, len);
	OPENSSL_free(der);
	if (r->slow)
		send_slowly(fd, text, head + len);
	else
		send(fd, text, head + len, MSG_NOSIGNAL);
}

static void visit(int fd, void *arg)
{
	struct responder *r = arg;
	OCSP_REQUEST *request;
	char byte;

	r->asked++;
	request = read_request(fd);
	if (request && !r->silent)
		answer_request(r, fd, request);
	/* the client closes */
	while (read(fd, &byte, 1) > 0)
		;
	OCSP_REQUEST_free(request);
	close(fd);
}

static int listen_at(uint16_t port)
{
	struct addr a = net_loopback(AF_INET, port);
	int fd = net_socket(AF_INET);

	OK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)));
	OK(bind(fd, &a.sa, a.len));
	OK(listen(fd, 64));
	return fd;
}

void responder_start(struct responder *r)
{
	r->listener = listen_at(r->port);
	job_serve(&r->thread, r->listener, visit, r);
}

void responder_start_openssl(struct proc *p, uint16_t port, const char *index)
{
	char text[8];

	snprintf(text, sizeof(text), "%u", port);
	proc_start(p, "openssl", "ocsp", "-port", text, "-index", index, "-CA", real_pki("ca.pem"),
		   "-rsigner", real_pki("ca.pem"), "-rkey", real_pki("ca.key"), "-ndays", "1", NULL);
	real_wait_port(port);
}

/* --- CRLs --- */

static int read_crl(const char *path, unsigned char **ret_der)
{
	BIO *file = BIO_new_file(path, "r");
	X509_CRL *crl;
	int len;

	ASSERT_TRUE(file);
	crl = PEM_read_bio_X509_CRL(file, NULL, NULL, NULL);
	ASSERT_TRUE(crl);
	*ret_der = NULL;
	len = i2d_X509_CRL(crl, ret_der);
	ASSERT_LT(0, len);
	X509_CRL_free(crl);
	BIO_free(file);
	return len;
}

static void visit_crl(int fd, void *arg)
{
	struct crl_server *server = arg;
	unsigned char *der;
	char text[1024];
	int len, head;

	server->asked++;
	if (read(fd, text, sizeof(text)) > 4 && !memcmp(text, "GET ", 4)) {
		len = read_crl(server->path, &der);
		head = snprintf(text, sizeof(text), "HTTP/1.0 200 OK\r\n"
				"Content-Type: application/pkix-crl\r\n"
				"Content-Length: %d\r\n\r\n", len);
		send(fd, text, head, MSG_NOSIGNAL);
		send(fd, der, len, MSG_NOSIGNAL);
		OPENSSL_free(der);
	}
	close(fd);
}

void crl_server_start(struct crl_server *server)
{
	job_serve(&server->thread, listen_at(server->port), visit_crl, server);
}

/* --- ktls-fetch --- */

void fetch_start(struct proc *p, const char *dir)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "%s/fetch", dir);
	unlink(path);
	proc_start(p, real_ktls_fetch(), "--socket", path, "--allow", "127.0.0.0/8",
		   "--log-level", "debug", NULL);
	EVENTUALLY(!stat(path, &st), 5000);
}
