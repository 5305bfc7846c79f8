// SPDX-License-Identifier: GPL-2.0-or-later
/* The identity of a verified peer; and options that are read in pieces. */
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "lib/interop.h"

FIXTURE(peer) { struct proc d; struct s_server s; };
FIXTURE_VARIANT(peer) { const char *flag; };
FIXTURE_VARIANT_ADD(peer, tls13) { "-tls1_3" };
FIXTURE_VARIANT_ADD(peer, tls12) { "-tls1_2" };
FIXTURE_SETUP(peer)
{
	net_new();
	real_start(&self->d);
}
FIXTURE_TEARDOWN(peer)
{
}

/* As libcrypto has it. */
static void expect_fingerprint(int fd, const char *pem)
{
	uint8_t ours[KTLS_PIECE_SIZE], theirs[KTLS_PEER_FINGERPRINT_SIZE];
	FILE *file = fopen(real_pki(pem), "re");
	socklen_t len = sizeof(ours);
	X509 *cert;

	ASSERT_TRUE(file);
	cert = PEM_read_X509(file, NULL, NULL, NULL);
	ASSERT_TRUE(cert);
	ASSERT_EQ(1, X509_digest(cert, EVP_sha256(), theirs, NULL));
	OK(getsockopt(fd, SOL_TLS, KTLS_PEER_FINGERPRINT, ours, &len));
	EXPECT_EQ(KTLS_PEER_FINGERPRINT_SIZE, len);
	EXPECT_MEMEQ(theirs, ours, sizeof(theirs));
	X509_free(cert);
	fclose(file);
}

static void expect_nobody(int fd)
{
	static const int opts[] = { KTLS_PEER_SUBJECT, KTLS_PEER_NAMES, KTLS_PEER_FINGERPRINT };

	for (size_t i = 0; i < ARRAY_SIZE(opts); i++) {
		socklen_t len = 5;

		OK(getsockopt(fd, SOL_TLS, opts[i], "none", &len));
		EXPECT_EQ(0, len);
	}
	EXPECT_EQ(KTLS_REVOCATION_UNCHECKED, sock_info(fd).revocation);
}

TEST_F(peer, a_server)
{
	int fd;

	s_server_start(&self->s, "rsa", variant->flag, "-rev", NULL);
	fd = interop_socket("SERVER.test");
	expect_nobody(fd);
	OK(connect(fd, &self->s.a.sa, self->s.a.len));
	EXPECT_STREQ("server.test", sock_get_str(fd, KTLS_PEER_NAME));
	EXPECT_STREQ("CN=ktls test rsa", sock_get_str(fd, KTLS_PEER_SUBJECT));
	EXPECT_STREQ("DNS:server.test\nIP:127.0.0.1\nIP:::1\n", sock_get_str(fd, KTLS_PEER_NAMES));
	expect_fingerprint(fd, "rsa.pem");
	close(fd);
}

TEST_F(peer, a_client)
{
	struct proc c;
	struct addr a;
	int fd, l = interop_listen("rsa", NULL, &a);

	OK(sock_set_int(l, KTLS_VERIFY, KTLS_VERIFY_OPTIONAL));
	s_client_start(&c, &a, variant->flag, "-cert", real_pki("client.pem"), "-key",
		       real_pki("client.key"), NULL);
	fd = interop_accept(l, &c);
	EXPECT_STREQ("client.test", sock_get_str(fd, KTLS_PEER_NAME));
	EXPECT_STREQ("CN=ktls test client", sock_get_str(fd, KTLS_PEER_SUBJECT));
	EXPECT_STREQ("DNS:client.test\n", sock_get_str(fd, KTLS_PEER_NAMES));
	expect_fingerprint(fd, "client.pem");
	close(fd);

	s_client_start(&c, &a, variant->flag, NULL);
	fd = interop_accept(l, &c);
	expect_nobody(fd);
	close(fd);
}

/* Certificates that were not verified, or were refused, give no identity. */
TEST_F(peer, not_verified)
{
	int fd;

	s_server_start(&self->s, "untrusted", variant->flag, "-rev", NULL);
	fd = interop_socket("server.test");
	FAILS(EKEYREJECTED, connect(fd, &self->s.a.sa, self->s.a.len));
	expect_nobody(fd);
	OK(sock_set_int(fd, KTLS_VERIFY, KTLS_VERIFY_NONE));
	OK(connect(fd, &self->s.a.sa, self->s.a.len));
	EXPECT_TRUE(sock_info(fd).flags & KTLS_INFO_PEER_CERT);
	expect_nobody(fd);
	close(fd);
}

/* The pieces are the whole; a buffer that has too little room for one gets nothing. */
static void expect_pieces(int fd, int opt, socklen_t at_least)
{
	char whole[8192], joined[8192], piece[KTLS_PIECE_SIZE];
	socklen_t len, first, whole_len = sizeof(whole), total = 0;
	int n = 0;

	OK(getsockopt(fd, SOL_TLS, opt, whole, &whole_len));
	EXPECT_GT(whole_len, at_least);
	first = whole_len < KTLS_PIECE_SIZE ? whole_len : KTLS_PIECE_SIZE;
	do {
		len = sizeof(piece);
		OK(getsockopt(fd, SOL_TLS, KTLS_PIECE(opt, n), piece, &len));
		memcpy(joined + total, piece, len);
		total += len;
		n++;
	} while (len == KTLS_PIECE_SIZE);
	EXPECT_EQ(whole_len, total);
	EXPECT_MEMEQ(whole, joined, total);

	len = first - 1;
	FAILS(ERANGE, getsockopt(fd, SOL_TLS, KTLS_PIECE(opt, 0), piece, &len));
	EXPECT_EQ(first, len);
	len = sizeof(piece);
	OK(getsockopt(fd, SOL_TLS, KTLS_PIECE(opt, n), piece, &len));
	EXPECT_EQ(0, len);
	len = sizeof(piece);
	OK(getsockopt(fd, SOL_TLS, KTLS_PIECE(opt, 32766), piece, &len));
	EXPECT_EQ(0, len);
}

TEST_F(peer, chain_in_pieces)
{
	int fd;

	s_server_start(&self->s, "rsa", variant->flag, "-rev", NULL);
	fd = interop_socket("server.test");
	FAILS(ENODATA, getsockopt(fd, SOL_TLS, KTLS_PIECE(KTLS_PEER_CHAIN, 0), &(char){ 0 },
				  &(socklen_t){ 1 }));
	OK(connect(fd, &self->s.a.sa, self->s.a.len));
	expect_pieces(fd, KTLS_PEER_CHAIN, KTLS_PIECE_SIZE);
	expect_pieces(fd, KTLS_PEER_CERTIFICATES, 0);
	close(fd);
}

/* The same from Python, whose getsockopt() has no more than 1 KiB, and no input. */
TEST_F(peer, from_python)
{
	struct proc c, server;
	struct addr a = net_loopback(AF_INET, 4545);
	char *out;

	proc_start(&server, "/usr/bin/python3", real_pki("../python/peer.py"), "4545", NULL);
	EVENTUALLY(proc_printed(&server, "listening\n"), 20000);
	s_client_start(&c, &a, variant->flag, "-cert", real_pki("client.pem"), "-key",
		       real_pki("client.key"), "-keymatexport", "EXPERIMENTAL label",
		       "-keymatexportlen", "48", NULL);
	EXPECT_EQ(0, proc_wait(&server, 30000));
	EXPECT_TRUE(proc_printed(&server, "name: client.test\n"));
	EXPECT_TRUE(proc_printed(&server, "subject: CN=ktls test client\n"));
	EXPECT_TRUE(proc_printed(&server, "names: ['DNS:client.test']\n"));
	EXPECT_TRUE(proc_printed(&server, "fingerprint is that of the chain's leaf: True\n"));
	EXPECT_TRUE(proc_printed(&server, "certificates in the chain: 2\n"));
	EXPECT_TRUE(proc_printed(&server, "revocation: 0\n"));
	/* what s_client prints as keying material */
	out = proc_output(&server, NULL);
	ASSERT_TRUE(strstr(out, "exported: "));
	strtok(strstr(out, "exported: "), "\n");
	EVENTUALLY(proc_printed(&c, strstr(out, "exported: ") + 10), 5000);
	free(out);
}
