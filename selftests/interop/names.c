// SPDX-License-Identifier: GPL-2.0-or-later
/* Which certificate a client gets: by what it can verify, and by the server name it asks for. */
#include <poll.h>

#include "lib/interop.h"

/* Identities with several certificates, or with server names. */
static const char *identities(void)
{
	static char *text;
	size_t len;
	FILE *config = open_memstream(&text, &len);

	real_identity(config, "several", "rsa", "alpn = h2 http/1.1\n");
	fprintf(config, "certificate.2 = %s\n", real_pki("ecdsa.pem"));
	fprintf(config, "private_key.2 = %s\n", real_pki("ecdsa.key"));
	fprintf(config, "certificate.3 = %s\n", real_pki("ed25519.pem"));
	fprintf(config, "private_key.3 = %s\n", real_pki("ed25519.key"));
	real_identity(config, "front", "rsa", "sni = server.test\nalso = site-other site-wild\n");
	real_identity(config, "strict", "rsa", "also = site-other site-wild\nsni_strict = yes\n");
	real_identity(config, "site-other", "other", "sni = other.test\n");
	real_identity(config, "site-wild", "named", "sni = *.wild.test\n");
	real_identity(config, "mixed", "rsa", "also = private\n");
	fputs(real_restricted(), config);
	fclose(config);
	return text;
}

FIXTURE(names) { struct proc d, c; struct addr a; int l; };
FIXTURE_VARIANT(names) { const char *flag; bool v13; };
FIXTURE_VARIANT_ADD(names, tls13) { "-tls1_3", true };
FIXTURE_VARIANT_ADD(names, tls12) { "-tls1_2", false };
FIXTURE_SETUP(names)
{
	net_new();
	real_start_with(&self->d, identities());
}
FIXTURE_TEARDOWN(names)
{
}

/* s_client connects to a server with @identity and gets the certificate @subject of ca.sh. */
static void expect_cert(struct names_self *self, const char *flag, const char *identity,
			const char *subject, const char *option, const char *value)
{
	char text[64];
	int l, fd;

	l = interop_listen(identity, NULL, &self->a);
	s_client_start(&self->c, &self->a, flag, option, value, NULL);
	fd = interop_accept(l, &self->c);
	interop_expect_dialogue(&self->c, fd);
	snprintf(text, sizeof(text), "subject=CN = ktls test %s\n", subject);
	EXPECT_TRUE(proc_printed(&self->c, text));
	close(fd);
	close(l);
}

/* The client fails, with the alert of that number. */
static void expect_alert(struct names_self *self, const char *flag, const char *identity,
			 const char *alert, const char *option, const char *value)
{
	int l = interop_listen(identity, NULL, &self->a);

	s_client_start(&self->c, &self->a, flag, option, value, NULL);
	EXPECT_NE(0, proc_wait(&self->c, 10000));
	EXPECT_TRUE(proc_printed(&self->c, alert));
	EXPECT_FALSE(net_poll(l, POLLIN, 0));
	close(l);
}

/* An RSA, an ECDSA and an Ed25519 certificate in one identity. */
TEST_F_TIMEOUT(names, certificate_by_signature_algorithms, 40)
{
	expect_cert(self, variant->flag, "several", "rsa", "-sigalgs", "RSA-PSS+SHA256:RSA+SHA256");
	expect_cert(self, variant->flag, "several", "ecdsa", "-sigalgs", "ECDSA+SHA256");
	expect_cert(self, variant->flag, "several", "ed25519", "-sigalgs", "ed25519");
	expect_cert(self, variant->flag, "several", "ecdsa", "-sigalgs",
		    "RSA-PSS+SHA256:ECDSA+SHA256");
	expect_alert(self, variant->flag, "several", "alert number 40", "-sigalgs", "ed448");
}

/* Three identities of one listener. */
TEST_F_TIMEOUT(names, identity_by_server_name, 40)
{
	expect_cert(self, variant->flag, "front", "rsa", "-servername", "server.test");
	expect_cert(self, variant->flag, "front", "other", "-servername", "Other.Test");
	expect_cert(self, variant->flag, "front", "named", "-servername", "any.wild.test");
	expect_cert(self, variant->flag, "front", "rsa", "-servername", "wild.test");
	expect_cert(self, variant->flag, "front", "rsa", "-servername", "a.b.wild.test");
	expect_cert(self, variant->flag, "front", "rsa", "-noservername", NULL);
}

/* unrecognized_name (RFC 6066 3); without a name missing_extension (RFC 8446 9.2). */
TEST_F_TIMEOUT(names, strict_refuses_other_names, 40)
{
	expect_cert(self, variant->flag, "strict", "other", "-servername", "other.test");
	expect_alert(self, variant->flag, "strict", "alert number 112", "-servername",
		     "nobody.test");
	expect_alert(self, variant->flag, "strict", variant->v13 ? "alert number 109" :
		     "alert number 40", "-noservername", NULL);
	EXPECT_TRUE(proc_printed(&self->d, "'nobody.test', which no identity of the listener has"));
}

/* Protocols of an identity, for a program that sets none. */
TEST_F_TIMEOUT(names, protocols_of_the_identity, 40)
{
	char protocol[16] = "";
	socklen_t len = sizeof(protocol);
	int l, fd;

	l = interop_listen("several", NULL, &self->a);
	s_client_start(&self->c, &self->a, variant->flag, "-alpn", "imap,h2", NULL);
	fd = interop_accept(l, &self->c);
	OK(getsockopt(fd, SOL_TLS, KTLS_ALPN, protocol, &len));
	EXPECT_EQ(2, len);
	EXPECT_MEMEQ("h2", protocol, 2);
	interop_expect_dialogue(&self->c, fd);
	close(fd);
	close(l);
	expect_alert(self, variant->flag, "several", "alert number 120", "-alpn", "imap");
}

/* A listener needs access to all the identities that it could use. */
TEST_F(names, access_to_every_identity)
{
	struct addr a = net_loopback(AF_INET, 0);
	int fd = interop_socket(NULL);

	OK(bind(fd, &a.sa, a.len));
	OK(sock_set_str(fd, KTLS_IDENTITY, "mixed"));
	FAILS(EACCES, listen(fd, 8));
	EXPECT_TRUE(strstr(sock_error(fd), "'private', which 'mixed' names in also"));
	close(fd);
}
