// SPDX-License-Identifier: GPL-2.0-or-later
/* Receiving calls that must do what they do on plain TCP; each test asks TCP too. */
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>

#include "lib/record.h"

#ifndef TCP_CM_INQ
#define TCP_CM_INQ	TCP_INQ
#endif

static uint8_t big[1 << 16], back[1 << 16];

/* Plain TCP and TLS: the same data, and the same calls. */
struct ends {
	struct record	*r;
	int		tcp, tls;	/* where it is received */
	int		from;		/* the sending end of the TCP connection */
};

static struct ends ends_of(struct record *r)
{
	int pair[2];

	net_pair(AF_INET, pair);
	return (struct ends){ .r = r, .tcp = pair[1], .tls = r->fd, .from = pair[0] };
}

static void ends_send(struct ends *e, const void *data, size_t len)
{
	net_write(e->from, data, len);
	peer_send_data(e->r->p, data, len);
	EXPECT_EQ(POLLIN, net_poll(e->tcp, POLLIN, 2000));
	EXPECT_EQ(POLLIN, net_poll(e->tls, POLLIN, 2000));
}

static void ends_close(struct ends *e)
{
	close(e->tcp);
	close(e->from);
}

/* What a call returned, or minus its errno. */
static int got(ssize_t ret)
{
	return ret < 0 ? -errno : (int)ret;
}

#define BOTH(e, expected, call) do {						\
	int fd = (e)->tcp;							\
										\
	EXPECT_EQ(expected, got(call));						\
	fd = (e)->tls;								\
	EXPECT_EQ(expected, got(call));						\
} while (0)

/* --- no bytes wanted --- */

static int many(int fd, unsigned int n, size_t len, int flags)
{
	struct iovec iov[4];
	struct mmsghdr mm[4];

	for (unsigned int i = 0; i < n; i++) {
		iov[i] = (struct iovec){ back + i * 100, len };
		mm[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &iov[i], .msg_iovlen = 1 } };
	}
	return recvmmsg(fd, mm, n, flags, NULL);
}

TEST_F(both, length_zero)
{
	struct ends e = ends_of(&self->r);
	struct timeval tv = { 0, 100000 };

	/* A return value of 0 would mean the end of the stream. */
	BOTH(&e, -EAGAIN, recv(fd, back, 0, MSG_DONTWAIT));
	BOTH(&e, -EAGAIN, recv(fd, back, 0, MSG_DONTWAIT | MSG_PEEK));
	BOTH(&e, -EAGAIN, recv(fd, NULL, 0, MSG_DONTWAIT));
	BOTH(&e, -EAGAIN, many(fd, 2, 0, MSG_DONTWAIT));
	OK(setsockopt(e.tcp, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	OK(setsockopt(e.tls, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	/* once it has waited, TCP says 0 */
	BOTH(&e, 0, recv(fd, back, 0, 0));
	ends_send(&e, "x", 1);
	BOTH(&e, 0, recv(fd, back, 0, MSG_DONTWAIT));
	BOTH(&e, 0, recv(fd, back, 0, 0));
	BOTH(&e, 0, recv(fd, back, 0, MSG_PEEK | MSG_WAITALL));
	BOTH(&e, 2, many(fd, 2, 0, MSG_DONTWAIT));
	BOTH(&e, 1, recv(fd, back, 1, MSG_DONTWAIT));
	shutdown(e.from, SHUT_WR);
	peer_send_close(self->r.p);
	EXPECT_TRUE(net_poll(e.tcp, POLLIN, 2000) & POLLIN);
	EXPECT_TRUE(net_poll(e.tls, POLLIN, 2000) & POLLIN);
	BOTH(&e, 0, recv(fd, back, 0, 0));
	ends_close(&e);
}

static void on_alarm(int signal)
{
	(void)signal;
}

/* A signal ends the wait as time does. */
TEST_F(both, length_zero_and_a_signal)
{
	struct itimerval soon = { .it_value = { 0, 200000 } };
	struct sigaction act = { .sa_handler = on_alarm };
	struct ends e = ends_of(&self->r);

	OK(sigaction(SIGALRM, &act, NULL));
	for (int i = 0; i < 2; i++) {
		OK(setitimer(ITIMER_REAL, &soon, NULL));
		EXPECT_EQ(0, got(recv(i ? e.tls : e.tcp, back, 0, 0)));
	}
	for (int i = 0; i < 2; i++) {
		OK(setitimer(ITIMER_REAL, &soon, NULL));
		EXPECT_EQ(-EINTR, got(recv(i ? e.tls : e.tcp, back, 1, 0)));
	}
	ends_close(&e);
}

TEST_F(both, recvmmsg_of_one_byte)
{
	struct ends e = ends_of(&self->r);

	for (size_t len = 1; len <= 2; len++) {
		ends_send(&e, "x", 1);
		BOTH(&e, 1, many(fd, 3, len, MSG_DONTWAIT));
		ends_send(&e, "x", 1);
		BOTH(&e, 1, many(fd, 3, len, MSG_WAITFORONE));
		BOTH(&e, -EAGAIN, many(fd, 3, len, MSG_DONTWAIT));
	}
	ends_close(&e);
}

/* A ticket is no reason to return. */
TEST_F(tls13_client, length_zero_and_a_ticket)
{
	peer_send_ticket(self->r.p);
	EVENTUALLY(net_mib("TicketsDropped") + net_mib("TicketsPassed") == 1 ||
		   recv(self->r.fd, back, 0, MSG_DONTWAIT) == 0, 2000);
	FAILS(EAGAIN, recv(self->r.fd, back, 0, MSG_DONTWAIT));
}

/* --- addresses --- */

TEST_F(record, bad_address_behind_a_good_one)
{
	static const size_t sizes[] = { 200, 3000, 6000, 16384 };
	struct ends e = ends_of(&self->r);
	uint8_t *map = mmap(NULL, 8 * 4096, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_TRUE(map != MAP_FAILED);
	OK(munmap(map + 4096, 4096));
	net_pattern(big, sizeof(big), 41);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct iovec iov[2] = { { map, 100 }, { net_bad_address(), sizes[i] - 100 } };
		const size_t n = sizes[i];

		/* a read returns a record whole or not at all, as TCP does with a segment */
		ends_send(&e, big, n);
		BOTH(&e, -EFAULT, recv(fd, map + 4096 - 100, n, 0));
		BOTH(&e, -EFAULT, recv(fd, map + 4096 - 100, n, MSG_PEEK));
		BOTH(&e, -EFAULT, readv(fd, iov, 2));
		BOTH(&e, 50, recv(fd, map, 50, 0));
		EXPECT_MEMEQ(big, map, 50);
		BOTH(&e, -EFAULT, recv(fd, map + 4096 - 100, n, 0));
		BOTH(&e, (int)n - 50, recv(fd, back, n, 0));
		EXPECT_MEMEQ(big + 50, back, n - 50);
	}
	ends_close(&e);
}

/* --- TCP_INQ --- */

/* recvmsg(), and what the cmsg says is left; -1: there was none. */
static int recv_inq(int fd, size_t len, int *inq)
{
	char room[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { back, len };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = room, .msg_controllen = sizeof(room),
	};
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT);
	struct cmsghdr *cmsg = n < 0 ? NULL : CMSG_FIRSTHDR(&msg);

	*inq = -1;
	if (cmsg) {
		EXPECT_EQ(IPPROTO_TCP, cmsg->cmsg_level);
		EXPECT_EQ(TCP_CM_INQ, cmsg->cmsg_type);
		memcpy(inq, CMSG_DATA(cmsg), sizeof(*inq));
	}
	return got(n);
}

/* What failed is no beginning of a record that the next call would end. */
TEST_F(both, nothing_is_left_of_a_bad_address)
{
	char back[8];
	uint8_t type;

	FAILS(EFAULT, send(self->r.fd, net_bad_address(), 10, 0));
	ASSERT_EQ(0, send(self->r.fd, "", 0, 0));
	FAILS(EFAULT, send(self->r.fd, net_bad_address(), 10, MSG_MORE));
	OK(setsockopt(self->r.fd, IPPROTO_TCP, TCP_CORK, &(int){ 0 }, 4));
	net_write(self->r.fd, "hello", 5);
	ASSERT_EQ(5, peer_recv(self->r.p, &type, back, sizeof(back)));
	EXPECT_EQ(CT_DATA, type);
}

TEST_F(both, bytes_in_queue)
{
	struct ends e = ends_of(&self->r);
	int one = 1, inq;

	OK(setsockopt(e.tcp, IPPROTO_TCP, TCP_INQ, &one, sizeof(one)));
	OK(setsockopt(e.tls, IPPROTO_TCP, TCP_INQ, &one, sizeof(one)));
	BOTH(&e, -EAGAIN, recv_inq(fd, 10, &inq));
	ends_send(&e, big, 100);
	BOTH(&e, 30, recv_inq(fd, 30, &inq));
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(30, recv_inq(i ? e.tls : e.tcp, 30, &inq));
		EXPECT_EQ(40, inq);
		ASSERT_EQ(40, recv_inq(i ? e.tls : e.tcp, 40, &inq));
		EXPECT_EQ(0, inq);
	}
	/* At the end of the stream TCP_INQ is 1. */
	ends_send(&e, big, 10);
	shutdown(e.from, SHUT_WR);
	peer_send_close(self->r.p);
	EVENTUALLY(net_poll(e.tcp, POLLRDHUP, 0) && recv(e.tls, back, 11, MSG_PEEK) == 10, 2000);
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(10, recv_inq(i ? e.tls : e.tcp, 100, &inq));
		EXPECT_EQ(1, inq);
		ASSERT_EQ(0, recv_inq(i ? e.tls : e.tcp, 100, &inq));
		EXPECT_EQ(1, inq);
	}
	ends_close(&e);
}

/* TCP_INQ counts plaintext: none for a ticket, and the payload of the next record. */
TEST_F(tls13_client, bytes_in_queue_are_plaintext)
{
	int one = 1, inq;

	OK(setsockopt(self->r.fd, IPPROTO_TCP, TCP_INQ, &one, sizeof(one)));
	peer_send(self->r.p, CT_DATA, big, 10);
	peer_send_ticket(self->r.p);
	EXPECT_EQ(POLLIN, net_poll(self->r.fd, POLLIN, 2000));
	ASSERT_EQ(10, recv_inq(self->r.fd, 10, &inq));
	EXPECT_EQ(0, inq);
	peer_send(self->r.p, CT_DATA, big, 10);
	peer_send_ticket(self->r.p);
	peer_send(self->r.p, CT_DATA, big, 20);
	harness_nap(50);
	ASSERT_EQ(10, recv_inq(self->r.fd, 10, &inq));
	EXPECT_EQ(20, inq);
}
