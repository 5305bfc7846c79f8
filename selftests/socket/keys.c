// SPDX-License-Identifier: GPL-2.0-or-later
/* External keys: TLS_TX and TLS_RX, as in mainline's net/tls. There is no helper. */
#include <linux/tls.h>
#include <poll.h>

#include "lib/keys.h"

static uint8_t big[1 << 20], back[1 << 20];

static uint64_t info_seq(const struct info *i)
{
	return be64(i->bytes + i->len - 8);
}

static bool is_12_gcm(const struct peer *p)
{
	return p->hs->suite->explicit;
}

static void get_info(int fd, int opt, struct info *i, size_t len)
{
	socklen_t n = len;

	memset(i, 0, sizeof(*i));
	OK(getsockopt(fd, SOL_TLS, opt, i->bytes, &n));
	ASSERT_EQ(len, n);
	i->len = n;
}

static int get_len(int fd, int opt, socklen_t len)
{
	uint8_t room[256];

	return getsockopt(fd, SOL_TLS, opt, room, &len);
}

TEST_F(keys, set_and_get)
{
	static const int opts[] = { TLS_TX, TLS_RX };

	for (int k = 0; k < 2; k++) {
		struct info set = keys_info(&self->k, opts[k]), got;

		FAILS(EBUSY, get_len(self->k.fd, opts[k], set.len));
		OK(keys_set(&self->k, opts[k]));
		EXPECT_EQ(KTLS_STATE_OPEN, sock_state(self->k.fd));
		get_info(self->k.fd, opts[k], &got, set.len);
		EXPECT_MEMEQ(set.bytes, got.bytes, set.len);
		get_info(self->k.fd, opts[k], &got, 4);
		EXPECT_MEMEQ(set.bytes, got.bytes, 4);
		for (socklen_t n = 0; n < set.len + 8; n++)
			if (n != 4 && n != set.len)
				FAILS(EINVAL, get_len(self->k.fd, opts[k], n));
		if (is_tls13(&self->k.peer))
			OK(keys_set(&self->k, opts[k]));
		else
			FAILS(EBUSY, keys_set(&self->k, opts[k]));
	}
	EXPECT_EQ(self->k.peer.hs->suite->version, sock_info(self->k.fd).version);
}

/* getsockopt() returns iv and rec_seq of the next record. */
TEST_F(keys, get_is_live)
{
	struct info tx = keys_info(&self->k, TLS_TX), rx = keys_info(&self->k, TLS_RX), got;
	uint64_t step = is_12_gcm(&self->k.peer);

	keys_both(&self->k);
	for (int i = 0; i < 3; i++)
		net_write(self->k.fd, big, 100);
	for (int i = 0; i < 2; i++)
		peer_send_data(&self->k.peer, big, 50);
	peer_recv_data(&self->k.peer, back, 300);
	net_read(self->k.fd, back, 100);
	get_info(self->k.fd, TLS_TX, &got, tx.len);
	EXPECT_EQ(info_seq(&tx) + 3, info_seq(&got));
	EXPECT_EQ(be64(tx.bytes + 4) + 3 * step, be64(got.bytes + 4));
	EXPECT_MEMEQ(tx.bytes + 12, got.bytes + 12, tx.len - 20);
	get_info(self->k.fd, TLS_RX, &got, rx.len);
	EXPECT_EQ(info_seq(&rx) + 2, info_seq(&got));
	EXPECT_EQ(be64(rx.bytes + 4) + 2 * step, be64(got.bytes + 4));
}

TEST_F(keys, wrong_lengths)
{
	struct info i = keys_info(&self->k, TLS_TX);

	for (size_t n = 0; n < i.len + 40; n++)
		if (n != i.len)
			FAILS(EINVAL, setsockopt(self->k.fd, SOL_TLS, TLS_TX, i.bytes, n));
	FAILS(EFAULT, setsockopt(self->k.fd, SOL_TLS, TLS_TX, net_bad_address(), i.len));
	EXPECT_EQ(KTLS_STATE_NEW, sock_state(self->k.fd));
	FAILS(ENOTCONN, send(self->k.fd, "x", 1, 0));
	OK(keys_set(&self->k, TLS_TX));
	net_write(self->k.fd, "x", 1);
	peer_recv_data(&self->k.peer, back, 1);
}

/* Unknown ciphers and versions, and those that do not fit the other direction. */
TEST_F(keys, wrong_contents)
{
	static const uint16_t wrong[][2] = {
		{ 0x0302, TLS_CIPHER_AES_GCM_128 }, { 0x0305, TLS_CIPHER_AES_GCM_128 },
		{ 0, TLS_CIPHER_AES_GCM_128 }, { TLS_1_2_VERSION, 0 }, { TLS_1_3_VERSION, 50 },
		{ TLS_1_3_VERSION, 0xffff },
	};
	struct info i = keys_info(&self->k, TLS_TX), other = keys_info(&self->k, TLS_RX);
	struct tls_crypto_info ci;
	bool is_128;

	for (size_t k = 0; k < ARRAY_SIZE(wrong); k++) {
		memcpy(i.bytes, wrong[k], 4);
		FAILS(EINVAL, setsockopt(self->k.fd, SOL_TLS, TLS_TX, i.bytes, i.len));
	}
	OK(keys_set(&self->k, TLS_TX));
	memcpy(&ci, other.bytes, sizeof(ci));
	ci.version ^= TLS_1_2_VERSION ^ TLS_1_3_VERSION;
	memcpy(other.bytes, &ci, sizeof(ci));
	FAILS(EINVAL, setsockopt(self->k.fd, SOL_TLS, TLS_RX, other.bytes, other.len));
	ci.version ^= TLS_1_2_VERSION ^ TLS_1_3_VERSION;
	is_128 = ci.cipher_type == TLS_CIPHER_AES_GCM_128;
	ci.cipher_type = is_128 ? TLS_CIPHER_AES_GCM_256 : TLS_CIPHER_AES_GCM_128;
	memcpy(other.bytes, &ci, sizeof(ci));
	FAILS(EINVAL, setsockopt(self->k.fd, SOL_TLS, TLS_RX, other.bytes, is_128 ? 56 : 40));
	OK(keys_set(&self->k, TLS_RX));
}

TEST_F(keys, both_directions)
{
	static const size_t sizes[] = { 1, 17, 1000, 4096, 16384, 16385, 70001 };
	struct transfer t;
	struct ktls_info info;

	keys_both(&self->k);
	net_pattern(big, sizeof(big), 1);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		transfer_write(&t, self->k.fd, big, sizes[i]);
		peer_recv_data(&self->k.peer, back, sizes[i]);
		transfer_wait(&t, 5000);
		ASSERT_MEMEQ(big, back, sizes[i]);
		memset(back, 0, sizes[i]);
		transfer_read(&t, self->k.fd, back, sizes[i]);
		peer_send_data(&self->k.peer, big, sizes[i]);
		transfer_wait(&t, 5000);
		ASSERT_MEMEQ(big, back, sizes[i]);
	}
	info = sock_info(self->k.fd);
	EXPECT_EQ(info.tx_bytes, info.rx_bytes);
	EXPECT_EQ(0, info.role);
	EXPECT_EQ(KTLS_STATE_OPEN, info.state);
	EXPECT_EQ(0, net_mib("HandshakesClient") + net_mib("HandshakesServer"));
}

TEST_F_TIMEOUT(keys, megabyte, 60)
{
	struct transfer t;

	keys_both(&self->k);
	net_pattern(big, sizeof(big), 2);
	transfer_write(&t, self->k.fd, big, sizeof(big));
	peer_recv_data(&self->k.peer, back, sizeof(big));
	transfer_wait(&t, 10000);
	EXPECT_MEMEQ(big, back, sizeof(big));
	memset(back, 0, sizeof(back));
	transfer_read(&t, self->k.fd, back, sizeof(back));
	peer_send_data(&self->k.peer, big, sizeof(big));
	transfer_wait(&t, 10000);
	EXPECT_MEMEQ(big, back, sizeof(big));
}

/* With external keys the program has to observe the AEAD's limit; and received padding. */
/* Who sends meanwhile sleeps as who receives does, but is not in the way. */
TEST_F(keys, a_key_to_receive_while_somebody_sends)
{
	struct transfer t;

	OK(keys_set(&self->k, TLS_TX));
	OK(setsockopt(self->k.fd, SOL_SOCKET, SO_SNDBUF, &(int){ 65536 }, sizeof(int)));
	transfer_write(&t, self->k.fd, big, sizeof(big));
	harness_nap(100);
	EXPECT_FALSE(t.job.done);
	OK(keys_set(&self->k, TLS_RX));
	peer_recv_data(&self->k.peer, back, sizeof(back));
	transfer_wait(&t, 10000);
}

TEST_F(keys, sequence_numbers_are_given)
{
	struct tls_record r = { .type = CT_DATA, .data = big, .len = 100 };

	if (is_tls13(&self->k.peer))
		r.pad = 300;
	self->k.peer.tx.seq = 1ULL << 40;
	self->k.peer.rx.seq = (1ULL << 40) + 7;
	keys_both(&self->k);
	net_pattern(big, 100, 3);
	peer_send_record(&self->k.peer, &r);
	net_read(self->k.fd, back, 100);
	EXPECT_MEMEQ(big, back, 100);
	net_write(self->k.fd, big, 100);
	peer_recv_data(&self->k.peer, back, 100);
	EXPECT_MEMEQ(big, back, 100);
}

/* Keys can be set only on a connected socket without a handshake. */
TEST(where_it_may_be_set)
{
	struct addr a;
	struct keys k;
	int fd, l;

	keys_open(&k, S13_AES128, AF_INET);
	fd = sock_new(AF_INET);
	FAILS(ENOTCONN, keys_set_on(&k, fd, TLS_TX));
	FAILS(EBUSY, get_len(fd, TLS_TX, 40));
	close(fd);
	l = sock_listen(AF_INET, 1, &a);
	FAILS(ENOTCONN, keys_set_on(&k, l, TLS_RX));
	FAILS(EBUSY, get_len(l, TLS_RX, 40));
	close(l);
	keys_close(&k);
}

/* The keys of our own handshake can be neither replaced nor read. */
TEST(not_after_a_handshake)
{
	struct conn c;
	struct keys k;
	struct env e;

	env_start(&e, S13_AES128);
	conn_open(&c, &e, ROLE_CLIENT, AF_INET);
	k.peer = c.peer;
	FAILS(EBUSY, keys_set_on(&k, c.fd, TLS_TX));
	FAILS(EBUSY, keys_set_on(&k, c.fd, TLS_RX));
	FAILS(EBUSY, get_len(c.fd, TLS_TX, 40));
	FAILS(EBUSY, get_len(c.fd, TLS_RX, 4));
	net_write(c.fd, "x", 1);
	peer_recv_data(&c.peer, back, 1);
	conn_close(&c);
}

/* After a second connect() the socket has no external keys and behaves as after our own
 * handshakes.
 */
TEST(disconnect_forgets)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct keys k;

	keys_open(&k, S13_AES128, AF_INET);
	keys_both(&k);
	OK(connect(k.fd, &none, sizeof(none)));
	EXPECT_EQ(KTLS_STATE_NEW, sock_state(k.fd));
	FAILS(EBUSY, get_len(k.fd, TLS_TX, 40));
	FAILS(ENOTCONN, keys_set(&k, TLS_TX));
	keys_close(&k);
}

/* After the peer's FIN keys can be set, and what came before it can be read. */
TEST_F(keys, close_wait)
{
	struct info rx = keys_info(&self->k, TLS_RX);

	peer_send_data(&self->k.peer, "before", 6);
	OK(shutdown(self->k.peer.fd, SHUT_WR));
	EVENTUALLY(net_tcp_state(self->k.fd) == TCP_CLOSE_WAIT, 2000);
	OK(keys_set(&self->k, TLS_TX));
	OK(setsockopt(self->k.fd, SOL_TLS, TLS_RX, rx.bytes, rx.len));
	net_read(self->k.fd, back, 6);
	EXPECT_MEMEQ("before", back, 6);
	EXPECT_EQ(0, OK(read(self->k.fd, back, 1)));
	net_write(self->k.fd, "after", 5);
	peer_recv_data(&self->k.peer, back, 5);
}

static void *wait_readable(void *arg)
{
	struct keys *k = arg;

	return (void *)(long)net_poll(k->fd, POLLIN, 5000);
}

/* Records that came before the key wake a sleeping reader when it is set. */
TEST_F(keys, key_after_the_data)
{
	struct info rx = keys_info(&self->k, TLS_RX);
	struct job j;

	peer_send_data(&self->k.peer, "early", 5);
	harness_nap(20);
	EXPECT_EQ(0, net_poll(self->k.fd, POLLIN, 0));
	job_run(&j, wait_readable, &self->k);
	harness_nap(50);
	OK(keys_set(&self->k, TLS_TX));
	EXPECT_EQ(0, net_poll(self->k.fd, POLLIN, 20));
	OK(setsockopt(self->k.fd, SOL_TLS, TLS_RX, rx.bytes, rx.len));
	job_wait(&j, 4000);
	EXPECT_EQ(POLLIN, net_poll(self->k.fd, POLLIN, 0));
	net_read(self->k.fd, back, 5);
	EXPECT_MEMEQ("early", back, 5);
}

TEST_HARNESS_MAIN
