// SPDX-License-Identifier: GPL-2.0-or-later
/* Fault injection on an open connection: each allocation, and each copy from or to user space,
 * fails once. The received data must be a prefix of what was sent; if close_notify follows, it
 * must be all that send() returned for.
 */
#include <fcntl.h>
#include <linux/tls.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "inject.h"
#include "keys.h"
#include "party.h"

#define SIZE	50000	/* a few records, and no more than TCP takes at once */
#define HALF	20000	/* a record and a rest */
#define TRIES	6	/* how often a program tries again */

static uint8_t data[SIZE], seen[SIZE + 1];

FIXTURE(open)
{
	struct env	e;
	int		role;
	/* How the path under test sends or receives. */
	ssize_t		(*move)(int fd, size_t at, size_t len);
	unsigned int	rcvbuf;		/* not 0: this receive buffer, and less data */
};

FIXTURE_VARIANT(open) { uint16_t suite; int role; };
FIXTURE_VARIANT_ADD(open, tls13) { S13_AES128, ROLE_CLIENT };
FIXTURE_VARIANT_ADD(open, tls12) { S12_AES256, ROLE_SERVER };

FIXTURE_SETUP(open)
{
	inject_init();
	EVENTUALLY(net_module_refs("ktls") == 0, 15000);
	env_start(&self->e, variant->suite);
	self->role = variant->role;
	net_pattern(data, sizeof(data), 1);
}

FIXTURE_TEARDOWN(open)
{
	fake_die(self->e.fake);
	EVENTUALLY(net_module_refs("ktls") == 0, 15000);
}

#define SELF	((struct open_self *)arg)

static bool is_short(int err)
{
	return err == ENOMEM || err == ENOBUFS || err == EFAULT;
}

/* --- sending --- */

static ssize_t move_write(int fd, size_t at, size_t len)
{
	return write(fd, data + at, len);
}

/* Small ones, as long as each is a new path. */
static ssize_t move_small(int fd, size_t at, size_t len)
{
	return write(fd, data + at, at < 5 * 1000 ? 1000 : len);
}

/* MSG_MORE: a record is sealed only when it is full, or with the last piece. */
static ssize_t move_more(int fd, size_t at, size_t len)
{
	return send(fd, data + at, len < 3000 ? len : 3000, len > 3000 ? MSG_MORE : 0);
}

static ssize_t move_sendfile(int fd, size_t at, size_t len)
{
	static int file = -1;
	off_t off = at;

	if (file < 0) {
		file = OK(memfd_create("faults", MFD_CLOEXEC));
		ASSERT_EQ(SIZE, write(file, data, SIZE));
	}
	return sendfile(fd, file, &off, len);
}

/* Data that stays in the pipe counts as sent. */
static ssize_t move_splice(int fd, size_t at, size_t len)
{
	struct iovec iov = { data + at, len < 8192 ? len : 8192 };
	int ends[2], err;
	ssize_t n;

	OK(pipe(ends));
	n = OK(vmsplice(ends[1], &iov, 1, 0));
	n = splice(ends[0], NULL, fd, NULL, n, 0);
	err = errno;
	close(ends[0]);
	close(ends[1]);
	errno = err;
	return n;
}

/* Sends everything, trying again where that may help; *ret: the first error. */
static size_t send_all(int fd, ssize_t (*move)(int fd, size_t at, size_t len), int *ret)
{
	unsigned int tries = 0;
	size_t at = 0;

	*ret = 0;
	while (at < SIZE && tries < TRIES) {
		ssize_t n = move(fd, at, SIZE - at);

		if (n > 0) {
			at += n;
			continue;
		}
		ASSERT_NE(0, n);
		if (!*ret)
			*ret = errno;
		if (!is_short(errno) && errno != EPIPE)
			harness_fail(__FILE__, __LINE__, "sending: %s", strerrorname_np(errno));
		tries++;
	}
	return at;
}

static void check_stream(const struct party_sink *sink, size_t sent, int err)
{
	EXPECT_LE(sink->len, SIZE);
	EXPECT_MEMEQ(data, sink->data, sink->len);
	EXPECT_NE(PARTY_STALLED, sink->end);
	if (sink->end == PARTY_CLOSED)
		EXPECT_EQ(sent, sink->len);
	if (!err) {
		EXPECT_EQ(PARTY_CLOSED, sink->end);
		EXPECT_EQ(SIZE, sink->len);
	}
}

static int send_once(void *arg)
{
	struct open_self *self = SELF;
	struct party_sink sink;
	struct conn c;
	size_t sent;
	int err;

	conn_open(&c, &self->e, self->role, AF_INET);
	party_sink_start(&sink, &c.peer, seen, SIZE);
	inject_on();
	sent = send_all(c.fd, self->move, &err);
	inject_off();
	close(c.fd);
	party_sink_wait(&sink);
	check_stream(&sink, sent, err);
	peer_free(&c.peer);
	return err;
}

TEST_F_TIMEOUT(open, write, 120)
{
	self->move = move_write;
	inject_walk("write", INJECT_SELF, send_once, NULL, self);
}

TEST_F_TIMEOUT(open, write_small, 120)
{
	self->move = move_small;
	inject_walk("small writes", INJECT_SELF, send_once, NULL, self);
}

TEST_F_TIMEOUT(open, write_more, 120)
{
	self->move = move_more;
	inject_walk("MSG_MORE", INJECT_SELF, send_once, NULL, self);
}

TEST_F_TIMEOUT(open, sendfile, 120)
{
	self->move = move_sendfile;
	inject_walk("sendfile", INJECT_SELF, send_once, NULL, self);
}

TEST_F_TIMEOUT(open, splice_to, 120)
{
	self->move = move_splice;
	inject_walk("splice to the socket", INJECT_SELF, send_once, NULL, self);
}

/* --- receiving --- */

static ssize_t move_read(int fd, size_t at, size_t len)
{
	return read(fd, seen + at, len);
}

static ssize_t move_read_small(int fd, size_t at, size_t len)
{
	return read(fd, seen + at, at < 3 * 1500 ? 1500 : len);
}

/* As programs do that look before they read. */
static ssize_t move_peek(int fd, size_t at, size_t len)
{
	static uint8_t peeked[SIZE];
	struct pollfd p = { fd, POLLIN, 0 };
	ssize_t n, m;

	OK(poll(&p, 1, 1000));
	n = recv(fd, peeked, len < 20000 ? len : 20000, MSG_PEEK);
	if (n <= 0)
		return n;
	m = read(fd, seen + at, n);
	if (m > 0)
		EXPECT_MEMEQ(seen + at, peeked, m);
	return m;
}

static ssize_t move_splice_from(int fd, size_t at, size_t len)
{
	int ends[2], err;
	ssize_t n;

	OK(pipe(ends));
	n = splice(fd, NULL, ends[1], NULL, len, 0);
	err = errno;
	if (n > 0)
		net_read(ends[0], seen + at, n);
	close(ends[0]);
	close(ends[1]);
	errno = err;
	return n;
}

/* Reads to the end, trying again. Return: the first error; also whether the stream ended with
 * close_notify.
 */
static int recv_all(int fd, ssize_t (*move)(int fd, size_t at, size_t len), size_t *at,
		    bool *ended)
{
	unsigned int tries = 0;
	int err = 0;

	*at = 0;
	*ended = false;
	while (tries < TRIES) {
		ssize_t n = move(fd, *at, sizeof(seen) - *at);

		if (!n) {
			*ended = true;
			break;
		}
		if (n > 0) {
			*at += n;
			continue;
		}
		if (!err)
			err = errno;
		if (!is_short(errno))
			harness_fail(__FILE__, __LINE__, "receiving: %s", strerrorname_np(errno));
		tries++;
	}
	return err;
}

/* In 1.3 a client is sent tickets as well, one of them in two pieces. */
static void send_tickets(struct peer *p)
{
	uint8_t ticket[4 + 4 + 4 + 2 + 2 + 32 + 2] = {
		4, 0, 0, sizeof(ticket) - 4, 0, 0, 0x1c, 0x20, 1, 2, 3, 4, 1, 7, 0, 32,
	};

	if (p->hs->suite->version != KTLS_TLS_1_3 || !p->server)
		return;
	peer_send_ticket(p);
	peer_send(p, CT_HANDSHAKE, ticket, 20);
	peer_send(p, CT_HANDSHAKE, ticket + 20, sizeof(ticket) - 20);
}

static void *send_stream(void *arg)
{
	struct peer *p = arg;

	peer_send_data(p, data, 700);
	send_tickets(p);
	peer_send_data(p, data + 700, SIZE - 700);
	peer_send_close(p);
	return NULL;
}

/* To a peer that may have closed. */
static void *send_whole(void *arg)
{
	static uint8_t wire[HALF + 4096];
	struct peer *p = arg;
	size_t len = 0, n;

	for (size_t at = 0; at < HALF; at += n) {
		n = HALF - at < TLS_PAYLOAD_MAX ? HALF - at : TLS_PAYLOAD_MAX;
		len += peer_seal(p, CT_DATA, data + at, n, wire + len);
	}
	len += peer_seal(p, CT_ALERT, "\1", 2, wire + len);
	for (size_t at = 0; at < len; at += n) {
		ssize_t sent = send(p->fd, wire + at, len - at, MSG_NOSIGNAL);

		if (sent <= 0)
			break;
		n = sent;
	}
	return NULL;
}

static int recv_once(void *arg)
{
	struct open_self *self = SELF;
	const size_t size = self->rcvbuf ? HALF : SIZE;
	struct conn c;
	struct job j;
	bool ended;
	size_t got;
	int err;

	conn_open_rcvbuf(&c, &self->e, self->role, AF_INET, self->rcvbuf);
	memset(seen, 0, sizeof(seen));
	job_run(&j, self->rcvbuf ? send_whole : send_stream, &c.peer);
	/* With a small buffer it has to be read meanwhile. */
	if (!self->rcvbuf)
		job_wait(&j, 5000);
	inject_on();
	err = recv_all(c.fd, self->move, &got, &ended);
	inject_off();
	EXPECT_LE(got, size);
	EXPECT_MEMEQ(data, seen, got < size ? got : size);
	if (ended || !err)
		EXPECT_EQ(size, got);
	close(c.fd);
	if (self->rcvbuf)
		job_wait(&j, 5000);
	peer_free(&c.peer);
	return err;
}

TEST_F_TIMEOUT(open, read, 120)
{
	self->move = move_read;
	inject_walk("read", INJECT_SELF, recv_once, NULL, self);
}

TEST_F_TIMEOUT(open, read_small, 120)
{
	self->move = move_read_small;
	inject_walk("small reads", INJECT_SELF, recv_once, NULL, self);
}

/* Less room than a record needs: it is gathered aside. */
TEST_F_TIMEOUT(open, read_tiny_buffer, 120)
{
	self->rcvbuf = 2304;
	self->move = move_read;
	inject_walk("read, tiny buffer", INJECT_SELF, recv_once, NULL, self);
}

TEST_F_TIMEOUT(open, peek, 120)
{
	self->move = move_peek;
	inject_walk("poll, MSG_PEEK, read", INJECT_SELF, recv_once, NULL, self);
}

TEST_F_TIMEOUT(open, splice_from, 120)
{
	self->move = move_splice_from;
	inject_walk("splice from the socket", INJECT_SELF, recv_once, NULL, self);
}

/* --- the end --- */

/* Unread tickets, data on its way, and close_notify. */
static int end_once(struct open_self *self, bool shut)
{
	struct party_sink sink;
	uint8_t back[100];
	struct conn c;
	size_t sent;
	int err;

	conn_open(&c, &self->e, self->role, AF_INET);
	send_tickets(&c.peer);
	sent = send_all(c.fd, move_write, &err);
	EXPECT_EQ(0, err);
	inject_on();
	if (shut) {
		OK(shutdown(c.fd, SHUT_WR));
	} else {
		close(c.fd);
		c.fd = -1;
	}
	inject_off();
	party_sink_start(&sink, &c.peer, seen, SIZE);
	if (shut) {
		peer_send_data(&c.peer, data, 100);
		net_read(c.fd, back, 100);
		EXPECT_MEMEQ(data, back, 100);
		close(c.fd);
	}
	party_sink_wait(&sink);
	/* No data is lost if close_notify cannot be sent. The stream ends in any case, if need
	 * be with a reset: TCP makes no second attempt at a FIN.
	 */
	EXPECT_EQ(SIZE, sink.len);
	check_stream(&sink, sent, sink.end == PARTY_CLOSED ? 0 : ENOMEM);
	peer_free(&c.peer);
	return sink.end == PARTY_CLOSED ? 0 : ENOMEM;
}

static int close_once(void *arg)
{
	return end_once(SELF, false);
}

static int shutdown_once(void *arg)
{
	return end_once(SELF, true);
}

TEST_F_TIMEOUT(open, close, 120)
{
	inject_walk("close", INJECT_SELF, close_once, NULL, self);
}

TEST_F_TIMEOUT(open, shutdown, 120)
{
	inject_walk("shutdown", INJECT_SELF, shutdown_once, NULL, self);
}

/* Before the handshake shutdown() is TCP's: it holds for later writes even if the peer could
 * not be told.
 */
static int shutdown_new_once(void *arg)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);
	int ends[2];

	(void)arg;
	net_pair(AF_INET, ends);
	OK(sock_attach(ends[0]));
	inject_on();
	OK(shutdown(ends[0], SHUT_WR));
	inject_off();
	OK(getsockopt(ends[0], IPPROTO_TCP, TCP_INFO, &info, &len));
	EXPECT_NE(TCP_ESTABLISHED, info.tcpi_state);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

TEST_F_TIMEOUT(open, shutdown_before_it_is, 60)
{
	inject_walk("shutdown in the clear", INJECT_SELF, shutdown_new_once, NULL, self);
}

/* --- external keys --- */

KEYS_FIXTURE(raw)
FIXTURE_VARIANT_ADD(raw, tls13_chacha) { S13_CHACHA, AF_INET };
FIXTURE_VARIANT_ADD(raw, tls12_aes128) { S12_AES128, AF_INET6 };

static int set_both(const struct keys *k)
{
	uint8_t back[64];
	socklen_t len = keys_info(k, TLS_TX).len;

	if (keys_set(k, TLS_TX) || keys_set(k, TLS_RX) ||
	    getsockopt(k->fd, SOL_TLS, TLS_TX, back, &len))
		return errno;
	return 0;
}

/* A direction whose key could not be set has none; then it can be set again. */
static int keys_once(void *arg)
{
	struct keys *k = arg;
	int err;

	keys_close(k);
	keys_open(k, k->hs.suite->id, AF_INET);
	inject_on();
	err = set_both(k);
	inject_off();
	if (err && keys_set(k, TLS_TX))
		EXPECT_EQ(EBUSY, errno);
	if (err && keys_set(k, TLS_RX))
		EXPECT_EQ(EBUSY, errno);
	party_exchange(k->fd, &k->peer, 20000);
	return err;
}

TEST_F_TIMEOUT(raw, keys, 60)
{
	inject_init();
	inject_walk("TLS_TX and TLS_RX", INJECT_SELF, keys_once, NULL, &self->k);
}

/* A record of another type, both ways; it is received with its type or not at all. */
static int typed_once(void *arg)
{
	char control[CMSG_SPACE(1)] __attribute__((aligned(8)));
	struct iovec iov = { data, 300 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct keys *k = arg;
	uint8_t type, in[400];
	int err = 0, tries;

	keys_close(k);
	keys_open(k, k->hs.suite->id, AF_INET);
	keys_both(k);
	net_pattern(data, 300, 9);
	peer_send(&k->peer, CT_HANDSHAKE, data, 300);

	msg.msg_control = control;
	msg.msg_controllen = sizeof(control);
	CMSG_FIRSTHDR(&msg)->cmsg_level = SOL_TLS;
	CMSG_FIRSTHDR(&msg)->cmsg_type = TLS_SET_RECORD_TYPE;
	CMSG_FIRSTHDR(&msg)->cmsg_len = CMSG_LEN(1);
	*CMSG_DATA(CMSG_FIRSTHDR(&msg)) = CT_HANDSHAKE;
	inject_on();
	if (sendmsg(k->fd, &msg, 0) < 0)
		err = errno;
	for (tries = 0; tries < TRIES; tries++) {
		struct iovec to = { in, sizeof(in) };
		ssize_t n;

		msg.msg_iov = &to;
		msg.msg_controllen = sizeof(control);
		n = recvmsg(k->fd, &msg, 0);
		if (n < 0) {
			err = err ?: errno == EIO ? ENOMEM : errno;
			continue;
		}
		EXPECT_EQ(300, n);
		EXPECT_MEMEQ(data, in, 300);
		EXPECT_EQ(CT_HANDSHAKE, *CMSG_DATA(CMSG_FIRSTHDR(&msg)));
		break;
	}
	inject_off();
	EXPECT_LT(tries, TRIES);
	if (!err) {
		EXPECT_EQ(300, peer_recv(&k->peer, &type, in, sizeof(in)));
		EXPECT_EQ(CT_HANDSHAKE, type);
		EXPECT_MEMEQ(data, in, 300);
	}
	return err;
}

TEST_F_TIMEOUT(raw, typed, 60)
{
	inject_init();
	inject_walk("records of another type", INJECT_SELF, typed_once, NULL, &self->k);
}
