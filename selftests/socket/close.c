// SPDX-License-Identifier: GPL-2.0-or-later
/* close() and shutdown(): no data is lost, errors are reported, and it takes bounded time. */
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <linux/sockios.h>
#include <sys/wait.h>

#include "lib/record.h"

#define MEG	(1 << 20)

static uint8_t big[MEG], back[MEG];

enum when { EARLY = 1, DURING = 2, LATE = 4 };

/* The peer reads a megabyte, and sends tickets before, meanwhile and afterwards. */
static void expect_megabyte(struct peer *p, int tickets)
{
	size_t got = 0;
	int sent = 0;

	while (got < MEG) {
		uint8_t type = 0;
		ssize_t n = peer_recv(p, &type, back + got, MEG - got);

		if (n < 0) {
			harness_fail(__FILE__, __LINE__, "after %zu bytes: %s", got,
				     errno ? strerrorname_np(errno) : "FIN");
			harness_end();
		}
		ASSERT_EQ(CT_DATA, type);
		got += n;
		if ((tickets & DURING) && sent < 3 && got > MEG / 4u * (sent + 1)) {
			peer_send_ticket(p);
			sent++;
		}
	}
	ASSERT_MEMEQ(big, back, MEG);
	if (!(tickets & LATE)) {
		peer_expect_close(p);
		return;
	}
	/* All data was acknowledged, so the closed socket may be gone, and TCP may answer this
	 * ticket with RST. close_notify must have arrived before that.
	 */
	peer_send_ticket(p);
	peer_expect_alert(p, 0);
	if (!peer_drain_to_fin(p))
		EXPECT_ERRNO(ECONNRESET, errno);
}

FIXTURE(lossless) { struct env e; struct conn c; };
FIXTURE_VARIANT(lossless) { int tickets; };
FIXTURE_VARIANT_ADD(lossless, no_tickets) { 0 };
FIXTURE_VARIANT_ADD(lossless, early) { EARLY };
FIXTURE_VARIANT_ADD(lossless, during) { DURING };
FIXTURE_VARIANT_ADD(lossless, late) { LATE };
FIXTURE_VARIANT_ADD(lossless, always) { EARLY | DURING | LATE };
FIXTURE_SETUP(lossless)
{
	env_start(&self->e, S13_AES128);
	conn_open(&self->c, &self->e, ROLE_CLIENT, AF_INET);
	net_pattern(big, MEG, 1);
	if (variant->tickets & EARLY) {
		peer_send_ticket(&self->c.peer);
		peer_send_ticket(&self->c.peer);
	}
}
FIXTURE_TEARDOWN(lossless)
{
	peer_free(&self->c.peer);
}

static void *write_and_close(void *arg)
{
	int fd = *(int *)arg;

	net_write(fd, big, MEG);
	close(fd);
	return NULL;
}

TEST_F(lossless, write_a_megabyte_and_close)
{
	struct job j;

	job_run(&j, write_and_close, &self->c.fd);
	expect_megabyte(&self->c.peer, variant->tickets);
	job_wait(&j, 10000);
}

/* The same when the process exits. */
TEST_F(lossless, write_a_megabyte_and_exit)
{
	pid_t pid = OK(fork());

	if (!pid) {
		net_write(self->c.fd, big, MEG);
		_exit(0);
	}
	close(self->c.fd);
	expect_megabyte(&self->c.peer, variant->tickets);
	OK(waitpid(pid, NULL, 0));
}

/* A slow reader: the close comes long before the data is gone. */
TEST_F(lossless, slow_reader)
{
	size_t room = 0, got = 0;

	net_nonblock(self->c.fd, true);
	while (room < MEG) {
		ssize_t n = send(self->c.fd, big + room, MEG - room, MSG_NOSIGNAL);

		if (n < 0)
			break;
		room += n;
	}
	ASSERT_GT(room, 0);
	close(self->c.fd);
	while (got < room) {
		uint8_t type = 0;
		ssize_t n = OK(peer_recv(&self->c.peer, &type, back + got, MEG - got));

		got += n;
		harness_nap(2);
		if (variant->tickets && got < MEG / 2)
			peer_send_ticket(&self->c.peer);
	}
	EXPECT_EQ(room, got);
	EXPECT_MEMEQ(big, back, room);
	peer_expect_close(&self->c.peer);
}

/* Two ktls sockets, and each order of shutdown and close. */
TEST(ours_to_ours)
{
	struct env e;

	env_start(&e, S13_AES128);
	net_pattern(big, MEG, 2);
	for (int i = 0; i < 4; i++) {
		struct job j;
		int ends[2];

		sock_pair(&e, i & 2 ? AF_INET6 : AF_INET, ends);
		job_run(&j, write_and_close, &ends[i & 1]);
		net_read(ends[!(i & 1)], back, MEG);
		EXPECT_MEMEQ(big, back, MEG);
		EXPECT_EQ(0, read(ends[!(i & 1)], back, 1));
		job_wait(&j, 10000);
		close(ends[!(i & 1)]);
	}
}

/* --- the last record --- */

TEST_F(both, close_notify_is_the_last_record)
{
	uint8_t type;

	net_write(self->r.fd, "last words", 10);
	close(self->r.fd);
	self->r.c.fd = -1;
	EXPECT_EQ(10, peer_recv(self->r.p, &type, back, MEG));
	peer_expect_close(self->r.p);
}

TEST_F(both, shutdown_then_read)
{
	OK(shutdown(self->r.fd, SHUT_WR));
	peer_expect_alert(self->r.p, 0);
	EXPECT_TRUE(peer_drain_to_fin(self->r.p));
	EXPECT_TRUE(sock_info(self->r.fd).flags & KTLS_INFO_CLOSE_SENT);
	FAILS(EPIPE, send(self->r.fd, MARKER, 5, MSG_NOSIGNAL));
	/* this direction stays open until the peer closes it */
	peer_send_data(self->r.p, "answer", 6);
	net_read(self->r.fd, back, 6);
	peer_send_close(self->r.p);
	EXPECT_EQ(0, read(self->r.fd, back, 1));
}

TEST_F(both, shutdown_twice_sends_one_close_notify)
{
	uint8_t byte;

	OK(shutdown(self->r.fd, SHUT_WR));
	shutdown(self->r.fd, SHUT_WR);
	close(self->r.fd);
	self->r.c.fd = -1;
	peer_expect_alert(self->r.p, 0);
	EXPECT_EQ(0, read(self->r.p->fd, &byte, 1));
}

TEST_F(both, shutdown_of_reading)
{
	char byte;

	OK(shutdown(self->r.fd, SHUT_RD));
	EXPECT_EQ(0, read(self->r.fd, &byte, 1));
	net_write(self->r.fd, "x", 1);
	peer_recv_data(self->r.p, &byte, 1);
}

/* shutdown() sends close_notify after the data in flight. */
TEST_F(both, shutdown_behind_a_full_buffer)
{
	size_t sent;

	net_pattern(big, MEG, 3);
	sent = sock_fill(self->r.fd, big, MEG);
	OK(shutdown(self->r.fd, SHUT_WR));
	peer_recv_data(self->r.p, back, sent);
	EXPECT_MEMEQ(big, back, sent);
	peer_expect_close(self->r.p);
}

/* Both close at the same time. */
TEST_F(both, both_close)
{
	peer_send_close(self->r.p);
	close(self->r.fd);
	self->r.c.fd = -1;
	peer_expect_close(self->r.p);
}

/* Truncation must be visible: a process that is killed sends no close_notify. */
TEST_F(both, no_close_notify_when_killed)
{
	pid_t pid = OK(fork());
	uint8_t type;
	ssize_t n;

	if (!pid) {
		net_write(self->r.fd, "half an ans", 11);
		for (;;)
			pause();
	}
	close(self->r.fd);
	self->r.c.fd = -1;
	peer_recv_data(self->r.p, back, 11);
	OK(kill(pid, SIGKILL));
	OK(waitpid(pid, NULL, 0));
	n = peer_recv(self->r.p, &type, back, MEG);
	EXPECT_EQ(-1, n);
	EXPECT_TRUE(errno == 0 || errno == ECONNRESET);
}

/* --- RST --- */

/* Unread application data: the peer gets a RST. */
TEST_F(both, unread_data_is_answered_by_rst)
{
	peer_send_data(self->r.p, "unheard", 7);
	EXPECT_EQ(POLLIN, net_poll(self->r.fd, POLLIN, 2000));
	close(self->r.fd);
	self->r.c.fd = -1;
	EXPECT_FALSE(peer_drain_to_fin(self->r.p));
	EXPECT_EQ(ECONNRESET, errno);
}

/* Unread tickets, and an unread close_notify, cause no RST. */
TEST_F(tls13_client, unread_tickets_cause_no_rst)
{
	for (int i = 0; i < 4; i++)
		peer_send_ticket(self->r.p);
	EVENTUALLY(({ int n = 0; ioctl(self->r.p->fd, SIOCOUTQ, &n); n == 0; }), 2000);
	close(self->r.fd);
	self->r.c.fd = -1;
	peer_expect_close(self->r.p);
	EXPECT_EQ(0, net_so_error(self->r.p->fd));
}

TEST_F(both, unread_close_notify_causes_no_rst)
{
	peer_send_close(self->r.p);
	shutdown(self->r.p->fd, SHUT_WR);
	EVENTUALLY(net_tcp_state(self->r.fd) == TCP_CLOSE_WAIT, 2000);
	close(self->r.fd);
	self->r.c.fd = -1;
	peer_expect_close(self->r.p);
}

/* A peer that is gone answers close_notify with RST; that is no error. */
TEST_F(both, shutdown_after_end_of_file)
{
	peer_send_close(self->r.p);
	close(self->r.p->fd);
	self->r.p->fd = -1;
	EXPECT_EQ(0, read(self->r.fd, back, 1));
	OK(shutdown(self->r.fd, SHUT_RDWR));
}

/* Segments sent so far. Where glibc's struct tcp_info ends, the kernel's goes on. */
static uint32_t segments(int fd)
{
	uint32_t info[64] = { 0 };
	socklen_t len = sizeof(info);

	OK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len));
	ASSERT_GT(len, 136);
	return info[136 / 4];
}

/* close_notify and FIN are acknowledged together, so TCP's states are those without TLS. */
TEST_F(both, close_notify_and_fin_are_one_segment)
{
	uint32_t before = segments(self->r.fd);

	OK(shutdown(self->r.fd, SHUT_WR));
	EXPECT_EQ(1, segments(self->r.fd) - before);
	peer_expect_close(self->r.p);
}

/* SHUT_RDWR does not lose data that was sent. */
TEST_F(tls13_client, tickets_after_shutdown_of_both)
{
	net_pattern(big, 30000, 5);
	net_write(self->r.fd, big, 30000);
	peer_send_ticket(self->r.p);
	OK(shutdown(self->r.fd, SHUT_RDWR));
	for (int i = 0; i < 5; i++)
		peer_send_ticket(self->r.p);
	EVENTUALLY(net_tcp_state(self->r.fd) == TCP_FIN_WAIT2, 2000);
	EXPECT_EQ(0, read(self->r.fd, back, 1));
	EXPECT_EQ(0, net_so_error(self->r.fd));
	peer_recv_data(self->r.p, back, 30000);
	EXPECT_MEMEQ(big, back, 30000);
	peer_expect_close(self->r.p);
}

/* Data for a closed socket is answered with RST, but not before the peer has all our data. */
TEST_F(both, data_after_close_is_answered_when_ours_has_arrived)
{
	size_t sent;

	net_pattern(big, MEG, 6);
	sent = sock_fill(self->r.fd, big, MEG);
	close(self->r.fd);
	self->r.c.fd = -1;
	/* The peer's queue is full: it does not have all our data yet. */
	peer_send_data(self->r.p, "late", 4);
	harness_nap(50);
	peer_recv_data(self->r.p, back, sent);
	EXPECT_MEMEQ(big, back, sent);
	peer_expect_alert(self->r.p, 0);
	EVENTUALLY(net_poll(self->r.p->fd, 0, 0) & POLLERR, 2000);
}

/* Tickets and the like are not data. */
TEST_F(tls13_client, tickets_after_close_are_not_answered)
{
	close(self->r.fd);
	self->r.c.fd = -1;
	peer_expect_close(self->r.p);
	for (int i = 0; i < 5; i++)
		peer_send_ticket(self->r.p);
	harness_nap(50);
	EXPECT_EQ(0, net_so_error(self->r.p->fd));
	peer_send_data(self->r.p, "x", 1);
	EVENTUALLY(net_poll(self->r.p->fd, 0, 0) & POLLERR, 2000);
}

/* TCP_NODELAY, and the end of TCP_CORK, send an open record before setsockopt() returns. */
TEST_F(both, more_is_over_when_tcp_pushes)
{
	int on = 1, off = 0;
	uint64_t before;

	before = sock_info(self->r.fd).tx_records;
	OK(send(self->r.fd, "one", 3, MSG_MORE));
	OK(setsockopt(self->r.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
	EXPECT_EQ(before + 1, sock_info(self->r.fd).tx_records);
	peer_recv_data(self->r.p, back, 3);

	OK(setsockopt(self->r.fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on)));
	OK(send(self->r.fd, "two", 3, MSG_MORE));
	OK(setsockopt(self->r.fd, IPPROTO_TCP, TCP_CORK, &off, sizeof(off)));
	EXPECT_EQ(before + 2, sock_info(self->r.fd).tx_records);
	peer_recv_data(self->r.p, back, 3);

	/* MSG_EOR ends the record, so it does not wait for more. */
	EXPECT_EQ(5, send(self->r.fd, "three", 5, MSG_MORE | MSG_EOR));
	EXPECT_EQ(before + 3, sock_info(self->r.fd).tx_records);
	peer_recv_data(self->r.p, back, 5);
}

TEST_F(both, linger_0_is_rst)
{
	char byte;

	net_write(self->r.fd, "x", 1);
	peer_recv_data(self->r.p, &byte, 1);
	net_rst(self->r.fd);
	self->r.c.fd = -1;
	EXPECT_FALSE(peer_drain_to_fin(self->r.p));
	EXPECT_EQ(ECONNRESET, errno);
}

/* close() waits for the acknowledgement, but no longer than SO_LINGER says. */
TEST_F(both, linger_waits_and_gives_up)
{
	struct linger l = { 1, 1 };
	double start;

	sock_fill(self->r.fd, big, MEG);
	OK(setsockopt(self->r.fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	start = harness_now();
	close(self->r.fd);
	self->r.c.fd = -1;
	EXPECT_GE(harness_now() - start, 0.8);
	EXPECT_LE(harness_now() - start, 4.0 * harness_scale());
}

TEST_F(both, linger_returns_when_all_is_acknowledged)
{
	struct linger l = { 1, 20 };
	struct job j;
	double start;

	net_pattern(big, MEG, 4);
	OK(setsockopt(self->r.fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	start = harness_now();
	job_run(&j, write_and_close, &self->r.fd);
	peer_recv_data(self->r.p, back, MEG);
	peer_expect_close(self->r.p);
	job_wait(&j, 5000);
	self->r.c.fd = -1;
	EXPECT_LE(harness_now() - start, 10.0 * harness_scale());
	EXPECT_MEMEQ(big, back, MEG);
}

/* Without SO_LINGER close() does not wait for anybody. */
TEST_F(both, close_does_not_block)
{
	double start;

	while (send(self->r.fd, big, MEG, MSG_DONTWAIT) > 0)
		;
	start = harness_now();
	close(self->r.fd);
	self->r.c.fd = -1;
	EXPECT_LE((harness_now() - start) * 1000, 300 * harness_scale());
}

/* A dead peer does not hold the module for long: the reference is dropped while TCP still
 * retransmits.
 */
TEST_TIMEOUT(a_dead_peer_is_given_up, 60)
{
	struct conn c;
	struct env e;
	int before;

	env_start(&e, S13_AES128);
	before = net_module_refs("ktls");
	conn_open(&c, &e, ROLE_CLIENT, AF_INET);
	net_deaf(c.peer.fd);
	net_write(c.fd, big, 50000);
	close(c.fd);
	EVENTUALLY(net_module_refs("ktls") <= before, 15000);
	EXPECT_GE(net_mib("Lingers"), 1);
}

static void *write_until_error(void *arg)
{
	while (send(*(int *)arg, big, 65536, MSG_NOSIGNAL) > 0)
		;
	close(*(int *)arg);
	return NULL;
}

/* close() while another thread sends, many times. */
TEST_F(both, close_under_use)
{
	for (int i = 0; i < 10; i++) {
		int copy = OK(dup(self->r.fd));
		uint8_t type;
		struct job j;

		job_run(&j, write_until_error, &copy);
		for (int k = 0; k <= i; k++)
			OK(peer_recv(self->r.p, &type, back, MEG));
		shutdown(self->r.fd, SHUT_RDWR);
		job_wait(&j, 5000);
		record_reopen(&self->r, 0);
	}
}

TEST_HARNESS_MAIN
