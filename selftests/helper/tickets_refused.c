// SPDX-License-Identifier: GPL-2.0-or-later
/* No resumption, with the real ktlsd: where options differ from those of the first
 * handshake, where it verified nobody, where tickets are off.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include "lib/resume.h"

/* --- the client --- */

/* A session that is there is not used by a socket with other options. */
#define EXPECT_NOT_RESUMED(setup) do {						\
	int _fd;								\
										\
	EXPECT_RESUMES(&self->s.a, variant->versions);				\
	_fd = interop_socket("server.test");					\
	set_versions(_fd, variant->versions);					\
	setup(_fd);								\
	EXPECT_FALSE(visit_fd(_fd, &self->s.a));				\
	EXPECT_RESUMES(&self->s.a, variant->versions);				\
} while (0)

static void without_verification(int fd)
{
	OK(sock_set_int(fd, KTLS_VERIFY, KTLS_VERIFY_NONE));
}

static void with_trust(int fd)
{
	interop_set_file(fd, KTLS_TRUST, "ca.pem");
}

static void with_identity(int fd)
{
	OK(sock_set_str(fd, KTLS_IDENTITY, "client"));
}

static void with_alpn(int fd)
{
	OK(setsockopt(fd, SOL_TLS, KTLS_ALPN, "\2h2", 3));
}

static void with_groups(int fd)
{
	OK(sock_set_str(fd, KTLS_GROUPS, "X25519"));
}

static void with_sigalgs(int fd)
{
	OK(sock_set_str(fd, KTLS_SIGALGS, "rsa_pss_rsae_sha256"));
}

static void with_another_name(int fd)
{
	OK(sock_set_str(fd, KTLS_SERVER_NAME, "127.0.0.1"));
}

static void with_no_tickets(int fd)
{
	OK(sock_set_int(fd, KTLS_TICKETS, 0));
}

TEST_F_TIMEOUT(resume, a_clients_session_is_for_the_same_only, 120)
{
	s_server_start(&self->s, "rsa", "-rev", variant->openssl, "-alpn", "h2", NULL);
	EXPECT_NOT_RESUMED(without_verification);
	EXPECT_NOT_RESUMED(with_trust);
	EXPECT_NOT_RESUMED(with_identity);
	EXPECT_NOT_RESUMED(with_alpn);
	EXPECT_NOT_RESUMED(with_groups);
	EXPECT_NOT_RESUMED(with_sigalgs);
	EXPECT_NOT_RESUMED(with_another_name);
	EXPECT_NOT_RESUMED(with_no_tickets);
}

TEST_F_TIMEOUT(resume, another_user_has_other_sessions, 60)
{
	int fd;

	s_server_start(&self->s, "rsa", "-rev", variant->openssl, NULL);
	EXPECT_RESUMES(&self->s.a, variant->versions);
	harness_seteuid(4242);
	fd = interop_socket("server.test");
	harness_seteuid(0);
	set_versions(fd, variant->versions);
	EXPECT_FALSE(visit_fd(fd, &self->s.a));
	EXPECT_RESUMES(&self->s.a, variant->versions);
}

/* A session without verification is not stored, not even for sockets that do not verify. */
TEST_F_TIMEOUT(resume, unverified_sessions_are_not_kept, 60)
{
	int fd;

	s_server_start(&self->s, "untrusted", "-rev", variant->openssl, NULL);
	for (int i = 0; i < 4; i++) {
		fd = interop_socket("server.test");
		set_versions(fd, variant->versions);
		without_verification(fd);
		EXPECT_FALSE(visit_fd(fd, &self->s.a));
	}
	EXPECT_EQ(0, net_mib("TicketsPassed"));
	fd = interop_socket("server.test");
	set_versions(fd, variant->versions);
	FAILS(EKEYREJECTED, connect(fd, &self->s.a.sa, self->s.a.len));
	close(fd);
}

TEST_F_TIMEOUT(resume, without_tickets_none_are_kept, 60)
{
	int fd;

	s_server_start(&self->s, "rsa", "-rev", variant->openssl, NULL);
	for (int i = 0; i < 3; i++) {
		fd = interop_socket("server.test");
		set_versions(fd, variant->versions);
		with_no_tickets(fd);
		EXPECT_FALSE(visit_fd(fd, &self->s.a));
	}
	EXPECT_EQ(0, net_mib("TicketsPassed"));
	EXPECT_FALSE(visit(&self->s.a, variant->versions, "server.test"));
}

/* --- the server --- */

/* Does one listener accept a ticket of another? */
struct shown {
	struct resume_self	*self;
	const char		*version;
	char			file[40];
};

static bool shown_to(struct shown *shown, int l, const struct addr *a, const char *name,
		     const char *in)
{
	bool resumed;
	struct proc c;
	int fd;

	s_client_start(&c, a, shown->version, "-servername", name, "-cert", real_pki("client.pem"),
		       "-key", real_pki("client.key"), "-sess_out",
		       in ? "/dev/null" : shown->file, in ? "-sess_in" : NULL, in, NULL);
	fd = interop_accept(l, &c);
	resumed = is_resumed(fd);
	net_write(fd, "and back\n", 9);
	EVENTUALLY(proc_printed(&c, "and back\n"), 5000);
	close(fd);
	EXPECT_EQ(0, proc_wait(&c, 5000));
	EXPECT_EQ(resumed, proc_printed(&c, "Reused, TLSv1."));
	return resumed;
}

/* The session is not accepted, and the client is refused. */
static void shown_in_vain(struct shown *shown, int l, const struct addr *a)
{
	struct proc c;

	s_client_start(&c, a, shown->version, "-servername", "server.test", "-cert",
		       real_pki("client.pem"), "-key", real_pki("client.key"), "-sess_in",
		       shown->file, NULL);
	EVENTUALLY(proc_printed(&c, "alert unknown ca"), 10000);
	EXPECT_EQ(0, net_poll(l, POLLIN, 100));
	proc_kill(&c, SIGTERM);
}

static int listen_with(struct addr *a, const char *trust, int verify)
{
	int l = interop_socket(NULL);

	*a = net_loopback(AF_INET, 0);
	interop_set_file(l, KTLS_CERTIFICATE, "rsa.pem");
	interop_set_file(l, KTLS_PRIVATE_KEY, "rsa.key");
	if (trust)
		interop_set_file(l, KTLS_TRUST, trust);
	OK(sock_set_int(l, KTLS_VERIFY, verify));
	OK(bind(l, &a->sa, a->len));
	OK(listen(l, 5));
	OK(getsockname(l, &a->sa, &a->len));
	return l;
}

static void shown_init(struct shown *shown, struct resume_self *self, const char *version)
{
	shown->self = self;
	shown->version = version;
	strcpy(shown->file, "/tmp/ktls-sess-XXXXXX");
	close(OK(mkostemp(shown->file, O_CLOEXEC)));
}

TEST_F_TIMEOUT(resume, a_servers_ticket_is_for_the_same_only, 120)
{
	struct addr a, b;
	struct shown s;
	int l, same, other;

	shown_init(&s, self, variant->openssl);
	l = listen_with(&a, "ca.pem", KTLS_VERIFY_OPTIONAL);
	EXPECT_FALSE(shown_to(&s, l, &a, "server.test", NULL));
	same = listen_with(&b, "ca.pem", KTLS_VERIFY_OPTIONAL);
	/* the ClientHello has another server name */
	EXPECT_FALSE(shown_to(&s, same, &b, "other.test", s.file));
	/* other trust anchors, which do not include the client's CA */
	other = listen_with(&b, "untrusted-ca.pem", KTLS_VERIFY_OPTIONAL);
	shown_in_vain(&s, other, &b);
	/* the system's trust anchors: the same certificates, but another setting */
	other = listen_with(&b, NULL, KTLS_VERIFY_OPTIONAL);
	EXPECT_FALSE(shown_to(&s, other, &b, "server.test", s.file));
	/* a certificate is required now */
	other = listen_with(&b, "ca.pem", KTLS_VERIFY_REQUIRED);
	EXPECT_FALSE(shown_to(&s, other, &b, "server.test", s.file));
	/* a listener of another user */
	harness_seteuid(4242);
	other = interop_socket(NULL);
	harness_seteuid(0);
	b = net_loopback(AF_INET, 0);
	interop_set_file(other, KTLS_CERTIFICATE, "rsa.pem");
	interop_set_file(other, KTLS_PRIVATE_KEY, "rsa.key");
	interop_set_file(other, KTLS_TRUST, "ca.pem");
	OK(sock_set_int(other, KTLS_VERIFY, KTLS_VERIFY_OPTIONAL));
	OK(bind(other, &b.sa, b.len));
	OK(listen(other, 5));
	OK(getsockname(other, &b.sa, &b.len));
	EXPECT_FALSE(shown_to(&s, other, &b, "server.test", s.file));
	/* the session is still valid, also for another listener with the same configuration */
	b.len = sizeof(b.v6);
	OK(getsockname(same, &b.sa, &b.len));
	EXPECT_TRUE(shown_to(&s, same, &b, "server.test", s.file));
	/* in 1.3 a ticket is accepted once */
	EXPECT_EQ(strcmp(s.version, "-tls1_3") != 0, shown_to(&s, l, &a, "server.test", s.file));
	/* and not after ktlsd was restarted */
	EXPECT_FALSE(shown_to(&s, l, &a, "server.test", NULL));
	real_stop(&self->d);
	real_start(&self->d);
	EXPECT_FALSE(shown_to(&s, l, &a, "server.test", s.file));
	unlink(s.file);
}

/* A session made without verification, shown where a certificate is required. */
TEST_F_TIMEOUT(resume, verified_only_now, 60)
{
	struct addr a, b;
	struct shown s;
	int l, other;
	struct proc c;

	shown_init(&s, self, variant->openssl);
	l = listen_with(&a, "ca.pem", KTLS_VERIFY_NONE);
	EXPECT_FALSE(shown_to(&s, l, &a, "server.test", NULL));
	other = listen_with(&b, "ca.pem", KTLS_VERIFY_REQUIRED);
	EXPECT_FALSE(shown_to(&s, other, &b, "server.test", s.file));
	/* without a certificate: not at all */
	s_client_start(&c, &b, variant->openssl, "-servername", "server.test", "-sess_in", s.file, NULL);
	EVENTUALLY(proc_printed(&c, "certificate required") || proc_printed(&c, "alert"), 10000);
	EXPECT_EQ(0, net_poll(other, POLLIN, 100));
	net_nonblock(other, true);
	FAILS(EAGAIN, accept(other, NULL, NULL));
	proc_kill(&c, SIGTERM);
	unlink(s.file);
}

TEST_F_TIMEOUT(resume, a_server_without_tickets, 60)
{
	struct both b;
	struct addr a;
	int l;

	l = interop_listen("rsa", NULL, &a);
	OK(setsockopt(l, SOL_TLS, KTLS_VERSIONS, variant->versions, sizeof(*variant->versions)));
	OK(sock_set_int(l, KTLS_TICKETS, 0));
	for (int i = 0; i < 3; i++) {
		b = both_open(l, &a, interop_socket("server.test"));
		EXPECT_FALSE(is_resumed(b.client));
		EXPECT_EQ(0, sock_info(b.client).rx_records - 1);
		both_close(&b);
	}
	EXPECT_EQ(0, net_mib("TicketsPassed"));
}
