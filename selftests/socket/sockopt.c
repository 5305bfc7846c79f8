// SPDX-License-Identifier: GPL-2.0-or-later
/* Each socket option alone: valid values, invalid values, and what getsockopt() returns. */
#include <sys/mman.h>

#include "lib/sock.h"

static int set_bytes(int fd, int opt, const void *p, size_t len)
{
	return setsockopt(fd, SOL_TLS, opt, p, len);
}

/* getsockopt() fails with one of two errnos and writes nothing. */
static void expect_no_get(int fd, int opt)
{
	char buf[4096];
	socklen_t len = sizeof(buf);
	int ret;

	memset(buf, 0x5a, sizeof(buf));
	ret = getsockopt(fd, SOL_TLS, opt, buf, &len);
	EXPECT_EQ(-1, ret);
	EXPECT_TRUE(errno == EOPNOTSUPP || errno == ENOPROTOOPT);
	for (size_t i = 0; i < sizeof(buf); i++)
		ASSERT_EQ(0x5a, buf[i]);
}

FIXTURE(option) { int fd; };
FIXTURE_SETUP(option)
{
	net_new();
	self->fd = sock_new(AF_INET);
}
FIXTURE_TEARDOWN(option)
{
	close(self->fd);
}

TEST_F(option, ulp_is_reported)
{
	char name[16] = "";
	socklen_t len = sizeof(name);

	OK(getsockopt(self->fd, IPPROTO_TCP, TCP_ULP, name, &len));
	EXPECT_STREQ("ktls", name);
	FAILS(EEXIST, sock_attach(self->fd));
	EXPECT_EQ(KTLS_STATE_NEW, sock_state(self->fd));
}

TEST_F(option, server_name_accepts)
{
	static const char *const good[] = {
		"a", "server.test", "SERVER.Test", "a-b.c-d.example", "xn--bcher-kva.example",
		"1.2.3.4", "::1", "2001:db8::1:2", "123.example", "_a.b_c.test",
		"3com.com", "1.2.3.4a",
	};
	char longest[254];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		OK(sock_set_str(self->fd, KTLS_SERVER_NAME, good[i]));
		EXPECT_STREQ(good[i], sock_get_str(self->fd, KTLS_SERVER_NAME));
	}
	for (int i = 0; i < 253; i++)
		longest[i] = i % 50 == 49 ? '.' : 'x';
	longest[253] = 0;
	OK(sock_set_str(self->fd, KTLS_SERVER_NAME, longest));
	EXPECT_STREQ(longest, sock_get_str(self->fd, KTLS_SERVER_NAME));
	/* the final NUL is not part of the name */
	OK(set_bytes(self->fd, KTLS_SERVER_NAME, "server.test", 12));
	EXPECT_STREQ("server.test", sock_get_str(self->fd, KTLS_SERVER_NAME));
}

TEST_F(option, server_name_refuses)
{
	static const struct { const char *text; size_t len; } bad[] = {
		{ "", 0 }, { "", 1 }, { ".server.test", 12 }, { "*.server.test", 13 }, { "*", 1 },
		{ "ser\0ver", 7 }, { "a b", 3 }, { "b\303\274cher.example", 14 }, { "a..b", 4 },
		{ "a/b", 3 }, { "1.2.3", 5 }, { "256.1.1.1", 9 }, { "a.7", 3 }, { "server.test.", 12 }, { "a\n", 2 }, { "server.test\0", 13 }, { "server:443", 10 },
		{ "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl.test", 69 },
	};
	char text[255];

	OK(sock_set_str(self->fd, KTLS_SERVER_NAME, "before.test"));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		FAILS(EINVAL, set_bytes(self->fd, KTLS_SERVER_NAME, bad[i].text, bad[i].len));
	memset(text, 'x', sizeof(text));
	for (int i = 49; i < 255; i += 50)
		text[i] = '.';
	FAILS(EMSGSIZE, set_bytes(self->fd, KTLS_SERVER_NAME, text, 254 + 1));
	/* the old value is still set */
	EXPECT_STREQ("before.test", sock_get_str(self->fd, KTLS_SERVER_NAME));
}

TEST_F(option, get_with_a_small_buffer)
{
	char buf[16] = "untouched";
	socklen_t len = 5;

	OK(sock_set_str(self->fd, KTLS_SERVER_NAME, "server.test"));
	FAILS(ERANGE, getsockopt(self->fd, SOL_TLS, KTLS_SERVER_NAME, buf, &len));
	EXPECT_GE(len, 11);
	EXPECT_LE(len, 12);
	EXPECT_STREQ("untouched", buf);
	OK(getsockopt(self->fd, SOL_TLS, KTLS_SERVER_NAME, buf, &len));
	EXPECT_EQ(11, len);
	EXPECT_MEMEQ("server.test", buf, 11);

	len = 0;
	FAILS(ERANGE, getsockopt(self->fd, SOL_TLS, KTLS_TIMEOUT, buf, &len));
	EXPECT_EQ(4, len);
	len = 2;
	FAILS(ERANGE, getsockopt(self->fd, SOL_TLS, KTLS_VERSIONS, buf, &len));
	EXPECT_EQ(4, len);
}

TEST_F(option, bad_pointers)
{
	char page[8] = "x";
	socklen_t len = sizeof(page);

	FAILS(EFAULT, set_bytes(self->fd, KTLS_SERVER_NAME, (void *)8, 5));
	FAILS(EFAULT, set_bytes(self->fd, KTLS_TRUST, (void *)8, 100000));
	FAILS(EFAULT, set_bytes(self->fd, KTLS_TIMEOUT, (void *)8, 4));
	FAILS(EFAULT, getsockopt(self->fd, SOL_TLS, KTLS_TIMEOUT, (void *)8, &len));
	FAILS(EFAULT, getsockopt(self->fd, SOL_TLS, KTLS_TIMEOUT, page, (void *)8));
	FAILS(EINVAL, set_bytes(self->fd, KTLS_SERVER_NAME, "a", -1));
	len = -1;
	FAILS(EINVAL, getsockopt(self->fd, SOL_TLS, KTLS_TIMEOUT, page, &len));
}

TEST_F(option, identity)
{
	char text[65];

	memset(text, 'i', sizeof(text));
	FAILS(EINVAL, set_bytes(self->fd, KTLS_IDENTITY, "", 0));
	FAILS(EINVAL, set_bytes(self->fd, KTLS_IDENTITY, "a\0b", 3));
	FAILS(EMSGSIZE, set_bytes(self->fd, KTLS_IDENTITY, text, 65));
	OK(set_bytes(self->fd, KTLS_IDENTITY, text, 64));
	OK(sock_set_str(self->fd, KTLS_IDENTITY, "www"));
	EXPECT_STREQ("www", sock_get_str(self->fd, KTLS_IDENTITY));
	FAILS(EINVAL, sock_set_str(self->fd, KTLS_CERTIFICATE, "-----BEGIN CERTIFICATE-----\n"));
	FAILS(EINVAL, sock_set_str(self->fd, KTLS_PRIVATE_KEY, "-----BEGIN PRIVATE KEY-----\n"));
}

TEST_F(option, own_certificate_excludes_identity)
{
	OK(sock_set_str(self->fd, KTLS_CERTIFICATE, "-----BEGIN CERTIFICATE-----\n"));
	FAILS(EINVAL, sock_set_str(self->fd, KTLS_IDENTITY, "www"));
	EXPECT_STREQ("", sock_get_str(self->fd, KTLS_IDENTITY));
}

TEST_F(option, pem_sizes)
{
	static const struct { int opt; size_t max; } limit[] = {
		{ KTLS_CERTIFICATE, 64 << 10 }, { KTLS_PRIVATE_KEY, 16 << 10 }, { KTLS_TRUST, 1 << 20 },
	};
	char *pem = malloc((1 << 20) + 1);

	ASSERT_TRUE(pem);
	memset(pem, 'A', (1 << 20) + 1);
	for (int i = 0; i < 3; i++) {
		FAILS(EINVAL, set_bytes(self->fd, limit[i].opt, pem, 0));
		FAILS(EMSGSIZE, set_bytes(self->fd, limit[i].opt, pem, limit[i].max + 1));
		OK(set_bytes(self->fd, limit[i].opt, pem, limit[i].max));
		/* a second time: the old value is freed */
		OK(set_bytes(self->fd, limit[i].opt, pem, 100));
		expect_no_get(self->fd, limit[i].opt);
	}
	free(pem);
}

TEST_F(option, verify)
{
	FAILS(EINVAL, sock_set_int(self->fd, KTLS_VERIFY, -1));
	FAILS(EINVAL, sock_set_int(self->fd, KTLS_VERIFY, 3));
	FAILS(EINVAL, set_bytes(self->fd, KTLS_VERIFY, "\1", 1));
	for (int v = 0; v < 3; v++) {
		OK(sock_set_int(self->fd, KTLS_VERIFY, v));
		EXPECT_EQ(v, sock_get_int(self->fd, KTLS_VERIFY));
	}
}

TEST_F(option, alpn)
{
	static const struct { const char *list; size_t len; } bad[] = {
		{ "", 0 }, { "\0", 1 }, { "\2h", 2 }, { "\2h2\0", 4 }, { "\2h2\5http", 8 }, { "\377h", 2 },
	};
	char list[1025];

	OK(set_bytes(self->fd, KTLS_ALPN, "\2h2\10http/1.1", 12));
	/* no protocol is negotiated yet */
	EXPECT_STREQ("", sock_get_str(self->fd, KTLS_ALPN));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		FAILS(EINVAL, set_bytes(self->fd, KTLS_ALPN, bad[i].list, bad[i].len));
	for (size_t i = 0; i < sizeof(list); i++)
		list[i] = i % 2 ? 'p' : 1;
	OK(set_bytes(self->fd, KTLS_ALPN, list, 1024));
	FAILS(EMSGSIZE, set_bytes(self->fd, KTLS_ALPN, list, 1025));
	memset(list, 'p', 256);
	list[0] = (char)255;
	OK(set_bytes(self->fd, KTLS_ALPN, list, 256));
}

TEST_F(option, versions)
{
	static const struct ktls_versions bad[] = {
		{ 0x0302, 0x0304 }, { 0x0303, 0x0305 }, { 0x0304, 0x0303 }, { 0, 0 }, { 0x0303, 0 },
		{ 0, 0x0304 }, { 0xfefd, 0xfefd },
	};
	static const struct ktls_versions good[] = {
		{ KTLS_TLS_1_2, KTLS_TLS_1_2 }, { KTLS_TLS_1_3, KTLS_TLS_1_3 },
		{ KTLS_TLS_1_2, KTLS_TLS_1_3 },
	};
	struct ktls_versions v;
	socklen_t len = sizeof(v);

	OK(getsockopt(self->fd, SOL_TLS, KTLS_VERSIONS, &v, &len));
	EXPECT_EQ(KTLS_TLS_1_2, v.min);
	EXPECT_EQ(KTLS_TLS_1_3, v.max);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		FAILS(EINVAL, set_bytes(self->fd, KTLS_VERSIONS, &bad[i], sizeof(v)));
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		OK(set_bytes(self->fd, KTLS_VERSIONS, &good[i], sizeof(v)));
		OK(getsockopt(self->fd, SOL_TLS, KTLS_VERSIONS, &v, &len));
		EXPECT_MEMEQ(&good[i], &v, sizeof(v));
	}
	FAILS(EINVAL, set_bytes(self->fd, KTLS_VERSIONS, good, 2));
}

TEST_F(option, ciphers)
{
	static const char *const bad[] = {
		"", "HIGH", "ALL:eNULL", "TLS_AES_128_GCM_SHA256:", ":TLS_AES_128_GCM_SHA256",
		"TLS_AES_128_GCM_SHA256::TLS_AES_256_GCM_SHA384", "tls_aes_128_gcm_sha256",
		"AES128-SHA", "TLS_AES_128_GCM_SHA256,TLS_AES_256_GCM_SHA384", "@SECLEVEL=0",
		"TLS_AES_128_GCM_SHA256:@SECLEVEL=0", "!TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA25",
		"TLS_AES_128_GCM_SHA256 ",
	};
	const char *good = "TLS_CHACHA20_POLY1305_SHA256:ECDHE-RSA-AES256-GCM-SHA384";
	char text[1025];

	OK(sock_set_str(self->fd, KTLS_CIPHERS, good));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		FAILS(EINVAL, sock_set_str(self->fd, KTLS_CIPHERS, bad[i]));
	memset(text, 'A', sizeof(text));
	FAILS(EMSGSIZE, set_bytes(self->fd, KTLS_CIPHERS, text, 1025));
	EXPECT_STREQ(good, sock_get_str(self->fd, KTLS_CIPHERS));
}

TEST_F(option, timeout)
{
	EXPECT_EQ(10000, sock_get_int(self->fd, KTLS_TIMEOUT));
	FAILS(EINVAL, sock_set_u32(self->fd, KTLS_TIMEOUT, 0));
	FAILS(EINVAL, sock_set_u32(self->fd, KTLS_TIMEOUT, 60001));
	FAILS(EINVAL, sock_set_u32(self->fd, KTLS_TIMEOUT, -1));
	FAILS(EINVAL, set_bytes(self->fd, KTLS_TIMEOUT, "\1\1\1", 3));
	OK(sock_set_u32(self->fd, KTLS_TIMEOUT, 1));
	OK(sock_set_u32(self->fd, KTLS_TIMEOUT, 60000));
	EXPECT_EQ(60000, sock_get_int(self->fd, KTLS_TIMEOUT));
}

TEST_F(option, record_padding)
{
	socklen_t len = sizeof(uint16_t);
	uint16_t v = 1;

	OK(getsockopt(self->fd, SOL_TLS, KTLS_RECORD_PADDING, &v, &len));
	EXPECT_EQ(0, v);
	OK(setsockopt(self->fd, SOL_TLS, KTLS_RECORD_PADDING, &(uint16_t){ 16384 }, 2));
	FAILS(EINVAL, setsockopt(self->fd, SOL_TLS, KTLS_RECORD_PADDING, &(uint16_t){ 16385 }, 2));
	/* truncated to 16 bits this would be 1 */
	FAILS(EINVAL, sock_set_int(self->fd, KTLS_RECORD_PADDING, 65537));
	OK(getsockopt(self->fd, SOL_TLS, KTLS_RECORD_PADDING, &v, &len));
	EXPECT_EQ(16384, v);
	EXPECT_EQ(2, len);
}

TEST_F(option, eof)
{
	EXPECT_EQ(1, sock_get_int(self->fd, KTLS_EOF));
	FAILS(EINVAL, sock_set_int(self->fd, KTLS_EOF, 2));
	FAILS(EINVAL, sock_set_int(self->fd, KTLS_EOF, -1));
	OK(sock_set_int(self->fd, KTLS_EOF, 0));
	EXPECT_EQ(0, sock_get_int(self->fd, KTLS_EOF));
}

TEST_F(option, unknown_numbers)
{
	static const int unknown[] = {
		6, 63, 91, 127, 1000, -1, KTLS_PIECE(6, 0), KTLS_PIECE(127, 0),
		KTLS_PIECE(KTLS_HANDSHAKE, 0),
	};
	char buf[64] = "";

	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		socklen_t len = sizeof(buf);

		FAILS(ENOPROTOOPT, set_bytes(self->fd, unknown[i], buf, 4));
		FAILS(ENOPROTOOPT, getsockopt(self->fd, SOL_TLS, unknown[i], buf, &len));
	}
}

/* Read-only and write-only options. */
TEST_F(option, one_way_options)
{
	static const int tell[] = {
		KTLS_INFO, KTLS_ERROR, KTLS_PEER_CERTIFICATES, KTLS_PEER_NAME, KTLS_PEER_SUBJECT,
		KTLS_PEER_NAMES, KTLS_PEER_FINGERPRINT, KTLS_PIECE(KTLS_IDENTITY, 0),
	};
	char buf[256] = "";

	for (size_t i = 0; i < ARRAY_SIZE(tell); i++) {
		EXPECT_EQ(-1, set_bytes(self->fd, tell[i], buf, 4));
		EXPECT_TRUE(errno == EOPNOTSUPP || errno == ENOPROTOOPT);
	}
	expect_no_get(self->fd, KTLS_HANDSHAKE);
}

TEST_F(option, nothing_to_tell_yet)
{
	char buf[256] = "";
	socklen_t len = sizeof(buf);

	EXPECT_STREQ("", sock_get_str(self->fd, KTLS_ERROR));
	FAILS(ENODATA, getsockopt(self->fd, SOL_TLS, KTLS_PEER_CERTIFICATES, buf, &len));
	len = sizeof(buf);
	FAILS(ENODATA, getsockopt(self->fd, SOL_TLS, KTLS_PEER_NAME, buf, &len));
}

/* Any option that can be read can be read in pieces, in room for one or in more. */
TEST_F(option, pieces)
{
	char name[KTLS_PIECE_SIZE + 1], buf[2 * KTLS_PIECE_SIZE];
	socklen_t len = 0;

	FAILS(ERANGE, getsockopt(self->fd, SOL_TLS, KTLS_PIECE(KTLS_VERIFY, 0), buf, &len));
	EXPECT_EQ(4, len);
	OK(getsockopt(self->fd, SOL_TLS, KTLS_PIECE(KTLS_VERIFY, 0), buf, &len));
	EXPECT_EQ(4, len);
	OK(getsockopt(self->fd, SOL_TLS, KTLS_PIECE(KTLS_VERIFY, 1), buf, &len));
	EXPECT_EQ(0, len);

	/* as long as a piece: another call is needed to see the end */
	memset(name, 'x', KTLS_PIECE_SIZE);
	OK(set_bytes(self->fd, KTLS_GROUPS, name, KTLS_PIECE_SIZE));
	len = sizeof(buf);
	OK(getsockopt(self->fd, SOL_TLS, KTLS_PIECE(KTLS_GROUPS, 0), buf, &len));
	EXPECT_EQ(KTLS_PIECE_SIZE, len);
	EXPECT_MEMEQ(name, buf, len);
	len = sizeof(buf);
	OK(getsockopt(self->fd, SOL_TLS, KTLS_PIECE(KTLS_GROUPS, 1), buf, &len));
	EXPECT_EQ(0, len);
	/* struct ktls_info is returned whole, or fails with ERANGE */
	len = 1;
	FAILS(ERANGE, getsockopt(self->fd, SOL_TLS, KTLS_PIECE(KTLS_INFO, 0), buf, &len));
	EXPECT_EQ(sizeof(struct ktls_info), len);
}

TEST_F(option, info_is_cut_to_the_room)
{
	struct { struct ktls_info info; char more[64]; } buf;
	socklen_t len = 1;

	memset(&buf, 0x5a, sizeof(buf));
	OK(getsockopt(self->fd, SOL_TLS, KTLS_INFO, &buf, &len));
	EXPECT_EQ(1, len);
	EXPECT_EQ(KTLS_STATE_NEW, buf.info.state);
	EXPECT_EQ(0x5a, buf.info.role);
	len = sizeof(buf);
	OK(getsockopt(self->fd, SOL_TLS, KTLS_INFO, &buf, &len));
	EXPECT_EQ(sizeof(buf.info), len);
	EXPECT_EQ(0x5a, buf.more[0]);
	EXPECT_EQ(0, buf.info.role);
	EXPECT_EQ(255, buf.info.alert_sent);
	EXPECT_EQ(255, buf.info.alert_rcvd);
}

TEST_F(option, handshake_needs_a_connection)
{
	FAILS(EINVAL, sock_set_int(self->fd, KTLS_HANDSHAKE, 0));
	FAILS(EINVAL, sock_set_int(self->fd, KTLS_HANDSHAKE, 3));
	FAILS(ENOTCONN, sock_set_int(self->fd, KTLS_HANDSHAKE, ROLE_CLIENT));
	FAILS(ENOTCONN, sock_set_int(self->fd, KTLS_HANDSHAKE, ROLE_SERVER));
}

/* Options of other levels still reach TCP and IP. */
TEST_F(option, other_levels_pass_through)
{
	int one = 1, got = 0;
	socklen_t len = sizeof(got);

	OK(setsockopt(self->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)));
	OK(getsockopt(self->fd, IPPROTO_TCP, TCP_NODELAY, &got, &len));
	EXPECT_EQ(1, got);
	OK(setsockopt(self->fd, IPPROTO_IP, IP_TTL, &(int){ 7 }, sizeof(int)));
	OK(getsockopt(self->fd, IPPROTO_IP, IP_TTL, &got, &len));
	EXPECT_EQ(7, got);
	OK(setsockopt(self->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)));
	FAILS(ENOPROTOOPT, setsockopt(self->fd, 12345, 1, &one, sizeof(one)));
}

TEST_HARNESS_MAIN
