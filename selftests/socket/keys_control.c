// SPDX-License-Identifier: GPL-2.0-or-later
/* Records that are not application data, both ways, with external keys. */
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "lib/keys.h"

static uint8_t big[1 << 17], back[1 << 17];

static void expect_typed(int fd, int flags, uint8_t type, const char *text)
{
	uint8_t seen;

	ASSERT_EQ(strlen(text), recv_typed(fd, back, sizeof(back), flags, &seen));
	EXPECT_EQ(type, seen);
	EXPECT_MEMEQ(text, back, strlen(text));
}

static void expect_record(struct peer *p, uint8_t type, const void *data, size_t len)
{
	uint8_t seen;

	ASSERT_EQ(len, peer_recv(p, &seen, back, sizeof(back)));
	EXPECT_EQ(type, seen);
	EXPECT_MEMEQ(data, back, len);
}

/* A call never returns data together with other types. */
TEST_F(keys, received_by_cmsg)
{
	struct peer *p = &self->k.peer;
	uint8_t type;
	int inq;

	keys_both(&self->k);
	peer_send(p, CT_DATA, "da", 2);
	peer_send(p, CT_DATA, "ta", 2);
	peer_send(p, CT_HANDSHAKE, "first", 5);
	peer_send(p, CT_HANDSHAKE, "second", 6);
	peer_send(p, CT_DATA, "more", 4);
	peer_send_alert(p, 2, 40);
	peer_send(p, CT_HEARTBEAT, "beat", 4);
	peer_send(p, CT_DATA, "end", 3);
	EVENTUALLY(recv(self->k.fd, back, 100, MSG_PEEK | MSG_DONTWAIT) == 4, 2000);
	expect_typed(self->k.fd, MSG_PEEK, CT_DATA, "data");
	expect_typed(self->k.fd, 0, CT_DATA, "data");
	expect_typed(self->k.fd, MSG_PEEK, CT_HANDSHAKE, "first");
	expect_typed(self->k.fd, MSG_PEEK, CT_HANDSHAKE, "first");
	OK(ioctl(self->k.fd, FIONREAD, &inq));
	EXPECT_EQ(5, inq);
	/* each part of a record is returned with its type */
	ASSERT_EQ(2, recv_typed(self->k.fd, back, 2, 0, &type));
	EXPECT_EQ(CT_HANDSHAKE, type);
	expect_typed(self->k.fd, MSG_WAITALL, CT_HANDSHAKE, "rst");
	expect_typed(self->k.fd, 0, CT_HANDSHAKE, "second");
	expect_typed(self->k.fd, MSG_WAITALL, CT_DATA, "more");
	expect_typed(self->k.fd, 0, CT_ALERT, "\2\50");
	expect_typed(self->k.fd, 0, CT_HEARTBEAT, "beat");
	expect_typed(self->k.fd, 0, CT_DATA, "end");
	FAILS(EAGAIN, recv(self->k.fd, back, 1, MSG_DONTWAIT));
}

/* Without room for the type the record stays queued, and read() fails. */
TEST_F(keys, no_room_for_the_type)
{
	struct peer *p = &self->k.peer;
	char room[1];
	struct iovec iov = { back, sizeof(back) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = 1,
	};
	uint8_t type;

	keys_both(&self->k);
	peer_send(p, CT_DATA, "data", 4);
	peer_send(p, CT_ALERT, "\1", 1);
	net_read(self->k.fd, back, 4);
	EXPECT_EQ(POLLIN, net_poll(self->k.fd, POLLIN, 2000));
	for (int i = 0; i < 3; i++) {
		FAILS(EIO, read(self->k.fd, back, 100));
		FAILS(EIO, recv(self->k.fd, back, 100, MSG_PEEK));
		FAILS(EIO, recvmsg(self->k.fd, &msg, 0));
	}
	expect_typed(self->k.fd, 0, CT_ALERT, "\1");
	peer_send_close(p);
	ASSERT_EQ(2, recv_typed(self->k.fd, back, 10, 0, &type));
	EXPECT_EQ(CT_ALERT, type);
	/* the alert had no effect */
	peer_send(p, CT_DATA, "after close_notify", 18);
	expect_typed(self->k.fd, 0, CT_DATA, "after close_notify");
	net_write(self->k.fd, "still open", 10);
	expect_record(p, CT_DATA, "still open", 10);
	EXPECT_EQ(0, sock_info(self->k.fd).flags & (KTLS_INFO_CLOSE_SENT | KTLS_INFO_CLOSE_RCVD));
}

TEST_F(keys, readable_for_any_record)
{
	struct peer *p = &self->k.peer;
	uint8_t type;

	keys_both(&self->k);
	EXPECT_EQ(0, net_poll(self->k.fd, POLLIN, 0));
	peer_send(p, CT_HANDSHAKE, "key update", 10);
	EXPECT_EQ(POLLIN, net_poll(self->k.fd, POLLIN, 2000));
	EXPECT_EQ(POLLIN, net_poll(self->k.fd, POLLIN, 0));
	expect_typed(self->k.fd, 0, CT_HANDSHAKE, "key update");
	EXPECT_EQ(0, net_poll(self->k.fd, POLLIN, 0));
	/* an empty record too, which is not the end of the stream */
	peer_send(p, CT_ALERT, "", 0);
	EXPECT_EQ(POLLIN, net_poll(self->k.fd, POLLIN, 2000));
	FAILS(EIO, recv(self->k.fd, back, 10, 0));
	EXPECT_EQ(0, recv_typed(self->k.fd, back, 10, 0, &type));
	EXPECT_EQ(CT_ALERT, type);
	/* an empty data record is skipped */
	peer_send(p, CT_DATA, "", 0);
	harness_nap(20);
	EXPECT_EQ(0, net_poll(self->k.fd, POLLIN, 0));
	peer_send(p, CT_DATA, "", 0);
	peer_send(p, CT_DATA, "x", 1);
	expect_typed(self->k.fd, 0, CT_DATA, "x");
}

/* The largest records, opened into the reader's memory or into a buffer. */
TEST_F(keys, large_records)
{
	static const uint8_t types[] = { CT_DATA, CT_HANDSHAKE, CT_DATA, CT_DATA, CT_ALERT };
	uint8_t type;

	keys_both(&self->k);
	net_pattern(big, 16384, 1);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		peer_send(&self->k.peer, types[i], big, 16384);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		memset(back, 0, 16384);
		ASSERT_EQ(16384, recv_typed(self->k.fd, back, 16384, MSG_WAITALL, &type));
		EXPECT_EQ(types[i], type);
		EXPECT_MEMEQ(big, back, 16384);
	}
}

TEST_F(keys, sent_by_cmsg)
{
	struct peer *p = &self->k.peer;
	uint8_t type;

	keys_both(&self->k);
	for (int t = CT_CCS; t <= CT_HEARTBEAT; t++) {
		ASSERT_EQ(5, send_typed(self->k.fd, "hello", 5, 0, t));
		expect_record(p, t, "hello", 5);
	}
	/* an open record is sent first, and data with a cmsg begins a new one, even of the same
	 * type
	 */
	ASSERT_EQ(4, send(self->k.fd, "open", 4, MSG_MORE));
	ASSERT_EQ(2, send_typed(self->k.fd, "\1\0", 2, 0, CT_ALERT));
	expect_record(p, CT_DATA, "open", 4);
	expect_record(p, CT_ALERT, "\1\0", 2);
	ASSERT_EQ(4, send(self->k.fd, "open", 4, MSG_MORE));
	ASSERT_EQ(3, send_typed(self->k.fd, "new", 3, 0, CT_DATA));
	expect_record(p, CT_DATA, "open", 4);
	expect_record(p, CT_DATA, "new", 3);
	ASSERT_EQ(4, send(self->k.fd, "open", 4, MSG_MORE));
	ASSERT_EQ(0, send_typed(self->k.fd, "", 0, 0, CT_ALERT));
	expect_record(p, CT_DATA, "open", 4);
	/* more than a record */
	net_pattern(big, 40000, 4);
	ASSERT_EQ(40000, send_typed(self->k.fd, big, 40000, 0, CT_HANDSHAKE));
	expect_record(p, CT_HANDSHAKE, big, 16384);
	expect_record(p, CT_HANDSHAKE, big + 16384, 16384);
	expect_record(p, CT_HANDSHAKE, big + 32768, 40000 - 32768);
	net_write(self->k.fd, "x", 1);
	ASSERT_EQ(1, peer_recv(p, &type, back, sizeof(back)));
	EXPECT_EQ(CT_DATA, type);
	EXPECT_EQ(2 * 4 + 4 + 3 + 1 + 5, sock_info(self->k.fd).tx_bytes);
}

TEST_F(keys, wrong_cmsgs)
{
	struct peer *p = &self->k.peer;
	int fd = self->k.fd;

	FAILS(EINVAL, send_typed(fd, "x", 1, 0, CT_ALERT));
	keys_both(&self->k);
	FAILS(EINVAL, send_typed(fd, "x", 1, MSG_MORE, CT_ALERT));
	FAILS(EINVAL, send_cmsg(fd, "x", 1, 0, TLS_GET_RECORD_TYPE, CT_ALERT, CMSG_LEN(1)));
	FAILS(EINVAL, send_cmsg(fd, "x", 1, 0, 77, CT_ALERT, CMSG_LEN(1)));
	FAILS(EINVAL, send_cmsg(fd, "x", 1, 0, TLS_SET_RECORD_TYPE, CT_ALERT, CMSG_LEN(0)));
	FAILS(EINVAL, send(fd, "x", 1, MSG_MORE | MSG_EOR));
	net_write(fd, "only this", 9);
	expect_record(p, CT_DATA, "only this", 9);
}

/* splice() cannot return a type: as in mainline such a record waits for recvmsg(). */
TEST_F(keys, splice_takes_data_only)
{
	int pipes[2];

	OK(pipe(pipes));
	keys_both(&self->k);
	peer_send(&self->k.peer, CT_DATA, "data", 4);
	peer_send(&self->k.peer, CT_HANDSHAKE, "other", 5);
	peer_send(&self->k.peer, CT_DATA, "end", 3);
	ASSERT_EQ(4, splice(self->k.fd, NULL, pipes[1], NULL, 100, 0));
	FAILS(EINVAL, splice(self->k.fd, NULL, pipes[1], NULL, 100, 0));
	expect_typed(self->k.fd, 0, CT_HANDSHAKE, "other");
	ASSERT_EQ(3, splice(self->k.fd, NULL, pipes[1], NULL, 100, 0));
	ASSERT_EQ(7, read(pipes[0], back, 100));
	EXPECT_MEMEQ("dataend", back, 7);
}

/* Record boundaries are kept, so each record takes a page: few are opened ahead. */
TEST_F(keys, peeking_at_small_records_takes_little_memory)
{
	static uint8_t wire[8000 * 32];
	struct transfer t;
	size_t len = 0;
	long before;

	keys_both(&self->k);
	net_pattern(big, 8000, 5);
	for (size_t i = 0; i < 8000; i++)
		len += peer_seal(&self->k.peer, CT_DATA, big + i, 1, wire + len);
	before = net_available_kib();
	transfer_write(&t, self->k.peer.fd, wire, len);
	for (int i = 0; i < 50; i++) {
		harness_nap(10);
		recv(self->k.fd, back, sizeof(back), MSG_PEEK | MSG_DONTWAIT);
	}
	EXPECT_LE(before - net_available_kib(), 8 << 10);
	net_read(self->k.fd, back, 8000);
	EXPECT_MEMEQ(big, back, 8000);
	transfer_wait(&t, 5000);
}
