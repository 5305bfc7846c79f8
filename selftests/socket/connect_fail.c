// SPDX-License-Identifier: GPL-2.0-or-later
/* connect() that fails: the errno, the state of the socket, and another attempt. */
#include <poll.h>

#include "lib/sock.h"

FIXTURE(failing)
{
	struct env e;
	struct addr a;
	int l, fd;
	struct peer p;
	struct job j;
};
FIXTURE_SETUP(failing)
{
	env_start_manual(&self->e, S13_AES256, 8);
	self->l = net_listen(AF_INET, 8, &self->a);
	self->fd = sock_new(AF_INET);
}
FIXTURE_TEARDOWN(failing)
{
	close(self->fd);
}

/* A socket after a failed handshake. */
static void expect_failed(int fd)
{
	struct addr seen = { .len = sizeof(seen.v6) };
	char byte;

	EXPECT_EQ(KTLS_STATE_FAILED, sock_state(fd));
	FAILS(EPIPE, send(fd, MARKER, 5, MSG_NOSIGNAL));
	FAILS(ENOTCONN, recv(fd, &byte, 1, 0));
	FAILS(ENOTCONN, getpeername(fd, &seen.sa, &seen.len));
	FAILS(EPIPE, write(fd, MARKER, 5));
}

/* The helper refuses; its alert is sent, then FIN. */
TEST_F(failing, the_helpers_errno_and_reason)
{
	static const struct { int error; const char *reason; } failure[] = {
		{ EKEYREJECTED, "The certificate of \"server.test\" has expired." },
		{ ENOKEY, "No identity \"x\"." },
		{ EACCES, "User 1000 may not use identity \"x\"." },
		{ EPROTO, "The peer sent alert handshake_failure." },
		{ ENOMEM, "Out of memory." },
	};
	static const uint8_t alert[] = { 21, 3, 3, 0, 2, 2, 45 };
	uint8_t seen[8];
	struct fake_done d;
	struct fake_msg *m;

	for (size_t i = 0; i < ARRAY_SIZE(failure); i++) {
		job_connect(&self->j, self->fd, &self->a);
		peer_init(&self->p, net_accept(self->l), true, &self->e.hs);
		m = fake_expect(self->e.fake, KTLS_CMD_START);
		d = (struct fake_done) {
			.id = m->id, .error = failure[i].error, .alert = 45,
			.reason = failure[i].reason, .records = alert, .records_len = sizeof(alert),
		};
		EXPECT_EQ(0, fake_done(self->e.fake, &d));
		net_read(self->p.fd, seen, sizeof(alert));
		EXPECT_MEMEQ(alert, seen, sizeof(alert));
		EXPECT_EQ(0, read(self->p.fd, seen, 1));
		peer_free(&self->p);
		job_wait(&self->j, 5000);
		EXPECT_EQ(-1, self->j.ret);
		EXPECT_ERRNO(failure[i].error, self->j.err);
		EXPECT_STREQ(failure[i].reason, sock_error(self->fd));
		EXPECT_EQ(45, sock_info(self->fd).alert_sent);
		expect_failed(self->fd);
	}
}

TEST_F(failing, non_blocking)
{
	struct fake_msg *m;
	int ev;

	net_nonblock(self->fd, true);
	FAILS(EINPROGRESS, connect(self->fd, &self->a.sa, self->a.len));
	m = fake_expect(self->e.fake, KTLS_CMD_START);
	EXPECT_EQ(0, fake_fail(self->e.fake, m->id, EKEYREJECTED, -1, "No."));
	ev = net_poll(self->fd, POLLIN | POLLOUT, 5000);
	EXPECT_EQ(POLLERR, ev & POLLERR);
	EXPECT_EQ(POLLOUT, ev & POLLOUT);
	EXPECT_ERRNO(EKEYREJECTED, net_so_error(self->fd));
	EXPECT_EQ(0, net_so_error(self->fd));
	expect_failed(self->fd);
}

/* connect() again gives the same error as SO_ERROR. */
TEST_F(failing, non_blocking_reported_by_connect)
{
	struct fake_msg *m;

	net_nonblock(self->fd, true);
	FAILS(EINPROGRESS, connect(self->fd, &self->a.sa, self->a.len));
	m = fake_expect(self->e.fake, KTLS_CMD_START);
	EXPECT_EQ(0, fake_fail(self->e.fake, m->id, EKEYREJECTED, -1, "No."));
	EXPECT_TRUE(net_poll(self->fd, POLLOUT, 5000) & POLLERR);
	FAILS(EKEYREJECTED, connect(self->fd, &self->a.sa, self->a.len));
}

TEST_F(failing, connect_again)
{
	struct fake_msg *m;
	char byte = 0;

	for (int i = 0; i < 3; i++) {
		job_connect(&self->j, self->fd, &self->a);
		m = fake_expect(self->e.fake, KTLS_CMD_START);
		EXPECT_EQ(0, fake_fail(self->e.fake, m->id, EPROTO, -1, "Not yet."));
		close(net_accept(self->l));
		job_wait(&self->j, 5000);
		EXPECT_ERRNO(EPROTO, self->j.err);
	}
	fake_start(self->e.fake, NULL, NULL);
	job_connect(&self->j, self->fd, &self->a);
	peer_init(&self->p, net_accept(self->l), true, &self->e.hs);
	peer_handshake(&self->p);
	job_wait(&self->j, 5000);
	OK(self->j.ret);
	EXPECT_STREQ("", sock_error(self->fd));
	peer_send_data(&self->p, "x", 1);
	net_read(self->fd, &byte, 1);
	EXPECT_EQ('x', byte);
}

/* The second attempt may go to another address, even of another family. */
TEST_F(failing, connect_again_elsewhere)
{
	struct addr b;
	int other = net_listen(AF_INET, 8, &b);

	net_need_refusal(self->a.sa.sa_family);
	close(self->l);
	FAILS(ECONNREFUSED, connect(self->fd, &self->a.sa, self->a.len));
	fake_start(self->e.fake, NULL, NULL);
	job_connect(&self->j, self->fd, &b);
	peer_init(&self->p, net_accept(other), true, &self->e.hs);
	peer_handshake(&self->p);
	job_wait(&self->j, 5000);
	OK(self->j.ret);
}

TEST_F(failing, deadline_with_a_silent_helper)
{
	OK(sock_set_u32(self->fd, KTLS_TIMEOUT, 300));
	fake_start(self->e.fake, fake_ignore, NULL);
	job_connect(&self->j, self->fd, &self->a);
	job_wait(&self->j, 5000);
	EXPECT_EQ(-1, self->j.ret);
	EXPECT_ERRNO(ETIMEDOUT, self->j.err);
	EXPECT_GE(self->j.seconds, 0.25);
	EXPECT_TRUE(strstr(sock_error(self->fd), "ktlsd did not answer"));
	EVENTUALLY(self->e.fake->cancels == 1, 2000);
	EXPECT_EQ(self->e.fake->last_id, self->e.fake->last_cancel);
	expect_failed(self->fd);
	EXPECT_EQ(1, net_mib("HandshakesTimeout"));
}

TEST_F(failing, deadline_with_a_silent_peer)
{
	OK(sock_set_u32(self->fd, KTLS_TIMEOUT, 300 * harness_scale()));
	fake_start(self->e.fake, NULL, NULL);
	job_connect(&self->j, self->fd, &self->a);
	peer_init(&self->p, net_accept(self->l), true, &self->e.hs);
	peer_recv_flight(&self->p, HS_CLIENT_HELLO);
	job_wait(&self->j, 5000);
	EXPECT_ERRNO(ETIMEDOUT, self->j.err);
	EXPECT_TRUE(strstr(sock_error(self->fd), "the handshake did not finish"));
	/* the peer gets an alert and FIN */
	EXPECT_TRUE(net_poll(self->p.fd, POLLIN, 5000));
	EVENTUALLY(self->e.fake->cancels == 1, 2000);
}

/* A long deadline is as exact as a short one: it must come before that of the helper, which
 * knows it. Several lengths, because how late a timer of the timer wheel is depends on its
 * level.
 */
TEST_F_TIMEOUT(failing, long_deadlines_are_exact, 60)
{
	struct job j[8];
	double late = 0;

	fake_start(self->e.fake, NULL, NULL);
	for (unsigned int i = 0; i < ARRAY_SIZE(j); i++) {
		int fd = sock_new(AF_INET);

		OK(sock_set_u32(fd, KTLS_TIMEOUT, 17000 + i * 300));
		job_connect(&j[i], fd, &self->a);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(j); i++) {
		job_wait(&j[i], 25000);
		EXPECT_ERRNO(ETIMEDOUT, j[i].err);
		if (j[i].seconds - (17 + i * .3) > late)
			late = j[i].seconds - (17 + i * .3);
	}
	harness_note("at most %.3f s late", late);
	/* a timer of the timer wheel could be two seconds late */
	EXPECT_LT(late * 1e3, 1000);
}

/* A peer that sends a byte at a time does not postpone the deadline. */
TEST_F(failing, deadline_with_a_slow_peer)
{
	uint8_t flight[HS_FLIGHT_MAX];

	OK(sock_set_u32(self->fd, KTLS_TIMEOUT, 400));
	fake_start(self->e.fake, NULL, NULL);
	hs_flight(&self->e.hs, HS_SERVER_FLIGHT, flight);
	job_connect(&self->j, self->fd, &self->a);
	peer_init(&self->p, net_accept(self->l), true, &self->e.hs);
	for (int i = 0; i < 80 && !self->j.done; i++) {
		if (send(self->p.fd, flight + i, 1, MSG_NOSIGNAL) < 0)
			break;
		harness_nap(20);
	}
	job_wait(&self->j, 2000);
	EXPECT_ERRNO(ETIMEDOUT, self->j.err);
}

/* KTLS_TIMEOUT begins when TCP is connected; before that TCP has its own time-out. */
TEST_F(failing, nobody_answers_the_syn)
{
	net_deaf(self->l);
	OK(setsockopt(self->fd, IPPROTO_TCP, TCP_SYNCNT, &(int){ 1 }, sizeof(int)));
	net_nonblock(self->fd, true);
	FAILS(EINPROGRESS, connect(self->fd, &self->a.sa, self->a.len));
	FAILS(EALREADY, connect(self->fd, &self->a.sa, self->a.len));
	EXPECT_EQ(KTLS_STATE_CONNECTING, sock_state(self->fd));
	EXPECT_TRUE(net_poll(self->fd, POLLOUT, 15000) & POLLERR);
	EXPECT_ERRNO(ETIMEDOUT, net_so_error(self->fd));
}

TEST_F(failing, the_helper_dies)
{
	struct fake_msg *m;
	double start;

	job_connect(&self->j, self->fd, &self->a);
	m = fake_expect(self->e.fake, KTLS_CMD_START);
	free(m);
	start = harness_now();
	fake_die(self->e.fake);
	job_wait(&self->j, 1000);
	EXPECT_LE((harness_now() - start) * 1000, 1000 * harness_scale());
	EXPECT_EQ(-1, self->j.ret);
	EXPECT_ERRNO(EHOSTDOWN, self->j.err);
	EXPECT_NE(0, strlen(sock_error(self->fd)));
	EXPECT_EQ(1, net_mib("HelperLost"));
}

/* The stream is cut during the handshake: an errno, but never ECONNABORTED. */
TEST_F(failing, the_peer_goes_away)
{
	fake_start(self->e.fake, NULL, NULL);
	for (int rst = 0; rst < 2; rst++) {
		job_connect(&self->j, self->fd, &self->a);
		peer_init(&self->p, net_accept(self->l), true, &self->e.hs);
		peer_recv_flight(&self->p, HS_CLIENT_HELLO);
		if (rst)
			net_rst(self->p.fd);
		else
			close(self->p.fd);
		job_wait(&self->j, 5000);
		EXPECT_EQ(-1, self->j.ret);
		if (rst)
			EXPECT_ERRNO(ECONNRESET, self->j.err);
		else
			EXPECT_TRUE(self->j.err == EPROTO || self->j.err == ECONNRESET);
		expect_failed(self->fd);
	}
}

/* A fatal alert and then a reset arrive while it is the helper's turn: connect() fails with the
 * alert, whatever the helper answers.
 */
TEST_F(failing, an_alert_in_front_of_a_reset)
{
	static const uint8_t alert[] = { 21, 3, 3, 0, 2, 2, 40 };
	static const uint8_t more[] = { 22, 3, 3, 0, 1, 0 };
	uint8_t flight[HS_FLIGHT_MAX];
	struct fake_msg *m;
	size_t len;

	for (int say = 0; say < 2; say++) {
		job_connect(&self->j, self->fd, &self->a);
		peer_init(&self->p, net_accept(self->l), true, &self->e.hs);
		m = fake_expect(self->e.fake, KTLS_CMD_START);
		EXPECT_EQ(0, fake_data(self->e.fake, m->id, more, sizeof(more), false));
		net_read(self->p.fd, flight, sizeof(more));
		len = hs_flight(&self->e.hs, HS_SERVER_FLIGHT, flight);
		peer_send_raw(&self->p, flight, len);
		m = fake_expect(self->e.fake, KTLS_CMD_DATA);
		EXPECT_EQ(len, fake_len(m, KTLS_A_RECORDS));
		peer_send_raw(&self->p, alert, sizeof(alert));
		net_rst(self->p.fd);
		EVENTUALLY(net_tcp_state(self->fd) == TCP_CLOSE, 5000);
		EXPECT_EQ(0, fake_data(self->e.fake, m->id, more, say ? sizeof(more) : 0, false));
		m = fake_expect(self->e.fake, KTLS_CMD_DATA);
		EXPECT_EQ(sizeof(alert), fake_len(m, KTLS_A_RECORDS));
		EXPECT_MEMEQ(alert, fake_data_of(m, KTLS_A_RECORDS), sizeof(alert));
		EXPECT_EQ(0, fake_fail(self->e.fake, m->id, EPROTO, 40, "The peer sent alert handshake_failure."));
		job_wait(&self->j, 5000);
		EXPECT_EQ(-1, self->j.ret);
		EXPECT_ERRNO(EPROTO, self->j.err);
		EXPECT_STREQ("The peer sent alert handshake_failure.", sock_error(self->fd));
		expect_failed(self->fd);
	}
}

/* The same, but the reset arrives when the helper has the alert already. */
TEST_F(failing, a_reset_behind_an_alert_that_the_helper_has)
{
	static const uint8_t alert[] = { 21, 3, 3, 0, 2, 2, 40 };
	static const uint8_t more[] = { 22, 3, 3, 0, 1, 0 };
	uint8_t flight[sizeof(more)];
	struct fake_msg *m;

	job_connect(&self->j, self->fd, &self->a);
	peer_init(&self->p, net_accept(self->l), true, &self->e.hs);
	m = fake_expect(self->e.fake, KTLS_CMD_START);
	EXPECT_EQ(0, fake_data(self->e.fake, m->id, more, sizeof(more), false));
	net_read(self->p.fd, flight, sizeof(flight));
	peer_send_raw(&self->p, alert, sizeof(alert));
	m = fake_expect(self->e.fake, KTLS_CMD_DATA);
	EXPECT_EQ(sizeof(alert), fake_len(m, KTLS_A_RECORDS));
	net_rst(self->p.fd);
	EVENTUALLY(net_tcp_state(self->fd) == TCP_CLOSE, 5000);
	harness_nap(50);	/* a wrong error would be set by now */
	EXPECT_EQ(0, fake_fail(self->e.fake, m->id, EPROTO, 40, "The peer sent alert handshake_failure."));
	job_wait(&self->j, 5000);
	EXPECT_ERRNO(EPROTO, self->j.err);
	EXPECT_STREQ("The peer sent alert handshake_failure.", sock_error(self->fd));
	expect_failed(self->fd);
}

/* Invalid headers fail at once. The helper gets the record, as only it can seal the alert. */
TEST_F(failing, records_against_the_rfc)
{
	static const uint8_t bad[][5] = {
		{ 24, 3, 3, 0, 1 },		/* heartbeat */
		{ 0, 3, 3, 0, 1 }, { 255, 3, 3, 0, 1 },
		{ 22, 2, 0, 0, 1 },		/* SSL 2 */
		{ 22, 4, 0, 0, 1 },
		{ 22, 3, 3, 0x48, 1 },		/* longer than any record */
		{ 22, 3, 3, 0xff, 0xff },
		{ 22, 3, 3, 0, 0 },		/* an empty handshake fragment */
		{ 'H', 'T', 'T', 'P', '/' },
	};
	int datas;

	fake_start(self->e.fake, NULL, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		job_connect(&self->j, self->fd, &self->a);
		peer_init(&self->p, net_accept(self->l), true, &self->e.hs);
		peer_recv_flight(&self->p, HS_CLIENT_HELLO);
		datas = self->e.fake->datas;
		peer_send_raw(&self->p, bad[i], 4);
		OK(send(self->p.fd, &bad[i][4], 1, MSG_OOB));	/* is no event for poll */
		job_wait(&self->j, 2000);
		EXPECT_EQ(0, net_poll(self->fd, POLLPRI, 0) & POLLPRI);
		EXPECT_EQ(-1, self->j.ret);
		EXPECT_ERRNO(EPROTO, self->j.err);
		EXPECT_EQ(datas + 1, self->e.fake->datas);
		EXPECT_EQ(10, sock_info(self->fd).alert_sent);
		EXPECT_FALSE(strstr(sock_error(self->fd), "not a TLS record"));
		if (harness_failed())
			harness_note("header %zu: %s", i, sock_error(self->fd));
		peer_free(&self->p);
	}
}

static atomic_size_t seen_bytes;

static void count_bytes(struct fake *f, struct fake_msg *m)
{
	if (m->cmd == KTLS_CMD_DATA)
		seen_bytes += fake_len(m, KTLS_A_RECORDS);
	fake_answer(f, m);
}

/* 256 KiB of handshake is more than any handshake is. */
TEST_F(failing, endless_handshake)
{
	static uint8_t record[5 + 16384] = { 22, 3, 3, 0x40, 0 };

	fake_start(self->e.fake, count_bytes, NULL);
	job_connect(&self->j, self->fd, &self->a);
	peer_init(&self->p, net_accept(self->l), true, &self->e.hs);
	peer_recv_flight(&self->p, HS_CLIENT_HELLO);
	for (int i = 0; i < 64 && !self->j.done; i++) {
		size_t at = 0;
		ssize_t n = 0;

		while (at < sizeof(record) && n >= 0) {
			n = send(self->p.fd, record + at, sizeof(record) - at, MSG_NOSIGNAL);
			at += n;
		}
		if (n < 0)
			break;
	}
	/* long before the deadline of 10 s */
	job_wait(&self->j, 5000);
	EXPECT_ERRNO(EPROTO, self->j.err);
	EXPECT_GT(seen_bytes, 200 << 10);
	EXPECT_LE(seen_bytes, 256 << 10);
}

/* What the peer presented stays readable after a refusal. */
TEST_F(failing, peer_certificates_are_kept)
{
	static const char der[] = { 0x30, 3, 2, 1, 5 };
	char pem[512] = "";
	socklen_t len = 10;
	struct fake_done d;
	struct fake_msg *m;

	job_connect(&self->j, self->fd, &self->a);
	m = fake_expect(self->e.fake, KTLS_CMD_START);
	d = (struct fake_done) { .id = m->id, .error = EKEYREJECTED, .alert = -1,
				 .peer_cert = der, .peer_cert_len = sizeof(der) };
	EXPECT_EQ(0, fake_done(self->e.fake, &d));
	job_wait(&self->j, 5000);
	EXPECT_ERRNO(EKEYREJECTED, self->j.err);
	FAILS(ERANGE, getsockopt(self->fd, SOL_TLS, KTLS_PEER_CERTIFICATES, pem, &len));
	EXPECT_GT(len, 10);
	ASSERT_LE(len, (socklen_t)sizeof(pem) - 1);
	OK(getsockopt(self->fd, SOL_TLS, KTLS_PEER_CERTIFICATES, pem, &len));
	pem[len] = 0;
	EXPECT_STREQ("-----BEGIN CERTIFICATE-----\nMAMCAQU=\n-----END CERTIFICATE-----\n", pem);
	EXPECT_TRUE(sock_info(self->fd).flags & KTLS_INFO_PEER_CERT);
	EXPECT_FALSE(sock_info(self->fd).flags & KTLS_INFO_VERIFIED);
}

TEST_F(failing, close_cancels)
{
	struct fake_msg *m, *c;

	net_nonblock(self->fd, true);
	FAILS(EINPROGRESS, connect(self->fd, &self->a.sa, self->a.len));
	m = fake_expect(self->e.fake, KTLS_CMD_START);
	close(self->fd);
	self->fd = -1;
	c = fake_expect(self->e.fake, KTLS_CMD_CANCEL);
	EXPECT_EQ(m->id, c->id);
	/* too late, and harmless */
	EXPECT_NE(0, fake_fail(self->e.fake, m->id, EPROTO, -1, "late"));
}
