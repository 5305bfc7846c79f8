// SPDX-License-Identifier: GPL-2.0-or-later
/* Options that are set too late; options of a listener, which its connections inherit. */
#include <grp.h>

#include "lib/sock.h"

/* Each option that must be set before the handshake, with a valid value. */
static const struct {
	int		opt;
	const char	*value;
	size_t		len;
} early[] = {
	{ KTLS_SERVER_NAME, "a.test", 6 }, { KTLS_IDENTITY, "www", 3 },
	{ KTLS_CERTIFICATE, "PEM", 3 }, { KTLS_PRIVATE_KEY, "PEM", 3 }, { KTLS_TRUST, "PEM", 3 },
	{ KTLS_VERIFY, "\0\0\0", 4 }, { KTLS_ALPN, "\2h2", 3 },
	{ KTLS_VERSIONS, "\3\3\4\3", 4 }, { KTLS_CIPHERS, "TLS_AES_128_GCM_SHA256", 22 },
	{ KTLS_TIMEOUT, "\1\1\0", 4 }, { KTLS_EOF, "\0\0\0", 4 },
	{ KTLS_RECORD_PADDING, "\0\4", 2 },
};

static void expect_all_busy(int fd)
{
	for (size_t i = 0; i < ARRAY_SIZE(early); i++)
		FAILS(EBUSY, setsockopt(fd, SOL_TLS, early[i].opt, early[i].value, early[i].len));
}

TEST(too_late_on_an_open_connection)
{
	struct env e;
	struct conn c;

	env_start(&e, S13_AES128);
	conn_open(&c, &e, ROLE_CLIENT, AF_INET);
	expect_all_busy(c.fd);
	conn_close(&c);
	conn_open(&c, &e, ROLE_SERVER, AF_INET);
	expect_all_busy(c.fd);
	conn_close(&c);
}

TEST(too_late_during_the_handshake)
{
	struct env e;
	struct addr a;
	int fd;

	env_start_with(&e, S13_AES128, fake_ignore, NULL);
	net_listen(AF_INET, 1, &a);
	fd = sock_new(AF_INET);
	net_nonblock(fd, true);
	FAILS(EINPROGRESS, connect(fd, &a.sa, a.len));
	EVENTUALLY(e.fake->starts == 1, 2000);
	EXPECT_EQ(KTLS_STATE_HANDSHAKE, sock_state(fd));
	expect_all_busy(fd);
	close(fd);
}

static uint32_t get_timeout(int fd)
{
	socklen_t len = sizeof(uint32_t);
	uint32_t v = 0;

	OK(getsockopt(fd, SOL_TLS, KTLS_TIMEOUT, &v, &len));
	return v;
}

static int accept_one(struct env *e, int l, const struct addr *a, struct peer *p)
{
	int fd = net_socket(AF_INET);

	OK(connect(fd, &a->sa, a->len));
	peer_init(p, fd, false, &e->hs);
	peer_handshake(p);
	return net_accept(l);
}

TEST(a_listener_is_a_template)
{
	struct peer p1, p2;
	struct env e;
	struct addr a;
	int l, c1, c2;

	env_start(&e, S13_AES128);
	l = sock_listen(AF_INET, 4, &a);
	OK(sock_set_u32(l, KTLS_TIMEOUT, 11111));
	c1 = accept_one(&e, l, &a, &p1);
	OK(sock_set_u32(l, KTLS_TIMEOUT, 22222));
	c2 = accept_one(&e, l, &a, &p2);
	EXPECT_EQ(11111, get_timeout(c1));
	EXPECT_EQ(22222, get_timeout(c2));
	EXPECT_EQ(ROLE_SERVER, sock_info(c1).role);
	EXPECT_EQ(KTLS_STATE_LISTENING, sock_state(l));
	/* a child shares the configuration of its listener and cannot change it */
	FAILS(EBUSY, sock_set_u32(c2, KTLS_TIMEOUT, 33333));
	EXPECT_EQ(22222, get_timeout(l));
}

TEST(defaults_of_verification)
{
	socklen_t len = sizeof(int);
	struct conn c, s;
	struct env e;
	int v = -1;

	env_start(&e, S13_AES128);
	conn_open(&c, &e, ROLE_CLIENT, AF_INET);
	conn_open(&s, &e, ROLE_SERVER, AF_INET);
	OK(getsockopt(c.fd, SOL_TLS, KTLS_VERIFY, &v, &len));
	EXPECT_EQ(KTLS_VERIFY_REQUIRED, v);
	OK(getsockopt(s.fd, SOL_TLS, KTLS_VERIFY, &v, &len));
	EXPECT_EQ(KTLS_VERIFY_NONE, v);
}

/* START has the values that were set. */
static struct fake_msg *seen;

static void keep_start(struct fake *f, struct fake_msg *m)
{
	static _Atomic bool have;

	if (m->cmd == KTLS_CMD_START && !have) {
		size_t size = sizeof(*m) + 8192;

		seen = malloc(size);
		memcpy(seen, m, sizeof(*m) + ((struct nlmsghdr *)m->buf)->nlmsg_len);
		for (int i = 0; i <= KTLS_A_MAX; i++)
			if (m->tb[i])
				seen->tb[i] = (void *)seen->buf + ((char *)m->tb[i] - m->buf);
		have = true;
	}
	fake_answer(f, m);
}

static void expect_attr(int attr, const char *value)
{
	size_t len = fake_len(seen, attr);

	/* the attribute may end with a NUL */
	if (len && !fake_data_of(seen, attr)[len - 1])
		len--;
	ASSERT_EQ(strlen(value), len);
	EXPECT_MEMEQ(value, fake_data_of(seen, attr), len);
}

TEST(start_carries_the_options)
{
	struct ktls_versions v = { KTLS_TLS_1_3, KTLS_TLS_1_3 };
	double start;
	struct env e;
	struct addr a;
	struct job j;
	struct peer p;
	int l, fd;

	env_start_with(&e, S13_AES128, keep_start, NULL);
	l = net_listen(AF_INET, 1, &a);
	fd = sock_new(AF_INET);
	OK(sock_set_str(fd, KTLS_SERVER_NAME, "server.test"));
	OK(sock_set_str(fd, KTLS_IDENTITY, "me"));
	OK(sock_set_int(fd, KTLS_VERIFY, 1));
	OK(sock_set_u32(fd, KTLS_TIMEOUT, 5000));
	OK(sock_set_str(fd, KTLS_CIPHERS, "TLS_AES_128_GCM_SHA256"));
	OK(setsockopt(fd, SOL_TLS, KTLS_VERSIONS, &v, sizeof(v)));
	start = harness_now();
	job_connect(&j, fd, &a);
	peer_init(&p, net_accept(l), true, &e.hs);
	peer_handshake(&p);
	job_wait(&j, 5000);
	OK(j.ret);

	expect_attr(KTLS_A_SERVER_NAME, "server.test");
	expect_attr(KTLS_A_IDENTITY, "me");
	expect_attr(KTLS_A_CIPHERS, "TLS_AES_128_GCM_SHA256");
	EXPECT_EQ(ROLE_CLIENT, fake_u32(seen, KTLS_A_ROLE));
	/* a client's 1 means 2 */
	EXPECT_EQ(KTLS_VERIFY_REQUIRED, fake_u32(seen, KTLS_A_VERIFY));
	EXPECT_EQ(KTLS_TLS_1_3, fake_u16(seen, KTLS_A_VERSION_MIN));
	EXPECT_EQ(KTLS_TLS_1_3, fake_u16(seen, KTLS_A_VERSION_MAX));
	/* by CLOCK_MONOTONIC, as harness_now() */
	EXPECT_GE(fake_u64(seen, KTLS_A_DEADLINE), start * 1e3 + 4998);
	EXPECT_LE(fake_u64(seen, KTLS_A_DEADLINE), (harness_now() + 5) * 1e3);
	EXPECT_TRUE(seen->tb[KTLS_A_UID]);
	EXPECT_EQ(getuid(), fake_u32(seen, KTLS_A_UID));
	EXPECT_EQ(getgid(), fake_u32(seen, KTLS_A_GID));
	ASSERT_EQ(sizeof(a.v4), fake_len(seen, KTLS_A_PEER_ADDR));
	EXPECT_MEMEQ(&a.v4, fake_data_of(seen, KTLS_A_PEER_ADDR), 8);
}

/* START has the credentials of the thread that chose the identity. */
TEST(credentials_are_the_callers)
{
	struct fake_msg *m;
	struct env e;
	struct addr a;
	struct job j;
	int fd;

	env_start_manual(&e, S13_AES128, 8);
	net_listen(AF_INET, 1, &a);
	fd = sock_new(AF_INET);
	OK(setgroups(2, (gid_t[]){ 77, 88 }));
	OK(setegid(4321));
	harness_seteuid(1234);
	OK(sock_set_str(fd, KTLS_IDENTITY, "me"));
	harness_seteuid(0);
	OK(setegid(0));
	job_connect(&j, fd, &a);
	m = fake_expect(e.fake, KTLS_CMD_START);
	EXPECT_EQ(1234, fake_u32(m, KTLS_A_UID));
	EXPECT_EQ(4321, fake_u32(m, KTLS_A_GID));
	ASSERT_EQ(2 * sizeof(uint32_t), fake_len(m, KTLS_A_GROUPS));
	EXPECT_MEMEQ(((uint32_t[]){ 77, 88 }), fake_data_of(m, KTLS_A_GROUPS), 8);
	EXPECT_EQ(0, fake_fail(e.fake, m->id, ENOKEY, -1, "No such identity: \"me\"."));
	job_wait(&j, 5000);
	EXPECT_ERRNO(ENOKEY, j.err);
	EXPECT_STREQ("No such identity: \"me\".", sock_error(fd));
}
