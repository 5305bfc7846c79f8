// SPDX-License-Identifier: GPL-2.0-or-later
/* Invalid records: the errno, the alert, and no byte of them is delivered. */
#include <poll.h>

#include "lib/record.h"

static uint8_t big[20000], back[65536];

/* The buffer has no plaintext of a record that was refused: it is untouched or wiped. */
static void expect_untouched(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != 0x5a && p[i] != 0)
			ASSERT_EQ(0x5a, p[i]);
}

/* The connection has ended: every read fails with @error, every write with EPIPE, and the peer
 * gets @alert. There is no poll() before the read, as that may open the record into a buffer of
 * the kernel instead of the reader's memory.
 */
static void expect_fatal(struct conn *c, int error, uint8_t alert)
{
	memset(back, 0x5a, sizeof(back));
	FAILS(error, recv(c->fd, back, sizeof(back), 0));
	expect_untouched(back, sizeof(back));
	EXPECT_EQ(-1, recv(c->fd, back, sizeof(back), MSG_DONTWAIT));
	EXPECT_NE(EAGAIN, errno);
	FAILS(EPIPE, send(c->fd, MARKER, 5, MSG_NOSIGNAL));
	peer_expect_alert(&c->peer, alert);
	EXPECT_EQ(alert, sock_info(c->fd).alert_sent);
	EXPECT_EQ(KTLS_STATE_FAILED, sock_state(c->fd));
	EXPECT_NE(0, strlen(sock_error(c->fd)));
}

/* Data before the bad record is delivered first, by a call that returns nothing else. */
static void send_good(struct peer *p)
{
	net_pattern(big, 50, 1);
	peer_send_data(p, big, 50);
}

static void expect_good(int fd)
{
	memset(back, 0x5a, sizeof(back));
	ASSERT_EQ(50, recv(fd, back, sizeof(back), 0));
	EXPECT_MEMEQ(big, back, 50);
	expect_untouched(back + 50, sizeof(back) - 50);
}

static void send_flipped(struct peer *p, size_t len, int flip)
{
	struct tls_record r = { .type = CT_DATA, .data = big, .len = len, .flip = flip };

	memset(big, 'S', len);
	peer_send_record(p, &r);
}

TEST_F(record, corrupt_tag)
{
	send_good(self->r.p);
	send_flipped(self->r.p, 100, 1);
	net_pattern(big, 50, 1);
	expect_good(self->r.fd);
	EXPECT_TRUE(net_poll(self->r.fd, POLLIN, 3000));
	expect_fatal(&self->r.c, EBADMSG, 20);
	EXPECT_EQ(1, net_mib("RxBad"));
}

/* The first byte of the payload of a large record, read into a large buffer. */
TEST_F(record, corrupt_payload)
{
	send_flipped(self->r.p, 16384, is_tls13(self->r.p) ? 16384 + 17 : 16384 + 16);
	expect_fatal(&self->r.c, EBADMSG, 20);
}

TEST_F(record, corrupt_last_byte_of_the_payload)
{
	send_flipped(self->r.p, 16384, 18);
	expect_fatal(&self->r.c, EBADMSG, 20);
}

/* A corrupt record that is read in small pieces, or with MSG_PEEK. */
TEST_F(both, corrupt_and_small_reads)
{
	send_flipped(self->r.p, 5000, 3);
	EXPECT_TRUE(net_poll(self->r.fd, POLLIN, 3000));
	memset(back, 0x5a, 100);
	FAILS(EBADMSG, recv(self->r.fd, back, 10, MSG_PEEK));
	expect_untouched(back, 100);
	EXPECT_EQ(-1, recv(self->r.fd, back, 10, 0));
	expect_untouched(back, 100);
}

TEST_F(record, replayed)
{
	uint8_t rec[500];
	size_t n;

	net_pattern(big, 50, 1);
	n = peer_seal(self->r.p, CT_DATA, big, 50, rec);
	peer_send_raw(self->r.p, rec, n);
	peer_send_raw(self->r.p, rec, n);
	expect_good(self->r.fd);
	expect_fatal(&self->r.c, EBADMSG, 20);
}

TEST_F(both, skipped)
{
	self->r.p->tx.seq++;
	send_good(self->r.p);
	expect_fatal(&self->r.c, EBADMSG, 20);
}

TEST_F(both, reordered)
{
	uint8_t rec[1000];
	size_t n = peer_seal(self->r.p, CT_DATA, big, 50, rec);
	size_t m = peer_seal(self->r.p, CT_DATA, big, 50, rec + n);

	peer_send_raw(self->r.p, rec + n, m);
	peer_send_raw(self->r.p, rec, n);
	expect_fatal(&self->r.c, EBADMSG, 20);
}

/* Shorter than its tag: cannot be authentic. */
TEST_F(record, too_short)
{
	static const uint8_t stub[] = { 23, 3, 3, 0, 3, 1, 2, 3 };

	send_good(self->r.p);
	peer_send_raw(self->r.p, stub, sizeof(stub));
	expect_good(self->r.fd);
	EXPECT_TRUE(net_poll(self->r.fd, POLLIN, 3000));
	EXPECT_EQ(-1, recv(self->r.fd, back, 100, 0));
	EXPECT_TRUE(errno == EBADMSG || errno == EPROTO);
	FAILS(EPIPE, send(self->r.fd, MARKER, 5, MSG_NOSIGNAL));
}

TEST_F(both, length_zero)
{
	static const uint8_t stub[] = { 23, 3, 3, 0, 0 };

	peer_send_raw(self->r.p, stub, sizeof(stub));
	EXPECT_TRUE(net_poll(self->r.fd, POLLIN, 3000));
	EXPECT_EQ(-1, recv(self->r.fd, back, 100, 0));
	EXPECT_TRUE(errno == EBADMSG || errno == EPROTO);
}

/* A length that no record may have is refused before the body arrives. */
TEST_F(record, header_overflow)
{
	uint8_t header[5] = { 23, 3, 3, 0x41, 0x01 };

	if (!is_tls13(self->r.p))
		header[3] = 0x48;
	send_good(self->r.p);
	peer_send_raw(self->r.p, header, 5);
	expect_good(self->r.fd);
	expect_fatal(&self->r.c, EPROTO, 22);
}

/* Authentic, but with more than 2^14 bytes in it. */
TEST_F(record, plaintext_overflow)
{
	struct tls_record r = { .type = CT_DATA, .data = big, .len = 16385 };

	peer_send_record(self->r.p, &r);
	expect_fatal(&self->r.c, EPROTO, 22);
}

/* In 1.3 padding counts: TLSInnerPlaintext has at most 2^14 + 1 bytes. */
TEST_F(tls13, padding_overflow)
{
	struct tls_record r = { .type = CT_DATA, .data = big, .len = 10, .pad = 16384 - 9 };

	peer_send_record(self->r.p, &r);
	expect_fatal(&self->r.c, EPROTO, 22);
}

TEST_F(both, header_of_another_protocol)
{
	send_good(self->r.p);
	peer_send_raw(self->r.p, "HTTP/1.1 200 OK\r\n", 17);
	expect_good(self->r.fd);
	EXPECT_TRUE(net_poll(self->r.fd, POLLIN, 3000));
	EXPECT_EQ(-1, recv(self->r.fd, back, 100, 0));
	EXPECT_TRUE(errno == EBADMSG || errno == EPROTO);
	FAILS(EPIPE, send(self->r.fd, MARKER, 5, MSG_NOSIGNAL));
}

TEST_F(both, unknown_type)
{
	struct tls_record r = { .type = CT_HEARTBEAT, .data = big, .len = 10 };

	send_good(self->r.p);
	peer_send_record(self->r.p, &r);
	expect_good(self->r.fd);
	expect_fatal(&self->r.c, EPROTO, 10);
}

/* A ChangeCipherSpec under the new keys: in neither version. */
TEST_F(both, inner_change_cipher_spec)
{
	peer_send(self->r.p, CT_CCS, "\1", 1);
	expect_fatal(&self->r.c, EPROTO, 10);
}

/* 1.3: all records look like application data; others are refused. */
TEST_F(tls13, wrong_outer_type)
{
	struct tls_record r = { .type = CT_DATA, .data = big, .len = 10, .outer = CT_HANDSHAKE };

	peer_send_record(self->r.p, &r);
	expect_fatal(&self->r.c, EPROTO, 10);
}

TEST_F(tls13, plaintext_alert)
{
	static const uint8_t alert[] = { 21, 3, 3, 0, 2, 2, 40 };

	peer_send_raw(self->r.p, alert, sizeof(alert));
	expect_fatal(&self->r.c, EPROTO, 10);
}

TEST_F(tls13, plaintext_ccs)
{
	static const uint8_t ccs[] = { 20, 3, 3, 0, 1, 1 };

	peer_send_raw(self->r.p, ccs, sizeof(ccs));
	expect_fatal(&self->r.c, EPROTO, 10);
}

TEST_F(tls13, all_zero_inner_plaintext)
{
	struct tls_record r = { .type = CT_DATA, .pad = 100, .no_type = true };

	send_good(self->r.p);
	peer_send_record(self->r.p, &r);
	expect_good(self->r.fd);
	expect_fatal(&self->r.c, EPROTO, 10);
}

/* RFC 8446 5.1 forbids empty handshake and alert fragments. */
TEST_F(both, empty_alert)
{
	peer_send(self->r.p, CT_ALERT, NULL, 0);
	EXPECT_TRUE(net_poll(self->r.fd, POLLIN, 3000));
	FAILS(EPROTO, recv(self->r.fd, back, 100, 0));
}

TEST_F(both, empty_handshake)
{
	peer_send(self->r.p, CT_HANDSHAKE, NULL, 0);
	EXPECT_TRUE(net_poll(self->r.fd, POLLIN, 3000));
	FAILS(EPROTO, recv(self->r.fd, back, 100, 0));
}

TEST_F(both, alerts_of_a_wrong_size)
{
	peer_send(self->r.p, CT_ALERT, "\2\50\2\50", 4);
	EXPECT_TRUE(net_poll(self->r.fd, POLLIN, 3000));
	FAILS(EPROTO, recv(self->r.fd, back, 100, 0));
	FAILS(EPIPE, send(self->r.fd, MARKER, 5, MSG_NOSIGNAL));
}

/* A few empty records of data are legal, and read() does not return for them; too many in a row
 * are refused.
 */
TEST_F(both, empty_data_records)
{
	for (int i = 0; i < 10; i++)
		peer_send(self->r.p, CT_DATA, NULL, 0);
	EXPECT_EQ(0, net_poll(self->r.fd, POLLIN, 50));
	send_good(self->r.p);
	expect_good(self->r.fd);
	for (int k = 0; k < 5; k++) {
		for (int i = 0; i < 20; i++)
			peer_send(self->r.p, CT_DATA, NULL, 0);
		send_good(self->r.p);
		expect_good(self->r.fd);
	}
	FAILS(EAGAIN, recv(self->r.fd, back, 1, MSG_DONTWAIT));
}

TEST_F(both, flood_of_empty_records)
{
	for (int i = 0; i < 40; i++)
		peer_send(self->r.p, CT_DATA, NULL, 0);
	expect_fatal(&self->r.c, EPROTO, 10);
}

/* Alerts of the peer, after the data before them. */
TEST_F(both, fatal_alerts)
{
	static const uint8_t alert[] = { 10, 20, 40, 80, 255 };

	for (size_t i = 0; i < sizeof(alert); i++) {
		if (i)
			record_reopen(&self->r, 0);
		send_good(self->r.p);
		peer_send_alert(self->r.p, 2, alert[i]);
		expect_good(self->r.fd);
		EXPECT_TRUE(net_poll(self->r.fd, POLLIN, 3000));
		FAILS(EPROTO, recv(self->r.fd, back, 100, 0));
		EXPECT_EQ(alert[i], sock_info(self->r.fd).alert_rcvd);
		EXPECT_NE(0, strlen(sock_error(self->r.fd)));
		FAILS(EPIPE, send(self->r.fd, MARKER, 5, MSG_NOSIGNAL));
	}
}

/* What was read before the error counts; the error comes with the next call. */
TEST_F(both, partial_read_then_error)
{
	send_good(self->r.p);
	send_flipped(self->r.p, 1000, 1);
	net_pattern(big, 50, 1);
	EXPECT_TRUE(net_poll(self->r.fd, POLLIN, 3000));
	expect_good(self->r.fd);
	FAILS(EBADMSG, recv(self->r.fd, back, 100, MSG_WAITALL));
}

static void *blocked_read(void *arg)
{
	FAILS(EBADMSG, recv(*(int *)arg, back, 100, 0));
	return NULL;
}

TEST_F(both, a_sleeping_reader_is_woken_by_the_error)
{
	struct tls_record r = { .type = CT_DATA, .data = big, .len = 1000, .flip = 1 };
	uint8_t rec[2000];
	struct job j;
	size_t n;

	n = tls_seal(&self->r.p->tx, &r, rec);
	job_run(&j, blocked_read, &self->r.fd);
	peer_send_raw(self->r.p, rec, n / 2);
	harness_nap(20);
	EXPECT_FALSE(j.done);
	peer_send_raw(self->r.p, rec + n / 2, n - n / 2);
	job_wait(&j, 3000);
	peer_expect_alert(self->r.p, 20);
}

/* After the connection has ended records of the peer have no effect. */
TEST_F(both, data_behind_a_fatal_alert)
{
	peer_send_alert(self->r.p, 2, 40);
	send_good(self->r.p);
	EXPECT_TRUE(net_poll(self->r.fd, POLLIN, 3000));
	FAILS(EPROTO, recv(self->r.fd, back, 100, 0));
	EXPECT_EQ(-1, recv(self->r.fd, back, 100, MSG_DONTWAIT));
}
