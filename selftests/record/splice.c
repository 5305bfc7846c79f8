// SPDX-License-Identifier: GPL-2.0-or-later
/* sendfile, splice, vmsplice and tee: bytes that do not pass through the program. */
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "lib/record.h"

static uint8_t big[1 << 20], back[1 << 20];

/* A file with @len bytes of pattern, which @big has too. */
static int make_file(size_t len, uint64_t seed)
{
	FILE *f = tmpfile();
	int fd;

	ASSERT_TRUE(f);
	fd = fileno(f);
	net_pattern(big, len, seed);
	ASSERT_EQ(len, pwrite(fd, big, len, 0));
	return fd;
}

static void sendfile_all(int out, int in, off_t *at, size_t len)
{
	while (len) {
		ssize_t n = OK(sendfile(out, in, at, len));

		ASSERT_GT(n, 0);
		len -= n;
	}
}

struct file_job {
	struct job	job;
	int		out, in;
	off_t		at;
	size_t		len;
};

static void *sendfile_thread(void *arg)
{
	struct file_job *f = arg;

	sendfile_all(f->out, f->in, &f->at, f->len);
	return NULL;
}

TEST_F(record, sendfile_sizes)
{
	static const size_t sizes[] = { 1, 100, 4095, 4096, 4097, 16384, 16385, 100000 };
	int in = make_file(sizeof(big), 1);

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct file_job f = { .out = self->r.fd, .in = in, .at = i * 777, .len = sizes[i] };

		job_run(&f.job, sendfile_thread, &f);
		peer_recv_data(self->r.p, back, sizes[i]);
		job_wait(&f.job, 5000);
		EXPECT_EQ(i * 777 + sizes[i], f.at);
		ASSERT_MEMEQ(big + i * 777, back, sizes[i]);
	}
}

/* Without an offset the file's own position moves; the end of the file ends it. */
TEST_F(both, sendfile_to_the_end)
{
	int in = make_file(10000, 2);

	OK(lseek(in, 100, SEEK_SET));
	ASSERT_EQ(9900, sendfile(self->r.fd, in, NULL, 1 << 20));
	EXPECT_EQ(10000, lseek(in, 0, SEEK_CUR));
	EXPECT_EQ(0, sendfile(self->r.fd, in, NULL, 1 << 20));
	/* the last record is not held back */
	peer_recv_data(self->r.p, back, 9900);
	EXPECT_MEMEQ(big + 100, back, 9900);
	net_write(self->r.fd, "x", 1);
	peer_recv_data(self->r.p, back, 1);
}

TEST_F(record, sendfile_megabyte)
{
	struct file_job f = { .out = self->r.fd, .in = make_file(1 << 20, 3), .len = 1 << 20 };

	job_run(&f.job, sendfile_thread, &f);
	peer_recv_data(self->r.p, back, 1 << 20);
	job_wait(&f.job, 10000);
	EXPECT_MEMEQ(big, back, 1 << 20);
}

/* Headers by MSG_MORE, the body by sendfile: as every web server does it. */
TEST_F(both, more_then_sendfile)
{
	off_t at = 0;
	int in = make_file(5000, 4);

	ASSERT_EQ(7, send(self->r.fd, "header:", 7, MSG_MORE));
	sendfile_all(self->r.fd, in, &at, 5000);
	ASSERT_EQ(8, send(self->r.fd, ":trailer", 8, 0));
	peer_recv_data(self->r.p, back, 5015);
	EXPECT_MEMEQ("header:", back, 7);
	EXPECT_MEMEQ(big, back + 7, 5000);
	EXPECT_MEMEQ(":trailer", back + 5007, 8);
}

TEST_F(both, sendfile_non_blocking)
{
	size_t got = 0;
	off_t at = 0;
	ssize_t n;
	int in = make_file(1 << 20, 5);

	net_nonblock(self->r.fd, true);
	do {
		n = sendfile(self->r.fd, in, &at, (1 << 20) - at);
		if (at == 1 << 20)
			at = 0, got += 1 << 20;
		ASSERT_LT(got, 64 << 20);
	} while (n > 0);
	ASSERT_EQ(EAGAIN, errno);
	got += at;
	for (size_t i = 0; i < got;) {
		uint8_t type;
		ssize_t r = OK(peer_recv(self->r.p, &type, back, sizeof(back)));

		for (ssize_t k = 0; k < r; k++)
			if (back[k] != big[(i + k) % (1 << 20)])
				ASSERT_EQ(big[(i + k) % (1 << 20)], back[k]);
		i += r;
		ASSERT_LE(i, got);
	}
}

/* Sealing must not write to the page cache. */
TEST_F(both, sendfile_leaves_the_file_alone)
{
	off_t at = 0;
	int in = make_file(65536, 6);
	uint8_t *map = mmap(NULL, 65536, PROT_READ, MAP_SHARED, in, 0);

	ASSERT_NE(MAP_FAILED, map);
	sendfile_all(self->r.fd, in, &at, 50000);
	ASSERT_MEMEQ(big, map, 65536);
	peer_recv_data(self->r.p, back, 50000);
	ASSERT_EQ(65536, pread(in, back, 65536, 0));
	EXPECT_MEMEQ(big, back, 65536);
}

TEST_F(record, splice_from_a_pipe)
{
	int p[2];

	OK(pipe(p));
	net_pattern(big, 60000, 7);
	for (size_t n = 1; n < 60000; n = n * 3 + 1) {
		size_t left = n;

		ASSERT_EQ(n, write(p[1], big, n));
		while (left)
			left -= OK(splice(p[0], NULL, self->r.fd, NULL, left, 0));
		peer_recv_data(self->r.p, back, n);
		ASSERT_MEMEQ(big, back, n);
	}
}

TEST_F(both, splice_more)
{
	uint8_t type;
	int p[2];

	OK(pipe(p));
	ASSERT_EQ(100, write(p[1], big, 100));
	ASSERT_EQ(100, splice(p[0], NULL, self->r.fd, NULL, 100, SPLICE_F_MORE));
	ASSERT_EQ(50, write(p[1], big, 50));
	ASSERT_EQ(50, splice(p[0], NULL, self->r.fd, NULL, 50, 0));
	EXPECT_EQ(150, peer_recv(self->r.p, &type, back, sizeof(back)));
}

TEST_F(both, vmsplice_and_splice)
{
	struct iovec iov = { big, 40000 };
	size_t left = 40000;
	int p[2];

	OK(pipe(p));
	net_pattern(big, 40000, 8);
	ASSERT_EQ(40000, vmsplice(p[1], &iov, 1, 0));
	while (left)
		left -= OK(splice(p[0], NULL, self->r.fd, NULL, left, 0));
	/* without SPLICE_F_GIFT the pages may change: what is sealed stays sealed */
	peer_recv_data(self->r.p, back, 40000);
	EXPECT_MEMEQ(big, back, 40000);
}

TEST_F(both, tee)
{
	int p[2], q[2];

	OK(pipe(p));
	OK(pipe(q));
	net_pattern(big, 5000, 9);
	ASSERT_EQ(5000, write(p[1], big, 5000));
	ASSERT_EQ(5000, tee(p[0], q[1], 5000, 0));
	ASSERT_EQ(5000, splice(q[0], NULL, self->r.fd, NULL, 5000, 0));
	peer_recv_data(self->r.p, back, 5000);
	EXPECT_MEMEQ(big, back, 5000);
	ASSERT_EQ(5000, read(p[0], back, 5000));
	EXPECT_MEMEQ(big, back, 5000);
}

/* --- receiving --- */

TEST_F(record, splice_to_a_pipe)
{
	static const size_t sizes[] = { 1, 100, 4096, 5000, 16384 };
	int p[2];

	OK(pipe(p));
	net_pattern(big, 16384, 10);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t got = 0;

		peer_send_data(self->r.p, big, sizes[i]);
		while (got < sizes[i]) {
			ssize_t n = OK(splice(self->r.fd, NULL, p[1], NULL, 1 << 20, 0));

			ASSERT_GT(n, 0);
			net_read(p[0], back + got, n);
			got += n;
		}
		ASSERT_MEMEQ(big, back, sizes[i]);
	}
}

/* A pipe that takes only a part: the rest is not lost. */
TEST_F(record, short_splice)
{
	size_t got = 0;
	int p[2];

	OK(pipe(p));
	OK(fcntl(p[1], F_SETPIPE_SZ, 4096));
	net_pattern(big, 50000, 11);
	peer_send_data(self->r.p, big, 50000);
	while (got < 50000) {
		ssize_t n;

		if (got % 3 == 0) {
			/* reading and splicing take turns */
			n = OK(recv(self->r.fd, back + got, 333, 0));
		} else {
			n = OK(splice(self->r.fd, NULL, p[1], NULL, 50000, 0));
			net_read(p[0], back + got, n);
		}
		ASSERT_GT(n, 0);
		got += n;
	}
	EXPECT_MEMEQ(big, back, 50000);
}

TEST_F(both, splice_in_small_pieces)
{
	int p[2];

	OK(pipe(p));
	net_pattern(big, 1000, 12);
	peer_send_data(self->r.p, big, 1000);
	for (size_t at = 0; at < 1000; at += 10) {
		ASSERT_EQ(10, splice(self->r.fd, NULL, p[1], NULL, 10, 0));
		net_read(p[0], back + at, 10);
	}
	EXPECT_MEMEQ(big, back, 1000);
}

TEST_F(both, splice_without_data)
{
	int p[2];

	OK(pipe(p));
	FAILS(EAGAIN, splice(self->r.fd, NULL, p[1], NULL, 100, SPLICE_F_NONBLOCK));
	net_nonblock(self->r.fd, true);
	FAILS(EAGAIN, splice(self->r.fd, NULL, p[1], NULL, 100, 0));
	peer_send_data(self->r.p, "x", 1);
	peer_send_close(self->r.p);
	EVENTUALLY(splice(self->r.fd, NULL, p[1], NULL, 100, 0) == 1, 2000);
	EXPECT_EQ(0, splice(self->r.fd, NULL, p[1], NULL, 100, 0));
}

TEST_F(both, splice_of_a_corrupt_record)
{
	struct tls_record r = { .type = CT_DATA, .data = big, .len = 1000, .flip = 1 };
	int p[2];

	/* A non-blocking pipe would keep splice() from waiting for the record. */
	OK(pipe(p));
	peer_send_record(self->r.p, &r);
	FAILS(EBADMSG, splice(self->r.fd, NULL, p[1], NULL, 1000, 0));
	net_nonblock(p[0], true);
	FAILS(EAGAIN, read(p[0], back, 1));
}

TEST_F(both, splice_to_a_file)
{
	int p[2], out = make_file(1, 13);
	size_t got = 0;

	OK(pipe(p));
	net_pattern(big, 30000, 14);
	OK(lseek(out, 0, SEEK_SET));
	peer_send_data(self->r.p, big, 30000);
	while (got < 30000) {
		ssize_t n = OK(splice(self->r.fd, NULL, p[1], NULL, 30000 - got, SPLICE_F_MOVE));

		got += n;
		while (n)
			n -= OK(splice(p[0], NULL, out, NULL, n, SPLICE_F_MOVE));
	}
	ASSERT_EQ(30000, pread(out, back, 30000, 0));
	EXPECT_MEMEQ(big, back, 30000);
}

/* splice() from one ktls socket to another. */
TEST_F(both, splice_from_socket_to_socket)
{
	struct conn other;
	size_t got = 0;
	int p[2];

	OK(pipe(p));
	conn_open(&other, &self->r.e, ROLE_CLIENT, AF_INET);
	net_pattern(big, 50000, 15);
	peer_send_data(self->r.p, big, 50000);
	while (got < 50000) {
		ssize_t n = OK(splice(self->r.fd, NULL, p[1], NULL, 50000 - got, 0));

		ASSERT_GT(n, 0);
		got += n;
		while (n)
			n -= OK(splice(p[0], NULL, other.fd, NULL, n, 0));
	}
	peer_recv_data(&other.peer, back, 50000);
	EXPECT_MEMEQ(big, back, 50000);
	conn_close(&other);
}
