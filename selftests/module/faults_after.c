// SPDX-License-Identifier: GPL-2.0-or-later
/* Fault injection in what runs outside of the program's calls: new keys, tickets, data that is
 * sent when there is room, a reader inside the kernel, a helper that exits.
 */
#include <linux/tls.h>
#include <poll.h>

#include "inject.h"
#include "keys.h"
#include "party.h"

#define LATE	2000	/* ms: what has not arrived by then will not come by itself */
#define TRIES	6	/* how often a program tries again */
#define SIZE	50000

static uint8_t data[SIZE], seen[SIZE + 1];

FIXTURE(after)
{
	struct env	e;
	int		role;
};

FIXTURE_VARIANT(after) { uint16_t suite; int role; };
FIXTURE_VARIANT_ADD(after, client) { S13_AES256, ROLE_CLIENT };
FIXTURE_VARIANT_ADD(after, server) { S13_CHACHA, ROLE_SERVER };

FIXTURE_SETUP(after)
{
	inject_init();
	EVENTUALLY(net_module_refs("ktls") == 0, 15000);
	env_start(&self->e, variant->suite);
	self->role = variant->role;
	net_pattern(data, sizeof(data), 1);
}

FIXTURE_TEARDOWN(after)
{
	if (self->e.fake->nl)
		fake_die(self->e.fake);
	EVENTUALLY(net_module_refs("ktls") == 0, 15000);
}

#define SELF	((struct after_self *)arg)

static bool is_short(int err)
{
	return err == ENOMEM || err == ENOBUFS || err == EFAULT;
}

/* Return: whether something can be received without another call. */
static bool comes(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	return OK(poll(&p, 1, LATE));
}

/* Reads 1000 bytes and tries again after an error. Return: the first error; *ret: what the last
 * read() returned.
 */
static int read_1000(int fd, ssize_t *ret)
{
	int err = 0;

	inject_on();
	for (int i = 0; i < TRIES; i++) {
		*ret = recv(fd, seen, 1000, MSG_WAITALL);
		if (*ret >= 0)
			break;
		err = err ?: errno;
	}
	inject_off();
	return err;
}

/* --- new keys --- */

static void peer_update(struct peer *p, uint8_t request)
{
	const uint8_t message[] = { 24, 0, 0, 1, request };

	peer_send(p, CT_HANDSHAKE, message, sizeof(message));
	tls_dir_update(&p->tx);
}

/* Receives exactly @len bytes, and KeyUpdates. Return: how many KeyUpdates. */
static unsigned int follow(struct peer *p, size_t len)
{
	uint8_t type, record[TLS_PAYLOAD_MAX];
	unsigned int updates = 0;
	size_t at = 0;
	ssize_t n;

	while (at < len) {
		n = peer_recv(p, &type, record, sizeof(record));
		ASSERT_GE(n, 1);
		if (type == CT_HANDSHAKE) {
			ASSERT_EQ(5, n);
			tls_dir_update(&p->rx);
			updates++;
			continue;
		}
		ASSERT_EQ(CT_DATA, type);
		ASSERT_LE(n, len - at);
		EXPECT_MEMEQ(data + at, record, n);
		at += n;
	}
	return updates;
}

/* Without memory the direction fails and reports it, or the update is still due. */
static void expect_update(struct conn *c, int err)
{
	unsigned int updates;

	if (send(c->fd, data, 1000, MSG_NOSIGNAL) == 1000) {
		updates = follow(&c->peer, 1000);
		/* After EFAULT nothing was asked for. */
		EXPECT_EQ(err != EFAULT, updates);
		peer_send_data(&c->peer, data, 1000);
		net_read(c->fd, seen, 1000);
		EXPECT_MEMEQ(data, seen, 1000);
		return;
	}
	EXPECT_NE(0, err);
	EXPECT_TRUE(is_short(errno) || errno == EPIPE);
	close(c->fd);
	c->fd = -1;
	/* The peer gets an alert. */
	EXPECT_TRUE(comes(c->peer.fd));
}

static int update_once(void *arg)
{
	struct after_self *self = SELF;
	struct conn c;
	int err;

	conn_open(&c, &self->e, self->role, AF_INET);
	inject_on();
	err = sock_set_int(c.fd, KTLS_KEY_UPDATE, 0) ? errno : 0;
	inject_off();
	expect_update(&c, err);
	conn_close(&c);
	return err;
}

TEST_F_TIMEOUT(after, key_update, 60)
{
	inject_walk("KTLS_KEY_UPDATE", INJECT_SELF, update_once, NULL, self);
}

/* --- a cipher that an idle direction has given back --- */

FIXTURE(rested) { struct env e; };
FIXTURE_VARIANT(rested) { uint16_t suite; };
FIXTURE_VARIANT_ADD(rested, tls13) { S13_AES256 };
FIXTURE_VARIANT_ADD(rested, tls12) { S12_AES128 };

FIXTURE_SETUP(rested)
{
	inject_init();
	EVENTUALLY(net_module_refs("ktls") == 0, 15000);
	env_start(&self->e, variant->suite);
	net_pattern(data, sizeof(data), 1);
	net_set_parameter("cipher_idle_s", 1);
}

FIXTURE_TEARDOWN(rested)
{
	net_set_parameter("cipher_idle_s", 30);
	fake_die(self->e.fake);
	EVENTUALLY(net_module_refs("ktls") == 0, 15000);
}

static void open_and_rest(struct env *e, struct conn *c)
{
	long busy;

	conn_open(c, e, ROLE_CLIENT, AF_INET);
	net_write(c->fd, data, 100);
	peer_recv_data(&c->peer, seen, 100);
	peer_send_data(&c->peer, data, 100);
	net_read(c->fd, seen, 100);
	busy = net_crypto_refs();
	EVENTUALLY(net_crypto_refs() <= busy - 2, 10000);
}

/* It is made before a record is begun: an error loses nothing, and the next call works. */
static int wake_by_send(void *arg)
{
	struct conn c;
	ssize_t n = -1;
	int err = 0;

	open_and_rest(arg, &c);
	inject_on();
	for (int i = 0; i < TRIES && n < 0; i++) {
		n = send(c.fd, data, 1000, MSG_NOSIGNAL);
		err = err ?: n < 0 ? errno : 0;
	}
	inject_off();
	ASSERT_EQ(1000, n);
	peer_recv_data(&c.peer, seen, 1000);
	EXPECT_MEMEQ(data, seen, 1000);
	conn_close(&c);
	return err;
}

TEST_F_TIMEOUT(rested, send, 240)
{
	inject_walk("send() after a while", INJECT_SELF, wake_by_send, NULL, &self->e);
}

static int wake_by_recv(void *arg)
{
	struct conn c;
	ssize_t n;
	int err;

	open_and_rest(arg, &c);
	peer_send_data(&c.peer, data, 1000);
	err = read_1000(c.fd, &n);
	ASSERT_EQ(1000, n);
	EXPECT_MEMEQ(data, seen, 1000);
	conn_close(&c);
	return err;
}

TEST_F_TIMEOUT(rested, recv, 240)
{
	inject_walk("recv() after a while", INJECT_SELF, wake_by_recv, NULL, &self->e);
}

/* The peer's new keys are derived while we read. */
static int updated_once(void *arg)
{
	struct after_self *self = SELF;
	struct conn c;
	ssize_t n;
	int err;

	conn_open(&c, &self->e, self->role, AF_INET);
	peer_update(&c.peer, 0);
	peer_send_data(&c.peer, data, 1000);
	err = read_1000(c.fd, &n);
	if (n < 0) {
		/* Without new keys the connection fails, with an alert. */
		peer_expect_alert(&c.peer, 80);
	} else {
		EXPECT_EQ(1000, n);
		EXPECT_MEMEQ(data, seen, 1000);
		net_write(c.fd, data, 1000);
		EXPECT_EQ(0, follow(&c.peer, 1000));
	}
	conn_close(&c);
	return err;
}

TEST_F_TIMEOUT(after, key_update_received, 60)
{
	inject_walk("a KeyUpdate", INJECT_SELF, updated_once, NULL, self);
}

/* The work sends the answer; if that fails, it is sent before the next data. */
static int answered_once(void *arg)
{
	struct after_self *self = SELF;
	struct pollfd p = { .events = POLLIN };
	struct conn c;
	bool came;

	conn_open(&c, &self->e, self->role, AF_INET);
	p.fd = c.fd;
	/* Before the record: the work does not wait until its tasks are found. */
	inject_on();
	peer_update(&c.peer, 1);
	EXPECT_EQ(0, poll(&p, 1, 100));
	came = comes(c.peer.fd);
	inject_off();
	expect_update(&c, came ? 0 : ENOMEM);
	conn_close(&c);
	return came ? 0 : ENOMEM;
}

TEST_F_TIMEOUT(after, key_update_answered, 120)
{
	inject_walk("the answer to a KeyUpdate", INJECT_WORK, answered_once, NULL, self);
}

/* --- tickets --- */

/* A ticket that cannot be sent to the helper is dropped; nothing else happens. */
static int ticket_once(void *arg)
{
	struct after_self *self = SELF;
	struct conn c;
	ssize_t n;
	int err;

	conn_open(&c, &self->e, ROLE_CLIENT, AF_INET);
	peer_send_ticket(&c.peer);
	peer_send_data(&c.peer, data, 1000);
	err = read_1000(c.fd, &n);
	EXPECT_EQ(1000, n);
	EXPECT_MEMEQ(data, seen, 1000);
	party_exchange(c.fd, &c.peer, 1000);
	conn_close(&c);
	return err;
}

TEST_F_TIMEOUT(after, ticket, 60)
{
	self->e.fake->messages = 2;
	inject_walk("a ticket", INJECT_SELF, ticket_once, NULL, self);
}

/* --- what is pushed when there is room --- */

/* Data that send() returned for and that TCP had no room for is sent without another call, even
 * if memory was short meanwhile.
 */
static int push_once(void *arg)
{
	struct after_self *self = SELF;
	struct party_sink sink;
	size_t sent = 0;
	struct conn c;
	ssize_t n;

	conn_open(&c, &self->e, self->role, AF_INET);
	OK(setsockopt(c.fd, SOL_SOCKET, SO_SNDBUF, &(int){ 4096 }, sizeof(int)));
	OK(setsockopt(c.peer.fd, SOL_SOCKET, SO_RCVBUF, &(int){ 4096 }, sizeof(int)));
	net_nonblock(c.fd, true);
	while (sent < SIZE && (n = send(c.fd, data + sent, SIZE - sent, 0)) > 0)
		sent += n;
	EXPECT_LT(sent, SIZE);
	inject_on();
	party_sink_start(&sink, &c.peer, seen, SIZE);
	for (int i = 0; i < 500 && *(volatile size_t *)&sink.len < sent; i++)
		harness_nap(10);
	inject_off();
	EXPECT_EQ(sent, *(volatile size_t *)&sink.len);
	close(c.fd);
	party_sink_wait(&sink);
	EXPECT_EQ(sent, sink.len);
	EXPECT_EQ(PARTY_CLOSED, sink.end);
	EXPECT_MEMEQ(data, seen, sent);
	peer_free(&c.peer);
	return 0;
}

TEST_F_TIMEOUT(after, push_work, 120)
{
	/* Small segments: TCP has no room for all of a record. */
	ASSERT_EQ(0, system("ip link set lo mtu 1500 gso_max_segs 1"));
	inject_walk("sending when there is room", INJECT_WORK, push_once, NULL, self);
}

/* --- a helper that dies --- */

FIXTURE(orphan)
{
	struct env		e;
	struct party_server	server;
};

FIXTURE_VARIANT(orphan) { uint16_t suite; };
FIXTURE_VARIANT_ADD(orphan, tls13) { S13_AES128 };

FIXTURE_SETUP(orphan)
{
	inject_init();
	EVENTUALLY(net_module_refs("ktls") == 0, 15000);
	env_start_bare(&self->e, variant->suite);
	party_server_start(&self->server, &self->e.hs, AF_INET);
}

FIXTURE_TEARDOWN(orphan)
{
	party_server_stop(&self->server);
	EVENTUALLY(net_module_refs("ktls") == 0, 15000);
}

/* During a handshake: the program gets an error, and the peer an alert. */
static int orphan_once(void *arg)
{
	struct orphan_self *self = arg;
	struct fake *f = fake_new(&self->e.hs);
	int fd = sock_new(AF_INET), err;

	ASSERT_EQ(0, fake_register(f, 8));
	fake_start(f, fake_ignore, NULL);
	OK(sock_set_str(fd, KTLS_SERVER_NAME, "server.test"));
	net_nonblock(fd, true);
	FAILS(EINPROGRESS, connect(fd, &self->server.addr.sa, self->server.addr.len));
	EVENTUALLY(f->starts == 1, 5000);
	fake_stop(f);
	inject_on();
	fake_die(f);
	EXPECT_TRUE(net_poll(fd, POLLOUT, 5000));
	err = net_so_error(fd);
	inject_off();
	EXPECT_NE(0, err);
	close(fd);
	free(f);
	return is_short(err) ? err : 0;
}

TEST_F_TIMEOUT(orphan, helper_dies, 120)
{
	inject_walk("a helper's death", INJECT_WORK, orphan_once, NULL, self);
}

/* --- a reader inside the kernel --- */

KEYS_FIXTURE(inner)
FIXTURE_VARIANT_ADD(inner, tls13_aes128) { S13_AES128, AF_INET };

/* KCM tries again when memory was short: everything arrives in order. Few messages, because it
 * allocates for each.
 */
static int kcm_once(void *arg)
{
	struct keys *k = arg;
	uint8_t message[100];
	int kcm;

	keys_close(k);
	keys_open(k, k->hs.suite->id, AF_INET);
	keys_both(k);
	kcm = kcm_over(k->fd);
	ASSERT_GE(kcm, 0);
	inject_on();
	peer_send_data(&k->peer, data, 25);
	peer_send_data(&k->peer, data + 25, 25);
	for (size_t at = 0; at < 50; at += 10) {
		ASSERT_EQ(POLLIN, net_poll(kcm, POLLIN, 5000));
		ASSERT_EQ(10, recv(kcm, message, sizeof(message), 0));
		EXPECT_MEMEQ(data + at, message, 10);
	}
	inject_off();
	close(kcm);
	return 0;
}

TEST_F_TIMEOUT(inner, kcm, 120)
{
	inject_init();
	inject_walk("a reader inside the kernel", INJECT_WORK, kcm_once, NULL, &self->k);
}
