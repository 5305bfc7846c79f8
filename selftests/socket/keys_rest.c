// SPDX-License-Identifier: GPL-2.0-or-later
/* With external keys, too, an idle direction gives its cipher back (record/rest.c). */
#include "lib/keys.h"

static void both_ways(struct keys *k)
{
	char back[8];

	net_write(k->fd, "ours", 4);
	peer_recv_data(&k->peer, back, 4);
	EXPECT_MEMEQ("ours", back, 4);
	peer_send_data(&k->peer, "theirs", 6);
	net_read(k->fd, back, 6);
	EXPECT_MEMEQ("theirs", back, 6);
}

FIXTURE(keys_rest) { struct keys k; };
FIXTURE_VARIANT(keys_rest) { uint16_t suite; int family; };
FIXTURE_VARIANT_ADD(keys_rest, tls13) { S13_AES256, AF_INET6 };
FIXTURE_VARIANT_ADD(keys_rest, tls12) { S12_AES128, AF_INET };

FIXTURE_SETUP(keys_rest)
{
	net_set_parameter("cipher_idle_s", 1);
	keys_open(&self->k, variant->suite, variant->family);
	keys_both(&self->k);
}

FIXTURE_TEARDOWN(keys_rest)
{
	keys_close(&self->k);
	net_set_parameter("cipher_idle_s", 30);
}

TEST_F(keys_rest, idle)
{
	struct info want = keys_info(&self->k, TLS_TX), got = want;
	socklen_t len = want.len;
	long busy;

	both_ways(&self->k);
	busy = net_crypto_refs();
	EVENTUALLY(net_crypto_refs() <= busy - 2, 10000);
	/* The key can still be read: only the number has changed, and 1.2's explicit nonce. */
	OK(getsockopt(self->k.fd, SOL_TLS, TLS_TX, got.bytes, &len));
	put_be64(got.bytes + len - 8, be64(want.bytes + len - 8));
	if (!is_tls13(&self->k.peer))
		memcpy(got.bytes + 4, want.bytes + 4, 8);
	EXPECT_MEMEQ(want.bytes, got.bytes, len);
	both_ways(&self->k);
	EXPECT_EQ(busy, net_crypto_refs());
}
