// SPDX-License-Identifier: GPL-2.0-or-later
/* A sender without room in TCP's buffer: it sleeps, and what wakes it. */
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/time.h>

#include "lib/record.h"

static uint8_t big[1 << 19], back[1 << 19];

/* Fills TCP's buffer until nothing more fits for a while; returns how many bytes that took.
 * Data in flight has to arrive first, which can make room, though too little for POLLOUT. A
 * segment larger than the rest of the window is split only after TCP's probe timer, 200 ms.
 */
static size_t fill(struct record *r)
{
	size_t sent = 0, before;

	net_pattern(big, sizeof(big), 11);
	OK(setsockopt(r->fd, SOL_SOCKET, SO_SNDBUF, &(int){ 4096 }, sizeof(int)));
	do {
		before = sent;
		sent += sock_fill(r->fd, big + sent, sizeof(big) / 2 - sent);
		ASSERT_LT(sent, sizeof(big) / 2);
		harness_nap(400);
	} while (sent != before || net_poll(r->fd, POLLOUT, 0));
	return sent;
}

static void expect_asleep(const struct job *j)
{
	harness_nap(100);
	EXPECT_FALSE(j->done);
}

/* The peer receives exactly those bytes, and the connection works. */
static void expect_stream(struct record *r, size_t len)
{
	peer_recv_data(r->p, back, len);
	EXPECT_MEMEQ(big, back, len);
	net_write(r->fd, "!", 1);
	peer_recv_data(r->p, back, 1);
	EXPECT_EQ('!', back[0]);
}

TEST_F(both, sleeps_until_there_is_room)
{
	size_t sent = fill(&self->r);
	struct transfer t;

	transfer_write(&t, self->r.fd, big + sent, 200000);
	expect_asleep(&t.job);
	peer_recv_data(self->r.p, back, sent + 200000);
	transfer_wait(&t, 10000);
	EXPECT_MEMEQ(big, back, sent + 200000);
}

static void *send_file(void *arg)
{
	struct transfer *t = arg;
	int file = OK(memfd_create("wait", MFD_CLOEXEC));
	off_t at = 0;

	ASSERT_EQ((ssize_t)t->len, write(file, t->buf, t->len));
	while ((size_t)at < t->len)
		OK(sendfile(t->fd, file, &at, t->len - at));
	close(file);
	return NULL;
}

TEST_F(both, sendfile_sleeps_until_there_is_room)
{
	size_t sent = fill(&self->r);
	struct transfer t = { .fd = self->r.fd, .buf = big + sent, .len = 200000 };

	job_run(&t.job, send_file, &t);
	expect_asleep(&t.job);
	peer_recv_data(self->r.p, back, sent + 200000);
	job_wait(&t.job, 10000);
	EXPECT_MEMEQ(big, back, sent + 200000);
}

/* SO_SNDTIMEO, socket(7): the number of bytes sent by then, or EAGAIN. */
TEST_F(both, send_timeout)
{
	struct timeval tv = { 0, 300000 };
	size_t sent = fill(&self->r);
	double start;

	OK(setsockopt(self->r.fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
	start = harness_now();
	FAILS(EAGAIN, send(self->r.fd, big + sent, 1000, 0));
	EXPECT_GE((harness_now() - start) * 1000, 290);
	expect_stream(&self->r, sent);
}

static void on_signal(int signo)
{
	(void)signo;
}

TEST_F(both, a_signal_wakes_the_sender)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct itimerval again = { { 0, 50000 }, { 0, 50000 } }, never = { 0 };
	size_t sent = fill(&self->r);

	OK(sigaction(SIGALRM, &sa, NULL));
	OK(setitimer(ITIMER_REAL, &again, NULL));
	FAILS(EINTR, send(self->r.fd, big + sent, 1000, 0));
	/* SA_RESTART does not restart a call with a time-out */
	OK(setsockopt(self->r.fd, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){ 9, 0 },
		      sizeof(struct timeval)));
	sa.sa_flags = SA_RESTART;
	OK(sigaction(SIGALRM, &sa, NULL));
	FAILS(EINTR, send(self->r.fd, big + sent, 1000, 0));
	OK(setitimer(ITIMER_REAL, &never, NULL));
	expect_stream(&self->r, sent);
}

struct sender {
	struct job	job;
	int		fd;
	ssize_t		ret;
	int		err;
};

static void *send_once(void *arg)
{
	struct sender *s = arg;

	s->ret = send(s->fd, big, 1000, MSG_NOSIGNAL);
	s->err = errno;
	return NULL;
}

TEST_F(both, shutdown_wakes_the_sender)
{
	struct sender s = { .fd = self->r.fd };
	size_t sent = fill(&self->r);

	job_run(&s.job, send_once, &s);
	expect_asleep(&s.job);
	OK(shutdown(self->r.fd, SHUT_WR));
	job_wait(&s.job, 5000);
	EXPECT_EQ(-1, s.ret);
	EXPECT_ERRNO(EPIPE, s.err);
	peer_recv_data(self->r.p, back, sent);
	EXPECT_MEMEQ(big, back, sent);
	peer_expect_alert(self->r.p, 0);
}

TEST_F(both, a_reset_wakes_the_sender)
{
	struct sender s = { .fd = self->r.fd };

	fill(&self->r);
	job_run(&s.job, send_once, &s);
	expect_asleep(&s.job);
	net_rst(self->r.p->fd);
	self->r.p->fd = -1;
	job_wait(&s.job, 5000);
	EXPECT_EQ(-1, s.ret);
	EXPECT_ERRNO(ECONNRESET, s.err);
}

/* A fatal error while receiving wakes the sender. */
TEST_F(both, a_bad_record_wakes_the_sender)
{
	struct sender s = { .fd = self->r.fd };
	uint8_t record[200];
	size_t len;

	fill(&self->r);
	job_run(&s.job, send_once, &s);
	expect_asleep(&s.job);
	len = peer_seal(self->r.p, CT_DATA, "x", 1, record);
	record[len - 1] ^= 1;
	peer_send_raw(self->r.p, record, len);
	FAILS(EBADMSG, recv(self->r.fd, back, 1, 0));
	job_wait(&s.job, 5000);
	EXPECT_EQ(-1, s.ret);
	EXPECT_ERRNO(EPIPE, s.err);
}
