// SPDX-License-Identifier: GPL-2.0-or-later
/* Fault injection while a socket is set up and does its handshake: each allocation, and each
 * copy from or to user space, fails once. faults_record.c tests open connections. The program
 * must get an error that says so, or see no failure; the next call on the same socket, listener
 * and helper must work; and nothing may leak.
 */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>

#include "inject.h"
#include "party.h"

#define ECHO	3000	/* bytes to show that a connection works */

FIXTURE(faults)
{
	struct env		e;
	struct party_server	server;		/* to connect to */
	int			listener;	/* a ktls socket */
	struct addr		addr;		/* its address */
	bool			serves;
};

FIXTURE_VARIANT(faults) { uint16_t suite; };
FIXTURE_VARIANT_ADD(faults, tls13) { S13_AES128 };
FIXTURE_VARIANT_ADD(faults, tls12) { S12_AES256 };

FIXTURE_SETUP(faults)
{
	inject_init();
	EVENTUALLY(net_module_refs("ktls") == 0, 15000);
	env_start(&self->e, variant->suite);
	self->listener = -1;
}

FIXTURE_TEARDOWN(faults)
{
	if (self->serves)
		party_server_stop(&self->server);
	if (self->listener >= 0)
		close(self->listener);
	if (self->e.fake->nl)
		fake_die(self->e.fake);
	EVENTUALLY(net_module_refs("ktls") == 0, 15000);
}

#define SELF	((struct faults_self *)arg)

static void with_server(struct faults_self *self)
{
	party_server_start(&self->server, &self->e.hs, AF_INET);
	self->serves = true;
}

static void with_listener(struct faults_self *self)
{
	self->listener = sock_listen(AF_INET, 8, &self->addr);
}

static int errno_of(int ret)
{
	return ret < 0 ? errno : 0;
}

/* --- sockets and options --- */

static int attach(void *arg)
{
	int fd = net_socket(AF_INET6), err;

	(void)arg;
	inject_on();
	err = errno_of(sock_attach(fd));
	inject_off();
	if (err)
		OK(sock_attach(fd));
	close(fd);
	return err;
}

TEST_F(faults, attach)
{
	inject_walk("TCP_ULP", INJECT_SELF, attach, NULL, NULL);
}

/* A connection that TCP had queued is attached too, or reset; it is never used without TLS. */
static int attach_listener(void *arg)
{
	struct faults_self *self = SELF;
	enum party_end end;
	struct peer peer;
	int l, fd, err;

	l = net_listen(AF_INET, 4, &self->addr);
	fd = net_socket(AF_INET);
	OK(connect(fd, &self->addr.sa, self->addr.len));
	inject_on();
	err = errno_of(sock_attach(l));
	inject_off();
	if (err)
		OK(sock_attach(l));
	OK(sock_set_str(l, KTLS_IDENTITY, "server"));
	peer_init(&peer, fd, false, &self->e.hs);
	ASSERT_TRUE(party_handshake(fd, false, &self->e.hs, &end));
	fd = net_accept(l);
	party_exchange(fd, &peer, ECHO);
	close(fd);
	close(l);
	peer_free(&peer);
	return err;
}

TEST_F_TIMEOUT(faults, attach_listener, 60)
{
	inject_walk("TCP_ULP on a listener", INJECT_SELF, attach_listener, NULL, self);
}

#define PEM(what)	"-----BEGIN " what "-----\n"

static const struct ktls_psk psk = { 4, 16, "lamp", "0123456789abcde" };

static const struct {
	int		opt;
	const char	*value;
	size_t		len;
} options[] = {
	{ KTLS_SERVER_NAME, "server.test", 11 },
	{ KTLS_CERTIFICATE, PEM("CERTIFICATE"), 28 },
	{ KTLS_PRIVATE_KEY, PEM("PRIVATE KEY"), 28 },
	{ KTLS_TRUST, PEM("CERTIFICATE"), 28 },
	{ KTLS_ALPN, "\2h2\10http/1.1", 12 },
	{ KTLS_CIPHERS, "TLS_AES_128_GCM_SHA256", 22 },
	{ KTLS_VERSIONS, "\3\3\4\3", 4 },
	{ KTLS_VERIFY, "\2\0\0\0", 4 },
	{ KTLS_TIMEOUT, "\xe8\3\0\0", 4 },
	{ KTLS_EOF, "\0\0\0\0", 4 },
	{ KTLS_RECORD_PADDING, "\0\1", 2 },
	{ KTLS_GROUPS, "X25519:P-256", 12 },
	{ KTLS_SIGALGS, "ed25519:ecdsa_secp256r1_sha256", 30 },
	{ KTLS_TICKETS, "\1\0\0\0", 4 },
	{ KTLS_PSK, (const char *)&psk, sizeof(psk) },
};

static int set_options(int fd)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (setsockopt(fd, SOL_TLS, options[i].opt, options[i].value, options[i].len))
			return errno;
	return 0;
}

static int get_options(int fd)
{
	static const int opts[] = {
		KTLS_SERVER_NAME, KTLS_ALPN, KTLS_CIPHERS, KTLS_VERSIONS, KTLS_VERIFY,
		KTLS_TIMEOUT, KTLS_EOF, KTLS_INFO, KTLS_ERROR, KTLS_RECORD_PADDING,
		KTLS_GROUPS, KTLS_SIGALGS, KTLS_TICKETS,
	};
	char value[1024];

	for (size_t i = 0; i < ARRAY_SIZE(opts); i++) {
		socklen_t len = sizeof(value);

		if (getsockopt(fd, SOL_TLS, opts[i], value, &len))
			return errno;
	}
	return 0;
}

/* A setsockopt that failed leaves the option as it was; it can be set again. */
static int options_new(void *arg)
{
	int fd = sock_new(AF_INET), err;

	(void)arg;
	inject_on();
	err = set_options(fd);
	inject_off();
	if (err)
		EXPECT_EQ(0, set_options(fd));
	EXPECT_EQ(0, get_options(fd));
	close(fd);
	return err;
}

TEST_F(faults, setsockopt)
{
	inject_walk("setsockopt", INJECT_SELF, options_new, NULL, NULL);
}

/* On a listener each change is made to a copy of what its children share. */
static int options_listener(void *arg)
{
	int err;

	inject_on();
	err = errno_of(sock_set_str(SELF->listener, KTLS_IDENTITY, "another"));
	inject_off();
	if (err)
		OK(sock_set_str(SELF->listener, KTLS_IDENTITY, "another"));
	return err;
}

/* A connection of the existing listener. */
static void listener_works(void *arg)
{
	struct faults_self *self = SELF;
	struct peer peer;
	int fd = net_socket(AF_INET);

	OK(connect(fd, &self->addr.sa, self->addr.len));
	peer_init(&peer, fd, false, &self->e.hs);
	peer_handshake(&peer);
	fd = net_accept(self->listener);
	party_exchange(fd, &peer, ECHO);
	close(fd);
	peer_free(&peer);
}

TEST_F_TIMEOUT(faults, setsockopt_listener, 60)
{
	with_listener(self);
	/* Now the configuration is shared and must be copied. */
	listener_works(self);
	inject_walk("setsockopt on a listener", INJECT_SELF, options_listener,
		    listener_works, self);
}

static int options_get(void *arg)
{
	int fd = sock_new(AF_INET), err;

	(void)arg;
	OK(set_options(fd));
	inject_on();
	err = get_options(fd);
	inject_off();
	EXPECT_EQ(0, get_options(fd));
	close(fd);
	return err;
}

TEST_F(faults, getsockopt)
{
	inject_walk("getsockopt", INJECT_SELF, options_get, NULL, NULL);
}

/* --- namespaces and helpers --- */

static int new_namespace(void *arg)
{
	int err;

	(void)arg;
	inject_on();
	err = errno_of(unshare(CLONE_NEWNET));
	inject_off();
	if (err)
		OK(unshare(CLONE_NEWNET));
	/* The new namespace has its counters. */
	EXPECT_EQ(0, net_mib("handshakes_done"));
	return err;
}

TEST_F_TIMEOUT(faults, new_namespace, 60)
{
	inject_walk("a network namespace", INJECT_SELF, new_namespace, NULL, NULL);
}

static int be_helper(void *arg)
{
	struct fake *f = fake_new(&SELF->e.hs);
	int err;

	inject_on();
	err = -fake_register(f, 8);
	inject_off();
	if (err)
		EXPECT_EQ(0, fake_register(f, 8));
	fake_die(f);
	free(f);
	return err;
}

TEST_F(faults, register)
{
	inject_walk("REGISTER", INJECT_SELF, be_helper, NULL, self);
}

/* --- connect --- */

static int connect_with(struct faults_self *self, bool nonblock)
{
	int fd = sock_new(AF_INET), err;

	OK(sock_set_str(fd, KTLS_SERVER_NAME, "server.test"));
	net_nonblock(fd, nonblock);
	inject_on();
	err = errno_of(connect(fd, &self->server.addr.sa, self->server.addr.len));
	if (err == EINPROGRESS) {
		ASSERT_TRUE(net_poll(fd, POLLOUT, 5000));
		err = net_so_error(fd);
	}
	inject_off();
	net_nonblock(fd, false);
	/* After an error connect may be called again. */
	if (err)
		OK(connect(fd, &self->server.addr.sa, self->server.addr.len));
	party_echo(fd, ECHO);
	close(fd);
	return err;
}

static int connect_once(void *arg)
{
	return connect_with(SELF, false);
}

static int connect_nonblock(void *arg)
{
	return connect_with(SELF, true);
}

TEST_F_TIMEOUT(faults, connect, 120)
{
	with_server(self);
	inject_walk("connect", INJECT_SELF, connect_once, NULL, self);
}

TEST_F_TIMEOUT(faults, connect_helper, 120)
{
	with_server(self);
	inject_walk("connect", INJECT_HELPER, connect_once, NULL, self);
}

TEST_F_TIMEOUT(faults, connect_work, 120)
{
	with_server(self);
	inject_walk("connect", INJECT_WORK, connect_once, NULL, self);
}

TEST_F_TIMEOUT(faults, connect_nonblock, 120)
{
	with_server(self);
	inject_walk("connect without waiting", INJECT_SELF, connect_nonblock, NULL, self);
}

TEST_F_TIMEOUT(faults, connect_nonblock_work, 120)
{
	with_server(self);
	inject_walk("connect without waiting", INJECT_WORK, connect_nonblock, NULL, self);
}

/* --- listen and accept --- */

static int listen_once(void *arg)
{
	struct addr a = net_loopback(AF_INET, 0);
	int fd = sock_new(AF_INET), err;

	(void)arg;
	OK(bind(fd, &a.sa, a.len));
	OK(sock_set_str(fd, KTLS_IDENTITY, "server"));
	inject_on();
	err = errno_of(listen(fd, 4));
	inject_off();
	if (err)
		OK(listen(fd, 4));
	close(fd);
	return err;
}

TEST_F_TIMEOUT(faults, listen, 60)
{
	inject_walk("listen", INJECT_SELF, listen_once, NULL, NULL);
}

TEST_F_TIMEOUT(faults, listen_helper, 60)
{
	inject_walk("listen", INJECT_HELPER, listen_once, NULL, NULL);
}

/* The peer has finished its handshake. Either accept() returns the connection, or it was
 * refused in the last moment, and the peer gets an alert. Returns the connection or -1.
 */
static int accept_or_refuse(struct faults_self *self, int peer)
{
	struct pollfd p[2] = { { self->listener, POLLIN, 0 }, { peer, POLLIN, 0 } };

	ASSERT_GT(poll(p, 2, 5000 * harness_scale()), 0);
	return p[0].revents ? OK(accept(self->listener, NULL, NULL)) : -1;
}

/* The peer of a child that failed gets an alert, FIN or RST. */
static int accept_once(void *arg)
{
	struct faults_self *self = SELF;
	enum party_end end;
	struct peer peer;
	int fd = net_socket(AF_INET), conn = -1;

	peer_init(&peer, fd, false, &self->e.hs);
	inject_on();
	/* On a busy machine the child may have failed before connect() returns. */
	if (connect(fd, &self->addr.sa, self->addr.len))
		EXPECT_EQ(ECONNRESET, errno);
	else if (party_handshake(fd, false, &self->e.hs, &end))
		conn = accept_or_refuse(self, fd);
	else
		EXPECT_NE(PARTY_STALLED, end);
	inject_off();
	if (conn >= 0) {
		party_exchange(conn, &peer, ECHO);
		close(conn);
	}
	peer_free(&peer);
	/* Nobody else was accepted. */
	EXPECT_EQ(0, net_poll(self->listener, POLLIN, 0));
	return conn < 0 ? ENOMEM : 0;
}

TEST_F_TIMEOUT(faults, accept_work, 120)
{
	with_listener(self);
	inject_walk("accept", INJECT_WORK, accept_once, listener_works, self);
}

TEST_F_TIMEOUT(faults, accept_helper, 120)
{
	with_listener(self);
	inject_walk("accept", INJECT_HELPER, accept_once, listener_works, self);
}

/* --- TLS on a connection that exists --- */

struct live {
	struct job	job;
	struct peer	peer;
	bool		open;
	enum party_end	end;
};

static void *live_thread(void *arg)
{
	struct live *l = arg;

	l->open = party_handshake(l->peer.fd, l->peer.server, l->peer.hs, &l->end);
	return NULL;
}

static int handshake_once(struct faults_self *self, int role)
{
	struct live l = { .open = false };
	int ends[2], err;

	net_pair(AF_INET, ends);
	OK(sock_attach(ends[0]));
	peer_init(&l.peer, ends[1], role == ROLE_CLIENT, &self->e.hs);
	job_run(&l.job, live_thread, &l);
	inject_on();
	err = errno_of(sock_set_int(ends[0], KTLS_HANDSHAKE, role));
	inject_off();
	if (err) {
		/* There is no second attempt on a connection: records were sent already. */
		close(ends[0]);
		job_wait(&l.job, 10000);
		EXPECT_FALSE(!l.open && l.end == PARTY_STALLED);
	} else {
		job_wait(&l.job, 10000);
		ASSERT_TRUE(l.open);
		party_exchange(ends[0], &l.peer, ECHO);
		close(ends[0]);
	}
	peer_free(&l.peer);
	return err;
}

static int handshake_client(void *arg)
{
	return handshake_once(SELF, ROLE_CLIENT);
}

static int handshake_server(void *arg)
{
	return handshake_once(SELF, ROLE_SERVER);
}

TEST_F_TIMEOUT(faults, handshake_client, 120)
{
	inject_walk("KTLS_HANDSHAKE as client", INJECT_SELF, handshake_client, NULL, self);
}

TEST_F_TIMEOUT(faults, handshake_server_work, 120)
{
	inject_walk("KTLS_HANDSHAKE as server", INJECT_WORK, handshake_server, NULL, self);
}

TEST_F_TIMEOUT(faults, handshake_server_helper, 120)
{
	inject_walk("KTLS_HANDSHAKE as server", INJECT_HELPER, handshake_server, NULL, self);
}

/* --- a helper that fetches the configuration --- */

/* Answers a server's START only when it has the certificate and the key. */
static void fetching(struct fake *f, struct fake_msg *m)
{
	for (uint32_t attr = 0; m->cmd == KTLS_CMD_START && attr < 2; attr++) {
		size_t len = 0;
		uint32_t total;
		char buf[1024];
		int err;

		do {
			err = fake_config(f, m->id, attr, 0, buf, sizeof(buf), &total, &len);
		} while (err == -ENOMEM);
		EXPECT_EQ(0, err);
	}
	fake_answer(f, m);
}

static int with_credential(void *arg)
{
	struct faults_self *self = SELF;
	int fd = sock_new(AF_INET), err;

	OK(setsockopt(fd, SOL_TLS, KTLS_CERTIFICATE, PEM("CERTIFICATE"), 28));
	OK(setsockopt(fd, SOL_TLS, KTLS_PRIVATE_KEY, PEM("PRIVATE KEY"), 28));
	inject_on();
	err = errno_of(connect(fd, &self->server.addr.sa, self->server.addr.len));
	inject_off();
	if (err)
		OK(connect(fd, &self->server.addr.sa, self->server.addr.len));
	party_echo(fd, ECHO);
	close(fd);
	return err;
}

TEST_F_TIMEOUT(faults, config_helper, 120)
{
	fake_stop(self->e.fake);
	fake_start(self->e.fake, fetching, NULL);
	with_server(self);
	inject_walk("CONFIG", INJECT_HELPER, with_credential, NULL, self);
}

/* The last reference to a configuration sends CONFIG_DROP. */
TEST_F(faults, config_drop)
{
	int fd = sock_new(AF_INET);

	with_server(self);
	OK(setsockopt(fd, SOL_TLS, KTLS_TRUST, PEM("CERTIFICATE"), 28));
	OK(connect(fd, &self->server.addr.sa, self->server.addr.len));
	party_echo(fd, ECHO);
	inject_everywhere("cache_gone");
	close(fd);
	EVENTUALLY(inject_everywhere_hit(), 10000);
	harness_note("CONFIG_DROP, anybody's step: 1 failure");

	fd = sock_new(AF_INET);
	OK(connect(fd, &self->server.addr.sa, self->server.addr.len));
	party_echo(fd, ECHO);
	close(fd);
}

TEST_HARNESS_MAIN
