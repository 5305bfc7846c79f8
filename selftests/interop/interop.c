// SPDX-License-Identifier: GPL-2.0-or-later
/* The real ktlsd, and OpenSSL and GnuTLS as shipped at the other end. */
#include <poll.h>
#include <signal.h>

#include "lib/interop.h"

/* --- every suite, both roles --- */

FIXTURE(suite) { struct proc d; };
FIXTURE_VARIANT(suite)
{
	const char *name;
	uint16_t id;
	const char *cert;
};
FIXTURE_VARIANT_ADD(suite, tls13_aes128) { "TLS_AES_128_GCM_SHA256", 0x1301, "rsa" };
FIXTURE_VARIANT_ADD(suite, tls13_aes256) { "TLS_AES_256_GCM_SHA384", 0x1302, "ecdsa" };
FIXTURE_VARIANT_ADD(suite, tls13_chacha) { "TLS_CHACHA20_POLY1305_SHA256", 0x1303, "rsa" };
FIXTURE_VARIANT_ADD(suite, rsa_aes128) { "ECDHE-RSA-AES128-GCM-SHA256", 0xc02f, "rsa" };
FIXTURE_VARIANT_ADD(suite, rsa_aes256) { "ECDHE-RSA-AES256-GCM-SHA384", 0xc030, "rsa" };
FIXTURE_VARIANT_ADD(suite, rsa_chacha) { "ECDHE-RSA-CHACHA20-POLY1305", 0xcca8, "rsa" };
FIXTURE_VARIANT_ADD(suite, ecdsa_aes128) { "ECDHE-ECDSA-AES128-GCM-SHA256", 0xc02b, "ecdsa" };
FIXTURE_VARIANT_ADD(suite, ecdsa_aes256) { "ECDHE-ECDSA-AES256-GCM-SHA384", 0xc02c, "ecdsa" };
FIXTURE_VARIANT_ADD(suite, ecdsa_chacha) { "ECDHE-ECDSA-CHACHA20-POLY1305", 0xcca9, "ecdsa" };
FIXTURE_SETUP(suite)
{
	net_new();
	real_start(&self->d);
}
FIXTURE_TEARDOWN(suite)
{
}

TEST_F_TIMEOUT(suite, client_of_s_server, 40)
{
	struct s_server s;
	struct ktls_info info;
	int fd;

	s_server_start(&s, variant->cert, "-rev", NULL);
	fd = interop_socket("server.test");
	OK(sock_set_str(fd, KTLS_CIPHERS, variant->name));
	OK(connect(fd, &s.a.sa, s.a.len));
	info = sock_info(fd);
	EXPECT_EQ(variant->id, info.suite);
	EXPECT_EQ(variant->id < 0x1400 ? KTLS_TLS_1_3 : KTLS_TLS_1_2, info.version);
	EXPECT_TRUE(info.flags & KTLS_INFO_VERIFIED);
	EXPECT_NE(0, info.group);
	EXPECT_STREQ("server.test", sock_get_str(fd, KTLS_PEER_NAME));
	EXPECT_TRUE(strstr(sock_get_str(fd, KTLS_PEER_CERTIFICATES), "BEGIN CERTIFICATE"));
	for (int i = 0; i < 3; i++)
		interop_expect_reversed(fd);
	OK(shutdown(fd, SHUT_WR));
	/* s_server answers close_notify with its own */
	EXPECT_EQ(0, read(fd, &(char){ 0 }, 1));
	close(fd);
}

TEST_F_TIMEOUT(suite, server_of_s_client, 40)
{
	struct proc c;
	int l, fd;
	struct addr a;

	l = interop_listen(variant->cert, variant->name, &a);
	s_client_start(&c, &a, "-servername", "server.test", NULL);
	fd = interop_accept(l, &c);
	EXPECT_EQ(variant->id, sock_info(fd).suite);
	EXPECT_STREQ("server.test", sock_get_str(fd, KTLS_SERVER_NAME));
	interop_expect_dialogue(&c, fd);
	close(fd);
	/* it exits with 0 after our close_notify */
	EXPECT_EQ(0, proc_wait(&c, 5000));
}

/* --- GnuTLS --- */

FIXTURE(gnutls) { struct proc d; };
FIXTURE_VARIANT(gnutls) { const char *priority; int version; };
FIXTURE_VARIANT_ADD(gnutls, tls13) { "NORMAL:-VERS-ALL:+VERS-TLS1.3", KTLS_TLS_1_3 };
FIXTURE_VARIANT_ADD(gnutls, tls12) { "NORMAL:-VERS-ALL:+VERS-TLS1.2", KTLS_TLS_1_2 };
FIXTURE_SETUP(gnutls)
{
	net_new();
	real_start(&self->d);
}
FIXTURE_TEARDOWN(gnutls)
{
}

TEST_F_TIMEOUT(gnutls, server_of_gnutls_cli, 40)
{
	struct proc c;
	struct addr a;
	int l, fd;

	l = interop_listen("ecdsa", NULL, &a);
	gnutls_cli_start(&c, &a, variant->priority, NULL);
	fd = interop_accept(l, &c);
	EXPECT_EQ(variant->version, sock_info(fd).version);
	EVENTUALLY(proc_printed(&c, "Handshake was completed"), 5000);
	interop_expect_dialogue(&c, fd);
	close(fd);
	EXPECT_EQ(0, proc_wait(&c, 5000));
}

TEST_F_TIMEOUT(gnutls, client_of_gnutls_serv, 40)
{
	struct addr a;
	char buf[8] = "";
	struct proc s;
	int fd;

	a = gnutls_serv_start(&s, variant->priority);
	fd = interop_socket("server.test");
	OK(connect(fd, &a.sa, a.len));
	EXPECT_EQ(variant->version, sock_info(fd).version);
	net_write(fd, "hello\n", 6);
	net_read(fd, buf, 6);
	EXPECT_MEMEQ("hello\n", buf, 6);
	close(fd);
	proc_kill(&s, SIGTERM);
}

/* --- options on the wire --- */

FIXTURE(real) { struct proc d; struct s_server s; };
FIXTURE_SETUP(real)
{
	net_new();
	real_start_with(&self->d, real_restricted());
}
FIXTURE_TEARDOWN(real)
{
}

TEST_F(real, alpn)
{
	int fd;

	s_server_start(&self->s, "rsa", "-rev", "-alpn", "h2,http/1.1", NULL);
	fd = interop_socket("server.test");
	OK(setsockopt(fd, SOL_TLS, KTLS_ALPN, "\10http/1.1", 9));
	OK(connect(fd, &self->s.a.sa, self->s.a.len));
	EXPECT_STREQ("http/1.1", sock_get_str(fd, KTLS_ALPN));
	interop_expect_reversed(fd);
	close(fd);
}

TEST_F(real, alpn_without_overlap)
{
	int fd;

	s_server_start(&self->s, "rsa", "-rev", "-alpn", "h2", NULL);
	fd = interop_socket("server.test");
	OK(setsockopt(fd, SOL_TLS, KTLS_ALPN, "\4smtp", 5));
	FAILS(EPROTO, connect(fd, &self->s.a.sa, self->s.a.len));
	EXPECT_EQ(120, sock_info(fd).alert_rcvd);
	EXPECT_TRUE(strlen(sock_error(fd)) > 10);
}

TEST_F(real, alpn_as_server)
{
	struct proc c;
	struct addr a;
	int l, fd;

	l = interop_listen("rsa", NULL, &a);
	OK(setsockopt(l, SOL_TLS, KTLS_ALPN, "\2h2\10http/1.1", 12));
	s_client_start(&c, &a, "-alpn", "http/1.1,h2", NULL);
	fd = interop_accept(l, &c);
	/* the server's preference counts */
	EXPECT_STREQ("h2", sock_get_str(fd, KTLS_ALPN));
	close(fd);
	proc_wait(&c, 5000);
	s_client_start(&c, &a, "-alpn", "smtp", NULL);
	EXPECT_NE(0, proc_wait(&c, 10000));
	EXPECT_TRUE(proc_printed(&c, "no application protocol"));
}

TEST_F(real, versions)
{
	static const struct ktls_versions only12 = { KTLS_TLS_1_2, KTLS_TLS_1_2 };
	static const struct ktls_versions only13 = { KTLS_TLS_1_3, KTLS_TLS_1_3 };
	int fd;

	s_server_start(&self->s, "rsa", "-rev", NULL);
	fd = interop_socket("server.test");
	OK(setsockopt(fd, SOL_TLS, KTLS_VERSIONS, &only12, sizeof(only12)));
	OK(connect(fd, &self->s.a.sa, self->s.a.len));
	EXPECT_EQ(KTLS_TLS_1_2, sock_info(fd).version);
	interop_expect_reversed(fd);
	close(fd);
	fd = interop_socket("server.test");
	OK(setsockopt(fd, SOL_TLS, KTLS_VERSIONS, &only13, sizeof(only13)));
	OK(connect(fd, &self->s.a.sa, self->s.a.len));
	EXPECT_EQ(KTLS_TLS_1_3, sock_info(fd).version);
	interop_expect_reversed(fd);
	close(fd);
}

TEST_F(real, no_common_version)
{
	static const struct ktls_versions only12 = { KTLS_TLS_1_2, KTLS_TLS_1_2 };
	int fd;

	s_server_start(&self->s, "rsa", "-rev", "-tls1_3", NULL);
	fd = interop_socket("server.test");
	OK(setsockopt(fd, SOL_TLS, KTLS_VERSIONS, &only12, sizeof(only12)));
	FAILS(EPROTO, connect(fd, &self->s.a.sa, self->s.a.len));
	EXPECT_EQ(70, sock_info(fd).alert_rcvd);
}

TEST_F(real, ipv6)
{
	struct addr a = net_loopback(AF_INET6, 4434);
	struct proc s;
	int fd;

	proc_start(&s, "openssl", "s_server", "-accept", "[::1]:4434", "-rev", "-cert",
		   real_pki("rsa.pem"), "-key", real_pki("rsa.key"), NULL);
	real_wait_port(4434);
	fd = sock_new(AF_INET6);
	/* no name: the address is verified, and the certificate has it */
	OK(connect(fd, &a.sa, a.len));
	EXPECT_TRUE(sock_info(fd).flags & KTLS_INFO_VERIFIED);
	interop_expect_reversed(fd);
	close(fd);
	proc_kill(&s, SIGTERM);
}

/* A server's own certificate, from the program and not from ktlsd's files. */
TEST_F(real, the_programs_own_certificate)
{
	struct addr a = net_loopback(AF_INET, 0);
	struct proc c;
	int l = sock_new(AF_INET), fd;

	interop_set_file(l, KTLS_CERTIFICATE, "ecdsa.pem");
	interop_set_file(l, KTLS_PRIVATE_KEY, "ecdsa.key");
	OK(bind(l, &a.sa, a.len));
	OK(listen(l, 5));
	OK(getsockname(l, &a.sa, &a.len));
	s_client_start(&c, &a, NULL);
	fd = interop_accept(l, &c);
	net_write(fd, "mine\n", 5);
	EVENTUALLY(proc_printed(&c, "mine\n"), 5000);
	close(fd);
	EXPECT_EQ(0, proc_wait(&c, 5000));
}

TEST_F(real, a_key_of_another_certificate)
{
	struct addr a = net_loopback(AF_INET, 0);
	int l = sock_new(AF_INET);

	interop_set_file(l, KTLS_CERTIFICATE, "ecdsa.pem");
	interop_set_file(l, KTLS_PRIVATE_KEY, "rsa.key");
	OK(bind(l, &a.sa, a.len));
	FAILS(EINVAL, listen(l, 5));
	EXPECT_TRUE(strlen(sock_error(l)) > 10);
	interop_set_file(l, KTLS_PRIVATE_KEY, "ecdsa.key");
	OK(listen(l, 5));
}

/* In the middle of a handshake: the alert is sealed by ktlsd, which says why. */
TEST_F(real, a_record_against_the_rfc)
{
	static const uint8_t bad[] = { 23, 3, 3, 0x48, 1 };
	int client = interop_socket("server.test"), plain, fd, tls;
	uint8_t hello[4096], record[16384 + 512];
	struct addr a, server;
	size_t len;

	/* A ClientHello of ktlsd, after which the test sends an invalid record. */
	plain = net_listen(AF_INET, 1, &a);
	net_nonblock(client, true);
	FAILS(EINPROGRESS, connect(client, &a.sa, a.len));
	fd = net_accept(plain);
	net_read(fd, hello, 5);
	len = 5 + (hello[3] << 8 | hello[4]);
	ASSERT_LE(len, sizeof(hello));
	net_read(fd, hello + 5, len - 5);

	interop_listen("ecdsa", NULL, &server);
	tls = net_socket(AF_INET);
	OK(connect(tls, &server.sa, server.len));
	net_write(tls, hello, len);
	net_read(tls, record, 5);
	EXPECT_EQ(22, record[0]);
	net_write(tls, bad, sizeof(bad));
	EVENTUALLY(proc_printed(&self->d, "the peer sent a record that is too long"), 5000);
	/* The last record is an alert: two bytes, the type, the tag. */
	len = record[3] << 8 | record[4];
	for (;;) {
		net_read(tls, record, len);
		if (!read(tls, record, 1))
			break;
		net_read(tls, record + 1, 4);
		len = record[3] << 8 | record[4];
	}
	EXPECT_EQ(2 + 1 + 16, len);
}

TEST_F(real, identities)
{
	struct addr a = net_loopback(AF_INET, 0);
	int l = sock_new(AF_INET);

	OK(bind(l, &a.sa, a.len));
	OK(sock_set_str(l, KTLS_IDENTITY, "nobody"));
	FAILS(ENOKEY, listen(l, 5));
	EXPECT_TRUE(strstr(sock_error(l), "nobody"));
	OK(sock_set_str(l, KTLS_IDENTITY, "private"));
	FAILS(EACCES, listen(l, 5));
	EXPECT_TRUE(strstr(sock_error(l), "private"));
	/* with the credentials of the thread that sets it */
	harness_seteuid(4242);
	OK(sock_set_str(l, KTLS_IDENTITY, "private"));
	harness_seteuid(0);
	OK(listen(l, 5));
}

static void expect_served(const struct addr *a)
{
	int fd = interop_socket("server.test");

	OK(connect(fd, &a->sa, a->len));
	close(fd);
}

/* On a listening socket setsockopt() fails as listen() would. */
TEST_F(real, identity_after_listen)
{
	struct addr a;
	int l = interop_listen("ecdsa", NULL, &a);

	FAILS(ENOKEY, sock_set_str(l, KTLS_IDENTITY, "nobody"));
	EXPECT_TRUE(strstr(sock_error(l), "nobody"));
	FAILS(EACCES, sock_set_str(l, KTLS_IDENTITY, "private"));
	FAILS(EINVAL, sock_set_str(l, KTLS_TRUST, "no certificate at all"));
	/* and the old configuration is still in force */
	expect_served(&a);
	OK(sock_set_str(l, KTLS_IDENTITY, "rsa"));
	EXPECT_STREQ("", sock_error(l));
	expect_served(&a);
}

/* Versions that no suite is for, as with listen(). */
TEST_F(real, versions_after_listen)
{
	struct ktls_versions tls12 = { KTLS_TLS_1_2, KTLS_TLS_1_2 };
	struct ktls_versions both = { KTLS_TLS_1_2, KTLS_TLS_1_3 };
	struct addr a;
	int l = interop_listen("ecdsa", NULL, &a);

	OK(sock_set_str(l, KTLS_CIPHERS, "TLS_AES_128_GCM_SHA256"));
	FAILS(EINVAL, setsockopt(l, SOL_TLS, KTLS_VERSIONS, &tls12, sizeof(tls12)));
	EXPECT_TRUE(strstr(sock_error(l), "KTLS_VERSIONS"));
	expect_served(&a);
	OK(setsockopt(l, SOL_TLS, KTLS_VERSIONS, &both, sizeof(both)));
	OK(sock_set_int(l, KTLS_VERIFY, KTLS_VERIFY_OPTIONAL));
	expect_served(&a);
}

TEST_F(real, ulp_and_identity_after_listen)
{
	struct addr a;
	int l = net_listen(AF_INET, 5, &a);

	OK(sock_attach(l));
	OK(sock_set_str(l, KTLS_CIPHERS, "TLS_AES_128_GCM_SHA256"));
	FAILS(ENOKEY, sock_set_str(l, KTLS_IDENTITY, "nobody"));
	EXPECT_TRUE(strstr(sock_error(l), "nobody"));
	OK(sock_set_str(l, KTLS_IDENTITY, "ecdsa"));
	expect_served(&a);
}

TEST_F(real, ulp_and_certificate_after_listen)
{
	struct addr a;
	int l = net_listen(AF_INET, 5, &a);

	OK(sock_attach(l));
	interop_set_file(l, KTLS_CERTIFICATE, "ecdsa.pem");
	FAILS(EINVAL, sock_set_str(l, KTLS_PRIVATE_KEY, "no key"));
	interop_set_file(l, KTLS_PRIVATE_KEY, "ecdsa.key");
	expect_served(&a);
}

TEST_HARNESS_MAIN
