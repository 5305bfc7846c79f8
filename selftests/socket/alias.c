// SPDX-License-Identifier: GPL-2.0-or-later
/* The ULP "tls", which the module serves with alias_tls=1. Mainline's own tests cover what both
 * modules do. These cover when a socket sends in the clear, and how the two names differ.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#include "lib/keys.h"

static uint8_t big[1 << 16], back[1 << 17];

static int attach_tls(int fd)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", 4);
}

static void alias_open(struct keys *k, uint16_t suite)
{
	int ends[2];

	net_new();
	hs_init(&k->hs, suite);
	net_pair(AF_INET, ends);
	k->fd = ends[0];
	OK(attach_tls(k->fd));
	peer_init(&k->peer, ends[1], true, &k->hs);
}

FIXTURE(alias) { struct keys k; };
FIXTURE_VARIANT(alias) { uint16_t suite; };
FIXTURE_SETUP(alias) { alias_open(&self->k, variant->suite); }
FIXTURE_TEARDOWN(alias) { keys_close(&self->k); }
FIXTURE_VARIANT_ADD(alias, tls13) { S13_AES128 };
FIXTURE_VARIANT_ADD(alias, tls12) { S12_AES256 };

/* Each way to send @len bytes. */
static void send_every_way(int fd, const uint8_t *data, size_t len)
{
	struct iovec iov = { (void *)data, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int file = OK(memfd_create("alias", 0)), p[2];

	net_write(fd, data, len);
	EXPECT_EQ(len, send(fd, data, len, MSG_MORE));
	EXPECT_EQ(len, sendmsg(fd, &msg, 0));
	EXPECT_EQ(len, write(file, data, len));
	EXPECT_EQ(len, sendfile(fd, file, &(off_t){ 0 }, len));
	OK(pipe(p));
	EXPECT_EQ(len, vmsplice(p[1], &iov, 1, 0));
	EXPECT_EQ(len, splice(p[0], NULL, fd, NULL, len, 0));
	close(p[0]);
	close(p[1]);
	close(file);
}

/* Without keys each call is TCP's; with one key the other direction still is. */
TEST_F(alias, plain_until_there_is_a_key)
{
	struct peer *p = &self->k.peer;
	int fd = self->k.fd, inq, pipes[2];
	struct capture c;
	struct info rx;

	capture_start(&c);
	capture_fill(big, 2400);
	send_every_way(fd, big, 2400);
	for (int i = 0; i < 5; i++) {
		net_read(p->fd, back, 2400);
		EXPECT_MEMEQ(big, back, 2400);
	}
	EXPECT_GT(capture_count(&c, MARKER, strlen(MARKER)), 0);

	/* received data is TCP's too, until the other key is set */
	OK(keys_set(&self->k, TLS_TX));
	capture_start(&c);
	send_every_way(fd, big, 2400);
	/* the data sent with MSG_MORE is in the next record */
	peer_recv_data(p, back, 5 * 2400);
	for (int i = 0; i < 5; i++)
		EXPECT_MEMEQ(big, back + i * 2400, 2400);
	EXPECT_EQ(0, capture_count(&c, MARKER, strlen(MARKER)));

	EXPECT_EQ(0, net_poll(fd, POLLIN, 0));
	net_write(p->fd, "plain and simple", 16);
	EXPECT_EQ(POLLIN, net_poll(fd, POLLIN, 2000));
	OK(ioctl(fd, FIONREAD, &inq));
	EXPECT_EQ(16, inq);
	EXPECT_EQ(16, recv(fd, back, 100, MSG_PEEK));
	net_read(fd, back, 6);
	EXPECT_MEMEQ("plain ", back, 6);
	OK(pipe(pipes));
	EXPECT_EQ(10, splice(fd, NULL, pipes[1], NULL, 100, 0));
	ASSERT_EQ(10, read(pipes[0], back, 10));
	EXPECT_MEMEQ("and simple", back, 10);

	rx = keys_info(&self->k, TLS_RX);
	peer_send_data(p, "sealed", 6);
	OK(setsockopt(fd, SOL_TLS, TLS_RX, rx.bytes, rx.len));
	net_read(fd, back, 6);
	EXPECT_MEMEQ("sealed", back, 6);
	EXPECT_EQ(0, net_mib("HandshakesClient") + net_mib("HandshakesServer"));
}

static void *wait_readable(void *arg)
{
	struct keys *k = arg;

	EXPECT_EQ(POLLIN, net_poll(k->fd, POLLIN, 5000));
	return NULL;
}

/* Without a key poll() is TCP's. */
TEST_F(alias, a_sleeping_poll_is_woken_in_the_clear)
{
	int lowat = 100;
	struct job j;

	OK(setsockopt(self->k.fd, SOL_SOCKET, SO_RCVLOWAT, &lowat, sizeof(lowat)));
	job_run(&j, wait_readable, &self->k);
	harness_nap(30);
	net_write(self->k.peer.fd, big, 99);
	harness_nap(50);
	EXPECT_TRUE(!j.done);
	net_write(self->k.peer.fd, big, 1);
	job_wait(&j, 4000);
	net_read(self->k.fd, back, 100);
	/* and then SO_RCVLOWAT counts plaintext */
	keys_both(&self->k);
	peer_send_data(&self->k.peer, big, 99);
	EXPECT_EQ(0, net_poll(self->k.fd, POLLIN, 50));
	peer_send_data(&self->k.peer, big, 1);
	EXPECT_EQ(POLLIN, net_poll(self->k.fd, POLLIN, 2000));
}

/* The ULP "ktls" still refuses what "tls" allows. */
TEST(the_name_ktls_is_never_plain)
{
	struct capture c;
	int ends[2];

	net_new();
	net_pair(AF_INET, ends);
	OK(sock_attach(ends[0]));
	capture_start(&c);
	capture_fill(big, 1000);
	FAILS(ENOTCONN, send(ends[0], big, 1000, 0));
	FAILS(ENOTCONN, recv(ends[0], back, 1000, MSG_DONTWAIT));
	EXPECT_EQ(0, capture_count(&c, MARKER, strlen(MARKER)));
	FAILS(EEXIST, attach_tls(ends[0]));
	OK(attach_tls(ends[1]));
	FAILS(EEXIST, sock_attach(ends[1]));
}

TEST(established_sockets_only)
{
	int fd = net_socket(AF_INET), ends[2];
	struct addr a;

	net_new();
	FAILS(ENOTCONN, attach_tls(fd));
	FAILS(ENOTCONN, attach_tls(net_listen(AF_INET, 1, &a)));
	net_pair(AF_INET, ends);
	OK(shutdown(ends[1], SHUT_WR));
	EVENTUALLY(net_tcp_state(ends[0]) == TCP_CLOSE_WAIT, 2000);
	FAILS(ENOTCONN, attach_tls(ends[0]));
}

/* The ULP "tls" has no options of ktls, no listen(), and no second connect(). */
TEST_F(alias, nothing_of_ours)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int fd = self->k.fd, role = ROLE_CLIENT;
	socklen_t len;

	for (int round = 0; round < 2; round++) {
		for (int opt = KTLS_SERVER_NAME; opt <= KTLS_PEER_CHAIN; opt++) {
			len = sizeof(back);
			FAILS(ENOPROTOOPT, setsockopt(fd, SOL_TLS, opt, &role, sizeof(role)));
			FAILS(ENOPROTOOPT, getsockopt(fd, SOL_TLS, opt, back, &len));
		}
		FAILS(EINVAL, listen(fd, 1));
		FAILS(EOPNOTSUPP, connect(fd, &none, sizeof(none)));
		keys_both(&self->k);
		if (!is_tls13(&self->k.peer))
			break;
	}
	net_write(fd, "x", 1);
	peer_recv_data(&self->k.peer, back, 1);
}

/* Without keys close() is TCP's, without close_notify. */
TEST_F(alias, close_without_keys)
{
	net_write(self->k.fd, "bye", 3);
	close(self->k.fd);
	self->k.fd = -1;
	net_read(self->k.peer.fd, back, 3);
	EXPECT_EQ(0, read(self->k.peer.fd, back, 1));
	EXPECT_EQ(0, net_mib("AlertsSent"));
	EXPECT_EQ(0, net_mib("TxRecords"));
}

TEST_F(alias, ss_shows_it)
{
	const char *line = net_ss("tcp-ulp-tls");

	EXPECT_TRUE(strstr(line, "rxconf: none") && strstr(line, "txconf: none"));
	OK(keys_set(&self->k, TLS_TX));
	line = net_ss("tcp-ulp-tls");
	EXPECT_TRUE(strstr(line, is_tls13(&self->k.peer) ? "version: 1.3" : "version: 1.2"));
	EXPECT_TRUE(strstr(line, is_tls13(&self->k.peer) ? "cipher: aes-gcm-128" :
							   "cipher: aes-gcm-256"));
	EXPECT_TRUE(strstr(line, "rxconf: none") && strstr(line, "txconf: sw"));
	OK(keys_set(&self->k, TLS_RX));
	EXPECT_TRUE(strstr(net_ss("tcp-ulp-tls"), "rxconf: sw"));
}

TEST_HARNESS_MAIN
