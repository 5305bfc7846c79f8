// SPDX-License-Identifier: GPL-2.0-or-later
/* What ktls(7) says of events, control messages and lengths, where no other test is about it. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "lib/record.h"

#define EVENTS	(POLLIN | POLLPRI | POLLOUT | POLLRDHUP)

static uint8_t back[1 << 16];

static void expect_state(int fd, int state, int events)
{
	EXPECT_EQ(state, sock_state(fd));
	EXPECT_EQ(events, net_poll(fd, EVENTS, 0));
}

TEST_F(both, events_of_an_open_connection)
{
	expect_state(self->r.fd, KTLS_STATE_OPEN, POLLOUT);
	peer_send_data(self->r.p, "x", 1);
	EVENTUALLY(net_poll(self->r.fd, EVENTS, 0) == (POLLIN | POLLOUT), 2000);
	net_read(self->r.fd, back, 1);
	OK(shutdown(self->r.fd, SHUT_WR));
	expect_state(self->r.fd, KTLS_STATE_OPEN, POLLOUT);
	peer_send_close(self->r.p);
	EVENTUALLY(net_poll(self->r.fd, EVENTS, 0) ==
		   (POLLIN | POLLOUT | POLLRDHUP | POLLHUP), 2000);
	EXPECT_EQ(0, read(self->r.fd, back, 1));
}

TEST_F(both, events_after_a_bad_record)
{
	uint8_t record[100];
	size_t n = peer_seal(self->r.p, CT_DATA, "forged", 6, record);

	record[n - 1] ^= 1;
	peer_send_raw(self->r.p, record, n);
	EVENTUALLY(net_poll(self->r.fd, EVENTS, 0) & POLLHUP, 2000);
	expect_state(self->r.fd, KTLS_STATE_FAILED, POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
	FAILS(EBADMSG, read(self->r.fd, back, 1));
	FAILS(EBADMSG, read(self->r.fd, back, 1));
	FAILS(EPIPE, send(self->r.fd, "x", 1, MSG_NOSIGNAL));
}

static volatile sig_atomic_t sigurg_seen;

static void on_sigurg(int signo)
{
	sigurg_seen = signo;
}

/* The last byte of a record is urgent data for TCP. */
static void send_urgently(struct peer *p, const uint8_t *record, size_t n)
{
	peer_send_raw(p, record, n - 1);
	OK(send(p->fd, record + n - 1, 1, MSG_OOB));
}

/* TCP sends the signal before it is known what the bytes are; there is no event, not even of
 * a connection that has failed.
 */
TEST_F(both, urgent_data)
{
	uint8_t record[100];
	size_t n;

	OK(sigaction(SIGURG, &(struct sigaction){ .sa_handler = on_sigurg }, NULL));
	OK(fcntl(self->r.fd, F_SETOWN, getpid()));
	send_urgently(self->r.p, record, peer_seal(self->r.p, CT_DATA, "x", 1, record));
	EVENTUALLY(net_poll(self->r.fd, EVENTS, 0) == (POLLIN | POLLOUT), 2000);
	EXPECT_TRUE(sigurg_seen);
	net_read(self->r.fd, back, 1);
	EXPECT_MEMEQ("x", back, 1);
	n = peer_seal(self->r.p, CT_DATA, "forged", 6, record);
	record[n - 1] ^= 1;
	send_urgently(self->r.p, record, n);
	EVENTUALLY(net_poll(self->r.fd, EVENTS, 0) & POLLHUP, 2000);
	expect_state(self->r.fd, KTLS_STATE_FAILED, POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
}

TEST_F(both, disconnected_by_af_unspec)
{
	static const struct sockaddr none = { .sa_family = AF_UNSPEC };
	uint8_t byte;

	OK(connect(self->r.fd, &none, sizeof(none)));
	EXPECT_ERRNO(ECONNRESET, net_so_error(self->r.fd));	/* as with TCP */
	expect_state(self->r.fd, KTLS_STATE_NEW, POLLOUT | POLLHUP);
	/* no close_notify */
	EXPECT_EQ(0, sock_info(self->r.fd).flags & KTLS_INFO_CLOSE_SENT);
	EXPECT_TRUE(read(self->r.p->fd, &byte, 1) <= 0);
	FAILS(ENOTCONN, send(self->r.fd, "x", 1, MSG_NOSIGNAL));
	FAILS(ENOTCONN, recv(self->r.fd, &byte, 1, 0));
	OK(sock_set_u32(self->r.fd, KTLS_TIMEOUT, 5000));
}

/* Of SOL_TLS they are for external keys; others are ignored. */
TEST_F(both, control_messages)
{
	static const struct { int level, error; } kind[] = {
		{ SOL_TLS, EINVAL }, { SOL_SOCKET, 0 }, { IPPROTO_IP, 0 },
	};
	char control[CMSG_SPACE(1)] = "";
	struct iovec iov = { "x", 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};

	for (size_t i = 0; i < ARRAY_SIZE(kind); i++) {
		*CMSG_FIRSTHDR(&msg) = (struct cmsghdr){
			.cmsg_len = CMSG_LEN(1), .cmsg_level = kind[i].level, .cmsg_type = 1,
		};
		if (kind[i].error)
			FAILS(kind[i].error, sendmsg(self->r.fd, &msg, 0));
		else
			EXPECT_EQ(1, sendmsg(self->r.fd, &msg, 0));
	}
	peer_recv_data(self->r.p, back, 2);
}

/* LIMITS: what a record adds to its data */
TEST_F(record, overhead)
{
	const int more = is_tls13(self->r.p) ? 22 : variant->kind.suite == S12_CHACHA ? 21 : 29;
	int queued = 0;

	net_write(self->r.fd, back, 1000);
	EVENTUALLY(!ioctl(self->r.p->fd, FIONREAD, &queued) && queued >= 1000 + more, 2000);
	EXPECT_EQ(1000 + more, queued);
}

static volatile sig_atomic_t sigio_seen;

static void on_sigio(int signo)
{
	sigio_seen = signo;
}

TEST_F(both, sigio)
{
	OK(sigaction(SIGIO, &(struct sigaction){ .sa_handler = on_sigio }, NULL));
	OK(fcntl(self->r.fd, F_SETOWN, getpid()));
	OK(fcntl(self->r.fd, F_SETFL, O_ASYNC));
	peer_send_data(self->r.p, "x", 1);
	EVENTUALLY(sigio_seen, 2000);
}

/* What is closing in TCP has no ULP any more. */
TEST(ulp_on_a_closing_connection)
{
	int ends[2];

	net_new();
	net_pair(AF_INET, ends);
	OK(shutdown(ends[0], SHUT_WR));
	FAILS(ENOTCONN, sock_attach(ends[0]));
	close(ends[0]);
	close(ends[1]);
}

/* A STARTTLS handshake that failed: neither KTLS_HANDSHAKE nor connect() tries again. */
TEST(starttls_once)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct fake_msg *m;
	struct env e;
	struct job j;
	int ends[2];

	env_start_manual(&e, S13_AES256, 8);
	net_pair(AF_INET, ends);
	OK(sock_attach(ends[0]));
	job_handshake(&j, ends[0], ROLE_CLIENT);
	m = fake_expect(e.fake, KTLS_CMD_START);
	EXPECT_EQ(0, fake_fail(e.fake, m->id, EKEYREJECTED, -1, "No."));
	job_wait(&j, 5000);
	EXPECT_ERRNO(EKEYREJECTED, j.err);
	FAILS(ENOTCONN, sock_set_int(ends[0], KTLS_HANDSHAKE, ROLE_CLIENT));
	FAILS(EISCONN, connect(ends[0], (struct sockaddr *)&sin, sizeof(sin)));
	close(ends[0]);
	close(ends[1]);
}
