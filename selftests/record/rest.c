// SPDX-License-Identifier: GPL-2.0-or-later
/* A direction without records gives its cipher back, and gets it again with the next one. */
#include <poll.h>

#include "lib/record.h"

#define IDLE_MS	2500	/* two looks, a second apart */

static uint8_t back[32768], big[20000];

FIXTURE(rest)
{
	struct record	r;
	long		busy, idle;	/* net_crypto_refs() with both ciphers, with none */
};

FIXTURE_VARIANT(rest) { struct record_kind kind; };
FIXTURE_VARIANT_ADD(rest, tls13_aes128) { { S13_AES128, ROLE_CLIENT, AF_INET } };
FIXTURE_VARIANT_ADD(rest, tls12_aes256) { { S12_AES256, ROLE_SERVER, AF_INET6 } };

static void send_and_follow(struct record *r, size_t len)
{
	net_write(r->fd, big, len);
	peer_recv_data(r->p, back, len);
	EXPECT_MEMEQ(big, back, len);
}

static void receive(struct record *r, size_t len)
{
	peer_send_data(r->p, big, len);
	net_read(r->fd, back, len);
	EXPECT_MEMEQ(big, back, len);
}

static void both_ways(struct record *r, size_t len)
{
	send_and_follow(r, len);
	receive(r, len);
}

/* With a second between looks it has no cipher three seconds later. */
FIXTURE_SETUP(rest)
{
	net_pattern(big, sizeof(big), 5);
	net_set_parameter("cipher_idle_s", 1);
	record_open(&self->r, &variant->kind);
	both_ways(&self->r, sizeof(big));
	self->busy = net_crypto_refs();
	EVENTUALLY(net_crypto_refs() <= self->busy - 2, 10000);
	self->idle = net_crypto_refs();
}

FIXTURE_TEARDOWN(rest)
{
	conn_close(&self->r.c);
	net_set_parameter("cipher_idle_s", 30);
}

TEST_F(rest, again_and_again)
{
	for (int i = 0; i < 3; i++) {
		both_ways(&self->r, i ? 100 : sizeof(big));
		EXPECT_EQ(self->busy, net_crypto_refs());
		EVENTUALLY(net_crypto_refs() == self->idle, 10000);
	}
}

/* Only a direction that is idle. */
TEST_F(rest, one_direction)
{
	const long one = (self->busy - self->idle) / 2;
	double end;

	both_ways(&self->r, 100);
	EXPECT_EQ(self->busy, net_crypto_refs());
	for (end = harness_now() + 2 * IDLE_MS / 1e3; harness_now() < end; harness_nap(100)) {
		EXPECT_GE(net_crypto_refs(), self->idle + one);
		receive(&self->r, 100);
	}
	EXPECT_EQ(self->idle + one, net_crypto_refs());
	EVENTUALLY(net_crypto_refs() == self->idle, 10000);
	send_and_follow(&self->r, 100);
	EXPECT_EQ(self->idle + one, net_crypto_refs());
}

/* What waits for the program does not need it before it is read. */
TEST_F(rest, peeked_at)
{
	peer_send_data(self->r.p, big, 1000);
	EXPECT_EQ(POLLIN, net_poll(self->r.fd, POLLIN, 5000));
	for (int i = 0; i < 2; i++) {
		EVENTUALLY(net_crypto_refs() == self->idle, 10000);
		ASSERT_EQ(1000, recv(self->r.fd, back, sizeof(back), MSG_PEEK));
		EXPECT_MEMEQ(big, back, 1000);
	}
	net_read(self->r.fd, back, 1000);
	both_ways(&self->r, 100);
}

TEST_F(rest, close_notify)
{
	OK(close(self->r.fd));
	self->r.c.fd = -1;
	peer_expect_close(self->r.p);
}

/* A record that is not authentic is refused as ever. */
TEST_F(rest, bad_record)
{
	uint8_t record[200];
	size_t len = peer_seal(self->r.p, CT_DATA, big, 100, record);

	record[len - 1] ^= 1;
	peer_send_raw(self->r.p, record, len);
	FAILS(EBADMSG, recv(self->r.fd, back, sizeof(back), 0));
	peer_expect_alert(self->r.p, 20);
}

TEST_F(rest, key_updates)
{
	if (!is_tls13(self->r.p))
		SKIP_TEST("TLS 1.2 has none");
	/* The peer's: new keys for a direction that has just woken, and the answer wakes the other. */
	peer_send_update(self->r.p, 1);
	receive(&self->r, 100);
	ASSERT_EQ(1, sock_info(self->r.fd).rx_key_updates);
	EVENTUALLY(sock_info(self->r.fd).tx_key_updates == 1, 5000);
	EVENTUALLY(net_crypto_refs() == self->idle, 10000);
	/* Ours */
	OK(sock_set_int(self->r.fd, KTLS_KEY_UPDATE, 0));
	net_write(self->r.fd, big, 100);
	for (int i = 0; i < 2; i++) {
		uint8_t type;

		ASSERT_EQ(5, peer_recv(self->r.p, &type, back, sizeof(back)));
		ASSERT_EQ(CT_HANDSHAKE, type);
		tls_dir_update(&self->r.p->rx);
	}
	peer_recv_data(self->r.p, back, 100);
	EXPECT_MEMEQ(big, back, 100);
	EVENTUALLY(net_crypto_refs() == self->idle, 10000);
	both_ways(&self->r, 100);
}

/* Changed while connections are open, it counts from the next look on. */
TEST_F(rest, never)
{
	net_set_parameter("cipher_idle_s", 0);
	both_ways(&self->r, 100);
	harness_nap(IDLE_MS);
	EXPECT_EQ(self->busy, net_crypto_refs());
}
