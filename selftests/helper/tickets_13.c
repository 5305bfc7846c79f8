// SPDX-License-Identifier: GPL-2.0-or-later
/* Only TLS 1.3, with the real ktlsd: how many tickets, each of them used
 * once; external keys, groups, signature algorithms; the chain that was verified.
 */
#include <poll.h>
#include <signal.h>

#include "lib/resume.h"

FIXTURE(real13) { struct proc d; struct s_server s; };
FIXTURE_SETUP(real13)
{
	net_new();
	real_start(&self->d);
}
FIXTURE_TEARDOWN(real13)
{
}

/* As many as KTLS_TICKETS says, and one after a resumed handshake. */
TEST_F_TIMEOUT(real13, number_of_tickets, 60)
{
	struct both b;
	struct addr a;
	int l;

	l = interop_listen("rsa", NULL, &a);
	OK(sock_set_int(l, KTLS_TICKETS, 5));
	b = both_open(l, &a, interop_socket("server.test"));
	EXPECT_EQ(5, sock_info(b.client).rx_records - 1);
	EXPECT_EQ(5, net_mib("TicketsPassed") + net_mib("TicketsDropped"));
	both_close(&b);
	EVENTUALLY(({
		bool resumed;

		b = both_open(l, &a, interop_socket("server.test"));
		resumed = is_resumed(b.client);
		if (resumed)
			EXPECT_EQ(1, sock_info(b.client).rx_records - 1);
		both_close(&b);
		resumed;
	}), 10000);
}

/* A ticket is used once, however many connections begin at the same time: no more are resumed
 * than there are tickets. ktlsd is stopped until all have begun. Each connection brings a new
 * ticket, which a connection that ktlsd serves later in the same round may use.
 */
TEST_F_TIMEOUT(real13, a_ticket_is_used_once, 90)
{
	unsigned int resumed = 0, full = 0, made = 1;
	struct job j[9];
	struct both b;
	struct addr a;
	int l, server;

	l = interop_listen("rsa", NULL, &a);
	OK(sock_set_int(l, KTLS_TICKETS, 1));
	b = both_open(l, &a, interop_socket("server.test"));
	both_close(&b);
	for (int n = 3; n <= 9; n += 2) {
		/* One is dropped if ktlsd has too much to do just then. */
		EVENTUALLY(net_mib("TicketsPassed") + net_mib("TicketsDropped") == made, 5000);
		OK(kill(self->d.pid, SIGSTOP));
		for (int i = 0; i < n; i++)
			job_connect(&j[i], interop_socket("server.test"), &a);
		for (int i = 0; i < n; i++)
			EVENTUALLY(sock_state(j[i].fd) == KTLS_STATE_HANDSHAKE, 5000);
		OK(kill(self->d.pid, SIGCONT));
		for (int i = 0; i < n; i++) {
			server = net_accept(l);
			/* the client has its ticket before it has this */
			net_write(server, "x", 1);
			close(server);
		}
		for (int i = 0; i < n; i++) {
			job_wait(&j[i], 10000);
			EXPECT_EQ(0, j[i].ret);
			resumed += is_resumed(j[i].fd);
			full += !is_resumed(j[i].fd);
			net_read(j[i].fd, &(char){ 0 }, 1);
			close(j[i].fd);
		}
		EXPECT_LE(resumed, made + n - 1);
		made += n;
	}
	harness_note("%u resumed, %u not", resumed, full);
	EXPECT_GT(resumed, 0);
	/* If all connections of a round could use one ticket, there would be none of these. How
	 * many tickets arrive in time depends on the scheduler, so one a round is enough.
	 */
	EXPECT_GE(full, 4);
}

static const struct ktls_psk lamp = {
	.identity_len = 4, .key_len = 16, .identity = "lamp",
	.key = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
};
#define LAMP_HEX	"000102030405060708090a0b0c0d0e0f"

static void set_lamp(int fd)
{
	OK(setsockopt(fd, SOL_TLS, KTLS_PSK, &lamp, sizeof(lamp)));
}

TEST_F_TIMEOUT(real13, external_key_with_s_server, 60)
{
	int fd;

	s_server_start(&self->s, "rsa", "-rev", "-tls1_3", "-psk_identity", "lamp", "-psk",
		       LAMP_HEX, NULL);
	for (int i = 0; i < 2; i++) {
		fd = interop_socket("server.test");
		set_lamp(fd);
		OK(connect(fd, &self->s.a.sa, self->s.a.len));
		EXPECT_FALSE(is_resumed(fd));
		EXPECT_TRUE(sock_info(fd).flags & KTLS_INFO_VERIFIED);
		EXPECT_FALSE(sock_info(fd).flags & KTLS_INFO_PEER_CERT);
		EXPECT_STREQ("lamp", sock_get_str(fd, KTLS_PEER_NAME));
		FAILS(ENODATA, getsockopt(fd, SOL_TLS, KTLS_PEER_CHAIN, &(char){ 0 },
					  &(socklen_t){ 0 }));
		interop_expect_reversed(fd);
		close(fd);
	}
	/* without the key it is a server like any other */
	EXPECT_FALSE(visit(&self->s.a, &only13, "server.test"));
	fd = interop_socket("server.test");
	set_lamp(fd);
	set_versions(fd, &only12);
	FAILS(EINVAL, connect(fd, &self->s.a.sa, self->s.a.len));
	EXPECT_TRUE(strstr(sock_error(fd), "KTLS_PSK"));
	close(fd);
}

TEST_F_TIMEOUT(real13, external_key_with_s_client, 60)
{
	struct addr a = net_loopback(AF_INET, 0);
	int l = interop_socket(NULL), fd;
	struct proc c;
	char buf[6];

	/* an identity without certificate: only for clients with the key */
	set_lamp(l);
	OK(bind(l, &a.sa, a.len));
	OK(listen(l, 5));
	OK(getsockname(l, &a.sa, &a.len));
	s_client_start(&c, &a, "-psk_identity", "lamp", "-psk", LAMP_HEX, NULL);
	fd = interop_accept(l, &c);
	EXPECT_STREQ("lamp", sock_get_str(fd, KTLS_PEER_NAME));
	EXPECT_TRUE(sock_info(fd).flags & KTLS_INFO_VERIFIED);
	OK(write(c.in, "hello\n", 6));
	net_read(fd, buf, 6);
	EXPECT_MEMEQ("hello\n", buf, 6);
	close(fd);
	EXPECT_EQ(0, proc_wait(&c, 5000));

	s_client_start(&c, &a, "-psk_identity", "lamp", "-psk", "ff" LAMP_HEX, NULL);
	EXPECT_NE(0, proc_wait(&c, 10000));
	s_client_start(&c, &a, NULL);
	EXPECT_NE(0, proc_wait(&c, 10000));
	EXPECT_EQ(0, net_poll(l, POLLIN, 100));
}

TEST_F_TIMEOUT(real13, external_key_with_gnutls_cli, 60)
{
	struct addr a = net_loopback(AF_INET, 0);
	int l = interop_socket(NULL), fd;
	struct proc c;
	char port[8], buf[6];

	set_lamp(l);
	OK(bind(l, &a.sa, a.len));
	OK(listen(l, 5));
	OK(getsockname(l, &a.sa, &a.len));
	snprintf(port, sizeof(port), "%u", ntohs(a.v4.sin_port));
	proc_start(&c, "gnutls-cli", "--pskusername", "lamp", "--pskkey", LAMP_HEX, "--priority",
		   "NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+ECDHE-PSK", "--port", port, "127.0.0.1",
		   NULL);
	fd = interop_accept(l, &c);
	EXPECT_STREQ("lamp", sock_get_str(fd, KTLS_PEER_NAME));
	OK(write(c.in, "hello\n", 6));
	net_read(fd, buf, 6);
	EXPECT_MEMEQ("hello\n", buf, 6);
	close(fd);
	proc_wait(&c, 5000);
}

TEST_F(real13, groups)
{
	static const struct { const char *name; int number; } groups[] = {
		{ "X25519", 29 }, { "secp384r1", 24 }, { "P-521:X25519", 25 }, { "X448", 30 },
	};
	int fd;

	s_server_start(&self->s, "rsa", "-rev", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		fd = interop_socket("server.test");
		OK(sock_set_str(fd, KTLS_GROUPS, groups[i].name));
		OK(connect(fd, &self->s.a.sa, self->s.a.len));
		EXPECT_EQ(groups[i].number, sock_info(fd).group);
		interop_expect_reversed(fd);
		close(fd);
	}
	fd = interop_socket("server.test");
	OK(sock_set_str(fd, KTLS_GROUPS, "X25519:ffdhe2048"));
	FAILS(EINVAL, connect(fd, &self->s.a.sa, self->s.a.len));
	EXPECT_TRUE(strstr(sock_error(fd), "KTLS_GROUPS names 'ffdhe2048'"));
	OK(sock_set_str(fd, KTLS_GROUPS, "X25519"));
	OK(connect(fd, &self->s.a.sa, self->s.a.len));
	close(fd);
}

TEST_F(real13, sigalgs)
{
	struct addr a = net_loopback(AF_INET, 0);
	int fd, l;

	s_server_start(&self->s, "rsa", "-rev", NULL);
	fd = interop_socket("server.test");
	OK(sock_set_str(fd, KTLS_SIGALGS, "rsa_pss_rsae_sha384:rsa_pss_rsae_sha256:ecdsa_secp256r1_sha256"));
	OK(connect(fd, &self->s.a.sa, self->s.a.len));
	EXPECT_EQ(0x0805, sock_info(fd).sigalg);
	close(fd);
	fd = interop_socket("server.test");
	OK(sock_set_str(fd, KTLS_SIGALGS, "ed25519"));
	FAILS(EPROTO, connect(fd, &self->s.a.sa, self->s.a.len));
	close(fd);

	/* listen() validates it too */
	l = interop_socket(NULL);
	OK(bind(l, &a.sa, a.len));
	OK(sock_set_str(l, KTLS_IDENTITY, "rsa"));
	OK(sock_set_str(l, KTLS_SIGALGS, "rsa_pkcs1_md5"));
	FAILS(EINVAL, listen(l, 5));
	EXPECT_TRUE(strstr(sock_error(l), "KTLS_SIGALGS names 'rsa_pkcs1_md5'"));
	OK(sock_set_str(l, KTLS_SIGALGS, "rsa_pss_rsae_sha256"));
	OK(listen(l, 5));
}

/* Leaf and trust anchor, although the server sent the leaf only. */
TEST_F(real13, peer_chain)
{
	const char *chain, *second;
	int fd;

	s_server_start(&self->s, "rsa", "-rev", NULL);
	fd = interop_socket("server.test");
	FAILS(ENODATA, getsockopt(fd, SOL_TLS, KTLS_PEER_CHAIN, &(char){ 0 }, &(socklen_t){ 0 }));
	OK(connect(fd, &self->s.a.sa, self->s.a.len));
	chain = sock_get_str(fd, KTLS_PEER_CHAIN);
	second = strstr(chain + 1, "-----BEGIN");
	ASSERT_TRUE(second);
	EXPECT_FALSE(strstr(second + 1, "-----BEGIN"));
	chain = sock_get_str(fd, KTLS_PEER_CERTIFICATES);
	EXPECT_FALSE(strstr(chain + 1, "-----BEGIN"));
	close(fd);
	fd = interop_socket("server.test");
	OK(sock_set_int(fd, KTLS_VERIFY, KTLS_VERIFY_NONE));
	OK(connect(fd, &self->s.a.sa, self->s.a.len));
	FAILS(ENODATA, getsockopt(fd, SOL_TLS, KTLS_PEER_CHAIN, &(char){ 0 }, &(socklen_t){ 0 }));
	close(fd);
}
