// SPDX-License-Identifier: GPL-2.0-or-later
/* KTLS_TICKETS, KTLS_GROUPS, KTLS_SIGALGS, KTLS_PSK, KTLS_PEER_CHAIN: kernel and helper. */
#include "lib/sock.h"

FIXTURE(value) { int fd; };
FIXTURE_SETUP(value)
{
	net_new();
	self->fd = sock_new(AF_INET);
}
FIXTURE_TEARDOWN(value)
{
	close(self->fd);
}

TEST_F(value, tickets)
{
	EXPECT_EQ(2, sock_get_int(self->fd, KTLS_TICKETS));
	for (int i = 0; i <= 16; i++) {
		OK(sock_set_int(self->fd, KTLS_TICKETS, i));
		EXPECT_EQ(i, sock_get_int(self->fd, KTLS_TICKETS));
	}
	FAILS(EINVAL, sock_set_int(self->fd, KTLS_TICKETS, 17));
	FAILS(EINVAL, sock_set_int(self->fd, KTLS_TICKETS, -1));
	FAILS(EINVAL, setsockopt(self->fd, SOL_TLS, KTLS_TICKETS, "\0", 1));
	EXPECT_EQ(16, sock_get_int(self->fd, KTLS_TICKETS));
}

TEST_F(value, names)
{
	static const int opts[] = { KTLS_GROUPS, KTLS_SIGALGS };
	static const char *const bad[] = {
		"", ":", "a:", ":a", "a::b", "a b", "a,b", "a\n", "*a", "?a", "a/b", "\303\274",
	};
	char text[1030];

	for (size_t i = 0; i < ARRAY_SIZE(opts); i++) {
		EXPECT_STREQ("", sock_get_str(self->fd, opts[i]));
		/* ktlsd checks the names */
		OK(sock_set_str(self->fd, opts[i], "X25519:no-such_thing"));
		for (size_t j = 0; j < ARRAY_SIZE(bad); j++)
			FAILS(EINVAL, sock_set_str(self->fd, opts[i], bad[j]));
		FAILS(EINVAL, setsockopt(self->fd, SOL_TLS, opts[i], "a\0b", 3));
		EXPECT_STREQ("X25519:no-such_thing", sock_get_str(self->fd, opts[i]));
		memset(text, 'x', sizeof(text));
		OK(setsockopt(self->fd, SOL_TLS, opts[i], text, 1024));
		FAILS(EMSGSIZE, setsockopt(self->fd, SOL_TLS, opts[i], text, 1026));
		EXPECT_EQ(1024, strlen(sock_get_str(self->fd, opts[i])));
	}
}

static const struct ktls_psk good_psk = {
	.identity_len = 4, .key_len = 16, .identity = "lamp", .key = "0123456789abcdef",
};

static int set_psk(int fd, const struct ktls_psk *psk, size_t len)
{
	return setsockopt(fd, SOL_TLS, KTLS_PSK, psk, len);
}

TEST_F(value, psk)
{
	struct ktls_psk psk = good_psk;
	socklen_t len = sizeof(psk);

	OK(set_psk(self->fd, &psk, sizeof(psk)));
	FAILS(ENOPROTOOPT, getsockopt(self->fd, SOL_TLS, KTLS_PSK, &psk, &len));
	FAILS(EINVAL, set_psk(self->fd, &psk, sizeof(psk) - 1));
	FAILS(EMSGSIZE, set_psk(self->fd, (void *)&(char[sizeof(psk) + 1]){ 0 }, sizeof(psk) + 1));
	FAILS(EINVAL, set_psk(self->fd, &psk, 0));
	psk.key_len = 15;
	FAILS(EINVAL, set_psk(self->fd, &psk, sizeof(psk)));
	psk.key_len = 65;
	FAILS(EINVAL, set_psk(self->fd, &psk, sizeof(psk)));
	psk.key_len = 64;
	psk.identity_len = 0;
	FAILS(EINVAL, set_psk(self->fd, &psk, sizeof(psk)));
	psk.identity_len = 129;
	FAILS(EINVAL, set_psk(self->fd, &psk, sizeof(psk)));
	psk.identity_len = 4;
	psk.identity[1] = ' ';
	FAILS(EINVAL, set_psk(self->fd, &psk, sizeof(psk)));
	psk.identity[1] = 0xe4;
	FAILS(EINVAL, set_psk(self->fd, &psk, sizeof(psk)));
	psk.identity_len = 128;
	memset(psk.identity, 'i', 128);
	OK(set_psk(self->fd, &psk, sizeof(psk)));
}

/* --- what the helper is sent --- */

static char told_groups[64], told_sigalgs[64];
static uint32_t told_tickets, told_parts;
static struct ktls_psk told_psk;
static const uint8_t peer_der[] = "what the peer presented", chain_der[] = "what was verified";
static bool tell_verified;

static void note_start(struct fake *f, struct fake_msg *m)
{
	struct fake_done d;
	uint32_t total;
	size_t len;

	if (m->cmd == KTLS_CMD_START) {
		memcpy(told_groups, fake_data_of(m, KTLS_A_TLS_GROUPS), fake_len(m, KTLS_A_TLS_GROUPS));
		memcpy(told_sigalgs, fake_data_of(m, KTLS_A_SIGALGS), fake_len(m, KTLS_A_SIGALGS));
		told_tickets = fake_u32(m, KTLS_A_TICKETS);
		told_parts = fake_u32(m, KTLS_A_CONFIG_PARTS);
		EXPECT_EQ(0, fake_config(f, m->id, KTLS_CONFIG_PSK, 0, &told_psk, sizeof(told_psk),
					 &total, &len));
		EXPECT_EQ(sizeof(told_psk), total);
		EXPECT_EQ(sizeof(told_psk), len);
	}
	if (m->cmd != KTLS_CMD_DATA) {
		fake_answer(f, m);
		return;
	}
	fake_done_init(&d, f, m->id, ROLE_CLIENT);
	d.consumed = fake_len(m, KTLS_A_RECORDS);
	d.verified = tell_verified;
	d.peer_cert = peer_der;
	d.peer_cert_len = sizeof(peer_der);
	d.chain_cert = chain_der;
	d.chain_cert_len = sizeof(chain_der);
	EXPECT_EQ(0, fake_done(f, &d));
}

static void set_all(int fd)
{
	OK(sock_set_str(fd, KTLS_GROUPS, "X25519:P-256"));
	OK(sock_set_str(fd, KTLS_SIGALGS, "ed25519"));
	OK(sock_set_int(fd, KTLS_TICKETS, 7));
	OK(set_psk(fd, &good_psk, sizeof(good_psk)));
	if (!tell_verified)
		OK(sock_set_int(fd, KTLS_VERIFY, KTLS_VERIFY_NONE));
}

TEST(told_to_the_helper)
{
	struct env e;
	struct addr a;
	struct job j;
	int l, fd, tcp;

	env_start_with(&e, S13_AES128, note_start, NULL);
	for (int verified = 0; verified < 2; verified++) {
		socklen_t len = 0;
		char text[200];
		uint8_t flight[HS_FLIGHT_MAX];

		tell_verified = verified;
		l = net_listen(AF_INET, 5, &a);
		fd = sock_new(AF_INET);
		set_all(fd);
		FAILS(ENODATA, getsockopt(fd, SOL_TLS, KTLS_PEER_CHAIN, text, &len));
		job_connect(&j, fd, &a);
		tcp = net_accept(l);
		net_write(tcp, flight, hs_flight(&e.hs, HS_SERVER_FLIGHT, flight));
		job_wait(&j, 5000);
		EXPECT_EQ(0, j.ret);
		EXPECT_STREQ("X25519:P-256", told_groups);
		EXPECT_STREQ("ed25519", told_sigalgs);
		EXPECT_EQ(7, told_tickets);
		EXPECT_EQ(1 << KTLS_CONFIG_PSK, told_parts);
		EXPECT_MEMEQ(&good_psk, &told_psk, sizeof(good_psk));

		/* too late now */
		FAILS(EBUSY, sock_set_int(fd, KTLS_TICKETS, 1));
		FAILS(EBUSY, sock_set_str(fd, KTLS_GROUPS, "X25519"));
		FAILS(EBUSY, sock_set_str(fd, KTLS_SIGALGS, "ed25519"));
		FAILS(EBUSY, set_psk(fd, &good_psk, sizeof(good_psk)));

		/* the chain is what was verified, not what was presented */
		len = 0;
		if (!verified) {
			FAILS(ENODATA, getsockopt(fd, SOL_TLS, KTLS_PEER_CHAIN, text, &len));
		} else {
			FAILS(ERANGE, getsockopt(fd, SOL_TLS, KTLS_PEER_CHAIN, text, &len));
			EXPECT_STREQ("-----BEGIN CERTIFICATE-----\nd2hhdCB3YXMgdmVyaWZpZWQA\n"
				     "-----END CERTIFICATE-----\n", sock_get_str(fd, KTLS_PEER_CHAIN));
			EXPECT_EQ(strlen(sock_get_str(fd, KTLS_PEER_CHAIN)), len);
		}
		EXPECT_FALSE(strstr(sock_get_str(fd, KTLS_PEER_CERTIFICATES), "d2hhdCB3YXMg"));
		close(fd);
		close(tcp);
		close(l);
	}
}
