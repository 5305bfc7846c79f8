// SPDX-License-Identifier: GPL-2.0-or-later
/* Servers that verify clients: one whose certificate was revoked does not get to the program. */
#include <signal.h>

#include <openssl/err.h>

#include "interop/revocation_mode.h"
#include "interop/revocation_responder.h"
#include "lib/interop.h"

FIXTURE(client_revoked)
{
	struct proc d, fetch;
	char dir[32];
	char index[64];			/* in it, for openssl ocsp */
	struct crl_server server;
	struct chain_made good, bad;
};

FIXTURE_SETUP(client_revoked)
{
	char daemon[200], policies[700];

	net_new();
	signal(SIGPIPE, SIG_IGN);
	strcpy(self->dir, "/tmp/ktls-clients-XXXXXX");
	ASSERT_TRUE(mkdtemp(self->dir));
	snprintf(self->index, sizeof(self->index), "%s/index", self->dir);
	snprintf(self->server.path, sizeof(self->server.path), "%s/fetched.pem", self->dir);
	self->server.port = 8811;
	fetch_start(&self->fetch, self->dir);
	snprintf(daemon, sizeof(daemon), "revocation = off\ncrl_fetch = yes\n"
		 "fetch_socket = %s/fetch\n", self->dir);
	mode_policies(policies, sizeof(policies));
	real_start_configured(&self->d, daemon, policies);
}
FIXTURE_TEARDOWN(client_revoked)
{
	real_stop(&self->d);
	proc_kill(&self->fetch, SIGTERM);
}

/* --- clients --- */

/* A client in user-space OpenSSL, that has a certificate */
struct visitor {
	const struct chain_made	*made;
	struct addr		a;
	int			version;
	bool			served;		/* by the program */
	char			why[100];	/* if not: OpenSSL's words for the alert */
};

static void *visitor_run(void *arg)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct visitor *v = arg;
	const char *reason;
	char buf[5];
	int fd = net_socket(AF_INET);
	SSL *ssl;

	ASSERT_TRUE(ctx);
	chain_use(v->made, ctx);
	SSL_CTX_set_max_proto_version(ctx, v->version);
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, fd);
	OK(connect(fd, &v->a.sa, v->a.len));
	/* In 1.3 the server refuses a client that is ready already. */
	v->served = SSL_connect(ssl) == 1 && SSL_write(ssl, "alive", 5) == 5 &&
		    SSL_read(ssl, buf, 5) == 5 && !memcmp(buf, "alive", 5);
	reason = ERR_reason_error_string(ERR_peek_error());
	snprintf(v->why, sizeof(v->why), "%s", reason ? reason : "");
	ERR_clear_error();
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	return NULL;
}

/* Return: "" if it was served, else why not. */
static const char *visit(const struct addr *a, const struct chain_made *made, int version)
{
	static struct visitor v;
	struct job j;

	v = (struct visitor) { .made = made, .a = *a, .version = version };
	job_run(&j, visitor_run, &v);
	job_wait(&j, 15000);
	return v.served ? "" : v.why[0] ? v.why : "no reason";
}

/* --- servers --- */

static void echo(int fd, void *arg)
{
	char buf[5];

	(void)arg;
	EXPECT_TRUE(sock_info(fd).flags & KTLS_INFO_VERIFIED);
	while (read(fd, buf, 5) == 5)
		net_write(fd, buf, 5);
	close(fd);
}

/* A server of the user of that mode, with its own key. */
static int listen_in_mode(int mode, struct addr *ret)
{
	struct addr a = net_loopback(AF_INET, 0);
	static struct job threads[MODES];
	int fd = mode_socket(mode, NULL);

	OK(sock_set_int(fd, KTLS_VERIFY, KTLS_VERIFY_REQUIRED));
	interop_set_file(fd, KTLS_CERTIFICATE, "ecdsa.pem");
	interop_set_file(fd, KTLS_PRIVATE_KEY, "ecdsa.key");
	OK(bind(fd, &a.sa, a.len));
	harness_seteuid(MODE_UID(mode));
	OK(listen(fd, 8));
	harness_seteuid(0);
	OK(getsockname(fd, &a.sa, &a.len));
	*ret = a;
	job_serve(&threads[mode], fd, echo, NULL);
	return fd;
}

static const int tls_versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

#define CLIENT(extension)	{ .name = "a client's", .leaf = { .cn = "client", .eku = "clientAuth", \
							  .ext = { extension } } }

static const struct chain by_responder = CLIENT("authorityInfoAccess=OCSP;URI:http://127.0.0.1:8800/");
static const struct chain by_crl = CLIENT("crlDistributionPoints=URI:http://127.0.0.1:8811/ca.crl");

/* The good one is served, the bad one is told why not, and so is the log. */
static void expect_told_apart(struct client_revoked_self *self, const struct addr *a,
			      const char *says)
{
	char text[200];

	for (size_t i = 0; i < ARRAY_SIZE(tls_versions); i++) {
		EXPECT_STREQ("", visit(a, &self->good, tls_versions[i]));
		EXPECT_STREQ("sslv3 alert certificate revoked",
			     visit(a, &self->bad, tls_versions[i]));
	}
	snprintf(text, sizeof(text), ", says %s", says);
	EVENTUALLY(proc_printed(&self->d, text), 5000);
	EXPECT_TRUE(proc_printed(&self->d, "The client's certificate was revoked on 20"));
}

TEST_F_TIMEOUT(client_revoked, by_responder, 60)
{
	struct addr a, other;
	struct proc responder;

	chain_make(&by_responder, &self->good);
	chain_make(&by_responder, &self->bad);
	authority_add_to_index(self->index, self->good.certs[0], 'V');
	authority_add_to_index(self->index, self->bad.certs[0], 'R');
	responder_start_openssl(&responder, 8800, self->index);
	listen_in_mode(OCSP, &a);
	expect_told_apart(self, &a, "its OCSP responder");
	listen_in_mode(HARD, &a);
	expect_told_apart(self, &a, "its OCSP responder");
	/* Nobody else asks. */
	listen_in_mode(CRL, &other);
	EXPECT_STREQ("", visit(&other, &self->bad, TLS1_3_VERSION));
	proc_kill(&responder, SIGTERM);
}

/* The first one finds it missing. */
TEST_F_TIMEOUT(client_revoked, by_a_fetched_crl, 60)
{
	struct addr a, other;

	chain_make(&by_crl, &self->good);
	chain_make(&by_crl, &self->bad);
	authority_write_crl(self->server.path, self->good.issuer, self->good.issuer_key,
			    (X509 *[]) { self->bad.certs[0], NULL }, 1);
	crl_server_start(&self->server);
	listen_in_mode(HARD, &other);
	EXPECT_STREQ("sslv3 alert certificate unknown", visit(&other, &self->good, TLS1_3_VERSION));
	EVENTUALLY(!visit(&other, &self->good, TLS1_3_VERSION)[0], 10000);
	listen_in_mode(CRL, &a);
	expect_told_apart(self, &a, "the CRL of 'ktls test ca'");
	EXPECT_EQ(1, self->server.asked);
}
