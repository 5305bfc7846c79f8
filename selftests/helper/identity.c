// SPDX-License-Identifier: GPL-2.0-or-later
/* What a helper reports about the peer: names, fingerprint, whether it was verified. */
#include "helper/wrong.h"

WRONG(peer_name_of_two_lines, d.peer_name = "server.test\nadmin.test")
WRONG(subject_of_two_lines, d.peer_subject = "CN=nobody\nCN=admin")
WRONG(subject_beyond_ascii, d.peer_subject = "CN=caf\xc3\xa9")
WRONG(subject_with_delete, d.peer_subject = "CN=\x7f")
WRONG(name_of_an_unknown_kind, d.peer_names = "CN:admin\n")
WRONG(name_without_kind, d.peer_names = "admin.test\n")
WRONG(name_that_is_empty, d.peer_names = "DNS:a\nDNS:\n")
WRONG(name_without_end, d.peer_names = "DNS:a\nDNS:b")
WRONG(name_with_a_space, d.peer_names = "DNS:a b\n")
WRONG(name_with_a_tab, d.peer_names = "DNS:a\tb\n")
WRONG(empty_line_of_names, d.peer_names = "DNS:a\n\nDNS:b\n")
WRONG(names_behind_the_end, d.peer_names = "DNS:a\n...\nDNS:b\n")
WRONG(short_fingerprint, d.fingerprint = "31 bytes of it are one too few..";
    d.fingerprint_len = 31)

static size_t get_len(int fd, int opt, char text[KTLS_PEER_TEXT_MAX])
{
	socklen_t len = KTLS_PEER_TEXT_MAX;

	OK(getsockopt(fd, SOL_TLS, opt, text, &len));
	return len;
}

/* The longest values work; with one byte more the message is refused. */
TEST_F(wrong, longest_subject_and_names)
{
	char subject[KTLS_PEER_TEXT_MAX + 2], names[KTLS_PEER_TEXT_MAX + 2], got[KTLS_PEER_TEXT_MAX];
	struct fake_done d;

	good_done(self, &d);
	memset(subject, 'S', sizeof(subject));
	memset(names, 'N', sizeof(names));
	memcpy(subject, "CN=", 3);
	memcpy(names, "DNS:", 4);
	memcpy(names + sizeof(names) - 9, "\nIP:::1\n", 9);
	subject[KTLS_PEER_TEXT_MAX + 1] = 0;
	names[KTLS_PEER_TEXT_MAX + 1] = 0;
	d.fingerprint = "a fingerprint has thirty-two of them";
	d.fingerprint_len = KTLS_PEER_FINGERPRINT_SIZE;
	d.peer_subject = subject;
	EXPECT_NE(0, fake_done(self->e.fake, &d));
	d.peer_subject = NULL;
	d.peer_names = names;
	EXPECT_NE(0, fake_done(self->e.fake, &d));
	d.fingerprint_len++;
	d.peer_names = NULL;
	EXPECT_NE(0, fake_done(self->e.fake, &d));

	subject[KTLS_PEER_TEXT_MAX] = 0;
	names[KTLS_PEER_TEXT_MAX - 1] = '\n';
	names[KTLS_PEER_TEXT_MAX] = 0;
	for (char *c = names + KTLS_PEER_TEXT_MAX - 20; c < names + KTLS_PEER_TEXT_MAX - 1; c++)
		*c = 'x';
	d.peer_subject = subject;
	d.peer_names = names;
	d.fingerprint_len = KTLS_PEER_FINGERPRINT_SIZE;
	OK(fake_done(self->e.fake, &d));
	job_wait(&self->j, 5000);
	OK(self->j.ret);
	EXPECT_EQ(KTLS_PEER_TEXT_MAX, get_len(self->fd, KTLS_PEER_SUBJECT, got));
	EXPECT_MEMEQ(subject, got, KTLS_PEER_TEXT_MAX);
	EXPECT_EQ(KTLS_PEER_TEXT_MAX, get_len(self->fd, KTLS_PEER_NAMES, got));
	EXPECT_MEMEQ(names, got, KTLS_PEER_TEXT_MAX);
	EXPECT_EQ(KTLS_PEER_FINGERPRINT_SIZE, get_len(self->fd, KTLS_PEER_FINGERPRINT, got));
	EXPECT_MEMEQ(d.fingerprint, got, KTLS_PEER_FINGERPRINT_SIZE);
}

/* The identity of a peer that was not verified is not reported, even if the helper sends one.
 */
TEST_F(wrong, identity_of_an_unverified_peer)
{
	char got[KTLS_PEER_TEXT_MAX];
	socklen_t len = sizeof(got);
	struct fake_done d;

	fake_fail(self->e.fake, self->id, EPROTO, -1, "once more");
	job_wait(&self->j, 5000);
	peer_free(&self->p);
	OK(sock_set_int(self->fd, KTLS_VERIFY, KTLS_VERIFY_NONE));
	reach_done(self);
	good_done(self, &d);
	d.verified = false;
	d.peer_subject = "CN=admin";
	d.peer_names = "DNS:admin.test\n";
	d.fingerprint = "a fingerprint has thirty-two of them";
	d.fingerprint_len = KTLS_PEER_FINGERPRINT_SIZE;
	OK(fake_done(self->e.fake, &d));
	job_wait(&self->j, 5000);
	OK(self->j.ret);
	FAILS(ENODATA, getsockopt(self->fd, SOL_TLS, KTLS_PEER_NAME, got, &len));
	EXPECT_EQ(0, get_len(self->fd, KTLS_PEER_SUBJECT, got));
	EXPECT_EQ(0, get_len(self->fd, KTLS_PEER_NAMES, got));
	EXPECT_EQ(0, get_len(self->fd, KTLS_PEER_FINGERPRINT, got));
}

/* Answers for servers with a certificate that nobody has verified. */
static void answer_unverified(struct fake *f, struct fake_msg *m)
{
	struct fake_done d;
	size_t end = 0;

	if (m->cmd == KTLS_CMD_DATA && fake_role(f, m->id) == ROLE_SERVER)
		end = hs_flight_end(fake_data_of(m, KTLS_A_RECORDS), fake_len(m, KTLS_A_RECORDS));
	if (!end) {
		fake_answer(f, m);
		return;
	}
	fake_done_init(&d, f, m->id, ROLE_SERVER);
	d.consumed = end;
	d.verified = false;
	d.peer_cert = "not DER, but the kernel does not look";
	d.peer_cert_len = strlen(d.peer_cert);
	fake_done(f, &d);
}

/* A client need not have a certificate, but one that it has must be verified. */
TEST(optional_certificate_that_was_not_verified)
{
	static const int modes[] = { KTLS_VERIFY_OPTIONAL, KTLS_VERIFY_REQUIRED };
	struct env e;
	struct addr a;
	struct peer p;
	int l, fd;

	env_start_with(&e, S13_AES128, answer_unverified, NULL);
	l = sock_listen(AF_INET, 4, &a);
	for (unsigned int i = 0; i < 2; i++) {
		OK(sock_set_int(l, KTLS_VERIFY, modes[i]));
		fd = net_socket(AF_INET);
		OK(connect(fd, &a.sa, a.len));
		peer_init(&p, fd, false, &e.hs);
		peer_send_flight(&p, HS_CLIENT_HELLO);
		peer_recv_flight(&p, HS_SERVER_FLIGHT);
		peer_send_flight(&p, HS_CLIENT_FIN);
		EVENTUALLY(net_mib("HandshakesFailed") == i + 1, 5000);
		peer_free(&p);
	}
	EXPECT_EQ(2, net_mib("HelperBad"));
	net_nonblock(l, true);
	FAILS(EAGAIN, accept(l, NULL, NULL));

	/* With KTLS_VERIFY_NONE the certificate is reported, and the connection is accepted. */
	OK(sock_set_int(l, KTLS_VERIFY, KTLS_VERIFY_NONE));
	net_nonblock(l, false);
	fd = net_socket(AF_INET);
	OK(connect(fd, &a.sa, a.len));
	peer_init(&p, fd, false, &e.hs);
	peer_handshake(&p);
	fd = net_accept(l);
	EXPECT_FALSE(sock_info(fd).flags & KTLS_INFO_VERIFIED);
	EXPECT_TRUE(sock_info(fd).flags & KTLS_INFO_PEER_CERT);
	peer_free(&p);
}
