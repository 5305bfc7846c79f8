// SPDX-License-Identifier: GPL-2.0-or-later
/* Resumption with the real ktlsd: OpenSSL, GnuTLS and ourselves at the other end. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#include "lib/interop.h"

static const struct ktls_versions only12 = { 0x0303, 0x0303 }, only13 = { 0x0304, 0x0304 };

FIXTURE(resume) { struct proc d; struct s_server s; };
FIXTURE_VARIANT(resume)
{
	const struct ktls_versions *versions;
	const char *openssl;
	const char *priority;
};
FIXTURE_VARIANT_ADD(resume, tls13) { &only13, "-tls1_3", "NORMAL:-VERS-ALL:+VERS-TLS1.3" };
FIXTURE_VARIANT_ADD(resume, tls12) { &only12, "-tls1_2", "NORMAL:-VERS-ALL:+VERS-TLS1.2" };
FIXTURE_SETUP(resume)
{
	net_new();
	real_start(&self->d);
}
FIXTURE_TEARDOWN(resume)
{
}

static void set_versions(int fd, const struct ktls_versions *versions)
{
	OK(setsockopt(fd, SOL_TLS, KTLS_VERSIONS, versions, sizeof(*versions)));
}

static bool is_resumed(int fd)
{
	return sock_info(fd).flags & KTLS_INFO_RESUMED;
}

/* One connection to "s_server -rev"; tells whether it was a resumed one. */
static bool visit_fd(int fd, const struct addr *a)
{
	bool resumed;

	OK(connect(fd, &a->sa, a->len));
	resumed = is_resumed(fd);
	/* its tickets come before its answer */
	interop_expect_reversed(fd);
	close(fd);
	return resumed;
}

static bool visit(const struct addr *a, const struct ktls_versions *versions, const char *name)
{
	int fd = interop_socket(name);

	set_versions(fd, versions);
	return visit_fd(fd, a);
}

/* ktlsd makes a session of a ticket when it comes to it: soon, but not at once. */
#define EXPECT_RESUMES(a, versions)	EVENTUALLY(visit(a, versions, "server.test"), 10000)

TEST_F_TIMEOUT(resume, client_of_s_server, 60)
{
	int fd;

	s_server_start(&self->s, "rsa", "-rev", variant->openssl, NULL);
	EXPECT_FALSE(visit(&self->s.a, variant->versions, "server.test"));
	EXPECT_RESUMES(&self->s.a, variant->versions);
	/* and so on, for ever */
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
	/* who it is was verified then, and is known now */
	EXPECT_TRUE(sock_info(fd).flags & KTLS_INFO_VERIFIED);
	EXPECT_EQ(variant->versions->max, sock_info(fd).version);
	EXPECT_STREQ("server.test", interop_get(fd, KTLS_PEER_NAME));
	EXPECT_TRUE(strstr(interop_get(fd, KTLS_PEER_CERTIFICATES), "BEGIN CERTIFICATE"));
	EXPECT_TRUE(strstr(interop_get(fd, KTLS_PEER_CHAIN), "BEGIN CERTIFICATE"));
	close(fd);
}

TEST_F_TIMEOUT(resume, server_of_s_client, 60)
{
	char file[] = "/tmp/ktls-sess-XXXXXX", buf[8];
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
		EXPECT_STREQ("server.test", interop_get(fd, KTLS_SERVER_NAME));
		OK(write(c.in, "hello\n", 6));
		net_read(fd, buf, 6);
		EXPECT_MEMEQ("hello\n", buf, 6);
		net_write(fd, "and back\n", 9);
		EVENTUALLY(proc_printed(&c, "and back\n"), 5000);
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
	struct addr a = net_loopback(AF_INET, 4433);
	struct proc s;
	bool resumed = false;

	proc_start(&s, "gnutls-serv", "--echo", "--port", "4433", "--priority", variant->priority,
		   "--x509certfile", real_pki("rsa.pem"), "--x509keyfile", real_pki("rsa.key"), NULL);
	real_wait_port(4433);
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
	char port[8], buf[8];
	int l, fd;

	l = interop_listen("ecdsa", NULL, &a);
	snprintf(port, sizeof(port), "%u", ntohs(a.v4.sin_port));
	proc_start(&c, "gnutls-cli", "--resume", "--waitresumption", "--x509cafile",
		   real_pki("ca.pem"), "--sni-hostname", "server.test", "--verify-hostname",
		   "server.test", "--priority", variant->priority, "--port", port, "127.0.0.1", NULL);
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

/* --- ourselves ------------------------------------------------------------- */

struct both {
	int	client, server;
};

static struct both both_open(int l, const struct addr *a, int client)
{
	struct both b = { .client = client };
	struct job j;
	char byte;

	job_connect(&j, client, a);
	b.server = net_accept(l);
	job_wait(&j, 10000);
	EXPECT_EQ(0, j.ret);
	/* so that the client has read its tickets */
	net_write(b.server, "x", 1);
	net_read(b.client, &byte, 1);
	return b;
}

static void both_close(struct both *b)
{
	close(b->client);
	close(b->server);
}

TEST_F_TIMEOUT(resume, ourselves, 60)
{
	struct both b = { 0 };
	struct addr a;
	char buf[6];
	int l;

	l = interop_listen("rsa", NULL, &a);
	OK(setsockopt(l, SOL_TLS, KTLS_VERSIONS, variant->versions, sizeof(*variant->versions)));
	b = both_open(l, &a, interop_socket("server.test"));
	EXPECT_FALSE(is_resumed(b.client));
	EXPECT_FALSE(is_resumed(b.server));
	both_close(&b);
	for (int i = 0; i < 3; i++) {
		EVENTUALLY(({
			bool resumed;

			b = both_open(l, &a, interop_socket("server.test"));
			resumed = is_resumed(b.client);
			EXPECT_EQ(resumed, is_resumed(b.server));
			if (!resumed)
				both_close(&b);
			resumed;
		}), 10000);
		EXPECT_EQ(variant->versions->max, sock_info(b.client).version);
		EXPECT_STREQ("server.test", interop_get(b.client, KTLS_PEER_NAME));
		EXPECT_STREQ("server.test", interop_get(b.server, KTLS_SERVER_NAME));
		net_write(b.client, "to you", 6);
		net_read(b.server, buf, 6);
		EXPECT_MEMEQ("to you", buf, 6);
		net_write(b.server, "and me", 6);
		net_read(b.client, buf, 6);
		EXPECT_MEMEQ("and me", buf, 6);
		both_close(&b);
	}
}

/* A client certificate that was verified: the resumed connection knows it, too. */
TEST_F_TIMEOUT(resume, client_certificate, 60)
{
	struct both b = { 0 };
	struct addr a;
	int l, fd;

	l = interop_listen("rsa", NULL, &a);
	OK(setsockopt(l, SOL_TLS, KTLS_VERSIONS, variant->versions, sizeof(*variant->versions)));
	OK(sock_set_int(l, KTLS_VERIFY, KTLS_VERIFY_REQUIRED));
	EVENTUALLY(({
		bool resumed;

		fd = interop_socket("server.test");
		OK(sock_set_str(fd, KTLS_IDENTITY, "client"));
		b = both_open(l, &a, fd);
		EXPECT_TRUE(sock_info(b.server).flags & KTLS_INFO_VERIFIED);
		EXPECT_TRUE(strstr(interop_get(b.server, KTLS_PEER_CERTIFICATES), "BEGIN CERT"));
		EXPECT_TRUE(strstr(interop_get(b.server, KTLS_PEER_CHAIN), "BEGIN CERT"));
		resumed = is_resumed(b.server);
		both_close(&b);
		resumed;
	}), 10000);
	/* who has no certificate does not get in with that client's session */
	fd = interop_socket("server.test");
	net_nonblock(fd, true);
	FAILS(EINPROGRESS, connect(fd, &a.sa, a.len));
	EXPECT_EQ(0, net_poll(l, POLLIN, 500));
	close(fd);
}

/* --- laundering: the client ------------------------------------------------ */

/* A session is there before and after; with the change it is not used. */
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
	OK(seteuid(4242));
	fd = interop_socket("server.test");
	OK(seteuid(0));
	set_versions(fd, variant->versions);
	EXPECT_FALSE(visit_fd(fd, &self->s.a));
	EXPECT_RESUMES(&self->s.a, variant->versions);
}

/* What was not verified is not kept: not even for who does not verify either. */
TEST_F_TIMEOUT(resume, unverified_sessions_are_not_kept, 60)
{
	int fd;

	s_server_start(&self->s, "stranger", "-rev", variant->openssl, NULL);
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

/* --- laundering: the server ------------------------------------------------ */

/* A ticket of one listener, shown to another: is it taken there? */
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

/* The session does not help, and without it that client is not let in. */
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
	/* another name was asked for */
	EXPECT_FALSE(shown_to(&s, same, &b, "other.test", s.file));
	/* other authorities for clients: that one is a stranger there */
	other = listen_with(&b, "stranger-ca.pem", KTLS_VERIFY_OPTIONAL);
	shown_in_vain(&s, other, &b);
	/* the system's authorities, which are the same, but not the same trust */
	other = listen_with(&b, NULL, KTLS_VERIFY_OPTIONAL);
	EXPECT_FALSE(shown_to(&s, other, &b, "server.test", s.file));
	/* required now */
	other = listen_with(&b, "ca.pem", KTLS_VERIFY_REQUIRED);
	EXPECT_FALSE(shown_to(&s, other, &b, "server.test", s.file));
	/* another user's */
	OK(seteuid(4242));
	other = interop_socket(NULL);
	OK(seteuid(0));
	b = net_loopback(AF_INET, 0);
	interop_set_file(other, KTLS_CERTIFICATE, "rsa.pem");
	interop_set_file(other, KTLS_PRIVATE_KEY, "rsa.key");
	interop_set_file(other, KTLS_TRUST, "ca.pem");
	OK(sock_set_int(other, KTLS_VERIFY, KTLS_VERIFY_OPTIONAL));
	OK(bind(other, &b.sa, b.len));
	OK(listen(other, 5));
	OK(getsockname(other, &b.sa, &b.len));
	EXPECT_FALSE(shown_to(&s, other, &b, "server.test", s.file));
	/* it was good all the time, also for another listener that is the same */
	b.len = sizeof(b.v6);
	OK(getsockname(same, &b.sa, &b.len));
	EXPECT_TRUE(shown_to(&s, same, &b, "server.test", s.file));
	/* in 1.3 once */
	EXPECT_EQ(strcmp(s.version, "-tls1_3") != 0, shown_to(&s, l, &a, "server.test", s.file));
	/* and only for a ktlsd of its own time */
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

/* --- what is not in both versions ------------------------------------------ */

FIXTURE(real13) { struct proc d; struct s_server s; };
FIXTURE_SETUP(real13)
{
	net_new();
	real_start(&self->d);
}
FIXTURE_TEARDOWN(real13)
{
}

/* As many as were asked for, and one after a resumed handshake. */
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

/*
 * A ticket is used once, by however many that begin at the same time: no more
 * connections are resumed than there were tickets.
 */
TEST_F_TIMEOUT(real13, a_ticket_is_used_once, 90)
{
	unsigned int resumed = 0, full = 0;
	uint64_t tickets;
	struct both b;
	struct addr a;
	char byte;
	int l;

	l = interop_listen("rsa", NULL, &a);
	OK(sock_set_int(l, KTLS_TICKETS, 1));
	b = both_open(l, &a, interop_socket("server.test"));
	both_close(&b);
	for (int round = 0; round < 10; round++) {
		struct job j[3];
		int server[3];

		tickets = net_mib("TicketsPassed");
		for (int i = 0; i < 3; i++)
			job_connect(&j[i], interop_socket("server.test"), &a);
		for (int i = 0; i < 3; i++) {
			server[i] = net_accept(l);
			job_wait(&j[i], 10000);
			EXPECT_EQ(0, j[i].ret);
			resumed += is_resumed(j[i].fd);
			full += !is_resumed(j[i].fd);
		}
		EXPECT_LE(resumed, tickets);
		/* one reads its ticket; the others stay open, and theirs unread */
		for (int i = 0; i < 3; i++)
			net_write(server[i], "x", 1);
		net_read(j[0].fd, &byte, 1);
	}
	harness_note("%u resumed, %u not", resumed, full);
	EXPECT_GT(resumed, 0);
	EXPECT_GE(full, 19);
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
		EXPECT_STREQ("lamp", interop_get(fd, KTLS_PEER_NAME));
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

	/* no certificate: for those with the key only */
	set_lamp(l);
	OK(bind(l, &a.sa, a.len));
	OK(listen(l, 5));
	OK(getsockname(l, &a.sa, &a.len));
	s_client_start(&c, &a, "-psk_identity", "lamp", "-psk", LAMP_HEX, NULL);
	fd = interop_accept(l, &c);
	EXPECT_STREQ("lamp", interop_get(fd, KTLS_PEER_NAME));
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
	EXPECT_STREQ("lamp", interop_get(fd, KTLS_PEER_NAME));
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

	/* listen asks, too */
	l = interop_socket(NULL);
	OK(bind(l, &a.sa, a.len));
	OK(sock_set_str(l, KTLS_IDENTITY, "rsa"));
	OK(sock_set_str(l, KTLS_SIGALGS, "rsa_pkcs1_md5"));
	FAILS(EINVAL, listen(l, 5));
	EXPECT_TRUE(strstr(sock_error(l), "KTLS_SIGALGS names 'rsa_pkcs1_md5'"));
	OK(sock_set_str(l, KTLS_SIGALGS, "rsa_pss_rsae_sha256"));
	OK(listen(l, 5));
}

/* Leaf and anchor, though the server sent the leaf alone. */
TEST_F(real13, peer_chain)
{
	const char *chain, *second;
	int fd;

	s_server_start(&self->s, "rsa", "-rev", NULL);
	fd = interop_socket("server.test");
	FAILS(ENODATA, getsockopt(fd, SOL_TLS, KTLS_PEER_CHAIN, &(char){ 0 }, &(socklen_t){ 0 }));
	OK(connect(fd, &self->s.a.sa, self->s.a.len));
	chain = interop_get(fd, KTLS_PEER_CHAIN);
	second = strstr(chain + 1, "-----BEGIN");
	ASSERT_TRUE(second);
	EXPECT_FALSE(strstr(second + 1, "-----BEGIN"));
	chain = interop_get(fd, KTLS_PEER_CERTIFICATES);
	EXPECT_FALSE(strstr(chain + 1, "-----BEGIN"));
	close(fd);
	fd = interop_socket("server.test");
	without_verification(fd);
	OK(connect(fd, &self->s.a.sa, self->s.a.len));
	FAILS(ENODATA, getsockopt(fd, SOL_TLS, KTLS_PEER_CHAIN, &(char){ 0 }, &(socklen_t){ 0 }));
	close(fd);
}
