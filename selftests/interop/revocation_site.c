// SPDX-License-Identifier: GPL-2.0-or-later
/* Servers with certificates. See revocation_site.h. */
#include <openssl/err.h>

#include "revocation_site.h"

static void visit(int fd, void *arg)
{
	struct site *s = arg;
	SSL *ssl = SSL_new(s->ctx);
	char buf[100];
	int len;

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1)
		while ((len = SSL_read(ssl, buf, sizeof(buf))) > 0)
			SSL_write(ssl, buf, len);
	ERR_clear_error();
	SSL_free(ssl);
	close(fd);
}

static int put_staple(SSL *ssl, void *arg)
{
	struct site *s = arg;
	unsigned char *copy;

	if (!s->staple)
		return SSL_TLSEXT_ERR_NOACK;
	copy = OPENSSL_memdup(s->staple, s->staple_len);
	return SSL_set_tlsext_status_ocsp_resp(ssl, copy, s->staple_len) ? SSL_TLSEXT_ERR_OK :
									   SSL_TLSEXT_ERR_NOACK;
}

void site_start(struct site *s, const struct chain *chain, uint16_t responder)
{
	struct chain with_url = *chain;
	char url[80];

	memset(s, 0, sizeof(*s));
	snprintf(url, sizeof(url), "authorityInfoAccess=OCSP;URI:http://127.0.0.1:%u/", responder);
	if (responder)
		with_url.leaf.ext[0] = url;
	chain_make(&with_url, &s->made);
	s->ctx = SSL_CTX_new(TLS_server_method());
	ASSERT_TRUE(s->ctx);
	chain_use(&s->made, s->ctx);
	SSL_CTX_set_tlsext_status_cb(s->ctx, put_staple);
	SSL_CTX_set_tlsext_status_arg(s->ctx, s);
	s->listener = net_listen(AF_INET, 64, &s->a);
	job_serve(&s->thread, s->listener, visit, s);
}

void site_staple(struct site *s, const struct authority_answer *answer)
{
	OPENSSL_free(s->staple);
	s->staple = NULL;
	if (answer)
		s->staple_len = authority_respond(&s->made, answer, NULL, &s->staple);
}
