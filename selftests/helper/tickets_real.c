// SPDX-License-Identifier: GPL-2.0-or-later
/* Resumption with the real ktlsd; the other end is OpenSSL, GnuTLS or a ktls socket. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#include "lib/resume.h"

TEST_F_TIMEOUT(resume, client_of_s_server, 60)
{
	int fd;

	s_server_start(&self->s, "rsa", "-rev", variant->openssl, NULL);
	EXPECT_FALSE(visit(&self->s.a, variant->versions, "server.test"));
	EXPECT_RESUMES(&self->s.a, variant->versions);
	/* a resumed connection has a ticket for the next one */
	EXPECT_RESUMES(&self->s.a, variant->versions);
	EXPECT_RESUMES(&self->s.a, variant->versions);

	fd = interop_socket("server.test");
	set_versions(fd, variant->versions);
	EVENTUALLY(({
		close(fd);
		fd = interop_socket("server.test");
		set_versions(fd, variant->versions);
		OK(connect(fd, &self->s.a.sa, self->s.a.len));
		interop_expect_reversed(fd);
		is_resumed(fd);
	}), 10000);
	/* the identity is that of the first handshake */
	EXPECT_TRUE(sock_info(fd).flags & KTLS_INFO_VERIFIED);
	EXPECT_EQ(variant->versions->max, sock_info(fd).version);
	EXPECT_STREQ("server.test", sock_get_str(fd, KTLS_PEER_NAME));
	EXPECT_TRUE(strstr(sock_get_str(fd, KTLS_PEER_CERTIFICATES), "BEGIN CERTIFICATE"));
	EXPECT_TRUE(strstr(sock_get_str(fd, KTLS_PEER_CHAIN), "BEGIN CERTIFICATE"));
	close(fd);
}

/* Tickets are stored although nobody reads: after close the next connect() uses them. */
TEST_F_TIMEOUT(resume, tickets_that_nobody_read, 60)
{
	const bool is_13 = variant->versions->min == KTLS_TLS_1_3;
	uint64_t passed;
	bool resumed;
	int fd;

	s_server_start(&self->s, "rsa", "-rev", variant->openssl, NULL);
	EVENTUALLY(({
		passed = net_mib("TicketsPassed");
		fd = interop_socket("server.test");
		set_versions(fd, variant->versions);
		OK(connect(fd, &self->s.a.sa, self->s.a.len));
		resumed = is_resumed(fd);
		if (is_13)
			EVENTUALLY(net_mib("TicketsPassed") > passed, 5000);
		close(fd);
		resumed;
	}), 10000);
}

/* Sockets of different @kind do not resume each other's sessions. */
static int kind_socket(const struct ktls_versions *versions, int kind)
{
	char alpn[] = { 2, 'k', 'A' + kind };
	int fd = interop_socket("server.test");

	set_versions(fd, versions);
	OK(setsockopt(fd, SOL_TLS, KTLS_ALPN, alpn, sizeof(alpn)));
	return fd;
}

/* A ticket that came before close is used by the next connection, however soon. ktlsd is
 * stopped, so that it gets the ticket and the next START at the same time. It has two
 * workers; the kernel gives the handshake to the one that is busy with the ticket, which
 * must be the only one with a ticket.
 */
TEST_F_TIMEOUT(resume, a_ticket_just_before_close, 60)
{
	uint64_t passed;
	struct job j;
	int fd;

	s_server_start(&self->s, "rsa", "-rev", variant->openssl, NULL);
	for (int i = 0; i < 12; i++) {
		fd = kind_socket(variant->versions, i);
		passed = net_mib("TicketsPassed");
		OK(connect(fd, &self->s.a.sa, self->s.a.len));
		EXPECT_FALSE(is_resumed(fd));
		OK(kill(self->d.pid, SIGSTOP));
		if (variant->versions->min == KTLS_TLS_1_3)
			EVENTUALLY(net_recv_queue(fd) || net_mib("TicketsPassed") > passed, 5000);
		close(fd);
		job_connect(&j, kind_socket(variant->versions, i), &self->s.a);
		EVENTUALLY(sock_state(j.fd) == KTLS_STATE_HANDSHAKE, 5000);
		OK(kill(self->d.pid, SIGCONT));
		job_wait(&j, 10000);
		EXPECT_EQ(0, j.ret);
		EXPECT_TRUE(is_resumed(j.fd));
		/* its tickets come before its answer */
		interop_expect_reversed(j.fd);
		close(j.fd);
		EVENTUALLY(real_is_idle(&self->d), 5000);
	}
}

TEST_F_TIMEOUT(resume, server_of_s_client, 60)
{
	char file[] = "/tmp/ktls-sess-XXXXXX";
	struct stat st;
	struct proc c;
	struct addr a;
	int l, fd;

	close(OK(mkostemp(file, O_CLOEXEC)));
	l = interop_listen("rsa", NULL, &a);
	for (int i = 0; i < 3; i++) {
		s_client_start(&c, &a, variant->openssl, "-servername", "server.test",
			       "-sess_out", file, i ? "-sess_in" : NULL, file, NULL);
		fd = interop_accept(l, &c);
		EXPECT_EQ(i > 0, is_resumed(fd));
		EXPECT_EQ(variant->versions->max, sock_info(fd).version);
		EXPECT_STREQ("server.test", sock_get_str(fd, KTLS_SERVER_NAME));
		interop_expect_dialogue(&c, fd);
		close(fd);
		EXPECT_EQ(0, proc_wait(&c, 5000));
		EXPECT_EQ(i > 0, proc_printed(&c, "Reused, TLSv1."));
		OK(stat(file, &st));
		EXPECT_GT(st.st_size, 100);
	}
	unlink(file);
}

TEST_F_TIMEOUT(resume, client_of_gnutls_serv, 60)
{
	struct addr a;
	struct proc s;
	bool resumed = false;

	a = gnutls_serv_start(&s, variant->priority);
	EVENTUALLY(({
		int fd = interop_socket("server.test");
		char buf[8] = "";

		set_versions(fd, variant->versions);
		OK(connect(fd, &a.sa, a.len));
		resumed = is_resumed(fd);
		net_write(fd, "hello\n", 6);
		net_read(fd, buf, 6);
		EXPECT_MEMEQ("hello\n", buf, 6);
		close(fd);
		resumed;
	}), 10000);
	proc_kill(&s, SIGTERM);
}

TEST_F_TIMEOUT(resume, server_of_gnutls_cli, 60)
{
	struct proc c;
	struct addr a;
	char buf[8];
	int l, fd;

	l = interop_listen("ecdsa", NULL, &a);
	gnutls_cli_start(&c, &a, variant->priority, "--resume", "--waitresumption", NULL);
	fd = interop_accept(l, &c);
	EXPECT_FALSE(is_resumed(fd));
	EXPECT_EQ(0, read(fd, buf, 1));
	close(fd);
	fd = interop_accept(l, &c);
	EXPECT_TRUE(is_resumed(fd));
	EXPECT_EQ(variant->versions->max, sock_info(fd).version);
	OK(write(c.in, "hello\n", 6));
	net_read(fd, buf, 6);
	EXPECT_MEMEQ("hello\n", buf, 6);
	EVENTUALLY(proc_printed(&c, "This is a resumed session"), 5000);
	close(fd);
	EXPECT_EQ(0, proc_wait(&c, 5000));
}

/* --- both ends are ktls sockets --- */

/* The next connection that is resumed: tickets come a little later. */
static struct both both_resumed(int l, const struct addr *a)
{
	struct both b = { 0 };

	EVENTUALLY(({
		bool resumed;

		b = both_open(l, a, interop_socket("server.test"));
		resumed = is_resumed(b.client);
		EXPECT_EQ(resumed, is_resumed(b.server));
		if (!resumed)
			both_close(&b);
		resumed;
	}), 10000);
	return b;
}

static void both_greet(const struct both *b)
{
	char buf[6];

	EXPECT_STREQ("server.test", sock_get_str(b->client, KTLS_PEER_NAME));
	EXPECT_STREQ("server.test", sock_get_str(b->server, KTLS_SERVER_NAME));
	net_write(b->client, "to you", 6);
	net_read(b->server, buf, 6);
	EXPECT_MEMEQ("to you", buf, 6);
	net_write(b->server, "and me", 6);
	net_read(b->client, buf, 6);
	EXPECT_MEMEQ("and me", buf, 6);
}

/* What waits in the cache for long is kept in another form: after 10 s without work, in TLS 1.3. */
TEST_F_TIMEOUT(resume, after_a_while, 60)
{
	struct both b;
	struct addr a;
	int l;

	l = interop_listen("rsa", NULL, &a);
	set_versions(l, variant->versions);
	b = both_resumed(l, &a);
	both_close(&b);
	harness_nap(15000);
	b = both_open(l, &a, interop_socket("server.test"));
	EXPECT_TRUE(is_resumed(b.client));
	EXPECT_TRUE(is_resumed(b.server));
	both_greet(&b);
	both_close(&b);
	close(l);
}

TEST_F_TIMEOUT(resume, ourselves, 60)
{
	struct both b = { 0 };
	struct addr a;
	int l;

	l = interop_listen("rsa", NULL, &a);
	set_versions(l, variant->versions);
	b = both_open(l, &a, interop_socket("server.test"));
	EXPECT_FALSE(is_resumed(b.client));
	EXPECT_FALSE(is_resumed(b.server));
	both_close(&b);
	for (int i = 0; i < 3; i++) {
		b = both_resumed(l, &a);
		EXPECT_EQ(variant->versions->max, sock_info(b.client).version);
		both_greet(&b);
		both_close(&b);
	}
}

/* A server that requires a certificate, and a client that has one. */
static int listen_for_client(const struct ktls_versions *versions, struct addr *ret)
{
	int l = interop_listen("rsa", NULL, ret);

	set_versions(l, versions);
	OK(sock_set_int(l, KTLS_VERIFY, KTLS_VERIFY_REQUIRED));
	return l;
}

static int client_socket(void)
{
	int fd = interop_socket("server.test");

	OK(sock_set_str(fd, KTLS_IDENTITY, "client"));
	return fd;
}

static const int identity_options[] = {
	KTLS_PEER_NAME, KTLS_PEER_SUBJECT, KTLS_PEER_NAMES, KTLS_PEER_FINGERPRINT,
};

struct identity {
	char		value[ARRAY_SIZE(identity_options)][KTLS_PEER_TEXT_MAX];
	socklen_t	len[ARRAY_SIZE(identity_options)];
};

static void identity_of(int fd, struct identity *id)
{
	memset(id, 0, sizeof(*id));
	for (size_t i = 0; i < ARRAY_SIZE(identity_options); i++) {
		id->len[i] = sizeof(id->value[i]);
		OK(getsockopt(fd, SOL_TLS, identity_options[i], id->value[i], &id->len[i]));
		EXPECT_GT(id->len[i], 0);
	}
}

/* Both ends have a certificate; in a resumed session each reports the same of the other. */
TEST_F_TIMEOUT(resume, identities, 60)
{
	struct identity client, server, seen;
	struct both b = { 0 };
	struct addr a;
	bool first = true;
	int l;

	l = listen_for_client(variant->versions, &a);
	EVENTUALLY(({
		bool resumed;

		b = both_open(l, &a, client_socket());
		resumed = is_resumed(b.server);
		if (first) {
			EXPECT_FALSE(resumed);
			identity_of(b.server, &client);
			identity_of(b.client, &server);
			EXPECT_STREQ("CN=ktls test client", client.value[1]);
			EXPECT_STREQ("CN=ktls test rsa", server.value[1]);
			first = false;
		}
		identity_of(b.server, &seen);
		EXPECT_MEMEQ(&client, &seen, sizeof(seen));
		identity_of(b.client, &seen);
		EXPECT_MEMEQ(&server, &seen, sizeof(seen));
		both_close(&b);
		resumed;
	}), 10000);
}

/* The resumed connection still has the client certificate that was verified. */
TEST_F_TIMEOUT(resume, client_certificate, 60)
{
	struct both b = { 0 };
	struct addr a;
	int l, fd;

	l = listen_for_client(variant->versions, &a);
	EVENTUALLY(({
		bool resumed;

		b = both_open(l, &a, client_socket());
		EXPECT_TRUE(sock_info(b.server).flags & KTLS_INFO_VERIFIED);
		EXPECT_TRUE(strstr(sock_get_str(b.server, KTLS_PEER_CERTIFICATES), "BEGIN CERT"));
		EXPECT_TRUE(strstr(sock_get_str(b.server, KTLS_PEER_CHAIN), "BEGIN CERT"));
		resumed = is_resumed(b.server);
		both_close(&b);
		resumed;
	}), 10000);
	/* a client without certificate is refused with that session */
	fd = interop_socket("server.test");
	net_nonblock(fd, true);
	FAILS(EINPROGRESS, connect(fd, &a.sa, a.len));
	EXPECT_EQ(0, net_poll(l, POLLIN, 500));
	close(fd);
}
