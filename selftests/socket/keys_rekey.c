// SPDX-License-Identifier: GPL-2.0-or-later
/* External keys: new keys for a direction (TLS 1.3), and mainline's other options. */
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "lib/keys.h"

static uint8_t big[1 << 16], back[1 << 17];

static const uint8_t key_update[] = { 24, 0, 0, 1, 0 };

KEYS_FIXTURE(rekey)
FIXTURE_VARIANT_ADD(rekey, aes128) { S13_AES128, AF_INET6 };
FIXTURE_VARIANT_ADD(rekey, chacha) { S13_CHACHA, AF_INET };

/* The peer sends KeyUpdate and changes its key. Returns the new key. */
static struct info peer_update(struct keys *k)
{
	peer_send(&k->peer, CT_HANDSHAKE, key_update, sizeof(key_update));
	tls_dir_update(&k->peer.tx);
	return keys_info(k, TLS_RX);
}

static int set_rx(struct keys *k, const struct info *key)
{
	return setsockopt(k->fd, SOL_TLS, TLS_RX, key->bytes, key->len);
}

static void expect_key_update(int fd, int flags)
{
	uint8_t type;

	ASSERT_EQ(sizeof(key_update), recv_typed(fd, back, 100, flags, &type));
	EXPECT_EQ(CT_HANDSHAKE, type);
	EXPECT_MEMEQ(key_update, back, sizeof(key_update));
}

/* After a KeyUpdate every call fails with EKEYEXPIRED until the new key is set. */
static void expect_expired(int fd)
{
	int inq = -1, p[2];

	OK(pipe(p));
	FAILS(EKEYEXPIRED, recv(fd, back, 100, 0));
	FAILS(EKEYEXPIRED, recv(fd, back, 100, MSG_DONTWAIT));
	FAILS(EKEYEXPIRED, recv(fd, back, 100, MSG_PEEK));
	FAILS(EKEYEXPIRED, recv(fd, back, 100, MSG_WAITALL));
	FAILS(EKEYEXPIRED, splice(fd, NULL, p[1], NULL, 100, 0));
	OK(ioctl(fd, FIONREAD, &inq));
	EXPECT_EQ(0, inq);
	EXPECT_EQ(0, net_poll(fd, POLLIN, 0));
	close(p[0]);
	close(p[1]);
}

TEST_F(rekey, receiving)
{
	struct peer *p = &self->k.peer;
	int fd = self->k.fd;
	struct info key;

	keys_both(&self->k);
	for (int i = 1; i <= 3; i++) {
		peer_send_data(p, "old", 3);
		key = peer_update(&self->k);
		peer_send_data(p, "new", 3);
		EXPECT_EQ(POLLIN, net_poll(fd, POLLIN, 2000));
		/* no more than that, even with MSG_WAITALL */
		ASSERT_EQ(3, recv(fd, back, 100, i == 1 ? MSG_WAITALL : 0));
		EXPECT_MEMEQ("old", back, 3);
		EXPECT_EQ(POLLIN, net_poll(fd, POLLIN, 2000));
		FAILS(EIO, recv(fd, back, 100, 0));
		expect_key_update(fd, MSG_PEEK);
		expect_key_update(fd, 0);
		expect_expired(fd);
		OK(set_rx(&self->k, &key));
		EXPECT_EQ(POLLIN, net_poll(fd, POLLIN, 0));
		net_read(fd, back, 3);
		EXPECT_MEMEQ("new", back, 3);
		EXPECT_EQ(i, sock_info(fd).rx_key_updates);
	}
}

TEST_F(rekey, sending)
{
	struct peer *p = &self->k.peer;
	int fd = self->k.fd;
	uint8_t type;

	keys_both(&self->k);
	for (int i = 1; i <= 3; i++) {
		/* an open record is sealed with the old key */
		ASSERT_EQ(3, send(fd, "old", 3, MSG_MORE));
		ASSERT_EQ(sizeof(key_update), send_typed(fd, key_update, sizeof(key_update), 0,
							 CT_HANDSHAKE));
		peer_recv_data(p, back, 3);
		ASSERT_EQ(sizeof(key_update), peer_recv(p, &type, back, sizeof(back)));
		EXPECT_EQ(CT_HANDSHAKE, type);
		tls_dir_update(&p->rx);
		/* and data after the KeyUpdate with the new one */
		ASSERT_EQ(3, send(fd, "new", 3, MSG_MORE));
		OK(keys_set(&self->k, TLS_TX));
		net_write(fd, "er", 2);
		peer_recv_data(p, back, 5);
		EXPECT_MEMEQ("newer", back, 5);
		EXPECT_EQ(i, sock_info(fd).tx_key_updates);
	}
}

/* As in mainline: no second key in TLS 1.2, and none for another cipher in 1.3. */
TEST_F(keys, what_another_key_may_be)
{
	static const int opts[] = { TLS_TX, TLS_RX };
	struct tls_crypto_info ci;

	keys_both(&self->k);
	for (int i = 0; i < 2; i++) {
		struct info key = keys_info(&self->k, opts[i]);

		if (!is_tls13(&self->k.peer)) {
			FAILS(EBUSY, keys_set(&self->k, opts[i]));
			continue;
		}
		memcpy(&ci, key.bytes, sizeof(ci));
		ci.version = TLS_1_2_VERSION;
		memcpy(key.bytes, &ci, sizeof(ci));
		FAILS(EINVAL, setsockopt(self->k.fd, SOL_TLS, opts[i], key.bytes, key.len));
		ci.version = TLS_1_3_VERSION;
		ci.cipher_type = TLS_CIPHER_AES_CCM_128;
		memcpy(key.bytes, &ci, sizeof(ci));
		FAILS(EINVAL, setsockopt(self->k.fd, SOL_TLS, opts[i], key.bytes, 40));
	}
	/* the old key still works */
	net_write(self->k.fd, "data", 4);
	peer_recv_data(&self->k.peer, back, 4);
	peer_send_data(&self->k.peer, "data", 4);
	net_read(self->k.fd, back, 4);
}

static void *wait_readable(void *arg)
{
	struct keys *k = arg;

	EXPECT_EQ(POLLIN, net_poll(k->fd, POLLIN, 5000));
	return NULL;
}

TEST_F(rekey, a_sleeping_poll_is_woken_by_the_key)
{
	struct peer *p = &self->k.peer;
	struct info key;
	struct job j;

	keys_both(&self->k);
	key = peer_update(&self->k);
	peer_send_data(p, "data", 4);
	expect_key_update(self->k.fd, 0);
	job_run(&j, wait_readable, &self->k);
	harness_nap(50);
	EXPECT_TRUE(!j.done);
	OK(set_rx(&self->k, &key));
	job_wait(&j, 4000);
	net_read(self->k.fd, back, 4);
}

/* A KeyUpdate after another message in its record, or in two records; and a byte of the same
 * value that is no KeyUpdate.
 */
TEST_F(rekey, coalesced_and_fragmented)
{
	static const uint8_t ticket[] = { 4, 0, 0, 6, 24, 24, 24, 24, 24, 24 };
	struct peer *p = &self->k.peer;
	uint8_t both[sizeof(ticket) + sizeof(key_update)], type;
	int fd = self->k.fd;
	struct info key;

	memcpy(both, ticket, sizeof(ticket));
	memcpy(both + sizeof(ticket), key_update, sizeof(key_update));
	keys_both(&self->k);
	/* a ticket, whole and in two records */
	peer_send(p, CT_HANDSHAKE, ticket, sizeof(ticket));
	peer_send(p, CT_HANDSHAKE, ticket, 6);
	peer_send(p, CT_HANDSHAKE, ticket + 6, sizeof(ticket) - 6);
	peer_send_data(p, "data", 4);
	for (int i = 0; i < 3; i++)
		ASSERT_GT(recv_typed(fd, back, 100, 0, &type), 0);
	net_read(fd, back, 4);

	peer_send(p, CT_HANDSHAKE, both, sizeof(both));
	tls_dir_update(&p->tx);
	key = keys_info(&self->k, TLS_RX);
	peer_send_data(p, "new", 3);
	ASSERT_EQ(sizeof(both), recv_typed(fd, back, 100, 0, &type));
	expect_expired(fd);
	OK(set_rx(&self->k, &key));
	net_read(fd, back, 3);
}

/* An end behind the KeyUpdate is not reported before the new key is set. */
TEST_F(rekey, then_fin)
{
	struct peer *p = &self->k.peer;
	struct info key;

	keys_both(&self->k);
	key = peer_update(&self->k);
	peer_send_data(p, "last", 4);
	OK(shutdown(p->fd, SHUT_WR));
	expect_key_update(self->k.fd, 0);
	FAILS(EKEYEXPIRED, recv(self->k.fd, back, 100, 0));
	OK(set_rx(&self->k, &key));
	net_read(self->k.fd, back, 4);
	EXPECT_EQ(0, OK(recv(self->k.fd, back, 100, 0)));
}

/* Of 2 bytes, or of 4, with more of them behind. */
union opt {
	uint16_t	two;
	uint32_t	four[2];
};

static int set_opt(int fd, int opt, uint64_t value, socklen_t len)
{
	union opt o = { .four = { value, value >> 32 } };

	if (len == sizeof(o.two))
		o.two = value;
	return setsockopt(fd, SOL_TLS, opt, &o, len);
}

static uint32_t get_opt(int fd, int opt, socklen_t room, socklen_t want)
{
	union opt o = { .four = { 0 } };

	OK(getsockopt(fd, SOL_TLS, opt, &o, &room));
	EXPECT_EQ(want, room);
	return want == sizeof(o.two) ? o.two : o.four[0];
}

TEST_F(keys, zerocopy_ro_and_no_pad)
{
	bool is_13 = is_tls13(&self->k.peer);
	socklen_t eight = 8;
	int fd = self->k.fd;

	EXPECT_EQ(0, get_opt(fd, TLS_TX_ZEROCOPY_RO, 4, 4));
	OK(set_opt(fd, TLS_TX_ZEROCOPY_RO, 1, 4));
	EXPECT_EQ(1, get_opt(fd, TLS_TX_ZEROCOPY_RO, 4, 4));
	FAILS(EINVAL, set_opt(fd, TLS_TX_ZEROCOPY_RO, 2, 4));
	FAILS(EINVAL, set_opt(fd, TLS_TX_ZEROCOPY_RO, 1, 8));
	FAILS(EINVAL, set_opt(fd, TLS_TX_ZEROCOPY_RO, 1, 2));
	FAILS(EINVAL, getsockopt(fd, SOL_TLS, TLS_TX_ZEROCOPY_RO, back, &eight));

	/* only with a key for TLS 1.3 */
	FAILS(EINVAL, set_opt(fd, TLS_RX_EXPECT_NO_PAD, 1, 4));
	OK(keys_set(&self->k, TLS_TX));
	FAILS(EINVAL, set_opt(fd, TLS_RX_EXPECT_NO_PAD, 1, 4));
	OK(keys_set(&self->k, TLS_RX));
	if (!is_13) {
		FAILS(EINVAL, set_opt(fd, TLS_RX_EXPECT_NO_PAD, 1, 4));
		return;
	}
	EXPECT_EQ(0, get_opt(fd, TLS_RX_EXPECT_NO_PAD, 8, 4));
	OK(set_opt(fd, TLS_RX_EXPECT_NO_PAD, 1, 8));
	EXPECT_EQ(1, get_opt(fd, TLS_RX_EXPECT_NO_PAD, 4, 4));
	FAILS(EINVAL, set_opt(fd, TLS_RX_EXPECT_NO_PAD, 1ULL << 40 | 1, 8));
	FAILS(EINVAL, set_opt(fd, TLS_RX_EXPECT_NO_PAD, 2, 4));
	FAILS(EINVAL, set_opt(fd, TLS_RX_EXPECT_NO_PAD, 1, 2));
	/* the peer pads anyway */
	peer_send_record(&self->k.peer, &(struct tls_record){ .type = CT_DATA, .data = "data",
							       .len = 4, .pad = 100 });
	net_read(fd, back, 4);
	EXPECT_MEMEQ("data", back, 4);
}

TEST_F(keys, largest_payload)
{
	uint16_t min = is_tls13(&self->k.peer) ? 63 : 64;
	struct peer *p = &self->k.peer;
	int fd = self->k.fd;
	uint8_t type;

	keys_both(&self->k);
	EXPECT_EQ(16384, get_opt(fd, TLS_TX_MAX_PAYLOAD_LEN, 2, 2));
	FAILS(EINVAL, set_opt(fd, TLS_TX_MAX_PAYLOAD_LEN, min - 1, 2));
	FAILS(EINVAL, set_opt(fd, TLS_TX_MAX_PAYLOAD_LEN, 16385, 2));
	FAILS(EINVAL, set_opt(fd, TLS_TX_MAX_PAYLOAD_LEN, 100, 4));
	OK(set_opt(fd, TLS_TX_MAX_PAYLOAD_LEN, min, 2));
	EXPECT_EQ(min, get_opt(fd, TLS_TX_MAX_PAYLOAD_LEN, 8, 2));
	net_write(fd, big, min + 1);
	ASSERT_EQ(min, peer_recv(p, &type, back, sizeof(back)));
	ASSERT_EQ(1, peer_recv(p, &type, back, sizeof(back)));

	ASSERT_EQ(1, send(fd, "x", 1, MSG_MORE));
	FAILS(EBUSY, set_opt(fd, TLS_TX_MAX_PAYLOAD_LEN, 16384, 2));
	net_write(fd, "y", 1);
	peer_recv_data(p, back, 2);
	OK(set_opt(fd, TLS_TX_MAX_PAYLOAD_LEN, 16384, 2));
	net_write(fd, big, 16384);
	ASSERT_EQ(16384, peer_recv(p, &type, back, sizeof(back)));
}

/* After our own handshake the largest payload is the negotiated one. */
TEST(largest_payload_after_a_handshake)
{
	struct conn c;
	struct env e;
	uint8_t type;

	env_start(&e, S13_AES128);
	conn_open(&c, &e, ROLE_CLIENT, AF_INET);
	OK(set_opt(c.fd, TLS_TX_MAX_PAYLOAD_LEN, 100, 2));
	FAILS(EINVAL, set_opt(c.fd, TLS_TX_MAX_PAYLOAD_LEN, 101, 2));
	net_write(c.fd, big, 150);
	ASSERT_EQ(100, peer_recv(&c.peer, &type, back, sizeof(back)));
	conn_close(&c);
}

/* recvmsg() sets MSG_EOR at the end of a record. */
TEST_F(keys, ends_of_records)
{
	struct iovec iov = { back, 4 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	keys_both(&self->k);
	peer_send_data(&self->k.peer, "data", 4);
	iov.iov_len = 2;
	ASSERT_EQ(2, recvmsg(self->k.fd, &msg, 0));
	EXPECT_EQ(0, msg.msg_flags & MSG_EOR);
	ASSERT_EQ(2, recvmsg(self->k.fd, &msg, 0));
	EXPECT_EQ(MSG_EOR, msg.msg_flags & MSG_EOR);
}
