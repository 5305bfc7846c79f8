// SPDX-License-Identifier: GPL-2.0-or-later
/* OCSP responders. See revocation_responder.h. */
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

void responder_start(struct responder *r)
{
	struct addr a = net_loopback(AF_INET, r->port);

	r->listener = net_socket(AF_INET);
	OK(setsockopt(r->listener, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)));
	OK(bind(r->listener, &a.sa, a.len));
	OK(listen(r->listener, 64));
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
