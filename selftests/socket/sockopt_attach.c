// SPDX-License-Identifier: GPL-2.0-or-later
/* Sockets that TCP_ULP refuses. */
#include "lib/sock.h"

/* A thread that sleeps in accept() would return a connection without TLS. */
TEST(somebody_sleeps_in_accept)
{
	struct addr a;
	struct job j;
	int l, fd;

	net_new();
	l = net_listen(AF_INET, 4, &a);
	job_accept(&j, l);
	harness_nap(200);
	FAILS(EBUSY, sock_attach(l));
	fd = net_socket(AF_INET);
	OK(connect(fd, &a.sa, a.len));
	job_wait(&j, 5000);
	close(OK(j.ret));
	close(fd);
	OK(sock_attach(l));
	EXPECT_EQ(KTLS_STATE_LISTENING, sock_state(l));
	close(l);
}

TEST(somebody_sleeps_in_send)
{
	static uint8_t big[1 << 20];
	struct transfer t;
	int ends[2];

	net_new();
	net_pair(AF_INET, ends);
	OK(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &(int){ 4096 }, sizeof(int)));
	transfer_write(&t, ends[0], big, sizeof(big));
	harness_nap(200);
	EXPECT_FALSE(t.job.done);
	FAILS(EBUSY, sock_attach(ends[0]));
	net_read(ends[1], big, sizeof(big));
	transfer_wait(&t, 10000);
	OK(sock_attach(ends[0]));
	close(ends[0]);
	close(ends[1]);
}

/* Sockets on which TCP would do things without calling us. */
TEST(what_cannot_be_tls)
{
	int fd;

	net_new();
	fd = net_socket(AF_INET);
	OK(setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &(int){ 1 }, sizeof(int)));
	FAILS(EOPNOTSUPP, sock_attach(fd));
	close(fd);
	fd = net_socket(AF_INET6);
	OK(setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &(int){ 1 }, sizeof(int)));
	FAILS(EOPNOTSUPP, sock_attach(fd));
	close(fd);
	/* MPTCP refuses it, with an error that depends on the kernel. */
	fd = OK(socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP));
	EXPECT_EQ(-1, sock_attach(fd));
	close(fd);
}
