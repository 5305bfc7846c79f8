// SPDX-License-Identifier: GPL-2.0-or-later
/* KeyUpdate, RFC 8446 4.6.3: from the peer, with KTLS_KEY_UPDATE, and before the AEAD's limit.
 */
#include <fcntl.h>
#include <poll.h>

#include "lib/record.h"

static uint8_t out[65536], back[65536];

/* One record, which is either data or a KeyUpdate. Returns the length of data, 0: the latter. */
static size_t peer_next(struct peer *p, uint8_t *buf, uint8_t *request)
{
	uint8_t record[TLS_PAYLOAD_MAX], type = 0;
	ssize_t n = peer_recv(p, &type, record, sizeof(record));

	ASSERT_GE(n, 1);
	if (type == CT_DATA) {
		memcpy(buf, record, n);
		return n;
	}
	ASSERT_EQ(CT_HANDSHAKE, type);
	ASSERT_EQ(5, n);
	ASSERT_MEMEQ("\x18\0\0\1", record, 4);
	if (request)
		*request = record[4];
	tls_dir_update(&p->rx);
	return 0;
}

static void peer_expect_update(struct peer *p, uint8_t request)
{
	uint8_t got = 0xff;

	ASSERT_EQ(0, peer_next(p, back, &got));
	ASSERT_EQ(request, got);
}

static void expect_both_ways(struct record *r)
{
	net_write(r->fd, "ours", 4);
	peer_recv_data(r->p, back, 4);
	EXPECT_MEMEQ("ours", back, 4);
	peer_send_data(r->p, "theirs", 6);
	EXPECT_EQ(6, recv(r->fd, back, 6, MSG_WAITALL));
	EXPECT_MEMEQ("theirs", back, 6);
}

static void expect_fatal(struct record *r, uint8_t alert)
{
	FAILS(EPROTO, recv(r->fd, back, sizeof(back), 0));
	FAILS(EPIPE, send(r->fd, "x", 1, MSG_NOSIGNAL));
	peer_expect_alert(r->p, alert);
	EXPECT_EQ(KTLS_STATE_FAILED, sock_state(r->fd));
	EXPECT_EQ(1, net_mib("RxInvalid"));
}

/* --- received --- */

TEST_F(tls13, received)
{
	peer_send_data(self->r.p, "before", 6);
	peer_send_update(self->r.p, 0);
	peer_send_data(self->r.p, "behind", 6);
	EXPECT_EQ(12, recv(self->r.fd, back, 12, MSG_WAITALL));
	EXPECT_MEMEQ("beforebehind", back, 12);
	EXPECT_EQ(1, sock_info(self->r.fd).rx_key_updates);
	EXPECT_EQ(0, sock_info(self->r.fd).tx_key_updates);
	EXPECT_EQ(1, net_mib("KeyUpdatesRcvd"));
	expect_both_ways(&self->r);
}

/* poll() does not report POLLIN for it, and read() goes on waiting. */
TEST_F(tls13, received_is_not_readable)
{
	struct transfer t;

	peer_send_update(self->r.p, 0);
	EXPECT_EQ(0, net_poll(self->r.fd, POLLIN, 200));
	transfer_read(&t, self->r.fd, back, 1);
	peer_send_update(self->r.p, 0);
	harness_nap(50);
	EXPECT_FALSE(t.job.done);
	peer_send_data(self->r.p, "!", 1);
	transfer_wait(&t, 5000);
	EXPECT_EQ('!', back[0]);
	EXPECT_EQ(2, sock_info(self->r.fd).rx_key_updates);
}

/* The answer goes out without a send. */
TEST_F(tls13, answered_by_itself)
{
	peer_send_update(self->r.p, 1);
	EXPECT_EQ(0, net_poll(self->r.fd, POLLIN, 100));
	peer_expect_update(self->r.p, 0);
	EXPECT_EQ(1, sock_info(self->r.fd).tx_key_updates);
	EXPECT_EQ(1, sock_info(self->r.fd).rx_key_updates);
	EXPECT_EQ(1, net_mib("KeyUpdatesSent"));
	expect_both_ways(&self->r);
}

/* RFC 8446 4.6.3: before the next application data. */
TEST_F(tls13, answered_before_data)
{
	uint8_t c;

	for (int i = 0; i < 20; i++) {
		peer_send_update(self->r.p, 1);
		peer_send_data(self->r.p, "a", 1);
		EXPECT_EQ(1, recv(self->r.fd, &c, 1, 0));
		net_write(self->r.fd, "b", 1);
		peer_expect_update(self->r.p, 0);
		peer_recv_data(self->r.p, back, 1);
	}
	EXPECT_EQ(20, sock_info(self->r.fd).tx_key_updates);
}

/* Several requests before an answer can be sent: one answer. */
TEST_F(tls13, asked_often_answered_once)
{
	uint8_t *p = out;

	for (int i = 0; i < 20; i++) {
		p += peer_seal(self->r.p, CT_HANDSHAKE, "\x18\0\0\1\1", 5, p);
		tls_dir_update(&self->r.p->tx);
	}
	p += peer_seal(self->r.p, CT_DATA, "x", 1, p);
	peer_send_raw(self->r.p, out, p - out);
	EXPECT_EQ(1, recv(self->r.fd, back, 1, 0));
	EXPECT_EQ(20, sock_info(self->r.fd).rx_key_updates);
	peer_expect_update(self->r.p, 0);
	expect_both_ways(&self->r);
	EXPECT_EQ(1, sock_info(self->r.fd).tx_key_updates);
}

/* After close_notify nothing is sent, not even the answer. */
TEST_F(tls13, not_answered_after_close_notify)
{
	OK(shutdown(self->r.fd, SHUT_WR));
	peer_expect_alert(self->r.p, 0);
	peer_send_update(self->r.p, 1);
	peer_send_data(self->r.p, "still", 5);
	EXPECT_EQ(5, recv(self->r.fd, back, 5, MSG_WAITALL));
	peer_send_close(self->r.p);
	EXPECT_EQ(0, recv(self->r.fd, back, 5, 0));
	EXPECT_EQ(0, read(self->r.p->fd, back, 1));
}

/* The peer sends KeyUpdates and does not read. As long as TCP has no room the answer is not
 * sealed, and more requests do not change that.
 */
TEST_F(tls13, answer_waits_for_room)
{
	size_t sent = 0, got = 0, updates = 0, n;
	uint8_t request = 0xff;
	ssize_t len;

	net_pattern(out, sizeof(out), 3);
	net_nonblock(self->r.fd, true);
	/* Room may come back behind a send that took only a part. */
	while ((len = send(self->r.fd, out + sent % sizeof(out),
			   sizeof(out) - sent % sizeof(out), 0)) > 0)
		sent += len;
	ASSERT_EQ(EAGAIN, errno);
	for (int i = 0; i < 10; i++)
		peer_send_update(self->r.p, 1);
	EXPECT_EQ(0, net_poll(self->r.fd, POLLIN, 100));
	EXPECT_EQ(10, sock_info(self->r.fd).rx_key_updates);
	for (int i = 0; i < 10; i++)
		peer_send_update(self->r.p, 1);
	EXPECT_EQ(0, net_poll(self->r.fd, POLLIN, 100));
	EXPECT_EQ(20, sock_info(self->r.fd).rx_key_updates);
	EXPECT_LE(sock_info(self->r.fd).tx_key_updates, 10);

	while (got < sent || updates < sock_info(self->r.fd).tx_key_updates || !updates) {
		n = peer_next(self->r.p, back, &request);
		updates += !n;
		for (size_t i = 0; i < n; i++, got++)
			if (back[i] != out[got % sizeof(out)])
				ASSERT_EQ(out[got % sizeof(out)], back[i]);
	}
	EXPECT_EQ(sent, got);
	EXPECT_EQ(0, request);
	net_nonblock(self->r.fd, false);
	if (net_poll(self->r.p->fd, POLLIN, 100))
		peer_expect_update(self->r.p, 0);
	expect_both_ways(&self->r);
}

/* Records that are opened into the reader's memory, before and after new keys. */
TEST_F(tls13, large_records_around_it)
{
	struct transfer t;

	net_pattern(out, sizeof(out), 5);
	transfer_read(&t, self->r.fd, back, sizeof(out));
	for (size_t i = 0; i < sizeof(out); i += 16384) {
		peer_send_data(self->r.p, out + i, 16384);
		peer_send_update(self->r.p, i / 16384 % 2);
	}
	transfer_wait(&t, 10000);
	EXPECT_MEMEQ(out, back, sizeof(out));
}

TEST_F(tls13_client, behind_two_tickets_in_one_record)
{
	uint8_t record[2 * 50 + 5], *p = record;

	for (int i = 0; i < 2; i++, p += 50) {
		memset(p, i, 50);
		memcpy(p, "\4\0\0\x2e\0\0\x1c\x20\1\2\3\4\1\7\0\x20", 16);
		memset(p + 48, 0, 2);
	}
	memcpy(p, "\x18\0\0\1\0", 5);
	peer_send(self->r.p, CT_HANDSHAKE, record, sizeof(record));
	tls_dir_update(&self->r.p->tx);
	expect_both_ways(&self->r);
	EXPECT_EQ(1, sock_info(self->r.fd).rx_key_updates);
}

TEST_F(tls13, over_five_records)
{
	const uint8_t message[] = { 24, 0, 0, 1, 1 };

	for (size_t i = 0; i < sizeof(message); i++)
		peer_send(self->r.p, CT_HANDSHAKE, message + i, 1);
	tls_dir_update(&self->r.p->tx);
	EXPECT_EQ(0, net_poll(self->r.fd, POLLIN, 100));
	peer_expect_update(self->r.p, 0);
	expect_both_ways(&self->r);
}

/* RFC 8446 5.1: a KeyUpdate must be the last message in its record. */
TEST_F(tls13, something_behind_it_in_its_record)
{
	static const uint8_t behind[] = { 24, 0, 0, 1, 0, 24 };

	peer_send(self->r.p, CT_HANDSHAKE, behind, sizeof(behind));
	expect_fatal(&self->r, 10);
}

TEST_F(tls13, two_in_one_record)
{
	static const uint8_t two[] = { 24, 0, 0, 1, 0, 24, 0, 0, 1, 0 };

	peer_send(self->r.p, CT_HANDSHAKE, two, sizeof(two));
	expect_fatal(&self->r, 10);
}

TEST_F(tls13, rest_and_another_in_one_record)
{
	static const uint8_t rest[] = { 0, 1, 0, 24, 0, 0, 1, 0 };

	peer_send(self->r.p, CT_HANDSHAKE, "\x18\0", 2);
	peer_send(self->r.p, CT_HANDSHAKE, rest, sizeof(rest));
	expect_fatal(&self->r, 10);
}

/* The peer goes on with its old keys: bad_record_mac. */
TEST_F(tls13, old_keys_behind_it)
{
	peer_send(self->r.p, CT_HANDSHAKE, "\x18\0\0\1\0", 5);
	peer_send_data(self->r.p, "old", 3);
	FAILS(EBADMSG, recv(self->r.fd, back, 3, 0));
	peer_expect_alert(self->r.p, 20);
	EXPECT_EQ(1, net_mib("RxBad"));
}

TEST_F(tls13, unknown_request)
{
	peer_send_update(self->r.p, 2);
	expect_fatal(&self->r, 47);
}

TEST_F(tls13, empty_message)
{
	peer_send(self->r.p, CT_HANDSHAKE, "\x18\0\0\0", 4);
	expect_fatal(&self->r, 50);
}

TEST_F(tls13, long_message)
{
	peer_send(self->r.p, CT_HANDSHAKE, "\x18\0\0\2\0\0", 6);
	expect_fatal(&self->r, 50);
}

TEST_F(tls13, flood)
{
	for (int i = 0; i < 32; i++)
		peer_send_update(self->r.p, 0);
	peer_send_data(self->r.p, "x", 1);
	EXPECT_EQ(1, recv(self->r.fd, back, 1, 0));
	for (int i = 0; i < 33; i++)
		peer_send_update(self->r.p, 0);
	expect_fatal(&self->r, 10);
	EXPECT_EQ(64, sock_info(self->r.fd).rx_key_updates);
}

/* A peer without room for its data sends only answers to our requests, as many as we send:
 * these don't count as too many KeyUpdates in a row.
 */
TEST_F(tls13, answers_are_no_flood)
{
	for (int i = 0; i < 40; i++) {
		OK(sock_set_int(self->r.fd, KTLS_KEY_UPDATE, 1));
		peer_expect_update(self->r.p, 1);
	}
	for (int i = 0; i < 40 + 32; i++)
		peer_send_update(self->r.p, 0);
	peer_send_data(self->r.p, "x", 1);
	EXPECT_EQ(1, recv(self->r.fd, back, 1, 0));
	for (int i = 0; i < 33; i++)
		peer_send_update(self->r.p, 0);
	expect_fatal(&self->r, 10);
}

/* A peer that replaces its keys between its data, too, still has as many answers to send. */
TEST_F(tls13, answers_behind_updates_are_no_flood)
{
	for (int i = 0; i < 40; i++) {
		OK(sock_set_int(self->r.fd, KTLS_KEY_UPDATE, 1));
		peer_expect_update(self->r.p, 1);
		peer_send_update(self->r.p, 0);
		peer_send_data(self->r.p, "x", 1);
		EXPECT_EQ(1, recv(self->r.fd, back, 1, 0));
	}
	for (int i = 0; i < 40; i++)
		peer_send_update(self->r.p, 0);
	peer_send_data(self->r.p, "x", 1);
	EXPECT_EQ(1, recv(self->r.fd, back, 1, 0));
}

/* --- KTLS_KEY_UPDATE --- */

TEST_F(tls13, sent)
{
	for (int i = 1; i <= 5; i++) {
		OK(sock_set_int(self->r.fd, KTLS_KEY_UPDATE, 0));
		peer_expect_update(self->r.p, 0);
		expect_both_ways(&self->r);
		EXPECT_EQ(i, sock_info(self->r.fd).tx_key_updates);
	}
	EXPECT_EQ(0, sock_info(self->r.fd).rx_key_updates);
	EXPECT_EQ(5, net_mib("KeyUpdatesSent"));
}

TEST_F(tls13, sent_and_asked_for)
{
	OK(sock_set_int(self->r.fd, KTLS_KEY_UPDATE, 1));
	peer_expect_update(self->r.p, 1);
	peer_send_update(self->r.p, 0);
	expect_both_ways(&self->r);
	EXPECT_EQ(1, sock_info(self->r.fd).rx_key_updates);
	EXPECT_EQ(1, sock_info(self->r.fd).tx_key_updates);
}

/* Both ask at the same time: each answers. */
TEST_F(tls13, crossing)
{
	OK(sock_set_int(self->r.fd, KTLS_KEY_UPDATE, 1));
	peer_send_update(self->r.p, 1);
	EXPECT_EQ(0, net_poll(self->r.fd, POLLIN, 100));
	peer_expect_update(self->r.p, 1);
	peer_expect_update(self->r.p, 0);
	peer_send_update(self->r.p, 0);
	expect_both_ways(&self->r);
	EXPECT_EQ(2, sock_info(self->r.fd).tx_key_updates);
	EXPECT_EQ(2, sock_info(self->r.fd).rx_key_updates);
}

/* An open record (MSG_MORE) is sent before it, under the old keys. */
TEST_F(tls13, sent_behind_the_open_record)
{
	EXPECT_EQ(3, send(self->r.fd, "abc", 3, MSG_MORE));
	OK(sock_set_int(self->r.fd, KTLS_KEY_UPDATE, 0));
	peer_recv_data(self->r.p, back, 3);
	EXPECT_MEMEQ("abc", back, 3);
	peer_expect_update(self->r.p, 0);
	expect_both_ways(&self->r);
}

/* If TCP has no room the call does not wait; KeyUpdate is sent later. */
TEST_F(tls13, sent_when_there_is_room)
{
	unsigned int updates = 0;
	uint8_t request = 0xff;
	double start;

	net_nonblock(self->r.fd, true);
	while (send(self->r.fd, out, sizeof(out), 0) > 0)
		;
	start = harness_now();
	for (int i = 0; i < 20; i++)
		OK(sock_set_int(self->r.fd, KTLS_KEY_UPDATE, 1));
	EXPECT_LE(harness_now() - start, 2.0 * harness_scale());
	while (net_poll(self->r.p->fd, POLLIN, 300))
		updates += !peer_next(self->r.p, back, &request);
	EXPECT_EQ(1, request);
	EXPECT_GE(updates, 1);
	EXPECT_EQ(updates, sock_info(self->r.fd).tx_key_updates);
	net_nonblock(self->r.fd, false);
	expect_both_ways(&self->r);
}

TEST_F(both, what_is_refused)
{
	int fd = sock_new(AF_INET);

	FAILS(ENOTCONN, sock_set_int(fd, KTLS_KEY_UPDATE, 0));
	FAILS(EINVAL, sock_set_int(self->r.fd, KTLS_KEY_UPDATE, 2));
	FAILS(EINVAL, sock_set_int(self->r.fd, KTLS_KEY_UPDATE, -1));
	FAILS(EINVAL, setsockopt(self->r.fd, SOL_TLS, KTLS_KEY_UPDATE, "", 1));
	if (is_tls13(self->r.p)) {
		OK(shutdown(self->r.fd, SHUT_WR));
		FAILS(EPIPE, sock_set_int(self->r.fd, KTLS_KEY_UPDATE, 0));
	} else {
		FAILS(EOPNOTSUPP, sock_set_int(self->r.fd, KTLS_KEY_UPDATE, 0));
		expect_both_ways(&self->r);
	}
	close(fd);
}

/* --- by itself, before the AEAD's limit --- */

FIXTURE(limit)
{
	struct record r;
};

FIXTURE_VARIANT(limit)
{
	struct record_kind kind;
};

FIXTURE_VARIANT_ADD(limit, tls13) { { S13_AES128, ROLE_CLIENT, AF_INET } };
FIXTURE_VARIANT_ADD(limit, tls13_chacha) { { S13_CHACHA, ROLE_SERVER, AF_INET } };
FIXTURE_VARIANT_ADD(limit, tls12) { { S12_AES256, ROLE_SERVER, AF_INET6 } };

FIXTURE_SETUP(limit)
{
	net_set_parameter("key_records", 3);
	record_open(&self->r, &variant->kind);
	net_set_parameter("key_records", 0);
}

FIXTURE_TEARDOWN(limit)
{
	conn_close(&self->r.c);
}

TEST_F(limit, small_records)
{
	const bool v13 = is_tls13(self->r.p);

	/* in 1.2 the Finished was the first record under these keys */
	for (int i = 0; i < 3 - !v13; i++) {
		net_write(self->r.fd, "x", 1);
		peer_recv_data(self->r.p, back, 1);
	}
	if (!v13) {
		/* TLS 1.2 has no key update: this direction ends, the other does not */
		FAILS(EKEYEXPIRED, send(self->r.fd, "x", 1, MSG_NOSIGNAL));
		peer_send_data(self->r.p, "y", 1);
		EXPECT_EQ(1, recv(self->r.fd, back, 1, 0));
		FAILS(EKEYEXPIRED, send(self->r.fd, "x", 1, MSG_NOSIGNAL));
		close(self->r.fd);
		self->r.c.fd = -1;
		peer_expect_close(self->r.p);
		return;
	}
	for (int i = 0; i < 3; i++) {
		net_write(self->r.fd, "x", 1);
		peer_expect_update(self->r.p, 0);
		peer_recv_data(self->r.p, back, 1);
		net_write(self->r.fd, "yz", 2);
		net_write(self->r.fd, "z", 1);
		peer_recv_data(self->r.p, back, 3);
		EXPECT_MEMEQ("yzz", back, 3);
	}
	EXPECT_EQ(3, sock_info(self->r.fd).tx_key_updates);
}

/* In the middle of a write() and of a sendfile(). */
TEST_F(limit, one_long_write)
{
	const bool v13 = is_tls13(self->r.p);
	const size_t len = v13 ? sizeof(out) : 2 * 16384;
	struct transfer t;
	size_t got, n;
	int pipefd[2];

	net_pattern(out, sizeof(out), 9);
	transfer_write(&t, self->r.fd, out, len);
	for (got = 0; got < len; got += n)
		n = peer_next(self->r.p, back + got, NULL);
	transfer_wait(&t, 5000);
	EXPECT_MEMEQ(out, back, len);
	if (!v13) {
		FAILS(EKEYEXPIRED, send(self->r.fd, "x", 1, MSG_NOSIGNAL));
		return;
	}
	EXPECT_EQ(1, sock_info(self->r.fd).tx_key_updates);

	OK(pipe(pipefd));
	for (size_t i = 0; i < sizeof(out); i += 16384) {
		ASSERT_EQ(16384, write(pipefd[1], out + i, 16384));
		ASSERT_EQ(16384, splice(pipefd[0], NULL, self->r.fd, NULL, 16384, 0));
	}
	for (got = 0; got < sizeof(out); got += n)
		n = peer_next(self->r.p, back + got, NULL);
	EXPECT_MEMEQ(out, back, sizeof(out));
	EXPECT_EQ(2, sock_info(self->r.fd).tx_key_updates);
}

TEST_HARNESS_MAIN
