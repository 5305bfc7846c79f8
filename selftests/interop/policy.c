// SPDX-License-Identifier: GPL-2.0-or-later
/* Sections [policy] of ktlsd.conf, from the program's side. */
#include <signal.h>

#include "lib/interop.h"

FIXTURE(policy) { struct proc d; };
FIXTURE_SETUP(policy)
{
	net_new();
	real_start_with(&self->d, "[policy floor]\nmin_version = 1.3\nverify = required\n"
			"own_anchors = no\n"
			"[policy mutual]\nuids = 4243\nverify_clients = required\n");
}
FIXTURE_TEARDOWN(policy)
{
}

static const struct ktls_versions only_12 = { KTLS_TLS_1_2, KTLS_TLS_1_2 };

/* connect() on a socket that asks for less fails, and KTLS_ERROR names the policy and @word. */
static void expect_forbidden(int fd, const struct addr *a, const char *word)
{
	FAILS(EACCES, connect(fd, &a->sa, a->len));
	EXPECT_TRUE(strstr(sock_error(fd), "Forbidden by policy 'floor' ("));
	EXPECT_TRUE(strstr(sock_error(fd), word));
	close(fd);
}

TEST_F_TIMEOUT(policy, narrows_and_refuses, 60)
{
	struct s_server s;
	int fd;

	s_server_start(&s, "rsa", NULL);
	fd = interop_socket("server.test");
	OK(connect(fd, &s.a.sa, s.a.len));
	EXPECT_EQ(KTLS_TLS_1_3, sock_info(fd).version);
	close(fd);
	fd = interop_socket("server.test");
	OK(setsockopt(fd, SOL_TLS, KTLS_VERSIONS, &only_12, sizeof(only_12)));
	expect_forbidden(fd, &s.a, "min_version");
	fd = interop_socket("server.test");
	OK(sock_set_int(fd, KTLS_VERIFY, KTLS_VERIFY_NONE));
	expect_forbidden(fd, &s.a, "KTLS_VERIFY is KTLS_VERIFY_NONE");
	fd = interop_socket("server.test");
	interop_set_file(fd, KTLS_TRUST, "ca.pem");
	expect_forbidden(fd, &s.a, "own_anchors");
}

TEST_F_TIMEOUT(policy, listen_refuses, 60)
{
	struct addr a = net_loopback(AF_INET, 0);
	int fd = sock_new(AF_INET);

	OK(bind(fd, &a.sa, a.len));
	OK(sock_set_str(fd, KTLS_IDENTITY, "rsa"));
	OK(setsockopt(fd, SOL_TLS, KTLS_VERSIONS, &only_12, sizeof(only_12)));
	FAILS(EACCES, listen(fd, 8));
	EXPECT_TRUE(strstr(sock_error(fd), "allow TLS 1.3"));
	close(fd);
}

FIXTURE(rsa_transport) { struct proc d; };
FIXTURE_VARIANT(rsa_transport) { const char *name; uint16_t id; };
FIXTURE_VARIANT_ADD(rsa_transport, aes128) { "AES128-GCM-SHA256", 0x009c };
FIXTURE_VARIANT_ADD(rsa_transport, aes256) { "AES256-GCM-SHA384", 0x009d };
FIXTURE_SETUP(rsa_transport)
{
	size_t len;
	char *lines;
	FILE *config = open_memstream(&lines, &len);

	net_new();
	real_identity(config, "old", "rsa",
		      "rsa_key_transport = yes\n[policy]\nrsa_key_transport = yes\nuids = root\n");
	fclose(config);
	real_start_with(&self->d, lines);
	free(lines);
	EXPECT_TRUE(proc_printed(&self->d, "rsa_key_transport = yes: whoever gets"));
}
FIXTURE_TEARDOWN(rsa_transport)
{
}

TEST_F_TIMEOUT(rsa_transport, client_of_s_server, 40)
{
	struct s_server s;
	int fd;

	s_server_start(&s, "rsa", "-rev", "-tls1_2", "-cipher", variant->name, NULL);
	fd = interop_socket("server.test");
	OK(connect(fd, &s.a.sa, s.a.len));
	EXPECT_EQ(variant->id, sock_info(fd).suite);
	EXPECT_TRUE(sock_info(fd).flags & KTLS_INFO_VERIFIED);
	interop_expect_reversed(fd);
	close(fd);
}

TEST_F_TIMEOUT(rsa_transport, server_of_s_client, 40)
{
	struct proc c;
	struct addr a;
	int l, fd;

	l = interop_listen("old", NULL, &a);
	s_client_start(&c, &a, "-tls1_2", "-cipher", variant->name, NULL);
	fd = interop_accept(l, &c);
	EXPECT_EQ(variant->id, sock_info(fd).suite);
	interop_expect_dialogue(&c, fd);
	close(fd);
	EXPECT_EQ(0, proc_wait(&c, 5000));
}

/* Without the policy the suite cannot even be named. */
TEST_F_TIMEOUT(policy, no_rsa_transport, 40)
{
	struct addr a = net_loopback(AF_INET, 0);
	int fd = sock_new(AF_INET);

	OK(bind(fd, &a.sa, a.len));
	OK(sock_set_str(fd, KTLS_IDENTITY, "rsa"));
	OK(sock_set_str(fd, KTLS_CIPHERS, "TLS_AES_128_GCM_SHA256:AES128-GCM-SHA256"));
	FAILS(EACCES, listen(fd, 8));
	EXPECT_TRUE(strstr(sock_error(fd), "rsa_key_transport"));
	close(fd);
}
