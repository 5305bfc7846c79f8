// SPDX-License-Identifier: GPL-2.0-or-later
/* What calls find before there is a connection with TLS. All sockets share one part of the
 * context then, and it is read-only: a call that writes there is an oops.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "lib/keys.h"

/* Calls that want records. */
static void expect_no_records(int fd, int inq)
{
	struct ktls_info info;
	char buf[100] = "";
	int pipes[2], n;

	FAILS(ENOTCONN, recv(fd, buf, sizeof(buf), MSG_DONTWAIT));
	FAILS(ENOTCONN, recv(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_PEEK));
	FAILS(ENOTCONN, recv(fd, buf, 0, MSG_DONTWAIT));
	OK(pipe(pipes));
	FAILS(ENOTCONN, splice(fd, NULL, pipes[1], NULL, sizeof(buf), SPLICE_F_NONBLOCK));
	close(pipes[0]);
	close(pipes[1]);
	n = -1;
	EXPECT_EQ(inq, ioctl(fd, FIONREAD, &n) ? -errno : n);
	FAILS(ENOTCONN, sock_set_int(fd, KTLS_KEY_UPDATE, 1));
	info = sock_info(fd);
	EXPECT_EQ(0, info.version);
	EXPECT_EQ(0, info.max_payload);
	EXPECT_EQ(0, info.tx_records + info.rx_records + info.tx_bytes + info.rx_bytes);
}

static void expect_no_sending(int fd, int err)
{
	FAILS(err, send(fd, "hello", 5, MSG_DONTWAIT | MSG_NOSIGNAL));
	FAILS(err, send(fd, "hello", 5, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE));
}

TEST(early_without_a_connection)
{
	struct pollfd pfd;
	int fd;

	net_new();
	fd = sock_new(AF_INET);
	expect_no_records(fd, 0);
	expect_no_sending(fd, ENOTCONN);
	OK(setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &(int){ 100 }, sizeof(int)));
	FAILS(ENOTCONN, shutdown(fd, SHUT_RDWR));
	pfd = (struct pollfd){ fd, POLLIN | POLLPRI, 0 };
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(POLLHUP, pfd.revents);
	OK(connect(fd, &(struct sockaddr){ .sa_family = AF_UNSPEC }, sizeof(struct sockaddr)));
	expect_no_records(fd, 0);
	close(fd);
}

TEST(early_on_a_listener)
{
	struct addr a;
	int fd;

	net_new();
	fd = sock_listen(AF_INET, 4, &a);
	expect_no_records(fd, -EINVAL);
	expect_no_sending(fd, ENOTCONN);
	OK(shutdown(fd, SHUT_RD));
	expect_no_records(fd, 0);
	close(fd);
}

/* Refused: the context has not become a connection, and may still. */
TEST(early_after_a_refused_connect)
{
	struct env e;
	struct addr a;
	int fd, l;

	env_start(&e, S13_AES128);
	net_need_refusal(AF_INET);
	l = net_listen(AF_INET, 1, &a);
	close(l);
	fd = sock_new(AF_INET);
	FAILS(ECONNREFUSED, connect(fd, &a.sa, a.len));
	expect_no_records(fd, 0);
	expect_no_sending(fd, ENOTCONN);
	close(fd);
}

/* Bytes are there, and a FIN, but no keys; then there are. */
TEST(early_on_a_connection_without_keys)
{
	char buf[100];
	struct keys k;
	struct info i;

	keys_open(&k, S13_AES128, AF_INET);
	i = keys_info(&k, TLS_RX);
	peer_send(&k.peer, CT_DATA, "hello", 5);
	expect_no_records(k.fd, 0);
	expect_no_sending(k.fd, ENOTCONN);
	OK(setsockopt(k.fd, SOL_SOCKET, SO_RCVLOWAT, &(int){ 3 }, sizeof(int)));
	OK(shutdown(k.peer.fd, SHUT_WR));
	expect_no_records(k.fd, 0);
	OK(setsockopt(k.fd, SOL_TLS, TLS_RX, i.bytes, i.len));
	ASSERT_EQ(5, recv(k.fd, buf, sizeof(buf), 0));
	EXPECT_MEMEQ("hello", buf, 5);
	EXPECT_EQ(0, recv(k.fd, buf, sizeof(buf), 0));
	EXPECT_EQ(1, sock_info(k.fd).rx_records);
	keys_close(&k);
}
