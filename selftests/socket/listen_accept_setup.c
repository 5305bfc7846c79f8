// SPDX-License-Identifier: GPL-2.0-or-later
/* Making a listener: CHECK, TCP_ULP after listen(), several listeners, SO_REUSEPORT. */
#include <poll.h>

#include "lib/sock.h"

/* The helper's answer to each CHECK. */
struct verdict {
	int		error;
	const char	*reason;
};

static void judge(struct fake *f, struct fake_msg *m)
{
	const struct verdict *v = f->arg;

	if (m->cmd == KTLS_CMD_CHECK)
		EXPECT_EQ(0, fake_fail(f, m->id, v->error, -1, v->reason));
	else
		fake_answer(f, m);
}

TEST(check_decides_listen)
{
	struct verdict v = { 0, NULL };
	static const struct verdict bad[] = {
		{ ENOKEY, "There is no identity \"server\"." },
		{ EACCES, "User 0 may not use identity \"server\"." },
		{ EINVAL, "KTLS_PRIVATE_KEY does not belong to KTLS_CERTIFICATE." },
	};
	struct addr a = net_loopback(AF_INET, 0);
	struct env e;
	int fd;

	env_start_with(&e, S13_AES128, judge, &v);
	fd = sock_new(AF_INET);
	OK(sock_set_str(fd, KTLS_IDENTITY, "server"));
	OK(bind(fd, &a.sa, a.len));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int acc = 0;
		socklen_t len = sizeof(acc);

		v = bad[i];
		FAILS(bad[i].error, listen(fd, 5));
		EXPECT_STREQ(bad[i].reason, sock_error(fd));
		OK(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &acc, &len));
		EXPECT_EQ(0, acc);
	}
	v = (struct verdict){ 0, NULL };
	OK(listen(fd, 5));
	EXPECT_STREQ("", sock_error(fd));
}

static void *do_listen(void *fd)
{
	OK(listen(*(int *)fd, 5));
	return NULL;
}

TEST(check_carries_the_configuration)
{
	static char piece[KTLS_GENL_PIECE_MAX], pem[40000];
	uint32_t total = 0;
	struct fake_msg *m;
	struct env e;
	struct job j;
	size_t len = 0;
	int fd;

	env_start_manual(&e, S13_AES128, 8);
	net_pattern(pem, sizeof(pem), 5);
	fd = sock_new(AF_INET);
	OK(setsockopt(fd, SOL_TLS, KTLS_CERTIFICATE, pem, sizeof(pem)));
	OK(setsockopt(fd, SOL_TLS, KTLS_PRIVATE_KEY, "key", 3));
	OK(setsockopt(fd, SOL_TLS, KTLS_ALPN, "\2h2", 3));
	job_run(&j, do_listen, &fd);
	m = fake_expect(e.fake, KTLS_CMD_CHECK);
	EXPECT_EQ(3, fake_u32(m, KTLS_A_CONFIG_PARTS));
	EXPECT_EQ(3, fake_len(m, KTLS_A_ALPN));
	EXPECT_NE(0, fake_len(m, KTLS_A_CONFIG));
	for (uint32_t at = 0; at < sizeof(pem); at += len) {
		ASSERT_EQ(0, fake_config(e.fake, m->id, KTLS_CONFIG_CERTIFICATE, at, piece,
					 sizeof(piece), &total, &len));
		EXPECT_EQ(sizeof(pem), total);
		ASSERT_GT(len, 0);
		ASSERT_LE(at + len, sizeof(pem));
		EXPECT_MEMEQ(pem + at, piece, len);
	}
	ASSERT_EQ(0, fake_config(e.fake, m->id, KTLS_CONFIG_PRIVATE_KEY, 0, piece,
				 sizeof(piece), &total, &len));
	EXPECT_EQ(3, len);
	EXPECT_MEMEQ("key", piece, 3);
	/* an option that is not set, or an offset beyond its end */
	EXPECT_LT(fake_config(e.fake, m->id, KTLS_CONFIG_TRUST, 0, piece, sizeof(piece),
			      &total, &len), 0);
	EXPECT_LT(fake_config(e.fake, m->id, KTLS_CONFIG_CERTIFICATE, sizeof(pem) + 1, piece,
			      sizeof(piece), &total, &len), 0);
	EXPECT_LT(fake_config(e.fake, m->id, 77, 0, piece, sizeof(piece), &total, &len), 0);
	EXPECT_LT(fake_config(e.fake, m->id + 1, 0, 0, piece, sizeof(piece), &total, &len), 0);
	EXPECT_EQ(0, fake_fail(e.fake, m->id, 0, -1, NULL));
	job_wait(&j, 5000);
	/* CHECK was answered, so the configuration cannot be fetched any more */
	EXPECT_LT(fake_config(e.fake, m->id, KTLS_CONFIG_PRIVATE_KEY, 0, piece, sizeof(piece),
			      &total, &len), 0);
}

/* Without a helper listen() succeeds, and connections wait until their deadline. */
TEST(listen_without_a_helper)
{
	struct addr a = net_loopback(AF_INET, 0);
	struct peer p;
	struct env e;
	int l, fd;

	env_start_bare(&e, S13_AES128);
	l = sock_new(AF_INET);
	OK(bind(l, &a.sa, a.len));
	OK(sock_set_str(l, KTLS_IDENTITY, "server"));
	OK(listen(l, 5));
	OK(getsockname(l, &a.sa, &a.len));
	fd = net_socket(AF_INET);
	OK(connect(fd, &a.sa, a.len));
	peer_init(&p, fd, false, &e.hs);
	peer_send_flight(&p, HS_CLIENT_HELLO);
	harness_nap(50);
	e.fake = fake_new(&e.hs);
	ASSERT_EQ(0, fake_register(e.fake, 8));
	fake_start(e.fake, NULL, NULL);
	peer_recv_flight(&p, HS_SERVER_FLIGHT);
	peer_send_flight(&p, HS_CLIENT_FIN);
	net_accept(l);
}

TEST(without_a_helper_the_deadline_still_counts)
{
	struct addr a = net_loopback(AF_INET, 0);
	struct peer p;
	struct env e;
	int l;

	env_start_bare(&e, S13_AES128);
	l = sock_new(AF_INET);
	OK(bind(l, &a.sa, a.len));
	OK(sock_set_u32(l, KTLS_TIMEOUT, 200));
	OK(listen(l, 5));
	OK(getsockname(l, &a.sa, &a.len));
	peer_init(&p, net_socket(AF_INET), false, &e.hs);
	OK(connect(p.fd, &a.sa, a.len));
	peer_send_flight(&p, HS_CLIENT_HELLO);
	EXPECT_TRUE(net_poll(p.fd, POLLIN, 5000));
}

TEST(a_helper_that_does_not_answer_check)
{
	struct addr a = net_loopback(AF_INET, 0);
	struct env e;
	double start;
	int fd;

	env_start_with(&e, S13_AES128, fake_ignore, NULL);
	fd = sock_new(AF_INET);
	OK(bind(fd, &a.sa, a.len));
	OK(sock_set_u32(fd, KTLS_TIMEOUT, 300));
	start = harness_now();
	FAILS(ETIMEDOUT, listen(fd, 5));
	EXPECT_GE(harness_now() - start, 0.25);
	EVENTUALLY(e.fake->cancels == 1, 2000);
}

static void die_on_check(struct fake *f, struct fake_msg *m)
{
	(void)m;
	mnl_socket_close(f->nl);
	f->nl = mnl_socket_open(NETLINK_GENERIC);
}

/* If the helper exits during CHECK, listen() succeeds as without a helper. */
TEST(a_helper_that_dies_of_check)
{
	struct addr a = net_loopback(AF_INET, 0);
	struct env e;
	int fd;

	env_start_with(&e, S13_AES128, die_on_check, NULL);
	fd = sock_new(AF_INET);
	OK(bind(fd, &a.sa, a.len));
	OK(sock_set_u32(fd, KTLS_TIMEOUT, 60000));
	OK(listen(fd, 5));
	EXPECT_EQ(KTLS_STATE_LISTENING, sock_state(fd));
}

/* Connections that TCP queued before the ULP came: TLS or reset, never in the clear. */
TEST(connections_from_before_the_ulp)
{
	struct peer early, late;
	struct env e;
	struct addr a;
	int l, fd;

	env_start(&e, S13_AES128);
	l = net_listen(AF_INET, 5, &a);
	peer_init(&early, net_socket(AF_INET), false, &e.hs);
	OK(connect(early.fd, &a.sa, a.len));
	net_write(early.fd, "plaintext", 9);
	EVENTUALLY(net_poll(l, POLLIN, 0), 1000);

	OK(sock_attach(l));
	OK(sock_set_str(l, KTLS_IDENTITY, "server"));
	/* poll() does not report the connection that TCP has queued */
	EXPECT_EQ(0, net_poll(l, POLLIN, 50));
	peer_init(&late, net_socket(AF_INET), false, &e.hs);
	OK(connect(late.fd, &a.sa, a.len));
	peer_handshake(&late);
	fd = net_accept(l);
	EXPECT_EQ(KTLS_STATE_OPEN, sock_state(fd));
	peer_send_data(&late, "x", 1);
	net_read(fd, &(char){ 0 }, 1);
	/* the early connection sent no TLS and was reset */
	EXPECT_TRUE(net_poll(early.fd, POLLIN, 5000));
	net_nonblock(l, true);
	FAILS(EAGAIN, accept(l, NULL, NULL));
}

TEST(many_listeners)
{
	struct addr a[16];
	struct env e;
	int l[16];

	env_start(&e, S13_AES128);
	for (int i = 0; i < 16; i++)
		l[i] = sock_listen(i % 2 ? AF_INET6 : AF_INET, 3, &a[i]);
	for (int i = 15; i >= 0; i--) {
		struct peer p;
		int fd = net_socket(a[i].sa.sa_family);

		OK(connect(fd, &a[i].sa, a[i].len));
		peer_init(&p, fd, false, &e.hs);
		peer_handshake(&p);
		net_accept(l[i]);
	}
	EXPECT_EQ(16, e.fake->checks);
}

static int reuseport_listener(struct addr *a)
{
	int one = 1, fd = sock_new(AF_INET);

	OK(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)));
	OK(bind(fd, &a->sa, a->len));
	OK(listen(fd, 8));
	OK(getsockname(fd, &a->sa, &a->len));
	return fd;
}

TEST(reuseport)
{
	struct addr a = net_loopback(AF_INET, 0);
	int l[2], got[2] = { 0, 0 };
	struct env e;

	env_start(&e, S13_AES128);
	l[0] = reuseport_listener(&a);
	l[1] = reuseport_listener(&a);
	for (int i = 0; i < 24; i++) {
		struct pollfd p[2] = { { l[0], POLLIN, 0 }, { l[1], POLLIN, 0 } };
		struct peer peer;

		peer_init(&peer, net_socket(AF_INET), false, &e.hs);
		OK(connect(peer.fd, &a.sa, a.len));
		peer_handshake(&peer);
		ASSERT_EQ(1, poll(p, 2, 5000 * harness_scale()));
		for (int k = 0; k < 2; k++)
			if (p[k].revents) {
				EXPECT_EQ(KTLS_STATE_OPEN, sock_state(net_accept(l[k])));
				got[k]++;
			}
	}
	EXPECT_EQ(24, got[0] + got[1]);
	EXPECT_GT(got[0], 0);
	EXPECT_GT(got[1], 0);
	/* one is closed: connections that hash to the other are served */
	close(l[0]);
	for (int i = 0; i < 4; i++) {
		struct peer peer;

		peer_init(&peer, net_socket(AF_INET), false, &e.hs);
		OK(connect(peer.fd, &a.sa, a.len));
		peer_handshake(&peer);
		net_accept(l[1]);
	}
}

/* At children_per_listener the oldest silent child makes room for a good one. */
TEST_TIMEOUT(silent_children_are_evicted, 60)
{
	enum { CAP = 64, MORE = 20 };
	static int fd[CAP + MORE];
	struct peer p;
	struct env e;
	struct addr a;
	int l;

	env_start(&e, S13_AES128);
	l = sock_listen(AF_INET, 128, &a);
	/* a low limit: no child reaches its deadline before the last has connected */
	net_set_parameter("children_per_listener", CAP);
	for (int i = 0; i < CAP + MORE; i++) {
		fd[i] = net_socket(AF_INET);
		OK(connect(fd[i], &a.sa, a.len));
	}
	peer_init(&p, net_socket(AF_INET), false, &e.hs);
	OK(connect(p.fd, &a.sa, a.len));
	peer_handshake(&p);
	net_accept(l);
	net_set_parameter("children_per_listener", 1024);
	EXPECT_GT(net_mib("ChildrenEvicted"), 0);
	/* the first is gone, the last is not */
	EXPECT_TRUE(net_poll(fd[0], POLLIN, 2000));
	EXPECT_EQ(0, net_poll(fd[CAP + MORE - 1], POLLIN, 0));
}
