// SPDX-License-Identifier: GPL-2.0-or-later
/* io_uring's receives say whether there is more to receive. */
#include <liburing.h>
#include <sys/epoll.h>

#include "lib/record.h"

enum { URING_SIZE = 1000, URING_BUFS = 8, URING_MS = 5000, URING_GROUP = 7 };

static uint8_t big[3 * URING_SIZE], back[URING_BUFS * URING_SIZE];

static struct io_uring_cqe uring_next(struct io_uring *ring)
{
	struct __kernel_timespec wait = { .tv_sec = URING_MS / 1000 };
	struct io_uring_cqe *cqe, ret;

	ASSERT_EQ(0, io_uring_wait_cqe_timeout(ring, &cqe, &wait));
	ret = *cqe;
	io_uring_cqe_seen(ring, cqe);
	return ret;
}

static struct io_uring_cqe uring_recv(struct io_uring *ring, int fd)
{
	io_uring_prep_recv(io_uring_get_sqe(ring), fd, back, URING_SIZE, 0);
	OK(io_uring_submit(ring));
	return uring_next(ring);
}

/* Three records that are there, opened by nobody. */
static void three_records(struct record *r)
{
	net_pattern(big, sizeof(big), 5);
	for (int i = 0; i < 3; i++)
		peer_send_data(r->p, big + URING_SIZE * i, URING_SIZE);
	harness_nap(100);
}

TEST_F(both, uring_says_that_there_is_more)
{
	struct io_uring_cqe cqe;
	struct io_uring ring;

	OK(io_uring_queue_init(4, &ring, 0));
	three_records(&self->r);
	for (int i = 0; i < 3; i++) {
		cqe = uring_recv(&ring, self->r.fd);
		EXPECT_EQ(URING_SIZE, cqe.res);
		EXPECT_MEMEQ(big + URING_SIZE * i, back, URING_SIZE);
		EXPECT_EQ(i < 2 ? IORING_CQE_F_SOCK_NONEMPTY : 0, cqe.flags);
	}
	io_uring_queue_exit(&ring);
}

/* As TCP after a FIN: the end can be received. */
TEST_F(both, uring_says_that_there_is_an_end)
{
	struct io_uring_cqe cqe;
	struct io_uring ring;

	OK(io_uring_queue_init(4, &ring, 0));
	peer_send_data(self->r.p, big, 10);
	peer_send_close(self->r.p);
	harness_nap(100);
	cqe = uring_recv(&ring, self->r.fd);
	EXPECT_EQ(10, cqe.res);
	EXPECT_EQ(IORING_CQE_F_SOCK_NONEMPTY, cqe.flags);
	cqe = uring_recv(&ring, self->r.fd);
	EXPECT_EQ(0, cqe.res);
	io_uring_queue_exit(&ring);
}

TEST_F(both, uring_multishot_says_that_there_is_more)
{
	struct io_uring_sqe *sqe;
	struct io_uring_cqe cqe;
	struct io_uring ring;

	OK(io_uring_queue_init(4, &ring, 0));
	three_records(&self->r);
	io_uring_prep_provide_buffers(io_uring_get_sqe(&ring), back, URING_SIZE, URING_BUFS,
				      URING_GROUP, 0);
	OK(io_uring_submit(&ring));
	ASSERT_EQ(0, uring_next(&ring).res);

	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_recv_multishot(sqe, self->r.fd, NULL, 0, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = URING_GROUP;
	OK(io_uring_submit(&ring));
	for (int i = 0; i < 3; i++) {
		cqe = uring_next(&ring);
		ASSERT_EQ(URING_SIZE, cqe.res);
		EXPECT_TRUE(cqe.flags & IORING_CQE_F_MORE);
		EXPECT_EQ(i < 2, !!(cqe.flags & IORING_CQE_F_SOCK_NONEMPTY));
		EXPECT_MEMEQ(big + URING_SIZE * i,
			     back + URING_SIZE * (cqe.flags >> IORING_CQE_BUFFER_SHIFT),
			     URING_SIZE);
	}
	io_uring_queue_exit(&ring);
}

/* It knows how much there is, the program does not: no event as after FIONREAD. */
TEST_F(both, uring_tells_the_program_nothing)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int set = OK(epoll_create1(EPOLL_CLOEXEC));
	struct io_uring ring;

	OK(io_uring_queue_init(4, &ring, 0));
	three_records(&self->r);
	ASSERT_EQ(URING_SIZE, uring_recv(&ring, self->r.fd).res);
	OK(epoll_ctl(set, EPOLL_CTL_ADD, self->r.fd, &event));
	EXPECT_EQ(1, epoll_wait(set, &event, 1, URING_MS));
	EXPECT_EQ(URING_SIZE, recv(self->r.fd, back, URING_SIZE, MSG_DONTWAIT));
	EXPECT_EQ(0, epoll_wait(set, &event, 1, 50));
	close(set);
	io_uring_queue_exit(&ring);
}
