// SPDX-License-Identifier: GPL-2.0-or-later
/* Whom ktlsd trusts, and what alert the other end gets when it does not. */
#include <poll.h>
#include <sched.h>
#include <sys/wait.h>

#include "lib/interop.h"

FIXTURE(trust) { struct proc d; struct s_server s; };
FIXTURE_SETUP(trust)
{
	net_new();
	real_start_with(&self->d, real_restricted());
}
FIXTURE_TEARDOWN(trust)
{
}

/* connect() refuses; the alert reaches s_server, which prints it. */
static void expect_rejected(struct trust_self *self, const char *identity, const char *name,
			    const char *reason, const char *s_server_says)
{
	struct addr seen = { .len = sizeof(seen.v6) };
	int fd;

	s_server_start(&self->s, identity, NULL);
	fd = interop_socket(name);
	FAILS(EKEYREJECTED, connect(fd, &self->s.a.sa, self->s.a.len));
	harness_note("KTLS_ERROR: %s", sock_error(fd));
	EXPECT_TRUE(strcasestr(sock_error(fd), reason));
	EXPECT_TRUE(strstr(sock_get_str(fd, KTLS_PEER_CERTIFICATES), "BEGIN CERTIFICATE"));
	EXPECT_FALSE(sock_info(fd).flags & KTLS_INFO_VERIFIED);
	EXPECT_NE(255, sock_info(fd).alert_sent);
	FAILS(ENOTCONN, getpeername(fd, &seen.sa, &seen.len));
	FAILS(EPIPE, send(fd, "x", 1, MSG_NOSIGNAL));
	EVENTUALLY(proc_printed(&self->s.p, "alert"), 5000);
	if (s_server_says)
		EXPECT_TRUE(proc_printed(&self->s.p, s_server_says));
	close(fd);
}

TEST_F(trust, unknown_ca)
{
	expect_rejected(self, "untrusted", "server.test", "not trusted", "unknown ca");
}

TEST_F(trust, expired)
{
	expect_rejected(self, "expired", "server.test", "expired", "certificate expired");
}

TEST_F(trust, wrong_name)
{
	expect_rejected(self, "other", "server.test", "server.test", NULL);
}

/* Without a name the address is verified, and that certificate has another. */
TEST_F(trust, wrong_address)
{
	expect_rejected(self, "other", NULL, "127.0.0.1", NULL);
}

TEST_F(trust, no_address_in_the_certificate)
{
	expect_rejected(self, "named", NULL, "127.0.0.1", NULL);
}

TEST_F(trust, address_as_a_name)
{
	int fd;

	s_server_start(&self->s, "rsa", "-rev", NULL);
	fd = interop_socket("127.0.0.1");
	OK(connect(fd, &self->s.a.sa, self->s.a.len));
	interop_expect_reversed(fd);
	close(fd);
}

TEST_F(trust, own_anchors_in_place_of_the_systems)
{
	int fd;

	s_server_start(&self->s, "untrusted", "-rev", NULL);
	fd = interop_socket("server.test");
	interop_set_file(fd, KTLS_TRUST, "untrusted-ca.pem");
	OK(connect(fd, &self->s.a.sa, self->s.a.len));
	EXPECT_TRUE(sock_info(fd).flags & KTLS_INFO_VERIFIED);
	interop_expect_reversed(fd);
	close(fd);

	s_server_start(&self->s, "rsa", NULL);
	fd = interop_socket("server.test");
	interop_set_file(fd, KTLS_TRUST, "untrusted-ca.pem");
	FAILS(EKEYREJECTED, connect(fd, &self->s.a.sa, self->s.a.len));
	close(fd);
}

TEST_F(trust, verification_off)
{
	socklen_t len = 10;
	char buf[10];
	int fd;

	s_server_start(&self->s, "untrusted", "-rev", NULL);
	fd = interop_socket("server.test");
	OK(sock_set_int(fd, KTLS_VERIFY, KTLS_VERIFY_NONE));
	OK(connect(fd, &self->s.a.sa, self->s.a.len));
	EXPECT_FALSE(sock_info(fd).flags & KTLS_INFO_VERIFIED);
	FAILS(ENODATA, getsockopt(fd, SOL_TLS, KTLS_PEER_NAME, buf, &len));
	interop_expect_reversed(fd);
	close(fd);
}

/* The same socket is refused and then accepted: nothing of the first attempt remains. */
TEST_F(trust, refused_then_accepted)
{
	struct s_server good;
	int fd;

	s_server_start(&self->s, "untrusted", NULL);
	s_server_start(&good, "rsa", "-rev", NULL);
	fd = interop_socket("server.test");
	FAILS(EKEYREJECTED, connect(fd, &self->s.a.sa, self->s.a.len));
	OK(connect(fd, &good.a.sa, good.a.len));
	EXPECT_TRUE(sock_info(fd).flags & KTLS_INFO_VERIFIED);
	interop_expect_reversed(fd);
	close(fd);
}

/* --- mutual --- */

static int listen_mutual(int verify, struct addr *a)
{
	int l = interop_listen("rsa", NULL, a);

	OK(sock_set_int(l, KTLS_VERIFY, verify));
	return l;
}

TEST_F(trust, mutual_with_a_good_certificate)
{
	static const char *const versions[] = { "-tls1_3", "-tls1_2" };
	struct proc c;
	struct addr a;
	int fd, l = listen_mutual(KTLS_VERIFY_REQUIRED, &a);

	for (int i = 0; i < 2; i++) {
		s_client_start(&c, &a, versions[i], "-cert", real_pki("client.pem"), "-key",
			       real_pki("client.key"), NULL);
		fd = interop_accept(l, &c);
		EXPECT_TRUE(sock_info(fd).flags & KTLS_INFO_VERIFIED);
		EXPECT_TRUE(sock_info(fd).flags & KTLS_INFO_PEER_CERT);
		EXPECT_TRUE(strstr(sock_get_str(fd, KTLS_PEER_CERTIFICATES), "BEGIN CERTIFICATE"));
		net_write(fd, "welcome\n", 8);
		EVENTUALLY(proc_printed(&c, "welcome\n"), 5000);
		close(fd);
		EXPECT_EQ(0, proc_wait(&c, 5000));
	}
}

/* No certificate, or one of an unknown authority: the program never sees that client. */
TEST_F(trust, mutual_without_a_good_certificate)
{
	struct proc c[4];
	struct addr a;
	int l = listen_mutual(KTLS_VERIFY_REQUIRED, &a);

	s_client_start(&c[0], &a, "-tls1_3", NULL);
	s_client_start(&c[1], &a, "-tls1_2", NULL);
	s_client_start(&c[2], &a, "-tls1_3", "-cert", real_pki("untrusted.pem"), "-key",
		       real_pki("untrusted.key"), NULL);
	s_client_start(&c[3], &a, "-tls1_2", "-cert", real_pki("expired.pem"), "-key",
		       real_pki("expired.key"), NULL);
	for (int i = 0; i < 4; i++)
		EXPECT_NE(0, proc_wait(&c[i], 15000));
	EXPECT_TRUE(proc_printed(&c[0], "certificate required"));
	EXPECT_TRUE(proc_printed(&c[1], "alert"));
	EXPECT_TRUE(proc_printed(&c[2], "unknown ca"));
	EXPECT_TRUE(proc_printed(&c[3], "certificate expired"));
	net_nonblock(l, true);
	FAILS(EAGAIN, accept(l, NULL, NULL));
}

TEST_F(trust, optional_client_certificate)
{
	struct proc c;
	struct addr a;
	int fd, l = listen_mutual(KTLS_VERIFY_OPTIONAL, &a);

	s_client_start(&c, &a, NULL);
	fd = interop_accept(l, &c);
	EXPECT_FALSE(sock_info(fd).flags & (KTLS_INFO_VERIFIED | KTLS_INFO_PEER_CERT));
	close(fd);
	EXPECT_EQ(0, proc_wait(&c, 5000));
	/* optional, but one that is sent must be valid */
	s_client_start(&c, &a, "-cert", real_pki("untrusted.pem"), "-key",
		       real_pki("untrusted.key"), NULL);
	EXPECT_NE(0, proc_wait(&c, 15000));
	net_nonblock(l, true);
	FAILS(EAGAIN, accept(l, NULL, NULL));
}

/* Our client's certificate, by identity, towards OpenSSL. */
TEST_F(trust, client_identity)
{
	int fd;

	s_server_start(&self->s, "rsa", "-rev", "-Verify", "3", "-CAfile", real_pki("ca.pem"),
		       "-verify_return_error", NULL);
	fd = interop_socket("server.test");
	OK(sock_set_str(fd, KTLS_IDENTITY, "client"));
	OK(connect(fd, &self->s.a.sa, self->s.a.len));
	interop_expect_reversed(fd);
	close(fd);

	/* 1.3: the client is done before the server refuses: the first read fails */
	fd = interop_socket("server.test");
	if (!connect(fd, &self->s.a.sa, self->s.a.len)) {
		FAILS(EPROTO, read(fd, &(char){ 0 }, 1));
		EXPECT_EQ(116, sock_info(fd).alert_rcvd);
	} else {
		EXPECT_ERRNO(EPROTO, errno);
	}
	close(fd);

	fd = interop_socket("server.test");
	OK(sock_set_str(fd, KTLS_IDENTITY, "private"));
	FAILS(EACCES, connect(fd, &self->s.a.sa, self->s.a.len));
	close(fd);
	fd = interop_socket("server.test");
	OK(sock_set_str(fd, KTLS_IDENTITY, "nobody"));
	FAILS(ENOKEY, connect(fd, &self->s.a.sa, self->s.a.len));
	close(fd);
}

/* --- containers --- */

/* What @fn returns in a PID namespace of its own, as root, in the other namespaces of the
 * machine.
 */
static int in_a_container(struct trust_self *self, const char *identity,
			  int (*fn)(struct trust_self *self, const char *identity))
{
	pid_t pid = OK(fork());
	int status;

	if (!pid) {
		OK(unshare(CLONE_NEWPID));
		pid = OK(fork());
		if (!pid)
			_exit(fn(self, identity));
		OK(waitpid(pid, &status, 0));
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 255);
	}
	OK(waitpid(pid, &status, 0));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/* Return: @err. The reason must name the PID namespace. */
static int why_not(int fd, int err)
{
	return err == EACCES && !strstr(sock_error(fd), "allow_containers") ? EBADMSG : err;
}

static int connect_as(struct trust_self *self, const char *identity)
{
	int fd = interop_socket("server.test");

	if (identity)
		OK(sock_set_str(fd, KTLS_IDENTITY, identity));
	return !connect(fd, &self->s.a.sa, self->s.a.len) ? 0 : why_not(fd, errno);
}

static int listen_as(struct trust_self *self, const char *identity)
{
	struct addr a = net_loopback(AF_INET, 0);
	int fd = interop_socket(NULL);

	(void)self;

	OK(bind(fd, &a.sa, a.len));
	OK(sock_set_str(fd, KTLS_IDENTITY, identity));
	return !listen(fd, 1) ? 0 : why_not(fd, errno);
}

/* Its uid is 0, as root's; it shares network and user namespace with ktlsd. */
TEST_F(trust, root_of_a_container_is_not_root)
{
	s_server_start(&self->s, "rsa", NULL);
	EXPECT_ERRNO(EACCES, in_a_container(self, "client", connect_as));
	EXPECT_ERRNO(EACCES, in_a_container(self, "rsa", listen_as));
	/* it may connect without an identity */
	EXPECT_EQ(0, in_a_container(self, NULL, connect_as));
	EXPECT_EQ(0, in_a_container(self, "contained", connect_as));
	EXPECT_EQ(0, in_a_container(self, "contained", listen_as));
	EXPECT_EQ(0, connect_as(self, "client"));
	EXPECT_EQ(0, listen_as(self, "rsa"));
}

/* s_client prints the alert with which our server refuses it. */
TEST_F(trust, alert_reaches_s_client)
{
	struct proc c;
	struct addr a;

	interop_listen("rsa", "ECDHE-RSA-AES128-GCM-SHA256", &a);
	s_client_start(&c, &a, "-tls1_2", "-cipher", "ECDHE-RSA-AES256-GCM-SHA384", NULL);
	EXPECT_NE(0, proc_wait(&c, 15000));
	EXPECT_TRUE(proc_printed(&c, "handshake failure"));
}
