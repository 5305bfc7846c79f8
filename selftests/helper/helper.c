// SPDX-License-Identifier: GPL-2.0-or-later
/* Wrong answers of a helper end the connection they are about, and nothing else. */
#include <poll.h>

#include "helper/wrong.h"

/* Without a mistake the handshake succeeds, or the tests below would prove nothing. */
TEST_F(wrong, none)
{
	struct fake_done d;
	char byte = 0;

	good_done(self, &d);
	EXPECT_EQ(0, fake_done(self->e.fake, &d));
	peer_recv_flight(&self->p, HS_CLIENT_FIN);
	job_wait(&self->j, 5000);
	OK(self->j.ret);
	peer_send_data(&self->p, "x", 1);
	net_read(self->fd, &byte, 1);
	EXPECT_EQ('x', byte);
	EXPECT_EQ(0, net_mib("HelperBad"));
}

WRONG(no_version, d.omit = 1ULL << KTLS_A_VERSION)
WRONG(no_suite, d.omit = 1ULL << KTLS_A_SUITE)
WRONG(no_tx_secret, d.omit = 1ULL << KTLS_A_TX_SECRET)
WRONG(no_rx_secret, d.omit = 1ULL << KTLS_A_RX_SECRET)
WRONG(unknown_version, d.version = 0x0302)
WRONG(future_version, d.version = 0x0305)
WRONG(unknown_suite, d.suite = 0x002f)
WRONG(suite_0, d.suite = 0)
/* the suite of the other version */
WRONG(suite_of_the_other_version, d.suite = d.version == KTLS_TLS_1_3 ? S12_AES256 : S13_AES128)
WRONG(short_secret, d.tx_secret_len--)
WRONG(long_secret, d.rx_secret_len++)
WRONG(empty_secret, d.tx_secret_len = 0)
WRONG(not_verified, d.verified = false)
WRONG(alpn_nobody_asked_for, d.alpn = "h2")
WRONG(consumed_too_much, d.consumed = self->batch + 1)
WRONG(consumed_far_too_much, d.consumed = 0xffffffff)
/* half a record */
WRONG(consumed_within_a_record, d.consumed = self->batch - 3)
WRONG(fragment_of_one_byte_too_many, d.max_fragment = 16385)

/* How the peer was checked for revocation: programs get no value that ktls.h does not have. */
TEST_F(wrong, odd_revocation)
{
	static const uint32_t odd[] = { KTLS_REVOCATION_NO_ANSWER + 1, 0x80000000, 0xffffffff };
	struct fake_done d;

	good_done(self, &d);
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		d.revocation = odd[i];
		EXPECT_EQ(-ERANGE, fake_done(self->e.fake, &d));
	}
	/* refused as messages, the request is open still */
	EXPECT_FALSE(self->j.done);
	d.revocation = KTLS_REVOCATION_NO_ANSWER;
	EXPECT_EQ(0, fake_done(self->e.fake, &d));
	job_wait(&self->j, 5000);
	OK(self->j.ret);
	EXPECT_EQ(KTLS_REVOCATION_NO_ANSWER, sock_info(self->fd).revocation);
}

/* Refused, or the direction ends at once: sequence numbers must not wrap (RFC 8446 5.3). */
TEST_F(wrong, tx_sequence_at_the_end)
{
	struct fake_done d;
	int i;

	good_done(self, &d);
	d.tx_seq = -1;
	fake_done(self->e.fake, &d);
	job_wait(&self->j, 5000);
	for (i = 0; i < 3 && !self->j.ret; i++)
		if (send(self->fd, "x", 1, MSG_NOSIGNAL) < 0)
			break;
	EXPECT_LE(i, 1);
	expect_next_works(self);
}

TEST_F(wrong, rx_sequence_at_the_end)
{
	struct fake_done d;
	char byte;
	int i;

	good_done(self, &d);
	d.rx_seq = self->p.tx.seq = -1;
	fake_done(self->e.fake, &d);
	job_wait(&self->j, 5000);
	for (i = 0; i < 3 && !self->j.ret; i++) {
		peer_send_data(&self->p, "x", 1);
		EXPECT_TRUE(net_poll(self->fd, POLLIN, 3000));
		if (recv(self->fd, &byte, 1, MSG_DONTWAIT) < 0)
			break;
	}
	EXPECT_LE(i, 1);
	expect_next_works(self);
}

TEST_F(wrong, iv_of_a_wrong_size)
{
	struct fake_done d;
	uint8_t iv[12] = { 1 };

	good_done(self, &d);
	d.tx_iv = d.rx_iv = iv;
	/* 1.3 has no IV of its own, GCM of 1.2 has four bytes */
	d.tx_iv_len = d.rx_iv_len = variant->suite == S13_AES128 ? 12 : 11;
	if (variant->suite == S13_AES128) {
		/* attributes of the other version may be refused or ignored, but not used */
		fake_done(self->e.fake, &d);
		job_wait(&self->j, 5000);
		if (!self->j.ret) {
			char byte = 0;

			peer_recv_flight(&self->p, HS_CLIENT_FIN);
			peer_send_data(&self->p, "x", 1);
			net_read(self->fd, &byte, 1);
			EXPECT_EQ('x', byte);
		}
	} else {
		expect_wrong_fails(self, &d);
	}
}

/* Records to send that are not whole, or not of a handshake. */
TEST_F(wrong, half_a_record_to_send)
{
	struct fake_done d;

	good_done(self, &d);
	d.records_len--;
	fake_done(self->e.fake, &d);
	job_wait(&self->j, 5000);
	/* this connection fails in any case; here or at the peer */
	if (!self->j.ret)
		EXPECT_EQ(KTLS_STATE_OPEN, sock_state(self->fd));
	else
		EXPECT_ERRNO(EPROTO, self->j.err);
	expect_next_works(self);
}

/* Errnos that are none, or are internal to the kernel. */
TEST_F(wrong, odd_errnos)
{
	static const uint32_t odd[] = { 4096, 0x7fffffff, 0x80000000, 0xffffffff, 512, 530 };

	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		struct fake_msg *m = NULL;

		/* the message is refused, and the request goes on */
		if (fake_fail(self->e.fake, self->id, odd[i], -1, "odd"))
			fake_fail(self->e.fake, self->id, EPROTO, -1, "even");
		job_wait(&self->j, 5000);
		EXPECT_EQ(-1, self->j.ret);
		/* no errno that is internal to the kernel, such as ERESTARTSYS */
		EXPECT_GT(self->j.err, 0);
		EXPECT_LT(self->j.err, 512);
		if (i + 1 == ARRAY_SIZE(odd))
			break;
		job_connect(&self->j, self->fd, &self->a);
		while (!m || m->cmd != KTLS_CMD_START)
			m = fake_next(self->e.fake, 5000);
		self->id = m->id;
		close(net_accept(self->l));
	}
}

/* connect() never returns ECONNABORTED: io_uring would try again by itself. */
TEST_F(wrong, econnaborted_is_not_for_connect)
{
	fake_fail(self->e.fake, self->id, ECONNABORTED, -1, "aborted");
	job_wait(&self->j, 5000);
	EXPECT_EQ(-1, self->j.ret);
	EXPECT_NE(ECONNABORTED, self->j.err);
}

/* KTLS_ERROR is a bounded string whatever the reason contains. */
TEST_F(wrong, long_reason)
{
	char text[2000];
	int ret;

	memset(text, 'S', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	ret = fake_fail(self->e.fake, self->id, EPROTO, -1, text);
	if (ret)	/* refused: the correct answer still works */
		fake_fail(self->e.fake, self->id, EPROTO, -1, "short");
	job_wait(&self->j, 5000);
	EXPECT_ERRNO(EPROTO, self->j.err);
	EXPECT_LE(strlen(sock_error(self->fd)), 255);
}

TEST_F(wrong, data_after_done)
{
	uint8_t junk[] = { 22, 3, 3, 0, 1, 0 };
	struct fake_done d;
	char buf[6];

	good_done(self, &d);
	EXPECT_EQ(0, fake_done(self->e.fake, &d));
	peer_recv_flight(&self->p, HS_CLIENT_FIN);
	job_wait(&self->j, 5000);
	OK(self->j.ret);
	EXPECT_NE(0, fake_data(self->e.fake, self->id, junk, sizeof(junk), false));
	EXPECT_NE(0, fake_done(self->e.fake, &d));
	EXPECT_NE(0, fake_fail(self->e.fake, self->id, EPROTO, -1, "too late"));
	/* nothing was sent, and the connection works */
	net_write(self->fd, "intact", 6);
	peer_recv_data(&self->p, buf, 6);
	EXPECT_MEMEQ("intact", buf, 6);
}

TEST_F(wrong, wrong_ids)
{
	struct fake_done d;

	good_done(self, &d);
	d.id = self->id + 1;
	EXPECT_NE(0, fake_done(self->e.fake, &d));
	d.id = 0;
	EXPECT_NE(0, fake_done(self->e.fake, &d));
	d.id = -1;
	EXPECT_NE(0, fake_done(self->e.fake, &d));
	EXPECT_NE(0, fake_data(self->e.fake, self->id + 1, "x", 1, false));
	d.omit = 1ULL << KTLS_A_ID;
	EXPECT_NE(0, fake_done(self->e.fake, &d));
	EXPECT_FALSE(self->j.done);
	good_done(self, &d);
	EXPECT_EQ(0, fake_done(self->e.fake, &d));
	job_wait(&self->j, 5000);
	OK(self->j.ret);
}

/* More than a message may hold, and more than a handshake may send. */
TEST_F(wrong, oversized_output)
{
	static uint8_t big[65000];

	for (size_t at = 0; at + 5 + 1000 <= sizeof(big); at += 1005)
		memcpy(big + at, "\26\3\3\3\350", 5);
	EXPECT_NE(0, fake_data(self->e.fake, self->id, big, 64 * 1005, false));
	fake_fail(self->e.fake, self->id, EPROTO, -1, "end");
	job_wait(&self->j, 5000);
	EXPECT_ERRNO(EPROTO, self->j.err);
	expect_next_works(self);
}

TEST_F(wrong, endless_output)
{
	static uint8_t big[32 * 1005];
	int i;

	for (size_t at = 0; at < sizeof(big); at += 1005)
		memcpy(big + at, "\26\3\3\3\350", 5);
	for (i = 0; i < 40; i++)
		if (fake_data(self->e.fake, self->id, big, sizeof(big), true))
			break;
	/* the limit is 256 KiB, for all batches together */
	EXPECT_LT(i, 20);
	job_wait(&self->j, 12000);
	EXPECT_EQ(-1, self->j.ret);
	expect_next_works(self);
}

/* DATA is refused while it is not the helper's turn. */
TEST_F(wrong, data_out_of_turn)
{
	uint8_t rec[] = { 22, 3, 3, 0, 1, 0 };

	EXPECT_EQ(0, fake_data(self->e.fake, self->id, rec, sizeof(rec), false));
	EXPECT_NE(0, fake_data(self->e.fake, self->id, rec, sizeof(rec), false));
	fake_fail(self->e.fake, self->id, EPROTO, -1, "end");
	job_wait(&self->j, 12000);
	EXPECT_EQ(-1, self->j.ret);
}

/* DONE with an error is accepted at any time, as the helper has a deadline too. */
TEST_F(wrong, failure_out_of_turn)
{
	uint8_t rec[] = { 22, 3, 3, 0, 1, 0 };

	EXPECT_EQ(0, fake_data(self->e.fake, self->id, rec, sizeof(rec), false));
	EXPECT_EQ(0, fake_fail(self->e.fake, self->id, ETIMEDOUT, -1, "too slow"));
	job_wait(&self->j, 5000);
	EXPECT_EQ(-1, self->j.ret);
	EXPECT_ERRNO(ETIMEDOUT, self->j.err);
	EXPECT_STREQ("too slow", sock_error(self->fd));
	EXPECT_EQ(0, net_mib("HelperBad"));
	expect_next_works(self);
}

static void fill_nothing(struct nlmsghdr *nlh, void *arg)
{
	(void)nlh;
	(void)arg;
}

static void fill_wrong_types(struct nlmsghdr *nlh, void *arg)
{
	mnl_attr_put_u64(nlh, KTLS_A_ID, *(uint64_t *)arg);
	mnl_attr_put_u8(nlh, KTLS_A_ERRNO, 1);
	mnl_attr_put(nlh, KTLS_A_VERSION, 1, "x");
	mnl_attr_put(nlh, KTLS_A_SUITE, 7, "1234567");
}

static void fill_unknown(struct nlmsghdr *nlh, void *arg)
{
	mnl_attr_put_u64(nlh, KTLS_A_ID, *(uint64_t *)arg);
	mnl_attr_put_u32(nlh, KTLS_A_ERRNO, 71);
	mnl_attr_put_u32(nlh, KTLS_A_MAX + 7, 1);
}

static void fill_truncated(struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *attr;

	mnl_attr_put_u64(nlh, KTLS_A_ID, *(uint64_t *)arg);
	attr = mnl_nlmsg_get_payload_tail(nlh);
	mnl_attr_put_u32(nlh, KTLS_A_ERRNO, 71);
	attr->nla_len = 4000;
}

TEST_F(wrong, malformed_messages)
{
	for (int cmd = 0; cmd < 20; cmd++) {
		EXPECT_NE(0, fake_raw(self->e.fake, cmd, fill_nothing, NULL));
		EXPECT_NE(0, fake_raw(self->e.fake, cmd, fill_wrong_types, &self->id));
	}
	EXPECT_NE(0, fake_raw(self->e.fake, KTLS_CMD_DONE, fill_unknown, &self->id));
	EXPECT_NE(0, fake_raw(self->e.fake, KTLS_CMD_DONE, fill_truncated, &self->id));
	EXPECT_FALSE(self->j.done);
	fake_fail(self->e.fake, self->id, EPROTO, -1, "end");
	job_wait(&self->j, 5000);
	EXPECT_STREQ("end", sock_error(self->fd));
}

static void fill_register(struct nlmsghdr *nlh, void *arg)
{
	mnl_attr_put_u32(nlh, KTLS_A_PROTOCOL, *(uint32_t *)arg);
	mnl_attr_put_u32(nlh, KTLS_A_CREDIT, 8);
}

/* A helper of another version. */
TEST(register_with_another_protocol)
{
	uint32_t protocol = KTLS_GENL_VERSION + 1;
	struct env e;

	env_start_bare(&e, S13_AES128);
	e.fake = fake_new(&e.hs);
	EXPECT_EQ(-EPROTONOSUPPORT, fake_raw(e.fake, KTLS_CMD_REGISTER, fill_register, &protocol));
	EXPECT_EQ(-EINVAL, fake_raw(e.fake, KTLS_CMD_REGISTER, fill_nothing, NULL));
	EXPECT_EQ(0, fake_register(e.fake, 8));
	fake_die(e.fake);
	free(e.fake);
}

static void fill_id(struct nlmsghdr *nlh, void *arg)
{
	mnl_attr_put_u64(nlh, KTLS_A_ID, *(uint64_t *)arg);
}

TEST_F(wrong, config_of_nothing)
{
	EXPECT_EQ(-EINVAL, fake_raw(self->e.fake, KTLS_CMD_CONFIG, fill_id, &self->id));
	fake_fail(self->e.fake, self->id, EPROTO, -1, "end");
	job_wait(&self->j, 5000);
	EXPECT_STREQ("end", sock_error(self->fd));
}

TEST_HARNESS_MAIN
