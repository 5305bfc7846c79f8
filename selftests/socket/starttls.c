// SPDX-License-Identifier: GPL-2.0-or-later
/* KTLS_HANDSHAKE: TLS on a connection that was used without TLS before, as with STARTTLS. */
#include <poll.h>
#include <sys/epoll.h>

#include "lib/sock.h"

FIXTURE(starttls)
{
	struct env e;
	int fd;			/* becomes a ktls socket */
	struct peer p;
	struct job j;
};
FIXTURE_VARIANT(starttls)
{
	int role, family;
	uint16_t suite;
};
FIXTURE_VARIANT_ADD(starttls, client13) { ROLE_CLIENT, AF_INET, S13_AES128 };
FIXTURE_VARIANT_ADD(starttls, server13) { ROLE_SERVER, AF_INET6, S13_CHACHA };
FIXTURE_VARIANT_ADD(starttls, client12) { ROLE_CLIENT, AF_INET6, S12_AES256 };
FIXTURE_VARIANT_ADD(starttls, server12) { ROLE_SERVER, AF_INET, S12_CHACHA };
FIXTURE_SETUP(starttls)
{
	int ends[2];

	env_start(&self->e, variant->suite);
	net_pair(variant->family, ends);
	self->fd = ends[0];
	peer_init(&self->p, ends[1], variant->role == ROLE_CLIENT, &self->e.hs);
}
FIXTURE_TEARDOWN(starttls)
{
	close(self->fd);
	peer_free(&self->p);
}

TEST_F(starttls, blocking)
{
	char buf[16];

	/* a plaintext dialogue */
	net_write(self->fd, "STARTTLS\n", 9);
	net_read(self->p.fd, buf, 9);
	net_write(self->p.fd, "GO\n", 3);
	net_read(self->fd, buf, 3);

	OK(sock_attach(self->fd));
	job_handshake(&self->j, self->fd, variant->role);
	peer_handshake(&self->p);
	job_wait(&self->j, 5000);
	OK(self->j.ret);
	EXPECT_EQ(KTLS_STATE_OPEN, sock_state(self->fd));
	EXPECT_EQ(variant->role, sock_info(self->fd).role);
	EXPECT_EQ(variant->suite, sock_info(self->fd).suite);
	conn_expect_works(self->fd, &self->p);
	FAILS(EISCONN, sock_set_int(self->fd, KTLS_HANDSHAKE, variant->role));
}

TEST_F(starttls, ulp_before_the_dialogue_forbids_it)
{
	char byte;

	OK(sock_attach(self->fd));
	net_write(self->p.fd, "x", 1);
	EXPECT_EQ(KTLS_STATE_NEW, sock_state(self->fd));
	FAILS(ENOTCONN, send(self->fd, MARKER, 5, MSG_NOSIGNAL));
	FAILS(ENOTCONN, recv(self->fd, &byte, 1, MSG_DONTWAIT));
	net_nonblock(self->p.fd, true);
	FAILS(EAGAIN, read(self->p.fd, &byte, 1));
}

/* Bytes that were not read before KTLS_HANDSHAKE belong to TLS, even if they arrived before it.
 */
TEST_F(starttls, unread_bytes_are_tls)
{
	uint8_t flight[HS_FLIGHT_MAX];
	char buf[8];
	size_t n;

	if (variant->role == ROLE_CLIENT) {
		/* only ClientHello can arrive early, so only the server is tested */
		net_write(self->p.fd, "220 GO\n", 7);
		net_read(self->fd, buf, 7);
		OK(sock_attach(self->fd));
		job_handshake(&self->j, self->fd, ROLE_CLIENT);
		peer_handshake(&self->p);
	} else {
		memcpy(flight, "EHLO\n", 5);
		n = 5 + hs_flight(&self->e.hs, HS_CLIENT_HELLO, flight + 5);
		/* one segment: the line, and the first half of ClientHello */
		peer_send_raw(&self->p, flight, n / 2);
		net_read(self->fd, buf, 5);
		EXPECT_MEMEQ("EHLO\n", buf, 5);
		OK(sock_attach(self->fd));
		job_handshake(&self->j, self->fd, ROLE_SERVER);
		peer_send_raw(&self->p, flight + n / 2, n - n / 2);
		peer_recv_flight(&self->p, HS_SERVER_FLIGHT);
		peer_send_flight(&self->p, HS_CLIENT_FIN);
	}
	job_wait(&self->j, 5000);
	OK(self->j.ret);
	conn_expect_works(self->fd, &self->p);
}

/* One byte of the dialogue was not read: the handshake fails. */
TEST_F(starttls, a_rest_of_the_dialogue_is_an_error)
{
	net_write(self->p.fd, "\n", 1);
	EVENTUALLY(net_poll(self->fd, POLLIN, 0), 1000);
	OK(sock_attach(self->fd));
	job_handshake(&self->j, self->fd, variant->role);
	if (variant->role == ROLE_CLIENT) {
		peer_recv_flight(&self->p, HS_CLIENT_HELLO);
		peer_send_flight(&self->p, HS_SERVER_FLIGHT);
	} else {
		peer_send_flight(&self->p, HS_CLIENT_HELLO);
	}
	job_wait(&self->j, 5000);
	EXPECT_EQ(-1, self->j.ret);
	EXPECT_ERRNO(EPROTO, self->j.err);
	FAILS(EPIPE, send(self->fd, MARKER, 5, MSG_NOSIGNAL));
}

TEST_F(starttls, non_blocking)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT };
	int ep = OK(epoll_create1(0));

	OK(sock_attach(self->fd));
	net_nonblock(self->fd, true);
	OK(epoll_ctl(ep, EPOLL_CTL_ADD, self->fd, &ev));
	FAILS(EINPROGRESS, sock_set_int(self->fd, KTLS_HANDSHAKE, variant->role));
	FAILS(EALREADY, sock_set_int(self->fd, KTLS_HANDSHAKE, variant->role));
	FAILS(EAGAIN, send(self->fd, MARKER, 5, MSG_NOSIGNAL));
	FAILS(EAGAIN, recv(self->fd, &(char){ 0 }, 1, 0));
	EXPECT_EQ(0, epoll_wait(ep, &ev, 1, 50));
	peer_handshake(&self->p);
	ASSERT_EQ(1, epoll_wait(ep, &ev, 1, 5000 * harness_scale()));
	EXPECT_EQ(EPOLLOUT, ev.events);
	EXPECT_EQ(0, net_so_error(self->fd));
	net_nonblock(self->fd, false);
	conn_expect_works(self->fd, &self->p);
}

TEST_F(starttls, failure)
{
	uint8_t http[] = "HTTP/1.1 400 Bad Request\r\n\r\n";

	OK(sock_attach(self->fd));
	job_handshake(&self->j, self->fd, variant->role);
	peer_send_raw(&self->p, http, sizeof(http) - 1);
	conn_expect_failed(self->fd, &self->j);
}

TEST_F(starttls, failure_non_blocking)
{
	OK(sock_attach(self->fd));
	net_nonblock(self->fd, true);
	FAILS(EINPROGRESS, sock_set_int(self->fd, KTLS_HANDSHAKE, variant->role));
	net_write(self->p.fd, "garbage", 7);
	EXPECT_TRUE(net_poll(self->fd, POLLOUT, 5000) & POLLERR);
	EXPECT_ERRNO(EPROTO, net_so_error(self->fd));
}

TEST_F(starttls, deadline)
{
	OK(sock_attach(self->fd));
	OK(sock_set_u32(self->fd, KTLS_TIMEOUT, 200));
	FAILS(ETIMEDOUT, sock_set_int(self->fd, KTLS_HANDSHAKE, variant->role));
}

TEST_F(starttls, without_a_helper)
{
	fake_die(self->e.fake);
	OK(sock_attach(self->fd));
	FAILS(ESRCH, sock_set_int(self->fd, KTLS_HANDSHAKE, variant->role));
	/* nothing was sent: with a helper the handshake still works */
	self->e.fake = fake_new(&self->e.hs);
	ASSERT_EQ(0, fake_register(self->e.fake, 8));
	fake_start(self->e.fake, NULL, NULL);
	job_handshake(&self->j, self->fd, variant->role);
	peer_handshake(&self->p);
	job_wait(&self->j, 5000);
	OK(self->j.ret);
}

TEST_F(starttls, the_helper_dies)
{
	OK(sock_attach(self->fd));
	job_handshake(&self->j, self->fd, variant->role);
	if (variant->role == ROLE_SERVER)
		peer_send_flight(&self->p, HS_CLIENT_HELLO);
	EVENTUALLY(self->e.fake->starts == 1, 2000);
	fake_die(self->e.fake);
	job_wait(&self->j, 1000);
	EXPECT_ERRNO(EHOSTDOWN, self->j.err);
}

/* The peer's FIN arrives before TCP_ULP. */
TEST_F(starttls, the_peer_closes_before)
{
	shutdown(self->p.fd, SHUT_WR);
	EVENTUALLY(net_tcp_state(self->fd) == TCP_CLOSE_WAIT, 1000);
	/* with one half closed, TCP_ULP or KTLS_HANDSHAKE fails */
	if (!sock_attach(self->fd)) {
		EXPECT_EQ(-1, sock_set_int(self->fd, KTLS_HANDSHAKE, variant->role));
		EXPECT_NE(EINPROGRESS, errno);
		EXPECT_NE(ECONNABORTED, errno);
	}
}

TEST_HARNESS_MAIN
