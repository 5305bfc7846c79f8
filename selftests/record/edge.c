// SPDX-License-Identifier: GPL-2.0-or-later
/* Edge-triggered epoll: an event for all data that the program cannot know of. */
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "lib/record.h"

static uint8_t big[3000], back[3000];

static int edge_new(int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET };
	int set = OK(epoll_create1(EPOLL_CLOEXEC));

	OK(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
	return set;
}

/* Return: the events, 0 if there are none for @ms. */
static uint32_t edge_wait(int set, int ms)
{
	struct epoll_event event = { 0 };

	return OK(epoll_wait(set, &event, 1, ms)) ? event.events : 0;
}

static int inq(int fd)
{
	int n = -1;

	OK(ioctl(fd, FIONREAD, &n));
	return n;
}

/* Three records that are there, opened by nobody, and whose event has been taken. */
static int three_records(struct record *r)
{
	int set = edge_new(r->fd);

	net_pattern(big, sizeof(big), 5);
	for (int i = 0; i < 3; i++)
		peer_send_data(r->p, big + 1000 * i, 1000);
	harness_nap(100);
	while (edge_wait(set, 50))
		;
	return set;
}

/* nginx reads as much as FIONREAD says, or more, and then waits for the next event. */
static void read_as_told(struct record *r, int set, size_t more)
{
	size_t done = 0;

	for (;;) {
		size_t want = inq(r->fd) + more, room = sizeof(back) - done;
		ssize_t n = OK(recv(r->fd, back + done, want < room ? want : room, MSG_DONTWAIT));

		done += n;
		if (done == sizeof(back))
			break;
		ASSERT_EQ(EPOLLIN, edge_wait(set, 2000));
	}
	EXPECT_MEMEQ(big, back, sizeof(big));
	EXPECT_EQ(0, edge_wait(set, 50));
}

TEST_F(both, edge_behind_what_fionread_told)
{
	read_as_told(&self->r, three_records(&self->r), 0);
}

TEST_F(both, edge_behind_more_than_fionread_told)
{
	read_as_told(&self->r, three_records(&self->r), 300);
}

/* As much as FIONREAD told, or all that came in one call, goes to a pipe. */
static void splice_as_told(struct record *r, int set, size_t more)
{
	size_t done = 0;
	int pipes[2];
	ssize_t n;

	OK(pipe(pipes));
	for (;;) {
		n = OK(splice(r->fd, NULL, pipes[1], NULL, inq(r->fd) + more, SPLICE_F_NONBLOCK));
		net_read(pipes[0], back + done, n);
		done += n;
		if (done == sizeof(back))
			break;
		ASSERT_EQ(EPOLLIN, edge_wait(set, 2000));
	}
	EXPECT_MEMEQ(big, back, sizeof(big));
	EXPECT_EQ(0, edge_wait(set, 50));
	close(pipes[0]);
	close(pipes[1]);
}

TEST_F(both, edge_behind_what_fionread_told_splice)
{
	splice_as_told(&self->r, three_records(&self->r), 0);
}

/* A pipe that is full, not a socket that is empty: no event, as with TCP. */
TEST_F(both, no_edge_for_a_full_pipe)
{
	int set = three_records(&self->r), pipes[2];

	OK(pipe(pipes));
	OK(fcntl(pipes[1], F_SETPIPE_SZ, 4096));
	EXPECT_EQ(1000, splice(self->r.fd, NULL, pipes[1], NULL, 3000, SPLICE_F_NONBLOCK));
	EXPECT_EQ(0, edge_wait(set, 50));
	close(pipes[0]);
	close(pipes[1]);
}

/* What was told was all there is: no event without data. */
TEST_F(both, no_edge_behind_the_last_byte)
{
	int set = three_records(&self->r);

	EXPECT_EQ(3000, recv(self->r.fd, back, sizeof(back), MSG_PEEK | MSG_DONTWAIT));
	EXPECT_EQ(3000, inq(self->r.fd));
	EXPECT_EQ(3000, recv(self->r.fd, back, sizeof(back), MSG_DONTWAIT));
	EXPECT_EQ(0, edge_wait(set, 50));
	peer_send_data(self->r.p, big, 1);
	EXPECT_EQ(EPOLLIN, edge_wait(set, 2000));
}

/* A close_notify without FIN that came with the data: a short read must not hide it. */
TEST_F(both, edge_for_an_end_behind_a_short_read)
{
	int set = edge_new(self->r.fd);

	peer_send_data(self->r.p, big, 100);
	peer_send_close(self->r.p);
	harness_nap(100);
	while (edge_wait(set, 50))
		;
	EXPECT_EQ(100, recv(self->r.fd, back, sizeof(back), MSG_DONTWAIT));
	EXPECT_EQ(EPOLLIN | EPOLLRDHUP, edge_wait(set, 2000));
	EXPECT_EQ(0, recv(self->r.fd, back, 1, MSG_DONTWAIT));
}
