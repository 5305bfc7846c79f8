// SPDX-License-Identifier: GPL-2.0-or-later
/* Bad certificate chains: each is refused, with a reason that names what is wrong with it. */
#include <openssl/err.h>

#include "lib/chain.h"

#define SECRET	"this must not reach the program"

FIXTURE(chains) { struct proc d; };
FIXTURE_SETUP(chains)
{
	net_new();
	real_start(&self->d);
}
FIXTURE_TEARDOWN(chains)
{
	real_stop(&self->d);
}

/* --- the server --- */

struct server {
	SSL_CTX		*ctx;
	int		listener;
	struct addr	a;
	struct job	job;
	int		alert;		/* that the client sent */
	ssize_t		read;		/* bytes the client sent as data */
};

static void note_alert(const SSL *ssl, int where, int value)
{
	struct server *s = SSL_get_app_data(ssl);

	if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT)
		s->alert = value & 0xff;
}

/* Sends data as soon as the server has keys: in TLS 1.3 before the client has answered. */
static void *serve(void *arg)
{
	struct server *s = arg;
	int fd = net_accept(s->listener);
	SSL *ssl = SSL_new(s->ctx);
	size_t written;
	char buf[100];

	SSL_set_app_data(ssl, s);
	SSL_set_info_callback(ssl, note_alert);
	SSL_set_fd(ssl, fd);
	SSL_set_accept_state(ssl);
	SSL_write_early_data(ssl, SECRET, sizeof(SECRET), &written);
	if (SSL_accept(ssl) == 1)
		SSL_write(ssl, SECRET, sizeof(SECRET));
	s->read = SSL_read(ssl, buf, sizeof(buf));
	ERR_clear_error();
	SSL_free(ssl);
	close(fd);
	return NULL;
}

static void server_start(struct server *s, const struct chain_made *made, int version)
{
	memset(s, 0, sizeof(*s));
	s->alert = -1;
	s->ctx = SSL_CTX_new(TLS_server_method());
	chain_use(made, s->ctx);
	SSL_CTX_set_max_proto_version(s->ctx, version);
	SSL_CTX_set_max_early_data(s->ctx, 16384);
	s->listener = net_listen(AF_INET, 1, &s->a);
	job_run(&s->job, serve, s);
}

static void server_end(struct server *s)
{
	job_wait(&s->job, 10000);
	close(s->listener);
	SSL_CTX_free(s->ctx);
}

/* --- the client --- */

static bool names(const char *reason, const char *text)
{
	if (strcasestr(reason, text))
		return true;
	harness_note("KTLS_ERROR does not say \"%s\"", text);
	return false;
}

static int chain_socket(const struct chain *chain)
{
	const char *name = chain->server_name ? chain->server_name : "server.test";

	return interop_socket(name[0] ? name : NULL);
}

static void expect_refused_by(const struct chain *chain, const struct chain_made *made, int version)
{
	int fd = chain_socket(chain);
	struct server s;
	char byte;

	server_start(&s, made, version);
	FAILS(EKEYREJECTED, connect(fd, &s.a.sa, s.a.len));
	harness_note("%s, %s: %s", chain->name, version == TLS1_2_VERSION ? "1.2" : "1.3",
		     sock_error(fd));
	EXPECT_TRUE(names(sock_error(fd), chain->reason));
	EXPECT_FALSE(sock_info(fd).flags & KTLS_INFO_VERIFIED);
	/* not a byte in either direction */
	EXPECT_GE(0, recv(fd, &byte, 1, MSG_DONTWAIT));
	FAILS(EPIPE, send(fd, "x", 1, MSG_NOSIGNAL));
	close(fd);
	server_end(&s);
	EXPECT_GE(0, s.read);
	EXPECT_LE(40, s.alert);
}

static void expect_refused(const struct chain *chains, size_t count)
{
	struct chain_made made;

	for (size_t i = 0; i < count; i++) {
		chain_make(&chains[i], &made);
		expect_refused_by(&chains[i], &made, TLS1_3_VERSION);
		/* brief: other tests have what differs between the versions */
		if (!harness_brief() && i % 4 == 3)
			expect_refused_by(&chains[i], &made, TLS1_2_VERSION);
		chain_free(&made);
		if (harness_failed())
			harness_note("case %zu, %s", i, chains[i].name);
	}
}

static void expect_accepted(const struct chain *chain)
{
	struct chain_made made;
	struct server s;
	char buf[sizeof(SECRET)];
	int fd;

	chain_make(chain, &made);
	server_start(&s, &made, TLS1_3_VERSION);
	fd = chain_socket(chain);
	OK(connect(fd, &s.a.sa, s.a.len));
	EXPECT_TRUE(sock_info(fd).flags & KTLS_INFO_VERIFIED);
	net_read(fd, buf, sizeof(buf));
	EXPECT_MEMEQ(SECRET, buf, sizeof(buf));
	close(fd);
	server_end(&s);
	chain_free(&made);
}

#define EXPECT_REFUSED(chains)	expect_refused(chains, ARRAY_SIZE(chains))

/* --- valid chains --- */

/* Valid chains are accepted, or the refusals would prove nothing. */
TEST_F(chains, good_ones_are_accepted)
{
	static const struct chain good[] = {
		{ .name = "plain" },
		{ "an intermediate", .ca = { { .cn = "sub" } } },
		{ "ten intermediates", .ca = { { .cn = "sub" } }, .repeat = 9 },
		{ "an address", .server_name = "" },
		{ "upper case", .leaf = { .san = "DNS:SERVER.Test" } },
		{ "a wildcard", .server_name = "a.server.test", .leaf = { .san = "DNS:*.server.test" } },
		{ "its last day", .leaf = { .from = -30, .to = 1 } },
		{ "name constraints that permit it", .ca = { { .cn = "sub",
			.ext = { "nameConstraints=critical,permitted;DNS:server.test" } } },
		  .leaf = { .san = "DNS:server.test" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		harness_note("%s", good[i].name);
		expect_accepted(&good[i]);
	}
}

/* --- names --- */

#define OTHER	"not for that name"

TEST_F_TIMEOUT(chains, of_another_name, 60)
{
	static const struct chain chains[] = {
		{ "another name", OTHER, .leaf = { .san = "DNS:other.test" } },
		{ "only in the common name", OTHER, .leaf = { .san = "" } },
		{ "only in the common name, beside others", OTHER, .leaf = { .san = "DNS:x.test" } },
		{ "a subdomain", OTHER, .leaf = { .san = "DNS:www.server.test" } },
		{ "the parent domain", OTHER, .server_name = "www.server.test", .leaf = { .san = "DNS:server.test" } },
		{ "a suffix", OTHER, .leaf = { .san = "DNS:er.test" } },
		{ "an e-mail address", OTHER, .leaf = { .san = "email:root@server.test" } },
		{ "a URI", OTHER, .leaf = { .san = "URI:https://server.test/" } },
		{ "server.test NUL evil.test", "it is for server.test?.evil.test",
		  .leaf = { .san = "", .ext = { "subjectAltName=DER:30188216"
			"7365727665722e74657374002e6576696c2e74657374" } } },
	};

	EXPECT_REFUSED(chains);
}

TEST_F_TIMEOUT(chains, of_a_wildcard_that_does_not_match, 60)
{
	static const struct chain chains[] = {
		{ "two labels", OTHER, .server_name = "a.b.server.test", .leaf = { .san = "DNS:*.server.test" } },
		{ "no label", OTHER, .server_name = "server.test", .leaf = { .san = "DNS:*.server.test" } },
		{ "a part of a label", OTHER, .server_name = "www.server.test", .leaf = { .san = "DNS:w*.server.test" } },
		{ "the end of a label", OTHER, .server_name = "www.server.test", .leaf = { .san = "DNS:*w.server.test" } },
		{ "in the middle", OTHER, .server_name = "a.b.server.test", .leaf = { .san = "DNS:a.*.server.test" } },
		{ "twice", OTHER, .server_name = "a.b.server.test", .leaf = { .san = "DNS:*.*.server.test" } },
		{ "alone", OTHER, .server_name = "server.test", .leaf = { .san = "DNS:*" } },
		{ "of a top-level domain", OTHER, .server_name = "server.test", .leaf = { .san = "DNS:*.test" } },
		{ "in an A-label", OTHER, .server_name = "xn--bcher-kva.server.test", .leaf = { .san = "DNS:xn--*.server.test" } },
	};

	EXPECT_REFUSED(chains);
}

TEST_F_TIMEOUT(chains, of_another_address, 60)
{
	static const struct chain chains[] = {
		{ "another address", OTHER, .server_name = "", .leaf = { .san = "IP:127.0.0.2" } },
		{ "the address as a name", OTHER, .server_name = "", .leaf = { .san = "DNS:127.0.0.1" } },
		{ "only in the common name", OTHER, .server_name = "", .leaf = { .cn = "127.0.0.1", .san = "" } },
		{ "mapped into IPv6", OTHER, .server_name = "", .leaf = { .san = "IP:::ffff:127.0.0.1" } },
		{ "IPv6 in place of IPv4", OTHER, .server_name = "", .leaf = { .san = "IP:::1" } },
		{ "a wildcard", OTHER, .server_name = "", .leaf = { .san = "DNS:*.0.0.1" } },
	};

	EXPECT_REFUSED(chains);
}

/* --- time --- */

TEST_F_TIMEOUT(chains, of_another_time, 60)
{
	static const struct chain chains[] = {
		{ "expired", "expired on", .leaf = { .from = -30, .to = -1 } },
		{ "not yet valid", "not valid before", .leaf = { .from = 1, .to = 30 } },
		{ "the end before the beginning", "expired on", .leaf = { .from = -1, .to = -30 } },
		{ "an expired intermediate", "(number 1) in the peer's chain expired",
		  .ca = { { .cn = "sub", .from = -30, .to = -1 } } },
		{ "an intermediate not yet valid", "(number 1) in the peer's chain is not valid before",
		  .ca = { { .cn = "sub", .from = 1, .to = 30 } } },
		{ "the second intermediate", "(number 2) in the peer's chain expired",
		  .ca = { { .cn = "sub" }, { .cn = "sub 2", .from = -30, .to = -1 } } },
		{ "no time at all", "notAfter", .leaf = { .flags = CERT_BAD_TIME } },
	};

	EXPECT_REFUSED(chains);
}

/* --- usage --- */

TEST_F_TIMEOUT(chains, for_another_use, 60)
{
	static const struct chain chains[] = {
		{ "of a client", "not made for a TLS server", .leaf = { .eku = "clientAuth" } },
		{ "for code", "not made for a TLS server", .leaf = { .eku = "codeSigning" } },
		{ "for OCSP", "not made for a TLS server", .leaf = { .eku = "critical,OCSPSigning" } },
		{ "an unknown use", "not made for a TLS server", .leaf = { .eku = "1.2.3.4.5" } },
		{ "to sign certificates", "not made for a TLS server", .leaf = { .ku = "critical,keyCertSign" } },
		{ "Netscape's client", "not made for a TLS server", .leaf = { .ext = { "nsCertType=client" } } },
		{ "an intermediate for clients", "not made for a TLS server",
		  .ca = { { .cn = "sub", .eku = "clientAuth" } } },
	};

	EXPECT_REFUSED(chains);
}

/* --- issuers --- */

TEST_F_TIMEOUT(chains, of_an_issuer_that_is_no_ca, 60)
{
	static const struct chain chains[] = {
		{ "a leaf as issuer", "must not issue",
		  .ca = { { .cn = "sub", .basic = "critical,CA:FALSE" } } },
		{ "no basicConstraints", "must not issue",
		  .ca = { { .cn = "sub", .flags = CERT_NO_BASIC, .ku = "critical,digitalSignature" } } },
		{ "must not sign certificates", "must not issue",
		  .ca = { { .cn = "sub", .ku = "critical,digitalSignature,cRLSign" } } },
		{ "version 1", "must not issue", .ca = { { .cn = "sub", .version = 1 } } },
		{ "no further CA below it", "path length constraint exceeded",
		  .ca = { { .cn = "sub" }, { .cn = "sub 2", .basic = "critical,CA:TRUE,pathlen:0" } } },
		{ "one further CA below it", "path length constraint exceeded",
		  .ca = { { .cn = "sub" }, { .cn = "sub 2" }, { .cn = "sub 3", .basic = "critical,CA:TRUE,pathlen:1" } } },
		{ "eleven of them", "chain too long", .ca = { { .cn = "sub" } }, .repeat = 10 },
	};

	EXPECT_REFUSED(chains);
}

TEST_F_TIMEOUT(chains, of_an_issuer_for_other_names, 60)
{
	static const struct chain chains[] = {
		{ "another domain", "permitted subtree violation",
		  .ca = { { .cn = "sub", .ext = { "nameConstraints=critical,permitted;DNS:example.org" } } } },
		{ "not this domain", "excluded subtree violation",
		  .ca = { { .cn = "sub", .ext = { "nameConstraints=critical,excluded;DNS:test" } } } },
		{ "other addresses", "permitted subtree violation", .server_name = "",
		  .leaf = { .san = "IP:127.0.0.1" },
		  .ca = { { .cn = "sub", .ext = { "nameConstraints=critical,permitted;IP:10.0.0.0/255.0.0.0" } } } },
		{ "not these addresses", "excluded subtree violation", .server_name = "",
		  .leaf = { .san = "IP:127.0.0.1" },
		  .ca = { { .cn = "sub", .ext = { "nameConstraints=critical,excluded;IP:127.0.0.0/255.0.0.0" } } } },
		{ "the second intermediate", "permitted subtree violation", .ca = { { .cn = "sub" },
		  { .cn = "sub 2", .ext = { "nameConstraints=critical,permitted;DNS:example.org" } } } },
	};

	EXPECT_REFUSED(chains);
}

/* --- trust --- */

TEST_F_TIMEOUT(chains, without_an_anchor, 60)
{
	static const struct chain chains[] = {
		{ "self-signed", "self-signed", .leaf = { .flags = CERT_SELF_ISSUED } },
		{ "a self-signed CA", "not trusted here", .ca = { { .cn = "sub", .flags = CERT_SELF_ISSUED } } },
		{ "a CA that has the name of ours", "not trusted here",
		  .ca = { { .cn = "ktls test ca", .flags = CERT_SELF_ISSUED } } },
		{ "the intermediate missing", "not trusted here",
		  .ca = { { .cn = "sub", .flags = CERT_NOT_SENT } } },
		{ "one of two missing", "not trusted here",
		  .ca = { { .cn = "sub" }, { .cn = "sub 2", .flags = CERT_NOT_SENT } } },
		{ "another issuer's key named", "not trusted here", .leaf = { .flags = CERT_AKID } },
	};

	EXPECT_REFUSED(chains);
}

/* --- cryptography --- */

TEST_F_TIMEOUT(chains, with_a_wrong_signature, 60)
{
	static const struct chain chains[] = {
		{ "a bit flipped", "signature", .leaf = { .flags = CERT_BAD_SIGNATURE } },
		{ "of another key", "signature", .leaf = { .flags = CERT_OTHER_KEY } },
		{ "an intermediate with a bit flipped", "signature",
		  .ca = { { .cn = "sub", .flags = CERT_BAD_SIGNATURE } } },
		{ "an intermediate of another key", "signature",
		  .ca = { { .cn = "sub", .flags = CERT_OTHER_KEY } } },
		{ "two algorithms", "signature", .leaf = { .flags = CERT_OTHER_ALGORITHM } },
		{ "an intermediate with two algorithms", "signature",
		  .ca = { { .cn = "sub", .flags = CERT_OTHER_ALGORITHM } } },
	};

	EXPECT_REFUSED(chains);
}

TEST_F_TIMEOUT(chains, with_weak_cryptography, 60)
{
	static const struct chain chains[] = {
		{ "RSA of 1024 bits", "too small", .leaf = { .key = "rsa1024" } },
		{ "a CA with RSA of 1024 bits", "too small", .ca = { { .cn = "sub", .key = "rsa1024" } } },
		{ "a CA on P-192", "too small", .ca = { { .cn = "sub", .key = "P-192" } } },
		{ "SHA-1", "digest that is too weak", .leaf = { .md = "SHA1" } },
		{ "a CA with SHA-1", "digest that is too weak", .ca = { { .cn = "sub", .md = "SHA1" } } },
		{ "the second CA with SHA-1", "digest that is too weak",
		  .ca = { { .cn = "sub" }, { .cn = "sub 2", .md = "SHA1" } } },
		{ "an even exponent", "exponent", .ca = { { .cn = "sub", .key = "rsa-even" } } },
		{ "the exponent 1", "exponent", .ca = { { .cn = "sub", .key = "rsa-one" } } },
		{ "RSA of 16384 bits", "more than 8192 bits", .ca = { { .cn = "sub", .key = "rsa16384" } } },
		{ "a curve of its own", "named curve", .ca = { { .cn = "sub", .key = "explicit" } } },
		{ "a binary curve", "prime field", .ca = { { .cn = "sub", .key = "sect233r1" } } },
		{ "a key that cannot sign", "neither RSA", .ca = { { .cn = "sub", .key = "x25519" } } },
	};

	EXPECT_REFUSED(chains);
}

/* --- extensions --- */

TEST_F_TIMEOUT(chains, with_extensions_that_cannot_be_honoured, 60)
{
	static const struct chain chains[] = {
		{ "unknown and critical", "unhandled critical extension",
		  .leaf = { .ext = { "1.2.3.4.5=critical,DER:0500" } } },
		{ "keyUsage twice", "invalid", .leaf = { .flags = CERT_TWICE } },
		{ "names that are no DER", "invalid", .leaf = { .san = "",
		  .ext = { "subjectAltName=DER:3005820abc" } } },
		{ "unknown and critical in a CA", "unhandled critical extension",
		  .ca = { { .cn = "sub", .ext = { "1.2.3.4.5=critical,DER:0500" } } } },
		{ "basicConstraints that are no DER", "invalid", .leaf = { .flags = CERT_NO_BASIC,
		  .ext = { "basicConstraints=critical,DER:30050101" } } },
	};

	EXPECT_REFUSED(chains);
}

TEST_HARNESS_MAIN
