// SPDX-License-Identifier: GPL-2.0-or-later
/* Control records are processed while nobody reads, no call processes them without end, and
 * poll() does not wait for a reader.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "lib/record.h"

enum {
	FLOOD	= 20000,
	BATCH	= 256,	/* KTLS_RX_BATCH: how many a call processes */
};

static uint8_t big[1 << 16], back[1 << 16], wire[FLOOD * 64];

static void large_buffer(int fd)
{
	int size = 4 << 20;

	OK(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)));
}

/* The smallest NewSessionTickets there are. Returns their length on the wire. */
static size_t seal_tickets(struct peer *p, size_t n)
{
	static const uint8_t ticket[] = {
		4, 0, 0, 14, 0, 0, 0x1c, 0x20, 1, 2, 3, 4, 0, 0, 1, 7, 0, 0,
	};
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += peer_seal(p, CT_HANDSHAKE, ticket, sizeof(ticket), wire + len);
	ASSERT_LE(len, sizeof(wire));
	return len;
}

/* --- consumed when they come --- */

TEST_F(tls13_client, an_idle_client_keeps_no_tickets_queued)
{
	struct peer *p = self->r.p;
	uint64_t records;

	peer_send_ticket(p);
	peer_send_ticket(p);
	EVENTUALLY(net_recv_queue(self->r.fd) == 0, 3000);
	EXPECT_EQ(2, net_mib("TicketsDropped") + net_mib("TicketsPassed"));
	/* after data too, in any number */
	peer_send_data(p, "x", 1);
	net_read(self->r.fd, back, 1);
	peer_send_raw(p, wire, seal_tickets(p, 1000));
	EVENTUALLY(net_recv_queue(self->r.fd) == 0, 5000);
	/* data stay in TCP's queue, except for the record that was opened to see that it is
	 * data
	 */
	net_pattern(big, 30000, 51);
	records = sock_info(self->r.fd).rx_records;
	for (size_t at = 0; at < 30000; at += 3000)
		peer_send(p, CT_DATA, big + at, 3000);
	harness_nap(500);
	EXPECT_LE(sock_info(self->r.fd).rx_records, records + 1);
	EXPECT_GE(net_recv_queue(self->r.fd), 27000);
	net_read(self->r.fd, back, 30000);
	EXPECT_MEMEQ(big, back, 30000);
	FAILS(EAGAIN, recv(self->r.fd, back, 1, MSG_DONTWAIT));
}

/* A KeyUpdate that asks for one is answered though nobody reads or writes. */
TEST_F(tls13, an_idle_connection_answers_a_key_update)
{
	static const uint8_t ask[] = { 24, 0, 0, 1, 1 };
	struct peer *p = self->r.p;
	uint8_t type;

	peer_send(p, CT_HANDSHAKE, ask, sizeof(ask));
	tls_dir_update(&p->tx);
	OK(setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ 3 * harness_scale(), 0 },
		      sizeof(struct timeval)));
	ASSERT_EQ(5, peer_recv(p, &type, back, sizeof(back)));
	EXPECT_EQ(CT_HANDSHAKE, type);
	tls_dir_update(&p->rx);
	peer_send_data(p, "on", 2);
	net_read(self->r.fd, back, 2);
	net_write(self->r.fd, "it goes", 7);
	peer_recv_data(p, back, 7);
	EXPECT_MEMEQ("it goes", back, 7);
}

/* The end and a fatal alert wake poll(), and recv() reports them. */
TEST_F(both, what_was_consumed_is_reported)
{
	peer_send_data(self->r.p, "bye", 3);
	peer_send_close(self->r.p);
	harness_nap(300);
	EXPECT_TRUE(net_poll(self->r.fd, POLLIN, 2000) & POLLIN);
	net_read(self->r.fd, back, 3);
	EXPECT_EQ(0, recv(self->r.fd, back, 1, MSG_DONTWAIT));
}

/* --- no call processes them without end --- */

static ssize_t splice_some(int fd)
{
	static int pipes[2] = { -1, -1 };

	if (pipes[0] < 0)
		OK(pipe2(pipes, O_CLOEXEC | O_NONBLOCK));
	return splice(fd, NULL, pipes[1], NULL, 1000, SPLICE_F_NONBLOCK);
}

static ssize_t recv_some(int fd)
{
	return recv(fd, back, 1000, MSG_DONTWAIT);
}

static ssize_t peek_some(int fd)
{
	return recv(fd, back, 1000, MSG_DONTWAIT | MSG_PEEK);
}

/* The smallest number of records that were processed during a call, not counting calls that
 * found none. In other calls the work of the idle connection processed a part of them.
 */
static uint64_t least_records(struct record *r, ssize_t (*call)(int fd))
{
	uint64_t end = sock_info(r->fd).rx_records + FLOOD, least = FLOOD, before, after;
	int queued;

	net_write(r->p->fd, wire, seal_tickets(r->p, FLOOD));
	EVENTUALLY(!ioctl(r->p->fd, TIOCOUTQ, &queued) && !queued, 10000);
	do {
		before = sock_info(r->fd).rx_records;
		FAILS(EAGAIN, call(r->fd));
		after = sock_info(r->fd).rx_records;
		if (after != before && after - before < least)
			least = after - before;
	} while (after != end);
	return least;
}

TEST_F_TIMEOUT(tls13_client, no_call_deals_with_a_flood_of_tickets, 60)
{
	ssize_t (*const calls[])(int fd) = { recv_some, peek_some, splice_some };
	uint64_t least;

	self->r.e.prepare = large_buffer;
	record_reopen(&self->r, 0);
	/* TCP's window grows with what is read: afterwards it has room for all of them. */
	least_records(&self->r, recv_some);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		/* If this process had to wait, that work may have done all of it in one. */
		for (int tries = 0; tries < 5; tries++) {
			least = least_records(&self->r, calls[i]);
			if (least <= BATCH)
				break;
		}
		harness_note("%llu of %u", (unsigned long long)least, FLOOD);
		EXPECT_LE(least, BATCH);
	}
	peer_send_data(self->r.p, "x", 1);
	EXPECT_EQ(POLLIN, net_poll(self->r.fd, POLLIN, 5000));
	EXPECT_EQ(1, recv_some(self->r.fd));
}

/* A blocking call goes on after each batch, until SO_RCVTIMEO. */
TEST_F_TIMEOUT(tls13_client, data_behind_a_flood_of_tickets, 60)
{
	struct transfer t;
	size_t len;

	transfer_read(&t, self->r.fd, back, 4);
	len = seal_tickets(self->r.p, 3000);
	net_write(self->r.p->fd, wire, len);
	peer_send_data(self->r.p, "data", 4);
	transfer_wait(&t, 10000);
	EXPECT_MEMEQ("data", back, 4);
}

/* --- poll() does not wait for a reader --- */

/* A page (userfaultfd) whose first use stops the thread, in the kernel too, until it is
 * released.
 */
struct trap {
	int	fd;
	uint8_t	*page;
};

static void trap_set(struct trap *t, size_t len)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	t->fd = OK(syscall(__NR_userfaultfd, O_CLOEXEC));
	OK(ioctl(t->fd, UFFDIO_API, &api));
	t->page = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(t->page != MAP_FAILED);
	reg.range = (struct uffdio_range){ (uintptr_t)t->page, len };
	OK(ioctl(t->fd, UFFDIO_REGISTER, &reg));
}

static void trap_wait(struct trap *t)
{
	struct uffd_msg msg;

	ASSERT_EQ(sizeof(msg), read(t->fd, &msg, sizeof(msg)));
	EXPECT_EQ(UFFD_EVENT_PAGEFAULT, msg.event);
}

static void trap_open(struct trap *t, size_t len)
{
	struct uffdio_zeropage zero = { .range = { (uintptr_t)t->page, len } };

	OK(ioctl(t->fd, UFFDIO_ZEROPAGE, &zero));
}

/* For ever: its next use is EFAULT, and so is the one that waits. */
static void trap_remove(struct trap *t, size_t len)
{
	OK(munmap(t->page, len));
	OK(close(t->fd));
}

struct poller {
	struct job	job;
	int		epoll, events;
};

static void *poll_once(void *arg)
{
	struct poller *p = arg;
	struct epoll_event ev = { 0 };

	p->events = epoll_wait(p->epoll, &ev, 1, 0) ? ev.events : 0;
	return NULL;
}

/* A reader that faults on its buffer holds the socket lock meanwhile. TCP's poll() does not
 * wait for the lock, and ours must not: it would stop an event loop with all its sockets.
 */
static void poll_beside_reader(struct record *r, size_t size)
{
	struct poller p = { .epoll = OK(epoll_create1(EPOLL_CLOEXEC)) };
	struct epoll_event ev = { .events = EPOLLIN };
	struct transfer t;
	struct trap trap;
	size_t len;

	net_pattern(big, 2 * size, 52);
	trap_set(&trap, size);
	OK(epoll_ctl(p.epoll, EPOLL_CTL_ADD, r->fd, &ev));
	len = peer_seal(r->p, CT_DATA, big, size, wire);
	len += peer_seal(r->p, CT_DATA, big + size, size, wire + len);
	/* the second one is what the event loop waits for */
	transfer_read(&t, r->fd, trap.page, size);
	peer_send_raw(r->p, wire, len);
	trap_wait(&trap);

	/* poll() knows that data is there if the record was opened before */
	job_run(&p.job, poll_once, &p);
	job_wait(&p.job, 2000);
	EXPECT_FALSE(t.job.done);
	trap_open(&trap, size);
	transfer_wait(&t, 5000);
	EXPECT_MEMEQ(big, trap.page, size);
	ASSERT_EQ(1, epoll_wait(p.epoll, &ev, 1, 5000 * harness_scale()));
	EXPECT_EQ(EPOLLIN, ev.events);
	ASSERT_EQ(size, recv(r->fd, back, sizeof(back), MSG_DONTWAIT));
	EXPECT_MEMEQ(big + size, back, size);
	close(p.epoll);
}

TEST_F(both, poll_does_not_wait_for_a_reader)
{
	poll_beside_reader(&self->r, 4096);
}

/* The same where the kernel pins the reader's pages. */
TEST_F(both, poll_does_not_wait_for_a_reader_of_much)
{
	poll_beside_reader(&self->r, 8192);
}

static void *read_page(void *arg)
{
	struct transfer *t = arg;

	FAILS(EFAULT, read(t->fd, t->buf, t->len));
	return NULL;
}

static void *poll_long(void *arg)
{
	struct poller *p = arg;
	struct epoll_event ev = { 0 };

	p->events = epoll_wait(p->epoll, &ev, 1, 5000 * harness_scale()) ? ev.events : 0;
	return NULL;
}

/* A record that the reader was about to get is no data for poll(), which sleeps; then the
 * reader's memory is gone. The receive buffer is small, so TCP has nothing of it either.
 */
TEST_F(both, poll_is_woken_where_a_reader_fails)
{
	struct poller p = { .epoll = OK(epoll_create1(EPOLL_CLOEXEC)) };
	struct epoll_event ev = { .events = EPOLLIN };
	const size_t size = 4096;
	struct transfer t;
	struct trap trap;

	record_reopen(&self->r, 4096);
	trap_set(&trap, size);
	t = (struct transfer){ .fd = self->r.fd, .buf = trap.page, .len = size };
	job_run(&t.job, read_page, &t);
	net_pattern(big, size, 53);
	peer_send_data(self->r.p, big, size);
	trap_wait(&trap);

	OK(epoll_ctl(p.epoll, EPOLL_CTL_ADD, self->r.fd, &ev));
	job_run(&p.job, poll_long, &p);
	harness_nap(50);
	EXPECT_FALSE(p.job.done);
	EXPECT_FALSE(t.job.done);
	trap_remove(&trap, size);
	job_wait(&t.job, 2000);
	job_wait(&p.job, 2000);
	EXPECT_EQ(EPOLLIN, p.events);
	ASSERT_EQ(size, recv(self->r.fd, back, sizeof(back), MSG_DONTWAIT));
	EXPECT_MEMEQ(big, back, size);
	close(p.epoll);
}
